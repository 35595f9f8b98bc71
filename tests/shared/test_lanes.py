"""Lanes: claims under slots, one that hangs in its own lane, and none that is forgotten."""

import asyncio
from collections import defaultdict, deque

from shared.lanes import Lanes


class Yard:
    """Work that waits in queues, and what was done."""

    def __init__(self, *, per_lane: int = 2, together: int = 3) -> None:
        self.due: defaultdict[str, deque[int]] = defaultdict(deque)
        self.done: list[tuple[str, int]] = []
        self.busy = 0
        self.busiest = 0
        self.stuck = asyncio.Event()
        self.together = asyncio.Semaphore(together)
        self.own: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_lane))
        self.lanes = Lanes(self.claim, self.carry, lambda key: (self.own[key], self.together))

    async def claim(self, key: str) -> int | None:
        await asyncio.sleep(0)
        if key == "broken" and self.due[key]:
            self.due[key].popleft()
            raise RuntimeError
        return self.due[key].popleft() if self.due[key] else None

    async def carry(self, key: str, claimed: int, slots: list[asyncio.Semaphore]) -> None:
        assert slots == [self.own[key], self.together]
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        if key == "stuck":
            slots.pop().release()
            await self.stuck.wait()
        await asyncio.sleep(0)
        self.busy -= 1
        if claimed < 0:
            raise ValueError
        self.done.append((key, claimed))


async def test_everything_that_is_due_is_carried_within_the_slots() -> None:
    yard = Yard()
    for key in "abc":
        yard.due[key].extend(range(20))
    yard.lanes.begin("abc")
    await yard.lanes.rest()
    assert sorted(yard.done) == [(key, number) for key in "abc" for number in range(20)]
    assert yard.busiest == 3
    assert yard.together._value == 3


async def test_one_that_hangs_and_gave_back_the_common_slot_holds_up_nobody() -> None:
    yard = Yard(per_lane=2, together=1)
    yard.due["stuck"].extend(range(5))
    yard.due["a"].extend(range(5))
    yard.lanes.begin(["stuck", "a"])
    await yard.lanes.rest(["a"])
    assert len(yard.done) == 5
    assert len(yard.due["stuck"]) == 3
    yard.stuck.set()
    await yard.lanes.rest()
    assert len(yard.done) == 10


async def test_work_that_comes_while_a_lane_gives_up_is_found() -> None:
    yard = Yard()
    for number in range(200):
        yard.lanes.begin("a")
        yard.due["a"].append(number)
        yard.lanes.begin("a")
        for _ in range(number % 5):
            await asyncio.sleep(0)
    await yard.lanes.rest()
    assert [number for _, number in yard.done] == list(range(200))


async def test_an_error_ends_a_visit_and_not_the_lane() -> None:
    yard = Yard()
    yard.due["broken"].extend([1])
    yard.due["a"].extend([-1, 2])
    await yard.lanes.visit(["broken", "a"], for_s=5)
    assert yard.done == [("a", 2)]
    assert yard.together._value == 3
    yard.lanes.begin(["broken"])
    await yard.lanes.rest()


async def test_a_visit_waits_so_long_and_no_longer_and_closing_waits_for_the_rest() -> None:
    yard = Yard()
    yard.due["stuck"].extend([1, 2, 3])
    await yard.lanes.visit(["stuck"], for_s=0.01)
    assert yard.done == []
    yard.stuck.set()
    await yard.lanes.close()
    assert len(yard.done) == 2
    yard.lanes.begin(["stuck"])
    await yard.lanes.rest()
    assert list(yard.due["stuck"]) == [3]
