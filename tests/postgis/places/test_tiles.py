"""Tiles as they are sent, decoded by a library that others wrote: neighbours never part, in them and between them."""

from pathlib import Path

import pytest
import shapely

from gridmgmt.database.work import Work
from gridmgmt.places.operations import tiles
from gridmgmt.places.tiles import Facts, Ground, Tile, rounded
from tests import tiling
from tests.benchmarks import made_cities
from tests.postgis.people.test_directory import bent_city
from tests.worlds import World


def demo_city(work: Work, folder: Path) -> None:
    """The demo city with thirty communities."""
    made_cities.place(work, folder, "quick")


def opened(work: Work, level: str, near: bool) -> tuple[tiles.Named, Ground]:
    named = tiles.named(work, level)
    return named, tiles.ground(work, named.edition, named.level.number, near=near)


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("level", ["district", "community"])
@pytest.mark.parametrize("make", [demo_city, bent_city])
def test_neighbours_never_part_as_they_are_decoded(world: World, make: object, level: str, near: bool) -> None:
    work = world(make)
    named, ground = opened(work, level, near)
    for z in (10, 13, 16):
        ready = ground if near else rounded(ground, z)
        sent = {tile: tiles.encode(work, ready, tile, named.facts) for tile in tiling.around(ground, z, 4)}
        held = {tile: tiling.areas_of(body or b"") for tile, body in sent.items()}
        assert any(len(own) > 1 for own in held.values()) or z == 16
        for tile, own in held.items():
            assert tiling.parted(own, tiling.land_of(ground, tile)) == 0
            assert tiling.shares_vertices(own)
            assert all(shapely.is_valid(area) for area in own.values())
        for tile, beside, steps in tiling.pairs(list(held)):
            assert tiling.parted_between(held[tile], held[beside], steps) < 1


def test_what_features_carry(world: World) -> None:
    work = world(bent_city)
    named, ground = opened(work, "district", False)
    tile = tiling.around(ground, 10)[0]
    layers = tiling.decoded(tiles.encode(work, ground, tile, named.facts) or b"")
    assert [(f["id"], f["properties"]["code"]) for f in layers["grids"]["features"]] == [
        (n + 1, f"D{n}") for n in range(4)
    ]
    assert {f["properties"]["parent"] for f in layers["grids"]["features"]} == {"C"}
    named_here = {f["properties"]["code"]: f["properties"] for f in layers["labels"]["features"]}
    assert named_here
    assert {tuple(x) for x in named_here.values()} == {("code", "name", "name_en")}
    city, whole = opened(work, "city", False)
    [only] = tiling.decoded(tiles.encode(work, whole, tile, city.facts) or b"")["grids"]["features"]
    assert "parent" not in only["properties"]
    assert tiles.encode(work, ground, Tile(10, 0, 0), named.facts) is None


def test_a_tile_has_no_grids_of_which_nothing_is_told(world: World) -> None:
    """So a reader of one street gets its grids, and no others without a figure."""
    work = world(bent_city)
    named, ground = opened(work, "district", False)
    tile = tiling.around(ground, 10)[0]
    own = Facts(named.facts.columns, {"D1": named.facts.rows["D1"]})
    layers = tiling.decoded(tiles.encode(work, ground, tile, own) or b"")
    assert {f["properties"]["code"] for layer in layers.values() for f in layer["features"]} == {"D1"}
    assert tiles.encode(work, ground, tile, Facts(named.facts.columns, {})) is None
