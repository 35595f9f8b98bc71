"""Shapes of entitlements. Evidence comes in and is shown only for a purpose; an answer is one word."""

from datetime import date, datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.directory.entitlements.rules import KIND_PATTERN, EntitlementState, LookedAt
from services.directory.tenants.schemas import BilingualName
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = [
    "AnswerOut",
    "EntitlementDetail",
    "EntitlementOut",
    "EntitlementStepOut",
    "Evidence",
    "EvidenceOut",
    "KindCode",
    "KindIn",
    "KindOut",
    "LookOut",
    "NewEntitlement",
    "QuestionIn",
    "RenewIn",
    "RevokeIn",
]

_FIRST: Final = date(2000, 1, 1)
_LAST: Final = date(2200, 1, 1)

KindCode = Annotated[str, Field(pattern=KIND_PATTERN, description="Kind of entitlement 资格种类")]
Day = Annotated[date, Field(ge=_FIRST, le=_LAST)]
LongestDays = Annotated[int, Field(strict=True, ge=1, le=36_525)]
PurposeText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200), Field(pattern=r"^[^\x00]*$")
]


class KindIn(InputModel):
    """A kind of entitlement; nobody is granted it for longer than `longest_days` at once."""

    name: BilingualName
    longest_days: LongestDays = 366
    active: bool = True


class KindOut(OutputModel):
    """A kind of entitlement."""

    code: str
    name: BilingualName
    longest_days: int
    active: bool
    version: int


class Evidence(InputModel):
    """What an officer has seen: words, attachments, or both. Kept sealed."""

    text: PlainText | None = None
    attachment_ids: Annotated[list[UUID], Field(max_length=10, default_factory=list)]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        """Refuse evidence of nothing."""
        if self.text is None and not self.attachment_ids:
            message = "evidence is a text or an attachment"
            raise ValueError(message)
        return self


class NewEntitlement(InputModel):
    """An entitlement to grant: from today unless told, through its last day."""

    id: UUID | None = None
    kind: KindCode
    starts_on: Day | None = None
    ends_on: Day
    evidence: Evidence


class RenewIn(InputModel):
    """A later last day, with what was seen this time."""

    ends_on: Day
    evidence: Evidence


class RevokeIn(InputModel):
    """Why it is taken back; kept sealed."""

    reason: PlainText


class QuestionIn(InputModel):
    """Whether a person is entitled to something that any one of some kinds gives a right to, today."""

    id: UUID | None = None
    person_id: UUID
    any_of: Annotated[list[KindCode], Field(min_length=1, max_length=20)]
    purpose: PurposeText


class AnswerOut(OutputModel):
    """Yes or no; by which kind is not told."""

    id: UUID
    entitled: bool
    asked_at: datetime


class EntitlementOut(OutputModel):
    """An entitlement, without its evidence."""

    id: UUID
    person_id: UUID
    kind: str
    starts_on: date
    ends_on: date
    state: EntitlementState
    granted_by: str
    granted_at: datetime
    version: int


class EntitlementStepOut(OutputModel):
    """One step of an entitlement's history; the reason of a revocation is shown with the evidence."""

    position: int
    step: str
    actor: str
    ends_on: date
    reason: str | None
    at: datetime


class EvidenceOut(OutputModel):
    """What an officer has seen."""

    text: str | None
    attachment_ids: list[UUID]


class EntitlementDetail(EntitlementOut):
    """An entitlement with its history; `evidence` is null unless a purpose was stated or it is one's own."""

    evidence: EvidenceOut | None
    history: list[EntitlementStepOut]
    next_actions: list[NextActionOut]


class LookOut(OutputModel):
    """Who has asked about a person, or read their evidence: when, what for, and what was answered."""

    id: UUID
    what: LookedAt
    purpose: str
    by: str
    entitled: bool | None
    at: datetime
