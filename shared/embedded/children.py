"""Child processes that never outlive us, and the tricks that let root run a server that refuses root."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["NOBODY", "Disguise", "before_exec", "command_of", "disguise", "end_child", "free_port", "start_child"]

_IS_LINUX: Final = sys.platform == "linux"
NOBODY: Final = 65_534
# From <sys/prctl.h>, <linux/sched.h> and <linux/capability.h>.
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CLONE_NEWUSER: Final = 0x1000_0000
_CAPABILITY_VERSION: Final = 0x2008_0522
_CAP_DAC_OVERRIDE: Final = 1


class Disguise(Enum):
    """As whom a server that refuses root runs."""

    OURSELVES = "we are not root"
    NAMESPACE = "root, called nobody in a user namespace of its own: files stay root's"
    NOBODY = "nobody, with root's access to folders: files become nobody's"


@cache
def disguise() -> Disguise:
    """Find out what this machine permits; many containers forbid new user namespaces."""
    if os.geteuid() != 0:
        return Disguise.OURSELVES
    if not _IS_LINUX:
        return Disguise.NOBODY
    library = ctypes.CDLL(None, use_errno=True)
    try:
        subprocess.run(["/bin/true"], check=True, preexec_fn=lambda: _enter_namespace(library))
    except (subprocess.SubprocessError, OSError):
        return Disguise.NOBODY
    return Disguise.NAMESPACE


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
    """Start a process in a session of its own, which Ctrl-C does not reach, that ends when we do, however we end.

    Args:
        command: program and arguments.
        log: gets its standard output and error.
        environment: the whole environment; ours by default.
        folder: its working directory.
        unprivileged: if we are root, in disguise.
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
            preexec_fn=before_exec(unprivileged=unprivileged, death_signal=death_signal),  # noqa: PLW1509 - no locks in it
        )


def before_exec(*, unprivileged: bool, death_signal: signal.Signals | None) -> Callable[[], None]:
    """Return what a child does between fork and exec; everything it needs is looked up before the fork."""
    library = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None
    mask = disguise() if unprivileged else Disguise.OURSELVES
    parent = os.getpid()

    def prepare() -> None:
        if mask is Disguise.NAMESPACE and library is not None:
            _enter_namespace(library)
        elif mask is Disguise.NOBODY:
            _become_nobody(library)
        if library is not None and death_signal is not None:
            # After the disguise: a change of credentials forgets it.
            library.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), death_signal)

    return prepare


def _enter_namespace(library: ctypes.CDLL) -> None:
    """Enter a user namespace in which root is called nobody; access to files does not change."""
    if library.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} 0 1"),
        ("gid_map", f"{NOBODY} 0 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def _become_nobody(library: ctypes.CDLL | None) -> None:
    """Become nobody for good, but keep the right to pass through folders that only root may enter, /root above all."""
    if library is not None:
        library.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if library is not None:
        bit = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
        # Effective, permitted, inheritable; the lower 32 capabilities, then the upper ones.
        library.capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
        library.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


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


def command_of(pid: int) -> str:
    """Return the command line of a process; empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(  # noqa: S603 - numbers only
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return done.stdout.strip()
