"""Explaining (追溯): from a line, a consequence or a total back to case and sample numbers, entries and periods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from gridmgmt.assessing.operations import permits
from gridmgmt.assessing.operations.proofs import EVIDENCE
from gridmgmt.assessing.operations.scoring import level_number
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store import entries, frozen
from gridmgmt.casework.operations import repeats as repeating
from gridmgmt.casework.operations.repeats import Repetition
from gridmgmt.casework.readers import repeats as repeat_rules
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import ItemMissing
from gridmgmt.figures.indicators import RATIOS, base_of, filtered
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.dossier import EVERYBODY
from gridmgmt.rulebooks.load import parse
from gridmgmt.scorecards.documents import Document, Header, Line, Reached, Subject, Taken


@dataclass(frozen=True)
class Explained:
    """A line, a consequence or the total with the facts behind it.

    Attributes
    ----------
    line, consequence
        What was asked for, as the document has it.
    evidence
        Count or input name → fact numbers.
    entries
        Input → its entered values, each with evidence, by whom and when.
    periods
        Of a consequence: the periods that brought it, each with its assessment and this subject's document.
    repeats
        Input → why each of its cases is a repeat, where a rule of data/repeats says so.
    results
        Input → the results of other assessments that it was made of, each explained in its turn.
    stale
        Assessments whose results were taken and that hold no longer, each with the one that does.
    parts
        Number of each sample in the evidence that counts here by length (按长度分摊) → its exact part.
    """

    assessment: str
    sha256: str
    subject: Subject
    line: Line | None
    document: Document
    evidence: Mapping[str, list[str]]
    header: Header
    consequence: Reached | None = None
    entries: Mapping[str, list[Mapping[str, Any]]] | None = None
    periods: Sequence[tuple[str, Document]] = ()
    repeats: Mapping[str, Sequence[Repetition]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Sequence["Borrowed"]] = field(default_factory=dict)
    stale: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Borrowed:
    """A result of another assessment that an input was made of, and what that rests on."""

    taken: Taken
    why: Explained


@needs("results.read", by_worker=True)
def explain(work: Work, name: str, code: str, item: str | None = None, level: str | None = None) -> Explained:
    """What a subject's line or consequence rests on, down to the frozen case and sample numbers and the entries.

    Parameters
    ----------
    item
        An item, rule, input or consequence of the rulebook, or the name of a
        count or indicator; None: the total, without numbers.

    Raises
    ------
    AssessmentMissing, SubjectMissing, ItemMissing, OutsideScope
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        stored = permits.named(work, connection, name)
        document = store.document(connection, stored, code, level_number(stored, city, level))
        permits.check(work, connection, stored, document)
        return _explained(connection, city.zone, stored, document, item)


def _explained(
    connection: Connection,
    zone: ZoneInfo,
    stored: store.Stored,
    document: Document,
    item: str | None,
    *,
    whole: bool = False,
) -> Explained:
    """``whole``: of the total everything that it was made of, for who comes from an assessment that took it."""
    lines = {x.item: x for x in document.all_lines}
    item = _shown_as(stored, item, lines)
    line = lines.get(item) if item else None
    reached = document.reached(item)
    if whole and item is None:
        inputs = list(dict.fromkeys(i for x in document.lines for i in x.inputs))
        counts = _counts_of(stored.header, inputs)
    else:
        counts, inputs = _behind(stored.header, item, line, reached, lines)
    numbers = _numbers(connection, stored, document, counts)
    return Explained(
        stored.name, stored.sha256, document.subject, line, document, numbers | _accounts(document, inputs),
        stored.header, reached,
        _entered(connection, stored, document, inputs, zone),
        _periods_behind(connection, stored, document, reached, line),
        _repetitions(connection, stored, numbers),
        _parts(connection, stored, document, numbers),
        _borrowed(connection, zone, document, inputs or (list(document.inputs) if item is None else [])),
        store.replaced_sources(connection, stored.name).get(stored.name, ()),
    )  # fmt: skip


def _borrowed(
    connection: Connection, zone: ZoneInfo, document: Document, inputs: Sequence[str]
) -> dict[str, list[Borrowed]]:
    """What the inputs that are results of other assessments rest on, as those were when they were taken."""
    out: dict[str, list[Borrowed]] = {}
    for name in inputs:
        held = document.inputs.get(name)
        for taken in (held.results or ()) if held is not None else ():
            stored = store.by_name(connection, taken.assessment)
            source = store.document(connection, stored, taken.code, taken.level_number)
            why = _explained(connection, zone, stored, source, taken.item, whole=True)
            out.setdefault(name, []).append(Borrowed(taken, why))
    return out


@needs("results.compare")
def is_stale(work: Work, name: str) -> list[dict[str, str]]:
    """Which results that an assessment took hold no longer, with what holds now (依据已更正); none: it is as it was.

    Raises
    ------
    AssessmentMissing
    """
    with work.snapshot() as connection:
        stored = permits.named(work, connection, name)
        return store.replaced_sources(connection, stored.name).get(stored.name, [])


def _shown_as(stored: store.Stored, item: str | None, lines: Mapping[str, Line]) -> str | None:
    """A rule that is the only one of its item has no line of its own: the item's stands for it."""
    if item is None or item in lines:
        return item
    parents: list[tuple[tuple[Any, ...], str]] = []
    for path, part in parse(stored.rulebook_text, stored.name).rulebook.parts():
        if part.id == item:
            return next((name for above, name in reversed(parents) if path[: len(above)] == above), item)
        if part.id in lines:
            parents.append((path, part.id))
    return item


def _behind(
    header: Header,
    item: str | None,
    line: Line | None,
    reached: Reached | None,
    lines: Mapping[str, Line],
) -> tuple[dict[str, str], list[str]]:
    """The counts behind an item (shown name → count of the header), and its inputs."""
    known = [count for counts in header.counts.values() for count in counts]
    specs = header.rulebook.inputs
    if item is None or reached is not None or item in header.rulebook.consequences:
        return {}, []
    if line is None and item in known:
        return {item: item}, []
    if line is None and item in RATIOS:
        rule = RATIOS[item]
        return {c: c for c in (rule.numerator, rule.denominator) if c in known}, []
    inputs = list(line.inputs) if line else [item] if item in specs else []
    if line is None and not inputs:
        raise ItemMissing(item=item, known=[*lines, *specs, *RATIOS, *known])
    if line is not None:
        inputs += [i for i in _inputs_below(line, lines) if i not in inputs]
    return _counts_of(header, inputs), inputs


def _counts_of(header: Header, inputs: Sequence[str]) -> dict[str, str]:
    """Inputs that are counted → the count of the header: their own where they filter, else the base count."""
    known = {count for counts in header.counts.values() for count in counts}
    counts = {}
    for name in inputs:
        count = header.rulebook.inputs[name].count if name in header.rulebook.inputs else None
        if (sampled := filtered("n_scored_samples", name)) in known:
            counts[name] = sampled
        elif count is not None:
            counts[name] = own if (own := f"{count}@{name}") in known else count
    return counts


def _inputs_below(line: Line, lines: Mapping[str, Line]) -> list[str]:
    """The inputs of the lines that a line is made of: those after it that lie deeper."""
    names = list(lines)
    out: list[str] = []
    for name in names[names.index(line.item) + 1 :]:
        if lines[name].depth <= line.depth:
            break
        out += lines[name].inputs
    return list(dict.fromkeys(out))


def _numbers(
    connection: Connection, stored: store.Stored, document: Document, counts: Mapping[str, str]
) -> dict[str, list[str]]:
    subject = document.subject
    out: dict[str, list[str]] = {}
    for shown, count in counts.items():
        of = base_of(count).of
        bit = stored.header.counts[of].index(count)
        found = frozen.numbers(connection, EVIDENCE[of], stored.id, subject.level_number, subject.code, bit)
        out[shown] = found
    return out


def _parts(
    connection: Connection, stored: store.Stored, document: Document, numbers: Mapping[str, list[str]]
) -> dict[str, str]:
    subject, told = document.subject, {no for found in numbers.values() for no in found}
    parts = frozen.parts_in(connection, stored.id, subject.level_number, subject.code)
    return {no: part for no, part in parts.items() if no in told}


def _accounts(document: Document, inputs: Sequence[str]) -> dict[str, list[str]]:
    """The cases behind inputs that are hanging accounts (挂账), and their failures by the numbers to appeal against."""
    out: dict[str, list[str]] = {}
    for name in inputs:
        held = document.inputs.get(name)
        if held is not None and held.from_ == "steps" and isinstance(held.value, list):
            out[name] = [a["id"] for a in held.value]
            out[filtered("n_hang_failures", name)] = [no for a in held.value for no in a.get("failures", ())]
    return out


def _repetitions(
    connection: Connection, stored: store.Stored, numbers: Mapping[str, list[str]]
) -> dict[str, list[Repetition]]:
    """For inputs that are counted by a rule of repeats: which earlier cases each of their cases repeats."""
    specs = parse(stored.rulebook_text, stored.name).rulebook.inputs
    out = {}
    for name, cases in numbers.items():
        automatic = specs[name].automatic if name in specs else None
        if automatic is not None and automatic.only is not None and automatic.only.repeats is not None:
            rule = repeat_rules.rule(automatic.only.repeats)
            out[name] = repeating.reasons(connection, parse_period(stored.period), rule, cases)
    return out


def _entered(
    connection: Connection, stored: store.Stored, document: Document, inputs: Sequence[str], zone: ZoneInfo
) -> dict[str, list[Mapping[str, Any]]]:
    """The entries of a line's inputs, as they were frozen, each with its evidence, by whom and when (city time).

    What was counted and says in words of what (``note``) is among them.
    """
    values = document.inputs
    names = [n for n in inputs if n in values and (values[n].from_ == "entries" or _is_told(values[n].value))]
    if not names:
        return {}
    told = entries.listing(connection, stored.rulebook_id, stored.period, history=True)
    own = [r for r in told if r["subject_code"] in (document.subject.code, EVERYBODY)]
    out: dict[str, list[Mapping[str, Any]]] = {}
    for name in names:
        value = values[name].value
        records = value if isinstance(value, list) else [{"value": value}]
        out[name] = [_provenance(r, [x for x in own if x["input"] == name], zone) for r in records]
    return out


def _is_told(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(r, Mapping) and "note" in r for r in value)


def _provenance(record: Any, told: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> Mapping[str, Any]:
    """A frozen record with the entry that said so: the one it names, else the last with its value."""
    shown = dict(record) if isinstance(record, Mapping) else {"value": record}
    named = shown.get("entry")
    same = [r for r in told if (r["entry"] == named if named else r["value"] == shown.get("value"))]
    if not same:
        return shown
    evidence = shown.get("evidence") or same[-1]["evidence"]
    entered_at = same[-1]["known_at"].astimezone(zone).isoformat(timespec="seconds")
    return {**shown, "evidence": evidence, "by": same[-1]["by"], "entered_at": entered_at}


def _periods_behind(
    connection: Connection,
    stored: store.Stored,
    document: Document,
    reached: Reached | None,
    line: Line | None,
) -> list[tuple[str, Document]]:
    """The assessments and documents of the earlier periods that a consequence or a sum over periods rests on."""
    earlier = stored.header.earlier
    labels = list(reached.because) if reached else []
    if line is not None and line.kind == "periods":
        labels = sorted(earlier)
    subject = document.subject
    out = []
    for label in labels:
        if label == stored.period:
            out.append((stored.name, document))
        elif label in earlier:
            other = store.by_name(connection, earlier[label].assessment)
            out.append((other.name, store.document(connection, other, subject.code, subject.level_number)))
    return out
