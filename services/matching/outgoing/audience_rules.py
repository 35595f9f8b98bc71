"""Which of the listening partners an event concerns. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.matching.coverage import covers

__all__ = ["Listener", "among", "covering"]


@dataclass(frozen=True, slots=True)
class Listener:
    """A vetted partner with endpoints; only the enabled ones are told, each of the types that it asked for."""

    partner_id: UUID
    unit_id: UUID
    coverage: str
    endpoints: tuple[tuple[UUID, frozenset[str]], ...]


def among(known: Sequence[Listener], ids: Iterable[UUID | None]) -> frozenset[UUID]:
    """Return the partners that are, or whose units are, among some ids."""
    wanted = frozenset(ids)
    return frozenset(item.partner_id for item in known if item.partner_id in wanted or item.unit_id in wanted)


def covering(known: Sequence[Listener], path: str) -> frozenset[UUID]:
    """Return the partners whose coverage an area lies in."""
    return frozenset(listener.partner_id for listener in known if covers(listener.coverage, path))
