"""Commands on reporting: `gridmgmt due`, `gridmgmt reports enter | event | withdraw | list | charge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    import datetime as dt

    from gridmgmt.reporting.operations.registering import Registered

app = typer.Typer()
reports = group(app, "reports")


@command(app, "due")
def due(
    run: State,
    *,
    on: str,
    until: str | None = None,
    scheme: Sequence[str] = (),
    event: Sequence[str] = (),
    units: bool = False,
    as_of: str | None = None,
) -> View:
    """What is due from whom to whom and when, and whether it came: all that may be done on the day or until another.

    A duty that follows an event stands at the end; with --event its deadline is computed.
    """
    from gridmgmt.reporting.operations import due as reporting

    first = _day("--on", on)
    last = _day("--until", until) if until else first
    if last < first:
        raise OptionInvalid(name="--until", value=until or "", expected=f"{on} …")
    work = run.work.but(now=run.instant(as_of)) if as_of else run.work
    found = reporting.due(work, first, last, schemes=scheme, events=event, units=units)
    names = ("what", "who", "about", "until", "state")
    rows = ([_cell(run, name, row, first) for name in names] for row in found)
    return View(found, [Table(run.words(names, "due_"), rows, whole=[2])])


def _day(name: str, text: str) -> dt.date:
    import datetime as dt

    from gridmgmt.reporting.duties import YEARS

    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = dt.date.min
    if day.year not in YEARS:
        raise OptionInvalid(name=name, value=text, expected="2025-12-31")
    return day


def _cell(run: State, name: str, row: Mapping[str, Any], first: dt.date) -> str:
    if name == "what":
        return f"{row['what'][run.lang]}\n{row['scheme']}"
    if name == "who":
        who = f"{row['subject_code']} {row['subject'][run.lang]}" if "subject" in row else row["from"][run.lang]
        return f"{who}\n→{row['to'][run.lang]}"
    if name == "about":
        return _about(run, row)
    if name == "state":
        return _state(run, row)
    until = _until(run, row, first)
    return f"{row['opens']} –\n{until}" if row["opens"] else until


def _about(run: State, row: Mapping[str, Any]) -> str:
    if row["after"] is None:
        days = f"{row['period_first']} –\n{row['period_last']}"
        return days if ".." in row["period"] else f"{row['period']}\n{days}"  # a week is written as its days
    ((unit, n),) = row["within"].items()
    within = run.word(f"due_within_{unit}", {"n": n})
    event = run.word("due_after_event", {"event": run.coded(row["after"], row["after_name"]), "within": within})
    told = [str(x) for x in (row.get("event_no"), run.time(row["event_at"]) if row.get("event_at") else None) if x]
    return f"{event}\n({', '.join(told)})" if told else event


def _state(run: State, row: Mapping[str, Any]) -> str:
    if row["state"] is None:
        return ""
    told = run.word(f"report_{row['state']}")
    at = row.get("handed_in_at")
    if row.get("n_owed", 1) > 1:
        return run.word("due_of_several", {"state": told, "n_done": row["n_done"], "n_owed": row["n_owed"]})
    return f"{told}\n({run.time(at)})" if at else told


def _until(run: State, row: Mapping[str, Any], first: dt.date) -> str:
    if row["due"] is None:
        return ""
    if row["at"] is not None:
        return run.time(row["at"])
    if not row["states_a_day"]:
        return run.word("due_no_day", {"day": row["due"].isoformat()})
    return run.word("due_that_day", {"day": row["due"].isoformat()}) if row["due"] == first else str(row["due"])


# --- the register -----------------------------------------------------------------------------------------------------


@command(reports, "enter")
def reports_enter(
    run: State,
    scheme: str,
    duty: str,
    *,
    about: str,
    at: str,
    by: str,
    from_: str = "",
    file: Sequence[Path] = (),
    note: str | None = None,
) -> View:
    """Enter that a report was handed in: for which period or event, by whom and when; again otherwise: a correction."""
    from gridmgmt.reporting.operations import registering

    work, root = run.work.but(actor=by), run.settings.files_root
    done = registering.enter(work, root, scheme, duty, about=about, subject=from_, at=at, files=file, note=note)
    return View(done.as_dict(), _registered(run, done))


@command(reports, "event")
def reports_event(
    run: State, scheme: str, event: str, no: str, *, at: str, by: str, from_: str = "", note: str | None = None
) -> View:
    """Enter an event that reports follow, under a number of its own; what follows from it is due from then on."""
    from gridmgmt.reporting.operations import registering

    done = registering.enter_event(run.work.but(actor=by), scheme, event, no, subject=from_, at=at, note=note)
    return View(done.as_dict(), _registered(run, done))


@command(reports, "withdraw")
def reports_withdraw(run: State, scheme: str, what: str, *, about: str, reason: str, by: str, from_: str = "") -> View:
    """Take back a report, or an event by its number, that was entered wrongly; what stood there is kept."""
    from gridmgmt.reporting.operations import registering

    done = registering.withdraw(run.work.but(actor=by), scheme, what, about=about, subject=from_, reason=reason)
    return View(done.as_dict(), _registered(run, done))


def _registered(run: State, done: Registered) -> Shown:
    told = run.word(f"report_{done.change}")
    if done.state is None:
        yield told
        for x in done.rejudged:
            facts = {"duty": x.duty, "at": run.time(x.at, seconds=True)}
            states = {"was": run.word(f"report_{x.was}"), "state": run.word(f"report_{x.state}")}
            yield run.word("report_gone" if x.gone else "report_rejudged", {**facts, **states})
    else:
        until = run.time(done.due_at) if done.due_at else str(done.due)
        yield run.word("report_entered", {"change": told, "until": until, "state": run.word(f"report_{done.state}")})
        if done.early:
            yield run.word("report_early", {"opens": str(done.opens)})


@command(reports, "list")
def reports_list(run: State, scheme: str, *, history: bool = False) -> View:
    """The register of a scheme: events and reports, when, by whom entered, and the file; with --history every row."""
    from gridmgmt.reporting.operations import registering

    found = registering.listed(run.work, scheme, history=history)
    names = ["what", "about", "subject_code", "at", "file", "note", "by", "known_at"] + (["holds"] if history else [])
    titles = registering.titles(scheme)
    rows = ([_registered_cell(run, titles, name, row) for name in names] for row in found)
    return View(found, [Table(run.words(names, "report_col_"), rows)])


def _registered_cell(run: State, titles: Mapping[str, Mapping[str, str]], name: str, row: Mapping[str, Any]) -> Any:
    if name == "what":
        return run.coded(row["what"], titles.get(row["what"], {}))
    if name == "file":
        return row.get("sha256")
    if name == "holds":
        return run.word("entry_yes" if row["holds"] and row["at"] else "entry_no")
    if name == "at" and row["at"] is None:
        return run.word("report_withdrawn")
    if name == "at" and row["before_event"]:
        return run.word("report_before_event", {"at": run.time(row["at"], seconds=True)})
    return run.time(row[name], seconds=True) if name in ("at", "known_at") else row[name]


@command(reports, "charge")
def reports_charge(
    run: State, scheme: str, *, period: str, by: str, as_of: str | None = None, dry_run: bool = False
) -> View:
    """Enter what was late in a period as findings of the scheme's rulebook; take back what was in time after all."""
    from gridmgmt.cli.entering import entered
    from gridmgmt.reporting.operations import charging

    work = run.work.but(actor=by, keep=not dry_run, **({"now": run.instant(as_of)} if as_of else {}))
    return entered(run, charging.charge(work, scheme, period))
