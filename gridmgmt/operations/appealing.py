"""Appeals (申诉) and corrections (更正): a fact stays as it is, a granted exemption lies over it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Engine

from gridmgmt import scorecards
from gridmgmt.errors import (
    AppealMissing,
    AppealRefused,
)
from gridmgmt.indicators import base_of, filtered
from gridmgmt.operations.assessing import EVIDENCE, Made
from gridmgmt.operations.database import snapshot, transaction
from gridmgmt.operations.publishing import assess_again, code_in, frozen_dossier
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.load import parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.numbers import exact
from gridmgmt.store import appeals, entries, facts
from gridmgmt.store import assessments as store
from gridmgmt.store.assessments import Stored


def open_appeal(engine: Engine, name: str, code: str, kind: str, fact_no: str, reason: str, by: str) -> int:
    """Open an appeal (申诉) on one case, sample or entry of a published assessment; gives its number. One for each.

    Parameters
    ----------
    kind
        ``case``, ``sample`` or ``entry``.

    Raises
    ------
    AssessmentMissing, SubjectMissing
    AppealRefused
        Not published, the fact does not count for the subject, or it was appealed against before.
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        stored = store.by_name(connection, name)
        document = store.document(connection, stored, code)
        if stored.published_at is None:
            raise AppealRefused(reason=f"{stored.name} 尚未发布 / is not published")
        if not _counts_for(connection, stored, document, kind, fact_no):
            raise AppealRefused(reason=f"{fact_no} 未计入 {code} / does not count for {code}")
        number = appeals.open_one(connection, stored.id, code, kind, fact_no, reason, by)
        if number is None:
            raise AppealRefused(reason=f"{fact_no} 已申诉过 / was appealed against before")
        return number


def _counts_for(connection: Connection, stored: Stored, document: Mapping[str, Any], kind: str, fact_no: str) -> bool:
    subject = document["subject"]
    if kind == "entry":
        return any(fact_no in _entry_refs(name, v["value"]) for name, v in document["inputs"].items())
    frozen = store.frozen(connection, EVIDENCE[f"{kind}s"], stored.id, fact_no)
    if frozen is None:
        return False
    level = subject["level_number"]
    return bool(
        frozen["unit_code"] == subject["code"] if not level else frozen["grid_codes"][level - 1] == subject["code"]
    )


def _entry_refs(name: str, value: Any) -> set[str]:
    """What an entry can be named by: the input, or one record's own reference."""
    records = value if isinstance(value, list) else []
    return {name} | {str(r["entry"]) for r in records if isinstance(r, Mapping) and r.get("entry")}


def decide_appeal(engine: Engine, number: int, *, granted: bool, decision: str, by: str) -> Mapping[str, Any]:
    """Decide an appeal: granted, the fact is exempted by the next correction; rejected, nothing changes.

    Raises
    ------
    AppealMissing, AppealRefused
        There is none of that number, or it is decided already.
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        found = appeals.by_number(connection, number)
        if found is None:
            raise AppealMissing(number=number)
        if found["state"] != "open":
            raise AppealRefused(reason=f"{number} 已决定 / is decided: {found['state']}")
        appeals.decide(connection, number, "granted" if granted else "rejected", decision, by)
        return appeals.by_number(connection, number) or found


def list_appeals(engine: Engine, name: str | None = None) -> list[dict[str, Any]]:
    """Appeals, newest first; of one assessment, or all."""
    with snapshot(engine) as connection:
        stored = store.by_name(connection, name) if name else None
        return appeals.listing(connection, stored.id if stored else None)


@dataclass(frozen=True)
class Difference:
    """How a correction moves one subject: totals, ranks and grades before and after, consequences come and gone."""

    subject: Mapping[str, Any]
    total: tuple[str | None, str | None]
    rank: tuple[int | None, int | None]
    grade: tuple[str | None, str | None]
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


def correct(engine: Engine, name: str) -> tuple[Made, list[Difference]]:
    """A corrected assessment (更正) from the frozen inputs of a published one, less what granted appeals exempt.

    Nothing else moves: later data is not read. It is saved beside the published
    one and holds once it is published itself.

    Raises
    ------
    AssessmentMissing, DossierMissing
    AppealRefused
        No granted appeal, or one that cannot be carried out by leaving a fact out.
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        stored = store.by_name(connection, name)
        granted = [a for a in appeals.listing(connection, stored.id) if a["state"] == "granted"]
        if not granted or stored.published_at is None:
            raise AppealRefused(reason=f"{stored.name} 没有已批准的申诉 / has no granted appeal")
        plain = _exempted(connection, stored, frozen_dossier(connection, stored), granted)
        numbers = sorted(a["fact_no"] for a in granted)
        more = {"corrects": {"assessment": stored.name, "sha256": stored.sha256}, "exempted": numbers}
        made = assess_again(connection, stored, plain, more)
        before = store.documents(connection, stored.id)
        return _save(connection, stored, plain, made), _differences(before, made.subjects)


def _save(connection: Connection, stored: Stored, plain: Mapping[str, Any], made: scorecards.Assessment) -> Made:
    same = store.confirm_same(connection, stored.rulebook_id, stored.period, made.sha256)
    if same is not None:
        return Made(same, made.sha256, False, made.header, made.subjects)
    name = store.next_name(connection, stored.rulebook_id, stored.period)
    values = {
        "name": name, "rulebook_id": stored.rulebook_id, "rulebook_sha256": made.header["rulebook"]["sha256"],
        "rulebook_text": stored.rulebook_text, "period": stored.period, "as_of": stored.as_of,
        "edition_id": stored.edition_id, "header": dict(made.header), "dossier": dict(plain),
        "complete": made.header["complete"], "sha256": made.sha256, "corrects": stored.id,
    }  # fmt: skip
    totals = [o.total for o in made.outcomes.values()]
    assessment_id = store.save(connection, values, made.subjects, totals, [None] * len(totals))
    for table in EVIDENCE.values():  # the facts stay; what is exempted is said in the documents
        store.copy_evidence(connection, table, stored.id, assessment_id)
    return Made(name, made.sha256, True, made.header, made.subjects)


def _exempted(
    connection: Connection, stored: Stored, plain: dict[str, Any], granted: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The dossier without the exempted facts, wherever they count: in the grid and in those above it."""
    book = parse(stored.rulebook_text, stored.name).rulebook
    out = deepcopy(plain)
    documents = {code_in(plain, d): d for d in store.documents(connection, stored.id)}
    for appeal in granted:
        if appeal["kind"] == "entry":
            _without_entry(connection, stored, book, out, documents, appeal)
            continue
        table = EVIDENCE[f"{appeal['kind']}s"]
        fact = store.frozen(connection, table, stored.id, appeal["fact_no"])
        if fact is None:
            raise AppealRefused(reason=str(appeal["fact_no"]))
        amounts = store.frozen_amounts(connection, f"{appeal['kind']}s", stored.id, appeal["fact_no"])
        for code, document in documents.items():
            if _lies_in(fact, document["subject"]):
                record = out["periods"][stored.period].setdefault(code, {})
                _less(book, stored, record, f"{appeal['kind']}s", fact, amounts)
                record["exempted"] = sorted({*record.get("exempted", ()), appeal["fact_no"]})
    return out


def _lies_in(fact: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
    level = subject["level_number"]
    if not level:
        return bool(fact["unit_code"] == subject["code"])
    return bool(fact["grid_codes"][level - 1] == subject["code"])


def _less(
    book: Rulebook,
    stored: Stored,
    record: dict[str, Any],
    of: str,
    fact: Mapping[str, Any],
    amounts: Mapping[str, Fraction],
) -> None:
    """Take one fact out of a record's automatic counts."""
    names = stored.header["counts"][of]
    for name, spec in book.inputs.items():
        automatic = spec.automatic
        if automatic is None or name not in record.get("inputs", {}):
            continue
        if automatic.sample_mean and of == "samples":
            raise AppealRefused(
                reason=f"{name}: 样本均值不能逐件剔除 / a mean of samples is corrected by importing the sample anew"
            )
        if automatic.count is None or record.get("sources", {}).get(name) != of:
            continue
        count = filtered(automatic.count, name) if automatic.only is not None else automatic.count
        if count not in names or not fact["mask"] >> names.index(count) & 1:
            continue
        amount = amounts.get(base_of(count).amount or "", Fraction(1))
        if automatic.per_day:
            amount /= _days(stored)
        value = Fraction(str(record["inputs"][name])) - amount
        record["inputs"][name] = int(value) if value.denominator == 1 else exact(value)


def _days(stored: Stored) -> int:
    """The days of the period up to the cut-off."""
    period = parse_period(stored.period)
    end = min(dt.datetime.fromisoformat(stored.header["as_of"]).date(), period.end)
    return max(1, (end - period.start).days)


def _without_entry(
    connection: Connection,
    stored: Stored,
    book: Rulebook,
    plain: dict[str, Any],
    documents: Mapping[str, Mapping[str, Any]],
    appeal: Mapping[str, Any],
) -> None:
    """Leave an exempted record out; a single value is replaced by the one entered since."""
    code = next(c for c, d in documents.items() if d["subject"]["code"] == appeal["subject_code"])
    records = plain["periods"][stored.period]
    record = records.setdefault(code, {})
    name = str(appeal["fact_no"])
    for inputs in (record.get("inputs", {}), (records.get("*") or {}).get("inputs", {})):
        for key, value in inputs.items():
            if isinstance(value, list):
                inputs[key] = [r for r in value if not (isinstance(r, Mapping) and r.get("entry") == name)]
    if name in book.inputs:
        now = entries.current_entries(connection, stored.rulebook_id, [stored.period]).get(stored.period, {})
        value = now.get(appeal["subject_code"], {}).get(name)
        if value is None or value == record.get("inputs", {}).get(name):
            raise AppealRefused(reason=f"{name}: 请先录入更正后的值 / enter the corrected value first")
        record.setdefault("inputs", {})[name] = value
    record["exempted"] = sorted({*record.get("exempted", ()), name})


def _differences(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Difference]:
    old = {(d["subject"]["level"], d["subject"]["code"]): d for d in before}
    out = []
    for new in after:
        was = old[new["subject"]["level"], new["subject"]["code"]]
        gone, come = ({c["consequence"] for c in d["consequences"]} for d in (was, new))
        found = Difference(
            new["subject"], (_shown(was), _shown(new)), (_rank(was), _rank(new)), (was["grade"], new["grade"]),
            tuple(sorted(come - gone)), tuple(sorted(gone - come)),
        )  # fmt: skip
        if was["total"] != new["total"] or _rank(was) != _rank(new) or come != gone:
            out.append(found)
    return out


def _shown(document: Mapping[str, Any]) -> str | None:
    return document["total"]["exact"] if document["total"] else None


def _rank(document: Mapping[str, Any]) -> int | None:
    place = document["rank"]["level"]
    return place["rank"] if place else None
