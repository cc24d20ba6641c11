"""The files a city would hand over: GeoPackage, CSV, Excel and YAML, the same content for the same seed."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from pyarrow import csv
from ruamel.yaml import YAML

from gridmgmt.city import DEFAULT_LEVELS, City, Level, to_dict
from gridmgmt.demo.mesh import METRIC_EPSG
from gridmgmt.demo.names import table

CASE_HEADERS = {
    "case_no": "案卷编号",
    "reported_at": "上报时间",
    "accepted_at": "受理时间",
    "registered_at": "立案时间",
    "dispatched_at": "派遣时间",
    "due_at": "应结案时间",
    "due_extended_at": "延期后时限",
    "handled_at": "处置完成时间",
    "closed_at": "结案时间",
    "voided_at": "作废时间",
    "status": "当前状态",
    "source": "问题来源",
    "kind": "问题类型",
    "category": "小类代码",
    "category_name": "小类名称",
    "address": "地址",
    "description": "问题描述",
    "unit_code": "处置部门",
    "reporter_name": "举报人",
    "reporter_phone": "举报电话",
    "n_rework": "返工次数",
    "reworked_at": "最近返工时间",
    "is_repeat": "是否重复",
    "lon": "经度",
    "lat": "纬度",
    "system": "坐标系",
    "updated_at": "更新时间",
}
SAMPLE_HEADERS = {
    "sample_no": "样本编号",
    "sampled_at": "检查时间",
    "sample_type": "样本类型",
    "object_name": "检查对象",
    "score": "得分",
    "findings": "检查发现",
    "lon": "经度",
    "lat": "纬度",
    "system": "坐标系",
}
STEP_HEADERS = {
    "case_no": "案件编号",
    "step": "步骤",
    "at": "时间",
    "actor": "经办人",
    "unit_code": "单位",
    "due_at": "时限",
}
KINDS = {"component": "部件", "matter": "事件"}
_CASE_ENCODING = "gb18030"
"""As most municipal systems export."""

CHUNK = 100_000
_OF_CASES = re.compile(r"(cases|cases_2025(H2|-\d\d)|steps_2025-\d\d|samples)\.(csv|xlsx|parquet)")
_UNIT_GRID = Level(5, "unit_grid", "单元网格", "Unit grid", 15)
_WRITTEN_AT = datetime(2026, 1, 1)
"""Stands in workbooks where a clock would."""


def write_city(path: Path, *, unit_grids: bool) -> None:
    """Write city.yaml."""
    name = table("names")["city"]
    city = City(
        code=name["code"],
        zh=name["zh"],
        en=name["en"],
        time_zone="Asia/Shanghai",
        metric_epsg=METRIC_EPSG,
        levels=(*DEFAULT_LEVELS, _UNIT_GRID) if unit_grids else DEFAULT_LEVELS,
        prefix_codes=True,
    )
    yaml = YAML()
    yaml.default_flow_style = False
    buffer = io.StringIO()
    yaml.dump(to_dict(city), buffer)
    path.write_text(buffer.getvalue(), "utf-8")


def write_layers(path: Path, layers: dict[str, gpd.GeoDataFrame], **how: Any) -> None:
    """Write one GeoPackage with a layer for each level or kind, replacing what stood there."""
    path.unlink(missing_ok=True)
    for key, frame in layers.items():
        frame.to_file(path, layer=key, driver="GPKG", engine="pyogrio", **how)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a small CSV in UTF-8."""
    frame.to_csv(path, index=False, lineterminator="\n")


def shown(rows: pd.DataFrame, headers: dict[str, str]) -> pd.DataFrame:
    """The columns of a file, in its order and words."""
    out = rows[list(headers)].copy()
    if "kind" in out:
        out["kind"] = out["kind"].map(KINDS)
        out["is_repeat"] = np.where(out["is_repeat"], "是", "否")
    return out.rename(columns=headers)


Add = Callable[[pd.DataFrame], None]
"""Write so many more rows of a file."""


@contextmanager
def growing_csv(path: Path, headers: dict[str, str]) -> Iterator[Add]:
    """A large CSV in the city's encoding that is written part by part, times as ``2025-01-31 08:05:00``."""
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    with path.open("wb") as file:
        file.write((",".join(headers.values()) + "\n").encode(_CASE_ENCODING))

        def add(rows: pd.DataFrame) -> None:
            for start in range(0, len(rows), CHUNK):
                buffer = io.BytesIO()
                chunk = shown(rows.iloc[start : start + CHUNK], headers)
                csv.write_csv(pa.Table.from_pandas(chunk, preserve_index=False), buffer, options)
                file.write(buffer.getvalue().decode("utf-8").encode(_CASE_ENCODING))

        yield add


@contextmanager
def growing_parquet(path: Path, headers: dict[str, str]) -> Iterator[Add]:
    """A Parquet file that is written part by part, times as timestamps without zone; columns are those of its first."""
    with ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def add(rows: pd.DataFrame) -> None:
            schema = writers[0].schema if writers else None
            part = pa.Table.from_pandas(shown(rows, headers), schema, preserve_index=False).replace_schema_metadata()
            if not writers:
                writers.append(stack.enter_context(pq.ParquetWriter(path, part.schema)))
            writers[0].write_table(part)

        yield add


GROWING = {"csv": growing_csv, "parquet": growing_parquet}
"""Formats of large tables."""


def clear(folder: Path) -> None:
    """Take an earlier city's cases, steps and samples away, which may have had other files."""
    for path in folder.iterdir():
        if _OF_CASES.fullmatch(path.name):
            path.unlink()


def write_csv(path: Path, rows: pd.DataFrame, headers: dict[str, str]) -> None:
    """Write a large CSV at once."""
    with growing_csv(path, headers) as add:
        add(rows)


def write_cases(folder: Path, rows: pd.DataFrame, *, excel: bool) -> list[str]:
    """Write the two half-years; returns the names of the files."""
    first, second = (rows[rows["half"] == half] for half in (0, 1))
    write_csv(folder / "cases.csv", first, CASE_HEADERS)
    if excel:
        write_xlsx(folder / "cases_2025H2.xlsx", second, CASE_HEADERS, "案卷")
        return ["cases.csv", "cases_2025H2.xlsx"]
    write_csv(folder / "cases_2025H2.csv", second, CASE_HEADERS)
    return ["cases.csv", "cases_2025H2.csv"]


def write_xlsx(path: Path, rows: pd.DataFrame, headers: dict[str, str], sheet: str) -> None:
    """Write an Excel sheet with a frozen header; times as text, as exports have them."""
    frame = shown(rows, headers)
    for column in frame.select_dtypes("datetime"):
        frame[column] = frame[column].dt.strftime("%Y-%m-%d %H:%M:%S")
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)
    page.freeze_panes = "A2"
    page.append(list(frame.columns))
    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None):
        page.append(row)
    book.properties.creator = "gridmgmt demo city"
    book.properties.created = _WRITTEN_AT
    book.save(path)
    _stop_clock(path)


def _stop_clock(path: Path) -> None:
    """Take the times of writing out of a workbook, so that the same content gives the same bytes."""
    with zipfile.ZipFile(path) as old:
        parts = [(name, old.read(name)) for name in old.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts:
            if name == "docProps/core.xml":
                data = re.sub(rb"<(\w+):modified\b.*?</\1:modified>", b"", data)
            new.writestr(zipfile.ZipInfo(name, _WRITTEN_AT.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)


def write_manifest(path: Path, facts: dict[str, Any]) -> None:
    """Write manifest.json: what is in the files, so that others can check what they made of them."""
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", "utf-8")
