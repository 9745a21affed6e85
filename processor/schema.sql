/* prio_processor--1.0.sql: made from the parts in processor/ by make */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION prio_processor" to load this file. \quit

-- How to read this. A part a subsystem, in the order of the list in the Makefile: the tables, what
-- keeps them as they are, the functions in C, batches, the steps of a batch in their order,
-- the exchange with the other server, files, run(), views, and who may do what.
--
-- Two schemas: prio_processor is what people use, prio_internal what the job is made of. Both are
-- made here, so that one that somebody else has prepared is refused.
--
-- What an operator may call runs with the rights of the owner of the extension, who needs the user
-- mappings: the operator has no right to shares, messages, totals or keys, so that nothing but
-- these functions can move a batch. The settings that such a function runs under are attached
-- to it by privileges.sql, whatever those of the session are.

-- No name in here is looked up where others may create.
DO $$
DECLARE
	taken record;
BEGIN
	SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner) AS owner INTO taken
	FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('prio_processor', 'prio_internal') LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'schema "%" exists already', taken.nspname
			USING ERRCODE = 'duplicate_schema', DETAIL = pg_catalog.format('It belongs to role "%s".', taken.owner),
				HINT = 'The extension makes this schema itself. Look at what is in it, drop it, and try again.';
	END IF;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), pg_catalog.set_config('default_tablespace', '', true), pg_catalog.set_config('default_table_access_method', 'heap', true);
END $$;

CREATE SCHEMA prio_processor;
CREATE SCHEMA prio_internal;

COMMENT ON SCHEMA prio_processor IS 'sums over many clients by two servers: what people use';
COMMENT ON SCHEMA prio_internal IS 'what the job of prio_processor is made of; for nobody else to call';

-- ---------------------------------------------------------------- roles

DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['prio_ingest', 'prio_operator', 'prio_reader', 'prio_peer'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;
END $$;

-- ---------------------------------------------------------------- servers

CREATE TABLE prio_processor.peer (
	server name PRIMARY KEY,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	peer_public_key text CHECK (peer_public_key ~ '^[0-9a-f]{64}$'),
	peer_server name,
	min_batch_size bigint,
	max_missing numeric,
	system_identifier bigint NOT NULL,
	database oid NOT NULL
);

COMMENT ON TABLE prio_processor.peer IS 'the Prio servers of this database and who the other server is; written by join_peer()';
COMMENT ON COLUMN prio_processor.peer.server IS 'foreign server that holds the role and keys of this side';
COMMENT ON COLUMN prio_processor.peer.role IS 'role of this side, A or B; the same for all servers of a database';
COMMENT ON COLUMN prio_processor.peer.peer_public_key IS 'public key of the other server, 64 hexadecimal digits; NULL where shares are not sealed';
COMMENT ON COLUMN prio_processor.peer.peer_server IS 'foreign server of the wrapper prio_peer, where the other database is; NULL when messages come as files';
COMMENT ON COLUMN prio_processor.peer.min_batch_size IS 'no batch may have a smaller min_batch_size: see set_floor()';
COMMENT ON COLUMN prio_processor.peer.max_missing IS 'no batch may have a larger max_missing: see set_floor()';
COMMENT ON COLUMN prio_processor.peer.system_identifier IS 'cluster in which it was joined: a copy of the database is not';
COMMENT ON COLUMN prio_processor.peer.database IS 'database in which it was joined';

-- And 'server NAME', where after_restore() could not read what its key is.
CREATE TABLE prio_internal.outlived_key (
	key text PRIMARY KEY
);

COMMENT ON TABLE prio_internal.outlived_key IS 'public keys, and digests of verify keys, that no server here may use any more: see after_restore()';

-- Not logged, as it is about now: when the other server was last asked, and what came of it.
CREATE UNLOGGED TABLE prio_internal.contact (
	server name PRIMARY KEY,
	asked_at timestamptz,
	heard_at timestamptz,
	error text,
	silent boolean NOT NULL DEFAULT false,
	spent interval NOT NULL DEFAULT '0',
	unknown_batches text[]
);

COMMENT ON TABLE prio_internal.contact IS 'how the last attempts to reach the other servers went; see the view exchange';

-- ---------------------------------------------------------------- batches

-- In the order in which a batch goes through them; the last three are ends.
CREATE TYPE prio_processor.stage AS ENUM
	('open', 'close', 'list', 'agree', 'round 1', 'round 2', 'aggregate', 'publish', 'published', 'too small', 'failed');

COMMENT ON TYPE prio_processor.stage IS 'how far a batch is; it only ever goes forward';

CREATE SEQUENCE prio_internal.batch_number AS int;

COMMENT ON SEQUENCE prio_internal.batch_number IS 'numbers of batches, which name their partitions';

CREATE TABLE prio_processor.batch (
	batch_id text PRIMARY KEY CHECK (octet_length(batch_id) BETWEEN 1 AND 1000),
	number int NOT NULL UNIQUE DEFAULT nextval('prio_internal.batch_number'),
	server name NOT NULL,
	role text NOT NULL CHECK (role IN ('A', 'B')),
	n_data int,
	bits int,
	min_batch_size bigint NOT NULL CHECK (min_batch_size >= 1),
	packet_batch_id text NOT NULL,
	max_missing numeric NOT NULL CHECK (max_missing BETWEEN 0 AND 1),
	ordinals boolean NOT NULL,
	checkpoints boolean NOT NULL,
	close_at timestamptz,
	report_times tstzrange,
	task bytea,
	allow_forgeable boolean NOT NULL,
	chunk_shares int NOT NULL,
	settings text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	stage prio_processor.stage NOT NULL DEFAULT 'open',
	stage_since timestamptz NOT NULL DEFAULT clock_timestamp(),
	attempt int NOT NULL DEFAULT 0,
	failed_stage prio_processor.stage,
	error text,
	error_at timestamptz,
	partner_closed boolean NOT NULL DEFAULT false,
	listed bigint,
	packets bigint,
	list_digest bytea,
	agreed bigint,
	agreed_digest bytea,
	valid bigint,
	rejected bigint,
	total bytea,
	series text,
	period timestamptz,
	drop_at timestamptz,
	drop_wanted boolean NOT NULL DEFAULT false,
	dropped_at timestamptz,
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	timeline int NOT NULL,
	CHECK ((stage = 'failed') = (failed_stage IS NOT NULL))
);

COMMENT ON TABLE prio_processor.batch IS 'one row a batch, for good: an id is used once';
COMMENT ON COLUMN prio_processor.batch.batch_id IS 'name of the batch, the same on both servers';
COMMENT ON COLUMN prio_processor.batch.number IS 'its shares are in the table prio_internal.share_NUMBER';
COMMENT ON COLUMN prio_processor.batch.server IS 'foreign server with the role and keys of this side';
COMMENT ON COLUMN prio_processor.batch.role IS 'role of this side, A or B';
COMMENT ON COLUMN prio_processor.batch.n_data IS 'data fields (bits) of every packet; NULL for Prio3';
COMMENT ON COLUMN prio_processor.batch.bits IS 'bits of an integer, when the data are integers; NULL when they are single bits';
COMMENT ON COLUMN prio_processor.batch.min_batch_size IS 'with fewer valid shares nothing leaves this server, and nothing is published';
COMMENT ON COLUMN prio_processor.batch.packet_batch_id IS 'the name that clients put into their packets; those of Prio3 have none';
COMMENT ON COLUMN prio_processor.batch.max_missing IS 'of the shares that this side listed, the fraction that may be absent from the total';
COMMENT ON COLUMN prio_processor.batch.ordinals IS 'does every share have an evaluation point of its own, as the command-line tool of prio-processor has it';
COMMENT ON COLUMN prio_processor.batch.checkpoints IS 'is the other server a database that is asked; false when it exchanges files of JSON lines';
COMMENT ON COLUMN prio_processor.batch.close_at IS 'from then on the next run() closes the batch; NULL for never';
COMMENT ON COLUMN prio_processor.batch.report_times IS 'times of the reports that belong here; NULL for shares without a time';
COMMENT ON COLUMN prio_processor.batch.task IS 'of reports of DAP, the task id: no two batches of a task have a time in common';
COMMENT ON COLUMN prio_processor.batch.allow_forgeable IS 'was it allowed to take an n_data with which a client can forge its proof';
COMMENT ON COLUMN prio_processor.batch.chunk_shares IS 'how many shares are spoken about at a time, the same on both servers';
COMMENT ON COLUMN prio_processor.batch.settings IS 'what both sides must agree on, key=value; pinned when the batch is closed';
COMMENT ON COLUMN prio_processor.batch.created_at IS 'when it was made';
COMMENT ON COLUMN prio_processor.batch.stage IS 'what is being done, or what became of it';
COMMENT ON COLUMN prio_processor.batch.stage_since IS 'when that began';
COMMENT ON COLUMN prio_processor.batch.attempt IS 'how often the batch was changed, or retried after a failure';
COMMENT ON COLUMN prio_processor.batch.failed_stage IS 'of a failed batch, the stage in which it failed';
COMMENT ON COLUMN prio_processor.batch.error IS 'why it failed, or what went wrong at the last try';
COMMENT ON COLUMN prio_processor.batch.error_at IS 'when that was';
COMMENT ON COLUMN prio_processor.batch.partner_closed IS 'has somebody vouched that the other server takes no more shares; only where files are exchanged';
COMMENT ON COLUMN prio_processor.batch.listed IS 'ids in the list of this side';
COMMENT ON COLUMN prio_processor.batch.packets IS 'different packets among them';
COMMENT ON COLUMN prio_processor.batch.list_digest IS 'SHA-256 over the list of this side';
COMMENT ON COLUMN prio_processor.batch.agreed IS 'ids that both sides listed';
COMMENT ON COLUMN prio_processor.batch.agreed_digest IS 'SHA-256 over those';
COMMENT ON COLUMN prio_processor.batch.valid IS 'shares in the total';
COMMENT ON COLUMN prio_processor.batch.rejected IS 'packets of this side that are not';
COMMENT ON COLUMN prio_processor.batch.total IS 'total share of this side; NULL if there are too few valid shares';
COMMENT ON COLUMN prio_processor.batch.series IS 'the series that it is of';
COMMENT ON COLUMN prio_processor.batch.period IS 'beginning of its period, if it is of a series';
COMMENT ON COLUMN prio_processor.batch.drop_at IS 'from then on the next run() drops its shares, if it is finished or given up; NULL for never';
COMMENT ON COLUMN prio_processor.batch.drop_wanted IS 'is drop_batch() waiting for somebody to let go of the shares';
COMMENT ON COLUMN prio_processor.batch.dropped_at IS 'when its shares and messages were dropped';
COMMENT ON COLUMN prio_processor.batch.system_identifier IS 'cluster in which it was made';
COMMENT ON COLUMN prio_processor.batch.database IS 'database in which it was made';
COMMENT ON COLUMN prio_processor.batch.timeline IS 'timeline of the log in which it was made';

CREATE TABLE prio_processor.series (
	pattern text PRIMARY KEY CHECK (octet_length(pattern) BETWEEN 1 AND 1000),
	server name NOT NULL,
	every interval NOT NULL,
	n_data int,
	min_batch_size bigint NOT NULL,
	bits int,
	packet_batch_id text,
	max_missing numeric NOT NULL,
	ordinals boolean NOT NULL,
	checkpoints boolean NOT NULL,
	allow_forgeable boolean NOT NULL,
	ahead interval NOT NULL,
	close_after interval NOT NULL,
	keep interval,
	starts_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	error text,
	error_at timestamptz
);

COMMENT ON TABLE prio_processor.series IS 'batches that run() makes one after the other; written by create_series() and drop_series()';
COMMENT ON COLUMN prio_processor.series.pattern IS 'names of the batches, with a format of to_char() in braces for the beginning of the period, in UTC';
COMMENT ON COLUMN prio_processor.series.server IS 'foreign server with the role and keys of this side';
COMMENT ON COLUMN prio_processor.series.every IS 'how long a period is';
COMMENT ON COLUMN prio_processor.series.n_data IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.min_batch_size IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.bits IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.packet_batch_id IS 'of every batch; NULL for its name';
COMMENT ON COLUMN prio_processor.series.max_missing IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.ordinals IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.checkpoints IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.allow_forgeable IS 'of every batch; see that column of batch';
COMMENT ON COLUMN prio_processor.series.ahead IS 'how long before its period a batch is made';
COMMENT ON COLUMN prio_processor.series.close_after IS 'how long after its period a batch takes shares';
COMMENT ON COLUMN prio_processor.series.keep IS 'how long after its period a finished batch is dropped; NULL for never';
COMMENT ON COLUMN prio_processor.series.starts_at IS 'beginning of the first period';
COMMENT ON COLUMN prio_processor.series.next_at IS 'beginning of the first period whose batch has not been made';
COMMENT ON COLUMN prio_processor.series.created_at IS 'when it was made';
COMMENT ON COLUMN prio_processor.series.error IS 'why its next batch could not be made';
COMMENT ON COLUMN prio_processor.series.error_at IS 'when that was';

CREATE TABLE prio_processor.label (
	batch_or_series text NOT NULL,
	position int NOT NULL CHECK (position >= 1),
	-- It is shown on the terminal of who reads results.
	name text NOT NULL CHECK (octet_length(name) <= 1000 AND name !~ '[[:cntrl:]]'),
	PRIMARY KEY (batch_or_series, position)
);

COMMENT ON TABLE prio_processor.label IS 'what the counts of a batch, or of every batch of a series, are about';
COMMENT ON COLUMN prio_processor.label.batch_or_series IS 'name of the batch, or pattern of the series';
COMMENT ON COLUMN prio_processor.label.position IS 'place among the counts, from 1';
COMMENT ON COLUMN prio_processor.label.name IS 'its name';

-- What the other server says about a batch. Each word is kept as it was first said.
CREATE TABLE prio_internal.heard (
	number int PRIMARY KEY,
	settings text,
	listed bigint,
	list_digest bytea,
	messages_1 int NOT NULL DEFAULT 0,
	messages_2 int NOT NULL DEFAULT 0,
	valid bigint,
	rejected bigint,
	has_total boolean,
	total bytea,
	failure text,
	contradiction text,
	heard_total boolean NOT NULL DEFAULT false,
	in_vain_at timestamptz
);

COMMENT ON TABLE prio_internal.heard IS 'what the other server said about each batch';

-- ---------------------------------------------------------------- shares

-- A partition a batch, without an index, a check or, before its close, a trigger on INSERT: a COPY of
-- many rows is written as PostgreSQL does it fastest, and no row can make it fail.
CREATE TABLE prio_processor.share (
	batch_id text NOT NULL,
	share_id uuid,
	ordinal bigint,
	header bytea,
	payload bytea,
	file int,
	position bigint,
	bytes int,
	header_bytes int
) PARTITION BY LIST (batch_id);

-- They do not compress.
ALTER TABLE prio_processor.share ALTER payload SET STORAGE EXTERNAL, ALTER header SET STORAGE EXTERNAL;

CREATE TABLE prio_internal.share_other PARTITION OF prio_processor.share DEFAULT;

-- A row for each statement that brought shares of a batch after its close.
CREATE TABLE prio_internal.late (number int NOT NULL);
-- Or rows of it could not be deleted under a publication FOR ALL TABLES.
ALTER TABLE prio_internal.late REPLICA IDENTITY FULL;

CREATE TABLE prio_internal.early_share (
	batch_id text NOT NULL,
	share_id uuid,
	header bytea,
	payload bytea,
	arrived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE prio_internal.early_share ALTER payload SET STORAGE EXTERNAL, ALTER header SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;

COMMENT ON TABLE prio_processor.share IS 'what clients sent for this server';
COMMENT ON TABLE prio_internal.share_other IS 'always empty: see early_share';
COMMENT ON TABLE prio_internal.late IS 'batches for which shares came after their close';
COMMENT ON TABLE prio_internal.early_share IS 'shares for batches that nobody has made yet; they are taken in with the batch, or thrown away after a week';
COMMENT ON COLUMN prio_processor.share.batch_id IS 'batch it is for';
COMMENT ON COLUMN prio_processor.share.share_id IS 'the same for both shares of a client';
COMMENT ON COLUMN prio_processor.share.ordinal IS 'which evaluation point it is checked at; only imports of files set it';
COMMENT ON COLUMN prio_processor.share.header IS 'what is not sealed of a report: the public share, or all of a DAP report that both seals cover; NULL for packets of Prio v1';
COMMENT ON COLUMN prio_processor.share.payload IS 'the share for this server';
COMMENT ON COLUMN prio_processor.share.file IS 'number of the file that header and payload are in, if they are not here; only import_file() sets it';
COMMENT ON COLUMN prio_processor.share.position IS 'byte of that file where the length of the payload stands, which the header is before and the payload behind';
COMMENT ON COLUMN prio_processor.share.bytes IS 'length of the payload there';
COMMENT ON COLUMN prio_processor.share.header_bytes IS 'length of the header there; NULL if there is none';

CREATE SEQUENCE prio_internal.file_number AS int;

-- Which file is meant is for the owner alone to write: a row of share has its number.
CREATE TABLE prio_internal.file (
	file int PRIMARY KEY DEFAULT nextval('prio_internal.file_number'),
	number int NOT NULL,
	path text NOT NULL,
	bytes bigint NOT NULL,
	modified bigint NOT NULL,
	UNIQUE (number, path)
);

COMMENT ON SEQUENCE prio_internal.file_number IS 'numbers of files';
COMMENT ON TABLE prio_internal.file IS 'files in which shares of a batch stay, with their size and the time of their last change in nanoseconds since 1970';

-- ---------------------------------------------------------------- the state of a batch

-- A range of blocks of the shares, which is opened as a whole.
CREATE TABLE prio_internal.chunk (
	number int NOT NULL,
	chunk int NOT NULL,
	first_block bigint NOT NULL,
	end_block bigint NOT NULL,
	-- of shares that are distributed: see follow_shards()
	shard bigint,
	placement text,
	PRIMARY KEY (number, chunk)
);

COMMENT ON TABLE prio_internal.chunk IS 'how the shares of a closed batch are divided among transactions';

-- Private state. Not logged, and no configuration of the extension: so it is in no backup, no
-- dump and on no standby. After a crash it is made again.
CREATE UNLOGGED TABLE prio_internal.opened (
	number int NOT NULL,
	chunk int NOT NULL,
	opened bytea NOT NULL,
	shares bigint NOT NULL,
	PRIMARY KEY (number, chunk)
);
CREATE UNLOGGED TABLE prio_internal.work (
	number int NOT NULL,
	chunk int NOT NULL,
	records bytea NOT NULL,
	PRIMARY KEY (number, chunk)
);
ALTER TABLE prio_internal.opened ALTER opened SET STORAGE EXTERNAL;
ALTER TABLE prio_internal.work ALTER records SET STORAGE EXTERNAL;

COMMENT ON TABLE prio_internal.opened IS 'what the chunks of shares opened to: private state, with their sums';
COMMENT ON TABLE prio_internal.work IS 'the same in the order of the agreed list: private state';

CREATE TABLE prio_internal.list (
	number int NOT NULL,
	role text NOT NULL,
	piece int NOT NULL,
	entries bytea NOT NULL,
	PRIMARY KEY (number, role, piece)
);
ALTER TABLE prio_internal.list ALTER entries SET STORAGE EXTERNAL;

COMMENT ON TABLE prio_internal.list IS 'which shares there are: of this side with two private digests each, of the other side the ids';

CREATE TABLE prio_internal.agreed (
	number int NOT NULL,
	chunk int NOT NULL,
	shares int NOT NULL,
	ids_digest bytea NOT NULL,
	left_out bytea,
	PRIMARY KEY (number, chunk)
);

COMMENT ON TABLE prio_internal.agreed IS 'the chunks of the agreed list, and what this side leaves out in them';

CREATE TABLE prio_internal.message (
	number int NOT NULL,
	role text NOT NULL,
	round smallint NOT NULL,
	chunk int NOT NULL,
	payload bytea NOT NULL,
	PRIMARY KEY (number, role, round, chunk)
);
ALTER TABLE prio_internal.message ALTER payload SET STORAGE EXTERNAL;

COMMENT ON TABLE prio_internal.message IS 'the messages of both sides, a row a chunk';

CREATE SEQUENCE prio_internal.scope_number AS int;

-- Which packets were spoken about. A name and a key that packets are made for are a scope; of bare
-- Prio3 shares a digest of the verify key.
CREATE TABLE prio_internal.scope (
	scope int PRIMARY KEY DEFAULT nextval('prio_internal.scope_number'),
	name text NOT NULL,
	key text NOT NULL,
	UNIQUE (name, key)
);

CREATE TABLE prio_internal.memory (
	scope int NOT NULL,
	number int NOT NULL,
	piece int NOT NULL,
	digests bytea NOT NULL,
	PRIMARY KEY (scope, number, piece)
);
ALTER TABLE prio_internal.memory ALTER digests SET STORAGE EXTERNAL;

COMMENT ON SEQUENCE prio_internal.scope_number IS 'numbers of scopes';
COMMENT ON TABLE prio_internal.scope IS 'names in packets, with the key that they are sealed to or, for shares of Prio3, checked with';
COMMENT ON TABLE prio_internal.memory IS 'digests of the packets that have been spoken about; outlives the batch';

CREATE TABLE prio_internal.rejection (
	number int NOT NULL,
	stage prio_processor.stage NOT NULL,
	reason text NOT NULL,
	shares bigint NOT NULL,
	ids uuid[],
	PRIMARY KEY (number, stage, reason)
);

COMMENT ON TABLE prio_internal.rejection IS 'how many shares fell out, when and why; see the view rejections';

-- What a file has that a packed message has not: the ids as they were written, and lines that wait
-- for their round to be complete.
CREATE TABLE prio_internal.written_id (
	number int NOT NULL,
	share_id uuid NOT NULL,
	written text NOT NULL,
	PRIMARY KEY (number, share_id)
);
CREATE TABLE prio_internal.imported_message (
	number int NOT NULL,
	round smallint NOT NULL,
	share_id uuid NOT NULL,
	payload bytea NOT NULL,
	PRIMARY KEY (number, round, share_id)
);

COMMENT ON TABLE prio_internal.written_id IS 'ids of imported shares that were not written as PostgreSQL writes them';
COMMENT ON TABLE prio_internal.imported_message IS 'messages of the other server from files, until all of a round are there';

CREATE TABLE prio_internal.stage_time (
	number int NOT NULL,
	stage prio_processor.stage NOT NULL,
	began_at timestamptz NOT NULL,
	ended_at timestamptz NOT NULL,
	shares bigint,
	PRIMARY KEY (number, stage)
);

COMMENT ON TABLE prio_internal.stage_time IS 'when the stages of a batch that are over began and ended';

CREATE TABLE prio_processor.result (
	batch_id text PRIMARY KEY,
	counts numeric[] NOT NULL,
	valid bigint NOT NULL,
	rejected bigint NOT NULL,
	published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE prio_processor.result IS 'what was published';
COMMENT ON COLUMN prio_processor.result.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.result.counts IS 'for every data field the number of clients that had it set; or for every integer the sum; or the result of Prio3';
COMMENT ON COLUMN prio_processor.result.valid IS 'clients in it';
COMMENT ON COLUMN prio_processor.result.rejected IS 'packets of this side that are not';
COMMENT ON COLUMN prio_processor.result.published_at IS 'when';

-- What a dump takes.
SELECT pg_catalog.pg_extension_config_dump('prio_internal.batch_number', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.scope_number', '');
SELECT pg_catalog.pg_extension_config_dump('prio_processor.peer', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.outlived_key', '');
SELECT pg_catalog.pg_extension_config_dump('prio_processor.batch', '');
SELECT pg_catalog.pg_extension_config_dump('prio_processor.series', '');
SELECT pg_catalog.pg_extension_config_dump('prio_processor.label', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.heard', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.late', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.early_share', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.file_number', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.file', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.chunk', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.list', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.agreed', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.message', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.scope', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.memory', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.rejection', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.written_id', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.imported_message', '');
SELECT pg_catalog.pg_extension_config_dump('prio_internal.stage_time', '');
SELECT pg_catalog.pg_extension_config_dump('prio_processor.result', '');
