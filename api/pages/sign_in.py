"""/sign-in: the page on which people sign in (登录页)."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from api.deps import Ask, Database, Language
from api.pages.start import PREFIX, environment
from api.signing import OPEN, verb
from gridmgmt.access.operations import users
from gridmgmt.database.work import Work
from gridmgmt.errors import CityMissing
from gridmgmt.people.operations import reference
from gridmgmt.texts import word

router = APIRouter()


class AskSignIn(Ask):
    """Where to go on afterwards."""

    next: str = Field("/", max_length=2_000)


def own_page(path: str) -> str:
    """Where to go on: a page of this application, or its start."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


@router.get("/sign-in", include_in_schema=False, openapi_extra=verb(OPEN))
def sign_in(ask: Annotated[AskSignIn, Query()], request: Request, work: Database, lang: Language) -> HTMLResponse:
    """The form for name and password; it says what to run where there is no administrator yet."""
    return page(request, work, lang, own_page(ask.next))


def page(request: Request, work: Work, lang: str, on: str, told: str | None = None, status: int = 200) -> HTMLResponse:
    """The page on which one signs in, with what was wrong before."""
    try:
        city = reference.load_city(work).name(lang)
    except CityMissing:
        city = ""
    has_provider = request.app.state.settings.oidc is not None
    html = environment().get_template("sign_in.html").render(
        lang=lang,
        city=city,
        next=on,
        provider=f"/oidc/login?next={quote(on, safe='')}" if has_provider else None,
        told=told,
        is_ready=users.has_administrator(work),
        t=lambda code, **facts: word(PREFIX + code, facts, lang),
    )  # fmt: skip
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})
