"""What if (试算比对): periods that hold, computed again under other rules and compared; nothing is saved."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gridmgmt.assessing.operations.dossiers import build, stage_for
from gridmgmt.assessing.operations.past_results import shorter_periods
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Progress, Work
from gridmgmt.documents import many
from gridmgmt.errors import DossierMissing, PeriodsNotAssessed, RulebooksDiffer
from gridmgmt.periods import Period, period_of, periods_through
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.document import Changes
from gridmgmt.rulebooks.dossier import stage_of
from gridmgmt.rulebooks.load import Loaded, parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.scorecards.whatif import WhatIf, compare


@needs("results.write", whole=True, by_worker=True)
def whatif(
    work: Work,
    rulebook: str,
    first: Period,
    last: Period,
    changes: Changes = (),
    other: str | None = None,
) -> WhatIf:
    """What would move if the rules were others (试算比对), over the assessments that hold; nothing is saved.

    Before is each period's official assessment: the published one, else the
    newest, from its frozen rules and inputs. After are the same inputs under
    the changes, or another rulebook with inputs of its own from the database.
    A year or quarter is computed through its shorter periods.

    Parameters
    ----------
    rulebook
        Id of a rulebook, or its file.
    first, last
        Two named periods of one kind, or one period twice; a year of a
        rulebook that has no stage for years means its months.
    changes
        Paths and values, as ``("closing.points", "40")``; with ``other`` they change that one.
    other
        Id or file of another rulebook.

    Raises
    ------
    RulebookMissing, RulebookInvalid
        The rules are not there; or a change leads nowhere, and what can be set.
    PeriodsNotAssessed
        Names the periods to score first.
    RulebooksDiffer
        One text of rules is compared at a time.
    DossierMissing, DossierInvalid, OptionInvalid
    """
    rulebook_id = rulebooks.load(rulebook).rulebook.id if rulebook.endswith((".yaml", ".yml")) else rulebook
    with work.snapshot() as connection:
        official = store.official(connection, rulebook_id)
        known = _newest(official.values()) or rulebooks.load(rulebook)
        periods = _periods_of(known.rulebook, periods_through(first, last))
        open_ones = [p.label for p in periods if p.label not in official]
        if open_ones:
            raise PeriodsNotAssessed(name=rulebook, periods=open_ones, first=open_ones[0])
        held = [official[p.label] for p in periods]
        before = _text_of(held)
        after = rulebooks.named(other, changes) if other else parse(before.text, held[-1].name, changes)
        work.progress("read", len(held))
        plain = _frozen(connection, held)
        supposed = plain
        if other:
            supposed = _built(connection, after.rulebook, periods_through(first, last), official, work.progress)
    work.progress("compare", len(periods))
    with many():
        return compare(before, after, plain, supposed)


def _periods_of(book: Rulebook, asked: Sequence[Period]) -> list[Period]:
    """The periods asked for, with the shorter ones within them that their values are made of, in order.

    A period that the rulebook has no stage for stands for those of its stages that lie within it.

    Raises
    ------
    OptionInvalid
        Nothing of the rulebook lies within a period.
    """
    found: dict[str, Period] = {}
    waiting = list(asked)
    while waiting:
        period = waiting.pop()
        if period.label in found:
            continue
        if stage_of(book, period) is None:
            waiting += _within(book, period)
            continue
        found[period.label] = period
        waiting += shorter_periods(book, stage_for(book, period), period)
    return sorted(found.values(), key=lambda p: (p.end, (p.end - p.start).days))


def _within(book: Rulebook, period: Period) -> list[Period]:
    """The periods of a rulebook's stages that lie within one that has no stage."""
    ends = [month.last for month in period.months()]
    cadences = [s.cadence for s in book.stages]
    found = {p.label: p for c in cadences for p in (period_of(day, c) for day in ends)}
    out = [
        p for p in found.values()
        if p.start.day == period.start.day and period.start <= p.start and p.end <= period.end
    ]  # fmt: skip
    if not out:
        stage_for(book, period)  # says which periods the rulebook has
    return out


def _newest(held: Iterable[Stored]) -> Loaded | None:
    newest = max(held, key=lambda s: s.id, default=None)
    return parse(newest.rulebook_text, newest.name) if newest is not None else None


def _text_of(held: Sequence[Stored]) -> Loaded:
    """The rules that all assessments were made by."""
    texts = {s.rulebook_text: s for s in held}
    if len(texts) > 1:
        versions = [f"{s.period} v{s.header.rulebook.version}" for s in held]
        raise RulebooksDiffer(name=held[0].rulebook_id, periods=versions)
    return parse(held[0].rulebook_text, held[0].name)


def _frozen(connection: Connection, held: Sequence[Stored]) -> dict[str, Any]:
    """One dossier out of those of all assessments: each one's own inputs, and results of the periods around them."""
    plains: dict[str, Mapping[str, Any]] = {}
    for stored in held:
        plain = store.dossier(connection, stored.id)
        if plain is None:
            raise DossierMissing(name=stored.name)
        plains[stored.period] = plain
    return _combined(plains)


def _combined(plains: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Dossiers by period as one: inputs of these periods from their own dossier, results of other periods kept."""
    subjects: dict[str, Any] = {}
    records: dict[str, dict[str, Any]] = {}
    for label, plain in plains.items():
        subjects |= plain["subjects"]
        for period, own in plain["periods"].items():
            if period == label or period not in plains:
                records[period] = {**records.get(period, {}), **own}
    return {"subjects": subjects, "periods": records}


def _built(
    connection: Connection, book: Rulebook, asked: Sequence[Period], official: Mapping[str, Stored], progress: Progress
) -> dict[str, Any]:
    """The dossier of another rulebook from the database, each period at the cut-off of the official assessment."""
    city = cities.load_city(connection)
    plains = {}
    periods = _periods_of(book, asked)
    for n, period in enumerate(periods, 1):
        progress("count", n, len(periods))
        held = official.get(period.label)
        as_of = held.as_of if held is not None else None
        plains[period.label] = build(connection, city, book, stage_for(book, period), period, as_of=as_of).plain
    return _combined(plains)
