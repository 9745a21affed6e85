# One hostile client cannot make a server work or allocate much more than an honest one of
# its batch: whatever it seals, of whatever size, and whatever that claims to be.
#
# Runs alone with PRIO_LONG: it compares how long things take, too.
# Runs at night: it counts instructions under valgrind; sql/hostile_clients.sql has the same packets by day.
use strict;
use warnings;

use Cwd;
use List::Util qw(min sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = new_cluster('hostile', 'jit = off', 'max_parallel_workers_per_gather = 0', 'shared_buffers = 256MB');
my %keys = make_keys($node);
make_server($node, 'server_a', 'A', %keys);
make_server($node, 'server_b', 'B', %keys);
my $keys = "decode('$keys{public_A}', 'hex'), decode('$keys{public_B}', 'hex'), 'batch'";

# ------------------------------------------------------------------ what a client can make up

# A str in its shortest form, and the head of an array.
sub str
{
	my ($content) = @_;
	my $size = length $content;
	return ($size < 32 ? chr(0xa0 | $size) : $size < 256 ? "\xd9" . chr $size : $size < 65536 ? "\xda" . pack 'n', $size : "\xdb" . pack 'N', $size)
	  . $content;
}

sub array
{
	my ($size) = @_;
	return $size < 16 ? chr(0x90 | $size) : $size < 65536 ? "\xdc" . pack 'n', $size : "\xdd" . pack 'N', $size;
}

# The power of two above n, and what is the longest packet for n fields that is looked at.
sub domain
{
	my ($n) = @_;
	my $domain = 1;
	$domain *= 2 while $domain < $n + 1;
	return $domain;
}

sub longest_plaintext
{
	my ($n) = @_;
	return 4096 + 2 * (length(str('batch')) + 6 * 12 + 1 + 10 + 12 * ($n + domain($n)) + 60) - 60;
}

# Where a packet goes wrong: everything before that place is as it has to be.
sub beginnings
{
	my ($role, $n) = @_;
	my $header = str('batch') . "\xa1\x01" x 6;
	my %place = (
		'batch id' => '',
		'header' => str('batch'),
		'role' => $header,
	);
	if ($role eq 'A')
	{
		my $half = "$header\x00" . array($n);
		my $whole = $half . "\xa1\x01" x $n . array(domain($n)) . "\xa1\x01" x domain($n);
		%place = (%place, 'vectors' => "$header\x00", 'first element' => $half, 'last element' => substr($whole, 0, -2), 'end' => $whole);
	}
	else
	{
		%place = (%place, 'seed' => "$header\x01", 'end' => "$header\x01" . str('x' x 16));
	}
	return %place;
}

# What stands there; then zeros follow, until the packet is as long as it may be.
my $deep = 100_000;
my %lie = (
	'a str of 2^32 - 1' => "\xdb\xff\xff\xff\xff",
	'a str of 65535' => "\xda\xff\xff",
	'a bin of 2^32 - 1' => "\xc6\xff\xff\xff\xff",
	'an ext of 2^32 - 1' => "\xc9\xff\xff\xff\xff\x01",
	'an array of 2^32 - 1' => "\xdd\xff\xff\xff\xff",
	'an array of 65535' => "\xdc\xff\xff",
	'a map of 2^32 - 1' => "\xdf\xff\xff\xff\xff",
	'deep arrays' => "\x91" x $deep,
	'deep large arrays' => "\xdd\xff\xff\xff\xff" x ($deep / 5),
	'deep maps' => "\x81\xa0" x ($deep / 2),
	'a huge str' => str('x' x $deep),
	'many empty strs' => "\xa0" x $deep,
	'many one-byte strs' => "\xa1\x01" x ($deep / 2),
	'many padded elements' => "\xa2\x00\x01" x ($deep / 3),
	'integers' => "\x01" x $deep,
	'nothing' => '',
);

my %files = (A => [], B => []);
my %sealed; # files of packets, and what they are
my @rows;

# A packet of that name for a server with n fields, and the verdict it should get.
sub add
{
	my ($name, $role, $n, $verdict, $plaintext) = @_;
	my $file = $node->basedir . "/packet$role$n-" . @{ $files{$role} };

	append_to_file($file, $plaintext);
	push @{ $files{$role} }, $file;
	push @{ $sealed{$role}{$n} }, [ $file, $name ];
	push @rows, sprintf "('%s', 'server_%s', %d, %s, pg_read_binary_file('%s'))", $name, lc $role, $n,
		defined $verdict ? "'$verdict'" : 'NULL', $file;
	return;
}

# Seals what was added, and stores it.
sub store
{
	foreach my $role ('A', 'B')
	{
		run_log([ 'build/unit/cheat', 'seal', $keys{"public_$role"}, @{ $files{$role} } ]) or die 'cheat failed';
	}
	$node->safe_psql('postgres', 'INSERT INTO packet (name, server, n, verdict, payload) VALUES ' . join ', ', @rows);
	%files = (A => [], B => []);
	@rows = ();
	return;
}

$node->safe_psql('postgres', q{
	CREATE TABLE packet (id int GENERATED ALWAYS AS IDENTITY, name text, server text, n int, verdict text, payload bytea);
	ALTER TABLE packet ALTER payload SET STORAGE EXTERNAL});

my @sizes = (10, 2000);
foreach my $n (@sizes)
{
	$node->safe_psql('postgres', qq{
		INSERT INTO packet (name, server, n, verdict, payload)
		SELECT 'honest', server, $n, 'opened', payload
		FROM prio_encode($keys, repeat('10', $n / 2)::varbit), LATERAL (VALUES ('server_a', share_a), ('server_b', share_b)) AS v (server, payload)});
	foreach my $role ('A', 'B')
	{
		my %beginning = beginnings($role, $n);
		foreach my $place (sort keys %beginning)
		{
			foreach my $lie (sort keys %lie)
			{
				my $plaintext = substr $beginning{$place} . $lie{$lie}, 0, longest_plaintext($n);
				next if $plaintext eq $beginning{'end'};
				add("$lie as $place", $role, $n, 'refused', $plaintext . "\0" x (longest_plaintext($n) - length $plaintext));
				add("$lie as $place, and no more", $role, $n, 'refused', $plaintext) if length $lie{$lie} < 100;
			}
		}
		# Nothing is wrong with that, but the proof.
		add('short elements', $role, $n, 'opened', $beginning{'end'});
	}
	store();
}

# ------------------------------------------------------------------ they are refused

my ($packets, $wrong) = split /\|/, $node->safe_psql('postgres', q{
	SELECT count(*), coalesce(string_agg(format('%s: %s, %s', server, name, coalesce(error, 'opened')), '; ')
		FILTER (WHERE verdict <> CASE WHEN error IS NULL THEN 'opened' WHEN error = 'decryption failed' THEN 'not sealed' ELSE 'refused' END
			OR (verdict = 'opened') <> (prio_verifier(server, 'batch', n, payload) IS NOT NULL)), 'none')
	FROM packet, prio_share_error(server, 'batch', n, payload) AS error});
note "$packets packets";
is($wrong, 'none', 'what a hostile client makes up is refused, or as good as it looks');
is($node->safe_psql('postgres', qq{
	SELECT string_agg(length(payload)::text, ',' ORDER BY n, server) FROM packet
	WHERE name = 'an array of 2^32 - 1 as header'}),
	join(',', map { (longest_plaintext($_) + 60) x 2 } @sizes), 'hostile packets are as long as they may be');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM packet, prio_share_error(server, 'batch', n, payload || '\x00') AS error
	WHERE name = 'an array of 2^32 - 1 as header' AND error <> 'wrong length'}),
	'0', 'with a byte more nobody looks at them');

# ------------------------------------------------------------------ they take no time

# Instructions that opening each of these packets takes, as callgrind counts them.
sub weigh
{
	my ($role, $n, @files) = @_;
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/weight';
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'valgrind', '-q', '--tool=callgrind', '--collect-atstart=no', "--callgrind-out-file=$dump", 'build/unit/weigh', $role, $n,
			@keys{ "private_$role", "public_$role", 'secret' }, 'batch', @files ], '>', \$out, '2>', \$err) or die "weigh: $err";
	return map { (slurp_file("$dump.$_") =~ /^(?:totals|summary): (\d+)$/m)[0] } 1 .. @files;
}

foreach my $role ('A', 'B')
{
	foreach my $n (@sizes)
	{
		my $server = 'server_' . lc $role;
		my @packets = @{ $sealed{$role}{$n} };
		my $file = $node->basedir . "/honest$role$n";
		append_to_file($file, pack 'H*', $node->safe_psql('postgres',
				"SELECT encode(payload, 'hex') FROM packet WHERE server = '$server' AND n = $n AND name = 'honest'"));
		my ($honest, @hostile) = weigh($role, $n, $file, map { $_->[0] } @packets);
		my ($slowest) = sort { $hostile[$b] <=> $hostile[$a] } 0 .. $#hostile;

		note sprintf '%s, n = %d: %d instructions for an honest packet, %d for %s', $server, $n, $honest, $hostile[$slowest], $packets[$slowest][1];
		cmp_ok($honest, '>', 10_000, "$server, n = $n: work is counted");
		cmp_ok($hostile[$slowest], '<', 3 * $honest, "$server, n = $n: no hostile packet takes much more work than an honest one");
		cmp_ok(sum(@hostile), '<', 2 * @hostile * $honest, "$server, n = $n: together they take little more work than honest ones");
	}
}

# ------------------------------------------------------------------ they take no memory

# The largest ones, and how much a session needs for one of them at the most.
my $n_large = 100_000;
my @large = (
	[ 'A', 'a str of 2^32 - 1', 'batch id' ], [ 'A', 'a huge str', 'batch id' ], [ 'A', 'an array of 2^32 - 1', 'vectors' ],
	[ 'A', 'deep arrays', 'vectors' ], [ 'A', 'deep large arrays', 'first element' ], [ 'A', 'a map of 2^32 - 1', 'header' ],
	[ 'A', 'many one-byte strs', 'first element' ], [ 'A', 'a bin of 2^32 - 1', 'end' ],
	[ 'B', 'a str of 2^32 - 1', 'seed' ], [ 'B', 'a huge str', 'seed' ], [ 'B', 'deep arrays', 'batch id' ], [ 'B', 'nothing', 'end' ]);
foreach my $large (@large)
{
	my ($role, $lie, $place) = @$large;
	my %beginning = beginnings($role, $n_large);
	my $plaintext = $beginning{$place} . ($lie =~ /huge/ ? str('x' x (longest_plaintext($n_large) - 3000000)) : $lie{$lie} x ($lie =~ /^(?:deep|many)/ ? 20 : 1));
	add("$lie as $place", $role, $n_large, 'large', substr($plaintext . "\0" x longest_plaintext($n_large), 0, longest_plaintext($n_large)));
}
add('short elements', 'A', $n_large, 'large', { beginnings('A', $n_large) }->{'end'});
add('100 MB', $_, $n_large, 'gigantic', "\x91" x 100_000_000) foreach 'A', 'B';
store();

foreach my $line (split /\n/, $node->safe_psql('postgres', q{
	SELECT id, server, name, length(payload), verdict FROM packet WHERE verdict IN ('large', 'gigantic') ORDER BY id}))
{
	my ($id, $server, $name, $size, $verdict) = split /\|/, $line;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $memory = sub {
		my ($field) = @_;
		my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /^$field:\s+(\d+) kB/m;
		return 1024 * $kilobytes;
	};

	# Everything that does not depend on the packet is there already.
	$session->query_safe("SELECT prio_share_error('$server', 'batch', $n_large, '')");
	$session->query_safe("SELECT octet_length(payload), prio_share_error(server, 'batch', n, substr(payload, 1, 100)) FROM packet WHERE id = $id");
	append_to_file("/proc/$pid/clear_refs", '5'); # the peak from now on
	my $before = $memory->('VmRSS');
	my $error = $session->query_safe("SELECT coalesce(prio_share_error(server, 'batch', n, payload), 'opened') FROM packet WHERE id = $id");
	my $growth = $memory->('VmHWM') - $before;
	$session->quit;
	if ($verdict eq 'gigantic')
	{
		is($error, 'wrong length', "$server: $name are refused for their size");
		cmp_ok($growth, '<', 1024 * 1024, "$server: $name are not even read");
		next;
	}
	note sprintf '%s: %s (%s): %d bytes, memory for %.1f times as much', $server, $name, $error, $size, $growth / $size;
	# In shared buffers, fetched, and decrypted.
	cmp_ok($growth, '<', 4 * $size + 1024 * 1024, "$server: $name takes a small multiple of its size in memory");
}

# ------------------------------------------------------------------ one of many

# A table of many honest clients, and all of the hostile ones among them: it ends with what
# the honest ones say; with PRIO_LONG, of a million, in a time that is measured, too.
my $module = cwd() . '/build/faults';
$node->safe_psql('postgres', qq{CREATE FUNCTION faults_cpu_milliseconds() RETURNS float AS '$module' LANGUAGE C VOLATILE});
my $clients = $ENV{PRIO_LONG} ? 1_000_000 : 5_000;
$node->safe_psql('postgres', qq{
	CREATE TABLE client (packet int, data varbit, share_a bytea, share_b bytea);
	INSERT INTO client
	SELECT i, data, share_a, share_b
	FROM generate_series(0, 99) AS i, LATERAL (SELECT i::bit(10)::varbit AS data) AS d, prio_encode($keys, data);
	INSERT INTO client
	SELECT -p.id, NULL, CASE WHEN server = 'server_a' THEN payload ELSE share_a END, CASE WHEN server = 'server_b' THEN payload ELSE share_b END
	FROM packet AS p, client WHERE client.packet = 7 AND n = 10 AND name <> 'honest';
	CREATE TABLE arrival AS
	SELECT i % 100 AS packet, i::float AS at, true AS honest FROM generate_series(1, $clients) AS i
	UNION ALL SELECT packet, $clients * random(), false FROM client WHERE data IS NULL ORDER BY at;
	CREATE FUNCTION published(with_hostile boolean, OUT counts bigint[], OUT clients bigint, OUT milliseconds float) LANGUAGE plpgsql AS \$\$
	DECLARE
		begun float := faults_cpu_milliseconds();
	BEGIN
		SELECT prio_publish(prio_total_share(a, share_a), prio_total_share(b, share_b)), count(*) INTO counts, clients
		FROM (SELECT share_a, share_b, prio_verifier('server_a', 'batch', 10, share_a) AS a, prio_verifier('server_b', 'batch', 10, share_b) AS b
			FROM arrival JOIN client USING (packet) WHERE honest OR with_hostile OFFSET 0) AS v
		WHERE prio_is_valid(prio_verify2(a, prio_verify1(b)), prio_verify2(b, prio_verify1(a)));
		milliseconds := faults_cpu_milliseconds() - begun;
	END \$\$});
my $hostile = $node->safe_psql('postgres', 'SELECT count(*) FROM arrival WHERE NOT honest');
my $truth = $node->safe_psql('postgres', q{
	SELECT array_agg(sum ORDER BY i), max(clients)
	FROM (SELECT i, sum(get_bit(data, i - 1)), count(*) AS clients FROM arrival JOIN client USING (packet), generate_series(1, 10) AS i
		WHERE honest GROUP BY i) AS s});
my (%totals, %times, $ratio);
# The least time of several tries is what it takes; on a noisy machine it takes more of them.
foreach my $try (1 .. ($ENV{PRIO_LONG} ? 4 : 1))
{
	foreach my $with ('true', 'false')
	{
		my ($counts, $accepted, $milliseconds) = split /\|/, $node->safe_psql('postgres', "SELECT * FROM published($with)");
		$totals{$with} = "$counts|$accepted";
		push @{ $times{$with} }, $milliseconds;
	}
	$ratio = min(@{ $times{true} }) / min(@{ $times{false} });
	last if $try > 1 && $ratio < 1.25;
}
note sprintf '%d honest clients: %.0f ms, and %.0f ms with %d hostile ones', $clients, min(@{ $times{false} }), min(@{ $times{true} }), $hostile;
is($totals{true}, $truth, 'the total of honest and hostile clients is that of the honest');
is($totals{false}, $truth, 'the total of the honest clients is the truth');
cmp_ok($ratio, '<', 1.25, 'hostile clients do not slow the statement down') if $ENV{PRIO_LONG};

done_testing();
