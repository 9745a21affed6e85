# Two clusters exchange their messages and publish the truth; a dump of one of them
# carries on where it stopped.
#
# Runs at night: script/demo and the README go the same way by day.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my %node = (A => share_sessions(new_cluster('a')), B => share_sessions(new_cluster('b')));
my %keys = make_keys($node{A});
my %other = (A => 'B', B => 'A');

foreach my $role ('A', 'B')
{
	make_server($node{$role}, 'telemetry', $role, %keys);
	$node{$role}->safe_psql('postgres', q{
		CREATE TABLE share (id int PRIMARY KEY, payload bytea);
		CREATE TABLE verifier (id int PRIMARY KEY, verifier prio_verifier);
		CREATE TABLE peer_verify1 (id int PRIMARY KEY, message bytea);
		CREATE TABLE peer_verify2 (id int PRIMARY KEY, message bytea);
	});
}

# 500 clients with 20 bits; one in 50 damages its share for A, one in 70 that for B.
$node{A}->safe_psql('postgres', qq{
	CREATE TABLE client AS
	SELECT id, data, CASE WHEN id % 50 = 0 THEN set_byte(share_a, 70, get_byte(share_a, 70) # 1) ELSE share_a END AS share_a,
		CASE WHEN id % 70 = 0 THEN set_byte(share_b, 70, get_byte(share_b, 70) # 1) ELSE share_b END AS share_b
	FROM generate_series(1, 500) AS id,
		LATERAL (SELECT array_agg(id % (i + 1) = 0 ORDER BY i) AS data FROM generate_series(1, 20) AS i) AS d,
		prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', data)});
exchange($node{A}, 'SELECT id, share_a FROM client', $node{A}, 'share');
exchange($node{A}, 'SELECT id, share_b FROM client', $node{B}, 'share');

foreach my $role ('A', 'B')
{
	$node{$role}->safe_psql('postgres',
		"INSERT INTO verifier SELECT id, prio_verifier('telemetry', 'batch', 20, payload) FROM share");
	exchange($node{$role}, 'SELECT id, prio_verify1(verifier) FROM verifier WHERE verifier IS NOT NULL',
		$node{ $other{$role} }, 'peer_verify1');
}

# The night ends here for A's machine: a backup of the tables is what is left of it.
my $dump = $node{A}->basedir . '/dump.sql';
$node{A}->command_ok([ 'pg_dump', '-f', $dump, $node{A}->connstr('postgres') ], 'pg_dump');
$node{A}->stop('immediate');
my $restored = new_cluster('restored');
$restored->safe_psql('postgres', 'DROP EXTENSION prio');
$restored->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $restored->connstr('postgres') ],
	'restore');
$node{A} = $restored;

foreach my $role ('A', 'B')
{
	exchange($node{$role}, 'SELECT id, prio_verify2(verifier, message) FROM verifier JOIN peer_verify1 USING (id)',
		$node{ $other{$role} }, 'peer_verify2');
}

# The dump left out the keys of the packets: A opens its packets again for its total, at
# the same point, so that every message stays what it was.
my ($code, $out, $err) = $node{A}->psql('postgres', 'SELECT prio_total_share(verifier, payload) FROM share JOIN verifier USING (id)');
like($err, qr/prio_verifier has no packet key/, 'a verifier from a dump has no key');
is($node{A}->safe_psql('postgres', q{
	SELECT count(*) FROM share JOIN verifier USING (id)
	WHERE prio_verify1(verifier) <> prio_verify1(prio_verifier('telemetry', 'batch', 20, payload))}),
	'0', 'opened again, a packet has the same message');
$node{A}->safe_psql('postgres',
	"UPDATE verifier SET verifier = prio_verifier('telemetry', 'batch', 20, payload) FROM share WHERE share.id = verifier.id");

my %total;
foreach my $role ('A', 'B')
{
	my $valid = q{FROM share JOIN verifier USING (id) JOIN peer_verify1 AS v1 USING (id) JOIN peer_verify2 AS v2 USING (id)
		WHERE prio_is_valid(prio_verify2(verifier, v1.message), v2.message)};
	is($node{$role}->safe_psql('postgres', "SELECT count(*) $valid"), 484, "$role accepts the honest ones");
	$total{$role} = $node{$role}->safe_psql('postgres', "SELECT prio_total_share(verifier, payload) $valid");
}
is($node{B}->safe_psql('postgres', "SELECT prio_publish('$total{A}', '$total{B}')"),
	$node{A}->safe_psql('postgres', q{
		SELECT array_agg(count ORDER BY i) FROM (SELECT i, count(*) FILTER (WHERE bit) FROM client,
			unnest(data) WITH ORDINALITY AS d (bit, i) WHERE id % 50 <> 0 AND id % 70 <> 0 GROUP BY i) AS s}),
	'published counts are the truth');

done_testing();
