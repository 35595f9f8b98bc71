"""Entries of a record, and who may question and answer them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.partners.rules import OFFICERS
from shared.auth import Principal, Role
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["KEPT_BY_SILENCE_AFTER", "STEPS", "AlreadyReported", "EntryAction", "EntryFacts", "EntryState", "Fulfilment"]

# Whoever booked something and says nothing afterwards has got it.
KEPT_BY_SILENCE_AFTER: Final = timedelta(days=3)


class Fulfilment(StrEnum):
    """How a promise ended."""

    KEPT = "kept"
    LATE = "late"
    BROKEN = "broken"


class EntryState(StrEnum):
    """Whether an entry counts: all but the struck ones do."""

    STANDING = "standing"
    APPEALED = "appealed"
    UPHELD = "upheld"
    STRUCK = "struck"


class EntryAction(StrEnum):
    """What can be done with an entry."""

    APPEAL = "appeal"
    UPHOLD = "uphold"
    STRIKE = "strike"


class AlreadyReported(Conflict):
    """How it ended is on record."""

    code = "already_reported"
    title = Text(zh="已有履约记录", en="How it ended is on record already")


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the rules know of an entry."""

    state: EntryState
    unit_id: UUID
    coverage: str


def _itself(entry: EntryFacts, caller: Principal) -> Denial | None:
    if entry.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        return None
    return Denial("own_unit", Text(zh="只能由该合伙人申诉", en="Only the partner itself may appeal"))


def _officer(entry: EntryFacts, caller: Principal) -> Denial | None:
    if caller.has(*OFFICERS, at=entry.coverage):
        return None
    return Denial("officers_answer", Text(zh="需由所在区域的工作人员答复", en="Only an officer of the area may answer"))


_APPEALED: Final = frozenset({EntryState.APPEALED})
STEPS: Final[dict[EntryAction, Step[EntryFacts]]] = {
    EntryAction.APPEAL: Step(frozenset({EntryState.STANDING}), EntryState.APPEALED, _itself),
    EntryAction.UPHOLD: Step(_APPEALED, EntryState.UPHELD, _officer),
    EntryAction.STRIKE: Step(_APPEALED, EntryState.STRUCK, _officer),
}
