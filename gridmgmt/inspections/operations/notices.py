"""Rectification notices (整改通知): issued on findings, checked, and how they stand."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from gridmgmt.database import auditing, cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import FindingsMissing, NoticeClosed, OptionInvalid, OutsideScope
from gridmgmt.inspections import notices, scopes
from gridmgmt.inspections.store import inspections
from gridmgmt.periods import city_time
from gridmgmt.viewer import Scope


@needs("inspections.write")
def issue_notice(
    work: Work,
    draw: str,
    unit: str,
    due_at: dt.datetime,
    *,
    samples: Sequence[str] = (),
    issued_at: dt.datetime | None = None,
) -> dict[str, Any]:
    """Issue a rectification notice (整改通知) on a unit's findings that stand in none yet.

    Parameters
    ----------
    due_at
        The first instant that is too late.
    samples
        Only findings of these samples.
    issued_at
        Default: now.

    Raises
    ------
    DrawMissing
    OutsideScope
        The unit is not the viewer's.
    FindingsMissing
        The unit has no such findings.
    OptionInvalid
        The deadline does not lie after the issue, nobody answers for it, or a
        sample is not among the unit's.
    """
    _named(work.by)
    scope = work.allowed("inspections.write")
    with work.over_everything().locked() as connection:  # numbers run on over the notices of all units
        found = inspections.draw_of(connection, draw)
        at = issued_at or clock.now(connection)
        if due_at <= at:
            zone = cities.load_city(connection).zone
            raise OptionInvalid(name="--due", value=city_time(due_at, zone), expected=f"> {city_time(at, zone)}")
        items = _items_of(connection, scope, found.id, unit)
        others = sorted(set(samples) - {i["sample_no"] for i in items})
        if others:
            raise OptionInvalid(name="--sample", value=", ".join(others), expected=f"{draw} · {unit}")
        wanted = [i for i in items if i["inspection_id"] is not None and (not samples or i["sample_no"] in samples)]
        ids = inspections.findings_to_notice(connection, [i["inspection_id"] for i in wanted])
        if not ids:
            raise FindingsMissing(draw=draw, unit=unit)
        number = f"{draw}-N{inspections.count_notices(connection, found.id) + 1:03d}"
        values = {
            "notice_no": number, "draw_id": found.id, "unit_code": unit, "issued_at": at, "due_at": due_at,
            "issued_by": work.by,
        }  # fmt: skip
        inspections.add_notice(connection, values, ids)
        auditing.note(connection, notices=[number])
        return _shown(inspections.notices(connection, number)[0], at)


def _items_of(connection: Connection, scope: Scope, draw_id: int, unit: str) -> list[dict[str, Any]]:
    """A unit's samples of a draw, where the unit is the viewer's.

    Raises
    ------
    OutsideScope
    """
    items = inspections.items(connection, draw_id, unit)
    if not (scope.everywhere or scopes.holds_assessed(scope, unit, items)):
        raise OutsideScope(verb="inspections.write", about=unit)
    return items


@needs("inspections.write")
def check_notice(
    work: Work,
    number: str,
    result: str,
    *,
    checked_at: dt.datetime | None = None,
    note: str | None = None,
) -> dict[str, Any]:
    """Record the check of a notice (整改复查): ``done`` or ``not_done``; done after the deadline is told as late.

    Raises
    ------
    NoticeMissing
    OutsideScope
        It may be seen, and its unit is not the viewer's.
    NoticeClosed
        It was found done before.
    OptionInvalid
        The check lies before the issue, before the newest check or in the
        future, or nobody answers for it.
    """
    _named(work.by)
    scope = work.allowed("inspections.write")
    with work.snapshot() as connection:
        notice = inspections.notices(connection, number)[0]  # as the viewer sees it, or not at all
    with work.over_everything().locked() as connection:
        notice = inspections.notices(connection, number)[0]
        _items_of(connection, scope, inspections.draw_of(connection, notice["draw"]).id, notice["unit_code"])
        now, zone = clock.now(connection), cities.load_city(connection).zone
        at = checked_at or now
        done = next((c["checked_at"] for c in notice["checks"] if c["result"] == "done"), None)
        if done is not None:
            raise NoticeClosed(number=number, at=city_time(done, zone))
        first = max([notice["issued_at"], *(c["checked_at"] for c in notice["checks"])])
        if not first <= at <= now:
            span = f"{city_time(first, zone)} … {city_time(now, zone)}"
            raise OptionInvalid(name="--at", value=city_time(at, zone), expected=span)
        values = {"result": result, "checked_at": at, "checked_by": work.by, "note": note}
        inspections.add_check(connection, notice["id"], values)
        auditing.note(connection, notices=[number])
        return _shown(inspections.notices(connection, number)[0], now)


@needs("samples.read")
def list_notices(
    work: Work,
    draw: str | None = None,
    number: str | None = None,
    at: dt.datetime | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Notices with their findings, their checks and how they stand at a moment (default: now).

    Parameters
    ----------
    after
        Only numbers behind this one.

    Raises
    ------
    DrawMissing, NoticeMissing
    """
    with work.snapshot() as connection:
        if draw is not None:
            inspections.draw_of(connection, draw)
        moment = at or clock.now(connection)
        found = inspections.notices(connection, number, draw, issued_by=moment, after=after, limit=limit)
        return [_shown(n, moment) for n in found]


def _named(by: str) -> None:
    if not by.strip():
        raise OptionInvalid(name="--by", value=by, expected="NAME")


def _shown(notice: Mapping[str, Any], at: dt.datetime) -> dict[str, Any]:
    checks = [(c["checked_at"], c["result"]) for c in notice["checks"]]
    state = notices.state(notice["due_at"], checks, at)
    return {**{k: v for k, v in notice.items() if k != "id"}, "state": state}
