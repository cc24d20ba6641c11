"""A year of cases (案卷) of the demo city: where, when, what, and how it went.

Times are seconds since 1970 in city time without zone; ``_NEVER`` stands for
"did not happen". Everything is drawn in whole columns.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.demo.division import Division, parents_of
from gridmgmt.demo.geography import Land, stream
from gridmgmt.demo.mesh import MAX_PULL, Floats, Ints, to_degrees
from gridmgmt.demo.names import draw, table
from gridmgmt.demo.units import answering
from gridmgmt.settings import data_path

YEAR = 2025
DAY_S = 86_400
_START_S = int(np.datetime64(f"{YEAR}-01-01", "s").astype(np.int64))
_N_DAYS = 365
_EXPORTED_S = int(np.datetime64(f"{YEAR + 1}-01-01", "s").astype(np.int64))
"""When the city made its export: what happened later is not in it."""

_NEVER = np.iinfo(np.int64).min
"""As datetime64 this is NaT."""

STEPS = ("reported_at", "accepted_at", "registered_at", "dispatched_at", "handled_at", "closed_at", "voided_at")
SECONDS = (*STEPS, "due_at", "due_extended_at", "reworked_at", "updated_at")


@dataclass(frozen=True)
class Spot:
    """Where and when each case was reported: cell, longitude, latitude, class (positions)."""

    cell: Ints
    lon: Floats
    lat: Floats
    category: Ints


def exported_at() -> str:
    """The export's instant in city time, for the manifest."""
    return str(np.datetime64(_EXPORTED_S, "s"))


# --- when -------------------------------------------------------------------


def reports_a_day(n: int, rng: np.random.Generator) -> Ints:
    """How many of ``n`` reports come on each day of the year: by month, weekday and luck."""
    behaviour = table("casework")
    days = np.datetime64(f"{YEAR}-01-01") + np.arange(_N_DAYS)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (days.astype(np.int64) + 3) % 7
    weight = np.array(behaviour["months"])[month] * np.array(behaviour["weekdays"])[weekday]
    weight = weight * rng.lognormal(0, 0.10, _N_DAYS)
    return np.asarray(rng.multinomial(n, weight / weight.sum()))


def hours(source: Ints, rng: np.random.Generator) -> Ints:
    """Second of the day of each report, after the rhythm of its source."""
    behaviour = table("casework")
    out = np.zeros(len(source), dtype=np.int64)
    for i, x in enumerate(behaviour["sources"]):
        here = np.flatnonzero(source == i)
        weight = np.array(behaviour["rhythms"][x["rhythm"]], dtype=float)
        out[here] = rng.choice(24, len(here), p=weight / weight.sum()) * 3600
    return out + rng.integers(0, 3600, len(source))


# --- where ------------------------------------------------------------------


def within(land: Land, cell: Ints, keep: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """A random point of each cell (position in the mesh), metres, shape (n, 2).

    ``keep`` shrinks the cell towards its site; below ``1 - MAX_PULL`` the point
    surely lies inside, however rough the edges are.
    """
    mesh = land.mesh
    start, end = mesh.ring_starts[cell], mesh.ring_starts[cell + 1]
    edge = mesh.edges[mesh.ring_edge[start + (rng.random(len(cell)) * (end - start)).astype(np.int64)]]
    u, v = np.sqrt(rng.random(len(cell))), rng.random(len(cell))
    a, b, site = mesh.vertices[edge[:, 0]], mesh.vertices[edge[:, 1]], mesh.sites[cell]
    rim = a + (b - a) * v[:, None]
    return np.asarray(site + (rim - site) * (u * keep)[:, None])


SURE = (1 - MAX_PULL) * 0.98


def _intensity(land: Land, division: Division, rng: np.random.Generator) -> Floats:
    """Chance of each cell: communities differ log-normally, a few are all but silent."""
    behaviour = table("casework")["behaviour"]
    n = int(division.groups[:, 2].max()) + 1
    weight = rng.lognormal(0, behaviour["community_spread"], n)
    weight[rng.random(n) < behaviour["quiet"]] *= 0.02
    size = np.bincount(division.groups[:, 2])
    cells = weight[division.groups[:, 2]] / size[division.groups[:, 2]]
    cells = cells * (0.25 + land.urban) * rng.lognormal(0, 0.5, len(cells))
    return np.asarray(cells / cells.sum())


def _hot_spots(
    land: Land, n_spots: int, n: int, rng: np.random.Generator, lasting: np.random.Generator
) -> tuple[Ints, Floats]:
    """Markets, stations, schools: a cell for each of ``n`` cases and a place near the spot's site, metres.

    Spots lie well inside the city, so all their cases do.
    """
    cells = lasting.choice(np.flatnonzero((land.depth < 0.6) & (land.urban > 0.12) & ~land.rim), n_spots, replace=False)
    weight = 1 / np.arange(1, n_spots + 1) ** 0.5
    spot = rng.choice(n_spots, n, p=weight / weight.sum())
    spread_m = lasting.uniform(50, 180, n_spots)[spot]
    offset = np.clip(rng.standard_normal((n, 2)), -3, 3) * spread_m[:, None]
    return cells[spot], land.sites[cells[spot]] + offset


def places(
    land: Land, division: Division, n: int, n_spots: int, rng: np.random.Generator, lasting: np.random.Generator
) -> tuple[Ints, Floats]:
    """Cell (position in ``land.cells``) and place (metres) of each case."""
    cell = rng.choice(len(land.cells), n, p=_intensity(land, division, lasting))
    xy = within(land, land.cells[cell], np.where(land.rim[cell], SURE, 1.0), rng)
    hot = np.flatnonzero(rng.random(n) < table("casework")["behaviour"]["hot_spot"])
    cell[hot], xy[hot] = _hot_spots(land, n_spots, len(hot), rng, lasting)
    return cell, xy


def categories(month: Ints, rng: np.random.Generator) -> Ints:
    """Class of each case (position in the table), after the season."""
    behaviour = table("casework")
    weight = np.array([x[2] for x in behaviour["classes"]])
    season = np.array([behaviour["seasons"][x[4]] for x in behaviour["classes"]], dtype=float)
    out = np.zeros(len(month), dtype=np.int64)
    for m in range(12):
        here = np.flatnonzero(month == m)
        p = weight * season[:, m]
        out[here] = rng.choice(len(p), len(here), p=p / p.sum())
    return out


def repeats(day: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which cases repeat an earlier one (重复案件), and which: the same place and class 1–20 days later."""
    chosen = rng.random(len(day)) < table("casework")["behaviour"]["repeat"]
    later = np.flatnonzero(chosen & (day > 20))
    earlier_day = day[later] - rng.integers(1, 21, len(later))
    low, high = np.searchsorted(day, earlier_day), np.searchsorted(day, earlier_day, side="right")
    earlier = low + (rng.random(len(later)) * np.maximum(high - low, 1)).astype(np.int64)
    good = (high > low) & ~chosen[np.minimum(earlier, len(day) - 1)]
    return later[good], earlier[good]


# --- how it went ------------------------------------------------------------


def skills(division: Division, seed: int) -> Floats:
    """How much slower than the mean each cell's street works, as ln(ratio); ranks mean something."""
    rng, behaviour = stream(seed, 7), table("casework")["behaviour"]
    district = rng.normal(0, behaviour["district_skill"], len(division.tables[0]))
    parent = parents_of(division.groups, 1)
    street = district[parent] + rng.normal(0, behaviour["street_skill"], len(parent))
    return np.asarray(street[division.groups[:, 1]])


def run(reported_s: Ints, limit_h: Floats, slowness: Floats, rng: np.random.Generator) -> dict[str, Ints]:
    """Take each case through its steps (立案、派遣、处置、核查、结案).

    Parameters
    ----------
    reported_s
        When each was reported.
    limit_h
        Time limit of its class, hours from dispatch, running without stop.
    slowness
        ln of how much longer than usual its street takes.

    Returns
    -------
    dict
        ``SECONDS`` and ``n_rework``.
    """
    b, n = table("casework")["behaviour"], len(reported_s)

    def wait(mean_s: float) -> Ints:
        return np.asarray((rng.exponential(mean_s, n) + 20).astype(np.int64))

    def chance(share: float) -> NDArray[np.bool_]:
        return np.asarray(rng.random(n) < share)

    c = {"reported_at": reported_s}
    c["accepted_at"] = reported_s + wait(500)
    c["registered_at"] = c["accepted_at"] + wait(900)
    c["dispatched_at"] = c["registered_at"] + wait(700)
    limit_s = (limit_h * 3600).astype(np.int64)
    c["due_at"] = c["dispatched_at"] + limit_s
    mean, spread = b["late_log_ratio"]
    ratio = np.exp(mean + slowness + spread * rng.standard_normal(n))
    rework = chance(b["reworked"])
    ratio[rework] *= 1.35
    c["handled_at"] = c["dispatched_at"] + np.maximum((ratio * limit_s).astype(np.int64), 90)
    exact = chance(b["at_deadline"])
    c["handled_at"][exact] = c["due_at"][exact]
    c["n_rework"] = np.where(rework, 1 + rng.poisson(0.25, n), 0)
    share = rng.uniform(0.5, 0.95, n)
    handling = c["handled_at"] - c["dispatched_at"]
    c["reworked_at"] = np.where(rework, c["dispatched_at"] + (share * handling).astype(np.int64), _NEVER)
    extended = chance(b["extended"]) & ~exact & ~rework
    more = rng.choice([24, 48, 72], n) * 3600
    c["due_extended_at"] = np.where(extended, c["due_at"] + more, _NEVER)
    late = c["due_at"] + (more * rng.uniform(0.02, 1.12, n)).astype(np.int64)
    c["handled_at"] = np.where(extended, late, c["handled_at"])
    c["closed_at"] = c["handled_at"] + 60 + wait(5400)
    hanging, void, stalled = chance(b["hanging"]), chance(b["void"]), chance(b["stalled"])
    c["voided_at"] = np.where(void, c["accepted_at"] + wait(3600), _NEVER)
    stop(c, hanging, ("handled_at", "closed_at"))
    stop(c, void, ("registered_at", "dispatched_at", "handled_at", "closed_at"))
    at = rng.integers(1, len(STEPS) - 1, n)
    for first in range(1, len(STEPS) - 1):
        stop(c, stalled & (at == first), STEPS[first:])
    return _settle(c)


def stop(c: dict[str, Ints], where: NDArray[np.bool_], steps: tuple[str, ...]) -> None:
    """These cases never come to these steps (in place)."""
    for step in steps:
        c[step] = np.where(where, _NEVER, c[step])


def _settle(c: dict[str, Ints]) -> dict[str, Ints]:
    """Cut everything off at the export and drop what hangs on a step that did not happen."""
    cut = {k: np.where(v > _EXPORTED_S, _NEVER, v) if k in (*STEPS, "reworked_at") else v for k, v in c.items()}
    undispatched = cut["dispatched_at"] == _NEVER
    for key in ("due_at", "due_extended_at", "reworked_at"):
        cut[key] = np.where(undispatched, _NEVER, cut[key])
    cut["n_rework"] = np.where(cut["reworked_at"] == _NEVER, 0, cut["n_rework"])
    cut["updated_at"] = np.maximum.reduce([cut[k] for k in (*STEPS, "reworked_at")])
    return cut


def status(c: dict[str, Ints], rng: np.random.Generator) -> NDArray[Any]:
    """The status a case shows, from the furthest step it reached."""
    has = {k: c[k] != _NEVER for k in STEPS}
    n = len(c["reported_at"])
    out = np.full(n, "已上报", dtype=object)
    out[has["accepted_at"]] = "已受理"
    out[has["registered_at"]] = "已立案"
    out[has["dispatched_at"]] = "已派遣"
    out[has["dispatched_at"] & (rng.random(n) < 0.75)] = "处置中"
    out[has["handled_at"]] = "已反馈"
    out[has["handled_at"] & (rng.random(n) < 0.6)] = "核查中"
    out[has["closed_at"]] = "已结案"
    out[has["voided_at"]] = "已作废"
    return out


# --- the file ---------------------------------------------------------------


def class_names() -> dict[tuple[str, str], str]:
    """Chinese name of each class of GB/T 47678.5, by kind and code."""
    frame = pd.read_csv(data_path("categories", "gb47678_5.csv"), dtype=str, keep_default_na=False)
    return dict(zip(zip(frame["kind"], frame["code"], strict=True), frame["name_zh"], strict=True))


def wording(
    division: Division, cell: Ints, category: Ints, rng: np.random.Generator, lasting: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Address and description of each case."""
    roads = np.array([n.zh + "路" for n in draw(300, lasting)], dtype=object)
    where = division.of_cells(0, "name") + division.of_cells(1, "name") + division.of_cells(2, "name")
    road = roads[(cell * 7 + rng.integers(0, 3, len(cell))) % len(roads)]
    numbers = np.array([f"{i}号" for i in range(300)], dtype=object)
    names = class_names()
    classes = table("casework")["classes"]
    told = np.array([names[kind, code] for kind, code, *_ in classes], dtype=object)
    state = np.where(np.array([kind == "component" for kind, *_ in classes]), 0, 1)[category]
    details = np.array(
        [["破损", "缺失", "松动", "损坏，影响使用"], ["", "，请及时处理", "，影响通行", "，多次反映"]], dtype=object
    )
    address = where[cell] + road + numbers[rng.integers(1, 300, len(cell))]
    return {
        "address": address,
        "description": road + "旁" + told[category] + details[state, rng.integers(0, 4, len(cell))],
        "category_name": told[category],
    }


def reporters(public: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Name and phone of members of the public; the phones can belong to nobody."""
    n = len(public)
    family = np.array(list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"), dtype=object)[rng.integers(0, 20, n)]
    title = np.array(["先生", "女士"], dtype=object)[rng.integers(0, 2, n)]
    phone = np.array([f"000-0000-{i:04d}" for i in range(10_000)], dtype=object)[rng.integers(0, 10_000, n)]
    return {"reporter_name": np.where(public, family + title, ""), "reporter_phone": np.where(public, phone, "")}


def _case_numbers(day: Ints, before: Ints) -> NDArray[Any]:
    """Case numbers (案卷编号): the day and a running number in it, after those of each day that are taken."""
    _, first = np.unique(day, return_index=True)
    running = np.arange(len(day)) - np.repeat(first, np.diff([*first, len(day)])) + before[day]
    stamp = (np.datetime64(f"{YEAR}-01-01") + day).astype(str)
    return np.array([f"{d.replace('-', '')}{i:06d}" for d, i in zip(stamp, running + 1, strict=True)], dtype=object)


def make_cases(land: Land, division: Division, n: int, n_spots: int, seed: int) -> pd.DataFrame:
    """Make a year of cases as they truly were, before any careless export.

    Returns
    -------
    DataFrame
        One row a case in order of number: ``case_no``, ``SECONDS`` as
        datetime64[s] in city time, ``n_rework``, ``is_repeat``, ``status``,
        ``source``, ``kind``, ``category``, ``category_name``, ``address``,
        ``description``, ``unit_code``, reporter, ``lon`` and ``lat`` in
        degrees (six decimals), and ``gcj02``: hand out in GCJ-02.
    """
    rng = stream(seed, 4)
    a_day = reports_a_day(n, rng)
    return _cases(land, division, a_day, np.zeros_like(a_day), n_spots, skills(division, seed), rng, rng)


def make_part(
    land: Land, division: Division, a_day: Ints, before: Ints, n_spots: int, seed: int, part: int
) -> pd.DataFrame:
    """Make one part (from 1) of a large year, as :func:`make_cases` makes a whole one.

    Where much happens, where the hot spots are and what the roads are called is
    the same in all parts.

    Parameters
    ----------
    a_day
        How many of the part's cases are reported on each day of the year.
    before
        How many numbers of each day earlier parts have taken.
    """
    rng, lasting = stream(seed, 4, part), stream(seed, 8)
    return _cases(land, division, a_day, before, n_spots, skills(division, seed), rng, lasting)


def _cases(
    land: Land,
    division: Division,
    a_day: Ints,
    before: Ints,
    n_spots: int,
    skill: Floats,
    rng: np.random.Generator,
    lasting: np.random.Generator,
) -> pd.DataFrame:
    given = table("casework")
    day = np.repeat(np.arange(_N_DAYS), a_day)
    n = len(day)
    month = (np.datetime64(f"{YEAR}-01-01") + day).astype("datetime64[M]").astype(np.int64) % 12
    cell, xy = places(land, division, n, n_spots, rng, lasting)
    category = categories(month, rng)
    again, earlier = repeats(day, rng)
    for column in (cell, xy, category):
        column[again] = column[earlier]
    weight = np.array([x["weight"] for x in given["sources"]])
    source = rng.choice(len(weight), n, p=weight / weight.sum())
    limit_h = np.array([x[3] for x in given["classes"]], dtype=float)[category]
    reported_s = _START_S + day * DAY_S + hours(source, rng)
    order = np.argsort(reported_s, kind="stable")
    reported_s, source = reported_s[order], source[order]
    slowness = skill[cell]
    steps = run(reported_s, limit_h, slowness - slowness.mean(), rng)
    lon, lat = to_degrees(xy, 6).T
    is_repeat = np.zeros(n, dtype=bool)
    is_repeat[again] = True
    columns: dict[str, Any] = {
        "case_no": _case_numbers(day, before),
        **{k: steps[k].astype("datetime64[s]") for k in SECONDS},
        "n_rework": steps["n_rework"],
        "is_repeat": is_repeat,
        "status": status(steps, rng),
        "source": np.array([x["zh"] for x in given["sources"]], dtype=object)[source],
        "kind": np.array([x[0] for x in given["classes"]], dtype=object)[category],
        "category": np.array([x[1] for x in given["classes"]], dtype=object)[category],
        **wording(division, cell, category, rng, lasting),
        "unit_code": answering(division, given["classes"], cell, category, np.datetime64(f"{YEAR}-01-01") + day),
        **reporters(np.array([x["public"] for x in given["sources"]])[source], rng),
        "lon": lon,
        "lat": lat,
        "gcj02": rng.random(n) < np.array([x["gcj02"] for x in given["sources"]])[source],
    }
    return pd.DataFrame(columns)
