"""Imports: files, their lines, and by what rows are known again; cases remember where they came from."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CASES = """
ALTER TABLE intake.cases
    ADD COLUMN external_source VARCHAR(40),
    ADD COLUMN external_ref VARCHAR(80),
    ADD COLUMN import_id UUID;
CREATE UNIQUE INDEX cases_external_key ON intake.cases (tenant_id, external_source, external_ref)
    WHERE external_ref IS NOT NULL"""

_TABLES = """
CREATE TABLE intake.imports (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    source VARCHAR(40) NOT NULL,
    file_name VARCHAR(200),
    format VARCHAR(4) NOT NULL,
    dry_run BOOLEAN NOT NULL,
    state VARCHAR(10) NOT NULL,
    content BYTEA,
    sha256 BYTEA NOT NULL,
    size_bytes INTEGER NOT NULL,
    importer_id UUID NOT NULL,
    actor VARCHAR(80) NOT NULL,
    reach VARCHAR(400)[] NOT NULL,
    unknown_columns VARCHAR(60)[] NOT NULL,
    rows INTEGER,
    next_row INTEGER NOT NULL,
    counts JSONB NOT NULL,
    problem JSONB,
    lease_id UUID,
    lease_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT imports_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT imports_state_check CHECK (state IN ('queued', 'reading', 'running', 'done', 'failed', 'cancelled')),
    CONSTRAINT imports_format_check CHECK (format IN ('xlsx', 'csv')),
    CONSTRAINT imports_finished_check CHECK ((state IN ('queued', 'reading', 'running')) = (finished_at IS NULL)
        AND (content IS NOT NULL OR finished_at IS NOT NULL))
);
CREATE INDEX imports_open_idx ON intake.imports (tenant_id, created_at) WHERE finished_at IS NULL;
CREATE INDEX imports_file_idx ON intake.imports (tenant_id, finished_at) WHERE content IS NOT NULL;
CREATE TABLE intake.import_lines (
    tenant_id VARCHAR(32) NOT NULL,
    import_id UUID NOT NULL,
    line INTEGER NOT NULL,
    fate VARCHAR(20) NOT NULL,
    case_id UUID,
    number VARCHAR(20),
    complaints JSONB NOT NULL,
    CONSTRAINT import_lines_pkey PRIMARY KEY (tenant_id, import_id, line),
    CONSTRAINT import_lines_tenant_id_import_id_fkey FOREIGN KEY (tenant_id, import_id)
        REFERENCES intake.imports (tenant_id, id),
    CONSTRAINT import_lines_fate_check CHECK (fate IN ('filed', 'good', 'unchanged', 'changed_elsewhere', 'repeated',
        'bad'))
);
CREATE INDEX import_lines_fate_idx ON intake.import_lines (tenant_id, import_id, fate, line);
CREATE TABLE intake.import_keys (
    tenant_id VARCHAR(32) NOT NULL,
    source VARCHAR(40) NOT NULL,
    key VARCHAR(100) NOT NULL,
    row_hash BYTEA NOT NULL,
    case_id UUID NOT NULL,
    number VARCHAR(20) NOT NULL,
    import_id UUID NOT NULL,
    line INTEGER NOT NULL,
    CONSTRAINT import_keys_pkey PRIMARY KEY (tenant_id, source, key),
    CONSTRAINT import_keys_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT import_keys_tenant_id_import_id_fkey FOREIGN KEY (tenant_id, import_id)
        REFERENCES intake.imports (tenant_id, id)
)"""


def upgrade() -> None:
    for statement in (*_CASES.split(";"), *_TABLES.split(";")):
        op.execute(statement)
    secure_tables("intake", "imports", grants="SELECT, INSERT, UPDATE")
    secure_tables("intake", "import_lines", "import_keys", grants="SELECT, INSERT")
    op.execute(f"CREATE POLICY relay ON intake.imports FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON intake.imports TO {RELAY_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE intake.import_keys, intake.import_lines, intake.imports")
    op.execute("DROP INDEX intake.cases_external_key")
    for column in ("external_source", "external_ref", "import_id"):
        op.execute(f"ALTER TABLE intake.cases DROP COLUMN {column}")
