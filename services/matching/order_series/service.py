"""Use cases of recurring orders."""

from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from services.matching.locking import take_turn
from services.matching.offers.repository import lock_offer
from services.matching.order_series import repository
from services.matching.order_series.models import Occurrence, Series
from services.matching.order_series.rules import (
    STEPS,
    NoOccurrence,
    OccurrenceState,
    SeriesAction,
    SeriesFacts,
    SeriesState,
    days_of,
    is_over,
    slot_on,
)
from services.matching.order_series.schemas import SeriesIn
from services.matching.orders.contacts import keep_contact
from services.matching.orders.models import Order
from services.matching.orders.placing import Orderer, Placing, orderer_of, place_order
from services.matching.orders.repository import lock_any_order, take_number
from services.matching.orders.rules import ENDED, OrderAction, OrderState, UnknownOffer
from services.matching.orders.rules import STEPS as ORDER_STEPS
from services.matching.orders.schemas import OrderContent, SlotIn
from services.matching.orders.steps import end, times_of
from services.matching.orders.steps import facts_of as order_facts
from services.matching.places import open_area
from shared.auth import Principal
from shared.clock import CHINA, today, utc_now
from shared.contracts.matching import NoticeWanted
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound, Problem
from shared.steps import check_step
from shared.vault import Vault

__all__ = ["begin_step", "facts_of", "lock_series", "make_series", "plan", "skip_day", "stop_series"]

_SYSTEM: Final = "system"
_SAME: Final = ("offer_id", "area_id", "resource_id", "quantity", "up_to_fen", "rrule", "starts_on", "without_holidays")


def facts_of(series: Series) -> SeriesFacts:
    """Return what the rules know of a recurring order."""
    return SeriesFacts(
        SeriesState(series.state), series.area_path, series.requester_id, is_for_other=series.within is not None
    )


async def lock_series(session: WriteSession, caller: Principal, series_id: UUID) -> Series:
    """Return a recurring order for a change; NotFound when the caller may not know of it."""
    series = await repository.lock_series(session, caller, series_id)
    if series is None:
        raise NotFound
    return series


def begin_step(caller: Principal, series: Series, action: SeriesAction) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(series), caller)


async def make_series(session: WriteSession, caller: Principal, wanted: SeriesIn, vault: Vault) -> tuple[Series, bool]:
    """Let an order recur, and place its next ones at once; returns it and whether it is new."""
    orderer = await orderer_of(session, caller, wanted)
    await take_turn(session, "order_series", wanted.id)
    earlier = await repository.lock_any_series(session, wanted.id) if wanted.id is not None else None
    if earlier is not None:
        same = all(getattr(earlier, name) == getattr(wanted, name) for name in _SAME)
        if not same or earlier.requester_id != orderer.requester_id:
            raise IdTaken(pointer="/id")
        return earlier, False
    area = await open_area(session, wanted.area_id)
    # Locked before a number is taken, as by everybody who orders: so nobody waits for somebody who waits for them.
    offer = await lock_offer(session, wanted.offer_id)
    if offer is None:
        raise UnknownOffer(pointer="/offer_id")
    contact_id = await keep_contact(session, vault, wanted.contact)
    now = utc_now()
    series = Series(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        number=f"R-{now.year}-{await take_number(session, now.year):06d}",
        title=offer.title,
        offer_id=offer.id,
        requester_id=orderer.requester_id,
        placed_by=orderer.actor,
        within=orderer.within,
        area_id=area.id,
        area_path=area.path,
        resource_id=wanted.resource_id,
        quantity=wanted.quantity,
        up_to_fen=wanted.up_to_fen,
        is_of_age=wanted.is_of_age,
        contact_id=contact_id,
        rrule=wanted.rrule,
        starts_on=wanted.starts_on,
        opens=time.fromisoformat(wanted.starts_at),
        lasts_min=wanted.lasts_minutes,
        without_holidays=wanted.without_holidays,
        skips=sorted(set(wanted.skip_on)),
        planned_through=max(wanted.starts_on, today()) - timedelta(days=1),
        state=SeriesState.RUNNING.value,
        made_at=now,
        version=1,
    )
    session.add(series)
    await session.flush()
    await _plan(session, series)
    return series, True


async def plan(session: WriteSession, series_id: UUID) -> bool:
    """Place the orders of a recurring order that are due to be placed."""
    series = await repository.lock_any_series(session, series_id)
    if series is None or series.state != SeriesState.RUNNING:
        return False
    await _plan(session, series)
    return True


async def _plan(session: WriteSession, series: Series) -> None:
    """Deal with the days that come near; one that cannot be ordered does not keep the others from it."""
    last = today() + timedelta(days=(await times_of(session)).ahead_days)
    first = max(series.planned_through + timedelta(days=1), today())
    if last >= first:
        days = days_of(
            series.rrule,
            series.starts_on,
            first,
            last,
            skips=series.skips,
            without_holidays=series.without_holidays,
        )
        for day in days:
            await _order(session, series, day)
        series.planned_through = last
        series.version += 1
    if is_over(series.rrule, series.starts_on, series.planned_through):
        series.state = SeriesState.ENDED.value
        series.version += 1
    await session.flush()


async def _order(session: WriteSession, series: Series, day: date) -> None:
    starts_at, ends_at = slot_on(day, series.opens, series.lasts_min)
    if starts_at <= utc_now():
        return
    content = OrderContent(
        offer_id=series.offer_id,
        area_id=series.area_id,
        resource_id=series.resource_id,
        quantity=series.quantity,
        up_to_fen=series.up_to_fen,
        is_of_age=series.is_of_age,
    )
    placing = Placing(
        id=new_id(),
        content=content,
        slot=SlotIn(starts_at=starts_at, ends_at=ends_at),
        wanted_by=None,
        contact_id=series.contact_id,
        series_id=series.id,
    )
    orderer = Orderer(series.requester_id, series.placed_by, series.within)
    try:
        # What a refused order has written so far is undone; the days before and after it stay.
        async with session.begin_nested():
            order, _ = await place_order(session, orderer, placing)
    except Problem as refusal:
        _note(session, series, day, OccurrenceState.FAILED, reason=refusal.code)
        await _tell_failed(session, series, day)
        return
    _note(session, series, day, OccurrenceState.ORDERED, order=order)


def _note(
    session: WriteSession,
    series: Series,
    day: date,
    state: OccurrenceState,
    *,
    order: Order | None = None,
    reason: str | None = None,
) -> None:
    row = Occurrence(
        tenant_id=session.tenant,
        series_id=series.id,
        day=day,
        state=state.value,
        order_id=order.id if order is not None else None,
        reason=reason,
        at=utc_now(),
    )
    session.add(row)


async def _tell_failed(session: WriteSession, series: Series, day: date) -> None:
    wanted = NoticeWanted(
        kind="order_not_repeated",
        number=series.number,
        title=series.title,
        people=[series.requester_id],
        units=[],
        staff_of=[],
        due_at=slot_on(day, series.opens, series.lasts_min)[0],
    )
    await publish(session, f"order_series/{series.id}", wanted)


async def skip_day(session: WriteSession, caller: Principal, series: Series, day: date) -> None:
    """Leave a day out; if it was ordered already, that order is cancelled as its own rules allow.

    Raises:
        NoOccurrence: it does not recur on that day, or that day is over.
    """
    begin_step(caller, series, SeriesAction.SKIP)
    if day < today() or not days_of(
        series.rrule,
        series.starts_on,
        day,
        day,
        skips=series.skips,
        without_holidays=series.without_holidays,
    ):
        raise NoOccurrence(pointer="/day")
    known = await repository.find_occurrence(session, series.id, day)
    if known is not None:
        await _cancel(session, caller, known, must=True)
        known.state, known.at = OccurrenceState.SKIPPED.value, utc_now()
    series.skips = sorted({*series.skips, day})
    series.version += 1
    await session.flush()


async def _cancel(session: WriteSession, caller: Principal, known: Occurrence, *, must: bool) -> None:
    """Cancel the order of a day, unless it is over anyway; what has begun is refused, or left alone."""
    order = await lock_any_order(session, known.order_id) if known.order_id is not None else None
    if order is None or order.state in ENDED:
        return
    facts = order_facts(order, utc_now())
    if must:
        check_step(ORDER_STEPS, OrderAction.CANCEL, facts, caller)
    step = ORDER_STEPS[OrderAction.CANCEL]
    if step.guard(facts, caller) is not None or facts.state not in step.sources:
        return
    by_requester = caller.subject_id == order.requester_id
    await end(
        session,
        order,
        OrderState.CANCELLED,
        caller.actor,
        reason=None,
        kind="order_cancelled",
        by_requester=by_requester,
    )


async def stop_series(session: WriteSession, caller: Principal, series: Series) -> None:
    """Order nothing more, and cancel what was ordered for days to come and has not begun."""
    begin_step(caller, series, SeriesAction.STOP)
    for known in await repository.ordered_from(session, series.id, utc_now().astimezone(CHINA).date()):
        await _cancel(session, caller, known, must=False)
    series.state = SeriesState.STOPPED.value
    series.version += 1
    await session.flush()
