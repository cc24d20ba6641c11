"""/open311/v2: GeoReport v2, as apps for citizens speak it: services, and cases as service requests."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from api import open311
from api.deps import Ask, Database, Language
from api.once import FormKeyRoute
from api.signing import verb
from gridmgmt.casework.open311 import Service
from gridmgmt.casework.operations import open311 as operations
from gridmgmt.casework.operations import photographs
from gridmgmt.casework.operations.open311 import MOST, Told, Wanted
from gridmgmt.errors import OptionInvalid
from gridmgmt.texts import expected, word

_MOST_FIELDS = 40


async def _key_of_form(request: Request) -> AsyncIterator[None]:
    """The key that an app puts into its form, where no other one is shown; the form's files are closed afterwards."""
    if request.method == "POST" and "authorization" not in request.headers and not hasattr(request.state, "api_key"):
        key = (await _form(request)).pop("api_key", None)
        if isinstance(key, str):
            request.state.api_key = key
    try:
        yield
    finally:
        await request.close()


class AskOpen311(Ask):
    """What every question may name; unknown parameters are refused."""

    jurisdiction_id: str | None = Field(None, max_length=64, description="The city's code; there is only this one.")


class AskRequests(AskOpen311):
    """Which requests; lists are written with commas. Without times: reported in the last 90 days."""

    service_request_id: str | None = Field(None, max_length=70_000, description="These, whatever else is asked.")
    service_code: str | None = Field(None, max_length=4_000)
    status: str | None = Field(None, pattern="^(open|closed)(,(open|closed))*$")
    start_date: str | None = Field(None, max_length=40, description="Reported from then on; a span of 90 days at most.")
    end_date: str | None = Field(None, max_length=40)
    updated_after: str | None = Field(None, max_length=40, description="Changed since, whenever they were reported.")
    updated_before: str | None = Field(None, max_length=40)
    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(MOST, ge=1, le=MOST)
    extensions: str | None = Field(None, max_length=10, description="Some apps send it; it changes nothing.")


class Report(BaseModel):
    """A citizen's report, as form fields; photographs as the files ``media`` of multipart/form-data."""

    model_config = ConfigDict(extra="forbid")

    service_code: str = Field(max_length=64)
    jurisdiction_id: str | None = Field(None, max_length=64)
    lat: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    long: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    address_string: str | None = Field(None, max_length=1_000)
    address_id: str | None = Field(None, max_length=100, description="Not kept: there is no register of addresses.")
    description: str | None = Field(None, max_length=4_000)
    first_name: str | None = Field(None, max_length=100, description="Kept apart, never given out here.")
    last_name: str | None = Field(None, max_length=100)
    phone: str | None = Field(None, max_length=50)
    email: str | None = Field(None, max_length=200, description="Kept beside the phone.")
    device_id: str | None = Field(None, max_length=200, description="Not kept.")
    account_id: str | None = Field(None, max_length=200, description="Not kept.")
    media_url: str | None = Field(None, max_length=2_000, pattern="^https?://", description="Noted, never fetched.")
    api_key: str | None = Field(None, max_length=200, description="A key, where no header shows one.")


class ServiceTold(BaseModel):
    """A service."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime"]
    keywords: str
    group: str


class Definition(BaseModel):
    """What a service asks besides: nothing here."""

    service_code: str
    attributes: list[dict[str, Any]]


class ServiceRequest(BaseModel):
    """A case as a service request."""

    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str | None
    service_name: str
    service_code: str
    description: str | None
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: str
    updated_datetime: str
    expected_datetime: str | None
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None


class TakenReport(BaseModel):
    """The number of the new case."""

    service_request_id: str
    service_notice: str | None
    account_id: str | None


class TokenTold(BaseModel):
    """A token is the number itself: it is given at once."""

    service_request_id: str
    token: str


class Fault(BaseModel):
    """What was wrong."""

    code: int
    description: str


router = APIRouter(
    prefix="/open311/v2",
    tags=["open311"],
    route_class=FormKeyRoute,
    dependencies=[Depends(_key_of_form)],
    responses={"default": {"description": "What was wrong", "model": list[Fault], "content": {open311.XML: {}}}},
)


def _service(service: Service, lang: str) -> dict[str, Any]:
    return {
        "service_code": service.code,
        "service_name": getattr(service.name, lang),
        "description": getattr(service.description, lang),
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(service.keywords),
        "group": getattr(service.group, lang),
    }


def _request(told: Told, lang: str) -> dict[str, Any]:
    due = told.due_at
    return {
        "service_request_id": told.case_no,
        "status": "closed" if told.is_closed else "open",
        "status_notes": word(f"state_{told.status or 'untold'}", lang=lang),
        "service_name": getattr(told.service.name, lang),
        "service_code": told.service.code,
        "description": told.description,
        "agency_responsible": told.unit[lang] or told.unit["zh"],
        "service_notice": None,
        "requested_datetime": told.reported_at.isoformat(timespec="seconds"),
        "updated_datetime": told.known_at.isoformat(timespec="seconds"),
        "expected_datetime": due.isoformat(timespec="seconds") if due else None,
        "address": told.address,
        "address_id": None,
        "zipcode": None,
        "lat": told.lat,
        "long": told.lon,
        "media_url": None,
    }


@router.get("/services", response_model=list[ServiceTold], openapi_extra=verb("cases.read"))
def services(ask: Annotated[AskOpen311, Query()], request: Request, work: Database, lang: Language) -> Response:
    """What citizens may report (services.json, services.xml)."""
    found = operations.services(work, ask.jurisdiction_id)
    return open311.answer(request, "services", [_service(s, lang) for s in found])


@router.get("/services/{service_code}", response_model=Definition, openapi_extra=verb("cases.read"))
def definition(service_code: str, ask: Annotated[AskOpen311, Query()], request: Request, work: Database) -> Response:
    """What a service asks besides place and description."""
    found = operations.service(work, service_code, ask.jurisdiction_id)
    return open311.answer(request, "service_definition", {"service_code": found.code, "attributes": []})


@router.get("/requests", response_model=list[ServiceRequest], openapi_extra=verb("cases.read"))
def requests(ask: Annotated[AskRequests, Query()], request: Request, work: Database, lang: Language) -> Response:
    """Cases as service requests: the newest first, by `updated_after` in the order in which they were changed."""
    wanted = Wanted(
        _listed(ask.service_request_id), _listed(ask.service_code), _listed(ask.status), ask.start_date, ask.end_date,
        ask.updated_after, ask.updated_before, ask.page, ask.page_size, ask.jurisdiction_id,
    )  # fmt: skip
    found = operations.requests(work, wanted)
    return open311.answer(request, "service_requests", [_request(x, lang) for x in found])


def _listed(text: str | None) -> list[str]:
    return [part for x in (text or "").split(",") if (part := x.strip())]


@router.get("/requests/{service_request_id}", response_model=list[ServiceRequest], openapi_extra=verb("cases.read"))
def one_request(
    service_request_id: str, ask: Annotated[AskOpen311, Query()], request: Request, work: Database, lang: Language
) -> Response:
    """One case as a service request."""
    found = operations.request(work, service_request_id, ask.jurisdiction_id)
    return open311.answer(request, "service_requests", [_request(found, lang)])


@router.get("/tokens/{token}", response_model=list[TokenTold], openapi_extra=verb("cases.read"))
def token(token: str, ask: Annotated[AskOpen311, Query()], request: Request, work: Database) -> Response:
    """The number behind a token: the same, since a report has its number at once."""
    found = operations.request(work, token, ask.jurisdiction_id)
    return open311.answer(request, "service_requests", [{"service_request_id": found.case_no, "token": token}])


_BODY = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {"schema": Report.model_json_schema()},
        "multipart/form-data": {
            "schema": {
                **Report.model_json_schema(),
                "properties": {
                    **Report.model_json_schema()["properties"],
                    "media": {"type": "array", "items": {"type": "string", "format": "binary"}},
                },
            }
        },
    },
}


@router.post(
    "/requests",
    response_model=list[TakenReport],
    status_code=201,
    openapi_extra=verb("cases.open") | {"requestBody": _BODY},
)
async def report(ask: Annotated[AskOpen311, Query()], request: Request, work: Database, lang: Language) -> Response:
    """Take a citizen's report as a new case; it has its number at once."""
    fields = await _form(request)
    files = [x for x in fields["media"] if isinstance(x, UploadFile)]
    if len(files) < len(fields["media"]):
        raise OptionInvalid(name="media", value="", expected=expected("photograph_as_file"))
    told = _checked(fields)
    photographs_given = [await x.read() for x in files]
    no = await run_in_threadpool(
        operations.report, work, _report(told, ask), photographs_given, request.app.state.settings.files_root
    )
    notice = word("open311_media_url", lang=lang) if told.media_url else None
    return open311.answer(
        request,
        "service_requests",
        [{"service_request_id": no, "service_notice": notice, "account_id": None}],
        201,
        {"Location": f"/open311/v2/requests/{no}.{open311.form_asked(request)}"},
    )


def _report(told: Report, ask: AskOpen311) -> operations.Report:
    name = " ".join(x for x in (told.first_name, told.last_name) if x)
    contact = " ".join(x for x in (told.phone, told.email) if x)
    return operations.Report(
        told.service_code, told.lat, told.long, told.address_string, told.description, name or None, contact or None,
        told.media_url, told.jurisdiction_id or ask.jurisdiction_id,
    )  # fmt: skip


async def _form(request: Request) -> dict[str, Any]:
    """The fields of a form, read once; those without a value are left out."""
    known: dict[str, Any] | None = getattr(request.state, "form", None)
    if known is not None:
        return known
    form = await request.form(max_files=photographs.load_limits().max_per_step, max_fields=_MOST_FIELDS)
    fields: dict[str, Any] = {name: value for name, value in form.multi_items() if value != "" and name != "media"}
    fields["media"] = [x for x in form.getlist("media") if x != ""]
    request.state.form = fields
    return fields


def _checked(fields: dict[str, Any]) -> Report:
    """The fields of a report.

    Raises
    ------
    RequestValidationError
    """
    try:
        return Report.model_validate({k: v for k, v in fields.items() if k not in ("api_key", "media")})
    except ValidationError as e:
        found = [{**x, "loc": ("body", *x["loc"]), "input": str(x.get("input", ""))[:200]} for x in e.errors()]
        raise RequestValidationError(found) from e
