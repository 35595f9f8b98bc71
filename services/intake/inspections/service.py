"""Use cases of inspections: checklists are published, and gone through."""

from typing import Any
from uuid import UUID

from services.intake.categories.repository import get_category
from services.intake.categories.rules import CaseKind
from services.intake.hazards.models import Hazard
from services.intake.hazards.problems import NotAHazardCategory
from services.intake.hazards.rules import Severity
from services.intake.hazards.schemas import FoundHazardIn
from services.intake.hazards.service import Found, found_on, own_visit
from services.intake.inspections import repository
from services.intake.inspections.models import Checklist, Inspection
from services.intake.inspections.rules import UnknownChecklist, check_items
from services.intake.inspections.schemas import ChecklistIn, InspectionIn
from services.intake.visits.models import Visit
from services.intake.visits.work import FieldWork
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken

__all__ = ["publish_checklist", "record_inspection"]


async def publish_checklist(
    session: WriteSession, caller: Principal, code: str, wanted: ChecklistIn
) -> tuple[Checklist, bool]:
    """Publish a checklist; what says the same as the newest version is that version.

    Returns:
        The newest version and whether it is new.

    Raises:
        NotAHazardCategory: its category is not one of hazards.
    """
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_checklists")
    category = await get_category(session, wanted.category)
    if category is None or category.kind != CaseKind.HAZARD:
        raise NotAHazardCategory(pointer="/category")
    body = wanted.model_dump(mode="json")
    for _ in range(2):
        newest = await repository.find_checklist(session, code)
        if newest is not None and all(getattr(newest, name) == value for name, value in body.items()):
            return newest, False
        row = Checklist(
            tenant_id=session.tenant,
            code=code,
            version=newest.version + 1 if newest is not None else 1,
            published_by=caller.actor,
            published_at=utc_now(),
            **body,
        )
        if await repository.add_checklist(session, row):
            return row, True
    raise IdTaken(pointer="/path/code")


async def record_inspection(work: FieldWork, wanted: InspectionIn) -> tuple[Inspection, bool]:
    """Record an inspection with the hazards that it found.

    Returns:
        The inspection and whether it is new: the same id with the same content is the same inspection.

    Raises:
        IdTaken: the id names another inspection.
        UnknownVisit, NotYourVisit: the visit is none, or somebody else's.
        UnknownChecklist, ItemsDiffer: the results are not those of the checklist.
    """
    session, caller = work.session, work.caller
    inspection_id = wanted.id or new_id()
    digest = work.vault.digest(session.tenant, wanted.model_dump(mode="json", exclude={"id"}))
    earlier = await repository.find_any_inspection(session, inspection_id)
    if earlier is None:
        visit = await own_visit(work, wanted.visit_id)
        checklist = await repository.find_checklist(session, wanted.checklist_code, wanted.checklist_version)
        if checklist is None:
            raise UnknownChecklist(pointer="/checklist_code")
        check_items(checklist.items, [result.item for result in wanted.results])
        results = [
            {
                "item": result.item,
                "result": result.result.value,
                "note": result.note,
                "hazard_id": str(result.hazard.id or new_id()) if result.hazard else None,
            }
            for result in wanted.results
        ]
        row = _inspection(work, visit, wanted, inspection_id, results, digest)
        if await repository.add_inspection(session, row):
            await _report(work, visit, row, checklist, wanted)
            return row, True
        earlier = await repository.find_any_inspection(session, inspection_id)
    if earlier is None or (earlier.digest, earlier.recorded_by) != (digest, caller.actor):
        raise IdTaken(pointer="/id")
    return earlier, False


def _inspection(
    work: FieldWork,
    visit: Visit,
    wanted: InspectionIn,
    inspection_id: UUID,
    results: list[dict[str, Any]],
    digest: bytes,
) -> Inspection:
    return Inspection(
        tenant_id=work.session.tenant,
        id=inspection_id,
        visit_id=visit.id,
        checklist_code=wanted.checklist_code,
        checklist_version=wanted.checklist_version,
        area_id=visit.area_id,
        area_path=visit.area_path,
        unit_id=wanted.unit_id or visit.unit_id,
        inspector_id=visit.visitor_id,
        recorded_by=work.caller.actor,
        inspected_at=visit.visited_at,
        results=results,
        failed=sum(result["hazard_id"] is not None for result in results),
        voided=False,
        digest=digest,
        recorded_at=utc_now(),
        version=1,
    )


async def _report(
    work: FieldWork, visit: Visit, row: Inspection, checklist: Checklist, wanted: InspectionIn
) -> list[Hazard]:
    """Report what failed, each with the severity and the time of its item unless something else was said."""
    items = {item["code"]: item for item in checklist.items}
    reported = []
    for place, (result, kept) in enumerate(zip(wanted.results, row.results, strict=True)):
        if result.hazard is None:
            continue
        found = _found(result.hazard, items[result.item], UUID(kept["hazard_id"]), checklist, row)
        reported.append(await found_on(work, visit, found, pointer=f"/results/{place}/hazard"))
    return reported


def _found(
    wanted: FoundHazardIn, item: dict[str, Any], hazard_id: UUID, checklist: Checklist, row: Inspection
) -> Found:
    return Found(
        hazard_id=hazard_id,
        inspection_id=row.id,
        item_code=item["code"],
        category=checklist.category,
        severity=wanted.severity or Severity(item["severity"]),
        minutes=wanted.minutes or item["minutes"],
        unit_id=wanted.unit_id or row.unit_id,
        wanted=wanted,
        digest=row.digest,
    )
