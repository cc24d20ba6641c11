"""Trying out a rulebook (试算): its worked examples come out, and it reads under every option of every reading."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gridmgmt import invalid, texts
from gridmgmt.bounds import read_text
from gridmgmt.errors import RulebookInvalid
from gridmgmt.rulebooks.examples import read_examples, wrong
from gridmgmt.rulebooks.load import Loaded, parse


@dataclass(frozen=True)
class Failure:
    """What was tried (an example's name, or ``reading = option``) and what does not come out."""

    tried: Mapping[str, str]
    problems: tuple[str, ...]
    is_example: bool = True


@dataclass(frozen=True)
class Trial:
    """How many examples and options were tried, and which failed."""

    n_examples: int
    n_options: int
    faults: tuple[Failure, ...]


def examples_beside(path: Path) -> Path | None:
    """``examples.yaml`` beside a rulebook's file; ``examples.v1.yaml`` beside ``rulebook.v1.yaml``."""
    name = path.name.replace("rulebook", "examples", 1) if "rulebook" in path.name else "examples.yaml"
    beside = path.with_name(name)
    return beside if beside.is_file() else None


def read_beside(path: Path) -> list[Any]:
    """The examples in a file.

    Raises
    ------
    RulebookInvalid
        It is no YAML, not UTF-8, or no list.
    """
    try:
        found = read_examples(read_text(path))
    except YAMLError as e:
        mark = e.problem_mark if isinstance(e, MarkedYAMLError) else None
        line, reason = (mark.line + 1 if mark else 1), invalid.no_yaml(e, with_line=False)
        raise RulebookInvalid(file=path.name, line=line, key="YAML", reason=reason) from e
    except UnicodeDecodeError as e:
        raise RulebookInvalid(file=path.name, line=1, key="YAML", reason=invalid.NOT_UTF8) from e
    if not all(isinstance(x, dict) for x in found):
        raise RulebookInvalid(file=path.name, line=1, key="examples", reason={"code": "invalid_examples"})
    return found


def trial(loaded: Loaded, examples: Sequence[Mapping[str, Any]]) -> Trial:
    """Try the examples, then every option of every reading."""
    options = [(name, o) for name, reading in loaded.rulebook.readings.items() for o in reading.options]
    faults = [_example(loaded, example, n) for n, example in enumerate(examples, 1)]
    faults += [_option(loaded, name, option) for name, option in options]
    return Trial(len(examples), len(options), tuple(f for f in faults if f is not None))


def _example(loaded: Loaded, example: Mapping[str, Any], n: int) -> Failure | None:
    name = example.get("name")
    called = dict(name) if isinstance(name, dict) and {"zh", "en"} <= set(name) else {"zh": f"{n}", "en": f"{n}"}
    try:
        problems = wrong(loaded, example)
    except RulebookInvalid as e:  # its changes lead nowhere
        problems = [_told(e)]
    except (KeyError, TypeError, AttributeError, ValueError) as e:  # not of an example's form, however it was written
        problems = [f"it is not written as an example: {type(e).__name__} {e}"]
    return Failure(called, tuple(problems)) if problems else None


def _option(loaded: Loaded, name: str, option: str | int | bool) -> Failure | None:
    try:
        parse(loaded.text, "rulebook.yaml", [(f"readings.{name}", json.dumps(option))])
    except RulebookInvalid as e:
        called = f"{name} = {option}"
        return Failure({"zh": called, "en": called}, (_told(e),), is_example=False)
    return None


def _told(e: RulebookInvalid) -> str:
    reason = e.reason if isinstance(e.reason, str) else texts.word(e.reason["code"], e.reason, "en")
    return f"{e.key}, line {e.line}: {reason}"
