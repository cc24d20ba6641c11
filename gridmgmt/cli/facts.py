"""Commands on facts: cases, samples, step logs, quarantine."""

from pathlib import Path
from typing import Any

import pandas as pd
import typer

from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.faults import Fault
from gridmgmt.intake.operations import imports, step_sheets
from gridmgmt.intake.operations.imports import ImportReport

cases = typer.Typer(help="案件 · Cases.", no_args_is_help=True)
samples = typer.Typer(help="抽查样本 · Inspection samples.", no_args_is_help=True)
steps = typer.Typer(help="办理步骤 · Step logs of other systems.", no_args_is_help=True)
quarantine = typer.Typer(help="隔离区 · Rows that could not be loaded.", no_args_is_help=True)

FILES = typer.Argument(help="One or more files: CSV (.gz), Excel, Parquet, GeoJSON, GeoPackage.")
PROFILE = typer.Option(..., "--profile", help="Id in data/profiles, or a YAML file.")
SOURCE = typer.Option(None, "--source-as-of", help="When the export was made (default: now).")
DRY = typer.Option(False, "--dry-run", help="Do everything, report, undo it.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(cases, name="cases")
    app.add_typer(samples, name="samples")
    app.add_typer(steps, name="steps")
    app.add_typer(quarantine, name="quarantine")


@cases.command("import")
def cases_import(
    context: typer.Context,
    files: list[Path] = FILES,
    profile: str = PROFILE,
    source_as_of: str = SOURCE,
    dry_run: bool = DRY,
    as_json: bool = JSON,
) -> None:
    """Import cases; each goes to its grids and its unit at once. The same file twice changes nothing.

    Example: `gridmgmt cases import cases.csv cases_2.xlsx --profile demo_cases`
    """
    _import(state(context), files, profile, source_as_of, dry_run, as_json)


@samples.command("import")
def samples_import(
    context: typer.Context,
    files: list[Path] = FILES,
    profile: str = PROFILE,
    source_as_of: str = SOURCE,
    dry_run: bool = DRY,
    as_json: bool = JSON,
) -> None:
    """Import inspection samples with location and score or findings.

    Example: `gridmgmt samples import samples.xlsx --profile demo_samples`
    """
    _import(state(context), files, profile, source_as_of, dry_run, as_json)


@steps.command("import")
def steps_import(
    context: typer.Context,
    files: list[Path] = FILES,
    profile: str = PROFILE,
    dry_run: bool = DRY,
    as_json: bool = JSON,
) -> None:
    """Import the step log of another system as history; steps to be taken now go to `gridmgmt case steps`.

    Example: `gridmgmt steps import log.csv --profile steps`
    """
    step_sheets.step_profile(profile)
    _import(state(context), files, profile, None, dry_run, as_json)


def _import(
    run: State, files: list[Path], profile: str, source_as_of: str | None, dry_run: bool, as_json: bool
) -> None:
    reports = []
    for path in files:
        with progress() as tell:
            when = run.instant(source_as_of)
            reports.append(
                imports.import_file(run.engine.but(keep=not dry_run, progress=tell), path, profile, source_as_of=when)
            )
    _show(run, reports, as_json)
    if any(r.n_quarantined and not r.n_loaded for r in reports):  # a nightly job must notice
        raise typer.Exit(1)


def _show(run: State, reports: list[ImportReport], as_json: bool) -> None:
    if as_json:
        show_json([r.as_dict() for r in reports])
        return
    columns = ["n_rows", "n_new", "n_newer", "n_unchanged", "n_older", "n_quarantined"]
    shown = [[r.file, *(f"{getattr(r, c):,}" for c in columns)] for r in reports]
    show_table(
        run.word("import_dry_run") if any(r.dry_run for r in reports) else "",
        [run.word("file"), *(run.word(c) for c in columns)],
        shown,
        right=range(1, 7),
    )
    for r in reports:
        located = " · ".join(f"{run.word(f'located_{k}')} {n:,}" for k, n in r.located.items())
        reasons = " · ".join(f"{run.word(f'reason_{k}')} {n:,}" for k, n in r.reasons.items())
        notes = " · ".join(f"{run.word(f'note_{k}')} {n:,}" for k, n in r.notes.items())
        for title, text in (("where", located), ("quarantined_because", reasons), ("notes", notes)):
            if text:
                typer.echo(f"{r.file} · {run.word(title)}: {text}")


@quarantine.command("list")
def quarantine_list(
    context: typer.Context, limit: int = typer.Option(100, help="At most this many rows."), as_json: bool = JSON
) -> None:
    """Rows in quarantine: file, row, column, value and what is wrong.

    Example: `gridmgmt quarantine list --limit 20`
    """
    run = state(context)
    found = imports.list_quarantine(run.engine, limit=limit)
    if as_json:
        show_json(found)
    else:
        rows = [[q["file"], q["row"], q["column"], q["value"], _why(run.lang, q)] for q in found]
        names = [run.word(x) for x in ("file", "row", "column", "value", "quarantined_because")]
        show_table("", names, rows, right=(1,))


def _why(lang: str, kept: dict[str, Any]) -> str:
    return Fault(*(kept[name] for name in ("row", "column", "value", "code", "facts"))).worded(lang)


@quarantine.command("export")
def quarantine_export(context: typer.Context, out: Path = typer.Option(..., "--out", help="CSV file.")) -> None:
    """Write the rows in quarantine, as the files had them, with their reasons, to be mended and imported again.

    Example: `gridmgmt quarantine export --out bad.csv`
    """
    run = state(context)
    found = imports.list_quarantine(run.engine, limit=None)
    rows: dict[tuple[str, int], dict[str, object]] = {}
    for q in found:
        row = rows.setdefault((q["file"], q["row"]), {**q["raw"], "_file": q["file"], "_row": q["row"], "_reason": ""})
        reason = f"{q['column']}={q['value']}: {_why(run.lang, q)}"
        row["_reason"] = f"{row['_reason']}; {reason}" if row["_reason"] else reason
    pd.DataFrame(list(rows.values())).to_csv(out, index=False, encoding="utf-8-sig")
    typer.echo(run.word("rows_written", {"n": len(rows), "file": str(out)}))


@quarantine.command("retry")
def quarantine_retry(
    context: typer.Context,
    profile: str = typer.Option(None, "--profile", help="Only this profile's rows, read by it as it is now."),
    as_json: bool = JSON,
) -> None:
    """Try the rows in quarantine again, after a profile or a reference table was mended.

    Example: `gridmgmt quarantine retry`
    """
    run = state(context)
    with progress() as tell:
        _show(run, imports.retry_quarantine(run.engine.but(progress=tell), profile), as_json)
