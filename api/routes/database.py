"""/healthz: whether the application and its database answer."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Ask, Database
from api.schemas import Health, Problem
from api.signing import OPEN, verb
from gridmgmt import __version__

router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    responses={503: {"model": Problem, "description": "The database does not answer"}},
    openapi_extra=verb(OPEN),
)
def healthz(ask: Annotated[Ask, Query()], work: Database) -> Health:
    """Answer 200 if the database answers with the tables of this release, else 503 with the reason."""
    work.ready()
    return Health(version=__version__)
