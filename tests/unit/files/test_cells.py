"""One reading of codes, whatever file they stand in."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gridmgmt import city
from gridmgmt.files import forms, tables
from gridmgmt.files.cells import as_code, trimmed
from gridmgmt.files.tables import Row, Text
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.facts import Known, parse
from gridmgmt.places import grids
from gridmgmt.places.readers import layers

CITY = city.from_dict({"code": "4403", "name": "示例市", "time_zone": "Asia/Shanghai", "metric_crs": 4547})
SPELLINGS = ["A-0１", "Ａ－０１", "A\u200b-01", "\ufeffA-01\u3000", "\u3000 A-\u00ad01\u200b \u3000", "A-01\u2060"]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_code(text: str) -> None:
    assert as_code(text) == "A-01"


def test_what_is_no_spelling_stays() -> None:
    assert as_code("〔２０２５〕（Ｂ）①") == "〔2025〕（B）①"
    assert as_code("e\u0301") == "\u00e9"
    assert trimmed("\u200b\u3000甲\u200b乙 \ufeff\u3000") == "甲\u200b乙"


class _Unit(Row):
    code: Text


@pytest.mark.parametrize("text", SPELLINGS)
def test_boundaries_layers_cases_tables_and_forms_read_the_same_code(tmp_path: Path, text: str) -> None:
    shape = shapely.box(114, 22, 114.1, 22.1)
    place = gpd.GeoDataFrame({"code": [text], "parent": [text], "名称": ["甲"]}, geometry=[shape], crs=4490)
    made = grids.prepare(place, CITY, grids.GridColumns(level="community", parent="parent", responsible="code"))
    assert made.frame[["code", "parent_code", "responsible"]].to_numpy().tolist() == [["A-01"] * 3]
    place.to_file(tmp_path / "a.gpkg")
    assert layers.read(tmp_path / "a.gpkg", None, None, {}).frame["code"].tolist() == ["A-01"]
    (tmp_path / "a.csv").write_text(f"code\n{text}\n", "utf-8")
    assert next(iter(tables.read(tmp_path / "a.csv", _Unit)[0].values())).code == "A-01"
    (sheet,) = forms.read_sheets(tmp_path / "a.csv", {"k": ("code",)})
    assert sheet.lines[0].cells == {"code": "A-01"}
    profile = profiles.parse(
        "{id: p, kind: cases, title: {zh: x, en: x}, columns: {case_no: no, reported_at: at, unit_code: no},"
        ' location: {lon: x, lat: "y", system: "epsg:4490"}}',
        "p.yaml",
    )
    raw = pd.DataFrame([{"no": text, "at": "2025-03-01", "x": "", "y": ""}], index=[2], dtype="str")
    found = parse(raw, profile, CITY, Known(set(), {"A-01"}))
    assert found.facts[["case_no", "unit_code"]].to_numpy().tolist() == [["A-01", "A-01"]]
