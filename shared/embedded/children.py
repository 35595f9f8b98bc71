"""Child processes that never outlive us, and the one trick that lets root run a server that refuses root."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["end_child", "free_port", "start_child"]

_PR_SET_PDEATHSIG: Final = 1
_CLONE_NEWUSER: Final = 0x1000_0000
_UNPRIVILEGED: Final = 65_534
_IS_LINUX: Final = sys.platform == "linux"


def free_port(preferred: int = 0) -> int:
    """Return the preferred loopback port if nobody has it, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    message = "this machine has no free port"
    raise OSError(message)


def start_child(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    unprivileged: bool = False,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches only us, and that ends when we do, however we
    end.

    Args:
        command: program and arguments.
        log: gets its standard output and error.
        environment: the whole environment; ours by default.
        folder: its working directory.
        unprivileged: if we are root, let it see itself as nobody (files stay root's).
        death_signal: what it gets when we die without having stopped it.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own programs
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            preexec_fn=before_exec(unprivileged=unprivileged, death_signal=death_signal),  # noqa: PLW1509 - no threads here
        )


def before_exec(*, unprivileged: bool, death_signal: signal.Signals | None) -> Callable[[], None]:
    """Return what a child does between fork and exec; everything it needs is looked up before the fork."""
    library = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None
    drop = unprivileged and os.geteuid() == 0

    def prepare() -> None:
        if drop:
            _become_nobody(library)
        if library is not None and death_signal is not None:
            library.prctl(_PR_SET_PDEATHSIG, int(death_signal))

    return prepare


def _become_nobody(library: ctypes.CDLL | None) -> None:
    """Enter a user namespace in which root is called nobody; without namespaces, really become nobody.

    The namespace is better: the child keeps root's access to folders that others cannot reach, and leaves no files of
    another owner behind.
    """
    if library is not None and library.unshare(_CLONE_NEWUSER) == 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{_UNPRIVILEGED} 0 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{_UNPRIVILEGED} 0 1", encoding="ascii")
        return
    os.setgroups([])
    os.setgid(_UNPRIVILEGED)
    os.setuid(_UNPRIVILEGED)


def end_child(process: subprocess.Popen[bytes], *, how: signal.Signals = signal.SIGTERM, patience_s: float = 10) -> int:
    """Ask a child to end, insist after a while, and return its exit code."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return int(process.returncode)
