"""How a dossier is read (考核数据包的读取): every value against its input, every fault told."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from gridmgmt.accepted import closest, yes_no
from gridmgmt.errors import DossierInvalid, PeriodInvalid
from gridmgmt.numbers import exact, to_exact
from gridmgmt.periods import Period, parse_period
from gridmgmt.rulebooks import sums
from gridmgmt.rulebooks.dossier import EVERYBODY, Dossier, Given, Record, Subject, stage_of
from gridmgmt.rulebooks.kept import Kept
from gridmgmt.rulebooks.kinds.carry import Carry
from gridmgmt.rulebooks.kinds.events import EventKind
from gridmgmt.rulebooks.known_words import unknown_attributes, unknown_codes, unknown_of_result
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.values import Event, Finding, Value, parse
from gridmgmt.texts import Unfit, expected

Fault = dict[str, Any]
"""A fault of a dossier, or what was expected instead: a code and its facts, worded when they are shown."""


def read_after(kept: Kept, book: Rulebook, plain: Mapping[str, Any], file: str) -> Dossier:
    """Read a dossier as it was built, its earlier periods only where they are not those that were read before.

    Raises
    ------
    DossierInvalid
    """
    known = kept.records(plain)
    mine = {label: records for label, records in plain["periods"].items() if label not in known}
    found = read_dossier(book, {**plain, "periods": mine}, file)
    kept.keep(plain, found)
    as_read = {**{label: plain["periods"][label] for label in known}, **found.plain["periods"]}
    return Dossier(found.subjects, {**known, **found.periods}, {**found.plain, "periods": as_read})


def read_dossier(
    book: Rulebook,
    plain: Mapping[str, Any],
    file: str = "input",
    *,
    is_frozen: bool = False,
    known: Dossier | None = None,
) -> Dossier:
    """Read a dossier, checking every value against its input.

    Keys are texts and days are ISO days in the document that it keeps, however
    the file wrote them. One that was frozen is read as it was: words that are
    refused today may stand in it. ``known``: the same as rules with the same inputs read it, whose values are taken.

    Raises
    ------
    DossierInvalid
        Lists every fault: where (period, subject, input), the value, and what was expected.
    """
    faults: list[Fault] = []
    plain = known.plain if known is not None else _as_json(plain)
    unknown = sorted(set(plain) - {"rulebook", "subjects", "periods", "name"})
    if unknown or not isinstance(plain.get("periods"), Mapping):
        problem = _told("", "", ", ".join(unknown) or "periods", None, expected("input_keys"))
        raise DossierInvalid(file=file, n=1, problems=[problem])
    given = plain.get("subjects") or {}
    subjects = {str(code): _subject(str(code), raw or {}, faults) for code, raw in given.items()}
    periods: dict[str, dict[str, Record]] = {}
    labels: dict[str, str] = {}
    for label, records in plain["periods"].items():
        period = _period(book, str(label), faults)
        if period is None:
            continue
        records = records or {}
        for code in records:
            if str(code) != EVERYBODY and str(code) not in subjects:
                subjects[str(code)] = Subject(str(code), {"zh": str(code), "en": str(code)})
        if period.label in periods:
            _fault(faults, period.label, "", "", label, expected("period_once"))
        labels[label] = period.label
        periods[period.label] = (
            dict(known.periods[period.label])
            if known is not None
            else {str(code): _record(book, period, str(code), raw or {}, faults) for code, raw in records.items()}
        )
    _check_sums(book, subjects, periods, faults)
    for label, by_subject in periods.items():
        for code, record in by_subject.items():
            _events(book, subjects.get(code), label, code, record, faults)
    _superiors(book, subjects, faults)
    _roles(book, subjects, {c for r in periods.values() for c, record in r.items() if record.given is None}, faults)
    if not is_frozen:
        _unknown(book, plain, subjects, periods, faults)
    if faults:
        raise DossierInvalid(file=file, n=len(faults), problems=faults)
    named = {labels.get(label, label): records for label, records in plain["periods"].items()}
    return Dossier(subjects, periods, {**plain, "periods": named})


def _as_json(value: Any) -> Any:
    """A document as JSON has it: keys as text, a day as its ISO text."""
    if type(value) in (str, int):  # most of it
        return value
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _unknown(
    book: Rulebook,
    plain: Mapping[str, Any],
    subjects: Mapping[str, Subject],
    periods: Mapping[str, Mapping[str, Record]],
    faults: list[Fault],
) -> None:
    """Attributes, codes, classes and grades that nobody would read: refused, with the known ones, the closest first.

    And a part that is more than its whole, where one of them was told by hand.
    """
    for code, subject in subjects.items():
        for name, word, wanted in unknown_attributes(book, subject.attributes):
            _fault(faults, "", code, name, word, wanted)
    for label, records in periods.items():
        for code, record in records.items():
            for name, word, wanted in unknown_codes(book, record.values):
                _fault(faults, label, code, name, word, wanted)
        everybody = records.get(EVERYBODY, Record()).values
        whole = {c: {**everybody, **r.values} for c, r in records.items()}
        for x in sums.beyond_whole(book, whole, {c: r.counted for c, r in records.items()}):
            _fault(faults, label, x.subject, x.part, exact(x.n_part), x.of_part)
    for label, records in plain["periods"].items():
        stage = stage_of(book, parse_period(label)) if label in periods else None
        if stage is None:
            continue
        for code, raw in (records or {}).items():
            result = raw.get("result") if isinstance(raw, Mapping) else None
            for name, word, wanted in unknown_of_result(book, stage, result or {}):
                _fault(faults, label, code, name, word, wanted)


def _check_sums(
    book: Rulebook, subjects: Collection[str], periods: Mapping[str, Mapping[str, Record]], faults: list[Fault]
) -> None:
    """What must come to a sum, in one table or over the subjects of a period."""
    for label, records in periods.items():
        everybody = records.get(EVERYBODY, Record()).values
        own = {code: record.values for code, record in records.items()}
        whole = {code: {**everybody, **own.get(code, {})} for code in {*own} - {EVERYBODY} or subjects}
        found = (*sums.wrong_tables(book, own, everybody), *sums.beyond_together(book, whole))
        for code, name, value, wanted in found:
            _fault(faults, label, code, name, value, wanted)


def _told(period: str, subject: str, name: str, value: Any, wanted: Fault) -> Fault:
    where, text = " · ".join(x for x in (period, subject, name) if x), "" if value is None else str(value)
    shown = text if len(text) <= 120 else f"{text[:119]}…"
    return {"code": "dossier_fault", "where": where, "value": shown, "expected": wanted}


def _fault(faults: list[Fault], period: str, subject: str, name: str, value: Any, wanted: Fault) -> None:
    faults.append(_told(period, subject, name, value, wanted))


def _strange(raw: Any, known: Collection[str]) -> list[str]:
    """The keys of a mapping that nobody reads; what is no mapping is strange as a whole."""
    return sorted(str(k) for k in set(raw) - set(known)) if isinstance(raw, Mapping) else [str(raw)[:40]]


def _subject(code: str, raw: Any, faults: list[Fault]) -> Subject:
    known = {"name", "level", "group", "role", "superiors", "attributes"}
    if not isinstance(raw, Mapping) or set(raw) - known:
        _fault(faults, "", code, "", raw, expected("only", known=sorted(known), unknown=_strange(raw, known)))
        return Subject(code, {"zh": code, "en": code})
    name = raw.get("name", code)
    words = dict(name) if isinstance(name, Mapping) else {"zh": str(name), "en": str(name)}
    return Subject(
        code, words, raw.get("level"), raw.get("group"), raw.get("role"),
        tuple(map(str, raw.get("superiors") or ())), tuple(map(str, raw.get("attributes") or ())),
    )  # fmt: skip


def _period(book: Rulebook, label: str, faults: list[Fault]) -> Period | None:
    try:
        period = parse_period(label)
    except PeriodInvalid as e:
        _fault(faults, label, "", "", label, expected("period", forms=e.forms))
        return None
    if stage_of(book, period) is None:
        wanted = expected("period_of_stages", known=[s.cadence for s in book.stages])
        _fault(faults, label, "", "", label, wanted)
        return None
    return period


def _record(book: Rulebook, period: Period, code: str, raw: Any, faults: list[Fault]) -> Record:
    known = ("inputs", "result", "signed", "sources", "results", "sampled", "exempted")
    if not isinstance(raw, Mapping) or set(raw) - set(known):
        _fault(faults, period.label, code, "", raw, expected("only", known=known, unknown=_strange(raw, known)))
        return Record()
    values: dict[str, Value] = {}
    for name, value in (raw.get("inputs") or {}).items():
        spec = book.inputs.get(str(name))
        if spec is None:
            wanted = expected("input", known=closest(str(name), book.inputs))
            _fault(faults, period.label, code, str(name), value, wanted)
        elif value is not None:
            try:
                values[str(name)] = _within(period, parse(spec, value))
            except Unfit as e:
                _fault(faults, period.label, code, str(name), value, e.expected)
    given = None
    if raw.get("result") is not None:
        given = _given(period, code, raw["result"], faults)
    signed = yes_no(raw.get("signed", True))
    if signed is None:
        _fault(faults, period.label, code, "signed", raw["signed"], expected("flag"))
    return Record(
        values, given, signed is not False, raw.get("sources") or {}, tuple(raw.get("exempted") or ()),
        raw.get("results") or {}, raw.get("sampled") or {},
    )  # fmt: skip


def _roles(book: Rulebook, subjects: Mapping[str, Subject], codes: set[str], faults: list[Fault]) -> None:
    """Where items concern some roles only, each subject has one of them: else an item would drop out in silence."""
    roles = book.roles()
    for code in sorted(codes - {EVERYBODY}) if roles else ():
        if subjects[code].role not in roles:
            _fault(faults, "", code, "role", subjects[code].role, expected("one_of", known=sorted(roles)))


def _superiors(book: Rulebook, subjects: Mapping[str, Subject], faults: list[Fault]) -> None:
    """Who is charged with another's negative month stands in the list: else the points would be charged to nobody."""
    if not any(isinstance(part, Carry) and part.charges for _, part in book.parts()):
        return
    for code, subject in subjects.items():
        for superior in subject.superiors:
            if superior == code or superior not in subjects:
                _fault(faults, "", code, "superiors", superior, expected("another_subject"))


def _events(
    book: Rulebook, subject: Subject | None, label: str, code: str, record: Record, faults: list[Fault]
) -> None:
    """Every event is of a kind that the rulebook knows and says what its kind asks for: none is worth 0 in silence."""
    for name, value in record.values.items():
        events = [x for x in value if isinstance(x, Event)] if isinstance(value, tuple) else []
        if events:
            kinds = {kind.code: kind for rule in book.event_rules(name) for kind in rule.table}
            for event in events if kinds else ():
                wanted = event_lacks(kinds, event, subject.role if subject else None)
                if wanted is not None:
                    _fault(faults, label, code, name, event.code, wanted)


def event_lacks(kinds: Mapping[str, EventKind], event: Event, role: str | None) -> dict[str, Any] | None:
    """What an event lacks that its kind asks for: a known code, a role, its points, its amount, its day."""
    kind = kinds.get(event.code)
    if kind is None:
        return expected("event_of", known=closest(event.code, kinds))
    if isinstance(kind.points, Mapping) and (event.role or role) not in kind.points:
        return expected("role_of", known=list(kind.points), role=event.role or role)
    if kind.points is None and event.points is None:
        return expected("its_points")
    if kind.has_amount and event.amount is None:
        return expected("its_amount")
    return expected("its_day") if kind.free_per_month is not None and event.on is None else None


def _within(period: Period, value: Value) -> Value:
    """Dated findings and events belong to their period: 26 March is April's where months run from the 26th."""
    for part in value if isinstance(value, tuple) else ():
        day: dt.date | None = part.on if isinstance(part, Finding | Event) else None
        if day is not None and not period.start <= day < period.end:
            raise Unfit("days_within", first=str(period.start), last=str(period.last), day=str(day))
    return value


def _given(period: Period, code: str, raw: Any, faults: list[Fault]) -> Given:
    known = set(Given.__dataclass_fields__)
    if not isinstance(raw, Mapping) or set(raw) - known:
        wanted = expected("only", known=sorted(known), unknown=_strange(raw, known))
        _fault(faults, period.label, code, "result", raw, wanted)
        return Given()
    try:
        return Given(
            total=to_exact(raw["total"]) if raw.get("total") is not None else None,
            grade=raw.get("grade"),
            first=_flag(raw.get("first")),
            last=_flag(raw.get("last")),
            **{key: _place(raw.get(key)) for key in ("rank", "from_bottom", "tied")},
            carry_out=to_exact(raw.get("carry_out", 0)),
            items={str(k): to_exact(v) for k, v in (raw.get("items") or {}).items()},
            missing=tuple(raw.get("missing") or ()),
        )
    except Unfit as e:
        _fault(faults, period.label, code, "result", raw, e.expected)
        return Given()


def _flag(raw: Any) -> bool | None:
    found = yes_no(raw)
    if found is None and raw is not None:
        raise Unfit("flag")
    return found


def _place(raw: Any) -> int | None:
    if raw is None:
        return None
    value = to_exact(raw)
    if value.denominator != 1 or value < 1:
        raise Unfit("whole_from", least=1)
    return int(value)
