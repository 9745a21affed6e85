-- A Prio server is a foreign server: options and user mappings.
CREATE EXTENSION prio;
SELECT fdwname, fdwhandler = 0 AS no_handler FROM pg_foreign_data_wrapper WHERE fdwname = 'prio';

-- Options are checked when they are given.
\set key '''445c126981113e5684d517826e508f5731a1b35485bae63888a9e0a4e8d2da78'''
CREATE SERVER s FOREIGN DATA WRAPPER prio;
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (public_key :key);
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'C', public_key :key);
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'a', public_key :key);
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '445c');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key 'zz5c126981113e5684d517826e508f5731a1b35485bae63888a9e0a4e8d2da78');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :key, prg 'other');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :key, host 'elsewhere');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :key, private_key :key);
ALTER FOREIGN DATA WRAPPER prio OPTIONS (anything 'x');
CREATE SERVER s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :key, prg 'seed');
ALTER SERVER s OPTIONS (SET prg 'batch');
ALTER SERVER s OPTIONS (DROP role);
ALTER SERVER s OPTIONS (SET role 'X');

-- Anybody may call the validator itself, with whatever options.
SELECT prio_fdw_validator(ARRAY['role'], 'pg_foreign_server'::regclass);
SELECT prio_fdw_validator(ARRAY['private_key_file'], 'pg_user_mapping'::regclass);
SELECT prio_fdw_validator(ARRAY['=', NULL], 'pg_foreign_server'::regclass);
SELECT prio_fdw_validator(ARRAY['role=A', 'public_key=' || :key], 'pg_foreign_server'::regclass);

-- The same for secrets, which no message shows.
CREATE USER MAPPING FOR PUBLIC SERVER s;
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key 'nearly-a-secret', shared_secret '00112233445566778899aabbccddeeff');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key);
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key, shared_secret 'nearly-a-secret');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key, shared_secret '00112233445566778899aabbccddee');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key, private_key_file '/k', shared_secret '00112233445566778899aabbccddeeff');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key_file 'relative/path', shared_secret '00112233445566778899aabbccddeeff');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key, shared_secret '00112233445566778899aabbccddeeff', password 'x');

-- A private key that is not the public one's is an error at first use.
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (private_key :key, shared_secret '00112233445566778899aabbccddeeff');
SELECT prio_verifier('s', 'batch', 8, '\x00');
DROP SERVER s CASCADE;

-- A pair of servers with keys of our own.
SELECT encode(private_key, 'hex') AS private_a, encode(public_key, 'hex') AS public_a FROM prio_keygen() \gset
SELECT encode(private_key, 'hex') AS private_b, encode(public_key, 'hex') AS public_b FROM prio_keygen() \gset
SELECT encode(prio_shared_secret(), 'hex') AS secret \gset
CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key :'public_b');
CREATE TABLE packet AS
SELECT share_a, share_b FROM prio_encode(decode(:'public_a', 'hex'), decode(:'public_b', 'hex'), 'batch', B'10110');

-- Hex in either case, and base64, are the same secrets.
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key :'private_a', shared_secret :'secret');
SELECT upper(:'private_b') AS upper_b, encode(decode(:'secret', 'hex'), 'base64') AS base64 \gset
CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (private_key :'upper_b', shared_secret :'base64');
CREATE VIEW exchange AS
SELECT prio_is_valid(prio_verify2(a, prio_verify1(b)), prio_verify2(b, prio_verify1(a))) AS valid
FROM (SELECT prio_verifier('a', 'batch', 5, share_a) AS a, prio_verifier('b', 'batch', 5, share_b) AS b FROM packet) AS s;
SELECT * FROM exchange;

-- Who is asked for what does not exist, or is something else.
SELECT prio_verifier('nowhere', 'batch', 5, share_a) FROM packet;
SELECT prio_verifier('', 'batch', 5, share_a) FROM packet;
SELECT prio_verifier(repeat('x', 63) || 'y', 'batch', 5, share_a) FROM packet;
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER other FOREIGN DATA WRAPPER other;
SELECT prio_verifier('other', 'batch', 5, share_a) FROM packet;
SELECT prio_share_error('other', 'batch', 5, share_a) FROM packet;
SELECT prio_verifier(NULL, 'batch', 5, share_a) IS NULL AS strict FROM packet;

-- Changes take effect at the next statement of a session.
ALTER SERVER a OPTIONS (SET role 'B');
SELECT prio_share_error('a', 'batch', 5, share_a) FROM packet;
ALTER SERVER a OPTIONS (SET role 'A');
SELECT prio_share_error('a', 'batch', 5, share_a) FROM packet;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret '00112233445566778899aabbccddeeff');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret :'secret');
SELECT * FROM exchange;
-- ... also when a transaction takes them back
BEGIN;
ALTER SERVER a OPTIONS (ADD prg 'seed');
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret '00112233445566778899aabbccddeeff');
SELECT * FROM exchange;
ROLLBACK;
SELECT * FROM exchange;
ALTER SERVER a RENAME TO alpha;
SELECT prio_share_error('a', 'batch', 5, share_a) FROM packet;
SELECT prio_share_error('alpha', 'batch', 5, share_a) FROM packet;
ALTER SERVER alpha RENAME TO a;
ALTER SERVER a OPTIONS (SET public_key :'public_b');
SELECT prio_share_error('a', 'batch', 5, share_a) FROM packet;
ALTER SERVER a OPTIONS (SET public_key :'public_a');

-- A wrapper of another name is still this wrapper.
ALTER FOREIGN DATA WRAPPER prio RENAME TO renamed;
SELECT * FROM exchange;
ALTER FOREIGN DATA WRAPPER renamed RENAME TO prio;

-- Options that no validator has seen are checked when they are used.
ALTER FOREIGN DATA WRAPPER prio NO VALIDATOR;
CREATE SERVER unchecked FOREIGN DATA WRAPPER prio OPTIONS (role 'C', public_key :'public_a');
CREATE USER MAPPING FOR PUBLIC SERVER unchecked OPTIONS (shared_secret :'secret');
SELECT prio_share_error('unchecked', 'batch', 5, share_a) FROM packet;
ALTER FOREIGN DATA WRAPPER prio VALIDATOR prio_fdw_validator;
SELECT prio_share_error('unchecked', 'batch', 5, share_a) FROM packet;
ALTER FOREIGN DATA WRAPPER prio NO VALIDATOR;
ALTER SERVER unchecked OPTIONS (SET role 'A', SET public_key 'no key');
ALTER FOREIGN DATA WRAPPER prio VALIDATOR prio_fdw_validator;
SELECT prio_share_error('unchecked', 'batch', 5, share_a) FROM packet;
ALTER FOREIGN DATA WRAPPER prio NO VALIDATOR;
ALTER SERVER unchecked OPTIONS (SET public_key :'public_a', ADD prg 'other');
ALTER FOREIGN DATA WRAPPER prio VALIDATOR prio_fdw_validator;
SELECT prio_share_error('unchecked', 'batch', 5, share_a) FROM packet;
ALTER SERVER unchecked OPTIONS (SET prg 'seed');
SELECT prio_share_error('unchecked', 'batch', 5, share_a) FROM packet;
DROP SERVER unchecked CASCADE;

-- Secrets in files, and what is no secret.
DROP USER MAPPING FOR PUBLIC SERVER a;
COPY (SELECT :'private_a') TO PROGRAM 'cat > prio_regress_a.key';
COPY (SELECT :'base64') TO PROGRAM 'cat > prio_regress_shared.key';
COPY (SELECT 'no key at all') TO PROGRAM 'cat > prio_regress_bad.key';
SELECT current_setting('data_directory') || '/prio_regress_a.key' AS key_file,
	current_setting('data_directory') || '/prio_regress_shared.key' AS secret_file,
	current_setting('data_directory') || '/prio_regress_bad.key' AS bad_file,
	current_setting('data_directory') || '/prio_regress_none.key' AS no_file \gset
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key_file :'key_file', shared_secret_file :'secret_file');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret_file :'no_file');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret_file :'bad_file');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET shared_secret_file :'secret_file', SET private_key_file :'bad_file');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET private_key_file '/');
SELECT * FROM exchange;
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET private_key_file :'key_file');
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; chmod 0644 prio_regress_a.key';
SELECT * FROM exchange;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; chmod 0640 prio_regress_a.key';
SELECT * FROM exchange;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; chmod 0400 prio_regress_a.key';
SELECT * FROM exchange;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm prio_regress_*.key';

DROP VIEW exchange;
DROP TABLE packet;
DROP FOREIGN DATA WRAPPER other CASCADE;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
