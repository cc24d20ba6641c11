"""What a worker does with one file (一个文件的处理): read, check, locate, and count or write; it knows no database."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import process_time

import fsspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt import bounds, texts
from gridmgmt.bulk.folders import Part
from gridmgmt.calendars import Calendar
from gridmgmt.city import City
from gridmgmt.faults import Fault
from gridmgmt.figures import indicators
from gridmgmt.figures.counts import Facts
from gridmgmt.files import tabular
from gridmgmt.intake.readers import facts as parsing
from gridmgmt.intake.readers.facts import Known
from gridmgmt.intake.readers.profiles import Profile
from gridmgmt.people.operations.assigning import Assigner

Counts = Mapping[str, pd.DataFrame]
"""Key of a level → base counts by the code of its grid, ``""``: in none."""


@dataclass(frozen=True)
class Carried:
    """All that a worker needs of the city, read once; it travels to each worker once.

    Attributes
    ----------
    facts
        The columns that say what a case is: rows equal in them are the same content.
    read_at
        The instant of rows whose profile names no version.
    """

    city: City
    profile: Profile
    known: Known
    calendar: Calendar | None
    assigner: Assigner
    facts: tuple[str, ...]
    read_at: dt.datetime
    limits: bounds.Bounds


@dataclass(frozen=True)
class Window:
    """The period's bounds in UTC, half-open, and the data cut-off."""

    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime


@dataclass(frozen=True)
class Done:
    """What became of a file: ``n_rows == n_cases + n_earlier + n_quarantined``.

    Attributes
    ----------
    n_earlier
        Rows that the file itself replaces by a newer version, or says twice.
    located
        How many cases were located in which manner.
    keys
        A hash of each case number, 64 bits.
    locate_s, worked_s
        Processor time of locating, and of all of it.
    """

    n_rows: int
    n_cases: int
    n_earlier: int
    n_quarantined: int
    located: Mapping[str, int]
    counts: Counts
    keys: NDArray[np.uint64]
    locate_s: float
    worked_s: float


def assign(carried: Carried, part: Part, out: str) -> Done:
    """Locate a file's cases, and write each with its edition, grids, unit and manner as Parquet."""
    return _done(carried, part, out, None)


def count(carried: Carried, part: Part, out: str, window: Window) -> Done:
    """Locate a file's cases, and count them in the grids of each level; only what is refused is written."""
    return _done(carried, part, out, window)


def _done(carried: Carried, part: Part, out: str, window: Window | None) -> Done:
    began = process_time()
    bounds.use(carried.limits)
    cases, faults, n_rows = _read(carried, part)
    cases, conflicts, n_earlier = _current(cases, carried)
    faults += conflicts
    started = process_time()
    located = _locate(carried, cases)
    locate_s = process_time() - started
    counts: Counts = {}
    if window is None:
        write(f"{out}/assigned/{part.name}.parquet", _table(cases, located, part))
    else:
        counts = _counted(carried.city, cases, located, window)
    if faults:
        write(f"{out}/quarantine/{part.name}.csv", quarantined(faults, part.url))
    return Done(
        n_rows=n_rows,
        n_cases=len(cases),
        n_earlier=n_earlier,
        n_quarantined=len({f.row for f in faults}),
        located={str(k): int(n) for k, n in located["located"].value_counts().items()},
        counts=counts,
        keys=pd.util.hash_array(cases["case_no"].to_numpy(dtype=object), categorize=False),
        locate_s=locate_s,
        worked_s=process_time() - began,
    )


def _read(carried: Carried, part: Part) -> tuple[pd.DataFrame, list[Fault], int]:
    """The cases of a file that can be read, by row; the faults of the others; how many rows there are."""
    profile, city, n = carried.profile, carried.city, 0
    good: list[pd.DataFrame] = []
    faults: list[Fault] = []
    with part.here() as path:
        rows = tabular.open_rows(
            path, profile.encodings, profile.file_columns(), profile.sheet, profile.separator, also=()
        )
        for raw in rows.chunks:
            unread = rows.faults_in(raw)
            parsed = parsing.parse(raw, profile, city, carried.known, rows.crs, unread, carried.calendar)
            good.append(parsed.facts.drop(columns=["reporter_name", "reporter_phone"], errors="ignore"))
            faults += parsed.faults
            n += len(raw)
        faults += [Fault(row, "", text[:200], "line_broken") for row, text in rows.broken]
        n += len(rows.broken)
    return pd.concat(good), faults, n


def _current(cases: pd.DataFrame, carried: Carried) -> tuple[pd.DataFrame, list[Fault], int]:
    """Each case as the newest version in the file has it; where one instant has several contents none is taken."""
    cases = cases.assign(version_at=cases["version_at"].fillna(pd.Timestamp(carried.read_at)))
    content = pd.util.hash_pandas_object(cases[list(carried.facts)].astype("str"), index=False)
    kept = cases[["case_no", "version_at"]].assign(content=content)
    together = kept.groupby(["case_no", "version_at"], sort=False)["content"]
    disputed = (together.transform("min") != together.transform("max")).to_numpy()
    label = carried.profile.columns["case_no"].label
    code = "number_twice" if carried.profile.version is None else "version_twice"
    rows = kept[disputed].rename_axis("row").reset_index()
    faults: list[Fault] = []
    for _, group in rows.groupby(["case_no", "version_at"], sort=False):
        for row, number, own in zip(group["row"], group["case_no"], group["content"], strict=True):
            others = group["row"][group["content"] != own].tolist()
            faults.append(Fault(int(row), label, str(number), code, {"rows": others}))
    taken = cases[~disputed]
    last = taken.sort_values("version_at", kind="stable", ascending=False).drop_duplicates("case_no").sort_index()
    return last, faults, len(taken) - len(last)


def _locate(carried: Carried, cases: pd.DataFrame) -> pd.DataFrame:
    category = cases["category_kind"].astype("str") + ":" + cases["category_code"].astype("str")
    points = cases[["lon", "lat", "unit_code"]].assign(at=cases["reported_at"], category=category.astype("object"))
    return carried.assigner.named(points)


def _table(cases: pd.DataFrame, located: pd.DataFrame, part: Part) -> pd.DataFrame:
    out = cases[["case_no", "reported_at", "lon", "lat"]].join(located)
    out.insert(0, "file", part.url)
    return out.rename_axis("row").reset_index()


def _counted(city: City, cases: pd.DataFrame, located: pd.DataFrame, window: Window) -> Counts:
    """Base counts of cases by grid: no steps are among them, so that no case stands."""
    facts = Facts(cases.assign(stands=False), window.start, window.end, window.as_of)
    masks = indicators.masks(facts, "cases")
    tables = {level.key: indicators.amounts(facts, masks, located[level.key]) for level in city.levels}
    return {key: table[table.any(axis=1)] for key, table in tables.items()}


def quarantined(faults: Sequence[Fault], name: str) -> pd.DataFrame:
    """Faults as rows of a table: file, row, column, value, code, facts, and the reason in both languages."""
    ordered = sorted(faults, key=lambda f: f.row)
    return pd.DataFrame(
        {
            "file": name,
            "row": [f.row for f in ordered],
            "column": [f.column for f in ordered],
            "value": [f.value for f in ordered],
            "code": [f.code for f in ordered],
            "facts": [json.dumps(dict(f.facts), ensure_ascii=False, default=str) for f in ordered],
            **{f"reason_{lang}": [f.worded(lang) for f in ordered] for lang in texts.LANGUAGES},
        }
    )


def write(url: str, frame: pd.DataFrame) -> None:
    """Write a table under another name and move it: a file of a worker that died is never half there."""
    fs, path = fsspec.core.url_to_fs(url)
    folder, _, name = path.rpartition("/")
    fs.makedirs(folder, exist_ok=True)
    draft = f"{folder}/.{name}"
    with fs.open(draft, "wb") as file:
        if name.endswith(".parquet"):
            frame.to_parquet(file, index=False)
        else:
            frame.to_csv(file, index=False, encoding="utf-8-sig")
    fs.mv(draft, path)
