"""Whoever can write to the database, or rewrites a published book, is found out: the ways of doing so, one by one.

The tamperer here has everything: the owner's rights with all triggers off, and where it says so even the signing key.
What he does not have is the head that somebody has kept.
"""

import base64
import copy
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.ledger.books import repository as books
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.proofs.merkle import Range, extend, needed_tiles, range_root
from services.ledger.proofs.rules import Head, head_text, sign_note
from services.ledger.proofs.sealing import seal_tenant
from services.ledger.proofs.settings import signing_key
from services.ledger.verifying.service import read_old_head, verify_tenant
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Treasury
from tests.ledger.test_periods import VERIFIER

Tamper = Callable[[Any, UUID], Awaitable[None]]
TABLE: list[tuple[str, str, str]] = []

# The last posting of a book, the last but one, and the first.
LAST = "(SELECT transaction_id FROM ledger.leaves WHERE book_id = $1 ORDER BY first_index DESC LIMIT 1)"
MIDDLE = "(SELECT transaction_id FROM ledger.leaves WHERE book_id = $1 ORDER BY first_index OFFSET 3 LIMIT 1)"


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print at the end what was tried and how it was found out."""
    yield
    print("\n| the tamperer | where | found out by |\n|---|---|---|")
    for row in TABLE:
        print(f"| {' | '.join(row)} |")


@pytest.fixture
async def fund(databases: dict[str, Database], treasury: Treasury, owner: Any) -> dict[str, Any]:
    """A fund with nine sealed contributions, and the head that somebody has kept."""
    opened = await treasury.fund()
    row = await owner.fetchrow("SELECT * FROM ledger.funds WHERE id = $1", UUID(opened["id"]))
    for amount in range(101, 110):
        leg = Leg(row["bank_account"], row["fund_account"], amount)
        request = TransactionRequest(new_id(), row["book_id"], TransactionKind.POST, (leg,), f"gift {amount}", today())
        async with databases["ledger"].write(treasury.caller.tenant) as session:
            assert await books.call_post(session, "test", [request]) == ["ok"]
        await seal_tenant(databases["ledger"], treasury.caller.tenant, signing_key())
    return opened | {"head": await treasury.open(f"{opened['book_id']}/head")}


async def flip_amount(owner: Any, book: UUID) -> None:
    await owner.execute(f"UPDATE ledger.postings SET amount = amount + 1 WHERE transaction_id = {MIDDLE}", book)


async def flip_description(owner: Any, book: UUID) -> None:
    await owner.execute(f"UPDATE ledger.transactions SET description = 'gift 1' WHERE id = {MIDDLE}", book)


async def change_day(owner: Any, book: UUID) -> None:
    await owner.execute(f"UPDATE ledger.transactions SET effective_on = effective_on - 1 WHERE id = {MIDDLE}", book)


async def delete_row(owner: Any, book: UUID) -> None:
    await owner.execute(f"DELETE FROM ledger.postings WHERE transaction_id = {MIDDLE}", book)


async def flip_leaf(owner: Any, book: UUID) -> None:
    await owner.execute(
        "UPDATE ledger.tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE book_id = $1", book
    )


async def flip_root(owner: Any, book: UUID) -> None:
    await owner.execute(
        "UPDATE ledger.heads SET root = set_byte(root, 5, get_byte(root, 5) # 1) WHERE book_id = $1 AND tree_size = 4",
        book,
    )


async def swap_two(owner: Any, book: UUID) -> None:
    """Reorder: two transactions change places in the log."""
    for before, after in ((3, 1_003), (4, 3), (1_003, 4)):
        await owner.execute(
            "UPDATE ledger.leaves SET first_index = $3 WHERE book_id = $1 AND first_index = $2", book, before, after
        )


async def raise_balance(owner: Any, book: UUID) -> None:
    await owner.execute(
        "UPDATE ledger.balances SET posted_debits = posted_debits + 5 WHERE book_id = $1 AND debit_normal", book
    )


async def insert_unsealed(owner: Any, book: UUID) -> None:
    """Slip a transaction in behind the log's mark, balances and sequences made to fit."""
    await owner.execute(
        "INSERT INTO ledger.transactions SELECT (t).* FROM (SELECT jsonb_populate_record(t, jsonb_build_object("
        "'id', gen_random_uuid())) AS t FROM ledger.transactions t WHERE t.id = " + LAST + ") x",
        book,
    )
    await owner.execute(
        "INSERT INTO ledger.postings SELECT p.tenant_id, t.id, 1, p.debit_account, p.credit_account, p.unit, p.amount,"
        " p.debit_sequence + 1, p.debit_after + p.amount, p.credit_sequence + 1, p.credit_after - p.amount"
        " FROM ledger.postings p, ledger.transactions t WHERE p.transaction_id = " + LAST + " AND t.book_id = $1"
        " AND NOT EXISTS (SELECT FROM ledger.leaves l WHERE l.transaction_id = t.id)",
        book,
    )
    await fit_balances(owner, book)


async def fit_balances(owner: Any, book: UUID) -> None:
    """Compute balances, sequences and afters anew so that the sums hold again."""
    await owner.execute(
        "WITH m AS (SELECT transaction_id, leg, account, side, row_number() OVER w AS n, sum(signed) OVER w AS after FROM ("
        " SELECT p.transaction_id, p.leg, debit_account AS account, 'd' AS side, debit_sequence AS seq, amount AS signed"
        " FROM ledger.postings p JOIN ledger.transactions t ON t.id = p.transaction_id WHERE t.book_id = $1"
        " UNION ALL SELECT p.transaction_id, p.leg, credit_account, 'c', credit_sequence, -amount"
        " FROM ledger.postings p JOIN ledger.transactions t ON t.id = p.transaction_id WHERE t.book_id = $1) s"
        " WINDOW w AS (PARTITION BY account ORDER BY seq))"
        " UPDATE ledger.postings p SET debit_sequence = d.n, debit_after = d.after, credit_sequence = c.n,"
        " credit_after = c.after FROM m d, m c WHERE d.transaction_id = p.transaction_id AND d.leg = p.leg AND d.side = 'd'"
        " AND c.transaction_id = p.transaction_id AND c.leg = p.leg AND c.side = 'c'",
        book,
    )
    await owner.execute(
        "UPDATE ledger.balances b SET (posted_debits, posted_credits, last_sequence) = (SELECT"
        " coalesce(sum(amount) FILTER (WHERE debit_account = b.account_id), 0),"
        " coalesce(sum(amount) FILTER (WHERE credit_account = b.account_id), 0), count(*) FROM ledger.postings p"
        " WHERE b.account_id IN (p.debit_account, p.credit_account)) WHERE b.book_id = $1",
        book,
    )


async def cut_rows(owner: Any, book: UUID) -> None:
    """Cut the tail off: the last transaction goes, and the balances fit."""
    row = await owner.fetchval(LAST[1:-1], book)
    for table_name, column in (("leaves", "transaction_id"), ("postings", "transaction_id"), ("transactions", "id")):
        await owner.execute(f"DELETE FROM ledger.{table_name} WHERE {column} = $1", row)
    await fit_balances(owner, book)


async def forget_log(owner: Any, book: UUID) -> None:
    for name in ("heads", "tiles", "leaves", "logs"):
        await owner.execute(f"DELETE FROM ledger.{name} WHERE book_id = $1", book)


async def cut_and_sign(owner: Any, book: UUID) -> None:
    """Cut the tail off with everything that is in the log of it; the log is made anew with the real key."""
    await cut_rows(owner, book)
    await forget_log(owner, book)


async def rewrite_and_sign(owner: Any, book: UUID) -> None:
    """Rewrite a gift, let all sums fit, and make the whole log anew with the real key."""
    await flip_amount(owner, book)
    await fit_balances(owner, book)
    await forget_log(owner, book)


async def reorder_and_sign(owner: Any, book: UUID) -> None:
    """Let two transactions change places in the order of the log, which is made anew with the real key."""
    xids = await owner.fetch("SELECT DISTINCT xid FROM ledger.transactions WHERE book_id = $1 ORDER BY xid", book)
    one, two = xids[2]["xid"], xids[5]["xid"]
    await owner.execute(
        "UPDATE ledger.transactions SET xid = CASE xid WHEN $2 THEN $3 ELSE $2 END WHERE book_id = $1 AND xid IN ($2, $3)",
        book, one, two,
    )  # fmt: skip
    await forget_log(owner, book)


async def found(
    databases: dict[str, Database], tenant: str, kept: list[tuple[str, int, bytes]] | None = None
) -> list[str]:
    return [
        f"{finding.check}: {finding.wrong}"
        async for finding in verify_tenant(databases["ledger"], tenant, kept or [])
        if finding.wrong is not None
    ]


async def tampered(owner: Any, tamper: Tamper, book: UUID) -> None:
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await tamper(owner, book)


ALONE: list[tuple[str, Tamper, str]] = [
    ("flips a byte of an amount", flip_amount, "each balance follows from the one before"),
    ("flips a byte of a description", flip_description, "every posting is the leaf that it was"),
    ("moves a posting to another day", change_day, "every posting is the leaf that it was"),
    ("deletes a row", delete_row, "has its postings"),
    ("flips a byte of a leaf hash", flip_leaf, "every posting is the leaf that it was"),
    ("flips a byte of a head", flip_root, "every head follows from the leaves"),
    ("swaps two leaves", swap_two, "every posting is the leaf that it was"),
    ("raises a balance", raise_balance, "balances are the sums of their postings"),
    ("slips a transaction in behind the log", insert_unsealed, "every posting is the leaf that it was"),
    ("cuts the tail off, sums fit", cut_rows, "every posting is the leaf that it was"),
]
WITH_KEY: list[tuple[str, Tamper]] = [
    ("cuts the tail off and signs anew", cut_and_sign),
    ("rewrites a gift, sums fit, and signs anew", rewrite_and_sign),
    ("reorders the log and signs anew", reorder_and_sign),
]


@pytest.mark.parametrize(("what", "tamper", "check"), ALONE, ids=[item[0] for item in ALONE])
async def test_a_tampered_database_is_found_out(
    databases: dict[str, Database],
    treasury: Treasury,
    owner: Any,
    fund: dict[str, Any],
    what: str,
    tamper: Tamper,
    check: str,
) -> None:
    tenant = treasury.caller.tenant
    assert await found(databases, tenant) == []
    await tampered(owner, tamper, UUID(fund["book_id"]))
    findings = await found(databases, tenant)
    assert any(check in finding for finding in findings), findings
    first = next(finding for finding in findings if check in finding)
    TABLE.append((what, "database", first.partition(":")[0]))


@pytest.mark.parametrize(("what", "tamper"), WITH_KEY, ids=[item[0] for item in WITH_KEY])
async def test_with_the_key_only_a_kept_head_finds_it_out(
    databases: dict[str, Database], treasury: Treasury, owner: Any, fund: dict[str, Any], what: str, tamper: Tamper
) -> None:
    tenant = treasury.caller.tenant
    await tampered(owner, tamper, UUID(fund["book_id"]))
    await seal_tenant(databases["ledger"], tenant, signing_key())
    assert await found(databases, tenant) == [], "he has done it well"
    findings = await found(databases, tenant, [read_old_head(fund["head"]["note"])])
    assert len(findings) == 1, findings
    TABLE.append((what, "database", findings[0].partition(": ")[2]))


def signed_anew(book: dict[str, Any]) -> dict[str, Any]:
    """Sign a changed book with the real key, so that all its own hashes fit."""
    sys.path.insert(0, str(VERIFIER.parent))
    try:
        verifier = __import__("linli_verify")
    finally:
        sys.path.pop(0)
    for index, line in enumerate(book["lines"]):
        line["index"] = index
    leaves = [verifier.leaf_hash(book["tenant"], book["book_id"], line) for line in book["lines"]]
    tiles = extend(0, lambda _: b"", leaves)
    whole = Range(0, len(leaves))
    assert needed_tiles([whole]) <= tiles.keys()
    root = range_root(whole, tiles)
    assert base64.b64decode(book["note"].splitlines()[2]) != root
    head = Head(book["note"].splitlines()[0], len(leaves), root, utc_now())
    return book | {"note": sign_note(head_text(head), signing_key())}


def flipped(book: dict[str, Any]) -> dict[str, Any]:
    book["lines"][3]["amount_fen"] += 1
    return book


def reworded(book: dict[str, Any]) -> dict[str, Any]:
    book["lines"][3]["description"] = "gift 1"
    return book


def without_a_line(book: dict[str, Any]) -> dict[str, Any]:
    del book["lines"][3]
    return book


def without_the_tail(book: dict[str, Any]) -> dict[str, Any]:
    del book["lines"][-2:]
    return book


def reordered(book: dict[str, Any]) -> dict[str, Any]:
    book["lines"][3], book["lines"][4] = book["lines"][4], book["lines"][3]
    return book


def rewritten(book: dict[str, Any]) -> dict[str, Any]:
    for line in book["lines"][3:]:
        for member in ("debit_after_fen", "credit_after_fen"):
            line[member] += 1 if line[member] > 0 else -1
    book["lines"][3]["amount_fen"] += 1
    return book


EXPORT: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("flips a byte of an amount", flipped),
    ("flips a byte of a description", reworded),
    ("leaves a line out", without_a_line),
    ("cuts the tail off", without_the_tail),
    ("swaps two lines", reordered),
    ("rewrites a gift, all balances fit", rewritten),
]


@pytest.mark.parametrize(("what", "change"), EXPORT, ids=[item[0] for item in EXPORT])
async def test_a_tampered_export_is_refused(
    treasury: Treasury,
    fund: dict[str, Any],
    tmp_path: Path,
    what: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    book = await treasury.open(f"{fund['book_id']}/book.json")
    assert await treasury.open(f"{fund['book_id']}/head") == fund["head"]
    older = tmp_path / "head.txt"
    older.write_text(fund["head"]["note"], encoding="utf-8")
    assert verify(tmp_path, book, "--older", str(older))[0] == 0
    code, said = verify(tmp_path, change(copy.deepcopy(book)))
    assert code in {1, 2}, said
    TABLE.append((what, "export", "the verifier alone"))
    anew = signed_anew(change(copy.deepcopy(book)))
    code, said = verify(tmp_path, anew, "--older", str(older))
    assert code == 1, said
    by = "the verifier alone" if verify(tmp_path, anew)[0] else "the verifier with a kept head"
    TABLE.append((f"{what}, and signs anew with the key", "export", by))


def verify(folder: Path, document: dict[str, Any], *words: str) -> tuple[int, str]:
    path = folder / "document.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(path), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr
