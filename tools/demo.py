"""`make demo`: a synthetic city from its files to scorecards and maps, under out/demo/."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from gridmgmt.access import credentials
from gridmgmt.access.operations import users
from gridmgmt.assessing.operations import scoring
from gridmgmt.cli import worded
from gridmgmt.cli.base import Table
from gridmgmt.database import administration
from gridmgmt.database.changes import SILENT
from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Work
from gridmgmt.people.operations import reference
from gridmgmt.texts import both
from tools.run import Runner

ROOT = Path(__file__).resolve().parent.parent
OUT = Path("out/demo")
TOLD = "made.json"
"""Beside what the demo wrote: of which code, with how many rows, and what it said; the tests take it if all is so."""
SEED, SIZE, PERIOD, YEAR = 7, "small", "2025-12", "2025"
MONTH, N_SIMULATED = "2026-01", 400
LAYERS = (
    "roads", "key_areas", "areas", "transfer_stations", "toilets", "sites", "five_small", "markets", "villages",
    "vector_points", "estates", "gardens", "air_defence",
)  # fmt: skip


def run_demo(run: Runner, out: Path, *, extras: bool = True) -> dict[str, Any]:
    """Run the whole job; gives the assessment's name and SHA-256.

    Parameters
    ----------
    extras
        Also print what a user would look at, and write scorecards and maps.
    """
    files = out / "city"
    run("db", "start")
    if not (files / "manifest.json").exists() or not (files / "layers.gpkg").exists():
        run("demo-city", "--seed", str(SEED), "--size", SIZE, "--out", files)
    run("city", "init", files / "city.yaml")
    run("units", "import", files / "units.csv")
    run("responsibility", "import", files / "responsibility.csv")
    run.edition("2025", "2020-01-01", [str(files / "grids.gpkg")])
    run.edition("2026", "2026-01-01", [str(files / "grids_2026.gpkg")])
    run("cases", "import", files / "cases.csv", files / "cases_2025H2.xlsx", "--profile", "demo_cases")
    run("samples", "import", files / "samples.xlsx", "--profile", "demo_samples")
    run("score", "grid_baseline", "--period", PERIOD)
    with run.work() as work:
        stored, documents, _ = scoring.read(work, "grid_baseline", "street")
    if extras:
        _look(run, out, documents[0].subject.code)
    judged = _judge(run, files) if extras else {}
    if extras:
        _work(run, out, files)
    return {"name": stored.name, "sha256": stored.sha256, **judged}


def _judge(run: Runner, files: Path) -> dict[str, str]:
    """A district scheme's year and a county scheme's months with what follows from them; gives their hashes."""
    run("staff", "import", files / "staff.csv", "--by", "demo")
    run("subjects", "import", files / "subjects_qixian.csv", "--rulebook", "qixian")
    for book in ("ningbo_district", "qixian"):
        run("entries", "import", files / f"entries_{book}.csv", "--rulebook", book, "--by", "demo")
    run("score", "ningbo_district", "--period", YEAR)
    for month in ("10", "11", "12"):
        run("score", "qixian", "--period", f"{YEAR}-{month}")
    with run.work() as work:
        months = [scoring.read(work, book)[0].name for book in ("qixian", "grid_baseline")]
    for name in months:  # of the grids, so that whoever has a district or a street sees his own card
        run("publish", name, "--by", "demo")
    run("recompute", "qixian")
    for book in ("ningbo_district", "qixian"):
        run("rank", book)
        run("consequences", book, "--year", YEAR)
    hashes = {}
    with run.work() as work:
        for book in ("ningbo_district", "qixian"):
            hashes[book] = scoring.read(work, book)[0].sha256
    return hashes


def _work(run: Runner, out: Path, files: Path) -> None:
    """A simulated month: time limits, layers, cases from report to visit, repeats, a draw of inspections."""
    run("limits", "import", files / "limits.csv")
    for kind in LAYERS:
        run("layers", "import", files / "layers.gpkg", "--kind", kind, "--layer", kind, "--valid-from", "2020-01-01")
    run("subjects", "import", files / "subjects_huiji.csv", "--rulebook", "huiji")
    run("simulate", "--seed", str(SEED), "--period", MONTH, "--cases", str(N_SIMULATED), "--inspect", "huiji")
    run("case", "list", "--overdue", "--now", f"{MONTH}-31 23:59:59", "--limit", "5")
    run("case", "show", f"S{SEED}-{MONTH}-00005")
    run("case", "clock", f"S{SEED}-{MONTH}-00005")
    run("score", "beijing_grid", "--period", MONTH)
    run("repeats", "--period", MONTH)
    run("map", "repeats", "--period", MONTH, "--out", out / "repeats.html")
    run("samples", "verify", f"huiji-{MONTH}")
    run("samples", "notices", "list", "--draw", f"huiji-{MONTH}")
    run("due", "--on", "2026-02-02")


def _look(run: Runner, out: Path, street: str) -> None:
    run("grids", "diff", "2025", "2026")
    run("quarantine", "list", "--limit", "5")
    run("unassigned", "list", "--limit", "3")
    run("indicators", "--period", PERIOD, "--level", "district")
    run("explain", "grid_baseline", street, "rework")
    run("scorecards", "grid_baseline", "--level", "street", "--out", out / "scorecards")
    rates = ("map", "choropleth", "--indicator", "on_time_closing_rate", "--period", PERIOD)
    run(*rates, "--level", "street", "--out", out / "choropleth.html")
    run("map", "heat", "--period", PERIOD, "--out", out / "heat.html")


PEOPLE = {
    "admin": "administrator", "centre": "city_centre", "district": "district@district:{district}",
    "street": "street@street:{street}", "community": "community@community:{community}",
    "department": "department@unit:{unit}", "inspector": "inspector@district:{district}", "viewer": "viewer",
    "machine": "machine",
}  # fmt: skip
"""Account → its post: one for each role."""
ACCOUNTS = "accounts.txt"


def accounts(work: Work, out: Path) -> list[tuple[str, str, str]]:
    """One account for each role, with random passwords that only a file of its owner keeps; gives what it holds."""
    kept = out / ACCOUNTS
    there = {a.login for a in users.every(work)}
    if kept.exists() and there >= PEOPLE.keys():
        return [_three(line.split("\t")) for line in kept.read_text("utf-8").splitlines()]
    community = scoring.read(work, "grid_baseline", "community")[1][0].subject
    streets = {d.subject.code: d.subject for d in scoring.read(work, "grid_baseline", "street")[1]}
    street = streets[str(community.parent)]
    where = {
        "community": community.code, "street": street.code, "district": str(street.parent),
        "unit": min(reference.unit_names(work)),
    }  # fmt: skip
    made = []
    for login, post in PEOPLE.items():
        told = credentials.make_password()
        if login in there:
            users.set_password(work, login, told)
        else:
            users.add(work, login, [post.format(**where)], password=told)
        made.append((login, told, post.format(**where)))
    kept.touch(mode=0o600)
    kept.chmod(0o600)
    kept.write_text("".join("\t".join(row) + "\n" for row in made), "utf-8")
    return made


def _three(parts: list[str]) -> tuple[str, str, str]:
    login, told, post = parts
    return login, told, post


def _tally(located: dict[str, int]) -> str:
    parts = " · ".join(f"{both(f'located_{k}')} {n:,}" for k, n in sorted(located.items()))
    return f"{sum(located.values()):,}  ({parts})"


def code() -> str:
    """SHA-256 of everything that the demo is made of: sources, data and the versions of libraries."""
    folders = [ROOT / name for name in ("gridmgmt", "api", "maps", "data", "tools")]
    paths = [p for f in folders for p in f.rglob("*") if p.is_file() and p.parent.name != "__pycache__"]
    digest = hashlib.sha256()
    for path in sorted([*paths, ROOT / "requirements.lock"]):
        digest.update(str(path.relative_to(ROOT)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def rows(work: Work) -> dict[str, int]:
    """How many rows each table holds."""
    with work.connect() as connection:
        tables = [table for table in metadata.sorted_tables if table.name not in (*SILENT, "session")]
        return {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}


def begin_anew(run: Runner) -> None:
    """What other code made is taken away first: its published assessments would stand against today's."""
    told = OUT / TOLD
    made_by = json.loads(told.read_text("utf-8"))["code"] if told.exists() else None
    told.unlink(missing_ok=True)
    if made_by != code() and not run.settings.database_url:
        shutil.rmtree(OUT, ignore_errors=True)
        run("db", "start")
        administration.drop(run.settings)


def main() -> None:
    """Run the demo and end with a table of what it made."""
    run = Runner("demo")
    begin_anew(run)
    made = run_demo(run, OUT)
    with run.work() as work:
        people = accounts(work, OUT)
        found = reference.overview(work)
        (OUT / TOLD).write_text(json.dumps({"code": code(), "rows": rows(work), "made": made}), "utf-8")
    table = [
        ("cases 案件", _tally(found["cases"])),
        ("samples 样本", _tally(found["samples"])),
        ("quarantine 隔离", f"{found['n_quarantined']:,}"),
        (f"assessment 考评 {made['name']}", made["sha256"]),
        (f"year 年度考评 ningbo_district {YEAR}", made["ningbo_district"]),
        (f"month 月度考评 qixian {YEAR}-12", made["qixian"]),
        ("scorecards 考评表", str(OUT / "scorecards" / "summary.xlsx")),
        ("simulated month 模拟月", MONTH),
        ("maps 地图", f"{OUT / 'choropleth.html'}  {OUT / 'heat.html'}"),
        ("seconds 用时", f"{run.seconds:.1f}"),
    ]
    print()
    Table(["", ""], table).show()
    print(f"\n{both('demo_accounts', {'file': str(OUT / ACCOUNTS)})}")
    Table(["", "", ""], people).show()
    print("\nmake serve  →  http://127.0.0.1:8000")


if __name__ == "__main__":
    with worded():
        main()
