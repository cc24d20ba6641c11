"""Chance in a result (名次波动): intervals of rates and ranks, so that a grid of three cases is not shamed by them.

Each subject's facts are drawn again with replacement (重抽样), entered values
stay as they are, and every draw is scored in floats as the engine would
(:mod:`gridmgmt.rulebooks.rescoring`). No official score comes from here or is changed by it.
The levels, and what counts as a small number, are project conventions.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridmgmt.files import wording
from gridmgmt.files.wording import Words
from gridmgmt.numbers import shown
from gridmgmt.rulebooks.dossier import Subject
from gridmgmt.rulebooks.inputs import Input, Rate
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.rates import rate_parts
from gridmgmt.rulebooks.resampling import Table, draw, interval, ranked, table_of
from gridmgmt.rulebooks.rescoring import NEAR, OK, Array, Batch, rate_of
from gridmgmt.rulebooks.results import Context, Node, Outcome, titles
from gridmgmt.scorecards.documents import Bounds, Chance, Interval
from gridmgmt.scorecards.documents import Reason as Told

_RANK_LEVEL = 0.90
_RATE_LEVEL = 0.95

_SMALL = 30
"""A rate of fewer than so many is marked as a small sample (样本量小), and where all its cases are alike, as such."""

_THIRDS = ("top", "middle", "bottom")

_CHUNK = 128
"""Subjects computed together: their arrays stay small."""

_SAME = 1e-6
"""How far the undisturbed draw may lie from the official number: floats, not other data."""


@dataclass(frozen=True)
class Patterns:
    """A subject's facts (cases and samples), alike ones together: what each adds to which inputs.

    Attributes
    ----------
    amounts
        Input → what one fact of each pattern adds to it, shape (n_patterns,).
    counts
        How many facts have the pattern.
    strata
        What is drawn among itself (cases, samples), a number a pattern, so that
        no draw turns samples into cases; None: all facts together.
    """

    amounts: Mapping[str, NDArray[Any]]
    counts: NDArray[Any]
    strata: NDArray[Any] | None = None


@lru_cache(1 << 16)
def wilson(n_yes: int, n: int, level: float = _RATE_LEVEL) -> tuple[float, float] | None:
    """The Wilson score interval of a yes/no rate (威尔逊区间), as shares of 0–1; None without any case.

    Source: E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", JASA 22 (1927), 209–212; without continuity correction.
    """
    if n == 0:
        return None
    z, p = _quantile(level), n_yes / n
    centre = p + z * z / (2 * n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    whole = 1 + z * z / n
    low = 0.0 if n_yes == 0 else (centre - half) / whole
    return low, 1.0 if n_yes == n else (centre + half) / whole


@cache
def _quantile(level: float) -> float:
    """How many standard deviations hold that share, on both sides."""
    return NormalDist().inv_cdf((1 + level) / 2)


def chance(
    book: Rulebook,
    stage: Stage,
    outcomes: Mapping[str, Outcome],
    subjects: Mapping[str, Subject],
    patterns: Mapping[str, Patterns],
    *,
    seed_text: str,
    draws: int = 1000,
) -> Mapping[str, Chance]:
    """Intervals of one period's rates and ranks (名次区间), by subject, ready for JSON.

    ``rank`` holds at least 90 % of the draws, and the official rank itself.
    ``grade_share`` and ``third_share`` are the draws in which the subject keeps
    its grade and its third of the ranks; a draw without a total keeps neither.
    Where there is no interval ``reason`` says why. Three cases that are all
    alike give no other draw: the rate's own interval is then what to go by, and
    a note says so. A subject's draws depend on
    the seed, its code and its patterns, not on who else is assessed.

    Parameters
    ----------
    outcomes, subjects
        Of the period, as the run gave them; results handed in are ranked with, unchanged.
    patterns
        Facts of each subject; a subject without any has nothing that chance could move.
    seed_text
        What the draws are repeatable by: the rulebook's id and the period.
    """
    seed = hashlib.sha256(seed_text.encode()).digest()[:8].hex()
    work = _Work(book, stage, outcomes, subjects, patterns, seed, draws)
    totals = {code: np.full(1, float(o.total)) for code, o in outcomes.items() if o.total is not None}
    rates: dict[str, dict[str, Interval]] = {}
    for codes in _chunks(sorted(outcomes)):
        batch = work.batch(codes)
        totals |= work.totals(codes, batch)
        rates |= work.rates(codes, batch)
    places = _places(stage, outcomes, subjects, totals, draws)
    return {
        code: Chance(
            seed=seed, draws=draws, level=_text(_RANK_LEVEL, 2), **work.placed(outcome, places.get(code)),
            rates=rates[code], notes=work.notes(code, rates[code]),
        )
        for code, outcome in outcomes.items()
    }  # fmt: skip


def _chunks(codes: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(codes), _CHUNK):
        yield codes[start : start + _CHUNK]


def _text(value: float, places: int = 4) -> str:
    return shown(Fraction(float(value)), places)


class _Work:
    """One run's draws: what is drawn for whom, what it scores, and why somebody has no interval."""

    def __init__(
        self,
        book: Rulebook,
        stage: Stage,
        outcomes: Mapping[str, Outcome],
        subjects: Mapping[str, Subject],
        patterns: Mapping[str, Patterns],
        seed: str,
        draws: int,
    ) -> None:
        self.book, self.stage, self.outcomes, self.seed, self.draws = book, stage, outcomes, seed, draws
        used = {n for _, part in stage.score.walk() for n in part.inputs(book)} if stage.score else set()
        self.scored_by = tuple(sorted(used))
        self.names = tuple(sorted(used | {n for rate in book.rates.values() for n in rate.inputs}))
        self.contexts = {
            code: Context(book, o.values, subjects[code].role if code in subjects else None)
            for code, o in outcomes.items()
        }
        tables = {
            code: table_of(p.amounts, p.counts, p.strata, self.names)
            for code, p in patterns.items()
            if code in outcomes
        }
        self.reasons = {c: r for c, t in tables.items() if (r := self._differs(c, t)) is not None}
        self.tables = {c: t for c, t in tables.items() if c not in self.reasons}
        drawn = {n for p in patterns.values() for n in p.amounts} | {n for n, s in book.inputs.items() if _is_fact(s)}
        without = stage.score.unsupported(book, frozenset(drawn)) if stage.score else None
        for code, outcome in outcomes.items():
            if outcome.status != "scored" or outcome.root is None:
                self.reasons[code] = Told(code="chance_no_total", facts={})
            elif without is not None:
                self.reasons[code] = Told(code="chance_unsupported", facts={"item": dict(without.title)})

    def _differs(self, code: str, table: Table) -> Told | None:
        """The facts must add up to the inputs that were scored; entered instead of counted ones do not."""
        wrong = []
        for name, total in zip(table.names, table.sums, strict=True):
            value = self.contexts[code].number(name)
            if value is None or abs(float(value) - total) > _SAME * max(1.0, abs(total)):
                wrong.append(name)
        return Told(code="chance_differs", facts={"inputs": titles(self.book, wrong)}) if wrong else None

    def batch(self, codes: Sequence[str]) -> Batch:
        """The inputs of some subjects, column 0 undisturbed, then the draws."""
        again = {n for c in codes if c in self.tables for n in self.tables[c].names}
        inputs, resampled = {}, {}
        for name in self.names:
            numbers = [self.contexts[c].number(name) for c in codes]
            column = np.array([[np.nan if x is None else float(x)] for x in numbers])
            inputs[name] = np.repeat(column, self.draws + 1, axis=1) if name in again else column
            if name in again:
                resampled[name] = np.array([[c in self.tables and name in self.tables[c].names] for c in codes])
        places = [k for k, code in enumerate(codes) if code in self.tables]
        for place in places:
            table = self.tables[codes[place]]
            for name, values in zip(table.names, draw(table, self.seed, codes[place], self.draws).T, strict=True):
                inputs[name][place, 1:] = values
        return Batch(self.book, inputs, resampled)

    def totals(self, codes: Sequence[str], batch: Batch) -> dict[str, Array]:
        """Totals of those whose facts were drawn again, undisturbed first; NaN where a draw has none."""
        rows = [k for k, c in enumerate(codes) if c in self.tables and c not in self.reasons]
        nodes = [root for k in rows if (root := self.outcomes[codes[k]].root) is not None]
        if not nodes or self.stage.score is None:
            return {}
        drawn = self.stage.score.redraw(nodes, batch.rows(rows))
        values = np.where(drawn.status == OK, drawn.value, np.nan)
        return {codes[k]: v for k, v, n in zip(rows, values, nodes, strict=True) if self._is_same(codes[k], v, n)}

    def _is_same(self, code: str, values: Array, node: Node) -> bool:
        """Whether the undisturbed draw is the official total; otherwise nothing is said about chance."""
        official = float(node.value or 0)
        same = bool(abs(values[0] - official) <= _SAME * max(1.0, abs(official)))
        if not same:
            self.reasons[code] = Told(code="chance_not_reproduced", facts={})
        return same

    def rates(self, codes: Sequence[str], batch: Batch) -> dict[str, dict[str, Interval]]:
        """Every rate's interval: Wilson's where cases say yes or no, else that of the draws."""
        out: dict[str, dict[str, Interval]] = {code: {} for code in codes}
        for name, rate in self.book.rates.items():
            every = {c: p for c in codes if (p := rate_parts(rate, self.contexts[c])) is not None and p[1] > 0}
            yes_or_no = _of_yes_or_no(rate, every)
            if len(yes_or_no) == len(every):
                drawn = {}
            else:
                values, empty = rate_of(rate, batch)
                low, high = interval(np.where(empty, np.nan, values)[:, -self.draws :], _RATE_LEVEL)
                drawn = dict(zip(codes, zip(low.tolist(), high.tolist(), strict=True), strict=True))
            for code, parts in every.items():
                if code in yes_or_no:
                    found = _yes_no_interval(int(parts[0]), int(parts[1]), rate.unit)
                else:
                    found = self._rate(rate, code, parts, drawn)
                if found is not None:
                    out[code][name] = found
        return out

    def _rate(
        self, rate: Rate, code: str, parts: tuple[Fraction, Fraction], drawn: Mapping[str, tuple[float, float]]
    ) -> Interval | None:
        table = self.tables.get(code)
        if table is None or set(rate.inputs).isdisjoint(table.names) or np.isnan(drawn[code][0]):
            return None
        return _interval(parts, drawn[code], "bootstrap", rate.unit)

    def placed(self, outcome: Outcome, places: "_Places | None") -> dict[str, Any]:
        """The rank's interval and how often grade and third are kept; or the reason why not."""
        reason = self.reasons.get(outcome.subject)
        if reason is not None or places is None:
            return {"rank": None, "grade_share": None, "third": None, "third_share": None, "reason": reason}
        graded = self.stage.grades and self.stage.grade_entered is None
        return {
            "rank": Bounds(low=places.low, high=places.high),
            "grade_share": _text(places.grade_share, 3) if graded else None,
            "third": None if places.third is None else _THIRDS[places.third],
            "third_share": None if places.third is None else _text(places.third_share, 3),
            "reason": None,
        }

    def notes(self, code: str, rates: Mapping[str, Interval]) -> list[Told]:
        """What a reader must know beside it: small samples, cases all alike, counts that were not drawn again."""
        held = [] if code in self.reasons else [n for n in self.scored_by if self._is_held(code, n)]
        found = {
            "chance_small": {"rates": _titles([self.book.rates[n] for n, r in rates.items() if r.small])},
            "chance_alike": {"rates": _titles([self.book.rates[n] for n, r in rates.items() if r.alike])},
            "chance_held": {"inputs": titles(self.book, held)},
        }
        return [
            Told(code=note, facts=dict(facts)) for note, facts in found.items() if any(f["zh"] for f in facts.values())
        ]

    def _is_held(self, code: str, name: str) -> bool:
        """Whether an input was counted from facts, but is no sum over them that could be drawn again."""
        spec, table = self.book.inputs[name], self.tables.get(code)
        is_drawn = table is not None and name in table.names
        return _is_fact(spec) and spec.entered is None and not is_drawn and bool(self.contexts[code].number(name))


@lru_cache(1 << 16)
def _yes_no_interval(n_yes: int, n: int, unit: str) -> Interval | None:
    """Wilson's interval as it is written: many have the same few cases."""
    found = wilson(n_yes, n)
    return found and _interval((Fraction(n_yes), Fraction(n)), found, "wilson", unit)


def _interval(
    parts: tuple[Fraction, Fraction], found: tuple[float, float], method: Literal["wilson", "bootstrap"], unit: str
) -> Interval:
    return Interval(
        n=shown(parts[1], 0 if parts[1].denominator == 1 else 2),
        low=_text(found[0]), high=_text(found[1]), level=_text(_RATE_LEVEL, 2),
        method=method, unit=unit, small=parts[1] < _SMALL,
        alike=method == "wilson" and parts[1] < _SMALL and parts[0] in (0, parts[1]),
    )  # fmt: skip


def _of_yes_or_no(rate: Rate, every: Mapping[str, tuple[Fraction, Fraction]]) -> set[str]:
    """The subjects of whose cases behind a rate each says yes or no."""
    whole = ((c, p[0].numerator, p[1].numerator) for c, p in every.items() if p[0].denominator == p[1].denominator == 1)
    return {c for c, n_yes, n in whole if 0 <= n_yes <= n} if rate.is_yes_no else set()


def _is_fact(spec: Input) -> bool:
    automatic = spec.automatic
    return automatic is not None and (automatic.count is not None or automatic.sample_mean)


def _titles(rates: Sequence[Rate]) -> dict[str, str]:
    return wording.joined([r.title for r in rates])


# --- ranks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Places:
    low: int
    high: int
    grade_share: float
    third: int | None
    third_share: float


def _places(
    stage: Stage,
    outcomes: Mapping[str, Outcome],
    subjects: Mapping[str, Subject],
    totals: Mapping[str, Array],
    draws: int,
) -> dict[str, _Places]:
    """Ranks in every draw among those of one level (and group, where the stage ranks by group)."""
    by_group = stage.ranking is not None and stage.ranking.among == "group"
    scopes: dict[tuple[Any, Any], list[str]] = {}
    for code in totals:
        subject = subjects.get(code)
        scope = (subject.level if subject else None, subject.group if subject and by_group else None)
        scopes.setdefault(scope, []).append(code)
    out: dict[str, _Places] = {}
    for codes in scopes.values():
        matrix = np.array([np.broadcast_to(totals[c], draws + 1) for c in codes])
        out |= _placed(stage, codes, matrix, outcomes)
    return out


def _placed(stage: Stage, codes: Sequence[str], totals: Array, outcomes: Mapping[str, Outcome]) -> dict[str, _Places]:
    ranks = ranked(totals)
    low, high = interval(ranks[:, 1:], _RANK_LEVEL)
    bounds = [float(g.at_least) for g in stage.grades if g.at_least is not None]
    with np.errstate(invalid="ignore"):
        grades = sum(((totals < b - NEAR) for b in bounds), np.zeros(totals.shape))
        grades = np.where(np.isnan(totals), np.nan, grades)
        thirds = np.floor((ranks - 1) * len(_THIRDS) / (~np.isnan(totals)).sum(axis=0) + NEAR)
    kept_grade, kept_third = ((x[:, 1:] == x[:, :1]).mean(axis=1) for x in (grades, thirds))
    out = {}
    for place, code in enumerate(codes):
        rank = outcomes[code].rank or int(ranks[place, 0])
        out[code] = _Places(
            int(np.fmin(low[place], rank)), int(np.fmax(high[place], rank)), float(kept_grade[place]),
            int(thirds[place, 0]) if len(codes) >= len(_THIRDS) else None, float(kept_third[place]),
        )  # fmt: skip
    return out


# --- words ------------------------------------------------------------------------------------------------------------


def words(found: Chance, n_ranked: int) -> Words:
    """One subject's result as a sentence for its scorecard, in both languages; of one alone no rank could vary."""
    parts = [_told(found.reason)] if found.reason is not None else []
    if found.rank is not None:
        varies = n_ranked > 1
        parts += [_rank_words(found, found.rank)] if varies else []
        grade, third = _percent(found.grade_share), _percent(found.third_share) if varies else None
        if grade is not None:
            parts.append(wording.words("chance_kept_grade", grade=grade))
        elif third is not None:
            parts.append(wording.words("chance_kept_third", third=third))
    return wording.listed([*parts, *map(_told, found.notes)])


def _rank_words(found: Chance, rank: Bounds) -> Words:
    code = "chance_rank_one" if rank.low == rank.high else "chance_rank"
    return wording.words(code, level=_percent(found.level), low=rank.low, high=rank.high)


def _told(reason: Told) -> Words:
    return wording.words(reason.code, **reason.facts)


def _percent(share: str | None) -> str | None:
    """Whole percent; 0 and 100 only where it is so."""
    if share is None:
        return None
    value = Fraction(share)
    return shown(value * 100, 0) if value in (0, 1) else shown(min(max(value * 100, Fraction(1)), Fraction(99)), 0)


def rate_words(rate: Interval) -> Words:
    """One rate's interval for its line: ``95% 置信区间 59.6%–98.2%（n = 10，样本量小）``."""
    scale, sign = (100, "%") if rate.unit == "percent" else (1, "")
    low, high = (shown(Fraction(x) * scale, 1) + sign for x in (rate.low, rate.high))
    code = "chance_rate_small" if rate.small else "chance_rate"
    return wording.words(code, level=_percent(rate.level), low=low, high=high, n=rate.n)
