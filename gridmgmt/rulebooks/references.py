"""What a rulebook takes from others (引用其他考核的结果): names that lead nowhere, impossible relations, circles.

An input may be the result of another assessment. Whether that can ever be is
decided by the rulebooks alone: a result of the same period that rests on itself,
over however many rulebooks and shorter periods, is refused when one is loaded.
"""

from collections.abc import Callable, Iterator

from gridmgmt.invalid import Why, why
from gridmgmt.rulebooks.check import Fault, stage_inputs
from gridmgmt.rulebooks.inputs import ResultOf
from gridmgmt.rulebooks.kinds.periods import Periods
from gridmgmt.rulebooks.model import Rulebook, Stage

Find = Callable[[str], Rulebook | None]
"""A rulebook's id → the rulebook; None where there is none at hand."""

_CADENCES = ("month", "quarter", "half", "year")

_Place = tuple[str, str]
"""A rulebook's id and the cadence of a period: what an assessment is of."""


def faults(book: Rulebook, find: Find) -> Iterator[Fault]:
    """What is wrong with the results that a rulebook takes: place in the file, and why."""
    for name, spec in book.inputs.items():
        rule = spec.result
        if rule is None:
            continue
        here = ("inputs", name, "result")
        source = book if rule.rulebook == book.id else find(rule.rulebook)
        if source is None:
            if not rule.local:
                yield (*here, "rulebook"), why("no_rulebook", name=rule.rulebook)
            continue
        yield from (((*here, key), reason) for key, reason in _unfit(book, source, name, rule))
    circle = _circle(book, find)
    if circle is not None:
        taken = {name: spec.result.rulebook for name, spec in book.inputs.items() if spec.result is not None}
        first = next((name for name, source in taken.items() if source in circle), next(iter(taken)))
        yield ("inputs", first, "result"), why("result_cycle", circle=" → ".join(circle))


def _unfit(book: Rulebook, source: Rulebook, name: str, rule: ResultOf) -> Iterator[tuple[str, Why]]:
    own, theirs = book.population.kind, source.population.kind
    who = {"book": book.id, "own": own, "source": source.id, "theirs": theirs}
    if rule.whose == "home_unit" and {own, theirs} != {"unit", "person"}:
        yield "whose", why("home_unit_between", **who)
    elif rule.whose in ("same", "parent", "children") and own != theirs:
        yield "whose", why("no_common_subject", **who)
    for stage in book.stages:
        if name in stage_inputs(book, stage) and stage.cadence != "any":
            cadence = _cadence(stage.cadence, rule)
            below = _stage(source, cadence)
            if below is None:
                yield "rulebook", why("no_stage_of_cadence", book=source.id, cadence=cadence)
            elif rule.take != "item" and below.score is None:
                yield "take", why("no_total_in_stage", book=source.id, stage=below.id)
            elif rule.item is not None and rule.item not in {part.id for _, part in below.parts()}:
                yield "item", why("no_item_in_stage", book=source.id, name=rule.item, stage=below.id)


def _cadence(own: str, rule: ResultOf) -> str:
    """The cadence of the periods that are taken: the own one, or a shorter one that begins on the same day."""
    _, at, day = own.partition("@")
    return own if rule.within is None else f"{rule.within}{at}{day}"


def _stage(book: Rulebook, cadence: str) -> Stage | None:
    exact = next((s for s in book.stages if s.cadence == cadence), None)
    return exact or next((s for s in book.stages if s.cadence == "any"), None)


def _circle(book: Rulebook, find: Find) -> list[str] | None:
    """The ids of the rulebooks by which a result of this one would rest on itself; None where none does."""
    for stage in book.stages:
        for cadence in _CADENCES if stage.cadence == "any" else (stage.cadence,):
            found = _walk((book.id, cadence), [], book, find)
            if found is not None:
                return found
    return None


def _walk(place: _Place, above: list[_Place], start: Rulebook, find: Find) -> list[str] | None:
    if place in above:
        return [name for name, _ in [*above[above.index(place) :], place]]
    book = start if place[0] == start.id else find(place[0])
    stage = _stage(book, place[1]) if book is not None else None
    if book is None or stage is None:
        return None
    for below in _rests_on(book, stage, place[1]):
        found = _walk(below, [*above, place], start, find)
        if found is not None:
            return found
    return None


def _rests_on(book: Rulebook, stage: Stage, cadence: str) -> Iterator[_Place]:
    for spec in stage_inputs(book, stage).values():
        if spec.result is not None:
            yield spec.result.rulebook, _cadence(cadence, spec.result)
    for _, item in stage.items():
        if isinstance(item, Periods):
            yield book.id, book.stage(item.stage).cadence
