"""Repeat cases (重复案件): how many of the filed cases of a period repeat an earlier one of their class and place."""

from collections.abc import Sequence

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.rulebooks.inputs import RepeatRule
from gridmgmt.rulebooks.values import Filing


def n_repeats(rule: RepeatRule, filings: Sequence[Filing]) -> int:
    """Count the repeats among filings of one period.

    Same class and same place make a group. Its threshold is that of its road
    class; where the filings of a place name several, the lowest decides (the
    strictest class at the point). From the threshold's case on each is a
    repeat, or all of the group once it is reached, as the rule says.
    """
    groups: dict[tuple[str, str], int] = {}
    thresholds: dict[tuple[str, str], int] = {}
    for filing in filings:
        if _is_excepted(rule, filing.category):
            continue
        key = (filing.category, filing.place)
        groups[key] = groups.get(key, 0) + filing.n
        own = rule.thresholds[filing.road or "other"]  # type: ignore[index]
        thresholds[key] = min(own, thresholds.get(key, own))
    total = 0
    for key, n in groups.items():
        if n >= thresholds[key]:
            total += n if rule.count == "all_in_group" else n - thresholds[key] + 1
    return total


def _is_excepted(rule: RepeatRule, category: str) -> bool:
    key = CategoryKey.parse(category)
    if rule.except_components and key.kind == "component":
        return True
    return any(CategoryPattern.parse(p).matches(key) for p in rule.except_categories)
