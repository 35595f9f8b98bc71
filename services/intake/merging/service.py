"""Use cases of merging: whoever raised or joined the case that goes away joins the other, until it is taken back."""

from uuid import UUID

from services.intake.cases import repository as cases
from services.intake.cases.guards import AREA_STAFF
from services.intake.cases.locking import lock_cases
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.service import close_case, count_joiners, let_go
from services.intake.cases.terms import Action, Outcome, State
from services.intake.cases.viewing import check_case_step
from services.intake.merging import repository
from services.intake.merging.models import CaseMerge
from services.intake.merging.rules import IntoItself, TargetNotOpen, UnknownTarget
from services.intake.merging.schemas import MergeIn
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import NotFound

__all__ = ["begin_merge", "merge_cases", "unmerge_cases"]

# Whoever had it before has let it go: it is judged, and waits for somebody to take it.
_BACK_TO = {State.ASSIGNED.value: State.TRIAGED, State.CLAIMED.value: State.TRIAGED}


async def begin_merge(session: WriteSession, caller: Principal, case_id: UUID, wanted: MergeIn) -> tuple[Case, Case]:
    """Lock two cases, in the order of their ids so that two merges never wait for each other."""
    if wanted.into_case_id == case_id:
        raise IntoItself(pointer="/into_case_id")
    locked = await lock_cases(session, {case_id, wanted.into_case_id})
    case, into = locked.get(case_id), locked.get(wanted.into_case_id)
    if case is None or await cases.find_case(session, caller, case_id) is None:
        raise NotFound
    await check_case_step(session, caller, case, Action.MERGE)
    if into is None or not caller.has(*AREA_STAFF, at=into.area_path):
        raise UnknownTarget(pointer="/into_case_id")
    if into.state == State.CLOSED:
        raise TargetNotOpen
    return case, into


async def merge_cases(session: WriteSession, caller: Principal, case: Case, into: Case, reason: str) -> CaseMerge:
    """Let one case go into another; its people join that one and hear of it from now on."""
    merge = CaseMerge(
        tenant_id=session.tenant,
        id=new_id(),
        from_case_id=case.id,
        into_case_id=into.id,
        from_state=_BACK_TO.get(case.state, State(case.state)).value,
        reason=reason,
        merged_by=caller.actor,
        merged_at=utc_now(),
    )
    people = await _people_of(session, case) - {into.requester_id}
    await cases.add_joiners(session, into.id, sorted(people), merge.merged_at, via=case.id)
    grown = await count_joiners(session, into)
    await close_case(session, case, actor=caller.actor, step=Action.MERGE, outcome=Outcome.MERGED, note=reason)
    data = {"from_case_id": str(case.id), "from_number": case.number, "joiners": into.joiners, **grown}
    await move(session, into, Move("merged_in", caller.actor, note=reason, data=data))
    session.add(merge)
    return merge


async def _people_of(session: WriteSession, case: Case) -> set[UUID]:
    return {case.requester_id, *await cases.joiner_ids(session, case.id)}


async def _take_people_back(session: WriteSession, merge: CaseMerge) -> None:
    """Let go whom a merge has brought, except whom another one that stands would have brought as well."""
    gone = await cases.remove_joiners_via(session, merge.into_case_id, merge.from_case_id)
    for other in await repository.other_standing_merges(session, merge):
        case = await cases.find_case_for_filing(session, other.from_case_id)
        if gone and case is not None:
            stay = gone & await _people_of(session, case)
            await cases.add_joiners(session, other.into_case_id, sorted(stay), other.merged_at, via=case.id)


async def unmerge_cases(session: WriteSession, caller: Principal, case_id: UUID, reason: str) -> tuple[Case, CaseMerge]:
    """Take a merge back: the case is where it was, and its people are no longer part of the other one."""
    merge = await repository.standing_merge(session, case_id)
    if merge is None or await cases.find_case(session, caller, case_id) is None:
        raise NotFound
    locked = await lock_cases(session, {merge.from_case_id, merge.into_case_id})
    case, into = locked[merge.from_case_id], locked[merge.into_case_id]
    await session.refresh(merge)
    await check_case_step(session, caller, case, Action.UNMERGE)
    if merge.undone_at is not None:
        raise NotFound
    await _take_people_back(session, merge)
    joined = await cases.joiner_ids(session, into.id)
    into.representatives = [person for person in into.representatives if person in joined]
    await count_joiners(session, into)
    merge.undone_by, merge.undone_at = caller.actor, utc_now()
    case.outcome = None
    let_go(case)
    await move(session, case, Move(Action.UNMERGE, caller.actor, State(merge.from_state), note=reason))
    data = {"from_case_id": str(case.id), "from_number": case.number, "joiners": into.joiners}
    await move(session, into, Move("unmerged", caller.actor, note=reason, data=data))
    return case, merge
