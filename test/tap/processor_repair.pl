# What an operator repairs: a subscription that was cut, an other server that is down, slots
# that are gone, messages that come twice, and clusters restored from yesterday's backup. The
# totals are right, or the batch fails and says why.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

# With little of the log in every copy of a cluster.
my $pair = new_pair('min_wal_size = 32MB', 'max_wal_size = 32MB');
my ($A, $B) = @{$pair}{ 'A', 'B' };
small_chunks($_, 10) foreach $A, $B;

sub batch
{
	my ($batch, $close) = @_;

	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 30, 8);
	deliver($pair, $batch);
	close_both($batch) if $close // 1;
	return;
}

sub close_both { my ($batch) = @_; as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B; return; }

sub is_right
{
	my ($batch, $name) = @_;
	ok(finish($pair, $batch), "$name: the batch is finished");
	is(result($pair, $_, $batch), truth($pair, $batch), "$name: $_ publishes the truth") foreach 'A', 'B';
	return;
}

sub exchange_is { return as($pair->{ $_[0] }, 'job', "SELECT $_[1] FROM prio_processor.exchange"); }

sub rejoin
{
	foreach my $role (@_)
	{
		$pair->{$role}->safe_psql('postgres', 'SET client_min_messages = error; CALL prio_processor.rejoin_peer()');
	}
	return;
}

# Makes one side go on for as long as it can, and lets the other one hear of it.
sub stop_at
{
	my ($role, $batch, $stage) = @_;
	$pair->{$role}->poll_query_until('postgres', "SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = '$batch' AND stage = 'open'") or die;
	run($pair, $role);
	die "not in $stage" if stage_is($pair, $role, $batch) ne $stage;
	$pair->{ $other{$role} }->poll_query_until('postgres', "SELECT count(*) > 0 FROM prio_processor.checkpoint
		WHERE batch_id = '$batch' AND role = '$role' AND stage = (SELECT max(s.stage)::text FROM (VALUES ('verify1'::prio_processor.stage), ('verify2'), ('aggregate')) AS s (stage)
			WHERE s.stage < '$stage')") or die;
	return;
}

# ------------------------------------------------------------------ cut, and back

batch('cut');
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
run($pair);
run($pair);
is(exchange_is('B', 'subscription'), 'disabled', 'a subscription that is disabled shows');
is(as($B, 'job', q{SELECT state FROM prio_processor.progress WHERE batch_id = 'cut' AND stage = 'verify2'}), 'waiting for the other server', 'and the batch waits');
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor ENABLE');
is_right('cut', 'a subscription disabled and enabled');

batch('down');
stop_at('A', 'down', 'verify2');
$B->stop('fast');
is(run($pair, 'A'), '', 'run() does not mind that the other server is down');
is(as($A, 'job', q{SELECT state, since <= now() FROM prio_processor.progress WHERE batch_id = 'down' AND stage = 'verify2'}),
	'waiting for the other server|t', 'which shows, with since when');
ok($A->poll_query_until('postgres', q{SELECT subscription = 'not connected' AND NOT slot_in_use AND kept_bytes >= 0 FROM prio_processor.exchange}),
	'exchange shows that it is gone, and how much of the log is kept for it');
$B->start;
is_right('down', 'the other server down and up');

# All messages come twice, to either side, in the middle of a batch.
batch('twice');
stop_at('A', 'twice', 'verify2');
rejoin('A', 'B');
is_right('twice', 'all messages twice');

# B's slot is dropped while B is away, and what A says then is in no slot.
batch('dropped');
$B->stop('fast');
ok($A->poll_query_until('postgres', q{SELECT NOT slot_in_use FROM prio_processor.exchange}), 'the slot is idle');
$A->safe_psql('postgres', q{SELECT pg_drop_replication_slot('prio_processor_b')});
is(exchange_is('A', 'slot IS NULL'), 't', 'a slot that was dropped shows');
run($pair, 'A');
$B->start;
run($pair);
ok($B->poll_query_until('postgres', q{SELECT subscription = 'not connected' FROM prio_processor.exchange}), 'as does the subscription that needs it');
rejoin('A', 'B');
is(exchange_is('A', 'slot_status'), 'reserved', 'rejoin_peer() makes it again');
is_right('dropped', 'a slot dropped');

# B's slot is lost since it would have kept too much of the log.
batch('lost');
$A->append_conf('postgresql.conf', "max_slot_wal_keep_size = '1MB'");
$A->reload;
$B->stop('fast');
run($pair, 'A');
$A->safe_psql('postgres', "CREATE TABLE junk (x int)");
foreach (1 .. 4)
{
	$A->safe_psql('postgres', 'INSERT INTO junk SELECT generate_series(1, 1000)');
	$A->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$A->safe_psql('postgres', 'CHECKPOINT');
}
is(exchange_is('A', 'slot_status'), 'lost', 'a slot that is lost shows');
$B->start;
$A->append_conf('postgresql.conf', 'max_slot_wal_keep_size = -1');
$A->reload;
rejoin('A', 'B');
is(exchange_is('A', 'slot_status'), 'reserved', 'rejoin_peer() makes it again');
is_right('lost', 'a slot lost');

# B has seen more of A's log than A has, as after A was restored: A's slot would leave out what is
# written until then.
batch('ahead');
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
$B->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_subscription WHERE pid IS NOT NULL});
$B->safe_psql('postgres', q{SELECT pg_replication_origin_advance('pg_' || oid, 'F/0') FROM pg_subscription});
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor ENABLE');
ok($A->poll_query_until('postgres', q{SELECT slot_status = 'ahead' FROM prio_processor.exchange}), 'a slot that is ahead of the log shows');
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
rejoin('A');
is(exchange_is('A', 'slot_status'), 'reserved', 'rejoin_peer() makes it again');
rejoin('B');
is_right('ahead', 'a slot ahead of the log');

# The other server moves, and join_peer() says where to.
batch('moved');
$A->safe_psql('postgres', "CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_B}', '" . (conninfo($B) . ' application_name=moved') =~ s/'/''/gr . "')");
ok($B->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = 'moved'}), 'join_peer() takes a subscription to another address');
is_right('moved', 'another address');

# Changes between CREATE PUBLICATION and the slot do no harm: join anew under writes.
$A->safe_psql('postgres', q{
	ALTER SUBSCRIPTION prio_processor DISABLE; ALTER SUBSCRIPTION prio_processor SET (slot_name = NONE); DROP SUBSCRIPTION prio_processor;
	DROP PUBLICATION prio_processor});
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
$A->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_replication_slots WHERE active});
$A->safe_psql('postgres', q{SELECT pg_drop_replication_slot('prio_processor_b')});
batch('busy', 0);
my $writing = $A->background_psql('postgres');
$writing->query_safe('CREATE TABLE other (x int); BEGIN; INSERT INTO other VALUES (1)');
my $joining = $A->background_psql('postgres');
$joining->query_until(qr/begun/, "\\echo begun\nSET client_min_messages = warning; CALL prio_processor.rejoin_peer();\n\\echo joined\n");
$A->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'rejoin_peer' AND wait_event_type = 'Lock'});
$writing->query_safe('INSERT INTO other VALUES (2); COMMIT; INSERT INTO other VALUES (3)');
$joining->query_until(qr/joined/, '');
$_->quit foreach $writing, $joining;
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor ENABLE');
rejoin('B');
close_both('busy');
is_right('busy', 'joining while others write');

# ------------------------------------------------------------------ restored from a backup

my $backups = 0;

# A copy of a cluster that was shut down, and its return in the place of what came later.
sub back_up
{
	my ($role) = @_;
	my $copy = $pair->{$role}->basedir . '/backup_' . ++$backups;

	$pair->{$role}->stop('fast');
	system_or_bail('cp', '-a', $pair->{$role}->data_dir, $copy);
	$pair->{$role}->start;
	return $copy;
}

sub restore
{
	my ($role, $copy) = @_;

	$pair->{ $other{$role} }->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
	$pair->{$role}->stop('immediate');
	system_or_bail('rm', '-rf', $pair->{$role}->data_dir);
	system_or_bail('mv', $copy, $pair->{$role}->data_dir);
	$pair->{$role}->start;
	return;
}

# Closed at the time of the backup, A had sent half of its verify1; then both went on.
batch('early');
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'early' AND stage = 'open'});
as($A, 'job', q{SELECT prio_processor.advance('early')}) foreach 1, 2;
my $backup = back_up('A');
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_subscription_rel WHERE srsubstate = 'r'});
ok(reaches($pair, sub { stage_is($pair, 'A', 'early') eq 'aggregate' || stage_is($pair, 'A', 'early') =~ /publish/ }), 'A goes on after the backup');
my $sent = q{SELECT md5(string_agg(m::text, chr(10) ORDER BY m::text)) FROM prio_processor.message AS m WHERE batch_id = 'early' AND role = 'A'};
my $said = $B->safe_psql('postgres', $sent);
restore('A', $backup);
rejoin('A', 'B');
is_right('early', 'A restored in the middle of verify1');
is($A->safe_psql('postgres', $sent), $said, 'and says what it had said before') if $said eq $B->safe_psql('postgres', $sent);

# B had published the batch, which in A's backup is still open, with all its shares.
batch('open', 0);
$backup = back_up('A');
close_both('open');
is_right('open', 'after the backup');
restore('A', $backup);
rejoin('A', 'B');
is(stage_is($pair, 'A', 'open'), 'open', 'A has forgotten the batch');
as($A, 'job', q{CALL prio_processor.close_batch('open')});
is_right('open', 'A restored to before the close');

# The same, but with a third of the shares not yet in the backup: what A would add up now is
# another set of clients than B has A's total of.
new_batch($pair, 'fewer', 8, 3);
new_clients($pair, 'fewer', 30, 8);
deliver($pair, 'fewer', q{ctid <> ALL (ARRAY(SELECT ctid FROM client WHERE batch = 'fewer' LIMIT 10))});
$backup = back_up('A');
deliver($pair, 'fewer', q{ctid = ANY (ARRAY(SELECT ctid FROM client WHERE batch = 'fewer' LIMIT 10))});
close_both('fewer');
is_right('fewer', 'after the backup');
restore('A', $backup);
rejoin('A', 'B');
as($A, 'job', q{CALL prio_processor.close_batch('fewer')});
ok(finish($pair, 'fewer'), 'A restored without some of its shares: the batch ends');
is(stage_is($pair, 'A', 'fewer'), 'failed', 'it fails');
like(as($A, 'job', q{SELECT error FROM prio_processor.progress WHERE batch_id = 'fewer' AND state = 'failed'}),
	qr/the other server answers shares that are not here: this server was restored from a backup/, 'and says why');
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.checkpoint WHERE batch_id = 'fewer' AND role = 'A' AND stage = 'aggregate'}), 0,
	'no total of another set of clients leaves A');
is(result($pair, 'B', 'fewer'), truth($pair, 'fewer'), 'B has published the truth');

# The batch was not even created at the time of the backup.
$backup = back_up('B');
batch('unborn');
stop_at('A', 'unborn', 'verify2');
restore('B', $backup);
rejoin('B', 'A');
is(exchange_is('B', 'unknown_batches'), '{unborn}', 'B restored to before the batch hears of it') if
  $B->poll_query_until('postgres', 'SELECT unknown_batches IS NOT NULL FROM prio_processor.exchange');
as($B, 'job', q{CALL prio_processor.create_batch('unborn', 'telemetry', 8, 3)});
deliver($pair, 'unborn', 'true', 'B');
as($B, 'job', q{CALL prio_processor.close_batch('unborn')});
is_right('unborn', 'B restored to before the batch, and given its shares again');

# Without rejoin_peer() nothing wrong comes of it: the batch may wait.
batch('forgotten');
$backup = back_up('A');
stop_at('A', 'forgotten', 'verify2');
restore('A', $backup);
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor ENABLE');
run($pair) foreach 1 .. 3;
my $truth = truth($pair, 'forgotten');
like(result($pair, $_, 'forgotten'), qr/^(\Q$truth\E)?$/, "without rejoin_peer() nothing wrong is published by $_") foreach 'A', 'B';
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
rejoin('A', 'B');
is_right('forgotten', 'rejoin_peer() after all');

done_testing();
