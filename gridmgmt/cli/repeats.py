"""The command on repeat cases: `gridmgmt repeats --period …`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from gridmgmt.casework.exports.repeats import workbook
from gridmgmt.casework.operations import repeats as repeating
from gridmgmt.casework.operations.repeats import RepeatReport
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.periods import parse_period
from gridmgmt.texts import LANGUAGES, word


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("repeats")(repeats)


def repeats(
    context: typer.Context,
    period: str = typer.Option(..., "--period", help="2025-12 | 2025-Q4 | 2025-12@26 | 2025-12-03..2026-01-04"),
    rule: str = typer.Option("annex2", "--rule", help="Id in data/repeats, or a YAML file."),
    out: Path = typer.Option(None, "--out", help="Write a workbook (.xlsx) of groups and cases."),
    as_json: bool = JSON,
) -> None:
    """Repeat cases of a period, group by group: class, place, road class, and the cases by number.

    Example: `gridmgmt repeats --period 2025-12 --out repeats.xlsx`
    """
    run = state(context)
    if out is not None and out.suffix.lower() != ".xlsx":
        raise OptionInvalid(name="--out", value=out.name, expected=".xlsx")
    with progress() as tell:
        tell("look back", 0)
        found = repeating.report(run.engine, parse_period(period), rule)
    if out is not None:
        title = {x: word("repeats_title", _title(found, x), x) for x in LANGUAGES}
        end = found.period.bounds(found.city.zone)[1].isoformat()
        content = workbook(title, found.groups, found.cases, found.city.zone, end, run.asked_lang)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(content)
    if as_json:
        show_json(_as_json(found))
        return
    _show(run, found)
    if out is not None:
        typer.echo(run.word("repeats_written", {"n": len(found.groups), "file": str(out)}))


def _title(found: RepeatReport, lang: str) -> dict[str, str]:
    return {"period": found.period.label, "rule": found.rule.title[lang]}


def _as_json(found: RepeatReport) -> dict[str, Any]:
    columns = ("case_no", "category", "road_class", "occurrence", "threshold", "is_repeat", "earlier", "group")
    plain = found.cases[list(columns)].astype(object)
    cases = plain.where(plain.notna(), None).to_dict("records")
    return {
        "period": found.period.label, "rule": found.rule.id, **found.counts, "without_roads": found.without_roads,
        "groups": list(found.groups), "cases": cases,
    }  # fmt: skip


def _show(run: State, found: RepeatReport) -> None:
    names = ("group", "category", "categories", "road_class", "threshold", "n_cases", "n_repeats", "cases")
    rows = [
        [
            g["group"], ", ".join(g["categories"]), g["names"][run.lang], run.word(f"road_class_{g['road_class']}"),
            g["threshold"], len(g["cases"]), len(g["repeats"]), _numbers(g),
        ]
        for g in found.groups
    ]  # fmt: skip
    title = run.word("repeats_title", _title(found, run.lang))
    show_table(title, [run.word(f"repeats_{x}") for x in names], rows, right=(0, 4, 5, 6))
    typer.echo(run.word("repeats_counts", found.counts))
    if found.without_roads:
        typer.echo(run.word("repeats_without_roads"))


def _numbers(group: Mapping[str, Any]) -> str:
    """Case numbers of a group, its repeats marked by ``*``."""
    again = set(group["repeats"])
    return ", ".join(f"{no}*" if no in again else str(no) for no in group["cases"])
