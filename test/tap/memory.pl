# A million calls of every function that a job runs once a row leave the memory of their
# session where it was.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('memory', 'jit = off', 'max_parallel_workers_per_gather = 0');
my %keys = make_keys($node);
make_server($node, 'a', 'A', %keys);
make_server($node, 'b', 'B', %keys);
$node->safe_psql('postgres', qq{
	CREATE TABLE packet AS
	SELECT share_a, share_b, prio_verifier('a', 'batch', 4, share_a) AS a, prio_verifier('b', 'batch', 4, share_b) AS b
	FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', B'1010');
	CREATE TABLE total AS SELECT prio_total_share(a, share_a) AS a, prio_total_share(b, share_b) AS b FROM packet});

# Kilobytes that the process of a session really uses.
sub resident
{
	my ($pid) = @_;
	my ($size) = slurp_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m;
	return $size;
}

# Calls an expression so often over the one packet, after so many rows to warm up, and
# returns by how many kilobytes the session grew.
sub growth
{
	my ($name, $rows, $aggregate) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $count = sub { $session->query_safe("SELECT $aggregate FROM packet, total, generate_series(1, $_[0]) AS i") };

	$count->(int($rows / 20));
	my $before = resident($pid);
	$count->($rows);
	my $after = resident($pid);
	$session->quit;
	note "$name: $before kB, after $rows more calls $after kB";
	return $after - $before;
}

# [name, calls, an aggregate over the calls]; generate_series() spills to disk, so what may
# still grow is its tuple store, by less than its 4 MB of work_mem.
my @calls = (
	[ 'prio_verifier, A', 1_000_000, q{count(prio_verifier('a', 'batch', 4, share_a, 0 * i))} ],
	[ 'prio_verifier, B', 1_000_000, q{count(prio_verifier('b', 'batch', 4, share_b, 0 * i))} ],
	[ 'prio_verify1', 1_000_000, q{count(prio_verify1(packet.a))} ],
	[ 'prio_verify2', 1_000_000, q{count(prio_verify2(packet.a, '\xa100a100'))} ],
	[ 'prio_is_valid', 1_000_000, q{count(prio_is_valid('\xa100', '\xa100'))} ],
	[ 'prio_total_share, A', 1_000_000, q{prio_total_share(packet.a, share_a)} ],
	[ 'prio_total_share, B', 1_000_000, q{prio_total_share(packet.b, NULL)} ],
	[ 'prio_merge', 1_000_000, q{prio_merge(total.a)} ],
	[ 'prio_publish', 1_000_000, q{count(prio_publish(total.a, total.b))} ],
	[ 'refused packets', 1_000_000, q{count(prio_share_error('a', 'batch', 4, '\x5a'))} ],
	[ 'an ordinal a row', 100_000, q{count(prio_verifier('a', 'batch', 4, share_a, i))} ],
	[ 'a batch a row', 100_000, q{count(prio_share_error('a', 'batch-' || i % 5000, 4, share_a))} ],
	[ 'prio_encode', 20_000, qq{count(prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', (i % 8)::bit(4)::varbit))} ],
	[ 'prio_keygen', 20_000, q{count((SELECT public_key FROM prio_keygen() WHERE i > 0))} ],
);
cmp_ok(growth(@$_), '<', 6 * 1024, "memory stays flat: $_->[0]") foreach @calls;

done_testing();
