"""From rows to representations."""

from collections.abc import Sequence

from services.intake.attachments.repository import used_by
from services.intake.visits import repository
from services.intake.visits.models import Visit
from services.intake.visits.rules import STEPS
from services.intake.visits.schemas import VisitOut, VisitSummary
from services.intake.visits.service import facts_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["visit_out", "visits_out"]


async def visit_out(session: Session, caller: Principal, visit: Visit) -> VisitOut:
    """Show a visit."""
    return (await visits_out(session, caller, [visit]))[0]


async def visits_out(session: Session, caller: Principal, visits: Sequence[Visit]) -> list[VisitOut]:
    """Show many visits, in as many statements as one."""
    visit_ids = [visit.id for visit in visits]
    parts = await repository.parts_of(session, visit_ids)
    pictures = await used_by(session, visit_ids)
    return [
        VisitOut.model_validate(
            {
                **VisitSummary.model_validate(visit).model_dump(),
                "location": {"latitude": visit.latitude, "longitude": visit.longitude}
                if visit.latitude is not None
                else None,
                "on_plan": visit.on_plan,
                "note": visit.note,
                "void_reason": visit.void_reason,
                "heard": parts[visit.id].heard,
                "errands": parts[visit.id].errands,
                "attachment_ids": [attachment_id for attachment_id, _ in pictures.get(visit.id, [])],
                "next_actions": next_actions(STEPS, facts_of(visit), caller),
            }
        )
        for visit in visits
    ]
