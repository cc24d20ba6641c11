"""What an error's reason says, in words."""

from typing import Any

from gridmgmt.texts import word


def reason(error: Any, lang: str = "en") -> str:
    """The reason of an error as a person reads it."""
    return word(error.reason["code"], error.reason, lang)
