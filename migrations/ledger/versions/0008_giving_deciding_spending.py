"""Restricted gifts, gifts in kind and hours; reviews, quorum, sources; suppliers, contracts and what is owed."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_CHANGES = """
ALTER TABLE ledger.contributions ALTER COLUMN amount_fen DROP NOT NULL,
    ADD COLUMN kind VARCHAR(8) NOT NULL DEFAULT 'money',
    ADD COLUMN quantity BIGINT, ADD COLUMN description VARCHAR(200),
    ADD COLUMN restricted_to VARCHAR(40), ADD COLUMN spend_by DATE,
    ADD CONSTRAINT contributions_kind_check CHECK (kind IN ('money', 'in_kind', 'hours')),
    ADD CONSTRAINT contributions_content_check
        CHECK (CASE WHEN kind = 'money' THEN amount_fen IS NOT NULL AND quantity IS NULL ELSE quantity > 0 END);
ALTER TABLE ledger.grants ADD COLUMN voters INTEGER, ADD COLUMN quorum INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN back_to_fund_fen BIGINT, ADD COLUMN back_to_households_fen BIGINT;
CREATE TABLE ledger.grant_sources (
    tenant_id VARCHAR(32) NOT NULL,
    grant_id UUID NOT NULL,
    position INTEGER NOT NULL,
    from_account UUID NOT NULL,
    to_account UUID NOT NULL,
    hold_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    CONSTRAINT grant_sources_pkey PRIMARY KEY (tenant_id, grant_id, position),
    CONSTRAINT grant_sources_tenant_id_grant_id_fkey FOREIGN KEY (tenant_id, grant_id)
        REFERENCES ledger.grants (tenant_id, id),
    CONSTRAINT grant_sources_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES ledger.holds (tenant_id, id),
    CONSTRAINT grant_sources_amount_check CHECK (amount_fen > 0)
);
ALTER TABLE ledger.grants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.holds NO FORCE ROW LEVEL SECURITY;
INSERT INTO ledger.grant_sources (tenant_id, grant_id, position, from_account, to_account, hold_id, amount_fen)
    SELECT g.tenant_id, g.id, 0, h.debit_account, h.credit_account, h.id, h.amount
    FROM ledger.grants g JOIN ledger.holds h ON h.tenant_id = g.tenant_id AND h.id = g.hold_id;
ALTER TABLE ledger.holds FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.grants FORCE ROW LEVEL SECURITY;
CREATE TABLE ledger.grant_reviews (
    tenant_id VARCHAR(32) NOT NULL,
    grant_id UUID NOT NULL,
    reviewer_id UUID NOT NULL,
    opinion VARCHAR(16) NOT NULL,
    note TEXT NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT grant_reviews_pkey PRIMARY KEY (tenant_id, grant_id, reviewer_id),
    CONSTRAINT grant_reviews_tenant_id_grant_id_fkey FOREIGN KEY (tenant_id, grant_id)
        REFERENCES ledger.grants (tenant_id, id),
    CONSTRAINT grant_reviews_opinion_check CHECK (opinion IN ('recommend', 'advise_against', 'conflict'))
);
CREATE TABLE ledger.suppliers (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(200) NOT NULL,
    area_path LTREE NOT NULL,
    credit_code VARCHAR(18),
    is_related BOOLEAN NOT NULL,
    relation VARCHAR(200),
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT suppliers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT suppliers_relation_check CHECK (is_related = (relation IS NOT NULL))
);
CREATE UNIQUE INDEX suppliers_credit_code_key ON ledger.suppliers (tenant_id, credit_code)
    WHERE credit_code IS NOT NULL;
CREATE INDEX suppliers_area_idx ON ledger.suppliers USING gist (area_path);
CREATE TABLE ledger.contracts (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    grant_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    title VARCHAR(200) NOT NULL,
    amount_fen BIGINT NOT NULL,
    document_sha256 BYTEA NOT NULL,
    state VARCHAR(10) NOT NULL,
    signed_by UUID NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    accepted_by UUID,
    accepted_at TIMESTAMP WITH TIME ZONE,
    acceptance_sha256 BYTEA,
    acceptance_note TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT contracts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT contracts_tenant_id_grant_id_fkey FOREIGN KEY (tenant_id, grant_id)
        REFERENCES ledger.grants (tenant_id, id),
    CONSTRAINT contracts_tenant_id_supplier_id_fkey FOREIGN KEY (tenant_id, supplier_id)
        REFERENCES ledger.suppliers (tenant_id, id),
    CONSTRAINT contracts_state_check CHECK (state IN ('proposed', 'binding', 'accepted', 'closed')),
    CONSTRAINT contracts_amount_check CHECK (amount_fen > 0),
    CONSTRAINT contracts_accepted_by_another_check CHECK (accepted_by IS NULL OR accepted_by <> signed_by),
    CONSTRAINT contracts_approved_by_another_check CHECK (approved_by IS NULL OR approved_by <> signed_by)
);
CREATE INDEX contracts_grant_idx ON ledger.contracts (tenant_id, grant_id, id);
CREATE UNIQUE INDEX contracts_document_key ON ledger.contracts (tenant_id, document_sha256);
CREATE TABLE ledger.contract_holds (
    tenant_id VARCHAR(32) NOT NULL,
    contract_id UUID NOT NULL,
    position INTEGER NOT NULL,
    hold_id UUID NOT NULL,
    CONSTRAINT contract_holds_pkey PRIMARY KEY (tenant_id, contract_id, position),
    CONSTRAINT contract_holds_tenant_id_contract_id_fkey FOREIGN KEY (tenant_id, contract_id)
        REFERENCES ledger.contracts (tenant_id, id),
    CONSTRAINT contract_holds_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES ledger.holds (tenant_id, id)
);
ALTER TABLE ledger.invoices ADD COLUMN contract_id UUID, ADD COLUMN supplier_id UUID, ADD COLUMN accrual_id UUID,
    ADD CONSTRAINT invoices_tenant_id_contract_id_fkey FOREIGN KEY (tenant_id, contract_id)
        REFERENCES ledger.contracts (tenant_id, id),
    ADD CONSTRAINT invoices_tenant_id_supplier_id_fkey FOREIGN KEY (tenant_id, supplier_id)
        REFERENCES ledger.suppliers (tenant_id, id);
CREATE INDEX invoices_contract_idx ON ledger.invoices (tenant_id, contract_id)"""
# Votes are counted by the database as well: no approval without enough of them, whoever writes it.
_GUARDS = """
CREATE FUNCTION ledger.check_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE approvals integer; refusals integer;
BEGIN
    IF NEW.state = 'approved' AND (TG_OP = 'INSERT' OR OLD.state <> 'approved') THEN
        SELECT count(*) FILTER (WHERE vote = 'approve'), count(*) FILTER (WHERE vote = 'refuse')
        INTO approvals, refusals FROM ledger.grant_votes v WHERE v.tenant_id = NEW.tenant_id AND v.grant_id = NEW.id;
        IF approvals < NEW.approvals_needed OR approvals + refusals < NEW.quorum THEN
            RAISE EXCEPTION 'a grant is approved by enough votes' USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_decision BEFORE INSERT OR UPDATE ON ledger.grants
    FOR EACH ROW EXECUTE FUNCTION ledger.check_decision();;
CREATE FUNCTION ledger.check_review() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.grants g WHERE g.tenant_id = NEW.tenant_id AND g.id = NEW.grant_id
               AND g.applicant_id = NEW.reviewer_id)
       OR EXISTS (SELECT FROM ledger.grant_votes v WHERE v.tenant_id = NEW.tenant_id AND v.grant_id = NEW.grant_id
                  AND v.person_id = NEW.reviewer_id) THEN
        RAISE EXCEPTION 'a reviewer neither applies nor votes' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_review BEFORE INSERT OR UPDATE ON ledger.grant_reviews
    FOR EACH ROW EXECUTE FUNCTION ledger.check_review();;
CREATE FUNCTION ledger.check_acceptance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.grants g WHERE g.tenant_id = NEW.tenant_id AND g.id = NEW.grant_id
               AND g.applicant_id IN (NEW.accepted_by, NEW.approved_by)) THEN
        RAISE EXCEPTION 'the applicant neither approves nor accepts the own contract' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_acceptance BEFORE INSERT OR UPDATE ON ledger.contracts
    FOR EACH ROW EXECUTE FUNCTION ledger.check_acceptance()"""


def upgrade() -> None:
    for statement in _CHANGES.split(";"):
        op.execute(statement)
    for statement in _GUARDS.split(";;"):
        op.get_bind().exec_driver_sql(statement)
    secure_tables("ledger", "suppliers", "contracts", "grant_sources", "grant_reviews", "contract_holds")


def downgrade() -> None:
    message = "contracts and restricted gifts cannot be forgotten; restore the backup of before"
    raise NotImplementedError(message)
