"""Every block of shell runs as it stands: the README's on an empty database, all others on what that one leaves."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridmgmt.database.work import open_database
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings
from tests import servers
from tests.commands import answering
from tests.docs import recipes
from tests.docs.pages import ENGLISH, PAGES, README, ROOT, Block, blocks, script

N_NOT_RUN = 17
"""Blocks that carry a reason not to run. A new one is a promise that nobody keeps: run it instead, or count it here."""

CITY = "readme_left"


@dataclass(frozen=True)
class Reader:
    """Somebody who copies a page into a shell: in a folder, with a command."""

    folder: Path
    command: Path

    def tries(self, text: str, database: Settings) -> subprocess.CompletedProcess[str]:
        """Run a script up to the first command that ends with another status than 0."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMGMT_")}
        env |= {"GRIDMGMT_HOME": str(database.home), "GRIDMGMT_DB": database.db}
        env |= {"GRIDMGMT_FILES": str(self.folder / "kept"), "PYTHONPATH": str(ROOT)}
        env["PATH"] = f"{self.command}:{Path(sys.executable).parent}:{env['PATH']}"
        shell = ["bash", "-euxo", "pipefail", "-c", text]
        return subprocess.run(shell, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def runs(self, page: Path | str, database: Settings) -> None:
        """Run a page's commands, all of them."""
        done = self.tries(script(page), database)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@pytest.fixture(scope="module")
def after_readme(
    command: Path, databases: servers.Databases, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The city's folder and the database as the README's commands leave them."""
    reader = Reader(tmp_path_factory.mktemp("readme"), command)
    name = databases.template(CITY, lambda found: reader.runs(README, found))
    return reader.folder / "city", name


def test_the_commands_of_the_readme(after_readme: tuple[Path, str], databases: servers.Databases) -> None:
    """They leave what they promise: the map, the scorecards, and cases that are in grids and not in quarantine."""
    folder, template = after_readme
    assert (folder / "map.html").exists()
    assert (folder / "cards" / "summary.xlsx").exists()
    work = open_database(databases.copied("readme_seen", template))
    seen = reference.overview(work)
    work.close()
    assert seen["cases"]["leaf"] > 5_000
    assert seen["samples"]["leaf"] > 2_000
    assert seen["n_quarantined"] < 100


BY_DAY = ("casework",)
"""The page of commands that are typed daily; the others are followed at night, the README always."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=() if p.stem in BY_DAY else pytest.mark.night, id=p.stem) for p in PAGES if script(p)],
)
def test_the_commands_of_a_page(
    page: Path, after_readme: tuple[Path, str], command: Path, databases: servers.Databases, tmp_path: Path
) -> None:
    folder, template = after_readme
    shutil.copytree(folder, tmp_path / "city")
    Reader(tmp_path / "city", command).runs(page, databases.copied(f"page_{page.stem.replace('-', '_')}", template))


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A copy of the project in which all recipes were followed, and its command."""
    copy = recipes.project(tmp_path_factory.mktemp("project"))
    for recipe in recipes.recipes().values():
        recipes.follow(recipe, copy)
    with answering(tmp_path_factory.mktemp("f"), copy) as folder:
        yield copy, folder


@pytest.mark.night
@pytest.mark.parametrize("title", recipes.recipes())
def test_a_recipe_does_what_it_promises(
    title: str, followed: tuple[Path, Path], after_readme: tuple[Path, str], command: Path,
    databases: servers.Databases, tmp_path: Path,
) -> None:  # fmt: skip
    """Its commands run where it was followed, and fail where it was not."""
    recipe = recipes.recipes()[title]
    for name, of in (("without", command), ("with", followed[1])):
        database = databases.copied(f"{title.lower().replace(' ', '_')}_{name}", after_readme[1])
        (tmp_path / name).mkdir()
        done = Reader(tmp_path / name, of).tries(script(recipe), database)
        assert (done.returncode == 0) is (name == "with"), done.stdout[-2000:] + done.stderr[-4000:]


TOLD_AGAIN = ("tests/unit/test_docs.py", "tests/unit/test_architecture.py")


@pytest.mark.night
def test_what_the_recipes_make_is_in_order(followed: tuple[Path, Path]) -> None:
    """Lint, contracts, and the pages that repeat what code defines, of the copy with all recipes in it."""
    for words in (
        ("ruff", "check", "gridmgmt", "api", "maps"),
        ("ruff", "format", "--check", "gridmgmt"),
        ("importlinter.cli",),
        ("pytest", "-p", "no:cacheprovider", *TOLD_AGAIN, "-k", "test_docs or sources_keep"),
    ):
        env = {**os.environ, "PYTHONPATH": str(followed[0])}
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=followed[0], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout[-3000:] + done.stderr[-2000:])


def test_there_are_five_recipes() -> None:
    assert list(recipes.recipes()) == ["A new indicator", "A step", "A file format", "A kind of rule", "An export"]


def _all_blocks() -> list[tuple[str, Block]]:
    return [
        (page.name, block) for page in (README, ENGLISH, ROOT / "CONTRIBUTING.md", *PAGES) for block in blocks(page)
    ]


def test_blocks_that_are_not_run_are_counted_and_say_why() -> None:
    marked = [(name, block.reason) for name, block in _all_blocks() if block.reason is not None]
    assert len(marked) == N_NOT_RUN, marked
    assert all(len(reason or "") > 10 for _, reason in marked)


def test_no_command_hides_in_a_block_of_another_kind() -> None:
    kinds = {block.kind for _, block in _all_blocks()}
    assert kinds <= {"sh", "yaml", "text", "python", "ini", "mermaid", ""}
    hidden = [
        (name, block.text) for name, block in _all_blocks() if block.kind != "sh" and "\ngridmgmt " in f"\n{block.text}"
    ]
    assert hidden == []


def test_both_readmes_have_the_same_commands() -> None:
    def commands(page: Path) -> list[list[str]]:
        return [shlex.split(line, comments=True) for block in blocks(page) for line in block.text.splitlines()]

    assert commands(README) == commands(ENGLISH)


def test_commands_in_running_text_are_commands(command: Path) -> None:
    text = "".join(p.read_text("utf-8") for p in (README, ENGLISH, ROOT / "CONTRIBUTING.md", *PAGES))
    named = {m.split()[0] for m in re.findall(r"`gridmgmt ([a-z][^`]*)`", text)}
    assert len(named) > 15
    asked = "".join(f"gridmgmt {name} --help > /dev/null\n" for name in sorted(named))
    env = {**os.environ, "PATH": f"{command}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-eux", "-c", asked], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
