"""Serves one app behind a door that the supervisor holds open: `python -m services.stack.serving intake --door FD`.

The listening socket outlives the process. While a service is replaced, or starts again after its death, connections
wait in the socket's queue instead of being refused.
"""

import argparse
import asyncio
import gc
import os
import signal
import socket
import time
from types import FrameType
from typing import Final

import uvicorn

__all__ = ["main"]

_FINISH_S: Final = 5
# Above LINLI_GATEWAY_KEEPALIVE_S: the gateway must be the one that closes an idle connection.
_KEEP_ALIVE_S: Final = 75
_LEAVE_S: Final = 4.5
_LOOK_EVERY_S: Final = 0.05
# The gateway's own way of writing answers; see there.
_PROTOCOLS: Final = {"gateway": "services.gateway.server:GatewayProtocol"}


class _Server(uvicorn.Server):
    """Tells, when it serves, whoever waits at the other end of a pipe; and leaves politely when it is replaced.

    SIGTERM closes idle connections at once, and whoever was about to use one has to ask again. SIGUSR2 is for when
    another process serves already: every answer from then on is the last of its connection, and idle ones are left to
    those at the other end for as long as the gateway keeps one.
    """

    def __init__(self, config: uvicorn.Config, tell: int | None) -> None:
        super().__init__(config)
        self._tell = tell
        self._is_replaced = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal."""
        signal.signal(signal.SIGUSR2, self._be_replaced)
        await super().serve(sockets=sockets)

    def _be_replaced(self, _number: int, _frame: FrameType | None) -> None:
        self._is_replaced = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what has begun."""
        if self._is_replaced:
            for server in self.servers:
                server.close()
            self.server_state.default_headers.append((b"connection", b"close"))
            deadline = time.monotonic() + _LEAVE_S
            while self.server_state.connections and time.monotonic() < deadline:
                await asyncio.sleep(_LOOK_EVERY_S)
        await super().shutdown(sockets=sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        gc.enable()
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
    # Loading an app makes hundreds of thousands of objects and no garbage worth looking for.
    gc.disable()
    config = uvicorn.Config(
        f"services.{asked.name}.app:create",
        factory=True,
        loop="uvloop",
        http=_PROTOCOLS.get(asked.name, "httptools"),
        log_level="warning",
        access_log=False,
        # The gateway may stand behind a proxy; the others are asked by nobody but the gateway.
        proxy_headers=asked.name == "gateway",
        timeout_graceful_shutdown=_FINISH_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    _Server(config, asked.tell).run(sockets=[socket.socket(fileno=asked.door)])


if __name__ == "__main__":
    main()
