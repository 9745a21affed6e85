# The job: two servers, batches of different width, and all that clients, collectors and the order
# of things can do to them: right on both sides.
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

small_chunks($pair, 7);

# ------------------------------------------------------------------ three batches at once

# 'bits' has every kind of client that is not honest.
new_batch($pair, 'bits', 20, 5, 'max_missing => 0.9');
new_batch($pair, 'wide', 500, 5);
new_batch($pair, 'integers', 24, 5, 'bits => 8');
new_clients($pair, 'bits', 4, 20, undef, 'another name');
sql($pair->{clients}, "UPDATE client SET kind = 'another name'");
new_clients($pair, 'bits', 31, 20);
new_clients($pair, 'wide', 8, 500);
new_clients($pair, 'integers', 20, 3, 8);
lying_client($pair, 'bits', 9, (0) x 19);
lying_client($pair, 'bits', -1, (0) x 19);
lying_client($pair, 'bits', (0) x 19, 2);
sql($pair->{clients}, q{
	WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS k FROM client WHERE batch = 'bits' AND kind = 'honest')
	UPDATE client SET kind = CASE WHEN k <= 2 THEN 'A alone' WHEN k <= 4 THEN 'B alone' WHEN k = 5 THEN 'swapped' WHEN k = 6 THEN 'changed'
		WHEN k = 7 THEN 'cut' WHEN k = 8 THEN 'too long' WHEN k = 9 THEN 'garbage' WHEN k = 10 THEN 'nothing at A'
		WHEN k = 11 THEN 'mixed' WHEN k = 12 THEN 'mixed, too' ELSE 'honest' END
	FROM numbered WHERE client.id = numbered.id;
	UPDATE client SET share_b = NULL WHERE kind = 'A alone';
	UPDATE client SET share_a = NULL WHERE kind = 'B alone';
	UPDATE client SET share_a = share_b, share_b = share_a WHERE kind = 'swapped';
	UPDATE client SET share_a = set_byte(share_a, 60, get_byte(share_a, 60) # 1) WHERE kind = 'changed';
	UPDATE client SET share_a = substr(share_a, 1, 100), share_b = substr(share_b, 1, 20) WHERE kind = 'cut';
	UPDATE client SET share_a = share_a || decode(repeat('00', 5000), 'hex') WHERE kind = 'too long';
	UPDATE client SET share_a = sha256(share_a), share_b = '' WHERE kind = 'garbage';
	-- two clients each of which has one share of the other's packet
	UPDATE client AS c SET share_b = o.share_b FROM client AS o WHERE c.kind LIKE 'mixed%' AND o.kind LIKE 'mixed%' AND c.kind <> o.kind;
	-- what does no harm: the same packet again
	INSERT INTO client (batch, id, kind, data, share_a, share_b)
	SELECT batch, id, 'again', NULL, share_a, CASE WHEN k = 1 THEN share_b END
	FROM (SELECT *, row_number() OVER (ORDER BY id) AS k FROM client WHERE batch = 'bits' AND kind = 'honest') AS c WHERE k <= 3;
	-- two packets of one client under one id
	INSERT INTO client (batch, id, kind, share_a, share_b)
	SELECT 'bits', '00000000-0000-4000-8000-00000000000a', 'two under one id', share_a, share_b FROM client WHERE kind = 'mixed' OR batch = 'bits' AND kind = 'A alone'});
my $honest = truth($pair, 'bits');
deliver($pair, 'bits', "kind NOT IN ('nothing at A')", 'id', 'A');
deliver($pair, 'bits', 'true', 'id DESC', 'B');
as($A, 'collector', "$share SELECT 'bits', CASE WHEN i < 3 THEN gen_random_uuid() END, CASE WHEN i > 1 THEN '\\x00'::bytea END FROM generate_series(1, 3) AS i");
deliver($pair, $_) foreach 'wide', 'integers';
is(sql($A, q{SELECT string_agg(b.batch_id || ' ' || (pg_relation_size(c.reltoastrelid) > 0), ', ' ORDER BY b.batch_id)
	FROM prio_processor.batch AS b JOIN pg_class AS c ON c.oid = format('prio_internal.share_%s', b.number)::regclass}),
	'bits false, integers false, wide true', 'only shares that do not fit a block of 8 kB are in TOAST tables, not one of 5 kB');
is(sql($A, q{SELECT DISTINCT unnest(c.reloptions || t.reloptions) FROM prio_processor.batch AS b
	JOIN pg_class AS c ON c.oid = format('prio_internal.share_%s', b.number)::regclass JOIN pg_class AS t ON t.oid = c.reltoastrelid ORDER BY 1}),
	"autovacuum_analyze_threshold=2147483647\nautovacuum_vacuum_insert_threshold=-1\ntoast_tuple_target=8160", 'and autovacuum does not read them before they are dropped');

is(run($pair), '', 'run() leaves batches open as long as nobody closes them');
is(sql($A, 'SELECT count(*) FROM prio_internal.message'), 0, 'and nothing is said');
is(state_of($pair, 'A', 'bits'), 'open|open|', 'which progress shows');

close_both($pair, 'bits', 'wide', 'integers');
run($pair, 'A');
deliver($pair, 'wide', 'true', 'id', 'A');
ok(finish($pair, 'bits', 'wide', 'integers'), 'three batches are finished');
foreach my $role ('A', 'B')
{
	is(result($pair, $role, 'bits'), $honest, "hostile shares, shares on one side only, duplicates: right, says $role");
	is(result($pair, $role, $_), truth($pair, $_), "$_: right, says $role") foreach 'wide', 'integers';
}
like(report($pair, 'A', 'wide'), qr{^close/late: 8$}, 'what comes after the close is late, and counted');
is(report($pair, 'B', 'integers'), '', 'a batch of honest clients has no rejection');
is(report($pair, 'A', 'bits'), 'close/decryption failed: 5, close/malformed packet: 2, close/wrong batch: 4, close/wrong length: 1, '
	. 'list/several packets under one id: 3, list/the same packet again under its id: 3, agree/the other server does not have it: 2, '
	. 'aggregate/the proof does not hold: 5', 'what fell out at A');
is(report($pair, 'B', 'bits'), 'close/decryption failed: 3, close/wrong batch: 4, list/the same packet again under its id: 1, '
	. 'agree/the other server does not have it: 6, aggregate/the proof does not hold: 5', 'what fell out at B');
is( as($A, 'job', q{SELECT sum(shares) FROM prio_processor.rejections WHERE batch_id = 'bits'}),
	sql($A, q{SELECT count(*) - (SELECT valid FROM prio_processor.result WHERE batch_id = 'bits') FROM prio_processor.share WHERE batch_id = 'bits'}),
	'every row is in the total or in one rejection');

# ------------------------------------------------------------------ replays

# Ten clients; a copy of a packet under another id comes first at one server and last at the other; one
# more reaches one server alone, under the smallest of all ids.
sub copies
{
	my ($batch, $smaller, $larger) = @_;

	sql($pair->{clients}, qq{
		INSERT INTO client (batch, id, kind, share_a, share_b)
		SELECT batch, replace(id::text, left(id::text, 8), v.start)::uuid, v.kind, share_a, CASE WHEN v.kind = 'copy' THEN share_b END
		FROM (SELECT * FROM client WHERE batch = '$batch' ORDER BY id LIMIT 1 OFFSET 3) AS c,
			(VALUES ('$larger', 'copy'), ('$smaller', 'copy for A alone')) AS v (start, kind)});
	return;
}
new_batch($pair, 'copies', 6, 10, 'max_missing => 0');
new_clients($pair, 'copies', 10, 6);
copies('copies', '00000000', 'ffffffff');
deliver($pair, 'copies', 'true', 'id', 'A');
deliver($pair, 'copies', 'true', 'id DESC', 'B');

# One name in packets for every day. Replays of the first day come under new ids, in another order on both
# sides, and one of them to a single server.
new_batch($pair, $_, 6, 5, q{packet_batch_id => 'daily', max_missing => 0.5}) foreach 'monday', 'tuesday';
new_clients($pair, $_, 10, 6, undef, 'daily') foreach 'monday', 'tuesday';
deliver($pair, 'monday');
close_both($pair, 'copies', 'monday');
ok(finish($pair, 'copies', 'monday'), 'batches with copies are finished');
is(result($pair, $_, 'copies'), truth($pair, 'copies'), "8. replays in another order on both sides: ten clients are ten, says $_") foreach 'A', 'B';
is(report($pair, $_, 'copies'), 'agree/copy of a packet: 1' . ($_ eq 'A' ? ', agree/the other server does not have it: 1' : ''), "and one is a copy, says $_")
  foreach 'A', 'B';
sql($pair->{clients}, q{INSERT INTO client (batch, kind, share_a, share_b)
	SELECT 'tuesday', 'replay', share_a, CASE WHEN k < 4 THEN share_b END FROM (SELECT *, row_number() OVER () AS k FROM client WHERE batch = 'monday') AS c WHERE k < 5});
as($_, 'job', q{CALL prio_processor.drop_batch('monday')}) foreach $A, $B;
deliver($pair, 'tuesday', 'true', 'id', 'A');
deliver($pair, 'tuesday', 'true', 'id DESC', 'B');
close_both($pair, 'tuesday');
ok(finish($pair, 'tuesday'), 'a batch with packets of an earlier one, which has been dropped, is finished');
is(result($pair, $_, 'tuesday'), truth($pair, 'tuesday'), "and what was replayed is not counted again, says $_") foreach 'A', 'B';
like(report($pair, $_, 'tuesday'), qr{agree/replayed packet: 3}, "as $_ reports") foreach 'A', 'B';

# ------------------------------------------------------------------ too many that are missing

new_batch($pair, 'many missing', 6, 5, q{packet_batch_id => 'daily'});
new_clients($pair, 'many missing', 10, 6, undef, 'daily');
sql($pair->{clients}, q{UPDATE client SET kind = 'missing', share_b = NULL WHERE id IN (SELECT id FROM client WHERE batch = 'many missing' LIMIT 2)});
deliver($pair, 'many missing');
new_batch($pair, 'small', 6, 5);
new_clients($pair, 'small', 4, 6);
deliver($pair, 'small');
new_batch($pair, 'empty', 6, 1);
close_both($pair, 'many missing', 'small', 'empty');
ok(reaches($pair, sub { state_of($pair, 'A', 'many missing') =~ /held back/ && stage_of($pair, 'B', 'many missing') eq 'publish' }), 'a batch of which too much is missing is held back');
like(state_of($pair, 'A', 'many missing'), qr/^aggregate\|held back\|held back: 2 of 10 shares are missing from the total, more than max_missing 0\.1 allows; change_batch/,
	'on the side that listed the shares, which says so');
like(run($pair, 'A'), qr/WARNING:  batch "many missing": held back: 2 of 10/, 'as run() does');
is(sql($A, q{SELECT total IS NULL FROM prio_processor.batch WHERE batch_id = 'many missing'}), 't', 'without a total');
as($A, 'job', q{CALL prio_processor.change_batch('many missing', max_missing => 0.2)});
ok(finish($pair, 'many missing', 'small', 'empty'), 'released on this side alone, it goes on');
is(result($pair, $_, 'many missing'), truth($pair, 'many missing'), "and is right, says $_") foreach 'A', 'B';
is(state_of($pair, $_, 'small'), 'too small|too small|4 valid shares, fewer than min_batch_size 5: nothing is published', "$_ publishes nothing of a batch that is too small")
  foreach 'A', 'B';
is(state_of($pair, $_, 'empty'), 'too small|too small|0 valid shares, fewer than min_batch_size 1: nothing is published', "nor of an empty one, says $_")
  foreach 'A', 'B';
is(sql($_, q{SELECT count(*) FROM prio_internal.opened}) + sql($_, q{SELECT count(*) FROM prio_internal.work}), 0, 'no private state is left') foreach $A, $B;

done_testing();
