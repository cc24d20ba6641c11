"""Commands on figures and scores: indicators, score, scorecards, assessments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, Table, View, as_json_text, command, group
from gridmgmt.errors import OptionInvalid
from gridmgmt.numbers import exact

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from gridmgmt.assessing.operations.scoring import Made
    from gridmgmt.figures.operations.groups import Groups
    from gridmgmt.periods import Period
    from gridmgmt.scorecards.documents import Document, Header

app = typer.Typer()
assessments = group(app, "assessments")

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

_MOST_MISSING = 20
"""How many subjects' missing inputs are listed."""

_MOST_TOLD = 10
"""How many entered values that are not used are listed."""


@command(app, "indicators")
def indicators(
    run: State,
    *,
    period: str,
    level: str | None = None,
    by: str = "grid",
    as_of: str | None = None,
    behind: str | None = None,
    count: str | None = None,
    names: bool = False,
    format_: str = "table",
    columns: str = "codes",
    geometry: bool = False,
    out: Path | None = None,
) -> View:
    """Counts and rates by grid, source, category, unit, person or ending; what is in no group last, then the total."""
    from gridmgmt.figures.operations import groups
    from gridmgmt.periods import parse_period

    if (by == "grid") != (level is not None):
        raise OptionInvalid(name="--level", value=level or "", expected=texts.expected("level_with_grids"))
    if geometry != (out is not None) or (geometry and (by != "grid" or behind is not None)):
        expected = "--by grid --geometry --out FILE"
        raise OptionInvalid(name="--out" if geometry else "--geometry", value="", expected=expected)
    wanted, cut = parse_period(period), run.instant(as_of)
    if behind is not None:
        numbers = groups.numbers_behind(run.work, wanted, by, behind, count, level=level, as_of=cut)
        return View({"by": by, "code": behind, "numbers": numbers}, _numbers(run, numbers))
    if by == "grid":
        return _of_grids(run, wanted, str(level), cut, format_, columns, out)
    made = groups.by_group(run.work, wanted, by, cut, names=names)
    told = {"period": period, "by": by, "as_of": made.found.as_of.isoformat(), "edition": made.found.edition.name}
    all_told = made.total or {}
    total = {name: exact(Fraction(n)) if n != int(n) else int(n) for name, n in all_told.items()}
    whole = {**told, "total": total, "groups": _records(made.table)}
    return View(whole, _grouped(run, format_, columns, whole, made))


def _of_grids(
    run: State, period: Period, level: str, as_of: dt.datetime | None, form: str, columns: str, out: Path | None
) -> View:
    """The grids of a level, shown or written as a map."""
    from gridmgmt.figures.operations import indicators as counting

    if out is not None:
        table, found = counting.export_indicators(run.work, period, level, out, as_of)
    else:
        table, found = counting.indicators(run.work, period, level, as_of)
    head = {"period": period.label, "level": level, "as_of": found.as_of.isoformat(), "edition": found.edition.name}
    if out is not None:
        shown: Shown = run.says("rows_written", {"n": len(table), "file": str(out)})
    else:
        shown = _in_form(run, form, head, _headed(run, table, columns) if form == "csv" else table)
    return View(lambda: {**head, "grids": _records(table)}, shown)


def _numbers(run: State, found: Mapping[str, Sequence[str]]) -> Shown:
    """The numbers behind each count, eight in a row."""
    from gridmgmt.figures.names import indicator_words

    for name, numbers in found.items():
        yield f"{indicator_words(name)[run.lang]} ({name}): {len(numbers):,}"
        for start in range(0, len(numbers), 8):
            yield "  " + " ".join(numbers[start : start + 8])


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _headed(run: State, table: pd.DataFrame, columns: str) -> pd.DataFrame:
    """A table for CSV: its heads are codes, which programs read, or words."""
    from gridmgmt.figures.names import column_words

    if columns not in ("codes", "words"):
        raise OptionInvalid(name="--columns", value=columns, expected="codes / words")
    if columns == "codes":
        return table
    return table.rename(columns={c: column_words(c)[run.lang] for c in table.columns})


def _in_form(run: State, form: str, head: Mapping[str, Any], table: pd.DataFrame) -> Shown:
    match form:
        case "csv":
            yield table.to_csv(index=False).removesuffix("\n")
        case "json":
            yield as_json_text({**head, "grids": _records(table)})
        case "table":
            yield _indicators(run, table, SHOWN)
        case _:
            raise OptionInvalid(name="--format", value=form, expected="table / csv / json")


def _grouped(run: State, form: str, columns: str, whole: Mapping[str, Any], made: Groups) -> Shown:
    from gridmgmt.figures.counts import COUNTS
    from gridmgmt.figures.grouping import ENDINGS

    match form:
        case "json":
            yield as_json_text(whole)
        case "table":
            counts = [c for c in made.table.columns if c in (COUNTS if made.by == "person" else SHOWN)]
            table = made.table.copy()
            if made.by == "ending":
                table["name_zh"] = [run.word(f"ending_{c}") if c in ENDINGS else None for c in table["code"]]
            yield _indicators(run, table, counts, made.total)
        case _:
            yield from _in_form(run, form, whole, _headed(run, made.table, columns))


def _indicators(
    run: State, table: pd.DataFrame, counts: Sequence[str], total: Mapping[str, int | Fraction] | None = None
) -> Table:
    from gridmgmt.figures.indicators import RATIOS
    from gridmgmt.figures.names import indicator_words

    rates = [name for name in RATIOS if name in table.columns]

    def shown(name: str, value: float) -> str:
        if value != value:
            return run.word("no_data")
        return f"{value:.2%}" if RATIOS[name].unit == "percent" else f"{value:,.2f}"

    def number(n: float | Fraction) -> str:
        return f"{int(n):,}" if n == int(n) else f"{float(n):,.2f}"

    nowhere = run.word("unassigned" if total is None else "in_no_group")
    rows = [
        [r["code"] or nowhere, run.name(r["name_zh"], r["name_en"])]
        + [number(r[c]) for c in counts]
        + [shown(c, r[c]) for c in rates]
        for r in table.to_dict("records")
    ]
    if total is not None:
        rows.append([run.word("sum_of_all"), "", *(number(total[c]) for c in counts), *("" for _ in rates)])
    columns = [*run.words(("code", "name")), *(indicator_words(name)[run.lang] for name in (*counts, *rates))]
    numbers_at = range(2, len(columns))
    return Table(columns, rows, right=numbers_at, whole=[0, *numbers_at], again=2)


@command(app, "score")
def score(run: State, rulebook: str, *, period: str, level: str | None = None, as_of: str | None = None) -> View:
    """Assess a period: every subject's total, rank, grade and consequences, with reasons; says what is missing."""
    from gridmgmt.assessing.operations import scoring
    from gridmgmt.periods import parse_period

    with run.progress() as tell:
        made = scoring.score(
            run.work.but(progress=tell), rulebook, parse_period(period), level=level, as_of=run.instant(as_of)
        )
    head = {"assessment": made.name, "sha256": made.sha256, "new": made.is_new}
    aside = [vars(x) for x in made.set_aside]
    return View({**head, "n_subjects": len(made.subjects), "set_aside": aside}, _scored(run, made))


def _scored(run: State, made: Made) -> Shown:
    yield run.word("assessment_made" if made.is_new else "assessment_same", {"name": made.name, "sha256": made.sha256})
    if made.published not in (None, made.name):
        yield run.word("another_is_published", {"name": made.published})
    if made.unlisted:
        facts = {"n": len(made.subjects), "rulebook": made.header.rulebook.id}
        yield run.word("all_units_assessed", facts)
    yield from _set_aside(run, made)
    levels = made.header.levels
    key = levels[min(1, len(levels) - 1)].key
    yield _ranking(run, made.header, [d for d in made.subjects if d.subject.level == key])
    yield from _missing(run, made.header, made.subjects)


def _set_aside(run: State, made: Made) -> Shown:
    """What was entered and is not used, the first few: else a value would be replaced without a word."""
    from gridmgmt.scorecards.exports.results import known_words, value_words

    if not made.set_aside:
        return
    yield run.word("entries_set_aside", {"n": len(made.set_aside)})
    for x in made.set_aside[:_MOST_TOLD]:
        told = {k: value_words(v)[run.lang] for k, v in (("entered", x.entered), ("used", x.used))}
        name = known_words(made.header, x.input)[run.lang]
        yield "  " + run.word("entry_set_aside", {"subject": x.subject, "input": name, **told})
    if len(made.set_aside) > _MOST_TOLD:
        yield "  …"


def _ranking(run: State, header: Header, documents: list[Document]) -> Table:
    """Best first, with what each top item gained and which consequences followed."""
    from gridmgmt.files import wording
    from gridmgmt.scorecards.exports import results
    from gridmgmt.scorecards.exports.cards import grade_label, ranked, total_words_short
    from gridmgmt.scorecards.exports.lines import top_points

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
    heads = [*run.words(("rank", "code", "name", "total", "grade")), *items]
    of_items = range(5, len(heads))
    return Table(
        [*heads, wording.label("card_consequences", run.lang)],
        rows,
        right=[0, 3, *of_items],
        whole=[0, 1, 3],
        spare=of_items,
        left_out=run.left_out,
    )


def _missing(run: State, header: Header, documents: Sequence[Document]) -> Shown:
    """What is still to be handed in, for whom, and which choices went beyond a quota."""
    from gridmgmt.files import wording
    from gridmgmt.scorecards.exports import results
    from gridmgmt.scorecards.exports.cards import notes, refusal_words
    from gridmgmt.scorecards.exports.lines import total_words

    little = [d for d in documents if d.status == "incomplete" and not d.is_open]
    for note in notes(header, len(little)):
        yield f"{wording.label('card_absent', run.lang)}: {note[run.lang]}"
    for document in little[:_MOST_MISSING]:
        yield f"  {document.subject.code} {document.subject.name[run.lang]}: {total_words(document)[run.lang]}"
    if len(little) > _MOST_MISSING:
        yield "  …"
    for refusal in header.refusals:
        yield f"{wording.label('card_refusal', run.lang)}: {refusal_words(refusal)[run.lang]}"
    if not header.n_missing:
        return
    yield wording.label("card_incomplete_value", run.lang, n=header.n_missing)
    lacking = [d for d in documents if d.is_open]
    for document in lacking[:_MOST_MISSING]:
        parts = [f"{period} {titles[run.lang]}" for period, titles in results.missing(document)]
        yield f"  {document.subject.code} {document.subject.name[run.lang]}: {'; '.join(parts)}"
    if len(lacking) > _MOST_MISSING:
        yield "  …"


@command(assessments, "list")
def assessments_list(run: State) -> View:
    """Every assessment, newest first, with the SHA-256 of its canonical JSON."""
    from gridmgmt.assessing.operations import scoring

    found = scoring.listing(run.work)
    rows = ([a["name"], a["period"], run.time(a["as_of"]), run.word(_state(a)), a["sha256"]] for a in found)
    return View(found, [Table(run.words(("assessment", "period", "as_of", "state", "SHA-256")), rows)])


def _state(row: Any) -> str:
    if row["stale"]:
        return "published_stale" if row["published_at"] is not None else "stale"
    if row["published_at"] is not None:
        return "published"
    return "not_published" if row["complete"] else "incomplete"


@command(app, "scorecards")
def scorecards(
    run: State,
    assessment: str,
    *,
    level: str,
    out: Path,
    format_: str = "xlsx,csv,json,html",
    code: Sequence[str] = (),
    columns: str = "words",
    lang: str | None = None,
) -> Shown:
    """Write one scorecard a subject and one summary workbook."""
    from gridmgmt.assessing.operations import scorecards as exporting
    from gridmgmt.scorecards.exports.writing import Writer

    run.speak(lang)
    writer = Writer(run.file_lang, columns)
    formats = [f.strip() for f in format_.split(",") if f.strip()]
    with run.progress() as tell:
        written = exporting.export(run.work.but(progress=tell), assessment, level, out, formats, code or None, writer)
    yield run.word("files_written", {"n": len(written), "folder": str(out)})
