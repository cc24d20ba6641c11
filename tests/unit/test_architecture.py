"""What the import contracts cannot say, each proven by a violation planted among the sources."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import gridmgmt

ROOT = Path(gridmgmt.__file__).parent.parent
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for package in ("gridmgmt", "api", "maps")
    for path in sorted((ROOT / package).rglob("*.py"))
}
LAYERS = {"operations", "store", "readers", "exports"}
NOT_ROOMS = {"database", "files", "cli", "demo"}  # without layers inside: ground below the rooms, callers above them
ROOMS = {path.split("/")[1] for path in SOURCES if path.count("/") > 1 and path.startswith("gridmgmt/")} - NOT_ROOMS
SQL = {"sqlalchemy", "geoalchemy2", "psycopg", "alembic"}
OUTSIDE = SQL | {"fastapi", "starlette", "uvicorn", "typer", "rich", "folium", "branca", "httpx2"}
"""What no rule of the business knows: databases, the web, the command, drawn maps."""
ASKING = {"execute", "exec_driver_sql", "scalar", "scalars", "read_sql", "read_sql_query", "read_postgis"}
BANNED = {
    "desk", "docket", "sources", "earlier", "objects", "working", "stepwork", "case_rows", "twin", "trial", "draws",
    "parts", "nodes", "leaves", "derived", "frames", "utils", "helpers", "manager", "common", "misc",
}  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SETTINGS = "gridmgmt/settings.py"
FIELD_TERMS = {"gridmgmt/inspections/frames.py", "gridmgmt/inspections/operations/draws.py"}  # 抽样框, 抽取


@cache
def _nodes(source: str) -> tuple[ast.AST, ...]:
    """All that a text holds, in its order; the first is the whole."""
    return tuple(ast.walk(ast.parse(source)))


def _imports(path: str, source: str) -> Iterator[str]:
    """Every module that a file names in an import, with ``from a import b`` as ``a`` and ``a.b``."""
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.removesuffix(".py").split("/")[: -node.level] if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def _called(source: str) -> Iterator[str]:
    """Names of all methods that a file calls."""
    for node in _nodes(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def _layer(module: str) -> str | None:
    """The layer of a room that a module's name or a file's path lies in; None: domain, or no room at all."""
    words = re.split(r"[./]", module.removesuffix(".py"))
    return words[2] if len(words) > 2 and words[1] in ROOMS and words[2] in LAYERS else None


def _is_domain(path: str) -> bool:
    words = path.split("/")
    return len(words) > 2 and words[1] in ROOMS and words[2].removesuffix(".py") not in LAYERS


def domain_knows_the_domain_only(path: str, source: str) -> set[str]:
    """In a room all but its four layers is domain: it imports no layer of any room, no database, no web, no map."""
    if not _is_domain(path):
        return set()
    taken = set(_imports(path, source))
    return {m for m in taken if _layer(m) or m.startswith("gridmgmt.database") or m.split(".")[0] in OUTSIDE}


def sql_in_store_and_database(path: str, source: str) -> set[str]:
    """Statements are built where they are kept: nobody else names a library of SQL, or asks by a SQL file's name."""
    if _layer(path) == "store" or path.startswith("gridmgmt/database/"):
        return set()
    found = {m for m in _imports(path, source) if m.split(".")[0] in SQL or m == "gridmgmt.database.copying"}
    return found | (ASKING & set(_called(source)))


def operations_open_transactions(path: str, source: str) -> set[str]:
    """One use case, one transaction: nobody above or below the operations opens one."""
    if _layer(path) == "operations" or path == "gridmgmt/demo/operations.py" or path.startswith("gridmgmt/database/"):
        return set()
    return {"transaction", "locked", "snapshot", "begin", "commit", "connect"} & set(_called(source))


def words_are_chosen_where_they_are_shown(path: str, source: str) -> set[str]:
    """A language is for exports, commands and pages: in a room nobody else takes one, but a value's ``text(lang)``."""
    if not (_is_domain(path) or _layer(path) in LAYERS - {"exports"}):
        return set()
    functions = [n for n in _nodes(source) if isinstance(n, FUNCTIONS)]
    takers = [f for f in functions if any(isinstance(a, ast.arg) and a.arg == "lang" for a in ast.walk(f.args))]
    return {getattr(f, "name", "lambda") for f in takers} - {"text"}


def files_bear_terms_of_the_field(path: str, _source: str) -> set[str]:
    """A listing of file names tells the business; ``figures`` is a room and its routes, and no module."""
    name = path.split("/")[-1].removesuffix(".py")
    banned = name in BANNED and path not in FIELD_TERMS
    is_room = name == "figures" and path.startswith(("gridmgmt/figures/", "api/routes/"))
    return {name} if banned or (name == "figures" and not is_room) else set()


@cache
def _words() -> Mapping[str, set[str]]:
    """Word → the files of the project that hold it; this one, which names what it plants, is left out."""
    found: dict[str, set[str]] = {}
    folders = (
        "gridmgmt",
        "api",
        "maps",
        "tools",
        "tests",
        "data",
        "docs",
        "notebooks",
        "CONTRIBUTING.md",
        "pyproject.toml",
    )
    for path in (
        p for name in folders for p in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])
    ):
        if path.suffix in {".py", ".md", ".yaml", ".html", ".ipynb", ".toml"} and path != Path(__file__):
            for word in set(re.findall(r"\w+", path.read_text("utf-8"))):
                found.setdefault(word, set()).add(str(path.relative_to(ROOT)))
    return found


def public_names_are_for_others(path: str, source: str) -> set[str]:
    """A module's face is what others use: functions and values that nobody else names begin with an underscore."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {t.id for t in targets if isinstance(t, ast.Name)}
    migration = "/migrations/" in path  # Alembic calls its functions by their names
    return set() if migration else {n for n in names if n[0] != "_" and not _words().get(n, set()) - {path}}


Rule = Callable[[str, str], set[str]]
RULES: Mapping[Rule, tuple[tuple[str, str], ...]] = {
    domain_knows_the_domain_only: (
        ("gridmgmt/people/ages.py", "from gridmgmt.people.store import units"),
        ("gridmgmt/people/ages.py", "from gridmgmt.places import operations"),
        ("gridmgmt/people/ages.py", "from .store import units"),
        ("gridmgmt/people/ages.py", "from . import store"),
        ("gridmgmt/rulebooks/kinds/ages.py", "from ..store import versions"),
        ("gridmgmt/casework/ages.py", "import gridmgmt.casework.readers.rules"),
        ("gridmgmt/scorecards/ages.py", "def f():\n    from gridmgmt.assessing.exports.entry_form import text"),
        ("gridmgmt/figures/ages.py", "from gridmgmt.database.work import Work"),
        ("gridmgmt/figures/ages.py", "from gridmgmt import database"),
        ("gridmgmt/rulebooks/kinds/ages.py", "import sqlalchemy as sa"),
        ("gridmgmt/places/ages.py", "from folium import Map"),
        ("gridmgmt/reporting/__init__.py", "import fastapi"),
    ),
    sql_in_store_and_database: (
        ("gridmgmt/people/operations/ages.py", "from sqlalchemy import select"),
        ("gridmgmt/people/operations/ages.py", "from gridmgmt.database.copying import rows"),
        ("gridmgmt/people/operations/ages.py", "from gridmgmt.database import copying"),
        ("gridmgmt/people/operations/ages.py", "def f(c): return c.execute('SELECT 1')"),
        ("gridmgmt/people/operations/ages.py", "def f(c): return c.exec_driver_sql('SELECT 1')"),
        ("gridmgmt/people/operations/ages.py", "import pandas as pd\ndef f(c): return pd.read_sql('SELECT 1', c)"),
        ("gridmgmt/people/readers/ages.py", "import psycopg.sql"),
        ("gridmgmt/cli/ages.py", "from geoalchemy2 import Geometry"),
        ("api/routes/ages.py", "import sqlalchemy"),
        ("maps/ages.py", "from sqlalchemy.orm import Session"),
    ),
    operations_open_transactions: (
        ("gridmgmt/people/store/ages.py", "def f(work):\n    with work.transaction() as connection: pass"),
        ("gridmgmt/people/exports/ages.py", "def f(work):\n    with work.locked() as connection: pass"),
        ("gridmgmt/cli/ages.py", "def f(run):\n    with run.work.snapshot(): pass"),
        ("api/routes/ages.py", "def f(work): return work.connect()"),
        ("gridmgmt/people/ages.py", "def f(connection): connection.commit()"),
    ),
    words_are_chosen_where_they_are_shown: (
        ("gridmgmt/people/ages.py", "def told(age, lang): return word('age', {'n': age}, lang)"),
        ("gridmgmt/people/operations/ages.py", "def ages(work, *, lang: str = 'zh'): pass"),
        ("gridmgmt/people/store/ages.py", "class Ages:\n    def _named(self, lang=None): pass"),
        ("gridmgmt/people/readers/ages.py", "NAMED = lambda lang: lang"),
        ("gridmgmt/rulebooks/kinds/ages.py", "async def words(lang): pass"),
    ),
    files_bear_terms_of_the_field: (
        ("gridmgmt/casework/desk.py", ""),
        ("gridmgmt/scorecards/exports/figures.py", ""),
        ("gridmgmt/rulebooks/frames.py", ""),
        ("api/routes/utils.py", ""),
    ),
    public_names_are_for_others: (
        ("gridmgmt/people/ages.py", "def age_of_nobody(): pass"),
        ("api/routes/ages.py", "AGES_OF_NOBODY = 7"),
        ("maps/ages.py", "AGES_OF_NOBODY: int = 7"),
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep(rule: Rule) -> None:
    assert {path: found for path, source in SOURCES.items() if (found := rule(path, source))} == {}


@pytest.mark.parametrize(
    ("rule", "path", "source"), [(rule, *plant) for rule, plants in RULES.items() for plant in plants]
)
def test_a_planted_violation_is_found(rule: Rule, path: str, source: str) -> None:
    assert path not in SOURCES or path.endswith("__init__.py")
    assert rule(path, source)


def test_a_new_domain_module_needs_no_line_in_the_contracts() -> None:
    """Of a room the contracts name nothing but its layers, and every room is among those whose layers they order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    named = {word for contract in contracts for word in re.findall(r"gridmgmt(?:\.\w+)+", str(contract))}
    assert {n for n in named if n.count(".") > 1 and n.split(".")[2] not in LAYERS} == set()
    inside = next(c for c in contracts if "gridmgmt.people" in c.get("containers", ()))
    assert {n.removeprefix("gridmgmt.") for n in inside["containers"]} == ROOMS


def _refused_by_ruff(path: str, source: str) -> bool:
    """Whether ruff refuses a name in a file of that path (its run over the sources is `make lint`)."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", path, "-"]
    done = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return "TID251" in done.stdout


@pytest.mark.parametrize(
    "source",
    ["import os\n\nHOME = os.environ['HOME']\n", "from os import environ\n", "import os\n\nHOME = os.getenv('HOME')\n"],
)
def test_nobody_but_the_settings_reads_the_environment(source: str) -> None:
    """Ruff refuses it anywhere in the three packages, and allows it there."""
    asked = {path: _refused_by_ruff(path, source) for path in ("gridmgmt/people/ages.py", "api/ages.py", SETTINGS)}
    assert asked == {"gridmgmt/people/ages.py": True, "api/ages.py": True, SETTINGS: False}


@pytest.mark.parametrize(
    "source",
    [
        "import datetime as dt\n\nNOW = dt.datetime.now(dt.UTC)\n",
        "import datetime as dt\n\nNOW = dt.datetime.utcnow()\n",
        "from datetime import datetime\n\nNOW = datetime.today()\n",
        "from datetime import date\n\nTODAY = date.today()\n",
        "import time\n\nNOW = time.time()\n",
    ],
)
def test_nobody_reads_the_machine_s_clock(source: str) -> None:
    """What is late is late by one clock, the database's; a duration (``time.monotonic``) is no hour of the day."""
    assert _refused_by_ruff("gridmgmt/people/operations/ages.py", source)
    assert not _refused_by_ruff("gridmgmt/people/ages.py", "import time\n\nSTART = time.monotonic()\n")
