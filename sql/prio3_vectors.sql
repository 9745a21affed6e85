-- Every message of the vectors comes out the same, byte for byte, and every bad report is refused at its
-- step: all VDAFs, drafts 18 and 8; and reports that one server accepts and the other refuses.
CREATE EXTENSION prio;
\set content `for file in test/vectors/prio3/*.json; do basename $file .json; tr -d '\n' <$file; echo; done`
CREATE TABLE vector_file AS
SELECT name, file::jsonb AS file FROM (SELECT line AS name, lead(line) OVER (ORDER BY number) AS file, number
	FROM regexp_split_to_table(:'content', '\n') WITH ORDINALITY AS l (line, number)) AS l
WHERE number % 2 = 1 AND file IS NOT NULL;
SELECT count(*) AS files FROM vector_file;

-- Two servers a file.
CREATE PROCEDURE make_servers(name text, file jsonb) LANGUAGE plpgsql AS $$
DECLARE
	role text;
	options text := (SELECT string_agg(format('%I %L', key, value), ', ')
		FROM jsonb_each_text(file->'parameters' || jsonb_build_object('vdaf', file->'vdaf', 'draft', file->'draft')
			|| CASE WHEN file->>'ctx' = '' THEN '{}' ELSE jsonb_build_object('context', file->'ctx') END));
BEGIN
	FOREACH role IN ARRAY ARRAY['a', 'b'] LOOP
		EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER prio OPTIONS (role %L, %s)', name || '-' || role, upper(role), options);
		EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (verify_key %L)', name || '-' || role, file->>'verify_key');
	END LOOP;
END $$;
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT * FROM vector_file LOOP
		CALL make_servers(f.name, f.file);
	END LOOP;
END $$;

CREATE FUNCTION hex(value jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode(value #>> '{}', 'hex') $$;
CREATE TABLE report AS
SELECT name, row, r, hex(r->'nonce') AS nonce, hex(r->'public_share') AS public_share,
	prio3_verify_init(name || '-a', hex(r->'nonce'), hex(r->'public_share'), hex(r #> '{input_shares,0}')) AS a,
	prio3_verify_init(name || '-b', hex(r->'nonce'), hex(r->'public_share'), hex(r #> '{input_shares,1}')) AS b
FROM vector_file, jsonb_array_elements(file->'reports') WITH ORDINALITY AS s (r, row);

SELECT name, count(*),
	bool_and(prio3_verifier_share(a) = hex(r #> '{verifier_shares,0}')) AS share_a,
	bool_and(prio3_verifier_share(b) = hex(r #> '{verifier_shares,1}')) AS share_b,
	bool_and(prio3_verifier_message(name || '-a', prio3_verifier_share(a), prio3_verifier_share(b)) = hex(r->'verifier_message')) AS message_a,
	bool_and(prio3_verifier_message(name || '-b', prio3_verifier_share(a), prio3_verifier_share(b)) = hex(r->'verifier_message')) AS message_b,
	bool_and(prio3_verify_next(a, hex(r->'verifier_message')) = hex(r #> '{out_shares,0}')) AS output_a,
	bool_and(prio3_verify_next(b, hex(r->'verifier_message')) = hex(r #> '{out_shares,1}')) AS output_b
FROM report GROUP BY name ORDER BY name COLLATE "C";

-- Nothing is wrong with any of them.
SELECT count(*) FROM report
WHERE prio3_share_error(name || '-a', nonce, public_share, hex(r #> '{input_shares,0}')) IS NOT NULL
	OR prio3_share_error(name || '-b', nonce, public_share, hex(r #> '{input_shares,1}')) IS NOT NULL;

-- Aggregate shares and results.
CREATE TABLE total AS
SELECT name, count(*) AS reports, prio3_agg_share(a, hex(r->'verifier_message')) AS a, prio3_agg_share(b, hex(r->'verifier_message')) AS b
FROM report GROUP BY name;
CREATE FUNCTION result(value jsonb) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(n::numeric) FROM jsonb_array_elements_text(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END) AS n $$;
SELECT name, a = hex(file #> '{agg_shares,0}') AS agg_share_a, b = hex(file #> '{agg_shares,1}') AS agg_share_b,
	prio3_unshard(name || '-a', a, b, reports) = result(file->'agg_result') AS result
FROM total JOIN vector_file USING (name) ORDER BY name COLLATE "C";
SELECT name, prio3_unshard(name || '-b', a, b, reports) AS result FROM total
WHERE name ~ 'Sum|Count|_4_2' ORDER BY name COLLATE "C";

-- Output shares of the vectors are aggregate shares of one report each.
SELECT bool_and(merged_a = a AND merged_b = b) AS merged FROM total JOIN (
	SELECT name, prio3_merge(name || '-a', hex(r #> '{out_shares,0}')) AS merged_a, prio3_merge(name || '-b', hex(r #> '{out_shares,1}')) AS merged_b
	FROM report GROUP BY name) AS m USING (name);

-- Bad reports, at the step that refuses each.
SELECT refused_at, expected, count(*) FROM (
	SELECT bad->>'refused_at' AS expected,
		CASE WHEN a IS NULL OR b IS NULL THEN 'verify_init'
			WHEN message IS NULL THEN 'verifier_shares_to_message'
			WHEN prio3_verify_next(a, message) IS NULL OR prio3_verify_next(b, message) IS NULL THEN 'verify_next'
			ELSE 'nowhere' END AS refused_at
	FROM (SELECT *, prio3_verifier_message(name || '-a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
		FROM (SELECT name, bad,
				prio3_verify_init(name || '-a', hex(bad->'nonce'), hex(bad->'public_share'), hex(bad #> '{input_shares,0}')) AS a,
				prio3_verify_init(name || '-b', hex(bad->'nonce'), hex(bad->'public_share'), hex(bad #> '{input_shares,1}')) AS b
			FROM vector_file, jsonb_array_elements(file->'bad_reports') AS s (bad)) AS s) AS s) AS s
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT bad->>'what' AS what, prio3_share_error(name || '-a', hex(bad->'nonce'), hex(bad->'public_share'), hex(bad #> '{input_shares,0}')) AS error_a,
	prio3_share_error(name || '-b', hex(bad->'nonce'), hex(bad->'public_share'), hex(bad #> '{input_shares,1}')) AS error_b
FROM vector_file, jsonb_array_elements(file->'bad_reports') WITH ORDINALITY AS s (bad, row)
WHERE name = 'draft18_Histogram_11_3' AND bad->>'refused_at' = 'verify_init' ORDER BY row;

-- A client that falsifies a part of the public share: one server accepts, the other refuses.
\set content `cat test/vectors/prio3_split.json`
CREATE TABLE split AS SELECT 'split' || row AS name, r AS file FROM jsonb_array_elements(:'content') WITH ORDINALITY AS s (r, row);
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT * FROM split LOOP
		CALL make_servers(f.name, f.file);
	END LOOP;
END $$;
SELECT name, message IS NOT NULL AS holds, prio3_verify_next(a, message) IS NOT NULL = (file #>> '{accepts,0}')::boolean AS as_expected_a,
	prio3_verify_next(b, message) IS NOT NULL = (file #>> '{accepts,1}')::boolean AS as_expected_b,
	file->'accepts' AS accepts
FROM (SELECT *, prio3_verifier_message(name || '-a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
	FROM (SELECT name, file,
			prio3_verify_init(name || '-a', hex(file->'nonce'), hex(file->'public_share'), hex(file #> '{input_shares,0}')) AS a,
			prio3_verify_init(name || '-b', hex(file->'nonce'), hex(file->'public_share'), hex(file #> '{input_shares,1}')) AS b
		FROM split) AS s) AS s ORDER BY name;

DROP TABLE split, total, report, vector_file;
DROP PROCEDURE make_servers;
DROP FUNCTION hex, result;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
