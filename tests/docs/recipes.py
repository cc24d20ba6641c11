"""CONTRIBUTING.md's recipes as steps that can be followed: what goes into which file, and which commands run then."""

import re
import shutil
from pathlib import Path

from tests.docs.pages import ROOT

PAGE = ROOT / "CONTRIBUTING.md"
STEP = re.compile(
    r"^<!-- (?:new (?P<new>\S+)|edit (?P<edit>\S+) (?P<how>before|instead of) `(?P<anchor>[^\n]+)`) -->\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.M | re.S,
)


def recipes() -> dict[str, str]:
    """Title → text of each section that has steps."""
    sections = PAGE.read_text("utf-8").split("\n## ")[1:]
    return {s.partition("\n")[0]: s for s in sections if STEP.search(s)}


def project(folder: Path) -> Path:
    """A copy of the project to follow recipes in."""
    for name in ("gridmgmt", "api", "maps", "data", "docs", "tests", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.gz", "*.png"))
    for name in ("pyproject.toml", "README.md", "README.en.md", "CONTRIBUTING.md", "CHANGELOG.md", "GLOSSARY.md"):
        shutil.copy(ROOT / name, folder)
    return folder


def follow(recipe: str, root: Path) -> None:
    """Do what a recipe says: an anchor begins just one line of its file, and functions stand two lines apart."""
    for step in STEP.finditer(recipe):
        path = root / (step["new"] or step["edit"])
        if step["new"]:
            assert not path.exists(), path
            path.write_text(step["text"], "utf-8")
            continue
        lines = path.read_text("utf-8").splitlines(keepends=True)
        at = [n for n, line in enumerate(lines) if line.startswith(step["anchor"])]
        assert len(at) == 1, (step["anchor"], at)
        apart = "\n\n" if step["text"].startswith(("def ", "class ")) else ""
        lines[at[0] : at[0] + (step["how"] == "instead of")] = [step["text"] + apart]
        path.write_text("".join(lines), "utf-8")
