"""Which mutants the unit tests notice: each in a process of its own, against the tests that run its lines.

The tests are collected once. A child process, forked from there, runs them all
under coverage and tells which test runs which line, and how long it takes. For
every mutant another child puts the mutated code into the functions that are
loaded, and runs the tests of its lines, the quickest first, until one fails. A
mutant outside of functions (a table, a constant, a default) cannot be put in:
its child forgets the project's modules, and imports them and the tests again.
"""

import gc
import hashlib
import importlib.abc
import importlib.util
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import coverage
import hypothesis
import pytest

from tests.mutants.mutating import FILE, ROOT, Mutant

OURS = ("gridmgmt", "api", "maps", "tests", "conftest")

KILLED, SURVIVED, FAULTY = 1, 0, 9
"""How a child ends; by a signal where it took too long, which is noticed as well."""

MEMORY = 12 << 30
"""Bytes of address space that a mutant may ask for."""


@dataclass
class Reach:
    """Which tests (by position) run which line of which file; their own files, and the seconds of the processor."""

    lines: Mapping[str, Mapping[int, set[int]]] = field(default_factory=dict)
    files: Sequence[str] = ()
    seconds: Sequence[float] = ()
    failed: Sequence[str] = ()

    def tests(self, mutant: Mutant, budget: float) -> list[int]:
        """Those that run the mutant's lines, else its function; those of its namesake (``test_NAME.py``) first.

        Of either the quickest first, as far as the budget reaches.
        """
        lines = self.lines.get(str(ROOT / mutant.path), {})
        for first, last in (mutant.lines, mutant.within):
            found = {t for line in range(first, min(last, max(lines, default=0)) + 1) for t in lines.get(line, ())}
            if found:
                break
        if mutant.is_outside:  # who reads a table or a constant runs no line of it
            near = {self.files[t] for t in found}
            found |= {t for t, file in enumerate(self.files) if file in near} or set(range(len(self.files)))
        chosen, spent = list[int](), 0.0
        own = f"test_{mutant.path.stem}"
        for test in sorted(found, key=lambda t: (Path(self.files[t]).stem != own, self.seconds[t], t)):
            spent += self.seconds[test]
            if chosen and spent > budget:
                break
            chosen.append(test)
        return chosen


Outcome = tuple[Mutant, str]
"""A mutant and what became of it: killed, timeout, survived, unreached (no test runs its lines), invalid."""


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Judge:
    """A pytest plugin that, in place of running the tests, judges mutants by them.

    Attributes
    ----------
    mutants
        Those to be judged, made as they are wanted.
    without
        Tests that ask for one of these fixtures are left out: they need a database.
    until
        The moment (:func:`time.monotonic`) after which no further mutant is begun.
    budget_s
        Seconds (of the processor) of tests that a mutant is tried against.
    told
        Called with each outcome.
    """

    files: Sequence[Path]
    mutants: Iterator[Mutant]
    without: Sequence[str]
    until: float
    budget_s: float
    jobs: int
    told: Callable[[Outcome], None]
    reports: list[Any] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note every failure."""
        if report.failed:
            self.reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        """Measure, then judge."""
        if session.testsfailed:
            pytest.exit("the tests cannot be collected", returncode=2)
        items = [i for i in session.items if not set(self.without) & set(i.fixturenames)]
        reach = _remembered(items, self.files, lambda: self._measured(items))
        if reach.failed:
            pytest.exit("these tests fail without any mutant: " + ", ".join(reach.failed), returncode=2)
        self._check(items, reach)
        loaded = _Loaded(self.files)
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            if time.monotonic() > self.until:
                break
            tests = reach.tests(mutant, self.budget_s)
            if not tests:
                self.told((mutant, "unreached"))
                continue
            while len(running) >= self.jobs:
                self._wait(running)
            swaps = loaded.swaps(mutant)
            if swaps is None:
                self.told((mutant, "invalid"))
                continue
            mine, seconds = [items[t] for t in tests], sum(reach.seconds[t] for t in tests)
            running[_forked(lambda m=mutant, s=swaps, i=mine: self._ending(m, s, i), 20 + 10 * seconds)] = mutant
        while running:
            self._wait(running)
        return True

    def _check(self, items: Sequence[Any], reach: Reach) -> None:
        """A file imported again as it is must be noticed by no test: else no mutant of it would mean anything."""
        source = (ROOT / self.files[0]).read_text(encoding="utf-8")
        same = Mutant(self.files[0], "", "", "", FILE, FILE, source)
        ids = [str(ROOT / items[t].nodeid) for t in reach.tests(same, 3)]
        _, status = os.waitpid(_forked(lambda: _again(same, ids), 600), 0)
        if status:
            raise RuntimeError(f"the tests fail when they are imported again: {ids[:3]} …")

    def _wait(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant, code = running.pop(pid), os.waitstatus_to_exitcode(status)
        word = {KILLED: "killed", SURVIVED: "survived", -signal.SIGPROF: "timeout"}.get(code)
        if word is None:
            raise RuntimeError(f"{mutant.key}: its process ended with {code}")
        self.told((mutant, word))

    def _run(self, items: Sequence[Any]) -> Iterator[tuple[int, float]]:
        for n, item in enumerate(items):
            began = time.process_time()
            following = items[n + 1] if n + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield n, time.process_time() - began

    def _measured(self, items: Sequence[Any]) -> Reach:
        """All tests under coverage, each its own context."""
        seen = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / f) for f in self.files])
        seen.start()
        seen.switch_context("0")
        seconds = []
        for n, took in self._run(items):
            seconds.append(took)
            seen.switch_context(str(n + 1))
        seen.stop()
        data = seen.get_data()
        lines = {
            file: {line: {int(c) for c in names if c} for line, names in data.contexts_by_lineno(file).items()}
            for file in data.measured_files()
        }
        return Reach(lines, [str(item.path) for item in items], seconds, [r.nodeid for r in self.reports])

    def _ending(self, mutant: Mutant, swaps: "Swaps", items: Sequence[Any]) -> int:
        """In the child: whether a test fails with the mutant in place."""
        if swaps and _put_in(swaps):
            for _ in self._run(items):
                if self.reports:
                    return KILLED
            return SURVIVED
        ids = [str(ROOT / item.nodeid) for item in items]
        return _again(mutant, ids)


Swaps = list[tuple[FunctionType, CodeType]]


class _Loaded:
    """The functions that are loaded from some files, by their code."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.codes = {f: compile((ROOT / f).read_text(encoding="utf-8"), str(ROOT / f), "exec") for f in files}
        names = {str(ROOT / f) for f in files}
        self.functions: dict[tuple[str, CodeType], list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename in names:
                self.functions[one.__code__.co_filename, one.__code__].append(one)

    def swaps(self, mutant: Mutant) -> Swaps | None:
        """Functions with the code that a mutant gives them; none where it lies outside of functions.

        None: it is no Python.
        """
        name = str(ROOT / mutant.path)
        try:
            new = compile(mutant.source, name, "exec")
        except SyntaxError:
            return None
        pairs = _pairs(self.codes[mutant.path], new)
        return [(f, code) for old, code in pairs or () for f in self.functions[name, old]]


def _pairs(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """Code of functions that differs; None where what is around them does."""
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (old, new)]
    out: list[tuple[CodeType, CodeType]] = []
    if old.co_flags & CO_OPTIMIZED:
        if _body(old) == _body(new) and old.co_consts == new.co_consts:
            return out
        out.append((old, new))
    elif _body(old) != _body(new) or len(inner[0]) != len(inner[1]):
        return None
    for a, b in zip(*inner, strict=False):
        if a.co_name == b.co_name:
            below = _pairs(a, b)
            if below is None and not old.co_flags & CO_OPTIMIZED:
                return None
            out += below or []
    return out


def _body(code: CodeType) -> tuple[Any, ...]:
    return code.co_code, code.co_names, [(type(c), c) for c in code.co_consts if not isinstance(c, CodeType)]


def _put_in(swaps: Swaps) -> bool:
    """Give functions other code; not where a closure has other variables."""
    if any(len(f.__code__.co_freevars) != len(code.co_freevars) for f, code in swaps):
        return False
    for function, code in swaps:
        function.__code__ = code
    return True


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.name = ".".join(mutant.path.with_suffix("").parts).removesuffix(".__init__")
        self.path, self.source = str(ROOT / mutant.path), mutant.source

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The mutated module in place of the file's."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=_Loader(self.source, name, self.path))


class _Loader(SourceFileLoader):
    def __init__(self, source: str, name: str, path: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        """Of the mutated source, never of a cache."""
        return compile(self.source, self.path, "exec")


def _again(mutant: Mutant, ids: Sequence[str]) -> int:
    """Import everything again, the mutant among it, run tests by their names, and end; what cannot even be imported for
    the tests' own set-up is noticed too."""
    for name in [n for n in sys.modules if n.split(".")[0] in OURS and not n.startswith("tests.mutants")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
    pytest.main(["-x", *ARGUMENTS, *ids], plugins=[_Ending()])
    return KILLED


class _Ending:
    """Ends the process with the tests: nothing is to be cleared away."""

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        os._exit(SURVIVED if exitstatus == 0 else KILLED)


def _forked(work: Callable[[], int], seconds: float) -> int:
    """Start work in a child that says nothing and ends with what it returns; its number."""
    pid = os.fork()
    if pid:
        return pid
    code = FAULTY
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = work()
    except KeyboardInterrupt:
        code = KILLED
    finally:
        os._exit(code)


def _remembered(items: Sequence[Any], files: Sequence[Path], measure: Callable[[], Reach]) -> Reach:
    """What was measured before, as long as no file of the modules and tests has changed since."""
    read = sorted({Path(__file__), *(ROOT / f for f in files), *(item.path for item in items)})
    said = "\n".join([item.nodeid for item in items]).encode() + b"".join(path.read_bytes() for path in read)
    kept = ROOT / "out" / f"mutants-{hashlib.sha256(said).hexdigest()[:16]}.pickle"
    if not kept.exists():
        reach = _in_child(measure)
        if reach.failed:
            return reach
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(pickle.dumps(reach))
    return pickle.loads(kept.read_bytes())


def _in_child(work: Callable[[], Reach]) -> Reach:
    """What work gives, done in a child so that no cache of this process is filled."""
    with tempfile.NamedTemporaryFile() as kept:

        def ending() -> int:
            Path(kept.name).write_bytes(pickle.dumps(work()))
            return SURVIVED

        _, status = os.waitpid(_forked(ending, 3600), 0)
        if status:
            raise RuntimeError(f"measuring ended with {os.waitstatus_to_exitcode(status)}")
        return pickle.loads(Path(kept.name).read_bytes())


ARGUMENTS = (
    "-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip


def judge(plugin: Judge, tests: Sequence[str]) -> int:
    """Collect the tests, quiet, and hand them to the judge; pytest's exit code."""
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    with tempfile.TemporaryDirectory() as rooms:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = rooms
        return int(pytest.main([*ARGUMENTS, *tests], plugins=[plugin]))
