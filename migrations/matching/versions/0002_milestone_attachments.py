"""A milestone's proof may be photos and papers, not only words."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE matching.milestones ADD COLUMN attachment_ids uuid[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE matching.milestones ALTER COLUMN attachment_ids DROP DEFAULT")


def downgrade() -> None:
    op.execute("ALTER TABLE matching.milestones DROP COLUMN attachment_ids")
