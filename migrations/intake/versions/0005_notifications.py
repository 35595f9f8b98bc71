"""Notifications, what became of them, and who can be reached outside the inbox."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.notifications (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    case_id UUID,
    params JSONB NOT NULL,
    person_id UUID,
    unit_id UUID,
    role VARCHAR(20),
    area_path LTREE,
    urgent BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT notifications_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT notifications_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT notifications_audience_check CHECK (num_nonnulls(person_id, unit_id, role) = 1),
    CONSTRAINT notifications_place_check CHECK ((role IS NULL) = (area_path IS NULL))
);
CREATE INDEX notifications_case_idx ON intake.notifications (tenant_id, case_id, id)
    WHERE case_id IS NOT NULL;
CREATE INDEX notifications_person_idx ON intake.notifications (tenant_id, person_id, id)
    WHERE person_id IS NOT NULL;
CREATE INDEX notifications_role_idx ON intake.notifications (tenant_id, role, id)
    WHERE role IS NOT NULL;
CREATE INDEX notifications_unit_idx ON intake.notifications (tenant_id, unit_id, id)
    WHERE unit_id IS NOT NULL;
CREATE TABLE intake.notification_receipts (
    tenant_id VARCHAR(32) NOT NULL,
    notification_id UUID NOT NULL,
    person_id UUID NOT NULL,
    channel VARCHAR(8) NOT NULL,
    state VARCHAR(10) NOT NULL,
    detail VARCHAR(200),
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT notification_receipts_pkey PRIMARY KEY (tenant_id, notification_id, person_id, channel, state),
    CONSTRAINT notification_receipts_tenant_id_notification_id_fkey FOREIGN KEY(tenant_id, notification_id)
        REFERENCES intake.notifications (tenant_id, id),
    CONSTRAINT notification_receipts_channel_check CHECK (channel IN ('inbox', 'push', 'sms')),
    CONSTRAINT notification_receipts_state_check CHECK (state IN ('delivered', 'failed', 'read'))
);
CREATE TABLE intake.reachable (
    tenant_id VARCHAR(32) NOT NULL,
    person_id UUID NOT NULL,
    push BOOLEAN NOT NULL,
    sms BOOLEAN NOT NULL,
    CONSTRAINT reachable_pkey PRIMARY KEY (tenant_id, person_id)
)"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("intake", "reachable")
    secure_tables("intake", "notifications", "notification_receipts", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE intake.reachable, intake.notification_receipts, intake.notifications")
