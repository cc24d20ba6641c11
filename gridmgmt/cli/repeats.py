"""The command on repeat cases: `gridmgmt repeats --period …`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.casework.operations.repeats import RepeatReport

app = typer.Typer()


@command(app, "repeats")
def repeats(run: State, *, period: str, rule: str = "annex2", out: Path | None = None) -> View:
    """Repeat cases of a period, group by group: class, place, road class, and the cases by number."""
    from gridmgmt.casework.operations import repeats as repeating
    from gridmgmt.periods import parse_period

    if out is not None and out.suffix.lower() != ".xlsx":
        raise OptionInvalid(name="--out", value=out.name, expected=".xlsx")
    with run.progress() as tell:
        tell("look_back", 0)
        found = repeating.report(run.work, parse_period(period), rule)
    if out is not None:
        _write(run, found, out)
    return View(found.plain, _found(run, found, out))


def _write(run: State, found: RepeatReport, out: Path) -> None:
    from gridmgmt.casework.exports.repeats import title_words, workbook
    from gridmgmt.files.writing import write

    end = found.period.bounds(found.city.zone)[1].isoformat()
    out.parent.mkdir(parents=True, exist_ok=True)
    write(
        out,
        workbook(title_words(found.period, found.rule), found.groups, found.cases, found.city.zone, end, run.file_lang),
    )


def _found(run: State, found: RepeatReport, out: Path | None) -> Shown:
    from gridmgmt.casework.exports.repeats import title_words

    names = ("group", "category", "categories", "place", "road_class", "threshold", "n_cases", "n_repeats", "cases")
    rows = [
        [
            g["group"], ", ".join(g["categories"]), g["names"][run.lang], _place(run, g),
            run.word(f"road_class_{g['road_class']}"), g["threshold"], len(g["cases"]), len(g["repeats"]), _numbers(g),
        ]
        for g in found.groups
    ]  # fmt: skip
    title = title_words(found.period, found.rule)[run.lang]
    yield Table(run.words(names, "repeats_"), rows, right=(0, 5, 6, 7), title=title)
    yield run.word("repeats_counts", found.counts)
    if found.without_roads:
        yield run.word("repeats_without_roads")
    if out is not None:
        yield run.word("repeats_written", {"n": len(found.groups), "file": str(out)})


def _place(run: State, group: Mapping[str, Any]) -> str:
    """Where a group's cases are: their grids with code and name, then their addresses."""
    return "\n".join([*(str(run.coded(g["code"], g)) for g in group["grids"]), *group["addresses"]])


def _numbers(group: Mapping[str, Any]) -> str:
    """Case numbers of a group, its repeats marked by ``*``."""
    again = set(group["repeats"])
    return ", ".join(f"{no}*" if no in again else str(no) for no in group["cases"])
