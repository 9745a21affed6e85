-- ---------------------------------------------------------------- a batch a day

-- Both servers make the same batches, each by its own clock, at its own run(): so where a period begins
-- depends on nothing but its length. In UTC, as a day elsewhere may have 23 hours.
CREATE FUNCTION prio_internal.period_start(every interval, moment timestamptz) RETURNS timestamptz LANGUAGE sql STABLE STRICT
	RETURN CASE
		WHEN every >= interval '1 month' AND every = date_trunc('month', every) THEN
			(date '0001-01-01' + every * floor((EXTRACT(year FROM moment AT TIME ZONE 'UTC') * 12 + EXTRACT(month FROM moment AT TIME ZONE 'UTC') - 13)
				/ (EXTRACT(year FROM every) * 12 + EXTRACT(month FROM every)))::float8) AT TIME ZONE 'UTC'
		-- 2001 began with a Monday.
		ELSE date_bin(every, moment AT TIME ZONE 'UTC', timestamp '2001-01-01') AT TIME ZONE 'UTC' END;

CREATE FUNCTION prio_internal.period_after(every interval, start timestamptz) RETURNS timestamptz LANGUAGE sql STABLE STRICT
	RETURN (start AT TIME ZONE 'UTC' + every) AT TIME ZONE 'UTC';

-- What is in braces is a format for the beginning of the period.
CREATE FUNCTION prio_internal.period_name(pattern text, start timestamptz) RETURNS text LANGUAGE sql STABLE STRICT
	RETURN (SELECT string_agg(CASE WHEN n % 2 = 0 THEN to_char(start AT TIME ZONE 'UTC', part) ELSE part END, '' ORDER BY n)
		FROM regexp_split_to_table(pattern, '[{}]') WITH ORDINALITY AS p (part, n));

COMMENT ON FUNCTION prio_internal.period_start(interval, timestamptz) IS 'the beginning of the period that a time is in';
COMMENT ON FUNCTION prio_internal.period_after(interval, timestamptz) IS 'the beginning of the period after the one that begins then';
COMMENT ON FUNCTION prio_internal.period_name(text, timestamptz) IS 'the name of the batch of a period';

CREATE FUNCTION prio_internal.check_series(s prio_processor.series) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	months boolean := s.every >= interval '1 month' AND s.every = date_trunc('month', s.every);
	moment timestamptz := s.starts_at;
	starts timestamptz[];
	names text[];
	longest int;
BEGIN
	-- Before anything that takes time with its length.
	IF octet_length(s.pattern) > 1000 THEN
		RAISE EXCEPTION 'the pattern must have 1 to 1000 bytes, not %', octet_length(s.pattern) USING ERRCODE = 'invalid_parameter_value';
	ELSIF s.every < interval '1 minute' OR s.every > interval '10 years' OR NOT months AND (EXTRACT(month FROM s.every) <> 0 OR EXTRACT(year FROM s.every) <> 0) THEN
		RAISE EXCEPTION 'a period must have 1 minute to 10 years, and either months or days and hours, not %', s.every
			USING ERRCODE = 'invalid_parameter_value', HINT = 'every is the time from one batch to the next: interval ''1 day'', for one.';
	ELSIF s.pattern !~ '^[^{}]*(\{[^{}]+\}[^{}]*)+$' OR s.pattern ~* '\{[^}]*TM' THEN
		RAISE EXCEPTION 'the pattern has no format of to_char() in braces' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It stands for the beginning of the period, in UTC, and does not depend on a locale.', HINT = 'visits {YYYY-MM-DD} names a batch a day.';
	ELSIF s.ahead < interval '0' OR s.ahead > greatest(s.every, interval '7 days') OR s.close_after < interval '0' OR s.close_after > interval '10 years'
		OR s.keep < interval '0' OR s.keep > interval '1000 years' THEN
		RAISE EXCEPTION 'ahead and close_after must not be negative, nor ahead more than a period or seven days' USING ERRCODE = 'invalid_parameter_value';
	ELSIF s.starts_at < clock_timestamp() - least(1000 * s.every, interval '2000 years') OR s.starts_at > clock_timestamp() + interval '10 years' THEN
		RAISE EXCEPTION 'starts_at is more than 1000 periods ago, or ten years away' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('It is %s, and a period has %s.', s.starts_at, s.every), HINT = 'The first run() makes a batch for every period since then.';
	END IF;
	FOR i IN 1 .. 400 LOOP
		moment := prio_internal.period_start(s.every, moment);
		starts := starts || moment;
		moment := prio_internal.period_after(s.every, moment);
	END LOOP;
	-- Besides, the same hour of later days, months and years, and the days about New Year, when years of weeks are others.
	starts := ARRAY(SELECT t FROM unnest(starts) WITH ORDINALITY AS o (t, n) ORDER BY n) || ARRAY(
		SELECT DISTINCT p FROM (
			SELECT s.starts_at + day * interval '1 day' FROM generate_series(1, 31) AS day
			UNION ALL SELECT s.starts_at + month * interval '1 month' FROM generate_series(1, 12) AS month
			UNION ALL SELECT s.starts_at + year * interval '1 year' FROM generate_series(1, 28) AS year
			UNION ALL SELECT date_trunc('year', s.starts_at, 'UTC') + year * interval '1 year' + day * interval '1 day'
			FROM generate_series(1, 28) AS year, generate_series(-4, 3) AS day) AS v (t), prio_internal.period_start(s.every, v.t) AS p
		WHERE p <> ALL (starts));
	names := ARRAY(SELECT prio_internal.period_name(s.pattern, t) FROM unnest(starts) WITH ORDINALITY AS o (t, n) ORDER BY n);
	longest := (SELECT max(octet_length(n)) FROM unnest(names) AS n);
	IF longest > 1000 THEN
		RAISE EXCEPTION 'the name of a batch must have 1 to 1000 bytes, not %', longest USING ERRCODE = 'invalid_parameter_value';
	ELSIF (SELECT count(DISTINCT n) < cardinality(names) FROM unnest(names) AS n) THEN
		RAISE EXCEPTION 'the pattern gives the same name to several periods of %', s.every USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('It begins with %s.', (SELECT string_agg(format('"%s"', n), ', ') FROM unnest(names[1:3]) AS n)), HINT = 'A batch id is used once, for good: put the year in, and the hour where there are several batches a day.';
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.check_series(prio_processor.series) IS 'refuses a series whose batches could not be told apart';

-- The batch of the next period of a series, as it would be made.
CREATE FUNCTION prio_internal.next_batch(s prio_processor.series, p prio_processor.peer) RETURNS prio_processor.batch LANGUAGE plpgsql STABLE AS $$
DECLARE
	b prio_processor.batch;
	ends_at timestamptz := prio_internal.period_after(s.every, s.next_at);
BEGIN
	b.batch_id := prio_internal.period_name(s.pattern, s.next_at);
	b.server := s.server;
	b.role := p.role;
	b.n_data := s.n_data;
	b.bits := s.bits;
	b.min_batch_size := s.min_batch_size;
	b.packet_batch_id := coalesce(s.packet_batch_id, b.batch_id);
	b.max_missing := s.max_missing;
	b.ordinals := s.ordinals;
	b.checkpoints := s.checkpoints;
	b.close_at := ends_at + s.close_after;
	b.report_times := CASE prio_internal.protocol(s.server::text) WHEN 'DAP' THEN tstzrange(s.next_at, ends_at) END;
	b.allow_forgeable := s.allow_forgeable;
	b.series := s.pattern;
	b.period := s.next_at;
	b.drop_at := ends_at + s.keep;
	RETURN b;
END $$;

COMMENT ON FUNCTION prio_internal.next_batch(prio_processor.series, prio_processor.peer) IS 'the next batch of a series, as it would be made';

-- Is it there: of a series of this name that was dropped and is made again? Any other batch of this name is in the way, and shares
-- of this period must not go there.
CREATE FUNCTION prio_internal.is_made(b prio_processor.batch) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	there prio_processor.batch;
BEGIN
	SELECT * INTO there FROM prio_processor.batch AS x WHERE x.batch_id = b.batch_id;
	IF NOT FOUND THEN
		RETURN false;
	ELSIF (there.series, there.period, there.server) IS DISTINCT FROM (b.series, b.period, b.server) THEN
		RAISE EXCEPTION 'batch "%" exists already, and is of another period, server or series', b.batch_id
			USING ERRCODE = 'duplicate_object', HINT = 'Give the series another pattern, or a later starts_at, the same on both servers.';
	END IF;
	RETURN true;
END $$;

COMMENT ON FUNCTION prio_internal.is_made(prio_processor.batch) IS 'is the batch of a period there; an error if another batch has its name';

CREATE PROCEDURE prio_processor.create_series(pattern text, every interval, server name, n_data int DEFAULT NULL, min_batch_size bigint DEFAULT NULL,
		bits int DEFAULT NULL, packet_batch_id text DEFAULT NULL, max_missing numeric DEFAULT 0.1, ordinals boolean DEFAULT false,
		checkpoints boolean DEFAULT true, allow_forgeable boolean DEFAULT false, starts_at timestamptz DEFAULT now(), ahead interval DEFAULT NULL,
		close_after interval DEFAULT '1 hour', keep interval DEFAULT NULL, if_not_exists boolean DEFAULT false)
	LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	p prio_processor.peer;
	s prio_processor.series;
	b prio_processor.batch;
BEGIN
	IF create_series.pattern IS NULL OR create_series.every IS NULL OR create_series.server IS NULL OR create_series.starts_at IS NULL OR create_series.close_after IS NULL THEN
		RAISE EXCEPTION 'a series needs a pattern, a period, a server, a start and a close_after' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	p := prio_internal.peer_for_batch(create_series.server);
	s := (create_series.pattern, p.server, create_series.every, create_series.n_data, create_series.min_batch_size, create_series.bits, create_series.packet_batch_id,
		create_series.max_missing, coalesce(create_series.ordinals, false), coalesce(create_series.checkpoints, true), coalesce(create_series.allow_forgeable, false),
		coalesce(create_series.ahead, create_series.every), create_series.close_after, create_series.keep, create_series.starts_at, create_series.starts_at,
		clock_timestamp(), NULL::text, NULL::timestamptz);
	PERFORM prio_internal.check_series(s);
	s.starts_at := prio_internal.period_start(s.every, s.starts_at);
	s.next_at := s.starts_at;
	-- What is wrong with its batches is said now, not tonight.
	b := prio_internal.next_batch(s, p);
	PERFORM prio_internal.check_batch(p, b);
	IF EXISTS (SELECT FROM prio_processor.series AS x WHERE x.pattern = s.pattern) THEN
		IF create_series.if_not_exists THEN
			RAISE NOTICE 'series "%" exists already', s.pattern;
			RETURN;
		END IF;
		RAISE EXCEPTION 'series "%" exists already', s.pattern
			USING ERRCODE = 'duplicate_object', HINT = 'drop_series() ends one; its batches stay.';
	END IF;
	PERFORM prio_internal.is_made(b);
	INSERT INTO prio_processor.series VALUES (s.*);
	RAISE NOTICE 'the first batch is "%", for % to %; the next run() makes it', b.batch_id, s.starts_at, prio_internal.period_after(s.every, s.starts_at);
END $$;

COMMENT ON PROCEDURE prio_processor.create_series(text, interval, name, int, bigint, int, text, numeric, boolean, boolean, boolean, timestamptz, interval, interval, interval, boolean)
	IS 'batches that run() makes, closes and drops, one a period';

CREATE PROCEDURE prio_processor.drop_series(pattern text) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	DELETE FROM prio_processor.series AS s WHERE s.pattern = drop_series.pattern;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'series "%" does not exist', drop_series.pattern
			USING ERRCODE = 'undefined_object', HINT = 'The table prio_processor.series has those that do.';
	END IF;
END $$;

COMMENT ON PROCEDURE prio_processor.drop_series(text) IS 'no more batches of a series; those that are there stay, and are closed and dropped in their time';

CREATE FUNCTION prio_processor.series_batch(pattern text, moment timestamptz DEFAULT now()) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
	every interval;
BEGIN
	SELECT s.every INTO every FROM prio_processor.series AS s WHERE s.pattern = series_batch.pattern;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'series "%" does not exist', series_batch.pattern
			USING ERRCODE = 'undefined_object', HINT = 'Series are made with create_series().';
	END IF;
	RETURN CASE WHEN isfinite(moment) THEN prio_internal.period_name(pattern, prio_internal.period_start(every, moment)) END;
END $$;

COMMENT ON FUNCTION prio_processor.series_batch(text, timestamptz) IS 'the batch of a series that a share of this time belongs to';

-- ---------------------------------------------------------------- in run()

-- Makes the batches that are due, fifty at the most, and marks those whose time is over. Whatever was missed while
-- nobody called run() is made up for, since the other server made those batches, too. What is not
-- finished is kept, however late the other server is, and what failed until somebody has looked. Returns what went wrong. In a transaction block
-- somebody else would wait for a partition: see look_after().
CREATE FUNCTION prio_internal.run_series() RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	s prio_processor.series;
	p prio_processor.peer;
	b prio_processor.batch;
	why text;
	hint text;
	problems text[] := ARRAY[]::text[];
	made int := 0;
	attach boolean := NOT prio_internal.in_transaction_block();
BEGIN
	PERFORM prio_internal.commit_synchronously();
	FOR s IN SELECT x.* FROM prio_processor.series AS x WHERE x.next_at <= clock_timestamp() + x.ahead ORDER BY x.next_at, x.pattern FOR UPDATE SKIP LOCKED LOOP
		why := NULL;
		WHILE why IS NULL AND s.next_at <= clock_timestamp() + s.ahead AND made < 50 LOOP
			BEGIN
				p := prio_internal.peer_for_batch(s.server);
				b := prio_internal.next_batch(s, p);
				IF NOT prio_internal.is_made(b) THEN
					PERFORM prio_internal.check_batch(p, b);
					-- Whoever is in the way of one is in the way of the next as well.
					attach := prio_internal.new_batch(p, b, attach);
				END IF;
				s.next_at := prio_internal.period_after(s.every, s.next_at);
				made := made + 1;
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS why = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
				why := concat_ws('. ', why, nullif(hint, ''));
				problems := array_append(problems, format('series "%s": %s', s.pattern, why));
			END;
		END LOOP;
		UPDATE prio_processor.series AS x SET next_at = s.next_at, error = why, error_at = CASE WHEN why IS NOT NULL THEN coalesce(x.error_at, clock_timestamp()) END
		WHERE x.pattern = s.pattern;
	END LOOP;
	UPDATE prio_processor.batch AS x SET drop_wanted = true
	WHERE x.number IN (SELECT y.number FROM prio_processor.batch AS y
		WHERE y.drop_at <= clock_timestamp() AND (y.stage IN ('published', 'too small') OR y.stage = 'failed' AND y.error LIKE 'given up%') AND NOT y.drop_wanted FOR UPDATE SKIP LOCKED);
	RETURN problems;
END $$;

COMMENT ON FUNCTION prio_internal.run_series() IS 'makes the batches of series that are due, and marks those whose time is over';
