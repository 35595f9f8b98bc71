"""Other people's JavaScript, run by Node: an oracle that shares no line and no language with us."""

from tests.javascript.node import Node, open_node

__all__ = ["Node", "open_node"]
