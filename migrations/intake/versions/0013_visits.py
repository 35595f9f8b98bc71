"""Visits and what is found on them: plans, visits, checklists, inspections, hazards; attachments of what is no case."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.visit_plans (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR(12) NOT NULL,
    title VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE NOT NULL,
    every VARCHAR(8) NOT NULL,
    checklist_code VARCHAR(40),
    person_ids UUID[] NOT NULL,
    unit_ids UUID[] NOT NULL,
    state VARCHAR(10) NOT NULL,
    end_note TEXT,
    digest BYTEA NOT NULL,
    created_by VARCHAR(80) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    version INTEGER NOT NULL,
    changed_xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT visit_plans_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT visit_plans_tenant_id_area_id_fkey FOREIGN KEY(tenant_id, area_id)
        REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT visit_plans_kind_check CHECK (kind IN ('home', 'enterprise', 'inspection', 'errand')),
    CONSTRAINT visit_plans_every_check CHECK (every IN ('once', 'week', 'month', 'quarter')),
    CONSTRAINT visit_plans_state_check CHECK (state IN ('open', 'finished', 'cancelled')),
    CONSTRAINT visit_plans_period_check CHECK (last_on >= first_on)
);
CREATE INDEX visit_plans_area_idx ON intake.visit_plans USING gist (area_path);
CREATE INDEX visit_plans_changed_idx ON intake.visit_plans (tenant_id, changed_xid);
CREATE TABLE intake.visit_rounds (
    tenant_id VARCHAR(32) NOT NULL,
    plan_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE NOT NULL,
    CONSTRAINT visit_rounds_pkey PRIMARY KEY (tenant_id, plan_id, position),
    CONSTRAINT visit_rounds_tenant_id_plan_id_fkey FOREIGN KEY(tenant_id, plan_id)
        REFERENCES intake.visit_plans (tenant_id, id)
);
CREATE TABLE intake.visit_targets (
    tenant_id VARCHAR(32) NOT NULL,
    plan_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    households INTEGER NOT NULL,
    listed BOOLEAN NOT NULL,
    CONSTRAINT visit_targets_pkey PRIMARY KEY (tenant_id, plan_id, position),
    CONSTRAINT visit_targets_tenant_id_plan_id_fkey FOREIGN KEY(tenant_id, plan_id)
        REFERENCES intake.visit_plans (tenant_id, id),
    CONSTRAINT visit_targets_tenant_id_area_id_fkey FOREIGN KEY(tenant_id, area_id)
        REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT visit_targets_households_check CHECK (households > 0)
);
CREATE INDEX visit_targets_area_idx ON intake.visit_targets USING gist (area_path);
CREATE TABLE intake.visit_doors (
    tenant_id VARCHAR(32) NOT NULL,
    plan_id UUID NOT NULL,
    target SMALLINT NOT NULL,
    household_key BYTEA NOT NULL,
    place INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT visit_doors_pkey PRIMARY KEY (tenant_id, plan_id, target, household_key),
    CONSTRAINT visit_doors_tenant_id_plan_id_target_fkey FOREIGN KEY(tenant_id, plan_id, target)
        REFERENCES intake.visit_targets (tenant_id, plan_id, position)
);
CREATE TABLE intake.door_disclosures (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    plan_id UUID,
    visit_id UUID,
    area_path LTREE NOT NULL,
    purpose VARCHAR(200) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    disclosed_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT door_disclosures_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX door_disclosures_area_idx ON intake.door_disclosures USING gist (area_path);
CREATE TABLE intake.visits (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR(12) NOT NULL,
    plan_id UUID,
    round SMALLINT,
    target SMALLINT,
    on_plan BOOLEAN NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    unit_id UUID,
    household_key BYTEA,
    sealed_door BYTEA,
    door_hint VARCHAR(8),
    visitor_id UUID NOT NULL,
    recorded_by VARCHAR(80) NOT NULL,
    visited_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    reached BOOLEAN NOT NULL,
    note TEXT,
    state VARCHAR(10) NOT NULL,
    void_reason TEXT,
    digest BYTEA NOT NULL,
    version INTEGER NOT NULL,
    changed_xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT visits_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT visits_tenant_id_area_id_fkey FOREIGN KEY(tenant_id, area_id) REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT visits_tenant_id_plan_id_fkey FOREIGN KEY(tenant_id, plan_id)
        REFERENCES intake.visit_plans (tenant_id, id),
    CONSTRAINT visits_kind_check CHECK (kind IN ('home', 'enterprise', 'inspection', 'errand')),
    CONSTRAINT visits_state_check CHECK (state IN ('recorded', 'voided')),
    CONSTRAINT visits_plan_check CHECK ((plan_id IS NULL) = (round IS NULL) AND (plan_id IS NULL) = (target IS NULL)),
    CONSTRAINT visits_door_check CHECK ((sealed_door IS NULL) = (door_hint IS NULL))
);
CREATE INDEX visits_area_idx ON intake.visits USING gist (area_path);
CREATE INDEX visits_changed_idx ON intake.visits (tenant_id, changed_xid);
CREATE INDEX visits_plan_idx ON intake.visits (tenant_id, plan_id, round, target, household_key)
    WHERE plan_id IS NOT NULL;
CREATE INDEX visits_visitor_idx ON intake.visits (tenant_id, visitor_id, visited_at DESC);
CREATE INDEX visits_when_idx ON intake.visits (tenant_id, visited_at DESC, id DESC);
CREATE TABLE intake.visit_heard (
    tenant_id VARCHAR(32) NOT NULL,
    visit_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    category VARCHAR(40) NOT NULL,
    text TEXT NOT NULL,
    disposition VARCHAR(10) NOT NULL,
    answer TEXT,
    case_id UUID,
    CONSTRAINT visit_heard_pkey PRIMARY KEY (tenant_id, visit_id, position),
    CONSTRAINT visit_heard_tenant_id_visit_id_fkey FOREIGN KEY(tenant_id, visit_id)
        REFERENCES intake.visits (tenant_id, id),
    CONSTRAINT visit_heard_tenant_id_category_fkey FOREIGN KEY(tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT visit_heard_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT visit_heard_disposition_check CHECK (disposition IN ('case', 'noted', 'answered')),
    CONSTRAINT visit_heard_case_check CHECK ((disposition = 'case') = (case_id IS NOT NULL))
);
CREATE UNIQUE INDEX visit_heard_case_idx ON intake.visit_heard (tenant_id, case_id) WHERE case_id IS NOT NULL;
CREATE TABLE intake.visit_errands (
    tenant_id VARCHAR(32) NOT NULL,
    visit_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    what VARCHAR(200) NOT NULL,
    done BOOLEAN NOT NULL,
    CONSTRAINT visit_errands_pkey PRIMARY KEY (tenant_id, visit_id, position),
    CONSTRAINT visit_errands_tenant_id_visit_id_fkey FOREIGN KEY(tenant_id, visit_id)
        REFERENCES intake.visits (tenant_id, id)
);
CREATE TABLE intake.checklists (
    tenant_id VARCHAR(32) NOT NULL,
    code VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    name_zh VARCHAR(200) NOT NULL,
    name_en VARCHAR(200) NOT NULL,
    category VARCHAR(40) NOT NULL,
    items JSONB NOT NULL,
    published_by VARCHAR(80) NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT checklists_pkey PRIMARY KEY (tenant_id, code, version),
    CONSTRAINT checklists_tenant_id_category_fkey FOREIGN KEY(tenant_id, category)
        REFERENCES intake.categories (tenant_id, code)
);
CREATE TABLE intake.inspections (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    visit_id UUID NOT NULL,
    checklist_code VARCHAR(40) NOT NULL,
    checklist_version INTEGER NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    unit_id UUID,
    inspector_id UUID NOT NULL,
    recorded_by VARCHAR(80) NOT NULL,
    inspected_at TIMESTAMPTZ NOT NULL,
    results JSONB NOT NULL,
    failed SMALLINT NOT NULL,
    voided BOOLEAN NOT NULL,
    digest BYTEA NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    version INTEGER NOT NULL,
    changed_xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT inspections_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT inspections_tenant_id_visit_id_fkey FOREIGN KEY(tenant_id, visit_id)
        REFERENCES intake.visits (tenant_id, id),
    CONSTRAINT inspections_tenant_id_checklist_code_checklist_version_fkey
        FOREIGN KEY(tenant_id, checklist_code, checklist_version)
        REFERENCES intake.checklists (tenant_id, code, version)
);
CREATE INDEX inspections_area_idx ON intake.inspections USING gist (area_path);
CREATE INDEX inspections_changed_idx ON intake.inspections (tenant_id, changed_xid);
CREATE INDEX inspections_visit_idx ON intake.inspections (tenant_id, visit_id);
CREATE TABLE intake.hazards (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    visit_id UUID NOT NULL,
    inspection_id UUID,
    item_code VARCHAR(40),
    category VARCHAR(40) NOT NULL,
    severity VARCHAR(8) NOT NULL,
    description TEXT NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    place_text VARCHAR(200),
    unit_id UUID,
    state VARCHAR(10) NOT NULL,
    minutes INTEGER NOT NULL,
    found_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    overdue_at TIMESTAMPTZ,
    rectified_at TIMESTAMPTZ,
    rectified_by VARCHAR(80),
    late BOOLEAN NOT NULL,
    failures SMALLINT NOT NULL,
    case_id UUID,
    reporter_id UUID NOT NULL,
    reported_by VARCHAR(80) NOT NULL,
    reported_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    digest BYTEA NOT NULL,
    version INTEGER NOT NULL,
    changed_xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT hazards_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT hazards_tenant_id_visit_id_fkey FOREIGN KEY(tenant_id, visit_id)
        REFERENCES intake.visits (tenant_id, id),
    CONSTRAINT hazards_tenant_id_inspection_id_fkey FOREIGN KEY(tenant_id, inspection_id)
        REFERENCES intake.inspections (tenant_id, id),
    CONSTRAINT hazards_tenant_id_category_fkey FOREIGN KEY(tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT hazards_tenant_id_area_id_fkey FOREIGN KEY(tenant_id, area_id) REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT hazards_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id) REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT hazards_severity_check CHECK (severity IN ('general', 'major')),
    CONSTRAINT hazards_state_check CHECK (state IN ('noticed', 'rectified', 'closed', 'withdrawn')),
    CONSTRAINT hazards_ended_check CHECK ((state = 'closed' OR state = 'withdrawn') = (ended_at IS NOT NULL))
);
CREATE INDEX hazards_area_idx ON intake.hazards USING gist (area_path);
CREATE UNIQUE INDEX hazards_case_idx ON intake.hazards (tenant_id, case_id) WHERE case_id IS NOT NULL;
CREATE INDEX hazards_changed_idx ON intake.hazards (tenant_id, changed_xid);
CREATE INDEX hazards_due_idx ON intake.hazards (tenant_id, due_at, id) WHERE state = 'noticed' AND overdue_at IS NULL;
CREATE INDEX hazards_found_idx ON intake.hazards (tenant_id, found_at DESC, id DESC);
CREATE INDEX hazards_inspection_idx ON intake.hazards (tenant_id, inspection_id);
CREATE INDEX hazards_unit_idx ON intake.hazards (tenant_id, unit_id) WHERE unit_id IS NOT NULL;
CREATE INDEX hazards_visit_idx ON intake.hazards (tenant_id, visit_id);
CREATE TABLE intake.hazard_steps (
    tenant_id VARCHAR(32) NOT NULL,
    hazard_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(12) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    note TEXT,
    data JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT hazard_steps_pkey PRIMARY KEY (tenant_id, hazard_id, position),
    CONSTRAINT hazard_steps_tenant_id_hazard_id_fkey FOREIGN KEY(tenant_id, hazard_id)
        REFERENCES intake.hazards (tenant_id, id)
);
CREATE TABLE intake.attachment_uses (
    tenant_id VARCHAR(32) NOT NULL,
    attachment_id UUID NOT NULL,
    owner_kind VARCHAR(12) NOT NULL,
    owner_id UUID NOT NULL,
    purpose VARCHAR(10) NOT NULL,
    area_path LTREE NOT NULL,
    unit_id UUID,
    CONSTRAINT attachment_uses_pkey PRIMARY KEY (tenant_id, attachment_id),
    CONSTRAINT attachment_uses_tenant_id_attachment_id_fkey FOREIGN KEY(tenant_id, attachment_id)
        REFERENCES intake.attachments (tenant_id, id)
);
CREATE INDEX attachment_uses_owner_idx ON intake.attachment_uses (tenant_id, owner_id, attachment_id)"""
# Phones hold them: see 0008.
_TOUCHED = ("visit_plans", "visits", "inspections", "hazards")
_WRITTEN_ONCE = (
    "visit_rounds",
    "visit_targets",
    "visit_doors",
    "door_disclosures",
    "visit_heard",
    "visit_errands",
    "checklists",
    "hazard_steps",
    "attachment_uses",
)


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    for table in _TOUCHED:
        op.execute(
            f"CREATE TRIGGER touch_changed_xid BEFORE INSERT OR UPDATE ON intake.{table} "
            "FOR EACH ROW EXECUTE FUNCTION intake.touch_changed_xid()"
        )
    secure_tables("intake", *_TOUCHED, grants="SELECT, INSERT, UPDATE")
    secure_tables("intake", *_WRITTEN_ONCE, grants="SELECT, INSERT")
    op.execute(f"CREATE POLICY relay ON intake.hazards FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON intake.hazards TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in (
        "attachment_uses",
        "hazard_steps",
        "hazards",
        "inspections",
        "checklists",
        "visit_errands",
        "visit_heard",
        "visits",
        "door_disclosures",
        "visit_doors",
        "visit_targets",
        "visit_rounds",
        "visit_plans",
    ):
        op.execute(f"DROP TABLE intake.{table}")
