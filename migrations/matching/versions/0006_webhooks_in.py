"""Partners push their offers: keys, an inbox with the fate of every line, a sandbox, and conformance runs."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE matching.partners ADD COLUMN webhooks_passed_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE matching.webhook_secrets (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    mode VARCHAR(8) NOT NULL,
    scheme VARCHAR(3) NOT NULL,
    sealed BYTEA NOT NULL,
    hint VARCHAR(8) NOT NULL,
    created_by VARCHAR(80) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_by VARCHAR(80),
    revoked_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_secrets_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT webhook_secrets_mode_check CHECK (mode IN ('live', 'sandbox')),
    CONSTRAINT webhook_secrets_scheme_check CHECK (scheme IN ('v1', 'v1a')),
    CONSTRAINT webhook_secrets_revoked_check CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX webhook_secrets_partner_idx ON matching.webhook_secrets (tenant_id, partner_id, created_at);
CREATE TABLE matching.webhook_policies (
    tenant_id VARCHAR(32) NOT NULL,
    requires_conformance BOOLEAN NOT NULL,
    changed_by VARCHAR(80) NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT webhook_policies_pkey PRIMARY KEY (tenant_id)
);
CREATE TABLE matching.webhook_deliveries (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    mode VARCHAR(8) NOT NULL,
    message_id VARCHAR(128) NOT NULL,
    secret_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    body BYTEA,
    state VARCHAR(8) NOT NULL,
    items INTEGER NOT NULL,
    next_item INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    outdated INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_deliveries_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT webhook_deliveries_mode_check CHECK (mode IN ('live', 'sandbox')),
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('received', 'working', 'done')),
    CONSTRAINT webhook_deliveries_next_item_check CHECK (next_item BETWEEN 0 AND items),
    CONSTRAINT webhook_deliveries_done_check CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE UNIQUE INDEX webhook_deliveries_message_key
    ON matching.webhook_deliveries (tenant_id, partner_id, mode, message_id);
CREATE INDEX webhook_deliveries_received_idx ON matching.webhook_deliveries (tenant_id, partner_id, received_at);
CREATE INDEX webhook_deliveries_old_idx ON matching.webhook_deliveries (tenant_id, received_at)
    WHERE body IS NOT NULL;
CREATE TABLE matching.webhook_lines (
    tenant_id VARCHAR(32) NOT NULL,
    delivery_id UUID NOT NULL,
    position INTEGER NOT NULL,
    action VARCHAR(8),
    external_id VARCHAR(100),
    external_version BIGINT,
    fate VARCHAR(9) NOT NULL,
    offer_id UUID,
    complaints JSONB NOT NULL,
    understood JSONB,
    CONSTRAINT webhook_lines_pkey PRIMARY KEY (tenant_id, delivery_id, position),
    CONSTRAINT webhook_lines_tenant_id_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id)
        REFERENCES matching.webhook_deliveries (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_lines_fate_check CHECK (fate IN ('created', 'updated', 'unchanged', 'outdated', 'refused'))
);
CREATE TABLE matching.webhook_sandbox_offers (
    tenant_id VARCHAR(32) NOT NULL,
    partner_id UUID NOT NULL,
    external_id VARCHAR(100) NOT NULL,
    external_version BIGINT NOT NULL,
    content JSONB NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT webhook_sandbox_offers_pkey PRIMARY KEY (tenant_id, partner_id, external_id),
    CONSTRAINT webhook_sandbox_offers_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id)
);
CREATE TABLE matching.conformance_runs (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    state VARCHAR(8) NOT NULL,
    started_by VARCHAR(80) NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    passed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT conformance_runs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT conformance_runs_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT conformance_runs_state_check CHECK (state IN ('running', 'passed', 'replaced')),
    CONSTRAINT conformance_runs_passed_check CHECK ((state = 'passed') = (passed_at IS NOT NULL))
);
CREATE INDEX conformance_runs_partner_idx ON matching.conformance_runs (tenant_id, partner_id, started_at);
CREATE TABLE matching.conformance_steps (
    tenant_id VARCHAR(32) NOT NULL,
    run_id UUID NOT NULL,
    step VARCHAR(16) NOT NULL,
    message_id VARCHAR(40) NOT NULL,
    state VARCHAR(6) NOT NULL,
    reason VARCHAR(20),
    tries INTEGER NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT conformance_steps_pkey PRIMARY KEY (tenant_id, run_id, step),
    CONSTRAINT conformance_steps_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id)
        REFERENCES matching.conformance_runs (tenant_id, id),
    CONSTRAINT conformance_steps_step_check CHECK (
        step IN ('valid_signature', 'rotated_secret', 'repeated_id', 'old_version', 'bad_line', 'oversized',
                 'stale_timestamp', 'wrong_signature')),
    CONSTRAINT conformance_steps_state_check CHECK (state IN ('open', 'passed', 'failed'))
);
CREATE UNIQUE INDEX conformance_steps_message_key ON matching.conformance_steps (tenant_id, message_id)"""

_TABLES = (
    "webhook_secrets",
    "webhook_policies",
    "webhook_deliveries",
    "webhook_lines",
    "webhook_sandbox_offers",
    "conformance_runs",
    "conformance_steps",
)


def upgrade() -> None:
    for statement in _UP.split(";"):
        op.execute(statement)
    secure_tables("matching", *_TABLES)
    # A schedule asks whose deliveries there are, and nothing else of them.
    op.execute(f"CREATE POLICY relay ON matching.webhook_deliveries FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON matching.webhook_deliveries TO {RELAY_ROLE}")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT (tenant_id) ON matching.webhook_deliveries FROM {RELAY_ROLE}")
    for table in reversed(_TABLES):
        op.execute(f"DROP TABLE matching.{table}")
    op.execute("ALTER TABLE matching.partners DROP COLUMN webhooks_passed_at")
