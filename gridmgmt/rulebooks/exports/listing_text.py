"""What is told of rulebooks in a list, and of one that was tried out (考核办法清单, 试算), in one language."""

from collections.abc import Iterator
from typing import Any

from gridmgmt import texts
from gridmgmt.errors import RulebookNotInForce
from gridmgmt.files.wording import Words, same, words
from gridmgmt.rulebooks.exports.rulebook_text import cadence_words, population_words, valid_words
from gridmgmt.rulebooks.listing import Listed
from gridmgmt.rulebooks.load import Loaded
from gridmgmt.rulebooks.proving import Trial


def listed_words(entry: Listed, lang: str) -> dict[str, Any]:
    """A version as a row of the list; of one that is faulty, or not in force that day, what is told of it."""
    book = entry.book
    if book is None:
        return {"id": entry.id, "told": _told(entry, lang)}
    return {
        "id": book.id,
        "version": book.version,
        "title": book.title[lang],
        "population": population_words(book.population)[lang],
        "stages": [cadence_words(s.cadence)[lang] for s in book.stages],
        "valid": valid_words(book.valid)[lang],
    }


def _told(entry: Listed, lang: str) -> str:
    fault = entry.fault
    if isinstance(fault, RulebookNotInForce):
        return texts.word("rulebook_none_in_force", {"known": fault.known}, lang)
    message = texts.word(fault.code, fault.facts, lang) if fault is not None else ""
    return texts.word("rulebook_fault", {"message": message}, lang)


def trial_json(loaded: Loaded, file: str, tried: Trial) -> dict[str, Any]:
    """What a trial found, as JSON has it."""
    faults = [{"tried": dict(f.tried), "problems": list(f.problems)} for f in tried.faults]
    return {
        "file": file, "sha256": loaded.sha256, "examples": tried.n_examples, "options": tried.n_options,
        "faults": faults,
    }  # fmt: skip


def trial_words(loaded: Loaded, file: str, tried: Trial, no_examples: str | None) -> Iterator[Words]:
    """What a trial found, line by line; ``no_examples``: where examples would have been looked for."""
    book, n_wrong = loaded.rulebook, len([f for f in tried.faults if f.is_example])
    facts = {"n_parts": len(list(book.parts())), "n_inputs": len(book.inputs), "n_rates": len(book.rates)}
    yield words("rulebook_checked", file=file, **facts)
    if no_examples is None:
        yield words("rulebook_checked_examples", n=tried.n_examples, n_wrong=n_wrong)
    else:
        yield words("rulebook_checked_no_examples", file=no_examples)
    if tried.n_options:
        n_unread = len(tried.faults) - n_wrong
        yield words("rulebook_checked_options", n=tried.n_options, n_wrong=n_unread)
    for fault in tried.faults:
        yield {k: f"✗ {fault.tried[k]}" for k in texts.LANGUAGES}
        yield from (same(f"  {problem}") for problem in fault.problems)
