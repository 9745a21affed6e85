-- The state of the aggregates is a bytea: it travels as it is, and comes from anybody.
\set ECHO none
\i test/own_servers.sql
\set ECHO all

-- Packets of twelve clients; a state of so few entries is stored with a short length word.
CREATE TABLE packet AS
SELECT id, id % 3 AS part, share_a, prio_verifier('a', 'batch', 5, share_a) AS a, prio_verifier('b', 'batch', 5, share_b) AS b
FROM keys, generate_series(1, 12) AS id,
	prio_encode(keys.a, keys.b, 'batch', (id % 2 || '1' || (id = 3)::int || '00')::varbit);
CREATE TABLE total AS SELECT prio_total_share(a, share_a) AS a, prio_total_share(b, NULL) AS b FROM packet;
SELECT prio_publish(a, b) FROM total;

-- An aggregate of somebody else's may use the same functions, and show its state.
CREATE AGGREGATE state(prio_verifier, bytea) (SFUNC = prio_total_share_accum, STYPE = bytea);
CREATE AGGREGATE merge_state(bytea) (SFUNC = prio_merge_accum, STYPE = bytea);
CREATE AGGREGATE combined(bytea) (SFUNC = prio_total_combine, STYPE = bytea, FINALFUNC = prio_total_final);
CREATE TABLE stored AS SELECT part, state(a, share_a), state(b, NULL) AS state_b FROM packet GROUP BY part;
SELECT part, octet_length(state), pg_column_size(state) FROM stored ORDER BY part;
SELECT combined(state) = a AND combined(state_b) = b AS equals_total FROM stored, total GROUP BY a, b;

-- So may any query, which keeps what it gave.
SELECT prio_total_final(two) = three.total AS same, prio_total_final(one) = first.total AS kept
FROM (SELECT *, prio_total_share_accum(one, a, share_a) AS two FROM packet,
		(SELECT prio_total_share_accum(NULL, a, share_a) AS one FROM packet WHERE id = 1 OFFSET 0) AS o WHERE id = 2 OFFSET 0) AS t,
	(SELECT prio_total_share(a, share_a) AS total FROM packet WHERE id < 3) AS three,
	(SELECT prio_total_share(a, share_a) AS total FROM packet WHERE id = 1) AS first;
SELECT count(*), bool_and(prio_total_final(prio_total_combine(x.state, y.state)) = prio_total_final(prio_total_combine(y.state, x.state))) AS commutes
FROM stored AS x, stored AS y;
SELECT combined(state) = a AS still_equals_total FROM stored, total GROUP BY a;
DO $$
DECLARE
	kept bytea;
	state bytea;
	p packet;
BEGIN
	FOR p IN SELECT * FROM packet LOOP
		kept := state;
		state := prio_merge_accum(state, prio_total_share(p.a, p.share_a));
		ASSERT state IS DISTINCT FROM kept;
	END LOOP;
	ASSERT prio_total_final(state) = (SELECT a FROM total);
	ASSERT prio_total_final(prio_merge_accum(kept, (SELECT prio_total_share(a, share_a) FROM packet WHERE id = 12))) = (SELECT a FROM total);
END $$;

-- NULL is no row.
SELECT prio_total_share_accum(NULL, NULL, NULL) IS NULL AS share, prio_merge_accum(NULL, NULL) IS NULL AS merge,
	prio_total_combine(NULL, NULL) IS NULL AS combine, prio_total_final(NULL) IS NULL AS final;
SELECT bool_and(prio_total_share_accum(state, NULL, NULL) = state) AS share, bool_and(prio_merge_accum(state, NULL) = state) AS merge,
	bool_and(prio_total_combine(state, NULL) = state) AS combine, bool_and(prio_total_combine(NULL, state) = state) AS combine_none
FROM stored;

-- In windows: a frame that grows, one that moves, and one with a hole. The state goes on after it was looked at.
SELECT bool_and(grown = (SELECT prio_total_share(a, share_a) FROM packet WHERE id <= w.id)) AS grown,
	bool_and(moved = (SELECT prio_total_share(a, share_a) FROM packet WHERE id BETWEEN w.id - 2 AND w.id + 1)) AS moved,
	bool_and(holed IS NOT DISTINCT FROM (SELECT prio_total_share(b, NULL) FROM packet WHERE part = w.part AND id <> w.id)) AS holed,
	bool_and(prio_total_final(grown_state) = grown) AS grown_state, bool_and(prio_total_final(moved_state) = moved) AS moved_state
FROM (SELECT id, part, prio_total_share(a, share_a) OVER (ORDER BY id) AS grown,
		prio_total_share(a, share_a) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS moved,
		prio_total_share(b, NULL) OVER (PARTITION BY part ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS holed,
		state(a, share_a) OVER (ORDER BY id) AS grown_state,
		state(a, share_a) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS moved_state FROM packet) AS w;
SELECT bool_and(prio_total_final(grown) = (SELECT combined(state) FROM stored WHERE part <= w.part)) AS grown
FROM (SELECT part, merge_state(prio_total_final(state)) OVER (ORDER BY part) AS grown FROM stored) AS w;

-- In groups, by sorting, by hashing and by several sets at once.
SET enable_hashagg = off;
SELECT bool_and(total = prio_total_final(state)) FROM stored JOIN (SELECT part, prio_total_share(a, share_a) AS total FROM packet GROUP BY part) AS s USING (part);
RESET enable_hashagg;
SET enable_sort = off;
SELECT bool_and(total = prio_total_final(state)) FROM stored JOIN (SELECT part, prio_total_share(a, share_a) AS total FROM packet GROUP BY part) AS s USING (part);
RESET enable_sort;
SELECT count(*), bool_and(s.total = coalesce(prio_total_final(stored.state), total.a))
FROM total, (SELECT part, prio_total_share(a, share_a ORDER BY id DESC) AS total FROM packet GROUP BY GROUPING SETS ((), (part))) AS s LEFT JOIN stored USING (part);

-- An aggregate that begins with a state of its own, not always one. Each group begins anew.
SELECT format('CREATE AGGREGATE from_state(bytea) (SFUNC = prio_merge_accum, STYPE = bytea, FINALFUNC = prio_total_final, INITCOND = %L)', merged::text) AS from_state,
	format('CREATE AGGREGATE from_half(bytea) (SFUNC = prio_merge_accum, STYPE = bytea, FINALFUNC = prio_total_final, INITCOND = %L)', substr(merged, 1, 40)::text) AS from_half
FROM (SELECT merge_state(prio_total_final(state)) AS merged FROM stored) AS s \gset
:from_state;
:from_half;
CREATE AGGREGATE from_nothing(bytea) (SFUNC = prio_merge_accum, STYPE = bytea, FINALFUNC = prio_total_final, INITCOND = '');
CREATE AGGREGATE combined_from_nothing(bytea) (SFUNC = prio_total_combine, STYPE = bytea, FINALFUNC = prio_total_final, INITCOND = '\x00');
CREATE AGGREGATE damaging(bytea) (SFUNC = byteacat, STYPE = bytea, FINALFUNC = prio_total_final);
CREATE VIEW from_state AS
SELECT part, from_state(prio_total_final(state)) = (SELECT prio_merge(t) FROM (VALUES (a), (prio_total_final(state))) AS v (t)) AS right_sum
FROM stored, total GROUP BY part, state, a;
SELECT part, right_sum FROM from_state ORDER BY part;
SELECT part, right_sum FROM from_state ORDER BY part;
SELECT bool_and(m = (SELECT prio_merge(t) FROM (SELECT a FROM total UNION ALL SELECT prio_total_final(state) FROM stored WHERE part <= w.part) AS v (t)))
FROM (SELECT part, from_state(prio_total_final(state)) OVER (ORDER BY part) AS m FROM stored) AS w;
SELECT from_half(a) FROM total;
SELECT from_nothing(a) FROM total;
SELECT from_nothing(NULL);
SELECT from_nothing(a) OVER () FROM total;
SELECT combined_from_nothing(state) FROM stored;
SELECT damaging(state) FROM stored;
SELECT damaging(state) = prio_total_final(state) AS of_one FROM stored WHERE part = 1 GROUP BY state;

-- Bytes of anybody's, in every place: what becomes of them. What comes out is a total share.
CREATE TABLE place (place text, call text);
INSERT INTO place VALUES
	('final', 'prio_total_final($1)'),
	('share', 'prio_total_final(prio_total_share_accum($1, p.a, p.share_a))'),
	('share, NULL', 'prio_total_final(prio_total_share_accum($1, NULL, NULL))'),
	('merge', 'prio_total_final(prio_merge_accum($1, t.a))'),
	('merge, NULL', 'prio_total_final(prio_merge_accum($1, NULL))'),
	('combine', 'prio_total_final(prio_total_combine($1, s.state))'),
	('combine, NULL', 'prio_total_final(prio_total_combine($1, NULL))'),
	('combine, second', 'prio_total_final(prio_total_combine(s.state, $1))'),
	('combine, alone', 'prio_total_final(prio_total_combine(NULL, $1))'),
	('combined', '(SELECT combined(x) FROM (VALUES ($1), (s.state), ($1)) AS v (x))');
CREATE FUNCTION outcome(call text, state bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result bytea;
	kept bytea := state || '';
BEGIN
	EXECUTE format('SELECT %s FROM packet AS p, total AS t, stored AS s WHERE p.id = 1 AND s.part = 1', call) INTO result USING state;
	ASSERT state = kept AND octet_length(prio_merge(result)) BETWEEN 2 + 2 * 5 AND 2 + 12 * 5;
	RETURN 'a total';
EXCEPTION WHEN OTHERS THEN
	ASSERT state = kept;
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION change_byte(bytes bytea, place int, change int) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT set_byte(bytes, place, get_byte(bytes, place) # change) $$;
CREATE VIEW whole AS SELECT prio_total_combine(one.state, two.state) AS state FROM stored AS one, stored AS two WHERE one.part = 0 AND two.part = 2;

SELECT place, outcome(call, state) FROM place, whole ORDER BY place;
-- All lengths but the right one.
SELECT outcome(call, substr(state || state, 1, length)) AS outcome, count(*), count(DISTINCT place) AS places
FROM whole, place, generate_series(0, octet_length(state) + 16) AS length WHERE length <> octet_length(state) GROUP BY outcome;
-- Another bit in the head: version, role, number of entries, number of shares, digest of the batch.
SELECT v.field, outcome(call, change_byte(state, byte, 1 << bit)) AS outcome, string_agg(DISTINCT place, '; ') AS places
FROM whole, place, (VALUES (1, 'version', 0, 1), (2, 'role', 2, 3), (3, 'n', 4, 7), (4, 'pending', 8, 11), (5, 'digest', 12, 27)) AS v (i, field, first, last),
	generate_series(first, last) AS byte, generate_series(0, CASE field WHEN 'digest' THEN 0 ELSE 7 END) AS bit
GROUP BY i, field, outcome ORDER BY i, outcome;
-- Any sums are sums.
SELECT outcome(call, change_byte(state, byte, change)) AS outcome, count(*)
FROM whole, place, generate_series(28, octet_length(state) - 1) AS byte, unnest(ARRAY[128, 255]) AS change WHERE change = 255 OR byte % 8 IN (3, 4) GROUP BY outcome;
SELECT place, outcome(call, substr(state, 1, 28) || decode(repeat('ff', 80), 'hex')) FROM place, whole ORDER BY place;
-- Noise of all lengths, and what is longer than any state.
SELECT count(*) FILTER (WHERE outcome ~ '^(0A000|22P03) state of an aggregate is ') = count(*) AS refused
FROM (SELECT outcome(call, decode(repeat(md5(length::text || place), 1 + length / 16), 'hex')) FROM place, generate_series(1, 300, 7) AS length OFFSET 0) AS s;
SELECT outcome, count(*) FROM (SELECT outcome(call, decode(repeat('01000000', 1200000), 'hex')) FROM place OFFSET 0) AS s GROUP BY outcome;
-- States that do not go together.
SELECT prio_total_combine(state, state_b) FROM stored;
SELECT prio_total_share_accum(state, b, NULL) FROM stored, packet;
SELECT prio_merge_accum(state, b) FROM stored, total;
SELECT prio_merge_accum(state, prio_total_share_uint(a, 5)) FROM stored, total;
SELECT prio_total_share_accum(prio_merge_accum(NULL, total.a), packet.a, share_a) FROM total, packet;
SELECT prio_total_combine(state, prio_merge_accum(NULL, a)) FROM stored, total;
SELECT prio_total_combine(prio_merge_accum(NULL, a), prio_merge_accum(NULL, prio_total_share_uint(a, 5))) FROM total;

-- However they are stored: compressed, out of line, or where sums are not aligned.
SELECT ('\x00dc0bb8' || repeat('a100', 3000))::bytea AS zeros \gset
CREATE TABLE kept (id int, state bytea);
INSERT INTO kept SELECT 1, merge_state(:'zeros');
ALTER TABLE kept ALTER state SET STORAGE EXTERNAL;
INSERT INTO kept SELECT 2, merge_state(:'zeros');
SELECT id, octet_length(state), pg_column_size(state) < 1000 AS compressed FROM kept ORDER BY id;
SELECT id, prio_total_final(state) = :'zeros' AS final, prio_total_final(prio_merge_accum(state, :'zeros')) = :'zeros' AS merge,
	prio_total_final(prio_total_combine(state, state)) = :'zeros' AS combine FROM kept ORDER BY id;
SELECT combined(state) = :'zeros' AS combined FROM kept;
-- A strict function gets its first row for a state, as it was stored.
SELECT format('CREATE FUNCTION strict_combine(bytea, bytea) RETURNS bytea AS %L, %L LANGUAGE C STRICT', probin, prosrc) AS strict_combine
FROM pg_proc WHERE proname = 'prio_total_combine' \gset
:strict_combine;
CREATE AGGREGATE combined_from_first(bytea) (SFUNC = strict_combine, STYPE = bytea, FINALFUNC = prio_total_final);
SELECT combined_from_first(state ORDER BY id) = :'zeros' AS compressed_first, combined_from_first(state ORDER BY id DESC) = :'zeros' AS external_first FROM kept;
SELECT combined_from_first(state) = a AS short_first FROM stored, total GROUP BY a;
SELECT count(*) FROM stored, total WHERE prio_total_final(state) = a;
SELECT bool_and(prio_total_final(elements[2]) = prio_total_final(state)) AS final, bool_and(prio_total_combine(elements[2], NULL) = state) AS combine,
	bool_and(prio_total_final(prio_total_combine(elements[2], elements[4])) = prio_total_final(prio_total_combine(state, state))) AS combine_two
FROM (SELECT state, ARRAY['\x', state, '\x00', state] AS elements FROM stored UNION ALL SELECT state, ARRAY['\x', state, '\x00', state] FROM kept) AS s;
SELECT combined(state) = a AS combined FROM total, (SELECT unnest(ARRAY['\x', state]) AS state FROM stored) AS s WHERE state <> '' GROUP BY a;

DROP TABLE packet, total, stored, place, kept, keys CASCADE;
DROP AGGREGATE state(prio_verifier, bytea), damaging(bytea), combined_from_first(bytea);
DROP FUNCTION valid, outcome, change_byte, strict_combine;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
