"""Commands on inspections: plan, draw, field forms, what comes back, rectification notices."""

import datetime as dt
from pathlib import Path
from typing import Any

import typer

from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.cli.facts import samples
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import say
from gridmgmt.inspections.exports import field_forms
from gridmgmt.inspections.operations import draws, findings
from gridmgmt.inspections.operations.draws import DrawReport
from gridmgmt.inspections.operations.findings import TakeReport
from gridmgmt.periods import parse_instant

notices = typer.Typer(help="整改通知 · Rectification notices.", no_args_is_help=True)

DRAW = typer.Argument(help="Name of the draw, such as huiji-2025-06.")
RULEBOOK = typer.Option(..., "--rulebook", help="Id of the rulebook whose samples are drawn.")
PERIOD = typer.Option(..., "--period", help="The period, such as 2025-06.")
BY = typer.Option(..., "--by", help="Who answers for it.")
TAKE_COUNTS = ("n_new", "n_corrected", "n_unchanged", "n_refused", "n_not_filled")


def add_to(app: typer.Typer) -> None:
    """Add the notices below the samples' own commands, which :mod:`gridmgmt.cli.facts` has added."""
    samples.add_typer(notices, name="notices")


@samples.command("plan")
def samples_plan(context: typer.Context, rulebook: str = RULEBOOK, period: str = PERIOD, as_json: bool = JSON) -> None:
    """What is to be drawn: unit by unit, type by type, with exceptions and substitutes and why.

    Example: `gridmgmt samples plan --rulebook huiji --period 2025-06`
    """
    run = state(context)
    found = draws.plan_of(run.engine, rulebook, period)
    if as_json:
        lines = [
            {
                "unit": x.unit.code, "type": x.type.id, "objects": dict(x.objects), "n": x.n, "why": x.why,
                "attribute": x.attribute,
            }
            for x in found.lines
        ]  # fmt: skip
        show_json({"rulebook": found.loaded.rulebook.id, "period": found.period.label, "n": found.n, "lines": lines})
        return
    rows = []
    for x in found.lines:
        objects = ", ".join(f"{name} {n}" for name, n in x.objects.items())
        why = "" if x.why == "as_stated" else run.word(f"plan_{x.why}", {"attribute": x.attribute})
        unit = f"{x.unit.code} {say(x.unit.name, run.lang)}"
        rows.append([unit, say(x.type.title, run.lang), objects, x.n, why])
    title = say(found.loaded.rulebook.title, run.lang)
    heads = [run.word(f"sample_{n}") for n in ("unit", "type", "object", "n", "why")]
    show_table(run.word("plan_title", {"title": title, "period": found.period.label, "n": found.n}), heads, rows, (3,))


@samples.command("draw")
def samples_draw(
    context: typer.Context,
    rulebook: str = RULEBOOK,
    period: str = PERIOD,
    seed: str = typer.Option(..., "--seed", help="Any text; with it anybody draws the same samples."),
    again: str = typer.Option(None, "--again", help="Why a period that was drawn before is drawn anew."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do everything, report, undo it."),
    as_json: bool = JSON,
) -> None:
    """Draw a period's samples from the layers, spread over the grids; the same draw again changes nothing.

    Example: `gridmgmt samples draw --rulebook huiji --period 2025-06 --seed 20250601`
    """
    run = state(context)
    with progress() as tell:
        report = draws.make_draw(run.engine.but(keep=not dry_run, progress=tell), rulebook, period, seed, again=again)
    if as_json:
        names = ("name", "sha256", "is_new", "dry_run", "n_inspected_before", "document")
        show_json({name: getattr(report, name) for name in names})
        return
    _tell_draw(run, report)


def _tell_draw(run: State, report: DrawReport) -> None:
    document = report.document
    if report.dry_run:
        typer.echo(run.word("import_dry_run"))
    facts = {"name": report.name, "n": len(document["items"]), "sha256": report.sha256[:12]}
    typer.echo(run.word("draw_made", facts) if report.is_new else run.word("draw_same", facts))
    if report.n_inspected_before:
        typer.echo(run.word("draw_inspected_before", {"n": report.n_inspected_before}))
    _tell_short(run, document)


def _tell_short(run: State, document: Any) -> None:
    """What is short, what was passed over, what was drawn again: never silently."""
    n_again = sum(i["again"] is not None for i in document["items"])
    if n_again:
        typer.echo(run.word("draw_repeated", {"n": n_again}))
    if document["passed_over"]:
        typer.echo(run.word("draw_passed_over", {"n": len(document["passed_over"])}))
    if document["short"]:
        words = document["words"]
        rows = [
            [
                s["unit"],
                words["types"][s["type"]][run.lang],
                words["objects"][s["object"]][run.lang],
                s["asked"],
                s["drawn"],
            ]
            for s in document["short"]
        ]
        heads = [run.word(f"sample_{n}") for n in ("unit", "type", "object", "asked", "drawn")]
        show_table(run.word("draw_short"), heads, rows, (3, 4))


@samples.command("show")
def samples_show(
    context: typer.Context,
    draw: str = DRAW,
    unit: str = typer.Option(None, "--unit", help="Only this unit's samples."),
    as_json: bool = JSON,
) -> None:
    """A draw's samples, as far as they were inspected, and what is short.

    Example: `gridmgmt samples show huiji-2025-06 --unit 410108001`
    """
    run = state(context)
    found, items = draws.show_draw(run.engine, draw, unit)
    if as_json:
        head = {"name": found.name, "sha256": found.sha256, "reason": found.reason, "known_at": found.known_at}
        show_json({**head, "samples": items} | ({} if unit else {"document": found.document}))
        return
    words = found.document["words"]
    again = {s["no"]: i["again"] for i, s in zip(found.document["items"], found.document["samples"], strict=True)}
    rows = []
    for x in items:
        grid = next(code for code in reversed(x["grid_codes"]) if code is not None)
        kind, name = words["types"][x["sample_type"]][run.lang], words["objects"][x["object"]][run.lang]
        told = run.word(f"result_{x['result']}") if x["result"] else ""
        score = "" if x["score"] is None else f"{x['score']:f}"
        rows.append([x["sample_no"], x["unit_code"], kind, f"{name} {x['name_' + run.lang]}", grid,
                     again[x["sample_no"]] or "", told, score])  # fmt: skip
    heads = [run.word(f"sample_{n}") for n in ("no", "unit", "type", "object", "grid", "again", "result", "score")]
    show_table(f"{found.name} · {found.sha256[:12]}", heads, rows, (7,))
    _tell_short(run, found.document)


@samples.command("verify")
def samples_verify(context: typer.Context, draw: str = DRAW, as_json: bool = JSON) -> None:
    """Draw again from what is kept with a draw and compare; ends with status 1 if anything differs.

    Example: `gridmgmt samples verify huiji-2025-06`
    """
    run = state(context)
    found = draws.verify_draw(run.engine, draw)
    if as_json:
        show_json(found)
    else:
        for name, answer in found.items():
            typer.echo(f"{run.word(f'draw_check_{name}')}: {run.word('draw_check_' + ('yes' if answer else 'no'))}")
    if not all(found.values()):
        raise typer.Exit(1)


@samples.command("form")
def samples_form(
    context: typer.Context,
    draw: str = DRAW,
    unit: str = typer.Option(None, "--unit", help="Only this unit's samples."),
    out: Path = typer.Option(..., "--out", help="A .xlsx workbook, or .geojson for a phone app."),
) -> None:
    """The form that inspectors take along: every sample with what is looked at in it.

    Example: `gridmgmt samples form huiji-2025-06 --unit 410108001 --out june.xlsx`
    """
    run = state(context)
    if out.suffix.lower() not in (".xlsx", ".geojson"):
        raise OptionInvalid(name="--out", value=str(out), expected=".xlsx / .geojson")
    form = findings.form_of(run.engine, draw, unit)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".xlsx":
        out.write_bytes(field_forms.workbook(form))
    else:
        out.write_text(field_forms.geojson(form), "utf-8")
    typer.echo(run.word("rows_written", {"n": len(form.samples), "file": str(out)}))


@samples.command("take")
def samples_take(
    context: typer.Context,
    file: Path = typer.Argument(help="A filled field form: .xlsx or .geojson."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do everything, report, undo it."),
    as_json: bool = JSON,
) -> None:
    """Read a filled field form back: good samples load and are scored, faults are told by their cell.

    The same file again changes nothing; a corrected one makes new versions.

    Example: `gridmgmt samples take june.xlsx`
    """
    run = state(context)
    report = findings.take(run.engine.but(keep=not dry_run), file)
    if as_json:
        show_json(report.as_dict())
    else:
        _tell_take(run, report)
    if report.problems and not report.n_loaded:  # a nightly job must notice
        raise typer.Exit(1)


def _tell_take(run: State, report: TakeReport) -> None:
    title = run.word("import_dry_run") if report.dry_run else ""
    show_table(title, [run.word(n) for n in TAKE_COUNTS], [[getattr(report, n) for n in TAKE_COUNTS]], range(5))
    rows = [[f.sheet or report.file, f.row, f.column, f.value, f.worded(run.lang)] for f in report.problems]
    if rows:
        names = ("sheet", "row", "column", "value", "quarantined_because")
        show_table(run.word("entry_refused"), [run.word(n) for n in names], rows, (1,))
    for note in report.notes:
        typer.echo(f"{run.word('row')} {note['row']}: {run.word(note['code'], note['facts'])}")


# --- rectification notices --------------------------------------------------------------------------------------------


@notices.command("issue")
def notices_issue(
    context: typer.Context,
    draw: str = DRAW,
    unit: str = typer.Option(..., "--unit", help="The unit whose findings are to be rectified."),
    due: str = typer.Option(..., "--due", help="A day (its end is the deadline) or an instant."),
    by: str = BY,
    sample: list[str] = typer.Option([], "--sample", help="Only this sample's findings; may be given several times."),
    as_json: bool = JSON,
) -> None:
    """Issue a notice on a unit's findings that stand in none yet.

    Example: `gridmgmt samples notices issue huiji-2025-06 --unit 410108001 --due 2025-06-20 --by 王五`
    """
    run = state(context)
    deadline = _deadline(run, due)
    _show_notices(run, [findings.issue_notice(run.engine.but(actor=by), draw, unit, deadline, samples=sample)], as_json)


def _deadline(run: State, text: str) -> dt.datetime:
    """A day means its end: the first instant after it."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return parse_instant(text, run.city.zone)
    if day == dt.date.max:
        raise OptionInvalid(name="--due", value=text, expected=f"< {day}")
    return parse_instant((day + dt.timedelta(days=1)).isoformat(), run.city.zone)


@notices.command("check")
def notices_check(
    context: typer.Context,
    number: str = typer.Argument(help="Number of the notice."),
    result: str = typer.Option(..., "--result", help="done | not_done."),
    by: str = BY,
    at: str = typer.Option(None, "--at", help="When it was checked (default: now)."),
    note: str = typer.Option(None, "--note", help="What was seen."),
    as_json: bool = JSON,
) -> None:
    """Record a check; whether it was done in time or late follows from the deadline.

    Example: `gridmgmt samples notices check huiji-2025-06-N001 --result done --by 王五 --at 2025-06-19T10:00`
    """
    run = state(context)
    if result not in ("done", "not_done"):
        raise OptionInvalid(name="--result", value=result, expected="done / not_done")
    found = findings.check_notice(run.engine.but(actor=by), number, result, checked_at=run.instant(at), note=note)
    _show_notices(run, [found], as_json)


@notices.command("list")
def notices_list(
    context: typer.Context,
    draw: str = typer.Option(None, "--draw", help="Only of this draw."),
    at: str = typer.Option(None, "--at", help="As they stood at this moment (default: now)."),
    as_json: bool = JSON,
) -> None:
    """Notices with their deadlines and how they stand.

    Example: `gridmgmt samples notices list --draw huiji-2025-06`
    """
    run = state(context)
    _show_notices(run, findings.list_notices(run.engine, draw, at=run.instant(at)), as_json)


@notices.command("show")
def notices_show(
    context: typer.Context, number: str = typer.Argument(help="Number of the notice."), as_json: bool = JSON
) -> None:
    """One notice with its findings and checks.

    Example: `gridmgmt samples notices show huiji-2025-06-N001`
    """
    run = state(context)
    (found,) = findings.list_notices(run.engine, number=number)
    _show_notices(run, [found], as_json)
    if as_json:
        return
    rows = [[f["sample_no"], f["item_code"], f["n"], f"{f['points']:f}", f["text"]] for f in found["findings"]]
    show_table("", [run.word(f"notice_{n}") for n in ("sample", "item", "n", "points", "text")], rows, (2, 3))
    for c in found["checks"]:
        facts = {"at": _city_time(run, c["checked_at"]), "by": c["checked_by"], "note": c["note"]}
        typer.echo(f"{run.word('notice_check_' + c['result'])}: {run.word('notice_checked', facts)}")


def _show_notices(run: State, found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    names = ("no", "unit", "findings", "issued_at", "due_at", "state")
    rows = [
        [n["notice_no"], n["unit_code"], len(n["findings"]), _city_time(run, n["issued_at"]),
         _city_time(run, n["due_at"]), run.word(f"notice_state_{n['state']}")]
        for n in found
    ]  # fmt: skip
    show_table("", [run.word(f"notice_{n}") for n in names], rows, (2,))


def _city_time(run: State, at: dt.datetime) -> str:
    return f"{at.astimezone(run.city.zone):%Y-%m-%d %H:%M}"
