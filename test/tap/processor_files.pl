# Messages that travel as files of JSON lines: between two databases, whose lines are those of the
# command-line tools, whatever bytes a file has.
use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $cases = 'test/cases';
my $files = $A->{node}->basedir;

# A file into a batch, as an operator does it with psql. $call is a procedure with :file in it.
sub import_file
{
	my ($side, $file, $call) = @_;
	my ($code, $out, $err) = $side->{node}->psql($side->{database}, "\\lo_import $file\n\\set file :LASTOID\nCALL prio_processor.$call;\n\\lo_unlink :file\n",
		extra_params => [ '-U', 'job', '-q' ]);
	return $err;
}

sub shares
{
	my ($batch) = @_;
	return sql($A, "SELECT string_agg(ordinal || ':' || right(share_id::text, 2) || ':' || convert_from(payload, 'UTF8'), ' ' ORDER BY ordinal) FROM prio_processor.share WHERE batch_id = '$batch'");
}

sub new_file_batch
{
	my ($batch, $n_data, $min, $more, @roles) = @_;
	new_batch($pair, $batch, $n_data, $min, 'checkpoints => false' . ($more ? ", $more" : ''), @roles);
	return;
}

# ------------------------------------------------------------------ any bytes

my %expected = (
	lines_end_of_copy => [ 7, 6, 1, '0:01:share 001 1:02:share 002 3:03:share 003 4:04:share 004 5:05:share 005 6:06:share 006' ],
	lines_mixed_endings => [ 4, 4, 0, '0:01:share 001 1:02:share 002 2:03:share 003 3:04:share 004' ],
	members => [ 5, 5, 0, '0:01:share 1 1:02:share 2 2:03:share 3 3:04:share 4 4:05:share 5' ],
	ids_in_capitals => [ 3, 3, 0, '0:a1:share 161 1:a2:share 162 2:a3:share 163' ]);
$expected{$_} = $expected{lines_end_of_copy} foreach 'lines_nul', 'lines_not_utf8', 'lines_cr_inside';
as($A, 'job', join ";\n", map { "CALL prio_processor.create_batch('$_', 'telemetry', 4, 3, checkpoints => false, ordinals => true)" } sort(keys %expected), 'huge', 'random');
foreach my $case (sort keys %expected)
{
	my ($lines, $taken, $unreadable, $shares) = @{ $expected{$case} };

	like(import_file($A, "$cases/$case.ndjson", "import_shares('$case', :file)"),
		qr/NOTICE:  batch "$case": $lines lines, $taken taken, 0 refused, $unreadable not readable/, "13. files: $case: what is said");
	is(shares($case), $shares, "13. files: $case: line k is line k");
	is(stage_of($pair, 'A', $case), 'open', '13. and a file with bad lines closes no batch');
}

# Bounded before it is converted.
system_or_bail("$cases/huge_number_id.sh > $files/huge");
{
	my $session = session($A, 'job');
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query("\\lo_import $files/huge\n\\set file :LASTOID\nCALL prio_processor.import_shares('huge', :file);\n\\lo_unlink :file\n");
	my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /VmHWM:\s+(\d+) kB/;
	like($session->{stderr}, qr/1 lines, 0 taken, 0 refused, 1 not readable/, '5. memory: a line with an id of numbers is not readable');
	cmp_ok($kilobytes, '<', 200_000, '5. memory: in memory proportional to it');

	# the same as a number of the other server's, and as one in a total
	$session->{stderr} = '';
	$session->query(q{CALL prio_processor.import_total('huge', '{"payload": "AA==", "error": [' || repeat('1e131071,', 8000) || '1], "total": 1}')});
	like($session->{stderr}, qr/the line is not the total share of a server/, '5. nor is such a total');
	($kilobytes) = slurp_file("/proc/$pid/status") =~ /VmHWM:\s+(\d+) kB/;
	cmp_ok($kilobytes, '<', 200_000, '5. without more memory');
	$session->quit;

	# the same as a share of a client's
	$session = session($A, 'collector');
	$pid = $session->query('SELECT pg_backend_pid()');
	foreach my $hostile (q{[' || repeat('1e131071,', 8000) || '1]}, q{"' || repeat('\\u0000', 10000) || '"}, q{' || repeat('{"id":', 1000) || '1' || repeat('}', 1000) || '})
	{
		foreach my $share ("{\"id\": $hostile, \"payload\": \"AA==\"}", "{\"id\": \"00000000-0000-4000-8000-000000000001\", \"payload\": $hostile}")
		{
			$session->{stderr} = '';
			$session->query("SELECT prio_processor.import_share('huge', share => ('$share')::json)");
			like($session->{stderr}, qr/this is no share for batch|the share is longer than any/, '5. nor is such a share');
		}
	}
	$session->{stderr} = '';
	$session->query(q{SELECT prio_processor.import_share('huge', share => ('{"id": "00000000-0000-4000-8000-000000000001", "payload": "' || repeat('A', 10000000) || '"}')::json)});
	like($session->{stderr}, qr/the share is longer than any of batch "huge"/, '5. nor one that is too long');
	($kilobytes) = slurp_file("/proc/$pid/status") =~ /VmHWM:\s+(\d+) kB/;
	cmp_ok($kilobytes, '<', 200_000, '5. memory: in memory proportional to it');
	$session->quit;
}

# Nesting without end, a file of noise, an empty one, and one without a newline.
sub spew { my ($name, $content) = @_; return write_file("$files/$name", $content); }
srand 12;
like(import_file($A, spew('deep', ('[' x 100_000) . "\n" . '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AA=="}'), "import_shares('random', :file)"),
	qr/2 lines, 1 taken, 0 refused, 1 not readable/, '13. a line nested without end');
like(import_file($A, spew('noise', join '', map { chr int rand 256 } 1 .. 20_000), "import_shares('random', :file)"), qr/ 0 taken, 0 refused/, '13. a file of noise');
like(import_file($A, spew('empty', ''), "import_shares('random', :file)"), qr/0 lines, 0 taken/, '13. an empty file');
like(import_file($A, spew('bom', "\xef\xbb\xbf" . '{"id": "00000000-0000-4000-8000-000000000002", "payload": "AA=="}' . "\n\n"), "import_shares('random', :file)"),
	qr/2 lines, \d taken/, '13. a byte order mark');
like(import_file($A, '/dev/null', "import_shares('no such batch', :file)"), qr/batch "no such batch" does not exist/, '13. a batch that does not exist');
like(error_as($A, 'job', 'CALL prio_processor.import_shares(\'random\', 1)'), qr/large object 1 does not exist/, '13. a file that does not exist');
like(error_as($A, 'job', "SELECT prio_processor.import_share('random', '{}', $_)"), qr/ordinal must be between 0 and 1000000000/, "13. an ordinal of $_")
  foreach '-1', '9223372036854775807', 'NULL';

# ------------------------------------------------------------------ a batch by files

# A partner that runs the command: it gives ordinals to what it reads. Two hundred clients, of which one is in
# a line that nobody can read, one sends a packet for another batch, and one a bad packet to A alone.
my $n = 40;
new_file_batch('daily', 6, 5, 'ordinals => true', 'A', 'B');
new_clients($pair, 'daily', $n, 6);
new_clients($pair, 'daily', 1, 6, undef, 'other');
sql($pair->{clients}, q{UPDATE client SET kind = 'other' WHERE ctid = (SELECT max(ctid) FROM client);
	UPDATE client SET kind = 'bad at A', share_a = sha256(share_a) WHERE id = (SELECT id FROM client WHERE batch = 'daily' AND kind = 'honest' ORDER BY id LIMIT 1 OFFSET 7);
	UPDATE client SET kind = 'not at A', share_a = NULL WHERE id = (SELECT id FROM client WHERE batch = 'daily' AND kind = 'honest' ORDER BY id LIMIT 1 OFFSET 12)});
foreach my $role ('A', 'B')
{
	my $lines = sql($pair->{clients}, qq{SELECT CASE WHEN share_$role IS NULL THEN 'junk' ELSE json_build_object('id', upper(id::text), 'payload', translate(encode(share_$role, 'base64'), chr(10), ''))::text END
		FROM client WHERE batch = 'daily' ORDER BY id});
	like(import_file($pair->{$role}, spew("shares_$role", "$lines\n"), "import_shares('daily', :file)"), qr/41 lines, 4[01] taken/, "shares of $role are imported");
}
like(error_as($A, 'job', q{CALL prio_processor.import_messages('daily', 1, 1)}), qr/does not take messages yet|large object/, 'messages before the close are refused');
close_both($pair, 'daily');
run($pair);
is(state_of($pair, 'A', 'daily') =~ s/\|.*//r, 'round 1', '2. closed and agreed');
like(error_as($A, 'job', q{SELECT prio_processor.export_messages('daily', 1)}), qr/round 1 of batch "daily" is not finished.*partner_is_closed\(\)/s,
	'2. nothing is said before somebody vouches that the partner is closed');
is(sql($A, 'SELECT count(*) FROM prio_internal.message'), 0, '2. nor is there anything to be said');
as($_, 'job', q{CALL prio_processor.partner_is_closed('daily')}) foreach $A, $B;
run($pair);

my %said;
sub export_round
{
	my ($role, $round) = @_;
	$said{"$role$round"} = as($pair->{$role}, 'job', "SELECT prio_processor.export_messages('daily', $round)") . "\n";
	return scalar(() = $said{"$role$round"} =~ /\n/g);
}
is(export_round('A', 1), 40, '14. a line a share that A has read, also for those that it skips');
is(export_round('B', 1), 41, 'and so for B');
is_deeply([ map { /"id" ?: ?"([^"]+)"/ } split /\n/, $said{B1} ], [ split /\n/, sql($pair->{clients}, q{SELECT upper(id::text) FROM client WHERE batch = 'daily' ORDER BY id}) ],
	'13. ids come back as they went, in the order of the file');
is(scalar(grep { length(decode_base64((/"payload" ?: ?"([^"]+)"/)[0])) > 10 } split /\n/, $said{A1}), 40, '14. a decoy looks like a message');
is(import_file($pair->{ $other{$_} }, spew("round1_$_", $said{"${_}1"}), "import_messages('daily', 1, :file)") =~ /(\d+ lines, \d+ taken, \d+ refused)/ && $1, ($_ eq 'A' ? 40 : 41) . ' lines, ' . ($_ eq 'A' ? 40 : 41) . ' taken, 0 refused', "round 1 of $_ is imported")
  foreach 'A', 'B';
like(import_file($A, "$files/round1_B", "import_messages('daily', 1, :file)"), qr/round 1 of batch "daily" is over: these messages are ignored/, '13. messages after their round are said to be ignored');
like(error_as($A, 'job', q{SELECT prio_processor.import_message('daily', 3, '{}')}), qr/there is no round 3/, 'there are two rounds');
run($pair);
export_round($_, 2) foreach 'A', 'B';
import_file($pair->{ $other{$_} }, spew("round2_$_", $said{"${_}2"}), "import_messages('daily', 2, :file)") foreach 'A', 'B';
run($pair);
my %total = map { $_ => as($pair->{$_}, 'job', "SELECT prio_processor.export_total('daily')") } 'A', 'B';
like(error_as($A, 'job', "CALL prio_processor.import_total('daily', '$_')"), qr/the line is not the total share of a server/, "13. no total: " . substr($_, 0, 40))
  foreach $total{B} =~ s/"error" ?: ?\d+/"error": -1/r, $total{B} =~ s/"total" ?: ?\d+/"total": 0/r, '{}', 'junk', '[1]', '{"payload": 1, "error": 0, "total": 40}', $total{A};
as($A, 'job', "CALL prio_processor.import_total('daily', '$total{B}')");
as($B, 'job', "CALL prio_processor.import_total('daily', '$total{A}')");
run($pair);
is(result($pair, $_, 'daily'), truth($pair, 'daily'), "14. one bad row costs one client and none behind it, says $_") foreach 'A', 'B';
as($A, 'job', q{CALL prio_processor.drop_batch('daily')});
like(error_as($A, 'job', q{SELECT prio_processor.export_messages('daily', 1)}), qr/has been dropped, with its messages/, 'a dropped batch has no messages');

# A server that is asked, and files, do not mix.
new_batch($pair, 'asked', 6, 5);
like(error_as($A, 'job', $_), qr/messages of batch "asked" do not travel as files/, "files are for batches that travel so: $_")
  foreach q{SELECT prio_processor.export_messages('asked', 1)}, q{SELECT prio_processor.export_total('asked')}, q{CALL prio_processor.partner_is_closed('asked')},
  q{CALL prio_processor.finish_import('asked', 1)}, q{CALL prio_processor.import_total('asked', '{}')};

# ------------------------------------------------------------------ nothing stays in a session

is( as($A, 'job', q{CALL prio_processor.import_shares('random', lo_from_bytea(0, '{"id": 1}'));
	SELECT (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)) + (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors)
		+ (SELECT count(*) FROM pg_listening_channels()), current_setting('search_path'), current_setting('lock_timeout')}),
	'0|"$user", public|0', '13. nothing stays in a session of a pool');

done_testing();
