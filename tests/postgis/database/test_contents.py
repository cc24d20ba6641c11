"""The hash of a content is one function, wherever it is computed."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text

from gridmgmt.database import contents, facts, merging
from gridmgmt.database.work import Work
from tests.examples import about

ODD = st.text(st.sampled_from([*' \t\n\r\v\f"\\(),aé甲\u3000\u00a0']), max_size=6)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    str: ODD | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9),
    dt.datetime: st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2099, 12, 31), timezones=st.just(dt.UTC)),
    int: st.integers(0, 1000),
    bool: st.booleans(),
    float: st.floats(-180, 180) | st.integers(-180, 180).map(float) | st.floats(-0.001, 0.001),
    Decimal: st.floats(0, 100) | st.integers(0, 100).map(float) | st.floats(0, 0.001),
}


def rows_of(kind: facts.Kind) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of any values; most of a column's are missing now and then."""
    types = {c.name: c.type.python_type for c in kind.versions.c if c.name in kind.facts}
    needed = {kind.key: st.just("n"), kind.when: VALUES[dt.datetime], "version_at": VALUES[dt.datetime]}
    may_lack = {name: st.none() | VALUES[given] for name, given in types.items()}
    extra = {name: st.none() for name in kind.extra}
    return st.lists(st.fixed_dictionaries({**may_lack, **needed, **extra}), min_size=1, max_size=8)


@about(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("kind", facts.KINDS.values(), ids=list(facts.KINDS))
@given(data=st.data())
def test_a_content_has_one_hash_wherever_it_is_computed(kind: facts.Kind, data: st.DataObject, empty: Work) -> None:
    rows = data.draw(rows_of(kind))
    table = pa.Table.from_pylist([{"row_no": n, **row} for n, row in enumerate(rows)], contents.schema(kind))
    with empty.transaction() as connection:
        merging.create(connection, kind)
        merging.add(connection, kind, table.drop(["row_no"]).to_pandas())
        stored = connection.execute(text(f"SELECT md5({kind.hashed}) FROM {kind.incoming} ORDER BY row_no")).scalars()
        assert contents.stated(kind, table)[1].to_pylist() == stored.all()


def test_all_types_of_columns_are_tried() -> None:
    used = {c.type.python_type for kind in facts.KINDS.values() for c in kind.versions.c if c.name in kind.facts}
    assert used == set(VALUES)
