"""Names of counts and rates (指标名称) in both languages."""

from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.files.wording import Words, words


def indicator_words(name: str) -> Words:
    """The name of a count or rate; one that this release does not know goes by its code."""
    rule = COUNTS.get(name) or RATIOS.get(name)
    return {"zh": rule.zh, "en": rule.en} if rule else {"zh": name, "en": name}


def column_words(name: str) -> Words:
    """The head of a column of figures: what names the group, a count or a rate."""
    return words(f"column_{name}") if name in ("code", "name_zh", "name_en", "parent_code") else indicator_words(name)
