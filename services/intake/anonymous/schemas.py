"""Shapes of anonymous cases."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.intake.cases.schemas import FileCaseIn
from shared.web import InputModel, OutputModel

__all__ = ["FileAnonymouslyIn", "UnsealIn", "UnsealedOut", "UnsealingOut"]

Token = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{32,128}$",
        description="Made by the client at random, at least 32 characters; whoever has it follows the case 查询码",
    ),
]


class FileAnonymouslyIn(FileCaseIn):
    """A case whose requester nobody sees. The client makes the token, so that sending twice files once."""

    token: Token


class UnsealIn(InputModel):
    """Why somebody has to know; the requester sees it as well."""

    purpose: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1_000)]


class UnsealedOut(OutputModel):
    """Who raised the case."""

    case_id: UUID
    person_id: UUID


class UnsealingOut(OutputModel):
    """Who has looked, when and why."""

    id: UUID
    case_id: UUID
    actor: str
    purpose: str
    at: datetime
