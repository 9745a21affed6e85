# Every SQL and shell block of the documentation does what it says. Each document is followed
# from its beginning to its end, in three fresh databases of one cluster, as the README has it, or of two where
# it takes backups. Who may log in is what Debian has for a new cluster.
#
#	```sql		the first line says where it runs: "-- server A, server B", or "-- client".
#			With "messages" as the last word, errors do not stop it, and what it prints
#			are errors, warnings and notices with their SQLSTATE.
#	```sh		runs from the root of the tree, and stops at the first error
#	```text		is what the block before it has printed
#	```crontab	lines of a crontab, whose commands are run
#
#	script/test test/tap/documentation.pl				what users read first
#	PRIO_LONG=1 script/test test/tap/documentation.pl		all documents
#	DOCUMENT=docs/operations.md script/test test/tap/documentation.pl	one
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

# There is no installing here: that a package is to be had is all that is asked of apt-get. And
# make install goes where this test has its prio, which is a copy: others run on the original.
my $bin = PostgreSQL::Test::Utils::tempdir();
append_to_file("$bin/apt-get", qq{#!/bin/sh\nexec /usr/bin/apt-get --simulate "\$@"\n});
chmod 0755, "$bin/apt-get";
$ENV{PATH} = "$bin:$ENV{PATH}";
if (defined $ENV{PRIO_DESTDIR})
{
	system('cp', '-a', $ENV{PRIO_DESTDIR}, "$bin/install") == 0 or die 'cp failed';
	$ENV{PRIO_DESTDIR} = $ENV{DESTDIR} = "$bin/install";
}

# The servers find each other by these services as well: so they are started with the file.
my $services = PostgreSQL::Test::Utils::tempdir() . '/pg_service.conf';
$ENV{PGSERVICEFILE} = $services;

# What script/test runs itself, or what would run this test again: only that it is there is asked.
my %elsewhere = map { $_ => 1 } 'script/demo', 'script/test';

# What psql -v VERBOSITY=verbose says besides SQLSTATE, message, detail and hint.
my $verbose = qr/^(?:LOCATION|QUERY|(?:SCHEMA|TABLE|COLUMN|DATATYPE|CONSTRAINT) NAME): .*\n/m;

my %place = ('server A' => 'server_a', 'server B' => 'server_b', client => 'client');

# citus.pl follows the page that takes Citus.
my @documents = grep { $_ ne 'docs/scaling.md' && slurp_file($_) =~ /^```(?:sql|sh|crontab)$/m } glob '*.md docs/*.md';
# By day what a new user reads first; the rest at night.
@documents = grep { /^README/ } @documents unless $ENV{PRIO_LONG};
@documents = ($ENV{DOCUMENT}) if $ENV{DOCUMENT};
foreach my $document (@documents)
{
	my ($name) = lc($document) =~ /(\w+)\.md$/;
	# The job takes wal_level = minimal, which these clusters have; a base backup does not.
	my $backups = slurp_file($document) =~ /pg_basebackup/;
	my @wal = $backups ? ('wal_level = replica', 'max_wal_senders = 10') : ();
	my @nodes = map { share_sessions new_cluster("${name}_$_", @wal, "shared_preload_libraries = 'pg_cron'", 'cron.use_background_workers = on') } 1 .. ($backups ? 2 : 1);
	my %node = (server_a => $nodes[0], server_b => $nodes[-1], client => $nodes[0]);
	foreach my $node (@nodes)
	{
		my $who = getpwuid $<;
		unlink $node->data_dir . '/pg_hba.conf';
		append_to_file($node->data_dir . '/pg_hba.conf', join '', map { "$_\n" } 'local all postgres peer map=tests', 'local replication postgres peer map=tests',
			'local all all peer', 'host all all 127.0.0.1/32 scram-sha-256');
		append_to_file($node->data_dir . '/pg_ident.conf', "tests $who postgres\n");
		$node->reload;
	}
	unlink $services;
	foreach my $database (sort keys %node)
	{
		my $node = $node{$database};
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		append_to_file($services, sprintf "[%s]\nhost=%s\nport=%s\ndbname=%s\n", $database, $node->host, $node->port, $database);
	}
	local %ENV = %ENV;
	delete @ENV{qw(PGHOST PGPORT PGDATABASE)};

	my @printed = (''); # by the block before, in every place where it ran
	my $text = slurp_file($document);
	while ($text =~ /^```(sql|sh|text|crontab)\n(.*?)^```$/msg)
	{
		my ($language, $block) = ($1, $2);
		my ($title) = $block =~ /^(.*)$/m;

		if ($language eq 'text')
		{
			is($_, $block, "$document prints $title") foreach @printed;
		}
		elsif ($language eq 'sql')
		{
			$title =~ s/^-- // or die "no place in the first line: $title";
			my @places = split /, /, $title;
			my $messages = $places[-1] eq 'messages' && pop @places;
			my ($statement) = $block =~ /\n(.*)/;

			@printed = ();
			foreach my $where (@places)
			{
				my ($out, $err) = ('', '');
				my @psql = ('psql', '-X', '-A', '-t', '-q', '-d', "service=$place{$where}");
				if ($messages)
				{
					IPC::Run::run([ @psql, '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never' ], '<', \$block, '>&', \$out);
					$out =~ s/$verbose//g;
					like(substr($text, pos $text), qr/\A\s*```text$/m, "$document says what messages come of $statement");
				}
				elsif ($block !~ /\\/)
				{
					my $code = $node{ $place{$where} }->psql($place{$where}, $block, stdout => \$out, stderr => \$err);
					# A role belongs to the cluster.
					$code = 0 if $where eq 'server B' && !$backups && $err =~ /\bERROR:  role "\w+" already exists$/m;
					is($code, 0, "$document, sql on $where: $statement") or diag $err;
					$out .= "\n" if $out ne '';
				}
				else
				{
					$_->forget_sessions foreach @nodes;
					ok(IPC::Run::run([ @psql, '-v', 'ON_ERROR_STOP=1' ], '<', \$block, '>', \$out, '2>', \$err),
						"$document, sql on $where: $statement") or diag $err;
				}
				push @printed, $out;
			}
		}
		elsif ($language eq 'sh' && !grep { !$elsewhere{$_} } split /\n/, $block)
		{
			ok(-x $_, "$document, sh: $_ is there") foreach split /\n/, $block;
		}
		else
		{
			my ($out, $err) = ('', '');
			$_->forget_sessions foreach @nodes;
			$block =~ s/^(?:\S+ ){5}//mg if $language eq 'crontab';
			ok(IPC::Run::run([ 'bash', '-e', '-o', 'pipefail', '-c', $block ], '>', \$out, '2>', \$err), "$document, $language: $title")
			  or diag $err;
			@printed = ($out);
		}
	}
	$_->stop('immediate') foreach @nodes;
}

done_testing();
