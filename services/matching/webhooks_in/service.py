"""Working messages off: some lines at a time, each of them alone."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from services.matching.conformance.rules import Event, Seen, is_for_a_run
from services.matching.conformance.service import note_seen
from services.matching.locking import take_turn
from services.matching.partners.service import get_partner
from services.matching.webhook_secrets.rules import Mode
from services.matching.webhooks_in import repository
from services.matching.webhooks_in.applying import Applying, applying
from services.matching.webhooks_in.models import WebhookDelivery
from services.matching.webhooks_in.reading import item_base, named_in, read_item, read_items
from services.matching.webhooks_in.rules import Complaint, DeliveryState, Fate, complaint_of
from shared.clock import utc_now
from shared.db import WriteSession
from shared.problems import Problem, accident_problem, is_away

__all__ = ["work_off"]

log = structlog.get_logger()


async def work_off(session: WriteSession, partner_id: UUID, delivery_id: UUID, until: float) -> bool:
    """Work off the next lines of a delivery, each alone: what is wrong with one is its own affair.

    Args:
        session: the transaction of these lines; how far the work is, is written in it.
        partner_id: whose; the partner's deliveries take turns.
        delivery_id: the delivery.
        until: the end of the turn by the monotonic clock, in seconds.

    Returns:
        Whether there are more.
    """
    await take_turn(session, "webhooks", partner_id)
    delivery = await repository.lock_delivery(session, delivery_id)
    if delivery is None or delivery.body is None or delivery.state == DeliveryState.DONE:
        return False
    items = read_items(delivery.body)
    sink = applying(Mode(delivery.mode), session, await get_partner(session, partner_id))
    lines = await _lines(session, sink, list(enumerate(items))[delivery.next_item :], until)
    await _write(session, delivery, lines)
    await session.flush()
    return delivery.next_item < delivery.items


async def _lines(
    session: WriteSession, sink: Applying, numbered: Sequence[tuple[int, Any]], until: float
) -> list[dict[str, Any]]:
    """Take items in until the turn is over, together in one savepoint, or each in its own if one meets an accident."""
    lines: list[dict[str, Any]] = []
    try:
        async with session.begin_nested():
            for position, raw in numbered:
                if time.monotonic() >= until:
                    break
                lines.append(await _line(sink, raw, position))
    except Exception as error:
        if is_away(error):
            raise
        log.warning("webhook_lines_tried_each_alone", error=repr(error)[:300])
        return [await _alone(session, sink, raw, position) for position, raw in numbered[: len(lines) + 1]]
    return lines


async def _line(sink: Applying, raw: Any, position: int) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Take one item in."""
    item = read_item(raw, position)
    if isinstance(item, list):
        return _row(position, named_in(raw), Fate.REFUSED, item)
    named = item.model_dump(include={"action", "external_id", "external_version"})
    try:
        fate, understood = await sink.apply(item)
    except Problem as problem:
        # Nothing was written then.
        return _row(position, named, Fate.REFUSED, [complaint_of(problem, item_base(position))])
    return _row(position, named, fate, [], understood)


async def _alone(session: WriteSession, sink: Applying, raw: Any, position: int) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Take one item in, in a savepoint of its own; an accident is its own affair too."""
    try:
        async with session.begin_nested():
            return await _line(sink, raw, position)
    except Exception as error:
        if is_away(error):
            raise
        complaint = complaint_of(accident_problem(error), item_base(position))
        return _row(position, named_in(raw), Fate.REFUSED, [complaint])


def _row(
    position: int,
    named: dict[str, Any],
    fate: Fate,
    complaints: list[Complaint],
    understood: dict[str, Any] | None = None,
) -> dict[str, Any]:
    told = [
        {
            "pointer": one.pointer,
            "code": one.code,
            "detail_zh": one.detail.zh,
            "detail_en": one.detail.en,
            "extra": dict(one.extra),
        }
        for one in complaints
    ]
    return {"position": position, **named, "fate": fate.value, "complaints": told, "understood": understood}


async def _write(session: WriteSession, delivery: WebhookDelivery, lines: list[dict[str, Any]]) -> None:
    """Note what became of lines, and how far the work is."""
    offers: dict[str, UUID] = {}
    if delivery.mode == Mode.LIVE:
        named = {line["external_id"] for line in lines if line["external_id"] and line["fate"] != Fate.REFUSED}
        offers = await repository.offer_ids(session, delivery.partner_id, named)
    rows = [{"delivery_id": delivery.id, "offer_id": offers.get(line["external_id"] or ""), **line} for line in lines]
    await repository.add_lines(session, rows)
    for line in lines:
        setattr(delivery, line["fate"], getattr(delivery, line["fate"]) + 1)
    delivery.next_item += len(lines)
    delivery.state = DeliveryState.WORKING.value
    if delivery.next_item < delivery.items:
        return
    delivery.state, delivery.done_at = DeliveryState.DONE.value, utc_now()
    if delivery.mode == Mode.SANDBOX and is_for_a_run(delivery.message_id):
        seen = Seen(
            Event.DONE,
            understood=delivery.items - delivery.refused,
            outdated=delivery.outdated,
            refused=delivery.refused,
        )
        await note_seen(session, delivery.partner_id, delivery.message_id, seen)
