-- ---------------------------------------------------------------- what the other server may see

-- The Prio servers whose batches the role that asks may read of. One partner's are nobody else's:
-- where there are several, the foreign server of each says as whom it logs in here.
CREATE VIEW prio_internal.readable_server AS
SELECT p.server
FROM prio_processor.peer AS p JOIN pg_foreign_server AS s ON s.srvname = p.peer_server
	LEFT JOIN LATERAL pg_options_to_table(s.srvoptions) AS o ON o.option_name = 'login'
WHERE CASE
	WHEN o.option_value IS NULL THEN NOT EXISTS (SELECT FROM prio_processor.peer AS x WHERE x.peer_server <> p.peer_server)
	ELSE EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = o.option_value AND pg_has_role(r.oid, 'MEMBER')) END;

COMMENT ON VIEW prio_internal.readable_server IS 'the Prio servers whose partner asks';

CREATE VIEW prio_processor.outbox_checkpoint WITH (security_barrier) AS
SELECT b.batch_id, convert_to(b.batch_id, 'UTF8') AS batch_name, b.stage >= 'published' AS ended, b.settings, b.listed, b.list_digest,
	(SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = b.number AND m.role = b.role AND m.round = 1) AS messages_1, (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = b.number AND m.role = b.role AND m.round = 2) AS messages_2,
	CASE WHEN b.stage <> 'failed' THEN b.valid END AS valid, b.rejected, b.total IS NOT NULL AS has_total,
	CASE WHEN b.stage = 'failed' THEN coalesce(left(b.error, 400), 'failed') END AS failure,
	-- what this side has heard of the other
	CASE WHEN h.listed IS NOT NULL AND b.agreed IS NOT NULL THEN h.list_digest END AS heard_list_digest,
	(SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = b.number AND m.role <> b.role AND m.round = 1) AS heard_messages_1,
	(SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = b.number AND m.role <> b.role AND m.round = 2) AS heard_messages_2,
	h.valid AS heard_valid
FROM prio_processor.batch AS b JOIN prio_internal.readable_server USING (server) JOIN prio_internal.heard AS h USING (number)
WHERE b.checkpoints;

CREATE VIEW prio_processor.outbox_list WITH (security_barrier) AS
SELECT b.batch_id, l.piece, prio_internal.list_ids(l.entries) AS ids
FROM prio_processor.batch AS b JOIN prio_internal.readable_server USING (server) JOIN prio_internal.list AS l USING (number, role)
WHERE b.checkpoints AND b.list_digest IS NOT NULL AND b.stage <> 'failed';

CREATE VIEW prio_processor.outbox_message WITH (security_barrier) AS
SELECT b.batch_id, m.round, m.chunk, b.agreed_digest AS list_digest, m.payload
FROM prio_processor.batch AS b JOIN prio_internal.readable_server USING (server) JOIN prio_internal.message AS m USING (number, role)
WHERE b.checkpoints AND b.agreed_digest IS NOT NULL AND b.stage <> 'failed'
UNION ALL
-- the last word of a side: its total share
SELECT b.batch_id, 3, 0, b.agreed_digest, b.total
FROM prio_processor.batch AS b JOIN prio_internal.readable_server USING (server) WHERE b.checkpoints AND b.total IS NOT NULL AND b.stage <> 'failed';

COMMENT ON VIEW prio_processor.outbox_checkpoint IS 'how far this side is with each batch, for the other server to read';
COMMENT ON VIEW prio_processor.outbox_list IS 'the ids of the shares that this side has, once a batch is closed; for the other server to read';
COMMENT ON VIEW prio_processor.outbox_message IS 'the messages of this side, a row a chunk, and its total share as round 3; for the other server to read';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.batch_name IS 'the same in UTF-8, whatever the encodings of the two databases';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.ended IS 'is it published, too small or failed';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.settings IS 'what both sides must agree on';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.listed IS 'ids in the list of this side; NULL before it is out';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.list_digest IS 'SHA-256 over it';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.messages_1 IS 'chunks that this side has spoken about in round 1';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.messages_2 IS 'chunks that this side has spoken about in round 2';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.valid IS 'shares in the total; NULL before it is made';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.rejected IS 'packets of this side that are not';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.has_total IS 'is there a total, as there are enough valid shares';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.failure IS 'why it failed, if it did';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.heard_list_digest IS 'digest of the list of the other side, once it is here';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.heard_messages_1 IS 'chunks of which the other side''s messages of round 1 are here';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.heard_messages_2 IS 'chunks of which the other side''s messages of round 2 are here';
COMMENT ON COLUMN prio_processor.outbox_checkpoint.heard_valid IS 'shares in the other side''s total, once that is known here';
COMMENT ON COLUMN prio_processor.outbox_list.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.outbox_list.piece IS 'number of the piece, from 0';
COMMENT ON COLUMN prio_processor.outbox_list.ids IS 'ids in ascending order, 16 bytes each';
COMMENT ON COLUMN prio_processor.outbox_message.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.outbox_message.round IS '1 and 2; 3 is the total share';
COMMENT ON COLUMN prio_processor.outbox_message.chunk IS 'number of the chunk of the agreed list, from 0';
COMMENT ON COLUMN prio_processor.outbox_message.list_digest IS 'SHA-256 over the agreed list that this is about';
COMMENT ON COLUMN prio_processor.outbox_message.payload IS 'a message a share, each behind its length';

-- ---------------------------------------------------------------- asking it

-- How long one question may take, and all that are asked about a batch before others have their turn.
CREATE FUNCTION prio_internal.deadline() RETURNS interval LANGUAGE sql IMMUTABLE
	RETURN interval '20 seconds';

COMMENT ON FUNCTION prio_internal.deadline() IS 'how long the other server may take';

CREATE FUNCTION prio_internal.ask(p prio_processor.peer, question text, parameters text[], max_bytes bigint) RETURNS SETOF bytea[] LANGUAGE sql
BEGIN ATOMIC
	SELECT r FROM prio_internal.pull(p.peer_server, question, parameters, max_bytes, prio_internal.deadline()) AS r;
END;

COMMENT ON FUNCTION prio_internal.ask(prio_processor.peer, text, text[], bigint) IS 'asks the other server';

-- A peer that says two things is not believed again.
CREATE FUNCTION prio_internal.contradict(number int, reason text) RETURNS void LANGUAGE sql
BEGIN ATOMIC
	UPDATE prio_internal.heard AS h SET contradiction = reason WHERE h.number = contradict.number AND h.contradiction IS NULL;
END;

COMMENT ON FUNCTION prio_internal.contradict(int, text) IS 'notes why a batch must not go on with this other server';

-- One checkpoint of a batch that is under way here. All columns are bytes that the other server
-- chose; what cannot be read counts as not said.
CREATE FUNCTION prio_internal.hear(b prio_processor.batch, r bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	h prio_internal.heard;
	said prio_internal.heard;
	heard_list bytea := r[11];
BEGIN
	-- In an older snapshot the other server would seem to have heard what this one has not said.
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RETURN;
	END IF;
	SELECT * INTO h FROM prio_internal.heard AS x WHERE x.number = b.number FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN; -- another session is hearing the same
	END IF;
	said.settings := prio_internal.peer_text(r[3], 6000);
	said.listed := prio_internal.peer_bigint(r[4]);
	said.list_digest := CASE WHEN octet_length(r[5]) = 32 THEN r[5] END;
	said.messages_1 := least(greatest(prio_internal.peer_bigint(r[6]), 0), 2147483647)::int;
	said.messages_2 := least(greatest(prio_internal.peer_bigint(r[7]), 0), 2147483647)::int;
	said.valid := prio_internal.peer_bigint(r[8]);
	said.rejected := prio_internal.peer_bigint(r[9]);
	said.failure := prio_internal.peer_text(substr(r[10], 1, 2000), 2000);

	IF said.listed < 0 OR said.listed IS NOT NULL AND said.list_digest IS NULL THEN
		PERFORM prio_internal.contradict(b.number, 'the other server says something that is no checkpoint');
	ELSIF h.list_digest <> said.list_digest OR h.listed <> said.listed
		OR h.listed IS NOT NULL AND h.settings <> said.settings OR h.valid <> said.valid THEN
		PERFORM prio_internal.contradict(b.number, 'the other server has said one thing and now says another: it was restored from a backup, or cheats');
	ELSIF heard_list IS NOT NULL AND heard_list IS DISTINCT FROM b.list_digest
		OR prio_internal.peer_bigint(r[12]) > prio_internal.said_count(b.number, b.role, 1)
		OR prio_internal.peer_bigint(r[13]) > prio_internal.said_count(b.number, b.role, 2)
		OR prio_internal.peer_bigint(r[14]) IS NOT NULL AND b.valid IS NULL THEN
		-- Between our look at the batch and its answer this side may have said more.
		IF (SELECT heard_list IS NOT NULL AND heard_list IS DISTINCT FROM x.list_digest OR prio_internal.peer_bigint(r[14]) IS NOT NULL AND x.valid IS NULL
				FROM prio_processor.batch AS x WHERE x.number = b.number)
			OR prio_internal.peer_bigint(r[12]) > prio_internal.said_count(b.number, b.role, 1)
			OR prio_internal.peer_bigint(r[13]) > prio_internal.said_count(b.number, b.role, 2) THEN
			PERFORM prio_internal.contradict(b.number,
				'the other server has heard more than this one has said: this server was restored from a backup, or the other one cheats');
		END IF;
	END IF;
	UPDATE prio_internal.heard AS x
	SET settings = CASE WHEN x.listed IS NULL THEN coalesce(said.settings, x.settings) ELSE x.settings END,
		listed = coalesce(x.listed, said.listed), list_digest = coalesce(x.list_digest, said.list_digest),
		messages_1 = greatest(x.messages_1, said.messages_1), messages_2 = greatest(x.messages_2, said.messages_2),
		failure = said.failure, heard_total = x.heard_total OR r[14] IS NOT NULL
	WHERE x.number = b.number
		AND (x.settings, x.listed, x.messages_1, x.messages_2, x.failure, x.heard_total) IS DISTINCT FROM
			(coalesce(said.settings, x.settings), coalesce(said.listed, x.listed), greatest(x.messages_1, said.messages_1),
			greatest(x.messages_2, said.messages_2), said.failure, x.heard_total OR r[14] IS NOT NULL);
	-- The number comes before the total, which is asked for by itself.
	UPDATE prio_internal.heard AS x SET valid = said.valid, rejected = said.rejected, has_total = (r[15] = 'true'::bytea) IS TRUE WHERE x.number = b.number AND x.valid IS NULL AND said.valid IS NOT NULL;
END $$;

COMMENT ON FUNCTION prio_internal.hear(prio_processor.batch, bytea[]) IS 'takes note of a checkpoint of the other server';

-- Nobody waits for this, either: of two sessions that asked one may not be heard of.
CREATE FUNCTION prio_internal.note_contact(server name, error text, silent boolean, unknown text[], spent interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO prio_internal.contact AS c (server, asked_at, heard_at, error, silent, unknown_batches)
	VALUES (note_contact.server, clock_timestamp(), CASE WHEN note_contact.error IS NULL THEN clock_timestamp() END, note_contact.error, note_contact.silent, unknown)
	ON CONFLICT ON CONSTRAINT contact_pkey DO UPDATE SET asked_at = excluded.asked_at, heard_at = coalesce(excluded.heard_at, c.heard_at),
		error = excluded.error, silent = excluded.silent, unknown_batches = coalesce(excluded.unknown_batches, c.unknown_batches), spent = coalesce(note_contact.spent, c.spent);
EXCEPTION WHEN lock_not_available THEN
	NULL;
END $$;

COMMENT ON FUNCTION prio_internal.note_contact(name, text, boolean, text[], interval) IS 'notes how an attempt to reach the other server went';

-- Who answers slowly, a piece at a time perhaps, is not asked any more than that before the others have their turn.
CREATE FUNCTION prio_internal.note_spent(server name, took interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	enough boolean;
BEGIN
	UPDATE prio_internal.contact AS c
	SET spent = c.spent + took, silent = c.silent OR c.spent + took > prio_internal.deadline()
	WHERE c.server = (SELECT x.server FROM prio_internal.contact AS x WHERE x.server = note_spent.server FOR UPDATE SKIP LOCKED)
	RETURNING c.spent > prio_internal.deadline() INTO enough;
	RETURN coalesce(enough, false);
END $$;

COMMENT ON FUNCTION prio_internal.note_spent(name, interval) IS 'notes how long a question took; has the server been asked long enough since its checkpoints were';

CREATE FUNCTION prio_internal.asked_too_long(number int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM prio_processor.batch AS b JOIN prio_internal.contact AS c USING (server) JOIN prio_processor.peer AS p USING (server)
		WHERE b.number = asked_too_long.number AND p.peer_server IS NOT NULL AND c.spent > prio_internal.deadline());
END;

COMMENT ON FUNCTION prio_internal.asked_too_long(int) IS 'does the other server of a batch answer slowly';

-- Its silence is waited for once in a pass of run(), and not once a batch; so is an error that it takes its time
-- with, and an answer without end.
CREATE FUNCTION prio_internal.is_obstinate(sqlstate text, since timestamptz) RETURNS boolean LANGUAGE sql
	RETURN coalesce(sqlstate LIKE '08%' OR sqlstate = '54000' OR clock_timestamp() > since + prio_internal.deadline() / 4 AND sqlstate IS NOT NULL, false);

COMMENT ON FUNCTION prio_internal.is_obstinate(text, timestamptz) IS 'is a server not to be asked again in this pass of run(), after an error';

-- Asks about all batches of a server that are under way. NULL, or what went wrong.
CREATE FUNCTION prio_internal.pull_checkpoints(server name) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	p prio_processor.peer;
	b prio_processor.batch;
	r bytea[];
	names bytea[];
	name text;
	unknown text[] := ARRAY[]::text[];
	why text;
	hint text;
	kind text;
	began timestamptz := clock_timestamp();
BEGIN
	PERFORM prio_internal.commit_synchronously();
	SELECT * INTO p FROM prio_processor.peer AS x WHERE x.server = pull_checkpoints.server AND x.peer_server IS NOT NULL;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	BEGIN
		PERFORM prio_internal.check_here(p);
		-- As bytes: a name that the other database cannot hold is not there, and no error.
		names := ARRAY(SELECT convert_to(x.batch_id, 'UTF8') FROM prio_processor.batch AS x
			WHERE x.server = p.server AND x.checkpoints AND (x.stage < 'published' OR x.stage = 'failed' AND x.dropped_at IS NULL));
		FOR r IN SELECT * FROM prio_internal.ask(p,
			'SELECT batch_name, ended::text, settings, listed::text, list_digest, messages_1::text, messages_2::text, valid::text, rejected::text,
				failure, heard_list_digest, heard_messages_1::text, heard_messages_2::text, heard_valid::text, has_total::text
			FROM prio_processor.outbox_checkpoint WHERE batch_name = ANY ($1::bytea[]) OR NOT ended ORDER BY batch_name = ANY ($1::bytea[]) DESC LIMIT $2::bigint',
			ARRAY[names::text, (cardinality(names) + 100)::text],
			1000000 + 12000::bigint * cardinality(names)) LOOP
			CONTINUE WHEN array_ndims(r) <> 1 OR cardinality(r) <> 15;
			name := prio_internal.peer_text(r[1], 1000);
			SELECT * INTO b FROM prio_processor.batch AS x WHERE x.batch_id = name AND x.server = p.server AND x.checkpoints;
			IF NOT FOUND THEN
				IF r[2] = 'false'::bytea AND cardinality(unknown) < 100 AND NOT EXISTS (SELECT FROM prio_processor.batch AS x WHERE x.batch_id = name) THEN
					unknown := unknown || coalesce(name, '(a name that cannot be written here)');
				END IF;
			ELSIF b.stage < 'published' OR b.stage = 'failed' THEN
				PERFORM prio_internal.hear(b, r);
			END IF;
		END LOOP;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS why = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT, kind = RETURNED_SQLSTATE;
		unknown := NULL;
	END;
	PERFORM prio_internal.note_contact(p.server, why, prio_internal.is_obstinate(kind, began), unknown, interval '0');
	RETURN why || coalesce('. ' || nullif(hint, ''), '');
END $$;

COMMENT ON FUNCTION prio_internal.pull_checkpoints(name) IS 'asks the other server how far it is with the batches under way here';

-- ---------------------------------------------------------------- asking for more

CREATE FUNCTION prio_internal.list_is_complete(b prio_processor.batch, h prio_internal.heard) RETURNS boolean LANGUAGE sql STABLE
	RETURN h.listed IS NOT NULL AND h.listed = (SELECT coalesce(sum(octet_length(l.entries) / 16), 0) FROM prio_internal.list AS l
		WHERE l.number = b.number AND l.role = prio_internal.other_role(b.role));

COMMENT ON FUNCTION prio_internal.list_is_complete(prio_processor.batch, prio_internal.heard) IS 'is the whole list of the other server here';

-- What a batch needs that the other server has: 'list', '1' or '2' for messages, 'total'; NULL for nothing.
CREATE FUNCTION prio_internal.need(b prio_processor.batch, h prio_internal.heard) RETURNS text LANGUAGE sql STABLE
	RETURN CASE
		WHEN NOT b.checkpoints OR h.contradiction IS NOT NULL THEN NULL
		WHEN b.stage = 'agree' THEN CASE WHEN h.listed > 0 AND NOT prio_internal.list_is_complete(b, h) THEN 'list' END
		WHEN b.stage IN ('round 1', 'round 2') AND prio_internal.said_count(b.number, prio_internal.other_role(b.role), 1) < least(h.messages_1, prio_internal.chunk_count(b)) THEN '1'
		WHEN b.stage IN ('round 2', 'aggregate') AND prio_internal.said_count(b.number, prio_internal.other_role(b.role), 2) < least(h.messages_2, prio_internal.chunk_count(b)) THEN '2'
		WHEN b.stage = 'publish' AND h.valid = b.valid AND h.has_total AND h.total IS NULL THEN 'total' END;

COMMENT ON FUNCTION prio_internal.need(prio_processor.batch, prio_internal.heard) IS 'what a batch needs that the other server has';

CREATE FUNCTION prio_internal.list_pieces(number int, role text) RETURNS int LANGUAGE sql STABLE
	RETURN (SELECT count(*)::int FROM prio_internal.list AS l WHERE l.number = list_pieces.number AND l.role = list_pieces.role);

COMMENT ON FUNCTION prio_internal.list_pieces(int, text) IS 'pieces of a list that are here';

-- first is the piece that the rows begin with. Two sessions may have asked for the same: who comes second keeps nothing.
CREATE FUNCTION prio_internal.take_list(b prio_processor.batch, h prio_internal.heard, first int, rows bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	peer text := prio_internal.other_role(b.role);
	size int := b.chunk_shares;
	have int;
	last uuid;
	ids bytea;
BEGIN
	PERFORM FROM prio_internal.heard AS x WHERE x.number = b.number FOR UPDATE;
	have := prio_internal.list_pieces(b.number, peer);
	IF have <> first THEN
		RETURN;
	END IF;
	last := (SELECT prio_internal.last_id(l.entries) FROM prio_internal.list AS l WHERE l.number = b.number AND l.role = peer ORDER BY l.piece DESC LIMIT 1);
	FOREACH ids IN ARRAY rows LOOP
		IF ids IS NULL OR octet_length(ids) <> 16 * least(size, h.listed - have::bigint * size) OR NOT prio_internal.ids_ascend(ids, last) THEN
			PERFORM prio_internal.contradict(b.number, format('piece %s of the other server''s list is none', have));
			RETURN;
		END IF;
		INSERT INTO prio_internal.list (number, role, piece, entries) VALUES (b.number, peer, have, ids);
		have := have + 1;
		last := prio_internal.last_id(ids);
	END LOOP;
	IF prio_internal.list_is_complete(b, h) AND prio_internal.digest_of_list(b.number, peer, false) <> h.list_digest THEN
		PERFORM prio_internal.contradict(b.number, 'the other server''s list is not the one that it has the digest of');
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.take_list(prio_processor.batch, prio_internal.heard, int, bytea[]) IS 'keeps pieces of the other server''s list';

CREATE FUNCTION prio_internal.take_message(b prio_processor.batch, round int, r bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	peer text := prio_internal.other_role(b.role);
	about int := least(greatest(prio_internal.peer_bigint(r[1]), -1), 2147483647)::int;
	shares int := (SELECT a.shares FROM prio_internal.agreed AS a WHERE a.number = b.number AND a.chunk = about);
BEGIN
	IF shares IS NULL OR r[2] IS DISTINCT FROM b.agreed_digest THEN
		PERFORM prio_internal.contradict(b.number, 'the other server speaks about another list of shares than the two lists make');
	ELSIF r[3] IS NULL OR NOT prio_internal.entries_fit(r[3], shares, prio_internal.longest_entry(b.server::text, b.n_data, round)) THEN
		PERFORM prio_internal.contradict(b.number, format('the other server''s messages of round %s about chunk %s are none', round, about));
	ELSE
		INSERT INTO prio_internal.message (number, role, round, chunk, payload) VALUES (b.number, peer, round, about, r[3]) ON CONFLICT DO NOTHING;
		IF prio_internal.said(b.number, peer, round, about) <> r[3] THEN
			PERFORM prio_internal.contradict(b.number, format('the other server said two things in round %s about chunk %s', round, about));
		END IF;
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.take_message(prio_processor.batch, int, bytea[]) IS 'keeps the other server''s messages about a chunk';

-- Of sessions that have asked for the same one keeps what came.
CREATE FUNCTION prio_internal.may_take(number int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM prio_internal.heard AS h WHERE h.number = may_take.number FOR UPDATE SKIP LOCKED;
	RETURN FOUND;
END $$;

COMMENT ON FUNCTION prio_internal.may_take(int) IS 'is it for this transaction to keep what the other server said about a batch';

-- Asks for what a batch needs, as much as one answer may hold: true if something came. Holds no lock
-- while it asks.
CREATE FUNCTION prio_internal.pull_batch(number int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch;
	h prio_internal.heard;
	p prio_processor.peer;
	needed text;
	size int;
	longest int;
	first int;
	rows bytea[] := ARRAY[]::bytea[];
	chunks int[];
	r bytea[];
	came boolean := false;
	why text;
	kind text;
	began timestamptz := clock_timestamp();
	took interval;
BEGIN
	PERFORM prio_internal.commit_synchronously();
	SELECT * INTO STRICT b FROM prio_processor.batch AS x WHERE x.number = pull_batch.number;
	SELECT * INTO STRICT h FROM prio_internal.heard AS x WHERE x.number = b.number;
	SELECT * INTO p FROM prio_processor.peer AS x WHERE x.server = b.server AND x.peer_server IS NOT NULL;
	needed := prio_internal.need(b, h);
	IF needed IS NULL OR p.server IS NULL OR current_setting('transaction_isolation') <> 'read committed'
		OR (SELECT c.silent FROM prio_internal.contact AS c WHERE c.server = p.server) THEN
		RETURN false;
	END IF;
	PERFORM prio_internal.show_work('asks for ' || needed, b.batch_id);
	size := b.chunk_shares;
	BEGIN
		IF needed = 'list' THEN
			-- Nobody keeps a list for this side that is out of all proportion.
			IF h.listed > 10 * b.listed + 1000000 THEN
				PERFORM prio_internal.contradict(b.number, format('the other server lists %s shares, and this one %s', h.listed, b.listed));
				RETURN true;
			END IF;
			first := prio_internal.list_pieces(b.number, prio_internal.other_role(b.role));
			FOR r IN SELECT * FROM prio_internal.ask(p, 'SELECT ids FROM prio_processor.outbox_list
				WHERE batch_id = $1 AND piece >= $2::int ORDER BY piece LIMIT 100', ARRAY[b.batch_id, first::text],
				100 * (16::bigint * size + 1000)) LOOP
				rows := rows || r[1];
			END LOOP;
			took := clock_timestamp() - began;
			came := cardinality(rows) > 0 AND prio_internal.may_take(b.number);
			IF came THEN
				PERFORM prio_internal.take_list(b, h, first, rows);
			END IF;
		ELSIF needed = 'total' THEN
			FOR r IN SELECT * FROM prio_internal.ask(p, 'SELECT payload FROM prio_processor.outbox_message WHERE batch_id = $1 AND round = 3 LIMIT 1',
				ARRAY[b.batch_id], 10000::bigint + prio_internal.longest_entry(b.server::text, b.n_data, 3)) LOOP
				came := prio_internal.may_take(b.number);
				EXIT WHEN NOT came;
				UPDATE prio_internal.heard AS x SET total = r[1] WHERE x.number = b.number AND x.total IS NULL;
			END LOOP;
		ELSE
			longest := prio_internal.longest_entry(b.server::text, b.n_data, needed::int) + 5;
			-- so that one answer has 16 MB or so
			chunks := ARRAY(SELECT a.chunk FROM prio_internal.agreed AS a WHERE a.number = b.number
				EXCEPT SELECT m.chunk FROM prio_internal.message AS m
				WHERE m.number = b.number AND m.role = prio_internal.other_role(b.role) AND m.round = needed::int ORDER BY chunk
				LIMIT greatest(1, least(100, 16000000 / (size::bigint * longest))));
			FOR r IN SELECT * FROM prio_internal.ask(p, 'SELECT chunk::text, list_digest, payload FROM prio_processor.outbox_message
				WHERE batch_id = $1 AND round = $2::int AND chunk = ANY ($3::int[]) ORDER BY chunk LIMIT 100', ARRAY[b.batch_id, needed, chunks::text],
				greatest(1, cardinality(chunks)) * (size::bigint * longest + 1000)) LOOP
				CONTINUE WHEN array_ndims(r) <> 1 OR cardinality(r) <> 3;
				came := came OR prio_internal.may_take(b.number);
				EXIT WHEN NOT came;
				PERFORM prio_internal.take_message(b, needed::int, r);
			END LOOP;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS why = MESSAGE_TEXT, kind = RETURNED_SQLSTATE;
		came := false;
	END;
	IF why IS NOT NULL THEN
		PERFORM prio_internal.note_contact(p.server, why, prio_internal.is_obstinate(kind, began), NULL, NULL);
	END IF;
	IF prio_internal.note_spent(p.server, coalesce(took, clock_timestamp() - began)) OR why IS NOT NULL THEN
		UPDATE prio_internal.heard AS x SET in_vain_at = clock_timestamp()
		WHERE x.number = (SELECT y.number FROM prio_internal.heard AS y WHERE y.number = b.number FOR UPDATE SKIP LOCKED);
	END IF;
	RETURN came;
END $$;

COMMENT ON FUNCTION prio_internal.pull_batch(int) IS 'asks the other server for what a batch needs; true if something came';

-- ---------------------------------------------------------------- joining

-- A copy of this database, for staging or in another cluster, is not joined to anybody.
CREATE FUNCTION prio_internal.check_here(p prio_processor.peer) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM prio_internal.identity() AS i WHERE (i.system_identifier, i.database) = (p.system_identifier, p.database)) THEN
		RAISE EXCEPTION 'server "%" is not joined in this database', p.server
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'It was joined in another database, of which this one is a copy.',
				HINT = 'If this database takes that one''s place, call after_restore() and join_peer().';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_here(prio_processor.peer) IS 'an error in a copy of the database';

CREATE FUNCTION prio_internal.wrapper_of(server name) RETURNS name LANGUAGE sql STABLE STRICT
	RETURN (SELECT w.fdwname FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw WHERE s.srvname = server);

COMMENT ON FUNCTION prio_internal.wrapper_of(name) IS 'the wrapper of a foreign server; NULL if there is none';

-- A server that reads its own messages would take every proof for a failed one. A slip of an
-- address, and no more: what cannot be asked counts as another database. Not by the identifier of
-- the cluster: two that are copies of one template have the same.
CREATE FUNCTION prio_internal.is_this_database(p prio_processor.peer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN EXISTS (SELECT FROM prio_internal.ask(p, 'SELECT EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time())::text, d.oid::text
			FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()', ARRAY[]::text[], 1000) AS r, prio_internal.identity() AS i
		WHERE prio_internal.peer_text(r[1], 100) = EXTRACT(epoch FROM pg_postmaster_start_time())::text AND prio_internal.peer_text(r[2], 100) = i.database::text);
EXCEPTION WHEN OTHERS THEN
	RETURN false;
END $$;

COMMENT ON FUNCTION prio_internal.is_this_database(prio_processor.peer) IS 'does the way to the other server lead back here';

CREATE PROCEDURE prio_processor.join_peer(server name, peer_public_key text, peer_server name DEFAULT NULL)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	own_role text := prio_internal.server_role(server);
	own_key text := lower(prio_internal.server_option(server, 'public_key'));
	key text := lower(peer_public_key);
	p prio_processor.peer;
	without_login text;
	why text;
BEGIN
	IF prio_internal.wrapper_of(server) IS DISTINCT FROM 'prio' THEN
		RAISE EXCEPTION 'server "%" is not a Prio server', server
			USING ERRCODE = 'undefined_object', HINT = 'Create one with CREATE SERVER ... FOREIGN DATA WRAPPER prio.';
	ELSIF EXISTS (SELECT FROM prio_processor.peer AS x WHERE x.role <> own_role) THEN
		RAISE EXCEPTION 'this database is server % already', prio_internal.other_role(own_role)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'The two servers belong in two databases, of two owners.';
	ELSIF own_key IS NULL AND key IS NOT NULL THEN
		RAISE EXCEPTION 'shares of server "%" are not sealed', server
			USING ERRCODE = 'invalid_parameter_value', HINT = 'There is no public key of the other server: pass NULL.';
	ELSIF own_key IS NOT NULL AND (key IS NULL OR key !~ '^[0-9a-f]{64}$') THEN
		RAISE EXCEPTION 'invalid public key of the other server'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Expected 64 hexadecimal digits.',
				HINT = 'It is what encode(public_key, ''hex'') gives there.';
	ELSIF key = own_key THEN
		RAISE EXCEPTION 'this is the public key of server "%" itself', server
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Expected that of the other server.';
	ELSIF peer_server IS NOT NULL AND prio_internal.wrapper_of(peer_server) IS DISTINCT FROM 'prio_peer' THEN
		RAISE EXCEPTION 'server "%" does not say where the other database is', peer_server
			USING ERRCODE = 'undefined_object', HINT = 'Create it with CREATE SERVER ... FOREIGN DATA WRAPPER prio_peer OPTIONS (host ..., dbname ...), and a user mapping for the owner of this extension.';
	END IF;
	INSERT INTO prio_processor.peer AS x (server, role, peer_public_key, peer_server, system_identifier, database)
	SELECT join_peer.server, own_role, key, join_peer.peer_server, i.system_identifier, i.database FROM prio_internal.identity() AS i
	ON CONFLICT ON CONSTRAINT peer_pkey DO UPDATE SET role = excluded.role, peer_public_key = excluded.peer_public_key, peer_server = excluded.peer_server,
		system_identifier = excluded.system_identifier, database = excluded.database
	RETURNING * INTO p;
	SELECT min(x.peer_server) INTO without_login
	FROM prio_processor.peer AS x JOIN pg_foreign_server AS s ON s.srvname = x.peer_server
	WHERE NOT EXISTS (SELECT FROM pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'login')
		AND EXISTS (SELECT FROM prio_processor.peer AS y WHERE y.peer_server <> x.peer_server);
	IF without_login IS NOT NULL THEN
		RAISE EXCEPTION 'two partners would read each other''s messages'
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Nothing says as whom the partner of server "%s" logs in here.', without_login),
				HINT = format('ALTER SERVER %I OPTIONS (ADD login ''...'') says it. Give each partner a role of its own, a member of prio_peer.', without_login);
	END IF;
	IF p.peer_server IS NOT NULL THEN
		why := prio_internal.pull_checkpoints(p.server);
		IF why IS NOT NULL THEN
			RAISE NOTICE 'the other server does not answer yet: %', why USING HINT = 'run() tries again; the server log may say more.';
		ELSIF prio_internal.is_this_database(p) THEN
			RAISE EXCEPTION 'server "%" leads to this database itself', p.peer_server
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Its options say where the database of the other server is.';
		END IF;
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.join_peer(name, text, name) IS 'makes the other server known: its public key, and where its messages are read';

CREATE PROCEDURE prio_processor.leave_peer(server name) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	unfinished text := (SELECT b.batch_id FROM prio_processor.batch AS b WHERE b.server = leave_peer.server AND b.stage < 'published' LIMIT 1);
BEGIN
	IF unfinished IS NOT NULL THEN
		RAISE EXCEPTION 'batch "%" of server "%" is not finished', unfinished, server
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Let run() finish it, or end it with give_up_batch().';
	END IF;
	DELETE FROM prio_processor.peer AS p WHERE p.server = leave_peer.server;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'server "%" has no peer', server USING ERRCODE = 'undefined_object';
	END IF;
	DELETE FROM prio_internal.contact AS c WHERE c.server = leave_peer.server;
	DELETE FROM prio_processor.series AS s WHERE s.server = leave_peer.server;
END $$;

COMMENT ON PROCEDURE prio_processor.leave_peer(name) IS 'undoes join_peer(); batches and results stay';

CREATE PROCEDURE prio_processor.set_floor(server name, min_batch_size bigint DEFAULT NULL, max_missing numeric DEFAULT NULL)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF min_batch_size < 1 OR max_missing NOT BETWEEN 0 AND 1 THEN
		RAISE EXCEPTION 'there is no such floor'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'min_batch_size is at least 1, max_missing between 0 and 1.';
	END IF;
	UPDATE prio_processor.peer AS p SET min_batch_size = set_floor.min_batch_size, max_missing = set_floor.max_missing WHERE p.server = set_floor.server;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'server "%" has no peer', server
			USING ERRCODE = 'undefined_object', HINT = 'Join it to the other server with join_peer().';
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.set_floor(name, bigint, numeric) IS 'what no batch of a server may go below; NULL for no floor';

-- ---------------------------------------------------------------- after a restore

-- What this side said after the backup is not in it: it must not speak again about what it may have
-- spoken about.
CREATE PROCEDURE prio_processor.after_restore(keep_key boolean DEFAULT false) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch;
	p prio_processor.peer;
	keys text[];
BEGIN
	FOR b IN SELECT x.* FROM prio_processor.batch AS x WHERE x.stage < 'published' ORDER BY x.number FOR UPDATE LOOP
		PERFORM prio_internal.fail_batch(b, 'given up: this server was restored from a backup');
	END LOOP;
	UPDATE prio_processor.batch AS x SET error = 'given up: this server was restored from a backup', drop_wanted = true
	WHERE x.stage = 'failed' AND x.dropped_at IS NULL;
	-- What packets were seen under, and what they are made for now: of a verify key that cannot be read only the first.
	keys := ARRAY(SELECT s.key FROM prio_internal.scope AS s WHERE NOT keep_key);
	DELETE FROM prio_internal.outlived_key AS o WHERE o.key LIKE 'server %';
	FOR p IN SELECT * FROM prio_processor.peer LOOP
		BEGIN
			keys := keys || prio_internal.scope_keys(p.server);
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING 'the key of server "%" cannot be read: %', p.server, SQLERRM
				USING HINT = 'All else is done. Put the old key back and call after_restore() again, or make a server of another name, with a new key.';
			keys := keys || ('server ' || p.server);
		END;
	END LOOP;
	IF keep_key THEN
		DELETE FROM prio_internal.outlived_key AS o WHERE o.key = ANY (keys);
	ELSE
		INSERT INTO prio_internal.outlived_key (key) SELECT k FROM unnest(keys) AS k ON CONFLICT DO NOTHING;
	END IF;
	UPDATE prio_processor.peer AS p SET system_identifier = i.system_identifier, database = i.database FROM prio_internal.identity() AS i;
END $$;

COMMENT ON PROCEDURE prio_processor.after_restore(boolean) IS 'must be called after a restore from a backup: gives up every unfinished batch, and asks for new keys';

-- A standby that was synchronous lost nothing, but nothing here can tell: somebody has to.
CREATE PROCEDURE prio_processor.after_failover() LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	UPDATE prio_processor.batch AS x SET timeline = i.timeline, error = NULL, error_at = NULL
	FROM prio_internal.identity() AS i WHERE x.stage < 'published' AND (x.system_identifier, x.database) = (i.system_identifier, i.database);
END $$;

COMMENT ON PROCEDURE prio_processor.after_failover() IS 'vouches that a failover lost nothing that was committed, so that unfinished batches go on';
