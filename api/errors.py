"""Errors as answers: one table from error to status, and RFC 9457 problem details worded for the reader."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from api import open311
from api.deps import language
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


def status_of(error: type[GridmgmtError]) -> int:
    """The status of an error's type."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem(
    request: Request,
    status: int,
    code: str,
    facts: Mapping[str, Any],
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document (RFC 9457), worded in the reader's language; of Open311 in its own form.

    Besides the standard's members it carries ``code`` and ``facts``, from
    which a program can word it anew, and ``errors``, one for each parameter.
    """
    lang = language(request)
    if (form := open311.form_asked(request)) is not None:
        return open311.faults(form, status, [e["detail"] for e in errors] or [word(code, facts, lang)], lang)
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
    return JSONResponse(body, status, {**(headers or {}), "Content-Language": lang}, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the application in this one form."""
    app.add_exception_handler(GridmgmtError, _platform)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _unexpected)


def _platform(request: Request, error: GridmgmtError) -> Response:
    headers = {}
    if isinstance(error, SignInNeeded):
        if _is_page(request):
            back = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
            return RedirectResponse(f"/sign-in?next={back}", 303)
        headers["WWW-Authenticate"] = 'Bearer realm="gridmgmt"'
    if isinstance(error, SignInLocked):
        headers["Retry-After"] = str(error.wait_s)
    return problem(request, status_of(type(error)), error.code, error.facts, headers=headers)


def _is_page(request: Request) -> bool:
    """Whether somebody sits before a browser and asks for a page."""
    wants_html = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_html and not request.url.path.startswith(("/v1/", open311.PREFIX))


def _invalid(request: Request, error: RequestValidationError) -> Response:
    lang = language(request)
    found = [_wrong_parameter(e, lang) for e in error.errors()]
    return problem(request, 422, "request_invalid", {"parameters": [e["parameter"] for e in found]}, found)


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
    code = {404: "path_unknown", 405: "method_unknown"}.get(error.status_code, "http_error")
    facts = {"path": request.url.path, "method": request.method, "reason": HTTPStatus(error.status_code).phrase}
    return problem(request, error.status_code, code, facts, headers=error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: nothing of its inside is told; the log has it."""
    return problem(request, 500, "unexpected", {})
