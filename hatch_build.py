"""The wheel brings the texts compiled: where it is installed, nobody may be allowed to write beside them."""

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledTexts(BuildHookInterface):
    """Compiles ``data/texts`` before the data folder is packed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Refuse a catalogue with faults, and leave it compiled beside its files."""
        sys.path.insert(0, self.root)
        from gridmgmt import texts

        texts.catalogue()
