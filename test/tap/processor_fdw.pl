# Shares that arrive through postgres_fdw, whose transactions are REPEATABLE READ: nothing stops an
# honest one, whatever else happens here meanwhile.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my $node = $pair->{clients}{node};

# The collector is the database where the clients are.
sql($pair->{clients}, 'CREATE EXTENSION postgres_fdw');
foreach my $role ('A', 'B')
{
	sql($pair->{clients}, sprintf q{
		CREATE SERVER server_%1$s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%2$s', port '%3$s', dbname '%4$s', batch_size '100');
		CREATE USER MAPPING FOR CURRENT_USER SERVER server_%1$s OPTIONS (user 'collector');
		CREATE FOREIGN TABLE share_%1$s (batch_id text, share_id uuid, payload bytea) SERVER server_%1$s
			OPTIONS (schema_name 'prio_processor', table_name 'share')}, lc $role, $node->host, $node->port, $pair->{$role}{database});
}
sub collect { my ($batch, $which) = @_; return "INSERT INTO share_$_[2] SELECT batch, id, share_$_[2] FROM client WHERE batch = '$batch' AND $which"; }

# Both halves in one transaction, which sees nothing of what has happened since it began: of
# another session with copies of a packet, of a close, or of a batch that nobody has made yet.
new_clients($pair, $_, 40, 8) foreach 'day', 'next day';
new_batch($pair, 'day', 8, 3);
my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
my ($half, $rest) = map { "id $_ (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM client WHERE batch = 'day')" } '<=', '>';
my $one = q{id = (SELECT id FROM client WHERE batch = 'next day' ORDER BY id LIMIT 1)};
foreach my $session ($first, $second)
{
	$session->query_safe('BEGIN');
	foreach my $role ('a', 'b')
	{
		$session->query_safe(collect('day', $half, $role));
		$session->query_safe(collect('next day', $one, $role));
	}
}
$second->query_safe('COMMIT');
as($pair->{$_}, 'job', q{CALL prio_processor.create_batch('unrelated', 'telemetry', 8, 3)}) foreach 'A', 'B';
foreach my $role ('a', 'b')
{
	$first->query_safe(collect('day', $rest, $role));
	$first->query_safe(collect('next day', "NOT $one", $role));
}
$first->query_safe('COMMIT');

# A third is at it when the batch is closed, and goes on.
my $third = $node->background_psql('postgres');
$third->query_safe('BEGIN');
$third->query_safe(collect('day', $half, 'a'));
close_both($pair, 'day');
run($pair);
$third->query_safe(collect('day', $half, 'b'));
$third->query_safe('COMMIT');
ok(finish($pair, 'day'), 'a batch that came by postgres_fdw is finished');
foreach my $role ('A', 'B')
{
	is(result($pair, $role, 'day'), truth($pair, 'day'), "$role publishes the truth");
	is(report($pair, $role, 'day'), 'close/late: 20, list/the same packet again under its id: 20', "$role counts what came again, and what came late");
}

# What came early is there when its batch is made; it does not see the transactions of others.
is(sql($pair->{A}, q{SELECT count(*) FROM prio_internal.early_share}), 41, 'shares of a batch that does not exist wait');
new_batch($pair, 'next day', 8, 3);
is(sql($pair->{A}, q{SELECT count(*) FROM prio_internal.early_share}), 0, 'until it does');
close_both($pair, 'next day');
ok(finish($pair, 'next day'), 'a batch of early shares is finished');
is(result($pair, $_, 'next day'), truth($pair, 'next day'), "$_ publishes the truth about them") foreach 'A', 'B';
$_->quit foreach $first, $second, $third;

done_testing();
