# Two servers without logical replication, which fetch each other's messages by postgres_fdw
# with the procedure that docs/processor.md gives. The results are the truth, and what the other
# side has no business to say is left out.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(sleep time);

# The servers find each other by these services, and are started with the file.
my $services = $ENV{PGSERVICEFILE} = PostgreSQL::Test::Utils::tempdir() . '/pg_service.conf';
my %node = map { $_ => new_cluster(lc $_) } 'A', 'B';
my %keys = make_keys($node{A});
my $pair = { %node, keys => \%keys };
append_to_file($services, join '', map { sprintf "[server_%s]\nhost=%s\nport=%s\ndbname=postgres\n", lc $_, $node{$_}->host, $node{$_}->port } 'A', 'B');

my ($recipe) = slurp_file('docs/processor.md') =~ /^```sql\n(-- server A\nCREATE EXTENSION postgres_fdw.*?)^```$/ms or die 'no recipe';
my %recipe = (A => $recipe, B => $recipe =~ s/server_b/server_a/gr =~ s/'B'/'A'/gr);
foreach my $role ('A', 'B')
{
	make_server($node{$role}, 'telemetry', $role, %keys);
	$node{$role}->safe_psql('postgres', qq{
		CREATE EXTENSION prio_processor;
		CREATE ROLE job LOGIN IN ROLE prio_operator;
		CREATE ROLE collector LOGIN IN ROLE prio_ingest;
		CREATE ROLE analyst LOGIN IN ROLE prio_reader;
		CREATE ROLE messenger LOGIN IN ROLE prio_peer;
		CALL prio_processor.join_peer('telemetry', '$keys{"public_$other{$role}"}')});
}
$node{$_}->safe_psql('postgres', $recipe{$_}) foreach 'A', 'B';
$node{A}->safe_psql('postgres', 'CREATE DATABASE clients');
$node{A}->safe_psql('clients', q{
	CREATE EXTENSION prio;
	CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest', data bigint[], share_a bytea, share_b bytea)});

sub fetch { $node{$_}->safe_psql('postgres', 'CALL other_side.fetch()') foreach 'A', 'B'; return; }

# Calls fetch() and run() on both sides until batches are published.
sub published
{
	my (@batches) = @_;
	my $list = join ', ', map { "'$_'" } @batches;

	for (my $until = time() + $PostgreSQL::Test::Utils::timeout_default; time() < $until; sleep 0.05)
	{
		run($pair);
		fetch();
		return 1 if !grep { as($node{$_}, 'job', "SELECT count(*) FROM prio_processor.result WHERE batch_id IN ($list)") != @batches } 'A', 'B';
	}
	return 0;
}

is($node{A}->safe_psql('postgres', q{SELECT current_setting('wal_level') = 'logical', count(*) FROM pg_subscription}), 'f|0', 'there is no logical replication');

# ------------------------------------------------------------------ settings

new_batch($pair, 'bits', 20, 5);
as($node{$_}, 'job', q{CALL prio_processor.create_batch('integers', 'telemetry', 12, 5, bits => 4)}) foreach 'A', 'B';
as($node{A}, 'job', q{CALL prio_processor.create_batch('slip', 'telemetry', 8, 5)});
as($node{B}, 'job', q{CALL prio_processor.create_batch('slip', 'telemetry', 9, 5)});
fetch();
run($pair);
is( as($node{$_}, 'job', q{SELECT error FROM prio_processor.progress WHERE batch_id = 'slip'}),
	'the two servers do not agree on n_data (' . ($_ eq 'A' ? '8 here, 9' : '9 here, 8') . ' there)', "$_ sees that the two do not agree") foreach 'A', 'B';
as($node{$_}, 'job', q{CALL prio_processor.give_up_batch('slip')}) foreach 'A', 'B';

# ------------------------------------------------------------------ messages

new_clients($pair, 'bits', 60, 20);
new_clients($pair, 'integers', 60, 3, 4);
lying_client($pair, 'bits', 2, (0) x 19);
foreach my $batch ('bits', 'integers')
{
	deliver($pair, $batch);
	as($_, 'job', "CALL prio_processor.close_batch('$batch')") foreach values %node;
}

# What B has no business to say, or says at too great a length.
$node{B}->safe_psql('postgres', q{
	INSERT INTO prio_processor.message SELECT 'bits', gen_random_uuid(), 'B', 1, decode(repeat('00', 10000000), 'hex');
	INSERT INTO prio_processor.checkpoint (batch_id, role, stage, attempt, messages) VALUES ('unheard of', 'A', 'verify2', 0, 0), ('unheard of', 'B', 'verify2', -1, 0);
	INSERT INTO prio_processor.checkpoint (batch_id, role, stage, attempt, error) VALUES ('unheard of', 'B', 'failed', 0, repeat('x', 5000000))});
my $says = 'SELECT count(*) FROM prio_processor.checkpoint WHERE role = \'A\'';
my $before = $node{A}->safe_psql('postgres', $says);
fetch();
is($node{A}->safe_psql('postgres', $says), $before, 'rows in the name of this server are left out');
is($node{A}->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.checkpoint WHERE attempt < 0'), 0, 'as is nonsense');
is($node{A}->safe_psql('postgres', q{SELECT length(error) FROM prio_processor.checkpoint WHERE batch_id = 'unheard of'}), 1000, 'and what is too long is cut');

ok(published('bits', 'integers'), 'by postgres_fdw batches are published');
foreach my $batch ('bits', 'integers')
{
	is(result($pair, $_, $batch), truth($pair, $batch), "$_ publishes the truth: $batch") foreach 'A', 'B';
}
is($node{A}->safe_psql('postgres', q{SELECT max(length(payload)) FROM prio_processor.message}), 64, 'a message of ten million bytes was cut');

# What is fetched again is left out, and a batch that was dropped stays dropped.
my $rows = 'SELECT (SELECT count(*) FROM prio_processor.message), (SELECT count(*) FROM prio_processor.checkpoint)';
$before = $node{A}->safe_psql('postgres', $rows);
fetch();
is($node{A}->safe_psql('postgres', $rows), $before, 'a row is taken once');
as($node{A}, 'job', q{CALL prio_processor.drop_batch('integers')});
$node{A}->safe_psql('postgres', q{SET session_replication_role = replica; INSERT INTO prio_processor.message SELECT * FROM other_side.message WHERE batch_id = 'integers'});
fetch();
is($node{A}->safe_psql('postgres', 'SELECT count(*) FROM prio_processor.message_early'), 0, 'a batch that was dropped takes none');
like(error_as($node{A}, 'messenger', 'SELECT * FROM prio_processor.share'), qr/permission denied/, 'the other side reads no share');

done_testing();
