"""A rulebook as a plain document (规则文件): YAML with exact numbers, readings bound, changes of a what-if applied."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from gridmgmt.errors import OptionInvalid
from gridmgmt.invalid import why
from gridmgmt.rulebooks.inputs import Rate
from gridmgmt.rulebooks.kinds import KINDS
from gridmgmt.rulebooks.model import Consequence, When, Window
from gridmgmt.yamls import SafeValues, safe_yaml

Changes = Sequence[tuple[str, str]]
"""What a what-if changes before a rulebook is read: (path, value)."""


READINGS = "readings."
"""Begins the path of a change that chooses another option of a reading."""


PARTS = ("stages", "quotas", "consequences")
"""Keys below which a change finds its part by id."""


_BY_KEY = ("rates", "inputs", "empty", *PARTS)
"""Keys with which a change's path may begin instead of an id."""


_NEVER_SET = ("id", "title", "source", "note", "code", "text", "version", "only")
"""Keys that name or describe a part: they are no value that a what-if changes."""


def change_of(text: str) -> tuple[str, str]:
    """A change of a rulebook as it is written, ``PATH=VALUE``.

    Raises
    ------
    OptionInvalid
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise OptionInvalid(name="--set", value=text, expected="PATH=VALUE")
    return path.strip(), value.strip()


class Misbound(Exception):
    """A reading that leads nowhere, or a change of a what-if that finds nothing."""

    def __init__(self, path: tuple[Any, ...], code: str, /, **facts: Any) -> None:
        super().__init__(path, code, facts)
        self.path, self.reason = path, why(code, **facts)


def bound(data: Any) -> Any:
    """The document with every ``{reading: NAME}`` replaced by what the reading's value stands for.

    An entry of a list that stands for nothing (null) is left out of it.

    Raises
    ------
    Misbound
        An unknown reading, a ``when`` that has not exactly its options, or a
        reading with a choice that nothing in the file is bound to.
    """
    if not isinstance(data, dict):
        return data
    readings = data.get("readings") if isinstance(data.get("readings"), dict) else {}
    used: set[str] = set()
    out = {k: v if k == "readings" else _bound(v, (k,), readings or {}, used) for k, v in data.items()}
    for name, reading in (readings or {}).items():
        options = reading.get("options") if isinstance(reading, dict) else None
        if name not in used and isinstance(options, list) and len(options) > 1:
            raise Misbound(("readings", name), "reading_unbound")
    return out


def offered(value: Any, inside: bool = False) -> set[str]:
    """Every name that stands in an option or a case of a reading, whichever is chosen."""
    if isinstance(value, dict):
        below = [offered(v, inside or k == "options" or (k == "when" and "reading" in value)) for k, v in value.items()]
        return set().union(*below, filter(lambda k: isinstance(k, str), value) if inside else ())
    if isinstance(value, list):
        return set().union(*(offered(v, inside) for v in value))
    return {value} if inside and isinstance(value, str) else set()


def _bound(value: Any, path: tuple[Any, ...], readings: Mapping[str, Any], used: set[str]) -> Any:
    if isinstance(value, list):
        entries = [(v, _bound(v, (*path, i), readings, used)) for i, v in enumerate(value)]
        return [stands for written, stands in entries if stands is not None or written is None]
    if not isinstance(value, dict):
        return value
    if "reading" in value and set(value) <= {"reading", "when"}:
        return _bound(_stands_for(value, path, readings, used), path, readings, used)
    return {k: _bound(v, (*path, k), readings, used) for k, v in value.items()}


def _stands_for(value: Mapping[str, Any], path: tuple[Any, ...], readings: Mapping[str, Any], used: set[str]) -> Any:
    name = value["reading"]
    reading = readings.get(name)
    if not isinstance(reading, dict):
        raise Misbound(path, "no_reading", name=str(name), known=[*readings])
    used.add(name)
    chosen = reading.get("value")
    if "when" not in value:
        return chosen
    cases, options = value["when"], reading.get("options") or []
    if not isinstance(cases, dict) or set(cases) != set(options):
        raise Misbound((*path, "when"), "when_options", name=str(name), known=[*map(str, options)])
    return cases.get(chosen)


def choose(data: Any, path: str, value: str) -> None:
    """Choose another option of a reading (换一种理解): ``readings.NAME``.

    Raises
    ------
    Misbound
        There is no such reading; says which there are.
    """
    readings = data.get("readings") if isinstance(data, dict) else None
    readings = readings if isinstance(readings, dict) else {}
    reading = readings.get(path.removeprefix(READINGS))
    if not isinstance(reading, dict):
        raise Misbound((), "set_reading", path=path, known=[*readings])
    reading["value"] = _written(path, value)


def change(data: Any, path: str, value: str) -> None:
    """Set one value of a document whose readings are bound (假设改动).

    ``ITEM.key`` by the id of an item, rule, grade, stage, quota or
    consequence; ``rates.NAME.key``; ``scale``. Members of lists go by their
    id or code, or by their place from 0: ``month.grades.A.at_least``.

    Raises
    ------
    Misbound
        Nothing can be set there; says what can.
    """
    *way, key = path.removeprefix("items.").split(".")
    if not way and key not in _single_keys(data):
        way, key = [key], "…"
    holder = _follow(data, path, way)
    settable = _single_keys(holder) + _unwritten(way, holder)
    if key not in settable:
        where = ".".join(way)
        raise Misbound((), "set_key", path=path, where=where, known=settable)
    holder[key] = _written(path, value)


def _written(path: str, value: str) -> Any:
    try:
        return exact_yaml().load(value)
    except YAMLError as e:
        raise Misbound((), "set_value", path=path, value=value) from e


def _follow(data: Any, path: str, way: Sequence[str]) -> Any:
    """What stands at the end of a way of keys and ids."""
    holder = data
    for n, step in enumerate(way):
        is_part = n == 0 and step not in _BY_KEY
        below = _by_id(data, path, step) if is_part else _members(holder).get(step)
        if not isinstance(below, dict | list):
            where = ".".join(way[:n])
            if step in _single_keys(holder):
                raise Misbound((), "set_single", path=path, where=f"{where}.{step}")
            known = [k for k, v in _members(holder).items() if k not in _NEVER_SET and isinstance(v, dict | list)]
            raise Misbound((), "set_part", path=path, where=where, name=step, known=known)
        holder = below
    return holder


def _members(holder: Any) -> dict[str, Any]:
    """Parts of a mapping by key; of a list by id, code and place."""
    if isinstance(holder, dict):
        return {str(k): v for k, v in holder.items()}
    if not isinstance(holder, list):
        return {}
    named = {str(v.get("id") or v.get("code")): v for v in holder if isinstance(v, dict)}
    return {str(n): v for n, v in enumerate(holder)} | named


def _by_id(data: Any, path: str, name: str) -> dict[str, Any]:
    """The one part of stages, quotas and consequences that has an id."""
    parts = [part for key in PARTS for part in _with_id(data.get(key) if isinstance(data, dict) else None)]
    found = [part for part in parts if part["id"] == name]
    if not found:
        named = {key: [*(data.get(key) or ())] for key in ("rates", "inputs", "readings")}
        raise Misbound((), "set_id", path=path, name=name, ids=[*dict.fromkeys(str(p["id"]) for p in parts)], **named)
    scoring = [part for part in found if "kind" in part]  # an item's or rule's id stands once
    if len(found) > 1 and len(scoring) != 1:
        raise Misbound((), "set_several", path=path, name=name, n=len(found))
    return (scoring or found)[0]


def _single_keys(holder: Any) -> list[str]:
    """The keys of a mapping that hold a value: one, a list of such, or a choice that is still bound."""
    found = holder.items() if isinstance(holder, dict) else ()
    return [str(k) for k, v in found if k not in _NEVER_SET and not isinstance(v, dict) and not _holds_parts(v)]


def _holds_parts(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(v, dict | list) for v in value)


def _unwritten(way: Sequence[str], holder: Any) -> list[str]:
    """Keys of an item, rule, rate or consequence that it may have and that the file leaves out."""
    if not isinstance(holder, dict) or not way:
        return []
    model: Any = Rate if way[0] == "rates" and len(way) == 2 else KINDS.get(str(holder.get("kind")))
    if {"tone", "when"} <= set(holder):
        model = Consequence
    elif way[-1] in ("when", "window"):
        model = When if way[-1] == "when" else Window
    known = model.model_fields if model is not None else ()
    return [k for k in known if k not in holder and k not in _NEVER_SET]


def _with_id(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping below that has an id."""
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(below, dict) and "id" in below:
            yield below
        yield from _with_id(below)


class _ExactConstructor(SafeValues):
    """Numbers with a point stay text, so that 0.1 is never a binary float. Of its own: the base is shared."""


_ExactConstructor.add_constructor("tag:yaml.org,2002:float", lambda self, node: self.construct_scalar(node))


class _TextKeys(_ExactConstructor):
    """Keys stay as they are written: ``2025:``, ``320506001:`` and ``0012:`` are periods and codes, not numbers."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> Any:
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            if isinstance(key, ScalarNode) and not str(key.tag).endswith(":merge"):
                key.tag = _TEXT
        return super().construct_mapping(node, deep=deep)


_TEXT = "tag:yaml.org,2002:str"


def input_yaml() -> YAML:
    """A YAML reader for files of inputs: numbers and keys are left as they are written."""
    yaml = safe_yaml()
    yaml.Constructor = _TextKeys
    return yaml


def exact_yaml() -> YAML:
    """A YAML reader that leaves numbers with a point as they are written."""
    yaml = safe_yaml()
    yaml.Constructor = _ExactConstructor
    return yaml
