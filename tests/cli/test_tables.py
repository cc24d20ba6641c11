"""Tables show what they are given, letter by letter."""

import pytest

from gridmgmt.cli.base import Table

WIDE = Table(["编码", "结案率", "返工率", "结果运用"], [["D1", "93.10", "1.00", "黄牌"]], whole=[0], spare=[1, 2])


@pytest.mark.parametrize(
    ("columns", "shown", "told"),
    [
        (100, ["编码", "结案率", "返工率", "结果运用"], []),
        (30, ["编码", "结案率", "结果运用"], ["返工率"]),
        (20, ["编码", "结果运用"], ["结案率, 返工率"]),
    ],
)
def test_a_narrow_window_leaves_out_what_can_be_spared_and_says_so(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    shown: list[str],
    told: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    WIDE.show()
    head, _, row, *rest = capsys.readouterr().out.splitlines()
    assert [x.strip() for x in head.split("┃")] == shown
    assert row.startswith("D1")
    assert rest == told


PARTED = Table(
    ["编码", "名称", "上报数", "结案数", "结案率"], [["D1", "临江区", "1,035", "1,027", "98.12%"]],
    right=[2, 3, 4], whole=[0, 2, 3, 4], again=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        (100, [["上报数", "结案数", "结案率"]]),
        (36, [["上报数", "结案数"], ["结案率"]]),
        (28, [["上报数"], ["结案数"], ["结案率"]]),
    ],
)
def test_a_wide_table_of_numbers_is_shown_in_parts_and_no_number_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, parts: list[list[str]]
) -> None:
    """1,035 stood as 1,0 and 35, one below the other."""
    monkeypatch.setenv("COLUMNS", str(columns))
    PARTED.show()
    lines = capsys.readouterr().out.splitlines()
    heads = [[x.strip() for x in line.split("┃")] for line in lines if "┃" in line]
    assert heads == [["编码", "名称", *part] for part in parts]
    assert [line[:2] for line in lines[2::3]] == ["D1"] * len(parts)
    assert {"1,035", "1,027", "98.12%"} <= {x.strip() for line in lines for x in line.split("│")}


def test_a_value_is_no_markup_and_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["案卷号"], [[":smile:"], ["[b]7[/b]"], ["[red"], [None]]).show()
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[2:]] == [":smile:", "[b]7[/b]", "[red", ""]
