"""Partners have a history and a record; offers say when, where, for whom and at what price, and have foreign ids."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE matching.partners
    ADD COLUMN further_area_ids UUID[] NOT NULL DEFAULT '{}',
    ADD COLUMN further_coverages VARCHAR(400)[] NOT NULL DEFAULT '{}',
    ADD COLUMN reason TEXT,
    ADD COLUMN kept INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN late INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN broken INTEGER NOT NULL DEFAULT 0,
    DROP CONSTRAINT partners_state_check,
    ADD CONSTRAINT partners_state_check CHECK (state IN ('applied', 'vetted', 'refused', 'suspended')),
    ADD CONSTRAINT partners_record_check CHECK (kept >= 0 AND late >= 0 AND broken >= 0),
    ADD CONSTRAINT partners_further_check CHECK (cardinality(further_area_ids) = cardinality(further_coverages));
ALTER TABLE matching.partners
    ALTER COLUMN further_area_ids DROP DEFAULT,
    ALTER COLUMN further_coverages DROP DEFAULT,
    ALTER COLUMN kept DROP DEFAULT,
    ALTER COLUMN late DROP DEFAULT,
    ALTER COLUMN broken DROP DEFAULT;
CREATE TABLE matching.partner_steps (
    tenant_id VARCHAR(32) NOT NULL,
    partner_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(24) NOT NULL,
    from_state VARCHAR(10),
    to_state VARCHAR(10) NOT NULL,
    reason TEXT,
    actor VARCHAR(80) NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT partner_steps_pkey PRIMARY KEY (tenant_id, partner_id, position),
    CONSTRAINT partner_steps_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id)
);
ALTER TABLE matching.offers
    ADD COLUMN place_text VARCHAR(200),
    ADD COLUMN latitude DOUBLE PRECISION,
    ADD COLUMN longitude DOUBLE PRECISION,
    ADD COLUMN remote BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN moving INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN received INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN capacity_per_day INTEGER,
    ADD COLUMN entitled_prices JSONB NOT NULL DEFAULT '[]',
    ADD COLUMN amount_fen BIGINT,
    ADD COLUMN fund_id UUID,
    ADD COLUMN eligibility JSONB NOT NULL
        DEFAULT '{"entitlements": [], "min_age": null, "max_age": null, "resident_of": [], "area_paths": []}',
    ADD COLUMN skills VARCHAR(40)[] NOT NULL DEFAULT '{}',
    ADD COLUMN hours JSONB,
    ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN external_id VARCHAR(100),
    ADD COLUMN external_version BIGINT,
    DROP CONSTRAINT offers_not_oversold_check,
    ADD CONSTRAINT offers_not_oversold_check CHECK (
        held >= 0 AND committed >= 0 AND moving >= 0 AND received >= 0
        AND held + committed + moving + received <= quantity),
    ADD CONSTRAINT offers_capacity_per_day_check CHECK (capacity_per_day > 0),
    ADD CONSTRAINT offers_point_check CHECK ((latitude IS NULL) = (longitude IS NULL)),
    ADD CONSTRAINT offers_external_check CHECK ((external_id IS NULL) = (external_version IS NULL));
-- What was pledged before amounts were kept is worth asking about, and until then is the smallest that can be.
UPDATE matching.offers SET amount_fen = COALESCE(NULLIF(price_fen, 0), 1), price_fen = NULL WHERE kind = 'money';
ALTER TABLE matching.offers
    ADD CONSTRAINT offers_amount_check CHECK ((kind = 'money') = (amount_fen IS NOT NULL) AND amount_fen > 0);
ALTER TABLE matching.offers
    ALTER COLUMN remote DROP DEFAULT,
    ALTER COLUMN moving DROP DEFAULT,
    ALTER COLUMN received DROP DEFAULT,
    ALTER COLUMN entitled_prices DROP DEFAULT,
    ALTER COLUMN eligibility DROP DEFAULT,
    ALTER COLUMN skills DROP DEFAULT;
CREATE INDEX offers_confirmed_idx ON matching.offers (tenant_id, confirmed_at) WHERE active;
CREATE UNIQUE INDEX offers_external_key ON matching.offers (tenant_id, partner_id, external_id)
    WHERE external_id IS NOT NULL"""

_DOWN = """
DROP INDEX matching.offers_external_key;
DROP INDEX matching.offers_confirmed_idx;
DELETE FROM matching.partner_steps;
DROP TABLE matching.partner_steps;
UPDATE matching.partners SET state = 'suspended' WHERE state = 'refused';
ALTER TABLE matching.partners
    DROP CONSTRAINT partners_state_check,
    ADD CONSTRAINT partners_state_check CHECK (state IN ('applied', 'vetted', 'suspended')),
    DROP COLUMN further_area_ids,
    DROP COLUMN further_coverages,
    DROP COLUMN reason,
    DROP COLUMN kept,
    DROP COLUMN late,
    DROP COLUMN broken;
ALTER TABLE matching.offers
    DROP CONSTRAINT offers_not_oversold_check,
    DROP COLUMN place_text,
    DROP COLUMN latitude,
    DROP COLUMN longitude,
    DROP COLUMN remote,
    DROP COLUMN moving,
    DROP COLUMN received,
    DROP COLUMN capacity_per_day,
    DROP COLUMN entitled_prices,
    DROP COLUMN amount_fen,
    DROP COLUMN fund_id,
    DROP COLUMN eligibility,
    DROP COLUMN skills,
    DROP COLUMN hours,
    DROP COLUMN asked_at,
    DROP COLUMN external_id,
    DROP COLUMN external_version;
ALTER TABLE matching.offers
    ADD CONSTRAINT offers_not_oversold_check CHECK (held >= 0 AND committed >= 0 AND held + committed <= quantity)"""


def upgrade() -> None:
    for statement in _UP.split(";"):
        op.execute(statement)
    # History is only ever added to.
    secure_tables("matching", "partner_steps", grants="SELECT, INSERT")
    # Schedules ask whose offers there are, and nothing else of them.
    op.execute(f"CREATE POLICY relay ON matching.offers FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON matching.offers TO {RELAY_ROLE}")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT (tenant_id) ON matching.offers FROM {RELAY_ROLE}")
    op.execute("DROP POLICY relay ON matching.offers")
    for statement in _DOWN.split(";"):
        op.execute(statement)
