# Shares that stay in the files in which they came: right totals from them, with little written; files
# that change or vanish, that are none or are hostile; who may name one. At night also killed servers, a
# dump, and a million rows.
use strict;
use warnings;

use Fcntl qw(SEEK_SET);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B, $clients) = @{$pair}{ 'A', 'B', 'clients' };
my $node = $A->{node};
my $folder = $node->basedir;
small_chunks($pair, 10);
$node->safe_psql('postgres', q{CREATE ROLE carrier LOGIN IN ROLE prio_operator, pg_read_server_files});

# What a query of the clients' database gives, as a file in the binary format of COPY. Returns its path.
sub copied_file
{
	my ($name, $query) = @_;
	sql($clients, "COPY ($query) TO '$folder/$name' (FORMAT binary)");
	return "$folder/$name";
}

sub shares_of
{
	my ($role, $batch) = @_;
	return copied_file("${batch}_$role", "SELECT id, share_$role FROM client WHERE batch = '$batch' ORDER BY id");
}

sub import_call { my ($batch, $path) = @_; return "CALL prio_processor.import_file('$batch', '$path')"; }
sub error_of { my ($role, $batch) = @_; return as($pair->{$role}, 'job', "SELECT error FROM prio_processor.batch WHERE batch_id = '$batch'"); }

# Bytes in the place of those of a file.
sub change_file
{
	my ($path, $offset, $bytes) = @_;
	open my $file, '+<:raw', $path or die "$path: $!";
	seek $file, $offset, SEEK_SET;
	print $file $bytes;
	close $file;
	return;
}

# ------------------------------------------------------------------ files that change or vanish

# Two files a side, rows that came in another way, a share that A cannot open, and one whose proof does not hold:
# that one A opens again, to take it away from its total.
new_batch($pair, 'kept', 8, 3, 'max_missing => 0.5');
new_clients($pair, 'kept', 30, 8);
lying_client($pair, 'kept', 0 .. 7);
# clients by their third: in the first file, in the second, in none
sql($clients, q{
	UPDATE client SET id = encode(set_byte(uuid_send(id), 15, (n % 3)::int), 'hex')::uuid
	FROM (SELECT ctid AS place, row_number() OVER (ORDER BY kind DESC, id) AS n FROM client) AS c WHERE client.ctid = place});
sql($clients, q{UPDATE client SET kind = 'bad at A', share_a = sha256(share_a) WHERE id = (SELECT id FROM client WHERE kind = 'honest' ORDER BY id LIMIT 1 OFFSET 5)});
my %file;
foreach my $role ('A', 'B')
{
	foreach my $third (0, 1)
	{
		my $path = $file{"$role$third"} = copied_file("kept_$role$third", "SELECT id, share_$role FROM client WHERE get_byte(uuid_send(id), 15) = $third ORDER BY id");
		my ($code, $out, $err) = $node->psql($pair->{$role}{database}, import_call('kept', $path), extra_params => [ '-U', 'carrier' ]);
		like($err, qr/NOTICE:  batch "kept": 1\d shares, which stay in their file/, 'a file is taken note of');
	}
}
deliver($pair, 'kept', 'get_byte(uuid_send(id), 15) = 2');
is(sql($A, q{SELECT count(file) > 0, count(payload) > 0, count(*) FILTER (WHERE (file IS NULL) = (payload IS NULL)) FROM prio_processor.share WHERE batch_id = 'kept'}),
	't|t|0', 'shares are in the table or in a file');

# Beside it, reports of Prio3, which have a header. Rows with NULLs, and what is too long, are shares that are refused.
{
	my $verify_key = sql($clients, q{SELECT encode(prio3_verify_key(), 'hex')});
	my $server = q{FOREIGN DATA WRAPPER prio OPTIONS (vdaf 'Prio3Histogram', length '4', };
	sql($clients, "CREATE SERVER buttons ${server}role 'A')");
	sql($pair->{$_}, "CREATE SERVER buttons ${server}role '$_'); CREATE USER MAPPING FOR PUBLIC SERVER buttons OPTIONS (verify_key '$verify_key');
		CALL prio_processor.join_peer('buttons', NULL, 'other')") foreach 'A', 'B';
	sql($clients, q{CREATE TABLE report AS SELECT encode(s.nonce, 'hex')::uuid AS id, s.public_share, s.share_a, s.share_b
		FROM generate_series(1, 10) AS i, prio3_shard('buttons', i % 4) AS s;
		INSERT INTO report SELECT gen_random_uuid(), CASE i WHEN 3 THEN repeat('x', 2000000)::bytea ELSE public_share END, b, b
		FROM report AS r, LATERAL (VALUES (1, NULL), (2, repeat('x', 3000000)::bytea), (3, r.share_a)) AS v (i, b) WHERE r.id = (SELECT min(id::text) FROM report)::uuid;
		INSERT INTO report SELECT NULL, public_share, share_a, share_b FROM report ORDER BY id LIMIT 1});
	foreach my $role ('A', 'B')
	{
		as($pair->{$role}, 'job', q{CALL prio_processor.create_batch('buttons', 'buttons', min_batch_size => 3, max_missing => 0.5)});
		as($pair->{$role}, 'carrier', import_call('buttons', copied_file("buttons_$role", "SELECT id, public_share, share_$role FROM report ORDER BY id NULLS FIRST")));
	}
}

# Of each kind of change; that of a byte alone changes the time as well.
my $path = $file{A1};
my $content = slurp_file($path);
system_or_bail('cp', '-p', $path, "$path.kept");
my $read = qq{SELECT count(prio_internal.file_bytes(s.file, s.position, s.bytes, 10000)) FROM prio_processor.share AS s JOIN prio_internal.file AS f USING (file) WHERE f.path = '$path'};
my $changed = qr/share file "\Q$path\E" has changed since it was imported/;
my @same_time = ('touch', '-r', "$path.kept", $path);
like(sql($A, $read), qr/^1\d$/, 'a file as it was is read');
system_or_bail('touch', $path);
like(error_as($A, 'postgres', $read), $changed, 'one with another time is not');
change_file($path, -s $path, 'x');
system_or_bail(@same_time);
like(error_as($A, 'postgres', $read), $changed, 'nor one that has grown');
truncate $path, length($content) - 2;
system_or_bail(@same_time);
like(error_as($A, 'postgres', $read), $changed, 'nor one that was cut off');
change_file($path, length($content) - 2, "\377\377");
change_file($path, 43, "\2");
system_or_bail(@same_time);
like(error_as($A, 'postgres', $read), $changed, 'nor one with another length in it');
change_file($path, 300, 'x');

close_both($pair, 'kept', 'buttons');
like(run($pair, 'A'), qr/WARNING:  batch "kept": $changed/, 'run() says that a file has changed');
unlink $path;
like(run($pair, 'A'), qr/WARNING:  batch "kept": could not read share file "\Q$path\E": No such file/, 'or that it is not there');
is(as($A, 'job', q{SELECT batch_id, stage FROM prio_processor.alarm JOIN prio_processor.batch USING (batch_id) WHERE alarm = 'error'}), 'kept|close', 'the batch is in error, and says nothing');
ok(finish($pair, 'buttons'), 'another one goes on');
is(result($pair, $_, 'buttons'), '{2,3,3,2}|10', "and is right, says $_") foreach 'A', 'B';
is(report($pair, 'A', 'buttons'), 'close/malformed packet: 2, close/wrong length: 2', 'and what is refused is, row by row');

# Between the two readings the file goes away again.
rename "$path.kept", $path;
run($pair, 'A');
is(stage_of($pair, 'A', 'kept'), 'round 2', 'with its file the batch is opened');
foreach my $third (0, 1) { rename $file{"A$third"}, $file{"A$third"} . '.kept' }
ok(reaches($pair, sub { return error_of('A', 'kept') ne '' }), 'without it');
like(stage_of($pair, 'A', 'kept') . ': ' . error_of('A', 'kept'), qr/^aggregate: could not read share file/, 'it comes to its total, and has no total without it');
foreach my $third (0, 1) { rename $file{"A$third"} . '.kept', $file{"A$third"} }
ok(finish($pair, 'kept'), 'with it it has');
is(result($pair, $_, 'kept'), truth($pair, 'kept'), "the right one, says $_") foreach 'A', 'B';
is(report($pair, 'A', 'kept'), 'close/decryption failed: 1, aggregate/the proof does not hold: 1', 'without the two that are not in it');
as($A, 'job', q{CALL prio_processor.drop_batch('kept')});
is(sql($A, q{SELECT count(*) FROM prio_internal.file WHERE path LIKE '%kept%'}) . (-e $path ? ' there' : ' gone'), '0 there', 'drop_batch() forgets a file, and leaves it where it is');

# ------------------------------------------------------------------ files that are none

new_batch($pair, 'open', 8, 3, undef, 'A');
new_clients($pair, 'open', 3, 8);
my $good = slurp_file(shares_of('A', 'open'));
sql($A, q{CREATE FUNCTION try(path text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		CALL prio_processor.import_file('open', path);
		RAISE EXCEPTION 'taken';
	EXCEPTION WHEN OTHERS THEN
		RETURN replace(SQLERRM, path, 'PATH');
	END $$; CREATE FUNCTION try_detail(path text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE detail text;
	BEGIN
		CALL prio_processor.import_file('open', path);
		RETURN 'taken';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RETURN detail;
	END $$});
POSIX::mkfifo("$folder/fifo", 0600) or die;
symlink "$folder/open_A", "$folder/link" or die;
foreach (
	[ $folder, 'share file "PATH" is not a regular file' ],
	[ "$folder/fifo", 'share file "PATH" is not a regular file' ],
	[ "$folder/link", 'share file "PATH" is not a regular file' ],
	[ '/dev/zero', 'share file "PATH" is not a regular file' ],
	[ '/proc/self/status', 'share file "PATH" is not in the binary format of COPY' ],
	[ '/proc/kcore', 'PATH' ],
	[ "$folder/no such file", 'could not read share file "PATH": No such file or directory' ],
	[ "$folder/" . ('x' x 300), 'could not read share file "PATH": File name too long' ],
	[ 'postgresql.conf', 'path of a share file must be absolute, as the server sees it' ],
	[ '', 'path of a share file must have between 1 and 1000 bytes' ],
	[ '/' . ('x' x 1000), 'path of a share file must have between 1 and 1000 bytes' ],
	[ "$folder/open_A", 'taken' ])
{
	like(sql($A, "SELECT try('$_->[0]')"), qr/\Q$_->[1]\E/, 'what is no file of shares: ' . substr($_->[0], 0, 60));
}

# Any end, any length, any byte in its place: refused, or some rows, and never anything else.
sub spew { my ($name, $content) = @_; return write_file("$folder/$name", $content); }
mkdir "$folder/bad";
spew("bad/short_$_", substr($good, 0, $_)) foreach 0 .. 60, length($good) - 5 .. length($good) - 1;
my $bad = "SELECT format('$folder/bad/%s', f) AS path FROM pg_ls_dir('$folder/bad') AS f";
is(sql($A, "SELECT DISTINCT try(path) FROM ($bad) AS b"), 'share file "PATH" is not in the binary format of COPY', 'a file that ends too early, wherever, is refused');
unlink glob "$folder/bad/*";
my %detail = (
	'flags' => [ 11, "\0\1\0\0", 'Row 0, at byte 19: its head has flags that are not known.' ],
	'extension' => [ 15, "\x7f\xff\xff\xff", 'Row 0, at byte 19: it ends in the middle.' ],
	'negative extension' => [ 15, "\xff\xff\xff\xfe", 'Row 0, at byte 19: a length is negative.' ],
	'no column' => [ 19, "\0\0", 'Row 0, at byte 21: it has another number of columns.' ],
	'one column' => [ 19, "\0\1", 'Row 0, at byte 21: it has another number of columns.' ],
	'four columns' => [ 19, "\0\4", 'Row 0, at byte 21: it has another number of columns.' ],
	'no uuid' => [ 21, "\0\0\0\xf", 'Row 0, at byte 25: share_id is no uuid.' ],
	'long' => [ 41, "\x7f\xff\xff\xff", 'Row 0, at byte 45: it ends in the middle.' ],
	'negative' => [ 41, "\x80\0\0\0", 'Row 0, at byte 45: a length is negative.' ],
	'longer' => [ 41, pack('N', length($good) - 46), 'Row 1, at byte ' . (length($good) - 1) . ': it ends in the middle.' ],
	'something behind' => [ length $good, "\0", 'Row 3, at byte ' . length($good) . ': there is something behind the end.' ]);
foreach my $case (sort keys %detail)
{
	my ($offset, $bytes, $detail) = @{ $detail{$case} };
	my $content = $good;
	substr($content, $offset, length $bytes) = $bytes;
	is(sql($A, "SELECT try_detail('" . spew("bad/$case", $content) . "')"), $detail, "a file with $case is refused, and is told where");
}
unlink glob "$folder/bad/*";
srand 15;
foreach (1 .. 100)
{
	my $content = $good;
	substr($content, int rand length $content, 1) = chr int rand 256 foreach 0 .. rand 3;
	substr($content, 19 + int rand 30, 4) = pack 'N', rand 2**32 if rand() < 0.5;
	spew("bad/random_$_", $content);
}
like(sql($A, "SELECT string_agg(DISTINCT try(path), '; ') FROM ($bad) AS b"), qr/^share file "PATH" is not in the binary format of COPY; taken$/, 'noise in a file');
is(sql($A, q{SELECT count(*) FROM prio_processor.share WHERE batch_id = 'open'}), 0, 'nothing of a file that is refused is taken');

# ------------------------------------------------------------------ who may

my $call = import_call('open', "$folder/open_A");
like(error_as($A, 'job', $call), qr/permission denied for procedure import_file/, 'an operator who may read no file of the server names none');
like(error_as($A, 'job', qq{SELECT prio_internal.import_file('open', '$folder/open_A')}), qr/permission denied for function import_file/, 'in no way');
$node->safe_psql('postgres', 'CREATE ROLE reader LOGIN IN ROLE prio_ingest, pg_read_server_files');
like(error_as($A, 'reader', $call), qr/permission denied for schema prio_internal/, 'nor does who reads files and runs no job');
like(error_as($A, $_, qq{INSERT INTO prio_processor.share (batch_id, share_id, file, position, bytes) VALUES ('open', gen_random_uuid(), 1, 19, 100)}), qr/permission denied/, "a row with a place in a file is not $_\'s to insert")
  foreach 'collector', 'carrier', 'reader';
like(error_as($A, 'carrier', $_), qr/permission denied/, "nobody reads a file by what the job has for it: $_") foreach q{SELECT prio_internal.file_bytes(1, 0, 10, 10)}, q{SELECT * FROM prio_internal.file_rows('/etc/passwd', 1, 1)},
  q{SELECT * FROM prio_internal.file_state('/etc/passwd')}, q{SELECT * FROM prio_internal.file}, qq{INSERT INTO prio_internal.file (number, path, bytes, modified) VALUES (1, '/etc/passwd', 1, 1)};
is(error_as($A, 'carrier', $call), '', 'who may do both does');
like(error_as($A, 'carrier', $call), qr/share file ".*open_A" is in batch "open" already/, 'once');
like(error_as($A, 'carrier', import_call('no such', "$folder/open_A")), qr/batch "no such" does not exist/, 'into a batch');
like(error_as($A, 'carrier', import_call('kept', "$folder/open_A")), qr/batch "kept" is closed/, 'that is open');

# ------------------------------------------------------------------ what it takes

# Of a share of 49 kB not even 250 bytes are logged.
new_batch($pair, 'long', 2046, 3, undef, 'A');
new_clients($pair, 'long', 1, 2046);
my $long_shares = q{SELECT md5(i::text)::uuid AS share_id, set_byte(share_a, 1000, i % 256) AS payload FROM client, generate_series(1, 500) AS i WHERE batch = 'long'};
my $long = copied_file('long', $long_shares);
my ($wal) = sql($A, 'SELECT pg_current_wal_insert_lsn()');
as($A, 'carrier', import_call('long', $long));
cmp_ok(sql($A, "SELECT (pg_current_wal_insert_lsn() - '$wal') / 500"), '<', 250, 'bytes of WAL a share');
cmp_ok(-s $long, '>', 500 * 45_000, 'which has many more');
# Reading is ahead of whoever asks for one after the other, and finds each of them in any order.
my $all_of_them = sql($clients, "SELECT md5(string_agg(md5(payload), ' ' ORDER BY share_id)) FROM ($long_shares) AS s");
foreach my $order ('position', 'position DESC', 'md5(position::text)', 'position % 7, position')
{
	is(sql($A, qq{SELECT md5(string_agg(f.payload, ' ' ORDER BY f.share_id))
		FROM (SELECT s.share_id, md5(prio_internal.file_bytes(s.file, s.position, s.bytes, 100000)) AS payload
			FROM (SELECT * FROM prio_processor.share WHERE batch_id = 'long' ORDER BY $order OFFSET 0) AS s OFFSET 0) AS f}), $all_of_them, "each is read, by $order");
}

# ------------------------------------------------------------------ at night

if ($ENV{PRIO_LONG})
{
	# A batch whose shares are in a file on both sides.
	my $batch_in_files = sub {
		my ($batch, $count) = @_;

		new_batch($pair, $batch, 8, 3);
		new_clients($pair, $batch, $count, 8);
		as($pair->{$_}, 'carrier', import_call($batch, shares_of($_, $batch))) foreach 'A', 'B';
		return;
	};

	# A server that is killed has its private state to make again, from the file.
	$batch_in_files->('killed', 100);
	close_both($pair, 'killed');
	run($pair, 'A');
	is(stage_of($pair, 'A', 'killed') . sql($A, ' SELECT count(*) > 0 FROM prio_internal.opened'), 'agreet', 'a batch is opened');
	$node->stop('immediate');
	$node->start;
	is(sql($A, 'SELECT count(*) FROM prio_internal.opened'), 0, 'and the server killed');
	rename "$folder/killed_A", "$folder/killed_A.kept";
	like(run($pair, 'A'), qr/could not read share file/, 'without the file it says nothing');
	rename "$folder/killed_A.kept", "$folder/killed_A";
	ok(finish($pair, 'killed'), 'with it it goes on');
	is(result($pair, $_, 'killed'), truth($pair, 'killed'), "to the right total, says $_") foreach 'A', 'B';

	# A dump has the rows, and which file is meant.
	$batch_in_files->('dumped', 10);
	my $dump = $node->basedir . '/dump';
	command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('server_a') ], 'a dump');
	$node->safe_psql('postgres', 'CREATE DATABASE restored');
	command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'is restored');
	my $rows = q{SELECT count(*), count(prio_internal.file_bytes(s.file, s.position, s.bytes, 100000)) FROM prio_processor.share AS s WHERE batch_id = 'dumped'};
	is($node->safe_psql('restored', $rows), '10|10', 'shares of files are where they were');
	rename "$folder/dumped_A", "$folder/dumped_A.kept";
	like(error_as({ node => $node, database => 'restored' }, 'postgres', $rows), qr/could not read share file/, 'if the files are');

	# A million rows, in memory that does not grow with them.
	my $session = session($A, 'carrier');
	my $pid = $session->query('SELECT pg_backend_pid()');
	new_batch($pair, 'million', 8, 3, undef, 'A');
	my $many = copied_file('million', q{SELECT md5(i::text)::uuid, '\x00'::bytea FROM generate_series(1, 1000000) AS i});
	my $before = resident($pid);
	$session->query(import_call('million', $many));
	cmp_ok(resident($pid) - $before, '<', 30_000, 'kilobytes that a session takes for a million rows');
	$session->quit;
	is(sql($A, q{SELECT count(*), count(DISTINCT ordinal), max(ordinal) FROM prio_processor.share WHERE batch_id = 'million'}), '1000000|1000000|999999', 'all of them are there');
}

# Memory of a process that is its own, in kilobytes.
sub resident { my ($pid) = @_; return slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+) kB/ ? $1 : die; }

done_testing();
