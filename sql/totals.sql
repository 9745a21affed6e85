-- Totals do not depend on how the rows are added up.
\set ECHO none
\i test/own_servers.sql
\set ECHO all

-- Three batches of different length, 300 clients each, every tenth row malformed.
CREATE TABLE verified (batch int, id int, share_a bytea, share_b bytea, a prio_verifier, b prio_verifier)
PARTITION BY LIST (batch);
CREATE TABLE verified_1 PARTITION OF verified FOR VALUES IN (1);
CREATE TABLE verified_2 PARTITION OF verified FOR VALUES IN (2);
CREATE TABLE verified_3 PARTITION OF verified FOR VALUES IN (3);
INSERT INTO verified
SELECT batch, id, share_a, share_b, prio_verifier('a', 'batch-' || batch, 10 * batch, share_a),
	prio_verifier('b', 'batch-' || batch, 10 * batch, share_b)
FROM keys, generate_series(1, 3) AS batch, generate_series(1, 300) AS id,
	LATERAL (SELECT string_agg((id % (i + 1) = 0)::int::text, '' ORDER BY i) AS bits FROM generate_series(1, 10 * batch) AS i) AS d,
	LATERAL (SELECT CASE WHEN id % 10 = 0 THEN '\x' ELSE share_a END AS share_a, share_b
		FROM prio_encode(keys.a, keys.b, 'batch-' || batch, bits::varbit)) AS e;
ANALYZE verified;
CREATE TABLE truth AS
SELECT batch, array_agg(count ORDER BY i) AS counts
FROM generate_series(1, 3) AS batch, LATERAL (SELECT i, count(*) FILTER (WHERE id % (i + 1) = 0) AS count
	FROM generate_series(1, 10 * batch) AS i, generate_series(1, 300) AS id WHERE id % 10 <> 0 GROUP BY i) AS c
GROUP BY batch;

SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS
SELECT batch, prio_total_share(a, share_a) AS total_a, prio_total_share(b, share_b) FILTER (WHERE a IS NOT NULL) AS total_b, count(a)
FROM verified GROUP BY batch;
SELECT batch, count, prio_publish(total_a, total_b) = counts AS equals_truth, prio_publish(total_b, total_a) = counts AS either_way
FROM serial JOIN truth USING (batch) ORDER BY batch;
SELECT batch, prio_publish(total_a, total_b) FROM serial WHERE batch = 1;

-- In any order of rows.
SELECT bool_and(v.total_a = serial.total_a) FROM serial JOIN (
	SELECT batch, prio_total_share(a, share_a ORDER BY md5(id::text)) AS total_a FROM verified GROUP BY batch) AS v USING (batch);

-- In parallel workers, one table or a partitioned one.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT prio_total_share(a, share_a) FROM verified_1;
SELECT bool_and(total = total_a) FROM serial, (SELECT prio_total_share(a, share_a) AS total FROM verified_1) AS v WHERE batch = 1;
SELECT bool_and(total = total_b) FROM serial, (SELECT prio_total_share(b, NULL) AS total FROM verified_1 WHERE a IS NOT NULL) AS v WHERE batch = 1;
SELECT bool_and(v.total_a = serial.total_a) FROM serial JOIN (
	SELECT batch, prio_total_share(a, share_a) AS total_a FROM verified GROUP BY batch) AS v USING (batch);
-- Partitionwise, and below a join of partitions.
SET enable_partitionwise_aggregate = on;
SET enable_partitionwise_join = on;
SELECT bool_and(v.total_a = serial.total_a) FROM serial JOIN (
	SELECT batch, prio_total_share(a, share_a) AS total_a FROM verified GROUP BY batch) AS v USING (batch);
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT batch, prio_total_share(a, share_a) FROM verified GROUP BY batch;
SELECT bool_and(v.total_a = serial.total_a) FROM serial JOIN (
	SELECT batch, prio_total_share(a, share_a) AS total_a FROM verified GROUP BY batch) AS v USING (batch);
RESET enable_partitionwise_aggregate;
RESET enable_partitionwise_join;

-- Partial totals merge to the same bytes.
CREATE TABLE partial AS
SELECT batch, id % 7 AS part, prio_total_share(a, share_a) AS total_a,
	prio_total_share(b, NULL) FILTER (WHERE a IS NOT NULL) AS total_b FROM verified GROUP BY 1, 2;
SELECT bool_and(v.total_a = serial.total_a AND v.total_b = serial.total_b) FROM serial JOIN (
	SELECT batch, prio_merge(total_a) AS total_a, prio_merge(total_b) AS total_b FROM partial GROUP BY batch) AS v USING (batch);
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT prio_merge(total_a) FROM partial WHERE batch = 2;
SELECT bool_and(total = total_a) FROM serial, (SELECT prio_merge(total_a) AS total FROM partial WHERE batch = 2) AS v WHERE batch = 2;
SET max_parallel_workers_per_gather = 0;
SELECT bool_and(total = total_a) FROM serial, LATERAL (SELECT prio_merge(t) AS total FROM (VALUES (NULL), (total_a), (NULL)) AS v (t)) AS m;

-- What was added can be taken out again.
SELECT bool_and(prio_subtract(total_a, part_a) = rest_a AND prio_subtract(total_b, rest_b) = part_b) AS same,
	bool_and(prio_subtract(prio_subtract(total_a, part_a), rest_a) = prio_subtract(total_a, total_a)) AS nothing
FROM serial JOIN (
	SELECT batch, prio_total_share(a, share_a) FILTER (WHERE id % 3 = 0) AS part_a, prio_total_share(a, share_a) FILTER (WHERE id % 3 <> 0) AS rest_a,
		prio_total_share(b, NULL) FILTER (WHERE a IS NOT NULL AND id % 3 = 0) AS part_b, prio_total_share(b, NULL) FILTER (WHERE a IS NOT NULL AND id % 3 <> 0) AS rest_b
	FROM verified GROUP BY batch) AS v USING (batch);
SELECT batch, prio_publish(prio_subtract(total_a, a), prio_subtract(total_b, b)) = counts AS all_but_one
FROM serial JOIN (SELECT batch, prio_total_share(a, share_a) AS a, prio_total_share(b, share_b) AS b FROM verified WHERE id = 19 GROUP BY batch) AS v USING (batch)
	JOIN (SELECT batch, array_agg(count ORDER BY i) AS counts FROM (SELECT batch, i, count(*) FILTER (WHERE id % (i + 1) = 0) AS count
		FROM generate_series(1, 3) AS batch, LATERAL generate_series(1, 10 * batch) AS i, generate_series(1, 300) AS id
		WHERE id % 10 <> 0 AND id <> 19 GROUP BY batch, i) AS c GROUP BY batch) AS t USING (batch) ORDER BY batch;
SELECT prio_subtract('\x0092a101a100', '\x0092a102a100');

-- A moving window of shares.
SELECT prio_publish(prio_total_share(a, share_a) OVER w, prio_total_share(b, share_b) OVER w)
FROM verified WHERE batch = 1 AND id < 6 WINDOW w AS (ORDER BY id) ORDER BY id;

-- No rows, or none that opened: NULL.
SELECT prio_total_share(a, share_a) IS NULL AS no_rows FROM verified WHERE false;
SELECT prio_total_share(a, share_a) IS NULL AS no_opened_rows, count(*) FROM verified WHERE id % 10 = 0;
SELECT prio_total_share(NULL, share_a) IS NULL FROM verified;
SELECT prio_merge(NULL) IS NULL;
SET max_parallel_workers_per_gather = 2;
SELECT prio_total_share(a, share_a) IS NULL AS no_opened_rows FROM verified_1 WHERE id % 10 = 0;
SET max_parallel_workers_per_gather = 0;

-- What does not belong together.
SELECT prio_total_share(a, share_a) FROM verified WHERE batch IN (1, 2) AND id < 5;
SELECT prio_total_share(v, share_a) FROM (SELECT a AS v, share_a FROM verified WHERE batch = 1 AND id < 3
	UNION ALL SELECT b, share_b FROM verified WHERE batch = 1 AND id < 3) AS s;
SELECT prio_total_share(v, share_a) FROM (SELECT prio_verifier('a', 'batch-1', 10, share_a) AS v, share_a FROM verified WHERE batch = 1 AND id < 3
	UNION ALL SELECT prio_verifier('a', 'same-length', 10, e.share_a), e.share_a
	FROM keys, prio_encode(keys.a, keys.b, 'same-length', B'1111111111') AS e) AS s;
SELECT prio_total_share(a, NULL) FROM verified WHERE batch = 1;
SELECT prio_total_share(v.a, w.share_a) FROM verified AS v JOIN verified AS w ON w.id = v.id + 1 WHERE v.batch = 1 AND w.batch = 1 AND v.id < 5;
SELECT prio_total_share(v.b, w.share_b) FROM verified AS v JOIN verified AS w ON w.id = v.id + 1 WHERE v.batch = 1 AND w.batch = 1 AND v.id < 5;
SELECT prio_total_share(a, '\x'::bytea) FROM verified WHERE batch = 1;
SELECT prio_publish(total_a, total_a) FROM serial WHERE batch = 1;
SELECT prio_publish(one.total_a, two.total_b) FROM serial AS one, serial AS two WHERE one.batch = 1 AND two.batch = 2;
-- Totals of different sets: noise, which shows.
SELECT prio_publish(total_a, all_b) FROM serial, (SELECT prio_total_share(b, NULL) AS all_b FROM verified WHERE batch = 1) AS v WHERE batch = 1;

DROP TABLE verified, truth, serial, partial, keys;
DROP FUNCTION valid;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
