"""`make real`: New York City's boundaries, service requests and inspections, from REAL_DATA, under out/real/."""

import os
import sys
from pathlib import Path

from gridmgmt.assessing.operations import scoring
from gridmgmt.cli import worded
from gridmgmt.cli.base import Table
from gridmgmt.database import administration
from gridmgmt.people.operations import reference
from gridmgmt.settings import data_path
from tools.run import Runner

OUT = Path("out/real")
_EXPORTED = "2026-07-01"


def _data_folder() -> Path:
    """Where the real city's files are; they are never part of the project."""
    return Path(os.environ.get("REAL_DATA", "../shared/data")) / "nyc"


def load(run: Runner, data: Path) -> None:
    """Load the city, its grids, its cases and its inspections."""
    run("db", "start")
    run("city", "init", data_path("cities", "nyc.yaml"))
    run.edition("2020", "2010-01-01", [str(data / "grids.parquet")])
    run("cases", "import", data / "cases_311.csv.gz", "--profile", "nyc_311", "--source-as-of", _EXPORTED)
    run(
        "samples", "import", data / "inspections_rodent.parquet", "--profile", "nyc_rodent", "--source-as-of", _EXPORTED
    )


def main() -> None:
    """Load the city and make two assessments with maps and scorecards."""
    data = _data_folder()
    if not (data / "grids.parquet").exists():
        sys.exit(f"The real city's files are not at {data}; set REAL_DATA to the folder that holds nyc/.")
    run = Runner("real")
    if not run.settings.database_url:  # what earlier code assessed would stand beside today's
        run("db", "start")
        administration.drop(run.settings)
    load(run, data)
    for period in ("2015-12", "2026-06"):
        out = OUT / period
        run("score", "grid_baseline", "--period", period)
        run("scorecards", f"grid_baseline-{period}-1", "--level", "district", "--out", out / "scorecards")
        rates = ("map", "choropleth", "--indicator", "on_time_closing_rate", "--period", period)
        run(*rates, "--level", "district", "--out", out / "choropleth.html")
        run("map", "heat", "--period", period, "--out", out / "heat.html")
    with run.work() as work:
        found = reference.overview(work)
        rows = [(a["name"], a["sha256"]) for a in scoring.listing(work)]
    rows += [("cases", str(found["cases"])), ("samples", str(found["samples"])), ("quarantine", found["n_quarantined"])]
    Table(["", ""], [*rows, ("out", str(OUT)), ("seconds", f"{run.seconds:.1f}")]).show()


if __name__ == "__main__":
    with worded():
        main()
