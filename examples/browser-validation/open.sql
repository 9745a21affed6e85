-- Server A, server B: from lines to verifiers. The build is the batch.
CREATE TEMPORARY TABLE parsed AS
SELECT number, doc IS NOT NULL AS is_json, bytes AS packet, problem,
	substring(doc ->> 'id' FROM '^[-0-9a-f]{36}$') AS id,
	substring(doc #>> '{environment,build,buildId}' FROM '^[0-9]{14}$') AS build_id
FROM arrived, parse(line) AS doc, bytes_of(doc #> ARRAY['payload', 'prio', :'half']);

-- Three data fields are a weak number, and a warning says so: see README.md.
SET client_min_messages = error;
INSERT INTO share (id, number, build_id, packet, verifier)
SELECT id, number, build_id, packet, prio_verifier('pilot', build_id, 3, packet)
FROM parsed WHERE id IS NOT NULL AND build_id IS NOT NULL AND packet IS NOT NULL ORDER BY number
ON CONFLICT DO NOTHING;

INSERT INTO rejection (number, reason)
SELECT number, CASE
	WHEN NOT is_json THEN 'no JSON'
	WHEN id IS NULL THEN 'no id'
	WHEN build_id IS NULL THEN 'no build id'
	WHEN problem IS NOT NULL THEN problem
	WHEN EXISTS (SELECT FROM share AS s WHERE s.id = p.id) THEN 'duplicate id'
	ELSE 'replayed packet' END
FROM parsed AS p WHERE NOT EXISTS (SELECT FROM share AS s WHERE s.number = p.number);

INSERT INTO rejection (number, reason)
SELECT number, prio_share_error('pilot', build_id, 3, packet) FROM share WHERE verifier IS NULL;
