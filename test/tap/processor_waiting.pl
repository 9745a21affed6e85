# run() waits for nobody in this database: not for who is inserting shares, who dumps it, who is in the midst
# of running it, nor for seven hundred batches that nobody dropped.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $share = 'INSERT INTO prio_processor.share (batch_id, share_id, payload)';
# Nothing in here takes nearly as long, however busy the machine is; what waits for a lock takes for ever.
my $patience = q{SET statement_timeout = '60s'; };

# Processor time of a backend so far, in seconds.
sub cpu
{
	my ($pid) = @_;
	my @fields = split ' ', slurp_file("/proc/$pid/stat") =~ s/.*\) //r;
	return ($fields[11] + $fields[12]) / 100;
}

# ------------------------------------------------------------------ an idle collector (idle_collector.sql)

new_batch($pair, $_, 6, 5, "close_at => now() - interval '1 hour'") foreach 'due';
new_batch($pair, $_, 6, 5) foreach 'other', 'old';
new_clients($pair, $_, 8, 6) foreach 'due', 'other';
deliver($pair, $_) foreach 'due', 'other';
close_both($pair, 'other');
as($A, 'job', q{CALL prio_processor.give_up_batch('old')});
my $idle = session($A, 'collector');
$idle->query("BEGIN; $share VALUES ('due', gen_random_uuid(), '\\x00'), ('nothing yet', gen_random_uuid(), '\\x00')");
my $reader = session($A, 'postgres' eq sql($A, 'SELECT current_user') ? 'postgres' : sql($A, 'SELECT current_user'));
# what pg_dump holds for as long as it runs
$reader->query('BEGIN; SELECT count(*) FROM prio_processor.share; SELECT count(*) FROM prio_internal.early_share; SELECT count(*) FROM prio_processor.batch');
like(error_as($A, 'job', $_), qr/^$/, "6. an idle collector and pg_dump do not stop: $_") foreach "${patience}CALL prio_processor.run()", "${patience}SELECT * FROM prio_processor.progress",
  "${patience}CALL prio_processor.create_batch('late', 'telemetry', 6, 5)", "${patience}CALL prio_processor.drop_batch('old')", "${patience}CALL prio_processor.run()";
as($B, 'job', q{CALL prio_processor.create_batch('late', 'telemetry', 6, 5)});
new_clients($pair, 'late', 8, 6);
is(error_as($A, 'collector', "${patience}$share SELECT 'other', gen_random_uuid(), '\\x00'"), '', 'other collectors go on');
deliver($pair, 'late');
is(sql($A, q{SELECT count(*) FROM prio_internal.early_share}), 0, 'shares for a batch that could not be made a partition yet are with it');
ok(finish($pair, 'due', 'other'), '6. other batches go on, and one that is due closes');
is(result($pair, 'A', $_), truth($pair, $_), "6. without the share that was not committed: $_") foreach 'due', 'other';
is(as($A, 'job', q{SELECT dropped_at IS NULL, drop_wanted FROM prio_processor.batch WHERE batch_id = 'old'}), 't|t', 'a drop waits its turn');
$idle->query('COMMIT');
$reader->query('COMMIT');
is($idle->{stderr} . $reader->{stderr}, '', 'they come to an end without an error');
run($pair, 'A');
is(as($A, 'job', q{SELECT dropped_at IS NULL FROM prio_processor.batch WHERE batch_id = 'old'}), 'f', 'and the next run() drops what was to be dropped');
is(sql($A, q{SELECT count(*) FROM prio_processor.share WHERE batch_id = 'late'}), 8, 'and lets shares in');
close_both($pair, 'late');
ok(finish($pair, 'late'), 'that batch is finished as well');
is(result($pair, 'A', 'late'), truth($pair, 'late'), 'and right');

# ------------------------------------------------------------------ an operator who goes away in a transaction

as($_, 'job', q{CALL prio_processor.create_batch('to be dropped', 'telemetry', 6, 5); CALL prio_processor.give_up_batch('to be dropped')}) foreach $A, $B;
my $gone = session($A, 'job');
$gone->query(q{BEGIN; CALL prio_processor.create_batch('not yet', 'telemetry', 6, 5); CALL prio_processor.drop_batch('to be dropped')});
is(error_as($A, 'collector', "${patience}$share VALUES ('not yet', gen_random_uuid(), '\\x00'), ('no such batch', gen_random_uuid(), '\\x00'), ('to be dropped', gen_random_uuid(), '\\x00')"),
	'', 'a batch that is being made or dropped in an open transaction is in the way of no collector');
$gone->query('COMMIT');
like($gone->{stderr}, qr/in a transaction: shares of batch "not yet" lie beside until the next run\(\).*in a transaction: the next run\(\) drops batch "to be dropped"/s, 'and says when it takes effect');
$gone->query('BEGIN; SELECT prio_internal.look_after()');
is(error_as($A, 'collector', "${patience}$share VALUES ('no such batch', gen_random_uuid(), '\\x00')"), '', 'nor is what run() does about that, when somebody calls it in a transaction');
$gone->query('COMMIT');
run($pair, 'A');
is(sql($A, q{SELECT count(*) FROM prio_processor.share WHERE batch_id = 'not yet'}), 1, 'the next run() lets shares in');
is(as($A, 'job', q{SELECT dropped_at IS NULL FROM prio_processor.batch WHERE batch_id = 'to be dropped'}), 'f', 'and drops');
as($A, 'job', q{CALL prio_processor.give_up_batch('not yet')});

# ------------------------------------------------------------------ an operator who is in the midst of it

new_batch($pair, $_, 6, 5) foreach 'held', 'free';
new_clients($pair, $_, 8, 6) foreach 'held', 'free';
deliver($pair, $_) foreach 'held', 'free';
close_both($pair, 'held', 'free');
run($pair);
my $number = as($A, 'job', q{SELECT number FROM prio_processor.batch WHERE batch_id = 'held'});
my $operator = session($A, 'job');
my $ask = "SELECT prio_internal.pull_checkpoints('telemetry'); SELECT prio_internal.pull_batch($number)";
$operator->query("BEGIN; $ask; SELECT prio_internal.step($number)");
is(error_as($A, 'job', "${patience}CALL prio_processor.run()"), '', '6. an operator who forgot to commit does not stop run()');
is(error_as($A, 'job', "${patience}SELECT * FROM prio_processor.progress"), '', '6. nor progress');
$operator->query('ROLLBACK');
like($operator->query("$ask; BEGIN; SELECT prio_internal.step($number)"), qr/worked$/, 'nor does one who has done a step');
ok(finish($pair, 'free'), '6. nor the other batches');
is(result($pair, 'A', 'free'), truth($pair, 'free'), 'which are right');
my $patient = session($A, 'job');
$patient->query_until(qr/begun/, "\\echo begun\nCALL prio_processor.run('60 seconds');\n\\echo ended\n");
my $waits = q{(SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)};
ok($A->{node}->poll_query_until($A->{database}, "SELECT EXISTS $waits"), 'a run() with patience, and nothing else to do, waits for that step');
ok($A->{node}->poll_query_until($A->{database}, "SELECT NOT EXISTS $waits"), 'less than a second, as there may be work elsewhere');
is(state_of($pair, 'A', 'held') =~ s/.*\|(.*)\|/$1/r, 'running', 'the one who waits is not taken for one who works');
$operator->query('COMMIT');
$operator->quit;
ok(finish($pair, 'held'), 'and then its batch goes on');
$patient->query_until(qr/ended/, '');
is($patient->{stderr} =~ s/^NOTICE.*\n//gmr, '', 'and that run() ends');
$patient->quit;
is(result($pair, 'A', 'held'), truth($pair, 'held'), 'and is right');

# ------------------------------------------------------------------ who asks with an older snapshot

# In which this side has said less than the other one has heard by now.
new_batch($pair, 'older', 6, 5);
new_clients($pair, 'older', 8, 6);
deliver($pair, 'older');
close_both($pair, 'older');
$number = as($A, 'job', q{SELECT number FROM prio_processor.batch WHERE batch_id = 'older'});
my $steps = "SELECT prio_internal.step($number);\n" x 4;
as($A, 'job', $steps);
run($pair, 'B');
as($A, 'job', $ask =~ s/\(\d+\)/($number)/r);
my $older = session($A, 'job');
$older->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM prio_processor.progress");
as($A, 'job', $steps);
is(stage_of($pair, 'A', 'older'), 'round 2', 'A has said what it has to say in round 1');
run($pair, 'B');
$older->query("SELECT prio_internal.pull_checkpoints('telemetry'); SELECT prio_internal.pull_batch($number); COMMIT");
is($older->{stderr}, '', 'who asks with a snapshot from before has no error');
$older->quit;
is(sql($A, "SELECT contradiction FROM prio_internal.heard WHERE number = $number"), '', 'nobody takes what B has heard since for a lie');
# So may a whole session be, or a database.
sql($A, "ALTER ROLE job SET default_transaction_isolation = 'repeatable read'");
ok(finish($pair, 'older'), 'run() goes on whatever the default isolation level is');
sql($A, 'ALTER ROLE job RESET default_transaction_isolation');
is(result($pair, 'A', 'older'), truth($pair, 'older'), 'and is right');

# ------------------------------------------------------------------ somebody who only looks like it

# Anybody may take the lock by which a step shows.
new_batch($pair, 'nobody', 6, 5);
close_both($pair, 'nobody');
$number = as($A, 'job', q{SELECT number FROM prio_processor.batch WHERE batch_id = 'nobody'});
my $faker = session($A, 'collector');
$faker->query("SELECT pg_advisory_lock_shared(1886415471, $number)");
is(state_of($pair, 'A', 'nobody') =~ s/.*\|(.*)\|/$1/r, 'nobody is working', 'who does not run the job is not taken for one who does');
$faker->query('SELECT pg_advisory_unlock_all()');
$faker->quit;
my $waiter = session($A, 'job');
is($waiter->query("BEGIN; SELECT prio_internal.wait_for_step($number, 0.1)"), 'f', 'nobody is waited for');
is(sql($A, q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'and nobody who comes has to wait for the waiter');
$waiter->query('COMMIT');
$waiter->quit;
ok(finish($pair, 'nobody'), 'a batch without shares ends as well');

# ------------------------------------------------------------------ several sessions at one batch

new_batch($pair, 'shared', 6, 5);
new_clients($pair, 'shared', 200, 6);
deliver($pair, 'shared');
small_chunks($pair, 9);
close_both($pair, 'shared');
my @running;
foreach my $side ($A, $A, $A, $B, $B)
{
	my $said = '';
	push @running, [ IPC::Run::start([ 'psql', '-XAtq', '-U', 'job', '-d', $side->{node}->connstr($side->{database}), '-c', "CALL prio_processor.run('60 seconds')" ], '<', \undef, '>&', \$said), \$said ];
}
$_->[0]->finish foreach @running;
is(join('', map { ${ $_->[1] } } @running), '', q{five sessions at one batch do not get into each other's way});
ok(finish($pair, 'shared'), 'it is finished');
is(result($pair, $_, 'shared'), truth($pair, 'shared'), "and right, says $_") foreach 'A', 'B';

# ------------------------------------------------------------------ what one sees while it works

new_batch($pair, 'slow', 6, 5);
new_clients($pair, 'slow', 100, 6);
deliver($pair, 'slow');
close_both($pair, 'slow');
sql($A, q{ALTER FUNCTION prio_internal.open_chunk RENAME TO open_chunk_at_once;
	CREATE FUNCTION prio_internal.open_chunk(b prio_processor.batch, c prio_internal.chunk) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM pg_sleep(1.1); RETURN prio_internal.open_chunk_at_once(b, c); END $$});
my $running = session($A, 'job');
$running->query_until(qr/begun/, "\\echo begun\nCALL prio_processor.run();\n\\echo ended\n");
ok($A->{node}->poll_query_until($A->{database}, q{SELECT state = 'running' AND percent > 0 AND percent < 100 FROM prio_processor.progress WHERE batch_id = 'slow' AND ended_at IS NULL
		AND EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'prio: close, slow')}),
	'progress shows to another session that somebody is working, and how far; pg_stat_activity, who');
$running->query_until(qr/ended/, '');
like($running->{stderr}, qr/NOTICE:  batch "slow": close, \d+ shares \(\d+\.\d %\), 00:00:\d\d left/, 'run() prints how far it is, and the time left');
$running->quit;
sql($A, q{DROP FUNCTION prio_internal.open_chunk; ALTER FUNCTION prio_internal.open_chunk_at_once RENAME TO open_chunk});
is(state_of($pair, 'A', 'slow') =~ s/\|$//r, 'agree|waiting', 'then it waits');
ok(finish($pair, 'slow'), 'and is finished');

# ------------------------------------------------------------------ 12. seven hundred batches

# Ten of them by day, to see that all of this works.
my $many = $ENV{PRIO_LONG} ? 700 : 10;

sql($A, qq{DO \$\$ BEGIN FOR i IN 1 .. $many LOOP
	CALL prio_processor.create_batch('many ' || i, 'telemetry', 6, 5);
	IF i % 100 = 0 THEN COMMIT; END IF;
	END LOOP; END \$\$});
sql($A, q{
	UPDATE prio_processor.batch SET stage = 'published', valid = 5, rejected = 0 WHERE batch_id LIKE 'many %' AND right(batch_id, 1) <> '7';
	INSERT INTO prio_internal.stage_time SELECT number, s, now(), now(), 5 FROM prio_processor.batch, unnest(enum_range('open'::prio_processor.stage, 'publish')) AS s WHERE batch_id LIKE 'many %' ON CONFLICT DO NOTHING});
my $session = session($A, 'job');
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query('CALL prio_processor.run(); SELECT * FROM prio_processor.progress'); # compiled, and cached
my $before = cpu($pid);
$session->query('CALL prio_processor.run()');
my $after = cpu($pid);
cmp_ok($after - $before, '<', 1, "12. with $many batches that nobody dropped an idle run() takes less than a second");
$session->query('SELECT * FROM prio_processor.progress');
cmp_ok(cpu($pid) - $after, '<', 1, '12. and progress, too');
note(sprintf 'run(): %.2f s, progress: %.2f s', $after - $before, cpu($pid) - $after);
is(as($A, 'job', q{SELECT count(DISTINCT batch_id) FROM prio_processor.progress WHERE batch_id LIKE 'many %'}), $many, 'which shows them all');
is(error_as($A, 'collector', "$share SELECT 'many ' || i, gen_random_uuid(), '\\x00' FROM generate_series(1, $many) AS i"), '', '12. no lock table overflows when shares come for all of them at once');
as($A, 'job', join ";\n", map { "CALL prio_processor.close_batch('many " . (10 * $_ + 7) . "')" } 0 .. $many / 10 - 1);
run($pair, 'A');
$before = cpu($pid);
$session->query('CALL prio_processor.run()');
note(sprintf 'run() with a tenth that waits: %.2f s', cpu($pid) - $before);
cmp_ok(cpu($pid) - $before, '<', 1, '12. nor does an idle run() when a tenth of them wait for the other server');
as($A, 'job', join ";\n", map { "CALL prio_processor.drop_batch('many $_')" } grep { $_ % 10 != 7 } 1 .. $many);
is(sql($A, q{SELECT count(*) FROM pg_class WHERE relname LIKE 'share\_%' AND relkind = 'r' AND relnamespace = 'prio_internal'::regnamespace}), $many / 10 + 2 + 9, 'dropped, they leave nothing');

done_testing();
