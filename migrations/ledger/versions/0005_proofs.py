"""Merkle logs of the books: leaves, tiles, signed heads, and those who sign them as well."""

from alembic import op

from shared.db.migrations import secure_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE ledger.logs (
    tenant_id VARCHAR(32) NOT NULL,
    book_id UUID NOT NULL,
    tree_size BIGINT NOT NULL,
    sealed_below BIGINT NOT NULL,
    CONSTRAINT logs_pkey PRIMARY KEY (tenant_id, book_id),
    CONSTRAINT logs_tenant_id_book_id_fkey FOREIGN KEY (tenant_id, book_id) REFERENCES ledger.books (tenant_id, id)
);
CREATE TABLE ledger.leaves (
    tenant_id VARCHAR(32) NOT NULL,
    transaction_id UUID NOT NULL,
    book_id UUID NOT NULL,
    first_index BIGINT NOT NULL,
    legs INTEGER NOT NULL,
    CONSTRAINT leaves_pkey PRIMARY KEY (tenant_id, transaction_id),
    CONSTRAINT leaves_tenant_id_transaction_id_fkey FOREIGN KEY (tenant_id, transaction_id)
        REFERENCES ledger.transactions (tenant_id, id)
);
CREATE UNIQUE INDEX leaves_index_key ON ledger.leaves (tenant_id, book_id, first_index);
CREATE TABLE ledger.tiles (
    tenant_id VARCHAR(32) NOT NULL,
    book_id UUID NOT NULL,
    level INTEGER NOT NULL,
    tile_index BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    CONSTRAINT tiles_pkey PRIMARY KEY (tenant_id, book_id, level, tile_index),
    CONSTRAINT tiles_tenant_id_book_id_fkey FOREIGN KEY (tenant_id, book_id) REFERENCES ledger.books (tenant_id, id),
    CONSTRAINT tiles_hashes_check CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0)
);
CREATE TABLE ledger.heads (
    tenant_id VARCHAR(32) NOT NULL,
    book_id UUID NOT NULL,
    tree_size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    CONSTRAINT heads_pkey PRIMARY KEY (tenant_id, book_id, tree_size),
    CONSTRAINT heads_tenant_id_book_id_fkey FOREIGN KEY (tenant_id, book_id) REFERENCES ledger.books (tenant_id, id)
);
CREATE TABLE ledger.witnesses (
    tenant_id VARCHAR(32) NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(80) NOT NULL,
    title VARCHAR(200) NOT NULL,
    public_key BYTEA NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT witnesses_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT witnesses_public_key_check CHECK (octet_length(public_key) = 32)
);
CREATE UNIQUE INDEX witnesses_name_key ON ledger.witnesses (tenant_id, name);
CREATE TABLE ledger.cosignatures (
    tenant_id VARCHAR(32) NOT NULL,
    book_id UUID NOT NULL,
    tree_size BIGINT NOT NULL,
    witness_id UUID NOT NULL,
    line VARCHAR(200) NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT cosignatures_pkey PRIMARY KEY (tenant_id, book_id, tree_size, witness_id),
    CONSTRAINT cosignatures_tenant_id_book_id_tree_size_fkey FOREIGN KEY (tenant_id, book_id, tree_size)
        REFERENCES ledger.heads (tenant_id, book_id, tree_size),
    CONSTRAINT cosignatures_tenant_id_witness_id_fkey FOREIGN KEY (tenant_id, witness_id)
        REFERENCES ledger.witnesses (tenant_id, id)
)"""
_GUARDS = """
CREATE FUNCTION ledger.check_tile_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF substring(NEW.hashes FROM 1 FOR octet_length(OLD.hashes)) <> OLD.hashes
       OR (NEW.tenant_id, NEW.book_id, NEW.level, NEW.tile_index)
          IS DISTINCT FROM (OLD.tenant_id, OLD.book_id, OLD.level, OLD.tile_index) THEN
        RAISE EXCEPTION 'a tile only grows' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER only_grows BEFORE UPDATE ON ledger.tiles FOR EACH ROW EXECUTE FUNCTION ledger.check_tile_grows();;
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.tiles FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.leaves
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.heads
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()"""


def upgrade() -> None:
    for statement in _TABLES.split(";"):
        op.execute(statement)
    for statement in _GUARDS.split(";;"):
        # Straight to the driver: a colon in a function body is no bound parameter.
        op.get_bind().exec_driver_sql(statement)
    secure_tables("ledger", "leaves", "heads", grants="SELECT, INSERT")
    secure_tables("ledger", "logs", "tiles", grants="SELECT, INSERT, UPDATE")
    secure_tables("ledger", "witnesses", "cosignatures")
    for table in ("leaves", "tiles", "heads"):
        op.execute(
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ledger.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()"
        )


def downgrade() -> None:
    op.execute(
        "DROP TABLE ledger.cosignatures, ledger.witnesses, ledger.heads, ledger.tiles, ledger.leaves, ledger.logs"
    )
    op.execute("DROP FUNCTION ledger.check_tile_grows")
