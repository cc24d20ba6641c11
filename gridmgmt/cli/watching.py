"""What is being done (进度): a bar with count, rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gridmgmt import texts

if TYPE_CHECKING:
    from rich import progress as rich
    from rich.console import Console
    from rich.text import Text

    from gridmgmt.database.work import Progress


@contextmanager
def progress(lang: Callable[[], str]) -> Iterator[Progress]:
    """Show on standard error what is being done, in a language that is known once something is done."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(console, lang)
        return
    with _bars(console, lang) as bars:
        yield _moving(bars, lang)


def _lines(console: Console, lang: Callable[[], str]) -> Progress:
    """A line whenever something else begins."""
    began, last = time.monotonic(), [""]

    def tell(step: str, n: int, of: int | None = None) -> None:
        if step != last[0]:
            last[0] = step
            n = of or n
            line = f"[{time.monotonic() - began:6.1f}s] {texts.step(step, lang())}" + (f" · {n:,}" if n else "")
            console.print(line, markup=False)

    return tell


def _moving(bars: rich.Progress, lang: Callable[[], str]) -> Progress:
    """A bar for each thing that is done; the one before it is finished when the next begins."""
    last: list[str] = [""]

    def tell(step: str, n: int, of: int | None = None) -> None:
        if step != last[0]:
            for task in bars.task_ids:
                bars.update(task, total=bars.tasks[task].completed or 1, completed=bars.tasks[task].completed or 1)
                bars.stop_task(task)
            last[0] = step
            bars.add_task(texts.step(step, lang()), total=of)
        bars.update(bars.task_ids[-1], completed=n, total=of)

    return tell


def _bars(console: Console, lang: Callable[[], str]) -> rich.Progress:
    from rich import progress as rich

    class Count(rich.ProgressColumn):
        """How much is done, of how much, and how much a second."""

        def render(self, task: rich.Task) -> Text:
            from rich.text import Text

            done = f"{task.completed:,.0f}" + (f" / {task.total:,.0f}" if task.total else "")
            speed = task.finished_speed or task.speed
            return Text(f"{done}  {texts.word('progress_rate', {'n': speed}, lang())}" if speed else done)

    class Left(rich.ProgressColumn):
        """Time left where the whole is known, else time taken."""

        def render(self, task: rich.Task) -> Text:
            from rich.text import Text

            code, seconds = "progress_left", task.time_remaining
            if seconds is None or task.finished:
                code, seconds = "progress_taken", task.finished_time or task.elapsed or 0
            minutes, seconds = divmod(int(seconds), 60)
            return Text(texts.word(code, {"time": f"{minutes}:{seconds:02}"}, lang()), "dim")

    columns = (rich.SpinnerColumn(), rich.TextColumn("{task.description}"), rich.BarColumn(30), Count(), Left())
    return rich.Progress(*columns, console=console)
