"""Whose results an input takes: the right ones in order, and each subject's by a look-up."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gridmgmt.assessing.operations.taken_results import Results, _Other
from gridmgmt.rulebooks.inputs import ResultOf

UNITS = 400
"""Of each unit two persons and two units below it."""


class Counted(dict[Any, Any]):
    """A mapping that knows how many of its keys were ever gone through."""

    n_seen = 0

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            self.n_seen += 1
            yield key

    def items(self) -> Any:
        return [(key, self[key]) for key in self]


def unit(n: int | str) -> tuple[str, int, str]:
    return ("unit", 0, f"U{n}")


PARENTS = {unit(f"{n}.{k}"): unit(n) for k in (2, 1) for n in range(UNITS)}
HOMES = {f"P{n}.{k}": f"U{n}" for k in (2, 1) for n in range(UNITS)}
ASSESSED = [unit(n) for n in range(UNITS)] + [k for k in PARENTS if k != unit("7.1")]
PERSONS = [("person", 0, code) for code in HOMES if code != "P7.1"]
BOTH = [("grid", 1, "twice"), ("unit", 0, "twice")]


def counted() -> tuple[Results, _Other, list[Counted]]:
    known = [Counted(PARENTS), Counted(HOMES), Counted(dict.fromkeys([*ASSESSED, *PERSONS, *BOTH]))]
    results = Results(cast(Any, None), cast(Any, None))
    results.__dict__ |= {"_parents": known[0], "_homes": known[1]}
    return results, _Other(known[2]), known


def asked(results: Results, other: _Other, key: tuple[str, int, str], **more: str) -> list[tuple[str, int, str]]:
    rule = ResultOf(rulebook="other", local=True, **cast(Any, more))
    return list(results._whose(rule, cast(Any, SimpleNamespace(key=key)), other))


@pytest.mark.parametrize(
    ("key", "more", "expected"),
    [
        (unit(3), {"whose": "same"}, [unit(3)]),
        (unit(3), {"whose": "children"}, [unit("3.1"), unit("3.2")]),
        (unit(7), {"whose": "children"}, [unit("7.2")]),
        (unit("3.1"), {"whose": "children"}, []),
        (unit("3.1"), {"whose": "parent"}, [unit(3)]),
        (unit(3), {"whose": "parent"}, []),
        (unit(3), {"whose": "home_unit"}, [("person", 0, "P3.1"), ("person", 0, "P3.2")]),
        (unit(7), {"whose": "home_unit"}, [("person", 0, "P7.2")]),
        (("person", 0, "P3.1"), {"whose": "home_unit"}, [unit(3)]),
        (("person", 0, "nobody"), {"whose": "home_unit"}, []),
        (unit(3), {"whose": "named", "named": "U5"}, [unit(5)]),
        (unit(3), {"whose": "named", "named": "twice"}, []),
        (unit(3), {"whose": "named", "named": "none"}, []),
    ],
)
def test_whose(key: tuple[str, int, str], more: dict[str, str], expected: list[tuple[str, int, str]]) -> None:
    results, other, _ = counted()
    assert asked(results, other, key, **more) == expected


def test_nobody_is_looked_for_through_all_the_others() -> None:
    results, other, known = counted()
    for n in range(UNITS):
        for more in ({"whose": "children"}, {"whose": "home_unit"}, {"whose": "named", "named": f"U{n}"}):
            assert asked(results, other, unit(n), **more)
    assert [k.n_seen <= len(k) for k in known] == [True] * 3, [k.n_seen for k in known]
