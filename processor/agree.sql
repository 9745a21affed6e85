-- ---------------------------------------------------------------- what both sides have

-- A partner that exchanges files has no list: what we have is what is agreed.
CREATE FUNCTION prio_internal.peer_listed(b prio_processor.batch) RETURNS SETOF uuid LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT i FROM prio_internal.list AS l, LATERAL prio_internal.ids(l.entries) AS i
	WHERE b.checkpoints AND l.number = b.number AND l.role = prio_internal.other_role(b.role)
	UNION ALL
	SELECT l.share_id FROM prio_internal.listed(b.number, b.role) AS l WHERE NOT b.checkpoints OFFSET 0;
END;

COMMENT ON FUNCTION prio_internal.peer_listed(prio_processor.batch) IS 'the ids that the other side listed';

-- Names in packets that other batches have as well: what was spoken about there is not again. One
-- session at a time has a name, so that of two batches one is first. Reports of DAP need none, as
-- no two batches have a time in common: NULL.
CREATE FUNCTION prio_internal.lock_scope(b prio_processor.batch) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	of_key text := coalesce(prio_internal.scope_key(b.server), 'none');
	of_name text := CASE prio_internal.protocol(b.server::text) WHEN 'v1' THEN b.packet_batch_id ELSE '' END;
	found_scope int;
BEGIN
	IF prio_internal.protocol(b.server::text) = 'DAP' THEN
		RETURN NULL;
	END IF;
	INSERT INTO prio_internal.scope (name, key) VALUES (of_name, of_key) ON CONFLICT DO NOTHING;
	SELECT s.scope INTO STRICT found_scope FROM prio_internal.scope AS s WHERE s.name = of_name AND s.key = of_key FOR UPDATE;
	RETURN found_scope;
END $$;

COMMENT ON FUNCTION prio_internal.lock_scope(prio_processor.batch) IS 'the memory that the packets of a batch belong to, for this transaction alone';

-- Cuts what both sides have into chunks. What is left out here is in them all the same, with an
-- empty entry for a message: a copy of a packet under another id, of which the smallest counts, and a packet
-- that was in another batch. What the rest is remembered by is logged in this transaction, before
-- anything is said. The ids of copies, and those of replays, are one value each: 60 million at most.
CREATE FUNCTION prio_internal.make_agreed(b prio_processor.batch) RETURNS void LANGUAGE plpgsql SET enable_hashagg = off AS $$
DECLARE
	of_scope int := prio_internal.lock_scope(b);
	-- A nonce of bare Prio3 is used once as well: so the ids are remembered with the shares.
	nonces boolean := prio_internal.protocol(b.server::text) = 'Prio3';
	copied bytea := ''::bytea;
	replayed bytea := ''::bytea;
	copies bigint;
	replays bigint;
	shared bigint;
BEGIN
	-- none, and nothing to look for, when there are as many packets as ids
	IF b.packets < b.listed THEN
		copied := coalesce((SELECT prio_internal.pack_ids(c.share_id) FROM (
			SELECT l.share_id, row_number() OVER (PARTITION BY l.replay ORDER BY l.share_id) > 1 AS is_copy
			FROM prio_internal.listed(b.number, b.role) AS l JOIN prio_internal.peer_listed(b) AS i ON i = l.share_id) AS c WHERE c.is_copy), copied);
	END IF;
	IF EXISTS (SELECT FROM prio_internal.memory AS m WHERE m.scope = of_scope AND m.number <> b.number) THEN
		replayed := coalesce((SELECT prio_internal.pack_ids(r.share_id) FROM (
			SELECT l.share_id FROM prio_internal.listed(b.number, b.role) AS l
				JOIN (SELECT d FROM prio_internal.memory AS m, LATERAL prio_internal.ids(m.digests) AS d
					WHERE m.scope = of_scope AND m.number <> b.number OFFSET 0) AS known ON known.d = l.replay
			UNION
			SELECT l.share_id FROM prio_internal.listed(b.number, b.role) AS l
				JOIN (SELECT d FROM prio_internal.memory AS m, LATERAL prio_internal.ids(m.digests) AS d
					WHERE nonces AND m.scope = of_scope AND m.number <> b.number OFFSET 0) AS known ON known.d = l.share_id) AS r), replayed);
	END IF;
	WITH chunks AS MATERIALIZED (
		SELECT m.chunk, m.shares, sha256(m.ids) AS ids_digest, m.copies_here, m.replays_here, m.left_out, m.digests, CASE WHEN nonces THEN m.kept END AS nonces
		FROM prio_internal.merged_agreed(b.number, b.role, b.checkpoints, b.chunk_shares, copied, replayed) AS m
	), kept AS (
		INSERT INTO prio_internal.agreed (number, chunk, shares, ids_digest, left_out)
		SELECT b.number, c.chunk, c.shares, c.ids_digest, c.left_out FROM chunks AS c
	), remembered AS (
		INSERT INTO prio_internal.memory (scope, number, piece, digests)
		SELECT of_scope, b.number, c.chunk, c.digests FROM chunks AS c WHERE of_scope IS NOT NULL AND c.digests IS NOT NULL
		UNION ALL
		SELECT of_scope, b.number, -1 - c.chunk, c.nonces FROM chunks AS c WHERE c.nonces IS NOT NULL
	)
	SELECT coalesce(sum(c.shares), 0)::bigint, coalesce(sum(c.copies_here), 0)::bigint, coalesce(sum(c.replays_here), 0)::bigint
	INTO shared, copies, replays FROM chunks AS c;

	PERFORM prio_internal.reject(b.number, 'agree', 'the other server does not have it', b.listed - shared),
		prio_internal.reject(b.number, 'agree', 'copy of a packet', copies),
		prio_internal.reject(b.number, 'agree', 'replayed packet', replays);
	UPDATE prio_processor.batch AS x
	SET agreed = shared, agreed_digest = (SELECT sha256(coalesce(string_agg(a.ids_digest, ''::bytea ORDER BY a.chunk), ''))
		FROM prio_internal.agreed AS a WHERE a.number = b.number)
	WHERE x.number = b.number;
	PERFORM prio_internal.enter_stage(b, 'round 1', shared);
END $$;

COMMENT ON FUNCTION prio_internal.make_agreed(prio_processor.batch) IS 'fixes which shares both servers speak about, in which order';

-- Private state in the order of the agreed list: at first, and again after a crash. Then what the
-- shares open to must be what it was, or this side would say something else than before.
CREATE FUNCTION prio_internal.make_work(b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM prio_internal.agreed AS a
			LEFT JOIN prio_internal.fill_work(b.number, b.role, b.checkpoints, b.chunk_shares) AS w USING (chunk)
			WHERE a.number = b.number AND w.ids_digest IS DISTINCT FROM a.ids_digest) THEN
		RAISE EXCEPTION 'shares of batch "%" do not open to what they did before', b.batch_id
			USING ERRCODE = 'data_corrupted', HINT = 'Its keys, or its shares, are not what they were. give_up_batch() ends the batch.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.make_work(prio_processor.batch) IS 'puts what the shares opened to into the order of the agreed list';

-- Is all private state there? What is missing is made, a step at a time: 'worked', 'busy', or 'complete'.
CREATE FUNCTION prio_internal.renew_state(b prio_processor.batch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := prio_internal.open_next_chunk(b);
BEGIN
	IF outcome <> 'complete' OR b.agreed_digest IS NULL THEN
		RETURN outcome;
	END IF;
	IF b.agreed > 0 AND NOT EXISTS (SELECT FROM prio_internal.work AS w WHERE w.number = b.number) THEN
		-- one session makes it
		PERFORM FROM prio_internal.agreed AS a WHERE a.number = b.number AND a.chunk = 0 FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			RETURN 'busy';
		ELSIF NOT EXISTS (SELECT FROM prio_internal.work AS w WHERE w.number = b.number) THEN
			PERFORM prio_internal.make_work(b);
		END IF;
		RETURN 'worked';
	END IF;
	RETURN 'complete';
END $$;

COMMENT ON FUNCTION prio_internal.renew_state(prio_processor.batch) IS 'makes private state that is missing, a step of it';
