"""Commands on figures and scores: indicators, score, scorecards, assessments."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from gridmgmt.assessing.operations import scoring
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.cli.explaining import explain
from gridmgmt.errors import OptionInvalid
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.operations import indicators as counting
from gridmgmt.files import wording
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.scorecards.exports import results
from gridmgmt.scorecards.exports.cards import grade_label, ranked, refusal_words, total_words_short
from gridmgmt.scorecards.exports.lines import top_points

PERIOD = typer.Option(..., "--period", help="2015-12 | 2015-Q4 | 2015-H2 | 2015 | 2015-12-03..2016-01-04")
AS_OF = typer.Option(None, "--as-of", help="Data cut-off (default: the period's end; while it runs, the newest data).")
SHOWN = (
    "n_reported",
    "n_due",
    "n_closed",
    "n_closed_on_time",
    "n_overdue_open",
    "n_rework_cases",
    "n_repeats",
    "n_samples",
)

MOST_MISSING = 20
"""How many subjects' missing inputs are listed."""

assessments = typer.Typer(help="考评 · Assessments made so far.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("indicators")(indicators)
    app.command("score")(score)
    app.command("explain")(explain)
    app.command("scorecards")(scorecards)
    app.add_typer(assessments, name="assessments")


def _name(run: State, zh: Any, en: Any, code: str) -> str:
    first, second = (zh, en) if run.lang == "zh" else (en, zh)
    return next((str(x) for x in (first, second) if isinstance(x, str) and x), code)


def indicators(
    context: typer.Context,
    period: str = PERIOD,
    level: str = typer.Option(..., "--level", help="A level's key, number or name."),
    as_of: str = AS_OF,
    form: str = typer.Option("table", "--format", help="table | csv | json"),
    as_json: bool = JSON,
) -> None:
    """Counts and rates of every grid of a level, those without a case too; the unassigned last.

    Example: `gridmgmt indicators --period 2025-12 --level street --format csv`
    """
    run = state(context)
    table, found = counting.indicators(run.engine, parse_period(period), level, run.instant(as_of))
    form = "json" if as_json else form
    if form == "csv":
        typer.echo(table.to_csv(index=False), nl=False)
    elif form == "json":
        plain = table.astype(object).where(table.notna(), None)
        show_json({"period": period, "level": level, "as_of": found.as_of.isoformat(), "edition": found.edition.name,
                   "grids": plain.to_dict("records")})  # fmt: skip
    elif form == "table":
        _show_indicators(run, table)
    else:
        raise OptionInvalid(name="--format", value=form, expected="table / csv / json")


def _show_indicators(run: State, table: Any) -> None:
    def label(name: str) -> str:
        rule = COUNTS.get(name) or RATIOS[name]
        return rule.zh if run.lang == "zh" else rule.en

    def shown(name: str, value: float) -> str:
        if value != value:
            return run.word("no_data")
        return f"{value:.2%}" if RATIOS[name].unit == "percent" else f"{value:,.2f}"

    def number(n: float) -> str:
        return f"{int(n):,}" if n == int(n) else f"{n:,.2f}"

    rows = [
        [r["code"] or run.word("unassigned"), _name(run, r["name_zh"], r["name_en"], "")]
        + [number(r[c]) for c in SHOWN]
        + [shown(c, r[c]) for c in RATIOS]
        for r in table.to_dict("records")
    ]
    columns = [run.word("code"), run.word("name"), *(label(c) for c in (*SHOWN, *RATIOS))]
    show_table("", columns, rows, right=range(2, len(columns)))


def score(
    context: typer.Context,
    rulebook: str = typer.Argument(help="Id in data/rulebooks, or a YAML file."),
    period: str = PERIOD,
    level: str = typer.Option(None, "--level", help="One level (default: all the rulebook's)."),
    as_of: str = AS_OF,
    as_json: bool = JSON,
) -> None:
    """Assess a period: every subject's total, rank, grade and consequences, with reasons; says what is missing.

    Example: `gridmgmt score grid_baseline --period 2025-12`
    """
    run = state(context)
    with progress() as tell:
        made = scoring.score(
            run.engine.but(progress=tell), rulebook, parse_period(period), level=level, as_of=run.instant(as_of)
        )
    if as_json:
        show_json(
            {"assessment": made.name, "sha256": made.sha256, "new": made.is_new, "n_subjects": len(made.subjects)}
        )
        return
    typer.echo(
        run.word("assessment_made" if made.is_new else "assessment_same", {"name": made.name, "sha256": made.sha256})
    )
    if made.published not in (None, made.name):
        typer.echo(run.word("another_is_published", {"name": made.published}))
    levels = made.header.levels
    key = levels[min(1, len(levels) - 1)].key
    _show_ranking(run, made.header, [d for d in made.subjects if d.subject.level == key])
    _show_missing(run, made.header, made.subjects)


def _show_ranking(run: State, header: Header, documents: list[Document]) -> None:
    """Best first, with what each top item gained and which consequences followed."""
    items = [i.title[run.lang] for i in header.rulebook.items]
    rows = [
        [
            d.place or "–",
            d.subject.code,
            d.subject.name[run.lang],
            total_words_short(d, run.lang),
            grade_label(header, d.grade)[run.lang] if d.grade else "–",
            *(points.text(run.lang) for points in top_points(header, d)),
            results.consequences_line(d)[run.lang],
        ]
        for d in ranked(documents)
    ]
    heads = [run.word(x) for x in ("rank", "code", "name", "total", "grade")]
    show_table("", [*heads, *items, wording.label("card_consequences", run.lang)], rows,
               right=[0, 3, *range(5, 5 + len(items))])  # fmt: skip


def _show_missing(run: State, header: Header, documents: Sequence[Document]) -> None:
    """What is still to be handed in, for whom, and which choices went beyond a quota."""
    for refusal in header.refusals:
        typer.echo(f"{wording.label('card_refusal', run.lang)}: {refusal_words(refusal)[run.lang]}")
    if not header.n_missing:
        return
    typer.echo(wording.label("card_incomplete_value", run.lang, n=header.n_missing))
    lacking = [d for d in documents if d.status == "incomplete"]
    for document in lacking[:MOST_MISSING]:
        parts = [f"{period} {titles[run.lang]}" for period, titles in results.missing(document)]
        typer.echo(f"  {document.subject.code} {document.subject.name[run.lang]}: {'; '.join(parts)}")
    if len(lacking) > MOST_MISSING:
        typer.echo("  …")


@assessments.command("list")
def assessments_list(context: typer.Context, as_json: bool = JSON) -> None:
    """Every assessment, newest first, with the SHA-256 of its canonical JSON.

    Example: `gridmgmt assessments list`
    """
    run = state(context)
    found = scoring.listing(run.engine)
    if as_json:
        show_json(found)
        return
    heads = [run.word(x) for x in ("assessment", "period", "as_of", "state")]
    rows = [[a["name"], a["period"], a["as_of"], run.word(_state(a)), a["sha256"]] for a in found]
    show_table("", [*heads, "SHA-256"], rows)


def _state(row: Any) -> str:
    if row["published_at"] is not None:
        return "published"
    return "not_published" if row["complete"] else "incomplete"


def scorecards(
    context: typer.Context,
    assessment: str = typer.Argument(help="Name of an assessment, a rulebook's id, or latest."),
    level: str = typer.Option(..., "--level", help="A grid level, unit or person."),
    out: Path = typer.Option(..., "--out", help="Folder to write to."),
    form: str = typer.Option("xlsx,csv,json,html", "--format", help="Any of xlsx,csv,json,html."),
    code: list[str] = typer.Option(None, "--code", help="Only these subjects."),
) -> None:
    """Write one scorecard a subject and one summary workbook.

    Example: `gridmgmt scorecards latest --level street --out cards/ --format xlsx,html`
    """
    from gridmgmt.assessing.operations import scorecards as exporting

    run = state(context)
    formats = [f.strip() for f in form.split(",") if f.strip()]
    with progress() as tell:
        written = exporting.export(run.engine.but(progress=tell), assessment, level, out, formats, codes=code or None)
    typer.echo(run.word("files_written", {"n": len(written), "folder": str(out)}))
    sys.stdout.flush()
