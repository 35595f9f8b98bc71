"""Books, funds, grants and invoices, with the posting function and the kernel's tables."""

from pathlib import Path

from alembic import op

from shared.db.kernel_tables import create_kernel_tables, create_reference_tables
from shared.db.migrations import secure_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
_TABLES = """
CREATE TABLE ledger.books (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT books_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX books_area_idx ON ledger.books USING gist (area_path);
CREATE TABLE ledger.projects (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    is_completed BOOLEAN NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (tenant_id, id)
);
CREATE TABLE ledger.accounts (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    code VARCHAR(80) NOT NULL,
    name VARCHAR(200) NOT NULL,
    class VARCHAR(12) NOT NULL,
    unit VARCHAR(8) NOT NULL,
    floor_fen BIGINT,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT accounts_tenant_id_book_id_fkey FOREIGN KEY(tenant_id, book_id) REFERENCES ledger.books (tenant_id, id),
    CONSTRAINT accounts_class_check CHECK (class IN ('asset', 'liability', 'net_assets', 'income', 'expense',
        'clearing', 'budget', 'memo')),
    CONSTRAINT accounts_unit_check CHECK (unit IN ('CNY', 'hours', 'pieces'))
);
CREATE UNIQUE INDEX accounts_code_key ON ledger.accounts (tenant_id, book_id, code);
CREATE TABLE ledger.funds (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    book_id UUID NOT NULL,
    charter JSONB NOT NULL,
    bank_account UUID NOT NULL,
    fund_account UUID NOT NULL,
    expense_account UUID NOT NULL,
    released_account UUID NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT funds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT funds_tenant_id_book_id_fkey FOREIGN KEY(tenant_id, book_id) REFERENCES ledger.books (tenant_id, id)
);
CREATE INDEX funds_area_idx ON ledger.funds USING gist (area_path);
CREATE TABLE ledger.transactions (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    kind VARCHAR(8) NOT NULL,
    result VARCHAR(24) NOT NULL,
    body_hash BYTEA NOT NULL,
    hold_id UUID,
    description TEXT NOT NULL,
    effective_on DATE NOT NULL,
    actor VARCHAR(80) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transactions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT transactions_tenant_id_book_id_fkey FOREIGN KEY(tenant_id, book_id) REFERENCES ledger.books
        (tenant_id, id),
    CONSTRAINT transactions_kind_check CHECK (kind IN ('post', 'hold', 'settle', 'void'))
);
CREATE INDEX transactions_book_idx ON ledger.transactions (tenant_id, book_id, created_at DESC, id DESC);
CREATE TABLE ledger.balances (
    tenant_id VARCHAR(32) NOT NULL,
    account_id UUID NOT NULL,
    book_id UUID NOT NULL,
    unit VARCHAR(8) NOT NULL,
    debit_normal BOOLEAN NOT NULL,
    floor_fen BIGINT,
    posted_debits BIGINT DEFAULT 0 NOT NULL,
    posted_credits BIGINT DEFAULT 0 NOT NULL,
    pending_debits BIGINT DEFAULT 0 NOT NULL,
    pending_credits BIGINT DEFAULT 0 NOT NULL,
    last_sequence BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT balances_pkey PRIMARY KEY (tenant_id, account_id),
    CONSTRAINT balances_tenant_id_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES ledger.accounts
        (tenant_id, id),
    CONSTRAINT balances_floor_check CHECK (floor_fen IS NULL OR CASE WHEN debit_normal THEN posted_debits -
        posted_credits - pending_credits ELSE posted_credits - posted_debits - pending_debits END >= floor_fen),
    CONSTRAINT balances_gross_check CHECK (posted_debits >= 0 AND posted_credits >= 0 AND pending_debits >= 0 AND
        pending_credits >= 0)
);
CREATE TABLE ledger.grants (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    fund_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    project_id UUID,
    request_id UUID,
    applicant_id UUID NOT NULL,
    category VARCHAR(40) NOT NULL,
    purpose VARCHAR(200) NOT NULL,
    total_fen BIGINT NOT NULL,
    own_fen BIGINT NOT NULL,
    asked_fen BIGINT NOT NULL,
    approvals_needed INTEGER NOT NULL,
    state VARCHAR(10) NOT NULL,
    reason TEXT,
    account_id UUID NOT NULL,
    hold_id UUID,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT grants_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT grants_tenant_id_fund_id_fkey FOREIGN KEY(tenant_id, fund_id) REFERENCES ledger.funds (tenant_id, id),
    CONSTRAINT grants_state_check CHECK (state IN ('submitted', 'approved', 'refused', 'withdrawn', 'closed')),
    CONSTRAINT grants_sum_check CHECK (asked_fen > 0 AND own_fen >= 0 AND asked_fen + own_fen = total_fen)
);
CREATE INDEX grants_fund_idx ON ledger.grants (tenant_id, fund_id, submitted_at DESC, id DESC);
CREATE UNIQUE INDEX grants_request_key ON ledger.grants (tenant_id, request_id);
CREATE TABLE ledger.holds (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    debit_account UUID NOT NULL,
    credit_account UUID NOT NULL,
    unit VARCHAR(8) NOT NULL,
    amount BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    released BIGINT NOT NULL,
    state VARCHAR(8) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT holds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT holds_tenant_id_id_fkey FOREIGN KEY(tenant_id, id) REFERENCES ledger.transactions (tenant_id, id),
    CONSTRAINT holds_state_check CHECK (state IN ('open', 'settled', 'voided')),
    CONSTRAINT holds_parts_check CHECK (settled >= 0 AND released >= 0 AND settled + released <= amount),
    CONSTRAINT holds_resolved_check CHECK (state = 'open' OR settled + released = amount)
);
CREATE TABLE ledger.postings (
    tenant_id VARCHAR(32) NOT NULL,
    transaction_id UUID NOT NULL,
    leg INTEGER NOT NULL,
    debit_account UUID NOT NULL,
    credit_account UUID NOT NULL,
    unit VARCHAR(8) NOT NULL,
    amount BIGINT NOT NULL,
    debit_sequence BIGINT NOT NULL,
    debit_after BIGINT NOT NULL,
    credit_sequence BIGINT NOT NULL,
    credit_after BIGINT NOT NULL,
    CONSTRAINT postings_pkey PRIMARY KEY (tenant_id, transaction_id, leg),
    CONSTRAINT postings_tenant_id_transaction_id_fkey FOREIGN KEY(tenant_id, transaction_id) REFERENCES
        ledger.transactions (tenant_id, id),
    CONSTRAINT postings_tenant_id_debit_account_fkey FOREIGN KEY(tenant_id, debit_account) REFERENCES ledger.accounts
        (tenant_id, id),
    CONSTRAINT postings_tenant_id_credit_account_fkey FOREIGN KEY(tenant_id, credit_account) REFERENCES
        ledger.accounts (tenant_id, id),
    CONSTRAINT postings_amount_check CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT postings_two_accounts_check CHECK (debit_account <> credit_account)
);
CREATE UNIQUE INDEX postings_credit_key ON ledger.postings (tenant_id, credit_account, credit_sequence);
CREATE UNIQUE INDEX postings_debit_key ON ledger.postings (tenant_id, debit_account, debit_sequence);
CREATE TABLE ledger.contributions (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    fund_id UUID NOT NULL,
    grant_id UUID,
    giver_kind VARCHAR(10) NOT NULL,
    giver_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    due_on DATE,
    pledged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE,
    transaction_id UUID,
    version INTEGER NOT NULL,
    CONSTRAINT contributions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT contributions_tenant_id_fund_id_fkey FOREIGN KEY(tenant_id, fund_id) REFERENCES ledger.funds
        (tenant_id, id),
    CONSTRAINT contributions_tenant_id_grant_id_fkey FOREIGN KEY(tenant_id, grant_id) REFERENCES ledger.grants
        (tenant_id, id),
    CONSTRAINT contributions_amount_check CHECK (amount_fen > 0),
    CONSTRAINT contributions_giver_kind_check CHECK (giver_kind IN ('unit', 'person', 'household'))
);
CREATE INDEX contributions_fund_idx ON ledger.contributions (tenant_id, fund_id, pledged_at DESC, id DESC);
CREATE INDEX contributions_grant_idx ON ledger.contributions (tenant_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE TABLE ledger.grant_votes (
    tenant_id VARCHAR(32) NOT NULL,
    grant_id UUID NOT NULL,
    person_id UUID NOT NULL,
    vote VARCHAR(8) NOT NULL,
    reason TEXT,
    voted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT grant_votes_pkey PRIMARY KEY (tenant_id, grant_id, person_id),
    CONSTRAINT grant_votes_tenant_id_grant_id_fkey FOREIGN KEY(tenant_id, grant_id) REFERENCES ledger.grants
        (tenant_id, id),
    CONSTRAINT grant_votes_vote_check CHECK (vote IN ('approve', 'refuse', 'recuse'))
);
CREATE TABLE ledger.invoices (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    grant_id UUID NOT NULL,
    supplier VARCHAR(200) NOT NULL,
    number VARCHAR(200) NOT NULL,
    document_sha256 BYTEA NOT NULL,
    amount_fen BIGINT NOT NULL,
    state VARCHAR(10) NOT NULL,
    received_by UUID NOT NULL,
    approved_by UUID,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoices_tenant_id_grant_id_fkey FOREIGN KEY(tenant_id, grant_id) REFERENCES ledger.grants (tenant_id,
        id),
    CONSTRAINT invoices_amount_check CHECK (amount_fen > 0),
    CONSTRAINT invoices_state_check CHECK (state IN ('received', 'approved', 'paid'))
);
CREATE UNIQUE INDEX invoices_document_key ON ledger.invoices (tenant_id, document_sha256);
CREATE INDEX invoices_grant_idx ON ledger.invoices (tenant_id, grant_id);
CREATE TABLE ledger.payments (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    invoice_id UUID NOT NULL,
    payer_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    transaction_id UUID NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payments_tenant_id_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES ledger.invoices
        (tenant_id, id),
    CONSTRAINT payments_tenant_id_transaction_id_fkey FOREIGN KEY(tenant_id, transaction_id) REFERENCES
        ledger.transactions (tenant_id, id)
);
CREATE UNIQUE INDEX payments_invoice_key ON ledger.payments (tenant_id, invoice_id)"""
# Written once and never again, by nobody.
_APPEND_ONLY = """
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = '42501'; END $$"""
# Applicant, approvers and payer are different people: the rule of the services, kept by the database as well.
_DUTIES = """
CREATE FUNCTION ledger.check_vote() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.grants g WHERE g.tenant_id = NEW.tenant_id AND g.id = NEW.grant_id
               AND g.applicant_id = NEW.person_id) THEN
        RAISE EXCEPTION 'the applicant does not vote' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE FUNCTION ledger.check_payment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.invoices i JOIN ledger.grants g ON g.tenant_id = i.tenant_id AND g.id = i.grant_id
               WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.invoice_id
               AND (NEW.payer_id = g.applicant_id OR NEW.payer_id = i.approved_by
                    OR NEW.amount_fen <> i.amount_fen
                    OR EXISTS (SELECT FROM ledger.grant_votes v WHERE v.tenant_id = g.tenant_id
                               AND v.grant_id = g.id AND v.person_id = NEW.payer_id AND v.vote = 'approve'))) THEN
        RAISE EXCEPTION 'the payer is neither applicant nor approver, and pays the whole' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_vote BEFORE INSERT OR UPDATE ON ledger.grant_votes
    FOR EACH ROW EXECUTE FUNCTION ledger.check_vote();;
CREATE TRIGGER check_payment BEFORE INSERT OR UPDATE ON ledger.payments
    FOR EACH ROW EXECUTE FUNCTION ledger.check_payment()"""


def upgrade() -> None:
    create_kernel_tables("ledger")
    create_reference_tables("ledger")
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables(
        "ledger",
        "books",
        "projects",
        "funds",
        "grants",
        "contributions",
        "grant_votes",
        "invoices",
        "payments",
    )
    # Only the posting functions write these.
    secure_tables("ledger", "accounts", "balances", "transactions", "postings", "holds", grants="SELECT")
    op.execute(_APPEND_ONLY)
    for table in ("transactions", "postings"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ledger.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()"
        )
    for statement in _DUTIES.split(";;"):
        op.execute(statement)
    for name in ("post", "open_account"):
        # Straight to the driver: an array slice like [1:mark] is no bound parameter.
        op.get_bind().exec_driver_sql(_FUNCTIONS.joinpath(f"{name}_v1.sql").read_text(encoding="utf-8"))
        op.execute(f"REVOKE ALL ON FUNCTION ledger.{name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION ledger.{name} TO linli_ledger")


def downgrade() -> None:
    op.execute("DROP SCHEMA ledger CASCADE")
    op.execute("CREATE SCHEMA ledger")
