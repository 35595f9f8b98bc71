"""The directory's public keys (JWKS, RFC 7517; Ed25519 by RFC 8037): fetched, kept, fetched again now and then.

An unknown key id may be a fresh key or a forgery, so it leads to a fetch, but not more often than every few seconds.
While the directory is away the last known keys stay good. A key that the directory no longer shows is forgotten, and
with it every token that it signed.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

import aiohttp
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.gateway.forwarding.rules import JWKS_PATH
from services.gateway.problems import KeysUnavailable
from shared.auth import read_public_key

__all__ = ["Keys", "read_keys"]

log = structlog.get_logger()

_RETRY_S: Final = 1.0
_UNKNOWN_KID_EVERY_S: Final = 5.0
_FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)
_KEYS_MAX: Final = 32


def read_keys(document: object) -> dict[str, Ed25519PublicKey]:
    """Read the Ed25519 keys out of a JWKS, by key id; entries of other kinds are passed over.

    Raises:
        ValueError: it is no JWKS.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        message = "not a JWKS"
        raise ValueError(message)  # noqa: TRY004 - what is wrong is the document's content
    keys: dict[str, Ed25519PublicKey] = {}
    for entry in entries[:_KEYS_MAX]:
        if isinstance(entry, dict) and entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519":
            keys[str(entry["kid"])] = read_public_key(str(entry["x"]))
    return keys


class Keys:
    """The directory's keys as last seen.

    Args:
        url: the directory.
        refresh_s: how long the keys are good without another look.
        on_change: called with the ids of keys that are gone.
    """

    def __init__(self, url: str, *, refresh_s: float, on_change: Callable[[frozenset[str]], None]) -> None:
        self._url = url + JWKS_PATH
        self._refresh_s = refresh_s
        self._on_change = on_change
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._tried_at = -_UNKNOWN_KID_EVERY_S
        self._fetching = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def are_known(self) -> bool:
        """Whether any token can be checked."""
        return bool(self._keys)

    def start(self, session: aiohttp.ClientSession) -> None:
        """Begin to fetch."""
        self._session = session
        self._loop_task = asyncio.create_task(self._refresh_forever())

    async def stop(self) -> None:
        """Fetch no more."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """Return the key, after another look at the directory if it is unknown and one is due.

        Raises:
            KeysUnavailable: no key at all is known.
        """
        if kid not in self._keys:
            await self._look_again()
        if not self._keys:
            raise KeysUnavailable(retry_after_s=int(_RETRY_S))
        return self._keys.get(kid)

    async def _look_again(self) -> None:
        pause_s = _UNKNOWN_KID_EVERY_S if self._keys else _RETRY_S
        asked_at = monotonic()
        async with self._fetching:
            # Whoever waited for another's fetch has its result already.
            if self._tried_at < asked_at and asked_at - self._tried_at >= pause_s:
                await self._fetch()

    async def _fetch(self) -> None:
        self._tried_at = monotonic()
        if self._session is None:
            return
        try:
            async with self._session.get(self._url, timeout=_FETCH_TIMEOUT) as answer:
                answer.raise_for_status()
                keys = read_keys(await answer.json(content_type=None))
        except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
            log.warning("keys_not_fetched", error=repr(error)[:200])
            return
        gone = frozenset(self._keys.keys() - keys.keys())
        self._keys = keys
        if gone:
            self._on_change(gone)

    async def _refresh_forever(self) -> None:
        while True:
            async with self._fetching:
                await self._fetch()
            await asyncio.sleep(self._refresh_s if self._keys else _RETRY_S)
