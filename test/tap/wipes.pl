# What is secret about a packet or a server is gone from the memory of a session when it has
# been used. The session itself reads all its memory, for secrets that it is not told.
#
# What SQL returns or stores is PostgreSQL's, which wipes nothing: so nothing is looked for
# here that a result or an argument of the functions holds.
#
# Runs at night: it reads all memory of a session, many times; unit tests look at the stack by day.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('wipes', 'jit = off', 'max_parallel_workers_per_gather = 0', 'client_min_messages = error');
my %keys = make_keys($node);
my $files = $node->basedir;
my $n_data = 3000; # memory that is long enough for some of it to survive what follows

# Keys in files: those in options stay in the caches of the catalogs.
write_file("$files/$_", "$keys{$_}\n", 0600) foreach 'private_A', 'private_B', 'secret';
write_file("$files/no_secret", "not one\n", 0600);
write_file("$files/open_secret", "$keys{secret}\n", 0644);
foreach ([ 'server_a', 'A', 'A', 'secret' ], [ 'server_b', 'B', 'B', 'secret' ],
	[ 'other_key', 'A', 'B', 'secret' ], [ 'no_secret', 'A', 'A', 'no_secret' ], [ 'open_secret', 'A', 'A', 'open_secret' ])
{
	my ($server, $private, $public, $secret) = @$_;
	$node->safe_psql('postgres', qq{
		CREATE SERVER $server FOREIGN DATA WRAPPER prio OPTIONS (role '$private', public_key '$keys{"public_$public"}');
		CREATE USER MAPPING FOR PUBLIC SERVER $server
			OPTIONS (private_key_file '$files/private_$private', shared_secret_file '$files/$secret')});
}

my $encode = qq{
	INSERT INTO packet (share_a, share_b)
	SELECT share_a, share_b FROM prio_encode(decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'),
		'batch', repeat('110', $n_data / 3)::varbit) RETURNING id};
$node->safe_psql('postgres', qq{
	CREATE TABLE packet (id serial, share_a bytea, share_b bytea);
	$encode;
	$encode;
	CREATE TABLE verifier AS
	SELECT *, prio_verifier('server_a', 'batch', $n_data, share_a) AS a,
		prio_verifier('server_b', 'batch', $n_data, share_b) AS b
	FROM packet;
	CREATE TABLE one AS SELECT * FROM verifier ORDER BY id DESC LIMIT 1;
	CREATE TABLE generated (key bytea)});

# Runs a statement far down on the stack, so that what follows does not overwrite what it
# leaves there. Returns what it returns, or the error.
$node->safe_psql('postgres', q{
	CREATE FUNCTION deep_down(statement text, level int DEFAULT 5) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		IF level > 0 THEN
			RETURN deep_down(statement, level - 1);
		END IF;
		EXECUTE statement INTO result;
		RETURN result;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLERRM;
	END $$});

# The value of an expression over one row: yet further down, where no scan is continued.
sub value_of
{
	my ($expression) = @_;
	return 'SELECT ' . '(SELECT ' x 10 . $expression . ')' x 10 . ' FROM one';
}

# What there is to look for: names of secrets and their bytes. Those of the last packet and of
# both servers, of these kinds (see needles.py).
sub secrets
{
	my ($kinds, $except) = @_;
	my @all = grep { $_->[0] =~ /^($kinds)$/ && !($except && $_->[1] =~ /^($except)$/) } all_secrets();
	return map { [ $_->[1], pack 'H*', $_->[2] ] } @all;
}

my %known_secrets;

sub all_secrets
{
	my ($out, $err);
	my $packets = $node->safe_psql('postgres', qq{
		SELECT json_build_object('role', role, 'private', private, 'shared_secret', '$keys{secret}', 'batch_id', 'batch',
			'n_data', $n_data, 'share', encode(share, 'hex'))
		FROM (SELECT * FROM packet ORDER BY id DESC LIMIT 1) AS p,
			LATERAL (VALUES ('A', '$keys{private_A}', share_a), ('B', '$keys{private_B}', share_b)) AS v (role, private, share)});

	return @{ $known_secrets{$packets} } if $known_secrets{$packets};
	IPC::Run::run([ '/usr/bin/python3', 'test/secrets/needles.py' ], '<', \$packets, '>', \$out, '2>', \$err)
	  or die $err;
	$known_secrets{$packets} = [ map { [ split / / ] } split /\n/, $out ];
	return @{ $known_secrets{$packets} };
}

# The memory of a session of its own that is mapped for writing, after a statement and still
# in it: all of it, or the stack alone. Returns what the statement returned, too.
sub memory_after
{
	my ($session, $statement, $mapping) = @_;
	my $hex = q{('x' || lpad(m[%d], 16, '0'))::bit(64)::bigint};
	my ($start, $end) = map { sprintf $hex, $_ } 1, 2;

	$session->{stderr} = '';
	$session->query_safe(qq{
		COPY (
			SELECT result, pg_read_binary_file('/proc/self/mem', $start, $end - $start)
			FROM (SELECT deep_down(\$query\$$statement\$query\$) AS result OFFSET 0) AS called,
				LATERAL (SELECT regexp_matches(line, '^([0-9a-f]+)-([0-9a-f]+) rw-p.*$mapping') AS m
					FROM string_to_table(coalesce(left(result, 0), '') || pg_read_file('/proc/self/maps'), E'\\n') AS line) AS m)
		TO '$files/memory' (FORMAT binary)});
	return slurp_file("$files/memory");
}

# The names of those secrets that are in it.
sub found
{
	my ($memory, @secrets) = @_;
	my %found;

	die 'nothing to look for' unless @secrets;
	die 'nothing to look at' unless length $memory > 100_000;
	$found{ $_->[0] }++ foreach grep { index($memory, $_->[1]) >= 0 } @secrets;
	return join ' ', sort keys %found;
}

# In a new session: the statement gives this result, and none of the secrets is left.
sub is_gone
{
	my ($name, $statement, $result, $mapping, @secrets) = @_;
	my $session = $node->background_psql('postgres');
	my $memory = memory_after($session, $statement, $mapping);

	$session->quit;
	like(substr($memory, 0, 200), $result, "$name: what it was used for");
	is(found($memory, @secrets), '', $name);
	return;
}

# As PostgreSQL computes it, little endian.
sub crc32c
{
	my $crc = 0xffffffff;

	foreach my $bit (split //, unpack 'b*', $_[0])
	{
		$crc = ($crc >> 1) ^ (($crc & 1) != $bit ? 0x82f63b78 : 0);
	}
	return pack 'V', $crc ^ 0xffffffff;
}

my @packet = secrets('packet');
my @read = secrets('packet', 'AES_key|PRG_key|header'); # but not what a verifier has
my @verifier = secrets('verifier');
my @server = secrets('server');
my @files = secrets('file');

# Opening packets. The session keeps the keys of its server, but not on the stack.
foreach my $role ('a', 'b')
{
	my $open = "prio_share_error('server_$role', '%s', $n_data, %s)";
	my $good = value_of(sprintf "$open IS NULL", 'batch', "share_$role");

	is_gone("a packet that server $role opened is gone", $good, qr/true/, '', @packet, @verifier, @files);
	is_gone("keys and points of server $role are gone from the stack", $good, qr/true/, 'stack', @server);
	is_gone("a packet that server $role refused is gone", value_of(sprintf $open, 'other', "share_$role"), qr/wrong batch/, '',
		@packet, @verifier);
	is_gone("keys and points of server $role are gone from the stack without a packet",
		value_of(sprintf $open, 'batch', q{repeat('x', 1000000)::bytea}), qr/wrong length/, 'stack', @server);
	is_gone("what server $role made a verifier from is gone",
		value_of("prio_verifier('server_$role', 'batch', $n_data, share_$role) IS NOT NULL"), qr/true/, '', @read, @verifier);
}

# What the job opens, up to the end of the blocks, or of an error behind a share.
$node->safe_psql('postgres', 'CREATE EXTENSION prio_processor');
foreach my $role ('a', 'b')
{
	my $open = "prio_internal.opened_count(prio_internal.open_blocks('block_$role', 0, 1, 'server_$role', 'batch', $n_data, NULL, false, %s))";

	$node->safe_psql('postgres', qq{
		CREATE TABLE block_$role (share_id uuid, ordinal bigint, header bytea, payload bytea, file int, position bigint, bytes int, header_bytes int);
		INSERT INTO block_$role (share_id, payload) SELECT gen_random_uuid(), share_$role FROM one;
		INSERT INTO block_$role (share_id, file, position, bytes) SELECT gen_random_uuid(), 1, 0, 1});
	is_gone("a chunk that server $role opened is gone from the stack", value_of(sprintf $open, 'false'), qr/1/, 'stack', @packet, @server);
	is_gone("a share that server $role added up again is gone from the stack", value_of(
			"(SELECT prio_internal.sum_records('server_$role', $n_data, r.share_id, r.record, NULL, share_$role) FROM prio_internal.opened_rows("
			  . "prio_internal.open_blocks('block_$role', 0, 1, 'server_$role', 'batch', $n_data, NULL, false, false)) AS r) IS NOT NULL"),
		qr/true/, 'stack', @packet, @server);
	is_gone("a chunk that server $role began to open is gone from the stack", value_of(sprintf $open, 'true'), qr/file/, 'stack', @packet, @server);
}

# What is read from a verifier, by every function that does.
is_gone("a verifier that was read is gone: $_", value_of("($_) IS NOT NULL"), qr/true/, '', @verifier)
  foreach 'prio_verify1(a)', 'prio_verify2(a, prio_verify1(b))', 'a::text', 'a::text::prio_verifier', 'prio_verifier_send(a)';
is_gone("a share that server $_ added up is gone", value_of("(SELECT prio_total_share($_, share_$_) FROM verifier) IS NOT NULL"), qr/true/,
	'', @packet, @verifier)
  foreach 'a', 'b';
is_gone('shares that do not belong together are gone',
	value_of('(SELECT prio_total_share(v, share_a) FROM (VALUES (a), (b)) AS v (v)) IS NOT NULL'),
	qr/cannot add up shares of different servers/, '', secrets('packet', 'AES_key|PRG_key|header|share'), @verifier);

# One of another version, which only looks whole.
my $stored = pack 'H*', substr $node->safe_psql('postgres', 'SELECT a::text FROM one'), 2, -8;
substr($stored, 1, 1) |= "\x80";
is_gone('a verifier that is damaged is gone', value_of(sprintf q{'\x%s'::text::prio_verifier IS NOT NULL}, unpack 'H*', $stored . crc32c($stored)),
	qr/prio_verifier is damaged/, '', @verifier);

# A session that keeps what it knows of a server, until it hears that this is out of date.
# Whoever reads the memory of a session leaves copies in it: so there are two of them.
my ($session, $control) = map { $node->background_psql('postgres') } 1, 2;
my $open = value_of("prio_share_error('server_a', 'batch', $n_data, share_a)");
$session->query_safe($open);
is(found(memory_after($control, $open, ''), @server), 'private_key r shared_secret weights',
	'control: what a session needs for the next packet is in its memory');
$node->safe_psql('postgres', "ALTER SERVER server_a OPTIONS (ADD prg 'batch')");
my $memory = memory_after($session, value_of("prio_share_error('nobody', 'batch', $n_data, '')"), '');
like(substr($memory, 0, 200), qr/server "nobody" does not exist/, 'another statement hears of it');
is(found($memory, @server), '', 'a server that is forgotten is gone: keys, points and weights');
$session->quit;

# Keys that are of no use.
is_gone('a private key that does not belong to its server is gone',
	value_of("prio_share_error('other_key', 'batch', $n_data, '')"), qr/private key does not belong/, '', @server, @files);
is_gone('a private key whose shared secret is none is gone', value_of("prio_share_error('no_secret', 'batch', $n_data, '')"),
	qr/holds no key/, '', @server, @files);
is_gone('a shared secret in a file that is open to others is gone',
	value_of("prio_share_error('open_secret', 'batch', $n_data, '')"), qr/is open to others/, '', @server, @files);
is_gone('keys that were checked are gone', value_of(
		"prio_fdw_validator(ARRAY['shared_secret=$keys{secret}', 'private_key=$keys{private_A}'], 'pg_user_mapping'::regclass) IS NOT NULL"),
	qr/true/, '', @server);

# What is made here is known only afterwards.
$session = $node->background_psql('postgres');
$memory = memory_after($session, $encode, '');
$session->quit;
is(found($memory, secrets('packet|verifier', 'X25519_secret|AES_key')), '', 'what a client encoded is gone');
$session = $node->background_psql('postgres');
$memory = memory_after($session, 'INSERT INTO generated SELECT private_key FROM prio_keygen() RETURNING 1', 'stack');
$session->quit;
is(found($memory, [ 'key', pack 'H*', $node->safe_psql('postgres', "SELECT encode(key, 'hex') FROM generated") ]), '',
	'a private key that was generated is gone from the stack');

# ------------------------------------------------------------------ Prio3

# A helper's share is a seed, which is an argument; what it expands to is nowhere but in what reads it.
my ($length, $chunk_length) = (3000, 55);
$node->safe_psql('postgres', qq{
	CREATE SERVER helper FOREIGN DATA WRAPPER prio OPTIONS (role 'B', vdaf 'Prio3Histogram', length '$length', chunk_length '$chunk_length');
	CREATE SERVER leader FOREIGN DATA WRAPPER prio OPTIONS (role 'A', vdaf 'Prio3Histogram', length '$length', chunk_length '$chunk_length');
	SELECT encode(prio3_verify_key(), 'hex') AS key \\gset
	CREATE USER MAPPING FOR PUBLIC SERVER helper OPTIONS (verify_key :'key');
	CREATE USER MAPPING FOR PUBLIC SERVER leader OPTIONS (verify_key :'key');
	CREATE TABLE report AS SELECT i, s.*, prio3_verify_init('helper', nonce, public_share, share_b) AS b, prio3_verify_init('leader', nonce, public_share, share_a) AS a
		FROM generate_series(1, 2) AS i, prio3_shard('helper', i) AS s;
	ALTER TABLE report ADD message bytea;
	UPDATE report SET message = prio3_verifier_message('helper', prio3_verifier_share(a), prio3_verifier_share(b))});
my @expanded;
foreach my $share (split /\n/, $node->safe_psql('postgres', q{SELECT encode(share_b, 'hex') FROM report}))
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ '/usr/bin/python3', 'test/secrets/prio3_needles.py', $share, $length, $chunk_length ], '>', \$out, '2>', \$err) or die $err;
	push @expanded, map { my ($name, $hex) = split / /; [ $name, pack 'H*', $hex ] } split /\n/, $out;
}
# The sum of one report is that report: PostgreSQL's, as a result.
$session = $node->background_psql('postgres');
$memory = memory_after($session, q{SELECT encode(prio3_agg_share(b, message), 'hex') FROM report WHERE i = 1}, '');
$session->quit;
is(found($memory, map { [ $_->[0], unpack 'H*', $_->[1] ] } @expanded), 'measurement', 'control: this is what a helper has of a report');
is_gone("what a helper's share expands to is gone: $_", value_of("(SELECT $_ FROM report)"), qr/true|\t2/, '', @expanded)
  foreach q{count(prio3_verify_init('helper', nonce, public_share, share_b)) = 2}, 'count(prio3_verifier_share(b)) = 2', 'count(prio3_verify_next(b, message)) = 2',
  'prio3_agg_share(b, message) IS NOT NULL', q{bool_and(prio3_share_error('helper', nonce, public_share, share_b) IS NULL)};

done_testing();
