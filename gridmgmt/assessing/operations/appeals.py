"""Appeals (申诉) and corrections (更正): a fact stays as it is, a granted exemption lies over it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from gridmgmt.assessing.operations import permits
from gridmgmt.assessing.operations.exemptions import counts_for, exempted
from gridmgmt.assessing.operations.proofs import EVIDENCE
from gridmgmt.assessing.operations.publishing import assess_again, frozen_dossier
from gridmgmt.assessing.operations.scoring import Made
from gridmgmt.assessing.store import appeals, frozen
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database import auditing
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.documents import plain as dumped
from gridmgmt.errors import AppealMissing, AppealRefused
from gridmgmt.scorecards.assessment import Assessment
from gridmgmt.scorecards.documents import Document, Header, Line, Subject


@needs("appeals.open", by_worker=True)
def open_appeal(work: Work, name: str, code: str, kind: str, fact_no: str, reason: str) -> int:
    """Open an appeal (申诉) on one fact of a published assessment; gives its number. One for each.

    Parameters
    ----------
    kind
        ``case`` (with all its steps and its hanging accounts), ``sample``,
        ``step`` (``C1#7``, or what follows from steps: ``C1!hang2``, ``C1!order1``, ``C1!exposed``) or ``entry``.

    Raises
    ------
    AssessmentMissing, SubjectMissing
    AppealRefused
        Not published, the fact does not count for the subject, or it was appealed against before.
    """
    with work.locked() as connection:
        stored = permits.named(work, connection, name)
        document = store.document(connection, stored, code)
        permits.check(work, connection, stored, document, "appeals.open")
        refused = partial(AppealRefused, name=stored.name, fact=fact_no, subject=code)
        if stored.published_at is None:
            raise refused(why="not_published")
        if kind != "entry" and fact_no in document.exempted:
            raise refused(why="exempted")
        if not counts_for(connection, stored, document, kind, fact_no):
            raise refused(why="not_counted")
        number = appeals.open_one(connection, stored.id, code, kind, fact_no, reason, work.by)
        if number is None:
            raise refused(why="again")
        auditing.note(connection, appeals=[number], assessments=[stored.name])
        return number


@needs("appeals.decide", whole=True, by_worker=True)
def decide_appeal(work: Work, number: int, *, granted: bool, decision: str) -> Mapping[str, Any]:
    """Decide an appeal: granted, the fact is exempted by the next correction; rejected, nothing changes.

    Raises
    ------
    AppealMissing, AppealRefused
        There is none of that number, or it is decided already.
    """
    with work.locked() as connection:
        found = appeals.by_number(connection, number)
        if found is None:
            raise AppealMissing(number=number)
        if found["state"] != "open":
            raise AppealRefused(why="decided", number=number, state=found["state"])
        appeals.decide(connection, number, "granted" if granted else "rejected", decision, work.by)
        auditing.note(connection, appeals=[number])
        return appeals.by_number(connection, number) or found


@needs("results.read")
def list_appeals(work: Work, name: str | None = None) -> list[dict[str, Any]]:
    """Appeals, newest first; of one assessment, or all."""
    with work.snapshot() as connection:
        stored = permits.named(work, connection, name) if name else None
        return appeals.listing(connection, stored.id if stored else None)


Moved = tuple[Mapping[str, str], str | None, str | None]
"""An item's title, with its rounded value before and after."""


@dataclass(frozen=True)
class Difference:
    """How a correction moves one subject: totals, ranks and grades before and after, consequences come and gone.

    ``lines``: the items that moved, also those shown without points.
    """

    subject: Subject
    total: tuple[str | None, str | None]
    rank: tuple[int | None, int | None]
    grade: tuple[str | None, str | None]
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]
    lines: tuple[Moved, ...]


@needs("results.write", whole=True, by_worker=True)
def correct(work: Work, name: str) -> tuple[Made, list[Difference]]:
    """A corrected assessment (更正) from the frozen inputs of a published one, less what granted appeals exempt.

    Nothing else moves: later data is not read. It is saved beside the published
    one and holds once it is published itself.

    Raises
    ------
    AssessmentMissing, DossierMissing
    AppealRefused
        No granted appeal, or one that cannot be carried out by leaving a fact out.
    """
    with work.locked() as connection:
        stored = permits.named(work, connection, name)
        granted = [a for a in appeals.listing(connection, stored.id) if a["state"] == "granted"]
        if not granted or stored.published_at is None:
            raise AppealRefused(why="none_granted", name=stored.name)
        plain = exempted(connection, stored, frozen_dossier(connection, stored), granted)
        numbers = sorted(a["fact_no"] for a in granted)
        more = {"corrects": {"assessment": stored.name, "sha256": stored.sha256}, "exempted": numbers}
        made = assess_again(connection, stored, plain, more)
        differences = _differences(store.documents(connection, stored.id), made.subjects)
        saved = _save(connection, stored, plain, made)
        work.done(connection, correction_json(saved, differences))
        return saved, differences


def correction_json(made: Made, differences: Sequence[Difference]) -> dict[str, Any]:
    """A correction as JSON has it: what was made, and whom it moves how."""
    moved = [{**asdict(d), "subject": dumped(d.subject)} for d in differences]
    return {"assessment": made.name, "sha256": made.sha256, "new": made.is_new, "differences": moved}


def _save(connection: Connection, stored: Stored, plain: Mapping[str, Any], made: Assessment[Header]) -> Made:
    same = store.confirm_same(connection, stored.rulebook_id, stored.period, made.sha256)
    if same is not None:
        return Made(same, made.sha256, False, made.header, made.subjects)
    name = store.next_name(connection, stored.rulebook_id, stored.period)
    values = {
        "name": name, "rulebook_id": stored.rulebook_id, "rulebook_sha256": made.header.rulebook.sha256,
        "rulebook_text": stored.rulebook_text, "period": stored.period, "as_of": stored.as_of,
        "edition_id": stored.edition_id, "header": dumped(made.header), "dossier": dict(plain),
        "complete": made.header.complete, "sha256": made.sha256, "corrects": stored.id,
    }  # fmt: skip
    totals = [o.total for o in made.outcomes.values()]
    auditing.note(connection, assessments=[name])
    assessment_id = store.save(connection, values, made.subjects, made.texts, totals, [None] * len(totals))
    for table in EVIDENCE.values():  # the facts stay; what is exempted is said in the documents
        frozen.copy(connection, table, stored.id, assessment_id)
    return Made(name, made.sha256, True, made.header, made.subjects)


def _differences(before: Sequence[Document], after: Sequence[Document]) -> list[Difference]:
    old = {d.subject.key: d for d in before}
    out = []
    for new in after:
        was = old[new.subject.key]
        gone, come = ({c.consequence for c in d.consequences} for d in (was, new))
        found = Difference(
            new.subject, (_shown(was), _shown(new)), (was.place, new.place), (was.grade, new.grade),
            tuple(sorted(come - gone)), tuple(sorted(gone - come)), _moved(was, new),
        )  # fmt: skip
        if was.total != new.total or was.place != new.place or come != gone or found.lines:
            out.append(found)
    return out


def _moved(was: Document, new: Document) -> tuple[Moved, ...]:
    before, after = ({x.item: x for x in d.all_lines if x.depth == 0} for d in (was, new))
    values = [(line.title, _value(before.get(item)), _value(line)) for item, line in after.items()]
    return tuple(x for x in values if x[1] != x[2])


def _value(line: Line | None) -> str | None:
    """A line's points, else the rate that it shows."""
    if line is None:
        return None
    found = line.points or line.value
    return found.shown if found else None


def _shown(document: Document) -> str | None:
    return document.total.exact if document.total else None
