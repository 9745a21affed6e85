-- What it takes to measure prio_processor on one of the two servers.

-- CPU time of all processes of this cluster, in microseconds: of the postmaster, what it has
-- waited for, and those that are there. In ticks of 10 ms.
CREATE FUNCTION cluster_cpu() RETURNS numeric LANGUAGE sql AS $$
	WITH postmaster AS (SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1) AS pid),
	process AS (
		SELECT pid, 4 AS times FROM postmaster
		UNION ALL SELECT pid::text, 2 FROM pg_stat_get_activity(NULL))
	SELECT sum((SELECT sum(x::numeric) FROM unnest(string_to_array(
			-- behind the name, which may have blanks: utime, stime, cutime, cstime
			regexp_replace(pg_read_file('/proc/' || pid || '/stat', 0, 1000, true), '^.*\) ', ''), ' ')) WITH ORDINALITY AS t (x, n)
		WHERE n BETWEEN 12 AND 11 + times)) * 10000
	FROM process
$$;

-- Pieces of packed values that were read so far. A join that begins anew with every value of the
-- other side shows here, whatever the machine is doing.
CREATE FUNCTION pieces_read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_tuples_returned(c.reltoastrelid) + pg_stat_get_tuples_fetched(c.reltoastrelid)
		+ (SELECT sum(pg_stat_get_tuples_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = c.reltoastrelid))::bigint
	FROM pg_class AS c
	WHERE c.oid IN ('prio_internal.opened'::regclass, 'prio_internal.work'::regclass, 'prio_internal.list'::regclass,
		'prio_internal.message'::regclass, 'prio_internal.memory'::regclass)
$$;

-- What PostgreSQL itself takes to store the same shares in the same way, to compare with: no part of the job.
CREATE TABLE plain (batch_id text, share_id uuid, header bytea, payload bytea);
ALTER TABLE plain ALTER payload SET STORAGE EXTERNAL;
DO $$ BEGIN EXECUTE format('ALTER TABLE plain SET (toast_tuple_target = %s, autovacuum_enabled = false)', prio_internal.longest_row()); END $$;

-- What has been taken when a stage of a batch ends. '-' ends nothing: what follows begins there.
CREATE TABLE step (
	batch_id text,
	stage text,
	cpu_us numeric DEFAULT cluster_cpu(),
	wal pg_lsn DEFAULT pg_current_wal_insert_lsn(),
	pieces bigint DEFAULT pieces_read(),
	at timestamptz DEFAULT clock_timestamp()
);

CREATE PROCEDURE note(batch_id text, stage text) LANGUAGE sql AS $$ INSERT INTO public.step (batch_id, stage) VALUES (batch_id, stage) $$;

-- In run(), at the end of every stage.
CREATE FUNCTION note_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO public.step (batch_id, stage)
	SELECT b.batch_id, CASE NEW.stage WHEN 'open' THEN 'close' ELSE NEW.stage::text END FROM prio_processor.batch AS b WHERE b.number = NEW.number;
	RETURN NULL;
END $$;

CREATE TRIGGER note_stage AFTER INSERT ON prio_internal.stage_time FOR EACH ROW EXECUTE FUNCTION note_stage();

-- And with every chunk: what the process has for itself, neither shared buffers nor libraries. The
-- sorts of a statement are still there when its triggers fire.
CREATE TABLE chunk (
	batch_id text,
	stage text,
	memory_kb bigint,
	pid int DEFAULT pg_backend_pid(),
	at timestamptz DEFAULT clock_timestamp()
);

CREATE FUNCTION note_chunk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO public.chunk (batch_id, stage, memory_kb)
	SELECT b.batch_id, b.stage, (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s*(\d+) kB'))[1]::bigint
	FROM prio_processor.batch AS b ORDER BY b.number DESC LIMIT 1;
	RETURN NULL;
END $$;

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{opened,list,agreed,work,message,stage_time}'::text[] LOOP
		EXECUTE format('CREATE TRIGGER note_chunk AFTER INSERT ON prio_internal.%I FOR EACH STATEMENT EXECUTE FUNCTION note_chunk()', name);
	END LOOP;
END $$;

-- What a batch has on disk, and how long a side was at it when both took turns.
-- n: the data fields of v1, or what a report of Prio3 is.
CREATE TABLE finished (batch_id text, n text, shares bigint, seconds numeric, share_bytes bigint, other_bytes bigint, pieces bigint);

-- What opening a share takes, there and then: with every chunk one of the batch is opened five times more, and
-- what as many calls for nothing take is taken off. Reports of Prio3 have none.
CREATE TABLE opening (batch_id text, us numeric);

CREATE FUNCTION note_opening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch;
	share bytea;
	began timestamptz;
	took interval;
BEGIN
	SELECT * INTO b FROM prio_processor.batch AS x WHERE x.n_data IS NOT NULL ORDER BY x.number DESC LIMIT 1;
	share := (SELECT coalesce(s.payload || '', prio_internal.file_bytes(s.file, s.position, s.bytes, s.bytes)) FROM prio_processor.share AS s
		WHERE s.batch_id = b.batch_id LIMIT 1);
	IF share IS NOT NULL THEN
		FOR i IN 1..2 LOOP -- the second time counts: plans are made in the first
			began := clock_timestamp();
			PERFORM count(public.prio_share_error(b.server::text, b.packet_batch_id, b.n_data, '')) FROM generate_series(1, 5);
			took := began - clock_timestamp();
			began := clock_timestamp();
			PERFORM count(public.prio_share_error(b.server::text, b.packet_batch_id, b.n_data, share)) FROM generate_series(1, 5);
			took := took + (clock_timestamp() - began);
		END LOOP;
		INSERT INTO public.opening (batch_id, us) SELECT b.batch_id, extract(epoch FROM took) * 200000;
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER note_opening AFTER INSERT ON prio_internal.opened FOR EACH STATEMENT EXECUTE FUNCTION note_opening();

CREATE PROCEDURE note_finished(batch_id text, n text, shares bigint) LANGUAGE plpgsql AS $$
DECLARE
	b prio_processor.batch;
BEGIN
	SELECT * INTO STRICT b FROM prio_processor.batch AS x WHERE x.batch_id = note_finished.batch_id;
	INSERT INTO public.finished
	SELECT b.batch_id, n, shares, extract(epoch FROM (SELECT max(s.at) - min(s.at) FROM public.step AS s WHERE s.batch_id = b.batch_id AND s.stage NOT IN ('-', 'plain', 'arrival'))),
		pg_total_relation_size(format('prio_internal.share_%s', b.number)::regclass),
		(SELECT coalesce(sum(octet_length(l.entries)), 0) FROM prio_internal.list AS l WHERE l.number = b.number)
		+ (SELECT coalesce(sum(octet_length(m.payload)), 0) FROM prio_internal.message AS m WHERE m.number = b.number)
		+ (SELECT coalesce(sum(octet_length(m.digests)), 0) FROM prio_internal.memory AS m WHERE m.number = b.number),
		pieces_read() - (SELECT min(s.pieces) FROM public.step AS s WHERE s.batch_id = b.batch_id);
END $$;

CREATE VIEW stage_cost AS
SELECT batch_id, stage, sum(cpu) AS cpu_us, sum(wal_bytes) AS wal
FROM (SELECT batch_id, stage, cpu_us - lag(cpu_us) OVER w AS cpu, wal - lag(wal) OVER w AS wal_bytes FROM step WINDOW w AS (PARTITION BY batch_id ORDER BY at)) AS s
WHERE stage <> '-' GROUP BY batch_id, stage;

-- The median of all batches of a size, per share. The stage total is all of it.
CREATE VIEW stage_result AS
WITH cost AS (
	SELECT batch_id, stage, cpu_us, wal FROM stage_cost
	UNION ALL SELECT batch_id, 'total', sum(cpu_us), sum(wal) FROM stage_cost WHERE stage <> 'plain' GROUP BY batch_id
)
SELECT f.n, f.shares, (SELECT DISTINCT role FROM prio_processor.peer) AS role, c.stage, count(*) AS runs,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY c.cpu_us / f.shares)::numeric, 3) AS cpu_us,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY c.wal / f.shares)::numeric, 1) AS wal,
	coalesce(max((SELECT max(m.memory_kb) FROM chunk AS m WHERE m.batch_id = c.batch_id AND (m.stage = c.stage OR c.stage = 'total'))), 0) AS peak_kb
FROM cost AS c JOIN finished AS f USING (batch_id)
GROUP BY f.n, f.shares, c.stage
ORDER BY length(f.n), f.n, f.shares, array_position('{plain,arrival,close,list,agree,round 1,round 2,aggregate,publish,total}', c.stage);

-- The mean of a batch, but for what was interrupted.
CREATE VIEW opening_mean AS
WITH usual AS (SELECT batch_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us FROM opening GROUP BY batch_id)
SELECT o.batch_id, count(*) AS samples, avg(o.us) AS us FROM opening AS o JOIN usual AS u USING (batch_id) WHERE o.us < 2 * u.us GROUP BY o.batch_id;

-- Of batches of a size the median.
CREATE VIEW opening_result AS
SELECT f.n, f.shares, (SELECT DISTINCT role FROM prio_processor.peer) AS role, sum(m.samples) AS samples,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY m.us)::numeric, 3) AS us
FROM opening_mean AS m JOIN finished AS f USING (batch_id) GROUP BY f.n, f.shares ORDER BY length(f.n), f.n, f.shares;

-- Of a batch as a whole: from its close to its result, with the time that one side waits for the other.
CREATE VIEW batch_result AS
SELECT f.n, f.shares, (SELECT DISTINCT role FROM prio_processor.peer) AS role, count(*) AS runs,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY f.seconds)::numeric, 2) AS seconds, max(f.share_bytes) AS share_bytes, max(f.other_bytes) AS other_bytes,
	round(max(f.pieces::numeric / f.shares), 2) AS pieces
FROM finished AS f GROUP BY f.n, f.shares ORDER BY length(f.n), f.n, f.shares;

-- What one turn of a side took, up to the last thing that was done in it; of batches of a size the median.
CREATE TABLE turn (batch_id text, n text, shares bigint, sessions int, began_at timestamptz, ended_at timestamptz DEFAULT clock_timestamp());

-- When a session of this turn called run().
CREATE TABLE called (at timestamptz DEFAULT clock_timestamp());

CREATE PROCEDURE note_turn(batch_id text, n text, shares bigint, sessions int) LANGUAGE sql AS $$
	INSERT INTO public.turn (batch_id, n, shares, sessions, began_at) SELECT batch_id, n, shares, sessions, min(c.at) FROM public.called AS c;
	DELETE FROM public.called
$$;

-- And what opening a share took meanwhile: two cores are not always twice one.
CREATE VIEW turn_result AS
SELECT t.n, t.shares, (SELECT DISTINCT role FROM prio_processor.peer) AS role, t.sessions, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds)::numeric, 2) AS seconds,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY m.us)::numeric, 3) AS us, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds * 1000000 / m.us / t.shares)::numeric, 3) AS openings
FROM (SELECT t.batch_id, t.n, t.shares, t.sessions, sum(extract(epoch FROM (SELECT max(c.at) FROM chunk AS c WHERE c.batch_id = t.batch_id AND c.at BETWEEN t.began_at AND t.ended_at) - t.began_at)) AS seconds
	FROM turn AS t GROUP BY t.batch_id, t.n, t.shares, t.sessions) AS t JOIN opening_mean AS m USING (batch_id)
GROUP BY t.n, t.shares, t.sessions ORDER BY length(t.n), t.n, t.shares, t.sessions;
