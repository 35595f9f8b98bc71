"""HTTP of forms."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response

from services.intake.forms import service
from services.intake.forms.schemas import FormIn, FormOut
from shared.auth import Principal, Role, authenticated, requires
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["categories 分类"])

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Version = Annotated[int | None, Query(ge=1, le=999_999_999, description="An earlier one; else the newest 版本")]


@router.get("/v1/categories/{code}/form", summary="What a category asks 分类表单")
async def read_form(
    _: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    response: Response,
    code: Code,
    version: Version = None,
) -> FormOut:
    """Return the questions of a category as a JSON Schema; a category without questions has an empty one."""
    shown = await service.show_form(session, code, version)
    set_etag(response, shown.version)
    return shown


@router.put("/v1/categories/{code}/form", summary="Publish a category's questions 发布分类表单")
async def publish_form(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    code: Code,
    wanted: FormIn,
) -> FormOut:
    """Let a category ask something else from now on. Earlier versions stay, and cases keep theirs."""
    is_published = await service.publish_form(session, caller, code, expected, wanted)
    shown = await service.show_form(session, code)
    if not is_published:
        check_version(expected, shown.version, shown)
    set_etag(response, shown.version)
    return shown
