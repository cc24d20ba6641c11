"""A working month as a script (模拟工作月): which steps would be taken with which case, when and by whom.

The script is only asked for: the platform decides which of its steps are legal,
who answers, and when each case is due. The same seed gives the same script.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import shapely

from gridmgmt.demo.names import table
from gridmgmt.periods import Period

Rng = np.random.Generator


@dataclass(frozen=True)
class Scripted:
    """One step of the script."""

    case_no: str
    kind: str
    at: dt.datetime
    actor: str
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a case lies, of which class it is."""

    lon: float
    lat: float
    category: str


def script(
    leaves: gpd.GeoDataFrame, categories: Sequence[tuple[str, float]], period: Period, zone: ZoneInfo, seed: int, n: int
) -> list[Scripted]:
    """The steps of ``n`` cases reported in a period, in order of time; what would come after its end is left out.

    Parameters
    ----------
    leaves
        The leaf grids (geometry, EPSG:4490); cases lie inside them.
    categories
        Classes (``kind:code``) and their weights.
    """
    rng = np.random.default_rng([seed, 26])
    start, end = period.bounds(zone)
    days = (end - start).days
    seconds = np.sort(rng.integers(0, days, n) * 86_400 + (rng.normal(13.0, 3.2, n).clip(0.1, 23.9) * 3600).astype(int))
    out: list[Scripted] = []
    for number, (second, place) in enumerate(
        zip(seconds.tolist(), _places(leaves, categories, rng, n), strict=True), 1
    ):
        case_no = f"S{seed}-{period.label}-{number:05d}"
        story = _Story(case_no, start + dt.timedelta(seconds=second), place, categories, rng)
        out += [s for s in story.steps() if s.at < end]
    return sorted(out, key=lambda s: s.at)


def _places(leaves: gpd.GeoDataFrame, categories: Sequence[tuple[str, float]], rng: Rng, n: int) -> Iterator[Place]:
    shapes = leaves.geometry.to_numpy()
    names = [c for c, _ in categories]
    weights = np.array([w for _, w in categories]) / sum(w for _, w in categories)
    crowded = rng.lognormal(0, 0.7, len(shapes))
    crowded /= crowded.sum()
    before: list[Place] = []
    for _ in range(n):
        if before and rng.random() < table("simulation")["shares"]["same_place"]:
            place = before[int(rng.integers(0, len(before)))]
        else:
            lon, lat = _inside(shapes[int(rng.choice(len(shapes), p=crowded))], rng)
            place = Place(lon, lat, names[int(rng.choice(len(names), p=weights))])
        before.append(place)
        yield place


def _inside(shape: shapely.Geometry, rng: Rng) -> tuple[float, float]:
    """A random point of a polygon."""
    west, south, east, north = shape.bounds
    for _ in range(200):
        point = shapely.Point(rng.uniform(west, east), rng.uniform(south, north))
        if shape.contains(point):
            return point.x, point.y
    point = shape.representative_point()
    return point.x, point.y


class _Story:
    """One case's steps, drawn one after the other."""

    def __init__(
        self, case_no: str, at: dt.datetime, place: Place, categories: Sequence[tuple[str, float]], rng: Rng
    ) -> None:
        self._rules = table("simulation")
        self._case_no, self._at, self._place, self._rng = case_no, at, place, rng
        self._categories = [c for c, _ in categories]
        self._is_supervised = False

    def _chance(self, name: str) -> bool:
        return bool(self._rng.random() < self._rules["shares"][name])

    def _wait(self, name: str) -> None:
        self._at += dt.timedelta(seconds=int(self._rng.exponential(self._rules["minutes"][name] * 60)) + 5)

    def _step(self, kind: str, actor: str, **facts: Any) -> Scripted:
        who = self._rules["actors"][actor] + str(int(self._rng.integers(1, 10)))
        return Scripted(self._case_no, kind, self._at, who, self._rules["reasons"].get(kind), facts)

    def steps(self) -> Iterator[Scripted]:
        """From the report to the return visit."""
        sources = self._rules["sources"]
        weights = np.array([s["weight"] for s in sources])
        source = sources[int(self._rng.choice(len(sources), p=weights / weights.sum()))]
        place = self._place
        yield self._step(
            "report", "collector", source=source["zh"], category=place.category, lon=place.lon, lat=place.lat
        )
        self._wait("accept")
        if self._chance("discard"):
            yield self._step("discard", "operator")
            return
        yield from self._set_up()
        yield from self._handled()
        if self._chance("void"):
            yield self._step("void", "leader")
            return
        yield from self._verified()
        if source["public"] and self._chance("visit"):
            self._at += dt.timedelta(hours=float(self._rng.uniform(1, 60)))
            verdicts = self._rules["verdicts"]
            yield self._step(
                "visit", "operator", verdict=str(self._rng.choice(list(verdicts), p=list(verdicts.values())))
            )

    def _set_up(self) -> Iterator[Scripted]:
        yield self._step("accept", "operator")
        if self._chance("confirm"):
            self._wait("confirm")
            yield self._step("confirm", "collector")
        if self._chance("move"):
            lon, lat = self._place.lon + 0.0005, self._place.lat
            yield self._step("move", "operator", lon=lon, lat=lat)
        if self._chance("reclassify"):
            yield self._step("reclassify", "operator", category=str(self._rng.choice(self._categories)))
        self._wait("register")
        yield self._step("register", "operator")
        self._wait("dispatch")
        yield self._step("dispatch", "dispatcher")
        if self._chance("send_back"):
            self._wait("receive")
            yield self._step(
                "send_back", "unit", wrong_dispatch=self._chance("wrong_dispatch"), agreed=self._chance("agreed")
            )
            self._wait("dispatch")
            yield self._step("dispatch", "dispatcher")
        self._wait("receive")
        yield self._step("receive", "unit")

    def _handled(self) -> Iterator[Scripted]:
        if self._chance("supervise"):
            self._is_supervised = True
            kind = str(self._rng.choice(self._rules["order_kinds"]))
            yield self._step("supervise", "leader", order_kind=kind, amount="2", amount_unit="working_day")
        if self._chance("ask_extension"):
            yield self._step(
                "ask_extension", "unit", amount=str(int(self._rng.integers(1, 4))), amount_unit="working_day"
            )
            self._wait("decide")
            yield self._step("extend" if self._chance("extension_granted") else "refuse_extension", "leader")
        if self._chance("ask_postponement"):
            yield self._step("ask_postponement", "unit")
            self._wait("decide")
            if self._chance("postponement_granted"):
                yield self._step("postpone", "leader")
                low, high = self._rules["hold_days"]
                self._at += dt.timedelta(days=float(self._rng.uniform(low, high)))
                yield self._step("resume", "leader")
            else:
                yield self._step("refuse_postponement", "leader")
        hours = self._rules["handling_h"]
        self._at += dt.timedelta(hours=float(hours["median"] * np.exp(hours["spread"] * self._rng.standard_normal())))
        if self._chance("mark_false"):
            yield self._step("mark_false", "inspector")
        if self._chance("refer"):
            yield self._step("refer", "leader")
        yield self._step("answer", "unit")

    def _verified(self) -> Iterator[Scripted]:
        self._wait("verify")
        yield self._step("verify", "inspector")
        while self._chance("fail"):
            yield self._step("fail", "inspector")
            self._wait("receive")
            yield self._step("receive", "unit")
            self._wait("verify")
            yield self._step("answer", "unit")
            self._wait("verify")
            yield self._step("verify", "inspector")
        if self._is_supervised and self._chance("order_answered"):
            yield self._step("answer_order", "unit", order=1)
        self._wait("close")
        yield self._step("close", "inspector")


def filled_form(form: Mapping[str, Any], period: Period, zone: ZoneInfo, seed: int) -> dict[str, Any]:
    """A phone app's form (GeoJSON) as inspectors would hand it in: most samples looked at, some with findings."""
    rng = np.random.default_rng([seed, 27])
    rules = table("simulation")["inspection"]
    start, end = period.bounds(zone)
    features = []
    for feature in form["features"]:
        properties = dict(feature["properties"])
        if rng.random() < rules["done"]:
            at = start + (end - start) * float(rng.uniform(0.1, 0.9))
            properties["inspected_at"] = at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
            properties["inspector"] = f"{table('simulation')['actors']['inspector']}{int(rng.integers(1, 6))}"
            n = min(int(rng.poisson(rules["findings"])), len(properties["checklist"]))
            chosen = rng.choice(len(properties["checklist"]), n, replace=False).tolist()
            properties["results"] = [
                {"item": properties["checklist"][i]["code"], "n": int(rng.integers(1, 4))} for i in sorted(chosen)
            ]
        features.append({**feature, "properties": properties})
    return {**form, "features": features}
