"""Commands on results: rank, consequences, publish, recompute, appeals, corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.assessing.operations.appeals import Difference
    from gridmgmt.assessing.operations.publishing import Ledger
    from gridmgmt.assessing.operations.recomputing import Recomputed
    from gridmgmt.assessing.operations.scoring import Made
    from gridmgmt.scorecards.documents import Document, Header

_MOST_DIFFERENCES = 20

app = typer.Typer()
appeal = group(app, "appeal")


@command(app, "rank")
def rank(run: State, assessment: str, *, level: str | None = None) -> View:
    """The ranking of an assessment, best first; equal totals share a rank, without a total there is none."""
    from gridmgmt.assessing.operations import scoring

    stored, documents, _ = scoring.read(run.work, assessment, level)
    ordered = sorted(documents, key=_place)
    head = {"assessment": stored.name, "sha256": stored.sha256, "complete": stored.complete}
    states = ["published" if stored.published_at else "not_published"] + ["provisional_ranks"] * (not stored.complete)
    title = " · ".join([stored.name, *run.words(states)])
    heads = run.words(("level", "rank", "code", "name", "total", "grade", "consequences"))
    table = Table(heads, (_row(run, stored.header, d) for d in ordered), right=(1, 4), title=title)
    return View({**head, "subjects": [_ranked(d) for d in ordered]}, [table])


def _place(document: Document) -> tuple[int, int, str]:
    return document.subject.level_number, document.place or 1 << 30, document.subject.code


def _ranked(document: Document) -> dict[str, Any]:
    keys = ("subject", "status", "total", "grade", "rank", "consequences", "missing", "chance")
    return {k: getattr(document, k) for k in keys}


def _row(run: State, header: Header, document: Document) -> list[Any]:
    from gridmgmt.scorecards.exports.cards import level_words

    subject, grade = document.subject, header.rulebook.grade(document.grade)
    total = document.written_total or run.word(_why_none(document))
    reached = "; ".join(c.title[run.lang] + (" ?" if c.undecided else "") for c in document.consequences)
    return [
        level_words(header, subject.level)[run.lang], document.place or "–", subject.code,
        subject.name[run.lang], total, grade.title[run.lang] if grade else "–", reached,
    ]  # fmt: skip


def _why_none(document: Document) -> str:
    if document.status == "incomplete":
        return "incomplete" if document.is_open else "card_too_little"
    return "no_data"


@command(app, "consequences")
def consequences(run: State, rulebook: str, *, year: int, subject: str | None = None) -> View:
    """The year's ledger: who reached which consequence when, and by which periods; money that is decided."""
    from gridmgmt.assessing.operations import publishing
    from gridmgmt.periods import YEARS

    if year not in YEARS:
        raise OptionInvalid(name="--year", value=str(year), expected=f"{YEARS[0]}–{YEARS[-1]}")
    found = publishing.ledger(run.work, rulebook, year).of(subject)
    data = {"rulebook": found.book.id, "year": year, **found.plain}
    return View(data, _ledger(run, found, year, data["money"]))


def _ledger(run: State, found: Ledger, year: int, sums: Mapping[str, str]) -> Shown:
    from gridmgmt.numbers import exact

    rows = []
    for r in found.reached:
        consequence = found.book.consequence(r.consequence)
        title = consequence.title[run.lang] if consequence else r.consequence
        if consequence and r.prize is not None:
            title = consequence.prizes[r.prize].title[run.lang]
        stored = found.assessments[r.period]
        rows.append([
            r.period, r.subject, found.names.get(r.subject, {}).get(run.lang, ""), title, ", ".join(r.because),
            exact(r.money) if r.money is not None else "", run.word(f"undecided_{r.undecided}") if r.undecided else "",
            stored.name + (" ✓" if stored.published_at else ""),
        ])  # fmt: skip
    heads = ("period", "code", "name", "consequence", "by_periods", "money", "to_decide", "assessment")
    yield Table(run.words(heads), rows, right=(5,), title=f"{found.book.title[run.lang]} · {year}")
    if not rows:
        yield run.word("no_consequences", {"year": year})
    for code, money in sorted(sums.items()):
        name = found.names.get(code, {}).get(run.lang, code)
        yield run.word("money_decided", {"name": name, "code": code, "money": money})


@command(app, "publish")
def publish(run: State, assessment: str, *, by: str) -> View:
    """Freeze an assessment: later data does not move it. An incomplete one is refused."""
    from gridmgmt.assessing.operations import publishing

    stored = publishing.publish(run.work.but(actor=by), assessment)
    facts = {"name": stored.name, "by": stored.published_by, "sha256": stored.sha256}
    data = {"assessment": stored.name, "sha256": stored.sha256, "published_at": stored.published_at,
            "published_by": stored.published_by}  # fmt: skip
    return View(data, run.says("assessment_is_published", facts))


@command(app, "recompute")
def recompute(run: State, assessment: str) -> View:
    """Compute an assessment again from its frozen inputs and rules, and hold it against all that is stored of it."""
    from gridmgmt.assessing.operations import recomputing

    found = recomputing.recompute(run.work, assessment)
    return View(found.plain, _recomputed(run, found), failed=not found.is_same)


def _recomputed(run: State, found: Recomputed) -> Shown:
    if found.is_older:
        yield run.word("recomputed_older", {"name": found.name, "schema": found.schema})
    same = "recomputed_same_numbers" if found.is_older else "recomputed_same"
    code = same if found.is_same else "recomputed_differs"
    yield run.word(code, {"name": found.name, "sha256": found.sha256, "n": len(found.differences)})
    for d in found.differences[:_MOST_DIFFERENCES]:
        yield "  " + run.word(f"differs_{d.code}", asdict(d))
    if len(found.differences) > _MOST_DIFFERENCES:
        yield "  …"


@command(app, "correct")
def correct(run: State, assessment: str) -> View:
    """A corrected assessment after granted appeals: the facts stay, exemptions lie over them; shows the difference.

    It holds once it is published itself.
    """
    from gridmgmt.assessing.operations import appeals

    made, differences = appeals.correct(run.work, assessment)
    return View(appeals.correction_json(made, differences), _corrected(run, made, differences))


def _corrected(run: State, made: Made, differences: Sequence[Difference]) -> Shown:
    yield run.word("assessment_made" if made.is_new else "assessment_same", {"name": made.name, "sha256": made.sha256})
    book = made.header.rulebook
    grades = {g.id: g.title[run.lang] for g in book.grades}
    follows = {name: c.title[run.lang] for name, c in book.consequences.items()}
    rows = [
        [d.subject.code, d.subject.name[run.lang],
         *map(_arrow, (_rounded(d.total), d.rank, [g and grades.get(g, g) for g in d.grade])),
         ", ".join([*(f"+{follows.get(c, c)}" for c in d.appeared), *(f"−{follows.get(c, c)}" for c in d.vanished)]),
         "; ".join(f"{title[run.lang]} {_arrow((before, after))}" for title, before, after in d.lines)]
        for d in differences
    ]  # fmt: skip
    yield Table(run.words(("code", "name", "total", "rank", "grade", "consequences", "items")), rows)


def _rounded(pair: Sequence[str | None]) -> list[str | None]:
    """Exact totals as people read them; the JSON output has them exactly."""
    from gridmgmt.files.wording import readable

    return [None if total is None else readable(total) for total in pair]


def _arrow(pair: Sequence[Any]) -> str:
    before, after = ("–" if x is None else str(x) for x in pair)
    return before if before == after else f"{before} → {after}"


@command(appeal, "open")
def appeal_open(
    run: State,
    assessment: str,
    subject: str,
    *,
    case: str | None = None,
    sample: str | None = None,
    step: str | None = None,
    entry: str | None = None,
    reason: str,
    by: str,
) -> Shown:
    """Open an appeal on one case (with its steps), sample, step or entry of a published assessment; one for each.

    The numbers are those that `gridmgmt explain` shows; quote them, since a shell reads `#` and `!`.
    """
    from gridmgmt.assessing.operations import appeals

    options = {"case": case, "sample": sample, "step": step, "entry": entry}
    given = [(kind, no) for kind, no in options.items() if no]
    if len(given) != 1:
        raise OptionInvalid(name="--case", value=str(len(given)), expected=" | ".join(f"--{k}" for k in options))
    kind, fact_no = given[0]
    number = appeals.open_appeal(run.work.but(actor=by), assessment, subject, kind, fact_no, reason)
    yield run.word("appeal_opened", {"number": number, "fact": fact_no})


@command(appeal, "decide")
def appeal_decide(
    run: State,
    number: int,
    *,
    grant: Annotated[bool | None, typer.Option("--grant/--reject")] = None,
    reason: str,
    by: str,
) -> Shown:
    """Decide an appeal; a granted one takes effect by `gridmgmt correct`."""
    from gridmgmt.assessing.operations import appeals

    if grant is None:
        raise OptionInvalid(name="--grant", value="", expected="--grant / --reject")
    found = appeals.decide_appeal(run.work.but(actor=by), number, granted=grant, decision=reason)
    yield run.word(f"appeal_{found['state']}", {"number": number, "assessment": found["assessment"]})


@command(appeal, "list")
def appeal_list(run: State, assessment: str | None = None) -> View:
    """Appeals, newest first, with their decisions."""
    from gridmgmt.assessing.operations import appeals

    found = appeals.list_appeals(run.work, assessment)
    shown = {
        "id": "number", "assessment": "assessment", "subject_code": "code", "kind": "kind", "fact_no": "fact",
        "reason": "reason", "opened_by": "by", "state": "state", "decision": "decision", "decided_by": "by",
    }  # fmt: skip
    rows = ([_appeal_cell(run, name, a[name]) for name in shown] for a in found)
    return View(found, [Table(run.words(shown.values()), rows)])


def _appeal_cell(run: State, name: str, value: Any) -> Any:
    return run.word(f"appeal_{name}_{value}") if name in ("kind", "state") else value
