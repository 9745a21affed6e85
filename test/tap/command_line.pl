# A full exchange in which one server is the command prio and the other a database, in both
# directions: they skip different shares, and publish the same counts, which are the truth. And
# shares of Prio3, which the command makes and databases verify and add up.
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

# Each line at a point of its own, and with the other generator all of them at one.
my %ordinal = (batch => 'ordinal', seed => '0');
my %ordinals = (batch => 'lines', seed => 'none');

foreach my $prg ('batch', 'seed')
{
	# Six clients are played by the command, six by the database.
	my $batch = "$prg of clients";
	my @data = map { my $client = $_; [ map { $client % ($_ + 1) == 0 ? 1 : 0 } 1 .. $n ] } 1 .. 12;
	my $dir = "$work/$prg";
	my %options = (N_DATA => $n, BATCH_ID => $batch, PRG => $prg, ORDINALS => $ordinals{$prg});

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
			SELECT line->>'id' AS id, prio_verifier('$server', '$batch', $n, decode(line->>'payload', 'base64'), $ordinal{$prg}) AS verifier,
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

# ------------------------------------------------------------------ Prio3

# What the command is given besides the VDAF, and a server as options; measurements, and what they make.
foreach my $case (
	[ 'Prio3Count', {}, [ 1, 0, 1, \1 ], '{3}' ],
	[ 'Prio3Sum', { max_measurement => 1440, context => '636f6e74657874' }, [ 0, 1440, 17 ], '{1457}' ],
	[ 'Prio3SumVec', { length => 3, max_measurement => 10 }, [ [ 0, 10, 5 ], [ 1, 2, 3 ] ], '{1,12,8}' ],
	[ 'Prio3Histogram', { length => 5, chunk_length => 2, context => 'FF' }, [ 0, 4, 4, 2 ], '{1,0,1,0,2}' ],
	[ 'Prio3MultihotCountVec', { length => 4, max_weight => 2 }, [ [ 1, 0, 0, 1 ], [ 0, 0, 0, 0 ], [ \0, \0, \0, \1 ] ], '{1,0,0,2}' ],
	[ 'Prio3L1BoundSum', { length => 3, max_value => 9 }, [ [ 0, 9, 0 ], [ 1, 2, 3 ] ], '{1,11,3}' ],
	[ 'Prio3Count', { draft => 8 }, [ 1, 1, 0 ], '{2}' ],
	[ 'Prio3Sum', { draft => 8, bits => 64 }, [ 9223372036854775807, 9223372036854775807, 1 ], '{18446744073709551615}' ],
	[ 'Prio3SumVec', { draft => 8, length => 2, bits => 5 }, [ [ 31, 0 ], [ 1, 2 ] ], '{32,2}' ],
	[ 'Prio3Histogram', { draft => 8, length => 3 }, [ 2, 2, 1 ], '{0,1,2}' ])
{
	my ($vdaf, $options, $measurements, $expected) = @$case;
	my $name = lc "${vdaf}_" . ($options->{draft} // 18);
	my $dir = "$work/$name";
	my $verify_key = $json->decode((prio($options->{draft} ? { DRAFT => $options->{draft} } : {}, 'prio3-keygen'))[1])->{verify_key};

	mkdir $dir;
	append_to_file("$dir/clients", join '', map { $json->encode({ payload => $_ }) . "\n" } @$measurements);
	my ($status, undef, $err) = prio({ map { uc $_ => $options->{$_} } keys %$options }, 'prio3-shard', '--vdaf', $vdaf,
		'--input', "$dir/clients", '--output-A', "$dir/A", '--output-B', "$dir/B");
	is($status, 0, "$name: prio3-shard") or diag $err;
	foreach my $role ('A', 'B')
	{
		$node->safe_psql('postgres', "CREATE SERVER ${name}_$role FOREIGN DATA WRAPPER prio OPTIONS (role '$role', vdaf '$vdaf'"
			. join('', map { ", $_ '$options->{$_}'" } sort keys %$options) . ");
			CREATE USER MAPPING FOR PUBLIC SERVER ${name}_$role OPTIONS (verify_key '$verify_key')");
		lines_to_table("$dir/$role/clients", "${name}_share_$role");
	}
	is($node->safe_psql('postgres', qq{
			WITH share AS (
				SELECT uuid_send((a.line->>'id')::uuid) AS nonce, decode(a.line->>'header', 'base64') AS header,
					decode(a.line->>'payload', 'base64') AS a, decode(b.line->>'payload', 'base64') AS b
				FROM ${name}_share_A AS a JOIN ${name}_share_B AS b USING (ordinal)
				WHERE (a.line->>'id', a.line->>'header') = (b.line->>'id', b.line->>'header')
			), state AS (
				SELECT prio3_verify_init('${name}_a', nonce, header, a) AS a, prio3_verify_init('${name}_b', nonce, header, b) AS b FROM share
			), message AS (
				SELECT a, b, prio3_verifier_message('${name}_a', prio3_verifier_share(a), prio3_verifier_share(b)) AS message FROM state
			)
			SELECT count(prio3_verify_next(a, message)), count(prio3_verify_next(b, message)),
				prio3_unshard('${name}_b', prio3_agg_share(a, message), prio3_agg_share(b, message), count(*)) FROM message}),
		join('|', (scalar @$measurements) x 2, $expected), "$name: databases accept them, and get the result");
}

done_testing();
