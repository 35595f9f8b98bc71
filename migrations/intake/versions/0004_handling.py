"""How cases are handled: rules as data, clocks, claims, verdicts, appeals, merges, supervision, checks, secrecy."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CASES = """
ALTER TABLE intake.cases
    ADD COLUMN channel VARCHAR(12) NOT NULL DEFAULT 'app',
    ADD COLUMN paused_reason VARCHAR(40),
    ADD COLUMN hand_overs SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN reopened SMALLINT NOT NULL DEFAULT 0,
    ADD COLUMN joiners INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN collective BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN representatives UUID[] NOT NULL DEFAULT '{}',
    ADD COLUMN appeal_open BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN anonymous BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE;
UPDATE intake.cases SET closed_at = updated_at WHERE state = 'closed';
UPDATE intake.cases AS c SET joiners = n.joiners FROM
    (SELECT tenant_id, case_id, count(*) AS joiners FROM intake.case_joiners GROUP BY 1, 2) AS n
    WHERE n.tenant_id = c.tenant_id AND n.case_id = c.id;
ALTER TABLE intake.cases
    DROP CONSTRAINT cases_outcome_check,
    ADD CONSTRAINT cases_outcome_check CHECK (outcome IN ('satisfied', 'partly_satisfied', 'not_satisfied',
        'confirmed', 'no_answer', 'declined', 'withdrawn', 'merged')),
    ADD CONSTRAINT cases_channel_check CHECK (channel IN ('app', 'visit', 'hotline', 'enterprise', 'council', 'import',
        'open311')),
    ADD CONSTRAINT cases_closed_check CHECK (state <> 'closed' OR (closed_at IS NOT NULL AND outcome IS NOT NULL));
CREATE INDEX cases_place_idx ON intake.cases USING gist (point(longitude, latitude)) WHERE latitude IS NOT NULL;
CREATE INDEX cases_open_idx ON intake.cases USING gist (area_path) WHERE state <> 'closed';
ALTER TABLE intake.case_steps
    ADD COLUMN level VARCHAR(8),
    ADD COLUMN unit_id UUID,
    ADD COLUMN clocks JSONB NOT NULL DEFAULT '[]';
ALTER TABLE intake.case_steps ALTER COLUMN clocks DROP DEFAULT;
ALTER TABLE intake.case_joiners ADD COLUMN via_case_id UUID"""

_TABLES = """
CREATE TABLE intake.handling_versions (
    tenant_id VARCHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    body JSONB NOT NULL,
    set_by VARCHAR(80) NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT handling_versions_pkey PRIMARY KEY (tenant_id, version)
);
CREATE TABLE intake.clock_intervals (
    tenant_id VARCHAR(32) NOT NULL,
    case_id UUID NOT NULL,
    clock VARCHAR(12) NOT NULL,
    run SMALLINT NOT NULL,
    position SMALLINT NOT NULL,
    running BOOLEAN NOT NULL,
    reason VARCHAR(40),
    budget_s INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    left_s INTEGER NOT NULL,
    left_end_s INTEGER,
    due_at TIMESTAMP WITH TIME ZONE,
    calendar_version INTEGER NOT NULL,
    rung SMALLINT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    tries SMALLINT NOT NULL,
    CONSTRAINT clock_intervals_pkey PRIMARY KEY (tenant_id, case_id, clock, run, position),
    CONSTRAINT clock_intervals_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT clock_intervals_clock_check CHECK (clock IN ('accept', 'first_reply', 'resolve', 'verdict')),
    CONSTRAINT clock_intervals_order_check CHECK (ended_at >= started_at),
    CONSTRAINT clock_intervals_next_check CHECK (next_at IS NULL OR ended_at IS NULL)
);
CREATE INDEX clock_intervals_next_idx ON intake.clock_intervals (tenant_id, next_at)
    WHERE next_at IS NOT NULL;
CREATE TABLE intake.escalations (
    tenant_id VARCHAR(32) NOT NULL,
    case_id UUID NOT NULL,
    clock VARCHAR(12) NOT NULL,
    run SMALLINT NOT NULL,
    rung SMALLINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    fired_at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_path VARCHAR(400) NOT NULL,
    CONSTRAINT escalations_pkey PRIMARY KEY (tenant_id, case_id, clock, run, rung),
    CONSTRAINT escalations_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT escalations_clock_check CHECK (clock IN ('accept', 'first_reply', 'resolve', 'verdict'))
);
CREATE TABLE intake.claim_offers (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    unit_name VARCHAR(200) NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cost_fen BIGINT,
    note TEXT,
    state VARCHAR(12) NOT NULL,
    made_by VARCHAR(80) NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT claim_offers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT claim_offers_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT claim_offers_state_check CHECK (state IN ('open', 'chosen', 'helps', 'passed_over', 'withdrawn')),
    CONSTRAINT claim_offers_cost_check CHECK (cost_fen >= 0)
);
CREATE UNIQUE INDEX claim_offers_open_key ON intake.claim_offers (tenant_id, case_id, unit_id)
    WHERE state = 'open';
CREATE TABLE intake.claims (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    taken_by VARCHAR(80) NOT NULL,
    offer_id UUID,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cost_fen BIGINT,
    lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
    renewals INTEGER NOT NULL,
    state VARCHAR(12) NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT claims_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT claims_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT claims_state_check CHECK (state IN ('active', 'done', 'lapsed', 'handed_on', 'taken_away')),
    CONSTRAINT claims_ended_check CHECK ((state = 'active') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX claims_active_key ON intake.claims (tenant_id, case_id)
    WHERE state = 'active';
CREATE INDEX claims_case_idx ON intake.claims (tenant_id, case_id);
CREATE INDEX claims_lease_idx ON intake.claims (tenant_id, lease_until)
    WHERE state = 'active';
CREATE TABLE intake.claim_helpers (
    tenant_id VARCHAR(32) NOT NULL,
    claim_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    case_id UUID NOT NULL,
    unit_name VARCHAR(200) NOT NULL,
    task TEXT,
    CONSTRAINT claim_helpers_pkey PRIMARY KEY (tenant_id, claim_id, unit_id),
    CONSTRAINT claim_helpers_tenant_id_claim_id_fkey FOREIGN KEY(tenant_id, claim_id)
        REFERENCES intake.claims (tenant_id, id)
);
CREATE INDEX claim_helpers_unit_idx ON intake.claim_helpers (tenant_id, unit_id, case_id);
CREATE TABLE intake.appeals (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    against VARCHAR(8) NOT NULL,
    decided_by VARCHAR(80) NOT NULL,
    reason TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state VARCHAR(8) NOT NULL,
    answer TEXT,
    answered_by VARCHAR(80),
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT appeals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT appeals_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT appeals_against_check CHECK (against IN ('triage', 'decline')),
    CONSTRAINT appeals_state_check CHECK (state IN ('open', 'upheld', 'rejected'))
);
CREATE INDEX appeals_case_idx ON intake.appeals (tenant_id, case_id);
CREATE UNIQUE INDEX appeals_open_key ON intake.appeals (tenant_id, case_id)
    WHERE state = 'open';
CREATE TABLE intake.verdicts (
    tenant_id VARCHAR(32) NOT NULL,
    case_id UUID NOT NULL,
    run SMALLINT NOT NULL,
    person_id UUID NOT NULL,
    answer VARCHAR(40) NOT NULL,
    reopens BOOLEAN NOT NULL,
    is_requester BOOLEAN NOT NULL,
    comment TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT verdicts_pkey PRIMARY KEY (tenant_id, case_id, run, person_id),
    CONSTRAINT verdicts_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id)
);
CREATE TABLE intake.case_merges (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    from_case_id UUID NOT NULL,
    into_case_id UUID NOT NULL,
    from_state VARCHAR(12) NOT NULL,
    reason TEXT NOT NULL,
    merged_by VARCHAR(80) NOT NULL,
    merged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    undone_by VARCHAR(80),
    undone_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT case_merges_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT case_merges_tenant_id_from_case_id_fkey FOREIGN KEY(tenant_id, from_case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT case_merges_tenant_id_into_case_id_fkey FOREIGN KEY(tenant_id, into_case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT case_merges_two_check CHECK (from_case_id <> into_case_id)
);
CREATE UNIQUE INDEX case_merges_from_key ON intake.case_merges (tenant_id, from_case_id)
    WHERE undone_at IS NULL;
CREATE INDEX case_merges_into_idx ON intake.case_merges (tenant_id, into_case_id);
CREATE TABLE intake.supervision_orders (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    unit_id UUID,
    cause VARCHAR(12) NOT NULL,
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
    CONSTRAINT supervision_orders_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT supervision_orders_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT supervision_orders_state_check CHECK (state IN ('issued', 'answered', 'accepted', 'withdrawn')),
    CONSTRAINT supervision_orders_cause_check CHECK (cause IN ('by_hand', 'claim_lapsed', 'overdue', 'spot_check'))
);
CREATE INDEX supervision_orders_area_idx ON intake.supervision_orders USING gist (area_path);
CREATE INDEX supervision_orders_case_idx ON intake.supervision_orders (tenant_id, case_id);
CREATE INDEX supervision_orders_due_idx ON intake.supervision_orders (tenant_id, due_at)
    WHERE state = 'issued' AND overdue_at IS NULL;
CREATE INDEX supervision_orders_unit_idx ON intake.supervision_orders (tenant_id, unit_id, id);
CREATE TABLE intake.supervision_steps (
    tenant_id VARCHAR(32) NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(12) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    note TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT supervision_steps_pkey PRIMARY KEY (tenant_id, order_id, position),
    CONSTRAINT supervision_steps_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id)
        REFERENCES intake.supervision_orders (tenant_id, id)
)
;
CREATE TABLE intake.spot_checks (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    area_path LTREE NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    percent SMALLINT NOT NULL,
    seed VARCHAR(40) NOT NULL,
    closed_cases INTEGER NOT NULL,
    drawn INTEGER NOT NULL,
    drawn_by VARCHAR(80) NOT NULL,
    drawn_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT spot_checks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT spot_checks_percent_check CHECK (percent BETWEEN 1 AND 100)
);
CREATE INDEX spot_checks_area_idx ON intake.spot_checks USING gist (area_path);
CREATE TABLE intake.spot_check_items (
    tenant_id VARCHAR(32) NOT NULL,
    check_id UUID NOT NULL,
    case_id UUID NOT NULL,
    position INTEGER NOT NULL,
    solved BOOLEAN,
    note TEXT,
    checked_by VARCHAR(80),
    checked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT spot_check_items_pkey PRIMARY KEY (tenant_id, check_id, case_id),
    CONSTRAINT spot_check_items_tenant_id_check_id_fkey FOREIGN KEY(tenant_id, check_id)
        REFERENCES intake.spot_checks (tenant_id, id),
    CONSTRAINT spot_check_items_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT spot_check_items_checked_check CHECK ((solved IS NULL) = (checked_at IS NULL))
);
CREATE TABLE intake.sealed_requesters (
    tenant_id VARCHAR(32) NOT NULL,
    case_id UUID NOT NULL,
    person BYTEA NOT NULL,
    token_sha256 BYTEA NOT NULL,
    CONSTRAINT sealed_requesters_pkey PRIMARY KEY (tenant_id, case_id),
    CONSTRAINT sealed_requesters_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id)
);
CREATE TABLE intake.unsealings (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    actor VARCHAR(80) NOT NULL,
    purpose TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unsealings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT unsealings_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id)
)"""

_CHANGING = ("clock_intervals", "claim_offers", "claims", "claim_helpers", "appeals", "verdicts", "case_merges")
_LASTING = ("handling_versions", "escalations", "supervision_steps", "sealed_requesters", "unsealings")


def upgrade() -> None:
    for statement in (*_CASES.split(";"), *_TABLES.split(";")):
        op.execute(statement)
    secure_tables("intake", *_CHANGING, "supervision_orders", "spot_checks", "spot_check_items")
    secure_tables("intake", *_LASTING, grants="SELECT, INSERT")
    # The sweeps visit every tenant that has ever filed a case, or changed its calendar.
    for table in ("case_number_blocks", "calendar_versions"):
        op.execute(f"CREATE POLICY relay ON intake.{table} FOR SELECT TO {RELAY_ROLE} USING (true)")
        op.execute(f"GRANT SELECT (tenant_id) ON intake.{table} TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in ("case_number_blocks", "calendar_versions"):
        op.execute(f"DROP POLICY relay ON intake.{table}")
    for table in (*reversed(_CHANGING), *_LASTING, "supervision_orders", "spot_check_items", "spot_checks"):
        op.execute(f"DROP TABLE intake.{table} CASCADE")
    op.execute("DROP INDEX intake.cases_open_idx, intake.cases_place_idx")
    op.execute("ALTER TABLE intake.case_joiners DROP COLUMN via_case_id")
    op.execute("ALTER TABLE intake.case_steps DROP COLUMN level, DROP COLUMN unit_id, DROP COLUMN clocks")
    op.execute("ALTER TABLE intake.cases DROP CONSTRAINT cases_channel_check, DROP CONSTRAINT cases_closed_check")
    for column in (
        "channel",
        "paused_reason",
        "hand_overs",
        "reopened",
        "joiners",
        "collective",
        "representatives",
        "appeal_open",
        "anonymous",
        "closed_at",
    ):
        op.execute(f"ALTER TABLE intake.cases DROP COLUMN {column}")
