-- ---------------------------------------------------------------- privileges

-- Rights that the owner gives by default on what he creates are no rights here.
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN
		SELECT DISTINCT o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
		FROM (
			SELECT format('SCHEMA %I', n.nspname) AS what, n.nspowner AS owner, n.nspacl AS acl FROM pg_namespace AS n WHERE n.nspname IN ('prio_processor', 'prio_internal')
			UNION ALL SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass), c.relowner, c.relacl
			FROM pg_class AS c WHERE c.relnamespace IN ('prio_processor'::regnamespace, 'prio_internal'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'S')
			UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure), p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
			FROM pg_proc AS p WHERE p.pronamespace IN ('prio_processor'::regnamespace, 'prio_internal'::regnamespace)
			UNION ALL SELECT format('TYPE %s', t.oid::regtype), t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
			FROM pg_type AS t WHERE t.oid = 'prio_processor.stage'::regtype
		) AS o, aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', r.what, r.grantee);
	END LOOP;
END $$;

-- Every routine in PL/pgSQL finds names where nobody else may create any. What runs with the rights
-- of the owner runs under settings of its own: no setting of a session shows what is in a plan,
-- has a table made somewhere else, or makes anybody wait.
DO $$
DECLARE
	p record;
	setting text;
BEGIN
	FOR p IN SELECT x.oid::regprocedure AS routine, x.prosecdef FROM pg_proc AS x JOIN pg_language AS l ON l.oid = x.prolang
			WHERE x.pronamespace IN ('prio_processor'::regnamespace, 'prio_internal'::regnamespace)
				AND (x.prosecdef OR l.lanname = 'plpgsql')
				-- these commit, and qualify all names
				AND x.oid NOT IN ('prio_processor.run(interval)'::regprocedure, 'prio_internal.run_batch(int, text, boolean)'::regprocedure,
					'prio_internal.import_object(text, int, oid)'::regprocedure, 'prio_processor.import_shares(text, oid)'::regprocedure,
					'prio_processor.import_messages(text, int, oid)'::regprocedure) LOOP
		EXECUTE format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp', p.routine);
		CONTINUE WHEN NOT p.prosecdef;
		FOREACH setting IN ARRAY ARRAY['debug_print_parse = off', 'debug_print_rewritten = off', 'debug_print_plan = off', 'client_min_messages = notice',
			'default_tablespace = ''''', 'temp_tablespaces = ''''', 'default_table_access_method = heap', 'standard_conforming_strings = on',
			'DateStyle = ISO', 'IntervalStyle = postgres', 'TimeZone = UTC', 'bytea_output = hex', 'xmlbinary = base64', 'transform_null_equals = off', 'array_nulls = on',
			'quote_all_identifiers = off', 'row_security = on', 'jit = off', 'lock_timeout = ''200ms''', 'enable_seqscan = on', 'enable_tidscan = on',
			'enable_hashagg = on', 'enable_hashjoin = on', 'enable_sort = on', 'plan_cache_mode = auto', 'extra_float_digits = 1'] LOOP
			EXECUTE format('ALTER ROUTINE %s SET %s', p.routine, setting);
		END LOOP;
	END LOOP;
END $$;

GRANT USAGE ON SCHEMA prio_processor TO prio_ingest, prio_operator, prio_reader, prio_peer;
-- for what run() and the imports call there
GRANT USAGE ON SCHEMA prio_internal TO prio_operator;

-- who sends shares here
GRANT INSERT (batch_id, share_id, header, payload) ON prio_processor.share TO prio_ingest;
GRANT EXECUTE ON FUNCTION prio_processor.import_share(text, json), prio_processor.longest_share(text) TO prio_ingest, prio_operator;
GRANT EXECUTE ON FUNCTION prio_processor.series_batch(text, timestamptz) TO prio_ingest, prio_operator, prio_reader;

-- who runs the job
GRANT SELECT ON prio_processor.result, prio_processor.progress, prio_processor.exchange, prio_processor.rejections, prio_processor.peer,
	prio_processor.counts, prio_processor.histogram, prio_processor.alarm, prio_processor.series TO prio_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON prio_processor.label TO prio_operator;
GRANT SELECT (batch_id, number, server, role, n_data, bits, min_batch_size, packet_batch_id, max_missing, ordinals, checkpoints, close_at, report_times, task,
	allow_forgeable, chunk_shares, created_at, stage, stage_since, attempt, failed_stage, error, error_at, partner_closed, listed, packets, agreed, valid, rejected,
	series, period, drop_at, drop_wanted, dropped_at) ON prio_processor.batch TO prio_operator;
GRANT EXECUTE ON PROCEDURE
	prio_processor.create_batch(text, name, int, bigint, int, text, numeric, boolean, boolean, timestamptz, tstzrange, boolean, boolean),
	prio_processor.create_series(text, interval, name, int, bigint, int, text, numeric, boolean, boolean, boolean, timestamptz, interval, interval, interval, boolean),
	prio_processor.drop_series(text),
	prio_processor.close_batch(text), prio_processor.change_batch(text, int, int, boolean, bigint, numeric, timestamptz), prio_processor.retry_batch(text),
	prio_processor.give_up_batch(text), prio_processor.drop_batch(text), prio_processor.run(interval), prio_processor.import_shares(text, oid),
	prio_processor.import_messages(text, int, oid), prio_processor.finish_import(text, int), prio_processor.partner_is_closed(text),
	prio_processor.import_total(text, text), prio_internal.run_batch(int, text, boolean), prio_internal.import_object(text, int, oid) TO prio_operator;
GRANT EXECUTE ON FUNCTION prio_processor.import_share(text, text, bigint), prio_processor.import_share_lines(text, bytea[], bigint),
	prio_processor.import_message(text, int, text), prio_processor.import_message_lines(text, int, bytea[]),
	prio_internal.step(int), prio_internal.wait_for_step(int, float8), prio_internal.to_be_run(), prio_internal.progress_of(int), prio_internal.pull_checkpoints(name), prio_internal.pull_batch(int), prio_internal.asked_too_long(int), prio_internal.look_after(), prio_internal.run_series(),
	prio_internal.in_transaction_block(), prio_internal.whole_lines(bytea), prio_internal.check_round(int) TO prio_operator;
-- Who names a file of the server runs the job, as prio_internal is for those, and may read its files.
GRANT EXECUTE ON PROCEDURE prio_processor.import_file(text, text) TO pg_read_server_files;
GRANT EXECUTE ON FUNCTION prio_internal.import_file(text, text) TO pg_read_server_files;
-- Where the partner only has files, whoever runs the job carries them.
GRANT EXECUTE ON FUNCTION prio_processor.export_messages(text, int), prio_processor.export_total(text) TO prio_operator;

-- Functions that views use are called by whoever reads the view; these tell nobody anything.
GRANT EXECUTE ON FUNCTION prio_internal.disagreement(text, text), prio_internal.setting_rows(text),
	prio_internal.identity(), prio_internal.early_shares_are_full() TO prio_operator, pg_monitor;
GRANT EXECUTE ON FUNCTION prio_internal.list_ids(bytea) TO prio_peer;

-- who looks whether all is well, and knows no more of a batch than how far it is
GRANT USAGE ON SCHEMA prio_processor TO pg_monitor;
GRANT SELECT ON prio_processor.alarm, prio_processor.progress, prio_processor.exchange TO pg_monitor;

-- who reads what is published
GRANT SELECT ON prio_processor.result, prio_processor.counts, prio_processor.histogram, prio_processor.label TO prio_reader;

-- as whom the other server logs in, to read what this side says
GRANT SELECT ON prio_processor.outbox_checkpoint, prio_processor.outbox_list, prio_processor.outbox_message TO prio_peer;
