# Server A on Citus: a coordinator and two workers. The page about it is followed, block by block; then
# 20 000 shares, of bits and of Prio3, go through the job while a worker and the coordinator are
# killed and shards are moved, and the totals are right.
#
# Runs at night: it needs Citus, which is not part of this; processor_crash.pl kills the job by day.
#
# Citus is where PRIO_CITUS says, the DESTDIR that it was installed with, or where PostgreSQL is. Without it nothing
# here runs, which is not the same as passing.
use strict;
use warnings;

use File::Path qw(remove_tree);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(sleep time);

# ------------------------------------------------------------------ clusters

my $pgconfig = $ENV{PG_CONFIG} // 'pg_config';
chomp(my $sharedir = `$pgconfig --sharedir`);
chomp(my $pkglibdir = `$pgconfig --pkglibdir`);
plan skip_all => 'NOT RUN: Citus is not installed here; PRIO_CITUS names the DESTDIR that it was installed with'
  unless -e ($ENV{PRIO_CITUS} // '') . "$sharedir/extension/citus.control";

my @settings = ("shared_preload_libraries = 'citus'", "citus.node_conninfo = 'sslmode=disable'", 'citus.enable_version_checks = off',
	'max_prepared_transactions = 50', 'wal_level = logical', 'log_statement = all', 'restart_after_crash = on');
if (defined $ENV{PRIO_CITUS})
{
	my $both = PostgreSQL::Test::Utils::tempdir() . '/install';
	system('cp', '-a', $ENV{PRIO_DESTDIR}, $both) == 0 && system('cp', '-a', "$ENV{PRIO_CITUS}/.", $both) == 0 or die 'cp failed';
	$ENV{PRIO_DESTDIR} = $both;
	push @settings, "dynamic_library_path = '$both$pkglibdir:\$libdir'";
}

# The servers find each other by these services.
my $services = PostgreSQL::Test::Utils::tempdir() . '/pg_service.conf';
$ENV{PGSERVICEFILE} = $services;

my %node = map { $_ => init_cluster($_, @settings) } 'coordinator', 'worker1', 'worker2';
$node{server_b} = init_cluster('server_b', 'log_statement = none');
append_to_file($services, join '', map { sprintf "[%s]\nhost=%s\nport=%s\ndbname=%s\n", $_->[0], $node{ $_->[1] }->host, $node{ $_->[1] }->port, $_->[2] }
		([ 'coordinator', 'coordinator', 'postgres' ], [ 'worker1', 'worker1', 'postgres' ], [ 'worker2', 'worker2', 'postgres' ],
		[ 'server_b', 'server_b', 'postgres' ], [ 'client', 'server_b', 'client' ]));
# A worker fetches what is moved from itself, not by TCP.
$node{$_}->append_conf('postgresql.conf', "citus.local_hostname = '" . $node{$_}->host . "'") foreach 'coordinator', 'worker1', 'worker2';
share_sessions($_)->start foreach values %node;
$node{server_b}->safe_psql('postgres', 'CREATE DATABASE client');

# ------------------------------------------------------------------ the page

# As documentation.pl follows the other documents.
my %place = (coordinator => 'coordinator', 'worker 1' => 'worker1', 'worker 2' => 'worker2', 'server B' => 'server_b', client => 'client');
sub follow
{
	my ($document) = @_;
	my @printed = ('');
	my $text = slurp_file($document);

	local %ENV = %ENV;
	delete @ENV{qw(PGHOST PGPORT PGDATABASE)};
	$ENV{LC_ALL} = 'C.UTF-8';
	while ($text =~ /^```(sql|sh|text)\n(.*?)^```$/msg)
	{
		my ($language, $block) = ($1, $2);
		my ($title, $statement) = $block =~ /^(.*)\n(.*)/;

		if ($language eq 'text')
		{
			is($_, $block, "$document prints $title") foreach @printed;
			next;
		}
		@printed = ();
		foreach my $where ($language eq 'sh' ? 'sh' : split /, /, $title =~ s/^-- //r)
		{
			my ($out, $err) = ('', '');
			my @command = $language eq 'sh' ? ('bash', '-e', '-o', 'pipefail', '-c', $block)
			  : ('psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'service=' . ($place{$where} // die "no place: $where"));

			ok(IPC::Run::run(\@command, $language eq 'sh' ? ('<', \undef) : ('<', \$block), '>', \$out, '2>', \$err), "$document, $where: $statement") or diag $err;
			push @printed, $out;
		}
	}
	return;
}

# What the page makes in the tree, other documents make there as well.
my $makes_keys = -e 'keys' ? 0 : $$;
END { remove_tree('keys') if $makes_keys == $$ }
follow('docs/scaling.md');
if (!Test::More->builder->is_passing)
{
	done_testing();
	exit;
}

# ------------------------------------------------------------------ a pair

my $count = $ENV{PRIO_LONG} ? 20_000 : 2_000;
my $pair = {
	A => { node => $node{coordinator}, database => 'postgres' },
	B => { node => $node{server_b}, database => 'postgres' },
	clients => { node => $node{server_b}, database => 'client' }
};
my ($A, $B, $clients) = @{$pair}{ 'A', 'B', 'clients' };
sql($clients, q{CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest', data bigint[], header bytea, share_a bytea, share_b bytea)});
$pair->{keys} = { map { my $role = $_; map { ("${_}_$role", slurp_file("keys/\l$role." . ($_ eq 'public' ? 'pub' : 'key')) =~ s/\s//gr) } 'public', 'private' } 'A', 'B' };

sub on_workers { my ($command) = @_; return sql($A, qq{SELECT bool_and(success), min(result) FROM run_command_on_workers(\$\$$command\$\$)}); }

# Sessions in the background.
sub start
{
	my ($sql) = @_;
	my %session = (err => '');
	$session{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-d', $A->{node}->connstr('postgres') . ' user=job', '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

# run() on A, and in its middle, when a worker is opening shares, kill -9 of a whole cluster: everything that is of it.
sub kill_in_the_middle
{
	my ($name, $condition) = @_;
	my $running = start(q{CALL prio_processor.run()});

	ok($condition->($running), "$name is at work");
	kill_hard($name);
	$running->{handle}->finish;
	return $running->{err};
}

# kill -9 of a server and of all its backends: those would notice only when they are at the end of what they compute.
sub kill_hard
{
	my ($name) = @_;
	my $pid = (split /\n/, slurp_file($node{$name}->data_dir . '/postmaster.pid'))[0];
	my @children = split ' ', `ps -o pid= --ppid $pid`;

	$node{$name}->kill9;
	kill 'KILL', @children;
	sleep 0.05 while grep { kill 0, $_ } @children;
	$node{$name}->start;
	return;
}

# Is a worker at a chunk? Often asked, as that does not take long; not any more when run() has ended.
sub opening
{
	my ($name, $running) = @_;

	while ($running->{handle}->pumpable)
	{
		return 1 if $node{$name}->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%open_shard_blocks%' AND state = 'active' AND pid <> pg_backend_pid()}) > 0;
		$running->{handle}->pump_nb;
	}
	return 0;
}

sub opened { my ($batch) = @_; return sql($A, "SELECT count(*) FROM prio_internal.opened JOIN prio_processor.batch USING (number) WHERE batch_id = '$batch'"); }
sub shards_on { my ($batch) = @_; return sql($A, "SELECT string_agg(DISTINCT nodeport::text, ',') FROM citus_shards WHERE table_name = (SELECT to_regclass('prio_internal.share_' || number) FROM prio_processor.batch WHERE batch_id = '$batch')"); }
sub worker_id { my ($name) = @_; return sprintf "'%s', %s", $node{$name}->host, $node{$name}->port; }
sub drain { my ($name) = @_; sql($A, sprintf q{SELECT citus_drain_node(%s, shard_transfer_mode => 'block_writes')}, worker_id($name)); return; }
sub rebalance
{
	sql($A, sprintf q{SELECT citus_set_node_property(%s, 'shouldhaveshards', true)}, worker_id($_)) foreach 'worker1', 'worker2';
	sql($A, q{SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes')});
	return;
}

sub is_right
{
	my ($batch, $truth, $name) = @_;
	is(result($pair, $_, $batch), $truth, "$name, says $_") foreach 'A', 'B';
	is( as($pair->{$_}, 'job', "SELECT valid + (SELECT coalesce(sum(shares), 0) FROM prio_processor.rejections WHERE batch_id = '$batch') FROM prio_processor.batch WHERE batch_id = '$batch'"),
		sql($pair->{$_}, "SELECT count(*) FROM prio_processor.share WHERE batch_id = '$batch'"),
		"$name: every row is in the total or in one rejection, says $_") foreach 'A', 'B';
	return;
}

sub steps_until
{
	my ($condition) = @_;
	for (my $until = time() + $PostgreSQL::Test::Utils::timeout_default; time() < $until && !$condition->();)
	{
		sql($A, q{SELECT prio_internal.step(number) FROM prio_processor.batch WHERE stage > 'open' AND stage < 'published'});
	}
	return $condition->();
}

# ------------------------------------------------------------------ 441 bits

# Several chunks a shard: rows of bits are in TOAST, and those of the histogram in their blocks.
sql($_, q{
	CREATE OR REPLACE FUNCTION prio_internal.chunk_shares(server name, n_data int) RETURNS int LANGUAGE sql STABLE RETURN 500;
	CREATE OR REPLACE FUNCTION prio_internal.chunk_blocks(b prio_processor.batch) RETURNS bigint LANGUAGE sql STABLE RETURN CASE WHEN b.n_data IS NULL THEN 20 ELSE 2 END::bigint}) foreach $A, $B;

new_batch($pair, 'bits', 441, 100);
new_clients($pair, 'bits', $count, 441);
lying_client($pair, 'bits', 2, map { 0 } 2 .. 441) foreach 1 .. 20;
sql($clients, q{
	INSERT INTO client (batch, kind, share_a, share_b) SELECT 'bits', 'copy', share_a, share_b FROM client WHERE kind = 'honest' LIMIT 5;
	INSERT INTO client (batch, kind, share_a, share_b) SELECT 'bits', 'none', '\x00', '\x00' FROM generate_series(1, 3)});
deliver($pair, 'bits');
like(shards_on('bits'), qr/,/, 'shares are on both workers');
is(sql($A, q{SELECT bool_and(success AND result = '0') FROM run_command_on_all_nodes($$SELECT count(*) FROM prio_internal.early_share$$)}), 't', 'and nowhere else');
close_both($pair, 'bits');
my $chunks = sql($A, q{SELECT count(*) FROM prio_internal.chunk JOIN prio_processor.batch USING (number) WHERE batch_id = 'bits'});

# One worker has gone, as far as anybody knows: what it was at is done again, and what the other did stays.
my $said = kill_in_the_middle('worker2', sub { opening('worker2', @_) });
like($said, qr/WARNING:  batch "bits": /, 'run() says that it is gone');
my $before = opened('bits');
note "$before of $chunks chunks are open";
cmp_ok($before, '<', $chunks, 'and not all is open');
kill_in_the_middle('coordinator', sub { opening('worker1', @_) });
is(opened('bits'), 0, 'after a crash of the coordinator nothing is open');

# A rebalance when some chunks are open: those of shards that were moved are divided and opened anew.
ok(steps_until(sub { opened('bits') >= 2 }), 'some chunks are open again');
my $first = sql($A, q{SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM prio_internal.chunk AS c});
my $last = sql($A, q{SELECT s.nodeport FROM prio_internal.chunk AS c JOIN prio_processor.batch AS b USING (number) JOIN citus_shards AS s ON s.shardid = c.shard
	WHERE b.batch_id = 'bits' ORDER BY c.chunk DESC LIMIT 1});
my ($emptied) = grep { $node{$_}->port == $last } 'worker1', 'worker2';
drain($emptied);
unlike(shards_on('bits'), qr/,/, 'all shards are on one worker');
ok(steps_until(sub { stage_of($pair, 'A', 'bits') eq 'agree' }), 'the list is made');
isnt(sql($A, q{SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM prio_internal.chunk AS c}), $first, 'from other chunks');
run($pair, 'B');
run($pair, 'A');
is(stage_of($pair, 'A', 'bits'), 'aggregate', 'A has said its last word');

# The same with all that said: what is made again is what it was.
kill_hard('coordinator');
rebalance();
like(shards_on('bits'), qr/,/, 'shards are on both workers again');
ok(steps_until(sub { sql($A, q{SELECT count(*) > 0 FROM prio_internal.work}) eq 't' }), 'private state is there again');

# What comes from the workers, as Citus counts it, and as it is kept.
my $chunk = q{FROM prio_processor.batch AS b JOIN prio_internal.chunk AS c USING (number) JOIN prio_internal.opened AS o USING (number, chunk) WHERE b.batch_id = 'bits' ORDER BY o.shares DESC LIMIT 1};
my $question = sql($A, qq{SELECT prio_internal.on_shard(b, s.key, format('prio_internal.open_shard_blocks(%L::text, %L::text, %L::bigint, %L::bigint, %s)', s.relation, c.placement, c.first_block, c.end_block, prio_internal.opening(b)))
	} . $chunk =~ s/WHERE/JOIN LATERAL prio_internal.shards(b) AS s USING (shard) WHERE/r);
my ($received, $unit) = sql($A, "EXPLAIN (ANALYZE, COSTS OFF) $question") =~ /Tuple data received from nodes: (\d+) (bytes|kB)/;
$unit = $unit eq 'kB' ? 1024 : 1;
my ($kept, $shares) = split /\|/, sql($A, "SELECT octet_length(o.opened), o.shares $chunk");
note "$received times $unit bytes for $shares shares, of which $kept are kept";
cmp_ok($received * $unit, '<=', 250 * $shares, 'no more than 250 bytes a share come from a worker');
cmp_ok(($received + 1) * $unit, '>=', $kept, 'and no fewer than are kept');
my @secrets = split /\n/, sql($A, qq{SELECT encode(substr(r.record, i, 16), 'hex') FROM (SELECT o.opened $chunk) AS o, LATERAL prio_internal.opened_rows(o.opened) AS r, generate_series(33, 129, 16) AS i LIMIT 70});

# And once more, before the sum, for which shares that do not count are opened again.
drain($emptied);
ok(finish($pair, 'bits'), 'bits are finished');
is_right('bits', truth($pair, 'bits'), 'bits');
is(report($pair, 'A', 'bits'), report($pair, 'B', 'bits'), 'both leave out the same');
note report($pair, 'A', 'bits');
rebalance();
foreach my $name ('coordinator', 'worker1', 'worker2')
{
	my $log = slurp_file($node{$name}->logfile);
	my @found = grep { $_ !~ /^0*$/ && index($log, $_) >= 0 } @secrets;
	cmp_ok(index($log, $name eq 'coordinator' ? 'prio_processor.run' : 'open_shard_blocks'), '>=', 0, "$name logs statements");
	is(scalar @found, 0, 'and nothing that shares opened to');
}

# ------------------------------------------------------------------ a histogram

my $verify_key = sql($clients, q{SELECT encode(prio3_verify_key(), 'hex')});
foreach my $role ('A', 'B')
{
	my $server = "FOREIGN DATA WRAPPER prio OPTIONS (role '$role', vdaf 'Prio3Histogram', length '100')";
	sql($pair->{$role}, "CREATE SERVER ages $server; CREATE USER MAPPING FOR CURRENT_USER SERVER ages OPTIONS (verify_key '$verify_key')");
	sql($clients, "CREATE SERVER \"ages_$role\" $server");
}
like(on_workers("CREATE USER MAPPING FOR CURRENT_USER SERVER ages OPTIONS (verify_key '$verify_key')"), qr/^t/, 'workers have the key as well');
foreach my $role ('A', 'B')
{
	sql($pair->{$role}, q{CALL prio_processor.join_peer('ages', NULL, 'other')});
}
as($pair->{$_}, 'job', q{CALL prio_processor.create_batch('ages', 'ages', min_batch_size => 100)}) foreach 'A', 'B';
sql($clients, qq{
	INSERT INTO client (batch, id, data, header, share_a, share_b)
	SELECT 'ages', encode(s.nonce, 'hex')::uuid, ARRAY[m], s.public_share, s.share_a, s.share_b
	FROM generate_series(1, $count) AS i, LATERAL (SELECT abs(hashint8(i)) % (1 + abs(hashint8(-i)) % 100) AS m) AS v, LATERAL prio3_shard('ages_A', m::bigint) AS s;
	-- B's share is somebody else's: both sides open theirs, and the proof does not hold.
	INSERT INTO client (batch, kind, id, header, share_a, share_b)
	SELECT 'ages', 'lies', encode(s.nonce, 'hex')::uuid, s.public_share, s.share_a, other.share_b
	FROM generate_series(1, 20) AS i, LATERAL prio3_shard('ages_A', i::bigint) AS s, LATERAL prio3_shard('ages_A', -i::bigint + 50) AS other});
foreach my $role ('A', 'B')
{
	my $file = $clients->{node}->basedir . '/shares';
	sql($clients, "\\copy (SELECT batch, id, header, share_\l$role FROM client WHERE batch = 'ages' ORDER BY md5(id::text)) TO '$file'");
	as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, header, payload) FROM '$file'");
	unlink $file;
}
# A collector may name columns here that it has no right to elsewhere: of a file that is nowhere, and an evaluation point.
as($A, 'collector', q{INSERT INTO prio_processor.share (batch_id, share_id, ordinal, file, position, bytes) VALUES ('ages', gen_random_uuid(), -1, 1, 0, 10)});
like(error_as($A, 'job', q{CALL prio_processor.create_batch('points', 'telemetry', 8, 5, ordinals => true)}), qr/where shares are distributed, a batch has no ordinals/, 'such points are for batches elsewhere');
close_both($pair, 'ages');
kill_in_the_middle('worker1', sub { opening('worker1', @_) });
drain('worker2');
run($pair, 'A', 'B', 'A');
kill_hard('coordinator');
rebalance();
ok(finish($pair, 'ages'), 'ages are finished');
is_right('ages', sql($clients, q{SELECT array_agg(count ORDER BY bucket), sum(count) FROM (SELECT bucket, count(c) FROM generate_series(0, 99) AS bucket
	LEFT JOIN client AS c ON c.data[1] = bucket AND c.batch = 'ages' AND c.kind = 'honest' GROUP BY bucket) AS s}), 'ages');
like(report($pair, 'A', 'ages'), qr{close/malformed packet: 1\b}, 'what says that it is in a file is malformed, and stops nothing');
note report($pair, 'A', 'ages');

# ------------------------------------------------------------------ the end

as($pair->{$_}, 'job', q{CALL prio_processor.drop_batch('bits'); CALL prio_processor.drop_batch('ages')}) foreach 'A', 'B';
is(sql($A, q{SELECT count(*) FROM citus_shards WHERE table_name::text ~ 'share_\d'}), '0', 'what is dropped is gone from the workers as well');

done_testing();
