"""docs/architecture.md: the picture and the table are made from the contracts; every function on the walk is there."""

import importlib
import inspect
import re
import sys
import threading
from functools import reduce
from pathlib import Path
from types import FrameType, FunctionType

from gridmgmt.database.work import Work
from gridmgmt.figures.operations import indicators
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings
from maps import drawing, pages
from tests.docs import rooms
from tests.postgis import towns

WALK = rooms.PAGE.read_text("utf-8").split("## One case")[1].split("\n## ")[0]
NAMES = re.findall(r"`((?:gridmgmt|maps|api)\.[\w.]+)`", WALK)


def test_the_picture_shows_the_contracts() -> None:
    assert rooms.PICTURE.read_text("utf-8") == rooms.picture(), "python -m tests.docs.rooms writes it anew"


def test_the_table_has_a_row_for_each_room_in_its_own_words() -> None:
    found = rooms.TABLE.search(rooms.PAGE.read_text("utf-8"))
    assert found
    assert found[0] == rooms.table(), "python -m tests.docs.rooms writes it anew"


def test_the_contracts_name_every_room_and_module() -> None:
    """What the picture is made from is all there is."""
    drawn = {name.split(".")[-1] for floor in rooms.floors() for name in floor}
    core = {p.stem for p in (rooms.ROOT / "gridmgmt").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert drawn == core - {"__init__"} | {"api", "maps"}


def test_the_walk_passes_through_many_rooms() -> None:
    assert len(NAMES) > 15
    assert {"files", "intake", "places", "people", "database", "figures"} <= {n.split(".")[1] for n in NAMES}


def _function(name: str) -> FunctionType:
    """What a dotted name stands for, told from the longest module in it."""
    module, parts = name, []
    while True:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            parts.insert(0, last)
            continue
        break
    found = inspect.unwrap(reduce(getattr, parts, found))
    assert isinstance(found, FunctionType), f"{name} is no function"
    return found


def test_a_case_passes_every_function_that_the_walk_names(fresh: tuple[Settings, Work], tmp_path: Path) -> None:
    """One good row, one bad; then the map: nothing on the page is only near the way."""
    work, codes = fresh[1], {_function(name).__code__: name for name in NAMES}
    towns.found(work, tmp_path, ["U1"])
    rules = tmp_path / "rules.csv"
    rules.write_text("category,level,grid_code,unit_code,valid_from,valid_to\n*,,,U1,,\n", "utf-8")
    reference.import_rules(work, rules)
    rows = [towns.case("1", due=towns.NOON, closed=towns.NOON, cat="01"), towns.case("2", rework="much")]
    passed: set[str] = set()

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in codes:
            passed.add(codes[frame.f_code])

    sys.setprofile(watch)
    threading.setprofile(watch)
    try:
        towns.load(work, tmp_path, rows)
        data = indicators.choropleth(work, "on_time_closing_rate", parse_period("2025-12"))
        pages.save(drawing.choropleth(data, "on_time_closing_rate"), tmp_path / "map.html")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert set(NAMES) - passed == set()
