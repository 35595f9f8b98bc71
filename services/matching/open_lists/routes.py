"""HTTP of the open lists: no sign-in, no personal data."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Query

from services.matching.needs.repository import place_in_list
from services.matching.needs.rules import NeedState
from services.matching.offers.rules import OfferKind
from services.matching.open_lists import repository
from services.matching.open_lists.rules import NoOpenArea
from services.matching.open_lists.schemas import OpenAreaOut, OpenNeedOut, OpenOfferOut, OpenProjectOut
from services.matching.open_lists.views import open_need_out, open_offer_out, open_project_out
from services.matching.projects.rules import ProjectState
from shared.clock import utc_now
from shared.pagination import Page, Paging
from shared.web import service_router
from shared.web.open import Anybody, OpenReading

__all__ = ["router"]

router = service_router(tags=["open lists 三张清单公示"])

_AREAS: Final = "/v1/open-lists/{tenant}/areas"
_AREA: Final = _AREAS + "/{area_id}"
Category = Annotated[str | None, Query(max_length=40, description="Of the category tree 类别")]


async def _open_area(session: OpenReading, area_id: Annotated[UUID, Path(description="An open area 区域")]) -> str:
    path = await repository.find_open_area(session, area_id)
    if path is None:
        raise NoOpenArea
    return path


AreaPath = Annotated[str, Depends(_open_area)]


@router.get(_AREAS, summary="Areas with open lists 公示区域")
async def list_open_areas(_: Anybody, session: OpenReading, paging: Paging) -> Page[OpenAreaOut]:
    """Return the areas that are not closed, each after the one that it lies in."""
    rows = await repository.open_areas(session, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.path,), view=OpenAreaOut.model_validate)


@router.get(_AREA + "/needs", summary="Open demand list 需求清单公示")
async def list_open_needs(
    _: Anybody,
    session: OpenReading,
    path: AreaPath,
    paging: Paging,
    state: NeedState | None = None,
    category: Category = None,
    unmet: Annotated[bool, Query(description="Only what nothing suits 只看无资源可对接的")] = False,
) -> Page[OpenNeedOut]:
    """Return what is needed at or below an area: what nothing suits, then what is open, then the rest; newest first."""
    rows = await repository.open_needs(
        session, under=path, state=state, category=category, unmet=unmet, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: place_in_list(row[0]), view=open_need_out)


@router.get(_AREA + "/offers", summary="Open resource list 资源清单公示")
async def list_open_offers(
    _: Anybody,
    session: OpenReading,
    path: AreaPath,
    paging: Paging,
    kind: OfferKind | None = None,
    category: Category = None,
) -> Page[OpenOfferOut]:
    """Return what vetted organisations offer in an area or for a wider one that it lies in, the newest first."""
    rows = await repository.open_offers(
        session, utc_now(), reaching=path, kind=kind, category=category, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row[0].created_at, row[0].id), view=open_offer_out)


@router.get(_AREA + "/projects", summary="Open project list 项目清单公示")
async def list_open_projects(
    _: Anybody, session: OpenReading, path: AreaPath, paging: Paging, state: ProjectState | None = None
) -> Page[OpenProjectOut]:
    """Return the projects at or below an area, the newest first."""
    rows = await repository.open_projects(session, under=path, state=state, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row[0].opened_at, row[0].id), view=open_project_out)
