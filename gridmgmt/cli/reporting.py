"""The command on reporting: `gridmgmt due`."""

import datetime as dt
from typing import Any

import typer

from gridmgmt.cli.base import JSON, State, show_json, show_table, state
from gridmgmt.errors import OptionInvalid
from gridmgmt.reporting.duties import YEARS
from gridmgmt.reporting.operations import due as reporting


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("due")(due)


def due(
    context: typer.Context,
    on: str = typer.Option(..., "--on", help="A day, such as 2026-03-05."),
    until: str = typer.Option(None, "--until", help="The last of several days."),
    scheme: list[str] = typer.Option([], "--scheme", help="Id in data/reporting, repeatable; default: all."),
    event: list[str] = typer.Option([], "--event", help="NAME=TIME of an event that duties follow, repeatable."),
    units: bool = typer.Option(False, "--units", help="One line for each who owes it, by the rulebook's list."),
    as_json: bool = JSON,
) -> None:
    """What is due from whom and when: all that may be done on the day, or on some day until another, and is not late.

    A duty that follows an event stands at the end; with --event its deadline is computed.

    Example: `gridmgmt due --on 2026-03-05 --scheme huiji --event month_check_end=2026-03-20`
    """
    run = state(context)
    first = _day("--on", on)
    last = _day("--until", until) if until else first
    if last < first:
        raise OptionInvalid(name="--until", value=until, expected=f"{on} …")
    rows = reporting.due(run.engine, first, last, schemes=scheme, events=event, units=units)
    if as_json:
        show_json(rows)
        return
    names = ("scheme", "what", "from", "about", "opens", "until")
    table = [[_cell(run, name, row, first) for name in names] for row in rows]
    show_table("", [run.word(f"due_{name}") for name in names], table)


def _day(name: str, text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = dt.date.min
    if day.year not in YEARS:
        raise OptionInvalid(name=name, value=text, expected="2025-12-31")
    return day


def _cell(run: State, name: str, row: dict[str, Any], first: dt.date) -> str:
    if name == "scheme":
        return str(row["scheme"])
    if name == "what":
        return str(row["what"][run.lang])
    if name == "from":
        return f"{row['subject_code']} {row['subject'][run.lang]}" if "subject" in row else str(row["from"][run.lang])
    if name == "about":
        return _about(run, row)
    if name == "opens":
        return str(row["opens"] or "")
    return _until(run, row, first)


def _about(run: State, row: dict[str, Any]) -> str:
    if row["after"] is None:
        return f"{row['period']} ({row['period_first']} – {row['period_last']})"
    ((unit, n),) = row["within"].items()
    within = run.word(f"due_within_{unit}", {"n": n})
    event = run.word("due_after_event", {"event": row["after"], "within": within})
    at = row.get("event_at")
    return f"{event} ({_local(run, at)})" if at else event


def _until(run: State, row: dict[str, Any], first: dt.date) -> str:
    if row["due"] is None:
        return ""
    if row["at"] is not None:
        return _local(run, row["at"])
    if not row["states_a_day"]:
        return run.word("due_no_day", {"day": row["due"].isoformat()})
    return run.word("due_that_day", {"day": row["due"].isoformat()}) if row["due"] == first else str(row["due"])


def _local(run: State, at: dt.datetime) -> str:
    return at.astimezone(run.city.zone).strftime("%Y-%m-%d %H:%M")
