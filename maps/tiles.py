"""What a figure's tiles tell (瓦片属性), and MapLibre styles that draw tiles (样式), without any other host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridmgmt.city import City, Level
from gridmgmt.errors import LevelUnknown
from gridmgmt.figures.operations.indicators import MapData
from gridmgmt.places.operations.tiles import name_facts
from gridmgmt.places.tiles import AREAS, LABELS, Facts
from gridmgmt.texts import LANGUAGES
from maps.style import Classes, Grade, Measure, Text, classify, text
from maps.worded import values_of

_FONTS = ["Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Arial Unicode MS", "sans-serif"]
"""Fonts of the reader's machine, which draws the texts itself: no host is asked for glyphs."""
_PLAIN, _NOTHING, _LINE = "#eef2f5", "#d9d9d9", "#5b6770"


@dataclass(frozen=True)
class Drawn:
    """One level of a figure as tiles tell it."""

    city: City
    level: Level
    edition: str
    facts: Facts
    measure: Measure
    classes: Classes


@dataclass(frozen=True)
class Figure:
    """A figure of one period on all its levels, by their key; ``query``: how it is asked for again, just this one."""

    query: Mapping[str, str]
    levels: Mapping[str, Drawn]

    def level(self, name: str) -> Drawn:
        """One of its levels.

        Raises
        ------
        LevelUnknown
            The city has none of that name, or the figure is of others.
        """
        wanted = next(iter(self.levels.values())).city.level(name).key
        if wanted not in self.levels:
            raise LevelUnknown(value=name, known=list(self.levels))
        return self.levels[wanted]

    @property
    def n_bytes(self) -> int:
        """What it weighs."""
        return sum(x.facts.n_bytes for x in self.levels.values())


def figure(query: Mapping[str, str], data: MapData, measure: Measure, grades: Sequence[Grade] = ()) -> Figure:
    """What the features of each level tell: beside the names ``value`` (nothing: no data), ``rank``, ``class``.

    Classes are those of the choropleth: 0 has the lowest values, -1 is no data.
    """
    levels = {}
    for item in data.levels:
        values = values_of(item.frame)
        classes = classify(values, measure, grades=grades)
        told = name_facts(item.frame)
        told["value"] = values
        told["rank"] = item.frame["rank"].astype("Int64").array
        told["class"] = classes.index(values)
        levels[item.level.key] = Drawn(data.city, item.level, data.edition, Facts.of(told), measure, classes)
    return Figure(query, levels)


def style(name: str, tilejson: str, glyphs: str, classes: Classes | None, lang: str | None) -> dict[str, Any]:
    """A MapLibre style over a tileset: areas by class, outlines, names; in one language or, None, in both.

    ``glyphs`` leads to none: MapLibre GL JS then writes with the machine's own fonts, before 5.11 Chinese alone.
    """
    source = {"source": "grids", "source-layer": AREAS}
    return {
        "version": 8,
        "name": name,
        "glyphs": glyphs,
        "sources": {"grids": {"type": "vector", "url": tilejson}},
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": "#ffffff"}},
            {"id": "areas", "type": "fill", **source, "paint": {"fill-color": _colour(classes), "fill-opacity": 0.85}},
            {"id": "outlines", "type": "line", **source, "paint": {"line-color": _LINE, "line-width": 0.8}},
            {
                "id": "names", "type": "symbol", "source": "grids", "source-layer": LABELS,
                "layout": {"text-field": _field(lang), "text-font": _FONTS, "text-size": 12},
                "paint": {"text-color": "#1f2933", "text-halo-color": "#ffffff", "text-halo-width": 1.2},
            },
        ],
        "metadata": {"legend": _legend(classes)},
    }  # fmt: skip


def _colour(classes: Classes | None) -> str | list[Any]:
    if classes is None:
        return _PLAIN
    if not classes.colours:
        return _NOTHING
    pairs = [x for n, colour in enumerate(classes.colours) for x in (n, colour)]
    return ["match", ["get", "class"], *pairs, _NOTHING]


def _field(lang: str | None) -> list[Any]:
    if lang == "zh":
        return ["get", "name"]
    if lang == "en":
        return ["get", "name_en"]
    both = ["concat", ["get", "name"], "\n", ["get", "name_en"]]
    return ["case", ["==", ["get", "name"], ["get", "name_en"]], ["get", "name"], both]


def _legend(classes: Classes | None) -> list[dict[str, Any]]:
    """Class, colour and range; last, what has no data."""
    if classes is None:
        return []
    labels: Sequence[Text] = classes.labels
    if classes.names:
        pairs = zip(classes.names, classes.labels, strict=True)
        labels = [{x: f"{n[x]} {r[x]}" for x in LANGUAGES} for n, r in pairs]
    told = [{"class": n, "colour": classes.colours[n], "label": dict(label)} for n, label in enumerate(labels)]
    return [*told, {"class": -1, "colour": _NOTHING, "label": dict(text("map_ui_no_data"))}]
