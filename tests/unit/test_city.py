"""city.yaml: what it must hold, and that it comes back as written."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt import city, errors
from gridmgmt.settings import data_path
from gridmgmt.texts import word

MINIMAL: dict[str, Any] = {"code": "4403", "name": "示例市", "time_zone": "Asia/Shanghai", "metric_crs": 4547}
FIVE = [{"key": k, "zh": k, "en": k} for k in ("city", "district", "street", "community", "unit")]


def test_a_minimal_city_has_the_four_default_levels() -> None:
    made = city.from_dict(MINIMAL)
    assert [x.key for x in made.levels] == ["city", "district", "street", "community"]
    assert [x.code_length for x in made.levels] == [4, 6, 9, 12]
    assert made.leaf.number == 4
    assert (made.zh, made.en, made.name("en")) == ("示例市", "示例市", "示例市")
    assert made.zone.key == "Asia/Shanghai"
    assert made.datum == "CGCS2000"


def test_a_name_falls_back_to_the_other_language() -> None:
    made = city.from_dict({**MINIMAL, "name": {"en": "Sample"}})
    assert (made.name("zh"), made.name("en")) == ("Sample", "Sample")


@pytest.mark.parametrize("extra", [{}, {"levels": FIVE, "datum": "WGS84", "prefix_codes": True, "languages": ["en"]}])
def test_a_city_comes_back_as_written(extra: dict[str, Any]) -> None:
    made = city.from_dict({**MINIMAL, **extra})
    assert city.from_dict(city.to_dict(made)) == made


def test_a_level_has_many_names() -> None:
    made = city.from_dict(MINIMAL)
    assert {made.level(name).number for name in ("street", "Street", " 3 ", 3, "街道")} == {3}
    for name in ("unit", "0", "5", ""):
        with pytest.raises(errors.LevelUnknown) as e:
            made.level(name)
        assert "community" in word(e.value.code, e.value.facts)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"code": ""}, "code, name"),
        ({"name": ""}, "code, name"),
        ({"time_zone": "Asia/Nowhere"}, "time_zone"),
        ({"time_zone": "../etc"}, "time_zone"),
        ({"metric_crs": 4490}, "metric_crs"),
        ({"metric_crs": 2263}, "metric_crs"),  # feet
        ({"metric_crs": 999999}, "metric_crs"),
        ({"datum": "BJ54"}, "datum"),
        ({"levels": FIVE[:1]}, "levels"),
        ({"levels": [FIVE[0], FIVE[0]]}, "levels"),
        ({"levels": [{**FIVE[0], "colour": "red"}, FIVE[1]]}, "levels"),
        ({"levels": [{"key": "city"}, FIVE[1]]}, "levels"),
        ({"levels": [{**FIVE[0], "code_length": "4"}, FIVE[1]]}, "levels"),
        ({"levels": [{**FIVE[0], "key": False}, FIVE[1]]}, "levels"),
        ({"levels": "four"}, "levels"),
        ({"name": {"zh": "示例市", "fr": "Exemple"}}, "name"),
        ({"name": 4403}, "name"),
        ({"code": True}, "code"),
        ({"time_zone": 8}, "time_zone"),
        ({"time_zone": "Asia"}, "time_zone"),  # a folder of the zone table
        ({"metric_crs": "zone 38"}, "metric_crs"),
        ({"metric_crs": True}, "metric_crs"),
        ({"metric_crs": None}, "metric_crs"),
        ({"prefix_codes": "false"}, "prefix_codes"),
        ({"prefix_codes": 0}, "prefix_codes"),
        ({"calendar": None}, "calendar"),
        ({"languages": "zh"}, "languages"),
        ({"languages": [["zh"]]}, "languages"),
        ({"languages": []}, "languages"),
        ({"languages": ["fr"]}, "languages"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_city_that_cannot_be_computed_with_is_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(errors.CityInvalid) as e:
        city.from_dict({**MINIMAL, **change})
    assert e.value.key == key
    for lang in ("zh", "en"):
        message = word(e.value.code, e.value.facts, lang)
        assert key in message
        assert e.value.facts["value"] in message
        assert word(e.value.expected["code"], e.value.expected, lang) in message


@pytest.mark.parametrize("written", [4547, "4547", "epsg:4547", "EPSG:4547", " Epsg:4547 "])
def test_the_metric_system_may_be_written_with_its_authority(written: Any) -> None:
    assert city.from_dict({**MINIMAL, "metric_crs": written}).metric_epsg == 4547


def test_every_shipped_city_is_read() -> None:
    paths = sorted(data_path("cities").glob("*.yaml"))
    assert paths
    for path in paths:
        made = city.read(path)
        assert city.from_dict(city.to_dict(made)) == made


@pytest.mark.parametrize("key", list(MINIMAL))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(errors.CityInvalid) as e:
        city.from_dict({k: v for k, v in MINIMAL.items() if k != key})
    assert e.value.key == key


def test_a_city_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(
        "code: '4403'\nname: {zh: 示例市, en: Sample}\ntime_zone: Asia/Shanghai\nmetric_crs: 4547\n", "utf-8"
    )
    assert city.read(path).name("en") == "Sample"


@pytest.mark.parametrize(("written", "expected"), [("none", "none"), ("days/own.yaml", "{}/days/own.yaml")])
def test_a_calendar_of_its_own_is_told_from_the_folder_of_city_yaml(
    tmp_path: Path, written: str, expected: str
) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(f"code: 1\nname: a\ntime_zone: Asia/Shanghai\nmetric_crs: 4547\ncalendar: {written}\n", "utf-8")
    assert city.read(path).calendar == expected.format(tmp_path.resolve())


@pytest.mark.parametrize("text", ["", "- a\n", "code: [\n", "code: 1\ncode: 2\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(errors.CityInvalid):
        city.read(path)


def test_a_file_that_is_absent_or_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gbk.yaml").write_bytes("name: 示例市\n".encode("gbk"))
    with pytest.raises(errors.CityInvalid) as e:
        city.read(tmp_path / "gbk.yaml")
    assert e.value.expected["reason"] == {"code": "invalid_utf8"}
    with pytest.raises(errors.FileUnreadable) as absent:
        city.read(tmp_path / "absent.yaml")
    assert absent.value.reason == {"code": "unreadable_absent"}


def test_a_file_that_is_no_city_is_not_told_whole(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("code,name\n" + "U1,Unit\n" * 1000, "utf-8")
    with pytest.raises(errors.CityInvalid) as e:
        city.read(tmp_path / "units.csv")
    assert e.value.value.startswith("code,name U1,Unit")
    assert len(e.value.value) == 101
