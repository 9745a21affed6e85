-- Every message that libprio made comes out the same, byte for byte: both variants of the
-- generator, with ordinals, bits and integers.
CREATE EXTENSION prio;
CREATE TABLE vector_file (name text PRIMARY KEY, file jsonb);
\set content `cat test/vectors/n1.json`
INSERT INTO vector_file VALUES ('n1', :'content');
\set content `cat test/vectors/n8.json`
INSERT INTO vector_file VALUES ('n8', :'content');
\set content `cat test/vectors/n31.json`
INSERT INTO vector_file VALUES ('n31', :'content');
\set content `cat test/vectors/n32.json`
INSERT INTO vector_file VALUES ('n32', :'content');
\set content `cat test/vectors/n441.json`
INSERT INTO vector_file VALUES ('n441', :'content');
\set content `cat test/vectors/n2046.json`
INSERT INTO vector_file VALUES ('n2046', :'content');
\set content `cat test/vectors/n5-ordinal.json`
INSERT INTO vector_file VALUES ('n5-ordinal', :'content');
\set content `cat test/vectors/n10-prg-seed.json`
INSERT INTO vector_file VALUES ('n10-prg-seed', :'content');
\set content `cat test/vectors/n7-prg-seed-ordinal.json`
INSERT INTO vector_file VALUES ('n7-prg-seed-ordinal', :'content');
\set content `cat test/vectors/uint8.json`
INSERT INTO vector_file VALUES ('uint8', :'content');
\set content `cat test/vectors/uint42.json`
INSERT INTO vector_file VALUES ('uint42', :'content');

-- Two servers a file, and one row a client.
DO $$
DECLARE
	f record;
	role text;
BEGIN
	FOR f IN SELECT name, file FROM vector_file LOOP
		FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
			EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, public_key %L, prg %L)',
				f.name || '-' || role, upper(role), f.file->>('public_key_' || role), f.file->>'prg');
			EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (private_key %L, shared_secret %L)',
				f.name || '-' || role, f.file->>('private_key_' || role), f.file->>'shared_secret');
		END LOOP;
	END LOOP;
END $$;

CREATE VIEW vector AS
SELECT name, file->>'batch_id' AS batch_id, (file->>'n_data')::int AS n_data,
	CASE WHEN jsonb_typeof(file->'ordinal') = 'string' THEN row - 1 ELSE 0 END AS ordinal,
	decode(share->>'a', 'hex') AS a, decode(share->>'b', 'hex') AS b,
	decode(share->>'verify1_a', 'hex') AS verify1_a, decode(share->>'verify1_b', 'hex') AS verify1_b,
	decode(share->>'verify2_a', 'hex') AS verify2_a, decode(share->>'verify2_b', 'hex') AS verify2_b
FROM vector_file, jsonb_array_elements(file->'shares') WITH ORDINALITY AS s (share, row);

CREATE TABLE opened AS
SELECT *, prio_verifier(name || '-a', batch_id, n_data, a, ordinal) AS verifier_a,
	prio_verifier(name || '-b', batch_id, n_data, b, ordinal) AS verifier_b
FROM vector;

SELECT name, count(*),
	bool_and(prio_verify1(verifier_a) = verify1_a) AS verify1_a,
	bool_and(prio_verify1(verifier_b) = verify1_b) AS verify1_b,
	bool_and(prio_verify2(verifier_a, verify1_b) = verify2_a) AS verify2_a,
	bool_and(prio_verify2(verifier_b, verify1_a) = verify2_b) AS verify2_b,
	bool_and(prio_is_valid(verify2_a, verify2_b)) AS valid,
	bool_and(prio_is_valid(verify2_b, verify2_a)) AS valid_either_way
FROM opened GROUP BY name ORDER BY name COLLATE "C";

-- Nothing is wrong with any of them.
SELECT count(*) FROM vector
WHERE prio_share_error(name || '-a', batch_id, n_data, a) IS NOT NULL
	OR prio_share_error(name || '-b', batch_id, n_data, b) IS NOT NULL;

-- The totals and what is published.
CREATE TABLE total AS
SELECT name, prio_total_share(verifier_a, a) AS total_a, prio_total_share(verifier_b, b) AS total_b,
	prio_total_share(verifier_b, NULL) AS total_b_without_share
FROM opened GROUP BY name;

SELECT name, total_a = decode(file->>'total_a', 'hex') AS total_a,
	total_b = decode(file->>'total_b', 'hex') AS total_b,
	total_b = total_b_without_share AS without_share,
	to_jsonb(prio_publish(total_a, total_b)) = file->'result' AS result
FROM total JOIN vector_file USING (name) ORDER BY name COLLATE "C";

SELECT name, prio_publish(total_a, total_b) FROM total WHERE name IN ('n1', 'n8', 'n31')
ORDER BY name COLLATE "C";

-- Integers.
SELECT name, prio_total_share_uint(total_a, bits) = decode(file->>'total_uint_a', 'hex') AS total_uint_a,
	prio_total_share_uint(total_b, bits) = decode(file->>'total_uint_b', 'hex') AS total_uint_b,
	to_jsonb(prio_publish(prio_total_share_uint(total_a, bits),
		prio_total_share_uint(total_b, bits))) = file->'result_uint' AS result_uint,
	prio_publish(prio_total_share_uint(total_a, bits), prio_total_share_uint(total_b, bits))
FROM total JOIN vector_file USING (name), LATERAL (SELECT (file->>'precision')::int) AS p (bits)
WHERE bits IS NOT NULL ORDER BY name COLLATE "C";

-- The other ordinal, the other variant or the other batch is another check.
SELECT prio_verify1(prio_verifier('n8-a', batch_id, n_data, a, 1)) <> verify1_a AS other_ordinal
FROM vector WHERE name = 'n8' LIMIT 1;
ALTER SERVER "n10-prg-seed-b" OPTIONS (SET prg 'batch');
SELECT bool_or(prio_verify1(prio_verifier('n10-prg-seed-b', batch_id, n_data, b)) = verify1_b) AS other_variant
FROM vector WHERE name = 'n10-prg-seed';

DROP TABLE total, opened;
DROP VIEW vector;
DROP TABLE vector_file;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
