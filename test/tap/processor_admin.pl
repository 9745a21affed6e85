# What administrators do by mistake: names of every kind, two Prio servers in one database, a
# server altered under a batch, subscriptions and publications dropped, a schema renamed. It
# is a clear error or does no harm, and can be mended.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };
my %keys = %{ $pair->{keys} };

# Batches with names of any kind, of ten clients each, closed. In SQL a name is in quotes already.
sub batch
{
	my (@batches) = @_;
	my $create = join '', map { "CALL prio_processor.create_batch('$_', 'telemetry', 8, 3);\n" } @batches;

	as($pair->{$_}, 'job', $create) foreach 'A', 'B';
	new_clients($pair, $_, 10, 8) foreach @batches;
	bring(@batches);
	return;
}

sub bring
{
	my (@batches) = @_;
	my $file = $A->basedir . '/shares';
	my $list = join ', ', map { "'$_'" } @batches;
	my $close = join '', map { "CALL prio_processor.close_batch('$_');\n" } @batches;

	foreach my $role ('A', 'B')
	{
		my $share = 'share_' . lc $role;
		$A->safe_psql('clients', "COPY (SELECT batch, id, $share FROM client WHERE batch IN ($list)) TO '$file'");
		as($pair->{$role}, 'collector', "\\copy prio_processor.share (batch_id, share_id, payload) FROM '$file'");
		as($pair->{$role}, 'job', $close);
	}
	return;
}

sub is_right
{
	my ($batch, $name) = @_;

	ok(finish($pair, $batch), "$name: the batch is finished");
	is(result($pair, $_, $batch), truth($pair, $batch), "$name: $_ publishes the truth") foreach 'A', 'B';
	return;
}

# ------------------------------------------------------------------ everything is described

is( $A->safe_psql('postgres', q{
		SELECT string_agg(what, ', ' ORDER BY what) FROM (
			SELECT relname::text AS what FROM pg_class WHERE relnamespace = 'prio_processor'::regnamespace
				AND relkind IN ('r', 'p', 'v', 'S') AND obj_description(oid, 'pg_class') IS NULL
			UNION ALL SELECT relname || '.' || attname FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid
			WHERE relnamespace = 'prio_processor'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
				AND attnum > 0 AND NOT attisdropped AND col_description(c.oid, attnum) IS NULL
			UNION ALL SELECT proname || '()' FROM pg_proc WHERE pronamespace = 'prio_processor'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
			UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'prio_processor'::regnamespace AND typtype = 'e' AND obj_description(oid, 'pg_type') IS NULL) AS x}),
	'', 'every table, view, column, sequence, function, procedure and type has a comment');

# ------------------------------------------------------------------ names of every kind

my %name = (
	'quotes' => q{it''s "quoted" $$ \\ :batch}, 'percent signs' => '100 % %s %L %1$s', 'line ends' => "two\nlines\r\n\tand more",
	'other scripts' => "\xc3\x9cn\xc3\xaf \xe2\x98\x83 \xf0\x9d\x84\x9e", 'a blank' => ' ', 'a table' => 'share_1', 'number sign' => '#',
	'NULL' => '\N', '1000 bytes' => 'x' x 1000, '1000 control characters' => "\x01" x 1000);
my $listener = $A->background_psql('postgres');
$listener->query_safe('LISTEN prio_processor');
$listener->set_query_timer_restart;
batch(values %name);
ok(finish($pair, values %name), 'batches with ids of every kind are finished');
foreach my $kind (sort keys %name)
{
	is(result($pair, $_, $name{$kind}), truth($pair, $name{$kind}), "$_ publishes the truth, with an id of $kind") foreach 'A', 'B';
}
my $heard = $listener->query('SELECT 1');
$listener->quit;
is(scalar(() = $heard =~ /"stage": "published"/g), scalar(keys %name), 'every change of stage is notified, whatever the name');
like(error_as($A, 'job', "CALL prio_processor.create_batch('$_', 'telemetry', 8, 3)"), qr/the name of a batch must have 1 to 1000 bytes, not/, 'a batch id that is too long or too short')
	foreach '', 'x' x 1001;
as($_, 'job', "CALL prio_processor.drop_batch('$name{quotes}')") foreach $A, $B;
is(as($A, 'job', "SELECT dropped_at IS NOT NULL FROM prio_processor.batch WHERE batch_id = '$name{quotes}'"), 't', 'whose partitions can be dropped');

# ------------------------------------------------------------------ two Prio servers in one database

my %census = make_keys($A);
foreach my $role ('A', 'B')
{
	my $conninfo = conninfo($pair->{ $other{$role} }) =~ s/'/''/gr;
	make_server($pair->{$role}, 'census', $role, %census);
	$pair->{$role}->safe_psql('postgres', "ALTER SERVER census OPTIONS (ADD prg 'seed')");
	$pair->{$role}->safe_psql('postgres', "CALL prio_processor.join_peer('census', '" . $census{"public_$other{$role}"} . "', '$conninfo')");
}
as($_, 'job', q{CALL prio_processor.create_batch('census', 'census', 8, 3)}) foreach $A, $B;
$A->safe_psql('clients', qq{
	INSERT INTO client (batch, data, share_a, share_b) SELECT 'census', '{1,0,1,0,0,0,0,1}', share_a, share_b
	FROM generate_series(1, 5) AS i, prio_encode('\\x$census{public_A}', '\\x$census{public_B}', left('census' || i, 6), B'10100001', 'seed')});
bring('census');
batch('telemetry');
is_right('census', 'a second server with other keys, in another variant');
is_right('telemetry', 'the first server next to it');

# ------------------------------------------------------------------ a server altered, dropped, renamed

batch('altered');
my $role_is = sub { $A->safe_psql('postgres', "ALTER SERVER telemetry OPTIONS (SET role '$_[0]')") };
my $error = q{SELECT max(error) FROM prio_processor.progress WHERE batch_id = '%s'};
$role_is->('B');
run($pair, 'A') foreach 1, 2;
is(stage_is($pair, 'A', 'altered'), 'failed', 'a server that has changed its role under a batch makes it fail');
like(as($A, 'job', sprintf($error, 'altered')), qr/server "telemetry" has changed since its settings were sent: role \(B here\)/, 'which is the reason given');
is($A->safe_psql('postgres', q{SELECT count(*) FROM prio_processor.rejection WHERE batch_id = 'altered'}), 0, 'and no share is rejected for it');
like(error_as($A, $A->safe_psql('postgres', 'SELECT current_user'), "CALL prio_processor.join_peer('telemetry', '$keys{public_A}')"),
	qr/this database is server A already/, 'one database is not both servers');
$role_is->('A');
as($A, 'job', q{CALL prio_processor.retry_batch('altered')});
is_right('altered', 'changed back and tried again');

batch('renamed');
run($pair, 'B');
$A->safe_psql('postgres', 'ALTER SERVER telemetry RENAME TO telemetrie');
like(run($pair, 'A'), qr/WARNING:  batch "renamed": server "telemetry" does not exist/, 'run() warns of a server that is not there');
$A->safe_psql('postgres', 'ALTER SERVER telemetrie RENAME TO telemetry');
run($pair);
$A->safe_psql('postgres', 'DROP SERVER telemetry CASCADE');
like(run($pair, 'A'), qr/WARNING:  batch "renamed": server "telemetry" does not exist/, 'or was dropped');
make_server($A, 'telemetry', 'A', %keys);
is_right('renamed', 'a server renamed, dropped and made again');

# A schema that is called otherwise is of no use; named back, everything goes on.
batch('schema');
run($pair);
$A->safe_psql('postgres', 'ALTER SCHEMA prio_processor RENAME TO other');
my ($code, $out, $err) = $A->psql('postgres', 'CALL other.run()', extra_params => [ '-U', 'job' ]);
like($err, qr/schema "prio_processor" does not exist/, 'a schema that was renamed is an error');
$A->safe_psql('postgres', 'ALTER SCHEMA other RENAME TO prio_processor');
is_right('schema', 'the schema renamed and named back');

# ------------------------------------------------------------------ subscriptions and publications dropped

sub rejoin
{
	foreach my $role (@_)
	{
		$pair->{$role}->safe_psql('postgres', 'SET client_min_messages = error; CALL prio_processor.rejoin_peer()');
	}
	return;
}

# Dropped the plain way, which drops the slot on the other side as well.
batch('no subscription');
$B->safe_psql('postgres', 'SET client_min_messages = warning; DROP SUBSCRIPTION prio_processor');
# Nobody keeps run() from making it again.
$B->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my $locking = $B->background_psql('postgres', extra_params => [ '-U', 'nobody' ]);
$locking->query_safe(q{SELECT pg_advisory_lock(hashtext('prio_processor.subscribe'))});
run($pair);
$locking->quit;
is(as($A, 'job', 'SELECT slot IS NULL FROM prio_processor.exchange'), 't', 'a slot that went with the subscription shows');
is($B->safe_psql('postgres', 'SELECT count(*) FROM pg_subscription'), 1, 'and run() makes the subscription again');
rejoin('A');
is_right('no subscription', 'a subscription dropped');

batch('no publication');
$A->safe_psql('postgres', 'DROP PUBLICATION prio_processor');
run($pair);
ok($B->poll_query_until('postgres', q{SELECT subscription = 'not connected' FROM prio_processor.exchange}), 'a publication that is gone stops the subscription');
rejoin('A', 'B');
is_right('no publication', 'a publication dropped');

# ------------------------------------------------------------------ two databases of one cluster

$A->safe_psql('postgres', 'CREATE DATABASE second');
$A->safe_psql('second', qq{
	CREATE EXTENSION prio_processor CASCADE;
	CREATE SERVER telemetry FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$census{public_A}')});
my ($failed, undef, $why) = $A->psql('second', "CALL prio_processor.join_peer('telemetry', '$census{public_B}', 'host=/nowhere')");
isnt($failed, 0, 'a second database of the same role is no party to the slot of the first');
like($why, qr/replication slot "prio_processor_b" belongs to another database of this cluster/, 'and is told so');
($failed, undef, $why) = $A->psql('second', "CALL prio_processor.join_peer('telemetry', '$census{public_B}', 'host=/nowhere', slot => 'second')");
is($failed, 0, 'it takes a slot of its own');
is($A->safe_psql('postgres', q{SELECT string_agg(slot_name || ' ' || database, ', ' ORDER BY slot_name) FROM pg_replication_slots}),
	'prio_processor_b postgres, second_b second', 'in its database');

done_testing();
