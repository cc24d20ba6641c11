"""A demo city cut down, with a worked month, published results, an appeal and the assessment that corrects it."""

import shutil
from pathlib import Path

from sqlalchemy import text

from gridmgmt import demo
from gridmgmt.demo import Size
from gridmgmt.settings import data_path
from tools.run import Runner

SIZE = Size(2, 8, 28, 120, 5_000, 4, excel=True, second_edition=True)
SCORED = (
    ("grid_baseline", "2025-12"), ("ningbo_district", "2025-12"), ("qixian", "2025-10"), ("qixian", "2025-11"),
    ("qixian", "2025-12"), ("beijing_grid", "2026-01"), ("city_department_annex2", "2026-01"), ("huiji", "2026-01"),
)  # fmt: skip
BASELINE = "grid_baseline-2025-12-1"
PUBLISHED = (
    BASELINE,
    "qixian-2025-10-1",
    "qixian-2025-12-1",
    "beijing_grid-2026-01-1",
    "city_department_annex2-2026-01-1",
)


def make(run: Runner, out: Path) -> None:
    """Write the city's files, load them, assess, publish."""
    shutil.rmtree(out, ignore_errors=True)
    demo.SIZES["cut"] = SIZE
    demo.make_demo_city(out, seed=7, size="cut")
    run("db", "start")
    _load(run, out)
    _people(run, out)
    _work(run, out)
    for book, period in SCORED:
        run("score", book, "--period", period)
    for name in PUBLISHED:
        run("publish", name, "--by", "demo")
    _correct(run)


def _load(run: Runner, files: Path) -> None:
    run("city", "init", files / "city.yaml")
    run("units", "import", files / "units.csv")
    run("responsibility", "import", files / "responsibility.csv")
    run.edition("2025", "2020-01-01", [str(files / "grids.gpkg")])
    run.edition("2026", "2026-01-01", [str(files / "grids_2026.gpkg")])
    run("cases", "import", files / "cases.csv", files / "cases_2025H2.xlsx", "--profile", "demo_cases")
    run("samples", "import", files / "samples.xlsx", "--profile", "demo_samples")
    run("staff", "import", files / "staff.csv", "--by", "demo")
    for book in ("qixian", "huiji"):
        run("subjects", "import", files / f"subjects_{book}.csv", "--rulebook", book)
    for book in ("ningbo_district", "qixian"):
        run("entries", "import", files / f"entries_{book}.csv", "--rulebook", book, "--by", "demo")


def _people(run: Runner, files: Path) -> None:
    """Two people in posts; the second table corrects both."""
    units = [line.split(",")[0] for line in (files / "units.csv").read_text("utf-8-sig").splitlines()[1:3]]
    for name, full_time in (("王一", "yes"), ("王伊", "no")):
        (files / "people.csv").write_text(f"code,name\nP1,{name}\nP2,李二\n", "utf-8")
        rows = [f"P{n},{unit},operator,{full_time},2025-01-01" for n, unit in enumerate(units, 1)]
        head = "person_code,unit_code,role,full_time,valid_from"
        (files / "posts.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
        run("people", "import", files / "people.csv")
        run("posts", "import", files / "posts.csv")


def _work(run: Runner, files: Path) -> None:
    run("limits", "import", data_path("time_limits", "sample.csv"))
    for kind in ("roads", "key_areas", "areas", "toilets", "markets"):
        run("layers", "import", files / "layers.gpkg", "--kind", kind, "--layer", kind, "--valid-from", "2020-01-01")
    run("simulate", "--seed", "7", "--period", "2026-01", "--cases", "24", "--inspect", "huiji")


def _correct(run: Runner) -> None:
    first = (
        "SELECT fact_no, grid_codes[3] FROM assessment_case AS c JOIN assessment AS a ON a.id = c.assessment_id "
        "WHERE a.name = :name AND grid_codes[3] IS NOT NULL ORDER BY fact_no LIMIT 1"
    )
    with run.work() as work, work.engine.connect() as connection:
        case, street = connection.execute(text(first), {"name": BASELINE}).one()
    why = ("--reason", "道路管制属实", "--by", "demo")
    run("appeal", "open", BASELINE, street, "--case", case, *why)
    run("appeal", "decide", "1", "--grant", *why)
    run("correct", BASELINE)
    run("publish", BASELINE.removesuffix("1") + "2", "--by", "demo")
