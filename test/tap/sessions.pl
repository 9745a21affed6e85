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

$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER a FROM analyst');
like(verdict(), qr/permission denied for foreign server a/, 'REVOKE');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER a TO analyst');
is(verdict(), 'opened', 'GRANT');

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
