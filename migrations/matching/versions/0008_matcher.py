"""Slots with corrections, texts as vectors, learned weights, and plans for all needs at once."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE matching.slot_corrections (
    tenant_id VARCHAR(32) NOT NULL,
    subject VARCHAR(5) NOT NULL,
    subject_id UUID NOT NULL,
    corrected JSONB NOT NULL,
    corrected_by VARCHAR(80) NOT NULL,
    corrected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT slot_corrections_pkey PRIMARY KEY (tenant_id, subject, subject_id),
    CONSTRAINT slot_corrections_subject_check CHECK (subject IN ('need', 'offer'))
);
CREATE TABLE matching.slot_labels (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    subject VARCHAR(5) NOT NULL,
    subject_id UUID NOT NULL,
    slot VARCHAR(20) NOT NULL,
    words TEXT NOT NULL,
    proposed JSONB NOT NULL,
    corrected JSONB NOT NULL,
    labelled_by VARCHAR(80) NOT NULL,
    labelled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT slot_labels_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT slot_labels_subject_check CHECK (subject IN ('need', 'offer'))
);
CREATE INDEX slot_labels_slot_idx ON matching.slot_labels (tenant_id, slot, labelled_at);
CREATE TABLE matching.text_vectors (
    tenant_id VARCHAR(32) NOT NULL,
    subject VARCHAR(5) NOT NULL,
    subject_id UUID NOT NULL,
    encoder VARCHAR(80) NOT NULL,
    text_hash VARCHAR(32) NOT NULL,
    vector BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT text_vectors_pkey PRIMARY KEY (tenant_id, subject, subject_id, encoder),
    CONSTRAINT text_vectors_subject_check CHECK (subject IN ('need', 'offer'))
);
CREATE TABLE matching.match_weights (
    tenant_id VARCHAR(32) NOT NULL,
    number INTEGER NOT NULL,
    mode VARCHAR(20) NOT NULL,
    points JSONB NOT NULL,
    threshold INTEGER NOT NULL,
    decisions INTEGER NOT NULL,
    accuracy DOUBLE PRECISION NOT NULL,
    stated_accuracy DOUBLE PRECISION NOT NULL,
    learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT match_weights_pkey PRIMARY KEY (tenant_id, number)
);
CREATE TABLE matching.match_plans (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    area_id UUID,
    area_path LTREE NOT NULL,
    state VARCHAR(10) NOT NULL,
    floors JSONB NOT NULL,
    prices JSONB NOT NULL,
    requested_by VARCHAR(80) NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    computed_at TIMESTAMP WITH TIME ZONE,
    applied_by VARCHAR(80),
    applied_at TIMESTAMP WITH TIME ZONE,
    figures JSONB NOT NULL,
    score BIGINT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT match_plans_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT match_plans_state_check CHECK (state IN ('wanted', 'computed', 'applied', 'failed'))
);
CREATE INDEX match_plans_requested_idx ON matching.match_plans (tenant_id, requested_at DESC, id DESC);
CREATE UNIQUE INDEX match_plans_wanted_key ON matching.match_plans (tenant_id, area_path) WHERE state = 'wanted';
CREATE TABLE matching.match_plan_lines (
    tenant_id VARCHAR(32) NOT NULL,
    plan_id UUID NOT NULL,
    need_id UUID NOT NULL,
    part INTEGER NOT NULL,
    offer_id UUID,
    earlier_offer_id UUID,
    change VARCHAR(10) NOT NULL,
    score INTEGER NOT NULL,
    explanation JSONB NOT NULL,
    need_version INTEGER NOT NULL,
    offer_version INTEGER,
    outcome VARCHAR(8),
    CONSTRAINT match_plan_lines_pkey PRIMARY KEY (tenant_id, plan_id, need_id, part),
    CONSTRAINT match_plan_lines_tenant_id_plan_id_fkey FOREIGN KEY (tenant_id, plan_id)
        REFERENCES matching.match_plans (tenant_id, id),
    CONSTRAINT match_plan_lines_change_check CHECK (change IN ('new', 'changed', 'same', 'withdrawn', 'left_open')),
    CONSTRAINT match_plan_lines_outcome_check CHECK (outcome IN ('applied', 'stale')),
    CONSTRAINT match_plan_lines_offer_check CHECK ((offer_id IS NULL) = (change IN ('withdrawn', 'left_open')))
);
CREATE TABLE matching.match_plan_offers (
    tenant_id VARCHAR(32) NOT NULL,
    plan_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    reason VARCHAR(40) NOT NULL,
    need_id UUID,
    taken_by UUID,
    CONSTRAINT match_plan_offers_pkey PRIMARY KEY (tenant_id, plan_id, offer_id),
    CONSTRAINT match_plan_offers_tenant_id_plan_id_fkey FOREIGN KEY (tenant_id, plan_id)
        REFERENCES matching.match_plans (tenant_id, id)
);
"""
_NEEDS = """
ALTER TABLE matching.needs ADD COLUMN latitude DOUBLE PRECISION, ADD COLUMN longitude DOUBLE PRECISION;
ALTER TABLE matching.needs ADD CONSTRAINT needs_point_check CHECK ((latitude IS NULL) = (longitude IS NULL));
CREATE INDEX needs_open_idx ON matching.needs (tenant_id, category, id) WHERE state = 'open'
"""


def upgrade() -> None:
    for statement in f"{_TABLES}{_NEEDS}".split(";"):
        op.execute(statement)
    secure_tables("matching", "slot_corrections", "text_vectors", "match_plans", "match_plan_lines")
    # What people said, what was learned, and what a plan passed over are only ever added to.
    secure_tables("matching", "slot_labels", "match_weights", "match_plan_offers", grants="SELECT, INSERT")
    for table in ("needs", "match_plans"):
        op.execute(f"CREATE POLICY relay ON matching.{table} FOR SELECT TO {RELAY_ROLE} USING (true)")
        op.execute(f"GRANT SELECT (tenant_id) ON matching.{table} TO {RELAY_ROLE}")


_NEW = (
    "match_plan_offers",
    "match_plan_lines",
    "match_plans",
    "match_weights",
    "text_vectors",
    "slot_labels",
    "slot_corrections",
)


def downgrade() -> None:
    op.execute(f"REVOKE SELECT (tenant_id) ON matching.needs FROM {RELAY_ROLE}")
    op.execute("DROP POLICY relay ON matching.needs")
    for table in _NEW:
        op.execute(f"DROP TABLE matching.{table}")
    op.execute("DROP INDEX matching.needs_open_idx")
    op.execute("ALTER TABLE matching.needs DROP CONSTRAINT needs_point_check")
    op.execute("ALTER TABLE matching.needs DROP COLUMN latitude, DROP COLUMN longitude")
