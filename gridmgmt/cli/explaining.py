"""The command explain (得分追溯): from a score down to its rules, case numbers, entries and periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import State, View, command

if TYPE_CHECKING:
    from gridmgmt.assessing.operations.explaining import Explained
    from gridmgmt.files.wording import Words
    from gridmgmt.scorecards.documents import Document, Header
    from gridmgmt.scorecards.exports.lines import ScoreLine

app = typer.Typer()


@command(app, "explain")
def explain(
    run: State,
    assessment: str,
    subject: str,
    item: str | None = None,
    *,
    level: str | None = None,
    lang: str | None = None,
) -> View:
    """Why a subject has its points: rule, numerator, denominator, the case numbers, entries and periods behind each."""
    from gridmgmt.assessing.operations import explaining

    run.speak(lang)
    found = explaining.explain(run.work, assessment, subject, item, level)
    return View(_plain(found), _told(run, found, item))


def _told(run: State, found: Explained, item: str | None) -> Iterator[str]:
    from gridmgmt.scorecards.exports import results
    from gridmgmt.scorecards.exports.lines import score_lines, shown_lines

    yield f"{found.assessment} · {found.subject.code} {found.subject.name[run.lang]}"
    for source in found.stale:
        yield f"  {run.word('result_stale_through' if 'through' in source else 'result_stale', source)}"
    if item is None:
        yield from _card(run, found.header, found.document)
    elif found.line is not None:
        lines = (score_lines(found.header, found.document), shown_lines(found.header, found.document))
        yield from _tree(run, next(branch for x in lines if (branch := _branch(x, found.line.item))))
    else:
        yield f"  {results.why_words(found.header, found.document, item)[run.lang]}"
    yield from _behind(run, found)


def _plain(found: Explained) -> dict[str, Any]:
    from gridmgmt.scorecards.exports import results

    periods = [
        {"period": p, "assessment": a, "total": d.total, "grade": d.grade, "rank": d.rank.level}
        for p, a, d in results.grounds(found.header, found.periods)
    ]
    return {
        "assessment": found.assessment, "sha256": found.sha256, "subject": found.subject, "line": found.line,
        "consequence": found.consequence, "total": found.document.total, "evidence": found.evidence,
        "entries": found.entries or {}, "periods": periods,
        "repeats": {name: [asdict(r) for r in rows] for name, rows in found.repeats.items()},
        "parts": found.parts, "stale": list(found.stale),
        "results": {
            name: [{"taken": b.taken, "why": _plain(b.why)} for b in borrowed]
            for name, borrowed in found.results.items()
        },
    }  # fmt: skip


def _card(run: State, header: Header, document: Document) -> Iterator[str]:
    """The whole score: its tree, the total, what follows, what is missing, and how much may be chance."""
    from gridmgmt.files import wording
    from gridmgmt.scorecards.exports import results
    from gridmgmt.scorecards.exports.cards import total_words_short
    from gridmgmt.scorecards.exports.lines import score_lines, shown_lines, total_words

    yield from _tree(run, score_lines(header, document))
    total = f"{total_words_short(document, run.lang)} · {total_words(document)[run.lang]}"
    yield f"  {run.word('total')}: {total}"
    beside = shown_lines(header, document)
    if beside:
        yield f"  {wording.label('card_beside', run.lang)}"
        yield from _tree(run, beside, 1)
    for reached in results.consequences(document):
        tone = wording.label(f"card_tone_{reached.tone}", run.lang)
        yield f"  [{tone}] {reached.title[run.lang]} · {reached.why[run.lang]}"
    notes: list[tuple[str, Words | None]] = [
        (results.missing_title(document), {lang: f"{period} {titles[lang]}" for lang in titles})
        for period, titles in results.missing(document)
    ]
    notes += [("card_refusal", text) for text in results.refused(header, document)]
    notes += [("card_chance", results.chance_words(document)), ("card_exempted", results.exempted(document))]
    for code, text in notes:
        if text is not None:
            yield f"  {wording.label(code, run.lang)}: {text[run.lang]}"


def _tree(run: State, lines: Sequence[ScoreLine], depth: int = 0) -> Iterator[str]:
    """Lines set in by their depth: what each gained or costs, of how much, and why."""
    from gridmgmt.files import wording

    for line in lines:
        title = f"{line.code} {line.title[run.lang]}" if line.code else line.title[run.lang]
        most = wording.label("card_weight", run.lang, weight=wording.shown_short(line.weight)) if line.weight else ""
        if line.maximum is not None and not line.weight:
            most = f"/ {wording.shown_short(line.maximum)}"
        parts = [f"{line.points.text(run.lang)} {most}".strip(), line.reason[run.lang]]
        parts += [line.chance[run.lang]] if line.chance else []
        yield f"{'  ' * (1 + depth + line.depth)}{title}: {' · '.join(parts)}"


def _branch(lines: Sequence[ScoreLine], item: str) -> list[ScoreLine]:
    """A line with those below it, set back to the left."""
    place = next((i for i, x in enumerate(lines) if x.item == item), None)
    if place is None:
        return []
    top = lines[place].depth
    below = takewhile(lambda x: x.depth > top, lines[place + 1 :])
    return [replace(x, depth=x.depth - top) for x in (lines[place], *below)]


def _results(run: State, found: Explained) -> Iterator[str]:
    """The results of other assessments that inputs were made of, each with what it rests on."""
    from gridmgmt.files import wording
    from gridmgmt.scorecards.exports import results

    for name, borrowed in found.results.items():
        yield f"{results.known_words(found.header, name)[run.lang]} ({name}):"
        for b in borrowed:
            told = {
                **b.taken.model_dump(),
                "item": b.taken.item or "",
                "value": wording.shown_short(Fraction(b.taken.value)),
            }
            yield f"  {run.word(f'result_taken_{b.taken.take}', told)}"
            yield from (f"    {line}" for line in _told(run, b.why, b.taken.item))


def _behind(run: State, found: Explained) -> Iterator[str]:
    """The results, periods, entries and fact numbers behind what was asked for."""
    from gridmgmt.files import wording
    from gridmgmt.scorecards.exports import results
    from gridmgmt.scorecards.exports.cards import grade_label, rank_words, total_words_short

    yield from _results(run, found)
    for period, name, document in results.grounds(found.header, found.periods):
        grade = grade_label(found.header, document.grade)[run.lang] if document.grade else "–"
        rank = rank_words(document.rank.level)[run.lang]
        yield f"  {period}: {total_words_short(document, run.lang)} · {grade} · {rank} ({name})"
    titles = results.record_titles(found.document)
    for name, records in (found.entries or {}).items():
        yield f"{results.known_words(found.header, name)[run.lang]} ({name}): {len(records):,}"
        for record in records:
            entry = f" [{record['entry']}]" if record.get("entry") else ""
            yield f"  {results.record_words(record, titles)[run.lang]}{entry}"
    exempted = found.document.exempted
    for name, numbers in found.evidence.items():
        counted = [x for x in numbers if x not in exempted]
        yield f"{results.known_words(found.header, name)[run.lang]} ({name}): {len(counted):,}"
        for start in range(0, len(counted), 8):
            yield "  " + " ".join(counted[start : start + 8])
        if parts := [f"{x} {wording.percent(found.parts[x])}" for x in counted if x in found.parts]:
            yield f"  {wording.label('card_by_length', run.lang)}: {' · '.join(parts)}"
        for repeat in found.repeats.get(name, ()):
            yield f"  {run.word('repeat_because', asdict(repeat))}"
        if len(counted) < len(numbers):
            left_out = " ".join(x for x in numbers if x in exempted)
            yield f"  {wording.label('card_exempted', run.lang)}: {left_out}"
