"""HTTP of held events: the same routes in every service, for administrators of the whole tenant."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Row

from shared.auth import Principal, Role, requires
from shared.db import Session, WriteSession
from shared.held import repository
from shared.held.schemas import DecisionIn, DecisionOut, HeldEvent, HeldEventLine, HeldState
from shared.pagination import Page, Paging
from shared.problems import Forbidden, NotFound, WrongState
from shared.texts import Text
from shared.web import Reading, Writing, service_router

__all__ = ["held_events_router"]

_ROLES = (Role.ADMINISTRATOR, Role.OPERATOR)


async def _keeper(caller: Annotated[Principal, Depends(requires(*_ROLES))]) -> Principal:
    """Let in who administers the whole tenant: an event may be about any of its areas."""
    if not any("." not in path for path in caller.paths(*_ROLES)):
        raise Forbidden(
            Text(zh="需要全区管理员", en="This takes an administrator of the whole tenant"), rule="whole_tenant"
        )
    return caller


Keeper = Annotated[Principal, Depends(_keeper)]


def _line(row: Row[Any]) -> HeldEventLine:
    return HeldEventLine.model_validate(row)


async def _whole(session: Session, service: str, event_id: UUID) -> HeldEvent:
    row = await repository.find_held(session, service, event_id)
    if row is None:
        raise NotFound
    decisions = [DecisionOut.model_validate(item) for item in await repository.decisions_of(session, service, row.id)]
    return HeldEvent.model_validate(
        {**_line(row).model_dump(), "event": repository.event_of(row.body), "decisions": decisions}
    )


async def _decide(
    session: WriteSession,
    service: str,
    caller: Principal,
    event_id: UUID,
    decision: Literal["requeue", "skip"],
    reason: str,
) -> HeldEvent:
    dead = await repository.lock_dead(session, service, event_id)
    if dead is None:
        found = await repository.find_held(session, service, event_id)
        if found is None:
            raise NotFound
        raise WrongState(state=found.state)
    await repository.decide(session, service, event_id, decision=decision, reason=reason, actor=caller.actor)
    await repository.set_state(session, service, event_id, decision=decision)
    if decision == "skip":
        await repository.release_successor(session, service, dead.subject, dead.sequence)
    return await _whole(session, service, event_id)


def held_events_router(service: str) -> APIRouter:
    """Make the routes of one service, `/v1/<service>-events`."""
    router = service_router(tags=["held events 滞留事件"], prefix=f"/v1/{service}-events")

    @router.get("", summary="Events that are held 滞留事件")
    async def list_held_events(
        _: Keeper, session: Reading, paging: Paging, state: HeldState = "dead"
    ) -> Page[HeldEventLine]:
        """Return the events that this service has received and not applied, the newest first.

        `waiting` for an earlier event of the same subject; `failed` and being tried again; `dead` after the last try;
        `skipped` by a person.
        """
        rows = await repository.list_held(session, service, state=state, after=paging.after, limit=paging.size + 1)
        return paging.page(rows, key=lambda row: (row.received_at, row.id), view=_line)

    @router.get("/{event_id}", summary="Read an event 事件详情")
    async def read_held_event(_: Keeper, session: Reading, event_id: UUID) -> HeldEvent:
        """Return an event whole, with its error and what was decided about it."""
        return await _whole(session, service, event_id)

    @router.post("/{event_id}/requeue", summary="Put a dead event back 重新投递")
    async def requeue_event(caller: Keeper, session: Writing, event_id: UUID, wanted: DecisionIn) -> HeldEvent:
        """Try a dead event again from the beginning, within a second; what waits behind it follows."""
        return await _decide(session, service, caller, event_id, "requeue", wanted.reason)

    @router.post("/{event_id}/skip", summary="Leave a dead event out 跳过")
    async def skip_event(caller: Keeper, session: Writing, event_id: UUID, wanted: DecisionIn) -> HeldEvent:
        """Give a dead event up for good, so that what waits behind it goes on. It and the reason stay on record."""
        return await _decide(session, service, caller, event_id, "skip", wanted.reason)

    return router
