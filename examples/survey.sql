-- The clients of a survey: which of eight features of an editor do you use? Takes the psql
-- variables batch, honest (how many of them are), public_a and public_b.
CREATE TABLE IF NOT EXISTS feature (position int PRIMARY KEY, name text NOT NULL);
INSERT INTO feature VALUES (1, 'spell checker'), (2, 'dark theme'), (3, 'split window'), (4, 'plug-ins'),
	(5, 'macros'), (6, 'printing'), (7, 'remote files'), (8, 'screen reader') ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS client (
	batch text, number int, kind text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(),
	data boolean[], share_a bytea, share_b bytea, PRIMARY KEY (batch, number)
);

-- Client k uses feature i if k can be divided by i + 1: so everybody can count them.
INSERT INTO client (batch, number, kind, data, share_a, share_b)
SELECT :'batch', number, 'honest', data, share_a, share_b
FROM generate_series(1, :honest) AS number,
	LATERAL (SELECT array_agg(number % (i + 1) = 0 ORDER BY i) AS data FROM generate_series(1, 8) AS i) AS d,
	prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), :'batch', data);

-- Those that are not.
INSERT INTO client (batch, number, kind, share_a, share_b)
SELECT :'batch', :honest + 1, 'damages its share for A', set_byte(share_a, 100, get_byte(share_a, 100) # 1), share_b
FROM prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), :'batch', B'11111111');
INSERT INTO client (batch, number, kind, share_a, share_b)
SELECT :'batch', :honest + 2, 'replays the packet of client 12', share_a, share_b
FROM client WHERE batch = :'batch' AND number = 12;
INSERT INTO client (batch, number, kind, share_a)
SELECT :'batch', :honest + 3, 'sends to A alone', share_a
FROM prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), :'batch', B'11111111');
INSERT INTO client (batch, number, kind, share_a, share_b)
SELECT :'batch', :honest + 4, 'sends a packet of another batch', share_a, share_b
FROM prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), 'another batch', B'11111111');
-- A client of its own make, which says 1000 instead of 0 or 1.
INSERT INTO client (batch, number, kind, share_a, share_b)
VALUES (:'batch', :honest + 5, 'counts for a thousand', decode(:'liar_a', 'hex'), decode(:'liar_b', 'hex'));

-- What the servers say in the end, for the comparison with the truth.
CREATE TABLE IF NOT EXISTS published (batch text PRIMARY KEY, counts bigint[]);
CREATE TABLE IF NOT EXISTS verdict (server text, id uuid, verdict text, PRIMARY KEY (server, id));
CREATE OR REPLACE VIEW comparison AS
SELECT published.batch, position, name AS feature, published, count(*) FILTER (WHERE data[position]) AS truth
FROM published, unnest(counts) WITH ORDINALITY AS p (published, position) JOIN feature USING (position), client
WHERE client.batch = published.batch
GROUP BY published.batch, position, name, published;
CREATE OR REPLACE VIEW fate AS
SELECT batch, number, kind,
	coalesce(a.verdict, CASE WHEN share_a IS NULL THEN 'got nothing' ELSE 'not taken' END) AS server_a,
	coalesce(b.verdict, CASE WHEN share_b IS NULL THEN 'got nothing' ELSE 'not taken' END) AS server_b
FROM client LEFT JOIN verdict AS a ON a.server = 'a' AND a.id = client.id
	LEFT JOIN verdict AS b ON b.server = 'b' AND b.id = client.id;
