"""Campaigns: gifts to one goal, settled or refunded."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.campaigns (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    fund_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    title VARCHAR(200) NOT NULL,
    category VARCHAR(40) NOT NULL,
    goal_fen BIGINT NOT NULL,
    min_fen BIGINT NOT NULL,
    deadline TIMESTAMP WITH TIME ZONE NOT NULL,
    giver_cap_fen BIGINT,
    excess VARCHAR(8) NOT NULL,
    unlock_fen BIGINT,
    share_fen BIGINT,
    hold_id UUID,
    account_id UUID NOT NULL,
    result_account_id UUID NOT NULL,
    state VARCHAR(10) NOT NULL,
    because TEXT,
    opened_by UUID NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    refunded_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT campaigns_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT campaigns_tenant_id_fund_id_fkey FOREIGN KEY (tenant_id, fund_id)
        REFERENCES ledger.funds (tenant_id, id),
    CONSTRAINT campaigns_state_check CHECK (state IN ('proposed', 'open', 'settled', 'refunded')),
    CONSTRAINT campaigns_settled_check CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT campaigns_refunded_check CHECK ((state = 'refunded') = (refunded_at IS NOT NULL)),
    CONSTRAINT campaigns_goal_check CHECK (goal_fen > 0 AND min_fen BETWEEN 1 AND goal_fen),
    CONSTRAINT campaigns_excess_check CHECK (excess IN ('refuse', 'to_fund')),
    CONSTRAINT campaigns_match_check CHECK ((unlock_fen IS NULL) = (share_fen IS NULL)
        AND unlock_fen BETWEEN 1 AND goal_fen AND share_fen > 0)
);
CREATE INDEX campaigns_fund_idx ON ledger.campaigns (tenant_id, fund_id, id);
CREATE INDEX campaigns_due_idx ON ledger.campaigns (tenant_id, deadline) WHERE state IN ('proposed', 'open');
CREATE TABLE ledger.campaign_approvals (
    tenant_id VARCHAR(32) NOT NULL,
    campaign_id UUID NOT NULL,
    person_id UUID NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT campaign_approvals_pkey PRIMARY KEY (tenant_id, campaign_id, person_id),
    CONSTRAINT campaign_approvals_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id)
        REFERENCES ledger.campaigns (tenant_id, id)
);
CREATE TABLE ledger.campaign_gifts (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    giver_kind VARCHAR(10) NOT NULL,
    giver_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    due_on DATE,
    pledged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE,
    transaction_id UUID,
    refunded_at TIMESTAMP WITH TIME ZONE,
    refund_id UUID,
    version INTEGER NOT NULL,
    CONSTRAINT campaign_gifts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT campaign_gifts_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id)
        REFERENCES ledger.campaigns (tenant_id, id),
    CONSTRAINT campaign_gifts_amount_check CHECK (amount_fen > 0),
    CONSTRAINT campaign_gifts_giver_kind_check CHECK (giver_kind IN ('unit', 'person', 'household')),
    CONSTRAINT campaign_gifts_received_check CHECK ((received_at IS NULL) = (transaction_id IS NULL)),
    CONSTRAINT campaign_gifts_refunded_check CHECK ((refunded_at IS NULL) = (refund_id IS NULL)),
    CONSTRAINT campaign_gifts_order_check CHECK (refunded_at IS NULL OR received_at IS NOT NULL)
);
CREATE INDEX campaign_gifts_campaign_idx ON ledger.campaign_gifts (tenant_id, campaign_id, id);
CREATE TABLE ledger.campaign_changes (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    goal_fen BIGINT,
    deadline TIMESTAMP WITH TIME ZONE,
    reason TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome VARCHAR(10),
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT campaign_changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT campaign_changes_tenant_id_campaign_id_fkey FOREIGN KEY (tenant_id, campaign_id)
        REFERENCES ledger.campaigns (tenant_id, id),
    CONSTRAINT campaign_changes_content_check CHECK (goal_fen IS NOT NULL OR deadline IS NOT NULL),
    CONSTRAINT campaign_changes_outcome_check CHECK (outcome IN ('accepted', 'withdrawn')),
    CONSTRAINT campaign_changes_decided_check CHECK ((outcome IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX campaign_changes_open_key ON ledger.campaign_changes (tenant_id, campaign_id)
    WHERE decided_at IS NULL;
CREATE TABLE ledger.campaign_answers (
    tenant_id VARCHAR(32) NOT NULL,
    change_id UUID NOT NULL,
    giver_id UUID NOT NULL,
    answer VARCHAR(8) NOT NULL,
    answered_by UUID NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT campaign_answers_pkey PRIMARY KEY (tenant_id, change_id, giver_id),
    CONSTRAINT campaign_answers_tenant_id_change_id_fkey FOREIGN KEY (tenant_id, change_id)
        REFERENCES ledger.campaign_changes (tenant_id, id),
    CONSTRAINT campaign_answers_answer_check CHECK (answer IN ('consent', 'leave'))
)"""
_GUARDS = """
CREATE FUNCTION ledger.check_campaign() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.state IN ('settled', 'refunded')
       AND (NEW.state, NEW.settled_at, NEW.refunded_at)
           IS DISTINCT FROM (OLD.state, OLD.settled_at, OLD.refunded_at) THEN
        RAISE EXCEPTION 'a campaign is settled or refunded, once' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_campaign BEFORE UPDATE ON ledger.campaigns
    FOR EACH ROW EXECUTE FUNCTION ledger.check_campaign();;
CREATE FUNCTION ledger.check_campaign_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.campaigns c WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.campaign_id
               AND c.opened_by = NEW.person_id) THEN
        RAISE EXCEPTION 'who has opened a campaign does not approve its share' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_campaign_approval BEFORE INSERT OR UPDATE ON ledger.campaign_approvals
    FOR EACH ROW EXECUTE FUNCTION ledger.check_campaign_approval()"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    for statement in _GUARDS.split(";;"):
        op.get_bind().exec_driver_sql(statement)
    secure_tables("ledger", "campaigns", "campaign_gifts", "campaign_changes", grants="SELECT, INSERT, UPDATE")
    secure_tables("ledger", "campaign_approvals", "campaign_answers", grants="SELECT, INSERT")


def downgrade() -> None:
    message = "money of campaigns cannot be forgotten; restore the backup of before"
    raise NotImplementedError(message)
