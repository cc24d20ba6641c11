"""Records what must stay: `python -m tests.frozen.record rulebooks examples demo real documents schema`.

``demo`` and ``real`` read the databases that `make demo` and `make real` left.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gridmgmt import settings
from gridmgmt.database.work import open_database
from gridmgmt.rulebooks.load import known
from tests.frozen import stored
from tests.frozen.computed import content, results


def of_database(db: str) -> dict[str, Any]:
    """Hashes of a database's assessments and facts."""
    work = open_database(replace(settings.read(), db=db))
    with work.engine.connect() as connection:
        return {"assessments": stored.assessments(connection), "facts": stored.facts(connection)}


RECORDED: dict[str, Callable[[], dict[str, Any]]] = {
    "rulebooks": content,
    "examples": lambda: {book: results(book) for book in known()},
    "demo": lambda: of_database("demo"),
    "real": lambda: of_database("real"),
}


def main(*parts: str) -> None:
    """Record some parts again; the others stay."""
    found = stored.hashes() if stored.HASHES.exists() else {}
    found |= {part: RECORDED[part]() for part in parts if part in RECORDED}
    stored.HASHES.write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
