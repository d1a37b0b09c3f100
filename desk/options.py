"""Where the desk listens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeskOptions:
    """HTTP addresses, ``host:port``. Loopback only until access is configured."""

    listen: str = "127.0.0.1:8080"
    """Callbacks, metrics and health of the role ``desk``, or of all roles in one process."""
    engine_listen: str = "127.0.0.1:8081"
    """Metrics and health of the role ``engine`` in a process of its own."""
    notify_listen: str = "127.0.0.1:8082"
    """Metrics and health of the role ``notify`` in a process of its own."""

    def __post_init__(self) -> None:
        for address in (self.listen, self.engine_listen, self.notify_listen):
            host, _, port = address.rpartition(":")
            if host not in ("127.0.0.1", "localhost", "[::1]"):
                raise ValueError(f"{address}: only loopback (127.0.0.1:PORT) is allowed until access is configured")
            if not port.isdigit() or int(port) > 65535:
                raise ValueError(f"{address}: write host:port, e.g. 127.0.0.1:8080")
