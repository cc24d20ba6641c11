"""A server as `gridmgmt serve` runs it, in a thread of the test or in a process of its own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from api.standing import serving
from gridmgmt.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LATE_S = 60
"""What has not come to pass by then never will; nothing is measured by it."""

HERE = serving.Serving("127.0.0.1", 0)


@dataclass
class Server:
    """Where it answers, and what it wrote."""

    port: int
    process: subprocess.Popen[bytes] | None = None
    lines: list[str] = field(default_factory=list)

    def get(self, path: str, timeout: float = 60, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        """One question on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as line:
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()

    def end(self, how: int = signal.SIGTERM) -> int:
        """End the process, and wait until it has ended."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def running(settings: Settings, told: serving.Serving = HERE) -> Iterator[Server]:
    """A server in a thread of this process."""
    ready = threading.Event()
    server = serving.server(told, settings, ready.set)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not ready.wait(0.02) and thread.is_alive():
        pass
    yield Server(int(server.servers[0].sockets[0].getsockname()[1]))
    server.should_exit = True
    thread.join()


@contextmanager
def process(settings: Settings, *options: str, **variables: str) -> Iterator[Server]:
    """The command in a process of its own, with options and variables; ended at the end if it still runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
    env |= {"GRIDMGMT_HOME": str(settings.home), "GRIDMGMT_DB": settings.db, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "tests.api.served", "--port", str(port), *options]
    made = Server(port, subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    reading = threading.Thread(target=_read, args=(made,))
    reading.start()
    try:
        until(lambda: made.process.poll() is not None or any("http" in line for line in made.lines))
        yield made
    finally:
        if made.process.poll() is None:
            made.end()
        reading.join()


def _read(made: Server) -> None:
    assert made.process is not None
    assert made.process.stdout is not None
    with made.process.stdout as written:
        for line in written:
            made.lines.append(line.decode())


def ask(port: int, path: str, n: int = 1) -> list[socket.socket]:
    """Connections on which something was asked, and whose answers nobody reads yet."""
    lines = [socket.create_connection(("127.0.0.1", port), timeout=LATE_S) for _ in range(n)]
    for line in lines:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return lines


def sleeping(connection: psycopg.Connection) -> int:
    """How many statements are asleep in the database."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    found = connection.execute(asked).fetchone()
    assert found is not None
    return int(found[0])


def until(there_is: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + LATE_S
    while not there_is():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_refused(port: int) -> bool:
    """Whether nobody is let in at a port."""
    with suppress(ConnectionResetError), socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) != 0
    return False
