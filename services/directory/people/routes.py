"""HTTP of people and their roles."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import StringConstraints

from services.directory.people import grants, service
from services.directory.people.passwords import Passwords
from services.directory.people.schemas import (
    GrantView,
    NewGrant,
    NewPerson,
    PersonChange,
    PersonDetail,
    PersonSearch,
    PersonView,
)
from services.directory.reach import MANAGERS, READERS
from shared.auth import Principal, authenticated, requires
from shared.pagination import Page, Paging
from shared.vault import Purpose, VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["PasswordsOfApp", "router"]

router = service_router(tags=["people"])

Manager = Annotated[Principal, Depends(requires(*MANAGERS))]
Reader = Annotated[Principal, Depends(requires(*READERS))]
SearchText = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None,
    Query(description="Part of the name 名称包含"),
]


async def _passwords_of(request: Request) -> Passwords:
    passwords: Passwords = request.app.state.passwords
    return passwords


PasswordsOfApp = Annotated[Passwords, Depends(_passwords_of)]


@router.post("/v1/people", status_code=201, responses={200: {"model": PersonDetail, "description": "Made before"}})
async def register_person(
    new: NewPerson, session: Writing, caller: Manager, vault: VaultOfApp, passwords: PasswordsOfApp, response: Response
) -> PersonDetail:
    """Register a person 登记人员."""
    person, created = await service.register_person(session, caller, new, vault, passwords)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/people/{person.id}"
    set_etag(response, person.version)
    return person


@router.get("/v1/people")
async def list_people(
    session: Reading,
    paging: Paging,
    vault: VaultOfApp,
    caller: Reader,
    under: Annotated[UUID | None, Query(description="Living at this area or below it 该区域及下级")] = None,
    q: SearchText = None,
) -> Page[PersonView]:
    """List the people of one's areas, numbers masked 人员列表."""
    after = paging.after[0] if paging.after else None
    rows = await service.list_people(session, caller, under=under, text=q, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda person: (person.id,), view=lambda person: service.view(person, vault))


@router.post("/v1/people/search")
async def search_person(wanted: PersonSearch, session: Writing, vault: VaultOfApp, caller: Reader) -> PersonDetail:
    """Find a person by phone number, for a stated purpose, which is audited 按手机号查找."""
    return await service.search_person(session, caller, wanted, vault)


@router.get("/v1/people/{person_id}")
async def get_person(
    person_id: UUID,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    caller: Annotated[Principal, Depends(authenticated)],
    purpose: Purpose = None,
) -> PersonDetail:
    """Read a person; with a purpose the number is shown in the clear, which is audited 查看人员."""
    person = await service.read_person(session, caller, person_id, purpose, vault)
    set_etag(response, person.version)
    return person


@router.patch("/v1/people/{person_id}")
async def change_person(
    person_id: UUID,
    change: PersonChange,
    expected: ExpectedVersion,
    session: Writing,
    caller: Manager,
    vault: VaultOfApp,
    passwords: PasswordsOfApp,
    response: Response,
) -> PersonDetail:
    """Change a person; a new number, username or password ends their sessions 修改人员."""
    person = await service.change_person(session, caller, person_id, expected, change, vault, passwords)
    set_etag(response, person.version)
    return person


@router.post(
    "/v1/people/{person_id}/grants",
    status_code=201,
    responses={200: {"model": GrantView, "description": "Made before"}},
)
async def give_role(
    person_id: UUID, new: NewGrant, session: Writing, caller: Manager, vault: VaultOfApp, response: Response
) -> GrantView:
    """Give a role at an area 授予角色."""
    await service.visible_person(session, caller, person_id)
    grant, created = await grants.give_role(session, caller, person_id, new, vault)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/people/{person_id}"
    set_etag(response, grant.version)
    return grant


@router.post("/v1/people/{person_id}/grants/{grant_id}/end")
async def end_grant(
    person_id: UUID,
    grant_id: UUID,
    expected: ExpectedVersion,
    session: Writing,
    caller: Manager,
    response: Response,
) -> GrantView:
    """End a role 终止角色."""
    await service.visible_person(session, caller, person_id)
    grant = await grants.end_grant(session, caller, person_id, grant_id, expected)
    set_etag(response, grant.version)
    return grant
