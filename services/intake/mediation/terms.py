"""The words of a mediation, after the People's Mediation Law 人民调解法 (2010)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

__all__ = [
    "AGREED",
    "OPEN",
    "TALKS",
    "Confirmation",
    "Form",
    "MediationAction",
    "MediationFacts",
    "MediationOutcome",
    "MediationState",
    "PartyRole",
    "SessionState",
    "TermState",
]


class MediationState(StrEnum):
    """Where a mediation is."""

    # The parties are asked whether they want it, and whether by this mediator.
    PROPOSED = "proposed"
    UNDER_WAY = "under_way"
    # An agreement waits for the parties' signatures.
    DRAFTED = "drafted"
    IN_EFFECT = "in_effect"
    FULFILLED = "fulfilled"
    BREACHED = "breached"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({MediationState.PROPOSED, MediationState.UNDER_WAY, MediationState.DRAFTED})
TALKS = frozenset({MediationState.UNDER_WAY, MediationState.DRAFTED})
AGREED = frozenset({MediationState.IN_EFFECT, MediationState.FULFILLED, MediationState.BREACHED})


class MediationOutcome(StrEnum):
    """What came of it, separate from the state."""

    AGREED = "agreed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class MediationAction(StrEnum):
    """What somebody can do with a mediation."""

    ADD_PARTY = "add_party"
    PROPOSE_MEDIATOR = "propose_mediator"
    DECLARE = "declare"
    RECUSE = "recuse"
    CONSENT = "consent"
    JUDGE_MEDIATOR = "judge_mediator"
    PLAN_SESSION = "plan_session"
    CLOSE_SESSION = "close_session"
    DRAFT = "draft"
    SIGN = "sign"
    DECLINE_DRAFT = "decline_draft"
    FAIL = "fail"
    WITHDRAW = "withdraw"
    PERFORM = "perform"
    BREACH = "breach"
    APPLY = "apply"
    RULING = "ruling"


class PartyRole(StrEnum):
    """What a party is to the dispute."""

    APPLICANT = "applicant"
    RESPONDENT = "respondent"
    THIRD = "third"


class SessionState(StrEnum):
    """What became of a session; an adjourned one goes on in another."""

    PLANNED = "planned"
    HELD = "held"
    ADJOURNED = "adjourned"
    CANCELLED = "cancelled"


class Form(StrEnum):
    """How an agreement was made; of an oral one the mediator records the content (art. 28)."""

    WRITTEN = "written"
    ORAL = "oral"


class TermState(StrEnum):
    """What became of an obligation."""

    DUE = "due"
    PERFORMED = "performed"
    BREACHED = "breached"


class Confirmation(StrEnum):
    """Where the judicial confirmation 司法确认 is: applied for, and what the court said."""

    APPLIED = "applied"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class MediationFacts:
    """What the rules know of a mediation.

    Attributes:
        state: where it is.
        area_path: of its case.
        mediator_id: who is proposed, or leads it; None after a recusal.
        declared: whether the mediator has said to be related to nobody.
        persons: the parties that have an account.
        sessions_held: how many sessions there were.
        confirmation: where the judicial confirmation is.
    """

    state: MediationState
    area_path: str
    mediator_id: UUID | None = None
    declared: bool = False
    persons: frozenset[UUID] = frozenset()
    sessions_held: int = 0
    confirmation: Confirmation | None = None
