"""Units, categories and responsibility rules: read as a whole, or refused by row, column and value."""

import datetime as dt
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from gridmgmt import city, texts
from gridmgmt.errors import ColumnMissing, TableInvalid, TableRefused
from gridmgmt.files.tables import ALWAYS
from gridmgmt.people.readers import reference
from gridmgmt.people.responsibility import Rule
from gridmgmt.people.units import Unit
from gridmgmt.settings import data_path

CITY = city.from_dict({"code": "4403", "name": "示例市", "time_zone": "Asia/Shanghai", "metric_crs": 4547})
UNITS = "code,name_zh,name_en,kind,parent_code\n"
CATEGORIES = "scheme,kind,code,major_code,major_zh,major_en,name_zh,name_en\n"
EVER = ALWAYS
RULES = "category,level,grid_code,unit_code,valid_from,valid_to\n"


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_units(tmp_path: Path, encoding: str) -> None:
    path = table(tmp_path, UNITS + "Ｕ１,城管局（Ａ）,,department,\n U2 ,, Parks ,,U1\n", encoding)
    assert reference.read_units(path, CITY) == {
        2: Unit("U1", name_zh="城管局（Ａ）", kind="department"),
        3: Unit("U2", name_en="Parks", parent_code="U1"),
    }


def test_units_may_have_a_level_and_a_territory(tmp_path: Path) -> None:
    path = table(tmp_path, "code,name_zh,name_en,kind,parent_code,grid_code,level\nU1,,,,,４４,街道\nU2,,,,,,street\n")
    assert reference.read_units(path, CITY) == {2: Unit("U1", level=3, grid_code="44"), 3: Unit("U2", level=3)}


def test_every_level_that_a_city_does_not_have_is_named(tmp_path: Path) -> None:
    path = table(tmp_path, UNITS.strip() + ",level,grid_code\nU1,,,,,village,1\nU2,,,,,,1\nU3,,,,,4,1\n")
    with pytest.raises(TableRefused) as e:
        reference.read_units(path, CITY)
    assert [(f["code"], f["row"]) for f in e.value.faults] == [("level", 2), ("grid_without_level", 3)]
    assert "village" in texts.word(e.value.code, e.value.facts, "en")


@pytest.mark.parametrize(("rows", "row"), [("U1,,,,\nU1,,,,\n", 3), ("U1,,,,\nＵ１,,,,\n", 3), (",城管局,,,\n", 2)])
def test_a_unit_needs_a_code_of_its_own(tmp_path: Path, rows: str, row: int) -> None:
    with pytest.raises(TableInvalid) as e:
        reference.read_units(table(tmp_path, UNITS + rows), CITY)
    assert (e.value.file, e.value.row, e.value.column) == ("table.csv", row, "code")


def test_a_broken_line_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(TableInvalid) as e:
        reference.read_units(table(tmp_path, UNITS + "U1,,,,\nU2,城管,局,x,y,z\n"), CITY)
    assert (e.value.row, e.value.value) == (3, "U2,城管,局,x,y,z")


def test_a_broken_line_is_told_after_the_cells(tmp_path: Path) -> None:
    with pytest.raises(TableInvalid) as e:
        reference.read_units(table(tmp_path, UNITS + "U1,城管,局,x,y,z\nU2,,,,\nU2,,,,\n"), CITY)
    assert (e.value.row, e.value.column) == (4, "code")


def test_a_column_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing):
        reference.read_units(table(tmp_path, "code,name_zh\nU1,x\n"), CITY)


@pytest.mark.parametrize("path", sorted(data_path("categories").glob("*.csv")), ids=lambda p: p.stem)
def test_every_shipped_category_table_is_read(path: Path) -> None:
    rows = reference.read_categories(path)
    assert {r["scheme"] for r in rows} == {path.stem}
    assert all(r["name_zh"] for r in rows)


@pytest.mark.parametrize(
    ("rows", "row", "column"),
    [
        ("s,component,01001,,,,,\ns,component,01001,,,,,\n", 3, "kind, code"),
        ("s,parts,01001,,,,,\n", 2, "kind, code"),
        ("s,component,,,,,,\n", 2, "kind, code"),
        ("s,component,01*,,,,,\n", 2, "kind, code"),
        (",component,01001,,,,,\n", 2, "scheme"),
    ],
)
def test_a_category_needs_a_key_of_its_own(tmp_path: Path, rows: str, row: int, column: str) -> None:
    with pytest.raises(TableInvalid) as e:
        reference.read_categories(table(tmp_path, CATEGORIES + rows))
    assert (e.value.row, e.value.column) == (row, column)


def test_a_component_and_a_matter_may_share_the_number(tmp_path: Path) -> None:
    rows = "s,component,01001,,,,,\ns,matter,01001,,,,,\nt,component,01001,,,,,\n"
    assert len(reference.read_categories(table(tmp_path, CATEGORIES + rows))) == 3


def test_rules(tmp_path: Path) -> None:
    rows = (
        "*,street,440301001,U1,2025-01-01,2026-01-01",
        "component:01*,,*,U2,,9999-12-31",
        "event:0101,街道,４４,U1,20250101,",
    )
    path = table(tmp_path, RULES + "\n".join(rows))
    assert list(reference.read_rules(path, CITY, {"U1", "U2"}).values()) == [
        Rule("*", 3, "440301001", "U1", dt.date(2025, 1, 1), dt.date(2026, 1, 1)),
        Rule("component:01*", None, None, "U2", dt.date(1900, 1, 1), dt.date(9999, 12, 31)),
        Rule("event:0101", 3, "44", "U1", dt.date(2025, 1, 1), None),
    ]


def test_one_rule_has_one_last_day(tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    head, row = "category,level,grid_code,unit_code,valid_from,valid_to\n", "*,,,U1,2025-01-01,"
    path.write_text(f"{head}{row}2026-01-01\n{row}2026-01-01\n", "utf-8")
    assert len(reference.read_rules(path, CITY, {"U1"})) == 2
    path.write_text(f"{head}{row}\n*,,,U1,2024-01-01,\n{row}2026-01-01\n", "utf-8")
    with pytest.raises(TableRefused) as e:
        reference.read_rules(path, CITY, {"U1"})
    assert [(f["code"], f["row"], f["first"], f["value"]) for f in e.value.faults] == [("two_ends", 4, 2, "2026-01-01")]
    assert "2026-01-01" in texts.word(e.value.code, e.value.facts, "zh")


def test_a_code_has_a_length_that_can_be_kept(tmp_path: Path) -> None:
    head = "code,name_zh,name_en,kind,parent_code\n"
    assert len(reference.read_units(table(tmp_path, head + "x" * 200 + ",,,,\n"), CITY)) == 1
    with pytest.raises(TableInvalid) as e:
        reference.read_units(table(tmp_path, head + "U1,,,," + "x" * 201 + "\n"), CITY)
    assert (e.value.row, e.value.column) == (2, "parent_code")


def test_a_rule_for_a_level_names_its_grid(tmp_path: Path) -> None:
    """Without one it would hold everywhere; who means that writes `*` or no level."""
    head = "category,level,grid_code,unit_code,valid_from,valid_to\n"
    with pytest.raises(TableRefused) as e:
        reference.read_rules(table(tmp_path, head + "*,street,,U1,,\n"), CITY, {"U1"})
    assert [(f["code"], f["row"], f["value"]) for f in e.value.faults] == [("level_without_grid", 2, "street")]
    (everywhere,) = reference.read_rules(table(tmp_path, head + "*,street,*,U1,,\n"), CITY, {"U1"}).values()
    assert (everywhere.level, everywhere.grid_code) == (None, None)


def test_dates_of_a_workbook_are_days(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(RULES.strip().split(","))
    book.active.append(["*", None, None, "U1", dt.date(2025, 1, 1), dt.datetime(2026, 1, 1)])
    book.save(tmp_path / "rules.xlsx")
    (rule,) = reference.read_rules(tmp_path / "rules.xlsx", CITY, {"U1"}).values()
    assert (rule.valid_from, rule.valid_to) == (dt.date(2025, 1, 1), dt.date(2026, 1, 1))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("component,,,U1,,", "category"),
        ("component:*1,,,U1,,", "category"),
        (",,,U1,,", "category"),
        ("*,village,1,U1,,", "level"),
        ("*,,1,U1,,", "level"),
        ("*,,,U9,,", "unit_code"),
        ("*,,,,,", "unit_code"),
        ("*,,,U1,2025-13-01,", "valid_from"),
        ("*,,,U1,2025,", "valid_from"),
        ("*,,,U1,2025-01-01 12:00:00,", "valid_from"),
        ("*,,,U1,2025-01-01,2025-01-01", "valid_to"),
        ("*,,,U1,,1900-01-01", "valid_to"),
    ],
)
def test_a_wrong_rule_is_refused(tmp_path: Path, row: str, column: str) -> None:
    path = table(tmp_path, f"{RULES}*,,,U1,,\n{row}\n")
    with pytest.raises(TableInvalid) as e:
        reference.read_rules(path, CITY, {"U1"})
    assert (e.value.row, e.value.column) == (3, column)
    wanted = texts.word("table_invalid", e.value.facts, "zh").partition("应为：")[2]
    assert re.findall("[a-z]{2,} [a-z]{2,}", wanted.replace("gridmgmt units import", "")) == []


def test_rules_may_name_a_land_owner_or_be_an_override(tmp_path: Path) -> None:
    head = RULES.strip() + ",override,land_owner\n"
    rows = "*,,,U1,,,,铁路（集团）\n*,community,44,U2,,,yes,\n*,community,45,U2,,,否,*\ncomponent:01*,,*,U1,,,,电力\n"
    assert list(reference.read_rules(table(tmp_path, head + rows), CITY, {"U1", "U2"}).values()) == [
        Rule("*", None, None, "U1", EVER, land_owner="铁路（集团）"),
        Rule("*", 4, "44", "U2", EVER, override=True),
        Rule("*", 4, "45", "U2", EVER),
        Rule("component:01*", None, None, "U1", EVER, land_owner="电力"),
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("*,,,U1,,,,perhaps", "yes_no"),
        ("*,,,U1,,,,yes", "override"),
        ("component:01*,city,4403,U1,,,,yes", "override"),
        ("*,city,4403,U1,,,railway,yes", "override"),
    ],
)
def test_an_override_is_about_all_of_one_grid(tmp_path: Path, row: str, fault: str) -> None:
    head = RULES.strip() + ",land_owner,override\n"
    with pytest.raises(TableRefused) as e:
        reference.read_rules(table(tmp_path, head + row + "\n"), CITY, {"U1"})
    assert [(f["code"], f["row"], f["column"]) for f in e.value.faults] == [(fault, 2, "override")]


def test_a_table_with_optional_columns_is_read_from_a_workbook_and_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"code": ["U1"], "name_zh": ["局"], "name_en": [None], "kind": [None], "parent_code": [None]})
    more = frame.assign(level="street", grid_code="44")
    for name, given, level in (("plain", frame, None), ("more", more, 3)):
        given.to_excel(tmp_path / f"{name}.xlsx", index=False)
        given.to_parquet(tmp_path / f"{name}.parquet")
        for kind, row in (("xlsx", 2), ("parquet", 1)):  # Parquet has no row of heads
            assert reference.read_units(tmp_path / f"{name}.{kind}", CITY)[row].level == level
