-- Clients: a blocklist, what each client blocked of it, and the pings they send.

-- The list has the same order everywhere: the place of an origin is its name from here on. Its
-- last entry stands for all that is not on it.
CREATE TABLE origin AS
SELECT i AS index,
	CASE i WHEN 2486 THEN '__UNKNOWN__'
		ELSE word[1 + i % 8] || i / 8 || '.example' END AS name
FROM generate_series(0, 2486) AS i,
	(VALUES (ARRAY['ads', 'beacon', 'click', 'count', 'pixel', 'stats', 'tag', 'track'])) AS w (word);

-- A packet has at most 2046 data fields. So the list is cut, and each part is a batch.
CREATE VIEW shard AS
SELECT index / 2046 AS shard, 'content.blocking_blocked-' || index / 2046 AS batch_id, count(*) AS n_data
FROM origin GROUP BY 1;

-- 60 clients see 25 trackers each. A few trackers are everywhere, and most are rare: tracker
-- number k of them is seen about 1/k as often as number 1. Numbers are spread over the list.
CREATE TABLE blocked AS
SELECT client, index, CASE index WHEN 2486 THEN 1 ELSE count(*) END AS times
FROM generate_series(1, 60) AS client, generate_series(1, 25) AS page,
	LATERAL (SELECT abs(hashint8(client * 1000 + page)::bigint) / 2147483648.0 AS chance) AS c,
	LATERAL (SELECT (floor(2487 ^ chance)::int * 1013 + 460) % 2487 AS index) AS t
GROUP BY client, index;

-- Who blocked an origin three times says so in three vectors: the k-th has a bit for each
-- origin that was blocked at least k times.
CREATE VIEW vector AS
SELECT client, k, batch_id, shard,
	string_agg(CASE WHEN times >= k THEN '1' ELSE '0' END, '' ORDER BY index)::varbit AS bits
FROM (SELECT client, max(times) AS most FROM blocked GROUP BY client) AS c
	CROSS JOIN LATERAL generate_series(1, most) AS k
	CROSS JOIN shard JOIN origin ON origin.index / 2046 = shard
	LEFT JOIN blocked USING (client, index)
GROUP BY client, k, batch_id, shard;

-- The ping: two packets for each vector, one a part of the list, under the name of the batch.
CREATE TABLE ping AS
SELECT jsonb_build_object('type', 'prio', 'id', gen_random_uuid(), 'version', 4, 'payload', jsonb_build_object(
	'reason', 'periodic',
	'prioData', jsonb_agg(jsonb_build_object(
		'encoding', batch_id,
		'prio', jsonb_build_object('a', encode(share_a, 'base64'), 'b', encode(share_b, 'base64'))) ORDER BY k, shard))) AS doc
FROM vector, prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), batch_id, bits, prg => 'seed')
GROUP BY client;
