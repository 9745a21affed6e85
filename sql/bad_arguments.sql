-- What the caller got wrong is an error that says so; what a packet got wrong is NULL.
CREATE EXTENSION prio;
SELECT encode(private_key, 'hex') AS private_a, encode(public_key, 'hex') AS public_a FROM prio_keygen() \gset
CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key :'private_a', shared_secret '00112233445566778899aabbccddeeff');

CREATE FUNCTION error_of(query text, OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	message := 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

-- A usable public key to call with; the small letters are columns of a query.
CREATE TABLE key AS SELECT decode(:'public_a', 'hex') AS k;
\pset format unaligned
\pset tuples_only on

-- number of data fields, ordinal, batch id
SELECT call, error.* FROM (VALUES
	('prio_verifier(''a'', ''batch'', 0, ''\x00'')'),
	('prio_verifier(''a'', ''batch'', -1, ''\x00'')'),
	('prio_verifier(''a'', ''batch'', -2147483648, ''\x00'')'),
	('prio_verifier(''a'', ''batch'', 262144, ''\x00'')'),
	('prio_verifier(''a'', ''batch'', 2147483647, ''\x00'')'),
	('prio_share_error(''a'', ''batch'', 0, ''\x00'')'),
	('prio_share_error(''a'', ''batch'', 262144, ''\x00'')'),
	('prio_verifier(''a'', ''batch'', 8, ''\x00'', -1)'),
	('prio_verifier(''a'', '''', 8, ''\x00'')'),
	('prio_verifier(''a'', repeat(''x'', 70000), 8, ''\x00'')'),
	('prio_verifier(''a'', repeat(''x'', 65536), 8, ''\x00'')'),
	('prio_verifier(''nowhere'', ''batch'', 8, ''\x00'')')
) AS v (call), error_of('SELECT ' || call) AS error;

-- the client
SELECT call, error.* FROM (VALUES
	('prio_encode(k, k, ''batch'', ARRAY[]::boolean[])'),
	('prio_encode(k, k, ''batch'', B''''::varbit)'),
	('prio_encode(k, k, ''batch'', array_fill(true, ARRAY[262144]))'),
	('prio_encode(k, k, ''batch'', repeat(''1'', 262144)::varbit)'),
	('prio_encode(k, k, ''batch'', ARRAY[true, NULL, false])'),
	('prio_encode(k, k, ''batch'', ARRAY[[true, false], [false, true]])'),
	('prio_encode(k, k, '''', B''1'')'),
	('prio_encode(k, k, repeat(''x'', 70000), B''1'')'),
	('prio_encode(k, k, ''batch'', B''1'', ''other'')'),
	('prio_encode(substr(k, 2), k, ''batch'', B''1'')'),
	('prio_encode(k, k || ''\x00'', ''batch'', B''1'')'),
	('prio_encode('''', k, ''batch'', B''1'')'),
	('prio_encode(k, decode(repeat(''00'', 32), ''hex''), ''batch'', B''1'')'),
	('prio_encode(decode(repeat(''00'', 32), ''hex''), k, ''batch'', B''1'')'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[1], 0)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[1], -8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[1], 43)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[]::bigint[], 8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[1, NULL], 8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[[1], [2]], 8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[255, 256], 8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[-1], 8)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[4398046511104], 42)'),
	('prio_encode_uint(k, k, ''batch'', array_fill(1::bigint, ARRAY[6242]), 42)'),
	('prio_encode_uint(k, k, ''batch'', ARRAY[1], 8, ''neither'')')
) AS v (call), error_of('SELECT ' || call || ' FROM key') AS error;

-- totals
SELECT call, error.* FROM (VALUES
	('prio_publish(''\x'', ''\x01'')'),
	('prio_publish(''\x0091a101'', ''\x0091a101'')'),
	('prio_publish(''\x0191a101'', ''\x0191a101'')'),
	('prio_publish(''\x0091a101'', ''\x0192a101a101'')'),
	('prio_publish(''\x0091a101'', ''\x0191ab8000000000000000080001'')'),
	('prio_publish(''\x0091a101'', ''\x0191a8ffffffffffffffff'')'),
	('prio_publish(''\x0091a101'', ''\x0191ab8000000000000000080000'')'),
	('prio_publish(''\x0090'', ''\x0190'')'),
	('prio_publish(''\x0091a101'', ''\x0191a101a1'')'),
	('prio_publish(''\x0091a101'', ''\x01ddffffffff'')'),
	('prio_publish(''\x0291a101'', ''\x0191a101'')'),
	('prio_total_share_uint(''\x0091a101'', 0)'),
	('prio_total_share_uint(''\x0091a101'', 43)'),
	('prio_total_share_uint(''\x0093a101a101a101'', 2)'),
	('prio_total_share_uint(''\xff'', 2)'),
	('prio_max_uints(0)'),
	('prio_max_uints(43)'),
	('prio_is_forgeable(0)'),
	('prio_is_forgeable(-1)'),
	('prio_is_forgeable(262144)'),
	('prio_subtract(''\x0091a101'', ''\x0191a101'')'),
	('prio_subtract(''\x0191a101'', ''\x0091a101'')'),
	('prio_subtract(''\x0091a101'', ''\x0092a101a101'')'),
	('prio_subtract(''\x0092a101a101'', ''\x0091a101'')'),
	('prio_subtract(''\x0091a101'', ''\x0091ab8000000000000000080001'')'),
	('prio_subtract('''', ''\x0091a101'')'),
	('prio_merge(t) FROM (VALUES (''\x0091a101''::bytea), (''\x0191a101'')) AS s (t)'),
	('prio_merge(t) FROM (VALUES (''\x0091a101''::bytea), (''\x0092a101a101'')) AS s (t)'),
	('prio_merge(t) FROM (VALUES (''\x0091a101''::bytea), (''\x00'')) AS s (t)'),
	('prio_merge(''\x0091ab8000000000000000080001''::bytea)'),
	('prio_merge_accum('''', NULL)'),
	('prio_total_final(''\x0091a101'')')
) AS v (call), error_of('SELECT ' || call) AS error;

-- servers: not there, not ours, without secrets, with a file or a key that does not do, and
-- the options of all of these
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER other FOREIGN DATA WRAPPER other;
CREATE SERVER bare FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE SERVER no_file FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE USER MAPPING FOR PUBLIC SERVER no_file OPTIONS (private_key_file '/no/such/file', shared_secret '00112233445566778899aabbccddeeff');
CREATE SERVER null_file FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE USER MAPPING FOR PUBLIC SERVER null_file OPTIONS (private_key :'private_a', shared_secret_file '/dev/null');
CREATE SERVER wrong_key FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '445c126981113e5684d517826e508f5731a1b35485bae63888a9e0a4e8d2da78');
CREATE USER MAPPING FOR PUBLIC SERVER wrong_key OPTIONS (private_key :'private_a', shared_secret '00112233445566778899aabbccddeeff');
SELECT server, error.* FROM unnest(ARRAY['nowhere', 'other', 'no_file', 'null_file', 'wrong_key']) AS server,
	error_of(format('SELECT prio_verifier(%L, ''batch'', 8, ''\x00'')', server)) AS error;
SELECT options, error.* FROM (VALUES ('role ''C'''), ('role ''A'''), ('colour ''red''')) AS v (options),
	error_of(format('CREATE SERVER new FOREIGN DATA WRAPPER prio OPTIONS (%s)', options)) AS error;
SELECT options, error.* FROM (VALUES ('private_key ''0'''), ('shared_secret ''00112233445566778899aabbccddeeff'''),
	('private_key_file ''key''')) AS v (options),
	error_of(format('CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS (%s)', options)) AS error;
CREATE ROLE regress_prio_nobody;
GRANT USAGE ON FOREIGN DATA WRAPPER prio TO regress_prio_nobody;
ALTER SERVER bare OWNER TO regress_prio_nobody;
SET ROLE regress_prio_nobody;
SELECT error.* FROM error_of('SELECT prio_verifier(''a'', ''batch'', 8, ''\x00'')') AS error;
SELECT error.* FROM error_of('SELECT prio_verifier(''bare'', ''batch'', 8, ''\x00'')') AS error;
SELECT error.* FROM error_of('CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS (private_key_file ''/key'', shared_secret_file ''/secret'')') AS error;
RESET ROLE;

-- verifiers
SELECT call, error.* FROM (VALUES
	('''\x''::prio_verifier'),
	('''nonsense''::prio_verifier'),
	('''\x00''::prio_verifier'),
	('''\x0100''::prio_verifier'),
	('(''\x01'' || repeat(''00'', 115))::prio_verifier')
) AS v (call), error_of('SELECT ' || call) AS error;

-- NULL gives NULL.
\pset null (null)
SELECT prio_verifier('a', 'batch', 8, NULL), prio_share_error('a', 'batch', 8, NULL), prio_verify1(NULL),
	prio_verify2(NULL, ''), prio_is_valid('\xa100', NULL), prio_publish(NULL, ''), prio_total_share_uint(NULL, 8),
	prio_replay_key(NULL), prio_subtract(NULL, ''), prio_subtract('', NULL), prio_is_forgeable(NULL),
	prio_encode(k, k, NULL, B'1'), prio_encode(k, k, 'batch', NULL::boolean[]), prio_encode_uint(k, k, 'batch', NULL, 8)
FROM key;

-- The largest that is allowed.
SELECT prio_max_data(), prio_max_uints(1), prio_max_uints(8), prio_max_uints(42);
SELECT array_agg(n ORDER BY n) AS forgeable FROM generate_series(1, prio_max_data()) AS n WHERE prio_is_forgeable(n);
SELECT prio_share_error('a', repeat('x', 65535), 8, share_a)
FROM key, prio_encode(k, k, repeat('x', 65535), B'00000001');

DROP TABLE key;
DROP FUNCTION error_of;
SET client_min_messages = warning;
DROP EXTENSION prio CASCADE;
DROP FOREIGN DATA WRAPPER other CASCADE;
DROP ROLE regress_prio_nobody;
