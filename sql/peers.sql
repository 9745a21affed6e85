-- The way to the other server's database: a foreign server with libpq's options.
CREATE EXTENSION prio;
CREATE SCHEMA prio_internal;
\set declarations `sed 's|MODULE_PATHNAME|$libdir/prio|' processor/pull.sql`
:declarations
SELECT fdwname, fdwhandler = 0 AS no_handler, fdwvalidator::regproc FROM pg_foreign_data_wrapper WHERE fdwname = 'prio_peer';
-- How many options there are depends on the version of libpq.
\set SHOW_CONTEXT never
\set VERBOSITY terse

-- What says how to get there, and no more.
CREATE SERVER other FOREIGN DATA WRAPPER prio_peer OPTIONS (host 'other.example', port '5432', dbname 'prio', sslmode 'verify-full', sslrootcert '/etc/ca.crt', connect_timeout '5');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer;
DROP SERVER s;
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (hots 'x');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (user 'x');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (password 'topsecret');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (client_encoding 'LATIN1');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (application_name 'x');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (fallback_application_name 'x');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (replication 'database');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (sslcompression '1');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (sslkeylogfile '/tmp/x');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (role 'A');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout 'soon');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout '');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout '-1');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout '86401');
CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout '1 ');
ALTER SERVER other OPTIONS (SET connect_timeout '0');
ALTER FOREIGN DATA WRAPPER prio_peer OPTIONS (host 'x');

-- Who connects there.
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (host 'x');
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (private_key 'topsecret');
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'a', sslkey 'relative');
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'a', passfile '~/.pgpass');
CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'a', password 'topsecret', sslcert '/etc/a.crt', sslkey '/etc/a.key', sslpassword 'topsecret');
DROP USER MAPPING FOR PUBLIC SERVER other;

-- Errors say which options there are.
CREATE FUNCTION error_of(command text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
SELECT regexp_replace(hint, 'dbname,.*(keepalives,).*', 'dbname, ... \1 ...') FROM error_of($$CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (hots 'x')$$);
SELECT regexp_replace(hint, 'passfile,.*', 'passfile, ...') FROM error_of($$CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (pasword 'topsecret')$$);
SELECT hint FROM error_of($$CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (password 'topsecret')$$);
SELECT hint FROM error_of($$CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (port '1')$$);
SELECT hint FROM error_of($$ALTER FOREIGN DATA WRAPPER prio_peer OPTIONS (hots 'x')$$);
SELECT * FROM error_of($$CREATE SERVER s FOREIGN DATA WRAPPER prio_peer OPTIONS (connect_timeout 'soon')$$);

-- Anybody may call the validator itself, with whatever options.
SELECT prio_internal.peer_validator(ARRAY['host'], 'pg_foreign_server'::regclass);
SELECT prio_internal.peer_validator(ARRAY['sslkey'], 'pg_user_mapping'::regclass);
SELECT prio_internal.peer_validator(ARRAY['=', NULL], 'pg_foreign_server'::regclass);
SELECT prio_internal.peer_validator(ARRAY['host=x'], 'pg_class'::regclass);
SELECT prio_internal.peer_validator(ARRAY['host=x', 'dbname=y=z'], 'pg_foreign_server'::regclass);

-- Only who may read the files of the server may name them; a password is anybody's own.
CREATE ROLE prio_test_peer;
GRANT USAGE ON FOREIGN SERVER other TO prio_test_peer;
SET ROLE prio_test_peer;
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'a', sslkey '/etc/a.key');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'a', sslcert '/etc/a.crt');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'a', passfile '/etc/passwords');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'a', password 'topsecret');
RESET ROLE;
GRANT pg_read_server_files TO prio_test_peer;
SET ROLE prio_test_peer;
ALTER USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (ADD passfile '/etc/passwords', DROP password);
SELECT count(*) FROM prio_internal.pull('other', 'SELECT 1', '{}', 1000, '1s');
RESET ROLE;
DROP USER MAPPING FOR prio_test_peer SERVER other;

-- What comes from there is bytes: text, without what controls a terminal.
SELECT prio_internal.peer_text('abc', 3), prio_internal.peer_text('', 0) = '' AS empty, prio_internal.peer_text(convert_to('zwölf', 'UTF8'), 5) = 'zwölf' AS letters;
SELECT prio_internal.peer_text('abcd', 3) AS too_long, prio_internal.peer_text('a', 0) AS longer, prio_internal.peer_text('', -1) AS negative;
SELECT prio_internal.peer_text(convert_to(repeat('€', 3), 'UTF8'), 3) = '€€€' AS characters, prio_internal.peer_text(convert_to(repeat('€', 4), 'UTF8'), 3);
SELECT prio_internal.peer_text(bytes, 100) FROM (VALUES ('\xff'::bytea), ('\x6100'), ('\x00'), ('\xc3'), ('\xc080'), ('\xeda080'), ('\xf4908080'), (NULL)) AS v (bytes);
SELECT prio_internal.peer_text(convert_to(E'a\nb\tc\x1b[2Jd\x7f\u0085e\u009f\u2028f\u202eg\u2066h\u00a0', 'UTF8'), 100) = E'a b c [2Jd  e  f g h\u00a0' AS clean;

-- And numbers.
SELECT n, prio_internal.peer_bigint(convert_to(n, 'UTF8')) FROM unnest(ARRAY['0', '7', '-7', '-0', '00012', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809',
	'99999999999999999999', '000000000000000000000', '', '-', '--1', '+1', ' 1', '1 ', '1.0', '1e3', '0x1', '1a', NULL]) AS n;
SELECT prio_internal.peer_bigint('\x3100');

-- Which database this is, and how it commits.
SELECT i.system_identifier = s.system_identifier AS system, i.database = d.oid AS database, timeline >= c.timeline_id AS timeline
FROM prio_internal.identity() AS i, pg_control_system() AS s, pg_control_checkpoint() AS c, pg_database AS d WHERE datname = current_database();
SET synchronous_commit = off;
BEGIN;
CREATE TABLE t AS SELECT pg_current_wal_insert_lsn() AS lsn;
SELECT prio_internal.commit_synchronously();
SHOW synchronous_commit;
COMMIT;
SELECT pg_current_wal_flush_lsn() >= lsn AS flushed FROM t;
SHOW synchronous_commit;
-- Within a function that has settings of its own, as those that call it have.
CREATE FUNCTION step() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN PERFORM prio_internal.commit_synchronously(); END $$;
BEGIN;
SELECT step();
SHOW synchronous_commit;
ROLLBACK;
SET synchronous_commit = remote_apply;
BEGIN;
SELECT prio_internal.commit_synchronously();
SHOW synchronous_commit;
ROLLBACK;
RESET synchronous_commit;

DROP SERVER other;
DROP ROLE prio_test_peer;
SET client_min_messages = warning;
DROP SCHEMA prio_internal CASCADE;
DROP FUNCTION error_of;
DROP EXTENSION prio CASCADE;
