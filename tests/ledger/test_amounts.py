"""Amounts that are none are refused where they come in and again in the database, and nothing is kept of them."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.ledger.books import repository
from services.ledger.books.rules import Leg, TransactionKind
from shared.db import Database
from shared.ids import new_id
from shared.money import MAX_FEN
from shared.testing import TestServers
from tests.ledger.asking import Asker, Stage
from tests.ledger.auditor import assert_clean
from tests.ledger.conftest import Treasury

# As they stand in the body: NaN and Infinity are no JSON, and some clients send them all the same.
ODD: Final = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "0",
        "-0",
        "-1",
        "1.5",
        "1.0",
        "1e2",
        "9007199254740992",
        "9007199254740993",
    ),
    *(
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 400,
        '"7"',
        '"NaN"',
        '""',
        "true",
        "false",
        "null",
        "[1]",
        "{}",
    ),
)
_TABLES: Final = ("transactions", "postings", "holds")


@pytest.fixture
async def doors(treasury: Treasury) -> dict[str, tuple[str, str, str]]:
    """Every way to say an amount: method, path, and the body with `?` in its place; a pointer to that beside it."""
    book = await treasury.made("/v1/books", {"name": "账本", "area_id": str(treasury.area_id)})
    bank, fund = [
        (
            await treasury.made(
                f"/v1/books/{book['id']}/accounts", {"code": code, "name": code, "account_class": "asset"}
            )
        )["id"]
        for code in ("bank", "fund")
    ]
    path, named = f"/v1/books/{book['id']}", {"description": "转账", "effective_on": "2026-11-23"}
    pair = {"debit_account_id": bank, "credit_account_id": fund}
    given, held = new_id(), new_id()
    gift = named | {"postings": [pair | {"amount_fen": 500}]}
    headers = treasury.headers("treasurer")
    for place, body in ((f"transactions/{given}", gift), (f"holds/{held}", named | pair | {"amount_fen": 300})):
        answer = await treasury.http.put(f"{path}/{place}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
    leg: dict[str, Any] = pair | {"amount_fen": "?"}
    single = named | {"postings": [leg]}
    back = {"id": str(new_id()), "reason": "退款", "effective_on": "2026-11-23"}
    account = {"code": "odd", "name": "odd", "account_class": "asset", "floor_fen": "?"}
    bodies: dict[str, tuple[str, Any, str]] = {
        f"PUT {path}/transactions/{new_id()}": ("single", single, "/postings/0/amount_fen"),
        f"POST {path}/transactions": (
            "batch",
            {"transactions": [gift | {"id": str(new_id())}, single | {"id": str(new_id())}]},
            "/transactions/1/postings/0/amount_fen",
        ),
        f"PUT {path}/holds/{new_id()}": ("hold", named | leg, "/amount_fen"),
        f"POST /v1/holds/{held}/settle": ("settle", named | {"id": str(new_id()), "amount_fen": "?"}, "/amount_fen"),
        f"POST /v1/transactions/{given}/refund": ("refund", back | {"parts": ["?"]}, "/parts/0"),
        f"POST {path}/accounts": ("floor", account, "/floor_fen"),
    }
    return {name: (way, json.dumps(body), pointer) for way, (name, body, pointer) in bodies.items()}


async def _send(treasury: Treasury, way: str, body: str) -> httpx.Response:
    method, path = way.split(" ")
    headers = treasury.headers("treasurer") | {"Content-Type": "application/json", "Idempotency-Key": str(new_id())}
    return await treasury.http.request(method, path, content=body.encode(), headers=headers)


async def _kept(owner: Any, tenant: str) -> list[int]:
    return [
        await owner.fetchval(f"SELECT count(*) FROM ledger.{table} WHERE tenant_id = $1", tenant) for table in _TABLES
    ]


@pytest.mark.parametrize("door", ["single", "batch", "hold", "settle", "refund"])
async def test_the_api_refuses_what_is_no_amount(
    treasury: Treasury, doors: dict[str, tuple[str, str, str]], owner: Any, tenant: str, door: str
) -> None:
    way, body, pointer = doors[door]
    before = await _kept(owner, tenant)
    for odd in ODD:
        answer = await _send(treasury, way, body.replace('"?"', odd))
        assert answer.status_code == 422, (odd, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "invalid_request", odd
        assert problem["errors"][0]["pointer"] == pointer, odd
    assert await _kept(owner, tenant) == before
    accepted = await _send(treasury, way, body.replace('"?"', "7"))
    assert accepted.is_success, accepted.text
    await assert_clean(owner, tenant)


async def test_the_api_refuses_an_odd_floor(treasury: Treasury, doors: dict[str, tuple[str, str, str]]) -> None:
    way, body, pointer = doors["floor"]
    for odd in ("NaN", "Infinity", "1.5", "9007199254740992", "-9007199254740992", '"0"', "true"):
        answer = await _send(treasury, way, body.replace('"?"', odd))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), odd


_CALL: Final = """SELECT result FROM ledger.post_entries($1, ARRAY['test'], ARRAY[$2::uuid], ARRAY[1], ARRAY[$3::uuid],
    ARRAY[$4::text], ARRAY['\\x00'::bytea], ARRAY[$5::uuid], ARRAY[false], ARRAY[NULL::timestamptz], ARRAY['t'],
    ARRAY['2026-01-01'::date], ARRAY[$6::uuid, $7::uuid], ARRAY[1], ARRAY[1], ARRAY[2], ARRAY['CNY'],
    ARRAY[%s], ARRAY[NULL::uuid], ARRAY[NULL::bytea])"""
# As SQL, and what the function answers; or the state with which the server refuses even to call it.
_SAID: Final[Sequence[tuple[str, str]]] = (
    ("0::bigint", "amount_out_of_range"),
    ("-1::bigint", "amount_out_of_range"),
    ("9007199254740992::bigint", "amount_out_of_range"),
    ("9007199254740993::bigint", "amount_out_of_range"),
    ("9223372036854775807::bigint", "amount_out_of_range"),
    ("NULL::bigint", "amount_out_of_range"),
    ("9223372036854775808::bigint", "22003"),
    ("'NaN'::numeric::bigint", "0A000"),
    ("'Infinity'::numeric::bigint", "0A000"),
    ("'-Infinity'::float8::bigint", "22003"),
    ("'NaN'::float8::bigint", "22003"),
    # Without a cast there is no such function: a fraction is never rounded on its way.
    ("1.5", "42883"),
    ("'NaN'::numeric", "42883"),
    ("1::float8", "42883"),
    ("true", "42883"),
    ("'seven'::bigint", "22P02"),
    ("''::bigint", "22P02"),
)


@pytest.mark.parametrize(("odd", "said"), _SAID, ids=[odd for odd, _ in _SAID])
async def test_the_posting_function_refuses_what_is_no_amount(
    databases: dict[str, Database], servers: TestServers, owner: Any, tenant: str, odd: str, said: str
) -> None:
    stage = Stage(tenant)
    await stage.furnish(databases["ledger"])
    bank, fund = stage.id_of("bank"), stage.id_of("any")
    hold = Asker(stage, Random(1)).request(TransactionKind.HOLD, Leg(fund, bank, 9))
    async with databases["ledger"].write(tenant) as session:
        assert await repository.call_post(session, "test", [hold]) == ["ok"]
    service = await asyncpg.connect(servers.role_url("ledger"))
    try:
        for kind, held in (("post", None), ("hold", None), ("settle", hold.id)):
            assert await _called(service, tenant, _CALL % odd, (new_id(), stage.main, kind, held, bank, fund)) == said
    finally:
        await service.close()
    assert await owner.fetchval("SELECT count(*) FROM ledger.postings WHERE tenant_id = $1", tenant) == 0
    assert await owner.fetchval("SELECT count(*) FROM ledger.holds WHERE tenant_id = $1", tenant) == 1
    await assert_clean(owner, tenant)


async def _called(service: Any, tenant: str, call: str, values: tuple[Any, ...]) -> str:
    """Return the result, or the server's SQLSTATE."""
    try:
        async with service.transaction():
            await service.execute("SELECT set_config('linli.tenant', $1, true)", tenant)
            result: str = await service.fetchval(call, tenant, *values)
            return result
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)


@pytest.mark.parametrize("odd", ["0", "-1", "NULL", "9007199254740992", "'NaN'::numeric", "'Infinity'::float8"])
async def test_the_table_refuses_what_is_no_amount_even_from_its_owner(
    databases: dict[str, Database], owner: Any, tenant: str, odd: str
) -> None:
    stage = Stage(tenant)
    await stage.furnish(databases["ledger"])
    asker = Asker(stage, Random(2))
    bank, fund = stage.id_of("bank"), stage.id_of("any")
    gift = asker.request(TransactionKind.POST, Leg(bank, fund, 9))
    async with databases["ledger"].write(tenant) as session:
        assert await repository.call_post(session, "test", [gift]) == ["ok"]
    insert = "INSERT INTO ledger.postings VALUES ($1, $2, 2, $3, $4, 'CNY', %s, 2, 9, 2, -9)"
    with pytest.raises(asyncpg.PostgresError) as refused:
        await owner.execute(insert % odd, tenant, gift.id, bank, fund)
    assert refused.value.sqlstate[:2] in {"22", "23", "42", "0A"}
    await owner.execute("BEGIN")
    await owner.execute(insert % "7", tenant, gift.id, bank, fund)
    await owner.execute("ROLLBACK")


@pytest.mark.parametrize("kind", [TransactionKind.POST, TransactionKind.HOLD])
async def test_an_account_is_full_long_before_a_number_overflows(
    databases: dict[str, Database], owner: Any, tenant: str, kind: TransactionKind
) -> None:
    """Of the largest amounts an account takes five hundred on each side, posted and reserved together."""
    stage, database = Stage(tenant), databases["ledger"]
    await stage.furnish(database)
    model, asker = stage.model(), Asker(stage, Random(3))
    bank, fund = stage.id_of("bank"), stage.id_of("any")
    other = {TransactionKind.POST: TransactionKind.HOLD, TransactionKind.HOLD: TransactionKind.POST}[kind]
    kinds = [*[kind] * 300, *[other] * 300, *[kind] * 600]
    wanted = [asker.request(each, Leg(bank, fund, MAX_FEN)) for each in kinds]
    said: list[str] = []
    for start in range(0, len(wanted), 400):
        async with database.write(tenant) as session:
            batch = wanted[start : start + 400]
            said += await repository.call_post(session, "test", batch)
            assert said[start:] == model.post(batch)
    assert said == ["ok"] * 500 + ["amount_out_of_range"] * 700
    holds: list[UUID] = [
        item.id
        for item, result in zip(wanted, said, strict=True)
        if item.kind is TransactionKind.HOLD and result == "ok"
    ]
    settles = [asker.request(TransactionKind.SETTLE, Leg(bank, fund, MAX_FEN), hold_id=hold) for hold in holds]
    async with database.write(tenant) as session:
        assert await repository.call_post(session, "test", settles) == model.post(settles) == ["ok"] * len(settles)
    back = asker.request(TransactionKind.POST, Leg(fund, bank, MAX_FEN))
    async with database.write(tenant) as session:
        assert await repository.call_post(session, "test", [back]) == ["ok"]
    await assert_clean(owner, tenant)
