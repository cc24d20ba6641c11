"""Draws (抽取), what was found in their samples, and rectification notices (整改通知); rows are only added."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from gridmgmt.database import tables as t
from gridmgmt.errors import DrawMissing, NoticeMissing

ITEM = ("sample_no", "unit_code", "sample_type", "object", "feature", "name_zh", "name_en", "grid_codes", "lon", "lat")
_FINDING = ("item_code", "n", "points", "text", "photographs", "lon", "lat", "found_at")


@dataclass(frozen=True)
class StoredDraw:
    """A draw as it is kept."""

    id: int
    name: str
    plan_id: str
    period: str
    sha256: str
    document: Mapping[str, Any]
    reason: str | None
    known_at: dt.datetime


def _draws() -> Select[Any]:
    d = t.draw.c
    return select(d.id, d.name, d.plan_id, d.period, d.sha256, d.document, d.reason, d.known_at)


def draw_of(connection: Connection, name: str) -> StoredDraw:
    """The draw of that name.

    Raises
    ------
    DrawMissing
        There is none; lists the newest ones.
    """
    row = connection.execute(_draws().where(t.draw.c.name == name)).one_or_none()
    if row is None:
        newest = select(t.draw.c.name).order_by(t.draw.c.id.desc()).limit(10)
        raise DrawMissing(name=name, known=list(connection.execute(newest).scalars()))
    return StoredDraw(*row)


def draws_of(connection: Connection, plan_id: str, period: str) -> list[StoredDraw]:
    """Every draw of a plan and period, the one that holds at the end."""
    d = t.draw.c
    rows = connection.execute(_draws().where(d.plan_id == plan_id, d.period == period).order_by(d.id))
    return [StoredDraw(*row) for row in rows]


def drawn_before(
    connection: Connection, plan_id: str, first_id: int | None = None
) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """Name, period and (unit, type, feature) of the samples of every draw of a plan that no other draw replaced.

    Parameters
    ----------
    first_id
        Only draws made before the one of this id, and as they stood then.
    """
    d, i = t.draw.c, t.draw_item.c
    replaced = select(d.supersedes).where(d.supersedes.is_not(None))
    if first_id is not None:
        replaced = replaced.where(d.id < first_id)
    statement = (
        select(d.name, d.period, i.unit_code, i.sample_type, i.feature)
        .join_from(t.draw, t.draw_item)
        .where(d.plan_id == plan_id, d.id.not_in(replaced))
    )
    if first_id is not None:
        statement = statement.where(d.id < first_id)
    out: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for name, period, unit, kind, feature in connection.execute(statement):
        out.setdefault((name, period), []).append((unit, kind, feature))
    return [(name, period, items) for (name, period), items in sorted(out.items())]


def save_draw(
    connection: Connection,
    values: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    shares: Sequence[Mapping[str, Any]],
) -> None:
    """Keep a draw with its items and the lengths of its roads by grid."""
    draw_id = connection.execute(t.draw.insert().values(**values).returning(t.draw.c.id)).scalar_one()
    if items:
        connection.execute(t.draw_item.insert(), [{**item, "draw_id": draw_id} for item in items])
    if shares:
        connection.execute(t.sample_share.insert(), list(shares))


# --- samples and what was found ---------------------------------------------------------------------------------------


def _newest_inspections() -> Any:
    i = t.inspection.c
    return (
        select(*i)
        .ext(distinct_on(i.draw_item_id))
        .order_by(i.draw_item_id, i.known_at.desc(), i.id.desc())
        .subquery("newest")
    )


def _items() -> Select[Any]:
    newest = _newest_inspections()
    n, i = newest.c, t.draw_item.c
    return (
        select(i.id, *(i[name] for name in ITEM))
        .add_columns(n.id.label("inspection_id"), n.inspected_at, n.inspector, n.result, n.note, n.score)
        .outerjoin_from(t.draw_item, newest, n.draw_item_id == i.id)
    )


def items(connection: Connection, draw_id: int, unit: str | None = None) -> list[dict[str, Any]]:
    """A draw's samples by number, each with its newest inspection (``inspection_id`` None where there is none)."""
    i = t.draw_item.c
    statement = _items().where(i.draw_id == draw_id).order_by(i.sample_no)
    if unit is not None:
        statement = statement.where(i.unit_code == unit)
    return [dict(r) for r in connection.execute(statement).mappings()]


def drawn(connection: Connection, sample_no: str) -> dict[str, Any] | None:
    """A sample that was drawn, with its newest inspection and the name and period of its draw; None: nobody drew it."""
    statement = _items().add_columns(t.draw.c.name.label("draw"), t.draw.c.period)
    joined = statement.join(t.draw, t.draw.c.id == t.draw_item.c.draw_id).where(t.draw_item.c.sample_no == sample_no)
    found = connection.execute(joined).mappings().one_or_none()
    return dict(found) if found is not None else None


def samples_known(connection: Connection, numbers: Collection[str]) -> dict[str, dict[str, Any]]:
    """Sample number → its item, its draw's name and period, and the content hash of its newest inspection."""
    newest = _newest_inspections()
    i = t.draw_item.c
    statement = (
        select(i.id, *(i[name] for name in ITEM), t.draw.c.name.label("draw"), t.draw.c.period, newest.c.content_hash)
        .join_from(t.draw_item, t.draw)
        .outerjoin(newest, newest.c.draw_item_id == i.id)
        .where(i.sample_no.in_(list(numbers)))
    )
    return {r["sample_no"]: dict(r) for r in connection.execute(statement).mappings()}


def add_inspection(connection: Connection, values: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> None:
    """Append an inspection of a sample with its findings; from now on it is the one that counts."""
    made = t.inspection.insert().values(**values).returning(t.inspection.c.id)
    inspection_id = connection.execute(made).scalar_one()
    if findings:
        connection.execute(t.finding.insert(), [{**f, "inspection_id": inspection_id} for f in findings])


def findings(connection: Connection, inspection_ids: Iterable[int]) -> list[dict[str, Any]]:
    """Findings of some inspections in the order in which they were handed in."""
    f = t.finding.c
    columns = (f.id, f.inspection_id, *(f[name] for name in _FINDING))
    statement = select(*columns).where(f.inspection_id.in_(list(inspection_ids))).order_by(f.id)
    return [dict(r) for r in connection.execute(statement).mappings()]


# --- rectification notices --------------------------------------------------------------------------------------------


def findings_to_notice(connection: Connection, inspection_ids: Collection[int]) -> list[int]:
    """Ids of findings of some inspections, without those of a sample and item that stand in a notice already.

    A corrected form brings new rows for what was noticed before: they are the same findings.
    """
    f, i = t.finding.c, t.inspection.c
    told = (
        select(i.draw_item_id, f.item_code)
        .join_from(t.notice_finding, t.finding)
        .join(t.inspection, t.inspection.c.id == f.inspection_id)
    )
    statement = (
        select(f.id)
        .join_from(t.finding, t.inspection, i.id == f.inspection_id)
        .where(i.id.in_(list(inspection_ids)), tuple_(i.draw_item_id, f.item_code).not_in(told))
    )
    return list(connection.execute(statement.order_by(f.id)).scalars())


def count_notices(connection: Connection, draw_id: int) -> int:
    """How many notices a draw has led to."""
    counted = select(func.count()).select_from(t.notice).where(t.notice.c.draw_id == draw_id)
    return int(connection.execute(counted).scalar_one())


def add_notice(connection: Connection, values: Mapping[str, Any], finding_ids: Sequence[int]) -> None:
    """Append a notice."""
    notice_id = connection.execute(t.notice.insert().values(**values).returning(t.notice.c.id)).scalar_one()
    rows = [{"notice_id": notice_id, "finding_id": i} for i in finding_ids]
    connection.execute(t.notice_finding.insert(), rows)


def add_check(connection: Connection, notice_id: int, values: Mapping[str, Any]) -> None:
    """Append the check of a notice."""
    connection.execute(t.notice_check.insert().values(notice_id=notice_id, **values))


def notices(
    connection: Connection,
    number: str | None = None,
    draw: str | None = None,
    *,
    issued_by: dt.datetime | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Notices by number, each with its findings and its checks in order of time.

    Parameters
    ----------
    issued_by
        Only those issued until then.
    after
        Only numbers behind this one.

    Raises
    ------
    NoticeMissing
        None has the number.
    """
    n = t.notice.c
    columns = (n.id, n.notice_no, t.draw.c.name.label("draw"), n.unit_code, n.issued_at, n.due_at, n.issued_by)
    statement = select(*columns).join_from(t.notice, t.draw).order_by(n.notice_no)
    if number is not None:
        statement = statement.where(n.notice_no == number)
    if draw is not None:
        statement = statement.where(t.draw.c.name == draw)
    if issued_by is not None:
        statement = statement.where(n.issued_at <= issued_by)
    if after is not None:
        statement = statement.where(n.notice_no > after)
    found = [dict(r) for r in connection.execute(statement.limit(limit)).mappings()]
    if number is not None and not found:
        newest = select(n.notice_no).order_by(n.id.desc()).limit(10)
        raise NoticeMissing(number=number, known=list(connection.execute(newest).scalars()))
    ids = [r["id"] for r in found]
    told, checks = _told(connection, ids), _checks(connection, ids)
    return [{**r, "findings": told.get(r["id"], []), "checks": checks.get(r["id"], [])} for r in found]


def _told(connection: Connection, notice_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    f, n, i = t.finding.c, t.notice_finding.c, t.draw_item.c
    statement = (
        select(n.notice_id, i.sample_no, *(f[name] for name in _FINDING))
        .join_from(t.notice_finding, t.finding)
        .join(t.inspection)
        .join(t.draw_item)
        .where(n.notice_id.in_(notice_ids))
        .order_by(n.notice_id, i.sample_no, f.id)
    )
    return _grouped(connection, statement)


def _checks(connection: Connection, notice_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    c = t.notice_check.c
    columns = (c.notice_id, c.result, c.checked_at, c.checked_by, c.note)
    statement = select(*columns).where(c.notice_id.in_(notice_ids)).order_by(c.notice_id, c.checked_at, c.id)
    return _grouped(connection, statement)


def _grouped(connection: Connection, statement: Select[Any]) -> dict[int, list[dict[str, Any]]]:
    out: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(statement).mappings():
        values = {str(k): v for k, v in row.items() if k != "notice_id"}
        out.setdefault(int(row["notice_id"]), []).append(values)
    return out
