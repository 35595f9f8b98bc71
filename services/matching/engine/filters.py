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

__all__ = ["FILTERS", "PASSED", "common_time", "distances", "failures", "first_failures"]

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
Floats = NDArray[np.float32]


def distances(needs: NeedColumns, offers: OfferColumns) -> Floats:
    """Return how far apart needs and offers are, in metres; NaN where either has no point."""
    east = needs.xy[:, 0][:, None] - offers.xy[:, 0][None, :]
    north = needs.xy[:, 1][:, None] - offers.xy[:, 1][None, :]
    return np.asarray(np.sqrt(east * east + north * north), np.float32)


def common_time(needs: NeedColumns, offers: OfferColumns) -> NDArray[np.int16]:
    """Return how many half hours of a week needs and offers have in common."""
    found = np.zeros((len(needs.place), len(offers.free)), np.int16)
    for word in range(needs.times.shape[1]):
        found += np.bitwise_count(needs.times[:, word][:, None] & offers.times[:, word][None, :])
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
    found &= of_age | ~has_limits[None, :]
    if offers.resident_low.shape[1]:
        found &= _resides(needs, offers)
    return found


def _resides(needs: NeedColumns, offers: OfferColumns) -> Flags:
    place = needs.place[:, None]
    found = np.zeros((len(needs.place), len(offers.free)), np.bool_)
    for number in range(offers.resident_low.shape[1]):
        found |= (place >= offers.resident_low[:, number][None, :]) & (place < offers.resident_high[:, number][None, :])
    return found


def failures(needs: NeedColumns, offers: OfferColumns, apart: Floats, common: NDArray[np.int16]) -> tuple[Flags, ...]:
    """Return of each filter which pairs fail it, in the order of `FILTERS`.

    Args:
        needs: rows of a block.
        offers: its columns.
        apart: see `distances`.
        common: see `common_time`.
    """
    place = needs.place[:, None]
    return (
        ~offers.is_vetted[None, :],
        ~offers.is_valid[None, :],
        (place < offers.low[None, :]) | (place >= offers.high[None, :]),
        # NaN compares false: a distance that nobody knows keeps nobody away.
        (apart > np.float32(FOOT_M)) & offers.is_local[None, :],
        needs.quantity[:, None] > offers.free[None, :],
        ~_entitled(needs, offers),
        common == 0,
    )


def first_failures(needs: NeedColumns, offers: OfferColumns, apart: Floats, common: NDArray[np.int16]) -> Codes:
    """Return of each pair the number of the first filter that it fails, 0 when it passes all."""
    codes = np.zeros((len(needs.place), len(offers.free)), np.uint8)
    for number, failed in reversed(list(enumerate(failures(needs, offers, apart, common), start=1))):
        np.copyto(codes, np.uint8(number), where=failed)
    return codes
