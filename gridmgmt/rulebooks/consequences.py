"""Consequences (结果运用): who reached which, in which period, and through which periods.

Nothing is decided by name: where several share a place that brings money or a
prize, where one rank brings praise and blame together, or where somebody's total
is still missing, it stands as undecided and is left to a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gridmgmt.documents import holds
from gridmgmt.periods import Period
from gridmgmt.rulebooks.dossier import Dossier, Record
from gridmgmt.rulebooks.model import Consequence, Measured, Rulebook, When, Window
from gridmgmt.rulebooks.results import Context, Node, Outcome
from gridmgmt.rulebooks.run import Run, rank
from gridmgmt.rulebooks.values import Event, once_per_case


@dataclass(frozen=True)
class Reached:
    """One consequence that a subject reached.

    Attributes
    ----------
    period
        The period that brought it; ``because`` all periods that count, with it.
    money
        Yuan; None where none is stated.
    prize
        Which prize of a quota.
    undecided
        Why a person must decide: ``tie``, ``clash`` (the same rank brings praise and blame), or
        ``incomplete`` (a total is missing); None: decided.
    count
        The count or run that was reached, of a window.
    """

    consequence: str
    subject: str
    period: str
    because: tuple[str, ...]
    money: Fraction | None = None
    prize: int | None = None
    undecided: str | None = None
    count: int | None = None


def consequences(made: Run, dossier: Dossier, label: str | None = None) -> list[Reached]:
    """The ledger of a run (or of one period of it), by period, then in the rulebook's order, then by subject."""
    out: list[Reached] = []
    for consequence in made.book.consequences:
        periods = [p for p in made.periods if _stage(made, p) == consequence.stage]
        if label is not None and consequence.window is None:  # only a window looks back on others
            periods = [p for p in periods if p.label == label]
        of_whom = _of_prizes if consequence.prizes else _of_subjects
        out += [r for r in of_whom(made, dossier, consequence, periods) if label in (None, r.period)]
    order = {p.label: i for i, p in enumerate(made.periods)}
    place = {c.id: i for i, c in enumerate(made.book.consequences)}
    return _held_back(made.book, sorted(out, key=lambda r: (order[r.period], place[r.consequence], r.subject)))


def _held_back(book: Rulebook, ledger: Sequence[Reached]) -> list[Reached]:
    """The same, with praise and blame that one rank of one period brings held back for a person (自相矛盾).

    Where many share a place, the last may be among the first two. What the first or last place brings stands.
    """
    tones: dict[tuple[str, str], set[str | None]] = {}
    for r in ledger:
        tones.setdefault((r.period, r.subject), set()).add(_tone_by_rank(book, r))
    clashing = {where for where, found in tones.items() if "praise" in found and found & {"warning", "penalty"}}
    return [
        replace(r, undecided="clash") if (r.period, r.subject) in clashing and _may_clash(book, r) else r
        for r in ledger
    ]


def _tone_by_rank(book: Rulebook, reached: Reached) -> str | None:
    """The tone of a consequence that ranks decide."""
    found = book.consequence(reached.consequence)
    return found.tone if found is not None and (found.when.is_by_rank or found.prizes) else None


def _may_clash(book: Rulebook, reached: Reached) -> bool:
    """Whether it is decided so far, and by a place among several."""
    found = book.consequence(reached.consequence)
    if found is None or found.when.first or found.when.last or reached.undecided is not None:
        return False
    return _tone_by_rank(book, reached) not in (None, "notice")


def _stage(made: Run, period: Period) -> str | None:
    return next((o.stage for o in made.outcomes.get(period.label, {}).values()), None)


def _of_subjects(made: Run, dossier: Dossier, consequence: Consequence, periods: Sequence[Period]) -> list[Reached]:
    out = []
    for code in sorted({c for p in periods for c in made.outcomes[p.label]}):
        rated = [(p, made.outcomes[p.label][code]) for p in periods if code in made.outcomes[p.label]]
        held = [(p, o) for p, o in rated if _is_rated(dossier, consequence, o)]
        seen: dict[str, set[str]] = {}
        marks = [
            (p, o, _measure(made.book, dossier, consequence, o, seen.setdefault(p.label[:4], set()))) for p, o in held
        ]
        for period, outcome, because, count in _fired(consequence.window, marks):
            undecided = _undecided(made, consequence, outcome, because, [o for p, o in rated if p <= period])
            out.append(Reached(consequence.id, code, period.label, because, consequence.money, None, undecided, count))
    return out


def _is_rated(dossier: Dossier, consequence: Consequence, outcome: Outcome) -> bool:
    """Whether a rating was held: a period without one neither breaks nor extends a run."""
    if consequence.window is not None and consequence.window.sum_of is not None:
        return True
    when = consequence.when
    if when.is_by_rank or when.grade or any(m.item is None and m.input is None for m in when.measured):
        record = dossier.periods[outcome.period].get(outcome.subject, Record())
        return outcome.is_rated or (record.given is not None and record.given.is_rating)
    return True


def _measure(book: Rulebook, dossier: Dossier, consequence: Consequence, outcome: Outcome, seen: set[str]) -> int:
    """0 or 1 for the condition; or how much of the window's input there is, where it holds.

    ``seen``: cases of earlier periods of the year, which are added to; a case that was there already counts no more.
    """
    if not _holds(book, dossier, consequence.when, outcome):
        return 0
    window = consequence.window
    if window is None or window.sum_of is None:
        return 1
    context = Context(book, outcome.values)
    if window.distinct:
        new = [f for f in once_per_case(context.findings(window.sum_of) or ()) if f.case is None or f.case not in seen]
        seen |= {f.case for f in new if f.case is not None}
        return sum(f.n for f in new)
    return int(context.number(window.sum_of) or 0)


def _fired(
    window: Window | None, marks: Sequence[tuple[Period, Outcome, int]]
) -> list[tuple[Period, Outcome, tuple[str, ...], int | None]]:
    """The periods that bring the consequence, each with the periods that count and their number."""
    if window is None:
        return [(p, o, (p.label,), None) for p, o, n in marks if n]
    out: list[tuple[Period, Outcome, tuple[str, ...], int | None]] = []
    count, because, year = 0, list[str](), ""
    for period, outcome, n in marks:
        new_year = period.label[:4] != year
        year = period.label[:4]
        in_year = window.kind == "cumulative" or not window.across_years
        if (new_year and in_year) or (window.kind == "consecutive" and not n):
            count, because = 0, []
        if not n:
            continue
        before, count = count, count + n
        because.append(period.label)
        if count >= window.reaches and (window.fires == "each" or before < window.reaches):
            out.append((period, outcome, tuple(because), count))
    return out


def _undecided(
    made: Run, consequence: Consequence, outcome: Outcome, because: Sequence[str], own: Sequence[Outcome]
) -> str | None:
    """Why a person must decide: a rank in a period that counts, or a run through an open period, is not yet sure."""
    window, by_rank = consequence.window, consequence.when.is_by_rank
    if by_rank and not made.awaiting.isdisjoint(because):
        return "incomplete"
    if window is not None and window.kind == "consecutive":
        first = next(i for i, o in enumerate(own) if o.period == because[0])
        if any(o.awaited for o in own[first:]):
            return "incomplete"
    return "tie" if by_rank and consequence.money is not None and outcome.tied > 1 else None


def _holds(book: Rulebook, dossier: Dossier, when: When, outcome: Outcome) -> bool:
    place = outcome.rank
    subject = dossier.subjects.get(outcome.subject)
    return (
        (not when.first or outcome.is_first)
        and (not when.last or outcome.is_last)
        and (when.rank_at_most is None or _within(place, when.rank_at_most, outcome.is_first))
        and (when.bottom is None or _within(outcome.from_bottom, when.bottom, outcome.is_last))
        and (when.not_top is None or place is None or place > when.not_top)
        and (not when.grade or outcome.grade in when.grade)
        and (not when.group or (subject is not None and subject.group in when.group))
        and all(_measured(book, m, outcome) for m in when.measured)
    )


def _within(place: int | None, n: int, leads: bool) -> bool:
    """Among the first n from one end; nobody is, if all totals are equal (place 1, and yet not the first)."""
    return place is not None and place <= n and (place > 1 or leads)


def _measured(book: Rulebook, measured: Measured, outcome: Outcome) -> bool:
    value: Fraction | None
    if measured.item is not None:
        node = outcome.node(measured.item)
        value = _mark(node) if node else None
    elif measured.input is not None:
        value = _amount(Context(book, outcome.values), measured)
    else:
        value = outcome.total
    return value is not None and holds(value, measured.test, measured.limit)


def _mark(node: Node) -> Fraction | None:
    """The figure an item is judged by: exposed issues of hanging accounts, a carry-over's own value, else its value."""
    found = node.marks.get("exposed", node.marks.get("own", node.value))
    return found if isinstance(found, Fraction) else None


def _amount(context: Context, measured: Measured) -> Fraction | None:
    if measured.code is None:
        return context.number(measured.input or "")
    events = context.listed(measured.input or "", Event) or ()
    return Fraction(sum(e.n for e in events if e.code == measured.code))


def _of_prizes(made: Run, dossier: Dossier, consequence: Consequence, periods: Sequence[Period]) -> list[Reached]:
    """A quota of prizes by rank among those for whom the condition holds; prizes without a candidate stay unused.

    Who shares a total with somebody for whom there is another prize, or none, is undecided.
    """
    out: list[Reached] = []
    for period in periods:
        outcomes = made.outcomes[period.label]
        eligible = {c: o.total for c, o in outcomes.items() if _holds(made.book, dossier, consequence.when, o)}
        places = [i for i, prize in enumerate(consequence.prizes) for _ in range(prize.n)]
        is_open = period.label in made.awaiting
        for code, (place, tied) in rank(eligible).items():
            own = places[place - 1 : place - 1 + tied]
            if not own:
                continue
            clear = len(own) == tied and len(set(own)) == 1
            undecided = "incomplete" if is_open else None if clear else "tie"
            money = consequence.prizes[own[0]].money if clear else None
            out.append(
                Reached(
                    consequence.id, code, period.label, (period.label,), money, own[0] if clear else None, undecided
                )
            )
    return out


def total_money(ledger: Sequence[Reached]) -> Mapping[str, Fraction]:
    """Subject → the money that is decided."""
    out: dict[str, Fraction] = {}
    for entry in ledger:
        if entry.money is not None and entry.undecided is None:
            out[entry.subject] = out.get(entry.subject, Fraction(0)) + entry.money
    return out
