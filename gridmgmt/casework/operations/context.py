"""The desk (受理派遣席): what makes a step complete – its facts, the unit that answers, the deadline, the place."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import pandas as pd

from gridmgmt import geo
from gridmgmt.calendars import Calendar, Clock
from gridmgmt.casework import step_facts, time_limits
from gridmgmt.casework.cases import Case, Step, StepFacts
from gridmgmt.casework.readers import rules
from gridmgmt.casework.store import attachments
from gridmgmt.casework.store import calendars as calendar_store
from gridmgmt.casework.store import time_limits as limit_store
from gridmgmt.casework.timing import Timing
from gridmgmt.casework.transitions import rule_of
from gridmgmt.codes import CategoryKey
from gridmgmt.database import cities
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.errors import CategoryUnknown, StepIncomplete, StepRefused, UnitUnknown
from gridmgmt.files import calendars
from gridmgmt.people.operations.assigning import Assigner
from gridmgmt.people.store import categories, units

_Question = tuple[float | None, float | None, dt.datetime | None, str | None]
"""What the answering unit of a case depends on: place, instant of the report, class."""


class Desk:
    """One connection's view of the city's tables; each is read when first needed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.city = cities.load_city(connection)
        self.zone = self.city.zone
        self.rules = rules.rules()
        self._answers: dict[_Question, str | None] = {}
        self._calendars: dict[str, Calendar | None] = {}

    @cached_property
    def clock(self) -> Clock:
        """The city's work calendar (工作日历) in its time zone."""
        return Clock(calendars.load(self.city.calendar), self.zone)

    def clock_of(self, identity: str | None) -> Clock | None:
        """The city's working time by the calendar of an identity; None: that calendar was never kept."""
        if identity is None or identity == self.clock.calendar.identity:
            return self.clock
        if identity not in self._calendars:
            self._calendars[identity] = calendar_store.found(self.connection, identity)
        kept = self._calendars[identity]
        return Clock(kept, self.zone) if kept is not None else None

    @cached_property
    def _had_other_calendars(self) -> bool:
        return calendar_store.others(self.connection, self.clock.calendar.identity)

    def calendar_at(self, at: dt.datetime) -> str | None:
        """Identity of the calendar that the desk counted by at a moment, where another one than today's ever was."""
        return calendar_store.in_force(self.connection, at) if self._had_other_calendars else None

    @cached_property
    def timing(self) -> Timing:
        """How the city computes deadlines."""
        return Timing(self.clock, self.rules.limits.postponement_days)

    @cached_property
    def unheard(self) -> dict[str, set[int]]:
        """Number of a case → the numbers of its answers that count as none, where the city demands photographs."""
        out: dict[str, set[int]] = {}
        for answer in attachments.lacking(self.connection) if self.rules.answers_need_photographs else ():
            out.setdefault(answer.case_no, set()).add(answer.step)
        return out

    def unheard_of(self, case_id: int) -> set[int]:
        """The same of one case."""
        found = attachments.lacking(self.connection, ids=[case_id]) if self.rules.answers_need_photographs else ()
        return {answer.step for answer in found}

    @cached_property
    def assigner(self) -> Assigner:
        """Locates points and finds who answers."""
        return Assigner(self.connection, self.city)

    @cached_property
    def _time_limits(self) -> list[time_limits.TimeLimit]:
        return limit_store.load(self.connection)

    @cached_property
    def unit_ids(self) -> dict[str, int]:
        """Code of a unit → its row's id."""
        return units.unit_ids(self.connection)

    @cached_property
    def _categories(self) -> set[tuple[str, str, str]]:
        return categories.category_keys(self.connection)

    def ask(self, cases: Iterable[Case]) -> None:
        """Find the units that answer for cases as they are, all at once; :meth:`answering` then knows them."""
        asked = {_question(c): replace(c, unit_code=None) for c in cases}
        fresh = [c for question, c in asked.items() if question not in self._answers]
        if fresh:
            found = self.assigner.locate(points(fresh))["unit_id"]
            codes = [None if pd.isna(n) else self.assigner.unit_code(int(n)) for n in found]
            self._answers |= zip(map(_question, fresh), codes, strict=True)

    def place(self, case: Case) -> dict[str, int | None]:
        """The grids of all levels and the unit (their ids) that a case as it is would have."""
        found = self.assigner.locate(points([case])).iloc[0]
        unit = self.unit_ids.get(case.unit_code) if case.unit_code else found["unit_id"]
        return {
            **{name: None if pd.isna(found[name]) else int(found[name]) for name in GRID_COLUMNS},
            "unit_id": None if pd.isna(unit) else int(unit),
        }

    def answering(self, case: Case) -> str | None:
        """The unit that the responsibility rules name for a case's class and place on the day of its report."""
        self.ask([case])
        return self._answers[_question(case)]

    def complete(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """The step with its facts read and what the platform finds itself: place in stored coordinates, unit, deadline.

        Parameters
        ----------
        before
            The case's steps so far.

        Raises
        ------
        FactUnknown, FactInvalid, CategoryUnknown, UnitUnknown, CoordinateOutOfRange, CrsUnknown
        StepIncomplete, StepRefused
        """
        step = replace(step, facts=step_facts.read(step.kind, step.facts, self.zone))
        if step.told.category:
            self._check_category(step.told.category)
        step = self._placed(replace(step, unit_code=self._unit(step, case)), case.case_no)
        timing = self.timing
        match rule_of(step.kind).period:
            case "opened":
                return self._dispatched(step, case, before)
            case "extended":
                return timing.extended(step, case, before)
            case "resumed":
                return timing.resumed(step, case, before)
            case "failed":
                return timing.failed(step, before)
            case "moved" if case.hang_due_at is None and case.due_at is not None:
                return step.telling(StepFacts(later=is_later(step, case.due_at)))
            case "ordered":
                return timing.named(step, step.at) or step
        return step

    def _unit(self, step: Step, case: Case) -> str | None:
        """The unit a step concerns: of a dispatch any, or the one that answers; of others the one that has the case.

        Only of a supervision order or a referral another one may be named, if it had the case before.
        """
        named = step.unit_code.strip() if step.unit_code else None
        if named is not None and named not in self.unit_ids:
            raise UnitUnknown(value=named)
        may_name = rule_of(step.kind).unit
        if may_name == "any":
            return named or self.answering(case)
        may_be = (*case.units, case.unit_code) if may_name == "had" else (case.unit_code,)
        if named is not None and named not in may_be:
            why = "unit_not_holding" if named in case.units else "unit_never_had"
            raise StepRefused(
                case_no=case.case_no, step=step.kind, why=why, at=step.at.isoformat(), last="", unit=named
            )
        return named or case.unit_code

    def _check_category(self, category: str) -> None:
        key = CategoryKey.parse(category)
        if (self.city.scheme, key.kind, key.code) not in self._categories:
            raise CategoryUnknown(value=category)

    def _placed(self, step: Step, case_no: str) -> Step:
        lon, lat = step.told.lon, step.told.lat
        if (lon is None) != (lat is None):
            raise StepIncomplete(case_no=case_no, step=step.kind, missing=["lon" if lon is None else "lat"])
        facts = {name: value for name, value in step.facts.items() if name != "crs"}
        if lon is not None and lat is not None:
            facts["lon"], facts["lat"] = geo.point_to_storage(lon, lat, step.told.crs or "epsg:4490")
        return replace(step, facts=facts)

    def _dispatched(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """A dispatch's deadline: what the unit had left of its own, the one named, else by the time-limit table."""
        continued = self.timing.continued(step, case.case_no, before)
        if continued is not None:
            return continued
        named = self.timing.named(step, step.at)
        chosen = self.chosen_limit("handling", case, step.unit_code, step.at)
        if chosen is None:
            return named or step
        if named is not None:  # the table's limit is what later hang periods get
            return named.telling(StepFacts(next_limits=chosen.limits))
        return self.timing.timed(step, step.at, chosen.limits).telling(StepFacts(rule=chosen.rule))

    def chosen_limit(self, stage: str, case: Case, unit: str | None, at: dt.datetime) -> time_limits.Chosen | None:
        """The row of the time-limit table that holds for a stage of a case."""
        return time_limits.choose(self._time_limits, stage, case.category, unit, at.astimezone(self.zone).date())


def is_later(step: Step, due: dt.datetime) -> bool:
    """Whether the deadline that a step names lies after another one."""
    return step.told.due_at is not None and step.told.due_at > due


def _question(case: Case) -> _Question:
    return case.lon, case.lat, case.reported_at, case.category


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
