"""How soon commands are awake, beside what they cannot do without: only the difference carries over.

    python -m tests.benchmarks.bench_start --db demo

Processor time of whole processes, the least of some runs after a first one that compiles, taken in turn. Help and
completion may take 0.25 s more than `import typer`; a place and a month's figures 0.3 s more than the libraries that
they work with. The server's time is not in it. The database is that of `make demo`.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

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


def main() -> None:
    """Measure, print, and fail where a command takes longer than it may."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--db", default="demo")
    ask.add_argument("--runs", type=int, default=5)
    asked = ask.parse_args()
    slow = []
    print(f"{'gridmgmt':<44} {'takes':>7} {'imports':>8} {'more':>7} {'may':>6}")
    for words, needed, most, environ in CASES:
        typed = [str(Path(sys.executable).with_name("gridmgmt")), *words.split()]
        compared = [sys.executable, "-c", needed]
        environ = {"GRIDMGMT_DB": asked.db, **environ}
        pairs = [(seconds(typed, environ), seconds(compared, {})) for _ in range(asked.runs + 1)]
        takes, imports = (min(times) for times in zip(*pairs[1:], strict=True))
        slow += [words] if takes - imports > most else []
        shown = words or f"{environ['COMP_WORDS'].removeprefix('gridmgmt ')}<TAB>"
        print(f"{shown:<44} {takes:7.2f} {imports:8.2f} {takes - imports:+7.2f} {most:6.2f}")
    sys.exit(f"too slow: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
