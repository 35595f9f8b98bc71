"""A match holds an offer until its giver agrees too, unless the offer says that it always does."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE matching.offers ADD COLUMN self_confirming boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE matching.matches ADD COLUMN hold_id uuid")
    op.execute(
        "ALTER TABLE matching.matches ADD CONSTRAINT matches_tenant_id_hold_id_fkey"
        " FOREIGN KEY (tenant_id, hold_id) REFERENCES matching.offer_holds (tenant_id, id)"
    )
    op.execute(
        "CREATE INDEX matches_project_idx ON matching.matches (tenant_id, project_id) WHERE project_id IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX matching.matches_project_idx")
    op.execute("ALTER TABLE matching.matches DROP CONSTRAINT matches_tenant_id_hold_id_fkey")
    op.execute("ALTER TABLE matching.matches DROP COLUMN hold_id")
    op.execute("ALTER TABLE matching.offers DROP COLUMN self_confirming")
