"""`gridmgmt serve`: the application on this machine's loopback address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api import LOOPBACK
from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, command
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    import uvicorn

app = typer.Typer(add_completion=False)


@command(app, "serve")
def serve(
    run: State,
    *,
    host: str = LOOPBACK[0],
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    no_worker: bool = False,
) -> Shown:
    """Serve the start page, the API and its documentation (/docs), read-only; say the address when it is ready."""
    from contextlib import nullcontext

    from gridmgmt.jobs.operations import workers

    if host not in LOOPBACK:  # other machines could reach it, and there is no access control yet
        raise OptionInvalid(name="--host", value=host, expected=" / ".join(LOOPBACK))
    if _is_taken(host, port):
        raise OptionInvalid(name="--port", value=port, expected=texts.expected("free_port"))
    with nullcontext() if no_worker else workers.accompanied(run.settings):
        _server(run, host, port).run()
    yield from ()


def _is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there already; uvicorn would say it in words of its own."""
    import socket

    with socket.socket() as asked:
        return asked.connect_ex((host, port)) == 0


def _server(run: State, host: str, port: int) -> uvicorn.Server:
    """A server that says its address once it answers there, and not before."""
    import socket

    import uvicorn

    from api.main import create_app

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                typer.echo(texts.word("serving", {"url": f"http://{host}:{port}"}, run.reader))

    return Announcing(uvicorn.Config(create_app(run.settings), host=host, port=port, log_level="warning"))
