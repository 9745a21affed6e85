# The executable specification accepts what prio_encode() and prio_encode_uint() make, and
# computes the same messages and totals, byte for byte.
#
# Runs at night: unit tests and sql/vectors.sql have the vectors by day.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = share_sessions new_cluster('reference');
my %keys = make_keys($node);
my @lengths = (1, 2, 3, 4, 7, 8, 31, 32, 1000, 2046, 4095, 4096, $ENV{PRIO_LONG} ? 262143 : ());

foreach my $prg ('batch', 'seed')
{
	foreach my $role ('A', 'B')
	{
		make_server($node, "${prg}_$role", $role, %keys);
		$node->safe_psql('postgres', "ALTER SERVER ${prg}_$role OPTIONS (ADD prg '$prg')");
	}
}

my $clients = join ',', map { ("($_, 'batch')", $_ < 1000 ? "($_, 'seed')" : ()) } @lengths;
$node->safe_psql('postgres', qq{
	CREATE TABLE client (n_data int, prg text, bits int, data bigint[], share_a bytea, share_b bytea);
	INSERT INTO client
	SELECT n_data, prg, NULL, d.data, e.share_a, e.share_b
	FROM (VALUES $clients) AS v (n_data, prg),
		LATERAL (SELECT array_agg((i % 5 < 2)::int::bigint ORDER BY i) AS data,
			array_agg(i % 5 < 2 ORDER BY i) AS bits FROM generate_series(1, n_data) AS i) AS d,
		prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', d.bits, prg) AS e;
	INSERT INTO client
	SELECT bits * 3, prg, bits, d.data, e.share_a, e.share_b
	FROM (VALUES (1, 'batch'), (8, 'batch'), (13, 'seed'), (42, 'batch')) AS v (bits, prg),
		LATERAL (SELECT ARRAY[0, (1::bigint << bits) - 1, (1::bigint << bits) / 3]) AS d (data),
		prio_encode_uint(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', d.data, bits, prg) AS e;
	CREATE TABLE verified AS
	SELECT *, prio_verifier(prg || '_a', 'batch', n_data, share_a) AS a, prio_verifier(prg || '_b', 'batch', n_data, share_b) AS b
	FROM client});
my $lines = $node->safe_psql('postgres', qq{
	SELECT json_build_object('n_data', n_data, 'prg', prg, 'bits', bits, 'batch_id', 'batch', 'data', data,
		'private_a', '$keys{private_A}', 'private_b', '$keys{private_B}', 'shared_secret', '$keys{secret}',
		'share_a', encode(share_a, 'hex'), 'share_b', encode(share_b, 'hex'),
		'verify1_a', encode(prio_verify1(a), 'hex'), 'verify1_b', encode(prio_verify1(b), 'hex'),
		'verify2_a', encode(prio_verify2(a, prio_verify1(b)), 'hex'), 'verify2_b', encode(prio_verify2(b, prio_verify1(a)), 'hex'),
		'total_a', encode(total_a, 'hex'), 'total_b', encode(total_b, 'hex'))
	FROM verified, LATERAL (SELECT prio_total_share(v.a, v.share_a) AS total_a, prio_total_share(v.b, v.share_b) AS total_b
		FROM (SELECT verified.a, verified.b, verified.share_a, verified.share_b) AS v) AS t
	ORDER BY n_data, prg, bits});
my $clients_made = () = $lines =~ /^\{/mg;
is($clients_made, $ENV{PRIO_LONG} ? 25 : 24, 'every client made its packets');

my ($out, $err);
my $ok = IPC::Run::run([ '/usr/bin/python3', 'test/reference/check_shares.py' ], '<', \$lines, '>', \$out, '2>', \$err);
ok($ok, 'the specification accepts them all') or diag $err;
is(() = $out =~ /^ok/mg, $clients_made, 'and has seen every one');

done_testing();
