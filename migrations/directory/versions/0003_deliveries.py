"""Devices, notification preferences, and deliveries as push or text message."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE directory.devices (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, person_id uuid NOT NULL, platform varchar(12) NOT NULL,
    client_id varchar(64) NOT NULL, language varchar(2) NOT NULL, token bytea NOT NULL, token_index bytea NOT NULL,
    created_at timestamptz NOT NULL, used_at timestamptz NOT NULL,
    CONSTRAINT devices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT devices_tenant_id_token_index_key UNIQUE (tenant_id, token_index),
    CONSTRAINT devices_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id),
    CONSTRAINT devices_platform_check CHECK (platform IN ('ios', 'android', 'harmony', 'web', 'mini_program')),
    CONSTRAINT devices_language_check CHECK (language IN ('zh', 'en')));
CREATE INDEX devices_person_idx ON directory.devices (tenant_id, person_id, used_at);
CREATE TABLE directory.notification_preferences (
    tenant_id varchar(32) NOT NULL, person_id uuid NOT NULL, push boolean NOT NULL, sms boolean NOT NULL,
    quiet_from time, quiet_to time, version integer NOT NULL, changed_at timestamptz NOT NULL,
    CONSTRAINT notification_preferences_pkey PRIMARY KEY (tenant_id, person_id),
    CONSTRAINT notification_preferences_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id),
    CONSTRAINT notification_preferences_quiet_check
        CHECK ((quiet_from IS NULL) = (quiet_to IS NULL) AND quiet_from <> quiet_to));
CREATE TABLE directory.told_reach (
    tenant_id varchar(32) NOT NULL, person_id uuid NOT NULL, push boolean NOT NULL, sms boolean NOT NULL,
    told_at timestamptz NOT NULL,
    CONSTRAINT told_reach_pkey PRIMARY KEY (tenant_id, person_id),
    CONSTRAINT told_reach_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id));
CREATE TABLE directory.deliveries (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, notification_id uuid NOT NULL, person_id uuid NOT NULL,
    channel varchar(4) NOT NULL, kind varchar(40) NOT NULL, case_id uuid,
    title_zh varchar NOT NULL, title_en varchar NOT NULL, urgent boolean NOT NULL,
    state varchar(8) NOT NULL, reason varchar(12), detail varchar(200), next_at timestamptz NOT NULL,
    tries integer NOT NULL, counted boolean NOT NULL, lease_id uuid, leased_until timestamptz,
    version integer NOT NULL, created_at timestamptz NOT NULL, finished_at timestamptz,
    CONSTRAINT deliveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT deliveries_tenant_id_notification_id_person_id_channel_key
        UNIQUE (tenant_id, notification_id, person_id, channel),
    CONSTRAINT deliveries_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id),
    CONSTRAINT deliveries_channel_check CHECK (channel IN ('push', 'sms')),
    CONSTRAINT deliveries_state_check CHECK (state IN ('due', 'sent', 'failed', 'dropped')),
    CONSTRAINT deliveries_reason_check
        CHECK (reason IN ('cap', 'unreachable', 'erased') AND state = 'dropped' OR reason IS NULL),
    CONSTRAINT deliveries_finished_check CHECK ((state = 'due') = (finished_at IS NULL)),
    CONSTRAINT deliveries_lease_check CHECK ((lease_id IS NULL) = (leased_until IS NULL)));
CREATE INDEX deliveries_due_idx ON directory.deliveries (tenant_id, channel, next_at) WHERE state = 'due';
CREATE INDEX deliveries_person_idx ON directory.deliveries (tenant_id, person_id, id);
CREATE INDEX deliveries_state_idx ON directory.deliveries (tenant_id, state, id);
CREATE TABLE directory.delivery_attempts (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, delivery_id uuid NOT NULL, device_id uuid,
    at timestamptz NOT NULL, ok boolean NOT NULL, detail varchar(200) NOT NULL, duration_ms integer NOT NULL,
    CONSTRAINT delivery_attempts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT delivery_attempts_tenant_id_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id)
        REFERENCES directory.deliveries (tenant_id, id));
CREATE INDEX delivery_attempts_delivery_idx ON directory.delivery_attempts (tenant_id, delivery_id, id);
CREATE TABLE directory.delivery_counts (
    tenant_id varchar(32) NOT NULL, person_id uuid NOT NULL, channel varchar(4) NOT NULL, day date NOT NULL,
    sent integer NOT NULL,
    CONSTRAINT delivery_counts_pkey PRIMARY KEY (tenant_id, person_id, channel, day));
CREATE TABLE directory.delivery_tenants (
    tenant_id varchar(32) NOT NULL,
    CONSTRAINT delivery_tenants_pkey PRIMARY KEY (tenant_id))"""

_TABLE_NAMES = (
    "delivery_tenants",
    "delivery_counts",
    "delivery_attempts",
    "deliveries",
    "told_reach",
    "notification_preferences",
    "devices",
)


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("directory", "devices", "delivery_counts")
    secure_tables("directory", "notification_preferences", "told_reach", "deliveries", grants="SELECT, INSERT, UPDATE")
    secure_tables("directory", "delivery_attempts", "delivery_tenants", grants="SELECT, INSERT")
    op.execute(f"CREATE POLICY relay ON directory.delivery_tenants FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON directory.delivery_tenants TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in _TABLE_NAMES:
        op.execute(f"DROP TABLE directory.{table}")
