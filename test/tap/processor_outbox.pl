# The other server needs the right to replicate, and with it could copy the whole cluster (see
# processor_safety.pl). So server A puts what may leave it in an outbox: a cluster of its own
# with two tables, which is all that B ever logs in to. Recipe of docs/processor.md.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my ($A, $B) = map { new_server($_) } 'a', 'b';
my $outbox = PostgreSQL::Test::Cluster->new('outbox');
$outbox->init(allows_streaming => 'logical', extra => ['--no-sync']);
$outbox->start;
my %keys = make_keys($A);
my $pair = { A => $A, B => $B, keys => \%keys };
make_server($pair->{$_}, 'telemetry', $_, %keys) foreach 'A', 'B';
$A->safe_psql('postgres', q{
	CREATE DATABASE clients;
	DROP ROLE other_server;
	CREATE ROLE outbox LOGIN REPLICATION IN ROLE prio_peer});
$A->safe_psql('clients', q{
	CREATE EXTENSION prio;
	CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest', data bigint[], share_a bytea, share_b bytea)});

# A hears B; B hears the outbox of A, which hears A.
my %conninfo = (
	A => ($A->connstr('postgres') . ' user=outbox') =~ s/'/''/gr,
	B => conninfo($B) =~ s/'/''/gr,
	outbox => ($outbox->connstr('postgres') . ' user=other_server') =~ s/'/''/gr);
$A->safe_psql('postgres', "SET client_min_messages = warning; CALL prio_processor.join_peer('telemetry', '$keys{public_B}', '$conninfo{B}')");
$outbox->safe_psql('postgres', q{
	CREATE SCHEMA prio_processor;
	CREATE TABLE prio_processor.message (batch_id text, share_id uuid, role text, round smallint, payload bytea,
		PRIMARY KEY (batch_id, role, round, share_id));
	CREATE TABLE prio_processor.checkpoint (batch_id text, role text, stage text, attempt int, messages bigint, valid bigint,
		rejected bigint, total bytea, settings jsonb, error text, at timestamptz, PRIMARY KEY (batch_id, role, stage, attempt));
	CREATE PUBLICATION prio_processor FOR TABLE prio_processor.message, prio_processor.checkpoint WITH (publish = 'insert');
	CREATE ROLE other_server LOGIN REPLICATION;
	GRANT USAGE ON SCHEMA prio_processor TO other_server;
	GRANT SELECT ON ALL TABLES IN SCHEMA prio_processor TO other_server});
$outbox->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('prio_processor_b', 'pgoutput')});
$outbox->safe_psql('postgres', qq{CREATE SUBSCRIPTION from_inside CONNECTION '$conninfo{A}' PUBLICATION prio_processor
	WITH (create_slot = false, slot_name = 'prio_processor_b')});
$B->safe_psql('postgres', "SET client_min_messages = warning; CALL prio_processor.join_peer('telemetry', '$keys{public_A}', '$conninfo{outbox}')");
run($pair);

new_batch($pair, 'batch', 8, 3);
new_clients($pair, 'batch', 20, 8);
deliver($pair, 'batch');
as($_, 'job', q{CALL prio_processor.close_batch('batch')}) foreach $A, $B;
ok(finish($pair, 'batch'), 'with an outbox in between the batch is finished');
is(result($pair, $_, 'batch'), truth($pair, 'batch'), "and $_ publishes the truth") foreach 'A', 'B';
is($outbox->safe_psql('postgres', q{SELECT string_agg(DISTINCT role, ',') FROM prio_processor.message}), 'A', 'in the outbox is what A says');
is($A->safe_psql('postgres', q{SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolreplication AND rolcanlogin AND NOT rolsuper}), 'outbox',
	'and B has no login on A');

done_testing();
