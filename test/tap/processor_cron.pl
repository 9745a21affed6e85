# pg_cron, as Debian packages it, runs the job on both sides until a batch is published.
#
# Runs at night: it waits for the minutes of a scheduler; by day run() is called by hand.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;
use Time::HiRes qw(time);

my $pair = new_pair(2);

# Every minute is what the documentation says. As nothing but the time until then differs, the short
# form has the scheduler begin at once.
my $schedule = $ENV{PRIO_LONG} ? '* * * * *' : '@reboot';
foreach my $role ('A', 'B')
{
	my ($node, $database) = @{ $pair->{$role} }{ 'node', 'database' };
	$node->append_conf('postgresql.conf', $_) foreach "shared_preload_libraries = 'pg_cron'", "cron.database_name = '$database'",
	  "cron.host = '" . $node->host . "'";
	$node->restart;
	sql($pair->{$role}, 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO job');
}

# Closed by the clock, too.
new_clients($pair, 'nightly', 20, 8);
new_batch($pair, 'nightly', 8, 3, q{close_at => now() + interval '5 seconds'});
deliver($pair, 'nightly');
as($pair->{$_}, 'job', "SELECT cron.schedule('prio', '$schedule', \$\$CALL prio_processor.run('50 seconds')\$\$)") foreach 'A', 'B';
sql($pair->{A}, q{SELECT pg_sleep(extract(epoch FROM close_at - clock_timestamp())) FROM prio_processor.batch WHERE close_at > clock_timestamp()});
if ($schedule eq '@reboot')
{
	$pair->{$_}{node}->restart foreach 'A', 'B';
}
foreach my $role ('A', 'B')
{
	my ($node, $database) = @{ $pair->{$role} }{ 'node', 'database' };
	ok($node->poll_query_until($database, q{SELECT stage = 'published' FROM prio_processor.batch WHERE batch_id = 'nightly'}), "pg_cron runs the job of $role");
	is(result($pair, $role, 'nightly'), truth($pair, 'nightly'), "and $role publishes the truth");
	ok($node->poll_query_until($database, q{SELECT count(*) > 0 AND bool_and(status = 'succeeded') FROM cron.job_run_details WHERE status <> 'running' AND username = 'job'}),
		"in the name of an operator on $role");
}

# Patience is for batches that wait for the other server, and ends.
new_batch($pair, 'open', 8, 3);
my $before = time;
as($pair->{A}, 'job', q{CALL prio_processor.run('1 hour')});
cmp_ok(time - $before, '<', 60, 'run() has no patience with batches that are open');
as($pair->{A}, 'job', q{CALL prio_processor.close_batch('open')});
$before = time;
as($pair->{A}, 'job', q{CALL prio_processor.run('3 seconds')});
my $took = time - $before;
ok($took >= 3 && $took < 60, 'run() waits for the other server as long as it was told to') or diag $took;

done_testing();
