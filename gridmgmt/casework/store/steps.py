"""Steps of cases (办理步骤): read, appended, never changed; and the case rows, locked for whoever acts on them."""

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple, cast

import pandas as pd
from sqlalchemy import BigInteger, Connection, Text, any_, func, select
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects.postgresql import ARRAY, insert

from gridmgmt.casework.cases import Step
from gridmgmt.database import tables as t
from gridmgmt.database.actors import whoever_looks
from gridmgmt.database.copying import copy_in, rows
from gridmgmt.database.facts import CASES, LOCATED
from gridmgmt.database.work import LOCK

FILES_LOCK = LOCK + 1
"""Advisory lock under which rows of files are taken."""

CLAIMS = 47_800
"""First key of the advisory locks on numbers of new cases; the second is the number's hash."""

ROW = ("id", "case_no", *CASES.facts, *LOCATED, "version_at")
"""What :func:`locked` and :func:`found` give of a case's row."""


def found(connection: Connection, case_nos: Collection[str], *, lock: bool = False) -> dict[str, dict[str, Any]]:
    """Case number → its row; with ``lock`` nobody else acts on these cases until the transaction ends."""
    c = t.cases.c
    statement = select(*(c[name] for name in ROW)).where(c.case_no == _any(case_nos, Text)).order_by(c.case_no)
    rows = connection.execute(statement.with_for_update() if lock else statement).mappings()
    return {r["case_no"]: dict(r) for r in rows}


def _any(values: Collection[Any], kind: type[Text | BigInteger]) -> Any:
    """Any of some values, as one parameter: however many there are."""
    return any_(cast_sql(list(values), ARRAY(kind)))


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A case's row as :func:`gridmgmt.casework.implied_steps.derive` reads it."""
    key = f"{row['category_kind']}:{row['category_code']}" if row["category_code"] else None
    return {**row, "category": key}


def of_cases(
    connection: Connection,
    case_ids: Collection[int],
    *,
    until: dt.datetime | None = None,
    kinds: Collection[str] | None = None,
) -> dict[int, list[Step]]:
    """Case id → its steps in order, or those of :func:`each_case`."""
    return dict(each_case(connection, case_ids, until=until, kinds=kinds))


_DECODE = json.JSONDecoder().raw_decode
"""Reads JSON as the server writes it."""


def each_case(
    connection: Connection,
    case_ids: Collection[int],
    *,
    until: dt.datetime | None = None,
    kinds: Collection[str] | None = None,
) -> Iterator[tuple[int, list[Step]]]:
    """Cases by id, each with its steps in order: those that had happened by a moment, those of some kinds.

    Only one case's steps are there at once: a month of them would keep the collector of garbage busy.
    """
    s = t.step.c
    facts = cast_sql(s.facts, Text)
    columns = (s.case_id, s.kind, s.at, s.actor, s.unit_code, s.reason, facts, s.origin, s.seq)
    statement = select(*columns).where(s.case_id == _any(case_ids, BigInteger)).order_by(s.case_id, s.seq)
    if until is not None:
        statement = statement.where(s.at <= until)
    if kinds is not None:
        statement = statement.where(s.kind == _any(kinds, Text))
    found = chain.from_iterable(connection.execute(statement).partitions(5_000))
    for case_id, own in groupby(found, itemgetter(0)):
        yield (
            case_id,
            [
                Step(kind, at, actor, unit, reason, _DECODE(told)[0] if told != "{}" else {}, origin, seq)
                for _, kind, at, actor, unit, reason, told, origin, seq in own
            ],
        )


class TakenRow(NamedTuple):
    """What a row of a file became a step of, and as what; ``is_seen``: whoever asks may see that case."""

    kind: str
    case_no: str
    at: dt.datetime
    actor: str
    reason: str | None
    unit_code: str | None
    facts: Mapping[str, Any]
    is_seen: bool = True


def taken_rows(connection: Connection, refs: Collection[str]) -> dict[str, TakenRow]:
    """Ref → what the row became, for rows that were taken before, also of cases that whoever asks may not see.

    Whoever asks holds back everybody else who takes rows of files until his
    transaction ends: the same file handed in twice at once is taken once.
    """
    if not refs:
        return {}
    connection.execute(select(func.pg_advisory_xact_lock(FILES_LOCK)))
    s, c = t.step.c, t.cases.c
    columns = (s.ref, s.kind, c.case_no, s.at, s.actor, s.reason, s.unit_code, s.facts)
    statement = select(*columns).join_from(t.step, t.cases, s.case_id == c.id).where(s.ref == _any(refs, Text))
    with whoever_looks(connection, "cases.read"):
        rows = connection.execute(statement).all()
    seen = found(connection, {r.case_no for r in rows})
    return {r[0]: TakenRow(*r[1:], is_seen=r.case_no in seen) for r in rows}


def numbers_taken(connection: Connection, case_nos: Collection[str]) -> set[str]:
    """Those of some numbers that cases have, whoever may see these: a number is given once in the whole city."""
    if not case_nos:
        return set()
    c = t.cases.c.case_no
    with whoever_looks(connection, "cases.read"):
        return set(connection.execute(select(c).where(c == _any(case_nos, Text))).scalars())


def claim(connection: Connection, case_nos: Collection[str]) -> None:
    """Let nobody else open cases of these numbers until the transaction ends; always before cases are locked."""
    if case_nos:
        numbers = func.unnest(cast_sql(list(case_nos), ARRAY(Text))).column_valued("case_no")
        key = func.hashtext(numbers).label("key")
        keys = select(key).distinct().order_by(key).subquery()
        connection.execute(select(func.pg_advisory_xact_lock(CLAIMS, keys.c.key)))


def last_taken(connection: Connection) -> dt.datetime | None:
    """When the last step was taken here; None where none was."""
    s = t.step.c
    return cast(dt.datetime | None, connection.execute(select(func.max(s.at)).where(s.origin == "own")).scalar_one())


def append(
    connection: Connection, rows: Sequence[tuple[int, Step, str, str | None]], batch_id: int, known_at: dt.datetime
) -> None:
    """Append steps: the case's id, the step, the state it led to, the row of a file that it came from."""
    frame = pd.DataFrame(
        {
            **{f.name: getattr(step, f.name) for f in fields(step)},
            "facts": json.dumps(dict(step.facts), ensure_ascii=False),
            "case_id": case_id, "state": state, "ref": ref, "batch_id": batch_id, "known_at": known_at,
        }
        for case_id, step, state, ref in rows
    )  # fmt: skip
    copy_in(connection, "step", frame)


def next_numbers(connection: Connection, key: str, n: int) -> range:
    """The next ``n`` numbers under a key; nobody else gets them."""
    statement = insert(t.counter).values(key=key, n=n)
    counted = statement.on_conflict_do_update(
        index_elements=["key"], set_={"n": t.counter.c.n + statement.excluded.n}
    ).returning(t.counter.c.n)
    last = int(connection.execute(counted).scalar_one())
    return range(last - n + 1, last + 1)


def counted_otherwise(connection: Connection, calendar: str) -> list[str]:
    """Cases, void ones left out, with a deadline that is provisional or not counted by the calendar of an identity."""
    return [r["case_no"] for r in rows(connection, "casework/store/counted_otherwise", calendar=calendar)]
