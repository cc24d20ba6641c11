"""Tables show what they are given, letter by letter."""

import pytest

from gridmgmt.cli.base import Table


def test_a_value_is_no_markup_and_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["案卷号"], [[":smile:"], ["[b]7[/b]"], ["[red"], [None]]).show()
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[2:]] == [":smile:", "[b]7[/b]", "[red", ""]
