"""Several gateways, one Valkey: what one admits, the others learn."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.gateway.limits import Budgets, Policy, Sharing
from shared.embedded import EmbeddedValkey
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import until


class Fellow:
    """One gateway's limits, shared when the test says so."""

    def __init__(self, url: str, name: str, rate: float, burst: int) -> None:
        self.name = name
        self.redis = Redis.from_url(url, socket_connect_timeout=0.5)
        self.budgets = Budgets(Policy(rate, burst), keys_max=1000)
        self.sharing = Sharing(self.redis, {name: self.budgets}, every_s=0.05)

    def take_all(self, key: str) -> int:
        now = monotonic()
        taken = 0
        while self.budgets.take(key, now) == 0:
            taken += 1
        return taken


MakeFellow = Callable[[float, int], Fellow]


@pytest_asyncio.fixture
async def fellow_of(valkey_url: str) -> AsyncIterator[MakeFellow]:
    """Make gateways' limits that share a policy nobody else has."""
    name = secrets.token_hex(8)
    made: list[Fellow] = []

    def make(rate: float, burst: int) -> Fellow:
        made.append(Fellow(valkey_url, name, rate, burst))
        return made[-1]

    yield make
    for fellow in made:
        await fellow.redis.aclose()


async def test_what_one_gateway_admitted_another_knows_after_sharing(fellow_of: MakeFellow) -> None:
    one, other = fellow_of(0.1, 20), fellow_of(0.1, 20)
    for _ in range(15):
        one.budgets.take("a", monotonic())
    await one.sharing.share()
    # The other has to hear of the key at all: its first request is what makes it ask.
    assert other.budgets.take("a", monotonic()) == 0
    await other.sharing.share()
    assert other.take_all("a") == 4
    await other.sharing.share()
    one.budgets.take("a", monotonic())
    await one.sharing.share()
    assert one.budgets.take("a", monotonic()) > 0


@pytest.mark.parametrize("gateways", [2, 5])
async def test_the_overshoot_is_bounded_and_paid_back(fellow_of: MakeFellow, gateways: int) -> None:
    rate, burst = 50.0, 20
    fellows = [fellow_of(rate, burst) for _ in range(gateways)]
    started = monotonic()
    admitted = sum(fellow.take_all("a") for fellow in fellows)
    assert admitted == gateways * burst, "all were ignorant, which is the worst that can be"
    for fellow in fellows:
        await fellow.sharing.share()
    # The debt is common now: (n - 1) bursts have to drain before anybody is admitted again.
    for fellow in fellows:
        fellow.budgets.take("a", monotonic())
        await fellow.sharing.share()
    async with asyncio.timeout(10):
        last = fellows[-1]
        while last.budgets.take("a", monotonic()) != 0:
            await asyncio.sleep(0.005)
    paid_s = monotonic() - started
    assert paid_s >= (gateways - 1) * burst / rate * 0.95


async def test_sharing_with_nobody_else_changes_nothing(fellow_of: MakeFellow) -> None:
    rate, burst = 200.0, 10
    shared = fellow_of(rate, burst)
    alone = Budgets(Policy(rate, burst), keys_max=10)
    counts = {"shared": 0, "alone": 0}
    for number in range(300):
        now = monotonic()
        counts["shared"] += shared.budgets.take("a", now) == 0
        counts["alone"] += alone.take("a", now) == 0
        if number % 10 == 0:
            await shared.sharing.share()
        await asyncio.sleep(0.001)
    # The trips to Redis differ in length, and a budget may seem owed by that much longer.
    assert counts["alone"] * 0.9 - 1 <= counts["shared"] <= counts["alone"]


async def test_keys_in_redis_are_many_to_a_call_and_leave_by_themselves(fellow_of: MakeFellow) -> None:
    fellow = fellow_of(100.0, 5)
    for number in range(1200):
        fellow.budgets.take(f"key-{number}", monotonic())
    assert len(fellow.budgets) == 1000
    await fellow.sharing.share()
    pattern = f"linli:{{limit}}:{fellow.name}:*"
    kept = [key async for key in fellow.redis.scan_iter(pattern)]
    lives = [await fellow.redis.pttl(key) for key in kept[:20]]
    assert all(life <= 60 for life in lives)
    async with asyncio.timeout(5):
        while [key async for key in fellow.redis.scan_iter(pattern)]:
            await asyncio.sleep(0.01)


async def test_redis_dies_and_the_gateway_goes_on_alone_and_comes_back(tmp_path: Path, open_door: OpenDoor) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    url = valkey.start()
    door = await open_door(
        redis_url=url, gateway_limit_sync_ms=10, gateway_caller_rate_per_s=0.2, gateway_caller_burst=5
    )
    headers = door.bearer()
    assert (await door.client.get("/v1/cases", headers=headers)).status_code == 200
    valkey.kill()
    statuses = [(await door.client.get("/v1/cases", headers=headers)).status_code for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]
    sharing = door.gateway.sharing
    await until(lambda: not sharing.is_common)
    assert b"linli_gateway_limits_shared 0.0" in (await door.client.get("/metrics")).content
    again = EmbeddedValkey(tmp_path / "valkey", port=valkey.port)
    again.start()
    await until(lambda: sharing.is_common)
    # What was spent alone is told after all.
    other = Redis.from_url(url)
    assert [key async for key in other.scan_iter("linli:{limit}:caller:*")]
    await other.aclose()
    again.stop()


async def test_two_gateways_refuse_together(open_door: OpenDoor) -> None:
    changes = {"gateway_limit_sync_ms": 10, "gateway_caller_rate_per_s": 0.2, "gateway_caller_burst": 10}
    one = await open_door(**changes)
    two = await open_door(service=one.service, **changes)
    headers = one.bearer()
    for _ in range(8):
        assert (await one.client.get("/v1/cases", headers=headers)).status_code == 200
    await until(lambda: not one.gateway.limits.callers._untold)
    assert (await two.client.get("/v1/cases", headers=headers)).status_code == 200
    [key] = two.gateway.limits.callers._budgets
    await until(lambda: two.gateway.limits.callers.debt_s(key, monotonic()) > 40)
    statuses = [(await two.client.get("/v1/cases", headers=headers)).status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
