"""Why a rulebook, a city or a file is refused, in Chinese: English is only what is quoted as another's (原文)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

from gridmgmt import city, invalid
from gridmgmt.errors import GridmgmtError, by_parser, by_program
from gridmgmt.rulebooks.load import load, parse
from gridmgmt.settings import data_path
from gridmgmt.texts import word

SENTENCE = re.compile("[A-Za-z]{2,}( [a-z]{2,}){2,}")
TEXT = data_path("rulebooks", "grid_baseline", "rulebook.yaml").read_text("utf-8")
CITY = "code: 1\nname: a\ntime_zone: Asia/Shanghai\nmetric_crs: 4547\n"


def told(refused: Callable[[], object]) -> str:
    """The error's Chinese words without what is quoted."""
    with pytest.raises(GridmgmtError) as e:
        refused()
    shown = word(e.value.code, e.value.facts, "zh")
    assert "{'code'" not in shown, shown  # every fact was there
    return re.sub("“[^”]*”", "", shown)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: grid_baseline", "id: grid_baseline\nid: twice", "键 id 写了两次"),
        ("id: grid_baseline", "id: [", "原文"),
        ("from: 2000-01-01", "from: 2000-02-30", "不是日期"),
        ("kind: grid", "kind: grids", "应为 grid, unit, person 之一"),
        ("version: ", "version: 0 #", "应不小于 1"),
        ("version: ", "version: a #", "应为整数"),
        ("id: grid_baseline", "id: 基线", "应符合格式"),
        ("rate: closing_rate", "rate: nothing", "没有比率 nothing；可用："),
        ("rate: closing_rate", "raet: closing_rate", "没有这个键；可用的键："),
        ("scale: 100", "scale: 99", "各项合计 100 分，不是总分 99 分"),
        ("scale: 100", "scale: 0", "应大于 0"),
        ("scale: 100", "scale: many", "数，如 5、0.1 或 1/3"),
    ],
)
def test_a_rulebook_is_refused_in_chinese(old: str, new: str, says: str) -> None:
    assert old in TEXT
    shown = told(lambda: parse(TEXT.replace(old, new, 1), "own.yaml"))
    assert says in shown
    assert not SENTENCE.search(shown)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("readings.nothing", "1", "没有这个理解"),
        ("nothing.points", "1", "没有 nothing。可改：编号.键"),
        ("scale", "[", "YAML 写法的值"),
        ("closing.nothing", "1", "可改的是"),
        ("rates.closing_rate.numerator.nothing", "1", "是单一的值"),
        ("rates.nothing.unit", "1", "没有部分 nothing"),
        ("rates.closing_rate.title.fr", "1", "可改的是"),
        ("scale", "1", "不是总分 1 分"),
    ],
)
def test_a_change_that_leads_nowhere_is_refused_in_chinese(path: str, value: str, says: str) -> None:
    shown = told(lambda: load("grid_baseline", changes=[(path, value)]))
    assert says in shown
    assert not SENTENCE.search(shown)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CITY + "code: 2\n", "第 5 行第 1 列：键 code 写了两次"),
        (CITY + "levels: [", "第 5 行第 10 列：YAML 写法有误，请检查"),
        (CITY + "colour: red\n", "可用的键"),
        (CITY.replace("metric_crs: 4547\n", ""), "写上这个键及其值"),
        (CITY.replace("4547", "4490"), "以米为单位的投影坐标系"),
        (CITY.replace("Asia/Shanghai", "Beijing"), "IANA 时区"),
        (CITY + "datum: ED50\n", "CGCS2000, WGS84 之一"),
        (CITY + "levels: [{key: city}]\n", "由市开始的列表"),
        ("- a\n", "键和值"),
    ],
)
def test_a_city_is_refused_in_chinese(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(text, "utf-8")
    shown = told(lambda: city.read(path))
    assert says in shown
    assert not SENTENCE.search(shown)


class _Small(BaseModel):
    """Of values that pydantic refuses in words of its own."""

    n: int = Field(ge=1, le=3)
    words: list[str] = Field(min_length=1, max_length=2)
    text: str = Field(min_length=2, pattern="^[a-z]+$")
    odd: complex = 0j


@pytest.mark.parametrize(
    ("given", "zh", "en"),
    [
        ({"n": 0}, "应不小于 1", "a number from 1 was expected"),
        ({"n": 4}, "应不大于 3", "a number up to 3 was expected"),
        ({"n": "a"}, "应为整数", "a whole number was expected"),
        ({"words": []}, "至少要有 1 项", "1 or more were expected"),
        ({"words": ["a", "b", "c"]}, "最多 2 项", "at most 2 were expected"),
        ({"text": "a"}, "至少要有 2 个字符", "a text of 2 characters or more was expected"),
        ({"text": "AB"}, "应符合格式 ^[a-z]+$", "a word of the form ^[a-z]+$ was expected"),
        ({"text": 1}, "应为文字", "a text was expected"),
    ],
)
def test_what_pydantic_refuses_is_worded_by_us(given: dict[str, object], zh: str, en: str) -> None:
    with pytest.raises(ValidationError) as e:
        _Small.model_validate({"n": 1, "words": ["a"], "text": "ab", **given})
    reason = invalid.reason(e.value.errors()[0], _Small)
    assert (word(reason["code"], reason, "zh"), word(reason["code"], reason, "en")) == (zh, en)


def test_what_another_program_says_is_quoted_as_such() -> None:
    with pytest.raises(ValidationError) as e:
        _Small.model_validate({"n": 1, "words": ["a"], "text": "ab", "odd": "x"})
    for reason in (
        invalid.reason(e.value.errors()[0], _Small),
        by_parser(ValueError("not recognized as being in a supported file format")),
        by_program("FATAL: the database system is starting up\n"),
    ):
        shown = word(reason["code"], reason, "zh")
        assert "原文：“" in shown
        assert SENTENCE.search(shown)
        assert not SENTENCE.search(re.sub("“[^”]*”", "", shown))
