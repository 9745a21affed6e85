# Cancelling a statement and its timeout end it long before a call is done, whatever function it
# is in, with the largest vectors that there are. With PRIO_LONG, on a machine that does nothing
# else, that is within 100 ms.
#
# Runs alone with PRIO_LONG: then it measures how long things take.
# Runs at night: it depends on time; unit tests stop every long computation by day.
use strict;
use warnings;

use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $samples = 3;
my $limit = $ENV{PRIO_LONG} ? 100 : 1_000_000; # milliseconds

my $node = new_cluster('cancel', 'jit = off', 'max_parallel_workers_per_gather = 0', 'client_min_messages = error',
	'log_min_messages = panic');
my %keys = make_keys($node);
make_server($node, 'a', 'A', %keys);
make_server($node, 'b', 'B', %keys);
$node->safe_psql('postgres', qq{
	CREATE SERVER prio3_$_ FOREIGN DATA WRAPPER prio OPTIONS (role '\u$_', vdaf 'Prio3SumVec', length '100000', max_measurement '1');
	CREATE USER MAPPING FOR PUBLIC SERVER prio3_$_ OPTIONS (verify_key '$keys{private_A}')}) foreach 'a', 'b';

my $n_data = 262143;
my $keys = "decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch'";
$node->safe_psql('postgres', qq{
	CREATE TABLE many (id int);
	INSERT INTO many SELECT generate_series(1, 10000);
	ANALYZE many;
	CREATE TABLE largest AS
	SELECT *, prio_total_share(a, share_a) OVER () AS total_a, prio_total_share(b, share_b) OVER () AS total_b
	FROM (SELECT share_a, share_b, prio_verifier('a', 'batch', $n_data, share_a) AS a, prio_verifier('b', 'batch', $n_data, share_b) AS b
		FROM prio_encode($keys, repeat('1', $n_data)::varbit)) AS s;
	-- 6241 integers of 42 bits
	CREATE TABLE integers AS
	SELECT data, prio_total_share(prio_verifier('a', 'batch', 262122, share_a), share_a) AS total
	FROM (SELECT array_agg(i::bigint) AS data FROM generate_series(1, prio_max_uints(42)) AS i) AS s,
		prio_encode_uint($keys, data, 42)
	GROUP BY data;
	CREATE TABLE report AS
	SELECT s.nonce, s.public_share, s.share_a AS input_share_a, s.share_b AS input_share_b, ones, state_b, prio3_verifier_message('prio3_a',
		prio3_verifier_share(prio3_verify_init('prio3_a', s.nonce, s.public_share, s.share_a)), prio3_verifier_share(state_b)) AS message
	FROM (SELECT array_fill(1::bigint, ARRAY[100000]) AS ones) AS o, prio3_shard('prio3_a', ones) AS s,
		prio3_verify_init('prio3_b', s.nonce, s.public_share, s.share_b) AS state_b;
	CREATE TABLE bits AS SELECT array_agg(i % 2 = 0) AS booleans, repeat('1', $n_data)::varbit AS string FROM generate_series(1, $n_data) AS i;
});

# ------------------------------------------------------------------ what is measured

my $a_lot = 'largest, integers, bits, report, many AS m, many AS l';
my $i = '(m.id * 10000::bigint + l.id)';
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET parallel_leader_participation = off; SET max_parallel_workers_per_gather = 2; SET enable_hashagg = off;};

# [name, statement that goes on and on in one function, the same for once, settings]
my @calls = map { [ $_->[0], "SELECT $_->[1] FROM $a_lot", "SELECT $_->[1] FROM $a_lot WHERE m.id = 1 AND l.id = 1", '' ] } (
	[ 'prio_keygen', 'count((SELECT private_key FROM prio_keygen() WHERE m.id > 0))' ],
	[ 'prio_shared_secret', 'count(prio_shared_secret())' ],
	[ 'prio_encode, boolean[]', "count(prio_encode($keys, booleans))" ],
	[ 'prio_encode, bit varying', "count(prio_encode($keys, string))" ],
	[ 'prio_encode_uint', "count(prio_encode_uint($keys, data, 42))" ],
	[ 'prio_verifier, A', "count(prio_verifier('a', 'batch', $n_data, share_a))" ],
	[ 'prio_verifier, B', "count(prio_verifier('b', 'batch', $n_data, share_b))" ],
	[ 'prio_verifier, a batch a row', "count(prio_verifier('a', 'batch' || $i, $n_data, share_a))" ],
	[ 'prio_verifier, an ordinal a row', "count(prio_verifier('a', 'batch', $n_data, share_a, $i))" ],
	[ 'prio_share_error', "count(prio_share_error('a', 'batch', $n_data, share_a))" ],
	[ 'prio_verify1', 'count(prio_verify1(a))' ],
	[ 'prio_verify2', q{count(prio_verify2(a, '\xa100a100'))} ],
	[ 'prio_is_valid', q{count(prio_is_valid(substr(share_a, 1, 0), '\xa100'))} ],
	[ 'prio_total_share, A', 'length(prio_total_share(a, share_a))' ],
	[ 'prio_total_share, B', 'length(prio_total_share(b, NULL))' ],
	[ 'prio_merge', 'length(prio_merge(total_a))' ],
	[ 'prio_subtract', 'count(prio_subtract(total_a, total_a))' ],
	[ 'prio_total_share_uint', 'count(prio_total_share_uint(total, 42))' ],
	[ 'prio_publish', 'count(prio_publish(total_a, total_b))' ],
	[ 'prio3_shard', q{count((SELECT share_b FROM prio3_shard('prio3_a', ones) WHERE m.id > 0))} ],
	[ 'prio3_verify_init, A', q{count(prio3_verify_init('prio3_a', nonce, public_share, input_share_a))} ],
	[ 'prio3_verify_init, B', q{count(prio3_verify_init('prio3_b', nonce, public_share, input_share_b))} ],
	[ 'prio3_verify_next, B', 'count(prio3_verify_next(state_b, message))' ],
	[ 'prio3_agg_share, B', 'length(prio3_agg_share(state_b, message))' ],
);
push @calls,
  [ 'prio_verifier, a far ordinal', "SELECT count(prio_verifier('a', 'batch', $n_data, share_a, 400000000 + m.id)) FROM largest, many AS m",
	"SELECT prio_verifier('a', 'batch', $n_data, share_a, 10000000) IS NOT NULL FROM largest", '' ],
  map { [ "$_->[0] in workers", "SELECT count(x) FROM (SELECT $_->[1] AS x FROM many AS m $_->[2]) AS s",
	"SELECT count(x) FROM (SELECT $_->[1] AS x FROM many AS m WHERE id <= 2 $_->[2]) AS s", $parallel ] } (
	[ 'prio_encode', "prio_encode($keys, (SELECT string FROM bits))", '' ],
	[ 'prio_verifier', "prio_verifier('a', 'batch' || id, $n_data, (SELECT share_a FROM largest))", '' ],
	[ 'prio_total_share', 'prio_total_share((SELECT b FROM largest), NULL)', 'GROUP BY id' ],
	[ 'prio_merge', 'prio_merge((SELECT total_a FROM largest))', 'GROUP BY id' ],
);

sub run_script
{
	my ($script) = @_;
	my ($out, $err) = ('', '');

	$node->psql('postgres', $script, on_error_stop => 0, stdout => \$out, stderr => \$err);
	return ($out, $err);
}

foreach my $call (grep { $_->[3] ne '' } @calls)
{
	my ($plan) = run_script("$call->[3]\nEXPLAIN (VERBOSE) $call->[1];");
	like($plan, qr/Gather.*prio_/s, "$call->[0], says the plan");
}

# How many milliseconds a call takes when nobody disturbs it, and nothing is cached.
sub duration
{
	my ($call) = @_;
	my ($out) = run_script("$call->[3]\nSELECT length(prio_shared_secret());\n\\timing on\n$call->[2];\n");
	my ($time) = $out =~ /Time: ([0-9.]+) ms/;
	return $time;
}

# ------------------------------------------------------------------ cancelled

# From another session: the milliseconds between pg_cancel_backend() and the end of the
# statement, for each of the statements that the session of that name starts.
$node->safe_psql('postgres', q{
	CREATE FUNCTION cancel_latency(name text, times int, range float) RETURNS SETOF float LANGUAGE plpgsql AS $$
	DECLARE
		session record;
		last_start timestamptz := '-infinity';
		begun timestamptz;
	BEGIN
		FOR i IN 1 .. times LOOP
			LOOP
				PERFORM pg_stat_clear_snapshot();
				SELECT pid, query_start INTO session FROM pg_stat_activity
				WHERE application_name = name AND state = 'active' AND query_start > last_start AND query LIKE 'SELECT%';
				EXIT WHEN FOUND;
				PERFORM pg_sleep(0.001);
			END LOOP;
			last_start := session.query_start;
			PERFORM pg_sleep(0.003 + range / 1000 * random());
			begun := clock_timestamp();
			PERFORM pg_cancel_backend(session.pid);
			LOOP
				PERFORM pg_stat_clear_snapshot();
				PERFORM FROM pg_stat_activity WHERE pid = session.pid AND state = 'active' AND query_start = last_start;
				EXIT WHEN NOT FOUND;
				PERFORM pg_sleep(0.0005);
			END LOOP;
			RETURN NEXT 1000 * extract(epoch FROM clock_timestamp() - begun);
		END LOOP;
	END $$});

sub cancel_latencies
{
	my ($number, $call, $range) = @_;
	my $script = $node->basedir . "/call$number.sql";
	my ($out, $err) = ('', '');

	append_to_file($script, "SET application_name = 'call $number';\n$call->[3]\n" . "$call->[1];\n" x $samples);
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-f', $script, '-d', $node->connstr('postgres') ], '>', \$out, '2>', \$err);
	my @latencies = split /\n/, $node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT cancel_latency('call $number', $samples, $range)");

	$session->finish;
	is(() = $err =~ /canceling statement due to user request/g, $samples, "$call->[0]: every statement is cancelled");
	return @latencies;
}

# ------------------------------------------------------------------ timed out

sub timeout_latencies
{
	my ($call, $range) = @_;
	my @timeouts = map { 3 + int rand $range } 1 .. $samples;
	my ($out, $err) = run_script("$call->[3]\n\\timing on\n" . join '', map { "SET statement_timeout = $_;\n$call->[1];\n" } @timeouts);
	my @times = $out =~ /Time: ([0-9.]+) ms/g;

	is(() = $err =~ /canceling statement due to statement timeout/g, $samples, "$call->[0]: every statement times out");
	# Every other time is that of a SET.
	return map { $times[ 2 * $_ + 1 ] - $timeouts[$_] } 0 .. $#timeouts;
}

# ------------------------------------------------------------------ verdicts

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[ $#sorted / 2 ];
}

# Where nothing stops a call before its end, the median is about half of its duration: so it
# must be well below that, on a slow machine as on a fast one. Whoever else uses the machine makes
# it longer, but not every time.
sub check
{
	my ($name, $duration, $measure) = @_;
	my ($median, @latencies);

	foreach my $try (1 .. 8)
	{
		@latencies = $measure->();
		$median = median(@latencies);
		note sprintf '%s: call %.1f ms, latency %.1f ms, at most %.1f ms', $name, $duration, $median, max(@latencies);
		last if $median < $limit && $median < 25 + $duration / 5;
	}
	cmp_ok($median, '<', $limit, "$name within $limit ms") if $ENV{PRIO_LONG};
	cmp_ok($median, '<', 25 + $duration / 5, "$name long before the end of the call");
	return;
}

my $number = 0;
my $turn = 0;
foreach my $call (@calls)
{
	my $duration = duration($call);
	my $range = max(30, 1.2 * $duration); # of moments, in milliseconds

	# Both come by the same flag: without PRIO_LONG each call has one of the two.
	my $first = $turn++ % 2 == 0;
	check("$call->[0] ends when cancelled", $duration, sub { cancel_latencies($number++, $call, $range) }) if $ENV{PRIO_LONG} || $first;
	check("$call->[0] ends when timed out", $duration, sub { timeout_latencies($call, $range) }) if $ENV{PRIO_LONG} || !$first;
}

# Interrupts that cancel nothing do not make a long computation start over.
is( $node->safe_psql('postgres', qq{
		SET client_connection_check_interval = '2ms';
		SET statement_timeout = '60s';
		SELECT prio_share_error('a', 'batch', $n_data, share_a) IS NULL, prio_verifier('a', 'batch', $n_data, share_a, 100000) IS NOT NULL FROM largest}),
	't|t', 'interrupts that cancel nothing do not make a call start over');

done_testing();
