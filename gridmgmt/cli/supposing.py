"""The command whatif: what would move under other rules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from gridmgmt.assessing.operations import whatif as supposing
from gridmgmt.cli.base import JSON, State, change_of, progress, show_json, show_table, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import Words
from gridmgmt.periods import parse_range
from gridmgmt.scorecards.exports import whatif_tables as tables
from gridmgmt.scorecards.exports.whatif_chart import chart, page
from gridmgmt.scorecards.whatif import Move, WhatIf

FORMATS = (".svg", ".html", ".csv", ".json")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("whatif")(whatif)


def whatif(
    context: typer.Context,
    rulebook: str = typer.Argument(help="Id of a rulebook, or its YAML file."),
    changes: list[str] = typer.Option(
        None, "--set", help="ITEM.KEY=VALUE, rates.NAME.KEY=VALUE or readings.NAME=OPTION; as often as needed."
    ),
    period: str = typer.Option(..., "--period", help="2025-12 | 2025 (with its months) | 2025-01..2025-12"),
    other: str = typer.Option(None, "--with", help="Compare with another rulebook (id or file) over the same facts."),
    out: Path = typer.Option(None, "--out", help="Also write FILE.svg, .html (a chart), .csv or .json."),
    most: int = typer.Option(30, "--most", min=1, help="How many movers to list (those that moved most)."),
    as_json: bool = JSON,
) -> None:
    """What would move under other rules: totals, ranks, grades, consequences, and by which items. Nothing is saved.

    Example: `gridmgmt whatif grid_baseline --set rework_steps.threshold=3 --period 2025-12 --out whatif.html`
    """
    run = state(context)
    if not changes and other is None:
        raise OptionInvalid(name="--set", value="", expected="--set PATH=VALUE / --with RULEBOOK")
    if out is not None and out.suffix.lower() not in FORMATS:
        raise OptionInvalid(name="--out", value=str(out), expected=", ".join(FORMATS))
    first, last = parse_range(period)
    given = [change_of(text) for text in changes or ()]
    with progress() as tell:
        found = supposing.whatif(run.engine.but(progress=tell), rulebook, first, last, given, other)
    if out is not None:
        out.write_bytes(_file(run, found, out.suffix.lower()).encode())
    if as_json:
        show_json(tables.document(found))
    else:
        _show(run, found, most)
        if out is not None:
            typer.echo(run.word("whatif_written", {"file": str(out)}))


def _levels(run: State) -> dict[str, Words]:
    return {level.key: {"zh": level.zh, "en": level.en} for level in run.city.levels}


def _file(run: State, found: WhatIf, suffix: str) -> str:
    """The comparison as a file, in both languages unless one was asked for."""
    lang = run.asked_lang
    match suffix:
        case ".svg":
            return chart(found, _levels(run), lang)
        case ".html":
            return page(found, _levels(run), lang)
        case ".csv":
            return tables.movers_csv(found, lang)
    return tables.document_json(found)


def _show(run: State, found: WhatIf, most: int) -> None:
    for difference in tables.rules(found) if found.before.rulebook.id == found.after.rulebook.id else ():
        typer.echo(tables.rule_words(difference)[run.lang])
    typer.echo(tables.summary(found)[run.lang])
    for note in tables.notes(found):
        typer.echo(note[run.lang])
    if found.movers:
        _show_movers(run, found, most)
    _show_effects(run, found)
    if items := found.items():
        places = found.after.rulebook.display_scale
        heads = ("period", "item", "name", "n", "n_open", "low", "mean", "high")
        rows = [
            [i.period, i.item, i.title[run.lang], i.n, i.n_open or "", *(tables.signed(x, places) for x in i.range)]
            for i in items
        ]
        show_table(run.word("whatif_items"), [run.word(f"whatif_{h}") for h in heads], rows, right=range(3, 8))
    typer.echo(run.word("whatif_saved_nothing"))


def _show_movers(run: State, found: WhatIf, most: int) -> None:
    levels = _levels(run)
    rows = [_mover_row(run, found, m, levels) for m in tables.largest(found.movers, most)]
    heads = ("period", "level", "code", "name", "total", "rank", "grade", "difference", "why")
    show_table(run.word("whatif_movers"), [run.word(f"whatif_{h}") for h in heads], rows, right=(7,))
    if len(found.movers) > most:
        typer.echo(run.word("whatif_more", {"n": len(found.movers) - most}))


def _mover_row(run: State, found: WhatIf, move: Move, levels: Mapping[str, Words]) -> list[Any]:
    pairs = (tables.totals(found, move), tables.ranks(move), tables.grades(found, move))
    level = levels.get(move.subject.level or "", {run.lang: ""})[run.lang]
    return [
        move.period, level, move.code, move.subject.name[run.lang],
        *(tables.moved(*pair)[run.lang] for pair in pairs),
        tables.signed(move.difference, found.after.rulebook.display_scale), tables.why(move)[run.lang],
    ]  # fmt: skip


def _show_effects(run: State, found: WhatIf) -> None:
    if not found.effects:
        typer.echo(run.word("whatif_no_effects"))
        return
    rows = [
        [
            run.word(f"whatif_{e.kind}"), e.period, e.code, e.subject.name[run.lang],
            tables.effect_title(found, e)[run.lang], tables.effect_money(e), tables.effect_decide(e)[run.lang],
        ]
        for e in found.effects
    ]  # fmt: skip
    heads = ("kind", "period", "code", "name", "effect", "money", "decide")
    show_table(run.word("whatif_effects"), [run.word(f"whatif_{h}") for h in heads], rows, right=(5,))
