"""What phones hold offline: which transaction last changed a row, and which of their operations are done.

Rows that are there already get the oldest transaction id: no cursor is older than this migration, and a constant
rewrites no table.
"""

import secrets

from alembic import op

from shared.db.migrations import secure_tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TOUCHED = ("categories", "areas", "units")
_FUNCTION = """
CREATE OR REPLACE FUNCTION intake.touch_changed_xid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END $$"""
_STEPS = """
ALTER TABLE intake.case_steps ADD COLUMN xid XID8 NOT NULL DEFAULT '3';
ALTER TABLE intake.case_steps ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
CREATE INDEX case_steps_xid_idx ON intake.case_steps (tenant_id, xid);
CREATE INDEX case_steps_closed_idx ON intake.case_steps (tenant_id, at) WHERE to_state = 'closed'"""
_TOUCH = """
ALTER TABLE intake.{table} ADD COLUMN changed_xid XID8 NOT NULL DEFAULT '3';
ALTER TABLE intake.{table} ALTER COLUMN changed_xid SET DEFAULT pg_current_xact_id();
CREATE INDEX {table}_changed_idx ON intake.{table} (tenant_id, changed_xid);
CREATE TRIGGER touch_changed_xid BEFORE INSERT OR UPDATE ON intake.{table}
    FOR EACH ROW EXECUTE FUNCTION intake.touch_changed_xid()"""
_OPERATIONS = """
CREATE TABLE intake.sync_operations (
    tenant_id VARCHAR(32) NOT NULL,
    op_id UUID NOT NULL,
    actor VARCHAR(80) NOT NULL,
    fingerprint BYTEA NOT NULL,
    entity VARCHAR(40) NOT NULL,
    object_id UUID NOT NULL,
    action VARCHAR(40) NOT NULL,
    base_version INTEGER,
    version INTEGER NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sync_operations_pkey PRIMARY KEY (tenant_id, op_id)
)"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    for script in (_STEPS, *(_TOUCH.format(table=table) for table in _TOUCHED), _OPERATIONS):
        for statement in script.split(";"):
            op.execute(statement)
    secure_tables("intake", "sync_operations", grants="SELECT, INSERT")
    # The one row that is no tenant's: where this database's counting of transactions began, by a random name. Whoever
    # puts an older state of the disks back says so with `SELECT nextval('intake.sync_epoch')`.
    op.execute(f"CREATE SEQUENCE intake.sync_epoch AS bigint START WITH {secrets.randbelow(2**62) + 1}")
    op.execute("GRANT SELECT ON SEQUENCE intake.sync_epoch TO linli_intake")


def downgrade() -> None:
    op.execute("DROP TABLE intake.sync_operations")
    op.execute("DROP SEQUENCE intake.sync_epoch")
    for table in _TOUCHED:
        op.execute(f"DROP TRIGGER touch_changed_xid ON intake.{table}")
        op.execute(f"ALTER TABLE intake.{table} DROP COLUMN changed_xid")
    op.execute("ALTER TABLE intake.case_steps DROP COLUMN xid")
    op.execute("DROP INDEX intake.case_steps_closed_idx")
    op.execute("DROP FUNCTION intake.touch_changed_xid()")
