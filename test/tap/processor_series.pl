# A batch a month without a hand: both sides make the same batches, close and drop them in time, whoever is behind; and their
# results are read with names. What needs a person is an alarm, and none when it is mended.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
my ($A, $B) = @{$pair}{ 'A', 'B' };

# A month from now, or so many before, in UTC. Nothing below depends on the day.
sub month { my ($offset) = @_; return sql($A, "SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + $offset * interval '1 month', 'YYYY-MM')"); }
sub batches { my ($side) = @_; return as($side, 'job', q{SELECT string_agg(format('%s %s%s', right(batch_id, 7), stage, CASE WHEN dropped_at IS NOT NULL THEN ', dropped' END), '; ' ORDER BY batch_id) FROM prio_processor.batch WHERE series IS NOT NULL}); }
sub alarms { my ($side) = @_; return as($side, 'job', q{SELECT string_agg(concat_ws(': ', alarm, batch_id, series, message), '; ' ORDER BY alarm, batch_id) FROM prio_processor.alarm}); }
sub create { my ($arguments) = @_; return "CALL prio_processor.create_series($arguments)"; }

my %month = map { $_ => month($_) } -7 .. 1;
my $visits = qq{'visits {YYYY-MM}', '1 month', 'telemetry', 2, 5, starts_at => '$month{-5}-10', close_after => '1 month', keep => '2 months'};

# ------------------------------------------------------------------ what is refused

foreach my $case (
	[ q{'visits', '1 day', 'telemetry', 2, 5}, qr/the pattern has no format of to_char\(\) in braces/ ],
	[ q('visits {', '1 day', 'telemetry', 2, 5), qr/the pattern has no format/ ],
	[ q{'{TMMonth YYYY}', '1 month', 'telemetry', 2, 5}, qr/the pattern has no format.*does not depend on a locale/s ],
	[ q{'{YYYY-MM}', '1 day', 'telemetry', 2, 5}, qr/the pattern gives the same name to several periods of 1 day/ ],
	[ q{'{MM-DD}', '1 day', 'telemetry', 2, 5}, qr/the same name to several periods/ ],
	[ q{'{IYYY-MM-DD}', '1 day', 'telemetry', 2, 5}, qr/the same name to several periods/ ],
	[ q{'{DD HH24:MI}', '1 minute', 'telemetry', 2, 5}, qr/the same name to several periods/ ],
	[ q{'{MM-DD HH24}', '1 hour', 'telemetry', 2, 5}, qr/the same name to several periods/ ],
	[ q{repeat('x', 980) || '{FMMonthFMMonthYYYY}', '1 month', 'telemetry', 2, 5}, qr/the name of a batch must have 1 to 1000 bytes, not 1002/ ],
	[ q{repeat('{YYYY-MM-DD}', 1000000), '1 day', 'telemetry', 2, 5}, qr/the pattern must have 1 to 1000 bytes, not 12000000/ ],
	[ q{E'\u001b{YYYY-MM-DD}', '1 day', 'telemetry', 2, 5}, qr/must not have control characters/ ],
	[ q{'{YYYY-MM-DD}', '-1 month 60 days', 'telemetry', 2, 5}, qr/either months or days and hours/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 2, 5, keep => '200000 years'}, qr/must not be negative/ ],
	[ q{'{YYYY-MM-DD}', '1 month 1 day', 'telemetry', 2, 5}, qr/either months or days and hours, not 1 mon 1 day/ ],
	[ q{'{YYYY-MM-DD}', '1 second', 'telemetry', 2, 5}, qr/a period must have 1 minute to 10 years/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 2, 5, ahead => '8 days'}, qr/nor ahead more than a period or seven days/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 2, 5, keep => '-1 days'}, qr/must not be negative/ ],
	[ q{'{YYYY-MM-DD HH24}', '1 hour', 'telemetry', 2, 5, starts_at => now() - interval '50 days'}, qr/starts_at is more than 1000 periods ago/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 2, 5, starts_at => 'infinity'}, qr/or ten years away/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 2}, qr/min_batch_size has to be given/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'telemetry', 7, 5}, qr/the proof of packets can be forged/ ],
	[ q{'{YYYY-MM-DD}', '1 day', 'nobody', 2, 5}, qr/server "nobody" has no peer/ ],
	[ q{'{YYYY-MM-DD}', NULL, 'telemetry', 2, 5}, qr/a series needs a pattern/ ])
{
	my ($arguments, $error) = @$case;
	like(error_as($A, 'job', create($arguments)), $error, "refused: $arguments");
}
like(error_as($A, 'analyst', create($visits)), qr/permission denied/, 'an analyst makes no series');
is(error_as($A, 'job', 'BEGIN; ' . create(q{'decade {YYYY}', '10 years', 'telemetry', 2, 5}) . "; SELECT prio_processor.series_batch('decade {YYYY}'); ROLLBACK") =~ /ERROR/ ? 1 : 0, 0, 'a period may have ten years');

# ------------------------------------------------------------------ this side is made up to date, the other is behind

new_clients($pair, "visits $month{-2}", 8, 2);
deliver($pair, "visits $month{-2}");
# so few that it ends as too small, and is dropped on one side before the other has read its last messages
new_clients($pair, "visits $month{-4}", 3, 2);
deliver($pair, "visits $month{-4}");
as($_, 'job', create($visits)) foreach $A, $B;
is(sql($A, "SELECT prio_processor.series_batch('visits {YYYY-MM}', '$month{-3}-30 23:59:59Z')"), "visits $month{-3}", 'a collector asks where a share belongs');
is(sql($A, q{UPDATE prio_processor.series SET created_at = created_at - interval '2 hours'; SELECT format('%s: %s', alarm, series) FROM prio_processor.alarm}), 'nobody calls run(): visits {YYYY-MM}', 'a series that nobody makes batches of is an alarm');
is(sql($A, q{SELECT prio_processor.series_batch('visits {YYYY-MM}', t) IS NULL FROM unnest(ARRAY['infinity', '-infinity']::timestamptz[]) AS t}), "t\nt", 'no batch is at the end of time');
run($pair, 'A') foreach 1 .. 2;
is(batches($A), join('; ', (map { "$month{$_} agree" } -5 .. -2), (map { "$month{$_} open" } -1 .. 1)), 'run() makes all batches up to the next, and closes those whose time is over');
is(sql($A, 'SELECT count(*) FROM prio_internal.early_share'), 0, 'shares that came before are in them');
run($pair, 'A');
like(batches($A), qr/^$month{-5} agree; $month{-4} agree/, 'a batch that the other side has not made yet is kept, though its time is over');
like(error_as($A, 'job', create($visits)), qr/already exists|exists already/, 'a series is made once');
like(error_as($A, 'job', create($visits =~ s/\{YYYY-MM\}/{YYYY}-{MM}/r)), qr/batch "visits $month{-5}" exists already, and is of another period, server or series/, 'nor does another one give the same names');
my (undef, $shown, $said) = $A->{node}->psql($A->{database}, q{BEGIN; SELECT prio_internal.show_work('close', repeat(U&'\00fc', 200)); SHOW application_name; ROLLBACK});
is("$shown$said", "\nprio: close, " . '?' x 50, 'a long name is cut off without a word');
is(as($A, 'job', "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'prio: %'"), 0, 'nobody is at a batch');
ok(reaches($pair, sub { batches($B) =~ /$month{-2} published/ && batches($A) =~ /$month{-5} too small, dropped/ }), 'when the other side is there again they come to an end');
run($pair);
my $ended = join('; ', (map { "$month{$_} too small, dropped" } -5 .. -3), "$month{-2} published", (map { "$month{$_} open" } -1 .. 1));
is(batches($_), $ended, 'and are dropped in time') foreach $A, $B;
is(result($pair, $_, "visits $month{-2}"), truth($pair, "visits $month{-2}"), 'the result is right') foreach 'A', 'B';
is(alarms($_), '', 'nobody needs to look') foreach $A, $B;

# ------------------------------------------------------------------ what a result is about

as($A, 'job', qq{INSERT INTO prio_processor.label VALUES ('visits {YYYY-MM}', 1, 'opened it'), ('visits {YYYY-MM}', 2, 'paid'), ('visits $month{-2}', 2, 'paid in cash')});
my ($opened, $paid) = sql($pair->{clients}, "SELECT sum(data[1]), sum(data[2]) FROM client WHERE batch = 'visits $month{-2}'") =~ /(\d+)/g;
is(as($A, 'analyst', 'SELECT batch_id, position, name, count, share, mean, valid FROM prio_processor.counts ORDER BY 1, 2'),
	sprintf("visits $month{-2}|1|opened it|$opened|%.4f||8\nvisits $month{-2}|2|paid in cash|$paid|%.4f||8", $opened / 8, $paid / 8), 'counts have names and are a share of the clients');
is(as($A, 'analyst', 'SELECT name, percent, bar FROM prio_processor.histogram ORDER BY position'),
	sprintf("opened it|%.1f|%s\npaid in cash|%.1f|%s", 100 * $opened / ($opened + $paid), '#' x sprintf('%.0f', 40 * $opened / ($opened > $paid ? $opened : $paid)),
		100 * $paid / ($opened + $paid), '#' x sprintf('%.0f', 40 * $paid / ($opened > $paid ? $opened : $paid))), 'and are drawn');
like(error_as($A, 'analyst', q{DELETE FROM prio_processor.label}), qr/permission denied/, 'an analyst does not rename them');
like(error_as($A, 'job', q{INSERT INTO prio_processor.label VALUES ('any', 1, E'\u001b[2J')}), qr/violates check constraint/, 'a name does nothing to a terminal');

# ------------------------------------------------------------------ an end, another beginning, and what goes wrong

as($A, 'job', q{CALL prio_processor.drop_series('visits {YYYY-MM}')});
like(error_as($A, 'job', q{CALL prio_processor.drop_series('visits {YYYY-MM}')}), qr/series "visits \{YYYY-MM\}" does not exist/, 'a series is dropped once');
run($pair, 'A');
is(batches($A), $ended, 'its batches stay');
my $longer = $visits =~ s/$month{-5}/$month{-7}/r;
as($A, 'job', create($longer));
sql($A, q{CALL prio_processor.set_floor('telemetry', 100)});
like(run($pair, 'A'), qr/WARNING:  series "visits \{YYYY-MM\}": min_batch_size of server "telemetry" must be at least 100, not 5/, 'run() says what is wrong with a series');
like(alarms($A), qr/^series: visits \{YYYY-MM\}: min_batch_size of server/, 'and it is an alarm');
sql($A, qq{CALL prio_processor.set_floor('telemetry', 1); UPDATE prio_processor.batch SET period = period - interval '100 years' WHERE batch_id = 'visits $month{-5}'});
like(run($pair, 'A'), qr/WARNING:  series "visits \{YYYY-MM\}": batch "visits $month{-5}" exists already, and is of another period/, 'the batch of another period does not stand for that of this one');
sql($A, qq{UPDATE prio_processor.batch SET period = period + interval '100 years' WHERE batch_id = 'visits $month{-5}'});
run($pair, 'A') foreach 1 .. 2;
is(batches($A), "$month{-7} agree; $month{-6} agree; $ended", 'mended, it goes on: also from an earlier beginning, past the batches that are there');
is(alarms($A), '', 'the alarm is gone');
run($pair, 'B');
is(alarms($B), "unknown batches: the other server has batches that do not exist here: visits $month{-7}, visits $month{-6}", 'the other side hears of them');
sql($A, "UPDATE prio_processor.batch SET stage = 'failed', failed_stage = stage, error = 'a test' WHERE batch_id = 'visits $month{-7}'");
run($pair, 'A') foreach 1 .. 2;
is(alarms($A), "failed: visits $month{-7}: a test", 'what failed is not dropped before somebody has looked, though its time is over');
as($A, 'job', "CALL prio_processor.retry_batch('visits $month{-7}')");
as($A, 'job', "CALL prio_processor.give_up_batch('visits $month{$_}')") foreach -7, -6;
is(alarms($A), "failed: visits $month{-7}: given up; failed: visits $month{-6}: given up", 'a batch that failed is an alarm');
run($pair, 'B');
is(alarms($B), '', 'but none there');
run($pair, 'A');
is(alarms($A), '', 'and none when it is dropped, here because its time is over');

as($A, 'collector', q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES (E'no\u001bsuch', gen_random_uuid(), '\x00')});
is(alarms($A), '', 'shares that are early wait for a while');
sql($A, q{UPDATE prio_internal.early_share SET arrived_at = arrived_at - interval '2 hours';
	UPDATE prio_processor.batch SET close_at = now() - interval '2 hours' WHERE batch_id = 'visits } . $month{-1} . q{'});
is(alarms($A), "early shares: no such: 1 shares are for 1 batches that nobody has made; nobody calls run(): visits $month{-1}: it could go on", 'then they are an alarm, and so is a batch at which nobody is');

sql($A, q{INSERT INTO prio_internal.early_share (batch_id, payload) SELECT 'flood ' || i, '' FROM generate_series(1, 10000) AS i});
like(alarms($A), qr/early shares: at least 10000 shares are for 10000 batches/, 'a flood of them is not counted to its end');

# A gigabyte of them is not made here.
is(sql($A, 'SELECT prio_internal.early_shares_are_full()'), 'f', 'there is room for more');
my $real = sql($A, q{SELECT pg_get_functiondef('prio_internal.early_shares_are_full'::regproc)});
sql($A, 'CREATE OR REPLACE FUNCTION prio_internal.early_shares_are_full() RETURNS boolean LANGUAGE sql STABLE RETURN true');
is(error_as($A, 'collector', q{INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('too late', gen_random_uuid(), '\x00')}), '', 'beyond that COPY goes on');
is(sql($A, q{SELECT count(*) FROM prio_internal.early_share WHERE batch_id = 'too late'}), 0, 'and what it brings is thrown away');
like(alarms($A), qr/early shares: a gigabyte of shares waits .* is thrown away/, 'which is an alarm at once');
sql($A, $real);

sql($A, 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
is(as($A, 'watcher', 'SELECT count(*) FROM prio_processor.alarm'), 2, 'whoever monitors the cluster sees them');
like(error_as($A, 'watcher', "SELECT * FROM prio_processor.$_"), qr/permission denied/, "and not $_") foreach 'result', 'counts', 'share', 'rejections';

# ------------------------------------------------------------------ the same, begun by a transaction that stays open

sql($A, q{DELETE FROM prio_internal.early_share});
as($A, 'job', create(q{'hourly {YYYY-MM-DD HH24}', '1 hour', 'telemetry', 2, 5}));
my $open = session($A, 'job');
$open->query('BEGIN; SELECT prio_internal.run_series()');
is(error_as($A, 'collector', q{SET lock_timeout = '5s'; INSERT INTO prio_processor.share (batch_id, share_id, payload) VALUES ('no such', gen_random_uuid(), '\x00')}), '',
	'batches that are made in an open transaction are in the way of nobody');
$open->query('COMMIT');
$open->quit;
run($pair, 'A');
is(sql($A, q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'prio_processor.share'::regclass}), sql($A, q{SELECT count(*) + 1 FROM prio_processor.batch WHERE dropped_at IS NULL}), 'the next run() lets shares in');

# ------------------------------------------------------------------ after a restore

sql($A, q{CALL prio_processor.after_restore()});
sql($A, q{UPDATE prio_processor.series SET next_at = now() WHERE pattern LIKE 'hourly%'});
like(run($pair, 'A'), qr/WARNING:  series "hourly .*": server "telemetry" was restored from a backup and takes no batch with its old key/, 'a restored server makes no batch of a series with its old key');
like(alarms($A), qr/series: hourly .* was restored from a backup/, 'and says so until it has a new one');

# ------------------------------------------------------------------ a server that leaves

sql($A, q{DO $$ DECLARE b text; BEGIN FOR b IN SELECT batch_id FROM prio_processor.batch WHERE stage < 'published' LOOP CALL prio_processor.give_up_batch(b); END LOOP; END $$;
	CALL prio_processor.leave_peer('telemetry')});
is(sql($A, q{SELECT count(*) FROM prio_processor.series}), 0, 'takes its series along');
is(run($pair, 'A'), '', 'and run() makes no more');

done_testing();
