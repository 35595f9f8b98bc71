"""From what an offer says to the columns that keep it, with everything that can be wrong with it."""

from typing import Any
from uuid import UUID

from services.matching.coverage import covers
from services.matching.offers.rules import (
    IllTimed,
    NotForThisKind,
    OfferKind,
    OutsideCoverage,
    PartlyMissing,
    ValidityEndsFirst,
    misplaced_members,
)
from services.matching.offers.schemas import EligibilityIn, HoursIn, OfferContent
from services.matching.partners.models import Partner
from services.matching.places import open_area
from shared.db import Session
from shared.problems import Invalid
from shared.texts import Text

__all__ = ["BadAges", "columns_of", "kept_eligibility", "kept_hours"]


class BadAges(Invalid):
    """Nobody is older than the oldest and younger than the youngest."""

    code = "bad_ages"
    title = Text(zh="年龄下限高于上限", en="The lowest age is above the highest")


def kept_hours(wanted: HoursIn | None, *, pointer: str = "/hours") -> dict[str, Any] | None:
    """Return opening hours as they are kept."""
    if wanted is None:
        return None
    for place, exception in enumerate(wanted.exceptions):
        if exception.ends_at <= exception.starts_at:
            raise IllTimed(pointer=f"{pointer}/exceptions/{place}/ends_at", reason="ends_before_it_starts")
    return wanted.model_dump(mode="json")


async def kept_eligibility(session: Session, wanted: EligibilityIn) -> dict[str, Any]:
    """Return an eligibility as it is kept, with the paths of its areas."""
    if wanted.min_age is not None and wanted.max_age is not None and wanted.min_age > wanted.max_age:
        raise BadAges(pointer="/eligibility/max_age")
    areas = [await open_area(session, area_id, pointer="/eligibility/resident_of") for area_id in wanted.resident_of]
    return wanted.model_dump(mode="json") | {"area_paths": [area.path for area in areas]}


def _check_kind(wanted: OfferContent) -> None:
    members = wanted.model_dump()
    for name in misplaced_members(wanted.kind, members):
        raise NotForThisKind(pointer=f"/{name}", kind=wanted.kind.value)
    if wanted.kind is OfferKind.MONEY and wanted.amount_fen is None:
        raise PartlyMissing(pointer="/amount_fen")
    if wanted.kind is OfferKind.MONEY and wanted.quantity != 1:
        # A pledge is given as a whole: its size is its amount.
        raise NotForThisKind(pointer="/quantity", kind=wanted.kind.value)
    if (wanted.latitude is None) != (wanted.longitude is None):
        raise PartlyMissing(pointer="/longitude" if wanted.longitude is None else "/latitude")


def _unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))


async def columns_of(session: Session, partner: Partner, wanted: OfferContent) -> dict[str, Any]:
    """Return the columns that an offer's content fills, but for when it begins.

    Raises:
        Invalid: a reference that is not there, a member that does not belong, a place that was not vetted.
    """
    _check_kind(wanted)
    area = await open_area(session, wanted.area_id)
    if not any(covers(path, area.path) for path in partner.paths):
        raise OutsideCoverage(pointer="/area_id")
    begins, ends = wanted.valid_from, wanted.valid_until
    if begins is not None and ends is not None and ends <= begins:
        raise ValidityEndsFirst(pointer="/valid_until")
    plain = {"title", "description", "category", "place_text", "latitude", "longitude", "remote", "quantity"}
    plain |= {"capacity_per_day", "price_fen", "amount_fen", "fund_id", "valid_until", "self_confirming"}
    columns: dict[str, Any] = wanted.model_dump(include=plain)
    area_id: UUID = area.id
    return columns | {
        "kind": wanted.kind.value,
        "area_id": area_id,
        "coverage": area.path,
        "entitled_prices": [one.model_dump() for one in wanted.entitled_prices],
        "eligibility": await kept_eligibility(session, wanted.eligibility),
        "skills": _unique(wanted.skills),
        "hours": kept_hours(wanted.hours),
    }
