-- Opens an account with its balance row; the service's role may not write either table itself.
CREATE FUNCTION ledger.open_account(
    p_tenant text, p_id uuid, p_book uuid, p_code text, p_name text, p_class text, p_unit text, p_floor bigint)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM NULLIF(current_setting('linli.tenant', true), '') THEN
        RAISE EXCEPTION 'the tenant of the account is not the tenant of the transaction' USING ERRCODE = '42501';
    END IF;
    INSERT INTO ledger.accounts (tenant_id, id, book_id, code, name, class, unit, floor_fen, opened_at)
    VALUES (p_tenant, p_id, p_book, p_code, p_name, p_class, p_unit, p_floor, clock_timestamp());
    INSERT INTO ledger.balances (tenant_id, account_id, book_id, unit, debit_normal, floor_fen)
    VALUES (p_tenant, p_id, p_book, p_unit, p_class IN ('asset', 'expense', 'clearing', 'budget', 'memo'), p_floor);
END $$
