"""Serving the application from a thread of its own."""

import asyncio
import socket
import threading

import uvicorn
from starlette.applications import Starlette

from meterwatch.core.errors import Unavailable

_STOP_S = 5.0


class Server:
    """An HTTP server on one address, from ``start`` to ``stop``."""

    def __init__(self, app: Starlette, address: str) -> None:
        self._address = address
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    def start(self) -> str:
        """Listen and serve; return the address that is listened on. Raises Unavailable if it can't be had."""
        host, _, port = self._address.rpartition(":")
        host = host.strip("[]")
        try:
            self._socket = socket.create_server(
                (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, reuse_port=False
            )
        except OSError as problem:
            raise Unavailable(f"http {self._address}: {problem.strerror}") from problem
        self._thread = threading.Thread(target=self._run, args=(self._socket,), name="desk.http", daemon=True)
        self._thread.start()
        return f"{host}:{self._socket.getsockname()[1]}"

    def _run(self, listening: socket.socket) -> None:
        asyncio.run(self._server.serve([listening]))

    def stop(self) -> None:
        """Answer what is being asked, then stop listening."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if self._socket is not None:
            self._socket.close()
