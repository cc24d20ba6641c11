"""Why a YAML file of settings breaks its model (配置有误), a reason of the catalogue."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gridmgmt.accepted import closest
from gridmgmt.texts import Unfit, both, expected

NOT_UTF8: Mapping[str, Any] = {"code": "invalid_utf8"}

_PLAIN = {
    "missing": "missing", "string_type": "text", "list_type": "list", "tuple_type": "list", "dict_type": "table",
    "model_type": "table", "model_attributes_type": "table", "bool_type": "flag", "bool_parsing": "flag",
    "int_type": "whole", "int_parsing": "whole", "int_from_float": "whole", "date_type": "day", "date_parsing": "day",
    "date_from_datetime_parsing": "day", "date_from_datetime_inexact": "day", "time_type": "time",
    "time_parsing": "time", "float_type": "number", "float_parsing": "number", "union_tag_not_found": "no_kind",
}  # fmt: skip
_LIMITS = {
    "greater_than": ("above", "gt"), "greater_than_equal": ("from", "ge"), "less_than": ("below", "lt"),
    "less_than_equal": ("up_to", "le"), "string_pattern_mismatch": ("pattern", "pattern"),
    "too_short": ("too_few", "min_length"), "too_long": ("too_many", "max_length"),
    "string_too_short": ("too_short", "min_length"), "string_too_long": ("too_long", "max_length"),
}  # fmt: skip
"""What pydantic calls a limit that was not kept → our word, and where pydantic tells the limit."""
_MOST_QUOTED = 200


Why = Mapping[str, Any]
"""What is wrong (错误原因): a code of the catalogue with its facts."""


def why(code: str, /, **facts: Any) -> Why:
    """A reason, worded as ``invalid_…``; its facts are JSON-ready."""
    return {"code": f"invalid_{code}", **facts}


class Invalid(ValueError):
    """A value breaks a rule of its model; ``reason`` says which."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code, facts)
        self.reason = why(code, **facts)

    def __str__(self) -> str:
        return both(self.reason["code"], self.reason)


def no_yaml(e: YAMLError, *, with_line: bool) -> Why:
    """What is wrong with a text that is no YAML: where, and the parser's own words, which are English."""
    mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
    problem = getattr(e, "problem", None) or " ".join(str(e).split())[:_MOST_QUOTED]
    twice = re.match('found duplicate key "(.*?)"', problem) if isinstance(problem, str) else None
    if twice is not None:
        told = why("key_twice", name=twice[1])
    else:
        told = why("yaml", problem=problem) if isinstance(problem, str) else problem
    if mark is None:
        return told
    if not with_line:
        return why("yaml_column", column=mark.column + 1, told=told)
    return why("yaml_at", line=mark.line + 1, column=mark.column + 1, told=told)


def reason(error: ErrorDetails, model: type[BaseModel]) -> Mapping[str, Any]:
    """A fault that pydantic found in a model's data."""
    kind, place = error["type"], error["loc"]
    if place[-1:] == ("[key]",):
        return {"code": "invalid_quotes"}
    if kind == "extra_forbidden":
        known = closest(str(place[-1]), sorted(_keys(model, place[:-1])))
        return {"code": "invalid_unknown_key", "known": known} if known else {"code": "invalid_unknown"}
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in error["ctx"]["expected_tags"].split(",")]
        return {"code": "invalid_kind", "tag": error["ctx"]["tag"], "known": closest(error["ctx"]["tag"], known)}
    if kind == "literal_error":
        return {"code": "invalid_word", "known": error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")}
    own = error.get("ctx", {}).get("error")
    if isinstance(own, Invalid):
        return own.reason
    if isinstance(own, Unfit):
        return own.expected
    if isinstance(own, ValueError):  # a form, the same in every language
        return expected("form", form=str(own))
    if kind in _PLAIN:
        return why(_PLAIN[kind])
    if kind in _LIMITS:
        code, limit = _LIMITS[kind]
        return why(code, limit=str(error["ctx"][limit]))
    return why("detail", detail=error["msg"].removeprefix("Value error, "))


def _keys(model: Any, place: Sequence[int | str]) -> set[str]:
    """The keys that the model at a place of the data may have."""
    found = [*_arms(model)]
    for part in place:
        found = [arm for one in found for inner in _inside(one, part) for arm in _arms(inner)]
    models = [x for x in found if isinstance(x, type) and issubclass(x, BaseModel)]
    return {field.alias or name for one in models for name, field in one.model_fields.items()}


def _arms(kind: Any) -> Iterator[Any]:
    """A type without its annotations, or each branch of a choice."""
    if get_origin(kind) is Annotated:
        yield from _arms(get_args(kind)[0])
    elif get_args(kind) and get_origin(kind) not in (dict, list, tuple, Literal, Mapping):
        for arm in get_args(kind):
            yield from _arms(arm)
    else:
        yield kind


def _inside(kind: Any, part: int | str) -> Iterator[Any]:
    """What stands under a key or place; a part that names a branch of a choice stays where it is."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {f.alias or name: f for name, f in kind.model_fields.items()}
        if part in fields:
            yield fields[str(part)].annotation
        else:
            yield from (one for one in _family(kind) if part == one.__name__ or _tagged(one, part))
    elif get_args(kind) and get_origin(kind) is not Literal:
        yield get_args(kind)[-1 if isinstance(part, str) else 0]


def _family(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and those made from it: any of them may stand in its place."""
    yield kind
    for below in kind.__subclasses__():
        yield from _family(below)


def _tagged(kind: type[BaseModel], part: int | str) -> bool:
    return any(part in get_args(f.annotation) for name, f in kind.model_fields.items() if name == "kind")
