"""A what-if in rows (试算比对表): movers, consequences and items as people read them, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Words, joined, label, same, say, shown_short, words
from gridmgmt.numbers import exact, shown, shown_near
from gridmgmt.rulebooks.diff import Difference, diff
from gridmgmt.rulebooks.exports.reasons import reason_words
from gridmgmt.rulebooks.exports.rulebook_text import grade_titles
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.results import Node, Outcome
from gridmgmt.scorecards.exports.tables import BOM, as_text
from gridmgmt.scorecards.whatif import Effect, Line, Move, WhatIf

_ARROW = " → "
NONE = "—"

_Pair = tuple[Words, Words]
"""A value before and after, in words."""


# --- in words ---------------------------------------------------------------------------------------------------------


def signed(value: Fraction | None, places: int = 2) -> str:
    """A difference with its sign, with more digits where it would look like none.

    >>> signed(Fraction(-3)), signed(Fraction(1, 3000)), signed(Fraction(0)), signed(None)
    ('−3.00', '+0.0003', '0.00', '—')
    """
    if value is None:
        return NONE
    text = next((t for n in range(places, 11) if Fraction(t := shown(abs(value), n))), shown(Fraction(0), places))
    return ("−" if value < 0 else "+" if value > 0 else "") + text


def moved(before: Words, after: Words) -> Words:
    """``60 → 75``; once where both are the same."""
    return before if before == after else {k: before[k] + _ARROW + after[k] for k in before}


def total_words(loaded: Loaded, outcome: Outcome) -> Words:
    """A total rounded for show, never across a grade's bound; or that there is none."""
    if outcome.total is None:
        return words("whatif_no_total")
    book = loaded.rulebook
    bounds = [g.at_least for g in book.stage(outcome.stage).grades if g.at_least is not None]
    return same(shown_near(outcome.total, bounds, book.display_scale))


def totals(found: WhatIf, move: Move) -> _Pair:
    """A subject's totals."""
    return total_words(found.before, move.before), total_words(found.after, move.after)


def ranks(move: Move) -> _Pair:
    """A subject's ranks."""
    return same(move.before.rank or NONE), same(move.after.rank or NONE)


def grades(found: WhatIf, move: Move) -> _Pair:
    """A subject's grades by their titles."""
    return _grade(found.before, move.before), _grade(found.after, move.after)


def _grade(loaded: Loaded, outcome: Outcome) -> Words:
    if outcome.grade is None:
        return same(NONE)
    titles = grade_titles(loaded.rulebook, loaded.rulebook.stage(outcome.stage))
    return titles.get(outcome.grade, same(outcome.grade))


def why(move: Move) -> Words:
    """What moved a subject: the deepest items with their differences, else what else it was."""
    if move.causes:
        return joined([_line(line) for line in move.causes])
    if move.before.total != move.after.total:
        return words("whatif_joined")
    return words("whatif_bounds" if move.is_regraded else "whatif_overtaken")


def _line(line: Line) -> Words:
    title: Words = line.title
    sides = (line.before, line.after)
    weights = [n.weight if n is not None else None for n in sides]
    if weights[0] != weights[1] and None not in weights:
        told = [shown_short(w) for w in weights if w is not None]
        title = words("whatif_weight", title=title, before=told[0], after=told[1])
    change = signed(line.difference)
    if line.difference is None:
        change = _ARROW.join(NONE if n is None or n.value is None else shown_short(n.value) for n in sides)
    return title if line.difference == 0 else words("whatif_line", title=title, change=change)


def effect_title(found: WhatIf, effect: Effect) -> Words:
    """What a consequence is called; of a quota of prizes the prize."""
    reached, loaded = (effect.after, found.after) if effect.after is not None else (effect.before, found.before)
    consequence = loaded.rulebook.consequence(effect.consequence)
    if consequence is None or reached is None:
        return same(effect.consequence)
    return consequence.prizes[reached.prize].title if reached.prize is not None else consequence.title


def effect_money(effect: Effect) -> str:
    """The money before and after; empty where it brings none."""
    before, after = (r.money if r is not None else None for r in (effect.before, effect.after))
    if before is None and after is None:
        return ""
    return moved(*(same(NONE if m is None else shown_short(m)) for m in (before, after)))["zh"]


def effect_decide(effect: Effect) -> Words:
    """Whether a person has to decide, and why, before and after; empty where nobody has."""
    sides = [r.undecided if r is not None else None for r in (effect.before, effect.after)]
    if sides == [None, None]:
        return same("")
    return moved(*(words(f"undecided_{s}") if s is not None else same(NONE) for s in sides))


def rules(found: WhatIf) -> list[Difference]:
    """What differs between the two sets of rules, value by value."""
    return diff(found.before.rulebook, found.after.rulebook)


def rule_words(difference: Difference) -> Words:
    """``返工率超过 2%（rework_steps.threshold）：2 → 85``."""
    title, part = difference.title, difference.id
    if difference.key is None:
        state = words("whatif_part_new" if difference.change == "added" else "whatif_part_gone")
        return {k: f"{title[k]} ({part}): {state[k]}" for k in title}
    values = moved(*(same(NONE if v is None else v) for v in (difference.old, difference.new)))
    return {k: f"{title[k]} ({part}.{difference.key}): {values[k]}" for k in title}


def summary(found: WhatIf) -> Words:
    """How many results were compared, and how many moved."""
    movers = found.movers
    return words(
        "whatif_summary", n=len(found.moves), moved=len(movers), regraded=sum(m.is_regraded for m in movers),
        reranked=sum(m.before.rank != m.after.rank for m in movers),
    )  # fmt: skip


def notes(found: WhatIf) -> list[Words]:
    """What a reader must know beside the tables: who was not compared, and whose total lacks inputs as supposed."""
    out = []
    if found.only_before or found.only_after:
        out.append(words("whatif_lone", before=len(found.only_before), after=len(found.only_after)))
    opened = [m.after for m in found.moves if m.after.status == "incomplete" and m.before.status != "incomplete"]
    if opened:
        names = dict.fromkeys(name for o in opened for _, name in o.missing)
        inputs = found.after.rulebook.inputs
        told = joined([inputs[n].title if n in inputs else same(n) for n in names])
        out.append(words("whatif_open", n=len(opened), inputs=told))
    return out


# --- CSV --------------------------------------------------------------------------------------------------------------

COLUMNS = ("period", "level", "code", "name")
_PAIRED = ("total", "rank", "grade")


def movers_csv(found: WhatIf, lang: str | None = None) -> str:
    """Every subject in every period, moved or not, one line each; UTF-8 with BOM, CRLF line ends.

    Differences are exact decimals where they are short, else rounded.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    sides = (label("whatif_before", lang), label("whatif_after", lang))
    heads = [label(f"whatif_{name}", lang) for name in COLUMNS]
    heads += [f"{label(f'whatif_{name}', lang)} {side}" for name in _PAIRED for side in sides]
    writer.writerow([*heads, *(label(f"whatif_{name}", lang) for name in ("difference", "moved", "why"))])
    for move in found.moves:
        writer.writerow(_fields(found, move, lang))
    return BOM + out.getvalue()


def _fields(found: WhatIf, move: Move, lang: str | None) -> list[str]:
    pairs = (totals(found, move), ranks(move), grades(found, move))
    difference = move.difference
    return [
        move.period.label, move.subject.level or "", as_text(move.code), as_text(say(move.subject.name, lang)),
        *(as_text(say(side, lang)) for pair in pairs for side in pair),
        "" if difference is None else ("-" if difference < 0 else "") + signed(abs(difference)).lstrip("+"),
        label("whatif_yes" if move.is_moved else "whatif_no", lang),
        as_text(say(why(move), lang)) if move.is_moved else "",
    ]  # fmt: skip


# --- JSON -------------------------------------------------------------------------------------------------------------


def document(found: WhatIf, most: int | None = None) -> dict[str, Any]:
    """The comparison as plain JSON values: exact numbers as text, reasons as code and facts and in words.

    ``most``: of those that move only the so many that move most, in their order.
    """
    movers = found.movers if most is None else largest(found.movers, most)
    return {
        "before": _book(found.before),
        "after": _book(found.after),
        "rules": [d.plain for d in rules(found)],
        "periods": [p.label for p in found.periods],
        "n_compared": len(found.moves),
        "only_before": [{"level": level, "code": code} for level, code in found.only_before],
        "only_after": [{"level": level, "code": code} for level, code in found.only_after],
        "movers": [_mover(found, m) for m in movers],
        "consequences": [_effect(found, e) for e in found.effects],
        "items": list(_items(found)),
    }


def document_json(found: WhatIf) -> str:
    """:func:`document` as a file."""
    return json.dumps(document(found), ensure_ascii=False, indent=2) + "\n"


def _book(loaded: Loaded) -> dict[str, Any]:
    book = loaded.rulebook
    return {"id": book.id, "version": book.version, "sha256": loaded.sha256, "title": dict(book.title)}


def _mover(found: WhatIf, move: Move) -> dict[str, Any]:
    subject = move.subject
    sides = ((found.before, move.before), (found.after, move.after))
    return {
        "period": move.period.label,
        "subject": {"level": subject.level, "code": move.code, "name": dict(subject.name), "group": subject.group},
        "before": _outcome(*sides[0]),
        "after": _outcome(*sides[1]),
        "difference": _text(move.difference),
        "why": dict(why(move)),
        "lines": [_line_of(found, x) for x in move.lines],
    }


def _outcome(loaded: Loaded, outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "total": _text(outcome.total),
        "shown": total_words(loaded, outcome)["zh"] if outcome.total is not None else None,
        "rank": outcome.rank,
        "ranked_of": outcome.ranked_of,
        "grade": outcome.grade,
        "missing": [{"period": period, "input": name} for period, name in outcome.missing],
    }


def _line_of(found: WhatIf, line: Line) -> dict[str, Any]:
    return {
        "item": line.path[-1],
        "path": list(line.path),
        "title": dict(line.title),
        "is_rule": line.is_rule,
        "before": _node(found.before, line.before),
        "after": _node(found.after, line.after),
        "difference": _text(line.difference),
    }


def _node(loaded: Loaded, node: Node | None) -> dict[str, Any] | None:
    if node is None:
        return None
    rate = loaded.rulebook.rates.get(node.rate or "")
    code, facts = node.reason.code, dict(node.reason.facts)
    told = dict(reason_words(code, facts, rate.unit if rate is not None else None))
    return {
        "value": _text(node.value),
        "maximum": _text(node.maximum),
        "weight": _text(node.weight),
        "status": node.status,
        "reason": {"code": code, "facts": facts, "words": told},
    }


def _effect(found: WhatIf, effect: Effect) -> dict[str, Any]:
    reached = effect.after or effect.before
    return {
        "kind": effect.kind,
        "consequence": effect.consequence,
        "title": dict(effect_title(found, effect)),
        "period": effect.period,
        "subject": {"level": effect.subject.level, "code": effect.code, "name": dict(effect.subject.name)},
        "because": list(reached.because) if reached is not None else [],
        "money": [_text(r.money) if r is not None else None for r in (effect.before, effect.after)],
        "undecided": [r.undecided if r is not None else None for r in (effect.before, effect.after)],
    }


def _items(found: WhatIf) -> Iterator[dict[str, Any]]:
    for item in found.items():
        yield {
            "period": item.period.label,
            "item": item.item,
            "title": dict(item.title),
            "n": item.n,
            "n_open": item.n_open,
            "low": _text(item.low),
            "mean": _text(item.mean),
            "high": _text(item.high),
        }


def _text(value: Fraction | None) -> str | None:
    return exact(value) if value is not None else None


def largest(moves: Sequence[Move], most: int) -> list[Move]:
    """The moves that moved most, in the order they were in."""
    kept = set(sorted(range(len(moves)), key=lambda i: moves[i].weight, reverse=True)[:most])
    return [m for i, m in enumerate(moves) if i in kept]
