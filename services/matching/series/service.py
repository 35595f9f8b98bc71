"""Use cases of series."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.matching.availability.hours import hours_of
from services.matching.availability.spans import Span
from services.matching.holds.models import Hold
from services.matching.holds.rules import CONFIRMING, STEPS, HoldAction, HoldState, Side
from services.matching.holds.service import (
    HoldRequest,
    confirm_hold,
    facts_of,
    lock_for_change,
    release_hold,
    take_hold,
    void_hold,
)
from services.matching.locking import take_turn
from services.matching.offers.models import Offer
from services.matching.offers.service import lock_offer
from services.matching.places import active_unit
from services.matching.series import repository
from services.matching.series.models import BookingSeries
from services.matching.series.rules import HOLDS_MAX, BadSeries, NothingToConfirm, occurrences
from services.matching.series.schemas import SeriesIn
from shared.auth import Principal
from shared.clock import CHINA, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound, Problem

__all__ = ["call_off", "confirm_series", "get_series", "hold_series", "lock_series"]


async def get_series(session: Session, series_id: UUID) -> BookingSeries:
    """Return a series, or NotFound."""
    series = await repository.find_series(session, series_id)
    if series is None:
        raise NotFound
    return series


async def lock_series(session: WriteSession, series_id: UUID) -> BookingSeries:
    """Return a series for a change, or NotFound."""
    series = await repository.lock_series(session, series_id)
    if series is None:
        raise NotFound
    return series


async def hold_series(session: WriteSession, caller: Principal, wanted: SeriesIn) -> tuple[BookingSeries, bool]:
    """Hold everything that a series takes, all of it or nothing; returns the series and whether it is new.

    A refusal names the part and the time that is in the way.
    """
    if wanted.unit_id is not None:
        await active_unit(session, wanted.unit_id)
        if wanted.unit_id not in caller.units():
            raise Forbidden(rule="own_unit")
    kept = wanted.model_dump(mode="json", include={"opening", "parts"})
    await take_turn(session, "series", wanted.id)
    earlier = await repository.find_series(session, wanted.id) if wanted.id else None
    if earlier is not None:
        same = (wanted.title, wanted.until, kept["opening"], kept["parts"], caller.actor)
        if same != (earlier.title, earlier.until, earlier.opening, earlier.parts, earlier.actor):
            raise IdTaken(pointer="/id")
        return earlier, False
    times = _times(kept["opening"], wanted.until, len(wanted.parts))
    series = BookingSeries(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        title=wanted.title,
        until=wanted.until,
        holds=0,
        taker_id=caller.subject_id,
        taker_unit_id=wanted.unit_id,
        actor=caller.actor,
        created_at=utc_now(),
        version=1,
        **kept,
    )
    # Two series that share offers lock them in the same order.
    offers = {
        offer_id: await lock_offer(session, offer_id) for offer_id in sorted({part.offer_id for part in wanted.parts})
    }
    for part in wanted.parts:
        for request in _requests(series, offers[part.offer_id], part.resource_id, part.quantity, times):
            await _take(session, part.offer_id, request, caller.actor)
            series.holds += 1
    session.add(series)
    await session.flush()
    return series, True


def _times(opening: dict[str, Any], until: date, parts: int) -> Sequence[Span]:
    hours = hours_of({"openings": [opening], "exceptions": []})
    times = occurrences(hours.openings[0], until, CHINA) if hours is not None else ()
    if not times:
        raise BadSeries(pointer="/until", reason="never")
    if len(times) * parts > HOLDS_MAX:
        raise BadSeries(pointer="/until", reason="too_often", limit=HOLDS_MAX)
    return times


def _requests(
    series: BookingSeries, offer: Offer, resource_id: UUID | None, quantity: int, times: Sequence[Span]
) -> list[HoldRequest]:
    """Return what a part takes: the time of a room or group, a share of each day, or once some of a stock."""
    common: dict[str, Any] = {
        "quantity": quantity,
        "for_kind": "series",
        "for_id": series.id,
        "taker_id": series.taker_id,
        "taker_unit_id": series.taker_unit_id,
    }
    if resource_id is not None:
        return [HoldRequest(resource_id=resource_id, starts_at=s.start, ends_at=s.end, **common) for s in times]
    if offer.capacity_per_day is not None:
        return [HoldRequest(day=span.start.astimezone(CHINA).date(), **common) for span in times]
    return [HoldRequest(**common)]


async def _take(session: WriteSession, offer_id: UUID, request: HoldRequest, actor: str) -> None:
    try:
        await take_hold(session, offer_id, request, actor=actor)
    except Problem as problem:
        problem.extra.setdefault("offer_id", str(offer_id))
        if request.starts_at is not None:
            problem.extra["occurrence"] = request.starts_at.isoformat()
        elif request.day is not None:
            problem.extra["occurrence"] = request.day.isoformat()
        raise


async def confirm_series(session: WriteSession, caller: Principal, series: BookingSeries, side: Side) -> None:
    """Agree for one side to everything of a series that the caller may agree to.

    Raises:
        NothingToConfirm: none of it waits for that side, or none is the caller's to confirm.
    """
    count = 0
    for seen in await repository.holds_of_series(session, series.id):
        hold, offer, partner = await lock_for_change(session, seen.id)
        is_open = hold.state == HoldState.HELD and getattr(hold, f"{side.value}_confirmed_at") is None
        if is_open and STEPS[CONFIRMING[side]].guard(facts_of(hold, offer, partner), caller) is None:
            await confirm_hold(session, hold, offer, partner, side, actor=caller.actor)
            count += 1
    if count == 0:
        raise NothingToConfirm
    series.version += 1
    await session.flush()


async def call_off(session: WriteSession, caller: Principal, series: BookingSeries, reason: str | None) -> None:
    """Give up what a series holds and has not begun: by whoever takes it, or an officer of the offers' area."""
    now = utc_now()
    for seen in await repository.holds_of_series(session, series.id):
        hold, offer, partner = await lock_for_change(session, seen.id)
        denial = STEPS[HoldAction.CONFIRM_AS_TAKER].guard(facts_of(hold, offer, partner), caller)
        if denial is not None:
            raise Forbidden(denial.detail, rule=denial.rule)
        if hold.state == HoldState.HELD:
            await void_hold(session, hold, offer, actor=caller.actor, reason=reason)
        elif hold.state == HoldState.COMMITTED and not _has_begun(hold, now.astimezone(CHINA).date()):
            await release_hold(session, hold, offer, actor=caller.actor, reason=reason)
    series.version += 1
    await session.flush()


def _has_begun(hold: Hold, today: date) -> bool:
    if hold.starts_at is not None:
        return hold.starts_at <= utc_now()
    return hold.day is not None and hold.day < today
