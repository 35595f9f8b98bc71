"""Who carries a one-time code to a phone: a port, an adapter for one's own machine, and one for a message provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

import httpx
import structlog

from services.directory.personal.rules import mask_phone
from services.directory.settings import DirectorySettings

__all__ = ["CodeSender", "ConsoleSender", "WebhookSender", "open_sender"]

log = structlog.get_logger()

_TIMEOUT_S: Final = 5.0


class CodeSender(Protocol):
    """Sends a code, or says in the log that it could not; it never raises, since nobody waits for it."""

    async def send(self, *, tenant: str, phone: str, code: str, expires_in_s: int) -> None:
        """Carry the code to the phone."""


class ConsoleSender:
    """Shows codes in the log, on the developer's own machine only."""

    async def send(self, *, tenant: str, phone: str, code: str, expires_in_s: int) -> None:
        """Write the code as a warning, so that no usual log level hides it."""
        log.warning("one-time code", tenant=tenant, phone=phone, code=code, expires_in_s=expires_in_s)


class WebhookSender:
    """Posts codes as JSON to a message provider's adapter; 2xx means that it has taken the code over."""

    def __init__(self, client: httpx.AsyncClient, url: str, token: str | None) -> None:
        self._client = client
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, *, tenant: str, phone: str, code: str, expires_in_s: int) -> None:
        """Post `{tenant, phone, code, expires_in_s}`."""
        body = {"tenant": tenant, "phone": phone, "code": code, "expires_in_s": expires_in_s}
        try:
            response = await self._client.post(self._url, json=body, headers=self._headers)
            response.raise_for_status()
        except httpx.HTTPError as error:
            # Without the traceback: its request holds the code.
            log.error("one_time_code_not_sent", tenant=tenant, phone=mask_phone(phone), error=type(error).__name__)


@asynccontextmanager
async def open_sender(settings: DirectorySettings) -> AsyncIterator[CodeSender]:
    """Give the sender that the settings ask for: the provider's if there is one, else the log of one's own machine."""
    if settings.code_sender_url is None:
        yield ConsoleSender()
        return
    token = settings.code_sender_token.get_secret_value() if settings.code_sender_token else None
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        yield WebhookSender(client, str(settings.code_sender_url), token)
