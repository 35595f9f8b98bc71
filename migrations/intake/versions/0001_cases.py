"""Categories, attachments and cases, with the kernel's tables."""

from alembic import op

from shared.db.kernel_tables import create_kernel_tables, create_reference_tables
from shared.db.migrations import secure_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.categories (
    tenant_id varchar(32) NOT NULL, code varchar(40) NOT NULL, name_zh varchar(200) NOT NULL,
    name_en varchar(200) NOT NULL, kind varchar(20) NOT NULL, parent_code varchar(40),
    proof_required boolean NOT NULL, active boolean NOT NULL, version integer NOT NULL,
    CONSTRAINT categories_pkey PRIMARY KEY (tenant_id, code),
    CONSTRAINT categories_tenant_id_parent_code_fkey FOREIGN KEY (tenant_id, parent_code)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT categories_kind_check CHECK (kind IN ('request', 'micro_wish', 'hazard', 'dispute', 'suggestion',
        'consultation', 'enterprise_request')));
CREATE TABLE intake.cases (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, number varchar(20) NOT NULL, category varchar(40) NOT NULL,
    title varchar(200) NOT NULL, description text NOT NULL, area_id uuid NOT NULL, area_path ltree NOT NULL,
    latitude double precision, longitude double precision, place_text varchar(200), requester_id uuid NOT NULL,
    state varchar(12) NOT NULL, level varchar(8), outcome varchar(16), triage jsonb, unit_id uuid, claimed_by uuid,
    due_at timestamptz, filed_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, version integer NOT NULL,
    CONSTRAINT cases_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT cases_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT cases_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id) REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT cases_state_check CHECK (state IN ('filed', 'accepted', 'triaged', 'assigned', 'claimed', 'resolved',
        'reopened', 'closed')),
    CONSTRAINT cases_level_check CHECK (level IN ('grid', 'council', 'joint')),
    CONSTRAINT cases_outcome_check CHECK (outcome IN ('satisfied', 'not_satisfied')));
CREATE UNIQUE INDEX cases_number_key ON intake.cases (tenant_id, number);
CREATE INDEX cases_filed_idx ON intake.cases (tenant_id, filed_at DESC, id DESC);
CREATE INDEX cases_area_idx ON intake.cases USING gist (area_path);
CREATE INDEX cases_requester_idx ON intake.cases (tenant_id, requester_id, filed_at DESC, id DESC);
CREATE INDEX cases_unit_idx ON intake.cases (tenant_id, unit_id) WHERE unit_id IS NOT NULL;
CREATE INDEX cases_text_idx ON intake.cases USING gin (title gin_trgm_ops, description gin_trgm_ops);
CREATE TABLE intake.case_steps (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, position integer NOT NULL, step varchar(24) NOT NULL,
    from_state varchar(12), to_state varchar(12) NOT NULL, actor varchar(80) NOT NULL, note text,
    data jsonb NOT NULL, at timestamptz NOT NULL,
    CONSTRAINT case_steps_pkey PRIMARY KEY (tenant_id, case_id, position),
    CONSTRAINT case_steps_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE TABLE intake.case_joiners (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, person_id uuid NOT NULL, joined_at timestamptz NOT NULL,
    CONSTRAINT case_joiners_pkey PRIMARY KEY (tenant_id, case_id, person_id),
    CONSTRAINT case_joiners_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE INDEX case_joiners_person_idx ON intake.case_joiners (tenant_id, person_id);
CREATE TABLE intake.case_number_blocks (
    tenant_id varchar(32) NOT NULL, year integer NOT NULL, next_number integer NOT NULL,
    CONSTRAINT case_number_blocks_pkey PRIMARY KEY (tenant_id, year));
CREATE TABLE intake.attachments (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, media_type varchar(40) NOT NULL, sha256 bytea NOT NULL,
    size_bytes integer NOT NULL, content bytea NOT NULL, uploaded_by uuid NOT NULL, uploaded_at timestamptz NOT NULL,
    case_id uuid, purpose varchar(10),
    CONSTRAINT attachments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT attachments_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE INDEX attachments_case_idx ON intake.attachments (tenant_id, case_id) WHERE case_id IS NOT NULL"""


def upgrade() -> None:
    create_kernel_tables("intake")
    create_reference_tables("intake")
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("intake", "categories", "cases", "case_number_blocks", "attachments", "case_joiners")
    # History is only ever added to.
    secure_tables("intake", "case_steps", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP SCHEMA intake CASCADE")
    op.execute("CREATE SCHEMA intake")
