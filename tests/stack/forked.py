"""A program for the fork server: tells what it was given, then waits for its end."""

import json
import os
import random
import signal
import sys

from shared.ids import new_id


def main() -> None:
    """Print one line about ourselves; `--tell FD` gets a word through a descriptor, `--fail` raises."""
    arguments = sys.argv[1:]
    if "--fail" in arguments:
        message = "this program does not work"
        raise RuntimeError(message)
    told = {
        "arguments": arguments,
        "greeting": os.environ.get("GREETING"),
        "inherited": "LEFT_OUT" in os.environ,
        "folder": os.getcwd(),  # noqa: PTH109 - as the program sees it
        "session": os.getsid(0) == os.getpid(),
        "parent": os.getppid(),
        "ids": [str(new_id())[-12:] for _ in range(3)],
        "chance": random.random(),
        "children": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    }
    print(json.dumps(told), flush=True)
    if "--tell" in arguments:
        os.write(int(arguments[arguments.index("--tell") + 1]), b"hello")
    signal.pause()
