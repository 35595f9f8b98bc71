"""Which leaf of its branch a text is about: by the words of the tree, and by meaning where an encoder is live."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.slots.tree import LEAVES, branch_of, leaves_of, phrases_of

__all__ = ["LEAF_TEXTS", "Learned", "leaf_shares"]

# One text for each leaf of the tree, for the encoders.
LEAF_TEXTS: Final = tuple(" ".join(phrases_of(leaf)) for leaf in LEAVES)
_PLACES: Final = {leaf: place for place, leaf in enumerate(LEAVES)}
# How much a word of the tree weighs against one deviation of meaning.
_WORD: Final = 1.5
_LEAST: Final = 1e-6

Floats = NDArray[np.float32]
# Words by the leaf that they tell.
Learned = Mapping[str, tuple[str, ...]]


def _words_of(leaves: Sequence[str], learned: Learned) -> list[tuple[str, ...]]:
    return [(*phrases_of(leaf), *learned.get(leaf, ())) for leaf in leaves]


def leaf_shares(
    texts: Sequence[str],
    branch: str,
    vectors: Sequence[Floats] = (),
    of_leaves: Sequence[Floats] = (),
    learned: Learned | None = None,
) -> Floats:
    """Return how likely each leaf of a branch is, one row a text; no column for a branch without leaves.

    Args:
        texts: what to read.
        branch: a branch of the tree, or any other category.
        vectors: for each encoder one row a text.
        of_leaves: for each encoder one row for each of `LEAF_TEXTS`.
        learned: words that corrections have taught, by leaf; each counts like one of the tree.
    """
    leaves = leaves_of(branch_of(branch))
    if not leaves or not texts:
        return np.zeros((len(texts), len(leaves)), np.float32)
    told = np.array(
        [[_WORD * sum(word in text for word in words) for words in _words_of(leaves, learned or {})] for text in texts],
        np.float32,
    )
    places = [_PLACES[leaf] for leaf in leaves]
    for rows, all_leaves in zip(vectors, of_leaves, strict=True):
        likeness = rows.astype(np.float32) @ all_leaves[places].T
        deviation = np.maximum(likeness.std(axis=1, keepdims=True), _LEAST)
        told += (likeness - likeness.mean(axis=1, keepdims=True)) / deviation / len(vectors)
    raised = np.exp(told - told.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
