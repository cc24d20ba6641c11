"""Samples and draws looked up (抽查样本查询): listed, searched page by page, one with all that was found in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridmgmt.casework.store import attachments, listing
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import GridMissing, SampleMissing, UnitUnknown
from gridmgmt.inspections import scopes
from gridmgmt.inspections.store import inspections
from gridmgmt.inspections.store import samples as store
from gridmgmt.inspections.store.samples import Wanted
from gridmgmt.people.store import units
from gridmgmt.periods import Period


@dataclass(frozen=True)
class Asked:
    """Which samples are asked for; None restricts nothing. ``kind``: a type of the check list or of an import."""

    period: Period | None = None
    unit: str | None = None
    grid: str | None = None
    draw: str | None = None
    kind: str | None = None
    text: str | None = None


@needs("samples.read")
def search(
    work: Work, asked: Asked, *, limit: int, after: int | None = None, newest_first: bool = True
) -> list[dict[str, Any]]:
    """A page of the samples in the order in which they came in; ``after``: the ``id`` of the last row before it.

    Raises
    ------
    UnitUnknown, GridMissing, DrawMissing
    """
    with work.snapshot() as connection:
        if asked.unit is not None and asked.unit not in units.unit_ids(connection):
            raise UnitUnknown(value=asked.unit)
        if asked.grid is not None and not listing.has_grid(connection, asked.grid):
            raise GridMissing(code=asked.grid)
        if asked.draw is not None:
            inspections.draw_of(connection, asked.draw)
        return store.after(connection, _wanted(work, connection, asked), limit, after, newest_first=newest_first)


@needs("samples.read")
def by_time(work: Work, asked: Asked, limit: int) -> list[dict[str, Any]]:
    """Samples in order of time, for a file."""
    with work.snapshot() as connection:
        return store.listing(connection, _wanted(work, connection, asked), limit)


def _wanted(work: Work, connection: Connection, asked: Asked) -> Wanted:
    between = asked.period.bounds(cities.load_city(connection).zone) if asked.period is not None else None
    scope = work.allowed("samples.read")
    return Wanted(between, asked.unit, asked.grid, asked.draw, asked.kind, asked.text, scope)


@dataclass(frozen=True)
class Shown:
    """A sample: as it counts, as it was drawn and inspected (None: it was imported), and what was found in it."""

    row: Mapping[str, Any] | None
    drawn: Mapping[str, Any] | None
    findings: tuple[Mapping[str, Any], ...]
    n_photographs: int


@needs("samples.read")
def show(work: Work, sample_no: str) -> Shown:
    """One sample, whether it was drawn or imported, with its newest inspection.

    Raises
    ------
    SampleMissing
        There is none, or it is not the viewer's to see.
    """
    with work.snapshot() as connection:
        scope, drawn = work.allowed("samples.read"), inspections.drawn(connection, sample_no)
        row = store.one(connection, sample_no, scope)
        if drawn is not None and not scopes.holds(scope, drawn):
            drawn = None
        if row is None and drawn is None:
            raise SampleMissing(sample_no=sample_no)
        inspected = drawn["inspection_id"] if drawn is not None else None
        found = inspections.findings(connection, [inspected]) if inspected is not None else []
        n = attachments.count(connection, attachments.About(sample_no=sample_no))
        return Shown(row, drawn, tuple(found), n)


@needs("samples.read")
def list_draws(
    work: Work, rulebook: str | None = None, period: str | None = None, *, limit: int, before: int | None = None
) -> list[dict[str, Any]]:
    """Draws, the newest first: what each replaces, and how many samples the viewer sees of it, and were inspected.

    ``before``: the ``id`` of the last one that was seen.
    """
    with work.snapshot() as connection:
        return store.draws(connection, rulebook, period, before, limit)
