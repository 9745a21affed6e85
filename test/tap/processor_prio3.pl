# The job with Prio3: bare shares of four circuits, also those that the command prio makes, reports of
# DAP, also those of others' client, and what hostile clients can do to them. Right on both sides, and every row is in the
# total or in one rejection.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B, $clients) = @{$pair}{ 'A', 'B', 'clients' };
my %peer = (A => $B, B => $A);
my @day = map { "2026-03-0${_}T00:00Z" } 1 .. 4;

my $command = $ENV{PRIO_COMMAND} // 'build/cli/prio';
BAIL_OUT("there is no $command: run make cli") unless -x $command;

# A server of this name on both sides, joined, and the same for clients, who need no mapping.
sub new_server
{
	my ($name, $options, %dap) = @_;
	my $verify_key = $dap{verify_key} // sql($clients, q{SELECT encode(prio3_verify_key(), 'hex')});
	my (%own, %private, %public);

	foreach my $role ($dap{task} ? ('A', 'B') : ())
	{
		($private{$role}, $public{$role}) = split /\|/, sql($clients, q{SELECT encode(private_key, 'hex'), encode(public_key, 'hex') FROM dap_keygen()});
		$own{$role} = "$dap{task}, hpke_config_id '" . ($role eq 'A' ? 7 : 8) . qq{', public_key '$public{$role}'};
	}
	foreach my $role ('A', 'B')
	{
		my $server = "FOREIGN DATA WRAPPER prio OPTIONS (role '$role', $options" . ($own{$role} ? ", $own{$role}" : '') . ')';

		sql($clients, "CREATE SERVER \"${name}_$role\" $server");
		sql($pair->{$role}, "CREATE SERVER $name $server; CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (verify_key '$verify_key'"
			. ($private{$role} ? ", private_key '$private{$role}'" : '') . ')');
	}
	foreach my $role ('A', 'B')
	{
		my $key = $dap{task} ? qq{'$public{ $other{$role} }'} : 'NULL';
		sql($pair->{$role}, "CALL prio_processor.join_peer('$name', $key, 'other')");
	}
	return;
}

sub new_prio3_batch
{
	my ($batch, $server, $min_batch_size, $more) = @_;
	as($pair->{$_}, 'job', "CALL prio_processor.create_batch('$batch', '$server', min_batch_size => $min_batch_size" . ($more ? ", $more" : '') . ')')
	  foreach 'A', 'B';
	return;
}

# So many honest clients: $measurement is SQL with the number i of a client.
sub new_reports
{
	my ($batch, $server, $count, $measurement) = @_;
	sql($clients, qq{
		INSERT INTO report (batch, id, measurement, header_a, header_b, share_a, share_b)
		SELECT '$batch', encode(s.nonce, 'hex')::uuid, to_jsonb(m), s.public_share, s.public_share, s.share_a, s.share_b
		FROM generate_series(1, $count) AS i, LATERAL (SELECT $measurement AS m) AS v, LATERAL prio3_shard('${server}_A', m) AS s});
	return;
}

# Brings what there is for each side; what is NULL as a whole is not there.
sub deliver_reports
{
	my ($batch) = @_;

	foreach my $role ('A', 'B')
	{
		my $r = lc $role;
		my $file = $clients->{node}->basedir . '/shares';
		sql($clients, "\\copy (SELECT batch, CASE WHEN kind <> 'no id' THEN id END, header_$r, share_$r FROM report WHERE batch = '$batch'
			AND kind <> 'not at $role' ORDER BY md5(id::text || '$role')) TO '$file'" =~ s/\s+/ /gr);
		as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, header, payload) FROM '$file'");
		unlink $file;
	}
	return;
}

# Published on both sides, with every row in the total or in one rejection.
sub published
{
	my ($batch, $expected, $what) = @_;

	foreach my $role ('A', 'B')
	{
		is(result($pair, $role, $batch), $expected, "$what, says $role");
		is( as($pair->{$role}, 'job', "SELECT coalesce(sum(shares), 0) FROM prio_processor.rejections WHERE batch_id = '$batch'"),
			sql($pair->{$role}, "SELECT count(*) - (SELECT valid FROM prio_processor.result WHERE batch_id = '$batch') FROM prio_processor.share WHERE batch_id = '$batch'"),
			"every row is in the total or in one rejection, says $role");
	}
	return;
}

# What honest clients of these kinds make: how many have each value, the sum, or the sums.
sub histogram_of
{
	my ($batch, $buckets) = @_;
	return sql($clients, qq{SELECT array_agg(count ORDER BY bucket), sum(count) FROM (SELECT bucket, count(r) FROM generate_series(0, $buckets - 1) AS bucket
		LEFT JOIN report AS r ON r.measurement = to_jsonb(bucket) AND r.batch = '$batch' AND r.kind = 'honest' GROUP BY bucket) AS s});
}

sub sum_of
{
	my ($batch) = @_;
	return sql($clients, "SELECT ARRAY[sum(measurement::numeric)], count(*) FROM report WHERE batch = '$batch' AND kind = 'honest'");
}

my $histogram = q{vdaf 'Prio3Histogram', length '8', chunk_length '3'};

small_chunks($pair, 7);
new_server('colours', "$histogram, context '636f6c6f757273'");
new_server('minutes', q{vdaf 'Prio3Sum', max_measurement '1440'});
new_server('vectors', q{vdaf 'Prio3SumVec', length '4', max_measurement '255', chunk_length '6', context '636f6e74657874'});
new_server('bounded', q{vdaf 'Prio3L1BoundSum', length '4', max_value '20'});
my $task = q{dap '18', task_id 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8', time_precision '60', task_configuration '0102'};
new_server('task', $histogram, task => $task);
sql($clients, q{CREATE TABLE report (batch text, id uuid, kind text DEFAULT 'honest', measurement jsonb,
	header_a bytea, header_b bytea, share_a bytea, share_b bytea)});

# ------------------------------------------------------------------ bare shares, and hostile ones

new_prio3_batch('colours', 'colours', 10, 'max_missing => 0.9');
new_prio3_batch('minutes', 'minutes', 10, 'max_missing => 0.9');
new_prio3_batch('vectors', 'vectors', 4, 'max_missing => 0.9');
new_prio3_batch('bounded', 'bounded', 4, 'max_missing => 0.9');
new_reports('colours', 'colours', 60, '(i % 3 * 2)::bigint');
new_reports('minutes', 'minutes', 30, '(i * 17)::bigint');
new_reports('vectors', 'vectors', 12, 'ARRAY[i, 255, 0, i * i]::bigint[]');
new_reports('bounded', 'bounded', 8, 'ARRAY[i, 4, 0, i % 3]::bigint[]');
sql($clients, q{
	WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS k FROM report WHERE batch = 'colours')
	UPDATE report SET kind = (ARRAY['A changed', 'B changed', 'header of A changed', 'header of B changed', 'other blind', 'cut', 'longer', 'too large', 'no header', 'swapped',
		'not at A', 'not at B', 'no id', 'nothing', 'other id', 'proof changed'])[k]
	FROM numbered WHERE numbered.id = report.id AND k <= 16;
	UPDATE report SET share_a = set_byte(share_a, 40, get_byte(share_a, 40) # 1) WHERE kind = 'A changed';
	UPDATE report SET share_b = set_byte(share_b, 3, get_byte(share_b, 3) # 128) WHERE kind = 'B changed';
	-- the own part of each side is not taken from there, so it takes both to be wrong in the peer's
	UPDATE report SET header_a = set_byte(header_a, 33, get_byte(header_a, 33) # 1) WHERE kind = 'header of A changed';
	UPDATE report SET header_b = set_byte(header_b, 1, get_byte(header_b, 1) # 1) WHERE kind = 'header of B changed';
	UPDATE report SET share_b = set_byte(share_b, 40, get_byte(share_b, 40) # 128) WHERE kind = 'other blind';
	UPDATE report SET share_a = substr(share_a, 1, 100), share_b = substr(share_b, 2), header_a = '' WHERE kind = 'cut';
	UPDATE report SET share_a = share_a || '\x00', share_b = share_b || share_b, header_b = header_b || '\x00' WHERE kind = 'longer';
	UPDATE report SET share_a = overlay(share_a PLACING '\xffffffffffffffffffffffffffffffff' FROM 17) WHERE kind = 'too large';
	UPDATE report SET header_a = NULL, header_b = NULL WHERE kind = 'no header';
	UPDATE report SET share_a = share_b, share_b = share_a WHERE kind = 'swapped';
	UPDATE report SET share_a = NULL, share_b = NULL WHERE kind = 'nothing';
	UPDATE report SET id = gen_random_uuid() WHERE kind = 'other id';
	UPDATE report SET share_a = set_byte(share_a, 130, get_byte(share_a, 130) # 1) WHERE kind = 'proof changed';
	-- the same report again, and two reports under one id
	INSERT INTO report SELECT batch, id, 'again', NULL, header_a, header_b, share_a, share_b FROM report WHERE batch = 'colours' AND kind = 'honest' ORDER BY id LIMIT 3;
	INSERT INTO report SELECT r.batch, '00000000-0000-4000-8000-00000000000a', 'two under one id', NULL, header_a, header_b, share_a, share_b
	FROM report AS r WHERE batch = 'colours' AND kind = 'honest' ORDER BY id LIMIT 2});

# Reports that one server accepts and the other refuses: two of each kind. The circuit has to be the one that they were made for.
my $split = slurp_file('test/vectors/prio3_split.json');
sql($clients, qq{
	INSERT INTO report
	SELECT 'vectors', (c->>'nonce')::uuid, 'split ' || (c->'accepts'->>0), NULL, public_share, public_share,
		decode(c->'input_shares'->>0, 'hex'), decode(c->'input_shares'->>1, 'hex')
	FROM jsonb_array_elements('$split') AS c, LATERAL (SELECT decode(c->>'public_share', 'hex') AS public_share) AS p
	WHERE c->>'vdaf' = 'Prio3SumVec'});
is(sql($clients, q{SELECT count(DISTINCT kind) FROM report WHERE kind LIKE 'split%'}), 2, 'there are reports that A alone accepts, and that B alone does');

# A Sum binds no share to its id: a share that comes again under another id counts once, and the smallest id counts.
sql($clients, q{
	INSERT INTO report SELECT batch, gen_random_uuid(), 'copy', NULL, header_a, header_b, share_a, share_b FROM report WHERE batch = 'minutes' ORDER BY id LIMIT 5});
deliver_reports($_) foreach 'colours', 'minutes', 'vectors', 'bounded';

# What the command prio makes of measurements, in files, among lines that somebody has spoiled on the way to A.
my $files = $A->{node}->basedir;
my ($verify_key) = qx{$command prio3-keygen} =~ /"verify_key": "(.*)"/;
new_server('buttons', q{vdaf 'Prio3MultihotCountVec', length '4', max_weight '2', context '627574746f6e73'}, verify_key => $verify_key);
new_prio3_batch('buttons', 'buttons', 10, 'max_missing => 0.9');
append_to_file("$files/buttons", join '', map { sprintf "[%d, %d, 0, %s]\n", $_ % 2, $_ % 3 == 0, $_ == 5 ? 'true' : 'false' } 1 .. 20);
system_or_bail($command, 'prio3-shard', '--vdaf', 'Prio3MultihotCountVec', '--length', '4', '--max-weight', '2', '--context', '627574746f6e73',
	'--input', "$files/buttons", '--output-A', "$files/A", '--output-B', "$files/B");
my @lines = split /\n/, slurp_file("$files/A/buttons");
$lines[0] =~ s/"header": "[^"]*"/"header": "not base64"/;
$lines[1] =~ s/"header": "[^"]*"/"header": [1]/;
$lines[2] =~ s/"header": "[^"]*"/'"header": "' . 'A' x 400_000 . '"'/e;
$lines[3] =~ s/"header": "[^"]*", //;
$lines[4] =~ s/"header": "..../"header": "AAAA/;    # its own part, which is not taken from there
$lines[5] =~ s/"header": "[^"]*"/"header": "\\ud800"/;
unlink "$files/A/buttons";
append_to_file("$files/A/buttons", join "\n", @lines, '{"header": ' . '[' x 5000);
foreach my $role ('A', 'B')
{
	my ($code, $out, $err) = $pair->{$role}{node}->psql($pair->{$role}{database},
		"\\lo_import $files/$role/buttons\n\\set file :LASTOID\nCALL prio_processor.import_shares('buttons', :file);\n\\lo_unlink :file\n",
		extra_params => [ '-U', 'job', '-q' ]);
	like($err, $role eq 'A' ? qr/21 lines, 18 taken, 0 refused, 3 not readable/ : qr/20 lines, 20 taken, 0 refused, 0 not readable/, "files of the command are imported by $role");
	is(sql($pair->{$role}, q{SELECT count(*), count(prio3_verify_init('buttons', uuid_send(share_id), header, payload)) FROM prio_processor.share WHERE batch_id = 'buttons'}),
		$role eq 'A' ? '18|15' : '20|20', "whose shares open also in plain SQL, says $role");
}

close_both($pair, 'colours', 'minutes', 'vectors', 'bounded', 'buttons');
ok(finish($pair, 'colours', 'minutes', 'vectors', 'bounded', 'buttons'), 'five batches of Prio3 are finished');
published('buttons', '{8,4,0,1}|15', 'what the command made');
is(report($pair, 'A', 'buttons'), 'close/malformed packet: 2, close/wrong length: 1', 'what fell out of it at A');
is(report($pair, 'B', 'buttons'), 'agree/the other server does not have it: 5', 'and at B');
published('colours', histogram_of('colours', 8), 'a histogram with hostile reports');
published('minutes', sum_of('minutes'), 'a sum, with copies of shares');
published($_, sql($clients, qq{SELECT array_agg(sum ORDER BY k), max(count) FROM (SELECT k, sum(v::numeric), count(*) FROM report,
	jsonb_array_elements_text(measurement) WITH ORDINALITY AS e (v, k) WHERE batch = '$_' GROUP BY k) AS s}), $_ eq 'vectors' ? 'vectors, with reports that one server accepts' : 'vectors of a bounded sum')
  foreach 'vectors', 'bounded';
is(report($pair, 'A', 'colours'), 'close/element out of range: 1, close/malformed packet: 3, close/wrong length: 3, '
	. 'list/several packets under one id: 2, list/the same packet again under its id: 3, agree/the other server does not have it: 1, aggregate/the proof does not hold: 7', 'what fell out at A');
is(report($pair, 'B', 'colours'), 'close/malformed packet: 3, close/wrong length: 3, list/several packets under one id: 2, '
	. 'list/the same packet again under its id: 3, agree/the other server does not have it: 2, aggregate/the proof does not hold: 7', 'what fell out at B');
is(report($pair, $_, 'minutes'), 'agree/copy of a packet: 5', "five copies, says $_") foreach 'A', 'B';
is(report($pair, $_, 'vectors'), 'round 2/the other server refused it: 1, aggregate/the proof does not hold: 1', "each server refuses one that the other accepts, says $_")
  foreach 'A', 'B';

# ------------------------------------------------------------------ replays

# Shares of the day before under new ids; and old ids with new shares, since a nonce is used once.
new_prio3_batch('replays', 'minutes', 5, 'max_missing => 0.9');
new_reports('replays', 'minutes', 10, '(i * 3)::bigint');
sql($clients, q{
	INSERT INTO report SELECT 'replays', gen_random_uuid(), 'replay', NULL, header_a, header_b, share_a, share_b FROM report WHERE batch = 'minutes' AND kind = 'honest' ORDER BY id LIMIT 4;
	INSERT INTO report SELECT 'replays', m.id, 'old nonce', NULL, s.public_share, s.public_share, s.share_a, s.share_b
	FROM (SELECT id FROM report WHERE batch = 'minutes' AND kind = 'honest' ORDER BY id DESC LIMIT 3) AS m, LATERAL prio3_shard('minutes_A', 3::bigint, uuid_send(m.id)) AS s});
as($_, 'job', q{CALL prio_processor.drop_batch('minutes')}) foreach $A, $B;
deliver_reports('replays');
close_both($pair, 'replays');
ok(finish($pair, 'replays'), 'a batch with replays is finished');
published('replays', sum_of('replays'), 'shares and nonces of another batch do not count');
is(report($pair, $_, 'replays'), 'agree/replayed packet: 7', "and are replays, says $_") foreach 'A', 'B';

# ------------------------------------------------------------------ DAP

# So many reports of DAP with this time.
sub new_dap_reports
{
	my ($batch, $kind, $count, $time) = @_;
	sql($clients, qq{
		INSERT INTO report SELECT '$batch', s.report_id, '$kind', to_jsonb(i % 8), s.header, s.header, s.share_a, s.share_b
		FROM generate_series(1, $count) AS i, LATERAL dap_split('task_A', dap_report('task_A', 'task_B', (i % 8)::bigint, '$time')) AS s});
	return;
}
sub window { return "report_times => tstzrange('$day[ $_[0] ]', '$day[ $_[0] + 1 ]')" }

new_prio3_batch('first day', 'task', 10, window(0) . ', max_missing => 0.9');
new_dap_reports('first day', 'honest', 40, '2026-03-01T15:00Z');
new_dap_reports('first day', 'day before', 2, '2026-02-28T23:59Z');
new_dap_reports('first day', 'day after', 3, $day[1]);
sql($clients, q{
	WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS k FROM report WHERE batch = 'first day' AND kind = 'honest')
	UPDATE report SET kind = (ARRAY['A changed', 'B changed', 'header changed', 'other id', 'garbage', 'no header', 'swapped', 'public share changed'])[k]
	FROM numbered WHERE numbered.id = report.id AND k <= 8;
	UPDATE report SET share_a = set_byte(share_a, 60, get_byte(share_a, 60) # 1) WHERE batch = 'first day' AND kind = 'A changed';
	UPDATE report SET share_b = set_byte(share_b, 60, get_byte(share_b, 60) # 1) WHERE batch = 'first day' AND kind = 'B changed';
	-- one minute later, which is in the additional data
	UPDATE report SET header_a = set_byte(header_a, 23, get_byte(header_a, 23) # 1), header_b = set_byte(header_b, 23, get_byte(header_b, 23) # 1) WHERE kind = 'header changed';
	UPDATE report SET id = gen_random_uuid() WHERE batch = 'first day' AND kind = 'other id';
	UPDATE report SET share_a = sha256(share_a), header_b = sha256(header_b) WHERE kind = 'garbage';
	UPDATE report SET header_a = NULL WHERE batch = 'first day' AND kind = 'no header';
	UPDATE report SET share_a = share_b, share_b = share_a WHERE batch = 'first day' AND kind = 'swapped';
	UPDATE report SET header_a = set_byte(header_a, 50, get_byte(header_a, 50) # 1) WHERE kind = 'public share changed';
	INSERT INTO report SELECT batch, id, 'again', NULL, header_a, header_b, share_a, share_b FROM report WHERE batch = 'first day' AND kind = 'honest' ORDER BY id LIMIT 2});
deliver_reports('first day');
# the report of a day comes again on the next
new_prio3_batch('second day', 'task', 5, window(1) . ', max_missing => 0.9');
new_dap_reports('second day', 'honest', 10, '2026-03-02T23:59:59Z');
sql($clients, q{INSERT INTO report SELECT 'second day', id, 'replay', NULL, header_a, header_b, share_a, share_b FROM report WHERE batch = 'first day' AND kind = 'honest' LIMIT 4});
deliver_reports('second day');
close_both($pair, 'first day', 'second day');
ok(finish($pair, 'first day', 'second day'), 'batches of DAP are finished');
published($_, histogram_of($_, 8), "$_: reports of its time, and no others") foreach 'first day', 'second day';
is(report($pair, 'A', 'first day'), 'close/decryption failed: 3, close/malformed packet: 2, close/report time is outside report_times: 5, '
	. 'close/sealed to an unknown key: 1, close/share_id is not the report id: 1, list/the same packet again under its id: 2, agree/the other server does not have it: 1', 'what fell out of the first day at A');
is(report($pair, 'B', 'first day'), 'close/decryption failed: 2, close/malformed packet: 1, close/report time is outside report_times: 5, '
	. 'close/sealed to an unknown key: 1, close/share_id is not the report id: 1, list/the same packet again under its id: 2, agree/the other server does not have it: 3', 'what fell out of the first day at B');
is(report($pair, $_, 'second day'), 'close/report time is outside report_times: 4', "reports of the day before are not in the second, says $_") foreach 'A', 'B';
is(sql($A, 'SELECT count(*) FROM prio_internal.memory AS m JOIN prio_processor.batch AS b USING (number) WHERE b.server = \'task\''), 0, 'DAP needs no memory');

# ------------------------------------------------------------------ DAP 09, and the client of others

# Both servers of a task have one key pair there, which the job does not take. So it is the one before of B.
my @vectors = map { decode_json(slurp_file($_)) } glob 'test/vectors/dap09/*.json';
my @names = map { $_->{vdaf} } @vectors;
my ($private_b, $public_b) = split /\|/, sql($clients, q{SELECT encode(private_key, 'hex'), encode(public_key, 'hex') FROM dap_keygen()});

foreach my $task (@vectors)
{
	my $name = $task->{vdaf};
	my $options = join ', ', map { "$_ '$task->{parameters}{$_}'" } sort keys %{ $task->{parameters} };
	my $reports = join ',', map { "'\\x$_'" } @{ $task->{reports} };
	my %public = (
		A => "public_key '$task->{public_key}', hpke_config_id '$task->{hpke_config_id}{leader}'",
		B => "public_key '$public_b', hpke_config_id '0', previous_public_key '$task->{public_key}', previous_hpke_config_id '$task->{hpke_config_id}{helper}'");
	my %private = (
		A => "private_key '$task->{private_key}'",
		B => "private_key '$private_b', previous_private_key '$task->{private_key}'");

	$options .= ', ' if $options ne '';
	foreach my $role ('A', 'B')
	{
		my $server = qq{SERVER "$name" FOREIGN DATA WRAPPER prio OPTIONS (role '$role', vdaf '$name', ${options}dap '$task->{dap}', task_id '$task->{task_id}',
			time_precision '$task->{time_precision}', $public{$role})};
		sql($clients, "CREATE $server") if $role eq 'A';
		sql($pair->{$role}, qq{CREATE $server; CREATE USER MAPPING FOR PUBLIC SERVER "$name"
			OPTIONS ($private{$role}, verify_key '000102030405060708090a0b0c0d0e0f')});
	}
	sql($A, "CALL prio_processor.join_peer('$name', '$public_b', 'other')");
	sql($B, "CALL prio_processor.join_peer('$name', '$task->{public_key}', 'other')");
	new_prio3_batch($name, $name, 6, q{report_times => '[2026-11-25T00:00Z,2026-11-26T00:00Z)'});
	sql($clients, qq{
		INSERT INTO report SELECT '$name', s.report_id, 'honest', NULL, s.header, s.header, s.share_a, s.share_b
		FROM unnest(ARRAY[$reports]::bytea[]) AS report, dap_split('$name', report) AS s});
	deliver_reports($name);
}
close_both($pair, @names);
ok(finish($pair, @names), 'batches of @divviup/dap are finished');

# A series gives its batches their windows.
as($A, 'job', "CALL prio_processor.create_series('daily {YYYY-MM-DD}', '1 day', '$names[0]', min_batch_size => 6, starts_at => '2026-12-01Z', ahead => '7 days')");
sql($A, q{UPDATE prio_processor.series SET ahead = interval '2 days' + (timestamptz '2026-12-01Z' - now())});
run($pair, 'A');
is(as($A, 'job', q{SELECT string_agg(report_times::text, ', ' ORDER BY report_times) FROM (SELECT report_times FROM prio_processor.batch WHERE series IS NOT NULL ORDER BY number LIMIT 2) AS b}),
	'["2026-12-01 00:00:00+00","2026-12-02 00:00:00+00"), ["2026-12-02 00:00:00+00","2026-12-03 00:00:00+00")', 'batches of a series have windows of report times, one after the other');

published($_->{vdaf}, '{' . join(',', @{ $_->{result} }) . '}|' . @{ $_->{reports} }, "$_->{vdaf} of \@divviup/dap") foreach @vectors;

# ------------------------------------------------------------------ files

# What one side exports is what the other imports, line by line.
sub carry
{
	my ($batch, $query, $import) = @_;
	my %lines = map { $_ => [ split /\n/, as($pair->{$_}, 'job', $query) ] } 'A', 'B';

	as($peer{$_}, 'job', join ';', map { sprintf $import, $_ } @{ $lines{$_} }) foreach 'A', 'B';
	return;
}

new_prio3_batch('files', 'minutes', 5, 'checkpoints => false, max_missing => 0.9');
new_reports('files', 'minutes', 8, '(i * 11)::bigint');
sql($clients, q{UPDATE report SET kind = 'changed', share_a = set_byte(share_a, 9, get_byte(share_a, 9) # 1) WHERE id = (SELECT id FROM report WHERE batch = 'files' LIMIT 1)});
foreach my $role ('A', 'B')
{
	my $r = lc $role;
	my $lines = sql($clients, qq{SELECT json_build_object('id', id, 'header', encode(header_$r, 'base64'), 'payload', translate(encode(share_$r, 'base64'), chr(10), ''))
		FROM report WHERE batch = 'files'});
	as($pair->{$role}, 'job', join ';', map { "SELECT prio_processor.import_share('files', '$_')" } split /\n/, $lines);
}
close_both($pair, 'files');
as($_, 'job', q{CALL prio_processor.partner_is_closed('files')}) foreach $A, $B;
run($pair);
foreach my $round (1, 2)
{
	carry('files', "SELECT prio_processor.export_messages('files', $round)", "SELECT prio_processor.import_message('files', $round, '%s')");
	as($_, 'job', "CALL prio_processor.finish_import('files', $round)") foreach $A, $B;
	run($pair);
}
carry('files', q{SELECT prio_processor.export_total('files')}, q{CALL prio_processor.import_total('files', '%s')});
run($pair);
published('files', sum_of('files'), 'shares and messages in files');

# ------------------------------------------------------------------ what create_batch() refuses

my $create = 'CALL prio_processor.create_batch';
foreach my $case (
	[ q{('x', 'colours', 8, 5)}, qr/a batch of Prio3 has no n_data and no bits.*HINT:  Leave them out: server "colours" says what a share is/s ],
	[ q{('x', 'colours', bits => 1, min_batch_size => 5)}, qr/a batch of Prio3 has no n_data and no bits/ ],
	[ q{('x', 'colours', min_batch_size => 5, ordinals => true)}, qr/has no ordinals/ ],
	[ q{('x', 'colours', min_batch_size => 5, packet_batch_id => 'y')}, qr/have no name in them/ ],
	[ q{('x', 'colours', min_batch_size => 5, } . window(2) . ')', qr/bare shares of Prio3 have no report time/ ],
	[ q{('x', 'task', min_batch_size => 5)}, qr/report_times has to be given/ ],
	[ q{('x', 'task', min_batch_size => 5, report_times => 'empty')}, qr/report_times has to be given/ ],
	[ q{('x', 'task', min_batch_size => 5, report_times => '[2026-03-02T12:00Z,2026-03-05Z)')}, qr/report_times overlap with those of batch "second day"/ ],
	[ q{('x', 'telemetry', 8, 5, } . window(2) . ')', qr/shares of Prio v1 have no report time/ ])
{
	my ($call, $error) = @{$case};
	like(error_as($A, 'job', "$create$call"), $error, "refused: $call");
}
# Two servers of one task, and two sessions at once: neither has seen the other's batch.
new_server('twin', $histogram, task => $task);
my $first = session($A, 'job');
$first->query("BEGIN; $create('twin', 'twin', min_batch_size => 5, " . window(2) . ')');
like(error_as($A, 'job', "$create('x', 'task', min_batch_size => 5, " . window(2) . ')'), qr/canceling statement due to lock timeout/, 'a window that somebody is taking is not taken');
$first->query('COMMIT');
$first->quit;
like(error_as($A, 'job', "$create('x', 'task', min_batch_size => 5, " . window(2) . ')'), qr/report_times overlap with those of batch "twin"/, 'nor one that another server of the task has');
# The task counts, however its id is spelled, and whatever became of the server that had the other batch.
sql($A, q{ALTER SERVER twin OPTIONS (SET task_id 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9')});
like(error_as($A, 'job', "$create('x', 'twin', min_batch_size => 5, " . window(1) . ')'), qr/report_times overlap with those of batch "second day"/, 'in other letters a task is the same');
sql($A, 'ALTER SERVER twin RENAME TO moved');
like(error_as($A, 'job', "$create('x', 'task', min_batch_size => 5, " . window(2) . ')'), qr/report_times overlap with those of batch "twin"/, 'and so are reports of a server that is gone');
sql($A, 'ALTER SERVER moved RENAME TO twin');
as($A, 'job', q{CALL prio_processor.give_up_batch('twin'); CALL prio_processor.drop_batch('twin')});
sql($_, q{CALL prio_processor.leave_peer('twin')}) foreach $A, $B;

like(error_as($A, 'postgres', "CALL prio_processor.join_peer('colours', repeat('00', 32), 'other')"), qr/shares of server "colours" are not sealed/, 'bare shares have no key to seal to');
like(error_as($A, 'postgres', "CALL prio_processor.join_peer('task', NULL, 'other')"), qr/invalid public key of the other server/, 'reports of DAP have one');

# ------------------------------------------------------------------ settings that differ

# Until the list is out a server may be mended; the size of its chunks follows.
new_server('long', q{vdaf 'Prio3Histogram', length '10000', chunk_length '33'});
sql($_, q{CREATE OR REPLACE FUNCTION prio_internal.chunk_shares(server name, n_data int) RETURNS int LANGUAGE sql STABLE
	RETURN CASE prio_internal.server_option(server, 'chunk_length') WHEN '79' THEN 5 ELSE 7 END}) foreach $A, $B;
new_prio3_batch('mended', 'long', 5);
sql($A, q{ALTER SERVER long OPTIONS (SET chunk_length '79')});
as($A, 'job', q{CALL prio_processor.close_batch('mended')});
isnt(sql($A, q{SELECT chunk_shares FROM prio_processor.batch WHERE batch_id = 'mended'}), sql($B, q{SELECT chunk_shares FROM prio_processor.batch WHERE batch_id = 'mended'}),
	'a close fixes the size of chunks by what the server is then');
sql($A, q{ALTER SERVER long OPTIONS (SET chunk_length '33')});
run($pair, 'A');
as($A, 'job', q{CALL prio_processor.retry_batch('mended')});
is(sql($A, q{SELECT chunk_shares FROM prio_processor.batch WHERE batch_id = 'mended'}), sql($B, q{SELECT chunk_shares FROM prio_processor.batch WHERE batch_id = 'mended'}),
	'and so does another try');
as($_, 'job', q{CALL prio_processor.give_up_batch('mended'); CALL prio_processor.drop_batch('mended')}) foreach $A, $B;

new_prio3_batch('differs', 'colours', 5);
sql($B, q{ALTER SERVER colours OPTIONS (SET chunk_length '4')});
close_both($pair, 'differs');
ok(reaches($pair, sub { stage_of($pair, 'A', 'differs') eq 'failed' }), 'a batch fails when the VDAF is another there');
like(state_of($pair, 'A', 'differs'), qr/the two servers do not agree on vdaf \(Prio3Histogram, length 8, chunk_length 3, draft 18 here, Prio3Histogram, length 8, chunk_length 4, draft 18 there\)/,
	'and says which');

done_testing();
