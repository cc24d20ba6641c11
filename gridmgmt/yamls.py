"""YAML within bounds (YAML 读取): neither depth nor aliases without end, and numbers too long are faults of a line."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from gridmgmt import bounds


def _told(code: str, **facts: Any) -> Any:
    """A problem of our own, which is worded when it is shown; those of the parser are English texts."""
    return {"code": f"invalid_yaml_{code}", **facts}


class _BoundedComposer(Composer):
    """Counts the depth and, those behind aliases each time, the values."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._depth = 0
        self._n: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        mark = self.parser.peek_event().start_mark
        self._hold("depth", self._depth, mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if id(node) not in self._n:  # an alias gives the node that was counted
            self._n[id(node)] = n = 1 + sum(self._n[id(child)] for child in _children(node))
            self._hold("nodes", n, mark)
        return node

    def _hold(self, name: str, found: int, mark: Any) -> None:
        if found > bounds.most(name):
            code = {"depth": "deep", "nodes": "nodes"}[name]
            facts = {"most": bounds.most(name), "setting": f"GRIDMGMT_MAX_{name.upper()}"}
            raise ComposerError(None, None, _told(code, **facts), mark)


def _children(node: Node | None) -> list[Node]:
    if isinstance(node, MappingNode):
        return [x for pair in node.value for x in pair]
    return list(node.value) if isinstance(node, CollectionNode) else []


class SafeValues(SafeConstructor):
    """What cannot be read as the number or day that it looks like is a fault of its line."""

    def construct_number(self, node: ScalarNode) -> Any:
        """A whole number; Python reads none of more than 4 300 digits."""
        try:
            return self.construct_yaml_int(node)
        except ValueError as e:
            raise ConstructorError(None, None, _told("number", value=f"{node.value[:40]}…"), node.start_mark) from e

    def construct_day(self, node: ScalarNode) -> Any:
        """A day or a time; one that the calendar has not is none."""
        try:
            return self.construct_yaml_timestamp(node)
        except (ValueError, OverflowError) as e:
            raise ConstructorError(None, None, _told("day", value=node.value[:40]), node.start_mark) from e


SafeValues.add_constructor("tag:yaml.org,2002:int", SafeValues.construct_number)
SafeValues.add_constructor("tag:yaml.org,2002:timestamp", SafeValues.construct_day)


def safe_yaml() -> YAML:
    """A YAML reader for what people hand in."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor = _BoundedComposer, SafeValues
    return yaml
