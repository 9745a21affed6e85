-- ---------------------------------------------------------------- looking at it

-- How far each batch is. A row a stage that has begun.
CREATE VIEW prio_processor.progress AS
WITH worked_at AS MATERIALIZED (
	-- Anybody may take the lock, who need not be somebody that runs the job.
	SELECT l.objid AS number FROM pg_locks AS l JOIN pg_stat_get_activity(NULL) AS a USING (pid)
	WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.classid = 1886415471 AND l.objsubid = 2
		AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()) AND pg_has_role(a.usesysid, 'prio_operator', 'MEMBER')
), at AS (
	SELECT b.*, h.listed AS peer_listed, h.valid AS peer_valid, h.failure AS peer_failure, h.settings AS peer_settings, h.contradiction, c.heard_at, c.error AS contact_error,
		b.number::oid IN (SELECT w.number FROM worked_at AS w) AS working
	FROM prio_processor.batch AS b JOIN prio_internal.heard AS h USING (number) LEFT JOIN prio_internal.contact AS c USING (server)
), done AS (
	SELECT a.number, CASE WHEN coalesce(a.failed_stage, a.stage) = 'close'
			THEN (SELECT sum(o.shares)::bigint FROM prio_internal.opened AS o WHERE o.number = a.number) END AS opened, CASE coalesce(a.failed_stage, a.stage)
			WHEN 'close' THEN (SELECT count(*) FROM prio_internal.opened AS o WHERE o.number = a.number)
			WHEN 'round 1' THEN (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = a.number AND m.role = a.role AND m.round = 1)
			WHEN 'round 2' THEN (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = a.number AND m.role = a.role AND m.round = 2) END AS chunks,
		CASE coalesce(a.failed_stage, a.stage)
			WHEN 'close' THEN (SELECT count(*) FROM prio_internal.chunk AS x WHERE x.number = a.number)
			WHEN 'round 1' THEN (a.agreed + a.chunk_shares - 1) / a.chunk_shares
			WHEN 'round 2' THEN (a.agreed + a.chunk_shares - 1) / a.chunk_shares END AS of_chunks
	FROM (SELECT x.* FROM prio_processor.batch AS x WHERE x.stage < 'published' OR x.stage = 'failed') AS a
)
SELECT a.batch_id, t.stage, 'done' AS state, t.shares AS done, t.shares AS total, CASE WHEN t.shares > 0 THEN 100.0 END AS percent,
	NULL::interval AS time_left, t.ended_at AS since, NULL::text AS waits_for, a.heard_at, NULL::text AS error, a.number, t.ended_at
FROM at AS a JOIN prio_internal.stage_time AS t USING (number)
UNION ALL
SELECT a.batch_id, coalesce(a.failed_stage, a.stage),
	CASE WHEN a.stage = 'failed' THEN 'failed' WHEN a.stage = 'too small' THEN 'too small' WHEN a.stage = 'published' THEN 'done' WHEN a.stage = 'open' THEN 'open'
		WHEN a.working THEN 'running' WHEN a.error LIKE 'held back: %' THEN 'held back'
		WHEN w.waits_for IS NOT NULL THEN 'waiting' ELSE 'nobody is working' END,
	CASE WHEN a.stage IN ('published', 'too small') THEN a.valid WHEN d.opened IS NOT NULL THEN d.opened WHEN d.chunks IS NOT NULL THEN least(d.chunks * s.size, a.agreed) END,
	CASE WHEN a.stage IN ('published', 'too small') THEN a.valid WHEN a.stage <> 'close' THEN a.agreed END,
	CASE WHEN d.of_chunks > 0 THEN round(100.0 * d.chunks / d.of_chunks, 1) END,
	CASE WHEN d.chunks > 0 AND a.stage <> 'failed' THEN date_trunc('second', (clock_timestamp() - a.stage_since) * ((d.of_chunks - d.chunks)::float8 / d.chunks)) END,
	a.stage_since, w.waits_for, a.heard_at,
	coalesce(a.error, CASE WHEN a.stage < 'published' THEN coalesce(a.contradiction,
		'the two servers do not agree on ' || prio_internal.disagreement(a.settings, a.peer_settings),
		'the other server: ' || a.peer_failure,
		a.contact_error) END), a.number, NULL::timestamptz
FROM at AS a LEFT JOIN done AS d USING (number), LATERAL (SELECT a.chunk_shares::bigint AS size) AS s,
	LATERAL (SELECT CASE
		WHEN a.stage = 'open' THEN CASE WHEN a.close_at IS NOT NULL THEN format('close_batch(), or run() after %s', a.close_at) ELSE 'close_batch()' END
		WHEN NOT a.checkpoints AND a.stage = 'round 1' AND NOT a.partner_closed THEN 'partner_is_closed()'
		WHEN NOT a.checkpoints AND a.stage = 'round 2' AND (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = a.number AND m.role <> a.role AND m.round = 1) = 0 THEN 'import_messages() of round 1'
		WHEN NOT a.checkpoints AND a.stage = 'aggregate' AND (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = a.number AND m.role <> a.role AND m.round = 2) = 0 THEN 'import_messages() of round 2'
		WHEN NOT a.checkpoints AND a.stage = 'publish' AND a.peer_valid IS NULL THEN 'import_total()'
		WHEN a.checkpoints AND a.stage = 'agree' AND a.peer_settings IS NULL THEN 'the other server to create this batch'
		WHEN a.checkpoints AND a.stage = 'agree' AND a.peer_listed IS NULL THEN 'the other server to close this batch'
		WHEN a.checkpoints AND a.stage = 'round 2' AND d.chunks < d.of_chunks THEN 'the other server''s messages of round 1'
		WHEN a.checkpoints AND a.stage = 'aggregate'
			AND (SELECT count(*) FROM prio_internal.message AS m WHERE m.number = a.number AND m.role <> a.role AND m.round = 2) < (a.agreed + s.size - 1) / s.size THEN 'the other server''s messages of round 2'
		WHEN a.checkpoints AND a.stage = 'publish' THEN 'the other server''s total'
		END AS waits_for) AS w;

COMMENT ON VIEW prio_processor.progress IS 'one row a batch and stage that has begun';
COMMENT ON COLUMN prio_processor.progress.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.progress.stage IS 'the stage';
COMMENT ON COLUMN prio_processor.progress.state IS 'done, open, running, waiting, nobody is working, held back, too small or failed';
COMMENT ON COLUMN prio_processor.progress.done IS 'shares done so far';
COMMENT ON COLUMN prio_processor.progress.total IS 'shares to do, where that is known';
COMMENT ON COLUMN prio_processor.progress.percent IS 'how much is done, by chunks';
COMMENT ON COLUMN prio_processor.progress.time_left IS 'if it goes on as it did so far';
COMMENT ON COLUMN prio_processor.progress.since IS 'when the stage ended, or, if it has not, when it began';
COMMENT ON COLUMN prio_processor.progress.waits_for IS 'what it takes to go on';
COMMENT ON COLUMN prio_processor.progress.heard_at IS 'when the other server last answered';
COMMENT ON COLUMN prio_processor.progress.error IS 'what is wrong';
COMMENT ON COLUMN prio_processor.progress.number IS 'number of the batch, to sort by';
COMMENT ON COLUMN prio_processor.progress.ended_at IS 'when the stage ended; NULL for the one that the batch is at';

CREATE VIEW prio_processor.exchange AS
SELECT p.server, p.peer_server,
	CASE WHEN (p.system_identifier, p.database) IS DISTINCT FROM (i.system_identifier, i.database) THEN 'not joined here'
		WHEN p.peer_server IS NULL THEN 'files'
		WHEN c.asked_at IS NULL THEN 'not asked yet'
		WHEN c.error IS NOT NULL THEN 'no answer'
		ELSE 'answers' END AS state,
	c.asked_at, c.heard_at, c.error,
	-- A batch that was created here since is known.
	(SELECT array_agg(CASE WHEN length(u) > 60 THEN left(u, 57) || '...' ELSE u END ORDER BY u) FROM unnest(c.unknown_batches) AS u
		WHERE NOT EXISTS (SELECT FROM prio_processor.batch AS b WHERE b.batch_id = u)) AS unknown_batches
FROM prio_processor.peer AS p LEFT JOIN prio_internal.contact AS c USING (server) CROSS JOIN prio_internal.identity() AS i;

COMMENT ON VIEW prio_processor.exchange IS 'how the exchange with the other server is; one row a Prio server';
COMMENT ON COLUMN prio_processor.exchange.server IS 'foreign server of this side';
COMMENT ON COLUMN prio_processor.exchange.peer_server IS 'foreign server that says where the other database is';
COMMENT ON COLUMN prio_processor.exchange.state IS 'answers, no answer, not asked yet, files, or not joined here';
COMMENT ON COLUMN prio_processor.exchange.asked_at IS 'when it was last asked';
COMMENT ON COLUMN prio_processor.exchange.heard_at IS 'when it last answered';
COMMENT ON COLUMN prio_processor.exchange.error IS 'what went wrong the last time; the server log may say more';
COMMENT ON COLUMN prio_processor.exchange.unknown_batches IS 'batches that are under way there and do not exist here; the first hundred';

CREATE VIEW prio_processor.rejections AS
SELECT b.batch_id, r.stage, r.reason, r.shares, r.ids FROM prio_internal.rejection AS r JOIN prio_processor.batch AS b USING (number)
ORDER BY b.number, r.stage, r.reason;

COMMENT ON VIEW prio_processor.rejections IS 'how many shares fell out, by reason';
COMMENT ON COLUMN prio_processor.rejections.batch_id IS 'batch of the shares';
COMMENT ON COLUMN prio_processor.rejections.stage IS 'stage in which they fell out';
COMMENT ON COLUMN prio_processor.rejections.reason IS 'why';
COMMENT ON COLUMN prio_processor.rejections.shares IS 'how many';
COMMENT ON COLUMN prio_processor.rejections.ids IS 'some of them, ten at the most, where they are known';

-- ---------------------------------------------------------------- results, to be read

-- Whether a client adds more than one to a count is in the settings that the batch was closed with.
CREATE VIEW prio_processor.counts AS
SELECT r.batch_id, c.position::int AS position, coalesce(l.name, of_series.name) AS name, c.count,
	CASE WHEN v.one_each THEN round(c.count / r.valid, 4) END AS share,
	CASE WHEN NOT v.one_each THEN round(c.count / r.valid, 4) END AS mean,
	r.valid, b.series, r.published_at
FROM prio_processor.result AS r JOIN prio_processor.batch AS b USING (batch_id)
	CROSS JOIN LATERAL (SELECT b.bits IS NULL AND substring(b.settings FROM '(?:^|;)vdaf=([^;,]*)') IN ('none', 'Prio3Count', 'Prio3Histogram', 'Prio3MultihotCountVec') AS one_each) AS v
	CROSS JOIN LATERAL unnest(r.counts) WITH ORDINALITY AS c (count, position)
	LEFT JOIN prio_processor.label AS l ON l.batch_or_series = b.batch_id AND l.position = c.position
	LEFT JOIN prio_processor.label AS of_series ON of_series.batch_or_series = b.series AND of_series.position = c.position;

COMMENT ON VIEW prio_processor.counts IS 'what was published, a row a count, with its name';
COMMENT ON COLUMN prio_processor.counts.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.counts.position IS 'place among the counts, from 1';
COMMENT ON COLUMN prio_processor.counts.name IS 'its name in the table label, that of the batch or else that of its series';
COMMENT ON COLUMN prio_processor.counts.count IS 'how many clients, or the sum over all of them';
COMMENT ON COLUMN prio_processor.counts.share IS 'the fraction of the clients, where each adds nothing or one';
COMMENT ON COLUMN prio_processor.counts.mean IS 'the sum for each client, where one may add more';
COMMENT ON COLUMN prio_processor.counts.valid IS 'clients in it';
COMMENT ON COLUMN prio_processor.counts.series IS 'the series of the batch';
COMMENT ON COLUMN prio_processor.counts.published_at IS 'when it was published';

CREATE VIEW prio_processor.histogram AS
SELECT c.batch_id, c.position, c.name, c.count, round(100 * c.count / nullif(sum(c.count) OVER of_batch, 0), 1) AS percent,
	repeat('#', round(40 * c.count / nullif(max(c.count) OVER of_batch, 0))::int) AS bar
FROM prio_processor.counts AS c WINDOW of_batch AS (PARTITION BY c.batch_id);

COMMENT ON VIEW prio_processor.histogram IS 'what was published, where the counts are the buckets of a histogram';
COMMENT ON COLUMN prio_processor.histogram.batch_id IS 'the batch';
COMMENT ON COLUMN prio_processor.histogram.position IS 'the bucket, from 1';
COMMENT ON COLUMN prio_processor.histogram.name IS 'its name in the table label';
COMMENT ON COLUMN prio_processor.histogram.count IS 'how many are in it';
COMMENT ON COLUMN prio_processor.histogram.percent IS 'of all that are in any';
COMMENT ON COLUMN prio_processor.histogram.bar IS 'the same as a bar; the longest has forty characters';

-- ---------------------------------------------------------------- what needs a person

-- A row goes away when its cause does.
CREATE VIEW prio_processor.alarm AS
WITH under_way AS (
	SELECT v.batch_id, v.state, v.waits_for, v.since, b.number, b.server, b.stage, b.error, b.error_at, b.close_at, b.checkpoints, h.contradiction, h.failure,
		prio_internal.disagreement(b.settings, h.settings) AS disagreement, e.state AS exchange, e.asked_at
	FROM prio_processor.progress AS v JOIN prio_processor.batch AS b USING (number) JOIN prio_internal.heard AS h USING (number) LEFT JOIN prio_processor.exchange AS e USING (server)
	WHERE v.ended_at IS NULL AND b.stage NOT IN ('published', 'too small') AND NOT b.drop_wanted
)
SELECT a.alarm, a.server, u.batch_id, NULL::text AS series, a.since, a.message, a.hint
FROM under_way AS u, LATERAL (VALUES
	('failed', u.server, u.stage = 'failed', u.error_at, u.error, 'retry_batch() tries it again where it failed; drop_batch() ends it.'),
	('held back', u.server, u.state = 'held back', u.error_at, u.error, 'Look at rejections. change_batch() with a larger max_missing lets the total go, on this side alone.'),
	('error', u.server, u.stage <> 'failed' AND u.state <> 'held back' AND u.error IS NOT NULL, u.error_at, u.error, 'The next run() tries again.'),
	('disagreement', u.server, u.stage <> 'failed' AND (u.contradiction IS NOT NULL OR u.disagreement IS NOT NULL), u.since,
		coalesce(u.contradiction, 'the two servers do not agree on ' || u.disagreement), 'Before its list is out, change_batch() changes the settings of a batch.'),
	('other server failed', u.server, u.stage <> 'failed' AND u.failure IS NOT NULL, u.since, 'the other server: ' || u.failure, 'Ask there: retry_batch() tries again; otherwise give_up_batch() ends the batch here.'),
	('waits', u.server, u.state = 'waiting' AND u.since < clock_timestamp() - interval '1 day', u.since, 'waits for ' || u.waits_for, 'Ask at the other server whether its run() is called.'),
	('nobody calls run()', u.server, u.state = 'nobody is working' AND u.since < clock_timestamp() - interval '1 hour' OR u.stage = 'open' AND u.close_at < clock_timestamp() - interval '1 hour'
		OR u.state = 'waiting' AND u.checkpoints AND coalesce(u.asked_at, u.since) < clock_timestamp() - interval '1 hour',
		coalesce(u.close_at, u.since), 'it could go on', 'Schedule CALL prio_processor.run(); cron.job_run_details says why a job of pg_cron failed.')
) AS a (alarm, server, rings, since, message, hint)
WHERE a.rings
UNION ALL
SELECT 'no answer', e.server, NULL, NULL, coalesce(e.heard_at, e.asked_at), e.error, 'The server log says more. Look at the options of the foreign server and at the user mapping.'
FROM prio_processor.exchange AS e WHERE e.state = 'no answer'
UNION ALL
SELECT 'not joined here', e.server, NULL, NULL, NULL, 'this database is a copy of the one that was joined', 'A copy for tests must not speak to the other server. After a restore see after_restore().'
FROM prio_processor.exchange AS e WHERE e.state = 'not joined here'
UNION ALL
SELECT 'unknown batches', e.server, NULL, NULL, e.asked_at, format('the other server has batches that do not exist here: %s', array_to_string(e.unknown_batches[1:5], ', ')), 'create_batch() with the same settings makes one; or the other server gives them up.'
FROM prio_processor.exchange AS e WHERE e.unknown_batches IS NOT NULL
UNION ALL
SELECT 'series', s.server, NULL, s.pattern, s.error_at, s.error, 'Its next batch could not be made; run() tries again.' FROM prio_processor.series AS s WHERE s.error IS NOT NULL
UNION ALL
SELECT 'nobody calls run()', s.server, NULL, s.pattern, greatest(s.created_at, s.next_at - s.ahead), 'its next batch could be made', 'Schedule CALL prio_processor.run(); cron.job_run_details says why a job of pg_cron failed.'
FROM prio_processor.series AS s WHERE s.error IS NULL AND greatest(s.created_at, s.next_at - s.ahead) < clock_timestamp() - interval '1 hour'
UNION ALL
SELECT 'early shares', NULL, CASE WHEN count(DISTINCT e.batch_id) = 1 THEN regexp_replace(left(min(e.batch_id), 60), '[[:cntrl:]]', ' ', 'g') END, NULL, min(e.arrived_at),
	format('%s shares are for %s batches that nobody has made', CASE WHEN count(*) < 10000 THEN count(*)::text ELSE 'at least 10000' END, count(DISTINCT e.batch_id)),
	'create_batch() takes them in. After 7 days they are thrown away.'
-- Whoever looks does not pay for what anybody sends: of as many as there may be, those that lie first are the oldest.
FROM (SELECT x.batch_id, x.arrived_at FROM prio_internal.early_share AS x LIMIT 10000) AS e HAVING min(e.arrived_at) < clock_timestamp() - interval '1 hour'
UNION ALL
SELECT 'early shares', NULL, NULL, NULL, NULL, 'a gigabyte of shares waits for batches that nobody has made: what comes for such batches now is thrown away',
	'create_batch() takes them in; what is for no batch of yours can be deleted from prio_internal.early_share, and VACUUM FULL makes room.'
WHERE prio_internal.early_shares_are_full();

COMMENT ON VIEW prio_processor.alarm IS 'what needs a person, since when, and what to do; empty when all is well';
COMMENT ON COLUMN prio_processor.alarm.alarm IS 'failed, held back, error, disagreement, other server failed, waits, nobody calls run(), no answer, not joined here, unknown batches, series or early shares';
COMMENT ON COLUMN prio_processor.alarm.server IS 'foreign server of this side that it is about';
COMMENT ON COLUMN prio_processor.alarm.batch_id IS 'batch that it is about';
COMMENT ON COLUMN prio_processor.alarm.series IS 'series that it is about';
COMMENT ON COLUMN prio_processor.alarm.since IS 'since when, as far as that is known';
COMMENT ON COLUMN prio_processor.alarm.message IS 'what is wrong';
COMMENT ON COLUMN prio_processor.alarm.hint IS 'what to do';
