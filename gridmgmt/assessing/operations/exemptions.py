"""Exemptions (免计): the inputs of an assessment less the facts that granted appeals are about, wherever they count."""

import datetime as dt
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.assessing.operations.proofs import EVIDENCE
from gridmgmt.assessing.operations.publishing import code_in
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store import entries, frozen
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database.work import Connection
from gridmgmt.errors import AppealRefused
from gridmgmt.figures.counts import ONCE
from gridmgmt.figures.indicators import base_of, filtered
from gridmgmt.numbers import exact
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.load import parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.records import without_failure
from gridmgmt.scorecards.documents import Document, Subject


def counts_for(connection: Connection, stored: Stored, document: Document, kind: str, fact_no: str) -> bool:
    """Whether a fact counts for the subject of a document, in its counts, its hanging accounts or its entries."""
    if kind == "entry":
        return any(fact_no in _entry_refs(name, v.value) for name, v in document.inputs.items())
    gone = _facts_of(connection, stored, kind, fact_no).values()
    if any(_lies_in(fact, document.subject) for fact in gone):
        return True
    book = parse(stored.rulebook_text, stored.name).rulebook
    held = [document.inputs[name] for name in _accounts(book) if name in document.inputs]
    return any(_without(a, kind, fact_no) != a for x in held if x.from_ == "steps" for a in x.value)


def _entry_refs(name: str, value: Any) -> set[str]:
    """What an entry can be named by: the input, or one record's own reference."""
    records = value if isinstance(value, list) else []
    return {name} | {str(r["entry"]) for r in records if isinstance(r, Mapping) and r.get("entry")}


def exempted(
    connection: Connection, stored: Stored, plain: dict[str, Any], granted: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The dossier without the exempted facts, wherever they count: in the grid and in those above it."""
    book = parse(stored.rulebook_text, stored.name).rulebook
    out = deepcopy(plain)
    documents = {code_in(plain, d): d for d in store.documents(connection, stored.id)}
    listed = [a for a in granted if a["kind"] != "entry"]
    gone: dict[Fact, Mapping[str, Any]] = {}
    for appeal in listed:
        gone |= _facts_of(connection, stored, appeal["kind"], appeal["fact_no"])
    amounts = {key: frozen.amounts(connection, key[0], stored.id, key[1]) for key in gone}
    steps = {frozen.case_of(no) for of, no in gone if of == "steps"}
    cases = [frozen.steps_of_case(connection, EVIDENCE["steps"], stored.id, case_no) for case_no in sorted(steps)]
    records = out["periods"][stored.period]
    for code, document in documents.items():
        record = records.get(code, {})
        before = set(record.get("exempted", ()))
        mine = {k: f for k, f in gone.items() if k[1] not in before and _lies_in(f, document.subject)}
        _less(book, stored, record, Exemption(document.subject, mine, amounts, cases, before))
        numbers = {no for _, no in mine} | _less_accounts(book, record, listed)
        if numbers:
            records[code] = {**record, "exempted": sorted(before | numbers)}
    for appeal in granted:
        if appeal["kind"] == "entry":
            _without_entry(connection, stored, book, out, documents, appeal)
    return out


Fact = tuple[str, str]
"""The kind of a frozen fact (``cases``, ``samples``, ``steps``, ``acts``) and its number."""


def _facts_of(connection: Connection, stored: Stored, kind: str, fact_no: str) -> dict[Fact, Mapping[str, Any]]:
    """The frozen facts that an appeal is about: a case stands for all its steps too, a step for the act that it was."""
    of = f"{kind}s"
    found = frozen.fact(connection, EVIDENCE[of], stored.id, fact_no)
    out: dict[Fact, Mapping[str, Any]] = {(of, fact_no): found} if found is not None else {}
    if kind == "case":
        for part in ("steps", "acts"):
            steps = frozen.steps_of_case(connection, EVIDENCE[part], stored.id, fact_no)
            out |= {(part, no): fact for no, fact in steps.items()}
    if kind == "step" and (act := frozen.fact(connection, EVIDENCE["acts"], stored.id, fact_no)) is not None:
        out["acts", fact_no] = act
    return out


def _lies_in(fact: Mapping[str, Any], subject: Subject) -> bool:
    return _part_in(fact, subject) > 0


def _part_in(fact: Mapping[str, Any], subject: Subject) -> Fraction:
    """What part of a frozen fact counts for a subject: all, nothing, or the share of a road's length in a grid."""
    level, code = subject.level_number, subject.code
    if not level:
        return Fraction(int(fact.get("person_code" if subject.kind == "person" else "unit_code") == code))
    parts = (fact.get("shares") or {}).get(str(level))
    return Fraction(int(fact["grid_codes"][level - 1] == code)) if parts is None else Fraction(parts.get(code, 0))


@dataclass(frozen=True)
class Exemption:
    """What appeals take out of one subject's counts.

    Attributes
    ----------
    facts
        The frozen facts that are exempted now and count for the subject.
    amounts
        What each adds to sums.
    cases
        All frozen steps, by number, of every case of which a step is exempted.
    before
        What an earlier correction exempted.
    """

    subject: Subject
    facts: Mapping[Fact, Mapping[str, Any]]
    amounts: Mapping[Fact, Mapping[str, Fraction]]
    cases: Sequence[Mapping[str, Mapping[str, Any]]]
    before: set[str]

    def from_count(self, count: str, names: Sequence[str]) -> Fraction:
        """How much of a count goes; ``names`` are the counts that the bits of a frozen fact stand for."""
        base, bit = base_of(count), 1 << names.index(count)
        every = ONCE.get(base.name)
        if every is not None:
            return Fraction(sum(self._goes(steps, bit, 1 << names.index(every)) for steps in self.cases))
        taken = [key for key, f in self.facts.items() if key[0] == base.of and f["mask"] & bit]
        whole = {key: self.amounts[key].get(base.amount or "", Fraction(1)) for key in taken}
        return sum((whole[key] * _part_in(self.facts[key], self.subject) for key in taken), Fraction(0))

    def _goes(self, steps: Mapping[str, Mapping[str, Any]], bit: int, every: int) -> bool:
        """Whether a case that counts once leaves a count: once all its steps of that kind are exempted."""
        here = {no: f for no, f in steps.items() if _lies_in(f, self.subject)}
        if not any(f["mask"] & bit for f in here.values()):
            return False
        counted = {no for no, f in here.items() if f["mask"] & every} - self.before
        return bool(counted) and counted <= {no for _, no in self.facts}


def _less(book: Rulebook, stored: Stored, record: dict[str, Any], gone: Exemption) -> None:
    """Take exempted facts out of a record's automatic counts."""
    inputs, sources = record.get("inputs", {}), record.get("sources", {})
    for name, spec in book.inputs.items():
        automatic, of = spec.automatic, sources.get(name)
        if automatic is None or name not in inputs:
            continue
        if automatic.sample_mean and of == "samples":
            for _, sample in filter(lambda key: key[0] == "samples", gone.facts):
                raise AppealRefused(why="sample_mean", name=name, fact=sample)
        if automatic.count is None or of != base_of(automatic.count).of:
            continue
        count = filtered(automatic.count, name) if automatic.only is not None else automatic.count
        amount = gone.from_count(count, stored.header.counts[of])
        if amount:
            value = Fraction(str(inputs[name])) - (amount / _days(stored) if automatic.per_day else amount)
            inputs[name] = int(value) if value.denominator == 1 else exact(value)


def _accounts(book: Rulebook) -> list[str]:
    """The inputs that are hanging accounts (挂账) read from the steps of cases."""
    return [name for name, spec in book.inputs.items() if spec.automatic is not None and spec.automatic.accounts]


def _less_accounts(book: Rulebook, record: dict[str, Any], granted: Sequence[Mapping[str, Any]]) -> set[str]:
    """Take exempted cases and failures out of a record's hanging accounts; gives the numbers that were there."""
    numbers: set[str] = set()
    inputs = record.get("inputs", {})
    for name in _accounts(book):
        if name not in inputs or record.get("sources", {}).get(name) != "steps":
            continue
        for appeal in granted:
            less = [_without(a, appeal["kind"], appeal["fact_no"]) for a in inputs[name]]
            if less != inputs[name]:
                inputs[name] = [a for a in less if a is not None]
                numbers.add(appeal["fact_no"])
    return numbers


def _without(account: Mapping[str, Any], kind: str, fact_no: str) -> Mapping[str, Any] | None:
    """A hanging account less what an appeal is about: None where it is the account's case, else less one failure."""
    if kind == "case":
        return None if account["id"] == fact_no else account
    return without_failure(account, fact_no) if kind == "step" else account


def _days(stored: Stored) -> int:
    """The days of the period up to the cut-off."""
    period = parse_period(stored.period)
    end = min(dt.datetime.fromisoformat(stored.header.as_of).date(), period.end)
    return max(1, (end - period.start).days)


def _without_entry(
    connection: Connection,
    stored: Stored,
    book: Rulebook,
    plain: dict[str, Any],
    documents: Mapping[str, Document],
    appeal: Mapping[str, Any],
) -> None:
    """Leave an exempted record out; a single value is replaced by the one entered since."""
    code = next(c for c, d in documents.items() if d.subject.code == appeal["subject_code"])
    records = plain["periods"][stored.period]
    record = records.setdefault(code, {})
    name = str(appeal["fact_no"])
    for inputs in (record.get("inputs", {}), (records.get("*") or {}).get("inputs", {})):
        for key, value in inputs.items():
            if isinstance(value, list):
                inputs[key] = [r for r in value if not (isinstance(r, Mapping) and r.get("entry") == name)]
    if name in book.inputs:
        now = entries.current_entries(connection, stored.rulebook_id, [stored.period]).get(stored.period, {})
        value = now.get(appeal["subject_code"], {}).get(name)
        if value is None or value == record.get("inputs", {}).get(name):
            raise AppealRefused(why="enter_first", name=name)
        record.setdefault("inputs", {})[name] = value
    record["exempted"] = sorted({*record.get("exempted", ()), name})
