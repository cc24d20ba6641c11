"""`make demo`: a synthetic city from its files to scorecards and maps, under out/demo/."""

import json
from pathlib import Path

from gridmgmt.cli.base import show_table
from gridmgmt.operations import assessing, reference
from gridmgmt.operations.database import open_database
from tools.run import Runner

OUT = Path("out/demo")
SEED, SIZE, PERIOD = 7, "small", "2025-12"


def main() -> None:
    """Run the whole job and end with a table of what it made."""
    files = OUT / "city"
    run = Runner("demo")
    run.start()
    if not (files / "manifest.json").exists():
        run("demo-city", "--seed", str(SEED), "--size", SIZE, "--out", files)
    run("city", "init", files / "city.yaml")
    run("units", "import", files / "units.csv")
    run("responsibility", "import", files / "responsibility.csv")
    run.edition("2025", "2020-01-01", [str(files / "grids.gpkg")])
    run.edition("2026", "2026-01-01", [str(files / "grids_2026.gpkg")])
    run("grids", "diff", "2025", "2026")
    run("cases", "import", files / "cases.csv", files / "cases_2025H2.xlsx", "--profile", "demo_cases")
    run("samples", "import", files / "samples.xlsx", "--profile", "demo_samples")
    run("quarantine", "list", "--limit", "5")
    run("unassigned", "list", "--limit", "5")
    run("indicators", "--period", PERIOD, "--level", "district")
    run("score", "grid_baseline", "--period", PERIOD)
    run("explain", "grid_baseline", _first_street(run), "rework")
    run("scorecards", "grid_baseline", "--level", "street", "--out", OUT / "scorecards")
    rates = ("map", "choropleth", "--indicator", "on_time_closing_rate", "--period", PERIOD)
    run(*rates, "--level", "street", "--out", OUT / "choropleth.html")
    run("map", "heat", "--period", PERIOD, "--out", OUT / "heat.html")
    _summary(run)


def _first_street(run: Runner) -> str:
    _, documents, _ = assessing.read(open_database(run.settings), "grid_baseline", "street")
    return str(documents[0]["subject"]["code"])


def _summary(run: Runner) -> None:
    engine = open_database(run.settings)
    found = reference.overview(engine)
    stored, documents, _ = assessing.read(engine, "grid_baseline")
    (OUT / "assessment.json").write_text(
        json.dumps({"name": stored.name, "sha256": stored.sha256}, ensure_ascii=False), "utf-8"
    )
    rows = [
        ("grids 网格", f"{len(documents):,}"),
        ("cases 案件", f"{sum(found['cases'].values()):,} {found['cases']}"),
        ("samples 样本", f"{sum(found['samples'].values()):,} {found['samples']}"),
        ("quarantine 隔离", f"{found['n_quarantined']:,}"),
        (f"assessment 考评 {stored.name}", stored.sha256),
        ("scorecards 考评表", str(OUT / "scorecards" / "summary.xlsx")),
        ("maps 地图", f"{OUT / 'choropleth.html'}  {OUT / 'heat.html'}"),
        ("seconds 用时", f"{run.seconds:.1f}"),
    ]
    print()
    show_table("", ["", ""], rows)
    print("\nmake serve  →  http://127.0.0.1:8000")


if __name__ == "__main__":
    main()
