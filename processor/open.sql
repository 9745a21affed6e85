-- ---------------------------------------------------------------- opening shares

-- Blocks of a chunk: some five thousand shares, fewer when they are long, so that what one
-- transaction opens stays below 64 MB or so. What does not fit a block is in the TOAST table, and
-- leaves a row of some 90 bytes behind, as does what stays in a file.
CREATE FUNCTION prio_internal.chunk_blocks(b prio_processor.batch) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT greatest(1, b.chunk_shares / CASE WHEN w.width > prio_internal.longest_row() THEN 90 ELSE prio_internal.longest_row() / w.width END)
	FROM (SELECT 70 + octet_length(b.batch_id) + CASE WHEN EXISTS (SELECT FROM prio_internal.file AS f WHERE f.number = b.number) THEN 16
		ELSE prio_internal.usual_share(b.server::text, b.packet_batch_id, b.n_data) END AS width) AS w
$$;

COMMENT ON FUNCTION prio_internal.chunk_blocks(prio_processor.batch) IS 'how many blocks of shares are opened at a time';

-- What stays in a file is read there; of what is longer than any share or header, enough to see that.
-- Returns 'worked', or 'busy' if a shard was moved while others are at it.
CREATE FUNCTION prio_internal.open_chunk(b prio_processor.batch, c prio_internal.chunk) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	opened bytea;
BEGIN
	IF c.shard IS NOT NULL THEN
		opened := prio_internal.open_shard(b, c);
		IF opened IS NULL THEN
			RETURN CASE prio_internal.follow_shards(b) WHEN 'busy' THEN 'busy' ELSE 'worked' END;
		END IF;
		INSERT INTO prio_internal.opened (number, chunk, opened, shares) VALUES (b.number, c.chunk, opened, prio_internal.opened_count(opened));
		RETURN 'worked';
	END IF;
	INSERT INTO prio_internal.opened (number, chunk, opened, shares)
	SELECT b.number, c.chunk, o.opened, prio_internal.opened_count(o.opened)
	FROM (SELECT prio_internal.open_blocks(CAST('prio_internal.share_' || b.number AS regclass), c.first_block, c.end_block, b.server::text, b.packet_batch_id,
			b.n_data, b.report_times, b.ordinals, true) AS opened OFFSET 0) AS o;
	RETURN 'worked';
END $$;

COMMENT ON FUNCTION prio_internal.open_chunk(prio_processor.batch, prio_internal.chunk) IS 'opens the shares of a chunk';

CREATE FUNCTION prio_internal.is_open(b prio_processor.batch) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT count(*) FROM prio_internal.opened AS o WHERE o.number = b.number) = (SELECT count(*) FROM prio_internal.chunk AS x WHERE x.number = b.number);
END $$;

COMMENT ON FUNCTION prio_internal.is_open(prio_processor.batch) IS 'are all chunks of a batch open';

-- Opens the next chunk that nobody has opened: 'worked', 'busy' when others are at the last of
-- them, 'complete' when all are open. Sessions share the work of one batch: each locks the
-- chunk that it is at, and no more. Those behind all that are open come first, as finding them
-- takes no look at each; then what somebody has begun and not finished.
CREATE FUNCTION prio_internal.open_next_chunk(b prio_processor.batch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c prio_internal.chunk;
BEGIN
	IF prio_internal.is_open(b) THEN
		RETURN 'complete';
	END IF;
	LOOP
		SELECT x.* INTO c FROM prio_internal.chunk AS x
		WHERE x.number = b.number AND x.chunk > coalesce((SELECT max(o.chunk) FROM prio_internal.opened AS o WHERE o.number = b.number), -1)
		ORDER BY x.chunk LIMIT 1 FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			SELECT x.* INTO c FROM prio_internal.chunk AS x
			WHERE x.number = b.number AND x.chunk IN (SELECT y.chunk FROM prio_internal.chunk AS y WHERE y.number = b.number
				EXCEPT SELECT o.chunk FROM prio_internal.opened AS o WHERE o.number = b.number)
			ORDER BY x.chunk LIMIT 1 FOR UPDATE SKIP LOCKED;
			EXIT WHEN NOT FOUND;
		END IF;
		-- Whoever had the lock before may have opened it.
		IF NOT EXISTS (SELECT FROM prio_internal.opened AS o WHERE o.number = c.number AND o.chunk = c.chunk) THEN
			RETURN prio_internal.open_chunk(b, c);
		END IF;
	END LOOP;
	RETURN CASE WHEN prio_internal.is_open(b) THEN 'complete' ELSE 'busy' END;
END $$;

COMMENT ON FUNCTION prio_internal.open_next_chunk(prio_processor.batch) IS 'opens one chunk of a batch that is not open';

-- All rows that opened, each with its place. OFFSET 0, here and where lists are taken apart: no join may
-- begin anew with every value, or a batch would cost the square of its shares.
CREATE FUNCTION prio_internal.opened_shares(number int, OUT share_id uuid, OUT place tid, OUT content uuid, OUT replay uuid, OUT record bytea)
	RETURNS SETOF record LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT r.share_id, r.place, r.content, r.replay, r.record
	FROM prio_internal.opened AS o, LATERAL prio_internal.opened_rows(o.opened) AS r WHERE o.number = opened_shares.number OFFSET 0;
END;

COMMENT ON FUNCTION prio_internal.opened_shares(int) IS 'what the shares of a batch opened to';
