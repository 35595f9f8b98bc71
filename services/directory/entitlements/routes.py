"""HTTP of entitlements: officers decide, holders read their own and who has looked, others ask yes or no."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Response

from services.directory.areas.service import path_of
from services.directory.entitlements import asking, repository, service
from services.directory.entitlements.models import Entitlement
from services.directory.entitlements.repository import EntitlementFilter
from services.directory.entitlements.rules import ASKERS, GRANTERS, KIND_PATTERN
from services.directory.entitlements.schemas import (
    AnswerOut,
    EntitlementDetail,
    EntitlementOut,
    KindIn,
    KindOut,
    LookOut,
    NewEntitlement,
    QuestionIn,
    RenewIn,
    RevokeIn,
)
from services.directory.entitlements.views import entitlement_detail, entitlement_out, kind_out, look_out
from services.directory.people.service import visible_person
from services.directory.reach import MANAGERS
from services.directory.tenants.service import today
from shared.auth import Principal, authenticated, requires
from shared.db import ReadSession, WriteSession
from shared.pagination import Page, Paging
from shared.problems import Unauthenticated
from shared.vault import Purpose, VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["entitlements 资格"])

Caller = Annotated[Principal, Depends(authenticated)]
Officer = Annotated[Principal, Depends(requires(*GRANTERS))]
Asker = Annotated[Principal, Depends(requires(*ASKERS))]
Manager = Annotated[Principal, Depends(requires(*MANAGERS))]
Code = Annotated[str, Path(pattern=KIND_PATTERN)]
_MADE_BEFORE: dict[int | str, dict[str, Any]] = {200: {"model": EntitlementDetail, "description": "Made before"}}


def _person(caller: Principal) -> UUID:
    if caller.subject_id is None:
        raise Unauthenticated
    return caller.subject_id


@router.get("/v1/entitlement-kinds", summary="Kinds of entitlements 资格种类")
async def list_kinds(_: Caller, session: Reading, paging: Paging) -> Page[KindOut]:
    """Return the kinds that the tenant knows, those out of use included."""
    after = paging.after[0] if paging.after else None
    rows = await repository.list_kinds(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.code,), view=kind_out)


@router.put("/v1/entitlement-kinds/{code}", summary="Define a kind 定义资格种类", responses={201: {"model": KindOut}})
async def put_kind(caller: Manager, session: Writing, response: Response, code: Code, wanted: KindIn) -> KindOut:
    """Define a kind, or define it anew; what was granted stays as it was granted."""
    del caller
    kind, is_new = await service.put_kind(session, code, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, kind.version)
    return kind_out(kind)


@router.post("/v1/people/{person_id}/entitlements", status_code=201, summary="Grant 授予资格", responses=_MADE_BEFORE)
async def grant_entitlement(
    caller: Officer, session: Writing, vault: VaultOfApp, response: Response, person_id: UUID, new: NewEntitlement
) -> EntitlementDetail:
    """Grant an entitlement to somebody of one's area; the evidence is sealed and not shown again without a purpose."""
    entitlement, is_new = await service.grant(session, caller, person_id, new, vault)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/entitlements/{entitlement.id}"
    return await _told(session, caller, vault, response, entitlement)


@router.get("/v1/people/{person_id}/entitlements", summary="Somebody's entitlements 某人的资格")
async def list_of_person(caller: Officer, session: Reading, paging: Paging, person_id: UUID) -> Page[EntitlementOut]:
    """Return what somebody of one's area holds or held, what ends first first."""
    await visible_person(session, caller, person_id)
    return await _page(session, paging, person_id, caller.paths(*GRANTERS))


@router.get("/v1/me/entitlements", summary="My entitlements 我的资格")
async def own_entitlements(caller: Caller, session: Reading, paging: Paging) -> Page[EntitlementOut]:
    """Return what the caller holds or held, what ends first first."""
    return await _page(session, paging, _person(caller), None)


@router.get("/v1/me/entitlement-looks", summary="Who has looked 谁查询过我的资格")
async def own_looks(caller: Caller, session: Reading, paging: Paging) -> Page[LookOut]:
    """Return who has asked about the caller or read their evidence, when and what for, the newest first."""
    rows = await repository.looks_at(session, _person(caller), after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.at, row.id), view=look_out)


@router.get("/v1/entitlements", summary="Entitlements in my areas 辖区资格")
async def list_entitlements(
    caller: Officer,
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="Living at this area or below it 区域")] = None,
    kind: Annotated[str | None, Query(pattern=KIND_PATTERN, description="Only of this kind 种类")] = None,
    expiring_within_days: Annotated[
        int | None, Query(ge=0, le=3660, description="Only those that end so soon 即将到期（天）")
    ] = None,
    revoked: Annotated[bool, Query(description="Those taken back instead 已撤销的")] = False,
) -> Page[EntitlementOut]:
    """Return the entitlements of the people of one's areas, what ends first first."""
    rows = await service.list_for_officers(
        session,
        caller,
        EntitlementFilter(under=await path_of(session, under), kind=kind, revoked=revoked),
        within_days=expiring_within_days,
        after=_after(paging),
        limit=paging.size + 1,
    )
    day = await today(session)
    return paging.page(rows, key=_key, view=lambda row: entitlement_out(row, day))


@router.get("/v1/entitlements/{entitlement_id}", summary="Read an entitlement 查看资格")
async def read_entitlement(
    caller: Caller,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    entitlement_id: UUID,
    purpose: Purpose = None,
) -> EntitlementDetail:
    """Return an entitlement; its holder reads the evidence, an officer with a purpose, which its holder will see."""
    entitlement = await service.readable(session, caller, entitlement_id)
    is_own = entitlement.person_id == caller.subject_id
    if purpose is not None and not is_own:
        await service.open_evidence(session, caller, entitlement, purpose)
    response.headers["Cache-Control"] = "no-store"
    return await _told(session, caller, vault, response, entitlement, clear=is_own or purpose is not None)


@router.post("/v1/entitlements/{entitlement_id}/renew", summary="Renew 续期")
async def renew_entitlement(
    caller: Officer,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    expected: ExpectedVersion,
    entitlement_id: UUID,
    wanted: RenewIn,
) -> EntitlementDetail:
    """Let an entitlement last longer, on new evidence."""
    entitlement = await _begin(session, caller, vault, entitlement_id, expected)
    await service.renew(session, caller, entitlement, wanted, vault)
    return await _told(session, caller, vault, response, entitlement)


@router.post("/v1/entitlements/{entitlement_id}/revoke", summary="Revoke 撤销资格")
async def revoke_entitlement(
    caller: Officer,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    expected: ExpectedVersion,
    entitlement_id: UUID,
    wanted: RevokeIn,
) -> EntitlementDetail:
    """Take an entitlement back from now on; whatever was ordered with it stays as it was."""
    entitlement = await _begin(session, caller, vault, entitlement_id, expected)
    await service.revoke(session, caller, entitlement, wanted.reason, vault)
    return await _told(session, caller, vault, response, entitlement)


@router.post("/v1/entitlement-questions", status_code=201, summary="Is somebody entitled 查询是否享有")
async def ask_entitlement(caller: Asker, session: Writing, response: Response, wanted: QuestionIn) -> AnswerOut:
    """Ask whether somebody of one's area is entitled: yes or no, and they will see that it was asked, and what for."""
    answered = await asking.ask(session, caller, wanted)
    response.headers["Cache-Control"] = "no-store"
    return AnswerOut(id=answered.id, entitled=answered.entitled, asked_at=answered.asked_at)


async def _begin(
    session: WriteSession, caller: Principal, vault: VaultOfApp, entitlement_id: UUID, expected: int
) -> Entitlement:
    entitlement = await service.lock_entitlement(session, caller, entitlement_id)
    if expected != entitlement.version:
        current = await entitlement_detail(session, entitlement, caller, await today(session), vault)
        check_version(expected, entitlement.version, current)
    return entitlement


async def _told(
    session: WriteSession,
    caller: Principal,
    vault: VaultOfApp,
    response: Response,
    entitlement: Entitlement,
    *,
    clear: bool = False,
) -> EntitlementDetail:
    set_etag(response, entitlement.version)
    return await entitlement_detail(session, entitlement, caller, await today(session), vault, clear=clear)


def _key(row: Entitlement) -> tuple[str, UUID]:
    return row.ends_on.isoformat(), row.id


def _after(paging: Paging) -> tuple[date, UUID] | None:
    return (date.fromisoformat(paging.after[0]), paging.after[1]) if paging.after else None


async def _page(
    session: ReadSession, paging: Paging, person_id: UUID, visible: tuple[str, ...] | None
) -> Page[EntitlementOut]:
    wanted = EntitlementFilter(person_id=person_id)
    rows = await repository.list_entitlements(
        session, wanted, visible=visible, after=_after(paging), limit=paging.size + 1
    )
    day = await today(session)
    return paging.page(rows, key=_key, view=lambda row: entitlement_out(row, day))
