"""Rooms and groups, two-phase holds on anything scarce, and goods on their way."""

from alembic import op

from shared.db.migrations import RELAY_ROLE, secure_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE matching.offer_resources (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    offer_id UUID NOT NULL,
    parent_id UUID,
    kind VARCHAR(5) NOT NULL,
    name VARCHAR(200) NOT NULL,
    units INTEGER NOT NULL,
    seats INTEGER,
    skills VARCHAR(40)[] NOT NULL,
    hours JSONB,
    buffer_before_min INTEGER NOT NULL,
    buffer_after_min INTEGER NOT NULL,
    slot_min INTEGER,
    active BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT offer_resources_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT offer_resources_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT offer_resources_tenant_id_parent_id_fkey FOREIGN KEY (tenant_id, parent_id)
        REFERENCES matching.offer_resources (tenant_id, id),
    CONSTRAINT offer_resources_kind_check CHECK (kind IN ('room', 'group')),
    CONSTRAINT offer_resources_units_check CHECK (units > 0 AND (kind <> 'room' OR units = 1)),
    CONSTRAINT offer_resources_parent_check CHECK (parent_id IS NULL OR (kind = 'room' AND parent_id <> id)),
    CONSTRAINT offer_resources_buffers_check CHECK (buffer_before_min >= 0 AND buffer_after_min >= 0),
    CONSTRAINT offer_resources_slot_check CHECK (slot_min > 0 AND 1440 % slot_min = 0)
);
CREATE INDEX offer_resources_offer_idx ON matching.offer_resources (tenant_id, offer_id);
CREATE TABLE matching.offer_holds (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    offer_id UUID NOT NULL,
    what VARCHAR(8) NOT NULL,
    quantity INTEGER NOT NULL,
    resource_id UUID,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    state VARCHAR(9) NOT NULL,
    for_kind VARCHAR(20) NOT NULL,
    for_id UUID,
    taker_id UUID,
    taker_unit_id UUID,
    giver_confirmed_at TIMESTAMP WITH TIME ZONE,
    taker_confirmed_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    moving INTEGER NOT NULL,
    received INTEGER NOT NULL,
    reason TEXT,
    outcome VARCHAR(6),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    released_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT offer_holds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT offer_holds_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT offer_holds_tenant_id_resource_id_fkey FOREIGN KEY (tenant_id, resource_id)
        REFERENCES matching.offer_resources (tenant_id, id),
    CONSTRAINT offer_holds_what_check CHECK (what IN ('quantity', 'slot', 'day')),
    CONSTRAINT offer_holds_state_check CHECK (state IN ('held', 'committed', 'voided', 'expired', 'released')),
    CONSTRAINT offer_holds_when_check CHECK (
        (what = 'slot') = (resource_id IS NOT NULL AND starts_at IS NOT NULL AND ends_at IS NOT NULL)
        AND ends_at > starts_at AND (what = 'day') = (day IS NOT NULL)),
    CONSTRAINT offer_holds_resolved_check CHECK ((state = 'held') = (resolved_at IS NULL)),
    CONSTRAINT offer_holds_outcome_check CHECK (outcome IN ('kept', 'late', 'broken')),
    CONSTRAINT offer_holds_both_sides_check CHECK (
        state NOT IN ('committed', 'released')
        OR (giver_confirmed_at IS NOT NULL AND taker_confirmed_at IS NOT NULL)),
    CONSTRAINT offer_holds_moved_check CHECK (
        quantity > 0 AND moving >= 0 AND received >= 0 AND moving + received <= quantity
        AND (moving + received = 0 OR state IN ('committed', 'released')))
);
CREATE INDEX offer_holds_due_idx ON matching.offer_holds (tenant_id, expires_at) WHERE state = 'held';
CREATE INDEX offer_holds_offer_idx ON matching.offer_holds (tenant_id, offer_id, created_at DESC, id DESC);
CREATE INDEX offer_holds_unsaid_idx ON matching.offer_holds (tenant_id, ends_at, day)
    WHERE state = 'committed' AND outcome IS NULL AND what <> 'quantity';
CREATE INDEX offer_holds_for_idx ON matching.offer_holds (tenant_id, for_kind, for_id);
CREATE INDEX offer_holds_slot_idx ON matching.offer_holds (tenant_id, resource_id, ends_at)
    WHERE resource_id IS NOT NULL AND state IN ('held', 'committed');
CREATE TABLE matching.booking_blocks (
    tenant_id VARCHAR(32) NOT NULL,
    hold_id UUID NOT NULL,
    resource_id UUID NOT NULL,
    lane INTEGER NOT NULL,
    span TSTZRANGE NOT NULL,
    CONSTRAINT booking_blocks_pkey PRIMARY KEY (tenant_id, hold_id, resource_id, lane),
    CONSTRAINT booking_blocks_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES matching.offer_holds (tenant_id, id),
    CONSTRAINT booking_blocks_tenant_id_resource_id_fkey FOREIGN KEY (tenant_id, resource_id)
        REFERENCES matching.offer_resources (tenant_id, id),
    CONSTRAINT booking_blocks_span_check CHECK (NOT isempty(span) AND lane > 0),
    CONSTRAINT booking_blocks_no_overlap
        EXCLUDE USING gist (tenant_id WITH =, resource_id WITH =, lane WITH =, span WITH &&)
);
CREATE TABLE matching.offer_days (
    tenant_id VARCHAR(32) NOT NULL,
    offer_id UUID NOT NULL,
    day DATE NOT NULL,
    capacity INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    CONSTRAINT offer_days_pkey PRIMARY KEY (tenant_id, offer_id, day),
    CONSTRAINT offer_days_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT offer_days_not_overfilled_check CHECK (taken >= 0 AND taken <= capacity)
);
CREATE TABLE matching.transfers (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    hold_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    state VARCHAR(8) NOT NULL,
    dispatch_proof TEXT NOT NULL,
    dispatch_attachment_ids UUID[] NOT NULL,
    end_proof TEXT,
    end_attachment_ids UUID[] NOT NULL,
    dispatched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT transfers_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES matching.offer_holds (tenant_id, id),
    CONSTRAINT transfers_state_check CHECK (state IN ('moving', 'received', 'returned')),
    CONSTRAINT transfers_quantity_check CHECK (quantity > 0),
    CONSTRAINT transfers_ended_check CHECK ((state = 'moving') = (ended_at IS NULL))
);
CREATE INDEX transfers_hold_idx ON matching.transfers (tenant_id, hold_id);
CREATE TABLE matching.hold_steps (
    tenant_id VARCHAR(32) NOT NULL,
    hold_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(24) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT hold_steps_pkey PRIMARY KEY (tenant_id, hold_id, position),
    CONSTRAINT hold_steps_tenant_id_hold_id_fkey FOREIGN KEY (tenant_id, hold_id)
        REFERENCES matching.offer_holds (tenant_id, id)
)"""


_RECORD = """
CREATE TABLE matching.fulfilment_entries (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    outcome VARCHAR(6) NOT NULL,
    about_kind VARCHAR(20) NOT NULL,
    about_id UUID NOT NULL,
    note TEXT,
    actor VARCHAR(80) NOT NULL,
    state VARCHAR(8) NOT NULL,
    appeal TEXT,
    appealed_at TIMESTAMP WITH TIME ZONE,
    appealed_by VARCHAR(80),
    answer TEXT,
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_by VARCHAR(80),
    noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT fulfilment_entries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT fulfilment_entries_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT fulfilment_entries_outcome_check CHECK (outcome IN ('kept', 'late', 'broken')),
    CONSTRAINT fulfilment_entries_state_check CHECK (state IN ('standing', 'appealed', 'upheld', 'struck'))
);
CREATE UNIQUE INDEX fulfilment_entries_about_key
    ON matching.fulfilment_entries (tenant_id, partner_id, about_kind, about_id);
CREATE INDEX fulfilment_entries_partner_idx
    ON matching.fulfilment_entries (tenant_id, partner_id, noted_at DESC, id DESC);
CREATE TABLE matching.credentials (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    name VARCHAR(200) NOT NULL,
    number_sealed BYTEA NOT NULL,
    number_index BYTEA NOT NULL,
    issuer VARCHAR(200) NOT NULL,
    valid_from DATE,
    valid_until DATE,
    attachment_ids UUID[] NOT NULL,
    told_days INTEGER,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credentials_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT credentials_validity_check CHECK (valid_until >= valid_from)
);
CREATE UNIQUE INDEX credentials_number_key ON matching.credentials (tenant_id, partner_id, number_index)
    WHERE withdrawn_at IS NULL;
CREATE INDEX credentials_until_idx ON matching.credentials (tenant_id, valid_until) WHERE withdrawn_at IS NULL;
CREATE TABLE matching.credential_views (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    credential_id UUID NOT NULL,
    actor VARCHAR(80) NOT NULL,
    purpose VARCHAR(200) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT credential_views_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credential_views_tenant_id_credential_id_fkey FOREIGN KEY (tenant_id, credential_id)
        REFERENCES matching.credentials (tenant_id, id)
);
CREATE INDEX credential_views_credential_idx ON matching.credential_views (tenant_id, credential_id)"""


_AGREEMENTS = """
CREATE TABLE matching.agreements (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    offer_id UUID NOT NULL,
    resource_id UUID NOT NULL,
    guest_unit_id UUID NOT NULL,
    title VARCHAR(200) NOT NULL,
    service TEXT NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    service_min_per_room_hour INTEGER NOT NULL,
    room_minutes_max INTEGER NOT NULL,
    state VARCHAR(10) NOT NULL,
    host_agreed_at TIMESTAMP WITH TIME ZONE,
    guest_agreed_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    terminated_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT agreements_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT agreements_tenant_id_offer_id_fkey FOREIGN KEY (tenant_id, offer_id)
        REFERENCES matching.offers (tenant_id, id),
    CONSTRAINT agreements_tenant_id_resource_id_fkey FOREIGN KEY (tenant_id, resource_id)
        REFERENCES matching.offer_resources (tenant_id, id),
    CONSTRAINT agreements_tenant_id_guest_unit_id_fkey FOREIGN KEY (tenant_id, guest_unit_id)
        REFERENCES matching.units (tenant_id, id),
    CONSTRAINT agreements_state_check CHECK (state IN ('proposed', 'active', 'terminated')),
    CONSTRAINT agreements_period_check CHECK (ends_on >= starts_on),
    CONSTRAINT agreements_terms_check CHECK (service_min_per_room_hour > 0 AND room_minutes_max > 0),
    CONSTRAINT agreements_both_sides_check CHECK (
        state = 'proposed' OR state = 'terminated' OR (host_agreed_at IS NOT NULL AND guest_agreed_at IS NOT NULL))
);
CREATE INDEX agreements_offer_idx ON matching.agreements (tenant_id, offer_id);
CREATE INDEX agreements_proposed_idx ON matching.agreements (tenant_id, proposed_at DESC, id DESC);
CREATE TABLE matching.service_records (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    agreement_id UUID NOT NULL,
    served_on DATE NOT NULL,
    minutes INTEGER NOT NULL,
    description TEXT NOT NULL,
    attachment_ids UUID[] NOT NULL,
    state VARCHAR(9) NOT NULL,
    reason TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT service_records_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_records_tenant_id_agreement_id_fkey FOREIGN KEY (tenant_id, agreement_id)
        REFERENCES matching.agreements (tenant_id, id),
    CONSTRAINT service_records_state_check CHECK (state IN ('recorded', 'confirmed', 'refused')),
    CONSTRAINT service_records_minutes_check CHECK (minutes > 0)
);
CREATE INDEX service_records_agreement_idx ON matching.service_records (tenant_id, agreement_id);
CREATE TABLE matching.agreement_steps (
    tenant_id VARCHAR(32) NOT NULL,
    agreement_id UUID NOT NULL,
    position INTEGER NOT NULL,
    step VARCHAR(24) NOT NULL,
    actor VARCHAR(80) NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT agreement_steps_pkey PRIMARY KEY (tenant_id, agreement_id, position),
    CONSTRAINT agreement_steps_tenant_id_agreement_id_fkey FOREIGN KEY (tenant_id, agreement_id)
        REFERENCES matching.agreements (tenant_id, id)
)"""


_SERIES = """
CREATE TABLE matching.booking_series (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    title VARCHAR(200) NOT NULL,
    opening JSONB NOT NULL,
    until DATE NOT NULL,
    parts JSONB NOT NULL,
    holds INTEGER NOT NULL,
    taker_id UUID,
    taker_unit_id UUID,
    actor VARCHAR(80) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT booking_series_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT booking_series_holds_check CHECK (holds > 0)
);
CREATE INDEX booking_series_created_idx ON matching.booking_series (tenant_id, created_at DESC, id DESC)"""

_IMPORTS = """
CREATE TABLE matching.offer_imports (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    file_name VARCHAR(200),
    format VARCHAR(4) NOT NULL,
    dry_run BOOLEAN NOT NULL,
    sha256 BYTEA NOT NULL,
    size_bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    unknown_columns JSONB NOT NULL,
    counts JSONB NOT NULL,
    actor VARCHAR(80) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT offer_imports_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT offer_imports_tenant_id_partner_id_fkey FOREIGN KEY (tenant_id, partner_id)
        REFERENCES matching.partners (tenant_id, id),
    CONSTRAINT offer_imports_format_check CHECK (format IN ('xlsx', 'csv'))
);
CREATE INDEX offer_imports_partner_idx ON matching.offer_imports (tenant_id, partner_id, created_at DESC, id DESC);
CREATE TABLE matching.offer_import_lines (
    tenant_id VARCHAR(32) NOT NULL,
    import_id UUID NOT NULL,
    line INTEGER NOT NULL,
    fate VARCHAR(10) NOT NULL,
    external_id VARCHAR(100) NOT NULL,
    title VARCHAR(200) NOT NULL,
    complaints JSONB NOT NULL,
    CONSTRAINT offer_import_lines_pkey PRIMARY KEY (tenant_id, import_id, line),
    CONSTRAINT offer_import_lines_tenant_id_import_id_fkey FOREIGN KEY (tenant_id, import_id)
        REFERENCES matching.offer_imports (tenant_id, id),
    CONSTRAINT offer_import_lines_fate_check CHECK (
        fate IN ('created', 'updated', 'unchanged', 'outdated', 'repeated', 'bad'))
)"""


def upgrade() -> None:
    for statement in f"{_TABLES};{_RECORD};{_AGREEMENTS};{_SERIES};{_IMPORTS}".split(";"):
        op.execute(statement)
    secure_tables(
        "matching", "offer_resources", "offer_holds", "offer_days", "transfers", "fulfilment_entries", "credentials"
    )
    secure_tables("matching", "agreements", "service_records", "booking_series")
    op.execute(f"CREATE POLICY relay ON matching.partners FOR SELECT TO {RELAY_ROLE} USING (true)")
    op.execute(f"GRANT SELECT (tenant_id) ON matching.partners TO {RELAY_ROLE}")
    # A lane is taken or given back, and never moved under somebody.
    secure_tables("matching", "booking_blocks", grants="SELECT, INSERT, DELETE")
    # Histories are only ever added to.
    secure_tables(
        "matching",
        "hold_steps",
        "credential_views",
        "agreement_steps",
        "offer_imports",
        "offer_import_lines",
        grants="SELECT, INSERT",
    )


_HISTORIES = ("hold_steps", "credential_views", "agreement_steps", "offer_imports", "offer_import_lines")
_NEW = (
    "booking_series",
    "offer_import_lines",
    "offer_imports",
    "agreement_steps",
    "service_records",
    "agreements",
    "credential_views",
    "credentials",
    "fulfilment_entries",
    "hold_steps",
    "transfers",
    "offer_days",
    "booking_blocks",
    "offer_holds",
    "offer_resources",
)


def downgrade() -> None:
    op.execute(f"REVOKE SELECT (tenant_id) ON matching.partners FROM {RELAY_ROLE}")
    op.execute("DROP POLICY relay ON matching.partners")
    for table in _NEW:
        op.execute(f"DROP TABLE matching.{table}")
