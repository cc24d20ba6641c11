"""What differs between two rulebooks (办法比对): by the ids of items, rules, rates, inputs, readings; never by line."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gridmgmt.rulebooks.kinds import RULES
from gridmgmt.rulebooks.model import Rulebook

_BY_NAME = {"inputs": "input", "rates": "rate", "readings": "reading"}
_BY_ID = {"consequences": "consequence", "quotas": "quota", "samples": "sample"}


@dataclass(frozen=True)
class Difference:
    """One difference.

    Attributes
    ----------
    what
        ``rulebook``, ``stage``, ``item``, ``rule``, ``rate``, ``input``,
        ``reading``, ``consequence``, ``quota``, ``sample``, ``stated``, ``note``.
    title
        What the part is called, in both languages.
    key
        Within it, ``table.circular.points``; None: the whole of it was added or removed.
    change
        ``changed``, ``added``, ``removed``.
    """

    what: str
    id: str
    title: Mapping[str, str]
    key: str | None
    change: str
    old: Any = None
    new: Any = None

    @property
    def plain(self) -> Mapping[str, Any]:
        """As JSON."""
        return asdict(self)


Part = tuple[str, str]
"""What it is, and its id."""


def diff(old: Rulebook, new: Rulebook) -> list[Difference]:
    """All differences, in the order of the new rulebook, with what was removed at the end."""
    before, after = _parts(old), _parts(new)
    out: list[Difference] = []
    for part, values in after.items():
        if part in before:
            out += _changed(part, before[part], values)
        else:
            out.append(Difference(*part, _title(part, values), None, "added"))
    removed = [p for p in before if p not in after]
    return out + [Difference(*p, _title(p, before[p]), None, "removed") for p in removed]


def _title(part: Part, values: Mapping[str, Any]) -> Mapping[str, str]:
    """Its title; of a reading its question, of a note its text, of what people decide the trigger."""
    for key in ("title.", "text.", "trigger.", ""):
        if f"{key}zh" in values:
            return {"zh": str(values[f"{key}zh"]), "en": str(values[f"{key}en"])}
    return {"zh": part[1], "en": part[1]}


def _changed(part: Part, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in dict.fromkeys([*new, *old]):
        if old.get(key) != new.get(key):
            change = "added" if old.get(key) is None else "removed" if new.get(key) is None else "changed"
            yield Difference(*part, _title(part, new), key, change, old.get(key), new.get(key))


def _parts(book: Rulebook) -> dict[Part, dict[str, Any]]:
    """Everything that has an id, with its own single values by key."""
    plain = book.model_dump(mode="json", by_alias=True)
    out: dict[Part, dict[str, Any]] = {}
    sections = {*_BY_NAME, *_BY_ID, "stages", "stated", "notes"}
    out["rulebook", "rulebook"] = _single({k: v for k, v in plain.items() if k not in sections})
    for key, what in _BY_NAME.items():
        out |= {(what, name): _single(value) for name, value in plain[key].items()}
    for stage in plain["stages"]:
        out["stage", stage["id"]] = _single({k: v for k, v in stage.items() if k not in ("score", "shown")})
        for part in _parts_in([stage["score"], *stage["shown"]]):
            out |= _tree(part, stage["id"])
    for key, what in _BY_ID.items():
        out |= {(what, value["id"]): _single(value) for value in plain[key]}
    for key, what in (("stated", "stated"), ("notes", "note")):
        out |= {(what, str(n)): _single(value) for n, value in enumerate(plain[key], 1)}
    return out


def _tree(part: Mapping[str, Any], above: str) -> dict[Part, dict[str, Any]]:
    """An item or rule and all below it, each compared by its own id; ``below`` names what it stands under."""
    own = {k: v for k, v in part.items() if not _parts_in(v)}
    out = {("rule" if part["kind"] in RULES else "item", part["id"]): _single({"below": above, **own})}
    for value in part.values():
        for child in _parts_in(value):
            out |= _tree(child, part["id"])
    return out


def _parts_in(value: Any) -> list[Mapping[str, Any]]:
    """The items and rules that stand under a key."""
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, dict) and "kind" in v]


def _single(value: Any, path: str = "") -> dict[str, Any]:
    """Single values by their path; members of lists go by their ``id`` or ``code``, else by their place."""
    if isinstance(value, dict):
        below: Iterator[tuple[str, Any]] = iter((str(k), v) for k, v in value.items() if not (path and k == "id"))
    elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
        below = ((str(v.get("id") or v.get("code") or n), v) for n, v in enumerate(value, 1))
    else:
        return {path: ", ".join(map(str, value)) or None if isinstance(value, list) else value}
    return {k: v for name, member in below for k, v in _single(member, f"{path}.{name}" if path else name).items()}
