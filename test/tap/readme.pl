# Every SQL and shell block of the README does what it says: a comment in its first line
# names where it runs, and a text block behind it is what it prints.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my %node = ('server A' => new_cluster('server_a'), 'server B' => new_cluster('server_b'));
# The client has a database of its own in one of the two clusters.
my %service = (server_a => [ 'server A', 'postgres' ], server_b => [ 'server B', 'postgres' ], client => [ 'server A', 'client' ]);
my %place = ('server A' => 'server_a', 'server B' => 'server_b', client => 'client');
$node{'server A'}->safe_psql('postgres', 'CREATE DATABASE client');
$_->safe_psql('postgres', 'DROP EXTENSION prio') foreach values %node;

my $services = $node{'server A'}->basedir . '/pg_service.conf';
foreach my $name (sort keys %service)
{
	my ($where, $database) = @{ $service{$name} };
	append_to_file($services, sprintf("[%s]\nhost=%s\nport=%s\ndbname=%s\n",
			$name, $node{$where}->host, $node{$where}->port, $database));
}
$ENV{PGSERVICEFILE} = $services;
delete @ENV{qw(PGHOST PGPORT PGDATABASE)};

my $printed = '';
my %ran;
my $readme = slurp_file('README.md');
while ($readme =~ /^```(sql|sh|text)\n(.*?)^```$/msg)
{
	my ($language, $block) = ($1, $2);
	my ($title) = $block =~ /^(.*)$/m;

	if ($language eq 'text')
	{
		is($printed, $block, "prints $title");
	}
	elsif ($language eq 'sh')
	{
		my ($out, $err) = ('', '');
		ok(IPC::Run::run([ 'bash', '-e', '-o', 'pipefail', '-c', $block ], '>', \$out, '2>', \$err), "sh: $title")
		  or diag $err;
	}
	else
	{
		$title =~ s/^-- // or die "no place in the first line: $title";
		foreach my $where (split /, /, $title)
		{
			my ($out, $err) = ('', '');
			ok( IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "service=$place{$where}" ],
					'<', \$block, '>', \$out, '2>', \$err),
				"sql on $where: " . ($block =~ /\n(.*)/)[0]) or diag $err;
			$printed = $out;
		}
	}
	$ran{$language}++;
}
cmp_ok($ran{$_}, '>', 2, "there are $_ blocks") foreach qw(sql sh text);

done_testing();
