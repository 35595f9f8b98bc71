"""Shapes of mediations."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.intake.mediation.terms import (
    Confirmation,
    Form,
    MediationOutcome,
    MediationState,
    PartyRole,
    SessionState,
    TermState,
)
from shared.money import MAX_FEN
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AdviceIn",
    "AgreementIn",
    "AgreementOut",
    "ApplicationIn",
    "BreachIn",
    "ConsentIn",
    "ContactIn",
    "ContactOut",
    "DeclareIn",
    "DeclineDraftIn",
    "FiguresOut",
    "FiguresQuery",
    "JudgeIn",
    "MediationIn",
    "MediationOut",
    "MediationQuery",
    "MediationStepOut",
    "MediationSummary",
    "MediatorIn",
    "PartyIn",
    "PartyOut",
    "PerformIn",
    "ReasonIn",
    "RulingIn",
    "SessionEndIn",
    "SessionIn",
    "SessionOut",
    "SignIn",
    "SignatureOut",
    "SpokenIn",
    "TermIn",
    "TermOut",
    "WithdrawIn",
]

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{4,19}$")]
_PARTIES_MAX = 20


class ContactIn(InputModel):
    """How to reach a party that has no account; sealed at once."""

    name: ShortText
    phone: Phone | None = None
    address: ShortText | None = None


class PartyIn(InputModel):
    """A party: a person with an account, or somebody who is reached by a contact."""

    role: PartyRole
    person_id: UUID | None = None
    contact: ContactIn | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.person_id is None) == (self.contact is None):
            message = "either person_id or contact"
            raise ValueError(message)
        return self


class MediationIn(InputModel):
    """A mediation that is proposed to the parties of a dispute; `id` may be made by the client (UUIDv7)."""

    id: UUID | None = None
    parties: Annotated[list[PartyIn], Field(min_length=2, max_length=_PARTIES_MAX)]
    mediator_id: UUID | None = None
    note: PlainText | None = None

    @model_validator(mode="after")
    def _different(self) -> Self:
        people = [party.person_id for party in self.parties if party.person_id is not None]
        if len(set(people)) != len(people):
            message = "a person is one party"
            raise ValueError(message)
        return self


class MediatorIn(InputModel):
    """Who is proposed to lead the talks."""

    mediator_id: UUID


class DeclareIn(InputModel):
    """The mediator's word that no relation to a party, or to the matter, stands against it."""

    no_relation: Annotated[bool, Field(description="True, or the mediator recuses 与当事人及纠纷无利害关系")]
    note: PlainText | None = None

    @model_validator(mode="after")
    def _says_so(self) -> Self:
        if not self.no_relation:
            message = "who is related recuses"
            raise ValueError(message)
        return self


class ReasonIn(InputModel):
    """Why."""

    reason: PlainText


class SpokenIn(InputModel):
    """What a party says. Without `party_id` the caller is the party; with one it is recorded, as the proof shows."""

    party_id: UUID | None = None
    proof_id: Annotated[UUID | None, Field(description="An attachment that shows what was said 凭证附件")] = None


class ConsentIn(SpokenIn):
    """Whether a party wants to be mediated; a refusal ends it, since nobody is made to."""

    agrees: bool
    note: PlainText | None = None


class JudgeIn(SpokenIn):
    """Whether a party accepts the mediator; if not, another one is proposed."""

    accepts: bool
    reason: PlainText | None = None


class WithdrawIn(SpokenIn):
    """A party ends the mediation; it need not say why."""

    reason: PlainText | None = None


class SessionIn(InputModel):
    """When and where the parties meet."""

    id: UUID | None = None
    planned_for: AwareDatetime
    place: ShortText


class SessionEndIn(InputModel):
    """What became of a session: held, adjourned or cancelled; the note is for those who take part."""

    state: SessionState
    note: PlainText

    @model_validator(mode="after")
    def _is_over(self) -> Self:
        if self.state is SessionState.PLANNED:
            message = "held, adjourned or cancelled"
            raise ValueError(message)
        return self


class TermIn(InputModel):
    """One obligation: who owes what, by which day."""

    debtor_id: UUID
    text: PlainText
    amount_fen: Annotated[int | None, Field(strict=True, gt=0, le=MAX_FEN)] = None
    due_on: date


class AgreementIn(InputModel):
    """The text that the parties are asked to sign: what the dispute is, what is agreed, who owes what."""

    form: Form = Form.WRITTEN
    facts: PlainText
    content: PlainText
    terms: Annotated[list[TermIn], Field(max_length=50)] = Field(default_factory=list)


class SignIn(SpokenIn):
    """A signature under one revision of the text."""

    revision: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class DeclineDraftIn(SignIn):
    """Why a party does not sign; the talks go on."""

    reason: PlainText


class AdviceIn(InputModel):
    """What the parties may do now (arbitration, an authority, the court). It stands in the history of the case."""

    advice: PlainText


class PerformIn(InputModel):
    """That an obligation was performed, said by whoever does not owe it."""

    note: PlainText | None = None
    proof_id: UUID | None = None


class BreachIn(InputModel):
    """That an obligation was not performed in time."""

    note: PlainText
    proof_id: UUID | None = None


class ApplicationIn(InputModel):
    """That the parties have asked a court, together, to confirm their agreement."""

    court: ShortText
    applied_on: date
    proof_id: UUID | None = None


class RulingIn(InputModel):
    """What the court has ruled."""

    confirmed: bool
    number: Annotated[ShortText, Field(max_length=80)]
    ruled_on: date
    proof_id: UUID | None = None


class MediationQuery(BaseModel):
    """What a list is narrowed to."""

    state: MediationState | None = None
    outcome: MediationOutcome | None = None
    case_id: UUID | None = None
    mine: Annotated[bool, Field(description="In which I am a party or the mediator 我参与的")] = False


class PartyOut(OutputModel):
    """A party; whoever has no account stands here without a name."""

    id: UUID
    role: PartyRole
    person_id: UUID | None
    has_contact: bool
    consents: bool | None
    consented_at: datetime | None
    consent_proof_id: UUID | None
    accepts_mediator: bool | None
    accepts_proof_id: UUID | None


class SessionOut(OutputModel):
    """A session."""

    id: UUID
    planned_for: datetime
    place: str
    state: SessionState
    note: str | None
    planned_by: str
    closed_by: str | None
    closed_at: datetime | None


class TermOut(OutputModel):
    """An obligation and what became of it."""

    id: UUID
    position: int
    debtor_id: UUID
    text: str
    amount_fen: int | None
    due_on: date
    state: TermState
    note: str | None
    proof_id: UUID | None
    settled_by: str | None
    settled_at: datetime | None


class SignatureOut(OutputModel):
    """A signature: by the party's own account, or recorded, with its proof."""

    party_id: UUID
    signed_by: str
    proof_id: UUID | None
    at: datetime


class AgreementOut(OutputModel):
    """The newest text, its obligations and signatures."""

    revision: int
    form: Form
    facts: str
    content: str
    drafted_by: str
    drafted_at: datetime
    terms: list[TermOut]
    signatures: list[SignatureOut]


class MediationSummary(OutputModel):
    """A line of a list."""

    id: UUID
    case_id: UUID
    area_path: str
    state: MediationState
    outcome: MediationOutcome | None
    mediator_id: UUID | None
    declared: bool
    sessions_held: int
    revision: int
    advice: str | None
    effective_at: datetime | None
    confirm_until: date | None
    confirmation: Confirmation | None
    applied_on: date | None
    court: str | None
    ruling_number: str | None
    ruled_on: date | None
    opened_by: str
    opened_at: datetime
    ended_at: datetime | None
    updated_at: datetime
    version: int


class MediationOut(MediationSummary):
    """A mediation as those who take part see it."""

    parties: list[PartyOut]
    sessions: list[SessionOut]
    agreement: AgreementOut | None
    next_actions: list[NextActionOut]


class MediationStepOut(OutputModel):
    """One step of a mediation."""

    position: int
    step: str
    state: MediationState
    actor: str
    note: str | None
    data: dict[str, Any]
    at: datetime


class ContactOut(OutputModel):
    """How to reach a party, in the clear."""

    party_id: UUID
    name: str
    phone: str | None
    address: str | None


class FiguresQuery(BaseModel):
    """Which mediations are counted: of cases at or below an area, opened in a time."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    since: Annotated[AwareDatetime | None, Field(description="Opened at or after 起")] = None
    until: Annotated[AwareDatetime | None, Field(description="Opened before 止")] = None


class FiguresOut(OutputModel):
    """Counts, and nothing of anybody: how many were opened, and what came of them."""

    opened: int
    open: int
    agreed: int
    failed: int
    withdrawn: int
    in_effect: int
    fulfilled: int
    breached: int
    confirmed: int
    sessions_held: int
