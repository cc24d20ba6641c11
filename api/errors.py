"""Errors as answers: one table from error to status, and RFC 9457 problem details worded for the reader."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from api import open311
from api.deps import known_language, language
from gridmgmt import bounds
from gridmgmt.errors import (
    AccessError,
    CaseChanged,
    CityMissing,
    ConflictError,
    GridmgmtError,
    InputError,
    NotFoundError,
    SignInLocked,
    SignInNeeded,
    SignInRefused,
    UnavailableError,
)
from gridmgmt.texts import catalogue, word

_RETRY_S = 5
"""After so many seconds a reader may try again whom the server could not serve."""

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[GridmgmtError], int] = {
    GridmgmtError: 500,
    InputError: 422,
    NotFoundError: 404,
    CityMissing: 503,  # not the reader's mistake: nobody has set the city up yet
    ConflictError: 409,
    CaseChanged: 412,
    UnavailableError: 503,
    AccessError: 403,
    SignInNeeded: 401,
    SignInRefused: 401,
    SignInLocked: 429,
}
"""Error → status; an error that is not named here has its nearest ancestor's."""


class _Problem(JSONResponse):
    """A problem may repeat what was sent: half of a character, which no answer can hold, stands as a question mark."""

    def render(self, content: Any) -> bytes:
        """The document as bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def status_of(error: type[GridmgmtError]) -> int:
    """The status of an error's type."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def _told(request: Request, status: int) -> int:
    """The status by which a door says it: what is wrong in a request is 400 in the OGC API, 422 elsewhere."""
    return 400 if status == 422 and request.url.path.startswith("/ogc") else status


def problem(
    request: Request,
    status: int,
    code: str,
    facts: Mapping[str, Any],
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
    lang: str | None = None,
) -> Response:
    """A problem document (RFC 9457), worded in the reader's language; of Open311 in its own form.

    Besides the standard's members it carries ``code`` and ``facts``, from
    which a program can word it anew, and ``errors``, one for each parameter.
    """
    lang = lang or language(request)
    if (form := open311.form_asked(request)) is not None:
        return open311.faults(form, status, [e["detail"] for e in errors] or [word(code, facts, lang)], lang, headers)
    body = {
        "type": f"urn:gridmgmt:problem:{code}",
        "title": word(f"problem_{status}", lang=lang),
        "status": status,
        "detail": word(code, facts, lang),
        "instance": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "code": code,
        "facts": dict(facts),
    }
    if errors:
        body["errors"] = list(errors)
    return _Problem(body, status, {**(headers or {}), "Content-Language": lang}, MEDIA_TYPE)


def refusal(
    request: Request, status: int, code: str, facts: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """A problem that is told before any route is asked, without a look into the database."""
    return problem(request, status, code, facts, headers=headers, lang=known_language(request))


def install(app: FastAPI) -> None:
    """Answer every error of the application in this one form."""
    app.add_exception_handler(GridmgmtError, _platform)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _unexpected)


def _platform(request: Request, error: GridmgmtError) -> Response:
    status = status_of(type(error))
    if status == 409 and error.facts.get("value") in request.path_params.values():
        status = 404  # the unknown unit, category or person is what the address names
    headers = {"Retry-After": str(_RETRY_S)} if status == 503 else {}
    if isinstance(error, SignInNeeded):
        if _is_page(request):
            back = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
            return RedirectResponse(f"/sign-in?next={back}", 303)
        headers["WWW-Authenticate"] = 'Bearer realm="gridmgmt"'
    if isinstance(error, SignInLocked):
        headers["Retry-After"] = str(error.wait_s)
    lang = known_language(request) if isinstance(error, UnavailableError) else None
    return problem(request, _told(request, status), error.code, error.facts, headers=headers, lang=lang)


def _is_page(request: Request) -> bool:
    """Whether somebody sits before a browser and asks for a page."""
    wants_html = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_html and not request.url.path.startswith(("/v1/", open311.PREFIX))


def _invalid(request: Request, error: RequestValidationError) -> Response:
    lang = language(request)
    found = [_wrong_parameter(e, lang) for e in error.errors()]
    return problem(
        request, _told(request, 422), "request_invalid", {"parameters": [e["parameter"] for e in found]}, found
    )


def _wrong_parameter(error: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """One parameter that was missing, unknown or wrong, in our words where we have them."""
    *_, name = error["loc"]
    code = f"request_{error['type']}"
    called = f"parameter_{name}"
    shown = word(called, lang=lang) if called in catalogue() else str(name)
    facts = {"parameter": shown, "value": str(error.get("input", "")), **error.get("ctx", {})}
    facts = {k: v if isinstance(v, int | float) else str(v) for k, v in facts.items()}
    known = code in catalogue()
    return {
        "parameter": str(name),
        "in": str(error["loc"][0]),
        "code": code if known else "request_other",
        "detail": word(code, facts, lang) if known else word("request_other", {**facts, "reason": error["msg"]}, lang),
    }


def _http(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: unknown paths and methods."""
    code = {404: "path_unknown", 405: "method_unknown", 413: "request_too_large"}.get(error.status_code, "http_error")
    reason = HTTPStatus(error.status_code).phrase
    facts: dict[str, Any] = {"path": request.url.path, "method": request.method, "reason": reason}
    if error.status_code == 413:
        facts = {"most": bounds.most("request_mb"), "setting": "GRIDMGMT_MAX_REQUEST_MB"}
    return problem(request, error.status_code, code, facts, headers=error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: nothing of its inside is told; the log has it."""
    return problem(request, 500, "unexpected", {})
