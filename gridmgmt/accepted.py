"""Words that files and commands may use (可用的词): ``data/accepted.yaml``, apart from the words that are shown."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
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


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known words, those that are most like a word first (what was probably meant), the others in their order."""

    def unlike(other: str) -> float:
        found = SequenceMatcher(None, word.lower(), other.lower()).ratio()
        return -found if found >= _ALIKE else 0.0

    return sorted(known, key=unlike)


_ALIKE = 0.75
"""From which similarity on, of 0–1, a word may be the misspelling of another."""


def yes_no(text: object) -> bool | None:
    """Yes or no (是 / 否), by the one list of words for all files and commands; None: neither."""
    if isinstance(text, bool):
        return text
    found = words("yes_no").get(str(text).strip().lower())
    return None if found is None else found == "yes"
