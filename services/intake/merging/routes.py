"""HTTP of merging."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.cases import repository as cases
from services.intake.cases.viewing import view_case
from services.intake.cases.views import case_out
from services.intake.merging import repository, service
from services.intake.merging.schemas import MergeIn, MergeOut, UnmergeIn
from shared.auth import Principal, Role, authenticated, requires
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["merging 合并"])

Staff = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))]


@router.post("/v1/cases/{case_id}/merge", summary="Merge a case into another 合并诉求")
async def merge_cases(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: MergeIn
) -> MergeOut:
    """Let a case go into another one about the same trouble. Its requester and joiners become joiners of that one."""
    case, into = await service.begin_merge(session, caller, case_id, wanted)
    if expected != case.version:
        check_version(expected, case.version, case_out(await view_case(session, caller, case)))
    merge = await service.merge_cases(session, caller, case, into, wanted.reason)
    await session.flush()
    set_etag(response, case.version)
    return MergeOut.model_validate(merge)


@router.post("/v1/cases/{case_id}/unmerge", summary="Take a merge back 撤销合并")
async def unmerge_cases(
    caller: Staff, session: Writing, response: Response, case_id: UUID, wanted: UnmergeIn
) -> MergeOut:
    """Separate a case again: it is where it was before, and its people are its own. Done once, whoever asks."""
    case, merge = await service.unmerge_cases(session, caller, case_id, wanted.reason)
    await session.flush()
    set_etag(response, case.version)
    return MergeOut.model_validate(merge)


@router.get("/v1/cases/{case_id}/merges", summary="Merges of a case 合并记录")
async def list_merges(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, case_id: UUID
) -> list[MergeOut]:
    """Return what went into the case, and where it went, taken back or not."""
    if await cases.find_case(session, caller, case_id) is None:
        raise NotFound
    return [MergeOut.model_validate(row) for row in await repository.merges_of(session, case_id)]
