"""A table of dated events and their points (奖惩事项)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gridmgmt.documents import Exact, Id, Positive, Strict, Test, Words, holds
from gridmgmt.files import wording
from gridmgmt.files.wording import joined, words
from gridmgmt.invalid import Invalid
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Context, Node, Reason, gained, numbers
from gridmgmt.rulebooks.values import Event
from gridmgmt.rulebooks.wording import TESTS, cap_words, concat


class Reaches(Strict):
    """A limit that an event's amount must pass to count (如迟到满 20 分钟)."""

    test: Test
    limit: Exact


class EventKind(Strict):
    """One kind of dated event (奖惩事项) and its points.

    Attributes
    ----------
    points
        A number (0: only recorded); a number by the person's role in the
        event; or None: each event brings its own (``points`` of the entry).
    reaches
        Only events count whose ``amount`` passes the limit.
    free_per_month
        The amounts of a calendar month are summed; each whole one beyond this costs the points (如事假超过 3 天).
    not_beside
        An event about a ``fault`` that an event of one of these kinds is about too is not counted.
    cap
        At most so many points in one period.
    once_per
        Kinds with the same word here count once for one ``fault``: the one with most points.
    doubled
        An event marked ``praised`` counts twice.
    """

    code: Id
    title: Words
    points: Annotated[Exact, Field(ge=0)] | dict[Id, Positive] | None = None
    cap: Positive | None = None
    once_per: str | None = None
    doubled: bool = False
    reaches: Reaches | None = None
    free_per_month: Positive | None = None
    not_beside: tuple[Id, ...] = ()
    source: str | None = None

    @model_validator(mode="after")
    def _measured(self) -> "EventKind":
        if self.free_per_month is not None and (self.reaches is not None or not isinstance(self.points, Fraction)):
            raise Invalid("free_per_month")
        return self

    @property
    def has_amount(self) -> bool:
        """Whether each event must say how much it was (minutes, days)."""
        return self.reaches is not None or self.free_per_month is not None

    def counts(self, event: Event, every: Sequence[Event]) -> bool:
        """Whether an event counts: its amount passes the limit, and no event that takes its place is of its fault."""
        limit = self.reaches
        if limit is not None and not holds(event.amount or NOTHING, limit.test, limit.limit):
            return False
        return event.fault is None or all(e.fault != event.fault or e.code not in self.not_beside for e in every)

    def points_of(self, event: Event, role: str | None) -> Fraction:
        """The points of one event, by the person's role in it."""
        given = self.points
        if isinstance(given, Mapping):
            given = given.get(event.role or role or "", NOTHING)
        elif given is None:
            given = event.points or NOTHING
        return given * event.n * (2 if self.doubled and event.praised else 1)

    def beyond_free(self, events: Sequence[Event]) -> Fraction:
        """Points for each whole unit beyond the free amount of a calendar month (每超一天)."""
        by_month: dict[str, Fraction] = {}
        for event in events:
            month = str(event.on)[:7]
            by_month[month] = by_month.get(month, NOTHING) + (event.amount or NOTHING) * event.n
        free, points = self.free_per_month or NOTHING, self.points
        over = sum(max(0, math.floor(amount - free)) for amount in by_month.values())
        return over * points if isinstance(points, Fraction) else NOTHING

    def words(self) -> wording.Words:
        """What one event costs or earns, and from which amount on."""
        if isinstance(self.points, Mapping):
            by_role = ", ".join(f"{role} {exact(p)}" for role, p in self.points.items())
            head = words("show_event_roles", points=by_role)
        elif self.points is None:
            head = words("show_event_own")
        elif self.free_per_month is not None:
            head = words("show_event_free", free=exact(self.free_per_month), points=exact(self.points))
        else:
            head = (
                words("show_event_points", points=exact(self.points)) if self.points else words("show_event_recorded")
            )
        if self.reaches is None:
            return head
        return concat(words("show_event_reaches", test=TESTS[self.reaches.test], limit=exact(self.reaches.limit)), head)


class EventRule(Rule):
    """The points of all events of the table in the period."""

    kind: Literal["events"]
    input: Annotated[Id, Reads(("events",))]
    table: Annotated[tuple[EventKind, ...], Field(min_length=1)]

    def _result(self, context: Context) -> Node:
        """Points by the table: doubled, once for one fault, capped in the period; the events' order is no matter."""
        every = context.listed(self.input, Event)
        if every is None:
            return self.missing(context, self.input)
        kinds = {k.code: k for k in self.table}
        mine = [e for e in every if e.code in kinds and kinds[e.code].counts(e, every)]
        by_kind: dict[str, list[Event]] = {}
        for event in self._each_fault_once(mine, kinds, context.role):
            by_kind.setdefault(event.code, []).append(event)
        children = []
        for code, kind in kinds.items():
            if code in by_kind:
                points = sum((kind.points_of(e, context.role) for e in by_kind[code]), NOTHING)
                if kind.free_per_month is not None:
                    points = kind.beyond_free([e for e in mine if e.code == code])
                children.append(self._of_kind(kind, sum(e.n for e in by_kind[code]), points))
        total, n = gained(children), sum(e.n for own in by_kind.values() for e in own)
        code, facts = "rule_events" if children else "rule_none", numbers(n=n, points=total)
        return self.node(total, code, facts, inputs=(self.input,), children=tuple(children))

    def _of_kind(self, kind: EventKind, n: int, points: Fraction) -> Node:
        reason = Reason("rule_event", numbers(n=n, points=points))
        if kind.cap is not None and points > kind.cap:
            reason = Reason("rule_event_capped", numbers(n=n, points=points, cap=kind.cap))
            points = kind.cap
        return Node(f"{self.id}_{kind.code}", "event", kind.title, points, "ok", reason, inputs=(self.input,))

    @staticmethod
    def _each_fault_once(events: Sequence[Event], kinds: Mapping[str, EventKind], role: str | None) -> list[Event]:
        """Of events about one fault, in kinds that count once per fault, the one with most points, and that once."""
        best: dict[tuple[str, str], Event] = {}
        out: list[Event] = []
        for event in sorted(events, key=lambda e: (e.code, str(e.on), str(e.entry))):
            word = kinds[event.code].once_per
            if word is None or event.fault is None:
                out.append(event)
                continue
            key, event = (word, event.fault), replace(event, n=1)
            old = best.get(key)
            if old is None or kinds[event.code].points_of(event, role) > kinds[old.code].points_of(old, role):
                best[key] = event
        return out + list(best.values())

    def lines(self) -> Iterator[tuple[wording.Words, str | None]]:
        """Each kind of event with its points and when it counts."""
        for kind in self.table:
            beside = [other.title for other in self.table if other.code in kind.not_beside]
            rule = concat(
                kind.words(),
                cap_words(kind.cap),
                words("show_event_once_per", word=kind.once_per) if kind.once_per is not None else None,
                words("show_event_doubled") if kind.doubled else None,
                words("show_event_not_beside", names=joined(beside)) if beside else None,
            )
            yield words("show_below", title=kind.title, rule=rule), kind.source
