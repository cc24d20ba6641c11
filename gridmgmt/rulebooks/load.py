"""Reading rulebooks (考核办法): YAML → model; an error names file, line, key and what was expected."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gridmgmt import invalid
from gridmgmt.bounds import read_text
from gridmgmt.errors import RulebookInvalid, RulebookMissing, RulebookNotInForce
from gridmgmt.rulebooks import references
from gridmgmt.rulebooks.check import faults
from gridmgmt.rulebooks.document import READINGS, Changes, Misbound, bound, change, choose, exact_yaml, offered
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class Loaded:
    """A rulebook with the text it came from; ``sha256`` names that text for good."""

    rulebook: Rulebook
    text: str
    sha256: str

    @cached_property
    def content_sha256(self) -> str:
        """Of what the rulebook says, whatever its comments and layout: two texts of it are the same rulebook."""
        said = self.rulebook.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def known() -> list[str]:
    """Ids of the rulebooks in the data folder."""
    return sorted(p.parent.name for p in data_path("rulebooks").glob("*/rulebook.yaml"))


def versions(name: str) -> list[Path]:
    """The files of a rulebook's versions in the data folder, ``rulebook.yaml`` (the newest) first."""
    if not re.fullmatch(r"\w{1,100}", name):  # no id: it may be longer than any file's name
        return []
    return _with_older(data_path("rulebooks", name) / "rulebook.yaml")


def _with_older(newest: Path) -> list[Path]:
    """A rulebook's file and, if it is a ``rulebook.yaml``, the older versions beside it; nothing if it is not there."""
    found = newest.parent.glob("rulebook.v*.yaml") if newest.name == "rulebook.yaml" else ()
    older = sorted(found, key=lambda p: int(p.stem.rpartition("v")[2]), reverse=True)
    return [newest, *older] if newest.is_file() else []


def load(name: str, day: dt.date | None = None, changes: Changes = ()) -> Loaded:
    """A rulebook by id, or by the path of a YAML file; the older versions beside it are looked at as well.

    Parameters
    ----------
    day
        The version in force on that day (有效期); None: the newest.

    Raises
    ------
    RulebookMissing
        Neither exists; lists the known ids.
    RulebookInvalid
        It breaks its own rules.
    RulebookNotInForce
        No version holds on the day.
    """
    is_path = name.endswith((".yaml", ".yml"))
    paths = _with_older(Path(name)) if is_path else versions(name)
    if not paths:
        raise RulebookMissing(name=name, known=known())
    found = [read_file(p, p.name if is_path else f"{name}/{p.name}", changes) for p in (paths if day else paths[:1])]
    if day is None:
        return found[0]
    in_force = next((x for x in found if x.rulebook.valid.covers(day)), None)
    if in_force is None:
        spans = [f"v{x.rulebook.version} {x.rulebook.valid.first}..{x.rulebook.valid.last or ''}" for x in found]
        raise RulebookNotInForce(name=name, day=day.isoformat(), known=spans)
    return in_force


def named(name: str, changes: Changes = ()) -> Loaded:
    """A rulebook by id, by file, or by id and version as ``grid_baseline@1``.

    Raises
    ------
    RulebookMissing, RulebookInvalid
    """
    book, _, version = name.rpartition("@")
    if not book or not re.fullmatch("[0-9]{1,9}", version):
        return load(name, changes=changes)
    found = {read_file(p, f"{book}/{p.name}").rulebook.version: p for p in versions(book)}
    if int(version) not in found:
        raise RulebookMissing(name=name, known=[f"{book}@{v}" for v in found] or known())
    path = found[int(version)]
    return read_file(path, f"{book}/{path.name}", changes)


def of_installation(name: str, changes: Changes = ()) -> Loaded:
    """A rulebook by id, or by id and version, and never by a file: for whoever asks from elsewhere.

    Raises
    ------
    RulebookMissing, RulebookInvalid
    """
    if not re.fullmatch(r"\w{1,100}(@[0-9]{1,9})?", name):
        raise RulebookMissing(name=name, known=known())
    return named(name, changes)


def read_file(path: Path, file: str, changes: Changes = (), *, is_foreign: bool = False) -> Loaded:
    """Read a rulebook from a file; what a foreign one refers to is looked for in the data folder alone.

    Raises
    ------
    RulebookInvalid
    """
    try:
        loaded = parse(read_text(path), file, changes)
    except UnicodeDecodeError as e:
        raise RulebookInvalid(file=file, line=1, key="YAML", reason=invalid.NOT_UTF8) from e
    if any(spec.result is not None for spec in loaded.rulebook.inputs.values()):
        _, root = _read(loaded.text)
        for where, reason in references.faults(loaded.rulebook, partial(_at_hand, None if is_foreign else path)):
            key, line = locate(root, where)
            raise RulebookInvalid(file=file, line=line, key=key or "rulebook", reason=reason)
    return loaded


def _at_hand(path: Path | None, name: str) -> Rulebook | None:
    """Another rulebook that one takes results from: of the data folder, or one that lies beside its own folder."""
    beside = () if path is None else (path.resolve().parent.parent / name / "rulebook.yaml",)
    found = next((p for p in (*versions(name)[:1], *beside) if p.is_file()), None)
    return parse(read_text(found), f"{name}/{found.name}").rulebook if found is not None else None


def parse(text: str, file: str, changes: Changes = ()) -> Loaded:
    """Read a rulebook from YAML text, with changes applied for a what-if.

    Raises
    ------
    RulebookInvalid
        Names file, line, key and what was expected.
    """
    return _parsed(text, file, tuple(changes))


@lru_cache(maxsize=64)
def _parsed(text: str, file: str, changes: tuple[tuple[str, str], ...]) -> Loaded:
    try:
        plain, root = _read(text)
    except YAMLError as e:
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line, reason = (mark.line + 1 if mark else 1), invalid.no_yaml(e, with_line=False)
        raise RulebookInvalid(file=file, line=line, key="YAML", reason=reason) from e
    data = deepcopy(plain)
    try:
        for path, value in changes:
            if path.startswith(READINGS):
                choose(data, path, value)
        named = offered(data)
        if changes and isinstance(data, dict):  # what a change leaves unused is no fault of the rulebook
            named |= {name for key in ("inputs", "rates") for name in data.get(key) or ()}
        data = bound(data)
        for path, value in changes:
            if not path.startswith(READINGS):
                change(data, path, value)
        book = Rulebook.model_validate(data)
    except Misbound as e:
        key, line = locate(root, e.path)
        raise RulebookInvalid(file=file, line=line, key=key or "rulebook", reason=e.reason) from e
    except ValidationError as e:
        fault = first_fault(e.errors())
        key, line = locate(root, fault["loc"], missing=fault["type"] == "missing")
        raise RulebookInvalid(
            file=file, line=line, key=key or "rulebook", reason=invalid.reason(fault, Rulebook)
        ) from e
    for where, broken in faults(book, named):
        key, line = locate(root, where)
        raise RulebookInvalid(file=file, line=line, key=key or "rulebook", reason=broken)
    return Loaded(book, text, hashlib.sha256(text.encode()).hexdigest())


@lru_cache(maxsize=128)
def _read(text: str) -> tuple[Any, Node | None]:
    """A YAML text as data and as nodes with their lines; kept, for one text is tried under many readings."""
    yaml = exact_yaml()
    root = yaml.compose(text)
    return (None if root is None else yaml.constructor.construct_document(root)), root


def first_fault(faults: list[ErrorDetails]) -> ErrorDetails:
    """The fault to tell: a key nobody knows before one that is missing, since it is most likely its misspelling."""
    return next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])


def locate(root: Node | None, path: Sequence[int | str], *, missing: bool = False) -> tuple[str, int]:
    """Key (``items.2.step``) and line, from 1, of the deepest part of a fault's path that the file has.

    What the path holds beside keys of the file (the kind of an item, the
    branch of a choice) is passed over; a missing key is named and stands on its parent's line.
    """
    keys: list[str] = []
    line, node = 1, root
    for part in path:
        found = _child(node, part)
        if found is not None:
            line, node = found
            keys.append(str(part))
    if missing:
        keys.append(str(path[-1]))
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
