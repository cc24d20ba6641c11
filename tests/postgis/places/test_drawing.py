"""How an edition is drawn is made when it begins, of what it consists of then, and read by everything that draws."""

import datetime as dt
from pathlib import Path

import pytest
import shapely
from sqlalchemy import update

from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import drawing, editions
from gridmgmt.places.store import editions as edition_store
from gridmgmt.places.store import linework as store
from maps import drawing as pages
from tests.postgis import towns
from tests.postgis.towns import add_edition, box, select_all, shapes
from tests.unit.places.test_linework import polygons

NEW_YEAR = dt.date(2026, 1, 1)


def drawn(work: Work, name: str, levels: tuple[int, ...] = (1, 2, 3)) -> object:
    with work.snapshot() as connection:
        return drawing.read(connection, edition_store.by_name(connection, name).id, levels)


def test_an_edition_is_drawn_when_it_begins_not_when_it_is_loaded(town: Work, tmp_path: Path) -> None:
    add_edition(town, tmp_path, "2026", None)
    before = select_all(town, t.linework.c.edition_id)
    assert len(before) == 3, "the three levels of the town's edition"
    editions.activate(town, "2026", NEW_YEAR)
    assert len(select_all(town, t.linework.c.edition_id)) == 6


def test_boundaries_mended_before_they_begin_are_drawn_as_mended(town: Work, tmp_path: Path) -> None:
    grids = shapes()
    grids["D1-1"], grids["D1-2"] = (("community", "D1", box(0, i, 1, 1)) for i in (0, 1))
    wrong = {**grids, "D1-1": ("community", "D1", box(0, 0, 0.5, 1))}
    add_edition(town, tmp_path, "2026", None, wrong)
    mended = towns.write_grids(tmp_path / "mended.gpkg", grids)
    editions.import_grids(town, [str(mended)], "2026", replace=True)
    editions.activate(town, "2026", NEW_YEAR)
    lines = drawn(town, "2026")
    found = dict(zip(lines.levels[3].codes, polygons(lines, 3), strict=True))
    assert shapely.hausdorff_distance(found["D1-1"], grids["D1-1"][2]) < 1e-4


def test_an_edition_of_an_older_release_is_drawn_the_same_and_once(town: Work) -> None:
    before = drawn(town, "2025")
    with town.transaction() as connection:
        connection.execute(update(t.linework).values(form=0, marks="", codes=[]))
    assert drawn(town, "2025") == before, "what was stored in another form is not read"
    assert drawing.draw_missing(town) == ["2025"]
    assert {form for (form,) in select_all(town, t.linework.c.form)} == {store.FORM}
    with town.snapshot() as connection:
        kept = store.read(connection, edition_store.by_name(connection, "2025").id, 0)
    assert kept == before
    assert drawing.draw_missing(town) == []


def test_one_level_comes_with_its_own_lines(town: Work) -> None:
    districts = drawn(town, "2025", (2,))
    assert list(districts.levels) == [2]
    assert districts.levels[2].codes == ("D1", "D2")
    assert shapely.equals(polygons(districts, 2), polygons(drawn(town, "2025"), 2)).all()


def test_maps_read_no_stored_shape(town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    towns.load(town, tmp_path, [towns.case("A1")])
    monkeypatch.setattr(edition_store, "grids", lambda *_: pytest.fail("shapes are read"))
    data = indicators.choropleth(town, "n_reported", parse_period("2025-12"))
    layers = pages.choropleth(data, "n_reported").data["layers"]
    assert [layer["code"] for layer in layers] == [list(level.codes) for level in data.lines.levels.values()]
    assert [layer["value"] for layer in layers] == [["1"], ["1", "0"], ["1", "0", "0", "0"]]
