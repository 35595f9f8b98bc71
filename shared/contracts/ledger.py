"""Events of the ledger: what was decided about money, and what moved."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "CampaignRefunded",
    "CampaignSettled",
    "ContributionReceived",
    "GrantDecided",
    "PaymentMade",
    "PledgeRefused",
    "StatementPublished",
]


class GrantDecided(EventData):
    """A grant application was `approved` (and the money is held) or `refused`."""

    event_type: ClassVar[str] = "linli.grant.decided.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PROJECT, ("project_id", "outcome", "granted_fen"))

    grant_id: UUID
    project_id: UUID | None
    request_id: UUID | None
    outcome: str
    granted_fen: int
    reason: str | None


class PaymentMade(EventData):
    """An invoice was paid out of a grant."""

    event_type: ClassVar[str] = "linli.payment.made.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PROJECT, ("payment_id", "invoice_id", "project_id", "amount_fen", "paid_at")
    )

    payment_id: UUID
    invoice_id: UUID
    grant_id: UUID
    project_id: UUID | None
    amount_fen: int
    paid_at: datetime


class PledgeRefused(EventData):
    """A fund takes no pledge of this giver: `code` is the problem that its charter, or its being unknown, makes."""

    event_type: ClassVar[str] = "linli.pledge.refused.v1"

    hold_id: UUID
    offer_id: UUID
    unit_id: UUID
    fund_id: UUID
    code: str


class ContributionReceived(EventData):
    """Money arrived in a fund. Who gave it stays in the ledger."""

    event_type: ClassVar[str] = "linli.contribution.received.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.EVERYBODY, ("contribution_id", "fund_id", "amount_fen", "received_at")
    )

    contribution_id: UUID
    fund_id: UUID
    amount_fen: int
    received_at: datetime


class StatementPublished(EventData):
    """The statement of a closed period is there for everybody; a correction is a new number."""

    event_type: ClassVar[str] = "linli.statement.published.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.EVERYBODY, ("statement_id", "period_id", "book_id", "number", "sha256", "tree_size")
    )

    statement_id: UUID
    period_id: UUID
    book_id: UUID
    number: int
    sha256: str
    tree_size: int


class CampaignSettled(EventData):
    """A campaign has raised enough; what was given is now for its purpose, with the fund's share if it was unlocked."""

    event_type: ClassVar[str] = "linli.campaign.settled.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.EVERYBODY, ("campaign_id", "fund_id", "raised_fen", "share_fen", "at")
    )

    campaign_id: UUID
    fund_id: UUID
    raised_fen: int
    share_fen: int
    at: datetime


class CampaignRefunded(EventData):
    """A campaign has missed its goal, or was given up; everybody got theirs back."""

    event_type: ClassVar[str] = "linli.campaign.refunded.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.EVERYBODY, ("campaign_id", "fund_id", "refunded_fen", "at")
    )

    campaign_id: UUID
    fund_id: UUID
    refunded_fen: int
    reason: str
    at: datetime
