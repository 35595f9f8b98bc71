"""Serves one app behind a door that the supervisor holds open: `python -m services.stack.serving intake --door FD`.

The listening socket outlives the process. While a service is replaced, or starts again after its death, connections
wait in the socket's queue instead of being refused.
"""

import argparse
import os
import socket
from typing import Final

import uvicorn

__all__ = ["main"]

_FINISH_S: Final = 5
# Above LINLI_GATEWAY_KEEPALIVE_S: the gateway must be the one that closes an idle connection.
_KEEP_ALIVE_S: Final = 75


class _Server(uvicorn.Server):
    """Tells, when it serves, whoever waits at the other end of a pipe."""

    def __init__(self, config: uvicorn.Config, tell: int | None) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        if self._tell is not None and self.started:
            os.write(self._tell, b"1")
            os.close(self._tell)


def main() -> None:
    """Serve until SIGTERM; then finish what has begun."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--door", type=int, required=True)
    parser.add_argument("--tell", type=int)
    asked = parser.parse_args()
    config = uvicorn.Config(
        f"services.{asked.name}.app:create",
        factory=True,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_FINISH_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    _Server(config, asked.tell).run(sockets=[socket.socket(fileno=asked.door)])


if __name__ == "__main__":
    main()
