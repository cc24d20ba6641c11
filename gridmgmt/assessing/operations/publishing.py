"""Published assessments (发布) and the year's ledger (结果运用台账): what is published is frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gridmgmt.assessing.operations.dossiers import figures_for
from gridmgmt.assessing.operations.past_results import Reads, result_of
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database import auditing, batches, cities, outbox
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import AssessmentIncomplete, AssessmentPublished, DossierMissing, FactsChanged, OptionInvalid
from gridmgmt.figures.operations.period_counts import evidence
from gridmgmt.numbers import exact
from gridmgmt.people.store import units as store_units
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.consequences import Reached, consequences, total_money
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import Loaded, parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.run import run
from gridmgmt.scorecards import assessment
from gridmgmt.scorecards.documents import Document, Facts, Header

_DERIVED = ("schema", "rulebook", "complete", "n_missing", "refusals")
"""Parts of a header that :func:`gridmgmt.scorecards.assessment.assess` writes."""


@needs("results.write", whole=True, by_worker=True)
def publish(work: Work, name: str) -> Stored:
    """Freeze an assessment (发布): later data does not move it, later periods build on it; again changes nothing.

    Raises
    ------
    AssessmentMissing
    OptionInvalid
        A rulebook's id or ``latest`` instead of an assessment's own name.
    AssessmentIncomplete
        Inputs are missing; lists the first of them.
    AssessmentPublished
        Another one is published for the period, and this one does not correct it.
    FactsChanged
        Facts that count in the draft are no longer what they were when it was scored.
    """
    seen = _seen_unchanged(work, name)
    with work.locked() as connection:
        stored = store.by_name(connection, name)
        if stored.name != name:  # what is frozen for good is named, not meant
            raise OptionInvalid(name="ASSESSMENT", value=name, expected=stored.name)
        if stored.published_at is not None:
            return stored
        if seen != batches.written(connection):  # somebody wrote since; now nobody does
            _refuse_changed(connection, stored)
        if not stored.complete:
            raise AssessmentIncomplete(
                name=stored.name, n=stored.header.n_missing, missing=_first_missing(connection, stored)
            )
        holds = store.official(connection, stored.rulebook_id).get(stored.period)
        if holds is not None and holds.published_at is not None and stored.corrects != holds.id:
            raise AssessmentPublished(period=stored.period, other=holds.name)
        store.publish(connection, stored.id, work.by)
        auditing.note(connection, assessments=[stored.name])
        told = {"name": stored.name, "rulebook": stored.rulebook_id, "period": stored.period}
        outbox.tell(connection, "assessment", told)
        return store.by_name(connection, stored.name)


def _seen_unchanged(work: Work, name: str) -> tuple[int, int]:
    """Look at a draft's facts before writers have to wait for it; gives what was written until then.

    Raises
    ------
    FactsChanged
    """
    with work.snapshot() as connection:
        stored = store.by_name(connection, name)
        if stored.published_at is None and stored.complete:
            _refuse_changed(connection, stored)
        return batches.written(connection)


def _refuse_changed(connection: Connection, stored: Stored) -> None:
    """Refuse a draft that facts as they are would not give; one that corrects has the facts of what it corrects."""
    if stored.corrects is not None:
        return
    book, period = parse(stored.rulebook_text, stored.name).rulebook, parse_period(stored.period)
    found = figures_for(connection, cities.load_city(connection), book, period, stored.as_of)
    units = {number: code for code, number in store_units.unit_ids(connection).items()}
    with TemporaryDirectory() as folder:
        now = {kind: proof.sha256 for kind, proof in evidence(found, units, Path(folder)).items()}
    told = stored.header.evidence
    changed = [kind for kind, sha256 in now.items() if kind not in told or told[kind].sha256 != sha256]
    if changed:
        raise FactsChanged(name=stored.name, kinds=changed)


def _first_missing(connection: Connection, stored: Stored, most: int = 5) -> list[str]:
    out = []
    for document in store.documents(connection, stored.id):
        out += [f"{document.subject.code} {m.period} {m.input}" for m in document.missing]
    return out[:most] + (["…"] if len(out) > most else [])


def frozen_dossier(connection: Connection, stored: Stored) -> dict[str, Any]:
    """The inputs of an assessment by value.

    Raises
    ------
    DossierMissing
    """
    plain = store.dossier(connection, stored.id)
    if plain is None:
        raise DossierMissing(name=stored.name)
    return dict(plain)


def assess_again(
    connection: Connection, stored: Stored, plain: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> assessment.Assessment[Header]:
    """Assess a dossier with the frozen facts of an assessment; ``more`` goes into its header."""
    loaded = parse(stored.rulebook_text, stored.name)
    if Fraction(stored.header.rulebook.stage.least_share or 0) == 0:  # as it was made, which older forms do not say
        loaded = replace(loaded, rulebook=loaded.rulebook.forming_from_any())
    dossier = read_dossier(loaded.rulebook, plain, stored.name, is_frozen=True)
    given: dict[str, Facts] = {code_in(plain, d): d for d in store.documents(connection, stored.id)}
    header = {k: v for k, v in stored.stored_header.items() if k not in _DERIVED}
    return assessment.assess(loaded, dossier, stored.period, Header, {**header, **(more or {})}, given)


def code_in(plain: Mapping[str, Any], document: Document) -> str:
    """A document's subject in the dossier: its code, led by the level where one code may stand on several."""
    leveled = f"{document.subject.level}/{document.subject.code}"
    return leveled if leveled in plain["subjects"] else document.subject.code


# --- the ledger -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ledger:
    """Who reached which consequence in a year (结果运用台账), over the assessments that hold.

    Attributes
    ----------
    assessments
        Period → the assessment, whether it is published.
    money
        Subject → yuan that are decided.
    """

    book: Rulebook
    reached: Sequence[Reached]
    names: Mapping[str, Mapping[str, str]]
    assessments: Mapping[str, Stored]
    money: Mapping[str, Fraction]

    def of(self, subject: str | None) -> "Ledger":
        """What one subject reached, by its code with or without its level; None: all. The sums stay everybody's."""
        kept = [r for r in self.reached if subject in (None, r.subject, r.subject.rpartition("/")[2])]
        return replace(self, reached=kept)

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        reached = [{**asdict(r), "money": None if r.money is None else exact(r.money)} for r in self.reached]
        return {"reached": reached, "money": {code: exact(sum_) for code, sum_ in self.money.items()}}


@needs("results.read", whole=True, by_worker=True)
def ledger(work: Work, rulebook: str, year: int) -> Ledger:
    """The year's consequences, computed over all assessments that hold, in whatever order they were made.

    Earlier years count for runs that go on over the turn of the year.

    Raises
    ------
    AssessmentMissing
        The rulebook has assessed nothing.
    """
    with work.snapshot() as connection:
        cities.load_city(connection)
        newest = store.by_name(connection, rulebook)
        official = store.official(connection, newest.rulebook_id)
        loaded: Loaded = parse(newest.rulebook_text, newest.name)
        reads = Reads.of(loaded.rulebook)
        periods: dict[str, Any] = {}
        subjects: dict[str, Any] = {}
        names: dict[str, Mapping[str, str]] = {}
        for label, stored in official.items():
            plain = store.dossier(connection, stored.id) or {"subjects": {}}
            subjects |= plain["subjects"]
            periods[label] = {}
            for document in store.documents(connection, stored.id):
                code = code_in(plain, document)
                periods[label][code] = result_of(reads, document)
                names[code] = document.subject.name
    dossier = read_dossier(loaded.rulebook, {"subjects": subjects, "periods": periods}, newest.name, is_frozen=True)
    found = [r for r in consequences(run(loaded.rulebook, dossier), dossier) if r.period.startswith(str(year))]
    return Ledger(loaded.rulebook, found, names, official, total_money(found))
