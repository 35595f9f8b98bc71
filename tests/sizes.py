"""How large random tests and races are: LINLI_HYPOTHESIS=long makes them many times as large."""

import os
from typing import Final

__all__ = ["IS_LONG"]

IS_LONG: Final = os.environ.get("LINLI_HYPOTHESIS") == "long"
