"""Words of a dossier that nobody would read (不认识的词): a mistyped code must not become a number in silence."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gridmgmt.accepted import closest
from gridmgmt.codes import CATEGORY_KINDS
from gridmgmt.rulebooks.inputs import Input
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.values import Filing, Finding, Value
from gridmgmt.texts import expected

Unknown = tuple[str, str, dict[str, Any]]
"""Where it stands (an input, ``attributes``, ``result``), the word, and what was expected."""


OTHER = "other"
"""The code of a finding of any other class than those that never count."""


def _attributes_of(book: Rulebook) -> set[str]:
    """The attributes of subjects that a rulebook reads: in items, rules and sample plans."""
    limits = [part.only for _, part in book.parts() if part.only is not None]
    named = {x for only in limits for x in (*only.attributes, *only.without)}
    return named | {x for s in book.samples for x in (s.unless, s.instead_if) if x is not None}


def unknown_attributes(book: Rulebook, attributes: Collection[str]) -> Iterator[Unknown]:
    """Attributes of a subject that the rulebook does not read."""
    known = _attributes_of(book)
    for name in attributes:
        if name not in known:
            yield "attributes", name, expected("attribute", known=closest(name, sorted(known)))


def unknown_codes(book: Rulebook, values: Mapping[str, Value]) -> Iterator[Unknown]:
    """Codes of findings and classes of filings that the rulebook would not tell from any other."""
    for name, value in values.items():
        for record in value if isinstance(value, tuple) else ():
            if isinstance(record, Finding) and record.code is not None:
                wanted = finding_lacks(book.inputs[name], record.code)
                if wanted is not None:
                    yield name, record.code, wanted
            elif isinstance(record, Filing) and not _is_class(record.category):
                yield name, record.category, expected("class_of_case")


def finding_lacks(spec: Input, code: str) -> dict[str, Any] | None:
    """What a finding's code should be: one that never counts, a class, or ``other``; None: it is, or any may be."""
    known = {*spec.except_codes, *(name for words in spec.except_codes.values() for name in words.values())}
    if not known or code in known or code == OTHER or _is_class(code):
        return None
    return expected("code_or_class", known=closest(code, spec.except_codes))


def _is_class(text: str) -> bool:
    """Whether a text is a class of cases as it is written: ``component:01001``, ``matter:06010``."""
    kind, _, code = text.partition(":")
    return kind in CATEGORY_KINDS and bool(code.strip()) and "*" not in code


def unknown_of_result(book: Rulebook, stage: Stage, raw: Mapping[str, Any]) -> Iterator[Unknown]:
    """Grades and items of a result handed in that the rulebook does not have."""
    grades = {g.id for g in stage.grades}
    if stage.grade_entered is not None:
        grades |= set(book.inputs[stage.grade_entered.input].choices)
    grade = raw.get("grade")
    if grade is not None and grades and grade not in grades:
        yield "result", str(grade), expected("one_of", known=closest(str(grade), sorted(grades)))
    items = {part.id for _, part in book.parts()}
    for name in raw.get("items") or {}:
        if str(name) not in items:
            yield "result", str(name), expected("one_of", known=closest(str(name), sorted(items)))
