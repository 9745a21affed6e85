-- ---------------------------------------------------------------- shares on several machines

-- Where Citus is, distribute() spreads the shares over its workers by share_id. A chunk is then a range of
-- blocks of one shard, which is opened on the machine that holds it; what it opened to, and all
-- else, is here. All of Citus is reached by SQL that is made when it runs: where it is not, nothing
-- of this part is called but is_distributed(), and that is false.

CREATE FUNCTION prio_internal.is_distributed() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_it boolean := false;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM pg_catalog.%I AS p WHERE p.logicalrelid = %L::regclass)', 'pg_dist_partition', 'prio_processor.share') INTO found_it;
	END IF;
	RETURN found_it;
END $$;

COMMENT ON FUNCTION prio_internal.is_distributed() IS 'are the shares distributed over several machines';

-- Has to be called before there is a batch. What comes for a batch that nobody has made cannot be put beside
-- there: no partition takes it, and it is an error of whoever brings it.
CREATE PROCEDURE prio_processor.distribute(shard_count int DEFAULT 32) LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
		RAISE EXCEPTION 'Citus is not in this database'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CREATE EXTENSION citus, and citus_add_node() for each worker, come first.';
	ELSIF prio_internal.is_distributed() THEN
		RAISE NOTICE 'shares are distributed already';
		RETURN;
	ELSIF EXISTS (SELECT FROM prio_processor.batch AS b WHERE b.dropped_at IS NULL) OR EXISTS (SELECT FROM prio_internal.early_share) THEN
		RAISE EXCEPTION 'there are batches, or shares for one'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Finish and drop the batches that there are first.';
	END IF;
	PERFORM set_config('client_min_messages', 'warning', true); -- that Citus does not propagate the next one
	ALTER EXTENSION prio_processor DROP TABLE prio_internal.share_other;
	DROP TABLE prio_internal.share_other;
	EXECUTE format('SELECT pg_catalog.%I(%L)', 'run_command_on_workers',
		'DO $do$ BEGIN ALTER EXTENSION prio_processor DROP TABLE prio_internal.share_other; DROP TABLE prio_internal.share_other; END $do$');
	DROP TRIGGER refuse_truncate ON prio_processor.share;
	EXECUTE format('SELECT pg_catalog.%I(%L, %L, colocate_with => %L, shard_count => %s)', 'create_distributed_table', 'prio_processor.share', 'share_id', 'none', shard_count);
	-- What somebody copies comes to a worker with all columns, also those that they did not name.
	GRANT INSERT ON prio_processor.share TO prio_ingest;
END $$;

COMMENT ON PROCEDURE prio_processor.distribute(int) IS 'spreads the shares of all batches to come over the workers of Citus';

-- A lock that this transaction waits for on a worker is waited for no longer than one here. Citus takes SET LOCAL
-- there; a setting of a function stays here.
CREATE FUNCTION prio_internal.hurry_workers() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF prio_internal.is_distributed() THEN
		PERFORM set_config('citus.propagate_set_commands', 'local', true);
		SET LOCAL lock_timeout = '200ms';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.hurry_workers() IS 'nobody on a worker is waited for without a bound';

-- ---------------------------------------------------------------- what runs where a shard is

-- Which rows a range of blocks has: of a shard that was moved, or rewritten, they are others. It stays
-- the same on a standby that takes over. Workers that were copied from one another differ in their
-- number alone. The lock that reading takes keeps it so until the transaction ends.
CREATE FUNCTION prio_internal.placement(shard text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	worker int;
BEGIN
	EXECUTE format('SELECT FROM %s LIMIT 0', shard::regclass);
	EXECUTE format('SELECT g.groupid FROM pg_catalog.%I AS g', 'pg_dist_local_group') INTO STRICT worker;
	RETURN (SELECT format('%s/%s/%s', i.system_identifier, worker, pg_relation_filenode(shard::regclass)) FROM prio_internal.identity() AS i);
END $$;

COMMENT ON FUNCTION prio_internal.placement(text) IS 'on a worker: what is different for every copy of a shard';

CREATE FUNCTION prio_internal.placement_of(shard text, OUT placement text, OUT blocks bigint, OUT bytes bigint) RETURNS record LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT prio_internal.placement(shard), pg_relation_size(shard::regclass) / current_setting('block_size')::bigint, pg_table_size(shard::regclass);
END;

COMMENT ON FUNCTION prio_internal.placement_of(text) IS 'on a worker: a shard, how many blocks it has, and bytes with its TOAST table';

CREATE FUNCTION prio_internal.open_shard_blocks(shard text, placement text, first_block bigint, end_block bigint, server text, packet_batch_id text, n_data int,
		ordinals boolean, report_times tstzrange) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF prio_internal.placement(shard) <> open_shard_blocks.placement THEN
		RETURN NULL;
	END IF;
	-- What a collector says of files is about none: they are where the coordinator is.
	RETURN prio_internal.open_blocks(shard::regclass, first_block, end_block, server, packet_batch_id, n_data, report_times, ordinals, false);
END $$;

COMMENT ON FUNCTION prio_internal.open_shard_blocks(text, text, bigint, bigint, text, text, int, boolean, tstzrange) IS 'on a worker: opens a chunk; NULL if the shard is not what it was';

-- The keys that opened them are not sent here again: so the rows are opened as at first, and what they
-- opened to is checked there.
CREATE FUNCTION prio_internal.open_places(shard text, placement text, places tid[], server text, packet_batch_id text, n_data int,
		ordinals boolean, report_times tstzrange, OUT contents bytea, OUT total bytea) RETURNS record LANGUAGE plpgsql STABLE AS $$
DECLARE
	opened bytea;
BEGIN
	IF prio_internal.placement(shard) <> open_places.placement THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT prio_internal.open_shares($1, $2, $3, $5, s.share_id, CASE WHEN $4 THEN s.ordinal END, s.header, s.payload, s.ctid)
		FROM %s AS s WHERE s.ctid = ANY ($6)', shard::regclass) INTO opened USING server, packet_batch_id, n_data, ordinals, report_times, places;
	SELECT sha256(coalesce(prio_internal.pack_ids(r.content), '')) INTO contents FROM prio_internal.opened_rows(opened) AS r;
	total := prio_internal.opened_total(opened);
END $$;

COMMENT ON FUNCTION prio_internal.open_places(text, text, tid[], text, text, int, boolean, tstzrange) IS 'on a worker: opens rows once more; a digest of what they opened to, and their sum';

-- ---------------------------------------------------------------- asking for it

-- Citus sends a query about one share_id to where its shard is: so each shard has one, which nobody needs to have sent.
CREATE FUNCTION prio_internal.shards(b prio_processor.batch, OUT shard bigint, OUT relation text, OUT key uuid) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
BEGIN
	FOR shard, relation, key IN EXECUTE format('SELECT s.shardid, pg_catalog.shard_name(s.logicalrelid, s.shardid)::text, k.key
		FROM pg_catalog.%I AS s, LATERAL (SELECT md5(i::text)::uuid AS key FROM generate_series(1, 1000000) AS i
			WHERE pg_catalog.worker_hash(md5(i::text)::uuid) BETWEEN s.shardminvalue::int AND s.shardmaxvalue::int LIMIT 1) AS k
		WHERE s.logicalrelid = $1 ORDER BY s.shardid', 'pg_dist_shard') USING to_regclass('prio_internal.share_' || b.number) LOOP
		RETURN NEXT;
	END LOOP;
END $$;

COMMENT ON FUNCTION prio_internal.shards(prio_processor.batch) IS 'the shards of a batch, with a share_id that belongs to each';

-- A query that calls a function where a shard is, of which this is all that Citus sees. It reads no more than one row.
CREATE FUNCTION prio_internal.on_shard(b prio_processor.batch, key uuid, call text) RETURNS text LANGUAGE sql STABLE
	RETURN format('SELECT r.* FROM (SELECT count(*) FROM prio_internal.%I AS s WHERE s.share_id = %L::uuid AND s.ctid = ''(0,1)''::tid) AS here, LATERAL %s AS r',
		'share_' || b.number, key, call);

COMMENT ON FUNCTION prio_internal.on_shard(prio_processor.batch, uuid, text) IS 'a query that calls a function where a shard is';

-- The last arguments of what is called there: how the shares of a batch are opened.
CREATE FUNCTION prio_internal.opening(b prio_processor.batch) RETURNS text LANGUAGE sql STABLE
	RETURN format('%L::text, %L::text, %L::int, %L::boolean, %L::tstzrange', b.server, b.packet_batch_id, b.n_data, b.ordinals, b.report_times);

COMMENT ON FUNCTION prio_internal.opening(prio_processor.batch) IS 'how the shares of a batch are opened, as arguments';

-- Divides shards into chunks: at first all of them, and then those that were moved or rewritten since: what
-- opened of these is opened again. 'complete' when nothing has changed, 'busy' when somebody is at one that has.
CREATE FUNCTION prio_internal.follow_shards(b prio_processor.batch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	usual bigint := prio_internal.chunk_blocks(b);
	width bigint;
	s record;
	now_at text;
	blocks bigint;
	bytes bigint;
	gone int[];
	locked int;
	outcome text := 'complete';
BEGIN
	IF NOT prio_internal.lock_stage(b) THEN
		RETURN 'busy';
	END IF;
	FOR s IN SELECT x.* FROM prio_internal.shards(b) AS x
			UNION ALL SELECT DISTINCT c.shard, NULL::text, NULL::uuid FROM prio_internal.chunk AS c
			WHERE c.number = b.number AND c.shard NOT IN (SELECT x.shard FROM prio_internal.shards(b) AS x) LOOP
		IF s.relation IS NOT NULL THEN
			EXECUTE prio_internal.on_shard(b, s.key, format('prio_internal.placement_of(%L::text)', s.relation)) INTO STRICT now_at, blocks, bytes;
			CONTINUE WHEN EXISTS (SELECT FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.shard = s.shard AND c.placement = now_at);
		END IF;
		gone := ARRAY(SELECT c.chunk FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.shard = s.shard);
		locked := (SELECT count(*)::int FROM (SELECT FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.shard = s.shard FOR UPDATE SKIP LOCKED) AS l);
		IF locked < cardinality(gone) THEN
			RETURN 'busy';
		END IF;
		IF locked > 0 THEN
			DELETE FROM prio_internal.opened AS o WHERE o.number = b.number AND o.chunk = ANY (gone);
			DELETE FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.chunk = ANY (gone);
			-- It says where the rows lie.
			DELETE FROM prio_internal.work AS w WHERE w.number = b.number;
		END IF;
		IF s.relation IS NOT NULL THEN
			-- as in close_open_batch()
			width := least(usual, greatest(1, blocks * 64000000 / greatest(1, bytes)));
			INSERT INTO prio_internal.chunk (number, chunk, first_block, end_block, shard, placement)
			SELECT b.number, k + coalesce((SELECT max(c.chunk) + 1 FROM prio_internal.chunk AS c WHERE c.number = b.number), 0),
				k * width, least((k + 1) * width, blocks), s.shard, now_at
			FROM generate_series(0, greatest(blocks - 1, 0) / width) AS k;
		END IF;
		outcome := 'worked';
	END LOOP;
	RETURN outcome;
END $$;

COMMENT ON FUNCTION prio_internal.follow_shards(prio_processor.batch) IS 'divides shards that are new, or not what they were, into chunks';

-- What a chunk opens to; NULL if its shard is not what it was.
CREATE FUNCTION prio_internal.open_shard(b prio_processor.batch, c prio_internal.chunk) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	s record;
	opened bytea;
BEGIN
	SELECT x.* INTO s FROM prio_internal.shards(b) AS x WHERE x.shard = c.shard;
	IF FOUND THEN
		EXECUTE prio_internal.on_shard(b, s.key, format('prio_internal.open_shard_blocks(%L::text, %L::text, %L::bigint, %L::bigint, %s)',
			s.relation, c.placement, c.first_block, c.end_block, prio_internal.opening(b))) INTO opened;
	END IF;
	RETURN opened;
END $$;

COMMENT ON FUNCTION prio_internal.open_shard(prio_processor.batch, prio_internal.chunk) IS 'opens a chunk of shares that are distributed, where they are';

-- As sum_again() does where the shares are here.
CREATE FUNCTION prio_internal.sum_shards(b prio_processor.batch, valid boolean) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	part record;
	contents bytea;
	part_total bytea;
	sum bytea;
BEGIN
	FOR part IN SELECT s.relation, s.key, c.placement, c.shard, array_agg(r.place) AS places, sha256(prio_internal.pack_ids(r.content)) AS contents
			FROM prio_internal.opened AS o JOIN prio_internal.chunk AS c USING (number, chunk) LEFT JOIN prio_internal.shards(b) AS s USING (shard)
				CROSS JOIN LATERAL prio_internal.opened_rows(o.opened) AS r
				LEFT JOIN prio_internal.valid_shares(b) AS v ON v.share_id = r.share_id AND v.place = r.place
			WHERE o.number = b.number AND (v.place IS NOT NULL) = valid
			GROUP BY c.chunk, c.shard, c.placement, s.relation, s.key LOOP
		EXECUTE prio_internal.on_shard(b, part.key, format('prio_internal.open_places(%L::text, %L::text, %L::tid[], %s)',
			part.relation, part.placement, part.places, prio_internal.opening(b))) INTO STRICT contents, part_total;
		IF contents IS NULL THEN
			RAISE EXCEPTION 'shard % is not what it was', part.shard
				USING ERRCODE = 'object_in_use', HINT = 'It was moved or rewritten just now; the next run() opens it again.';
		ELSIF contents <> part.contents THEN
			RAISE EXCEPTION 'share is not what it was'
				USING ERRCODE = 'data_corrupted', DETAIL = format('One of shard %s does not open to what its record says.', part.shard);
		END IF;
		sum := prio_internal.merged(sum, b.server, part_total);
	END LOOP;
	RETURN sum;
END $$;

COMMENT ON FUNCTION prio_internal.sum_shards(prio_processor.batch, boolean) IS 'the sum over the valid rows, or over the others, of shares that are distributed';
