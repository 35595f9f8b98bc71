"""Use cases of notifications: telling, in the transaction of what happened, and reading."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.notifications import repository
from services.intake.notifications.rules import Channel, ReceiptState, rendered_outside
from services.intake.notifications.schemas import ReadIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.intake import NotificationDue
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import NotFound, Unauthenticated

__all__ = ["Receipt", "Told", "mark_read", "record_receipts", "rows_of", "send_outside", "tell"]


@dataclass(frozen=True, slots=True)
class Told:
    """Something that is to be told.

    Attributes:
        kind: one of the templates.
        case_id: what it is about.
        params: public words for the template; never a person's name or number.
        people: who is told by themselves.
        units: whose staff is told.
        roles: who holds such a role at an area or above it.
        urgent: whether it may disturb at night.
    """

    kind: str
    case_id: UUID | None
    params: Mapping[str, str]
    people: Collection[UUID] = ()
    units: Collection[UUID] = ()
    roles: Collection[tuple[Role, str]] = field(default_factory=tuple)
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message outside the inbox."""

    notification_id: UUID
    person_id: UUID
    channel: Channel
    ok: bool
    at: datetime
    detail: str | None = None


async def tell(session: WriteSession, *tolds: Told) -> None:
    """Put it into inboxes, and let the directory reach whoever wants to be reached elsewhere."""
    rows = rows_of(session, tolds, utc_now())
    await repository.add_notifications(session, rows)
    people = {row["person_id"] for row in rows} - {None}
    reachable = set(await repository.reachable_among(session, people)) if people else set()
    await send_outside(session, rows, reachable)


async def send_outside(session: WriteSession, rows: Sequence[dict[str, Any]], reachable: Collection[UUID]) -> None:
    """Let the directory reach outside the inbox whoever of those who are told can be reached there."""
    for row in rows:
        if row["person_id"] in reachable:
            text = rendered_outside(row["kind"], row["params"])
            due = NotificationDue(
                notification_id=row["id"],
                person_id=row["person_id"],
                kind=row["kind"],
                case_id=row["case_id"],
                title_zh=text.zh,
                title_en=text.en,
                urgent=row["urgent"],
            )
            await publish(session, f"person/{row['person_id']}", due)


def rows_of(session: WriteSession, tolds: Iterable[Told], now: datetime) -> list[dict[str, Any]]:
    """Return the rows of an inbox, one for each audience of each that is told."""
    return [row for told in tolds for row in _rows(session, told, now)]


def _rows(session: WriteSession, told: Told, now: datetime) -> list[dict[str, Any]]:
    return [
        *(_row(session, told, now, person_id=person) for person in dict.fromkeys(told.people)),
        *(_row(session, told, now, unit_id=unit) for unit in dict.fromkeys(told.units)),
        *(_row(session, told, now, role=role.value, area_path=path) for role, path in dict.fromkeys(told.roles)),
    ]


def _row(session: WriteSession, told: Told, now: datetime, **audience: Any) -> dict[str, Any]:  # noqa: ANN401
    nobody = {"person_id": None, "unit_id": None, "role": None, "area_path": None}
    return {
        "tenant_id": session.tenant,
        "id": new_id(),
        "kind": told.kind,
        "case_id": told.case_id,
        "params": dict(told.params),
        "urgent": told.urgent,
        "created_at": now,
        **nobody,
        **audience,
    }


async def record_receipts(session: WriteSession, receipts: Iterable[Receipt]) -> None:
    """Keep what became of messages outside the inbox."""
    rows = [
        {
            "notification_id": one.notification_id,
            "person_id": one.person_id,
            "channel": one.channel.value,
            "state": (ReceiptState.DELIVERED if one.ok else ReceiptState.FAILED).value,
            "detail": one.detail,
            "at": one.at,
        }
        for one in receipts
    ]
    await repository.add_receipts(session, rows)


async def mark_read(session: WriteSession, caller: Principal, wanted: ReadIn) -> int:
    """Note that the caller has read notifications. Returns how many had not been.

    Raises:
        NotFound: one of the ids was not told to the caller.
    """
    if caller.subject_id is None:
        raise Unauthenticated
    if wanted.ids is not None:
        mine: Sequence[UUID] = await repository.in_my_inbox(session, caller, wanted.ids)
        if len(mine) != len(set(wanted.ids)):
            raise NotFound
    else:
        upper = wanted.up_to
        rows = await repository.inbox(session, caller, before=None, unread=True, limit=500)
        mine = [row.id for row in rows if upper is not None and row.id <= upper]
    now = utc_now()
    receipts = [
        {
            "notification_id": one,
            "person_id": caller.subject_id,
            "channel": Channel.INBOX.value,
            "state": ReceiptState.READ.value,
            "detail": None,
            "at": now,
        }
        for one in dict.fromkeys(mine)
    ]
    return await repository.add_receipts(session, receipts)
