"""Places at which a process can be made to die, for the fault tests: nothing at all unless LINLI_FAILPOINTS is set.

LINLI_FAILPOINTS names a file that says `linli-intake.before_commit 7`: the process that reaches the place for the
seventh time from then on removes the file and kills itself, as a power failure would.
"""

import os
import signal
from pathlib import Path
from typing import Final

__all__ = ["reach"]

_FILE: Final = Path(os.environ["LINLI_FAILPOINTS"]) if os.environ.get("LINLI_FAILPOINTS") else None
_reached: dict[str, int] = {}


def reach(place: str) -> None:
    """Die here if it was ordered."""
    if _FILE is None:
        return
    try:
        order = _FILE.read_text(encoding="ascii")
    except FileNotFoundError:
        _reached.clear()
        return
    name, _, times = order.partition(" ")
    if name != place:
        return
    _reached[order] = _reached.get(order, 0) + 1
    if _reached[order] >= int(times):
        _FILE.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
