"""Repeat cases (重复案件) as a workbook: the groups, and every case that was filed with its occurrence."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from openpyxl import Workbook

from gridmgmt.casework.repeats import Rule
from gridmgmt.files.wording import Words, label, named, say
from gridmgmt.files.worksheets import Value, add_sheet, freeze, new_book, put, put_row, save_book
from gridmgmt.periods import Period
from gridmgmt.texts import LANGUAGES, word

GROUPS = (
    ("group", 6), ("category", 16), ("categories", 24), ("place", 28), ("addresses", 40), ("road_class", 12),
    ("threshold", 10), ("n_cases", 8), ("n_repeats", 8), ("cases", 44), ("repeats", 32),
)  # fmt: skip
CASES = (
    ("case_no", 22), ("registered_at", 20), ("category", 16), ("address", 40), ("road_class", 12), ("occurrence", 10),
    ("threshold", 10), ("is_repeat", 12), ("group", 6), ("earlier", 60),
)  # fmt: skip


def title_words(period: Period, rule: Rule) -> Words:
    """What a period's repeat cases by a rule are called."""
    return {x: word("repeats_title", {"period": period.label, "rule": rule.title[x]}, x) for x in LANGUAGES}


def workbook(
    title: Words, groups: Sequence[Mapping[str, Any]], cases: pd.DataFrame, zone: ZoneInfo, as_of: str, lang: str | None
) -> bytes:
    """The workbook's bytes.

    Parameters
    ----------
    groups
        :func:`gridmgmt.casework.repeats.groups` with ``names``, the categories' names by language, and
        ``grids``, code and names of those its cases are in.
    cases
        What :func:`gridmgmt.casework.repeats.find` gives.
    as_of
        ISO 8601 instant for the workbook's own dates.
    lang
        None for both languages.
    """
    book = new_book()
    _sheet(book, "groups", GROUPS, [_group(g, lang) for g in groups], say(title, lang), lang)
    rows = [_case(r, zone, lang) for r in cases.to_dict("records")]
    _sheet(book, "cases", CASES, rows, say(title, lang), lang)
    return save_book(book, say(title, lang), as_of)


def _sheet(
    book: Workbook,
    name: str,
    columns: Sequence[tuple[str, float]],
    rows: Sequence[Sequence[Value]],
    title: str,
    lang: str | None,
) -> None:
    sheet = add_sheet(book, f"repeats_sheet_{name}", [width for _, width in columns], lang)
    put(sheet, 1, 1, title, "gm_title")
    put_row(sheet, 3, [label(f"repeats_{key}", lang) for key, _ in columns], "gm_head", lang)
    for i, row in enumerate(rows, 4):
        for j, value in enumerate(row, 1):
            put(sheet, i, j, value, "gm_text" if isinstance(value, str | None) else "gm_number", lang)
    freeze(sheet, 3, 3)


def _group(g: Mapping[str, Any], lang: str | None) -> list[Value]:
    names = say(g["names"], lang)
    road = label(f"road_class_{g['road_class']}", lang)
    return [
        g["group"], ", ".join(g["categories"]), names, ", ".join(_grid(x, lang) for x in g["grids"]),
        ", ".join(g["addresses"]), road, g["threshold"], len(g["cases"]), len(g["repeats"]),
        ", ".join(g["cases"]), ", ".join(g["repeats"]),
    ]  # fmt: skip


def _grid(grid: Mapping[str, str | None], lang: str | None) -> str:
    """A grid's code and name."""
    code = str(grid["code"])
    name = say(named(grid["zh"], grid["en"], code), lang)
    return code if name == code else f"{code} {name}"


def _case(r: Mapping[Any, Any], zone: ZoneInfo, lang: str | None) -> list[Value]:
    answer = "unknown" if pd.isna(r["is_repeat"]) else "yes" if r["is_repeat"] else "no"
    at = r["registered_at"].tz_convert(zone).strftime("%Y-%m-%d %H:%M:%S")
    number = {key: None if pd.isna(r[key]) else int(r[key]) for key in ("occurrence", "threshold", "group")}
    return [
        r["case_no"], at, r["category"], r["address"], label(f"road_class_{r['road_class']}", lang),
        number["occurrence"], number["threshold"], label(f"repeats_{answer}", lang), number["group"],
        ", ".join(r["earlier"]),
    ]  # fmt: skip
