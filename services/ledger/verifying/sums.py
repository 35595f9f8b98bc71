"""Checks in SQL of one tenant: sums, sequences, floors, holds, reversals, refunds. Each names the first wrong row."""

from typing import Final

from sqlalchemy import text

from shared.db import Session

__all__ = ["CHECKS", "first_wrong"]

# What is checked, and the query whose first row is what is wrong.
CHECKS: Final[dict[str, str]] = {
    "postings are balanced, in range, between two accounts of their book and unit": """
        SELECT p.transaction_id, p.leg FROM ledger.postings p
        LEFT JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
        LEFT JOIN ledger.accounts d ON d.tenant_id = p.tenant_id AND d.id = p.debit_account
        LEFT JOIN ledger.accounts c ON c.tenant_id = p.tenant_id AND c.id = p.credit_account
        WHERE p.tenant_id = :tenant AND (p.amount NOT BETWEEN 1 AND 9007199254740991
              OR (d.book_id = t.book_id AND c.book_id = t.book_id AND d.unit = p.unit AND c.unit = p.unit
                  AND t.result = 'ok') IS NOT TRUE)
        ORDER BY p.transaction_id, p.leg LIMIT 1""",
    "every accepted transaction that moves money has its postings": """
        SELECT t.id FROM ledger.transactions t
        WHERE t.tenant_id = :tenant AND t.result = 'ok' AND t.kind IN ('post', 'settle', 'reverse', 'refund')
          AND NOT EXISTS (SELECT FROM ledger.postings p WHERE p.tenant_id = t.tenant_id AND p.transaction_id = t.id)
        ORDER BY t.id LIMIT 1""",
    "each account's sequence has no gap, and each balance follows from the one before": """
        SELECT m.account, m.seq, m.transaction_id FROM (
            SELECT account, seq, transaction_id, after - signed AS before, lag(after, 1, 0::bigint) OVER w AS last,
                   row_number() OVER w AS n
            FROM (SELECT debit_account AS account, debit_sequence AS seq, debit_after AS after, amount AS signed,
                         transaction_id FROM ledger.postings WHERE tenant_id = :tenant
                  UNION ALL
                  SELECT credit_account, credit_sequence, credit_after, -amount, transaction_id
                  FROM ledger.postings WHERE tenant_id = :tenant) s
            WINDOW w AS (PARTITION BY account ORDER BY seq)) m
        WHERE m.seq <> m.n OR m.before <> m.last ORDER BY m.account, m.seq LIMIT 1""",
    "balances are the sums of their postings": """
        SELECT b.account_id FROM ledger.balances b LEFT JOIN (
            SELECT account, sum(debit) AS debits, sum(credit) AS credits, count(*) AS moves
            FROM (SELECT debit_account AS account, amount AS debit, 0 AS credit FROM ledger.postings
                  WHERE tenant_id = :tenant
                  UNION ALL SELECT credit_account, 0, amount FROM ledger.postings WHERE tenant_id = :tenant) s
            GROUP BY account) m ON m.account = b.account_id
        WHERE b.tenant_id = :tenant AND (b.posted_debits, b.posted_credits, b.last_sequence) IS DISTINCT FROM
              (coalesce(m.debits, 0), coalesce(m.credits, 0), coalesce(m.moves, 0))
        ORDER BY b.account_id LIMIT 1""",
    "what is reserved is the sum of the open holds": """
        SELECT b.account_id FROM ledger.balances b
        LEFT JOIN (SELECT debit_account AS account, sum(amount - settled - released) AS rest FROM ledger.holds
                   WHERE tenant_id = :tenant AND state = 'open' GROUP BY 1) d ON d.account = b.account_id
        LEFT JOIN (SELECT credit_account AS account, sum(amount - settled - released) AS rest FROM ledger.holds
                   WHERE tenant_id = :tenant AND state = 'open' GROUP BY 1) c ON c.account = b.account_id
        WHERE b.tenant_id = :tenant AND (b.pending_debits, b.pending_credits) IS DISTINCT FROM
              (coalesce(d.rest, 0), coalesce(c.rest, 0))
        ORDER BY b.account_id LIMIT 1""",
    # What is below for a moment inside of a transaction is nobody's business: all its postings are one.
    "after no transaction was a balance below its floor": """
        SELECT b.account_id, m.seq FROM ledger.balances b JOIN (
            SELECT DISTINCT ON (s.account, s.transaction_id) s.account, s.seq, s.after FROM (
                SELECT debit_account AS account, transaction_id, debit_sequence AS seq, debit_after AS after
                FROM ledger.postings WHERE tenant_id = :tenant
                UNION ALL SELECT credit_account, transaction_id, credit_sequence, credit_after
                FROM ledger.postings WHERE tenant_id = :tenant) s
            ORDER BY s.account, s.transaction_id, s.seq DESC) m ON m.account = b.account_id
        WHERE b.tenant_id = :tenant AND CASE WHEN b.debit_normal THEN m.after ELSE -m.after END < b.floor_fen
        ORDER BY b.account_id, m.seq LIMIT 1""",
    "of each hold, what was settled is what was posted": """
        SELECT h.id FROM ledger.holds h WHERE h.tenant_id = :tenant AND h.settled <>
            (SELECT coalesce(sum(p.amount), 0) FROM ledger.transactions t JOIN ledger.postings p
             ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
             WHERE t.tenant_id = h.tenant_id AND t.book_id = h.book_id AND t.kind = 'settle' AND t.hold_id = h.id)
        ORDER BY h.id LIMIT 1""",
    "a reversal is the mirror of its original": """
        SELECT r.id FROM ledger.transactions r WHERE r.tenant_id = :tenant AND r.kind = 'reverse' AND r.result = 'ok'
          AND EXISTS (SELECT FROM (
              SELECT p.debit_account AS d, p.credit_account AS c, p.unit, p.amount FROM ledger.postings p
              WHERE p.tenant_id = r.tenant_id AND p.transaction_id = r.original_id
              EXCEPT ALL
              SELECT p.credit_account, p.debit_account, p.unit, p.amount FROM ledger.postings p
              WHERE p.tenant_id = r.tenant_id AND p.transaction_id = r.id) x)
        ORDER BY r.id LIMIT 1""",
    "refunds together never exceed their original": """
        SELECT r.original_id FROM ledger.transactions r JOIN ledger.postings p
            ON p.tenant_id = r.tenant_id AND p.transaction_id = r.id
        WHERE r.tenant_id = :tenant AND r.kind = 'refund' GROUP BY r.tenant_id, r.original_id
        HAVING sum(p.amount) > (SELECT coalesce(sum(o.amount), 0) FROM ledger.postings o
                                WHERE o.tenant_id = r.tenant_id AND o.transaction_id = r.original_id)
        ORDER BY r.original_id LIMIT 1""",
}


async def first_wrong(session: Session, query: str) -> str | None:
    """Run one check; returns what is wrong first, or nothing."""
    row = (await session.execute(text(query), {"tenant": session.tenant})).first()
    if row is None:
        return None
    return ", ".join(f"{name} {value}" for name, value in row._mapping.items())  # noqa: SLF001 - SQLAlchemy's name
