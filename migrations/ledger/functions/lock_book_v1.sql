-- Keeps everybody from posting to a book until the end of the transaction: no account is opened meanwhile, and whoever posts
-- has committed before or starts after.
CREATE FUNCTION ledger.lock_book(p_tenant text, p_book uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM NULLIF(current_setting('linli.tenant', true), '') THEN
        RAISE EXCEPTION 'the tenant of the book is not the tenant of the transaction' USING ERRCODE = '42501';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/' || p_book::text, 0));
    PERFORM FROM ledger.balances b WHERE b.tenant_id = p_tenant AND b.book_id = p_book
        ORDER BY b.account_id FOR NO KEY UPDATE;
END $$
