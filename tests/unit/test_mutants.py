"""The mutants that the tests are tried with: made in properties and tables too, put in, known again, and noticed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.__main__ import chosen, gone, known
from tests.mutants.judging import Reach, _Loaded, _put_in
from tests.mutants.mutating import FILE, Mutant, Source

TEXT = '''"""A module as the rules are written."""

from collections.abc import Callable

LIMIT = 3
Judgement = tuple[int, bool]


class Judged:
    def __init__(self, n: int) -> None:
        self.n = n

    @property
    def is_late(self) -> bool:
        return self.n > LIMIT


def within(least: int) -> Callable[[int], bool]:
    return lambda n: n >= least


TABLE = {"at_least_two": within(2), "none": lambda n: not n}
'''


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "judged.py"
    path.write_text(TEXT, "utf-8")
    spec = importlib.util.spec_from_file_location("judged", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def mutants(path: Path) -> dict[tuple[str, str], Mutant]:
    """By place and what stands there then."""
    source = Source(path)
    found = [m for spot in source.spots() if (m := source.mutant(spot)) is not None]
    return {(m.where, m.now): m for m in found}


def test_faults_are_made_wherever_a_rule_stands(module: ModuleType) -> None:
    found = mutants(Path(str(module.__file__)))
    assert {
        ("judged.Judged.is_late", "return self.n >= LIMIT"),
        ("judged.within", "return lambda n: n > least"),
        ("judged.within", "return lambda n: None"),
        ("judged", "LIMIT = 4"),
        ("judged", "LIMIT = None"),
        ("judged", 'TABLE = {"at_least_two": within(3), "none": lambda n: not n}'),
        ("judged", 'TABLE = {"at_least_two": within(2), "none": lambda n: n}'),
    } <= set(found)
    assert not any("bool" in m.was and "return" not in m.was for m in found.values())  # nothing in annotations


def test_what_tells_nothing_of_the_tests_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "idle.py"
    text = (
        "def f(a, b):\n    x: int | None = None\n    if a(b, {}, 1):\n        raise E(n=a, m=b)\n    return sum(a, b)\n"
        "\n\ndef g(a, b):\n    zip(a, b, strict=True)\n"
        "\n\nclass C:\n    is_so: bool = False\n    own: bool | None = True\n"
    )
    path.write_text(text, "utf-8")
    assert {now for _, now in mutants(path)} == {
        "zip(b, strict=True)", "zip(a, strict=True)", "if a({}, 1):", "if a(b, {}, ):", "if a(b, {}, 2):",
        "is_so: bool = True", "own: bool | None = False", "own: bool | None = None",
    }  # fmt: skip


def test_a_fault_is_put_into_functions_that_are_loaded(module: ModuleType) -> None:
    path = Path(str(module.__file__))
    found, loaded = mutants(path), _Loaded([path])
    for place, now in (
        ("judged.Judged.is_late", "return self.n >= LIMIT"),
        ("judged.within", "return lambda n: n > least"),
        ("judged", 'TABLE = {"at_least_two": within(2), "none": lambda n: n}'),
    ):
        swaps = loaded.swaps(found[place, now])
        assert swaps
        assert _put_in(swaps)
    assert module.Judged(3).is_late
    assert not module.TABLE["at_least_two"](2)  # the closure of before has it too
    assert not module.TABLE["none"](0)


def test_what_stands_outside_of_functions_has_to_be_imported_again(module: ModuleType) -> None:
    path = Path(str(module.__file__))
    loaded = _Loaded([path])
    assert loaded.swaps(mutants(path)["judged", "LIMIT = 4"]) == []
    broken = Mutant(path, "judged", "", "", (1, 1), (1, 1), "def (")
    assert loaded.swaps(broken) is None


def test_a_mutant_is_known_again_when_its_file_has_moved_and_its_line_is_another(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    old, new = tmp_path / "judged.py", tmp_path / "room" / "judged.py"
    old.write_text(TEXT, "utf-8")
    new.write_text(TEXT.replace("LIMIT = 3", "# three\nLIMIT = 3"), "utf-8")
    keys = [{m.key for m in mutants(path).values()} for path in (old, new)]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 10


def test_of_two_lines_that_are_alike_the_one_before_tells_which_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "alike.py"
    path.write_text("def f(a: int) -> int:\n    if a:\n        return 1\n    a += 2\n    return 1\n", "utf-8")
    assert {m.key for m in mutants(path).values() if "2" in m.now and "return" in m.now} == {
        ("alike.f", "if a: return 1", "if a: return 2"), ("alike.f", "a += 2 return 1", "a += 2 return 2"),
    }  # fmt: skip


def test_the_same_seed_chooses_the_same_mutants_and_leaves_out_what_is_listed(module: ModuleType) -> None:
    source = Source(Path(str(module.__file__)))

    def keys(number: int, seed: str, listed: dict[tuple[str, str, str], str]) -> list[tuple[str, str, str]]:
        return [m.key for m in chosen([(source, s) for s in source.spots()], number, seed, listed)]

    assert keys(5, "1", {}) == keys(5, "1", {})
    assert keys(5, "1", {}) != keys(5, "2", {})
    every = keys(0, "1", {})
    assert len(set(every)) == len(every) == 10
    assert keys(0, "1", {every[0]: "equal"}) == every[1:]


def test_a_mutant_is_tried_against_the_quickest_tests_of_its_lines_first_and_no_longer_than_allowed() -> None:
    path = Path("/x/judged.py")
    files = ["a.py", "a.py", "a.py", "b.py", "b.py", "c.py"]
    reach = Reach({str(path): {7: {0, 1, 2}, 8: {3}, 9: {1}}}, files, [0.3, 0.1, 5.0, 0.2, 0.4, 0.1])
    line7 = Mutant(path, "judged", "", "", (7, 7), (7, 9), "")
    assert reach.tests(line7, 1) == [1, 0]
    assert reach.tests(line7, 10) == [1, 0, 2]
    assert reach.tests(Mutant(path, "judged", "", "", (6, 6), (5, 8), ""), 10) == [1, 3, 0, 2]  # its function's
    assert reach.tests(Mutant(path, "judged", "", "", (20, 20), (20, 22), ""), 10) == []
    assert reach.tests(Mutant(path, "judged", "", "", (2, 2), FILE, ""), 10) == [1, 3, 0, 4, 2]  # of the same files
    other = Mutant(path.with_name("table.py"), "table", "", "", (2, 2), FILE, "")
    assert reach.tests(other, 10) == [1, 5, 3, 0, 4, 2]  # whoever reads what runs no line: any
    named = Reach(reach.lines, ["a.py", "a.py", "unit/test_judged.py"], [0.3, 0.1, 5.0])
    assert named.tests(line7, 1) == [2]  # its namesake goes first, and is tried however long it takes
    assert named.tests(line7, 10) == [2, 1, 0]


def test_every_listed_survivor_has_its_reason_and_one_that_is_gone_is_told(tmp_path: Path) -> None:
    assert all(reason.strip() for reason in known().values())
    path = tmp_path / "judged.py"
    path.write_text(TEXT, "utf-8")
    here, gone_ = ("judged", "LIMIT = 3", "LIMIT = 4"), ("judged", "LIMIT = 5", "LIMIT = 6")
    elsewhere = ("other", "LIMIT = 5", "LIMIT = 6")
    assert gone({here: "x", gone_: "x", elsewhere: "x"}, [path]) == [gone_]
