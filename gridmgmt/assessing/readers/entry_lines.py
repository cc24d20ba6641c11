"""Rows of an entry form (录入表的行): values, records and results, each read cell by cell into entries.

Rows of one key that say the same are one entry; that they contradict each other is a fault.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridmgmt.accepted import closest, words
from gridmgmt.assessing.readers.subjects import LIST_COLUMNS, Listed, read_line
from gridmgmt.errors import PeriodInvalid, RulebookNotInForce
from gridmgmt.files import forms
from gridmgmt.files.forms import Collected, Line
from gridmgmt.numbers import exact
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.dossier import EVERYBODY, stage_of
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.known_words import finding_lacks
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.records import AS_NUMBER, CONTENT, FIELDS, NEEDED, RESULT, SIGNATURE, SIGNED, joined, ref_of
from gridmgmt.rulebooks.values import NOT_APPLICABLE, STEPS, parse
from gridmgmt.texts import LANGUAGES, Unfit

KINDS: Mapping[str, tuple[str, ...]] = {
    "records": ("period", "subject", "input"),
    "results": ("period", "subject", "total"),
    "values": ("period", "subject"),
    "subjects": ("code", "name_zh"),
}
"""What a sheet holds, by the columns that tell it."""

KEYS = ("period", "subject", "input", "name")
RECORD_COLUMNS = (*KEYS, "value", *CONTENT, "ref")
RESULT_COLUMNS = (
    "period",
    "subject",
    "name",
    "total",
    "grade",
    "rank",
    "first",
    "last",
    "from_bottom",
    "tied",
    "carry_out",
)

BookOf = Callable[[Period], Rulebook]
"""The rulebook, in the version that is in force in a period."""


@dataclass(frozen=True)
class Entry:
    """One entered value or record: its key, the plain value (None: withdrawn), its evidence, and where it stands.

    ``is_named``: the ref stands in the file; else it was derived from what the record says.
    """

    period: str
    subject: str
    input: str
    ref: str
    value: Any
    evidence: str | None
    line: Line
    column: str
    is_named: bool = True

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Period, subject, input, ref: of one key the newest entry counts."""
        return self.period, self.subject, self.input, self.ref

    @property
    def place(self) -> tuple[str, str, str]:
        """Period, subject and input, whose records make one value together."""
        return self.period, self.subject, self.input


class EntryLines(Collected):
    """One file's rows under way: ``rows``, ``subjects`` and, of all that is wrong, ``faults``."""

    def __init__(self, file: str, book_of: BookOf) -> None:
        super().__init__(file)
        self.book_of = book_of
        self.rows: list[Entry] = []
        self.subjects: list[Listed] = []
        self.torn: set[tuple[str, str, str]] = set()
        """Hanging accounts of which a step is wrong: without it the others would tell another story."""
        self._seen: dict[tuple[str, str, str, str], Entry] = {}
        self._disputed: set[tuple[str, str, str, str]] = set()
        self._equal: Counter[tuple[str, str, str, str]] = Counter()
        self._users: dict[int, dict[str, list[Stage]]] = {}

    # --- one line of each sheet

    def take_values(self, line: Line) -> None:
        """A row of single values: a column an input."""
        names = [c for c in line.cells if c not in KEYS]
        at = self._place(line) if names else None
        if at is None:
            return
        period, book = at
        for name in names:
            spec = self._input(line, name, book, period, name)
            if spec is not None:
                self._single(line, period, name, spec, name, None)

    def take_records(self, line: Line) -> None:
        """A row of the long form: a value or a record of the input that it names."""
        if set(line.cells) <= {"name", "period"}:
            return
        self.known(line, RECORD_COLUMNS)
        at, name = self._place(line), line.cells.get("input")
        if at is None or name is None:
            if name is None:
                self.fault(line, "input", "an_input")
            return
        period, book = at
        spec = self._input(line, "input", book, period, name)
        if spec is None:
            return
        told = [c for c in line.cells if c not in (*KEYS, "ref")]
        if not told or any(line.cells[c] in words("entry") for c in told):
            self._withdraw(line, period, name, spec)
        elif spec.type not in FIELDS or (spec.type in AS_NUMBER and "value" in told):
            self._alone(line, ("value", "evidence", "note"), spec)
            evidence = "; ".join(line.cells[c] for c in ("evidence", "note") if c in told) or None
            self._single(line, period, name, spec, "value", evidence)
        else:
            self._record(line, period, book, name, spec)

    def take_results(self, line: Line) -> None:
        """A row of results that are handed in."""
        if set(line.cells) <= {"period", "subject", "name"}:
            return
        self.known(line, RESULT_COLUMNS)
        at = self._place(line)
        if at is None:
            return
        n = len(self.faults)
        period, book = at
        stage = stage_of(book, period)
        if line.cells["subject"] == EVERYBODY:
            self.fault(line, "subject", "own_result")
        readers: dict[str, Callable[[str], Any]] = {
            "total": forms.number, "grade": lambda text: _grade(book, stage, text), "rank": forms.whole(1),
            "first": forms.flag, "last": forms.flag,
            "from_bottom": forms.whole(1),
            "tied": forms.whole(1), "carry_out": forms.number,
        }  # fmt: skip
        found = {column: self.read(line, column, reader) for column, reader in readers.items()}
        if len(self.faults) == n:
            value = {k: v for k, v in found.items() if v is not None}
            self._add(Entry(period.label, line.cells["subject"], RESULT, "", value, None, line, "total"))

    def take_subjects(self, line: Line) -> None:
        """A row of the list of who is assessed."""
        self.known(line, LIST_COLUMNS)
        found = read_line(self, line)
        if found is not None:
            self.subjects.append(found)

    def whole(self) -> list[Entry]:
        """The good rows, without those of accounts of which a step is wrong, and those that another row contradicts."""
        for entry in self.rows:
            if entry.place in self.torn:
                self.fault(entry.line, "code", "whole_account")
        return [e for e in self.rows if e.place not in self.torn and e.key not in self._disputed]

    # --- its parts

    def _place(self, line: Line) -> tuple[Period, Rulebook] | None:
        """The period and its rulebook; the subject must stand there too."""
        if "subject" not in line.cells:
            self.fault(line, "subject", "subject_or_all", everybody=EVERYBODY)
            return None
        if "period" not in line.cells:
            self.fault(line, "period", "period", forms=["2025-12"])
            return None
        period: Period | None = self.read(line, "period", _period)
        if period is None:
            return None
        try:
            book = self.book_of(period)
        except RulebookNotInForce as e:
            self.fault(line, "period", "period_in_force", known=e.known)
            return None
        if stage_of(book, period) is None:
            self.fault(line, "period", "period_of_stages", known=[s.cadence for s in book.stages])
            return None
        return period, book

    def _input(self, line: Line, column: str, book: Rulebook, period: Period, name: str) -> Input | None:
        spec = SIGNATURE if name == SIGNED else book.inputs.get(name)
        if spec is None:
            self.fault(line, column, "input", known=closest(name, [*book.inputs, SIGNED]))
            return None
        stage = stage_of(book, period)
        users = self._users_of(book, name)
        if users and stage is not None and stage not in users:
            stages = {lang: [f"{x.title[lang]} ({x.cadence})" for x in users] for lang in LANGUAGES}
            self.fault(line, "period", "period_that_uses", name=name, **stages)
            return None
        if spec.per == "all" and line.cells["subject"] != EVERYBODY:
            self.fault(line, "subject", "everybody", everybody=EVERYBODY, name=name)
            return None
        return spec

    def _users_of(self, book: Rulebook, name: str) -> list[Stage]:
        """The stages that need an input; none: only another reading would."""
        if book.version not in self._users:
            users: dict[str, list[Stage]] = {}
            for stage in book.stages:
                for used in stage_inputs(book, stage):
                    users.setdefault(used, []).append(stage)
            self._users[book.version] = users
        return self._users[book.version].get(name, [])

    def _alone(self, line: Line, allowed: Sequence[str], spec: Input) -> None:
        """Note what stands beside a value or a record and belongs to neither."""
        for column in line.cells:
            if column in (*CONTENT, "ref") and column not in allowed:
                self.fault(line, column, "told_by", type=spec.type, known=list(allowed))

    def _single(self, line: Line, period: Period, name: str, spec: Input, column: str, evidence: str | None) -> None:
        text = line.cells.get(column)
        subject = line.cells["subject"]
        if text in words("entry"):  # what was entered before no longer holds
            self._add(Entry(period.label, subject, name, "", None, None, line, column))
        elif spec.type in FIELDS and spec.type not in AS_NUMBER:
            self.fault(line, column, "as_records", name=name)
        elif text is None:
            self.fault(line, column, "value")
        else:
            value = self.read(line, column, lambda t: _plain(spec, t))
            if value is not None:
                self._add(Entry(period.label, subject, name, "", value, evidence, line, column))

    def _withdraw(self, line: Line, period: Period, name: str, spec: Input) -> None:
        ref = line.cells.get("ref", "")
        told = [c for c in line.cells if c not in (*KEYS, "ref")]
        if not ref and (spec.type in FIELDS and spec.type not in AS_NUMBER):
            self.fault(line, "ref", "ref_to_withdraw")
        elif not ref and not told:
            self.fault(line, "value", "value_or_withdrawn")
        else:
            self._add(Entry(period.label, line.cells["subject"], name, ref, None, None, line, "ref"))

    def _record(self, line: Line, period: Period, book: Rulebook, name: str, spec: Input) -> None:
        fields = FIELDS[spec.type]
        n = len(self.faults)
        if "value" in line.cells and spec.type in ("marks", "ratings"):
            line = Line(line.sheet, line.row, {"points": line.cells["value"], **line.cells})
        elif "value" in line.cells:
            self.fault(line, "value", "told_by", type=spec.type, known=list(fields))
        self._alone(line, (*fields, "evidence", "ref"), spec)
        for column in NEEDED.get(spec.type, ()):
            if column not in line.cells:
                self.fault(line, column, "field", field=fields[column], type=spec.type)
        readers = _readers(spec, book, name, period)
        record = {key: self.read(line, c, readers.get(c, str)) for c, key in fields.items() if c in line.cells}
        if len(self.faults) == n:
            self._take(line, period, name, spec, record)
        elif spec.type == "accounts":
            self.torn.add((period.label, line.cells["subject"], name))

    def _take(self, line: Line, period: Period, name: str, spec: Input, record: dict[str, Any]) -> None:
        """Add a record whose cells are right, if it is right as a whole."""
        evidence = line.cells.get("evidence")
        if spec.type == "items":
            record.setdefault("title", record["id"])
        if spec.type != "accounts":  # whose steps are right or wrong only together
            try:
                parse(spec, joined([("1", record)]))
            except Unfit as e:
                column = "points" if spec.type in ("marks", "ratings", "items") else "code"
                self.faults.append(line.unfit(column, e.expected))
                return
        ref = line.cells.get("ref") or ref_of(record, evidence)
        key = (period.label, line.cells["subject"], name, ref)
        self._equal[key] += 1
        if "ref" not in line.cells and "title" not in record and self._equal[key] > 1:
            ref = f"{ref}-{self._equal[key]}"
        self._add(Entry(*key[:3], ref, record, evidence, line, "input", "ref" in line.cells))

    def _add(self, entry: Entry) -> None:
        """Keep an entry; the same key twice must say the same: else none of both is taken, whichever stands first."""
        old = self._seen.setdefault(entry.key, entry)
        if old is entry:
            self.rows.append(entry)
        elif (old.value, old.evidence) != (entry.value, entry.evidence):
            if entry.key not in self._disputed:
                self._disputed.add(entry.key)
                self._unlike(old, entry)
            self._unlike(entry, old)

    def _unlike(self, entry: Entry, other: Entry) -> None:
        sheet = f"{other.line.sheet} " if other.line.sheet != entry.line.sheet else ""
        self.fault(entry.line, entry.column, "as_in_row", sheet=sheet, row=other.line.row)


def _period(text: str) -> Period:
    """A period; a spreadsheet makes the first day of a month from one, which is taken back."""
    if text.endswith("-01 00:00:00"):
        text = text[:7]
    try:
        return parse_period(text)
    except PeriodInvalid as e:
        raise Unfit("period", forms=e.forms) from e


def _plain(spec: Input, text: str) -> Any:
    """A single value in its one plain form: 92.0 and 92 are the same, so are a choice's title and its id."""
    if text.lower() in words("value"):
        return parse(spec, NOT_APPLICABLE)
    if spec.type in AS_NUMBER:
        return forms.whole(0)(text)
    value: Any = parse(spec, text)
    if isinstance(value, bool | str):
        return value
    return int(value) if value.denominator == 1 else exact(value)


def _grade(book: Rulebook, stage: Stage | None, text: str) -> str:
    titles: dict[str, Mapping[str, str]] = {g.id: dict(g.title) for g in stage.grades} if stage else {}
    if stage is not None and stage.grade_entered is not None:
        titles |= {k: dict(v) for k, v in book.inputs[stage.grade_entered.input].choices.items()}
    return _named(titles, text)


def _named(titles: Mapping[str, Mapping[str, str]], text: str) -> str:
    """An id by itself, or by its title in either language."""
    found = {k: k for k in titles} | {t: k for k, words in titles.items() for t in words.values()}
    if text not in found:
        raise Unfit("one_of", known=closest(text, titles) or None)
    return found[text]


def _finding(spec: Input, text: str) -> str:
    """A finding's code; where some codes never count, one of these or a class of cases."""
    wanted = finding_lacks(spec, text)
    if wanted is not None:
        raise Unfit(wanted["code"].removeprefix("expected_"), known=wanted["known"])
    return text


def _readers(spec: Input, book: Rulebook, name: str, period: Period) -> dict[str, Callable[[str], Any]]:
    """How the columns of a record are read."""

    def on(text: str) -> str:
        found = forms.day(text)
        if not period.start <= found < period.end:
            raise Unfit("day_within", first=str(period.start), last=str(period.last))
        return found.isoformat()

    out: dict[str, Callable[[str], Any]] = {
        "on": on, "n": forms.whole(0 if spec.type == "accounts" else 1), "points": forms.number,
        "amount": forms.number, "praised": forms.flag,
    }  # fmt: skip
    kinds = {k.code: dict(k.title) for rule in book.event_rules(name) for k in rule.table}
    if spec.type == "events" and kinds:
        out["code"] = lambda text: _named(kinds, text)
    if spec.type == "findings":
        out["code"] = lambda text: _finding(spec, text)
    if spec.type == "accounts":
        out["code"] = lambda text: _named({s: {} for s in STEPS}, text)
    if spec.type == "ratings":
        out["group"] = lambda text: _named({k: dict(v) for k, v in spec.groups.items()}, text)
    return out
