"""Hard filters: what no score overrides, and the reason why not. The first one that fails is the one that is told.

The arithmetic stands here once, for whole blocks and for chosen pairs (see `pairs`). All lines are of one branch.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import FOOT_M
from services.matching.engine.pairs import Pairs
from services.matching.slots.groups import Ages

__all__ = ["FILTERS", "PASSED", "common_time", "distances", "failures", "first_failures", "passing"]

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
Rows = NDArray[np.int64]


def distances(pairs: Pairs) -> Floats:
    """Return how far apart needs and offers are, in metres; NaN where either has no point."""
    needs, offers = pairs.needs.xy, pairs.offers.xy
    east = pairs.need(needs[:, 0]) - pairs.offer(offers[:, 0])
    north = pairs.need(needs[:, 1]) - pairs.offer(offers[:, 1])
    return np.asarray(np.sqrt(east * east + north * north), np.float32)


def common_time(pairs: Pairs) -> NDArray[np.int16]:
    """Return how many half hours of a week needs and offers have in common."""
    needs, offers = pairs.needs.times, pairs.offers.times
    found = np.zeros(pairs.shape, np.int16)
    for word in range(needs.shape[1]):
        found += np.bitwise_count(pairs.need(needs[:, word]) & pairs.offer(offers[:, word]))
    return found


def _not_vetted(pairs: Pairs) -> Flags:
    return ~pairs.offer(pairs.offers.is_vetted)


def _not_valid(pairs: Pairs) -> Flags:
    return ~pairs.offer(pairs.offers.is_valid)


def _elsewhere(pairs: Pairs) -> Flags:
    place = pairs.need(pairs.needs.place)
    return (place < pairs.offer(pairs.offers.low)) | (place >= pairs.offer(pairs.offers.high))


def _too_far(pairs: Pairs) -> Flags:
    # NaN compares false: a distance that nobody knows keeps nobody away.
    return (distances(pairs) > np.float32(FOOT_M)) & pairs.offer(pairs.offers.is_local)


def _too_many(pairs: Pairs) -> Flags:
    return pairs.need(pairs.needs.quantity) > pairs.offer(pairs.offers.free)


def _not_entitled(pairs: Pairs) -> Flags:
    offers, held = pairs.offers, pairs.need(pairs.needs.groups)
    found = np.zeros(pairs.shape, np.bool_)
    for place in range(offers.alternatives.shape[1]):
        wanted = pairs.offer(offers.alternatives[:, place])
        found |= (held & wanted) == wanted
    age, least, most = pairs.need(pairs.needs.age), pairs.offer(offers.age_from), pairs.offer(offers.age_until)
    has_limits = (least > _ANY_AGE.at_least) | (most < _ANY_AGE.at_most)
    # An age that nobody told fulfils no limit.
    found &= ((age >= least) & (age <= most)) | ~has_limits
    if offers.resident_low.shape[1]:
        found &= _resides(pairs)
    return ~found


def _resides(pairs: Pairs) -> Flags:
    offers, place = pairs.offers, pairs.need(pairs.needs.place)
    found = np.zeros(pairs.shape, np.bool_)
    for number in range(offers.resident_low.shape[1]):
        low, high = pairs.offer(offers.resident_low[:, number]), pairs.offer(offers.resident_high[:, number])
        found |= (place >= low) & (place < high)
    return found


def _never(pairs: Pairs) -> Flags:
    return np.asarray(common_time(pairs) == 0, np.bool_)


_FAILED: Final[tuple[Callable[[Pairs], Flags], ...]] = (
    _not_vetted,
    _not_valid,
    _elsewhere,
    _too_far,
    _too_many,
    _not_entitled,
    _never,
)


def failures(pairs: Pairs) -> tuple[Flags, ...]:
    """Return of each filter which pairs fail it, in the order of `FILTERS`."""
    return tuple(np.broadcast_to(failed(pairs), pairs.shape) for failed in _FAILED)


def first_failures(pairs: Pairs) -> Codes:
    """Return of each pair the number of the first filter that it fails, 0 when it passes all."""
    codes = np.zeros(pairs.shape, np.uint8)
    for number, failed in reversed(list(enumerate(_FAILED, start=1))):
        np.copyto(codes, np.uint8(number), where=failed(pairs))
    return codes


def passing(pairs: Pairs) -> Rows:
    """Return the places of those of chosen pairs that pass all filters; each filter looks at what is left."""
    left = np.arange(len(pairs.need_at))
    for failed in _FAILED:
        left = left[~failed(pairs.only(left))]
    return left
