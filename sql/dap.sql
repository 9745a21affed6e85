-- Reports of DAP: those of a client that others wrote, our own in drafts 18 and 09, and hostile ones.
CREATE EXTENSION prio;
SELECT encode(prio3_verify_key(), 'hex') AS verify_key \gset

-- ------------------------------------------------------------------ the npm package @divviup/dap 0.9.1

\set content `for file in test/vectors/dap09/*.json; do tr -d '\n' <$file; echo; done`
CREATE TABLE task AS SELECT file->>'vdaf' AS name, file
FROM (SELECT line::jsonb AS file FROM regexp_split_to_table(:'content', '\n') AS l (line) WHERE line <> '') AS l;
CREATE PROCEDURE make_task(name text, file jsonb, verify_key text) LANGUAGE plpgsql AS $$
DECLARE
	role text;
	options text := (SELECT string_agg(format('%I %L', key, value), ', ') FROM jsonb_each_text(file->'parameters'));
BEGIN
	FOREACH role IN ARRAY ARRAY['leader', 'helper'] LOOP
		EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, vdaf %L, dap %L, task_id %L, time_precision %L, public_key %L, hpke_config_id %L%s)',
			name || '-' || role, role, file->>'vdaf', file->>'dap', file->>'task_id', file->>'time_precision', file->>'public_key',
			file->'hpke_config_id'->>role, ', ' || options);
		EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (private_key %L, verify_key %L)',
			name || '-' || role, file->>'private_key', left(verify_key, 32));
	END LOOP;
END $$;
DO $$
DECLARE
	t record;
	verify_key text := encode(prio3_verify_key(), 'hex');
BEGIN
	FOR t IN SELECT * FROM task LOOP
		CALL make_task(t.name, t.file, verify_key);
	END LOOP;
END $$;
CREATE TABLE opened AS
SELECT name, row, s.*, dap_verify_init(name || '-leader', header, share_a) AS a, dap_verify_init(name || '-helper', header, share_b) AS b
FROM task, jsonb_array_elements_text(file->'reports') WITH ORDINALITY AS r (report, row),
	dap_split(name || '-leader', decode(report, 'hex')) AS s;
CREATE VIEW message AS
SELECT *, prio3_verifier_message(name || '-leader', prio3_verifier_share(a), prio3_verifier_share(b)) AS message FROM opened;
SELECT name, prio3_unshard(name || '-leader', prio3_agg_share(a, message), prio3_agg_share(b, message), count(message)) AS sums,
	file->'result' AS result, min(report_time) AT TIME ZONE 'UTC' AS first
FROM message JOIN task USING (name) GROUP BY name, file ORDER BY name;
SELECT count(*), count(dap_share_error(name || '-leader', header, share_a)) AS errors_a, count(dap_share_error(name || '-helper', header, share_b)) AS errors_b,
	count(dap_share_error(name || '-leader', header, share_b)) AS errors_swapped FROM opened;

-- ------------------------------------------------------------------ our own

SELECT encode(private_key, 'hex') AS private_a, encode(public_key, 'hex') AS public_a FROM dap_keygen() \gset
SELECT encode(private_key, 'hex') AS private_b, encode(public_key, 'hex') AS public_b FROM dap_keygen() \gset
SELECT encode(private_key, 'hex') AS private_new, encode(public_key, 'hex') AS public_new FROM dap_keygen() \gset
\set task '''VOxR-Y-433HE_umL7CM1WiGKS78OO7FDXanRyDu4qOA'''
CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Histogram', length '4', dap '18', task_id :task,
	task_configuration '0102030405', time_precision '300', public_key :'public_a', hpke_config_id '1');
CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'B', vdaf 'Prio3Histogram', length '4', dap '18', task_id :task,
	task_configuration '0102030405', time_precision '300', public_key :'public_b', hpke_config_id '255');
SELECT length(dap_report('a', 'b', 1, '2026-11-26 12:34:56Z'));
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key :'private_a', verify_key :'verify_key');
CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (private_key :'private_b', verify_key :'verify_key');
CREATE TABLE report AS SELECT i, dap_report('a', 'b', i % 3, '2026-11-26 12:34:56Z') AS report FROM generate_series(1, 20) AS i;
CREATE VIEW part AS SELECT r.i, s.* FROM report AS r, dap_split('b', report) AS s;
CREATE VIEW result AS
SELECT prio3_unshard('a', prio3_agg_share(a, message), prio3_agg_share(b, message), count(message)) AS result FROM (
	SELECT a, b, prio3_verifier_message('a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message FROM (
		SELECT dap_verify_init('a', header, share_a) AS a, dap_verify_init('b', header, share_b) AS b FROM part) AS s) AS s;
SELECT * FROM result;
SELECT count(DISTINCT report_id) AS ids, min(report_time) AT TIME ZONE 'UTC' AS first, max(report_time) AT TIME ZONE 'UTC' AS last FROM part;

-- Draft 09 has seconds, and so the same times.
CREATE SERVER a9 FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Sum', bits '4', dap '09', task_id :task,
	time_precision '300', public_key :'public_a', hpke_config_id '1');
CREATE SERVER b9 FOREIGN DATA WRAPPER prio OPTIONS (role 'B', vdaf 'Prio3Sum', bits '4', dap '09', task_id :task,
	time_precision '300', public_key :'public_b', hpke_config_id '1');
CREATE USER MAPPING FOR PUBLIC SERVER a9 OPTIONS (private_key :'private_a', verify_key '00112233445566778899aabbccddeeff');
CREATE USER MAPPING FOR PUBLIC SERVER b9 OPTIONS (private_key :'private_b', verify_key '00112233445566778899aabbccddeeff');
SELECT report_time AT TIME ZONE 'UTC' AS time, prio3_unshard('a9', prio3_verify_next(a, message), prio3_verify_next(b, message), 1) AS sum
FROM (SELECT *, prio3_verifier_message('b9', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
	FROM (SELECT report_time, dap_verify_init('a9', header, share_a) AS a, dap_verify_init('b9', header, share_b) AS b
		FROM dap_split('a9', dap_report('a9', 'b9', 11, '2026-11-26 12:34:56Z'))) AS s) AS s;

-- Other measurements.
ALTER SERVER a OPTIONS (SET vdaf 'Prio3MultihotCountVec', ADD max_weight '2');
ALTER SERVER b OPTIONS (SET vdaf 'Prio3MultihotCountVec', ADD max_weight '2');
SELECT dap_share_error('a', header, share_a), dap_share_error('b', header, share_b) FROM dap_split('a', dap_report('a', 'b', ARRAY[true, false, true, false], now()));
ALTER SERVER a OPTIONS (SET vdaf 'Prio3SumVec', DROP max_weight, ADD max_measurement '9');
ALTER SERVER b OPTIONS (SET vdaf 'Prio3SumVec', DROP max_weight, ADD max_measurement '9');
SELECT dap_share_error('a', header, share_a), dap_share_error('b', header, share_b) FROM dap_split('a', dap_report('a', 'b', ARRAY[1, 2, 3, 9], now()));
SELECT dap_report('a', 'b', ARRAY[1, 2, 3, 10], now());
SELECT dap_report('a', 'b', 1, now());
ALTER SERVER a OPTIONS (SET vdaf 'Prio3Histogram', DROP max_measurement);
SELECT dap_report('a', 'b', 1, now());
ALTER SERVER b OPTIONS (SET vdaf 'Prio3Histogram', DROP max_measurement);

-- What a caller gets wrong.
SELECT dap_report('b', 'a', 1, now());
SELECT dap_report('a', 'a', 1, now());
SELECT dap_report('a', 'b', 4, now());
SELECT dap_report('a', 'b', 1, '1969-12-31 23:59:59Z');
SELECT dap_report('a', 'b', 1, 'infinity');
SELECT report_time AT TIME ZONE 'UTC' AS time FROM dap_split('a', dap_report('a', 'b', 1, '1970-01-01 00:00:00Z'));
SELECT report_time AT TIME ZONE 'UTC' AS time FROM dap_split('a', dap_report('a', 'b', 1, '1970-01-01 00:09:59.999999Z'));
SELECT dap_report('a', 'b', NULL::bigint, now()) IS NULL AS strict;
ALTER SERVER b OPTIONS (SET public_key '0000000000000000000000000000000000000000000000000000000000000000');
SELECT dap_report('a', 'b', 1, now());
ALTER SERVER b OPTIONS (SET public_key :'public_b');

-- ------------------------------------------------------------------ keys

-- Another key, and the one before as long as it is named.
ALTER SERVER a OPTIONS (SET public_key :'public_new', SET hpke_config_id '2');
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET private_key :'private_new');
SELECT dap_share_error('a', header, share_a) AS error, count(*) FROM part GROUP BY 1;
ALTER SERVER a OPTIONS (ADD previous_public_key :'public_a', ADD previous_hpke_config_id '1');
SELECT dap_share_error('a', header, share_a) FROM part WHERE i = 1;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (ADD previous_private_key :'private_b');
SELECT dap_share_error('a', header, share_a) FROM part WHERE i = 1;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET previous_private_key :'private_a');
INSERT INTO report SELECT i, dap_report('a', 'b', 3, '2026-11-26 12:34:56Z') FROM generate_series(21, 25) AS i;
SELECT * FROM result;
-- Bare Prio3 needs no such keys, DAP does.
ALTER USER MAPPING FOR PUBLIC SERVER b OPTIONS (DROP private_key);
SELECT dap_share_error('b', header, share_b) FROM part WHERE i = 1;
ALTER USER MAPPING FOR PUBLIC SERVER b OPTIONS (ADD private_key :'private_b');

-- The task is bound: another id, configuration or place of a share does not open.
ALTER SERVER b OPTIONS (SET task_configuration '0102030406');
SELECT dap_share_error('b', header, share_b) AS error, prio3_fingerprint('a') = prio3_fingerprint('b') AS same FROM part WHERE i = 1;
ALTER SERVER b OPTIONS (SET task_configuration '0102030405', SET task_id 'Ah-vTPDqF9VR13UpDh8yuRC5rkMcxZJHBLSDB-xRlJE');
SELECT dap_share_error('b', header, share_b) AS error, prio3_fingerprint('a') = prio3_fingerprint('b') AS same FROM part WHERE i = 1;
ALTER SERVER b OPTIONS (SET task_id :task);
SELECT dap_share_error('b', header, share_b) AS error, prio3_fingerprint('a') = prio3_fingerprint('b') AS same FROM part WHERE i = 1;
SELECT dap_share_error('b', one.header, other.share_b) AS other_header FROM part AS one, part AS other WHERE one.i = 1 AND other.i = 2;
SELECT dap_share_error('a', header, share_b) AS other_server FROM part WHERE i = 1;

-- ------------------------------------------------------------------ hostile reports

-- Every byte of a report changed: it is none, or a share does not open.
CREATE FUNCTION changes(bytes bytea) RETURNS SETOF bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT set_byte(bytes, at, get_byte(bytes, at) # mask) FROM generate_series(0, length(bytes) - 1) AS at, unnest(ARRAY[1, 128, 255]) AS mask $$;
SELECT CASE WHEN header IS NULL THEN 'no report' ELSE 'a report' END AS is, dap_share_error('a', header, share_a) AS error_a, dap_share_error('b', header, share_b) AS error_b, count(*)
FROM report, changes(report) AS changed, dap_split('a', changed) WHERE i = 21 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) AS changes, count(header) AS reports, count(*) FILTER (WHERE header IS NOT NULL AND dap_share_error('Prio3Sum-leader', header, share_a) IS NULL
	AND dap_share_error('Prio3Sum-helper', header, share_b) IS NULL) AS accepted
FROM task, changes(decode(file->'reports'->>0, 'hex')) AS changed, dap_split('Prio3Sum-leader', changed) WHERE name = 'Prio3Sum';

-- Shorter, longer, empty, and longer than anybody looks at.
SELECT count(*) AS shorter, count(header) AS reports FROM report, generate_series(0, length(report) - 1) AS n, dap_split('a', substr(report, 1, n)) WHERE i = 1;
SELECT * FROM dap_split('a', '\x');
SELECT header IS NULL AS longer FROM report, dap_split('a', report || '\x00') WHERE i = 1;
SELECT dap_share_error('a', header || '\x00', share_a) AS header, dap_share_error('a', header, share_a || '\x00') AS share,
	dap_share_error('a', '\x', share_a) AS no_header, dap_share_error('a', header, '\x') AS no_share FROM part WHERE i = 1;
CREATE TABLE long (share bytea);
ALTER TABLE long ALTER share SET STORAGE external;
INSERT INTO long SELECT decode(repeat('00', 10000000), 'hex');
SELECT (dap_split('a', share)).report_id IS NULL AS split, dap_share_error('a', header, share) AS share, dap_share_error('a', share, share_a) AS header
FROM part, long WHERE i = 1;
-- Lengths of 2^32 - 1 in front of public share, key and payload.
SELECT count(*) AS lies, count(s.header) AS reports FROM report, dap_split('a', report) AS p,
	unnest(ARRAY[length(p.header) - 64 - 4, length(p.header) + 1 + 2 + 32, length(p.header) + length(p.share_a) + 1 + 2 + 32]) AS at,
	dap_split('a', overlay(report PLACING '\xffffffff' FROM at + 1)) AS s WHERE i = 1;

-- Extensions: none is known, and a list out of order is no list.
CREATE FUNCTION with_extensions(report bytea, extensions bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT substr(report, 1, 24) || decode(lpad(to_hex(length(extensions)), 4, '0'), 'hex') || extensions || substr(report, 27) $$;
SELECT extensions, header IS NOT NULL AS report, dap_share_error('a', header, share_a) AS error
FROM report, unnest('{"\\x","\\x00070000","\\x0007000155","\\x0007000000080000","\\x0008000000070000","\\x0007000000070000","\\x000700","\\x00070001"}'::bytea[]) AS extensions,
	dap_split('a', with_extensions(report, extensions)) WHERE i = 1;

-- Times that PostgreSQL has not are no report's.
SELECT time, report_id IS NOT NULL AS report, report_time AT TIME ZONE 'UTC' AS report_time
FROM report, unnest('{"\\x0000000000000000","\\x000000000fffffff","\\x0000000700000000","\\x000000700000000000","\\x7fffffffffffffff","\\xffffffffffffffff"}'::bytea[]) AS time,
	dap_split('a', overlay(report PLACING time FROM 17)) WHERE i = 1;

DROP TABLE long, opened, report, task CASCADE;
DROP FUNCTION changes, with_extensions;
DROP PROCEDURE make_task;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
