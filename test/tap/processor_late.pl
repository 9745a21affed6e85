# Whoever brings shares waits for nobody, and nobody waits for them: while a batch is closed, agreed on, dropped or made. What
# comes too late changes nothing.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(time);

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $node = $A->{node};
small_chunks($pair, 10);
# Nothing of it fails where an administrator publishes whatever there is.
sql($A, 'SET client_min_messages = error; CREATE PUBLICATION everything FOR ALL TABLES');

# Nothing here may wait for a lock longer than this.
sub at_once { my ($code, $name) = @_; my $began = time; $code->(); cmp_ok(time - $began, '<', 30, $name); return; }

# Is a trigger there that notices who is late, and how often has it?
sub watched
{
	my ($batch) = @_;
	return sql($A, qq{SELECT count(t.*) || ' ' || (SELECT count(*) FROM prio_internal.late AS l WHERE l.number = b.number) FROM prio_processor.batch AS b
		LEFT JOIN pg_trigger AS t ON t.tgrelid = format('prio_internal.share_%s', b.number)::regclass AND t.tgname = 'note_late' WHERE b.batch_id = '$batch' GROUP BY b.number});
}

# A collector that is in the middle of a transaction.
sub collector
{
	my ($batch, $which) = @_;
	my $file = $node->basedir . '/collector';
	my $session = $node->background_psql('server_a', extra_params => [ '-U', 'collector' ]);

	sql($pair->{clients}, "\\copy (SELECT batch, id, share_a FROM client WHERE batch = '$batch' AND $which) TO '$file'");
	$session->query_safe('BEGIN');
	$session->query_safe("\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
	return $session;
}

# ------------------------------------------------------------------ close while collectors insert

# Half are there; a collector has brought the rest, and copies under ids that are listed, and has not committed.
new_batch($pair, 'day', 8, 3, 'max_missing => 0.6');
new_clients($pair, 'day', 40, 8);
sql($pair->{clients}, q{ALTER TABLE client ADD half int; UPDATE client AS c SET half = h FROM (SELECT ctid, row_number() OVER (ORDER BY id) % 2 AS h FROM client) AS x WHERE x.ctid = c.ctid;
	UPDATE client SET kind = CASE half WHEN 0 THEN 'late' ELSE 'honest' END});
deliver($pair, 'day', 'half = 1', undef, 'A');
deliver($pair, 'day', undef, undef, 'B');
my $late = collector('day', 'half = 0');
# under a listed id, the packet of another
$late->query_safe(sprintf q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('day', '%s', '\x%s')},
	split /\|/, sql($pair->{clients}, q{SELECT (SELECT id FROM client WHERE half = 1 LIMIT 1), encode(share_a, 'hex') FROM client WHERE half = 0 LIMIT 1}));
at_once(sub { close_both($pair, 'day') }, 'a batch is closed while somebody inserts');
at_once(sub { run($pair) foreach 1 .. 2 }, 'run() goes on');
isnt(sql($A, q{SELECT list_digest FROM prio_processor.batch}), '', 'its list is out');
$late->query_safe('COMMIT');
my $listed = sql($A, 'SELECT md5(string_agg(l::text, $$,$$ ORDER BY l::text)) FROM prio_internal.list AS l WHERE role = $$A$$');
ok(finish($pair, 'day'), 'it is finished');
is(result($pair, $_, 'day'), truth($pair, 'day'), "$_ publishes the truth about those that were in time") foreach 'A', 'B';
is(report($pair, 'A', 'day'), 'close/late: 21', 'A counts those that were late');
is(report($pair, 'B', 'day'), 'agree/the other server does not have it: 20', 'B those that A does not have');
is(sql($A, 'SELECT md5(string_agg(l::text, $$,$$ ORDER BY l::text)) FROM prio_internal.list AS l WHERE role = $$A$$'), $listed, 'the list stayed');
deliver($pair, 'day', 'half = 0', undef, 'A');
is(result($pair, 'A', 'day'), truth($pair, 'day'), 'shares for a batch that is published are taken, and change nothing');
$late->quit;
is(watched('day'), '0 0', 'no trigger could have told: somebody inserted during the close');

# A second batch is made while a collector is idle in its transaction, in which it has brought shares of a batch that nobody has
# made: only that is in the way of a new one.
my $idle = collector('day', 'half = 0');
at_once(sub { new_batch($pair, 'unrelated', 8, 3) }, 'a batch is made while somebody inserts');
is(sql($A, q{SELECT count(*) FROM pg_inherits WHERE inhrelid = 'prio_internal.share_2'::regclass}), 1, 'and takes shares');
$idle->query_safe(q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('nobody made it', gen_random_uuid(), '')});
at_once(sub { new_batch($pair, 'second', 8, 3) }, 'so is another');
is(sql($A, q{SELECT count(*) FROM pg_inherits WHERE inhrelid = 'prio_internal.share_3'::regclass}), 0, 'its table is no partition yet');
new_clients($pair, 'second', 20, 8);
deliver($pair, 'second');
is(sql($A, q{SELECT count(*) FROM prio_internal.share_3}), 20, 'its shares get there all the same, and nobody who brings them waits');
at_once(sub { run($pair) }, 'run() does not wait');
$idle->query_safe('COMMIT');
run($pair);
is(sql($A, q{SELECT (SELECT count(*) FROM prio_internal.early_share WHERE batch_id = 'second'), (SELECT count(*) FROM prio_internal.share_3)}), '0|20', 'and takes them in when it can');
close_both($pair, 'second');
ok(finish($pair, 'second'), 'that batch is finished');
is(result($pair, $_, 'second'), truth($pair, 'second'), "$_ publishes the truth about it") foreach 'A', 'B';

# The same, closed before anybody lets go: what waits is in it.
$idle->query_safe('BEGIN');
$idle->query_safe(q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('nobody made it', gen_random_uuid(), '')});
new_batch($pair, 'third', 8, 3);
new_clients($pair, 'third', 20, 8);
deliver($pair, 'third');
at_once(sub { close_both($pair, 'third') }, 'a batch whose shares wait is closed');
ok(finish($pair, 'third'), 'and finished');
is(result($pair, $_, 'third'), truth($pair, 'third'), "$_ publishes the truth about it, too") foreach 'A', 'B';
$idle->query_safe('COMMIT');

# ------------------------------------------------------------------ drop while somebody reads

# As pg_dump would.
my $reader = $node->background_psql('server_a');
$reader->query_safe('BEGIN; SELECT count(*) FROM prio_internal.share_1');
my ($code, $out, $err);
at_once(sub { ($code, $out, $err) = $node->psql('server_a', q{CALL prio_processor.drop_batch('day')}, extra_params => [ '-U', 'job' ]) }, 'a batch is dropped while somebody reads');
like($err, qr/NOTICE:  somebody uses the shares of batch "day": the next run\(\) drops it/, 'and told that it takes a while');
at_once(sub { run($pair, 'A') }, 'run() does not wait for them');
is(sql($A, q{SELECT to_regclass('prio_internal.share_1') IS NOT NULL, dropped_at IS NULL FROM prio_processor.batch WHERE batch_id = 'day'}), 't|t', 'it is not dropped');
# Another one is made meanwhile.
new_batch($pair, 'fourth', 8, 3);
$reader->query_safe('COMMIT');
run($pair, 'A');
is(sql($A, q{SELECT to_regclass('prio_internal.share_1') IS NULL, dropped_at IS NOT NULL FROM prio_processor.batch WHERE batch_id = 'day'}), 't|t', 'as soon as nobody reads, run() drops it');
is(sql($A, q{SELECT count(*) FROM prio_internal.message WHERE number = 1}), 0, 'and its messages');
is(result($pair, 'A', 'day'), truth($pair, 'day'), 'the result stays');

# Shares for it come too late, and go after a while; in the COPY that they are in are good ones.
sql($pair->{clients}, q{UPDATE client SET batch = 'fourth' WHERE batch = 'day' AND half = 0});
new_clients($pair, 'fourth', 10, 8);
sql($pair->{clients}, q{UPDATE client SET batch = 'day', kind = 'gone' WHERE kind = 'late'});
my $file = $node->basedir . '/mixed';
sql($pair->{clients}, "\\copy (SELECT batch, id, share_a FROM client WHERE batch = 'fourth' OR kind = 'gone' ORDER BY id) TO '$file'");
as($A, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
deliver($pair, 'fourth', undef, undef, 'B');
is(sql($A, q{SELECT count(*) FROM prio_internal.early_share WHERE batch_id = 'day'}), 0, 'shares of a batch that was dropped stop no COPY, and are let go');
close_both($pair, 'fourth');
ok(finish($pair, 'fourth'), 'what was among them is finished');
is(result($pair, $_, 'fourth'), truth($pair, 'fourth'), "$_ publishes the truth about it") foreach 'A', 'B';
sql($A, q{UPDATE prio_internal.early_share SET arrived_at = arrived_at - interval '8 days'});
run($pair, 'A');
is(sql($A, 'SELECT count(*) FROM prio_internal.early_share'), 0, 'what nobody makes a batch for is thrown away after a week');
$_->quit foreach $idle, $reader;

# ------------------------------------------------------------------ who is late

# Where nobody inserts while a batch is closed, a trigger notices who comes later: from a subscription, too. Within somebody's
# transaction the close has no lock that those would wait for.
foreach my $batch ('in time', 'replica', 'copy', 'block', 'step')
{
	new_batch($pair, $batch, 8, 3, $batch eq 'step' ? q{close_at => clock_timestamp() + interval '1 second'} : ());
	new_clients($pair, $batch, 5, 8);
	deliver($pair, $batch);
}
close_both($pair, 'in time', 'replica', 'copy');
sql($A, 'SELECT pg_sleep(1)');
foreach my $side ($A, $B)
{
	as($side, 'job', q{BEGIN; CALL prio_processor.close_batch('block'); COMMIT});
	as($side, 'job', q{BEGIN; SELECT prio_internal.step(number) FROM prio_processor.progress WHERE batch_id = 'step' GROUP BY number; COMMIT});
}
is(watched($_), /block|step/ ? '0 0' : '1 0', "$_: is it watched what comes after the close?") foreach 'in time', 'replica', 'copy', 'block', 'step';
run($pair, 'A');
my $again = q{INSERT INTO prio_processor.share (batch_id, share_id) SELECT '%s', gen_random_uuid() FROM generate_series(1, 3)};
sql($A, sprintf("SET session_replication_role = replica; $again", 'replica'));
sql($A, sprintf("BEGIN; $again; ROLLBACK", 'in time'));
sql($A, sprintf($again, $_)) foreach 'block', 'step';
deliver($pair, 'copy', undef, undef, 'A');
ok(finish($pair, 'in time', 'replica', 'copy', 'block', 'step'), 'they are finished');
is(report($pair, 'A', 'in time'), '', 'nobody was late, and no row is read again to know it');
is(watched('in time'), '1 0', 'nor what is rolled back');
is(report($pair, 'A', 'replica'), 'close/late: 3', 'what a replica brought is late');
is(report($pair, 'A', 'copy'), 'close/late: 5', 'what COPY brought');
is(watched('copy'), '1 1', 'which is noted once');
is(report($pair, 'A', $_), 'close/late: 3', 'and what no trigger saw') foreach 'block', 'step';
sql($A, q{CALL prio_processor.drop_batch('copy')});
is(sql($A, 'SELECT count(*) FROM prio_internal.late'), 1, 'which is forgotten with the batch');
like(error_as($A, 'collector', 'INSERT INTO prio_internal.late VALUES (1)'), qr/permission denied/, 'and nobody else notes it');

done_testing();
