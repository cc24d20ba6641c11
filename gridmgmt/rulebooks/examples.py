"""Worked examples (算例) beside a rulebook: inputs in, exact results out; what does not come out is told.

``examples.yaml`` is a list; each example has a ``name`` and one of

- ``given`` (a dossier) with ``expect``: ``results`` by period and subject
  (total, grade, rank, points of items, rates, marks, missing inputs),
  ``consequences`` (all of them, none more), ``money``, ``refusals``;
- ``given`` with ``refused``: a text that the refusal of the inputs must hold;
- ``plan``: units and the number of samples they come to;
- ``days``: in which period of a cadence a day lies.

``changes`` sets readings or values first, as ``whatif --set`` does.
"""

from collections.abc import Mapping
from copy import deepcopy
from fractions import Fraction
from functools import lru_cache
from typing import Any

from gridmgmt.errors import DossierInvalid
from gridmgmt.numbers import exact, to_exact
from gridmgmt.periods import period_of
from gridmgmt.rulebooks.consequences import Reached, consequences, total_money
from gridmgmt.rulebooks.document import exact_yaml
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.load import Loaded, parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.results import Outcome, flat
from gridmgmt.rulebooks.run import Run, run
from gridmgmt.rulebooks.sampling import planned, totals
from gridmgmt.texts import word

KEYS = {"name", "trap", "given", "changes", "expect", "refused", "plan", "days"}
_RESULT_KEYS = {"total", "grade", "rank", "points", "rates", "marks", "missing", "carry_out"}


def read_examples(text: str) -> list[dict[str, Any]]:
    """The examples of a file; numbers with a point stay text."""
    return deepcopy(_examples(text))


@lru_cache(maxsize=64)
def _examples(text: str) -> list[dict[str, Any]]:
    return list(exact_yaml().load(text) or [])


def wrong(loaded: Loaded, example: Mapping[str, Any]) -> list[str]:
    """What of an example does not come out; nothing: it does."""
    unknown = set(example) - KEYS
    if unknown:
        return [f"unknown keys {', '.join(sorted(unknown))}"]
    if "plan" in example:
        return _plan(loaded.rulebook, example["plan"])
    if "days" in example:
        return [
            f"{day} lies in {found}, not in {label}"
            for cadence, days in example["days"].items()
            for day, label in days.items()
            if (found := period_of(day, cadence).label) != label
        ]
    changes = [(path, str(value)) for path, value in (example.get("changes") or {}).items()]
    book = parse(loaded.text, "rulebook.yaml", changes).rulebook if changes else loaded.rulebook
    try:
        dossier = read_dossier(book, example["given"])
    except DossierInvalid as e:
        told = "; ".join(word(p["code"], p, "en") for p in e.problems)
        return [] if example.get("refused") and example["refused"] in told else [f"refused: {told}"]
    if "refused" in example:
        return [f"was to be refused with {example['refused']!r}"]
    made = run(book, dossier)
    expect = example["expect"]
    out = _results(made, expect.get("results") or {})
    ledger = consequences(made, dossier)
    if "consequences" in expect:
        out += _consequences(ledger, expect["consequences"] or [])
    if "money" in expect:
        money = {k: exact(v) for k, v in total_money(ledger).items()}
        out += _differ("money", money, {k: exact(to_exact(v)) for k, v in expect["money"].items()})
    refusals = [{"quota": r.quota, "period": r.period, "subjects": list(r.subjects)} for r in made.refusals]
    return out + _differ("refusals", refusals, expect.get("refusals") or [])


def _differ(what: str, found: Any, wanted: Any) -> list[str]:
    return [] if found == wanted else [f"{what}: {found}, not {wanted}"]


def _results(made: Run, wanted: Mapping[str, Any]) -> list[str]:
    out: list[str] = []
    for label, by_subject in wanted.items():
        for code, result in by_subject.items():
            outcome = made.outcomes.get(str(label), {}).get(str(code))
            where = f"{label} {code}"
            if outcome is None:
                out.append(f"{where}: no such result")
            elif set(result) - _RESULT_KEYS:
                out.append(f"{where}: unknown keys {', '.join(sorted(set(result) - _RESULT_KEYS))}")
            else:
                out += [f"{where} {fault}" for fault in _result(made.book, outcome, result)]
    return out


def _result(book: Rulebook, outcome: Outcome, wanted: Mapping[str, Any]) -> list[str]:
    out: list[str] = []
    if "total" in wanted:
        out += _differ("total", _text(outcome.total), _text(wanted["total"]))
    for key in ("grade", "rank"):
        if key in wanted:
            out += _differ(key, getattr(outcome, key), wanted[key])
    if "carry_out" in wanted:
        out += _differ("carry_out", _text(outcome.carry_out), _text(wanted["carry_out"]))
    for item, points in (wanted.get("points") or {}).items():
        node = outcome.node(item)
        out += _differ(item, _text(node.value) if node else "no such item", _text(points))
    for rate, value in (wanted.get("rates") or {}).items():
        out += _differ(rate, _text(_rate(book, outcome, rate)), _text(value))
    for item, marks in (wanted.get("marks") or {}).items():
        node = outcome.node(item)
        found = {k: str((node.marks if node else {}).get(k)) for k in marks}
        out += _differ(item, found, {k: str(v) for k, v in marks.items()})
    if "missing" in wanted:
        out += _differ("missing", sorted({name for _, name in outcome.missing}), sorted(wanted["missing"]))
    return out


def _text(value: Any) -> str | None:
    return None if value is None else exact(to_exact(value))


def _rate(book: Rulebook, outcome: Outcome, name: str) -> Fraction | None:
    """A rate's value, wherever it stands: that of the first node made from it."""
    roots = ([outcome.root] if outcome.root else []) + list(outcome.shown)
    node = next((n for root in roots for n in flat(root) if n.rate == name and n.parts), None)
    return node.parts[0] / node.parts[1] if node and node.parts and node.parts[1] else None


def _consequences(ledger: list[Reached], wanted: list[Mapping[str, Any]]) -> list[str]:
    """All that were reached, in the ledger's order; of each only the keys that are named."""
    if len(ledger) != len(wanted):
        found = [(r.consequence, r.subject, r.period) for r in ledger]
        return [f"consequences: {found}, not {[(w['consequence'], w['subject'], w['period']) for w in wanted]}"]
    out: list[str] = []
    for entry, want in zip(ledger, wanted, strict=True):
        for key, value in want.items():
            got: Any = getattr(entry, key)
            got = list(got) if isinstance(got, tuple) else _text(got) if isinstance(got, Fraction) else got
            where = f"{entry.consequence} {entry.subject} {entry.period} {key}"
            out += _differ(where, got, _text(value) if key == "money" else value)
    return out


def _plan(book: Rulebook, plan: Mapping[str, Any]) -> list[str]:
    plans = []
    for unit in plan["units"]:
        plans += [planned(book.samples, unit.get("group"), unit.get("attributes") or ())] * unit.get("n", 1)
    total, by_object = totals(plans)
    out = _differ("total", total, plan["total"])
    return out + (_differ("objects", by_object, plan["objects"]) if "objects" in plan else [])
