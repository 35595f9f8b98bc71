"""From rows to representations."""

from collections.abc import Sequence

from services.intake.hazards.repository import hazards_of_inspections
from services.intake.hazards.views import hazards_out
from services.intake.inspections.models import Inspection
from services.intake.inspections.schemas import InspectionFound, InspectionOut, InspectionSummary
from shared.auth import Principal
from shared.db import Session

__all__ = ["inspection_out", "inspections_held", "inspections_out"]


async def inspection_out(session: Session, caller: Principal, row: Inspection) -> InspectionOut:
    """Show an inspection."""
    return (await inspections_out(session, caller, [row]))[0]


async def inspections_out(session: Session, caller: Principal, rows: Sequence[Inspection]) -> list[InspectionOut]:
    """Show many inspections, in as many statements as one."""
    found = await hazards_of_inspections(session, [row.id for row in rows])
    shown = await hazards_out(session, caller, [hazard for hazards in found.values() for hazard in hazards])
    return [
        InspectionOut(
            **InspectionSummary.model_validate(row).model_dump(),
            results=row.results,
            hazards=[hazard for hazard in shown if hazard.inspection_id == row.id],
        )
        for row in rows
    ]


async def inspections_held(session: Session, caller: Principal, rows: Sequence[Inspection]) -> list[InspectionFound]:
    """Show many inspections as phones hold them: the hazards come by themselves."""
    del session, caller
    return [InspectionFound.model_validate(row) for row in rows]
