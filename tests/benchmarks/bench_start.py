"""How soon commands are awake, beside what they cannot do without: only the difference carries over.

    python -m tests.benchmarks --only start

Processor time of whole processes, the least of some runs after a first one that compiles, taken in turn. Help and
completion may take 0.25 s more than `import typer`; a place and a month's figures 0.3 s more than the libraries that
they work with. The server's time is not in it. The database is that of `make demo`.
"""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks.rows import Row, Size

TYPER = "import typer"
FACTS = (
    "import typer, geoalchemy2, geopandas, psycopg, pyarrow.csv, rich.console, rich.table, ruamel.yaml\n"
    "import sqlalchemy.dialects.postgresql.psycopg\n"
    "from pydantic import BaseModel, Field"
)
COMPLETE = {"_GRIDMGMT_COMPLETE": "complete_bash", "COMP_WORDS": "gridmgmt ", "COMP_CWORD": "1"}

CASES: tuple[tuple[str, str, float, Mapping[str, str]], ...] = (
    ("--help", TYPER, 0.25, {}),
    ("case list --help", TYPER, 0.25, {}),
    ("rulebook evaluate --help", TYPER, 0.25, {}),
    ("map choropleth --help", TYPER, 0.25, {}),
    ("serve --help", TYPER, 0.25, {}),
    ("", TYPER, 0.25, COMPLETE),
    ("", TYPER, 0.25, {**COMPLETE, "COMP_WORDS": "gridmgmt case ", "COMP_CWORD": "2"}),
    ("locate 113.746 30.0886", FACTS, 0.3, {}),
    ("indicators --period 2025-12 --level street", FACTS, 0.3, {}),
)
"""What is typed, what it is compared with, how much more it may take, and the environment."""


def seconds(command: list[str], environ: Mapping[str, str]) -> float:
    """Processor time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env={**compiled, **environ}, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(size: Size) -> Iterator[Row]:
    """A row a command: its processor time beside its imports and what it may take more."""
    runs = {"full": 5, "quick": 0}[size]
    for words, needed, most, environ in CASES if size == "full" else CASES[:1]:
        typed = [str(Path(sys.executable).with_name("gridmgmt")), *words.split()]
        compared = [sys.executable, "-c", needed]
        environ = {"GRIDMGMT_DB": "demo", **environ}
        pairs = [(seconds(typed, environ), seconds(compared, {})) for _ in range(runs + 1)]
        takes, imports = (min(times) for times in zip(*pairs[runs > 0 :], strict=True))
        shown = words or f"{environ['COMP_WORDS'].removeprefix('gridmgmt ')}<TAB>"
        beside = f"{'import typer' if needed == TYPER else 'its libraries'} + {most} s"
        note = f"{takes:.2f} s, imports {imports:.2f} s"
        name = "-".join(re.findall("[a-z]+", shown.lower()))
        yield Row(f"start-{name}", f"gridmgmt {shown}", beside, takes / (imports + most), 1, note=note)
