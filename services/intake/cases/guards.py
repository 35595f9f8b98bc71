"""Who may do what with a case, pure: each guard says why not."""

from collections.abc import Callable
from typing import Final

from services.intake.cases.terms import CaseFacts, Level, Outcome
from shared.auth import Principal, Role
from shared.steps import Denial
from shared.texts import Text

__all__ = [
    "AREA_STAFF",
    "answers_appeal",
    "appeals",
    "assigns",
    "chooses",
    "claims",
    "comments",
    "concerned_joiner",
    "fills_in",
    "handler",
    "hands_on",
    "judges",
    "lives_near",
    "neighbour",
    "offers",
    "officer_here",
    "pauses",
    "reopens",
    "replies",
    "requester",
    "resumes",
    "staff_here",
    "unmerges",
]

Guard = Callable[[CaseFacts, Principal], Denial | None]
AREA_STAFF: Final = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
_OFFICERS: Final = (Role.OFFICER, Role.SECRETARY, Role.CONVENOR)


def staff_here(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only the area's own staff."""
    if caller.has(*AREA_STAFF, at=case.area_path):
        return None
    return Denial(
        "staff_of_the_area", Text(zh="需由该区域的网格员或工作人员操作", en="Only the area's own staff may do this")
    )


def officer_here(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only an officer, secretary or convenor of the area."""
    if caller.has(*_OFFICERS, at=case.area_path):
        return None
    return Denial(
        "officers_of_the_area", Text(zh="需由该区域的工作人员操作", en="Only an officer of the area may do this")
    )


def assigns(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only officers assign; a grid worker what is the grid's."""
    if caller.has(*_OFFICERS, at=case.area_path):
        return None
    if case.level is Level.GRID and caller.has(Role.GRID_WORKER, at=case.area_path):
        return None
    detail = Text(zh="需由该区域的工作人员或召集人指派", en="Only an officer or the convenor of the area may assign")
    return Denial("officers_assign", detail)


def offers(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only somebody who acts for a unit, while the case is nobody's."""
    if not caller.units(Role.UNIT_STAFF):
        return Denial("units_claim", Text(zh="只有单位人员可以认领", en="Only somebody who acts for a unit may claim"))
    if case.unit_id is not None:
        return Denial("assigned_to_another_unit", Text(zh="已指派给其他单位", en="It is assigned to another unit"))
    return None


def claims(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only somebody who acts for a unit; at a joint meeting units offer and one is chosen."""
    units = caller.units(Role.UNIT_STAFF)
    if not units:
        return Denial("units_claim", Text(zh="只有单位人员可以认领", en="Only somebody who acts for a unit may claim"))
    if case.unit_id is None:
        if case.level is Level.JOINT:
            detail = Text(zh="难事由联席会议择定：请先提出认领意向", en="A joint meeting chooses: make an offer first")
            return Denial("joint_meeting_chooses", detail)
        return None
    if case.unit_id not in units:
        return Denial("assigned_to_another_unit", Text(zh="已指派给其他单位", en="It is assigned to another unit"))
    return None


def chooses(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only the convenor of the meeting or an officer of the area."""
    if caller.has(*_OFFICERS, at=case.area_path):
        return None
    detail = Text(zh="由联席会议召集人择定", en="The convenor of the joint meeting chooses")
    return Denial("convenor_chooses", detail)


def handler(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only the unit that handles the case; a small one the area's staff."""
    if case.unit_id is not None and case.unit_id in caller.units(Role.UNIT_STAFF):
        return None
    if case.unit_id is None and case.level is Level.GRID:
        return staff_here(case, caller)
    return Denial("handler_only", Text(zh="需由承办单位操作", en="Only the unit that handles the case may do this"))


def hands_on(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only the unit that has the case."""
    if case.unit_id is not None and case.unit_id in caller.units(Role.UNIT_STAFF):
        return None
    return Denial("handler_only", Text(zh="需由承办单位操作", en="Only the unit that handles the case may do this"))


def replies(case: CaseFacts, caller: Principal) -> Denial | None:
    """The handler, or the area's staff."""
    return None if handler(case, caller) is None else staff_here(case, caller)


def pauses(case: CaseFacts, caller: Principal) -> Denial | None:
    """The handler or the area's staff, when time counts."""
    denial = replies(case, caller)
    if denial is None and case.is_paused:
        return Denial("already_paused", Text(zh="已暂停计时", en="The clock stands still already"))
    return denial


def resumes(case: CaseFacts, caller: Principal) -> Denial | None:
    """The handler or the area's staff, when time stands still."""
    denial = replies(case, caller)
    if denial is None and not case.is_paused:
        return Denial("not_paused", Text(zh="计时未暂停", en="The clock does not stand still"))
    return denial


def requester(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only the one who raised the case."""
    if caller.subject_id == case.requester_id:
        return None
    return Denial("requester_only", Text(zh="只有诉求人可以操作", en="Only the one who raised the case may do this"))


def judges(case: CaseFacts, caller: Principal) -> Denial | None:
    """The requester, or a representative of a collective case."""
    return None if caller.subject_id in case.representatives else requester(case, caller)


def reopens(case: CaseFacts, caller: Principal) -> Denial | None:
    """The requester, within the time that is counted from the closing."""
    denial = judges(case, caller)
    if denial is None and not case.can_reopen:
        return Denial("reopening_is_over", Text(zh="已超过重新提出的期限", en="The time for opening it again is over"))
    return denial


def appeals(case: CaseFacts, caller: Principal) -> Denial | None:
    """The requester, once it has been judged or declined, one appeal at a time."""
    denial = requester(case, caller)
    if denial is not None:
        return denial
    if case.appeals:
        return Denial("appeal_is_open", Text(zh="已有申诉在处理", en="An appeal is open already"))
    if case.outcome is not None and case.outcome is not Outcome.DECLINED:
        return Denial("nothing_to_appeal", Text(zh="没有可申诉的决定", en="Nothing to appeal against"))
    return None


def answers_appeal(case: CaseFacts, caller: Principal) -> Denial | None:
    """An officer, secretary or convenor of the area, when an appeal is open."""
    denial = officer_here(case, caller)
    if denial is None and not case.appeals:
        return Denial("no_appeal_is_open", Text(zh="没有待处理的申诉", en="No appeal is open"))
    return denial


def concerned_joiner(case: CaseFacts, caller: Principal) -> Denial | None:
    """Only who has joined."""
    del caller  # the facts are about this caller already
    if case.is_joined:
        return None
    return Denial("joiners_only", Text(zh="只有加入该诉求的居民可以操作", en="Only who has joined may do this"))


def comments(case: CaseFacts, caller: Principal) -> Denial | None:
    """Whoever is concerned: the requester, who has joined, the handler, the area's staff."""
    if caller.subject_id == case.requester_id or case.is_joined:
        return None
    return replies(case, caller)


def fills_in(case: CaseFacts, caller: Principal) -> Denial | None:
    """The requester, or the area's staff who have asked them."""
    return None if caller.subject_id == case.requester_id else staff_here(case, caller)


def neighbour(case: CaseFacts, caller: Principal) -> Denial | None:
    """A resident who is not yet part of it."""
    if caller.subject_id == case.requester_id or case.is_joined:
        return Denial("already_concerned", Text(zh="您已在该诉求中", en="You are part of this case already"))
    if caller.has(Role.RESIDENT):
        return None
    return Denial("residents_join", Text(zh="只有居民可以加入", en="Only residents may join"))


def unmerges(case: CaseFacts, caller: Principal) -> Denial | None:
    """The area's staff, what has been merged."""
    denial = staff_here(case, caller)
    if denial is None and case.outcome is not Outcome.MERGED:
        return Denial("not_merged", Text(zh="该诉求未被合并", en="The case is not merged"))
    return denial


def lives_near(caller: Principal, path: str) -> bool:
    """Tell whether a resident's home lies at the place, above it, or anywhere below the place's own parent."""
    around = path.rpartition(".")[0] or path
    homes = caller.paths(Role.RESIDENT)
    return caller.has(Role.RESIDENT, at=path) or any(f"{home}.".startswith(f"{around}.") for home in homes)
