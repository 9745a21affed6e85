# What would undo the protocol cannot be done: not by an accident, not by a late client, not
# by an operator. And every role can do its work, and nothing else.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair('max_prepared_transactions = 2');
my ($A, $B) = @{$pair}{ 'A', 'B' };

sub partition
{
	my ($table, $batch) = @_;
	return "prio_processor.${table}_" . $A->safe_psql('postgres', "SELECT number FROM prio_processor.batch WHERE batch_id = '$batch'");
}

sub shares { return $A->safe_psql('postgres', "SELECT count(*) FROM prio_processor.share WHERE batch_id = '$_[0]'"); }

sub fails
{
	my ($sql, $error, $name, $role) = @_;
	like(error_as($A, $role // 'postgres', $sql), $error, $name);
	return;
}

my $superuser = $A->safe_psql('postgres', 'SELECT current_user');
my $share = 'INSERT INTO prio_processor.share (batch_id, share_id, payload)';
my $garbage = "gen_random_uuid(), decode(md5(random()::text) || md5(random()::text), 'hex')";

# ------------------------------------------------------------------ closing

# Sessions that insert one share after the other, in transactions of their own, until some time
# after the batch is closed: every share is in the batch and counted, or refused and counted.
new_batch($pair, 'busy', 8, 3);
$A->safe_psql('postgres', q{
	CREATE TABLE tried (shares bigint);
	CREATE TABLE enough ();
	GRANT INSERT ON tried TO collector;
	GRANT SELECT ON enough TO collector});
my @inserting = map { $A->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'collector' ]) } 1 .. 4;
$_->query_until(qr/begun/, qq{\\echo begun
	DO \$\$ DECLARE n bigint := 0; BEGIN
		LOOP
			$share VALUES ('busy', $garbage);
			COMMIT;
			n := n + 1;
			EXIT WHEN EXISTS (SELECT FROM enough);
		END LOOP;
		INSERT INTO tried VALUES (n);
	END \$\$;
	\\echo ended
	}) foreach @inserting;
$A->poll_query_until('postgres', "SELECT count(*) > 200 FROM prio_processor.share WHERE batch_id = 'busy'");
as($A, 'job', "CALL prio_processor.close_batch('busy')");
my $at_close = shares('busy');
$A->poll_query_until('postgres', q{SELECT count(*) > 100 FROM prio_processor.rejection WHERE batch_id = 'busy'});
$A->safe_psql('postgres', 'INSERT INTO enough DEFAULT VALUES');
my $err = '';
foreach (@inserting)
{
	$_->query_until(qr/ended/, '');
	$err .= $_->{stderr};
	$_->quit;
}
is($err, '', 'sessions that insert shares while the batch is closed do not fail');
my $rounds = $A->safe_psql('postgres', 'SELECT sum(shares) FROM tried');
is(shares('busy'), $at_close, 'no share got in after that');
is(as($A, 'job', q{SELECT done, total FROM prio_processor.progress WHERE batch_id = 'busy' AND stage = 'open'}), "$at_close|$at_close",
	'all shares that got in are counted');
is(as($A, 'job', q{SELECT shares FROM prio_processor.rejections WHERE batch_id = 'busy' AND reason = 'late'}), $rounds - $at_close,
	'all that did not are counted as late');

# Closing waits for transactions that have inserted shares, prepared ones as well.
new_batch($pair, 'waits', 8, 3);
my $inserting = $A->background_psql('postgres', extra_params => [ '-U', 'collector' ]);
$inserting->query_safe("BEGIN; $share VALUES ('waits', $garbage)");
$A->safe_psql('postgres', "BEGIN; $share VALUES ('waits', $garbage); PREPARE TRANSACTION 'late'");
my $closing = $A->background_psql('postgres', extra_params => [ '-U', 'job' ]);
$closing->query_until(qr/begun/, "\\echo begun\nCALL prio_processor.close_batch('waits');\n\\echo closed\n");
ok($A->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^CALL prio_processor.close' AND wait_event_type = 'Lock'}),
	'closing waits for shares that are about to be committed');
$inserting->query_safe('COMMIT');
$A->safe_psql('postgres', "COMMIT PREPARED 'late'");
$closing->query_until(qr/closed/, '');
is(as($A, 'job', q{SELECT total FROM prio_processor.progress WHERE batch_id = 'waits' AND stage = 'verify1'}), 2, 'and counts them');
$_->quit foreach $inserting, $closing;

# A transaction that began before the batch was closed, and still sees it open.
new_batch($pair, 'old snapshot', 8, 3);
my $old = $A->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'collector' ]);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
fails(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; CALL prio_processor.close_batch('old snapshot'); COMMIT},
	qr/a batch can only be closed in a transaction of isolation level READ COMMITTED/, 'a batch is not closed under an old snapshot', 'job');
as($A, 'job', "CALL prio_processor.close_batch('old snapshot')");
$old->query("$share VALUES ('old snapshot', $garbage)");
like($old->{stderr}, qr/violates check constraint "batch_is_closed"/, 'a share does not get in with a snapshot from before the close');
$old->quit;

my $partition = partition('share', 'old snapshot');
as($A, 'collector', "$share VALUES ('old snapshot', $garbage)");
$A->safe_psql('postgres', "INSERT INTO $partition (batch_id, share_id, payload) VALUES ('old snapshot', $garbage)");
my $file = $A->basedir . '/late';
append_to_file($file, "old snapshot\t00000000-0000-0000-0000-000000000000\t\\\\x00\n");
$A->safe_psql('postgres', "COPY $partition (batch_id, share_id, payload) FROM '$file'");
is(shares('old snapshot'), 0, 'a share does not get into a closed batch, nor into its partition');
is(as($A, 'job', q{SELECT shares FROM prio_processor.rejections WHERE batch_id = 'old snapshot'}), 3, 'but is counted');
fails("SET session_replication_role = replica; INSERT INTO $partition (batch_id, share_id, payload) VALUES ('old snapshot', $garbage)",
	qr/violates check constraint "batch_is_closed"/, 'not even without triggers', $superuser);

# ------------------------------------------------------------------ one packet, one point, once

new_batch($pair, 'kept', 8, 3);
new_clients($pair, 'kept', 20, 8);
deliver($pair, 'kept');
fails("INSERT INTO prio_processor.share (batch_id, share_id, ordinal, payload) VALUES ('kept', gen_random_uuid(), 1, '\\x01')",
	qr/violates check constraint "batch_has_no_ordinals"/, 'a batch without ordinals takes no ordinal', 'collector');
my @changes = (
	"UPDATE prio_processor.share SET ordinal = 1 WHERE batch_id = 'kept'",
	"UPDATE prio_processor.share SET payload = payload || '\\x00' WHERE batch_id = 'kept'",
	"UPDATE prio_processor.share SET batch_id = 'waits' WHERE batch_id = 'kept'",
	'UPDATE ' . partition('share', 'kept') . ' SET ordinal = 1');
fails($_, qr/shares cannot be changed/, "a share stays as it came: $_", $superuser) foreach @changes;

# The same packet in one statement, and in two sessions at once.
$A->safe_psql('postgres', q{CREATE TABLE packet AS SELECT '\x} . ('ab' x 64) . q{'::bytea AS payload});
new_batch($pair, 'replayed', 8, 3);
$A->safe_psql('postgres', "$share SELECT 'replayed', gen_random_uuid(), payload || decode(lpad(to_hex(i), 2, '0'), 'hex') FROM packet, generate_series(1, 5) AS i");
is(shares('replayed'), 1, 'a packet that is replayed in the same statement gets in once, whatever follows its ephemeral key');
my @session = map { $A->background_psql('postgres') } 1, 2;
$session[0]->query_safe("BEGIN; $share VALUES ('replayed', '00000000-0000-0000-0000-000000000001', '\\x" . ('cd' x 64) . "')");
$session[1]->query_until(qr/begun/, "\\echo begun\n$share VALUES ('replayed', '00000000-0000-0000-0000-000000000002', '\\x" . ('cd' x 64) . "') ON CONFLICT DO NOTHING;\n");
$A->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'ON CONFLICT' AND wait_event_type = 'Lock'});
$session[0]->query_safe('COMMIT');
is($session[1]->query_safe(q{SELECT count(*) FROM prio_processor.share WHERE batch_id = 'replayed'}), 2,
	'nor in two sessions at once, of which neither fails with ON CONFLICT DO NOTHING');
$_->quit foreach @session;

# The first half of the shares has its verify1.
as($_, 'job', "CALL prio_processor.close_batch('kept')") foreach $A, $B;
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'kept'});
small_chunks($A, 10);
is(as($A, 'job', q{SELECT prio_processor.advance('kept')}), 'worked', 'a chunk of verify1');
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.message WHERE batch_id = 'kept'}), 10, 'is ten messages');
my $sent = 'SELECT md5(string_agg(m::text, chr(10) ORDER BY share_id)) FROM prio_processor.message AS m WHERE batch_id = \'kept\' AND share_id IN (' .
	$A->safe_psql('postgres', q{SELECT string_agg(quote_literal(share_id), ',') FROM prio_processor.message WHERE batch_id = 'kept'}) . q{) AND role = 'A' AND round = 1};
my $before = $A->safe_psql('postgres', $sent);

my $verifier = partition('verifier', 'kept');
fails(qq{UPDATE $verifier AS v SET verifier = prio_verifier('telemetry', 'kept', 8, payload, 1) FROM prio_processor.share AS s
		WHERE s.batch_id = 'kept' AND s.share_id = v.share_id},
	qr/a verifier can only be made again at the same point/, 'a verifier does not move to another point', $superuser);
is($A->safe_psql('postgres', qq{
		WITH made AS (UPDATE $verifier AS v SET verifier = prio_verifier('telemetry', 'kept', 8, payload, 0) FROM prio_processor.share AS s
			WHERE s.batch_id = 'kept' AND s.share_id = v.share_id RETURNING 1) SELECT count(*) FROM made}), 10,
	'at the same one it can be made again');
my $message = partition('message', 'kept');
fails("UPDATE $message SET payload = '\\x00'", qr/cannot be changed or deleted/, 'a message is not changed', $superuser);
fails("DELETE FROM $message", qr/cannot be changed or deleted/, 'nor deleted', $superuser);
fails("INSERT INTO $message SELECT batch_id, share_id, role, round, '\\x00' FROM $message LIMIT 1", qr/duplicate key/, 'nor said in another way', $superuser);
fails("TRUNCATE prio_processor.$_ CASCADE", qr/cannot be truncated/, "$_ is not truncated", $superuser)
	foreach 'message', 'checkpoint', 'batch', 'share', 'verifier', 'result';
fails(q{UPDATE prio_processor.batch SET stage = 'open' WHERE batch_id = 'kept'}, qr/cannot go from stage "verify1" to "open"/, 'a batch is not opened again', $superuser);
fails(qq{BEGIN; CREATE TEMP TABLE s AS SELECT * FROM prio_processor.share WHERE batch_id = 'kept';
		DELETE FROM prio_processor.share WHERE batch_id = 'kept';
		SET LOCAL session_replication_role = replica;
		INSERT INTO prio_processor.share SELECT batch_id, share_id, number, 1, payload FROM s; COMMIT},
	qr/violates check constraint/, 'a share does not come back at another ordinal', $superuser);

ok(finish($pair, 'kept'), 'the batch is finished');
is($A->safe_psql('postgres', $sent), $before, 'what had been said stayed');
is(result($pair, $_, 'kept'), truth($pair, 'kept'), "$_ publishes the truth") foreach 'A', 'B';

# ------------------------------------------------------------------ published once

fails(q{UPDATE prio_processor.result SET counts = '{}'}, qr/cannot be changed or deleted/, 'a result is not changed', $superuser);
fails(q{DELETE FROM prio_processor.result}, qr/cannot be changed or deleted/, 'nor deleted', $superuser);
fails(q{INSERT INTO prio_processor.result SELECT batch_id, '{}', 1, 1 FROM prio_processor.result}, qr/duplicate key/, 'nor published again', $superuser);
fails(q{UPDATE prio_processor.checkpoint SET total = '\x00'}, qr/cannot be changed or deleted/, 'a checkpoint is not changed', $superuser);
fails(q{DELETE FROM prio_processor.checkpoint}, qr/cannot be changed or deleted/, 'nor deleted', $superuser);
fails(q{DELETE FROM prio_processor.batch WHERE batch_id = 'kept'}, qr/cannot be deleted/, 'a batch is not deleted', $superuser);
fails("UPDATE prio_processor.batch SET stage = '$_' WHERE batch_id = 'kept'", qr/cannot go from stage "published" to/, "a published batch does not become: $_", $superuser)
	foreach 'open', 'publish', 'too small';
fails("UPDATE prio_processor.batch SET $_ WHERE batch_id = 'kept'", qr/settings of batch "kept" cannot be changed/, "nor changes its $_", $superuser)
	foreach 'min_batch_size = 1', 'n_data = 9', 'bits = 4', 'ordinals = true', "role = 'B'", 'number = 77', 'checkpoints = false';
is(as($A, 'job', q{SELECT prio_processor.advance('kept')}), 'done', 'a published batch does not go on');
my $said = '';
foreach my $stage ('verify1', 'verify2', 'aggregate', 'publish')
{
	my ($code, $out, $err) = $A->psql('postgres', "CALL prio_processor.$stage('kept')", extra_params => [ '-U', 'job' ]);
	$said .= $err;
}
is(() = $said =~ /NOTICE:  stage "\w+" of batch "kept" is finished/g, 4, 'nor do its stages');

# Stage by stage works as well as run().
new_batch($pair, 'by hand', 8, 3);
new_clients($pair, 'by hand', 20, 8);
deliver($pair, 'by hand');
fails(q{CALL prio_processor.verify1('by hand')}, qr/batch "by hand" is in stage "open"/, 'a batch has to be closed before verify1', 'job');
as($_, 'job', "CALL prio_processor.close_batch('by hand')") foreach $A, $B;
like(as_notice('close_batch'), qr/batch "by hand" is closed already/, 'closing twice is no error');
fails(q{CALL prio_processor.aggregate('by hand')}, qr/batch "by hand" is in stage "verify1"/, 'stages come in their order', 'job');
fails(q{CALL prio_processor.drop_batch('by hand')}, qr/batch "by hand" is not finished/, 'and a batch is dropped when it is finished', 'job');
$_->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'by hand'}) foreach $A, $B;
foreach my $stage ('verify1', 'verify2', 'aggregate', 'publish')
{
	foreach my $role ('A', 'B')
	{
		my $node = $pair->{$role};
		my $until = 200;
		as($node, 'job', "CALL prio_processor.$stage('by hand')") until stage_is($pair, $role, 'by hand') ne $stage || $until-- == 0;
	}
}
is(result($pair, $_, 'by hand'), truth($pair, 'by hand'), "stage by stage $_ publishes the truth") foreach 'A', 'B';

sub as_notice
{
	my ($code, $out, $err) = $A->psql('postgres', "CALL prio_processor.$_[0]('by hand')", extra_params => [ '-U', 'job' ]);
	return $err;
}

# ------------------------------------------------------------------ roles

# All that a role can do with anything in the schema, by name of the object.
my $can = q{
	SELECT string_agg(what, ', ' ORDER BY what COLLATE "C") FROM (
		SELECT relname || ' ' || lower(privilege) AS what
		FROM pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
		WHERE relnamespace = 'prio_processor'::regnamespace AND relkind IN ('r', 'p', 'v')
			AND has_table_privilege('%1$s', c.oid, privilege)
		UNION ALL SELECT relname || '.' || attname || ' ' || lower(privilege)
		FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
		WHERE relnamespace = 'prio_processor'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0
			AND has_column_privilege('%1$s', c.oid, attnum, privilege) AND NOT has_table_privilege('%1$s', c.oid, privilege)
		UNION ALL SELECT relname || ' ' || lower(privilege) FROM pg_class AS c, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS privilege
		WHERE relnamespace = 'prio_processor'::regnamespace AND relkind = 'S' AND has_sequence_privilege('%1$s', c.oid, privilege)
		UNION ALL SELECT proname || '()' FROM pg_proc AS p
		WHERE pronamespace = 'prio_processor'::regnamespace AND has_function_privilege('%1$s', p.oid, 'EXECUTE')
		UNION ALL SELECT 'type ' || typname FROM pg_type AS t
		WHERE typnamespace = 'prio_processor'::regnamespace AND typtype = 'e' AND has_type_privilege('%1$s', t.oid, 'USAGE')
		UNION ALL SELECT 'schema ' || lower(privilege) FROM unnest(ARRAY['USAGE', 'CREATE']) AS privilege
		WHERE has_schema_privilege('%1$s', 'prio_processor', privilege)
		UNION ALL SELECT 'server ' || srvname FROM pg_foreign_server WHERE has_server_privilege('%1$s', oid, 'USAGE')
	) AS x};
$A->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my $batch_columns = join ', ', map { "batch.$_ select" } qw(attempt batch_id bits checkpoints close_at dropped_at error error_at failed_stage
	min_batch_size n_data number ordinals role server stage);
my %rights = (
	nobody => '',
	collector => 'schema usage, share.batch_id insert, share.ordinal insert, share.payload insert, share.share_id insert, share_number usage',
	analyst => 'result select, schema usage',
	other_server => 'checkpoint select, message select, schema usage',
	job => "advance(), aggregate(), $batch_columns, change_batch(), close_batch(), create_batch(), drop_batch(), exchange select, export_messages(), "
	  . 'export_total(), finish_import(), give_up_batch(), import_file(), import_message(), import_message_lines(), import_messages(), import_share(), '
	  . 'import_share_lines(), import_shares(), import_total(), peer.peer_public_key select, peer.role select, peer.server select, peer.slot select, '
	  . 'progress select, publish(), rejection select, rejections select, result select, retry_batch(), run(), run_batch(), run_stage(), schema usage, '
	  . 'stage_progress select, subscribe(), verify1(), verify2()');
is($A->safe_psql('postgres', sprintf($can, $_)), $rights{$_}, "what $_ can do") foreach sort keys %rights;

# As real logins.
fails('SELECT * FROM prio_processor.' . $_->[0], qr/permission denied/, "$_->[1] cannot read $_->[0]", $_->[1])
	foreach ([ 'share', 'collector' ], [ 'rejection', 'collector' ], [ 'batch', 'analyst' ], [ 'message', 'analyst' ], [ 'progress', 'analyst' ],
	[ 'share', 'other_server' ], [ 'verifier', 'other_server' ], [ 'batch', 'other_server' ], [ 'share', 'job' ], [ 'verifier', 'job' ],
	[ 'peer', 'job' ], [ 'message', 'job' ], [ 'checkpoint', 'job' ], [ 'result', 'nobody' ], [ partition('share', 'kept') =~ s/.*\.//r, 'collector' ]);
fails('SELECT conninfo FROM prio_processor.peer', qr/permission denied/, 'an operator does not read how to log in on the other server', 'job');
fails('SELECT total FROM prio_processor.batch', qr/permission denied/, 'nor a total', 'job');
fails($_->[1], qr/permission denied|must be owner/, "an operator cannot: $_->[0]", 'job')
	foreach ([ 'publish by hand', q{INSERT INTO prio_processor.result VALUES ('busy', '{1}', 1, 1)} ],
	[ 'raise the number of valid shares', q{UPDATE prio_processor.batch SET valid = 1000} ],
	[ 'send a checkpoint', q{INSERT INTO prio_processor.checkpoint (batch_id, role, stage, attempt) VALUES ('busy', 'A', 'aggregate', 0)} ],
	[ 'send a message', q{INSERT INTO prio_processor.message VALUES ('busy', gen_random_uuid(), 'A', 1, '\x00')} ],
	[ 'open a share', q{SELECT prio_processor.verify1_rows(b, 0, 1) FROM prio_processor.batch AS b} ],
	[ 'use the keys', q{SELECT prio_verifier('telemetry', 'kept', 8, '\x00')} ],
	[ 'insert a share', "$share VALUES ('busy', $garbage)" ],
	[ 'join another server', q{CALL prio_processor.join_peer('telemetry', repeat('0', 64), 'host=elsewhere')} ],
	[ 'drop the seal', 'ALTER TABLE ' . partition('share', 'busy') . ' DROP CONSTRAINT batch_is_closed' ]);
fails("INSERT INTO prio_processor.share (batch_id, share_id, number, payload) SELECT 'replayed', gen_random_uuid(), -1, payload FROM packet",
	qr/permission denied/, 'whoever brings shares does not number them', 'collector');
isnt(as($A, 'analyst', q{SELECT count(*) FROM prio_processor.result}), 0, 'a reader reads results');
isnt(as($A, 'other_server', q{SELECT count(*) FROM prio_processor.message}), 0, 'the other server reads messages');

# ------------------------------------------------------------------ a hostile operator

# Objects of its own, in the places where names are looked up, are used by nobody else.
$A->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO job; CREATE TABLE trapped (who name); GRANT INSERT ON trapped TO PUBLIC');
as($A, 'job', q{
	CREATE FUNCTION public.trap(text[], text) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.trapped VALUES (current_user);
		RETURN $1;
	END $$;
	CREATE OPERATOR public.|| (FUNCTION = public.trap, LEFTARG = text[], RIGHTARG = text)});
fails('CREATE FUNCTION public.trap(prio_processor.stage, prio_processor.stage) RETURNS boolean LANGUAGE sql RETURN true',
	qr/permission denied for type/, 'nobody makes an operator for stages', 'job');
new_batch($pair, 'in error', 8, 3);
as($A, 'job', q{CALL prio_processor.close_batch('in error')});
$A->poll_query_until('postgres', q{SELECT count(*) = 2 FROM prio_processor.checkpoint WHERE batch_id = 'in error'});
$A->safe_psql('postgres', 'ALTER SERVER telemetry RENAME TO elsewhere');
my (undef, undef, $warned) = $A->psql('postgres', 'CALL prio_processor.run()');
like($warned, qr/WARNING:  batch "in error"/, 'a superuser runs the job');
is($A->safe_psql('postgres', 'SELECT count(*) FROM trapped'), 0, 'and into no trap');
$A->safe_psql('postgres', 'ALTER SERVER elsewhere RENAME TO telemetry');
as($A, 'job', q{
	SET client_min_messages = error;
	CREATE TEMP TABLE batch (batch_id text, stage text);
	CREATE TEMP TABLE peer (server name, role text);
	CREATE TEMP TABLE message (batch_id text);
	CREATE TEMP TABLE share (batch_id text);
	INSERT INTO peer VALUES ('mine', 'B');
	SET search_path = pg_temp, public, prio_processor;
	CALL prio_processor.create_batch('temporary', 'telemetry', 8, 3);
	CALL prio_processor.close_batch('temporary');
	CALL prio_processor.run()});
is($A->safe_psql('postgres', q{SELECT role, stage FROM prio_processor.batch WHERE batch_id = 'temporary'}) . $A->safe_psql('postgres', q{SELECT count(*) FROM pg_inherits
		WHERE inhrelid::regclass::text ~ ('_' || (SELECT number FROM prio_processor.batch WHERE batch_id = 'temporary') || '$')}),
	'A|verify14', 'temporary tables take no place of real ones');
as($A, 'job', "CALL prio_processor.give_up_batch('$_')") foreach 'temporary', 'in error';

# ------------------------------------------------------------------ who reads for long

# The other server may read its messages, and keep its transaction open. That must not keep
# others from working: whoever waits for it gives up. A minute is too long for a test.
is($A->safe_psql('postgres', q{SELECT string_agg(proname, ', ' ORDER BY proname) FROM pg_proc
		WHERE pronamespace = 'prio_processor'::regnamespace AND 'lock_timeout=1min' = ANY (proconfig)}), 'create_batch, drop_batch', 'nobody waits for ever');
$A->safe_psql('postgres', "ALTER PROCEDURE prio_processor.$_ SET lock_timeout = '2s'") foreach 'create_batch', 'drop_batch';
my $reading = $A->background_psql('postgres', extra_params => [ '-U', 'other_server' ]);
$reading->query_safe('BEGIN; SELECT count(*) FROM prio_processor.message');
my @waiting = map { my %session = (sql => $_, out => '', err => ''); \%session }
  q{CALL prio_processor.drop_batch('kept')}, q{CALL prio_processor.create_batch('tomorrow', 'telemetry', 8, 3)};
$_->{handle} = IPC::Run::start([ 'psql', '-X', '-U', 'job', '-d', $A->connstr('postgres'), '-c', $_->{sql} ], '<', \undef, '>', \$_->{out}, '2>', \$_->{err})
  foreach @waiting;
$_->{handle}->finish foreach @waiting;
like($_->{err}, qr/ERROR:  canceling statement due to lock timeout/, "gives up: $_->{sql}") foreach @waiting;
as($A, 'collector', "$share VALUES ('replayed', $garbage)");
is(run($pair, 'A'), '', 'meanwhile the job runs, and shares arrive');
$reading->query_safe('COMMIT');
$reading->quit;
as($A, 'job', $_->{sql}) foreach @waiting;
is(as($A, 'job', q{SELECT count(*) FROM prio_processor.batch WHERE batch_id = 'kept' AND dropped_at IS NOT NULL OR batch_id = 'tomorrow'}), 2, 'and can do it again');

# ------------------------------------------------------------------ who may replicate

# What replication takes as a right is more than that: without any line for physical
# replication in pg_hba.conf, a login on this one database is enough to copy the whole cluster.
# So the other server is better given an outbox: see processor_outbox.pl.
unlink $A->data_dir . '/pg_hba.conf';
append_to_file($A->data_dir . '/pg_hba.conf', "local postgres other_server trust\nlocal all $superuser trust\n");
$A->reload;
my $copy = sub {
	my ($replication) = @_;
	my ($copied, $why) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', conninfo($A) . " replication=$replication", '-c', "BASE_BACKUP (LABEL 'all of it', CHECKPOINT 'fast')" ],
		'|', [ 'head', '-c', '100000' ], '>', \$copied, '2>', \$why);
	return $copied . $why;
};
like($copy->('true'), qr/no pg_hba.conf entry for replication connection/, 'pg_hba.conf can refuse physical replication');
like($copy->('database'), qr/backup_label/, 'which does not keep a role with REPLICATION from copying the whole cluster');

done_testing();
