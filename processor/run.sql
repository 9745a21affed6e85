-- ---------------------------------------------------------------- steps

-- Why a batch must not go on. NULL if there is no reason.
CREATE FUNCTION prio_internal.obstacle(b prio_processor.batch) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	h prio_internal.heard;
	now_here text;
	difference text;
BEGIN
	IF prio_internal.server_role(b.server) IS DISTINCT FROM b.role THEN
		RETURN format('server "%s" has changed since the batch was closed: its role', b.server);
	END IF;
	-- max_missing may be released on this side alone.
	now_here := regexp_replace(prio_internal.settings(b), 'max_missing=[^;]*', (regexp_match(b.settings, 'max_missing=[^;]*'))[1]);
	-- As a rule nothing differs, and nobody has to look what.
	IF now_here IS DISTINCT FROM b.settings THEN
		difference := prio_internal.disagreement(b.settings, now_here);
		IF difference IS NOT NULL THEN
			RETURN format('server "%s" has changed since the batch was closed: %s', b.server, difference);
		END IF;
	END IF;
	SELECT * INTO STRICT h FROM prio_internal.heard AS x WHERE x.number = b.number;
	IF h.settings <> b.settings THEN
		difference := prio_internal.disagreement(b.settings, h.settings);
		IF difference IS NOT NULL THEN
			RETURN format('the two servers do not agree on %s', difference);
		END IF;
	END IF;
	RETURN h.contradiction;
END $$;

COMMENT ON FUNCTION prio_internal.obstacle(prio_processor.batch) IS 'why a batch must not go on; NULL if it may';

-- The batch as it is, for a change of its stage that nobody else makes; NULL if somebody is at it, or it is further.
CREATE FUNCTION prio_internal.lock_stage(b prio_processor.batch) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	now_at prio_processor.stage;
BEGIN
	SELECT x.stage INTO now_at FROM prio_processor.batch AS x WHERE x.number = b.number FOR NO KEY UPDATE SKIP LOCKED;
	RETURN FOUND AND now_at = b.stage;
END $$;

COMMENT ON FUNCTION prio_internal.lock_stage(prio_processor.batch) IS 'is it for this transaction to end the stage of a batch';

-- at_once: the transaction ends with this step.
CREATE FUNCTION prio_internal.step_of(b prio_processor.batch, at_once boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	h prio_internal.heard;
	outcome text;
	why text;
BEGIN
	IF b.stage = 'open' THEN
		IF b.close_at IS NULL OR b.close_at > clock_timestamp() THEN
			RETURN 'waiting';
		ELSIF NOT prio_internal.lock_stage(b) THEN
			RETURN 'busy';
		END IF;
		PERFORM prio_internal.close_open_batch(b, at_once);
		RETURN 'worked';
	END IF;

	why := prio_internal.obstacle(b);
	IF why IS NOT NULL THEN
		IF NOT prio_internal.lock_stage(b) THEN
			RETURN 'busy';
		END IF;
		PERFORM prio_internal.fail_batch(b, why);
		RETURN 'failed';
	END IF;

	-- What many sessions can do at once.
	IF b.stage < 'publish' THEN
		outcome := prio_internal.renew_state(b);
		IF outcome <> 'complete' THEN
			RETURN outcome;
		END IF;
	END IF;
	IF b.stage = 'round 1' OR b.stage = 'round 2' THEN
		IF b.stage = 'round 1' AND NOT b.checkpoints AND NOT b.partner_closed THEN
			RETURN 'waiting';
		END IF;
		outcome := prio_internal.say_next_chunk(b, CASE b.stage WHEN 'round 1' THEN 1 ELSE 2 END);
		IF outcome <> 'complete' THEN
			RETURN outcome;
		END IF;
	ELSIF b.stage = 'agree' AND b.checkpoints THEN
		SELECT * INTO STRICT h FROM prio_internal.heard AS x WHERE x.number = b.number;
		IF NOT prio_internal.list_is_complete(b, h) THEN
			RETURN 'waiting';
		END IF;
	END IF;

	-- What one does for all.
	IF NOT prio_internal.lock_stage(b) THEN
		RETURN 'busy';
	END IF;
	CASE b.stage
		WHEN 'close' THEN PERFORM prio_internal.enter_stage(b, 'list');
		WHEN 'list' THEN PERFORM prio_internal.make_list(b);
		WHEN 'agree' THEN PERFORM prio_internal.make_agreed(b);
		WHEN 'round 1' THEN PERFORM prio_internal.enter_stage(b, 'round 2', b.agreed);
		WHEN 'round 2' THEN PERFORM prio_internal.enter_stage(b, 'aggregate', b.agreed);
		WHEN 'aggregate' THEN RETURN prio_internal.step_aggregate(b);
		WHEN 'publish' THEN RETURN prio_internal.step_publish(b);
	END CASE;
	RETURN 'worked';
END $$;

COMMENT ON FUNCTION prio_internal.step_of(prio_processor.batch, boolean) IS 'what comes next for a batch';

-- One step of one batch, in this transaction: 'worked' when there may be more to do, 'waiting' for
-- the other server, 'held' until somebody looks, 'done', 'failed', 'error' (try again later), or 'busy' when
-- other sessions are at what is left.
CREATE FUNCTION prio_internal.step(number int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b prio_processor.batch;
	why text;
	hint text;
	-- Within the block with EXCEPTION it would always look like BEGIN.
	at_once boolean := NOT prio_internal.in_transaction_block();
BEGIN
	-- An older snapshot would not see what others have done.
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'a batch only goes on in a transaction of isolation level READ COMMITTED'
			USING ERRCODE = 'invalid_transaction_state';
	END IF;
	SELECT * INTO b FROM prio_processor.batch AS x WHERE x.number = step.number FOR KEY SHARE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 'busy';
	ELSIF b.stage > 'publish' THEN
		RETURN 'done';
	END IF;
	-- What is said must be there after a crash, whatever the session thinks of that.
	PERFORM prio_internal.commit_synchronously();
	-- For those who look at progress or at pg_stat_activity, and for wait_for_step(), whose sessions let go of it at once.
	FOR i IN 1..20 LOOP
		EXIT WHEN pg_try_advisory_xact_lock_shared(1886415471, b.number);
		PERFORM pg_sleep(0.001);
	END LOOP;
	PERFORM prio_internal.show_work(b.stage::text, b.batch_id);
	BEGIN
		PERFORM prio_internal.check_here(p) FROM prio_processor.peer AS p WHERE p.server = b.server;
		IF NOT EXISTS (SELECT FROM prio_internal.identity() AS i WHERE (i.system_identifier, i.database, i.timeline) = (b.system_identifier, b.database, b.timeline)) THEN
			RAISE EXCEPTION 'batch "%" was made before a restore, a failover or a copy of this database', b.batch_id
				USING HINT = 'after_restore() gives it up; after a failover that lost nothing after_failover() lets it go on.';
		END IF;
		RETURN prio_internal.step_of(b, at_once);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS why = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		why := concat_ws('. ', why, nullif(hint, ''));
		IF prio_internal.lock_stage(b) THEN
			UPDATE prio_processor.batch AS x SET error = why, error_at = clock_timestamp() WHERE x.number = b.number;
		END IF;
		RETURN 'error';
	END;
END $$;

COMMENT ON FUNCTION prio_internal.step(int) IS 'one step of one batch';

-- ---------------------------------------------------------------- running

CREATE FUNCTION prio_internal.look_after_now() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	b prio_processor.batch;
BEGIN
	PERFORM prio_internal.commit_synchronously();
	FOR b IN SELECT x.* FROM prio_processor.batch AS x WHERE x.drop_wanted AND x.dropped_at IS NULL ORDER BY x.number LIMIT 50 FOR UPDATE SKIP LOCKED LOOP
		-- Whoever is in the way of one is in the way of the next as well.
		EXIT WHEN NOT prio_internal.drop_now(b);
	END LOOP;
	FOR b IN SELECT x.* FROM prio_processor.batch AS x WHERE x.stage = 'open' AND to_regclass('prio_internal.share_' || x.number) IS NOT NULL
			AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = to_regclass('prio_internal.share_' || x.number))
			ORDER BY x.number LIMIT 50 FOR UPDATE SKIP LOCKED LOOP
		EXIT WHEN NOT prio_internal.attach_shares(b);
	END LOOP;
	-- Shares for a name that exists come early only as long as its partition is not there.
	FOR b IN SELECT x.* FROM prio_processor.batch AS x WHERE x.stage = 'open' AND EXISTS (SELECT FROM prio_internal.early_share AS e WHERE e.batch_id = x.batch_id) LOOP
		PERFORM prio_internal.take_early_shares(b);
	END LOOP;
	DELETE FROM prio_internal.early_share AS e WHERE e.arrived_at < clock_timestamp() - interval '7 days';
EXCEPTION WHEN lock_not_available THEN
	NULL; -- the next run() has better luck
END $$;

COMMENT ON FUNCTION prio_internal.look_after_now() IS 'what look_after() does';

-- What is left over from others being in the way. In a transaction block it would itself be in the
-- way of every share for an unknown batch, for as long as that block stays open. (The block with
-- EXCEPTION is another function's, since a subtransaction looks like BEGIN.)
CREATE FUNCTION prio_internal.look_after() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF NOT prio_internal.in_transaction_block() THEN
		PERFORM prio_internal.look_after_now();
	END IF;
END $$;

COMMENT ON FUNCTION prio_internal.look_after() IS 'tries again what somebody was in the way of, and throws away shares for batches that nobody makes';

-- What run() and run_batch() read, which look up names as the session does: an operator of the
-- caller's that fits a stage better than that of PostgreSQL must not run with the caller's rights.
CREATE FUNCTION prio_internal.to_be_run() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
	SELECT b.number FROM prio_processor.batch AS b JOIN prio_internal.heard AS h USING (number)
	WHERE b.stage < 'published' AND (b.stage > 'open' OR b.close_at <= clock_timestamp())
	-- those for which the other server was asked in vain come last
	ORDER BY h.in_vain_at NULLS FIRST, b.number;
END;

COMMENT ON FUNCTION prio_internal.to_be_run() IS 'batches that may go on, in the order in which they are looked at';

-- Waits for the step of a batch that another session is at, and no longer than this. Returns whether one is.
CREATE FUNCTION prio_internal.wait_for_step(number int, seconds float8) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	somebody boolean := false;
BEGIN
	IF NOT pg_try_advisory_xact_lock(1886415471, number) THEN
		somebody := true;
		-- Who waits for a second is looked into, as if it might be a deadlock, and may be logged.
		PERFORM set_config('lock_timeout', greatest(1, least(900, 1000 * seconds))::int::text, true);
		PERFORM pg_advisory_xact_lock(1886415471, number);
	END IF;
	-- Lets go of it, or the next step would go without.
	RAISE triggered_action_exception;
EXCEPTION WHEN lock_not_available OR triggered_action_exception THEN
	RETURN somebody;
END $$;

COMMENT ON FUNCTION prio_internal.wait_for_step(int, float8) IS 'waits until no other session is at a step of a batch';

CREATE FUNCTION prio_internal.progress_of(number int, OUT batch_id text, OUT stage text, OUT done bigint, OUT percent numeric, OUT time_left interval)
	RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
	RETURN QUERY SELECT v.batch_id, v.stage::text, v.done, v.percent, v.time_left FROM prio_processor.progress AS v
	WHERE v.number = progress_of.number AND v.ended_at IS NULL AND v.percent IS NOT NULL;
END $$;

COMMENT ON FUNCTION prio_internal.progress_of(int) IS 'how far the stage is that a batch is at';

-- Does what can be done for one batch, committing after every step.
CREATE PROCEDURE prio_internal.run_batch(number int, INOUT outcome text, INOUT got_on boolean) LANGUAGE plpgsql AS $$
DECLARE
	told timestamptz := pg_catalog.clock_timestamp();
	p record;
	asked boolean;
BEGIN
	got_on := false;
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		outcome := prio_internal.step(number);
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		got_on := got_on OR outcome = 'worked';
		IF outcome = 'failed' OR outcome = 'error' OR outcome = 'held' THEN
			SELECT b.batch_id, b.error INTO p FROM prio_processor.batch AS b WHERE b.number = run_batch.number;
			RAISE WARNING 'batch "%": %', p.batch_id, p.error;
		ELSIF outcome = 'waiting' OR outcome = 'busy' THEN
			asked := prio_internal.pull_batch(number);
			COMMIT;
			EXIT WHEN NOT asked;
		END IF;
		EXIT WHEN outcome = 'failed' OR outcome = 'error' OR outcome = 'held' OR outcome = 'done';
		IF pg_catalog.clock_timestamp() > told + interval '2 seconds' THEN
			told := pg_catalog.clock_timestamp();
			FOR p IN SELECT v.* FROM prio_internal.progress_of(number) AS v LOOP
				RAISE NOTICE 'batch "%": %, % shares (% %%), % left', p.batch_id, p.stage, p.done, p.percent,
					COALESCE(p.time_left::text, '?'::text);
			END LOOP;
		END IF;
	END LOOP;
	COMMIT;
END $$;

COMMENT ON PROCEDURE prio_internal.run_batch(int, text, boolean) IS 'takes one batch as far as it can go';

-- A scheduler that comes once a minute would take a batch one round further a minute. With
-- patience one call sees it through, if the other server is about as quick.
CREATE PROCEDURE prio_processor.run(max_wait interval DEFAULT '0') LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := pg_catalog.clock_timestamp() + max_wait;
	of_server name;
	n int;
	outcome text;
	why text;
	got_on boolean;
	worked boolean;
	waiting boolean;
	busy int;
	told text[] := ARRAY[]::text[];
	in_trouble int[] := ARRAY[]::int[];
	pause float8 := 0.1::float8;
	rest float8;
BEGIN
	IF until IS NULL OR until = 'infinity' THEN
		RAISE EXCEPTION 'max_wait has to be a time'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'It says how long run() may wait for the other server: interval ''50 seconds'', for one.';
	ELSIF prio_internal.in_transaction_block() THEN
		RAISE EXCEPTION 'run() cannot run inside a transaction block'
			USING ERRCODE = 'active_sql_transaction', HINT = 'It commits after every step. CALL it by itself, without BEGIN.';
	END IF;
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		FOREACH why IN ARRAY prio_internal.run_series() LOOP
			IF why <> ALL (told) THEN
				RAISE WARNING '%', why;
				told := pg_catalog.array_append(told, why);
			END IF;
		END LOOP;
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		PERFORM prio_internal.look_after();
		COMMIT;
		FOR of_server IN SELECT p.server FROM prio_processor.peer AS p WHERE p.peer_server IS NOT NULL ORDER BY p.server LOOP
			COMMIT;
			SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
			why := prio_internal.pull_checkpoints(of_server);
			IF why IS NOT NULL AND why <> ALL (told) THEN
				RAISE WARNING 'server "%": %', of_server, why;
				told := pg_catalog.array_append(told, why);
			END IF;
		END LOOP;
		COMMIT;
		worked := false;
		waiting := false;
		busy := NULL;
		FOR n IN SELECT w FROM prio_internal.to_be_run() AS w LOOP
			CONTINUE WHEN n = ANY (in_trouble);
			CALL prio_internal.run_batch(n, outcome, got_on);
			-- A batch that got anywhere may let another session's run() end with work left. Who gives a little at a
			-- time lets its batch get on, but does not keep run() here.
			worked := worked OR (outcome = 'done' OR got_on) AND NOT (pg_catalog.clock_timestamp() >= until AND prio_internal.asked_too_long(n));
			waiting := waiting OR outcome = 'waiting' OR outcome = 'busy';
			IF outcome = 'busy' THEN
				busy := n;
			END IF;
			IF outcome = 'error' OR outcome = 'held' THEN
				in_trouble := pg_catalog.array_append(in_trouble, n);
			END IF;
		END LOOP;
		IF worked THEN
			pause := 0.1::float8;
		ELSE
			EXIT WHEN NOT waiting OR pg_catalog.clock_timestamp() >= until;
			-- soon at first, as the other server may be just as far; later once a second
			rest := LEAST(pause, EXTRACT(epoch FROM until - pg_catalog.clock_timestamp())::float8);
			IF busy IS NULL OR NOT prio_internal.wait_for_step(busy, rest) THEN
				COMMIT;
				PERFORM pg_catalog.pg_sleep(rest);
			END IF;
			pause := LEAST(2::float8 * pause, 1::float8);
		END IF;
	END LOOP;
	COMMIT;
END $$;

COMMENT ON PROCEDURE prio_processor.run(interval) IS 'takes every batch as far as it can go, and waits so long for the other server; for a scheduler';
