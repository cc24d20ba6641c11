"""Topology report (拓扑检查) of an edition: does each level cover the city once, and do children fill their parents?

Everything is measured in the city's metric CRS and reported; only what would
make an assignment ambiguous beyond a stated tolerance blocks activation. Real
boundary files carry rounding on shared edges: slivers of a few cm² that belong
to two grids or to none. Those are counted, measured and let pass.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import ArrayLike, NDArray

from gridmgmt.city import City
from gridmgmt.codes import CodeLayout
from gridmgmt.geo import to_metric, to_storage
from gridmgmt.places import contested
from gridmgmt.places.contested import Settlement
from gridmgmt.places.coverage import Mask, Nesting, beyond, enclosed, mismatches, nest, overlaps
from gridmgmt.places.grids import MAX_CODES, Finding, Geometries, Severity, multipolygons

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tolerance:
    """What counts as rounding (容差; project convention); it stands in the report.

    Attributes
    ----------
    overlap_m2, overlap_share
        Two grids overlap in earnest when they share more than both: an area,
        and a share of the smaller one.
    gap_m2
        A gap up to this is rounding; a larger one is a hole.
    outside_share
        A child with more of its area outside its parent hangs on the wrong parent.
    uncovered_share
        A parent with more of its area under no child is a warning.
    rounding_share
        Smaller shares are arithmetic: measured, but no finding.
    """

    overlap_m2: float = 1.0
    overlap_share: float = 1e-4
    gap_m2: float = 1.0
    outside_share: float = 0.01
    uncovered_share: float = 0.01
    rounding_share: float = 1e-6


DEFAULT = Tolerance()

SEVERITY: Mapping[str, Severity] = {
    "grid_level_empty": "error",
    "grid_city_not_one": "error",
    "grid_code_duplicate": "error",
    "grid_parent_blank": "error",
    "grid_parent_unknown": "error",
    "grid_parent_wrong_level": "error",
    "grid_prefix_mismatch": "warning",
    "grid_invalid_geometry": "error",
    "grid_edges_mismatch": "note",
    "grid_overlap": "error",
    "grid_overlap_accepted": "warning",
    "grid_overlap_slight": "note",
    "grid_gap": "warning",
    "grid_gap_slight": "note",
    "grid_outline_hole": "note",
    "grid_outside": "error",
    "grid_outside_slight": "note",
    "grid_uncovered": "warning",
    "grid_uncovered_slight": "note",
}
"""How grave each finding of the check is; an error blocks activation."""


@dataclass(frozen=True)
class LevelMeasures:
    """One level in numbers: areas in m², shares in 0–1 of the child (outside) or the parent (uncovered).

    Attributes
    ----------
    n_edges_mismatched
        Grids with an edge that a neighbour does not share exactly.
    n_overlaps
        Pairs of grids with a common area, however small.
    n_slivers, n_gaps
        Holes in the level's union, up to and above ``Tolerance.gap_m2``, that
        are no holes of the city's outline (at level 1: the outline's holes).
    outside_*, uncovered_*
        Area of children outside their parent; area of the parents (one level up) under no child of theirs.
    """

    level: int
    n_grids: int
    area_m2: float
    n_edges_mismatched: int
    n_overlaps: int
    overlap_max_m2: float
    overlap_total_m2: float
    n_slivers: int
    sliver_max_m2: float
    n_gaps: int
    gap_max_m2: float
    outside_max_share: float = 0.0
    outside_total_m2: float = 0.0
    uncovered_max_share: float = 0.0
    uncovered_total_m2: float = 0.0


@dataclass(frozen=True)
class TopologyReport:
    """What the check measured and found, level by level, with the tolerance it judged by."""

    metric_epsg: int
    tolerance: Tolerance
    levels: tuple[LevelMeasures, ...]
    findings: tuple[Finding, ...]
    settled: Settlement | None = None

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stop activation: an assignment would be ambiguous or impossible."""
        return tuple(x for x in self.findings if x.severity == "error")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values; :meth:`from_dict` reads it back."""
        findings = [{**asdict(x), "codes": list(x.codes)} for x in self.findings]
        return {**asdict(self), "levels": [asdict(x) for x in self.levels], "findings": findings}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TopologyReport":
        """The report that :meth:`to_dict` wrote."""
        return cls(
            metric_epsg=data["metric_epsg"],
            tolerance=Tolerance(**data["tolerance"]),
            levels=tuple(LevelMeasures(**x) for x in data["levels"]),
            findings=tuple(Finding(**{**x, "codes": tuple(x["codes"])}) for x in data["findings"]),
            settled=_settled(data.get("settled")),
        )


def _settled(data: Mapping[str, Any] | None) -> Settlement | None:
    return None if data is None else Settlement(**{**data, "first": tuple(data["first"])})


def claims(
    report: Mapping[str, Any], levels: Iterable[tuple[int, GeoDataFrame]], city: City
) -> contested.Claims | None:
    """The land that two grids of an edition claim, where its report says that the city accepted it; else None."""
    told = TopologyReport.from_dict(report)
    if told.settled is None or told.settled.way != "accept":
        return None
    least = told.tolerance
    return contested.claims(levels, city, told.settled, least.overlap_m2, least.overlap_share)


def check_edition(
    frame: GeoDataFrame, city: City, tolerance: Tolerance = DEFAULT, settled: Settlement | None = None
) -> TopologyReport:
    """Measure an edition and find what is wrong with it (拓扑检查).

    Errors, which block: a level without grids, more than one city, duplicate codes, parents that
    do not exist one level up, geometry left invalid, overlaps and children outside their parent
    beyond the tolerance. All else is a warning or a note.

    Parameters
    ----------
    frame
        An edition frame (:mod:`gridmgmt.places.grids`); invalid geometry is mended for measuring only.
    settled
        What the city says about land that two grids claim: accepted overlaps warn, and do not block.
    """
    metric = to_metric(frame.sort_values(["level", "code"], ignore_index=True), city.metric_epsg)
    metric = metric.set_geometry(multipolygons(metric.geometry.to_numpy()), crs=metric.crs).dropna(subset="geometry")
    findings = [*_judge_codes(frame, city), *_judge_parents(frame, city), *_judge_validity(frame)]
    measures, outline = [], enclosed(metric[metric["level"] == 1])
    for level in city.levels:
        here, above = (metric[metric["level"] == n] for n in (level.number, level.number - 1))
        if here.empty:
            continue
        gaps = outline if level.number == 1 else beyond(enclosed(here), outline, tolerance.rounding_share)
        mismatched = mismatches(here)
        pairs, nesting = overlaps(here, mismatched), nest(here, above)
        measures.append(_measure(here, mismatched, pairs, shapely.area(gaps), nesting, tolerance))
        findings += _judge_overlaps(level.number, here["code"][mismatched], pairs, tolerance, settled)
        findings += _judge_gaps(here, gaps, tolerance)
        findings += _judge_nesting(level.number, nesting, tolerance)
    return TopologyReport(city.metric_epsg, tolerance, tuple(measures), tuple(findings), settled)


def _measure(
    grids: GeoDataFrame,
    mismatched: Mask,
    pairs: pd.DataFrame,
    gap_m2: Floats,
    nesting: Nesting,
    tolerance: Tolerance,
) -> LevelMeasures:
    holes, slivers = gap_m2[gap_m2 > tolerance.gap_m2], gap_m2[gap_m2 <= tolerance.gap_m2]
    return LevelMeasures(
        level=int(grids["level"].iloc[0]),
        n_grids=len(grids),
        area_m2=float(grids.area.sum()),
        n_edges_mismatched=int(mismatched.sum()),
        n_overlaps=len(pairs),
        overlap_max_m2=_largest(pairs["area_m2"]),
        overlap_total_m2=float(pairs["area_m2"].sum()),
        n_slivers=len(slivers),
        sliver_max_m2=_largest(slivers),
        n_gaps=len(holes),
        gap_max_m2=_largest(holes),
        outside_max_share=_largest(nesting.outside["share"]),
        outside_total_m2=float(nesting.outside["area_m2"].sum()),
        uncovered_max_share=_largest(nesting.uncovered["share"]),
        uncovered_total_m2=float(nesting.uncovered["area_m2"].sum()),
    )


def _largest(values: ArrayLike) -> float:
    return float(np.max(np.asarray(values, dtype=np.float64), initial=0.0))


# --- judgements ------------------------------------------------------------------------------------------------------


def _find(
    code: str,
    level: int,
    codes: Iterable[str],
    measures: ArrayLike | None = None,
    unit: str | None = None,
    n: int | None = None,
    **facts: Any,
) -> Iterator[Finding]:
    """One finding about these grids, worst first; none where there are no grids. ``n`` where not grids are counted."""
    named = [str(x) for x in codes]
    if named:
        worst = None if measures is None else _largest(measures)
        n = len(named) if n is None else n
        yield Finding(code, SEVERITY[code], level, tuple(named[:MAX_CODES]), n, worst, unit, facts)


def _judge_codes(frame: GeoDataFrame, city: City) -> Iterator[Finding]:
    """Levels without grids, more than one city, duplicate codes, codes that break the layout."""
    layout = CodeLayout.of(city.levels)
    for level in city.levels:
        rows = frame[frame["level"] == level.number].sort_values("code")
        if rows.empty:
            yield Finding("grid_level_empty", SEVERITY["grid_level_empty"], level.number, (), 0)
        if level.number == 1 and len(rows) > 1:
            yield from _find("grid_city_not_one", 1, rows["code"])
        yield from _find("grid_code_duplicate", level.number, rows.loc[rows["code"].duplicated(), "code"].unique())
        if city.prefix_codes:
            parents = [x if pd.notna(x) else None for x in rows["parent_code"]]
            pairs = zip(rows["code"], parents, strict=True)
            wrong = [code for code, parent in pairs if layout.prefix_problem(code, parent, level.number)]
            yield from _find("grid_prefix_mismatch", level.number, wrong)


def _judge_parents(frame: GeoDataFrame, city: City) -> Iterator[Finding]:
    """Grids whose ``parent_code`` is blank, or names no grid one level up; a city that has a parent."""
    codes = {level.number: set(frame.loc[frame["level"] == level.number, "code"]) for level in city.levels}
    for n in codes:
        rows = frame[frame["level"] == n].sort_values("code")
        blank, elsewhere = rows["parent_code"].isna(), set().union(*(codes[k] for k in codes if k != n - 1))
        lost = ~blank & ~rows["parent_code"].isin(codes.get(n - 1, set()))
        misplaced = lost & rows["parent_code"].isin(elsewhere)
        yield from _find("grid_parent_blank", n, rows.loc[blank & (n > 1), "code"])
        yield from _find("grid_parent_wrong_level", n, rows.loc[misplaced, "code"])
        yield from _find("grid_parent_unknown", n, rows.loc[lost & ~misplaced, "code"])


def _judge_validity(frame: GeoDataFrame) -> Iterator[Finding]:
    """Geometry that is not a valid polygon as stored, in degrees."""
    sound = frame.geometry.is_valid & ~frame.geometry.is_empty
    for level, rows in frame[~sound].groupby("level"):
        reason = str(shapely.is_valid_reason(rows.geometry.iloc[0]))
        yield from _find("grid_invalid_geometry", int(level), rows["code"], reason=reason)


def _judge_overlaps(
    level: int, mismatched: pd.Series, pairs: pd.DataFrame, tolerance: Tolerance, settled: Settlement | None
) -> Iterator[Finding]:
    """Edges that neighbours do not share, and areas that two grids share; codes pair by pair, worst first."""
    yield from _find("grid_edges_mismatch", level, mismatched)
    earnest = (pairs["area_m2"] > tolerance.overlap_m2) & (pairs["share"] > tolerance.overlap_share)
    accepted = settled is not None and settled.way == "accept"
    overlap = "grid_overlap_accepted" if accepted else "grid_overlap"
    for code, rows in ((overlap, pairs[earnest]), ("grid_overlap_slight", pairs[~earnest])):
        codes, area = rows[["code_a", "code_b"]].to_numpy().ravel(), rows["area_m2"]
        facts: dict[str, Any] = {"worst": " / ".join(codes[:2]), "total_m2": float(area.sum())}
        if settled is not None and code == "grid_overlap_accepted":
            facts |= {"by": settled.by, "why": settled.why}
        yield from _find(code, level, dict.fromkeys(codes), area, "m2", n=len(rows), **facts)


def _judge_gaps(grids: GeoDataFrame, gaps: Geometries, tolerance: Tolerance) -> Iterator[Finding]:
    """Gaps, with the grids around the largest ones; those of the city's own outline are told once, at level 1."""
    level, large = int(grids["level"].iloc[0]), shapely.area(gaps) > tolerance.gap_m2
    tree = shapely.STRtree(grids.geometry.to_numpy())
    kinds = {"grid_outline_hole": gaps} if level == 1 else {"grid_gap": gaps[large], "grid_gap_slight": gaps[~large]}
    for code, found in kinds.items():
        _, around = tree.query(found[:MAX_CODES], predicate="intersects")
        codes, area = dict.fromkeys(grids["code"].iloc[around]), shapely.area(found)
        facts: dict[str, Any] = {"total_m2": float(area.sum()), **_place(found, grids)}
        yield from _find(code, level, codes, area, "m2", n=len(found), **facts)


def _place(gaps: Geometries, grids: GeoDataFrame) -> dict[str, Any]:
    """A point in the first gap, in stored degrees."""
    if not len(gaps):
        return {}
    point = to_storage(GeoDataFrame(geometry=shapely.point_on_surface(gaps[:1]), crs=grids.crs)).geometry.iloc[0]
    return {"lon": round(point.x, 6), "lat": round(point.y, 6)}


def _judge_nesting(level: int, nesting: Nesting, tolerance: Tolerance) -> Iterator[Finding]:
    """Children outside their parent (told at the child's level), parents not covered by children (at the parent's)."""
    for kind, n, table, limit in (
        ("grid_outside", level, nesting.outside, tolerance.outside_share),
        ("grid_uncovered", level - 1, nesting.uncovered, tolerance.uncovered_share),
    ):
        share = table["share"]
        slight = (share > tolerance.rounding_share) & (share <= limit)
        for code, rows in ((kind, table[share > limit]), (f"{kind}_slight", table[slight])):
            total = float(rows["area_m2"].sum())
            yield from _find(code, n, rows["code"], rows["share"], "share", total_m2=total, limit=limit)
