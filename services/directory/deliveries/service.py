"""What is to be delivered, what became of it, trying it again by hand, and forgetting somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.directory.deliveries import repository
from services.directory.deliveries.models import Delivery
from services.directory.deliveries.rules import Channel, DropReason, NotFailed, State
from services.directory.deliveries.schemas import AttemptView, DeliveryDetail, DeliveryView, OwnDelivery
from services.directory.devices import repository as devices
from services.directory.devices.rules import Wishes, quiet_until
from services.directory.devices.service import refresh_reach, wishes_of
from services.directory.reach import administered_paths
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.directory import NotificationSent
from shared.contracts.intake import NotificationDue
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import NotFound
from shared.web import check_version

__all__ = [
    "accept_due",
    "delivery_view",
    "finish",
    "forget_person",
    "list_deliveries",
    "own_deliveries",
    "read_delivery",
    "try_again",
]


async def accept_due(session: WriteSession, due: Sequence[NotificationDue]) -> None:
    """Keep what is to be told, one delivery for each channel that the person has and wishes; twice is once.

    What comes in quiet hours waits for their end, unless it is urgent.
    """
    people = await repository.people_among(session, {item.person_id for item in due})
    wishes = await wishes_of(session, people.keys())
    with_device = {device.person_id for device in await devices.devices_of(session, people.keys())}
    now = utc_now()
    rows = []
    for item in due:
        person = people.get(item.person_id)
        if person is None:
            continue
        wish = wishes[person.id]
        if wish.push and person.id in with_device:
            rows.append(_row(item, Channel.PUSH, wish, now))
        if wish.sms and person.phone is not None:
            rows.append(_row(item, Channel.SMS, wish, now))
    await repository.add_deliveries(session, rows)


def _row(due: NotificationDue, channel: Channel, wish: Wishes, now: datetime) -> dict[str, Any]:
    quiet = None if due.urgent else quiet_until(wish, now)
    return {
        "id": new_id(),
        "notification_id": due.notification_id,
        "person_id": due.person_id,
        "channel": channel.value,
        "kind": due.kind[:40],
        "case_id": due.case_id,
        "title_zh": due.title_zh,
        "title_en": due.title_en,
        "urgent": due.urgent,
        "state": State.DUE.value,
        "next_at": quiet or now,
        "tries": 0,
        "counted": False,
        "version": 1,
        "created_at": now,
    }


async def finish(
    session: WriteSession, row: Delivery, state: State, *, reason: DropReason | None = None, detail: str | None = None
) -> None:
    """End a delivery, and tell what became of it."""
    now = utc_now()
    row.state = state.value
    row.reason = reason.value if reason else None
    row.detail = detail
    row.finished_at = now
    row.lease_id = row.leased_until = None
    row.version += 1
    await session.flush()
    told = NotificationSent(
        notification_id=row.notification_id,
        person_id=row.person_id,
        channel="push" if row.channel == Channel.PUSH.value else "sms",
        ok=state is State.SENT,
        detail=row.reason or detail,
        at=now,
    )
    await publish(session, f"person/{row.person_id}", told)


async def forget_person(session: WriteSession, person_id: UUID) -> None:
    """Delete the devices and tokens of somebody who is erased, send them nothing more, and tell the others.

    To be called in the transaction that erases the person, after their phone number is gone.
    """
    if person_id not in await devices.lock_people(session, {person_id}):
        raise NotFound
    await devices.delete_devices_of(session, person_id)
    # All rows are locked before anything is published, as whoever sends does it too.
    for row in await repository.due_of_person(session, person_id):
        await finish(session, row, State.DROPPED, reason=DropReason.ERASED)
    await refresh_reach(session, person_id)


async def own_deliveries(session: Session, caller: Principal) -> list[OwnDelivery]:
    """Return the newest messages to the caller, a hundred at most."""
    if caller.subject_id is None:
        return []
    rows = await repository.own_deliveries(session, caller.subject_id)
    return [OwnDelivery.model_validate(row).model_copy(update=_when(row)) for row in rows]


async def list_deliveries(
    session: Session,
    caller: Principal,
    *,
    state: State | None,
    channel: Channel | None,
    person_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Delivery]:
    """Return deliveries to people of the caller's areas, the newest first."""
    return await repository.list_deliveries(
        session,
        visible=administered_paths(caller),
        state=state,
        channel=channel,
        person_id=person_id,
        before=before,
        limit=limit,
    )


async def read_delivery(session: Session, caller: Principal, delivery_id: UUID) -> DeliveryDetail:
    """Return one delivery to somebody of the caller's areas, with every try."""
    row = await repository.find_delivery(session, delivery_id, visible=administered_paths(caller))
    if row is None:
        raise NotFound
    attempts = [AttemptView.model_validate(item) for item in await repository.attempts_of(session, row.id)]
    return DeliveryDetail(**delivery_view(row).model_dump(), attempts=attempts)


async def try_again(session: WriteSession, caller: Principal, delivery_id: UUID, expected: int) -> DeliveryView:
    """Send once more what has failed, with all its tries; what was counted for the day is not counted again."""
    row = await repository.find_delivery(session, delivery_id, visible=administered_paths(caller), lock=True)
    if row is None:
        raise NotFound
    check_version(expected, row.version, delivery_view(row))
    if row.state != State.FAILED.value:
        raise NotFailed(next_actions=[])
    row.state = State.DUE.value
    row.detail = None
    row.finished_at = None
    row.next_at = utc_now()
    row.tries = 0
    row.version += 1
    await session.flush()
    return delivery_view(row)


def delivery_view(row: Delivery) -> DeliveryView:
    """Represent a delivery for an administrator."""
    return DeliveryView.model_validate(row).model_copy(update=_when(row))


def _when(row: Delivery) -> dict[str, object]:
    """Tell when it is tried next only while it will be."""
    return {} if row.state == State.DUE.value else {"next_at": None}
