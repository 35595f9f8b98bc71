"""Words that tell a leaf of the tree, as corrections of people have taught them."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE matching.learned_words (
            tenant_id varchar(32) NOT NULL,
            leaf varchar(40) NOT NULL,
            word varchar(8) NOT NULL,
            texts integer NOT NULL,
            learned_at timestamptz NOT NULL,
            CONSTRAINT learned_words_pkey PRIMARY KEY (tenant_id, leaf, word),
            CONSTRAINT learned_words_texts_check CHECK (texts > 0)
        )""")
    secure_tables("matching", "learned_words")


def downgrade() -> None:
    op.execute("DROP TABLE matching.learned_words")
