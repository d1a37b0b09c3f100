"""The HTTP application: provider callbacks, metrics, health. Every route says what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from desk.callbacks import ReceiptDesk


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is. ``alive`` False means it should be restarted; ``problems`` by role keep it from being ready."""

    alive: bool
    problems: Mapping[str, Sequence[str]]

    @property
    def ready(self) -> bool:
        """Whether every role can do its work."""
        return self.alive and not any(self.problems.values())


def create_app(health: Callable[[], Health], receipts: ReceiptDesk | None) -> Starlette:
    """Return the application of one process; ``receipts`` only where the role ``desk`` runs."""

    def healthz(_request: Request) -> Response:
        """Answer 200 while the process does its steps, 503 when it should be restarted."""
        alive = health().alive
        return PlainTextResponse("ok\n" if alive else "not alive\n", 200 if alive else 503)

    def readyz(_request: Request) -> Response:
        """Answer 200 when every role can do its work, else 503, with what keeps them from it."""
        found = health()
        body = {"ready": found.ready, "problems": {role: list(texts) for role, texts in found.problems.items()}}
        return JSONResponse(body, 200 if found.ready else 503)

    def metrics(_request: Request) -> Response:
        """Answer the metrics of this process in Prometheus' text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if receipts is not None:
        routes.append(Route("/api/v1/receipts/{channel}", receipts.post, methods=["POST"]))
    return Starlette(routes=routes)
