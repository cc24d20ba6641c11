"""TiPg, a server of features and tiles, over the same database as ours: the peer of what we serve.

`pip install tipg uvicorn` into an environment of its own, whose interpreter TIPG_PYTHON names; without it there is no
peer, and rows say so.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from gridmgmt.database.engine import database_url
from gridmgmt.settings import Settings

PEER, HOST = "TiPg", "127.0.0.1"


@contextmanager
def tipg(settings: Settings) -> Iterator[int | None]:
    """TiPg over the same database in a process of its own; gives its port, None where it is not to be had."""
    python = os.environ.get("TIPG_PYTHON")
    if python is None:
        yield None
        return
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    command = [python, "-m", "uvicorn", "tipg.main:app", "--host", HOST, "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, env=_environment(settings))
    try:
        for _ in range(300):
            with socket.socket() as asked:
                if asked.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """Where the database is, as TiPg reads it."""
    address = urlsplit(database_url(settings))
    folder = dict(parse_qsl(address.query)).get("host", "")
    url = (
        urlunsplit(address._replace(netloc=f"{address.username}@{quote(folder, safe='')}", query="")) if folder else ""
    )
    return {
        "DATABASE_URL": url or database_url(settings),
        "TIPG_DB_TABLES": '["public.grid"]',
        "PATH": os.environ["PATH"],
    }
