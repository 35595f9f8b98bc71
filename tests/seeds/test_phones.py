"""A phone sends what it kept in order and in batches, again where somebody was faster, and stops at a refusal."""

import io
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from rich.console import Console

from seeds.client import Caller
from seeds.ids import fresh_id
from seeds.stories.phones import Phone
from seeds.story import Story, StoryBroken
from seeds.together import together

AT = datetime(2026, 3, 1, tzinfo=UTC)


class _House:
    """Answers a sync by versions as the real one does: what is based on another version is a conflict."""

    def __init__(self, version: int = 3, refused: str | None = None) -> None:
        self.version = version
        self.refused = refused
        self.batches: list[list[dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        batch = orjson.loads(request.content)["operations"]
        self.batches.append(batch)
        return httpx.Response(200, json={"results": [self._result(one) for one in batch]})

    def _result(self, operation: dict[str, Any]) -> dict[str, Any]:
        if operation["action"] == self.refused:
            return {"status": "refused", "version": None, "problem": {"code": "not_yours"}}
        if operation["base_version"] not in {None, self.version}:
            return {"status": "conflict", "version": self.version, "problem": None}
        return {"status": "done", "version": 1, "problem": None}


async def _sent(house: _House, *bases: int | None) -> dict[str, int]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(house), base_url="http://house") as http:
        phone = Phone(Caller(http))
        for base in bases:
            phone.note("case", fresh_id(), "accept", AT, {}, base)
        return dict(await phone.send(Story("a story", Console(file=io.StringIO()))))


async def test_what_was_kept_is_sent_in_its_order_a_hundred_at_a_time() -> None:
    house = _House()
    assert await _sent(house, *[None] * 230) == {"done": 230}
    assert [len(batch) for batch in house.batches] == [100, 100, 30]
    ids = [operation["op_id"] for batch in house.batches for operation in batch]
    assert ids == sorted(ids, key=lambda op_id: op_id[:13])
    assert len(set(ids)) == 230


async def test_what_follows_another_goes_into_its_batch() -> None:
    house = _House()
    async with httpx.AsyncClient(transport=httpx.MockTransport(house), base_url="http://house") as http:
        phone = Phone(Caller(http))
        for number in range(150):
            phone.note("visit", fresh_id(), "record", AT, {}, follows=number in {99, 100, 149})
        assert (await phone.send(Story("a story", Console(file=io.StringIO())))).total() == 150
    assert [len(batch) for batch in house.batches] == [98, 52]


async def test_what_somebody_was_faster_with_is_sent_again_upon_the_version_that_was_told() -> None:
    house = _House(version=7)
    assert await _sent(house, 7, 5) == {"done": 2}
    first, second = house.batches
    assert [operation["base_version"] for operation in second] == [7]
    assert second[0]["op_id"] == first[1]["op_id"]


async def test_a_refused_operation_breaks_the_story_off() -> None:
    with pytest.raises(StoryBroken, match=r"case/accept was refused: .*not_yours"):
        await _sent(_House(refused="accept"), None)


async def test_what_is_done_together_comes_back_in_its_order_and_the_first_failure_is_told() -> None:
    async def doubled(number: int) -> int:
        if number < 0:
            message = "below zero"
            raise ValueError(message)
        return number * 2

    assert await together(doubled(number) for number in range(40)) == [number * 2 for number in range(40)]
    with pytest.raises(ValueError, match="below zero"):
        await together(doubled(number) for number in (1, -1, 2))
