"""The templates of pages and drawings (模板): filled in, with every text from a city escaped."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gridmgmt.files.wording import label, languages, say, words

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def fill(name: str, lang: str | None, **facts: Any) -> str:
    """A template with its facts; ``say`` and ``label`` in it speak the reader's language."""
    spoken = {
        "lang": languages(lang)[0],
        "is_both": len(languages(lang)) > 1,
        "words": words,
        "say": lambda text: say(text, lang),
        "label": lambda code, **told: label(code, lang, **told),
    }
    return _environment().get_template(name).render(spoken | facts)


def draw(name: str, lang: str | None, **facts: Any) -> str:
    """An SVG template with its facts, without the line breaks between its elements."""
    return re.sub(r">\n\s*<", "><", fill(name, lang, **facts)).lstrip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
