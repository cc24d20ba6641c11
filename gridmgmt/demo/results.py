"""Hand-entered results of the demo city (录入数据): a year of entries, a list of subjects, the daily staff table."""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.demo.casework import YEAR
from gridmgmt.demo.division import Division
from gridmgmt.demo.geography import stream
from gridmgmt.demo.names import table
from gridmgmt.figures.counts import COUNTS
from gridmgmt.rulebooks.inputs import LISTED, Input
from gridmgmt.rulebooks.kinds.events import EventRule
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.model import Rulebook

_ENTRY_COLUMNS = ("period", "subject", "input", "value", "code", "on", "n", "evidence", "ref")
STAFF_COLUMNS = ("day", "subject_code", "person", "worked_h", "online_h", "n_absent", "n_all_off")
_SUBJECT_COLUMNS = ("code", "name_zh", "name_en", "group")

Row = dict[str, Any]


def entries(division: Division, rulebook: str, seed: int) -> pd.DataFrame:
    """A year of entries for one rulebook, as ``gridmgmt entries import`` reads them, signed off month by month."""
    given = table("results")
    own = given["rulebooks"][rulebook]
    book = load(rulebook).rulebook
    rng = stream(seed, 20 + sorted(given["rulebooks"]).index(rulebook))
    rows: list[Row] = []
    for month in range(1, 13):
        period = f"{YEAR}-{month:02}"
        for code, n_grids in subjects(division, own["subjects"]):
            for name, spec in book.inputs.items():
                if _is_entered(spec):
                    rows += _rows(given, own, book, name, spec, period, code, n_grids, rng)
        rows.append({"period": period, "subject": "*", "input": "signed_off", "value": "true"})
    return pd.DataFrame(rows, columns=list(_ENTRY_COLUMNS), dtype=object)


def _is_entered(spec: Input) -> bool:
    """Whether people hand it in: the year came as dates alone, without steps, posts and campaigns' check lists."""
    if spec.entered is None or spec.default is not None:
        return False
    a = spec.automatic
    by_steps = a is not None and (a.accounts or (a.count is not None and COUNTS[a.count].of in ("steps", "acts")))
    return a is None or a.posts is not None or bool(a.sample_types) or by_steps


def subjects(division: Division, kind: str) -> list[tuple[str, int]]:
    """Codes of those assessed, with their number of communities: districts, or the first district's street offices."""
    communities = division.records(2)
    if kind == "districts":
        return [(d["code"], sum(c["code"].startswith(d["code"]) for c in communities)) for d in division.records(0)]
    streets = _streets(division)
    return [(f"{s['code']}-S", sum(c["parent_code"] == s["code"] for c in communities)) for s in streets]


def _streets(division: Division) -> list[dict[str, Any]]:
    """The streets and towns of the first district."""
    first = division.records(0)[0]["code"]
    return [s for s in division.records(1) if s["parent_code"] == first]


def inspected(division: Division) -> pd.DataFrame:
    """The streets and towns of the first district that the inspections' plan draws for (抽查对象)."""
    streets = _streets(division)
    rows = [(s["code"], s["name"], s["name_en"], "town" if s["kind"] == "town" else "street") for s in streets]
    return pd.DataFrame(rows, columns=list(_SUBJECT_COLUMNS), dtype=object)


def subject_list(division: Division) -> pd.DataFrame:
    """The street offices that the county scheme assesses."""
    streets = _streets(division)
    rows = [(f"{s['code']}-S", s["responsible"], f"{s['name_en']} Office", "street") for s in streets]
    return pd.DataFrame(rows, columns=list(_SUBJECT_COLUMNS), dtype=object)


def _rows(
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    book: Rulebook,
    name: str,
    spec: Input,
    period: str,
    code: str,
    n_grids: int,
    rng: np.random.Generator,
) -> list[Row]:
    base = {"period": period, "subject": code, "input": name}
    if spec.type in LISTED:
        kinds: Sequence[str | None] = _codes(book, name) if spec.type == "events" else [None]
        mean = given["events"] if spec.type == "events" else own["more_findings"].get(name, given["findings"])
        return [row for kind in kinds for row in _records(base, kind, mean, rng)]
    if name in own.get("per_grid", {}):
        short = int(rng.random() < 0.25)
        return [{**base, "value": str(max(1, math.ceil(own["per_grid"][name] * n_grids) - short))}]
    if name in own["numbers"]:
        low, high = own["numbers"][name]
        return [{**base, "value": f"{rng.uniform(low, high):.1f}"}]
    if spec.type == "number" and spec.at_most is not None:
        mark = min(100.0, max(40.0, rng.normal(given["mark"]["mean"], given["mark"]["spread"])))
        return [{**base, "value": f"{mark:.1f}"}]
    return []


def _codes(book: Rulebook, name: str) -> list[str | None]:
    tables = [part.table for _, part in book.parts() if isinstance(part, EventRule) and part.input == name]
    return [kind.code for kinds in tables for kind in kinds]


def _records(base: Row, code: str | None, mean: float, rng: np.random.Generator) -> Iterator[Row]:
    for i in range(int(rng.poisson(mean))):
        day = f"{base['period']}-{int(rng.integers(1, 29)):02}"
        paper = f"督查通报{base['period'].replace('-', '')}第{int(rng.integers(1, 90))}号"
        ref = f"{code or base['input']}-{i + 1}"
        yield {**base, "code": code or "", "on": day, "n": "1", "evidence": paper, "ref": ref}


def staff_days(division: Division, seed: int) -> pd.DataFrame:
    """Every collector's hours at work and online, day by day through the year."""
    given = table("results")["staff"]
    rng = stream(seed, 30)
    days = [dt.date(YEAR, 1, 1) + dt.timedelta(days=i) for i in range(365)]
    frames = []
    for code, n_grids in subjects(division, "districts"):
        for person in range(max(1, math.ceil(given["per_grid"] * n_grids))):
            online = np.clip(rng.normal(rng.uniform(*given["online"]), 0.08, len(days)), 0, 1)
            hours = np.round(online * given["worked_h"], 1)
            frames.append(pd.DataFrame({
                "day": [str(d) for d in days], "subject_code": code, "person": f"{code}-{person + 1:02}",
                "worked_h": given["worked_h"], "online_h": hours, "n_absent": 0, "n_all_off": 0,
            }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)[list(STAFF_COLUMNS)]
