"""The frame of a story: a difference is seen, told and counted; what never comes ends in time; what is asked twice is safe."""

import io

import httpx
import pytest
from rich.console import Console

from seeds.client import Answer, Caller
from seeds.story import Story, StoryBroken


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def story(told: io.StringIO) -> Story:
    return Story("a story", Console(file=told, width=200, color_system=None))


def _answer(status: int, body: object) -> Answer:
    return Answer("GET", "/v1/things", status, body, {})


def test_a_story_in_which_all_is_as_expected_is_good(story: Story) -> None:
    with story.step("一步", "one step"):
        story.expect("sum", 1 + 1, 2)
    assert story.finish()


def test_a_difference_is_told_with_both_values_and_fails_the_story(story: Story, told: io.StringIO) -> None:
    story.expect("balance 余额", 199, 200)
    story.expect("state", "open", "open")
    assert not story.finish()
    assert "balance 余额: expected 200, saw 199" in told.getvalue()
    assert "1 differences" in told.getvalue()
    assert story.checks == 2


def test_an_answer_that_is_no_success_breaks_the_story_off(story: Story) -> None:
    assert story.took(_answer(201, {"id": 1})) == {"id": 1}
    with pytest.raises(StoryBroken, match="409"):
        story.took(_answer(409, {"code": "wrong_state"}))
    assert not story.finish()


def test_a_refusal_must_have_its_status_and_name_its_rule(story: Story) -> None:
    refusal = _answer(403, {"code": "forbidden", "rule": "applicant_is_not_approver"})
    story.refused("own approval", refusal, 403, naming="applicant_is_not_approver")
    assert not story.differences
    story.refused("own approval", refusal, 403, naming="another_rule")
    story.refused("own approval", _answer(200, {}), 403)
    assert len(story.differences) == 2


async def test_an_effect_is_waited_for_and_no_longer_than_its_deadline(story: Story) -> None:
    seen = iter(range(1000))

    async def look() -> int:
        return next(seen)

    assert await story.until("three", look, lambda number: number == 3) == 3
    with pytest.raises(StoryBroken, match="not within"):
        await story.until("never", look, lambda _: False, deadline_s=0.05)
    assert not story.finish()


async def test_what_the_house_asks_to_repeat_is_repeated_under_the_same_key() -> None:
    keys: list[str] = []

    def house(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            return httpx.Response(503, headers={"Retry-After": "0"}, json={"code": "unavailable"})
        return httpx.Response(201, json={"id": "x"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(house), base_url="http://house") as http:
        answer = await Caller(http, "token").post("/v1/things", {"a": 1}, version=3)
    assert answer.status == 201
    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_a_refusal_is_an_answer_and_is_not_repeated() -> None:
    asked: list[str] = []

    def house(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["If-Match"])
        return httpx.Response(
            412, headers={"Content-Type": "application/problem+json"}, content=b'{"code": "stale_version"}'
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(house), base_url="http://house") as http:
        answer = await Caller(http).patch("/v1/things/1", {}, version=3)
    assert (answer.status, answer.code, asked) == (412, "stale_version", ['"3"'])
