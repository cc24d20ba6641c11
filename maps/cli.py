"""Sub-commands ``gridmgmt map …``, added by entry point: the core never imports maps."""

from pathlib import Path

import typer

from gridmgmt import texts
from gridmgmt.casework.operations import repeats as repeating
from gridmgmt.cli.base import State, progress, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from maps import drawing, pages
from maps.style import Breaks

app = typer.Typer(help="地图 · Choropleth and heat maps that open without a network.", no_args_is_help=True)

PERIOD = typer.Option(..., "--period", help="2025-12 | 2025-Q4 | 2025-H2 | 2025 | 2025-12-03..2026-01-04")


@app.command("choropleth")
def choropleth(
    context: typer.Context,
    indicator: str = typer.Option(..., "--indicator", help="A count or rate, e.g. on_time_closing_rate."),
    period: str = PERIOD,
    out: Path = typer.Option(..., "--out", help="The HTML file to write."),
    level: str = typer.Option(None, "--level", help="Level shown first (default: the second)."),
    as_of: str = typer.Option(
        None, "--as-of", help="Data cut-off (default: the period's end; while it runs, the newest data)."
    ),
    breaks: str = typer.Option("quantile", "--breaks", help="quantile | equal | inner limits such as 0.6,0.75,0.9"),
    lang: str = typer.Option(None, "--lang", help="zh | en: the language shown first."),
) -> None:
    """Draw an indicator on all levels, with drill-down.

    Example: `gridmgmt map choropleth --indicator on_time_closing_rate --level street --period 2025-12 --out map.html`
    """
    run = state(context)
    with progress() as tell:
        tell("count", 0)
        data = indicators.choropleth(run.engine, indicator, parse_period(period), run.instant(as_of))
        tell("draw", 0)
        start = run.city.level(level).key if level else None
        page = drawing.choropleth(data, indicator, start_level=start, breaks=_breaks(breaks), lang=_lang(run, lang))
        size = pages.save(page, out)
    typer.echo(texts.both("map_written", {"file": str(out), "kb": f"{size / 1000:,.0f}"}))


def _lang(run: State, asked: str | None) -> str:
    run.asked_lang = asked or run.asked_lang
    return run.lang


def _breaks(text: str) -> Breaks:
    if text == "quantile":
        return "quantile"
    if text == "equal":
        return "equal"
    try:
        return tuple(float(x) for x in text.split(","))
    except ValueError as e:
        raise OptionInvalid(name="--breaks", value=text, expected="quantile / equal / 0.6,0.9") from e


@app.command("heat")
def heat(
    context: typer.Context,
    period: str = PERIOD,
    out: Path = typer.Option(..., "--out", help="The HTML file to write."),
    category: str = typer.Option(None, "--category", help="component:01001, component:01*, matter:* …"),
    lang: str = typer.Option(None, "--lang", help="zh | en: the language shown first."),
) -> None:
    """Draw where cases were reported, binned.

    Example: `gridmgmt map heat --period 2025-12 --category component:01* --out heat.html`
    """
    run = state(context)
    with progress() as tell:
        tell("count", 0)
        data = indicators.heat(run.engine, parse_period(period), category)
        tell("draw", len(data.lon))
        size = pages.save(drawing.heat(data, lang=_lang(run, lang)), out)
    typer.echo(texts.both("map_written", {"file": str(out), "kb": f"{size / 1000:,.0f}"}))


@app.command("repeats")
def repeats(
    context: typer.Context,
    period: str = PERIOD,
    out: Path = typer.Option(..., "--out", help="The HTML file to write."),
    rule: str = typer.Option("annex2", "--rule", help="Id in data/repeats, or a YAML file."),
    lang: str = typer.Option(None, "--lang", help="zh | en: the language shown first."),
) -> None:
    """Draw the groups of repeat cases, each with its place and its cases by number.

    Example: `gridmgmt map repeats --period 2025-12 --out repeats.html`
    """
    run = state(context)
    with progress() as tell:
        tell("look back", 0)
        found, outlines = repeating.map_data(run.engine, parse_period(period), rule)
        tell("draw", len(found.groups))
        size = pages.save(drawing.repeats(found, outlines, lang=_lang(run, lang)), out)
    typer.echo(texts.both("map_written", {"file": str(out), "kb": f"{size / 1000:,.0f}"}))
