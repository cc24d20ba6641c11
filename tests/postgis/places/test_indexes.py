"""Who locates in an edition lays its index once: the next ones open the file, of the same content only."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gridmgmt.database.engine import KEPT
from gridmgmt.database.work import Work
from gridmgmt.people.operations import assigning, directory
from gridmgmt.places.locator import Locator
from gridmgmt.places.operations import editions
from gridmgmt.places.store import editions as store
from gridmgmt.places.store import indexes
from tests.postgis import towns
from tests.postgis.places.test_editions import NEW_YEAR, add_edition, merged_west


@pytest.fixture
def keeping(town: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Work, Path]:
    """A town that keeps the index of any edition, however small."""
    monkeypatch.setattr(indexes, "LEAST", 0)
    folder = tmp_path / "kept"
    return town.but(engine=town.engine.execution_options(**{KEPT: folder})), folder


def located(work: Work) -> pd.DataFrame:
    """Places inside, on edges, on corners and outside, of both years."""
    steps = [n * towns.SIDE / 4 for n in range(-1, 10)]
    spots = np.array([(towns.WEST + x, towns.SOUTH + y) for x in steps for y in steps] * 2)
    points = pd.DataFrame(spots, columns=["lon", "lat"]).assign(category=None, unit_code=None)
    points["at"] = pd.to_datetime(["2025-12-01", "2026-02-01"] * (len(points) // 2), utc=True)
    with work.transaction() as connection:
        return assigning.Assigner(connection, towns.CITY).locate(points)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many polygons each index was laid of from now on."""
    made: list[int] = []
    build = Locator.build.__func__  # type: ignore[attr-defined]  # a class method's own function
    monkeypatch.setattr(Locator, "build", classmethod(lambda cls, c, g: made.append(len(c)) or build(cls, c, g)))
    return made


def test_an_index_is_laid_once_and_opened_by_the_next(
    keeping: tuple[Work, Path], town: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, folder = keeping
    expected = located(town)
    assert files(folder) == []
    pd.testing.assert_frame_equal(located(work), expected)
    assert [path.suffix for path in files(folder)] == [indexes.ENDING]
    made = built(monkeypatch)
    monkeypatch.setattr(store, "grids", lambda *_: pytest.fail("the shapes were read"))
    pd.testing.assert_frame_equal(located(work), expected)
    assert made == []


def test_activating_lays_it_and_another_content_is_another_file(
    keeping: tuple[Work, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, folder = keeping
    located(work)
    (first,) = files(folder)
    add_edition(work, tmp_path, "2026", None, merged_west())
    editions.activate(work.but(keep=False), "2026", NEW_YEAR)
    assert files(folder) == [first]
    editions.activate(work, "2026", NEW_YEAR)
    assert len(files(folder)) == 2
    made = built(monkeypatch)
    located(work)
    assert made == []


def test_a_damaged_file_is_made_again_with_the_same_answers(keeping: tuple[Work, Path]) -> None:
    work, folder = keeping
    expected = located(work)
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    pd.testing.assert_frame_equal(located(work), expected)
    assert path.read_bytes() == whole
    assert [p.name for p in files(folder)] == [path.name, f"{path.name}.damaged"]


def test_a_small_edition_and_an_unwritable_folder_are_laid_in_memory(
    keeping: tuple[Work, Path], town: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, folder = keeping
    folder.write_text("no folder")
    pd.testing.assert_frame_equal(located(work), located(town))
    folder.unlink()
    monkeypatch.setattr(indexes, "LEAST", 100_000)
    pd.testing.assert_frame_equal(located(work), located(town))
    assert files(folder) == []


def test_the_server_and_a_travelling_assigner_use_it(
    keeping: tuple[Work, Path], town: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, folder = keeping
    located(work)
    made = built(monkeypatch)
    with work.transaction() as connection:
        (edition,) = store.all_editions(connection)
        packed = pickle.dumps(assigning.Assigner(connection, towns.CITY))
        _, located_by = indexes.ground(connection, edition.id, len(towns.CITY.levels))
    kept = directory.ground(work, edition)
    assert made == []
    other = directory.ground(town, edition)
    x, y = towns.WEST + towns.SIDE / 2, towns.SOUTH + towns.SIDE / 2
    assert [g["code"] for g in kept.line(x, y)] == [g["code"] for g in other.line(x, y)] != []
    points = pd.DataFrame({"lon": [x], "lat": [y], "category": [None], "unit_code": [None]})
    points["at"] = pd.to_datetime(["2025-12-01"], utc=True)
    on_this_machine = pickle.loads(pickle.dumps(located_by))
    assert not any(level.owner.flags.writeable for level in on_this_machine.levels())  # mapped, not copied
    for path in files(folder):
        path.unlink()
    elsewhere = pickle.loads(pickle.dumps(located_by))
    assert all(level.owner.flags.writeable for level in elsewhere.levels())
    for locator in (on_this_machine, elsewhere):
        assert locator.line_at(x, y).tolist() == located_by.line_at(x, y).tolist()
    assert pickle.loads(packed).named(points)["community"].tolist() == [kept.line(x, y)[-1]["code"]]
