-- What prio_encode() and prio_encode_uint() make goes through the whole protocol.
\set ECHO none
\i test/own_servers.sql
\set ECHO all

-- Every length around the powers of two, both variants of the generator.
CREATE SERVER a_seed FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a', prg 'seed');
CREATE SERVER b_seed FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key :'public_b', prg 'seed');
CREATE USER MAPPING FOR PUBLIC SERVER a_seed OPTIONS (private_key :'private_a', shared_secret :'secret');
CREATE USER MAPPING FOR PUBLIC SERVER b_seed OPTIONS (private_key :'private_b', shared_secret :'secret');

CREATE TABLE client AS
SELECT n, prg, suffix, data, share_a, share_b
FROM keys, unnest(ARRAY[1, 2, 3, 4, 7, 8, 31, 32, 1000, 2046, 4095, 4096]) AS n,
	(VALUES ('batch', ''), ('seed', '_seed')) AS v (prg, suffix),
	LATERAL (SELECT array_agg((n + i::bigint * i) % 7 < 3 ORDER BY i) AS data FROM generate_series(1, n) AS i) AS d,
	prio_encode(a, b, 'batch', data, prg);

SELECT n, prg, bool_and(valid(verifier_a, verifier_b)) AS valid,
	prio_publish(prio_total_share(verifier_a, share_a), prio_total_share(verifier_b, share_b)) =
		(SELECT array_agg(bit::int::bigint ORDER BY i) FROM unnest(data) WITH ORDINALITY AS u (bit, i)) AS equals_data
FROM client, LATERAL (SELECT prio_verifier('a' || suffix, 'batch', n, share_a) AS verifier_a,
	prio_verifier('b' || suffix, 'batch', n, share_b) AS verifier_b) AS v
GROUP BY n, prg, data ORDER BY n, prg;

-- The packets of one variant are not those of the other.
SELECT bool_or(valid(prio_verifier('a_seed', 'batch', n, share_a), prio_verifier('b_seed', 'batch', n, share_b)))
FROM client WHERE prg = 'batch';

-- The largest vector of all.
CREATE TABLE largest AS
SELECT prio_max_data() AS n, data, share_a, share_b
FROM keys, LATERAL (SELECT array_agg(i % 3 = 0 ORDER BY i) AS data FROM generate_series(1, prio_max_data()) AS i) AS d,
	prio_encode(a, b, 'batch', data);
SELECT bool_and(valid(verifier_a, verifier_b)) AS valid,
	prio_publish(prio_total_share(verifier_a, share_a), prio_total_share(verifier_b, NULL)) =
		(SELECT array_agg((i % 3 = 0)::int::bigint ORDER BY i) FROM generate_series(1, prio_max_data()) AS i) AS equals_data
FROM largest, LATERAL (SELECT prio_verifier('a', 'batch', n, share_a) AS verifier_a,
	prio_verifier('b', 'batch', n, share_b) AS verifier_b) AS v;

-- Bits as boolean[], bit varying and bit: the same vector.
SELECT v.kind, prio_publish(prio_total_share(prio_verifier('a', 'batch', 10, share_a), share_a),
	prio_total_share(prio_verifier('b', 'batch', 10, share_b), share_b))
FROM (SELECT 1 AS kind, e.* FROM keys, prio_encode(a, b, 'batch', '{t,f,t,t,f,f,t,f,t,f}'::boolean[]) AS e
	UNION ALL SELECT 2, e.* FROM keys, prio_encode(a, b, 'batch', B'1011001010'::varbit) AS e
	UNION ALL SELECT 3, e.* FROM keys, prio_encode(a, b, 'batch', B'1011001010') AS e
	UNION ALL SELECT 4, e.* FROM keys, prio_encode(public_key_a => a, public_key_b => b, batch_id => 'batch',
		data => '[5:14]={t,f,t,t,f,f,t,f,t,f}'::boolean[], prg => 'batch') AS e) AS v
GROUP BY kind ORDER BY kind;

-- Integers, from one bit to 42.
SELECT bits, bool_and(valid(verifier_a, verifier_b)) AS valid,
	prio_publish(prio_total_share_uint(prio_total_share(verifier_a, share_a), bits),
		prio_total_share_uint(prio_total_share(verifier_b, share_b), bits)) AS sums
FROM keys, unnest(ARRAY[1, 2, 8, 31, 32, 42]) AS bits, generate_series(1, 3) AS client,
	LATERAL (SELECT ARRAY[0, (1::bigint << bits) - 1, client % (1::bigint << bits)] AS data) AS d,
	prio_encode_uint(a, b, 'batch', data, bits),
	LATERAL (SELECT prio_verifier('a', 'batch', 3 * bits, share_a) AS verifier_a,
		prio_verifier('b', 'batch', 3 * bits, share_b) AS verifier_b) AS v
GROUP BY bits ORDER BY bits;
SELECT valid(prio_verifier('a_seed', 'batch', 8, share_a), prio_verifier('b_seed', 'batch', 8, share_b))
FROM keys, prio_encode_uint(a, b, 'batch', ARRAY[200], 8, 'seed');

-- Two encodings of one vector have nothing in common.
SELECT count(DISTINCT share_a), count(DISTINCT share_b), count(DISTINCT prio_replay_key(share_a))
FROM keys, generate_series(1, 10) AS i,
	LATERAL (SELECT * FROM prio_encode(a, b, 'batch', repeat('1', 8 + 0 * i)::varbit)) AS e;

-- Fresh keys and secrets every time.
SELECT count(DISTINCT (k).private_key), count(DISTINCT (k).public_key), min(octet_length((k).private_key)), max(octet_length((k).public_key))
FROM (SELECT prio_keygen() AS k FROM generate_series(1, 10) OFFSET 0) AS s;
SELECT count(DISTINCT secret), min(octet_length(secret)), max(octet_length(secret))
FROM (SELECT prio_shared_secret() AS secret FROM generate_series(1, 10)) AS s;

-- Batch ids that need more than ASCII.
SELECT valid(prio_verifier('a', 'café-数', 3, share_a), prio_verifier('b', 'café-数', 3, share_b)),
	prio_share_error('a', 'cafe-数', 3, share_a)
FROM keys, prio_encode(a, b, 'café-数', B'101');

DROP TABLE client, largest, keys;
DROP FUNCTION valid;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
