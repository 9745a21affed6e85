# A hostile other server that writes what it likes into the stream of logical replication:
# rows in our name, changes and deletions of our rows, nonsense in every field. Nothing of
# ours changes, the subscription goes on, and what is honest in between is published.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

# Mallory, as B, has tables of the right names, without any constraint.
my $A = new_server('a');
my $M = new_cluster('mallory', 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10');
my %keys = make_keys($A);
my $pair = { A => $A, B => $M, keys => \%keys };
make_server($A, 'telemetry', 'A', %keys);
make_server($M, 'telemetry', 'B', %keys);
$M->safe_psql('postgres', q{
	CREATE SCHEMA prio_processor;
	CREATE TABLE prio_processor.message (batch_id text, share_id uuid, role text, round int, payload bytea);
	CREATE TABLE prio_processor.checkpoint (batch_id text, role text, stage text, attempt int, messages bigint, valid bigint,
		rejected bigint, total bytea, settings jsonb, error text, at timestamptz DEFAULT now());
	CREATE TABLE prio_processor.result (LIKE prio_processor.message);
	ALTER TABLE prio_processor.message REPLICA IDENTITY FULL;
	ALTER TABLE prio_processor.checkpoint REPLICA IDENTITY FULL;
	CREATE PUBLICATION prio_processor FOR TABLE prio_processor.message, prio_processor.checkpoint, prio_processor.result;
	SELECT pg_create_logical_replication_slot('prio_processor_a', 'pgoutput');
	CREATE TABLE share (batch text, id uuid, share bytea);
	CREATE DATABASE clients});
$A->safe_psql('postgres', 'CREATE DATABASE clients');
$A->safe_psql('clients', q{
	CREATE EXTENSION prio;
	CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest', data bigint[], share_a bytea, share_b bytea)});
my $conninfo = ($M->connstr('postgres') . ' password=topsecret') =~ s/'/''/gr;

# ------------------------------------------------------------------ joining

# Its publication names tables of ours that it has no business with.
$A->safe_psql('postgres', "CALL prio_processor.join_peer('telemetry', '$keys{public_B}', '$conninfo')");
is($A->safe_psql('postgres', 'SELECT count(*) FROM pg_subscription'), 0, 'a publication of more than messages is not subscribed to');
my $offset = -s $A->logfile;
my $told = run($pair, 'A');
like($told, qr/the other server publishes more than its messages/, 'and run() says so');
$A->safe_psql('postgres', q{UPDATE prio_processor.peer SET conninfo = 'password=topsecret port='});
$told .= run($pair, 'A');
$A->safe_psql('postgres', "UPDATE prio_processor.peer SET conninfo = '$conninfo'");
$M->safe_psql('postgres', 'ALTER PUBLICATION prio_processor DROP TABLE prio_processor.result');
is(run($pair, 'A'), '', 'run() subscribes when it is in order');
$A->poll_query_until('postgres', q{SELECT count(*) = 2 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel});
$A->safe_psql('postgres', q{UPDATE prio_processor.peer SET conninfo = 'password=topsecret port=nonsense'});
$told .= run($pair, 'A');
$A->safe_psql('postgres', "UPDATE prio_processor.peer SET conninfo = '$conninfo'");
run($pair, 'A');
unlike($told . slurp_file($A->logfile, $offset) =~ s/.*UPDATE prio_processor.peer.*//gr, qr/topsecret/, 'no message of run() shows how to log in on the other server');
# Adding it afterwards is of no use.
$M->safe_psql('postgres', 'ALTER PUBLICATION prio_processor ADD TABLE prio_processor.result');

# ------------------------------------------------------------------ helpers

# A batch of six clients, which A closes; B's shares are with Mallory.
sub batch
{
	my ($batch) = @_;

	as($A, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', 8, 5)");
	new_clients($pair, $batch, 6, 8);
	deliver($pair, $batch, 'true', 'A');
	exchange_clients("SELECT batch, id, share_b FROM client WHERE batch = '$batch'");
	as($A, 'job', "CALL prio_processor.close_batch('$batch')");
	return;
}

sub exchange_clients
{
	my $file = $A->basedir . '/exchange';
	$A->safe_psql('clients', "\\copy ($_[0]) TO '$file'");
	$M->safe_psql('postgres', "\\copy share FROM '$file'");
	unlink $file;
	return;
}

my $says = 'INSERT INTO prio_processor.checkpoint (batch_id, role, stage, attempt';

# What an honest B would say, stage by stage.
sub honest_open
{
	my ($batch) = @_;
	my $settings = $A->safe_psql('postgres', "SELECT settings FROM prio_processor.checkpoint WHERE batch_id = '$batch' AND role = 'A' AND stage = 'open'");
	$M->safe_psql('postgres', "$says, settings) VALUES ('$batch', 'B', 'open', 0, '$settings')");
	return;
}

sub honest_verify1
{
	my ($batch) = @_;
	$M->safe_psql('postgres', qq{
		INSERT INTO prio_processor.message SELECT '$batch', id, 'B', 1, prio_verify1(prio_verifier('telemetry', '$batch', 8, share))
		FROM share WHERE batch = '$batch';
		$says, messages) VALUES ('$batch', 'B', 'verify1', 0, 6)});
	return;
}

# What A said in a round, into a table of Mallory's.
sub listen_to_a
{
	my ($batch, $round) = @_;
	my $file = $A->basedir . '/exchange';
	$A->safe_psql('postgres', "\\copy (SELECT share_id, payload FROM prio_processor.message WHERE batch_id = '$batch' AND role = 'A' AND round = $round) TO '$file'");
	$M->safe_psql('postgres', "DROP TABLE IF EXISTS heard; CREATE TABLE heard (id uuid, payload bytea)");
	$M->safe_psql('postgres', "\\copy heard FROM '$file'");
	unlink $file;
	return;
}

sub honest_verify2
{
	my ($batch) = @_;
	listen_to_a($batch, 1);
	$M->safe_psql('postgres', qq{
		INSERT INTO prio_processor.message SELECT '$batch', id, 'B', 2, prio_verify2(prio_verifier('telemetry', '$batch', 8, share), payload)
		FROM share JOIN heard USING (id) WHERE batch = '$batch';
		$says, messages) VALUES ('$batch', 'B', 'verify2', 0, 6)});
	return;
}

sub honest_total
{
	my ($batch) = @_;
	$M->safe_psql('postgres', qq{
		$says, valid, rejected, total) SELECT '$batch', 'B', 'aggregate', 0, count(*), 0, prio_total_share(prio_verifier('telemetry', '$batch', 8, share), NULL)
		FROM share WHERE batch = '$batch'});
	return;
}

# Whatever has been said until now has arrived: the subscription is alive.
my $marks = 0;

sub arrived
{
	my $mark = 'mark ' . ++$marks;
	$M->safe_psql('postgres', "$says) VALUES ('$mark', 'B', 'open', 0)");
	return $A->poll_query_until('postgres', "SELECT count(*) = 1 FROM prio_processor.checkpoint WHERE batch_id = '$mark'");
}

# All rows of a table that A wrote, or that belong to A alone.
sub ours
{
	return $A->safe_psql('postgres', q{
		SELECT md5(string_agg(t, chr(10) ORDER BY t)) FROM (
			SELECT m::text AS t FROM prio_processor.message AS m WHERE role = 'A'
			UNION ALL SELECT c::text FROM prio_processor.checkpoint AS c WHERE role = 'A'
			UNION ALL SELECT s::text FROM prio_processor.share AS s
			UNION ALL SELECT v::text FROM prio_processor.verifier AS v
			UNION ALL SELECT b::text FROM prio_processor.batch AS b
			UNION ALL SELECT p::text FROM prio_processor.peer AS p
			UNION ALL SELECT r::text FROM prio_processor.result AS r) AS x});
}

# ------------------------------------------------------------------ rows in our name, changes of our rows

batch('stream');
batch('waiting');
# Before A says anything, Mallory says it for A.
$M->safe_psql('postgres', qq{
	INSERT INTO prio_processor.message SELECT batch, id, 'A', round, '\\x00' FROM share, generate_series(1, 2) AS round WHERE batch = 'stream';
	$says, messages) VALUES ('stream', 'A', 'verify1', 0, 0), ('stream', 'A', 'verify2', 0, 0);
	$says, valid, total) VALUES ('stream', 'A', 'aggregate', 0, 6, '\\x00');
	$says, error) VALUES ('stream', 'A', 'failed', 0, 'mallory was here')});
ok(arrived(), 'rows in the name of this server do not stop the subscription');
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.message}), 0, 'and are left out');

honest_open('stream');
arrived();
run($pair, 'A');
my $before = ours();
my @attacks = (
	[ 'a message of this server changed', q{UPDATE prio_processor.message SET payload = '\xdead' WHERE role = 'A'} ],
	[ 'a message of this server handed over', q{UPDATE prio_processor.message SET role = 'B' WHERE role = 'A'} ],
	[ 'a message of this server moved to another batch', q{UPDATE prio_processor.message SET batch_id = 'waiting' WHERE role IN ('A', 'B')} ],
	[ 'messages of this server deleted', q{DELETE FROM prio_processor.message} ],
	[ 'a checkpoint of this server changed', q{UPDATE prio_processor.checkpoint SET messages = 0, total = '\x00', settings = '{}' WHERE role = 'A'} ],
	[ 'checkpoints of this server deleted', q{DELETE FROM prio_processor.checkpoint} ]);
foreach my $attack (@attacks)
{
	# To send a change of a row, the row has to be there.
	listen_to_a('stream', 1);
	$M->safe_psql('postgres', qq{
		INSERT INTO prio_processor.message SELECT 'stream', id, 'A', 1, payload FROM heard;
		$says) VALUES ('stream', 'A', 'open', 0);
		$attack->[1]});
	ok(arrived(), "the subscription goes on: $attack->[0]");
	is(ours(), $before, "nothing changes: $attack->[0]");
}

# A message that was said once stays, whatever is said later.
$M->safe_psql('postgres', q{DELETE FROM prio_processor.message; DELETE FROM prio_processor.checkpoint});
honest_verify1('stream');
arrived();
my $first = 'SELECT md5(string_agg(m::text, chr(10) ORDER BY m::text)) FROM prio_processor.message AS m WHERE role = \'B\' AND batch_id = \'stream\'';
my $said = $A->safe_psql('postgres', $first);
isnt($said, '', 'honest messages arrive in between');
$M->safe_psql('postgres', $_) foreach q{INSERT INTO prio_processor.message SELECT batch_id, share_id, role, round, '\x00' FROM prio_processor.message},
  q{UPDATE prio_processor.message SET payload = '\xbeef'}, q{DELETE FROM prio_processor.message};
ok(arrived(), 'a message that is said again in another way does not stop the subscription');
is($A->safe_psql('postgres', $first), $said, 'and the first one stays');

# ------------------------------------------------------------------ nonsense in every field

my $message = 'INSERT INTO prio_processor.message VALUES';
my $id = "'00000000-0000-0000-0000-000000000000'";
my @nonsense = (
	"$message (NULL, $id, 'B', 1, '\\x00')", "$message ('stream', NULL, 'B', 1, '\\x00')", "$message ('stream', $id, NULL, 1, '\\x00')",
	"$message ('stream', $id, 'B', NULL, '\\x00')", "$message ('stream', $id, 'B', 1, NULL)", "$message ('stream', $id, 'C', 1, '\\x00')",
	"$message ('stream', $id, 'B', 3, '\\x00')", "$message ('stream', $id, 'B', -1, '\\x00')", "$message ('', $id, 'B', 1, '\\x00')",
	"$message (repeat('x', 100000), $id, 'B', 1, '\\x00')", "$message ('no such batch', $id, 'B', 1, '\\x00')",
	"$message ('stream', gen_random_uuid(), 'B', 1, decode(repeat('00', 20000000), 'hex'))", "$message ('stream', gen_random_uuid(), repeat('B', 1000000), 1, '\\x00')",
	"$says) VALUES (NULL, 'B', 'verify2', 0)", "$says) VALUES ('stream', NULL, 'verify2', 0)", "$says) VALUES ('stream', 'B', NULL, 0)",
	"$says) VALUES ('stream', 'B', 'verify2', NULL)", "$says) VALUES ('stream', 'B', 'no such stage', 0)", "$says) VALUES ('stream', 'B', 'published', 0)",
	"$says) VALUES ('stream', 'B', repeat('x', 1000000), 0)", "$says) VALUES ('stream', 'B', 'verify2', -1)", "$says) VALUES (repeat('x', 100000), 'B', 'open', 0)",
	"$says, at) VALUES ('no such batch', 'B', 'open', 0, NULL), ('no such batch', 'B', 'open', 1, 'infinity')",
	"$says, settings) SELECT 'no such batch', 'B', 'open', 2147483647, jsonb_object_agg(i, i) FROM generate_series(1, 100000) AS i",
	"$says, error) VALUES ('no such batch', 'B', 'failed', 0, repeat('x', 50000000))",
	"$says, total) VALUES ('no such batch', 'B', 'aggregate', 0, decode(repeat('00', 50000000), 'hex'))");
$before = ours();
$M->safe_psql('postgres', $_) foreach @nonsense;
ok(arrived(), 'nonsense in any field does not stop the subscription');
is(ours(), $before, 'and changes nothing');
cmp_ok($A->safe_psql('postgres', q{SELECT sum(pg_column_size(m.*)) FROM prio_processor.message AS m}) +
	$A->safe_psql('postgres', q{SELECT sum(pg_column_size(c.*)) FROM prio_processor.checkpoint AS c}), '<', 5_000_000, 'nor takes much room');

# With all that, the batch is finished.
run($pair, 'A');
honest_verify2('stream');
arrived();
run($pair, 'A');
honest_total('stream');
arrived();
run($pair, 'A');
is(result($pair, 'A', 'stream'), truth($pair, 'stream'), 'the batch in the midst of all that is published, and right');

# ------------------------------------------------------------------ batches that cannot go well

# [ name, what Mallory says instead of settings, verify1, verify2 and the total; what becomes of it ]
my @bad = (
	[ 'settings: null', sub { $M->safe_psql('postgres', "$says, settings) VALUES ('$_[0]', 'B', 'open', 0, 'null')") }, undef, undef, qr/^failed\|the two servers do not agree on bits.*/ ],
	[ 'settings: a list', sub { $M->safe_psql('postgres', "$says, settings) VALUES ('$_[0]', 'B', 'open', 0, '[1, {}]')") }, undef, undef, qr/^failed\|the two servers do not agree/ ],
	[ 'settings: other types', sub { $M->safe_psql('postgres', "$says, settings) VALUES ('$_[0]', 'B', 'open', 0, '{\"n_data\": \"x\", \"bits\": {}, \"prg\": 7}')") }, undef, undef, qr/^failed\|the two servers do not agree/ ],
	[ 'settings: none', sub { $M->safe_psql('postgres', "$says) VALUES ('$_[0]', 'B', 'open', 0)") }, undef, undef, qr/^verify1\|$/ ],
	[ 'settings: huge', sub { $M->safe_psql('postgres', "$says, settings) SELECT '$_[0]', 'B', 'open', 0, jsonb_object_agg(i, i) FROM generate_series(1, 10000) AS i") }, undef, undef, qr/^failed\|the two servers do not agree/ ],
	[ 'settings: control characters', sub { $M->safe_psql('postgres', "$says, settings) VALUES ('$_[0]', 'B', 'open', 0, '{\"n_data\": \"\\u001b[2J\\u009b2J\\nERROR\"}')") }, undef, undef,
		qr/^failed\|the two servers do not agree on .*n_data \(8 here,  \[2J 2J ERROR there\)/ ],
	[ 'gives up in colour', sub { honest_open($_[0]); $M->safe_psql('postgres', "$says, error) VALUES ('$_[0]', 'B', 'failed', 0, E'\\u001b[31m\\u009b31m\\rred\\nmore')") }, undef, undef,
		qr/^verify2\|the other server:  \[31m 31m red more$/ ],
	[ 'gives up', sub { honest_open($_[0]); $M->safe_psql('postgres', "$says, error) VALUES ('$_[0]', 'B', 'failed', 0, repeat('why', 1000000))") }, undef, undef, qr/^verify2\|the other server: (why)+w?h?$/ ],
	[ 'promises too much', \&honest_open, sub { $M->safe_psql('postgres', "$says, messages) VALUES ('$_[0]', 'B', 'verify1', 0, 9223372036854775807)") }, undef, qr/^verify2\|$/ ],
	[ 'promises nothing', \&honest_open, sub { $M->safe_psql('postgres', "$says, messages) VALUES ('$_[0]', 'B', 'verify1', 0, NULL)") }, undef, qr/^verify2\|$/ ],
	[ 'says nothing', \&honest_open, sub { $M->safe_psql('postgres', "$says, messages) VALUES ('$_[0]', 'B', 'verify1', 0, -1)") },
		sub { $M->safe_psql('postgres', "$says, messages) VALUES ('$_[0]', 'B', 'verify2', 0, -9223372036854775808)") }, qr/^too small\|0 valid shares/ ],
	[ 'verify1 is garbage', \&honest_open, sub { $M->safe_psql('postgres', qq{
			INSERT INTO prio_processor.message SELECT '$_[0]', id, 'B', 1, (ARRAY['', '\\x00', '\\xa100', '\\xa100a100a100', '\\xddffffffff', decode(repeat('a1', 1000000), 'hex')]::bytea[])[
				row_number() OVER ()] FROM share WHERE batch = '$_[0]';
			$says, messages) VALUES ('$_[0]', 'B', 'verify1', 0, 6)}) },
		sub { $M->safe_psql('postgres', "$says, messages) VALUES ('$_[0]', 'B', 'verify2', 0, 0)") }, qr/^too small\|0 valid shares/ ],
	[ 'verify2 is garbage', \&honest_open, \&honest_verify1, sub { $M->safe_psql('postgres', qq{
			INSERT INTO prio_processor.message SELECT '$_[0]', id, 'B', 2, (ARRAY['', '\\x00', '\\xa100', '\\xa100a100a100', '\\xddffffffff', decode(repeat('a1', 1000000), 'hex')]::bytea[])[
				row_number() OVER ()] FROM share WHERE batch = '$_[0]';
			$says, messages) VALUES ('$_[0]', 'B', 'verify2', 0, 6)}) }, qr/^too small\|0 valid shares/ ],
	[ 'answers unknown shares', \&honest_open, \&honest_verify1, sub { $M->safe_psql('postgres', qq{
			INSERT INTO prio_processor.message VALUES ('$_[0]', gen_random_uuid(), 'B', 2, '\\xa100');
			$says, messages) VALUES ('$_[0]', 'B', 'verify2', 0, 1)}) }, qr/^failed\|the other server answers shares that are not here/ ],
	[ 'total before its time', sub { honest_open($_[0]); honest_total($_[0]) }, undef, undef, qr/^verify2\|$/ ],
	[ 'other settings later', \&honest_open, sub { honest_verify1($_[0]); $M->safe_psql('postgres', "$says, settings) VALUES ('$_[0]', 'B', 'open', 2147483647, '{}')") }, undef,
		qr/^failed\|the two servers do not agree/ ]);
foreach (@bad)
{
	batch($_->[0]);
	$_->[1]->($_->[0]);
}
$M->safe_psql('postgres', "$says) VALUES (E'\\u001b[2J', 'B', 'open', 0)");
ok(arrived(), 'bad settings do not stop the subscription');
$offset = -s $A->logfile;
$told = run($pair, 'A');
like($told, qr/WARNING:  batch "settings: control characters": the two servers do not agree/, 'of which run() warns');
unlike($told . slurp_file($A->logfile, $offset), qr/[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|^ERROR/m, 'without control characters of the other server, for the log neither');
like(as($A, 'job', 'SELECT unknown_batches FROM prio_processor.exchange'), qr/ \[2J/, 'as a batch id of the other server is shown');
$_->[2] && $_->[2]->($_->[0]) foreach @bad;
ok(arrived(), 'nor does a bad round 1');
run($pair, 'A');
$_->[3] && $_->[3]->($_->[0]) foreach @bad;
ok(arrived(), 'nor a bad round 2');
run($pair, 'A') foreach 1, 2;
foreach (@bad)
{
	like(as($A, 'job', qq{SELECT b.stage, (SELECT max(error) FROM prio_processor.progress AS p WHERE p.batch_id = b.batch_id)
			FROM prio_processor.batch AS b WHERE batch_id = '$_->[0]'}), $_->[4], "the batch ends or waits, and says why: $_->[0]");
}
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.result WHERE batch_id <> 'stream'}), 0, 'none of them is published');
is(as($A, 'job', q{SELECT string_agg(DISTINCT reason, ', ') FROM prio_processor.rejection WHERE batch_id = 'verify1 is garbage' AND stage = 'verify2'}),
	'malformed message of the other server', 'the messages of the other server are to blame');

# ------------------------------------------------------------------ floods

# Messages about batches and shares that do not exist, and batches without end: nobody works
# longer for that, but for the disk.
batch('flooded');
my @flood = (
	q{INSERT INTO prio_processor.message SELECT 'no batch ' || i % 100, md5(i::text)::uuid, 'B', 1, decode(repeat('00', 64), 'hex') FROM generate_series(1, 50000) AS i},
	q{INSERT INTO prio_processor.message SELECT 'flooded', md5(i::text)::uuid, 'B', 1, decode(repeat('00', 64), 'hex') FROM generate_series(1, 50000) AS i},
	"$says) SELECT 'no batch ' || i, 'B', 'open', 0 FROM generate_series(1, 10000) AS i",
	"$says) SELECT 'flooded', 'B', 'failed', i FROM generate_series(1, 20000) AS i");
$M->safe_psql('postgres', $_) foreach @flood;
ok(arrived(), 'a flood arrives');
honest_open('flooded');
arrived();
my $begin = time;
run($pair, 'A');
honest_verify1('flooded');
arrived();
run($pair, 'A');
honest_verify2('flooded');
arrived();
run($pair, 'A');
honest_total('flooded');
arrived();
run($pair, 'A');
is(result($pair, 'A', 'flooded'), truth($pair, 'flooded'), 'the batch in the midst of it is published, and right');
as($A, 'job', q{CALL prio_processor.create_batch('no batch 1', 'telemetry', 8, 5)});
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.message WHERE batch_id = 'no batch 1'}), 500, 'a batch is created with what came early');
cmp_ok(as($A, 'job', q{SELECT cardinality(unknown_batches) FROM prio_processor.exchange}), '<=', 100, 'of the batches without end a hundred are shown');
as($A, 'job', q{CALL prio_processor.give_up_batch('no batch 1')});
as($A, 'job', q{CALL prio_processor.drop_batch('flooded')});
cmp_ok(time - $begin, '<', 60, 'all that in no time');
$A->safe_psql('postgres', 'DELETE FROM prio_processor.message_early');
is($A->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.message_early'), 0, 'what came early can be deleted');

# ------------------------------------------------------------------ what does stop the subscription

# Values of another type cannot even be read, and nothing can be done about TRUNCATE: the
# subscription stops there. Nothing is lost, and rejoin_peer() gets over it.
$before = ours();
batch('after');
my $kept = $A->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.message');
my $log = -s $A->logfile;
$M->safe_psql('postgres', 'TRUNCATE prio_processor.message, prio_processor.checkpoint');
$A->wait_for_log(qr/table "\w+" cannot be truncated/, $log);
is($A->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.message'), $kept, 'TRUNCATE deletes nothing');
$log = -s $A->logfile;
$M->safe_psql('postgres', "$message ('after', $id, 'B', 99999, '\\x00')");
honest_open('after');
$M->safe_psql('postgres', 'DELETE FROM prio_processor.message WHERE round > 2');
$A->safe_psql('postgres', 'SET client_min_messages = warning; CALL prio_processor.rejoin_peer()');
run($pair, 'A');
$M->safe_psql('postgres', 'ALTER PUBLICATION prio_processor DROP TABLE prio_processor.result');
run($pair, 'A');
ok(arrived(), 'rejoin_peer() gets over what stopped the subscription');
run($pair, 'A');
honest_verify1('after');
arrived();
run($pair, 'A');
honest_verify2('after');
arrived();
run($pair, 'A');
honest_total('after');
arrived();
run($pair, 'A');
is(result($pair, 'A', 'after'), truth($pair, 'after'), 'and what was to come goes on');

done_testing();
