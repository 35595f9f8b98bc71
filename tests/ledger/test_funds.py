"""Funds over HTTP: charter, contributions, arrears, and a statement that adds up."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.ledger.conftest import CHARTER, Treasury

LONG_AGO = "2020-01-31"
ODD_AMOUNTS: list[Any] = [0, -1, 1.5, 10.0, "100", True, None, 2**53, 10**30]


async def test_opening_a_fund_twice_is_opening_it_once(treasury: Treasury) -> None:
    body = {"id": str(new_id()), "name": "社区基金", "area_id": str(treasury.area_id), "charter": CHARTER}
    first = await treasury.post("/v1/funds", body)
    again = await treasury.post("/v1/funds", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["Location"] == f"/v1/funds/{body['id']}"
    assert (first.json()["balance_fen"], first.json()["held_fen"], first.json()["available_fen"]) == (0, 0, 0)
    await treasury.refused(409, "id_taken", "/v1/funds", body | {"name": "别的基金"})


async def test_a_fund_is_opened_by_its_treasurer_at_a_known_area(treasury: Treasury) -> None:
    body = {"name": "社区基金", "area_id": str(treasury.area_id), "charter": CHARTER}
    await treasury.refused(403, "forbidden", "/v1/funds", body, by="resident")
    await treasury.refused(403, "forbidden", "/v1/funds", body, at="d.elsewhere")
    problem = await treasury.refused(422, "unknown_area", "/v1/funds", body | {"area_id": str(new_id())})
    assert problem["errors"][0]["pointer"] == "/area_id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"match_den": None},
        {"match_num": 0},
        {"tiers": []},
        {"giver_kinds": []},
        {"giver_kinds": ["anybody"]},
        {"categories": ["No Spaces"]},
        {"cap_fen": 0},
        {"household_cap_fen": 1.5},
        {"tiers": [{"up_to_fen": 100, "approvals": 0}]},
    ],
)
async def test_a_charter_that_says_nothing_is_refused(treasury: Treasury, wrong: dict[str, Any]) -> None:
    body = {"name": "社区基金", "area_id": str(treasury.area_id), "charter": CHARTER | wrong}
    problem = await treasury.refused(422, "invalid_request", "/v1/funds", body)
    assert problem["errors"][0]["pointer"].startswith("/charter")


async def test_money_that_has_arrived_is_in_the_fund_and_in_the_statement(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"
    given = await treasury.made(path, treasury.gift(10_000_001, received=True))
    assert given["received_at"] is not None
    assert given["transaction_id"] is not None
    found = await treasury.read(f"/v1/funds/{fund['id']}")
    assert (found["balance_fen"], found["available_fen"]) == (10_000_001, 10_000_001)
    statement = await treasury.read(f"/v1/funds/{fund['id']}/statement", by="resident")
    assert (statement["contributions_fen"], statement["closing_fen"]) == (10_000_001, 10_000_001)
    assert statement["bank_fen"] == 10_000_001


async def test_a_pledge_is_no_money_until_it_arrives(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"
    pledge = await treasury.made(path, treasury.gift(500, due_on=LONG_AGO))
    assert (pledge["received_at"], pledge["in_arrears"]) == (None, True)
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 0
    receive = f"{path}/{pledge['id']}/receive"
    await treasury.refused(428, "if_match_required", receive)
    await treasury.refused(412, "stale_version", receive, version=7)
    arrived = await treasury.made(receive, version=pledge["version"])
    assert (arrived["in_arrears"], arrived["version"]) == (False, pledge["version"] + 1)
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 500
    await treasury.refused(409, "already_received", receive, version=arrived["version"])
    listed = await treasury.read(path)
    assert [item["id"] for item in listed["items"]] == [pledge["id"]]


async def test_a_pledge_of_another_fund_is_not_found(treasury: Treasury) -> None:
    one, other = await treasury.fund(), await treasury.fund()
    pledge = await treasury.made(f"/v1/funds/{one['id']}/contributions", treasury.gift(500))
    path = f"/v1/funds/{other['id']}/contributions/{pledge['id']}/receive"
    await treasury.refused(404, "not_found", path, version=pledge["version"])


async def test_who_may_give_is_in_the_charter(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"
    person = treasury.gift(100) | {"giver_kind": "person", "giver_id": str(new_id())}
    assert (await treasury.refused(403, "giver_not_allowed", path, person))["rule"] == "charter_giver_kinds"
    await treasury.refused(422, "unknown_unit", path, treasury.gift(100) | {"giver_id": str(new_id())})
    await treasury.refused(403, "forbidden", path, treasury.gift(100), by="resident")


async def test_where_money_moves_a_key_is_required_and_doubles_nothing(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path, gift = f"/v1/funds/{fund['id']}/contributions", treasury.gift(700, received=True)
    await treasury.refused(400, "idempotency_key_required", path, gift, key=None)
    key = str(new_id())
    first = await treasury.post(path, gift, key=key)
    again = await treasury.post(path, gift, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    await treasury.refused(422, "idempotency_key_reused", path, treasury.gift(701, received=True), key=key)
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 700


@pytest.mark.parametrize("amount", ODD_AMOUNTS, ids=str)
async def test_odd_amounts_are_refused_at_the_door(treasury: Treasury, amount: Any) -> None:
    fund = await treasury.fund()
    problem = await treasury.refused(
        422, "invalid_request", f"/v1/funds/{fund['id']}/contributions", treasury.gift(amount)
    )
    # What is missing altogether is wrong with the whole: only gifts in kind and hours have no amount.
    assert problem["errors"][0]["pointer"] == ("" if amount is None else "/amount_fen")
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 0


async def test_another_tenant_sees_nothing(treasury: Treasury) -> None:
    fund = await treasury.fund(1000)
    elsewhere = treasury.headers("treasurer", tenant="elsewhere")
    for path in (f"/v1/funds/{fund['id']}", f"/v1/funds/{fund['id']}/statement", f"/v1/books/{fund['book_id']}"):
        assert (await treasury.http.get(path, headers=elsewhere)).status_code == 404
    assert (await treasury.http.get("/v1/funds", headers=elsewhere)).json()["items"] == []
