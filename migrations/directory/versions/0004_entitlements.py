"""Entitlements: kinds, who holds which, their history, and who has asked."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE directory.entitlement_kinds (
    tenant_id varchar(32) NOT NULL, code varchar(40) NOT NULL, name_zh varchar(200) NOT NULL,
    name_en varchar(200) NOT NULL, longest_days integer NOT NULL, active boolean NOT NULL, version integer NOT NULL,
    CONSTRAINT entitlement_kinds_pkey PRIMARY KEY (tenant_id, code),
    CONSTRAINT entitlement_kinds_longest_check CHECK (longest_days > 0));
CREATE TABLE directory.entitlements (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, person_id uuid NOT NULL, area_path ltree NOT NULL,
    kind varchar(40) NOT NULL, starts_on date NOT NULL, ends_on date NOT NULL, evidence bytea NOT NULL,
    granted_by varchar(80) NOT NULL, granted_at timestamptz NOT NULL, revoked_at timestamptz,
    digest bytea NOT NULL, version integer NOT NULL,
    CONSTRAINT entitlements_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT entitlements_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id),
    CONSTRAINT entitlements_tenant_id_kind_fkey FOREIGN KEY (tenant_id, kind)
        REFERENCES directory.entitlement_kinds (tenant_id, code),
    CONSTRAINT entitlements_period_check CHECK (ends_on >= starts_on));
CREATE INDEX entitlements_person_idx ON directory.entitlements (tenant_id, person_id, kind);
CREATE INDEX entitlements_ends_idx ON directory.entitlements (tenant_id, ends_on, id);
CREATE INDEX entitlements_area_path_idx ON directory.entitlements USING gist (area_path);
CREATE TABLE directory.entitlement_steps (
    tenant_id varchar(32) NOT NULL, entitlement_id uuid NOT NULL, position integer NOT NULL,
    step varchar(8) NOT NULL, actor varchar(80) NOT NULL, ends_on date NOT NULL, reason bytea,
    at timestamptz NOT NULL,
    CONSTRAINT entitlement_steps_pkey PRIMARY KEY (tenant_id, entitlement_id, position),
    CONSTRAINT entitlement_steps_tenant_id_entitlement_id_fkey FOREIGN KEY (tenant_id, entitlement_id)
        REFERENCES directory.entitlements (tenant_id, id));
CREATE TABLE directory.entitlement_questions (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, person_id uuid NOT NULL, kinds varchar(40)[] NOT NULL,
    used_on date NOT NULL, purpose varchar(200) NOT NULL, asked_by varchar(80) NOT NULL, entitled boolean NOT NULL,
    asked_at timestamptz NOT NULL,
    CONSTRAINT entitlement_questions_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX entitlement_questions_person_idx
    ON directory.entitlement_questions (tenant_id, person_id, asked_at, id)"""

_TABLE_NAMES = ("entitlement_questions", "entitlement_steps", "entitlements", "entitlement_kinds")


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("directory", "entitlement_kinds", "entitlements", grants="SELECT, INSERT, UPDATE")
    # What was done and who has asked is only ever added to.
    secure_tables("directory", "entitlement_steps", "entitlement_questions", grants="SELECT, INSERT")


def downgrade() -> None:
    for table in _TABLE_NAMES:
        op.execute(f"DROP TABLE directory.{table}")
