"""A rulebook to start from (起步样例): commented, with worked examples, right from the first moment."""

import re
from collections.abc import Mapping

from gridmgmt.errors import OptionInvalid
from gridmgmt.settings import data_path
from gridmgmt.texts import expected

_PLACEHOLDER = "my_rulebook"
FILES = ("rulebook.yaml", "examples.yaml")


def starter(name: str) -> Mapping[str, str]:
    """File name → text of a new rulebook of that id.

    Raises
    ------
    OptionInvalid
        No name for a rulebook.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise OptionInvalid(name="ID", value=name, expected=expected("small_letters"))
    return {f: data_path("rulebook_starter", f).read_text("utf-8").replace(_PLACEHOLDER, name) for f in FILES}
