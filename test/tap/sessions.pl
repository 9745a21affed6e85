# What one session changes about a server holds for every other one at its next statement.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('sessions');
my %keys = make_keys($node);
make_server($node, 'a', 'A', %keys);
$node->safe_psql('postgres', qq{
	CREATE TABLE packet AS SELECT share_a
	FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch', B'1011');
	CREATE ROLE analyst LOGIN;
	GRANT SELECT ON packet TO analyst;
	CREATE ROLE boss SUPERUSER;
	GRANT USAGE ON FOREIGN SERVER a TO analyst;
});

# A session that stays; its last statement's answer, or the error.
my $analyst = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'analyst' ]);
my $verdict = q{SELECT coalesce(prio_share_error('a', 'batch', 4, share_a), 'opened') FROM packet};
$analyst->query_safe("PREPARE verdict AS $verdict");

sub verdict
{
	$analyst->{stderr} = '';
	my $out = $analyst->query('EXECUTE verdict');
	my $err = $analyst->{stderr};
	$analyst->{stderr} = '';
	return $err ne '' ? $err : $out;
}

is(verdict(), 'opened', 'a role with USAGE and a mapping opens packets');

$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (SET role 'B')});
is(verdict(), 'wrong server', 'ALTER SERVER');
$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (SET role 'A')});
is(verdict(), 'opened', 'ALTER SERVER back');

# In the middle of a transaction as well, even if nothing but the function is called.
my $packet = $node->safe_psql('postgres', 'SELECT share_a FROM packet');
my $no_table = qq{SELECT coalesce(prio_share_error('a', 'batch', 4, '$packet'), 'opened')};
$analyst->query_safe('BEGIN');
is($analyst->query_safe($no_table), 'opened', 'in a transaction');
$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (SET role 'B')});
is($analyst->query_safe($no_table), 'wrong server', 'ALTER SERVER, in the same transaction');
$node->safe_psql('postgres', q{ALTER SERVER a OPTIONS (SET role 'A')});
is($analyst->query_safe($no_table), 'opened', 'ALTER SERVER back, in the same transaction');
$analyst->query_safe('COMMIT');

# USAGE that comes with owning the database goes with it.
$node->safe_psql('postgres', q{
	REVOKE USAGE ON FOREIGN SERVER a FROM analyst;
	GRANT USAGE ON FOREIGN SERVER a TO pg_database_owner;
	ALTER DATABASE postgres OWNER TO analyst});
is(verdict(), 'opened', 'USAGE as owner of the database');
$node->safe_psql('postgres', "ALTER DATABASE postgres OWNER TO boss");
like(verdict(), qr/permission denied for foreign server a/, 'no longer its owner');
$node->safe_psql('postgres', q{
	REVOKE USAGE ON FOREIGN SERVER a FROM pg_database_owner;
	GRANT USAGE ON FOREIGN SERVER a TO analyst});

$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER a FROM analyst');
like(verdict(), qr/permission denied for foreign server a/, 'REVOKE');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER a TO analyst');
is(verdict(), 'opened', 'GRANT');

# The same for an open cursor, for a parallel plan that was made before, and for a parallel
# query that runs.
$node->safe_psql('postgres', q{
	CREATE TABLE many AS SELECT share_a FROM packet, generate_series(1, 1000);
	GRANT SELECT ON many TO analyst});
$analyst->query_safe(q{
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0;
	SET parallel_leader_participation = off;
	PREPARE in_parallel AS SELECT count(prio_verifier('a', 'batch', 4, share_a)) FROM many;
	PREPARE for_hours AS SELECT count(prio_verifier('a', 'batch', 4, share_a)) FROM many, generate_series(1, 10000) AS i, generate_series(1, 10000) AS j});

# The errors of a statement behind another session's REVOKE, and of one that still runs.
sub after_revoke
{
	my ($statement) = @_;

	$analyst->{stderr} = '';
	$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER a FROM analyst');
	$analyst->query($statement);
	my $err = $analyst->{stderr};
	$analyst->{stderr} = '';
	$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER a TO analyst');
	return $err;
}

my $fetch = "FETCH 10 FROM opening";
$analyst->query_safe("BEGIN; DECLARE opening CURSOR FOR SELECT prio_verifier('a', 'batch', 4, share_a) IS NOT NULL FROM many");
is($analyst->query_safe($fetch), join("\n", ('t') x 10), 'a cursor');
like(after_revoke($fetch), qr/permission denied for foreign server a/, 'a cursor ends at its next FETCH after REVOKE');
$analyst->query_safe('ROLLBACK');

is($analyst->query_safe('EXECUTE in_parallel'), 1000, 'a parallel plan');
like(after_revoke('EXECUTE in_parallel'), qr/permission denied for foreign server a\nCONTEXT:  parallel worker/,
	'a parallel plan ends at its next EXECUTE after REVOKE');

$analyst->query_until(qr/running/, "\\echo running\nEXECUTE for_hours;\n");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
	WHERE backend_type = 'parallel worker' AND clock_timestamp() > backend_start + interval '300 ms'})
  or die 'no workers';
like(after_revoke('SELECT 1'), qr/permission denied for foreign server a\nCONTEXT:  parallel worker/,
	'a parallel query ends while it runs');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
	0, '... with all its workers');
is(verdict(), 'opened', '... and the session goes on');

$node->safe_psql('postgres', "ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET private_key '$keys{private_B}')");
like(verdict(), qr/private key does not belong to the public key of server "a"/, 'ALTER USER MAPPING');
$node->safe_psql('postgres', "ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET private_key '$keys{private_A}')");
is(verdict(), 'opened', 'ALTER USER MAPPING back');

$node->safe_psql('postgres', 'DROP USER MAPPING FOR PUBLIC SERVER a');
like(verdict(), qr/no user mapping for role "analyst" on server "a"/, 'DROP USER MAPPING');

$node->safe_psql('postgres', 'DROP SERVER a');
like(verdict(), qr/server "a" does not exist/, 'DROP SERVER');

$analyst->quit;

# With the library preloaded nothing differs: NSS starts in the backends, and in workers.
my $libdir = ($ENV{PRIO_DESTDIR} // '') . `pg_config --pkglibdir`;
chomp $libdir;
$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libdir/prio'");
$node->restart;
make_server($node, 'a', 'A', %keys);
is( $node->safe_psql('postgres', q{
		SET parallel_setup_cost = 0;
		SET parallel_tuple_cost = 0;
		SET min_parallel_table_scan_size = 0;
		SET parallel_leader_participation = off;
		SELECT prio_share_error('a', 'batch', 4, share_a) IS NULL FROM packet}),
	't', 'preloaded, in a worker');

done_testing();
