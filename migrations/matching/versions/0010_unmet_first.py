"""The demand list shows first what nothing suits: how unmet a need is stands in its row, and the list goes by it."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE matching.needs ADD COLUMN unmet_rank smallint NOT NULL GENERATED ALWAYS AS ("
        "CASE WHEN state = 'open' AND no_match_reason IS NOT NULL THEN 4 WHEN state = 'open' THEN 3"
        " WHEN state = 'matched' THEN 2 WHEN state = 'met' THEN 1 ELSE 0 END) STORED"
    )
    op.execute("CREATE INDEX needs_unmet_idx ON matching.needs (tenant_id, unmet_rank DESC, opened_at DESC, id DESC)")
    op.execute("DROP INDEX matching.needs_opened_idx")


def downgrade() -> None:
    op.execute("CREATE INDEX needs_opened_idx ON matching.needs (tenant_id, opened_at DESC, id DESC)")
    op.execute("DROP INDEX matching.needs_unmet_idx")
    op.execute("ALTER TABLE matching.needs DROP COLUMN unmet_rank")
