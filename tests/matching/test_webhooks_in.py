"""Partners push offers: what is signed is taken once, each line has a fate of its own, everything else is refused."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.matching.webhooks_in import repository
from services.matching.webhooks_in.rules import BODY_KEPT, REPORT_KEPT
from shared.auth import Role
from shared.clock import utc_now
from tests.matching.conftest import Quarter
from tests.matching.pushing import Pushing, batch, fates, pushing


@pytest.fixture
async def partner(quarter: Quarter) -> Pushing:
    return await pushing(quarter)


async def test_a_batch_is_taken_worked_off_and_reported_on(partner: Pushing) -> None:
    answer = await partner.push(batch(partner.item("a"), partner.item("b", title="剪发")), "msg_1")
    assert answer.status_code == 202
    told = answer.json()
    assert told["mode"] == "live"
    assert answer.headers["location"] == told["report_url"] == f"{partner.address}/{told['delivery_id']}"
    before = await partner.report(told["delivery_id"])
    assert (before["state"], before["items"], before["lines"]) == ("received", 2, [])
    await partner.quarter.pipe.rest()
    report = await partner.report(told["delivery_id"])
    assert (report["state"], report["created"], report["message_id"]) == ("done", 2, "msg_1")
    assert fates(report) == ["created", "created"]
    offers = {offer["external_id"]: offer for offer in await partner.offers()}
    assert offers["b"]["title"] == "剪发"
    assert [line["offer_id"] for line in report["lines"]] == [offers["a"]["id"], offers["b"]["id"]]


async def test_every_kind_of_offer_can_be_pushed(partner: Pushing) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "venue": {"capacity_per_day": None, "hours": {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "09:00", "closes": "21:00"}]}},
        "service": {"capacity_per_day": 20, "entitled_prices": [{"entitlement": "low_income", "price_fen": 0}]},
        "people": {"skills": ["piano"]},
        "goods": {"quantity": 200},
        "discount": {"capacity_per_day": 5},
        "money": {"amount_fen": 100_000, "price_fen": None},
    }  # fmt: skip
    report = await partner.pushed(*(partner.item(kind, kind=kind, **members) for kind, members in kinds.items()))
    assert fates(report) == ["created"] * 6, report["lines"]
    assert {offer["kind"] for offer in await partner.offers()} == set(kinds)


async def test_the_newest_version_holds_in_whatever_order_they_come(partner: Pushing) -> None:
    report = await partner.pushed(
        partner.item("a", 2, title="二"),
        partner.item("a", 1, title="一"),
        partner.item("a", 2, title="二"),
        partner.item("a", 2, title="改了却没有新版本"),
        partner.item("a", 5, title="五"),
        partner.item("a", 4, title="四"),
    )
    assert fates(report) == ["created", "outdated", "unchanged", "outdated", "updated", "outdated"]
    (offer,) = await partner.offers()
    assert (offer["title"], offer["external_version"]) == ("五", 5)


async def test_quantity_confirmation_and_withdrawal_change_only_what_they_say(partner: Pushing) -> None:
    await partner.pushed(partner.item("a", 1, kind="goods", quantity=10))
    (first,) = await partner.offers()
    report = await partner.pushed(
        {"action": "quantity", "external_id": "a", "external_version": 2, "quantity": 7},
        {"action": "quantity", "external_id": "a", "external_version": 1, "quantity": 9},
        {"action": "confirm", "external_id": "a", "external_version": 2},
        {"action": "confirm", "external_id": "a", "external_version": 3},
        {"action": "confirm", "external_id": "a", "external_version": 1},
        {"action": "withdraw", "external_id": "a", "external_version": 3},
        {"action": "withdraw", "external_id": "a", "external_version": 3},
        {"action": "withdraw", "external_id": "b", "external_version": 1},
    )
    assert fates(report) == [
        "updated", "outdated", "unchanged", "refused", "outdated", "updated", "unchanged", "refused",
    ]  # fmt: skip
    codes = [line["complaints"][0]["code"] for line in report["lines"] if line["fate"] == "refused"]
    assert codes == ["version_not_here", "unknown_offer"]
    (offer,) = await partner.offers()
    assert (offer["quantity"], offer["active"], offer["title"]) == (7, False, first["title"])
    assert offer["confirmed_at"] > first["confirmed_at"]
    await partner.pushed(partner.item("a", 4, kind="goods", quantity=3))
    assert [(one["quantity"], one["active"]) for one in await partner.offers()] == [(3, True)]


async def test_each_line_fails_alone_with_where_and_why(quarter: Quarter) -> None:
    partner = Pushing(quarter, await quarter.partner("builder", "d.z"))
    await partner.key()
    good = partner.item(area="d.z")
    bad: list[tuple[object, str, str]] = [
        (7, "", "not_an_object"),
        ({"action": "explode", "external_id": "x"}, "/action", "unknown_action"),
        ({"action": ["upsert"]}, "/action", "unknown_action"),
        ({**good, "price": 3}, "/price", "extra_forbidden"),
        ({**good, "price_fen": "10"}, "/price_fen", "int_type"),
        ({**good, "price_fen": -1}, "/price_fen", "greater_than_equal"),
        ({**good, "kind": "magic"}, "/kind", "enum"),
        ({**good, "area_id": "nowhere"}, "/area_id", "uuid_parsing"),
        ({**good, "area_id": good["area_id"][:-4] + "0000"}, "/area_id", "unknown_area"),
        ({**good, "area_id": str(quarter.areas["d.y"])}, "/area_id", "outside_coverage"),
        ({**good, "title": "a\x00b"}, "/title", "string_pattern_mismatch"),
        ({**good, "external_version": 2**63}, "/external_version", "less_than_equal"),
        ({**good, "external_version": True}, "/external_version", "int_type"),
        ({**good, "amount_fen": 5}, "/amount_fen", "not_for_this_kind"),
        ({**good, "external_id": "over", "valid_until": "2020-01-01T00:00:00Z"}, "/valid_until", "validity_ends_before_it_begins"),
        ({**good, "valid_until": "2030-01-01T00:00:00"}, "/valid_until", "timezone_aware"),
        ({name: value for name, value in good.items() if name != "title"}, "/title", "missing"),
        ({**good, "entitled_prices": [{"entitlement": "x", "price_fen": 1.5}]}, "/entitled_prices/0/price_fen", "int_type"),
    ]  # fmt: skip
    report = await partner.pushed(good, *(item for item, _, _ in bad), partner.item("last", area="d.z.c1"))
    assert fates(report) == ["created", *["refused"] * len(bad), "created"]
    for position, (_, pointer, code) in enumerate(bad, start=1):
        complaint = report["lines"][position]["complaints"][0]
        assert (complaint["pointer"], complaint["code"]) == (f"/data/items/{position}{pointer}", code)
        assert complaint["detail_zh"] != complaint["detail_en"]
        assert complaint["detail_zh"].isascii() is False
    assert report["refused"] == len(bad)
    only = await partner.report(report["id"], fate="refused")
    assert len(only["lines"]) == len(bad)


async def test_several_things_that_are_wrong_with_a_line_are_told_together(partner: Pushing) -> None:
    report = await partner.pushed(partner.item(price_fen=-1, title="", colour="red"))
    (line,) = report["lines"]
    assert {item["pointer"] for item in line["complaints"]} == {
        "/data/items/0/price_fen", "/data/items/0/title", "/data/items/0/colour",
    }  # fmt: skip


async def test_the_same_message_again_has_the_same_answer_and_no_second_effect(partner: Pushing) -> None:
    body = batch(partner.item("a", 1))
    first = await partner.push(body, "msg_1")
    await partner.quarter.pipe.rest()
    (before,) = await partner.offers()
    again = await partner.push(body, "msg_1", late_s=-20)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    await partner.quarter.pipe.rest()
    assert await partner.offers() == [before]


async def test_an_id_names_one_content_for_ever(partner: Pushing) -> None:
    await partner.push(batch(partner.item("a", 1)), "msg_1")
    other = await partner.push(batch(partner.item("a", 2)), "msg_1")
    assert (other.status_code, other.json()["code"]) == (409, "webhook_id_reused")


async def test_two_partners_may_use_the_same_ids(partner: Pushing) -> None:
    other = Pushing(partner.quarter, await partner.quarter.partner("club"))
    await other.key()
    for one in (partner, other):
        assert fates(await one.pushed(one.item("a"), message_id="msg_1")) == ["created"]
    assert partner.secrets != other.secrets
    stolen = batch(partner.item("a", 9))
    assert (await partner.push(stolen, secrets=other.secrets)).status_code == 401


async def test_what_is_not_signed_is_refused_and_leaves_no_trace(partner: Pushing) -> None:
    body = batch(partner.item())
    headers = partner.signed(body, "msg_1")
    send = partner.quarter.http.post
    tenant = partner.quarter.caller.tenant
    for address in (
        f"/v1/webhooks/{tenant}/{partner.quarter.areas['d']}",
        f"/v1/webhooks/{tenant}/not-an-id",
        f"/v1/webhooks/nowhere/{partner.partner['id']}",
        f"/v1/webhooks/No where/{partner.partner['id']}",
    ):
        answer = await send(address, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "webhook_signature_refused"), address
        assert answer.headers["www-authenticate"] == "Webhook"
    for changed, status, code in (
        ({"webhook-id": "msg_2"}, 401, "webhook_signature_refused"),
        ({"webhook-id": "a.b"}, 400, "webhook_header_malformed"),
        ({"webhook-timestamp": "soon"}, 400, "webhook_header_malformed"),
        ({"webhook-signature": "v1"}, 400, "webhook_header_malformed"),
        ({"webhook-signature": ""}, 401, "webhook_header_missing"),
    ):
        answer = await send(partner.address, content=body, headers={**headers, **changed})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await send(partner.address, content=body)).status_code == 401
    assert (await send(partner.address, content=body + b" ", headers=headers)).status_code == 401
    stale = await partner.push(body, late_s=301)
    assert (stale.status_code, stale.json()["code"]) == (401, "webhook_timestamp_refused")
    listed = await partner.quarter.read(f"{partner.desk}/webhook-deliveries")
    assert listed["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"", 400, ""),
        (b"{nonsense", 400, ""),
        (b"[]", 400, ""),
        (b"\xff\xfe", 400, ""),
        (b'{"a": "\\ud800"}', 400, ""),
        (b"[" * 5000 + b"]" * 5000, 400, ""),
        (b"{}", 400, "/type"),
        (b'{"type": "other", "data": {"items": [1]}}', 400, "/type"),
        (b'{"type": "offers.pushed"}', 400, "/data"),
        (b'{"type": "offers.pushed", "data": []}', 400, "/data"),
        (b'{"type": "offers.pushed", "data": {"items": {}}}', 400, "/data/items"),
        (b'{"type": "offers.pushed", "data": {"items": []}}', 400, "/data/items"),
        (batch(*[{}] * 1_001), 413, "/data/items"),
    ],
)
async def test_what_is_signed_and_no_batch_is_refused(partner: Pushing, body: bytes, status: int, pointer: str) -> None:
    answer = await partner.push(body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_message_is_never_read_beyond_its_limit(partner: Pushing) -> None:
    most = batch(partner.item(), padding="x" * (1024 * 1024 - 600))
    assert len(most) <= 1024 * 1024
    assert (await partner.push(most)).status_code == 202
    more = batch(partner.item(), padding="x" * 1024 * 1024)
    answer = await partner.push(more)
    assert (answer.status_code, answer.json()["code"]) == (413, "webhook_too_large")


async def test_a_thousand_lines_are_worked_off_in_turns(partner: Pushing) -> None:
    report = await partner.pushed(*(partner.item(f"n{number}") for number in range(1_000)))
    assert (report["state"], report["created"], len(report["lines"])) == ("done", 1_000, 1_000)
    assert [line["position"] for line in report["lines"]] == list(range(1_000))


async def test_an_unvetted_or_suspended_partner_changes_nothing(partner: Pushing) -> None:
    current = await partner.quarter.read(partner.desk)
    body = {"decision": "suspend", "reason": "多次失约"}
    await partner.quarter.made(f"{partner.desk}/vet", body, version=current["version"])
    report = await partner.pushed(partner.item("a"))
    assert report["lines"][0]["complaints"][0]["code"] == "partner_not_vetted"
    assert await partner.offers() == []


async def test_people_of_the_partner_and_officers_read_the_reports(partner: Pushing) -> None:
    report = await partner.pushed(partner.item("a"), 7)
    quarter, address = partner.quarter, f"{partner.desk}/webhook-deliveries"
    for reader in (quarter.officer, quarter.staff_of("school")):
        listed = await quarter.read(address, by=reader)
        assert [item["id"] for item in listed["items"]] == [report["id"]]
        assert await quarter.read(f"{address}/{report['id']}", by=reader) == report
    for stranger in (quarter.staff_of("club"), quarter.holding(Role.OFFICER, "elsewhere")):
        assert (await quarter.get(address, by=stranger)).status_code == 403
        assert (await quarter.get(f"{address}/{report['id']}", by=stranger)).status_code == 403
    assert (await quarter.get(address, by=quarter.resident)).status_code == 403
    assert (await quarter.read(address, message_id="msg_0"))["items"] == []
    assert (await quarter.get(f"{address}/{partner.partner['id']}")).status_code == 404


async def test_a_report_is_read_only_with_a_signature_over_its_own_id(partner: Pushing) -> None:
    report = await partner.pushed(partner.item("a"))
    other = await partner.pushed(partner.item("b"))
    read = partner.quarter.http.get
    address = f"{partner.address}/{report['id']}"
    assert (await read(address)).status_code == 401
    assert (await read(address, headers=partner.signed(b"", other["id"]))).status_code == 401
    assert (await read(address, headers=partner.signed(b"", report["id"], late_s=400))).status_code == 401
    assert (await read(address, headers=partner.signed(b"x", report["id"]))).status_code == 401
    assert (await read(f"{partner.address}/x", headers=partner.signed(b"", "x"))).status_code == 401
    unknown = partner.partner["id"]
    assert (await read(f"{partner.address}/{unknown}", headers=partner.signed(b"", unknown))).status_code == 404


async def test_unreadable_names_of_a_bad_line_are_shown_as_far_as_they_can_be(partner: Pushing) -> None:
    report = await partner.pushed(
        {"external_id": "a\x00b" * 60, "external_version": 2**63, "action": "x"},
        {"external_id": 5, "external_version": 3},
    )
    first, second = report["lines"]
    assert first["external_id"] == ("ab" * 60)[:100]
    assert (first["external_version"], first["action"]) == (None, None)
    assert (second["external_id"], second["external_version"]) == (None, 3)


async def test_bodies_are_forgotten_after_a_month_and_reports_after_half_a_year(partner: Pushing) -> None:
    report = await partner.pushed(partner.item("a"))
    tenant = partner.quarter.caller.tenant
    database = partner.quarter.pipe.databases["matching"]
    delivery_id = UUID(report["id"])
    for days, has_body, is_there in ((29, True, True), (31, False, True), (181, False, False)):
        async with database.write(tenant) as session:
            await repository.forget_bodies(session, utc_now() + timedelta(days=days) - BODY_KEPT)
            await repository.forget_reports(session, utc_now() + timedelta(days=days) - REPORT_KEPT)
        async with database.write(tenant) as session:
            delivery = await repository.lock_delivery(session, delivery_id)
            assert (delivery is not None) == is_there
            assert (delivery is not None and delivery.body is not None) == has_body
            assert bool(await repository.lines_of(session, delivery_id)) == is_there
    assert len(await partner.offers()) == 1
