"""Child processes that never outlive us, and the tricks that let root run a server that refuses root."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from shared.embedded import launch

__all__ = ["Child", "Disguise", "command_of", "disguise", "end_child", "free_port", "launched", "start_child"]

_IS_LINUX: Final = sys.platform == "linux"


class Child(Protocol):
    """A process that was started: what we use of a `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code, if it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended and return its exit code; subprocess.TimeoutExpired after `timeout` seconds."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal, if it still runs."""

    def kill(self) -> None:
        """End it at once."""


class Disguise(Enum):
    """As whom a server that refuses root runs."""

    OURSELVES = "ourselves"
    """We are not root."""
    NOBODY = "nobody"
    """As nobody, with root's access to folders: files become nobody's."""
    NAMESPACE = "namespace"
    """As root, called nobody in a user namespace of its own: files stay root's, only root's own are within reach."""


@cache
def disguise() -> Disguise:
    """Find out what this machine permits: some containers take capabilities away, many forbid new user namespaces."""
    if os.geteuid() != 0 or not _IS_LINUX:
        return Disguise.OURSELVES
    probe = _launched([sys.executable, "-I", "-S", "-c", ""], Disguise.NOBODY, signal.SIGKILL)
    done = subprocess.run(probe, check=False, capture_output=True)  # noqa: S603 - nothing at all
    return Disguise.NOBODY if done.returncode == 0 else Disguise.NAMESPACE


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


def launched(
    command: Sequence[str], *, unprivileged: bool = False, death_signal: signal.Signals = signal.SIGTERM
) -> list[str]:
    """Return the command line of a child that ends when the calling thread does, however we end.

    Args:
        command: program and arguments.
        unprivileged: if we are root, in disguise.
        death_signal: what it gets when we end without having stopped it.
    """
    if not _IS_LINUX:
        return list(command)
    return _launched(command, disguise() if unprivileged else Disguise.OURSELVES, death_signal)


def _launched(command: Sequence[str], mask: Disguise, death_signal: signal.Signals) -> list[str]:
    order = [str(int(death_signal)), str(os.getpid()), mask.value]
    return [sys.executable, "-I", "-S", launch.__file__, *order, *command]


def start_child(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    unprivileged: bool = False,
    death_signal: signal.Signals = signal.SIGTERM,
    handed: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which Ctrl-C does not reach, that ends when we do, however we end.

    Args:
        command: program and arguments.
        log: gets its standard output and error.
        environment: the whole environment; ours by default.
        folder: its working directory.
        unprivileged: if we are root, in disguise.
        death_signal: what it gets when we die without having stopped it.
        handed: file descriptors of ours that it gets, under the same numbers.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own programs
            launched(command, unprivileged=unprivileged, death_signal=death_signal),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            pass_fds=handed,
        )


def end_child(process: Child, *, how: signal.Signals = signal.SIGTERM, patience_s: float = 10) -> int:
    """Ask a child to end, insist after a while, and return its exit code."""
    code = process.poll()
    if code is None:
        process.send_signal(how)
        try:
            code = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    return code


def command_of(pid: int) -> str:
    """Return the command line of a process; empty when there is none."""
    if _IS_LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(  # noqa: S603 - numbers only
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return done.stdout.strip()
