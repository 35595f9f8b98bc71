"""HTTP of spot checks."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.cases.locking import lock_case
from services.intake.spotchecks import repository, service
from services.intake.spotchecks.schemas import FindingIn, SpotCheckIn, SpotCheckItemOut, SpotCheckOut
from services.intake.spotchecks.views import check_out
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["spot checks 抽查"])

Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]
Reader = Annotated[Principal, Depends(requires(*repository.READS))]


@router.post("/v1/spot-checks", status_code=201, summary="Draw a sample 抽取样本")
async def draw_sample(caller: Officer, session: Writing, response: Response, wanted: SpotCheckIn) -> SpotCheckOut:
    """Draw a share of the cases that were closed in an area in a time; the seed lets anybody draw it again."""
    check, is_new = await service.draw_sample(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/spot-checks/{check.id}"
    found = await repository.found(session, [check.id])
    return check_out(check, found.get(check.id, (0, 0)))


@router.get("/v1/spot-checks", summary="List spot checks 抽查列表")
async def list_checks(caller: Reader, session: Reading, paging: Paging) -> Page[SpotCheckOut]:
    """Return the spot checks of the caller's areas, the newest first."""
    rows = await repository.list_checks(session, caller, after=paging.after, limit=paging.size + 1)
    found = await repository.found(session, [row.id for row in rows])
    return paging.page(
        rows,
        key=lambda row: (row.drawn_at, row.id),
        view=lambda row: check_out(row, found.get(row.id, (0, 0))),
    )


@router.get("/v1/spot-checks/{check_id}", summary="Read a spot check 抽查详情")
async def read_check(caller: Reader, session: Reading, check_id: UUID) -> SpotCheckOut:
    """Return a sample with how many were looked at, and how many are really solved."""
    check = await repository.find_check(session, caller, check_id)
    if check is None:
        raise NotFound
    found = await repository.found(session, [check.id])
    return check_out(check, found.get(check.id, (0, 0)))


@router.get("/v1/spot-checks/{check_id}/items", summary="Cases of a sample 样本明细")
async def list_items(caller: Reader, session: Reading, paging: Paging, check_id: UUID) -> Page[SpotCheckItemOut]:
    """Return the cases that were drawn, in that order."""
    if await repository.find_check(session, caller, check_id) is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await repository.items_of(session, check_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=SpotCheckItemOut.model_validate)


@router.post("/v1/spot-checks/{check_id}/items/{case_id}", summary="Say what was found 登记抽查结果")
async def record_finding(
    caller: Officer, session: Writing, check_id: UUID, case_id: UUID, wanted: FindingIn
) -> SpotCheckItemOut:
    """Say whether a case is really solved; if not, it is opened again. Each case is looked at once."""
    if await repository.find_check(session, caller, check_id) is None:
        raise NotFound
    case = await lock_case(session, caller, case_id)
    item = await repository.lock_item(session, check_id, case_id)
    if case is None or item is None:
        raise NotFound
    await service.record_finding(session, caller, item, case, wanted)
    await session.flush()
    return SpotCheckItemOut.model_validate(item)
