"""HTTP of figures: sums without anything personal, so that everybody who is signed in may see how it goes."""

from typing import Annotated

from fastapi import Depends, Query

from services.matching.order_figures.schemas import FigureQuery, FiguresOut
from services.matching.order_figures.service import figures
from shared.auth import Principal, authenticated
from shared.web import Reading, service_router

__all__ = ["router"]

router = service_router(tags=["orders 点单"])


@router.get("/v1/order-figures", summary="Figures of orders 点单统计")
async def read_order_figures(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, wanted: Annotated[FigureQuery, Query()]
) -> FiguresOut:
    """Return counts, the rate in time and the complaint rate by quarter, by area and partner if wanted."""
    return await figures(session, wanted)
