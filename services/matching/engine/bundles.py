"""Needs that several kinds of offers meet at once: a room and people and goods, all of them or none.

Each such need first gets the best offer for each of its parts. Where nobody then takes what another one needs, that is
the best plan there is, and proven so. Only needs that do contend for the same offers are given to CP-SAT, group by
group, with one worker, a fixed seed and a limit on its work, so that the same input gives the same plan.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ortools.sat.python import cp_model

__all__ = ["Bundle", "Choice", "choose_bundles"]

_WORK_MAX: Final = 2.0
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """A need with its parts.

    Attributes:
        need: its number.
        quantity: how much of each offer it takes.
        parts: for each part the offers that would do, as (offer, score), the best first.
    """

    need: int
    quantity: int
    parts: tuple[tuple[tuple[int, int], ...], ...]


Choice = Mapping[int, tuple[int, ...]]


def choose_bundles(bundles: Sequence[Bundle], capacity: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """Return of each need that can be met its offers, one for each part; the others are left open.

    Args:
        bundles: in a fixed order.
        capacity: how much each offer has.
    """
    able = [bundle for bundle in (_fitting(item, capacity) for item in bundles) if all(bundle.parts)]
    chosen: dict[int, tuple[int, ...]] = {}
    for group in _groups(able):
        best = {bundle.need: tuple(part[0][0] for part in bundle.parts) for bundle in group}
        chosen.update(best if _fits(group, best, capacity) else _solve(group, capacity))
    return chosen


def _fitting(bundle: Bundle, capacity: Mapping[int, int]) -> Bundle:
    parts = tuple(tuple(pair for pair in part if capacity.get(pair[0], 0) >= bundle.quantity) for part in bundle.parts)
    return Bundle(bundle.need, bundle.quantity, parts)


def _groups(bundles: Sequence[Bundle]) -> list[list[Bundle]]:
    """Return the needs that contend for offers, directly or by others, together."""
    leader = list(range(len(bundles)))

    def find(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    seen: dict[int, int] = {}
    for place, bundle in enumerate(bundles):
        for offer in sorted({offer for part in bundle.parts for offer, _ in part}):
            first, own = find(seen.setdefault(offer, place)), find(place)
            leader[max(first, own)] = min(first, own)
    groups: dict[int, list[Bundle]] = defaultdict(list)
    for place, bundle in enumerate(bundles):
        groups[find(place)].append(bundle)
    return [groups[place] for place in sorted(groups)]


def _fits(group: Sequence[Bundle], chosen: Choice, capacity: Mapping[int, int]) -> bool:
    used: dict[int, int] = defaultdict(int)
    for bundle in group:
        for offer in chosen.get(bundle.need, ()):
            used[offer] += bundle.quantity
    return all(total <= capacity[offer] for offer, total in used.items())


def _solve(group: Sequence[Bundle], capacity: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    model = cp_model.CpModel()
    used: dict[int, list[tuple[cp_model.IntVar, int]]] = defaultdict(list)
    gains: list[tuple[cp_model.IntVar, int]] = []
    taken: dict[tuple[int, int], list[tuple[cp_model.IntVar, int]]] = {}
    for bundle in group:
        met = model.new_bool_var(f"met_{bundle.need}")
        for number, part in enumerate(bundle.parts):
            options = []
            for offer, score in part:
                takes = model.new_bool_var(f"takes_{bundle.need}_{number}_{offer}")
                options.append((takes, offer))
                used[offer].append((takes, bundle.quantity))
                gains.append((takes, score))
            model.add(sum(takes for takes, _ in options) == met)
            taken[bundle.need, number] = options
    for offer, takers in used.items():
        model.add(sum(takes * quantity for takes, quantity in takers) <= capacity[offer])
    model.maximize(sum(takes * score for takes, score in gains))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = _SEED
    solver.parameters.max_deterministic_time = _WORK_MAX
    if solver.solve(model) not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return _greedy(group, capacity)
    found: dict[int, tuple[int, ...]] = {}
    for bundle in group:
        offers = tuple(
            offer
            for number in range(len(bundle.parts))
            for takes, offer in taken[bundle.need, number]
            if solver.boolean_value(takes)
        )
        if offers:
            found[bundle.need] = offers
    return found


def _greedy(group: Sequence[Bundle], capacity: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """Serve one after the other, for the case that a group is too large to be solved within the limit."""
    left = dict(capacity)
    found: dict[int, tuple[int, ...]] = {}
    for bundle in group:
        offers = [next((offer for offer, _ in part if left[offer] >= bundle.quantity), None) for part in bundle.parts]
        if all(offer is not None for offer in offers):
            found[bundle.need] = tuple(offer for offer in offers if offer is not None)
            for offer in found[bundle.need]:
                left[offer] -= bundle.quantity
    return found
