"""The matcher alone: filters before points, points that add up, and the same answer every time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.matching.matches.rules import THRESHOLD, NeedFacts, OfferFacts, judge, rank
from shared.ids import new_id

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
FILTERS = ("category", "partner_vetted", "validity", "area", "capacity")
WORDS = "课后辅导托管作业志愿者社区学校放学污水管道维修理发ab1 ，。"

texts = st.text(alphabet=WORDS, max_size=30)
categories = st.sampled_from(["after_school", "drainage"])
paths = st.sampled_from(["d", "d.z", "d.z.c1", "d.z.c2", "d.z1", "d.y", "d.y.c1"])
needs = st.builds(NeedFacts, category=categories, text=texts, area_path=paths, quantity=st.integers(1, 5))
offers = st.builds(
    OfferFacts,
    id=st.uuids(),
    category=categories,
    text=texts,
    coverage=paths,
    free=st.integers(0, 5),
    active=st.booleans(),
    is_vetted=st.booleans(),
    valid_from=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    valid_until=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    confirmed_at=st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
NEED = NeedFacts("after_school", "社区需要放学后的作业辅导", "d.z.c1", 1)
OFFER = OfferFacts(
    id=new_id(),
    category="after_school",
    text="课后作业辅导",
    coverage="d.z.c1",
    free=1,
    active=True,
    is_vetted=True,
    valid_from=NOW - timedelta(days=1),
    valid_until=None,
    confirmed_at=NOW - timedelta(days=1),
)


@given(needs, offers)
def test_the_score_is_the_sum_of_its_terms_and_no_term_exceeds_its_weight(need: NeedFacts, offer: OfferFacts) -> None:
    verdict = judge(need, offer, NOW)
    assert verdict.score == sum(term.points for term in verdict.terms)
    assert all(0 <= term.points <= term.of for term in verdict.terms)
    assert 0 <= verdict.score <= 1000
    assert not verdict.terms or sum(term.of for term in verdict.terms) == 1000


@given(needs, offers)
def test_no_score_overrides_a_filter(need: NeedFacts, offer: OfferFacts) -> None:
    verdict = judge(need, offer, NOW)
    assert tuple(item.name for item in verdict.filters) == FILTERS
    first = next((item.name for item in verdict.filters if not item.passed), None)
    assert verdict.failed == first
    if first is not None:
        assert (verdict.terms, verdict.score) == ((), 0)


@given(needs, st.lists(offers, max_size=30, unique_by=lambda offer: offer.id), st.randoms(use_true_random=False))
def test_the_order_of_the_offers_changes_nothing(
    need: NeedFacts, given_offers: list[OfferFacts], random: object
) -> None:
    shuffled = list(given_offers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    suitable, passed = rank(need, given_offers, NOW)
    again, passed_again = rank(need, shuffled, NOW)
    assert suitable == again
    assert {verdict.offer_id for verdict in passed} == {verdict.offer_id for verdict in passed_again}
    assert {verdict.offer_id for verdict in (*suitable, *passed)} == {offer.id for offer in given_offers}
    assert [verdict.score for verdict in suitable] == sorted((verdict.score for verdict in suitable), reverse=True)
    assert all(verdict.failed is None and verdict.score >= THRESHOLD for verdict in suitable)
    assert len(suitable) <= 20


@given(texts, texts)
def test_shared_words_count_the_same_from_both_sides(one: str, other: str) -> None:
    assert _lexical(one, other) == _lexical(other, one)


@given(texts, texts)
def test_no_other_text_is_closer_than_the_same_text(one: str, other: str) -> None:
    assert _lexical(one, one) >= _lexical(one, other)


@given(texts)
def test_a_text_without_a_shared_pair_of_characters_gets_nothing(one: str) -> None:
    assert _lexical(one, "xyzxyz") == 0


def test_the_nearer_offer_gets_more_points_for_its_place() -> None:
    points = [_points(replace(OFFER, coverage=path))["area"] for path in ("d", "d.z", "d.z.c1")]
    assert points == sorted(points)
    assert len(set(points)) == 3


def test_an_offer_that_nobody_confirmed_for_long_counts_less() -> None:
    points = [
        _points(replace(OFFER, confirmed_at=NOW - timedelta(days=days)))["freshness"] for days in (0, 60, 180, 900)
    ]
    assert points == sorted(points, reverse=True)
    assert (points[0], points[-1]) == (100, 0)


def test_a_neighbour_whose_code_only_begins_alike_is_not_covered() -> None:
    assert judge(replace(NEED, area_path="d.z1"), replace(OFFER, coverage="d.z"), NOW).failed == "area"


def test_validity_ends_at_its_end() -> None:
    assert judge(NEED, replace(OFFER, valid_from=NOW), NOW).failed is None
    assert judge(NEED, replace(OFFER, valid_until=NOW), NOW).failed == "validity"
    assert judge(NEED, replace(OFFER, valid_from=NOW + timedelta(seconds=1)), NOW).failed == "validity"


def _points(offer: OfferFacts) -> dict[str, int]:
    return {term.name: term.points for term in judge(NEED, offer, NOW).terms}


def _lexical(need: str, offer: str) -> int:
    terms = judge(replace(NEED, text=need), replace(OFFER, text=offer), NOW).terms
    return next(term.points for term in terms if term.name == "lexical")
