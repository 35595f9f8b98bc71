"""HTTP of categories."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from services.intake.categories import repository, service
from services.intake.categories.schemas import CategoryIn, CategoryOut
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["categories 分类"])

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


@router.get("/v1/categories", summary="List categories 分类列表")
async def list_categories(
    _: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    paging: Paging,
    on: Annotated[date | None, Query(description="Valid on this day, in China; today without one 生效日期")] = None,
) -> Page[CategoryOut]:
    """Return the categories that are valid on a day, by code."""
    after = paging.after[0] if paging.after else None
    rows = await repository.categories_on(session, on or today(), after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.code,), view=CategoryOut.model_validate)


@router.get("/v1/categories/{code}", summary="Read a category 分类详情")
async def read_category(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, response: Response, code: Code
) -> CategoryOut:
    """Return a category, also one that is valid no longer: its cases still name it."""
    category = await repository.get_category(session, code)
    if category is None:
        raise NotFound
    set_etag(response, category.version)
    return CategoryOut.model_validate(category)


@router.put("/v1/categories/{code}", summary="Create or replace a category 设置分类")
async def put_category(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    code: Code,
    wanted: CategoryIn,
) -> CategoryOut:
    """Create or replace a category; the same content twice changes nothing."""
    category, is_new = await service.put_category(session, caller, code, wanted)
    if is_new:
        response.status_code = 201
    set_etag(response, category.version)
    return CategoryOut.model_validate(category)
