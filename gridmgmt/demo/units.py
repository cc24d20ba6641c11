"""Units (单位) of the demo city and who answers for what (责任归属)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.demo.division import Division
from gridmgmt.demo.mesh import Ints
from gridmgmt.demo.names import table

_UNIT_COLUMNS = ["code", "name_zh", "name_en", "kind", "parent_code"]
_RULE_COLUMNS = ["category", "level", "grid_code", "unit_code", "valid_from", "valid_to"]
_SINCE = "2020-01-01"
CHANGED, PREDECESSOR, SUCCESSOR = "2025-07-01", "O1", "O5"
"""On this day one owner's pipes passed to another: who answers depends on the date."""


def unit_table(division: Division) -> pd.DataFrame:
    """All units; a code is the grid's code and a letter: C centre, S street office, J community office."""
    city = table("names")["city"]
    centre = f"{city['code']}-C"
    found = [(centre, f"{city['zh']}城市运行管理服务中心", f"{city['en']} City Operations Centre", "city_centre", "")]
    for d in division.records(0):
        name = f"{d['name']}城市管理指挥中心", f"{d['name_en']} Management Centre"
        found.append((f"{d['code']}-C", *name, "district_centre", centre))
    found += departments(division, city, centre)
    for s in division.records(1):
        office = f"{s['name_en']} Office"
        found.append((f"{s['code']}-S", s["responsible"], office, "street_office", f"{s['parent_code']}-C"))
    for c in division.records(2):
        parent = f"{c['parent_code']}-S"
        if c["kind"] == "enterprise":
            found.append((f"{c['code']}-E", c["responsible"], c["name_en"], "owner", parent))
        else:
            found.append((f"{c['code']}-J", c["responsible"], f"{c['name_en']} Office", "community_office", parent))
    return pd.DataFrame(found, columns=_UNIT_COLUMNS, dtype=object)


def departments(division: Division, city: dict[str, str], centre: str) -> list[tuple[str, str, str, str, str]]:
    """Departments of the city and of each district (专业部门), and owners (权属单位)."""
    cases = table("casework")
    found = []
    for x in cases["departments"]:
        if x["level"] == "city":
            found.append((f"{city['code']}-{x['key']}", city["zh"] + x["zh"], x["en"], "department", centre))
            continue
        for d in division.records(0):
            name = d["name"] + x["zh"], f"{d['name_en']} {x['en']}"
            found.append((f"{d['code']}-{x['key']}", *name, "department", f"{d['code']}-C"))
    for x in cases["owners"]:
        name = city["zh"][:-1] + x["zh"], f"{city['en']} {x['en']}"
        found.append((f"{city['code']}-{x['key']}", *name, "owner", centre))
    return found


@dataclass(frozen=True)
class Rule:
    """A class of categories and the unit that answers: suffix of its code, and at which level it sits."""

    pattern: CategoryPattern
    suffix: str
    level: str


def rules() -> list[Rule]:
    """Departments' and owners' categories, the most specific first."""
    cases = table("casework")
    given = [(x, x["level"]) for x in cases["departments"]] + [(x, "city") for x in cases["owners"]]
    found = [Rule(CategoryPattern.parse(c), x["key"], level) for x, level in given for c in x["categories"]]
    return sorted(found, key=lambda r: -r.pattern.specificity())


def responsibility_table(division: Division) -> pd.DataFrame:
    """Who answers for which categories where; ``valid_to`` is the first day no longer valid.

    The street office of each street answers for all that nobody else does
    (属地兜底, GB/T grid rules: the territorial body if there is no other).
    """
    city = table("names")["city"]["code"]
    found: list[tuple[str, str, str, str, str, str]] = []
    for rule in rules():
        places = [city] if rule.level == "city" else [d["code"] for d in division.records(0)]
        for place in places:
            what = str(rule.pattern), rule.level, place
            if rule.suffix == PREDECESSOR:
                found.append((*what, f"{place}-{rule.suffix}", _SINCE, CHANGED))
                found.append((*what, f"{place}-{SUCCESSOR}", CHANGED, ""))
            else:
                found.append((*what, f"{place}-{rule.suffix}", _SINCE, ""))
    own = [c["code"] for c in division.records(2) if c["kind"] == "enterprise"]
    found += [("*", "community", c, f"{c}-E", _SINCE, "") for c in own]
    found += [("*", "street", s["code"], f"{s['code']}-S", _SINCE, "") for s in division.records(1)]
    return pd.DataFrame(found, columns=_RULE_COLUMNS, dtype=object)


def answering(division: Division, classes: list[Any], cell: Ints, category: Ints, days: NDArray[Any]) -> NDArray[Any]:
    """Unit code of each case, from its cell, class (position in ``classes``) and day."""
    ordered = rules()
    keys = [CategoryKey(kind, code) for kind, code, *_ in classes]
    hits = [next((r for r in ordered if r.pattern.matches(k)), None) for k in keys]
    suffix = np.array([f"-{r.suffix}" if r else "-S" for r in hits], dtype=object)[category]
    suffix[(suffix == f"-{PREDECESSOR}") & (days >= np.datetime64(CHANGED))] = f"-{SUCCESSOR}"
    level = np.array([r.level if r else "street" for r in hits], dtype=object)[category]
    place = np.full(len(cell), table("names")["city"]["code"], dtype=object)
    for number, key in enumerate(("district", "street")):
        here = level == key
        place[here] = division.of_cells(number, "code")[cell[here]]
    own = (level == "street") & (division.of_cells(2, "kind") == "enterprise")[cell]
    place[own], suffix[own] = division.of_cells(2, "code")[cell[own]], "-E"
    return np.asarray(place + suffix)
