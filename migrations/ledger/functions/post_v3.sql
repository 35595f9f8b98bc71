-- Posts a batch of transactions. Speed comes from sets: one statement locks, later ones find replays, holds, originals and
-- closed periods, the deciding happens in local arrays without a statement, and one statement each writes transactions,
-- postings and balances.
--
-- Version 3 knows reversals, refunds, expiry, restricted money and closed periods. Legs name their accounts by their place in
-- p_accounts, a transaction names the first of its id in the batch, and what a refused one has changed is undone from a log
-- of just that, so a transaction costs what its own legs cost, however many accounts and transactions the batch has.
--
-- Per transaction (arrays of one length): id, the position of the first with this id (usually its own), book, kind (post,
-- hold, settle, void, expire, reverse, refund), hash of the body, the hold that is resolved, whether a settle is the last one,
-- when a hold expires (of an expiry: the moment at which it is), description, effective date, actor, the transaction that is reversed or refunded, hash of a document.
-- p_accounts: every account that a leg names, once each.
-- Per leg (arrays of one length): the transaction's position in the batch, debit and credit account as positions in
-- p_accounts, unit, amount. What resolves a hold takes its accounts from the hold: the settle's amount is its single leg's,
-- its accounts are ignored. A reversal has the legs of its original, sides swapped, in the same order. A refund goes back the
-- ways that the original came, and by each way all refunds together never exceed what came: nobody is given another's share.
--
-- A period is closed under the locks of all balances of its book (ledger.lock_book), and closed_through is read after our own
-- locks, in a fresh snapshot: closing and posting at the same time have one order.
--
-- Results: ok, replayed, id_conflict, no_legs, amount_out_of_range, unknown_book, unknown_account, wrong_book, same_account,
-- unit_mismatch, floor_broken, purpose_mismatch, restriction_expired, period_closed, unknown_hold, hold_resolved,
-- hold_too_small, hold_not_due, unknown_original, not_reversible, before_original, already_reversed, already_refunded,
-- not_the_mirror, more_than_original. Each transaction is all or nothing, and a refused one is kept with its result, so that
-- asking again gets the same answer.
CREATE FUNCTION ledger.post_entries(
    p_tenant text, p_actors text[],
    p_ids uuid[], p_firsts integer[], p_books uuid[], p_kinds text[], p_hashes bytea[], p_holds uuid[],
    p_finals boolean[], p_expires timestamptz[], p_descriptions text[], p_dates date[],
    p_accounts uuid[], p_leg_tx integer[], p_debits integer[], p_credits integer[], p_units text[], p_amounts bigint[],
    p_originals uuid[], p_documents bytea[])
RETURNS TABLE (tx_position integer, tx_id uuid, result text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    max_fen CONSTANT bigint := 9007199254740991;
    -- The accounts that the batch touches, in id order, and their state while the batch is decided.
    a_ids uuid[]; a_book uuid[]; a_unit text[]; a_normal boolean[]; a_floor bigint[];
    a_pd bigint[]; a_pc bigint[]; a_hd bigint[]; a_hc bigint[]; a_seq bigint[];
    a_purpose text[]; a_spend_by date[]; a_is_own boolean[];
    -- Where each of p_accounts stands among them; NULL for one that does not exist.
    places integer[];
    h_ids uuid[]; h_book uuid[]; h_debit uuid[]; h_credit uuid[]; h_unit text[]; h_amount bigint[];
    h_settled bigint[]; h_released bigint[]; h_state text[]; h_expires timestamptz[];
    -- The transactions that are reversed or refunded; the ways that they went, with what may still go back by each; and for
    -- each leg of those that do so whether it fits, and its way.
    o_ids uuid[]; o_book uuid[]; o_open boolean[]; o_date date[]; o_legs bigint[]; o_reversed boolean[]; o_refunded boolean[];
    r_tx uuid[]; r_debit uuid[]; r_credit uuid[]; r_unit text[]; r_rest numeric[]; leg_fits boolean[]; leg_way bigint[];
    b_ids uuid[]; b_closed date[];
    e_ids uuid[]; e_hashes bytea[]; e_results text[];
    n integer := coalesce(array_length(p_ids, 1), 0);
    legs integer := coalesce(array_length(p_leg_tx, 1), 0);
    results text[] := array_fill(NULL::text, ARRAY[greatest(n, 1)]);
    is_new boolean[] := array_fill(false, ARRAY[greatest(n, 1)]);
    -- What will be written: w_count of these.
    w_count integer := 0;
    w_tx uuid[]; w_leg integer[]; w_debit integer[]; w_credit integer[]; w_unit text[]; w_amount bigint[];
    w_dseq bigint[]; w_dafter bigint[]; w_cseq bigint[]; w_cafter bigint[];
    -- What the transaction at hand has changed, as it was before: u_count of these.
    u_count integer;
    u_place integer[]; u_pd bigint[]; u_pc bigint[]; u_hd bigint[]; u_hc bigint[]; u_seq bigint[];
    first_leg integer[]; last_leg integer[];
    i integer; j integer; k integer; d integer; c integer; h integer; o integer; b integer; mark integer; leg_no integer;
    code text; amount bigint; rest bigint; is_last boolean; is_taken boolean; book uuid; kind text; unit text;
BEGIN
    IF p_tenant IS DISTINCT FROM NULLIF(current_setting('linli.tenant', true), '') THEN
        RAISE EXCEPTION 'the tenant of the batch is not the tenant of the transaction' USING ERRCODE = '42501';
    END IF;
    IF n = 0 OR n > 1000 OR legs > 5000 THEN
        RAISE EXCEPTION 'a batch has 1 to 1000 transactions and at most 5000 legs' USING ERRCODE = '22023';
    END IF;

    -- 1. Lock all balances that the batch touches, in the order of their ids.
    WITH touched AS (
        SELECT unnest(p_accounts) AS id
        UNION SELECT unnest(ARRAY[t.debit_account, t.credit_account]) FROM ledger.holds t
              WHERE t.tenant_id = p_tenant AND t.id = ANY (p_holds)),
    locked AS (
        SELECT b.* FROM ledger.balances b
        WHERE b.tenant_id = p_tenant AND b.account_id = ANY (ARRAY(SELECT id FROM touched))
        ORDER BY b.account_id FOR NO KEY UPDATE)
    SELECT array_agg(l.account_id ORDER BY l.account_id), array_agg(l.book_id ORDER BY l.account_id),
           array_agg(l.unit::text ORDER BY l.account_id), array_agg(l.debit_normal ORDER BY l.account_id),
           array_agg(l.floor_fen ORDER BY l.account_id),
           array_agg(l.posted_debits ORDER BY l.account_id), array_agg(l.posted_credits ORDER BY l.account_id),
           array_agg(l.pending_debits ORDER BY l.account_id), array_agg(l.pending_credits ORDER BY l.account_id),
           array_agg(l.last_sequence ORDER BY l.account_id), array_agg(l.purpose::text ORDER BY l.account_id),
           array_agg(l.spend_by ORDER BY l.account_id), array_agg(l.is_own ORDER BY l.account_id)
    INTO a_ids, a_book, a_unit, a_normal, a_floor, a_pd, a_pc, a_hd, a_hc, a_seq, a_purpose, a_spend_by, a_is_own
    FROM locked l;
    SELECT array_agg(known.place ORDER BY wanted.place) INTO places
    FROM unnest(p_accounts) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN unnest(a_ids) WITH ORDINALITY AS known (id, place) USING (id);

    -- 2. A later statement, with a fresh snapshot, sees what was committed while this one waited for the locks.
    SELECT array_agg(t.id), array_agg(t.body_hash), array_agg(t.result::text) INTO e_ids, e_hashes, e_results
    FROM ledger.transactions t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids);
    SELECT array_agg(t.id), array_agg(t.book_id), array_agg(t.debit_account), array_agg(t.credit_account),
           array_agg(t.unit::text), array_agg(t.amount), array_agg(t.settled), array_agg(t.released),
           array_agg(t.state::text), array_agg(t.expires_at)
    INTO h_ids, h_book, h_debit, h_credit, h_unit, h_amount, h_settled, h_released, h_state, h_expires
    FROM ledger.holds t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_holds);
    -- A hold that was made while this waited: its accounts are not locked. Whoever asks again finds it.
    IF EXISTS (SELECT FROM unnest(h_debit, h_credit) AS t (debit, credit)
               WHERE t.debit <> ALL (a_ids) OR t.credit <> ALL (a_ids) OR a_ids IS NULL) THEN
        RAISE EXCEPTION 'a hold was made meanwhile' USING ERRCODE = '40001';
    END IF;
    SELECT array_agg(t.id), array_agg(t.closed_through) INTO b_ids, b_closed
    FROM ledger.books t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_books);

    first_leg := array_fill(0, ARRAY[n]); last_leg := array_fill(-1, ARRAY[n]);
    FOR k IN 1..legs LOOP
        i := p_leg_tx[k];
        IF first_leg[i] = 0 THEN first_leg[i] := k; END IF;
        last_leg[i] := k;
    END LOOP;

    IF EXISTS (SELECT FROM unnest(p_originals) AS t (id) WHERE t.id IS NOT NULL) THEN
        SELECT array_agg(t.id), array_agg(t.book_id),
               array_agg(t.result = 'ok' AND t.kind IN ('post', 'settle')), array_agg(t.effective_on),
               array_agg((SELECT count(*) FROM ledger.postings p
                          WHERE p.tenant_id = p_tenant AND p.transaction_id = t.id)),
               array_agg(EXISTS (SELECT FROM ledger.transactions r WHERE r.tenant_id = p_tenant AND r.original_id = t.id
                                 AND r.kind = 'reverse' AND r.result = 'ok')),
               array_agg(EXISTS (SELECT FROM ledger.transactions r WHERE r.tenant_id = p_tenant AND r.original_id = t.id
                                 AND r.kind = 'refund' AND r.result = 'ok'))
        INTO o_ids, o_book, o_open, o_date, o_legs, o_reversed, o_refunded
        FROM ledger.transactions t WHERE t.tenant_id = p_tenant AND t.id = ANY (p_originals);
        SELECT array_agg(w.tx), array_agg(w.debit), array_agg(w.credit), array_agg(w.unit), array_agg(w.rest)
        INTO r_tx, r_debit, r_credit, r_unit, r_rest
        FROM (SELECT way.tx, way.debit, way.credit, way.unit, sum(way.amount) AS rest FROM (
                  SELECT p.transaction_id AS tx, p.debit_account AS debit, p.credit_account AS credit, p.unit::text AS unit,
                         p.amount
                  FROM ledger.postings p WHERE p.tenant_id = p_tenant AND p.transaction_id = ANY (p_originals)
                  UNION ALL
                  SELECT r.original_id, p.credit_account, p.debit_account, p.unit, -p.amount
                  FROM ledger.transactions r JOIN ledger.postings p
                  ON p.tenant_id = r.tenant_id AND p.transaction_id = r.id
                  WHERE r.tenant_id = p_tenant AND r.original_id = ANY (p_originals) AND r.kind = 'refund') AS way
              GROUP BY way.tx, way.debit, way.credit, way.unit) AS w;
        SELECT array_agg(CASE WHEN p_kinds[l.tx] = 'refund' THEN way.place IS NOT NULL ELSE EXISTS (
                   SELECT FROM ledger.postings p
                   WHERE p.tenant_id = p_tenant AND p.transaction_id = p_originals[l.tx] AND p.unit = l.unit
                     AND p.leg = l.k - first_leg[l.tx] + 1 AND p.amount = l.amount
                     AND p.debit_account = p_accounts[l.credit] AND p.credit_account = p_accounts[l.debit]) END
                   ORDER BY l.k),
               array_agg(way.place ORDER BY l.k)
        INTO leg_fits, leg_way
        FROM unnest(p_leg_tx, p_debits, p_credits, p_units, p_amounts) WITH ORDINALITY
             AS l (tx, debit, credit, unit, amount, k)
        LEFT JOIN unnest(r_tx, r_debit, r_credit, r_unit) WITH ORDINALITY AS way (tx, debit, credit, unit, place)
        ON way.tx = p_originals[l.tx] AND way.debit = p_accounts[l.credit] AND way.credit = p_accounts[l.debit]
           AND way.unit = l.unit;
    END IF;

    -- 3. Decide each transaction in memory: all its legs or none.
    FOR i IN 1..n LOOP
        IF e_ids IS NOT NULL THEN
            j := array_position(e_ids, p_ids[i]);
            IF j IS NOT NULL THEN
                results[i] := CASE WHEN e_hashes[j] <> p_hashes[i] THEN 'id_conflict'
                                   WHEN e_results[j] = 'ok' THEN 'replayed' ELSE e_results[j] END;
                CONTINUE;
            END IF;
        END IF;
        j := p_firsts[i];
        IF j <> i THEN
            IF j > i OR p_ids[j] <> p_ids[i] THEN
                RAISE EXCEPTION 'not the first of its id' USING ERRCODE = '22023';
            END IF;
            results[i] := CASE WHEN p_hashes[j] <> p_hashes[i] THEN 'id_conflict'
                               WHEN results[j] = 'ok' THEN 'replayed' ELSE results[j] END;
            CONTINUE;
        END IF;
        is_new[i] := true;
        code := 'ok'; mark := w_count; leg_no := 0; u_count := 0; h := NULL; is_last := false; is_taken := false;
        book := p_books[i]; kind := p_kinds[i];

        b := array_position(b_ids, book);
        IF b IS NULL THEN
            -- A transaction belongs to a book; without one there is nothing to keep it in.
            is_new[i] := false; results[i] := 'unknown_book';
            CONTINUE;
        END IF;
        IF b_closed[b] IS NOT NULL AND p_dates[i] <= b_closed[b] AND kind IN ('post', 'settle', 'reverse', 'refund') THEN
            code := 'period_closed';
        ELSIF kind = 'reverse' OR kind = 'refund' THEN
            o := array_position(o_ids, p_originals[i]);
            IF o IS NULL THEN code := 'unknown_original';
            ELSIF o_book[o] <> book THEN code := 'wrong_book';
            ELSIF NOT o_open[o] THEN code := 'not_reversible';
            ELSIF p_dates[i] < o_date[o] THEN code := 'before_original';
            ELSIF o_reversed[o] THEN code := 'already_reversed';
            ELSIF kind = 'reverse' AND o_refunded[o] THEN code := 'already_refunded';
            ELSIF first_leg[i] = 0 THEN code := 'no_legs';
            ELSIF kind = 'reverse' AND last_leg[i] - first_leg[i] + 1 <> o_legs[o] THEN code := 'not_the_mirror';
            ELSE
                FOR k IN first_leg[i]..last_leg[i] LOOP
                    IF NOT leg_fits[k] THEN code := 'not_the_mirror'; EXIT; END IF;
                END LOOP;
                IF code = 'ok' AND kind = 'refund' THEN
                    is_taken := true;
                    FOR k IN first_leg[i]..last_leg[i] LOOP
                        r_rest[leg_way[k]] := r_rest[leg_way[k]] - coalesce(p_amounts[k], 0);
                    END LOOP;
                    FOR k IN first_leg[i]..last_leg[i] LOOP
                        IF r_rest[leg_way[k]] < 0 THEN code := 'more_than_original'; EXIT; END IF;
                    END LOOP;
                END IF;
            END IF;
        END IF;

        IF code <> 'ok' THEN
            NULL;
        ELSIF kind = 'settle' OR kind = 'void' OR kind = 'expire' THEN
            h := array_position(h_ids, p_holds[i]);
            IF h IS NULL THEN code := 'unknown_hold';
            ELSIF h_state[h] <> 'open' THEN code := 'hold_resolved';
            ELSIF h_book[h] <> book THEN code := 'wrong_book';
            ELSIF kind = 'settle' AND first_leg[i] = 0 THEN code := 'no_legs';
            ELSIF kind = 'expire' AND coalesce(h_expires[h] > coalesce(p_expires[i], clock_timestamp()), true) THEN code := 'hold_not_due';
            ELSE
                rest := h_amount[h] - h_settled[h] - h_released[h];
                amount := CASE WHEN kind = 'settle' THEN p_amounts[first_leg[i]] ELSE 0 END;
                IF kind = 'settle' AND (amount IS NULL OR amount < 1 OR amount > max_fen) THEN
                    code := 'amount_out_of_range';
                ELSIF amount > rest THEN code := 'hold_too_small';
                ELSE
                    d := array_position(a_ids, h_debit[h]); c := array_position(a_ids, h_credit[h]);
                    FOREACH k IN ARRAY ARRAY[d, c] LOOP
                        u_count := u_count + 1; u_place[u_count] := k; u_pd[u_count] := a_pd[k]; u_pc[u_count] := a_pc[k];
                        u_hd[u_count] := a_hd[k]; u_hc[u_count] := a_hc[k]; u_seq[u_count] := a_seq[k];
                    END LOOP;
                    -- The reserved part goes: what is settled becomes posted, what is final is released.
                    is_last := kind <> 'settle' OR p_finals[i];
                    a_hd[d] := a_hd[d] - CASE WHEN is_last THEN rest ELSE amount END;
                    a_hc[c] := a_hc[c] - CASE WHEN is_last THEN rest ELSE amount END;
                    IF amount > 0 THEN
                        a_pd[d] := a_pd[d] + amount; a_pc[c] := a_pc[c] + amount;
                        a_seq[d] := a_seq[d] + 1; a_seq[c] := a_seq[c] + 1; leg_no := 1; w_count := w_count + 1;
                        w_tx[w_count] := p_ids[i]; w_leg[w_count] := leg_no; w_debit[w_count] := d;
                        w_credit[w_count] := c; w_unit[w_count] := h_unit[h]; w_amount[w_count] := amount;
                        w_dseq[w_count] := a_seq[d]; w_dafter[w_count] := a_pd[d] - a_pc[d];
                        w_cseq[w_count] := a_seq[c]; w_cafter[w_count] := a_pd[c] - a_pc[c];
                    END IF;
                END IF;
            END IF;
        ELSIF first_leg[i] = 0 THEN code := 'no_legs';
        ELSE
            FOR k IN first_leg[i]..last_leg[i] LOOP
                amount := p_amounts[k]; d := places[p_debits[k]]; c := places[p_credits[k]]; unit := p_units[k];
                IF amount IS NULL OR amount < 1 OR amount > max_fen THEN code := 'amount_out_of_range';
                ELSIF d IS NULL OR c IS NULL THEN code := 'unknown_account';
                ELSIF d = c THEN code := 'same_account';
                ELSIF a_book[d] <> book OR a_book[c] <> book THEN code := 'wrong_book';
                ELSIF a_unit[d] <> unit OR a_unit[c] <> unit THEN code := 'unit_mismatch';
                -- Money given for a purpose goes on only to what has the same purpose, or to what takes any ('*'), and not
                -- after its day; back to the bank it may always go.
                ELSIF a_purpose[d] <> '*' AND a_is_own[c] AND coalesce(a_purpose[c], '') NOT IN (a_purpose[d], '*') THEN
                    code := 'purpose_mismatch';
                ELSIF a_spend_by[d] < p_dates[i] AND a_is_own[c] AND kind <> 'reverse' THEN code := 'restriction_expired';
                END IF;
                EXIT WHEN code <> 'ok';
                u_count := u_count + 1; u_place[u_count] := d; u_pd[u_count] := a_pd[d]; u_pc[u_count] := a_pc[d];
                u_hd[u_count] := a_hd[d]; u_hc[u_count] := a_hc[d]; u_seq[u_count] := a_seq[d];
                u_count := u_count + 1; u_place[u_count] := c; u_pd[u_count] := a_pd[c]; u_pc[u_count] := a_pc[c];
                u_hd[u_count] := a_hd[c]; u_hc[u_count] := a_hc[c]; u_seq[u_count] := a_seq[c];
                leg_no := leg_no + 1;
                IF kind = 'hold' AND leg_no > 1 THEN code := 'no_legs'; EXIT; END IF;
                -- What is posted and reserved on one side stays far from the end of bigint; a settle only moves it over.
                IF a_pd[d] + a_hd[d] + amount > max_fen * 500 OR a_pc[c] + a_hc[c] + amount > max_fen * 500 THEN
                    code := 'amount_out_of_range'; EXIT;
                END IF;
                IF kind = 'hold' THEN
                    a_hd[d] := a_hd[d] + amount; a_hc[c] := a_hc[c] + amount;
                ELSE
                    a_pd[d] := a_pd[d] + amount; a_pc[c] := a_pc[c] + amount;
                    a_seq[d] := a_seq[d] + 1; a_seq[c] := a_seq[c] + 1; w_count := w_count + 1;
                    w_tx[w_count] := p_ids[i]; w_leg[w_count] := leg_no; w_debit[w_count] := d;
                    w_credit[w_count] := c; w_unit[w_count] := unit; w_amount[w_count] := amount;
                    w_dseq[w_count] := a_seq[d]; w_dafter[w_count] := a_pd[d] - a_pc[d];
                    w_cseq[w_count] := a_seq[c]; w_cafter[w_count] := a_pd[c] - a_pc[c];
                END IF;
            END LOOP;
        END IF;

        -- The floor holds for every account that was touched, what is reserved included: nobody spends what is promised.
        IF code = 'ok' THEN
            FOR j IN 1..u_count LOOP
                k := u_place[j];
                IF a_floor[k] IS NOT NULL
                   AND (CASE WHEN a_normal[k] THEN a_pd[k] - a_pc[k] - a_hc[k] ELSE a_pc[k] - a_pd[k] - a_hd[k] END)
                       < a_floor[k] THEN
                    code := 'floor_broken'; EXIT;
                END IF;
            END LOOP;
        END IF;

        IF code = 'ok' AND h IS NOT NULL THEN
            h_settled[h] := h_settled[h] + amount;
            IF is_last THEN
                h_released[h] := h_amount[h] - h_settled[h];
                h_state[h] := CASE kind WHEN 'void' THEN 'voided' WHEN 'expire' THEN 'expired' ELSE 'settled' END;
            ELSIF h_settled[h] + h_released[h] = h_amount[h] THEN h_state[h] := 'settled';
            END IF;
        ELSIF code <> 'ok' THEN
            FOR j IN REVERSE u_count..1 LOOP
                k := u_place[j];
                a_pd[k] := u_pd[j]; a_pc[k] := u_pc[j]; a_hd[k] := u_hd[j]; a_hc[k] := u_hc[j]; a_seq[k] := u_seq[j];
            END LOOP;
            w_count := mark;
            IF is_taken THEN
                FOR k IN first_leg[i]..last_leg[i] LOOP
                    r_rest[leg_way[k]] := r_rest[leg_way[k]] + coalesce(p_amounts[k], 0);
                END LOOP;
            END IF;
        END IF;
        IF code = 'ok' AND kind = 'reverse' THEN o_reversed[o] := true;
        ELSIF code = 'ok' AND kind = 'refund' THEN o_refunded[o] := true;
        END IF;
        results[i] := code;
    END LOOP;

    -- 4. Write: transactions (refused ones too), postings, holds, balances.
    INSERT INTO ledger.transactions
        (tenant_id, id, book_id, kind, result, body_hash, hold_id, description, effective_on, actor, created_at,
         original_id, document_sha256)
    SELECT p_tenant, t.id, t.book, t.kind, t.outcome, t.hash, t.hold, t.description, t.effective, t.actor,
           clock_timestamp(), t.original, t.document
    FROM unnest(p_ids, p_books, p_kinds, results, p_hashes, p_holds, p_descriptions, p_dates, p_actors, is_new, p_originals,
                p_documents)
         AS t (id, book, kind, outcome, hash, hold, description, effective, actor, fresh, original, document)
    WHERE t.fresh;
    IF w_count > 0 THEN
        INSERT INTO ledger.postings
            (tenant_id, transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,
             credit_sequence, credit_after)
        SELECT p_tenant, w.tx, w.leg, a_ids[w.debit], a_ids[w.credit], w.unit, w.amount, w.dseq, w.dafter, w.cseq,
               w.cafter
        FROM unnest(w_tx[1:w_count], w_leg[1:w_count], w_debit[1:w_count], w_credit[1:w_count], w_unit[1:w_count],
                    w_amount[1:w_count], w_dseq[1:w_count], w_dafter[1:w_count], w_cseq[1:w_count],
                    w_cafter[1:w_count])
             AS w (tx, leg, debit, credit, unit, amount, dseq, dafter, cseq, cafter);
    END IF;
    IF 'hold' = ANY (p_kinds) THEN
        INSERT INTO ledger.holds
            (tenant_id, id, book_id, debit_account, credit_account, unit, amount, settled, released, state, expires_at)
        SELECT p_tenant, p_ids[t.i], p_books[t.i], p_accounts[p_debits[first_leg[t.i]]],
               p_accounts[p_credits[first_leg[t.i]]], p_units[first_leg[t.i]], p_amounts[first_leg[t.i]], 0, 0, 'open',
               p_expires[t.i]
        FROM generate_series(1, n) AS t (i)
        WHERE is_new[t.i] AND results[t.i] = 'ok' AND p_kinds[t.i] = 'hold';
    END IF;
    IF h_ids IS NOT NULL THEN
        UPDATE ledger.holds t SET settled = u.settled, released = u.released, state = u.state
        FROM unnest(h_ids, h_settled, h_released, h_state) AS u (id, settled, released, state)
        WHERE t.tenant_id = p_tenant AND t.id = u.id AND t.state = 'open';
    END IF;
    IF a_ids IS NOT NULL THEN
        UPDATE ledger.balances b SET posted_debits = u.pd, posted_credits = u.pc, pending_debits = u.hd,
               pending_credits = u.hc, last_sequence = u.seq
        FROM unnest(a_ids, a_pd, a_pc, a_hd, a_hc, a_seq) AS u (id, pd, pc, hd, hc, seq)
        WHERE b.tenant_id = p_tenant AND b.account_id = ANY (a_ids) AND b.account_id = u.id
          AND (b.posted_debits, b.posted_credits, b.pending_debits, b.pending_credits)
              IS DISTINCT FROM (u.pd, u.pc, u.hd, u.hc);
    END IF;
    RETURN QUERY SELECT t.i, p_ids[t.i], results[t.i] FROM generate_series(1, n) AS t (i);
END $$
