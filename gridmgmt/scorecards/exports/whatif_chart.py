"""A what-if as a picture (试算比对图): one dumbbell a subject, from its total as it stands to its total as supposed.

A panel for each period and level; subjects by their rank after, the grades'
bounds as lines, those that moved in colour. Plain SVG, and a page around it
that also lists the consequences; nothing is loaded from anywhere.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from itertools import groupby

from gridmgmt.files.wording import Words, label, same, say, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.model import Grade, Stage
from gridmgmt.scorecards.exports import whatif_tables as tables
from gridmgmt.scorecards.whatif import Effect, Move, WhatIf

FONT = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif"
WIDTH, LEFT, RIGHT, ROW = 1040, 250, 270, 32
"""Pixels: the whole, the names' column, the figures' column, one subject."""

HEAD, FOOT = 74, 34
"""Pixels of a panel above its first row (title and grades) and below its last (axis)."""

MOST_ROWS = 60
"""Subjects of one panel; where there are more, those that moved most are drawn."""

UP, DOWN, STILL, INK, SOFT = "#2c7bb6", "#b35806", "#9aa5ae", "#1f3a5f", "#5a6672"
"""Colours: up and down are told apart without red and green (after ColorBrewer PuOr and RdYlBu)."""

LEAST_SPAN = 4
"""Points that an axis covers at least."""

STYLE = (
    f"text{{font:13px {FONT};fill:#222}}.s{{font-size:11px;fill:{SOFT}}}.h{{font-size:15px;font-weight:600;fill:{INK}}}"
    f".t{{font-size:22px;font-weight:600;fill:{INK}}}.e{{text-anchor:end}}.m{{text-anchor:middle}}"
    ".w{stroke:#fff;stroke-width:4;paint-order:stroke}.b{font-weight:600}"
)


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


def axis_of(moves: Sequence[Move]) -> Axis:
    """An axis that covers all totals of some subjects with a margin."""
    found = [float(t) for m in moves for t in (m.before.total, m.after.total) if t is not None] or [0.0]
    middle, half = (min(found) + max(found)) / 2, max(max(found) - min(found), LEAST_SPAN) * 0.56
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
    top, parts = _head(found, lang)
    for (period, level), group in groupby(found.moves, key=lambda m: (m.period.label, m.subject.level)):
        moves = list(group)
        names = (levels or {}).get(level, same(level)) if level else None
        title = period + (f" · {say(names, lang)}" if names else "")
        drawn, height = _panel(found, moves, title, lang)
        parts.append(f'<g transform="translate(0 {top})">{drawn}</g>')
        top += height
    title = escape(f"{label('whatif_title', lang)} {say(found.before.rulebook.title, lang)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 10}" width="{WIDTH}" height="{top + 10}" '
        f'role="img" class="whatif"><title>{title}</title><style>{_scoped(STYLE)}</style>'
        f'<rect width="{WIDTH}" height="{top + 10}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _scoped(style: str) -> str:
    """The style's rules for this drawing only: in a page it must not reach anything else."""
    return "}".join(f".whatif {rule}" if rule else "" for rule in style.split("}"))


def _text(x: float, y: float, text: str, kind: str = "", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{more}>{escape(text)}</text>'


def _both(x: float, y: float, text: Words, lang: str | None, kind: str = "") -> str:
    """A text with its English smaller behind it."""
    if lang is not None or text["zh"] == text["en"]:
        return _text(x, y, text[lang or "zh"], kind)
    small = f'<tspan class="s" dx="6">{escape(text["en"])}</tspan>'
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text["zh"])}{small}</text>'


# --- head -------------------------------------------------------------------------------------------------------------


def _head(found: WhatIf, lang: str | None) -> tuple[int, list[str]]:
    """Title, what is changed, and the legend; its height in pixels."""
    before, after = found.before.rulebook, found.after.rulebook
    parts = [_both(20, 36, words("whatif_title"), lang, "t")]
    y = 62
    parts.append(_both(20, y, before.title, lang, "b"))
    if before.id != after.id:
        told = words("whatif_other")
        y += 20
        parts.append(_both(20, y, {k: f"{told[k]}: {after.title[k]}" for k in told}, lang))
    else:
        for text in _shortened([tables.rule_words(d) for d in tables.rules(found)]):
            y += 20
            parts.append(_both(20, y, text, lang))
    y += 24
    parts.append(_both(20, y, tables.summary(found), lang, "s"))
    y += 26
    return y + 14, [*parts, _legend(y, _has_moved_bounds(found), lang)]


def _shortened(texts: Sequence[Words], most: int = 6) -> list[Words]:
    return [*texts[:most], same(f"… +{len(texts) - most}")] if len(texts) > most else list(texts)


def _has_moved_bounds(found: WhatIf) -> bool:
    return any(_moved_bounds(*stages) for stages in found.stages.values())


def _legend(y: float, has_moved_bounds: bool, lang: str | None) -> str:
    parts = [_dumbbell(24, 64, y - 4, UP), _dumbbell(234, 194, y - 4, DOWN)]
    parts += [_dot(370, y - 4, STILL, False), _dot(548, y - 4, STILL, True)]
    told = [(74, "whatif_up"), (244, "whatif_down"), (382, "whatif_before"), (560, "whatif_after")]
    if has_moved_bounds:
        parts.append(_was(730, y - 14, y + 4))
        told.append((742, "whatif_bound_was"))
    return "".join([*parts, *(_both(x, y, words(code), lang) for x, code in told)])


# --- panels -----------------------------------------------------------------------------------------------------------


def _panel(found: WhatIf, moves: Sequence[Move], title: str, lang: str | None) -> tuple[str, int]:
    """One period and level, and its height in pixels."""
    n_moved = sum(m.is_moved for m in moves)
    told = words("whatif_panel", n=len(moves), moved=n_moved) if n_moved else words("whatif_nothing")
    head = [f'<path d="M20 4H{WIDTH - 20}" stroke="#d5dbe1"/>', _text(20, 28, title, "h")]
    head.append(_text(WIDTH - 20, 28, say(told, lang), "s e"))
    if not n_moved:
        return "".join(head), 44
    shown_ones = tables.largest(moves, MOST_ROWS)
    axis, bottom = axis_of(shown_ones), HEAD + ROW * len(shown_ones)
    parts = [*head, *_grid(axis, bottom), *_bounds(found, shown_ones[0], axis, bottom, lang)]
    for n, move in enumerate(shown_ones):
        parts.append(_row(found, move, axis, HEAD + ROW * n, n % 2 == 1, lang))
    height = bottom + FOOT
    if len(shown_ones) < len(moves):
        parts.append(_text(20, bottom + 22, label("whatif_left_out", lang, n=len(moves) - len(shown_ones)), "s"))
    return "".join(parts), height


def _grid(axis: Axis, bottom: float) -> list[str]:
    out = []
    for tick in axis.ticks():
        x = axis(tick)
        out.append(f'<path d="M{x:.1f} {HEAD}V{bottom + 4}" stroke="#e6eaee"/>')
        out.append(_text(x, bottom + 19, f"{tick:g}", "s m"))
    return out


def _bounds(found: WhatIf, move: Move, axis: Axis, bottom: float, lang: str | None) -> list[str]:
    """The grades' bounds as supposed; where they stood before, if they moved, as thin dots."""
    old, new = found.stages[move.period.label]
    limits = [g for g in new.grades if g.at_least is not None and axis.covers(g.at_least)]
    out = [_was(axis(b), HEAD - 6, bottom) for b in _moved_bounds(old, new) if axis.covers(b)]
    last = math.inf
    for grade in limits:  # from the highest down
        x = axis(grade.at_least or Fraction(0))
        low = last - x < 120 if last < math.inf else False
        last = math.inf if low else x
        out.append(_bound(grade, x, HEAD - (8 if low else 24), bottom, lang))
    return out


def _moved_bounds(old: Stage, new: Stage) -> list[Fraction]:
    """Bounds as they stand that are none as supposed."""
    return sorted({g.at_least for g in old.grades if g.at_least is not None} - {g.at_least for g in new.grades})


def _was(x: float, top: float, bottom: float) -> str:
    return f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{SOFT}" stroke-dasharray="1 4"/>'


def _bound(grade: Grade, x: float, y: float, bottom: float, lang: str | None) -> str:
    at_least = exact(grade.at_least or Fraction(0))
    line = f'<path d="M{x:.1f} {y + 3}V{bottom}" stroke="{INK}" stroke-dasharray="5 4" stroke-opacity=".55"/>'
    return line + _text(x, y, f"{say(grade.title, lang)} ≥{at_least}", "s m w")


def _row(found: WhatIf, move: Move, axis: Axis, top: float, is_odd: bool, lang: str | None) -> str:
    """One subject: rank and name, its dumbbell, its figures."""
    y = top + ROW / 2
    band = f'<rect x="20" y="{top}" width="{WIDTH - 40}" height="{ROW}" fill="{INK}" fill-opacity=".04"/>'
    parts = [band] if is_odd else []
    kind = "" if move.is_moved else "s"
    parts.append(_text(48, y + 5, str(move.after.rank or "–"), f"e {'b' if move.is_moved else 's'}"))
    parts.append(_name(move, y, kind, lang))
    colour = _colour(move)
    before, after = move.before.total, move.after.total
    if before is not None and after is not None and before != after:
        parts.append(_dumbbell(axis(before), axis(after), y, colour))
    else:
        parts += [_dot(axis(t), y, colour, t is after) for t in (before, after) if t is not None][-1:]
    return "".join([*parts, *_figures(found, move, y, colour, lang)])


def _name(move: Move, y: float, kind: str, lang: str | None) -> str:
    """Rank change and name; both languages in two lines, cut where they would reach the dots."""
    places = move.before.rank - move.after.rank if move.before.rank and move.after.rank else 0
    arrow = f"▲{places}" if places > 0 else f"▼{-places}" if places < 0 else ""
    mark = _text(54, y + 4, arrow, "s", f' style="fill:{UP if places > 0 else DOWN}"') if arrow else ""
    name = move.subject.name
    if lang is not None or name["zh"] == name["en"]:
        return mark + _text(86, y + 5, _cut(name[lang or "zh"], 24), kind)
    return mark + _text(86, y - 2, _cut(name["zh"], 24), kind) + _text(86, y + 12, _cut(name["en"], 26), "s")


def _cut(text: str, most: int) -> str:
    """A text of at most so many half-width places."""
    size = 0
    for n, letter in enumerate(text):
        size += 2 if ord(letter) > 0x2E7F else 1
        if size > most:
            return text[:n] + "…"
    return text


def _figures(found: WhatIf, move: Move, y: float, colour: str, lang: str | None) -> list[str]:
    x = WIDTH - RIGHT + 20
    total = tables.moved(*tables.totals(found, move)) if move.difference != 0 else tables.totals(found, move)[1]
    grade = tables.moved(*tables.grades(found, move)) if move.is_regraded else tables.grades(found, move)[1]
    out = [_text(x, y - 2, say(total, lang if total["zh"] != total["en"] else "zh"), "" if move.is_moved else "s")]
    if move.difference:
        change = tables.signed(move.difference, found.after.rulebook.display_scale)
        out.append(_text(WIDTH - 26, y - 2, change, "e b", f' style="fill:{colour}"'))
    told = say(grade, lang)
    if move.is_regraded:
        out.append(_text(x, y + 12, told, "s b", f' style="fill:{_grade_colour(found, move)}"'))
    elif told != tables.NONE:
        out.append(_text(x, y + 12, told, "s"))
    return out


def _colour(move: Move) -> str:
    """Up or down, by the total; whom only others moved past stays grey."""
    difference = move.difference or Fraction(0)
    return UP if difference > 0 else DOWN if difference < 0 else STILL


def _grade_colour(found: WhatIf, move: Move) -> str:
    """Up or down, by the order of the grades as supposed; a grade that is not in it is neither."""
    order = [g.id for g in found.stages[move.period.label][1].grades]
    if move.before.grade not in order or move.after.grade not in order:
        return INK
    return UP if order.index(move.after.grade) < order.index(move.before.grade) else DOWN


def _dumbbell(x1: float, x2: float, y: float, colour: str) -> str:
    """From a hollow dot to a full one."""
    line = f'<path d="M{x1:.1f} {y:.1f}H{x2:.1f}" stroke="{colour}" stroke-width="4" stroke-opacity=".4"/>'
    return line + _dot(x1, y, colour, False) + _dot(x2, y, colour, True)


def _dot(x: float, y: float, colour: str, is_full: bool) -> str:
    fill = colour if is_full else "#fff"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


# --- the page ---------------------------------------------------------------------------------------------------------

PAGE_STYLE = (
    f"body{{max-width:{WIDTH}px;margin:0 auto;padding:16px;color:#222;font:14px/1.5 {FONT}}}"
    f"svg{{width:100%;height:auto}}h2{{font-size:16px;color:{INK};margin:22px 0 6px}}"
    f"table{{width:100%;border-collapse:collapse}}th{{background:{INK};color:#fff}}"
    "th,td{padding:4px 8px;text-align:left;border-bottom:1px solid #d5dbe1}"
    f"p{{color:{SOFT};margin:6px 0}}@media print{{tr{{break-inside:avoid}}}}"
)


def page(found: WhatIf, levels: Mapping[str, Words] | None = None, lang: str | None = None) -> str:
    """The chart as a page of its own, with the consequences that change and what moved by item below it."""
    title = f"{label('whatif_title', lang)} · {say(found.before.rulebook.title, lang)}"
    notes = [*tables.notes(found), words("whatif_saved_nothing")]
    effects = _table(EFFECT_HEADS, [_effect(found, e, lang) for e in found.effects], lang)
    nothing = f"<p>{escape(label('whatif_no_effects', lang))}</p>"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang or "zh"}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{PAGE_STYLE}</style></head><body>\n{chart(found, levels, lang)}"
        + "".join(f"<p>{escape(say(n, lang))}</p>" for n in notes)
        + f"\n<h2>{escape(label('whatif_effects', lang))}</h2>\n{effects if found.effects else nothing}"
        + f"\n<h2>{escape(label('whatif_items', lang))}</h2>\n{_table(ITEM_HEADS, _items(found, lang), lang)}"
        + "\n</body></html>\n"
    )


EFFECT_HEADS = ("kind", "period", "code", "name", "effect", "money", "decide")
ITEM_HEADS = ("period", "item", "n", "low", "mean", "high")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], lang: str | None) -> str:
    head = "".join(f"<th>{escape(label(f'whatif_{h}', lang))}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(v)}</td>" for v in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


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
