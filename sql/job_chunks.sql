-- What prio_processor does with a chunk of shares, next to what the functions of prio do with each of them.
\set ECHO none
\i test/own_servers.sql
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS prio_processor;
RESET client_min_messages;
CREATE SCHEMA job_chunks;
SET search_path = job_chunks, public;
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE query;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(': ', SQLSTATE, SQLERRM, nullif(detail, ''));
END $$;

-- Servers of the other variant of the generator, with the same keys.
CREATE SERVER c FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a', prg 'seed');
CREATE SERVER d FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key :'public_b', prg 'seed');
CREATE USER MAPPING FOR PUBLIC SERVER c OPTIONS (private_key :'private_a', shared_secret :'secret');
CREATE USER MAPPING FOR PUBLIC SERVER d OPTIONS (private_key :'private_b', shared_secret :'secret');

-- A batch of 12 data fields for each pair of servers, and one with ordinals. Ids are in no order.
CREATE TABLE pair (name text PRIMARY KEY, a text, b text, prg text, ordinals boolean);
INSERT INTO pair VALUES ('batch', 'a', 'b', 'batch', false), ('seed', 'c', 'd', 'seed', false), ('ordinals', 'a', 'b', 'batch', true);
CREATE TABLE share (name text, number int, share_id uuid, ordinal bigint, header bytea, a bytea, b bytea, what text);
INSERT INTO share
SELECT name, i, md5(i::text)::uuid, CASE WHEN ordinals THEN i % 7 END, NULL, share_a, share_b, 'honest'
FROM keys, pair, generate_series(1, 60) AS i, LATERAL (SELECT * FROM prio_encode(keys.a, keys.b, 'chunk', (i::bit(12))::varbit, prg)) AS e;
-- Both halves open, and are not of one packet.
INSERT INTO share
SELECT x.name, 100 + x.number, md5((100 + x.number)::text)::uuid, x.ordinal, NULL, x.a, y.b, 'forged'
FROM share AS x JOIN share AS y ON x.name = y.name AND x.number = y.number - 7 AND x.number <= 5;
-- What opens on no side, or on one.
INSERT INTO share (name, number, share_id, header, a, b, what)
SELECT name, 200 + row_number() OVER (PARTITION BY name), CASE WHEN bad.id THEN md5((200 + bad.number)::text)::uuid END, bad.header,
	bad.a, bad.b, bad.what
FROM share, LATERAL (VALUES
	(1, true, NULL::bytea, substr(a, 1, length(a) - 1), b, 'A cut'),
	(2, true, NULL, a, b || '\x00', 'B longer'),
	(3, true, NULL, '', '', 'empty'),
	(4, true, NULL, NULL, NULL, 'NULL'),
	(5, false, NULL, a, b, 'no id'),
	(6, true, '', a, b, 'with a header'),
	(7, true, NULL, b, a, 'of the other server'),
	(8, true, NULL, decode(repeat('00', 1000000), 'hex'), decode(repeat('00', 1000000), 'hex'), 'too long'),
	(9, true, NULL, set_byte(a, 50, get_byte(a, 50) # 1), b, 'A changed')) AS bad (number, id, header, a, b, what)
WHERE share.number = 1;
INSERT INTO share (name, number, share_id, a, b, what)
SELECT name, base + i, md5((base + i)::text)::uuid, share_a, share_b, what
FROM keys, pair, generate_series(1, 12) AS i,
	LATERAL (SELECT *, 300 AS base, 'another batch' AS what FROM prio_encode(keys.a, keys.b, 'other', '111111111111'::varbit, prg)
		UNION ALL SELECT *, 400, 'another length' FROM prio_encode(keys.a, keys.b, 'chunk', '11111111111111'::varbit, prg)) AS e;

-- Three chunks of each batch, opened on both sides, and next to it what prio says of each share.
CREATE TABLE opened AS
SELECT name, chunk, prio_internal.open_shares(s.a, 'chunk', 12, NULL, share_id, ordinal, header, share.a, place) AS a,
	prio_internal.open_shares(s.b, 'chunk', 12, NULL, share_id, ordinal, header, share.b, place) AS b
FROM (SELECT *, ctid AS place, number % 3 AS chunk FROM share) AS share JOIN pair AS s USING (name) GROUP BY name, chunk;
CREATE TABLE verified AS
SELECT name, number, share_id, coalesce(ordinal, 0) AS ordinal, s.ctid AS place, s.a, s.b,
	prio_verifier(pair.a, 'chunk', 12, s.a, coalesce(ordinal, 0)) AS verifier_a,
	prio_verifier(pair.b, 'chunk', 12, s.b, coalesce(ordinal, 0)) AS verifier_b
FROM share AS s JOIN pair USING (name) WHERE share_id IS NOT NULL AND header IS NULL;
CREATE VIEW side AS SELECT name, chunk, 'A' AS role, a AS opened FROM opened UNION ALL SELECT name, chunk, 'B', b FROM opened;
CREATE VIEW row_of_side AS SELECT name, role, r.* FROM side, prio_internal.opened_rows(opened) AS r;
CREATE VIEW verified_of_side AS
SELECT name, number, 'A' AS role, share_id, ordinal, place, a AS payload, verifier_a AS verifier FROM verified WHERE verifier_a IS NOT NULL
UNION ALL SELECT name, number, 'B', share_id, ordinal, place, b, verifier_b FROM verified WHERE verifier_b IS NOT NULL;

SELECT name, sum(prio_internal.opened_count(a)) AS a, sum(prio_internal.opened_count(b)) AS b FROM opened GROUP BY name ORDER BY name;
SELECT name, role, count(*) FROM verified_of_side GROUP BY name, role ORDER BY name, role;

-- Why the others did not, for the reasons that prio gives; of ids no more than ten.
SELECT name, role, reason, sum(shares) AS shares, sum(cardinality(ids)) AS ids
FROM side, prio_internal.opened_rejections(opened) GROUP BY name, role, reason ORDER BY name, role, reason;
SELECT count(*) AS ids, count(*) FILTER (WHERE CASE role WHEN 'A' THEN prio_share_error(p.a, 'chunk', 12, s.a)
	ELSE prio_share_error(p.b, 'chunk', 12, s.b) END = reason) AS reasons_of_prio
FROM side JOIN pair AS p USING (name), prio_internal.opened_rejections(opened) AS r, unnest(r.ids) AS id
	JOIN share AS s ON s.share_id = id WHERE s.name = side.name AND s.header IS NULL AND s.a IS NOT NULL;
SELECT reason, shares, cardinality(ids), ids[1] = md5('1')::uuid AS first, ids[10] = md5('10')::uuid AS last
FROM prio_internal.opened_rejections((SELECT prio_internal.open_shares('a', 'chunk', 12, NULL, md5(i::text)::uuid, NULL, NULL, '', '(0,1)')
	FROM generate_series(1, 25) AS i)) AS r;

-- The total is that of prio_total_share(), for a chunk and over all of them.
SELECT name, role, bool_and(prio_internal.opened_total(opened) = (SELECT prio_total_share(verifier, payload)
	FROM verified_of_side AS v WHERE v.name = side.name AND v.role = side.role AND v.number % 3 = side.chunk)) AS total,
	prio_merge(prio_internal.opened_total(opened)) = (SELECT prio_total_share(verifier, payload)
	FROM verified_of_side AS v WHERE v.name = side.name AND v.role = side.role) AS merged
FROM side GROUP BY name, role ORDER BY name, role;

-- Each row: where it is, what it opened to, what is the same in every copy of the packet.
SELECT role, count(*), count(DISTINCT (name, r.share_id)) AS ids, bool_and(r.place = v.place) AS place, bool_and(length(record) = 144) AS length,
	bool_and(substr(record, 33, 112) = substr(prio_verifier_send(verifier), 1, 112)) AS verifier,
	bool_and(substr(record, 1, 8) = set_byte('\x0000000000000000', 0, ordinal::int)) AS ordinal,
	bool_and(substr(record, 17, 16) = uuid_send(content)) AS content_in_record,
	bool_and(uuid_send(content) = substr(sha256('\x01' || uuid_send(r.share_id) || set_byte('\x0000000000000000', 0, ordinal::int)
		|| substr(prio_verifier_send(verifier), 1, 112) || substr(payload, 1, 44)), 1, 16)) AS content,
	bool_and(uuid_send(replay) = substr(sha256('\x02' || substr(payload, 1, 32)), 1, 16)) AS replay
FROM row_of_side AS r JOIN verified_of_side AS v USING (name, role, share_id) GROUP BY role ORDER BY role;
-- Opened another time, in another order: the same rows.
SELECT count(*) FROM (
	SELECT share_id, content, replay, record FROM row_of_side WHERE name = 'ordinals' AND role = 'B'
	EXCEPT SELECT share_id, content, replay, record FROM prio_internal.opened_rows((
		SELECT prio_internal.open_shares('b', 'chunk', 12, NULL, share_id, ordinal, header, b, ctid ORDER BY number DESC) FROM share WHERE name = 'ordinals'))) AS s;

-- Of nothing at all there is an empty value, of nothing that opens one with reasons.
CREATE TABLE empty AS
SELECT 'no rows' AS what, prio_internal.open_shares('a', 'chunk', 12, NULL, share_id, ordinal, header, a, ctid) AS opened FROM share WHERE false
UNION ALL SELECT 'none opens', prio_internal.open_shares('a', 'chunk', 12, NULL, share_id, ordinal, header, '', ctid) FROM share WHERE number < 5;
SELECT what, prio_internal.opened_count(opened), prio_internal.opened_total(opened),
	(SELECT count(*) FROM prio_internal.opened_rows(opened)) AS rows, (SELECT sum(shares) FROM prio_internal.opened_rejections(opened)) AS rejected
FROM empty ORDER BY what;

-- What the caller gets wrong is an error.
SELECT error_of(format('SELECT prio_internal.open_shares(%s, NULL, share_id, ordinal, header, a, ctid) FROM share WHERE number = 1', arguments))
FROM unnest(ARRAY['NULL, ''chunk'', 12', '''a'', NULL, 12', '''a'', ''chunk'', NULL', '''nobody'', ''chunk'', 12', '''a'', '''', 12', '''a'', ''chunk'', 0',
	'''a'', ''chunk'', 12 + number % 2 + (name = ''seed'')::int', 'lower(CASE name WHEN ''seed'' THEN ''B'' ELSE ''A'' END), ''chunk'', 12']) AS arguments;
SELECT error_of('SELECT prio_internal.open_shares(''a'', ''chunk'', 12, NULL, share_id, -1, header, a, ctid) FROM share WHERE number = 1');
SELECT error_of('SELECT prio_internal.open_shares(''a'', ''chunk'', 12, NULL, share_id, 0, header, a, NULL) FROM share WHERE number = 1');

-- Shares of a table, some blocks at a time, are what its rows are, without those that cannot be seen. Reading them
-- writes nothing into the blocks, not even that it has seen them.
CREATE TABLE block (LIKE prio_processor.share) WITH (autovacuum_enabled = false);
CREATE FUNCTION by_blocks(first bigint, behind bigint, ordinals boolean DEFAULT true) RETURNS bytea LANGUAGE sql
	RETURN prio_internal.open_blocks('job_chunks.block', first, behind, 'a', 'chunk', 12, NULL, ordinals, true);
CREATE FUNCTION by_rows(first bigint, behind bigint, ordinals boolean DEFAULT true) RETURNS bytea LANGUAGE sql
	RETURN (SELECT prio_internal.open_shares('a', 'chunk', 12, NULL, share_id, CASE WHEN ordinals THEN ordinal END, header, payload, ctid)
		FROM job_chunks.block WHERE ctid >= format('(%s,0)', first)::tid AND ctid < format('(%s,0)', behind)::tid);
INSERT INTO block (batch_id, share_id, ordinal, header, payload) SELECT 'chunk', share_id, ordinal, header, a FROM share WHERE name = 'ordinals' AND number < 40;
BEGIN;
INSERT INTO block (batch_id, share_id, ordinal, payload) SELECT 'chunk', share_id, ordinal, a FROM share WHERE name = 'ordinals' AND number BETWEEN 40 AND 45;
ROLLBACK;
INSERT INTO block (batch_id, share_id, ordinal, header, payload) SELECT 'chunk', share_id, ordinal, header, a FROM share WHERE name = 'ordinals' AND number > 45;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pageinspect;
RESET client_min_messages;
-- HEAP_XMIN_COMMITTED and HEAP_XMIN_INVALID
CREATE VIEW looked_up AS SELECT count(*) FILTER (WHERE t_infomask & 768 <> 0) > 0 AS looked_up
FROM generate_series(0, pg_relation_size('block') / current_setting('block_size')::int - 1) AS b, heap_page_items(get_raw_page('block', b::int));
CREATE TABLE by_block AS SELECT ordinals, by_blocks(0, 1000, ordinals) AS opened FROM unnest('{true,false}'::boolean[]) AS ordinals;
SELECT * FROM looked_up;
SELECT ordinals, prio_internal.opened_count(opened), opened = by_rows(0, 1000, ordinals) AS same FROM by_block ORDER BY ordinals;
SELECT * FROM looked_up;
-- What is deleted, and what a transaction has written itself.
BEGIN;
DELETE FROM block WHERE ordinal = 3;
INSERT INTO block (batch_id, share_id, ordinal, payload) SELECT 'chunk', share_id, ordinal, a FROM share WHERE name = 'ordinals' AND number BETWEEN 40 AND 45;
SELECT prio_internal.opened_count(by_blocks(0, 1000)), by_blocks(0, 1000) = by_rows(0, 1000) AS same;
SAVEPOINT here;
INSERT INTO block (batch_id, share_id, payload) SELECT 'chunk', share_id, a FROM share WHERE name = 'batch' AND number < 5;
SELECT prio_internal.opened_count(by_blocks(0, 1000)), by_blocks(0, 1000) = by_rows(0, 1000) AS same;
ROLLBACK TO here;
SELECT prio_internal.opened_count(by_blocks(0, 1000)), by_blocks(0, 1000) = by_rows(0, 1000) AS same;
COMMIT;
SELECT prio_internal.opened_count(by_blocks(0, 1000)), by_blocks(0, 1000) = by_rows(0, 1000) AS same;
VACUUM (FREEZE) block;
SELECT prio_internal.opened_count(by_blocks(0, 1000)), by_blocks(0, 1000) = by_rows(0, 1000) AS same;
-- Each row is in one of the blocks.
SELECT sum(prio_internal.opened_count(by_blocks(b, b + 1))), bool_and(by_blocks(b, b + 1) = by_rows(b, b + 1)) AS same FROM generate_series(0, 20) AS b;
SELECT prio_internal.opened_count(by_blocks(first, behind)) FROM (VALUES (-5, 0), (3, 3), (4, 2), (1000, 2000), (4294967296, 4294967299)) AS r (first, behind);
SELECT by_blocks(0, 0) = (SELECT opened FROM empty WHERE what = 'no rows') AS empty_value;
SELECT error_of(query) FROM unnest(ARRAY['SELECT by_blocks(NULL, 1)', 'SELECT by_blocks(0, NULL)', 'SELECT prio_internal.open_blocks(NULL, 0, 1, ''a'', ''chunk'', 12, NULL, false, true)',
	'SELECT prio_internal.open_blocks(''share'', 0, 1, ''a'', ''chunk'', 12, NULL, false, true)', 'SELECT prio_internal.open_blocks(''block'', 0, 1, NULL, ''chunk'', 12, NULL, false, true)',
	'SELECT prio_internal.open_blocks(''looked_up'', 0, 1, ''a'', ''chunk'', 12, NULL, false, true)', 'SELECT prio_internal.open_blocks(''prio_processor.share'', 0, 1, ''a'', ''chunk'', 12, NULL, false, true)']) AS query;
-- A row that says that it is in a file, which only those can who load files.
INSERT INTO block (batch_id, share_id, file, position, bytes) VALUES ('chunk', md5('file')::uuid, 2147483647, 100, 10);
SELECT error_of('SELECT by_blocks(0, 1000)');
SELECT r.reason, r.shares FROM prio_internal.opened_rejections(prio_internal.open_blocks('block', 0, 1000, 'a', 'chunk', 12, NULL, true, false)) AS r WHERE r.ids @> ARRAY[md5('file')::uuid];

-- Every hostile packet that there is a vector of.
\set content `cat test/vectors/invalid.json`
CREATE TABLE invalid AS SELECT :'content'::jsonb AS file;
DO $$
DECLARE
	f jsonb := (SELECT file FROM invalid);
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, public_key %L)',
			'invalid_' || role, upper(role), f->>('public_key_' || role));
		EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (private_key %L, shared_secret %L)',
			'invalid_' || role, f->>('private_key_' || role), f->>'shared_secret');
	END LOOP;
END $$;
CREATE TABLE hostile AS
SELECT md5(row::text)::uuid AS share_id, lower(c->>'role') AS role, decode(c->>'share', 'hex') AS share
FROM invalid, jsonb_array_elements(file->'cases') WITH ORDINALITY AS s (c, row) WHERE c ? 'share'
UNION ALL SELECT md5(role)::uuid, role, decode(file->'honest'->>role, 'hex') FROM invalid, unnest(ARRAY['a', 'b']) AS role;
CREATE TABLE hostile_opened AS SELECT role, prio_internal.open_shares('invalid_' || role, 'invalid', 13, NULL, share_id, NULL, NULL, share, ctid) AS opened
FROM hostile GROUP BY role;
SELECT role, count(*) > 10 AS enough, prio_internal.opened_count(opened),
	prio_internal.opened_total(opened) = (SELECT prio_total_share(prio_verifier('invalid_' || h.role, 'invalid', 13, share), share)
		FROM hostile AS h WHERE share_id = md5(h.role)::uuid AND h.role = o.role) AS total_of_the_honest_one
FROM hostile_opened AS o JOIN hostile USING (role) GROUP BY role, opened ORDER BY role;
SELECT count(*) FROM (
	SELECT role, reason, shares FROM hostile_opened, prio_internal.opened_rejections(opened)
	EXCEPT SELECT role, prio_share_error('invalid_' || role, 'invalid', 13, share), count(*) FROM hostile GROUP BY 1, 2) AS s;

-- Lists: the chunks of a side as those of a batch of the job, in whose tables they have numbers that no batch has.
CREATE TABLE batch AS SELECT name, role, (-row_number() OVER (ORDER BY name, role))::int AS number FROM (SELECT DISTINCT name, role FROM side) AS s;
INSERT INTO prio_internal.opened (number, chunk, opened, shares) SELECT number, chunk, opened, prio_internal.opened_count(opened) FROM side JOIN batch USING (name, role);
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT b.number, b.role, m.* FROM batch AS b, prio_internal.merged_list(b.number, 20) AS m;
CREATE TABLE list AS
SELECT b.name, b.role, b.number, string_agg(l.entries, '' ORDER BY l.piece) AS entries, array_agg(octet_length(l.entries) / 48 ORDER BY l.piece) AS pieces
FROM batch AS b JOIN prio_internal.list AS l USING (number) GROUP BY b.name, b.role, b.number;
SELECT name, role, pieces FROM list ORDER BY name, role;
SELECT bool_and(entries = (SELECT string_agg(uuid_send(share_id) || uuid_send(content) || uuid_send(replay), '' ORDER BY share_id) FROM row_of_side AS r
	WHERE r.name = list.name AND r.role = list.role)) AS sorted,
	bool_and(entries = (SELECT m.entries FROM prio_internal.merged_list(number, 1000) AS m)) AS pieces_do_not_matter,
	bool_and(entries = (SELECT string_agg(uuid_send(share_id) || uuid_send(content) || uuid_send(replay), '') FROM prio_internal.list_entries(entries))) AS apart_and_together,
	bool_and(prio_internal.list_ids(entries) = (SELECT prio_internal.pack_ids(share_id) FROM prio_internal.list_entries(entries))) AS ids,
	bool_and(prio_internal.last_id(prio_internal.list_ids(entries)) = (SELECT share_id FROM prio_internal.list_entries(entries) ORDER BY share_id DESC LIMIT 1)) AS last,
	bool_and(prio_internal.distinct_packets(number, role) = (SELECT count(DISTINCT replay) FROM prio_internal.list_entries(entries))) AS packets
FROM list;
SELECT count(*) FROM prio_internal.merged_list(-99, 20) UNION ALL SELECT prio_internal.distinct_packets(-99, 'A');
-- A share that is there twice is one; an id with several shares is left out; one packet under two ids is one packet.
INSERT INTO prio_internal.opened (number, chunk, opened, shares)
SELECT -50, 10 * again + chunk, opened, 1 FROM side, generate_series(0, 1) AS again WHERE name = 'batch' AND role = 'A'
UNION ALL
SELECT -50, 20, prio_internal.open_shares('a', 'chunk', 12, NULL, CASE number WHEN 7 THEN md5('9') ELSE md5('again') END::uuid, NULL, NULL, a, ctid), 1
FROM share WHERE name = 'batch' AND number IN (7, 11);
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT -50, 'A', m.* FROM prio_internal.merged_list(-50, 1000) AS m;
SELECT (SELECT array_agg(share_id) FROM (SELECT share_id FROM prio_internal.list_entries(l.entries) EXCEPT SELECT share_id FROM prio_internal.list_entries(x.entries)) AS s) = ARRAY[md5('9')::uuid] AS left_out,
	(SELECT array_agg(share_id) FROM (SELECT share_id FROM prio_internal.list_entries(x.entries) EXCEPT SELECT share_id FROM prio_internal.list_entries(l.entries)) AS s) = ARRAY[md5('again')::uuid] AS more,
	octet_length(x.entries) / 48 - prio_internal.distinct_packets(-50, 'A') AS copies, prio_internal.distinct_packets(l.number, 'A') - octet_length(l.entries) / 48 AS before
FROM list AS l, prio_internal.list AS x WHERE l.name = 'batch' AND l.role = 'A' AND x.number = -50;
-- Packets whose digests begin alike are not the same, if they end otherwise.
INSERT INTO prio_internal.list (number, role, piece, entries)
SELECT -70 - k, 'A', 0, string_agg(decode(repeat(md5(i::text), 2) || digest, 'hex'), '')
FROM (VALUES (0, ARRAY[repeat('1', 32), repeat('1', 31) || '2', repeat('f', 32), repeat('0', 32)]), (1, ARRAY[repeat('1', 32), repeat('1', 31) || '2', repeat('1', 32), repeat('f', 32), repeat('f', 32)])) AS v (k, digests),
	unnest(digests) WITH ORDINALITY AS d (digest, i) GROUP BY k;
SELECT prio_internal.distinct_packets(-70, 'A') AS alike, prio_internal.distinct_packets(-71, 'A') AS twice;
SELECT prio_internal.pack_ids(share_id) IS NULL AS no_ids FROM row_of_side WHERE false;
SELECT array_agg(id) FROM prio_internal.ids((SELECT prio_internal.pack_ids(repeat(i::text, 32)::uuid) FROM unnest(ARRAY[5, 1, 4, 1, 9]) AS i)) AS id;
SELECT count(*) FROM prio_internal.ids('') UNION ALL SELECT count(*) FROM prio_internal.list_entries('');
SELECT prio_internal.last_id('') IS NULL AS none;
SELECT ids, after, prio_internal.ids_ascend(decode(ids, 'hex'), repeat(after, 32)::uuid)
FROM (VALUES (repeat('1', 32) || repeat('2', 32), NULL), (repeat('1', 32) || repeat('2', 32), '0'), (repeat('1', 32) || repeat('2', 32), '1'),
	(repeat('2', 32) || repeat('1', 32), NULL), (repeat('1', 64), NULL), ('', NULL), (repeat('1', 32) || '22', NULL), (repeat('f', 32), 'e'),
	(repeat('0', 32), NULL), (repeat('0', 32), '0'), (NULL, NULL)) AS v (ids, after);
SELECT error_of(query) FROM unnest(ARRAY['SELECT prio_internal.merged_list(-1, 0)', 'SELECT prio_internal.distinct_packets(-1, ''C'')', 'SELECT prio_internal.pack_ids(share_id) FROM share',
	'SELECT prio_internal.list_entries(''\x00'')', 'SELECT prio_internal.list_ids(decode(repeat(''00'', 47), ''hex''))', 'SELECT prio_internal.ids(''\x00'')',
	'SELECT prio_internal.last_id(decode(repeat(''00'', 17), ''hex''))']) AS query;

-- What fill_work() stores, and the ids of records, which are sorted.
CREATE FUNCTION records_of(batch int, role text, checkpoints boolean, chunk_shares int) RETURNS TABLE (chunk int, records bytea, ids_digest bytea) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM prio_internal.work WHERE number = batch;
	CREATE TEMP TABLE filled AS SELECT * FROM prio_internal.fill_work(batch, role, checkpoints, chunk_shares);
	RETURN QUERY SELECT w.chunk, w.records, f.ids_digest FROM prio_internal.work AS w JOIN filled AS f USING (chunk) WHERE w.number = batch ORDER BY w.chunk;
	DROP TABLE filled;
END $$;
CREATE FUNCTION records_ids(records bytea) RETURNS bytea LANGUAGE sql
	RETURN (SELECT prio_internal.pack_ids(v.share_id) FROM prio_internal.valid_places(records, decode(repeat('00', prio_internal.records_count(records)), 'hex')) AS v);
-- Both sides' records of what both have, in two chunks. What the other side listed is ids alone.
INSERT INTO prio_internal.list (number, role, piece, entries)
SELECT x.number, y.role, l.piece, prio_internal.list_ids(l.entries)
FROM batch AS x JOIN batch AS y USING (name) JOIN prio_internal.list AS l ON l.number = y.number WHERE x.role <> y.role AND l.role = y.role;
CREATE TABLE agreed AS
SELECT name, share_id, x.record AS a, y.record AS b, x.replay, x.place
FROM (SELECT * FROM row_of_side WHERE role = 'A') AS x JOIN (SELECT * FROM row_of_side WHERE role = 'B') AS y USING (name, share_id);
CREATE TABLE records AS
SELECT x.name, m.chunk, a.records AS a, b.records AS b, m.ids, m.shares AS count
FROM batch AS x JOIN batch AS y USING (name), LATERAL prio_internal.merged_agreed(x.number, 'A', true, 35, '', '') AS m,
	LATERAL records_of(x.number, 'A', true, 35) AS a, LATERAL records_of(y.number, 'B', true, 35) AS b
WHERE x.role = 'A' AND y.role = 'B' AND a.chunk = m.chunk AND b.chunk = m.chunk AND sha256(m.ids) = ALL (ARRAY[a.ids_digest, b.ids_digest]);
SELECT bool_and(ids = (SELECT prio_internal.pack_ids(share_id) FROM agreed WHERE agreed.name = r.name)) AS ids_of_both
FROM (SELECT name, string_agg(ids, '' ORDER BY chunk) AS ids FROM records GROUP BY name) AS r;
SELECT bool_and((m.shares, m.copies_here, m.replays_here, m.ids, m.kept, m.left_out IS NULL) = (r.count, 0, 0, r.ids, r.ids, true)) AS alike,
	bool_and(m.digests = (SELECT prio_internal.pack_ids(replay) FROM prio_internal.ids(m.ids) AS i JOIN agreed ON share_id = i WHERE agreed.name = r.name)) AS digests
FROM records AS r JOIN batch USING (name), LATERAL prio_internal.merged_agreed(number, 'A', true, 35, '', '') AS m WHERE role = 'A' AND m.chunk = r.chunk;
-- Copies and replays are left out; what is both is a copy. Ids that are not agreed do not matter.
SELECT m.chunk, m.shares, m.copies_here, m.replays_here, m.left_out, octet_length(m.digests) / 16 AS digests,
	m.kept = (SELECT prio_internal.pack_ids(x) FROM prio_internal.ids(m.ids) AS x WHERE m.chunk > 0 OR x <> ALL (ARRAY[i.ids[1], i.ids[3], i.ids[10]])) AS kept
FROM batch JOIN records AS r USING (name), LATERAL (SELECT array_agg(x) AS ids FROM prio_internal.ids(r.ids) AS x) AS i,
	LATERAL prio_internal.merged_agreed(number, role, true, 35, (SELECT prio_internal.pack_ids(x) FROM unnest(ARRAY[i.ids[1], i.ids[3], repeat('0', 32)::uuid, repeat('f', 32)::uuid]) AS x),
		(SELECT prio_internal.pack_ids(x) FROM unnest(ARRAY[i.ids[3], i.ids[10]]) AS x)) AS m
WHERE name = 'batch' AND role = 'A' AND r.chunk = 0 ORDER BY m.chunk;
SELECT m.chunk, m.shares = m.copies_here AS all_left_out, m.replays_here, m.kept, m.digests
FROM batch, LATERAL prio_internal.merged_agreed(number, role, true, 1000, (SELECT prio_internal.pack_ids(share_id) FROM agreed), '') AS m WHERE name = 'batch' AND role = 'A';
-- A partner that exchanges files has no list: all of ours is agreed.
SELECT name, role, (SELECT sum(shares) FROM prio_internal.merged_agreed(number, role, false, 10, '', '')) = octet_length(entries) / 48 AS all_ids,
	(SELECT sum(prio_internal.records_count(records)) FROM records_of(number, role, false, 10)) = octet_length(entries) / 48 AS all_records
FROM list ORDER BY name, role;
-- One record of a share that is there twice, and none of one that opens to something else than it did.
SELECT records_ids(m.records) = prio_internal.list_ids(l.entries) AS once_each FROM prio_internal.list AS l, records_of(-50, 'A', false, 1000) AS m WHERE l.number = -50;
-- Values that are read in parts, nine at a time, say the same.
CREATE TABLE whole AS SELECT prio_internal.open_shares('a', 'chunk', 12, NULL, md5(i::text)::uuid, NULL, NULL, a, ctid) AS opened FROM share, generate_series(1, 120) AS i WHERE name = 'batch' AND number = 1;
INSERT INTO prio_internal.opened (number, chunk, opened, shares) SELECT -52, i, opened, 120 FROM whole, generate_series(1, 9) AS i;
SET work_mem = '64kB';
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT -52, 'A', m.* FROM prio_internal.merged_list(-52, 1000) AS m;
SELECT length(w.opened) > 2 * 8192 AS parts, l.entries = (SELECT string_agg(uuid_send(share_id) || uuid_send(content) || uuid_send(replay), '' ORDER BY share_id) FROM prio_internal.opened_rows(w.opened)) AS listed,
	records_ids(m.records) = prio_internal.list_ids(l.entries) AS once_each
FROM whole AS w, prio_internal.list AS l, records_of(-52, 'A', false, 1000) AS m WHERE l.number = -52;
RESET work_mem;
INSERT INTO prio_internal.opened (number, chunk, opened, shares)
SELECT -51, 0, prio_internal.open_shares('a', 'chunk', 12, NULL, s.share_id, NULL, NULL, CASE s.number WHEN 2 THEN x.a ELSE s.a END, s.ctid), 1
FROM share AS s, share AS x WHERE s.name = 'batch' AND s.number <= 4 AND x.name = 'batch' AND x.number = 3;
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT -51, role, piece, l.entries FROM prio_internal.list AS l JOIN batch USING (number, role) WHERE name = 'batch' AND role = 'A';
SELECT ARRAY(SELECT prio_internal.ids(records_ids(m.records))) = ARRAY(SELECT md5(i::text)::uuid AS id FROM unnest(ARRAY[1, 3, 4]) AS i ORDER BY id) AS but_one
FROM records_of(-51, 'A', false, 1000) AS m;
-- Of a value that is damaged nothing is stored, also where the other side's list ends before it does.
CREATE FUNCTION work_of_damaged(changed int, checkpoints boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE prio_internal.opened SET opened = (SELECT set_byte(w.opened, changed, 255 - get_byte(w.opened, changed)) FROM whole AS w) WHERE number = -52 AND chunk = 9;
	RETURN error_of(format('SELECT prio_internal.fill_work(-52, %L, %L, 1000)', 'A', checkpoints));
END $$;
DELETE FROM prio_internal.work WHERE number = -52;
DELETE FROM prio_internal.opened WHERE number = -52 AND chunk < 9;
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT number, 'B', piece, substr(prio_internal.list_ids(entries), 1, 16 * 60) FROM prio_internal.list WHERE number = -52;
SELECT checkpoints, work_of_damaged(i, checkpoints) AS error, count(*) FROM whole, generate_series(32, length(opened) - 1, 101) AS i, unnest('{f,t}'::boolean[]) AS checkpoints GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM prio_internal.fill_work(-99, 'A', true, 10) UNION ALL SELECT count(*) FROM prio_internal.merged_agreed(-99, 'A', true, 10, '', '');
-- Chunks of two batches, or of two servers, and what is damaged or no argument.
INSERT INTO prio_internal.opened (number, chunk, opened, shares)
SELECT v.number, row_number() OVER (), opened, 1 FROM (VALUES (-53, 'batch', 'A'), (-53, 'batch', 'B'), (-54, 'batch', 'A'), (-54, 'seed', 'A')) AS v (number, name, role) JOIN side USING (name, role);
INSERT INTO prio_internal.list (number, role, piece, entries) VALUES (-55, 'A', 0, '\x00');
SELECT error_of(query) FROM unnest(ARRAY['SELECT prio_internal.merged_list(-53, 10)', 'SELECT prio_internal.fill_work(-54, ''A'', true, 10)', 'SELECT prio_internal.distinct_packets(-55, ''A'')',
	'SELECT prio_internal.merged_agreed(-55, ''A'', false, 10, '''', '''')', 'SELECT prio_internal.merged_agreed(-1, ''A'', true, 10, ''\x00'', '''')', 'SELECT prio_internal.merged_agreed(-1, ''A'', true, 0, '''', '''')',
	'SELECT prio_internal.fill_work(-1, ''AB'', true, 10)']) AS query;
SELECT name, chunk, count, prio_internal.records_count(a) AS a, prio_internal.records_count(b) AS b,
	records_ids(a) = ids AS ids_of_a, records_ids(b) = ids AS ids_of_b
FROM records ORDER BY name, chunk;
-- Both rounds. Each side leaves something out: numbers 2 and 5 here, 5 and 8 there.
CREATE TABLE round1 AS
SELECT *, prio_internal.round1(a, '\x24') AS a1, prio_internal.round1(b, '\x2001') AS b1 FROM records;
CREATE TABLE round2 AS
SELECT *, prio_internal.round2('a', a, '\x24', a1, b1) AS a2, prio_internal.round2('b', b, '\x2001', b1, a1) AS b2 FROM round1;
CREATE TABLE verdict AS
SELECT *, prio_internal.verdicts('a', '\x24', a2, b2) AS va, prio_internal.verdicts('b', '\x2001', b2, a2) AS vb FROM round2;
CREATE VIEW entry AS
SELECT r.name, r.chunk, e.number, v.share_id, verifier_a, verifier_b, e.a1, e.b1, e.a2, e.b2
FROM round2 AS r, LATERAL ROWS FROM (prio_internal.message_entries(r.a1), prio_internal.message_entries(r.b1),
		prio_internal.message_entries(r.a2), prio_internal.message_entries(r.b2), prio_internal.ids(r.ids))
		AS e (number, a1, number_b1, b1, number_a2, a2, number_b2, b2, share_id)
	JOIN verified AS v USING (share_id) WHERE v.name = r.name;
SELECT name, chunk, count(*), count(*) FILTER (WHERE a1 IS NULL AND number IN (2, 5)) AS left_out_by_a, count(*) FILTER (WHERE b1 IS NULL AND number IN (5, 8)) AS by_b,
	count(*) FILTER (WHERE a1 = prio_verify1(verifier_a)) AS a1, count(*) FILTER (WHERE b1 = prio_verify1(verifier_b)) AS b1,
	count(*) FILTER (WHERE a2 = prio_verify2(verifier_a, prio_verify1(verifier_b))) AS a2,
	count(*) FILTER (WHERE b2 = prio_verify2(verifier_b, prio_verify1(verifier_a))) AS b2
FROM entry GROUP BY name, chunk ORDER BY name, chunk;
SELECT name, chunk, prio_internal.verdict_counts(va) AS a, prio_internal.verdict_counts(vb) AS b,
	get_byte(va, 2) AS two_a, get_byte(va, 5) AS five_a, get_byte(va, 8) AS eight_a, get_byte(vb, 2) AS two_b, get_byte(vb, 5) AS five_b, get_byte(vb, 8) AS eight_b
FROM verdict ORDER BY name, chunk;
SELECT bool_and((get_byte(va, number) = 0) = (get_byte(vb, number) = 0)) AS both_alike,
	bool_and((get_byte(va, number) = 0) = coalesce(valid(verifier_a, verifier_b) AND number NOT IN (2, 5, 8), false)) AS as_prio_says
FROM verdict JOIN entry USING (name, chunk);
-- Nothing left out, by NULL or by no bit.
SELECT name, chunk, prio_internal.round1(a, NULL) = prio_internal.round1(a, '\x0000') AS alike, prio_internal.round1(NULL, NULL) IS NULL AS nothing,
	prio_internal.verdict_counts(prio_internal.verdicts('a', NULL, prio_internal.round2('a', a, NULL, NULL, prio_internal.round1(b, NULL)),
		prio_internal.round2('b', b, NULL, NULL, prio_internal.round1(a, NULL)))) AS verdicts
FROM records ORDER BY name, chunk;

-- The other server's messages may be anything: what is none of round 1 has no answer, what is none of round 2 is not valid.
WITH garbage AS (
	SELECT name, chunk, a, b1, b2, (SELECT prio_internal.pack_entries(number, CASE number % 4 WHEN 0 THEN '\xa100a1'::bytea WHEN 1 THEN '\x00' WHEN 2 THEN NULL ELSE '\xa100a100' END)
		FROM generate_series(0, count::int - 1) AS number) AS peer FROM round2)
SELECT name, chunk, (SELECT array_agg(number % 4 ORDER BY number) FILTER (WHERE payload IS NOT NULL AND number < 8)
	FROM prio_internal.message_entries(prio_internal.round2('a', a, NULL, NULL, peer))) AS answered,
	prio_internal.verdict_counts(prio_internal.verdicts('a', NULL, prio_internal.round2('a', a, NULL, NULL, b1), peer)) AS verdicts
FROM garbage ORDER BY name, chunk;
SELECT error_of(format('SELECT %s FROM round2', call)) FROM unnest(ARRAY['prio_internal.round1(a, ''\x000000000000000000'')',
	'prio_internal.round2(''a'', a, ''\x000000000000000000'', a1, b1)', 'prio_internal.round2(''a'', a, NULL, a1, substr(b1, 1, length(b1) - 1))', 'prio_internal.round2(''a'', a, NULL, a1, b1 || ''\x00'')',
	'prio_internal.verdicts(''nobody'', NULL, a2, b2)', 'prio_internal.verdicts(''a'', NULL, a2, b2 || ''\x00'')', 'prio_internal.verdicts(''a'', NULL, a2 || ''\x80'', b2 || ''\x80'')',
	'prio_internal.verdicts(''a'', ''\x000000000000000000'', a2, b2)', 'prio_internal.verdict_counts(''\x0004'')',
	'prio_internal.valid_places(a, ''\x00'')', 'prio_internal.valid_places(a, ''\x05'')']) AS call;

-- The valid shares, and where they are. The total of all that opened is that of the valid ones and of the rest.
SELECT bool_and(v.share_id = a.share_id AND v.place = a.place) AS places, count(*) = (SELECT sum((prio_internal.verdict_counts(va))[1]) FROM verdict) AS all
FROM verdict, LATERAL prio_internal.valid_places(verdict.a, va) AS v JOIN agreed AS a USING (share_id) WHERE a.name = verdict.name;
CREATE VIEW row_is_valid AS
SELECT r.*, EXISTS (SELECT FROM verdict, prio_internal.valid_places(CASE r.role WHEN 'A' THEN a ELSE b END, CASE r.role WHEN 'A' THEN va ELSE vb END) AS v
	WHERE verdict.name = r.name AND v.place = r.place) AS valid,
	CASE r.role WHEN 'A' THEN s.a ELSE s.b END AS payload
FROM row_of_side AS r JOIN share AS s ON s.ctid = r.place;
CREATE TABLE total AS
SELECT name, role, prio_internal.sum_records('a', 12, share_id, record, NULL, payload) FILTER (WHERE valid) AS valid,
	prio_internal.sum_records('a', 12, share_id, record, NULL, payload) FILTER (WHERE NOT valid) AS rest,
	prio_internal.sum_records('a', 12, share_id, record, NULL, payload ORDER BY random()) AS everything
FROM row_is_valid GROUP BY name, role;
SELECT name, role, everything = (SELECT prio_merge(prio_internal.opened_total(opened)) FROM side WHERE (side.name, side.role) = (total.name, total.role)) AS everything,
	everything = (SELECT prio_merge(t) FROM unnest(ARRAY[valid, rest]) AS t) AS valid_and_rest,
	valid = (SELECT prio_total_share(verifier, v.payload) FROM verified_of_side AS v JOIN row_is_valid AS r USING (name, role, share_id)
		WHERE r.valid AND (v.name, v.role) = (total.name, total.role)) AS valid
FROM total ORDER BY name, role;
SELECT x.name, prio_publish(x.valid, y.valid) = (SELECT array_agg(count ORDER BY i) FROM (
		SELECT i, count(*) FILTER (WHERE get_bit(number::bit(12), i) = 1) FROM generate_series(0, 11) AS i, share AS s JOIN row_is_valid AS r ON r.place = s.ctid
		WHERE r.valid AND r.role = 'A' AND r.name = x.name GROUP BY i) AS c) AS published
FROM total AS x JOIN total AS y USING (name) WHERE x.role = 'A' AND y.role = 'B' ORDER BY name;
-- B has all it needs in the record.
SELECT role, prio_internal.sum_records('a', 12, share_id, record, NULL, NULL) = (SELECT everything FROM total WHERE name = 'batch' AND role = 'B') AS without_payload
FROM row_of_side WHERE name = 'batch' AND role = 'B' GROUP BY role;
SELECT prio_internal.sum_records('a', 12, share_id, record, NULL, NULL) IS NULL AS none FROM row_of_side WHERE false;
-- Whatever is not the share that was opened is an error.
SELECT role, error_of(format('SELECT prio_internal.sum_records(''a'', %s) FROM row_is_valid WHERE name = ''batch'' AND role = %L', arguments, role)) AS error
FROM (VALUES ('A'), ('B')) AS r (role), unnest(ARRAY['12, share_id, record, NULL, substr(payload, 1, 100)', '12, share_id, record, '''', payload',
	'12, share_id, record, NULL, set_byte(payload, length(payload) - 16, get_byte(payload, length(payload) - 16) # 1)', '12, share_id, record, NULL, decode(repeat(''00'', 10000000), ''hex'')',
	'11, share_id, record, NULL, payload', 'NULL, share_id, record, NULL, payload', '12, share_id, NULL, NULL, payload', '12, share_id, substr(record, 2), NULL, payload', '12, share_id, set_byte(record, 32, 9), NULL, payload']) WITH ORDINALITY AS a (arguments, number)
ORDER BY number, role;
SELECT error_of('SELECT prio_internal.sum_records(''a'', 12, share_id, record, NULL, NULL) FROM row_is_valid WHERE name = ''batch'' AND role = ''A''');
SELECT error_of('SELECT prio_internal.sum_records(''a'', 12, share_id, record, NULL, set_byte(payload, 60, get_byte(payload, 60) # 1)) FROM row_is_valid WHERE name = ''batch'' AND role = ''A''');
SELECT error_of('SELECT prio_internal.sum_records(''a'', 12, share_id, record, NULL, payload) FROM row_is_valid WHERE name = ''batch''');

-- Messages that the other server sent.
SELECT name, chunk, prio_internal.entries_fit(a1, count::int, 24) AS fits, prio_internal.entries_fit(a1, count::int + 1, 24) AS too_few, prio_internal.entries_fit(a1, count::int - 1, 24) AS too_many,
	prio_internal.entries_fit(a1, count::int, 11) AS too_long, prio_internal.entries_fit(a1 || '\x00', count::int, 24) AS behind,
	prio_internal.entries_fit(substr(a1, 1, length(a1) - 1), count::int, 24) AS cut
FROM round1 ORDER BY name, chunk;
SELECT left(message::text, 22) AS message, count, longest, prio_internal.entries_fit(message, count, longest)
FROM (VALUES ('\x'::bytea, 0, 0), ('\x', 1, 0), ('\x00', 1, 0), ('\x8000', 1, 100), ('\x80', 1, 100), ('\x0101', 1, 1), ('\x0101', 1, 0), ('\x0201', 1, 100),
	('\xffffffff0f', 1, 2147483647), ('\xffffffff7f', 1, 2147483647), ('\xffffffffff00', 1, 2147483647), ('\xffffffffffffffffffff01', 1, 2147483647), ('\x808000', 1, 100),
	('\x00', -1, 0), ('\x00', 1, -1), ('\x8001' || decode(repeat('00', 128), 'hex'), 1, 128), ('\x7f' || decode(repeat('00', 127), 'hex'), 1, 127)) AS v (message, count, longest);
SELECT prio_internal.longest_entry('a', 12, round) FROM generate_series(1, 2) AS round;
SELECT max(length(a1)) <= 24 AND max(length(b1)) <= 24 AS round1, max(length(a2)) <= 12 AND max(length(b2)) <= 12 AS round2 FROM entry;
SELECT bool_and(a1 = (SELECT prio_internal.pack_entries(number, payload ORDER BY random()) FROM prio_internal.message_entries(a1))) AS apart_and_together FROM round1;
SELECT number, length(payload) FROM prio_internal.message_entries((SELECT prio_internal.pack_entries(i, decode(repeat('00', i * 64), 'hex')) FROM generate_series(0, 4) AS i));
SELECT prio_internal.pack_entries(i, NULL) IS NULL AS none FROM generate_series(1, 0) AS i;
SELECT error_of(query) FROM unnest(ARRAY['SELECT prio_internal.pack_entries(i, NULL) FROM generate_series(1, 2) AS i', 'SELECT prio_internal.pack_entries(i % 2, NULL) FROM generate_series(0, 2) AS i',
	'SELECT prio_internal.pack_entries(i, NULL) FROM generate_series(0, 4, 2) AS i', 'SELECT prio_internal.pack_entries(-1, NULL)', 'SELECT prio_internal.pack_entries(NULL, NULL)',
	'SELECT prio_internal.message_entries(''\x0201'')']) AS query;

-- Decoys: a partner takes them for messages, and no share is valid by them.
SELECT count(DISTINCT prio_internal.decoy('a', 1)) AS round1, count(DISTINCT prio_internal.decoy('b', 2)) AS round2,
	bool_and(prio_verify2(verifier_a, prio_internal.decoy('b', 1)) IS NOT NULL) AS answered,
	bool_or(prio_is_valid(prio_verify2(verifier_a, prio_verify1(verifier_b)), prio_internal.decoy('b', 2))) AS valid
FROM verified, generate_series(1, 10) WHERE verifier_a IS NOT NULL AND verifier_b IS NOT NULL;
SELECT error_of(query) FROM unnest(ARRAY['SELECT prio_internal.decoy(''a'', 0)', 'SELECT prio_internal.decoy(''a'', 3)', 'SELECT prio_internal.decoy(''nobody'', 1)',
	'SELECT prio_internal.longest_entry(''a'', 12, 4)', 'SELECT prio_internal.longest_entry(''a'', 0, 1)']) AS query;

-- How long a share may be: a byte more is refused, and not read.
SELECT prio_internal.longest_share('a', 'chunk', 12) = prio_internal.longest_share('b', 'chunk', 12) AS both_alike,
	prio_internal.longest_share('a', 'chunk', 12) > max(length(a)) AS longer_than_any FROM share WHERE what <> 'too long';
SELECT more, r.* FROM (SELECT more, prio_internal.open_shares('a', 'chunk', 12, NULL, md5('x')::uuid, NULL, NULL,
	decode(repeat('00', prio_internal.longest_share('a', 'chunk', 12) + more), 'hex'), '(0,1)') AS opened FROM generate_series(0, 1) AS more GROUP BY more) AS s,
	prio_internal.opened_rejections(opened) AS r ORDER BY more;
SELECT error_of(query) FROM unnest(ARRAY['SELECT prio_internal.longest_share(''nobody'', ''chunk'', 12)', 'SELECT prio_internal.longest_share(''a'', '''', 12)',
	'SELECT prio_internal.longest_share(''a'', ''chunk'', 300000)']) AS query;
CREATE TABLE stored (payload bytea);
ALTER TABLE stored ALTER payload SET STORAGE EXTERNAL;
INSERT INTO stored SELECT decode(repeat('00', 1000000), 'hex') FROM generate_series(1, 3);
CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_stat_get_xact_numscans(indexrelid) FROM pg_class AS c, pg_index AS i WHERE c.oid = 'stored'::regclass AND i.indrelid = c.reltoastrelid $$;
BEGIN;
SELECT reads() AS before \gset
SELECT r.reason, r.shares FROM prio_internal.opened_rejections((SELECT prio_internal.open_shares('a', 'chunk', 12, NULL, md5('x')::uuid, NULL, NULL, payload, ctid) FROM stored)) AS r;
SELECT reads() - :before AS reads;
SELECT sum(length(substr(payload, 1, 1))), reads() - :before > 0 AS counted FROM stored;
COMMIT;

-- A long share is stored out of line, and compressed where it can be.
CREATE TABLE long (share_id uuid, a bytea, b bytea);
ALTER TABLE long ALTER b SET STORAGE EXTERNAL;
INSERT INTO long SELECT md5(i::text)::uuid, share_a, share_b FROM keys, generate_series(1, 5) AS i, LATERAL (SELECT * FROM prio_encode(keys.a, keys.b, repeat('long', 2000), repeat('1', 1000)::varbit)) AS e;
WITH o AS (SELECT prio_internal.open_shares('a', repeat('long', 2000), 1000, NULL, share_id, NULL, NULL, a, ctid) AS a, prio_internal.open_shares('b', repeat('long', 2000), 1000, NULL, share_id, NULL, NULL, b, ctid) AS b FROM long)
SELECT (SELECT array_agg(DISTINCT count) FROM unnest(prio_publish(prio_internal.opened_total(o.a), prio_internal.opened_total(o.b))) AS count) AS counts,
	prio_internal.opened_total(o.a) = (SELECT prio_internal.sum_records('a', 1000, r.share_id, record, NULL, long.a) FROM prio_internal.opened_rows(o.a) AS r JOIN long ON long.ctid = r.place) AS summed_a,
	prio_internal.opened_total(o.b) = (SELECT prio_internal.sum_records('a', 1000, r.share_id, record, NULL, long.b) FROM prio_internal.opened_rows(o.b) AS r JOIN long ON long.ctid = r.place) AS summed_b
FROM o;

-- Private state whose bytes were changed is damaged, whichever byte it is, and in whatever reads it.
CREATE TABLE reader (value text, call text);
INSERT INTO reader VALUES ('opened', 'SELECT prio_internal.opened_count($1)'), ('opened', 'SELECT prio_internal.opened_total($1)'),
	('opened', 'SELECT count(*) FROM prio_internal.opened_rows($1)'), ('opened', 'SELECT count(*) FROM prio_internal.opened_rejections($1)'),
	('records', 'SELECT prio_internal.records_count($1)'), ('records', 'SELECT prio_internal.round1($1, NULL)'),
	('records', 'SELECT prio_internal.round2(''a'', $1, NULL, NULL, ''\x000000'')'), ('records', 'SELECT count(*) FROM prio_internal.valid_places($1, ''\x000000'')');
CREATE FUNCTION reader_error(call text, value bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
BEGIN
	EXECUTE call USING value INTO result;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(': ', SQLSTATE, SQLERRM, nullif(detail, ''));
END $$;
CREATE TABLE state AS
SELECT 'opened' AS value, prio_internal.open_shares('a', 'chunk', 12, NULL, share_id, ordinal, header, a, ctid) AS bytes FROM share
WHERE name = 'batch' AND (number <= 3 OR what IN ('A cut', 'NULL', 'another batch'));
INSERT INTO prio_internal.opened (number, chunk, opened, shares) SELECT -56, 0, bytes, 1 FROM state;
INSERT INTO prio_internal.list (number, role, piece, entries) SELECT -56, 'A', m.* FROM prio_internal.merged_list(-56, 10) AS m;
INSERT INTO state SELECT 'records', records FROM records_of(-56, 'A', false, 10);
SELECT value, call, reader_error(call, bytes) FROM state JOIN reader USING (value) ORDER BY value, call;
SELECT value, reader_error(call, set_byte(bytes, position, get_byte(bytes, position) # (1 << position % 8))) AS error, count(*) = count(DISTINCT call) * length(bytes) AS everywhere
FROM state JOIN reader USING (value), generate_series(0, length(bytes) - 1) AS position GROUP BY value, error, bytes ORDER BY 1, 2;
SELECT value, reader_error(call, substr(bytes, 1, length)) AS error, min(length), max(length) = max(length(bytes)) - 1 AS to_the_end
FROM state JOIN reader USING (value), generate_series(0, length(bytes) - 1) AS length GROUP BY value, error ORDER BY 1, 2;
-- What merges reads them from their table, in parts: an error too, of the head where that is what was changed.
CREATE FUNCTION merged(value bytea) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM prio_internal.opened WHERE number = -57;
	INSERT INTO prio_internal.opened (number, chunk, opened, shares) VALUES (-57, 0, value, 1);
	RETURN (SELECT count(*) FROM prio_internal.merged_list(-57, 10));
END $$;
SELECT reader_error('SELECT merged($1)', bytes) AS intact,
	(SELECT count(*) FROM generate_series(0, length(bytes) - 1) AS position
		WHERE reader_error('SELECT merged($1)', set_byte(bytes, position, get_byte(bytes, position) # (1 << position % 8))) IS NULL) AS changed_and_no_error,
	(SELECT count(*) FROM generate_series(0, length(bytes) - 1) AS length WHERE reader_error('SELECT merged($1)', substr(bytes, 1, length)) IS NULL) AS cut_and_no_error,
	(SELECT array_agg(DISTINCT reader_error('SELECT merged($1)', set_byte(bytes, position, 255 - get_byte(bytes, position))))
		FROM generate_series(32, length(bytes) - 1, 37) AS position) AS behind_the_head
FROM state WHERE value = 'opened';
-- One is not the other.
SELECT s.value AS value, r.value AS reader, reader_error(call, bytes) AS error, count(*) FROM state AS s JOIN reader AS r ON r.value <> s.value GROUP BY 1, 2, 3 ORDER BY 1, 2;
-- With a check sum that fits: bits of the head and of the reasons, and lengths that do not.
CREATE FUNCTION with_checksum(bytes bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	steps bigint[] := ARRAY(SELECT step FROM generate_series(0, 255) AS byte, LATERAL (
		WITH RECURSIVE bits (step, left_over) AS (SELECT byte::bigint, 8 UNION ALL
			SELECT step >> 1 # CASE step & 1 WHEN 1 THEN 2197175160 ELSE 0 END, left_over - 1 FROM bits WHERE left_over > 0)
		SELECT step FROM bits WHERE left_over = 0) AS s ORDER BY byte);
	crc bigint := 4294967295;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		crc := crc >> 8 # steps[1 + ((crc # get_byte(bytes, i)) & 255)];
	END LOOP;
	crc := crc # 4294967295;
	RETURN bytes || set_byte(set_byte(set_byte(set_byte('\x00000000', 0, (crc & 255)::int), 1, (crc >> 8 & 255)::int), 2, (crc >> 16 & 255)::int), 3, (crc >> 24)::int);
END $$;
SELECT value, with_checksum(substr(bytes, 1, length(bytes) - 4)) = bytes AS fits FROM state ORDER BY value;
CREATE TABLE forged AS
SELECT value, position, with_checksum(set_byte(substr(bytes, 1, length(bytes) - 4), position, get_byte(bytes, position) # (1 << bit))) AS bytes
FROM state, generate_series(0, 15) AS position, unnest('{0,4,7}'::int[]) AS bit
UNION ALL SELECT value, position, with_checksum(set_byte(substr(bytes, 1, length(bytes) - 4), position, value_of_byte))
FROM state, generate_series(length(bytes) - 4 - 200, length(bytes) - 4 - 1) AS position, unnest('{0,255}'::int[]) AS value_of_byte WHERE value = 'opened'
UNION ALL SELECT value, 1000, with_checksum(substr(bytes, 1, length(bytes) - 4 - cut)) FROM state, generate_series(1, 176, 25) AS cut
UNION ALL SELECT value, 1001, with_checksum(substr(bytes, 1, length(bytes) - 4) || decode(repeat('00', more), 'hex')) FROM state, generate_series(1, 176, 25) AS more;
SELECT value, left(error, 5) AS sqlstate, error IS NULL AS none FROM (SELECT value, reader_error(call, bytes) AS error FROM forged JOIN reader USING (value)) AS s GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT value, position, error, count(*) FROM (SELECT value, position, reader_error(call, bytes) AS error FROM forged JOIN reader USING (value)
	WHERE position IN (0, 1, 2, 8, 12) OR position >= 1000) AS s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

SET client_min_messages = warning;
DROP SCHEMA job_chunks CASCADE;
DROP TABLE keys;
DROP EXTENSION prio CASCADE;
