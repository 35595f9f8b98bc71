"""Whom an event concerns, as its contract says and the tables of the matching know."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.matching.outgoing import audience_repository as repository
from services.matching.outgoing.audience_rules import Listener, among, covering
from shared.contracts import Concerns, Event
from shared.db import Session

__all__ = ["audiences"]


async def audiences(
    session: Session, events: Sequence[Event[Any]], known: Sequence[Listener]
) -> Mapping[UUID, frozenset[UUID]]:
    """Return the partners that each event concerns, of those that are listening; the events are of one type."""
    told = type(events[0].data).partners
    if told is None:
        return {}
    if told.concerns is Concerns.EVERYBODY:
        everybody = frozenset(listener.partner_id for listener in known)
        return {event.id: everybody for event in events}
    named = {event.id: getattr(event.data, told.concerns.value) for event in events}
    if told.concerns is Concerns.PARTNER:
        return {event_id: among(known, {partner}) for event_id, partner in named.items()}
    if told.concerns is Concerns.AREA:
        return {event_id: covering(known, path) for event_id, path in named.items()}
    wanted = {item for item in named.values() if item is not None}
    if told.concerns is Concerns.CASE:
        paths = await repository.paths_of_cases(session, wanted)
        return {event_id: covering(known, paths.get(case)) for event_id, case in named.items()}
    parties = await repository.parties_of_projects(session, wanted)
    return {event_id: among(known, parties.get(project, frozenset())) for event_id, project in named.items()}
