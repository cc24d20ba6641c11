"""/sign-in: the page on which people sign in (登录页)."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from api.deps import Ask, Database, Language
from api.pages.start import PREFIX, environment
from api.signing import OPEN, verb
from gridmgmt.access.operations import users
from gridmgmt.errors import CityMissing
from gridmgmt.people.operations import reference
from gridmgmt.texts import word

router = APIRouter()


class AskSignIn(Ask):
    """Where to go on afterwards."""

    next: str = Field("/", max_length=2_000)


@router.get("/sign-in", include_in_schema=False, openapi_extra=verb(OPEN))
def sign_in(ask: Annotated[AskSignIn, Query()], work: Database, lang: Language) -> HTMLResponse:
    """The form for name and password; it says what to run where there is no administrator yet."""
    try:
        city = reference.load_city(work).name(lang)
    except CityMissing:
        city = ""
    html = environment().get_template("sign_in.html").render(
        lang=lang,
        city=city,
        next=ask.next if ask.next.startswith("/") and not ask.next.startswith(("//", "/\\")) else "/",
        is_ready=users.has_administrator(work),
        t=lambda code, **facts: word(PREFIX + code, facts, lang),
    )  # fmt: skip
    return HTMLResponse(html, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})
