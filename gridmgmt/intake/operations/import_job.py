"""One import under way (导入批次): its report, the rows it refuses, and what the quarantine keeps of them."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pandas as pd

from gridmgmt.city import City
from gridmgmt.database import facts, quarantine
from gridmgmt.database.work import Connection
from gridmgmt.faults import Fault
from gridmgmt.files.spill import Spill
from gridmgmt.intake.readers.facts import Known
from gridmgmt.intake.readers.profiles import Profile

_DIGITS = 10
"""A row's number is shorter."""

_NAMED = 5
"""So many rows are named of those of which a value was left out."""


@dataclass
class Dropped:
    """Wrong values of a field that were left out of rows taken (未取用的值): how many, and the first rows with them."""

    name: str
    column: str
    code: str
    n: int = 0
    first: list[tuple[int, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class SharedPlace:
    """A place, in stored coordinates, that many rows of a file have in common."""

    lon: float
    lat: float
    n: int


@dataclass
class ImportReport:
    """What became of each row of a file: ``n_rows == n_loaded + n_quarantined``, always.

    Attributes
    ----------
    read_as
        The encoding, separator and sheet that were taken, where there was a choice.
    columns
        The file's columns in their order: its bad rows are written out with them.
    outside_ok
        It was said that most of its rows may lie outside all grids.
    """

    file: str
    profile: str
    n_rows: int = 0
    n_new: int = 0
    n_newer: int = 0
    n_unchanged: int = 0
    n_older: int = 0
    n_quarantined: int = 0
    located: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    shared_places: list[SharedPlace] = field(default_factory=list)
    read_as: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    outside_ok: bool = False
    dry_run: bool = False

    @property
    def n_loaded(self) -> int:
        """Rows taken: new, newer, older or unchanged."""
        return self.n_new + self.n_newer + self.n_unchanged + self.n_older

    def note(self, name: str, n: int) -> None:
        """Count something that people should know of the rows taken."""
        if n:
            self.notes[name] = self.notes.get(name, 0) + n

    def drop(self, faults: Mapping[str, Sequence[Fault]]) -> None:
        """Count wrong values that were left out of rows taken, by field and fault, and name the first."""
        for name, found in faults.items():
            for f in found:
                told = next((d for d in self.dropped if (d.name, d.column, d.code) == (name, f.column, f.code)), None)
                if told is None:
                    self.dropped.append(told := Dropped(name, f.column, f.code))
                told.n += 1
                if len(told.first) < _NAMED:
                    told.first.append((f.row, f.value))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "n_loaded": self.n_loaded}


@dataclass
class Job:
    """One import under way.

    Attributes
    ----------
    known
        What the city's tables held when the file was opened.
    reread
        Gives the raw text of some rows, read from the source once more.
    crs
        The coordinate system that the file itself names, for rows located by its geometry.
    units, categories
        What the rows name and the profile lets its files add.
    rows
        Good rows of cases or samples that wait to be merged.
    outside_ok
        Most rows may lie outside all grids.
    given
        Coordinates of the first rows as the file has them.
    origins
        Rows of the quarantine that the file brings back, by the SHA-256 of the file that they came in.
    """

    connection: Connection
    city: City
    profile: Profile
    known: Known
    batch_id: int
    report: ImportReport
    sha256: str
    source_as_of: dt.datetime
    reread: Callable[[set[int]], dict[int, dict[str, Any]]]
    crs: str | None = None
    units: set[str] = field(default_factory=set)
    categories: set[tuple[str, str, str]] = field(default_factory=set)
    rows: Spill | None = None
    outside_ok: bool = True
    given: pd.DataFrame = field(default_factory=pd.DataFrame)
    origins: dict[str, list[int]] = field(default_factory=dict)

    @property
    def kind(self) -> facts.Kind:
        """The tables of its rows, where they are cases or samples."""
        return facts.KINDS[self.profile.kind]

    def refuse(self, rows: list[quarantine.BadRow]) -> None:
        """Note rows for the quarantine and count their reasons."""
        quarantine.add(self.connection, rows)
        self.report.n_quarantined += len(rows)
        tally = Counter(fault.code for row in rows for fault in row.faults)
        self.report.reasons = dict(Counter(self.report.reasons) + tally)

    def note_origins(self, raw: pd.DataFrame) -> None:
        """Note which rows of the quarantine a file says that its rows are, mended."""
        for text in raw[quarantine.ORIGIN].dropna() if quarantine.ORIGIN in raw else ():
            sha256, _, row = str(text).partition(":")
            if row.isdecimal() and len(row) < _DIGITS:
                self.origins.setdefault(sha256, []).append(int(row))

    def refuse_after_reading(self, faults: Sequence[Fault]) -> None:
        """Refuse rows, one fault each, that only the merge found wrong: their raw text is read again."""
        if faults:
            raws = self.reread({f.row for f in faults})
            told = [f if f.value is not None else replace(f, value=raws[f.row].get(f.column)) for f in faults]
            self.refuse([quarantine.BadRow(f.row, raws[f.row], [f]) for f in told])

    def keep_bad(self, loaded: list[int]) -> None:
        """Save the file's bad rows in quarantine, and close the entries of rows that are loaded now."""
        quarantine.save(
            self.connection,
            batch_id=self.batch_id,
            kind=self.profile.kind,
            profile=self.profile.id,
            file=self.report.file,
            file_sha256=self.sha256,
            crs=self.crs,
            source_as_of=self.source_as_of,
        )
        quarantine.resolve(self.connection, self.profile.kind, self.sha256, loaded, self.batch_id)
        for sha256, rows in self.origins.items():  # they stand here now, or wait under this file's name
            if sha256 != self.sha256:
                quarantine.resolve(self.connection, self.profile.kind, sha256, rows, self.batch_id)
