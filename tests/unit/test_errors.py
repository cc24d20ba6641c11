"""Errors: named codes, facts as attributes, the tree as documented, and they survive a process boundary."""

import copy
import pickle
from collections.abc import Iterator

import pytest

from gridmgmt import errors
from gridmgmt.errors import GridmgmtError


def subclasses(cls: type[GridmgmtError]) -> Iterator[type[GridmgmtError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


ALL = list(subclasses(GridmgmtError))


def test_code_and_facts() -> None:
    e = errors.TableInvalid(file="a.csv", row=3, column="b", value=None, expected="c")
    assert (e.code, e.file, e.row, e.value) == ("table_invalid", "a.csv", 3, None)
    assert str(e) == "table_invalid: file='a.csv', row=3, column='b', value=None, expected='c'"
    assert e.facts == {"file": "a.csv", "row": 3, "column": "b", "value": None, "expected": "c"}


def test_a_fact_that_is_left_out_is_no_fact() -> None:
    e = errors.DataFileInvalid(file="a.yaml", fault="not_there", key="", value=None, line=None)
    assert e.facts == {"file": "a.yaml", "fault": "not_there", "key": "", "value": None, "line": None}
    with pytest.raises(AttributeError, match="expected"):
        _ = e.expected


def test_a_fact_called_code_does_not_hide_the_errors_own() -> None:
    e = errors.GridMissing(code="440301")
    assert e.code == "grid_missing"
    assert e.facts["code"] == "440301"


@pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)
@pytest.mark.parametrize("everything", [True, False], ids=["all", "needed"])
def test_every_error_can_be_pickled_and_copied(cls: type[GridmgmtError], everything: bool) -> None:
    e = cls(**{name: [name] for name, must in cls.declared.items() if must or everything})
    for same in (pickle.loads(pickle.dumps(e)), copy.copy(e), copy.deepcopy(e)):
        assert type(same) is cls
        assert same.facts == e.facts
        assert all(getattr(same, name) == [name] for name in e.facts if name != "code")
        assert str(same) == str(e)


@pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)
def test_a_fact_too_many_or_too_few_is_refused(cls: type[GridmgmtError]) -> None:
    every = {name: name for name in cls.declared}
    with pytest.raises(TypeError, match=cls.__name__):
        cls(**every, nonsense=1)
    for left_out in (name for name, must in cls.declared.items() if must):
        with pytest.raises(TypeError, match=left_out):
            cls(**{name: value for name, value in every.items() if name != left_out})


def test_codes_are_distinct() -> None:
    assert len({cls.code for cls in ALL}) == len(ALL)


def test_the_docstring_draws_the_whole_tree() -> None:
    drawn = errors.__doc__ or ""
    for cls in ALL:
        assert cls.__name__ in drawn, cls.__name__
        assert cls.__module__ == "gridmgmt.errors"
