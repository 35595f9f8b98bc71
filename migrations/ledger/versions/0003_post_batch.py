"""The posting function decides without searching, and a batch may come from many actors.

`ledger.post`, version 1, stays for processes of the release before; the next release drops it.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"


def upgrade() -> None:
    # Straight to the driver: an array slice like [1:w_count] is no bound parameter.
    op.get_bind().exec_driver_sql(_FUNCTIONS.joinpath("post_v2.sql").read_text(encoding="utf-8"))
    op.execute("REVOKE ALL ON FUNCTION ledger.post_batch FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ledger.post_batch TO linli_ledger")


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger.post_batch")
