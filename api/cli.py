"""`gridmgmt serve`: the application on this machine's loopback address."""

from typing import Annotated

import typer
import uvicorn

from api.main import LOOPBACK, create_app
from gridmgmt.cli.base import state
from gridmgmt.errors import OptionInvalid

app = typer.Typer()


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="127.0.0.1 or localhost; other hosts need access control first.")
    ] = LOOPBACK[0],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """本机服务 · Serve the start page, the API and its documentation (/docs), read-only.

    Example: `gridmgmt serve --port 8000`
    """
    if host not in LOOPBACK:  # other machines could reach it, and there is no access control yet
        raise OptionInvalid(name="--host", value=host, expected=" / ".join(LOOPBACK))
    uvicorn.run(create_app(state(context).settings), host=host, port=port, log_level="warning")
