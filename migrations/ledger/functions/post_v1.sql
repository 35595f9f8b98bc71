-- Posts a batch of transactions. Speed comes from sets: one statement locks, one finds replays, the deciding happens in
-- local arrays without a statement, and one statement each writes transactions, postings and balances.
--
-- Per transaction (arrays of one length): id, book, kind (post, hold, settle, void), hash of the body, the hold that is
-- settled or voided, whether a settle is the last one, when a hold expires, description, effective date.
-- Per leg (arrays of one length): the transaction's position in the batch, debit account, credit account, unit, amount.
-- A settle or void takes its accounts from its hold: the settle's amount is its single leg's, its accounts are ignored.
--
-- Results: ok, replayed, id_conflict, no_legs, amount_out_of_range, unknown_account, wrong_book, same_account,
-- unit_mismatch, floor_broken, unknown_hold, hold_resolved, hold_too_small. Each transaction is all or nothing, and a
-- refused one is kept with its result, so that asking again gets the same answer.
CREATE FUNCTION ledger.post(
    p_tenant text, p_actor text,
    p_ids uuid[], p_books uuid[], p_kinds text[], p_hashes bytea[], p_holds uuid[], p_finals boolean[],
    p_expires timestamptz[], p_descriptions text[], p_dates date[],
    p_leg_tx integer[], p_debits uuid[], p_credits uuid[], p_units text[], p_amounts bigint[])
RETURNS TABLE (tx_position integer, tx_id uuid, result text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    max_fen CONSTANT bigint := 9007199254740991;
    -- The accounts that the batch touches, in id order, and their state while the batch is decided.
    a_ids uuid[]; a_book uuid[]; a_unit text[]; a_normal boolean[]; a_floor bigint[];
    a_pd bigint[]; a_pc bigint[]; a_hd bigint[]; a_hc bigint[]; a_seq bigint[];
    h_ids uuid[]; h_book uuid[]; h_debit uuid[]; h_credit uuid[]; h_unit text[]; h_amount bigint[];
    h_settled bigint[]; h_released bigint[]; h_state text[];
    e_ids uuid[]; e_hashes bytea[]; e_results text[];
    results text[] := '{}'; is_new boolean[] := '{}';
    -- What will be written.
    w_tx uuid[] := '{}'; w_leg integer[] := '{}'; w_debit uuid[] := '{}'; w_credit uuid[] := '{}';
    w_unit text[] := '{}'; w_amount bigint[] := '{}'; w_pending boolean[] := '{}';
    w_dseq bigint[] := '{}'; w_dafter bigint[] := '{}'; w_cseq bigint[] := '{}'; w_cafter bigint[] := '{}';
    n integer := coalesce(array_length(p_ids, 1), 0);
    legs integer := coalesce(array_length(p_leg_tx, 1), 0);
    first_leg integer[]; last_leg integer[];
    i integer; j integer; k integer; d integer; c integer; h integer; m integer; leg_no integer;
    code text; amount bigint; rest bigint; dd uuid; cc uuid;
    -- The state before a transaction, to go back to when it is refused.
    s_pd bigint[]; s_pc bigint[]; s_hd bigint[]; s_hc bigint[]; s_seq bigint[];
    mark integer; was_held boolean;
BEGIN
    IF p_tenant IS DISTINCT FROM NULLIF(current_setting('linli.tenant', true), '') THEN
        RAISE EXCEPTION 'the tenant of the batch is not the tenant of the transaction' USING ERRCODE = '42501';
    END IF;
    IF n = 0 OR n > 1000 OR legs > 5000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1000 transactions and at most 5000 legs' USING ERRCODE = '22023';
    END IF;

    -- 1. Lock all balances that the batch touches, in the order of their ids.
    WITH touched AS (
        SELECT unnest(p_debits) AS id UNION SELECT unnest(p_credits)
        UNION SELECT unnest(ARRAY[t.debit_account, t.credit_account]) FROM ledger.holds t
              WHERE t.tenant_id = p_tenant AND t.id = ANY (p_holds)),
    locked AS (
        SELECT b.* FROM ledger.balances b
        WHERE b.tenant_id = p_tenant AND b.account_id IN (SELECT id FROM touched)
        ORDER BY b.account_id FOR NO KEY UPDATE)
    SELECT array_agg(l.account_id ORDER BY l.account_id), array_agg(l.book_id ORDER BY l.account_id),
           array_agg(l.unit::text ORDER BY l.account_id), array_agg(l.debit_normal ORDER BY l.account_id),
           array_agg(l.floor_fen ORDER BY l.account_id),
           array_agg(l.posted_debits ORDER BY l.account_id), array_agg(l.posted_credits ORDER BY l.account_id),
           array_agg(l.pending_debits ORDER BY l.account_id), array_agg(l.pending_credits ORDER BY l.account_id),
           array_agg(l.last_sequence ORDER BY l.account_id)
    INTO a_ids, a_book, a_unit, a_normal, a_floor, a_pd, a_pc, a_hd, a_hc, a_seq FROM locked l;

    -- 2. A later statement, with a fresh snapshot, sees what was committed while this one waited for the locks.
    SELECT array_agg(t.id), array_agg(t.body_hash), array_agg(t.result::text) INTO e_ids, e_hashes, e_results
    FROM ledger.transactions t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids);
    SELECT array_agg(t.id), array_agg(t.book_id), array_agg(t.debit_account), array_agg(t.credit_account),
           array_agg(t.unit::text), array_agg(t.amount), array_agg(t.settled), array_agg(t.released),
           array_agg(t.state::text)
    INTO h_ids, h_book, h_debit, h_credit, h_unit, h_amount, h_settled, h_released, h_state
    FROM ledger.holds t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_holds);

    first_leg := array_fill(0, ARRAY[n]); last_leg := array_fill(-1, ARRAY[n]);
    FOR k IN 1..legs LOOP
        i := p_leg_tx[k];
        IF first_leg[i] = 0 THEN first_leg[i] := k; END IF;
        last_leg[i] := k;
    END LOOP;

    -- 3. Decide each transaction in memory: all its legs or none.
    FOR i IN 1..n LOOP
        is_new[i] := false;
        j := array_position(e_ids, p_ids[i]);
        IF j IS NOT NULL THEN
            results[i] := CASE WHEN e_hashes[j] <> p_hashes[i] THEN 'id_conflict'
                               WHEN e_results[j] = 'ok' THEN 'replayed' ELSE e_results[j] END;
            CONTINUE;
        END IF;
        j := array_position(p_ids, p_ids[i]);
        IF j < i THEN
            results[i] := CASE WHEN p_hashes[j] <> p_hashes[i] THEN 'id_conflict'
                               WHEN results[j] = 'ok' THEN 'replayed' ELSE results[j] END;
            CONTINUE;
        END IF;
        is_new[i] := true;
        code := 'ok'; mark := coalesce(array_length(w_tx, 1), 0); leg_no := 0;
        s_pd := a_pd; s_pc := a_pc; s_hd := a_hd; s_hc := a_hc; s_seq := a_seq;
        h := NULL; was_held := false;
        IF p_kinds[i] IN ('settle', 'void') THEN
            h := array_position(h_ids, p_holds[i]);
            IF h IS NULL THEN code := 'unknown_hold';
            ELSIF h_state[h] <> 'open' THEN code := 'hold_resolved';
            ELSIF h_book[h] <> p_books[i] THEN code := 'wrong_book';
            END IF;
        END IF;
        IF code = 'ok' AND p_kinds[i] <> 'void' AND first_leg[i] = 0 THEN code := 'no_legs'; END IF;

        IF code = 'ok' AND h IS NOT NULL THEN
            rest := h_amount[h] - h_settled[h] - h_released[h];
            amount := CASE WHEN p_kinds[i] = 'void' THEN 0 ELSE p_amounts[first_leg[i]] END;
            d := array_position(a_ids, h_debit[h]); c := array_position(a_ids, h_credit[h]);
            IF p_kinds[i] = 'settle' AND (amount IS NULL OR amount < 1 OR amount > max_fen) THEN
                code := 'amount_out_of_range';
            ELSIF amount > rest THEN code := 'hold_too_small';
            ELSE
                -- The reserved part goes: what is settled becomes posted, what is final is released.
                m := CASE WHEN p_kinds[i] = 'void' OR p_finals[i] THEN 1 ELSE 0 END;
                a_hd[d] := a_hd[d] - CASE WHEN m = 1 THEN rest ELSE amount END;
                a_hc[c] := a_hc[c] - CASE WHEN m = 1 THEN rest ELSE amount END;
                was_held := true;
                IF amount > 0 THEN
                    a_pd[d] := a_pd[d] + amount; a_pc[c] := a_pc[c] + amount;
                    a_seq[d] := a_seq[d] + 1; a_seq[c] := a_seq[c] + 1; leg_no := 1;
                    w_tx := w_tx || p_ids[i]; w_leg := w_leg || leg_no; w_debit := w_debit || h_debit[h];
                    w_credit := w_credit || h_credit[h]; w_unit := w_unit || h_unit[h]; w_amount := w_amount || amount;
                    w_pending := w_pending || false;
                    w_dseq := w_dseq || a_seq[d]; w_dafter := w_dafter || (a_pd[d] - a_pc[d]);
                    w_cseq := w_cseq || a_seq[c]; w_cafter := w_cafter || (a_pd[c] - a_pc[c]);
                END IF;
            END IF;
        ELSIF code = 'ok' THEN
            FOR k IN first_leg[i]..last_leg[i] LOOP
                amount := p_amounts[k]; dd := p_debits[k]; cc := p_credits[k];
                d := array_position(a_ids, dd); c := array_position(a_ids, cc);
                IF amount IS NULL OR amount < 1 OR amount > max_fen THEN code := 'amount_out_of_range';
                ELSIF d IS NULL OR c IS NULL THEN code := 'unknown_account';
                ELSIF d = c THEN code := 'same_account';
                ELSIF a_book[d] <> p_books[i] OR a_book[c] <> p_books[i] THEN code := 'wrong_book';
                ELSIF a_unit[d] <> p_units[k] OR a_unit[c] <> p_units[k] THEN code := 'unit_mismatch';
                END IF;
                EXIT WHEN code <> 'ok';
                leg_no := leg_no + 1;
                IF p_kinds[i] = 'hold' THEN
                    IF leg_no > 1 THEN code := 'no_legs'; EXIT; END IF;
                    a_hd[d] := a_hd[d] + amount; a_hc[c] := a_hc[c] + amount;
                ELSE
                    IF a_pd[d] + amount > max_fen * 500 OR a_pc[c] + amount > max_fen * 500 THEN
                        code := 'amount_out_of_range'; EXIT;
                    END IF;
                    a_pd[d] := a_pd[d] + amount; a_pc[c] := a_pc[c] + amount;
                    a_seq[d] := a_seq[d] + 1; a_seq[c] := a_seq[c] + 1;
                    w_tx := w_tx || p_ids[i]; w_leg := w_leg || leg_no; w_debit := w_debit || dd;
                    w_credit := w_credit || cc; w_unit := w_unit || p_units[k]; w_amount := w_amount || amount;
                    w_pending := w_pending || false;
                    w_dseq := w_dseq || a_seq[d]; w_dafter := w_dafter || (a_pd[d] - a_pc[d]);
                    w_cseq := w_cseq || a_seq[c]; w_cafter := w_cafter || (a_pd[c] - a_pc[c]);
                END IF;
            END LOOP;
        END IF;

        -- The floor holds after every leg, what is reserved included: nobody spends what is promised.
        IF code = 'ok' THEN
            FOR k IN 1..coalesce(array_length(a_ids, 1), 0) LOOP
                IF a_floor[k] IS NOT NULL AND (a_pd[k], a_pc[k], a_hd[k], a_hc[k])
                        IS DISTINCT FROM (s_pd[k], s_pc[k], s_hd[k], s_hc[k])
                   AND (CASE WHEN a_normal[k] THEN a_pd[k] - a_pc[k] - a_hc[k]
                             ELSE a_pc[k] - a_pd[k] - a_hd[k] END) < a_floor[k] THEN
                    code := 'floor_broken'; EXIT;
                END IF;
            END LOOP;
        END IF;

        IF code = 'ok' AND was_held THEN
            h_settled[h] := h_settled[h] + amount;
            IF m = 1 THEN
                h_released[h] := h_amount[h] - h_settled[h];
                h_state[h] := CASE WHEN p_kinds[i] = 'void' THEN 'voided' ELSE 'settled' END;
            ELSIF h_settled[h] + h_released[h] = h_amount[h] THEN h_state[h] := 'settled';
            END IF;
        END IF;
        IF code <> 'ok' THEN
            a_pd := s_pd; a_pc := s_pc; a_hd := s_hd; a_hc := s_hc; a_seq := s_seq;
            w_tx := w_tx[1:mark]; w_leg := w_leg[1:mark]; w_debit := w_debit[1:mark]; w_credit := w_credit[1:mark];
            w_unit := w_unit[1:mark]; w_amount := w_amount[1:mark]; w_pending := w_pending[1:mark];
            w_dseq := w_dseq[1:mark]; w_dafter := w_dafter[1:mark];
            w_cseq := w_cseq[1:mark]; w_cafter := w_cafter[1:mark];
        END IF;
        results[i] := code;
    END LOOP;

    -- 4. Write: transactions (refused ones too), postings, holds, balances.
    INSERT INTO ledger.transactions
        (tenant_id, id, book_id, kind, result, body_hash, hold_id, description, effective_on, actor, created_at)
    SELECT p_tenant, t.id, t.book, t.kind, t.outcome, t.hash, t.hold, t.description, t.effective, p_actor, clock_timestamp()
    FROM unnest(p_ids, p_books, p_kinds, results, p_hashes, p_holds, p_descriptions, p_dates, is_new)
         AS t (id, book, kind, outcome, hash, hold, description, effective, fresh)
    WHERE t.fresh;
    INSERT INTO ledger.postings
        (tenant_id, transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,
         credit_sequence, credit_after)
    SELECT p_tenant, w.tx, w.leg, w.debit, w.credit, w.unit, w.amount, w.dseq, w.dafter, w.cseq, w.cafter
    FROM unnest(w_tx, w_leg, w_debit, w_credit, w_unit, w_amount, w_dseq, w_dafter, w_cseq, w_cafter)
         AS w (tx, leg, debit, credit, unit, amount, dseq, dafter, cseq, cafter);
    INSERT INTO ledger.holds
        (tenant_id, id, book_id, debit_account, credit_account, unit, amount, settled, released, state, expires_at)
    SELECT p_tenant, p_ids[t.i], p_books[t.i], p_debits[first_leg[t.i]], p_credits[first_leg[t.i]],
           p_units[first_leg[t.i]], p_amounts[first_leg[t.i]], 0, 0, 'open', p_expires[t.i]
    FROM generate_series(1, n) AS t (i)
    WHERE is_new[t.i] AND results[t.i] = 'ok' AND p_kinds[t.i] = 'hold';
    IF h_ids IS NOT NULL THEN
        UPDATE ledger.holds t SET settled = u.settled, released = u.released, state = u.state
        FROM unnest(h_ids, h_settled, h_released, h_state) AS u (id, settled, released, state)
        WHERE t.tenant_id = p_tenant AND t.id = u.id AND t.state = 'open';
    END IF;
    IF a_ids IS NOT NULL THEN
        UPDATE ledger.balances b SET posted_debits = u.pd, posted_credits = u.pc, pending_debits = u.hd,
               pending_credits = u.hc, last_sequence = u.seq
        FROM unnest(a_ids, a_pd, a_pc, a_hd, a_hc, a_seq) AS u (id, pd, pc, hd, hc, seq)
        WHERE b.tenant_id = p_tenant AND b.account_id = u.id
          AND (b.posted_debits, b.posted_credits, b.pending_debits, b.pending_credits)
              IS DISTINCT FROM (u.pd, u.pc, u.hd, u.hc);
    END IF;
    RETURN QUERY SELECT t.i, p_ids[t.i], results[t.i] FROM generate_series(1, n) AS t (i);
END $$
