# A server that comes back from a backup, a copy, a dump or a standby: it says nothing a second time
# in another way, and says what it takes to go on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair(2, 'wal_level = replica', 'max_wal_senders = 5');
my ($A, $B) = @{$pair}{ 'A', 'B' };
small_chunks($pair, 10);
my $node = $A->{node};

# The clients have no backup of A's.
$pair->{clients} = { node => $B->{node}, database => 'postgres' };
sql($pair->{clients}, q{
	CREATE TABLE client (batch text, id uuid DEFAULT gen_random_uuid(), kind text DEFAULT 'honest',
		data bigint[], share_a bytea, share_b bytea)});

sub batch { my ($batch, $n, $more) = @_; new_batch($pair, $batch, 8, 3, $more); new_clients($pair, $batch, $n // 25, 8); deliver($pair, $batch); return; }
sub error_of { my ($role, $batch) = @_; return as($pair->{$role}, 'job', "SELECT error FROM prio_processor.batch WHERE batch_id = '$batch'"); }

# A copy of A's cluster in another place, and its return in the place of what came later.
my $copies = 0;
sub copy_of_A
{
	my $copy = $node->basedir . '/copy_' . ++$copies;
	command_ok([ 'pg_basebackup', '-D', $copy, '-c', 'fast', '-d', $node->connstr('postgres') ], 'a copy of the cluster is taken');
	return $copy;
}

sub restore_A
{
	my ($copy) = @_;
	$node->stop('immediate');
	system_or_bail('rm', '-rf', $node->data_dir);
	system_or_bail('mv', $copy, $node->data_dir);
	$node->start;
	return;
}

# The server gets a new key pair, as after_restore() asks for; B is told.
sub new_key
{
	my ($private, $public) = split /\|/, sql($A, q{SELECT encode(private_key, 'hex'), encode(public_key, 'hex') FROM prio_keygen()});
	sql($A, "ALTER SERVER telemetry OPTIONS (SET public_key '$public'); ALTER USER MAPPING FOR PUBLIC SERVER telemetry OPTIONS (SET private_key '$private')");
	$pair->{keys}{public_A} = $public;
	join_side($pair, 'B', 'telemetry');
	return;
}

# ------------------------------------------------------------------ a second total

# A is restored to after the close of two batches that were published, so that B has A's totals. Were B to refuse a share
# the second time, it had what one client said.
batch('second total', 6);
batch('forgotten', 6);
batch('done', 6);
close_both($pair, 'done');
ok(finish($pair, 'done'), 'a batch is published before the backup');
close_both($pair, 'second total', 'forgotten');
# And a server that has no key pair.
my $bare = q{CREATE SERVER %1$s FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Count'); CREATE USER MAPPING FOR PUBLIC SERVER %1$s OPTIONS (verify_key '%2$s');
	CALL prio_processor.join_peer('%1$s', NULL, 'other')};
my $verify_key = sql($A, q{SELECT encode(prio3_verify_key(), 'hex')});
sql($A, sprintf $bare, 'bare', $verify_key);
my $copy = copy_of_A();
ok(finish($pair, 'second total', 'forgotten'), 'two more after it');
restore_A($copy);
is(stage_of($pair, 'A', $_), 'close', "A has forgotten what it said about $_") foreach 'second total', 'forgotten';
is(sql($A, 'SELECT count(*) FROM prio_internal.opened'), 0, 'and its private state');

# Nobody calls after_restore(): what an honest B says it has heard is enough.
like(run($pair, 'A'), qr/batch "forgotten": the other server has heard more than this one has said: this server was restored from a backup/,
	'A notices by itself that B knows more of it than it does');
is(stage_of($pair, 'A', 'forgotten'), 'failed', 'and its batch fails');
is(sql($A, q{SELECT count(*) FROM prio_processor.outbox_message WHERE batch_id IN ('forgotten', 'second total')}), 0, 'A has said nothing');

# A dishonest B would hide what it has heard: after_restore() is what helps then.
sql($A, q{CALL prio_processor.after_restore()});
is(error_of('A', 'second total'), 'given up: this server was restored from a backup', 'after_restore() gives up every unfinished batch');
run($pair, 'A');
is(error_as($A, 'job', q{CALL prio_processor.retry_batch('second total')}) =~ s/^.*?(?=ERROR)//sr =~ s/\n.*//sr,
	'ERROR:  batch "second total" has not failed, or has been dropped', 'nobody has it go on');
is(sql($A, q{SELECT count(*) FROM prio_processor.outbox_message WHERE batch_id = 'second total'}), 0, 'and A says nothing about it');
is(result($pair, 'A', 'done'), truth($pair, 'done'), 'what was published before the backup is there');

# No new batch before there is a new key: not under a new name, nor under one that was used after the backup.
like(error_as($A, 'job', q{CALL prio_processor.create_batch('tomorrow', 'telemetry', 8, 3)}),
	qr/ERROR:  server "telemetry" was restored from a backup and takes no batch with its old key/, 'no batch before there is a new key');
like(error_as($A, 'job', q{CALL prio_processor.create_batch('bare', 'bare', min_batch_size => 3)}),
	qr/ERROR:  server "bare" was restored .*HINT:  Give both servers a new verify_key/s, 'nor one of a server whose shares are not sealed');

# The key is what must not come again: no other name of a server, and no leaving and joining again, gets around that.
my %keys = %{ $pair->{keys} };
sql($A, qq{CREATE SERVER renamed FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '\U$keys{public_A}\E');
	CREATE USER MAPPING FOR PUBLIC SERVER renamed OPTIONS (private_key '$keys{private_A}', shared_secret '$keys{secret}');
	CALL prio_processor.leave_peer('telemetry')});
join_side($pair, 'A', $_) foreach 'renamed', 'telemetry';
sql($A, sprintf $bare, 'bare_again', $verify_key);
like(error_as($A, 'job', "CALL prio_processor.create_batch('tomorrow', '$_', " . (/bare/ ? 'NULL' : '8') . ', 3)'), qr/ERROR:  server "$_" was restored from a backup and takes no batch with its old key/,
	"nor of a server $_ with a key that was used before") foreach 'renamed', 'telemetry', 'bare_again';
sql($A, q{CALL prio_processor.leave_peer('renamed'); DROP SERVER renamed CASCADE; CALL prio_processor.leave_peer('bare_again'); DROP SERVER bare_again CASCADE;
	ALTER USER MAPPING FOR PUBLIC SERVER bare OPTIONS (SET verify_key '} . sql($A, q{SELECT encode(prio3_verify_key(), 'hex')}) . q{')});
is(error_as($A, 'job', q{CALL prio_processor.create_batch('bare', 'bare', min_batch_size => 3); CALL prio_processor.give_up_batch('bare')}), '', 'with a new verify key there is one');
# What cannot be read may come back.
my $mapping = sql($A, q{SELECT umoptions[1] FROM pg_user_mappings WHERE srvname = 'bare'}) =~ s/^verify_key=//r;
sql($A, q{DROP USER MAPPING FOR PUBLIC SERVER bare});
my ($code, $out, $err) = $node->psql('server_a', 'CALL prio_processor.after_restore()');
is("$code $err" =~ s/\n.*//sr =~ s/psql:<stdin>:\d+: //r, '0 WARNING:  the key of server "bare" cannot be read: no user mapping for role "postgres" on server "bare"', 'a key that is gone does not stop after_restore()');
sql($A, "CREATE USER MAPPING FOR PUBLIC SERVER bare OPTIONS (verify_key '$mapping')");
like(error_as($A, 'job', q{CALL prio_processor.create_batch('bare again', 'bare', min_batch_size => 3)}), qr/after_restore\(\) could not read the key of server "bare"/, 'nor does it take a batch when the key is back');
sql($A, q{CALL prio_processor.after_restore()});
like(error_as($A, 'job', q{CALL prio_processor.create_batch('bare again', 'bare', min_batch_size => 3)}), qr/takes no batch with its old key/, 'before it has been read: then it is an old one');
sql($A, q{CALL prio_processor.leave_peer('bare')});
new_key();
batch('tomorrow');
close_both($pair, 'tomorrow');
ok(finish($pair, 'tomorrow'), 'then one is finished');
is(result($pair, $_, 'tomorrow'), truth($pair, 'tomorrow'), "and $_ publishes the truth") foreach 'A', 'B';

# A batch that was made after the backup is made again under its old name.
$copy = copy_of_A();
batch('made again');
close_both($pair, 'made again');
ok(finish($pair, 'made again'), 'a batch is made, and published, after a backup');
restore_A($copy);
sql($A, q{CALL prio_processor.after_restore(keep_key => true)});
new_batch($pair, 'made again', 8, 3, undef, 'A');
deliver($pair, 'made again', q{id > (SELECT id FROM client WHERE batch = 'made again' ORDER BY id LIMIT 1)}, undef, 'A');
as($A, 'job', q{CALL prio_processor.close_batch('made again')});
run($pair) foreach 1 .. 3;
is(stage_of($pair, 'A', 'made again'), 'failed', 'made again after a restore it fails');
like(error_of('A', 'made again'), qr/the other server has heard more than this one has said/, 'and says why');
is(sql($A, q{SELECT count(*) FROM prio_processor.outbox_message WHERE batch_id = 'made again'}), 0, 'A tells no second message about it');
is(result($pair, 'B', 'made again'), truth($pair, 'made again'), 'B keeps its result');

# ------------------------------------------------------------------ copies for staging

batch('in production');
close_both($pair, 'in production');
run($pair, 'A');
$copy = copy_of_A();
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fd', '-f', $dump, $node->connstr('server_a') ], 'pg_dump');

# By pg_dump, into the same cluster, and restored by four at a time.
$node->safe_psql('postgres', 'CREATE DATABASE staging');
command_ok([ 'pg_restore', '--exit-on-error', '-j4', '-d', $node->connstr('staging'), $dump ], 'pg_restore -j4, which stops at any error');
my $staging = { node => $node, database => 'staging' };
my %copies = ('restored from a dump' => $staging);

# By its files, as they are: the same cluster and database, on a timeline of its own.
my $other = PostgreSQL::Test::Cluster->new('staging');
system_or_bail('cp', '-a', $copy, $other->data_dir);
$other->append_conf('postgresql.conf', 'port = ' . $other->port . "\nunix_socket_directories = '" . $other->host . "'\nlisten_addresses = ''");
append_to_file($other->data_dir . '/standby.signal', '');
$other->start;
$other->promote;
$copies{'promoted from a physical copy'} = { node => $other, database => 'server_a' };

my $content = q{SELECT (SELECT md5(string_agg(b::text, ',' ORDER BY number)) FROM prio_processor.batch AS b), (SELECT count(*) FROM prio_processor.share),
	(SELECT md5(string_agg(m::text, ',' ORDER BY m::text)) FROM prio_internal.message AS m), (SELECT md5(string_agg(l::text, ',' ORDER BY l::text)) FROM prio_internal.list AS l),
	(SELECT md5(string_agg(m::text, ',' ORDER BY m::text)) FROM prio_internal.memory AS m), (SELECT md5(string_agg(r::text, ',' ORDER BY batch_id)) FROM prio_processor.result AS r)};
my $before = sql($A, $content);
is(sql($staging, $content), $before, 'everything is in the dump');
is(sql($staging, q{SELECT (SELECT count(*) FROM prio_internal.opened), (SELECT count(*) FROM prio_internal.work)}), '0|0', 'but private state');
foreach my $name (sort keys %copies)
{
	my $side = $copies{$name};
	my $said = run({ A => $side }, 'A');
	like($said, $name =~ /dump/ ? qr/WARNING:  server "telemetry": server "telemetry" is not joined in this database\. If this database takes .* call after_restore\(\) and join_peer\(\)/
		: qr/WARNING:  batch "in production": batch "in production" was made before a restore, a failover or a copy of this database\. after_restore\(\) gives it up/, "$name it says why it does nothing");
	is(sql($side, q{SELECT count(*) FROM prio_internal.message JOIN prio_processor.batch USING (number) WHERE batch_id = 'in production' AND message.role = 'A' AND round = 2}), 0, "$name it says nothing");
	is(sql($side, q{SELECT state FROM prio_processor.exchange}), 'not joined here', "$name it shows that it is not joined") if $name =~ /dump/;
	is(as($side, 'job', q{SELECT stage FROM prio_processor.batch WHERE batch_id = 'in production'}), stage_of($pair, 'A', 'in production'), "$name its batch stays where it was");
}
like(error_as($staging, 'job', q{CALL prio_processor.create_batch('more', 'telemetry', 8, 3)}), qr/server "telemetry" is not joined in this database/, 'nor does a copy take a batch');
ok(finish($pair, 'in production'), 'production goes on');
is(result($pair, $_, 'in production'), truth($pair, 'in production'), "and $_ publishes the truth") foreach 'A', 'B';
$other->stop('immediate');

# The copy takes the place of the original: a database that went the way of dump and restore.
sql($staging, q{CALL prio_processor.after_restore()});
is(as($staging, 'job', q{SELECT string_agg(DISTINCT stage::text, ',') FROM prio_processor.batch WHERE batch_id = 'in production'}), 'failed', 'in a copy, after_restore() gives up what is unfinished');
is(sql($staging, q{SELECT state <> 'not joined here' FROM prio_processor.exchange}), 't', 'and joins it');

# ------------------------------------------------------------------ failover

batch('failover');
close_both($pair, 'failover');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->backup('standby');
$standby->init_from_backup($node, 'standby', has_streaming => 1);
$standby->start;
run($pair, 'A', 'B', 'A');
$node->wait_for_catchup($standby);
$node->stop('immediate');
is($standby->safe_psql('server_a', q{SELECT count(*) FROM prio_internal.message JOIN prio_processor.batch USING (number) WHERE batch_id = 'failover' AND message.role = 'A'}), 6, 'a standby has what A said');
is(($standby->psql('server_a', 'SELECT count(*) FROM prio_internal.opened'))[0], 3, 'and no private state that could be read');
$standby->promote;
$pair->{A} = $A = { node => $standby, database => 'server_a' };
sql($B, sprintf q{ALTER SERVER other OPTIONS (SET host '%s', SET port '%s')}, $standby->host, $standby->port);
like(run($pair, 'A'), qr/batch "failover" was made before a restore, a failover or a copy of this database/, 'after a failover a batch waits for somebody to vouch');
sql($A, 'CALL prio_processor.after_failover()');
ok(finish($pair, 'failover'), 'after_failover() has it go on');
is(result($pair, $_, 'failover'), truth($pair, 'failover'), "and $_ publishes the truth: $_") foreach 'A', 'B';

# ------------------------------------------------------------------ the extension goes, and comes again

sql($A, 'SET client_min_messages = warning; DROP EXTENSION prio_processor CASCADE');
is(sql($A, q{SELECT count(*) FROM pg_namespace WHERE nspname IN ('prio_processor', 'prio_internal')}), 0, 'DROP EXTENSION leaves nothing');
sql($A, 'CREATE EXTENSION prio_processor');
join_side($pair, 'A', 'telemetry');
small_chunks($pair, 10);
batch('after all');
close_both($pair, 'after all');
ok(finish($pair, 'after all'), 'created again, and joined again, the next batch is finished');
is(result($pair, $_, 'after all'), truth($pair, 'after all'), "and $_ publishes the truth about it") foreach 'A', 'B';

# ------------------------------------------------------------------ pg_upgrade

if ($ENV{PRIO_LONG})
{
	batch('upgraded');
	close_both($pair, 'upgraded');
	run($pair, 'A', 'B', 'A');
	my $said = q{SELECT md5(string_agg(m::text, ',' ORDER BY m::text)) FROM prio_internal.message AS m JOIN prio_processor.batch USING (number) WHERE batch_id = 'upgraded' AND m.role = 'A' AND m.round = 1};
	my $said_before = sql($A, $said);
	my $new = init_cluster('new', 'log_statement = none');
	my $bindir = $standby->config_data('--bindir');
	$standby->stop;
	chdir $new->basedir;
	command_ok([ 'pg_upgrade', '--no-sync', '-b', $bindir, '-B', $bindir, '-d', $standby->data_dir, '-D', $new->data_dir,
			'-s', $new->host, '-p', $standby->port, '-P', $new->port ], 'pg_upgrade');
	$new->start;
	$pair->{A} = $A = { node => $new, database => 'server_a' };
	sql($B, sprintf q{ALTER SERVER other OPTIONS (SET host '%s', SET port '%s')}, $new->host, $new->port);
	like(run($pair, 'A'), qr/is not joined in this database|was made before a restore/, 'an upgraded cluster is another one');
	is(sql($A, $said), $said_before, 'what A had said stayed');
}

done_testing();
