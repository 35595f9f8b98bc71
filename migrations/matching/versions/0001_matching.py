"""Partners, offers, needs, matches and projects, with the kernel's tables."""

from alembic import op

from shared.db.kernel_tables import create_kernel_tables, create_reference_tables
from shared.db.migrations import secure_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE matching.cases (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    category VARCHAR(40) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    state VARCHAR(12) NOT NULL,
    unit_id UUID,
    CONSTRAINT cases_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE matching.project_numbers (
    tenant_id VARCHAR(32) NOT NULL,
    year INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    CONSTRAINT project_numbers_pkey PRIMARY KEY (tenant_id, year)
);
CREATE TABLE matching.needs (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID,
    category VARCHAR(40) NOT NULL,
    summary VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    quantity INTEGER NOT NULL,
    urgent BOOLEAN NOT NULL,
    state VARCHAR(10) NOT NULL,
    no_match_reason VARCHAR(40),
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT needs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT needs_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id) REFERENCES matching.cases (tenant_id, id),
    CONSTRAINT needs_state_check CHECK (state IN ('open', 'matched', 'met', 'withdrawn')),
    CONSTRAINT needs_quantity_check CHECK (quantity > 0)
);
CREATE INDEX needs_area_idx ON matching.needs USING gist (area_path);
CREATE INDEX needs_opened_idx ON matching.needs (tenant_id, opened_at DESC, id DESC);
CREATE TABLE matching.partners (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    unit_id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL,
    area_id UUID NOT NULL,
    coverage LTREE NOT NULL,
    state VARCHAR(10) NOT NULL,
    note TEXT,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT partners_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT partners_tenant_id_unit_id_fkey FOREIGN KEY(tenant_id, unit_id)
        REFERENCES matching.units (tenant_id, id),
    CONSTRAINT partners_kind_check CHECK (
        kind IN ('property', 'business', 'association', 'department', 'volunteer_team', 'state_enterprise',
                 'resident')),
    CONSTRAINT partners_state_check CHECK (state IN ('applied', 'vetted', 'suspended'))
);
CREATE UNIQUE INDEX partners_unit_key ON matching.partners (tenant_id, unit_id);
CREATE TABLE matching.projects (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    case_id UUID,
    lead_unit_id UUID,
    state VARCHAR(10) NOT NULL,
    budget_state VARCHAR(10) NOT NULL,
    total_fen BIGINT NOT NULL,
    own_fen BIGINT NOT NULL,
    granted_fen BIGINT NOT NULL,
    paid_fen BIGINT NOT NULL,
    request_id UUID,
    grant_id UUID,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    completed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT projects_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES matching.cases (tenant_id, id),
    CONSTRAINT projects_state_check CHECK (state IN ('running', 'completed', 'cancelled')),
    CONSTRAINT projects_budget_state_check CHECK (budget_state IN ('none', 'requested', 'approved', 'refused')),
    CONSTRAINT projects_budget_check CHECK (
        own_fen <= total_fen AND own_fen >= 0 AND granted_fen >= 0 AND paid_fen >= 0)
);
CREATE INDEX projects_area_idx ON matching.projects USING gist (area_path);
CREATE INDEX projects_case_idx ON matching.projects (tenant_id, case_id) WHERE case_id IS NOT NULL;
CREATE UNIQUE INDEX projects_number_key ON matching.projects (tenant_id, number);
CREATE INDEX projects_opened_idx ON matching.projects (tenant_id, opened_at DESC, id DESC);
CREATE TABLE matching.milestones (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    position INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    due_on DATE,
    reached_at TIMESTAMP WITH TIME ZONE,
    proof TEXT,
    CONSTRAINT milestones_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT milestones_tenant_id_project_id_fkey FOREIGN KEY(tenant_id, project_id)
        REFERENCES matching.projects (tenant_id, id)
);
CREATE UNIQUE INDEX milestones_project_idx ON matching.milestones (tenant_id, project_id, position);
CREATE TABLE matching.offers (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    kind VARCHAR(10) NOT NULL,
    category VARCHAR(40) NOT NULL,
    title VARCHAR(200) NOT NULL,
    description TEXT NOT NULL,
    area_id UUID NOT NULL,
    coverage LTREE NOT NULL,
    quantity INTEGER NOT NULL,
    held INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    price_fen BIGINT,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    active BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT offers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT offers_tenant_id_partner_id_fkey FOREIGN KEY(tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT offers_kind_check CHECK (kind IN ('venue', 'service', 'people', 'goods', 'discount', 'money')),
    CONSTRAINT offers_not_oversold_check CHECK (held >= 0 AND committed >= 0 AND held + committed <= quantity),
    CONSTRAINT offers_price_check CHECK (price_fen >= 0),
    CONSTRAINT offers_validity_check CHECK (valid_until > valid_from)
);
CREATE INDEX offers_area_idx ON matching.offers USING gist (coverage);
CREATE INDEX offers_category_idx ON matching.offers (tenant_id, category) WHERE active;
CREATE TABLE matching.project_steps (
    tenant_id VARCHAR(32) NOT NULL,
    project_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(24) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT project_steps_pkey PRIMARY KEY (tenant_id, project_id, position),
    CONSTRAINT project_steps_tenant_id_project_id_fkey FOREIGN KEY(tenant_id, project_id)
        REFERENCES matching.projects (tenant_id, id)
);
CREATE TABLE matching.project_units (
    tenant_id VARCHAR(32) NOT NULL,
    project_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    CONSTRAINT project_units_pkey PRIMARY KEY (tenant_id, project_id, unit_id),
    CONSTRAINT project_units_tenant_id_project_id_fkey FOREIGN KEY(tenant_id, project_id)
        REFERENCES matching.projects (tenant_id, id),
    CONSTRAINT project_units_tenant_id_unit_id_fkey FOREIGN KEY(tenant_id, unit_id)
        REFERENCES matching.units (tenant_id, id)
);
CREATE TABLE matching.matches (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    need_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    score INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    state VARCHAR(10) NOT NULL,
    explanation JSONB NOT NULL,
    reason TEXT,
    project_id UUID,
    computed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT matches_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT matches_tenant_id_need_id_fkey FOREIGN KEY(tenant_id, need_id) REFERENCES matching.needs (tenant_id, id),
    CONSTRAINT matches_tenant_id_offer_id_fkey FOREIGN KEY(tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT matches_state_check CHECK (state IN ('proposed', 'accepted', 'refused'))
);
CREATE UNIQUE INDEX matches_pair_key ON matching.matches (tenant_id, need_id, offer_id);
CREATE TABLE matching.project_needs (
    tenant_id VARCHAR(32) NOT NULL,
    project_id UUID NOT NULL,
    need_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    CONSTRAINT project_needs_pkey PRIMARY KEY (tenant_id, project_id, need_id, offer_id),
    CONSTRAINT project_needs_tenant_id_project_id_fkey FOREIGN KEY(tenant_id, project_id)
        REFERENCES matching.projects (tenant_id, id),
    CONSTRAINT project_needs_tenant_id_need_id_fkey FOREIGN KEY(tenant_id, need_id)
        REFERENCES matching.needs (tenant_id, id),
    CONSTRAINT project_needs_tenant_id_offer_id_fkey FOREIGN KEY(tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id)
)"""


def upgrade() -> None:
    create_kernel_tables("matching")
    create_reference_tables("matching")
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables(
        "matching",
        "cases",
        "project_numbers",
        "needs",
        "partners",
        "projects",
        "milestones",
        "offers",
        "project_units",
        "matches",
        "project_needs",
    )
    # History is only ever added to.
    secure_tables("matching", "project_steps", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP SCHEMA matching CASCADE")
    op.execute("CREATE SCHEMA matching")
