"""What describes tiles (瓦片集说明): TileJSON 3.0.0, OGC API – Tiles' tilesets, and the matrix set WebMercatorQuad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gridmgmt.places.tiles import AREAS, DEEPEST, ENLARGED, LABEL_FACTS, LABELS, Facts, Ground
from gridmgmt.texts import word
from maps.style import Classes, Text

MVT = "application/vnd.mapbox-vector-tile"
QUAD = "WebMercatorQuad"
_CRS_URI = "http://www.opengis.net/def/crs/EPSG/0/3857"
_QUAD_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
_TILESETS_REL = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
_HALF_M = 20_037_508.342_789_244
_CELL_M = 2 * _HALF_M / 256
_PIXEL_M = 0.000_28
"""Side of the pixel that scale denominators are told for (OGC 17-083r4, 6.2)."""
_JSON_TYPES = {str: "string", int: "integer", float: "number"}


@dataclass(frozen=True)
class Tileset:
    """One level of one collection, as it was asked for.

    Attributes
    ----------
    query
        What fixes the answer, in every link: so tiles fit together while another edition or assessment comes up.
    """

    collection: str
    query: Mapping[str, str]
    title: Text
    level: int
    edition: str
    facts: Facts
    classes: Classes | None = None

    def address(self, base: str, path: str) -> str:
        """Where something of it is to be had; braces of templates stay."""
        return f"{base}tiles/{self.collection}{path}?{urlencode(self.query)}"

    def tiles(self, base: str, ogc: bool = False) -> str:
        """The template of its tiles' addresses, in the names of TileJSON or of OGC API – Tiles."""
        path = "/{tileMatrix}/{tileCol}/{tileRow}.mvt" if ogc else "/{z}/{x}/{y}.mvt"
        return self.address(base, path)


def tilejson(found: Tileset, drawn: Ground, base: str, lang: str) -> dict[str, Any]:
    """TileJSON 3.0.0; beyond its ``maxzoom`` clients draw the last tiles larger."""
    west, south, east, north = (round(x, 7) for x in drawn.bounds)
    layers = {name: {c: word(f"tile_field_{c}", lang=lang) for c in told} for name, told in _layers(found).items()}
    return {
        "tilejson": "3.0.0",
        "name": found.title[lang],
        "description": word(
            "tile_description", {"edition": found.edition, "off_m": f"{drawn.off_m:.1f}", "z": drawn.deepest}, lang
        ),
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [found.tiles(base)],
        "minzoom": 0,
        "maxzoom": ENLARGED,
        "bounds": [west, south, east, north],
        "center": [round((west + east) / 2, 7), round((south + north) / 2, 7), _fitting(drawn)],
        "vector_layers": [
            {
                "id": name,
                "description": word(f"tile_layer_{name}", lang=lang),
                "minzoom": 0,
                "maxzoom": ENLARGED,
                "fields": fields,
            }
            for name, fields in layers.items()
        ],
    }


def _layers(found: Tileset) -> dict[str, list[str]]:
    """Each layer with what its features tell."""
    return {AREAS: list(found.facts.columns), LABELS: list(LABEL_FACTS)}


def _fitting(drawn: Ground) -> int:
    """The zoom at which the whole is about one tile wide."""
    west, _, east, _ = drawn.bounds
    return next((z for z in range(ENLARGED, 0, -1) if (east - west) * 2**z <= 360), 0)


def tileset(found: Tileset, drawn: Ground, base: str, lang: str) -> dict[str, Any]:
    """A tileset's metadata (OGC 17-083r4 and 20-057)."""
    west, south, east, north = (round(x, 7) for x in drawn.bounds)
    kinds = {c: _JSON_TYPES[kind] for c, kind in found.facts.columns.items()}
    layers = [
        {
            "id": name, "dataType": "vector", "geometryDimension": 2 if name == AREAS else 0,
            "minTileMatrix": "0", "maxTileMatrix": str(ENLARGED),
            "propertiesSchema": {
                "type": "object",
                "properties": {c: {"type": kinds[c], "title": word(f"tile_field_{c}", lang=lang)} for c in told},
            },
        }
        for name, told in _layers(found).items()
    ]  # fmt: skip
    links = [
        _link("self", "application/json", found.address(base, "")),
        {**_link("item", MVT, found.tiles(base, ogc=True)), "templated": True},
        _link("describedby", "application/json", found.address(base, "/tilejson.json")),
        _link("alternate", "application/vnd.mapbox.style+json", found.address(base, "/style.json")),
        _link(_TILESETS_REL, "application/json", f"{base}tiles/tileMatrixSets/{QUAD}"),
    ]
    return {
        "title": found.title[lang],
        "dataType": "vector",
        "crs": _CRS_URI,
        "tileMatrixSetURI": _QUAD_URI,
        "boundingBox": {
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
            "lowerLeft": [west, south], "upperRight": [east, north],
        },
        "layers": layers,
        "links": links,
    }  # fmt: skip


def tilesets(listed: Sequence[tuple[str, str]], base: str) -> dict[str, Any]:
    """The list of tilesets, of which each has its name and title."""
    told = [
        {"title": title, "dataType": "vector", "crs": _CRS_URI, "tileMatrixSetURI": _QUAD_URI,
         "links": [_link("self", "application/json", f"{base}tiles/{collection}")]}
        for collection, title in listed
    ]  # fmt: skip
    links = [
        _link("self", "application/json", f"{base}tiles"),
        _link(_TILESETS_REL + "s", "application/json", f"{base}tiles/tileMatrixSets"),
    ]
    return {"tilesets": told, "links": links}


def matrix_sets(base: str) -> dict[str, Any]:
    """The list of the one matrix set."""
    link = _link("self", "application/json", f"{base}tiles/tileMatrixSets/{QUAD}")
    return {"tileMatrixSets": [{"id": QUAD, "title": QUAD, "uri": _QUAD_URI, "crs": _CRS_URI, "links": [link]}]}


def matrix_set() -> dict[str, Any]:
    """WebMercatorQuad as OGC 17-083r4 (annex D.1) has it."""
    return {
        "id": QUAD,
        "title": "Google Maps Compatible for the World",
        "uri": _QUAD_URI,
        "crs": _CRS_URI,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(z), "scaleDenominator": _CELL_M / 2**z / _PIXEL_M,
                "cellSize": _CELL_M / 2**z, "cornerOfOrigin": "topLeft", "pointOfOrigin": [-_HALF_M, _HALF_M],
                "tileWidth": 256, "tileHeight": 256, "matrixWidth": 2**z, "matrixHeight": 2**z,
            }
            for z in range(DEEPEST + 1)
        ],
    }  # fmt: skip


def _link(rel: str, kind: str, href: str) -> dict[str, Any]:
    return {"rel": rel, "type": kind, "href": href}
