"""The desk (受理派遣席): what makes a step complete – the unit that answers, the deadline, the place – is found here.

Every deadline is computed once, when its step is taken, and stands in the step's
facts with the limit, the rule and the calendar it came from.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from sqlalchemy import Connection

from gridmgmt import deadlines, geo, time_limits
from gridmgmt.calendars import Calendar
from gridmgmt.cases import Case, Limits, Step
from gridmgmt.codes import CategoryKey
from gridmgmt.deadlines import Limit
from gridmgmt.errors import CategoryUnknown, OptionInvalid, StepIncomplete, UnitUnknown
from gridmgmt.operations.assigning import Assigner
from gridmgmt.periods import parse_instant
from gridmgmt.readers import calendars
from gridmgmt.settings import data_path
from gridmgmt.store import cities
from gridmgmt.store import time_limits as limit_store

UTC = dt.UTC

Question = tuple[float | None, float | None, dt.datetime | None, str | None]
"""What the answering unit of a case depends on: place, instant of the report, class."""


@dataclass(frozen=True)
class Rules:
    """What ``data/casework.yaml`` says."""

    limits: Limits
    exposed_at_failure: int


def load_rules() -> Rules:
    """The city's numbers on extension, postponement and exposure."""
    data = YAML(typ="safe", pure=True).load(data_path("casework.yaml").read_text("utf-8"))
    exposed = int(data.pop("exposed_at_failure"))
    return Rules(Limits(**data), exposed)


def written(limits: Sequence[Limit]) -> list[dict[str, str]]:
    """Limits as a step's facts hold them; :func:`limits_of` reads them back."""
    return [{"amount": str(x.amount), "unit": x.unit} for x in limits]


def limits_of(facts: Mapping[str, Any]) -> list[Limit]:
    """The time limits that a dispatch was given; none where its deadline was set by hand."""
    return [Limit(Fraction(x["amount"]), x["unit"]) for x in facts.get("limits", ())]


class Desk:
    """One connection's view of the city's tables; each is read when first needed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.city = cities.load_city(connection)
        self.zone = self.city.zone
        self.rules = load_rules()
        self._answers: dict[Question, str | None] = {}

    @cached_property
    def calendar(self) -> Calendar:
        """The city's work calendar (工作日历)."""
        return calendars.load(self.city.calendar)

    @cached_property
    def assigner(self) -> Assigner:
        """Locates points and finds who answers."""
        return Assigner(self.connection, self.city)

    @cached_property
    def _time_limits(self) -> list[time_limits.TimeLimit]:
        return limit_store.load(self.connection)

    @cached_property
    def _units(self) -> set[str]:
        return set(cities.unit_ids(self.connection))

    @cached_property
    def _categories(self) -> set[tuple[str, str, str]]:
        return cities.category_keys(self.connection)

    def ask(self, cases: Iterable[Case]) -> None:
        """Find the units that answer for cases as they are, all at once; :meth:`answering` then knows them."""
        asked = {_question(c): replace(c, unit_code=None) for c in cases}
        fresh = [c for question, c in asked.items() if question not in self._answers]
        if fresh:
            found = self.assigner.locate(points(fresh))["unit_id"]
            codes = [None if pd.isna(n) else self.assigner.unit_code(int(n)) for n in found]
            self._answers |= zip(map(_question, fresh), codes, strict=True)

    def answering(self, case: Case) -> str | None:
        """The unit that the responsibility rules name for a case's class and place on the day of its report."""
        self.ask([case])
        return self._answers[_question(case)]

    def complete(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """The step with what the platform finds itself: place in stored coordinates, unit, deadline.

        Parameters
        ----------
        before
            The case's steps so far.

        Raises
        ------
        CategoryUnknown, UnitUnknown, CoordinateOutOfRange, CrsUnknown, OptionInvalid, StepIncomplete
        """
        if step.facts.get("category"):
            self._check_category(str(step.facts["category"]))
        if step.unit_code is not None and step.unit_code not in self._units:
            raise UnitUnknown(value=step.unit_code)
        if step.kind in ("report", "move"):
            return self._placed(step, case.case_no)
        finish = {
            "dispatch": self._dispatched,
            "extend": self._extended,
            "resume": self._resumed,
            "fail": self._failed,
            "supervise": self._supervised,
        }.get(step.kind)
        if finish is None:
            return step if step.unit_code else replace(step, unit_code=case.unit_code)
        if step.kind == "dispatch":
            step = replace(step, unit_code=step.unit_code or self.answering(case))
        elif step.unit_code is None:
            step = replace(step, unit_code=case.unit_code)
        return finish(step, case, before)

    def _check_category(self, category: str) -> None:
        key = CategoryKey.parse(category)
        if (self.city.scheme, key.kind, key.code) not in self._categories:
            raise CategoryUnknown(value=category)

    def _placed(self, step: Step, case_no: str) -> Step:
        facts = dict(step.facts)
        system = facts.pop("crs", None) or "epsg:4490"
        lon, lat = facts.get("lon"), facts.get("lat")
        if (lon is None) != (lat is None):
            raise StepIncomplete(case_no=case_no, step=step.kind, missing=["lon" if lon is None else "lat"])
        if lon is not None and lat is not None:
            x, y = _number("lon=114.05", lon), _number("lat=30.02", lat)
            facts["lon"], facts["lat"] = geo.point_to_storage(x, y, str(system))
        return replace(step, facts=facts)

    # --- deadlines ---

    def chosen_limit(self, stage: str, case: Case, unit: str | None, at: dt.datetime) -> time_limits.Chosen | None:
        """The row of the time-limit table that holds for a stage of a case."""
        return time_limits.choose(self._time_limits, stage, case.category, unit, at.astimezone(self.zone).date())

    def _with_due(self, step: Step, start: dt.datetime, limits: Sequence[Limit], **more: Any) -> Step:
        due = deadlines.due(start, limits, self.calendar, self.zone)
        told = {
            "due_at": _iso(due.due_at),
            "limits": written(limits),
            "calendar": self.calendar.identity,
            "provisional": due.provisional,
        }
        return replace(step, facts={**step.facts, **told, **more})

    def _dispatched(self, step: Step, case: Case, _before: Sequence[Step]) -> Step:
        if step.facts.get("due_at"):
            return replace(step, facts={**step.facts, "due_at": self._instant(step.facts["due_at"])})
        chosen = self.chosen_limit("handling", case, step.unit_code, step.at)
        return step if chosen is None else self._with_due(step, step.at, chosen.limits, rule=chosen.rule)

    def _asked_limit(self, facts: Mapping[str, Any]) -> Limit | None:
        if not facts.get("amount"):
            return None
        return Limit.parse(str(facts["amount"]), str(facts.get("amount_unit") or "working_day"))

    def _extended(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """The new deadline: the day named, or so much time after the deadline that holds; else what was asked for."""
        facts = step.facts
        if not facts.get("due_at") and not facts.get("amount"):
            asked = next((s for s in reversed(before) if s.kind == "ask_extension"), None)
            facts = {**(asked.facts if asked else {}), **facts}
        if facts.get("due_at"):
            return replace(step, facts={**facts, "due_at": self._instant(facts["due_at"])})
        limit, due = self._asked_limit(facts), case.effective_due_at
        if limit is None or due is None:
            return step
        return self._with_due(replace(step, facts=facts), due, [limit])

    def _resumed(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """The deadline after a pause (缓办): what was left of the limit runs on from now."""
        if case.held_at is None or case.due_at is None:
            return step
        dispatch = next(s for s in reversed(before) if s.kind == "dispatch")
        limits = limits_of(dispatch.facts)
        pauses = [*case.pauses, (case.held_at, step.at)]
        facts = dict(step.facts)
        if limits:
            due = deadlines.due(dispatch.at, limits, self.calendar, self.zone, pauses)
            facts |= {"due_at": _iso(due.due_at), "provisional": due.provisional}
        else:
            facts["due_at"] = _iso(case.due_at + (step.at - case.held_at))
        if case.due_extended_at is not None:
            unit = limits[-1].unit if limits else "urgent_hour"
            left = deadlines.worked(case.held_at, case.due_extended_at, unit, self.calendar, self.zone)
            facts["due_extended_at"] = _iso(deadlines.advance(step.at, left, unit, self.calendar, self.zone))
        return replace(step, facts=facts)

    def _failed(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """A failed verification gives a new deadline: that of the hanging account, the original one stays."""
        if step.facts.get("due_at"):
            return replace(step, facts={**step.facts, "due_at": self._instant(step.facts["due_at"])})
        dispatch = next((s for s in reversed(before) if s.kind == "dispatch"), None)
        limits = limits_of(dispatch.facts) if dispatch else []
        return self._with_due(step, step.at, limits) if limits else step

    def _supervised(self, step: Step, _case: Case, _before: Sequence[Step]) -> Step:
        facts = step.facts
        if facts.get("due_at"):
            return replace(step, facts={**facts, "due_at": self._instant(facts["due_at"])})
        limit = self._asked_limit(facts)
        return step if limit is None else self._with_due(step, step.at, [limit])

    def _instant(self, text: str) -> str | None:
        """A time that somebody named, in city time if it has no zone."""
        return _iso(parse_instant(str(text), self.zone))

    def next_deadline(self, dispatch: Step, at: dt.datetime) -> dt.datetime | None:
        """The deadline of a hang period that opens at a moment: its dispatch's limit again (project convention)."""
        limits = limits_of(dispatch.facts)
        return deadlines.due(at, limits, self.calendar, self.zone).due_at if limits else None

    def renewed(self, case: Case, steps: Sequence[Step], at: dt.datetime) -> Step | None:
        """The step that gives a case its deadline by the calendar as it is now; None where nothing moves."""
        dispatch = next((s for s in reversed(steps) if s.kind == "dispatch"), None)
        limits = limits_of(dispatch.facts) if dispatch else []
        if dispatch is None or not limits:
            return None
        due = deadlines.due(dispatch.at, limits, self.calendar, self.zone, list(case.pauses))
        if due.due_at == case.due_at and due.provisional == case.is_provisional:
            return None
        facts = {"due_at": _iso(due.due_at), "provisional": due.provisional, "calendar": self.calendar.identity}
        return Step("deadline", at, "gridmgmt", case.unit_code, "calendar", facts)


def _number(example: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as e:
        raise OptionInvalid(name=example.partition("=")[0], value=str(value), expected=example) from e


def _question(case: Case) -> Question:
    return case.lon, case.lat, case.reported_at, case.category


def _iso(at: dt.datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def points(cases: Sequence[Case]) -> pd.DataFrame:
    """Cases as :meth:`Assigner.locate` wants them; one that no unit has yet is found by rule."""
    frame = pd.DataFrame(
        {
            "lon": [c.lon for c in cases],
            "lat": [c.lat for c in cases],
            "at": [c.reported_at for c in cases],
            "category": [c.category for c in cases],
            "unit_code": [c.unit_code for c in cases],
        }
    )
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    return frame.astype({"lon": "float64", "lat": "float64"})
