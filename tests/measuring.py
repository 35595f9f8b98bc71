"""What processes cost, children included."""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cpu_seconds"]


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor time that each process and all below it have used, the ended ones among them too."""
    tick = os.sysconf("SC_CLK_TCK")
    own: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # utime, stime, and those of children that have been waited for.
        own[int(entry.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / tick)
    used = {}
    for name, root in pids.items():
        todo, total = [root], 0.0
        while todo:
            pid = todo.pop()
            total += own.get(pid, (0, 0.0))[1]
            todo += [child for child, (parent, _) in own.items() if parent == pid]
        used[name] = total
    return used
