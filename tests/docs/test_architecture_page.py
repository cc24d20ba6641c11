"""docs/architecture.md: the picture and the table are made from the contracts; every function on the walk is there."""

import importlib
import re
from functools import reduce

import pytest

from tests.docs import rooms

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


@pytest.mark.parametrize("name", NAMES)
def test_each_function_on_the_walk_is_there(name: str) -> None:
    module, parts = name, []
    while True:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            parts.insert(0, last)
            continue
        break
    assert parts, f"{name} is a module, not a function of one"
    assert callable(reduce(getattr, parts, found))
