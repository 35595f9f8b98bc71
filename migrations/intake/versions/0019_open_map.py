"""The map of what is open has an index of its own, which does not grow with what is closed."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let open cases be found by where they are."""
    op.execute(
        "CREATE INDEX cases_open_point_idx ON intake.cases USING gist (point(longitude, latitude))"
        " WHERE latitude IS NOT NULL AND closed_at IS NULL"
    )


def downgrade() -> None:
    """Let the map do with the index over all cases."""
    op.execute("DROP INDEX intake.cases_open_point_idx")
