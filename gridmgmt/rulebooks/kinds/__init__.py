"""The kinds of items and rules that rulebooks are put together from: a module here is a kind, and nothing else is."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from gridmgmt.rulebooks.items import Item, Part, Rule

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

ITEMS: Mapping[str, type[Item]] = Item.kinds()
RULES: Mapping[str, type[Rule]] = Rule.kinds()
KINDS: Mapping[str, type[Part]] = {**ITEMS, **RULES}
TOTALS = frozenset(name for name, kind in ITEMS.items() if kind.is_total)
"""Kinds whose parts are the lines of a scorecard; any other total is a line itself."""
