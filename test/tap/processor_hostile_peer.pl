# The other server may say what it likes, or nothing: no batch takes harm that it has no part in, and
# run() comes to an end.
use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $node = $A->{node};

# A database of a liar: it has tables for views, and says of a batch what B says, but for what it lies about.
my $liar = { node => $node, database => 'liar' };
$node->safe_psql('postgres', 'CREATE DATABASE liar');
sql($liar, q{
	CREATE SCHEMA prio_processor;
	CREATE TABLE prio_processor.outbox_checkpoint (batch_id text, batch_name bytea, ended boolean, settings text, listed text, list_digest bytea, messages_1 text,
		messages_2 text, valid text, rejected text, has_total boolean, failure text, heard_list_digest bytea, heard_messages_1 text, heard_messages_2 text, heard_valid text);
	CREATE TABLE prio_processor.outbox_list (batch_id text, piece int, ids bytea);
	CREATE TABLE prio_processor.outbox_message (batch_id text, round int, chunk int, list_digest bytea, payload bytea);
	GRANT USAGE ON SCHEMA prio_processor TO other_server;
	GRANT SELECT ON ALL TABLES IN SCHEMA prio_processor TO other_server});

# Everything that B says goes to the liar, which then lies.
sub lie
{
	my ($sql) = @_;

	foreach my $view ('checkpoint', 'list', 'message')
	{
		my $file = $node->basedir . '/outbox';
		sql($B, "\\copy (SELECT * FROM prio_processor.outbox_$view) TO '$file'");
		sql($liar, "TRUNCATE prio_processor.outbox_$view; \\copy prio_processor.outbox_$view FROM '$file'" =~ s/; /;\n/r);
		unlink $file;
	}
	sql($liar, $sql) if $sql;
	return;
}

sub listen_to
{
	my (%option) = @_;
	sql($A, 'ALTER SERVER other OPTIONS (' . join(', ', map { "SET $_ '$option{$_}'" } keys %option) . ')');
	return;
}

sub error_of { return as($A, 'job', "SELECT error FROM prio_processor.batch WHERE batch_id = '$_[0]'"); }

# ------------------------------------------------------------------ lies

# A batch a lie; each is told when A is about to hear it. What is honest beside it must be published.
my $cheat = 'the other server has said one thing and now says another';
my %lie = (
	'no list digest' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET list_digest = '\x00' WHERE batch_id = '%s'}, qr/says something that is no checkpoint/ ],
	'list too short' => [ 'agree', q{UPDATE prio_processor.outbox_list SET ids = substr(ids, 17) WHERE batch_id = '%s'}, qr/piece 0 of the other server's list is none/ ],
	'list unsorted' => [ 'agree', q{UPDATE prio_processor.outbox_list SET ids = substr(ids, 17, 16) || substr(ids, 1, 16) || substr(ids, 33) WHERE batch_id = '%s' AND piece = 0},
		qr/piece 0 of the other server's list is none/ ],
	'list NULL' => [ 'agree', q{UPDATE prio_processor.outbox_list SET ids = NULL WHERE batch_id = '%s'}, qr/piece 0 of the other server's list is none/ ],
	'another list' => [ 'agree', q{UPDATE prio_processor.outbox_list SET ids = set_byte(ids, octet_length(ids) - 1, get_byte(ids, octet_length(ids) - 1) # 1) WHERE batch_id = '%s' AND piece = 0},
		qr/list is not the one that it has the digest of/ ],
	'endless list' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET listed = '9223372036854775807' WHERE batch_id = '%s'}, qr/lists 9223372036854775807 shares, and this one 12/ ],
	'other settings' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET settings = replace(settings, 'n_data=6', 'n_data=1e131071') WHERE batch_id = '%s'},
		qr/the two servers do not agree on n_data \(6 here, 1e131071 there\)/ ],
	'heard what was not said' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET heard_messages_2 = '1' WHERE batch_id = '%s'}, qr/has heard more than this one has said/ ],
	'heard another list' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET heard_list_digest = '\x00' WHERE batch_id = '%s'}, qr/has heard more than this one has said/ ],
	'heard a total' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET heard_valid = '9' WHERE batch_id = '%s'}, qr/has heard more than this one has said/ ],
	'messages cut' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET payload = substr(payload, 2) WHERE batch_id = '%s' AND round = 1}, qr/messages of round 1 about chunk 0 are none/ ],
	'messages NULL' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET payload = NULL WHERE batch_id = '%s'}, qr/messages of round 1 about chunk 0 are none/ ],
	'messages too many' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET payload = payload || '\x00' WHERE batch_id = '%s'}, qr/messages of round 1 about chunk 0 are none/ ],
	'messages about another list' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET list_digest = sha256('') WHERE batch_id = '%s'}, qr/speaks about another list of shares/ ],
	'another digest later' => [ 'round 2', q{UPDATE prio_processor.outbox_checkpoint SET list_digest = sha256('') WHERE batch_id = '%s'}, qr/$cheat/ ],
	'other settings later' => [ 'round 2', q{UPDATE prio_processor.outbox_checkpoint SET settings = settings || ';x=y' WHERE batch_id = '%s'}, qr/$cheat/ ],
	'numbers below zero' => [ 'agree', q{UPDATE prio_processor.outbox_checkpoint SET messages_1 = '-9223372036854775808', messages_2 = '-1', rejected = '1e131071' WHERE batch_id = '%s'}, undef ],
	'garbage in round 1' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET payload = (SELECT decode(string_agg('02c3ff', ''), 'hex') FROM generate_series(1, 5)) WHERE batch_id = '%s' AND round = 1 AND chunk = 0}, qr/held back: 5 of 12/ ],
	'garbage in round 2' => [ 'round 2', q{UPDATE prio_processor.outbox_message SET payload = decode(repeat('00', 5), 'hex') WHERE batch_id = '%s' AND round = 2 AND chunk = 0}, qr/held back: 5 of 12/ ],
	'another number' => [ 'publish', q{UPDATE prio_processor.outbox_checkpoint SET valid = '11' WHERE batch_id = '%s'}, qr/do not agree on the valid shares: 12 here, 11 there/ ],
	'no total after all' => [ 'publish', q{UPDATE prio_processor.outbox_checkpoint SET has_total = false WHERE batch_id = '%s'}, qr/the other server has fewer valid shares than its min_batch_size/ ],
	'total garbage' => [ 'publish', q{UPDATE prio_processor.outbox_message SET payload = '\xc0' WHERE batch_id = '%s' AND round = 3}, qr/the totals do not belong together/ ],
	'total empty' => [ 'publish', q{UPDATE prio_processor.outbox_message SET payload = '' WHERE batch_id = '%s' AND round = 3}, qr/the totals do not belong together/ ],
	'total of somebody else' => [ 'publish', q{UPDATE prio_processor.outbox_message SET payload = (SELECT payload FROM prio_processor.outbox_message WHERE batch_id = 'honest' AND round = 3)
		WHERE batch_id = '%s' AND round = 3}, qr/the totals do not belong together|a count is beyond what/ ],
	'total too long' => [ 'publish', q{UPDATE prio_processor.outbox_message SET payload = decode(repeat('00', 20000), 'hex') WHERE batch_id = '%s' AND round = 3}, undef ]);
my @lies = sort keys %lie;

my @honest = ('honest', 'beside', grep { !defined $lie{$_}[2] } @lies);

# All told in one stage; what A says about it.
sub tell_lies
{
	my ($stage) = @_;
	lie(join ";\n", map { sprintf $lie{$_}[1], $_ } grep { $lie{$_}[0] eq $stage } @lies);
	return run($pair, 'A');
}

# A second Prio server has a peer that does not lie.
foreach my $role ('A', 'B')
{
	my %keys = %{ $pair->{keys} };
	my $peer = $pair->{ $other{$role} };
	sql($pair->{$role}, qq{
		SET client_min_messages = warning;
		CREATE SERVER census FOREIGN DATA WRAPPER prio OPTIONS (role '$role', public_key '$keys{"public_$role"}');
		CREATE USER MAPPING FOR PUBLIC SERVER census OPTIONS (private_key '$keys{"private_$role"}', shared_secret '$keys{secret}');
		ALTER SERVER other OPTIONS (ADD login 'other_server');
		CREATE SERVER truthful FOREIGN DATA WRAPPER prio_peer OPTIONS (host '} . $node->host . q{', port '} . $node->port . qq{', dbname '$peer->{database}', login 'other_server');
		CREATE USER MAPPING FOR CURRENT_USER SERVER truthful OPTIONS (user 'other_server');
		CALL prio_processor.join_peer('census', '$keys{"public_$other{$role}"}', 'truthful')});
}

# The same clients in every batch.
sub new_batches
{
	my (@batches) = @_;
	my $calls = join ";\n", map { "CALL prio_processor.create_batch('$_', '" . (/^beside/ ? 'census' : 'telemetry') . "', 6, 5)" } @batches;

	as($pair->{$_}, 'job', $calls) foreach 'A', 'B';
	sql($pair->{clients}, sprintf q{
		INSERT INTO client (batch, data, share_a, share_b)
		SELECT batch, d::bigint[], share_a, share_b FROM unnest(ARRAY[%s]) AS batch, generate_series(1, 12) AS id,
			LATERAL (SELECT array_agg((id %% i = 0)::int ORDER BY i) AS d, array_agg(id %% i = 0 ORDER BY i) AS bits FROM generate_series(1, 6) AS i) AS x,
			prio_encode('\x%s', '\x%s', batch, bits)}, join(', ', map { "'$_'" } @batches), @{ $pair->{keys} }{ 'public_A', 'public_B' });
	foreach my $role ('A', 'B')
	{
		my $file = $node->basedir . '/shares';
		sql($pair->{clients}, "\\copy (SELECT batch, id, share_$role FROM client WHERE batch IN (" . join(', ', map { "'$_'" } @batches) . ")) TO '$file'");
		as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
	}
	close_both($pair, @batches);
	return;
}
small_chunks($pair, 5);
new_batches('honest', 'beside', @lies);
listen_to(dbname => 'liar');
run($pair, 'B');
tell_lies('agree');
run($pair, 'B');
tell_lies('round 2');
run($pair, 'B');
tell_lies('publish');
like(error_of($_), $lie{$_}[2], "a lie of the other server: $_") foreach grep { defined $lie{$_}[2] } @lies;
like(as($A, 'job', "SELECT error FROM prio_processor.exchange WHERE server = 'telemetry'"), qr/server "other" sent too much/, 'what is too long is not taken');
listen_to(dbname => 'server_b');
ok(finish($pair, @honest), 'batches about which it told the truth, or what makes no difference, are finished');
is(result($pair, 'A', $_), truth($pair, $_), "and right: $_") foreach @honest;
is(as($A, 'analyst', 'SELECT count(*) FROM prio_processor.result'), scalar @honest, 'nothing else is published');
is(sql($A, q{SELECT count(*) FROM prio_processor.batch WHERE stage = 'failed' AND total IS NOT NULL AND batch_id IN (SELECT batch_id FROM prio_processor.outbox_message)}), 0,
	'of what failed nothing can be read any more');

as($A, 'job', join '; ', map { "CALL prio_processor.give_up_batch('$_')" } 'garbage in round 1', 'garbage in round 2');

# ------------------------------------------------------------------ other shapes, and too much of them

new_batches('shapes', 'beside shapes');
run($pair, 'B');
lie(q{
	ALTER TABLE prio_processor.outbox_checkpoint ALTER settings TYPE int[] USING '{{1,2},{3,4}}', ALTER failure TYPE int[] USING '{{1,2},{3,4}}';
	ALTER TABLE prio_processor.outbox_list ALTER ids TYPE int[] USING '{{1,2},{3,4}}'});
listen_to(dbname => 'liar');
run($pair, 'A');
like(error_of('shapes'), qr/piece 0 of the other server's list is none/, '6. arrays for texts and bytes are nothing that was said');
sql($liar, q{
	DROP TABLE prio_processor.outbox_checkpoint;
	CREATE VIEW prio_processor.outbox_checkpoint AS
	SELECT NULL::text AS batch_id, NULL::bytea AS batch_name, false AS ended, repeat('x', 2000000) AS settings, NULL::text AS listed, NULL::bytea AS list_digest, NULL::text AS messages_1,
		NULL::text AS messages_2, NULL::text AS valid, NULL::text AS rejected, NULL::text AS has_total, NULL::text AS failure, NULL::bytea AS heard_list_digest, NULL::text AS heard_messages_1,
		NULL::text AS heard_messages_2, NULL::text AS heard_valid FROM generate_series(1, 1000);
	GRANT SELECT ON prio_processor.outbox_checkpoint TO other_server});
like(run($pair, 'A'), qr/WARNING:  server "telemetry": server "other" sent too much/, '6. two gigabytes are not taken: run() says so');
sql($liar, q{CREATE OR REPLACE VIEW prio_processor.outbox_checkpoint AS SELECT NULL::text AS batch_id, NULL::bytea AS batch_name, false AS ended, NULL::text AS settings, NULL::text AS listed,
	NULL::bytea AS list_digest, NULL::text AS messages_1, NULL::text AS messages_2, NULL::text AS valid, NULL::text AS rejected, NULL::text AS has_total, NULL::text AS failure,
	NULL::bytea AS heard_list_digest, NULL::text AS heard_messages_1, NULL::text AS heard_messages_2, NULL::text AS heard_valid FROM generate_series(1, 10)});
is(run($pair, 'A'), '', '6. rows of NULLs are nothing');
ok(finish($pair, 'beside shapes'), '6. other batches go on meanwhile');

# ------------------------------------------------------------------ silence

# How long one question takes: less than in earnest.
sql($A, q{CREATE SEQUENCE public.asked;
	CREATE OR REPLACE FUNCTION prio_internal.deadline() RETURNS interval LANGUAGE sql IMMUTABLE RETURN interval '1500 milliseconds';
	CREATE OR REPLACE FUNCTION prio_internal.ask(p prio_processor.peer, question text, parameters text[], max_bytes bigint) RETURNS SETOF bytea[] LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM nextval('public.asked') WHERE p.server = 'telemetry' AND question !~ 'outbox_checkpoint';
		RETURN QUERY SELECT r FROM prio_internal.pull(p.peer_server, question, parameters, max_bytes, prio_internal.deadline()) AS r;
	END $$});

# Freezes when it is asked for messages, of any of four batches.
new_batches('silent 1', 'silent 2', 'silent 3', 'silent 4', 'beside silence');
listen_to(dbname => 'server_b');
run($pair, 'A');
run($pair, 'B');
sql($liar, q{DROP SCHEMA prio_processor CASCADE; CREATE SCHEMA prio_processor; GRANT USAGE ON SCHEMA prio_processor TO other_server;
	CREATE TABLE prio_processor.checkpoint (batch_id text, batch_name bytea, ended boolean, settings text, listed text, list_digest bytea, messages_1 text,
		messages_2 text, valid text, rejected text, has_total boolean, failure text, heard_list_digest bytea, heard_messages_1 text, heard_messages_2 text, heard_valid text);
	CREATE VIEW prio_processor.outbox_checkpoint AS SELECT * FROM prio_processor.checkpoint;
	CREATE VIEW prio_processor.outbox_message AS SELECT v.s::text AS batch_id, 1 AS round, 1 AS chunk, '\x'::bytea AS list_digest, '\x'::bytea AS payload
		FROM pg_sleep(1000) AS v (s);
	CREATE VIEW prio_processor.outbox_list AS SELECT v.s::text AS batch_id, 1 AS piece, '\x'::bytea AS ids FROM pg_sleep(1000) AS v (s);
	GRANT SELECT ON ALL TABLES IN SCHEMA prio_processor TO other_server});
{
	my $file = $node->basedir . '/outbox';
	sql($B, "\\copy (SELECT * FROM prio_processor.outbox_checkpoint) TO '$file'");
	sql($liar, "\\copy prio_processor.checkpoint FROM '$file'");
}
listen_to(dbname => 'liar');
sql($A, q{SELECT setval('public.asked', 1, false)});
run($pair, 'A');
# in each pass, of which there is another as long as any batch gets on
cmp_ok(sql($A, 'SELECT last_value FROM public.asked'), '<=', 3, '6. a peer that freezes is waited for once, not once a batch');
like(as($A, 'job', "SELECT state, error FROM prio_processor.exchange WHERE server = 'telemetry'"), qr/^no answer\|server "other" did not answer in time/, 'exchange says so');
ok(finish($pair, 'beside silence'), '6. the batches of another server go on');
is(result($pair, 'A', 'beside silence'), truth($pair, 'beside silence'), 'and are right');

# Accepts, and never says a word.
my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $listener = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$directory/.s.PGSQL.5432", Listen => 100) or die "no socket: $!";
chmod 0777, $directory, "$directory/.s.PGSQL.5432";
listen_to(host => $directory, port => 5432);
like(run($pair, 'A'), qr/WARNING:  server "telemetry": could not connect to server "other" in time/, '6. a peer that accepts and never answers: run() says so');
$listener->blocking(0);
my $accepted = 0;
$accepted++ while $listener->accept;
cmp_ok($accepted, '<=', 2, 'and tried once in a pass');
$listener->close;
like(run($pair, 'A'), qr/could not connect to server "other"/, 'a peer that is gone');
listen_to(host => $node->host, port => $node->port, dbname => 'server_b');
ok(finish($pair, map { "silent $_" } 1 .. 4), 'when it answers again all goes on');
is(result($pair, 'A', 'silent 3'), truth($pair, 'silent 3'), 'and is right');

# ------------------------------------------------------------------ a piece at a time

# Each answer comes in time and has a piece of the list, which is right: no question fails, and there are sixty.
sql($A, q{CREATE OR REPLACE FUNCTION prio_internal.deadline() RETURNS interval LANGUAGE sql IMMUTABLE RETURN interval '4 seconds'});
small_chunks($pair, 1);
new_batch($pair, 'drips', 6, 5);
new_clients($pair, 'drips', 60, 6);
deliver($pair, 'drips');
close_both($pair, 'drips');
new_batches('drips 2', 'drips 3', 'beside drips');
run($pair, 'A');
run($pair, 'B');
sql($liar, q{CREATE TABLE prio_processor.list (batch_id text, piece int, ids bytea); CREATE TABLE prio_processor.began AS SELECT clock_timestamp() AS at; TRUNCATE prio_processor.checkpoint;
	GRANT SELECT ON ALL TABLES IN SCHEMA prio_processor TO other_server;
	CREATE OR REPLACE VIEW prio_processor.outbox_list AS WITH slowly AS MATERIALIZED (SELECT pg_sleep(1.2))
		SELECT l.* FROM slowly, prio_processor.list AS l WHERE l.piece < extract(epoch FROM clock_timestamp() - (SELECT at FROM prio_processor.began)) / 1.2});
{
	my $file = $node->basedir . '/outbox';
	sql($B, "\\copy (SELECT * FROM prio_processor.outbox_checkpoint) TO '$file'");
	sql($liar, "\\copy prio_processor.checkpoint FROM '$file'");
	sql($B, "\\copy (SELECT * FROM prio_processor.outbox_list) TO '$file'");
	sql($liar, "\\copy prio_processor.list FROM '$file'");
}
my $here = q{SELECT count(*) BETWEEN 1 AND 59 FROM prio_internal.list AS l JOIN prio_processor.batch AS b USING (number) WHERE b.batch_id = 'drips' AND l.role = 'B'};
listen_to(dbname => 'liar');
run($pair, 'A');
is(sql($A, $here), 't', '6. a peer that gives a little at a time is left before it has given all');
isnt(stage_of($pair, 'A', 'beside drips'), 'agree', '6. the batches of another server have had their turn by then');
is(as($A, 'job', q{SELECT state FROM prio_processor.exchange WHERE server = 'telemetry'}), 'answers', 'it does answer');
# Each for a batch of its own; and then an error that comes late.
foreach my $slow ('FROM prio_processor.list AS l WHERE l.piece < (SELECT -1 FROM slowly)', 'FROM slowly, (SELECT batch_id, piece / 0 AS piece, ids FROM prio_processor.list) AS l')
{
	sql($liar, "CREATE OR REPLACE VIEW prio_processor.outbox_list AS WITH slowly AS MATERIALIZED (SELECT pg_sleep(3)) SELECT l.* $slow");
	sql($A, q{SELECT setval('public.asked', 1, false)});
	run($pair, 'A');
	cmp_ok(sql($A, 'SELECT last_value FROM public.asked'), '<=', 2, "6. one that is slow is not asked about each of its batches: $slow");
}
listen_to(dbname => 'server_b');
ok(finish($pair, 'drips', 'drips 2', 'drips 3', 'beside drips'), 'then all are finished');
is(result($pair, 'A', $_), truth($pair, $_), "and right: $_") foreach 'drips', 'drips 3', 'beside drips';

done_testing();
