"""Tiles over HTTP, read by decoders that others wrote."""

import gzip
import json
import re

import mapbox_vector_tile
import numpy as np
import pyogrio
import pytest
import shapely

from gridmgmt.places.tiles import EXTENT, Tile, world
from tests.api.small_city import COMMUNITIES, NAMES, SIDE, SOUTH, TOTAL_0, WEST, centre
from tests.maps.synthetic import data_of

NAME = "grid_baseline-2025-12-1"


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    x, y = np.floor(world(np.array([[lon, lat]]))[0] * 2**z).astype(int).tolist()
    return z, x, y


def address(collection: str, z: int, x: int, y: int) -> str:
    return f"/tiles/{collection}/{z}/{x}/{y}.mvt"


def decoded(answer) -> dict:
    return mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})


@pytest.mark.parametrize("z", [12, 14, 16, 19])
def test_a_tile_holds_the_communities_where_they_are(client, z):
    at = tile_of(*centre(5), z)
    answer = client.get(address("grids-community", *at))
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    layer = decoded(answer)["grids"]
    assert layer["extent"] == EXTENT
    lon, lat = np.array(centre(5))
    point = world(np.array([[lon, lat]]))[0] * Tile(*at).scale - Tile(*at).corner
    [found] = [f for f in layer["features"] if shapely.geometry.shape(f["geometry"]).covers(shapely.Point(point))]
    assert found["properties"] == {
        "code": COMMUNITIES[5], "parent": COMMUNITIES[5][:9], "name": NAMES[5], "name_en": "Community 5"
    }  # fmt: skip
    assert found["id"] == 6
    corners = np.array([(WEST + i * SIDE, SOUTH + j * SIDE) for i in (2, 3) for j in (1, 2)])
    units = world(corners) * Tile(*at).scale - Tile(*at).corner
    square = shapely.box(*units.min(axis=0), *units.max(axis=0))
    seen = square.intersection(shapely.box(-64, -64, EXTENT + 64, EXTENT + 64))
    off = 1 + 0.5 / (40_075_017 / Tile(*at).scale)  # drawn to half a metre
    assert shapely.hausdorff_distance(shapely.geometry.shape(found["geometry"]), seen) < 1.5 * off


def test_every_name_stands_in_one_tile_within_its_grid(client):
    z, x, y = tile_of(WEST, SOUTH + 2 * SIDE, 14)
    seen = {}
    for i in range(4):
        for j in range(3):
            answer = client.get(address("grids-community", z, x + i, y + j))
            if answer.status_code == 204:
                continue
            layers = decoded(answer)
            areas = {
                f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in layers["grids"]["features"]
            }
            for f in layers.get("labels", {"features": []})["features"]:
                code = f["properties"]["code"]
                assert code not in seen
                seen[code] = areas[code].covers(shapely.geometry.shape(f["geometry"]))
    assert seen == dict.fromkeys(COMMUNITIES, True)


def test_a_tile_of_scores_says_what_the_scorecards_say(client, get):
    at = tile_of(WEST + SIDE, SOUTH + SIDE, 12)
    layer = decoded(client.get(address("scores-community", *at)))["grids"]
    told = {f["properties"]["code"]: f["properties"] for f in layer["features"]}
    assert sorted(told) == COMMUNITIES
    ranking = {r["code"]: r for r in get(f"/v1/assessments/{NAME}/scorecards?level=community")["rows"]}
    for code, own in told.items():
        shown = ranking[code]
        assert own.get("rank") == shown["rank"]
        assert (f"{own['value']:.2f}" if "value" in own else None) == shown["total"]
    assert f"{told[COMMUNITIES[0]]['value']:.2f}" == TOTAL_0
    assert [told[c]["class"] for c in (COMMUNITIES[5], COMMUNITIES[0], COMMUNITIES[1])] == [4, 2, -1]
    rate = decoded(client.get(address("scores-community", *at), params={"indicator": "closing_rate"}))["grids"]
    assert {f["properties"]["code"]: f["properties"].get("value") for f in rate["features"]}[COMMUNITIES[0]] == 0.9
    answer = client.get(address("scores-community", *at), params={"indicator": "wealth"})
    assert answer.json()["code"] == "indicator_missing"


def test_a_tile_of_figures_says_what_the_table_says(client, get):
    asked = {"period": "2025-12", "indicator": "n_due"}
    at = tile_of(WEST + SIDE, SOUTH + SIDE, 12)
    for level in ("city", "street", "community"):
        layer = decoded(client.get(address(f"indicators-{level}", *at), params=asked))["grids"]
        told = {f["properties"]["code"]: f["properties"]["value"] for f in layer["features"]}
        table = get("/v1/indicators", params={"period": "2025-12", "level": level})
        assert told == {r["code"]: r["n_due"] for r in table["rows"]}
    cut = client.get(address("indicators-city", *at), params={**asked, "indicator": "n_closed", "as_of": "2025-12-15"})
    assert decoded(cut)["grids"]["features"][0]["properties"]["value"] == 10


def test_a_tile_is_tagged_packed_and_empty_ones_say_so(client):
    path = address("grids-community", *tile_of(*centre(0), 12))
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert len(gzip.compress(plain.content)) < len(plain.content)
    for found in (answer, plain):
        sent = {
            "If-None-Match": found.headers["etag"],
            "Accept-Encoding": found.headers.get("content-encoding", "identity"),
        }
        again = client.get(path, headers=sent)
        assert (again.status_code, again.content) == (304, b"")
    empty = client.get(address("grids-community", *tile_of(100, 20, 12)))
    assert (empty.status_code, empty.content) == (204, b"")
    assert "content-type" not in empty.headers


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("grids-community/3/8/1.mvt", 404, "tile_missing"),
        ("grids-community/3/1/8.mvt", 404, "tile_missing"),
        ("grids-community/0/0/0.png", 404, "path_unknown"),
        ("grids-community/3/-1/1.mvt", 422, "request_invalid"),
        ("grids-community/3/1/x.mvt", 422, "request_invalid"),
        ("grids-community/23/1/1.mvt", 422, "request_invalid"),
        ("grids-village/3/1/1.mvt", 422, "level_unknown"),
        ("grids-community/3/1/1.mvt?colour=red", 422, "request_invalid"),
        ("grids-community/3/1/1.mvt?edition=1999", 404, "edition_missing"),
        ("grids-community/3/1/1.mvt?on=1999-01-01", 404, "no_edition_on_date"),
        ("scores-community/3/1/1.mvt?assessment=none", 404, "assessment_missing"),
        ("indicators-community/3/1/1.mvt?period=2025-12", 422, "request_invalid"),
        ("indicators-community/3/1/1.mvt?period=soon&indicator=n_due", 422, "period_invalid"),
        ("wards-community/3/1/1.mvt", 404, "path_unknown"),
    ],
)
def test_what_there_is_not_is_a_problem(client, path, status, code):
    answer = client.get(f"/tiles/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code


def test_gdal_reads_a_tile(client, tmp_path):
    z, x, y = tile_of(WEST + SIDE, SOUTH + SIDE, 12)
    (tmp_path / "tile.mvt").write_bytes(client.get(address("scores-community", z, x, y)).content)
    drivers = {"X": x, "Y": y, "Z": z, "CLIP": "NO"}
    frame = pyogrio.read_dataframe(tmp_path / "tile.mvt", layer="grids", **drivers)
    assert sorted(frame["code"]) == COMMUNITIES
    assert frame.crs.to_epsg() == 3857
    assert frame.geometry.is_valid.all()
    degrees = frame.to_crs(4326).set_index("code").geometry
    for n, code in enumerate(COMMUNITIES):
        west, south = WEST + n // 2 * SIDE, SOUTH + n % 2 * SIDE
        square = shapely.box(west, south, west + SIDE, south + SIDE)
        assert shapely.hausdorff_distance(degrees[code], square) < 2 * 360 / Tile(z, x, y).scale
    assert set(pyogrio.list_layers(tmp_path / "tile.mvt")[:, 0]) == {"grids", "labels"}


def test_tilejson_leads_to_the_tiles_and_says_what_they_hold(client, get):
    told = get("/tiles/scores-community/tilejson.json?indicator=closing_rate")
    assert told["tilejson"] == "3.0.0"
    assert told["bounds"] == pytest.approx([WEST, SOUTH, WEST + 4 * SIDE, SOUTH + 2 * SIDE], abs=1e-5)
    [template] = told["tiles"]
    lon, lat, zoom = told["center"]
    assert told["minzoom"] <= zoom <= told["maxzoom"]
    z, x, y = tile_of(lon, lat, zoom)
    layers = decoded(client.get(template.format(z=z, x=x, y=y)))
    assert [layer["id"] for layer in told["vector_layers"]] == list(layers) == ["grids", "labels"]
    for layer in told["vector_layers"]:
        carried = {name for f in layers[layer["id"]]["features"] for name in f["properties"]}
        assert carried == layer["fields"].keys()
    assert "assessment=" + NAME in template, "another assessment may be the latest one tomorrow"
    assert told["name"] == "小城 · 社区 · 结案率"
    assert get("/tiles/scores-community/tilejson.json?lang=en")["name"] == "Smallville · Community · Total"


def test_beyond_its_linework_a_level_is_drawn_as_it_is_stored(client, get):
    told = get("/tiles/grids-community/tilejson.json")["description"]
    last = int(told.split("缩放级别 ")[1].split()[0])
    corner = world(np.array([[WEST + SIDE, SOUTH + SIDE]]))[0]
    z, x, y = tile_of(WEST + SIDE, SOUTH + SIDE, 20)
    assert last < z
    layer = decoded(client.get(address("grids-community", z, x, y)))["grids"]
    points = np.concatenate([shapely.get_coordinates(shapely.geometry.shape(f["geometry"])) for f in layer["features"]])
    exact = corner * Tile(z, x, y).scale - Tile(z, x, y).corner
    assert np.abs(points - exact).max(axis=1).min() <= 0.5


def test_tilesets_and_their_links(client, get):
    listed = get("/tiles")
    found = [link["href"] for told in listed["tilesets"] for link in told["links"]]
    assert [href.rsplit("/", 1)[1] for href in found] == [
        f"{kind}-{level}" for kind in ("grids", "scores") for level in ("city", "district", "street", "community")
    ]
    assert all(client.get(link["href"]).status_code == 200 for link in listed["links"])
    for href in found:
        told = get(href)
        links = {link["rel"]: link["href"] for link in told["links"]}
        item = links.pop("item")
        assert all(client.get(link).status_code == 200 for link in links.values())
        low, high = told["boundingBox"]["lowerLeft"], told["boundingBox"]["upperRight"]
        z, x, y = tile_of(*((a + b) / 2 for a, b in zip(low, high, strict=True)), 12)
        tile = client.get(item.format(tileMatrix=z, tileCol=x, tileRow=y))
        layers = decoded(tile)
        for layer in told["layers"]:
            kinds = {"string": str, "integer": int, "number": (int, float)}
            known = layer["propertiesSchema"]["properties"]
            for f in layers[layer["id"]]["features"]:
                assert all(isinstance(v, kinds[known[name]["type"]]) for name, v in f["properties"].items())


def test_the_matrix_set_is_web_mercator_quad(get):
    assert [x["id"] for x in get("/tiles/tileMatrixSets")["tileMatrixSets"]] == ["WebMercatorQuad"]
    told = get("/tiles/tileMatrixSets/WebMercatorQuad")
    first, second, *_, last = told["tileMatrices"]
    # as OGC 17-083r4, table D.1 has them
    assert first["scaleDenominator"] == pytest.approx(559_082_264.0287178)
    assert first["cellSize"] == pytest.approx(156_543.033_928_041)
    assert first["pointOfOrigin"] == pytest.approx([-20_037_508.342_789_2, 20_037_508.342_789_2])
    assert second["scaleDenominator"] == pytest.approx(279_541_132.0143589)
    assert (last["id"], last["matrixWidth"], last["tileWidth"]) == ("22", 2**22, 256)


def test_a_style_needs_no_other_host(client, get):
    plain, english = get("/tiles/grids-street/style.json"), get("/tiles/scores-community/style.json?lang=en")
    for told in (plain, english):
        assert "sprite" not in told
        glyphs = client.get(told["glyphs"].format(fontstack="Noto Sans CJK SC,sans-serif", range="19968-20223"))
        assert (glyphs.status_code, glyphs.content) == (200, b"")
        hosts = set(re.findall(r"https?://[^/\"]+", json.dumps(told)))
        assert hosts == {"http://localhost"}
        source = told["sources"]["grids"]
        drawn = {x["source-layer"] for x in told["layers"] if "source" in x}
        assert drawn == {x["id"] for x in get(source["url"])["vector_layers"]}
    names = {x["id"]: x for x in english["layers"]}["names"]["layout"]["text-field"]
    assert names == ["get", "name_en"]
    fill = {x["id"]: x for x in english["layers"]}["areas"]["paint"]["fill-color"]
    legend = english["metadata"]["legend"]
    assert fill == [
        "match",
        ["get", "class"],
        *(x for c in legend[:-1] for x in (c["class"], c["colour"])),
        legend[-1]["colour"],
    ]
    page = data_of(client.get("/maps/choropleth").text)
    shown = [c["colour"] for c in next(x for x in page["layers"] if x["key"] == "community")["classes"]]
    assert [c["colour"] for c in legend[:-1]] == shown
