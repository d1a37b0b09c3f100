"""A message platform on loopback: a real HTTP server that keeps what it was posted and answers as told."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Posted:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Platform:
    """Answers ``status`` and ``answer``; with ``silent`` set it takes a request and never answers."""

    status: int = 200
    answer: bytes = b"{}"
    silent: bool = False
    posted: list[Posted] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.block_on_close = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/send"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                platform.posted.append(Posted(self.path, dict(self.headers), body))
                if platform.silent:
                    platform.over.wait(30)
                    return
                self.send_response(platform.status)
                self.send_header("Content-Length", str(len(platform.answer)))
                self.end_headers()
                self.wfile.write(platform.answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                """Stay quiet."""

        return Handler
