-- The type prio_verifier: private state that tables keep, and that travels nowhere.
\set ECHO none
\i test/own_servers.sql
\set ECHO all

CREATE TABLE verified AS
SELECT id, share_a, share_b, prio_verifier('a', 'batch', 8, share_a) AS a, prio_verifier('b', 'batch', 8, share_b) AS b
FROM keys, generate_series(1, 20) AS id, LATERAL (SELECT * FROM prio_encode(keys.a, keys.b, 'batch', (id::bit(8))::varbit)) AS e;
SELECT pg_column_size(a) AS bytes, count(*) FROM verified GROUP BY 1;

-- The same packet at the same point gives the same verifier and the same message, always.
SELECT bool_and(a::text = prio_verifier('a', 'batch', 8, share_a)::text
	AND prio_verify1(a) = prio_verify1(prio_verifier('a', 'batch', 8, share_a))) FROM verified;
-- Another ordinal is another point, and both servers must use the same.
SELECT ordinal_a, ordinal_b, bool_and(valid(prio_verifier('a', 'batch', 8, share_a, ordinal_a),
	prio_verifier('b', 'batch', 8, share_b, ordinal_b))) AS all_valid,
	bool_or(valid(prio_verifier('a', 'batch', 8, share_a, ordinal_a),
	prio_verifier('b', 'batch', 8, share_b, ordinal_b))) AS any_valid
FROM verified, (VALUES (0, 0), (1, 1), (1000000, 1000000), (3, 3), (0, 1), (7, 0), (3, 4)) AS v (ordinal_a, ordinal_b)
GROUP BY 1, 2 ORDER BY 1, 2;
-- The ordinal of a row, as a tool that walks a file has it, in any order of rows.
SELECT bool_and(valid(prio_verifier('a', 'batch', 8, share_a, id), prio_verifier('b', 'batch', 8, share_b, 0 + id)))
FROM (SELECT * FROM verified ORDER BY id DESC) AS s;
SELECT bool_and(valid(prio_verifier('a', 'batch', 8, share_a, id), prio_verifier('b', 'batch', 8, share_b, id)))
FROM (SELECT * FROM verified ORDER BY md5(id::text)) AS s;

-- Text leaves the packet's key out: it does for both rounds, but not for the total.
CREATE TABLE from_text AS SELECT id, share_a, share_b, a::text::prio_verifier AS a, b::text::prio_verifier AS b FROM verified;
SELECT bool_and(valid(a, b)) FROM from_text;
SELECT bool_and(t.a::text = v.a::text AND t.b::text = v.b::text) AS text_is_stable FROM verified AS v JOIN from_text AS t USING (id);
SELECT prio_total_share(a, share_a) FROM from_text;
SELECT prio_total_share(b, NULL) FROM from_text;
-- So whoever reads such text is warned, once a statement, whatever brings it: a cast, COPY (a dump), a function.
SELECT count(a::text::prio_verifier) FROM verified;
SELECT current_setting('data_directory') || '/prio_regress_' || pg_backend_pid() || '.text' AS path \gset
COPY (SELECT a FROM verified) TO :'path';
CREATE TABLE copied (a prio_verifier);
COPY copied FROM :'path';
DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		PERFORM count(a::text::prio_verifier) FROM verified;
	END LOOP;
END $$;
-- But not of one that has the key, in binary form, nor of reading the table later.
SELECT count(*) FROM copied WHERE prio_verify1(a) IS NOT NULL;
-- Its last 16 bytes before the check sum are where the key would be.
SELECT DISTINCT substr(a::text, length(a::text) - 39, 32), substr(b::text, length(b::text) - 39, 32) FROM verified;

-- Binary form keeps everything.
SELECT 'prio_regress_' || pg_backend_pid() AS file, current_setting('data_directory') || '/prio_regress_' || pg_backend_pid() || '.copy' AS path \gset
COPY verified TO :'path' (FORMAT binary);
CREATE TABLE from_binary (LIKE verified);
COPY from_binary FROM :'path' (FORMAT binary);
SELECT prio_publish(prio_total_share(a, share_a), prio_total_share(b, share_b)) FROM verified;
SELECT prio_publish(prio_total_share(a, share_a), prio_total_share(b, share_b)) FROM from_binary;

-- A verifier whose bytes were changed is damaged, whichever byte it is.
CREATE FUNCTION load_error(verifier text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM verifier::prio_verifier;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT load_error(set_byte(bytes, position, get_byte(bytes, position) # 1)::text) AS error, count(*)
FROM (SELECT a::text::bytea AS bytes FROM verified LIMIT 1) AS s, generate_series(0, length(bytes) - 1) AS position
GROUP BY 1;
SELECT load_error(substr(bytes, 1, length)::text) AS error, count(*)
FROM (SELECT a::text::bytea AS bytes FROM verified LIMIT 1) AS s, generate_series(0, length(bytes) - 1) AS length
GROUP BY 1;
SELECT load_error((a::text::bytea || '\x00')::text) FROM verified LIMIT 1;
-- One of another version: that byte, and its check sum, which every version has at the end.
SELECT load_error('\x02a62346b3');
SELECT load_error('\x020102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6fd15826f4');
SELECT text, load_error(text) FROM unnest(ARRAY['', '\x', '\', '\x0', '\xzz', 'nonsense', '00']) AS text;

-- The same for what a table holds, in all that reads it. A cast that looks at nothing
-- stores it.
CREATE CAST (bytea AS prio_verifier) WITHOUT FUNCTION;
CREATE TABLE stored (what text, verifier prio_verifier);
INSERT INTO stored
SELECT 'a byte changed', set_byte(bytes, position, get_byte(bytes, position) # bit)::prio_verifier
FROM (SELECT prio_verifier_send(a) AS bytes FROM verified LIMIT 1) AS s, generate_series(0, length(bytes) - 1) AS position, unnest('{1,128}'::int[]) AS bit
UNION ALL SELECT 'too short', substr(bytes, 1, length)::prio_verifier
FROM (SELECT prio_verifier_send(b) AS bytes FROM verified LIMIT 1) AS s, generate_series(0, length(bytes) - 1) AS length
UNION ALL (SELECT 'too long', (prio_verifier_send(a) || '\x00')::prio_verifier FROM verified LIMIT 1)
UNION ALL VALUES ('another version', '\x02a62346b3'::bytea::prio_verifier), ('another version', '\x020102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6fd15826f4'::bytea::prio_verifier),
	('another version, damaged', '\x02a62346b2'::bytea::prio_verifier);
CREATE FUNCTION use_error(call text, verifier prio_verifier) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call USING verifier;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT what, error, count(DISTINCT call) AS calls, count(*)
FROM stored, unnest(ARRAY['$1::text', 'prio_verifier_send($1)', 'prio_verify1($1)', 'prio_verify2($1, ''\xa100a100'')', 'prio_total_share($1, '''')']) AS call,
	LATERAL use_error(call, verifier) AS error
GROUP BY 1, 2 ORDER BY 1, 2;
DROP CAST (bytea AS prio_verifier);
-- ... and for what comes in binary.
CREATE FUNCTION receive_error(bytes bytea, path text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', bytes, path);
	EXECUTE format('COPY stored (verifier) FROM %L (FORMAT binary)', path);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT receive_error(set_byte(bytes, position, get_byte(bytes, position) # 1), :'path') AS error, count(*)
FROM (SELECT prio_verifier_send(a) AS bytes FROM verified LIMIT 1) AS s, generate_series(0, length(bytes) - 1) AS position
GROUP BY 1;
SELECT receive_error(bytes, :'path') FROM unnest(ARRAY['\x'::bytea, '\x02a62346b3', '\x02a62346b2']) AS bytes;
SELECT receive_error(prio_verifier_send(a), :'path') IS NULL AS received FROM verified LIMIT 1;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm prio_regress_*.copy';


-- Whose share it is matters, and which batch it is for.
SELECT prio_share_error('a', 'batch', 8, share_b) AS swapped, prio_share_error('b', 'batch', 8, share_a) AS swapped_too,
	prio_share_error('a', 'other', 8, share_a) AS other_batch, prio_share_error('a', 'batch', 7, share_a) AS too_short,
	prio_share_error('a', 'batch', 9, share_a) AS too_long, prio_share_error('b', 'batch', 9, share_b) AS b_cannot_know
FROM verified LIMIT 1;

-- Both servers can tell beforehand that they will check alike.
SELECT prio_fingerprint('a', 'batch', 8) = prio_fingerprint('b', 'batch', 8) AS agree, length(prio_fingerprint('a', 'batch', 8)),
	prio_fingerprint('a', 'batch', 8) = prio_fingerprint('b', 'other', 8) AS other_batch,
	prio_fingerprint('a', 'batch', 8) = prio_fingerprint('b', 'batch', 9) AS other_length;
BEGIN;
ALTER SERVER b OPTIONS (ADD prg 'seed');
SELECT prio_fingerprint('a', 'batch', 8) = prio_fingerprint('b', 'batch', 8) AS other_prg;
ROLLBACK;
BEGIN;
ALTER USER MAPPING FOR PUBLIC SERVER b OPTIONS (SET shared_secret '00112233445566778899aabbccddeeff');
SELECT prio_fingerprint('a', 'batch', 8) = prio_fingerprint('b', 'batch', 8) AS other_secret;
ROLLBACK;

-- Plans that run in workers, and generic plans, give the same.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM verified WHERE prio_verify1(prio_verifier('a', 'batch', 8, share_a)) = prio_verify1(a);
SELECT count(*) FROM verified WHERE prio_verify1(prio_verifier('a', 'batch', 8, share_a)) = prio_verify1(a);
SELECT count(*) FROM verified WHERE prio_share_error('b', 'batch', 8, share_b) IS NULL;
PREPARE check_batch (text, text) AS SELECT count(prio_verifier($1, $2, 8, share_a)) FROM verified;
SET plan_cache_mode = force_generic_plan;
EXECUTE check_batch('a', 'batch');
EXECUTE check_batch('b', 'batch');
EXECUTE check_batch('a', 'other');
EXECUTE check_batch('a', 'batch');

-- Many batches at once, in turns.
CREATE TABLE many AS
SELECT batch, id, share_a, share_b FROM keys, generate_series(1, 200) AS batch, generate_series(1, 2) AS id,
	LATERAL (SELECT * FROM prio_encode(a, b, 'batch-' || batch, repeat('1', 1 + batch % 5)::varbit)) AS e;
SELECT count(*), bool_and(valid(prio_verifier('a', 'batch-' || batch, 1 + batch % 5, share_a),
	prio_verifier('b', 'batch-' || batch, 1 + batch % 5, share_b)))
FROM (SELECT * FROM many ORDER BY id, batch) AS s;

-- More of them than the cache holds, again in turns: it stays below its bound of 64 MB.
CREATE TABLE large AS
SELECT batch, share_a, share_b FROM keys, generate_series(1, 20) AS batch,
	LATERAL (SELECT * FROM prio_encode(a, b, 'large-' || batch, repeat('1', 100000)::varbit)) AS e;
SELECT count(*), bool_and(valid(prio_verifier('a', 'large-' || batch, 100000, share_a),
	prio_verifier('b', 'large-' || batch, 100000, share_b)))
FROM (SELECT large.* FROM large, generate_series(1, 2) AS round ORDER BY round, batch) AS s;
SELECT total_bytes BETWEEN 50 * 1024 * 1024 AND 70 * 1024 * 1024 AS bounded FROM pg_backend_memory_contexts WHERE name = 'prio';

DROP TABLE large, many, verified, from_text, from_binary, stored, keys;
DROP FUNCTION load_error, use_error, receive_error, valid;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
