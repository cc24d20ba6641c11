"""Results of a dossier in words (试算结果): every subject's score tree with its reasons, without a database."""

from collections.abc import Iterator, Sequence
from typing import Any

from gridmgmt.documents import plain
from gridmgmt.files.wording import Words, joined, same, shown_short, words
from gridmgmt.rulebooks.dossier import Dossier, Subject
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.wording import concat
from gridmgmt.scorecards.assessment import Assessment, assess
from gridmgmt.scorecards.documents import Book, Document, Evaluated, Facts, Missing, Place
from gridmgmt.scorecards.documents import Subject as Assessed
from gridmgmt.scorecards.exports.lines import ScoreLine, score_lines, shown_lines, total_words
from gridmgmt.scorecards.exports.results import consequences, missing_title


def evaluated(loaded: Loaded, dossier: Dossier) -> list[Assessment[Evaluated]]:
    """Every period of a dossier, in order, assessed as ``score`` would from the database."""
    facts = {code: Facts(subject=_subject(s)) for code, s in dossier.subjects.items()}
    return [assess(loaded, dossier, p.label, Evaluated, {"period": p.label}, facts) for p in dossier.ordered()]


def _subject(subject: Subject) -> Assessed:
    return Assessed(code=subject.code, name=dict(subject.name), level=subject.level, group=subject.group)


def evaluation_json(assessments: Sequence[Assessment[Evaluated]]) -> list[dict[str, Any]]:
    """The same documents that an assessment holds, one entry a period."""
    return [{**plain(a.header), "subjects": [plain(s) for s in a.subjects]} for a in assessments]


def evaluation_text(assessments: Sequence[Assessment[Evaluated]], lang: str) -> str:
    """The results as lines of text in one language."""
    lines = [line for a in assessments for line in _period(a)]
    return "\n".join("  " * depth + text[lang] for depth, text in lines)


Lines = Iterator[tuple[int, Words]]


def _period(assessment: Assessment[Evaluated]) -> Lines:
    header = assessment.header
    stage = header.rulebook.stage.title
    yield 0, concat(same(header.period), stage, zh=" · ", en=" · ")
    for refusal in header.refusals:
        facts = {"title": refusal.title, "subjects": refusal.subjects, "n": refusal.at_most}
        yield 1, words("outcome_refused", **facts)
    for document in assessment.subjects:
        yield from _document(header, document)


def _document(header: Evaluated, document: Document) -> Lines:
    yield 1, _result(header.rulebook, document)
    for line in [*score_lines(header, document), *shown_lines(header, document)]:
        yield 2 + line.depth, _line(line)
    if document.missing:
        lacking = joined([_missing(m) for m in document.missing])
        yield 2, words("outcome_missing", title=words(missing_title(document)), inputs=lacking)
    for told in consequences(document):
        yield 2, words("outcome_reached", title=told.title, why=told.why)


def _result(book: Book, document: Document) -> Words:
    """Name, total, grade, rank and the total's reason."""
    subject, total, place = document.subject, document.written_total, document.rank.level
    code, grade = subject.code, document.grade
    name = subject.name if subject.name["zh"] == code else concat(same(f"{code} "), subject.name)
    found = book.grade(grade)
    return concat(
        words("outcome_total", name=name, total=total) if total else words("outcome_no_total", name=name),
        words("outcome_grade", grade=found.title if found else same(grade)) if grade is not None else None,
        _rank(place, is_given=document.status == "given") if place is not None else None,
        words("outcome_reason", reason=total_words(document)),
    )


def _rank(place: Place, *, is_given: bool) -> Words:
    """The rank among how many; one that was handed in may be among others than these."""
    code = "outcome_rank_given" if is_given else "outcome_tied" if place.tied > 1 else "outcome_rank"
    return words(code, **plain(place))


def _line(line: ScoreLine) -> Words:
    """One item or rule: title, points of its maximum, weight, reason."""
    title = concat(same(f"{line.code} " if line.code else ""), line.title)
    points: Words = {lang: f" {line.points.text(lang)}" for lang in title}
    most = same(f" / {shown_short(line.maximum)}") if line.maximum is not None else None
    weight = words("show_weight", weight=shown_short(line.weight)) if line.weight is not None else None
    return words("outcome_line", title=concat(title, points, most, weight), reason=line.reason)


def _missing(missing: Missing) -> Words:
    return concat(missing.title, same(f" ({missing.period} {missing.input})"))
