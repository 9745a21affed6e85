-- ---------------------------------------------------------------- files of JSON lines

-- The lines are those of prio-processor: {"id": uuid, "payload": base64}; shares of Prio3 have a "header" as well. A partner that exchanges
-- them has no list, and gives ordinals to what it reads: so line k is line k whatever it holds,
-- and what this side leaves out has a line all the same, which tells nothing.

CREATE FUNCTION prio_internal.json_line(id text, payload bytea) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN json_build_object('id', id, 'payload', translate(encode(payload, 'base64'), chr(10), ''))::text;

COMMENT ON FUNCTION prio_internal.json_line(text, bytea) IS 'one line of a file';

CREATE FUNCTION prio_internal.whole_lines(content bytea, OUT lines bytea[], OUT rest bytea) RETURNS record
	AS 'MODULE_PATHNAME', 'prio_job_whole_lines' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.whole_lines(bytea) IS 'the lines that end within these bytes, and what follows them';

-- No id for a line that is none, so that one bad line does not stop a file. Members that nobody
-- needs are not looked into.
CREATE FUNCTION prio_internal.parse_line(line bytea, OUT written text, OUT id uuid, OUT payload bytea, OUT header bytea) RETURNS record
	AS 'MODULE_PATHNAME', 'prio_job_parse_line' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.parse_line(bytea) IS 'what is in a line of a file; no id if nothing';

CREATE FUNCTION prio_internal.check_round(round int) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF round IS NULL OR round NOT IN (1, 2) THEN
		RAISE EXCEPTION 'there is no round %', coalesce(round::text, 'NULL')
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Round 1 is verify1, round 2 is verify2.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_round(int) IS 'an error unless it is 1 or 2';

CREATE FUNCTION prio_internal.check_exchanges_files(b prio_processor.batch) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF b.checkpoints THEN
		RAISE EXCEPTION 'messages of batch "%" do not travel as files', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Files are for batches that were created with checkpoints => false.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_exchanges_files(prio_processor.batch) IS 'an error unless the messages of a batch travel as files';

-- ---------------------------------------------------------------- shares

-- Line k of a file has ordinal k, from 0, whatever the lines before it are.
CREATE FUNCTION prio_processor.import_share_lines(batch_id text, lines bytea[], ordinal bigint DEFAULT 0, OUT taken bigint, OUT unreadable bigint)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	IF b.stage <> 'open' THEN
		RAISE EXCEPTION 'batch "%" is closed', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	ELSIF ordinal IS NULL OR ordinal NOT BETWEEN 0 AND 1000000000 THEN
		RAISE EXCEPTION 'ordinal must be between 0 and 1000000000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	WITH content AS MATERIALIZED (
		SELECT l.n, p.id, p.written, p.payload, p.header FROM unnest(lines) WITH ORDINALITY AS l (line, n), prio_internal.parse_line(l.line) AS p
	), inserted AS (
		INSERT INTO prio_processor.share (batch_id, share_id, ordinal, header, payload)
		SELECT b.batch_id, c.id, import_share_lines.ordinal + c.n - 1, c.header, c.payload
		FROM content AS c WHERE c.id IS NOT NULL ORDER BY c.n RETURNING 1
	), written AS (
		INSERT INTO prio_internal.written_id (number, share_id, written)
		SELECT DISTINCT ON (c.id) b.number, c.id, c.written FROM content AS c WHERE c.id IS NOT NULL AND c.written <> c.id::text
		ORDER BY c.id, c.n ON CONFLICT DO NOTHING
	)
	SELECT (SELECT count(*) FROM inserted), count(*) FILTER (WHERE c.id IS NULL) INTO taken, unreadable FROM content AS c;
END $$;

COMMENT ON FUNCTION prio_processor.import_share_lines(text, bytea[], bigint) IS 'shares from lines of a file, the first of which has this number';

CREATE FUNCTION prio_processor.import_share(batch_id text, line text, ordinal bigint DEFAULT 0) RETURNS boolean LANGUAGE sql
	RETURN (SELECT i.taken = 1 FROM prio_processor.import_share_lines(batch_id, ARRAY[convert_to(line, 'UTF8')], ordinal) AS i);

COMMENT ON FUNCTION prio_processor.import_share(text, text, bigint) IS 'a share from a line of a file; false if it is none';

-- One share, from whoever brings it by HTTP: so it may be anything, and each refusal is what a client can act on. A SQLSTATE of PTnnn
-- is a status of HTTP, as PostgREST takes it. Nothing here depends on what is in the packet, nor on the shares that are here
-- already: whoever sends one again has it stored again, and the job counts it once.
CREATE FUNCTION prio_processor.import_share(batch_id text, share json) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch;
	longest int;
	longest_header int;
	too_long boolean;
	p record;
BEGIN
	IF batch_id IS NULL OR share IS NULL THEN
		RAISE EXCEPTION 'batch_id and share are required' USING ERRCODE = 'PT400';
	END IF;
	SELECT * INTO b FROM prio_processor.batch AS x WHERE x.batch_id = import_share.batch_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'batch "%" does not exist', "left"(batch_id, 100)
			USING ERRCODE = 'PT404', HINT = 'It may not have been made yet. Send the same share again later, under the same id.';
	ELSIF b.stage <> 'open' THEN
		RAISE EXCEPTION 'batch "%" is closed', b.batch_id
			USING ERRCODE = 'PT409', HINT = 'Do not send the share for another batch. If it was sent before, and nothing came back, it may be here.';
	END IF;
	longest := prio_internal.longest_share(b.server::text, b.packet_batch_id, b.n_data);
	longest_header := prio_internal.longest_header(b.server::text);
	-- Base64 is longer by a third, and some write a slash with a backslash. What is longer yet is not even parsed.
	too_long := octet_length(share::text) > 2 * (longest + longest_header) + 10000;
	IF NOT too_long THEN
		SELECT x.id, x.written, x.payload, nullif(x.header, '') AS header INTO p FROM prio_internal.parse_line(convert_to(share::text, 'UTF8')) AS x;
		IF p.id IS NULL OR (p.header IS NULL) <> (longest_header = 0) THEN
			RAISE EXCEPTION 'this is no share for batch "%"', b.batch_id
				USING ERRCODE = 'PT400', HINT = 'The same would be refused again.', DETAIL = CASE
					WHEN p.written IS NULL THEN 'It is an object with the strings "id" and "payload".'
					WHEN p.payload IS NULL THEN '"payload" is base64.'
					WHEN p.id IS NULL THEN '"id" is a UUID, and "header", if it is there, base64.'
					WHEN p.header IS NULL THEN 'A share of this batch has a "header".'
					ELSE 'A share of this batch has no "header".' END;
		END IF;
		too_long := octet_length(p.payload) > longest OR octet_length(p.header) > longest_header;
	END IF;
	IF too_long THEN
		RAISE EXCEPTION 'the share is longer than any of batch "%"', b.batch_id
			USING ERRCODE = 'PT413', DETAIL = format('A payload may have %s bytes, and a header %s.', longest, longest_header),
				HINT = 'The same would be refused again.';
	END IF;
	INSERT INTO prio_processor.share (batch_id, share_id, header, payload) VALUES (b.batch_id, p.id, p.header, p.payload);
	IF NOT b.checkpoints AND p.written <> p.id::text THEN
		INSERT INTO prio_internal.written_id (number, share_id, written) VALUES (b.number, p.id, p.written) ON CONFLICT DO NOTHING;
	END IF;
	RETURN true;
END $$;

COMMENT ON FUNCTION prio_processor.import_share(text, json) IS 'a share that came by HTTP; an error with a status if it is refused';

-- Of a file that stays where it is a row a share says where it is in there. Who may name one is who may
-- read files of the server, and may use the schema that this is in: there is no other way to it.
CREATE FUNCTION prio_internal.import_file(batch_id text, path text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
	f prio_internal.file;
	shares bigint;
BEGIN
	IF b.stage <> 'open' THEN
		RAISE EXCEPTION 'batch "%" is closed', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	ELSIF prio_internal.is_distributed() THEN
		RAISE EXCEPTION 'where shares are distributed, none stay in files'
			USING ERRCODE = 'feature_not_supported', HINT = 'A worker that opens them does not have the files of this machine. COPY them.';
	ELSIF import_file.path IS NULL OR octet_length(import_file.path) NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'path of a share file must have between 1 and 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO prio_internal.file (number, path, bytes, modified)
	SELECT b.number, import_file.path, s.bytes, s.modified FROM prio_internal.file_state(import_file.path) AS s
	ON CONFLICT ON CONSTRAINT file_number_path_key DO NOTHING RETURNING * INTO f;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'share file "%" is in batch "%" already', import_file.path, b.batch_id USING ERRCODE = 'duplicate_object';
	END IF;
	EXECUTE format('INSERT INTO prio_internal.%I (batch_id, share_id, ordinal, file, position, bytes, header_bytes)
		SELECT $1, (r.x).share_id, (r.x).ordinal, CASE WHEN (r.x).position IS NOT NULL THEN $2 END, (r.x).position, (r.x).bytes_of_payload, (r.x).header_bytes
		FROM (SELECT prio_internal.file_rows($3, $4, $5) AS x OFFSET 0) AS r', 'share_' || b.number)
	USING b.batch_id, f.file, f.path, f.bytes, f.modified;
	GET DIAGNOSTICS shares = ROW_COUNT;
	-- All of them would be late.
	IF (SELECT x.stage FROM prio_processor.batch AS x WHERE x.number = b.number) <> 'open' THEN
		RAISE EXCEPTION 'batch "%" was closed meanwhile', b.batch_id USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN shares;
END $$;

COMMENT ON FUNCTION prio_internal.import_file(text, text) IS 'takes note of the shares in a file of the server';

CREATE PROCEDURE prio_processor.import_file(batch_id text, path text) LANGUAGE plpgsql AS $$
DECLARE
	shares bigint := prio_internal.import_file(batch_id, path);
BEGIN
	RAISE NOTICE 'batch "%": % shares, which stay in their file', batch_id, shares;
END $$;

COMMENT ON PROCEDURE prio_processor.import_file(text, text) IS 'shares from a file of the server in the binary format of COPY, in which they stay';

-- ---------------------------------------------------------------- messages

CREATE FUNCTION prio_processor.import_message_lines(batch_id text, round int, lines bytea[], OUT taken bigint, OUT unreadable bigint)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	PERFORM prio_internal.check_exchanges_files(b), prio_internal.check_round(round);
	IF b.agreed IS NULL THEN
		RAISE EXCEPTION 'batch "%" does not take messages yet', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Close it, and CALL prio_processor.run() first.';
	ELSIF prio_internal.said_count(b.number, prio_internal.other_role(b.role), round) > 0 THEN
		RAISE NOTICE 'round % of batch "%" is over: these messages are ignored', round, b.batch_id;
		taken := 0;
		unreadable := 0;
		RETURN;
	END IF;
	WITH content AS MATERIALIZED (
		SELECT p.id, p.payload FROM unnest(lines) AS line, prio_internal.parse_line(line) AS p
	), inserted AS (
		INSERT INTO prio_internal.imported_message (number, round, share_id, payload)
		SELECT b.number, import_message_lines.round, c.id, substr(c.payload, 1, 1 + prio_internal.longest_entry(b.server::text, b.n_data, import_message_lines.round))
		FROM content AS c WHERE c.id IS NOT NULL ON CONFLICT DO NOTHING RETURNING 1
	)
	SELECT (SELECT count(*) FROM inserted), count(*) FILTER (WHERE c.id IS NULL) INTO taken, unreadable FROM content AS c;
END $$;

COMMENT ON FUNCTION prio_processor.import_message_lines(text, int, bytea[]) IS 'messages of the other server in one round from lines of a file';

CREATE FUNCTION prio_processor.import_message(batch_id text, round int, line text) RETURNS boolean LANGUAGE sql
	RETURN (SELECT i.taken = 1 FROM prio_processor.import_message_lines(batch_id, round, ARRAY[convert_to(line, 'UTF8')]) AS i);

COMMENT ON FUNCTION prio_processor.import_message(text, int, text) IS 'a message of the other server from a line of a file; false if it was refused';

-- Where files are exchanged, the agreed list is our own: chunk k of it is piece k of the list.
CREATE FUNCTION prio_internal.agreed_ids(b prio_processor.batch, OUT chunk int, OUT "position" int, OUT share_id uuid) RETURNS SETOF record LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT l.piece, (i.n - 1)::int, i.id FROM prio_internal.list AS l, LATERAL prio_internal.ids(prio_internal.list_ids(l.entries)) WITH ORDINALITY AS i (id, n)
	WHERE l.number = b.number AND l.role = b.role;
END;

COMMENT ON FUNCTION prio_internal.agreed_ids(prio_processor.batch) IS 'the ids of a batch whose messages travel as files, in their order';

-- Whoever has read all of a file says so. A share that it has no line for is one that the other server refused.
CREATE PROCEDURE prio_processor.finish_import(batch_id text, round int) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
	longest int;
BEGIN
	PERFORM prio_internal.check_exchanges_files(b), prio_internal.check_round(round);
	IF b.agreed IS NULL OR prio_internal.said_count(b.number, prio_internal.other_role(b.role), round) > 0 THEN
		RETURN;
	END IF;
	longest := prio_internal.longest_entry(b.server::text, b.n_data, round);
	INSERT INTO prio_internal.message (number, role, round, chunk, payload)
	SELECT b.number, prio_internal.other_role(b.role), finish_import.round, a.chunk,
		prio_internal.pack_entries(a."position", CASE WHEN octet_length(m.payload) <= longest THEN m.payload END)
	FROM prio_internal.agreed_ids(b) AS a LEFT JOIN prio_internal.imported_message AS m
		ON m.number = b.number AND m.round = finish_import.round AND m.share_id = a.share_id
	GROUP BY a.chunk;
	DELETE FROM prio_internal.imported_message AS m WHERE m.number = b.number AND m.round = finish_import.round;
END $$;

COMMENT ON PROCEDURE prio_processor.finish_import(text, int) IS 'all messages of the other server in one round have been imported';

-- What a client that sees our messages could do with them as long as the other server takes shares is in
-- docs/security.md: so nothing is said before somebody vouches for that.
CREATE PROCEDURE prio_processor.partner_is_closed(batch_id text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
BEGIN
	PERFORM prio_internal.check_exchanges_files(b);
	UPDATE prio_processor.batch AS x SET partner_closed = true WHERE x.number = b.number;
END $$;

COMMENT ON PROCEDURE prio_processor.partner_is_closed(text) IS 'vouches that the other server, which exchanges files, takes no more shares of a batch';

-- In the order in which the shares came, a line each: of those that are left out a message that fits
-- no share, so that the other server's tool, which counts lines, does not lose those behind it.
CREATE FUNCTION prio_processor.export_messages(batch_id text, round int) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	PERFORM prio_internal.check_exchanges_files(b), prio_internal.check_round(round);
	IF b.dropped_at IS NOT NULL THEN
		RAISE EXCEPTION 'batch "%" has been dropped, with its messages', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF b.stage = 'failed' OR b.agreed IS NULL OR prio_internal.said_count(b.number, b.role, round) < prio_internal.chunk_count(b) THEN
		RAISE EXCEPTION 'round % of batch "%" is not finished', round, b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(b.error, format('It is in stage "%s".', b.stage)),
				HINT = CASE WHEN b.stage = 'round 1' AND NOT b.partner_closed
					THEN 'CALL prio_processor.partner_is_closed() when the other server takes no more shares, then run().'
					ELSE 'CALL prio_processor.run() first.' END;
	END IF;
	RETURN QUERY EXECUTE format('
		SELECT prio_internal.json_line(coalesce(w.written, s.share_id::text),
			CASE WHEN octet_length(m.payload) > 0 THEN m.payload ELSE prio_internal.decoy($2, $3) END)
		FROM (SELECT DISTINCT ON (x.share_id) x.share_id, x.ordinal, x.ctid AS place FROM prio_internal.%I AS x WHERE x.share_id IS NOT NULL
				ORDER BY x.share_id, x.ordinal, x.ctid) AS s
			LEFT JOIN prio_internal.written_id AS w ON w.number = ($1).number AND w.share_id = s.share_id
			LEFT JOIN (SELECT a.share_id, e.payload FROM prio_internal.agreed_ids($1) AS a
				JOIN (SELECT g.chunk, e.number AS "position", e.payload FROM prio_internal.message AS g, LATERAL prio_internal.message_entries(g.payload) AS e
					WHERE g.number = ($1).number AND g.role = ($1).role AND g.round = $3) AS e USING (chunk, "position")) AS m ON m.share_id = s.share_id
		ORDER BY s.ordinal, s.place', 'share_' || b.number) USING b, b.server::text, round;
END $$;

COMMENT ON FUNCTION prio_processor.export_messages(text, int) IS 'the messages of this side in one round, as lines of a file';

-- ---------------------------------------------------------------- totals

CREATE FUNCTION prio_processor.export_total(batch_id text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.existing_batch(batch_id);
BEGIN
	PERFORM prio_internal.check_exchanges_files(b);
	IF b.total IS NULL OR b.stage = 'failed' THEN
		RAISE EXCEPTION 'batch "%" has no total to be sent', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(b.error, format('It is in stage "%s".', b.stage)), HINT = 'See what prio_processor.progress says about it.';
	END IF;
	RETURN json_build_object('payload', translate(encode(b.total, 'base64'), chr(10), ''), 'error', b.rejected, 'total', b.valid + b.rejected)::text;
END $$;

COMMENT ON FUNCTION prio_processor.export_total(text) IS 'the total share of this side as a line of a file';

CREATE PROCEDURE prio_processor.import_total(batch_id text, line text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch := prio_internal.lock_batch(batch_id);
	their_total bytea;
	their_rejected bigint;
	their_valid bigint;
	why text;
	h prio_internal.heard;
BEGIN
	PERFORM prio_internal.check_exchanges_files(b);
	BEGIN
		IF octet_length(line) <= 20000000 AND json_typeof(line::json -> 'payload') = 'string' THEN
			their_total := decode(line::json ->> 'payload', 'base64');
			their_rejected := prio_internal.peer_bigint(convert_to(line::json ->> 'error', 'UTF8'));
			their_valid := prio_internal.peer_bigint(convert_to(line::json ->> 'total', 'UTF8')) - their_rejected;
			PERFORM prio_internal.merged(their_total, b.server, NULL); -- an error unless it is one
			IF b.total IS NOT NULL THEN
				PERFORM prio_internal.published(b, their_total); -- an error unless it belongs to ours
			END IF;
		END IF;
	EXCEPTION WHEN data_exception THEN
		GET STACKED DIAGNOSTICS why = MESSAGE_TEXT;
		their_valid := NULL;
	END;
	IF their_total IS NULL OR their_valid IS NULL OR their_valid < 0 OR their_rejected < 0 THEN
		RAISE EXCEPTION 'the line is not the total share of a server'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = coalesce(why, 'Something is missing, or is not a number.'), HINT = 'It is {"payload": BASE64, "error": N, "total": N}, from the other server and about this batch.';
	END IF;
	SELECT * INTO STRICT h FROM prio_internal.heard AS x WHERE x.number = b.number FOR UPDATE;
	IF h.total IS NULL THEN
		UPDATE prio_internal.heard AS x SET valid = their_valid, rejected = their_rejected, has_total = true, total = their_total WHERE x.number = b.number;
	ELSIF (h.valid, h.rejected, h.total) IS DISTINCT FROM (their_valid, their_rejected, their_total) THEN
		RAISE EXCEPTION 'another total of the other server for batch "%" is here already', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.import_total(text, text) IS 'the total share of the other server from a line of a file';

-- ---------------------------------------------------------------- whole files

-- From a large object, into which psql's \lo_import puts a file byte by byte, whatever it holds; in
-- pieces, of which only the lines that are whole are taken. A line that is longer than any is not readable.
CREATE PROCEDURE prio_internal.import_object(batch_id text, round int, content oid) LANGUAGE plpgsql AS $$
DECLARE
	piece_bytes CONSTANT int := 4000000;
	longest CONSTANT int := 24000000;
	at bigint := 0::bigint;
	number bigint := 0::bigint;
	taken bigint := 0::bigint;
	unreadable bigint := 0::bigint;
	too_long boolean := false;
	rest bytea := ''::bytea;
	piece bytea;
	lines bytea[];
	part record;
BEGIN
	IF round IS NULL THEN
		-- an error before anything is read, also of an empty file
		PERFORM prio_processor.import_share_lines(batch_id, ARRAY[]::pg_catalog.bytea[]);
	END IF;
	LOOP
		piece := pg_catalog.lo_get(content, at, piece_bytes);
		at := at + pg_catalog.octet_length(piece);
		IF pg_catalog.octet_length(piece) = 0 THEN
			EXIT WHEN pg_catalog.octet_length(rest) = 0 AND NOT too_long;
			lines := ARRAY[rest];
			rest := ''::bytea;
		ELSE
			SELECT s.lines, s.rest INTO lines, rest FROM prio_internal.whole_lines(rest OPERATOR(pg_catalog.||) piece) AS s;
		END IF;
		IF too_long AND pg_catalog.cardinality(lines) > 0 THEN
			lines[1] := NULL; -- its end
			too_long := false;
		END IF;
		IF pg_catalog.octet_length(rest) > longest THEN
			rest := ''::bytea;
			too_long := true;
		END IF;
		IF pg_catalog.cardinality(lines) > 0 THEN
			IF round IS NULL THEN
				SELECT * INTO part FROM prio_processor.import_share_lines(batch_id, lines, number);
			ELSE
				SELECT * INTO part FROM prio_processor.import_message_lines(batch_id, round, lines);
			END IF;
			number := number + pg_catalog.cardinality(lines);
			taken := taken + part.taken;
			unreadable := unreadable + part.unreadable;
		END IF;
	END LOOP;
	RAISE NOTICE 'batch "%": % lines, % taken, % refused, % not readable', batch_id, number, taken, number - taken - unreadable, unreadable;
END $$;

COMMENT ON PROCEDURE prio_internal.import_object(text, int, oid) IS 'lines of a file in a large object';

CREATE PROCEDURE prio_processor.import_shares(batch_id text, file oid) LANGUAGE plpgsql AS $$
BEGIN
	CALL prio_internal.import_object(batch_id, NULL, file);
END $$;

COMMENT ON PROCEDURE prio_processor.import_shares(text, oid) IS 'shares from a file, which a large object holds; bad lines are counted';

CREATE PROCEDURE prio_processor.import_messages(batch_id text, round int, file oid) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM prio_internal.check_round(round);
	CALL prio_internal.import_object(batch_id, round, file);
	CALL prio_processor.finish_import(batch_id, round);
END $$;

COMMENT ON PROCEDURE prio_processor.import_messages(text, int, oid) IS 'all messages of the other server in one round from a file, which a large object holds';
