-- What it takes to measure prio_processor on one of the two servers.

-- Where a process is with a stage of a batch, and what it has taken so far.
CREATE TABLE step (
	batch_id text,
	stage text,
	done bigint,
	pid int,
	cpu_us numeric,
	memory_kb bigint,
	wal pg_lsn DEFAULT pg_current_wal_insert_lsn(),
	at timestamptz DEFAULT clock_timestamp()
);

-- Memory is what the process has for itself: neither shared buffers nor libraries.
CREATE PROCEDURE note(batch_id text, stage text, done bigint, pid int DEFAULT pg_backend_pid()) LANGUAGE sql AS $$
	INSERT INTO public.step (batch_id, stage, done, pid, cpu_us, memory_kb)
	VALUES (batch_id, stage, done, pid, split_part(pg_read_file('/proc/' || pid || '/schedstat'), ' ', 1)::numeric / 1000,
		(regexp_match(pg_read_file('/proc/' || pid || '/status'), 'RssAnon:\s*(\d+) kB'))[1]::bigint)
$$;

-- The two processes of logical replication: one sends what this server says, one applies
-- what the other one does.
CREATE PROCEDURE note_replication(batch_id text, done bigint) LANGUAGE plpgsql AS $$
DECLARE
	sender int := (SELECT pid FROM pg_stat_replication);
	applier int := (SELECT pid FROM pg_stat_subscription WHERE relid IS NULL);
BEGIN
	CALL note(batch_id, 'send', done, sender);
	CALL note(batch_id, 'apply', done, applier);
END $$;

-- In run(), after every chunk and at the end of every stage.
CREATE FUNCTION note_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CALL public.note(NEW.batch_id, NEW.stage::text, NEW.done);
	RETURN NULL;
END $$;

CREATE TRIGGER note_progress AFTER UPDATE ON prio_processor.stage_progress FOR EACH ROW EXECUTE FUNCTION note_progress();

-- In a session that brings shares, at the end of the statement, before it gives back its memory.
CREATE FUNCTION note_arrival() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	newest text := (SELECT batch_id FROM prio_processor.batch ORDER BY number DESC LIMIT 1);
BEGIN
	CALL note(newest, 'open', 1);
	RETURN NULL;
END $$;

CREATE TRIGGER note_arrival AFTER INSERT ON prio_processor.share FOR EACH STATEMENT EXECUTE FUNCTION note_arrival();

-- Disk space of a batch that is finished, and rows and index entries that were read in it.
CREATE TABLE finished (batch_id text, share bigint, verifier bigint, message bigint, rows_read bigint);

CREATE PROCEDURE note_finished(batch_id text) LANGUAGE sql AS $$
	WITH partition AS (
		SELECT parent, format('prio_processor.%s_%s', parent, number)::regclass AS relid
		FROM prio_processor.batch AS b, unnest('{share,verifier,message}'::text[]) AS parent WHERE b.batch_id = note_finished.batch_id)
	INSERT INTO finished
	SELECT batch_id, max(size) FILTER (WHERE parent = 'share'), max(size) FILTER (WHERE parent = 'verifier'), max(size) FILTER (WHERE parent = 'message'),
		sum(seq_tup_read + idx_tup_read)
	FROM partition JOIN pg_stat_all_tables USING (relid)
		JOIN (SELECT relid, sum(idx_tup_read) AS idx_tup_read FROM pg_stat_all_indexes GROUP BY relid) AS i USING (relid),
		LATERAL (SELECT pg_total_relation_size(relid) AS size) AS s
$$;

-- What a process has taken since it was last heard of belongs to the stage where it is now.
-- By the clock, waiting for the other server does not count. A worker that was started anew
-- under a batch has no figures for it.
CREATE VIEW stage_cost AS
SELECT batch_id, stage, sum(cpu) AS cpu_us, sum(wall) FILTER (WHERE done > 0) AS seconds,
	(array_agg(memory_kb ORDER BY at) FILTER (WHERE done > 0))[1] AS first_kb, max(memory_kb) AS peak_kb
FROM (SELECT *, cpu_us - lag(cpu_us) OVER w AS cpu, extract(epoch FROM at - lag(at) OVER w) AS wall
	FROM step WINDOW w AS (PARTITION BY batch_id, pid ORDER BY at)) AS s
GROUP BY batch_id, stage;

CREATE VIEW batch_size AS SELECT batch_id, total AS shares FROM prio_processor.stage_progress WHERE stage = 'open';

-- The median of all batches of a size: microseconds of CPU time a share, shares a second.
CREATE VIEW stage_result AS
SELECT shares, (SELECT role FROM prio_processor.peer) AS role, stage, count(*) AS runs,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_us / shares)::numeric, 3) AS cpu_us,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY shares / seconds) FILTER (WHERE stage NOT IN ('send', 'apply'))) AS rate,
	max(first_kb) AS first_kb, max(peak_kb) AS peak_kb
FROM stage_cost JOIN batch_size USING (batch_id)
WHERE stage IN ('open', 'verify1', 'verify2', 'aggregate', 'send', 'apply')
GROUP BY shares, stage ORDER BY shares, array_position('{open,verify1,verify2,aggregate,send,apply}', stage);

-- Of a batch as a whole: how long it took from its first verify1 to its result, in seconds,
-- bytes on disk, and how many rows were read for a share.
CREATE VIEW batch_result AS
SELECT shares, (SELECT role FROM prio_processor.peer) AS role, count(*) AS runs,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 2) AS seconds,
	max(share) AS share, max(verifier) AS verifier, max(message) AS message, max(wal) AS wal,
	round(max(rows_read::numeric / shares), 2) AS rows_read
FROM batch_size JOIN finished USING (batch_id) JOIN (
		SELECT batch_id, max(wal) - min(wal) AS wal,
			extract(epoch FROM max(at) FILTER (WHERE stage = 'publish') - min(at) FILTER (WHERE stage = 'verify1')) AS seconds
		FROM step GROUP BY batch_id) AS s USING (batch_id)
GROUP BY shares ORDER BY shares;
