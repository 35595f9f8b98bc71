"""Endpoints of partners with their keys, what they are told, and every attempt to tell it."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE matching.webhook_endpoints (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, partner_id uuid NOT NULL,
    url varchar(2000) NOT NULL, description varchar(200), event_types varchar(80)[] NOT NULL,
    state varchar(8) NOT NULL, reason varchar(8), note text,
    failing_since timestamptz, last_failed_at timestamptz, last_succeeded_at timestamptz,
    created_by varchar(80) NOT NULL, created_at timestamptz NOT NULL, version integer NOT NULL,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_endpoints_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT webhook_endpoints_state_check CHECK (state IN ('enabled', 'disabled')),
    CONSTRAINT webhook_endpoints_reason_check
        CHECK (reason IN ('partner', 'officer', 'gone', 'failing') AND state = 'disabled'
               OR reason IS NULL AND state = 'enabled'),
    CONSTRAINT webhook_endpoints_event_types_check CHECK (cardinality(event_types) > 0));
CREATE INDEX webhook_endpoints_partner_idx ON matching.webhook_endpoints (tenant_id, partner_id, id);
CREATE TABLE matching.endpoint_keys (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, endpoint_id uuid NOT NULL,
    secret bytea NOT NULL, private_key bytea NOT NULL, public_key varchar(60) NOT NULL,
    created_at timestamptz NOT NULL, expires_at timestamptz,
    CONSTRAINT endpoint_keys_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT endpoint_keys_tenant_id_endpoint_id_fkey FOREIGN KEY (tenant_id, endpoint_id)
        REFERENCES matching.webhook_endpoints (tenant_id, id));
CREATE INDEX endpoint_keys_endpoint_idx ON matching.endpoint_keys (tenant_id, endpoint_id, id);
CREATE UNIQUE INDEX endpoint_keys_current_key ON matching.endpoint_keys (tenant_id, endpoint_id)
    WHERE expires_at IS NULL;
CREATE TABLE matching.outgoing_events (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, type varchar(80) NOT NULL, partner_ids uuid[] NOT NULL,
    body text NOT NULL, occurred_at timestamptz NOT NULL,
    CONSTRAINT outgoing_events_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX outgoing_events_occurred_idx ON matching.outgoing_events (tenant_id, occurred_at, id);
CREATE TABLE matching.outgoing_deliveries (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, event_id uuid NOT NULL, endpoint_id uuid NOT NULL,
    state varchar(9) NOT NULL, reason varchar(9), tries integer NOT NULL,
    began_at timestamptz NOT NULL, next_at timestamptz NOT NULL, lease_id uuid, leased_until timestamptz,
    created_at timestamptz NOT NULL, finished_at timestamptz, version integer NOT NULL,
    CONSTRAINT outgoing_deliveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outgoing_deliveries_tenant_id_event_id_endpoint_id_key UNIQUE (tenant_id, event_id, endpoint_id),
    CONSTRAINT outgoing_deliveries_tenant_id_event_id_fkey FOREIGN KEY (tenant_id, event_id)
        REFERENCES matching.outgoing_events (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT outgoing_deliveries_tenant_id_endpoint_id_fkey FOREIGN KEY (tenant_id, endpoint_id)
        REFERENCES matching.webhook_endpoints (tenant_id, id),
    CONSTRAINT outgoing_deliveries_state_check CHECK (state IN ('due', 'delivered', 'failed', 'dropped')),
    CONSTRAINT outgoing_deliveries_reason_check
        CHECK (reason IN ('disabled', 'suspended') AND state = 'dropped' OR reason IS NULL AND state <> 'dropped'),
    CONSTRAINT outgoing_deliveries_finished_check CHECK ((state = 'due') = (finished_at IS NULL)),
    CONSTRAINT outgoing_deliveries_lease_check CHECK ((lease_id IS NULL) = (leased_until IS NULL)));
CREATE INDEX outgoing_deliveries_due_idx ON matching.outgoing_deliveries (tenant_id, endpoint_id, next_at, id)
    WHERE state = 'due';
CREATE INDEX outgoing_deliveries_endpoint_idx ON matching.outgoing_deliveries (tenant_id, endpoint_id, id);
CREATE TABLE matching.outgoing_attempts (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, delivery_id uuid NOT NULL, endpoint_id uuid NOT NULL,
    number integer NOT NULL, at timestamptz NOT NULL, duration_ms integer NOT NULL,
    status integer, error varchar(16), answer text,
    CONSTRAINT outgoing_attempts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outgoing_attempts_tenant_id_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id)
        REFERENCES matching.outgoing_deliveries (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT outgoing_attempts_outcome_check CHECK ((status IS NULL) = (error IS NOT NULL)));
CREATE INDEX outgoing_attempts_delivery_idx ON matching.outgoing_attempts (tenant_id, delivery_id, id);
CREATE INDEX outgoing_attempts_endpoint_idx ON matching.outgoing_attempts (tenant_id, endpoint_id, id)"""

_TABLE_NAMES = ("outgoing_attempts", "outgoing_deliveries", "outgoing_events", "endpoint_keys", "webhook_endpoints")


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("matching", "webhook_endpoints", grants="SELECT, INSERT, UPDATE")
    secure_tables("matching", "endpoint_keys", "outgoing_deliveries")
    # What was told and tried is only ever forgotten as a whole.
    secure_tables("matching", "outgoing_events", "outgoing_attempts", grants="SELECT, INSERT, DELETE")
    op.execute(f"CREATE POLICY relay ON matching.webhook_endpoints FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON matching.webhook_endpoints TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in _TABLE_NAMES:
        op.execute(f"DROP TABLE matching.{table}")
