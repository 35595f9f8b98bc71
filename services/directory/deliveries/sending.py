"""Sending: a delivery is claimed under a lease, tried outside of any transaction, and recorded.

Whoever dies between the two leaves a lease that runs out. Then it is sent once more with the same key, by which a
bridge knows it again. Locks are taken in one order: people, the delivery, then what is published; claiming skips what
is locked.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from services.directory.deliveries import repository
from services.directory.deliveries.models import Delivery
from services.directory.deliveries.rules import LEASE, TRIES_MAX, Channel, DropReason, State, retry_after
from services.directory.deliveries.senders import Message, Refused, Sent
from services.directory.deliveries.service import finish
from services.directory.deliveries.settings import DeliverySettings
from services.directory.devices import repository as devices
from services.directory.devices.models import Device
from services.directory.devices.rules import Language, quiet_until
from services.directory.devices.service import remove_device, token_place, wishes_of
from services.directory.people import service as people
from shared.clock import machine_now, today, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.vault import UnreadableField, Vault

__all__ = ["Claimed", "Letter", "Tried", "claim_next", "record"]

log = structlog.get_logger()

_CHANCE: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, and the device that it is for."""

    message: Message
    device_id: UUID | None = None
    token_index: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to try until its lease runs out; without letters there is nothing to try."""

    delivery_id: UUID
    person_id: UUID
    lease_id: UUID
    letters: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a letter met with."""

    letter: Letter
    outcome: Sent | Refused
    at: datetime
    duration_ms: int


async def claim_next(
    session: WriteSession, channel: Channel, vault: Vault, settings: DeliverySettings
) -> Claimed | None:
    """Claim the longest due delivery of a channel.

    Returns:
        None when nothing is due; a claim without letters when the delivery was put off or dropped.
    """
    now = utc_now()
    row = await repository.next_due(session, channel, now, machine_now())
    if row is None:
        return None
    lease_id = new_id()
    if await _may_go(session, row, now):
        letters = await _letters(session, row, vault)
        if await _is_worth_a_try(session, row, letters, settings):
            row.tries += 1
            row.counted = True
            row.lease_id, row.leased_until = lease_id, machine_now() + LEASE
            return Claimed(row.id, row.person_id, lease_id, letters)
    return Claimed(row.id, row.person_id, lease_id, ())


async def _may_go(session: WriteSession, row: Delivery, now: datetime) -> bool:
    """Put it off to the end of the quiet hours that it is tried in."""
    wish = (await wishes_of(session, [row.person_id]))[row.person_id]
    if not (wish.push if row.channel == Channel.PUSH.value else wish.sms):
        await finish(session, row, State.DROPPED, reason=DropReason.UNREACHABLE)
        return False
    quiet = None if row.urgent else quiet_until(wish, now)
    if quiet is not None:
        row.next_at = quiet
        row.lease_id = row.leased_until = None
        return False
    return True


async def _is_worth_a_try(
    session: WriteSession, row: Delivery, letters: Sequence[Letter], settings: DeliverySettings
) -> bool:
    """End what cannot be sent: to nobody, too often, or more than somebody gets on a day."""
    if not letters:
        await finish(session, row, State.DROPPED, reason=DropReason.UNREACHABLE)
        return False
    if row.tries >= TRIES_MAX:
        await finish(session, row, State.FAILED, detail="the outcome of the last try is not known")
        return False
    channel = Channel(row.channel)
    most = settings.push_per_day if channel is Channel.PUSH else settings.sms_per_day
    if not row.counted and not await repository.count_one(session, row.person_id, channel, today(), most=most):
        await finish(session, row, State.DROPPED, reason=DropReason.CAP)
        return False
    return True


async def _letters(session: WriteSession, row: Delivery, vault: Vault) -> tuple[Letter, ...]:
    """Write the letters of a delivery: one to each device, or one to the phone in the language of the newest device."""
    owned = await devices.devices_of(session, [row.person_id])
    try:
        if row.channel == Channel.PUSH.value:
            return tuple(_to_device(row, device, vault) for device in owned)
        person = (await repository.people_among(session, [row.person_id]))[row.person_id]
        phone = people.view(person, vault, clear=True).phone
    except UnreadableField:
        log.error("address_unreadable", tenant=row.tenant_id, delivery_id=str(row.id))
        return ()
    language = owned[0].language if owned else Language.ZH.value
    return (Letter(_message(row, address=phone, language=language)),) if phone else ()


def _to_device(row: Delivery, device: Device, vault: Vault) -> Letter:
    token = vault.unseal(device.token, token_place(row.tenant_id, device.id))
    return Letter(_message(row, address=token, language=device.language, device=device), device.id, device.token_index)


def _message(row: Delivery, *, address: str, language: str, device: Device | None = None) -> Message:
    return Message(
        delivery_id=row.id,
        # Several devices of one delivery are several messages.
        key=f"{row.id}/{device.id}" if device else str(row.id),
        tenant=row.tenant_id,
        channel=Channel(row.channel),
        address=address,
        platform=device.platform if device else None,
        client_id=device.client_id if device else None,
        language=language,
        text=row.title_en if language == Language.EN.value else row.title_zh,
        kind=row.kind,
        case_id=row.case_id,
        urgent=row.urgent,
    )


async def record(session: WriteSession, claimed: Claimed, tried: Sequence[Tried]) -> None:
    """Write down what a try met with: sent once anybody has taken it, tried later, or failed.

    Devices that are gone are removed. A lease that was lost meanwhile leaves the delivery to whoever has it now.
    """
    gone = [one.letter for one in tried if isinstance(one.outcome, Refused) and one.outcome.gone]
    if gone:
        await devices.lock_people(session, {claimed.person_id})
    row = await repository.find_delivery(session, claimed.delivery_id, visible=None, lock=True)
    await repository.add_attempts(session, [_attempt(claimed, one) for one in tried])
    for letter in gone:
        if letter.device_id is not None:
            await remove_device(session, claimed.person_id, letter.device_id, letter.token_index)
    if row is None or row.state != State.DUE.value or row.lease_id != claimed.lease_id:
        return
    await _settle(session, row, [one.outcome for one in tried])


async def _settle(session: WriteSession, row: Delivery, outcomes: Sequence[Sent | Refused]) -> None:
    taken = [outcome for outcome in outcomes if isinstance(outcome, Sent)]
    if taken:
        await finish(session, row, State.SENT, detail=taken[0].detail)
        return
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    passing = [outcome for outcome in refused if not outcome.permanent]
    delay = retry_after(row.tries, _CHANCE.random()) if passing else None
    if delay is None:
        await finish(session, row, State.FAILED, detail=(passing or refused)[0].detail)
        return
    row.next_at = utc_now() + delay
    row.detail = passing[0].detail
    row.lease_id = row.leased_until = None
    await session.flush()


def _attempt(claimed: Claimed, one: Tried) -> dict[str, object]:
    return {
        "id": new_id(),
        "delivery_id": claimed.delivery_id,
        "device_id": one.letter.device_id,
        "at": one.at,
        "ok": isinstance(one.outcome, Sent),
        "detail": one.outcome.detail[:200],
        "duration_ms": one.duration_ms,
    }
