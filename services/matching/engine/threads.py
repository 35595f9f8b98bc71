"""One thread for each product of matrices: ours are many and small, and waiting for each other makes them slow."""

from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np  # noqa: F401 - has to be loaded before its libraries can be found
from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

# Looking for the libraries takes milliseconds, so it is done once; numpy has to be loaded by then.
_CONTROLLER: Final = ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Let products of matrices run in the calling thread alone, in the whole process, while this is entered."""
    entered: AbstractContextManager[Any] = _CONTROLLER.limit(limits=1, user_api="blas")
    return entered
