import asyncio
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.limits import Budgets, Policy
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import person

RATES = st.floats(0.1, 10_000)
BURSTS = st.integers(1, 500)
PAUSES = st.lists(st.floats(0, 5), min_size=1, max_size=200)


def budgets(rate: float, burst: int, keys_max: int = 1000) -> Budgets:
    return Budgets(Policy(rate, burst), keys_max=keys_max)


@given(RATES, BURSTS)
def test_a_full_budget_holds_exactly_the_burst(rate: float, burst: int) -> None:
    made = budgets(rate, burst)
    assert all(made.take("a", 1000.0) == 0 for _ in range(burst))
    assert made.take("a", 1000.0) > 0


@given(RATES, BURSTS, PAUSES)
def test_no_window_admits_more_than_the_rate_and_one_burst(rate: float, burst: int, pauses: list[float]) -> None:
    made = budgets(rate, burst)
    now = 1000.0
    admitted: list[float] = []
    for pause in pauses:
        now += pause
        admitted += [now for _ in range(3) if made.take("a", now) == 0]
    for first in range(len(admitted)):
        for last in range(first, min(len(admitted), first + 50)):
            window = admitted[last] - admitted[first]
            assert last - first + 1 <= burst + rate * window + 1e-3


@given(RATES, BURSTS, PAUSES)
def test_the_wait_it_names_is_enough_and_not_too_long(rate: float, burst: int, pauses: list[float]) -> None:
    made = budgets(rate, burst)
    now = 1000.0
    for pause in pauses:
        now += pause
        wait = made.take("a", now)
        if wait:
            assert wait <= 1 / rate + 1e-6
            assert made.take("a", now + wait * 0.5) > 0 or wait < 1e-6
            now += wait + 1e-6
            assert made.take("a", now) == 0


@given(RATES, BURSTS, st.integers(1, 400))
def test_who_is_refused_pays_nothing(rate: float, burst: int, tries: int) -> None:
    patient, pushing = budgets(rate, burst), budgets(rate, burst)
    for _ in range(burst):
        patient.take("a", 1000.0)
        pushing.take("a", 1000.0)
    for _ in range(tries):
        pushing.take("a", 1000.0)
    assert pushing.debt_s("a", 1000.0) == patient.debt_s("a", 1000.0)


@given(RATES, BURSTS)
def test_keys_do_not_share(rate: float, burst: int) -> None:
    made = budgets(rate, burst)
    while made.take("a", 1000.0) == 0:
        pass
    assert made.take("b", 1000.0) == 0


@given(RATES, BURSTS, st.floats(-10, 10), PAUSES)
def test_what_is_learned_from_others_never_admits_more(
    rate: float, burst: int, debt_s: float, pauses: list[float]
) -> None:
    alone, sharing = budgets(rate, burst), budgets(rate, burst)
    now = 1000.0
    for pause in pauses:
        now += pause
        admitted_alone = alone.take("a", now) == 0
        admitted_sharing = sharing.take("a", now) == 0
        assert admitted_alone or not admitted_sharing or sharing.debt_s("a", now) <= alone.debt_s("a", now) + 1e-9
        sharing.learn("a", debt_s, now)
        assert sharing.debt_s("a", now) >= max(0.0, debt_s) - 1e-6


def test_what_was_spent_is_told_once_and_kept_when_it_could_not_be_told() -> None:
    made = budgets(10, 5)
    for now in (1.0, 1.0, 2.0):
        made.take("a", now)
    made.take("b", 3.0)
    first, second = made.collect(10)
    assert (first.key, round(first.seconds, 6), first.since) == ("a", 0.3, 1.0)
    assert (second.key, round(second.seconds, 6), second.since) == ("b", 0.1, 3.0)
    assert made.collect(10) == []
    made.put_back(first)
    made.take("a", 4.0)
    [again] = made.collect(10)
    assert (round(again.seconds, 6), again.since) == (0.4, 1.0)


def test_the_number_of_keys_is_bounded_and_full_budgets_are_forgotten() -> None:
    made = budgets(1, 5, keys_max=100)
    for number in range(1000):
        made.take(f"key-{number}", 1000.0)
    assert len(made) == 100
    assert len(made.collect(10_000)) == 100
    made.forget_full(1000.5)
    assert len(made) == 100
    made.forget_full(1001.5)
    assert len(made) == 0


async def test_too_fast_is_told_with_the_time_to_wait_and_nothing_is_forwarded(open_door: OpenDoor) -> None:
    door = await open_door(gateway_caller_rate_per_s=0.5, gateway_caller_burst=3)
    headers = door.bearer() | {"Accept-Language": "en"}
    answers = [await door.client.get("/v1/cases", headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["title"] == "Too many requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert refused.headers["ratelimit-limit"] == "3"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert int(refused.headers["ratelimit-reset"]) <= 6
    assert len(door.service.seen) == 3
    assert (await door.client.get("/v1/cases", headers=door.bearer())).status_code == 200, "another caller"


async def test_all_tokens_of_one_person_share_a_budget(open_door: OpenDoor) -> None:
    door = await open_door(gateway_caller_rate_per_s=0.1, gateway_caller_burst=2)
    caller = person()
    statuses = [(await door.client.get("/v1/cases", headers=door.bearer(caller))).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_anonymous_calls_and_false_tokens_share_the_budget_of_their_address(open_door: OpenDoor) -> None:
    door = await open_door(gateway_anonymous_rate_per_s=0.1, gateway_anonymous_burst=3)
    false = {"Authorization": "Bearer abc"}
    statuses = [
        (await door.client.get("/v1/cases")).status_code,
        (await door.client.get("/v1/cases", headers=false)).status_code,
        (await door.client.get("/v1/cases")).status_code,
        (await door.client.get("/v1/cases", headers=false)).status_code,
        (await door.client.get("/v1/cases")).status_code,
        (await door.client.get("/v1/cases", headers=door.bearer())).status_code,
    ]
    assert statuses == [200, 401, 200, 429, 429, 200]


@pytest.mark.parametrize("rate", [50.0, 400.0])
async def test_the_sustained_rate_is_the_rate(open_door: OpenDoor, rate: float) -> None:
    door = await open_door(gateway_caller_rate_per_s=rate, gateway_caller_burst=10)
    headers = door.bearer()
    loop = asyncio.get_running_loop()
    started = loop.time()
    admitted = 0
    while loop.time() - started < 1.0:
        answers = await asyncio.gather(*(door.client.get("/v1/cases", headers=headers) for _ in range(8)))
        admitted += sum(answer.status_code == 200 for answer in answers)
    lasted = loop.time() - started
    assert admitted <= ceil(10 + rate * lasted)
    assert admitted >= min(rate * lasted * 0.5, 10)
