"""Whom an event concerns, as its contract says and the tables of the matching know."""

from collections.abc import Collection, Mapping, Sequence
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
    if told.concerns is Concerns.PROJECT:
        named = await _told_once(session, events, named)
    concerned = await _concerned(session, told.concerns, {item for item in named.values() if item is not None}, known)
    return {event_id: concerned.get(value, frozenset()) for event_id, value in named.items()}


async def _told_once(
    session: Session, events: Sequence[Event[Any]], named: Mapping[UUID, UUID]
) -> dict[UUID, UUID | None]:
    """Leave out what a project tells the other cases that it solves: a partner hears of a milestone once."""
    first = await repository.first_cases(session, set(named.values()))
    return {
        event.id: named[event.id]
        if getattr(event.data, "case_id", None) in {None, first.get(named[event.id])}
        else None
        for event in events
    }


async def _concerned(
    session: Session, concerns: Concerns, named: Collection[Any], known: Sequence[Listener]
) -> Mapping[Any, frozenset[UUID]]:
    """Return whom each of the things concerns that events have named; one that nobody knows concerns nobody."""
    match concerns:
        case Concerns.PARTNER:
            return {partner: among(known, {partner}) for partner in named}
        case Concerns.AREA:
            return {path: covering(known, path) for path in named}
        case Concerns.OFFER:
            owners = await repository.partners_of_offers(session, named)
            return {offer: among(known, {partner}) for offer, partner in owners.items()}
        case Concerns.CASE:
            paths = await repository.paths_of_cases(session, named)
            return {case: covering(known, path) for case, path in paths.items()}
        case _:
            parties = await repository.parties_of_projects(session, named)
            return {project: among(known, ids) for project, ids in parties.items()}
