"""Reasons in words (得分理由): a code and its exact facts as people read them."""

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gridmgmt.files.wording import Words, readable, words
from gridmgmt.numbers import NUMBER, shown, shown_near
from gridmgmt.rulebooks.wording import TESTS

_SUFFIXES = {"percent": "%", "points": ""}
"""What stands behind a limit, by the unit of the rate that it is for."""


def reason_words(code: str, given: Mapping[str, Any], unit: str | None = None) -> Words:
    """A reason's code and exact facts as people read them.

    Parameters
    ----------
    unit
        Of the rate that the reason is about, ``percent`` or ``points``; None: of no rate.

    Examples
    --------
    >>> facts = {"percent": "4.5", "threshold": "2", "step": "1", "points_per_step": "3", "n_steps": "2", "lost": "6"}
    >>> reason_words("line_steps", facts, "percent")["zh"]
    '4.50%，超过 2% 的部分每满 1 个百分点扣 3 分，满 2 个，扣 6 分'
    """
    facts: dict[str, Any] = {key: _fact(key, value) for key, value in given.items()}
    if unit is not None and "value" in given:
        rate = Fraction(given["value"])
        facts["value"] = f"{shown(rate)}/100" if unit == "points" else f"{shown(rate * 100)}%"
    if "percent" in given:
        facts |= _stepped(given, unit or "percent", facts)
    if "amount" in given:
        facts |= _limited(given, unit)
    if "left" in given:
        left, right = Fraction(given["left"]), Fraction(given["right"])
        facts["left"] = shown_near(left, [right], strictly=[right]) if "/" in given["left"] else facts["left"]
    return words(code, **facts)


def _fact(key: str, value: Any) -> Any:
    """One fact: words as they are, numbers rounded, comparisons by their sign."""
    if isinstance(value, Mapping):
        return value
    if key == "test":
        return TESTS.get(value, value)
    if key == "terms":
        return re.sub(r"-?\d+([./]\d+)?", lambda number: readable(number[0]), value)
    return readable(value) if NUMBER.fullmatch(str(value)) else value


def _stepped(given: Mapping[str, str], unit: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of steps beyond a threshold, each with its unit."""
    suffix, percent, threshold = _SUFFIXES[unit], Fraction(given["percent"]), Fraction(given["threshold"])
    out: dict[str, Any] = {k: f"{facts[k]}{suffix}" for k in ("threshold", "zero_beyond") if k in facts}
    out["percent"] = shown_near(percent, _step_limits(given), strictly=[threshold]) + suffix
    out["side"] = words("card_step_above" if percent > threshold else "card_step_below")
    if "n_steps" in given:
        mode = _mode(given)
        step = words(f"card_step_{unit}{'_one' if facts['step'] == '1' else ''}", step=facts["step"])
        out["each"] = words(f"card_each_{mode}", step=step)
        out["n_steps"] = words(f"card_steps_{mode}", n=facts["n_steps"])
    return out


def _step_limits(facts: Mapping[str, str]) -> Sequence[Fraction]:
    """The percentages at which a line's points change, next to its value."""
    threshold, step = Fraction(facts["threshold"]), Fraction(facts["step"])
    n = (Fraction(facts["percent"]) - threshold) // step
    near = [threshold + n * step, threshold + (n + 1) * step]
    return [threshold, *near, *([Fraction(facts["zero_beyond"])] if "zero_beyond" in facts else [])]


def _limited(given: Mapping[str, str], unit: str | None) -> dict[str, str]:
    """An amount beside the limit it is judged by; it never seems to reach a tenth that it does not reach."""
    amount = Fraction(given["amount"])
    limits = {k: Fraction(given[k]) for k in ("at_least", "limit") if k in given}
    near = [*limits.values(), Fraction(math.floor(amount * 10), 10), Fraction(math.ceil(amount * 10), 10)]
    is_whole = unit is None and "/" not in given["amount"]
    told = readable(given["amount"]) if is_whole else shown_near(amount, near, strictly=list(limits.values()))
    suffix = _SUFFIXES[unit] if unit else ""
    return {"amount": told + suffix, **{k: readable(given[k]) + suffix for k in limits}}


def _mode(facts: Mapping[str, str]) -> str:
    """Whether an unfinished step was dropped (completed), counted (begun), or there was none (exact)."""
    taken = Fraction(facts["n_steps"]) * Fraction(facts["step"])
    beyond = abs(Fraction(facts["percent"]) - Fraction(facts["threshold"]))
    return "exact" if taken == beyond else "completed" if taken < beyond else "begun"
