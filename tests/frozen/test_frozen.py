"""What was recorded before the house was put in order stays: rulebooks, worked examples, stored documents, old schemas.

The demo's part is tests/demo/test_demo.py, New York's the last test of tests/real/test_real_city.py.
"""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import text

from gridmgmt.assessing.operations import explaining, publishing, recomputing, scoring
from gridmgmt.assessing.store import assessments as store
from gridmgmt.cli.explaining import _told as told
from gridmgmt.database import administration
from gridmgmt.database.work import Connection, Work, open_database
from gridmgmt.documents import plain
from gridmgmt.errors import ItemMissing
from gridmgmt.people.operations import reference
from gridmgmt.places.operations import drawing, editions
from gridmgmt.rulebooks.load import known, parse
from gridmgmt.scorecards.documents import SCHEMA
from gridmgmt.settings import Settings
from gridmgmt.texts import word
from tests.frozen import computed, models, stored

HASHES = stored.hashes()
SAMPLES = stored.samples()


# --- rulebooks and their examples -------------------------------------------------------------------------------------


def test_every_rulebook_says_what_it_said() -> None:
    assert computed.content() == HASHES["rulebooks"]


def test_examples_of_every_rulebook_are_recorded() -> None:
    assert set(HASHES["examples"]) == set(known())


@pytest.mark.parametrize("book", sorted(HASHES["examples"]))
def test_every_example_comes_out_to_the_same_bytes(book: str) -> None:
    found = computed.results(book)
    assert {name: found.get(name) for name in HASHES["examples"][book]} == HASHES["examples"][book]


# --- stored documents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_stored_documents_are_read_and_written_to_the_same_bytes(kind: str) -> None:
    assert [document for document in SAMPLES[kind] if not models.comes_back(kind, document)] == []


@pytest.mark.parametrize("book", sorted(HASHES["examples"]))
def test_what_comes_out_of_examples_is_read_and_written_to_the_same_bytes(book: str) -> None:
    found = list(computed.documents(book))
    assert {kind for kind, _ in found} == {"evaluated.header", "evaluated.subject"}
    assert [(kind, document) for kind, document in found if not models.comes_back(kind, document)] == []


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_model_forbids_what_it_does_not_know(kind: str) -> None:
    assert {name for document in SAMPLES[kind] for name in models.lax(models.parsed(kind, document))} == set()
    for document in SAMPLES[kind] if kind in models.MODELS else ():
        if isinstance(document, dict):
            with pytest.raises(ValidationError):
                models.parsed(kind, {**document, "nobody knows this": 1})


def test_every_model_is_of_a_stored_kind() -> None:
    assert set(models.MODELS) <= set(SAMPLES)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    b: str | None = None


class Lax(BaseModel):
    a: int


class Rounding(Strict):
    a: float


class Around(Strict):
    inner: list[Lax]


@pytest.mark.parametrize(
    ("model", "document", "same"),
    [
        (Strict, {"a": 1}, True),
        (Strict, {"a": 1, "b": None}, True),
        (Lax, {"a": 1}, True),
        (Lax, {"a": 1, "c": 2}, False),
        (Rounding, {"a": 1}, False),
    ],
)
def test_a_model_that_loses_something_is_noticed(
    monkeypatch: pytest.MonkeyPatch, model: type[BaseModel], document: dict[str, Any], same: bool
) -> None:
    monkeypatch.setitem(models.MODELS, "planted", TypeAdapter(model))
    assert models.comes_back("planted", document) is same


def test_a_model_that_lets_keys_pass_is_noticed() -> None:
    assert list(models.lax({"x": [Around(a=1, inner=[Lax(a=1)])]})) == ["Lax"]


# --- schemas that landed ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(HASHES["schemas"]))
def landed(
    request: pytest.FixtureRequest, make_empty: Callable[[str], Settings]
) -> Iterator[tuple[dict[str, Any], dict[str, int], str, Work]]:
    """A city under a schema that landed, migrated: what was recorded, its rows before, the revision reached."""
    found = make_empty("landed")
    stored.restore(open_database(found, "owner"), stored.SCHEMAS / f"{request.param}.sql.gz")
    work = open_database(found)
    with work.engine.connect() as connection:
        before = stored.row_counts(connection)
    revision = administration.migrate(found)
    yield HASHES["schemas"][request.param], before, revision, work
    work.close()


Landed = tuple[dict[str, Any], dict[str, int], str, Work]


def test_every_schema_that_landed_is_recorded(landed: Landed) -> None:
    """A new migration comes with a dump of what it migrates to: `python -m tests.frozen.record schemas`."""
    assert landed[2] in HASHES["schemas"]
    assert {path.name for path in stored.SCHEMAS.iterdir()} == {f"{name}.sql.gz" for name in HASHES["schemas"]}


def test_a_schema_migrates_with_its_rows(landed: Landed) -> None:
    recorded, before, _, work = landed
    assert before == recorded["rows"]
    with work.engine.connect() as connection:
        after, facts = stored.row_counts(connection), stored.facts(connection)
    if "edition_grid" not in before:  # a grid that was the same in two editions is one row now
        assert after["edition_grid"] == before["grid"] > after["grid"]
        before = {**before, "grid": after["grid"]}
    assert {table: after.get(table) for table in before} == before
    assert facts == recorded["facts"]


def test_editions_that_landed_are_drawn_once(landed: Landed) -> None:
    _, before, _, work = landed
    active = [edition.name for edition in editions.list_editions(work) if edition.is_active]
    assert drawing.draw_missing(work) == ([] if "linework" in before else active)
    assert drawing.draw_missing(work) == []
    for name in active:
        with work.snapshot() as connection:
            edition = editions.choose(connection, name, None)
            lines = drawing.read(connection, edition.id, [1, 2, 3, 4])
        grids = editions.grids_of(work, name, None, None)
        for number, level in lines.levels.items():
            assert list(level.codes) == grids.loc[grids["level"] == number, "code"].tolist()


def test_what_stood_there_of_units_and_categories_is_the_first_that_is_known_of_them(landed: Landed) -> None:
    """Nobody is said to have written rows that are older than the table of actors."""
    _, before, _, work = landed
    if "unit_version" in before:
        return
    with work.engine.connect() as connection:
        names = "code, name_zh, name_en, kind, parent_code, level, grid_code"
        same = f"SELECT {names}, known_at FROM unit EXCEPT SELECT {names}, known_at FROM unit_version"
        assert connection.execute(text(same)).all() == []
        n = [connection.execute(text(f"SELECT count(*) FROM {t}_version")).scalar() for t in ("unit", "category")]
        assert n == [before["unit"], before["category"]]
        assert connection.execute(text("SELECT count(*) FROM batch WHERE actor_id IS NOT NULL")).scalar() == 0
    assert {x.actor for x in reference.written(work, limit=500)} == {None}


PEOPLE = """
INSERT INTO batch (id, kind, file) OVERRIDING SYSTEM VALUE VALUES (900001, 'people', 'people.csv');
INSERT INTO person (code, name, valid, batch_id, known_at) VALUES
    ('X2', '李二', '[2020-01-01,2025-06-01)', 900001, '2025-02-01+00'),
    ('X1', NULL, '[2020-01-01,)', 900001, '2025-01-01+00');
INSERT INTO post (person_id, unit_id, role, level, grid_code, full_time, valid, batch_id, known_at)
SELECT p.id, u.id, 'collector', 3, 'G1', p.code = 'X1', '[2020-01-01,2026-01-01)', 900001, '2025-03-01+00'
FROM person AS p, (SELECT id FROM unit ORDER BY code LIMIT 1) AS u WHERE p.code IN ('X1', 'X2');
"""
HELD = (
    "code, name, valid, known_at FROM person WHERE code LIKE 'X%' ORDER BY code",
    "p.code, u.code, o.role, o.level, o.grid_code, o.full_time, o.valid, o.known_at FROM post AS o "
    "JOIN person AS p ON p.id = o.person_id JOIN unit AS u ON u.id = o.unit_id WHERE p.code LIKE 'X%' ORDER BY p.code",
)
KEPT = (
    "code, name, valid, known_at FROM person_version WHERE code LIKE 'X%' ORDER BY code",
    "person_code, unit_code, role, level, grid_code, full_time, valid, known_at FROM post_version "
    "WHERE person_code LIKE 'X%' ORDER BY person_code",
)


@pytest.mark.parametrize("schema", sorted(HASHES["schemas"]))
def test_what_stood_there_of_people_and_posts_is_the_first_that_is_known_of_them(
    schema: str, make_empty: Callable[[str], Settings]
) -> None:
    """The cities of older dumps have no people: some are put there before they migrate; later ones keep them."""
    given = make_empty(f"people_{schema}")
    work = open_database(given, "owner")
    stored.restore(work, stored.SCHEMAS / f"{schema}.sql.gz")
    with work.engine.begin() as connection:
        connection.execute(text(PEOPLE))
        before = [connection.execute(text(f"SELECT {x}")).all() for x in HELD]
        writer = connection.execute(
            text("SELECT to_jsonb(b) ->> 'actor_id' FROM batch AS b WHERE id = 900001")
        ).scalar()
    administration.migrate(given)
    with work.engine.connect() as connection:
        assert [connection.execute(text(f"SELECT {x}")).all() for x in KEPT] == before
        assert [len(rows) for rows in before] == [2, 2]
        for table in ("person_version", "post_version"):
            code = "code" if table == "person_version" else "person_code"
            only = f"SELECT DISTINCT actor_id FROM {table} WHERE {code} LIKE 'X%'"
            found = connection.execute(text(only)).scalars().all()
            assert found == [int(writer) if writer is not None else None]
    work.close()


def test_assessments_stand_as_they_were_and_published_ones_recompute(landed: Landed) -> None:
    recorded, _, _, work = landed
    with work.engine.connect() as connection:
        assert stored.assessments(connection) == recorded["assessments"]
    listed = {a["name"]: a for a in scoring.listing(work)}
    assert {name: a["sha256"] for name, a in listed.items()} == recorded["assessments"]
    assert sorted(name for name, a in listed.items() if a["published_at"] is not None) == recorded["published"] != []
    found = [recomputing.recompute(work, name) for name in recorded["assessments"]]
    assert [r.differences for r in found if not r.is_same] == []
    assert {r.name: r.again for r in found if not r.is_older} == {
        name: sha256 for name, sha256 in recorded["assessments"].items() if not listed_as_older(work, name)
    }


def listed_as_older(work: Work, name: str) -> bool:
    return scoring.read(work, name)[0].schema != SCHEMA


RISEN = {"formed"}
"""What documents of schema 3 have beside those of schema 2 (R3): the share of its points behind a total."""


def test_old_and_new_form_differ_in_what_the_rise_names_and_in_nothing_else(landed: Landed) -> None:
    """Subject by subject: what a stored document of an older form says, the same inputs say again."""
    recorded, _, _, work = landed
    n = 0
    with work.snapshot() as connection:
        for name in recorded["assessments"]:
            kept = store.by_name(connection, name)
            made = publishing.assess_again(connection, kept, publishing.frozen_dossier(connection, kept))
            rows = {row.key: row.document for row in store.stored_rows(connection, kept.id)}
            for document in made.subjects:
                new, old = plain(document), rows[document.subject.key]
                differing = {key for key in new.keys() | old.keys() if new.get(key) != old.get(key)}
                assert differing <= RISEN, (name, document.subject.code)
                n += 1
            new, old = plain(made.header), dict(kept.stored_header)
            if kept.schema != SCHEMA:
                assert new["rulebook"]["stage"].pop("least_share") in (None, "0")
            assert {key for key in new.keys() | old.keys() if new.get(key) != old.get(key)} <= {"schema"}
    assert n > 30


def test_every_item_and_rule_is_explained(landed: Landed) -> None:
    """Through the command's own words: rules of every kind, those without a line of their own too."""
    recorded, _, _, work = landed
    state = SimpleNamespace(lang="en", word=lambda code, facts=None: word(code, facts, "en"))
    kinds: set[str] = set()
    for name in sorted(recorded["assessments"]):
        kept, documents, _ = scoring.read(work, name)
        code, level = documents[0].subject.code, documents[0].subject.level
        for _, part in parse(kept.rulebook_text, name).rulebook.parts():
            try:
                found = explaining.explain(work, name, code, part.id, level)
            except ItemMissing:  # of another stage
                continue
            assert list(told(state, found, part.id))  # type: ignore[arg-type]  # what the words need of a state
            kinds.add(part.kind)
    assert {"events", "steps", "each", "deduct"} <= kinds


def test_all_that_it_stores_is_read_and_written_to_the_same_bytes(landed: Landed) -> None:
    with landed[3].connect() as connection:
        found = list(stored.documents(connection))
    assert [(kind, document) for kind, document in found if not models.comes_back(kind, document)] == []


def test_a_schema_that_landed_becomes_the_one_made_from_nothing(
    landed: Landed, make_database: Callable[[str], Settings]
) -> None:
    """Columns in their order, constraints, indexes and triggers: 0007 was made in seven steps, of which one is left."""
    work = open_database(make_database("chain"))
    with work.engine.connect() as new, landed[3].engine.connect() as old:
        assert described(old) == described(new)
    work.close()


def described(connection: Connection) -> list[tuple[object, ...]]:
    """Columns in order, constraints, indexes and triggers of our tables, as PostgreSQL words them."""
    ours = "n.nspname = 'public' AND c.relname NOT IN ('spatial_ref_sys', 'alembic_version')"
    out = []
    for query in (
        "SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname, "
        "format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, "
        "a.attcollation, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid "
        f"AND d.adnum = a.attnum WHERE {ours} AND c.relkind = 'r' AND a.attnum > 0 "
        "AND NOT a.attisdropped ORDER BY 1, 2",
        "SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON "
        f"c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours} ORDER BY 1, 2",
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours} ORDER BY 1, 2",
        # a dump writes parentheses otherwise
        "SELECT c.relname, translate(pg_get_triggerdef(g.oid), '()', '') FROM pg_trigger g JOIN pg_class c ON "
        f"c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours} AND NOT g.tgisinternal "
        "ORDER BY 1, 2",
    ):
        out += [tuple(row) for row in connection.execute(text(query))]
    return out
