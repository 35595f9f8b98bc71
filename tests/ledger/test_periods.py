"""Periods close in their order, nothing posts into a closed one, and a statement is what its lines come to."""

import asyncio
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from services.ledger.books import repository as books
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.periods.service import publish_due
from services.ledger.proofs.sealing import seal_tenant
from services.ledger.proofs.settings import signing_key
from services.ledger.verifying.service import verify_tenant
from shared.auth import Role
from shared.clock import today
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.ledger.conftest import Treasury

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "docs" / "verifier" / "linli_verify.py"


async def publish(databases: dict[str, Database], treasury: Treasury) -> None:
    await seal_tenant(databases["ledger"], treasury.caller.tenant, signing_key())
    await publish_due(databases["ledger"], treasury.caller.tenant)


async def post_on(
    databases: dict[str, Database], treasury: Treasury, owner: Any, fund: dict[str, Any], day: date, amount: int
) -> str:
    row = await owner.fetchrow("SELECT * FROM ledger.funds WHERE id = $1", UUID(fund["id"]))
    leg = Leg(row["bank_account"], row["fund_account"], amount)
    request = TransactionRequest(new_id(), row["book_id"], TransactionKind.POST, (leg,), '捐赠 "引号"', day)
    async with databases["ledger"].write(treasury.caller.tenant) as session:
        (result,) = await books.call_post(session, "test", [request])
    return result


async def period(treasury: Treasury, fund: dict[str, Any], first_on: date, last_on: date) -> dict[str, Any]:
    body = {"first_on": first_on.isoformat(), "last_on": last_on.isoformat()}
    return await treasury.made(f"/v1/books/{fund['book_id']}/periods", body)


async def close(treasury: Treasury, opened: dict[str, Any]) -> dict[str, Any]:
    version = (await treasury.read(f"/v1/periods/{opened['id']}"))["version"]
    return await treasury.made(f"/v1/periods/{opened['id']}/close", version=version)


TODAY = today()
START = TODAY - timedelta(days=100)
MIDDLE = TODAY - timedelta(days=50)
END = TODAY - timedelta(days=1)


async def test_a_statement_is_what_its_lines_come_to_and_the_next_begins_there(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund()
    for day, amount in ((START, 700), (MIDDLE, 40), (MIDDLE + timedelta(days=1), 5), (END, 3), (TODAY, 1)):
        assert await post_on(databases, treasury, owner, fund, day, amount) == "ok"
    first = await close(treasury, await period(treasury, fund, START, MIDDLE))
    second = await close(treasury, await period(treasury, fund, MIDDLE + timedelta(days=1), END))
    one, two = first["document"], second["document"]
    assert (one["cash"]["opening"], one["cash"]["closing"], one["lines"]) == (0, 740, 2)
    assert (two["cash"]["opening"], two["cash"]["closing"], two["lines"]) == (740, 748, 2)
    assert [row["amount"] for row in two["cash"]["in"]] == [8]
    closing = {row["code"]: row["closing"] for row in one["accounts"]}
    assert {row["code"]: row["opening"] for row in two["accounts"]} == closing == {"bank": 740, "fund": 740}
    content = orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
    assert hashlib.sha256(content).hexdigest() == first["sha256"]


async def test_nothing_posts_into_a_closed_period_whatever_its_kind(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund()
    assert await post_on(databases, treasury, owner, fund, START, 700) == "ok"
    await close(treasury, await period(treasury, fund, START, MIDDLE))
    assert await post_on(databases, treasury, owner, fund, MIDDLE, 1) == "period_closed"
    assert await post_on(databases, treasury, owner, fund, START - timedelta(days=400), 1) == "period_closed"
    assert await post_on(databases, treasury, owner, fund, MIDDLE + timedelta(days=1), 1) == "ok"
    gift = await owner.fetchval(
        "SELECT id FROM ledger.transactions WHERE book_id = $1 ORDER BY xid LIMIT 1", UUID(fund["book_id"])
    )
    body = {"id": str(new_id()), "reason": "重复入账", "effective_on": MIDDLE.isoformat()}
    await treasury.refused(409, "period_closed", f"/v1/transactions/{gift}/reverse", body, by="auditor")
    await treasury.made(
        f"/v1/transactions/{gift}/reverse",
        body | {"id": str(new_id()), "effective_on": TODAY.isoformat()},
        by="auditor",
    )


async def test_closing_and_posting_at_once_have_one_order(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    """Whoever was accepted is in the statement; whoever is not in it was refused."""
    fund = await treasury.fund()
    opened = await period(treasury, fund, START, END)

    row = await owner.fetchrow("SELECT * FROM ledger.funds WHERE id = $1", UUID(fund["id"]))

    async def give() -> list[str]:
        said = []
        for _ in range(15):
            leg = Leg(row["bank_account"], row["fund_account"], 1)
            request = TransactionRequest(new_id(), row["book_id"], TransactionKind.POST, (leg,), "gift", END)
            async with databases["ledger"].write(treasury.caller.tenant) as session:
                said += await books.call_post(session, "test", [request])
        return said

    results, statement = await asyncio.gather(
        asyncio.gather(*(give() for _ in range(3))), _close_soon(treasury, opened)
    )
    accepted = sum(result == "ok" for one in results for result in one)
    refused = sum(result == "period_closed" for one in results for result in one)
    assert accepted + refused == 45
    assert statement["document"]["lines"] == accepted == statement["document"]["cash"]["closing"]


async def _close_soon(treasury: Treasury, opened: dict[str, Any]) -> dict[str, Any]:
    for _ in range(5):
        await asyncio.sleep(0)
    return await close(treasury, opened)


async def test_periods_follow_each_other_and_close_in_order(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/books/{fund['book_id']}/periods"
    first = await period(treasury, fund, START, MIDDLE)
    for begin, end, code in (
        (MIDDLE, END, "period_not_in_order"),
        (MIDDLE + timedelta(days=2), END, "period_not_in_order"),
        (END, START, "period_not_in_order"),
    ):
        await treasury.refused(422, code, path, {"first_on": begin.isoformat(), "last_on": end.isoformat()})
    second = await period(treasury, fund, MIDDLE + timedelta(days=1), END)
    third = await period(treasury, fund, TODAY, TODAY + timedelta(days=30))
    await treasury.refused(409, "wrong_state", f"/v1/periods/{second['id']}/close", version=1)
    await treasury.refused(409, "period_not_over", f"/v1/periods/{third['id']}/close", version=1)
    await treasury.refused(412, "stale_version", f"/v1/periods/{first['id']}/close", version=9)
    await close(treasury, first)
    await treasury.refused(409, "wrong_state", f"/v1/periods/{first['id']}/close", version=2)
    await close(treasury, second)


async def test_periods_cannot_overlap_even_by_direct_sql(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund()
    await period(treasury, fund, START, MIDDLE)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await owner.execute(
            "INSERT INTO ledger.periods (tenant_id, id, book_id, first_on, last_on, state, version)"
            " VALUES ($1, $2, $3, $4, $5, 'open', 1)",
            treasury.caller.tenant, new_id(), UUID(fund["book_id"]), MIDDLE, END,
        )  # fmt: skip


async def test_a_correction_is_a_new_version_by_another_person_and_the_old_one_stays(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    treasury.add("auditor", Role.AUDITOR)
    fund = await treasury.fund()
    await post_on(databases, treasury, owner, fund, START, 700)
    opened = await period(treasury, fund, START, END)
    old = await close(treasury, opened)
    await publish(databases, treasury)
    path = f"/v1/periods/{opened['id']}/reopen"
    await treasury.refused(403, "forbidden", path, {"reason": "漏记"}, version=2)
    reopened = await treasury.made(path, {"reason": "漏记一笔"}, by="auditor", version=2)
    assert (reopened["state"], reopened["version"]) == ("open", 3)
    assert await post_on(databases, treasury, owner, fund, END, 9) == "ok"
    new = await close(treasury, opened)
    await publish(databases, treasury)
    assert (new["number"], new["reason"], new["document"]["cash"]["closing"]) == (2, "漏记一笔", 709)
    page = await treasury.open(f"{fund['book_id']}/statements")
    assert [(item["number"], item["id"]) for item in page["items"]] == [(2, new["id"]), (1, old["id"])]
    kept = await treasury.open(f"{fund['book_id']}/statements/{old['id']}")
    assert kept["document"] == old["document"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute("UPDATE ledger.statements SET document = '' WHERE id = $1", UUID(old["id"]))


async def test_a_statement_is_published_whether_the_log_came_before_or_after_the_close(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund()
    await post_on(databases, treasury, owner, fund, START, 700)
    await seal_tenant(databases["ledger"], treasury.caller.tenant, signing_key())
    await close(treasury, await period(treasury, fund, START, MIDDLE))
    assert await publish_due(databases["ledger"], treasury.caller.tenant) == 1, "the log had everything already"
    await post_on(databases, treasury, owner, fund, END, 700)
    await close(treasury, await period(treasury, fund, MIDDLE + timedelta(days=1), END))
    assert await publish_due(databases["ledger"], treasury.caller.tenant) == 0, "the log does not cover it yet"
    await publish(databases, treasury)
    numbers = [item["tree_size"] for item in (await treasury.open(f"{fund['book_id']}/statements"))["items"]]
    assert numbers == [2, 1]


@pytest.fixture
async def published(databases: dict[str, Database], treasury: Treasury, owner: Any) -> dict[str, Any]:
    """A fund with a published statement."""
    fund = await treasury.fund()
    for day, amount in ((START, 700), (MIDDLE, 123_456), (END, 3)):
        await post_on(databases, treasury, owner, fund, day, amount)
    statement = await close(treasury, await period(treasury, fund, START + timedelta(days=1), END))
    await publish(databases, treasury)
    return fund | {"statement": statement, "path": f"{fund['book_id']}/statements/{statement['id']}"}


async def text_of(treasury: Treasury, path: str, kind: str) -> str:
    answer = await treasury.http.get(f"/v1/open-books/{treasury.caller.tenant}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind), answer.text
    return answer.content.decode()


async def test_the_table_has_chinese_headers_and_the_sums_of_the_statement(
    treasury: Treasury, published: dict[str, Any]
) -> None:
    content = await text_of(treasury, f"{published['path']}/lines.csv", "text/csv; charset=utf-8")
    assert content.startswith("\ufeff序号,日期,摘要")
    rows = list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff"))))
    assert [row["金额"] for row in rows] == ["1234.56", "0.03"]
    assert rows[0]["借方科目"] == "银行存款 Bank"


async def test_the_page_prints_the_signed_head_and_its_code(treasury: Treasury, published: dict[str, Any]) -> None:
    content = await text_of(treasury, f"{published['path']}/page", "text/html; charset=utf-8")
    head = (await treasury.open(published["path"]))["head"]
    assert head["note"].splitlines()[2] in content
    assert head["public_keys"][0] in content
    assert "<svg" in content
    assert "1234.59" in content
    assert "<script" not in content
    assert "&quot;引号&quot;" in content


async def test_beancount_accepts_the_export(treasury: Treasury, published: dict[str, Any], tmp_path: Path) -> None:
    content = await text_of(treasury, f"{published['path']}/beancount", "text/plain; charset=utf-8")
    good = tmp_path / "statement.beancount"
    good.write_text(content, encoding="utf-8")
    program = Path(sys.executable).with_name("bean-check")
    assert check(program, good) == (0, "")
    bad = tmp_path / "wrong.beancount"
    bad.write_text(content.replace("1234.56", "1234.57"), encoding="utf-8")
    assert check(program, bad)[0] == 1, "a wrong amount breaks a balance assertion"


def check(program: Path, path: Path) -> tuple[int, str]:
    done = subprocess.run([program, path], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


async def test_the_verifier_accepts_the_book_and_the_proofs(
    treasury: Treasury, published: dict[str, Any], tmp_path: Path
) -> None:
    book = await treasury.open(f"{published['book_id']}/book.json")
    line = book["lines"][1]
    head = await treasury.open(f"{published['book_id']}/head")
    older = tmp_path / "head.txt"
    older.write_text(head["note"], encoding="utf-8")
    words = ["--older", str(older), "--key", book["public_keys"][0], "--contribution", line["transaction_id"]]
    assert verify(tmp_path, book, *words) == 0
    said = said_by_verifier(tmp_path, book, *words)
    assert said.splitlines()[-1] == "核验通过 accepted"
    assert [line[0] for line in said.splitlines()[:-1]] == ["✓"] * (len(said.splitlines()) - 1)
    assert "款项" in said
    assert "公钥" in said_by_verifier(tmp_path, book), "who has pinned no key is told to compare it"
    changed = book | {"lines": [*book["lines"][:-1], book["lines"][-1] | {"amount_fen": 9}]}
    assert said_by_verifier(tmp_path, changed).splitlines()[-1].startswith("核验不通过 REFUSED")
    proof = await treasury.open(f"{published['book_id']}/proofs/inclusion?transaction_id={line['transaction_id']}")
    assert verify(tmp_path, proof) == 0
    assert verify(tmp_path, proof | {"line": proof["line"] | {"amount_fen": 1}}) == 1
    consistency = await treasury.open(f"{published['book_id']}/proofs/consistency?first={head['tree_size']}")
    assert verify(tmp_path, consistency) == 0
    assert verify(tmp_path, book, "--key", "00" * 32) == 1
    assert verify(tmp_path, book, "--contribution", str(new_id())) == 1
    assert verify(tmp_path, {"format": "something"}) == 2


def verify(folder: Path, document: dict[str, Any], *words: str) -> int:
    path = folder / "document.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return run_verifier(path, *words).returncode


def said_by_verifier(folder: Path, document: dict[str, Any], *words: str) -> str:
    path = folder / "document.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return run_verifier(path, *words).stdout


def run_verifier(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # -I: nothing of ours is on its path; -S: nor is any installed package.
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(path), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_a_statement_run_again_is_the_same_bytes_and_one_that_is_not_is_found(
    databases: dict[str, Database], treasury: Treasury, published: dict[str, Any], owner: Any
) -> None:
    async def wrong() -> list[str]:
        found = verify_tenant(databases["ledger"], treasury.caller.tenant, [])
        return [f"{item.check}: {item.wrong}" async for item in found if item.wrong]

    assert await wrong() == []
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(
            "UPDATE ledger.statements SET document = convert_to(replace(convert_from(document, 'UTF8'),"
            " '123459', '123458'), 'UTF8') WHERE id = $1",
            UUID(published["statement"]["id"]),
        )
    assert await wrong() == [
        f"every statement follows from the postings: statement {published['statement']['id']} does not have its hash"
    ]


def command(servers: TestServers, *words: str, **changed: str) -> tuple[int, str]:
    environment = {**os.environ, **servers.environment, **changed}
    done = subprocess.run(
        [sys.executable, "-m", "services.ledger.verifying", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


async def test_the_command_says_what_is_wrong_and_whether_it_could_look(
    treasury: Treasury, published: dict[str, Any], servers: TestServers, tmp_path: Path
) -> None:
    kept = tmp_path / "head.txt"
    kept.write_text((await treasury.open(f"{published['book_id']}/head"))["note"], encoding="utf-8")
    mine = ("--tenant", treasury.caller.tenant)
    code, said = command(servers, *mine, "--head", str(kept))
    assert (code, "nothing wrong" in said) == (0, True), said
    kept.write_text(kept.read_text(encoding="utf-8").replace("\n3\n", "\n4\n"), encoding="utf-8")
    code, said = command(servers, *mine, "--head", str(kept))
    assert (code, "its tail was cut off" in said) == (1, True), said
    assert command(servers, *mine, "--head", str(tmp_path / "nothing"))[0] == 2
    assert command(servers, *mine, LINLI_LEDGER_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")[0] == 2


async def test_an_open_book_shows_charter_balances_and_the_newest_statement(
    treasury: Treasury, published: dict[str, Any]
) -> None:
    shown = await treasury.open(published["book_id"])
    assert shown["charter"]["categories"] == ["drainage", "barrier"]
    assert {row["code"]: row["balance_fen"] for row in shown["accounts"]}["bank"] == 124_159
    assert shown["latest_statement"]["id"] == published["statement"]["id"]
    assert shown["head"]["tree_size"] == 3
    listed = await treasury.http.get(f"/v1/open-books/{treasury.caller.tenant}?area_path=d.c")
    assert [item["id"] for item in listed.json()["items"]] == [published["book_id"]]
    listed = await treasury.http.get(f"/v1/open-books/{treasury.caller.tenant}?area_path=elsewhere")
    assert listed.json()["items"] == []
