"""What a request asks for besides its address: a language, a form."""

import re

from fastapi import Request

from gridmgmt.texts import LANGUAGES

TYPES = {
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "html": "text/html",
    "svg": "image/svg+xml",
    "geojson": "application/geo+json",
    "schema": "application/schema+json",
}
_FORMS = {kind: form for form, kind in TYPES.items()}


def wanted_language(request: Request) -> str | None:
    """The language that ``?lang=`` asks for, else the first of Accept-Language that we speak; None: no wish."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    wishes = []
    for part in request.headers.get("accept-language", "").split(","):
        name, _, weight = part.strip().partition(";q=")
        wishes.append((-float(weight) if re.fullmatch(r"[01](\.\d*)?", weight) else -1.0, name[:2].lower()))
    return next((name for weight, name in sorted(wishes, key=lambda w: w[0]) if name in LANGUAGES and weight), None)


def forms(request: Request) -> tuple[str, ...]:
    """The forms that Accept names, in its order."""
    named = (part.split(";")[0].strip() for part in request.headers.get("accept", "").split(","))
    return tuple(_FORMS[kind] for kind in named if kind in _FORMS)


def accepted(request: Request, among: tuple[str, ...]) -> str:
    """The form that Accept names first among those there are, json if it names none of them."""
    return next((form for form in forms(request) if form in among), "json")
