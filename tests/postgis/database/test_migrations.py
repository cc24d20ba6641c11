"""The migrations make the tables that the code declares, from an empty database; each geometry is indexed once."""

from collections import Counter
from collections.abc import Callable

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from geoalchemy2 import Geometry
from sqlalchemy import text

from gridmgmt.database import administration
from gridmgmt.database import engine as engines
from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Work
from gridmgmt.settings import Settings


def ours(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    return not (kind == "table" and reflected and compare_to is None and name == "spatial_ref_sys")


def test_upgrading_from_empty_gives_what_the_code_declares(fresh: tuple[Settings, Work]) -> None:
    _, work = fresh
    with work.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_postgis_tables_are_left_alone(fresh: tuple[Settings, Work]) -> None:
    _, work = fresh
    with work.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM spatial_ref_sys")).scalar_one() > 1000


def test_each_geometry_has_one_spatial_index(postgis_engine: Work) -> None:
    columns = [(t.name, c.name) for t in metadata.sorted_tables for c in t.c if isinstance(c.type, Geometry)]
    statement = text(
        "SELECT t.relname, a.attname FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid "
        "JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am ON pg_am.oid = x.relam "
        "JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0] "
        "JOIN pg_type ON pg_type.oid = a.atttypid WHERE pg_am.amname = 'gist' AND pg_type.typname = 'geometry'"
    )
    with postgis_engine.connect() as connection:
        found = Counter(tuple(r) for r in connection.execute(statement))
    assert found == Counter(columns)
    assert set(columns) == {("grid", "geom"), ("cases", "geom"), ("samples", "geom"), ("feature", "geom")}


def test_all_geometry_is_stored_in_4490(postgis_engine: Work) -> None:
    statement = text("SELECT DISTINCT srid FROM geometry_columns WHERE f_table_schema = 'public'")
    with postgis_engine.connect() as connection:
        assert list(connection.execute(statement).scalars()) == [4490]


def test_migrating_again_changes_nothing(fresh: tuple[Settings, Work]) -> None:
    settings, _ = fresh
    assert administration.migrate(settings) == administration.migrate(settings)


def test_codes_compare_byte_by_byte(postgis_engine: Work) -> None:
    """'The smallest code' must be the same in SQL and Python."""
    statement = text(
        "SELECT table_name || '.' || column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'text' AND table_name <> 'spatial_ref_sys' "
        "AND (column_name ~ '(^|_)code$' OR column_name IN ('case_no', 'sample_no', 'fact_no'))"
    )
    with postgis_engine.connect() as connection:
        assert {r[0] for r in connection.execute(statement) if r[1] != "C"} <= {"category.major_code"}


def test_make_database_is_made_once(make_database: Callable[[str], Settings]) -> None:
    settings = make_database("twice")
    assert engines.ensure_database(settings) is False
