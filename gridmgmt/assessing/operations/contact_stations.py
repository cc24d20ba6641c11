"""Contact stations that did not report (社区联系站未记报): communities with a working day without a report, by unit."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gridmgmt.database.work import Connection
from gridmgmt.figures.operations.period_counts import Figures
from gridmgmt.figures.stations import silent_days
from gridmgmt.files import calendars
from gridmgmt.people import staffing
from gridmgmt.people.responsibility import assign_units
from gridmgmt.people.store import responsibility

_LEVEL = "community"
"""The key of the level whose grids have stations."""


@dataclass(frozen=True)
class Stations:
    """The city's communities by the unit that answers for them (责任表 for ``*``), and which stations were silent."""

    units: Mapping[str, str | None]
    names: Mapping[str, str]
    silent: Mapping[str, Sequence[dt.date]]

    def findings(self, unit: str) -> list[dict[str, Any]]:
        """A unit's communities with silent days, each one finding of its first such day that names them all."""
        return [
            {"on": days[0].isoformat(), "note": f"{code} {self.names[code]} ({_days(days)})".replace("  ", " ")}
            for code, days in sorted(self.silent.items())
            if self.units[code] == unit
        ]


def _days(days: Sequence[dt.date]) -> str:
    return ", ".join(day.strftime("%m-%d") for day in days)


def stations(connection: Connection, found: Figures, sources: Sequence[str]) -> Stations | None:
    """The stations of a period's grids, by the reports from some sources (问题来源).

    None where these cannot tell: no case of the period came from any of the sources, the city has no communities, or
    nobody answers for any of them. A working day counts once it is over at the cut-off.
    """
    level = next((x.number for x in found.city.levels if x.key == _LEVEL), None)
    facts = found.case_rows
    frame = facts.frame[facts.within(facts.frame["reported_at"]) & facts.frame["source"].isin(sources).to_numpy()]
    if level is None or frame.empty:
        return None
    own = found.grids[found.grids["edition"] == found.edition.name]
    here = own[own["level"] == level]
    units = _answering(connection, own, level, found.day)
    if not any(units.values()):
        return None
    days = frame["reported_at"].dt.tz_convert(found.city.zone).dt.date
    came = {(str(c), day) for c, day in zip(found.codes_of(frame, level), days, strict=True) if c}
    silent = silent_days(units, came, _workdays(found))
    names = dict(zip(here["code"].astype(str), here["name_zh"].fillna("").astype(str), strict=True))
    return Stations(units, names, silent)


def _workdays(found: Figures) -> list[dt.date]:
    """The working days of the period, by the city's calendar, that were over at the cut-off."""
    calendar, period = calendars.load(found.city.calendar), found.period
    last = found.as_of.astimezone(found.city.zone).date()  # this day itself may still run
    days = (period.start + dt.timedelta(days=n) for n in range((min(period.end, last) - period.start).days))
    return [day for day in days if calendar.is_workday(day)]


def _answering(connection: Connection, grids: pd.DataFrame, level: int, day: dt.date) -> dict[str, str | None]:
    """Community → the unit that answers there for what has no class of its own (责任表中的 *)."""
    lines = {place[1]: dict(line) for place, line in staffing.lines(grids).items() if place[0] == level}
    codes = [pd.Series([lines[c].get(n) for c in lines], dtype="object") for n in range(1, level + 1)]
    days = pd.Series([pd.Timestamp(day)] * len(lines), dtype="datetime64[s]")
    nothing = pd.Series([None] * len(lines), dtype="object")
    found = assign_units(responsibility.load_rules(connection), nothing, codes, days)
    return dict(zip(lines, found.tolist(), strict=True))
