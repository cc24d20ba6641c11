"""What the import contracts cannot say: SQL stands in the store only."""

import ast
from pathlib import Path

import gridmgmt

ROOT = Path(gridmgmt.__file__).parent.parent
OUTSIDE = [
    path
    for room in ("gridmgmt", "api", "maps")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "store" not in path.parts and not path.is_relative_to(ROOT / "gridmgmt" / "database")
]


def test_outside_the_store_nobody_writes_sql() -> None:
    """Connections and engines are handed about; nothing else of SQLAlchemy is named."""
    taken = {
        (str(path.relative_to(ROOT)), name.name)
        for path in OUTSIDE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy"
        for name in node.names
    }
    assert taken == set()
