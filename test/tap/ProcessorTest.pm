# What the tests of prio_processor share: two clusters joined by logical replication, the
# people who work there, clients, and what the published counts should be.
package ProcessorTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(%other new_server new_pair join_servers conninfo as error_as run finish stage_is reaches
  
  new_batch small_chunks new_clients lying_client deliver truth result);

our %other = (A => 'B', B => 'A');

# A cluster that can be one of the two servers. Its people: job runs the batches, collector
# brings the shares, analyst reads results; the other cluster logs in as other_server.
sub new_server
{
	my ($name, @settings) = @_;
	my $node = new_cluster($name, 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10',
		"wal_retrieve_retry_interval = '200ms'", 'log_statement = none', @settings);

	$node->safe_psql('postgres', q{
		CREATE EXTENSION prio_processor;
		CREATE ROLE job LOGIN IN ROLE prio_operator;
		CREATE ROLE collector LOGIN IN ROLE prio_ingest;
		CREATE ROLE analyst LOGIN IN ROLE prio_reader;
		CREATE ROLE other_server LOGIN REPLICATION IN ROLE prio_peer});
	return $node;
}

sub conninfo
{
	my ($node) = @_;
	return $node->connstr('postgres') . ' user=other_server';
}

# Calls join_peer() on both sides, and waits until each hears the other.
sub join_servers
{
	my ($pair, $server) = @_;

	foreach my $role ('A', 'B')
	{
		my $conninfo = conninfo($pair->{ $other{$role} }) =~ s/'/''/gr;
		$pair->{$role}->safe_psql('postgres', qq{
			SET client_min_messages = warning;
			CALL prio_processor.join_peer('$server', '$pair->{keys}{"public_$other{$role}"}', '$conninfo')});
	}
	run($pair, 'A');
	foreach my $role ('A', 'B')
	{
		$pair->{$role}->poll_query_until('postgres',
			"SELECT count(*) = 2 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel")
		  or die "$role does not hear the other server";
	}
	return;
}

# Two servers, joined: { A => cluster, B => cluster, keys => { ... } }. Clients are played
# in a database of their own in the cluster of A.
sub new_pair
{
	my (@settings) = @_;
	my %pair = (A => new_server('a', @settings), B => new_server('b', @settings));

	$pair{keys} = { make_keys($pair{A}) };
	make_server($pair{$_}, 'telemetry', $_, %{ $pair{keys} }) foreach 'A', 'B';
	join_servers(\%pair, 'telemetry');
	$pair{A}->safe_psql('postgres', 'CREATE DATABASE clients');
	$pair{A}->safe_psql('clients', q{
		CREATE EXTENSION prio;
		CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest',
			data bigint[], share_a bytea, share_b bytea)});
	return \%pair;
}

# SQL in the name of one of the people.
sub as
{
	my ($node, $role, $sql) = @_;
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

# The error that SQL in the name of one of the people raises; empty if there is none.
sub error_as
{
	my ($node, $role, $sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return $code == 0 ? '' : $err;
}

# run() on one side or, by default, both. Returns what it says.
sub run
{
	my ($pair, @roles) = @_;
	my $said = '';

	foreach my $role (@roles ? @roles : ('A', 'B'))
	{
		my ($code, $out, $err) = $pair->{$role}->psql('postgres', 'CALL prio_processor.run()', extra_params => [ '-U', 'job' ]);
		$said .= $err;
		die "run() of $role: $err" if $code != 0;
	}
	return $said;
}

sub stage_is
{
	my ($pair, $role, $batch) = @_;
	return as($pair->{$role}, 'job', "SELECT stage FROM prio_processor.batch WHERE batch_id = '$batch'");
}

# Calls run() on both sides until a condition holds, which is polled; false if it never does.
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
	Test::More::diag("$_ is here:\n" . $pair->{$_}->safe_psql('postgres', q{
		SELECT batch_id, stage, state, done, total, error FROM prio_processor.progress;
		SELECT batch_id, role, stage, attempt, messages, valid, error FROM prio_processor.checkpoint ORDER BY at;
		SELECT batch_id, role, round, count(*) FROM prio_processor.message GROUP BY 1, 2, 3 ORDER BY 1, 2, 3})) foreach 'A', 'B';
	return 0;
}

# Calls run() on both sides until batches are through: published, too small or failed.
sub finish
{
	my ($pair, @batches) = @_;
	my $list = join ', ', map { "'$_'" } @batches;

	return reaches($pair, sub {
		foreach my $role ('A', 'B')
		{
			return 0 if as($pair->{$role}, 'job',
				"SELECT count(*) FROM prio_processor.batch WHERE batch_id IN ($list) AND stage > 'publish'") != @batches;
		}
		return 1;
	});
}

# A batch on both sides; B may have a minimum of its own.
sub new_batch
{
	my ($pair, $batch, $n_data, $min_a, $min_b) = @_;

	as($pair->{A}, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', $n_data, $min_a)");
	as($pair->{B}, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', $n_data, " . ($min_b // $min_a) . ')');
	return;
}

# Makes run() commit after so few shares, so that a small batch takes many steps.
sub small_chunks
{
	my ($node, $rows) = @_;
	$node->safe_psql('postgres', "CREATE OR REPLACE FUNCTION prio_processor.chunk_size(n_data int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $rows");
	return;
}

# So many honest clients of a batch. What they say is not random, but uneven. bits: 1, or
# the bits of integers.
sub new_clients
{
	my ($pair, $batch, $count, $entries, $bits) = @_;
	my $keys = qq{'\\x$pair->{keys}{public_A}', '\\x$pair->{keys}{public_B}', '$batch'};
	my $value = $bits ? "abs(hashint8(id * 1000 + i)) % (1 << $bits)" : '(hashint8(id * 1000 + i) % (i + 1) = 0)::int';
	my $encode = $bits ? "prio_encode_uint($keys, data, $bits)" : "prio_encode($keys, data::boolean[])";

	$encode = "prio_encode($keys, bits)" if !$bits;
	$pair->{A}->safe_psql('clients', qq{
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
	$pair->{A}->safe_psql('clients',
		"INSERT INTO client (batch, kind, share_a, share_b) VALUES ('$batch', 'lies', '\\x$share_a', '\\x$share_b')");
	return;
}

# Brings the shares of a batch's clients to one server or, by default, both.
sub deliver
{
	my ($pair, $batch, $which, @roles) = @_;

	$which //= 'true';
	foreach my $role (@roles ? @roles : ('A', 'B'))
	{
		my $file = $pair->{A}->basedir . '/shares';
		my $share = 'share_' . lc $role;
		$pair->{A}->safe_psql('clients',
			"\\copy (SELECT batch, id, $share FROM client WHERE batch = '$batch' AND $share IS NOT NULL AND ($which)) TO '$file'");
		as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
		unlink $file;
	}
	return;
}

# What should be published of a batch, and of how many clients.
sub truth
{
	my ($pair, $batch, $kinds) = @_;

	$kinds //= "'honest'";
	return $pair->{A}->safe_psql('clients', qq{
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
