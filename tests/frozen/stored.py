"""What a database stores, read as it stands and without the code under test: documents, assessments, hashes of facts.

Held against ``hashes.json``, which ``python -m tests.frozen.record`` wrote.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gridmgmt.database.work import Connection, Work

HERE = Path(__file__).resolve().parent
HASHES, DOCUMENTS, SCHEMAS = HERE / "hashes.json", HERE / "documents.json.gz", HERE / "schemas"


def hashes() -> dict[str, Any]:
    """Every recorded hash, by what it was taken of."""
    return dict(json.loads(HASHES.read_text("utf-8")))


def samples() -> dict[str, list[Any]]:
    """Stored documents of the demo and of every rulebook's examples, by kind (``table.column``)."""
    return dict(json.loads(gzip.decompress(DOCUMENTS.read_bytes())))


def canonical(document: Any) -> str:
    """Canonical JSON, written out here once more so that a change of the project's own is noticed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(document: Any) -> str:
    """Of a document's canonical JSON."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


JSON_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'jsonb'
      AND table_name NOT IN ('audit', 'job', 'outbox', 'request_once')
ORDER BY table_name, column_name
"""


def documents(connection: Connection) -> Iterator[tuple[str, Any]]:
    """Every JSON document in the database with its kind, ``table.column``; NULL is none. What was done is none."""
    for table, column in connection.execute(text(JSON_COLUMNS)).all():
        found = connection.execute(text(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'))
        yield from ((f"{table}.{column}", row[0]) for row in found)


def assessments(connection: Connection) -> dict[str, str]:
    """Name → SHA-256 of the documents that stand there now, not the one that was noted when they were made."""
    out = {}
    whole = "SELECT document FROM assessment_subject WHERE assessment_id = :id ORDER BY id"
    for key, name, header in connection.execute(text("SELECT id, name, header FROM assessment ORDER BY name")).all():
        subjects = list(connection.execute(text(whole), {"id": key}).scalars())
        out[name] = sha256({**header, "subjects": subjects})
    return out


def row_counts(connection: Connection) -> dict[str, int]:
    """Table → number of rows, of all tables but PostGIS's and the migrations' own."""
    tables = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND table_name NOT IN ('spatial_ref_sys', 'alembic_version') ORDER BY table_name"
    )
    names = list(connection.execute(text(tables)).scalars())
    return {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}


def restore(work: Work, dump: Path) -> None:
    """Run a dump in an empty database; the work's connections are not to be used after it."""
    connection = work.engine.raw_connection()
    try:
        connection.cursor().execute(gzip.decompress(dump.read_bytes()).decode())
        connection.commit()
    finally:
        connection.close()
        work.close()


CONTENTS = {
    "cases": "SELECT to_char(reported_at, 'YYYY-MM'), case_no, content_hash FROM cases",
    "case_version": (
        "SELECT to_char(v.reported_at, 'YYYY-MM'), c.case_no, v.content_hash "
        "FROM case_version AS v JOIN cases AS c ON c.id = v.case_id"
    ),
    "samples": "SELECT to_char(sampled_at, 'YYYY-MM'), sample_no, content_hash FROM samples",
    "sample_version": (
        "SELECT to_char(v.sampled_at, 'YYYY-MM'), s.sample_no, v.content_hash "
        "FROM sample_version AS v JOIN samples AS s ON s.id = v.sample_id"
    ),
    "inspection": (
        "SELECT to_char(n.inspected_at, 'YYYY-MM'), i.sample_no || '@' || n.inspected_at, n.content_hash "
        "FROM inspection AS n JOIN draw_item AS i ON i.id = n.draw_item_id"
    ),
    "step": (
        "SELECT to_char(s.at, 'YYYY-MM'), c.case_no || '#' || s.seq, "
        "md5(ROW(s.kind, s.at, s.actor, s.unit_code, s.reason, s.facts, s.origin, s.state)::text) "
        "FROM step AS s JOIN cases AS c ON c.id = s.case_id"
    ),
    "assessment_case": (
        "SELECT a.name, e.fact_no, md5(ROW(e.content_hash, e.grid_codes, e.unit_code, e.mask)::text) "
        "FROM assessment_case AS e JOIN assessment AS a ON a.id = e.assessment_id"
    ),
    "assessment_sample": (
        "SELECT a.name, e.fact_no, md5(ROW(e.content_hash, e.grid_codes, e.unit_code, e.mask, e.shares)::text) "
        "FROM assessment_sample AS e JOIN assessment AS a ON a.id = e.assessment_id"
    ),
    "assessment_step": (
        "SELECT a.name, e.fact_no, md5(ROW(e.content_hash, e.grid_codes, e.unit_code, e.mask)::text) "
        "FROM assessment_step AS e JOIN assessment AS a ON a.id = e.assessment_id"
    ),
}
"""Table → month or assessment, number and hash of every row."""


def facts(connection: Connection) -> dict[str, dict[str, str]]:
    """Table → month (of evidence: assessment) → number of rows and one digest of all their numbers and hashes."""
    out = {}
    for table, rows in CONTENTS.items():
        digest = "md5(string_agg(no || ' ' || hash, E'\\n' ORDER BY no COLLATE \"C\", hash))"
        statement = (
            f"SELECT part, count(*) || ' ' || {digest} AS told FROM ({rows}) AS f (part, no, hash) GROUP BY part"
        )
        out[table] = {row.part: row.told for row in connection.execute(text(statement))}
    return out
