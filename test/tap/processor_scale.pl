# What a share costs does not depend on how many there are, and memory stays flat: bench/processor
# with few and with many shares. And four run() on four batches are at work at the same time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

# ------------------------------------------------------------------ few and many

my ($few, $many) = (2_000, 20_000);
my $dir = PostgreSQL::Test::Utils::tempdir();

# In chunks so small that one which looks at all shares would be noticed.
$ENV{CHUNK} = 100;
command_ok([ 'bench/processor', $dir, $few, $few, $few, $many ], 'both servers publish the truth about every batch');

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
		$rows{ join ', ', @row{@keys} }{ $row{shares} } = \%row;
	}
	return %rows;
}

# What a share costs in a stage, by CPU time, which shows whatever takes longer than the stage itself;
# and how many rows were read for it in all, which is exact.
my %of = rows_of('processor.tsv', 'stage', 'role');
is(scalar(keys %of), 12, 'every stage was measured on both servers');
foreach my $what (sort keys %of)
{
	my ($one, $other) = map { $of{$what}{$_} } $few, $many;
	note sprintf '%-14s %8.1f us a share of %d, %8.1f us of %d, %d kB then %d kB', $what, $one->{cpu_us}, $few, $other->{cpu_us}, $many, $one->{peak_kb}, $other->{peak_kb};
	cmp_ok($other->{cpu_us}, '<', 2.5 * $one->{cpu_us}, "a share costs the same whether there are $few or $many: $what");
	cmp_ok($other->{peak_kb} - $one->{peak_kb}, '<', 8 * 1024, "memory stays flat: $what");
}
my %batches = rows_of('batches.tsv', 'role');
foreach my $role ('A', 'B')
{
	my ($one, $other) = map { $batches{$role}{$_}{rows_read} } $few, $many;
	note "rows read for a share on $role: $one of $few, $other of $many";
	cmp_ok($other, '<', 1.5 * $one, "no step looks at more than its share of rows on $role");
}

# ------------------------------------------------------------------ four at once

# In every stage each session stops in the middle of its step until there are four: if one had
# to wait for another, as for a lock, there would never be.
my $pair = new_pair();
my @four = map { "batch $_" } 1 .. 4;
foreach my $batch (@four)
{
	new_batch($pair, $batch, 8, 3);
	new_clients($pair, $batch, 10, 8);
	deliver($pair, $batch);
	as($pair->{$_}, 'job', "CALL prio_processor.close_batch('$batch')") foreach 'A', 'B';
}
$pair->{A}->safe_psql('postgres', qq{
	CREATE SEQUENCE at_verify1;
	CREATE SEQUENCE at_verify2;
	CREATE SEQUENCE at_aggregate;
	CREATE TABLE meeting (stage text, met boolean, pid int DEFAULT pg_backend_pid());
	CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$
	DECLARE
		until timestamptz := clock_timestamp() + interval '$PostgreSQL::Test::Utils::timeout_default seconds';
		sessions bigint := nextval('public.at_' || NEW.stage);
	BEGIN
		WHILE sessions < 4 AND clock_timestamp() < until LOOP
			PERFORM pg_sleep(0.01);
			EXECUTE 'SELECT last_value FROM public.at_' || NEW.stage INTO sessions;
		END LOOP;
		INSERT INTO public.meeting VALUES (NEW.stage, sessions >= 4);
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER meet AFTER UPDATE ON prio_processor.stage_progress FOR EACH ROW
		WHEN (NEW.done > OLD.done AND NEW.stage IN ('verify1', 'verify2', 'aggregate')) EXECUTE FUNCTION meet()});
my @sessions = map { IPC::Run::start([ 'psql', '-X', '-q', '-d', $pair->{$_}->connstr('postgres') . ' user=job',
		'-c', "CALL prio_processor.run('$PostgreSQL::Test::Utils::timeout_default seconds')" ]) } ('A') x 4, 'B';
$_->finish foreach @sessions;
is($pair->{A}->safe_psql('postgres', 'SELECT stage, count(*), count(DISTINCT pid), bool_and(met) FROM meeting GROUP BY stage ORDER BY stage'),
	"aggregate|4|4|t\nverify1|4|4|t\nverify2|4|4|t", 'four sessions are in the middle of a step at the same time, in every stage');
is(result($pair, 'A', $_), truth($pair, $_), "and publish the truth about $_") foreach @four;

done_testing();
