"""Commands on cases at work: `gridmgmt case open | step | steps | template | show | list | clock | renew`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from gridmgmt import texts
from gridmgmt.accepted import words
from gridmgmt.casework import step_facts
from gridmgmt.casework.cases import STATES, Case
from gridmgmt.casework.hanging import Account
from gridmgmt.casework.operations import cases, lookup, repeats
from gridmgmt.casework.operations.cases import Request
from gridmgmt.casework.operations.photographs import Kind
from gridmgmt.casework.transitions import BY_PEOPLE
from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.errors import InstantInvalid, OptionInvalid
from gridmgmt.intake.operations import step_sheets
from gridmgmt.intake.operations.step_sheets import StepsReport
from gridmgmt.periods import parse_instant

app = typer.Typer(no_args_is_help=True, help="案件办理 · Cases at work: open them, act on them, see their clocks.")


def add_to(parent: typer.Typer) -> None:
    """Hang the group `case` into the command."""
    parent.add_typer(app, name="case")


AT = typer.Option(None, "--at", help="When it happened, city time (default: now).")
ACTOR = typer.Option(..., "--actor", help="Who does it.")
PHOTOS = typer.Option([], "--photo", help="before=FILE, after=FILE or evidence=FILE; several times.")


def _facts(pairs: list[str]) -> dict[str, Any]:
    """Facts given by option, ``NAME=VALUE``: what a step takes stands in :mod:`gridmgmt.casework.step_facts`."""
    out: dict[str, Any] = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or name.strip() in out:
            raise OptionInvalid(name="--set", value=text, expected="NAME=VALUE")
        out[name.strip()] = value.strip()
    return out


@app.command("open")
def open_(
    context: typer.Context,
    actor: str = ACTOR,
    source: str = typer.Option(..., "--source", help="Where the report came from (问题来源)."),
    category: str = typer.Option(None, "--category", help="Class, written matter:06010."),
    lon: float = typer.Option(None, "--lon", help="Longitude or easting."),
    lat: float = typer.Option(None, "--lat", help="Latitude or northing."),
    crs: str = typer.Option("epsg:4490", "--crs", help="epsg:NNNN, gcj02 or bd09."),
    address: str = typer.Option(None, "--address"),
    description: str = typer.Option(None, "--description"),
    at: str = AT,
    case_no: str = typer.Option(None, "--no", help="Its number (default: the next of its day)."),
    reporter: str = typer.Option(None, "--reporter", help="Name of who reported it; kept apart."),
    phone: str = typer.Option(None, "--phone", help="Telephone of who reported it; kept apart."),
    photos: list[str] = PHOTOS,
    as_json: bool = JSON,
) -> None:
    """Open a case: its grids and the unit that will answer are found from its place and class.

    Example: `gridmgmt case open --actor 王某 --source 监督员上报 --category matter:06010 --lon 114.05 --lat 30.02`
    """
    run = state(context)
    told = {
        "source": source, "category": category, "lon": lon, "lat": lat, "crs": crs if lon is not None else None,
        "address": address, "description": description,
    }  # fmt: skip
    facts = {k: v for k, v in told.items() if v is not None}
    contact = (reporter, phone) if reporter or phone else None
    request = Request("report", actor, case_no, run.instant(at), facts=facts, reporter=contact)
    _take(run, request, photos, as_json)


@app.command("step")
def step(
    context: typer.Context,
    case_no: str = typer.Argument(help="Number of the case."),
    kind: str = typer.Argument(
        help="受理 accept, 立案 register, 派遣 dispatch, 签收 receive, … (see `case show`); either word."
    ),
    actor: str = ACTOR,
    unit: str = typer.Option(None, "--unit", help="Of a dispatch: the unit (default: by the responsibility table)."),
    reason: str = typer.Option(None, "--reason", help="Why; every return needs one."),
    at: str = AT,
    given: list[str] = typer.Option(
        [],
        "--set",
        help="What the step tells, NAME=VALUE (either word): 时限 due_at, 回访结论 verdict … (docs/casework.md)",
    ),
    seen: int = typer.Option(None, "--seen", help="The number of steps you saw; refused if somebody was quicker."),
    photos: list[str] = PHOTOS,
    as_json: bool = JSON,
) -> None:
    """Take one step with a case; one that its state does not allow is refused with those that it does.

    Example: `gridmgmt case step C2026030500001 dispatch --actor 李某`
    """
    run = state(context)
    request = Request(
        _by_word(kind, "step", BY_PEOPLE, "KIND"),
        actor,
        case_no,
        run.instant(at),
        unit,
        reason,
        _facts(given),
        expected=seen,
    )
    _take(run, request, photos, as_json)


@app.command("steps")
def steps(
    context: typer.Context,
    files: list[Path] = typer.Argument(help="Sheets of steps: CSV, Excel, …"),
    profile: str = typer.Option("steps", "--profile", help="Id in data/profiles, or a YAML file, of kind steps."),
    actor: str = typer.Option("", "--actor", help="Who takes the steps of rows that name nobody."),
    rejects: Path = typer.Option(None, "--rejects", help="CSV file for the refused rows, to be mended and handed in."),
    as_json: bool = JSON,
) -> None:
    """Take the steps of a sheet now, from top to bottom; the same sheet again takes nothing twice.

    Example: `gridmgmt case steps steps.xlsx --actor 李某 --rejects bad.csv`
    """
    run = state(context)
    with progress() as tell:
        done = [step_sheets.take_file(run.engine.but(actor=actor, progress=tell), f, profile) for f in files]
    if rejects is not None:
        _write_rejects(run, done, profile, rejects, quiet=as_json)
    if as_json:
        show_json([r.as_dict() for r in done])
    else:
        _show_steps(run, done)
    if any(r.n_refused and not r.n_taken + r.n_there for r in done):  # a nightly job must notice
        raise typer.Exit(1)


def _show_steps(run: State, done: list[StepsReport]) -> None:
    columns = ("n_rows", "n_taken", "n_there", "n_refused")
    heads = [run.word("n_rows"), run.word("steps_taken"), run.word("steps_there"), run.word("steps_refused")]
    counts = [[r.file, *(f"{getattr(r, c):,}" for c in columns)] for r in done]
    show_table("", [run.word("file"), *heads], counts, right=range(1, 5))
    for r in done:
        for row, case_no in r.opened.items():
            typer.echo(run.word("steps_opened", {"file": r.file, "row": row, "case_no": case_no}))
        for row, found in r.suspects.items():
            typer.echo(run.word("row_suspects", {"file": r.file, "row": row, "case_no": [s["case_no"] for s in found]}))
    refused = [[r.file, x.row, x.column, x.value, x.worded(run.lang)] for r in done for x in r.refused]
    if refused:
        names = [run.word(x) for x in ("file", "row", "column", "value", "quarantined_because")]
        show_table("", names, refused, right=(1,))


def _write_rejects(run: State, done: list[StepsReport], profile: str, out: Path, *, quiet: bool) -> None:
    """The refused rows as their files have them, with file, row and reason behind; nothing refused: the head alone."""
    rows = []
    for report in done:
        why = report.refused.by_row()
        for n, raw in step_sheets.rejected_rows(report, profile).items():
            reason = "; ".join(f"{x.column} {x.worded(run.lang)}".strip() for x in why[n])
            rows.append({**raw, "_file": report.file, "_row": n, "_reason": reason})
    heads = [*step_sheets.step_profile(profile).file_columns(), "_file", "_row", "_reason"]
    pd.DataFrame(rows, columns=None if rows else heads).to_csv(out, index=False, encoding="utf-8-sig")
    if not quiet:
        typer.echo(run.word("rows_written", {"n": len(rows), "file": str(out)}))


@app.command("template")
def template(
    context: typer.Context,
    out: Path = typer.Option(..., "--out", help="xlsx file."),
    profile: str = typer.Option("steps", "--profile", help="Id in data/profiles, or a YAML file, of kind steps."),
) -> None:
    """Write an empty sheet of steps with lists to choose from, to be filled and handed to `gridmgmt case steps`.

    Example: `gridmgmt case template --out steps.xlsx`
    """
    out.write_bytes(step_sheets.template(profile))
    typer.echo(state(context).word("step_sheet_written", {"file": str(out)}))


def _by_word(text: str, prefix: str, codes: Collection[str], name: str) -> str:
    """A code given as such or by its Chinese word."""
    found = words(prefix).get(text.strip(), "")
    if found not in codes:
        expected = ", ".join(f"{texts.word(f'{prefix}_{code}')} {code}" for code in codes)
        raise OptionInvalid(name=name, value=text, expected=expected)
    return found


def _take(run: State, request: Request, photos: list[str], as_json: bool) -> None:
    files = [_photo(text) for text in photos]
    case, attached = cases.take_with_files(run.engine, request, files, run.settings.files_root)
    suspects = repeats.suspects_of(run.engine, [case]).get(case.case_no, []) if request.kind == "report" else []
    if as_json:
        files_told = [a.as_dict() for a in attached]
        show_json({**asdict(case), "flags": case.flags(), "files": files_told, "suspects": suspects})
        return
    _tell(run, case)
    if request.kind in ("report", "move") and not lookup.show_case(run.engine, case.case_no).grids:
        typer.echo(run.word("case_nowhere" if case.lon is None else "case_outside"))
    for s in suspects:
        typer.echo(run.word("case_suspect", s))
    for note in (n for a in attached for n in a.notes):
        typer.echo(run.word(note.code, note.facts))


def _photo(text: str) -> tuple[Kind, Path]:
    kind, equals, path = text.partition("=")
    kinds: dict[str, Kind] = {"before": "before", "after": "after", "evidence": "evidence"}
    if not equals or kind not in kinds:
        raise OptionInvalid(name="--photo", value=text, expected="before=FILE / after=FILE / evidence=FILE")
    return kinds[kind], Path(path)


def _tell(run: State, case: Case) -> None:
    stage = STATES.get(case.state)
    facts = {"case_no": case.case_no, "state": case.state, "stage": stage, "n": case.n_steps, "unit": case.unit_code}
    typer.echo(run.word("case_is_now", {**facts, "due": _time(run, case.effective_due_at)}))


def _time(run: State, at: Any) -> str:
    return "—" if at is None else at.astimezone(run.city.zone).strftime("%Y-%m-%d %H:%M:%S")


@app.command("show")
def show(
    context: typer.Context,
    case_no: str = typer.Argument(help="Number of the case."),
    now: str = typer.Option(None, "--now", help="As of this moment (default: now)."),
    as_json: bool = JSON,
) -> None:
    """One case: its steps with who, when and why, its marks, its hanging accounts, and which steps are legal now.

    Example: `gridmgmt case show C2026030500001`
    """
    run = state(context)
    found = lookup.show_case(run.engine.but(now=run.instant(now)), case_no)
    if as_json:
        show_json({**asdict(found), "case": {**asdict(found.case), "flags": found.marks}})
        return
    marks = [run.word(f"mark_{m}") for m in found.marks]
    where = " › ".join(str(g["name_zh" if run.lang == "zh" else "name_en"] or g["code"]) for g in found.grids)
    facts = {
        "case_no": case_no,
        "state": found.case.state,
        "stage": STATES.get(found.case.state),
        "n": found.case.n_steps,
        "unit": found.case.unit_code,
    }
    typer.echo(run.word("case_is_now", {**facts, "due": _time(run, found.case.effective_due_at)}))
    typer.echo(run.word("case_place", {"where": where or None, "address": found.case.address}))
    typer.echo(run.word("case_marks", {"marks": marks or None}))
    rows = [
        [s.seq or n, _time(run, s.at), run.word(f"step_{s.kind}"), s.actor, s.unit_code, s.reason,
         _told(run, s.facts), run.word(f"origin_{s.origin}")]
        for n, s in enumerate(found.steps, 1)
    ]  # fmt: skip
    columns = ("number", "docket_time", "docket_step", "by", "docket_unit", "reason", "case_facts", "docket_origin")
    show_table("", [run.word(c) for c in columns], rows, right=(0,))
    for account in found.accounts:
        _show_account(run, account)
    typer.echo(run.word("case_legal", {"legal": list(found.legal)}))


def _told(run: State, facts: Mapping[str, Any]) -> str:
    """A step's facts in words; the working of its deadline is shown by `case clock`."""
    hidden = ("limits", "next_limits", "later", "calendar", "rule", "deadlines", "lon", "lat")
    told = [_fact(run, k, v) for k, v in facts.items() if k not in hidden and v is not None and v is not False]
    if "lon" in facts:
        told.append(f"{facts['lon']}, {facts['lat']}")
    return ", ".join(told)


def _fact(run: State, name: str, value: Any) -> str:
    """One fact by its word; what another system's log told in its own way is shown as it is."""
    words = {"order_kind": "order_", "verdict": "verdict_", "mark": "mark_", "amount_unit": "time_unit_"}
    label = run.word(f"fact_{name}") if name in step_facts.KNOWN else name
    if value is True:
        return label
    if name in words:
        return f"{label} {run.word(words[name] + str(value))}"
    if name == "orders":
        return f"{label} " + ", ".join(f"{n}: {_instant(run, at)}" for n, at in value.items())
    return f"{label} {_instant(run, value) if name.endswith(('_at', '_until')) else value}"


def _instant(run: State, value: Any) -> str:
    try:
        return _time(run, parse_instant(str(value), run.city.zone))
    except InstantInvalid:
        return str(value)


SHOWN_PERIODS = 10
"""Of a long hanging account the last so many periods are shown."""


def _show_account(run: State, account: Account) -> None:
    told = {"unit": account.unit_code, "n": account.n_deductions, "exposed": _time(run, account.exposed_at)}
    typer.echo(run.word("account_line", told))
    rows = [
        [p.number, _time(run, p.opened_at), _time(run, p.due_at), _time(run, p.ended_at),
         run.word(f"hang_{p.how or 'running'}")]
        for p in account.periods[-SHOWN_PERIODS:]
    ]  # fmt: skip
    if (n := len(account.periods) - SHOWN_PERIODS) > 0:
        typer.echo(run.word("account_earlier", {"n": n}))
    show_table(
        "", [run.word(c) for c in ("hang_period", "opened", "docket_due", "ended", "how_ended")], rows, right=(0,)
    )


@app.command("list")
def list_(
    context: typer.Context,
    states: list[str] = typer.Option(
        [], "--state", help="Only this state, by either word; may be given several times."
    ),
    unit: str = typer.Option(None, "--unit", help="Only cases that this unit answers for."),
    grid: str = typer.Option(None, "--grid", help="Only cases in this grid, of any level."),
    category: str = typer.Option(None, "--category", help="Only this class, e.g. matter:06*."),
    overdue: bool = typer.Option(False, "--overdue", help="Only cases in a unit's hands after their deadline."),
    now: str = typer.Option(None, "--now", help="As of this moment (default: now)."),
    limit: int = typer.Option(50, "--limit", min=1, max=1_000_000),
    offset: int = typer.Option(0, "--offset", min=0, max=1_000_000_000),
    as_json: bool = JSON,
) -> None:
    """Cases by state, unit, grid, class and lateness; those due first come first.

    Example: `gridmgmt case list --state handling --overdue`
    """
    run = state(context)
    wanted = [_by_word(x, "state", STATES, "--state") for x in states]
    n, found = lookup.list_cases(
        run.engine.but(now=run.instant(now)),
        states=wanted,
        unit=unit,
        grid=grid,
        category=category,
        overdue=overdue,
        limit=limit,
        offset=offset,
    )
    if as_json:
        show_json({"n_matched": n, "cases": found})
        return
    rows = [
        [c["case_no"], run.word(f"state_{c['status']}") if c["status"] else None, _class(c), c["unit_code"],
         _time(run, c["reported_at"]), _time(run, c["due_extended_at"] or c["due_at"]), c["address"]]
        for c in found
    ]  # fmt: skip
    columns = (
        "docket_case",
        "state",
        "docket_category",
        "docket_unit",
        "docket_reported",
        "docket_due",
        "docket_address",
    )
    show_table(run.word("cases_matched", {"n": n}), [run.word(c) for c in columns], rows)


def _class(row: dict[str, Any]) -> str | None:
    return f"{row['category_kind']}:{row['category_code']}" if row["category_code"] else None


@app.command("states")
def states_(context: typer.Context, as_json: bool = JSON) -> None:
    """How many cases are in each state; each case is in exactly one.

    Example: `gridmgmt case states`
    """
    run = state(context)
    found = lookup.by_state(run.engine)
    if as_json:
        show_json(found)
        return
    rows = [[run.word(f"state_{name}") if name else run.word("state_untold"), f"{n:,}"] for name, n in found.items()]
    show_table(
        "",
        [run.word("state"), run.word("docket_cases")],
        [*rows, [run.word("docket_all"), f"{sum(found.values()):,}"]],
        (1,),
    )


@app.command("clock")
def clock(
    context: typer.Context,
    case_no: str = typer.Argument(help="Number of the case."),
    now: str = typer.Option(None, "--now", help="As of this moment (default: now)."),
    as_json: bool = JSON,
) -> None:
    """The clocks of a case: each stage's limit, its deadline worked out day by day, and the traffic light.

    Example: `gridmgmt case clock C2026030500001`
    """
    run = state(context)
    at, found = lookup.clocks(run.engine.but(now=run.instant(now)), case_no)
    if as_json:
        show_json({"case_no": case_no, "now": at, "clocks": [asdict(c) for c in found]})
        return
    for c in found:
        light = run.word(f"light_{c.light.colour}", {"share": float(c.light.share)}) if c.light else "—"
        told = {"stage": c.stage, "start": _time(run, c.started_at), "due": _time(run, c.due_at), "light": light}
        extended = _time(run, c.extended_at) if c.extended_at else None
        typer.echo(run.word("clock_line", {**told, "ended": _time(run, c.ended_at), "extended": extended}))
        if c.rule is not None:
            typer.echo("    " + run.word("limit_rule", c.rule))
        for beaten in c.reason["beaten"] if c.reason else ():
            typer.echo("      " + run.word("limit_beaten", beaten))
        for line in c.deadline.working if c.deadline else ():
            typer.echo("    " + texts.word(line.code, line.facts, run.lang))
        if c.deadline is not None and c.deadline.provisional:
            typer.echo("    " + run.word("clock_provisional"))


@app.command("renew")
def renew(context: typer.Context) -> None:
    """Compute provisional deadlines again, after the calendar of a further year has arrived.

    Example: `gridmgmt case renew`
    """
    run = state(context)
    with progress() as tell:
        n = cases.renew_deadlines(run.engine.but(progress=tell))
    typer.echo(run.word("deadlines_renewed", {"n": n}))
