# Killed anywhere and started again, the job ends with exactly the right totals: backends and whole
# clusters, once at every step, and with PRIO_LONG=1 fifty times at random. Private state that is
# gone is made again to what was said before, whatever has arrived in between.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{PRIO_SEED} // int(rand(1e9));
srand $seed;
note "PRIO_SEED=$seed";

my $pair = new_pair(2, 'restart_after_crash = on');
small_chunks($pair, 10);

# Whoever writes something that is about to be stopped at sleeps; or, at random, a little everywhere.
foreach my $role ('A', 'B')
{
	sql($pair->{$role}, q{
		CREATE TABLE stop (at text, seconds float8);
		INSERT INTO stop VALUES ('', 0);
		CREATE FUNCTION maybe_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
		DECLARE
			here text := TG_TABLE_NAME || coalesce(' ' || (to_jsonb(NEW) ->> TG_ARGV[0]), '');
			began timestamptz := clock_timestamp();
		BEGIN
			-- by which it is known that somebody is here
			PERFORM pg_advisory_xact_lock_shared(4711) FROM public.stop WHERE at = here;
			WHILE EXISTS (SELECT FROM public.stop WHERE at IN (here, 'anywhere') AND clock_timestamp() < began + seconds * interval '1 second') LOOP
				PERFORM pg_sleep(0.01);
			END LOOP;
			RETURN NULL;
		END $$;
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.opened FOR EACH ROW EXECUTE FUNCTION maybe_stop();
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.list FOR EACH ROW EXECUTE FUNCTION maybe_stop('role');
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.memory FOR EACH ROW EXECUTE FUNCTION maybe_stop();
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.work FOR EACH ROW EXECUTE FUNCTION maybe_stop();
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.message FOR EACH ROW EXECUTE FUNCTION maybe_stop('round');
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_internal.stage_time FOR EACH ROW EXECUTE FUNCTION maybe_stop('stage');
		CREATE TRIGGER maybe_stop AFTER INSERT ON prio_processor.result FOR EACH ROW EXECUTE FUNCTION maybe_stop()});
}

sub stop_at { my ($at, $seconds, @roles) = @_; sql($pair->{$_}, "UPDATE stop SET at = '$at', seconds = $seconds") foreach @roles; return; }

# Sessions in the background.
sub start
{
	my ($role, $sql, $user) = @_;
	my %session = (err => '');
	my $side = $pair->{$role};
	$session{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-d', $side->{node}->connstr($side->{database}) . ' user=' . ($user // 'job'), '-c', $sql ],
		'<', \undef, '>', \my $out, '2>', \$session{err});
	return \%session;
}

sub end { $_->{handle}->finish foreach @_; return; }

# Ends run() on a side that is not killed, instead of having it wait for all its patience.
sub cancel { my ($role) = @_; sql($pair->{$role}, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'job'}); return; }

my %killed = (backend => 0, cluster => 0);

# Kills a process that is at work, or its cluster, and has both back.
sub kill_one
{
	my ($role, $kind, $pid) = @_;
	my $node = $pair->{$role}{node};

	if ($kind eq 'cluster')
	{
		$node->stop('immediate');
		$node->start;
		$killed{cluster}++;
	}
	else
	{
		$killed{backend} += kill 'KILL', $pid;
		# As long as the process is there, its cluster has not noticed.
		sleep 0.01 while kill 0, $pid;
		for (my $until = time() + $PostgreSQL::Test::Utils::timeout_default; time() < $until; sleep 0.05)
		{
			last if (start($role, 'SELECT'))->{handle}->finish;
		}
	}
	return;
}

# Every share counts once: in the result, and in the messages. late: who came after the list of a side.
sub is_right
{
	my ($batch, $shares, $name, %late) = @_;
	my $truth = truth($pair, $batch);

	foreach my $role ('A', 'B')
	{
		is( sql($pair->{$role}, qq{
				SELECT r.counts, r.valid,
					(SELECT string_agg(role || round || ': ' || entries, ', ' ORDER BY role, round)
						FROM (SELECT m.role, m.round, count(e.payload) AS entries FROM prio_internal.message AS m,
								LATERAL prio_internal.message_entries(m.payload) AS e WHERE m.number = b.number GROUP BY 1, 2) AS m),
					(SELECT string_agg(stage || ', ' || reason || ': ' || shares, ', ') FROM prio_processor.rejections AS x WHERE x.batch_id = b.batch_id),
					(SELECT count(*) FROM prio_internal.opened AS o WHERE o.number = b.number) + (SELECT count(*) FROM prio_internal.work AS w WHERE w.number = b.number)
				FROM prio_processor.batch AS b JOIN prio_processor.result AS r USING (batch_id) WHERE batch_id = '$batch'}),
			"$truth|A1: $shares, A2: $shares, B1: $shares, B2: $shares|" . ($late{$role} ? "close, late: $late{$role}" : '') . '|0',
			"$name: $role publishes the truth, and did every share once");
	}
	return;
}

# ------------------------------------------------------------------ once at every step

# Where a side is stopped, in the order in which a batch gets there.
my @points = ('share', 'stage_time open', 'opened', 'stage_time close', 'list own', 'list other', 'memory', 'work', 'message 1', 'message 2',
	'stage_time round 2', 'stage_time aggregate', 'result');
my $turn = 0;
foreach my $point (@points)
{
	# In the short form one way and one side a point, in turn.
	my @ways = map { my $kind = $_; map { [ $kind, $_ ] } 'A', 'B' } 'backend', 'cluster';
	@ways = $ways[ $turn++ * 3 % 4 ] if !$ENV{PRIO_LONG};
	foreach my $way (@ways)
	{
		my ($kind, $role) = @$way;
		my $batch = "$point, $kind of $role";
		my $side = $pair->{$role};
		my $at = $point =~ s/own/$role/r =~ s/other/$other{$role}/r;

		new_batch($pair, $batch, 8, 3);
		new_clients($pair, $batch, 25, 8);
		my $sleeping = q{SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711};
		my @sessions;
		if ($point eq 'share')
		{
			# In the middle of bringing shares, which are brought again.
			my $file = $pair->{clients}{node}->basedir . '/killed';
			my $share = 'share_' . lc $role;
			sql($pair->{clients}, "\\copy (SELECT batch, id, $share FROM client WHERE batch = '$batch') TO '$file'");
			sql($side, q{CREATE FUNCTION drip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711), pg_sleep(60); RETURN NEW; END $$;
				DO $$ BEGIN EXECUTE format('CREATE TRIGGER drip BEFORE INSERT ON prio_internal.share_%s FOR EACH ROW EXECUTE FUNCTION drip()',
					(SELECT max(number) FROM prio_processor.batch)); END $$});
			push @sessions, start($role, "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'", 'collector');
		}
		else
		{
			deliver($pair, $batch);
			stop_at($at, 60, $role);
			as($pair->{ $other{$role} }, 'job', "CALL prio_processor.close_batch('$batch')");
			push @sessions, start($role, "CALL prio_processor.close_batch('$batch')");
			end(shift @sessions) if $point ne 'stage_time open';
			push @sessions, map { start($_, "CALL prio_processor.run('1min')") } 'A', 'B' if $point ne 'stage_time open';
		}
		ok($side->{node}->poll_query_until($side->{database}, "SELECT count(*) = 1 FROM ($sleeping) AS s"), "$batch is there");
		my $said = q{SELECT count(*), md5(string_agg(m::text, ',' ORDER BY m::text)) FROM prio_internal.message AS m};
		my $before = sql($side, $said);
		kill_one($role, $kind, sql($side, $sleeping));
		cancel($other{$role});
		sql($side, q{SET client_min_messages = warning; UPDATE stop SET at = ''; DROP FUNCTION IF EXISTS drip() CASCADE});
		end(@sessions);
		is(sql($side, $said), $before, "$batch: what was committed is there, and nothing else");
		deliver($pair, $batch) if $point eq 'share';
		as($pair->{$_}, 'job', "SET client_min_messages = warning; CALL prio_processor.close_batch('$batch')") foreach 'A', 'B';
		# One more is late, in the last block of those that are opened again.
		sql($side, "INSERT INTO prio_processor.share SELECT '$batch', gen_random_uuid(), NULL, NULL, payload FROM prio_processor.share WHERE batch_id = '$batch' LIMIT 1")
			if $point =~ /work|message/;
		ok(finish($pair, $batch), "$batch: it is finished");
		is_right($batch, 25, $batch, $role => $point =~ /work|message/ ? 1 : 0);
		as($pair->{$_}, 'job', "CALL prio_processor.drop_batch('$batch')") foreach 'A', 'B';
	}
}

# ------------------------------------------------------------------ private state

# All is said in both rounds when the state goes. What else arrived by then: the listed ids again, with other packets, and
# new ones; copies of a packet; and what is no packet.
new_batch($pair, 'again', 8, 3);
new_clients($pair, 'again', 25, 8);
new_clients($pair, 'other', 25, 8, undef, 'again');
deliver($pair, 'again');
close_both($pair, 'again');
my ($A, $B) = @{$pair}{ 'A', 'B' };
run($pair, 'A', 'B', 'A');
is(stage_of($pair, 'A', 'again'), 'aggregate', 'A has said all of both rounds');
my $again = q{FROM prio_internal.work AS w JOIN prio_internal.agreed AS a USING (number, chunk) JOIN prio_internal.message AS m USING (number, chunk)
	WHERE m.role = 'A' AND number = (SELECT number FROM prio_processor.batch WHERE batch_id = 'again')};
my $digest = "SELECT count(*), md5(string_agg(w.chunk || encode(w.records, 'hex'), ',' ORDER BY w.chunk)) $again AND m.round = 1";
my $before = sql($A, $digest);
like($before, qr/^3\|/, 'with three chunks of private state');
my $listed = sql($A, q{SELECT md5(string_agg(l::text, ',' ORDER BY l::text)) FROM prio_internal.list AS l});
sql($pair->{clients}, q{UPDATE client AS c SET id = a.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM client WHERE batch = 'again') AS a,
	(SELECT id, row_number() OVER (ORDER BY id) AS n FROM client WHERE batch = 'other') AS o WHERE c.id = o.id AND o.n = a.n AND a.n <= 15 AND c.batch = 'other'});
my $file = $pair->{clients}{node}->basedir . '/late';
sql($pair->{clients}, qq{\\copy (SELECT 'again', id, share_a FROM client WHERE batch = 'other' UNION ALL SELECT 'again', gen_random_uuid(), share_a FROM client WHERE batch = 'again' UNION ALL SELECT 'again', gen_random_uuid(), '\\x00') TO '$file'});
as($A, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
$A->{node}->stop('immediate');
$A->{node}->start;
is(sql($A, $digest), '0|', 'after an immediate stop there is none');
run($pair, 'A');
is(sql($A, $digest), $before, 'run() makes the same again, whatever has arrived');
is( sql($A, "SELECT bool_and(m.payload = CASE m.round WHEN 1 THEN prio_internal.round1(w.records, a.left_out) ELSE prio_internal.round2('telemetry', w.records, a.left_out,
		prio_internal.said(number, 'A', 1, chunk), prio_internal.said(number, 'B', 1, chunk)) END), count(*) $again"), 't|6', 'and would say the same in both rounds');
ok(sql($A, 'SELECT sum(shares) > 25 FROM prio_internal.opened'), 'though more has been opened');
ok(finish($pair, 'again'), 'the batch is finished');
is_right('again', 25, 'after late shares were opened as well', A => 51);
is(sql($A, q{SELECT md5(string_agg(l::text, ',' ORDER BY l::text)) FROM prio_internal.list AS l}), $listed, 'and change no list');

# Private state as another version may have left it.
new_batch($pair, 'updated', 8, 3);
new_clients($pair, 'updated', 25, 8);
deliver($pair, 'updated');
close_both($pair, 'updated');
run($pair, 'A', 'B');
sql($A, 'UPDATE prio_internal.opened SET opened = set_byte(opened, 1, 200)');
like(run($pair, 'A'), qr/WARNING:  batch "updated": .* were stored by another version of the extension\. Where all .* TRUNCATE prio_internal\.opened, prio_internal\.work: /,
	'private state of another version is an error that says what to do');
sql($A, 'TRUNCATE prio_internal.opened, prio_internal.work');
ok(finish($pair, 'updated'), 'and the batch goes on');
is_right('updated', 25, 'after that');

# Shares that do not open to what they did are the end of the batch, not of what was said.
new_batch($pair, 'damaged', 8, 3);
new_clients($pair, 'damaged', 25, 8);
deliver($pair, 'damaged');
close_both($pair, 'damaged');
run($pair, 'A', 'B', 'A');
sql($A, q{
	DO $$ DECLARE n int := (SELECT number FROM prio_processor.batch WHERE batch_id = 'damaged');
	BEGIN
		EXECUTE format('ALTER TABLE prio_internal.share_%s DISABLE TRIGGER keep_share', n);
		EXECUTE format('UPDATE prio_internal.share_%s SET payload = NULL WHERE ctid = ''(0,1)''', n);
		EXECUTE format('ALTER TABLE prio_internal.share_%s ENABLE TRIGGER keep_share', n);
		DELETE FROM prio_internal.opened;
		DELETE FROM prio_internal.work;
	END $$});
like(run($pair, 'A'), qr/WARNING:  batch "damaged": shares of batch "damaged" do not open to what they did before\. Its keys, or its shares, are not what they were\. give_up_batch\(\)/, 'a share that is gone is noticed');
is(sql($A, q{SELECT stage, total IS NULL FROM prio_processor.batch WHERE batch_id = 'damaged'}), 'aggregate|t', 'and A has no total');
as($A, 'job', q{CALL prio_processor.give_up_batch('damaged')});
as($B, 'job', q{CALL prio_processor.give_up_batch('damaged')});

# ------------------------------------------------------------------ at random

if ($ENV{PRIO_LONG})
{
	my $before_random = $killed{backend} + $killed{cluster};
	for (my $round = 1; $killed{backend} + $killed{cluster} - $before_random < 50; $round++)
	{
		my @batches = map { "random $_, round $round" } 1 .. 3;
		foreach my $batch (@batches)
		{
			new_batch($pair, $batch, 8, 3);
			new_clients($pair, $batch, 100, 8);
			deliver($pair, $batch);
		}
		close_both($pair, @batches);
		foreach (1 .. 6)
		{
			stop_at('anywhere', 0.03, 'A', 'B');
			my @running = map { start($_, "CALL prio_processor.run('5s')") } 'A', 'A', 'B', 'B';
			sleep rand 2;
			my $role = rand 2 < 1 ? 'A' : 'B';
			my $pid = sql($pair->{$role}, q{SELECT pid FROM pg_stat_activity WHERE usename = 'job' AND state = 'active' ORDER BY random() LIMIT 1});
			kill_one($role, $pid eq '' || rand 4 < 1 ? 'cluster' : 'backend', $pid);
			end(@running);
		}
		stop_at('', 0, 'A', 'B');
		ok(finish($pair, @batches), "finished: round $round");
		is_right($_, 100, "killed at random: $_") foreach @batches;
		as($pair->{$_}, 'job', join '; ', map { "CALL prio_processor.drop_batch('$_')" } @batches) foreach 'A', 'B';
	}
}
note "$killed{backend} backends and $killed{cluster} clusters were killed";

done_testing();
