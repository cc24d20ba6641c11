"""The application in a server process's thread, at an address that other people's clients can reach."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from api.main import create_app
from gridmgmt.settings import Settings


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def served(settings: Settings, port: int | None = None, log_level: str = "warning") -> Iterator[str]:
    """Serve while the block runs; gives the address."""
    chosen = port or free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=chosen, log_level=log_level))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.02)
        yield f"http://127.0.0.1:{chosen}"
    finally:
        server.should_exit = True
        thread.join()
