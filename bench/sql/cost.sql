-- What a night costs: the measured constants of bench/results, multiplied. From the root of the tree:
--
--	psql -f bench/sql/cost.sql -v of=2046 -v shares=1000000000 -v hours=8
--
-- of is a number of data fields of Prio v1, or Count, or Histogram1000. Between and beyond the numbers
-- that were measured, costs are taken to be linear in n, which they are (docs/benchmarks.md). Shares
-- arrive all day; what follows has to be done in so many hours. Nothing is changed in the database.
\set ON_ERROR_STOP 1
\set QUIET 1
\if :{?of}
\else
\set of 128
\endif
\if :{?shares}
\else
\set shares 1000000000
\endif
\if :{?hours}
\else
\set hours 8
\endif

CREATE TEMP TABLE stage (n text, shares bigint, role text, stage text, runs int, cpu_us numeric, wal numeric, peak_kb bigint);
CREATE TEMP TABLE batch (n text, shares bigint, role text, runs int, seconds numeric, share_bytes bigint, other_bytes bigint, pieces numeric);
\copy stage FROM 'bench/results/processor.tsv' (FORMAT csv, DELIMITER E'\t', HEADER, NULL '-')
\copy stage FROM 'bench/results/prio3_processor.tsv' (FORMAT csv, DELIMITER E'\t', HEADER, NULL '-')
\copy batch FROM 'bench/results/batches.tsv' (FORMAT csv, DELIMITER E'\t', HEADER, NULL '-')
\copy batch FROM 'bench/results/prio3_batches.tsv' (FORMAT csv, DELIMITER E'\t', HEADER, NULL '-')

-- Of each kind the largest batch, in which what a batch costs as such weighs least.
CREATE TEMP VIEW measured AS
SELECT s.n, s.role, s.shares, max(s.cpu_us) FILTER (WHERE s.stage = 'arrival') AS arrival_us, sum(s.cpu_us) FILTER (WHERE s.stage NOT IN ('plain', 'arrival', 'total')) AS job_us,
	max(s.wal) FILTER (WHERE s.stage = 'arrival') AS arrival_wal, sum(s.wal) FILTER (WHERE s.stage NOT IN ('plain', 'arrival', 'total')) AS job_wal,
	max(b.share_bytes)::numeric / s.shares AS disk, max(b.other_bytes)::numeric / s.shares AS beside
FROM stage AS s JOIN batch AS b USING (n, shares, role)
WHERE s.shares = (SELECT max(x.shares) FROM batch AS x WHERE x.n = s.n)
GROUP BY s.n, s.role, s.shares;

-- A row each role and quantity: as measured, or on the line through the two nearest that were.
CREATE TEMP VIEW quantity AS
SELECT m.n, m.role, q.name, q.value FROM measured AS m,
	LATERAL (VALUES ('arrival_us', arrival_us), ('job_us', job_us), ('arrival_wal', arrival_wal), ('job_wal', job_wal), ('disk', disk), ('beside', beside)) AS q (name, value);
CREATE TEMP TABLE cost AS
SELECT q.role, q.name, q.value FROM quantity AS q WHERE q.n = :'of'
UNION ALL
SELECT q.role, q.name, greatest(0, (regr_intercept(q.value, q.n::float8) + regr_slope(q.value, q.n::float8) * substring(:'of' FROM '^\d+$')::float8)::numeric)
FROM (SELECT x.*, dense_rank() OVER (PARTITION BY x.role, x.name ORDER BY abs(x.n::int - substring(:'of' FROM '^\d+$')::int)) AS nearest
	FROM quantity AS x WHERE x.n ~ '^\d+$') AS q
WHERE q.nearest <= 2 AND :'of' ~ '^\d+$' AND NOT EXISTS (SELECT FROM quantity AS x WHERE x.n = :'of')
GROUP BY q.role, q.name;

SELECT format('no such kind was measured: %s', :'of') AS message, NOT EXISTS (SELECT FROM cost WHERE value IS NOT NULL) AS unknown \gset
\if :unknown
\warn :message
\quit
\endif
\pset footer off
SELECT c.role AS "server",
	round(c.arrival_us, 1) AS "arrival, µs a share", round(c.job_us, 1) AS "job, µs a share",
	round(:shares * c.arrival_us / 1e6 / 86400, 1) AS "cores all day",
	round(:shares * c.job_us / 1e6 / 3600 / :hours, 1) AS "cores at night",
	pg_size_pretty(round(:shares * (c.disk + c.beside))) AS "disk",
	pg_size_pretty(round(:shares * (c.arrival_wal + c.job_wal))) AS "log",
	round(:shares * c.arrival_wal / 86400 / 1e6, 1) AS "log, MB/s all day",
	round(:shares * c.job_wal / 3600 / :hours / 1e6, 1) AS "log, MB/s at night",
	-- half of lists and messages is the other side's, and all but the 16 bytes of its ids were pulled
	round(:shares * (c.beside - 64 - 16 + 32) / 2 / 3600 / :hours / 1e6, 1) AS "from the other side, MB/s at night"
FROM (SELECT role, max(value) FILTER (WHERE name = 'arrival_us') AS arrival_us, max(value) FILTER (WHERE name = 'job_us') AS job_us,
		max(value) FILTER (WHERE name = 'arrival_wal') AS arrival_wal, max(value) FILTER (WHERE name = 'job_wal') AS job_wal,
		max(value) FILTER (WHERE name = 'disk') AS disk, max(value) FILTER (WHERE name = 'beside') AS beside
	FROM cost GROUP BY role) AS c
ORDER BY c.role;
