"""A pledge that was called off is not owed any more."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let pledges be withdrawn, as long as they have not been paid."""
    op.execute(
        "ALTER TABLE ledger.contributions ADD COLUMN withdrawn_at TIMESTAMP WITH TIME ZONE,"
        " ADD CONSTRAINT contributions_withdrawn_check CHECK (withdrawn_at IS NULL OR received_at IS NULL)"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE ledger.contributions DROP COLUMN withdrawn_at")
