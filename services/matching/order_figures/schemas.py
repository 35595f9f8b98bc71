"""Shapes of figures."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.matching.order_figures.rules import GroupBy
from shared.web import OutputModel

__all__ = ["FigureLine", "FigureQuery", "FiguresOut"]

Quarter = Annotated[str, Field(pattern=r"^20[0-9]{2}-Q[1-4]$")]


class FigureQuery(BaseModel):
    """Of where, of whom, of when, and how finely."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    partner_id: UUID | None = None
    first: Annotated[Quarter | None, Field(description="From this quarter on, like 2026-Q1 起始季度")] = None
    last: Annotated[Quarter | None, Field(description="Through this quarter 截止季度")] = None
    group_by: GroupBy = GroupBy.NOTHING


class FigureLine(OutputModel):
    """Counts of a quarter; rates are in hundredths of a percent, null of nothing."""

    quarter: str
    area_id: UUID | None
    partner_id: UUID | None
    placed: int
    accepted: int
    delivered: int
    on_time: int
    late: int
    broken: int
    cancelled: int
    declined: int
    lapsed: int
    rated: int
    stars: int
    complaints: int
    accepted_bp: int | None
    on_time_bp: int | None
    complaint_bp: int | None


class FiguresOut(OutputModel):
    """Figures by quarter, the newest first; an order counts in the quarter in which it reached its partner."""

    lines: list[FigureLine]
