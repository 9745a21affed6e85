-- ---------------------------------------------------------------- looking at it

-- How far each batch is. A row a stage that has begun.
CREATE VIEW prio_processor.progress AS
WITH at AS (
	SELECT b.*, h.listed AS peer_listed, h.valid AS peer_valid, h.failure AS peer_failure, h.settings AS peer_settings, h.contradiction, c.heard_at, c.error AS contact_error,
		EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.classid = 1886415471 AND l.objid = b.number::oid AND l.objsubid = 2
			AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())) AS working
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
