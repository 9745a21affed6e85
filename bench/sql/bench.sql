-- Both servers of the benchmark in one database, and what it takes to measure.

\i test/own_servers.sql

-- What bench/micro printed.
CREATE TABLE micro (step text, role text, n int, best_us float8, median_us float8, ratio float8, fields_s float8, rounds int);

-- The steps of the job: an expression over a table of shares that counts the rows for
-- which the step worked, and the C calls that it makes for each of them. fetch makes
-- none: it is what reading a share out of its table takes.
CREATE TABLE step (step text, expression text, c_calls text[]);

INSERT INTO step VALUES
	('fetch', 'count(get_byte(payload, 0))', NULL),
	('verifier', 'count(prio_verifier(%1$L, batch_id, %2$s, payload))', '{open}'),
	('share_error', 'count(*) - count(prio_share_error(%1$L, batch_id, %2$s, payload))', '{open}'),
	('verify1', 'count(prio_verify1(verifier))', '{load,verify1}'),
	('verify2', 'count(prio_verify2(verifier, peer_verify1))', '{load,verify2}'),
	('is_valid', 'count(*) FILTER (WHERE prio_is_valid(verify2, peer_verify2))', '{is_valid}'),
	('total', 'CASE WHEN prio_total_share(verifier, payload) IS NOT NULL THEN count(*) END', '{load,total}');

-- What to measure: a step over so many rows, of one batch or of many that are mixed, with
-- so many workers (0: no parallel plan). base is the task to compare it with, run by run.
CREATE TABLE task (
	task_id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	step text,
	role text,
	n int,
	source text,
	rows bigint,
	workers int,
	query text,
	base int
);

-- Microseconds a row: by the clock, and of CPU time.
CREATE TABLE run (task_id int, run int, us_row float8, cpu_us_row float8);

-- Resident memory of a backend at its peak, after so many rows.
CREATE TABLE memory (role text, n int, rows bigint, peak_kb bigint);

-- Creates the tables one_ROLE_N and mixed_ROLE_N: all_rows shares of one batch, and
-- part_rows shares of many. They repeat the shares of a few hundred clients: more would
-- take longer to encode and measure the same.
CREATE PROCEDURE load(n int, all_rows bigint, part_rows bigint, clients int DEFAULT 250, batches int DEFAULT 50)
LANGUAGE plpgsql AS $$
DECLARE
	role text;
	source text;
	rows bigint;
BEGIN
	-- OFFSET 0: what such a subquery computes is computed once, not at every mention.
	CREATE TEMP TABLE client AS
	SELECT *
	FROM generate_series(0, clients - 1) AS client_id,
		LATERAL (VALUES ('one', 'batch-00'), ('mixed', 'batch-' || to_char(client_id % batches, 'FM00'))) AS s (source, batch_id),
		LATERAL (SELECT array_agg(random() < 0.5) AS data FROM generate_series(1, n + 0 * client_id)) AS d,
		keys,
		LATERAL prio_encode(a, b, batch_id, data) AS e,
		LATERAL (SELECT prio_verifier('a', batch_id, n, share_a) AS verifier_a, prio_verifier('b', batch_id, n, share_b) AS verifier_b OFFSET 0) AS v,
		LATERAL (SELECT prio_verify1(verifier_a) AS verify1_a, prio_verify1(verifier_b) AS verify1_b OFFSET 0) AS v1,
		LATERAL (SELECT prio_verify2(verifier_a, verify1_b) AS verify2_a, prio_verify2(verifier_b, verify1_a) AS verify2_b OFFSET 0) AS v2;

	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		FOR source, rows IN VALUES ('one', all_rows), ('mixed', part_rows) LOOP
			EXECUTE format($sql$
				CREATE TABLE %1$s_%2$s_%4$s (batch_id text, payload bytea, verifier prio_verifier,
					peer_verify1 bytea, verify2 bytea, peer_verify2 bytea) WITH (parallel_workers = 2);
				ALTER TABLE %1$s_%2$s_%4$s ALTER payload SET STORAGE EXTERNAL;
				INSERT INTO %1$s_%2$s_%4$s
				SELECT batch_id, share_%2$s, verifier_%2$s, verify1_%3$s, verify2_%2$s, verify2_%3$s
				FROM generate_series(0, %5$s - 1) AS id JOIN client ON client_id = id %% %6$s
				WHERE source = %1$L
				ORDER BY id
				$sql$, source, role, translate(role, 'ab', 'ba'), n, rows, clients);
		END LOOP;
	END LOOP;
	DROP TABLE client;
END
$$;

CREATE FUNCTION add_task(step text, role text, n int, source text, rows bigint, part boolean, workers int, base int)
RETURNS int LANGUAGE sql AS $$
	INSERT INTO task (step, role, n, source, rows, workers, query, base)
	SELECT $1, $2, $3, $4, $5, $7,
		format('SELECT ' || expression || CASE WHEN $6 THEN ' FROM (SELECT * FROM %3$s LIMIT %4$s) AS part' ELSE ' FROM %3$s' END,
			$2, $3, format('%s_%s_%s', $4, $2, $3), $5),
		$8
	FROM step WHERE step.step = $1
	RETURNING task_id
$$;

-- What there is to measure on the tables of load().
CREATE PROCEDURE plan(n int, all_rows bigint, part_rows bigint)
LANGUAGE plpgsql AS $$
DECLARE
	role text;
	step text;
	serial int;
	base int;
BEGIN
	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		FOREACH step IN ARRAY ARRAY['fetch', 'verifier', 'verify1', 'verify2', 'is_valid', 'total'] LOOP
			serial := add_task(step, role, n, 'one', all_rows, false, 0, NULL);
			base := add_task(step, role, n, 'one', all_rows, false, 1, NULL);
			PERFORM add_task(step, role, n, 'one', all_rows, false, 2, base);
			CONTINUE WHEN step <> 'verifier';
			PERFORM add_task(step, role, n, 'one', 1000, true, 0, serial);
			base := add_task(step, role, n, 'one', part_rows, true, 0, serial);
			PERFORM add_task(step, role, n, 'mixed', part_rows, true, 0, base);
		END LOOP;
		PERFORM add_task('share_error', role, n, 'one', part_rows, true, 0, NULL);
	END LOOP;
END
$$;

-- CPU time of this backend. The kernel books it when a process goes to sleep.
CREATE FUNCTION cpu_us() RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(0.001);
	RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000;
END
$$;

-- All tasks, one after another, runs times; and once before that, to warm up, and to see
-- that the plans are those that are meant. The plan for one worker is that for two, of
-- which only one may be launched: by its cost it would never be chosen.
CREATE PROCEDURE perform(runs int)
LANGUAGE plpgsql AS $$
DECLARE
	t task;
	plan jsonb;
	worked bigint;
	started timestamptz;
	us float8;
	cpu float8;
BEGIN
	FOR run IN 0 .. runs LOOP
		FOR t IN SELECT * FROM task ORDER BY task_id LOOP
			PERFORM set_config('max_parallel_workers_per_gather', CASE t.workers WHEN 0 THEN '0' ELSE '2' END, false);
			PERFORM set_config('max_parallel_workers', t.workers::text, false);
			IF run = 0 THEN
				EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || t.query INTO plan;
				IF t.workers <> coalesce(jsonb_path_query_first(plan, 'strict $.**."Workers Launched"')::int, 0) THEN
					RAISE EXCEPTION 'not the plan to measure: %', t.query USING DETAIL = jsonb_pretty(plan);
				END IF;
				CONTINUE;
			END IF;
			cpu := cpu_us();
			started := clock_timestamp();
			EXECUTE t.query INTO worked;
			us := 1e6 * extract(epoch FROM clock_timestamp() - started);
			cpu := cpu_us() - cpu;
			IF worked IS DISTINCT FROM t.rows THEN
				RAISE EXCEPTION 'only % of % rows worked: %', worked, t.rows, t.query;
			END IF;
			INSERT INTO run VALUES (t.task_id, run, us / t.rows, CASE t.workers WHEN 0 THEN cpu / t.rows END);
		END LOOP;
		COMMIT;
	END LOOP;
END
$$;

-- Opens and adds up the first so many rows of one_ROLE_N once, and then repeats times.
-- The peak counts the pages of the table in shared memory that the backend has seen: all
-- of them, from the first time on.
CREATE PROCEDURE measure_memory(role text, n int, rows bigint, repeats int)
LANGUAGE plpgsql AS $$
DECLARE
	times int;
BEGIN
	-- Two workers would hand over other rows every time.
	SET max_parallel_workers_per_gather = 0;
	FOREACH times IN ARRAY ARRAY[1, repeats] LOOP
		EXECUTE format('SELECT prio_total_share(prio_verifier(%1$L, batch_id, %2$s, payload), payload)
			FROM (SELECT * FROM one_%1$s_%2$s LIMIT %3$s) AS part, generate_series(1, %4$s + 0 * length(batch_id))',
			role, n, rows, times);
		INSERT INTO memory VALUES (role, n, rows * times,
			substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::bigint);
	END LOOP;
END
$$;

-- The results, with medians over the runs. What is compared is CPU time, which other
-- processes disturb less; with workers it is the time by the clock, as it must be.
CREATE VIEW result AS
SELECT step, upper(role) AS role, n, source, rows, workers, round(us_row::numeric, 4) AS us_row, round(cpu_us_row::numeric, 4) AS cpu_us_row,
	round((1e6 / us_row)::numeric) AS rows_s, round(c_us::numeric, 4) AS c_us, round((cpu_us_row / c_us)::numeric, 4) AS sql_over_c, round(base_ratio::numeric, 4) AS base_ratio, runs
FROM task
	JOIN LATERAL (
		SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.us_row) AS us_row,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY r.cpu_us_row) AS cpu_us_row,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY coalesce(r.cpu_us_row / b.cpu_us_row, r.us_row / b.us_row)) AS base_ratio,
			count(*) AS runs
		FROM run AS r LEFT JOIN run AS b ON b.task_id = task.base AND b.run = r.run
		WHERE r.task_id = task.task_id) AS medians ON true
	JOIN LATERAL (
		SELECT sum(median_us) AS c_us
		FROM step JOIN micro ON micro.step = ANY (c_calls)
		WHERE step.step = task.step AND micro.role = upper(task.role) AND micro.n = task.n) AS c ON true
ORDER BY task_id;

CREATE VIEW table_size AS
SELECT DISTINCT upper(role) AS role, n, source, max(rows) OVER (PARTITION BY role, n, source) AS rows,
	pg_table_size(format('%s_%s_%s', source, role, n)::regclass) AS bytes
FROM task;
