"""Questions about lines of open books, and their answers."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.questions (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    book_id UUID NOT NULL,
    transaction_id UUID NOT NULL,
    leg INTEGER NOT NULL,
    text TEXT NOT NULL,
    asked_by UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    answer TEXT,
    answered_by UUID,
    answered_at TIMESTAMP WITH TIME ZONE,
    hidden_because TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT questions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT questions_tenant_id_book_id_fkey FOREIGN KEY (tenant_id, book_id)
        REFERENCES ledger.books (tenant_id, id),
    CONSTRAINT questions_tenant_id_transaction_id_leg_fkey FOREIGN KEY (tenant_id, transaction_id, leg)
        REFERENCES ledger.postings (tenant_id, transaction_id, leg),
    CONSTRAINT questions_answer_check CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX questions_book_idx ON ledger.questions (tenant_id, book_id, id);
CREATE INDEX questions_open_idx ON ledger.questions (tenant_id, book_id, asked_by) WHERE answered_at IS NULL"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("ledger", "questions", grants="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.execute("DROP TABLE ledger.questions")
