"""/v1/people, /v1/posts and /v1/staffing: who holds which post, and whether there are enough."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, File, Query
from pydantic import AwareDatetime, BaseModel, Field

from api import handed
from api.deps import Ask, Database, Day
from api.once import OnceRoute
from api.routes.reference import Count, Table, TableToReopen
from api.schemas import Name
from api.signing import verb
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.operations import people
from gridmgmt.people.staffing import Post

router = APIRouter(prefix="/v1", tags=["staff"], route_class=OnceRoute)

_NAMED = 100


class PersonVersion(BaseModel):
    """What was said of a person from then on; ``name`` only where it is asked for."""

    code: str
    name: str | None = None
    valid_from: dt.date | None
    valid_to: dt.date | None
    known_at: dt.datetime
    actor: str | None


class _PostFacts(BaseModel):
    person_code: str
    unit_code: str
    role: str
    level: int | None
    grid_code: str | None
    is_full_time: bool
    valid_from: dt.date | None
    valid_to: dt.date | None


class PostRow(_PostFacts):
    """A post (岗位) on a day; ``name`` of who holds it only where it is asked for."""

    name: str | None = None


class PostVersion(_PostFacts):
    """What was said of a post from then on, and by whom."""

    known_at: dt.datetime
    actor: str | None


class PostsTold(BaseModel):
    """What a table of posts changed."""

    n_new: int
    n_changed: int


class AreaStaff(BaseModel):
    """What an area needs and has of a role."""

    level: int
    code: str
    role: str
    people: int = Field(description="So many people …")
    grids: int = Field(description="… for so many grids.")
    n_grids: int
    n_enterprise_grids: int
    needed: int
    rounded_up: bool
    have: int
    have_full_time: int
    short: int


class Staffing(BaseModel):
    """How many people a scheme demands for each area, how many there are, and how many are short (人员配置核查)."""

    scheme: Name
    edition: str
    on: dt.date
    areas: list[AreaStaff]
    unplaced: dict[str, int] = Field(description="Role → people who have no place in the edition.")


class AskNames(Ask):
    """Whether names, which are personal data, are told too."""

    names: bool = False


class AskPosts(AskNames):
    """The posts of which day."""

    on: Day
    role: str | None = Field(None, max_length=_NAMED)
    as_of: AwareDatetime | None = Field(None, description="As they were known then.")


class AskStaffing(Ask):
    """By which scheme, on which day."""

    scheme: str = Field(max_length=_NAMED)
    on: Day
    level: str | None = Field(None, max_length=_NAMED, description="Default: the scheme's.")


@router.post("/people", openapi_extra=verb("reference.write"))
def import_people(given: Annotated[Table, File()], ask: Annotated[Ask, Query()], work: Database) -> Count:
    """Import people: columns code, name; where there are any valid_from, valid_to."""
    with handed.file(given.file) as path:
        return Count(n=people.import_people(work, path))


@router.get("/people/{code}/history", response_model_exclude_unset=True, openapi_extra=verb("grids.read"))
def people_history(code: str, ask: Annotated[AskNames, Query()], work: Database) -> list[PersonVersion]:
    """What was ever said of a person (人员沿革): each row holds from when it was known until the next."""
    return [PersonVersion(**row) for row in people.past_of_people(work, code, names=ask.names)]


@router.get("/people/{code}/posts", openapi_extra=verb("grids.read"))
def posts_history(code: str, ask: Annotated[Ask, Query()], work: Database) -> list[PostVersion]:
    """What was ever said of a person's posts (岗位沿革)."""
    return [PostVersion(**row) for row in people.past_of_posts(work, code)]


@router.get("/posts", response_model_exclude_unset=True, openapi_extra=verb("grids.read"))
def posts(ask: Annotated[AskPosts, Query()], work: Database) -> list[PostRow]:
    """The posts held on a day, by person."""
    known = people.roles()
    if ask.role is not None and ask.role not in known:
        raise OptionInvalid(name="role", value=ask.role, expected=" / ".join(known))
    held = people.list_posts(work, ask.on, ask.role, names=ask.names, known_by=ask.as_of)
    return [PostRow(**_post(h.post) | ({"name": h.name} if ask.names else {})) for h in held]


def _post(post: Post) -> dict[str, Any]:
    return {name: getattr(post, name) for name in PostRow.model_fields if name != "name"}


@router.post("/posts", openapi_extra=verb("reference.write"))
def import_posts(given: Annotated[TableToReopen, File()], ask: Annotated[Ask, Query()], work: Database) -> PostsTold:
    """Import posts: columns person_code, unit_code, role; also level, grid_code, full_time, valid_from, valid_to."""
    with handed.file(given.file) as path:
        return PostsTold(**people.import_posts(work, path, reopen=given.reopen))


@router.get("/staffing", openapi_extra=verb("figures.read"))
def staffing(ask: Annotated[AskStaffing, Query()], work: Database) -> Staffing:
    """How many people a scheme demands for each area of a level, how many there are, and how many are short."""
    return Staffing.model_validate(people.check(work, ask.scheme, ask.on, ask.level).as_dict())
