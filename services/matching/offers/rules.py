"""Kinds of offers, who may have one, at what price, how fresh it is, and what can be wrong with one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from services.matching.coverage import covers
from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "ASK_AGAIN_AFTER",
    "STALE_AFTER",
    "Eligibility",
    "IllTimed",
    "NotForThisKind",
    "OfferExhausted",
    "OfferKind",
    "OutsideCoverage",
    "PartlyMissing",
    "Person",
    "QuantityInUse",
    "UpsertOutcome",
    "ValidityEndsFirst",
    "eligibility_of",
    "is_stale",
    "misplaced_members",
    "price_for",
    "why_not_eligible",
]

# An offer that nobody has confirmed for a season is asked about, and every month again.
STALE_AFTER: Final = timedelta(days=90)
ASK_AGAIN_AFTER: Final = timedelta(days=30)


class OfferKind(StrEnum):
    """What is offered."""

    VENUE = "venue"
    SERVICE = "service"
    PEOPLE = "people"
    GOODS = "goods"
    DISCOUNT = "discount"
    MONEY = "money"


class UpsertOutcome(StrEnum):
    """What became of an offer that a partner has sent with an id and a version of its own."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    # A newer version is here already, or this very version said something else before.
    OUTDATED = "outdated"


class OutsideCoverage(Invalid):
    """An offer lies inside of what its partner was vetted for."""

    code = "outside_coverage"
    title = Text(zh="超出合伙人的服务范围", en="Outside of the partner's coverage")


class ValidityEndsFirst(Invalid):
    """It would end before it begins."""

    code = "validity_ends_before_it_begins"
    title = Text(zh="有效期的结束早于开始", en="The validity ends before it begins")


class NotForThisKind(Invalid):
    """A member that means nothing for an offer of this kind."""

    code = "not_for_this_kind"
    title = Text(zh="此类资源没有该项内容", en="An offer of this kind has no such member")


class PartlyMissing(Invalid):
    """A member that an offer of this kind needs, or one half of a pair."""

    code = "member_missing"
    title = Text(zh="此类资源缺少必要内容", en="An offer of this kind needs this member")


class IllTimed(Invalid):
    """Opening hours that cannot be; `reason` says why."""

    code = "bad_hours"
    title = Text(zh="开放时间有误", en="These opening hours cannot be")


class QuantityInUse(Conflict):
    """Less than what is held, committed, moving and received already."""

    code = "quantity_in_use"
    title = Text(zh="已占用的数量大于新的数量", en="More is in use than the new quantity")


class OfferExhausted(Conflict):
    """Somebody else holds what was left."""

    code = "offer_exhausted"
    title = Text(zh="资源已被占用完", en="Nothing of the offer is left")


# Which members mean something for which kinds; the rest means something for all.
_MEANT_FOR: Final[dict[str, frozenset[OfferKind]]] = {
    "capacity_per_day": frozenset({OfferKind.SERVICE, OfferKind.DISCOUNT}),
    "entitled_prices": frozenset({OfferKind.SERVICE, OfferKind.DISCOUNT, OfferKind.VENUE, OfferKind.GOODS}),
    "skills": frozenset({OfferKind.SERVICE, OfferKind.PEOPLE}),
    "amount_fen": frozenset({OfferKind.MONEY}),
    "fund_id": frozenset({OfferKind.MONEY}),
    "hours": frozenset(OfferKind) - {OfferKind.MONEY},
    "price_fen": frozenset(OfferKind) - {OfferKind.MONEY},
}


def misplaced_members(kind: OfferKind, members: Mapping[str, Any]) -> list[str]:
    """Return the members with a value that an offer of this kind cannot have."""
    return [name for name, kinds in _MEANT_FOR.items() if kind not in kinds and members.get(name) not in (None, [], ())]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whom an offer is for: any of the entitlements, an age, residents of one of the areas. Empty means everybody."""

    entitlements: tuple[str, ...] = ()
    min_age: int | None = None
    max_age: int | None = None
    area_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules know of somebody; None is what nobody has told."""

    entitlements: frozenset[str] = frozenset()
    age: int | None = None
    area_path: str | None = None


def eligibility_of(kept: Mapping[str, Any]) -> Eligibility:
    """Read an eligibility as it is kept."""
    return Eligibility(
        entitlements=tuple(kept.get("entitlements", ())),
        min_age=kept.get("min_age"),
        max_age=kept.get("max_age"),
        area_paths=tuple(kept.get("area_paths", ())),
    )


def why_not_eligible(offered: Eligibility, person: Person) -> str | None:
    """Return the first condition that somebody does not meet, or None. What is not known is not met."""
    if offered.entitlements and not person.entitlements.intersection(offered.entitlements):
        return "entitlement"
    if offered.min_age is not None and (person.age is None or person.age < offered.min_age):
        return "min_age"
    if offered.max_age is not None and (person.age is None or person.age > offered.max_age):
        return "max_age"
    lives = person.area_path
    if offered.area_paths and (lives is None or not any(covers(path, lives) for path in offered.area_paths)):
        return "resident_of"
    return None


def price_for(
    price_fen: int | None, entitled_prices: Sequence[Mapping[str, Any]], entitlements: Collection[str]
) -> int | None:
    """Return what somebody pays: the lowest price that they are entitled to, else the normal one.

    Args:
        price_fen: the normal price; None when none was named.
        entitled_prices: `{"entitlement": code, "price_fen": fen}`.
        entitlements: what the person has.
    """
    prices = [int(one["price_fen"]) for one in entitled_prices if one["entitlement"] in entitlements]
    if price_fen is not None:
        prices.append(price_fen)
    return min(prices, default=None)


def is_stale(confirmed_at: datetime, now: datetime) -> bool:
    """Tell whether nobody has confirmed an offer for too long."""
    return now - confirmed_at >= STALE_AFTER
