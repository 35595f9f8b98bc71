"""Hard filters: what no score overrides, and the reason why not. The first one that fails is the one that is told.

The arithmetic stands here once, for a whole block; a single pair is a block of one. Inside a block all lines are of
one branch.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.facts import FOOT_M
from services.matching.slots.groups import Ages

__all__ = ["FILTERS", "PASSED", "distances", "failures", "first_failures", "overlap_share"]

# In the order in which they are told; `first_failures` speaks of them by their place here, from 1.
FILTERS: Final = (
    "partner_vetted",
    "validity",
    "area",
    "distance",
    "capacity",
    "eligibility",
    "time",
)
PASSED: Final = 0
_ANY_AGE: Final = Ages()

Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


def distances(needs: NeedColumns, offers: OfferColumns) -> NDArray[np.float32]:
    """Return how far apart needs and offers are, in metres; NaN where either has no point."""
    apart = needs.xy[:, None, :] - offers.xy[None, :, :]
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]), np.float32)


def _overlaps(needs: NeedColumns, offers: OfferColumns) -> Flags:
    found = (needs.times[:, 0][:, None] & offers.times[:, 0][None, :]) != 0
    for word in range(1, needs.times.shape[1]):
        found |= (needs.times[:, word][:, None] & offers.times[:, word][None, :]) != 0
    return found


def _entitled(needs: NeedColumns, offers: OfferColumns) -> Flags:
    held = needs.groups[:, None]
    found = np.zeros((len(needs.groups), len(offers.free)), np.bool_)
    for place in range(offers.alternatives.shape[1]):
        wanted = offers.alternatives[:, place][None, :]
        found |= (held & wanted) == wanted
    age = needs.age[:, None]
    has_limits = (offers.age_from > _ANY_AGE.at_least) | (offers.age_until < _ANY_AGE.at_most)
    of_age = (age >= offers.age_from[None, :]) & (age <= offers.age_until[None, :])
    # An age that nobody told fulfils no limit.
    return found & (of_age | ~has_limits[None, :])


def failures(needs: NeedColumns, offers: OfferColumns) -> tuple[Flags, ...]:
    """Return of each filter which pairs fail it, in the order of `FILTERS`."""
    place = needs.place[:, None]
    shape = (len(needs.place), len(offers.free))
    # NaN compares false: a distance that nobody knows keeps nobody away.
    is_far = (distances(needs, offers) > FOOT_M) & offers.is_local[None, :]
    return (
        np.broadcast_to(~offers.is_vetted[None, :], shape),
        np.broadcast_to(~offers.is_valid[None, :], shape),
        (place < offers.low[None, :]) | (place >= offers.high[None, :]),
        is_far,
        needs.quantity[:, None] > offers.free[None, :],
        ~_entitled(needs, offers),
        ~_overlaps(needs, offers),
    )


def first_failures(needs: NeedColumns, offers: OfferColumns) -> Codes:
    """Return of each pair the number of the first filter that it fails, 0 when it passes all."""
    codes = np.zeros((len(needs.place), len(offers.free)), np.uint8)
    for number, failed in reversed(list(enumerate(failures(needs, offers), start=1))):
        codes[failed] = number
    return codes


def overlap_share(needs: NeedColumns, offers: OfferColumns) -> NDArray[np.float32]:
    """Return which share of the shorter of two times is common to both."""
    common = np.zeros((len(needs.place), len(offers.free)), np.float32)
    for word in range(needs.times.shape[1]):
        common += np.bitwise_count(needs.times[:, word][:, None] & offers.times[:, word][None, :])
    asked = np.bitwise_count(needs.times).sum(axis=1, dtype=np.int32)
    given = np.bitwise_count(offers.times).sum(axis=1, dtype=np.int32)
    return np.asarray(common / np.maximum(np.minimum(asked[:, None], given[None, :]), 1), np.float32)
