"""A list as a file (清单导出): CSV, Excel, GeoPackage or GeoParquet; what was asked for stands inside it.

In CSV it is the first line behind ``#``, in a workbook the second sheet, in a GeoPackage the layer's description, in a
GeoParquet file its metadata under ``gridmgmt``.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
from openpyxl.cell import WriteOnlyCell

from gridmgmt import bounds
from gridmgmt.files import geofiles
from gridmgmt.files.worksheets import put_text

KEY = "gridmgmt"
"""Of a Parquet file's metadata, and the sheet of a workbook."""


def write(frame: gpd.GeoDataFrame, path: Path, name: str, form: str, asked: Mapping[str, Any]) -> None:
    """Write a list; ``asked``: what is kept in the file of what was asked for.

    Raises
    ------
    LimitExceeded
        More rows than a worksheet holds.
    """
    told = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{name}.{form}"
        _WRITE[form](frame, made, name, told)
        shutil.copyfile(made, path)


def _csv(frame: gpd.GeoDataFrame, path: Path, _name: str, told: str) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(f"# {told}\n")
        frame.drop(columns="geometry").to_csv(file, index=False)


def _xlsx(frame: gpd.GeoDataFrame, path: Path, name: str, told: str) -> None:
    bounds.hold(path, "sheet_rows", len(frame) + 1)
    book = openpyxl.Workbook(write_only=True)
    rows = frame.drop(columns="geometry").astype(object)
    for title, lines in ((name, [[*rows.columns], *rows.itertuples(index=False)]), (KEY, [[told]])):
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append([_cell(sheet, value) for value in line])
    book.save(path)


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or value is pd.NaT or value != value:
        return None
    if isinstance(value, bool | int | float):
        return value
    cell = WriteOnlyCell(sheet)
    put_text(cell, value if isinstance(value, str) else str(value))
    return cell


def _gpkg(frame: gpd.GeoDataFrame, path: Path, name: str, told: str) -> None:
    geofiles.save(frame, path, "GPKG", name, told)


def _parquet(frame: gpd.GeoDataFrame, path: Path, _name: str, told: str) -> None:
    frame.to_parquet(path, index=False)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: told}), path)


_WRITE: Mapping[str, Callable[[gpd.GeoDataFrame, Path, str, str], None]] = {
    "csv": _csv, "xlsx": _xlsx, "gpkg": _gpkg, "parquet": _parquet,
}  # fmt: skip
