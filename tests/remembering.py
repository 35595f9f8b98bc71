"""Encoders that place each text once in a test process: several tests ask them about the same sets."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.encoders import Encoder, identity

__all__ = ["Remembering", "remembering"]

_KNOWN: Final[dict[str | None, "Remembering"]] = {}


class Remembering:
    """An encoder that is asked about nothing twice."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[tuple[str, bool], NDArray[np.float32]] = {}
        self.name, self.version, self.dimension = encoder.name, encoder.version, encoder.dimension

    def embed(self, texts: Sequence[str], *, passages: bool = False) -> NDArray[np.float32]:
        """Return one row of length 1 for each text."""
        new = [text for text in dict.fromkeys(texts) if (text, passages) not in self._rows]
        for text, row in zip(new, self._encoder.embed(new, passages=passages), strict=True):
            self._rows[text, passages] = row
        rows = [self._rows[text, passages] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)


def remembering(encoder: Encoder) -> Encoder:
    """Return what this process remembers of an encoder of this name and version."""
    return _KNOWN.setdefault(identity(encoder), Remembering(encoder))
