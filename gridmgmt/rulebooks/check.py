"""What one look at a rulebook's parts does not show: names that lead nowhere, nothing used in vain, no cycles."""

from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import Any

from gridmgmt.figures.indicators import base_of
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.kinds.periods import Periods
from gridmgmt.rulebooks.kinds.sum import Sum
from gridmgmt.rulebooks.model import Rulebook, Stage

Fault = tuple[tuple[Any, ...], str]
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
            yield (*path, "id"), f"the id {part.id} stands twice"
        seen.add(part.id)
        for key, name in part.named_inputs():
            spec, wanted = book.inputs.get(name), part.reads()[key]
            if spec is None:
                yield (*path, key), f"there is no input {name}; known are {', '.join(book.inputs)}"
            elif wanted and spec.type not in wanted:
                yield (*path, key), f"{part.kind} reads {' or '.join(wanted)}; {name} is a {spec.type}"
        rate = part.named_rate
        if rate is not None and rate not in book.rates:
            yield (*path, "rate"), f"there is no rate {rate}; known are {', '.join(book.rates) or 'none'}"
    for name, rate_ in book.rates.items():
        for key in ("numerator", "denominator"):
            for term in getattr(rate_, key):
                if term not in book.inputs:
                    yield ("rates", name, key, term), f"there is no input {term}; known are {', '.join(book.inputs)}"
                elif book.inputs[term].type not in ("number", "count", "filings", "findings"):
                    yield ("rates", name, key, term), f"{term} is a {book.inputs[term].type}, not a number"


def _alike(book: Rulebook) -> Iterator[Fault]:
    """Numerators filtered and denominators not, or one count used for both: rates that say something else."""
    for name, rate in book.rates.items():
        if rate.numerator == rate.denominator and not rate.complement:
            yield ("rates", name, "numerator"), "numerator and denominator are the same count: the rate is always 1"
        filters = [{_filter(book, term) for term in terms} - {None} for terms in (rate.numerator, rate.denominator)]
        if filters[0] and filters[1] and filters[0] != filters[1] and rate.filters_differ is None:
            reason = (
                "numerator and denominator filter cases differently: filter both alike, or say why (filters_differ)"
            )
            yield ("rates", name, "numerator"), reason


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
                yield ("stages", place, "score"), f"points sum to {known}, not to the scale of {book.scale}"


def _stages(book: Rulebook) -> Iterator[Fault]:
    ids = [s.id for s in book.stages]
    for place, stage in enumerate(book.stages):
        if stage.id in ids[:place]:
            yield ("stages", place, "id"), f"the id {stage.id} stands twice"
        if stage.cadence in [s.cadence for s in book.stages[:place]]:
            yield ("stages", place, "cadence"), f"two stages have the cadence {stage.cadence}"
        for path, item in stage.items():
            if item.kind == "rank" and path[0] == "score":
                yield ("stages", place, *path, "kind"), "a rank stands beside the score, not in it"
            if isinstance(item, Periods):
                yield from _longer(book, place, stage, path, item)
        entered = stage.grade_entered
        if entered is not None and (entered.input not in book.inputs or book.inputs[entered.input].type != "choice"):
            yield ("stages", place, "grade_entered", "input"), f"{entered.input} is no input of type choice"


def _longer(book: Rulebook, place: int, stage: Stage, path: tuple[Any, ...], item: Periods) -> Iterator[Fault]:
    """Sums over periods lead from longer to shorter ones only: there can be no cycle."""
    here = ("stages", place, *path)
    below = next((s for s in book.stages if s.id == item.stage), None)
    if below is None:
        yield (*here, "stage"), f"there is no stage {item.stage}; known are {', '.join(s.id for s in book.stages)}"
        return
    own, theirs = _months(stage), _months(below)
    if own is None or theirs is None or theirs >= own:
        yield (*here, "stage"), f"a cycle: {stage.id} ({stage.cadence}) cannot be made of {below.id} ({below.cadence})"
    elif item.n > own // theirs or (item.how == "sum" and own != theirs * item.n):
        yield (*here, "n"), f"a {stage.cadence} has {own // theirs} of {below.id}, not {item.n}"
    if item.of is not None and item.of not in {i.id for _, i in below.items()}:
        yield (*here, "of"), f"{below.id} has no item {item.of}"


def _months(stage: Stage) -> int | None:
    return _DAYS.get(stage.cadence.partition("@")[0])


def _consequences(book: Rulebook) -> Iterator[Fault]:
    items = {part.id for _, part in book.parts()}
    seen: set[str] = set()
    for place, c in enumerate(book.consequences):
        here = ("consequences", place)
        if c.id in seen or c.id in items:
            yield (*here, "id"), f"the id {c.id} stands twice"
        seen.add(c.id)
        stage = next((s for s in book.stages if s.id == c.stage), None)
        if stage is None:
            yield (*here, "stage"), f"there is no stage {c.stage}; known are {', '.join(s.id for s in book.stages)}"
            continue
        choices = book.inputs[stage.grade_entered.input].choices if stage.grade_entered else {}
        grades = {g.id for g in stage.grades} | set(choices)
        for grade in c.when.grade:
            if grade not in grades:
                yield (
                    (*here, "when", "grade"),
                    f"{stage.id} has no grade {grade}; known are {', '.join(sorted(grades))}",
                )
        if c.when.is_by_rank and stage.ranking is None:
            yield (*here, "when"), f"{stage.id} has no ranking"
        for n, m in enumerate(c.when.measured):
            if m.item is not None and m.item not in items:
                yield (*here, "when", "measured", n, "item"), f"there is no item {m.item}"
            if m.input is not None and m.input not in book.inputs:
                yield (*here, "when", "measured", n, "input"), f"there is no input {m.input}"
        if c.window is not None and c.window.sum_of is not None and c.window.sum_of not in book.inputs:
            yield (*here, "window", "sum_of"), f"there is no input {c.window.sum_of}"


def _quotas(book: Rulebook) -> Iterator[Fault]:
    for place, quota in enumerate(book.quotas):
        spec = book.inputs.get(quota.input)
        if spec is None or quota.value not in spec.choices:
            yield ("quotas", place, "value"), f"{quota.input} is no input with the choice {quota.value}"


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
            yield ("rates", name), "no item uses this rate"
    for name in book.inputs:
        if name not in used:
            yield ("inputs", name), "nothing uses this input"
