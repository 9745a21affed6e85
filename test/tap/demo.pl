# script/demo on two servers that are there already, as compose.yaml has them: they are reached
# over TCP, from each other too, with a password that stands in a password file alone.
#
# Runs at night: script/test runs the demo by day, on clusters of its own.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $password = join '', map { ('a' .. 'z')[ rand 26 ] } 1 .. 20;
my $pgpass = PostgreSQL::Test::Utils::tempdir() . '/pgpass';
append_to_file($pgpass, "*:*:*:*:$password\n");
chmod 0600, $pgpass;
# The servers that are started from here log in at each other with it.
$ENV{PGPASSFILE} = $pgpass;

my %connection;
foreach my $name ('a', 'b')
{
	my $node = init_cluster("demo_$name", "listen_addresses = '127.0.0.1'");
	$node->start;
	$node->safe_psql('postgres', "CREATE ROLE admin SUPERUSER LOGIN PASSWORD '$password'");
	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', 'host all admin 127.0.0.1/32 scram-sha-256');
	$node->reload;
	$connection{ uc $name } = sprintf 'host=127.0.0.1 port=%d user=admin dbname=postgres', $node->port;
}

sub demo
{
	my (%servers) = @_;
	local %ENV = %ENV;
	delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	$ENV{"PRIO_SERVER_$_"} = $servers{$_} foreach keys %servers;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'script/demo' ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

my ($code, $out, $err) = demo(%connection);
is($code, 0, 'the demo runs on two servers that are there') or diag "$out\n$err";
like($out, qr/^All 8 published counts equal the truth; 10 of 1000 clients were refused/m, 'and they publish the truth');
unlike("$out$err", qr/\Q$password\E/, 'no password is printed');

($code, $out, $err) = demo(%connection);
isnt($code, 0, 'it does not run again on servers that have been used');
like($err, qr/server_a has been used: the demo needs a fresh one/, 'and says why');

($code, $out, $err) = demo(A => $connection{A});
isnt($code, 0, 'it takes both servers or none');
like($err, qr/PRIO_SERVER_A is set, and PRIO_SERVER_B is not/, 'and says so');

done_testing();
