"""What long work shows: a bar with count, rate and time left on a terminal, plain lines elsewhere, each step worded."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from gridmgmt import texts
from gridmgmt.cli import watching

ROOT = Path(texts.__file__).resolve().parent.parent


def steps() -> Iterator[str]:
    """Every step that the sources tell, as far as it is written out."""
    for room in ("gridmgmt", "maps"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    told = ast.unparse(node.args[0])
                    if name in ("progress", "tell") and re.match("f?'", told):
                        yield told.lstrip("f").strip("'").partition(":")[0]


def test_every_step_is_worded() -> None:
    found = {f"progress_{step}" for step in steps()}
    assert len(found) > 20
    known = {code for code in texts.catalogue() if code.startswith("progress_")}
    assert {step for step in found if "{" not in step} - known == set()
    assert "progress_locate_{kind.name}" in found


def test_elsewhere_a_line_says_what_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with watching.progress(lambda: "zh") as tell:
        for n in (1_000, 2_000):
            tell("read:grids.gpkg", n, 12_000)
        tell("save", 0)
    lines = re.sub(r"\[ *[\d.]+s\]", "[s]", capsys.readouterr().err).splitlines()
    assert lines == ["[s] 读取 grids.gpkg · 12,000", "[s] 保存"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("读取", "每秒", "剩余", "保存", "用时")), ("en", ("Reading", "a second", "left", "Saving", "took"))],
)
def test_a_terminal_shows_count_rate_and_time_left(lang: str, words: tuple[str, ...]) -> None:
    screen = io.StringIO()
    with watching._bars(Console(file=screen, force_terminal=True, width=120), lambda: lang) as bars:
        clock = [0.0]
        bars.get_time = lambda: clock[0]
        tell = watching._moving(bars, lambda: lang)
        tell("read", 0, 1_000)
        for n in (100, 200, 300):
            clock[0] += 1
            tell("read", n, 1_000)
        bars.refresh()
        told = screen.getvalue()
        assert "300 / 1,000" in told
        assert "0:07" in told
        tell("save", 0)
        bars.refresh()
    for word in words:
        assert word in screen.getvalue()


def test_a_step_that_is_over_is_full_whatever_was_foretold() -> None:
    """A file has more lines than rows; the bar ends with the rows."""
    with watching._bars(Console(file=io.StringIO(), force_terminal=True, width=120), lambda: "en") as bars:
        tell = watching._moving(bars, lambda: "en")
        tell("read", 900, 1_000)
        tell("save", 5, 10)
        first, second = bars.tasks
        assert (first.completed, first.total, first.finished) == (900, 900, True)
        assert (second.completed, second.total, second.finished) == (5, 10, False)
