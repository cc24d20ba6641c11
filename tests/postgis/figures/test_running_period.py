"""A period that still runs is read at the moment facts were last taken in; nothing is overdue before its deadline."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import select

from gridmgmt.assessing.operations import scoring
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import CutOffAhead, PeriodAhead
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from tests.postgis.towns import case, load


def test_a_running_month_ends_where_the_data_ends(town: Work, tmp_path: Path) -> None:
    work = town
    day = dt.datetime(2025, 11, 23, tzinfo=dt.UTC)
    due = [("late", "2025-11-22 10:00:00"), ("open", "2025-11-25 10:00:00")]
    load(work, tmp_path, [case(no, at="2025-11-20 09:00:00", due=at) for no, at in due])
    with work.transaction() as connection:  # as if the import had been made on that day
        connection.execute(t.batch.update().values(known_at=day))
    table, figures = indicators.indicators(work, parse_period("2025-11"), "city")
    assert figures.as_of == day
    assert (table["n_reported"].sum(), table["n_due"].sum(), table["n_overdue_open"].sum()) == (2, 1, 1)
    assert scoring.score(work, "grid_baseline", parse_period("2025-11")).header.as_of.startswith("2025-11-23")
    with pytest.raises(PeriodAhead):
        indicators.indicators(work, parse_period("2025-12"), "city")
    with work.engine.connect() as connection:
        assert connection.execute(select(t.batch.c.known_at)).scalars().first() == day


def test_a_cut_off_that_has_not_come_is_refused(town: Work, tmp_path: Path) -> None:
    """Otherwise the same command would find other facts tomorrow."""
    load(town, tmp_path, [case("1", at="2025-11-20 09:00:00")])
    november, now = parse_period("2025-11"), dt.datetime.now(dt.UTC)
    for ahead in (now + dt.timedelta(hours=1), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)):
        with pytest.raises(CutOffAhead):
            scoring.score(town, "grid_baseline", november, as_of=ahead)
    assert scoring.listing(town) == []
    _, figures = indicators.indicators(town, november, "city", now - dt.timedelta(seconds=1))
    assert figures.as_of == now - dt.timedelta(seconds=1)
