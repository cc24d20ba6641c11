"""The models that stored documents are read with and written from: this is where they are hooked in.

A kind is ``table.column`` of a JSON column, or ``evaluated.header`` and
``evaluated.subject`` of what `gridmgmt rulebook evaluate --json` gives, which no
city, edition or evidence stands behind. A kind without a model is still a plain
dict, handed through as it stands.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from gridmgmt.scorecards.documents import Chance, Document, Evaluated, Header
from tests.frozen.stored import canonical

MODELS: dict[str, TypeAdapter[Any]] = {
    "assessment.header": TypeAdapter(Header),
    "assessment_subject.chance": TypeAdapter(Chance | None),
    "assessment_subject.document": TypeAdapter(Document),
    "evaluated.header": TypeAdapter(Evaluated),
    "evaluated.subject": TypeAdapter(Document),
}
"""Kind → its model, e.g. ``"assessment.header": TypeAdapter(Header)``."""


def parsed(kind: str, stored: Any) -> Any:
    """A stored document, read."""
    return MODELS[kind].validate_python(stored) if kind in MODELS else stored


def dumped(kind: str, document: Any) -> Any:
    """What would be stored of it: what was never said stays absent, what was said to be null stays null."""
    if kind not in MODELS:
        return document
    return MODELS[kind].dump_python(document, mode="json", by_alias=True, exclude_unset=True)


def comes_back(kind: str, stored: Any) -> bool:
    """Whether a document that is read and written again is the same bytes."""
    return canonical(dumped(kind, parsed(kind, stored))) == canonical(stored)


def lax(document: Any) -> Iterator[str]:
    """The models within a read document that do not forbid keys they do not know."""
    if isinstance(document, BaseModel):
        if document.model_config.get("extra") != "forbid":
            yield type(document).__name__
        yield from (name for field in document.__class__.model_fields for name in lax(getattr(document, field)))
    elif isinstance(document, Mapping):
        yield from (name for part in document.values() for name in lax(part))
    elif isinstance(document, list | tuple | set | frozenset):
        yield from (name for part in document for name in lax(part))
