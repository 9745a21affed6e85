# The batch job of two clusters over logical replication: three batches with every kind of
# hostile client are published on both sides, and are the truth.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my %node = (A => $A, B => $B);

# [ batch, entries, bits of an integer, clients ]
my @batches = ([ 'bits', 20, undef, 300 ], [ 'integers', 6, 9, 200 ], [ 'many bits', 500, undef, 60 ]);
my $min = 50;

# ------------------------------------------------------------------ batches and clients

# Each side hears of every stage by NOTIFY.
my %listener = map { $_ => $node{$_}->background_psql('postgres') } 'A', 'B';
foreach (values %listener)
{
	$_->set_query_timer_restart;
	$_->query_safe('LISTEN prio_processor');
}

foreach (@batches)
{
	my ($batch, $entries, $bits, $clients) = @$_;
	my $n = $entries * ($bits // 1);

	foreach my $role ('A', 'B')
	{
		as($node{$role}, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', $n, $min, bits => " . ($bits // 'NULL') . ')');
	}
	new_clients($pair, $batch, $clients, $entries, $bits);

	# Hostile clients. Some do not open on either side, some on one, and some are found out
	# by the proof alone.
	my $keys = qq{'\\x$pair->{keys}{public_A}', '\\x$pair->{keys}{public_B}'};
	$A->safe_psql('clients', qq{
		INSERT INTO client (batch, kind, share_a, share_b)
		SELECT '$batch', 'garbage', decode(repeat('5a', 400), 'hex'), decode(repeat('5b', 150), 'hex')
		UNION ALL SELECT '$batch', 'empty', '', ''
		UNION ALL SELECT '$batch', 'damaged for A', set_byte(share_a, 100, get_byte(share_a, 100) # 1), share_b
			FROM prio_encode($keys, '$batch', repeat('1', $n)::varbit)
		UNION ALL SELECT '$batch', 'damaged for B', share_a, set_byte(share_b, 100, get_byte(share_b, 100) # 1)
			FROM prio_encode($keys, '$batch', repeat('1', $n)::varbit)
		UNION ALL SELECT '$batch', 'wrong batch', share_a, share_b FROM prio_encode($keys, 'yesterday', repeat('1', $n)::varbit)
		UNION ALL SELECT '$batch', 'wrong length', share_a, share_b FROM prio_encode($keys, '$batch', repeat('1', $n + 1)::varbit)
		UNION ALL SELECT '$batch', 'wrong server', share_b, share_a
			FROM prio_encode('\\x$pair->{keys}{public_B}', '\\x$pair->{keys}{public_A}', '$batch', repeat('1', $n)::varbit)
		UNION ALL SELECT '$batch', 'of two encodings', one.share_a, two.share_b
			FROM prio_encode($keys, '$batch', repeat('1', $n)::varbit) AS one, prio_encode($keys, '$batch', repeat('1', $n)::varbit) AS two
		UNION ALL SELECT '$batch', 'A alone', share_a, NULL FROM prio_encode($keys, '$batch', repeat('1', $n)::varbit)
		UNION ALL SELECT '$batch', 'B alone', NULL, share_b FROM prio_encode($keys, '$batch', repeat('1', $n)::varbit)});
	lying_client($pair, $batch, 2, (0) x ($n - 1));
	lying_client($pair, $batch, -1000000, (1) x ($n - 1));
	deliver($pair, $batch);

	# One that comes twice under its id, and one that comes again under another.
	deliver($pair, $batch, "id = (SELECT min(id::text)::uuid FROM client WHERE batch = '$batch' AND kind = 'honest')");
	$A->safe_psql('clients', qq{
		INSERT INTO client (batch, kind, share_a, share_b)
		SELECT batch, 'replay', share_a, share_b FROM client WHERE batch = '$batch' AND kind = 'honest' LIMIT 1});
	deliver($pair, $batch, "kind = 'replay'");
}
is(as($A, 'job', q{SELECT state, done >= 300, total IS NULL, error IS NULL FROM prio_processor.progress WHERE batch_id = 'bits'}),
	'open|t|t|t', 'progress of an open batch counts its shares');
like(error_as($A, 'collector', q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('no such batch', gen_random_uuid(), '\x00')}),
	qr/batch "no such batch" does not exist/, 'a share for a batch that does not exist is an error');

# ------------------------------------------------------------------ the run

run($pair);
is(stage_is($pair, 'A', 'bits'), 'open', 'run() leaves a batch open as long as nobody closes it');
is($A->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.message'), 0, 'and sends nothing');

as($A, 'job', "CALL prio_processor.close_batch('$_->[0]')") foreach @batches;
as($B, 'job', "CALL prio_processor.close_batch('$_->[0]')") foreach @batches;

# B is late: A waits for it, and says since when.
run($pair, 'A') foreach 1, 2;
is( as($A, 'job', q{SELECT stage, state, since BETWEEN now() - interval '1 minute' AND now(), done FROM prio_processor.progress
		WHERE batch_id = 'bits' AND state <> 'done'}),
	'verify2|waiting for the other server|t|0', 'a server that is late shows in progress, with since when');

# Late shares are refused one by one, and counted.
$A->safe_psql('clients', q{
	INSERT INTO client (batch, kind, share_a, share_b) SELECT batch, 'late', share_a, share_b FROM client WHERE kind = 'honest' LIMIT 5});
deliver($pair, $_->[0], "kind = 'late'") foreach @batches;
is(as($A, 'job', q{SELECT sum(shares) FROM prio_processor.rejections WHERE reason = 'late'}), 5, 'late shares are refused and counted');

ok(finish($pair, map { $_->[0] } @batches), 'all batches are finished');

# ------------------------------------------------------------------ results

foreach (@batches)
{
	my ($batch, $entries, $bits, $clients) = @$_;
	my $truth = truth($pair, $batch);

	foreach my $role ('A', 'B')
	{
		is(result($pair, $role, $batch), $truth, "$batch: what $role publishes is the truth");

		# Every share is in the total, or rejected with a reason; those on arrival come on top.
		my $shares = $clients + 11;
		is( as($node{$role}, 'job', qq{
				SELECT valid, rejected, valid + rejected, (SELECT sum(shares) FROM prio_processor.rejections AS r
					WHERE r.batch_id = result.batch_id AND r.stage <> 'open') FROM prio_processor.result WHERE batch_id = '$batch'}),
			"$clients|11|$shares|11", "$batch: every share of $role is in the total or rejected");
		is($node{$role}->safe_psql('postgres', "SELECT count(*) FROM prio_processor.share WHERE batch_id = '$batch'"),
			$shares, "$batch: $role has that many shares");
	}

	# Both agree on which shares are valid: none that one of them rejects is in the other's total.
	my %rejected = map { $_ => as($node{$_}, 'job', qq{
		SELECT string_agg(share_id::text, ',') FROM prio_processor.rejection WHERE batch_id = '$batch' AND stage <> 'open'}) } 'A', 'B';
	is( $A->safe_psql('clients', qq{
			SELECT count(*), count(*) FILTER (WHERE id = ANY ('{$rejected{A}}')), count(*) FILTER (WHERE id = ANY ('{$rejected{B}}'))
			FROM client WHERE batch = '$batch' AND share_a IS NOT NULL AND share_b IS NOT NULL AND kind NOT IN ('honest', 'replay', 'late')}),
		'10|10|10', "$batch: both reject the same shares");

	# ... and each says why.
	my $own = q{SELECT r.stage, r.reason FROM prio_processor.rejection AS r WHERE r.share_id = '%s'};
	my %why = (
		'garbage' => [ 'verify1|decryption failed', 'verify1|decryption failed' ],
		'empty' => [ 'verify1|decryption failed', 'verify1|decryption failed' ],
		'damaged for A' => [ 'verify1|decryption failed', 'verify2|the other server does not have it or refused it' ],
		'damaged for B' => [ 'verify2|the other server does not have it or refused it', 'verify1|decryption failed' ],
		'wrong batch' => [ 'verify1|wrong batch', 'verify1|wrong batch' ],
		'wrong length' => [ 'verify1|wrong length', 'verify2|the other server does not have it or refused it' ],
		'wrong server' => [ 'verify1|wrong server', 'verify1|wrong server' ],
		'of two encodings' => [ 'aggregate|the proof does not hold', 'aggregate|the proof does not hold' ],
		'A alone' => [ 'verify2|the other server does not have it or refused it', '' ],
		'B alone' => [ '', 'verify2|the other server does not have it or refused it' ],
		'lies' => [ 'aggregate|the proof does not hold', 'aggregate|the proof does not hold' ]);
	foreach my $kind (sort keys %why)
	{
		my $id = $A->safe_psql('clients', "SELECT id FROM client WHERE batch = '$batch' AND kind = '$kind' LIMIT 1");
		is(as($A, 'job', sprintf($own, $id)), $why{$kind}[0], "$batch: reason of A for a share: $kind");
		is(as($B, 'job', sprintf($own, $id)), $why{$kind}[1], "$batch: reason of B for a share: $kind");
	}
	is( as($_, 'job', qq{SELECT string_agg(reason || ': ' || shares, ', ' ORDER BY reason) FROM prio_processor.rejections
			WHERE batch_id = '$batch' AND stage = 'open' AND reason <> 'late'}),
		'duplicate id: 1, replayed packet: 1', "$batch: duplicates and replays are refused on arrival") foreach $A, $B;
}

# ------------------------------------------------------------------ what is seen from outside

is( as($A, 'job', q{SELECT stage, state, done, total, percent, error FROM prio_processor.progress WHERE batch_id = 'bits'}),
	"open|done|311|311|100.0|\nverify1|done|311|311|100.0|\nverify2|done|305|305|100.0|\naggregate|done|305|305|100.0|\npublish|done|300|300|100.0|",
	'progress of a published batch: one row a stage');
foreach my $role ('A', 'B')
{
	my $heard = $listener{$role}->query('SELECT 1');
	my @stages = $heard =~ /"stage": "([^"]*)", "batch_id": "bits"/g;
	is(join(',', @stages), 'open,verify1,verify2,aggregate,publish,published', "$role notifies of every stage");
	$listener{$role}->quit;
}
is(as($A, 'job', 'SELECT subscription, slot, slot_in_use, slot_status, kept_bytes IS NOT NULL, unknown_batches FROM prio_processor.exchange'),
	'connected|prio_processor_b|t|reserved|t|', 'exchange shows how replication is');

# ------------------------------------------------------------------ dropping

like(error_as($A, 'job', "CALL prio_processor.create_batch('bits', 'telemetry', 20, 1)"), qr/duplicate key/, 'a batch id is used once');
as($_, 'job', "CALL prio_processor.drop_batch('many bits')") foreach $A, $B;
is( $A->safe_psql('postgres', q{SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
		WHERE relnamespace = 'prio_processor'::regnamespace AND relkind = 'r' AND relname ~ '_3$'}),
	'', 'drop_batch() leaves no partition');
is( $A->safe_psql('postgres', q{SELECT count(*) FROM pg_class
		WHERE relnamespace = 'prio_processor'::regnamespace AND relkind = 'r' AND relname ~ '_[12]$'}),
	8, 'and the others where they are');
is(result($pair, 'A', 'many bits'), truth($pair, 'many bits'), 'the result of a dropped batch stays');
like(error_as($A, 'job', "CALL prio_processor.create_batch('many bits', 'telemetry', 500, 1)"), qr/duplicate key/, 'and its id is used');
deliver($pair, 'many bits', "kind = 'honest'", 'A');
is(as($A, 'job', q{SELECT shares FROM prio_processor.rejections WHERE batch_id = 'many bits' AND reason = 'late'}), 60,
	'shares for a dropped batch are late ones');

# ------------------------------------------------------------------ a person looks on

new_batch($pair, 'slow', 8, 10);
new_clients($pair, 'slow', 40, 8);
deliver($pair, 'slow');
as($_, 'job', "CALL prio_processor.close_batch('slow')") foreach $A, $B;
run($pair, 'B');
small_chunks($A, 10);
$A->safe_psql('postgres', q{
	CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.08); RETURN NEW; END $$;
	DO $$ BEGIN EXECUTE format('CREATE TRIGGER sleep BEFORE INSERT ON prio_processor.verifier_%s FOR EACH ROW EXECUTE FUNCTION sleep()',
		(SELECT number FROM prio_processor.batch WHERE batch_id = 'slow')); END $$});
my $session = $A->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'job' ]);
$session->query_until(qr/begun/, "\\echo begun\nCALL prio_processor.run();\n\\echo ended\n");
ok( $A->poll_query_until('postgres', q{SELECT state = 'running' AND done BETWEEN 20 AND 39 AND total = 40
		AND percent = round(done * 100.0 / 40, 1) AND rate BETWEEN 1 AND 20 AND time_left < '1 minute'
		FROM prio_processor.progress WHERE batch_id = 'slow' AND stage = 'verify1'}),
	'progress shows rate and time left of a stage while it runs, to another session');
$session->query_until(qr/ended/, '');
like($session->{stderr}, qr/NOTICE:  batch "slow": verify1, \d+ of 40 shares \(\d+\.\d %\), \d+ a second, 00:00:0\d left/,
	'run() prints how far it is, the rate and the time left');
$session->quit;
ok(finish($pair, 'slow'), 'the slow batch is finished');
is(result($pair, $_, 'slow'), truth($pair, 'slow'), "and published by $_") foreach 'A', 'B';

# ------------------------------------------------------------------ too few clients

new_batch($pair, 'small', 8, 10);
new_batch($pair, 'small for A', 8, 10, 5);
foreach my $batch ('small', 'small for A')
{
	new_clients($pair, $batch, 9, 8);
	deliver($pair, $batch);
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B;
}
ok(finish($pair, 'small', 'small for A'), 'small batches come to an end');
my $end = q{SELECT b.stage, p.error, (SELECT count(*) FROM prio_processor.result AS r WHERE r.batch_id = b.batch_id)
	FROM prio_processor.batch AS b JOIN prio_processor.progress AS p USING (batch_id) WHERE b.batch_id = '%s' AND p.error IS NOT NULL};
is(as($_, 'job', sprintf($end, 'small')), 'too small|9 valid shares, fewer than min_batch_size 10: nothing is published|0',
	'a batch below min_batch_size is not published, and says so') foreach $A, $B;
is(as($A, 'job', sprintf($end, 'small for A')), 'too small|9 valid shares, fewer than min_batch_size 10: nothing is published|0',
	'nor if that is so on one side alone');
is(as($B, 'job', sprintf($end, 'small for A')), 'too small|the other server has fewer valid shares than its min_batch_size: nothing is published|0',
	'of which the other one hears');
is( $_->safe_psql('postgres', q{SELECT role, total IS NULL FROM prio_processor.checkpoint
		WHERE batch_id IN ('small', 'small for A') AND stage = 'aggregate' ORDER BY batch_id, role}),
	"A|t\nB|t\nA|t\nB|f", 'no total leaves a server that has too few shares') foreach $A, $B;
like(error_as($A, 'job', "CALL prio_processor.retry_batch('small')"), qr/has not failed/, 'a small batch cannot be tried again');
is($_->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.batch WHERE stage = 'too small' AND total IS NOT NULL}), 0,
	'its total is not even kept') foreach $A, $B;

# ------------------------------------------------------------------ wrong totals

# What the other server says of its total, and what becomes of the batch.
my %forged = (
	'counts too high' => [ q{9, prio_processor.merge_totals(total, '\x0198' || decode(repeat('a10a', 8), 'hex'))}, qr/a count is beyond what 9 valid shares can add up to/ ],
	'sums too high' => [ q{9, prio_processor.merge_totals(public.prio_total_share_uint(total, 4), '\x0192a2ffffa2ffff')}, qr/a count is beyond what 9 valid shares can add up to/ ],
	'noise' => [ q{9, '\x0198' || decode(repeat('a401020304', 8), 'hex')}, qr/the totals do not belong together/ ],
	'other length' => [ q{9, '\x0191a105'}, qr/the totals do not belong together/ ],
	'same role' => [ q{9, '\x0098a105a105a105a105a105a105a105a105'}, qr/the totals do not belong together/ ],
	'garbage' => [ q{9, '\xdeadbeef'}, qr/the totals do not belong together/ ],
	'other number' => [ '8, total', qr/the servers do not agree on the valid shares: 9 here, 8 there/ ],
	'no number' => [ 'NULL, total', qr/the servers do not agree on the valid shares: 9 here, none there/ ]);
foreach my $batch (sort keys %forged)
{
	my $bits = $batch =~ /sums/ ? 4 : undef;
	as($_, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', 8, 5, bits => " . ($bits // 'NULL') . ')') foreach $A, $B;
	new_clients($pair, $batch, 9, $bits ? 2 : 8, $bits);
	deliver($pair, $batch);
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B;
}
# B goes as far as its total, and puts another one in the place of the true one.
$B->safe_psql('postgres', 'ALTER TABLE prio_processor.checkpoint DISABLE TRIGGER keep_checkpoint');
$B->safe_psql('postgres', q{
	CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		total bytea := (SELECT total FROM prio_processor.batch WHERE batch_id = NEW.batch_id);
	BEGIN
		EXECUTE 'SELECT ' || (SELECT what FROM public.forged WHERE batch_id = NEW.batch_id) || ' FROM (SELECT $1 AS total) AS t'
			INTO NEW.valid, NEW.total USING total;
		RETURN NEW;
	END $$;
	CREATE TABLE forged (batch_id text, what text);
	CREATE TRIGGER forge BEFORE INSERT ON prio_processor.checkpoint FOR EACH ROW WHEN (NEW.role = 'B' AND NEW.stage = 'aggregate')
		EXECUTE FUNCTION forge()});
foreach my $batch (sort keys %forged)
{
	my $what = $forged{$batch}[0] =~ s/'/''/gr;
	$B->safe_psql('postgres', "INSERT INTO forged VALUES ('$batch', '$what')");
}
ok(finish($pair, keys %forged), 'batches with wrong totals come to an end');
foreach my $batch (sort keys %forged)
{
	is(stage_is($pair, 'A', $batch), 'failed', "a wrong total of the other server: $batch");
	like(as($A, 'job', "SELECT error FROM prio_processor.progress WHERE batch_id = '$batch' AND state = 'failed'"),
		$forged{$batch}[1], "says why: $batch");
	is(result($pair, 'A', $batch), '', "publishes nothing: $batch");
}

done_testing();
