"""What the services tell each other: versioned events and who listens. The contracts are the only words they share."""

from shared.contracts import directory, intake, ledger, matching
from shared.contracts.envelope import Event, EventData
from shared.contracts.topology import CONSUMERS, EVENT_TYPES, SERVICES, consumers_of

__all__ = [
    "CONSUMERS",
    "EVENT_TYPES",
    "SERVICES",
    "Event",
    "EventData",
    "consumers_of",
    "directory",
    "intake",
    "ledger",
    "matching",
]
