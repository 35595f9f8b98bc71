"""Imports the programs of the house once and forks them: `python -m services.stack.forkserver SOCKET MODULES…`.

It has one thread and never runs anything of what it has imported. Each order names a module with a `main`, and comes
with a log and with sockets. A forked program dies when we do, and we when the supervisor does.
"""

import fcntl
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import setproctitle
import uuid_utils

from shared.embedded import die_with

__all__ = ["main"]

_ORDER_BYTES: Final = 1 << 16
_DESCRIPTORS: Final = 8
# Above whatever the supervisor may have given a number.
_OUT_OF_THE_WAY: Final = 512


def main() -> None:
    """Fork until nobody is left to order it; then wait for the last of the forked to leave."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    _import_all(sys.argv[2:])
    # Nobody here waits for children: whoever ordered one watches it by its handle.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    setproctitle.setproctitle("linli fork server")
    orders.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _ORDER_BYTES, _DESCRIPTORS)
        if not message:
            break
        ours = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(json.loads(message), descriptors, orders, ours)
        for descriptor in descriptors:
            os.close(descriptor)
        _tell(orders, pid)
    orders.close()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _import_all(modules: Sequence[str]) -> None:
    """Import what the programs will need; what cannot be imported fails again where its traceback is looked for."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - whatever a module raises
            traceback.print_exc()
    # What is here now is shared for good: the collector would write to every page of it.
    gc.collect()
    gc.freeze()


def _tell(orders: socket.socket, pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        orders.send(str(pid).encode())
        return
    socket.send_fds(orders, [str(pid).encode()], [handle])
    os.close(handle)


def _become(order: dict[str, Any], descriptors: Sequence[int], orders: socket.socket, parent: int) -> None:
    """Become a program, in a session of its own, with its files and sockets under the numbers of the order."""
    code = 1
    try:
        orders.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _place(descriptors, [1, *order["handed"]])
        os.dup2(1, 2)
        die_with(parent, order["death_signal"])
        for name in order["unset"]:
            os.environ.pop(name, None)
        os.environ.update(order["set"])
        os.chdir(order["folder"])
        # Random numbers of C and Rust do not notice a fork, as those of Python do.
        uuid_utils.reseed_rng()
        module, *arguments = order["command"]
        setproctitle.setproctitle(" ".join(["linli", module.removesuffix(".__main__"), *arguments]))
        sys.argv = [str(Path(module.replace(".", "/"))), *arguments]
        importlib.import_module(module).main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:  # noqa: BLE001 - the end of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not into the loop of orders, nor through what the fork server would do at its own end.
        os._exit(code)


def _place(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give descriptors the numbers that they have in the supervisor."""
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(aside, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


if __name__ == "__main__":
    main()
