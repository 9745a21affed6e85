# A backend is killed with SIGKILL in every step of the job, at some moment, or the whole
# cluster is stopped with no time to clean up. It comes up again, nothing of the step is
# there, and the step done again, and all that follow, end with the truth: nothing is lost
# and nothing counts twice.
#
# Runs at night: processor_crash.pl does the same to the job, whose steps call these functions.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;
use Time::HiRes 'usleep';

my @settings = ('restart_after_crash = on', 'wal_level = replica', 'jit = off', 'parallel_setup_cost = 0',
	'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0', 'parallel_leader_participation = off');
my %node = (A => share_sessions(new_cluster('a', @settings)), B => share_sessions(new_cluster('b', @settings)));
my %other = (A => 'B', B => 'A');
my %keys = make_keys($node{A});
my $clients = 2000;
note 'seed of the random moments: ' . srand;

foreach my $role ('A', 'B')
{
	make_server($node{$role}, 'telemetry', $role, %keys);
	$node{$role}->safe_psql('postgres', q{
		CREATE TABLE share (id int PRIMARY KEY, payload bytea);
		CREATE TABLE verifier (id int PRIMARY KEY, verifier prio_verifier);
		CREATE TABLE verify1 (id int PRIMARY KEY, message bytea);
		CREATE TABLE verify2 (id int PRIMARY KEY, message bytea);
		CREATE TABLE peer_verify1 (LIKE verify1 INCLUDING ALL);
		CREATE TABLE peer_verify2 (LIKE verify2 INCLUDING ALL);
		CREATE TABLE partial (part int PRIMARY KEY, total bytea);
		CREATE TABLE total (role text PRIMARY KEY, total bytea);
		CREATE TABLE result (name text PRIMARY KEY, counts bigint[]);
	});
}
$node{A}->safe_psql('postgres', 'CREATE TABLE client (id int PRIMARY KEY, data boolean[], share_a bytea, share_b bytea)');
my %files = map { $_ => [ sort(slurp_dir($node{$_}->data_dir)) ] } keys %node;

# Starts a statement in a session of its own and waits until it runs; in workers, if it is
# to. Returns the session, and the process that runs it.
sub start_victim
{
	my ($node, $statement, $kind) = @_;
	my $session = { out => '', err => '' };

	$session->{run} = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . ' application_name=victim', '-c', $statement ],
		'>', \$session->{out}, '2>', \$session->{err});
	$node->poll_query_until('postgres', qq{
		SELECT count(*) > 0 FROM pg_stat_activity
		WHERE application_name = 'victim' AND state = 'active' AND backend_type = '$kind'}) or die 'no victim';
	my ($pid) = split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND backend_type = '$kind'");
	usleep(rand 100_000);
	return ($session, $pid);
}

# The statement must have been cut off, and the cluster works again.
sub end_of_victim
{
	my ($node, $session, $name) = @_;

	$session->{run}->finish;
	like($session->{err}, qr/connection to server was lost|terminating connection/, "$name: cut off");
	$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'cluster did not come back';
	return;
}

sub kill_in
{
	my ($node, $name, $statement, $kind) = @_;
	my ($session, $pid) = start_victim($node, $statement, $kind // 'client backend');
	my $log = -s $node->logfile;

	kill 'KILL', $pid or die "kill: $!";
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log);
	end_of_victim($node, $session, $name);
	return;
}

sub stop_in
{
	my ($node, $name, $statement) = @_;
	my ($session) = start_victim($node, $statement, 'client backend');

	$node->stop('immediate');
	$node->start;
	end_of_victim($node, $session, $name);
	return;
}

# A step fills a table: INSERT INTO $table $query. Killed, it has each row so often that it
# would not end in hours; then the table must be as it was. $rows is what it has at last.
my $for_hours = 'generate_series(1, 10000) AS i, generate_series(1, 10000) AS j';

sub step
{
	my ($role, $name, $table, $query, $rows, $end) = @_;
	my $node = $node{$role};
	my $slow = $query =~ s/\bFROM\b/FROM $for_hours,/r;
	my $before = $node->safe_psql('postgres', "SELECT count(*) FROM $table");

	($end // \&kill_in)->($node, "$name on $role", "INSERT INTO $table $slow ON CONFLICT DO NOTHING");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $table"), $before, "$name on $role: nothing of it is there");
	$node->safe_psql('postgres', "INSERT INTO $table $query ON CONFLICT DO NOTHING");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $table"), $rows, "$name on $role: done again");
	return;
}

step('A', 'encode', 'client', qq{
	SELECT id, data, share_a, share_b
	FROM generate_series(1, $clients) AS id,
		LATERAL (SELECT array_agg(id % (i + 1) = 0 ORDER BY i) AS data FROM generate_series(1, 20) AS i) AS d,
		prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', 'batch', data)}, $clients);
# One client in 50 damages its share for A, one in 70 that for B.
exchange($node{A}, 'SELECT id, CASE WHEN id % 50 = 0 THEN set_byte(share_a, 70, get_byte(share_a, 70) # 1) ELSE share_a END FROM client',
	$node{A}, 'share');
exchange($node{A}, 'SELECT id, CASE WHEN id % 70 = 0 THEN set_byte(share_b, 70, get_byte(share_b, 70) # 1) ELSE share_b END FROM client',
	$node{B}, 'share');

# A opens in chunks, as a job does, and goes on where it stopped, killed three times; each
# packet is opened 20 times, so that this does not end too early.
my $chunk = 20;
foreach my $try (1 .. 3)
{
	my $before = $node{A}->safe_psql('postgres', 'SELECT count(*) FROM verifier');
	kill_in($node{A}, "open in chunks, $try", qq{
		DO \$\$
		DECLARE done bigint;
		BEGIN
			LOOP
				INSERT INTO verifier
				SELECT id, (SELECT prio_verifier('telemetry', 'batch', 20, payload) FROM generate_series(1, 20) OFFSET 19)
				FROM share WHERE id NOT IN (SELECT id FROM verifier) ORDER BY id LIMIT $chunk;
				GET DIAGNOSTICS done = ROW_COUNT;
				EXIT WHEN done = 0;
				COMMIT;
			END LOOP;
			PERFORM pg_sleep(3600);
		END \$\$});
	my $after = $node{A}->safe_psql('postgres', 'SELECT count(*) FROM verifier');
	cmp_ok($after, '>=', $before, "open in chunks, $try: what was committed stays ($after)");
	is($after % $chunk, 0, "open in chunks, $try: only whole chunks are there");
}
step($_, 'open', 'verifier', q{SELECT id, prio_verifier('telemetry', 'batch', 20, payload) FROM share}, $clients) foreach 'A', 'B';

step($_, 'verify1', 'verify1', 'SELECT id, prio_verify1(verifier) FROM verifier WHERE verifier IS NOT NULL',
	$clients - int($clients / ($_ eq 'A' ? 50 : 70))) foreach 'A', 'B';
exchange($node{$_}, 'TABLE verify1', $node{ $other{$_} }, 'peer_verify1') foreach 'A', 'B';

my $both = $clients - int($clients / 50) - int($clients / 70) + int($clients / 350);
step($_, 'verify2', 'verify2', 'SELECT id, prio_verify2(verifier, message) FROM verifier JOIN peer_verify1 USING (id) WHERE verifier IS NOT NULL',
	$both, $_ eq 'A' ? \&kill_in : \&stop_in) foreach 'A', 'B';
exchange($node{$_}, 'TABLE verify2', $node{ $other{$_} }, 'peer_verify2') foreach 'A', 'B';

foreach my $role ('A', 'B')
{
	step($role, 'total', 'partial', q{
		SELECT id % 10, prio_total_share(verifier, payload)
		FROM share JOIN verifier USING (id) JOIN verify2 USING (id) JOIN peer_verify2 USING (id)
		WHERE prio_is_valid(verify2.message, peer_verify2.message) GROUP BY 1}, 10);
	step($role, 'merge', 'total', "SELECT '$role', prio_merge(total) FROM partial", 1);
}

# In the middle of a parallel query: the leader, and a worker.
foreach my $kind ('client backend', 'parallel worker')
{
	kill_in($node{A}, "parallel total, $kind", qq{
		CREATE TABLE in_parallel AS
		SELECT prio_total_share(verifier, payload) FROM share JOIN verifier USING (id), $for_hours}, $kind);
	is($node{A}->safe_psql('postgres', q{SELECT to_regclass('in_parallel') IS NULL}), 't', "parallel total, $kind: nothing of it is there");
	is( $node{A}->safe_psql('postgres', q{
			SELECT prio_total_share(verifier, payload) = (SELECT total FROM total)
			FROM share JOIN verifier USING (id) JOIN verify2 USING (id) JOIN peer_verify2 USING (id)
			WHERE prio_is_valid(verify2.message, peer_verify2.message)}),
		't', "parallel total, $kind: done again");
}

exchange($node{$_}, "SELECT * FROM total WHERE role = '$_'", $node{ $other{$_} }, 'total') foreach 'A', 'B';
my $truth = $node{A}->safe_psql('postgres', q{
	SELECT array_agg(count ORDER BY i) FROM (SELECT i, count(*) FILTER (WHERE bit) FROM client,
		unnest(data) WITH ORDINALITY AS d (bit, i) WHERE id % 50 <> 0 AND id % 70 <> 0 GROUP BY i) AS s});
foreach my $role ('A', 'B')
{
	step($role, 'publish', 'result', q{SELECT 'all', prio_publish(a.total, b.total) FROM total AS a JOIN total AS b ON a.role = 'A' AND b.role = 'B'}, 1);
	is($node{$role}->safe_psql('postgres', 'SELECT counts FROM result'), $truth, "what $role publishes is the truth");
	is( $node{$role}->safe_psql('postgres', q{
			SELECT count(*) FROM share JOIN verifier USING (id)
			WHERE prio_verifier_send(verifier) IS DISTINCT FROM prio_verifier_send(prio_verifier('telemetry', 'batch', 20, payload))}),
		0, "every verifier on $role is what it would be without a crash");
	is_deeply([ sort(slurp_dir($node{$role}->data_dir)) ], $files{$role}, "no file is left in the directory of $role");
	is_deeply([ grep { /^[^.]/ } -d $node{$role}->data_dir . '/base/pgsql_tmp' ? slurp_dir($node{$role}->data_dir . '/base/pgsql_tmp') : () ],
		[], "... nor among its temporary files");
}

done_testing();
