# Killed anywhere and started again, the job ends with exactly the right totals: backends
# and whole clusters, once at every stage, and with PRIO_LONG=1 more than fifty times at random. Several
# sessions at once get in each other's way no more than that.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{PRIO_SEED} // int(rand(1e9));
srand $seed;
note "PRIO_SEED=$seed";

my $pair = new_pair('restart_after_crash = on');
my %node = map { $_ => $pair->{$_} } 'A', 'B';

# Steps take as long as speed says, or until it says otherwise, and leave a note of who made them.
foreach my $node (values %node)
{
	small_chunks($node, 10);
	$node->safe_psql('postgres', q{
		CREATE TABLE speed AS SELECT 0.0::float8 AS seconds;
		CREATE TABLE step (batch text, pid int DEFAULT pg_backend_pid());
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
		DECLARE
			began timestamptz := clock_timestamp();
		BEGIN
			INSERT INTO public.step VALUES (NEW.batch_id);
			WHILE clock_timestamp() < began + (SELECT seconds FROM public.speed) * interval '1 second' LOOP
				PERFORM pg_sleep(0.01);
			END LOOP;
			RETURN NULL;
		END $$;
		CREATE TRIGGER slow AFTER INSERT OR UPDATE ON prio_processor.stage_progress FOR EACH ROW EXECUTE FUNCTION slow()});
}

sub slow { $node{$_}->safe_psql('postgres', "UPDATE speed SET seconds = $_[0]") foreach 'A', 'B'; return; }

# Sessions in the background.
sub start
{
	my ($role, $sql, $user) = @_;
	my %session = (out => '', err => '');
	$session{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node{$role}->connstr('postgres') . ' ' . ($user // 'user=job'), '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub end { $_->{handle}->finish foreach @_; return; }

my %killed;

# Kills a backend that is at work as the job or the collector, or else any, with SIGKILL.
sub kill_backend
{
	my ($role) = @_;
	my $pid = '';

	for (my $i = 0; $i < 100 && $pid eq ''; $i++)
	{
		$pid = $node{$role}->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity
			WHERE usename IN ('job', 'collector') AND state = 'active' ORDER BY random() LIMIT 1});
	}
	return 0 if $pid eq '';
	$killed{backend} += kill 'KILL', $pid;
	# As long as the process is there, its cluster has not noticed.
	sleep 0.01 while kill 0, $pid;
	return 1;
}

sub kill_cluster
{
	my ($role) = @_;
	$node{$role}->stop('immediate');
	$killed{cluster}++;
	return 1;
}

sub bring_back
{
	my ($role, $kind) = @_;
	$node{$role}->start if $kind eq 'cluster';
	for (my $until = time() + $PostgreSQL::Test::Utils::timeout_default; time() < $until; sleep 0.05)
	{
		my $session = start($role, 'SELECT true', '');
		return if $session->{handle}->finish;
	}
	die "$role does not come back";
}

sub kill_one
{
	my ($role, $kind) = @_;
	my $hit = $kind eq 'cluster' ? kill_cluster($role) : kill_backend($role);

	bring_back($role, $kind);
	slow(0);
	return $hit;
}

# Every share counts once: in the result, in the messages, and in the progress.
sub is_right
{
	my ($batch, $shares, $name) = @_;

	foreach my $role ('A', 'B')
	{
		is(result($pair, $role, $batch), truth($pair, $batch), "$name: $role publishes the truth");
		is( $node{$role}->safe_psql('postgres', qq{
				SELECT (SELECT string_agg(role || round || ':' || count, ',' ORDER BY role, round) FROM (
						SELECT role, round, count(*) FROM prio_processor.message WHERE batch_id = '$batch' GROUP BY role, round) AS m),
					(SELECT string_agg(stage || ':' || done || '/' || total, ',' ORDER BY stage) FROM prio_processor.progress WHERE batch_id = '$batch'),
					(SELECT count(*) FROM prio_processor.rejection WHERE batch_id = '$batch' AND stage <> 'open')}),
			"A1:$shares,A2:$shares,B1:$shares,B2:$shares|"
			  . join(',', map { "$_:$shares/$shares" } qw(open verify1 verify2 aggregate publish)) . '|0',
			"$name: every share was done once by $role");
	}
	return;
}

# ------------------------------------------------------------------ once at every stage

my ($turn, $victim) = (0, 0);
foreach my $kind ('backend', 'cluster')
{
	foreach my $stage ('open', 'close', 'verify1', 'verify2', 'aggregate', 'publish')
	{
		# In the short form one of the two, in turn.
		next if $turn++ % 2 != ($kind eq 'backend' ? 0 : 1) && !$ENV{PRIO_LONG};
		my $batch = "$kind, $stage";
		my $role = ('A', 'B')[ int($victim++ / ($ENV{PRIO_LONG} ? 1 : 2)) % 2 ];

		new_batch($pair, $batch, 8, 3);
		new_clients($pair, $batch, 20, 8);
		if ($stage eq 'open')
		{
			# In the middle of bringing shares, which are brought again.
			my $file = $pair->{A}->basedir . '/killed';
			my $share = 'share_' . lc $role;
			$pair->{A}->safe_psql('clients', "\\copy (SELECT batch, id, $share FROM client WHERE batch = '$batch') TO '$file'");
			$node{$role}->safe_psql('postgres', q{CREATE FUNCTION drip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$;
				DO $$ BEGIN EXECUTE format('CREATE TRIGGER drip BEFORE INSERT ON prio_processor.share_%s FOR EACH ROW EXECUTE FUNCTION drip()',
					(SELECT max(number) FROM prio_processor.batch)); END $$});
			my $session = start($role, "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'", 'user=collector');
			ok(kill_one($role, $kind), "killed: $batch of $role");
			end($session);
			$node{$role}->safe_psql('postgres', 'DROP FUNCTION IF EXISTS drip CASCADE');
		}
		deliver($pair, $batch);
		if ($stage eq 'close')
		{
			slow(60);
			my $session = start($role, "CALL prio_processor.close_batch('$batch')");
			ok(kill_one($role, $kind), "killed: $batch of $role");
			end($session);
		}
		as($_, 'job', "SET client_min_messages = warning; CALL prio_processor.close_batch('$batch')") foreach values %node;

		# Step by step to the stage, and into it.
		if ($stage ne 'open' && $stage ne 'close')
		{
			my $there = "SELECT count(*) FROM prio_processor.batch AS b JOIN prio_processor.stage_progress AS s USING (batch_id, stage)
				WHERE b.batch_id = '$batch' AND stage = '$stage' AND (s.done > 0 OR stage = 'publish')";
			my $other = $other{$role};
			until (as($node{$role}, 'job', $there))
			{
				my $outcome = as($node{$role}, 'job', "SELECT prio_processor.advance('$batch')");
				as($node{$other}, 'job', "SELECT prio_processor.advance('$batch')") if $outcome eq 'waiting';
			}
			run($pair, $other) if $stage eq 'publish';
			slow(60);
			my @sessions = map { start($_, 'CALL prio_processor.run()') } 'A', 'B';
			ok(kill_one($role, $kind), "killed: $batch of $role");
			end(@sessions);
		}
		ok(finish($pair, $batch), "finished: $batch");
		is_right($batch, 20, "killed at $batch");
	}
}

# ------------------------------------------------------------------ several sessions

# Two on either side, on the same batches.
slow(0.01);
my @three = map { "two sessions, $_" } 1 .. 3;
foreach my $batch (@three)
{
	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 30, 8);
	deliver($pair, $batch);
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach values %node;
}
my $said = '';
my $ended = reaches($pair, sub {
	my @sessions = map { start($_, 'CALL prio_processor.run()') } 'A', 'A', 'B', 'B';
	end(@sessions);
	$said .= $_->{err} foreach @sessions;
	return as($node{A}, 'job', q{SELECT count(*) FROM prio_processor.batch WHERE stage < 'published'}) == 0
		&& as($node{B}, 'job', q{SELECT count(*) FROM prio_processor.batch WHERE stage < 'published'}) == 0;
});
ok($ended, 'two sessions on the same batches come to an end');
unlike($said, qr/ERROR|WARNING/, 'and neither fails') or diag $said;
is_right($_, 30, $_) foreach @three;

# Four on four batches: each of them has work, and with a snapshot for a whole transaction as
# the default, too.
$node{$_}->safe_psql('postgres', q{ALTER ROLE job SET default_transaction_isolation = 'serializable'}) foreach 'A', 'B';
my @four = map { "four sessions, $_" } 1 .. 4;
foreach my $batch (@four)
{
	as($node{$_}, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', 8, 3)") foreach 'A', 'B';
	new_clients($pair, $batch, 30, 8);
	deliver($pair, $batch);
	as($_, 'job', "SET default_transaction_isolation = 'read committed'; CALL prio_processor.close_batch('$batch')") foreach values %node;
}
run($pair, 'B');
$node{A}->safe_psql('postgres', 'TRUNCATE step');
$node{A}->poll_query_until('postgres', q{SELECT count(*) = 4 FROM prio_processor.checkpoint WHERE batch_id ~ 'four' AND role = 'B' AND stage = 'verify1'});
slow(0.5);
$said = '';
my @sessions = map { start('A', 'CALL prio_processor.run()') } 1 .. 4;
end(@sessions);
slow(0);
is($node{A}->safe_psql('postgres', 'SELECT count(DISTINCT pid), count(DISTINCT batch) FROM step'), '4|4', 'four sessions work on four batches');
$said .= $_->{err} foreach @sessions;
ok(finish($pair, @four), 'four sessions on four batches come to an end');
unlike($said, qr/ERROR|WARNING/, 'and none fails') or diag $said;
is_right($_, 30, $_) foreach @four;

# ------------------------------------------------------------------ at random

if ($ENV{PRIO_LONG})
{
	my @random = map { "random $_" } 1 .. 4;
	my $all = sub { ($killed{backend} // 0) + ($killed{cluster} // 0) };
	my $before = $all->();

	for (my $round = 1; $all->() - $before < 52; $round++)
	{
		slow(0);
		my @batches = map { "$_, round $round" } @random;
		foreach my $batch (@batches)
		{
			new_batch($pair, $batch, 8, 3);
			new_clients($pair, $batch, 100, 8);
			deliver($pair, $batch);
			as($_, 'job', "SET default_transaction_isolation = 'read committed'; CALL prio_processor.close_batch('$batch')") foreach values %node;
		}
		foreach (1 .. 6)
		{
			slow(0.02);
			my @running = map { start($_, 'CALL prio_processor.run()') } 'A', 'A', 'B', 'B';
			sleep rand 1;
			kill_one((rand 2 < 1 ? 'A' : 'B'), (rand 4 < 1 ? 'cluster' : 'backend'));
			end(@running);
		}
		ok(finish($pair, @batches), "finished: round $round");
		is_right($_, 100, "killed at random: $_") foreach @batches;
	}
}
note join ', ', map { "$_: $killed{$_} kills" } sort keys %killed;

done_testing();
