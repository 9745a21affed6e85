# A full exchange in which one server is the command prio and the other a database, in both
# directions: they skip different shares, and publish the same counts, which are the truth.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $command = $ENV{PRIO_COMMAND} // 'build/cli/prio';
BAIL_OUT("there is no $command: run make cli") unless -x $command;

my $node = share_sessions new_cluster('database');
my $work = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new;
my $n = 20;
my %other = (A => 'B', B => 'A');

# Runs the command with these variables in its environment; its status and what it printed.
sub prio
{
	my ($variables, @arguments) = @_;
	local %ENV = (%ENV, %$variables);
	my ($out, $err) = ('', '');

	IPC::Run::run([ $command, @arguments ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub keygen { return $json->decode((prio({}, 'keygen'))[1]); }

# What a query prints, as a file.
sub query_to_file
{
	my ($query, $file) = @_;

	append_to_file($file, $node->safe_psql('postgres', $query) . "\n");
	return;
}

# JSON lines, as a table in which their ordinals count from 0.
sub lines_to_table
{
	my ($file, $table) = @_;

	$node->safe_psql('postgres', qq{
		CREATE TABLE $table (ordinal bigint GENERATED ALWAYS AS IDENTITY (MINVALUE 0), line jsonb);
		\\copy $table (line) FROM '$file' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')});
	return;
}

my %key = (A => keygen(), B => keygen());
my $secret = $json->decode((prio({}, 'shared-seed'))[1])->{shared_seed};

foreach my $prg ('batch', 'seed')
{
	foreach my $role ('A', 'B')
	{
		$node->safe_psql('postgres', qq{
			CREATE SERVER ${prg}_$role FOREIGN DATA WRAPPER prio
				OPTIONS (role '$role', public_key '$key{$role}{public_key}', prg '$prg');
			CREATE USER MAPPING FOR PUBLIC SERVER ${prg}_$role
				OPTIONS (private_key '$key{$role}{private_key}', shared_secret '$secret')});
	}
}

foreach my $prg ('batch', 'seed')
{
	# Six clients are played by the command, six by the database.
	my $batch = "$prg of clients";
	my @data = map { my $client = $_; [ map { $client % ($_ + 1) == 0 ? 1 : 0 } 1 .. $n ] } 1 .. 12;
	my $dir = "$work/$prg";
	my %options = (N_DATA => $n, BATCH_ID => $batch, PRG => $prg);

	mkdir $dir;
	append_to_file("$dir/clients.ndjson", join '', map { $json->encode({ payload => $_ }) . "\n" } @data[ 0 .. 5 ]);
	my ($status) = prio({ %options, PUBLIC_KEY_HEX_INTERNAL => $key{A}{public_key}, PUBLIC_KEY_HEX_EXTERNAL => $key{B}{public_key} },
		'encode-shares', '--input', "$dir/clients.ndjson", '--output-A', "$dir/A", '--output-B', "$dir/B");
	is($status, 0, "$prg: encode-shares");
	$node->safe_psql('postgres', "CREATE TABLE ${prg}_client AS SELECT gen_random_uuid() AS id, e.* FROM (VALUES "
		. join(',', map { "($_, ARRAY[" . join(',', @{ $data[ $_ - 1 ] }) . ']::int[]::boolean[])' } 7 .. 12)
		. ") AS v (client, data), prio_encode('\\x$key{A}{public_key}', '\\x$key{B}{public_key}', '$batch', data, '$prg') AS e ORDER BY client");
	my %lines;
	foreach my $role ('A', 'B')
	{
		query_to_file("SELECT json_build_object('id', id, 'payload', encode(share_$role, 'base64')) FROM ${prg}_client",
			"$dir/$role/clients.ndjson");
		$lines{$role} = [ map { $json->decode($_) } split /\n/, slurp_file("$dir/$role/clients.ndjson") ];
		is(@{ $lines{$role} }, 12, "$prg: shares for server $role");
	}

	# Each server refuses another one: ordinals that only count what opens would part ways.
	# And one proof fails.
	substr($lines{A}[2]{payload}, 100, 4) = 'AAAA';
	substr($lines{B}[4]{payload}, 100, 4) = 'AAAA';
	$lines{B}[7]{payload} = $node->safe_psql('postgres',
		"SELECT encode(share_b, 'base64') FROM prio_encode('\\x$key{A}{public_key}', '\\x$key{B}{public_key}', '$batch', repeat('1', $n)::varbit, '$prg')");
	foreach my $role ('A', 'B')
	{
		unlink "$dir/$role/clients.ndjson";
		append_to_file("$dir/$role/clients.ndjson", join '', map { $json->encode($_) . "\n" } @{ $lines{$role} });
	}
	my @truth = (0) x $n;
	foreach my $client (grep { $_ != 2 && $_ != 4 && $_ != 7 } 0 .. 11)
	{
		$truth[$_] += $data[$client][$_] foreach 0 .. $n - 1;
	}

	foreach my $role ('A', 'B')
	{
		my $name = "$prg, command as $role and database as $other{$role}";
		my $server = lc "${prg}_$other{$role}";
		my $table = lc "${prg}_$role";
		my ($mine, $theirs) = ("$dir/command_$role", "$dir/database_$role");
		my %environment = (%options, SERVER_ID => $role, PRIVATE_KEY_HEX => $key{$role}{private_key}, SHARED_SECRET => $secret,
			PUBLIC_KEY_HEX_INTERNAL => $key{$role}{public_key}, PUBLIC_KEY_HEX_EXTERNAL => $key{ $other{$role} }{public_key},
			INPUT => "$dir/$role/clients.ndjson");

		# One step of the command; what it takes from itself and from the database.
		my $step = sub {
			my ($step, $before, $expected) = @_;
			my ($code, undef, $err) = prio({ %environment,
					$before ? (INPUT_INTERNAL => "$mine/$before/clients.ndjson", INPUT_EXTERNAL => "$theirs/$before") : () },
				$step, '--output', "$mine/$step");

			is($code, $expected, "$name: $step") or diag $err;
		};

		mkdir $theirs;
		lines_to_table("$dir/$other{$role}/clients.ndjson", "${table}_share");
		$node->safe_psql('postgres', qq{
			CREATE TABLE ${table}_verifier AS
			SELECT line->>'id' AS id, prio_verifier('$server', '$batch', $n, decode(line->>'payload', 'base64'), ordinal) AS verifier,
				decode(line->>'payload', 'base64') AS share
			FROM ${table}_share});
		is($node->safe_psql('postgres', "SELECT count(*), count(verifier) FROM ${table}_verifier"), '12|11', "$name: the database opens its shares");

		$step->('verify1', undef, 3);
		query_to_file("SELECT json_build_object('id', id, 'payload', encode(prio_verify1(verifier), 'base64'))
			FROM ${table}_verifier WHERE verifier IS NOT NULL ORDER BY id", "$theirs/verify1");

		$step->('verify2', 'verify1', 3);
		lines_to_table("$mine/verify1/clients.ndjson", "${table}_verify1");
		$node->safe_psql('postgres', qq{
			CREATE TABLE ${table}_round2 AS
			SELECT id, verifier, share, prio_verify2(verifier, decode(line->>'payload', 'base64')) AS verify2
			FROM ${table}_verifier JOIN ${table}_verify1 ON id = line->>'id'});
		query_to_file("SELECT json_build_object('id', id, 'payload', encode(verify2, 'base64'))
			FROM ${table}_round2 WHERE verify2 IS NOT NULL ORDER BY id", "$theirs/verify2");

		$step->('aggregate', 'verify2', 3);
		lines_to_table("$mine/verify2/clients.ndjson", "${table}_verify2");
		$node->safe_psql('postgres', qq{
			CREATE TABLE ${table}_total AS
			SELECT prio_total_share(verifier, share) AS total, count(*) AS clients
			FROM ${table}_round2 JOIN ${table}_verify2 ON id = line->>'id'
			WHERE prio_is_valid(verify2, decode(line->>'payload', 'base64'))});
		is($node->safe_psql('postgres', "SELECT clients FROM ${table}_total"), 9, "$name: the database adds up the honest ones");
		query_to_file("SELECT json_build_object('payload', encode(total, 'base64'), 'error', 12 - clients, 'total', 12) FROM ${table}_total",
			"$theirs/aggregate");

		$step->('publish', 'aggregate', 0);
		my $published = $json->decode(slurp_file("$mine/publish/clients.ndjson"));
		is_deeply($published->{payload}, \@truth, "$name: the command publishes the truth");
		lines_to_table("$mine/aggregate/clients.ndjson", "${table}_peer_total");
		is($node->safe_psql('postgres', qq{
				SELECT array_to_string(prio_publish(total, decode(line->>'payload', 'base64')), ' ')
				FROM ${table}_total, ${table}_peer_total WHERE clients = (line->>'total')::int - (line->>'error')::int}),
			"@truth", "$name: so does the database");
	}
}

done_testing();
