"""Data files: a fault is named by file, key and value, and worded in both languages."""

from pathlib import Path

import pytest

from gridmgmt.casework.photographs import Limits
from gridmgmt.errors import DataFileInvalid
from gridmgmt.files.data_files import read
from gridmgmt.reporting.duties import Scheme
from gridmgmt.settings import data_path
from gridmgmt.texts import word

FIFTH = "{day_of_next_month: 5}"
SCHEME = data_path("reporting", "huiji.yaml").read_text("utf-8")


def fault(path: Path, text: bytes | str, model: type = Scheme) -> DataFileInvalid:
    path = path / "a.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataFileInvalid) as e:
        read(path, model)
    for lang in ("zh", "en"):
        said = word(e.value.code, e.value.facts, lang)
        assert "a.yaml" in said
        assert "data_fault" not in said
        assert "{" not in said
    return e.value


@pytest.mark.parametrize(
    ("old", "new", "kind", "key", "value"),
    [
        ("id: huiji", "name: huiji", "unknown_key", "name", "huiji"),
        ("source: ", "sources: ", "unknown_key", "sources", "区城市管理考核文件（惠政，题名未载）"),
        (FIFTH, "{day_of_next_month: five}", "wrong_value", "duties.0.rule.day_of_next_month", "five"),
        (FIFTH, "{day_of_next_month: 31}", "wrong_value", "duties.0.rule.day_of_next_month", "31"),
        (FIFTH, "{weekly: mon}", "wrong_value", "duties.0.rule.weekly", "mon"),
        (FIFTH, "{after: month_check_end}", "wrong_value", "duties.0.rule", "None"),
        ("id: month_result", "id: self_check", "id_twice", "YAML", "self_check"),
        (f"    rule: {FIFTH}\n", "", "missing_key", "duties.0.rule", None),
    ],
)  # fmt: skip
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, kind: str, key: str, value: str | None) -> None:
    assert SCHEME.count(old) >= 1
    e = fault(tmp_path, SCHEME.replace(old, new, 1))
    assert (e.fault, e.key) == (kind, key)
    assert value is None or str(e.value) == value


def test_what_would_be_right_is_told(tmp_path: Path) -> None:
    e = fault(tmp_path, SCHEME.replace("rule: {day_of_next_month: 5}", "rule: {weekly: mon}"))
    assert "monday" in e.expected["known"]
    e = fault(tmp_path, SCHEME.replace("day_of_next_month: 5", "day_of_next_month: 31"))
    assert e.expected == {"code": "invalid_up_to", "limit": "28"}


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    e = fault(tmp_path, SCHEME + "\nid: huiji\n")
    assert (e.fault, e.line) == ("key_twice", SCHEME.count("\n") + 2)


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", b"\xff\xfe", "\ttab: 1"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: bytes | str) -> None:
    assert fault(tmp_path, text).fault == "not_yaml"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert fault(tmp_path, "", Limits).fault == "wrong_value"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DataFileInvalid) as e:
        read(Path("nowhere/a.yaml"), Scheme)
    assert "nowhere" in word(e.value.code, e.value.facts)


def test_limits_refuse_types_that_no_reader_knows(tmp_path: Path) -> None:
    text = data_path("files", "limits.yaml").read_text("utf-8")
    assert fault(tmp_path, text.replace("image/webp", "image/heic"), Limits).fault == "wrong_value"
    assert fault(tmp_path, text.replace("60_000_000", "100_000_000"), Limits).key == "max_pixels"


def test_a_file_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    found = []
    for name in ("huiji", "other", "huiji"):
        path.write_text(SCHEME.replace("id: huiji", f"id: {name}", 1), "utf-8")
        found.append(read(path, Scheme).id)
    assert found == ["huiji", "other", "huiji"]
