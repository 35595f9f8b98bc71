"""Lines of bank statements, what they tell of, and who decided so."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.bank_lines (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    account_id UUID NOT NULL,
    booked_on DATE NOT NULL,
    amount_fen BIGINT NOT NULL,
    description VARCHAR(200) NOT NULL,
    counterparty VARCHAR(80),
    reference VARCHAR(80),
    balance_fen BIGINT,
    fingerprint BYTEA NOT NULL,
    place INTEGER NOT NULL,
    state VARCHAR(10) NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT bank_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bank_lines_tenant_id_account_id_fkey FOREIGN KEY (tenant_id, account_id)
        REFERENCES ledger.accounts (tenant_id, id),
    CONSTRAINT bank_lines_state_check CHECK (state IN ('unmatched', 'matched', 'ignored')),
    CONSTRAINT bank_lines_amount_check CHECK (amount_fen <> 0)
);
CREATE UNIQUE INDEX bank_lines_fingerprint_key ON ledger.bank_lines (tenant_id, account_id, fingerprint);
CREATE INDEX bank_lines_account_idx ON ledger.bank_lines (tenant_id, account_id, booked_on, id);
CREATE TABLE ledger.bank_matches (
    tenant_id VARCHAR(32) NOT NULL,
    account_id UUID NOT NULL,
    transaction_id UUID NOT NULL,
    leg INTEGER NOT NULL,
    line_id UUID NOT NULL,
    CONSTRAINT bank_matches_pkey PRIMARY KEY (tenant_id, account_id, transaction_id, leg),
    CONSTRAINT bank_matches_tenant_id_line_id_fkey FOREIGN KEY (tenant_id, line_id)
        REFERENCES ledger.bank_lines (tenant_id, id)
);
CREATE INDEX bank_matches_line_idx ON ledger.bank_matches (tenant_id, line_id);
CREATE TABLE ledger.bank_decisions (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    action VARCHAR(8) NOT NULL,
    reason TEXT,
    actor VARCHAR(80) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT bank_decisions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bank_decisions_tenant_id_line_id_fkey FOREIGN KEY (tenant_id, line_id)
        REFERENCES ledger.bank_lines (tenant_id, id),
    CONSTRAINT bank_decisions_action_check CHECK (action IN ('match', 'unmatch', 'ignore', 'book'))
);
CREATE INDEX bank_decisions_line_idx ON ledger.bank_decisions (tenant_id, line_id, id)"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("ledger", "bank_lines", grants="SELECT, INSERT, UPDATE")
    secure_tables("ledger", "bank_matches", grants="SELECT, INSERT, DELETE")
    secure_tables("ledger", "bank_decisions", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute("DROP TABLE ledger.bank_decisions, ledger.bank_matches, ledger.bank_lines")
