"""A lease stands still with the clock of its case, and a promised time that passes is written down."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What stands still when this runs keeps what is left by the clock on the wall, which is never less working time. An
# owner that is no superuser sees no row of any tenant while row-level security is forced.
_UP = """
ALTER TABLE intake.claims
    ADD COLUMN lease_left_s INTEGER,
    ADD COLUMN overdue_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT claims_lease_left_check CHECK (lease_left_s >= 0);
ALTER TABLE intake.claims NO FORCE ROW LEVEL SECURITY;
ALTER TABLE intake.cases NO FORCE ROW LEVEL SECURITY;
UPDATE intake.claims AS held SET lease_left_s = greatest(0, extract(epoch FROM held.lease_until - now())::integer)
    FROM intake.cases AS c
    WHERE c.tenant_id = held.tenant_id AND c.id = held.case_id AND held.state = 'active'
      AND c.paused_reason IS NOT NULL;
ALTER TABLE intake.claims FORCE ROW LEVEL SECURITY;
ALTER TABLE intake.cases FORCE ROW LEVEL SECURITY;
CREATE INDEX claims_due_idx ON intake.claims (tenant_id, due_at, id) WHERE state = 'active' AND overdue_at IS NULL
"""
_DOWN = """
DROP INDEX intake.claims_due_idx;
ALTER TABLE intake.claims DROP COLUMN lease_left_s, DROP COLUMN overdue_at
"""


def upgrade() -> None:
    """Let leases stand still."""
    for statement in _UP.split(";"):
        op.execute(statement)


def downgrade() -> None:
    """Let leases run whatever the clock does."""
    for statement in _DOWN.split(";"):
        op.execute(statement)
