-- The analyst: Prio's sums next to the plain ones.
CREATE TABLE total (server text, build_id text, total bytea, pings bigint);
CREATE TABLE accepted (id text PRIMARY KEY);
CREATE TABLE refused (server text, number bigint, reason text);

CREATE VIEW prio_sum AS
SELECT build_id, i, sum
FROM total AS a JOIN total AS b USING (build_id, pings),
	unnest(prio_publish(a.total, b.total)) WITH ORDINALITY AS s (sum, i)
WHERE a.server = 'a' AND b.server = 'b';

-- The plain sums are those of the pings that both servers accepted: what was refused has a
-- report of its own. A histogram that is not there, or is none, counts as not set.
CREATE VIEW plain_sum AS
SELECT doc #>> '{environment,build,buildId}' AS build_id, i, count(*) AS pings,
	count(*) FILTER (WHERE doc #> ARRAY['payload', 'histograms', name] @@ '$.sum > 0') AS sum
FROM ping JOIN accepted ON accepted.id = doc ->> 'id', flag
GROUP BY 1, 2;

CREATE VIEW report AS
SELECT build_id, name AS flag, pings, plain_sum.sum AS plain, prio_sum.sum AS prio,
	prio_sum.sum - plain_sum.sum AS difference
FROM plain_sum JOIN flag USING (i) LEFT JOIN prio_sum USING (build_id, i)
ORDER BY build_id, i;

-- Both servers got the same lines in the same order.
CREATE VIEW refused_ping AS
SELECT number, kind, max(reason) FILTER (WHERE server = 'a') AS server_a,
	max(reason) FILTER (WHERE server = 'b') AS server_b
FROM refused JOIN ping ON client = number
GROUP BY number, kind ORDER BY number;
