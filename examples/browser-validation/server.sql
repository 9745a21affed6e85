-- Server A, server B: what a server needs to take pings, and its steps as views.
CREATE TABLE arrived (number bigint GENERATED ALWAYS AS IDENTITY, line text);
CREATE TABLE share (id text PRIMARY KEY, number bigint UNIQUE, build_id text, packet bytea, verifier prio_verifier);
-- A packet counts once.
CREATE UNIQUE INDEX ON share (build_id, prio_replay_key(packet));
CREATE TABLE rejection (number bigint, reason text);
CREATE TABLE peer_verify1 (id text PRIMARY KEY, message bytea);
CREATE TABLE peer_verify2 (id text PRIMARY KEY, message bytea);

-- NULL for a line that is no JSON: one ping must not stop all.
CREATE FUNCTION parse(line text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN line::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;

-- The bytes of a map {"0": 213, "1": 7, ...}, or what is wrong with it. Every index from 0 up to
-- the number of entries must be there; then there is no other.
CREATE FUNCTION bytes_of(map jsonb, OUT bytes bytea, OUT problem text) LANGUAGE sql IMMUTABLE AS $$
	WITH entry AS (
		SELECT i, map -> i::text AS value
		FROM generate_series(0, (SELECT count(*) FROM jsonb_object_keys(
			CASE jsonb_typeof(map) WHEN 'object' THEN map ELSE '{}' END)) - 1) AS i
	), checked AS (
		SELECT i, value, CASE WHEN value @? 'strict $ ? (@.type() == "number" && @ >= 0 && @ <= 255 && @ == @.floor())'
			THEN value::int END AS byte
		FROM entry
	)
	SELECT CASE WHEN bool_and(byte IS NOT NULL) THEN decode(string_agg(lpad(to_hex(byte), 2, '0'), '' ORDER BY i), 'hex') END,
		CASE WHEN count(*) = 0 THEN 'no map' ELSE (array_agg('byte ' || i ||
				CASE WHEN value IS NULL THEN ' is missing' ELSE ' is no number from 0 to 255' END
			ORDER BY i) FILTER (WHERE byte IS NULL))[1] END
	FROM checked
$$;

-- Round 1, and with the other server's messages round 2.
CREATE VIEW verify1 AS
SELECT id, prio_verify1(verifier) AS message FROM share WHERE verifier IS NOT NULL;

CREATE VIEW verify2 AS
SELECT id, prio_verify2(verifier, message) AS message FROM share JOIN peer_verify1 USING (id) WHERE verifier IS NOT NULL;

CREATE VIEW verdict AS
SELECT id, build_id, packet, verifier, prio_is_valid(own.message, peer.message) AS valid
FROM share JOIN verify2 AS own USING (id) LEFT JOIN peer_verify2 AS peer USING (id);

-- The totals of all builds. None of less than 50 clients leaves the server.
CREATE VIEW total AS
SELECT build_id, prio_total_share(verifier, packet) AS total, count(*) AS pings
FROM verdict WHERE valid GROUP BY build_id HAVING count(*) >= 50;

CREATE VIEW refused AS
SELECT number, reason FROM rejection
UNION ALL
SELECT number, CASE WHEN valid IS NULL THEN 'refused by the other server' ELSE 'the proof does not hold' END
FROM share LEFT JOIN (SELECT id, valid FROM verdict) AS v USING (id)
WHERE verifier IS NOT NULL AND valid IS NOT TRUE;
