"""Small files of the data folder (规则数据文件): YAML → model; an error names file, key, value and what is wrong."""

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gridmgmt import invalid
from gridmgmt.bounds import read_text
from gridmgmt.errors import DataFileInvalid
from gridmgmt.yamls import safe_yaml

_Model = TypeVar("_Model", bound=BaseModel)

_FAULTS = {"extra_forbidden": "unknown_key", "missing": "missing_key", "id_twice": "id_twice"}
"""What pydantic or a model calls it → our word, in the order of telling; the rest are values that cannot be used."""


def read(path: Path, model: type[_Model]) -> _Model:
    """Read a data file; unknown and duplicate keys are errors.

    Raises
    ------
    DataFileInvalid
        ``fault`` is ``not_there``, ``not_yaml``, ``key_twice``, ``unknown_key``, ``missing_key``, ``id_twice`` or
        ``wrong_value``.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        data = _plain(read_text(path))
    except FileNotFoundError as e:
        raise DataFileInvalid(file=str(path), fault="not_there", key="", value="") from e
    except (UnicodeDecodeError, YAMLError) as e:
        fault = "key_twice" if isinstance(e, DuplicateKeyError) else "not_yaml"
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line = mark.line + 1 if mark else None
        raise DataFileInvalid(file=name, fault=fault, key="YAML", value="", line=line) from e
    try:
        return model.model_validate(data)
    except ValidationError as e:
        order = [*_FAULTS]
        faults = sorted(e.errors(), key=lambda f: order.index(f["type"]) if f["type"] in order else len(order))
        raise _invalid(name, faults[0], model) from e


@lru_cache(maxsize=64)
def _plain(text: str) -> Any:
    """A YAML text as plain values; kept, for each step of a case asks for the same files; a new text is read anew."""
    return safe_yaml().load(text)


def _invalid(name: str, fault: ErrorDetails, model: type[BaseModel]) -> DataFileInvalid:
    key = ".".join(str(part) for part in fault["loc"]) or "YAML"
    kind = _FAULTS.get(fault["type"], "wrong_value")
    value = fault["ctx"]["id"] if kind == "id_twice" else _shown(fault["input"])
    return DataFileInvalid(file=name, fault=kind, key=key, value=value, expected=invalid.reason(fault, model))


def _shown(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return None
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
