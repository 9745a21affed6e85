-- The generator: pings in the form in which Firefox sent them in 2018. Each says three things
-- twice: in plain histograms, and in a pair of packets.
CREATE TABLE build AS
SELECT * FROM (VALUES ('20181006100122', 150), ('20181008220059', 120), ('20181010100040', 90), ('20181011220111', 12))
	AS v (build_id, pings);

CREATE TABLE flag AS
SELECT * FROM (VALUES (1, 'BROWSER_IS_USER_DEFAULT'), (2, 'NEWTAB_PAGE_ENABLED'), (3, 'PDF_VIEWER_USED'))
	AS v (i, name);

-- Pings with which something is wrong, and why each server will refuse them. The first three
-- are no cheats and no damage: there the browser does not encode what it counts, which is
-- what a validation is to find.
CREATE TABLE special AS
SELECT * FROM (VALUES
	(20, 'encodes the opposite of flag 2', NULL, NULL),
	(30, 'encodes the opposite of flag 2', NULL, NULL),
	(200, 'encodes the opposite of flag 3', NULL, NULL),
	(5, 'a byte of B flipped', 'refused by the other server', 'decryption failed'),
	(15, 'a hole in the map of A', 'byte 100 is missing', 'refused by the other server'),
	(25, 'a byte of 256', 'byte 7 is no number from 0 to 255', 'refused by the other server'),
	(35, 'a byte of 0.5', 'refused by the other server', 'byte 8 is no number from 0 to 255'),
	(45, 'a byte in quotes', 'byte 9 is no number from 0 to 255', 'refused by the other server'),
	(55, 'no map for B', 'refused by the other server', 'no map'),
	(75, 'a byte in brackets', 'refused by the other server', 'byte 9 is no number from 0 to 255'),
	(65, 'a map that is a list', 'no map', 'refused by the other server'),
	(165, 'packets of another build', 'wrong batch', 'wrong batch'),
	(175, 'shares of two encodings', 'the proof does not hold', 'the proof does not hold'),
	(185, 'sends the packets of 184', 'replayed packet', 'replayed packet'),
	(275, 'cut off on the way to B', 'refused by the other server', 'no JSON')
) AS v (client, kind, server_a, server_b);

CREATE TABLE client AS
SELECT client, md5('ping ' || client)::uuid AS id, build_id, kind, plain, encoded, share_a, share_b
FROM (SELECT row_number() OVER (ORDER BY build_id, i) AS client, build_id FROM build, generate_series(1, pings) AS i) AS c
	LEFT JOIN special USING (client),
	LATERAL (SELECT ARRAY[client % 3 = 0, client % 5 <> 1, client % 7 = 0]) AS p (plain),
	LATERAL (SELECT array_agg(bit <> coalesce(kind = 'encodes the opposite of flag ' || i, false) ORDER BY i)
		FROM unnest(plain) WITH ORDINALITY AS b (bit, i)) AS e (encoded),
	-- The name of the batch is the build.
	prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'),
		CASE kind WHEN 'packets of another build' THEN '20181006100122' ELSE build_id END, encoded, prg => 'seed');

UPDATE client SET share_b = other.share_b
FROM prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), '20181008220059', B'111', prg => 'seed') AS other
WHERE kind = 'shares of two encodings';
UPDATE client SET share_b = set_byte(share_b, 50, get_byte(share_b, 50) # 1) WHERE kind = 'a byte of B flipped';
UPDATE client SET share_a = other.share_a, share_b = other.share_b
FROM client AS other WHERE client.kind = 'sends the packets of 184' AND other.client = 184;

-- A boolean histogram of Firefox that was set once.
CREATE FUNCTION histogram(value boolean) RETURNS jsonb LANGUAGE sql IMMUTABLE
	RETURN jsonb_build_object('range', ARRAY[1, 2], 'bucket_count', 3, 'histogram_type', 2, 'sum', value::int,
		'values', CASE WHEN value THEN '{"0": 0, "1": 1, "2": 0}' ELSE '{"0": 1, "1": 0}' END::jsonb);

-- JavaScript's Uint8Array as JSON: a map from index to byte.
CREATE FUNCTION byte_map(bytes bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE
	RETURN (SELECT jsonb_object_agg(i, get_byte(bytes, i)) FROM generate_series(0, octet_length(bytes) - 1) AS i);

CREATE TABLE ping AS
SELECT client, kind, jsonb_build_object(
	'type', 'main', 'id', id, 'creationDate', '2018-10-12T08:00:00.000Z', 'version', 4,
	'application', jsonb_build_object('name', 'Firefox', 'channel', 'nightly', 'version', '64.0a1', 'buildId', build_id),
	'environment', jsonb_build_object('build', jsonb_build_object('version', '64.0a1', 'buildId', build_id)),
	'payload', jsonb_build_object('ver', 4,
		-- A histogram that was never set is not there.
		'histograms', jsonb_build_object('BROWSER_IS_USER_DEFAULT', histogram(plain[1]))
			|| jsonb_build_object('NEWTAB_PAGE_ENABLED', histogram(plain[2]))
			|| CASE WHEN plain[3] THEN jsonb_build_object('PDF_VIEWER_USED', histogram(true)) ELSE '{}' END,
		'prio', jsonb_build_object('a', byte_map(share_a), 'b', byte_map(share_b)))) AS doc
FROM client;

UPDATE ping SET doc = CASE kind
	WHEN 'a hole in the map of A' THEN doc #- '{payload,prio,a,100}'
	WHEN 'a byte of 256' THEN jsonb_set(doc, '{payload,prio,a,7}', '256')
	WHEN 'a byte of 0.5' THEN jsonb_set(doc, '{payload,prio,b,8}', '0.5')
	WHEN 'a byte in quotes' THEN jsonb_set(doc, '{payload,prio,a,9}', '"9"')
	WHEN 'a byte in brackets' THEN jsonb_set(doc, '{payload,prio,b,9}', '[9]')
	WHEN 'no map for B' THEN doc #- '{payload,prio,b}'
	WHEN 'a map that is a list' THEN jsonb_set(doc, '{payload,prio,a}', '[1, 2, 3]')
	ELSE doc END
WHERE kind IS NOT NULL;

-- What goes to each server: the ping with its own packet alone, and without the plain values.
CREATE VIEW line AS
SELECT client, a, CASE kind WHEN 'cut off on the way to B' THEN left(b, 300) ELSE b END AS b
FROM ping,
	LATERAL (SELECT (doc #- '{payload,histograms}' #- '{payload,prio,b}')::text AS a,
		(doc #- '{payload,histograms}' #- '{payload,prio,a}')::text AS b) AS halves;
