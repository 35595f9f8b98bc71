"""Taking a message in: verified on its bytes, written once, and never refused in any other way than by a Problem."""

import hashlib
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from services.matching.conformance.rules import Event, Seen, is_for_a_run
from services.matching.conformance.service import note_seen
from services.matching.webhook_secrets.rules import Mode
from services.matching.webhooks_in.keyring import Key, Keyring, Ring
from services.matching.webhooks_in.reading import read_items
from services.matching.webhooks_in.repository import RECEIVE
from services.matching.webhooks_in.rules import MalformedMessage, OtherContent, TooManyItems
from services.matching.webhooks_in.sharing import Shared
from shared.clock import machine_now, utc_now
from shared.contracts.matching_partners import WebhookReceived
from shared.db import Database, check_tenant
from shared.ids import new_id
from shared.messaging.outbox import event_body
from shared.problems import Problem, Unavailable
from shared.webhooks import SignatureRefused, SignedMessage, TimestampRefused, read_signed_message

__all__ = ["Desk", "Receipt", "Sender"]

# Keys may change between looking and writing, and two processes may write the same message at once: once is enough.
_TRIES: Final = 3
_SEEN: Final[dict[type[Problem], Event]] = {
    SignatureRefused: Event.UNSIGNED,
    TimestampRefused: Event.STALE,
    MalformedMessage: Event.MALFORMED,
    TooManyItems: Event.TOO_LARGE,
    OtherContent: Event.OTHER_CONTENT,
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who an address says is sending."""

    tenant: str
    partner_id: UUID

    @classmethod
    def read(cls, tenant: str, partner_id: str) -> "Sender":
        """Read an address; one that cannot be anybody's is refused like one that nobody has signed for."""
        try:
            return cls(check_tenant(tenant), UUID(partner_id))
        except ValueError as error:
            raise SignatureRefused from error


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message that is kept."""

    delivery_id: UUID
    mode: Mode
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A message that is believed, and by which keys."""

    message: SignedMessage
    body: bytes
    digest: bytes
    ring: Ring
    fitting: list[Key]

    @property
    def mode(self) -> Mode:
        """What it does; who signs with both kinds of keys means it."""
        return Mode.LIVE if any(key.mode is Mode.LIVE for key in self.fitting) else Mode.SANDBOX


class Desk:
    """Takes messages in for one process.

    Args:
        database: the matching's.
        keyring: the partners' keys.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._writing: Shared[Hashable, Receipt | None] = Shared()

    async def receive(self, sender: Sender, headers: Iterable[tuple[str, str]], body: bytes) -> Receipt:
        """Take a message in; the same one again gets the same receipt and has no second effect.

        Raises:
            WebhookRefused: nobody, or nobody credible, has signed it.
            MalformedMessage: its sender is known and it is no batch of offers.
            TooManyItems: it is too large a batch.
            OtherContent: another message had this id.
        """
        message = read_signed_message(headers)
        try:
            accepted, receipt = await self._take_in(sender, message, body)
        except Problem as problem:
            seen = _SEEN.get(type(problem))
            if seen is not None:
                await self._note(sender, message, Seen(seen))
            raise
        if accepted.mode is Mode.LIVE:
            await self._note(sender, message, Seen(Event.SIGNED_LIVE))
        else:
            await self._note(sender, message, _seen(accepted, receipt))
        return receipt

    async def check_reader(self, sender: Sender, headers: Iterable[tuple[str, str]], delivery_id: UUID) -> None:
        """Believe whoever asks for a report by signing its id over an empty body, with any of the partner's keys."""
        message = read_signed_message(headers)
        # Nothing is written that would look at the keys once more.
        _, fitting = await self._fitting(sender, message, b"", newer_than=time.monotonic())
        if message.message_id != str(delivery_id) or not fitting:
            raise SignatureRefused
        message.check_time(machine_now())

    async def _take_in(self, sender: Sender, message: SignedMessage, body: bytes) -> tuple[_Accepted, Receipt]:
        # A run looks at the keys as they are now.
        newer_than = time.monotonic() if is_for_a_run(message.message_id) else 0.0
        for _ in range(_TRIES):
            ring, fitting = await self._fitting(sender, message, body, newer_than=newer_than)
            newer_than = ring.seen_at
            if not fitting:
                raise SignatureRefused
            # Partners sign by the world's clock, also where ours is moved: here and where reports are read.
            message.check_time(machine_now())
            accepted = _Accepted(message, body, hashlib.sha256(body).digest(), ring, fitting)
            receipt = await self._write_once(sender, accepted)
            if receipt is not None:
                return accepted, receipt
        raise Unavailable

    async def _fitting(
        self, sender: Sender, message: SignedMessage, body: bytes, *, newer_than: float
    ) -> tuple[Ring, list[Key]]:
        """Return a partner's keys and those that have signed; remembered ones that do not fit are looked for anew."""
        asked_at = time.monotonic()
        ring = await self._keyring.ring(sender.tenant, sender.partner_id, newer_than=newer_than)
        fitting = ring.fitting(message, body)
        if not fitting and ring.seen_at < asked_at:
            ring = await self._keyring.ring(sender.tenant, sender.partner_id, newer_than=ring.seen_at)
            fitting = ring.fitting(message, body)
        return ring, fitting

    async def _write_once(self, sender: Sender, accepted: _Accepted) -> Receipt | None:
        """Keep a message; whoever brings the very same one meanwhile waits for the same answer."""
        key = (sender, accepted.message.message_id, accepted.digest, tuple(key.id for key in accepted.fitting))
        receipt, is_first = await self._writing.result(key, partial(self._write, sender, accepted))
        return receipt if is_first or receipt is None else replace(receipt, is_new=False)

    async def _write(self, sender: Sender, accepted: _Accepted) -> Receipt | None:
        """Keep a message; None when its keys are no longer valid, or another process is just writing the same one."""
        items = len(read_items(accepted.body))
        delivery_id = new_id()
        subject = f"webhook-delivery/{delivery_id}"
        structlog.contextvars.bind_contextvars(tenant=sender.tenant, actor=f"partner/{sender.partner_id}")
        told = WebhookReceived(delivery_id=delivery_id, partner_id=sender.partner_id)
        event_id, event = event_body(sender.tenant, "matching", subject, told)
        row = await self._database.one_trip(
            sender.tenant,
            RECEIVE,
            sender.tenant,
            delivery_id,
            sender.partner_id,
            accepted.mode.value,
            accepted.message.message_id,
            accepted.digest,
            accepted.body,
            utc_now(),
            [key.id for key in accepted.fitting if key.mode is accepted.mode],
            items,
            event_id,
            event,
            subject,
        )
        if row is None or not row["allowed"] or row["id"] is None:
            return None
        if row["digest"] != accepted.digest:
            raise OtherContent
        return Receipt(UUID(str(row["id"])), accepted.mode, bool(row["is_new"]))

    async def _note(self, sender: Sender, message: SignedMessage, seen: Seen) -> None:
        if is_for_a_run(message.message_id):
            async with self._database.write(sender.tenant) as session:
                await note_seen(session, sender.partner_id, message.message_id, seen)


def _seen(accepted: _Accepted, receipt: Receipt) -> Seen:
    keys = accepted.ring.of(Mode.SANDBOX)
    by_newest = keys[-1] in accepted.fitting
    return Seen(Event.ACCEPTED if receipt.is_new else Event.ACCEPTED_AGAIN, keys=len(keys), by_newest=by_newest)
