"""What the services tell each other: versioned events and who listens. The contracts are the only words they share."""

from shared.contracts import directory, intake, ledger, matching, matching_orders, matching_partners
from shared.contracts.envelope import Concerns, Event, EventData, ForPartners
from shared.contracts.topology import CONSUMERS, EVENT_TYPES, FOR_PARTNERS, SERVICES, consumers_of

__all__ = [
    "CONSUMERS",
    "EVENT_TYPES",
    "FOR_PARTNERS",
    "SERVICES",
    "Concerns",
    "Event",
    "EventData",
    "ForPartners",
    "consumers_of",
    "directory",
    "intake",
    "ledger",
    "matching",
    "matching_orders",
    "matching_partners",
]
