"""How a hazard becomes a case: overdue by itself, or earlier by hand. From then on the case's ladder is its ladder."""

from uuid import UUID

from services.intake.cases.filing_service import Desk, file_in_session
from services.intake.cases.locking import lock_case
from services.intake.cases.moving import Move, move
from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.service import OutsideStep, record_outside_steps
from services.intake.cases.terms import Channel
from services.intake.forms.service import form_of, known_form
from services.intake.handling.service import handling_of
from services.intake.hazards import repository
from services.intake.hazards.models import Hazard
from services.intake.hazards.rules import HazardAction, HazardState
from services.intake.hazards.schemas import EscalateHazardIn
from services.intake.hazards.service import remember
from services.intake.hazards.telling import tell_hazard
from services.intake.visits.rules import title_of
from services.intake.visits.work import FieldWork
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Invalid, NotFound

__all__ = ["escalate", "mark_overdue"]


async def escalate(work: FieldWork, hazard: Hazard, wanted: EscalateHazardIn) -> None:
    """Make a case of a hazard that cannot wait until it is overdue.

    Raises:
        UnknownArea, UnknownCategory, CategoryNotValid: no case can be filed there any more.
    """
    session, caller = work.session, work.caller
    hazard.case_id = await _file(session, work.desk, caller, hazard)
    hazard.version += 1
    data = {"case_id": str(hazard.case_id)}
    remember(session, hazard, HazardAction.ESCALATE, caller.actor, utc_now(), note=wanted.reason, data=data)
    await session.flush()


async def mark_overdue(session: WriteSession, desk: Desk, tenant: str, hazard_id: UUID) -> Hazard | None:
    """Write down, once for each due time, that a hazard was not rectified; it becomes a case, or its case hears.

    Where no case can be filed any more, because the area or the category has been closed since, its officers are told
    all the same.
    """
    hazard = await repository.lock_hazard(session, None, hazard_id)
    now = utc_now()
    if hazard is None or hazard.state != HazardState.NOTICED or hazard.overdue_at is not None or hazard.due_at > now:
        return None
    hazard.overdue_at, hazard.late = now, True
    if hazard.case_id is not None:
        told = OutsideStep(hazard.case_id, "hazard_overdue", "system", {"hazard_id": str(hazard.id)})
        await record_outside_steps(session, [told])
    else:
        hazard.case_id = await _file_if_possible(session, desk, Principal(tenant, None, "system"), hazard)
    hazard.version += 1
    data = {"due_at": hazard.due_at.isoformat()}
    if hazard.case_id is not None:
        data["case_id"] = str(hazard.case_id)
    remember(session, hazard, "overdue", "system", now, data=data)
    await tell_hazard(session, hazard, "hazard_overdue")
    return hazard


async def _file_if_possible(session: WriteSession, desk: Desk, caller: Principal, hazard: Hazard) -> UUID | None:
    await session.flush()
    try:
        async with session.begin_nested():
            return await _file(session, desk, caller, hazard)
    except Invalid:
        await session.refresh(hazard)
        return None


async def _file(session: WriteSession, desk: Desk, caller: Principal, hazard: Hazard) -> UUID:
    """File the case of a hazard in the name of who found it, so that they are asked whether it is solved."""
    await handling_of(session)
    if known_form(session.tenant, hazard.category) is None:
        await form_of(session, hazard.category)
    case_id = new_id()
    location = None
    if hazard.latitude is not None and hazard.longitude is not None:
        location = {"latitude": hazard.latitude, "longitude": hazard.longitude}
    wanted = FileCaseIn.model_validate(
        {
            "id": case_id,
            "category": hazard.category,
            "title": title_of(hazard.description),
            "description": hazard.description,
            "area_id": hazard.area_id,
            "location": location,
            "place_text": hazard.place_text,
        }
    )
    await file_in_session(
        session, desk, caller, wanted, channel=Channel.VISIT, asks=False, requester_id=hazard.reporter_id
    )
    case = await lock_case(session, None, case_id)
    if case is None:
        raise NotFound
    data = {"hazard_id": str(hazard.id), "visit_id": str(hazard.visit_id), "due_at": hazard.due_at.isoformat()}
    await move(session, case, Move("born_of_hazard", caller.actor, data=data), tells=False)
    return case_id
