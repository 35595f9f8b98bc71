"""Keys of other civic apps, how categories are offered to them, what they file, and sealed contacts."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.open311_keys (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, name varchar(200) NOT NULL, area_id uuid NOT NULL,
    key_hash bytea NOT NULL, answers_with_token boolean NOT NULL, per_minute integer NOT NULL,
    spent_until timestamptz NOT NULL, last_used_at timestamptz, created_by varchar(80) NOT NULL,
    created_at timestamptz NOT NULL, revoked_by varchar(80), revoked_at timestamptz, version integer NOT NULL,
    CONSTRAINT open311_keys_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT open311_keys_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT open311_keys_per_minute_check CHECK (per_minute BETWEEN 1 AND 600),
    CONSTRAINT open311_keys_revoked_check CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)));
CREATE UNIQUE INDEX open311_keys_key_hash_key ON intake.open311_keys (tenant_id, key_hash);
CREATE TABLE intake.open311_services (
    tenant_id varchar(32) NOT NULL, category varchar(40) NOT NULL, offered boolean NOT NULL,
    visibility varchar(6) NOT NULL, description text, keywords text, notice text, version integer NOT NULL,
    CONSTRAINT open311_services_pkey PRIMARY KEY (tenant_id, category),
    CONSTRAINT open311_services_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT open311_services_visibility_check CHECK (visibility IN ('hidden', 'facts', 'words')));
CREATE TABLE intake.open311_reports (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, key_id uuid NOT NULL, token varchar(43),
    content_digest bytea NOT NULL, media_url text, address_id varchar(200), answers jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT open311_reports_pkey PRIMARY KEY (tenant_id, case_id),
    CONSTRAINT open311_reports_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT open311_reports_tenant_id_key_id_fkey FOREIGN KEY (tenant_id, key_id)
        REFERENCES intake.open311_keys (tenant_id, id));
CREATE UNIQUE INDEX open311_reports_token_key ON intake.open311_reports (tenant_id, token);
CREATE INDEX open311_reports_sent_idx ON intake.open311_reports (tenant_id, key_id, content_digest, received_at);
CREATE TABLE intake.case_contacts (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, sealed bytea NOT NULL, kept_at timestamptz NOT NULL,
    CONSTRAINT case_contacts_pkey PRIMARY KEY (tenant_id, case_id),
    CONSTRAINT case_contacts_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE TABLE intake.contact_disclosures (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, case_id uuid NOT NULL, purpose varchar(200) NOT NULL,
    actor varchar(80) NOT NULL, disclosed_at timestamptz NOT NULL,
    CONSTRAINT contact_disclosures_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT contact_disclosures_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE INDEX contact_disclosures_case_idx ON intake.contact_disclosures (tenant_id, case_id, id)"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("intake", "open311_services", "case_contacts")
    # A key is revoked and never removed.
    secure_tables("intake", "open311_keys", grants="SELECT, INSERT, UPDATE")
    # What was sent, and who has read whose contact, is written once.
    secure_tables("intake", "open311_reports", "contact_disclosures", grants="SELECT, INSERT")


def downgrade() -> None:
    op.execute(
        "DROP TABLE intake.contact_disclosures, intake.case_contacts, intake.open311_reports, "
        "intake.open311_services, intake.open311_keys"
    )
