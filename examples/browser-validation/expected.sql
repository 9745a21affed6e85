-- What the generator knows about its pings, and the report must find: these differences and
-- refusals, and no others. Here is what one has and the other has not.
CREATE VIEW unexpected AS
WITH expected AS (
	SELECT format('%s %s: %s', build_id, name, sum(encoded[i]::int - plain[i]::int)) AS what
	FROM client JOIN special USING (client, kind), flag
	WHERE server_a IS NULL AND encoded[i] <> plain[i] GROUP BY build_id, name
	UNION ALL
	SELECT format('%s: %s, %s', client, server_a, server_b) FROM special WHERE server_a IS NOT NULL
	UNION ALL
	SELECT format('%s is too small', build_id) FROM build WHERE pings < 50
), found AS (
	SELECT format('%s %s: %s', build_id, flag, difference) AS what FROM report WHERE difference <> 0
	UNION ALL
	SELECT format('%s: %s, %s', number, server_a, server_b) FROM refused_ping
	UNION ALL
	SELECT DISTINCT format('%s is too small', build_id) FROM report WHERE prio IS NULL
)
(SELECT 'missing: ' || what FROM (SELECT * FROM expected EXCEPT ALL SELECT * FROM found) AS e)
UNION ALL
(SELECT 'not expected: ' || what FROM (SELECT * FROM found EXCEPT ALL SELECT * FROM expected) AS f);
