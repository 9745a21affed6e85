# What may differ from one database to the next: the encoding, and the schema.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('databases');
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

done_testing();
