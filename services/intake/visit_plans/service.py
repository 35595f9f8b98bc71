"""Use cases of plans."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.cases.problems import UnknownArea
from services.intake.cases.service import active_unit
from services.intake.inspections.repository import find_checklist
from services.intake.inspections.rules import UnknownChecklist
from services.intake.models import reference
from services.intake.visit_plans import repository
from services.intake.visit_plans.models import DoorDisclosure, VisitDoor, VisitPlan
from services.intake.visit_plans.problems import BadPeriod, TargetElsewhere, TargetsOverlap, TooManyRounds
from services.intake.visit_plans.rules import (
    ROUNDS_MAX,
    STAFF,
    STEPS,
    PlanAction,
    PlanFacts,
    PlanState,
    lies_within,
    overlapping,
    rounds,
)
from services.intake.visit_plans.schemas import DisclosedDoorOut, PlanIn, PlanTargetIn
from services.intake.visits.rules import same_door
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound
from shared.reference import find_area
from shared.steps import check_step
from shared.texts import Text
from shared.vault import Place, Vault

__all__ = [
    "begin_plan_step",
    "check_visitor",
    "disclose",
    "end_plan",
    "facts_of",
    "household_key",
    "make_plan",
    "read_doors",
    "seen_plan",
]

_LONGEST: Final = timedelta(days=3 * 366)
_COLUMN: Final = "visit_doors.sealed"


def facts_of(plan: VisitPlan) -> PlanFacts:
    """Return what the rules know of a plan."""
    return PlanFacts(PlanState(plan.state), plan.area_path)


def household_key(vault: Vault, tenant: str, area_id: UUID, label: str) -> bytes:
    """Return by what a household is known again, without the key of the house nothing is learnt from it."""
    return vault.index(tenant, "visit_door", f"{area_id}/{same_door(label)}")


async def make_plan(session: WriteSession, caller: Principal, vault: Vault, wanted: PlanIn) -> tuple[VisitPlan, bool]:
    """Plan visits.

    Returns:
        The plan and whether it is new: the same id with the same content is the same plan.

    Raises:
        IdTaken: the id names another plan.
        Forbidden: the caller is no officer of the area.
        UnknownArea, UnknownUnit, UnknownChecklist: there is none.
        BadPeriod, TooManyRounds, TargetElsewhere, TargetsOverlap: it cannot be counted.
    """
    plan_id = wanted.id or new_id()
    digest = vault.digest(session.tenant, wanted.model_dump(mode="json", exclude={"id"}))
    earlier = await repository.find_any_plan(session, plan_id)
    if earlier is None:
        path = await _open_area(session, wanted.area_id, "/area_id")
        caller.must(Role.OFFICER, Role.SECRETARY, at=path, rule="officers_plan_visits")
        await _check_names(session, wanted)
        parts = _rounds(wanted), await _targets(session, wanted, path), _doors(session, vault, plan_id, wanted)
        plan = _plan(session, caller, wanted, plan_id, path, digest)
        if await repository.add_plan(session, plan):
            await repository.add_parts(session, plan_id, *parts)
            return plan, True
        earlier = await repository.find_any_plan(session, plan_id)
    if earlier is None or (earlier.digest, earlier.created_by) != (digest, caller.actor):
        raise IdTaken(pointer="/id")
    return earlier, False


def _plan(
    session: WriteSession, caller: Principal, wanted: PlanIn, plan_id: UUID, path: str, digest: bytes
) -> VisitPlan:
    return VisitPlan(
        tenant_id=session.tenant,
        id=plan_id,
        kind=wanted.kind.value,
        title=wanted.title,
        area_id=wanted.area_id,
        area_path=path,
        first_on=wanted.first_on,
        last_on=wanted.last_on,
        every=wanted.every.value,
        checklist_code=wanted.checklist_code,
        person_ids=list(dict.fromkeys(wanted.person_ids)),
        unit_ids=list(dict.fromkeys(wanted.unit_ids)),
        state=PlanState.OPEN.value,
        end_note=None,
        digest=digest,
        created_by=caller.actor,
        created_at=utc_now(),
        version=1,
    )


async def _open_area(session: Session, area_id: UUID, pointer: str) -> str:
    area = await find_area(session, reference, area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer=pointer)
    return area.path


async def _check_names(session: WriteSession, wanted: PlanIn) -> None:
    for place, unit_id in enumerate(wanted.unit_ids):
        await active_unit(session, unit_id, f"/unit_ids/{place}")
    if wanted.checklist_code is not None and await find_checklist(session, wanted.checklist_code) is None:
        raise UnknownChecklist(pointer="/checklist_code")


def _rounds(wanted: PlanIn) -> list[dict[str, Any]]:
    if not timedelta(0) <= wanted.last_on - wanted.first_on <= _LONGEST:
        raise BadPeriod(pointer="/last_on")
    found = rounds(wanted.first_on, wanted.last_on, wanted.every)
    if len(found) > ROUNDS_MAX:
        raise TooManyRounds(pointer="/every", most=ROUNDS_MAX)
    return [
        {"position": number, "first_on": first_on, "last_on": last_on}
        for number, (first_on, last_on) in enumerate(found, start=1)
    ]


async def _targets(session: WriteSession, wanted: PlanIn, path: str) -> list[dict[str, Any]]:
    paths = []
    for place, target in enumerate(wanted.targets):
        paths.append(await _open_area(session, target.area_id, f"/targets/{place}/area_id"))
        if not lies_within(paths[-1], path):
            raise TargetElsewhere(pointer=f"/targets/{place}/area_id")
    overlap = overlapping(paths)
    if overlap is not None:
        raise TargetsOverlap(pointer=f"/targets/{overlap}/area_id")
    return [
        {
            "position": number,
            "area_id": target.area_id,
            "area_path": paths[number - 1],
            "households": target.households or len(_different(target)),
            "listed": bool(target.doors),
        }
        for number, target in enumerate(wanted.targets, start=1)
    ]


def _different(target: PlanTargetIn) -> dict[str, str]:
    """Return the doors of a list by what is the same in all spellings, the first spelling of each."""
    found: dict[str, str] = {}
    for label in target.doors:
        found.setdefault(same_door(label), label)
    return found


def _doors(session: WriteSession, vault: Vault, plan_id: UUID, wanted: PlanIn) -> list[dict[str, Any]]:
    rows = []
    for number, target in enumerate(wanted.targets, start=1):
        for place, label in enumerate(_different(target).values()):
            key = household_key(vault, session.tenant, target.area_id, label)
            sealed = vault.seal(label, _place_of(session.tenant, plan_id, key))
            rows.append({"target": number, "household_key": key, "place": place, "sealed": sealed})
    return rows


def _place_of(tenant: str, plan_id: UUID, key: bytes) -> Place:
    return Place(tenant, _COLUMN, f"{plan_id}/{key.hex()}")


async def seen_plan(session: Session, caller: Principal, plan_id: UUID) -> VisitPlan:
    """Return a plan that the caller may see.

    Raises:
        NotFound: for the caller it does not exist.
    """
    plan = await repository.find_plan(session, caller, plan_id)
    if plan is None:
        raise NotFound
    return plan


async def begin_plan_step(session: WriteSession, caller: Principal, plan_id: UUID, action: PlanAction) -> VisitPlan:
    """Lock a plan for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    plan = await repository.lock_plan(session, caller, plan_id)
    if plan is None:
        raise NotFound
    check_step(STEPS, action, facts_of(plan), caller)
    return plan


async def end_plan(session: WriteSession, plan: VisitPlan, action: PlanAction, note: str | None) -> None:
    """Finish a plan, or cancel it: a cancelled one counts nowhere."""
    plan.state = STEPS[action].target.value
    plan.end_note = note
    plan.version += 1
    await session.flush()


async def read_doors(
    session: WriteSession,
    caller: Principal,
    vault: Vault,
    plan: VisitPlan,
    purpose: str,
    *,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[tuple[VisitDoor, DisclosedDoorOut]]:
    """Open the doors of a plan for whoever goes there; that they were opened, and why, is written beside."""
    check_visitor(caller, plan.area_path, plan)
    rows = await repository.doors_of(session, plan.id, after=after, limit=limit)
    number = await repository.round_on(session, plan.id, today())
    keys = {door.household_key for door, _ in rows}
    reached = await repository.reached_keys(session, plan.id, number, keys) if number is not None else set()
    await disclose(session, caller, purpose, plan.area_path, plan_id=plan.id)
    return [
        (
            door,
            DisclosedDoorOut(
                target=door.target,
                area_id=area_id,
                door=vault.unseal(door.sealed, _place_of(session.tenant, plan.id, door.household_key)),
                reached=(door.target, door.household_key) in reached,
            ),
        )
        for door, area_id in rows
    ]


def check_visitor(caller: Principal, path: str, plan: VisitPlan | None) -> None:
    """Let in the area's own staff, and who is named in the plan.

    Raises:
        Forbidden: the caller does not go there.
    """
    if caller.has(*STAFF, at=path):
        return
    if plan is not None:
        units = caller.units(Role.UNIT_STAFF)
        if caller.subject_id in plan.person_ids or not units.isdisjoint(plan.unit_ids):
            return
    detail = Text(
        zh="由该区域工作人员或计划指定的人员走访", en="The area's own staff visits, and who is named in the plan"
    )
    raise Forbidden(detail, rule="visitors_of_the_area")


async def disclose(
    session: WriteSession,
    caller: Principal,
    purpose: str,
    path: str,
    *,
    plan_id: UUID | None = None,
    visit_id: UUID | None = None,
) -> None:
    """Write down that doors were shown in the clear, to whom and why."""
    row = DoorDisclosure(
        tenant_id=session.tenant,
        id=new_id(),
        plan_id=plan_id,
        visit_id=visit_id,
        area_path=path,
        purpose=purpose,
        actor=caller.actor,
        disclosed_at=utc_now(),
    )
    await repository.add_disclosure(session, row)
