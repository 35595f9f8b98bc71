"""A clock that stands still has a moment at which it runs again."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the next sweep look at every pause that lasts: it knows the calendar by which its end is counted."""
    # An owner that is no superuser sees no row of any tenant while row-level security is forced.
    op.execute("ALTER TABLE intake.clock_intervals NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE intake.clock_intervals SET next_at = now() WHERE NOT running AND ended_at IS NULL AND next_at IS NULL"
    )
    op.execute("ALTER TABLE intake.clock_intervals FORCE ROW LEVEL SECURITY")
    op.execute(
        "ALTER TABLE intake.clock_intervals ADD CONSTRAINT clock_intervals_standing_check"
        " CHECK (running OR ended_at IS NOT NULL OR next_at IS NOT NULL)"
    )


def downgrade() -> None:
    """Let pauses stand for ever again."""
    op.execute("ALTER TABLE intake.clock_intervals DROP CONSTRAINT clock_intervals_standing_check")
    op.execute("ALTER TABLE intake.clock_intervals NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE intake.clock_intervals SET next_at = NULL WHERE NOT running")
    op.execute("ALTER TABLE intake.clock_intervals FORCE ROW LEVEL SECURITY")
