"""The picture of the rooms and the table of what each is for, made from the import contracts and the rooms' own words.

``python -m tests.docs.rooms`` writes both; a test keeps them as it would write them.
"""

import ast
import re
import tomllib
from html import escape
from typing import Any

from tests.docs.pages import ROOT

PICTURE = ROOT / "docs" / "pictures" / "rooms.svg"
PAGE = ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- end of rooms -->)", re.S)
WIDTH, ROW, GAP, LEFT = 780, 42, 14, 20


def contracts() -> list[dict[str, Any]]:
    """The import contracts as `make lint` checks them."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return list(found["tool"]["importlinter"]["contracts"])


def floors() -> list[list[str]]:
    """From the doors down to the ground: what stands side by side, as dotted names."""
    whole, core = (c["layers"] for c in contracts() if c["type"] == "layers" and len(c.get("containers", [""])) == 1)
    inside = [[f"gridmgmt.{name.strip()}" for name in layer.split("|")] for layer in core]
    return [[name] for name in whole if name != "gridmgmt"] + inside


def layers() -> list[list[str]]:
    """The floors inside a room, below its domain."""
    found = next(c["layers"] for c in contracts() if len(c.get("containers", ())) > 1)
    return [re.findall(r"\w+", layer) for layer in found]


def said(name: str) -> str:
    """The first line that a room or module says of itself."""
    path = ROOT / name.replace(".", "/")
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0].replace("``", "`")


def table() -> str:
    """A row for each room, from the doors down."""
    rows = [f"| `{name.removeprefix('gridmgmt.')}` | {said(name)} |\n" for floor in floors() for name in floor]
    return "| room | what it is for |\n|---|---|\n" + "".join(rows)


def _box(x: float, y: float, width: float, name: str, term: str, colour: str) -> str:
    shown = escape(f"{name} {term}".strip())
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{ROW - GAP}" rx="4" fill="{colour}" stroke="#5b6b7b"/>'
        f'<text x="{x + width / 2:g}" y="{y + 19:g}" text-anchor="middle">{shown}</text>\n'
    )


def _stack(rows: list[list[tuple[str, str]]], left: float, top: float, width: float, colour: str) -> str:
    out = ""
    for n, row in enumerate(rows):
        y, each = top + n * ROW, (width - GAP * (len(row) - 1)) / len(row)
        out += "".join(_box(left + i * (each + GAP), y, each, *cell, colour) for i, cell in enumerate(row))
        if n:
            x = left + width / 2
            out += f'<path d="M{x:g} {y - GAP:g} v{GAP - 4}" stroke="#5b6b7b" marker-end="url(#down)"/>\n'
    return out


def picture() -> str:
    """An SVG: the rooms by floor on the left, the floors inside a room on the right; arrows run where imports may."""
    rows = [
        [(n.split(".")[-1], (re.findall(r"\(([^()a-z]+)\)", said(n)) or [""])[0]) for n in floor] for floor in floors()
    ]
    inner = [[("domain", "")], *([(name, "") for name in layer] for layer in reversed(layers()))]
    height = len(rows) * ROW + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">\n'
        '<marker id="down" markerWidth="8" markerHeight="8" refX="4" refY="4" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5b6b7b"/></marker>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + _stack(rows, LEFT, 20, 470, "#e8f0f8")
        + f'<text x="640" y="{height / 2 - 80:g}" text-anchor="middle">inside a room</text>\n'
        + _stack(inner[::-1], 520, height / 2 - 66, 240, "#f6efe0")
        + "</svg>\n"
    )


def main() -> None:
    """Write the picture, and the table into its page."""
    PICTURE.write_text(picture(), "utf-8")
    page = PAGE.read_text("utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), page), "utf-8")


if __name__ == "__main__":
    main()
