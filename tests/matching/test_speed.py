"""What plans and proposals cost, printed. In processor time, and with room: a busy machine is no slow matcher."""

import pytest

from tests.benchmarks.matching import TARGETS, district, new_needs

# The plan of the benchmark has five times as many lines, and 0.6 seconds.
PLAN_CPU_S = 1.0


@pytest.mark.long
def test_a_plan_is_made_in_time_and_the_same_every_time() -> None:
    found = district(2_000)
    print(f"\nplan of 2 000 × 2 000: {found}")
    assert found["same_every_time"]
    assert found["met"] > 0
    assert found["cpu_s"] <= PLAN_CPU_S


@pytest.mark.long
def test_a_new_need_is_answered_in_time() -> None:
    found = new_needs()
    print(f"\na new need at 2 000 offers: {found}")
    assert found["explained"] > 0
    assert found["cpu_ms"] <= TARGETS["new_need_p95_ms"]
