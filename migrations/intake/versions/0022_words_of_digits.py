"""Numbers in cases are found by four neighbouring letters: what the index is made of has changed."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index anew; `ngrams` says four letters by now."""
    op.execute("REINDEX INDEX intake.cases_words_idx")


def downgrade() -> None:
    """Leave it: what it is made of is no part of this history."""
