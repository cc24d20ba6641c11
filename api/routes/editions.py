"""/v1/editions: the editions of the grids in order of time."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Ask, Database
from api.schemas import Edition
from gridmgmt.places.operations import editions as operations

router = APIRouter(prefix="/v1", tags=["grids"])


@router.get("/editions")
def editions(ask: Annotated[Ask, Query()], work: Database) -> list[Edition]:
    """Every edition: when it is valid, and what it was loaded from."""
    return [Edition.model_validate(operations.as_json(e)) for e in operations.list_editions(work)]
