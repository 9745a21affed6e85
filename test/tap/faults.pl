# When a call to NSS, for memory, or into PostgreSQL fails, its statement ends with an error
# that is the machine's. The session goes on as if nothing had been: the same statement
# works, and nothing has leaked, however often that happens. Every call fails once, in every
# way; with PRIO_LONG again and again.
#
# Runs at night: every call in SQL fails once; by day test_faults.c has the calls of the core.
use strict;
use warnings;

use Cwd;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('faults', 'jit = off', 'max_parallel_workers_per_gather = 0', 'log_min_messages = fatal',
	'client_min_messages = error');
my %keys = make_keys($node);
my $module = cwd() . '/build/faults';
my $n_data = 100;
my $times = $ENV{PRIO_LONG} ? 10 : 1;

# Server A reads its secrets from files.
foreach my $secret ('private_A', 'secret')
{
	append_to_file($node->basedir . "/$secret", "$keys{$secret}\n");
	chmod 0600, $node->basedir . "/$secret";
}
make_server($node, 'b', 'B', %keys);
$node->safe_psql('postgres', qq{
	CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$keys{public_A}');
	CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key_file '${\ $node->basedir }/private_A',
		shared_secret_file '${\ $node->basedir }/secret');

	CREATE FUNCTION faults_arm(kind int, skip bigint, forever boolean) RETURNS boolean AS '$module' LANGUAGE C PARALLEL SAFE;
	CREATE FUNCTION faults_limit_memory(bytes bigint) RETURNS boolean AS '$module' LANGUAGE C PARALLEL SAFE;
	CREATE FUNCTION faults_limit_process(bytes bigint) RETURNS boolean AS '$module' LANGUAGE C PARALLEL SAFE;
	CREATE FUNCTION faults_disarm() RETURNS boolean AS '$module' LANGUAGE C PARALLEL SAFE;
	CREATE FUNCTION faults_live_objects() RETURNS bigint AS '$module' LANGUAGE C PARALLEL SAFE;
	CREATE FUNCTION faults_kilobytes() RETURNS int AS '$module' LANGUAGE C;
	CREATE FUNCTION faults_forget() RETURNS boolean AS '$module' LANGUAGE C PARALLEL SAFE;

	CREATE TABLE packet AS
	SELECT share_a, share_b, prio_verifier('a', 'batch', $n_data, share_a) AS a, prio_verifier('b', 'batch', $n_data, share_b) AS b
	FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', repeat('1', $n_data)::varbit);
	CREATE TABLE message AS
	SELECT prio_verify1(a) AS verify1_a, prio_verify1(b) AS verify1_b,
		prio_verify2(a, prio_verify1(b)) AS verify2_a, prio_verify2(b, prio_verify1(a)) AS verify2_b FROM packet;
	CREATE TABLE total AS SELECT prio_total_share(a, share_a) AS a, prio_total_share(b, share_b) AS b FROM packet;
});

# Every SQL function, with an answer that does not change.
my $encode = "decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch'";
sub opened
{
	my ($call, $n) = @_;
	return "SELECT coalesce(prio_share_error('a', 'batch', $n, share_a), prio_share_error('b', 'batch', $n, share_b), 'opened') FROM $call";
}
my %statement = (
	'prio_keygen' => 'SELECT octet_length(private_key) + octet_length(public_key) FROM prio_keygen()',
	'prio_shared_secret' => 'SELECT octet_length(prio_shared_secret())',
	'prio_encode, boolean[]' => opened("prio_encode($encode, ARRAY[true, false])", 2),
	'prio_encode, varbit' => opened("prio_encode($encode, repeat('1', $n_data)::varbit)", $n_data),
	'prio_encode_uint' => opened("prio_encode_uint($encode, ARRAY[1, 2, 3], 8)", 24),
	'prio_verifier, A' => "SELECT encode(prio_verifier_send(prio_verifier('a', 'batch', $n_data, share_a)), 'hex') FROM packet",
	'prio_verifier, B' => "SELECT encode(prio_verifier_send(prio_verifier('b', 'batch', $n_data, share_b)), 'hex') FROM packet",
	'prio_verifier, ordinal' => "SELECT encode(prio_verifier_send(prio_verifier('a', 'batch', $n_data, share_a, 1000)), 'hex') FROM packet",
	'prio_share_error' => "SELECT coalesce(prio_share_error('a', 'batch', $n_data, share_a), 'opened') FROM packet",
	'prio_share_error, refused' => "SELECT prio_share_error('b', 'batch', $n_data, set_byte(share_b, 99, get_byte(share_b, 99) # 1)) FROM packet",
	'prio_verifier, text' => 'SELECT a::text::prio_verifier::text FROM packet',
	'prio_verify1' => 'SELECT prio_verify1(a) FROM packet',
	'prio_verify2' => 'SELECT prio_verify2(a, verify1_b) FROM packet, message',
	'prio_is_valid' => 'SELECT prio_is_valid(verify2_a, verify2_b)::text FROM message',
	'prio_total_share, A' => 'SELECT prio_total_share(packet.a, share_a) FROM packet, generate_series(1, 3)',
	'prio_total_share, B' => 'SELECT prio_total_share(packet.b, NULL) FROM packet, generate_series(1, 3)',
	'prio_merge' => 'SELECT prio_merge(a) FROM total, generate_series(1, 3)',
	'prio_replay_key' => 'SELECT prio_replay_key(share_a) = substr(share_a, 1, 32) FROM packet',
	'prio_total_combine' => 'SELECT prio_total_final(prio_total_combine(s, s)) FROM total, prio_merge_accum(NULL, a) AS s',
	'prio_subtract' => 'SELECT prio_subtract(a, a) FROM total',
	'prio_total_share_uint' => 'SELECT prio_total_share_uint(a, 5) FROM total',
	'prio_publish' => 'SELECT prio_publish(a, b) FROM total',
);

$node->safe_psql('postgres', q{
	CREATE TABLE statement (name text PRIMARY KEY, query text, expected text);

	CREATE FUNCTION attempt(query text, OUT state text, OUT answer text, OUT context text) LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE query INTO answer;
		state := '00000';
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, context = PG_EXCEPTION_CONTEXT;
	END $$;

	-- Lets every call of a kind fail in turn, and runs the query again each time. Returns the
	-- SQLSTATEs seen, and a complaint if there is anything to complain about.
	CREATE FUNCTION fail_each(kind int, forever boolean, cold boolean, s statement, OUT failures int, OUT states text[], OUT complaint text)
	LANGUAGE plpgsql AS $$
	DECLARE
		met record;
		again record;
		live bigint;
	BEGIN
		failures := 0;
		states := '{}';
		PERFORM faults_forget();
		PERFORM attempt(s.query);
		live := faults_live_objects();
		LOOP
			IF cold THEN
				PERFORM faults_forget();
			END IF;
			PERFORM faults_arm(kind, failures, forever);
			met := attempt(s.query);
			EXIT WHEN NOT faults_disarm();
			again := attempt(s.query);
			IF met.state = '00000' THEN
				complaint := format('answer %s when call %s failed', met.answer, failures);
			ELSIF (again.state, again.answer) IS DISTINCT FROM ('00000', s.expected) THEN
				complaint := format('then %s: %s', again.state, again.answer);
			ELSIF faults_live_objects() <> live THEN
				complaint := format('%s objects instead of %s', faults_live_objects(), live);
			END IF;
			IF NOT met.state = ANY (states) THEN
				states := states || met.state;
			END IF;
			failures := failures + 1;
		END LOOP;
		IF (met.state, met.answer) IS DISTINCT FROM ('00000', s.expected) THEN
			complaint := format('without a failure %s: %s', met.state, met.answer);
		END IF;
	END $$;
});
foreach my $name (sort keys %statement)
{
	$node->safe_psql('postgres', qq{
		INSERT INTO statement SELECT '$name', \$q\$$statement{$name}\$q\$, answer FROM attempt(\$q\$$statement{$name}\$q\$)});
}


# One session for everything that must not grow, and for what has to be planned one way.
my $session = $node->background_psql('postgres', on_error_stop => 0);

# Bytes that the cache of a session uses.
$node->safe_psql('postgres', q{
	CREATE FUNCTION cache_bytes() RETURNS bigint LANGUAGE sql AS
	$$ SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'prio' $$});

# ------------------------------------------------------------------ every call in turn

# By day each call fails once; at night also for good from there on.
my $once = $ENV{PRIO_LONG} ? '(VALUES (false), (true))' : '(VALUES (false))';
my %kind = (0 => 'NSS', 1 => 'malloc()', 2 => 'PostgreSQL');
my $each = sub {
	my ($kind, $condition) = @_;
	return qq{SELECT sum(f.failures), coalesce(string_agg(DISTINCT state, ',' ORDER BY state), ''),
			coalesce(string_agg(DISTINCT format('%s: %s', s.name, f.complaint), '; ') FILTER (WHERE f.complaint <> ''), 'fine')
		FROM statement AS s, $once AS v (forever), (VALUES (false), (true)) AS w (cold),
			fail_each($kind, forever, cold, s) AS f LEFT JOIN unnest(f.states) AS state ON true WHERE $condition};
};
# Memory, and what is in the cache when all statements have filled it.
sub kept
{
	$session->query_safe('SELECT faults_forget()');
	$session->query_safe('SELECT attempt(query) FROM statement');
	return split /\|/, $session->query_safe('SELECT faults_kilobytes(), cache_bytes()');
}
my ($before, $cache_before) = kept();
my ($failures, $states, $complaint);
foreach my $kind ((sort keys %kind) x $times)
{
	($failures, $states, $complaint) = split /\|/, $session->query_safe($each->($kind, 'true'));
	note "$kind{$kind}: $failures failures";
	is($complaint, 'fine', "each failing call of $kind{$kind} ends its statement, and no other");
	is($states, $kind == 0 ? '38000' : '53200', "each failing call of $kind{$kind} is an error of the machine");
	cmp_ok($failures, '>', $ENV{PRIO_LONG} ? 300 : 150, "calls of $kind{$kind} fail in every place");
}
my ($after, $cache_after) = kept();
note "$before kB, then $after kB";
# The first failures leave half a megabyte of PostgreSQL's, once. There are more than a thousand.
cmp_ok($after - $before, '<', 1024, 'memory stays flat over a thousand failures');
is($cache_after, $cache_before, 'the cache holds as much as before');

# Large batches that never come into being: who counted them would have no room for others.
$session->query_safe(q{
	SELECT faults_arm(2, skip, false), attempt(format($$SELECT prio_share_error('a', '%s of %s', 262142, '')$$, skip, i))
	FROM generate_series(0, 7) AS skip, generate_series(1, 12) AS i});
$session->query_safe('SELECT faults_disarm()');
is((kept())[1], $cache_before, 'the cache counts no batch that did not come into being');

# ------------------------------------------------------------------ outside of subtransactions

# The same with errors that reach the client, of cold statements: one call in four, or all of
# them. How many calls a client makes differs a little, so not each of the last ones fails.
my $every = $ENV{PRIO_LONG} ? 1 : 4;
my $turn = 0;
my $script = '';
my @answers;
foreach my $name (sort keys %statement)
{
	foreach my $kind (sort keys %kind)
	{
		my ($count, $answer) = split /\|/, $node->safe_psql('postgres',
			"SELECT f.failures, expected FROM statement AS s, fail_each($kind, false, true, s) AS f WHERE name = '$name'");
		foreach my $skip (grep { $turn++ % $every == 0 } 0 .. $count - 1)
		{
			$script .= "SELECT FROM faults_forget(), faults_arm($kind, $skip, false);\n$statement{$name};\n"
			  . "SELECT faults_disarm();\n$statement{$name};\n";
			push @answers, $answer;
		}
	}
}
my ($out, $err);
$node->psql('postgres', "\\set VERBOSITY sqlstate\n$script", on_error_stop => 0, stdout => \$out, stderr => \$err);
$out =~ s/^\n//mg;
my $errors = () = $out =~ /^t$/mg;
my $right = grep { $out =~ s/^(?:t|\Q$_\E\nf)\n\Q$_\E(?:\n|$)// } @answers;
is($right, @answers, 'outside of subtransactions every statement works after its error');
is(() = $err =~ /ERROR:  (?:38000|53200)$/mg, $errors, "outside of subtransactions every error is the machine's");
cmp_ok($errors, '>', 800 / $every, 'outside of subtransactions calls fail in every place');

# ------------------------------------------------------------------ first use

# In a new session: NSS and the cache themselves do not exist yet.
$node->safe_psql('postgres', q{
	CREATE FUNCTION try_twice(kind int, skip bigint, s statement, OUT failed boolean, OUT state text, OUT fine_then boolean)
	LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM prio_max_data();
		PERFORM faults_arm(kind, skip, false);
		state := (attempt(s.query)).state;
		failed := faults_disarm();
		fine_then := (attempt(s.query)).answer IS NOT DISTINCT FROM s.expected;
	END $$});
foreach my $name ('prio_verifier, A', $ENV{PRIO_LONG} ? 'prio_keygen' : ())
{
	foreach my $kind (sort keys %kind)
	{
		my @wrong;
		my $skip = 0;

		for (;; $skip++)
		{
			my ($failed, $state, $fine_then) = split /\|/, $node->safe_psql('postgres',
				"SELECT failed, state, fine_then FROM statement AS s, try_twice($kind, $skip, s) WHERE name = '$name'");
			push @wrong, "call $skip: $state, then $fine_then"
			  if $fine_then ne 't' || $state ne ($failed eq 't' ? $kind == 0 ? '38000' : '53200' : '00000');
			last if $failed ne 't';
		}
		is("@wrong", '', "$name: a failing call of $kind{$kind} at its first use does not spoil the second");
	}
}

# With less and less address space for the whole process.
$node->safe_psql('postgres', q{
	CREATE FUNCTION try_twice_with_little(bytes bigint, s statement, OUT state text, OUT fine_then boolean) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM prio_max_data();
		-- The first time this prepares itself.
		FOR i IN 1 .. 2 LOOP
			PERFORM faults_limit_process(CASE i WHEN 1 THEN -1 ELSE bytes END);
			state := (attempt(CASE i WHEN 1 THEN 'SELECT 1' ELSE s.query END)).state;
			PERFORM faults_limit_process(-1);
		END LOOP;
		fine_then := (attempt(s.query)).answer IS NOT DISTINCT FROM s.expected;
	END $$});
my %met;
my $spoilt = 0;
foreach my $megabytes (grep { $ENV{PRIO_LONG} || $_ % 3 == 0 } 0 .. 15)
{
	my ($state, $fine_then) = split /\|/, $node->safe_psql('postgres', qq{
		SELECT state, fine_then FROM statement AS s, try_twice_with_little($megabytes * 1024 * 1024, s) WHERE name = 'prio_verifier, A'});
	$met{$state}++;
	$spoilt++ if $fine_then ne 't';
}
is(join(',', sort keys %met), '00000,53200', 'a first use with little memory works or says so');
is($spoilt, 0, 'a first use with little memory does not spoil the second');

# Again and again without ever a success: what was made halfway is not kept.
$node->safe_psql('postgres', q{
	CREATE FUNCTION never(skip bigint, times int, s statement, OUT failures int, OUT size int) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM prio_max_data();
		failures := 0;
		FOR i IN 1 .. times LOOP
			PERFORM faults_arm(2, skip, false);
			failures := failures + ((attempt(s.query)).state = '53200')::int;
		END LOOP;
		PERFORM faults_disarm();
		size := faults_kilobytes();
	END $$});
foreach my $skip (0 .. 10)
{
	my ($failed, $before, $failed_again, $after) = split /\|/, $node->safe_psql('postgres', qq{
		SELECT first.*, again.*
		FROM statement AS s, never($skip, 100, s) AS first, LATERAL never($skip, 100 * $times + 0 * first.failures, s) AS again
		WHERE name = 'prio_verifier, A'});
	is($failed + $failed_again, 100 + 100 * $times, "call $skip of a first use fails as often as it likes");
	cmp_ok($after - $before, '<', 128, "call $skip of a first use leaves nothing behind when it fails");
}

# ------------------------------------------------------------------ no memory

# So many bytes are left for NSS and msgpack-c, and so many for the whole process.
$node->safe_psql('postgres', q{
	CREATE FUNCTION with_little(bytes bigint, s statement, whole boolean, OUT state text, OUT complaint text) LANGUAGE plpgsql AS $$
	DECLARE
		met record;
	BEGIN
		PERFORM faults_forget();
		PERFORM prio_share_error('b', 'batch', 1, ''); -- which empties the cache
		IF whole THEN
			PERFORM faults_limit_process(bytes);
			met := attempt(s.query);
			PERFORM faults_limit_process(-1);
		ELSE
			PERFORM faults_limit_memory(bytes);
			met := attempt(s.query);
			PERFORM faults_disarm();
		END IF;
		state := met.state;
		IF state = '00000' AND met.answer IS DISTINCT FROM s.expected THEN
			complaint := format('%s with %s bytes', met.answer, bytes);
		END IF;
		met := attempt(s.query);
		IF met.answer IS DISTINCT FROM s.expected THEN
			complaint := format('%s, then %s: %s', state, met.state, met.answer);
		END IF;
	END $$});
my $little = sub {
	my ($bytes, $whole, $condition) = @_;
	return split /\|/, $session->query_safe(qq{
		SELECT coalesce(string_agg(DISTINCT f.state, ',' ORDER BY f.state), ''),
			coalesce(string_agg(DISTINCT format('%s: %s', s.name, f.complaint), '; ') FILTER (WHERE f.complaint <> ''), 'fine')
		FROM $bytes AS bytes, statement AS s, with_little(bytes, s, $whole) AS f WHERE $condition});
};
($states, $complaint) = $little->('generate_series(0, 48 * 1024, 4096)', 'false', 'true');
is($complaint, 'fine', 'with any amount of memory for NSS and msgpack-c, the answer is right or an error');
is($states, '00000,53200', 'with too little memory for NSS and msgpack-c, the error says so');

# The largest vectors, with room for less and less of them.
my $largest = 262143;
my %large = (
	'largest prio_encode' => "SELECT octet_length(share_a) > $largest FROM prio_encode($encode, repeat('1', $largest)::varbit)",
	'largest prio_verifier, A' => "SELECT encode(prio_verifier_send(prio_verifier('a', 'batch', $largest, share_a)), 'hex') FROM largest",
	'largest prio_verifier, B' => "SELECT encode(prio_verifier_send(prio_verifier('b', 'batch', $largest, share_b)), 'hex') FROM largest",
	'largest prio_total_share, A' => 'SELECT md5(prio_total_share(a, share_a)) FROM largest',
	'largest prio_total_share, B' => 'SELECT md5(prio_total_share(b, NULL)) FROM largest',
	'largest prio_merge' => 'SELECT md5(prio_merge(total_a)) FROM largest',
	'largest prio_total_share_uint' => 'SELECT md5(prio_total_share_uint(total_a, 1)) FROM largest',
	'largest prio_publish' => 'SELECT md5(prio_publish(total_a, total_b)::text) FROM largest',
);
$node->safe_psql('postgres', qq{
	CREATE TABLE largest AS
	SELECT *, prio_total_share(a, share_a) OVER () AS total_a, prio_total_share(b, share_b) OVER () AS total_b
	FROM (SELECT share_a, share_b, prio_verifier('a', 'batch', $largest, share_a) AS a, prio_verifier('b', 'batch', $largest, share_b) AS b
		FROM prio_encode($encode, repeat('1', $largest)::varbit)) AS s});
my $rooms = $ENV{PRIO_LONG} ? '0, 1000000, 2000000, 4000000, 7000000, 10000000, 15000000, 20000000, 30000000, 60000000' : '0, 4000000, 15000000, 60000000';
foreach my $name (sort keys %large)
{
	$node->safe_psql('postgres', qq{
		INSERT INTO statement SELECT '$name', \$q\$$large{$name}\$q\$, answer FROM attempt(\$q\$$large{$name}\$q\$)});
	($states, $complaint) = $little->("unnest('{$rooms}'::bigint[])", 'true', "name = '$name'");
	is($complaint, 'fine', "$name with little memory leaves the session as it was");
	is($states, '00000,53200', "$name with little memory fails for no other reason");
}

# ------------------------------------------------------------------ in the middle of an aggregate

# A thousand clients, and in the middle of them something that goes wrong.
$node->safe_psql('postgres', qq{
	CREATE CAST (bytea AS prio_verifier) WITHOUT FUNCTION;
	CREATE TABLE client (id int, share_a bytea, a prio_verifier, b prio_verifier, total_a bytea);
	INSERT INTO client
	SELECT i, share_a, prio_verifier('a', 'batch', 4, share_a), prio_verifier('b', 'batch', 4, share_b), NULL
	FROM generate_series(1, 1000) AS i, prio_encode($encode, (i % 8)::bit(4)::varbit);
	UPDATE client SET total_a = (SELECT prio_total_share(a, share_a) FROM (SELECT client.a, client.share_a) AS c);
	ANALYZE client;
	CREATE TABLE other AS
	SELECT share_a, prio_verifier('a', 'other', 4, share_a) AS a, prio_verifier('b', 'other', 4, share_b) AS b
	FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'other', B'1111');
	CREATE FUNCTION middle(id int) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS \$\$ SELECT id = 500 \$\$});
my $damaged = "overlay(prio_verifier_send(%s) PLACING '\\xff' FROM 50)::prio_verifier";
my %total = (
	'share of another client, A' => [ '22023', q{prio_total_share(a, CASE WHEN middle(id) THEN (SELECT share_a FROM client WHERE id = 7) ELSE share_a END)} ],
	'share of another client, B' => [ '22023', q{prio_total_share(b, CASE WHEN middle(id) THEN share_a END)} ],
	'another batch, A' => [ '22023', q{prio_total_share(CASE WHEN middle(id) THEN (SELECT a FROM other) ELSE a END, share_a)} ],
	'another batch, B' => [ '22023', q{prio_total_share(CASE WHEN middle(id) THEN (SELECT b FROM other) ELSE b END, NULL)} ],
	'another server' => [ '22023', q{prio_total_share(CASE WHEN middle(id) THEN b ELSE a END, share_a)} ],
	'damaged verifier, A' => [ 'XX001', 'prio_total_share(CASE WHEN middle(id) THEN ' . sprintf($damaged, 'a') . ' ELSE a END, share_a)' ],
	'damaged verifier, B' => [ 'XX001', 'prio_total_share(CASE WHEN middle(id) THEN ' . sprintf($damaged, 'b') . ' ELSE b END, NULL)' ],
	'division by zero, A' => [ '22012', q{prio_total_share(a, CASE WHEN 1 / (id - 500) = 0 OR id < 1000 THEN share_a END)} ],
	'division by zero, B' => [ '22012', q{prio_total_share(b, CASE WHEN 1 / (id - 500) = 2 THEN share_a END)} ],
	'cancel, A' => [ '57014', q{prio_total_share(a, CASE WHEN middle(id) AND pg_cancel_backend(pg_backend_pid()) THEN share_a ELSE share_a END)} ],
	'NSS, A' => [ '38000', q{prio_total_share(a, CASE WHEN middle(id) AND faults_arm(0, 0, false) THEN share_a ELSE share_a END)} ],
	'NSS, B' => [ '38000', q{prio_total_share(b, CASE WHEN middle(id) AND faults_arm(0, 1, false) THEN NULL::bytea END)} ],
	'malloc(), B' => [ '53200', q{prio_total_share(b, CASE WHEN middle(id) AND faults_arm(1, 1, false) THEN NULL::bytea END)} ],
	'damaged total' => [ '22P03', q{prio_merge(CASE WHEN middle(id) THEN substr(total_a, 1, 20) ELSE total_a END)} ],
	'total of other length' => [ '22023', q{prio_merge(CASE WHEN middle(id) THEN '\x0091a101' ELSE total_a END)} ],
	'total of other server' => [ '22023', q{prio_merge(CASE WHEN middle(id) THEN '\x0194a101a101a101a101' ELSE total_a END)} ],
	'NULL share, A' => [ '22004', q{prio_total_share(a, CASE WHEN NOT middle(id) THEN share_a END)} ],
);
my $truth = 'SELECT md5(prio_total_share(a, share_a)), md5(prio_total_share(b, NULL)), md5(prio_merge(total_a)) FROM client';
my $true_totals = $session->query_safe($truth);
my $counts = $node->safe_psql('postgres', 'SELECT prio_publish(prio_total_share(a, share_a), prio_total_share(b, NULL)) FROM client');
is($counts, '{0,500,500,500}', 'a thousand clients');

$node->safe_psql('postgres', q{
	CREATE FUNCTION repeat_attempt(query text, times int) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		states text[] := '{}';
		met record;
		state text;
	BEGIN
		FOR i IN 1 .. times LOOP
			met := attempt(query);
			state := met.state || CASE WHEN met.context LIKE '%parallel worker%' THEN ' in a worker' ELSE '' END;
			IF NOT state = ANY (states) THEN
				states := states || state;
			END IF;
		END LOOP;
		PERFORM faults_disarm();
		RETURN array_to_string(states, ',');
	END $$});
sub fail_totals
{
	my ($times, $how, %totals) = @_;
	my $before = $session->query_safe('SELECT faults_kilobytes(), faults_live_objects(), cache_bytes()');
	foreach my $name (sort keys %totals)
	{
		my ($state, $aggregate) = @{ $totals{$name} };
		is($session->query_safe("SELECT repeat_attempt(\$q\$SELECT $aggregate FROM client\$q\$, $times)"),
			$how eq 'in a worker' ? "$state $how" : $state, "$how: $name ends its statement");
	}
	my $after = $session->query_safe('SELECT faults_kilobytes(), faults_live_objects(), cache_bytes()');
	my ($kb_before, $kept_before) = split /\|/, $before, 2;
	my ($kb_after, $kept_after) = split /\|/, $after, 2;
	note $times * keys(%totals) . " errors: $kb_before kB, then $kb_after kB";
	cmp_ok($kb_after - $kb_before, '<', 256, "$how: errors in the middle of aggregates leave memory flat");
	is($kept_after, $kept_before, "$how: errors in the middle of aggregates leave no NSS object, and nothing in the cache");
	is($session->query_safe($truth), $true_totals, "$how: totals after errors in the middle of them are right");
	return;
}
$session->query_safe("SELECT repeat_attempt(\$q\$SELECT $total{$_}[1] FROM client\$q\$, 2)") foreach sort keys %total;
fail_totals(15 * $times, 'in a subtransaction', %total);

# In workers, which the leader waits for. What fails there leaves nothing armed in the leader.
$session->query_safe(q{
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0;
	SET parallel_leader_participation = off;
	SET max_parallel_workers_per_gather = 2});
like($session->query_safe('EXPLAIN SELECT prio_total_share(a, share_a) FROM client'), qr/Workers Planned: 2/, 'totals in workers');
my %parallel = map { $_ => $total{$_} } grep { !/^cancel/ } keys %total;
$session->query_safe("SELECT repeat_attempt(\$q\$SELECT $parallel{$_}[1] FROM client\$q\$, 2)") foreach sort keys %parallel;
fail_totals(2 * $times, 'in a worker', %parallel);

# What the leader does with the states of its workers.
$session->query_safe(q{
	INSERT INTO statement SELECT 'parallel ' || name, query, answer
	FROM (VALUES ('prio_total_share', 'SELECT prio_total_share(a, share_a) FROM client'), ('prio_merge', 'SELECT prio_merge(total_a) FROM client')) AS v (name, query), attempt(query)});
($failures, $states, $complaint) = split /\|/, $session->query_safe($each->(2, q{name LIKE 'parallel %'}));
is($complaint, 'fine', 'each failing call of a leader of workers ends its statement, and no other');
is($states, '53200', 'each failing call of a leader of workers is an error of the machine');
cmp_ok($failures, '>', 20, 'calls of a leader of workers fail in every place');

# Errors that end the transaction, too: and among them a timeout, whenever it comes.
$script = '';
$errors = 0;
my $rounds = 5 * $times;
foreach my $round (1 .. $rounds)
{
	$script .= "SELECT faults_kilobytes() AS before \\gset\n" if $round == 3;
	foreach my $name (sort keys %total)
	{
		$script .= "SELECT $total{$name}[1] FROM client;\nSELECT FROM faults_disarm();\n";
		$errors++;
	}
	my $milliseconds = 1 + $round % 5;
	$script .= "SET statement_timeout = $milliseconds;\nSELECT prio_total_share(a, share_a) FROM client, generate_series(1, 100);\nSET statement_timeout = 0;\n$truth;\n";
	$errors++;
}
$script .= "SELECT faults_kilobytes() - :before < 256;\n";
$node->psql('postgres', "\\set VERBOSITY sqlstate\n$script", on_error_stop => 0, stdout => \$out, stderr => \$err);
$out =~ s/^\n//mg;
is($out, "$true_totals\n" x $rounds . 't', 'outside of subtransactions: totals after errors in the middle of them are right, and memory flat');
is(() = $err =~ /ERROR: /g, $errors, 'outside of subtransactions: errors in the middle of aggregates end their statements');
is(() = $err =~ /ERROR:  57014/g, 2 * $rounds, 'outside of subtransactions: timeouts are among them');

done_testing();
