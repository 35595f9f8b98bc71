"""Every posting becomes a leaf exactly once, and what the heads and proofs say can be checked by anybody."""

import asyncio
import base64
import hashlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.ledger.books import repository as books
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.proofs import merkle
from services.ledger.proofs.rules import signature_is_good
from services.ledger.proofs.sealing import seal_book, seal_tenant
from services.ledger.proofs.settings import known_keys, signing_key
from shared.auth import Role
from shared.clock import today
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Treasury


async def seal(databases: dict[str, Database], treasury: Treasury) -> int:
    return await seal_tenant(databases["ledger"], treasury.caller.tenant, signing_key())


def root_in(note: str) -> bytes:
    return base64.b64decode(note.splitlines()[2])


async def test_what_was_posted_is_sealed_once_and_everybody_can_check_it(
    databases: dict[str, Database], treasury: Treasury
) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"
    gifts = [await treasury.made(path, treasury.gift(100 + n, received=True)) for n in range(5)]
    assert await seal(databases, treasury) == 5
    assert await seal(databases, treasury) == 0
    head = await treasury.open(f"{fund['book_id']}/head")
    assert head["tree_size"] == 5
    assert signature_is_good(head["note"], known_keys())
    assert not signature_is_good(head["note"].replace("\n5\n", "\n6\n"), known_keys())
    for gift in gifts:
        proof = await treasury.open(
            f"{fund['book_id']}/proofs/inclusion?transaction_id={gift['transaction_id']}&tree_size=5"
        )
        line = proof["line"]
        assert (line["amount_fen"], line["transaction_id"]) == (gift["amount_fen"], gift["transaction_id"])
        hashes = [bytes.fromhex(item) for item in proof["hashes"]]
        root = merkle.root_from_inclusion(line["index"], 5, bytes.fromhex(proof["leaf_hash"]), hashes)
        assert root == root_in(proof["note"]) == bytes.fromhex(head["root"])


async def test_a_late_commit_is_sealed_later_and_nothing_is_sealed_twice(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    """Somebody posts and commits only after others have; the seal waits for them below the oldest open transaction."""
    fund = await treasury.fund(1_000)
    other = await treasury.fund(1_000)
    database, tenant, key = databases["ledger"], treasury.caller.tenant, signing_key()
    row = await owner.fetchrow("SELECT * FROM ledger.funds WHERE id = $1", UUID(fund["id"]))
    async with database.write(tenant) as session:
        leg = Leg(row["bank_account"], row["fund_account"], 7)
        late = TransactionRequest(new_id(), UUID(fund["book_id"]), TransactionKind.POST, (leg,), "late", today())
        assert await books.call_post(session, "test", [late]) == ["ok"]
        # Another book is written and sealed meanwhile; what has committed after the late one began has to wait.
        await treasury.made(f"/v1/funds/{other['id']}/contributions", treasury.gift(9, received=True))
        await seal_tenant(database, tenant, key)
        assert (await treasury.open(f"{fund['book_id']}/head"))["tree_size"] == 1
        assert (await treasury.open(f"{other['book_id']}/head"))["tree_size"] == 1
    assert await seal_tenant(database, tenant, key) == 2
    assert (await treasury.open(f"{fund['book_id']}/head"))["tree_size"] == 2
    counted = await owner.fetch(
        "SELECT (SELECT count(*) FROM ledger.postings p WHERE p.tenant_id = $1),"
        " (SELECT sum(l.legs) FROM ledger.leaves l WHERE l.tenant_id = $1)",
        tenant,
    )
    assert counted[0][0] == counted[0][1] == 4


async def test_many_sealers_and_many_givers_at_once_make_one_log(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"

    async def give() -> None:
        for _ in range(12):
            await treasury.made(path, treasury.gift(5, received=True))

    async def keep_sealing() -> None:
        for _ in range(20):
            await seal_book(databases["ledger"], treasury.caller.tenant, UUID(fund["book_id"]), signing_key())

    await asyncio.gather(give(), give(), keep_sealing(), keep_sealing())
    await seal(databases, treasury)
    rows = await owner.fetch(
        "SELECT first_index, legs FROM ledger.leaves WHERE tenant_id = $1 ORDER BY first_index", treasury.caller.tenant
    )
    assert [row["first_index"] for row in rows] == list(range(24))
    heads = (await treasury.open(f"{fund['book_id']}/heads?page_size=100"))["items"]
    assert heads[0]["tree_size"] == 24
    for head in heads[1:]:
        proof = await treasury.open(f"{fund['book_id']}/proofs/consistency?first={head['tree_size']}")
        assert (proof["first_note"], proof["second_note"]) == (head["note"], heads[0]["note"])


async def test_a_database_that_counts_anew_seals_what_is_new_and_only_that(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund(500)
    await seal(databases, treasury)
    await owner.execute(
        "UPDATE ledger.logs SET sealed_below = sealed_below + 1000000000 WHERE tenant_id = $1", treasury.caller.tenant
    )
    await treasury.made(f"/v1/funds/{fund['id']}/contributions", treasury.gift(9, received=True))
    book = UUID(fund["book_id"])
    assert await seal_book(databases["ledger"], treasury.caller.tenant, book, signing_key()) == 1
    assert (await treasury.open(f"{fund['book_id']}/head"))["tree_size"] == 2


async def test_lines_are_public_and_hold_no_name(databases: dict[str, Database], treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    await seal(databases, treasury)
    page = await treasury.open(f"{fund['book_id']}/lines")
    (line,) = page["items"]
    assert (line["index"], line["amount_fen"], line["kind"]) == (0, 500, "post")
    assert str(treasury.people["treasurer"]) not in str(page)
    actor = f"person/{treasury.people['treasurer']}"
    parts = [line["transaction_id"].encode(), actor.encode()]
    content = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert line["actor_sha256"] == hashlib.sha256(content).hexdigest(), "whoever knows who it was can check it"


async def test_general_books_and_what_is_not_there_are_not_public(treasury: Treasury) -> None:
    book = await treasury.made("/v1/books", {"name": "b", "area_id": str(treasury.area_id)})
    for path in (f"{book['id']}/head", f"{new_id()}/lines", f"{book['id']}/proofs/consistency?first=1"):
        problem = await treasury.open(path, status=404)
        assert problem["code"] == "not_found"


async def test_proofs_of_what_is_not_in_the_log_are_refused(databases: dict[str, Database], treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    other = await treasury.fund(500)
    book = fund["book_id"]
    assert (await treasury.open(f"{book}/head", status=409))["code"] == "not_sealed_yet"
    gift = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"][0]["transaction_id"]
    assert (await treasury.open(f"{book}/proofs/inclusion?transaction_id={gift}", status=409))[
        "code"
    ] == "not_sealed_yet"
    await seal(databases, treasury)
    for path, status, code in (
        (f"{book}/proofs/inclusion?transaction_id={gift}&leg=2", 404, "not_found"),
        (f"{book}/proofs/inclusion?transaction_id={gift}&leg=0", 422, "invalid_request"),
        (f"{other['book_id']}/proofs/inclusion?transaction_id={gift}", 404, "not_found"),
        (f"{book}/proofs/inclusion?transaction_id={gift}&tree_size=7", 422, "size_unknown"),
        (f"{book}/proofs/consistency?first=2", 422, "size_unknown"),
        (f"{book}/head?tree_size=9", 422, "size_unknown"),
    ):
        problem = await treasury.open(path, status=status)
        assert problem["code"] == code, path


async def test_a_witness_signs_a_head_and_forged_signatures_are_refused(
    databases: dict[str, Database], treasury: Treasury
) -> None:
    treasury.add("auditor", Role.AUDITOR)
    fund = await treasury.fund(500)
    await seal(databases, treasury)
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    wanted = {"name": "council.example", "title": "居民议事会", "public_key": public.hex()}
    await treasury.refused(403, "forbidden", "/v1/witnesses", wanted, by="resident")
    witness = await treasury.made("/v1/witnesses", wanted, by="auditor")
    assert await treasury.made("/v1/witnesses", wanted | {"id": witness["id"]}, by="auditor") == witness
    await treasury.refused(409, "witness_taken", "/v1/witnesses", wanted, by="auditor")
    head = await treasury.open(f"{fund['book_id']}/head")
    text = head["note"].partition("\n\n")[0] + "\n"

    def line(by: Ed25519PrivateKey, content: str, name: str = "council.example", moment: int = 1_790_000_000) -> str:
        signature = by.sign(f"cosignature/v1\ntime {moment}\n{content}".encode())
        key_id = hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
        return f"\u2014 {name} {base64.b64encode(key_id + moment.to_bytes(8, 'big') + signature).decode()}"

    path = f"/v1/books/{fund['book_id']}/heads/1/cosignature"
    headers = treasury.headers("resident")
    bad = (
        line(stranger, text),
        line(key, text.replace("\n1\n", "\n2\n")),
        line(key, text, "other"),
        "\u2014 x !!!!!!!!!!",
    )
    for signature in bad:
        body = {"witness": "council.example", "signature": signature}
        answer = await treasury.http.put(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cosignature"), signature
    body = {"witness": "council.example", "signature": line(key, text)}
    for _ in range(2):
        answer = await treasury.http.put(path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    (signed,) = (await treasury.open(f"{fund['book_id']}/head"))["cosignatures"]
    assert (signed["witness"], signed["line"]) == ("council.example", body["signature"])
    body["witness"] = "nobody"
    assert (await treasury.http.put(path, json=body, headers=headers)).status_code == 404


async def test_the_log_cannot_be_changed_even_by_the_owner(
    databases: dict[str, Database], treasury: Treasury, owner: Any
) -> None:
    await treasury.fund(500)
    await seal(databases, treasury)
    tenant = treasury.caller.tenant
    for statement in (
        "UPDATE ledger.heads SET tree_size = 9 WHERE tenant_id = $1",
        "DELETE FROM ledger.heads WHERE tenant_id = $1",
        "DELETE FROM ledger.leaves WHERE tenant_id = $1",
        "DELETE FROM ledger.tiles WHERE tenant_id = $1",
        "UPDATE ledger.tiles SET hashes = decode(repeat('00', 32), 'hex') WHERE tenant_id = $1",
        "UPDATE ledger.postings SET amount = 1 WHERE tenant_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(statement, tenant)
