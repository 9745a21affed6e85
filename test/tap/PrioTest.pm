# What the TAP tests share: clusters with the extension, and Prio servers in them.
package PrioTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SharedSessions;

our @EXPORT = qw(init_cluster new_cluster share_sessions make_keys make_server exchange write_file);

# As in the template, whoever runs the tests.
$ENV{PGUSER} = 'postgres';

# What ends a test that hangs: how long a session may take, in seconds, and how long a condition is
# waited for. No test fails because others use the machine as well.
$PostgreSQL::Test::Utils::timeout_default = 1800 if $PostgreSQL::Test::Utils::timeout_default < 1800;

# What initdb would make, which takes two seconds: a copy of PRIO_TEMPLATE, if there is one.
sub init_data
{
	my ($node) = @_;
	my $system = \&PostgreSQL::Test::Utils::system_or_bail;

	no warnings 'redefine';
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		my (@command) = @_;
		@command = ('cp', '-a', $ENV{PRIO_TEMPLATE}, $node->data_dir) if $command[0] eq 'initdb' && defined $ENV{PRIO_TEMPLATE};
		return $system->(@command);
	};
	$node->init(extra => [ '--no-sync', '-U', 'postgres', '-E', 'UTF8', '--locale=C' ]);
	return;
}

# A cluster that is not running. An installation below PRIO_DESTDIR, out of reach of other
# clusters, takes Debian's setting extension_destdir.
sub init_cluster
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	init_data($node);
	$node->append_conf('postgresql.conf', "extension_destdir = '$ENV{PRIO_DESTDIR}'")
	  if defined $ENV{PRIO_DESTDIR};
	$node->append_conf('postgresql.conf', $_) foreach @settings;
	return $node;
}

# A running cluster with the extension in database postgres.
sub new_cluster
{
	my $node = init_cluster(@_);

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION prio');
	return $node;
}

# From now on this cluster does not start a session for every call: see SharedSessions.pm.
sub share_sessions
{
	my ($node) = @_;

	return bless $node, 'SharedSessions';
}

# Keys of both servers and their secret, in hexadecimal.
sub make_keys
{
	my ($node) = @_;
	my %keys;

	foreach my $role ('A', 'B')
	{
		@keys{ "private_$role", "public_$role" } = split /\|/, $node->safe_psql('postgres',
			"SELECT encode(private_key, 'hex'), encode(public_key, 'hex') FROM prio_keygen()");
	}
	$keys{secret} = $node->safe_psql('postgres', "SELECT encode(prio_shared_secret(), 'hex')");
	return %keys;
}

# CREATE SERVER and CREATE USER MAPPING FOR PUBLIC.
sub make_server
{
	my ($node, $name, $role, %keys) = @_;

	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER prio
			OPTIONS (role '$role', public_key '$keys{"public_$role"}');
		CREATE USER MAPPING FOR PUBLIC SERVER $name
			OPTIONS (private_key '$keys{"private_$role"}', shared_secret '$keys{secret}');
	});
	return;
}

# Copies what a query gives on one cluster into a table of another.
sub exchange
{
	my ($from, $query, $to, $table) = @_;
	my $file = $to->basedir . "/exchange";

	$from->safe_psql('postgres', "\\copy ($query) TO '$file'");
	$to->safe_psql('postgres', "\\copy $table FROM '$file'");
	unlink $file;
	return;
}

# Makes a file of these bytes; returns its path.
sub write_file
{
	my ($path, $content, $mode) = @_;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $content;
	close $file or die "$path: $!";
	chmod $mode, $path or die "$path: $!" if defined $mode;
	return $path;
}

1;
