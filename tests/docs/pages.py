"""Blocks of shell in the pages, in order, with those that are marked as not run."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README, ENGLISH = ROOT / "README.md", ROOT / "README.en.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(
    r"(?:^<!-- (?:not run: (?P<reason>[^\n]+)|into: (?P<into>\S+)) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: the word behind its fence, its text; why it is not run, or what file the reader puts it into."""

    kind: str
    text: str
    reason: str | None
    into: str | None = None


def blocks(page: Path) -> list[Block]:
    """A page's fenced blocks in order."""
    return _blocks(page.read_text("utf-8"))


def _blocks(text: str) -> list[Block]:
    return [Block(m["kind"], m["text"], m["reason"], m["into"]) for m in FENCE.finditer(text)]


def script(page: Path | str) -> str:
    """All shell of a page (or a part of its text) that is run, with what the reader writes into files between."""
    found = _blocks(page) if isinstance(page, str) else blocks(page)
    parts = (_written(b) if b.into else b.text if b.kind == "sh" and b.reason is None else "" for b in found)
    return "".join(parts)


def _written(block: Block) -> str:
    """A block goes into its file: in place of the sections of the same names, or, being a list, of everything."""
    return f"{sys.executable} -m tests.docs.pages {block.into} <<'END'\n{block.text}END\n"


def write_into(path: Path, text: str) -> None:
    """What :func:`script` leaves to a process of its own."""
    old = path.read_text("utf-8")
    for key in re.findall(r"^\w+:", text, re.M):
        old = re.sub(rf"^{key}.*?(?=^\w|\Z)", "", old, flags=re.M | re.S)
    path.write_text(text if text.startswith("-") else old + text, "utf-8")


if __name__ == "__main__":
    write_into(Path(sys.argv[1]), sys.stdin.read())
