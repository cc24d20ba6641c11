"""Whose a draw's samples are (样本可见范围): those that lie in one's grids, or of the assessed unit that one is."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridmgmt.viewer import Scope


def holds(scope: Scope, item: Mapping[str, Any]) -> bool:
    """Whether a drawn sample (``grid_codes``, ``unit_code``) lies in a scope."""
    return scope.holds_line(item["grid_codes"]) or scope.holds_unit(item["unit_code"])


def own(scope: Scope, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some drawn samples that lie in a scope."""
    return [item for item in items if holds(scope, item)]


def holds_assessed(scope: Scope, unit: str, items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an assessed unit belongs to a scope as a whole; ``items``: samples of it, whose grids say its level."""
    lines = [list(item["grid_codes"]) for item in items]
    levels = {line.index(unit) + 1 for line in lines if unit in line}
    return scope.holds_unit(unit) or any(scope.holds_grid(level, unit) for level in levels)


def part(document: Mapping[str, Any], scope: Scope, numbers: Sequence[str]) -> dict[str, Any]:
    """What a draw's document says to whoever may see samples of these numbers alone.

    Whoever has the seed, the frame and what was drawn before draws the samples of all units by himself.
    """
    mine = set(numbers)
    pairs = [(i, s) for i, s in zip(document["items"], document["samples"], strict=True) if s["no"] in mine]
    units = scope.unit_codes | {code for _, code in scope.grid_codes}
    hidden = ("key", "frame", "before", "objects")
    told = {name: value for name, value in document.items() if name not in hidden}
    of_units = {name: [x for x in document[name] if x["unit"] in units] for name in ("asked", "short", "passed_over")}
    return {**told, **of_units, "items": [i for i, _ in pairs], "samples": [s for _, s in pairs]}
