"""The 299 samples of `huiji` come out of the work: list → plan → layers → draw; kept whole, drawn again, checked."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
import shapely
from sqlalchemy import select, update

from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import DrawExists, DrawMissing, OptionInvalid, PlanMissing, SubjectsMissing
from gridmgmt.inspections.operations import draws
from gridmgmt.places.store import layers as layer_store
from tests.postgis import district
from tests.postgis.towns import select_all
from tests.worlds import World, tampered


@pytest.fixture
def huiji(world: World) -> Work:
    return world(district.found)


BY_TYPE = {
    "appearance_sanitation": 50, "street_appearance": 30, "building_site": 10, "five_small": 50, "market": 10,
    "vector_control": 60, "estates": 12, "greening": 40, "road_maintenance": 30, "air_defence": 7,
}  # fmt: skip
"""The worked example: 6 streets of 31 and 4 towns of 29 samples, 3 without air defence: 299."""


def test_the_plan_asks_for_299(huiji: Work) -> None:
    planned = draws.plan_of(huiji, "huiji", "2025-06")
    assert planned.n == 299
    by_type: Counter[str] = Counter()
    for line in planned.lines:
        by_type[line.type.id] += line.n
    assert by_type == BY_TYPE
    why = Counter((x.type.id, x.why, x.attribute) for x in planned.lines if x.why != "as_stated")
    assert why == {
        ("market", "instead", "no_market"): 2,
        ("estates", "other_group", "town"): 4,
        ("air_defence", "without", "no_air_defence"): 3,
    }
    of_unit = Counter({u: sum(x.n for x in planned.lines if x.unit.code == u) for u in district.UNITS})
    assert sorted(of_unit.values()) == sorted([30, 31, 31, 31, 31, 31, 28, 28, 29, 29])


def test_the_draw_gives_299_in_their_units(huiji: Work) -> None:
    report = draws.make_draw(huiji, "huiji", "2025-06", "20250601")
    document = report.document
    assert (report.name, report.is_new, len(document["items"])) == ("huiji-2025-06", True, 299)
    assert document["short"] == []
    assert Counter(i["type"] for i in document["items"]) == BY_TYPE
    objects = Counter(i["object"] for i in document["items"])
    assert objects["urban_village_for_market"] == 2
    assert objects["farm_market"] == 8
    shapes = {code: shape for code, (_, _, shape) in district.grids().items()}
    for item, sample in zip(document["items"], document["samples"], strict=True):
        point = shapely.Point(float(sample["lon"]), float(sample["lat"]))
        assert shapes[item["unit"]].covers(point)
        assert shapes[item["grid"]].covers(point)
        assert sample["grids"] == ["C", "D", item["unit"], item["grid"]]
    rows = select_all(huiji, t.draw_item.c.sample_no)
    assert rows == [(f"huiji-2025-06-{n:04}",) for n in range(1, 300)]


def test_a_units_samples_are_spread_over_its_communities(huiji: Work) -> None:
    items = draws.make_draw(huiji, "huiji", "2025-06", "1").document["items"]
    for unit in district.UNITS:
        south, north = sorted(Counter(i["grid"] for i in items if i["unit"] == unit).values())
        assert north - south <= 3  # two thirds of the roads lie in the north only


def test_lengths_of_roads_add_up_at_every_level(huiji: Work) -> None:
    draws.make_draw(huiji, "huiji", "2025-06", "1")
    s, i = t.sample_share.c, t.draw_item.c
    rows = select_all(huiji, s.sample_no, s.level, s.length_mm, s.total_mm)
    sums: Counter[tuple[str, int]] = Counter()
    for number, level, mm, _ in rows:
        sums[number, level] += mm
    totals = {number: total for number, _, _, total in rows}
    assert all(mm == totals[number] for (number, _), mm in sums.items())
    on_roads = {n for (n,) in select_all(huiji, i.sample_no, where=i.feature.like("roads/%"))}
    assert len(on_roads) > 100
    assert {number for number, _ in sums} == on_roads
    assert all((number, level) in sums for number in on_roads for level in (1, 2, 3, 4))


def test_the_same_draw_again_changes_nothing(huiji: Work) -> None:
    first = draws.make_draw(huiji, "huiji", "2025-06", "1")
    later = draws.make_draw(huiji, "huiji", "2025-07", "1")
    again = draws.make_draw(huiji, "huiji", "2025-06", "1")
    assert (again.is_new, again.sha256, again.name) == (False, first.sha256, first.name)
    assert later.is_new
    assert len(select_all(huiji, t.draw.c.id)) == 2


def test_another_seed_needs_a_reason(huiji: Work) -> None:
    first = draws.make_draw(huiji, "huiji", "2025-06", "1")
    with pytest.raises(DrawExists) as e:
        draws.make_draw(huiji, "huiji", "2025-06", "2")
    assert (e.value.name, e.value.seed) == ("huiji-2025-06", "1")
    second = draws.make_draw(huiji, "huiji", "2025-06", "2", again="the list of sites was wrong")
    assert second.name == "huiji-2025-06.2"
    assert second.document["before"] == []  # the draw that it replaces counts no longer
    assert second.sha256 != first.sha256
    assert draws.make_draw(huiji, "huiji", "2025-06", "2").is_new is False
    kept = select_all(huiji, t.draw.c.name, t.draw.c.reason)
    assert kept == [("huiji-2025-06", None), ("huiji-2025-06.2", "the list of sites was wrong")]
    assert draws.verify_draw(huiji, "huiji-2025-06") == dict.fromkeys(draws.CHECKS, True)


@pytest.mark.parametrize("seed", ["", "  ", "1\n2", "\x00", "\ud800"])
def test_a_seed_is_one_line_of_visible_text(huiji: Work, seed: str) -> None:
    """The hash joins it to other texts by line feeds, and the document keeps it."""
    with pytest.raises(OptionInvalid):
        draws.make_draw(huiji, "huiji", "2025-06", seed)


def test_a_blank_is_no_reason(huiji: Work) -> None:
    draws.make_draw(huiji, "huiji", "2025-06", "1")
    with pytest.raises(OptionInvalid):
        draws.make_draw(huiji, "huiji", "2025-06", "2", again=" ")


def test_a_dry_run_keeps_nothing(huiji: Work) -> None:
    report = draws.make_draw(huiji.but(keep=False), "huiji", "2025-06", "1")
    assert len(report.document["items"]) == 299
    assert select_all(huiji, t.draw.c.id) == select_all(huiji, t.rulebook_version.c.id) == []


def test_nothing_again_within_three_months_while_there_are_others(huiji: Work) -> None:
    """Five-small units: 8 in each unit, 5 a month: 3 are new in July, 2 come again, the oldest first."""
    june = draws.make_draw(huiji, "huiji", "2025-06", "1").document
    july = draws.make_draw(huiji, "huiji", "2025-07", "1").document
    for unit in district.UNITS:
        old = {i["feature"] for i in june["items"] if (i["unit"], i["type"]) == (unit, "five_small")}
        new = [i for i in july["items"] if (i["unit"], i["type"]) == (unit, "five_small")]
        assert {i["feature"] for i in new if i["again"] is None}.isdisjoint(old)
        assert Counter(i["again"] for i in new) == {None: 3, "huiji-2025-06": 2}
        passed = [p for p in july["passed_over"] if (p["unit"], p["type"]) == (unit, "five_small")]
        assert len(passed) == 3
    september = draws.make_draw(huiji, "huiji", "2025-09", "1").document
    assert {b["draw"] for b in september["before"]} == {"huiji-2025-07"}  # June is three months ago
    assert july["short"] == september["short"] == []


def test_what_is_missing_is_told(empty: Work, tmp_path: Path) -> None:
    district.found(empty, tmp_path, points={"toilets": 1, "five_small": 1})
    document = draws.make_draw(empty, "huiji", "2025-06", "1").document
    short = {(s["unit"], s["type"], s["object"]): (s["asked"], s["drawn"]) for s in document["short"]}
    assert short["S00", "five_small", "five_small_unit"] == (5, 2)
    assert short["S00", "building_site", "building_site"] == (1, 0)
    assert len(document["items"]) + sum(a - d for a, d in short.values()) == 299
    assert document["objects"]["building_site"] == {"n": 0, "n_placed": 0}
    assert document["objects"]["public_toilet"] == {"n": 20, "n_placed": 20}


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("document", lambda d: d | {"period": "2025-05"}),
        ("drawn", lambda d: d | {"key": d["key"] | {"seed": "2"}}),
        ("texts", lambda d: d | {"plan": d["plan"] | {"text": "x"}}),
    ],
)
def test_a_draw_that_was_touched_is_found_out(huiji: Work, check: str, change: object) -> None:
    draws.make_draw(huiji, "huiji", "2025-06", "1")
    assert all(draws.verify_draw(huiji, "huiji-2025-06").values())
    with tampered(huiji) as connection:
        document = connection.execute(select(t.draw.c.document)).scalar_one()
        connection.execute(update(t.draw).values(document=change(document)))  # type: ignore[operator]
    answers = draws.verify_draw(huiji, "huiji-2025-06")
    assert not answers[check]
    assert not answers["document"]


def test_a_sample_that_was_moved_is_found_out(huiji: Work) -> None:
    draws.make_draw(huiji, "huiji", "2025-06", "1")
    with tampered(huiji) as connection:
        connection.execute(update(t.draw_item).where(t.draw_item.c.id == 1).values(feature="toilets/other"))
    assert draws.verify_draw(huiji, "huiji-2025-06") == {
        "texts": True,
        "document": True,
        "drawn": True,
        "rows": False,
    }


def test_the_layers_of_the_last_day_are_drawn_from(huiji: Work) -> None:
    """A layer that begins on 1 July is July's, not June's."""
    with huiji.transaction() as connection:
        old = layer_store.newest(connection, "toilets", "toilets")
        assert old is not None
        layer_store.make_way(connection, "toilets", "toilets", dt.date(2025, 7, 1))
    new = {"only": (None, shapely.Point(district.place(0, 0.5, 0.5)))}
    district.add_layer(huiji, "toilets", new, dt.date(2025, 7, 1))
    june = draws.make_draw(huiji, "huiji", "2025-06", "1").document
    july = draws.make_draw(huiji, "huiji", "2025-07", "1").document
    assert [june["objects"]["public_toilet"]["n"], july["objects"]["public_toilet"]["n"]] == [20, 1]
    assert [i["feature"] for i in july["items"] if i["object"] == "public_toilet"] == ["toilets/only"]
    heads = [next(h["sha256"] for h in d["layers"] if h["kind"] == "toilets") for d in (june, july)]
    assert heads[0] == old.sha256 != heads[1]
    assert len([s for s in july["short"] if s["object"] == "public_toilet"]) == 9


def test_errors(empty: Work) -> None:
    with empty.transaction() as connection:
        cities.save_city(connection, district.CITY)
    with pytest.raises(SubjectsMissing):
        draws.plan_of(empty, "huiji", "2025-06")
    with pytest.raises(PlanMissing) as e:
        draws.plan_of(empty, "quanshan", "2025-06")
    assert e.value.known == ["huiji"]
    with pytest.raises(DrawMissing):
        draws.verify_draw(empty, "nothing")
