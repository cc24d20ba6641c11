"""Commands on photographs and files: `gridmgmt files add | list | lacking | export | check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    import datetime as dt

    from gridmgmt.casework.operations.photographs import FolderReport, Kind
    from gridmgmt.casework.photographs import Note

app = typer.Typer()
files = group(app, "files")


def _one_of(case_no: str | None, sample_no: str | None) -> None:
    if (case_no is None) == (sample_no is None):
        raise OptionInvalid(name="--case", value=case_no or "", expected="--case NO / --sample NO")


@command(files, "add")
def files_add(
    run: State,
    paths: Sequence[Path],
    *,
    kind: str,
    actor: str,
    case: str | None = None,
    step: int | None = None,
    sample: str | None = None,
    caption: str | None = None,
) -> View:
    """Keep photographs and files and attach them to a case, one of its steps, or a sample; all or none."""
    from gridmgmt.casework.operations import photographs
    from gridmgmt.casework.photographs import KINDS
    from gridmgmt.inspections.operations import photographs as of_samples

    _one_of(case, sample)
    if kind not in KINDS:
        raise OptionInvalid(name="--kind", value=kind, expected=" / ".join(KINDS))
    if step is not None and case is None:
        raise OptionInvalid(name="--step", value=step, expected="--case")
    work, root, shows = run.work.but(actor=actor), run.settings.files_root, cast("Kind", kind)
    if case is not None:
        done = photographs.add(work, root, paths, kind=shows, case_no=case, step_seq=step, caption=caption)
    else:
        done = of_samples.add(work, root, paths, kind=shows, sample_no=sample or "", caption=caption)
    rows = (
        (path.name, run.word("files_attached_new" if a.is_new else "files_attached_before"), _notes(run, a.notes))
        for path, a in zip(paths, done, strict=True)
    )
    return View([a.as_dict() for a in done], [Table(run.words(("file", "attached", "notes"), "files_"), rows)])


def _notes(run: State, notes: Iterable[Note]) -> str:
    return "; ".join(run.word(n.code, n.facts) for n in notes)


@command(files, "list")
def files_list(run: State, *, case: str | None = None, sample: str | None = None) -> View:
    """Photographs and files of a case or a sample: what they show, when and where they were taken, what to look at."""
    from gridmgmt.casework.operations import photographs
    from gridmgmt.inspections.operations import photographs as of_samples

    _one_of(case, sample)
    found = photographs.listed(run.work, case) if case is not None else of_samples.listed(run.work, sample or "")
    names = ("id", "step", "kind", "caption", "taken_at", "place", "size", "n_bytes", "actor", "notes")
    rows = ([_cell(run, name, row) for name in names] for row in found)
    return View(found, [Table(run.words(names, "files_"), rows, right=(0, 1, 7))])


def _cell(run: State, name: str, row: Mapping[str, Any]) -> Any:
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
    shown = run.time(at, seconds=True)
    return shown if zone_known else f"{shown} ({run.word('files_zone_unknown')})"


@command(files, "lacking")
def files_lacking(run: State, *, period: str, unit: str | None = None) -> View:
    """The answers of a period without photographs before and after handling, and what each lacks; how many they are."""
    from gridmgmt.casework.operations import photographs
    from gridmgmt.periods import parse_period

    found = photographs.lacking(run.work, parse_period(period), unit)
    data = [
        {"case_no": a.case_no, "step": a.step, "at": a.at, "unit": a.unit_code, "lacks": list(a.lacks)} for a in found
    ]
    rows = (
        (
            a.case_no,
            a.step,
            run.time(a.at),
            a.unit_code or "",
            ", ".join(run.word(f"attachment_{kind}") for kind in a.lacks),
        )
        for a in found
    )
    heads = run.words(("case_no", "step", "at", "unit", "lacks"), "files_")
    return View(data, [Table(heads, rows, right=(1,)), run.word("files_n_lacking", {"n": len(found)})])


@command(files, "export")
def files_export(run: State, *, out: Path, case: str | None = None, sample: str | None = None) -> View:
    """Write copies without time, place and everything else that cameras wrote; the pictures are the same.

    PDF files are written as they are.
    """
    from gridmgmt.casework.operations import photographs
    from gridmgmt.inspections.operations import photographs as of_samples

    _one_of(case, sample)
    root = run.settings.files_root
    if case is not None:
        written = photographs.export(run.work, root, out, case)
    else:
        written = of_samples.export(run.work, root, out, sample or "")
    return View([str(path) for path in written], run.says("files_written", {"n": len(written), "folder": str(out)}))


@command(files, "check")
def files_check(run: State) -> View:
    """Compare the files folder with the database, hash by hash: files missing, damaged, or named by no row.

    Ends with status 1 if a file is missing or damaged. Orphans and unfinished
    files are harmless: they are left by hand-overs that failed.
    """
    from gridmgmt.casework.operations import photographs

    with run.progress() as tell:
        report = photographs.check(run.work.but(progress=tell), run.settings.files_root)
    return View(report.as_dict(), _checked(run, report), failed=bool(report.missing or report.damaged))


def _checked(run: State, report: FolderReport) -> Shown:
    names = ("missing", "damaged", "no_thumbnail", "orphans", "unfinished")
    counts = [report.n_files, report.n_sound, *(len(getattr(report, name)) for name in names)]
    heads = run.words(("n_files", "n_sound", *names), "files_")
    yield Table(heads, [counts], right=range(7), title=report.folder)
    for name in names:
        for what in getattr(report, name):
            yield f"{run.word(f'files_{name}')}: {what}"
