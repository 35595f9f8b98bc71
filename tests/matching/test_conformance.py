"""Conformance runs: eight things to show, each passed or with a reason, and a sandbox that changes nothing."""

import itertools
from typing import Any

import pytest

from services.matching.conformance.rules import HOW, REASONS, Event, Seen, Step, judge
from shared.auth import Role
from shared.webhooks import new_secret
from tests.matching.conftest import Quarter
from tests.matching.pushing import Pushing, batch, fates, pushing


@pytest.fixture
async def partner(quarter: Quarter) -> Pushing:
    return await pushing(quarter, "sandbox", vetted=False)


class Run:
    """One run, and how it stands."""

    def __init__(self, partner: Pushing, run: dict[str, Any]) -> None:
        self.partner = partner
        self.run = run
        self.ids = {step["step"]: step["message_id"] for step in run["steps"]}

    @classmethod
    async def begin(cls, partner: Pushing) -> "Run":
        return cls(partner, await partner.quarter.made(f"{partner.desk}/conformance-runs", {}))

    async def step(self, name: str) -> tuple[str, str | None]:
        await self.partner.quarter.pipe.rest()
        run = await self.partner.quarter.read(f"{self.partner.desk}/conformance-runs/{self.run['id']}")
        (found,) = [step for step in run["steps"] if step["step"] == name]
        assert (found["reason_zh"] is None) == (found["reason_en"] is None) == (found["reason"] is None)
        return found["state"], found["reason"]

    async def state(self) -> str:
        run = await self.partner.quarter.read(f"{self.partner.desk}/conformance-runs/{self.run['id']}")
        state: str = run["state"]
        return state

    async def send(self, name: str, *items: Any, tried: int = 1, **options: Any) -> int:
        message_id = self.ids[name] + (f":{tried}" if tried > 1 else "")
        return (await self.partner.push(batch(*items), message_id, **options)).status_code


async def test_a_sandbox_shows_what_was_understood_and_changes_no_list(partner: Pushing) -> None:
    report = await partner.pushed(
        partner.item("a", 2, title="  理发  ", skills=["cut", "cut"]),
        partner.item("a", 1),
        partner.item("a", 2, title="理发", skills=["cut", "cut"]),
        {"action": "quantity", "external_id": "a", "external_version": 3, "quantity": 5},
        {"action": "withdraw", "external_id": "a", "external_version": 4},
        {"action": "confirm", "external_id": "nobody", "external_version": 4},
        partner.item("b", area="d", area_id="0" * 8),
    )
    assert report["mode"] == "sandbox"
    assert fates(report) == ["created", "outdated", "unchanged", "updated", "updated", "refused", "refused"]
    understood = [line["understood"] for line in report["lines"]]
    assert understood[0]["title"] == "理发"
    assert understood[0]["quantity"] == 1
    assert understood[3]["quantity"] == 5
    assert (understood[4]["active"], understood[4]["title"]) == (False, "理发")
    assert understood[5:] == [None, None]
    assert await partner.offers() == []


async def test_a_run_is_passed_by_doing_what_it_asks(partner: Pushing) -> None:
    quarter = partner.quarter
    run = await Run.begin(partner)
    assert set(run.ids) == set(Step)
    assert await run.send("valid_signature", partner.item("a", 2), partner.item("b", 2)) == 202
    old = partner.secrets
    await partner.key("sandbox")
    assert await run.send("rotated_secret", partner.item("c"), secrets=[*old, *partner.secrets]) == 202
    for _ in range(2):
        assert await run.send("repeated_id", {**partner.item("d"), "description": "同样的内容"}) == 202
    assert await run.send("old_version", partner.item("a", 1)) == 202
    assert await run.send("bad_line", partner.item("e"), {"external_id": "f"}) == 202
    assert await run.send("oversized", *[{}] * 1_001) == 413
    assert await run.send("stale_timestamp", partner.item("g"), late_s=360) == 401
    assert await run.state() == "running"
    assert await run.send("wrong_signature", partner.item("h"), secrets=[new_secret().text]) == 401
    for name in Step:
        assert await run.step(name) == ("passed", None)
    assert await run.state() == "passed"
    seen = await quarter.read(partner.desk)
    assert seen["webhooks_passed_at"] is not None
    administrator = quarter.holding(Role.ADMINISTRATOR)
    await quarter.call("PUT", "/v1/webhook-policy", {"requires_conformance": True}, by=administrator)
    await quarter.made(f"{partner.desk}/vet", {"decision": "vet"}, version=seen["version"])
    await partner.key("live")
    assert await partner.offers() == []


async def test_a_step_that_fails_says_why_and_may_be_tried_again(partner: Pushing) -> None:
    run = await Run.begin(partner)
    good, bad = partner.item("a"), {"external_id": "b"}

    async def tried(name: str, *items: Any, **options: Any) -> tuple[str, str | None]:
        await run.send(name, *items, **options)
        return await run.step(name)

    assert await tried("valid_signature", good, bad) == ("failed", "lines_refused")
    assert await tried("valid_signature", good) == ("failed", "other_content")
    assert await tried("valid_signature", good, secrets=[new_secret().text]) == ("failed", "unsigned")
    assert await tried("valid_signature", good, late_s=400) == ("failed", "stale")
    assert await tried("valid_signature", good, tried=2) == ("passed", None)
    assert await tried("valid_signature", bad, tried=3) == ("passed", None)
    assert await tried("rotated_secret", good) == ("failed", "one_key_only")
    old = partner.secrets
    await partner.key("sandbox")
    assert await tried("rotated_secret", good, secrets=old, tried=2) == ("failed", "old_key_only")
    assert await tried("rotated_secret", good, tried=3) == ("passed", None)
    assert await tried("repeated_id", good) == ("open", "send_again")
    assert await tried("repeated_id", bad) == ("failed", "other_content")
    assert await tried("repeated_id", good) == ("passed", None)
    assert await tried("old_version", good) == ("failed", "nothing_outdated")
    assert await tried("bad_line", good) == ("failed", "nothing_refused")
    assert await tried("bad_line", bad, tried=2) == ("failed", "nothing_understood")
    assert await tried("oversized", good) == ("failed", "not_oversized")
    assert await tried("stale_timestamp", good) == ("failed", "timestamp_fresh")
    assert await tried("wrong_signature", good) == ("failed", "signature_fits")
    assert await run.state() == "running"


async def test_a_live_key_has_no_place_in_a_run(quarter: Quarter) -> None:
    partner = await pushing(quarter)
    run = await Run.begin(partner)
    assert await run.send("valid_signature", partner.item()) == 202
    assert await run.step("valid_signature") == ("failed", "signed_live")


async def test_a_new_run_takes_the_place_of_the_old_one(partner: Pushing) -> None:
    first = await Run.begin(partner)
    second = await Run.begin(partner)
    assert (await first.state(), await second.state()) == ("replaced", "running")
    await first.send("wrong_signature", partner.item(), secrets=[new_secret().text])
    assert await first.step("wrong_signature") == ("open", None)
    listed = await partner.quarter.read(f"{partner.desk}/conformance-runs")
    assert [run["id"] for run in listed["items"]] == [second.run["id"], first.run["id"]]
    again = await partner.quarter.post(f"{partner.desk}/conformance-runs", {"id": first.run["id"]})
    assert (again.status_code, again.json()["id"]) == (200, first.run["id"])


async def test_only_the_partner_and_officers_see_a_run(partner: Pushing) -> None:
    run, quarter = await Run.begin(partner), partner.quarter
    address = f"{partner.desk}/conformance-runs"
    await quarter.read(address, by=quarter.staff_of("school"))
    for stranger in (quarter.staff_of("club"), quarter.resident):
        assert (await quarter.get(address, by=stranger)).status_code == 403
        assert (await quarter.post(address, {}, by=stranger)).status_code == 403
        assert (await quarter.get(f"{address}/{run.run['id']}", by=stranger)).status_code == 403
    assert (await quarter.get(f"{address}/{partner.partner['id']}")).status_code == 404


def test_every_step_says_how_and_every_reason_why() -> None:
    assert set(HOW) == set(Step)
    for step in Step:
        for event in Event:
            for keys, understood, outdated, refused in itertools.product((1, 2), (0, 1), (0, 1), (0, 1)):
                seen = Seen(event, keys=keys, understood=understood, outdated=outdated, refused=refused)
                verdict = judge(step, seen)
                if verdict is not None and verdict.reason is not None:
                    assert verdict.reason in REASONS, (step, event)
