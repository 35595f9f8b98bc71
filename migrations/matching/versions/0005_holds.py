"""Rooms and groups, two-phase holds on anything scarce, and goods on their way."""

from alembic import op

from shared.db.migrations import secure_tables

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
    CONSTRAINT offer_holds_both_sides_check CHECK (
        state NOT IN ('committed', 'released')
        OR (giver_confirmed_at IS NOT NULL AND taker_confirmed_at IS NOT NULL)),
    CONSTRAINT offer_holds_moved_check CHECK (
        quantity > 0 AND moving >= 0 AND received >= 0 AND moving + received <= quantity
        AND (moving + received = 0 OR state IN ('committed', 'released')))
);
CREATE INDEX offer_holds_due_idx ON matching.offer_holds (tenant_id, expires_at) WHERE state = 'held';
CREATE INDEX offer_holds_offer_idx ON matching.offer_holds (tenant_id, offer_id, created_at DESC, id DESC);
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


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("matching", "offer_resources", "offer_holds", "offer_days", "transfers")
    # A lane is taken or given back, and never moved under somebody.
    secure_tables("matching", "booking_blocks", grants="SELECT, INSERT, DELETE")
    # History is only ever added to.
    secure_tables("matching", "hold_steps", grants="SELECT, INSERT")


def downgrade() -> None:
    for table in ("hold_steps", "transfers", "offer_days", "booking_blocks", "offer_holds", "offer_resources"):
        op.execute(f"DROP TABLE matching.{table}")
