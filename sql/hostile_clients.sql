-- A table of all hostile packets next to honest ones yields the honest total.
CREATE EXTENSION prio;
\set content `cat test/vectors/invalid.json`
CREATE TABLE invalid AS SELECT :'content'::jsonb AS file;

DO $$
DECLARE
	f jsonb := (SELECT file FROM invalid);
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, public_key %L)',
			role, upper(role), f->>('public_key_' || role));
		EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (private_key %L, shared_secret %L)',
			role, f->>('private_key_' || role), f->>'shared_secret');
	END LOOP;
END $$;

-- Malformed cases come with the honest counterpart of the same client.
CREATE TABLE client AS
SELECT 0 AS id, 'honest' AS name, 'valid' AS expect,
	decode(file->'honest'->>'a', 'hex') AS a, decode(file->'honest'->>'b', 'hex') AS b FROM invalid
UNION ALL
SELECT row, c->>'name', c->>'expect',
	decode(coalesce(c->>'a', CASE c->>'role' WHEN 'A' THEN c->>'share' END, file->'honest'->>'a'), 'hex'),
	decode(coalesce(c->>'b', CASE c->>'role' WHEN 'B' THEN c->>'share' END, file->'honest'->>'b'), 'hex')
FROM invalid, jsonb_array_elements(file->'cases') WITH ORDINALITY AS s (c, row);
-- Two more honest clients, far apart from the first.
INSERT INTO client
SELECT 1000 + i, 'honest', 'valid', share_a, share_b
FROM invalid, generate_series(1, 2) AS i,
	prio_encode(decode(file->>'public_key_a', 'hex'), decode(file->>'public_key_b', 'hex'),
		file->>'batch_id', B'1111111111111');

CREATE TABLE verified AS
SELECT *, prio_verifier('a', 'invalid', 13, a) AS verifier_a, prio_verifier('b', 'invalid', 13, b) AS verifier_b
FROM client;

SELECT name, expect,
	prio_share_error('a', 'invalid', 13, a) AS error_a, prio_share_error('b', 'invalid', 13, b) AS error_b,
	verifier_a IS NULL AS null_a, verifier_b IS NULL AS null_b,
	prio_is_valid(prio_verify2(verifier_a, prio_verify1(verifier_b)),
		prio_verify2(verifier_b, prio_verify1(verifier_a))) AS valid
FROM verified ORDER BY id;

-- The verdicts are those that the file expects, and the total that of the honest ones.
SELECT expect, count(*),
	bool_and((verifier_a IS NULL) = (prio_share_error('a', 'invalid', 13, a) IS NOT NULL)
		AND (verifier_b IS NULL) = (prio_share_error('b', 'invalid', 13, b) IS NOT NULL)) AS explained,
	bool_and(CASE expect WHEN 'malformed' THEN verifier_a IS NULL OR verifier_b IS NULL
		ELSE prio_is_valid(prio_verify2(verifier_a, prio_verify1(verifier_b)),
			prio_verify2(verifier_b, prio_verify1(verifier_a))) = (expect = 'valid') END) AS as_expected
FROM verified GROUP BY expect ORDER BY expect;

SELECT prio_publish(prio_total_share(verifier_a, a), prio_total_share(verifier_b, b)) AS published,
	(SELECT file->'honest'->'data' FROM invalid) AS honest_data, count(*)
FROM verified
WHERE prio_is_valid(prio_verify2(verifier_a, prio_verify1(verifier_b)),
	prio_verify2(verifier_b, prio_verify1(verifier_a)));

CREATE TABLE big AS SELECT decode(repeat('00', 100 * 1024 * 1024), 'hex') AS message;

-- Sizes no packet has: nothing, and 100 MB, which are not even read.
SELECT prio_verifier('a', 'invalid', 13, '') IS NULL AS empty, prio_share_error('a', 'invalid', 13, '');
SELECT prio_verifier('a', 'invalid', 13, message) IS NULL AS big, prio_share_error('a', 'invalid', 13, message) FROM big;

-- A packet that comes again is known by its key, whatever is behind it; of what is long no more is fetched.
SELECT bytes, prio_replay_key(bytes) FROM (VALUES ('\x'::bytea), (decode(repeat('ab', 31), 'hex')), (decode(repeat('ab', 32), 'hex')),
	(decode(repeat('ab', 32) || 'cdef', 'hex'))) AS v (bytes);
CREATE TABLE inbox (id serial, packet bytea);
ALTER TABLE inbox ALTER packet SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX ON inbox (prio_replay_key(packet));
INSERT INTO inbox (packet) SELECT a FROM client WHERE id IN (0, 1001);
INSERT INTO inbox (packet) SELECT a || decode(repeat('00', 3000000), 'hex') FROM client WHERE id = 0 ON CONFLICT DO NOTHING;
INSERT INTO inbox (packet) SELECT decode(repeat(md5('another'), 200000), 'hex');
SELECT count(*), max(octet_length(packet)) FROM inbox;
CREATE FUNCTION blocks(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || query INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::int + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::int;
END $$;
SELECT blocks('SELECT prio_replay_key(packet) FROM inbox') < 50 AS slice, blocks('SELECT md5(packet) FROM inbox') > 300 AS whole;
DROP TABLE inbox;
DROP FUNCTION blocks;

-- The message of a hostile peer is NULL or false, and never an error.
SELECT bytes, prio_verify2(verifier_a, bytes) IS NULL AS verify2, prio_is_valid(bytes, '\xa100') AS valid,
	prio_is_valid('\xa100', bytes) AS valid_too
FROM verified, (VALUES ('\x'::bytea), ('\x00'), ('\xa1'), ('\xa100'), ('\xa100a1'), ('\xa100a100a100'),
	('\xddffffffff'), ('\xab8000000000000000080001ab8000000000000000080001'), ('\xc40100c40100'),
	('\xa20001a100'), ('\xd90101a100')) AS v (bytes)
WHERE id = 0;
-- 100 MB of it, which are not even fetched.
SELECT prio_verify2(verifier_a, message) IS NULL AS verify2, prio_is_valid(message, '\xa100') AS valid,
	prio_is_valid('\xa100', message) AS valid_too FROM verified, big WHERE id = 0;
SELECT prio_merge(message) FROM big;
SELECT prio_publish(message, message) FROM big;
DROP TABLE big;
SELECT length(prio_verify2(verifier_a, '\xa100a100')) > 0 AS well_formed FROM verified WHERE id = 0;
SELECT count(*) FROM generate_series(1, 2000) AS i, verified,
	LATERAL (SELECT decode(md5(i::text) || md5((i + 1)::text), 'hex')) AS s (garbage)
WHERE id = 0 AND (prio_verify2(verifier_a, substr(garbage, 1, i % 32)) IS NOT NULL
	OR prio_is_valid(substr(garbage, 1, i % 32), '\xa100'));

DROP TABLE verified, client, invalid;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
