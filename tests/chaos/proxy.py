"""A TCP proxy that misbehaves when told to: it delays, cuts, leaves half open, truncates, or is not there."""

import asyncio
import random
from typing import Final, Literal

__all__ = ["Mode", "Proxy"]

Mode = Literal["through", "delay", "cut", "half_open", "truncate", "away"]
_CHUNK: Final = 65_536
_DELAY_S: Final = 0.05
_CUT_CHANCE: Final = 0.02


class Proxy:
    """Stands on a port of its own before a server on the loopback address.

    Args:
        target: the server's port.
        seed: of the dice that say which piece is cut.
    """

    def __init__(self, target: int, *, seed: int) -> None:
        self.target = target
        self.port = 0
        self._mode: Mode = "through"
        self._dice = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut everything."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def become(self, mode: Mode) -> None:
        """Behave in a way from now on."""
        if mode == "away":
            if self._server is not None:
                self._server.close()
                self._server = None
            self.cut()
        elif self._server is None:
            await self.start()
        self._mode = mode

    def cut(self) -> None:
        """Tear every connection, without a word to either side."""
        for pair in tuple(self._links):
            for writer in pair:
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            behind, ahead = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = (writer, ahead)
        self._links.add(link)
        try:
            await asyncio.gather(self._carry(reader, ahead), self._carry(behind, writer))
        finally:
            self._links.discard(link)
            for end in link:
                end.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(_CHUNK):
                while self._mode == "half_open":
                    # Open, and nothing comes: what waits is carried when the mode ends.
                    await asyncio.sleep(0.05)
                if self._mode == "delay":
                    await asyncio.sleep(_DELAY_S)
                if self._mode in {"cut", "truncate"} and self._dice.random() < _CUT_CHANCE:
                    if self._mode == "truncate":
                        sink.write(piece[: len(piece) // 2])
                        await sink.drain()
                    return
                sink.write(piece)
                await sink.drain()
        except OSError:
            return
        finally:
            sink.transport.abort()
