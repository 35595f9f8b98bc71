"""Use case of bringing a phone up to date: one page of a pass."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from services.intake.sync import repository
from services.intake.sync.entities import ENTITIES, SHAPE, Entity, Shown
from services.intake.sync.repository import Changed
from services.intake.sync.rules import Cursor, DatabaseState, Pass, Place, check_cursor, rights_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session
from shared.pagination import decode_cursor, encode_cursor

__all__ = ["pull"]

_SCOPE: Final = "/v1/sync"


async def pull(session: Session, caller: Principal, cursor: str | None, *, size: int, key: bytes) -> dict[str, Any]:
    """Return the next page of what the caller's phone should hold.

    Args:
        session: a transaction that has read nothing yet.
        caller: whose phone it is.
        cursor: of the page before; None for a phone that holds nothing.
        size: rows on a page at the most.
        key: signs cursors.

    Raises:
        BadCursor: not a cursor of this house.
        RightsChanged, CursorExpired, CursorForeign: the phone starts again without one.
    """
    await repository.freeze(session)
    state = await repository.database_state(session, SHAPE)
    known = Cursor.of(decode_cursor(cursor, key=key, scope=_SCOPE)) if cursor is not None else None
    here = _next_step(caller, known, state)
    found = await _collect(session, caller, here, size + 1)
    told = found[:size]
    items = await _items(session, caller, told)
    is_more = len(found) > size
    last = Place(told[-1][0].name, told[-1][1].xid, told[-1][1].id) if is_more else None
    after = replace(here, place=last)
    return {
        "items": items,
        "cursor": encode_cursor(after.values(), key=key, scope=_SCOPE),
        "more": is_more,
        "full": here.current.full,
    }


def _next_step(caller: Principal, known: Cursor | None, state: DatabaseState) -> Cursor:
    """Return where this page begins: at the start of a pass, or within one."""
    now = utc_now()
    if known is None:
        rights = rights_of(caller.grants)
        return Cursor(caller.tenant, caller.actor, state.epoch, rights, Pass.from_nothing(state, now), None)
    check_cursor(known, caller, state, now)
    return known if known.place is not None else replace(known, current=known.current.next(state, now))


async def _collect(session: Session, caller: Principal, here: Cursor, limit: int) -> list[tuple[Entity, Changed]]:
    """Return up to `limit` rows that are to be told, one kind after the other."""
    told, place = here.current, here.place
    names = [entity.name for entity in ENTITIES]
    waiting = ENTITIES[names.index(place.entity) :] if place is not None else ENTITIES
    if not told.full and place is None:
        probes = [(entity.name, entity.changes.touched(caller.tenant, told)) for entity in waiting]
        touched = await repository.has_changes(session, probes)
        waiting = tuple(entity for entity in waiting if entity.name in touched)
    found: list[tuple[Entity, Changed]] = []
    for entity in waiting:
        after = (place.xid, place.id) if place is not None and place.entity == entity.name else None
        statement = entity.changes.rows(caller, told, after)
        rows = await repository.changed_rows(session, statement, limit - len(found))
        found += [(entity, row) for row in rows]
        if len(found) == limit:
            break
    return found


async def _items(session: Session, caller: Principal, told: list[tuple[Entity, Changed]]) -> list[dict[str, Any]]:
    """Show the rows that are there, and name the others."""
    shown: dict[str, Mapping[UUID | str, Shown]] = {}
    for entity in {entity.name: entity for entity, _ in told}.values():
        keys = [row.id for kind, row in told if kind.name == entity.name and not row.gone]
        shown[entity.name] = await entity.show(session, caller, keys) if keys else {}
    items: list[dict[str, Any]] = []
    for entity, row in told:
        item = {"entity": entity.name, "id": str(row.id), "gone": row.gone}
        if not row.gone:
            found = shown[entity.name][row.id]
            item |= {"version": found.version, "body": found.body}
        items.append(item)
    return items
