-- Prio3 from measurements to results: every VDAF, states, aggregates, and hostile reports and peers.
CREATE EXTENSION prio;
SELECT encode(prio3_verify_key(), 'hex') AS verify_key \gset
CREATE PROCEDURE make_servers(name text, verify_key text, options text) LANGUAGE plpgsql AS $$
DECLARE
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, %s)', name || '_' || role, upper(role), options);
		EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (verify_key %L)', name || '_' || role, verify_key);
	END LOOP;
END $$;
CALL make_servers('count', :'verify_key', $$vdaf 'Prio3Count'$$);
CALL make_servers('sum', :'verify_key', $$vdaf 'Prio3Sum', max_measurement '1000', context '636f6e74657874'$$);
CALL make_servers('sumvec', :'verify_key', $$vdaf 'Prio3SumVec', length '3', max_measurement '9223372036854775807'$$);
CALL make_servers('histogram', :'verify_key', $$vdaf 'Prio3Histogram', length '5'$$);
CALL make_servers('multihot', :'verify_key', $$vdaf 'Prio3MultihotCountVec', length '4', max_weight '2'$$);
CALL make_servers('l1', :'verify_key', $$vdaf 'Prio3L1BoundSum', length '3', max_value '10'$$);
CALL make_servers('sum8', left(:'verify_key', 32), $$vdaf 'Prio3Sum', bits '10', draft '8'$$);
CALL make_servers('histogram8', left(:'verify_key', 32), $$vdaf 'Prio3Histogram', length '5', draft '8'$$);

-- Seventeen clients each: more than are expanded side by side.
CREATE TABLE report (vdaf text, i int, nonce bytea, public_share bytea, share_a bytea, share_b bytea);
INSERT INTO report SELECT 'count', i, s.* FROM generate_series(1, 17) AS i, prio3_shard('count_a', i % 2) AS s;
INSERT INTO report SELECT vdaf, i, s.* FROM unnest(ARRAY['sum', 'sum8']) AS vdaf, generate_series(1, 17) AS i, prio3_shard(vdaf || '_a', i * 55) AS s;
INSERT INTO report SELECT vdaf, i, s.* FROM unnest(ARRAY['histogram', 'histogram8']) AS vdaf, generate_series(1, 17) AS i,
	prio3_shard(vdaf || '_b', i % 4) AS s;
INSERT INTO report SELECT 'sumvec', i, s.* FROM generate_series(1, 17) AS i, prio3_shard('sumvec_a', ARRAY[i, 0, 9223372036854775807]) AS s;
INSERT INTO report SELECT 'multihot', i, s.* FROM generate_series(1, 17) AS i, prio3_shard('multihot_a', ARRAY[i = 1, i % 2 = 0, false, i > 16]) AS s;
INSERT INTO report SELECT 'l1', i, s.* FROM generate_series(1, 17) AS i, prio3_shard('l1_b', ARRAY[i % 3, 8, 0]) AS s;
SELECT vdaf, count(*), min(length(nonce)) AS nonce, min(length(public_share)) AS public, min(length(share_a)) AS a, max(length(share_b)) AS b
FROM report GROUP BY vdaf ORDER BY vdaf;

CREATE VIEW state AS
SELECT vdaf, i, prio3_verify_init(vdaf || '_a', nonce, public_share, share_a) AS a, prio3_verify_init(vdaf || '_b', nonce, public_share, share_b) AS b
FROM report;
CREATE TABLE verified AS
SELECT *, prio3_verifier_message(vdaf || '_a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message FROM state;
CREATE TABLE total AS
SELECT vdaf, count(message) AS reports, prio3_agg_share(a, message) AS a, prio3_agg_share(b, message) AS b FROM verified GROUP BY vdaf;
SELECT vdaf, reports, prio3_unshard(vdaf || '_a', a, b, reports) AS result FROM total ORDER BY vdaf;

-- Count and Sum have an empty message, which is one.
SELECT vdaf, min(length(message)) AS message, max(length(prio3_verify_next(a, message))) AS output FROM verified GROUP BY vdaf ORDER BY vdaf;

-- A report alone.
SELECT vdaf, prio3_unshard(vdaf || '_b', prio3_verify_next(a, message), prio3_verify_next(b, message), 1) AS result
FROM verified WHERE i = 1 ORDER BY vdaf;

-- ------------------------------------------------------------------ clients

SELECT prio3_shard('sum_a', 1001);
SELECT prio3_shard('sum_a', -1);
SELECT prio3_shard('count_a', 2);
SELECT prio3_shard('histogram_a', 5);
SELECT prio3_shard('sumvec_a', ARRAY[0, -1, 0]);
SELECT prio3_shard('l1_a', ARRAY[5, 5, 1]);
SELECT prio3_shard('multihot_a', ARRAY[true, true, true, false]);
SELECT prio3_shard('multihot_a', ARRAY[true, true, true]);
SELECT prio3_shard('sumvec_a', ARRAY[1, NULL, 1]);
SELECT prio3_shard('sumvec_a', ARRAY[[1, 1, 1]]);
SELECT prio3_shard('sumvec_a', ARRAY[]::bigint[]);
SELECT prio3_shard('sum_a', ARRAY[5]);
SELECT prio3_shard('sumvec_a', 5);
SELECT prio3_shard('multihot_a', ARRAY[1, 0, 0, 0]);
SELECT prio3_shard('count_a', ARRAY[true]);
SELECT prio3_shard(NULL, 1) IS NULL AS no_server, prio3_shard('sum_a', NULL::bigint) IS NULL AS no_measurement;
SELECT nonce FROM prio3_shard('sum_a', 1, '\x000102030405060708090a0b0c0d0e0f');
SELECT nonce FROM prio3_shard('sum_a', 1, '\x00');
SELECT count(DISTINCT nonce), count(DISTINCT share_b) FROM generate_series(1, 100) AS i, prio3_shard('count_a', i % 2);
SELECT prio3_chunk_length(1), prio3_chunk_length(100), prio3_chunk_length(1000), prio3_chunk_length(2147483647);
SELECT prio3_chunk_length(0);
SELECT length(prio3_verify_key()), prio3_verify_key() <> prio3_verify_key() AS fresh;

-- ------------------------------------------------------------------ states

-- The text of a state leaves its secret out: server A's output share, or B's seed.
SELECT vdaf, bool_and(position(substr(prio3_verify_next(a, message)::text, 3) IN a::text) = 0) AS hidden_a,
	bool_and(position(substr(substr(share_b, 1, 16)::text, 3) IN b::text) = 0) AS hidden_b
FROM verified JOIN report USING (vdaf, i) GROUP BY vdaf ORDER BY vdaf;
SELECT bool_and(position(substr(prio3_verify_next(a, message)::text, 3) IN prio3_verify_state_send(a)::text) > 0) AS there_a,
	bool_and(position(substr(substr(share_b, 1, 16)::text, 3) IN prio3_verify_state_send(b)::text) > 0) AS there_b
FROM verified JOIN report USING (vdaf, i) WHERE vdaf = 'sum8';
CREATE TABLE shown AS SELECT vdaf, message, a::text::prio3_verify_state AS a, b::text::prio3_verify_state AS b FROM verified WHERE i = 3;
SELECT vdaf, s.a::text = v.a::text AS same_text, prio3_verifier_share(s.b) = prio3_verifier_share(v.b) AS same_share
FROM shown AS s JOIN verified AS v USING (vdaf) WHERE i = 3 ORDER BY vdaf;
SELECT prio3_verify_next(a, message) FROM shown WHERE vdaf = 'sum';
SELECT prio3_agg_share(b, message) FROM shown WHERE vdaf = 'histogram';
-- The binary form has it.
CREATE TABLE moved (a prio3_verify_state, b prio3_verify_state, message bytea);
SELECT current_setting('data_directory') || '/prio_regress_states' AS file \gset
COPY (SELECT a, b, message FROM verified WHERE vdaf = 'histogram') TO :'file' (FORMAT binary);
COPY moved FROM :'file' (FORMAT binary);
SELECT prio3_unshard('histogram_a', prio3_agg_share(a, message), prio3_agg_share(b, message), count(*)) FROM moved;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm prio_regress_states';
-- What is none.
SELECT 'x'::prio3_verify_state;
SELECT '\x'::prio3_verify_state;
SELECT '\x00'::prio3_verify_state;
SELECT '\x0'::prio3_verify_state;
SELECT '\x0112010000000000'::prio3_verify_state;
SELECT set_byte(prio3_verify_state_send(a), 5, 77)::text::prio3_verify_state FROM verified WHERE vdaf = 'sum' AND i = 1;
SELECT (text || '00')::prio3_verify_state FROM (SELECT a::text AS text FROM verified WHERE vdaf = 'sum' AND i = 1) AS s;

-- ------------------------------------------------------------------ aggregates

-- Rows that a server refuses, or without a message, are as if they were not there.
SELECT prio3_unshard('sum_a', a, b, 16) FROM (
	SELECT prio3_agg_share(a, CASE WHEN i > 1 THEN message END) AS a, prio3_agg_share(CASE WHEN i > 1 THEN b END, message) AS b
	FROM verified WHERE vdaf = 'sum') AS s;
SELECT prio3_unshard('histogram_a', a, b, 16) FROM (
	SELECT prio3_agg_share(a, CASE i WHEN 1 THEN '\x' ELSE message END) AS a,
		prio3_agg_share(b, CASE i WHEN 1 THEN set_byte(message, 0, get_byte(message, 0) # 1) ELSE message END) AS b
	FROM verified WHERE vdaf = 'histogram') AS s;
SELECT prio3_agg_share(a, '\x00') FROM verified WHERE vdaf = 'count';
SELECT prio3_agg_share(a, message) IS NULL AS of_nothing FROM verified WHERE false;
SELECT prio3_agg_share(a, NULL) IS NULL AS without_message FROM verified;

-- One group is of one server, VDAF and context.
SELECT prio3_agg_share(CASE WHEN i = 1 THEN a ELSE b END, message) FROM verified WHERE vdaf = 'sum';
SELECT prio3_agg_share(b, message) FROM verified WHERE vdaf IN ('histogram', 'sum');
ALTER SERVER sum_b OPTIONS (SET context '00');
SELECT prio3_agg_share(b, message) FROM (SELECT b, message FROM verified WHERE vdaf = 'sum'
	UNION ALL SELECT prio3_verify_init('sum_b', nonce, public_share, share_b), '' FROM report WHERE vdaf = 'sum') AS s;
ALTER SERVER sum_b OPTIONS (SET context '636f6e74657874');

-- Parts are merged, and taken out again.
CREATE TABLE part AS
SELECT vdaf, i % 3 AS part, prio3_agg_share(a, message) AS a, prio3_agg_share(b, message) AS b FROM verified GROUP BY vdaf, part;
SELECT vdaf, prio3_merge(vdaf || '_a', p.a) = t.a AS a, prio3_merge(vdaf || '_b', p.b) = t.b AS b
FROM part AS p JOIN total AS t USING (vdaf) GROUP BY vdaf, t.a, t.b ORDER BY vdaf;
SELECT vdaf, prio3_subtract(vdaf || '_a', t.a, p.a) = prio3_merge(vdaf || '_a', q.a) AS a
FROM total AS t JOIN part AS p USING (vdaf) JOIN part AS q USING (vdaf) WHERE p.part = 0 AND q.part > 0
GROUP BY vdaf, t.a, p.a ORDER BY vdaf;
SELECT prio3_merge('sum_a', NULL) IS NULL AS of_nothing;
SELECT prio3_merge(vdaf || '_a', a) FROM total WHERE vdaf IN ('sum', 'count') GROUP BY ();
SELECT prio3_merge(CASE vdaf WHEN 'sum' THEN 'sum_a' ELSE 'sum_b' END, a) FROM total WHERE vdaf IN ('sum', 'count');

-- A window that moves on, and parallel workers, give the same.
SELECT bool_and(prio3_unshard('sum_a', a, b, n) = ARRAY[expected]::numeric[]) AS windows FROM (
	SELECT prio3_agg_share(a, message) OVER w AS a, prio3_agg_share(b, message) OVER w AS b, count(*) OVER w AS n, sum(i * 55) OVER w AS expected
	FROM verified WHERE vdaf = 'sum' WINDOW w AS (ORDER BY i ROWS 11 PRECEDING)) AS s;
CREATE TABLE many AS SELECT v.* FROM verified AS v, generate_series(1, 300) WHERE vdaf = 'histogram8';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT prio3_agg_share(b, message) FROM many;
SELECT prio3_unshard('histogram8_a', prio3_agg_share(a, message), prio3_agg_share(b, message), count(*)) FROM many;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- Anybody may call the functions of an aggregate, with bytes of their own.
CREATE FUNCTION state_of(vdaf text) RETURNS bytea LANGUAGE sql AS
$$ SELECT prio3_merge_accum(NULL, vdaf || '_b', decode(repeat('00', length(b)), 'hex')) FROM total AS t WHERE t.vdaf = $1 $$;
SELECT length(state_of('sum')), prio3_aggregate_final(state_of('sum'));
SELECT prio3_aggregate_final(NULL) IS NULL, prio3_aggregate_combine(NULL, NULL) IS NULL, prio3_agg_share_accum(NULL, NULL, NULL) IS NULL;
SELECT prio3_aggregate_final('\x');
SELECT prio3_aggregate_final('\x01');
SELECT prio3_aggregate_final(state_of('sum') || '\x00');
SELECT prio3_aggregate_final(substr(state_of('sum'), 1, length(state_of('sum')) - 8) || '\xffffffffffffffff');
SELECT prio3_aggregate_combine(state_of('sum'), substr(state_of('sum'), 1, length(state_of('sum')) - 8) || '\xffffffffffffffff');
SELECT prio3_aggregate_combine(state_of('sum'), state_of('histogram'));
-- ... such as one that says how many seeds are still to be added
SELECT prio3_aggregate_final(set_byte(state_of('sum'), length(state_of('sum')) - 8 - 8 * 32 - 1, 8));
SELECT length(prio3_aggregate_final(set_byte(state_of('sum'), length(state_of('sum')) - 8 - 8 * 32 - 1, 7)));
-- Nothing but a value is changed by them.
CREATE TABLE kept AS SELECT state_of('sum') AS state;
SELECT prio3_agg_share_accum(state, b, message) <> state AS added FROM kept, verified WHERE vdaf = 'sum' AND i = 1;
SELECT state = state_of('sum') AS kept FROM kept;

-- ------------------------------------------------------------------ results

SELECT prio3_unshard('sum_a', a, b, 0) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sum_a', a, b, 8) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sum_a', a, a, 17) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('histogram_a', a, b, 18) FROM total WHERE vdaf = 'histogram';
SELECT prio3_unshard('sum_a', a, b, -1) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sum_a', a, '\x', 17) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sum_a', '\xffffffffffffffff', b, 17) FROM total WHERE vdaf = 'sum';
SELECT prio3_subtract('sum_a', a, '\x00') FROM total WHERE vdaf = 'sum';
SELECT prio3_subtract('sum_a', '\xffffffffffffffff', b) FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sum_a', NULL, b, 17) IS NULL AS strict FROM total WHERE vdaf = 'sum';
SELECT prio3_unshard('sumvec_a', a, b, 9223372036854775807) FROM total WHERE vdaf = 'sumvec';

-- ------------------------------------------------------------------ hostile reports and peers

-- Every byte of a report changed, by one bit or by all: refused.
CREATE FUNCTION accepted(vdaf text, nonce bytea, public_share bytea, share_a bytea, share_b bytea) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT prio3_verify_next(a, message) IS NOT NULL AND prio3_verify_next(b, message) IS NOT NULL
	FROM (SELECT a, b, prio3_verifier_message(vdaf || '_a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
		FROM (SELECT prio3_verify_init(vdaf || '_a', nonce, public_share, share_a) AS a,
			prio3_verify_init(vdaf || '_b', nonce, public_share, share_b) AS b) AS s) AS s $$;
CREATE FUNCTION changes(bytes bytea) RETURNS SETOF bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT set_byte(bytes, at, get_byte(bytes, at) # mask) FROM generate_series(0, length(bytes) - 1) AS at, unnest(ARRAY[1, 128, 255]) AS mask $$;
CREATE TABLE victim AS SELECT * FROM report WHERE i = 2;
SELECT vdaf, accepted(vdaf, nonce, public_share, share_a, share_b) FROM victim ORDER BY vdaf;
SELECT vdaf, count(*) AS changes, count(*) FILTER (WHERE accepted(vdaf, nonce, public_share, share_a, share_b)) AS accepted
FROM (SELECT vdaf, nonce, public_share, changes(share_a) AS share_a, share_b FROM victim
	UNION ALL SELECT vdaf, nonce, public_share, share_a, changes(share_b) FROM victim
	UNION ALL SELECT vdaf, nonce, changes(public_share), share_a, share_b FROM victim) AS s
GROUP BY vdaf ORDER BY vdaf;
-- The nonce is bound to a report only where there is joint randomness: elsewhere shares have to be unique as well.
SELECT vdaf, count(*) AS changes, count(*) FILTER (WHERE accepted(vdaf, nonce, public_share, share_a, share_b)) AS accepted
FROM (SELECT vdaf, changes(nonce) AS nonce, public_share, share_a, share_b FROM victim) AS s GROUP BY vdaf ORDER BY vdaf;

-- Other lengths: shorter ones, and one that nobody fetches.
SELECT prio3_share_error('sum_a', nonce, public_share, substr(share_a, 1, n)) AS error, count(*)
FROM victim, generate_series(0, length(share_a)) AS n WHERE vdaf = 'sum' GROUP BY 1 ORDER BY 1;
SELECT prio3_share_error('sum_a', substr(nonce, 1, n), public_share, share_a) AS error, count(*)
FROM victim, generate_series(0, 16) AS n WHERE vdaf = 'sum' GROUP BY 1 ORDER BY 1;
CREATE TABLE long (share bytea);
ALTER TABLE long ALTER share SET STORAGE external;
INSERT INTO long SELECT decode(repeat('00', 10000000), 'hex');
SELECT prio3_share_error('sum_a', nonce, public_share, share), prio3_share_error('sum_b', nonce, share, share_b), prio3_share_error('sum_b', share, public_share, share_b),
	prio3_verifier_message('sum_a', share, share) IS NULL AS no_message
FROM victim, long WHERE vdaf = 'sum';
SELECT prio3_verify_next(a, share) IS NULL AS no_output FROM verified, long WHERE vdaf = 'histogram' AND i = 1;

-- A peer that says anything: where the proof does not hold there is no message, and one with another part of joint randomness
-- (16 bytes in draft 8) is none that the servers accept.
SELECT vdaf, count(*) AS changes, count(prio3_verifier_message(vdaf || '_a', share_a, share_b)) AS messages
FROM (SELECT vdaf, prio3_verifier_share(a) AS share_a, changes(prio3_verifier_share(b)) AS share_b FROM verified WHERE i = 1
	AND vdaf IN ('count', 'sum', 'sum8')) AS s GROUP BY vdaf ORDER BY vdaf;
SELECT prio3_verifier_message('sum_a', '\x', '\x') IS NULL AS empty, prio3_verifier_message('sum_a', prio3_verifier_share(a), prio3_verifier_share(a)) IS NULL AS twice
FROM verified WHERE vdaf = 'sum' AND i = 1;
SELECT count(prio3_verify_next(b, changed)) AS accepted FROM verified, changes(message) AS changed WHERE vdaf = 'histogram' AND i = 1;

-- A long computation ends when the statement is to end.
CALL make_servers('long', :'verify_key', $$vdaf 'Prio3SumVec', length '100000', max_measurement '4294967295'$$);
SET statement_timeout = 50;
SELECT length(share_b) FROM prio3_shard('long_a', (SELECT array_agg(0::bigint) FROM generate_series(1, 100000)));
RESET statement_timeout;

DROP TABLE kept, long, many, moved, part, report, shown, total, verified, victim CASCADE;
DROP FUNCTION accepted, changes, state_of;
DROP PROCEDURE make_servers;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
