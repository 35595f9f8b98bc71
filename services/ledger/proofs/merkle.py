"""The Merkle tree of RFC 6962 (section 2.1), and where its nodes are kept.

A log only grows, so the root of a complete subtree never changes once it is there. Kept are tiles: a tile of level t
holds up to 256 roots of the complete subtrees of 2^(8t) leaves, side by side (level 0: the leaf hashes themselves). All
other complete subtrees are computed from one tile, and whatever is incomplete at the right edge from a few of those. A
proof over a log of millions reads a handful of tiles. The layout is that of the C2SP tlog-tiles specification.

Pure arithmetic: who reads and writes tiles is the repository's business.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Node",
    "Range",
    "consistency_ranges",
    "extend",
    "hash_leaf",
    "inclusion_ranges",
    "needed_tiles",
    "range_root",
    "right_edge",
    "root_from_inclusion",
]

HASH_BYTES: Final = 32
TILE_BITS: Final = 8
_TILE: Final = 1 << TILE_BITS
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

# Level and index of a tile.
Tile = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Range:
    """The leaves from `start` up to, not with, `end`; `start` is a multiple of the largest power of two inside."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree: the leaves from `index << level`, 2^level of them."""

    level: int
    index: int

    @property
    def tile(self) -> Tile:
        """The tile from which its root is computed."""
        height = self.level // TILE_BITS
        first = self.index << (self.level % TILE_BITS)
        return height, first >> TILE_BITS

    def root_in(self, tile: bytes) -> bytes:
        """Compute its root from its tile."""
        within = self.level % TILE_BITS
        first = (self.index << within) % _TILE
        return _fold([tile[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(first, first + (1 << within))])


def hash_leaf(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _fold(hashes: list[bytes]) -> bytes:
    """Compute the root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [hash_node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def _split(size: int) -> int:
    """Return the largest power of two below a size greater than one."""
    return 1 << ((size - 1).bit_length() - 1)


def _nodes(wanted: Range) -> list[Node]:
    """Return the complete subtrees of which a range consists, from the left."""
    nodes, start = [], wanted.start
    while start < wanted.end:
        level = (wanted.end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def needed_tiles(ranges: Sequence[Range]) -> set[Tile]:
    """Return the tiles from which the roots of some ranges can be computed."""
    return {node.tile for wanted in ranges for node in _nodes(wanted)}


def range_root(wanted: Range, tiles: Mapping[Tile, bytes]) -> bytes:
    """Compute the root over a range from the tiles that it needs; over the whole log it is the log's root."""
    if wanted.start == wanted.end:
        return EMPTY_ROOT
    *rest, last = [node.root_in(tiles[node.tile]) for node in _nodes(wanted)]
    for left in reversed(rest):
        last = hash_node(left, last)
    return last


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose roots prove that a leaf is in the log of a size, from the leaf upwards.

    Raises:
        ValueError: no such leaf.
    """
    if not 0 <= index < size:
        message = f"no leaf {index} in a log of {size}"
        raise ValueError(message)
    found: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start = middle
    return found[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).

    Raises:
        ValueError: the proof has another length than one for this leaf has.
    """
    ranges = inclusion_ranges(index, size)
    if len(ranges) != len(proof):
        message = "a proof of another length"
        raise ValueError(message)
    root = leaf
    for sibling, part in zip(ranges, proof, strict=True):
        root = hash_node(part, root) if sibling.start < index else hash_node(root, part)
    return root


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Return the ranges whose roots prove that the log of `first` leaves is a beginning of that of `second`.

    Raises:
        ValueError: the sizes are not 0 < first <= second.
    """
    if not 0 < first <= second:
        message = f"no proof from {first} to {second}"
        raise ValueError(message)
    found: list[Range] = []
    start, end, is_own = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            found.append(Range(middle, end))
            end = middle
        else:
            found.append(Range(start, middle))
            start, is_own = middle, False
    if not is_own:
        found.append(Range(start, end))
    return found[::-1]


def right_edge(size: int) -> list[Tile]:
    """Return the tiles that are not full in a log of a size: what has to be read before it grows."""
    found, height = [], 0
    while size:
        if size % _TILE:
            found.append((height, size >> TILE_BITS))
        size >>= TILE_BITS
        height += 1
    return found


def extend(size: int, tiles: Callable[[Tile], bytes], leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """Append leaf hashes to a log of a size; returns the tiles that are new or have grown.

    Args:
        size: how many leaves there are.
        tiles: returns what a tile of the right edge holds, nothing for one that is not there.
        leaves: the hashes to append.
    """
    changed: dict[Tile, bytes] = {}
    height, items = 0, list(leaves)
    while items:
        index = size >> TILE_BITS
        held = bytearray(tiles((height, index)) if size % _TILE else b"")
        complete = []
        for item in items:
            held += item
            if len(held) == _TILE * HASH_BYTES:
                changed[height, index] = bytes(held)
                complete.append(_fold([bytes(held[i : i + HASH_BYTES]) for i in range(0, len(held), HASH_BYTES)]))
                index, held = index + 1, bytearray()
        if held:
            changed[height, index] = bytes(held)
        size, items, height = size >> TILE_BITS, complete, height + 1
    return changed
