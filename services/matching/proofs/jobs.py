"""What the intake says of proofs: what was none is struck out, noted in the history, and told."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.matching.holds.repository import find_hold
from services.matching.holds.service import lock_for_change
from services.matching.holds.service import note_step as note_hold_step
from services.matching.orders.repository import lock_any_order
from services.matching.orders.steps import note_step as note_order_step
from services.matching.projects.repository import lock_project
from services.matching.projects.service import note_step as note_project_step
from services.matching.proofs.repository import strike_out
from shared.contracts import Event
from shared.contracts.intake import ProofRefused
from shared.contracts.matching import NoticeWanted
from shared.db import WriteSession
from shared.messaging import Consumers, publish

__all__ = ["consumers"]

consumers = Consumers("matching")
_STEP: Final = "refuse_proof"
_SYSTEM: Final = "system"
_NUMBER_DIGITS: Final = 8


@consumers.on(ProofRefused)
async def strike_out_refused(session: WriteSession, events: Sequence[Event[ProofRefused]]) -> None:
    """Let nothing count as proof that is not there or belongs to somebody else."""
    for event in events:
        told = event.data
        notice = await _STRIKE[told.owner_kind](session, told.owner_id, told.attachment_ids)
        if notice is not None:
            await publish(session, f"proof/{told.owner_id}", notice, cause=event)


async def _of_project(session: WriteSession, project_id: UUID, ids: Sequence[UUID]) -> NoticeWanted | None:
    project = await lock_project(session, project_id)
    if project is None or not await strike_out(session, "project", project.id, ids):
        return None
    await session.refresh(project)
    note_project_step(session, project, _STEP, _SYSTEM, _told(ids))
    return _notice(project.number, project.title, project.lead_unit_id, project.area_path)


async def _of_order(session: WriteSession, order_id: UUID, ids: Sequence[UUID]) -> NoticeWanted | None:
    order = await lock_any_order(session, order_id)
    if order is None or not await strike_out(session, "order", order.id, ids):
        return None
    if order.hold_id is not None:
        # What was delivered of goods has the proofs of its order.
        await strike_out(session, "hold", order.hold_id, ids)
    await session.refresh(order)
    note_order_step(session, order, _STEP, _SYSTEM, _told(ids))
    return _notice(order.number, order.title, order.unit_id, order.area_path)


async def _of_hold(session: WriteSession, hold_id: UUID, ids: Sequence[UUID]) -> NoticeWanted | None:
    if await find_hold(session, hold_id) is None:
        return None
    hold, offer, partner = await lock_for_change(session, hold_id)
    if not await strike_out(session, "hold", hold.id, ids):
        return None
    await note_hold_step(session, hold, _STEP, _SYSTEM, _told(ids))
    return _notice(hold.id.hex[-_NUMBER_DIGITS:], offer.title, partner.unit_id, offer.coverage)


# Strike out and note it with the thing; None when nothing was named.
_STRIKE: Final = {"project": _of_project, "order": _of_order, "hold": _of_hold}


def _told(ids: Sequence[UUID]) -> dict[str, list[str]]:
    return {"attachment_ids": [str(one) for one in ids]}


def _notice(number: str, title: str, unit_id: UUID | None, area_path: str) -> NoticeWanted:
    return NoticeWanted(
        kind="proof_refused",
        number=number,
        title=title,
        people=[],
        units=[unit_id] if unit_id is not None else [],
        staff_of=[area_path],
        due_at=None,
    )
