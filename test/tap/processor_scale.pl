# What a share costs does not depend on how many there are, and memory stays flat: every stage
# with 5 000 and with 40 000 shares of 128 bits, with PRIO_LONG=1 10 000 and a million. Prints
# the CPU time a share of each stage.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my ($few, $many, $piece) = $ENV{PRIO_LONG} ? (10_000, 1_000_000, 10_000) : (5_000, 40_000, 5_000);
my $n = 128;
my $chunk = $piece / 5;

my $pair = new_pair('max_wal_size = 4GB', 'jit = off');
my %node = map { $_ => $pair->{$_} } 'A', 'B';
my %keys = %{ $pair->{keys} };

# CPU time of a process in microseconds.
sub cpu_time
{
	my ($pid) = @_;
	return (split / /, slurp_file("/proc/$pid/schedstat"))[0] / 1000;
}

# Every step notes where it is, and what its process has taken so far.
foreach my $node (values %node)
{
	small_chunks($node, $chunk);
	$node->safe_psql('postgres', q{
		CREATE TABLE step (batch text, stage text, done bigint, cpu_time numeric, memory bigint, at timestamptz DEFAULT clock_timestamp());
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			INSERT INTO public.step VALUES (NEW.batch_id, NEW.stage, NEW.done, split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric / 1000,
				(regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s*(\d+) kB'))[1]::bigint);
			RETURN NULL;
		END $$;
		CREATE TRIGGER note AFTER UPDATE ON prio_processor.stage_progress FOR EACH ROW EXECUTE FUNCTION note()});
}

# ------------------------------------------------------------------ clients, and their shares

# Runs commands of a shell at the same time.
sub in_parallel
{
	my @running = map { IPC::Run::start([ 'bash', '-c', "set -e -o pipefail; $_" ]) } @_;
	foreach (@running) { $_->finish or die 'a command failed'; }
	return;
}

my $clients = "psql -X -q -v ON_ERROR_STOP=1 -d \"" . $node{A}->connstr('clients') . '"';
$node{A}->safe_psql('clients', qq{
	CREATE UNLOGGED TABLE piece (id int, share_a bytea, share_b bytea);
	CREATE PROCEDURE make(batch text, first int, last int) LANGUAGE sql AS \$\$
		INSERT INTO piece SELECT id, share_a, share_b FROM generate_series(first, last) AS id,
			LATERAL (SELECT array_agg((id + i) % 7 < 3 ORDER BY i) AS data FROM generate_series(1, $n) AS i) AS d,
			prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', batch, data) \$\$});

# Brings so many clients' shares to both sides, and returns the CPU time that each piece took
# there: { A => [ ... ], B => [ ... ] }.
sub bring
{
	my ($batch, $count) = @_;
	my %took = (A => [], B => []);

	new_batch($pair, $batch, $n, 10);
	for (my $first = 1; $first <= $count; $first += $piece)
	{
		my $half = $first + $piece / 2;
		my $last = $first + $piece - 1;
		in_parallel(map { "$clients -c \"CALL make('$batch', $_->[0], $_->[1])\"" } [ $first, $half - 1 ], [ $half, $last ]);
		foreach my $role ('A', 'B')
		{
			my $share = 'share_' . lc $role;
			my $file = $node{A}->basedir . '/piece';
			$node{A}->safe_psql('clients', "\\copy (SELECT '$batch', md5('$batch' || id)::uuid, $share FROM piece) TO '$file' (FORMAT binary)");
			my $session = $node{$role}->background_psql('postgres', extra_params => [ '-U', 'collector' ]);
			my $pid = $session->query_safe('SELECT pg_backend_pid()');
			my $before = cpu_time($pid);
			$session->query_safe("\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file' (FORMAT binary)");
			push @{ $took{$role} }, cpu_time($pid) - $before;
			$session->quit;
			unlink $file;
		}
		$node{A}->safe_psql('clients', 'TRUNCATE piece');
	}
	as($node{$_}, 'job', "CALL prio_processor.close_batch('$batch')") foreach 'A', 'B';
	return %took;
}

# ------------------------------------------------------------------ the job

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

my %cost;    # { batch }{ stage and role }: microseconds of CPU time a share
foreach my $batch ('few', 'many')
{
	my $count = $batch eq 'few' ? $few : $many;
	my %took = bring($batch, $count);
	my %applied = map { $_ => cpu_time($node{$_}->safe_psql('postgres', 'SELECT pid FROM pg_stat_subscription WHERE relid IS NULL')) } 'A', 'B';

	# Both at once, as in real life. The last pieces of many shares cost the most if any do.
	for (my $i = 0; $i < 1000; $i++)
	{
		in_parallel(map { 'psql -X -q -d "' . $node{$_}->connstr('postgres') . q{ user=job" -c 'SET client_min_messages = warning' -c "CALL prio_processor.run('20 seconds')"} } 'A', 'B');
		last if stage_is($pair, 'A', $batch) eq 'published' && stage_is($pair, 'B', $batch) eq 'published';
	}
	foreach my $role ('A', 'B')
	{
		my $pid = $node{$role}->safe_psql('postgres', 'SELECT pid FROM pg_stat_subscription WHERE relid IS NULL');
		$cost{$batch}{"arrival of messages, $role"} = (cpu_time($pid) - $applied{$role}) / (2 * $count);
		my @last = @{ $took{$role} };
		@last = @last[ @last / 2 .. $#last ];
		$cost{$batch}{"arrival of shares, $role"} = median(@last) / $piece;
		foreach my $stage ('verify1', 'verify2', 'aggregate')
		{
			my @chunks = map { (split /\|/)[1] } split /\n/, $node{$role}->safe_psql('postgres', qq{
				SELECT done, took FROM (SELECT done, done - lag(done) OVER w AS shares, cpu_time - lag(cpu_time) OVER w AS took FROM step
					WHERE batch = '$batch' AND stage = '$stage' WINDOW w AS (ORDER BY done, at)) AS s
				WHERE shares = $chunk AND took >= 0 AND done > $count / 2 ORDER BY done});
			$cost{$batch}{"$stage, $role"} = median(@chunks) / $chunk;
		}
		is(result($pair, $role, $batch), $node{A}->safe_psql('postgres', qq{
				SELECT array_agg((SELECT count(*) FROM generate_series(1, $count) AS id WHERE (id + i) % 7 < 3) ORDER BY i), $count FROM generate_series(1, $n) AS i}),
			"$role publishes the truth about $count clients");
	}
}

note sprintf '%-26s %8s %8s', 'microseconds a share', $few, $many;
foreach my $what (sort keys %{ $cost{few} })
{
	note sprintf '%-26s %8.1f %8.1f', $what, $cost{few}{$what}, $cost{many}{$what};
	cmp_ok($cost{many}{$what}, '<', 2.5 * $cost{few}{$what}, "a share costs the same whether there are $few or $many: $what");
}
foreach my $role ('A', 'B')
{
	my ($early, $late) = split /\|/, $node{$role}->safe_psql('postgres', qq{
		SELECT max(memory) FILTER (WHERE done <= $many / 4), max(memory) FILTER (WHERE done > $many / 4) FROM step WHERE batch = 'many' AND stage = 'verify1'});
	note "memory of run() on $role: $early kB, then $late kB";
	cmp_ok($late - $early, '<', 8 * 1024, "memory of run() stays flat on $role");
}

done_testing();
