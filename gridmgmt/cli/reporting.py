"""The command on reporting: `gridmgmt due`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import State, Table, View, command
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    import datetime as dt

app = typer.Typer()


@command(app, "due")
def due(
    run: State,
    *,
    on: str,
    until: str | None = None,
    scheme: Sequence[str] = (),
    event: Sequence[str] = (),
    units: bool = False,
) -> View:
    """What is due from whom and when: all that may be done on the day, or on some day until another, and is not late.

    A duty that follows an event stands at the end; with --event its deadline is computed.
    """
    from gridmgmt.reporting.operations import due as reporting

    first = _day("--on", on)
    last = _day("--until", until) if until else first
    if last < first:
        raise OptionInvalid(name="--until", value=until or "", expected=f"{on} …")
    found = reporting.due(run.work, first, last, schemes=scheme, events=event, units=units)
    names = ("scheme", "what", "from", "about", "opens", "until")
    rows = ([_cell(run, name, row, first) for name in names] for row in found)
    return View(found, [Table(run.words(names, "due_"), rows)])


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


def _about(run: State, row: Mapping[str, Any]) -> str:
    if row["after"] is None:
        return f"{row['period']} ({row['period_first']} – {row['period_last']})"
    ((unit, n),) = row["within"].items()
    within = run.word(f"due_within_{unit}", {"n": n})
    event = run.word("due_after_event", {"event": row["after"], "within": within})
    at = row.get("event_at")
    return f"{event} ({run.time(at)})" if at else event


def _until(run: State, row: Mapping[str, Any], first: dt.date) -> str:
    if row["due"] is None:
        return ""
    if row["at"] is not None:
        return run.time(row["at"])
    if not row["states_a_day"]:
        return run.word("due_no_day", {"day": row["due"].isoformat()})
    return run.word("due_that_day", {"day": row["due"].isoformat()}) if row["due"] == first else str(row["due"])
