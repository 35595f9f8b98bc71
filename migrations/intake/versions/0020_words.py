"""Words in cases are found by pairs of letters, too: most Chinese words have two, which trigrams cannot find."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index every case by the neighbouring letters of its title and of its text."""
    op.execute("CREATE INDEX cases_words_idx ON intake.cases USING gin (public.ngrams(title, description))")
    op.execute("DROP INDEX intake.cases_text_idx")


def downgrade() -> None:
    """Find words by trigrams again."""
    op.execute(
        "CREATE INDEX cases_text_idx ON intake.cases"
        " USING gin (title public.gin_trgm_ops, description public.gin_trgm_ops)"
    )
    op.execute("DROP INDEX intake.cases_words_idx")
