"""Commands on hand-entered data: entries, who is assessed, the daily staff table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import day_of

if TYPE_CHECKING:
    from gridmgmt.assessing.operations.entries import EntryReport

app = typer.Typer()
entries = group(app, "entries")
subjects = group(app, "subjects")
staff = group(app, "staff")

COUNTS = ("n_new", "n_corrected", "n_withdrawn", "n_unchanged", "n_refused")


@command(entries, "import")
def entries_import(run: State, file: Path, *, rulebook: str, by: str, dry_run: bool = False) -> View:
    """Import entered values and records; the good rows load, the others are told by sheet, row and column.

    The same file twice changes nothing; another value for the same key is a
    correction, and the old one is kept.
    """
    from gridmgmt.assessing.operations import entries as entering

    return entered(run, entering.import_entries(run.work.but(actor=by, keep=not dry_run), rulebook, file))


def entered(run: State, report: EntryReport) -> View:
    """What became of rows that were entered; failed if none of them was right."""
    return View(report.as_dict(), _report(run, report), failed=bool(report.n_refused and not report.n_loaded))


def _report(run: State, report: EntryReport) -> Shown:
    title = run.word("import_dry_run") if report.dry_run else ""
    yield Table(run.words(COUNTS), [[getattr(report, c) for c in COUNTS]], right=range(5), title=title)
    names = ("sheet", "row", "column", "value")
    if report.problems:
        faults = [[*f.as_dict(*names).values(), f.worded(run.lang)] for f in report.problems]
        heads = run.words((*names, "entry_expected"))
        yield Table(heads, faults, right=(1,), title=run.word("entry_refused"))
    for note in report.notes:
        sheet = note["sheet"] or report.file
        yield f"{sheet} · {run.word('row')} {note['row']}: {run.word(note['code'], {'ref': note['ref']})}"


@command(entries, "list")
def entries_list(run: State, rulebook: str, *, period: str | None = None, history: bool = False) -> View:
    """What was entered: value, evidence, by whom and when; with --history also what it replaced."""
    from gridmgmt.assessing.operations import entries as entering

    names = ["period", "subject_code", "input", "ref", "value", "evidence", "by", "known_at"]
    names += ["replaces", "holds"] if history else []
    found = entering.list_entries(run.work, rulebook, period, history=history)
    return View(found, [_listed(run, names, found)])


def _listed(run: State, names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> Table:
    return Table(run.words(names, "entry_"), ([_cell(run, name, row[name]) for name in names] for row in found))


def _cell(run: State, name: str, value: Any) -> Any:
    if name == "name":
        return value[run.lang]
    if name == "value" and value is None:
        return run.word("entry_withdrawn")
    if isinstance(value, bool):
        return run.word("entry_yes" if value else "entry_no")
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items() if k != "evidence")
    if name == "level" and value:
        return run.level_name(value)
    if name in ("superiors", "attributes"):
        return "; ".join(value)
    if name == "group" and value:
        from gridmgmt.files.wording import group_words

        return run.coded(value, group_words(value))
    return run.time(value) if isinstance(value, dt.datetime) else value


@command(subjects, "import")
def subjects_import(run: State, file: Path, *, rulebook: str) -> View:
    """Import who is assessed by a rulebook; a form's sheet of subjects will do. Right or refused as a whole.

    Columns: code, name_zh (both needed), name_en, group, role, superiors and
    attributes (with semicolons between), level, valid_from, valid_to.
    """
    from gridmgmt.assessing.operations import subjects as operations

    report = operations.import_subjects(run.work, rulebook, file)
    names = ("n_new", "n_changed", "n_unchanged", "n_renamed", "n_not_listed")
    counts = [getattr(report, n) for n in names]
    return View(report.as_dict(), [Table(run.words(names), [counts], right=range(5))])


@command(subjects, "list")
def subjects_list(run: State, *, rulebook: str, on: str | None = None) -> View:
    """Who is on a rulebook's list."""
    from gridmgmt.assessing.operations import subjects as operations

    names = ("code", "name", "level", "group", "role", "superiors", "attributes", "valid_from", "valid_to")
    found = operations.list_subjects(run.work, rulebook, day_of(on or None, "--on"))
    return View(found, [_listed(run, names, found)])


@command(staff, "import")
def staff_import(run: State, file: Path, *, by: str) -> View:
    """Import the daily staff table: hours worked and online, times off the phone alone and with the whole office.

    What an occasion counts as the whole office's (n_all_off) is not to be counted in n_absent again.
    """
    from gridmgmt.assessing.operations import entries as entering

    return entered(run, entering.import_staff(run.work.but(actor=by), file))
