"""What every route about a mediation does: begin a step on the version that was seen, and answer with what it left."""

from uuid import UUID

from fastapi import Response

from services.intake.mediation.models import Mediation
from services.intake.mediation.schemas import MediationOut
from services.intake.mediation.service import At, begin_mediation_step
from services.intake.mediation.terms import MediationAction
from services.intake.mediation.viewing import view_mediation
from services.intake.mediation.views import mediation_out
from shared.auth import Principal
from shared.db import WriteSession
from shared.web import check_version, set_etag

__all__ = ["begin", "told"]


async def begin(
    session: WriteSession, caller: Principal, mediation_id: UUID, action: MediationAction, expected: int | None
) -> At:
    """Lock a mediation for a step of a caller who has seen a version of it; None when the step overwrites nothing."""
    at = await begin_mediation_step(session, caller, mediation_id, action)
    if expected is not None and expected != at.mediation.version:
        current = mediation_out(await view_mediation(session, caller, at.mediation))
        check_version(expected, at.mediation.version, current)
    return at


async def told(session: WriteSession, caller: Principal, mediation: Mediation, response: Response) -> MediationOut:
    """Answer with the mediation as the step leaves it."""
    await session.flush()
    set_etag(response, mediation.version)
    return mediation_out(await view_mediation(session, caller, mediation))
