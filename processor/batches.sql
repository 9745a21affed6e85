-- ---------------------------------------------------------------- functions of prio

-- Bound here to that extension's functions, wherever it is moved. Others may be able to create
-- something in its schema: so it is in the search path for nothing but these, whose arguments fit exactly.
DO $$
BEGIN
	PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', n.nspname), true)
	FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'prio';
END $$;

CREATE FUNCTION prio_internal.merged(total bytea, server name, other bytea) RETURNS bytea LANGUAGE sql STABLE
	RETURN CASE prio_internal.protocol(server::text)
		WHEN 'v1' THEN (SELECT prio_merge(t) FROM unnest(ARRAY[total, other]) AS t)
		ELSE (SELECT prio3_merge(server::text, t) FROM unnest(ARRAY[total, other]) AS t WHERE t IS NOT NULL) END;

CREATE AGGREGATE prio_internal.merge(server name, total bytea) (SFUNC = prio_internal.merged, STYPE = bytea);

CREATE FUNCTION prio_internal.subtracted_v1(total bytea, part bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN prio_subtract(total, part);

CREATE FUNCTION prio_internal.subtracted_prio3(server name, total bytea, part bytea) RETURNS bytea LANGUAGE sql STABLE
	RETURN prio3_subtract(server::text, total, part);

CREATE FUNCTION prio_internal.published_v1(total bytea, peer_total bytea) RETURNS numeric[] LANGUAGE sql IMMUTABLE
	RETURN prio_publish(total, peer_total)::numeric[];

CREATE FUNCTION prio_internal.published_prio3(server name, total_a bytea, total_b bytea, reports bigint) RETURNS numeric[] LANGUAGE sql STABLE
	RETURN prio3_unshard(server::text, total_a, total_b, reports);

CREATE FUNCTION prio_internal.integers(total bytea, bits int) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN CASE WHEN bits IS NULL THEN total ELSE prio_total_share_uint(total, bits) END;

CREATE FUNCTION prio_internal.fingerprint(server name, packet_batch_id text, n_data int) RETURNS bytea LANGUAGE sql STABLE
	RETURN CASE prio_internal.protocol(server::text) WHEN 'v1' THEN prio_fingerprint(server::text, packet_batch_id, n_data)
		ELSE prio3_fingerprint(server::text) END;

CREATE FUNCTION prio_internal.forgeable(n_data int) RETURNS boolean LANGUAGE sql IMMUTABLE
	RETURN prio_is_forgeable(n_data);

CREATE FUNCTION prio_internal.max_data() RETURNS int LANGUAGE sql IMMUTABLE RETURN prio_max_data();

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Which of them it is for a batch. A CASE would not do: what is immutable in its branches is computed when it is planned.
CREATE FUNCTION prio_internal.subtracted(server name, total bytea, part bytea) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF prio_internal.protocol(server::text) = 'v1' THEN
		RETURN prio_internal.subtracted_v1(total, part);
	END IF;
	RETURN prio_internal.subtracted_prio3(server, total, part);
END $$;

CREATE FUNCTION prio_internal.published(b prio_processor.batch, peer_total bytea) RETURNS numeric[] LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF prio_internal.protocol(b.server::text) <> 'v1' THEN
		RETURN prio_internal.published_prio3(b.server, CASE b.role WHEN 'A' THEN b.total ELSE peer_total END,
			CASE b.role WHEN 'A' THEN peer_total ELSE b.total END, b.valid);
	END IF;
	RETURN prio_internal.published_v1(b.total, peer_total);
END $$;

-- prio3_unshard() checks that no sum is beyond what so many reports can make, prio_publish() does not.
CREATE FUNCTION prio_internal.largest_count(b prio_processor.batch) RETURNS numeric LANGUAGE sql STABLE
	RETURN CASE prio_internal.protocol(b.server::text) WHEN 'v1' THEN b.valid::numeric * ((1::bigint << coalesce(b.bits, 1)) - 1) END;

COMMENT ON FUNCTION prio_internal.merged(bytea, name, bytea) IS 'the sum of two total shares of one side, each of which may be NULL';
COMMENT ON AGGREGATE prio_internal.merge(name, bytea) IS 'the sum of total shares of one side';
COMMENT ON FUNCTION prio_internal.subtracted_v1(bytea, bytea) IS 'a total share of Prio v1 without a part of it';
COMMENT ON FUNCTION prio_internal.subtracted_prio3(name, bytea, bytea) IS 'an aggregate share of Prio3 without a part of it';
COMMENT ON FUNCTION prio_internal.published_v1(bytea, bytea) IS 'the counts of Prio v1, from the totals of both sides';
COMMENT ON FUNCTION prio_internal.published_prio3(name, bytea, bytea, bigint) IS 'the result of Prio3, from the aggregate shares of both sides';
COMMENT ON FUNCTION prio_internal.subtracted(name, bytea, bytea) IS 'a total share without a part of it';
COMMENT ON FUNCTION prio_internal.published(prio_processor.batch, bytea) IS 'the counts, from the totals of both sides';
COMMENT ON FUNCTION prio_internal.largest_count(prio_processor.batch) IS 'what no count can exceed; NULL where publishing checks that';
COMMENT ON FUNCTION prio_internal.integers(bytea, int) IS 'the total share of integers from that of their bits';
COMMENT ON FUNCTION prio_internal.fingerprint(name, text, int) IS 'the same on both servers if they will check shares alike';
COMMENT ON FUNCTION prio_internal.forgeable(int) IS 'can a client forge its proof with so many data fields';
COMMENT ON FUNCTION prio_internal.max_data() IS 'the largest number of data fields';

-- A procedure cannot commit then, and a lock may be held for as long as somebody likes. In a block with
-- EXCEPTION it is always true.
CREATE FUNCTION prio_internal.in_transaction_block() RETURNS boolean
	AS 'MODULE_PATHNAME', 'prio_job_in_transaction_block' LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION prio_internal.in_transaction_block() IS 'is this a transaction that somebody has begun with BEGIN';

-- For those who look at pg_stat_activity. PostgreSQL takes 63 bytes of ASCII, and would say so in every step.
CREATE FUNCTION prio_internal.show_work(what text, batch_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('application_name', left(regexp_replace(format('prio: %s, %s', what, batch_id), '[^ -~]', '?', 'g'), 63), true);
END $$;

COMMENT ON FUNCTION prio_internal.show_work(text, text) IS 'says in application_name what this session is at';

-- ---------------------------------------------------------------- settings

CREATE FUNCTION prio_internal.other_role(role text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE role WHEN 'A' THEN 'B' WHEN 'B' THEN 'A' END;

COMMENT ON FUNCTION prio_internal.other_role(text) IS 'B for A, and A for B';

-- In PL/pgSQL, here and where else it is asked in every step: that keeps its plans.
CREATE FUNCTION prio_internal.server_option(server name, option text) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
	RETURN (SELECT o.option_value FROM pg_foreign_server AS s, pg_options_to_table(s.srvoptions) AS o
		WHERE s.srvname = server AND o.option_name = option);
END $$;

COMMENT ON FUNCTION prio_internal.server_option(name, text) IS 'an option of a foreign server';

-- leader and helper are other words for A and B.
CREATE FUNCTION prio_internal.server_role(server name) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
	RETURN (SELECT CASE WHEN r IN ('A', 'leader') THEN 'A' WHEN r IN ('B', 'helper') THEN 'B' END
		FROM prio_internal.server_option(server, 'role') AS r);
END $$;

COMMENT ON FUNCTION prio_internal.server_role(name) IS 'the role of a Prio server: A or B';

-- How many ids a chunk of the agreed list has: messages of one transaction. Both sides compute it.
CREATE FUNCTION prio_internal.chunk_shares(server name, n_data int) RETURNS int LANGUAGE sql STABLE
	RETURN CASE prio_internal.protocol(server::text) WHEN 'v1' THEN greatest(10, least(5000, 2500000 / coalesce(n_data, 1000)))
		ELSE greatest(1, least(5000, 8000000 / prio_internal.longest_entry(server::text, n_data, 1))) END;

COMMENT ON FUNCTION prio_internal.chunk_shares(name, int) IS 'how many shares are worked on, and spoken about, at a time';

CREATE FUNCTION prio_internal.longest_row() RETURNS int LANGUAGE sql STABLE
	RETURN current_setting('block_size')::int - 32;

COMMENT ON FUNCTION prio_internal.longest_row() IS 'bytes of the longest row that lies in one block';

-- A text of key=value;key=value. What the other server sends in this form is short and has been
-- checked for its encoding; nothing in it is ever converted to a number.
CREATE FUNCTION prio_internal.escaped(value text) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN replace(replace(replace(coalesce(value, 'none'), '%', '%25'), ';', '%3B'), '=', '%3D');

CREATE FUNCTION prio_internal.setting_rows(settings text, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT split_part(pair, '=', 1), replace(replace(replace(split_part(pair, '=', 2), '%3D', '='), '%3B', ';'), '%25', '%')
	FROM unnest(string_to_array(settings, ';')) AS pair;
END;

COMMENT ON FUNCTION prio_internal.escaped(text) IS 'a value as it stands in the settings of a batch';
COMMENT ON FUNCTION prio_internal.setting_rows(text) IS 'the settings of a batch, a row each';

-- The same text whatever the time zone of a session is.
CREATE FUNCTION prio_internal.times_in_utc(times tstzrange) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN format('%s%s to %s%s', CASE WHEN lower_inc(times) THEN '[' ELSE '(' END, lower(times) AT TIME ZONE 'UTC', upper(times) AT TIME ZONE 'UTC',
		CASE WHEN upper_inc(times) THEN ']' ELSE ')' END);

COMMENT ON FUNCTION prio_internal.times_in_utc(tstzrange) IS 'a window of times as it stands in the settings of a batch';

CREATE FUNCTION prio_internal.settings(b prio_processor.batch) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT string_agg(key || '=' || prio_internal.escaped(value), ';' ORDER BY key)
		FROM prio_processor.peer AS p, LATERAL (VALUES
			('vdaf', prio_internal.vdaf(b.server::text)),
			('n_data', b.n_data::text),
			('bits', b.bits::text),
			('prg', coalesce(prio_internal.server_option(b.server, 'prg'), 'batch')),
			('ordinals', b.ordinals::text),
			('min_batch_size', b.min_batch_size::text),
			('max_missing', trim_scale(b.max_missing)::text),
			('report_times', prio_internal.times_in_utc(b.report_times)),
			('public_key_' || p.role, lower(prio_internal.server_option(p.server, 'public_key'))),
			('public_key_' || prio_internal.other_role(p.role), p.peer_public_key),
			('fingerprint', encode(prio_internal.fingerprint(b.server, b.packet_batch_id, b.n_data), 'hex'))) AS v (key, value)
		WHERE p.server = b.server);
END $$;

COMMENT ON FUNCTION prio_internal.settings(prio_processor.batch) IS 'what both servers of a batch must agree on';

-- How two settings differ, in words; NULL when they do not, or when one is not known.
CREATE FUNCTION prio_internal.disagreement(ours text, theirs text) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN (WITH pair AS (
			SELECT o.key, o.value AS here, t.value AS there
			FROM prio_internal.setting_rows(ours) AS o LEFT JOIN prio_internal.setting_rows(theirs) AS t USING (key))
		SELECT string_agg(CASE key WHEN 'fingerprint' THEN CASE WHEN EXISTS (SELECT FROM pair AS x WHERE x.key = 'vdaf' AND x.here <> 'none')
					THEN 'the verify key, or the context or task of the reports' ELSE 'the shared secret, or the name in the packets' END
				ELSE format('%s (%s here, %s there)', key, here, coalesce(left(there, 100), 'none')) END, ', ' ORDER BY key)
		FROM pair WHERE here IS DISTINCT FROM there
			-- the fingerprint covers these: it says something new only when they agree
			AND (key <> 'fingerprint' OR NOT EXISTS (SELECT FROM pair AS x WHERE x.key IN ('n_data', 'prg', 'vdaf') AND x.here IS DISTINCT FROM x.there)));

COMMENT ON FUNCTION prio_internal.disagreement(text, text) IS 'how the settings of both servers differ';

-- What a key is that packets are made for, and that after_restore() ends.
CREATE FUNCTION prio_internal.scope_key(server name) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN CASE prio_internal.protocol(server::text) WHEN 'Prio3' THEN encode(prio_internal.verify_key_digest(server::text), 'hex')
		ELSE lower(prio_internal.server_option(server, 'public_key')) END;

COMMENT ON FUNCTION prio_internal.scope_key(name) IS 'the public key of a server or, where nothing is sealed, a digest of its verify key';

-- No entry for a server that has lost its foreign server, or its key.
CREATE FUNCTION prio_internal.scope_keys(server name) RETURNS text[] LANGUAGE sql STABLE STRICT
	RETURN array_remove(ARRAY[prio_internal.scope_key(server), lower(prio_internal.server_option(server, 'previous_public_key'))], NULL);

COMMENT ON FUNCTION prio_internal.scope_keys(name) IS 'the keys that packets for a server are made for: that of now, and the one before where clients still seal to it';

-- ---------------------------------------------------------------- finding a batch

CREATE FUNCTION prio_internal.existing_batch(batch_id text) RETURNS prio_processor.batch LANGUAGE plpgsql STABLE AS $$
DECLARE
	b prio_processor.batch;
BEGIN
	SELECT * INTO b FROM prio_processor.batch AS x WHERE x.batch_id = existing_batch.batch_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'batch "%" does not exist', existing_batch.batch_id
			USING ERRCODE = 'undefined_object', HINT = 'Batches are made with create_batch().';
	END IF;
	RETURN b;
END $$;

COMMENT ON FUNCTION prio_internal.existing_batch(text) IS 'a batch, or an error';

-- The batch, locked: no step of it is under way, and none begins until the transaction ends. A
-- step may take seconds: whoever calls this waits for it, so long and no longer.
CREATE FUNCTION prio_internal.lock_batch(batch_id text) RETURNS prio_processor.batch LANGUAGE plpgsql AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	BEGIN
		PERFORM set_config('lock_timeout', '1min', true);
		SELECT * INTO b FROM prio_processor.batch AS x WHERE x.batch_id = b.batch_id FOR UPDATE;
		PERFORM set_config('lock_timeout', '200ms', true);
	EXCEPTION WHEN lock_not_available THEN
		RAISE EXCEPTION 'batch "%" is being worked on', b.batch_id
			USING ERRCODE = 'lock_not_available', HINT = 'Another session is at a step of it. Try again.';
	END;
	RETURN b;
END $$;

COMMENT ON FUNCTION prio_internal.lock_batch(text) IS 'a batch, for this transaction alone';

CREATE FUNCTION prio_internal.notify_stage(batch_id text, stage prio_processor.stage) RETURNS void LANGUAGE sql
	RETURN pg_notify('prio_processor', jsonb_build_object('batch_id', batch_id, 'stage', stage)::text);

COMMENT ON FUNCTION prio_internal.notify_stage(text, prio_processor.stage) IS 'tells listeners on channel prio_processor of a new stage';

-- ---------------------------------------------------------------- making one

CREATE FUNCTION prio_internal.task_of(server name) RETURNS bytea LANGUAGE sql STABLE STRICT
	RETURN decode(translate(prio_internal.server_option(server, 'task_id'), '-_', '+/') || '=', 'base64');

COMMENT ON FUNCTION prio_internal.task_of(name) IS 'the task id of a server of DAP; NULL of another';

-- The window of a batch of DAP reports takes the place of a memory: no report is in two of them. Windows
-- are given away one after another. A batch that failed before it was agreed on has spoken about nothing.
CREATE FUNCTION prio_internal.check_window(b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	of_task bytea := prio_internal.task_of(b.server);
	other text;
BEGIN
	IF b.report_times IS NULL OR isempty(b.report_times) THEN
		RAISE EXCEPTION 'report_times has to be given'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'It is the range of times whose reports are in the batch: tstzrange(''2026-01-01Z'', ''2026-01-02Z''), for one.';
	END IF;
	-- One at a time for all servers of a task; and as an update, so that nobody goes on with an older snapshot.
	UPDATE prio_processor.peer AS p SET server = p.server
	FROM (SELECT x.server FROM prio_processor.peer AS x
		WHERE x.server = b.server OR prio_internal.task_of(x.server) = of_task ORDER BY x.server FOR UPDATE) AS x
	WHERE p.server = x.server;
	SELECT x.batch_id INTO other FROM prio_processor.batch AS x
	WHERE x.report_times && b.report_times AND x.batch_id <> b.batch_id
		AND (x.server = b.server OR x.task = of_task)
		AND NOT (x.stage = 'failed' AND x.agreed_digest IS NULL AND (x.drop_wanted OR x.dropped_at IS NOT NULL))
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'report_times overlap with those of batch "%"', other
			USING ERRCODE = 'exclusion_violation', HINT = 'A report belongs to one batch: those of a server have windows that are disjoint.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_window(prio_processor.batch) IS 'refuses a window of report times that another batch has';

-- The server says what a share of Prio3 is.
CREATE FUNCTION prio_internal.check_prio3_batch(b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF b.n_data IS NOT NULL OR b.bits IS NOT NULL THEN
		RAISE EXCEPTION 'a batch of Prio3 has no n_data and no bits'
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave them out: server "%s" says what a share is.', b.server);
	ELSIF b.ordinals THEN
		RAISE EXCEPTION 'a batch of Prio3 has no ordinals'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Every report has an evaluation point of its own anyhow.';
	ELSIF b.packet_batch_id <> b.batch_id THEN
		RAISE EXCEPTION 'shares of Prio3 have no name in them'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave packet_batch_id out.';
	ELSIF prio_internal.longest_entry(b.server::text, b.n_data, 1) > 4000000 THEN
		RAISE EXCEPTION 'verifier shares of server "%" are too long for a batch', b.server
			USING ERRCODE = 'program_limit_exceeded', DETAIL = format('They have %s bytes, and may have 4000000.', prio_internal.longest_entry(b.server::text, b.n_data, 1)),
				HINT = 'They are shortest with the default of chunk_length.';
	ELSIF prio_internal.protocol(b.server::text) = 'DAP' THEN
		PERFORM prio_internal.check_window(b);
	ELSIF b.report_times IS NOT NULL THEN
		RAISE EXCEPTION 'bare shares of Prio3 have no report time'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'report_times is for servers whose shares come in reports of DAP.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_prio3_batch(prio_processor.batch) IS 'refuses settings that a batch of Prio3 cannot have';

-- What a caller may have got wrong. A name in packets has to travel: in UTF-8.
CREATE FUNCTION prio_internal.check_batch(p prio_processor.peer, b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF octet_length(b.batch_id) NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'the name of a batch must have 1 to 1000 bytes, not %', octet_length(b.batch_id)
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF b.batch_id ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'the name of a batch must not have control characters'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF getdatabaseencoding() = 'SQL_ASCII' AND (b.batch_id || b.packet_batch_id) ~ '[^ -~]' THEN
		RAISE EXCEPTION 'the name of a batch has to be ASCII in a database with encoding SQL_ASCII'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Such a database does not know what other bytes mean, and the other server may.';
	ELSIF b.ordinals AND prio_internal.is_distributed() THEN
		RAISE EXCEPTION 'where shares are distributed, a batch has no ordinals'
			USING ERRCODE = 'feature_not_supported', HINT = 'Keep batches with ordinals in a database of their own.';
	ELSIF b.min_batch_size IS NULL THEN
		RAISE EXCEPTION 'min_batch_size has to be given'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'It is the smallest number of clients whose sum may be published.';
	ELSIF b.min_batch_size < 1 THEN
		RAISE EXCEPTION 'min_batch_size must be at least 1, not %', b.min_batch_size
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the smallest number of clients whose sum may be published.';
	ELSIF b.min_batch_size < p.min_batch_size THEN
		RAISE EXCEPTION 'min_batch_size of server "%" must be at least %, not %', p.server, p.min_batch_size, b.min_batch_size
			USING ERRCODE = 'insufficient_privilege', HINT = 'An administrator has set this floor with set_floor().';
	ELSIF b.max_missing IS NULL OR b.max_missing NOT BETWEEN 0 AND 1 THEN
		RAISE EXCEPTION 'max_missing must be between 0 and 1, not %', coalesce(b.max_missing::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the fraction of the shares that may be absent from the total: 0.1 is a tenth.';
	ELSIF b.max_missing > p.max_missing THEN
		RAISE EXCEPTION 'max_missing of server "%" must be at most %, not %', p.server, trim_scale(p.max_missing), trim_scale(b.max_missing)
			USING ERRCODE = 'insufficient_privilege', HINT = 'An administrator has set this floor with set_floor().';
	ELSIF prio_internal.protocol(b.server::text) <> 'v1' THEN
		PERFORM prio_internal.check_prio3_batch(b);
	ELSIF b.n_data IS NULL THEN
		RAISE EXCEPTION 'n_data has to be given'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'It is the number of data fields (bits) of every share.';
	ELSIF b.n_data NOT BETWEEN 1 AND prio_internal.max_data() THEN
		RAISE EXCEPTION 'n_data must be between 1 and %, not %', prio_internal.max_data(), b.n_data
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of data fields (bits) of every share.';
	ELSIF b.bits NOT BETWEEN 1 AND 42 THEN
		RAISE EXCEPTION 'bits must be between 1 and 42, not %', b.bits
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out if the data are single bits.';
	ELSIF b.n_data % b.bits <> 0 THEN
		RAISE EXCEPTION 'n_data must be a multiple of bits: % data fields are no integers of % bits', b.n_data, b.bits
			USING ERRCODE = 'invalid_parameter_value', HINT = 'n_data is the number of integers times the bits of each.';
	ELSIF b.report_times IS NOT NULL THEN
		RAISE EXCEPTION 'shares of Prio v1 have no report time'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'report_times is for servers whose shares come in reports of DAP.';
	ELSIF prio_internal.forgeable(b.n_data) AND NOT b.allow_forgeable THEN
		RAISE EXCEPTION 'the proof of packets can be forged when n_data is %', b.n_data
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'With one data field less than a power of two, a hostile client can count for any number.',
				HINT = 'Have clients send one more data field, which is always false. Where that cannot be, allow_forgeable => true takes the batch all the same.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_batch(prio_processor.peer, prio_processor.batch) IS 'refuses settings of a batch that make no sense, or that an administrator has ruled out';

-- Rights that somebody has as a default on what the owner creates are no rights here.
CREATE FUNCTION prio_internal.clear_rights(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	grantee oid;
BEGIN
	FOR grantee IN SELECT DISTINCT a.grantee FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.oid = relation AND a.grantee <> c.relowner LOOP
		IF grantee = 0 THEN
			EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', relation);
		ELSE
			EXECUTE format('REVOKE ALL ON %s FROM %I', relation, pg_get_userbyid(grantee));
		END IF;
	END LOOP;
END $$;

COMMENT ON FUNCTION prio_internal.clear_rights(regclass) IS 'nobody but its owner has a right to a table';

CREATE FUNCTION prio_internal.take_early_shares(b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM prio_internal.early_share AS e WHERE e.batch_id = b.batch_id) THEN
		EXECUTE format('WITH early AS (DELETE FROM prio_internal.early_share AS e WHERE e.batch_id = $1 RETURNING e.*)
			INSERT INTO prio_internal.%I (batch_id, share_id, header, payload) SELECT batch_id, share_id, header, payload FROM early',
			'share_' || b.number) USING b.batch_id;
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.take_early_shares(prio_processor.batch) IS 'what came for a batch before it was made';

-- Lets shares in. Somebody who is inserting any may hold the table for as long as they like: then
-- they wait in early_share, and the next run() tries again.
CREATE FUNCTION prio_internal.attach_shares(b prio_processor.batch) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	partition regclass := to_regclass('prio_internal.share_' || b.number);
BEGIN
	IF partition IS NULL OR b.drop_wanted THEN
		RETURN false;
	ELSIF NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = partition) THEN
		PERFORM prio_internal.hurry_workers();
		EXECUTE format('ALTER TABLE prio_processor.share ATTACH PARTITION %s FOR VALUES IN (%L)', partition, b.batch_id);
	END IF;
	PERFORM prio_internal.take_early_shares(b);
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END $$;

COMMENT ON FUNCTION prio_internal.attach_shares(prio_processor.batch) IS 'makes the partition of a batch one; false if somebody is in the way';

-- The Prio server of a batch that is to be made, or an error.
CREATE FUNCTION prio_internal.peer_for_batch(server name) RETURNS prio_processor.peer LANGUAGE plpgsql STABLE AS $$
DECLARE
	p prio_processor.peer;
BEGIN
	SELECT * INTO p FROM prio_processor.peer AS x WHERE x.server = peer_for_batch.server;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'server "%" has no peer', peer_for_batch.server
			USING ERRCODE = 'undefined_object', HINT = 'Join it to the other server with join_peer().';
	END IF;
	PERFORM prio_internal.check_here(p);
	-- Whatever the server is called now, and whoever left and joined again.
	IF EXISTS (SELECT FROM prio_internal.outlived_key AS o WHERE o.key = 'server ' || p.server) THEN
		RAISE EXCEPTION 'after_restore() could not read the key of server "%"', p.server
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Put the old key back and call after_restore() again, or make a server of another name, with a new key.';
	ELSIF EXISTS (SELECT FROM prio_internal.outlived_key AS o WHERE o.key = ANY (prio_internal.scope_keys(p.server))) THEN
		RAISE EXCEPTION 'server "%" was restored from a backup and takes no batch with its old key', p.server
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = CASE WHEN prio_internal.protocol(p.server::text) = 'Prio3' THEN 'Give both servers a new verify_key (ALTER USER MAPPING), and throw away what was collected before.'
					ELSE 'Give it a new key pair (ALTER SERVER, ALTER USER MAPPING), and its clients and the other server the new public key.' END;
	END IF;
	RETURN p;
END $$;

COMMENT ON FUNCTION prio_internal.peer_for_batch(name) IS 'a Prio server that may have a new batch';

-- Makes a batch with the settings of b, which check_batch() has seen. False if its shares lie beside
-- until the next run().
CREATE FUNCTION prio_internal.new_batch(p prio_processor.peer, b prio_processor.batch, attach boolean) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF p.peer_server IS NULL AND b.checkpoints THEN
		RAISE EXCEPTION 'server "%" was joined without a way to the other server', p.server
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Where messages are exchanged as files, create the batch with checkpoints => false. Otherwise give join_peer() a peer_server.';
	END IF;
	IF NOT b.checkpoints AND prio_internal.is_distributed() THEN
		RAISE EXCEPTION 'where shares are distributed, messages are not exchanged as files'
			USING ERRCODE = 'feature_not_supported', HINT = 'Keep the batches of such a partner in a database of their own.';
	END IF;
	INSERT INTO prio_processor.batch (batch_id, server, role, n_data, bits, min_batch_size, packet_batch_id, max_missing, ordinals,
		checkpoints, close_at, report_times, task, allow_forgeable, series, period, drop_at, chunk_shares, settings, system_identifier, database, timeline)
	SELECT b.batch_id, b.server, b.role, b.n_data, b.bits, b.min_batch_size, b.packet_batch_id, b.max_missing, b.ordinals,
		b.checkpoints, b.close_at, b.report_times, prio_internal.task_of(b.server), b.allow_forgeable, b.series, b.period, b.drop_at, prio_internal.chunk_shares(b.server, b.n_data), prio_internal.settings(b), i.system_identifier, i.database, i.timeline
	FROM prio_internal.identity() AS i RETURNING * INTO b;
	INSERT INTO prio_internal.heard (number) VALUES (b.number);
	-- A share that fits a block stays in its row: in the TOAST table it would take COPY three times as long. Autovacuum
	-- would read, and write, all of them once more before they are dropped; nothing is planned with what ANALYZE finds.
	EXECUTE format('CREATE TABLE prio_internal.%I (LIKE prio_processor.share INCLUDING STORAGE) WITH (toast_tuple_target = %s,
			autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647)', 'share_' || b.number, prio_internal.longest_row());
	-- Citus takes no trigger on what it distributes.
	IF NOT prio_internal.is_distributed() THEN
		EXECUTE format('CREATE TRIGGER keep_share BEFORE UPDATE OR DELETE ON prio_internal.%I FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_share()',
			'share_' || b.number);
	END IF;
	PERFORM prio_internal.clear_rights(to_regclass('prio_internal.share_' || b.number));
	PERFORM prio_internal.notify_stage(b.batch_id, b.stage);
	RETURN attach AND prio_internal.attach_shares(b);
END $$;

COMMENT ON FUNCTION prio_internal.new_batch(prio_processor.peer, prio_processor.batch, boolean) IS 'makes a batch, and lets shares in if it may';

CREATE PROCEDURE prio_processor.create_batch(batch_id text, server name, n_data int DEFAULT NULL, min_batch_size bigint DEFAULT NULL,
		bits int DEFAULT NULL, packet_batch_id text DEFAULT NULL, max_missing numeric DEFAULT 0.1, ordinals boolean DEFAULT false,
		checkpoints boolean DEFAULT true, close_at timestamptz DEFAULT NULL, report_times tstzrange DEFAULT NULL,
		allow_forgeable boolean DEFAULT false, if_not_exists boolean DEFAULT false)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	p prio_processor.peer;
	b prio_processor.batch;
	in_block boolean;
BEGIN
	IF create_batch.batch_id IS NULL OR create_batch.server IS NULL THEN
		RAISE EXCEPTION 'a batch needs a name and a server' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	p := prio_internal.peer_for_batch(create_batch.server);
	b.batch_id := create_batch.batch_id;
	b.server := p.server;
	b.role := p.role;
	b.n_data := create_batch.n_data;
	b.bits := create_batch.bits;
	b.min_batch_size := create_batch.min_batch_size;
	b.packet_batch_id := coalesce(create_batch.packet_batch_id, create_batch.batch_id);
	b.max_missing := create_batch.max_missing;
	b.ordinals := coalesce(create_batch.ordinals, false);
	b.checkpoints := coalesce(create_batch.checkpoints, true);
	b.close_at := create_batch.close_at;
	b.report_times := create_batch.report_times;
	b.allow_forgeable := coalesce(create_batch.allow_forgeable, false);
	PERFORM prio_internal.check_batch(p, b);
	IF EXISTS (SELECT FROM prio_processor.batch AS x WHERE x.batch_id = b.batch_id) THEN
		IF create_batch.if_not_exists THEN
			RAISE NOTICE 'batch "%" exists already', b.batch_id;
			RETURN;
		END IF;
		RAISE EXCEPTION 'batch "%" exists already', b.batch_id
			USING ERRCODE = 'duplicate_object', HINT = 'A batch id is used once, also after drop_batch(). With if_not_exists => true this is no error.';
	END IF;
	-- A transaction that somebody has begun may stay open, and everybody who inserts shares would wait for it.
	in_block := prio_internal.in_transaction_block();
	IF prio_internal.new_batch(p, b, NOT in_block) THEN
		NULL;
	ELSIF in_block THEN
		RAISE NOTICE 'in a transaction: shares of batch "%" lie beside until the next run()', b.batch_id;
	ELSE
		RAISE NOTICE 'somebody is inserting shares: those of batch "%" wait until the next run()', b.batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.create_batch(text, name, int, bigint, int, text, numeric, boolean, boolean, timestamptz, tstzrange, boolean, boolean)
	IS 'a new batch, open for shares';

-- ---------------------------------------------------------------- from stage to stage

-- Ends a stage, and begins the next one.
CREATE FUNCTION prio_internal.enter_stage(b prio_processor.batch, next prio_processor.stage, shares bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO prio_internal.stage_time (number, stage, began_at, ended_at, shares)
	VALUES (b.number, b.stage, b.stage_since, clock_timestamp(), shares)
	ON CONFLICT ON CONSTRAINT stage_time_pkey DO UPDATE SET ended_at = excluded.ended_at, shares = excluded.shares;
	UPDATE prio_processor.batch AS x SET stage = next, stage_since = clock_timestamp(), error = NULL, error_at = NULL WHERE x.number = b.number;
	PERFORM prio_internal.notify_stage(b.batch_id, next);
END $$;

COMMENT ON FUNCTION prio_internal.enter_stage(prio_processor.batch, prio_processor.stage, bigint) IS 'the next stage of a batch';

-- Gives a batch up, for the operator to look at; the other server hears why.
CREATE FUNCTION prio_internal.fail_batch(b prio_processor.batch, reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE prio_processor.batch AS x SET stage = 'failed', failed_stage = b.stage, error = reason, error_at = clock_timestamp()
	WHERE x.number = b.number;
	PERFORM prio_internal.notify_stage(b.batch_id, 'failed');
END $$;

COMMENT ON FUNCTION prio_internal.fail_batch(prio_processor.batch, text) IS 'ends a batch that cannot go on by itself';

CREATE FUNCTION prio_internal.note_late() RETURNS trigger
	AS 'MODULE_PATHNAME', 'prio_job_note_late' LANGUAGE C;

COMMENT ON FUNCTION prio_internal.note_late() IS 'trigger: notes that shares came for a batch that is closed';

-- From now on every share that is late is noticed: otherwise all rows have to be read again to know of them. Not
-- while somebody inserts, whose rows are late as well, and no trigger saw them. With the lock, all rows that others have inserted
-- are in the blocks that there are.
CREATE FUNCTION prio_internal.watch_late(b prio_processor.batch) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	partition text := 'share_' || b.number;
BEGIN
	EXECUTE format('LOCK TABLE prio_internal.%I IN SHARE ROW EXCLUSIVE MODE NOWAIT', partition);
	EXECUTE format('CREATE TRIGGER note_late BEFORE INSERT ON prio_internal.%I FOR EACH ROW EXECUTE FUNCTION prio_internal.note_late(%s)', partition, b.number);
	-- A subscription inserts as a replica.
	EXECUTE format('ALTER TABLE prio_internal.%I ENABLE ALWAYS TRIGGER note_late', partition);
EXCEPTION WHEN lock_not_available THEN
	RETURN;
END $$;

COMMENT ON FUNCTION prio_internal.watch_late(prio_processor.batch) IS 'lets a trigger notice who comes late for a batch that is being closed';

-- Rows of a batch that are neither in its list nor among what was refused of it.
CREATE FUNCTION prio_internal.late_shares(b prio_processor.batch) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	rows bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM prio_internal.late AS l WHERE l.number = b.number)
		AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = to_regclass('prio_internal.share_' || b.number) AND t.tgname = 'note_late' AND t.tgenabled = 'A') THEN
		RETURN 0::bigint;
	END IF;
	EXECUTE format('SELECT count(*) FROM prio_internal.%I', 'share_' || b.number) INTO rows;
	-- What was there when the list was made is in it, or among its rejections; after a crash late rows may be open as well.
	RETURN rows - b.listed
		- (SELECT coalesce(sum(r.shares), 0)::bigint FROM prio_internal.rejection AS r WHERE r.number = b.number AND r.stage IN ('close', 'list'));
END $$;

COMMENT ON FUNCTION prio_internal.late_shares(prio_processor.batch) IS 'how many shares of a batch came after its close';

-- What the server is now, until the list is out: with it the size of chunks, and of DAP the task, whose window may be taken.
CREATE FUNCTION prio_internal.pin_settings(b prio_processor.batch) RETURNS prio_processor.batch LANGUAGE plpgsql AS $$
BEGIN
	IF b.task IS DISTINCT FROM prio_internal.task_of(b.server) AND b.report_times IS NOT NULL THEN
		PERFORM prio_internal.check_window(b);
	END IF;
	UPDATE prio_processor.batch AS x
	SET settings = prio_internal.settings(b), chunk_shares = prio_internal.chunk_shares(b.server, b.n_data), task = prio_internal.task_of(b.server)
	WHERE x.number = b.number RETURNING * INTO b;
	RETURN b;
END $$;

COMMENT ON FUNCTION prio_internal.pin_settings(prio_processor.batch) IS 'fixes what both servers of a batch must agree on, as it is now; the batch as it is then';

-- A flag, and the blocks that there are: whoever is inserting goes on, and comes too late. at_once: the transaction ends with it,
-- and with that a lock that those would wait for who are late.
CREATE FUNCTION prio_internal.close_open_batch(b prio_processor.batch, at_once boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	partition regclass := to_regclass('prio_internal.share_' || b.number);
	width bigint;
	blocks bigint;
BEGIN
	PERFORM prio_internal.take_early_shares(b);
	b := prio_internal.pin_settings(b);
	width := prio_internal.chunk_blocks(b);
	IF prio_internal.is_distributed() THEN
		PERFORM prio_internal.follow_shards(b);
	ELSE
		IF at_once THEN
			PERFORM prio_internal.watch_late(b);
		END IF;
		blocks := pg_relation_size(partition) / current_setting('block_size')::bigint;
		-- Shares that are longer than an honest one leave short rows, as they are in the TOAST table, and many fit a block.
		width := least(width, greatest(1, blocks * 64000000 / greatest(1, pg_table_size(partition))));
		INSERT INTO prio_internal.chunk (number, chunk, first_block, end_block)
		SELECT b.number, k, k * width, least((k + 1) * width, blocks) FROM generate_series(0, (blocks - 1) / width) AS k WHERE blocks > 0;
	END IF;
	PERFORM prio_internal.enter_stage(b, 'close');
END $$;

COMMENT ON FUNCTION prio_internal.close_open_batch(prio_processor.batch, boolean) IS 'closes a batch that is open and locked';

CREATE PROCEDURE prio_processor.close_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
BEGIN
	IF b.stage = 'open' THEN
		PERFORM prio_internal.close_open_batch(b, NOT prio_internal.in_transaction_block());
	ELSE
		RAISE NOTICE 'batch "%" is closed already', b.batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.close_batch(text) IS 'no more shares for a batch: run() may go on with it';

-- A slip in create_batch() need not cost the shares of a day: until the list is out. And a batch whose
-- total is held back because of max_missing is let go, on this side alone.
CREATE PROCEDURE prio_processor.change_batch(batch_id text, n_data int DEFAULT NULL, bits int DEFAULT NULL, ordinals boolean DEFAULT NULL,
		min_batch_size bigint DEFAULT NULL, max_missing numeric DEFAULT NULL, close_at timestamptz DEFAULT NULL)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
	p prio_processor.peer;
	begun boolean := coalesce(b.failed_stage, b.stage) > 'close';
BEGIN
	SELECT * INTO STRICT p FROM prio_processor.peer AS x WHERE x.server = b.server;
	IF b.stage > 'publish' AND b.stage <> 'failed' OR b.dropped_at IS NOT NULL THEN
		RAISE EXCEPTION 'batch "%" is finished', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	ELSIF begun AND (change_batch.n_data, change_batch.bits, change_batch.ordinals, change_batch.min_batch_size, change_batch.close_at)
		IS DISTINCT FROM (NULL::int, NULL::int, NULL::boolean, NULL::bigint, NULL::timestamptz) THEN
		RAISE EXCEPTION 'settings of batch "%" cannot be changed', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Its list is out. Only max_missing can still be changed, on this side alone.';
	END IF;
	b.n_data := coalesce(change_batch.n_data, b.n_data);
	-- With another n_data the integers have to be said again.
	b.bits := CASE WHEN change_batch.n_data IS NULL THEN coalesce(change_batch.bits, b.bits) ELSE change_batch.bits END;
	b.ordinals := coalesce(change_batch.ordinals, b.ordinals);
	b.min_batch_size := coalesce(change_batch.min_batch_size, b.min_batch_size);
	b.max_missing := coalesce(change_batch.max_missing, b.max_missing);
	b.close_at := coalesce(change_batch.close_at, b.close_at);
	PERFORM prio_internal.check_batch(p, b);
	UPDATE prio_processor.batch AS x
	SET n_data = b.n_data, bits = b.bits, ordinals = b.ordinals, min_batch_size = b.min_batch_size, max_missing = b.max_missing, close_at = b.close_at,
		attempt = x.attempt + 1
	WHERE x.number = b.number;
	IF NOT begun THEN
		b := prio_internal.pin_settings(b);
		-- What was opened with other settings is opened again.
		DELETE FROM prio_internal.opened AS o WHERE o.number = b.number;
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.change_batch(text, int, int, boolean, bigint, numeric, timestamptz)
	IS 'corrects the settings of a batch before its list is out; later max_missing alone';

CREATE PROCEDURE prio_processor.retry_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
BEGIN
	IF b.stage <> 'failed' OR b.dropped_at IS NOT NULL OR b.drop_wanted THEN
		RAISE EXCEPTION 'batch "%" has not failed, or has been dropped', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	END IF;
	PERFORM prio_internal.check_here(p) FROM prio_processor.peer AS p WHERE p.server = b.server;
	UPDATE prio_processor.batch AS x
	SET stage = failed_stage, failed_stage = NULL, attempt = x.attempt + 1, error = NULL, error_at = NULL
	WHERE x.number = b.number RETURNING * INTO b;
	-- As long as the list is not out, this side may still change its mind.
	IF b.list_digest IS NULL THEN
		b := prio_internal.pin_settings(b);
		DELETE FROM prio_internal.opened AS o WHERE o.number = b.number;
	END IF;
	PERFORM prio_internal.notify_stage(b.batch_id, b.stage);
END $$;

COMMENT ON PROCEDURE prio_processor.retry_batch(text) IS 'lets run() try a failed batch again where it failed';

CREATE PROCEDURE prio_processor.give_up_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
BEGIN
	IF b.stage > 'publish' THEN
		RAISE EXCEPTION 'batch "%" is finished', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	END IF;
	PERFORM prio_internal.fail_batch(b, 'given up');
END $$;

COMMENT ON PROCEDURE prio_processor.give_up_batch(text) IS 'ends a batch that nobody wants to be finished; drop_batch() makes that final';

-- ---------------------------------------------------------------- dropping one

-- True when it is gone. Whoever reads or inserts shares, pg_dump for one, may be in the way.
CREATE FUNCTION prio_internal.drop_now(b prio_processor.batch) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM prio_internal.hurry_workers();
	EXECUTE format('DROP TABLE IF EXISTS prio_internal.%I', 'share_' || b.number);
	DELETE FROM prio_internal.opened AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.work AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.chunk AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.late AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.list AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.agreed AS x WHERE x.number = b.number;
	-- A side that ends as too small does so before it knows that the other has its last messages.
	DELETE FROM prio_internal.message AS x WHERE x.number = b.number AND NOT (b.stage = 'too small' AND b.checkpoints AND x.role = b.role AND x.round = 2);
	DELETE FROM prio_internal.written_id AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.imported_message AS x WHERE x.number = b.number;
	DELETE FROM prio_internal.file AS x WHERE x.number = b.number;
	UPDATE prio_processor.batch AS x SET dropped_at = clock_timestamp() WHERE x.number = b.number;
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END $$;

COMMENT ON FUNCTION prio_internal.drop_now(prio_processor.batch) IS 'drops shares and messages of a batch, if nobody is in the way';

CREATE PROCEDURE prio_processor.drop_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
BEGIN
	IF b.stage NOT IN ('published', 'too small', 'failed') THEN
		RAISE EXCEPTION 'batch "%" is not finished', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage),
				HINT = 'give_up_batch() ends a batch that will not be finished.';
	ELSIF b.dropped_at IS NOT NULL THEN
		RAISE NOTICE 'batch "%" has been dropped already', b.batch_id;
		RETURN;
	END IF;
	UPDATE prio_processor.batch AS x SET drop_wanted = true WHERE x.number = b.number;
	IF prio_internal.in_transaction_block() THEN
		RAISE NOTICE 'in a transaction: the next run() drops batch "%"', b.batch_id;
	ELSIF NOT prio_internal.drop_now(b) THEN
		RAISE NOTICE 'somebody uses the shares of batch "%": the next run() drops it', b.batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.drop_batch(text) IS 'frees the space of a finished batch; its result, and the memory of its packets, stay';

CREATE FUNCTION prio_processor.longest_share(batch_id text) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	RETURN prio_internal.longest_share(b.server::text, b.packet_batch_id, b.n_data);
END $$;

COMMENT ON FUNCTION prio_processor.longest_share(text) IS 'bytes of the longest payload that a batch takes: for collectors to enforce';
