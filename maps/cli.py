"""Sub-commands ``gridmgmt map …``, added by entry point: the core never imports maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gridmgmt.cli.base import Shown, State, command
from gridmgmt.cli.help import Group
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from maps.assets import OfflineMap
    from maps.style import Breaks

app = typer.Typer(cls=Group, no_args_is_help=True)


@command(app, "choropleth")
def choropleth(
    run: State,
    *,
    indicator: str,
    period: str,
    out: Path,
    level: str | None = None,
    as_of: str | None = None,
    breaks: str = "quantile",
    lang: str | None = None,
) -> Shown:
    """Draw an indicator on all levels, with drill-down."""
    from gridmgmt.figures.operations import indicators
    from gridmgmt.periods import parse_period
    from maps import drawing

    run.speak(lang)
    _page(out)
    with run.progress() as tell:
        tell("count", 0)
        data = indicators.choropleth(run.work, indicator, parse_period(period), run.instant(as_of))
        tell("paint", 0)
        start = run.city.level(level).key if level else None
        page = drawing.choropleth(data, indicator, start_level=start, breaks=_breaks(breaks), lang=run.lang)
        told = _saved(run, page, out)
    yield told


def _page(out: Path) -> None:
    """Refuse a name under which nobody expects a page, before the work: it might be a file that is needed."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise OptionInvalid(name="--out", value=str(out), expected=".html")


def _saved(run: State, page: OfflineMap, out: Path) -> str:
    from maps import pages

    return run.word("map_written", {"file": str(out), "kb": f"{pages.save(page, out) / 1000:,.0f}"})


def _breaks(text: str) -> Breaks:
    if text == "quantile":
        return "quantile"
    if text == "equal":
        return "equal"
    try:
        return tuple(float(x) for x in text.split(","))
    except ValueError as e:
        raise OptionInvalid(name="--breaks", value=text, expected="quantile / equal / 0.6,0.9") from e


@command(app, "heat")
def heat(run: State, *, period: str, out: Path, category: str | None = None, lang: str | None = None) -> Shown:
    """Draw where cases were reported, binned."""
    from gridmgmt.figures.operations import indicators
    from gridmgmt.periods import parse_period
    from maps import drawing

    run.speak(lang)
    _page(out)
    with run.progress() as tell:
        tell("count", 0)
        data = indicators.heat(run.work, parse_period(period), category)
        tell("paint", len(data.lon))
        told = _saved(run, drawing.heat(data, lang=run.lang), out)
    yield told


@command(app, "repeats")
def repeats(run: State, *, period: str, out: Path, rule: str = "annex2", lang: str | None = None) -> Shown:
    """Draw the groups of repeat cases, each with its place and its cases by number."""
    from gridmgmt.casework.operations import repeats as repeating
    from gridmgmt.periods import parse_period
    from maps import drawing

    run.speak(lang)
    _page(out)
    with run.progress() as tell:
        tell("look_back", 0)
        found, outlines, lines = repeating.map_data(run.work, parse_period(period), rule)
        tell("paint", len(found.groups))
        told = _saved(run, drawing.repeats(found, outlines, lines, lang=run.lang), out)
    yield told
