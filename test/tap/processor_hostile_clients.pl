# What comes from clients and collectors stops nobody else, costs no more than it must, and is not
# told anything before it is too late to use it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $share = 'INSERT INTO prio_processor.share (batch_id, share_id, payload)';

# ------------------------------------------------------------------ 2. nothing is said before both are closed

new_batch($pair, 'early', 8, 5);
new_clients($pair, 'early', 12, 8);
deliver($pair, 'early');
as($A, 'job', q{CALL prio_processor.close_batch('early')});
run($pair) foreach 1, 2;
is(as($A, 'other_server', 'SELECT count(*) FROM prio_processor.outbox_message'), 0, '2. A says nothing before B is closed: its peer reads no message');
is(sql($A, 'SELECT count(*) FROM prio_internal.message'), 0, '2. and there is none that anybody else could read');
like(state_of($pair, 'A', 'early'), qr/^agree\|waiting\|$/, '2. it waits');
is(as($A, 'job', q{SELECT waits_for, heard_at > now() - interval '1 hour' FROM prio_processor.progress WHERE batch_id = 'early' AND ended_at IS NULL}),
	'the other server to close this batch|t', 'and progress says what for, and since when it heard of the other');
# what A opened before it was closed by B, too, is what counts: an attacker brings its share to A now
lying_client($pair, 'early', 9, (0) x 7);
deliver($pair, 'early', "kind = 'lies'");
as($B, 'job', q{CALL prio_processor.close_batch('early')});
ok(finish($pair, 'early'), 'it goes on when B is closed');
is(result($pair, $_, 'early'), truth($pair, 'early'), "2. and counts no packet that came to A after its close, says $_") foreach 'A', 'B';

# ------------------------------------------------------------------ 7. an honest COPY goes through

my @batches = ('one', 'two');
new_batch($pair, $_, 8, 5, 'max_missing => 0.5') foreach @batches, 'closed';
as($A, 'job', q{CALL prio_processor.close_batch('closed')});
new_clients($pair, $_, 8, 8) foreach @batches;
my ($a1, $a2) = map { sql($pair->{clients}, "SELECT quote_literal(id) || ', ' || quote_literal(share_a) FROM client WHERE batch = '$_' ORDER BY id LIMIT 1") } @batches;
my @session = map { session($A, 'collector') } 1, 2;
$session[0]->query("BEGIN; $share VALUES ('one', $a1), ('two', $a2)");
$session[1]->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; $share VALUES ('two', $a2), ('one', $a1)");
is($session[1]->{stderr}, '', '7. a copy of a packet in another session is waited for by nobody, nor is there a deadlock');
my $rows = sql($pair->{clients}, q{SELECT string_agg(format('%s	%s	\%s', batch, id, share_a), chr(10)) FROM client WHERE batch IN ('one', 'two')});
append_to_file($A->{node}->basedir . '/copy', "no such batch\t00000000-0000-4000-8000-000000000001\t\\\\x00\n$rows\nclosed\t00000000-0000-4000-8000-000000000001\t\\\\x00\n");
is(error_as($A, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '" . $A->{node}->basedir . "/copy'"), '',
	'7. a late share, or one for a batch that does not exist, aborts no COPY of good rows');
as($A, 'job', q{CALL prio_processor.close_batch('one')});
$session[1]->query("$share VALUES ('one', gen_random_uuid(), '\\x00'); COMMIT");
$session[0]->query('COMMIT');
is($session[1]->{stderr} . $session[0]->{stderr}, '', '7. nor does a close abort a transaction, with an old snapshot or a new one');
$_->quit foreach @session;
deliver($pair, $_, 'true', 'id', 'B') foreach @batches;
as($A, 'job', q{CALL prio_processor.close_batch('two')});
as($B, 'job', "CALL prio_processor.close_batch('$_')") foreach @batches;
ok(finish($pair, @batches), 'their batches are finished');
is(result($pair, 'A', $_), truth($pair, $_), "7. and right, with the copies of other sessions: $_") foreach @batches;

# ------------------------------------------------------------------ shares that are early

is(sql($A, 'SELECT string_agg(batch_id, $$,$$) FROM prio_internal.early_share'), 'no such batch', 'a share for a batch that does not exist waits beside');
new_clients($pair, 'soon', 8, 6);
deliver($pair, 'soon', 'true', 'id', 'A');
new_batch($pair, 'soon', 6, 5);
deliver($pair, 'soon', 'true', 'id', 'B');
close_both($pair, 'soon');
ok(finish($pair, 'soon'), 'a batch that is made after its shares came is finished');
is(result($pair, 'A', 'soon'), truth($pair, 'soon'), 'and right');
as($A, 'collector', "$share VALUES (repeat('x', 2000), gen_random_uuid(), '\\x00'), ('', gen_random_uuid(), '\\x00')");
is(sql($A, 'SELECT count(*) FROM prio_internal.early_share'), 1, 'what cannot be for any batch does not wait');
sql($A, q{UPDATE prio_internal.early_share SET arrived_at = arrived_at - interval '8 days'});
run($pair, 'A');
is(sql($A, 'SELECT count(*) FROM prio_internal.early_share'), 0, 'what nobody makes a batch for is thrown away after a week');
as($A, 'job', q{CALL prio_processor.drop_batch('soon')});
as($A, 'collector', "$share VALUES ('soon', gen_random_uuid(), '\\x00')");
is(sql($A, 'SELECT count(*) FROM prio_internal.early_share'), 0, 'nor does what comes for a batch that has been dropped');

# ------------------------------------------------------------------ 9. what is too long is not read

new_batch($pair, 'long', 4, 1, 'max_missing => 1', 'A');
my $longest = as($A, 'collector', q{SELECT prio_processor.longest_share('long')});
new_clients($pair, 'long', 3, 4);
is(sql($pair->{clients}, q{SELECT max(octet_length(share_a)) FROM client WHERE batch = 'long'}) <= $longest ? 'fits' : 'does not', 'fits', '9. a share is no longer than longest_share() says');
deliver($pair, 'long', 'true', 'id', 'A');
as($A, 'collector', "$share SELECT 'long', gen_random_uuid(), decode(repeat('00', 50000000), 'hex')");
as($A, 'collector', "$share SELECT 'long', gen_random_uuid(), decode(repeat('00', $longest + 1), 'hex')");
as($A, 'job', q{CALL prio_processor.close_batch('long')});
my $number = sql($A, q{SELECT number FROM prio_processor.batch WHERE batch_id = 'long'});
my $plan = sql($A, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT prio_internal.open_shares('telemetry', 'long', 4, NULL, share_id, NULL, header, payload, ctid) FROM prio_internal.share_$number");
my ($blocks) = $plan =~ /Buffers: shared hit=(\d+)/;
cmp_ok($blocks, '<', 500, '9. a payload of 50 MB, which has 6000 blocks, is not read');
run($pair, 'A');
is(sql($A, q{SELECT string_agg(r.reason || ': ' || r.shares, ', ') FROM prio_internal.opened AS o, prio_internal.opened_rejections(o.opened) AS r WHERE number = } . $number), 'wrong length: 2', '9. but refused');

# Honest shares have a block each; these are as long as a share may be, and lie in the TOAST table.
new_batch($pair, 'toasted', 128, 5);
as($A, 'collector', "$share SELECT 'toasted', gen_random_uuid(), p FROM (SELECT decode(repeat('00', " . sql($A, q{SELECT prio_processor.longest_share('toasted')}) . "), 'hex') OFFSET 0) AS v (p), generate_series(1, 9000)");
as($A, 'job', q{CALL prio_processor.close_batch('toasted')});
cmp_ok(sql($A, q{SELECT count(*) FROM prio_internal.chunk JOIN prio_processor.batch USING (number) WHERE batch_id = 'toasted'}), '>', 1, '9. what many long shares have in bytes is not one chunk');
as($A, 'job', q{CALL prio_processor.give_up_batch('toasted')});

# ------------------------------------------------------------------ shares stay as they came

my $superuser = sql($A, 'SELECT current_user');
like(error_as($A, $superuser, $_), qr/cannot be (changed|deleted|truncated)|cannot go from/, "not by an accident: $_")
  foreach "UPDATE prio_processor.share SET payload = '\\x'", 'DELETE FROM prio_processor.share', 'TRUNCATE prio_processor.share', 'TRUNCATE prio_processor.batch CASCADE',
  'UPDATE prio_processor.result SET valid = 0', 'DELETE FROM prio_processor.result', "DELETE FROM prio_processor.batch WHERE batch_id = 'one'", "UPDATE prio_processor.batch SET stage = 'open' WHERE batch_id = 'one'",
  "UPDATE prio_processor.batch SET n_data = 5 WHERE batch_id = 'one'", "UPDATE prio_processor.batch SET total = '\\x00' WHERE batch_id = 'one'", "UPDATE prio_internal.message SET payload = '\\x'", "UPDATE prio_internal.list SET entries = '\\x'",
  "UPDATE prio_internal.memory SET digests = '\\x'";
like(error_as($A, 'job', $_), qr/settings of batch "one" cannot be changed|is finished/, "nor by an operator: $_") foreach q{CALL prio_processor.change_batch('one', n_data => 5)}, q{CALL prio_processor.change_batch('one', max_missing => 1)};

done_testing();
