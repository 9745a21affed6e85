-- 60 clients, who answer eight questions with yes or no. Client k says yes to question i if k can be divided by i + 1. Each
-- makes its packets once, under an id that it draws, and keeps them until both servers have answered.
CREATE TABLE client AS
SELECT number, id, data, share_a, share_b
FROM (SELECT number, gen_random_uuid() AS id, (SELECT array_agg(number % (i + 1) = 0 ORDER BY i) FROM generate_series(1, 8) AS i) AS data
		FROM generate_series(1, 60) AS number) AS c,
	prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), :'batch', data);

-- Client 60 makes new packets after a failure, under the old id.
CREATE TABLE again AS
SELECT number, id, e.share_a, e.share_b
FROM client, prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), :'batch', data) AS e
WHERE number = 60;

-- What a client sends to a server.
CREATE FUNCTION request(id uuid, share bytea) RETURNS text LANGUAGE sql
	RETURN json_build_object('id', id, 'payload', translate(encode(share, 'base64'), E'\n', ''))::text;

-- What the servers should publish: those who did all of it right.
CREATE FUNCTION truth() RETURNS text LANGUAGE sql
	RETURN (SELECT array_agg(yes ORDER BY i) FROM (SELECT i, count(*) AS yes FROM client, unnest(data) WITH ORDINALITY AS d (value, i)
		WHERE value AND number <= 57 GROUP BY i) AS counts)::text;
