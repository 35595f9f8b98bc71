"""Dead events can be put back or skipped, and who decided so is kept."""

from shared.db.kernel_tables import create_inbox_decisions, drop_inbox_decisions

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_inbox_decisions("matching")


def downgrade() -> None:
    drop_inbox_decisions("matching")
