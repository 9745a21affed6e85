# Secrets never show. A cluster that logs as much as it can runs every function, on good and
# bad packets and with whatever callers get wrong; then everything that it logged, printed
# and dumped is searched for the private keys, the shared secret, the evaluation points and
# the keys and seeds of the packets, in every way to write them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use MIME::Base64 'encode_base64';
use Test::More;

my $node = new_cluster('secrets', map { split /\n/ } q{
log_statement = 'all'
log_min_messages = debug5
log_error_verbosity = verbose
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
debug_pretty_print = off
track_activity_query_size = '1MB'
shared_preload_libraries = 'auto_explain, pg_stat_statements'
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_buffers = on
auto_explain.log_settings = on
auto_explain.log_triggers = on
auto_explain.log_nested_statements = on
wal_level = logical});

# ------------------------------------------------------------------ secrets

# The keys come out of prio_keygen(), prio_shared_secret() and prio3_verify_key() in this very cluster.
my %keys = make_keys($node);
$keys{verify} = $node->safe_psql('postgres', q{SELECT encode(substr(prio3_verify_key(), 1, 16), 'hex')}); # as long as draft 8 has it
my $directory = $node->basedir;

sub key_file
{
	my ($name, $content, $mode) = @_;
	open my $file, '>', "$directory/$name" or die "$name: $!";
	print $file $content;
	close $file;
	chmod $mode // 0600, "$directory/$name";
	return "$directory/$name";
}

key_file('a.key', "$keys{private_A}\n");
key_file('b.key', uc $keys{private_B});
key_file('secret', encode_base64(pack 'H*', $keys{secret}));
key_file('verify', "$keys{verify}\n");
key_file('a.short', substr $keys{private_A}, 0, 63);
key_file('a.long', "$keys{private_A}00");
key_file('a.words', "private_key = $keys{private_A}");
key_file('a.binary', pack 'H*', $keys{private_A});
key_file('secret.short', substr $keys{secret}, 0, 30);
key_file('secret.words', "the secret is $keys{secret}");
key_file('closed', $keys{private_A}, 0000);
key_file('open', $keys{private_A}, 0644);

my %server = (a => [ 'A', 'batch' ], b => [ 'B', 'batch' ], seed_a => [ 'A', 'seed' ], seed_b => [ 'B', 'seed' ]);
my %bytes = (
	'private key of A' => pack('H*', $keys{private_A}),
	'private key of B' => pack('H*', $keys{private_B}),
	'shared secret' => pack('H*', $keys{secret}),
	'verify key' => pack('H*', $keys{verify}),
	# no secret, but what the search must find
	sample => pack('H*', '5c005c7f80ff0a272261417a0d09205c7e5cff00fe22275c0180307b205b7f7e'));
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_stat_statements;
	CREATE ROLE analyst LOGIN;
	GRANT ALL ON SCHEMA public TO analyst;
	SELECT pg_create_logical_replication_slot('changes', 'test_decoding')});
foreach my $name (sort keys %server)
{
	my ($role, $prg) = @{ $server{$name} };
	$node->safe_psql('postgres', sprintf q{
		CREATE SERVER %1$s FOREIGN DATA WRAPPER prio OPTIONS (role '%2$s', public_key '%3$s', prg '%4$s');
		CREATE USER MAPPING FOR PUBLIC SERVER %1$s OPTIONS (private_key_file '%5$s/%6$s.key', shared_secret_file '%5$s/secret');
		GRANT USAGE ON FOREIGN SERVER %1$s TO analyst},
		$name, $role, $keys{"public_$role"}, $prg, $directory, lc $role);
}

# The two servers of a task of DAP, with the same HPKE keys.
foreach my $role ('A', 'B')
{
	my $name = 'task_' . lc $role;
	$node->safe_psql('postgres', sprintf q{
		CREATE SERVER %1$s FOREIGN DATA WRAPPER prio OPTIONS (role '%2$s', vdaf 'Prio3Histogram', length '4', chunk_length '2', dap '09',
			time_precision '60', task_id 'VOxR-Y-433HE_umL7CM1WiGKS78OO7FDXanRyDu4qOA', public_key '%3$s', hpke_config_id '7');
		CREATE USER MAPPING FOR PUBLIC SERVER %1$s OPTIONS (private_key_file '%4$s/%5$s.key', verify_key_file '%4$s/verify')},
		$name, $role, $keys{"public_$role"}, $directory, lc $role);
}

# Packets of every kind, and what is secret about them.
$node->safe_psql('postgres', qq{
	CREATE TABLE packet AS
	SELECT row_number() OVER ()::int AS id, n_data, prg, share_a, share_b
	FROM (VALUES (5, 'batch'), (5, 'batch'), (40, 'batch'), (5, 'seed'), (40, 'seed')) AS v (n_data, prg),
		LATERAL (SELECT * FROM prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', 'batch', repeat('1', n_data)::varbit, prg)) AS e;
	GRANT SELECT ON packet TO analyst});
my $packets = $node->safe_psql('postgres', q{
	SELECT n_data, prg, role, encode(share, 'hex')
	FROM packet, LATERAL (VALUES ('A', share_a), ('B', share_b)) AS v (role, share)});
my $lines = join '', map {
	my ($n_data, $prg, $role, $share) = split /\|/;
	qq({"n_data": $n_data, "prg": "$prg", "role": "$role", "share": "$share", "batch_id": "batch",)
	  . qq("private": "$keys{"private_$role"}", "shared_secret": "$keys{secret}"}\n)
} split /\n/, $packets;
my ($secrets, $stderr);
IPC::Run::run([ '/usr/bin/python3', 'test/reference/packet_secrets.py' ], '<', \$lines, '>', \$secrets, '2>', \$stderr)
  or die $stderr;
while ($secrets =~ /^(.*) ([0-9a-f]+)$/mg)
{
	my ($name, $value) = ($1, pack 'H*', $2);
	$bytes{"$name " . keys %bytes} = $value unless grep { $_ eq $value } values %bytes;
}
is(keys %bytes, 4 + 1 + 10 + 5 + 3 + 4, 'every packet gave its secrets');

# ------------------------------------------------------------------ searching

# Base64 with so many bytes before it, without the characters that depend on others.
sub base64_behind
{
	my ($before, $value) = @_;
	my $text = encode_base64(("\0" x $before) . $value, '');
	my $from = $before == 0 ? 0 : $before + 1;
	return substr $text, $from, int(($before + length $value) * 8 / 6) - $from;
}

# The ways to write bytes.
sub spellings
{
	my ($value) = @_;
	my $hex = unpack 'H*', $value;
	my @codes = unpack 'C*', $value;
	# as bytea_output = escape has it, and the function encode()
	my $output = join '', map { $_ == 92 ? '\\\\' : $_ < 32 || $_ > 126 ? sprintf '\\%03o', $_ : chr } @codes;
	my $encoded = join '', map { $_ == 92 ? '\\\\' : $_ == 0 || $_ > 127 ? sprintf '\\%03o', $_ : chr } @codes;
	return ($hex, uc $hex, $value, $output, $encoded, (map { base64_behind($_, $value) } 0 .. 2),
		# as debug_print_plan has a constant
		join(' ', @codes), join(' ', map { $_ > 127 ? $_ - 256 : $_ } @codes));
}

# Texts are compared without quotes and backslashes, which COPY, literals, arrays and rows
# double, and without the line breaks of debug_print_plan.
sub plain
{
	my ($text) = @_;
	return $text =~ tr/\t\n\r / /rs =~ tr/\\"'//dr;
}

# Half of a key gives it away, too.
my %needle;
foreach my $name (keys %bytes)
{
	my $value = $bytes{$name};
	my @parts = length $value < 16 ? $value : unpack 'a' . length($value) / 2 . ' a*', $value;
	$needle{ plain($_) } = $name foreach map { spellings($_) } @parts;
}
my $pattern = join '|', map { quotemeta } sort keys %needle;
$pattern = qr/($pattern)/;

# The names of the secrets in a text.
sub found
{
	my ($text) = @_;
	my %found;
	$text = plain($text);
	$found{ $needle{$1} } = 1 while $text =~ /$pattern/g;
	return join ', ', sort keys %found;
}

# What was shown somewhere since the last call.
my %shown;
my $logged = 0;

sub shown
{
	my ($where) = @_;
	my $text = delete $shown{$where};

	if ($where eq 'logged')
	{
		$text = slurp_file($node->logfile, $logged);
		$logged += length $text;
	}
	note "$where: " . length($text) . ' bytes';
	return $text;
}

sub dump_of
{
	my ($program) = @_;
	my ($out, $err) = run_command([ $program, '-d', $node->connstr('postgres') ]);
	return "$out\n$err";
}

# ------------------------------------------------------------------ sessions

my @verbose = (on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=always' ]);
my $session = $node->background_psql('postgres', @verbose);
my $analyst = $node->background_psql('postgres', on_error_stop => 0,
	extra_params => [ @{ $verbose[3] }, '-U', 'analyst' ]);
my $monitor = $node->background_psql('postgres');

# Runs a statement, keeps all that it prints, and all that others see of it meanwhile.
sub run_in
{
	my ($where, $statement) = @_;

	$where->{stderr} = '';
	my $out = $where->query($statement);
	my $err = $where->{stderr};
	$where->{stderr} = '';
	$shown{printed} .= "$out\n$err\n";
	$shown{'visible in pg_stat_activity'} .= $monitor->query_safe("SELECT a FROM pg_stat_activity AS a");
	return $err =~ /ERROR:  (\w+)/ ? $1 : 'done';
}

# A statement of the extended protocol with binary parameters, for which psql has no command.
sub run_extended
{
	my ($statement, @values) = @_;
	my $socket = $node->raw_connect;
	my $send = sub { print $socket $_[0] . pack('N', 4 + length $_[1]) . $_[1] };
	my $user = $node->safe_psql('postgres', 'SELECT current_user');
	my ($answer, $type) = ('', '');

	$send->('', pack('N Z* Z* Z* Z* Z*', 196608, 'user', $user, 'database', 'postgres', ''));
	$send->('P', pack('Z* Z* n', '', $statement, 0));
	$send->('B', pack('Z* Z* n n n', '', '', 1, 1, scalar @values) . join('', map { pack 'N/a*', $_ } @values) . pack('n', 0));
	$send->('E', pack('Z* N', '', 0));
	$send->('S', '');
	$socket->flush;
	# What comes first is the greeting, which ends like the answer.
	foreach my $part ('greeting', 'answer')
	{
		do
		{
			read($socket, my $head, 5) == 5 or die 'connection lost';
			($type, my $length) = unpack 'a N', $head;
			read($socket, my $content, $length - 4) == $length - 4 or die 'connection lost';
			$answer .= $content;
		} until $type eq 'Z';
	}
	$send->('X', '');
	close $socket;
	$shown{printed} .= $answer;
	return $answer =~ /\0C([0-9A-Z]{5})\0M/ ? $1 : 'done';
}

# ------------------------------------------------------------------ everything at once

run_in($_, 'SET client_min_messages = debug5') foreach $session, $analyst;

# Each statement, and what it ends with.
my $open = q{prio_verifier(CASE prg WHEN 'seed' THEN 'seed_a' ELSE 'a' END, 'batch', n_data, share_a)};
(my $open_b = $open) =~ s/a\b(?=')|(?<=share_)a/b/g;
my @good = (
	"CREATE TABLE verified AS SELECT *, $open AS a, $open_b AS b FROM packet",
	'ALTER TABLE verified REPLICA IDENTITY FULL',
	'UPDATE verified SET id = id',
	"SELECT id, a, b, $open, $open_b FROM verified",
	q{SELECT prio_share_error('a', 'batch', 5, share_a), prio_share_error('b', 'batch', 5, share_b) FROM packet},
	# rounds, totals, results
	q{SELECT prio_verify1(a), prio_verify1(b), prio_verify2(a, prio_verify1(b)), prio_verify2(b, prio_verify1(a)),
		prio_is_valid(prio_verify2(a, prio_verify1(b)), prio_verify2(b, prio_verify1(a))) FROM verified},
	q{SELECT n_data, prg, prio_total_share(a, share_a), prio_total_share(b, NULL) FROM verified GROUP BY 1, 2},
	q{SELECT prio_publish(prio_merge(a), prio_merge(b)) FROM (SELECT prio_total_share(a, share_a), prio_total_share(b, share_b) FROM verified GROUP BY id, n_data) AS s (a, b) WHERE length(b) < 100},
	q{SELECT prio_total_share_uint(total, 5) FROM (SELECT prio_total_share(a, share_a) AS total FROM verified WHERE n_data = 5 AND prg = 'batch') AS s},
	# Prio3, in reports of DAP
	q{CREATE TABLE report AS SELECT h.* FROM generate_series(0, 3) AS i, LATERAL (SELECT dap_report('task_a', 'task_b', i::bigint, now()) AS r OFFSET 0) AS r,
		LATERAL dap_split('task_a', r) AS h},
	q{CREATE TABLE state AS SELECT *, dap_verify_init('task_a', header, share_a) AS a, dap_verify_init('task_b', header, share_b) AS b FROM report},
	q{SELECT a, b, a::text, row_to_json(state), prio3_verifier_share(a), prio3_verifier_share(b), prio3_fingerprint('task_a'), dap_share_error('task_b', header, share_b) FROM state},
	q{SELECT prio3_unshard('task_a', prio3_agg_share(a, m), prio3_agg_share(b, m), count(*)) FROM (SELECT *,
		prio3_verifier_message('task_a', prio3_verifier_share(a), prio3_verifier_share(b)) AS m FROM state) AS s},
	q{COPY state TO STDOUT},
	# every way to write a verifier
	q{SELECT a::text, a::varchar(20), ROW(a, b)::text, ARRAY[a, b], format('%s %L', a, b), quote_literal(a), concat(a, b) FROM verified},
	q{SELECT to_json(a), to_jsonb(b), row_to_json(verified), json_build_object('a', a), json_agg(b) OVER () FROM verified},
	q{SELECT xmlelement(name a, a), xmlforest(a, b) FROM verified},
	q{SELECT query_to_xml('SELECT a, b FROM verified', true, false, '')},
	q{COPY verified TO STDOUT}, q{COPY verified TO STDOUT (FORMAT csv)},
	q{SET bytea_output = escape}, q{SELECT a, b, a::text::bytea FROM verified}, q{RESET bytea_output},
	q{DO $$ DECLARE v record; BEGIN FOR v IN SELECT a, b FROM verified LOOP RAISE NOTICE 'verifiers: % %', v.a, v; END LOOP; END $$},
	q{CREATE FUNCTION verdict(v verified) RETURNS boolean LANGUAGE plpgsql AS $$
		DECLARE one bytea; two bytea;
		BEGIN
			one := prio_verify1(v.a);
			two := prio_verify2(v.b, one);
			RETURN prio_is_valid(prio_verify2(v.a, prio_verify1(v.b)), two);
		END $$},
	q{SELECT verdict(verified) FROM verified},
	# statements that are prepared, and described
	q{PREPARE open (text, text, int) AS SELECT id, prio_verifier($1, $2, $3, share_a) FROM packet},
	q{EXECUTE open('a', 'batch', 5)}, q{SET plan_cache_mode = force_generic_plan}, q{EXECUTE open('a', 'batch', 40)},
	q{RESET plan_cache_mode}, q{SELECT * FROM pg_prepared_statements},
	q{EXPLAIN (ANALYZE, VERBOSE, BUFFERS, SETTINGS, WAL) SELECT prio_verify1(prio_verifier('a', 'batch', 5, share_a)) FROM packet},
	q{EXPLAIN (ANALYZE, VERBOSE, FORMAT json) SELECT prio_total_share(a, share_a) FROM verified GROUP BY id, n_data},
	q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0},
	q{EXPLAIN (ANALYZE, VERBOSE) SELECT count(prio_verifier('a', 'batch', 5, share_a)), prio_total_share(b, NULL) FROM verified WHERE n_data = 5 AND prg = 'batch'},
	q{SELECT count(prio_verifier('a', 'batch', 5, share_a)) FROM verified WHERE prio_share_error('b', 'batch', 5, share_b) IS NULL},
	q{SET max_parallel_workers_per_gather = 0},
	# what the catalogs and statistics keep
	q{ANALYZE verified}, q{SELECT * FROM pg_stats WHERE tablename = 'verified'},
	q{SELECT * FROM pg_foreign_server; SELECT * FROM pg_user_mappings; SELECT * FROM information_schema.user_mapping_options},
	q{CREATE VIEW opened AS SELECT prio_verifier('a', 'batch', 5, share_a) FROM packet; SELECT * FROM opened},
	q{CREATE TABLE added AS SELECT id FROM packet},
	qq{ALTER TABLE added ADD COLUMN v prio_verifier DEFAULT prio_verifier('a', 'batch', 5, '\\x} . (split /\||\n/, $packets)[3] . q{')},
	q{SELECT * FROM added; SELECT * FROM pg_attribute WHERE attrelid = 'added'::regclass; SELECT * FROM pg_attrdef},
	# new secrets of the caller's are nobody else's
	q{SELECT count(*) FROM prio_keygen(), prio_shared_secret()},
);
my @bad = (
	# packets and messages
	[ 'done', q{SELECT prio_verifier('a', 'batch', 5, set_byte(share_a, i, get_byte(share_a, i) # 1)) FROM packet, generate_series(0, 100, 10) AS i} ],
	[ 'done', q{SELECT prio_share_error('b', 'batch', 5, set_byte(share_b, i, get_byte(share_b, i) # 1)) FROM packet, generate_series(0, 100, 10) AS i} ],
	[ 'done', q{SELECT prio_share_error(server, batch_id, n_data, share) FROM packet, LATERAL (VALUES ('a', 'batch', share_b), ('b', 'batch', share_a),
		('a', 'other', share_a), ('b', 'other', share_b), ('a', 'batch', share_a || '\x00'), ('a', 'batch', substr(share_a, 2)), ('b', 'batch', '\x')) AS v (server, batch_id, share)} ],
	[ 'done', q{SELECT prio_verify2(a, message), prio_is_valid(message, message) FROM verified, (VALUES ('\x'::bytea), ('\xa0'), ('\xdfffffffff'), (decode(repeat('ff', 24), 'hex'))) AS v (message)} ],
	[ 'done', q{SELECT dap_verify_init('task_a', header, set_byte(share_a, i, get_byte(share_a, i) # 1)), dap_share_error('task_b', header, share_a) FROM report, generate_series(0, 100, 10) AS i} ],
	[ 'done', q{SELECT prio3_verify_next(a, '\x00'), prio3_verifier_message('task_a', '\x00', share_b) FROM state} ],
	# arguments
	[ '22P02', q{SELECT (a::text || '00')::prio3_verify_state FROM state} ],
	[ '22023', q{SELECT prio_verifier('a', 'batch', 0, share_a) FROM packet} ],
	[ '22023', q{SELECT prio_verifier('a', '', 5, share_a) FROM packet} ],
	[ '22023', q{SELECT prio_verifier('a', 'batch', 5, share_a, -1) FROM packet} ],
	[ '42704', q{SELECT prio_verifier('nowhere', 'batch', 5, share_a) FROM packet} ],
	[ '22023', q{SELECT prio_total_share(a, share_b) FROM verified WHERE n_data = 5 AND prg = 'batch'} ],
	[ '22004', q{SELECT prio_total_share(a, NULL) FROM verified WHERE n_data = 5 AND prg = 'batch'} ],
	[ '55000', q{SELECT prio_total_share(a::text::prio_verifier, share_a) FROM verified} ],
	[ '22023', q{SELECT prio_total_share(a, share_a) FROM verified} ],
	[ '22023', q{SELECT prio_total_share(v, NULL) FROM verified, LATERAL (VALUES (b), (a)) AS v (v)} ],
	[ '22P03', q{SELECT prio_publish(share_a, share_b) FROM verified} ],
	[ '22P03', q{SELECT prio_merge(share_b) FROM verified} ],
	[ '22003', q{SELECT prio_publish(prio_total_share(v.a, v.share_a), prio_total_share(w.b, NULL)) FROM verified AS v, verified AS w WHERE v.id = 1 AND w.id = 2} ],
	[ '22P02', q{SELECT (a::text || '00')::prio_verifier FROM verified} ],
	[ '22P02', q{DO $$ DECLARE v prio_verifier; BEGIN SELECT overlay(a::text PLACING 'ff' FROM 20) INTO v FROM verified; END $$} ],
	[ '42846', q{SELECT a::bytea FROM verified} ],
	[ '42883', q{SELECT count(DISTINCT a) FROM verified} ],
	# rows that PostgreSQL itself quotes
	[ '23514', q{ALTER TABLE verified ADD CONSTRAINT no CHECK (id = 0) NOT VALID; INSERT INTO verified SELECT * FROM verified} ],
	[ '23502', q{ALTER TABLE verified DROP CONSTRAINT no, ALTER id SET NOT NULL; INSERT INTO verified SELECT NULL, n_data, prg, share_a, share_b, a, b FROM verified} ],
	[ '22P02', q{DO $$ DECLARE v record; BEGIN FOR v IN SELECT a FROM verified LOOP EXECUTE 'SELECT ' || quote_literal(v.a) || '::int'; END LOOP; END $$} ],
	[ 'P0001', q{DO $$ DECLARE v record; BEGIN SELECT * INTO v FROM verified; RAISE EXCEPTION 'no: %', v USING DETAIL = v.a::text; END $$} ],
	[ '22P02', q{DO $$ DECLARE i int; BEGIN SELECT a INTO i FROM verified; END $$} ],
	[ '57014', q{SET statement_timeout = 50; SELECT count(prio_verifier('a', 'batch', 5, share_a)) FROM packet, generate_series(1, 1000000)} ],
	[ 'done', q{RESET statement_timeout} ],
	# clients
	[ '22023', q{SELECT prio_encode('\x00', share_b, 'batch', B'1') FROM packet} ],
	[ '22023', q{SELECT prio_encode(key, key, 'batch', B'1') FROM (SELECT decode(repeat('00', 32), 'hex') AS key) AS k} ],
	[ '22004', q{SELECT prio_encode(key, key, 'batch', ARRAY[true, NULL]) FROM (SELECT substr(share_b, 1, 32) AS key FROM packet) AS k} ],
	[ '22003', q{SELECT prio_encode_uint(key, key, 'batch', ARRAY[8], 3) FROM (SELECT substr(share_b, 1, 32) AS key FROM packet) AS k} ],
);
my @files = (
	[ 'F0000', 'private_key_file', 'a.short' ], [ 'F0000', 'private_key_file', 'a.long' ], [ 'F0000', 'private_key_file', 'a.words' ],
	[ 'F0000', 'private_key_file', 'a.binary' ], [ 'F0000', 'private_key_file', 'b.key' ], [ '58P01', 'private_key_file', 'nowhere' ],
	[ '42501', 'private_key_file', 'closed' ], [ 'F0000', 'private_key_file', 'open' ], [ 'F0000', 'private_key_file', 'secret' ], [ 'done', 'private_key_file', 'a.key' ],
	[ 'F0000', 'shared_secret_file', 'secret.short' ], [ 'F0000', 'shared_secret_file', 'secret.words' ], [ 'F0000', 'shared_secret_file', 'a.key' ],
	[ 'done', 'shared_secret_file', 'secret' ]);

is(run_in($session, $_), 'done', (split /\n/)[0]) foreach @good;
is(run_in($session, $_->[1]), $_->[0], (split /\n/, $_->[1])[0]) foreach @bad;
foreach my $file (@files)
{
	my ($code, $option, $name) = @$file;
	my $call = q{SELECT prio_verifier('a', 'batch', 5, share_a), prio_share_error('a', 'batch', 5, share_a) FROM packet};

	run_in($session, "ALTER USER MAPPING FOR PUBLIC SERVER a OPTIONS (SET $option '$directory/$name')");
	is(run_in($session, $call), $code, "$option is $name");
	my $before = length $shown{printed};
	is(run_in($analyst, $call), $code, '... for a caller who is no superuser');
	unlike(substr($shown{printed}, $before), qr/\Q$directory\E/, '... who is not told its name');
}

# What PostgreSQL keeps of all that, and what it sends on.
run_in($session, 'SELECT * FROM pg_stat_statements');
run_in($session, q{SELECT * FROM pg_logical_slot_get_changes('changes', NULL, NULL)});
like($shown{printed}, qr/table public\.verified: UPDATE: .* a\[prio_verifier\]/, 'logical decoding writes verifiers');
$shown{'in a dump'} = dump_of('pg_dump') . dump_of('pg_dumpall');
like($shown{'in a dump'}, qr/private_key_file .*COPY public\.verified /s, 'dumps have the verifiers, and the names of the files');
is(found(shown($_)), '', "no secret is $_") foreach qw(logged printed), 'visible in pg_stat_activity', 'in a dump';

# Verifiers with their keys as parameters, which the log writes out, too.
my $send = q{SELECT encode(prio_verifier_send(v), 'hex') FROM verified, LATERAL (VALUES (a), (b)) AS v (v) ORDER BY id};
my @stored = map { pack 'H*', $_ } split /\n/, $node->safe_psql('postgres', $send);
my @parameters = (
	[ 'done', 'SELECT prio_verify1($1), prio_verify2($1, prio_verify1($2))' ],
	[ 'done', 'SELECT $1::prio_verifier, $2::prio_verifier' ],
	[ 'done', 'INSERT INTO added VALUES (7, $1), (8, $2)' ],
	[ 'done', 'SELECT prio_total_share($1, share_a), prio_total_share($2, NULL) FROM packet WHERE id = 1' ],
	[ 'done', 'EXPLAIN (ANALYZE, VERBOSE) SELECT prio_total_share($1, share_a), prio_total_share($2, NULL) FROM packet WHERE id = 1' ],
	[ '22012', 'SELECT prio_verify2($1, prio_verify1(a)), prio_verify1($2), 1 / (id - 1) FROM verified' ],
	[ '22023', 'SELECT prio_total_share($1, share_b), prio_total_share($2, NULL) FROM packet' ]);
$node->safe_psql('postgres', 'ALTER ROLE CURRENT_USER SET debug_print_plan = off');
is(run_extended($_->[1], @stored[0, 1]), $_->[0], "with parameters: $_->[1]") foreach @parameters;
is(run_extended($parameters[0][1], $stored[0], substr $stored[1], 1), '22P03', 'a damaged parameter');
run_in($session, 'SET debug_print_plan = off');
is(run_in($session, $_), 'done', (split /\n/)[0]) foreach q{DO $$
	DECLARE v verified;
	BEGIN
		FOR v IN SELECT * FROM verified LOOP
			INSERT INTO added VALUES (9, v.a);
			EXECUTE 'INSERT INTO added VALUES (10, $1)' USING v.b;
			PERFORM prio_total_share(v.a, share_a) FROM packet WHERE id = v.id;
		END LOOP;
	END $$};
my $log = shown('logged');
like($log, qr/parameters: \$1 = '\\x01/, 'parameters are logged');
is(found($log), '', 'no secret is logged with parameters');
is(found(shown('printed')), '', 'no secret is printed with parameters');

# ------------------------------------------------------------------ what does show them

# Where PostgreSQL prints the bytes of constants, it prints those of verifiers.
$node->safe_psql('postgres', 'ALTER ROLE CURRENT_USER RESET debug_print_plan');
run_extended($parameters[1][1], @stored[0, 1]);
like(found(shown('logged')), qr/key of the seed .*packet key/, 'debug_print_plan logs verifiers that are parameters');

# The binary form has the keys: it is what tables hold.
like(found($node->safe_psql('postgres', "$send")), qr/key of the seed .*packet key/, 'prio_verifier_send() gives the keys');
like(found($node->safe_psql('postgres', 'COPY verified TO STDOUT (FORMAT binary)')), qr/key of the seed .*packet key/,
	'COPY in binary gives the keys');

# A secret in a statement is where all statements are, and the mapping in a dump.
shown($_) foreach qw(logged printed), 'visible in pg_stat_activity';
run_in($session, qq{CREATE USER MAPPING FOR analyst SERVER a OPTIONS (private_key '$keys{private_A}', shared_secret '$keys{secret}')});
my $all = 'private key of A, shared secret';
is(found(shown($_)), $all, "secrets in a statement are $_") foreach 'logged', 'visible in pg_stat_activity';
is(found($node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements')), $all, '... and in pg_stat_statements');
is(found(dump_of($_)), $all, "... and in the output of $_") foreach qw(pg_dump pg_dumpall);

# The search finds the sample, however PostgreSQL writes it.
key_file('sample', $bytes{sample});
$node->safe_psql('postgres', "CREATE TABLE sample AS SELECT pg_read_binary_file('$directory/sample') AS sample");
my @encoded = map { "encode(sample, '$_')" } qw(hex base64 escape);
my @ways = ('sample', @encoded, "upper($encoded[0])",
	map({ ("ARRAY[$_]", "ROW($_)", "quote_literal($_)") } 'sample', @encoded),
	map({ "encode(decode(repeat('00', $_), 'hex') || sample || '\\x00', 'base64')" } 0 .. 5));
foreach my $output ('hex', 'escape')
{
	foreach my $query (map { "SELECT $_ FROM sample" } @ways)
	{
		is(found($node->safe_psql('postgres', "SET bytea_output = $output; $query")), 'sample', "the search finds what '$query' gives ($output)");
	}
	is(found($node->safe_psql('postgres', "SET bytea_output = $output; COPY sample TO STDOUT")), 'sample', "... and COPY ($output)");
}
$_->quit foreach $session, $analyst, $monitor;

done_testing();
