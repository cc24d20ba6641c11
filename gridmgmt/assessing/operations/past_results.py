"""Earlier periods (往期结果): which ones a period builds on, and their results as it reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridmgmt.assessing.operations.automatic_inputs import Assessed, Key
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store import entries
from gridmgmt.database.work import Connection
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks.dossier import stage_of
from gridmgmt.rulebooks.kept import Kept
from gridmgmt.rulebooks.kinds.carry import Carry
from gridmgmt.rulebooks.kinds.periods import Periods
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.scorecards.documents import Document, Line


def shorter_periods(book: Rulebook, stage: Stage, period: Period) -> list[Period]:
    """The shorter periods that a stage's value is made of, in order."""
    below = dict.fromkeys(i.stage for _, i in stage.items() if isinstance(i, Periods))
    out = []
    for name in below:
        cadence = book.stage(name).cadence.partition("@")[0]
        n = {"month": 1, "quarter": 3, "half": 6}[cadence]
        months = period.months()
        out += [parse_period(joined(months[i : i + n])) for i in range(0, len(months), n)]
    return sorted(out, key=lambda p: p.end)


def joined(months: Sequence[Period]) -> str:
    """The label of the quarter or half-year that months make, or of the month itself."""
    first = months[0].label
    if len(months) == 1:
        return first
    name, _, day = first.partition("@")
    year, month = name.split("-")
    part = f"Q{(int(month) + 2) // 3}" if len(months) == 3 else f"H{1 if int(month) <= 6 else 2}"
    return f"{year}-{part}" + (f"@{day}" if day else "")


@dataclass(frozen=True)
class Reads:
    """What later periods read of a result beside its total and place.

    Attributes
    ----------
    items
        The ids of items whose points are read; of those that carry over (``carries``), the subject's own.
    inputs
        The names of inputs.
    """

    items: frozenset[str]
    carries: frozenset[str]
    inputs: frozenset[str]

    @classmethod
    def of(cls, book: Rulebook) -> "Reads":
        """What a rulebook reads."""
        parts = {i.of for s in book.stages for _, i in s.items() if isinstance(i, Periods) and i.of}
        items = parts | {m.item for c in book.consequences for m in c.when.measured if m.item}
        carries = {i.id for s in book.stages for _, i in s.items() if isinstance(i, Carry)}
        return cls(frozenset(items), frozenset(carries), frozenset(n for c in book.consequences for n in c.inputs))


class Past:
    """Results of earlier periods as one scoring reads them (往期结果): each assessment's once.

    What was read stays the same object as long as the subjects do, by which ``kept`` knows it again.
    """

    def __init__(self) -> None:
        self.kept = Kept()
        self._found: dict[int, tuple[Reads, Mapping[Key, str], dict[str, Any]]] = {}

    def results(
        self, connection: Connection, assessment_id: int, reads: Reads, codes: Mapping[Key, str]
    ) -> dict[str, Any]:
        """The results of an assessment by the subjects' codes; those of nobody who is assessed now are left out."""
        before = self._found.get(assessment_id)
        if before is not None and before[:2] == (reads, codes):
            return before[2]
        documents = store.results(connection, assessment_id, lines=bool(reads.items), inputs=bool(reads.inputs))
        found = {codes[d.subject.key]: result_of(reads, d) for d in documents if d.subject.key in codes}
        self._found[assessment_id] = reads, codes, found
        return found


def earlier_results(
    connection: Connection, book: Rulebook, stage: Stage, period: Period, subjects: Sequence[Assessed], past: Past
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, Any]]]:
    """The results of earlier periods that count: shorter ones within this one, and those of windows and carry-over.

    They are those of the period's assessment; where it has none, those that were handed in (往期结果).
    """
    wanted = {p.label for p in shorter_periods(book, stage, period)}
    official = store.official(connection, book.id)
    handed_in = entries.results(connection, book.id)
    wanted |= set(_in_windows(book, stage, period, {**handed_in, **official}))
    codes = {s.key: s.code for s in subjects}
    reads = Reads.of(book)
    used: dict[str, dict[str, str]] = {}
    results: dict[str, dict[str, Any]] = {}
    for label in sorted(wanted & set(official)):
        stored = official[label]
        used[label] = {"assessment": stored.name, "sha256": stored.sha256}
        results[label] = past.results(connection, stored.id, reads, codes)
    for label in sorted(wanted & set(handed_in) - set(official)):
        found = handed_in[label]
        results[label] = {s.code: {"result": found[s.key[2]]} for s in subjects if s.key[2] in found}
    return used, results


def _in_windows(book: Rulebook, stage: Stage, period: Period, labels: Iterable[str]) -> list[str]:
    """Earlier periods of the same stage that a window or the carry-over looks back on."""
    windows = [c.window for c in book.consequences if c.window is not None and c.stage == stage.id]
    carries = any(isinstance(item, Carry) for _, item in stage.items())
    if not windows and not carries:
        return []
    runs = any(w.kind == "consecutive" for w in windows)
    out = []
    for label in labels:
        other = parse_period(label)
        same = stage_of(book, other)
        if same is None or same.id != stage.id or other.end > period.start:
            continue
        if runs or label[:4] == period.label[:4] or (carries and int(label[:4]) == int(period.label[:4]) - 1):
            out.append(label)
    return out


def result_of(reads: Reads, document: Document) -> dict[str, Any]:
    """A document as the record that a later period, or the year's ledger, builds on."""
    place = document.rank.level
    result: dict[str, Any] = {"total": document.total.exact if document.total else None}
    if document.grade is not None:
        result["grade"] = document.grade
    if place is not None:
        differ = place.of > place.tied
        result["rank"] = place.rank
        result["first"] = differ and place.rank == 1
        result["last"] = differ and place.rank + place.tied - 1 == place.of
        result["from_bottom"] = place.of - place.rank - place.tied + 2
        result["tied"] = place.tied
    found = {x.item: m for x in document.all_lines if x.item in reads.items and (m := mark_of(x))}
    if document.reason.code == "line_carry":
        result["carry_out"] = document.reason.facts["carry_out"]
        found |= dict.fromkeys(reads.items & reads.carries, str(document.reason.facts["own"]))
    if found:
        result["items"] = found
    if document.missing:
        result["missing"] = sorted({m.input for m in document.missing})
    values = {k: v.value for k, v in document.inputs.items() if k in reads.inputs}
    return {"result": result, **({"inputs": values} if values else {})}


def mark_of(line: Line) -> str | None:
    """The figure that conditions and sums over periods read from a line: of hanging accounts, how many are exposed."""
    if line.kind == "hanging" and line.status == "ok":
        return str(line.reason.facts["n_exposed"])
    return line.points.exact if line.points else None
