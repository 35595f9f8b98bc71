"""Shapes of coverage."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.intake.visit_plans.rules import VisitKind
from shared.web import OutputModel

__all__ = ["AreaCoverageOut", "CoverageOut", "CoverageQuery"]


class CoverageQuery(BaseModel):
    """Of which area, and when: rounds that begin, and visits that were made, within the days."""

    under: Annotated[UUID, Field(description="The area; its parts are told one by one 区域")]
    since: Annotated[date | None, Field(description="First day, in China 起")] = None
    until: Annotated[date | None, Field(description="Last day, in China 止")] = None
    kind: VisitKind | None = None


class AreaCoverageOut(OutputModel):
    """The figures of an area and everything below it; voided visits count for nothing.

    `planned` adds up the households of each round of each plan, `covered` those of them that were reached;
    `households` are the different ones, or enterprises, that were reached, with or without a plan: one that was met in
    two parts is one of the whole.
    """

    area_id: UUID | None
    area_path: str
    name: str | None
    planned: int
    covered: int
    coverage_percent: int | None
    visits: int
    reached: int
    households: int
    heard: int
    cases: int
    noted: int
    answered: int
    errands: int
    inspections: int
    hazards: int
    hazards_open: int
    hazards_overdue: int


class CoverageOut(OutputModel):
    """An area as a whole, and its parts: the areas right below, and what lies in none of them under its own path."""

    total: AreaCoverageOut
    parts: list[AreaCoverageOut]
