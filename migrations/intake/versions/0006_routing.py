"""Routing rules in numbered sets with their tests; labels, keywords and learned models for proposals."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROUTING = """
CREATE TABLE intake.routing_sets (
    tenant_id varchar(32) NOT NULL, number integer NOT NULL, state varchar(9) NOT NULL, based_on integer,
    made_by varchar(80) NOT NULL, made_at timestamptz NOT NULL,
    changed_by varchar(80) NOT NULL, changed_at timestamptz NOT NULL,
    published_by varchar(80), published_at timestamptz, retired_at timestamptz, version integer NOT NULL,
    CONSTRAINT routing_sets_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT routing_sets_state_check CHECK (state IN ('draft', 'published', 'retired')),
    CONSTRAINT routing_sets_published_check CHECK ((state = 'draft') = (published_at IS NULL)),
    CONSTRAINT routing_sets_retired_check CHECK ((state = 'retired') = (retired_at IS NOT NULL)),
    CONSTRAINT routing_sets_publisher_check CHECK ((published_at IS NULL) = (published_by IS NULL)));
CREATE UNIQUE INDEX routing_sets_draft_key ON intake.routing_sets (tenant_id) WHERE state = 'draft';
CREATE UNIQUE INDEX routing_sets_published_key ON intake.routing_sets (tenant_id) WHERE state = 'published';
CREATE TABLE intake.routing_rules (
    tenant_id varchar(32) NOT NULL, set_number integer NOT NULL, position integer NOT NULL,
    area_id uuid NOT NULL, area_path ltree NOT NULL, category varchar(40), level varchar(8),
    unit_id uuid NOT NULL, note text, auto boolean NOT NULL,
    CONSTRAINT routing_rules_pkey PRIMARY KEY (tenant_id, set_number, position),
    CONSTRAINT routing_rules_tenant_id_set_number_fkey FOREIGN KEY (tenant_id, set_number)
        REFERENCES intake.routing_sets (tenant_id, number),
    CONSTRAINT routing_rules_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT routing_rules_tenant_id_unit_id_fkey FOREIGN KEY (tenant_id, unit_id)
        REFERENCES intake.units (tenant_id, id),
    CONSTRAINT routing_rules_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT routing_rules_level_check CHECK (level IN ('grid', 'council', 'joint')));
CREATE UNIQUE INDEX routing_rules_key ON intake.routing_rules (tenant_id, set_number, area_id, category, level)
    NULLS NOT DISTINCT;
CREATE TABLE intake.routing_tests (
    tenant_id varchar(32) NOT NULL, set_number integer NOT NULL, position integer NOT NULL,
    name varchar(200) NOT NULL, area_id uuid NOT NULL, area_path ltree NOT NULL, category varchar(40) NOT NULL,
    level varchar(8), unit_id uuid,
    CONSTRAINT routing_tests_pkey PRIMARY KEY (tenant_id, set_number, position),
    CONSTRAINT routing_tests_tenant_id_set_number_fkey FOREIGN KEY (tenant_id, set_number)
        REFERENCES intake.routing_sets (tenant_id, number),
    CONSTRAINT routing_tests_tenant_id_area_id_fkey FOREIGN KEY (tenant_id, area_id)
        REFERENCES intake.areas (tenant_id, id),
    CONSTRAINT routing_tests_tenant_id_unit_id_fkey FOREIGN KEY (tenant_id, unit_id)
        REFERENCES intake.units (tenant_id, id),
    CONSTRAINT routing_tests_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code),
    CONSTRAINT routing_tests_level_check CHECK (level IN ('grid', 'council', 'joint')))"""
_PROPOSALS = """
CREATE TABLE intake.category_keywords (
    tenant_id varchar(32) NOT NULL, category varchar(40) NOT NULL, keywords jsonb NOT NULL,
    set_by varchar(80) NOT NULL, set_at timestamptz NOT NULL, version integer NOT NULL,
    CONSTRAINT category_keywords_pkey PRIMARY KEY (tenant_id, category),
    CONSTRAINT category_keywords_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code));
CREATE TABLE intake.category_labels (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, case_id uuid NOT NULL, category varchar(40) NOT NULL,
    labelled_by varchar(80) NOT NULL, labelled_at timestamptz NOT NULL,
    CONSTRAINT category_labels_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT category_labels_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT category_labels_tenant_id_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES intake.categories (tenant_id, code));
CREATE INDEX category_labels_case_idx ON intake.category_labels (tenant_id, case_id, labelled_at);
CREATE INDEX category_labels_newest_idx ON intake.category_labels (tenant_id, labelled_at);
CREATE TABLE intake.case_vectors (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, encoder varchar(80) NOT NULL, vector bytea NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT case_vectors_pkey PRIMARY KEY (tenant_id, case_id, encoder),
    CONSTRAINT case_vectors_tenant_id_case_id_fkey FOREIGN KEY (tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id));
CREATE TABLE intake.proposal_models (
    tenant_id varchar(32) NOT NULL, number integer NOT NULL, labels integer NOT NULL,
    words_hash varchar(64) NOT NULL, labels_hash varchar(64) NOT NULL, encoder varchar(80),
    threshold double precision NOT NULL,
    held_out integer NOT NULL, accuracy double precision NOT NULL, abstained double precision NOT NULL,
    content bytea NOT NULL, learned_at timestamptz NOT NULL,
    CONSTRAINT proposal_models_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT proposal_models_size_check CHECK (octet_length(content) <= 4194304))"""
# The number of a set names its rules for good: only a draft's rules can be written.
_GUARDS = """
CREATE FUNCTION intake.check_routing_draft() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    item record;
BEGIN
    IF TG_OP = 'DELETE' THEN item := OLD; ELSE item := NEW; END IF;
    IF NOT EXISTS (SELECT FROM intake.routing_sets s WHERE s.tenant_id = item.tenant_id
                   AND s.number = item.set_number AND s.state = 'draft') THEN
        RAISE EXCEPTION 'only the rules and tests of a draft can be changed' USING ERRCODE = '23514';
    END IF;
    RETURN item;
END $$;;
CREATE TRIGGER check_routing_draft BEFORE INSERT OR UPDATE OR DELETE ON intake.routing_rules
    FOR EACH ROW EXECUTE FUNCTION intake.check_routing_draft();;
CREATE TRIGGER check_routing_draft BEFORE INSERT OR UPDATE OR DELETE ON intake.routing_tests
    FOR EACH ROW EXECUTE FUNCTION intake.check_routing_draft()"""


def upgrade() -> None:
    for statement in (_ROUTING + ";" + _PROPOSALS).split(";"):
        op.execute(statement)
    for statement in _GUARDS.split(";;"):
        op.get_bind().exec_driver_sql(statement)
    secure_tables("intake", "routing_sets", "category_keywords", "case_vectors", "proposal_models")
    secure_tables("intake", "routing_rules", "routing_tests", grants="SELECT, INSERT, DELETE")
    # What was said of a case stays said; another word comes after it.
    secure_tables("intake", "category_labels", grants="SELECT, INSERT")
    # The worker learns for each tenant that has categories.
    op.execute(f"CREATE POLICY relay ON intake.categories FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON intake.categories TO {RELAY_ROLE}")


def downgrade() -> None:
    op.execute("REVOKE SELECT (tenant_id) ON intake.categories FROM linli_relay")
    op.execute("DROP POLICY relay ON intake.categories")
    op.execute("DROP TABLE intake.proposal_models, intake.case_vectors")
    op.execute("DROP TABLE intake.category_labels, intake.category_keywords")
    op.execute("DROP TABLE intake.routing_tests, intake.routing_rules, intake.routing_sets")
    op.execute("DROP FUNCTION intake.check_routing_draft()")
