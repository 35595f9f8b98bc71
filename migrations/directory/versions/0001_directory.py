"""Tenants, areas, units, people, roles, and everything that signing in needs."""

from typing import Final

from alembic import op

from shared.db.kernel_tables import create_kernel_tables
from shared.db.migrations import secure_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TENANTS: Final = """
CREATE TABLE directory.tenants (
    tenant_id varchar(32) NOT NULL, name_zh varchar(200) NOT NULL, name_en varchar(200) NOT NULL,
    time_zone varchar(64) NOT NULL, version integer NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id))"""

_AREAS: Final = """
CREATE TABLE directory.areas (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, parent_id uuid, code varchar(32) NOT NULL, path ltree NOT NULL,
    kind varchar(20) NOT NULL, name varchar(200) NOT NULL,
    no_property_owner boolean NOT NULL, no_management boolean NOT NULL, no_repair_fund boolean NOT NULL,
    households integer, population integer, latitude double precision, longitude double precision,
    boundary jsonb, west double precision, south double precision, east double precision, north double precision,
    opened_on date NOT NULL, closed_on date, successor_id uuid,
    digest bytea NOT NULL, version integer NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT areas_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT areas_tenant_id_path_key UNIQUE (tenant_id, path),
    CONSTRAINT areas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES directory.tenants (tenant_id),
    CONSTRAINT areas_tenant_id_parent_id_fkey FOREIGN KEY (tenant_id, parent_id)
        REFERENCES directory.areas (tenant_id, id),
    CONSTRAINT areas_tenant_id_successor_id_fkey FOREIGN KEY (tenant_id, successor_id)
        REFERENCES directory.areas (tenant_id, id),
    CONSTRAINT areas_days_check CHECK (closed_on IS NULL OR closed_on >= opened_on),
    CONSTRAINT areas_box_check CHECK ((west IS NULL) = (boundary IS NULL)));
CREATE INDEX areas_path_idx ON directory.areas USING gist (path);
CREATE INDEX areas_parent_idx ON directory.areas (tenant_id, parent_id);
CREATE UNIQUE INDEX areas_root_idx ON directory.areas (tenant_id) WHERE parent_id IS NULL;
CREATE INDEX areas_box_idx ON directory.areas (tenant_id, west, east) WHERE west IS NOT NULL"""

_UNITS: Final = """
CREATE TABLE directory.units (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, kind varchar(20) NOT NULL, name varchar(200) NOT NULL,
    area_id uuid NOT NULL, area_path ltree NOT NULL, contact_name varchar(200), contact_phone bytea,
    active boolean NOT NULL, digest bytea NOT NULL, version integer NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT units_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT units_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES directory.areas (tenant_id, id));
CREATE INDEX units_area_path_idx ON directory.units USING gist (area_path);
CREATE INDEX units_area_idx ON directory.units (tenant_id, area_id)"""

_PEOPLE: Final = """
CREATE TABLE directory.people (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, display_name varchar(200) NOT NULL, label varchar(200),
    area_id uuid NOT NULL, area_path ltree NOT NULL, phone bytea, phone_index bytea,
    username varchar(64), password_hash varchar(200),
    digest bytea NOT NULL, version integer NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT people_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT people_tenant_id_phone_index_key UNIQUE (tenant_id, phone_index),
    CONSTRAINT people_tenant_id_username_key UNIQUE (tenant_id, username),
    CONSTRAINT people_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES directory.areas (tenant_id, id),
    CONSTRAINT people_phone_check CHECK ((phone IS NULL) = (phone_index IS NULL)),
    CONSTRAINT people_password_check CHECK (password_hash IS NULL OR username IS NOT NULL));
CREATE INDEX people_area_path_idx ON directory.people USING gist (area_path);
CREATE INDEX people_area_idx ON directory.people (tenant_id, area_id);
CREATE TABLE directory.role_grants (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, person_id uuid NOT NULL, role varchar(20) NOT NULL,
    area_id uuid NOT NULL, area_path ltree NOT NULL, unit_id uuid,
    starts_at timestamptz NOT NULL, ends_at timestamptz,
    granted_by varchar(80) NOT NULL, ended_by varchar(80),
    digest bytea NOT NULL, version integer NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT role_grants_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_grants_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id),
    CONSTRAINT role_grants_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES directory.areas (tenant_id, id),
    CONSTRAINT role_grants_tenant_id_unit_id_fkey FOREIGN KEY (tenant_id, unit_id)
        REFERENCES directory.units (tenant_id, id),
    CONSTRAINT role_grants_period_check CHECK (ends_at IS NULL OR ends_at >= starts_at));
CREATE INDEX role_grants_person_idx ON directory.role_grants (tenant_id, person_id);
CREATE INDEX role_grants_area_path_idx ON directory.role_grants USING gist (area_path);
CREATE TABLE directory.disclosures (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, subject_kind varchar(20) NOT NULL, subject_id uuid NOT NULL,
    field varchar(40) NOT NULL, purpose varchar(200) NOT NULL, actor varchar(80) NOT NULL,
    disclosed_at timestamptz NOT NULL,
    CONSTRAINT disclosures_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX disclosures_subject_idx ON directory.disclosures (tenant_id, subject_id, id)"""

_SIGNIN: Final = """
CREATE TABLE directory.one_time_codes (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, phone_index bytea NOT NULL, code_hash bytea NOT NULL,
    attempts integer NOT NULL, created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    CONSTRAINT one_time_codes_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX one_time_codes_phone_idx ON directory.one_time_codes (tenant_id, phone_index, created_at);
CREATE INDEX one_time_codes_created_idx ON directory.one_time_codes (tenant_id, created_at);
CREATE TABLE directory.password_attempts (
    tenant_id varchar(32) NOT NULL, username_index bytea NOT NULL, failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT password_attempts_pkey PRIMARY KEY (tenant_id, username_index));
CREATE INDEX password_attempts_last_idx ON directory.password_attempts (tenant_id, last_at);
CREATE TABLE directory.sessions (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, person_id uuid NOT NULL, method varchar(20) NOT NULL,
    user_agent varchar(200) NOT NULL, created_at timestamptz NOT NULL, last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, revoked_at timestamptz, revoked_because varchar(40),
    CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT sessions_tenant_id_person_id_fkey FOREIGN KEY (tenant_id, person_id)
        REFERENCES directory.people (tenant_id, id));
CREATE INDEX sessions_person_idx ON directory.sessions (tenant_id, person_id, created_at);
CREATE TABLE directory.refresh_tokens (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, session_id uuid NOT NULL, token_hash bytea NOT NULL,
    issued_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, used_at timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refresh_tokens_tenant_id_token_hash_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT refresh_tokens_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id)
        REFERENCES directory.sessions (tenant_id, id) ON DELETE CASCADE);
CREATE INDEX refresh_tokens_session_idx ON directory.refresh_tokens (tenant_id, session_id, expires_at)"""

# What is never deleted is not granted to be: areas are closed, grants are ended, an audit is kept.
_KEPT: Final = ("tenants", "areas", "units", "people", "role_grants")
_PASSING: Final = ("one_time_codes", "password_attempts", "sessions", "refresh_tokens")


def upgrade() -> None:
    """Create everything."""
    create_kernel_tables("directory")
    for script in (_TENANTS, _AREAS, _UNITS, _PEOPLE, _SIGNIN):
        for statement in script.split(";"):
            op.execute(statement)
    secure_tables("directory", *_KEPT, grants="SELECT, INSERT, UPDATE")
    secure_tables("directory", "disclosures", grants="SELECT, INSERT")
    secure_tables("directory", *_PASSING)


def downgrade() -> None:
    """Drop everything but the schema and Alembic's own table."""
    tables = (*_PASSING, "disclosures", "role_grants", "people", "units", "areas", "tenants")
    kernel = ("outbox", "outbox_subjects", "inbox", "inbox_subjects", "idempotency_keys", "schedule_runs")
    for table in (*tables, *kernel):
        op.execute(f"DROP TABLE IF EXISTS directory.{table} CASCADE")
