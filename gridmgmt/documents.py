"""What every part of a rulebook is made of: strict keys, exact numbers, texts in both languages."""

import datetime as dt
import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from gridmgmt.invalid import Invalid
from gridmgmt.numbers import NUMBER, exact, to_exact

_NUMBER_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^{NUMBER.pattern}$"}]}


def _above_zero(value: Fraction) -> Fraction:
    if value <= 0:
        raise Invalid("above", limit="0")
    return value


def _both(value: object) -> object:
    if not isinstance(value, dict) or set(value) != {"zh", "en"}:
        raise Invalid("two_texts")
    if not all(isinstance(v, str) and v.strip() for v in value.values()):
        raise Invalid("empty_text")
    return value


Exact = Annotated[Fraction, BeforeValidator(to_exact), PlainSerializer(exact), WithJsonSchema(_NUMBER_SCHEMA)]
"""A number written as 0.1, 5 or 1/3 and kept exactly so."""

Positive = Annotated[Exact, AfterValidator(_above_zero)]
"""An exact number above 0."""

_WORDS_SCHEMA = {
    "type": "object",
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
    "required": ["zh", "en"],
    "additionalProperties": False,
}

Words = Annotated[dict[str, str], BeforeValidator(_both), WithJsonSchema(_WORDS_SCHEMA)]
"""A text in both languages."""

Bilingual = Annotated[dict[str, str], WithJsonSchema(_WORDS_SCHEMA)]
"""A text in both languages within a document: taken as it stands, for it was checked where it was written."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""A name within the rulebook: small letters, digits and ``_``."""

Day = Annotated[dt.date, Field(strict=True)]
"""A date as YAML writes it; a bare number is none."""

Count = Annotated[int, Field(strict=True, ge=1)]
"""A whole number from 1."""

Test = Literal[">", ">=", "<", "<="]


class Strict(BaseModel):
    """Unknown keys are errors; what is read is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def holds(left: Fraction, test: str, right: Fraction) -> bool:
    """Whether a comparison of exact numbers holds."""
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[test]


def plain(document: BaseModel) -> dict[str, Any]:
    """A document as JSON has it: what was never said stays absent, what was said to be null stays null."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def canonical(document: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(header: Mapping[str, Any], subjects: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of an assessment's canonical JSON."""
    return digest_of_texts(header, [canonical(s) for s in subjects])


def digest_of_texts(header: Mapping[str, Any], subjects: Iterable[str]) -> str:
    """The same of documents that are written canonically already."""
    members = {key: canonical(value) for key, value in header.items()} | {"subjects": f"[{','.join(subjects)}]"}
    whole = ",".join(f"{canonical(key)}:{members[key]}" for key in sorted(members))
    return hashlib.sha256(f"{{{whole}}}".encode()).hexdigest()


@contextmanager
def many() -> Iterator[None]:
    """While many documents or steps are made or read: the collector would look through them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
