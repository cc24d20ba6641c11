"""A hand-made city of eight square communities and fourteen cases, so that every figure asked for is known.

Community n (0–7) stands in column n // 2 and row n % 2; a column is a street, two columns a district. In December 2025
community 0 has ten cases due (nine closed, eight of them on time, one sent back), community 5 has two, both closed on
time; one case lies outside, one has no location.
"""

import csv
import datetime as dt
from pathlib import Path

import geopandas as gpd
import shapely
from ruamel.yaml import YAML

from gridmgmt import city
from gridmgmt.assessing.operations import scoring
from gridmgmt.city import City
from gridmgmt.database.work import Work
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions

WEST, SOUTH, SIDE = 114.0, 30.0, 0.01
NASTY = "<img src=x onerror=alert(1)>社区"
NAMES = ("望湖社区", "柳岸社区", "桂园社区", NASTY, "松岭社区", "竹溪社区", "明湾社区", "长堤社区")
COMMUNITIES = [f"42990{1 + n // 4}00{1 + n // 2 % 2}00{1 + n % 2}" for n in range(8)]
TOTAL_0, TOTAL_5, TOTAL_CITY = "71.76", "100.00", "73.53"  # 61 and 85 of 85 points; (27.5 + 25 + 0 + 10) of 85
UNITS = """code,name_zh,name_en,kind,parent_code
S1,望湖街道办事处,Wanghu Office,street,
D9,市政中心,Works,department,
"""
RULES = """category,level,grid_code,unit_code,valid_from,valid_to
*,street,429901001,S1,2020-01-01,
component:01001,city,4299,D9,2020-01-01,
"""
HEADERS = (
    "案卷编号", "上报时间", "受理时间", "立案时间", "派遣时间", "应结案时间", "延期后时限", "处置完成时间", "结案时间",
    "作废时间", "当前状态", "问题来源", "问题类型", "小类代码", "地址", "问题描述", "处置部门", "举报人", "举报电话",
    "返工次数", "最近返工时间", "是否重复", "经度", "纬度", "坐标系", "更新时间",
)  # fmt: skip


def centre(n: int) -> tuple[float, float]:
    """The middle of community n."""
    return WEST + (n // 2 + 0.5) * SIDE, SOUTH + (n % 2 + 0.5) * SIDE


def build(work: Work, folder: Path) -> None:
    """The city with its cases and one assessment."""
    prepare(work, folder)
    _write_cases(folder / "cases.csv")
    report = imports.import_file(work, folder / "cases.csv", "demo_cases")
    assert (report.n_new, report.n_quarantined) == (14, 0), report
    scoring.score(work, "grid_baseline", parse_period("2025-12"))


def prepare(work: Work, folder: Path) -> None:
    """The city with its units, rules and grids, without cases."""
    _write_city(folder / "city.yaml")
    (folder / "units.csv").write_text(UNITS, "utf-8")
    (folder / "rules.csv").write_text(RULES, "utf-8")
    _grids().to_file(folder / "grids.gpkg", engine="pyogrio")
    reference.init_city(work, folder / "city.yaml")
    reference.import_units(work, folder / "units.csv")
    reference.import_rules(work, folder / "rules.csv")
    editions.import_grids(work, [str(folder / "grids.gpkg")], "2025")
    editions.activate(work, "2025", dt.date(2024, 1, 1))


def _write_city(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(city.to_dict(City("4299", "小城", "Smallville", "Asia/Shanghai", 4547)), file)


def _grids() -> gpd.GeoDataFrame:
    corners = [(WEST + n // 2 * SIDE, SOUTH + n % 2 * SIDE) for n in range(8)]
    boxes = dict(zip(COMMUNITIES, (shapely.box(x, y, x + SIDE, y + SIDE) for x, y in corners), strict=True))
    rows = [
        ("community", code, code[:9], zh, f"Community {n}", boxes[code])
        for n, (code, zh) in enumerate(zip(COMMUNITIES, NAMES, strict=True))
    ]
    above = (("street", 9, 6, "街道", "Street"), ("district", 6, 4, "区", "District"), ("city", 4, 0, "小城", "City"))
    for level, width, parent, zh, en in above:
        for code in sorted({c[:width] for c in COMMUNITIES}):
            ground = shapely.union_all([box for c, box in boxes.items() if c.startswith(code)])
            rows.append((level, code, code[:parent] or None, zh + code[4:], f"{en} {code[4:]}", ground))
    columns = ["level", "code", "parent_code", "name", "name_en", "geometry"]
    return gpd.GeoDataFrame([dict(zip(columns, r, strict=True)) for r in rows], crs="EPSG:4490")


def _write_cases(path: Path) -> None:
    places = [centre(0)] * 10 + [centre(5)] * 2 + [(115.0, 31.0), None]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADERS, restval="")
        writer.writeheader()
        for i, place in enumerate(places):
            closed = {8: "2025-12-20 09:00:00", 9: ""}.get(i, "2025-12-05 09:00:00")  # one late, one open
            writer.writerow(
                {
                    "案卷编号": f"A{i:03}", "上报时间": "2025-12-01 08:00:00", "受理时间": "2025-12-01 08:05:00",
                    "立案时间": "2025-12-01 08:10:00", "派遣时间": "2025-12-01 08:20:00",
                    "应结案时间": "2025-12-10 08:00:00", "处置完成时间": closed, "结案时间": closed,
                    "当前状态": "已结案" if closed else "处置中", "问题来源": "采集员", "问题类型": "部件",
                    "小类代码": "01001", "返工次数": int(i == 0),
                    "最近返工时间": "2025-12-04 09:00:00" if i == 0 else "",
                    "是否重复": "否", "经度": place[0] if place else "", "纬度": place[1] if place else "",
                    "坐标系": "CGCS2000", "更新时间": "2026-01-01 08:00:00",
                }
            )  # fmt: skip
