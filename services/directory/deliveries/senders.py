"""Who carries a message to a device or a phone: a port, an adapter for one's own machine, and one for a provider.

Providers differ and change, so none is built in: a small bridge in front of them takes JSON and answers by status.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import httpx
import structlog
from pydantic import HttpUrl, SecretStr

from services.directory.deliveries.rules import Channel
from services.directory.deliveries.settings import DeliverySettings
from services.directory.personal.rules import mask_phone

__all__ = ["ConsoleSender", "HttpSender", "Message", "Refused", "Sender", "Sent", "senders_of"]

log = structlog.get_logger()

_GONE: Final = 410
# Refusals that are about the moment, not about the message: request timeout, too early, too many requests.
_PASSING: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one device or phone.

    Attributes:
        key: the same at every try, so that a bridge carries a message once that comes twice.
        address: push token or phone number, in the clear; never in a log or a repr.
        platform: of the device; none for a text message.
        client_id: the app on the device; none for a text message.
    """

    delivery_id: UUID
    key: str
    tenant: str
    channel: Channel
    address: str = field(repr=False)
    platform: str | None
    client_id: str | None
    language: str
    text: str
    kind: str
    case_id: UUID | None
    urgent: bool

    @property
    def masked(self) -> str:
        """The address as it may be written down."""
        return mask_phone(self.address) if self.channel is Channel.SMS else f"…{self.address[-4:]}"


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken the message over."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message was not taken.

    Attributes:
        permanent: whether the same message would be refused again.
        gone: whether the address does not exist any more.
    """

    permanent: bool
    detail: str
    gone: bool = False


class Sender(Protocol):
    """Carries messages. It never raises, never takes longer than its timeout, and tells no secret in `detail`."""

    async def send(self, message: Message) -> Sent | Refused:
        """Carry a message."""


class ConsoleSender:
    """Writes one line to the log instead: for one's own machine, and for channels that nobody has set up."""

    async def send(self, message: Message) -> Sent | Refused:
        """Write to whom, masked, and which kind; the words stay out of the log."""
        log.info(
            "message_shown",
            tenant=message.tenant,
            channel=message.channel.value,
            to=message.masked,
            kind=message.kind,
            delivery_id=str(message.delivery_id),
        )
        return Sent("console")


class HttpSender:
    """Posts messages as JSON to the bridge of a provider.

    2xx has taken it over; 410 means that the address is gone; another 4xx is a refusal for good, except 408, 425 and
    429; everything else, silence too, is a refusal for now.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, token: str | None, timeout_s: float) -> None:
        self._client = client
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s

    async def send(self, message: Message) -> Sent | Refused:
        """Post the message; the body of the answer is never read."""
        body = {
            "delivery_id": str(message.delivery_id),
            "tenant": message.tenant,
            "channel": message.channel.value,
            "to": message.address,
            "platform": message.platform,
            "client_id": message.client_id,
            "language": message.language,
            "text": message.text,
            "kind": message.kind,
            "case_id": str(message.case_id) if message.case_id else None,
            "urgent": message.urgent,
        }
        headers = self._headers | {"Idempotency-Key": message.key}
        try:
            # For the whole exchange: a bridge that says a byte now and then would never be silent.
            async with asyncio.timeout(self._timeout_s):
                async with self._client.stream("POST", self._url, json=body, headers=headers) as response:
                    return _verdict(response.status_code)
        except TimeoutError:
            return Refused(permanent=False, detail="timeout")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The name only: the error's request holds the address.
            return Refused(permanent=False, detail=type(error).__name__)


def senders_of(settings: DeliverySettings) -> Mapping[Channel, Sender]:
    """Return who carries the messages of each channel."""
    return {
        Channel.PUSH: _sender(settings, settings.push_sender_url, settings.push_sender_token),
        Channel.SMS: _sender(settings, settings.sms_sender_url, settings.sms_sender_token),
    }


def _sender(settings: DeliverySettings, url: HttpUrl | None, token: SecretStr | None) -> Sender:
    if url is None:
        return ConsoleSender()
    limits = httpx.Limits(max_connections=settings.sends_at_once)
    client = httpx.AsyncClient(timeout=settings.sender_timeout_s, limits=limits)
    return HttpSender(client, str(url), token.get_secret_value() if token else None, settings.sender_timeout_s)


def _verdict(status: int) -> Sent | Refused:
    detail = f"HTTP {status}"
    if httpx.codes.is_success(status):
        return Sent(detail)
    if status == _GONE:
        return Refused(permanent=True, detail=detail, gone=True)
    return Refused(permanent=httpx.codes.is_client_error(status) and status not in _PASSING, detail=detail)
