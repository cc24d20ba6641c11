"""Acts (办理动作): steps as the work of the person who took them – reported, dispatched, handled, verified, on time.

A step says who took it as its source wrote it; the person is found beside it
(:mod:`gridmgmt.people.identities`). A send-back for a wrong dispatch counts for whoever had dispatched the case.
What is only derived from dates is nobody's act.

A month has hundreds of thousands: they are judged column by column. Only a case whose deadline was shifted
(:data:`gridmgmt.casework.transitions.SHIFTING`) is folded.
"""

import datetime as dt
import hashlib
from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt import deadlines
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.store import steps
from gridmgmt.casework.transitions import ANSWERING, FAILING, OPENING, REGISTERING, SHIFTING
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.deadlines import Limit
from gridmgmt.figures.predicates import Mask
from gridmgmt.figures.store import steps as store_steps
from gridmgmt.people.identities import Identities
from gridmgmt.people.store import people as store_people

_PLACE = ("category_kind", "category_code", "source", "edition_id", "located", *GRID_COLUMNS)
_COLUMNS = (
    "act_no", "case_no", "kind", "at", "content_hash", "late", "wrong_dispatch", "person_code", "unit_id", *_PLACE,
)  # fmt: skip
Rows = NDArray[np.int64]
"""Positions of rows; -1: none."""


def acts_of_period(connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime) -> pd.DataFrame:
    """The acts in [start, end), as known at ``cut``, by case and number; ``person_code`` None: nobody is known by it.

    ``late``: a dispatch or an answer after its deadline, exactly at it is on time; None: without one, or another act.
    """
    desk = Desk(connection)
    cases, told = store_steps.acts_of_period(connection, start, end, cut)
    course = _Course(told)
    told["late"] = pd.array([pd.NA] * len(told), dtype="boolean")
    _judge_answers(desk, course, cut)
    _judge_dispatches(desk, course)
    told["actor"] = _actors(course)
    place = pd.Series(np.arange(len(cases)), index=cases["case_id"])
    acts = told[told["is_act"]].assign(place=lambda x: x["case_id"].map(place).astype("int64"))
    acts = acts.sort_values(["place", "seq"], ignore_index=True)
    own = cases.iloc[acts.pop("place")].drop(columns="case_id").reset_index(drop=True)
    return _numbered(pd.concat([acts, own], axis=1), desk)


class _Course:
    """Steps by case and number, and of each the last one before it in its case that something holds of."""

    def __init__(self, told: pd.DataFrame) -> None:
        self.told = told
        self._rows: Rows = np.arange(len(told))
        ids = told["case_id"].to_numpy()
        is_first = np.append(True, ids[1:] != ids[:-1])[: len(ids)]
        self._first = np.maximum.accumulate(np.where(is_first, self._rows, 0))

    def among(self, kinds: Collection[str]) -> Mask:
        """Whether a step is of some kinds."""
        return self.told["kind"].isin(kinds).to_numpy()

    def before(self, holds: Mask) -> Rows:
        """The last row before each one in its case of which something holds."""
        last = np.maximum.accumulate(np.where(holds, self._rows, -1))
        last = np.append(-1, last[:-1])[: len(last)]
        return np.where(last >= self._first, last, -1)

    def values(self, name: str, rows: Rows) -> pd.Series:
        """A column's values at some rows; none where there is no row."""
        return self.told[name].take(np.maximum(rows, 0)).set_axis(range(len(rows))).where(rows >= 0)


def _judge_answers(desk: Desk, course: _Course, cut: dt.datetime) -> None:
    """An answer is late after the deadline that the last dispatch or failed check told; shifted ones are folded."""
    told, fails = course.told, course.among(FAILING)
    untold = told["due_at"].isna().to_numpy()
    answers = told["is_act"].to_numpy() & course.among(ANSWERING)
    due = course.values("due_at", course.before(course.among(OPENING) | (fails & ~untold)))
    known = answers & due.notna().to_numpy()
    told.loc[known, "late"] = (told["at"] > due)[known]
    shifted = told.loc[course.among(SHIFTING) | (fails & untold), "case_id"].unique().tolist()
    again = np.flatnonzero(answers & told["case_id"].isin(shifted).to_numpy())
    late = _folded(desk, shifted, cut) if len(again) else {}
    keys = zip(told["case_id"].iloc[again], told["seq"].iloc[again], strict=True)
    told.loc[again, "late"] = pd.array([late[key] for key in keys], dtype="boolean")


def _folded(desk: Desk, ids: list[int], cut: dt.datetime) -> dict[tuple[int, int], bool | None]:
    """Case id and number of an answer → whether it comes after the deadline that the steps before it add up to."""
    out: dict[tuple[int, int], bool | None] = {}
    for case_id, taken in steps.each_case(desk.connection, ids, until=cut):
        case = Case("")
        for step in taken:
            if step.kind in ANSWERING:
                due = case.current_due_at
                out[case_id, step.seq] = None if due is None else step.at > due
            case = transitions.follow(case, step)
    return out


def _judge_dispatches(desk: Desk, course: _Course) -> None:
    """A case's first dispatch is late after the time limit from its registration on.

    No limit is used up in less time than it has: only what took longer is counted on the calendar.
    """
    told, opens = course.told, course.among(OPENING)
    since = course.values("at", course.before(course.among(REGISTERING)))
    rows = np.flatnonzero(told["is_act"].to_numpy() & opens & (course.before(opens) < 0) & since.notna().to_numpy())
    since, at = since.iloc[rows], told["at"].iloc[rows]
    category = course.values("category", course.before(told["category"].notna().to_numpy())).iloc[rows]
    limits, which = _dispatch_limits(desk, category, since)
    shortest = np.array([sum(x.us(desk.clock.calendar) for x in chosen) for chosen in limits], dtype=np.int64)[which]
    late = (at - since).to_numpy() > shortest.astype("timedelta64[us]")
    for n in np.flatnonzero(late & (shortest > 0)).tolist():
        due = deadlines.due_at(since.iloc[n].to_pydatetime(), limits[which[n]], desk.clock)
        late[n] = due is not None and at.iloc[n] > due
    told.loc[rows, "late"] = pd.Series(late, index=rows, dtype="boolean").mask(shortest == 0)


def _dispatch_limits(desk: Desk, category: pd.Series, since: pd.Series) -> tuple[list[tuple[Limit, ...]], Rows]:
    """The time limits of dispatches, each class and day once, and which of them each case has; empty: none."""
    classes, days = pd.factorize(category)[0], pd.factorize(_days(since, desk))
    which = pd.factorize((classes + 1) * len(days[1]) + days[0])[0]
    found = []
    for n in np.unique(which, return_index=True)[1].tolist():
        case = Case("", category=str(category.iloc[n]) if classes[n] >= 0 else None)
        chosen = desk.chosen_limit("dispatch", case, None, since.iloc[n].to_pydatetime())
        found.append(chosen.limits if chosen else ())
    return found, which


def _days(at: pd.Series, desk: Desk) -> pd.Series:
    """The days of instants in city time."""
    local: pd.Series = at.dt.tz_convert(desk.zone).dt.tz_localize(None)
    days: pd.Series = local.dt.normalize()
    return days


def _actors(course: _Course) -> pd.Series:
    """Who answers for each step: of a send-back whoever had dispatched the case, else who took it."""
    back = course.among(("send_back",))
    return course.told["actor"].mask(back, course.values("actor", course.before(course.among(OPENING))))


def _numbered(acts: pd.DataFrame, desk: Desk) -> pd.DataFrame:
    """Acts with their numbers, persons, units and the hashes of what they tell."""
    acts["act_no"] = acts["case_no"] + "#" + acts["seq"].astype(str)
    acts["content_hash"] = _hashes(acts)
    acts["person_code"] = _persons(desk, acts)
    acts["unit_id"] = acts["unit_code"].map(desk.unit_ids)
    return acts[list(_COLUMNS)]


def _hashes(acts: pd.DataFrame) -> list[str]:
    columns = [
        acts[n].astype(object).where(acts[n].notna(), None).tolist() for n in ("unit_code", "late", "wrong_dispatch")
    ]
    moments = acts["at"].dt.to_pydatetime()
    told = zip(acts["act_no"].tolist(), acts["kind"].tolist(), moments, *columns, strict=True)
    return [
        hashlib.md5(f"{no} {kind} {at.isoformat()} {unit} {late} {wrong}".encode(), usedforsecurity=False).hexdigest()
        for no, kind, at, unit, late, wrong in told
    ]


def _persons(desk: Desk, acts: pd.DataFrame) -> pd.Series:
    """Who each act is of on its day; each name is looked up once a day."""
    known = Identities(store_people.every_person(desk.connection), store_people.all_posts(desk.connection))
    names, actors = pd.factorize(acts["actor"].fillna(""))
    days, dates = pd.factorize(_days(acts["at"], desk))
    asked, pairs = pd.factorize(names * len(dates) + days)
    there, by_day = list(actors), list(pd.DatetimeIndex(dates).date)
    found = [known.of(there[n], by_day[day]) for n, day in zip(*np.divmod(pairs, max(len(dates), 1)), strict=True)]
    return pd.Series(np.array([*found, None], dtype=object)[asked], index=acts.index)
