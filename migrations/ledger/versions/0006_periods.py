"""Periods that do not overlap, and the statements of closed ones."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.periods (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE NOT NULL,
    during DATERANGE GENERATED ALWAYS AS (daterange(first_on, last_on, '[]')) STORED NOT NULL,
    state VARCHAR(8) NOT NULL,
    closed_by UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    reopened_because TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT periods_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT periods_tenant_id_book_id_fkey FOREIGN KEY (tenant_id, book_id) REFERENCES ledger.books (tenant_id, id),
    CONSTRAINT periods_state_check CHECK (state IN ('open', 'closed')),
    CONSTRAINT periods_days_check CHECK (first_on <= last_on),
    CONSTRAINT periods_no_overlap UNIQUE (tenant_id, book_id, during WITHOUT OVERLAPS)
);
CREATE TABLE ledger.statements (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    period_id UUID NOT NULL,
    book_id UUID NOT NULL,
    number INTEGER NOT NULL,
    document BYTEA NOT NULL,
    sha256 BYTEA NOT NULL,
    reason TEXT,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    xid BIGINT NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    tree_size BIGINT,
    published_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT statements_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT statements_tenant_id_period_id_fkey FOREIGN KEY (tenant_id, period_id)
        REFERENCES ledger.periods (tenant_id, id),
    CONSTRAINT statements_sha256_check CHECK (octet_length(sha256) = 32),
    CONSTRAINT statements_published_check CHECK ((tree_size IS NULL) = (published_at IS NULL))
);
CREATE UNIQUE INDEX statements_version_key ON ledger.statements (tenant_id, period_id, number);
CREATE INDEX statements_book_idx ON ledger.statements (tenant_id, book_id, id);
CREATE INDEX statements_due_idx ON ledger.statements (tenant_id) WHERE published_at IS NULL"""
_GUARDS = """
CREATE FUNCTION ledger.check_statement_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.published_at IS NOT NULL
       OR (NEW.tenant_id, NEW.id, NEW.period_id, NEW.book_id, NEW.number, NEW.document, NEW.sha256, NEW.reason,
           NEW.made_at, NEW.xid)
          IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.period_id, OLD.book_id, OLD.number, OLD.document, OLD.sha256,
                            OLD.reason, OLD.made_at, OLD.xid) THEN
        RAISE EXCEPTION 'a statement is published once and never changed' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER stays BEFORE UPDATE ON ledger.statements FOR EACH ROW EXECUTE FUNCTION ledger.check_statement_stays();;
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.statements
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();;
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ledger.statements
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        # Straight to the driver: a cast is no bound parameter.
        op.get_bind().exec_driver_sql(statement)
    for statement in _GUARDS.split(";;"):
        op.get_bind().exec_driver_sql(statement)
    secure_tables("ledger", "periods", "statements", grants="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.execute("DROP TABLE ledger.statements, ledger.periods")
    op.execute("DROP FUNCTION ledger.check_statement_stays")
