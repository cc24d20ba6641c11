"""The JSON Schema of a rulebook's file (编辑器校验): editors complete keys by it and mark slips while one writes.

It allows what :func:`gridmgmt.rulebooks.load.parse` allows: a value, or the
reading it stands for. What it cannot say (weights that sum, names that lead
somewhere, comparisons between keys) is told by ``gridmgmt rulebook check``.
"""

from collections.abc import Mapping
from typing import Any

from gridmgmt.rulebooks.kinds import RULES
from gridmgmt.rulebooks.model import Rulebook

_SHORT_FORMS = (("Rate", "numerator"), ("Rate", "denominator"))
"""Keys whose value may be the name of one input instead of a table of coefficients."""

_NEVER_BOUND = ("Reading",)
"""Parts inside which ``{reading: …}`` is no reference."""

WORDS = {
    "type": "object",
    "description": "A text in both languages.",
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
    "required": ["zh", "en"],
    "additionalProperties": False,
}

Schema = dict[str, Any]


def schema() -> Schema:
    """The JSON Schema (draft-07, which YAML editors know) of ``rulebook.yaml``."""
    plain = Rulebook.model_json_schema(by_alias=True)
    parts = plain.pop("$defs")
    for name, key in _SHORT_FORMS:
        _shorten(parts[name]["properties"], key)
    unions: Schema = {}
    defs = {name: part if name in _NEVER_BOUND else _opened(part, unions) for name, part in parts.items()}
    root = _opened(plain, unions)
    root["properties"]["readings"] = _worded(plain["properties"]["readings"])
    defs["Reading"] = _worded(defs["Reading"])
    everything = {**defs, **unions, "Words": WORDS}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gridmgmt rulebook.yaml (考核办法)",
        **{k: v for k, v in root.items() if k != "title"},
        "$defs": dict(sorted(everything.items())),
    }


def _shorten(properties: Schema, key: str) -> None:
    """The name of one input is short for ``{NAME: 1}``."""
    properties[key] = {"anyOf": [{"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}, properties[key]]}


def _is_words(part: Mapping[str, Any]) -> bool:
    return set(part.get("properties", ())) == {"zh", "en"}


def _worded(part: Any) -> Any:
    """The same with every text in both languages as such."""
    if isinstance(part, list):
        return [_worded(p) for p in part]
    if not isinstance(part, dict):
        return part
    return {"$ref": "#/$defs/Words"} if _is_words(part) else {k: _worded(v) for k, v in part.items()}


def _opened(part: Schema, unions: Schema) -> Schema:
    """A part whose values may each be bound to a reading; kinds of items and rules become a part of their own."""
    if _is_words(part):
        return {"$ref": "#/$defs/Words"}
    if "discriminator" in part:
        return _by_kind(part, unions)
    out = {k: v for k, v in part.items() if k != "default" or v is not None}
    if "properties" in part:
        out["properties"] = {k: _titled(_bindable(v, unions)) for k, v in part["properties"].items()}
    if "patternProperties" in part:
        out["patternProperties"] = {k: _bindable(v, unions) for k, v in part["patternProperties"].items()}
        out["additionalProperties"] = False
    elif isinstance(part.get("additionalProperties"), dict):
        out["additionalProperties"] = _bindable(part["additionalProperties"], unions)
    if "items" in part:
        out["items"] = _bindable(part["items"], unions, is_entry=True)
    if "prefixItems" in part:
        out["items"] = [_bindable(p, unions) for p in out.pop("prefixItems")]
    if "anyOf" in part:
        choices = [_opened(p, unions) for p in part["anyOf"]]
        out |= {"anyOf": choices}
        table = next((c for c in choices if "$ref" in c), None)
        if table is not None and {"type": "null"} in choices and len(choices) == 2:
            del out["anyOf"]  # none, or a table whose faults are then told as its own
            out |= {"type": ["object", "null"], "if": {"type": "object"}, "then": table}
    return out


def _titled(part: Schema) -> Schema:
    """Without the title that only repeats the key."""
    return {k: v for k, v in part.items() if k != "title"}


def _by_kind(part: Schema, unions: Schema) -> Schema:
    """Items or rules: the kind decides which part holds, so that a fault is told of that one alone."""
    mapping: Mapping[str, str] = part["discriminator"]["mapping"]
    name = "Rule" if RULES.keys() >= mapping.keys() else "Item"
    if name not in unions:
        unions[name] = {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": _bindable({"type": "string", "enum": sorted(mapping)}, unions)},
            "allOf": [
                {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": ref}}
                for kind, ref in sorted(mapping.items())
            ],
        }
    return {"$ref": f"#/$defs/{name}"}


def _bindable(part: Schema, unions: Schema, *, is_entry: bool = False) -> Schema:
    """The value itself, or ``{reading: NAME}``, or ``{reading: NAME, when: {OPTION: value}}``.

    ``is_entry``: an entry of a list, which an option may leave out (``null``).
    """
    value = _opened(part, unions)
    bare = {k: v for k, v in value.items() if k not in ("default", "description", "title")}
    chosen = {"anyOf": [bare, {"type": "null"}]} if is_entry else bare
    reference = {
        "type": "object",
        "properties": {
            "reading": {"type": "string", "description": "A name under readings."},
            "when": {"type": "object", "additionalProperties": chosen, "description": "Option → what it stands for."},
        },
        "required": ["reading"],
        "additionalProperties": False,
    }
    around = {k: v for k, v in value.items() if k in ("default", "description", "title")}
    if _is_scalar(bare):
        return {**around, "anyOf": [*bare.get("anyOf", [bare]), reference]}
    is_reference = {"type": "object", "required": ["reading"]}
    return {**around, "if": is_reference, "then": reference, "else": bare}


def _is_scalar(part: Schema) -> bool:
    """Whether a value is no table and no list: then editors offer it beside the reference."""
    if "anyOf" in part:
        return all(_is_scalar(p) for p in part["anyOf"])
    return part.get("type") in ("string", "number", "integer", "boolean", "null")
