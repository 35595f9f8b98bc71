"""HTTP of categories."""

from typing import Annotated

from fastapi import Depends, Path, Response

from services.intake.categories import repository, service
from services.intake.categories.schemas import CategoryIn, CategoryOut
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["categories 分类"])


@router.get("/v1/categories", summary="List categories 分类列表")
async def list_categories(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, paging: Paging
) -> Page[CategoryOut]:
    """Return the tenant's categories by code."""
    after = paging.after[0] if paging.after else None
    rows = await repository.all_categories(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.code,), view=CategoryOut.model_validate)


@router.put("/v1/categories/{code}", summary="Create or replace a category 设置分类")
async def put_category(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    code: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
    wanted: CategoryIn,
) -> CategoryOut:
    """Create or replace a category; the same content twice changes nothing."""
    category, is_new = await service.put_category(session, caller, code, wanted)
    if is_new:
        response.status_code = 201
    set_etag(response, category.version)
    return CategoryOut.model_validate(category)
