"""The tree against the recursive definition of RFC 6962, at every size and cut, through tiles."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.proofs import merkle

Tile = tuple[int, int]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1: the Merkle tree hash by its recursive definition, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1: the audit path."""
    if len(leaves) <= 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, own: bool) -> list[bytes]:
    """RFC 6962, 2.1.2: the consistency proof."""
    if m == len(leaves):
        return [] if own else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], own=own), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], own=False), mth(leaves[:k])]


class Log:
    """A log in memory that grows as the database's does."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.tiles: dict[Tile, bytes] = {}

    def grow(self, count: int) -> None:
        new = [merkle.hash_leaf(str(len(self.leaves) + n).encode()) for n in range(count)]
        edge = {tile: self.tiles[tile] for tile in merkle.right_edge(len(self.leaves))}
        self.tiles |= merkle.extend(len(self.leaves), lambda tile: edge.get(tile, b""), new)
        self.leaves += new

    def roots(self, ranges: list[merkle.Range]) -> list[bytes]:
        tiles = {tile: self.tiles[tile] for tile in merkle.needed_tiles(ranges)}
        return [merkle.range_root(wanted, tiles) for wanted in ranges]


def test_the_examples_of_the_certificate_transparency_tests() -> None:
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [merkle.hash_leaf(bytes.fromhex(item)) for item in inputs]
    assert mth(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    log = Log()
    log.tiles |= merkle.extend(0, lambda _: b"", leaves)
    assert log.roots([merkle.Range(0, 8)])[0] == mth(leaves)
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_and_proofs_are_those_of_the_definition_at_every_size() -> None:
    log = Log()
    for size in range(1, 70):
        log.grow(1)
        assert log.roots([merkle.Range(0, size)]) == [mth(log.leaves)]
        for index in range(size):
            proof = log.roots(merkle.inclusion_ranges(index, size))
            assert proof == path(index, log.leaves)
            assert merkle.root_from_inclusion(index, size, log.leaves[index], proof) == mth(log.leaves)
        for first in range(1, size + 1):
            assert log.roots(merkle.consistency_ranges(first, size)) == subproof(first, log.leaves, own=True)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_however_a_log_has_grown_its_tiles_are_the_same(steps: list[int], chance: random.Random) -> None:
    log, at_once = Log(), Log()
    for step in steps:
        log.grow(step)
    at_once.grow(sum(steps))
    assert log.tiles == at_once.tiles
    size = sum(steps)
    index, first = chance.randrange(size), chance.randrange(1, size + 1)
    assert log.roots([merkle.Range(0, size)]) == [mth(log.leaves)]
    assert log.roots(merkle.inclusion_ranges(index, size)) == path(index, log.leaves)
    assert log.roots(merkle.consistency_ranges(first, size)) == subproof(first, log.leaves, own=True)


def test_what_is_not_there_cannot_be_proved() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_ranges(index, size)
    for first, second in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="no proof"):
            merkle.consistency_ranges(first, second)
    with pytest.raises(ValueError, match="another length"):
        merkle.root_from_inclusion(0, 4, b"", [b""])
