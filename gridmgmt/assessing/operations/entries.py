"""Entering data by hand (数据录入): entries of a rulebook, the daily staff table.

Entries and staff rows are added, never changed: another value for the same key
is a correction, and what stood there before is kept. Good rows load, bad ones
are told by sheet, row and column; each file is one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from gridmgmt.assessing.readers import entries as reading
from gridmgmt.assessing.readers import subjects as lists
from gridmgmt.assessing.readers.entry_lines import Entry
from gridmgmt.assessing.readers.subjects import StaffDay
from gridmgmt.assessing.store import entries as store
from gridmgmt.assessing.store.entries import Current
from gridmgmt.database import batches, cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.faults import Faults
from gridmgmt.files import forms
from gridmgmt.files.forms import Line
from gridmgmt.people.store import units
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.dossier import EVERYBODY
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.texts import Unfit, expected

_SAME_HAPPENING = ("on", "code", "case", "occasion", "fault", "group", "account", "step", "category", "place")
"""What two records share that may tell of one happening."""


@dataclass
class EntryReport:
    """What became of each value or record of a file; ``problems`` and ``notes`` name sheet, row and column.

    Attributes
    ----------
    n_corrected
        Keys that had another value, or that had been withdrawn.
    n_refused
        Faults; what they concern was not loaded.
    notes
        Rows that loaded and deserve a look: a record like one entered before
        (perhaps its correction, which needs its ref), or one that says just
        what another file says (counted once).
    """

    file: str
    n_new: int = 0
    n_corrected: int = 0
    n_withdrawn: int = 0
    n_unchanged: int = 0
    n_refused: int = 0
    problems: Faults = field(default_factory=Faults)
    notes: list[dict[str, Any]] = field(default_factory=list)
    dry_run: bool = False

    @property
    def n_loaded(self) -> int:
        """Values and records taken."""
        return self.n_new + self.n_corrected + self.n_withdrawn + self.n_unchanged

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        problems = [f.as_dict(*forms.SHOWN) for f in self.problems]
        return {**asdict(self), "problems": problems, "n_loaded": self.n_loaded}


class _Books:
    """The rulebook's version in force in each period."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.newest = rulebooks.load(name).rulebook
        self._found: dict[str, Rulebook] = {}

    def of(self, period: Period) -> Rulebook:
        """The version in force on a period's last day."""
        if period.label not in self._found:
            self._found[period.label] = rulebooks.load(self.name, period.last).rulebook
        return self._found[period.label]


# --- entries ----------------------------------------------------------------------------------------------------------


@needs("entries.write", whole=True, by_worker=True)
def import_entries(work: Work, rulebook: str, path: Path) -> EntryReport:
    """Import an entry form (xlsx) or a long CSV file; the same file again changes nothing.

    Parameters
    ----------
    rulebook
        Its id; each row is checked against the version in force in its period.

    Raises
    ------
    RulebookMissing, RulebookInvalid, FileUnreadable, ColumnMissing, CityMissing
        Nothing is loaded.
    """
    books = _Books(rulebook)
    found = reading.read_entries(path, books.of)
    with work.locked() as connection:
        cities.load_city(connection)
        return _enter(connection, books, found, work)


def enter(connection: Connection, work: Work, rulebook: str, found: reading.Entries) -> EntryReport:
    """Enter rows that another room made, as if they stood in a file; under the writers' lock.

    Raises
    ------
    RulebookMissing, RulebookInvalid
    """
    return _enter(connection, _Books(rulebook), found, work)


def _enter(connection: Connection, books: _Books, found: reading.Entries, work: Work) -> EntryReport:
    report = EntryReport(found.file, dry_run=not work.keep)
    job = _Job(connection, books, found, report)
    good = job.within_wholes(job.agreeing(job.allowed()))
    changes = [e for e in good if job.classify(e)]
    report.problems = Faults(sorted([*found.faults, *job.faults], key=lambda f: (f.sheet or "", f.row)))
    report.n_refused = len(report.problems)
    if changes:
        _write(connection, books.newest.id, found, changes, work.by, report)
    return report


class _Job:
    """One file against what the database holds."""

    def __init__(self, connection: Connection, books: _Books, found: reading.Entries, report: EntryReport) -> None:
        self.books, self.found, self.report = books, found, report
        self.faults = Faults()
        book = books.newest
        labels = sorted({e.period for e in found.rows})
        self.current = {c.key: c for c in store.current(connection, book.id, labels)}
        listed = store.assessed_rows(connection, book.id)
        self.roles = {r.subject.code: r.subject.role for r in listed}
        self.codes = set(self.roles) or _codes(connection, book.population.kind)

    def _refuse(self, entry: Entry, column: str, wanted: Mapping[str, Any]) -> None:
        self.faults.append(entry.line.unfit(column, wanted))

    def allowed(self) -> list[Entry]:
        """The rows that name somebody who is assessed and something that people enter."""
        n = {}
        for e in self.found.rows:
            before = len(self.faults)
            self._check(e)
            n[e.key] = len(self.faults) == before
        return [e for e in self.found.rows if n[e.key]]

    def _check(self, e: Entry) -> None:
        book = self.books.of(parse_period(e.period))
        spec = book.inputs.get(e.input)
        old = self.current.get(e.key)
        if e.subject not in self.codes and e.subject != EVERYBODY:
            self._refuse(e, "subject", expected("assessed", kind=book.population.kind))
        elif spec is not None and spec.entered is None:
            column = "input" if "input" in e.line.cells else e.input
            self._refuse(e, column, expected("counted", name=e.input))
        elif e.value is None and old is None:
            self._refuse(e, "ref" if e.ref else e.column, expected("something_to_withdraw"))
        else:
            lacking = reading.lacking(e, book, self.roles.get(e.subject))
            if lacking is not None:
                self._refuse(e, "code", lacking)

    def agreeing(self, rows: Sequence[Entry]) -> list[Entry]:
        """Without rows that make no value together with what is entered: a number beside records, steps in disorder."""
        places: dict[tuple[str, str, str], list[Entry]] = {}
        for e in rows:
            places.setdefault(e.place, []).append(e)
        wrong = set()
        for place, own in places.items():
            spec = self.books.of(parse_period(place[0])).inputs.get(place[2])
            together = {k: c.value for k, c in self.current.items() if k[:3] == place}
            together |= {e.key: e.value for e in own}
            values = [(key[3], value) for key, value in together.items() if value is not None]
            try:
                if values:
                    reading.whole_value(spec, values)
            except Unfit as e:
                wrong.add(place)
                for entry in own:
                    self._refuse(entry, entry.column, e.expected)
        return [e for e in rows if e.place not in wrong]

    def within_wholes(self, rows: list[Entry]) -> list[Entry]:
        """Without rows by which a part is more than its whole, with what is entered; until those left agree with it."""
        known = {key[:3]: c.value for key, c in self.current.items() if not key[3]}
        while wrong := list(reading.beyond_whole(rows, self.books.of, known)):
            for entry, wanted in wrong:
                self._refuse(entry, entry.column, wanted)
            gone = {entry.key for entry, _ in wrong}
            rows = [e for e in rows if e.key not in gone]
        return rows

    def classify(self, e: Entry) -> bool:
        """Count a row; whether it is to be written."""
        old, report = self.current.get(e.key), self.report
        if old is None:
            report.n_new += 1
            if self._is_like_another(e):
                self._note(e, "entry_like_another")
        elif (old.value, old.evidence if e.value is not None else None) == (e.value, e.evidence):
            report.n_unchanged += 1
            if e.ref and not e.is_named and old.file_sha256 != self.found.sha256:
                self._note(e, "entry_same_in_other_file")
            return False
        elif e.value is None:
            report.n_withdrawn += 1
        else:
            report.n_corrected += 1
        return True

    def _note(self, e: Entry, code: str) -> None:
        self.report.notes.append({"sheet": e.line.sheet, "row": e.line.row, "code": code, "ref": e.ref})

    def _is_like_another(self, e: Entry) -> bool:
        """Whether another record of the same day or case was entered before and is not in this file."""
        if e.is_named or not e.ref or not {"on", "case"} & set(e.value):
            return False
        own = {x.key for x in self.found.rows}
        return any(_like(c, e) for key, c in self.current.items() if key not in own and key[:3] == e.place)


def _like(old: Current, e: Entry) -> bool:
    return isinstance(old.value, Mapping) and all(old.value.get(k) == e.value.get(k) for k in _SAME_HAPPENING)


def _codes(connection: Connection, kind: str) -> set[str]:
    """Codes of all units or grids; persons are known by a list only."""
    if kind == "unit":
        return set(units.unit_ids(connection))
    return {code for _, code in store.subject_ids(connection, "grid")} if kind == "grid" else set()


def _write(
    connection: Connection,
    rulebook_id: str,
    found: reading.Entries,
    rows: Sequence[Entry],
    by: str,
    report: EntryReport,
) -> None:
    batch_id = batches.new_batch(connection, "entries", file=found.file, file_sha256=found.sha256, profile=rulebook_id)
    known_at = batches.stamp_batch(connection, batch_id)
    made = [
        {
            "period": e.period, "subject_code": e.subject, "input": e.input, "ref": e.ref, "value": e.value,
            "evidence": e.evidence, "row_no": e.line.row,
        }
        for e in rows
    ]  # fmt: skip
    store.add(connection, rulebook_id, made, by, batch_id, known_at)
    batches.close_batch(connection, batch_id, {"by": by, **_counts(report)})


def _counts(report: EntryReport) -> dict[str, int]:
    return {k: v for k, v in report.as_dict().items() if k.startswith("n_")}


@needs("results.read")
def list_entries(
    work: Work,
    rulebook: str,
    period: str | None = None,
    *,
    history: bool = False,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """A rulebook's entries with their evidence, by whom and when; with ``history`` every row there ever was.

    ``limit``: a page of them, in the order in which they were entered, behind the ``id`` of the last one known.

    Raises
    ------
    PeriodInvalid
    """
    label = parse_period(period).label if period is not None else None
    with work.snapshot() as connection:
        return store.listing(connection, rulebook, label, history=history, after=after, limit=limit)


# --- the daily staff table --------------------------------------------------------------------------------------------


@needs("entries.write", whole=True, by_worker=True)
def import_staff(work: Work, path: Path) -> EntryReport:
    """Import the daily staff table (人员每日在线表); the newest row of a day, subject and person counts.

    Raises
    ------
    FileUnreadable, ColumnMissing, CityMissing
        Nothing is loaded.
    """
    rows, faults, sha256 = lists.read_staff(path)
    report = EntryReport(path.name)
    with work.locked() as connection:
        cities.load_city(connection)
        old = store.staff_rows(connection, (r.day for _, r in rows))
        codes = set(units.unit_ids(connection))
        codes |= {code for kind in ("grid", "unit", "person") for _, code in store.subject_ids(connection, kind)}
        changes = []
        for line, r in rows:
            told = (Fraction(r.worked_h), Fraction(r.online_h), r.n_absent, r.n_all_off)
            if r.subject_code not in codes:
                faults.append(line.unfit("subject_code", expected("somebody_known")))
            elif old.get(r.key) == told:
                report.n_unchanged += 1
            else:
                report.n_corrected += r.key in old
                report.n_new += r.key not in old
                changes.append((line, r))
        report.problems = Faults(sorted(faults, key=lambda f: f.row))
        report.n_refused = len(report.problems)
        _write_staff(connection, report, sha256, changes, work.by)
    return report


def _write_staff(
    connection: Connection, report: EntryReport, sha256: str, rows: Sequence[tuple[Line, StaffDay]], by: str
) -> None:
    if not rows:
        return
    batch_id = batches.new_batch(connection, "staff", file=report.file, file_sha256=sha256)
    made = [{**r.model_dump(), "row_no": line.row} for line, r in rows]
    store.add_staff(connection, made, batch_id, batches.stamp_batch(connection, batch_id))
    batches.close_batch(connection, batch_id, {"by": by, **_counts(report)})
