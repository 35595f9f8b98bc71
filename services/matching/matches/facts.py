"""Rows as the engine knows them: what a row says, what its words were read as, and what people said against that."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from services.matching.availability.hours import hours_of, open_spans
from services.matching.availability.spans import Span
from services.matching.engine.facts import Fulfilment, Manner, NeedFacts, OfferFacts, Point, Reach, Vectors, kinds_mask
from services.matching.matches.repository import Beside
from services.matching.needs.models import Need
from services.matching.offers.models import Offer
from services.matching.offers.rules import eligibility_of
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.slots.groups import GROUPS, Ages, Eligibility, mask_of
from services.matching.slots.leaves import Learned, leaf_shares
from services.matching.slots.reading import visits
from services.matching.slots.rules import Read, need_slots, offer_slots
from services.matching.slots.times import ALWAYS, HALF_HOURS
from services.matching.slots.tree import branch_of, leaves_of, node
from shared.clock import CHINA

__all__ = ["beside_facts", "need_facts", "offer_facts", "offer_text"]

# An entitlement that the groups do not know: nobody can claim it in words, so nobody is thought to have it.
_OTHERS: Final = 1 << 30
_ALTERNATIVES_MAX: Final = 4
_HALF_HOUR_S: Final = 1_800
_WEEK: Final = timedelta(days=7)

Corrections = Mapping[UUID, Mapping[str, Any]]


def offer_text(offer: Offer) -> str:
    """Return the words of an offer that are compared."""
    return f"{offer.title} {offer.description}"


def _point(latitude: float | None, longitude: float | None) -> Point | None:
    return None if latitude is None or longitude is None else Point(longitude, latitude)


def _leaf_of(category: str, read: Read) -> str | None:
    """Return the leaf that a person named, by a correction or by the category itself."""
    found = node(category)
    return read.leaf or (category if found is not None and found.parent else None)


def _shares(leaf: str | None, branch: str, told: Sequence[float]) -> tuple[float, ...]:
    if leaf is None:
        return tuple(told)
    return tuple(1.0 if code == leaf else 0.0 for code in leaves_of(branch))


def _leaves(
    rows: Sequence[tuple[str, str]],
    leaf_of: Sequence[str | None],
    vectors: Vectors,
    of_leaves: Vectors,
    learned: Learned | None,
) -> list[tuple[float, ...]]:
    """Return the leaves of rows of (category, text), branch by branch."""
    found: list[tuple[float, ...]] = [()] * len(rows)
    by_branch: dict[str, list[int]] = {}
    for place, (category, _) in enumerate(rows):
        by_branch.setdefault(branch_of(category), []).append(place)
    for branch, places in by_branch.items():
        texts = [rows[place][1] for place in places]
        told = leaf_shares(texts, branch, [matrix[places] for matrix in vectors], of_leaves, learned).tolist()
        for place, shares in zip(places, told, strict=True):
            found[place] = _shares(leaf_of[place], branch, shares)
    return found


def need_facts(
    needs: Sequence[Need],
    corrections: Corrections,
    vectors: Vectors,
    of_leaves: Vectors,
    learned: Learned | None = None,
) -> list[NeedFacts]:
    """Return needs as facts.

    Args:
        needs: rows.
        corrections: what people said against slots, by the id of the need.
        vectors: for each encoder one row a need.
        of_leaves: the words of the tree as offers, for each encoder.
        learned: the words that corrections have taught, by leaf.
    """
    read = [need_slots(need.summary, corrections.get(need.id, {})) for need in needs]
    named = [_leaf_of(need.category, of_row) for need, (_, of_row) in zip(needs, read, strict=True)]
    leaves = _leaves([(need.category, need.summary) for need in needs], named, vectors, of_leaves, learned)
    return [
        NeedFacts(
            id=need.id,
            branch=branch_of(need.category),
            text=need.summary,
            area_path=need.area_path,
            point=_point(need.latitude, need.longitude),
            quantity=need.quantity,
            leaves=of_need,
            times=ALWAYS if slots.times is None else slots.times,
            groups=slots.person.groups,
            age=slots.person.age,
            kinds=kinds_mask(of_row.parts or slots.kinds),
            manner=Manner(slots.manner),
            wants_free=slots.wants_free,
            urgent=need.urgent or slots.urgent,
            parts=of_row.parts,
        )
        for need, (slots, of_row), of_need in zip(needs, read, leaves, strict=True)
    ]


def beside_facts(beside: Beside) -> NeedFacts:
    """Return a need that stands beside another one as facts: only its words are compared."""
    return NeedFacts(beside.id, branch_of(beside.category), beside.summary, beside.area_path)


def offer_facts(
    pairs: Sequence[tuple[Offer, Partner]],
    corrections: Corrections,
    vectors: Vectors,
    of_leaves: Vectors,
    now: datetime,
    learned: Learned | None = None,
) -> list[OfferFacts]:
    """Return offers with their partners as facts; arguments as for needs, and the moment whose week is looked at."""
    texts = [offer_text(offer) for offer, _ in pairs]
    read = [
        offer_slots(words, offer.price_fen, corrections.get(offer.id, {}))
        for words, (offer, _) in zip(texts, pairs, strict=True)
    ]
    named = [_leaf_of(offer.category, of_row) for (offer, _), (_, of_row) in zip(pairs, read, strict=True)]
    rows = [(offer.category, words) for words, (offer, _) in zip(texts, pairs, strict=True)]
    leaves = _leaves(rows, named, vectors, of_leaves, learned)
    found = []
    for (offer, partner), words, (slots, of_row), of_offer in zip(pairs, texts, read, leaves, strict=True):
        stated = corrections.get(offer.id, {})
        times = slots.times if "times" in stated or offer.hours is None else _week(offer.hours, now)
        limits = _limits(offer, slots.eligibility, is_corrected="limited_to" in stated or "ages" in stated)
        found.append(
            OfferFacts(
                id=offer.id,
                branch=branch_of(offer.category),
                kind=offer.kind,
                text=words,
                coverage=offer.coverage,
                free=offer.free,
                active=offer.active,
                is_vetted=partner.state == PartnerState.VETTED,
                valid_from=offer.valid_from,
                valid_until=offer.valid_until,
                confirmed_at=offer.confirmed_at,
                point=_point(offer.latitude, offer.longitude),
                reach=_reach(offer, words, of_row),
                leaves=of_offer,
                times=ALWAYS if times is None else times,
                eligibility=limits,
                residents=eligibility_of(offer.eligibility).area_paths,
                is_priced=slots.is_priced,
                fulfilment=Fulfilment(partner.kept, partner.late, partner.broken),
            )
        )
    return found


def _reach(offer: Offer, words: str, read: Read) -> Reach:
    if read.reach is not None:
        return Reach(read.reach)
    if offer.remote:
        return Reach.REMOTE
    if visits(words):
        return Reach.VISIT
    is_whole_tenant = "." not in offer.coverage
    return Reach.MUNICIPAL if is_whole_tenant and offer.kind != "venue" else Reach.LOCAL


def _limits(offer: Offer, read: Eligibility, *, is_corrected: bool) -> Eligibility:
    """Return whom an offer is for: what its partner stated says more than its words do."""
    stated = eligibility_of(offer.eligibility)
    is_stated = bool(stated.entitlements) or stated.min_age is not None or stated.max_age is not None
    if is_corrected or not is_stated:
        return read
    known = [mask_of([name]) for name in stated.entitlements if name in GROUPS]
    alternatives = tuple(known[:_ALTERNATIVES_MAX]) or ((_OTHERS,) if stated.entitlements else ())
    everyone = Ages()
    ages = Ages(
        everyone.at_least if stated.min_age is None else stated.min_age,
        everyone.at_most if stated.max_age is None else stated.max_age,
    )
    return Eligibility(alternatives, ages)


def _week(hours: Mapping[str, Any], now: datetime) -> int:
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return _open_in_week(json.dumps(hours, sort_keys=True), midnight)


@lru_cache(maxsize=4_096)
def _open_in_week(hours: str, midnight: datetime) -> int:
    """Return the half hours of the coming seven days that lie wholly inside of the opening hours, as a week's bits."""
    found = 0
    for span in open_spans(hours_of(json.loads(hours)), Span(midnight, midnight + _WEEK), CHINA):
        start, end = span.start.astimezone(CHINA), span.end.astimezone(CHINA)
        offset = midnight.weekday() * HALF_HOURS // 7
        first = -int(-(start - midnight).total_seconds() // _HALF_HOUR_S)
        last = int((end - midnight).total_seconds() // _HALF_HOUR_S)
        for place in range(first, last):
            found |= 1 << ((place + offset) % HALF_HOURS)
    return found
