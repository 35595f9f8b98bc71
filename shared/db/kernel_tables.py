"""The DDL of the kernel's tables, for the first migration of each service.

A migration that has run anywhere is never changed: a new form of these tables gets a new function with a new version in
its name, and a new migration in every service.
"""

from typing import Final

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

__all__ = ["create_inbox_decisions", "create_kernel_tables", "create_reference_tables", "drop_inbox_decisions"]

_OUTBOX: Final = """
CREATE TABLE {s}.outbox (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, consumer varchar(32) NOT NULL,
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    subject varchar(80) NOT NULL, sequence bigint NOT NULL, body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), attempts integer NOT NULL DEFAULT 0,
    published_at timestamptz, acked_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id, consumer));
CREATE INDEX outbox_unpublished_idx ON {s}.outbox (consumer, position) WHERE published_at IS NULL;
CREATE INDEX outbox_unacked_idx ON {s}.outbox (consumer, published_at)
    WHERE published_at IS NOT NULL AND acked_at IS NULL;
CREATE INDEX outbox_acked_idx ON {s}.outbox (acked_at) WHERE acked_at IS NOT NULL;
CREATE TABLE {s}.outbox_subjects (
    tenant_id varchar(32) NOT NULL, subject varchar(80) NOT NULL, consumer varchar(32) NOT NULL,
    last_sequence bigint NOT NULL,
    CONSTRAINT outbox_subjects_pkey PRIMARY KEY (tenant_id, subject, consumer))"""

_INBOX: Final = """
CREATE TABLE {s}.inbox (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, type varchar(80) NOT NULL, subject varchar(80) NOT NULL,
    sequence bigint NOT NULL, state varchar(8) NOT NULL, body text, attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz, error text, received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_at timestamptz,
    CONSTRAINT inbox_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT inbox_state_check CHECK (state IN ('applied', 'waiting', 'failed', 'dead')));
CREATE INDEX inbox_held_idx ON {s}.inbox (tenant_id, subject, sequence)
    WHERE state IN ('waiting', 'failed', 'dead');
CREATE INDEX inbox_due_idx ON {s}.inbox (next_attempt_at) WHERE state = 'failed';
CREATE INDEX inbox_applied_idx ON {s}.inbox (applied_at) WHERE state = 'applied';
CREATE TABLE {s}.inbox_subjects (
    tenant_id varchar(32) NOT NULL, subject varchar(80) NOT NULL, last_sequence bigint NOT NULL,
    CONSTRAINT inbox_subjects_pkey PRIMARY KEY (tenant_id, subject))"""

_REQUESTS: Final = """
CREATE TABLE {s}.idempotency_keys (
    tenant_id varchar(32) NOT NULL, actor varchar(80) NOT NULL, key varchar(128) NOT NULL,
    fingerprint bytea NOT NULL, status integer NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, actor, key));
CREATE INDEX idempotency_keys_created_at_idx ON {s}.idempotency_keys (created_at);
CREATE TABLE {s}.schedule_runs (
    tenant_id varchar(32) NOT NULL, name varchar(80) NOT NULL, occurrence timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(), finished_at timestamptz,
    CONSTRAINT schedule_runs_pkey PRIMARY KEY (tenant_id, name, occurrence))"""

_REFERENCE: Final = """
CREATE TABLE {s}.areas (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, path ltree NOT NULL, kind varchar(20) NOT NULL,
    name varchar(200) NOT NULL, parent_id uuid, closed_on date,
    CONSTRAINT areas_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX areas_path_idx ON {s}.areas USING gist (path);
CREATE TABLE {s}.units (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, name varchar(200) NOT NULL, kind varchar(40) NOT NULL,
    area_id uuid NOT NULL, area_path ltree NOT NULL, active boolean NOT NULL,
    CONSTRAINT units_pkey PRIMARY KEY (tenant_id, id))"""

_DECISIONS: Final = """
CREATE TABLE {s}.inbox_decisions (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, event_id uuid NOT NULL, decision varchar(8) NOT NULL,
    reason text NOT NULL, actor varchar(80) NOT NULL, decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT inbox_decisions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT inbox_decisions_decision_check CHECK (decision IN ('requeue', 'skip')));
CREATE INDEX inbox_decisions_event_idx ON {s}.inbox_decisions (tenant_id, event_id)"""
_INBOX_STATES: Final = """
ALTER TABLE {s}.inbox DROP CONSTRAINT inbox_state_check;
ALTER TABLE {s}.inbox ADD CONSTRAINT inbox_state_check CHECK (state IN ({states}))"""

# What the relay does across tenants, and nothing else.
_RELAY_GRANTS: Final = {
    "outbox": "SELECT, UPDATE, DELETE",
    "inbox": "SELECT, DELETE",
    "idempotency_keys": "SELECT, DELETE",
    "schedule_runs": "SELECT, INSERT, UPDATE, DELETE",
}


def _execute_all(script: str, schema: str) -> None:
    for statement in script.format(s=schema).split(";"):
        op.execute(statement)


def create_kernel_tables(schema: str) -> None:
    """Create outbox, inbox, idempotency keys and schedule runs, version 1, with the relay's rights on them."""
    for script in (_OUTBOX, _INBOX, _REQUESTS):
        _execute_all(script, schema)
    secure_tables(schema, "outbox", "outbox_subjects", "inbox", "inbox_subjects", "idempotency_keys", "schedule_runs")
    for table, rights in _RELAY_GRANTS.items():
        op.execute(f"CREATE POLICY relay ON {schema}.{table} TO {RELAY_ROLE} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {schema}.{table} TO {RELAY_ROLE}")


def create_reference_tables(schema: str) -> None:
    """Create the copies of areas and units, version 1."""
    _execute_all(_REFERENCE, schema)
    secure_tables(schema, "areas", "units")


def create_inbox_decisions(schema: str) -> None:
    """Let people put dead events back or skip them, and keep what they decided: the log is only ever added to."""
    states = "'applied', 'waiting', 'failed', 'dead', 'skipped'"
    for statement in _INBOX_STATES.format(s=schema, states=states).split(";"):
        op.execute(statement)
    _execute_all(_DECISIONS, schema)
    secure_tables(schema, "inbox_decisions", grants="SELECT, INSERT")


def drop_inbox_decisions(schema: str) -> None:
    """Undo `create_inbox_decisions`; fails while an event is skipped, since its state would have no name."""
    op.execute(f"DROP TABLE {schema}.inbox_decisions")
    for statement in _INBOX_STATES.format(s=schema, states="'applied', 'waiting', 'failed', 'dead'").split(";"):
        op.execute(statement)
