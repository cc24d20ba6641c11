"""Lateness as entries (迟报录入): what the register shows as late becomes findings of the rulebook that charges for it.

Scoring reads entries only. Charging again follows the register: a report that
was in time after all takes its finding back.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gridmgmt.assessing.operations import entries
from gridmgmt.assessing.operations.entries import EntryReport
from gridmgmt.assessing.readers.entries import Entries
from gridmgmt.assessing.readers.entry_lines import Entry
from gridmgmt.assessing.store import entries as store
from gridmgmt.assessing.store.entries import Current
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.faults import Faults
from gridmgmt.files.forms import Line
from gridmgmt.periods import Period, parse_period
from gridmgmt.reporting.duties import Scheme
from gridmgmt.reporting.operations.due import Desk, Owed
from gridmgmt.reporting.operations.schemes import load_schemes
from gridmgmt.texts import both

_Told = tuple[str, str, str, Any, str | None]
"""Subject, input, ref, the record (None: taken back) and its evidence."""

_OURS = "report:"
"""How the refs of these entries begin, so that what people entered themselves is never taken back."""


@dataclass(frozen=True)
class _Late:
    """One late report, as a record of the input that charges for it."""

    input: str
    subject: str
    ref: str
    value: dict[str, Any]
    evidence: str


@needs("entries.write", whole=True, by_worker=True)
def charge(work: Work, scheme: str, period: str) -> EntryReport:
    """Enter what was late in a period (迟报扣分), for each who owed it, with the register as its source.

    A report counts in the period that its last day lies in. What is not handed
    in is late once its time is over (``work.now``, else the database's clock).

    Raises
    ------
    SchemeMissing, PeriodInvalid, CityMissing, RulebookMissing
    OptionInvalid
        The scheme charges for nothing.
    """
    (found,) = load_schemes([scheme])
    if found.rulebook is None or not any(d.charged for d in found.duties):
        expected = [s.id for s in load_schemes() if any(d.charged for d in s.duties)]
        raise OptionInvalid(name="SCHEME", value=scheme, expected=" / ".join(expected))
    asked = parse_period(period)
    with work.locked() as connection:
        desk = Desk(connection, [found], work.now)
        late = list(_late(desk, found, asked))
        told: list[_Told] = [(x.subject, x.input, x.ref, x.value, x.evidence) for x in late]
        told += _taken_back(store.current(connection, found.rulebook, [asked.label]), found, told)
        return entries.enter(connection, work, found.rulebook, _rows(f"reporting/{scheme}", asked, told))


def _taken_back(known: Iterable[Current], scheme: Scheme, told: Sequence[_Told]) -> list[_Told]:
    """Of what was charged before, what is not late any more."""
    own, late = {d.charged for d in scheme.duties if d.charged}, {x[:3] for x in told}
    ours = (c for c in known if c.value is not None and c.input in own and c.ref.startswith(_OURS))
    return [(*key, None, None) for c in ours if (key := (c.subject, c.input, c.ref)) not in late]


def _late(desk: Desk, scheme: Scheme, period: Period) -> Iterator[_Late]:
    for owed in [*desk.recurring(period.start, period.last), *desk.registered(period.start, period.last)]:
        if owed.due.duty.charged is None or not period.start <= owed.due.day < period.end:
            continue
        for code in owed.whom:
            if code and desk.state(owed, code) in ("late", "done_late"):
                yield _finding(desk, owed, code)


def _finding(desk: Desk, owed: Owed, code: str) -> _Late:
    due, handed = owed.due, desk.handed(owed, code)
    until = due.at.astimezone(desk.city.zone).strftime("%Y-%m-%d %H:%M") if due.at else due.day.isoformat()
    at = handed.at.astimezone(desk.city.zone).strftime("%Y-%m-%d %H:%M") if handed else None
    facts = {
        "what_zh": due.duty.what["zh"],
        "what_en": due.duty.what["en"],
        "about": owed.about,
        "until": until,
        "at": at,
    }
    value = {"on": due.day.isoformat(), "case" if due.event_at else "occasion": owed.about}
    evidence = both("charged_late" if handed else "charged_missing", facts)
    return _Late(str(due.duty.charged), code, f"{_OURS}{due.duty.id}:{owed.about}", value, evidence)


def _rows(source: str, period: Period, told: Sequence[_Told]) -> Entries:
    """The entries as the rows of a file; its hash names what the register said."""
    text = json.dumps(told, ensure_ascii=False, sort_keys=True)
    rows = []
    for n, (subject, name, ref, value, evidence) in enumerate(told, 1):
        line = Line(None, n, {"subject": subject, "input": name})
        rows.append(Entry(period.label, subject, name, ref, value, evidence, line, "input"))
    return Entries(source, hashlib.sha256(text.encode()).hexdigest(), rows, (), Faults())
