"""One scorecard as rows (考评表): what the workbook and the page both show, in figures that know their unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gridmgmt.documents import plain
from gridmgmt.figures.counts import COUNTS, KNOWN_BY
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import indicator_words
from gridmgmt.files.wording import Figure, Words, group_words, joined, listed, readable, same, words
from gridmgmt.numbers import exact
from gridmgmt.scorecards.documents import (
    CardHeader,
    Comparison,
    Counts,
    Document,
    Grade,
    Header,
    Judged,
    Place,
    Refusal,
    TopItem,
)

COMPARISONS = ("previous", "year_ago")
"""环比 and 同比, in the order of the columns."""


@dataclass(frozen=True)
class Card:
    """All that a scorecard file is made from.

    Attributes
    ----------
    header
        The assessment's header.
    document
        The subject's document, as :func:`gridmgmt.scorecards.assessment.assess` makes it.
    sketch
        Its small map as SVG, None where the grid has no outline.
    picture
        The same map as PNG, for workbooks.
    n_spots
        How many cases the map shows, by which count; None without a map.
    """

    header: CardHeader
    document: Document
    sketch: str | None
    n_spots: tuple[str, int] | None = None
    picture: bytes | None = None


@dataclass(frozen=True)
class Compared:
    """An earlier period's figure and how the present one differs; ``trend`` better, worse or None."""

    then: Figure
    change: Figure
    trend: str | None


@dataclass(frozen=True)
class Row:
    """One indicator: this period's figure, its parts if it is a rate, and the earlier periods'."""

    name: str
    title: Words
    now: Figure
    parts: tuple[Figure, Figure] | None
    compared: tuple[Compared, ...]

    @property
    def figures(self) -> list[Figure]:
        """This period's figure, then each earlier period's with its change."""
        return [self.now, *(f for c in self.compared for f in (c.then, c.change))]


def indicator_rows(header: Header, document: Document) -> list[Row]:
    """A scorecard's indicator table: rates first, then the counts that are listed."""
    rates = [n for n in RATIOS if n in document.indicators]
    counts = [n for n, count in COUNTS.items() if count.is_listed and n in document.counts]
    return [indicator_row(header, document, n) for n in [*rates, *counts]]


def indicator_row(header: Header, document: Document, name: str) -> Row:
    """One rate or count of a document with its comparisons (环比、同比)."""
    now = figure(document, name)
    if name in COUNTS and _is_unheard_of(header, name):
        now = Figure(None, "count")
    value = document.indicators.get(name)
    parts = None
    if value:
        unit = "per_km2" if RATIOS[name].unit == "per_km2" else "count"
        parts = (Figure(Fraction(value.numerator), "count"), Figure(Fraction(value.denominator), unit))
    earlier = [document.comparisons.get(c) for c in COMPARISONS]
    return Row(name, indicator_words(name), now, parts, tuple(_compare(name, now, figure(e, name)) for e in earlier))


def known_counts(header: Header, document: Document) -> Counts:
    """The counts of a document without those that are no data: nobody could have told them."""
    return {
        n: v
        for n, v in document.counts.items()
        if figure(document, n).value is not None and not _is_unheard_of(header, n)
    }


def _is_unheard_of(header: Header, name: str) -> bool:
    """Whether a count is of steps or acts, and no step or act of the period was known at all."""
    of = COUNTS[name].of
    proof = header.evidence.get(of)
    return of in ("steps", "acts") and proof is not None and proof.n == 0


def figure(values: Document | Comparison | None, name: str) -> Figure:
    """A rate or count out of ``counts`` and ``indicators``; None where there is no data."""
    if name in RATIOS:
        found = values.indicators.get(name) if values and values.indicators else None
        value = (found.value or found.shown) if found else None
        return Figure(Fraction(value) if value is not None else None, RATIOS[name].unit)
    counts: Counts = (values.counts if values else None) or {}
    known, of = KNOWN_BY.get(name, (name, name))
    if name not in counts or (not counts.get(known) and counts.get(of)):
        return Figure(None, "count")
    return Figure(Fraction(counts[name]), "count")


def _compare(name: str, now: Figure, then: Figure) -> Compared:
    unit = {"percent": "pp", "count": "relative"}.get(now.unit, "difference")
    if now.value is None or then.value is None or (unit == "relative" and not then.value):
        return Compared(then, Figure(None, unit), None)
    difference = now.value - then.value
    better = RATIOS[name].better if name in RATIOS else None
    trend = None
    if better and difference:
        trend = "better" if (difference > 0) == (better == "high") else "worse"
    scaled = difference / then.value if unit == "relative" else difference * (100 if unit == "pp" else 1)
    return Compared(then, Figure(scaled, unit), trend)


def comparison_words(document: Document, name: str) -> Words:
    """The heading of an earlier period's column, with the period."""
    found = document.comparisons.get(name)
    period, other = (found.period, found.edition) if found else ("", None)
    if other is None or other == document.subject.edition:
        return words(f"card_{name}", period=period)
    return words(f"card_{name}_other_edition", period=period, edition=other)


def comparison_heads(document: Document) -> list[tuple[Words, Words]]:
    """The headings of the columns of each earlier period: its figure, the change since."""
    return [(comparison_words(document, name), words(f"card_{name}_change")) for name in COMPARISONS]


def rank_words(rank: Place | None) -> Words:
    """``第 3 名，共 40 个``; a subject without a total has no rank."""
    if rank is None:
        return words("card_empty_rank")
    return words("card_rank_tied" if rank.tied > 1 else "card_rank_of", **plain(rank))


def total_figure(document: Document) -> Figure:
    """A scorecard's total, or why there is none: no data, inputs to come, or a rulebook without a total."""
    total = document.total
    code = {"incomplete": "card_open", "unscored": "card_unscored"}.get(document.status, "card_no_data")
    if document.status == "incomplete" and not document.is_open:
        code = "card_too_little"
    return Figure(Fraction(total.exact) if total else None, "points", code)


def total_words_short(document: Document, lang: str | None = None) -> str:
    """The total as it is written, near a grade's bound or another total with more digits; else why there is none."""
    return document.written_total or total_figure(document).text(lang)


def grade_label(header: Judged, grade: str) -> Words:
    """What a grade is called in short: its letter where it has one, else its name."""
    found = header.rulebook.grade(grade)
    return short_grade(found) if found else same(grade)


def short_grade(grade: Grade) -> Words:
    """A grade's letter where it has one, else its name."""
    return same(grade.id) if grade.id.isupper() else grade.title


def grade_words(header: Judged, grade: str | None) -> Words:
    """A grade's letter and name, ``A 优秀``; its name alone where its id is none for readers."""
    if grade is None:
        return words("card_no_grade")
    found = header.rulebook.grade(grade)
    if found is None:
        return same(grade)
    return {lang: f"{grade} {title}" if grade.isupper() else title for lang, title in found.title.items()}


def level_words(header: Header, key: str | None) -> Words:
    """A grid level's name in the city's words; of one who is no grid, what it is (单位, 人员)."""
    if key in ("unit", "person"):
        return words(f"card_level_{key}")
    return next((x.name for x in header.levels if x.key == key), same(key))


def parent_words(header: CardHeader, document: Document) -> Words | None:
    """The name of the grid one level up or of the group, else the code; None at the top."""
    parent = document.subject.parent
    if parent is None or parent in header.parents:
        return header.parents.get(parent or "")
    return group_words(parent) if parent == document.subject.group else same(parent)


def ranked(documents: Sequence[Document]) -> list[Document]:
    """Best first, equal ones by code; those without a total last."""

    def place(document: Document) -> tuple[bool, int, str]:
        return document.place is None, document.place or 0, document.subject.code

    return sorted(documents, key=place)


def read_instant(text: str) -> str:
    """An instant of a document, which is in city time, as people read it: ``2026-01-01 00:00``.

    >>> read_instant("2026-01-01T00:00:00+08:00"), read_instant("2025-12-31T23:59:59.999999+08:00")
    ('2026-01-01 00:00', '2025-12-31 23:59:59')
    """
    day, _, clock = text.partition("T")
    return f"{day} {clock[:8].removesuffix(':00')}"


def basis(header: CardHeader) -> list[tuple[Words, Words]]:
    """How an assessment was computed: what was read, by which rules, with which proofs; label and value."""
    book = header.rulebook
    rows = [
        (words("card_city"), header.city.name),
        (words("card_assessment"), same(header.name)),
        (words("card_period"), words("card_period_value", **plain(header.period))),
        (words("card_as_of"), same(read_instant(header.as_of))),
        (words("card_edition"), same(header.edition)),
        (words("card_datum"), same(header.datum)),
        (words("card_rulebook"), book.title),
        (words("card_stage"), book.stage.title),
        (words("card_issuer"), book.issuer),
        (words("card_rulebook_id"), same(f"{book.id} v{book.version}")),
        (words("card_empty"), words(f"card_empty_{book.empty.option}", reason=book.empty.reason)),
        (words("card_items"), listed([_item(i) for i in book.items])),
    ]
    if book.grades:
        rows.append((words("card_grades"), listed([_bound(header, g) for g in book.grades])))
    if book.stage.least_share not in (None, "0"):
        least = readable(exact(Fraction(book.stage.least_share or 0) * 100))
        rows.append((words("card_least_share"), words("card_least_share_value", least=least)))
    if header.absent:
        rows.append((words("card_absent"), absent_words(header)))
    if not header.complete:
        rows.append((words("card_incomplete"), words("card_incomplete_value", n=header.n_missing)))
    rows += [(words("card_refusal"), refusal_words(r)) for r in header.refusals]
    return rows + _earlier(header) + _proofs(header, same(book.sha256), same(header.sha256))


def absent_words(header: Header) -> Words:
    """That a period has no fact of a kind that the rulebook reads: said before any number that rests on it."""
    return words("card_absent_value", kinds=joined([words(f"card_facts_{kind}") for kind in header.absent]))


def notes(header: Header, n_too_little: int) -> list[Words]:
    """What is to be read before a level's results: facts that the period lacks, and how many have no total for it."""
    out = [absent_words(header)] if header.absent else []
    if n_too_little:
        least = readable(exact(Fraction(header.rulebook.stage.least_share or 0) * 100))
        out.append(words("card_n_too_little", n=n_too_little, least=least))
    return out


def _item(item: TopItem) -> Words:
    if item.points is None:
        return item.title
    return words("card_item_value", title=item.title, points=readable(item.points))


def _bound(header: Judged, grade: Grade) -> Words:
    """A grade with its bound; the last one may take the rest, and one given by people has none."""
    title = grade_words(header, grade.id)
    if grade.at_least is not None:
        return words("card_grade_value", title=title, at_least=readable(grade.at_least))
    is_rest = any(g.at_least is not None for g in header.rulebook.grades)
    return words("card_grade_rest", title=title) if is_rest else title


def refusal_words(refusal: Refusal) -> Words:
    """A quota that was exceeded (超出名额): nobody of the group was given the choice."""
    group, subjects = group_words(refusal.group) if refusal.group else "—", "、".join(refusal.subjects)
    return words(
        "card_refusal_value", title=refusal.title, group=group, at_most=refusal.at_most,
        n=len(refusal.subjects), subjects=subjects,
    )  # fmt: skip


def _earlier(header: Header) -> list[tuple[Words, Words]]:
    """The earlier periods whose results were used, each by its assessment and its hash."""
    return [
        (words("card_earlier", period=period), same(f"{found.assessment} · SHA-256 {found.sha256}"))
        for period, found in sorted(header.earlier.items())
    ]


def readings(header: Judged) -> list[tuple[Words, Words]]:
    """How the rulebook's open points are read (对未明确之处的理解): the question, and the reading with its reason."""
    return [
        (r.text, words("card_reading_value", value=_option(r.value), reason=r.reason))
        for _, r in sorted(header.rulebook.readings.items())
    ]


def _option(value: object) -> Words:
    if isinstance(value, bool):
        return words("card_yes" if value else "card_no")
    return same(value)


def _readable(counts: Counts) -> Counts:
    """A document's counts for people: parts of roads rounded."""
    return {name: readable(n) if isinstance(n, str) else n for name, n in counts.items()}


def _proofs(header: Header, rulebook_hash: Words, assessment_hash: Words) -> list[tuple[Words, Words]]:
    keys = [x.key for x in header.levels if x.key in header.unassigned]
    rows = [
        (
            words("card_unassigned", level=level_words(header, key)),
            words("card_unassigned_value", **_readable(header.unassigned[key])),
        )
        for key in keys
    ]
    notes = [*(["conservation"] if keys else []), "exactness", "comparison", "chance"]
    rows += [(words(f"card_{x}"), words(f"card_{x}_note")) for x in notes]
    rows += [
        (words(f"card_evidence_{kind}"), words("card_evidence_value", **plain(proof)))
        for kind, proof in sorted(header.evidence.items())
    ]
    return [*rows, (words("card_rulebook_hash"), rulebook_hash), (words("card_assessment_hash"), assessment_hash)]
