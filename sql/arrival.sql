-- Shares that come by HTTP, one at a time: what is taken, and what each refusal tells the client.
\set ECHO none
\i test/own_servers.sql
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION prio_processor;
CREATE ROLE regress_collector IN ROLE prio_ingest;
CREATE ROLE regress_operator IN ROLE prio_operator;
RESET client_min_messages;
CREATE SERVER h FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Histogram', length '4');
CREATE USER MAPPING FOR PUBLIC SERVER h OPTIONS (verify_key '8f0e1c52a6d3b4977a1f20c3d4e5b6a798897a6b5c4d3e2f1a0b9c8d7e6f5041');
CREATE SERVER n FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Count');
CREATE USER MAPPING FOR PUBLIC SERVER n OPTIONS (verify_key '8f0e1c52a6d3b4977a1f20c3d4e5b6a798897a6b5c4d3e2f1a0b9c8d7e6f5041');
CALL prio_processor.join_peer('a', :'public_b');
CALL prio_processor.join_peer('h', NULL);
CALL prio_processor.join_peer('n', NULL);
CALL prio_processor.create_batch('open', 'a', 4, 10, checkpoints => false);
CALL prio_processor.create_batch('closed', 'a', 4, 10, checkpoints => false);
CALL prio_processor.close_batch('closed');
CALL prio_processor.create_batch('histogram', 'h', min_batch_size => 10, checkpoints => false);
CALL prio_processor.create_batch('count', 'n', min_batch_size => 10, checkpoints => false);

CREATE FUNCTION answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	taken boolean;
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO taken;
	RETURN taken;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE FUNCTION answer(batch text, share text) RETURNS text LANGUAGE sql RETURN answer(format('SELECT prio_processor.import_share(%L, share => %L)', batch, share));
\pset format unaligned
\pset tuples_only on
SELECT encode(share_a, 'base64') AS packet FROM keys, prio_encode(a, b, 'open', B'1010') \gset
SELECT json_build_object('id', '00000000-0000-4000-8000-000000000001', 'payload', replace(:'packet', chr(10), '')) AS share \gset
SET ROLE regress_collector;

-- What is taken: the same again, too, and packets that nobody will be able to open.
SELECT answer('open', :'share') FROM generate_series(1, 3);
SELECT answer('open', replace(:'share', '/', '\/'));
SELECT answer('open', share) FROM (VALUES
	('{"payload": "AAAA", "id": "00000000-0000-4000-8000-000000000002"}'),
	('{"id": "00000000-0000-4000-8000-00000000000A", "payload": "AAAA"}'),
	('{"id": "00000000-0000-4000-8000-000000000003", "payload": ""}'),
	('{"id": "00000000-0000-4000-8000-000000000004", "payload": "AAAA", "header": null}'),
	('{"id": "00000000-0000-4000-8000-000000000005", "payload": "AAAA", "else": ["\u0000", "\ud800", 1e131071, {"id": 1}]}')) AS v (share);
SELECT answer('histogram', '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA", "header": "AAAA"}');
SELECT answer('count', '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA"}');
SELECT answer('count', '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA", "header": ""}');

-- What is not: 400 will never do, 404 may do later, 409 is too late, 413 is too long.
SELECT answer('open', share) FROM (VALUES (NULL), ('null'), ('[]'), ('1'), ('"text"'), ('{}'),
	('{"id": "00000000-0000-4000-8000-000000000001"}'),
	('{"id": 1, "payload": "AAAA"}'),
	('{"id": "1", "payload": "AAAA"}'),
	('{"id": "00000000-0000-4000-8000-00000000000\u0000", "payload": "AAAA"}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": 1}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": null}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAA"}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": "\u0000"}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": "\\x00"}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA", "header": "!"}'),
	('{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA", "header": "AAAA"}')) AS v (share);
SELECT answer(NULL, :'share');
SELECT answer('histogram', '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA"}');
SELECT answer('count', '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA", "header": "AAAA"}');
SELECT answer('no such batch', :'share');
SELECT answer(repeat('x', 100000), :'share');
SELECT answer('closed', :'share');
SELECT prio_processor.longest_share('open') AS longest \gset
SELECT answer('open', format('{"id": "00000000-0000-4000-8000-000000000006", "payload": "%s"}', translate(encode(('\x' || repeat('00', bytes))::bytea, 'base64'), chr(10), '')))
FROM (VALUES (:longest), (:longest + 1)) AS v (bytes);
SELECT answer('histogram', format('{"id": "00000000-0000-4000-8000-000000000006", "payload": "AAAA", "header": "%s"}', repeat('AAAA', 1000)));
-- without a look at what is in it
SELECT answer('open', format('{"id": "00000000-0000-4000-8000-000000000006", "payload": "AAAA", "else": "%s"}', repeat('!', 100000)));
SELECT answer('open', format('{"id": "00000000-0000-4000-8000-000000000006", "payload": "%s"}', repeat('A', 5000000)));
SELECT answer('open', format('{"id": [%s1], "payload": "AAAA"}', repeat('1e131071,', 1000)));
-- What is no JSON at all never comes here.
SELECT "left"(answer('open', share), 5) FROM (VALUES (''), ('{"id": "00000000-0000-4000-8000-000000000001", "payload": "AAAA"'), ('\x00'), (repeat('[', 100000))) AS v (share);

-- Who asks with a literal alone asks for a line of a file, which is for operators.
SELECT answer(format('SELECT prio_processor.import_share(''open'', %L)', :'share'));
SELECT answer(format('SELECT prio_processor.import_share(''open'', %L::json)', :'share'));
RESET ROLE;
SET ROLE regress_operator;
SELECT answer(format('SELECT prio_processor.import_share(''open'', %L)', :'share'));
SELECT answer(format('SELECT prio_processor.import_share(''open'', line => %L)', :'share'));
SELECT answer(format('SELECT prio_processor.import_share(''open'', share => %L)', :'share'));
SELECT answer(format('SELECT prio_processor.import_share(''open'', %L)', 'no share'));
RESET ROLE;

-- What is here now; written as it came where messages go out as files.
SELECT right(share_id::text, 2), count(*), min(octet_length(payload)) <= :longest, count(ordinal), count(header)
FROM prio_processor.share WHERE batch_id = 'open' GROUP BY share_id ORDER BY share_id;
SELECT batch_id, count(*), count(header) FROM prio_processor.share WHERE batch_id <> 'open' GROUP BY 1 ORDER BY 1;
SELECT share_id, written FROM prio_internal.written_id;
SELECT count(*) FROM prio_internal.early_share;

SET client_min_messages = error;
SELECT format('CALL prio_processor.give_up_batch(%L)', batch_id) FROM prio_processor.batch \gexec
CALL prio_processor.leave_peer('a');
CALL prio_processor.leave_peer('h');
CALL prio_processor.leave_peer('n');
DROP EXTENSION prio_processor;
DROP EXTENSION prio CASCADE;
DROP TABLE keys;
DROP FUNCTION answer(text), answer(text, text);
DROP ROLE regress_collector, regress_operator;
