"""Batches as they come in a bad week: hundreds of lines, repeats, old versions, forgeries, accidents, all at once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from services.matching.webhooks_in.reading import named_in, read_item, read_items
from services.matching.webhooks_in.rules import Complaint, Fate, MalformedMessage, TooManyItems, fate_of
from shared.webhooks import new_secret
from tests.matching.conftest import Quarter
from tests.matching.pushing import Pushing, batch, fates, pushing

_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "service", "category": "haircut", "title": "理发", "entitled_prices": [{"entitlement": "low_income", "price_fen": 0}]},
    {"kind": "discount", "category": "meals", "title": "长者餐", "price_fen": 600, "eligibility": {"min_age": 60}},
    {"kind": "goods", "category": "extinguisher", "title": "灭火器", "quantity": 200},
    {"kind": "venue", "category": "reading", "title": "商场读书角"},
)  # fmt: skip
_TRIGGER = """
CREATE FUNCTION matching.poison() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.external_id = 'poison' THEN RAISE EXCEPTION 'an accident'; END IF; RETURN NEW; END $$;
CREATE TRIGGER poison BEFORE INSERT ON matching.offers FOR EACH ROW EXECUTE FUNCTION matching.poison()"""


@pytest.fixture
async def partner(quarter: Quarter) -> Pushing:
    return await pushing(quarter)


@pytest_asyncio.fixture(loop_scope="session")
async def poisoned(owner: Any) -> AsyncIterator[None]:
    """A database in which one offer meets an accident."""
    await owner.execute(_TRIGGER)
    yield
    await owner.execute("DROP TRIGGER poison ON matching.offers; DROP FUNCTION matching.poison()")


def week(partner: Pushing, count: int) -> tuple[list[Any], list[str]]:
    """Write a batch as a careless shop sends it, and what has to become of each line."""
    items: list[Any] = []
    expected: list[str] = []
    for number in range(count):
        good = partner.item(f"o{number}", 3, **_KINDS[number % len(_KINDS)])
        if number % 10 == 3:
            items.append({**good, "price_fen": "10 元"})
            expected.append("refused")
        elif number % 10 == 7:
            items += [
                good,
                good,
                {**good, "external_version": 2, "title": "旧的"},
                {**good, "external_version": 4, "title": "新的"},
            ]
            expected += ["created", "unchanged", "outdated", "updated"]
        else:
            items.append(good)
            expected.append("created")
    return items, expected


async def test_a_week_of_a_careless_shop_is_told_line_by_line(partner: Pushing) -> None:
    items, expected = week(partner, 200)
    forged = await partner.push(batch(*items), secrets=[new_secret().text])
    assert forged.status_code == 401
    report = await partner.pushed(*items, message_id="week-9")
    assert fates(report) == expected
    counts = Counter(expected)
    assert {fate: report[fate] for fate in Fate} == {fate: counts[fate] for fate in Fate}
    for line, raw in zip(report["lines"], items, strict=True):
        assert (line["external_id"], line["external_version"]) == (raw["external_id"], raw["external_version"])
        assert bool(line["complaints"]) == (line["fate"] == "refused") == (line["offer_id"] is None)
        for complaint in line["complaints"]:
            assert complaint["pointer"] == f"/data/items/{line['position']}/price_fen"
    again = await partner.push(batch(*items), "week-9")
    assert again.json()["delivery_id"] == report["id"]
    renamed = await partner.pushed(*items, message_id="week-9-again")
    assert set(fates(renamed)) == {"unchanged", "outdated", "refused"}
    titles = Counter(offer["title"] for offer in await partner.offers())
    assert titles["新的"] == 20
    assert titles["旧的"] == 0


async def test_the_same_message_many_times_at_once_has_one_effect(partner: Pushing, owner: Any) -> None:
    body = batch(partner.item("a", 1))
    answers = await asyncio.gather(*(partner.push(body, "msg_1") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    tenant = partner.quarter.caller.tenant
    for table, where in (("webhook_deliveries", "true"), ("outbox", "subject LIKE 'webhook-delivery/%'")):
        count = await owner.fetchval(f"SELECT count(*) FROM matching.{table} WHERE tenant_id = $1 AND {where}", tenant)
        assert count == 1, table
    await partner.quarter.pipe.rest()
    (offer,) = await partner.offers()
    assert offer["version"] == 1


async def test_one_of_two_contents_under_one_id_wins(partner: Pushing) -> None:
    bodies = [batch(partner.item("a", version)) for version in (1, 2)]
    answers = await asyncio.gather(*(partner.push(bodies[number % 2], "msg_1") for number in range(20)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {202: 10, 409: 10}


async def test_deliveries_of_one_partner_at_once_leave_the_newest_versions(partner: Pushing) -> None:
    batches = [batch(*(partner.item(f"o{number}", version) for number in range(20))) for version in (3, 1, 4, 2)]
    answers = await asyncio.gather(*(partner.push(body) for body in batches))
    assert {answer.status_code for answer in answers} == {202}
    await partner.quarter.pipe.rest()
    assert {offer["external_version"] for offer in await partner.offers()} == {4}


async def test_an_accident_with_one_line_is_its_own_affair(partner: Pushing, poisoned: None) -> None:
    report = await partner.pushed(partner.item("a"), partner.item("poison"), partner.item("b"), 7)
    assert fates(report) == ["created", "refused", "created", "refused"]
    complaint = report["lines"][1]["complaints"][0]
    assert (complaint["code"], complaint["pointer"]) == ("internal_error", "/data/items/1")
    assert "accident" not in orjson.dumps(report).decode()
    assert {offer["external_id"] for offer in await partner.offers()} == {"a", "b"}


async def test_what_was_taken_before_a_key_was_revoked_is_worked_off(partner: Pushing) -> None:
    made = (await partner.quarter.read(f"{partner.desk}/webhook-secrets"))["items"][0]
    answer = await partner.push(batch(partner.item("a")))
    address = f"{partner.desk}/webhook-secrets/{made['id']}/revoke"
    await partner.quarter.made(address, None, version=made["version"])
    await partner.quarter.pipe.rest()
    report = await partner.quarter.read(f"{partner.desk}/webhook-deliveries/{answer.json()['delivery_id']}")
    assert fates(report) == ["created"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
near_items = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("action", "external_id", "external_version", "kind", "title", "area_id", "hours", "eligibility", "quantity"), json_values),
)  # fmt: skip


@given(
    json_values
    | near_items
    | st.fixed_dictionaries({"action": st.sampled_from(["upsert", "quantity", "confirm", "withdraw"])}).flatmap(
        lambda head: near_items.map(lambda item: item | head)
    )
)
def test_whatever_an_item_is_it_is_read_or_complained_about(raw: Any) -> None:
    found = read_item(raw, 7)
    named = named_in(raw)
    written = orjson.dumps(named)
    assert b"\\u0000" not in written
    if isinstance(found, list):
        assert found
        for complaint in found:
            assert isinstance(complaint, Complaint)
            assert complaint.pointer.startswith("/data/items/7")
            assert "\x00" not in complaint.pointer + complaint.detail.zh + complaint.detail.en
    else:
        assert named["external_id"] == found.external_id[:100] or raw["external_id"].strip() == found.external_id


@given(
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.lists(json_values, max_size=3).map(
        lambda items: json.dumps({"type": "offers.pushed", "data": {"items": items}}).encode()
    )
)
def test_whatever_a_message_is_it_is_a_batch_or_refused(body: bytes) -> None:
    try:
        items = read_items(body)
    except (MalformedMessage, TooManyItems):
        return
    assert items


@given(st.none() | st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_versions_alone_decide(known: int | None, version: int, changes: bool) -> None:  # noqa: FBT001 - generated
    fate = fate_of(known, version, changes=changes)
    assert (fate is Fate.CREATED) == (known is None)
    if known is not None and version < known:
        assert fate is Fate.OUTDATED
    if known is not None and version > known:
        assert fate in {Fate.UPDATED, Fate.UNCHANGED}
