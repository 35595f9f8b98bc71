"""What a caller may see of a case, and whether it may take a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.intake.cases import repository
from services.intake.cases.locking import CaseFile, file_of, lock_case
from services.intake.cases.models import Case
from services.intake.cases.rules import STEPS
from services.intake.cases.terms import ENDED, Action, CaseFacts, Level, Outcome, State
from services.intake.cases.visibility import SEES_BELOW
from services.intake.clocks.service import view_clocks_of
from services.intake.clocks.sheet import ClockView
from services.intake.forms.rules import missing
from services.intake.forms.service import form_of_version
from services.intake.handling.service import Handling, handling_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.problems import NotFound
from shared.steps import NextActionOut, check_step, next_actions

__all__ = [
    "CaseView",
    "begin_step",
    "can_see_case",
    "check_case_step",
    "facts_of",
    "knows_requester",
    "view_case",
    "view_cases",
]

# What the requester cannot take back by opening the case again.
_FINAL = frozenset({Outcome.WITHDRAWN, Outcome.MERGED, Outcome.DECLINED})


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with what its representation needs beside the row."""

    case: Case
    attachment_ids: list[UUID]
    clocks: list[ClockView]
    next_actions: list[NextActionOut]
    shows_requester: bool
    missing_answers: list[str]
    resolution: repository.Resolution | None


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside a case, as far as it is shown."""

    attachment_ids: list[UUID]
    clocks: list[ClockView]
    is_joined: bool
    resolution: repository.Resolution | None


def facts_of(case: Case, handling: Handling, *, is_joined: bool) -> CaseFacts:
    """Return what the rules know of a case."""
    outcome = Outcome(case.outcome) if case.outcome else None
    return CaseFacts(
        state=State(case.state),
        area_path=case.area_path,
        requester_id=case.requester_id,
        level=Level(case.level) if case.level else None,
        unit_id=case.unit_id,
        outcome=outcome if case.state == State.CLOSED else None,
        is_joined=is_joined,
        is_paused=case.paused_reason is not None,
        can_reopen=outcome not in _FINAL
        and case.closed_at is not None
        and utc_now() < case.closed_at + timedelta(days=handling.rules.reopen_days),
        appeals=case.appeal_open,
        representatives=frozenset(case.representatives),
    )


async def view_case(session: Session, caller: Principal, case: Case) -> CaseView:
    """Gather what the caller may see of a case: of one in hand from what was read with it."""
    file = file_of(session, case)
    if file is None or file.asked_for != caller.subject_id:
        return (await view_cases(session, caller, [case]))[0]
    handling = await handling_of(session)
    pictures = file.attachment_ids
    if pictures is None:
        pictures = (await repository.attachment_ids_of(session, [case.id])).get(case.id, [])
    beside = _Beside(
        pictures,
        file.clocks.view(utc_now(), handling),
        is_joined=file.is_joined,
        resolution=await _resolution(session, file),
    )
    return await _view(session, caller, case, handling, beside)


async def view_cases(session: Session, caller: Principal, cases: Sequence[Case]) -> list[CaseView]:
    """Gather what the caller may see of many cases, in as many statements as for one."""
    handling = await handling_of(session)
    case_ids = [case.id for case in cases]
    joined = await repository.joined_among(session, case_ids, caller.subject_id)
    pictures = await repository.attachment_ids_of(session, case_ids)
    clocks = await view_clocks_of(session, case_ids, utc_now(), handling)
    ended = await _resolutions(session, cases)
    return [
        await _view(
            session,
            caller,
            case,
            handling,
            _Beside(
                pictures.get(case.id, []),
                clocks.get(case.id, []),
                is_joined=case.id in joined,
                resolution=ended.get(case.id),
            ),
        )
        for case in cases
    ]


async def _resolution(session: Session, file: CaseFile) -> repository.Resolution | None:
    if file.resolution is not None and file.case.state in ENDED:
        return file.resolution
    return (await _resolutions(session, [file.case])).get(file.case.id)


async def _resolutions(session: Session, cases: Sequence[Case]) -> dict[UUID, repository.Resolution]:
    """Return what ended the work on those cases that nobody works on."""
    ended = [case.id for case in cases if case.state in ENDED]
    return await repository.resolutions_of(session, ended) if ended else {}


async def _view(session: Session, caller: Principal, case: Case, handling: Handling, beside: _Beside) -> CaseView:
    return CaseView(
        case=case,
        attachment_ids=beside.attachment_ids,
        clocks=beside.clocks,
        next_actions=next_actions(STEPS, facts_of(case, handling, is_joined=beside.is_joined), caller),
        shows_requester=knows_requester(caller, case),
        missing_answers=await _missing_answers(session, case),
        resolution=beside.resolution,
    )


async def _missing_answers(session: Session, case: Case) -> list[str]:
    if case.form_version is None:
        return []
    return missing(await form_of_version(session, case.category, case.form_version), case.answers)


def knows_requester(caller: Principal, case: Case) -> bool:
    """Tell whether the caller may know who raised a case: the area's staff and the requester, nobody else."""
    return case.requester_id == caller.subject_id or caller.has(*SEES_BELOW, at=case.area_path)


async def can_see_case(session: Session, caller: Principal, case_id: UUID) -> bool:
    """Tell whether the caller may see a case."""
    return await repository.find_case(session, caller, case_id) is not None


async def begin_step(session: WriteSession, caller: Principal, case_id: UUID, action: Action) -> Case:
    """Lock a case for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    case = await lock_case(session, caller, case_id)
    if case is None:
        raise NotFound
    await check_case_step(session, caller, case, action)
    return case


async def check_case_step(session: WriteSession, caller: Principal, case: Case, action: Action) -> None:
    """Refuse a step on a locked case that is not allowed (403) or not possible now (409)."""
    handling = await handling_of(session)
    is_joined = await _is_joined(session, caller, case)
    check_step(STEPS, action, facts_of(case, handling, is_joined=is_joined), caller)


async def _is_joined(session: WriteSession, caller: Principal, case: Case) -> bool:
    file: CaseFile | None = file_of(session, case)
    if file is not None and file.asked_for == caller.subject_id:
        return file.is_joined
    return await repository.is_joined(session, case.id, caller.subject_id)
