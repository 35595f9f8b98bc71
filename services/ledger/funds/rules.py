"""The charter: who may give, what it may pay for, who decides, and how much the fund adds; all in exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.problems import Conflict, Forbidden, Invalid
from shared.texts import Text

__all__ = [
    "AlreadyReceived",
    "Charter",
    "GiverNotAllowed",
    "NoTierForAmount",
    "Tier",
    "UnknownFund",
    "approvals_needed",
    "is_match_unlocked",
]


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to this amount, this many approvals."""

    up_to_fen: int
    approvals: int


@dataclass(frozen=True, slots=True)
class Charter:
    """The rules of one fund. No ratio means that nobody has to raise own money."""

    giver_kinds: tuple[str, ...]
    categories: tuple[str, ...]
    match_num: int | None
    match_den: int | None
    cap_fen: int | None
    household_cap_fen: int | None
    tiers: tuple[Tier, ...]


class GiverNotAllowed(Forbidden):
    """The charter names who may give."""

    code = "giver_not_allowed"
    title = Text(zh="章程不允许该类捐赠人", en="The charter does not let this giver give")


class NoTierForAmount(Invalid):
    """The charter lets nobody approve this much."""

    code = "no_tier_for_amount"
    title = Text(zh="超出章程的审批额度", en="More than the charter lets anybody approve")


class UnknownFund(Invalid):
    """No fund of this id."""

    code = "unknown_fund"
    title = Text(zh="没有这个基金", en="No such fund")


class AlreadyReceived(Conflict):
    """The pledge was paid."""

    code = "already_received"
    title = Text(zh="该笔捐赠已到账", en="The contribution has arrived already")


def approvals_needed(tiers: Sequence[Tier], amount_fen: int) -> int:
    """Return how many approvals an amount takes; the smallest tier that reaches it decides."""
    for tier in sorted(tiers, key=lambda item: item.up_to_fen):
        if amount_fen <= tier.up_to_fen:
            return tier.approvals
    raise NoTierForAmount(pointer="/asked_fen")


def is_match_unlocked(charter: Charter, *, share_fen: int, raised_fen: int) -> bool:
    """Tell whether own money unlocks the fund's share: share x den <= raised x num, with no rounding at all."""
    if charter.match_num is None or charter.match_den is None:
        return True
    return share_fen * charter.match_den <= raised_fen * charter.match_num
