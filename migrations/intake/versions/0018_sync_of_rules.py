"""Phones hold forms, checklists and rules too: which transaction has written each version."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TOUCHED = ("category_forms", "checklists", "handling_versions")
_TOUCH = """
ALTER TABLE intake.{table} ADD COLUMN changed_xid XID8 NOT NULL DEFAULT '3';
ALTER TABLE intake.{table} ALTER COLUMN changed_xid SET DEFAULT pg_current_xact_id();
CREATE INDEX {table}_changed_idx ON intake.{table} (tenant_id, changed_xid);
CREATE TRIGGER touch_changed_xid BEFORE INSERT OR UPDATE ON intake.{table}
    FOR EACH ROW EXECUTE FUNCTION intake.touch_changed_xid()"""


def upgrade() -> None:
    """Let every version name its transaction."""
    for table in _TOUCHED:
        for statement in _TOUCH.format(table=table).split(";"):
            op.execute(statement)


def downgrade() -> None:
    """Let phones go without them."""
    for table in _TOUCHED:
        op.execute(f"DROP TRIGGER touch_changed_xid ON intake.{table}")
        op.execute(f"ALTER TABLE intake.{table} DROP COLUMN changed_xid")
