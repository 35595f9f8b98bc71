"""Stands between us and a child of ours for a moment: arranges how it ends and as whom it runs, then becomes it.

A program of its own, run without site-packages, because what it does between fork and exec is not safe in a process
that has threads: `python -I -S launch.py DEATH_SIGNAL PARENT DISGUISE PROGRAM ARGUMENTS…`. Linux only.
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

NOBODY: Final = 65_534
# From <sys/prctl.h>, <linux/sched.h> and <linux/capability.h>.
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CLONE_NEWUSER: Final = 0x1000_0000
_CAPABILITY_VERSION: Final = 0x2008_0522
_CAP_DAC_OVERRIDE: Final = 1


def main(death_signal: int, parent: int, disguise: str, command: list[str]) -> None:
    """Become the command."""
    library = ctypes.CDLL(None, use_errno=True)
    if disguise == "namespace":
        _enter_namespace(library)
    elif disguise == "nobody":
        _become_nobody(library)
    # After the disguise: a change of credentials forgets it.
    die_with(parent, death_signal, library)
    os.execvp(command[0], command)  # noqa: S606 - the whole point


def die_with(parent: int, death_signal: int, library: ctypes.CDLL | None = None) -> None:
    """Ask for a signal at the parent's end; SystemExit when it has ended already."""
    (library or ctypes.CDLL(None, use_errno=True)).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


def _enter_namespace(library: ctypes.CDLL) -> None:
    """Enter a user namespace in which root is called nobody; only files of root stay within reach."""
    if library.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    identity = f"{NOBODY} 0 1"
    for name, text in (("setgroups", "deny"), ("uid_map", identity), ("gid_map", identity)):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def _become_nobody(library: ctypes.CDLL) -> None:
    """Become nobody for good, but keep the right to pass through folders that only root may enter, /root above all."""
    library.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Effective, permitted, inheritable; the lower 32 capabilities, then the upper ones.
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    ambient = (_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    if library.capset(header, sets) != 0 or library.prctl(*ambient) != 0:
        raise OSError(ctypes.get_errno(), "no capability to keep")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
