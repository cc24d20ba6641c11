"""Words that files and commands may use (可用的词): ``data/accepted.yaml``, apart from the words that are shown."""

from collections.abc import Mapping, Sequence
from functools import cache

from ruamel.yaml import YAML

from gridmgmt.settings import data_path


@cache
def _entries() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(data_path("accepted.yaml").read_text("utf-8"))
    return found


@cache
def words(entry: str) -> Mapping[str, str]:
    """Word → what it means, of one entry; a meaning is a word for itself."""
    return {word: meaning for meaning, others in _entries()[entry].items() for word in (meaning, *others)}


def yes_no(text: object, entry: str = "yes_no") -> bool | None:
    """Yes or no (是 / 否) by the words of an entry; None: neither."""
    found = words(entry).get(str(text).strip().lower())
    return None if found is None else found == "yes"
