"""A scorecard as one self-contained page (考评页): prints on A4, asks nothing of any network."""

from markupsafe import Markup, escape

from gridmgmt.figures.names import indicator_words
from gridmgmt.files.wording import Figure, Words, languages, shown_short, words
from gridmgmt.scorecards.exports import cards, lines, results
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.folding import MOST, folded
from gridmgmt.scorecards.exports.lines import ScoreLine, total_words
from gridmgmt.scorecards.exports.rendering import fill


def page(card: Card, lang: str | None = None) -> str:
    """One subject's scorecard as HTML: total, ranks, consequences, what is missing, score tree, how it was computed.

    Parameters
    ----------
    lang
        ``zh`` or ``en``; None: both, Chinese first.

    Returns
    -------
    str
        A whole document; every text from a city is escaped, and nothing is loaded.
    """
    header, document = card.header, card.document
    return fill(
        "card.html",
        lang,
        header=header,
        document=document,
        text=lambda text: markup(text, lang),
        label=lambda code, **facts: markup(words(code, **facts), lang),
        figure=lambda figure: show(figure, lang),
        as_of=cards.read_instant(header.as_of),
        sketch=Markup(card.sketch) if card.sketch else None,
        map_note=_map_note(card),
        absent=cards.absent_words(header) if header.absent else None,
        level=cards.level_words(header, document.subject.level),
        parent=cards.parent_words(header, document),
        grade=cards.grade_words(header, document.grade),
        total=cards.total_figure(document),
        ranks=results.ranks(header, document),
        consequences=results.consequences(document),
        refused=results.refused(header, document),
        missing=results.missing(document),
        missing_title=results.missing_title(document),
        chance=results.chance_words(document),
        exempted=results.exempted(document),
        lines=folded(lines.score_lines(header, document)),
        beside=folded(lines.shown_lines(header, document)),
        most_rows=MOST,
        most=_most,
        total_reason=total_words(document),
        rows=cards.indicator_rows(header, document),
        comparisons=cards.comparison_heads(document),
        inputs=results.input_rows(header, document),
        readings=cards.readings(header),
        basis=cards.basis(header),
    )


def markup(text: Words, lang: str | None) -> Markup:
    """A text in its language's element; of both languages the second is set smaller, once where they are the same."""
    first, *second = languages(lang)
    if second and text["zh"] == text["en"]:
        return escape(text["zh"])
    shown = Markup('<span lang="{}">{}</span>').format(first, text[first])
    return shown + Markup("").join(
        Markup(' <span lang="{}" class="beside">{}</span>').format(x, text[x]) for x in second
    )


def show(figure: Figure, lang: str | None) -> Markup:
    """A figure; a missing one is set apart."""
    if figure.value is None and not figure.is_change:
        return Markup('<span class="missing">{}</span>').format(markup(words(figure.without), lang))
    return escape(figure.text(lang))


def _most(line: ScoreLine) -> Words | None:
    """What stands beside a line's points: its maximum or its weight; None without either."""
    if line.weight is not None:
        return words("card_weight", weight=shown_short(line.weight))
    return words("card_of", maximum=shown_short(line.maximum)) if line.maximum is not None else None


def _map_note(card: Card) -> Words | None:
    if card.document.subject.kind != "grid":
        return None
    if card.sketch is None:
        return words("card_map_none")
    if card.n_spots is None:
        return None
    count, n = card.n_spots
    return words("card_map_note", count=indicator_words(count), n=f"{n:,}")
