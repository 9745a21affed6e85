# Who may do what; what somebody prepared before, or has set in a session, makes no difference; and
# errors say what to do.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my $node = $A->{node};
my $superuser = sql($A, 'SELECT current_user');

sub fails
{
	my ($role, $sql, $error, $name) = @_;
	like(error_as($A, $role, $sql), $error, $name);
	return;
}

# ------------------------------------------------------------------ a batch under hostile settings

# Whoever may create in public, as everybody may by default in PostgreSQL 14, has functions and operators there
# that fit better than PostgreSQL's own, and says so when they run with somebody else's rights.
sub poison
{
	my ($side) = @_;
	my @functions = map { "CREATE FUNCTION public.$_->[0] RETURNS $_->[1] LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO public.caught VALUES (current_user || ': $_->[0]'); $_->[2] END \$\$" }
	  [ 'format(text, text)', 'text', q{RETURN $1;} ], [ 'format(text, int)', 'text', q{RETURN $1;} ], [ 'format(text, timestamptz)', 'text', q{RETURN $1;} ], [ 'format(text, name)', 'text', q{RETURN $1;} ],
	  [ 'format(text, bigint, numeric)', 'text', q{RETURN $1;} ], [ 'quote_ident(name)', 'text', q{RETURN $1;} ], [ 'split_part(text, text, bigint)', 'text', q{RETURN $1;} ],
	  [ 'octet_length(name)', 'int', q{RETURN 1;} ], [ 'lower(name)', 'text', q{RETURN $1;} ], [ 'array_append(text[], name)', 'text[]', q{RETURN $1;} ],
	  [ 'enum_less(anyenum, text)', 'bool', q{RETURN true;} ], [ 'enum_equal(anyenum, text)', 'bool', q{RETURN true;} ], [ 'int_text(int, text)', 'text', q{RETURN $2;} ], [ 'name_text(name, text)', 'bool', q{RETURN true;} ],
	  [ 'plus(timestamptz, text)', 'timestamptz', q{RETURN $1;} ];
	sql($side, 'GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE TABLE public.caught (what text); GRANT INSERT ON public.caught TO PUBLIC; ' . join ";\n", @functions, map
		{ "CREATE OPERATOR public.$_->[0] (FUNCTION = public.$_->[1], LEFTARG = $_->[2], RIGHTARG = $_->[3])" } [ '<', 'enum_less', 'anyenum', 'text' ], [ '>', 'enum_less', 'anyenum', 'text' ],
		[ '<=', 'enum_less', 'anyenum', 'text' ], [ '>=', 'enum_less', 'anyenum', 'text' ], [ '=', 'enum_equal', 'anyenum', 'text' ], [ '<>', 'enum_equal', 'anyenum', 'text' ], [ '||', 'int_text', 'int', 'text' ],
		[ '=', 'name_text', 'name', 'text' ], [ '+', 'plus', 'timestamptz', 'text' ]);
	return;
}
poison($A);
$node->safe_psql('postgres', "ALTER ROLE job SET debug_print_plan = on; ALTER ROLE job SET debug_print_rewritten = on; ALTER ROLE job SET debug_print_parse = on;
	ALTER ROLE job SET client_min_messages = log; ALTER ROLE job SET debug_pretty_print = off");
sql($_, 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, analyst') foreach $A, $B;
my $space = PostgreSQL::Test::Utils::tempdir_short();
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$space'");
$node->safe_psql('postgres', 'GRANT CREATE ON TABLESPACE elsewhere TO PUBLIC');
my $settings = q{SET default_tablespace = elsewhere; SET search_path = public, pg_catalog; SET standard_conforming_strings = off; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo';
	SET bytea_output = escape; SET transform_null_equals = on; SET default_transaction_isolation = serializable; SET enable_tidscan = off; SET work_mem = '64kB'; SET xmlbinary = hex; };

as($_, 'job', "$settings CALL prio_processor.create_batch('secret', 'telemetry', 6, 5)") foreach $A, $B;
new_clients($pair, 'secret', 8, 6);
deliver($pair, 'secret');
close_both($pair, 'secret');
my $heard = '';
my $ended = 0;
foreach (1 .. 20)
{
	foreach my $side ($A, $B)
	{
		my ($code, $out, $err) = $side->{node}->psql($side->{database}, "$settings CALL prio_processor.run(); SELECT * FROM prio_processor.progress;", extra_params => [ '-U', 'job' ]);
		$heard .= $err;
		is($code, 0, "run() works whatever the session has set") or diag $err;
		$ended = 1 if $out =~ /published\|done/;
	}
	last if $ended;
}
ok(finish($pair, 'secret'), 'a batch is finished under any settings');
is(result($pair, $_, 'secret'), truth($pair, 'secret'), "and right, says $_") foreach 'A', 'B';
my @secrets = split /\|/, sql($A, q{SELECT encode(total, 'hex'), encode(m.payload, 'hex') FROM prio_processor.batch JOIN prio_internal.message AS m USING (number) WHERE batch_id = 'secret' AND m.round = 1 AND m.role = 'A'});
# in a plan, a bytea is signed bytes
foreach my $secret (@secrets)
{
	my $bytes = join ' ', unpack 'c*', pack 'H*', substr($secret, 20, 40);
	unlike($heard, qr/\Q$bytes\E|\Q@{[substr $secret, 20, 40]}\E/, '4. no plan that an operator sees has a total, or a message, in it');
}
cmp_ok(length $heard, '>', 100_000, 'though it sees plans');
unlike($heard, qr/private_key|shared_secret|dbname|other_server/, '4. nor an option of a server');
is(sql($A, q{SELECT string_agg(DISTINCT relname, ',') FROM pg_class WHERE reltablespace <> 0 AND relname LIKE 'share%'}), '', '3. default_tablespace of a caller has no effect');
is(sql($A, q{SELECT string_agg(relname || relacl::text, ',') FROM pg_class, aclexplode(relacl) AS a WHERE relname LIKE 'share\_%' AND relnamespace = 'prio_internal'::regnamespace AND a.grantee <> relowner}), '',
	'3. nor have default privileges of the owner');
sql($A, "$settings CALL prio_processor.run(); SELECT count(*) FROM prio_processor.progress; SELECT count(*) FROM prio_processor.exchange;" =~ s/serializable/'read committed'/r);
is(sql($A, 'SELECT string_agg(DISTINCT what, chr(10)) FROM public.caught'), '', '3. no function or operator of somebody else ran');
$node->safe_psql('postgres', 'ALTER ROLE job RESET ALL');

# ------------------------------------------------------------------ made before, or beside

my $other = { node => $node, database => 'prepared' };
$node->safe_psql('postgres', 'CREATE DATABASE prepared');
poison($other);
sql($other, 'GRANT CREATE ON DATABASE prepared TO PUBLIC');
foreach my $schema ('prio_processor', 'prio_internal')
{
	as($other, 'collector', "CREATE SCHEMA $schema; CREATE FUNCTION $schema.octet_length(text) RETURNS int LANGUAGE sql RETURN 1");
	like(error_as($other, $superuser, 'CREATE EXTENSION prio_processor CASCADE'), qr/schema "$schema" exists already.*It belongs to role "collector".*HINT:  The extension makes this schema itself/s,
		"3. a schema made before by somebody else: $schema");
	sql($other, "DROP SCHEMA $schema CASCADE");
}
sql($other, q{ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO collector; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO collector; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO collector;
	ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO collector; ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO collector;
	SET standard_conforming_strings = off; SET default_tablespace = elsewhere; SET search_path = public, pg_catalog; SET client_min_messages = error; SET DateStyle = 'SQL, DMY';
	CREATE EXTENSION prio_processor CASCADE});
my $members = q{
	WITH o AS (
		SELECT p.oid::regprocedure::text AS name, p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, concat(p.proconfig, ' ', pg_get_function_sqlbody(p.oid), p.prosrc) AS body
		FROM pg_proc AS p WHERE p.pronamespace IN ('prio_processor'::regnamespace, 'prio_internal'::regnamespace)
		UNION ALL SELECT c.oid::regclass::text, c.relowner, c.relacl, c.reltablespace || coalesce(CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END, '')
		FROM pg_class AS c WHERE c.relnamespace IN ('prio_processor'::regnamespace, 'prio_internal'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'S')
		UNION ALL SELECT nspname, nspowner, nspacl, '' FROM pg_namespace WHERE nspname LIKE 'prio\_%'
		UNION ALL SELECT typname, typowner, coalesce(typacl, acldefault('T', typowner)), '' FROM pg_type WHERE oid = 'prio_processor.stage'::regtype)
	SELECT replace(concat_ws(' ', name, (SELECT string_agg(a.grantee::regrole || ' ' || a.privilege_type, ', ' ORDER BY a.grantee::regrole::text, a.privilege_type) FROM aclexplode(acl) AS a WHERE a.grantee <> owner), body), chr(10), ' ') FROM o};
$node->safe_psql('postgres', 'CREATE DATABASE clean');
my $clean = { node => $node, database => 'clean' };
sql($clean, 'SET client_min_messages = error; CREATE EXTENSION prio_processor CASCADE');
my %as_it_should_be = map { $_ => 1 } split /\n/, sql($clean, "SET search_path = ''; $members");
cmp_ok(scalar keys %as_it_should_be, '>', 150, 'functions, tables and types');
is(join("\n", grep { !$as_it_should_be{$_} } split /\n/, sql($other, "SET search_path = ''; $members")), '',
	'3. what is created is the same whatever somebody prepared, set, or grants by default; 10. with standard_conforming_strings = off, too');
is(sql($other, 'SELECT string_agg(DISTINCT what, chr(10)) FROM public.caught'), '', '3. and nothing of theirs ran meanwhile');
is( sql($other, q{SELECT string_agg(DISTINCT pg_describe_object(r.classid, r.objid, 0) || ' uses ' || r.refobjid::regprocedure, chr(10)) FROM pg_depend AS r JOIN pg_proc AS p ON r.refclassid = 'pg_proc'::regclass AND p.oid = r.refobjid
	WHERE p.pronamespace = 'public'::regnamespace AND p.proname NOT LIKE 'prio%' AND pg_describe_object(r.classid, r.objid, 0) !~ 'operator|public'}), '', '3. nor is anything of theirs used later');

# ------------------------------------------------------------------ roles

new_batch($pair, 'open', 6, 5);
my $share = q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('open', gen_random_uuid(), '\x00')};
is(error_as($A, 'collector', $share), '', 'a collector inserts shares');
is(as($A, 'collector', q{SELECT prio_processor.longest_share('open') BETWEEN 100 AND 10000}), 't', '9. and can ask how long one may be');
is(as($A, 'collector', q{SELECT prio_processor.import_share('open', share => '{"id": "00000000-0000-4000-8000-000000000001", "payload": "AA=="}')}), 't', 'and sends one as JSON');
fails('collector', $_, qr/permission denied/, "a collector does nothing else: $_") foreach q{SELECT prio_processor.import_share('open', line => '{}')}, 'SELECT FROM prio_processor.share', 'SELECT FROM prio_processor.batch', 'DELETE FROM prio_processor.share',
  'CALL prio_processor.run()', q{INSERT INTO prio_processor.share (batch_id, ordinal) VALUES ('open', 1)}, 'TRUNCATE prio_processor.share', q{SELECT prio_internal.longest_share('telemetry', 'x', 6)};
fails('job', $_, qr/permission denied/, "an operator sees no share, message, total or key: $_") foreach $share, 'SELECT FROM prio_processor.share', 'SELECT total FROM prio_processor.batch', 'SELECT FROM prio_internal.message',
  'SELECT FROM prio_internal.list', 'SELECT FROM prio_internal.opened', 'SELECT FROM prio_internal.work', 'SELECT FROM prio_internal.memory', 'SELECT FROM prio_internal.heard', 'SELECT FROM prio_internal.share_1', 'SELECT FROM prio_internal.early_share',
  'SELECT FROM prio_processor.outbox_message', 'SELECT FROM prio_processor.outbox_checkpoint', 'SELECT FROM prio_processor.outbox_list', q{UPDATE prio_processor.batch SET stage = 'open'}, 'DELETE FROM prio_processor.result',
  q{SELECT prio_internal.pull('other', 'SELECT 1', '{}', 1000, '1 second')}, q{SELECT prio_internal.said(1, 'A', 1, 0)}, q{SELECT prio_internal.server_option('telemetry', 'public_key')},
  q{SELECT prio_internal.opened_shares(1)}, q{SELECT prio_internal.fail_batch(NULL, '')}, q{SELECT prio_internal.decoy('telemetry', 1)};
fails('job', $_, qr/permission denied/, "only an administrator: $_") foreach q{CALL prio_processor.join_peer('telemetry', '')}, q{CALL prio_processor.leave_peer('telemetry')}, q{CALL prio_processor.set_floor('telemetry', 1)},
  'CALL prio_processor.after_restore()', 'CALL prio_processor.after_failover()';
fails('job', q{SELECT prio_processor.export_messages('secret', 1)}, qr/do not travel as files/, '4. an operator reads no message by exporting it');
fails('job', q{SELECT prio_processor.export_total('secret')}, qr/do not travel as files/, '4. nor a total');
is(as($A, 'job', q{SELECT options FROM (SELECT srvoptions AS options FROM pg_foreign_server WHERE srvname = 'other') AS s WHERE options::text LIKE '%user=%'}) . as($A, 'job', q{SELECT umoptions FROM pg_user_mappings WHERE umoptions IS NOT NULL AND srvname = 'other'}),
	'', q{4. nor the way to the other server's secrets});
is(as($A, 'analyst', 'SELECT count(*) FROM prio_processor.result'), 1, 'an analyst reads results');
fails('analyst', $_, qr/permission denied/, "and nothing else: $_") foreach 'SELECT FROM prio_processor.batch', 'SELECT FROM prio_processor.progress', 'CALL prio_processor.run()', 'SELECT FROM prio_processor.outbox_message';
is(as($A, 'other_server', 'SELECT (SELECT count(*) FROM prio_processor.outbox_checkpoint), (SELECT count(*) FROM prio_processor.outbox_list), (SELECT count(*) FROM prio_processor.outbox_message)'), '2|1|3', 'the other server reads what it may see');
fails('other_server', $_, qr/permission denied/, "and nothing else: $_") foreach 'SELECT FROM prio_processor.batch', 'SELECT FROM prio_processor.result', 'SELECT FROM prio_internal.message', 'SELECT FROM prio_processor.share', 'SELECT FROM prio_internal.list',
  'CALL prio_processor.run()', $share, 'SELECT prio_internal.step(1)', q{SELECT prio_internal.list_entries('')};
# a function that is cheap enough to see rows before the view leaves them out
sql($A, q{GRANT CREATE ON DATABASE server_a TO other_server});
as($A, 'job', q{CALL prio_processor.give_up_batch('open')});
my ($code, $out, $leaked) = $node->psql($A->{database}, q{CREATE SCHEMA mine; CREATE FUNCTION mine.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
	SELECT count(*) FROM prio_processor.outbox_message WHERE mine.leak(round::text || ' ' || encode(payload, 'hex'))}, extra_params => [ '-U', 'other_server' ]);
my $peers = sql($A, q{SELECT string_agg(encode(m.payload, 'hex'), '|') FROM prio_internal.message AS m WHERE m.role = 'B'});
unlike($leaked, qr/$peers/, 'what the view leaves out is seen by no function of the reader');
like($leaked, qr/saw 3 /, 'which sees what it may see');

# ------------------------------------------------------------------ two partners

sub outbox { return as($A, $_[0], q{SELECT (SELECT count(*) FROM prio_processor.outbox_checkpoint), (SELECT count(*) FROM prio_processor.outbox_list), (SELECT count(*) FROM prio_processor.outbox_message)}); }
sql($A, qq{
	CREATE ROLE second_partner LOGIN IN ROLE prio_peer;
	CREATE SERVER census FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$pair->{keys}{public_A}');
	CREATE USER MAPPING FOR PUBLIC SERVER census OPTIONS (private_key '$pair->{keys}{private_A}', shared_secret '$pair->{keys}{secret}');
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER prio_peer OPTIONS (host '/nowhere', login 'second_partner');
	CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (user 'x')});
my $join_census = "CALL prio_processor.join_peer('census', '$pair->{keys}{public_B}', 'elsewhere')";
fails($superuser, $join_census, qr/two partners would read each other's messages.*as whom the partner of server "other" logs in here.*ALTER SERVER other OPTIONS \(ADD login/s, 'a second partner, who would read everything of the first');
my $first = outbox('other_server');
sql($A, q{ALTER SERVER other OPTIONS (ADD login 'other_server')});
$node->psql($A->{database}, $join_census);
is(outbox('second_partner'), '0|0|0', 'a second partner reads no list, message or total of the first');
is(outbox('other_server'), $first, 'who reads what it has read before');
sql($A, q{CALL prio_processor.create_batch('with the second', 'census', 6, 5)});
is(outbox('second_partner'), '1|0|0', 'the second partner reads of its own batches');
is(outbox('other_server'), $first, 'and the first does not');
sql($A, q{ALTER SERVER other OPTIONS (SET login 'nobody')});
is(outbox('other_server'), '0|0|0', 'a login that is no role lets nobody read');
sql($A, q{ALTER SERVER other OPTIONS (DROP login)});
is(outbox('other_server'), '0|0|0', 'nor does it when a login is taken away again');
sql($A, q{ALTER SERVER elsewhere OPTIONS (DROP login)});
is(outbox('second_partner'), '0|0|0', 'nor when both are');
sql($A, q{CALL prio_processor.give_up_batch('with the second'); CALL prio_processor.leave_peer('census')});
is(outbox('other_server'), $first, 'where there is one partner, it needs no login');
sql($A, q{UPDATE prio_processor.peer SET peer_server = NULL});
is(outbox('other_server'), '0|0|0', 'batches of a partner that has files are read by nobody');
sql($A, q{UPDATE prio_processor.peer SET peer_server = 'other'; DROP SERVER elsewhere CASCADE});

# ------------------------------------------------------------------ what people get wrong (unknown_name.sql)

my $create = q{CALL prio_processor.create_batch('%s', 'telemetry', n_data => 4, min_batch_size => %s%s)};
sub create { return sprintf $create, @_; }
fails('job', create('open', 3, ''), qr/batch "open" exists already.*HINT:  A batch id is used once, also after drop_batch\(\)\. With if_not_exists/s, '15. a name that exists');
is(error_as($A, 'job', create('open', 3, ', if_not_exists => true')), '', 'which is no error when one says so');
fails('job', create('other', 'NULL', ''), qr/min_batch_size has to be given/, '15. no min_batch_size');
fails('job', create('other', 0, ''), qr/min_batch_size must be at least 1, not 0/, 'min_batch_size of 0');
fails('job', create('x' x 1001, 3, ''), qr/must have 1 to 1000 bytes, not 1001/, 'a name that is too long');
fails('job', create('', 3, ''), qr/must have 1 to 1000 bytes, not 0/, 'an empty one');
fails('job', create("a\nb", 3, ''), qr/must not have control characters/, 'one that would ruin a table');
fails('job', create('other', 3, ', max_missing => 1.5'), qr/max_missing must be between 0 and 1, not 1.5/, 'max_missing of 1.5');
fails('job', create('other', 3, ', max_missing => NULL'), qr/max_missing must be between 0 and 1, not NULL/, 'no max_missing');
fails('job', create('other', 3, ', bits => 3'), qr/n_data must be a multiple of bits/, 'bits that do not fit');
fails('job', q{CALL prio_processor.create_batch('other', 'telemetry', 7, 3)}, qr/proof of packets can be forged when n_data is 7.*HINT/s, 'an n_data that can be forged');
fails('job', q{CALL prio_processor.create_batch('other', 'nowhere', 6, 3)}, qr/server "nowhere" has no peer.*join_peer/s, 'a server that nobody joined');
fails('job', q{CALL prio_processor.create_batch(NULL, 'telemetry', 6, 3)}, qr/needs a name and a server/, 'no name');
fails('job', q{CALL prio_processor.close_batch('nothing')}, qr/batch "nothing" does not exist.*create_batch/s, 'a batch that does not exist');
fails('job', q{CALL prio_processor.drop_batch('secret'); CALL prio_processor.retry_batch('secret')}, qr/has not failed, or has been dropped/, 'a batch that is finished is not tried again');
fails('job', q{BEGIN; CALL prio_processor.run(); ROLLBACK}, qr/run\(\) cannot run inside a transaction block.*HINT/s, '15. run() inside a transaction');
fails('job', 'CALL prio_processor.run(NULL)', qr/max_wait has to be a time.*HINT/s, '6. run(NULL)');
my $key = $pair->{keys}{public_A};
fails($superuser, "CALL prio_processor.join_peer('telemetry', '$key')", qr/this is the public key of server "telemetry" itself/, q{15. a join with one's own public key});
fails($superuser, "CALL prio_processor.join_peer('telemetry', upper('$key'))", qr/this is the public key of server "telemetry" itself/, 'in capitals, too');
fails($superuser, q{CALL prio_processor.join_peer('telemetry', 'abc')}, qr/invalid public key of the other server.*64 hexadecimal/s, 'no key');
fails($superuser, q{CALL prio_processor.join_peer('other', 'abc')}, qr/server "other" is not a Prio server/, 'no Prio server');
fails($superuser, "CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_B}', 'telemetry')", qr/server "telemetry" does not say where the other database is/, 'a Prio server for a way');
sql($A, q{CREATE SERVER by_service FOREIGN DATA WRAPPER prio_peer OPTIONS (service 'only_psql_knows'); CREATE USER MAPPING FOR CURRENT_USER SERVER by_service OPTIONS (user 'x')});
my ($c, $o, $said) = $node->psql($A->{database}, "CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_B}', 'by_service'); CALL prio_processor.join_peer('telemetry', '$pair->{keys}{public_B}', 'other')");
like($said, qr/the other server does not answer yet: could not connect to server "by_service".*HINT/s, '15. a service name that only psql knows');

# ------------------------------------------------------------------ a floor

sql($A, q{CALL prio_processor.set_floor('telemetry', 100, 0.05)});
fails('job', create('low', 99, ', max_missing => 0.05'), qr/min_batch_size of server "telemetry" must be at least 100, not 99.*set_floor/s, 'an operator cannot go below the floor of an administrator');
fails('job', create('low', 100, ''), qr/max_missing of server "telemetry" must be at most 0.05, not 0.1/, 'nor with max_missing');
as($A, 'job', create('low', 100, ', max_missing => 0.05'));
fails('job', q{CALL prio_processor.change_batch('low', min_batch_size => 2)}, qr/must be at least 100/, 'nor later');
fails('job', q{CALL prio_processor.change_batch('low', max_missing => 1)}, qr/must be at most 0.05/, 'nor later, with max_missing');
sql($A, q{CALL prio_processor.set_floor('telemetry')});

# ------------------------------------------------------------------ names

my @names = ("it's", 'a "b" c', 'a\\b', '%s %I', 'n_data=1;x', "\x{c3}\x{a9}\x{e2}\x{86}\x{92}", '{1,2}', 'NULL', 'x' x 1000);
foreach my $side ($A, $B)
{
	as($side, 'job', join ";\n", map { "CALL prio_processor.create_batch('" . s/'/''/gr . "', 'telemetry', 6, 1)" } @names);
	as($side, 'job', join ";\n", map { "CALL prio_processor.close_batch('" . s/'/''/gr . "')" } @names);
}
ok(finish($pair, map { s/'/''/gr } @names), 'batches with names of all kinds are finished');
is(as($A, 'job', q{SELECT count(*) FROM prio_processor.progress WHERE state = 'too small' AND error LIKE '0 valid shares%'}), scalar @names, 'as they should be');

# ------------------------------------------------------------------ DROP EXTENSION

fails($superuser, 'DROP EXTENSION prio_processor', qr/cannot drop extension prio_processor because other objects depend on it.*server other depends on/s, '11. DROP EXTENSION says what depends on it');
sql($A, 'SET client_min_messages = error; DROP SERVER other CASCADE; DROP SERVER by_service CASCADE; DROP EXTENSION prio_processor');
is(sql($A, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'prio\_%'}), 0, '11. DROP EXTENSION leaves nothing');
sql($A, 'CREATE EXTENSION prio_processor');
join_side($pair, 'A', 'telemetry');
new_batch($pair, 'again', 6, 5);
new_clients($pair, 'again', 8, 6);
deliver($pair, 'again');
close_both($pair, 'again');
ok(finish($pair, 'again'), '11. created and joined again, it works');
is(result($pair, $_, 'again'), truth($pair, 'again'), "11. and is right, says $_") foreach 'A', 'B';

done_testing();
