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


def test_a_value_is_no_markup_and_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["案卷号"], [[":smile:"], ["[b]7[/b]"], ["[red"], [None]]).show()
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[2:]] == [":smile:", "[b]7[/b]", "[red", ""]
