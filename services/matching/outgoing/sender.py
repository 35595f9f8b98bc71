"""One attempt: a POST with the three headers of Standard Webhooks, and what came back within the time and the size."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpcore
import httpx

from services.matching.outgoing.rules import AttemptError, read_retry_after
from services.matching.outgoing.transport import AddressRefused, GuardedTransport, NameUnknown
from shared.clock import machine_now, utc_now
from shared.webhooks import Signer, sign

__all__ = ["ANSWER_KEPT_BYTES", "Answer", "Letter", "Sender"]

# Enough to see what the receiver thinks; the rest is never read.
ANSWER_KEPT_BYTES: Final = 1024
_CONNECT_MAX_S: Final = 5.0
_HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "linli-webhooks/1",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to an endpoint: the same id and the same bytes at every attempt."""

    url: str
    message_id: str
    body: bytes = field(repr=False)
    signers: Sequence[Signer] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status with the beginning of its text, or why there is none."""

    at: datetime
    duration_ms: int
    status: int | None = None
    error: AttemptError | None = None
    text: str | None = None
    retry_after: timedelta | None = None


class Sender:
    """Sends letters; never raises, never takes longer than its timeout.

    Args:
        transport: connects to judged addresses only.
        timeout_s: for an attempt as a whole: a receiver that says a byte now and then would never be silent.
    """

    def __init__(self, transport: GuardedTransport, timeout_s: float) -> None:
        limits = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_MAX_S))
        self._http = httpx.AsyncClient(transport=transport, timeout=limits, follow_redirects=False, trust_env=False)
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> Answer:
        """Make one attempt."""
        # Receivers compare the time of sending with their own clocks, which no command of ours moves.
        at, sent_at, began = utc_now(), machine_now(), time.monotonic()

        def answer(
            status: int | None = None,
            error: AttemptError | None = None,
            text: str | None = None,
            retry_after: timedelta | None = None,
        ) -> Answer:
            duration_ms = int((time.monotonic() - began) * 1000)
            return Answer(at, duration_ms, status, error, text, retry_after)

        seen: httpx.Response | None = None
        kept = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                headers = _HEADERS | sign(letter.message_id, sent_at, letter.body, letter.signers)
                async with self._http.stream("POST", letter.url, content=letter.body, headers=headers) as response:
                    seen = response
                    await _read_beginning(response, kept)
        except Exception as error:  # noqa: BLE001 - whatever a receiver does, it is an attempt that failed
            if seen is None:
                return answer(error=_kind_of(error))
        # Whoever has said the status has answered, even if the text was broken off.
        retry_after = read_retry_after(seen.headers.get("retry-after"), sent_at)
        return answer(seen.status_code, text=_readable(kept), retry_after=retry_after)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def _read_beginning(response: httpx.Response, into: bytearray) -> None:
    async for part in response.aiter_raw():
        into += part[: ANSWER_KEPT_BYTES - len(into)]
        if len(into) >= ANSWER_KEPT_BYTES:
            return


def _readable(raw: bytearray) -> str | None:
    """Write an answer down as text; PostgreSQL holds no U+0000."""
    return raw.decode("utf-8", errors="replace").replace("\x00", "�") or None


def _kind_of(error: BaseException) -> AttemptError:
    if isinstance(error, AddressRefused):
        return AttemptError.ADDRESS_REFUSED
    if isinstance(error, NameUnknown):
        return AttemptError.NAME_UNKNOWN
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return AttemptError.TIMEOUT
    if isinstance(error.__cause__, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
        return AttemptError.TLS
    return AttemptError.CONNECT if isinstance(error, httpcore.ConnectError) else AttemptError.BROKEN
