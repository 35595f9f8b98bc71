"""Vectors as they are kept: in half precision, which is plenty. Needs numpy: see `loading`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_bytes", "stacked", "to_bytes"]

Matrix = NDArray[np.float32]


def to_bytes(vector: Matrix) -> bytes:
    """Write a vector or a matrix in half precision."""
    return vector.astype(np.float16).tobytes()


def from_bytes(kept: bytes) -> Matrix:
    """Read what `to_bytes` wrote, flat."""
    return np.frombuffer(kept, np.float16).astype(np.float32)


def stacked(kept: Sequence[bytes]) -> Matrix:
    """Read vectors that `to_bytes` wrote, one a row."""
    return np.stack([from_bytes(item) for item in kept])
