"""HTTP of the HSDS view: no sign-in, no personal data."""

from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request

from services.matching.hsds import repository
from services.matching.hsds.repository import Asked
from services.matching.hsds.rules import (
    TAXONOMIES,
    full_service,
    page_of,
    service_at_location,
    service_of,
    terms_of,
)
from services.matching.hsds.schemas import (
    ApiInfo,
    FullOrganization,
    FullService,
    HsdsPage,
    Organization,
    Service,
    ServiceAtLocation,
    ServiceName,
    Taxonomy,
    TaxonomyTerm,
)
from services.matching.offers.schemas import Moment
from shared.clock import utc_now
from shared.db import Session
from shared.problems import NotFound
from shared.web import service_router
from shared.web.open import Anybody, OpenReading, Tenant

__all__ = ["router"]

router = service_router(tags=["hsds"])

_AT: Final = "/v1/hsds/{tenant}"
_PROFILE: Final = "https://docs.openreferral.org/en/3.0/hsds/schema_reference.html"
_SERVICES_SHOWN: Final = 500
# A member without a value is left out: the standard's schemas know no null.
_TERSE: Final[dict[str, Any]] = {"response_model_exclude_none": True}
M = TypeVar("M", Taxonomy, TaxonomyTerm)

Page = Annotated[int, Query(ge=1, le=10_000, description="Page number 页码")]
PerPage = Annotated[int, Query(ge=1, le=200, description="Results in a page 每页条数")]
Search = Annotated[str | None, Query(min_length=1, max_length=100, description="Words in the text 关键词")]


async def _terms(session: Session, now: datetime) -> list[TaxonomyTerm]:
    return terms_of(*await repository.codes_in_use(session, now))


async def _asked(
    session: OpenReading,
    page: Page = 1,
    per_page: PerPage = 50,
    search: Search = None,
    organization_id: UUID | None = None,
    taxonomy_term_id: UUID | None = None,
    modified_after: Moment | None = None,
) -> Asked:
    """Read what a list of services is asked for; conditions add up."""
    plain: dict[str, Any] = {
        "search": search,
        "organization_id": organization_id,
        "modified_after": modified_after,
    }
    if taxonomy_term_id is None:
        return Asked(page, per_page, **plain)
    term = next((one for one in await _terms(session, utc_now()) if one.id == taxonomy_term_id), None)
    if term is None:
        # A word that nobody uses fits nothing.
        return Asked(page, per_page, kind="", **plain)
    fields = dict(zip((one.id for one in TAXONOMIES), ("kind", "category", "entitlement"), strict=True))
    return Asked(page, per_page, **(plain | {fields[term.taxonomy_id]: term.code}))


AskedOf = Annotated[Asked, Depends(_asked)]


def _paged(rows: list[M], page: int, per_page: int) -> HsdsPage[M]:
    shown = rows[(page - 1) * per_page : page * per_page]
    return page_of(shown, total=len(rows), page=page, per_page=per_page)


@router.get(_AT, summary="HSDS: this interface 接口信息")
async def read_info(_: Anybody, request: Request, tenant: Tenant) -> ApiInfo:
    """Return which version of the standard is spoken here."""
    public_url = request.app.state.public_url or str(request.base_url)
    del tenant
    return ApiInfo(version="3.0", profile=_PROFILE, openapi_url=f"{public_url.rstrip('/')}/openapi.json")


@router.get(f"{_AT}/services", summary="HSDS: services 服务", **_TERSE)
async def list_hsds_services(
    _: Anybody,
    session: OpenReading,
    asked: AskedOf,
    full: Annotated[bool, Query(description="With everything that belongs to each 完整信息")] = False,
) -> HsdsPage[FullService] | HsdsPage[Service]:
    """Return the resource list as services."""
    rows, total = await repository.listed(session, utc_now(), asked)
    if full:
        return page_of([full_service(one) for one in rows], total=total, page=asked.page, per_page=asked.per_page)
    return page_of([service_of(one) for one in rows], total=total, page=asked.page, per_page=asked.per_page)


@router.get(f"{_AT}/services/{{service_id}}", summary="HSDS: a service 服务详情", **_TERSE)
async def read_hsds_service(_: Anybody, session: OpenReading, service_id: UUID) -> FullService:
    """Return a service with everything that belongs to it."""
    found = await repository.find_listed(session, utc_now(), service_id)
    if found is None:
        raise NotFound
    return full_service(found)


@router.get(f"{_AT}/service_at_locations", summary="HSDS: services at places 服务地点", **_TERSE)
async def list_service_at_locations(_: Anybody, session: OpenReading, asked: AskedOf) -> HsdsPage[ServiceAtLocation]:
    """Return the resource list as services at their places."""
    rows, total = await repository.listed(session, utc_now(), asked)
    return page_of([service_at_location(one) for one in rows], total=total, page=asked.page, per_page=asked.per_page)


@router.get(f"{_AT}/service_at_locations/{{service_id}}", summary="HSDS: a service at a place 服务地点详情", **_TERSE)
async def read_service_at_location(_: Anybody, session: OpenReading, service_id: UUID) -> ServiceAtLocation:
    """Return a service at its place."""
    found = await repository.find_listed(session, utc_now(), service_id)
    if found is None:
        raise NotFound
    return service_at_location(found)


def _organization(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of id, kind and name
    return {"id": row[0], "name": row[2], "description": f"社区合伙人 partner · {row[1]}"}


@router.get(f"{_AT}/organizations", summary="HSDS: organizations 机构", **_TERSE)
async def list_hsds_organizations(
    _: Anybody, session: OpenReading, page: Page = 1, per_page: PerPage = 50, search: Search = None
) -> HsdsPage[Organization]:
    """Return the vetted partners that are no private people."""
    rows, total = await repository.list_organizations(session, search=search, page=page, per_page=per_page)
    shown = [Organization(**_organization(row)) for row in rows]
    return page_of(shown, total=total, page=page, per_page=per_page)


@router.get(f"{_AT}/organizations/{{organization_id}}", summary="HSDS: an organization 机构详情", **_TERSE)
async def read_organization(_: Anybody, session: OpenReading, organization_id: UUID) -> FullOrganization:
    """Return a partner, and which services it lists."""
    rows, _total = await repository.list_organizations(
        session, search=None, organization_id=organization_id, page=1, per_page=1
    )
    if not rows:
        raise NotFound
    offers = await repository.offers_of(session, utc_now(), organization_id, limit=_SERVICES_SHOWN)
    services = [ServiceName(id=offer_id, name=title, status="active") for offer_id, title in offers]
    return FullOrganization(**_organization(rows[0]), services=services)


@router.get(f"{_AT}/taxonomies", summary="HSDS: vocabularies 词表", **_TERSE)
async def list_taxonomies(_: Anybody, tenant: Tenant, page: Page = 1, per_page: PerPage = 50) -> HsdsPage[Taxonomy]:
    """Return the vocabularies that services are described by."""
    del tenant
    return _paged(list(TAXONOMIES), page, per_page)


@router.get(f"{_AT}/taxonomies/{{taxonomy_id}}", summary="HSDS: a vocabulary 词表详情", **_TERSE)
async def read_taxonomy(_: Anybody, tenant: Tenant, taxonomy_id: UUID) -> Taxonomy:
    """Return one vocabulary."""
    del tenant
    found = next((one for one in TAXONOMIES if one.id == taxonomy_id), None)
    if found is None:
        raise NotFound
    return found


@router.get(f"{_AT}/taxonomy_terms", summary="HSDS: words 词条", **_TERSE)
async def list_taxonomy_terms(
    _: Anybody,
    session: OpenReading,
    page: Page = 1,
    per_page: PerPage = 50,
    taxonomy_id: UUID | None = None,
    search: Search = None,
) -> HsdsPage[TaxonomyTerm]:
    """Return the words in use."""
    terms = [
        one
        for one in await _terms(session, utc_now())
        if (taxonomy_id is None or one.taxonomy_id == taxonomy_id) and (search is None or search in one.name)
    ]
    return _paged(terms, page, per_page)


@router.get(f"{_AT}/taxonomy_terms/{{term_id}}", summary="HSDS: a word 词条详情", **_TERSE)
async def read_taxonomy_term(_: Anybody, session: OpenReading, term_id: UUID) -> TaxonomyTerm:
    """Return one word."""
    found = next((one for one in await _terms(session, utc_now()) if one.id == term_id), None)
    if found is None:
        raise NotFound
    return found
