"""`gridmgmt serve`: the application, on this machine alone unless more is asked for and prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api import LOOPBACK
from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, command

app = typer.Typer(add_completion=False)


@command(app, "serve")
def serve(
    run: State,
    *,
    host: str = LOOPBACK[0],
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64)] = 1,
    no_worker: bool = False,
    behind_proxy: str | None = None,
    insecure_http: bool = False,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Shown:
    """Serve the start page, the API and its documentation (/docs); say the address when it is ready.

    Reached by other machines it wants an administrator, host names (GRIDMGMT_HOSTS), and a certificate, a proxy in
    front or --insecure-http.
    """
    from contextlib import nullcontext

    from api.standing import serving as standing
    from api.standing.job_worker import accompanied

    serving = standing.Serving(host, port, workers, behind_proxy, insecure_http, certificate, key)
    standing.check(serving, run.settings, lambda: run.work)
    run.close()
    ready = texts.word("serving", {"url": serving.url}, run.reader)
    line = standing.listen(serving)
    with nullcontext() if no_worker else accompanied(run.settings):
        standing.run(serving, run.settings, line, lambda: typer.echo(ready))
    yield from ()
