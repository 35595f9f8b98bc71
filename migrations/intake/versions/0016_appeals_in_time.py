"""Appeals are answered by a date, or somebody further up is told."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# What was appealed against before has as many days as five working days take. An owner that is no superuser sees no row
# of any tenant while row-level security is forced.
_UP = """
ALTER TABLE intake.appeals
    ADD COLUMN due_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN rung SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN next_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE intake.appeals NO FORCE ROW LEVEL SECURITY;
UPDATE intake.appeals SET due_at = made_at + interval '7 days',
    next_at = CASE WHEN state = 'open' THEN made_at + interval '7 days' END;
ALTER TABLE intake.appeals FORCE ROW LEVEL SECURITY;
ALTER TABLE intake.appeals
    ALTER COLUMN due_at SET NOT NULL,
    ADD CONSTRAINT appeals_next_check CHECK (state = 'open' OR next_at IS NULL);
CREATE INDEX appeals_next_idx ON intake.appeals (tenant_id, next_at, id) WHERE next_at IS NOT NULL
"""
_DOWN = """
DROP INDEX intake.appeals_next_idx;
ALTER TABLE intake.appeals
    DROP CONSTRAINT appeals_next_check,
    DROP COLUMN due_at, DROP COLUMN rung, DROP COLUMN next_at
"""


def upgrade() -> None:
    """Give every appeal its date."""
    for statement in _UP.split(";"):
        op.execute(statement)


def downgrade() -> None:
    """Let appeals wait without one."""
    for statement in _DOWN.split(";"):
        op.execute(statement)
