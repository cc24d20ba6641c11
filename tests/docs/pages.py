"""Blocks of shell in the pages, in order, with those that are marked as not run."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README, ENGLISH = ROOT / "README.md", ROOT / "README.en.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: the word behind its fence, its text, and why it is not run."""

    kind: str
    text: str
    reason: str | None


def blocks(page: Path) -> list[Block]:
    """A page's fenced blocks in order."""
    return [Block(m["kind"], m["text"], m["reason"]) for m in FENCE.finditer(page.read_text("utf-8"))]


def script(page: Path) -> str:
    """All shell of a page that is run, as one script."""
    return "".join(b.text for b in blocks(page) if b.kind == "sh" and b.reason is None)
