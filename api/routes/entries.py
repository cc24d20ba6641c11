"""/v1/subjects, /v1/entries, /v1/staff: who is assessed, and what is entered by hand."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, UploadFile
from pydantic import BaseModel, Field

from api import handed
from api.deps import Ask, Database, Day, Language
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.assessing.operations import entries, subjects
from gridmgmt.assessing.operations.entries import EntryReport

router = APIRouter(prefix="/v1", tags=["entries"], route_class=OnceRoute)

_BOOK = r"^\w{1,100}$"


class AskSubjects(Ask):
    """Whose list, on which day."""

    rulebook: str = Field(max_length=200)
    on: Day | None = Field(None, description="Default: with every span of days.")


class AskImport(Ask):
    """By which rulebook."""

    rulebook: str = Field(pattern=_BOOK, examples=["grid_baseline"])


class AskEntering(AskImport):
    """By which rulebook, and whether to keep it."""

    dry_run: bool = Field(False, description="Everything is done, reported, and undone.")


class AskEntries(Ask):
    """Which entries."""

    rulebook: str = Field(max_length=200)
    period: str | None = Field(None, max_length=60, examples=["2025-12"])
    history: bool = Field(False, description="Every row there ever was, with what it replaced.")


class ListedSubject(BaseModel):
    """A subject on a rulebook's list (考核对象)."""

    code: str
    name: dict[str, str]
    level: str | None
    group: str | None
    role: str | None
    superiors: list[str]
    attributes: list[str]
    kind: str
    valid_from: dt.date
    valid_to: dt.date | None


class SubjectReport(BaseModel):
    """What became of a list of subjects."""

    file: str
    n_new: int
    n_changed: int
    n_unchanged: int
    n_renamed: int
    n_not_listed: int


class EntryFault(BaseModel):
    """What is wrong in a row of a file."""

    sheet: str | None
    row: int
    column: str
    value: str | None
    expected: dict[str, Any]
    reason: str = Field(description="In the reader's language.")


class EntryOutcome(BaseModel):
    """What became of a file's rows: the good ones are loaded, the others told by sheet, row and column."""

    file: str
    n_new: int
    n_corrected: int
    n_withdrawn: int
    n_unchanged: int
    n_refused: int
    n_loaded: int
    problems: list[EntryFault]
    notes: list[dict[str, Any]]
    dry_run: bool


class EnteredValue(BaseModel):
    """A value or record that was entered, where from, and what it replaced."""

    entry: str
    period: str
    subject_code: str
    input: str
    ref: str
    value: Any
    replaces: Any
    evidence: str | None
    by: str
    known_at: dt.datetime
    file: str | None
    row: int | None
    holds: bool


def reported(found: EntryReport, lang: str) -> EntryOutcome:
    """A report as the API shows it."""
    told = found.as_dict()
    problems = [
        {**problem, "reason": fault.worded(lang)}
        for problem, fault in zip(told["problems"], found.problems, strict=True)
    ]
    return EntryOutcome(**{**told, "problems": problems})


@router.get("/subjects", openapi_extra=verb("results.compare"))
def listing(ask: Annotated[AskSubjects, Query()], work: Database) -> list[ListedSubject]:
    """Who is on a rulebook's list; people only as far as they are of the reader's scope."""
    return [ListedSubject(**row) for row in subjects.list_subjects(work, ask.rulebook, ask.on)]


@router.post("/subjects", openapi_extra=verb("entries.write"))
def import_subjects(ask: Annotated[AskImport, Query()], work: Database, file: UploadFile) -> SubjectReport:
    """Import who is assessed by a rulebook (CSV, or a form's sheet of subjects); right or refused as a whole."""
    with handed.file(file) as path:
        return SubjectReport(**subjects.import_subjects(work, ask.rulebook, path).as_dict())


@router.post("/staff", openapi_extra=verb("entries.write"))
def import_staff(ask: Annotated[Ask, Query()], work: Database, lang: Language, file: UploadFile) -> EntryOutcome:
    """Import the daily staff table: hours worked and online, times off the phone alone and with the whole office."""
    with handed.file(file) as path:
        return reported(entries.import_staff(work, path), lang)


@router.get("/entries", openapi_extra=verb("results.read"))
def entered(ask: Annotated[AskEntries, Query()], work: Database) -> list[EnteredValue]:
    """What was entered of the reader's subjects and of everybody: value, evidence, by whom and when."""
    found = entries.list_entries(work, ask.rulebook, ask.period, history=ask.history)
    return [EnteredValue(**row) for row in found]


@router.post("/entries", openapi_extra=verb("entries.write"))
def import_entries(
    ask: Annotated[AskEntering, Query()], work: Database, lang: Language, file: UploadFile
) -> EntryOutcome:
    """Import entered values and records, as the form (xlsx) or a long CSV; the same file again changes nothing."""
    with handed.file(file) as path:
        return reported(entries.import_entries(work.but(keep=not ask.dry_run), ask.rulebook, path), lang)
