"""Every route against PostGIS, on a city whose figures are known."""

import io

import openpyxl
import pytest
import shapely

from tests.api.small_city import COMMUNITIES, NASTY, SIDE, SOUTH, TOTAL_0, TOTAL_5, TOTAL_CITY, WEST, centre
from tests.maps.synthetic import data_of

NAME = "grid_baseline-2025-12-1"


def test_health_and_city(get):
    assert get("/healthz")["status"] == "ok"
    city = get("/v1/city")
    assert city["name"] == {"zh": "小城", "en": "Smallville"}
    assert [x["key"] for x in city["levels"]] == ["city", "district", "street", "community"]
    assert get("/v1/editions") == [
        {"name": "2025", "active": True, "from": "2024-01-01", "to": None, "source": get("/v1/editions")[0]["source"]}
    ]
    assert "component:01001" in {c["category"] for c in get("/v1/categories")}


def test_grids_come_page_by_page_and_each_once(client, get):
    seen, path, pages = [], "/v1/grids?level=community&limit=3", 0
    while path:
        page = get(path)
        assert page["numberMatched"] == 8
        assert page["numberReturned"] == len(page["features"])
        seen += [f["id"] for f in page["features"]]
        path = next((x["href"] for x in page["links"] if x["rel"] == "next"), None)
        pages += 1
    assert seen == COMMUNITIES
    assert pages == 3
    assert [x["rel"] for x in page["links"]] == ["self", "prev"]
    assert get("/v1/grids?level=community&offset=8")["numberMatched"] == 8
    assert client.get("/v1/grids").headers["content-type"] == "application/geo+json"


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"level": "4", "parent": "429901001"}, COMMUNITIES[:2]),
        ({"parent": "4299"}, ["429901", "429902"]),
        ({"level": "社区", "bbox": f"{WEST + 0.002},{SOUTH + 0.002},{WEST + 0.003},{SOUTH + 0.003}"}, COMMUNITIES[:1]),
        ({"level": "community", "bbox": f"{WEST + SIDE},{SOUTH},{WEST + SIDE},{SOUTH + 0.001}"}, COMMUNITIES[0:3:2]),
        ({"level": "community", "bbox": f"{WEST + SIDE},{SOUTH},{WEST + SIDE},{SOUTH}"}, COMMUNITIES[0:3:2]),
        (
            {
                "level": "community",
                "bbox": f"{WEST + SIDE / 2},{SOUTH + SIDE / 2},{WEST + SIDE / 2},{SOUTH + SIDE / 2}",
            },
            COMMUNITIES[:1],
        ),
        (
            {"level": "community", "bbox": f"{WEST},{SOUTH + SIDE / 2},{WEST + SIDE * 1.5},{SOUTH + SIDE / 2}"},
            COMMUNITIES[0:3:2],
        ),
        ({"level": "community", "bbox": "10,10,11,11"}, []),
        ({"level": "city", "on": "2025-01-01"}, ["4299"]),
        ({"level": "city", "edition": "2025"}, ["4299"]),
    ],
)
def test_grids_are_filtered_in_the_database(get, query, codes):
    assert [f["id"] for f in get("/v1/grids", params=query)["features"]] == codes


def test_a_client_that_does_not_page_gets_all_and_is_told_where_there_is_more(client, get):
    assert get("/v1/grids?level=community")["numberReturned"] == 8
    answer = client.get("/v1/grids?level=community&limit=5")
    links = {x["rel"]: x["href"] for x in answer.json()["links"]}
    assert f'<{links["next"]}>; rel="next"' in answer.headers["Link"]
    assert "edition=2025" in links["next"]
    assert [f["id"] for f in get(links["next"])["features"]] == COMMUNITIES[5:]


def test_a_next_page_keeps_to_its_edition_and_not_to_the_day(client, get):
    page = get("/v1/grids?level=community&limit=5&on=2025-01-01")
    assert all("edition=2025" in x["href"] and "&on=" not in x["href"] for x in page["links"])


def test_a_grid_keeps_its_shape_and_knows_what_is_above(get):
    feature = get(f"/v1/grids/{COMMUNITIES[3]}")
    shape = shapely.geometry.shape(feature["geometry"]).geoms[0]
    expected = shapely.box(WEST + SIDE, SOUTH + SIDE, WEST + 2 * SIDE, SOUTH + 2 * SIDE)
    assert shapely.equals_exact(shape.normalize(), expected.normalize(), 1e-7)
    assert [a["code"] for a in feature["properties"]["ancestors"]] == ["4299", "429901", "429901002"]
    assert feature["properties"]["name_zh"] == NASTY


def test_locate_names_all_grids_and_the_unit(get):
    lon, lat = centre(0)
    found = get("/v1/locate", params={"lon": lon, "lat": lat})
    assert [g["code"] for g in found["grids"]] == ["4299", "429901", "429901001", COMMUNITIES[0]]
    assert found["unit"]["code"] == "S1"
    assert found["near"] == []
    assert get("/v1/locate", params={"lon": lon, "lat": lat, "category": "component:01001"})["unit"]["code"] == "D9"
    border = {"lon": WEST + SIDE - 0.001, "lat": lat}
    assert get("/v1/locate", params=border)["near"] == [], "96 m from the border"
    near = get("/v1/locate", params={**border, "within_m": 100, "edition": "2025", "on": "2025-12-31"})
    assert [n["code"] for n in near["near"]] == [COMMUNITIES[2]]
    assert near["near"][0]["unit"] is None
    assert near["edition"] == "2025"
    outside = get("/v1/locate", params={"lon": 115, "lat": 31})
    assert (outside["assigned"], outside["grids"], outside["unit"]) == (False, [], None)


def test_a_shared_edge_belongs_to_the_smaller_code_and_tells_its_neighbour(get):
    found = get("/v1/locate", params={"lon": WEST + SIDE, "lat": SOUTH + 0.001})
    assert found["grids"][-1]["code"] == COMMUNITIES[0]
    assert [(n["code"], n["distance_m"]) for n in found["near"]] == [(COMMUNITIES[2], 0)]


def test_locate_reads_other_systems(get):
    lon, lat = centre(0)
    shifted = get("/v1/locate", params={"lon": lon, "lat": lat, "crs": "gcj02"})
    assert 0.0005 < abs(shifted["lon"] - lon) < 0.01
    metric = get("/v1/locate", params={"lon": 500_482.5, "lat": 3_320_668, "crs": "epsg:4547"})
    assert metric["grids"][-1]["code"] == COMMUNITIES[0]


def test_indicators_count_every_grid_and_lose_nothing(get):
    for level, n in (("city", 1), ("district", 2), ("street", 4), ("community", 8)):
        table = get("/v1/indicators", params={"period": "2025-12", "level": level})
        assert len(table["rows"]) == n
        assert sum(r["n_due"] for r in table["rows"]) == 12
        assert table["unassigned"]["n_due"] == 2
    rows = {r["code"]: r for r in table["rows"]}
    first, empty = rows[COMMUNITIES[0]], rows[COMMUNITIES[1]]
    assert (first["n_closed"], first["n_closed_on_time"], first["n_overdue_open"]) == (9, 8, 1)
    assert first["closing_rate"] == 0.9
    assert (empty["n_due"], empty["closing_rate"]) == (0, None)
    cut = get("/v1/indicators", params={"period": "2025-12", "level": "city", "as_of": "2025-12-15"})
    assert cut["rows"][0]["n_closed"] == 10


def test_indicators_by_other_groups_add_up_and_lead_back_to_numbers(get):
    for by in ("source", "category", "unit", "ending"):
        table = get("/v1/indicators", params={"period": "2025-12", "by": by})
        assert (table["by"], table["level"]) == (by, None)
        every = [*table["rows"], table["unassigned"]]
        assert {n: sum(r[n] for r in every) for n in table["total"]} == table["total"]
        assert table["total"]["n_due"] == 14
    asked = {"period": "2025-12", "by": "ending", "code": "closed", "count": "n_closed", "limit": 3}
    found = get("/v1/indicators/behind", params=asked)
    assert (found["n"], len(found["numbers"]["n_closed"])) == ({"n_closed": table["total"]["n_closed"]}, 3)
    persons = get("/v1/indicators", params={"period": "2025-12", "by": "person"})
    assert set(persons["total"].values()) == {0}
    grid = {"period": "2025-12", "level": "community", "code": COMMUNITIES[0], "count": "n_closed"}
    assert get("/v1/indicators/behind", params=grid)["n"] == {"n_closed": 9}


def test_assessments_and_ranking(get):
    assert [a["name"] for a in get("/v1/assessments")] == [NAME]
    assert get("/v1/assessments/latest")["header"]["edition"] == "2025"
    ranking = get(f"/v1/assessments/{NAME}/scorecards?level=community")
    assert [(r["code"], r["total"], r["grade"], r["rank"]) for r in ranking["rows"][:3]] == [
        (COMMUNITIES[5], TOTAL_5, "A", 1),
        (COMMUNITIES[0], TOTAL_0, "C", 2),
        (COMMUNITIES[1], None, None, None),
    ]
    assert len(ranking["rows"]) == 8


def test_a_scorecard_is_the_stored_document_with_its_texts(get):
    card = get(f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}")
    assert card["assessment"] == NAME
    assert card["document"]["total"]["exact"] == "1220/17"
    assert card["document"]["counts"]["n_due"] == 10
    lines = {x["item"]: x for x in card["texts"]["lines"]}
    assert list(lines) == ["closing", "on_time_closing", "rework", "repeat", "inspection"]
    assert "9 ÷ 10" in lines["closing"]["reason"]
    assert lines["closing"]["chance"].startswith("95% 置信区间")
    assert "扣完为止" in lines["rework"]["reason"]
    assert "重抽样" in card["texts"]["chance"]
    english = get(f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}?lang=en")
    assert english["document"] == card["document"]
    assert "never falls below 0" in english["texts"]["lines"][2]["reason"]
    assert get("/v1/assessments/latest/scorecards/4299")["document"]["total"]["shown"] == TOTAL_CITY


def test_scorecards_as_files(client):
    path = f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}"
    book = client.get(path, params={"format": "xlsx"})
    assert book.headers["content-disposition"].endswith(f"{COMMUNITIES[0]}.xlsx")
    values = {c.value for sheet in openpyxl.load_workbook(io.BytesIO(book.content)) for row in sheet for c in row}
    assert any(isinstance(v, float) and f"{v:.2f}" == TOTAL_0 for v in values)
    assert TOTAL_0 in client.get(path, headers={"accept": "text/html,*/*"}).text
    assert client.get(path, params={"format": "svg"}).headers["content-type"] == "image/svg+xml"
    summary = client.get("/v1/assessments/latest/scorecards?level=community&format=csv")
    assert summary.headers["content-type"].startswith("text/csv")
    assert len(summary.content.decode("utf-8-sig").strip().splitlines()) == 9


def test_explain_leads_to_the_case_numbers(get):
    found = get(f"/v1/explain?assessment=latest&code={COMMUNITIES[0]}&item=rework")
    assert found["evidence"]["rework_cases"]["numbers"] == ["A000"]
    assert found["evidence"]["due_rework_known"]["n"] == 10
    assert found["evidence"]["due_rework_known"]["name"]["zh"] == "可判定返工的应结案数"
    count = get(f"/v1/explain?assessment=latest&code={COMMUNITIES[0]}&item=n_overdue_open")
    assert count["evidence"]["n_overdue_open"]["numbers"] == ["A009"]
    few = get("/v1/explain?assessment=latest&code=4299&item=n_due&limit=3")
    assert (few["evidence"]["n_due"]["n"], len(few["evidence"]["n_due"]["numbers"])) == (12, 3)


def test_an_assessment_is_sent_once(client):
    for path in ("/v1/assessments/latest", "/maps/choropleth", f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}"):
        first = client.get(path)
        tag = first.headers["etag"]
        again = client.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = client.get(path, params={"lang": "en"})
        is_same = client.get(path, params={"lang": "en"}, headers={"if-none-match": tag}).status_code == 304
        assert is_same == (other.content == first.content)


def test_maps_say_what_the_scorecards_say(client):
    page = client.get("/maps/choropleth?level=community&embedded=true").text
    assert TOTAL_0 in data_of(page)["layers"][-1]["value"]
    assert NASTY in str(data_of(page))
    assert NASTY not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    heat = client.get("/maps/heat?category=component:01*")
    assert "sandbox" in heat.headers["content-security-policy"]
    assert "图上 12 件" in str(data_of(heat.text)["facts"])


def test_the_start_page_speaks_the_readers_language(client):
    chinese = client.get("/").text
    assert "2026-01-01 00:00 " in chinese.partition("<footer>")[2]  # a time as people read it
    assert "小城" in chinese
    assert "责任单位查询" in chinese
    assert "Find the responsible unit" in client.get("/", headers={"accept-language": "en-GB,en;q=0.9,zh;q=0.5"}).text
    assert "责任单位查询" in client.get("/", headers={"accept-language": "fr,zh;q=0.5,en;q=0.1"}).text
