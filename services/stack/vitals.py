"""How much memory processes use, by their proportional share where the kernel tells it, and when we began."""

import os
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["program_began", "tree_memory_bytes"]


def program_began() -> float:
    """Return when this program was started, by the monotonic clock; now, where the system does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        age_s = 0.0
    return time.monotonic() - max(age_s, 0.0)


def tree_memory_bytes(pids: Iterable[int]) -> tuple[int, str]:
    """Sum the memory of processes and all their descendants.

    Returns:
        Bytes, and which of the two it is: PSS, which counts a page shared by n processes as 1/n, or RSS.
    """
    parents = _parents()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    todo, seen = list(pids), set[int]()
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            todo.extend(children.get(pid, ()))
    shares = [_pss_bytes(pid) for pid in seen]
    if all(share is not None for share in shares):
        return sum(share or 0 for share in shares), "PSS"
    return sum(_rss_bytes(pid) for pid in seen), "RSS"


def _parents() -> dict[int, int]:
    """Return every process's parent."""
    found: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            found[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    if not found:
        lines = _ps("-A", "-o", "pid=,ppid=")
        found = {int(pid): int(parent) for pid, parent in (line.split() for line in lines)}
    return found


def _pss_bytes(pid: int) -> int | None:
    """Return the share of a process; 0 when it has ended, None when the kernel does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0 if Path("/proc/self/smaps_rollup").exists() else None
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def _rss_bytes(pid: int) -> int:
    """Return what is resident; pages that several processes share count in each."""
    return sum(int(line) for line in _ps("-o", "rss=", "-p", str(pid))) * 1024


def _ps(*arguments: str) -> list[str]:
    done = subprocess.run(["/bin/ps", *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - ours
    return done.stdout.split("\n")[:-1]
