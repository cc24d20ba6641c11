"""Commands on results: rank, consequences, publish, recompute, appeals, corrections."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from gridmgmt.assessing.operations import appeals, publishing, scoring
from gridmgmt.cli.base import JSON, State, show_json, show_table, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import readable
from gridmgmt.numbers import exact
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.scorecards.exports.cards import level_words

appeal = typer.Typer(help="申诉 · Appeals against published assessments.", no_args_is_help=True)

ASSESSMENT = typer.Argument(help="Name of an assessment, a rulebook's id for its newest, or latest.")
NAME = typer.Argument(help="An assessment's own name.")
BY = typer.Option(..., "--by", help="Who does it.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("rank")(rank)
    app.command("consequences")(consequences)
    app.command("publish")(publish)
    app.command("recompute")(recompute)
    app.command("correct")(correct)
    app.add_typer(appeal, name="appeal")


def rank(
    context: typer.Context,
    assessment: str = ASSESSMENT,
    level: str = typer.Option(None, "--level", help="One level (default: all that are assessed)."),
    as_json: bool = JSON,
) -> None:
    """The ranking of an assessment, best first; equal totals share a rank, without a total there is none.

    Example: `gridmgmt rank ningbo_district`
    """
    run = state(context)
    stored, documents, _ = scoring.read(run.engine, assessment, level)
    ordered = sorted(documents, key=_place)
    if as_json:
        show_json({"assessment": stored.name, "sha256": stored.sha256, "complete": stored.complete,
                   "subjects": [_ranked(d) for d in ordered]})  # fmt: skip
        return
    title = f"{stored.name} · {run.word('published' if stored.published_at else 'not_published')}"
    if not stored.complete:
        title += " · " + run.word("provisional_ranks")
    names = [run.word(x) for x in ("level", "rank", "code", "name", "total", "grade", "consequences")]
    rows = [_row(run, stored.header, d) for d in ordered]
    show_table(title, names, rows, right=(1, 4))


def _place(document: Document) -> tuple[int, int, str]:
    return document.subject.level_number, document.place or 1 << 30, document.subject.code


def _ranked(document: Document) -> dict[str, Any]:
    keys = ("subject", "status", "total", "grade", "rank", "consequences", "missing", "chance")
    return {k: getattr(document, k) for k in keys}


def _row(run: State, header: Header, document: Document) -> list[Any]:
    subject, grade = document.subject, header.rulebook.grade(document.grade)
    total = document.total.shown if document.total else run.word(_why_none(document))
    reached = "; ".join(c.title[run.lang] + (" ?" if c.undecided else "") for c in document.consequences)
    return [
        level_words(header, subject.level)[run.lang], document.place or "–", subject.code,
        subject.name[run.lang], total, grade.title[run.lang] if grade else "–", reached,
    ]  # fmt: skip


def _why_none(document: Document) -> str:
    return "incomplete" if document.status == "incomplete" else "no_data"


def consequences(
    context: typer.Context,
    rulebook: str = typer.Argument(help="Id of a rulebook."),
    year: int = typer.Option(..., "--year", help="Calendar year."),
    subject: str = typer.Option(None, "--subject", help="Only this subject."),
    as_json: bool = JSON,
) -> None:
    """The year's ledger: who reached which consequence when, and by which periods; money that is decided.

    Example: `gridmgmt consequences qixian --year 2025`
    """
    run = state(context)
    found = publishing.ledger(run.engine, rulebook, year)
    reached = [r for r in found.reached if subject in (None, r.subject, r.subject.rpartition("/")[2])]
    if as_json:
        shown = [{**asdict(r), "money": exact(r.money) if r.money is not None else None} for r in reached]
        sums = {k: exact(v) for k, v in found.money.items()}
        show_json({"rulebook": found.book.id, "year": year, "reached": shown, "money": sums})
        return
    rows = []
    for r in reached:
        consequence = found.book.consequence(r.consequence)
        title = consequence.title[run.lang] if consequence else r.consequence
        if consequence and r.prize is not None:
            title = consequence.prizes[r.prize].title[run.lang]
        stored = found.assessments[r.period]
        rows.append([
            r.period, r.subject, found.names.get(r.subject, {}).get(run.lang, ""), title, ", ".join(r.because),
            exact(r.money) if r.money is not None else "", run.word(f"undecided_{r.undecided}") if r.undecided else "",
            stored.name + (" ✓" if stored.published_at else ""),
        ])  # fmt: skip
    heads = ("period", "code", "name", "consequence", "by_periods", "money", "to_decide", "assessment")
    show_table(f"{found.book.title[run.lang]} · {year}", [run.word(h) for h in heads], rows, right=(5,))
    if not rows:
        typer.echo(run.word("no_consequences", {"year": year}))
    for code, money in sorted(found.money.items()):
        name = found.names.get(code, {}).get(run.lang, code)
        typer.echo(run.word("money_decided", {"name": name, "code": code, "money": exact(money)}))


def publish(context: typer.Context, assessment: str = NAME, by: str = BY, as_json: bool = JSON) -> None:
    """Freeze an assessment: later data does not move it. An incomplete one is refused.

    Example: `gridmgmt publish ningbo_district-2025-12-1 --by 王工`
    """
    run = state(context)
    stored = publishing.publish(run.engine.but(actor=by), assessment)
    if as_json:
        show_json({"assessment": stored.name, "sha256": stored.sha256, "published_at": stored.published_at,
                   "published_by": stored.published_by})  # fmt: skip
    else:
        facts = {"name": stored.name, "by": stored.published_by, "sha256": stored.sha256}
        typer.echo(run.word("assessment_is_published", facts))


def recompute(context: typer.Context, assessment: str = ASSESSMENT, as_json: bool = JSON) -> None:
    """Compute an assessment again from its frozen inputs and rules; its hash must come out the same.

    Example: `gridmgmt recompute latest`
    """
    run = state(context)
    found = publishing.recompute(run.engine, assessment)
    if as_json:
        show_json({"assessment": found.name, "sha256": found.sha256, "again": found.again, "same": found.is_same})
    else:
        typer.echo(run.word("recomputed_same" if found.is_same else "recomputed_differs", asdict(found)))
    if not found.is_same:
        raise typer.Exit(1)


def correct(context: typer.Context, assessment: str = ASSESSMENT, as_json: bool = JSON) -> None:
    """A corrected assessment after granted appeals: the facts stay, exemptions lie over them; shows the difference.

    It holds once it is published itself.

    Example: `gridmgmt correct ningbo_district-2025-12-1`
    """
    run = state(context)
    made, differences = appeals.correct(run.engine, assessment)
    if as_json:
        show_json({"assessment": made.name, "sha256": made.sha256, "new": made.is_new,
                   "differences": [asdict(d) for d in differences]})  # fmt: skip
        return
    typer.echo(run.word("assessment_made" if made.is_new else "assessment_same",
                        {"name": made.name, "sha256": made.sha256}))  # fmt: skip
    rows = [
        [d.subject.code, d.subject.name[run.lang], *map(_arrow, (_rounded(d.total), d.rank, d.grade)),
         ", ".join([*(f"+{c}" for c in d.appeared), *(f"−{c}" for c in d.vanished)]),
         "; ".join(f"{title[run.lang]} {_arrow((before, after))}" for title, before, after in d.lines)]
        for d in differences
    ]  # fmt: skip
    show_table("", [run.word(x) for x in ("code", "name", "total", "rank", "grade", "consequences", "items")], rows)


def _rounded(pair: Sequence[str | None]) -> list[str | None]:
    """Exact totals as people read them; the JSON output has them exactly."""
    return [None if total is None else readable(total) for total in pair]


def _arrow(pair: Sequence[Any]) -> str:
    before, after = ("–" if x is None else str(x) for x in pair)
    return before if before == after else f"{before} → {after}"


@appeal.command("open")
def appeal_open(
    context: typer.Context,
    assessment: str = ASSESSMENT,
    subject: str = typer.Argument(help="Code of the subject that appeals."),
    case: str = typer.Option(None, "--case", help="Number of the case."),
    sample: str = typer.Option(None, "--sample", help="Number of the sample."),
    step: str = typer.Option(None, "--step", help="Number of a step, as NO#7, or what followed: NO!hang2, NO!order1."),
    entry: str = typer.Option(None, "--entry", help="An entry's reference, or the input of a single value."),
    reason: str = typer.Option(..., "--reason", help="Why the fact should not count."),
    by: str = BY,
) -> None:
    """Open an appeal on one case (with its steps), sample, step or entry of a published assessment; one for each.

    The numbers are those that `gridmgmt explain` shows; quote them, since a shell reads `#` and `!`.

    Example: `gridmgmt appeal open ningbo_district 429901 --case AJ202512010001 --reason 不可抗力 --by 李主任`
    """
    run = state(context)
    options = {"case": case, "sample": sample, "step": step, "entry": entry}
    given = [(kind, no) for kind, no in options.items() if no]
    if len(given) != 1:
        raise OptionInvalid(name="--case", value=str(len(given)), expected=" | ".join(f"--{k}" for k in options))
    kind, fact_no = given[0]
    number = appeals.open_appeal(run.engine.but(actor=by), assessment, subject, kind, fact_no, reason)
    typer.echo(run.word("appeal_opened", {"number": number, "fact": fact_no}))


@appeal.command("decide")
def appeal_decide(
    context: typer.Context,
    number: int = typer.Argument(help="Number of the appeal."),
    grant: bool = typer.Option(None, "--grant/--reject", help="Grant it (the fact is exempted) or reject it."),
    reason: str = typer.Option(..., "--reason", help="Why."),
    by: str = BY,
) -> None:
    """Decide an appeal; a granted one takes effect by `gridmgmt correct`.

    Example: `gridmgmt appeal decide 1 --grant --reason 道路管制属实 --by 考评科`
    """
    run = state(context)
    if grant is None:
        raise OptionInvalid(name="--grant", value="", expected="--grant / --reject")
    found = appeals.decide_appeal(run.engine.but(actor=by), number, granted=grant, decision=reason)
    typer.echo(run.word(f"appeal_{found['state']}", {"number": number, "assessment": found["assessment"]}))


@appeal.command("list")
def appeal_list(
    context: typer.Context,
    assessment: str = typer.Argument(None, help="Only those of one assessment."),
    as_json: bool = JSON,
) -> None:
    """Appeals, newest first, with their decisions.

    Example: `gridmgmt appeal list`
    """
    run = state(context)
    found = appeals.list_appeals(run.engine, assessment)
    if as_json:
        show_json(found)
        return
    keys = (
        "id",
        "assessment",
        "subject_code",
        "kind",
        "fact_no",
        "reason",
        "opened_by",
        "state",
        "decision",
        "decided_by",
    )
    heads = ("number", "assessment", "code", "kind", "fact", "reason", "by", "state", "decision", "by")
    show_table("", [run.word(h) for h in heads], [[a[k] for k in keys] for a in found])
