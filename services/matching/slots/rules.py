"""Slots with the corrections of people: what is proposed, what was said against it, and what counts. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from services.matching.slots.groups import Ages, Eligibility, Person, mask_of, names_of
from services.matching.slots.reading import NeedSlots, OfferSlots, read_need, read_offer
from services.matching.slots.times import DAY_NAMES, spans, windows

__all__ = ["Read", "Subject", "hash_of", "need_slots", "offer_slots", "shown_need", "shown_offer", "times_of"]

_HALF_HOUR: Final = 30
_READ_MAX: Final = 65_536


class Subject(StrEnum):
    """What has slots."""

    NEED = "need"
    OFFER = "offer"


@dataclass(frozen=True, slots=True)
class Read:
    """What counts for a need or an offer beside its row: its leaf and its manner, where somebody said them."""

    leaf: str | None
    reach: str | None
    parts: tuple[str, ...]
    quantity: int | None


_need = lru_cache(maxsize=_READ_MAX)(read_need)
_offer = lru_cache(maxsize=_READ_MAX)(read_offer)


def hash_of(words: str) -> str:
    """Return the hash of a text that is kept with its vector: what PostgreSQL's `md5` says as well."""
    return hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()


def times_of(told: Sequence[Mapping[str, str]]) -> int:
    """Return windows as bits."""
    found = 0
    for window in told:
        start, end = _half_hours(window["start"]), _half_hours(window["end"])
        found |= windows((DAY_NAMES.index(window["day"]),), ((start, end if end > start else end + 48),))
    return found


def _half_hours(clock: str) -> int:
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) // _HALF_HOUR


def _windows(bits: int | None) -> list[dict[str, str]] | None:
    if bits is None:
        return None
    return [{"day": day, "start": start, "end": end} for day, start, end in spans(bits)]


def need_slots(text: str, corrected: Mapping[str, Any]) -> tuple[NeedSlots, Read]:
    """Return the slots of a need that count: read from its words, or as somebody corrected them."""
    read = _need(text)
    groups = mask_of(corrected["groups"]) if "groups" in corrected else read.person.groups
    slots = read if not corrected else NeedSlots(
        quantity=corrected.get("quantity", read.quantity),
        kinds=tuple(corrected.get("kinds", read.kinds)),
        times=times_of(corrected["times"]) if "times" in corrected else read.times,
        person=Person(groups, corrected.get("age", read.person.age)),
        manner=corrected.get("manner", read.manner),
        wants_free=corrected.get("wants_free", read.wants_free),
        urgent=corrected.get("urgent", read.urgent),
        level=corrected.get("level", read.level),
    )  # fmt: skip
    return slots, Read(corrected.get("leaf"), None, tuple(corrected.get("parts", ())), slots.quantity)


def offer_slots(text: str, price_fen: int | None, corrected: Mapping[str, Any]) -> tuple[OfferSlots, Read]:
    """Return the slots of an offer that count."""
    read = _offer(text, price_fen)
    if not corrected:
        return read, Read(None, None, (), None)
    limits = read.eligibility.alternatives
    if "limited_to" in corrected:
        limits = tuple(mask_of(names) for names in corrected["limited_to"])
    ages = read.eligibility.ages
    if "ages" in corrected:
        ages = Ages(corrected["ages"]["at_least"], corrected["ages"]["at_most"])
    slots = OfferSlots(
        times=times_of(corrected["times"]) if "times" in corrected else read.times,
        eligibility=Eligibility(limits, ages),
        is_priced=corrected.get("priced", read.is_priced),
        level=corrected.get("level", read.level),
    )
    return slots, Read(corrected.get("leaf"), corrected.get("reach"), (), None)


def shown_need(slots: NeedSlots, read: Read) -> dict[str, Any]:
    """Return a need's slots as JSON."""
    return {
        "leaf": read.leaf,
        "quantity": slots.quantity,
        "kinds": list(slots.kinds),
        "parts": list(read.parts),
        "times": _windows(slots.times),
        "groups": names_of(slots.person.groups),
        "age": slots.person.age,
        "manner": slots.manner,
        "wants_free": slots.wants_free,
        "urgent": slots.urgent,
        "level": slots.level,
    }


def shown_offer(slots: OfferSlots, read: Read) -> dict[str, Any]:
    """Return an offer's slots as JSON."""
    ages = slots.eligibility.ages
    return {
        "leaf": read.leaf,
        "reach": read.reach,
        "times": _windows(slots.times),
        "limited_to": [names_of(mask) for mask in slots.eligibility.alternatives],
        "ages": {"at_least": ages.at_least, "at_most": ages.at_most},
        "priced": slots.is_priced,
        "level": slots.level,
    }
