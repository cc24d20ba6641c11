"""The command whatif: what would move under other rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.files.wording import Words
    from gridmgmt.scorecards.whatif import Move, WhatIf

app = typer.Typer()

FORMATS = (".svg", ".html", ".csv", ".json")


@command(app, "whatif")
def whatif(
    run: State,
    rulebook: str,
    *,
    set_: Sequence[str] = (),
    period: str,
    with_: str | None = None,
    out: Path | None = None,
    most: Annotated[int, typer.Option("--most", min=1)] = 30,
) -> View:
    """What would move under other rules: totals, ranks, grades, consequences, and by which items. Nothing is saved."""
    from gridmgmt.assessing.operations import whatif as supposing
    from gridmgmt.files.writing import write
    from gridmgmt.periods import parse_range
    from gridmgmt.rulebooks.document import change_of
    from gridmgmt.scorecards.exports.whatif_tables import document

    if not set_ and with_ is None:
        raise OptionInvalid(name="--set", value="", expected="--set PATH=VALUE / --with RULEBOOK")
    if out is not None and out.suffix.lower() not in FORMATS:
        raise OptionInvalid(name="--out", value=str(out), expected=", ".join(FORMATS))
    first, last = parse_range(period)
    given = [change_of(text) for text in set_]
    with run.progress() as tell:
        found = supposing.whatif(run.work.but(progress=tell), rulebook, first, last, given, with_)
    if out is not None:
        write(out, _file(run, found, out.suffix.lower()))
    return View(document(found), _found(run, found, most, out))


def _levels(run: State) -> dict[str, Words]:
    return {level.key: {"zh": level.zh, "en": level.en} for level in run.city.levels}


def _file(run: State, found: WhatIf, suffix: str) -> str:
    """The comparison as a file, in both languages unless one was asked for."""
    from gridmgmt.scorecards.exports import whatif_tables as tables
    from gridmgmt.scorecards.exports.whatif_chart import chart, page

    lang = run.file_lang
    match suffix:
        case ".svg":
            return chart(found, _levels(run), lang)
        case ".html":
            return page(found, _levels(run), lang)
        case ".csv":
            return tables.movers_csv(found, lang)
    return tables.document_json(found)


def _found(run: State, found: WhatIf, most: int, out: Path | None) -> Shown:
    from gridmgmt.scorecards.exports import whatif_tables as tables

    for difference in tables.rules(found) if found.before.rulebook.id == found.after.rulebook.id else ():
        yield tables.rule_words(difference)[run.lang]
    yield tables.summary(found)[run.lang]
    yield from (note[run.lang] for note in tables.notes(found))
    if found.movers:
        yield from _movers(run, found, most)
    yield from _effects(run, found)
    if items := found.items():
        places = found.after.rulebook.display_scale
        heads = ("period", "item", "name", "n", "n_open", "low", "mean", "high")
        rows = [
            [i.period, i.item, i.title[run.lang], i.n, i.n_open or "", *(tables.signed(x, places) for x in i.range)]
            for i in items
        ]
        yield Table(run.words(heads, "whatif_"), rows, range(3, 8), run.word("whatif_items"))
    yield run.word("whatif_saved_nothing")
    if out is not None:
        yield run.word("whatif_written", {"file": str(out)})


def _movers(run: State, found: WhatIf, most: int) -> Shown:
    from gridmgmt.scorecards.exports import whatif_tables as tables

    levels = _levels(run)
    rows = [_mover_row(run, found, m, levels) for m in tables.largest(found.movers, most)]
    heads = ("period", "level", "code", "name", "total", "rank", "grade", "difference", "why")
    yield Table(run.words(heads, "whatif_"), rows, (7,), run.word("whatif_movers"))
    if len(found.movers) > most:
        yield run.word("whatif_more", {"n": len(found.movers) - most})


def _mover_row(run: State, found: WhatIf, move: Move, levels: Mapping[str, Words]) -> list[Any]:
    from gridmgmt.scorecards.exports import whatif_tables as tables

    pairs = (tables.totals(found, move), tables.ranks(move), tables.grades(found, move))
    level = levels.get(move.subject.level or "", {run.lang: ""})[run.lang]
    return [
        move.period, level, move.code, move.subject.name[run.lang],
        *(tables.moved(*pair)[run.lang] for pair in pairs),
        tables.signed(move.difference, found.after.rulebook.display_scale), tables.why(move)[run.lang],
    ]  # fmt: skip


def _effects(run: State, found: WhatIf) -> Shown:
    from gridmgmt.scorecards.exports import whatif_tables as tables

    if not found.effects:
        yield run.word("whatif_no_effects")
        return
    rows = [
        [
            run.word(f"whatif_{e.kind}"), e.period, e.code, e.subject.name[run.lang],
            tables.effect_title(found, e)[run.lang], tables.effect_money(e), tables.effect_decide(e)[run.lang],
        ]
        for e in found.effects
    ]  # fmt: skip
    heads = ("kind", "period", "code", "name", "effect", "money", "decide")
    yield Table(run.words(heads, "whatif_"), rows, (5,), run.word("whatif_effects"))
