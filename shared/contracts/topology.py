"""Who listens to what. An event with no consumer here is public: it is part of the catalogue that partners subscribe
to.
"""

from typing import Final

from shared.contracts.directory import AreaChanged, NotificationSent, ReachabilityChanged, UnitChanged
from shared.contracts.envelope import EventData
from shared.contracts.intake import (
    CaseClaimed,
    CaseClosed,
    CaseFiled,
    CaseNeedRaised,
    CaseResolved,
    CaseTriaged,
    NotificationDue,
)
from shared.contracts.ledger import (
    CampaignRefunded,
    CampaignSettled,
    ContributionReceived,
    GrantDecided,
    PaymentMade,
    StatementPublished,
)
from shared.contracts.matching import (
    CredentialExpiring,
    HoldCommitted,
    HoldEnded,
    MoneyPledged,
    NeedOpened,
    OfferStale,
    PartnerVetted,
    ProjectBudgetRequested,
    ProjectCompleted,
    ProjectOpened,
    ProjectProgressed,
)

__all__ = ["CONSUMERS", "EVENT_TYPES", "SERVICES", "consumers_of"]

# The services that keep books of their own; the gateway and the worker own no table.
SERVICES: Final[tuple[str, ...]] = ("directory", "intake", "matching", "ledger")

_PUBLIC: Final[tuple[str, ...]] = ()

CONSUMERS: Final[dict[type[EventData], tuple[str, ...]]] = {
    AreaChanged: ("intake", "matching", "ledger"),
    UnitChanged: ("intake", "matching", "ledger"),
    ReachabilityChanged: ("intake",),
    NotificationSent: ("intake",),
    CaseFiled: ("matching",),
    CaseNeedRaised: ("matching",),
    CaseTriaged: _PUBLIC,
    CaseClaimed: ("matching",),
    CaseResolved: ("matching",),
    CaseClosed: ("matching",),
    NotificationDue: ("directory",),
    NeedOpened: ("intake",),
    ProjectOpened: ("intake", "ledger"),
    ProjectBudgetRequested: ("ledger",),
    ProjectProgressed: ("intake",),
    ProjectCompleted: ("intake", "ledger"),
    GrantDecided: ("matching",),
    PaymentMade: ("matching",),
    ContributionReceived: _PUBLIC,
    StatementPublished: _PUBLIC,
    CampaignSettled: _PUBLIC,
    CampaignRefunded: _PUBLIC,
    PartnerVetted: _PUBLIC,
    OfferStale: _PUBLIC,
    CredentialExpiring: _PUBLIC,
    HoldCommitted: _PUBLIC,
    HoldEnded: _PUBLIC,
    MoneyPledged: ("ledger",),
}

EVENT_TYPES: Final[dict[str, type[EventData]]] = {event.event_type: event for event in CONSUMERS}


def consumers_of(event: type[EventData]) -> tuple[str, ...]:
    """Return the services that get this event; a type that is not in the topology is a programming error."""
    return CONSUMERS[event]
