"""Commands on hand-entered data: entries, who is assessed, the daily staff table."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from gridmgmt.assessing.operations import entries as entering
from gridmgmt.assessing.operations import subjects
from gridmgmt.assessing.operations.entries import EntryReport
from gridmgmt.cli.base import JSON, State, show_json, show_table, state
from gridmgmt.errors import OptionInvalid

entries = typer.Typer(help="录入数据 · Hand-entered data.", no_args_is_help=True)
subjects_app = typer.Typer(help="考核对象 · Who is assessed by a rulebook.", no_args_is_help=True)
staff = typer.Typer(help="人员每日在线表 · The daily staff table.", no_args_is_help=True)

RULEBOOK = typer.Option(..., "--rulebook", help="Id of the rulebook.")
BY = typer.Option(..., "--by", help="Who answers for the values.")
COUNTS = ("n_new", "n_corrected", "n_withdrawn", "n_unchanged", "n_refused")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(entries, name="entries")
    app.add_typer(subjects_app, name="subjects")
    app.add_typer(staff, name="staff")


@entries.command("import")
def entries_import(
    context: typer.Context,
    file: Path = typer.Argument(help="The entry form (.xlsx), or a long .csv."),
    rulebook: str = RULEBOOK,
    by: str = BY,
    dry_run: bool = typer.Option(False, "--dry-run", help="Do everything, report, undo it."),
    as_json: bool = JSON,
) -> None:
    """Import entered values and records; the good rows load, the others are told by sheet, row and column.

    The same file twice changes nothing; another value for the same key is a
    correction, and the old one is kept.

    Example: `gridmgmt entries import form.xlsx --rulebook qixian --by 李四 --dry-run`
    """
    run = state(context)
    _show(run, entering.import_entries(run.engine.but(actor=by, keep=not dry_run), rulebook, file), as_json)


def _show(run: State, report: EntryReport, as_json: bool) -> None:
    if as_json:
        show_json(report.as_dict())
    else:
        title = run.word("import_dry_run") if report.dry_run else ""
        show_table(title, [run.word(c) for c in COUNTS], [[getattr(report, c) for c in COUNTS]], right=range(5))
        names = ("sheet", "row", "column", "value")
        if report.problems:
            heads = [run.word(n) for n in (*names, "entry_expected")]
            faults = [[*f.as_dict(*names).values(), f.worded(run.lang)] for f in report.problems]
            show_table(run.word("entry_refused"), heads, faults, right=(1,))
        for note in report.notes:
            sheet = note["sheet"] or report.file
            typer.echo(f"{sheet} · {run.word('row')} {note['row']}: {run.word(note['code'], {'ref': note['ref']})}")
    if report.n_refused and not report.n_loaded:  # a nightly job must notice
        raise typer.Exit(1)


@entries.command("list")
def entries_list(
    context: typer.Context,
    rulebook: str = typer.Argument(help="Id of the rulebook."),
    period: str = typer.Option(None, "--period", help="Only this period."),
    history: bool = typer.Option(False, "--history", help="Corrected and withdrawn ones too."),
    as_json: bool = JSON,
) -> None:
    """What was entered: value, evidence, by whom and when; with --history also what it replaced.

    Example: `gridmgmt entries list qixian --period 2021-03 --history`
    """
    run = state(context)
    found = entering.list_entries(run.engine, rulebook, period, history=history)
    if as_json:
        show_json(found)
        return
    names = ["period", "subject_code", "input", "ref", "value", "evidence", "by", "known_at"]
    names += ["replaces", "holds"] if history else []
    rows = [[_cell(run, name, row[name]) for name in names] for row in found]
    show_table("", [run.word(f"entry_{name}") for name in names], rows)


def _cell(run: State, name: str, value: Any) -> Any:
    if name == "value" and value is None:
        return run.word("entry_withdrawn")
    if isinstance(value, bool):
        return run.word("entry_yes" if value else "entry_no")
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items() if k != "evidence")
    return value.astimezone(run.city.zone).strftime("%Y-%m-%d %H:%M") if isinstance(value, dt.datetime) else value


@subjects_app.command("import")
def subjects_import(
    context: typer.Context,
    file: Path = typer.Argument(help=".csv or .xlsx: code, name_zh, name_en, group, role, superiors, attributes, …"),
    rulebook: str = RULEBOOK,
    as_json: bool = JSON,
) -> None:
    """Import who is assessed by a rulebook; a form's sheet of subjects will do. Right or refused as a whole.

    Columns: code, name_zh (both needed), name_en, group, role, superiors and
    attributes (with semicolons between), level, valid_from, valid_to.

    Example: `gridmgmt subjects import streets.xlsx --rulebook qixian`
    """
    run = state(context)
    report = subjects.import_subjects(run.engine, rulebook, file)
    if as_json:
        show_json(report.as_dict())
        return
    names = ("n_new", "n_changed", "n_unchanged", "n_renamed", "n_not_listed")
    show_table("", [run.word(n) for n in names], [[getattr(report, n) for n in names]], right=range(5))


@subjects_app.command("list")
def subjects_list(
    context: typer.Context,
    rulebook: str = RULEBOOK,
    on: str = typer.Option(None, "--on", help="A day; default: every span of days."),
    as_json: bool = JSON,
) -> None:
    """Who is on a rulebook's list.

    Example: `gridmgmt subjects list --rulebook qixian --on 2021-03-31`
    """
    run = state(context)
    found = subjects.list_subjects(run.engine, rulebook, _day(on) if on else None)
    if as_json:
        show_json(found)
        return
    names = ("code", "name", "level", "group", "role", "superiors", "attributes", "valid_from", "valid_to")
    rows = [[_told(run, name, row[name]) for name in names] for row in found]
    show_table("", [run.word(f"entry_{name}") for name in names], rows)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as e:
        raise OptionInvalid(name="--on", value=text, expected="2025-12-31") from e


def _told(run: State, name: str, value: Any) -> Any:
    if name == "name":
        return value[run.lang]
    return "; ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


@staff.command("import")
def staff_import(
    context: typer.Context,
    file: Path = typer.Argument(
        help=".csv or .xlsx: day, subject_code, person, worked_h, online_h, n_absent, n_all_off"
    ),
    by: str = BY,
    as_json: bool = JSON,
) -> None:
    """Import the daily staff table: hours worked and online, times off the phone alone and with the whole office.

    What an occasion counts as the whole office's (n_all_off) is not to be counted in n_absent again.

    Example: `gridmgmt staff import staff_2021_03.csv --by 王五`
    """
    run = state(context)
    _show(run, entering.import_staff(run.engine.but(actor=by), file), as_json)
