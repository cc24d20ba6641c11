"""A profile is proposed for a file that nobody knows, and its cases come in by it, each in its grid."""

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook
from pyproj import Transformer

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.intake.exports.profile_text import profile_text
from gridmgmt.intake.operations import imports, proposing
from gridmgmt.intake.proposing import Proposal
from tests.postgis import towns

Point = tuple[float, float]


def codes(proposal: Proposal) -> set[str]:
    return {r.code for r in proposal.remarks}


def strange(path: Path, of: Callable[[float, float], Point], encoding: str = "gb18030") -> Path:
    """A title above the header, semicolons, GBK, days as deadlines, states of the maker's own, rows without place."""
    rows = ["某区城市管理案件导出;;;;;;;", "工单编号;创建时间;截止时间;状态;结案时间;坐标X;坐标Y;承办单位"]
    for i in range(40):
        home = towns.COMMUNITIES[i % 4]
        x, y = of(*towns.middle(home)) if i % 10 else (0.0, 0.0)
        state = ("已办结", "处理中", "挂起待查")[i % 3]
        closed = f"2025-12-{i % 20 + 3:02}日".replace("日", " 10:00") if i % 3 == 0 else "无"
        rows.append(
            f"GD{i:04};2025年12月{i % 20 + 1}日 08:30;2025/12/{i % 20 + 4};{state};{closed};{x!r};{y!r};第{i % 2}所"
        )
    path.write_bytes("\n".join(rows).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (lambda x, y: (x, y), ("坐标X", "坐标Y", "epsg:4490")),
        (lambda x, y: (y, x), ("坐标Y", "坐标X", "epsg:4490")),
        (lambda x, y: metres(x, y), ("坐标X", "坐标Y", f"epsg:{towns.CITY.metric_epsg}")),
    ],
)
def test_a_strange_file_is_in_by_what_is_proposed(
    town: Work, tmp_path: Path, of: Callable[[float, float], Point], expected: tuple[str, str, str]
) -> None:
    path = strange(tmp_path / "导出.csv", of)
    proposal = proposing.propose(town, path)
    place = proposal.profile["location"]
    assert (place["lon"], place["lat"], place["system"]) == expected
    assert place["null"] == [[0, 0]]
    assert proposal.profile["deadline"] == [{"column": "截止时间", "day": "end"}]
    assert (proposal.profile["encodings"], proposal.profile["separator"]) == (["gb18030"], ";")
    assert ("proposed_exchanged" in codes(proposal)) == (expected[0] == "坐标Y")
    assert {"proposed_state", "proposed_day_end", "proposed_units", "proposed_encoding"} <= codes(proposal)
    written = tmp_path / "proposed.yaml"
    written.write_text(profile_text(proposal, "zh"), "utf-8")
    report = imports.import_file(town, path, str(written))
    assert (report.n_new, report.n_quarantined, report.located) == (40, 0, {"leaf": 36, "no_location": 4})
    c = t.cases.c
    found = {r[0]: r for r in towns.select_all(town, c.case_no, c.status, c.due_at, c.closed_at)}
    zone = towns.CITY.zone
    assert [found[f"GD000{i}"][1] for i in range(3)] == ["closed", "handling", "registered"]
    assert found["GD0001"][2].astimezone(zone).strftime("%m-%d %H:%M") == "12-06 00:00"  # the end of the 5th
    assert (found["GD0001"][3], found["GD0003"][3].astimezone(zone).strftime("%d %H:%M")) == (None, "06 10:00")


def metres(x: float, y: float) -> Point:
    """As the city's metric system writes a place."""
    lon_lat = Transformer.from_crs(STORAGE_EPSG, towns.CITY.metric_epsg, always_xy=True)
    east, north = lon_lat.transform(x, y)
    return east, north


def test_a_file_without_number_time_or_place_says_what_is_missing(town: Work, tmp_path: Path) -> None:
    path = tmp_path / "poor.csv"
    path.write_text("甲,乙\n1,a\n1,b\n2,b\n", "utf-8")
    proposal = proposing.propose(town, path)
    assert {"proposed_missing", "proposed_no_place", "proposed_incomplete"} <= codes(proposal)
    assert profile_text(proposal, "zh").startswith("# 建议的导入方案")


def test_the_sheet_that_holds_cases_is_found(town: Work, tmp_path: Path) -> None:
    """Cases on the second sheet, below a title: nothing was found on the first, and nothing said of the others."""
    book = Workbook()
    book.active.append(["导出说明", "请看下一页"])
    x, y = towns.middle("D1-1")
    sheet = book.create_sheet("案卷")
    for row in (
        ["三月案件"],
        ["案件号", "上报日期", "处置单位", "经度", "纬度"],
        ["A1", "2025-12-01 08:00", "甲所", x, y],
    ):
        sheet.append(row)
    path = tmp_path / "导出.xlsx"
    book.save(path)
    proposal = proposing.propose(town, path)
    assert proposal.profile["sheet"] == "案卷"
    columns = {k: proposal.profile["columns"][k] for k in ("case_no", "reported_at", "unit_code")}
    assert columns == {"case_no": "案件号", "reported_at": "上报日期", "unit_code": "处置单位"}
    assert [r.facts["others"] for r in proposal.remarks if r.code == "proposed_sheet"] == [["Sheet"]]
    (tmp_path / "p.yaml").write_text(profile_text(proposal, "zh"), "utf-8")
    assert imports.import_file(town, path, str(tmp_path / "p.yaml")).n_new == 1


def test_a_faulty_byte_that_a_western_encoding_reads_does_not_make_the_file_western(town: Work, tmp_path: Path) -> None:
    """Of this Chinese file every byte is some character of cp1252, and its last row is no text of gb18030."""
    x, y = towns.middle("D1-1")
    good = [f"A{n},2025-12-01 08:00:00,{x!r},{y!r},损坏" for n in range(9)]
    text = "\n".join(["案件编号,创建时间,经度,纬度,描述", *good]).encode("gb18030")
    path = tmp_path / "a.csv"
    path.write_bytes(text + f"\nB,2025-12-01 08:00:00,{x!r},{y!r},caf".encode() + b"\xff\n")
    assert path.read_bytes().decode("cp1252")
    proposal = proposing.propose(town, path)
    assert proposal.profile["encodings"] == ["gb18030"]
    (tmp_path / "p.yaml").write_text(profile_text(proposal, "zh"), "utf-8")
    report = imports.import_file(town, path, str(tmp_path / "p.yaml"))
    assert (report.n_new, report.n_quarantined) == (9, 1)


def test_a_byte_that_is_no_text_does_not_hide_the_encoding(town: Work, tmp_path: Path) -> None:
    """An import takes the other rows of such a file; the proposal called its header � twice."""
    x, y = towns.middle("D1-1")
    good = [f"A{n},2025-12-01 08:00:00,{x!r},{y!r},井盖" for n in range(9)]
    text = "\n".join(["工单编号,创建时间,经度,纬度,问题描述", *good]).encode("gb18030")
    path = tmp_path / "a.csv"
    path.write_bytes(text + f"\nB,2025-12-01 08:00:00,{x!r},{y!r},".encode() + b"\x81\xff\n")
    proposal = proposing.propose(town, path)
    assert proposal.profile["encodings"] == ["gb18030"]
    (tmp_path / "p.yaml").write_text(profile_text(proposal, "zh"), "utf-8")
    report = imports.import_file(town, path, str(tmp_path / "p.yaml"))
    assert (report.n_new, report.n_quarantined) == (9, 1)


def test_rows_of_one_number_that_differ_are_told_before_the_import_refuses_them(town: Work, tmp_path: Path) -> None:
    x, y = towns.middle("D1-1")
    rows = [*((f"A{n}", "开") for n in range(200)), ("A1", "关"), ("A3", "开")]  # A3 is the same again
    lines = [f"{no},2025-12-01 08:00:00,{x!r},{y!r},{text}" for no, text in rows]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["工单编号,创建时间,经度,纬度,问题描述", *lines]), "utf-8")
    proposal = proposing.propose(town, path)
    assert [r.facts["n"] for r in proposal.remarks if r.code == "proposed_twice"] == [2]
    (tmp_path / "p.yaml").write_text(profile_text(proposal, "zh"), "utf-8")
    assert imports.import_file(town, path, str(tmp_path / "p.yaml")).reasons == {"number_twice": 2}
