"""Reading rulebooks: YAML → model; an error names file, line, key and what was expected."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gridmgmt.errors import RulebookInvalid, RulebookMissing
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class Loaded:
    """A rulebook with the text it came from; ``sha256`` names that text for good."""

    rulebook: Rulebook
    text: str
    sha256: str


def known() -> list[str]:
    """Ids of the rulebooks in the data folder."""
    return sorted(p.parent.name for p in data_path("rulebooks").glob("*/rulebook.yaml"))


def load(name: str) -> Loaded:
    """A rulebook by id, or by the path of a YAML file.

    Raises
    ------
    RulebookMissing
        Neither exists; lists the known ids.
    RulebookInvalid
        It breaks its own rules.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else data_path("rulebooks", name, "rulebook.yaml")
    if not path.is_file():
        raise RulebookMissing(name=name, known=known())
    return parse(path.read_text("utf-8"), str(path.name if path.name != "rulebook.yaml" else f"{name}/rulebook.yaml"))


def parse(text: str, file: str) -> Loaded:
    """Read a rulebook from YAML text.

    Raises
    ------
    RulebookInvalid
        Names file, line, key and what was expected.
    """
    try:
        marked = YAML(typ="rt").load(text)
        plain = YAML(typ="safe", pure=True)
        plain.constructor.add_constructor("tag:yaml.org,2002:float", lambda c, n: c.construct_scalar(n))
        data = plain.load(text)
    except YAMLError as e:
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line = mark.line + 1 if mark else 1
        raise RulebookInvalid(file=file, line=line, key="YAML", reason=str(getattr(e, "problem", e))) from e
    try:
        book = Rulebook.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        where = [x for x in first["loc"] if x not in ("proportional", "steps")]
        raise RulebookInvalid(
            file=file, line=_line(marked, where), key=".".join(map(str, where)) or "rulebook", reason=first["msg"]
        ) from e
    return Loaded(book, text, hashlib.sha256(text.encode()).hexdigest())


def _line(node: Any, where: list[Any]) -> int:
    """The line of the deepest part of a path that the file has, from 1."""
    line = 1
    for key in where:
        try:
            line = (node.lc.key(key) if isinstance(node, dict) else node.lc.item(key))[0] + 1
            node = node[key]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    return line
