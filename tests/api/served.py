"""`gridmgmt serve` with routes that take as long as they are told: ``python -m tests.api.served --port 8000 …``.

Workers import this module too, as the one that was run.
"""

import sys
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from sqlalchemy import text

from api import main
from api.deps import Database
from api.kept import made_of
from api.signing import OPEN, verb
from gridmgmt.cli import main as command

_made = main.create_app
_open = verb(OPEN)
_router = APIRouter()
_kept = APIRouter(route_class=made_of())


@_router.get("/slow", openapi_extra=_open)
def slow(work: Database, seconds: float = 0.0) -> float:
    """Let the database sleep."""
    with work.snapshot() as connection:
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    return seconds


@_kept.get("/kept", openapi_extra=_open)
def kept(work: Database, seconds: Annotated[float, Query()]) -> float:
    """The same, once for all who ask."""
    return slow(work, seconds)


def with_routes(*given: object) -> FastAPI:
    """The application with these routes."""
    app = _made(*given)  # type: ignore[arg-type]
    app.include_router(_router)
    app.include_router(_kept)
    return app


if __name__ in ("__main__", "__mp_main__"):
    main.create_app = with_routes
if __name__ == "__main__":
    sys.argv = ["gridmgmt", "serve", *sys.argv[1:]]
    command()
