"""Records what must stay: `python -m tests.frozen.record PART …`, the parts being those of :data:`PARTS`.

Run it only where a change of results is meant, and say so in the changelog.
``demo`` and ``real`` read the databases that `make demo` and `make real` left;
``schema`` makes the cut-down city anew and dumps it under the revision of
today, to be done with every new migration; ``documents`` samples what it and
the demo store, and what comes out of every rulebook's examples.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gridmgmt import settings
from gridmgmt.assessing.operations import scoring
from gridmgmt.database import administration, server
from gridmgmt.database.work import open_database
from gridmgmt.rulebooks.load import known
from gridmgmt.settings import Settings
from tests.frozen import computed, cut_city, stored
from tools.run import Runner

CUT = "cut"


def _settings(db: str) -> Settings:
    return replace(settings.read(), db=db)


def of_database(db: str) -> dict[str, Any]:
    """Hashes of a database's assessments and facts."""
    work = open_database(_settings(db))
    with work.engine.connect() as connection:
        return {"assessments": stored.assessments(connection), "facts": stored.facts(connection)}


def schemas() -> dict[str, Any]:
    """Dump the cut-down city under its schema's revision; gives what must be found in it, beside older ones."""
    given = _settings(CUT)
    administration.drop(given)
    with tempfile.TemporaryDirectory() as folder:
        cut_city.make(Runner(CUT, given), Path(folder) / "city")
    revision = administration.migrate(given)
    stored.SCHEMAS.mkdir(exist_ok=True)
    (stored.SCHEMAS / f"{revision}.sql.gz").write_bytes(gzip.compress(_dump(given), 9, mtime=0))
    work = open_database(given)
    published = sorted(a["name"] for a in scoring.listing(work) if a["published_at"] is not None)
    with work.engine.connect() as connection:
        rows = stored.row_counts(connection)
    before = stored.hashes().get("schemas", {})
    return {**before, revision: {**of_database(CUT), "published": published, "rows": rows}}


def _dump(given: Settings) -> bytes:
    """Plain SQL that any owner of a database with PostGIS may run, through psql or one call of a driver."""
    program = server.find_bin() / "pg_dump"
    options = ("--schema=public", "--schema=queue", "--exclude-table=spatial_ref_sys", "--rows-per-insert=200")
    bare = ("--no-owner", "--no-privileges", "--no-comments")
    done = subprocess.run([program, *options, *bare, administration.url(given)], capture_output=True, check=True)
    left_out = (b"\\restrict ", b"\\unrestrict ", b"CREATE SCHEMA public;")
    return b"".join(x for x in done.stdout.splitlines(keepends=True) if not x.startswith(left_out))


# --- samples of documents ---------------------------------------------------------------------------------------------


def _shape(document: Any, path: str = "") -> Iterator[str]:
    """Every path in a document with the type that stands there; keys that are codes or periods are all the same."""
    yield f"{path}:{type(document).__name__}"
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _shape(value, f"{path}.{'#' if any(c.isdigit() for c in key) else key}")
    elif isinstance(document, list):
        for value in document:
            yield from _shape(value, f"{path}[]")


def _sampled(found: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Of each kind the documents, smaller ones first, that show something that none before them showed."""
    seen: dict[str, set[str]] = {}
    out: dict[str, list[Any]] = {}
    for kind, document in sorted(found, key=lambda x: (x[0], len(stored.canonical(x[1])), stored.canonical(x[1]))):
        shape = set(_shape(document))
        if not shape <= seen.setdefault(kind, set()):
            seen[kind] |= shape
            out.setdefault(kind, []).append(document)
    return out


def documents() -> None:
    """Sample the demo's and the cut-down city's stored documents, and what comes out of every example."""
    found = [pair for book in known() for pair in computed.documents(book)]
    for db in ("demo", CUT):
        with open_database(_settings(db)).connect() as connection:
            found += stored.documents(connection)
    told = stored.canonical(_sampled(found)).encode()
    stored.DOCUMENTS.write_bytes(gzip.compress(told, 9, mtime=0))


PARTS = {
    "rulebooks": computed.content,
    "examples": lambda: {book: computed.results(book) for book in known()},
    "demo": lambda: of_database("demo"),
    "real": lambda: of_database("real"),
    "schemas": schemas,
}


def main(*parts: str) -> None:
    """Record some parts again; the others stay."""
    for part in parts:
        if part == "documents":
            documents()
        else:
            found = {**stored.hashes(), part: PARTS[part]()}
            stored.HASHES.write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
