"""Property books: charges, receipts, spending and plans, with what the database itself keeps of their rules."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.property_books (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(200) NOT NULL,
    area_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    company_unit_id UUID NOT NULL,
    book_id UUID NOT NULL,
    categories JSONB NOT NULL,
    opening_fen BIGINT,
    opening_on DATE,
    bank_account UUID NOT NULL,
    receivable_account UUID NOT NULL,
    net_assets_account UUID NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT property_books_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT property_books_tenant_id_book_id_fkey FOREIGN KEY(tenant_id, book_id) REFERENCES ledger.books
        (tenant_id, id),
    CONSTRAINT property_books_opening_check CHECK ((opening_fen IS NULL) = (opening_on IS NULL) AND opening_fen > 0)
);
CREATE UNIQUE INDEX property_books_book_key ON ledger.property_books (tenant_id, book_id);
CREATE TABLE ledger.property_charges (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    property_book_id UUID NOT NULL,
    kind VARCHAR(12) NOT NULL,
    payer_kind VARCHAR(10) NOT NULL,
    payer_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    charged_on DATE NOT NULL,
    due_on DATE NOT NULL,
    period VARCHAR(40),
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT property_charges_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT property_charges_tenant_id_id_fkey FOREIGN KEY(tenant_id, id) REFERENCES ledger.transactions
        (tenant_id, id),
    CONSTRAINT property_charges_tenant_id_property_book_id_fkey FOREIGN KEY(tenant_id, property_book_id) REFERENCES
        ledger.property_books (tenant_id, id),
    CONSTRAINT property_charges_amount_check CHECK (amount_fen > 0),
    CONSTRAINT property_charges_kind_check CHECK (kind IN ('fees', 'parking', 'advertising', 'other')),
    CONSTRAINT property_charges_payer_kind_check CHECK (payer_kind IN ('household', 'unit'))
);
CREATE INDEX property_charges_book_idx ON ledger.property_charges
    (tenant_id, property_book_id, recorded_at DESC, id DESC);
CREATE INDEX property_charges_payer_idx ON ledger.property_charges (tenant_id, property_book_id, payer_id);
CREATE TABLE ledger.property_receipts (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    property_book_id UUID NOT NULL,
    charge_id UUID NOT NULL,
    amount_fen BIGINT NOT NULL,
    received_on DATE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT property_receipts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT property_receipts_tenant_id_id_fkey FOREIGN KEY(tenant_id, id) REFERENCES ledger.transactions
        (tenant_id, id),
    CONSTRAINT property_receipts_tenant_id_property_book_id_fkey FOREIGN KEY(tenant_id, property_book_id) REFERENCES
        ledger.property_books (tenant_id, id),
    CONSTRAINT property_receipts_tenant_id_charge_id_fkey FOREIGN KEY(tenant_id, charge_id) REFERENCES
        ledger.property_charges (tenant_id, id),
    CONSTRAINT property_receipts_amount_check CHECK (amount_fen > 0)
);
CREATE INDEX property_receipts_book_idx ON ledger.property_receipts
    (tenant_id, property_book_id, recorded_at DESC, id DESC);
CREATE INDEX property_receipts_charge_idx ON ledger.property_receipts (tenant_id, charge_id);
CREATE TABLE ledger.property_spending (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    property_book_id UUID NOT NULL,
    category VARCHAR(40) NOT NULL,
    supplier VARCHAR(200) NOT NULL,
    description VARCHAR(200) NOT NULL,
    document_sha256 BYTEA NOT NULL,
    amount_fen BIGINT NOT NULL,
    spent_on DATE NOT NULL,
    state VARCHAR(10) NOT NULL,
    requested_by UUID NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    paid_by UUID,
    paid_at TIMESTAMP WITH TIME ZONE,
    refused_by UUID,
    reason TEXT,
    transaction_id UUID,
    version INTEGER NOT NULL,
    CONSTRAINT property_spending_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT property_spending_tenant_id_property_book_id_fkey FOREIGN KEY(tenant_id, property_book_id) REFERENCES
        ledger.property_books (tenant_id, id),
    CONSTRAINT property_spending_tenant_id_transaction_id_fkey FOREIGN KEY(tenant_id, transaction_id) REFERENCES
        ledger.transactions (tenant_id, id),
    CONSTRAINT property_spending_amount_check CHECK (amount_fen > 0),
    CONSTRAINT property_spending_state_check CHECK (state IN ('requested', 'approved', 'paid', 'refused')),
    CONSTRAINT property_spending_document_check CHECK (octet_length(document_sha256) = 32),
    CONSTRAINT property_spending_duties_check CHECK (approved_by <> requested_by AND paid_by <> requested_by AND
        paid_by <> approved_by AND refused_by <> requested_by),
    CONSTRAINT property_spending_signed_check CHECK (CASE state
        WHEN 'requested' THEN num_nonnulls(approved_by, paid_by, refused_by, transaction_id) = 0
        WHEN 'approved' THEN approved_by IS NOT NULL AND num_nonnulls(paid_by, refused_by, transaction_id) = 0
        WHEN 'paid' THEN num_nonnulls(approved_by, paid_by, transaction_id) = 3 AND refused_by IS NULL
        ELSE refused_by IS NOT NULL AND num_nonnulls(paid_by, transaction_id) = 0 END)
);
CREATE UNIQUE INDEX property_spending_document_key ON ledger.property_spending (tenant_id, document_sha256)
    WHERE state <> 'refused';
CREATE UNIQUE INDEX property_spending_transaction_key ON ledger.property_spending (tenant_id, transaction_id);
CREATE INDEX property_spending_book_idx ON ledger.property_spending
    (tenant_id, property_book_id, requested_at DESC, id DESC);
CREATE TABLE ledger.property_budgets (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    property_book_id UUID NOT NULL,
    year INTEGER NOT NULL,
    version INTEGER NOT NULL,
    planned_by VARCHAR(80) NOT NULL,
    planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT property_budgets_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT property_budgets_tenant_id_property_book_id_fkey FOREIGN KEY(tenant_id, property_book_id) REFERENCES
        ledger.property_books (tenant_id, id),
    CONSTRAINT property_budgets_year_check CHECK (year BETWEEN 2000 AND 2200)
);
CREATE UNIQUE INDEX property_budgets_version_key ON ledger.property_budgets
    (tenant_id, property_book_id, year, version);
CREATE TABLE ledger.property_budget_lines (
    tenant_id VARCHAR(32) NOT NULL,
    budget_id UUID NOT NULL,
    account_id UUID NOT NULL,
    planned_fen BIGINT NOT NULL,
    CONSTRAINT property_budget_lines_pkey PRIMARY KEY (tenant_id, budget_id, account_id),
    CONSTRAINT property_budget_lines_tenant_id_budget_id_fkey FOREIGN KEY(tenant_id, budget_id) REFERENCES
        ledger.property_budgets (tenant_id, id),
    CONSTRAINT property_budget_lines_tenant_id_account_id_fkey FOREIGN KEY(tenant_id, account_id) REFERENCES
        ledger.accounts (tenant_id, id),
    CONSTRAINT property_budget_lines_planned_check CHECK (planned_fen >= 0)
)"""
_RULES = """
-- What was posted under an id, with one leg, and in whose book. One look-up by key after another costs the same
-- however much there is, and whatever the planner knows.
CREATE FUNCTION ledger.property_posting(
    p_tenant text, p_id uuid, OUT property_book_id uuid, OUT effective_on date, OUT document bytea, OUT amount bigint,
    OUT debit text, OUT credit text) LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    book uuid; debited uuid; credited uuid;
BEGIN
    SELECT t.book_id, t.effective_on, t.document_sha256 INTO book, effective_on, document
    FROM ledger.transactions t WHERE t.tenant_id = p_tenant AND t.id = p_id;
    SELECT b.id INTO property_book_id FROM ledger.property_books b WHERE b.tenant_id = p_tenant AND b.book_id = book;
    SELECT p.amount, p.debit_account, p.credit_account INTO amount, debited, credited
    FROM ledger.postings p WHERE p.tenant_id = p_tenant AND p.transaction_id = p_id AND p.leg = 1;
    SELECT a.code INTO debit FROM ledger.accounts a WHERE a.tenant_id = p_tenant AND a.id = debited;
    SELECT a.code INTO credit FROM ledger.accounts a WHERE a.tenant_id = p_tenant AND a.id = credited;
END $$;;
-- What a line says is what was posted under its id, in its book, between the accounts where it belongs, on its day.
CREATE FUNCTION ledger.check_property_charge() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    posted record;
BEGIN
    SELECT * INTO posted FROM ledger.property_posting(NEW.tenant_id, NEW.id);
    IF (posted.property_book_id, posted.effective_on, posted.amount, posted.debit, posted.credit)
       IS DISTINCT FROM (NEW.property_book_id, NEW.charged_on, NEW.amount_fen, 'receivable'::text,
                         'income:' || NEW.kind) THEN
        RAISE EXCEPTION 'a charge is what was posted under its id' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
-- All receipts of a charge together stay within it, whoever writes: the lock makes one receipt see the other. What was
-- taken back of a charge or of a receipt counts no more.
CREATE FUNCTION ledger.check_property_receipt() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    posted record;
    open_fen numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.tenant_id || '/' || NEW.charge_id::text, 0));
    SELECT * INTO posted FROM ledger.property_posting(NEW.tenant_id, NEW.id);
    IF (posted.property_book_id, posted.effective_on, posted.amount, posted.debit, posted.credit)
       IS DISTINCT FROM (NEW.property_book_id, NEW.received_on, NEW.amount_fen, 'bank'::text, 'receivable'::text)
       OR NEW.property_book_id IS DISTINCT FROM (
           SELECT c.property_book_id FROM ledger.property_charges c
           WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.charge_id) THEN
        RAISE EXCEPTION 'a receipt is what was posted under its id' USING ERRCODE = '23514';
    END IF;
    SELECT sum(l.sign * (l.amount_fen - coalesce((
        SELECT sum(p.amount) FROM ledger.transactions t
        JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
        WHERE t.tenant_id = NEW.tenant_id AND t.original_id = l.id), 0))) INTO open_fen
    FROM (
        SELECT c.id, c.amount_fen, 1 FROM ledger.property_charges c
        WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.charge_id
        UNION ALL
        SELECT r.id, r.amount_fen, -1 FROM ledger.property_receipts r
        WHERE r.tenant_id = NEW.tenant_id AND r.charge_id = NEW.charge_id) AS l (id, amount_fen, sign);
    IF NEW.amount_fen > open_fen THEN
        RAISE EXCEPTION 'the receipts of a charge stay within it' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
-- A spending begins as a request; what it says and who has signed stays; what is paid is what was posted.
CREATE FUNCTION ledger.check_property_spending() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    posted record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'requested' THEN
            RAISE EXCEPTION 'a spending begins as a request' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.tenant_id, NEW.id, NEW.property_book_id, NEW.category, NEW.supplier, NEW.description, NEW.document_sha256,
        NEW.amount_fen, NEW.spent_on, NEW.requested_by, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.tenant_id, OLD.id, OLD.property_book_id, OLD.category, OLD.supplier, OLD.description, OLD.document_sha256,
        OLD.amount_fen, OLD.spent_on, OLD.requested_by, OLD.requested_at)
       OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by)
       OR (OLD.state, NEW.state) NOT IN (('requested', 'approved'), ('requested', 'refused'), ('approved', 'paid'),
                                         ('approved', 'refused')) THEN
        RAISE EXCEPTION 'what a spending says and who has signed it stays' USING ERRCODE = '23514';
    END IF;
    SELECT * INTO posted FROM ledger.property_posting(NEW.tenant_id, NEW.transaction_id);
    IF NEW.state = 'paid'
       AND (posted.property_book_id, posted.effective_on, posted.document, posted.amount, posted.debit, posted.credit)
       IS DISTINCT FROM (NEW.property_book_id, NEW.spent_on, NEW.document_sha256, NEW.amount_fen,
                         'expense:' || NEW.category, 'bank'::text) THEN
        RAISE EXCEPTION 'a spending that is paid was posted' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER check_property_charge BEFORE INSERT ON ledger.property_charges
    FOR EACH ROW EXECUTE FUNCTION ledger.check_property_charge();;
CREATE TRIGGER check_property_receipt BEFORE INSERT ON ledger.property_receipts
    FOR EACH ROW EXECUTE FUNCTION ledger.check_property_receipt();;
CREATE TRIGGER check_property_spending BEFORE INSERT OR UPDATE ON ledger.property_spending
    FOR EACH ROW EXECUTE FUNCTION ledger.check_property_spending()"""
_WRITTEN_ONCE = (
    "property_books",
    "property_charges",
    "property_receipts",
    "property_budgets",
    "property_budget_lines",
)


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("ledger", *_WRITTEN_ONCE, grants="SELECT, INSERT")
    secure_tables("ledger", "property_spending", grants="SELECT, INSERT, UPDATE")
    for statement in _RULES.split(";;"):
        op.execute(statement)
    for table in ("property_charges", "property_receipts"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()"
        )


def downgrade() -> None:
    for table in ("budget_lines", "budgets", "spending", "receipts", "charges", "books"):
        op.execute(f"DROP TABLE ledger.property_{table}")
    for function in ("charge", "receipt", "spending"):
        op.execute(f"DROP FUNCTION ledger.check_property_{function}()")
    op.execute("DROP FUNCTION ledger.property_posting(text, uuid)")
