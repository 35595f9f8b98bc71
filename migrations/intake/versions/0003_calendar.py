"""The tenant's calendar, every version of it: single days and working hours."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.calendar_versions (
    tenant_id VARCHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    set_by VARCHAR(80) NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT calendar_versions_pkey PRIMARY KEY (tenant_id, version)
);
CREATE TABLE intake.calendar_days (
    tenant_id VARCHAR(32) NOT NULL,
    day DATE NOT NULL,
    version INTEGER NOT NULL,
    kind VARCHAR(8) NOT NULL,
    name VARCHAR(200) NOT NULL,
    CONSTRAINT calendar_days_pkey PRIMARY KEY (tenant_id, day, version),
    CONSTRAINT calendar_days_tenant_id_version_fkey FOREIGN KEY (tenant_id, version)
        REFERENCES intake.calendar_versions (tenant_id, version),
    CONSTRAINT calendar_days_kind_check CHECK (kind IN ('workday', 'holiday', 'public'))
);
CREATE TABLE intake.calendar_hours (
    tenant_id VARCHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    weekday SMALLINT NOT NULL,
    opens TIME WITHOUT TIME ZONE NOT NULL,
    closes TIME WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT calendar_hours_pkey PRIMARY KEY (tenant_id, version, weekday, opens),
    CONSTRAINT calendar_hours_tenant_id_version_fkey FOREIGN KEY (tenant_id, version)
        REFERENCES intake.calendar_versions (tenant_id, version),
    CONSTRAINT calendar_hours_weekday_check CHECK (weekday BETWEEN 0 AND 6),
    CONSTRAINT calendar_hours_part_check CHECK (opens < closes)
)"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    # What a calendar said when a deadline was counted can always be read again.
    secure_tables("intake", "calendar_versions", "calendar_days", "calendar_hours", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE intake.calendar_hours, intake.calendar_days, intake.calendar_versions")
