"""Shapes of verdicts."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.intake.handling.schemas import Answer, Code
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["ReopenIn", "VerdictIn", "VerdictsOut", "WithdrawIn"]


class VerdictIn(InputModel):
    """One of the tenant's answers, see `GET /v1/cases/{id}/verdicts`."""

    answer: Code
    comment: PlainText | None = None


class ReopenIn(InputModel):
    """Why a closed case is opened again."""

    reason: PlainText


class WithdrawIn(InputModel):
    """Why a case is not pursued."""

    reason: PlainText | None = None


class VerdictsOut(OutputModel):
    """What may be answered, and how those who joined see the present solution."""

    case_id: UUID
    run: int
    answers: list[Answer]
    confirmations_wanted: Annotated[int, Field(description="k of n")]
    joiners: int
    solved: int
    unsolved: int
