"""What one look at a rulebook's parts does not show: names that lead nowhere, nothing used in vain, no cycles."""

from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import Any

from gridmgmt.figures.indicators import base_of
from gridmgmt.invalid import Why, why
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.kinds.periods import Periods
from gridmgmt.rulebooks.kinds.sum import Sum
from gridmgmt.rulebooks.model import Rulebook, Stage

Fault = tuple[tuple[Any, ...], Why]
"""Path in the file, and what is wrong there."""

_DAYS = {"month": 1, "quarter": 3, "half": 6, "year": 12}


def faults(book: Rulebook, offered: Collection[str] = ()) -> Iterator[Fault]:
    """Every fault of a rulebook whose parts are each right in themselves; ``offered`` are names in other readings."""
    yield from _names(book)
    yield from _alike(book)
    for path, part in book.parts():
        yield from (((*path, *place), reason) for place, reason in part.faults(book))
    yield from _scale(book)
    yield from _stages(book)
    yield from _consequences(book)
    yield from _quotas(book)
    yield from _in_vain(book, offered)


def _names(book: Rulebook) -> Iterator[Fault]:
    seen: set[str] = set()
    for path, part in book.parts():
        if part.id in seen:
            yield (*path, "id"), why("id_twice", id=part.id)
        seen.add(part.id)
        for key, name in part.named_inputs():
            spec, wanted = book.inputs.get(name), part.reads()[key]
            if spec is None:
                yield (*path, key), why("no_input", name=name, known=[*book.inputs])
            elif wanted and spec.type not in wanted:
                yield (*path, key), why("input_type", kind=part.kind, wanted=[*wanted], name=name, type=spec.type)
        rate = part.named_rate
        if rate is not None and rate not in book.rates:
            yield (*path, "rate"), why("no_rate", name=rate, known=[*book.rates])
    for name, rate_ in book.rates.items():
        for key in ("numerator", "denominator"):
            for term in getattr(rate_, key):
                if term not in book.inputs:
                    yield ("rates", name, key, term), why("no_input", name=term, known=[*book.inputs])
                elif book.inputs[term].type not in ("number", "count", "filings", "findings"):
                    yield ("rates", name, key, term), why("term_type", name=term, type=book.inputs[term].type)


def _alike(book: Rulebook) -> Iterator[Fault]:
    """Numerators filtered and denominators not, or one count used for both: rates that say something else."""
    for name, rate in book.rates.items():
        if rate.numerator == rate.denominator and not rate.complement:
            yield ("rates", name, "numerator"), why("rate_of_itself")
        filters = [{_filter(book, term) for term in terms} - {None} for terms in (rate.numerator, rate.denominator)]
        if filters[0] and filters[1] and filters[0] != filters[1] and rate.filters_differ is None:
            yield ("rates", name, "numerator"), why("filters_differ")


def _filter(book: Rulebook, name: str) -> str | None:
    """The filter of an automatic count of cases as text; None for what is no such count."""
    automatic = book.inputs[name].automatic if name in book.inputs else None
    if automatic is None or automatic.count is None or base_of(automatic.count).of != "cases":
        return None
    return automatic.only.model_dump_json() if automatic.only is not None else ""


def stage_inputs(book: Rulebook, stage: Stage) -> dict[str, Input]:
    """The inputs that one stage needs."""
    names = rating_inputs(book, stage) | _read_by(book, stage, "shown")
    names |= {q.input for q in book.quotas if q.input in names}
    names = names.union(*(c.inputs for c in book.consequences if c.stage == stage.id))
    return {name: spec for name, spec in book.inputs.items() if name in names}


def rating_inputs(book: Rulebook, stage: Stage) -> set[str]:
    """The inputs that a stage's total or grade is made from; those of items beside the score are none of them."""
    grade = {stage.grade_entered.input} if stage.grade_entered is not None else set()
    return grade | _read_by(book, stage, "score")


def _read_by(book: Rulebook, stage: Stage, where: str) -> set[str]:
    """The inputs of the items and rules of a stage's ``score``, or of those ``shown`` beside it."""
    return {n for path, part in stage.parts() if path[0] == where for n in part.inputs(book)}


def _scale(book: Rulebook) -> Iterator[Fault]:
    for place, stage in enumerate(book.stages):
        score = stage.score
        if book.scale is not None and isinstance(score, Sum):
            most = [i.maximum for i in score.items if i.is_of_scale]
            known = sum((m for m in most if m is not None), Fraction(0))
            if all(m is not None for m in most) and known != book.scale:
                yield ("stages", place, "score"), why("off_scale", sum=exact(known), scale=exact(book.scale))


def _stages(book: Rulebook) -> Iterator[Fault]:
    ids = [s.id for s in book.stages]
    for place, stage in enumerate(book.stages):
        if stage.id in ids[:place]:
            yield ("stages", place, "id"), why("id_twice", id=stage.id)
        if stage.cadence in [s.cadence for s in book.stages[:place]]:
            yield ("stages", place, "cadence"), why("cadence_twice", cadence=stage.cadence)
        for path, item in stage.items():
            if item.kind == "rank" and path[0] == "score":
                yield ("stages", place, *path, "kind"), why("rank_in_score")
            if isinstance(item, Periods):
                yield from _longer(book, place, stage, path, item)
        entered = stage.grade_entered
        if entered is not None and (entered.input not in book.inputs or book.inputs[entered.input].type != "choice"):
            yield ("stages", place, "grade_entered", "input"), why("no_choice", name=entered.input)


def _longer(book: Rulebook, place: int, stage: Stage, path: tuple[Any, ...], item: Periods) -> Iterator[Fault]:
    """Sums over periods lead from longer to shorter ones only: there can be no cycle."""
    here = ("stages", place, *path)
    below = next((s for s in book.stages if s.id == item.stage), None)
    if below is None:
        yield (*here, "stage"), why("no_stage", name=item.stage, known=[s.id for s in book.stages])
        return
    own, theirs = _months(stage), _months(below)
    if own is None or theirs is None or theirs >= own:
        facts = {"own": stage.id, "own_cadence": stage.cadence, "below": below.id, "below_cadence": below.cadence}
        yield (*here, "stage"), why("stage_cycle", **facts)
    elif item.n > own // theirs or (item.how == "sum" and own != theirs * item.n):
        yield (*here, "n"), why("stage_count", cadence=stage.cadence, below=below.id, n=own // theirs, given=item.n)
    if item.of is not None and item.of not in {i.id for _, i in below.items()}:
        yield (*here, "of"), why("no_item_of_stage", stage=below.id, name=item.of)


def _months(stage: Stage) -> int | None:
    return _DAYS.get(stage.cadence.partition("@")[0])


def _consequences(book: Rulebook) -> Iterator[Fault]:
    items = {part.id for _, part in book.parts()}
    seen: set[str] = set()
    for place, c in enumerate(book.consequences):
        here = ("consequences", place)
        if c.id in seen or c.id in items:
            yield (*here, "id"), why("id_twice", id=c.id)
        seen.add(c.id)
        stage = next((s for s in book.stages if s.id == c.stage), None)
        if stage is None:
            yield (*here, "stage"), why("no_stage", name=c.stage, known=[s.id for s in book.stages])
            continue
        choices = book.inputs[stage.grade_entered.input].choices if stage.grade_entered else {}
        grades = {g.id for g in stage.grades} | set(choices)
        for grade in c.when.grade:
            if grade not in grades:
                yield (*here, "when", "grade"), why("no_grade", stage=stage.id, name=grade, known=sorted(grades))
        if c.when.is_by_rank and stage.ranking is None:
            yield (*here, "when"), why("no_ranking", stage=stage.id)
        for n, m in enumerate(c.when.measured):
            if m.item is not None and m.item not in items:
                yield (*here, "when", "measured", n, "item"), why("no_item", name=m.item)
            if m.input is not None and m.input not in book.inputs:
                yield (*here, "when", "measured", n, "input"), why("no_input", name=m.input, known=[*book.inputs])
        if c.window is not None and c.window.sum_of is not None and c.window.sum_of not in book.inputs:
            yield (*here, "window", "sum_of"), why("no_input", name=c.window.sum_of, known=[*book.inputs])


def _quotas(book: Rulebook) -> Iterator[Fault]:
    for place, quota in enumerate(book.quotas):
        spec = book.inputs.get(quota.input)
        if spec is None or quota.value not in spec.choices:
            yield ("quotas", place, "value"), why("no_choice_of", name=quota.input, value=quota.value)


def _in_vain(book: Rulebook, offered: Collection[str]) -> Iterator[Fault]:
    """Inputs and rates that nothing uses are most likely a slip, unless another option of a reading uses them."""
    used = set(offered) | {name for _, part in book.parts() for _, name in part.named_inputs()}
    used |= {s.grade_entered.input for s in book.stages if s.grade_entered} | {q.input for q in book.quotas}
    used = used.union(*(c.inputs for c in book.consequences))
    rates = set(offered) | {part.named_rate for _, part in book.parts() if part.named_rate}
    for name in rates & set(book.rates):
        used |= set(book.rates[name].inputs)
    for name in book.rates:
        if name not in rates:
            yield ("rates", name), why("rate_unused")
    for name in book.inputs:
        if name not in used:
            yield ("inputs", name), why("input_unused")
