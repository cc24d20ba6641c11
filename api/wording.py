"""A scorecard said in one language: its reasons, ranks, and figures beside those of earlier periods."""

from collections.abc import Sequence
from typing import Any

from gridmgmt.files.wording import Words, shown_short, words
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.scorecards.exports import cards, results
from gridmgmt.scorecards.exports.cards import Compared
from gridmgmt.scorecards.exports.folding import folded
from gridmgmt.scorecards.exports.lines import ScoreLine, score_lines, shown_lines, total_words


def scorecard_texts(header: Header, document: Document, lang: str) -> dict[str, Any]:
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
        "shown_total": cards.total_words_short(document, lang),
        "grade": cards.grade_words(header, document.grade)[lang],
        "level": cards.level_words(header, document.subject.level)[lang],
        "ranks": [{"name": x.name[lang], "rank": x.told[lang], "of": x.of} for x in results.ranks(header, document)],
        "lines": _lines(score_lines(header, document), lang),
        "shown": _lines(shown_lines(header, document), lang),
        "consequences": [
            {"tone": c.tone, "title": c.title[lang], "why": c.why[lang], "consequence": raw.consequence}
            for c, raw in zip(results.consequences(document), document.consequences, strict=True)
        ],
        "refused": [x[lang] for x in results.refused(header, document)],
        "missing_title": words(results.missing_title(document))[lang],
        "missing": [{"period": period, "inputs": titles[lang]} for period, titles in results.missing(document)],
        "chance": _maybe(results.chance_words(document), lang),
        "exempted": _maybe(results.exempted(document), lang),
        "comparisons": [cards.comparison_words(document, name)[lang] for name in cards.COMPARISONS],
        "figures": [
            {
                "name": row.name,
                "title": row.title[lang],
                "now": row.now.text(lang),
                "compared": [_compared(x, lang) for x in row.compared],
            }
            for row in cards.indicator_rows(header, document)
        ],
    }


def _lines(lines: Sequence[ScoreLine], lang: str) -> list[dict[str, Any]]:
    """The lines, those of long lists worst first; of a fold the first line tells how many rows it holds."""
    return [
        {
            **_line(line, lang),
            "is_more": part.n_more > 0,
            "n_more": part.n_more or None if line is part.lines[0] else None,
        }
        for part in folded(lines)
        for line in part.lines
    ]


def _line(line: ScoreLine, lang: str) -> dict[str, Any]:
    return {
        "item": line.item, "code": line.code, "title": line.title[lang], "depth": line.depth, "is_rule": line.is_rule,
        "points": line.points.text(lang), "has_points": line.points.value is not None, "share": line.share,
        "maximum": shown_short(line.maximum) if line.maximum is not None else None,
        "weight": shown_short(line.weight) if line.weight is not None else None,
        "reason": line.reason[lang], "chance": _maybe(line.chance, lang),
    }  # fmt: skip


def _maybe(text: Words | None, lang: str) -> str | None:
    return text[lang] if text is not None else None


def _compared(compared: Compared, lang: str) -> dict[str, Any]:
    return {"then": compared.then.text(lang), "change": compared.change.text(lang), "trend": compared.trend}
