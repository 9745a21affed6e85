/* prio_processor--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION prio_processor" to load this file. \quit

-- How to read this file. Tables come first. What opens, checks and adds up shares are SQL
-- functions with a parsed body: they are bound to the functions of prio wherever that
-- extension is moved. Around them PL/pgSQL keeps a batch going: advance() makes one step of
-- one batch in one transaction, and run() calls it for as long as there is something to do.
--
-- What an operator may call runs with the rights of the owner of the extension, who needs
-- the user mapping: the operator has no right to the shares, to the tables behind them, or to
-- the keys, so that nothing but these functions can move a batch.

-- ---------------------------------------------------------------- roles

DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['prio_ingest', 'prio_operator', 'prio_reader', 'prio_peer'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;
END $$;

-- ---------------------------------------------------------------- tables

-- In the order in which a batch goes through them; the last three are ends.
CREATE TYPE stage AS ENUM ('open', 'verify1', 'verify2', 'aggregate', 'publish', 'published', 'too small', 'failed');

COMMENT ON TYPE stage IS 'how far a batch is; it only ever goes forward';

CREATE SEQUENCE batch_number;
CREATE SEQUENCE share_number;

COMMENT ON SEQUENCE batch_number IS 'numbers of batches, which name their partitions';
COMMENT ON SEQUENCE share_number IS 'the order in which shares arrive';

CREATE TABLE peer (
	server name PRIMARY KEY,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	peer_public_key text NOT NULL CHECK (peer_public_key ~ '^[0-9a-f]{64}$'),
	conninfo text,
	slot text NOT NULL
);

COMMENT ON TABLE peer IS 'the Prio servers of this database and who the other server is; written by join_peer()';
COMMENT ON COLUMN peer.server IS 'foreign server that holds the role and keys of this side';
COMMENT ON COLUMN peer.role IS 'role of this side, A or B; the same for all servers of a database';
COMMENT ON COLUMN peer.peer_public_key IS 'public key of the other server, 64 hexadecimal digits';
COMMENT ON COLUMN peer.conninfo IS 'how to reach the other database for its messages; NULL when they come as files or by other means';
COMMENT ON COLUMN peer.slot IS 'beginning of the names of the replication slots on both sides';

CREATE TABLE batch (
	batch_id text PRIMARY KEY CHECK (octet_length(batch_id) BETWEEN 1 AND 1000),
	number int NOT NULL UNIQUE DEFAULT nextval('batch_number'),
	server name NOT NULL REFERENCES peer,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	n_data int NOT NULL,
	bits int,
	min_batch_size bigint NOT NULL CHECK (min_batch_size >= 1),
	ordinals boolean NOT NULL,
	checkpoints boolean NOT NULL,
	close_at timestamptz,
	stage stage NOT NULL DEFAULT 'open',
	attempt int NOT NULL DEFAULT 0,
	failed_stage stage,
	error text,
	error_at timestamptz,
	total bytea,
	valid bigint NOT NULL DEFAULT 0,
	dropped_at timestamptz,
	CHECK (bits BETWEEN 1 AND 42 AND n_data % bits = 0),
	CHECK ((stage = 'failed') = (failed_stage IS NOT NULL))
);

COMMENT ON TABLE batch IS 'one row a batch, for good: an id is used once';
COMMENT ON COLUMN batch.batch_id IS 'name of the batch, the same for clients and both servers';
COMMENT ON COLUMN batch.number IS 'its partitions are called share_NUMBER, verifier_NUMBER and so on';
COMMENT ON COLUMN batch.server IS 'foreign server with the role and keys of this side';
COMMENT ON COLUMN batch.role IS 'role of this side, A or B';
COMMENT ON COLUMN batch.n_data IS 'data fields (bits) of every share';
COMMENT ON COLUMN batch.bits IS 'bits of an integer, when the data are integers; NULL when they are single bits';
COMMENT ON COLUMN batch.min_batch_size IS 'with fewer valid shares nothing leaves this server, and nothing is published';
COMMENT ON COLUMN batch.ordinals IS 'does every share have an evaluation point of its own, as the command-line tool of prio-processor has it';
COMMENT ON COLUMN batch.checkpoints IS 'does the other server send checkpoints; false when it exchanges files of JSON lines';
COMMENT ON COLUMN batch.close_at IS 'when run() closes the batch by itself; NULL for never';
COMMENT ON COLUMN batch.stage IS 'what is being done, or what became of it';
COMMENT ON COLUMN batch.attempt IS 'how often the batch was retried after a failure';
COMMENT ON COLUMN batch.failed_stage IS 'of a failed batch, the stage in which it failed';
COMMENT ON COLUMN batch.error IS 'why it failed, or what went wrong at the last try';
COMMENT ON COLUMN batch.error_at IS 'when that was';
COMMENT ON COLUMN batch.total IS 'total share of this side so far';
COMMENT ON COLUMN batch.valid IS 'shares in that total';
COMMENT ON COLUMN batch.dropped_at IS 'when its shares, verifiers and messages were dropped';

CREATE TABLE stage_progress (
	batch_id text NOT NULL REFERENCES batch,
	stage stage NOT NULL,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	done bigint NOT NULL DEFAULT 0,
	total bigint,
	position bigint NOT NULL DEFAULT 0,
	first_at timestamptz,
	last_at timestamptz,
	PRIMARY KEY (batch_id, stage)
);

COMMENT ON TABLE stage_progress IS 'how far each stage of each batch is; see the view progress';
COMMENT ON COLUMN stage_progress.batch_id IS 'the batch';
COMMENT ON COLUMN stage_progress.stage IS 'the stage';
COMMENT ON COLUMN stage_progress.started_at IS 'when the stage began, which may be with waiting for the other server';
COMMENT ON COLUMN stage_progress.finished_at IS 'when it was finished';
COMMENT ON COLUMN stage_progress.done IS 'shares done so far';
COMMENT ON COLUMN stage_progress.total IS 'shares to do; NULL as long as the other server has not sent what it takes';
COMMENT ON COLUMN stage_progress.position IS 'number of the last share done';
COMMENT ON COLUMN stage_progress.first_at IS 'when it was begun with the first shares';
COMMENT ON COLUMN stage_progress.last_at IS 'when the last ones were';

-- The partitions of a batch have indexes and triggers of their own, see add_partitions(): a
-- dump could not restore those that come with the tables of an extension.
CREATE TABLE share (
	batch_id text NOT NULL,
	share_id uuid NOT NULL,
	number bigint NOT NULL DEFAULT nextval('share_number') CHECK (number > 0),
	ordinal bigint NOT NULL DEFAULT 0 CHECK (ordinal >= 0),
	payload bytea NOT NULL
) PARTITION BY LIST (batch_id);

-- It does not compress.
ALTER TABLE share ALTER payload SET STORAGE EXTERNAL;

-- For a batch that does not exist or was dropped: nothing gets in here. Without these indexes
-- no plan for all partitions would be worth keeping.
CREATE TABLE share_other PARTITION OF share (PRIMARY KEY (share_id)) DEFAULT;
CREATE INDEX ON share_other (substr(payload, 1, 32));
CREATE INDEX ON share_other (number);

COMMENT ON TABLE share IS 'what clients sent for this server';
COMMENT ON TABLE share_other IS 'always empty';
COMMENT ON COLUMN share.batch_id IS 'batch it is for';
COMMENT ON COLUMN share.share_id IS 'the same for both shares of a client';
COMMENT ON COLUMN share.number IS 'order of arrival on this side';
COMMENT ON COLUMN share.ordinal IS 'which evaluation point it is checked at, for good; 0 unless the batch has ordinals';
COMMENT ON COLUMN share.payload IS 'the sealed packet';

CREATE TABLE verifier (
	batch_id text NOT NULL,
	share_id uuid NOT NULL,
	number bigint NOT NULL,
	verifier prio_verifier NOT NULL
) PARTITION BY LIST (batch_id);

COMMENT ON TABLE verifier IS 'private state of this server about every share that opened';
COMMENT ON COLUMN verifier.batch_id IS 'batch of the share';
COMMENT ON COLUMN verifier.share_id IS 'id of the share';
COMMENT ON COLUMN verifier.number IS 'its number';
COMMENT ON COLUMN verifier.verifier IS 'never to leave this server';

CREATE TABLE message (
	batch_id text NOT NULL,
	share_id uuid NOT NULL,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	round smallint NOT NULL CHECK (round IN (1, 2)),
	payload bytea NOT NULL
) PARTITION BY LIST (batch_id);

-- Messages may arrive before their batch is created here.
CREATE TABLE message_early PARTITION OF message (PRIMARY KEY (batch_id, role, round, share_id)) DEFAULT;

COMMENT ON TABLE message IS 'messages about single shares; each side publishes the rows of its own role';
COMMENT ON TABLE message_early IS 'messages of the other server for batches that this one does not have yet';
COMMENT ON COLUMN message.batch_id IS 'batch of the share';
COMMENT ON COLUMN message.share_id IS 'id of the share';
COMMENT ON COLUMN message.role IS 'who says it';
COMMENT ON COLUMN message.round IS '1: verify1, 2: verify2';
COMMENT ON COLUMN message.payload IS 'the message, at most 24 bytes; of a longer one, which is none, the first 64';

CREATE TABLE checkpoint (
	batch_id text NOT NULL,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	stage text NOT NULL CHECK (stage IN ('open', 'verify1', 'verify2', 'aggregate', 'failed')),
	attempt int NOT NULL,
	messages bigint,
	valid bigint,
	rejected bigint,
	total bytea,
	settings jsonb,
	error text,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (batch_id, role, stage, attempt)
);

COMMENT ON TABLE checkpoint IS 'what a side says when it has finished a stage; each side publishes the rows of its own role';
COMMENT ON COLUMN checkpoint.batch_id IS 'the batch';
COMMENT ON COLUMN checkpoint.role IS 'who says it';
COMMENT ON COLUMN checkpoint.stage IS 'the stage that is finished; failed: the batch is given up for now';
COMMENT ON COLUMN checkpoint.attempt IS 'how often the batch had been retried on that side';
COMMENT ON COLUMN checkpoint.messages IS 'after verify1 and verify2: how many messages it sent';
COMMENT ON COLUMN checkpoint.valid IS 'after aggregate: shares in the total';
COMMENT ON COLUMN checkpoint.rejected IS 'after aggregate: shares that are not';
COMMENT ON COLUMN checkpoint.total IS 'after aggregate: the total share; NULL if there are fewer than min_batch_size';
COMMENT ON COLUMN checkpoint.settings IS 'after open: what both sides must agree on';
COMMENT ON COLUMN checkpoint.error IS 'of a failed batch: why';
COMMENT ON COLUMN checkpoint.at IS 'when it was written';

CREATE TABLE rejection (
	batch_id text NOT NULL,
	share_id uuid,
	stage stage NOT NULL,
	reason text NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY LIST (batch_id);

CREATE TABLE rejection_other PARTITION OF rejection DEFAULT;

COMMENT ON TABLE rejection IS 'which share fell out, when and why; see the view rejections';
COMMENT ON TABLE rejection_other IS 'shares that came after their batch was dropped';
COMMENT ON COLUMN rejection.batch_id IS 'batch of the share';
COMMENT ON COLUMN rejection.share_id IS 'id of the share';
COMMENT ON COLUMN rejection.stage IS 'stage in which it fell out; open: on arrival';
COMMENT ON COLUMN rejection.reason IS 'why';
COMMENT ON COLUMN rejection.at IS 'when';

CREATE TABLE result (
	batch_id text PRIMARY KEY REFERENCES batch,
	counts bigint[] NOT NULL,
	valid bigint NOT NULL,
	rejected bigint NOT NULL,
	published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE result IS 'what was published';
COMMENT ON COLUMN result.batch_id IS 'the batch';
COMMENT ON COLUMN result.counts IS 'for every data field the number of clients that had it set; or for every integer the sum';
COMMENT ON COLUMN result.valid IS 'clients in it';
COMMENT ON COLUMN result.rejected IS 'shares of this side that are not';
COMMENT ON COLUMN result.published_at IS 'when';

SELECT pg_catalog.pg_extension_config_dump('batch_number', '');
SELECT pg_catalog.pg_extension_config_dump('share_number', '');
SELECT pg_catalog.pg_extension_config_dump('peer', '');
SELECT pg_catalog.pg_extension_config_dump('batch', '');
SELECT pg_catalog.pg_extension_config_dump('stage_progress', '');
SELECT pg_catalog.pg_extension_config_dump('message_early', '');
SELECT pg_catalog.pg_extension_config_dump('checkpoint', '');
SELECT pg_catalog.pg_extension_config_dump('rejection_other', '');
SELECT pg_catalog.pg_extension_config_dump('result', '');

-- ---------------------------------------------------------------- small helpers

CREATE FUNCTION other_role(role text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE role WHEN 'A' THEN 'B' WHEN 'B' THEN 'A' END;

COMMENT ON FUNCTION other_role(text) IS 'B for A, and A for B';

CREATE FUNCTION server_option(server name, option text) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN (SELECT o.option_value FROM pg_catalog.pg_foreign_server AS s, pg_catalog.pg_options_to_table(s.srvoptions) AS o
		WHERE s.srvname = server AND o.option_name = option);

COMMENT ON FUNCTION server_option(name, text) IS 'an option of a foreign server';

-- Few enough shares that a transaction stays short, and enough that its own cost does not show.
CREATE FUNCTION chunk_size(n_data int) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN greatest(10, least(5000, 2000000 / n_data));

COMMENT ON FUNCTION chunk_size(int) IS 'how many shares one transaction of run() takes';

CREATE FUNCTION settings(batch batch) RETURNS jsonb LANGUAGE sql STABLE
	RETURN (SELECT pg_catalog.jsonb_build_object(
			'n_data', batch.n_data,
			'bits', batch.bits,
			'prg', coalesce(server_option(batch.server, 'prg'), 'batch'),
			'ordinals', batch.ordinals,
			'public_key_' || p.role, lower(server_option(p.server, 'public_key')),
			'public_key_' || other_role(p.role), p.peer_public_key,
			'fingerprint', encode(prio_fingerprint(batch.server::text, batch.batch_id, batch.n_data), 'hex'))
		FROM peer AS p WHERE p.server = batch.server);

COMMENT ON FUNCTION settings(batch) IS 'what both servers of a batch must agree on';

-- What the other server writes must not do anything to a terminal, or make lines of its own in a log.
CREATE FUNCTION printable(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN regexp_replace(t, '[\u0001-\u001f\u007f-\u009f]', ' ', 'g');

COMMENT ON FUNCTION printable(text) IS 'a text with blanks for control characters';

-- How two settings differ, in words; NULL when they do not, or when one is not known.
CREATE FUNCTION disagreement(ours jsonb, theirs jsonb) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN (SELECT string_agg(CASE key
				WHEN 'fingerprint' THEN 'the shared secret'
				ELSE format('%s (%s here, %s there)', key, coalesce(ours ->> key, 'none'), coalesce(printable(left(theirs ->> key, 100)), 'none')) END,
			', ' ORDER BY key)
		FROM jsonb_object_keys(ours) AS key
		WHERE ours -> key IS DISTINCT FROM theirs -> key
			-- the fingerprint covers all of these: it says something new only when they agree
			AND (key <> 'fingerprint' OR (ours ->> 'n_data' = theirs ->> 'n_data' AND ours ->> 'prg' = theirs ->> 'prg')));

COMMENT ON FUNCTION disagreement(jsonb, jsonb) IS 'how the settings of both servers differ';

CREATE FUNCTION notify_stage(batch_id text, stage stage) RETURNS void LANGUAGE sql
	RETURN pg_notify('prio_processor', jsonb_build_object('batch_id', batch_id, 'stage', stage)::text);

COMMENT ON FUNCTION notify_stage(text, stage) IS 'tells listeners on channel prio_processor of a new stage';

-- ---------------------------------------------------------------- what is kept as it is

-- A batch goes forward only, and what it is does not change once there was a verify1.
CREATE FUNCTION keep_batch() RETURNS trigger LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'batch "%" cannot be deleted', OLD.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A batch id is used once. drop_batch() frees the space of a finished batch.';
	END IF;
	IF (NEW.batch_id, NEW.number, NEW.server, NEW.role, NEW.min_batch_size, NEW.checkpoints)
		IS DISTINCT FROM (OLD.batch_id, OLD.number, OLD.server, OLD.role, OLD.min_batch_size, OLD.checkpoints)
		OR ((NEW.n_data, NEW.bits, NEW.ordinals) IS DISTINCT FROM (OLD.n_data, OLD.bits, OLD.ordinals)
			AND (coalesce(OLD.failed_stage, OLD.stage) > 'verify1' OR EXISTS (SELECT FROM verifier AS v WHERE v.batch_id = OLD.batch_id))) THEN
		RAISE EXCEPTION 'settings of batch "%" cannot be changed', OLD.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Both servers have agreed on them. Create another batch.';
	END IF;
	IF (OLD.stage = 'failed' AND NEW.stage <> 'failed' AND NEW.stage <> OLD.failed_stage)
		OR (OLD.stage <> 'failed' AND NEW.stage < OLD.stage)
		OR (OLD.stage IN ('published', 'too small') AND NEW.stage <> OLD.stage) THEN
		RAISE EXCEPTION 'batch "%" cannot go from stage "%" to "%"', OLD.batch_id, OLD.stage, NEW.stage
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A batch is closed before its first verify1, never reopened, and published once.';
	END IF;
	RETURN NEW;
END $$;

COMMENT ON FUNCTION keep_batch() IS 'trigger: a batch goes forward only';

CREATE TRIGGER keep_batch BEFORE UPDATE OR DELETE ON batch FOR EACH ROW EXECUTE FUNCTION keep_batch();

-- One packet, one point: a share is checked as it came, at one ordinal.
CREATE FUNCTION keep_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'shares cannot be changed'
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A second verify1 of one packet, at another point, would tell the other server something about the client.';
END $$;

COMMENT ON FUNCTION keep_share() IS 'trigger: shares stay as they came';

CREATE FUNCTION same_verify1(a prio_verifier, b prio_verifier) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN prio_verify1(a) = prio_verify1(b);

COMMENT ON FUNCTION same_verify1(prio_verifier, prio_verifier) IS 'do two verifiers have the same message of round 1';

CREATE FUNCTION keep_verifier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.batch_id = OLD.batch_id AND NEW.share_id = OLD.share_id AND NEW.number = OLD.number
		AND prio_processor.same_verify1(NEW.verifier, OLD.verifier) THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'a verifier can only be made again at the same point'
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A second verify1 of one packet, at another point, would tell the other server something about the client.';
END $$;

COMMENT ON FUNCTION keep_verifier() IS 'trigger: a packet has one verify1 for good';

CREATE FUNCTION keep_forever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of "%" cannot be changed or deleted', TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

COMMENT ON FUNCTION keep_forever() IS 'trigger: what was said or published stays';

CREATE TRIGGER keep_result BEFORE UPDATE OR DELETE ON result FOR EACH ROW EXECUTE FUNCTION keep_forever();
CREATE TRIGGER keep_checkpoint BEFORE UPDATE OR DELETE ON checkpoint FOR EACH ROW EXECUTE FUNCTION keep_forever();

-- ---------------------------------------------------------------- what arrives

-- Runs with the rights of the owner: whoever inserts shares needs no other right. Refuses
-- single rows rather than the statement, so that nobody can stop an ingest job. Planned by
-- the indexes, since a session's plan may be older than most of the shares.
CREATE FUNCTION take_share() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	refused text;
BEGIN
	IF TG_TABLE_NAME = 'share_other' AND NOT EXISTS (SELECT FROM batch AS b WHERE b.batch_id = NEW.batch_id) THEN
		RAISE EXCEPTION 'batch "%" does not exist', NEW.batch_id
			USING ERRCODE = 'undefined_object', HINT = 'Batches are made with create_batch().';
	END IF;
	refused := CASE
		WHEN TG_TABLE_NAME = 'share_other' OR EXISTS (SELECT FROM pg_constraint AS c
			WHERE c.conrelid = TG_RELID AND c.contypid = 0 AND c.conname = 'batch_is_closed') THEN 'late'
		WHEN EXISTS (SELECT FROM share AS s WHERE s.batch_id = NEW.batch_id AND s.share_id = NEW.share_id) THEN 'duplicate id'
		WHEN EXISTS (SELECT FROM share AS s WHERE s.batch_id = NEW.batch_id
			AND substr(s.payload, 1, 32) = substr(NEW.payload, 1, 32)) THEN 'replayed packet'
	END;
	IF refused IS NULL THEN
		-- Of a row that a trigger leaves as it is PostgreSQL keeps a copy until the statement ends,
		-- when it goes to a partition: one COPY of all shares would take as much memory as they do.
		NEW.share_id := NEW.share_id;
		RETURN NEW;
	END IF;
	INSERT INTO rejection (batch_id, share_id, stage, reason) VALUES (NEW.batch_id, NEW.share_id, 'open', refused);
	RETURN NULL;
END $$;

COMMENT ON FUNCTION take_share() IS 'trigger: refuses late shares, duplicates and replays';

CREATE TRIGGER take_share BEFORE INSERT ON share_other FOR EACH ROW EXECUTE FUNCTION take_share();

-- Rows that logical replication brings: only those that the other server may say, and only
-- the first of each. Anything else is left out in silence, since an error would stop the
-- subscription, and a row that comes twice is nothing unusual after a repair. Whatever a
-- constraint would refuse has to be left out here, therefore, and what is too long is cut.
CREATE FUNCTION take_message() RETURNS trigger LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
	IF TG_OP = 'INSERT' AND NEW.role = (SELECT other_role(p.role) FROM peer AS p LIMIT 1) AND NEW.round IN (1, 2)
		AND NEW.share_id IS NOT NULL AND NEW.payload IS NOT NULL AND octet_length(NEW.batch_id) BETWEEN 1 AND 1000
		AND NOT EXISTS (SELECT FROM message AS m WHERE m.batch_id = NEW.batch_id AND m.role = NEW.role
			AND m.round = NEW.round AND m.share_id = NEW.share_id)
		-- A batch that was dropped needs no messages any more.
		AND NOT (TG_TABLE_NAME = 'message_early'
			AND EXISTS (SELECT FROM batch AS b WHERE b.batch_id = NEW.batch_id AND b.dropped_at IS NOT NULL)) THEN
		-- No message is that long: it is malformed, whatever the rest is.
		NEW.payload := substr(NEW.payload, 1, 64);
		RETURN NEW;
	END IF;
	RETURN NULL;
END $$;

COMMENT ON FUNCTION take_message() IS 'trigger: what the other server may send about shares';

CREATE TRIGGER take_message BEFORE INSERT OR UPDATE OR DELETE ON message_early FOR EACH ROW EXECUTE FUNCTION take_message();
ALTER TABLE message_early ENABLE REPLICA TRIGGER take_message;

CREATE FUNCTION take_checkpoint() RETURNS trigger LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'INSERT' AND NEW.role = (SELECT other_role(p.role) FROM peer AS p LIMIT 1)
		AND NEW.stage IN ('open', 'verify1', 'verify2', 'aggregate', 'failed') AND NEW.attempt >= 0
		AND octet_length(NEW.batch_id) BETWEEN 1 AND 1000
		AND NOT EXISTS (SELECT FROM checkpoint AS c WHERE c.batch_id = NEW.batch_id AND c.role = NEW.role
			AND c.stage = NEW.stage AND c.attempt = NEW.attempt) THEN
		NEW.total := substr(NEW.total, 1, 4000000);
		NEW.settings := CASE WHEN octet_length(NEW.settings::text) > 10000 THEN 'null' ELSE NEW.settings END;
		NEW.error := printable(left(NEW.error, 1000));
		NEW.at := coalesce(NEW.at, clock_timestamp());
		RETURN NEW;
	END IF;
	RETURN NULL;
END $$;

COMMENT ON FUNCTION take_checkpoint() IS 'trigger: what the other server may say about batches';

CREATE TRIGGER take_checkpoint BEFORE INSERT OR UPDATE OR DELETE ON checkpoint FOR EACH ROW EXECUTE FUNCTION take_checkpoint();
ALTER TABLE checkpoint ENABLE REPLICA TRIGGER take_checkpoint;

CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'table "%" cannot be truncated', TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'drop_batch() frees the space of a finished batch.';
END $$;

COMMENT ON FUNCTION refuse_truncate() IS 'trigger: what belongs to a batch is dropped with it alone';

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON message FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON batch FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON share FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON verifier FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON result FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
ALTER TABLE message ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER refuse_truncate;

-- ---------------------------------------------------------------- batches

CREATE FUNCTION constrain_ordinals(number int, ordinals boolean) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format(CASE WHEN ordinals THEN 'ALTER TABLE %I DROP CONSTRAINT batch_has_no_ordinals'
		ELSE 'ALTER TABLE %I ADD CONSTRAINT batch_has_no_ordinals CHECK (ordinal = 0)' END, 'share_' || number);
END $$;

COMMENT ON FUNCTION constrain_ordinals(int, boolean) IS 'all shares of a batch without ordinals are checked at one point';

-- Made apart and then attached: of the tables that others use, only the empty ones are locked.
-- Whoever calls this has a lock_timeout: others wait behind these locks, and the other server
-- may keep its transaction open for as long as it likes.
CREATE FUNCTION add_partitions(batch_id text) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch;
	parent text;
BEGIN
	SELECT * INTO STRICT b FROM batch AS x WHERE x.batch_id = add_partitions.batch_id;
	EXECUTE replace($sql$
		CREATE TABLE share_# (LIKE share INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (share_id));
		-- A packet counts once, whatever id it comes under: a replay has the same ephemeral key.
		CREATE UNIQUE INDEX share_#_once ON share_# (substr(payload, 1, 32));
		CREATE UNIQUE INDEX share_#_in_order ON share_# (number);
		CREATE TRIGGER take_share BEFORE INSERT ON share_# FOR EACH ROW EXECUTE FUNCTION take_share();
		CREATE TRIGGER keep_share BEFORE UPDATE ON share_# FOR EACH ROW EXECUTE FUNCTION keep_share();

		CREATE TABLE verifier_# (LIKE verifier, PRIMARY KEY (share_id));
		CREATE UNIQUE INDEX verifier_#_in_order ON verifier_# (number);
		CREATE TRIGGER keep_verifier BEFORE UPDATE ON verifier_# FOR EACH ROW EXECUTE FUNCTION keep_verifier();

		CREATE TABLE rejection_# (LIKE rejection INCLUDING DEFAULTS);

		CREATE TABLE message_# (LIKE message INCLUDING CONSTRAINTS, PRIMARY KEY (role, round, share_id));
		CREATE TRIGGER keep_message BEFORE UPDATE OR DELETE ON message_# FOR EACH ROW EXECUTE FUNCTION keep_forever();
		CREATE TRIGGER take_message BEFORE INSERT OR UPDATE OR DELETE ON message_# FOR EACH ROW EXECUTE FUNCTION take_message();
		ALTER TABLE message_# ENABLE REPLICA TRIGGER take_message;
	$sql$, '#', b.number::text);
	IF NOT b.ordinals THEN
		PERFORM constrain_ordinals(b.number, false);
	END IF;

	-- What came early moves from one partition to the other.
	LOCK TABLE share_other, rejection_other, message_early IN ACCESS EXCLUSIVE MODE;
	EXECUTE format('WITH early AS (DELETE FROM message_early AS m WHERE m.batch_id = $1 RETURNING m.*)
		INSERT INTO %I SELECT * FROM early WHERE early.role <> $2', 'message_' || b.number)
		USING b.batch_id, b.role;
	FOREACH parent IN ARRAY ARRAY['share', 'verifier', 'rejection', 'message'] LOOP
		EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%L)', parent, parent || '_' || b.number, b.batch_id);
	END LOOP;
END $$;

COMMENT ON FUNCTION add_partitions(text) IS 'the partitions of a new batch';

CREATE FUNCTION existing_batch(batch_id text) RETURNS batch LANGUAGE plpgsql STABLE
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch;
BEGIN
	SELECT * INTO b FROM batch AS x WHERE x.batch_id = existing_batch.batch_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'batch "%" does not exist', existing_batch.batch_id
			USING ERRCODE = 'undefined_object', HINT = 'Batches are made with create_batch().';
	END IF;
	RETURN b;
END $$;

COMMENT ON FUNCTION existing_batch(text) IS 'a batch, or an error';

-- The batch, locked: nobody else works on it until the transaction ends.
CREATE FUNCTION lock_batch(batch_id text) RETURNS batch LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := existing_batch(batch_id);
BEGIN
	SELECT * INTO b FROM batch AS x WHERE x.batch_id = b.batch_id FOR UPDATE;
	RETURN b;
END $$;

COMMENT ON FUNCTION lock_batch(text) IS 'a batch, for this transaction alone';

-- Says, for the other server, what ours is like now.
CREATE FUNCTION announce(b batch) RETURNS void LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO checkpoint (batch_id, role, stage, attempt, settings)
	VALUES (b.batch_id, b.role, 'open', b.attempt, settings(b));
END;

COMMENT ON FUNCTION announce(batch) IS 'tells the other server the settings of a batch';

CREATE FUNCTION latest_settings(b batch, role text) RETURNS jsonb LANGUAGE sql STABLE
	RETURN (SELECT c.settings FROM checkpoint AS c
		WHERE c.batch_id = b.batch_id AND c.role = latest_settings.role AND c.stage = 'open'
		ORDER BY c.attempt DESC LIMIT 1);

COMMENT ON FUNCTION latest_settings(batch, text) IS 'what a side said last about its settings; NULL if nothing';

-- With one data field less than a power of two a client can forge its proof (see prio).
CREATE FUNCTION check_batch(batch_id text, n_data int, bits int, min_batch_size bigint) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF octet_length(batch_id) NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'the name of a batch must have 1 to 1000 bytes, not %', octet_length(batch_id)
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF min_batch_size < 1 THEN
		RAISE EXCEPTION 'min_batch_size must be at least 1, not %', min_batch_size
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the smallest number of clients whose sum may be published.';
	ELSIF bits NOT BETWEEN 1 AND 42 THEN
		RAISE EXCEPTION 'bits must be between 1 and 42, not %', bits
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out if the data are single bits.';
	ELSIF n_data % bits <> 0 THEN
		RAISE EXCEPTION 'n_data must be a multiple of bits: % data fields are no integers of % bits', n_data, bits
			USING ERRCODE = 'invalid_parameter_value', HINT = 'n_data is the number of integers times the bits of each.';
	ELSIF n_data > 0 AND n_data & (n_data + 1) = 0 THEN
		RAISE EXCEPTION 'the proof of packets can be forged when n_data is %', n_data
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'With one data field less than a power of two, a hostile client can count for any number.',
				HINT = 'Have clients send one more data field, which is always false.';
	END IF;
END $$;

COMMENT ON FUNCTION check_batch(text, int, int, bigint) IS 'refuses settings of a batch that make no sense, or for which the proof can be forged';

CREATE PROCEDURE create_batch(batch_id text, server name, n_data int, min_batch_size bigint, bits int DEFAULT NULL,
		ordinals boolean DEFAULT false, checkpoints boolean DEFAULT true, close_at timestamptz DEFAULT NULL)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = prio_processor, pg_catalog, pg_temp SET lock_timeout = '1min' AS $$
DECLARE
	b batch;
BEGIN
	IF NOT EXISTS (SELECT FROM peer AS p WHERE p.server = create_batch.server) THEN
		RAISE EXCEPTION 'server "%" has no peer', create_batch.server
			USING ERRCODE = 'undefined_object', HINT = 'Join it to the other server with join_peer().';
	END IF;
	PERFORM check_batch(batch_id, n_data, bits, min_batch_size);
	INSERT INTO batch (batch_id, server, role, n_data, bits, min_batch_size, ordinals, checkpoints, close_at)
	SELECT create_batch.batch_id, p.server, p.role, create_batch.n_data, create_batch.bits,
		create_batch.min_batch_size, create_batch.ordinals, create_batch.checkpoints, create_batch.close_at
	FROM peer AS p WHERE p.server = create_batch.server
	RETURNING * INTO b;
	INSERT INTO stage_progress (batch_id, stage) VALUES (b.batch_id, 'open');
	PERFORM add_partitions(b.batch_id);
	PERFORM announce(b);
	PERFORM notify_stage(b.batch_id, b.stage);
END $$;

COMMENT ON PROCEDURE create_batch(text, name, int, bigint, int, boolean, boolean, timestamptz) IS 'a new batch, open for shares';

-- Ends a stage, and begins the next one if there is a next one.
CREATE FUNCTION enter_stage(b batch, next stage) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	UPDATE stage_progress AS s SET finished_at = clock_timestamp(), total = coalesce(s.total, s.done)
	WHERE s.batch_id = b.batch_id AND s.stage = b.stage;
	UPDATE batch AS x SET stage = next, error = NULL, error_at = NULL WHERE x.batch_id = b.batch_id;
	IF next < 'published' THEN
		INSERT INTO stage_progress (batch_id, stage) VALUES (b.batch_id, next);
	END IF;
	PERFORM notify_stage(b.batch_id, next);
END $$;

COMMENT ON FUNCTION enter_stage(batch, stage) IS 'the next stage of a batch';

CREATE FUNCTION close_open_batch(b batch) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	shares bigint;
BEGIN
	-- An older snapshot would not see the last shares.
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'a batch can only be closed in a transaction of isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state';
	END IF;
	-- A constraint, not a flag that a snapshot might not see: no row gets into the partition any
	-- more, whoever inserts it in whatever transaction.
	EXECUTE format('ALTER TABLE %I ADD CONSTRAINT batch_is_closed CHECK (false) NOT VALID', 'share_' || b.number);
	shares := (SELECT count(*) FROM share AS s WHERE s.batch_id = b.batch_id);
	UPDATE stage_progress AS s SET done = shares, total = shares WHERE s.batch_id = b.batch_id AND s.stage = 'open';
	PERFORM enter_stage(b, 'verify1');
	UPDATE stage_progress AS s SET total = shares WHERE s.batch_id = b.batch_id AND s.stage = 'verify1';
END $$;

COMMENT ON FUNCTION close_open_batch(batch) IS 'closes a batch that is open and locked';

CREATE PROCEDURE close_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
BEGIN
	IF b.stage = 'open' THEN
		PERFORM close_open_batch(b);
	ELSE
		RAISE NOTICE 'batch "%" is closed already', b.batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE close_batch(text) IS 'no more shares for a batch: run() may go on with it';

-- As long as nothing was sent: a slip in create_batch() need not cost the shares of a day.
CREATE PROCEDURE change_batch(batch_id text, n_data int, bits int DEFAULT NULL, ordinals boolean DEFAULT false)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
BEGIN
	PERFORM check_batch(b.batch_id, n_data, bits, b.min_batch_size);
	IF b.ordinals <> change_batch.ordinals THEN
		IF EXISTS (SELECT FROM share AS s WHERE s.batch_id = b.batch_id) THEN
			RAISE EXCEPTION 'batch "%" has shares, which keep their ordinals', b.batch_id
				USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		PERFORM constrain_ordinals(b.number, change_batch.ordinals);
	END IF;
	UPDATE batch AS x SET n_data = change_batch.n_data, bits = change_batch.bits, ordinals = change_batch.ordinals, attempt = x.attempt + 1
	WHERE x.batch_id = b.batch_id RETURNING * INTO b;
	PERFORM announce(b);
END $$;

COMMENT ON PROCEDURE change_batch(text, int, int, boolean) IS 'corrects the settings of a batch before its first verify1';

CREATE PROCEDURE retry_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
BEGIN
	IF b.stage <> 'failed' OR b.dropped_at IS NOT NULL THEN
		RAISE EXCEPTION 'batch "%" has not failed, or has been dropped', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	END IF;
	UPDATE batch AS x SET stage = failed_stage, failed_stage = NULL, attempt = x.attempt + 1, error = NULL, error_at = NULL
	WHERE x.batch_id = b.batch_id RETURNING * INTO b;
	-- As long as no verify1 has been sent, this side may still change its mind.
	IF b.stage = 'verify1' AND NOT EXISTS (SELECT FROM verifier AS v WHERE v.batch_id = b.batch_id) THEN
		PERFORM announce(b);
	END IF;
	PERFORM notify_stage(b.batch_id, b.stage);
END $$;

COMMENT ON PROCEDURE retry_batch(text) IS 'lets run() try a failed batch again where it failed';

CREATE PROCEDURE give_up_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
BEGIN
	IF b.stage > 'publish' THEN
		RAISE EXCEPTION 'batch "%" is finished', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage);
	ELSIF b.stage = 'open' THEN
		PERFORM close_open_batch(b);
		b := lock_batch(batch_id);
	END IF;
	PERFORM fail_batch(b, 'given up');
END $$;

COMMENT ON PROCEDURE give_up_batch(text) IS 'ends a batch that nobody wants to be finished; drop_batch() makes that final';

-- With a lock_timeout, for the same reason as create_batch().
CREATE PROCEDURE drop_batch(batch_id text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp SET lock_timeout = '1min' AS $$
DECLARE
	b batch;
BEGIN
	-- Let no step of another batch be under way, which would lock tables in another order.
	LOCK TABLE batch IN EXCLUSIVE MODE;
	b := lock_batch(batch_id);
	IF b.stage NOT IN ('published', 'too small', 'failed') THEN
		RAISE EXCEPTION 'batch "%" is not finished', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It is in stage "%s".', b.stage),
				HINT = 'give_up_batch() ends a batch that will not be finished.';
	END IF;
	IF b.dropped_at IS NULL THEN
		EXECUTE format('DROP TABLE %I, %I, %I, %I',
			'share_' || b.number, 'verifier_' || b.number, 'rejection_' || b.number, 'message_' || b.number);
		UPDATE batch AS x SET dropped_at = clock_timestamp(), total = NULL WHERE x.batch_id = b.batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE drop_batch(text) IS 'frees the space of a finished batch; its result stays';

-- ---------------------------------------------------------------- shares, a chunk at a time

CREATE FUNCTION verify1_rows(b batch, after bigint, rows int, OUT done bigint, OUT last bigint) LANGUAGE sql
BEGIN ATOMIC
	WITH chunk AS MATERIALIZED (
		SELECT s.share_id, s.number, s.payload,
			prio_verifier(b.server::text, b.batch_id, b.n_data, s.payload, s.ordinal) AS verifier
		FROM (SELECT * FROM share AS x WHERE x.batch_id = b.batch_id AND x.number > after ORDER BY x.number LIMIT rows) AS s
	), kept AS (
		INSERT INTO verifier (batch_id, share_id, number, verifier)
		SELECT b.batch_id, share_id, number, verifier FROM chunk WHERE verifier IS NOT NULL
	), sent AS (
		INSERT INTO message (batch_id, share_id, role, round, payload)
		SELECT b.batch_id, share_id, b.role, 1, prio_verify1(verifier) FROM chunk WHERE verifier IS NOT NULL
	), rejected AS (
		INSERT INTO rejection (batch_id, share_id, stage, reason)
		SELECT b.batch_id, share_id, 'verify1', prio_share_error(b.server::text, b.batch_id, b.n_data, payload)
		FROM chunk WHERE verifier IS NULL
	)
	SELECT count(*), max(number) FROM chunk;
END;

COMMENT ON FUNCTION verify1_rows(batch, bigint, int) IS 'opens shares behind a number, and says verify1';

CREATE FUNCTION peer_message(b batch, share_id uuid, role text, round int) RETURNS bytea LANGUAGE sql STABLE
	RETURN (SELECT m.payload FROM message AS m WHERE m.batch_id = b.batch_id AND m.role = peer_message.role
		AND m.round = peer_message.round AND m.share_id = peer_message.share_id);

COMMENT ON FUNCTION peer_message(batch, uuid, text, int) IS 'what a side said about a share in a round; NULL if nothing';

CREATE FUNCTION verify2_rows(b batch, after bigint, rows int, OUT done bigint, OUT last bigint) LANGUAGE sql
BEGIN ATOMIC
	WITH chunk AS MATERIALIZED (
		SELECT v.share_id, v.number, v.peer_verify1, prio_verify2(v.verifier, v.peer_verify1) AS verify2
		FROM (SELECT x.*, peer_message(b, x.share_id, other_role(b.role), 1) AS peer_verify1
			FROM verifier AS x WHERE x.batch_id = b.batch_id AND x.number > after ORDER BY x.number LIMIT rows) AS v
	), sent AS (
		INSERT INTO message (batch_id, share_id, role, round, payload)
		SELECT b.batch_id, share_id, b.role, 2, verify2 FROM chunk WHERE verify2 IS NOT NULL
	), rejected AS (
		INSERT INTO rejection (batch_id, share_id, stage, reason)
		SELECT b.batch_id, share_id, 'verify2', CASE WHEN peer_verify1 IS NULL
			THEN 'the other server does not have it or refused it' ELSE 'malformed message of the other server' END
		FROM chunk WHERE verify2 IS NULL
	)
	SELECT count(*), max(number) FROM chunk;
END;

COMMENT ON FUNCTION verify2_rows(batch, bigint, int) IS 'answers the other server''s verify1 of shares behind a number with verify2';

CREATE FUNCTION aggregate_rows(b batch, after bigint, rows int, OUT done bigint, OUT last bigint, OUT valid bigint, OUT total bytea)
	LANGUAGE sql
BEGIN ATOMIC
	WITH chunk AS MATERIALIZED (
		SELECT v.share_id, v.number, v.verifier, v.own_verify2, v.peer_verify2,
			coalesce(prio_is_valid(v.own_verify2, v.peer_verify2), false) AS valid
		FROM (SELECT x.*, peer_message(b, x.share_id, b.role, 2) AS own_verify2,
				peer_message(b, x.share_id, other_role(b.role), 2) AS peer_verify2
			FROM verifier AS x WHERE x.batch_id = b.batch_id AND x.number > after ORDER BY x.number LIMIT rows) AS v
	), rejected AS (
		-- Those without an own message were rejected in round 2 already.
		INSERT INTO rejection (batch_id, share_id, stage, reason)
		SELECT b.batch_id, share_id, 'aggregate', CASE WHEN peer_verify2 IS NULL
			THEN 'the other server refused it' ELSE 'the proof does not hold' END
		FROM chunk WHERE NOT valid AND own_verify2 IS NOT NULL
	)
	SELECT count(*), max(c.number), count(*) FILTER (WHERE c.valid),
		prio_total_share(c.verifier, CASE WHEN b.role = 'A'
			THEN (SELECT s.payload FROM share AS s WHERE s.batch_id = b.batch_id AND s.share_id = c.share_id) END)
			FILTER (WHERE c.valid)
	FROM chunk AS c;
END;

COMMENT ON FUNCTION aggregate_rows(batch, bigint, int) IS 'adds up the valid shares behind a number';

-- A dump in text leaves out the keys of the packets (see prio): the same shares give the
-- same verifiers again, with their keys.
CREATE FUNCTION renew_rows(b batch, after bigint, rows int) RETURNS void LANGUAGE sql
BEGIN ATOMIC
	UPDATE verifier AS v
	SET verifier = prio_verifier(b.server::text, b.batch_id, b.n_data, s.payload, s.ordinal)
	FROM share AS s
	WHERE v.batch_id = b.batch_id AND s.batch_id = b.batch_id AND s.share_id = v.share_id AND v.number IN (
		SELECT x.number FROM verifier AS x WHERE x.batch_id = b.batch_id AND x.number > after ORDER BY x.number LIMIT rows);
END;

COMMENT ON FUNCTION renew_rows(batch, bigint, int) IS 'makes verifiers again whose keys a dump has left out';

CREATE FUNCTION merge_totals(a bytea, b bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN (SELECT prio_merge(total) FROM unnest(ARRAY[a, b]) AS total);

COMMENT ON FUNCTION merge_totals(bytea, bytea) IS 'the sum of two total shares of one side, each of which may be NULL';

CREATE FUNCTION published_total(b batch) RETURNS bytea LANGUAGE sql STABLE
	RETURN CASE WHEN b.bits IS NULL THEN b.total ELSE prio_total_share_uint(b.total, b.bits) END;

COMMENT ON FUNCTION published_total(batch) IS 'the total share that the other server gets';

CREATE FUNCTION published_counts(b batch, peer_total bytea) RETURNS bigint[] LANGUAGE sql STABLE
	RETURN prio_publish(published_total(b), peer_total);

COMMENT ON FUNCTION published_counts(batch, bytea) IS 'the counts, from the totals of both sides';

-- ---------------------------------------------------------------- steps

-- Gives a batch up, for the operator to look at; the other server hears why.
CREATE FUNCTION fail_batch(b batch, reason text) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	UPDATE batch AS x SET stage = 'failed', failed_stage = b.stage, error = reason, error_at = clock_timestamp()
	WHERE x.batch_id = b.batch_id;
	INSERT INTO checkpoint (batch_id, role, stage, attempt, error) VALUES (b.batch_id, b.role, 'failed', b.attempt, reason);
	PERFORM notify_stage(b.batch_id, 'failed');
END $$;

COMMENT ON FUNCTION fail_batch(batch, text) IS 'ends a batch that cannot go on by itself';

-- Why a batch must not go on: settings of the two sides that differ, or ours that changed
-- under it. NULL if there is no reason.
CREATE FUNCTION obstacle(b batch) RETURNS text LANGUAGE plpgsql STABLE
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	ours jsonb := settings(b);
	difference text;
BEGIN
	difference := disagreement(latest_settings(b, b.role), ours);
	IF difference IS NOT NULL THEN
		RETURN format('server "%s" has changed since its settings were sent: %s', b.server, difference);
	ELSIF server_option(b.server, 'role') <> b.role THEN
		RETURN format('server "%s" has changed since its settings were sent: role (%s here)', b.server, server_option(b.server, 'role'));
	END IF;
	difference := disagreement(ours, latest_settings(b, other_role(b.role)));
	IF difference IS NOT NULL THEN
		RETURN format('the two servers do not agree on %s', difference);
	END IF;
	RETURN NULL;
END $$;

COMMENT ON FUNCTION obstacle(batch) IS 'why a batch must not go on; NULL if it may';

-- Has the other server finished a stage, and are all its messages here?
CREATE FUNCTION peer_is_through(b batch, stage stage, round int) RETURNS boolean LANGUAGE sql STABLE
	RETURN (SELECT c.messages <= (SELECT count(*) FROM message AS m
			WHERE m.batch_id = b.batch_id AND m.role = other_role(b.role) AND m.round = peer_is_through.round)
		FROM checkpoint AS c
		WHERE c.batch_id = b.batch_id AND c.role = other_role(b.role) AND c.stage = peer_is_through.stage::text
		ORDER BY c.attempt LIMIT 1) IS TRUE;

COMMENT ON FUNCTION peer_is_through(batch, stage, int) IS 'has the other server finished a stage, and are its messages here';

-- Has the other server answered a verify1 that is not here? Then this server has sent it and
-- lost it again, and its total would not be the one that may be out already.
CREATE FUNCTION is_answered_beyond(b batch) RETURNS boolean LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM message AS m WHERE m.batch_id = b.batch_id AND m.role = other_role(b.role) AND m.round = 2
		AND peer_message(b, m.share_id, b.role, 1) IS NULL);

COMMENT ON FUNCTION is_answered_beyond(batch) IS 'has the other server answered what this one has not said';

-- After the last row of verify1 or verify2.
CREATE FUNCTION finish_round(b batch, round int, next stage) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO checkpoint (batch_id, role, stage, attempt, messages)
	SELECT b.batch_id, b.role, b.stage, b.attempt, count(*) FROM message AS m
	WHERE m.batch_id = b.batch_id AND m.role = b.role AND m.round = finish_round.round;
	PERFORM enter_stage(b, next);
END $$;

COMMENT ON FUNCTION finish_round(batch, int, stage) IS 'tells the other server that all messages of a round are out';

CREATE FUNCTION finish_aggregate(b batch) RETURNS void LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	enough boolean := b.valid >= b.min_batch_size;
BEGIN
	INSERT INTO checkpoint (batch_id, role, stage, attempt, valid, rejected, total)
	SELECT b.batch_id, b.role, b.stage, b.attempt, b.valid, s.total - b.valid, CASE WHEN enough THEN published_total(b) END
	FROM stage_progress AS s WHERE s.batch_id = b.batch_id AND s.stage = 'open';
	PERFORM enter_stage(b, CASE WHEN enough THEN 'publish' ELSE 'too small' END::stage);
	IF NOT enough THEN
		UPDATE batch AS x SET total = NULL, error_at = clock_timestamp(),
			error = format('%s valid shares, fewer than min_batch_size %s: nothing is published', b.valid, b.min_batch_size)
		WHERE x.batch_id = b.batch_id;
	END IF;
END $$;

COMMENT ON FUNCTION finish_aggregate(batch) IS 'sends the total share, if there are enough shares in it';

CREATE FUNCTION step_publish(b batch) RETURNS text LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	theirs checkpoint;
	counts bigint[];
	largest numeric;
BEGIN
	SELECT * INTO theirs FROM checkpoint AS c
	WHERE c.batch_id = b.batch_id AND c.role = other_role(b.role) AND c.stage = 'aggregate' ORDER BY c.attempt LIMIT 1;
	IF NOT FOUND THEN
		RETURN 'waiting';
	ELSIF theirs.total IS NULL THEN
		PERFORM enter_stage(b, 'too small');
		UPDATE batch AS x SET total = NULL, error = 'the other server has fewer valid shares than its min_batch_size: nothing is published',
			error_at = clock_timestamp() WHERE x.batch_id = b.batch_id;
		RETURN 'done';
	ELSIF theirs.valid IS DISTINCT FROM b.valid THEN
		PERFORM fail_batch(b, format('the servers do not agree on the valid shares: %s here, %s there', b.valid, coalesce(theirs.valid::text, 'none')));
		RETURN 'failed';
	END IF;
	BEGIN
		counts := published_counts(b, theirs.total);
	EXCEPTION WHEN data_exception THEN
		PERFORM fail_batch(b, 'the totals do not belong together: ' || SQLERRM);
		RETURN 'failed';
	END;
	largest := b.valid::numeric * ((1::bigint << coalesce(b.bits, 1)) - 1);
	IF (SELECT max(count) > largest FROM unnest(counts) AS count) THEN
		PERFORM fail_batch(b, format('a count is beyond what %s valid shares can add up to: the servers did not add up the same shares', b.valid));
		RETURN 'failed';
	END IF;
	INSERT INTO result (batch_id, counts, valid, rejected)
	SELECT b.batch_id, counts, b.valid, s.total - b.valid FROM stage_progress AS s WHERE s.batch_id = b.batch_id AND s.stage = 'open';
	UPDATE stage_progress AS s SET done = b.valid, total = b.valid WHERE s.batch_id = b.batch_id AND s.stage = 'publish';
	PERFORM enter_stage(b, 'published');
	RETURN 'done';
END $$;

COMMENT ON FUNCTION step_publish(batch) IS 'puts both totals together, and checks the result';

-- One chunk of one of the three stages that go through the shares.
CREATE FUNCTION step_rows(b batch) RETURNS text LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	p stage_progress;
	rows int := chunk_size(b.n_data);
	chunk record;
BEGIN
	SELECT * INTO STRICT p FROM stage_progress AS s WHERE s.batch_id = b.batch_id AND s.stage = b.stage;
	IF p.first_at IS NULL THEN
		-- Nothing is done yet: does the other server let us begin?
		IF (CASE b.stage
				WHEN 'verify1' THEN b.checkpoints AND latest_settings(b, other_role(b.role)) IS NULL
				WHEN 'verify2' THEN NOT peer_is_through(b, 'verify1', 1)
				ELSE NOT peer_is_through(b, 'verify2', 2) END) THEN
			RETURN 'waiting';
		END IF;
		IF b.stage = 'aggregate' AND is_answered_beyond(b) THEN
			PERFORM fail_batch(b, 'the other server answers shares that are not here: this server was restored from a backup, or the other one cheats');
			RETURN 'failed';
		ELSIF b.stage <> 'verify1' THEN
			p.total := (SELECT count(*) FROM verifier AS v WHERE v.batch_id = b.batch_id);
		END IF;
		UPDATE stage_progress AS s SET first_at = clock_timestamp(), total = p.total WHERE s.batch_id = b.batch_id AND s.stage = b.stage;
	END IF;

	IF b.stage = 'verify1' THEN
		SELECT * INTO chunk FROM verify1_rows(b, p.position, rows) AS r;
	ELSIF b.stage = 'verify2' THEN
		SELECT * INTO chunk FROM verify2_rows(b, p.position, rows) AS r;
	ELSE
		BEGIN
			SELECT * INTO chunk FROM aggregate_rows(b, p.position, rows) AS r;
		EXCEPTION WHEN object_not_in_prerequisite_state THEN
			PERFORM renew_rows(b, p.position, rows);
			SELECT * INTO chunk FROM aggregate_rows(b, p.position, rows) AS r;
		END;
		UPDATE batch AS x SET total = merge_totals(x.total, chunk.total), valid = x.valid + chunk.valid
		WHERE x.batch_id = b.batch_id AND chunk.valid > 0;
	END IF;

	IF chunk.done > 0 THEN
		UPDATE stage_progress AS s SET done = s.done + chunk.done, position = chunk.last, last_at = clock_timestamp()
		WHERE s.batch_id = b.batch_id AND s.stage = b.stage;
	ELSIF b.stage = 'verify1' THEN
		PERFORM finish_round(b, 1, 'verify2');
	ELSIF b.stage = 'verify2' THEN
		PERFORM finish_round(b, 2, 'aggregate');
	ELSE
		PERFORM finish_aggregate(b);
	END IF;
	RETURN 'worked';
END $$;

COMMENT ON FUNCTION step_rows(batch) IS 'one chunk of verify1, verify2 or aggregate, or the end of that stage';

CREATE FUNCTION step_open(b batch) RETURNS text LANGUAGE plpgsql
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	why text;
BEGIN
	-- As long as the batch is open, its server may still be changed.
	IF disagreement(latest_settings(b, b.role), settings(b)) IS NOT NULL THEN
		UPDATE batch AS x SET attempt = x.attempt + 1 WHERE x.batch_id = b.batch_id RETURNING * INTO b;
		PERFORM announce(b);
	END IF;
	why := obstacle(b);
	UPDATE batch AS x SET error = why, error_at = CASE WHEN why IS NOT NULL THEN clock_timestamp() END
	WHERE x.batch_id = b.batch_id AND x.error IS DISTINCT FROM why;
	IF b.close_at <= clock_timestamp() THEN
		PERFORM close_open_batch(b);
		RETURN 'worked';
	END IF;
	RETURN 'waiting';
END $$;

COMMENT ON FUNCTION step_open(batch) IS 'looks after a batch that is open';

-- One step of one batch, in this transaction: 'worked' when there may be more to do,
-- 'waiting' for the other server, 'done', 'failed', 'error' (try again later), or 'busy' when
-- another session has it. The planner is told to go by the indexes, as no statistics of a
-- new partition would tell it.
CREATE FUNCTION advance(batch_id text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
	b batch;
	why text;
	outcome text;
BEGIN
	SELECT * INTO b FROM batch AS x WHERE x.batch_id = advance.batch_id FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 'busy';
	END IF;
	BEGIN
		IF b.stage = 'open' THEN
			RETURN step_open(b);
		ELSIF b.stage > 'publish' THEN
			RETURN 'done';
		END IF;
		why := obstacle(b);
		IF why IS NOT NULL THEN
			PERFORM fail_batch(b, why);
			RETURN 'failed';
		END IF;
		outcome := CASE WHEN b.stage = 'publish' THEN step_publish(b) ELSE step_rows(b) END;
		-- Messages with other keys than those that were agreed on must not get out.
		why := obstacle(b);
		IF why IS NOT NULL THEN
			RAISE EXCEPTION '%', why;
		END IF;
		UPDATE batch AS x SET error = NULL, error_at = NULL
		WHERE x.batch_id = b.batch_id AND x.stage < 'published' AND x.error IS NOT NULL;
		RETURN outcome;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS why = MESSAGE_TEXT;
		UPDATE batch AS x SET error = why, error_at = clock_timestamp() WHERE x.batch_id = b.batch_id;
		RETURN 'error';
	END;
END $$;

COMMENT ON FUNCTION advance(text) IS 'one step of one batch';

-- ---------------------------------------------------------------- progress

CREATE VIEW progress AS
SELECT b.batch_id, s.stage,
	CASE WHEN s.finished_at IS NOT NULL THEN 'done'
		WHEN b.stage = 'failed' THEN 'failed'
		WHEN s.stage = 'open' THEN 'open'
		WHEN s.first_at IS NULL THEN 'waiting for the other server'
		ELSE 'running' END AS state,
	CASE WHEN b.stage = 'open' THEN (SELECT count(*) FROM share AS x WHERE x.batch_id = b.batch_id) ELSE s.done END AS done,
	s.total,
	CASE WHEN s.total > 0 THEN round(100.0 * s.done / s.total, 1) END AS percent,
	CASE WHEN s.last_at > s.first_at THEN round(s.done / extract(epoch FROM s.last_at - s.first_at)) END AS rate,
	CASE WHEN s.last_at > s.first_at AND s.done > 0 AND s.finished_at IS NULL
		THEN date_trunc('second', (s.last_at - s.first_at) * ((s.total - s.done)::float8 / s.done)) END AS time_left,
	coalesce(s.finished_at, s.last_at, s.started_at) AS since,
	CASE WHEN s.finished_at IS NULL OR b.stage = 'too small' AND s.stage = (SELECT max(x.stage) FROM stage_progress AS x WHERE x.batch_id = b.batch_id)
		THEN coalesce(b.error,
			-- what it said last, if that was a failure
			(SELECT 'the other server: ' || c.error FROM checkpoint AS c
				WHERE c.batch_id = b.batch_id AND c.role <> b.role AND c.stage = 'failed'
					AND c.attempt = (SELECT max(x.attempt) FROM checkpoint AS x WHERE x.batch_id = b.batch_id AND x.role <> b.role)),
			CASE WHEN b.checkpoints AND b.stage IN ('open', 'verify1') AND NOT EXISTS (SELECT FROM checkpoint AS c
					WHERE c.batch_id = b.batch_id AND c.role <> b.role)
				THEN 'the other server does not have this batch' END) END AS error
FROM batch AS b JOIN stage_progress AS s USING (batch_id)
ORDER BY b.number, s.stage;

COMMENT ON VIEW progress IS 'one row a batch and stage';
COMMENT ON COLUMN progress.batch_id IS 'the batch';
COMMENT ON COLUMN progress.stage IS 'the stage';
COMMENT ON COLUMN progress.state IS 'done, running, waiting for the other server, open or failed';
COMMENT ON COLUMN progress.done IS 'shares done so far';
COMMENT ON COLUMN progress.total IS 'shares to do';
COMMENT ON COLUMN progress.percent IS 'done of total';
COMMENT ON COLUMN progress.rate IS 'shares a second';
COMMENT ON COLUMN progress.time_left IS 'at that rate';
COMMENT ON COLUMN progress.since IS 'when it was finished, or last got on, or began to wait';
COMMENT ON COLUMN progress.error IS 'what is wrong';

CREATE VIEW exchange AS
SELECT CASE WHEN s.oid IS NULL THEN 'none' WHEN NOT s.subenabled THEN 'disabled'
		WHEN t.pid IS NULL THEN 'not connected' ELSE 'connected' END AS subscription,
	t.last_msg_receipt_time AS heard_at,
	r.slot_name AS slot, r.active AS slot_in_use,
	-- After a restore the other server may say that it has seen what was not written yet: its slot
	-- would leave out all that comes until then.
	CASE WHEN r.confirmed_flush_lsn > w.written THEN 'ahead' ELSE r.wal_status END AS slot_status,
	pg_wal_lsn_diff(w.written, r.restart_lsn) AS kept_bytes,
	-- as printable(), which not everybody who reads this view may call
	(SELECT array_agg(regexp_replace(u.batch_id, '[\u0001-\u001f\u007f-\u009f]', ' ', 'g') ORDER BY u.batch_id) FROM (SELECT c.batch_id FROM checkpoint AS c
		WHERE c.stage = 'open' AND c.attempt = 0 AND NOT EXISTS (SELECT FROM batch AS b WHERE b.batch_id = c.batch_id)
		ORDER BY c.batch_id LIMIT 100) AS u) AS unknown_batches
FROM (SELECT role, slot FROM peer WHERE conninfo IS NOT NULL LIMIT 1) AS p
	CROSS JOIN (SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS written) AS w
	LEFT JOIN pg_subscription AS s ON s.subname = 'prio_processor'
		AND s.subdbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
	LEFT JOIN pg_stat_subscription AS t ON t.subid = s.oid AND t.relid IS NULL
	LEFT JOIN pg_replication_slots AS r ON r.slot_name = p.slot || CASE p.role WHEN 'A' THEN '_b' ELSE '_a' END;

COMMENT ON VIEW exchange IS 'how logical replication with the other server is; one row, or none';
COMMENT ON COLUMN exchange.subscription IS 'to the messages of the other server: none, disabled, not connected (see the server log) or connected';
COMMENT ON COLUMN exchange.heard_at IS 'when the other server was last heard of';
COMMENT ON COLUMN exchange.slot IS 'replication slot of this side that the other server reads from; NULL if it is gone';
COMMENT ON COLUMN exchange.slot_in_use IS 'is the other server connected';
COMMENT ON COLUMN exchange.slot_status IS 'lost, or ahead of the log of a restored cluster: rejoin_peer() on this side, then on the other';
COMMENT ON COLUMN exchange.kept_bytes IS 'how much of the write-ahead log is kept for the other server, on this disk';
COMMENT ON COLUMN exchange.unknown_batches IS 'batches that the other server has created, and this one has not; the first hundred';

CREATE VIEW rejections AS
SELECT batch_id, stage, reason, count(*) AS shares FROM rejection GROUP BY batch_id, stage, reason ORDER BY batch_id, stage, reason;

COMMENT ON VIEW rejections IS 'how many shares fell out, by reason';
COMMENT ON COLUMN rejections.batch_id IS 'batch of the shares';
COMMENT ON COLUMN rejections.stage IS 'stage in which they fell out; open: on arrival';
COMMENT ON COLUMN rejections.reason IS 'why';
COMMENT ON COLUMN rejections.shares IS 'how many';

-- ---------------------------------------------------------------- the other server

-- Subscribes to the other server, if it is there already; true when the subscription exists.
-- Runs with the rights of the owner, since subscriptions are for superusers.
CREATE FUNCTION subscribe() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	p peer;
	connected_to text := (SELECT s.subconninfo FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid
		WHERE s.subname = 'prio_processor' AND d.datname = current_database());
BEGIN
	SELECT * INTO p FROM peer AS x WHERE x.conninfo IS NOT NULL LIMIT 1;
	IF NOT FOUND OR connected_to = p.conninfo THEN
		RETURN connected_to IS NOT NULL;
	END IF;
	-- Is another session at it? Not an advisory lock, which anybody could hold.
	PERFORM FROM peer AS x WHERE x.server = p.server FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	BEGIN
		-- Without its publication there it would be a subscription to nothing, with a warning. No
		-- message may show the statement, which may hold a password.
		SET LOCAL client_min_messages = error;
		SET LOCAL log_min_messages = error;
		IF connected_to IS NOT NULL THEN
			EXECUTE format('ALTER SUBSCRIPTION prio_processor CONNECTION %L', p.conninfo);
			RETURN true;
		END IF;
		EXECUTE format('CREATE SUBSCRIPTION prio_processor CONNECTION %L PUBLICATION prio_processor WITH (create_slot = false, slot_name = %L)',
			p.conninfo, p.slot || '_' || lower(p.role));
		IF NOT EXISTS (SELECT FROM pg_subscription_rel AS r WHERE r.srrelid = 'prio_processor.message'::regclass) THEN
			RAISE EXCEPTION 'the other server has no publication "prio_processor" yet';
		END IF;
		-- The other server says which tables it publishes, and a subscription may write to any.
		IF EXISTS (SELECT FROM pg_subscription_rel AS r JOIN pg_subscription AS s ON s.oid = r.srsubid JOIN pg_database AS d ON d.oid = s.subdbid
				WHERE s.subname = 'prio_processor' AND d.datname = current_database()
					AND r.srrelid NOT IN ('prio_processor.message'::regclass, 'prio_processor.checkpoint'::regclass)) THEN
			RAISE EXCEPTION 'the other server publishes more than its messages';
		END IF;
	EXCEPTION WHEN OTHERS THEN
		RAISE NOTICE 'no subscription to the other server yet: %', printable(SQLERRM)
			USING HINT = 'run() tries again.';
		RETURN false;
	END;
	RETURN true;
END $$;

COMMENT ON FUNCTION subscribe() IS 'subscribes to the other server if it can be done';

CREATE PROCEDURE join_peer(server name, peer_public_key text, peer_conninfo text DEFAULT NULL, slot text DEFAULT 'prio_processor')
	LANGUAGE plpgsql AS $$
DECLARE
	own_role text := prio_processor.server_option(server, 'role');
	peer_slot text;
BEGIN
	IF own_role IS NULL THEN
		RAISE EXCEPTION 'server "%" is not a Prio server', server
			USING ERRCODE = 'undefined_object', HINT = 'Create one with CREATE SERVER ... FOREIGN DATA WRAPPER prio.';
	ELSIF EXISTS (SELECT FROM prio_processor.peer AS p WHERE p.role <> own_role) THEN
		RAISE EXCEPTION 'this database is server % already', prio_processor.other_role(own_role)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'The two servers belong in two databases, of two owners.';
	ELSIF lower(peer_public_key) !~ '^[0-9a-f]{64}$' THEN
		RAISE EXCEPTION 'invalid public key of the other server'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Expected 64 hexadecimal digits.';
	ELSIF slot !~ '^[a-z0-9_]{1,40}$' THEN
		RAISE EXCEPTION 'invalid name of a replication slot'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Expected at most 40 lower case letters, digits and underscores.';
	END IF;
	peer_slot := slot || '_' || lower(prio_processor.other_role(own_role));

	IF peer_conninfo IS NOT NULL THEN
		IF pg_catalog.current_setting('server_version_num')::int < 150000 THEN
			RAISE EXCEPTION 'logical replication between two servers needs PostgreSQL 15'
				USING ERRCODE = 'feature_not_supported', HINT = 'Leave out peer_conninfo, and copy the rows of this side''s role in the tables message and checkpoint by other means.';
		END IF;
		IF EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s
				WHERE s.slot_name = peer_slot AND s.database IS DISTINCT FROM pg_catalog.current_database()) THEN
			RAISE EXCEPTION 'replication slot "%" belongs to another database of this cluster', peer_slot
				USING ERRCODE = 'duplicate_object', HINT = 'Choose another name with slot => ..., on both sides.';
		END IF;
		-- A slot cannot decode what was written before its publication was there: so a slot
		-- without one is of no use, and the publication comes first.
		IF EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_name = peer_slot
				AND (s.wal_status = 'lost' OR s.confirmed_flush_lsn > pg_catalog.pg_current_wal_insert_lsn() OR NOT EXISTS (SELECT FROM pg_catalog.pg_publication AS p WHERE p.pubname = 'prio_processor'))) THEN
			PERFORM pg_catalog.pg_terminate_backend(s.active_pid, 10000) FROM pg_catalog.pg_replication_slots AS s
			WHERE s.slot_name = peer_slot AND s.active_pid IS NOT NULL;
			PERFORM pg_catalog.pg_drop_replication_slot(peer_slot);
			COMMIT;
		END IF;
		-- A dump keeps a publication, but not what is in it.
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication AS p WHERE p.pubname = 'prio_processor') THEN
			CREATE PUBLICATION prio_processor;
		END IF;
		ALTER PUBLICATION prio_processor SET (publish = 'insert', publish_via_partition_root = true);
		EXECUTE pg_catalog.format('ALTER PUBLICATION prio_processor SET TABLE prio_processor.message WHERE (role = %L),
			prio_processor.checkpoint WHERE (role = %L)', own_role, own_role);
		COMMIT;
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_name = peer_slot) THEN
			PERFORM pg_catalog.pg_create_logical_replication_slot(peer_slot, 'pgoutput');
			COMMIT;
		END IF;
	END IF;
	INSERT INTO prio_processor.peer AS p (server, role, peer_public_key, conninfo, slot)
	VALUES (join_peer.server, own_role, lower(join_peer.peer_public_key), peer_conninfo, join_peer.slot)
	ON CONFLICT ON CONSTRAINT peer_pkey DO UPDATE
	SET peer_public_key = excluded.peer_public_key, conninfo = excluded.conninfo, slot = excluded.slot;
	-- One exchange serves all servers of the database.
	UPDATE prio_processor.peer AS p SET conninfo = peer_conninfo, slot = join_peer.slot WHERE p.conninfo <> peer_conninfo;
	COMMIT;
	PERFORM prio_processor.subscribe();
	COMMIT;
END $$;

COMMENT ON PROCEDURE join_peer(name, text, text, text) IS 'makes the other server known, and exchanges messages with it by logical replication';

-- After the other side, or this one, was restored from a backup, or a slot was lost: all
-- messages come again, and those that are here already are left out.
CREATE PROCEDURE rejoin_peer() LANGUAGE plpgsql AS $$
DECLARE
	p prio_processor.peer;
BEGIN
	-- One of them stands for all, but for those whose foreign server is gone.
	SELECT * INTO p FROM prio_processor.peer AS x
	WHERE x.conninfo IS NOT NULL AND prio_processor.server_option(x.server, 'role') IS NOT NULL LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no other server to replicate with'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Join one with join_peer().';
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
			WHERE s.subname = 'prio_processor' AND d.datname = pg_catalog.current_database()) THEN
		ALTER SUBSCRIPTION prio_processor DISABLE;
		ALTER SUBSCRIPTION prio_processor SET (slot_name = NONE);
		COMMIT;
		DROP SUBSCRIPTION prio_processor;
		COMMIT;
	END IF;
	CALL prio_processor.join_peer(p.server, p.peer_public_key, p.conninfo, p.slot);
END $$;

COMMENT ON PROCEDURE rejoin_peer() IS 'begins the exchange with the other server anew, after a restore on either side or the loss of a slot';

-- ---------------------------------------------------------------- files of JSON lines

-- The lines are those of prio-processor: {"id": uuid, "payload": base64}.
CREATE FUNCTION json_line(id uuid, payload bytea) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN jsonb_build_object('id', id, 'payload', translate(encode(payload, 'base64'), E'\n', ''))::text;

COMMENT ON FUNCTION json_line(uuid, bytea) IS 'one line of a file';

-- NULL for a line that is none, so that one bad line does not stop a file.
CREATE FUNCTION parse_json_line(line text, OUT id uuid, OUT payload bytea) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	id := (line::pg_catalog.jsonb ->> 'id')::pg_catalog.uuid;
	payload := pg_catalog.decode(line::pg_catalog.jsonb ->> 'payload', 'base64');
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	id := NULL;
	payload := NULL;
END $$;

COMMENT ON FUNCTION parse_json_line(text) IS 'what is in a line of a file; NULL if nothing';

-- The stage that ends with the messages of a round.
CREATE FUNCTION stage_of_round(round int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF round IN (1, 2) THEN
		RETURN 'verify' || round;
	END IF;
	RAISE EXCEPTION 'there is no round %', round
		USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Round 1 is verify1, round 2 is verify2.';
END $$;

COMMENT ON FUNCTION stage_of_round(int) IS 'the stage that sends the messages of a round';

-- Row k of a file has ordinal k, whatever the rows before it are: so a share that only one of
-- the two servers can open does not move those behind it.
CREATE FUNCTION import_share_lines(batch_id text, lines text[], ordinal bigint DEFAULT 0,
		OUT taken bigint, OUT unreadable bigint, OUT next_ordinal bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := existing_batch(batch_id);
BEGIN
	WITH content AS MATERIALIZED (
		SELECT l.n, p.id, p.payload FROM unnest(lines) WITH ORDINALITY AS l (line, n), parse_json_line(l.line) AS p
	), inserted AS (
		INSERT INTO share (batch_id, share_id, ordinal, payload)
		SELECT b.batch_id, id, CASE WHEN b.ordinals THEN import_share_lines.ordinal + n - 1 ELSE 0 END, payload
		FROM content WHERE id IS NOT NULL AND payload IS NOT NULL ORDER BY n
		ON CONFLICT DO NOTHING RETURNING 1
	)
	SELECT (SELECT count(*) FROM inserted), count(*) FILTER (WHERE id IS NULL OR payload IS NULL),
		import_share_lines.ordinal + cardinality(lines)
	INTO taken, unreadable, next_ordinal FROM content;
END $$;

COMMENT ON FUNCTION import_share_lines(text, text[], bigint) IS 'shares from lines of a file; in a batch with ordinals the first line has that one';

CREATE FUNCTION import_share(batch_id text, line text, ordinal bigint DEFAULT 0) RETURNS boolean LANGUAGE sql
	RETURN (SELECT taken = 1 FROM import_share_lines(batch_id, ARRAY[line], ordinal));

COMMENT ON FUNCTION import_share(text, text, bigint) IS 'a share from a line of a file; false if it was refused';

CREATE FUNCTION check_exchanges_files(b batch) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF b.checkpoints THEN
		RAISE EXCEPTION 'the other server sends checkpoints of batch "%"', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Files are for batches that were created with checkpoints => false.';
	END IF;
END $$;

COMMENT ON FUNCTION check_exchanges_files(batch) IS 'an error unless the messages of a batch travel as files';

CREATE FUNCTION export_messages(batch_id text, round int) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := existing_batch(batch_id);
BEGIN
	IF NOT EXISTS (SELECT FROM checkpoint AS c WHERE c.batch_id = b.batch_id AND c.role = b.role AND c.stage = stage_of_round(round)) THEN
		RAISE EXCEPTION 'round % of batch "%" is not finished', round, b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL prio_processor.run() first.';
	ELSIF b.dropped_at IS NOT NULL THEN
		RAISE EXCEPTION 'batch "%" has been dropped, with its messages', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN QUERY SELECT json_line(m.share_id, m.payload) FROM verifier AS v JOIN message AS m USING (batch_id, share_id)
		WHERE v.batch_id = b.batch_id AND m.role = b.role AND m.round = export_messages.round ORDER BY v.number;
END $$;

COMMENT ON FUNCTION export_messages(text, int) IS 'the messages of this side in one round, as lines of a file';

CREATE FUNCTION import_message_lines(batch_id text, round int, lines text[], OUT taken bigint, OUT unreadable bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := existing_batch(batch_id);
BEGIN
	PERFORM check_exchanges_files(b), stage_of_round(round);
	WITH content AS MATERIALIZED (
		SELECT p.id, p.payload FROM unnest(lines) AS line, parse_json_line(line) AS p
	), inserted AS (
		INSERT INTO message (batch_id, share_id, role, round, payload)
		SELECT b.batch_id, id, other_role(b.role), import_message_lines.round, substr(payload, 1, 64)
		FROM content WHERE id IS NOT NULL AND payload IS NOT NULL ON CONFLICT DO NOTHING RETURNING 1
	)
	SELECT (SELECT count(*) FROM inserted), count(*) FILTER (WHERE id IS NULL OR payload IS NULL)
	INTO taken, unreadable FROM content;
END $$;

COMMENT ON FUNCTION import_message_lines(text, int, text[]) IS 'messages of the other server in one round from lines of a file';

CREATE FUNCTION import_message(batch_id text, round int, line text) RETURNS boolean LANGUAGE sql
	RETURN (SELECT taken = 1 FROM import_message_lines(batch_id, round, ARRAY[line]));

COMMENT ON FUNCTION import_message(text, int, text) IS 'a message of the other server from a line of a file; false if it was refused';

-- A file has no checkpoint: whoever has read all of it says so.
CREATE PROCEDURE finish_import(batch_id text, round int) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
BEGIN
	PERFORM check_exchanges_files(b);
	INSERT INTO checkpoint (batch_id, role, stage, attempt, messages)
	SELECT b.batch_id, other_role(b.role), stage_of_round(finish_import.round), 0, count(*)
	FROM message AS m WHERE m.batch_id = b.batch_id AND m.role = other_role(b.role) AND m.round = finish_import.round
	ON CONFLICT DO NOTHING;
END $$;

COMMENT ON PROCEDURE finish_import(text, int) IS 'all messages of the other server in one round have been imported';

CREATE FUNCTION export_total(batch_id text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	c checkpoint;
BEGIN
	SELECT x.* INTO c FROM checkpoint AS x JOIN batch AS b USING (batch_id, role)
	WHERE x.batch_id = export_total.batch_id AND x.stage = 'aggregate' AND x.total IS NOT NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'batch "%" has no total to be sent', batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'See what prio_processor.progress says about it.';
	END IF;
	RETURN jsonb_build_object('payload', translate(encode(c.total, 'base64'), E'\n', ''), 'error', c.rejected, 'total', c.valid + c.rejected)::text;
END $$;

COMMENT ON FUNCTION export_total(text) IS 'the total share of this side as a line of a file';

CREATE PROCEDURE import_total(batch_id text, line text) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = prio_processor, pg_catalog, pg_temp AS $$
DECLARE
	b batch := lock_batch(batch_id);
	content jsonb := line::jsonb;
	total bytea := decode(content ->> 'payload', 'base64');
	rejected bigint := (content ->> 'error')::bigint;
	valid bigint := (content ->> 'total')::bigint - rejected;
	c checkpoint;
BEGIN
	PERFORM check_exchanges_files(b);
	IF total IS NULL OR valid IS NULL THEN
		RAISE EXCEPTION 'the line is not the total share of a server'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is {"payload": BASE64, "error": N, "total": N}.';
	END IF;
	PERFORM merge_totals(total, NULL); -- an error unless it is one
	SELECT * INTO c FROM checkpoint AS x WHERE x.batch_id = b.batch_id AND x.role <> b.role AND x.stage = 'aggregate';
	IF NOT FOUND THEN
		INSERT INTO checkpoint (batch_id, role, stage, attempt, valid, rejected, total)
		VALUES (b.batch_id, other_role(b.role), 'aggregate', 0, valid, rejected, total);
	ELSIF (c.valid, c.rejected, c.total) IS DISTINCT FROM (valid, rejected, total) THEN
		RAISE EXCEPTION 'another total of the other server for batch "%" is here already', b.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
END $$;

COMMENT ON PROCEDURE import_total(text, text) IS 'the total share of the other server from a line of a file';

-- Whole files, from a table with a column "line" that one COPY has filled: its rows are read
-- in the order in which they lie there.
CREATE PROCEDURE import_file(batch_id text, round int, file regclass) LANGUAGE plpgsql
	SET synchronize_seqscans = off AS $$
DECLARE
	content refcursor;
	line text;
	lines text[];
	part record;
	next_ordinal bigint := 0::bigint;
	total bigint := 0::bigint;
	taken bigint := 0::bigint;
	unreadable bigint := 0::bigint;
BEGIN
	OPEN content FOR EXECUTE pg_catalog.format('SELECT line FROM %s', file);
	LOOP
		lines := ARRAY[]::text[];
		FOR i IN 1 .. 1000 LOOP
			FETCH content INTO line;
			EXIT WHEN NOT FOUND;
			lines := pg_catalog.array_append(lines, line);
		END LOOP;
		EXIT WHEN pg_catalog.cardinality(lines) = 0;
		IF round IS NULL THEN
			SELECT * INTO part FROM prio_processor.import_share_lines(batch_id, lines, next_ordinal);
			next_ordinal := part.next_ordinal;
		ELSE
			SELECT * INTO part FROM prio_processor.import_message_lines(batch_id, round, lines);
		END IF;
		total := total + pg_catalog.cardinality(lines);
		taken := taken + part.taken;
		unreadable := unreadable + part.unreadable;
	END LOOP;
	RAISE NOTICE 'batch "%": % lines, % taken, % refused, % not readable', batch_id, total, taken, total - taken - unreadable, unreadable;
END $$;

COMMENT ON PROCEDURE import_file(text, int, regclass) IS 'lines of a file; see import_shares() and import_messages()';

CREATE PROCEDURE import_shares(batch_id text, file regclass) LANGUAGE plpgsql AS $$
BEGIN
	CALL prio_processor.import_file(batch_id, NULL, file);
END $$;

COMMENT ON PROCEDURE import_shares(text, regclass) IS 'shares from a file, which a table with a column "line" holds; bad lines are counted';

CREATE PROCEDURE import_messages(batch_id text, round int, file regclass) LANGUAGE plpgsql AS $$
BEGIN
	CALL prio_processor.import_file(batch_id, round, file);
	CALL prio_processor.finish_import(batch_id, round);
END $$;

COMMENT ON PROCEDURE import_messages(text, int, regclass) IS 'all messages of the other server in one round from a file, which a table with a column "line" holds';

-- ---------------------------------------------------------------- running

-- Does what can be done for one batch, or for one stage of it, committing after every chunk.
CREATE PROCEDURE run_batch(batch_id text, INOUT outcome text, until stage DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	told timestamptz := pg_catalog.clock_timestamp();
	p record;
BEGIN
	LOOP
		-- Another session's step is nothing to fail at.
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		outcome := prio_processor.advance(batch_id);
		COMMIT;
		IF outcome = 'failed' OR outcome = 'error' THEN
			RAISE WARNING 'batch "%": %', batch_id, (SELECT b.error FROM prio_processor.batch AS b WHERE b.batch_id = run_batch.batch_id);
		END IF;
		EXIT WHEN outcome <> 'worked'
			OR until IS NOT NULL AND until <> (SELECT b.stage FROM prio_processor.batch AS b WHERE b.batch_id = run_batch.batch_id);
		IF pg_catalog.clock_timestamp() > told + interval '2 seconds' THEN
			told := pg_catalog.clock_timestamp();
			FOR p IN SELECT * FROM prio_processor.progress AS v WHERE v.batch_id = run_batch.batch_id AND v.state = 'running' LOOP
				RAISE NOTICE 'batch "%": %, % of % shares (% %%), % a second, % left', batch_id, p.stage, p.done, p.total,
					p.percent, coalesce(p.rate::text, '?'), coalesce(p.time_left::text, '?');
			END LOOP;
		END IF;
	END LOOP;
	COMMIT;
END $$;

COMMENT ON PROCEDURE run_batch(text, text, stage) IS 'takes one batch as far as it can go';

CREATE PROCEDURE run_stage(batch_id text, stage stage) LANGUAGE plpgsql AS $$
DECLARE
	b record;
	outcome text;
BEGIN
	SELECT x.stage, x.error INTO b FROM prio_processor.batch AS x WHERE x.batch_id = run_stage.batch_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'batch "%" does not exist', batch_id
			USING ERRCODE = 'undefined_object', HINT = 'Batches are made with create_batch().';
	ELSIF b.stage < run_stage.stage OR b.stage = 'failed' THEN
		RAISE EXCEPTION 'batch "%" is in stage "%"', batch_id, b.stage
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(b.error, 'The stages before it come first.');
	ELSIF b.stage > run_stage.stage THEN
		RAISE NOTICE 'stage "%" of batch "%" is finished', stage, batch_id;
		RETURN;
	END IF;
	CALL prio_processor.run_batch(batch_id, outcome, stage);
	IF outcome = 'waiting' THEN
		RAISE NOTICE 'batch "%" waits for the other server', batch_id;
	END IF;
END $$;

COMMENT ON PROCEDURE run_stage(text, stage) IS 'one stage of one batch';

CREATE PROCEDURE verify1(batch_id text) LANGUAGE plpgsql AS $$ BEGIN CALL prio_processor.run_stage(batch_id, 'verify1'); END $$;
CREATE PROCEDURE verify2(batch_id text) LANGUAGE plpgsql AS $$ BEGIN CALL prio_processor.run_stage(batch_id, 'verify2'); END $$;
CREATE PROCEDURE aggregate(batch_id text) LANGUAGE plpgsql AS $$ BEGIN CALL prio_processor.run_stage(batch_id, 'aggregate'); END $$;
CREATE PROCEDURE publish(batch_id text) LANGUAGE plpgsql AS $$ BEGIN CALL prio_processor.run_stage(batch_id, 'publish'); END $$;

COMMENT ON PROCEDURE verify1(text) IS 'opens the shares of a closed batch and says verify1 of each';
COMMENT ON PROCEDURE verify2(text) IS 'answers every verify1 of the other server';
COMMENT ON PROCEDURE aggregate(text) IS 'adds up the shares that both servers accept, and sends the total';
COMMENT ON PROCEDURE publish(text) IS 'puts both totals together';

-- A scheduler that comes once a minute would take a batch one round further a minute. With
-- patience one call sees it through, if the other server is about as quick.
CREATE PROCEDURE run(patience interval DEFAULT '0') LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := pg_catalog.clock_timestamp() + patience;
	id text;
	outcome text;
	worked boolean;
	waiting boolean;
	in_trouble text[] := ARRAY[]::text[];
BEGIN
	LOOP
		PERFORM prio_processor.subscribe();
		COMMIT;
		worked := false;
		waiting := false;
		FOR id IN SELECT b.batch_id FROM prio_processor.batch AS b WHERE b.stage < 'published' AND b.batch_id <> ALL (in_trouble) ORDER BY b.number LOOP
			CALL prio_processor.run_batch(id, outcome);
			-- A batch that got anywhere may let another session's run() end with work left.
			worked := worked OR outcome = 'done';
			waiting := waiting OR outcome IN ('waiting', 'busy')
				AND 'open' <> (SELECT b.stage FROM prio_processor.batch AS b WHERE b.batch_id = id);
			IF outcome = 'error' THEN
				in_trouble := pg_catalog.array_append(in_trouble, id);
			END IF;
		END LOOP;
		IF NOT worked THEN
			EXIT WHEN NOT waiting OR pg_catalog.clock_timestamp() >= until;
			PERFORM pg_catalog.pg_sleep(least(1, extract(epoch FROM until - pg_catalog.clock_timestamp())));
		END IF;
		COMMIT;
	END LOOP;
END $$;

COMMENT ON PROCEDURE run(interval) IS 'takes every batch as far as it can go, and waits so long for the other server; for a scheduler';

-- ---------------------------------------------------------------- privileges

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA prio_processor FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA prio_processor FROM PUBLIC;
REVOKE ALL ON TYPE stage FROM PUBLIC;

GRANT USAGE ON SCHEMA prio_processor TO prio_ingest, prio_operator, prio_reader, prio_peer;

-- who sends shares here
GRANT INSERT (batch_id, share_id, ordinal, payload) ON share TO prio_ingest;
GRANT USAGE ON SEQUENCE share_number TO prio_ingest;

-- who runs the job
GRANT SELECT ON stage_progress, rejection, result, progress, exchange, rejections TO prio_operator;
GRANT SELECT (server, role, peer_public_key, slot) ON peer TO prio_operator;
GRANT SELECT (batch_id, number, server, role, n_data, bits, min_batch_size, ordinals, checkpoints, close_at, stage, attempt,
	failed_stage, error, error_at, dropped_at) ON batch TO prio_operator;
GRANT EXECUTE ON PROCEDURE create_batch(text, name, int, bigint, int, boolean, boolean, timestamptz),
	change_batch(text, int, int, boolean), close_batch(text),
	retry_batch(text), give_up_batch(text), drop_batch(text), run(interval), run_batch(text, text, stage), run_stage(text, stage), verify1(text), verify2(text),
	aggregate(text), publish(text), import_shares(text, regclass), import_messages(text, int, regclass),
	import_file(text, int, regclass), finish_import(text, int), import_total(text, text) TO prio_operator;
GRANT EXECUTE ON FUNCTION advance(text), subscribe(), import_share(text, text, bigint), import_share_lines(text, text[], bigint),
	import_message(text, int, text), import_message_lines(text, int, text[]), export_messages(text, int), export_total(text) TO prio_operator;

-- who reads what is published
GRANT SELECT ON result TO prio_reader;

-- as whom the other server logs in, to copy the messages of this side
GRANT SELECT ON message, checkpoint TO prio_peer;
