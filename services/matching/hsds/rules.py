"""From offers to HSDS. Pure: the same offer has the same ids in every answer, for as long as it lives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from services.matching.availability.hours import Rule, parse_rule
from services.matching.hsds.schemas import (
    AddressedLocation,
    Attribute,
    CostOption,
    FullService,
    HsdsPage,
    Organization,
    Schedule,
    Service,
    ServiceArea,
    ServiceAtLocation,
    ServiceReference,
    T,
    Taxonomy,
    TaxonomyTerm,
)
from services.matching.offers.rules import OfferKind
from shared.clock import CHINA

__all__ = [
    "TAXONOMIES",
    "Listed",
    "full_service",
    "page_of",
    "service_at_location",
    "service_of",
    "term_of",
    "terms_of",
]

# The root of the ids of words; any fixed value would do.
_NAMESPACE: Final = UUID("5f6b2c9e-3d5a-5a7e-9a36-6c1d3c0a8f10")
_UTC_OFFSET_H: Final = 8
_EVERY_DAY: Final = "MO,TU,WE,TH,FR,SA,SU"
_VERSION: Final = "1"
_KIND_NAMES: Final = {
    OfferKind.VENUE: "场地 venue",
    OfferKind.SERVICE: "服务 service",
    OfferKind.PEOPLE: "人员 people",
    OfferKind.GOODS: "物资 goods",
    OfferKind.DISCOUNT: "优惠 discount",
}


def _taxonomy(name: str, description: str) -> Taxonomy:
    return Taxonomy(id=uuid5(_NAMESPACE, name), name=name, description=description, version=_VERSION)


_KINDS: Final = _taxonomy("linli-kinds", "资源类型 What is offered: a place, people, things …")
_CATEGORIES: Final = _taxonomy("linli-categories", "事项分类 What it is for, by the categories of the tenant")
_ENTITLEMENTS: Final = _taxonomy("linli-entitlements", "享受对象 Whom it is for or cheaper for")
TAXONOMIES: Final = (_KINDS, _CATEGORIES, _ENTITLEMENTS)


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the resource list, with the names that people read."""

    offer: Any
    partner_kind: str
    unit_name: str
    area_name: str


def term_of(taxonomy: Taxonomy, code: str) -> TaxonomyTerm:
    """Return a word of a vocabulary; its id follows from vocabulary and code."""
    name = _KIND_NAMES.get(OfferKind(code), code) if taxonomy is _KINDS else code
    return TaxonomyTerm(
        id=uuid5(taxonomy.id, code),
        code=code,
        name=name,
        description=f"{taxonomy.name}: {name}",
        taxonomy=taxonomy.name,
        taxonomy_id=taxonomy.id,
        language="zho",
    )


def terms_of(categories: Iterable[str], entitlements: Iterable[str]) -> list[TaxonomyTerm]:
    """Return all words in use, vocabulary by vocabulary."""
    return [
        *(term_of(_KINDS, kind.value) for kind in _KIND_NAMES),
        *(term_of(_CATEGORIES, code) for code in sorted(set(categories))),
        *(term_of(_ENTITLEMENTS, code) for code in sorted(set(entitlements))),
    ]


def organization_of(listed: Listed) -> Organization:
    """Return who provides."""
    return Organization(
        id=listed.offer.partner_id, name=listed.unit_name, description=f"社区合伙人 partner · {listed.partner_kind}"
    )


def _yuan(fen: int) -> int | float:
    return fen // 100 if fen % 100 == 0 else fen / 100


def _price_words(fen: int) -> str:
    return "免费 free" if fen == 0 else f"{fen // 100}.{fen % 100:02} 元"


def _costs(offer: Any) -> list[CostOption]:  # noqa: ANN401 - an offer, whose table a rule does not know
    prices = [("standard", offer.price_fen)] if offer.price_fen is not None else []
    prices += [(one["entitlement"], one["price_fen"]) for one in offer.entitled_prices]
    return [
        CostOption(
            id=uuid5(offer.id, f"cost:{option}"),
            service_id=offer.id,
            option=option,
            currency="CNY",
            amount=_yuan(fen),
            amount_description=_price_words(fen),
        )
        for option, fen in prices
    ]


def _eligibility_words(eligibility: Mapping[str, Any]) -> str | None:
    words = list(eligibility.get("entitlements", ()))
    if eligibility.get("min_age") is not None:
        words.append(f"≥ {eligibility['min_age']} 岁 years")
    if eligibility.get("max_age") is not None:
        words.append(f"≤ {eligibility['max_age']} 岁 years")
    words += [f"居住 lives in {path}" for path in eligibility.get("area_paths", ())]
    return "、".join(words) or None


def service_of(listed: Listed) -> Service:
    """Return an offer as a service, without what there may be many of."""
    offer = listed.offer
    costs = _costs(offer)
    return Service(
        id=offer.id,
        organization_id=offer.partner_id,
        name=offer.title,
        description=offer.description,
        status="active",
        fees_description="；".join(f"{one.option}: {one.amount_description}" for one in costs) or None,
        eligibility_description=_eligibility_words(offer.eligibility),
        minimum_age=offer.eligibility.get("min_age"),
        maximum_age=offer.eligibility.get("max_age"),
        assured_date=offer.confirmed_at.astimezone(CHINA).date().isoformat(),
        last_modified=offer.confirmed_at,
        organization=organization_of(listed),
    )


def _location(listed: Listed) -> AddressedLocation:
    offer = listed.offer
    return AddressedLocation(
        id=uuid5(offer.id, "location"),
        location_type="virtual" if offer.remote else "physical",
        organization_id=offer.partner_id,
        name=offer.place_text or listed.area_name,
        description=listed.area_name if offer.place_text else None,
        latitude=offer.latitude,
        longitude=offer.longitude,
    )


def _reference(listed: Listed) -> dict[str, Any]:
    location = _location(listed)
    return {
        # An offer has one place, so the pair is known by the offer.
        "id": listed.offer.id,
        "service_id": listed.offer.id,
        "location_id": location.id,
        "description": f"{listed.offer.title} · {location.name}",
        "location": location,
    }


def service_at_location(listed: Listed) -> ServiceAtLocation:
    """Return an offer as a service at its place."""
    return ServiceAtLocation(**_reference(listed), service=service_of(listed))


def _attributes(offer: Any) -> list[Attribute]:  # noqa: ANN401 - as above
    entitlements = {*offer.eligibility.get("entitlements", ()), *(one["entitlement"] for one in offer.entitled_prices)}
    terms = [term_of(_KINDS, offer.kind), term_of(_CATEGORIES, offer.category)]
    terms += [term_of(_ENTITLEMENTS, code) for code in sorted(entitlements)]
    return [
        Attribute(
            id=uuid5(offer.id, f"term:{term.id}"),
            link_id=offer.id,
            link_entity="service",
            taxonomy_term_id=term.id,
            taxonomy_term=term,
        )
        for term in terms
    ]


def _week_days(rule: Rule) -> str | None:
    """Return the days of a rule as the standard writes them; every day is all seven of them weekly."""
    if rule.days:
        return ",".join(map(_day_text, rule.days))
    return _EVERY_DAY if rule.frequency == "DAILY" else None


def _day_text(day: Any) -> str:  # noqa: ANN401 - the library's class is untyped
    names = _EVERY_DAY.split(",")
    return f"{day.n or ''}{names[day.weekday]}"


def _schedules(offer: Any) -> list[Schedule]:  # noqa: ANN401 - as above
    found = []
    for place, opening in enumerate((offer.hours or {}).get("openings", ())):
        rule = parse_rule(opening["rrule"])
        # Every other day is no weekly rule; then only the words tell.
        can_say = rule.frequency != "DAILY" or rule.interval == 1
        offset = f"+{_UTC_OFFSET_H:02}:00"
        until = offer.valid_until.astimezone(CHINA).date().isoformat() if offer.valid_until else None
        found.append(
            Schedule(
                id=uuid5(offer.id, f"schedule:{place}"),
                service_id=offer.id,
                valid_from=offer.valid_from.astimezone(CHINA).date().isoformat(),
                valid_to=until,
                dtstart=opening["starts_on"],
                timezone=_UTC_OFFSET_H,
                until=rule.until.isoformat() if rule.until else None,
                # A count of days is no count of weeks.
                count=rule.count if can_say and rule.frequency != "DAILY" else None,
                wkst="MO" if can_say else None,
                freq=("MONTHLY" if rule.frequency == "MONTHLY" else "WEEKLY") if can_say else None,
                interval=rule.interval if can_say else None,
                byday=_week_days(rule) if can_say else None,
                bymonthday=",".join(map(str, rule.month_days)) or None,
                description=f"{opening['rrule']} {opening['opens']}–{opening['closes']}",
                opens_at=f"{opening['opens']}{offset}",
                closes_at=f"{opening['closes']}{offset}",
            )
        )
    return found


def full_service(listed: Listed) -> FullService:
    """Return an offer as a service with everything that belongs to it."""
    offer = listed.offer
    area = ServiceArea(
        id=uuid5(offer.id, "area"),
        service_id=offer.id,
        name=listed.area_name,
        extent=offer.coverage,
        extent_type="text",
    )
    return FullService(
        **service_of(listed).model_dump(),
        schedules=_schedules(offer),
        service_areas=[area],
        service_at_locations=[ServiceReference(**_reference(listed))],
        cost_options=_costs(offer),
        attributes=_attributes(offer),
    )


def page_of(contents: Sequence[T], *, total: int, page: int, per_page: int) -> HsdsPage[T]:
    """Return a page with the counts that the standard asks for."""
    pages = -(-total // per_page)
    return HsdsPage[Any](
        total_items=total,
        total_pages=pages,
        page_number=page,
        size=len(contents),
        first_page=page == 1,
        last_page=page >= pages,
        empty=not contents,
        contents=list(contents),
    )
