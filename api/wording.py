"""A scorecard said in one language: its reasons, ranks, and figures beside those of earlier periods."""

from collections.abc import Mapping
from typing import Any

from gridmgmt.exports.cards import (
    COMPARISONS,
    Compared,
    comparison_words,
    grade_words,
    indicator_rows,
    level_words,
    rank_words,
)
from gridmgmt.exports.wording import line_words, total_words


def scorecard_texts(header: Mapping[str, Any], document: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """What a page shows of a scorecard besides its exact numbers.

    Parameters
    ----------
    header
        The assessment's header.
    document
        The subject's document, of the same assessment.
    """
    return {
        "total": total_words(document)[lang],
        "grade": grade_words(header, document["grade"])[lang],
        "level": level_words(header, document["subject"]["level"])[lang],
        "ranks": {scope: rank_words(place)[lang] for scope, place in document["rank"].items()},
        "lines": {line["item"]: line_words(line)[lang] for line in document["lines"]},
        "comparisons": [comparison_words(document, name)[lang] for name in COMPARISONS],
        "figures": [
            {
                "name": row.name,
                "title": row.title[lang],
                "now": row.now.text(lang),
                "compared": [_compared(x, lang) for x in row.compared],
            }
            for row in indicator_rows(document)
        ],
    }


def _compared(compared: Compared, lang: str) -> dict[str, Any]:
    return {"then": compared.then.text(lang), "change": compared.change.text(lang), "trend": compared.trend}
