"""A what-if as a picture (试算比对图): one dumbbell a subject, from its total as it stands to its total as supposed.

A panel for each period and level; subjects by their rank after, the grades'
bounds as lines, those that moved in colour. Plain SVG, and a page around it
that also lists the consequences; nothing is loaded from anywhere.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

from markupsafe import Markup

from gridmgmt.files.wording import Words, label, languages, same, say, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.model import Stage
from gridmgmt.scorecards.exports import whatif_tables as tables
from gridmgmt.scorecards.exports.rendering import draw, fill
from gridmgmt.scorecards.whatif import Effect, Move, WhatIf

WIDTH, LEFT, RIGHT = 1040, 250, 270
"""Pixels: the whole, the names' column, the figures' column."""

MOST_ROWS = 60
"""Subjects of one panel; where there are more, those that moved most are drawn."""

_LEAST_SPAN = 4
"""Points that an axis covers at least."""


@dataclass(frozen=True)
class Axis:
    """Totals → pixels from the left."""

    low: float
    high: float

    def __call__(self, value: Fraction | float) -> float:
        """Where a total stands."""
        return LEFT + (float(value) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def covers(self, value: Fraction) -> bool:
        """Whether a value lies on it."""
        return self.low <= value <= self.high

    def ticks(self) -> list[float]:
        """Round values on it, at most nine."""
        span = self.high - self.low
        steps = (digit * 10.0**n for n in range(-3, 9) for digit in (1, 2, 5))
        step = next(s for s in steps if span / s <= 8)
        return [i * step for i in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)]


def _axis_of(moves: Sequence[Move]) -> Axis:
    """An axis that covers all totals of some subjects with a margin."""
    found = [float(t) for m in moves for t in (m.before.total, m.after.total) if t is not None] or [0.0]
    middle, half = (min(found) + max(found)) / 2, max(max(found) - min(found), _LEAST_SPAN) * 0.56
    return Axis(middle - half, middle + half)


def chart(found: WhatIf, levels: Mapping[str, Words] | None = None, lang: str | None = None) -> str:
    """The comparison as one SVG document, the same for the same input.

    Parameters
    ----------
    levels
        What the levels are called.
    lang
        ``zh`` or ``en``; None: both, Chinese first.
    """
    panels = []
    for (period, level), group in groupby(found.moves, key=lambda m: (m.period.label, m.subject.level)):
        names = (levels or {}).get(level, same(level)) if level else None
        panels.append(_panel(found, list(group), period + (f" · {say(names, lang)}" if names else ""), lang))
    return draw(
        "whatif.svg",
        lang,
        width=WIDTH,
        right=WIDTH - RIGHT + 20,
        found=found,
        changed=_changed(found),
        summary=tables.summary(found),
        has_moved_bounds=any(_moved_bounds(*stages) for stages in found.stages.values()),
        panels=panels,
    )


def _changed(found: WhatIf, most: int = 6) -> list[Words]:
    """What is changed: another rulebook, or rule by rule."""
    before, after = found.before.rulebook, found.after.rulebook
    if before.id != after.id:
        told = words("whatif_other")
        return [{k: f"{told[k]}: {after.title[k]}" for k in told}]
    texts = [tables.rule_words(d) for d in tables.rules(found)]
    return [*texts[:most], same(f"… +{len(texts) - most}")] if len(texts) > most else texts


def _panel(found: WhatIf, moves: Sequence[Move], title: str, lang: str | None) -> dict[str, Any]:
    """One period and level; without anything moved it has its title only."""
    n_moved = sum(m.is_moved for m in moves)
    told = words("whatif_panel", n=len(moves), moved=n_moved) if n_moved else words("whatif_nothing")
    shown_ones = tables.largest(moves, MOST_ROWS) if n_moved else []
    axis = _axis_of(shown_ones)
    old, new = found.stages[moves[0].period.label]
    return {
        "title": title,
        "told": say(told, lang),
        "ticks": [(axis(tick), f"{tick:g}") for tick in axis.ticks()] if n_moved else [],
        "bounds_before": [axis(b) for b in _moved_bounds(old, new) if axis.covers(b)] if n_moved else [],
        "bounds": list(_bounds(new, axis, lang)) if n_moved else [],
        "rows": [_row(found, move, axis, lang) for move in shown_ones],
        "left_out": len(moves) - len(shown_ones) if n_moved else 0,
    }


def _bounds(stage: Stage, axis: Axis, lang: str | None) -> Iterator[tuple[float, str, bool]]:
    """The grades' bounds as supposed, from the highest down: place, text, and whether it is set lower."""
    last = math.inf
    for grade in stage.grades:
        if grade.at_least is None or not axis.covers(grade.at_least):
            continue
        x = axis(grade.at_least)
        is_low = last < math.inf and last - x < 120
        last = math.inf if is_low else x
        yield x, f"{say(grade.title, lang)} ≥{exact(grade.at_least)}", is_low


def _moved_bounds(old: Stage, new: Stage) -> list[Fraction]:
    """Bounds as they stand that are none as supposed."""
    return sorted({g.at_least for g in old.grades if g.at_least is not None} - {g.at_least for g in new.grades})


def _row(found: WhatIf, move: Move, axis: Axis, lang: str | None) -> dict[str, Any]:
    """One subject: rank and name, its dumbbell, its figures."""
    before, after = move.before, move.after
    has_moved = before.total is not None and after.total is not None and before.total != after.total
    dots = [axis(t) for t in (before.total, after.total) if t is not None]
    total = tables.moved(*tables.totals(found, move)) if move.difference != 0 else tables.totals(found, move)[1]
    grade = tables.moved(*tables.grades(found, move)) if move.is_regraded else tables.grades(found, move)[1]
    told = say(grade, lang)
    return {
        "is_moved": move.is_moved,
        "rank": after.rank or "–",
        "places": before.rank - after.rank if before.rank and after.rank else 0,
        "names": _names(move.subject.name, lang),
        "dots": dots if has_moved else dots[-1:],
        "is_full": after.total is not None,
        "colour": _colour(move),
        "total": say(total, lang if total["zh"] != total["en"] else "zh"),
        "change": tables.signed(move.difference, found.after.rulebook.display_scale) if move.difference else "",
        "grade": told if move.is_regraded or told != tables.NONE else "",
        "grade_colour": _grade_colour(found, move) if move.is_regraded else "",
    }


def _names(name: Words, lang: str | None) -> list[str]:
    """Both languages in two lines, cut where they would reach the dots."""
    return [_cut(text, 24 + 2 * n) for n, text in enumerate(dict.fromkeys(name[x] for x in languages(lang)))]


def _cut(text: str, most: int) -> str:
    """A text of at most so many half-width places."""
    size = 0
    for n, letter in enumerate(text):
        size += 2 if ord(letter) > 0x2E7F else 1
        if size > most:
            return text[:n] + "…"
    return text


def _colour(move: Move) -> str:
    """Up or down, by the total; whom only others moved past stays grey."""
    difference = move.difference or Fraction(0)
    return "up" if difference > 0 else "down" if difference < 0 else "still"


def _grade_colour(found: WhatIf, move: Move) -> str:
    """Up or down, by the order of the grades as supposed; a grade that is not in it is neither."""
    order = [g.id for g in found.stages[move.period.label][1].grades]
    if move.before.grade not in order or move.after.grade not in order:
        return "ink"
    return "up" if order.index(move.after.grade) < order.index(move.before.grade) else "down"


def page(found: WhatIf, levels: Mapping[str, Words] | None = None, lang: str | None = None) -> str:
    """The chart as a page of its own, with the consequences that change and what moved by item below it."""
    return fill(
        "whatif.html",
        lang,
        found=found,
        chart=Markup(chart(found, levels, lang)),
        notes=[*tables.notes(found), words("whatif_saved_nothing")],
        effects=[_effect(found, e, lang) for e in found.effects],
        items=_items(found, lang),
    )


def _effect(found: WhatIf, effect: Effect, lang: str | None) -> list[str]:
    title = say(tables.effect_title(found, effect), lang)
    kind, name = label(f"whatif_{effect.kind}", lang), say(effect.subject.name, lang)
    decide = say(tables.effect_decide(effect), lang)
    return [kind, effect.period, effect.code, name, title, tables.effect_money(effect), decide]


def _items(found: WhatIf, lang: str | None) -> list[list[str]]:
    places = found.after.rulebook.display_scale
    return [
        [i.period.label, say(i.title, lang), str(i.n), *(tables.signed(x, places) for x in i.range)]
        for i in found.items()
    ]
