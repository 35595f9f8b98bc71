"""What is done outside and not to a case: visits, inspections and hazards, each by the function of its endpoint.

Plans and checklists are made at a desk, and so is what only officers decide.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import BaseModel

from services.intake.hazards import repository as hazards
from services.intake.hazards import schemas as hazard_schemas
from services.intake.hazards import service as hazard_service
from services.intake.hazards.escalating import escalate
from services.intake.hazards.models import Hazard
from services.intake.hazards.rules import STEPS as HAZARD_STEPS
from services.intake.hazards.rules import HazardAction
from services.intake.hazards.schemas import HazardIn
from services.intake.hazards.views import hazard_out
from services.intake.inspections.schemas import InspectionIn
from services.intake.inspections.service import record_inspection
from services.intake.visits import repository as visits
from services.intake.visits import service as visit_service
from services.intake.visits.models import Visit
from services.intake.visits.rules import STEPS as VISIT_STEPS
from services.intake.visits.rules import VisitAction
from services.intake.visits.schemas import VisitIn, VoidVisitIn
from services.intake.visits.views import visit_out
from services.intake.visits.work import FieldWork
from shared.auth import Principal
from shared.db import Session, WriteSession
from shared.steps import check_step
from shared.web import InputModel

__all__ = ["FIELD_KINDS", "RECORD", "REPORT", "FieldKind", "FieldStep"]

RECORD: Final = "record"
REPORT: Final = "report"


class Versioned(Protocol):
    """A row that changes."""

    version: int


@dataclass(frozen=True, slots=True)
class FieldStep:
    """One step of something that is there.

    Attributes:
        schema: the body that its endpoint takes.
        check: refuses it for who may not take it, or when it is not possible.
        run: what its endpoint does.
    """

    schema: type[InputModel]
    check: Callable[[Any, Principal], None]
    run: Callable[[FieldWork, Any, Any], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class FieldKind:
    """One kind of thing.

    Attributes:
        made_by: the action that makes one.
        schema: the body of its endpoint, whose `id` is that of the operation.
        make: what its endpoint does; returns the version.
        lock: one that the caller may see, kept from others.
        show: how it looks to a caller.
        steps: what can be done with it.
    """

    made_by: str
    schema: type[InputModel]
    make: Callable[[FieldWork, Any], Awaitable[int]]
    lock: Callable[[WriteSession, Principal, UUID], Awaitable[Versioned | None]] | None = None
    show: Callable[[Session, Principal, Any], Awaitable[BaseModel]] | None = None
    steps: Mapping[str, FieldStep] = field(default_factory=dict)


async def _record_visit(work: FieldWork, wanted: VisitIn) -> int:
    return (await visit_service.record_visit(work, wanted))[0].version


async def _record_inspection(work: FieldWork, wanted: InspectionIn) -> int:
    return (await record_inspection(work, wanted))[0].version


async def _report_hazard(work: FieldWork, wanted: HazardIn) -> int:
    return (await hazard_service.report_hazard(work, wanted))[0].version


def _check_void(visit: Visit, caller: Principal) -> None:
    check_step(VISIT_STEPS, VisitAction.VOID, visit_service.facts_of(visit), caller)


async def _void(work: FieldWork, visit: Visit, wanted: VoidVisitIn) -> None:
    await visit_service.void_visit(work.session, visit, wanted.reason)


def _hazard_step(
    action: HazardAction, schema: type[InputModel], run: Callable[[FieldWork, Hazard, Any], Awaitable[object]]
) -> FieldStep:
    def check(hazard: Hazard, caller: Principal) -> None:
        check_step(HAZARD_STEPS, action, hazard_service.facts_of(hazard), caller)

    return FieldStep(schema, check, run)


async def _rectify(work: FieldWork, hazard: Hazard, wanted: hazard_schemas.RectifyHazardIn) -> None:
    await hazard_service.rectify(work.session, work.caller, hazard, wanted)


async def _look_again(
    work: FieldWork, hazard: Hazard, wanted: hazard_schemas.PassHazardIn | hazard_schemas.FailHazardIn
) -> None:
    await hazard_service.look_again(work.session, work.caller, hazard, wanted)


_HAZARD_STEPS: Final = {
    HazardAction.RECTIFY.value: _hazard_step(HazardAction.RECTIFY, hazard_schemas.RectifyHazardIn, _rectify),
    HazardAction.PASS.value: _hazard_step(HazardAction.PASS, hazard_schemas.PassHazardIn, _look_again),
    HazardAction.FAIL.value: _hazard_step(HazardAction.FAIL, hazard_schemas.FailHazardIn, _look_again),
    HazardAction.ESCALATE.value: _hazard_step(HazardAction.ESCALATE, hazard_schemas.EscalateHazardIn, escalate),
}

FIELD_KINDS: Final[Mapping[str, FieldKind]] = {
    "visit": FieldKind(
        RECORD,
        VisitIn,
        _record_visit,
        visits.lock_visit,
        visit_out,
        {VisitAction.VOID.value: FieldStep(VoidVisitIn, _check_void, _void)},
    ),
    "inspection": FieldKind(RECORD, InspectionIn, _record_inspection),
    "hazard": FieldKind(REPORT, HazardIn, _report_hazard, hazards.lock_hazard, hazard_out, _HAZARD_STEPS),
}
