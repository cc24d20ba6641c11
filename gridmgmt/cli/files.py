"""Commands on photographs and files: `gridmgmt files add | list | export | check`."""

import datetime as dt
from pathlib import Path
from typing import Any, cast

import typer

from gridmgmt.casework.operations import photographs
from gridmgmt.casework.photographs import KINDS
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.errors import OptionInvalid

files = typer.Typer(help="照片与附件 · Photographs and files of cases and samples.", no_args_is_help=True)

CASE = typer.Option(None, "--case", help="Number of a case.")
SAMPLE = typer.Option(None, "--sample", help="Number of a sample, instead of a case.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(files, name="files")


def _one_of(case_no: str | None, sample_no: str | None) -> None:
    if (case_no is None) == (sample_no is None):
        raise OptionInvalid(name="--case", value=case_no or "", expected="--case NO / --sample NO")


@files.command("add")
def files_add(
    context: typer.Context,
    paths: list[Path] = typer.Argument(help="JPEG, PNG, WebP or PDF, told by content."),
    kind: str = typer.Option(..., "--kind", help="before | after | evidence (处置前、处置后、证据)."),
    actor: str = typer.Option(..., "--actor", help="Who hands it in."),
    case_no: str = CASE,
    step: int = typer.Option(None, "--step", help="Number of the case's step."),
    sample_no: str = SAMPLE,
    caption: str = typer.Option(None, "--caption", help="What is to be seen."),
    as_json: bool = JSON,
) -> None:
    """Keep photographs and files and attach them to a case, one of its steps, or a sample; all or none.

    Example: `gridmgmt files add a.jpg b.jpg --case C2026030500001 --step 5 --kind after --actor 王某`
    """
    run = state(context)
    _one_of(case_no, sample_no)
    if kind not in KINDS or (step is not None and case_no is None):
        name, value, expected = ("--kind", kind, " / ".join(KINDS)) if kind not in KINDS else ("--step", step, "--case")
        raise OptionInvalid(name=name, value=value, expected=expected)
    done = photographs.add(
        run.engine.but(actor=actor),
        run.settings.files_root,
        paths,
        kind=cast(photographs.Kind, kind),
        case_no=case_no,
        step_seq=step,
        sample_no=sample_no,
        caption=caption,
    )
    if as_json:
        show_json([a.as_dict() for a in done])
        return
    heads = [run.word(f"files_{name}") for name in ("file", "attached", "notes")]
    shown = [run.word("files_attached_new" if a.is_new else "files_attached_before") for a in done]
    notes = ["; ".join(run.word(n.code, n.facts) for n in a.notes) for a in done]
    show_table("", heads, list(zip([p.name for p in paths], shown, notes, strict=True)))


@files.command("list")
def files_list(context: typer.Context, case_no: str = CASE, sample_no: str = SAMPLE, as_json: bool = JSON) -> None:
    """Photographs and files of a case or a sample: what they show, when and where they were taken, what to look at.

    Example: `gridmgmt files list --case C2026030500001`
    """
    run = state(context)
    _one_of(case_no, sample_no)
    found = photographs.listed(run.engine, case_no=case_no, sample_no=sample_no)
    if as_json:
        show_json(found)
        return
    names = ("id", "step", "kind", "caption", "taken_at", "place", "size", "n_bytes", "actor", "notes")
    rows = [[_cell(run, name, row) for name in names] for row in found]
    show_table("", [run.word(f"files_{name}") for name in names], rows, right=(0, 1, 7))


def _cell(run: State, name: str, row: dict[str, Any]) -> Any:
    if name == "kind":
        return run.word(f"attachment_{row['kind']}")
    if name == "taken_at":
        return _time(run, row["taken_at"], row["taken_at_zone_known"])
    if name == "place":
        return "" if row["exif_lon"] is None else f"{row['exif_lon']:.6f}, {row['exif_lat']:.6f}"
    if name == "size":
        return row["media_type"] if row["width"] is None else f"{row['width']} × {row['height']}"
    if name == "notes":
        return "; ".join(run.word(n["code"], n["facts"]) for n in row["notes"])
    return f"{row[name]:,}" if name == "n_bytes" else row[name]


def _time(run: State, at: dt.datetime | None, zone_known: bool | None) -> str:
    if at is None:
        return ""
    shown = at.astimezone(run.city.zone).strftime("%Y-%m-%d %H:%M:%S")
    return shown if zone_known else f"{shown} ({run.word('files_zone_unknown')})"


@files.command("export")
def files_export(
    context: typer.Context,
    out: Path = typer.Option(..., "--out", help="Folder to write to; made if need be."),
    case_no: str = CASE,
    sample_no: str = SAMPLE,
    as_json: bool = JSON,
) -> None:
    """Write copies without time, place and everything else that cameras wrote; the pictures are the same.

    PDF files are written as they are.

    Example: `gridmgmt files export --case C2026030500001 --out photos`
    """
    run = state(context)
    _one_of(case_no, sample_no)
    written = photographs.export(run.engine, run.settings.files_root, out, case_no=case_no, sample_no=sample_no)
    if as_json:
        show_json([str(path) for path in written])
    else:
        typer.echo(run.word("files_written", {"n": len(written), "folder": str(out)}))


@files.command("check")
def files_check(context: typer.Context, as_json: bool = JSON) -> None:
    """Compare the files folder with the database, hash by hash: files missing, damaged, or named by no row.

    Ends with status 1 if a file is missing or damaged. Orphans and unfinished
    files are harmless: they are left by hand-overs that failed.

    Example: `gridmgmt files check`
    """
    run = state(context)
    with progress() as tell:
        report = photographs.check(run.engine.but(progress=tell), run.settings.files_root)
    if as_json:
        show_json(report.as_dict())
    else:
        names = ("missing", "damaged", "no_thumbnail", "orphans", "unfinished")
        heads = ("n_files", "n_sound", *names)
        counts = [report.n_files, report.n_sound, *(len(getattr(report, name)) for name in names)]
        show_table(report.folder, [run.word(f"files_{name}") for name in heads], [counts], right=range(7))
        for name in names:
            for what in getattr(report, name):
                typer.echo(f"{run.word(f'files_{name}')}: {what}")
    if report.missing or report.damaged:  # a nightly job must notice
        raise typer.Exit(1)
