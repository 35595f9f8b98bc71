"""Events of the matching about partners: what they offer, what is held of it, and their webhooks."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "CredentialExpiring",
    "HoldAsked",
    "HoldCommitted",
    "HoldEnded",
    "MoneyPledged",
    "OfferStale",
    "PartnerVetted",
    "PledgeReleased",
    "WebhookEndpointDisabled",
    "WebhookReceived",
]


class PartnerVetted(EventData):
    """An officer has decided on a partner: it is vetted, refused or suspended."""

    event_type: ClassVar[str] = "linli.partner.vetted.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PARTNER, ("partner_id", "state"))

    partner_id: UUID
    unit_id: UUID
    state: str


class OfferStale(EventData):
    """Nobody has confirmed an offer for long: its partner is asked whether it still stands."""

    event_type: ClassVar[str] = "linli.offer.stale.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PARTNER, ("offer_id", "partner_id", "confirmed_at"))

    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    confirmed_at: datetime


class HoldAsked(EventData):
    """An officer wants an offer for a need: it is held, and its partner says yes or no until `confirm_by`."""

    event_type: ClassVar[str] = "linli.hold.asked.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "hold_id",
            "offer_id",
            "partner_id",
            "what",
            "quantity",
            "starts_at",
            "ends_at",
            "for_kind",
            "for_id",
            "confirm_by",
        ),
    )

    hold_id: UUID
    offer_id: UUID
    partner_id: UUID
    what: str
    quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    for_kind: str
    for_id: UUID | None
    confirm_by: datetime


class HoldCommitted(EventData):
    """Both sides have agreed: so much of an offer, or that time, is promised."""

    event_type: ClassVar[str] = "linli.hold.committed.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "hold_id",
            "offer_id",
            "partner_id",
            "what",
            "quantity",
            "starts_at",
            "ends_at",
            "for_kind",
            "for_id",
        ),
    )

    hold_id: UUID
    offer_id: UUID
    partner_id: UUID
    what: str
    quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    for_kind: str
    for_id: UUID | None


class HoldEnded(EventData):
    """What was held or promised can be had again: it was given up, expired, or called off."""

    event_type: ClassVar[str] = "linli.hold.ended.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("hold_id", "offer_id", "partner_id", "state", "for_kind", "for_id")
    )

    hold_id: UUID
    offer_id: UUID
    partner_id: UUID
    state: str
    for_kind: str
    for_id: UUID | None


class MoneyPledged(EventData):
    """An offer of money was taken up: its giver owes it to the fund, if one is named."""

    event_type: ClassVar[str] = "linli.money.pledged.v1"

    hold_id: UUID
    offer_id: UUID
    unit_id: UUID
    fund_id: UUID | None
    amount_fen: int
    due_on: date | None


class PledgeReleased(EventData):
    """A pledge was called off by one of its sides: what has not arrived yet is not owed any more."""

    event_type: ClassVar[str] = "linli.money.pledge_released.v1"

    hold_id: UUID
    offer_id: UUID
    fund_id: UUID | None


class CredentialExpiring(EventData):
    """A licence of a partner runs out soon, or has."""

    event_type: ClassVar[str] = "linli.credential.expiring.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("credential_id", "partner_id", "valid_until", "has_expired")
    )

    credential_id: UUID
    partner_id: UUID
    unit_id: UUID
    valid_until: date
    has_expired: bool


class WebhookReceived(EventData):
    """A partner has pushed a batch, and some of its lines wait to be worked off; told to the own service."""

    event_type: ClassVar[str] = "linli.webhook.received.v1"

    delivery_id: UUID
    partner_id: UUID


class WebhookEndpointDisabled(EventData):
    """A partner's endpoint is told nothing any more: by whom or why (`partner`, `officer`, `gone`, `failing`), when."""

    event_type: ClassVar[str] = "linli.webhook_endpoint.disabled.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("endpoint_id", "partner_id", "reason", "at")
    )

    endpoint_id: UUID
    partner_id: UUID
    unit_id: UUID
    reason: str
    at: datetime
