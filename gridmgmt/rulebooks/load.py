"""Reading rulebooks: YAML → model; an error names file, line, key and what was expected."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

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
    is_path = name.endswith((".yaml", ".yml"))
    path = Path(name) if is_path else data_path("rulebooks", name, "rulebook.yaml")
    if not path.is_file():
        raise RulebookMissing(name=name, known=known())
    file = path.name if is_path else f"{name}/rulebook.yaml"
    try:
        return parse(path.read_text("utf-8"), file)
    except UnicodeDecodeError as e:
        raise RulebookInvalid(file=file, line=1, key="YAML", reason="the file is not UTF-8") from e


def parse(text: str, file: str) -> Loaded:
    """Read a rulebook from YAML text.

    Raises
    ------
    RulebookInvalid
        Names file, line, key and what was expected.
    """
    try:
        data = exact_yaml().load(text)
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as e:
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line, reason = (mark.line + 1 if mark else 1), str(getattr(e, "problem", None) or e)
        raise RulebookInvalid(file=file, line=line, key="YAML", reason=reason) from e
    try:
        book = Rulebook.model_validate(data)
    except ValidationError as e:
        fault = first_fault(e.errors())
        key, line = locate(root, fault)
        raise RulebookInvalid(file=file, line=line, key=key or "rulebook", reason=explain(fault)) from e
    return Loaded(book, text, hashlib.sha256(text.encode()).hexdigest())


class _ExactConstructor(SafeConstructor):
    """Numbers with a point stay text, so that 0.1 is never a binary float. Of its own: the base is shared."""


_ExactConstructor.add_constructor("tag:yaml.org,2002:float", lambda self, node: self.construct_scalar(node))


def exact_yaml() -> YAML:
    """A YAML reader that leaves numbers with a point as they are written."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _ExactConstructor
    return yaml


def first_fault(faults: list[ErrorDetails]) -> ErrorDetails:
    """The fault to tell: a key nobody knows before one that is missing, since it is most likely its misspelling."""
    return next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])


def explain(error: ErrorDetails) -> str:
    """A fault in plain words."""
    plain = {"extra_forbidden": "unknown key", "missing": "the key is missing"}
    return plain.get(error["type"], error["msg"].removeprefix("Value error, "))


def locate(root: Node | None, error: ErrorDetails) -> tuple[str, int]:
    """Key (``items.2.step``) and line, from 1, of the deepest part of a fault's path that the file has.

    What the path holds beside keys of the file (the kind of an item, the
    branch of a choice) is passed over; a missing key is named and stands on its parent's line.
    """
    keys: list[str] = []
    line, node = 1, root
    for part in error["loc"]:
        found = _child(node, part)
        if found is not None:
            line, node = found
            keys.append(str(part))
    if error["type"] == "missing":
        keys.append(str(error["loc"][-1]))
    return ".".join(keys), line


def _child(node: Node | None, key: int | str) -> tuple[int, Node] | None:
    """Line and value of a mapping's key or a sequence's place."""
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == str(key):
                return name.start_mark.line + 1, value
    return None
