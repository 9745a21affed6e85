# 10. Two databases whose encodings cannot hold the same: names are carried safely, or stop
# the batch that has them and no other.
#
# Runs at night: it takes a pair of databases for each pair of encodings; by day all of them are UTF-8.
use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

%ProcessorTest::encoding = (B => 'LATIN1');
my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $node = $A->{node};

# Characters by their number in Unicode, so that no encoding of a session comes in between.
my $latin = q{U&'caf\00e9'};
my $arrow = q{U&'\2192'};
sub create { return "CALL prio_processor.create_batch($_[0], 'telemetry', 6, 5)"; }

as($A, 'job', create($_)) foreach $latin, $arrow, "'plain'";
as($B, 'job', create($_)) foreach $latin, "'plain'";
sql($pair->{clients}, sprintf q{
	INSERT INTO client (batch, data, share_a, share_b)
	SELECT batch, d::bigint[], share_a, share_b FROM unnest(ARRAY['plain', %s]) AS batch, generate_series(1, 12) AS id,
		LATERAL (SELECT array_agg((id %% i = 0)::int ORDER BY i) AS d, array_agg(id %% i = 0 ORDER BY i) AS bits FROM generate_series(1, 6) AS i) AS x,
		prio_encode('\x%s', '\x%s', batch, bits)}, $latin, @{ $pair->{keys} }{ 'public_A', 'public_B' });
foreach my $role ('A', 'B')
{
	my $file = $node->basedir . '/shares';
	sql($pair->{clients}, "\\copy (SELECT batch, id, share_$role FROM client) TO '$file' WITH (ENCODING 'UTF8')");
	as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file' WITH (ENCODING 'UTF8')");
	as($pair->{$role}, 'job', "CALL prio_processor.close_batch($latin); CALL prio_processor.close_batch('plain')");
}
as($A, 'job', "CALL prio_processor.close_batch($arrow)");
sub ended { return as($_[0], 'job', q{SELECT count(*) FROM prio_processor.batch WHERE stage = 'published'}) == 2; }
ok(reaches($pair, sub { ended($A) && ended($B) }), '10. UTF8 with LATIN1: batches whose names both can hold are published');
is(as($_, 'analyst', "SELECT counts, valid FROM prio_processor.result WHERE batch_id = $latin"), '{12,6,4,3,2,2}|12', 'and right') foreach $A, $B;
like(as($A, 'job', "SELECT stage, waits_for FROM prio_processor.progress WHERE batch_id = $arrow AND ended_at IS NULL"), qr/^agree\|the other server to create this batch$/,
	'10. and one whose name only one side can hold waits, alone');
is(as($B, 'job', q{SELECT error IS NULL, unknown_batches FROM prio_processor.exchange}), 't|{"(a name that cannot be written here)"}', '10. which the other side hears of');

# SQL_ASCII does not know what it holds.
my $ascii = { node => $node, database => 'ascii' };
$node->safe_psql('postgres', q{CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII'});
sql($ascii, 'SET client_min_messages = error; CREATE EXTENSION prio_processor CASCADE');
my %keys = %{ $pair->{keys} };
sql($ascii, qq{
	CREATE SERVER telemetry FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key '$keys{public_B}');
	CREATE USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (private_key '$keys{private_B}', shared_secret '$keys{secret}')});
my %with_ascii = (A => $A, B => $ascii, keys => $pair->{keys}, clients => $pair->{clients});
join_side(\%with_ascii, 'B', 'telemetry');
sql($A, q{ALTER SERVER other OPTIONS (SET dbname 'ascii')});
like(error_as($ascii, 'job', create("'caf\\xc3\\xa9'" =~ s/'caf/E'caf/r)), qr/has to be ASCII in a database with encoding SQL_ASCII.*HINT/s, '10. SQL_ASCII: a name that is not ASCII is refused');
new_batch(\%with_ascii, 'ascii', 6, 5);
new_clients(\%with_ascii, 'ascii', 8, 6);
deliver(\%with_ascii, 'ascii');
close_both(\%with_ascii, 'ascii');
as($A, 'job', create(q{U&'caf\00e9 2'}));
ok(finish(\%with_ascii, 'ascii'), '10. SQL_ASCII with UTF8: a batch is finished');
is(result(\%with_ascii, $_, 'ascii'), truth($pair, 'ascii'), 'and right') foreach 'A', 'B';
is(as($ascii, 'job', q{SELECT error IS NULL, array_to_string(unknown_batches, ', ') FROM prio_processor.exchange}), 't' . '|(a name that cannot be written here), (a name that cannot be written here)', '10. what it cannot know it shows as such');

done_testing();
