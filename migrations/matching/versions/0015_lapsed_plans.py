"""Plans that nobody applied lapse, and their lines are deleted."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STATES = "ALTER TABLE matching.match_plans ADD CONSTRAINT match_plans_state_check CHECK (state IN ({}))"


def upgrade() -> None:
    """Let plans lapse, and remember which are still to be pruned."""
    op.execute("ALTER TABLE matching.match_plans DROP CONSTRAINT match_plans_state_check")
    op.execute(_STATES.format("'wanted', 'computed', 'applied', 'failed', 'lapsed'"))
    op.execute("GRANT DELETE ON matching.match_plan_offers TO linli_matching")
    op.execute("ALTER TABLE matching.match_plans ADD COLUMN pruned_at TIMESTAMP WITH TIME ZONE")
    op.execute(
        "CREATE INDEX match_plans_pruning_idx ON matching.match_plans (tenant_id, id)"
        " WHERE state = 'lapsed' AND pruned_at IS NULL"
    )


def downgrade() -> None:
    """Lapsed plans have no lines, as failed ones."""
    op.execute("ALTER TABLE matching.match_plans DROP CONSTRAINT match_plans_state_check")
    op.execute("UPDATE matching.match_plans SET state = 'failed' WHERE state = 'lapsed'")
    op.execute(_STATES.format("'wanted', 'computed', 'applied', 'failed'"))
    op.execute("ALTER TABLE matching.match_plans DROP COLUMN pruned_at")
    op.execute("REVOKE DELETE ON matching.match_plan_offers FROM linli_matching")
