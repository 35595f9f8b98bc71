"""What a cursor is good for.

A cursor names the transactions that its reader has not seen: not a time and not a number in a row, since neither tells
when a change became visible. PostgreSQL's snapshot does: whatever it does not show has a transaction id of at least its
`xmin`. The next pass returns what was changed by such transactions; some of it was seen before, which does no harm.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from shared.auth import Grant, Principal
from shared.pagination import BadCursor
from shared.problems import Problem
from shared.texts import Text

__all__ = [
    "CLOSED_FOR",
    "CURSOR_LASTS",
    "Cursor",
    "CursorExpired",
    "CursorForeign",
    "DatabaseState",
    "Pass",
    "Place",
    "RightsChanged",
    "check_cursor",
    "epoch_name",
    "rights_of",
]

# A closed case stays on the phones for this long.
CLOSED_FOR: Final = timedelta(days=30)
CURSOR_LASTS: Final = timedelta(days=30)
_FORMAT: Final = 1


class _StartAgain(Problem):
    """The cursor is of no use any more; without one everything comes anew."""

    status = 410


class RightsChanged(_StartAgain):
    """What the caller may see is not what it was when the cursor was made."""

    code = "rights_changed"
    title = Text(zh="权限已变化，请不带游标重新同步", en="Your rights have changed: start again without a cursor")


class CursorExpired(_StartAgain):
    """The cursor is too old to tell what has gone since."""

    code = "cursor_expired"
    title = Text(zh="游标已过期，请不带游标重新同步", en="The cursor is too old: start again without a cursor")


class CursorForeign(_StartAgain):
    """The cursor belongs to somebody else, or to another database."""

    code = "cursor_foreign"
    title = Text(zh="游标不属于您或此数据库，请不带游标重新同步", en="Not a cursor of yours here: start without one")


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Which database this is, and what the present snapshot shows.

    Attributes:
        xmin: all transactions below it are visible, or never will be.
        xmax: none from here on is visible.
        epoch: names the counting of transactions.
    """

    xmin: int
    xmax: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One walk through what is to be told, over as many pages as it takes.

    Attributes:
        full: everything, for a phone that holds nothing.
        lower: the first transaction whose changes may not have been told.
        upper: changes from here on belong to the next pass.
        following: the `lower` of the next pass: the xmin of the snapshot with which this one began.
        since: when the pass before began; None when this one is full.
        at: when this one began.
    """

    full: bool
    lower: int
    upper: int
    following: int
    since: datetime | None
    at: datetime

    @classmethod
    def from_nothing(cls, state: DatabaseState, now: datetime) -> "Pass":
        """Begin a full pass."""
        return cls(full=True, lower=0, upper=state.xmax, following=state.xmin, since=None, at=now)

    def next(self, state: DatabaseState, now: datetime) -> "Pass":
        """Begin the pass that comes after this one."""
        return Pass(
            full=False,
            lower=self.following,
            upper=state.xmax,
            following=state.xmin,
            since=self.at,
            at=max(now, self.at),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """The last row that was told within a pass."""

    entity: str
    xid: int
    id: UUID | str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a phone stands. `place` is None when its pass is done."""

    tenant: str
    actor: str
    epoch: str
    rights: str
    current: Pass
    place: Place | None

    def values(self) -> tuple[Any, ...]:
        """Return what is written into the opaque cursor."""
        told, place = self.current, self.place
        where = (place.entity, place.xid, place.id) if place else (None, None, None)
        span = (told.full, told.lower, told.upper, told.following, told.since, told.at)
        return (_FORMAT, self.tenant, self.actor, self.epoch, self.rights, *span, *where)

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "Cursor":
        """Read it back.

        Raises:
            BadCursor: it was written by another version of this house.
        """
        if not values or values[0] != _FORMAT:
            raise BadCursor
        _, tenant, actor, epoch, rights, *span, entity, xid, key = values
        place = Place(entity, xid, key) if entity is not None else None
        return cls(tenant, actor, epoch, rights, Pass(*span), place)


def rights_of(grants: Iterable[Grant]) -> str:
    """Return a fingerprint of roles, places and units, in whatever order they are held."""
    lines = sorted(f"{grant.role}\n{grant.path}\n{grant.unit_id or ''}" for grant in grants)
    return hashlib.sha256("\n\n".join(lines).encode()).hexdigest()[:32]


def epoch_name(*parts: object) -> str:
    """Return a short name for what makes two countings of transactions the same one."""
    return hashlib.sha256("/".join(str(part) for part in parts).encode()).hexdigest()[:16]


def check_cursor(cursor: Cursor, caller: Principal, state: DatabaseState, now: datetime) -> None:
    """Refuse a cursor from which nobody can go on.

    Raises:
        CursorForeign: of another tenant, person or database, or of a future that the database has lost.
        CursorExpired: older than 30 days.
        RightsChanged: the caller's grants are not what they were.
    """
    is_theirs = (cursor.tenant, cursor.actor) == (caller.tenant, caller.actor)
    if not is_theirs or cursor.epoch != state.epoch or cursor.current.following > state.xmax:
        raise CursorForeign
    if now - cursor.current.at > CURSOR_LASTS:
        raise CursorExpired
    if cursor.rights != rights_of(caller.grants):
        raise RightsChanged
