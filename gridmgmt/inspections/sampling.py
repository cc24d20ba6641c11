"""Sampling (抽查): how a plan's samples are drawn from its frames, so that anybody can draw them again.

No random-number generator is used: what is drawn follows from SHA-256 alone,
as :func:`draw` says step by step. The order in which frames come is no matter.
"""

import datetime as dt
import hashlib
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gridmgmt.documents import canonical
from gridmgmt.periods import Period, parse_period

SCHEMA = "gridmgmt.draw/1"

WhenShort = Literal["oldest_first", "leave_short"]


@dataclass(frozen=True)
class Asked:
    """So many objects of one kind are asked of a unit, for one type of sample."""

    unit: str
    type: str
    object: str
    n: int


@dataclass(frozen=True, order=True)
class Candidate:
    """One row of the frame (抽样框): an object that a unit holds, and the grid by which the draw is spread."""

    unit: str
    object: str
    feature: str
    grid: str


@dataclass(frozen=True, order=True)
class Before:
    """An object that another draw, less than the span away, took for the same unit and type."""

    unit: str
    type: str
    feature: str
    draw: str
    period: str


@dataclass(frozen=True)
class Item:
    """One drawn sample; ``again`` names the draw within the span that took the object too."""

    unit: str
    type: str
    object: str
    feature: str
    grid: str
    again: str | None


@dataclass(frozen=True)
class PassedOver:
    """An object not looked at, for another draw within the span has taken it."""

    unit: str
    type: str
    object: str
    feature: str
    draw: str


@dataclass(frozen=True)
class Short:
    """Fewer objects than asked: there are no more."""

    unit: str
    type: str
    object: str
    asked: int
    drawn: int


@dataclass(frozen=True)
class Drawn:
    """What a draw gives: samples by unit and by the plan's order, what was passed over, what is short."""

    items: tuple[Item, ...]
    passed_over: tuple[PassedOver, ...]
    short: tuple[Short, ...]


@dataclass(frozen=True)
class Key:
    """What the order of a draw follows from, beside the type and the code."""

    seed: str
    plan: str
    period: str

    def order(self, kind: str, code: str) -> str:
        """SHA-256, in hexadecimal, of the five texts with line feeds between."""
        return hashlib.sha256("\n".join((self.seed, self.plan, self.period, kind, code)).encode()).hexdigest()


def draw(
    key: Key,
    asked: Sequence[Asked],
    frame: Iterable[Candidate],
    before: Iterable[Before] = (),
    when_short: WhenShort = "leave_short",
) -> Drawn:
    """Draw the samples (抽取): spread over the grids of each unit, in an order that the seed alone decides.

    Units are taken by code, what is asked of one in the plan's order. For each
    sample, of the grids that still hold an object of that kind the one is
    taken in which the unit has the fewest samples so far (on ties the first by
    :meth:`Key.order`), and in it the first object by :meth:`Key.order`. An
    object serves a unit once for each type.

    Objects that ``before`` names are left out. With ``oldest_first`` they
    follow once the others are used up, those of the earliest period first, on
    ties by :meth:`Key.order`.
    """
    by_place: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in sorted(set(frame)):
        by_place.setdefault((candidate.unit, candidate.object), []).append(candidate)
    recent: dict[tuple[str, str, str], Before] = {}
    for b in sorted(set(before), key=lambda b: (parse_period(b.period).start, b.draw)):
        recent[b.unit, b.type, b.feature] = b  # the latest stays
    out = _Drawing(key, when_short, recent)
    for ask in sorted(asked, key=lambda a: a.unit):  # a stable sort keeps the plan's order
        out.take(ask, by_place.get((ask.unit, ask.object), ()))
    return Drawn(tuple(out.items), tuple(out.passed_over), tuple(out.short))


class _Drawing:
    """A draw under way."""

    def __init__(self, key: Key, when_short: WhenShort, recent: Mapping[tuple[str, str, str], Before]) -> None:
        self.key, self.when_short, self.recent = key, when_short, recent
        self.items: list[Item] = []
        self.passed_over: list[PassedOver] = []
        self.short: list[Short] = []
        self._taken: set[tuple[str, str, str]] = set()
        self._visits: dict[tuple[str, str], int] = {}

    def take(self, ask: Asked, candidates: Sequence[Candidate]) -> None:
        """Draw what is asked once, as far as there is."""
        free = [c for c in candidates if (c.unit, ask.type, c.feature) not in self._taken]
        fresh = [c for c in free if (c.unit, ask.type, c.feature) not in self.recent]
        used = [c for c in free if (c.unit, ask.type, c.feature) in self.recent]
        n = 0
        while fresh and n < ask.n:
            chosen = self._next(ask.type, fresh)
            fresh.remove(chosen)
            self._keep(ask, chosen, None)
            n += 1
        used.sort(key=lambda c: self._age(ask.type, c))
        n_again = min(ask.n - n, len(used)) if self.when_short == "oldest_first" else 0
        for c in used[:n_again]:
            self._keep(ask, c, self._before(ask.type, c).draw)
        for c in used[n_again:]:
            named = self._before(ask.type, c).draw
            self.passed_over.append(PassedOver(ask.unit, ask.type, ask.object, c.feature, named))
        if n + n_again < ask.n:
            self.short.append(Short(ask.unit, ask.type, ask.object, ask.n, n + n_again))

    def _next(self, kind: str, candidates: Sequence[Candidate]) -> Candidate:
        def place(c: Candidate) -> tuple[int, str, str]:
            return self._visits.get((c.unit, c.grid), 0), self.key.order(kind, c.grid), self.key.order(kind, c.feature)

        return min(candidates, key=place)

    def _before(self, kind: str, c: Candidate) -> Before:
        return self.recent[c.unit, kind, c.feature]

    def _age(self, kind: str, c: Candidate) -> tuple[dt.date, str]:
        return parse_period(self._before(kind, c).period).start, self.key.order(kind, c.feature)

    def _keep(self, ask: Asked, c: Candidate, again: str | None) -> None:
        self.items.append(Item(c.unit, ask.type, ask.object, c.feature, c.grid, again))
        self._taken.add((c.unit, ask.type, c.feature))
        self._visits[c.unit, c.grid] = self._visits.get((c.unit, c.grid), 0) + 1


# --- the span ---------------------------------------------------------------------------------------------------------


def is_within(span_months: int, period: Period, other: Period) -> bool:
    """Whether two periods begin less than the span apart; a span of 3 months from 1 March ends before 1 June."""
    first, last = sorted((period.start, other.start))
    return _after(first, span_months) > last


def _after(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# --- the document -----------------------------------------------------------------------------------------------------


def document(
    head: Mapping[str, Any],
    key: Key,
    asked: Sequence[Asked],
    frame: Iterable[Candidate],
    before: Iterable[Before],
    when_short: WhenShort,
) -> dict[str, Any]:
    """A draw as its canonical document (抽取记录): all it was made from and all it gave, as plain JSON.

    Parameters
    ----------
    head
        What else it says: name, plan and rulebook by text and hash, edition, layers by hash.
    """
    frame, before = sorted(set(frame)), sorted(set(before))
    drawn = draw(key, asked, frame, before, when_short)
    return {
        **head,
        "schema": SCHEMA,
        "key": asdict(key),
        "when_short": when_short,
        "asked": [asdict(a) for a in asked],
        "frame": [asdict(c) for c in frame],
        "before": [asdict(b) for b in before],
        **_result(drawn),
    }


def _result(drawn: Drawn) -> dict[str, Any]:
    return {
        "items": [asdict(i) for i in drawn.items],
        "passed_over": [asdict(p) for p in drawn.passed_over],
        "short": [asdict(s) for s in drawn.short],
    }


def sha256(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document's canonical JSON."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def agrees(document: Mapping[str, Any]) -> bool:
    """Whether drawing again from what a document says it was made from gives what it says was drawn (复核)."""
    drawn = draw(
        Key(**document["key"]),
        [Asked(**a) for a in document["asked"]],
        [Candidate(**c) for c in document["frame"]],
        [Before(**b) for b in document["before"]],
        document["when_short"],
    )
    return all(document[part] == value for part, value in _result(drawn).items())


def sample_no(draw_name: str, place: int) -> str:
    """The number of a draw's sample, from 1: ``huiji-2025-06-0001``."""
    return f"{draw_name}-{place:04d}"
