# What may differ from one database to the next: the encoding, the schema, the servers, and
# whether there is the extension at all.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = share_sessions new_cluster('databases');
my %keys = make_keys($node);
make_server($node, 'a', 'A', %keys);

# The batch id is UTF-8 in a packet, whatever it is in the database.
$node->safe_psql('postgres', q{CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'});
$node->safe_psql('latin1', qq{
	CREATE SCHEMA elsewhere;
	CREATE EXTENSION prio SCHEMA elsewhere;
	CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$keys{public_A}');
	CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key '$keys{private_A}', shared_secret '$keys{secret}')});
my $encode = qq{prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', E'caf\\u00e9', B'1010')};
my %database = (
	postgres => { schema => 'public', packet => $node->safe_psql('postgres', "SELECT share_a FROM $encode") },
	latin1 => { schema => 'elsewhere', packet => $node->safe_psql('latin1', "SELECT share_a FROM elsewhere.$encode") });
foreach my $name (sort keys %database)
{
	foreach my $from (sort keys %database)
	{
		my $error = sub { $node->safe_psql($name,
			"SELECT coalesce($database{$name}{schema}.prio_share_error('a', E'$_[0]', 4, '$database{$from}{packet}'), 'opened')") };
		is($error->('caf\u00e9'), 'opened', "$name opens a packet from $from");
		is($error->('cafe'), 'wrong batch', "$name tells another batch id from that of $from");
	}
}

# The same packet has the same verifier in both: so they agree on the point as well.
my $verify1 = q{prio_verify1(%s.prio_verifier('a', E'caf\u00e9', 4, '%s'))};
is( $node->safe_psql('latin1', "SELECT elsewhere." . sprintf($verify1, 'elsewhere', $database{postgres}{packet})),
	$node->safe_psql('postgres', "SELECT " . sprintf($verify1, 'public', $database{postgres}{packet})),
	'verify1 does not depend on the encoding');

# Moved to another schema, everything goes on, with what was stored.
$node->safe_psql('latin1', qq{
	CREATE TABLE kept AS SELECT elsewhere.prio_verifier('a', E'caf\\u00e9', 4, '$database{latin1}{packet}') AS verifier;
	ALTER EXTENSION prio SET SCHEMA public});
is($node->safe_psql('latin1', "SELECT prio_total_share(verifier, '$database{latin1}{packet}') IS NOT NULL FROM kept"),
	't', 'ALTER EXTENSION SET SCHEMA');

# Servers of the same name in two databases are two servers.
my %other = make_keys($node);
$node->safe_psql('postgres', 'CREATE DATABASE neighbour');
$node->safe_psql('neighbour', qq{
	CREATE EXTENSION prio;
	CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$other{public_A}');
	CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key '$other{private_A}', shared_secret '$other{secret}')});
my $answers = q{SELECT string_agg(coalesce(prio_share_error('a', 'batch', 2, share), 'opened'), ', ') FROM (VALUES %s) AS v (share)};
my $shares = join ', ', map {
	"('" . $node->safe_psql('postgres', "SELECT share_a FROM prio_encode('\\x$_->{public_A}', '\\x$_->{public_B}', 'batch', B'10')") . "'::bytea)"
} \%keys, \%other;
my %session = map { $_ => $node->background_psql($_) } 'postgres', 'neighbour';
foreach (1 .. 2)
{
	is($session{postgres}->query_safe(sprintf $answers, $shares), 'opened, decryption failed', 'a server opens what is for it');
	is($session{neighbour}->query_safe(sprintf $answers, $shares), 'decryption failed, opened', '... and so does its neighbour');
}
$session{neighbour}->query_safe('ALTER SERVER a RENAME TO b');
is($session{postgres}->query_safe(sprintf $answers, $shares), 'opened, decryption failed', '... whatever happens to that');
$_->quit foreach values %session;

# Nothing depends on search_path: not even an operator or function that somebody puts first.
$node->safe_psql('latin1', q{
	ALTER EXTENSION prio SET SCHEMA elsewhere;
	CREATE SCHEMA trap;
	CREATE FUNCTION trap.stop() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE FUNCTION trap.prio_verify1(elsewhere.prio_verifier) RETURNS bytea LANGUAGE sql AS $$ SELECT trap.stop(); SELECT ''::bytea $$;
	CREATE FUNCTION trap.prio_fdw_validator(text[], oid) RETURNS void LANGUAGE sql AS $$ SELECT trap.stop() $$;
	CREATE FUNCTION trap.same(bytea, bytea) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE OPERATOR trap.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = trap.same)});
foreach my $path (q{''}, 'trap, pg_catalog, elsewhere')
{
	is( $node->safe_psql('latin1', qq{
			SET search_path = $path;
			CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key '$keys{public_B}');
			CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (private_key '$keys{private_B}', shared_secret '$keys{secret}');
			SELECT valid, elsewhere.prio_publish(total_a, total_b) FROM (
				SELECT bool_and(elsewhere.prio_is_valid(elsewhere.prio_verify2(a, elsewhere.prio_verify1(b)), elsewhere.prio_verify2(b, elsewhere.prio_verify1(a)))) AS valid,
					elsewhere.prio_total_share(a, share_a) AS total_a, elsewhere.prio_total_share(b, NULL) AS total_b
				FROM (SELECT share_a, elsewhere.prio_verifier('a', 'batch', 4, share_a) AS a, elsewhere.prio_verifier('b', 'batch', 4, share_b) AS b
					FROM elsewhere.prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', 'batch', B'1010')) AS v) AS t;
			DROP SERVER b CASCADE}),
		't|{1,0,1,0}', "everything works with search_path = $path");
}

# DROP EXTENSION, and CREATE EXTENSION again, in one session.
my $session = $node->background_psql('neighbour', on_error_stop => 0);
my $open = qq{SELECT prio_verify1(prio_verifier('b', 'batch', 2, share)) IS NOT NULL FROM (VALUES $shares) AS v (share)};
$session->query_safe(qq{CREATE TABLE verifier AS SELECT 7 AS id, prio_verifier('b', 'batch', 2, share) FROM (VALUES $shares) AS v (share); PREPARE open AS $open});
is($session->query_safe('EXECUTE open'), "f\nt", 'packets open before DROP EXTENSION');
$session->query('DROP EXTENSION prio');
like($session->{stderr}, qr/cannot drop extension prio because other objects depend on it/, 'DROP EXTENSION is refused');
like($session->{stderr}, qr/column prio_verifier of table verifier depends on type prio_verifier/, '... for tables');
like($session->{stderr}, qr/server b depends on foreign-data wrapper prio/, '... for servers');
$session->{stderr} = '';
$session->query('DROP EXTENSION prio CASCADE');
$session->{stderr} = '';
is($session->query_safe(q{SELECT (SELECT count(*) FROM pg_foreign_server) + (SELECT count(*) FROM pg_user_mappings), verifier FROM verifier LIMIT 1}),
	'0|(7)', 'CASCADE takes servers, mappings and columns');
$session->query('EXECUTE open');
like($session->{stderr}, qr/function prio_verifier\(.*\) does not exist/, 'nothing is left to call');
$session->{stderr} = '';
$session->query_safe(qq{
	CREATE EXTENSION prio;
	CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$keys{public_A}');
	CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (private_key '$keys{private_A}', shared_secret '$keys{secret}')});
is($session->query_safe('EXECUTE open'), "t\nf", 'CREATE EXTENSION again, with other servers');
$session->quit;

done_testing();
