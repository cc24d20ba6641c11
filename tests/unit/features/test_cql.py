"""Filters as text and as JSON are one tree; precedence is the standard's; whatever is written, the answer is words."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.errors import FilterInvalid
from gridmgmt.features import cql
from gridmgmt.features.cql import Call, Property, Shape, Time, Value
from gridmgmt.texts import both
from tests.examples import about


def told(term: object) -> Any:
    """A tree without its places."""
    if isinstance(term, Call):
        return (term.op, *map(told, term.args))
    if isinstance(term, Property):
        return f"${term.name}"
    if isinstance(term, Value):
        return term.value
    if isinstance(term, Time):
        return (term.first, term.last)
    assert isinstance(term, Shape)
    return term.shape.wkt


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1 OR b = 2 AND c = 3", ("or", ("=", "$a", 1), ("and", ("=", "$b", 2), ("=", "$c", 3)))),
        ("a = 1 AND b = 2 OR c = 3", ("or", ("and", ("=", "$a", 1), ("=", "$b", 2)), ("=", "$c", 3))),
        ("(a = 1 OR b = 2) AND c = 3", ("and", ("or", ("=", "$a", 1), ("=", "$b", 2)), ("=", "$c", 3))),
        ("NOT a = 1 AND b = 2", ("and", ("not", ("=", "$a", 1)), ("=", "$b", 2))),
        ("not (a = 1 and b = 2)", ("not", ("and", ("=", "$a", 1), ("=", "$b", 2)))),
        ("a BETWEEN 1 AND 2 AND b = 'x'", ("and", ("between", "$a", 1, 2), ("=", "$b", "x"))),
        ("a NOT IN ('x', 'it''s')", ("not", ("in", "$a", "x", "it's"))),
        ("a IS NOT NULL", ("not", ("isNull", "$a"))),
        ("名称 = '网格'", ("=", "$名称", "网格")),
        ('"a ""b""" = -1.5e3', ("=", '$a "b"', -1500.0)),
        ("a\n=\n1", ("=", "$a", 1)),
        ("T_AFTER(a, DATE('2025-01-01'))", ("t_after", "$a", ("2025-01-01", "2025-01-01"))),
        ("t_during(a, INTERVAL('..', '2025-01-01'))", ("t_during", "$a", (None, "2025-01-01"))),
        ("s_within(geometry, POINT (1 2))", ("s_within", "$geometry", "POINT (1 2)")),
        ("S_WITHIN(geometry, POINT Z (1 2 3))", ("s_within", "$geometry", "POINT (1 2)")),
        ("CASEI(a) LIKE casei('X%')", ("like", ("casei", "$a"), ("casei", "X%"))),
    ],
)
def test_text_is_read_by_the_precedence_of_the_standard(text: str, tree: object) -> None:
    assert told(cql.read(text, "cql2-text")) == tree


_names = st.sampled_from(["a", "b_1", "状态", "x.y"])
_values = st.one_of(st.integers(-(10**9), 10**9), st.booleans(), st.text("ab'%_ 网", max_size=5), st.floats(-1e6, 1e6))
_signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
_few = st.lists(_values, min_size=1, max_size=3)


def _call(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": [*args]}


_simple = st.one_of(
    st.builds(lambda op, n, v: _call(op, {"property": n}, v), _signs, _names, _values),
    st.builds(lambda n: _call("isNull", {"property": n}), _names),
    st.builds(lambda n, v: _call("in", {"property": n}, v), _names, _few),
    st.builds(lambda n, a, b: _call("between", {"property": n}, a, b), _names, _values, _values),
    st.builds(lambda n: _call("t_before", {"property": n}, {"date": "2025-01-02"}), _names),
)
_conditions = st.recursive(
    _simple,
    lambda inner: st.one_of(
        st.builds(lambda x: _call("not", x), inner),
        st.builds(lambda op, x: _call(op, *x), st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


def written(tree: Any) -> str:
    """A tree of JSON as text."""
    if isinstance(tree, bool):
        return str(tree).upper()
    if isinstance(tree, str):
        return "'" + tree.replace("'", "''") + "'"
    if isinstance(tree, int | float):
        return repr(tree)
    if "property" in tree:
        return f'"{tree["property"]}"'
    if "date" in tree:
        return f"DATE('{tree['date']}')"
    op, args = tree["op"], tree["args"]
    if op == "in":
        return f"{written(args[0])} IN ({', '.join(map(written, args[1]))})"
    parts = [*map(written, args)]
    if op in ("and", "or"):
        return f" {op} ".join(f"({x})" for x in parts)
    if op == "not":
        return f"NOT ({parts[0]})"
    if op == "isNull":
        return f"{parts[0]} IS NULL"
    if op == "between":
        return f"{parts[0]} BETWEEN {parts[1]} AND {parts[2]}"
    return f"{parts[0]} {op} {parts[1]}" if op[0] in "=<>" else f"{op}({', '.join(parts)})"


@about(100)
@given(_conditions)
def test_text_and_json_are_one_tree(tree: dict[str, Any]) -> None:
    from_json = cql.read(json.dumps(tree), "cql2-json")
    assert told(cql.read(written(tree), "cql2-text")) == told(from_json)


def refusal(text: str, language: str) -> str:
    """What is said of a filter in both languages; nothing where it can be read."""
    try:
        cql.read(text, language)
    except FilterInvalid as e:
        return both(e.code, e.facts)
    return ""


_PIECES = """a status ' '' " ( ) , = < > <> - + 1 1.5 1e9 AND OR NOT IN IS NULL LIKE BETWEEN TRUE DATE TIMESTAMP
INTERVAL
BBOX POINT POLYGON EMPTY Z T_AFTER S_WITHIN CASEI '2025-01-01' '..' \\ ; 网"""


@about(300)
@given(st.lists(st.sampled_from(re.findall(r"\S+", _PIECES)), max_size=14).map(" ".join))
def test_whatever_is_written_is_read_or_refused_in_words(text: str) -> None:
    assert "{" not in refusal(text, "cql2-text")


_keys = st.sampled_from(
    ["op", "args", "property", "date", "timestamp", "interval", "bbox", "type", "coordinates", "wkt"]
)
_words = st.sampled_from(["and", "in", "between", "Point", "t_after"])
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda x: st.one_of(st.lists(x, max_size=3), st.dictionaries(_keys, st.one_of(x, _words), max_size=3)),
    max_leaves=10,
)


@about(300)
@given(_json)
def test_whatever_json_is_read_or_refused_in_words(tree: object) -> None:
    assert "filter_" not in refusal(json.dumps(tree), "cql2-json")
