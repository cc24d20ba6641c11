"""A whole rulebook in words (考核办法说明): items, rates, inputs, grades, consequences, readings, to be checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Words, group_words, joined, same, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.exports.input_text import source_words, type_words
from gridmgmt.rulebooks.items import Item, Part
from gridmgmt.rulebooks.kinds.events import EventRule
from gridmgmt.rulebooks.model import (
    Consequence,
    Measured,
    Population,
    Reading,
    Rulebook,
    SampleType,
    Stage,
    Stated,
    Validity,
    When,
    Window,
)
from gridmgmt.rulebooks.wording import TESTS, concat, input_title, terms_words


@dataclass(frozen=True)
class Line:
    """One line, so many steps to the right."""

    depth: int
    text: Words


def rulebook_text(book: Rulebook, lang: str) -> str:
    """The rulebook as lines of text in one language."""
    return "\n".join("  " * line.depth + line.text[lang] for line in _rulebook_lines(book))


def _rulebook_lines(book: Rulebook) -> Iterator[Line]:
    """The rulebook, line by line."""
    yield from _head(book)
    for stage in book.stages:
        yield from _stage(book, stage)
    yield from _section("show_rates", [line for name in book.rates for line in _rate(book, name)])
    yield from _section("show_inputs", [line for name in book.inputs for line in _input(book, name)])
    yield from _section("show_consequences", [Line(1, _consequence(book, c)) for c in book.consequences])
    yield from _section("show_stated", [Line(1, _stated(s)) for s in book.stated])
    yield from _section("show_quotas", [Line(1, w) for w in _quotas(book)])
    yield from _section("show_samples", [Line(1, _sample(s)) for s in book.samples])
    yield from _section("show_readings", [x for name, r in book.readings.items() for x in _reading(name, r)])
    yield from _section("show_notes", [Line(1, note) for note in book.notes])


def _section(code: str, lines: list[Line]) -> Iterator[Line]:
    if lines:
        yield Line(0, words(code))
        yield from lines


def _sourced(text: Words, source: str | None) -> Words:
    return concat(text, words("show_source", source=source)) if source else text


def _head(book: Rulebook) -> Iterator[Line]:
    yield Line(0, words("show_title", title=book.title, id=book.id, version=book.version))
    yield Line(0, words("show_issuer", issuer=book.issuer, source=book.source))
    yield Line(0, words("show_valid", span=valid_words(book.valid)))
    yield Line(0, words("show_population", who=population_words(book.population)))
    facts = {"places": book.display_scale}
    scale = words("show_scale", scale=exact(book.scale), **facts) if book.scale else words("show_no_scale", **facts)
    yield Line(0, scale)
    yield Line(0, words("show_empty", option=words(f"show_empty_{book.empty.option}"), reason=book.empty.reason))


def valid_words(valid: Validity) -> Words:
    """The days on which it is in force; the last one is the day before ``to``."""
    if valid.last is None:
        return words("show_valid_from", first=valid.first.isoformat())
    last = valid.last.fromordinal(valid.last.toordinal() - 1)
    return words("show_valid_span", first=valid.first.isoformat(), last=last.isoformat())


def population_words(population: Population) -> Words:
    """Who is assessed."""
    who = words(f"show_{population.kind}")
    if population.kind == "grid" and population.levels == "all":
        return words("show_levels_all", who=who)
    if population.kind == "grid":
        return words("show_levels", who=who, levels=", ".join(population.levels))
    if population.unit_kinds:
        return words("show_unit_kinds", who=who, kinds=", ".join(population.unit_kinds))
    return who


# --- stages -----------------------------------------------------------------------------------------------------------


def cadence_words(cadence: str) -> Words:
    """``month@26`` as people say it."""
    unit, _, day = cadence.partition("@")
    named = words(f"show_cadence_{unit}")
    return words("show_cadence_day", cadence=named, day=day) if day else named


def _stage(book: Rulebook, stage: Stage) -> Iterator[Line]:
    yield Line(0, words("show_stage", title=stage.title, cadence=cadence_words(stage.cadence), id=stage.id))
    if stage.score is None:
        yield Line(1, words("show_no_score"))
    else:
        yield from _part(book, stage.score, 1)
        if stage.least_share and stage.score.is_total:
            yield Line(1, words("show_least_share", least=exact(stage.least_share * 100)))
    if stage.shown:
        yield Line(1, words("show_beside"))
        for item in stage.shown:
            yield from _part(book, item, 2)
    if stage.grades:
        yield Line(1, words("show_grades", grades=concat(*map(_grade, stage.grades), zh="；", en="; ")))
    if stage.grade_entered is not None:
        name = stage.grade_entered.input
        choices = joined([*book.inputs[name].choices.values()])
        yield Line(1, words("show_grade_entered", input=input_title(book, name), choices=choices))
    ranking = stage.ranking
    yield Line(1, words(f"show_ranking_{ranking.ties}_{ranking.among}" if ranking else "show_unranked"))


def _grade(grade: Any) -> Words:
    if grade.at_least is None:
        return words("show_grade_rest", title=grade.title)
    return words("show_grade", title=grade.title, at_least=exact(grade.at_least))


def _part(book: Rulebook, part: Part, depth: int) -> Iterator[Line]:
    """An item or rule and everything below it."""
    yield Line(depth, _part_words(book, part))
    if isinstance(part, Item) and part.note:
        yield Line(depth + 1, part.note)
    for text, source in part.lines():
        yield Line(depth + 1, _sourced(text, source))
    for _, below in part.below():
        yield from _part(book, below, depth + 1)


def _part_words(book: Rulebook, part: Part) -> Words:
    title = concat(same(f"{part.code} " if part.code else ""), part.title, same(f" [{part.id}]"))
    weight = part.weight if isinstance(part, Item) else None
    title = concat(
        title,
        words("show_max", points=exact(part.maximum)) if part.maximum is not None else None,
        words("show_weight", weight=exact(weight)) if weight is not None else None,
    )
    return _sourced(words("show_below", title=title, rule=part.words(book)), part.source)


# --- rates and inputs -------------------------------------------------------------------------------------------------


def _rate(book: Rulebook, name: str) -> Iterator[Line]:
    rate = book.rates[name]
    top, bottom = (_bracketed(terms_words(book, t), len(t)) for t in (rate.numerator, rate.denominator))
    title = concat(rate.title, same(f" [{name}]"))
    code = "show_rate_complement" if rate.complement else "show_rate_line"
    text = concat(
        words(code, title=title, numerator=top, denominator=bottom),
        words(f"show_better_{rate.better}") if rate.better else None,
        words("show_empty_rate", option=words(f"show_empty_{rate.empty}")) if rate.empty else None,
    )
    yield Line(1, _sourced(text, rate.source))
    if rate.filters_differ is not None:
        yield Line(2, words("show_filters_differ", reason=rate.filters_differ))


def _bracketed(text: Words, n: int) -> Words:
    return concat(same("("), text, same(")")) if n > 1 else text


def _input(book: Rulebook, name: str) -> Iterator[Line]:
    spec = book.inputs[name]
    yield Line(1, words("show_input", title=spec.title, id=name, what=type_words(spec)))
    yield Line(2, source_words(spec))


# --- what follows -----------------------------------------------------------------------------------------------------


def _consequence(book: Rulebook, c: Consequence) -> Words:
    stage = book.stage(c.stage)
    head = words(
        "show_consequence",
        title=concat(c.title, same(f" [{c.id}]")),
        stage=stage.title,
        tone=words(f"show_tone_{c.tone}"),
        when=concat(*_when(book, stage, c.when), zh="，且", en=" and "),
    )
    text = concat(
        head,
        *(_window(book, c.window) if c.window is not None else ()),
        _money(c.money),
        *(concat(words("show_prize", title=p.title, n=p.n), _money(p.money)) for p in c.prizes),
        words("show_text", text=c.text) if c.text is not None else None,
    )
    return _sourced(text, c.source)


def _money(money: Fraction | None) -> Words | None:
    return words("show_money", money=exact(money)) if money is not None else None


def _when(book: Rulebook, stage: Stage, when: When) -> Iterator[Words]:
    if when.first:
        yield words("show_first")
    if when.last:
        yield words("show_last")
    for key in ("rank_at_most", "bottom", "not_top"):
        n = getattr(when, key)
        if n is not None:
            yield words(f"show_{key}", n=n)
    if when.grade:
        titles = grade_titles(book, stage)
        yield words("show_is_grade", names=joined([titles[g] for g in when.grade]))
    if when.group:
        yield words("show_is_group", names=joined([group_words(g) for g in when.group]))
    yield from (_measured(book, m) for m in when.measured)


def grade_titles(book: Rulebook, stage: Stage) -> Mapping[str, Words]:
    """The titles of a stage's grades, computed or handed in."""
    entered = book.inputs[stage.grade_entered.input].choices if stage.grade_entered is not None else {}
    return {**{g.id: g.title for g in stage.grades}, **entered}


def _measured(book: Rulebook, measured: Measured) -> Words:
    if measured.item is not None:
        of: Words = next(part.title for _, part in book.parts() if part.id == measured.item)
    elif measured.input is not None:
        of = concat(input_title(book, measured.input), _event_title(book, measured.code), zh="·", en=" · ")
    else:
        of = words("show_total")
    return words("show_measured", of=of, test=TESTS[measured.test], limit=exact(measured.limit))


def _event_title(book: Rulebook, code: str | None) -> Words | None:
    kinds = (k for _, part in book.parts() if isinstance(part, EventRule) for k in part.table if k.code == code)
    found = next(kinds, None)
    return found.title if found is not None else same(code) if code is not None else None


def _window(book: Rulebook, window: Window) -> Iterator[Words]:
    yield words(f"show_window_{window.kind}", n=window.reaches)
    if window.sum_of is not None:
        yield words("show_window_sum_of", input=input_title(book, window.sum_of))
    if window.distinct:
        yield words("show_distinct")
    if window.fires == "each":
        yield words("show_window_each")
    if window.kind == "consecutive" and not window.across_years:
        yield words("show_window_within_year")


def _stated(stated: Stated) -> Words:
    return _sourced(words("show_stated_line", trigger=stated.trigger, follows=stated.follows), stated.source)


def _quotas(book: Rulebook) -> Iterator[Words]:
    for quota in book.quotas:
        value = book.inputs[quota.input].choices[quota.value]
        facts: dict[str, Any] = {"title": quota.title, "input": input_title(book, quota.input), "value": value}
        size = words("show_quota_size", n=quota.from_size) if quota.from_size > 1 else None
        yield _sourced(concat(words("show_quota", **facts, n=quota.at_most), size), quota.source)


def _sample(sample: SampleType) -> Words:
    other = _objects(sample.instead)
    return concat(
        words("show_sample", title=sample.title, objects=_objects(sample.objects)),
        words("show_sample_only", names=", ".join(sample.only)) if sample.only else None,
        words("show_sample_unless", name=sample.unless) if sample.unless else None,
        words("show_sample_instead", name=sample.instead_if, objects=other) if other else None,
    )


def _objects(objects: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in objects.items())


def _reading(name: str, reading: Reading) -> Iterator[Line]:
    others = ", ".join(_option(o) for o in reading.options if o != reading.value)
    text = words("show_reading", text=reading.text, id=name, value=_option(reading.value))
    yield Line(1, concat(text, words("show_reading_others", names=others) if others else None))
    yield Line(2, words("show_reading_reason", reason=reading.reason))


def _option(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
