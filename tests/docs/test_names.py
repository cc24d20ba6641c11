"""What pages, data and docstrings call by name is there: dotted names, files, folders."""

import importlib
import re
import subprocess
from functools import reduce

from tests.docs.pages import ROOT

TEXTS = subprocess.run(
    ["git", "ls-files", "*.md", "data/*.yaml", "gridmgmt/*.py", "api/*.py", "maps/*.py", "notebooks/*.ipynb"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.splitlines()  # fmt: skip
DOTTED = re.compile(r"(?<![\w/.\"-])gridmgmt(?:\.[A-Za-z_]\w*)+|(?<=`)(?:maps|api)(?:\.[A-Za-z_]\w*)+")
PATHS = re.compile(r"(?<![\w/.-])((?:gridmgmt|data|docs|tests|api|maps|tools)/[\w./-]*\w)")
NOT_MODULES = {"gridmgmt.commands"}  # the name of an entry point


def _is_there(name: str) -> bool:
    words = name.split(".")
    for n in range(len(words), 0, -1):
        try:
            module = importlib.import_module(".".join(words[:n]))
        except ModuleNotFoundError:
            continue
        try:
            reduce(getattr, words[n:], module)
        except AttributeError:
            return words[-1] in getattr(reduce(getattr, words[n:-1], module), "__annotations__", {})
        return True
    return False


def _named(pattern: re.Pattern[str]) -> dict[str, set[str]]:
    """Name → where it stands; what recipes alone name is made by them, and changes of the past name what was."""
    found: dict[str, set[str]] = {}
    for path in TEXTS:
        if path != "CHANGELOG.md":
            for name in pattern.findall((ROOT / path).read_text("utf-8")):
                found.setdefault(name, set()).add(path)
    return {name: paths for name, paths in found.items() if paths != {"CONTRIBUTING.md"} and name not in NOT_MODULES}


def test_dotted_names_are_there() -> None:
    named = _named(DOTTED)
    assert len(named) > 200
    assert {name: paths for name, paths in named.items() if not _is_there(name)} == {}


def test_files_and_folders_are_there() -> None:
    named = _named(PATHS)
    assert len(named) > 30
    assert {name: paths for name, paths in named.items() if not (ROOT / name).exists()} == {}
