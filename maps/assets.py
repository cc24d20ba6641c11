"""What a map page carries inside itself: Leaflet, our scripts and styles, and data as safe JSON.

A command centre's network has no internet, so a page asks no host for
anything: the library's text stands in the page, its pictures as data URIs.
"""

import base64
import gzip
import json
import re
from functools import cache
from html import escape
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

import folium
from branca.element import Element, Figure
from folium.template import Template

from gridmgmt.texts import both


@cache
def leaflet(name: str) -> str:
    """One of Leaflet's text files, from the package that carries the version folium is made for.

    Addresses of other hosts (its home page, its source map, a bug report) are
    cut out, so that a page names no host at all; pictures of the stylesheet
    become data URIs. Its licence comment stays.
    """
    folder = Path(str(distribution("XStatic-Leaflet").locate_file("xstatic/pkg/leaflet/data")))
    text = (folder / name).read_text("utf-8")

    def inline(match: re.Match[str]) -> str:
        return f"url(data:image/png;base64,{base64.b64encode((folder / match[1]).read_bytes()).decode()})"

    text = re.sub(r"//# sourceMappingURL=.*|https://(?:leafletjs\.com|bugzilla\.mozilla\.org)[\w/.?=]*", "", text)
    return re.sub(r"url\((images/[\w-]+\.png)\)", inline, text)


@cache
def template(name: str) -> str:
    """One of our own page files in ``maps/templates``."""
    return (files("maps") / "templates" / name).read_text("utf-8")


def _packed(data: Any) -> str:
    """JSON, compressed, in base 64: no character of it can end or open markup; page.js unpacks it.

    ``NaN`` is refused: "no data" is ``null`` and said so by its own key.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


class Verbatim(Element):
    """A piece of the page that goes in as it is.

    branca reads every text as a Jinja template once more, so a grid named
    ``{{ 7 * 7 }}`` would be computed; here the text is a value, not a template.
    """

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class OfflineMap(folium.Map):
    """A folium map whose page fetches nothing: Leaflet inlined once, no tiles, no other library.

    Its data are compressed; a browser too old to read it (before Chromium 86) shows a sentence in its place.

    folium keeps its links in class-level lists that ``add_js_link`` changes
    for everyone; each of our maps has lists of its own, empty at first.

    Parameters
    ----------
    script, data
        The page's own program and its data; both run after the map exists.
    title
        Of the browser's window; escaped here.
    """

    def __init__(self, script: str, data: dict[str, Any], title: str) -> None:
        super().__init__(
            location=(0, 0),
            tiles=None,
            font_size="14px",
            zoom_snap=0.25,
            zoom_control=False,
            attribution_control=False,
        )
        self._id = "page"  # folium's ids are random: a fixed one keeps the same input at the same bytes
        self.default_js, self.default_css = [], []
        self.program, self.data, self.title = script, data, title

    def render(self, **kwargs: Any) -> None:  # type: ignore[override]  # folium's own returns nothing
        """Put library, frame, data and program into the figure, then let folium add its map."""
        figure = self.get_root()
        assert isinstance(figure, Figure)
        figure.title = escape(self.title)
        library = f"<style>{leaflet('leaflet.css')}</style>\n<script>{leaflet('leaflet.js')}</script>"
        figure.header.add_child(Verbatim(library), name="leaflet")
        super().render(**kwargs)  # type: ignore[no-untyped-call]
        figure.header.add_child(Verbatim(f"<style>{template('page.css')}</style>"), name="page_css")
        block = f'<script type="text/plain" id="page-data">{_packed(self.data)}</script>'
        wait = f'<p id="wait">{escape(both("map_wait"))}</p>'
        figure.html.add_child(Verbatim(template("page.html") + wait + block), name="page_html")
        code = template("shapes.js") + template("page.js") + self.program
        start = f"unpack('page-data').then((data) => startPage({self.get_name()}, data));"
        figure.script.add_child(Verbatim(f"(function () {{\n{code}\n{start}\n}})();"), name="page_js")
