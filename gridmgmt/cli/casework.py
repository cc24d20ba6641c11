"""Commands on cases at work: `gridmgmt case open | step | steps | template | show | list | clock | renew`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt import texts
from gridmgmt.accepted import words
from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.case_view import clocks_of, is_now, time_of, whole_case
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.casework.cases import Case
    from gridmgmt.casework.operations.photographs import Kind
    from gridmgmt.casework.operations.requests import Request
    from gridmgmt.intake.operations.step_sheets import StepsReport

app = typer.Typer()


case = group(app, "case")


def _facts(pairs: Sequence[str]) -> dict[str, Any]:
    """Facts given by option, ``NAME=VALUE``: what a step takes stands in :mod:`gridmgmt.casework.step_facts`."""
    out: dict[str, Any] = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or name.strip() in out:
            raise OptionInvalid(name="--set", value=text, expected="NAME=VALUE")
        out[name.strip()] = value.strip()
    return out


@command(case, "open")
def case_open(
    run: State,
    *,
    actor: str,
    source: str,
    category: str | None = None,
    lon: float | None = None,
    lat: float | None = None,
    crs: str = "epsg:4490",
    address: str | None = None,
    description: str | None = None,
    at: str | None = None,
    no: str | None = None,
    reporter: str | None = None,
    phone: str | None = None,
    photo: Sequence[str] = (),
) -> View:
    """Open a case: its grids and the unit that will answer are found from its place and class."""
    from gridmgmt.casework.operations.requests import Request

    told = {
        "source": source, "category": category, "lon": lon, "lat": lat, "crs": crs if lon is not None else None,
        "address": address, "description": description,
    }  # fmt: skip
    facts = {k: v for k, v in told.items() if v is not None}
    contact = (reporter, phone) if reporter or phone else None
    return _take(run, Request("report", actor, no, run.instant(at), facts=facts, reporter=contact), photo)


@command(case, "step")
def case_step(
    run: State,
    case_no: str,
    kind: str,
    *,
    actor: str,
    unit: str | None = None,
    reason: str | None = None,
    at: str | None = None,
    set_: Sequence[str] = (),
    seen: int | None = None,
    photo: Sequence[str] = (),
) -> View:
    """Take one step with a case; one that its state does not allow is refused with those that it does."""
    from gridmgmt.casework.operations.requests import Request
    from gridmgmt.casework.transitions import BY_PEOPLE

    code = _by_word(kind, "step", BY_PEOPLE, "KIND")
    request = Request(code, actor, case_no, run.instant(at), unit, reason, _facts(set_), expected=seen)
    return _take(run, request, photo)


@command(case, "steps")
def case_steps(
    run: State, files: Sequence[Path], *, profile: str = "steps", actor: str = "", rejects: Path | None = None
) -> View:
    """Take the steps of a sheet now, from top to bottom; the same sheet again takes nothing twice."""
    from gridmgmt.intake.operations import step_sheets

    with run.progress() as tell:
        done = [step_sheets.take_file(run.work.but(actor=actor, progress=tell), f, profile) for f in files]
    n_rejected = None if rejects is None else _write_rejects(run, done, profile, rejects)
    failed = any(r.n_refused and not r.n_taken + r.n_there for r in done)
    return View([r.as_dict() for r in done], _steps(run, done, rejects, n_rejected), failed=failed)


def _steps(run: State, done: Sequence[StepsReport], rejects: Path | None, n_rejected: int | None) -> Shown:
    if n_rejected is not None:
        yield run.word("rows_written", {"n": n_rejected, "file": str(rejects)})
    heads = run.words(("file", "n_rows", "steps_taken", "steps_there", "steps_refused"))
    counts = [(r.file, *(f"{n:,}" for n in (r.n_rows, r.n_taken, r.n_there, r.n_refused))) for r in done]
    yield Table(heads, counts, right=range(1, 5))
    for r in done:
        for row, case_no in r.opened.items():
            yield run.word("steps_opened", {"file": r.file, "row": row, "case_no": case_no})
        for row, found in r.suspects.items():
            yield run.word("row_suspects", {"file": r.file, "row": row, "case_no": [s["case_no"] for s in found]})
    refused = [[r.file, x.row, x.column, x.value, x.worded(run.lang)] for r in done for x in r.refused]
    if refused:
        yield Table(run.words(("file", "row", "column", "value", "quarantined_because")), refused, right=(1,))


def _write_rejects(run: State, done: Sequence[StepsReport], profile: str, out: Path) -> int:
    """The refused rows as their files have them, with file, row and reason behind; nothing refused: the head alone."""
    import pandas as pd

    from gridmgmt.files.writing import whole
    from gridmgmt.intake.operations import step_sheets

    rows = []
    for report in done:
        why = report.refused.by_row()
        for n, raw in step_sheets.rejected_rows(report, profile).items():
            reason = "; ".join(f"{x.column} {x.worded(run.lang)}".strip() for x in why[n])
            rows.append({**raw, "_file": report.file, "_row": n, "_reason": reason})
    heads = [*step_sheets.step_profile(profile).file_columns(), "_file", "_row", "_reason"]
    with whole(out) as draft:
        pd.DataFrame(rows, columns=None if rows else heads).to_csv(draft, index=False, encoding="utf-8-sig")
    return len(rows)


@command(case, "template")
def case_template(run: State, *, out: Path, profile: str = "steps", lang: str | None = None) -> Shown:
    """Write an empty sheet of steps with lists to choose from, to be filled and handed to `gridmgmt case steps`."""
    from gridmgmt.files.writing import write
    from gridmgmt.intake.exports import step_sheet
    from gridmgmt.intake.operations import step_sheets

    run.speak(lang)
    write(out, step_sheet.workbook(step_sheets.columns(profile), run.asked_lang))
    yield run.said("step_sheet_written", {"file": str(out)})


def _by_word(text: str, prefix: str, codes: Collection[str], name: str) -> str:
    """A code given as such or by its Chinese word."""
    found = words(prefix).get(text.strip(), "")
    if found not in codes:
        expected = ", ".join(f"{texts.word(f'{prefix}_{code}')} {code}" for code in codes)
        raise OptionInvalid(name=name, value=text, expected=expected)
    return found


def _take(run: State, request: Request, photos: Sequence[str]) -> View:
    from gridmgmt.casework.operations import cases, repeats

    files = [_photo(text) for text in photos]
    taken, attached = cases.take_with_files(run.work, request, files, run.settings.files_root)
    suspects = repeats.suspects_of(run.work, [taken]).get(taken.case_no, []) if request.kind == "report" else []
    told = {"flags": taken.flags(), "files": [a.as_dict() for a in attached], "suspects": suspects}
    notes = [note for a in attached for note in a.notes]
    return View({**asdict(taken), **told}, _taken(run, taken, request.kind, suspects, notes))


def _taken(run: State, taken: Case, kind: str, suspects: Sequence[Any], notes: Sequence[Any]) -> Shown:
    from gridmgmt.casework.operations import lookup

    yield is_now(run, taken)
    if kind in ("report", "move") and not lookup.show_case(run.work, taken.case_no).grids:
        yield run.word("case_nowhere" if taken.lon is None else "case_outside")
    yield from (run.word("case_suspect", s) for s in suspects)
    yield from (run.word(note.code, note.facts) for note in notes)


def _photo(text: str) -> tuple[Kind, Path]:
    kind, equals, path = text.partition("=")
    kinds: dict[str, Kind] = {"before": "before", "after": "after", "evidence": "evidence"}
    if not equals or kind not in kinds:
        raise OptionInvalid(name="--photo", value=text, expected="before=FILE / after=FILE / evidence=FILE")
    return kinds[kind], Path(path)


@command(case, "show")
def case_show(run: State, case_no: str, *, now: str | None = None) -> View:
    """One case: its steps with who, when and why, its marks, its hanging accounts, and which steps are legal now."""
    from gridmgmt.casework.operations import lookup

    found = lookup.show_case(run.work.but(now=run.instant(now)), case_no)
    return View({**asdict(found), "case": {**asdict(found.case), "flags": found.marks}}, whole_case(run, found))


@command(case, "list")
def case_list(
    run: State,
    *,
    state: Sequence[str] = (),
    unit: str | None = None,
    grid: str | None = None,
    category: str | None = None,
    overdue: bool = False,
    now: str | None = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000)] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, max=1_000_000_000)] = 0,
) -> View:
    """Cases by state, unit, grid, class and lateness; those due first come first."""
    from gridmgmt.casework.cases import STATES
    from gridmgmt.casework.operations import lookup

    n, found = lookup.list_cases(
        run.work.but(now=run.instant(now)),
        states=[_by_word(x, "state", STATES, "--state") for x in state],
        unit=unit,
        grid=grid,
        category=category,
        overdue=overdue,
        limit=limit,
        offset=offset,
    )
    rows = (
        [c["case_no"], run.word(f"state_{c['status']}") if c["status"] else None,
         run.coded(_class(c), _named(c, "category")), run.coded(c["unit_code"], _named(c, "unit")),
         run.coded(c["grid_code"], _named(c, "grid")), time_of(run, c["reported_at"]),
         time_of(run, c["due_extended_at"] or c["due_at"]), c["address"]]
        for c in found
    )  # fmt: skip
    names = ("category", "unit", "grid", "reported", "due", "address")
    heads = run.words(("docket_case", "state", *(f"docket_{name}" for name in names)))
    title = run.says("cases_matched", {"n": n})
    table = Table(heads, rows, title=title, whole=[0], spare=[7], left_out=run.left_out)
    return View({"n_matched": n, "cases": found}, [table])


def _named(row: Mapping[str, Any], what: str) -> dict[str, Any]:
    return {x: row[f"{what}_name_{x}"] for x in texts.LANGUAGES}


def _class(row: Mapping[str, Any]) -> str | None:
    return f"{row['category_kind']}:{row['category_code']}" if row["category_code"] else None


@command(case, "states")
def case_states(run: State) -> View:
    """How many cases are in each state; each case is in exactly one."""
    from gridmgmt.casework.operations import lookup

    found = lookup.by_state(run.work)
    return View(found, [states_table(run, found, {"docket_all": sum(found.values())})])


def states_table(run: State, found: Mapping[str, int], total: Mapping[str, int]) -> Table:
    """How many cases are in each state; some systems tell none."""
    counts = {f"state_{name}" if name else "state_untold": n for name, n in found.items()} | dict(total)
    return Table(run.words(("state", "docket_cases")), ([run.word(k), f"{n:,}"] for k, n in counts.items()), right=(1,))


@command(case, "clock")
def case_clock(run: State, case_no: str, *, now: str | None = None) -> View:
    """The clocks of a case: each stage's limit, its deadline worked out day by day, and the traffic light."""
    from gridmgmt.casework.operations import lookup

    at, found = lookup.clocks(run.work.but(now=run.instant(now)), case_no)
    return View({"case_no": case_no, "now": at, "clocks": [asdict(c) for c in found]}, clocks_of(run, found))


@command(case, "renew")
def case_renew(run: State, *, dry_run: bool = False) -> View:
    """Count deadlines again that are provisional or of another calendar than the city's now; --dry-run lists them."""
    from gridmgmt.casework.operations import cases

    with run.progress() as tell:
        found = cases.renew_deadlines(run.work.but(progress=tell, keep=not dry_run))
    moves = [(r, name) for r in found for name in r.before if r.before[name] != r.after[name]]
    rows = (
        [r.case_no, run.word(f"state_{r.state}"), ", ".join(r.calendars), run.word(f"renewed_{name}"),
         time_of(run, r.before[name]), time_of(run, r.after[name])]
        for r, name in moves
    )  # fmt: skip
    heads = run.words(("docket_case", "state", *(f"renewed_{name}" for name in ("by", "what", "before", "after"))))
    title = run.word("deadlines_to_renew" if dry_run else "deadlines_renewed", {"n": len(found)})
    return View([asdict(r) for r in found], [Table(heads, rows, title=title)] if moves else [title])
