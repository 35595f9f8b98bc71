"""Recomputes a tenant's whole ledger from its postings, in SQL and past all services: what the rows say of themselves must
agree.

Each rule is a query that returns what offends; the numbers are those of the ledger's invariants. What the rows alone cannot
tell (what was asked, and when a period was closed) is for the model.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

__all__ = ["RULES", "assert_clean", "closing_balances", "offences"]

# Every posting seen from each of its two accounts: what it adds to the account, debits positive.
_MOVES: Final = """
    moves AS (
        SELECT transaction_id, leg, unit, debit_account AS account, debit_sequence AS seq, debit_after AS after, amount AS signed
        FROM ledger.postings WHERE tenant_id = $1
        UNION ALL
        SELECT transaction_id, leg, unit, credit_account, credit_sequence, credit_after, -amount
        FROM ledger.postings WHERE tenant_id = $1),
    sums AS (
        SELECT account, coalesce(sum(signed) FILTER (WHERE signed > 0), 0) AS debits,
               coalesce(-sum(signed) FILTER (WHERE signed < 0), 0) AS credits, count(*) AS moves
        FROM moves GROUP BY account),
    chain AS (
        SELECT account, transaction_id, seq, signed, after - coalesce(lag(after) OVER w, 0) AS step, row_number() OVER w AS n
        FROM moves WINDOW w AS (PARTITION BY account ORDER BY seq)),
    legs AS (SELECT transaction_id, count(*) AS legs, max(leg) AS last FROM ledger.postings WHERE tenant_id = $1 GROUP BY 1),
    pending AS (
        SELECT account, sum(debit) AS debits, sum(credit) AS credits FROM ledger.holds h, LATERAL (VALUES
            (h.debit_account, h.amount - h.settled - h.released, 0), (h.credit_account, 0, h.amount - h.settled - h.released))
            AS side (account, debit, credit)
        WHERE h.tenant_id = $1 GROUP BY account),
    mine AS (SELECT * FROM ledger.transactions WHERE tenant_id = $1)"""
_AVAILABLE: Final = (
    "CASE WHEN b.debit_normal THEN b.posted_debits - b.posted_credits - b.pending_credits"
    " ELSE b.posted_credits - b.posted_debits - b.pending_debits END"
)
_BALANCES: Final = "FROM ledger.balances b WHERE b.tenant_id = $1"

RULES: Final[Mapping[str, str]] = {
    "1 debits = credits per unit, posted and pending": (
        f"SELECT b.unit {_BALANCES} GROUP BY b.unit HAVING sum(b.posted_debits) <> sum(b.posted_credits)"
        " OR sum(b.pending_debits) <> sum(b.pending_credits)"
    ),
    "1 units do not mix": (
        "SELECT m.transaction_id::text FROM moves m JOIN ledger.balances b ON b.tenant_id = $1 AND b.account_id = m.account"
        " WHERE b.unit <> m.unit"
    ),
    "2 a balance is the sum of its postings": (
        "SELECT b.account_id::text FROM ledger.balances b LEFT JOIN sums s ON s.account = b.account_id WHERE b.tenant_id = $1"
        " AND (coalesce(s.debits, 0), coalesce(s.credits, 0), coalesce(s.moves, 0))"
        " IS DISTINCT FROM (b.posted_debits, b.posted_credits, b.last_sequence)"
    ),
    "3 sequences have no gap and every after follows": (
        "SELECT c.account::text FROM chain c WHERE c.seq <> c.n OR c.step <> c.signed"
    ),
    "4 no floor is broken, what is reserved included": (
        f"SELECT b.account_id::text {_BALANCES} AND {_AVAILABLE} < b.floor_fen"
    ),
    "4 no floor was ever broken by a whole transaction": (
        "SELECT last.account::text FROM (SELECT DISTINCT ON (account, transaction_id) account, after FROM moves"
        " ORDER BY account, transaction_id, seq DESC) last"
        " JOIN ledger.balances b ON b.tenant_id = $1 AND b.account_id = last.account"
        " WHERE CASE WHEN b.debit_normal THEN last.after ELSE -last.after END < b.floor_fen"
    ),
    "5 all legs or none": (
        "SELECT t.id::text FROM mine t LEFT JOIN legs l ON l.transaction_id = t.id"
        " WHERE coalesce(l.legs, 0) <> coalesce(l.last, 0)"
        " OR (l.legs IS NOT NULL) <> (t.result = 'ok' AND t.kind IN ('post', 'settle', 'reverse', 'refund'))"
    ),
    "5 a transaction is in one book": (
        "SELECT m.transaction_id::text FROM moves m JOIN mine t ON t.id = m.transaction_id"
        " JOIN ledger.balances b ON b.tenant_id = $1 AND b.account_id = m.account WHERE b.book_id <> t.book_id"
    ),
    "7 only a hold that was granted is registered": (
        "SELECT coalesce(h.id, t.id)::text FROM (SELECT * FROM mine WHERE kind = 'hold' AND result = 'ok') t"
        " FULL JOIN (SELECT * FROM ledger.holds WHERE tenant_id = $1) h ON h.id = t.id WHERE h.id IS NULL OR t.id IS NULL"
    ),
    "8 what is settled was posted": (
        "SELECT h.id::text FROM ledger.holds h WHERE h.tenant_id = $1 AND h.settled <>"
        " (SELECT coalesce(sum(p.amount), 0) FROM mine t JOIN ledger.postings p ON p.tenant_id = $1 AND p.transaction_id = t.id"
        "  WHERE t.hold_id = h.id AND t.kind = 'settle' AND p.debit_account = h.debit_account"
        "  AND p.credit_account = h.credit_account)"
    ),
    "8 remaining + settled + released = amount, and a hold resolves once": (
        "SELECT h.id::text FROM ledger.holds h WHERE h.tenant_id = $1 AND ("
        " (h.state = 'open') <> (h.amount > h.settled + h.released) OR (h.state = 'open' AND h.released > 0)"
        " OR (SELECT count(*) FROM mine t WHERE t.hold_id = h.id AND t.kind IN ('void', 'expire') AND t.result = 'ok')"
        "    <> (h.state IN ('voided', 'expired'))::int)"
    ),
    "8 what is pending is what open holds reserve": (
        "SELECT b.account_id::text FROM ledger.balances b LEFT JOIN pending p ON p.account = b.account_id"
        " WHERE b.tenant_id = $1 AND (coalesce(p.debits, 0), coalesce(p.credits, 0))"
        " IS DISTINCT FROM (b.pending_debits, b.pending_credits)"
    ),
    "9 one reversal, not before its original, alone": (
        "SELECT o.id::text FROM mine o JOIN mine r ON r.original_id = o.id AND r.result = 'ok' GROUP BY o.id, o.effective_on"
        " HAVING count(*) FILTER (WHERE r.kind = 'reverse') > 1 OR min(r.effective_on) < o.effective_on"
        " OR (count(*) FILTER (WHERE r.kind = 'reverse') = 1 AND count(*) > 1)"
    ),
    "9 original + reversal = 0 on every account": (
        "SELECT r.original_id::text FROM mine r JOIN moves m ON m.transaction_id IN (r.id, r.original_id)"
        " WHERE r.kind = 'reverse' AND r.result = 'ok' GROUP BY r.original_id, m.account HAVING sum(m.signed) <> 0"
    ),
    "10 refunds never exceed what each giver gave": (
        "SELECT back.original_id::text FROM (SELECT r.original_id, p.credit_account AS debit, p.debit_account AS credit, p.unit,"
        "  sum(p.amount) AS amount FROM mine r JOIN ledger.postings p ON p.tenant_id = $1 AND p.transaction_id = r.id"
        "  WHERE r.kind = 'refund' GROUP BY 1, 2, 3, 4) back WHERE back.amount >"
        " (SELECT coalesce(sum(p.amount), 0) FROM ledger.postings p WHERE p.tenant_id = $1"
        "  AND p.transaction_id = back.original_id AND p.debit_account = back.debit AND p.credit_account = back.credit"
        "  AND p.unit = back.unit)"
    ),
    # What is posted by a settle was reserved for its purpose, and on time.
    "12 restricted money goes on only to its purpose, and in time": (
        "SELECT t.id::text FROM (SELECT transaction_id AS id, debit_account, credit_account FROM ledger.postings"
        "  WHERE tenant_id = $1 UNION ALL SELECT id, debit_account, credit_account FROM ledger.holds WHERE tenant_id = $1) way"
        " JOIN mine t ON t.id = way.id"
        " JOIN ledger.accounts d ON d.tenant_id = $1 AND d.id = way.debit_account"
        " JOIN ledger.accounts c ON c.tenant_id = $1 AND c.id = way.credit_account"
        " WHERE c.class IN ('liability', 'net_assets', 'income')"
        " AND (d.purpose <> '*' AND coalesce(c.purpose, '') NOT IN (d.purpose, '*')"
        "      OR d.spend_by < t.effective_on AND t.kind NOT IN ('reverse', 'settle'))"
    ),
    "the balance knows what its account says": (
        "SELECT b.account_id::text FROM ledger.balances b JOIN ledger.accounts a ON a.tenant_id = $1 AND a.id = b.account_id"
        " WHERE b.tenant_id = $1 AND (b.book_id, b.unit, b.floor_fen, b.purpose, b.spend_by, b.is_own, b.debit_normal)"
        " IS DISTINCT FROM (a.book_id, a.unit, a.floor_fen, a.purpose, a.spend_by,"
        " a.class IN ('liability', 'net_assets', 'income'), a.class NOT IN ('liability', 'net_assets', 'income'))"
    ),
}
_ALL: Final = f"WITH {_MOVES} " + " UNION ALL ".join(
    f"SELECT '{name}' AS rule, found.* FROM ({query}) AS found (what)" for name, query in RULES.items()
)


async def offences(owner: Any, tenant: str) -> list[tuple[str, str]]:
    """Return every broken rule with what breaks it."""
    return [(row["rule"], row["what"]) for row in await owner.fetch(_ALL, tenant)]


async def assert_clean(owner: Any, tenant: str) -> None:
    """Recompute everything; AssertionError with the rules that are broken."""
    found = await offences(owner, tenant)
    assert found == [], found[:20]


async def closing_balances(owner: Any, tenant: str, book: UUID, through: date) -> dict[UUID, int]:
    """Return what the accounts of a book have moved up to a day, debits less credits: invariant 11 says it stays so."""
    rows = await owner.fetch(
        "SELECT b.account_id, coalesce((SELECT sum(CASE WHEN p.debit_account = b.account_id THEN p.amount ELSE -p.amount END)"
        " FROM ledger.postings p JOIN ledger.transactions t ON t.tenant_id = $1 AND t.id = p.transaction_id"
        " WHERE p.tenant_id = $1 AND b.account_id IN (p.debit_account, p.credit_account) AND t.effective_on <= $3), 0)::bigint"
        " AS net FROM ledger.balances b WHERE b.tenant_id = $1 AND b.book_id = $2",
        tenant,
        book,
        through,
    )
    return {row["account_id"]: row["net"] for row in rows}
