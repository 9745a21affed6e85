-- What the servers published, back with the names.
CREATE TABLE result (batch_id text PRIMARY KEY, counts bigint[], valid bigint, rejected bigint);

CREATE VIEW batch_summary AS
SELECT batch_id, cardinality(counts) AS origins, valid, rejected FROM result ORDER BY batch_id;

-- Field i of batch k, from 0, is origin 2046 k + i.
CREATE VIEW published AS
SELECT shard * 2046 + i - 1 AS index, count
FROM result JOIN shard USING (batch_id), unnest(counts) WITH ORDINALITY AS c (count, i);

-- The truth is what the clients know, and nobody else.
CREATE VIEW ranking AS
SELECT rank() OVER (ORDER BY count DESC), name, index, batch_id, count AS published, coalesce(truth, 0) AS truth
FROM origin LEFT JOIN published USING (index)
	JOIN shard ON shard = index / 2046
	LEFT JOIN (SELECT index, sum(times) AS truth FROM blocked GROUP BY index) AS t USING (index)
ORDER BY count DESC, index;
