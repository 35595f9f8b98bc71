"""The tree of what is needed and offered: twelve branches with their leaves, as data.

A code that the tree does not know stands for itself: it is a branch without leaves.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

__all__ = ["BRANCHES", "LEAVES", "Node", "branch_of", "leaves_of", "node", "phrases_of"]


@dataclass(frozen=True, slots=True)
class Node:
    """A branch (without a parent) or a leaf, with its names and the words that it is recognised by."""

    code: str
    parent: str
    zh: str
    en: str
    words: tuple[str, ...]


def _load() -> dict[str, Node]:
    with (files(__package__) / "tree.tsv").open(encoding="utf-8") as source:
        rows = csv.DictReader(source, delimiter="\t")
        return {
            row["code"]: Node(row["code"], row["parent"], row["zh"], row["en"], tuple(row["words"].split()))
            for row in rows
        }


_TREE: Final = _load()
BRANCHES: Final = tuple(code for code, item in _TREE.items() if not item.parent)
LEAVES: Final = tuple(code for code, item in _TREE.items() if item.parent)


def node(code: str) -> Node | None:
    """Return a branch or a leaf of the tree."""
    return _TREE.get(code)


def branch_of(code: str) -> str:
    """Return the branch that a category belongs to."""
    found = _TREE.get(code)
    return found.parent or code if found else code


@lru_cache(maxsize=256)
def leaves_of(branch: str) -> tuple[str, ...]:
    """Return the leaves of a branch, in the tree's order."""
    return tuple(code for code in LEAVES if _TREE[code].parent == branch)


def phrases_of(code: str) -> tuple[str, ...]:
    """Return what a leaf is called and recognised by, as texts for an encoder."""
    found = _TREE[code]
    return (found.zh, *found.words)
