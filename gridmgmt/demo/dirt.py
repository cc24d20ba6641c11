"""What a careless export does to good cases (脏数据), counted, so that every total is known."""

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmgmt.demo.casework import SECONDS, SURE, YEAR, within
from gridmgmt.demo.geography import Land
from gridmgmt.demo.mesh import Floats, Ints, to_degrees
from gridmgmt.demo.names import table
from gridmgmt.geo import to_gcj02

QUARANTINED = (
    "case_no_missing",
    "reported_at_missing",
    "category_unknown",
    "closed_before_reported",
    "coordinates_swapped",
)
"""Rows that no import may take: the rest of the dirt loads."""

_UNKNOWN_CATEGORY = "99999"
_HALF = np.datetime64(f"{YEAR}-07-01", "s")


def shared_vertices(communities: gpd.GeoDataFrame) -> tuple[Floats, Floats]:
    """Stored vertices that two communities share (edges), and those of three or more (corners)."""
    xy, owner = shapely.get_coordinates(communities.geometry.to_numpy(), return_index=True)
    keys, vertex = np.unique(xy[:, 0] + 1j * xy[:, 1], return_inverse=True)
    n = np.bincount(np.unique(np.column_stack([vertex, owner]), axis=0)[:, 0])
    points = np.column_stack([keys.real, keys.imag])
    return points[n == 2], points[n >= 3]


class Victims:
    """Picks cases to spoil, each at most once."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.order = rng.permutation(n)
        self.free = np.ones(n, dtype=bool)

    def take(self, kind: str, fit: NDArray[np.bool_] | None = None) -> Ints:
        """Positions of the cases to spoil in this way: its share of all cases, at least three."""
        share = table("casework")["dirt"][kind]
        good = self.free if fit is None else self.free & fit
        found = self.order[good[self.order]][: max(3, round(share * len(self.order)))]
        self.free[found] = False
        return np.asarray(np.sort(found))


def spoil(
    cases: pd.DataFrame, land: Land, shared: tuple[Floats, Floats], rng: np.random.Generator, *, halves: bool = True
) -> tuple[pd.DataFrame, dict[str, Ints]]:
    """Turn true cases into the rows of an export.

    Parameters
    ----------
    shared
        Places on borders, as :func:`shared_vertices` gives them.
    halves
        Into two files, from July the second; otherwise all into one.

    Returns
    -------
    rows : DataFrame
        Columns of ``cases`` without ``gcj02``, and ``system`` (CGCS2000 | GCJ02),
        ``half`` (which file, 0 or 1; 1 where there is one); in file order.
    spoiled : dict
        Kind of dirt → positions in ``cases``.
    """
    victims = Victims(len(cases), rng)
    rows = cases.drop(columns="gcj02")
    spoiled = move(rows, victims, land, shared, rng)
    spoiled |= blank(rows, victims, rng)
    gcj02 = cases["gcj02"].to_numpy() & ~np.isin(np.arange(len(cases)), np.concatenate(list(spoiled.values())))
    lon, lat = to_gcj02(rows["lon"].to_numpy()[gcj02], rows["lat"].to_numpy()[gcj02])
    rows.loc[gcj02, "lon"], rows.loc[gcj02, "lat"] = np.round(lon, 6), np.round(lat, 6)
    rows["system"] = np.where(gcj02, "GCJ02", "CGCS2000")
    rows["half"] = ((cases["reported_at"].to_numpy() >= _HALF) | (not halves)).astype(np.int64)
    rows["position"] = np.arange(len(rows), dtype=np.float64)
    versions, spoiled["newer_version"] = _add_versions(rows, victims, rng)
    spoiled["duplicate"] = victims.take("duplicate")
    copies = rows.iloc[spoiled["duplicate"]].copy()
    copies["position"] += rng.uniform(0.1, 400, len(copies))
    every = pd.concat([rows, versions, copies], ignore_index=True).astype(dict.fromkeys(SECONDS, "datetime64[s]"))
    every = every.sort_values(["half", "position"], kind="stable", ignore_index=True)
    return every.drop(columns="position"), spoiled


def move(
    rows: pd.DataFrame, victims: Victims, land: Land, shared: tuple[Floats, Floats], rng: np.random.Generator
) -> dict[str, Ints]:
    """Spoil coordinates (in place)."""
    edges, corners = shared
    lon, lat = rows["lon"].to_numpy(copy=True), rows["lat"].to_numpy(copy=True)

    def put(kind: str, points: Floats) -> Ints:
        chosen = victims.take(kind)
        lon[chosen], lat[chosen] = points[rng.integers(0, len(points), len(chosen))].T
        return chosen

    beyond = within(land, rng.choice(land.outside, 4000), np.full(4000, SURE), rng)
    found = {
        "outside": put("outside", to_degrees(beyond, 6)),
        "on_edge": put("on_edge", edges),
        "on_corner": put("on_corner", corners),
        "coordinates_missing": put("coordinates_missing", np.full((1, 2), np.nan)),
        "coordinates_zero": put("coordinates_zero", np.zeros((1, 2))),
    }
    swapped = victims.take("coordinates_swapped")
    lon[swapped], lat[swapped] = lat[swapped], lon[swapped]
    rows["lon"], rows["lat"] = lon, lat
    return {**found, "coordinates_swapped": swapped}


def blank(rows: pd.DataFrame, victims: Victims, rng: np.random.Generator) -> dict[str, Ints]:
    """Spoil fields (in place): impossible dates, missing and unknown values."""
    closed = victims.take("closed_before_reported", rows["closed_at"].notna().to_numpy())
    earlier = rng.integers(86_400, 5 * 86_400, len(closed)).astype("timedelta64[s]")
    rows.loc[closed, "closed_at"] = rows["reported_at"].to_numpy()[closed] - earlier
    number, report = victims.take("case_no_missing"), victims.take("reported_at_missing")
    rows.loc[number, "case_no"] = ""
    rows.loc[report, "reported_at"] = pd.NaT
    unknown = victims.take("category_unknown")
    rows.loc[unknown, "category"] = _UNKNOWN_CATEGORY
    return {
        "closed_before_reported": closed,
        "case_no_missing": number,
        "reported_at_missing": report,
        "category_unknown": unknown,
    }


def _add_versions(rows: pd.DataFrame, victims: Victims, rng: np.random.Generator) -> tuple[pd.DataFrame, Ints]:
    """Second rows of the same case numbers: as each case stood before it was handled (旧版本).

    The older row stays in its file's order. The newer one comes at the end of
    the second file, except that every other pair of the second file comes the
    wrong way round: the older row last.
    """
    chosen = victims.take("newer_version", rows["closed_at"].notna().to_numpy())
    older = rows.iloc[chosen].copy()
    older[["handled_at", "closed_at", "reworked_at", "due_extended_at"]] = pd.NaT
    older["n_rework"], older["status"] = 0, "处置中"
    older["updated_at"] = older["dispatched_at"] + np.timedelta64(60, "s")
    wrong = (older["half"].to_numpy() == 1) & (np.arange(len(chosen)) % 2 == 1)
    end = len(rows) + 1000.0 + rng.permutation(len(chosen))
    older.loc[wrong, "position"] = end[wrong]
    rows.loc[chosen[~wrong], "position"] = end[~wrong]
    rows.loc[chosen[~wrong], "half"] = 1
    return older, chosen


# --- what is known ----------------------------------------------------------


def truth(cases: pd.DataFrame, rows: pd.DataFrame, spoiled: dict[str, Ints]) -> dict[str, Any]:
    """The known totals: of the rows, and of the cases that a right import loads."""
    counts = {k: len(v) for k, v in spoiled.items()}
    lost = np.concatenate([spoiled[k] for k in QUARANTINED])
    loaded = cases.drop(index=cases.index[lost])
    due = loaded["due_extended_at"].fillna(loaded["due_at"])
    handled = loaded["handled_at"].notna()
    in_time = loaded["handled_at"] <= due
    month = loaded["reported_at"].dt.strftime("%Y-%m").value_counts().sort_index()
    return {
        "rows": len(rows),
        "rows_by_file": [int((rows["half"] == h).sum()) for h in (0, 1)],
        "quarantined": {k: counts[k] for k in QUARANTINED},
        "duplicate_rows": counts["duplicate"],
        "older_versions": counts["newer_version"],
        "gcj02_rows": int((rows["system"] == "GCJ02").sum()),
        "loaded": {
            "cases": len(loaded),
            "without_location": {"missing": counts["coordinates_missing"], "zero": counts["coordinates_zero"]},
            "outside": counts["outside"],
            "on_edge": counts["on_edge"],
            "on_corner": counts["on_corner"],
            "inside": len(loaded) - sum(counts[k] for k in ("coordinates_missing", "coordinates_zero", "outside")),
            "by_month": {str(k): int(v) for k, v in month.items()},
            "by_status": {str(k): int(v) for k, v in loaded["status"].value_counts().sort_index().items()},
            "dispatched": int(loaded["dispatched_at"].notna().sum()),
            "handled": int(handled.sum()),
            "handled_in_time": int((handled & in_time).sum()),
            "handled_at_the_deadline": int((loaded["handled_at"] == due).sum()),
            "closed": int(loaded["closed_at"].notna().sum()),
            "extended": int(loaded["due_extended_at"].notna().sum()),
            "reworked": int((loaded["n_rework"] > 0).sum()),
            "rework_events": int(loaded["n_rework"].sum()),
            "repeats": int(loaded["is_repeat"].sum()),
            "void": int(loaded["voided_at"].notna().sum()),
        },
    }
