# What a share costs does not depend on how many there are, memory stays flat, and two sessions
# share the work of one batch.
#
# Runs alone with PRIO_LONG: it compares how much is computed for a share.
# Runs at night: a million shares take long; by day processor_waiting.pl has several sessions at one batch.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

# ------------------------------------------------------------------ few and many

# Chunks so small that a join which begins anew with every piece of a list, or a look at all shares for
# each chunk, would be noticed; in the long form a million shares in chunks as they are, and a million reports of Prio3.
my ($few, $many) = $ENV{PRIO_LONG} ? (20_000, 1_000_000) : (1_000, 8_000);
my $dir = PostgreSQL::Test::Utils::tempdir();
$ENV{CHUNK} = 100 unless $ENV{PRIO_LONG};
command_ok([ 'bench/processor', $dir, "128:$few", "128:$few", "128:$many", "files:128:$few", "Count:$many", "Histogram100:$many" ], 'both servers publish the truth about every batch');

# The rows of a file: { value of the key columns }{ shares }{ column }
sub rows_of
{
	my ($file, @keys) = @_;
	my ($head, @lines) = split /\n/, slurp_file("$dir/$file");
	my %rows;
	foreach my $line (@lines)
	{
		my %row;
		@row{ split /\t/, $head } = split /\t/, $line;
		$rows{ join ' on ', @row{@keys} }{ $row{shares} } = \%row;
	}
	return %rows;
}

my %of = rows_of('processor.tsv', 'stage', 'role');
is(scalar(keys %of), 2 * 10, 'every stage was measured on both servers, and a plain table');
foreach my $what (sort keys %of)
{
	my ($one, $other) = map { $of{$what}{$_} } $few, $many;
	note sprintf '%-16s %8.2f us a share of %d, %8.2f us of %d, %d kB then %d kB', $what, $one->{cpu_us}, $few, $other->{cpu_us}, $many, $one->{peak_kb}, $other->{peak_kb};
}
my %batches = rows_of('batches.tsv', 'role');
foreach my $role ('A', 'B')
{
	my ($one, $other) = map { $of{"total on $role"}{$_} } $few, $many;
	cmp_ok($other->{cpu_us}, '<', 1.5 * $one->{cpu_us}, "a share costs $role the same whether there are $few or $many") if $ENV{PRIO_LONG};
	cmp_ok($other->{peak_kb}, '<', 64 * 1024, "memory of run() stays flat on $role");
	# What nothing else on the machine has an influence on.
	my ($before, $after) = map { $batches{$role}{$_}{pieces} } $few, $many;
	note "pieces read for a share on $role: $before of $few, $after of $many";
	cmp_ok($after, '<', 1.3 * $before, "nothing begins anew with every chunk on $role");
}

# ------------------------------------------------------------------ two sessions, one batch

# Each stops behind the first chunk that it does of a kind until the other has done one: if one had
# to wait for the other, as for a lock, it never would.
my $pair = new_pair();
small_chunks($pair, 10);
sql($pair->{A}, qq{
	CREATE SEQUENCE at_opened;
	CREATE SEQUENCE at_1;
	CREATE SEQUENCE at_2;
	CREATE TABLE meeting (what text, met boolean, pid int DEFAULT pg_backend_pid());
	CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$
	DECLARE
		until timestamptz := clock_timestamp() + interval '$PostgreSQL::Test::Utils::timeout_default seconds';
		what text := coalesce(to_jsonb(NEW) ->> 'round', 'opened');
		sessions bigint := nextval('public.at_' || what);
	BEGIN
		WHILE sessions < 2 AND clock_timestamp() < until LOOP
			PERFORM pg_sleep(0.01);
			EXECUTE 'SELECT last_value FROM public.at_' || what INTO sessions;
		END LOOP;
		INSERT INTO public.meeting VALUES (what, sessions >= 2);
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER meet AFTER INSERT ON prio_internal.opened FOR EACH ROW EXECUTE FUNCTION meet();
	CREATE TRIGGER meet AFTER INSERT ON prio_internal.message FOR EACH ROW WHEN (NEW.role = 'A') EXECUTE FUNCTION meet()});
new_batch($pair, 'shared', 8, 3);
new_clients($pair, 'shared', 300, 8);
deliver($pair, 'shared');
close_both($pair, 'shared');
my $side = $pair->{A};
my $patience = $PostgreSQL::Test::Utils::timeout_default;
my @sessions = map { IPC::Run::start([ 'psql', '-X', '-q', '-d', $pair->{$_}{node}->connstr($pair->{$_}{database}) . ' user=job',
		'-c', "CALL prio_processor.run('$patience seconds')" ]) } 'A', 'A', 'B';
$_->finish foreach @sessions;
is(sql($side, 'SELECT what, count(DISTINCT pid), bool_and(met) FROM meeting GROUP BY what ORDER BY what'),
	"1|2|t\n2|2|t\nopened|2|t", 'two sessions are in the middle of chunks of one batch at the same time: of shares, and of both rounds');
is(sql($side, q{SELECT what, count(*) FROM meeting WHERE what <> 'opened' GROUP BY what ORDER BY what}), "1|30\n2|30", 'and each chunk is done once');
is(result($pair, $_, 'shared'), truth($pair, 'shared'), "$_ publishes the truth") foreach 'A', 'B';

# Of two that have asked for the same piece of a list, one keeps it.
is( sql($side, q{SELECT prio_internal.take_list(b, h, 0, ARRAY(SELECT entries FROM prio_internal.list AS l WHERE l.number = b.number AND l.role = 'B' AND l.piece = 0)),
		(SELECT count(*) FROM prio_internal.list AS l WHERE l.number = b.number AND l.role = 'B')
		FROM prio_processor.batch AS b JOIN prio_internal.heard AS h USING (number) WHERE batch_id = 'shared'}), '|30', 'a piece of a list that is here is not kept again');
is(sql($side, 'SELECT count(*) FROM prio_internal.heard WHERE contradiction IS NOT NULL'), 0, 'and nobody is blamed');

# Neither waits for the other's batch: four batches, and one whose row is locked for good.
foreach my $batch (map { "batch $_" } 1 .. 4)
{
	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 10, 8);
	deliver($pair, $batch);
}
close_both($pair, map { "batch $_" } 1 .. 4);
my $lock = $side->{node}->background_psql('server_a');
$lock->query_safe(q{BEGIN; SELECT FROM prio_processor.batch WHERE batch_id = 'batch 1' FOR UPDATE});
ok(finish($pair, map { "batch $_" } 2 .. 4), 'while somebody has a batch locked, the others are finished');
is(stage_of($pair, 'A', 'batch 1'), 'close', 'and that one waits');
$lock->query_safe('COMMIT');
$lock->quit;
ok(finish($pair, 'batch 1'), 'until it is let go');
is(result($pair, 'A', "batch $_"), truth($pair, "batch $_"), "A publishes the truth about batch $_") foreach 1 .. 4;

done_testing();
