"""Orders, their supervision, and those that recur; projects with open needs, acceptance and an early end."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE matching.order_contacts (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT order_contacts_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE matching.order_numbers (
    tenant_id VARCHAR(32) NOT NULL,
    year INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    CONSTRAINT order_numbers_pkey PRIMARY KEY (tenant_id, year)
);
CREATE TABLE matching.order_rules (
    tenant_id VARCHAR(32) NOT NULL,
    accept_minutes INTEGER NOT NULL,
    confirm_minutes INTEGER NOT NULL,
    deliver_minutes INTEGER NOT NULL,
    answer_minutes INTEGER NOT NULL,
    ahead_days INTEGER NOT NULL,
    set_by VARCHAR(80) NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT order_rules_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT order_rules_positive_check CHECK (
        accept_minutes > 0 AND confirm_minutes > 0 AND deliver_minutes > 0 AND answer_minutes > 0 AND ahead_days > 0)
);
CREATE TABLE matching.orders (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    offer_id UUID NOT NULL,
    partner_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    title VARCHAR(200) NOT NULL,
    requester_id UUID NOT NULL,
    placed_by VARCHAR(80) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    within LTREE,
    quantity INTEGER NOT NULL,
    resource_id UUID,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    wanted_by TIMESTAMP WITH TIME ZONE,
    contact_id UUID,
    hold_id UUID,
    series_id UUID,
    repeats_id UUID,
    question_id UUID,
    questions JSONB NOT NULL,
    fallback_fen BIGINT,
    price_fen BIGINT,
    up_to_fen BIGINT,
    state VARCHAR(10) NOT NULL,
    reason TEXT,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE,
    wait_until TIMESTAMP WITH TIME ZONE NOT NULL,
    warn_at TIMESTAMP WITH TIME ZONE,
    accepted_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    late_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    proof TEXT,
    attachment_ids UUID[] NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    rated_at TIMESTAMP WITH TIME ZONE,
    stars SMALLINT,
    words TEXT,
    complaint BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT orders_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT orders_tenant_id_contact_id_fkey FOREIGN KEY (tenant_id, contact_id)
        REFERENCES matching.order_contacts (tenant_id, id),
    CONSTRAINT orders_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES matching.offer_holds (tenant_id, id),
    CONSTRAINT orders_state_check CHECK (
        state IN ('pricing', 'quoted', 'placed', 'accepted', 'delivered', 'rated', 'cancelled', 'declined',
        'lapsed', 'broken')),
    CONSTRAINT orders_quantity_check CHECK (quantity > 0),
    CONSTRAINT orders_price_check CHECK (price_fen >= 0 AND up_to_fen >= 0),
    CONSTRAINT orders_slot_check CHECK ((starts_at IS NULL) = (ends_at IS NULL) AND ends_at > starts_at),
    CONSTRAINT orders_stars_check CHECK (stars BETWEEN 1 AND 5)
);
CREATE INDEX orders_area_idx ON matching.orders USING gist (area_path);
CREATE INDEX orders_due_idx ON matching.orders (tenant_id, due_at) WHERE state = 'accepted' AND late_at IS NULL;
CREATE UNIQUE INDEX orders_number_key ON matching.orders (tenant_id, number);
CREATE INDEX orders_opened_idx ON matching.orders (tenant_id, opened_at DESC, id DESC);
CREATE INDEX orders_placed_idx ON matching.orders (tenant_id, placed_at) WHERE placed_at IS NOT NULL;
CREATE UNIQUE INDEX orders_question_key ON matching.orders (tenant_id, question_id);
CREATE INDEX orders_requester_idx ON matching.orders (tenant_id, requester_id, opened_at DESC, id DESC);
CREATE INDEX orders_series_idx ON matching.orders (tenant_id, series_id) WHERE series_id IS NOT NULL;
CREATE INDEX orders_unit_idx ON matching.orders (tenant_id, unit_id, opened_at DESC, id DESC);
CREATE INDEX orders_waiting_idx ON matching.orders (tenant_id, wait_until)
    WHERE state IN ('pricing', 'quoted', 'placed');
CREATE TABLE matching.order_steps (
    tenant_id VARCHAR(32) NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(12) NOT NULL,
    state VARCHAR(10) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT order_steps_pkey PRIMARY KEY (tenant_id, order_id, position),
    CONSTRAINT order_steps_tenant_id_order_id_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES matching.orders (tenant_id, id)
);
CREATE TABLE matching.order_disclosures (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    purpose VARCHAR(200) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    disclosed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT order_disclosures_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT order_disclosures_tenant_id_order_id_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES matching.orders (tenant_id, id)
);
CREATE INDEX order_disclosures_order_idx ON matching.order_disclosures (tenant_id, order_id, id);
CREATE TABLE matching.order_demands (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    unit_id UUID NOT NULL,
    cause VARCHAR(8) NOT NULL,
    demand_zh TEXT NOT NULL,
    demand_en TEXT,
    state VARCHAR(10) NOT NULL,
    answer TEXT,
    returns SMALLINT NOT NULL,
    issued_by VARCHAR(80) NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    overdue_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT order_demands_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT order_demands_tenant_id_order_id_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES matching.orders (tenant_id, id),
    CONSTRAINT order_demands_state_check CHECK (state IN ('issued', 'answered', 'accepted', 'withdrawn')),
    CONSTRAINT order_demands_cause_check CHECK (cause IN ('by_hand', 'late'))
);
CREATE INDEX order_demands_area_idx ON matching.order_demands USING gist (area_path);
CREATE INDEX order_demands_due_idx ON matching.order_demands (tenant_id, due_at)
    WHERE state = 'issued' AND overdue_at IS NULL;
CREATE UNIQUE INDEX order_demands_late_key ON matching.order_demands (tenant_id, order_id) WHERE cause = 'late';
CREATE INDEX order_demands_order_idx ON matching.order_demands (tenant_id, order_id);
CREATE INDEX order_demands_unit_idx ON matching.order_demands (tenant_id, unit_id, id);
CREATE TABLE matching.order_demand_steps (
    tenant_id VARCHAR(32) NOT NULL,
    demand_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(12) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    note TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT order_demand_steps_pkey PRIMARY KEY (tenant_id, demand_id, position),
    CONSTRAINT order_demand_steps_tenant_id_demand_id_fkey FOREIGN KEY (tenant_id, demand_id)
        REFERENCES matching.order_demands (tenant_id, id)
);
CREATE TABLE matching.order_series (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    offer_id UUID NOT NULL,
    requester_id UUID NOT NULL,
    placed_by VARCHAR(80) NOT NULL,
    within LTREE,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    resource_id UUID,
    quantity INTEGER NOT NULL,
    up_to_fen BIGINT,
    is_of_age BOOLEAN NOT NULL,
    contact_id UUID,
    rrule VARCHAR(200) NOT NULL,
    starts_on DATE NOT NULL,
    opens TIME WITHOUT TIME ZONE NOT NULL,
    lasts_min INTEGER NOT NULL,
    without_holidays BOOLEAN NOT NULL,
    skips DATE[] NOT NULL,
    planned_through DATE NOT NULL,
    state VARCHAR(8) NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT order_series_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT order_series_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT order_series_tenant_id_contact_id_fkey FOREIGN KEY (tenant_id, contact_id)
        REFERENCES matching.order_contacts (tenant_id, id),
    CONSTRAINT order_series_state_check CHECK (state IN ('running', 'stopped', 'ended')),
    CONSTRAINT order_series_amounts_check CHECK (quantity > 0 AND lasts_min > 0 AND up_to_fen >= 0)
);
CREATE INDEX order_series_area_idx ON matching.order_series USING gist (area_path);
CREATE INDEX order_series_made_idx ON matching.order_series (tenant_id, made_at DESC, id DESC);
CREATE UNIQUE INDEX order_series_number_key ON matching.order_series (tenant_id, number);
CREATE INDEX order_series_plan_idx ON matching.order_series (tenant_id, planned_through) WHERE state = 'running';
CREATE TABLE matching.order_occurrences (
    tenant_id VARCHAR(32) NOT NULL,
    series_id UUID NOT NULL,
    day DATE NOT NULL,
    state VARCHAR(8) NOT NULL,
    order_id UUID,
    reason VARCHAR(40),
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT order_occurrences_pkey PRIMARY KEY (tenant_id, series_id, day),
    CONSTRAINT order_occurrences_tenant_id_series_id_fkey FOREIGN KEY (tenant_id, series_id)
        REFERENCES matching.order_series (tenant_id, id),
    CONSTRAINT order_occurrences_tenant_id_order_id_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES matching.orders (tenant_id, id),
    CONSTRAINT order_occurrences_state_check CHECK (state IN ('ordered', 'skipped', 'failed')),
    CONSTRAINT order_occurrences_ordered_check CHECK (state <> 'ordered' OR order_id IS NOT NULL)
)"""

_TABLE_NAMES = (
    "order_occurrences",
    "order_series",
    "order_demand_steps",
    "order_demands",
    "order_disclosures",
    "order_steps",
    "orders",
    "order_rules",
    "order_numbers",
    "order_contacts",
)


_PROJECTS = """
CREATE TABLE matching.project_open_needs (
    tenant_id VARCHAR(32) NOT NULL,
    project_id UUID NOT NULL,
    need_id UUID NOT NULL,
    CONSTRAINT project_open_needs_pkey PRIMARY KEY (tenant_id, project_id, need_id),
    CONSTRAINT project_open_needs_tenant_id_project_id_fkey FOREIGN KEY (tenant_id, project_id)
        REFERENCES matching.projects (tenant_id, id),
    CONSTRAINT project_open_needs_tenant_id_need_id_fkey FOREIGN KEY (tenant_id, need_id)
        REFERENCES matching.needs (tenant_id, id)
);
ALTER TABLE matching.projects
    ADD COLUMN accepted_by VARCHAR(80),
    ADD COLUMN acceptance_proof TEXT,
    ADD COLUMN acceptance_attachment_ids UUID[] NOT NULL DEFAULT '{}',
    ADD COLUMN cancelled_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN cancel_reason TEXT;
ALTER TABLE matching.projects ALTER COLUMN acceptance_attachment_ids DROP DEFAULT;
ALTER TABLE matching.needs ADD COLUMN withdrawn_reason TEXT"""

_PROJECTS_DOWN = """
ALTER TABLE matching.needs DROP COLUMN withdrawn_reason;
ALTER TABLE matching.projects
    DROP COLUMN accepted_by,
    DROP COLUMN acceptance_proof,
    DROP COLUMN acceptance_attachment_ids,
    DROP COLUMN cancelled_at,
    DROP COLUMN cancel_reason;
DROP TABLE matching.project_open_needs"""


def upgrade() -> None:
    for statement in (*_TABLES.split(";"), *_PROJECTS.split(";")):
        op.execute(statement)
    secure_tables(
        "matching",
        "order_numbers",
        "order_rules",
        "orders",
        "order_demands",
        "order_series",
        "order_occurrences",
        "project_open_needs",
        grants="SELECT, INSERT, UPDATE",
    )
    # What was done, said and looked at is only ever added to.
    secure_tables(
        "matching",
        "order_contacts",
        "order_steps",
        "order_disclosures",
        "order_demand_steps",
        grants="SELECT, INSERT",
    )
    # Schedules ask which tenants have orders, and nothing else.
    op.execute(f"CREATE POLICY relay ON matching.order_numbers FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON matching.order_numbers TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in _TABLE_NAMES:
        op.execute(f"DROP TABLE matching.{table}")
    for statement in _PROJECTS_DOWN.split(";"):
        op.execute(statement)
