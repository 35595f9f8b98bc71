"""Use cases of needs."""

from typing import Any
from uuid import UUID

from services.matching.cases.repository import find_case_copy
from services.matching.locking import take_turn
from services.matching.needs import repository
from services.matching.needs.models import Need
from services.matching.needs.rules import STEPS, NeedAction, NeedFacts, NeedState
from services.matching.needs.schemas import NeedIn
from services.matching.offers.rules import PartlyMissing
from services.matching.places import open_area
from services.matching.problems import UnknownCase
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.matching import NeedOpened
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken
from shared.steps import check_step

__all__ = ["add_need", "facts_of", "open_need", "withdraw_need"]


def facts_of(need: Need) -> NeedFacts:
    """Return what the rules know of a need."""
    return NeedFacts(NeedState(need.state), need.area_path)


async def open_need(session: WriteSession, caller: Principal, wanted: NeedIn) -> tuple[Need, bool]:
    """Put a line on the demand list; returns it and whether it is new."""
    area = await open_area(session, wanted.area_id)
    caller.must(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER, at=area.path, rule="staff_open_needs")
    if wanted.case_id is not None and await find_case_copy(session, wanted.case_id) is None:
        raise UnknownCase(pointer="/case_id")
    if (wanted.latitude is None) != (wanted.longitude is None):
        raise PartlyMissing(pointer="/latitude")
    await take_turn(session, "need", wanted.id)
    earlier = await repository.find_need(session, wanted.id) if wanted.id else None
    if earlier is not None:
        asked = wanted.model_dump(exclude={"id"})
        if asked != {name: getattr(earlier, name) for name in asked}:
            raise IdTaken(pointer="/id")
        return earlier, False
    values = wanted.model_dump(exclude={"id"}) | {"area_path": area.path}
    return await add_need(session, wanted.id or new_id(), values), True


async def add_need(
    session: WriteSession, need_id: UUID, values: dict[str, Any], *, cause: Event[Any] | None = None
) -> Need:
    """Write a need and tell of it."""
    need = Need(
        tenant_id=session.tenant,
        id=need_id,
        state=NeedState.OPEN.value,
        no_match_reason=None,
        opened_at=utc_now(),
        version=1,
        **values,
    )
    session.add(need)
    await session.flush()
    told = NeedOpened(
        need_id=need.id, case_id=need.case_id, category=need.category, area_id=need.area_id, area_path=need.area_path
    )
    await publish(session, f"need/{need.id}", told, cause=cause)
    return need


async def withdraw_need(session: WriteSession, caller: Principal, need: Need, reason: str) -> None:
    """Take a line off the demand list that nobody needs any more; one that a project has is its project's business."""
    check_step(STEPS, NeedAction.WITHDRAW, facts_of(need), caller)
    need.state, need.withdrawn_reason = NeedState.WITHDRAWN.value, reason
    need.version += 1
    await session.flush()
