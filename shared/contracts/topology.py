"""Who listens to what. The matching carries events to partners, so it hears of everything that they may subscribe to,
of its own too.
"""

from typing import Final

from shared.contracts.directory import (
    AreaChanged,
    EntitlementAnswered,
    NotificationSent,
    ReachabilityChanged,
    UnitChanged,
)
from shared.contracts.envelope import EventData
from shared.contracts.intake import (
    CaseClaimed,
    CaseClosed,
    CaseFiled,
    CaseNeedRaised,
    CaseResolved,
    CaseTriaged,
    NotificationDue,
    ProofRefused,
)
from shared.contracts.ledger import (
    CampaignRefunded,
    CampaignSettled,
    ContributionReceived,
    GrantDecided,
    PaymentMade,
    PledgeRefused,
    StatementPublished,
)
from shared.contracts.matching import (
    MatchAccepted,
    MatchRefused,
    NeedOpened,
    NoticeWanted,
    ProjectBudgetRequested,
    ProjectCancelled,
    ProjectCompleted,
    ProjectOpened,
    ProjectProgressed,
    ProofShown,
)
from shared.contracts.matching_orders import (
    EntitlementAsked,
    OrderAccepted,
    OrderClosed,
    OrderDelivered,
    OrderLate,
    OrderPlaced,
    OrderRated,
)
from shared.contracts.matching_partners import (
    CredentialExpiring,
    HoldAsked,
    HoldCommitted,
    HoldEnded,
    MoneyPledged,
    OfferStale,
    PartnerVetted,
    PledgeReleased,
    WebhookEndpointDisabled,
    WebhookReceived,
)

__all__ = ["CONSUMERS", "EVENT_TYPES", "FOR_PARTNERS", "SERVICES", "consumers_of"]

# The services that keep books of their own; the gateway and the worker own no table.
SERVICES: Final[tuple[str, ...]] = ("directory", "intake", "matching", "ledger")

# Keeps what partners are told, and sends it.
_TO_PARTNERS: Final = "matching"

# Of the services themselves; an event for partners alone has nobody here.
_LISTENERS: Final[dict[type[EventData], tuple[str, ...]]] = {
    AreaChanged: ("intake", "matching", "ledger"),
    UnitChanged: ("intake", "matching", "ledger"),
    ReachabilityChanged: ("intake",),
    NotificationSent: ("intake",),
    EntitlementAnswered: ("matching",),
    CaseFiled: ("matching",),
    CaseNeedRaised: ("matching",),
    CaseTriaged: (),
    CaseClaimed: ("matching",),
    CaseResolved: ("matching",),
    CaseClosed: ("matching",),
    NotificationDue: ("directory",),
    EntitlementAsked: ("directory",),
    NoticeWanted: ("intake",),
    ProofShown: ("intake",),
    ProofRefused: ("matching",),
    NeedOpened: ("intake",),
    MatchAccepted: (),
    MatchRefused: (),
    ProjectOpened: ("intake", "ledger"),
    ProjectBudgetRequested: ("ledger",),
    ProjectProgressed: ("intake",),
    ProjectCompleted: ("intake", "ledger"),
    WebhookReceived: ("matching",),
    ProjectCancelled: ("intake", "ledger"),
    GrantDecided: ("matching",),
    PaymentMade: ("matching",),
    PledgeRefused: ("matching",),
    ContributionReceived: ("matching",),
    StatementPublished: (),
    CampaignSettled: (),
    CampaignRefunded: (),
    WebhookEndpointDisabled: ("intake",),
    PartnerVetted: (),
    OfferStale: (),
    CredentialExpiring: (),
    HoldAsked: (),
    HoldCommitted: ("matching",),
    HoldEnded: ("matching",),
    OrderPlaced: (),
    OrderAccepted: (),
    OrderDelivered: (),
    OrderRated: (),
    OrderLate: (),
    OrderClosed: (),
    MoneyPledged: ("ledger",),
    PledgeReleased: ("ledger",),
}


def _all_of(event: type[EventData], listeners: tuple[str, ...]) -> tuple[str, ...]:
    if event.partners is None or _TO_PARTNERS in listeners:
        return listeners
    return (*listeners, _TO_PARTNERS)


CONSUMERS: Final[dict[type[EventData], tuple[str, ...]]] = {
    event: _all_of(event, listeners) for event, listeners in _LISTENERS.items()
}

# The catalogue that partners subscribe to.
FOR_PARTNERS: Final[tuple[type[EventData], ...]] = tuple(event for event in CONSUMERS if event.partners is not None)

EVENT_TYPES: Final[dict[str, type[EventData]]] = {event.event_type: event for event in CONSUMERS}


def consumers_of(event: type[EventData]) -> tuple[str, ...]:
    """Return the services that get this event; a type that is not in the topology is a programming error."""
    return CONSUMERS[event]
