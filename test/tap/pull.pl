# Pulling from the other server, whatever that is: one that is honest, one that is not there,
# and one for each way to be neither. A call ends in time, takes no more memory than it may, says
# nothing that is not for its reader, and leaves no connection behind.
#
# Runs at night: processor_hostile_peer.pl pulls from whoever is neither by day, through the job.
use strict;
use warnings;

use FakePeer;
use List::Util qw(sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $secret = 'open sesame';
my $node = new_cluster('puller', "listen_addresses = '127.0.0.1'", 'max_connections = 50', "log_min_error_statement = panic");
my $port = $node->port;
my $MB = 1024 * 1024;
# Seconds, beyond a deadline, that a busy machine may take for what ends at once. What does not
# end takes a minute or more.
my $slack = 30;

$node->safe_psql('postgres', 'CREATE SCHEMA prio_internal; ' . slurp_file('processor/pull.sql') =~ s/MODULE_PATHNAME/\$libdir\/prio/gr);
$node->safe_psql('postgres', q{CREATE DATABASE other});

# Reads what pull() gives, as text. A session of its own reads it and says what it took.
sub script
{
	my ($server, $query, %more) = @_;
	my $parameters = $more{parameters} // q('{}');
	my $max_bytes = $more{max_bytes} // 10 * $MB;
	my $deadline = $more{deadline} // '10s';
	my $columns = $more{columns} // 'row';

	return ($more{before} // '') . qq{;
		SELECT $columns FROM prio_internal.pull('$server', \$query\$$query\$query\$, $parameters, $max_bytes, '$deadline') AS row;};
}

# Returns (what it gives, error, seconds).
sub pull
{
	my ($server, $query, %more) = @_;
	my ($out, $err) = ('', '');
	my $begun = time;

	$node->psql('postgres', "\\set VERBOSITY verbose\n" . script($server, $query, %more) . ($more{after} // ''),
		on_error_stop => 0, stdout => \$out, stderr => \$err);
	return ($out, $err =~ s/psql:<stdin>:\d+: //gr, time - $begun);
}

# A foreign server with these options, and a mapping for whoever runs the tests.
sub create_peer
{
	my ($name, $options, $mapping) = @_;

	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER prio_peer OPTIONS ($options);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mapping)});
	return;
}

# A condition that comes true soon, or not.
sub soon
{
	my ($condition) = @_;

	for (1 .. 100)
	{
		return 1 if $condition->();
		sleep 0.1;
	}
	return 0;
}

# How many of our connections there are at an honest peer.
sub connections
{
	return $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'prio_processor'});
}

my $user = $node->safe_psql('postgres', 'SELECT current_user');
my $socket = $node->host;
create_peer('honest', "host '$socket', port '$port', dbname 'other'", qq{"user" '$user'});

# ------------------------------------------------------------------ an honest one

my ($out, $err, $seconds) = pull('honest', q{SELECT 'one', 1::bigint, '\x00ff'::bytea, NULL, '', ARRAY[[1, 2], [3, 4]] UNION ALL SELECT 'zwölf', 2, '', 'x', NULL, NULL ORDER BY 2},
	columns => "array_length(row, 1), prio_internal.peer_text(row[1], 5), row[2], row[3], row[4] IS NULL, row[5] = '', length(row[6]), row[6] IS NULL, array_ndims(row)");
is("$out$err", "6|one|\\x0000000000000001|\\x00ff|t|t|60|f|1\n6|zwölf|\\x0000000000000002|\\x|f||\\N|t|1" =~ s/\\N//r, 'rows come as the bytes of their columns');
is((pull('honest', 'SELECT $1::text, $2::bytea, $3::text IS NULL', parameters => q{ARRAY['ä''x', '\x0102', NULL]}, columns => q{prio_internal.peer_text(row[1], 9), row[2], row[3]}))[0],
	"ä'x|\\x0102|\\x01", 'parameters go as text');
is((pull('honest', 'SELECT 1 WHERE false'))[0], '', 'no rows are no rows');
is((pull('honest', 'SELECT FROM generate_series(1, 2)'))[0], "{}\n{}", 'nor are rows without columns a matter');
is((pull('honest', 'SELECT count(*)::text, sum(length(b)) FROM generate_series(1, 1000) AS i, repeat(i::text, 1000) AS b', columns => q{prio_internal.peer_bigint(row[1])}))[0], 1000, 'numbers come as digits');
is((pull('honest', q{SELECT repeat('x', 1000000) FROM generate_series(1, 50)}, max_bytes => 60 * $MB, columns => 'count(*), sum(length(row[1]))', before => q{SET work_mem = '64kB'}))[0], '50|50000000', 'many rows are put aside');
is((pull('honest', q{SELECT current_setting('client_encoding'), current_setting('application_name'), current_setting('transaction_read_only'), current_setting('search_path'), current_setting('timezone'), current_setting('client_connection_check_interval'), current_setting('statement_timeout')::interval BETWEEN '10s' AND '11s'},
	columns => q{(SELECT string_agg(convert_from(c, 'UTF8'), ',' ORDER BY i) FROM unnest(row[1:6]) WITH ORDINALITY AS u (c, i)), row[7]}))[0], 'UTF8,prio_processor,on,pg_catalog, pg_temp,UTC,1s|\x01', 'the session there is as it has to be');
$node->safe_psql('other', 'CREATE TABLE public.t (i int)');
like((pull('honest', 'INSERT INTO public.t VALUES (1) RETURNING i'))[1], qr/ERROR:  HV000: query failed on server "honest"\nDETAIL:  It says SQLSTATE 25006/, 'nothing can be changed there');
like((pull('honest', 'SELECT 1; SELECT 2'))[1], qr/SQLSTATE 42601/, 'one query a call');
is($node->safe_psql('postgres', q{CREATE TABLE kept AS SELECT prio_internal.pull('honest', 'SELECT generate_series(1, 3)', '{}', 1000, '5s'); SELECT count(*) FROM kept}), 3, 'in a select list as well');
is(connections(), 0, 'no connection is left');

# ------------------------------------------------------------------ several questions in one statement

# Each says which process answers, and as whom; what is between them is for the caller to say.
sub answering
{
	my (@between) = @_;
	my $ask = q{INSERT INTO answering SELECT prio_internal.peer_bigint(r[1]), prio_internal.peer_text(r[2], 99) FROM prio_internal.pull('honest', 'SELECT pg_backend_pid()::text, current_user', '{}', 1000, '3s') AS r;};

	return $node->safe_psql('postgres', 'CREATE TEMP TABLE answering (pid int, name text); DO $$ BEGIN ' . join(' ', map { "$ask $_;" } @between) . $ask . q{
		IF EXISTS (SELECT FROM pg_stat_activity AS a JOIN answering USING (pid) WHERE a.xact_start IS NOT NULL) THEN RAISE 'a transaction is open'; END IF; END $$;
		SELECT count(*), count(DISTINCT pid), count(DISTINCT name) FROM answering});
}

is(answering('PERFORM 1', 'PERFORM 2'), '3|1|1', 'one connection has the questions of a statement, and is in no transaction between them');
is(answering('PERFORM pg_terminate_backend((SELECT max(pid) FROM answering), 5000)'), '2|2|1', 'one that was closed is made anew');
is(answering(q{BEGIN PERFORM prio_internal.pull('honest', 'SELECT 1 / 0', '{}', 1000, '3s'); EXCEPTION WHEN fdw_error THEN NULL; END}), '2|2|1', 'after an error as well');
$node->safe_psql('postgres', 'CREATE ROLE somebody LOGIN CONNECTION LIMIT 1');
is(answering(q{ALTER USER MAPPING FOR CURRENT_USER SERVER honest OPTIONS (SET "user" 'somebody')}), '2|2|2', 'for another login there is another one');
ok(soon(sub { connections() == 0 }), 'none is left behind a statement');
is(answering('PERFORM 1', 'PERFORM 2'), '3|1|1', 'a login that may connect once is enough');
$node->safe_psql('postgres', qq{ALTER USER MAPPING FOR CURRENT_USER SERVER honest OPTIONS (SET "user" '$user')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM prio_internal.pull('honest', 'SELECT 1', '{}', 1000, '3s');
	SELECT count(*) FROM pg_stat_activity WHERE application_name = 'prio_processor' AND pg_sleep(1) IS NOT NULL}), "1\n0", 'nor in a session that goes on');

# As a function of the extension's owner calls it.
$node->safe_psql('postgres', q{
	CREATE ROLE operator LOGIN;
	CREATE FUNCTION definer() RETURNS SETOF bytea[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
	AS $$ BEGIN RETURN QUERY SELECT * FROM prio_internal.pull('honest', 'SELECT 1', '{}', 1000, '5s'); END $$;
	GRANT USAGE ON SCHEMA prio_internal TO operator});
is($node->safe_psql('postgres', 'SELECT * FROM definer()', extra_params => [ '-U', 'operator' ]), '{"\\\\x00000001"}', 'a definer function pulls as its owner');
is($node->safe_psql('postgres', 'SELECT count(*) FROM definer()', extra_params => [ '-U', 'operator' ], connstr => $node->connstr('postgres') . " options='-c search_path=public'"), 1, 'whatever the caller has set');
like(($node->psql('postgres', script('honest', 'SELECT 1'), extra_params => [ '-U', 'operator' ]))[2], qr/permission denied for function pull/, 'and nobody else does');

# ------------------------------------------------------------------ mistakes of ours

like((pull('nowhere', 'SELECT 1'))[1], qr/ERROR:  42704: server "nowhere" does not exist/, 'there is no such server');
$node->safe_psql('postgres', q{
	CREATE FOREIGN DATA WRAPPER another;
	CREATE SERVER another FOREIGN DATA WRAPPER another;
	CREATE SERVER unmapped FOREIGN DATA WRAPPER prio_peer});
like((pull('another', 'SELECT 1'))[1], qr/ERROR:  42809: server "another" is not a way to another database\nHINT:.*prio_peer/, 'or it is of another kind');
like((pull('unmapped', 'SELECT 1'))[1], qr/ERROR:  42704: no user mapping for role "$user" on server "unmapped"\nHINT:/, 'or it has no mapping');
like((pull('honest', 'SELECT 1', deadline => '0s'))[1], qr/ERROR:  22023/, 'no time at all');
like((pull('honest', 'SELECT 1', deadline => '-1 day'))[1], qr/ERROR:  22023/, 'less than that');
is((pull('honest', 'SELECT 1', deadline => '10000 years'))[1], '', 'a lot of time');
like((pull('honest', 'SELECT 1', max_bytes => 0))[1], qr/ERROR:  22023/, 'no bytes at all');
like((pull('honest', 'SELECT 1', parameters => 'array_fill(1::text, ARRAY[101])'))[1], qr/ERROR:  22023: too many parameters/, 'too many parameters');

# ------------------------------------------------------------------ connecting

# What the server log says since the last time.
my $offset = -s $node->logfile;
sub logged
{
	my $text = slurp_file($node->logfile, $offset);

	$offset = -s $node->logfile;
	return $text;
}

my $dir = PostgreSQL::Test::Utils::tempdir_short();
create_peer('nobody', "host '$dir', port '1234', dbname 'secret_name'", qq{"user" '$user', password '$secret'});
($out, $err, $seconds) = pull('nobody', 'SELECT 1');
like($err, qr/^ERROR:  08001: could not connect to server "nobody"\nHINT:  The server log has the reason.*\nLOCATION:.*\n?$/, 'nobody there');
like(logged(), qr/LOG:  pulling from server "nobody" failed\n.*DETAIL:  Host "\Q$dir\E", address "", port "1234": connection to server.*No such file/, 'the log says where');
create_peer('by_service', q{service 'known_to_psql'}, qq{"user" '$user'});
like((pull('by_service', 'SELECT 1'))[1], qr/ERROR:  08001: could not connect to server "by_service"\nHINT:.*server process, not in those of psql: its PGSERVICEFILE/, 'a service that only psql knows');
like(logged(), qr/definition of service "known_to_psql" not found/, 'the log names it');
create_peer('wrong_port', q{host '127.0.0.1', port 'x'}, qq{"user" '$user'});
like((pull('wrong_port', 'SELECT 1'))[1], qr/ERROR:  08001: could not connect to server "wrong_port"\nHINT/, 'options that libpq does not take');
$node->safe_psql('postgres', qq{SET password_encryption = 'scram-sha-256'; CREATE ROLE with_password LOGIN PASSWORD '$secret'});
my $hba = $node->data_dir . '/pg_hba.conf';
my $rules = slurp_file($hba);
open my $file, '>', $hba or die;
print $file "local all with_password scram-sha-256\nhost all with_password 127.0.0.1/32 scram-sha-256\n$rules";
close $file;
$node->reload;
create_peer('by_password', "host '$socket', port '$port', dbname 'other'", qq{"user" 'with_password', password '$secret'});
is((pull('by_password', 'SELECT user', columns => q{prio_internal.peer_text(row[1], 20)}))[0], 'with_password', 'a password');
create_peer('wrong_password', "host '$socket', port '$port', dbname 'other'", qq{"user" 'with_password', password 'shut sesame'});
logged();
like((pull('wrong_password', 'SELECT user'))[1], qr/ERROR:  08001.*\nHINT:  .*Check the user mapping/, 'a wrong one');
my $log = logged();
like($log, qr/password authentication failed/, 'the log says so');
unlike($log, qr/shut sesame/, 'but not the password');
create_peer('without_password', "host '$socket', port '$port', dbname 'other'", qq{"user" 'with_password'});
like((pull('without_password', 'SELECT user'))[1], qr/ERROR:  08001.*\nHINT:  The other server asks for a password/, 'none');
create_peer('no_database', "host '$socket', port '$port', dbname 'nothing_there'", qq{"user" '$user'});
like((pull('no_database', 'SELECT user'))[1], qr/ERROR:  08001/, 'no such database');
$node->safe_psql('postgres', q{CREATE SERVER elsewhere FOREIGN DATA WRAPPER prio_peer OPTIONS (host '192.0.2.1', connect_timeout '1'); CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere});
($out, $err, $seconds) = pull('elsewhere', 'SELECT 1');
like($err, qr/ERROR:  08001: could not connect to server "elsewhere"/, 'a network that leads nowhere');
cmp_ok($seconds, '<', 1 + $slack, 'ends as connect_timeout says');

# ------------------------------------------------------------------ TLS

{
	my $certificate = $node->data_dir . '/server.crt';
	my $key = $node->data_dir . '/server.key';

	system_or_bail('openssl', 'req', '-new', '-x509', '-days', '2', '-nodes', '-newkey', 'rsa:2048', '-subj', '/CN=other', '-addext', 'subjectAltName=IP:127.0.0.1',
		'-out', $certificate, '-keyout', $key);
	chmod 0600, $key;
	$node->append_conf('postgresql.conf', 'ssl = on');
	$node->reload;
	create_peer('by_tls', "host '127.0.0.1', port '$port', dbname 'other', sslmode 'verify-full', sslrootcert '$certificate'", qq{"user" 'with_password', password '$secret'});
	soon(sub { (pull('by_tls', 'SELECT 1'))[1] eq '' });
	is((pull('by_tls', q{SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())}))[0], '{"\\\\x01"}', 'over TLS');
	is((pull('by_tls', q{SELECT repeat('x', 1000000) FROM generate_series(1, 20)}, max_bytes => 30 * $MB, columns => 'count(*), sum(length(row[1]))'))[0], '20|20000000', 'a lot over TLS');
	create_peer('wrong_name', "host 'localhost', hostaddr '127.0.0.1', port '$port', dbname 'other', sslmode 'verify-full', sslrootcert '$certificate'", qq{"user" 'with_password', password '$secret'});
	like((pull('wrong_name', 'SELECT 1'))[1], qr/ERROR:  08001: could not connect to server "wrong_name"/, 'a certificate of another name');
}
is(connections(), 0, 'no connection is left');

# ------------------------------------------------------------------ the ways to be hostile

# Sends something again and again until the client goes.
sub again
{
	my ($peer, $bytes) = @_;
	my $much = $bytes x (1 + int 65536 / length $bytes);

	$peer->send_bytes($much) while 1;
	return;
}

# Rows behind which there is nothing yet.
my $two_rows = FakePeer::columns(1) . FakePeer::row('first') . FakePeer::row('second');
my %hostile = (
	silent => sub { },
	asks_again_and_again => sub { again($_[0], FakePeer::message('R', pack 'N a4', 5, 'salt')) },
	asks_for_the_password => sub {
		my ($peer) = @_;
		$peer->say('R', pack 'N', 3);
		my $password = $peer->hear_until('p') =~ s/\0//r;
		$peer->send_bytes(FakePeer::error('28P01', "you said\t$password\e[2J\n2026-01-01 LOG:  all is well\x7f\xc2\x85\xe2\x80\xae"));
	},
	asks_for_many_rounds => sub { $_[0]->say('R', pack('N', 10) . "SCRAM-SHA-256\0\0"); my ($nonce) = $_[0]->hear_until('p') =~ /r=([^,]*)/; $_[0]->say('R', pack('N', 11) . "r=$nonce+,s=c2FsdHNhbHQ=,i=2147483647"); },
	notices_while_connecting => sub { $_[0]->say('R', pack 'N', 0); again($_[0], FakePeer::notice('x' x 1000)) },
	settings_without_end => sub { my $i = 0; $_[0]->say('R', pack 'N', 0); $_[0]->say('S', 'setting' . $i++ . "\0" . 'x' x 29000 . "\0") while 1; },
	one_byte_a_while => sub { foreach my $byte (split //, FakePeer::message('R', pack 'N', 0) x 10) { $_[0]->send_bytes($byte); sleep 0.3; } },
	no_preparation => sub { $_[0]->log_in },
	rows_before_the_query => sub { $_[0]->log_in; $_[0]->hear_until('Q'); $_[0]->send_bytes(FakePeer::columns(1)); again($_[0], FakePeer::row('x' x 1000)) },
	results_before_the_query => sub { $_[0]->log_in; $_[0]->hear_until('Q'); again($_[0], FakePeer::complete()) },
	silent_query => sub { $_[0]->prepare },
	stops_between => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows . substr(FakePeer::row('third'), 0, 8)) },
	dies_between => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows . substr(FakePeer::row('third'), 0, 8)); shutdown $_[0]{socket}, 2 },
	dies_saying_so => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows . FakePeer::error('57P01', 'terminating connection', 'FATAL')); shutdown $_[0]{socket}, 2 },
	never_listens => sub { $_[0]->log_in; $_[0]->hear_until('Q'); $_[0]->send_bytes(FakePeer::complete() x 8 . FakePeer::columns(1) . FakePeer::row('1s') . FakePeer::complete() . FakePeer::ready()
		. FakePeer::message('1', '') . FakePeer::message('2', '') . FakePeer::columns(1)); again($_[0], FakePeer::row('x' x 1000)) },
	one_row_of_500_mb => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(1) . 'D' . pack('N n N', 500 * $MB + 10, 1, 500 * $MB)); $_[0]->send_bytes('x' x $MB) for 1 .. 500; },
	promises_1_gb => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(1) . 'D' . pack('N n N', 0x3fffff00, 1, 0x3ffffef0)) },
	promises_2_gb => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(1) . 'D' . pack('N n N', 0x7ffffff0, 1, 0x7fffffe0)) },
	rows_of_500_mb => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(1)); $_[0]->send_bytes(FakePeer::row('x' x $MB)) for 1 .. 500; },
	rows_of_nothing => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(0)); again($_[0], FakePeer::row()) },
	rows_of_null => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(1)); again($_[0], FakePeer::row(undef)) },
	error_of_500_mb => sub { $_[0]->prepare; $_[0]->send_bytes('E' . pack('N', 500 * $MB) . 'M'); $_[0]->send_bytes('x' x $MB) for 1 .. 500; },
	notices_without_end => sub { $_[0]->prepare; again($_[0], FakePeer::notice('x' x 1000)) },
	short_notices_without_end => sub { $_[0]->prepare; again($_[0], FakePeer::notice('')) },
	notifications_without_end => sub { $_[0]->prepare; again($_[0], FakePeer::message('A', pack('N', 1) . "channel\0payload\0")) },
	settings_instead => sub { my $i = 0; $_[0]->prepare; $_[0]->say('S', 'setting' . $i++ . "\0" . 'x' x 29000 . "\0") while 1; },
	many_columns => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(30000)); again($_[0], FakePeer::row((undef) x 30000)) },
	another_number_of_columns => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(2) . FakePeer::row('x') . FakePeer::complete() . FakePeer::ready()) },
	copy_out => sub { $_[0]->prepare; $_[0]->say('H', pack 'C n n', 0, 1, 0); again($_[0], FakePeer::message('d', 'x' x 1000)) },
	copy_in => sub { $_[0]->prepare; $_[0]->say('G', pack 'C n n', 0, 1, 0) },
	copy_both => sub { $_[0]->prepare; $_[0]->say('W', pack 'C n n', 0, 1, 0) },
	empty_query => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::message('I', '') . FakePeer::ready()) },
	no_result => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::ready()) },
	nonsense => sub { $_[0]->prepare; $_[0]->send_bytes("\x00\xff" x 1000) },
	says_it_was_cancelled => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::error('57014', 'canceling statement due to user request') . FakePeer::ready()) },
	fails_with_no_code => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::error("a\e[2J", "\xff\xfe\n\tgone") . FakePeer::ready()) },
	two_answers => sub { $_[0]->prepare; $_[0]->send_bytes(($two_rows . FakePeer::complete()) x 2 . FakePeer::ready()) },
	# Not hostile, but just so.
	odd_rows => sub { $_[0]->prepare; $_[0]->send_bytes(FakePeer::columns(2) . FakePeer::row(undef, '') . FakePeer::row(pack('N*', 2, 0, 25, 1, 1, 1, 1), undef)); $_[0]->end },
	# Between two questions.
	silent_end => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows . FakePeer::complete() . FakePeer::ready()) },
	ends_in_a_transaction => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows . FakePeer::complete() . FakePeer::ready()); $_[0]->hear_until('Q'); $_[0]->send_bytes(FakePeer::message('C', "COMMIT\0") . FakePeer::ready()) },
	talks_unasked => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows); $_[0]->end; again($_[0], FakePeer::notice('x' x 1000)) },
	answers_unasked => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows); $_[0]->end; again($_[0], FakePeer::columns(1) . FakePeer::row('forged') . FakePeer::complete() . FakePeer::ready()) },
	promises_unasked => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows); $_[0]->end; sleep 0.1; $_[0]->send_bytes('N' . pack('N', 0x70000000)) },
	goes_saying_so => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows); $_[0]->end; $_[0]->send_bytes(FakePeer::error('57P01', 'terminating connection', 'FATAL')); shutdown $_[0]{socket}, 2 },
	goes_after_a_question => sub { $_[0]->prepare; $_[0]->send_bytes($two_rows); $_[0]->end; shutdown $_[0]{socket}, 2 },
);
$dir = PostgreSQL::Test::Utils::tempdir_short();
my $fake = FakePeer->new($dir, \%hostile);
create_peer($_, "host '$dir', port '5432', dbname '$_'", qq{"user" 'me', password '$secret'}) foreach sort keys %hostile;

# What a session has to say about itself: megabytes at most so far, and open files.
my $memory = q{SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1]::int / 1024};
my $files = q{SELECT count(*) FROM pg_ls_dir('/proc/self/fd')};
my ($basis) = $node->safe_psql('postgres', script('honest', 'SELECT 1', columns => 'NULL') . $memory) =~ /(\d+)$/;

# The error must match, not later than so many seconds, nor with more memory.
sub check
{
	my ($server, $error, %more) = @_;
	my ($out, $err, $seconds) = pull($server, 'SELECT 1', deadline => '2s', max_bytes => 10 * $MB, after => ";$memory;", %more);
	my ($most) = $out =~ /(\d+)$/;

	note sprintf '%s: %.1f s, %d MB', $server, $seconds, $most - $basis;
	like($err, $error, "$server: the error");
	unlike($err, qr/\Q$dir\E|5432|[\x00-\x08\x0b-\x1f]/, "$server: no more of it than one may know");
	cmp_ok($seconds, '<', $slack + ($more{deadline} // '2s') =~ s/s//r, "$server: in time");
	cmp_ok($most, '<', $basis + 70, "$server: not much memory") unless $more{no_memory};
	return;
}

my $no_connection = qr/^ERROR:  08001: could not connect to server "\w+"\n/;
my $late_connection = qr/^ERROR:  08001: could not connect to server "\w+" in time\n/;
my $too_much = qr/^ERROR:  54000: server "\w+" sent too much\nDETAIL:  It may send 10485760 bytes/;
my $late = qr/^ERROR:  08006: server "\w+" did not answer in time\n/;
my $lost = qr/^ERROR:  08006: lost the connection to server "\w+"\n/;
my $protocol = qr/^ERROR:  08P01: server "\w+" did not answer the query\n/;

check('silent', $late_connection);
check('asks_again_and_again', $no_connection);
logged();
check('asks_for_the_password', $no_connection);
$log = logged();
like($log, qr/you said \*{11} \[2J 2026-01-01 LOG:  all is well/, 'what it says is logged on one line, without the password');
unlike($log, qr/\Q$secret\E|\e|\x7f|\xc2\x85|\xe2\x80\xae/, 'nor what controls a terminal');
# With a password it would get its rounds; nobody who has none computes any.
$node->safe_psql('postgres', 'ALTER USER MAPPING FOR CURRENT_USER SERVER asks_for_many_rounds OPTIONS (DROP password)');
check('asks_for_many_rounds', $no_connection);
check('notices_while_connecting', $too_much);
check('settings_without_end', $too_much, deadline => '20s');
check('one_byte_a_while', $late_connection);
check('no_preparation', $late);
check('rows_before_the_query', $too_much);
check('results_before_the_query', $too_much);
check('silent_query', $late);
check('stops_between', $late);
check('dies_between', $lost);
check('dies_saying_so', $lost);
check('never_listens', $too_much, parameters => q{ARRAY[repeat('x', 3000000)]});
check('one_row_of_500_mb', $too_much);
check('promises_1_gb', $too_much);
check('promises_2_gb', $lost);
check('rows_of_500_mb', $too_much);
check('rows_of_nothing', $too_much);
check('rows_of_null', $too_much);
check('error_of_500_mb', $too_much);
check('notices_without_end', $too_much);
check('short_notices_without_end', $too_much);
check('notifications_without_end', $too_much);
check('settings_instead', $too_much, deadline => '20s');
check('many_columns', qr/^ERROR:  54011: server "many_columns" sent too many columns\n/);
check('another_number_of_columns', qr/^ERROR:  (HV000|08006)/);
check('copy_out', $protocol);
check('copy_in', $protocol);
check('copy_both', $protocol);
check('empty_query', $protocol);
check('no_result', $protocol);
check('nonsense', $lost);
check('says_it_was_cancelled', qr/^ERROR:  HV000: query failed on server "says_it_was_cancelled"\nDETAIL:  It says SQLSTATE 57014\.\n/);
logged();
check('fails_with_no_code', qr/^ERROR:  HV000: query failed on server "fails_with_no_code"\nHINT:/);
like(logged(), qr/\?\?  gone/, 'bytes that are no text are question marks in the log');
check('silent_end', $late);
is((pull('ends_in_a_transaction', 'SELECT 1', columns => q{convert_from(row[1], 'UTF8')}))[0], "first\nsecond", 'ends_in_a_transaction: that connection is not kept');
foreach my $server ('talks_unasked', 'answers_unasked', 'promises_unasked', 'goes_saying_so', 'goes_after_a_question')
{
	# The second question comes when whatever is sent unasked is there.
	my @answers = split /\n/, $node->safe_psql('postgres', qq{
		CREATE TABLE $server (answer text);
		DO \$\$ BEGIN
			FOR i IN 1 .. 2 LOOP
				BEGIN
					INSERT INTO $server SELECT convert_from(r[1], 'UTF8') FROM prio_internal.pull('$server', 'SELECT 1', '{}', 1000000, '3s') AS r;
				EXCEPTION WHEN OTHERS THEN INSERT INTO $server VALUES (SQLERRM);
				END;
				PERFORM pg_sleep(0.2);
			END LOOP;
		END \$\$;
		SELECT answer FROM $server; $memory});
	cmp_ok(pop @answers, '<', 150, "$server: not much memory");
	is(join(' ', @answers[0, 1]), 'first second', "$server: one answer");
	# What it says instead it could also have said when asked.
	is(join(' ', grep { $_ !~ /^(first|second|forged)$|server "$server"/ } @answers), '', "$server: then an error, an answer, or a connection anew");
	is(join(' ', @answers), 'first second first second', "$server: a connection anew") if $server =~ /^goes/;
	like($answers[2], qr/sent too much/, "$server: too much") if $server eq 'promises_unasked';
}
is((pull('two_answers', 'SELECT 1', columns => q{convert_from(row[1], 'UTF8')}))[0], "first\nsecond", 'two_answers: the first counts');
is((pull('odd_rows', 'SELECT 1'))[0], qq({NULL,"\\\\\\\\x"}\n{"\\\\\\\\x00000002000000000000001900000001000000010000000100000001",NULL}) =~ s/\\\\\\\\/\\\\/gr, 'odd_rows: NULL and the bytes of an array are what they are');

# ------------------------------------------------------------------ frozen

# The backend of an honest server stops in the middle of a query.
my $frozen = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', script('honest', 'SELECT pg_sleep(1000)', deadline => '3s') ], '>', \my $frozen_out, '2>', \my $frozen_err);
my $pid;
ok(soon(sub { $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'prio_processor' AND query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'}); $pid ne '' }), 'a query is running there');
kill 'STOP', $pid;
my $begun = time;
$frozen->finish;
cmp_ok(time - $begun, '<', 3 + $slack, 'a server that freezes costs no more than the deadline');
like($frozen_err, qr/server "honest" did not answer in time/, 'and that is the error');
kill 'CONT', $pid;
ok(soon(sub { connections() == 0 }), 'when it thaws, the connection is gone');

# ------------------------------------------------------------------ interrupted

# A call in each of its phases ends at once, as one that waits for nobody does.
my %phases = (
	'silent' => 'connecting',
	'one_byte_a_while' => 'being let in',
	'no_preparation' => 'preparing',
	'silent_query' => 'waiting for rows',
	'stops_between' => 'in the middle of a row',
	'honest' => 'asking an honest server',
);
foreach my $server (sort keys %phases)
{
	my $query = 'SELECT pg_sleep(1000)';

	($out, $err, $seconds) = pull($server, $query, deadline => '60s', before => q{SET statement_timeout = '700ms'});
	like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, "$phases{$server}: statement_timeout");
	cmp_ok($seconds, '<', $slack, "$phases{$server}: ends at once");
	foreach my $interrupt ('pg_cancel_backend', 'pg_terminate_backend')
	{
		my ($out, $err) = ('', '');
		my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=interrupted', '-c', script($server, $query, deadline => '60s') ],
			'>', \$out, '2>', \$err);
		my $running = soon(sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interrupted' AND wait_event_type = 'Extension'}) == 1 });
		my $begun;

		ok($running, "$phases{$server}: waits where one can see it");
		sleep 0.3;
		$begun = time;
		$node->safe_psql('postgres', qq{SELECT $interrupt(pid) FROM pg_stat_activity WHERE application_name = 'interrupted'});
		$session->finish;
		cmp_ok(time - $begun, '<', $slack, "$phases{$server}: $interrupt ends it at once");
		like($err, $interrupt eq 'pg_cancel_backend' ? qr/canceling statement due to user request/ : qr/terminating connection due to administrator command/, 'and that is the error');
	}
}
ok(soon(sub { connections() == 0 }), 'no connection is left at an honest server');
ok(soon(sub { my ($open, $closed) = $fake->clients; $open > 40 && $open == $closed }), 'nor at one that is not') or diag join ' of ', $fake->clients;

# ------------------------------------------------------------------ again and again

# In one session, errors caught as run() catches them: neither files nor memory grow.
my $attempts = q{DO $$
	DECLARE peer name;
	BEGIN
		FOR i IN 1 .. 50 LOOP
			FOREACH peer IN ARRAY ARRAY['honest', 'dies_between', 'asks_for_the_password', 'copy_in'] LOOP
				BEGIN
					PERFORM prio_internal.pull(peer, 'SELECT 1', '{}', 1000000, '5s');
				EXCEPTION WHEN OTHERS THEN NULL;
				END;
			END LOOP;
		END LOOP;
	END $$;};
my $a_few = $attempts =~ s/50/10/r;
my @lines = split /\n/, $node->safe_psql('postgres', "$a_few\n$files;\n$memory;\n$attempts\n$files;\n$memory;");
is($lines[2], $lines[0], '200 calls leave no file open');
cmp_ok($lines[3], '<', $lines[1] + 3, 'nor do they leave memory');
is($node->safe_psql('postgres', q{DO $$ BEGIN PERFORM prio_internal.pull('says_it_was_cancelled', '', '{}', 1000000, '5s'); EXCEPTION WHEN OTHERS THEN CREATE TABLE caught (); END $$; SELECT count(*) FROM caught}), 0,
	'no peer can choose an error that nobody catches');
ok(soon(sub { my ($open, $closed) = $fake->clients; $open == $closed }), 'no connection is left');
$fake->stop;

# ------------------------------------------------------------------ encodings

foreach my $encoding ('LATIN1', 'SQL_ASCII')
{
	my $database = lc $encoding;
	my ($text, $why);

	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' TEMPLATE template0 LOCALE 'C'");
	$node->safe_psql($database, 'CREATE EXTENSION prio; CREATE SCHEMA prio_internal; ' . slurp_file('processor/pull.sql') =~ s/MODULE_PATHNAME/\$libdir\/prio/gr);
	$node->safe_psql($database, qq{CREATE SERVER honest FOREIGN DATA WRAPPER prio_peer OPTIONS (host '$socket', port '$port', dbname 'other'); CREATE USER MAPPING FOR CURRENT_USER SERVER honest OPTIONS ("user" '$user')});
	$text = $node->safe_psql($database, q{SELECT prio_internal.peer_text(row[1], 9) IS NULL, encode(prio_internal.peer_text(row[1], 9)::bytea, 'hex'), prio_internal.peer_text(row[2], 9) IS NULL, row[3]
		FROM prio_internal.pull('honest', 'SELECT chr(228), chr(8364), octet_length($1::text)', ARRAY['a'], 1000, '5s') AS row});
	is($text, $encoding eq 'LATIN1' ? 'f|e4|t|\x00000001' : 't||t|\x00000001', "$encoding: text that it cannot hold is NULL");
	(undef, $text, $why) = $node->psql($database, qq{SET client_encoding = '$encoding'; SELECT prio_internal.peer_text(row[1], 9) FROM prio_internal.pull('honest', 'SELECT length(\$1::text)::text', ARRAY[E'\\xe4'], 1000, '5s') AS row});
	is($text, 1, "$encoding: a parameter goes as UTF-8") if $encoding eq 'LATIN1';
	like($why, qr/ERROR:  a parameter cannot be sent to another server: ".*"\nDETAIL:  The encoding of this database is SQL_ASCII/, "$encoding: a parameter that means nothing is refused") if $encoding ne 'LATIN1';
}

done_testing();
