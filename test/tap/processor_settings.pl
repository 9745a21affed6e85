# Two servers that do not agree on a batch find out before the first verify1; keys that
# change under a batch are found out at every stage. Mended, the batch goes on and is right.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my %keys = %{ $pair->{keys} };
my %another = make_keys($A);

sub secret
{
	my ($node, $secret) = @_;
	$node->safe_psql('postgres', "ALTER USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (SET shared_secret '$secret')");
	return;
}

sub key_pair
{
	my ($node, $private, $public) = @_;
	$node->safe_psql('postgres', qq{
		BEGIN;
		ALTER SERVER telemetry OPTIONS (SET public_key '$public');
		ALTER USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (SET private_key '$private');
		COMMIT});
	return;
}

# The public key that one side believes to be the other's.
sub believe
{
	my ($role, $public) = @_;
	my $conninfo = conninfo($pair->{ $other{$role} }) =~ s/'/''/gr;
	$pair->{$role}->safe_psql('postgres', "CALL prio_processor.join_peer('telemetry', '$public', '$conninfo')");
	return;
}

sub error_of
{
	my ($role, $batch) = @_;
	return as($pair->{$role}, 'job', "SELECT coalesce(max(error), '') FROM prio_processor.progress WHERE batch_id = '$batch'");
}

sub messages { return $_[0]->safe_psql('postgres', "SELECT count(*) FROM prio_processor.message WHERE batch_id = '$_[1]'"); }

# ------------------------------------------------------------------ agreement

# [ what differs, how A creates the batch, how B does, what B does before, how B mends it, what
# both say about it ]
my @cases = (
	[ 'n_data', '8, 3', '9, 3', undef, sub { as($B, 'job', q{CALL prio_processor.change_batch('n_data', 8)}) }, qr/n_data \(8 here, 9 there\)/, qr/n_data \(9 here, 8 there\)/ ],
	[ 'bits', '8, 3', '8, 3, bits => 4', undef, sub { as($B, 'job', q{CALL prio_processor.change_batch('bits', 8)}) },
		qr/bits \(none here, 4 there\)$/, qr/bits \(4 here, none there\)$/ ],
	[ 'ordinals', '8, 3', '8, 3, ordinals => true', undef, sub { as($B, 'job', q{CALL prio_processor.change_batch('ordinals', 8)}) },
		qr/ordinals \(false here, true there\)$/, qr/ordinals \(true here, false there\)$/ ],
	[ 'files', '8, 3', '9, 3, checkpoints => false', undef, sub { as($B, 'job', q{CALL prio_processor.change_batch('files', 8)}) }, qr/n_data \(8 here, 9 there\)/, qr/n_data \(9 here, 8 there\)/ ],
	[ 'prg', '8, 3', '8, 3', sub { $B->safe_psql('postgres', q{ALTER SERVER telemetry OPTIONS (ADD prg 'seed')}) },
		sub { $B->safe_psql('postgres', 'ALTER SERVER telemetry OPTIONS (DROP prg)') }, qr/prg \(batch here, seed there\)$/, qr/prg \(seed here, batch there\)$/ ],
	[ 'key of B', '8, 3', '8, 3', sub { key_pair($B, $another{private_B}, $another{public_B}) }, sub { key_pair($B, $keys{private_B}, $keys{public_B}) },
		qr/public_key_B \($keys{public_B} here, $another{public_B} there\)$/, qr/public_key_B \($another{public_B} here, $keys{public_B} there\)$/ ],
	[ 'key of A', '8, 3', '8, 3', sub { believe('B', $another{public_A}) }, sub { believe('B', $keys{public_A}) },
		qr/public_key_A \($keys{public_A} here, $another{public_A} there\)$/, qr/public_key_A \($another{public_A} here, $keys{public_A} there\)$/ ],
	[ 'secret', '8, 3', '8, 3', sub { secret($B, $another{secret}) }, sub { secret($B, $keys{secret}) }, qr/the shared secret$/, qr/the shared secret$/ ]);
foreach (@cases)
{
	my ($batch, $create_a, $create_b, $before, $mend, $error_a, $error_b) = @$_;

	$before->() if $before;
	as($A, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', $create_a)");
	as($B, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', $create_b)");
	new_clients($pair, $batch, 5, 8);
	ok(reaches($pair, sub { error_of('A', $batch) =~ $error_a && error_of('B', $batch) =~ $error_b }),
		"servers that do not agree see it while the batch is open: $batch") or diag error_of('A', $batch), ' / ', error_of('B', $batch);
	is(stage_is($pair, 'A', $batch), 'open', "which is no failure yet: $batch");

	# Whoever does not look fails after closing.
	deliver($pair, $batch) if $batch ne 'ordinals';
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B;
	ok(finish($pair, $batch), "closed, the batch ends: $batch");
	foreach my $role ('A', 'B')
	{
		is(stage_is($pair, $role, $batch), 'failed', "servers that do not agree fail, says $role: $batch");
		like(error_of($role, $batch), qr/the two servers do not agree on .*/, "$role says so: $batch");
		like(error_of($role, $batch), $role eq 'A' ? $error_a : $error_b, "$role says on what: $batch");
	}
	is(messages($_, $batch), 0, "no message was sent: $batch") foreach $A, $B;

	# Mended on B, which tells A; then A can try again, too.
	next if $batch eq 'ordinals';
	$mend->();
	as($B, 'job', "CALL prio_processor.retry_batch('$batch')");
	$A->poll_query_until('postgres', "SELECT max(attempt) > 0 FROM prio_processor.checkpoint WHERE batch_id = '$batch' AND role = 'B' AND stage = 'open' HAVING max(attempt) = ("
		. $B->safe_psql('postgres', "SELECT attempt FROM prio_processor.batch WHERE batch_id = '$batch'") . ')');
	as($A, 'job', "CALL prio_processor.retry_batch('$batch')");
	ok(finish($pair, $batch), "mended and tried again, the batch ends: $batch");
	is(result($pair, $_, $batch), truth($pair, $batch), "and $_ publishes the truth: $batch") foreach 'A', 'B';
}

# A wrong choice of ordinals can be mended as long as there is no share.
new_batch($pair, 'empty', 8, 3);
as($A, 'job', q{CALL prio_processor.change_batch('empty', 8, ordinals => true)});
as($A, 'collector', q{INSERT INTO prio_processor.share (batch_id, share_id, ordinal, payload) VALUES ('empty', gen_random_uuid(), 7, '\x00')});
like(error_as($A, 'job', q{CALL prio_processor.change_batch('empty', 8)}), qr/has shares, which keep their ordinals/, 'ordinals cannot change under shares');
as($A, 'job', "CALL prio_processor.give_up_batch('empty')");

# A batch that only one of them has waits; each says what is missing.
as($A, 'job', q{CALL prio_processor.create_batch('2026-11-22', 'telemetry', 8, 3)});
as($B, 'job', q{CALL prio_processor.create_batch('22.11.2026', 'telemetry', 8, 3)});
new_clients($pair, '2026-11-22', 5, 8);
deliver($pair, '2026-11-22', 'true', 'A');
as($A, 'job', q{CALL prio_processor.close_batch('2026-11-22')});
as($B, 'job', q{CALL prio_processor.close_batch('22.11.2026')});
my %theirs = (A => '22.11.2026', B => '2026-11-22');
foreach my $role ('A', 'B')
{
	my $batch = $theirs{ $other{$role} };
	ok(reaches($pair, sub { as($pair->{$role}, 'job', 'SELECT unknown_batches FROM prio_processor.exchange') eq "{$theirs{$role}}" }),
		"$role hears of a batch that it does not have");
	is(as($pair->{$role}, 'job', "SELECT stage, state, error FROM prio_processor.progress WHERE batch_id = '$batch' AND state <> 'done'"),
		'verify1|waiting for the other server|the other server does not have this batch', "and waits with its own, says $role");
	is(messages($pair->{$role}, $batch), 0, "without sending a message, says $role");
}
as($B, 'job', q{CALL prio_processor.give_up_batch('22.11.2026')});
as($B, 'job', q{CALL prio_processor.create_batch('2026-11-22', 'telemetry', 8, 3)});
deliver($pair, '2026-11-22', 'true', 'B');
as($B, 'job', q{CALL prio_processor.close_batch('2026-11-22')});
ok(finish($pair, '2026-11-22'), 'created on the other side, too, it goes on');
is(result($pair, $_, '2026-11-22'), truth($pair, '2026-11-22'), "and $_ publishes the truth") foreach 'A', 'B';
like(error_as($B, 'job', q{CALL prio_processor.retry_batch('2026-11-22')}), qr/has not failed/, 'a published batch cannot be tried again');
as($B, 'job', q{CALL prio_processor.drop_batch('22.11.2026')});
like(error_as($B, 'job', q{CALL prio_processor.retry_batch('22.11.2026')}), qr/has been dropped/, 'nor one that was given up and dropped');

# What both agreed on stays once a verify1 was sent.
like(error_as($A, 'job', q{CALL prio_processor.change_batch('2026-11-22', 9)}), qr/settings of batch "2026-11-22" cannot be changed/,
	'settings of a batch do not change after the first verify1');

# ------------------------------------------------------------------ keys that change on the way

small_chunks($_, 2) foreach $A, $B;
my $advance = sub { return as($pair->{ $_[0] }, 'job', "SELECT prio_processor.advance('$_[1]')") };
my %change = (
	'shared secret' => [ sub { secret($A, $another{secret}) }, sub { secret($A, $keys{secret}) }, qr/has changed since its settings were sent: the shared secret$/ ],
	'key pair' => [ sub { key_pair($A, $another{private_A}, $another{public_A}) }, sub { key_pair($A, $keys{private_A}, $keys{public_A}) },
		qr/has changed since its settings were sent: public_key_A \($keys{public_A} here, $another{public_A} there\)$/ ]);
foreach my $what (sort keys %change)
{
	my ($break, $restore, $error) = @{ $change{$what} };
	foreach my $stage ($what eq 'key pair' ? 'verify2' : ('verify1', 'verify2', 'aggregate', 'publish'))
	{
		my $batch = "$what, $stage";
		new_batch($pair, $batch, 8, 3);
		new_clients($pair, $batch, 6, 8);
		deliver($pair, $batch);
		as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B;
		# Both know each other's settings.
		$pair->{$_}->poll_query_until('postgres', "SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = '$batch' AND stage = 'open'") foreach 'A', 'B';

		# A goes on, step by step, until it has begun with the stage.
		my $until = $PostgreSQL::Test::Utils::timeout_default * 10;
		my $begun = "SELECT s.stage = b.stage AND (s.stage = 'publish' OR s.done BETWEEN 1 AND 5)
			FROM prio_processor.batch AS b JOIN prio_processor.stage_progress AS s USING (batch_id) WHERE b.batch_id = '$batch' AND s.stage = '$stage'";
		until (as($A, 'job', $begun) eq 't' || $until-- == 0)
		{
			my $outcome = $advance->('A', $batch);
			# B makes the steps that A waits for, and no more.
			$advance->('B', $batch) if $outcome eq 'waiting';
		}
		is(as($A, 'job', $begun), 't', "a batch gets to $stage");

		$break->();
		my $said = run($pair, 'A');
		is(stage_is($pair, 'A', $batch), 'failed', "a change under a batch makes it fail: $batch");
		like(error_of('A', $batch), $error, "and is the reason given: $batch");
		like($said, qr/WARNING:  batch "$batch": server "telemetry" has changed/, "of which run() warns: $batch");
		ok( $B->poll_query_until('postgres', "SELECT count(*) > 0 FROM prio_processor.progress
				WHERE batch_id = '$batch' AND error ~ '^the other server: server \"telemetry\" has changed'"),
			"the other server hears why: $batch");
		is(run($pair, 'A'), '', "run() leaves it alone from then on: $batch");

		$restore->();
		as($A, 'job', "CALL prio_processor.retry_batch('$batch')");
		ok(finish($pair, $batch), "restored and tried again, it is finished: $batch");
		is(result($pair, $_, $batch), truth($pair, $batch), "and $_ publishes the truth: $batch") foreach 'A', 'B';
	}
}

# A change while a chunk is computed: nothing of that chunk gets out.
new_batch($pair, 'chunk', 8, 3);
new_clients($pair, 'chunk', 6, 8);
deliver($pair, 'chunk');
as($_, 'job', "CALL prio_processor.close_batch('chunk')") foreach $A, $B;
$A->poll_query_until('postgres', "SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'chunk' AND stage = 'open'");
my $number = $A->safe_psql('postgres', "SELECT number FROM prio_processor.batch WHERE batch_id = 'chunk'");
$A->safe_psql('postgres', qq{
	CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		ALTER USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (SET shared_secret '$another{secret}');
		RETURN NEW;
	END \$\$;
	CREATE TRIGGER change BEFORE INSERT ON prio_processor.verifier_$number FOR EACH ROW EXECUTE FUNCTION change()});
is($advance->('A', 'chunk'), 'error', 'a chunk under which the secret changes is not committed');
like(error_of('A', 'chunk'), qr/has changed since its settings were sent: the shared secret/, 'and that is the reason given');
is(messages($A, 'chunk'), 0, 'none of its messages is sent');
$A->safe_psql('postgres', "DROP TRIGGER change ON prio_processor.verifier_$number");
ok(finish($pair, 'chunk'), 'a later run() goes on');
is(result($pair, $_, 'chunk'), truth($pair, 'chunk'), "and $_ publishes the truth") foreach 'A', 'B';

# Without a user mapping nothing can be done, and nothing is lost: it goes on by itself.
new_batch($pair, 'no mapping', 8, 3);
new_clients($pair, 'no mapping', 6, 8);
deliver($pair, 'no mapping');
$A->safe_psql('postgres', 'DROP USER MAPPING FOR PUBLIC SERVER telemetry');
as($_, 'job', "CALL prio_processor.close_batch('no mapping')") foreach $A, $B;
like(run($pair, 'A'), qr/WARNING:  batch "no mapping": no user mapping for role/, 'run() warns of a server without a mapping');
like(error_of('A', 'no mapping'), qr/no user mapping for role/, 'and progress shows it');
$A->safe_psql('postgres', qq{CREATE USER MAPPING FOR CURRENT_USER SERVER telemetry OPTIONS (private_key '$keys{private_A}', shared_secret '$keys{secret}')});
ok(finish($pair, 'no mapping'), 'with a mapping for the owner alone it goes on');
is(result($pair, $_, 'no mapping'), truth($pair, 'no mapping'), "and $_ publishes the truth") foreach 'A', 'B';
is(error_of('A', 'no mapping'), '', 'and the error is gone');

done_testing();
