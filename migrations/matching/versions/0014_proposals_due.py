"""Since when the proposals of a need are to be computed anew."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the column, and the short list of those that wait."""
    op.execute("ALTER TABLE matching.needs ADD COLUMN proposals_due_at TIMESTAMP WITH TIME ZONE")
    op.execute(
        "CREATE INDEX needs_proposals_due_idx ON matching.needs (tenant_id, proposals_due_at)"
        " WHERE state = 'open' AND proposals_due_at IS NOT NULL"
    )


def downgrade() -> None:
    """Drop both."""
    op.execute("ALTER TABLE matching.needs DROP COLUMN proposals_due_at")
