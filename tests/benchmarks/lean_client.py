"""An HTTP/1.1 client for load that shares its machine with what it measures, and so must cost next to nothing.

It keeps connections, sends one request at a time on each, and understands answers with a Content-Length: all that the
gateway gives to JSON. What it does not understand is an error, never a guess.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

__all__ = ["LeanClient"]

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class LeanClient:
    """Connections to one server.

    Args:
        url: of the server, `http://host:port`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        """Ask, and return the status and the body.

        Args:
            method: of HTTP.
            target: the path with its query, as it stands in the request.
            headers: of the caller; length and type of the body are added.
            body: JSON, or nothing.

        Raises:
            ConnectionError: the server went away, or said something that is not understood.
        """
        lines = [f"{method} {target} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
        if body:
            lines.append(f"content-type: application/json\r\ncontent-length: {len(body)}\r\n")
        reader, writer = self._kept() or await asyncio.open_connection(self._host, self._port)
        try:
            writer.write("".join(lines).encode("latin-1") + b"\r\n" + body)
            head = await reader.readuntil(_END)
            length = head.lower().find(_LENGTH)
            if length < 0:
                message = f"an answer without a length: {head[:200]!r}"
                raise ConnectionError(message)
            start = length + len(_LENGTH)
            answer = await reader.readexactly(int(head[start : head.index(b"\r", start)]))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            writer.close()
            raise ConnectionError(str(error)) from error
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return int(head[9:12]), answer

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection that the server has not closed meanwhile."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    def close(self) -> None:
        """Close the idle connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()
