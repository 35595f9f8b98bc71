"""A new offer is shown to the open needs in its reach; whether that was done stands in its row."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE matching.offers ADD COLUMN needs_sought_at timestamptz")
    # What stands on the list already was looked at by every need that came after it, and by the plans of each night.
    op.execute("UPDATE matching.offers SET needs_sought_at = now()")
    op.execute(
        "CREATE INDEX offers_unsought_idx ON matching.offers (tenant_id, id) WHERE active AND needs_sought_at IS NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX matching.offers_unsought_idx")
    op.execute("ALTER TABLE matching.offers DROP COLUMN needs_sought_at")
