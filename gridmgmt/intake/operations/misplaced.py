"""Files whose rows lie outside all grids (坐标可疑): stopped, with what their coordinates look like.

A file of another system, or with latitude first, loads without a fault and
counts nowhere. Where most of its located rows lie in no grid, the import stops
and tries the file's own numbers in the systems that they may be in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt import geo
from gridmgmt.database import loading
from gridmgmt.errors import CrsNotConvertible, CrsUnknown, MostOutside
from gridmgmt.intake.operations.import_job import Job, SharedPlace
from gridmgmt.people.operations.assigning import LEAF, OUTSIDE, UPPER, Assigner

_FEWEST = 3
"""Of fewer located rows nothing is concluded (project convention)."""

_TRIED = 1000
"""So many rows, the first of the file, are tried in other systems."""

SYSTEMS = ("gcj02", "bd09", "epsg:4490")
"""What web maps and phones hand out; degrees of WGS84 are those of EPSG:4490."""

_REFUSED = "coordinate_refused"


_CROWD, _CROWD_SHARE = 20, 0.01
"""From so many rows, and such a share of those with a place, one place in common is told (project convention)."""

_CROWDS_TOLD = 3


def shared_places(points: pd.DataFrame) -> list[SharedPlace]:
    """The places that many of some rows have in common to the last digit (共用坐标): a default point, perhaps."""
    located = points[points["lon"].notna() & points["lat"].notna()]
    counts = located.groupby(["lon", "lat"]).size().sort_values(ascending=False, kind="stable")
    many = counts[counts >= max(_CROWD, _CROWD_SHARE * len(located))].head(_CROWDS_TOLD)
    return [SharedPlace(lon, lat, int(n)) for (lon, lat), n in zip(many.index.tolist(), many, strict=True)]


def crowds(job: Job) -> list[SharedPlace]:
    """The same of the rows of a file, however many."""
    found = loading.crowded_places(job.connection, _CROWD, _CROWD_SHARE, _CROWDS_TOLD)
    return [SharedPlace(*place) for place in found]


def keep(job: Job, given: pd.DataFrame) -> None:
    """Keep the first coordinates of a file as they are written (columns x, y, system, at)."""
    if not job.outside_ok and len(job.given) < _TRIED:
        told = given[given["x"].notna() & given["y"].notna() & given["at"].notna()]
        parts = [job.given, told] if len(job.given) else [told]
        job.given = pd.concat(parts).head(_TRIED)


def check(job: Job, located: Mapping[str, int], assigner: Assigner) -> None:
    """Stop an import of which most located rows lie outside all grids.

    Rows whose numbers their system cannot hold count where another system would put them inside.

    Raises
    ------
    MostOutside
    """
    if job.outside_ok:
        return
    n_outside, n_inside = located.get(OUTSIDE, 0), located.get(LEAF, 0) + located.get(UPPER, 0)
    n_refused = job.report.reasons.get(_REFUSED, 0)
    n = n_outside + n_inside + n_refused
    if n < _FEWEST or 2 * (n_outside + n_refused) <= n:
        return
    guesses = _guesses(job.given, assigner)
    if guesses or 2 * n_outside > n_outside + n_inside:
        told = guesses or [{"code": "outside_guess_none"}]
        raise MostOutside(file=job.report.file, n=n, n_outside=n_outside + n_refused, guesses=told)


def _guesses(given: pd.DataFrame, assigner: Assigner) -> list[dict[str, Any]]:
    """The readings of the coordinates that would put most rows inside, the best first."""
    found: list[dict[str, Any]] = []
    for system, swapped, lon, lat in _readings(given):
        points = pd.DataFrame({"lon": lon, "lat": lat, "at": given["at"].to_numpy()}, index=given.index)
        points["at"] = pd.to_datetime(points["at"], utc=True)
        manner = assigner.locate(points.assign(category=None, unit_code=None))["located"]
        n_inside = int(manner.isin([LEAF, UPPER]).sum())
        if 2 * n_inside > len(given):
            code = "outside_guess_swapped" if swapped else "outside_guess_system"
            found.append({"code": code, "system": system, "n_inside": n_inside, "n_tried": len(given)})
    return sorted(found, key=lambda x: -x["n_inside"])[:3]  # of equal ones first those not exchanged


def _readings(given: pd.DataFrame) -> Iterator[tuple[str, bool, Any, Any]]:
    """The same of rows as a file has them: its own systems first."""
    own = [str(s) for s in given["system"].dropna().unique()]
    x, y = (given[axis].to_numpy(dtype=np.float64) for axis in ("x", "y"))
    yield from readings(x, y, list(dict.fromkeys([*own, *SYSTEMS])))


def readings(x: Any, y: Any, systems: Sequence[str]) -> Iterator[tuple[str, bool, Any, Any]]:
    """System, whether x and y are exchanged, and where the points then lie."""
    for swapped in (False, True):
        for system in systems:
            try:
                points = geo.points_to_storage(*((y, x) if swapped else (x, y)), system)
            except (CrsUnknown, CrsNotConvertible):
                continue
            yield system, swapped, points.lon, points.lat
