# What leaves a cluster comes back: dumps, pg_upgrade, and COPY in binary, of a database with
# all that people may build on the extension.
#
# Runs at night: three pairs of clusters, made and upgraded; processor_restore.pl dumps and restores the job.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = share_sessions new_cluster('old');
my %keys = make_keys($node);
my $directory = $node->basedir;
foreach my $name ('private_A', 'secret')
{
	append_to_file("$directory/$name", $keys{$name});
	chmod 0600, "$directory/$name";
}

# A database with the extension in a schema that nobody searches. Server a has its secrets in
# files, for PUBLIC, and b in the mapping of one role.
$node->safe_psql('postgres', 'CREATE ROLE analyst LOGIN; CREATE DATABASE job');
$node->safe_psql('job', qq{
	CREATE SCHEMA elsewhere;
	CREATE EXTENSION prio SCHEMA elsewhere;
	GRANT USAGE ON SCHEMA elsewhere TO analyst;
	CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key '$keys{public_A}', prg 'batch');
	CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key_file '$directory/private_A', shared_secret_file '$directory/secret');
	CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key '$keys{public_B}');
	CREATE USER MAPPING FOR analyst SERVER b OPTIONS (private_key '$keys{private_B}', shared_secret '$keys{secret}');
	GRANT USAGE ON FOREIGN SERVER a, b TO analyst;
	CREATE TABLE share AS
	SELECT id, share_a, share_b
	FROM generate_series(1, 30) AS id, elsewhere.prio_encode('\\x$keys{public_A}', '\\x$keys{public_B}', 'batch', id::bit(5)::varbit);
	CREATE UNIQUE INDEX ON share (elsewhere.prio_replay_key(share_a));
	CREATE TABLE verifier (id int PRIMARY KEY, a elsewhere.prio_verifier, b elsewhere.prio_verifier,
		CHECK (elsewhere.prio_verify1(a) <> '' AND elsewhere.prio_verify1(b) <> ''));
	CREATE INDEX ON verifier (elsewhere.prio_verify1(a));
	GRANT ALL ON share, verifier TO analyst;
	SET ROLE analyst;
	INSERT INTO verifier (id, b) SELECT id, elsewhere.prio_verifier('b', 'batch', 5, share_b) FROM share;
	RESET ROLE;
	UPDATE verifier SET a = elsewhere.prio_verifier('a', 'batch', 5, share_a) FROM share WHERE share.id = verifier.id;
	CREATE VIEW valid AS
	SELECT id, elsewhere.prio_is_valid(elsewhere.prio_verify2(a, elsewhere.prio_verify1(b)), elsewhere.prio_verify2(b, elsewhere.prio_verify1(a))) AS valid
	FROM verifier;
	CREATE VIEW result AS
	SELECT elsewhere.prio_publish(elsewhere.prio_total_share(a, share_a), elsewhere.prio_total_share(b, NULL)) AS counts
	FROM share JOIN verifier USING (id) JOIN valid USING (id) WHERE valid;
	CREATE TABLE total AS
	SELECT elsewhere.prio_total_share(a, share_a) AS a, elsewhere.prio_total_share(b, NULL) AS b FROM share JOIN verifier USING (id);
	CREATE FUNCTION verdict(elsewhere.prio_verifier, bytea) RETURNS bytea LANGUAGE sql BEGIN ATOMIC SELECT elsewhere.prio_verify2(\$1, \$2); END});

# The state of a database. A dump has the verifiers without the keys of their packets.
my %state = (
	'members of the extension' => q{SELECT pg_describe_object(classid, objid, 0) FROM pg_depend WHERE deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'prio') ORDER BY 1},
	'the extension' => q{SELECT extname, extversion, extnamespace::regnamespace, extrelocatable FROM pg_extension ORDER BY 1},
	'the type' => q{SELECT typlen, typalign, typstorage, typinput, typoutput, typreceive, typsend FROM pg_type WHERE typname = 'prio_verifier'},
	'the functions' => q{SELECT proname, proargtypes::regtype[], prorettype::regtype, provolatile, proparallel, proisstrict, procost, proargdefaults IS NULL, prosrc, obj_description(oid, 'pg_proc')
		FROM pg_proc WHERE proname LIKE 'prio%' ORDER BY 1, proargtypes::text},
	'the aggregates' => q{SELECT aggfnoid, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggtransspace FROM pg_aggregate WHERE aggfnoid::text LIKE '%prio%' ORDER BY aggfnoid::text},
	servers => 'SELECT srvname, (SELECT array_agg(o ORDER BY o) FROM unnest(srvoptions) AS o), srvacl FROM pg_foreign_server ORDER BY 1',
	'user mappings' => 'SELECT srvname, usename, (SELECT array_agg(o ORDER BY o) FROM unnest(umoptions) AS o) FROM pg_user_mappings ORDER BY 1',
	indexes => 'SELECT indexdef FROM pg_indexes WHERE schemaname = \'public\' ORDER BY 1',
	shares => 'SELECT * FROM share ORDER BY id',
	'verifiers, as text' => 'SELECT * FROM verifier ORDER BY id',
	verdicts => 'SELECT count(*) FROM valid WHERE valid',
	'total shares' => 'SELECT * FROM total',
	'what analyst opens' => q{SET ROLE analyst; SELECT elsewhere.prio_verify1(elsewhere.prio_verifier('a', 'batch', 5, share_a)),
		elsewhere.prio_verify1(elsewhere.prio_verifier('b', 'batch', 5, share_b)) FROM share ORDER BY id},
	'a function' => q{SELECT verdict(a, elsewhere.prio_verify1(b)) FROM verifier ORDER BY id});
my %with_keys = (
	'verifiers, in binary' => 'SELECT id, elsewhere.prio_verifier_send(a), elsewhere.prio_verifier_send(b) FROM verifier ORDER BY id',
	result => 'SELECT * FROM result');
my %before = map { $_ => $node->safe_psql('job', ($state{$_} // $with_keys{$_})) } keys %state, keys %with_keys;
is($before{verdicts}, 30, 'all packets are valid');
is($before{result}, '{15,15,15,15,15}', 'and give the counts');

sub is_as_before
{
	my ($there, $database, $how, %queries) = @_;
	is($there->safe_psql($database, $queries{$_}), $before{$_}, "$how: $_") foreach sort keys %queries;
	my ($code, $out, $err) = $there->psql($database, 'INSERT INTO share SELECT 1000, share_a, share_b FROM share LIMIT 1');
	like($err, qr/duplicate key value violates unique constraint/, "$how: a replay is refused");
	return;
}

# Dumps, plain and in the custom format.
my %restore = (
	plain => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', $_[1] ] },
	custom => sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], $_[1] ] });
foreach my $format (sort keys %restore)
{
	my $to = $node->connstr($format);
	$node->safe_psql('postgres', "CREATE DATABASE $format TEMPLATE template0");
	$node->command_ok([ 'pg_dump', '-F', $format, '-f', "$directory/$format", '-d', $node->connstr('job') ], "$format dump");
	$node->command_ok($restore{$format}->($to, "$directory/$format"), "$format dump is restored");
	is_as_before($node, $format, "$format dump", %state);
	my ($code, $out, $err) = $node->psql($format, 'SELECT * FROM result');
	like($err, qr/prio_verifier has no packet key/, "$format dump: verifiers have no keys");
	$node->safe_psql($format, q{
		UPDATE verifier SET a = elsewhere.prio_verifier('a', 'batch', 5, share_a) FROM share WHERE share.id = verifier.id;
		SET ROLE analyst;
		UPDATE verifier SET b = elsewhere.prio_verifier('b', 'batch', 5, share_b) FROM share WHERE share.id = verifier.id});
	is_as_before($node, $format, "$format dump, opened again", %with_keys);
}

# COPY in binary carries the keys into another cluster.
my $elsewhere = new_cluster('elsewhere');
$elsewhere->safe_psql('postgres', 'CREATE TABLE verifier (id int, a prio_verifier, b prio_verifier); CREATE TABLE share (id int, share_a bytea)');
foreach my $table ('verifier', 'share')
{
	my $columns = $table eq 'verifier' ? 'id, a, b' : 'id, share_a';
	$node->safe_psql('job', "\\copy $table ($columns) TO '$directory/copy' (FORMAT binary)");
	$elsewhere->safe_psql('postgres', "\\copy $table FROM '$directory/copy' (FORMAT binary)");
}
is($elsewhere->safe_psql('postgres', 'SELECT prio_publish(prio_total_share(a, share_a), prio_total_share(b, NULL)) FROM share JOIN verifier USING (id)'),
	$before{result}, 'COPY in binary: result');
$elsewhere->stop;

# pg_upgrade, which dumps the members of the extension and takes the files of the tables.
my $new = init_cluster('new');
my $bindir = $node->config_data('--bindir');
$node->stop;
chdir $new->basedir;
command_ok([ 'pg_upgrade', ($node->pg_version >= 15 ? '--no-sync' : ()), '-b', $bindir, '-B', $bindir, '-d', $node->data_dir, '-D', $new->data_dir,
		'-s', $new->host, '-p', $node->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
is_as_before($new, 'job', 'pg_upgrade', %state, %with_keys);
$new->safe_psql('job', 'DROP EXTENSION prio CASCADE');
is($new->safe_psql('job', q{SELECT count(*) FROM pg_proc WHERE proname LIKE 'prio%'}), 0, 'pg_upgrade: the extension owns what it did');

done_testing();
