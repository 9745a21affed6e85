# A dump taken in the middle of batches is restored without an error, and the batches go on;
# the extension goes as it came, and does not mind where prio is or is moved to.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
small_chunks($_, 10) foreach $A, $B;

# ------------------------------------------------------------------ dump and restore

# Batches in all stages: published, dropped, with half of the total added up, with half of
# verify1 said, failed, and open.
my @batches = ('published', 'dropped', 'adding up', 'opening', 'failed', 'open');
foreach my $batch (@batches)
{
	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 25, 8);
	deliver($pair, $batch, $batch eq 'open' ? q{ctid <> ALL (ARRAY(SELECT ctid FROM client WHERE batch = 'open' LIMIT 5))} : 'true');
}
foreach my $batch (@batches[ 0 .. 2 ])
{
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach $A, $B;
	next if $batch eq 'adding up';
	finish($pair, $batch);
}
deliver($pair, 'published', q{id = (SELECT id FROM client WHERE batch = 'published' LIMIT 1)});
as($_, 'job', q{CALL prio_processor.drop_batch('dropped')}) foreach $A, $B;
deliver($pair, 'dropped', q{id = (SELECT id FROM client WHERE batch = 'dropped' LIMIT 1)});
until (as($A, 'job', q{SELECT done FROM prio_processor.progress WHERE batch_id = 'adding up' AND stage = 'aggregate'}) eq '10')
{
	as($_, 'job', q{SELECT prio_processor.advance('adding up')}) foreach $A, $B;
}
as($_, 'job', q{CALL prio_processor.close_batch('opening')}) foreach $A, $B;
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'opening'});
as($A, 'job', q{SELECT prio_processor.advance('opening')}) foreach 1, 2;
as($A, 'job', q{CALL prio_processor.give_up_batch('failed')});

# What a dump must bring back, but for the keys in the verifiers.
my $content = q{
	SELECT (SELECT md5(string_agg(b::text, ',' ORDER BY batch_id)) FROM prio_processor.batch AS b),
		(SELECT md5(string_agg(s::text, ',' ORDER BY s::text)) FROM prio_processor.share AS s),
		(SELECT md5(string_agg(v::text, ',' ORDER BY v::text)) FROM prio_processor.verifier AS v),
		(SELECT md5(string_agg(m::text, ',' ORDER BY m::text)) FROM prio_processor.message AS m),
		(SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM prio_processor.checkpoint AS c),
		(SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM prio_processor.rejection AS r),
		(SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM prio_processor.result AS r),
		(SELECT md5(string_agg(p::text, ',' ORDER BY p::text)) FROM prio_processor.peer AS p),
		(SELECT md5(string_agg(p::text, ',' ORDER BY p::text)) FROM prio_processor.stage_progress AS p),
		(SELECT string_agg(relname || ' ' || pg_get_constraintdef(x.oid), ',' ORDER BY relname, conname) FROM pg_constraint AS x JOIN pg_class AS c ON conrelid = c.oid
			WHERE relnamespace = 'prio_processor'::regnamespace),
		(SELECT string_agg(relname || ' ' || tgname || ' ' || tgenabled::text, ',' ORDER BY relname, tgname) FROM pg_trigger AS t JOIN pg_class AS c ON tgrelid = c.oid
			WHERE relnamespace = 'prio_processor'::regnamespace AND NOT tgisinternal)};
my $before = $A->safe_psql('postgres', $content);
my $dump = $A->basedir . '/dump';
$A->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $A->connstr('postgres') ], 'pg_dump');
my $roles = $A->basedir . '/roles';
$A->command_ok([ 'pg_dumpall', '--globals-only', '-f', $roles, '-d', $A->connstr('postgres') ], 'pg_dumpall --globals-only');
$A->stop('immediate');

my $restored = new_cluster('restored', 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10', "wal_retrieve_retry_interval = '200ms'", 'log_statement = none');
$restored->safe_psql('postgres', 'DROP EXTENSION prio');
$restored->psql('postgres', slurp_file($roles), on_error_stop => 0);
$restored->command_ok([ 'pg_restore', '--exit-on-error', '--single-transaction', '-d', $restored->connstr('postgres'), $dump ], 'pg_restore, which stops at any error');
my $after = $restored->safe_psql('postgres', $content);
is($after, $before, 'everything is there again');

# B is told where A is now, and both begin their exchange anew. The old cluster, where the
# clients are, must not take part any more.
$A->append_conf('postgresql.conf', 'max_logical_replication_workers = 0');
$A->start;
$pair->{A} = $restored;
small_chunks($restored, 10);
my ($to_a, $to_b) = map { conninfo($_) =~ s/'/''/gr } $restored, $B;
$B->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
$B->safe_psql('postgres', "CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_A}', '$to_a')");
$restored->safe_psql('postgres', 'SET client_min_messages = warning; CALL prio_processor.rejoin_peer()');
$B->safe_psql('postgres', 'SET client_min_messages = warning; CALL prio_processor.rejoin_peer()');

# The clients of the open batch that had not come yet. They are in the old cluster.
my $clients = { %$pair, A => $A };
my $file = $A->basedir . '/rest';
$A->safe_psql('clients', "\\copy (SELECT batch, id, share_a FROM client WHERE batch = 'open' LIMIT 5) TO '$file'");
as($restored, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
deliver($clients, 'open', q{ctid = ANY (ARRAY(SELECT ctid FROM client WHERE batch = 'open' LIMIT 5))}, 'B');
as($restored, 'job', q{CALL prio_processor.retry_batch('failed')});
as($_, 'job', q{SET client_min_messages = warning; CALL prio_processor.close_batch('failed'); CALL prio_processor.close_batch('open')}) foreach $restored, $B;
ok(finish($pair, grep { $_ ne 'dropped' } @batches), 'restored, all batches are finished');
is(result($pair, $_->[0], $_->[1]), truth($clients, $_->[1]), "and $_->[0] publishes the truth: $_->[1]")
	foreach map { my $batch = $_; map { [ $_, $batch ] } 'A', 'B' } @batches;
is(as($restored, 'job', q{SELECT string_agg(batch_id || ', ' || reason || ': ' || shares, ', ' ORDER BY batch_id) FROM prio_processor.rejections}),
	'dropped, late: 1, published, late: 1', 'no share was refused on the way');

# ------------------------------------------------------------------ dropping the extension

$restored->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
$restored->safe_psql('postgres', 'SET client_min_messages = warning; DROP EXTENSION prio_processor');
is($restored->safe_psql('postgres', q{SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON relnamespace = n.oid WHERE nspname = 'prio_processor'}), 0,
	'DROP EXTENSION takes all partitions with it');
$restored->safe_psql('postgres', 'DROP SCHEMA IF EXISTS prio_processor; CREATE EXTENSION prio_processor');
is($restored->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.batch}), 0, 'and it can be created again');

# ------------------------------------------------------------------ prio in other schemas

# Two databases of one cluster this time, in which prio is moved about.
$A->safe_psql('postgres', 'ALTER SUBSCRIPTION prio_processor DISABLE');
$A->append_conf('postgresql.conf', 'max_logical_replication_workers = 4');
$A->restart;
my %keys = %{ $pair->{keys} };
foreach my $role ('A', 'B')
{
	my $database = 'server_' . lc $role;
	$A->safe_psql('postgres', "CREATE DATABASE $database");
	$A->safe_psql($database, qq{
		CREATE SCHEMA "else where";
		CREATE SCHEMA other;
		CREATE EXTENSION prio SCHEMA "else where";
		CREATE EXTENSION prio_processor;
		CREATE SERVER telemetry FOREIGN DATA WRAPPER prio OPTIONS (role '$role', public_key '$keys{"public_$role"}');
		CREATE USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (private_key '$keys{"private_$role"}', shared_secret '$keys{secret}')});
}
foreach my $role ('A', 'B')
{
	my $conninfo = $A->connstr('server_' . lc $other{$role}) =~ s/'/''/gr;
	$A->safe_psql('server_' . lc $role, qq{SET client_min_messages = warning;
		CALL prio_processor.join_peer('telemetry', '$keys{"public_$other{$role}"}', '$conninfo', 'moving')});
}
$A->safe_psql('server_a', q{CALL prio_processor.run()});
my $batch = sub {
	my ($name, $halfway) = @_;
	my $all = sub { $A->safe_psql($_, $_[0]) foreach 'server_a', 'server_b' };
	$all->("CALL prio_processor.create_batch('$name', 'telemetry', 8, 3)");
	new_clients($clients, $name, 20, 8);
	foreach my $role ('a', 'b')
	{
		$A->safe_psql('clients', "\\copy (SELECT batch, id, share_$role FROM client WHERE batch = '$name') TO '$file'");
		$A->safe_psql("server_$role", "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
	}
	$all->("CALL prio_processor.close_batch('$name')");
	$all->('CALL prio_processor.run()');
	$halfway->();
	for (my $i = 0; $i < 200; $i++)
	{
		$all->('CALL prio_processor.run()');
		last if $A->safe_psql('server_a', "SELECT stage FROM prio_processor.batch WHERE batch_id = '$name'") eq 'published';
		select undef, undef, undef, 0.05;
	}
	is($A->safe_psql('server_a', "SELECT counts, valid FROM prio_processor.result WHERE batch_id = '$name'"), truth($clients, $name), "prio $name");
};
$batch->('in another schema', sub { });
$batch->('moved in the middle of a batch', sub { $A->safe_psql($_, 'ALTER EXTENSION prio SET SCHEMA other') foreach 'server_a', 'server_b' });

done_testing();
