"""Decisions about bank lines say which postings they were about; payments are found by their transaction."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE ledger.bank_decisions ADD COLUMN postings JSONB NOT NULL DEFAULT '[]'")
    op.execute("CREATE INDEX payments_transaction_idx ON ledger.payments (tenant_id, transaction_id)")


def downgrade() -> None:
    op.execute("DROP INDEX ledger.payments_transaction_idx")
    op.execute("ALTER TABLE ledger.bank_decisions DROP COLUMN postings")
