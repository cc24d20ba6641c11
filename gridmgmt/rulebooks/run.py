"""A whole rulebook over a dossier (整套考核): every subject in every period, then ranks; shorter periods first.

Values of one subject can depend on another only through ranks, quotas and the
charge to superiors; on another period only through sums over periods and the
carry-over.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks.alike import Alike
from gridmgmt.rulebooks.check import rating_inputs
from gridmgmt.rulebooks.dossier import Dossier, Given, Record, assessed, is_signed, stage_of, values_of
from gridmgmt.rulebooks.inputs import LISTED, Input
from gridmgmt.rulebooks.kept import Kept
from gridmgmt.rulebooks.kinds.carry import Carry
from gridmgmt.rulebooks.model import Grade, Rulebook, Stage
from gridmgmt.rulebooks.records import SIGNED
from gridmgmt.rulebooks.results import NOTHING, TOO_LITTLE, Context, Node, Outcome, Reason, flat, numbers, titles
from gridmgmt.rulebooks.values import Value


@dataclass(frozen=True)
class Refusal:
    """A choice that was not accepted, because more subjects of the group were given it than the quota allows."""

    period: str
    group: str | None
    quota: str
    subjects: tuple[str, ...]
    at_most: int


@dataclass(frozen=True)
class Run:
    """Outcomes by period label and subject; the periods in order; what was refused."""

    book: Rulebook
    outcomes: Mapping[str, Mapping[str, Outcome]]
    periods: tuple[Period, ...]
    refusals: tuple[Refusal, ...]

    @cached_property
    def awaiting(self) -> frozenset[str]:
        """The labels of the periods in which somebody's rating is still to come."""
        return frozenset(label for label, found in self.outcomes.items() if any(o.awaited for o in found.values()))


def run(book: Rulebook, dossier: Dossier, kept: Kept | None = None, alike: Alike | None = None) -> Run:
    """Evaluate all periods of a dossier.

    Parameters
    ----------
    kept
        Results that were handed in and ranked before.
    alike
        What was worked out before for subjects with the same values.
    """
    alike = alike or Alike()
    outcomes: dict[str, Mapping[str, Outcome]] = {}
    periods = dossier.ordered()
    refusals: list[Refusal] = []
    for period in periods:
        stage = stage_of(book, period)
        if stage is None:  # read_dossier refuses such a period
            continue
        if kept is not None and (before := kept.outcomes(dossier, period.label)) is not None:
            outcomes[period.label] = before
            continue
        values = {code: values_of(dossier, period.label, code) for code in assessed(dossier, period.label)}
        refused = _refuse(book, dossier, period, values)
        refusals += refused
        made = _period(book, dossier, stage, period, values, outcomes, alike)
        given = _given(dossier, period.label)
        outcomes[period.label] = _awaited(
            book, stage, _ranked(stage, dossier, made, given), given, dossier.periods[period.label]
        )
        if kept is not None and not refused:
            kept.keep_outcomes(dossier, period.label, outcomes[period.label])
    return Run(book, outcomes, tuple(periods), tuple(refusals))


def _given(dossier: Dossier, label: str) -> Mapping[str, Given]:
    return {c: r.given for c, r in dossier.periods[label].items() if r.given is not None}


def _period(
    book: Rulebook,
    dossier: Dossier,
    stage: Stage,
    period: Period,
    values: Mapping[str, Mapping[str, Value]],
    done: Mapping[str, Mapping[str, Outcome]],
    alike: Alike,
) -> dict[str, Outcome]:
    given = _given(dossier, period.label)
    contexts = {}
    for code in (c for c in values if c not in given):
        subject = dossier.subjects[code]
        contexts[code] = Context(
            book, values[code], subject.role, subject.attributes, _within(book, period, code, done),
            signed=is_signed(dossier, period.label, code), told_by=_told_by(dossier.periods[period.label].get(code)),
            alike=alike, **_carried(stage, period, _before(stage, code, done)),
        )  # fmt: skip
    made = {code: _outcome(stage, period, code, c) for code, c in contexts.items()}
    for code, (charged, waits) in _charges(stage, dossier, made).items():
        if code in made:
            context = replace(contexts[code], charged=charged, waits=(*contexts[code].waits, *waits))
            made[code] = _outcome(stage, period, code, context)
    return {**made, **{code: _as_given(stage, period, code, g, values[code]) for code, g in given.items()}}


def _told_by(record: Record | None) -> dict[str, Fraction | None]:
    """The inputs that nobody entered but that were taken from elsewhere → of how many samples they are the mean."""
    if record is None:
        return {}
    sampled = {name: Fraction(n) for name, n in record.sampled.items()}
    return {**{name: None for name, source in record.sources.items() if source == "result"}, **sampled}


def _within(
    book: Rulebook, period: Period, code: str, done: Mapping[str, Mapping[str, Outcome]]
) -> dict[str, list[Outcome]]:
    """A subject's outcomes of shorter periods within this one, by stage, in order."""
    out: dict[str, list[Outcome]] = {}
    for by_subject in done.values():
        outcome = by_subject.get(code)
        if outcome is not None and outcome.period != period.label and _lies_within(outcome, period):
            out.setdefault(outcome.stage, []).append(outcome)
    return out


_period_of = lru_cache(1_000)(parse_period)


def _lies_within(outcome: Outcome, period: Period) -> bool:
    inner = _period_of(outcome.period)
    return period.start <= inner.start and inner.end <= period.end


def _carry(stage: Stage) -> Carry | None:
    return next((item for _, item in stage.items() if isinstance(item, Carry)), None)


def _before(stage: Stage, code: str, done: Mapping[str, Mapping[str, Outcome]]) -> Outcome | None:
    """A subject's outcome of the last period of the stage before, whether or not one without him lies between."""
    own = [by_subject[code] for by_subject in done.values() if code in by_subject]
    return next((o for o in reversed(own) if o.stage == stage.id), None)


def _carried(stage: Stage, period: Period, before: Outcome | None) -> dict[str, Any]:
    """What the period before left to carry in; while that period is incomplete it is not known."""
    carry = _carry(stage)
    is_new_year = before is not None and before.period[:4] != period.label[:4]
    if carry is None or before is None or (is_new_year and not carry.across_years):
        return {}
    return {"carry_in": before.carry_out, "waits": _waits(before)}


def _waits(outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"{label}/{name}" for label, name in outcome.missing) if outcome.total is None else ()


def _charges(
    stage: Stage, dossier: Dossier, made: Mapping[str, Outcome]
) -> dict[str, tuple[Fraction, tuple[str, ...]]]:
    """Superior → the sum of the shortfalls, max(0, −own), of those below, and what is missing to know it.

    Each superior bears the full number; what is charged to him he does not pass on.
    """
    carry = _carry(stage)
    charges: dict[str, tuple[Fraction, tuple[str, ...]]] = {}
    for code, outcome in made.items() if carry is not None and carry.charges else ():
        short = max(NOTHING, -(outcome.own or NOTHING))
        waits = _waits(outcome) if outcome.own is None else ()
        if (short or waits) and code in dossier.subjects:
            for superior in dict.fromkeys(dossier.subjects[code].superiors):
                total, open_ones = charges.get(superior, (NOTHING, ()))
                charges[superior] = (total + short, (*open_ones, *waits))
    return charges


def _outcome(stage: Stage, period: Period, code: str, context: Context) -> Outcome:
    shown = tuple(i.evaluate(context) for i in stage.shown)
    root = stage.score.evaluate(context) if stage.score is not None else None
    missing = [m for n in (root, *shown) if n is not None for m in n.missing]
    grade = _grade_entered(stage, context)
    if stage.grade_entered is not None and grade is None:
        missing.append(stage.grade_entered.input)
    located = tuple(dict.fromkeys(_located(period, _unsigned(context, m)) for m in missing))
    base: dict[str, Any] = {"root": root, "shown": shown, "missing": located, "values": context.values}
    if root is None:
        status: Any = "incomplete" if located else "unscored"
        reason = Reason("total_none") if not located else _incomplete(context, located)
        return Outcome(code, period.label, stage.id, status, None, grade, reason, **base)
    if root.value is not None and root.formed < stage.least_share:
        return Outcome(code, period.label, stage.id, "incomplete", None, None, **{**base, **_too_little(stage, root)})
    carry = next((n for n in flat(root) if n.kind == "carry"), None)
    if carry is not None and "raw" in carry.marks:
        base |= {"own": carry.marks["own"], "carry_out": carry.marks["carry_out"]}
    if root.value is None:
        status = "no_data" if root.status in ("no_data", "not_applicable") else "incomplete"
        reason = root.reason if status == "no_data" else _incomplete(context, located)
        return Outcome(code, period.label, stage.id, status, None, None, reason, **base)
    found = grade_of(stage.grades, root.value)
    return Outcome(
        code, period.label, stage.id, "scored", root.value, grade or (found.id if found else None), root.reason, **base
    )


def _too_little(stage: Stage, root: Node) -> dict[str, Any]:
    """The root and the reason of a total that too small a share of its points would form."""
    reason = Reason(TOO_LITTLE, numbers(formed=root.formed * 100, least=stage.least_share * 100))
    return {"root": replace(root, value=None, status="no_data", reason=reason), "reason": reason}


def _incomplete(context: Context, missing: Sequence[tuple[str, str]]) -> Reason:
    names = [n for n in dict.fromkeys(n for _, n in missing) if n == SIGNED or n in context.book.inputs]
    return Reason("total_incomplete", {"inputs": titles(context.book, names), "n": str(len(missing))})


def _unsigned(context: Context, name: str) -> str:
    """What is to be done about a missing input: where nobody signed, one signature stands for all that is listed."""
    spec = context.book.inputs.get(name)
    listed = spec is not None and spec.type in LISTED and spec.automatic is None
    return SIGNED if listed and not context.signed else name


def _located(period: Period, name: str) -> tuple[str, str]:
    """``input`` of this period, or ``period/input`` of another."""
    label, slash, rest = name.partition("/")
    return (label, rest) if slash else (period.label, name)


def _grade_entered(stage: Stage, context: Context) -> str | None:
    if stage.grade_entered is None:
        return None
    value = context.get(stage.grade_entered.input)
    return value if isinstance(value, str) else None


def _as_given(stage: Stage, period: Period, code: str, given: Given, values: Mapping[str, Value]) -> Outcome:
    found = grade_of(stage.grades, given.total) if given.total is not None else None
    items = tuple(
        Node(name, "given", {"zh": name, "en": name}, value, "ok", Reason("line_given"))
        for name, value in given.items.items()
    )
    return Outcome(
        code, period.label, stage.id, "given", given.total, given.grade or (found.id if found else None),
        Reason("total_given"), shown=items, carry_out=given.carry_out,
        missing=tuple((period.label, name) for name in given.missing), values=values,
    )  # fmt: skip


def grade_of(grades: Sequence[Grade], total: Fraction) -> Grade | None:
    """The first grade whose bound the unrounded total reaches (以上 is inclusive)."""
    return next((g for g in grades if g.at_least is None or total >= g.at_least), None)


def _awaited(
    book: Rulebook,
    stage: Stage,
    made: Mapping[str, Outcome],
    given: Mapping[str, Given],
    records: Mapping[str, Record],
) -> dict[str, Outcome]:
    """Outcomes whose rating is still to come: others are rated in the period, or their own entry has begun.

    Where neither is so, no rating was held (未评定), and nothing is waited for.
    """
    needed = rating_inputs(book, stage)
    rated = {c for c, o in made.items() if o.is_rated} | {c for c, g in given.items() if g.is_rating}
    out = dict(made)
    for code, outcome in made.items():
        lacking = {name for label, name in outcome.missing if label == outcome.period}
        is_open = bool(lacking & {*needed, SIGNED}) if code in given else outcome.is_open
        sources = records[code].sources if code in records else {}
        begun = (n for n in needed - lacking if _is_handed_in(book.inputs[n], sources.get(n, "entries")))
        if is_open and code not in rated and (rated or any(begun)):
            out[code] = replace(outcome, awaited=True)
    return out


def _is_handed_in(spec: Input, source: str) -> bool:
    """Whether an input is there only because people handed it in: not counted or taken, no default, nothing listed."""
    return spec.entered is not None and source == "entries" and spec.default is None and spec.type not in LISTED


# --- ranks ------------------------------------------------------------------------------------------------------------


def rank(totals: Mapping[Any, Fraction | None]) -> dict[Any, tuple[int, int]]:
    """Competition ranks (1, 1, 3), best first: key → (rank, how many share it); none for those without a total."""
    known = {key: v.as_integer_ratio() for key, v in totals.items() if v is not None}  # the same ratio, the same value
    tied = Counter(known.values())
    values = {v.as_integer_ratio(): v for v in totals.values() if v is not None}
    near_order = sorted(values.values(), key=_near, reverse=True)
    first, place = dict[tuple[int, int], int](), 1
    for value in sorted(near_order, reverse=True):
        ratio = value.as_integer_ratio()
        first[ratio], place = place, place + tied[ratio]
    return {key: (first[ratio], tied[ratio]) for key, ratio in known.items()}


def _near(value: Fraction) -> int:
    """In whole parts: never the other way round, and quicker to sort by; what remains to be exchanged is little."""
    return (value.numerator << 64) // value.denominator


def _ranked(
    stage: Stage, dossier: Dossier, made: Mapping[str, Outcome], given: Mapping[str, Given]
) -> dict[str, Outcome]:
    """Outcomes with ranks among those of one level (and group, where it says so); results handed in keep theirs."""
    scopes: dict[tuple[Any, Any], dict[str, Fraction | None]] = {}
    by_group = stage.ranking is not None and stage.ranking.among == "group"
    for code, outcome in made.items():
        subject = dossier.subjects[code]
        scopes.setdefault((subject.level, subject.group if by_group else None), {})[code] = outcome.total
    changes: dict[str, dict[str, Any]] = {code: {} for code in made}
    for totals in scopes.values():
        best = rank(totals)
        n = len(best)
        for code, (place, tied) in best.items():
            last, differ = place + tied - 1, tied < n
            changes[code] = {
                "rank": place, "ranked_of": n, "tied": tied, "from_bottom": n - last + 1,
                "is_first": differ and place == 1, "is_last": differ and last == n,
            }  # fmt: skip
    for code, one in given.items():
        changes[code] |= _as_told(one)
    return {code: _with_shown(replace(o, **changes[code]) if changes[code] else o) for code, o in made.items()}


def _with_shown(outcome: Outcome) -> Outcome:
    """The same with its shown ranks, once everybody is ranked."""
    if not any(node.kind == "rank" for node in outcome.shown):
        return outcome
    return replace(outcome, shown=tuple(_placed(n, outcome) for n in outcome.shown))


def _placed(node: Node, outcome: Outcome) -> Node:
    """A shown rank once everybody is ranked: that of the totals, unless another was published, which says so."""
    if node.kind != "rank" or outcome.rank is None:
        return node
    facts = numbers(rank=outcome.rank, of=outcome.ranked_of)
    if node.value is None:
        return replace(node, value=Fraction(outcome.rank), status="ok", reason=Reason("line_rank", facts))
    if node.value != outcome.rank:
        return replace(node, reason=Reason("line_rank_differs", {**facts, **numbers(told=node.value)}))
    return node


def _as_told(given: Given) -> dict[str, Any]:
    """What a result that was handed in says of its place."""
    changes: dict[str, Any] = {}
    if given.rank is not None:
        changes |= {"rank": given.rank, "is_first": given.rank == 1}
    if given.first is not None:
        changes["is_first"] = given.first
        if given.first and given.rank is None:
            changes["rank"] = 1
    if given.last is not None:
        changes |= {"is_last": given.last} | ({"from_bottom": 1} if given.last else {})
    if given.from_bottom is not None:
        changes["from_bottom"] = given.from_bottom
    if given.tied is not None:
        changes["tied"] = given.tied
    return changes


# --- quotas -----------------------------------------------------------------------------------------------------------


def _refuse(book: Rulebook, dossier: Dossier, period: Period, values: dict[str, dict[str, Value]]) -> list[Refusal]:
    """Take back choices given to more subjects of a group than the quota allows: nobody is picked out."""
    refusals = []
    for quota in book.quotas:
        groups: dict[str | None, list[str]] = {}
        sizes: dict[str | None, int] = {}
        for code, own in values.items():
            group = dossier.subjects[code].group
            sizes[group] = sizes.get(group, 0) + 1
            if own.get(quota.input) == quota.value:
                groups.setdefault(group, []).append(code)
        for group, codes in groups.items():
            if len(codes) > quota.at_most and sizes[group] >= quota.from_size:
                refusals.append(Refusal(period.label, group, quota.id, tuple(codes), quota.at_most))
                for code in codes:
                    del values[code][quota.input]
    return refusals
