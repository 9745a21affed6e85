-- Who may see and do what with a Prio server; nobody gets at it through another's cache.
\set ECHO none
\i test/own_servers.sql
\set ECHO all
CREATE TABLE packet AS
SELECT share_a, share_b, prio_verifier('a', 'batch', 5, share_a) AS a, prio_verifier('b', 'batch', 5, share_b) AS b
FROM keys, prio_encode(a, b, 'batch', B'10110');

-- Roles, each with a server of its own: what they may do, and whose mapping there is.
CREATE ROLE regress_prio_stranger;
CREATE ROLE regress_prio_unmapped;
CREATE ROLE regress_prio_user;
CREATE ROLE regress_prio_mapped;
CREATE ROLE regress_prio_revoked;
CREATE ROLE regress_prio_group;
CREATE ROLE regress_prio_member IN ROLE regress_prio_group;
CREATE ROLE regress_prio_owner;
CREATE ROLE regress_prio_reader IN ROLE pg_read_server_files;
CREATE ROLE regress_prio_superuser SUPERUSER;
CREATE TABLE role (position int, name text, usage_for text, mapping_for text);
INSERT INTO role VALUES
	(1, 'stranger', NULL, 'PUBLIC'),
	(2, 'unmapped', 'regress_prio_unmapped', NULL),
	(3, 'user', 'regress_prio_user', 'PUBLIC'),
	(4, 'mapped', 'regress_prio_mapped', 'regress_prio_mapped'),
	(5, 'revoked', NULL, 'regress_prio_revoked'),
	(6, 'member', 'regress_prio_group', 'PUBLIC'),
	(7, 'owner', NULL, 'PUBLIC'),
	(8, 'reader', 'regress_prio_reader', NULL),
	(9, 'superuser', NULL, 'PUBLIC');
SELECT format('CREATE SERVER s_%s FOREIGN DATA WRAPPER prio OPTIONS (role ''A'', public_key %L)', name, :'public_a') FROM role
UNION ALL SELECT format('GRANT USAGE ON FOREIGN SERVER s_%s TO %s', name, usage_for) FROM role WHERE usage_for IS NOT NULL
UNION ALL SELECT format('CREATE USER MAPPING FOR %s SERVER s_%s OPTIONS (private_key %L, shared_secret %L)',
	mapping_for, name, :'private_a', :'secret') FROM role WHERE mapping_for IS NOT NULL
\set ECHO none
\gexec
\set ECHO all
GRANT USAGE ON FOREIGN DATA WRAPPER prio TO regress_prio_owner;
ALTER SERVER s_owner OWNER TO regress_prio_owner;
GRANT SELECT ON packet, keys TO PUBLIC;

-- What they try. Whatever it does is taken back.
CREATE TABLE action (position serial, name text, statement text);
INSERT INTO action (name, statement) VALUES
	('prio_verifier()', $$SELECT CASE WHEN prio_verifier('<server>', 'batch', 5, share_a) IS NOT NULL THEN 'yes' END FROM packet$$),
	('prio_share_error()', $$SELECT CASE WHEN prio_share_error('<server>', 'batch', 5, share_a) IS NULL THEN 'yes' END FROM packet$$),
	('all other functions', $$
		SELECT CASE WHEN prio_publish(prio_total_share_uint(total_a, 1), total_b) = '{1,0,1,1,0}' AND valid(a, b)
			AND octet_length(private_key) + octet_length(prio_shared_secret()) + prio_max_data() + prio_max_uints(1) > 0
			AND octet_length(bits.share_a) + octet_length(uints.share_a) > 0 THEN 'yes' END
		FROM (SELECT keys.*, packet.a AS verifier_a, packet.b AS verifier_b FROM keys, packet) AS k (key_a, key_b, a, b),
			(SELECT prio_merge(total_a) AS total_a, prio_merge(total_b) AS total_b
				FROM (SELECT prio_total_share(a, share_a), prio_total_share(b, share_b) FROM packet) AS p (total_a, total_b)) AS t,
			prio_keygen(), prio_encode(key_a, key_b, 'batch', B'1') AS bits, prio_encode_uint(key_a, key_b, 'batch', ARRAY[7], 3) AS uints$$),
	('see secrets in pg_user_mappings', $$SELECT CASE WHEN bool_or(umoptions::text LIKE '%<private>%') THEN 'yes' ELSE '-' END FROM pg_user_mappings WHERE srvname = '<server>'$$),
	('see secrets in information_schema', $$SELECT CASE WHEN bool_or(option_value = '<private>') THEN 'yes' ELSE '-' END FROM information_schema.user_mapping_options WHERE foreign_server_name = '<server>'$$),
	('see secrets in pg_user_mapping', $$SELECT CASE WHEN bool_or(umoptions::text LIKE '%<private>%') THEN 'yes' ELSE '-' END FROM pg_user_mapping$$),
	('see public key in pg_foreign_server', $$SELECT CASE WHEN srvoptions::text LIKE '%<public>%' THEN 'yes' ELSE '-' END FROM pg_foreign_server WHERE srvname = '<server>'$$),
	('ALTER SERVER', $$ALTER SERVER <server> OPTIONS (ADD prg 'seed')$$),
	('DROP SERVER', $$DROP SERVER <server> CASCADE$$),
	('GRANT USAGE', $$SELECT CASE WHEN has_server_privilege('<server>', 'USAGE WITH GRANT OPTION') THEN 'yes' ELSE '-' END$$),
	('CREATE SERVER', $$CREATE SERVER another FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '<public>')$$),
	('CREATE a mapping of their own', $$CREATE USER MAPPING FOR CURRENT_USER SERVER <server> OPTIONS (private_key '<private>', shared_secret '<secret>')$$),
	('ALTER it', $$ALTER USER MAPPING FOR CURRENT_USER SERVER <server> OPTIONS (SET shared_secret '00112233445566778899aabbccddeeff')$$),
	('DROP it', $$DROP USER MAPPING FOR CURRENT_USER SERVER <server>$$),
	('name files in it', $$DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER <server>;
		CREATE USER MAPPING FOR CURRENT_USER SERVER <server> OPTIONS (private_key_file '/private', shared_secret_file '/secret')$$),
	('CREATE a mapping for another role', $$CREATE USER MAPPING FOR regress_prio_group SERVER <server> OPTIONS (private_key '<private>', shared_secret '<secret>')$$),
	('CREATE a mapping for PUBLIC', $$CREATE USER MAPPING FOR PUBLIC SERVER <server> OPTIONS (private_key '<private>', shared_secret '<secret>')$$),
	('ALTER that for PUBLIC', $$ALTER USER MAPPING FOR PUBLIC SERVER <server> OPTIONS (SET shared_secret '00112233445566778899aabbccddeeff')$$),
	('DROP that for PUBLIC', $$DROP USER MAPPING FOR PUBLIC SERVER <server>$$),
	('name files in that for PUBLIC', $$ALTER USER MAPPING FOR PUBLIC SERVER <server> OPTIONS (DROP private_key, ADD private_key_file '/private')$$);

-- Runs a statement as some role, takes back what it did, and says what came of it.
CREATE FUNCTION attempt(role_name text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text := 'yes';
BEGIN
	PERFORM set_config('role', role_name, true);
	IF statement ~ '^\s*(SELECT|EXECUTE)|RETURNING' THEN
		EXECUTE statement INTO answer;
	ELSE
		EXECUTE statement;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN answer;
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

-- 42501: no privilege; 42704: there is no mapping; 42710: there is one already.
SET client_min_messages = warning;
SELECT action.name AS action, role.name AS role, role.position,
	attempt('regress_prio_' || role.name, replace(replace(replace(replace(statement, '<server>', 's_' || role.name),
		'<private>', :'private_a'), '<secret>', :'secret'), '<public>', :'public_a')) AS answer
FROM action, role ORDER BY action.position, role.position
\crosstabview action role answer position
RESET client_min_messages;

-- A mapping that a superuser made for a role, with files: the role may drop it, but cannot
-- put a secret of its own next to a file.
CREATE USER MAPPING FOR regress_prio_unmapped SERVER s_unmapped OPTIONS (private_key_file '/private', shared_secret_file '/secret');
SET ROLE regress_prio_unmapped;
ALTER USER MAPPING FOR CURRENT_USER SERVER s_unmapped OPTIONS (DROP shared_secret_file, ADD shared_secret '00112233445566778899aabbccddeeff');
DROP USER MAPPING FOR CURRENT_USER SERVER s_unmapped;
RESET ROLE;

-- One server, and two roles with a secret each: verify1 shows whose was used.
CREATE ROLE regress_prio_one;
CREATE ROLE regress_prio_two;
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
GRANT USAGE ON FOREIGN SERVER s TO regress_prio_one, regress_prio_two;
CREATE USER MAPPING FOR regress_prio_one SERVER s OPTIONS (private_key :'private_a', shared_secret '01010101010101010101010101010101');
CREATE USER MAPPING FOR regress_prio_two SERVER s OPTIONS (private_key :'private_a', shared_secret '02020202020202020202020202020202');
CREATE TABLE answer (name text, verify1 bytea);
GRANT SELECT ON answer TO PUBLIC;
CREATE FUNCTION whose(verifier prio_verifier) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT name FROM answer WHERE verify1 = prio_verify1(verifier) $$;
SET ROLE regress_prio_one;
SELECT prio_verify1(prio_verifier('s', 'batch', 5, share_a)) AS one FROM packet \gset
SET ROLE regress_prio_two;
SELECT prio_verify1(prio_verifier('s', 'batch', 5, share_a)) AS two FROM packet \gset
RESET ROLE;
INSERT INTO answer VALUES ('one', :'one'), ('two', :'two');

-- Every way to call: one and two get their own, a stranger nothing.
CREATE FUNCTION invoker(share bytea) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RETURN whose(prio_verifier('s', 'batch', 5, share)); END $$;
CREATE FUNCTION inlined(share bytea) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT whose(prio_verifier('s', 'batch', 5, share)) $$;
CREATE FUNCTION wrongly_immutable(share bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = public AS
$$ BEGIN RETURN whose(prio_verifier('s', 'batch', 5, share)); END $$;
CREATE FUNCTION definer_one(share bytea) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN RETURN whose(prio_verifier('s', 'batch', 5, share)); END $$;
CREATE FUNCTION definer_two(share bytea) RETURNS text LANGUAGE sql SECURITY DEFINER AS
$$ SELECT whose(prio_verifier('s', 'batch', 5, share)) $$;
CREATE FUNCTION definer_stranger(share bytea) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN RETURN whose(prio_verifier('s', 'batch', 5, share)); END $$;
ALTER FUNCTION definer_one OWNER TO regress_prio_one;
ALTER FUNCTION definer_two OWNER TO regress_prio_two;
ALTER FUNCTION definer_stranger OWNER TO regress_prio_stranger;
CREATE VIEW view_of_one AS SELECT whose(prio_verifier('s', 'batch', 5, share_a)) FROM packet;
ALTER VIEW view_of_one OWNER TO regress_prio_one;
CREATE TABLE checked (share bytea CHECK (whose(prio_verifier('s', 'batch', 5, share)) = 'one'));
CREATE TABLE generated (share bytea, whose text GENERATED ALWAYS AS (wrongly_immutable(share)) STORED);
CREATE TABLE indexed (share bytea);
CREATE TABLE secured AS SELECT share_a FROM packet;
CREATE POLICY opens ON secured USING (prio_share_error('s', 'batch', 5, share_a) IS NULL);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE TABLE parallel_packet AS SELECT share_a FROM packet, generate_series(1, 10);
GRANT SELECT, INSERT ON view_of_one, checked, generated, indexed, secured, parallel_packet TO PUBLIC;
PREPARE generic_plan AS SELECT whose(prio_verifier('s', 'batch', 5, share_a)) FROM packet;
PREPARE custom_plan (text) AS SELECT whose(prio_verifier($1, 'batch', 5, share_a)) FROM packet;
SET plan_cache_mode = force_custom_plan;
SET ROLE regress_prio_one;
EXECUTE generic_plan;
EXECUTE custom_plan('s');
INSERT INTO indexed SELECT share_a FROM packet;
RESET ROLE;
ALTER TABLE indexed OWNER TO regress_prio_one;
CREATE UNIQUE INDEX ON indexed (wrongly_immutable(share));

-- Parallel plans, for workers alone.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT min(whose(prio_verifier('s', 'batch', 5, share_a))) FROM parallel_packet;
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION parallel_invoker() RETURNS text LANGUAGE plpgsql SET max_parallel_workers_per_gather = 2 AS
$$ BEGIN RETURN (SELECT min(whose(prio_verifier('s', 'batch', 5, share_a))) FROM parallel_packet); END $$;
CREATE FUNCTION parallel_definer_one() RETURNS text LANGUAGE plpgsql SET max_parallel_workers_per_gather = 2 SECURITY DEFINER AS
$$ BEGIN RETURN (SELECT min(whose(prio_verifier('s', 'batch', 5, share_a))) FROM parallel_packet); END $$;
ALTER FUNCTION parallel_definer_one OWNER TO regress_prio_one;

CREATE TABLE way (position serial, name text, statement text);
INSERT INTO way (name, statement) VALUES
	('query', $$SELECT whose(prio_verifier('s', 'batch', 5, share_a)) FROM packet$$),
	('EXECUTE, generic plan', 'EXECUTE generic_plan'),
	('EXECUTE, custom plan', $$EXECUTE custom_plan('s')$$),
	('parallel plan', 'SELECT parallel_invoker()'),
	('PL/pgSQL expression', 'SELECT invoker(share_a) FROM packet'),
	('inlined SQL function', 'SELECT inlined(share_a) FROM packet'),
	('SECURITY DEFINER of one', 'SELECT definer_one(share_a) FROM packet'),
	('SECURITY DEFINER of one, parallel plan', 'SELECT parallel_definer_one()'),
	('SECURITY DEFINER of two', 'SELECT definer_two(share_a) FROM packet'),
	('SECURITY DEFINER of a stranger', 'SELECT definer_stranger(share_a) FROM packet'),
	('view of one', 'SELECT * FROM view_of_one'),
	('row security policy', 'SELECT whose(prio_verifier(''s'', ''batch'', 5, share_a)) FROM secured'),
	('CHECK: is it one? (23514: no)', 'INSERT INTO checked SELECT share_a FROM packet'),
	('generated column', 'INSERT INTO generated (share) SELECT share_a FROM packet RETURNING whose'),
	('unique index, one is there (23505)', 'INSERT INTO indexed SELECT share_a FROM packet');
CREATE TABLE caller (position int, name text);
INSERT INTO caller VALUES (1, 'one'), (2, 'two'), (3, 'stranger');
SELECT way.name AS way, caller.name AS caller, caller.position,
	attempt('regress_prio_' || caller.name, statement) AS answer
FROM way, caller ORDER BY way.position, caller.position
\crosstabview way caller answer position
-- ... in whatever order they come, a row each, with one call site for all
SELECT name, whose, count(*)
FROM (SELECT name, set_config('role', 'regress_prio_' || name, false), whose(prio_verifier('s', 'batch', 5, share_a))
	FROM packet, generate_series(1, 3), caller WHERE name <> 'stranger' ORDER BY generate_series, position OFFSET 0) AS s
GROUP BY 1, 2 ORDER BY 1, 2;
RESET ROLE;
SELECT count(*), bool_and(b.answer = a.answer)
FROM (SELECT way.name AS way, caller.name AS caller, attempt('regress_prio_' || caller.name, statement) AS answer
		FROM way, caller ORDER BY caller.position DESC, way.position OFFSET 0) AS a
	JOIN (SELECT way.name AS way, caller.name AS caller, attempt('regress_prio_' || caller.name, statement) AS answer
		FROM way, caller ORDER BY md5(way.name || caller.name) OFFSET 0) AS b USING (way, caller);

-- A cursor is whoever fetches from it; and it ends when USAGE does.
BEGIN;
SET LOCAL ROLE regress_prio_one;
DECLARE c CURSOR FOR SELECT whose(prio_verifier('s', 'batch', 5, share_a)) FROM parallel_packet;
FETCH 2 FROM c;
SET LOCAL ROLE regress_prio_two;
FETCH 2 FROM c;
SET LOCAL ROLE regress_prio_stranger;
FETCH 2 FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT whose(prio_verifier('s', 'batch', 5, share_a)) FROM parallel_packet;
SET LOCAL ROLE regress_prio_one;
FETCH 2 FROM c;
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER s FROM regress_prio_one;
SET LOCAL ROLE regress_prio_one;
FETCH 2 FROM c;
ROLLBACK;

-- What a transaction takes back, or a part of it, never was.
SET ROLE regress_prio_one;
BEGIN;
SAVEPOINT s;
ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (SET shared_secret '02020202020202020202020202020202');
EXECUTE generic_plan;
ROLLBACK TO s;
EXECUTE generic_plan;
SAVEPOINT s;
SAVEPOINT t;
ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (SET shared_secret '02020202020202020202020202020202');
RELEASE t;
EXECUTE generic_plan;
ROLLBACK TO s;
EXECUTE generic_plan;
DROP USER MAPPING FOR CURRENT_USER SERVER s;
SAVEPOINT s;
EXECUTE generic_plan;
ROLLBACK TO s;
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (private_key :'private_a', shared_secret '02020202020202020202020202020202');
EXECUTE generic_plan;
ROLLBACK;
EXECUTE generic_plan;
-- ... nor what an exception does: in one call site, which outlives it
RESET ROLE;
CREATE FUNCTION back_and_forth(share bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answers text := '';
BEGIN
	FOR i IN 1..6 LOOP
		BEGIN
			IF i % 3 = 2 THEN
				ALTER USER MAPPING FOR regress_prio_one SERVER s OPTIONS (SET shared_secret '02020202020202020202020202020202');
			ELSIF i % 3 = 0 THEN
				PERFORM set_config('role', 'regress_prio_two', true);
			END IF;
			answers := answers || ' ' || whose(prio_verifier('s', 'batch', 5, share));
			RAISE EXCEPTION USING ERRCODE = 'ZZ000';
		EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
		END;
	END LOOP;
	RETURN answers;
END $$;
SET ROLE regress_prio_one;
SELECT back_and_forth(share_a) FROM packet;
RESET ROLE;

-- Another user of the session.
SET SESSION AUTHORIZATION regress_prio_two;
EXECUTE generic_plan;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_prio_stranger;
EXECUTE generic_plan;
RESET SESSION AUTHORIZATION;

-- Two servers that exchange their names.
CREATE SERVER other FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
GRANT USAGE ON FOREIGN SERVER other TO regress_prio_one;
CREATE USER MAPPING FOR regress_prio_one SERVER other OPTIONS (private_key :'private_a', shared_secret '02020202020202020202020202020202');
SET ROLE regress_prio_one;
EXECUTE custom_plan('s');
EXECUTE custom_plan('other');
RESET ROLE;
BEGIN;
ALTER SERVER s RENAME TO third;
ALTER SERVER other RENAME TO s;
ALTER SERVER third RENAME TO other;
SET LOCAL ROLE regress_prio_one;
EXECUTE custom_plan('s');
EXECUTE custom_plan('other');
ROLLBACK;
SET ROLE regress_prio_one;
EXECUTE custom_plan('s');
RESET ROLE;
DROP SERVER other CASCADE;

-- The server, or the role, dropped and created again with the same name.
BEGIN;
DROP SERVER s CASCADE;
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
GRANT USAGE ON FOREIGN SERVER s TO regress_prio_two;
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :'private_a', shared_secret '01010101010101010101010101010101');
SET LOCAL ROLE regress_prio_two;
EXECUTE generic_plan;
SET LOCAL ROLE regress_prio_one;
EXECUTE generic_plan;
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
DROP OWNED BY regress_prio_two;
DROP ROLE regress_prio_two;
CREATE ROLE regress_prio_two;
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :'private_a', shared_secret '01010101010101010101010101010101');
SET LOCAL ROLE regress_prio_two;
SAVEPOINT s;
EXECUTE generic_plan;
ROLLBACK TO s;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER s TO regress_prio_two;
SET LOCAL ROLE regress_prio_two;
EXECUTE generic_plan;
ROLLBACK;

-- USAGE by membership goes with the membership, with INHERIT, and with SUPERUSER.
REVOKE USAGE ON FOREIGN SERVER s FROM regress_prio_two;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
GRANT regress_prio_one TO regress_prio_group;
GRANT regress_prio_group TO regress_prio_two;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
-- (from PostgreSQL 16 on, it is the membership that inherits)
ALTER ROLE regress_prio_group NOINHERIT;
REVOKE regress_prio_one FROM regress_prio_group;
GRANT regress_prio_one TO regress_prio_group;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
ALTER ROLE regress_prio_group INHERIT;
REVOKE regress_prio_one FROM regress_prio_group;
GRANT regress_prio_one TO regress_prio_group;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
REVOKE regress_prio_one FROM regress_prio_group;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
ALTER ROLE regress_prio_two SUPERUSER;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
ALTER ROLE regress_prio_two NOSUPERUSER;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
-- ... and with owning the server
ALTER SERVER s OWNER TO regress_prio_owner;
GRANT regress_prio_owner TO regress_prio_two;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;
ALTER SERVER s OWNER TO CURRENT_USER;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;

-- The extension in another schema: the same cache, and nobody else's.
CREATE SCHEMA elsewhere;
GRANT USAGE ON SCHEMA elsewhere TO PUBLIC;
ALTER EXTENSION prio SET SCHEMA elsewhere;
SET search_path = public, elsewhere;
SET ROLE regress_prio_one;
EXECUTE generic_plan;
SET ROLE regress_prio_two;
EXECUTE generic_plan;
RESET ROLE;

RESET plan_cache_mode;
SET client_min_messages = warning;
DROP TABLE packet, parallel_packet, secured, checked, generated, indexed, keys, answer, way, caller, role, action CASCADE;
DROP FUNCTION attempt, invoker, inlined, wrongly_immutable, definer_one, definer_two, definer_stranger,
	parallel_invoker, parallel_definer_one, back_and_forth;
DROP EXTENSION prio CASCADE;
DROP SCHEMA elsewhere;
DROP ROLE regress_prio_stranger, regress_prio_unmapped, regress_prio_user, regress_prio_mapped, regress_prio_revoked,
	regress_prio_group, regress_prio_member, regress_prio_owner, regress_prio_reader, regress_prio_superuser,
	regress_prio_one, regress_prio_two;
