"""Mediations: parties, sessions, agreements with what is owed and who signed, proofs, and every step."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.mediations (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    area_path LTREE NOT NULL,
    state VARCHAR(12) NOT NULL,
    outcome VARCHAR(12),
    mediator_id UUID,
    declared BOOLEAN NOT NULL,
    sessions_held SMALLINT NOT NULL,
    revision INTEGER NOT NULL,
    advice TEXT,
    effective_at TIMESTAMP WITH TIME ZONE,
    confirm_until DATE,
    confirmation VARCHAR(12),
    applied_on DATE,
    court VARCHAR(200),
    ruling_number VARCHAR(80),
    ruled_on DATE,
    opened_by VARCHAR(80) NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT mediations_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mediations_tenant_id_case_id_fkey FOREIGN KEY(tenant_id, case_id)
        REFERENCES intake.cases (tenant_id, id),
    CONSTRAINT mediations_state_check
        CHECK (state IN ('proposed', 'under_way', 'drafted', 'in_effect', 'fulfilled', 'breached', 'failed',
            'withdrawn')),
    CONSTRAINT mediations_outcome_check CHECK (outcome IN ('agreed', 'failed', 'withdrawn')),
    CONSTRAINT mediations_confirmation_check CHECK (confirmation IN ('applied', 'confirmed', 'rejected')),
    CONSTRAINT mediations_ended_check
        CHECK ((state IN ('drafted', 'proposed', 'under_way')) = (outcome IS NULL)),
    CONSTRAINT mediations_ended_at_check CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CONSTRAINT mediations_effective_check
        CHECK ((effective_at IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'agreed'))
);
CREATE INDEX mediations_area_idx ON intake.mediations USING gist (area_path);
CREATE INDEX mediations_case_idx ON intake.mediations (tenant_id, case_id);
CREATE INDEX mediations_mediator_idx ON intake.mediations (tenant_id, mediator_id, id);
CREATE UNIQUE INDEX mediations_open_key ON intake.mediations (tenant_id, case_id) WHERE outcome IS NULL;
CREATE TABLE intake.mediation_proofs (
    tenant_id VARCHAR(32) NOT NULL,
    mediation_id UUID NOT NULL,
    attachment_id UUID NOT NULL,
    kept_by VARCHAR(80) NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT mediation_proofs_pkey PRIMARY KEY (tenant_id, mediation_id, attachment_id),
    CONSTRAINT mediation_proofs_tenant_id_mediation_id_fkey FOREIGN KEY(tenant_id, mediation_id)
        REFERENCES intake.mediations (tenant_id, id),
    CONSTRAINT mediation_proofs_tenant_id_attachment_id_fkey FOREIGN KEY(tenant_id, attachment_id)
        REFERENCES intake.attachments (tenant_id, id)
);
CREATE TABLE intake.mediation_parties (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    mediation_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    role VARCHAR(12) NOT NULL,
    person_id UUID,
    contact BYTEA,
    consents BOOLEAN,
    consented_at TIMESTAMP WITH TIME ZONE,
    consent_proof_id UUID,
    accepts_mediator BOOLEAN,
    accepts_proof_id UUID,
    CONSTRAINT mediation_parties_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mediation_parties_tenant_id_mediation_id_fkey FOREIGN KEY(tenant_id, mediation_id)
        REFERENCES intake.mediations (tenant_id, id),
    CONSTRAINT mediation_parties_tenant_id_mediation_id_consent_proof_id_fkey
        FOREIGN KEY(tenant_id, mediation_id, consent_proof_id)
        REFERENCES intake.mediation_proofs (tenant_id, mediation_id, attachment_id),
    CONSTRAINT mediation_parties_tenant_id_mediation_id_accepts_proof_id_fkey
        FOREIGN KEY(tenant_id, mediation_id, accepts_proof_id)
        REFERENCES intake.mediation_proofs (tenant_id, mediation_id, attachment_id),
    CONSTRAINT mediation_parties_role_check CHECK (role IN ('applicant', 'respondent', 'third')),
    CONSTRAINT mediation_parties_reached_check CHECK (num_nonnulls(person_id, contact) = 1)
);
CREATE INDEX mediation_parties_mediation_idx ON intake.mediation_parties (tenant_id, mediation_id, position);
CREATE UNIQUE INDEX mediation_parties_person_key ON intake.mediation_parties (tenant_id, person_id, mediation_id)
    WHERE person_id IS NOT NULL;
CREATE TABLE intake.mediation_sessions (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    mediation_id UUID NOT NULL,
    planned_for TIMESTAMP WITH TIME ZONE NOT NULL,
    place VARCHAR(200) NOT NULL,
    state VARCHAR(12) NOT NULL,
    note TEXT,
    planned_by VARCHAR(80) NOT NULL,
    closed_by VARCHAR(80),
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT mediation_sessions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mediation_sessions_tenant_id_mediation_id_fkey FOREIGN KEY(tenant_id, mediation_id)
        REFERENCES intake.mediations (tenant_id, id),
    CONSTRAINT mediation_sessions_state_check CHECK (state IN ('planned', 'held', 'adjourned', 'cancelled')),
    CONSTRAINT mediation_sessions_closed_check CHECK ((state = 'planned') = (closed_at IS NULL))
);
CREATE INDEX mediation_sessions_mediation_idx ON intake.mediation_sessions (tenant_id, mediation_id, planned_for);
CREATE TABLE intake.mediation_agreements (
    tenant_id VARCHAR(32) NOT NULL,
    mediation_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    form VARCHAR(8) NOT NULL,
    facts TEXT NOT NULL,
    content TEXT NOT NULL,
    drafted_by VARCHAR(80) NOT NULL,
    drafted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT mediation_agreements_pkey PRIMARY KEY (tenant_id, mediation_id, revision),
    CONSTRAINT mediation_agreements_tenant_id_mediation_id_fkey FOREIGN KEY(tenant_id, mediation_id)
        REFERENCES intake.mediations (tenant_id, id),
    CONSTRAINT mediation_agreements_form_check CHECK (form IN ('written', 'oral'))
);
CREATE TABLE intake.mediation_terms (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    mediation_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    position SMALLINT NOT NULL,
    debtor_id UUID NOT NULL,
    text TEXT NOT NULL,
    amount_fen BIGINT,
    due_on DATE NOT NULL,
    state VARCHAR(12) NOT NULL,
    told SMALLINT NOT NULL,
    note TEXT,
    proof_id UUID,
    settled_by VARCHAR(80),
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT mediation_terms_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mediation_terms_tenant_id_mediation_id_revision_fkey FOREIGN KEY(tenant_id, mediation_id, revision)
        REFERENCES intake.mediation_agreements (tenant_id, mediation_id, revision),
    CONSTRAINT mediation_terms_tenant_id_debtor_id_fkey FOREIGN KEY(tenant_id, debtor_id)
        REFERENCES intake.mediation_parties (tenant_id, id),
    CONSTRAINT mediation_terms_tenant_id_mediation_id_proof_id_fkey FOREIGN KEY(tenant_id, mediation_id, proof_id)
        REFERENCES intake.mediation_proofs (tenant_id, mediation_id, attachment_id),
    CONSTRAINT mediation_terms_state_check CHECK (state IN ('due', 'performed', 'breached')),
    CONSTRAINT mediation_terms_amount_check CHECK (amount_fen > 0)
);
CREATE INDEX mediation_terms_due_idx ON intake.mediation_terms (tenant_id, due_on, id) WHERE state = 'due';
CREATE INDEX mediation_terms_mediation_idx ON intake.mediation_terms (tenant_id, mediation_id, revision, position);
CREATE TABLE intake.mediation_signatures (
    tenant_id VARCHAR(32) NOT NULL,
    mediation_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    party_id UUID NOT NULL,
    signed_by VARCHAR(80) NOT NULL,
    proof_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT mediation_signatures_pkey PRIMARY KEY (tenant_id, mediation_id, revision, party_id),
    CONSTRAINT mediation_signatures_tenant_id_mediation_id_revision_fkey FOREIGN KEY(tenant_id, mediation_id, revision)
        REFERENCES intake.mediation_agreements (tenant_id, mediation_id, revision),
    CONSTRAINT mediation_signatures_tenant_id_party_id_fkey FOREIGN KEY(tenant_id, party_id)
        REFERENCES intake.mediation_parties (tenant_id, id),
    CONSTRAINT mediation_signatures_tenant_id_mediation_id_proof_id_fkey FOREIGN KEY(tenant_id, mediation_id, proof_id)
        REFERENCES intake.mediation_proofs (tenant_id, mediation_id, attachment_id)
);
CREATE TABLE intake.mediation_steps (
    tenant_id VARCHAR(32) NOT NULL,
    mediation_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(24) NOT NULL,
    state VARCHAR(12) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    note TEXT,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT mediation_steps_pkey PRIMARY KEY (tenant_id, mediation_id, position),
    CONSTRAINT mediation_steps_tenant_id_mediation_id_fkey FOREIGN KEY(tenant_id, mediation_id)
        REFERENCES intake.mediations (tenant_id, id)
)"""

_CHANGING = ("mediations", "mediation_parties", "mediation_sessions", "mediation_terms")
_LASTING = ("mediation_proofs", "mediation_agreements", "mediation_signatures", "mediation_steps")


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    secure_tables("intake", *_CHANGING, grants="SELECT, INSERT, UPDATE")
    # What was signed, and what was done, is only added to.
    secure_tables("intake", *_LASTING, grants="SELECT, INSERT")
    # The sweep visits every tenant in which something was agreed.
    op.execute(f"CREATE POLICY relay ON intake.mediation_terms FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON intake.mediation_terms TO {RELAY_ROLE}")


def downgrade() -> None:
    for table in (*_LASTING, *_CHANGING):
        op.execute(f"DROP TABLE intake.{table} CASCADE")
    op.execute("UPDATE intake.attachments SET purpose = NULL WHERE purpose = 'mediation'")
