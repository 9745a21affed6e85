# pg_upgrade in the middle of batches: of the replication only the tables come along, and
# rejoin_peer() on both sides brings it back. What had been said is not said another way.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my $A = $pair->{A};

# One batch in the middle of verify1, one with messages of both sides, one published, one open.
foreach my $batch ('opening', 'adding up', 'published', 'open')
{
	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 30, 8);
	deliver($pair, $batch);
}
foreach my $batch ('published', 'adding up')
{
	as($pair->{$_}, 'job', "CALL prio_processor.close_batch('$batch')") foreach 'A', 'B';
	last if $batch eq 'adding up';
	ok(finish($pair, $batch), 'a batch is published before the upgrade');
}
small_chunks($A, 10);
my $until = 500;
until (as($A, 'job', q{SELECT done FROM prio_processor.progress WHERE batch_id = 'adding up' AND stage = 'aggregate'}) eq '10' || $until-- == 0)
{
	as($pair->{$_}, 'job', q{SELECT prio_processor.advance('adding up')}) foreach 'A', 'B';
}
as($pair->{$_}, 'job', q{CALL prio_processor.close_batch('opening')}) foreach 'A', 'B';
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'opening'});
as($A, 'job', q{SELECT prio_processor.advance('opening')}) foreach 1, 2;

# Stages and what is done, and what A has said so far.
my $state = q{SELECT batch_id, stage, done FROM prio_processor.progress ORDER BY 1, 2};
my $said = q{SELECT md5(string_agg(m::text, chr(10) ORDER BY m::text)) FROM prio_processor.message AS m WHERE role = 'A' AND batch_id = };
my $keys = q{SELECT md5(string_agg(encode(prio_verifier_send(verifier), 'hex'), '' ORDER BY share_id)) FROM prio_processor.verifier};
my %before = (state => $A->safe_psql('postgres', $state), said => $A->safe_psql('postgres', "$said 'adding up'"), keys => $A->safe_psql('postgres', $keys));
like($before{state}, qr/^adding up\|aggregate\|10$/m, 'a batch is half added up');

# ------------------------------------------------------------------ the upgrade

my $new = init_cluster('new', 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10', "wal_retrieve_retry_interval = '200ms'", 'log_statement = none');
my $bindir = $A->config_data('--bindir');
$A->stop;
chdir $new->basedir;
command_ok([ 'pg_upgrade', '--no-sync', '-b', $bindir, '-B', $bindir, '-d', $A->data_dir, '-D', $new->data_dir,
		'-s', $new->host, '-p', $A->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
is($new->safe_psql('postgres', $state), $before{state}, 'all batches are where they were');
is($new->safe_psql('postgres', $keys), $before{keys}, 'with the keys of their packets');

# The clients are in the new cluster, too; B is told where it is.
$pair->{A} = $new;
my ($to_a, $to_b) = map { conninfo($_) =~ s/'/''/gr } $new, $pair->{B};
$pair->{B}->safe_psql('postgres', "SET client_min_messages = warning; CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_A}', '$to_a')");
$pair->{$_}->safe_psql('postgres', 'SET client_min_messages = warning; CALL prio_processor.rejoin_peer()') foreach 'A', 'B';
as($pair->{$_}, 'job', q{CALL prio_processor.close_batch('open')}) foreach 'A', 'B';
ok(finish($pair, 'opening', 'adding up', 'published', 'open'), 'all batches are finished');
foreach my $batch ('opening', 'adding up', 'published', 'open')
{
	is(result($pair, $_, $batch), truth($pair, $batch), "and $_ publishes the truth: $batch") foreach 'A', 'B';
}
is($new->safe_psql('postgres', "$said 'adding up'"), $before{said}, 'what A had said stayed');

done_testing();
