# Many calls of every function that a job runs once a row leave the memory of their session
# where it was: those of one long statement, and those of many short ones.
#
# Runs at night: faults.pl sees by day that memory stays flat, over calls that fail.
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
	CREATE SERVER prio3_$_ FOREIGN DATA WRAPPER prio OPTIONS (role '\u$_', vdaf 'Prio3Histogram', length '8');
	CREATE USER MAPPING FOR PUBLIC SERVER prio3_$_ OPTIONS (verify_key '$keys{private_A}')}) foreach 'a', 'b';
$node->safe_psql('postgres', qq{
	CREATE TABLE packet AS
	SELECT share_a, share_b, prio_verifier('a', 'batch', 4, share_a) AS a, prio_verifier('b', 'batch', 4, share_b) AS b
	FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', B'1010');
	CREATE TABLE total AS SELECT prio_total_share(a, share_a) AS a, prio_total_share(b, share_b) AS b FROM packet;
	CREATE TABLE state AS
	SELECT s.*, a, b, prio3_verifier_share(a) AS verifier_share_a, prio3_verifier_share(b) AS verifier_share_b,
		prio3_verifier_message('prio3_a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message
	FROM prio3_shard('prio3_a', 3::bigint) AS s, prio3_verify_init('prio3_a', s.nonce, s.public_share, s.share_a) AS a,
		prio3_verify_init('prio3_b', s.nonce, s.public_share, s.share_b) AS b});

# Kilobytes of memory of its own that a session uses: what it has seen of the shared buffers does
# not count. sample() is true, and notes them.
my $calls = $ENV{PRIO_LONG} ? 1_000_000 : 20_000;
my $limit = 96;
$node->safe_psql('postgres', q{
	CREATE FUNCTION resident() RETURNS int LANGUAGE sql VOLATILE AS
	$$ SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+) kB'))[1]::int $$;
	CREATE FUNCTION sample(name text) RETURNS boolean LANGUAGE sql VOLATILE AS
	$$ SELECT set_config('sample.' || name, resident()::text, false) <> '' $$;
	CREATE TABLE many AS SELECT i FROM generate_series(1, 5000) AS i;
	ANALYZE many;

	-- By how much memory grew in a statement of 4000 calls behind its first thousand, and over so
	-- many calls in statements of a thousand. The first time malloc() finds out how much to hold
	-- in readiness.
	CREATE FUNCTION growth(aggregate text, calls int, OUT in_one int, OUT in_many int) LANGUAGE plpgsql AS $$
	DECLARE
		query text := format('SELECT %s FROM packet, total, state, many WHERE i <= $1 AND
				CASE i WHEN 1000 THEN sample(''before'') WHEN 5000 THEN sample(''after'') ELSE true END', aggregate);
		before int;
	BEGIN
		FOR i IN 1 .. 2 LOOP
			EXECUTE query USING 5000;
			in_one := current_setting('sample.after')::int - current_setting('sample.before')::int;
		END LOOP;
		before := resident();
		FOR i IN 1 .. calls / 1000 LOOP
			EXECUTE query USING 1000;
		END LOOP;
		in_many := resident() - before;
	END $$});

# [name, an aggregate over the calls, and the calls if they take long]
my @calls = (
	[ 'prio_verifier, A', q{count(prio_verifier('a', 'batch', 4, packet.share_a, 0 * i))} ],
	[ 'prio_verifier, B', q{count(prio_verifier('b', 'batch', 4, packet.share_b, 0 * i))} ],
	[ 'prio_verify1', q{count(prio_verify1(packet.a))} ],
	[ 'prio_verify2', q{count(prio_verify2(packet.a, '\xa100a100'))} ],
	[ 'prio_is_valid', q{count(prio_is_valid('\xa100', '\xa100'))} ],
	[ 'prio_total_share, A', q{prio_total_share(packet.a, packet.share_a)} ],
	[ 'prio_total_share, B', q{prio_total_share(packet.b, NULL)} ],
	[ 'prio_merge', q{prio_merge(total.a)} ],
	[ 'prio_publish', q{count(prio_publish(total.a, total.b))} ],
	[ 'refused packets', q{count(prio_share_error('a', 'batch', 4, '\x5a'))} ],
	[ 'an ordinal a row', q{count(prio_verifier('a', 'batch', 4, packet.share_a, i))} ],
	[ 'a batch a row', q{count(prio_share_error('a', 'batch-' || i % 500, 4, packet.share_a))} ],
	[ 'prio_encode', qq{count(prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', (i % 8)::bit(4)::varbit))}, 5_000 ],
	[ 'prio3_shard', q{count((SELECT share_b FROM prio3_shard('prio3_a', i::bigint % 8)))}, 5_000 ],
	[ 'prio3_verify_init, A', q{count(prio3_verify_init('prio3_a', nonce, public_share, state.share_a))} ],
	[ 'prio3_verify_init, B', q{count(prio3_verify_init('prio3_b', nonce, public_share, state.share_b))} ],
	[ 'prio3_share_error', q{count(prio3_share_error('prio3_a', nonce, public_share, '\x5a'))} ],
	[ 'prio3_verifier_message', q{count(prio3_verifier_message('prio3_a', verifier_share_a, verifier_share_b))} ],
	[ 'prio3_verify_next', q{count(prio3_verify_next(state.b, message))} ],
	[ 'prio3_agg_share', q{prio3_agg_share(state.b, message)} ],
	[ 'prio_keygen', q{count((SELECT public_key FROM prio_keygen() WHERE i > 0))}, 5_000 ],
);
my $session = $node->background_psql('postgres');
sub growth
{
	my ($name, $aggregate, $often) = @_;
	my @growth = split /\|/, $session->query_safe(sprintf 'SELECT * FROM growth($$%s$$, %d)', $aggregate, $often // $calls);

	note sprintf '%s: %d kB in one statement, %d kB in many', $name, @growth;
	return @growth;
}

my ($in_one, $in_many) = growth('what is kept', 'array_agg(packet.share_a)', 1000);
cmp_ok($in_one, '>', $limit, 'control: memory that is kept is seen');
foreach my $call (@calls)
{
	($in_one, $in_many) = growth(@$call);
	cmp_ok($in_one, '<', $limit, "memory stays flat in one statement: $call->[0]");
	cmp_ok($in_many, '<', $limit, "memory stays flat over many statements: $call->[0]");
}
$session->quit;

done_testing();
