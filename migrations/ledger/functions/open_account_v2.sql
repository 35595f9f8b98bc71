-- Opens an account with its balance row; the service's role may not write either table itself. Version 2: money with a purpose
-- ('*' takes any) and a day by which it must be spent. The shared lock is what ledger.lock_book waits for: an account is never
-- opened while its book is being closed.
CREATE FUNCTION ledger.open_account(
    p_tenant text, p_id uuid, p_book uuid, p_code text, p_name text, p_class text, p_unit text, p_floor bigint,
    p_purpose text, p_spend_by date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM NULLIF(current_setting('linli.tenant', true), '') THEN
        RAISE EXCEPTION 'the tenant of the account is not the tenant of the transaction' USING ERRCODE = '42501';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_tenant || '/' || p_book::text, 0));
    INSERT INTO ledger.accounts
        (tenant_id, id, book_id, code, name, class, unit, floor_fen, purpose, spend_by, opened_at)
    VALUES (p_tenant, p_id, p_book, p_code, p_name, p_class, p_unit, p_floor, p_purpose, p_spend_by, clock_timestamp());
    INSERT INTO ledger.balances
        (tenant_id, account_id, book_id, unit, debit_normal, floor_fen, purpose, spend_by, is_own)
    VALUES (p_tenant, p_id, p_book, p_unit, p_class IN ('asset', 'expense', 'clearing', 'budget', 'memo'), p_floor,
            p_purpose, p_spend_by, p_class IN ('liability', 'net_assets', 'income'));
END $$
