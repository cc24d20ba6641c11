"""Commands on facts of other systems: cases, step logs, quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.faults import Fault

if TYPE_CHECKING:
    from gridmgmt.intake.operations.imports import ImportReport

app = typer.Typer()
cases = group(app, "cases")
steps = group(app, "steps")
quarantine = group(app, "quarantine")

COUNTS = ("n_rows", "n_new", "n_newer", "n_unchanged", "n_older", "n_quarantined")


@command(cases, "import")
def cases_import(
    run: State,
    files: Sequence[Path],
    *,
    profile: str,
    source_as_of: str | None = None,
    outside_ok: bool = False,
    dry_run: bool = False,
) -> View:
    """Import cases; each goes to its grids and its unit at once. The same file twice changes nothing."""
    return import_files(run, files, profile, source_as_of, outside_ok=outside_ok, dry_run=dry_run)


@command(cases, "propose")
def cases_propose(run: State, file: Path, *, out: Path | None = None, sheet: str | None = None) -> View:
    """Propose a profile for a file of cases that is not known yet, to be looked at and edited."""
    from gridmgmt.files.writing import whole
    from gridmgmt.intake.exports.profile_text import profile_text
    from gridmgmt.intake.operations import proposing

    proposal = proposing.propose(run.work, file, sheet)
    text = profile_text(proposal, run.lang)
    if out is not None:
        with whole(out) as draft:
            draft.write_text(text, "utf-8")
        n = sum(r.key != "unused" for r in proposal.remarks)
        return View(asdict(proposal), [run.word("profile_proposed", {"file": str(out), "n": n})])
    return View(asdict(proposal), [text.rstrip()])


@command(steps, "import")
def steps_import(run: State, files: Sequence[Path], *, profile: str, dry_run: bool = False) -> View:
    """Import the step log of another system as history; steps to be taken now go to `gridmgmt case steps`."""
    from gridmgmt.intake.operations import step_sheets

    step_sheets.step_profile(profile)
    return import_files(run, files, profile, None, dry_run=dry_run)


def import_files(
    run: State,
    files: Sequence[Path],
    profile: str,
    source_as_of: str | None,
    *,
    outside_ok: bool = False,
    dry_run: bool,
) -> View:
    """Import files one after the other."""
    from gridmgmt.intake.operations import imports

    reports = []
    for path in files:
        with run.progress() as tell:
            work, when = run.work.but(keep=not dry_run, progress=tell), run.instant(source_as_of)
            reports.append(imports.import_file(work, path, profile, source_as_of=when, outside_ok=outside_ok))
    failed = any(r.n_quarantined and not r.n_loaded for r in reports)
    return View([r.as_dict() for r in reports], _reports(run, reports), failed=failed)


def _reports(run: State, reports: Sequence[ImportReport]) -> Shown:
    title = run.word("import_dry_run") if any(r.dry_run for r in reports) else ""
    rows = [[r.file, *(f"{getattr(r, c):,}" for c in COUNTS)] for r in reports]
    yield Table(run.words(("file", *COUNTS)), rows, right=range(1, 7), title=title)
    for r in reports:
        if "encoding" in r.read_as:
            marks = {"encoding": r.read_as["encoding"], "separator": r.read_as["separator"].replace("\t", "Tab")}
            yield f"{r.file} · {run.word('read_as', marks)}"
        tallies = {"where": ("located_", r.located), "quarantined_because": ("reason_", r.reasons)}
        for title, (prefix, tally) in {**tallies, "notes": ("note_", r.notes)}.items():
            if tally:
                text = " · ".join(f"{run.word(prefix + k)} {n:,}" for k, n in tally.items())
                yield f"{r.file} · {run.word(title)}: {text}"
        for place in r.shared_places:
            told = {"file": r.file, "n": place.n, "lon": f"{place.lon:.6f}", "lat": f"{place.lat:.6f}"}
            yield run.word("import_shared_place", told)
        for d in r.dropped:
            told = {"file": r.file, "field": d.name, "column": d.column, "n": d.n, "why": run.word(f"reason_{d.code}")}
            yield run.word("import_dropped", {**told, "first": ", ".join(f"{row}: {value}" for row, value in d.first)})


@command(quarantine, "list")
def quarantine_list(run: State, *, limit: Annotated[int, typer.Option("--limit", min=1)] = 100) -> View:
    """Rows in quarantine: file, row, column, value and what is wrong."""
    from gridmgmt.intake.operations import imports

    found = imports.list_quarantine(run.work, limit=limit)
    rows = ([q["file"], q["row"], q["column"], q["value"], _why(run, q)] for q in found)
    heads = run.words(("file", "row", "column", "value", "quarantined_because"))
    return View(found, [Table(heads, rows, right=(1,))])


def _why(run: State, problem: Mapping[str, Any]) -> str:
    return Fault(*(problem[name] for name in ("row", "column", "value", "code", "facts"))).worded(run.lang)


@command(quarantine, "export")
def quarantine_export(run: State, *, out: Path) -> Shown:
    """Write the rows in quarantine, a workbook for each file, as it had them, to be mended and imported again."""
    from gridmgmt.files.writing import write
    from gridmgmt.intake.exports.bad_rows import workbook
    from gridmgmt.intake.operations import imports

    out.mkdir(parents=True, exist_ok=True)
    names: Counter[str] = Counter()
    for held in imports.held_rows(run.work):
        name = Path(held.group.file).name
        names[name] += 1
        path = out / (f"{name}.xlsx" if names[name] == 1 else f"{name}-{names[name]}.xlsx")
        write(path, workbook(held, run.lang))
        yield run.word("rows_to_mend", {"n": len(held.rows), "file": str(path), "profile": held.group.profile})
    if not names:
        yield run.word("quarantine_empty")


@command(quarantine, "retry")
def quarantine_retry(run: State, *, profile: str | None = None) -> View:
    """Try the rows in quarantine again, after a profile or a reference table was mended."""
    from gridmgmt.intake.operations import imports

    with run.progress() as tell:
        reports = imports.retry_quarantine(run.work.but(progress=tell), profile)
    return View([r.as_dict() for r in reports], _reports(run, reports))
