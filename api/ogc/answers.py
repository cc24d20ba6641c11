"""The OGC API's answers: GeoJSON that the database wrote and nobody reads again, and plain HTML of the same."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.asked import accepted
from api.ogc import documents
from api.ogc.documents import GEOJSON, JSON, Document
from gridmgmt.features.operations.reading import Feature, Page
from gridmgmt.texts import word


def is_html(request: Request, wanted: str | None) -> bool:
    """Whether the reader wants a page to look at: ``f=`` says so, else Accept."""
    return wanted == "html" if wanted else accepted(request, ("geojson", "json", "schema", "html")) == "html"


def document(found: Document, html: bool, lang: str, title: str, media: str = JSON) -> Response:
    """A document as JSON, or set out as a page."""
    if html:
        return _page("document.html", lang, title=title, found=found)
    return Response(json.dumps(found, ensure_ascii=False), media_type=media, headers={"Content-Language": lang})


def features(request: Request, page: Page, html: bool, lang: str) -> Response:
    """A page of features."""
    links = documents.page_links(request, page, html, lang)
    counted = {"matched": page.n_matched, "returned": len(page.features)}
    if html:
        told = word("ogc_counted", counted, lang)
        return _table(page, page.features, links, lang, told)
    head = {
        "type": "FeatureCollection",
        "numberMatched": page.n_matched,
        "numberReturned": len(page.features),
        "links": links,
    }
    body = ",".join(_feature(x, {}) for x in page.features)
    return _geojson(f'{_open(head)},"features":[{body}]}}', page)


def feature(request: Request, page: Page, html: bool, lang: str) -> Response:
    """One feature."""
    links = documents.feature_links(request, page, html, lang)
    if html:
        return _table(page, page.features, links, lang, "")
    return _geojson(_feature(page.features[0], {"links": links}), page)


def _geojson(body: str, page: Page) -> Response:
    return Response(body, media_type=GEOJSON, headers={"Content-Crs": f"<{page.system.uri}>"})


def _feature(found: Feature, more: Mapping[str, Any]) -> str:
    head = {"type": "Feature", "id": found.id, "properties": found.properties, **more}
    return f'{_open(head)},"geometry":{found.shape or "null"}}}'


def _open(head: Mapping[str, Any]) -> str:
    """A JSON object left open for one more member."""
    return json.dumps(head, ensure_ascii=False)[:-1]


def _table(page: Page, found: Sequence[Feature], links: list[dict[str, str]], lang: str, told: str) -> Response:
    columns = [(x.name, documents.called(x.name, lang)) for x in page.collection.columns]
    title = documents.title(page.collection, lang)
    response = _page("features.html", lang, title=title, told=told, links=links, columns=columns, features=found)
    response.headers["Content-Crs"] = f"<{page.system.uri}>"
    return response


def _page(name: str, lang: str, **more: Any) -> HTMLResponse:
    html = _environment().get_template(name).render(lang=lang, t=lambda code: word(f"ogc_{code}", lang=lang), **more)
    return HTMLResponse(html, headers={"Content-Language": lang})


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
