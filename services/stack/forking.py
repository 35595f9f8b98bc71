"""Starts programs of ours as forks of one process that has imported everything already.

Six programs that import the same thousand modules take ten seconds of processor time to do so, and the memory six
times; a fork takes milliseconds and shares the pages. What runs on the other side is `services.stack.forkserver`.
Where the system has no fork that can be trusted (macOS) or no pidfd, programs are started one by one; see
`can_fork`. The fork server holds the code as it was when it started: `renew` before newer code replaces it.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from shared.embedded import Child, end_child, start_child

__all__ = ["ForkServer", "can_fork"]

_IMPORTS_WITHIN_S: Final = 60.0
_ANSWERS_WITHIN_S: Final = 10.0
_LAST_WORDS: Final = 1_500


def can_fork() -> bool:
    """Tell whether this system can fork programs and watch them."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class _Forked:
    """A process that the fork server is the parent of; used like a `subprocess.Popen`.

    How it ended is not known here: `returncode` is 0 whenever it has.
    """

    def __init__(self, pid: int, handle: int | None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._handle = handle

    def poll(self) -> int | None:
        """Return 0 if it has ended."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; subprocess.TimeoutExpired after `timeout` seconds."""
        code = self._look(None if timeout is None else timeout * 1000)
        if code is None:
            raise subprocess.TimeoutExpired(["fork", str(self.pid)], timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it still runs."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sig)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout_ms: float | None) -> int | None:
        if self._handle is not None:
            watch = select.poll()
            watch.register(self._handle, select.POLLIN)
            if not watch.poll(timeout_ms):
                return None
            os.close(self._handle)
            self._handle = None
        self.returncode = 0
        return 0


class ForkServer:
    """The fork server, seen from the supervisor; started when the first program is, and again when it has died.

    Args:
        modules: what it imports.
        log: gets what it prints, for as long as it imports.
        environment: what the programs are given; modules that look at it while they are imported find it.
        folder: its working directory.
    """

    def __init__(self, modules: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path) -> None:
        self._modules = modules
        self._log = log
        self._environment = environment
        self._folder = folder
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None
        self._process: Child | None = None
        self._outgoing: list[Child] = []

    def spawn(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        death_signal: signal.Signals,
        handed: Sequence[int] = (),
    ) -> Child:
        """Do what `start_child` does, for a command `python -m module arguments…` whose module has a `main`."""
        with self._lock, log.open("ab") as output:
            order = {
                "command": list(command[2:]),
                # Told by what differs: an environment may be larger than a message.
                "set": {name: value for name, value in environment.items() if self._environment.get(name) != value},
                "unset": [name for name in self._environment if name not in environment],
                "folder": str(folder),
                "death_signal": int(death_signal),
                "handed": list(handed),
            }
            message, descriptors = json.dumps(order).encode(), [output.fileno(), *handed]
            for is_last in (False, True):
                if self._orders is None:
                    self._start()
                try:
                    return self._ask(message, descriptors)
                except OSError:
                    # It has died; the programs that it had forked have died with it.
                    self._let_go()
                    if is_last:
                        raise
        raise AssertionError

    def renew(self) -> None:
        """Import everything anew; RuntimeError when that fails, and what there is stays.

        Programs that were forked before keep running; their fork server leaves when the last of them has.
        """
        with self._lock:
            orders, process = self._orders, self._process
            try:
                self._start()
            except RuntimeError:
                self._orders, self._process = orders, process
                raise
            if orders is not None:
                orders.close()
            if process is not None:
                self._outgoing.append(process)

    def stop(self) -> None:
        """End it; the programs must have been stopped before."""
        with self._lock:
            self._let_go()
            for process in self._outgoing:
                end_child(process, patience_s=1)
            self._outgoing.clear()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            process = start_child(
                [sys.executable, "-m", "services.stack.forkserver", str(theirs.fileno()), *self._modules],
                log=self._log,
                environment=self._environment,
                folder=self._folder,
                death_signal=signal.SIGKILL,
                handed=[theirs.fileno()],
            )
        finally:
            theirs.close()
        ours.settimeout(_IMPORTS_WITHIN_S)
        try:
            heard = ours.recv(16)
        except OSError:
            heard = b""
        if heard != b"ready":
            ours.close()
            end_child(process, patience_s=1)
            words = self._log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
            message = f"the fork server does not start; its last words:\n{words}"
            raise RuntimeError(message)
        ours.settimeout(_ANSWERS_WITHIN_S)
        self._orders, self._process = ours, process

    def _ask(self, message: bytes, descriptors: list[int]) -> Child:
        if self._orders is None:
            raise BrokenPipeError
        socket.send_fds(self._orders, [message], descriptors)
        answer, handles, _, _ = socket.recv_fds(self._orders, 64, 1)
        if not answer:
            raise BrokenPipeError
        return _Forked(int(answer), handles[0] if handles else None)

    def _let_go(self) -> None:
        if self._orders is not None:
            self._orders.close()
            self._orders = None
        if self._process is not None:
            # It leaves by itself when its last child has, and those have been stopped.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            end_child(self._process, patience_s=1)
            self._process = None
