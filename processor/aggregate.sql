-- ---------------------------------------------------------------- adding up

-- Which rows are in the total: one of each share that both sides call valid.
CREATE FUNCTION prio_internal.valid_shares(b prio_processor.batch, OUT share_id uuid, OUT place tid) RETURNS SETOF record LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT v.share_id, v.place FROM prio_internal.work AS w JOIN prio_internal.agreed AS a USING (number, chunk),
		LATERAL prio_internal.valid_places(w.records, prio_internal.verdicts(b.server::text, a.left_out, prio_internal.said(b.number, b.role, 2, w.chunk),
			prio_internal.said(b.number, prio_internal.other_role(b.role), 2, w.chunk))) AS v
	WHERE w.number = b.number OFFSET 0;
END;

COMMENT ON FUNCTION prio_internal.valid_shares(prio_processor.batch) IS 'the shares that both sides call valid, and where they lie';

-- The sum over rows that are in the total, or over those that are not: they are opened again, at
-- their place and as they lie, by the keys that the private state has.
CREATE FUNCTION prio_internal.sum_again(b prio_processor.batch, valid boolean) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	sum bytea;
BEGIN
	IF EXISTS (SELECT FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.shard IS NOT NULL) THEN
		RETURN prio_internal.sum_shards(b, valid);
	END IF;
	EXECUTE format('SELECT prio_internal.sum_records($4, $1, o.share_id, o.record, s.header, s.payload)
		FROM (SELECT o.share_id, o.place, o.record FROM prio_internal.opened_shares($2) AS o
			WHERE %s EXISTS (SELECT FROM prio_internal.valid_shares($3) AS v WHERE v.place = o.place) ORDER BY o.place) AS o,
			LATERAL (SELECT coalesce(s.header, prio_internal.file_bytes(s.file, s.position - s.header_bytes - 4, s.header_bytes, $6)) AS header,
				coalesce(s.payload, prio_internal.file_bytes(s.file, s.position, s.bytes, $5)) AS payload
				FROM prio_internal.%I AS s WHERE s.ctid = o.place) AS s',
		CASE WHEN valid THEN '' ELSE 'NOT' END, 'share_' || b.number)
	INTO sum USING b.n_data, b.number, b, b.server::text, prio_internal.longest_share(b.server::text, b.packet_batch_id, b.n_data) + 1,
		prio_internal.longest_header(b.server::text) + 1;
	RETURN sum;
END $$;

COMMENT ON FUNCTION prio_internal.sum_again(prio_processor.batch, boolean) IS 'the sum over the valid rows, or over the others';

-- Every row that opened was added up when it was: so those that are not valid are taken away
-- again, unless they are the most.
CREATE FUNCTION prio_internal.total_of_valid(b prio_processor.batch, valid bigint) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	rows bigint := (SELECT coalesce(sum(o.shares), 0)::bigint FROM prio_internal.opened AS o WHERE o.number = b.number);
	everything bytea;
BEGIN
	IF 2 * valid < rows THEN
		RETURN prio_internal.sum_again(b, true);
	END IF;
	everything := (SELECT prio_internal.merge(b.server, prio_internal.opened_total(o.opened)) FROM prio_internal.opened AS o WHERE o.number = b.number);
	IF valid = rows THEN
		RETURN everything;
	END IF;
	RETURN prio_internal.subtracted(b.server, everything, prio_internal.sum_again(b, false));
END $$;

COMMENT ON FUNCTION prio_internal.total_of_valid(prio_processor.batch, bigint) IS 'the total share over the valid shares';

CREATE FUNCTION prio_internal.step_aggregate(b prio_processor.batch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	peer text := prio_internal.other_role(b.role);
	counts bigint[];
	accepted bigint;
	missing bigint;
	outcome text;
	sum_of_valid bytea;
BEGIN
	IF prio_internal.said_count(b.number, peer, 2) < prio_internal.chunk_count(b) THEN
		RETURN 'waiting';
	END IF;
	SELECT ARRAY[coalesce(sum(v[1]), 0), coalesce(sum(v[2]), 0), coalesce(sum(v[3]), 0), coalesce(sum(v[4]), 0)] INTO counts
	FROM prio_internal.agreed AS a, LATERAL prio_internal.verdict_counts(prio_internal.verdicts(b.server::text, a.left_out,
		prio_internal.said(b.number, b.role, 2, a.chunk), prio_internal.said(b.number, peer, 2, a.chunk))) AS v
	WHERE a.number = b.number;
	accepted := counts[1];
	missing := b.packets - accepted;

	-- Both sides would publish what is left: so somebody has to look before a total leaves.
	IF accepted >= b.min_batch_size AND missing > b.max_missing * b.packets THEN
		UPDATE prio_processor.batch AS x SET error_at = clock_timestamp(),
			error = format('held back: %s of %s shares are missing from the total, more than max_missing %s allows; change_batch(max_missing => ...) lets it go, give_up_batch() ends it',
				missing, b.packets, trim_scale(b.max_missing))
		WHERE x.number = b.number AND (x.error IS NULL OR x.error NOT LIKE 'held back: %');
		RETURN 'held';
	END IF;

	IF accepted >= b.min_batch_size THEN
		-- Shares that are opened once more must lie where they did.
		IF accepted < (SELECT sum(o.shares) FROM prio_internal.opened AS o WHERE o.number = b.number)
			AND EXISTS (SELECT FROM prio_internal.chunk AS c WHERE c.number = b.number AND c.shard IS NOT NULL) THEN
			outcome := prio_internal.follow_shards(b);
			IF outcome <> 'complete' THEN
				RETURN outcome;
			END IF;
		END IF;
		sum_of_valid := prio_internal.integers(prio_internal.total_of_valid(b, accepted), b.bits);
	END IF;
	PERFORM prio_internal.reject(b.number, 'round 2', 'the other server refused it', counts[3]),
		prio_internal.reject(b.number, 'aggregate', 'the proof does not hold', counts[4]),
		prio_internal.reject(b.number, 'close', 'late', prio_internal.late_shares(b));
	UPDATE prio_processor.batch AS x SET valid = accepted, rejected = missing, total = sum_of_valid WHERE x.number = b.number;
	PERFORM prio_internal.enter_stage(b, CASE WHEN sum_of_valid IS NULL THEN 'too small' ELSE 'publish' END::prio_processor.stage, accepted);
	-- Nothing needs it any more.
	DELETE FROM prio_internal.opened AS o WHERE o.number = b.number;
	DELETE FROM prio_internal.work AS w WHERE w.number = b.number;
	IF sum_of_valid IS NULL THEN
		UPDATE prio_processor.batch AS x SET error_at = clock_timestamp(),
			error = format('%s valid shares, fewer than min_batch_size %s: nothing is published', accepted, b.min_batch_size)
		WHERE x.number = b.number;
	END IF;
	RETURN 'worked';
END $$;

COMMENT ON FUNCTION prio_internal.step_aggregate(prio_processor.batch) IS 'adds up what both sides call valid, if that may leave';
