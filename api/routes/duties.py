"""/v1/duties: what is due from whom and when, whether it came, and the register of it."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api import handed
from api.deps import Ask, Database, Day, Language
from api.once import OnceRoute
from api.routes.entries import EntryOutcome, reported
from api.signing import verb
from gridmgmt.database.work import Work
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_instant
from gridmgmt.reporting.duties import YEARS
from gridmgmt.reporting.operations import charging, registering
from gridmgmt.reporting.operations import due as reporting

router = APIRouter(prefix="/v1/duties", tags=["duties"], route_class=OnceRoute)

_Scheme = Annotated[str, Path(max_length=100)]
_Instant = Annotated[str, Field(max_length=60, examples=["2025-12-05 16:30"])]
_MOST_DAYS = 400


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskDue(Ask):
    """Of which days, and seen from when."""

    on: Day
    until: Day | None = None
    scheme: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=50)
    event: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=50, description="NAME=INSTANT")
    units: bool = Field(False, description="Once for each of those who owe it.")
    as_of: str | None = Field(None, max_length=60, description="Default: now.")

    @model_validator(mode="after")
    def _in_order(self) -> "AskDue":
        last = self.until or self.on
        if self.on.year not in YEARS or last.year not in YEARS or last < self.on:
            raise ValueError("on ≤ until")
        if (last - self.on).days > _MOST_DAYS:
            raise ValueError(f"until − on ≤ {_MOST_DAYS} d")
        return self


class DueReport(BaseModel):
    """A duty at one time: what is due, whose, by when, and how it stands (null: it follows an event not given)."""

    model_config = ConfigDict(extra="allow")

    scheme: str
    duty: str
    what: dict[str, str]
    opens: dt.date | None
    due: dt.date | None
    at: dt.datetime | None
    state: str | None


class AskRegister(Ask):
    """What holds, or every row there ever was."""

    history: bool = False


class RegisterRow(BaseModel):
    """A row of the register (报送登记)."""

    kind: str
    scheme: str
    what: str
    about: str
    subject_code: str
    at: dt.datetime | None
    sha256: str | None = None
    note: str | None
    by: str
    known_at: dt.datetime
    holds: bool
    before_event: bool


class NewEvent(_Body):
    """An event that reports follow, under a number of its own."""

    event: str = Field(max_length=100)
    no: str = Field(max_length=60)
    at: _Instant
    subject: str = Field("", max_length=60)
    note: str | None = Field(None, max_length=10_000)


class Withdrawal(_Body):
    """A report, or an event by its number, that was entered wrongly."""

    what: str = Field(max_length=100)
    about: str = Field(max_length=60)
    subject: str = Field("", max_length=60)
    reason: str = Field(max_length=10_000)


class NewCharge(_Body):
    """Which period's lateness becomes findings."""

    period: str = Field(max_length=60, examples=["2025-12"])
    as_of: str | None = Field(None, max_length=60)
    dry_run: bool = False


class Rejudged(BaseModel):
    """A report that stands otherwise since its event's moment is another."""

    duty: str
    at: dt.datetime
    was: str
    state: str
    gone: bool


class RegisterChange(BaseModel):
    """What became of a row of the register."""

    change: str
    due: dt.date | None
    due_at: dt.datetime | None
    state: str | None
    opens: dt.date | None
    early: bool
    rejudged: list[Rejudged]


def _seen_from(work: Work, as_of: str | None) -> Work:
    return work if as_of is None else work.but(now=parse_instant(as_of, reference.load_city(work).zone))


@router.get("/due", openapi_extra=verb("duties.read"))
def due(ask: Annotated[AskDue, Query()], work: Database) -> list[DueReport]:
    """What is due from whom to whom and when, and whether it came; who sees a part is told what that part owes."""
    seen = _seen_from(work, ask.as_of)
    found = reporting.due(seen, ask.on, ask.until or ask.on, schemes=ask.scheme, events=ask.event, units=ask.units)
    return [DueReport(**row) for row in found]


@router.get("/{scheme}/reports", openapi_extra=verb("duties.read"))
def listing(scheme: _Scheme, ask: Annotated[AskRegister, Query()], work: Database) -> list[RegisterRow]:
    """The register of a scheme: events and reports, when, by whom entered, and the file."""
    return [RegisterRow(**row) for row in registering.listed(work, scheme, history=ask.history)]


@router.post("/{scheme}/reports", status_code=201, openapi_extra=verb("duties.write"))
def enter(
    scheme: _Scheme,
    ask: Annotated[Ask, Query()],
    request: Request,
    work: Database,
    duty: Annotated[str, Form(max_length=100)],
    about: Annotated[str, Form(max_length=60)],
    at: Annotated[str, Form(max_length=60)],
    subject: Annotated[str, Form(max_length=60)] = "",
    note: Annotated[str | None, Form(max_length=10_000)] = None,
    file: Annotated[UploadFile | None, File()] = None,
) -> RegisterChange:
    """Enter that a report was handed in: for which period or event, by whom and when; again otherwise: a correction."""
    root = request.app.state.settings.files_root
    told: dict[str, Any] = {"about": about, "subject": subject, "at": at, "note": note}
    if file is None:
        return RegisterChange(**registering.enter(work, root, scheme, duty, **told).as_dict())
    with handed.file(file) as path:
        return RegisterChange(**registering.enter(work, root, scheme, duty, files=[path], **told).as_dict())


@router.post("/{scheme}/events", status_code=201, openapi_extra=verb("duties.write"))
def enter_event(scheme: _Scheme, given: NewEvent, ask: Annotated[Ask, Query()], work: Database) -> RegisterChange:
    """Enter an event that reports follow; what follows from it is due from then on."""
    done = registering.enter_event(
        work, scheme, given.event, given.no, subject=given.subject, at=given.at, note=given.note
    )
    return RegisterChange(**done.as_dict())


@router.post("/{scheme}/withdrawals", status_code=201, openapi_extra=verb("duties.write"))
def withdraw(scheme: _Scheme, given: Withdrawal, ask: Annotated[Ask, Query()], work: Database) -> RegisterChange:
    """Take back a report, or an event by its number, that was entered wrongly; what stood there is kept."""
    done = registering.withdraw(work, scheme, given.what, about=given.about, subject=given.subject, reason=given.reason)
    return RegisterChange(**done.as_dict())


@router.post("/{scheme}/charges", openapi_extra=verb("entries.write"))
def charge(
    scheme: _Scheme, given: NewCharge, ask: Annotated[Ask, Query()], work: Database, lang: Language
) -> EntryOutcome:
    """Enter what was late in a period as findings of the scheme's rulebook; take back what was in time after all."""
    seen = _seen_from(work, given.as_of).but(keep=not given.dry_run)
    return reported(charging.charge(seen, scheme, given.period), lang)
