"""A synthetic city (演示城市): believable, made up, and the same for the same seed.

Nothing here is about a real place: the city, its code and all names are
invented. Reads only ``data/``; knows no database.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from gridmgmt.database.work import Progress, silent
from gridmgmt.demo import casework, dirt, division, geography, inspections, large_city, results, units, writing
from gridmgmt.demo import layers as reference_layers
from gridmgmt.demo.names import table
from gridmgmt.errors import OptionInvalid
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class Size:
    """How large a demo city is; ``excel``: the second half-year comes as a workbook."""

    districts: int
    streets: int
    communities: int
    cases: int
    radius_m: float
    spots: int
    excel: bool
    second_edition: bool


SIZES = {
    "small": Size(6, 40, 300, 24_000, 20_000, 24, excel=True, second_edition=True),
    "medium": Size(12, 150, 2_500, 240_000, 32_000, 90, excel=False, second_edition=True),
    "large": Size(18, 350, 6_000, 1_000_000, 42_000, 200, excel=False, second_edition=False),
}


@dataclass(frozen=True)
class DemoSummary:
    """What was made: the folder, its files, and the known totals as in manifest.json."""

    folder: Path
    files: tuple[str, ...]
    manifest: dict[str, Any]


def make_demo_city(
    out: Path,
    *,
    seed: int,
    size: str,
    unit_grids: bool = False,
    cases: int | None = None,
    file_format: str | None = None,
    progress: Progress | None = None,
) -> DemoSummary:
    """Make a demo city and write the files a city would hand over.

    Parameters
    ----------
    out
        Folder, made if need be; files of an earlier city in it are replaced.
    seed
        Not negative. The same seed gives the same bytes of CSV, YAML, JSON and
        Excel, and the same content of the GeoPackages.
    size
        small, medium or large (:data:`SIZES`).
    unit_grids
        Add the fifth level, unit grids (单元网格) with 15-character codes.
    cases
        So many cases, as monthly files of cases and of their steps, made in
        parts: memory does not grow with them. Samples are made in proportion.
        None: as many as the size has, in two half-years.
    file_format
        Of the monthly files: csv (without it) or parquet.
    progress
        Told what is being done (``progress_…`` in the catalogue).

    Raises
    ------
    OptionInvalid
        Unknown size or format, negative seed, too few cases, a format without a number of cases.
    """
    _check(seed, size, cases, file_format)
    tell = progress or silent
    wanted = SIZES[size]
    out.mkdir(parents=True, exist_ok=True)

    tell("demo_ground", 0)
    n_cells = wanted.communities * geography.CELLS_PER_COMMUNITY
    land = geography.make_land(wanted.radius_m, n_cells, wanted.districts, seed)
    groups = geography.divide(land, wanted.districts, wanted.streets, wanted.communities, seed)
    city = division.name_all(land, groups, seed)

    tell("demo_grids", 0)
    facts: dict[str, Any] = {
        "seed": seed,
        "size": size,
        "unit_grids": unit_grids,
        "exported_at": casework.exported_at(),
    }
    writing.write_city(out / "city.yaml", unit_grids=unit_grids)
    layers = division.layers(land, city, unit_grids=unit_grids)
    writing.write_layers(out / "grids.gpkg", layers, geometry_type="Polygon")
    facts["grids"] = {key: len(frame) for key, frame in layers.items()}
    files = ["city.yaml", "grids.gpkg"]
    reference = reference_layers.reference_layers(layers, seed)
    writing.write_layers(out / "layers.gpkg", reference)
    facts["layers"] = {kind: len(frame) for kind, frame in reference.items()}
    files.append("layers.gpkg")
    if wanted.second_edition:
        later, change = division.reform(land, city, seed)
        frames = division.layers(land, later, unit_grids=unit_grids)
        writing.write_layers(out / "grids_2026.gpkg", frames, geometry_type="Polygon")
        facts["change_2026"] = asdict(change)
        files.append("grids_2026.gpkg")

    tell("demo_units", 0)
    writing.write_table(out / "units.csv", units.unit_table(city))
    writing.write_table(out / "responsibility.csv", units.responsibility_table(city))
    shutil.copyfile(data_path("time_limits", "sample.csv"), out / "limits.csv")
    files += ["units.csv", "responsibility.csv", "limits.csv"]

    writing.clear(out)
    if cases is None:
        files += _at_once(out, land, city, layers["community"], wanted, seed, tell, facts)
    else:
        shared = dirt.shared_vertices(layers["community"])
        del layers, reference
        names, facts["cases"] = large_city.write_year(
            out, (land, city, shared), cases=cases, spots=wanted.spots, seed=seed, file_format=file_format or "csv",
            tell=tell,
        )  # fmt: skip
        samples = f"samples.{file_format or 'csv'}"
        rounds = max(1, round(cases / wanted.cases))
        facts["samples"] = large_city.write_samples(out / samples, land, city, seed, rounds, tell)
        files += [*names, samples]
    for name in table("results")["rulebooks"]:
        writing.write_table(out / f"entries_{name}.csv", results.entries(city, name, seed))
        files.append(f"entries_{name}.csv")
    writing.write_table(out / "subjects_qixian.csv", results.subject_list(city))
    writing.write_table(out / "subjects_huiji.csv", results.inspected(city))
    writing.write_table(out / "staff.csv", results.staff_days(city, seed))
    files += ["subjects_qixian.csv", "subjects_huiji.csv", "staff.csv", "manifest.json"]
    writing.write_manifest(out / "manifest.json", facts | {"files": files})
    tell("demo_done", 0)
    return DemoSummary(out, tuple(files), facts | {"files": files})


def _check(seed: int, size: str, cases: int | None, file_format: str | None) -> None:
    if size not in SIZES:
        raise OptionInvalid(name="size", value=size, expected=", ".join(SIZES))
    if seed < 0:
        raise OptionInvalid(name="seed", value=seed, expected="≥ 0")
    if cases is not None and cases < large_city.LEAST:
        raise OptionInvalid(name="cases", value=cases, expected=f"≥ {large_city.LEAST}")
    if file_format is not None and (cases is None or file_format not in writing.GROWING):
        raise OptionInvalid(name="format", value=file_format, expected=f"{', '.join(writing.GROWING)} (--cases)")


def _at_once(
    out: Path,
    land: geography.Land,
    city: division.Division,
    communities: gpd.GeoDataFrame,
    wanted: Size,
    seed: int,
    tell: Progress,
    facts: dict[str, Any],
) -> list[str]:
    """Write the cases as two half-years, and the samples; gives the names of the files and adds what is known."""
    tell("demo_cases", 0)
    cases = casework.make_cases(land, city, wanted.cases, wanted.spots, seed)
    rows, spoiled = dirt.spoil(cases, land, dirt.shared_vertices(communities), geography.stream(seed, 5))
    facts["cases"] = dirt.truth(cases, rows, spoiled)
    tell("demo_case_files", 0)
    files = writing.write_cases(out, rows, excel=wanted.excel)
    tell("demo_samples", 0)
    samples = inspections.make_samples(land, city, seed)
    facts["samples"] = inspections.sample_truth(samples)
    writing.write_xlsx(out / "samples.xlsx", samples, writing.SAMPLE_HEADERS, "样本")
    return [*files, "samples.xlsx"]
