-- Servers that speak Prio3: options that go together, and those that do not.
CREATE EXTENSION prio;
\set key '''445c126981113e5684d517826e508f5731a1b35485bae63888a9e0a4e8d2da78'''
\set short '''445c126981113e5684d517826e508f57'''
\set task '''VOxR-Y-433HE_umL7CM1WiGKS78OO7FDXanRyDu4qOA'''

-- What options say, by what their server is made with: the error, or none.
CREATE FUNCTION outcome(options text, catalog regclass DEFAULT 'pg_foreign_server')
	RETURNS TABLE (message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM prio_fdw_validator(string_to_array(options, ' '), catalog);
	message := 'fine';
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT;
END $$;
\pset format unaligned
\pset tuples_only on

-- Every VDAF with its parameters, of both drafts.
SELECT options, o.* FROM unnest(ARRAY[
	'role=A vdaf=Prio3Count',
	'role=leader vdaf=Prio3Count draft=8',
	'role=helper vdaf=Prio3Sum max_measurement=18446744069414584320',
	'role=B vdaf=Prio3Sum draft=8 bits=64',
	'role=A vdaf=Prio3SumVec length=3 max_measurement=18446744073709551615',
	'role=A vdaf=Prio3SumVec length=3 bits=8 chunk_length=24 draft=8',
	'role=A vdaf=Prio3Histogram length=100',
	'role=A vdaf=Prio3Histogram length=100 chunk_length=100 draft=8',
	'role=A vdaf=Prio3MultihotCountVec length=10 max_weight=10 context=00FF',
	'role=A vdaf=Prio3L1BoundSum length=10 max_value=1000 context=']) AS options, outcome(options) AS o;

-- What is missing, not one of its options, or impossible.
SELECT options, o.* FROM unnest(ARRAY[
	'role=A vdaf=Prio4',
	'role=A vdaf=prio3count',
	'role=A vdaf=Prio3Sum',
	'role=A vdaf=Prio3Sum draft=8 max_measurement=255',
	'role=A vdaf=Prio3Sum bits=8',
	'role=A vdaf=Prio3Sum max_measurement=0',
	'role=A vdaf=Prio3Sum max_measurement=18446744069414584321',
	'role=A vdaf=Prio3Sum max_measurement=18446744073709551616',
	'role=A vdaf=Prio3Sum max_measurement=-1',
	'role=A vdaf=Prio3Sum max_measurement=1e3',
	'role=A vdaf=Prio3Sum max_measurement=',
	'role=A vdaf=Prio3Sum draft=8 bits=65',
	'role=A vdaf=Prio3Count length=1',
	'role=A vdaf=Prio3SumVec length=3',
	'role=A vdaf=Prio3Histogram',
	'role=A vdaf=Prio3Histogram length=10 max_weight=3',
	'role=A vdaf=Prio3Histogram length=10 chunk_length=11',
	'role=A vdaf=Prio3Histogram length=10 chunk_length=0',
	'role=A vdaf=Prio3Histogram length=4294967295',
	'role=A vdaf=Prio3Histogram length=18446744073709551615',
	'role=A vdaf=Prio3Histogram length=67000000',
	'role=A vdaf=Prio3SumVec length=4294967295 max_measurement=18446744073709551615 chunk_length=4294967295',
	'role=A vdaf=Prio3MultihotCountVec length=10 max_weight=11',
	'role=A vdaf=Prio3MultihotCountVec length=10 max_weight=1 draft=8',
	'role=A vdaf=Prio3L1BoundSum length=10 max_value=1 draft=8',
	'role=A vdaf=Prio3Count draft=9',
	'role=A vdaf=Prio3Count context=0',
	'role=A vdaf=Prio3Count context=zz',
	'role=A vdaf=Prio3Count draft=8 context=00',
	'role=A vdaf=Prio3Count prg=seed',
	'role=A length=10']) AS options, outcome(options) AS o;
SELECT o.* FROM outcome('role=A vdaf=Prio3Count context=' || repeat('ab', 65527)) AS o;
SELECT o.* FROM outcome('role=A vdaf=Prio3Count context=' || repeat('ab', 65528)) AS o;

-- DAP.
SELECT options, o.* FROM unnest(ARRAY[
	'dap=09',
	'dap=09 draft=8',
	'dap=09 previous_public_key=KEY previous_hpke_config_id=2',
	'dap=18 task_configuration=0102',
	'dap=18',
	'dap=18 task_configuration=010',
	'dap=09 task_configuration=0102',
	'dap=9',
	'dap=09 draft=18',
	'dap=18 draft=8 task_configuration=0102',
	'dap=09 context=00',
	'dap=09 previous_public_key=KEY',
	'dap=09 previous_hpke_config_id=2',
	'dap=09 previous_public_key=KEY previous_hpke_config_id=1']) AS options,
	outcome(replace(replace('role=A vdaf=Prio3Count public_key=KEY hpke_config_id=1 time_precision=3600 task_id=TASK ' || options,
		'KEY', :key), 'TASK', :task)) AS o;
SELECT options, o.message, o.detail FROM unnest(ARRAY[
	'task_id=TASK hpke_config_id=1 time_precision=3600',
	'public_key=KEY hpke_config_id=1 time_precision=3600',
	'public_key=KEY task_id=TASK time_precision=3600',
	'public_key=KEY task_id=TASK hpke_config_id=1',
	'public_key=KEY task_id=TASK hpke_config_id=256 time_precision=3600',
	'public_key=KEY task_id=TASK hpke_config_id=1 time_precision=0',
	'public_key=KEY task_id=TASK= hpke_config_id=1 time_precision=3600',
	'public_key=KEY task_id=TAS+K hpke_config_id=1 time_precision=3600']) AS options,
	outcome(replace(replace('role=B dap=09 vdaf=Prio3Count ' || options, 'KEY', :key), 'TASK', :task)) AS o;

-- Mappings: with a verify key they are for Prio3.
SELECT options, o.* FROM unnest(ARRAY[
	'verify_key=KEY',
	'verify_key=SHORT',
	'verify_key=KEY private_key=KEY',
	'verify_key=KEY private_key=KEY previous_private_key=KEY',
	'verify_key_file=/k private_key_file=/p previous_private_key_file=/q',
	'verify_key=KEY verify_key_file=/k',
	'verify_key_file=k',
	'verify_key=KEY00',
	'verify_key=nearly-a-secret',
	'verify_key=KEY private_key=KEY private_key_file=/p',
	'verify_key=KEY previous_private_key=KEY',
	'verify_key=KEY private_key=KEY previous_private_key=KEY previous_private_key_file=/q',
	'verify_key=KEY shared_secret=SHORT',
	'private_key=KEY shared_secret=SHORT previous_private_key=KEY']) AS options,
	outcome(replace(replace(options, 'KEY', :key), 'SHORT', :short), 'pg_user_mapping') AS o;

-- Those who only know a server need no mapping; those who verify do.
\pset format aligned
\pset tuples_only off
CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'leader', vdaf 'Prio3Sum', max_measurement '7');
CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'helper', vdaf 'Prio3Sum', max_measurement '7');
CREATE TABLE report AS SELECT * FROM prio3_shard('a', 5);
CREATE ROLE prio3_without_mapping SUPERUSER;
SET ROLE prio3_without_mapping;
SELECT prio3_verify_init('a', nonce, public_share, share_a) FROM report;
SELECT prio3_fingerprint('a');
RESET ROLE;
DROP ROLE prio3_without_mapping;
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (verify_key :key);
CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (verify_key :key);
CREATE VIEW result AS
SELECT prio3_unshard('a', prio3_agg_share(a, message), prio3_agg_share(b, message), count(message)) AS sum
FROM (SELECT a, b, prio3_verifier_message('a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
	FROM (SELECT prio3_verify_init('a', nonce, public_share, share_a) AS a, prio3_verify_init('b', nonce, public_share, share_b) AS b
		FROM report) AS s) AS s;
SELECT * FROM result;

-- Neither protocol's functions take the other's servers.
CREATE SERVER v1 FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :key);
SELECT prio3_shard('v1', 5);
SELECT prio_verifier('a', 'batch', 5, '\x');
SELECT dap_split('a', '\x');

-- Of the fingerprint is everything that both sides have to agree on, and nothing else.
CREATE FUNCTION fingerprints() RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN prio3_fingerprint('a') = prio3_fingerprint('b') THEN 'equal' ELSE 'different' END $$;
SELECT fingerprints();
ALTER SERVER a OPTIONS (ADD public_key :key);
SELECT fingerprints();
ALTER SERVER a OPTIONS (DROP public_key, SET max_measurement '6');
SELECT fingerprints();
ALTER SERVER a OPTIONS (SET max_measurement '7', ADD context '00');
SELECT fingerprints();
ALTER SERVER b OPTIONS (ADD context '00');
SELECT fingerprints();
ALTER USER MAPPING FOR PUBLIC SERVER b OPTIONS (SET verify_key '545c126981113e5684d517826e508f5731a1b35485bae63888a9e0a4e8d2da78');
SELECT fingerprints();
SELECT * FROM result;
ALTER USER MAPPING FOR PUBLIC SERVER b OPTIONS (SET verify_key :key);
SELECT fingerprints();
-- ... also what a chunk length is by itself
ALTER SERVER a OPTIONS (SET vdaf 'Prio3Histogram', DROP max_measurement, ADD length '10');
ALTER SERVER b OPTIONS (SET vdaf 'Prio3Histogram', DROP max_measurement, ADD length '10', ADD chunk_length '4');
SELECT fingerprints(), prio3_chunk_length(10);
ALTER SERVER b OPTIONS (SET chunk_length '3');
SELECT fingerprints();

-- The verify key of a draft has its length, and comes from a file as well.
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET verify_key :short);
SELECT prio3_fingerprint('a');
ALTER SERVER a OPTIONS (DROP context, ADD draft '8');
SELECT length(prio3_fingerprint('a'));
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET verify_key :key);
SELECT prio3_fingerprint('a');
\set hex 445c126981113e5684d517826e508f57
COPY (SELECT :'hex') TO PROGRAM 'cat > prio_regress_verify.key';
SELECT current_setting('data_directory') || '/prio_regress_verify.key' AS key_file \gset
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (DROP verify_key, ADD verify_key_file :'key_file');
SELECT length(prio3_fingerprint('a'));
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm prio_regress_verify.key';
ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (DROP verify_key_file, ADD verify_key :short);

-- Another role needs USAGE, for anything at all.
CREATE ROLE prio3_stranger;
SET ROLE prio3_stranger;
SELECT prio3_shard('a', 1);
SELECT prio3_unshard('a', '\x', '\x', 1);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER a TO prio3_stranger;
SET ROLE prio3_stranger;
SELECT length(share_b) FROM prio3_shard('a', 1);
RESET ROLE;

-- Enormous vectors are possible, and their tables go when others need the room.
DO $$
BEGIN
	FOR i IN 1 .. 12 LOOP
		EXECUTE format('CREATE SERVER big%s FOREIGN DATA WRAPPER prio OPTIONS (role ''A'', vdaf ''Prio3Histogram'', length ''300000'', chunk_length ''1'')', i);
	END LOOP;
END $$;
SELECT count(length(share_b)) FROM generate_series(1, 12) AS i, prio3_shard('big' || i, 1);
SELECT sum(total_bytes) < 100000000 AS bounded FROM pg_backend_memory_contexts WHERE name = 'prio';

REVOKE USAGE ON FOREIGN SERVER a FROM prio3_stranger;
DROP ROLE prio3_stranger;
DROP VIEW result;
DROP TABLE report;
DROP FUNCTION fingerprints(), outcome;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
