# What the tests of prio_processor share: two servers joined to each other, the people who
# work there, clients, and what the published counts should be.
package ProcessorTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(%other new_pair new_side join_side sql as error_as session run finish stage_of reaches new_batch close_both
  small_chunks new_clients lying_client deliver truth result report state_of);

our %other = (A => 'B', B => 'A');

# Of the database of a side, when it matters: (B => 'LATIN1').
our %encoding;

# A side of a pair is a database in a cluster: { node => cluster, database => name }. Its people:
# job runs the batches, collector brings the shares, analyst reads results; the other side logs
# in as other_server.
sub new_side
{
	my ($node, $database, $encoding) = @_;
	my $side = { node => $node, database => $database };

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0" . ($encoding ? " ENCODING '$encoding'" : '')) if $database ne 'postgres';
	sql($side, q{
		SET client_min_messages = warning;
		CREATE EXTENSION prio_processor CASCADE;
		DO $$ BEGIN
			CREATE ROLE job LOGIN IN ROLE prio_operator;
			CREATE ROLE collector LOGIN IN ROLE prio_ingest;
			CREATE ROLE analyst LOGIN IN ROLE prio_reader;
			CREATE ROLE other_server LOGIN IN ROLE prio_peer;
		EXCEPTION WHEN duplicate_object THEN
			NULL; -- of another database in this cluster
		END $$});
	return $side;
}

# Says on one side where the other is, and calls join_peer() for a Prio server.
sub join_side
{
	my ($pair, $role, $server) = @_;
	my $peer = $pair->{ $other{$role} };

	sql($pair->{$role}, sprintf q{
		SET client_min_messages = warning;
		CREATE SERVER IF NOT EXISTS other FOREIGN DATA WRAPPER prio_peer OPTIONS (host '%s', port '%s', dbname '%s');
		CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER other OPTIONS (user 'other_server');
		CALL prio_processor.join_peer('%s', '%s', 'other')},
		$peer->{node}->host, $peer->{node}->port, $peer->{database}, $server, $pair->{keys}{"public_$other{$role}"});
	return;
}

# Two servers, joined: { A => side, B => side, keys => { ... } }. They are two databases of one
# cluster, or of two clusters when it matters. Clients are played in a database of their own beside A.
sub new_pair
{
	my ($clusters, @settings) = @_;
	my @node = map { share_sessions new_cluster("server$_", 'wal_level = minimal', 'max_wal_senders = 0', 'log_statement = none', @settings) } 1 .. $clusters // 1;
	my %pair = (A => new_side($node[0], 'server_a', $encoding{A}), B => new_side($node[-1], 'server_b', $encoding{B}));

	$pair{keys} = { make_keys($node[0]) };
	foreach my $role ('A', 'B')
	{
		my %keys = %{ $pair{keys} };
		sql($pair{$role}, qq{
			CREATE SERVER telemetry FOREIGN DATA WRAPPER prio OPTIONS (role '$role', public_key '$keys{"public_$role"}');
			CREATE USER MAPPING FOR PUBLIC SERVER telemetry
				OPTIONS (private_key '$keys{"private_$role"}', shared_secret '$keys{secret}')});
	}
	join_side(\%pair, $_, 'telemetry') foreach 'A', 'B';
	$pair{clients} = { node => $node[0], database => 'postgres' };
	sql($pair{clients}, q{
		CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest',
			data bigint[], share_a bytea, share_b bytea)});
	return \%pair;
}

# SQL in the name of the superuser, and in that of one of the people.
sub sql
{
	my ($side, $sql) = @_;
	return $side->{node}->safe_psql($side->{database}, $sql);
}

sub as
{
	my ($side, $role, $sql) = @_;
	return $side->{node}->safe_psql($side->{database}, $sql, extra_params => [ '-U', $role ]);
}

# The error that SQL in the name of one of the people raises; empty if there is none.
sub error_as
{
	my ($side, $role, $sql) = @_;
	my ($code, $out, $err) = $side->{node}->psql($side->{database}, $sql, extra_params => [ '-U', $role ]);
	return $code == 0 ? '' : $err;
}

# A psql of somebody's that stays; an error does not end it.
sub session
{
	my ($side, $role) = @_;
	my $session = $side->{node}->background_psql($side->{database}, on_error_stop => 0, extra_params => [ '-U', $role ]);

	$session->set_query_timer_restart() if $session->can('set_query_timer_restart');
	return $session;
}

# run() on one side or, by default, both. Returns what it says.
sub run
{
	my ($pair, @roles) = @_;
	my $said = '';

	foreach my $role (@roles ? @roles : ('A', 'B'))
	{
		my $side = $pair->{$role};
		my ($code, $out, $err) = $side->{node}->psql($side->{database}, 'CALL prio_processor.run()', extra_params => [ '-U', 'job' ]);
		$said .= $err;
		die "run() of $role: $err" if $code != 0;
	}
	return $said;
}

sub stage_of
{
	my ($pair, $role, $batch) = @_;
	return as($pair->{$role}, 'job', "SELECT stage FROM prio_processor.batch WHERE batch_id = '$batch'");
}

# Stage, state and error of a batch, as an operator sees them.
sub state_of
{
	my ($pair, $role, $batch) = @_;
	return as($pair->{$role}, 'job',
		"SELECT stage, state, error FROM prio_processor.progress WHERE batch_id = '$batch' AND ended_at IS NULL");
}

# What fell out of a batch on one side: stage/reason: how many.
sub report
{
	my ($pair, $role, $batch) = @_;
	return as($pair->{$role}, 'job',
		"SELECT string_agg(stage || '/' || reason || ': ' || shares, ', ' ORDER BY stage, reason) FROM prio_processor.rejections WHERE batch_id = '$batch'");
}

# Calls run() on both sides in turn until a condition holds; false if it never does.
sub reaches
{
	my ($pair, $condition) = @_;
	my $until = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $until)
	{
		run($pair);
		return 1 if $condition->();
		sleep 0.05;
	}
	show($pair);
	return 0;
}

# What both sides know, when a test goes wrong.
sub show
{
	my ($pair) = @_;

	Test::More::diag("$_ is here:\n" . sql($pair->{$_}, q{
		SELECT batch_id, stage, state, done, total, waits_for, error FROM prio_processor.progress WHERE ended_at IS NULL ORDER BY number;
		SELECT * FROM prio_processor.rejections;
		SELECT * FROM prio_processor.exchange})) foreach 'A', 'B';
	return;
}

# Calls run() on both sides in turn until batches are through: published, too small or failed.
sub finish
{
	my ($pair, @batches) = @_;
	my $list = join ', ', map { "'$_'" } @batches;
	my %left = (A => 1, B => 1);
	my $until = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $until)
	{
		foreach my $role ('A', 'B')
		{
			$left{$role} = as($pair->{$role}, 'job', "CALL prio_processor.run();
				SELECT count(*) FROM unnest(ARRAY[$list]) AS id WHERE NOT EXISTS (SELECT FROM prio_processor.batch AS b WHERE b.batch_id = id AND b.stage::text IN ('published', 'too small', 'failed'))");
		}
		return 1 if $left{A} == 0 && $left{B} == 0;
	}
	show($pair);
	return 0;
}

# A batch on both sides or some; $more is more of create_batch()'s parameters.
sub new_batch
{
	my ($pair, $batch, $n_data, $min_batch_size, $more, @roles) = @_;
	my $call = "CALL prio_processor.create_batch('$batch', 'telemetry', $n_data, $min_batch_size" . ($more ? ", $more" : '') . ')';

	as($pair->{$_}, 'job', $call) foreach @roles ? @roles : ('A', 'B');
	return;
}

sub close_both
{
	my ($pair, @batches) = @_;
	my $calls = join '; ', map { "CALL prio_processor.close_batch('$_')" } @batches;

	as($pair->{$_}, 'job', $calls) foreach 'A', 'B';
	return;
}

# So few shares in a chunk of messages, and one block in a chunk of shares, so that a small batch takes many steps.
sub small_chunks
{
	my ($pair, $shares) = @_;

	sql($pair->{$_}, qq{
		CREATE OR REPLACE FUNCTION prio_internal.chunk_shares(server name, n_data int) RETURNS int LANGUAGE sql STABLE RETURN $shares;
		CREATE OR REPLACE FUNCTION prio_internal.chunk_blocks(b prio_processor.batch) RETURNS bigint LANGUAGE sql STABLE RETURN 1::bigint})
	  foreach 'A', 'B';
	return;
}

# So many honest clients of a batch. What they say is not random, but uneven. bits: of integers; none
# for single bits. name: the one in their packets, when it is not that of the batch.
sub new_clients
{
	my ($pair, $batch, $count, $entries, $bits, $name) = @_;
	my $keys = sprintf q{'\x%s', '\x%s', '%s'}, @{ $pair->{keys} }{ 'public_A', 'public_B' }, $name // $batch;
	my $value = $bits ? "abs(hashint8(id * 1000 + i)) % (1 << $bits)" : '(hashint8(id * 1000 + i) % (i + 1) = 0)::int';
	my $encode = $bits ? "prio_encode_uint($keys, data, $bits)" : "prio_encode($keys, bits)";

	sql($pair->{clients}, qq{
		INSERT INTO client (batch, data, share_a, share_b)
		SELECT '$batch', data, share_a, share_b FROM generate_series(1, $count) AS id,
			LATERAL (SELECT array_agg(value ORDER BY i) AS data, array_agg(value = 1 ORDER BY i) AS bits
				FROM generate_series(1, $entries) AS i, LATERAL (SELECT $value AS value) AS v) AS d, $encode});
	return;
}

# A client that seals any numbers as if they were bits.
sub lying_client
{
	my ($pair, $batch, @values) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'build/unit/cheat', @{ $pair->{keys} }{ 'public_A', 'public_B' }, $batch, @values ], '>', \$out, '2>', \$err)
	  or die "cheat: $err";
	my ($share_a, $share_b) = split /\n/, $out;
	sql($pair->{clients}, "INSERT INTO client (batch, kind, share_a, share_b) VALUES ('$batch', 'lies', '\\x$share_a', '\\x$share_b')");
	return;
}

# Brings the shares of a batch's clients to one server or, by default, both. $which and $order are SQL.
sub deliver
{
	my ($pair, $batch, $which, $order, @roles) = @_;

	$which //= 'true';
	$order //= 'id';
	foreach my $role (@roles ? @roles : ('A', 'B'))
	{
		my $file = $pair->{clients}{node}->basedir . '/shares';
		my $share = 'share_' . lc $role;
		sql($pair->{clients},
			"\\copy (SELECT batch, id, $share FROM client WHERE batch = '$batch' AND $share IS NOT NULL AND ($which) ORDER BY $order) TO '$file'");
		as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
		unlink $file;
	}
	return;
}

# What should be published of a batch, and of how many clients. $kinds: honest ones, if nothing else is said.
sub truth
{
	my ($pair, $batch, $kinds) = @_;

	$kinds //= "'honest'";
	return sql($pair->{clients}, qq{
		SELECT array_agg(sum ORDER BY i), max(count) FROM (SELECT i, sum(value), count(*) FROM client,
			unnest(data) WITH ORDINALITY AS d (value, i) WHERE batch = '$batch' AND kind IN ($kinds) GROUP BY i) AS s});
}

# What was published of a batch, and of how many clients.
sub result
{
	my ($pair, $role, $batch) = @_;
	return as($pair->{$role}, 'analyst', "SELECT counts, valid FROM prio_processor.result WHERE batch_id = '$batch'");
}

1;
