"""What the OGC API says of the service and its collections (OGC 17-069r4, 18-058r1, 19-079r2)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request

from gridmgmt.city import City, Level
from gridmgmt.features import systems
from gridmgmt.features.collections import GEOMETRY, Collection, Column, Kind
from gridmgmt.features.operations.reading import Described, Page
from gridmgmt.features.times import Span
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import indicator_words
from gridmgmt.texts import word

JSON, GEOJSON, HTML, SCHEMA = "application/json", "application/geo+json", "text/html", "application/schema+json"
_OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
CONFORMS = (
    *(f"{_FEATURES}1/1.0/conf/{x}" for x in ("core", "geojson", "html")),
    f"{_FEATURES}2/1.0/conf/crs",
    *(f"{_FEATURES}3/1.0/conf/{x}" for x in ("queryables", "filter", "features-filter")),
    *(f"{_CQL2}{x}" for x in (
        "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
        "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions", "temporal-functions",
    )),
)  # fmt: skip

_SHAPES: Mapping[Kind, str] = {
    "grids": "geometry-multipolygon", "indicators": "geometry-multipolygon", "cases": "geometry-point",
    "samples": "geometry-point", "layers": "geometry-any",
}  # fmt: skip
_SCHEMAS: Mapping[str, Mapping[str, str]] = {
    **{x: {"type": x} for x in ("string", "integer", "number", "boolean", "object")},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
}

Document = dict[str, Any]


def link(request: Request, path: str, rel: str, media: str, title: str, **query: Any) -> dict[str, str]:
    """A link below /ogc, or with a leading slash elsewhere on this server."""
    base = str(request.base_url).rstrip("/")
    asked = {name: value for name, value in query.items() if value is not None}
    href = f"{base}{path}" if path.startswith("/") else f"{base}/ogc" + (f"/{path}" if path else "")
    return {"rel": rel, "type": media, "title": title, "href": href + (f"?{urlencode(asked)}" if asked else "")}


def _both(request: Request, path: str, media: str, is_html: bool, lang: str) -> list[dict[str, str]]:
    """This page, and itself in its other form."""
    forms = [(media, "json"), (HTML, "html")]
    (own, own_f), (other, other_f) = reversed(forms) if is_html else forms
    return [
        link(request, path, "self", own, word("ogc_self", lang=lang), f=own_f),
        link(request, path, "alternate", other, word("ogc_other", lang=lang), f=other_f),
    ]


def landing(request: Request, city: City, is_html: bool, lang: str) -> Document:
    """The first page: what this is, and where everything else is."""
    links = [
        *_both(request, "", JSON, is_html, lang),
        link(request, "api", "service-desc", _OPENAPI, word("ogc_api", lang=lang)),
        link(request, "/docs", "service-doc", HTML, word("ogc_api", lang=lang)),
        link(request, "conformance", "conformance", JSON, word("ogc_conformance", lang=lang)),
        link(request, "collections", "data", JSON, word("ogc_collections", lang=lang)),
    ]
    return {
        "title": word("ogc_title", {"city": city.name(lang)}, lang),
        "description": word("ogc_description", lang=lang),
        "links": links,
    }


def api(request: Request) -> Document:
    """The application's own document, of this service only: addresses below it, one for the features of all kinds.

    GDAL looks here whether filters may be sent. What is asked of times it would send as ``datetime=`` otherwise, of
    whatever column, and count too few.
    """
    whole: Document = request.app.openapi()
    own = {p.removeprefix("/ogc") or "/": x for p, x in whole["paths"].items() if p.startswith("/ogc")}
    kinds = {p: x for p, x in own.items() if "/items" in p}
    of_any = {p.replace("/collections/cases/", "/collections/{collectionId}/"): _of_any(x)
              for p, x in kinds.items() if p.startswith("/collections/cases/")}  # fmt: skip
    paths = {p: x for p, x in own.items() if p not in kinds} | of_any
    return {**whole, "servers": [{"url": link(request, "", "self", JSON, "")["href"]}], "paths": paths}


def _of_any(path: Document) -> Document:
    """What the features of cases are asked, for the features of any collection."""
    name = {"name": "collectionId", "in": "path", "required": True, "schema": {"type": "string"}}
    own = {key: value for key, value in path["get"].items() if key not in ("x-verb", "operationId")}
    return {"get": {**own, "parameters": [name, *own["parameters"]]}}


def conformance() -> Document:
    """What of the standards is kept."""
    return {"conformsTo": list(CONFORMS)}


def listing(request: Request, city: City, found: Sequence[Described], is_html: bool, lang: str) -> Document:
    """All collections."""
    return {
        "links": _both(request, "collections", JSON, is_html, lang),
        "crs": list(systems.systems(city)),
        "collections": [described(request, city, x, is_html, lang) for x in found],
    }


def described(request: Request, city: City, found: Described, is_html: bool, lang: str) -> Document:
    """One collection."""
    own = found.collection
    path, facts = f"collections/{quote(own.id)}", _facts(own, lang)
    items = word("ogc_items", lang=lang)
    return {
        "id": own.id,
        "title": word(f"ogc_{own.kind}", facts, lang),
        "description": word(f"ogc_{own.kind}_about", facts, lang),
        "itemType": "feature",
        "extent": _extent(found, city),
        "crs": list(systems.systems(city)),
        "storageCrs": systems.storage_uri(city),
        "links": [
            *_both(request, path, JSON, is_html, lang),
            link(request, f"{path}/items", "items", GEOJSON, items),
            link(request, f"{path}/items", "items", HTML, items, f="html"),
            link(request, f"{path}/queryables", _QUERYABLES, SCHEMA, word("ogc_queryables", lang=lang)),
        ],
    }


def title(collection: Collection, lang: str) -> str:
    """What a collection is called."""
    return word(f"ogc_{collection.kind}", _facts(collection, lang), lang)


def _facts(collection: Collection, lang: str) -> dict[str, str]:
    kind, name = collection.layer or ("", "")
    level = "" if collection.level is None else _named(collection.level, lang)
    return {"level": level, "period": str(collection.period or ""), "layer_kind": kind, "layer": name}


def _named(level: Level, lang: str) -> str:
    return level.zh if lang == "zh" else level.en


def _extent(found: Described, city: City) -> Document:
    out: Document = {"temporal": {"interval": [_interval(found.span, city)], "trs": _GREGORIAN}}
    if found.box is not None:
        out["spatial"] = {"bbox": [list(found.box)], "crs": systems.CRS84}
    return out


def _interval(span: Span, city: City) -> list[str | None]:
    return [None if x is None else _instant(x, city) for x in (span.first, span.last)]


def _instant(at: dt.datetime, city: City) -> str:
    return at.astimezone(city.zone).isoformat()


def queryables(request: Request, collection: Collection, lang: str) -> Document:
    """The columns that a filter may ask, as a JSON Schema."""
    shape = {"title": word("ogc_geometry", lang=lang), "format": _SHAPES[collection.kind]}
    shape["x-ogc-role"] = "primary-geometry"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": link(request, f"collections/{quote(collection.id)}/queryables", "self", SCHEMA, "")["href"],
        "type": "object",
        "title": title(collection, lang),
        "properties": {GEOMETRY: shape, **{x.name: _schema(x, lang) for x in collection.queryables}},
        "additionalProperties": False,
    }


def _schema(column: Column, lang: str) -> Document:
    return {"title": called(column.name, lang), **_SCHEMAS[column.type]}


def called(name: str, lang: str) -> str:
    """What a column is called."""
    return indicator_words(name)[lang] if name in COUNTS or name in RATIOS else word(f"property_{name}", lang=lang)


def page_links(request: Request, page: Page, is_html: bool, lang: str) -> list[dict[str, str]]:
    """A page of features, its other form, the page behind it, and its collection."""
    path = f"collections/{quote(page.collection.id)}"
    asked = {k: v for k, v in request.query_params.items() if k != "f"}
    own, other = (HTML, GEOJSON) if is_html else (GEOJSON, HTML)
    forms = {GEOJSON: "json", HTML: "html"}
    items = f"{path}/items"
    out = [
        link(request, items, "self", own, word("ogc_self", lang=lang), **{**asked, "f": forms[own]}),
        link(request, items, "alternate", other, word("ogc_other", lang=lang), **{**asked, "f": forms[other]}),
        link(request, path, "collection", JSON, title(page.collection, lang)),
    ]
    if page.cursor is not None:
        following = {**asked, "f": forms[own], "cursor": page.cursor}
        out.append(link(request, items, "next", own, word("ogc_next", lang=lang), **following))
    return out


def feature_links(request: Request, page: Page, is_html: bool, lang: str) -> list[dict[str, str]]:
    """One feature, its other form, and its collection."""
    path = f"collections/{quote(page.collection.id)}"
    own = f"{path}/items/{quote(page.features[0].id, safe='')}"
    collection = link(request, path, "collection", JSON, title(page.collection, lang))
    return [*_both(request, own, GEOJSON, is_html, lang), collection]
