"""Kinds of offers and what can be wrong with one."""

from enum import StrEnum

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["OfferExhausted", "OfferKind", "OutsideCoverage", "QuantityInUse", "ValidityEndsFirst"]


class OfferKind(StrEnum):
    """What is offered."""

    VENUE = "venue"
    SERVICE = "service"
    PEOPLE = "people"
    GOODS = "goods"
    DISCOUNT = "discount"
    MONEY = "money"


class OutsideCoverage(Invalid):
    """An offer lies inside of what its partner was vetted for."""

    code = "outside_coverage"
    title = Text(zh="超出合伙人的服务范围", en="Outside of the partner's coverage")


class ValidityEndsFirst(Invalid):
    """It would end before it begins."""

    code = "validity_ends_before_it_begins"
    title = Text(zh="有效期的结束早于开始", en="The validity ends before it begins")


class QuantityInUse(Conflict):
    """Less than what is held and committed already."""

    code = "quantity_in_use"
    title = Text(zh="已占用的数量大于新的数量", en="More is in use than the new quantity")


class OfferExhausted(Conflict):
    """Somebody else holds what was left."""

    code = "offer_exhausted"
    title = Text(zh="资源已被占用完", en="Nothing of the offer is left")
