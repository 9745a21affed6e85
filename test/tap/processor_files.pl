# Two servers that exchange files of JSON lines, as prio-processor does: shares, messages of
# both rounds, and totals; with one evaluation point for all, and with an ordinal a share.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(time);

my %node = (A => new_cluster('a', 'log_statement = none'), B => new_cluster('b', 'log_statement = none'));
my %keys = make_keys($node{A});
my $pair = { %node, keys => \%keys };
foreach my $role ('A', 'B')
{
	make_server($node{$role}, 'telemetry', $role, %keys);
	$node{$role}->safe_psql('postgres', qq{
		CREATE EXTENSION prio_processor;
		CREATE ROLE job LOGIN IN ROLE prio_operator;
		CREATE ROLE analyst LOGIN IN ROLE prio_reader;
		GRANT TEMPORARY ON DATABASE postgres TO job;
		CALL prio_processor.join_peer('telemetry', '$keys{"public_$other{$role}"}')});
}
$node{A}->safe_psql('postgres', 'CREATE DATABASE clients');
$node{A}->safe_psql('clients', q{
	CREATE EXTENSION prio;
	CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest', data bigint[], share_a bytea, share_b bytea)});

my $dir = $node{A}->basedir;

# Reads a file of lines into a table, and calls a procedure that takes it; returns what it says.
sub import_file
{
	my ($role, $file, $call) = @_;
	my ($code, $out, $err) = $node{$role}->psql('postgres', qq{
		CREATE TEMPORARY TABLE file (line text);
		\\copy file FROM '$file' (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')
		CALL prio_processor.$call}, extra_params => [ '-U', 'job' ]);
	return $err;
}

sub export_file
{
	my ($role, $query, $file) = @_;
	as($node{$role}, 'job', "\\copy (SELECT $query) TO '$file'");
	return;
}

# The files that clients' shares come in, with bad lines in between.
sub write_shares
{
	my ($batch, $role, @bad) = @_;
	my $file = "$dir/shares_$role";
	my $share = 'share_' . lc $role;
	unlink $file;
	$node{A}->safe_psql('clients', qq{\\copy (SELECT json_build_object('id', id, 'payload', translate(encode($share, 'base64'), E'\\n', '')) FROM client WHERE batch = '$batch' ORDER BY id) TO '$file'});
	return $file if !@bad;
	my @lines = split /\n/, slurp_file($file);
	splice @lines, 3 + 2 * $_, 0, $bad[$_] foreach 0 .. $#bad;
	unlink $file;
	append_to_file($file, join("\n", @lines) . "\n");
	return $file;
}

# Takes a batch from shares to the result, all with files.
sub exchange_files
{
	my ($batch) = @_;

	as($node{$_}, 'job', "CALL prio_processor.close_batch('$batch')") foreach 'A', 'B';
	foreach my $round (1, 2)
	{
		run($pair);
		export_file($_, "prio_processor.export_messages('$batch', $round)", "$dir/verify${round}_$_") foreach 'A', 'B';
		like(import_file($_, "$dir/verify${round}_$other{$_}", "import_messages('$batch', $round, 'file')"), qr/NOTICE:  batch "$batch": \d+ lines, \d+ taken, 0 refused, 0 not readable/,
			"$batch: $_ takes the messages of round $round") foreach 'A', 'B';
	}
	run($pair);
	my %total = map { $_ => as($node{$_}, 'job', "SELECT prio_processor.export_total('$batch')") } 'A', 'B';
	as($node{$_}, 'job', "CALL prio_processor.import_total('$batch', '$total{$other{$_}}')") foreach 'A', 'B';
	run($pair);
	return %total;
}

# ------------------------------------------------------------------ one point for all

my @bad = ('', 'no JSON at all', '{}', '[]', '7', '{"id": "00000000-0000-0000-0000-000000000000"}', '{"payload": "AAAA"}',
	'{"id": "no uuid", "payload": "AAAA"}', '{"id": "00000000-0000-0000-0000-000000000000", "payload": "no base64!"}',
	'{"id": "00000000-0000-0000-0000-000000000000", "payload": null}', '{"id": "00000000-0000-0000-0000-000000000000", "payload": "\u0000"}',
	'{"id": {}, "payload": []}', '[' x 20000, "tab\there and a backslash \\ and \\N and a \"quote\"", '\.x');
foreach my $batch ('files', 'integers')
{
	my $bits = $batch eq 'integers' ? 4 : undef;
	as($node{$_}, 'job', "CALL prio_processor.create_batch('$batch', 'telemetry', 8, 5, checkpoints => false, bits => " . ($bits // 'NULL') . ')') foreach 'A', 'B';
	new_clients($pair, $batch, 40, $bits ? 2 : 8, $bits);
	foreach my $role ('A', 'B')
	{
		my $file = write_shares($batch, $role, @bad);
		is(import_file($role, $file, "import_shares('$batch', 'file')") =~ s/.*NOTICE/NOTICE/r,
			sprintf("NOTICE:  batch \"$batch\": %d lines, 40 taken, 0 refused, %d not readable", 40 + @bad, scalar @bad), "$batch: $role takes a file of shares with bad lines");
		is(import_file($role, $file, "import_shares('$batch', 'file')") =~ s/.*NOTICE/NOTICE/r,
			sprintf("NOTICE:  batch \"$batch\": %d lines, 0 taken, 40 refused, %d not readable", 40 + @bad, scalar @bad), "$batch: and takes it only once");
	}
	my %total = exchange_files($batch);
	like($total{A}, qr/^\{"error": 0, "total": 40, "payload": "[A-Za-z0-9+\/=]+"\}$/, "$batch: a total is one line, as prio-processor writes it");
	is(result($pair, $_, $batch), truth($pair, $batch), "$batch: $_ publishes the truth") foreach 'A', 'B';
	is(error_as($node{A}, 'job', "CALL prio_processor.import_total('$batch', '$total{B}')"), '', "$batch: a total that comes again changes nothing");
	like(error_as($node{A}, 'job', "CALL prio_processor.import_total('$batch', '" . ($total{B} =~ s/"error": 0/"error": 1/r) . "')"),
		qr/another total of the other server for batch "$batch" is here already/, "$batch: another one is not taken");
}
is((split /\n/, slurp_file("$dir/verify1_A"))[0] =~ /^\{"id": "[-0-9a-f]{36}", "payload": "[A-Za-z0-9+\/=]{20,36}"\}$/ ? 'one' : 'none', 'one', 'a message is one line, as prio-processor writes it');

# Line by line, for those who have no file; and what is not in its time.
as($node{A}, 'job', q{CALL prio_processor.create_batch('lines', 'telemetry', 8, 1, checkpoints => false)});
my ($line) = split /\n/, slurp_file(write_shares('files', 'A'));
is(as($node{A}, 'job', "SELECT prio_processor.import_share('lines', '$line'), prio_processor.import_share('lines', '$line'), prio_processor.import_share('lines', 'x')"),
	't|f|f', 'import_share() says what it took');
is(as($node{A}, 'job', "SELECT prio_processor.import_message('lines', 1, '$line'), prio_processor.import_message('lines', 1, '$line'), prio_processor.import_message('lines', 1, 'x')"),
	't|f|f', 'as does import_message()');
like(error_as($node{A}, 'job', $_->[0]), $_->[1], $_->[2])
	foreach ([ q{SELECT prio_processor.export_messages('lines', 1)}, qr/round 1 of batch "lines" is not finished/, 'messages are exported when they are complete' ],
	[ q{SELECT prio_processor.export_total('lines')}, qr/batch "lines" has no total to be sent/, 'a total is exported when it is there' ],
	[ q{SELECT prio_processor.import_message('lines', 3, '{}')}, qr/there is no round 3/, 'there are two rounds' ],
	[ q{SELECT prio_processor.export_messages('files', 0)}, qr/there is no round 0/, 'and no other' ],
	[ q{SELECT prio_processor.import_share('nothing', '{}')}, qr/batch "nothing" does not exist/, 'a batch that does not exist is an error' ],
	[ q{CALL prio_processor.import_total('lines', 'x')}, qr/invalid input syntax/, 'a line that is no total is an error' ]);
foreach my $call (q{CALL prio_processor.finish_import('replicated', 1)}, q{SELECT prio_processor.import_message('replicated', 1, '{}')},
	q{CALL prio_processor.import_total('replicated', '{}')})
{
	as($node{A}, 'job', q{CALL prio_processor.create_batch('replicated', 'telemetry', 8, 1)}) if $call =~ /finish/;
	like(error_as($node{A}, 'job', $call), qr/the other server sends checkpoints of batch "replicated"/, "files are for batches without checkpoints: $call");
}
like(error_as($node{A}, 'job', q{CALL prio_processor.import_shares('lines', 'pg_authid')}), qr/permission denied|column "line" does not exist/, 'an import reads with the rights of its caller');

as($node{A}, 'job', q{CALL prio_processor.drop_batch('files')});
like(error_as($node{A}, 'job', q{SELECT prio_processor.export_messages('files', 1)}), qr/batch "files" has been dropped, with its messages/,
	'a batch that was dropped has no messages to be exported, rather than an empty file');
like(error_as($node{A}, 'job', q{SELECT prio_processor.export_messages('nothing', 1)}), qr/batch "nothing" does not exist/, 'nor has one that does not exist');

# ------------------------------------------------------------------ an ordinal a share

# Row k has ordinal k, whatever the rows before it are: every other one of 3 .. 41 is bad.
as($node{$_}, 'job', q{CALL prio_processor.create_batch('ordinals', 'telemetry', 8, 5, checkpoints => false, ordinals => true)}) foreach 'A', 'B';
new_clients($pair, 'ordinals', 3000, 8);
my $refused = '{"id": "00000000-0000-0000-0000-0000000000%02d", "payload": "' . ('A' x 400) . '"}';
foreach my $role ('A', 'B')
{
	my $file = write_shares('ordinals', $role, @bad, map { sprintf $refused, $_ } 1 .. 5);
	like(import_file($role, $file, q{import_shares('ordinals', 'file')}), qr/3020 lines, 3001 taken, 4 refused, 15 not readable/, "$role takes a file in its order");
	is($node{$role}->safe_psql('postgres', q{
			SELECT count(*), min(ordinal), max(ordinal), bool_and(ordinal = CASE WHEN k < 3 THEN k WHEN k < 22 THEN 2 * k - 2 ELSE k + 20 END) FROM (
				SELECT ordinal, row_number() OVER (ORDER BY share_id) - 1 AS k FROM prio_processor.share
				WHERE batch_id = 'ordinals' AND share_id::text !~ '^00000000-0000-0000') AS s}), '3000|0|3019|t', "row k of $role has ordinal k");
}
exchange_files('ordinals');
is(result($pair, $_, 'ordinals'), truth($pair, 'ordinals'), "with ordinals $_ publishes the truth") foreach 'A', 'B';
is(as($node{A}, 'job', q{SELECT string_agg(reason || ': ' || shares, ', ' ORDER BY reason) FROM prio_processor.rejections WHERE batch_id = 'ordinals'}),
	'decryption failed: 1, replayed packet: 4', 'and knows why others were refused');
is( $node{A}->safe_psql('postgres', q{
		SELECT count(*) FROM prio_processor.share AS s JOIN prio_processor.message AS m USING (batch_id, share_id)
		WHERE m.role = 'A' AND m.round = 1 AND s.ordinal % 500 = 7 AND m.payload = prio_verify1(prio_verifier('telemetry', 'ordinals', 8, s.payload, s.ordinal))}), 6,
	'each is checked at its own point');
is($node{A}->safe_psql('postgres', q{SELECT finished_at - first_at < interval '30 seconds' FROM prio_processor.stage_progress WHERE batch_id = 'ordinals' AND stage = 'verify1'}),
	't', 'ordinals do not make it quadratic');

done_testing();
