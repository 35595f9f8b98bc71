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
    "PledgeWithdrawn",
    "RestrictionNotAllowed",
    "Tier",
    "UnknownFund",
    "is_match_unlocked",
    "tier_of",
]


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to this amount, this many approvals, of so many voters if it says so (k of n)."""

    up_to_fen: int
    approvals: int
    voters: int | None = None


@dataclass(frozen=True, slots=True)
class Charter:
    """The rules of one fund. No ratio means that nobody has to raise own money.

    Attributes:
        quorum: how many votes, for or against, there must be before money is held.
        needs_review: whether an independent reviewer must have looked at an application before the first approval.
    """

    giver_kinds: tuple[str, ...]
    categories: tuple[str, ...]
    match_num: int | None
    match_den: int | None
    cap_fen: int | None
    household_cap_fen: int | None
    tiers: tuple[Tier, ...]
    quorum: int = 1
    needs_review: bool = False


class GiverNotAllowed(Forbidden):
    """The charter names who may give."""

    code = "giver_not_allowed"
    title = Text(zh="章程不允许该类捐赠人", en="The charter does not let this giver give")


class NoTierForAmount(Invalid):
    """The charter lets nobody approve this much."""

    code = "no_tier_for_amount"
    title = Text(zh="超出章程的审批额度", en="More than the charter lets anybody approve")


class RestrictionNotAllowed(Invalid):
    """Money is given for what the charter pays for, and for a time that has not passed."""

    code = "restriction_not_allowed"
    title = Text(
        zh="限定用途不在章程范围内，或期限已过", en="The charter does not pay for this purpose, or the day has passed"
    )


class UnknownFund(Invalid):
    """No fund of this id."""

    code = "unknown_fund"
    title = Text(zh="没有这个基金", en="No such fund")


class AlreadyReceived(Conflict):
    """The pledge was paid."""

    code = "already_received"
    title = Text(zh="该笔捐赠已到账", en="The contribution has arrived already")


class PledgeWithdrawn(Conflict):
    """The pledge was called off before it was paid."""

    code = "pledge_withdrawn"
    title = Text(zh="该笔认捐已撤回", en="The pledge has been called off")


def tier_of(tiers: Sequence[Tier], amount_fen: int) -> Tier:
    """Return the tier that an amount falls into: the smallest that reaches it."""
    for tier in sorted(tiers, key=lambda item: item.up_to_fen):
        if amount_fen <= tier.up_to_fen:
            return tier
    raise NoTierForAmount(pointer="/asked_fen")


def is_match_unlocked(charter: Charter, *, share_fen: int, raised_fen: int) -> bool:
    """Tell whether own money unlocks the fund's share: share x den <= raised x num, with no rounding at all."""
    if charter.match_num is None or charter.match_den is None:
        return True
    return share_fen * charter.match_den <= raised_fen * charter.match_num
