"""Who gets what: one min-cost flow over needs and offers, exact and the same every time.

Every need sends one unit, either to an offer, where it earns its score, or to "left open", which has its price. An
offer passes on as many as it has left, each share of it a little dearer than the one before, so that load spreads. A
floor lets only so many of its needs be left open; going beyond costs more than anything else could gain, so a floor is
met exactly when that is possible, and else falls short by as little as possible.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

__all__ = ["Floors", "Prices", "assign"]

_STEPS: Final = 4
_POINTS_MAX: Final = 1_000

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prices:
    """What is weighed against scores, in points.

    Attributes:
        left_open: what leaving a need open costs, beside the score that it forgoes.
        urgent: how much more that is for an urgent need.
        load: how much dearer each further quarter of an offer is than the one before.
    """

    left_open: int = 0
    urgent: int = 300
    load: int = 10


@dataclass(frozen=True, slots=True)
class Floors:
    """How many needs of some groups have to be met. A need counts for the first floor that it belongs to.

    Attributes:
        of_need: the number of each need's floor, -1 for none.
        at_least: how many of each floor.
    """

    of_need: Ints
    at_least: Ints


def assign(
    need: Ints, offer: Ints, score: Ints, capacity: Ints, open_price: Ints, floors: Floors, prices: Prices
) -> Ints:
    """Return of each need the number of the pair that it gets, -1 where it is left open.

    Args:
        need: of each pair the need, from 0.
        offer: of each pair the offer, from 0.
        score: of each pair.
        capacity: of each offer how many needs it can take.
        open_price: of each need what leaving it open costs.
        floors: how many of whom at least; `of_need` as long as `open_price`.
        prices: what balance costs.
    """
    chosen = np.full(len(open_price), -1, np.int64)
    if not len(need):
        return chosen
    needs, need_node = np.unique(need, return_inverse=True)
    offers, offer_node = np.unique(offer, return_inverse=True)
    graph = _Graph(len(needs), len(offers), len(floors.at_least))
    graph.pairs(need_node.reshape(-1), offer_node.reshape(-1), score)
    graph.loads(capacity[offers], prices.load)
    graph.open(open_price[needs], floors.of_need[needs])
    graph.floors(floors.of_need[needs], floors.at_least)
    taken = graph.solve()[: len(need)]
    chosen[need[taken > 0]] = np.flatnonzero(taken > 0)
    return chosen


class _Graph:
    """Arcs in a fixed order: pairs, offers, left open, floors."""

    def __init__(self, needs: int, offers: int, floors: int) -> None:
        self._needs, self._offers = needs, offers
        self._floor = needs + offers
        self._sink = needs + offers + floors
        self._arcs: list[tuple[Ints, Ints, Ints, Ints]] = []

    def _add(self, tails: Ints, heads: Ints, capacities: Ints, costs: Ints) -> None:
        self._arcs.append((tails, heads, capacities, costs))

    def pairs(self, need: Ints, offer: Ints, score: Ints) -> None:
        """Let needs go to offers."""
        self._add(need, self._needs + offer, np.ones(len(need), np.int64), -score)

    def loads(self, capacity: Ints, step: int) -> None:
        """Let offers pass on what they have, each quarter dearer than the one before."""
        nodes = self._needs + np.arange(self._offers)
        part = np.maximum((capacity + _STEPS - 1) // _STEPS, 1)
        for number in range(_STEPS):
            left = np.clip(capacity - number * part, 0, part)
            is_there = left > 0
            tails = nodes[is_there]
            self._add(tails, np.full(len(tails), self._sink), left[is_there], np.full(len(tails), number * step))

    def open(self, price: Ints, floor: Ints) -> None:
        """Let needs be left open; those of a floor through its gate."""
        heads = np.where(floor >= 0, self._floor + floor, self._sink)
        self._add(np.arange(self._needs), heads, np.ones(self._needs, np.int64), price)

    def floors(self, floor: Ints, at_least: Ints) -> None:
        """Open each floor's gate for so many as may be left open, and for the others at a price beyond all scores."""
        if not len(at_least):
            return
        members = np.bincount(floor[floor >= 0], minlength=len(at_least)).astype(np.int64)
        required = np.minimum(at_least, members)
        gates = self._floor + np.arange(len(at_least))
        sinks = np.full(len(gates), self._sink)
        beyond = np.int64(self._needs + 1) * (2 * _POINTS_MAX + int(max((arc[3].max(initial=0)) for arc in self._arcs)))
        self._add(gates, sinks, members - required, np.zeros(len(gates), np.int64))
        self._add(gates, sinks, required, np.full(len(gates), beyond))

    def solve(self) -> Ints:
        """Return the flow of every arc."""
        tails, heads, capacities, costs = (np.concatenate(part) for part in zip(*self._arcs, strict=True))
        flow = SimpleMinCostFlow()
        arcs = flow.add_arcs_with_capacity_and_unit_cost(tails, heads, capacities, costs)
        nodes = np.append(np.arange(self._needs), self._sink)
        flow.set_nodes_supplies(nodes, np.append(np.ones(self._needs, np.int64), -self._needs))
        status = flow.solve()
        if status != SimpleMinCostFlow.OPTIMAL:
            # Every need can be left open, so a plan always exists: anything else is a fault of ours.
            message = f"the flow ended with {status}"
            raise RuntimeError(message)
        return np.asarray(flow.flows(arcs), np.int64)
