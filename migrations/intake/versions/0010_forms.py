"""Questions of categories and their answers, categories with dates, drafts, attachments that wait to be scanned."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.category_forms (
    tenant_id varchar(32) NOT NULL, category varchar(40) NOT NULL, version integer NOT NULL,
    schema json NOT NULL, ui json NOT NULL, published_by varchar(80) NOT NULL, published_at timestamptz NOT NULL,
    CONSTRAINT category_forms_pkey PRIMARY KEY (tenant_id, category, version),
    CONSTRAINT category_forms_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT category_forms_version_check CHECK (version > 1));
ALTER TABLE intake.cases
    ADD COLUMN answers jsonb,
    ADD COLUMN form_version integer,
    ADD COLUMN answers_changed_at timestamptz;
CREATE INDEX cases_joiners_idx ON intake.cases (tenant_id, joiners DESC, filed_at DESC, id DESC)
    WHERE state <> 'closed';
CREATE INDEX cases_category_idx ON intake.cases (tenant_id, category, filed_at DESC);
ALTER TABLE intake.categories
    ADD COLUMN valid_from date NOT NULL DEFAULT '2000-01-01',
    ADD COLUMN valid_to date,
    ADD COLUMN successor_code varchar(40),
    ADD CONSTRAINT categories_tenant_id_successor_code_fkey FOREIGN KEY (tenant_id, successor_code)
        REFERENCES intake.categories (tenant_id, code),
    ADD CONSTRAINT categories_validity_check CHECK (valid_to >= valid_from),
    ADD CONSTRAINT categories_successor_check CHECK (successor_code IS NULL OR valid_to IS NOT NULL);
CREATE TABLE intake.drafts (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, owner_id uuid NOT NULL, body jsonb NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, version integer NOT NULL,
    CONSTRAINT drafts_pkey PRIMARY KEY (tenant_id, id));
CREATE INDEX drafts_owner_idx ON intake.drafts (tenant_id, owner_id, updated_at DESC, id DESC);
CREATE INDEX drafts_updated_idx ON intake.drafts (tenant_id, updated_at);
ALTER TABLE intake.attachments
    ADD COLUMN state varchar(8) NOT NULL DEFAULT 'clean',
    ADD COLUMN reason varchar(40),
    ADD COLUMN scanned_at timestamptz,
    ADD CONSTRAINT attachments_state_check CHECK (state IN ('held', 'clean', 'refused')),
    ADD CONSTRAINT attachments_reason_check CHECK ((state = 'refused') = (reason IS NOT NULL));
CREATE TABLE intake.held_attachments (
    tenant_id varchar(32) NOT NULL, attachment_id uuid NOT NULL, tries integer NOT NULL, next_at timestamptz NOT NULL,
    CONSTRAINT held_attachments_pkey PRIMARY KEY (tenant_id, attachment_id),
    CONSTRAINT held_attachments_tenant_id_attachment_id_fkey FOREIGN KEY (tenant_id, attachment_id)
        REFERENCES intake.attachments (tenant_id, id))"""

_VISITED = ("drafts", "held_attachments")


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("intake", *_VISITED)
    # What was once asked stays known: cases name the version that they were asked.
    secure_tables("intake", "category_forms", grants="SELECT, INSERT")
    for table in _VISITED:
        op.execute(f"CREATE POLICY relay ON intake.{table} FOR SELECT TO {RELAY_ROLE} USING (true)")
        op.execute(f"GRANT SELECT (tenant_id) ON intake.{table} TO {RELAY_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE intake.held_attachments, intake.drafts, intake.category_forms")
    op.execute("DROP INDEX intake.cases_joiners_idx, intake.cases_category_idx")
    for table, columns in (
        ("attachments", ("state", "reason", "scanned_at")),
        ("categories", ("valid_from", "valid_to", "successor_code")),
        ("cases", ("answers", "form_version", "answers_changed_at")),
    ):
        for column in columns:
            op.execute(f"ALTER TABLE intake.{table} DROP COLUMN {column} CASCADE")
