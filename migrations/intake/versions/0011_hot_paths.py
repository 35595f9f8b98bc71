"""Indexes in the order of the lists, and none that looks at the state of a case."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE intake.cases DROP CONSTRAINT cases_closed_check;
ALTER TABLE intake.cases ADD CONSTRAINT cases_closed_check CHECK (state <> 'closed' OR outcome IS NOT NULL);
ALTER TABLE intake.cases ADD CONSTRAINT cases_closed_at_check CHECK ((state = 'closed') = (closed_at IS NOT NULL));
ALTER TABLE intake.cases SET (fillfactor = 85);
ALTER TABLE intake.clock_intervals SET (fillfactor = 85);
DROP INDEX intake.cases_open_idx;
DROP INDEX intake.cases_joiners_idx;
DROP INDEX intake.cases_unit_idx;
CREATE INDEX cases_place_filed_idx ON intake.cases (tenant_id, area_id, filed_at DESC, id DESC);
CREATE INDEX cases_open_place_filed_idx ON intake.cases (tenant_id, area_id, filed_at DESC, id DESC)
    WHERE closed_at IS NULL;
CREATE INDEX cases_open_filed_idx ON intake.cases (tenant_id, filed_at DESC, id DESC) WHERE closed_at IS NULL;
CREATE INDEX cases_joiners_idx ON intake.cases (tenant_id, joiners DESC, filed_at DESC, id DESC)
    WHERE closed_at IS NULL;
CREATE INDEX cases_unit_idx ON intake.cases (tenant_id, unit_id, filed_at DESC, id DESC) WHERE unit_id IS NOT NULL
"""
_DOWN = """
DROP INDEX intake.cases_unit_idx;
DROP INDEX intake.cases_joiners_idx;
DROP INDEX intake.cases_open_filed_idx;
DROP INDEX intake.cases_open_place_filed_idx;
DROP INDEX intake.cases_place_filed_idx;
CREATE INDEX cases_unit_idx ON intake.cases (tenant_id, unit_id) WHERE unit_id IS NOT NULL;
CREATE INDEX cases_joiners_idx ON intake.cases (tenant_id, joiners DESC, filed_at DESC, id DESC)
    WHERE state <> 'closed';
CREATE INDEX cases_open_idx ON intake.cases USING gist (area_path) WHERE state <> 'closed';
ALTER TABLE intake.clock_intervals RESET (fillfactor);
ALTER TABLE intake.cases RESET (fillfactor);
ALTER TABLE intake.cases DROP CONSTRAINT cases_closed_at_check;
ALTER TABLE intake.cases DROP CONSTRAINT cases_closed_check;
ALTER TABLE intake.cases ADD CONSTRAINT cases_closed_check
    CHECK (state <> 'closed' OR (closed_at IS NOT NULL AND outcome IS NOT NULL))
"""


def upgrade() -> None:
    for statement in _UP.split(";"):
        op.execute(statement)


def downgrade() -> None:
    for statement in _DOWN.split(";"):
        op.execute(statement)
