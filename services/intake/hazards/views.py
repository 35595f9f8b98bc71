"""From rows to representations."""

from collections.abc import Sequence

from services.intake.attachments.repository import used_by
from services.intake.hazards.models import Hazard
from services.intake.hazards.rules import STEPS
from services.intake.hazards.schemas import HazardOut, HazardSummary
from services.intake.hazards.service import facts_of
from shared.auth import Principal
from shared.db import Session
from shared.steps import next_actions

__all__ = ["hazard_out", "hazards_out"]


async def hazard_out(session: Session, caller: Principal, hazard: Hazard) -> HazardOut:
    """Show a hazard."""
    return (await hazards_out(session, caller, [hazard]))[0]


async def hazards_out(session: Session, caller: Principal, hazards: Sequence[Hazard]) -> list[HazardOut]:
    """Show many hazards, in as many statements as one."""
    pictures = await used_by(session, [hazard.id for hazard in hazards])
    return [
        HazardOut.model_validate(
            {
                **HazardSummary.model_validate(hazard).model_dump(),
                "location": {"latitude": hazard.latitude, "longitude": hazard.longitude}
                if hazard.latitude is not None
                else None,
                "place_text": hazard.place_text,
                "minutes": hazard.minutes,
                "reporter_id": hazard.reporter_id,
                "reported_at": hazard.reported_at,
                "pictures": [
                    {"attachment_id": attachment_id, "purpose": purpose}
                    for attachment_id, purpose in pictures.get(hazard.id, [])
                ],
                "next_actions": next_actions(STEPS, facts_of(hazard), caller),
            }
        )
        for hazard in hazards
    ]
