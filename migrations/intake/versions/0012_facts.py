"""Facts of cases, steps and days; how far they are counted; checks of them."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE intake.case_facts (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, area_path ltree NOT NULL, category varchar(40) NOT NULL,
    channel varchar(12) NOT NULL, level varchar(8), unit_id uuid, state varchar(12) NOT NULL, outcome varchar(16),
    anonymous boolean NOT NULL, collective boolean NOT NULL, joiners integer NOT NULL,
    filed_at timestamptz NOT NULL, filed_on date NOT NULL, accepted_at timestamptz, first_reply_at timestamptz,
    resolved_at timestamptz, closed_at timestamptz, accept_s bigint, accept_kept boolean, first_reply_s bigint,
    first_reply_kept boolean, resolve_s bigint, resolve_kept boolean, verdict_s bigint, verdict_kept boolean,
    reopened smallint NOT NULL, hand_overs smallint NOT NULL, appeals integer NOT NULL,
    supervised integer NOT NULL, calendar_version integer NOT NULL, version integer NOT NULL,
    CONSTRAINT case_facts_pkey PRIMARY KEY (tenant_id, case_id));
CREATE INDEX case_facts_area_idx ON intake.case_facts USING gist (area_path);
CREATE INDEX case_facts_calendar_idx ON intake.case_facts (tenant_id, calendar_version) WHERE state <> 'closed';
CREATE INDEX case_facts_closed_idx ON intake.case_facts (tenant_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX case_facts_filed_idx ON intake.case_facts (tenant_id, filed_at DESC, case_id DESC);
CREATE TABLE intake.transition_facts (
    tenant_id varchar(32) NOT NULL, case_id uuid NOT NULL, position integer NOT NULL, area_path ltree NOT NULL,
    category varchar(40) NOT NULL, channel varchar(12) NOT NULL, step varchar(24) NOT NULL, effect varchar(8),
    from_state varchar(12), to_state varchar(12) NOT NULL, level varchar(8), unit_id uuid,
    actor_kind varchar(12) NOT NULL, at timestamptz NOT NULL, day date NOT NULL, until_at timestamptz,
    calendar_s bigint, working_s bigint, dues_from timestamptz[] NOT NULL, dues timestamptz[] NOT NULL,
    CONSTRAINT transition_facts_pkey PRIMARY KEY (tenant_id, case_id, position));
CREATE INDEX transition_facts_area_idx ON intake.transition_facts USING gist (area_path);
CREATE INDEX transition_facts_at_idx ON intake.transition_facts (tenant_id, at DESC, case_id DESC, position DESC);
CREATE INDEX transition_facts_day_idx ON intake.transition_facts (tenant_id, day) WHERE effect IS NOT NULL;
CREATE INDEX transition_facts_lasting_idx ON intake.transition_facts (tenant_id, at)
        WHERE until_at IS NULL AND to_state <> 'closed';
CREATE INDEX transition_facts_until_idx ON intake.transition_facts (tenant_id, until_at, at);
CREATE TABLE intake.day_facts (
    tenant_id varchar(32) NOT NULL, day date NOT NULL, area_path ltree NOT NULL, category varchar(40) NOT NULL,
    level varchar(8) NOT NULL, opened integer NOT NULL, accepted integer NOT NULL, resolved integer NOT NULL,
    closed integer NOT NULL, reopened integer NOT NULL, backlog integer NOT NULL, overdue integer NOT NULL,
    revision smallint NOT NULL,
    CONSTRAINT day_facts_pkey PRIMARY KEY (tenant_id, day, area_path, category, level),
    CONSTRAINT day_facts_overdue_check CHECK (backlog >= overdue));
CREATE TABLE intake.fact_progress (
    tenant_id varchar(32) NOT NULL, epoch varchar(16) NOT NULL, filling boolean NOT NULL, filled_to uuid,
    lower_xid xid8 NOT NULL, mark_xid xid8, mark_at timestamptz, read_through timestamptz, frozen_through date,
    batches bigint NOT NULL,
    CONSTRAINT fact_progress_pkey PRIMARY KEY (tenant_id));
CREATE TABLE intake.fact_checks (
    tenant_id varchar(32) NOT NULL, id uuid NOT NULL, repair boolean NOT NULL, state varchar(8) NOT NULL,
    asked_by varchar(80) NOT NULL, asked_at timestamptz NOT NULL, finished_at timestamptz, cases_to uuid,
    days_to date, cases integer NOT NULL, unread integer NOT NULL, days integer NOT NULL,
    differences integer NOT NULL, found jsonb NOT NULL,
    CONSTRAINT fact_checks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT fact_checks_state_check CHECK (state IN ('queued', 'running', 'done')),
    CONSTRAINT fact_checks_finished_check CHECK ((state = 'done') = (finished_at IS NOT NULL)));
CREATE INDEX fact_checks_asked_idx ON intake.fact_checks (tenant_id, asked_at DESC, id DESC);
CREATE INDEX fact_checks_open_idx ON intake.fact_checks (tenant_id, asked_at, id) WHERE finished_at IS NULL"""

_NAMES = ("case_facts", "transition_facts", "day_facts", "fact_progress", "fact_checks")


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    secure_tables("intake", *_NAMES)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(f'intake.{name}' for name in _NAMES)}")
