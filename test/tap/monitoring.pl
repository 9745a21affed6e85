# examples/monitoring: each query of the exporter's file gives the metrics it says, to whoever monitors; dashboard and
# alerts ask for no others; and no name of a batch or a count is anything but text in a plot. That all of it works in
# exporter and Prometheus is shown at night, by examples/monitoring/run.
use strict;
use warnings;

use CPAN::Meta::YAML;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = share_sessions new_cluster('monitoring');
$node->safe_psql('postgres', 'CREATE EXTENSION prio_processor');
my $folder = 'examples/monitoring';

# Batches and results as if they had been, whatever the names of them are: queries and plots read nothing else.
sub literal { return "'" . ($_[0] =~ s/'/''/gr) . "'"; }
sub batch
{
	my ($batch, $stage, @minutes) = @_;
	my @stages = ('open', 'close', 'list', 'agree', 'round 1', 'round 2', 'aggregate', 'publish');
	my $times = '';
	foreach my $i (1 .. $#minutes)
	{
		$times .= "INSERT INTO prio_internal.stage_time SELECT number, '$stages[ $i - 1 ]', now() - interval '$minutes[ $i - 1 ] min', now() - interval '$minutes[$i] min', 1000 FROM prio_processor.batch WHERE batch_id = @{[ literal($batch) ]};\n";
	}
	my $failed = $stage eq 'failed' ? literal($stages[$#minutes]) : 'NULL';
	$node->safe_psql('postgres', "INSERT INTO prio_processor.batch (batch_id, server, role, n_data, min_batch_size, packet_batch_id, max_missing, ordinals, checkpoints, allow_forgeable,
			chunk_shares, settings, stage, stage_since, failed_stage, error, error_at, agreed, system_identifier, database, timeline)
		VALUES (@{[ literal($batch) ]}, 'telemetry', 'A', 5, 2, 'x', 0, false, true, false, 100, 'vdaf=none', '$stage', now() - interval '$minutes[-1] min', $failed,
			CASE WHEN $failed IS NOT NULL THEN 'given up' END, CASE WHEN $failed IS NOT NULL THEN now() END, 1000, 1, 1, 1);
		INSERT INTO prio_internal.heard (number) SELECT number FROM prio_processor.batch WHERE batch_id = @{[ literal($batch) ]};
		$times");
	return;
}
sub publish
{
	my ($batch, $counts, @names) = @_;
	$node->safe_psql('postgres', "INSERT INTO prio_processor.result VALUES (@{[ literal($batch) ]}, $counts, 1000, 0);"
		. join('', map { "INSERT INTO prio_processor.label VALUES (@{[ literal($batch) ]}, @{[ $_ + 1 ]}, @{[ literal($names[$_]) ]});" } 0 .. $#names));
	return;
}

my $pwned = $node->basedir . '/pwned';
# The table takes no control characters; who draws does not rely on it.
$node->safe_psql('postgres', 'ALTER TABLE prio_processor.label DROP CONSTRAINT label_name_check');
my @hostile = (qq{a"b'c''<script>alert(1)</script>}, qq{`touch $pwned` \$(touch $pwned)}, '</text><rect/>&amp;&quot; ]]>', '%d %s %n {/Times=40 x}_2^3 @m \\303 \\n \\', "two\nlines\tand \x01 \xe2\x80\xae more", "END\nset output '$pwned'\n!touch $pwned");
# As a picture shows them.
my @shown = (qq{a"b'c''<script>alert(1)</script>}, undef, '</text><rect/>&amp;&quot; ]]>', '%d %s %n {/Times=40 x}_2^3 @m \\303 \\n \\', "two\xc2\xb7lines\xc2\xb7and \xc2\xb7 \xc2\xb7 more", undef);
batch('plain', 'published', 90, 50, 40, 35, 30, 20, 10, 5, 4);
batch('broken', 'failed', 90, 45, 44, 43);
batch('later', 'open', 90);
batch($hostile[$_], 'round 1', 90, 40 - $_, 30 - $_, 20 - $_, 10 - $_) foreach 0 .. $#hostile;
publish('plain', 'ARRAY[1000, 500, 20, 3, 0, 1]', @hostile);
publish($hostile[0], '(SELECT array_agg(i) FROM generate_series(1, 100) AS i)');
$node->safe_psql('postgres', q{
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE ROLE analyst LOGIN IN ROLE prio_reader;
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER prio_peer OPTIONS (host 'nowhere.invalid', dbname 'none');
	INSERT INTO prio_processor.peer (server, role, peer_public_key, peer_server, system_identifier, database)
		SELECT 'telemetry', 'A', NULL, 'elsewhere', i.system_identifier, i.database FROM prio_internal.identity() AS i;
	INSERT INTO prio_internal.contact (server, asked_at, heard_at, error, silent) VALUES ('telemetry', now(), now() - interval '1 hour', 'no route', false)});

# ------------------------------------------------------------------ the file of queries

my $queries = CPAN::Meta::YAML->read("$folder/queries.yaml")->[0];
my %metric;	# by name: { the labels of a row => value }
my %label;

foreach my $section (sort keys %$queries)
{
	my %usage = map { my ($name) = keys %$_; ($name => $_->{$name}{usage}) } @{ $queries->{$section}{metrics} };
	my @labels = sort grep { $usage{$_} eq 'LABEL' } keys %usage;
	my @gauges = sort grep { $usage{$_} eq 'GAUGE' } keys %usage;
	my @rows = @{ JSON::PP->new->decode($node->safe_psql('postgres', "SELECT json_agg(q) FROM ($queries->{$section}{query}) AS q", extra_params => [ '-U', 'watcher' ])) };

	is_deeply([ sort keys %{ $rows[0] } ], [ sort keys %usage ], "$section has the columns that it says");
	is(scalar(grep { my $row = $_; grep { !defined $row->{$_} } keys %usage } @rows), 0, "$section has no NULL");
	is(scalar(grep { my $row = $_; grep { $row->{$_} !~ /^-?\d+(?:\.\d+)?$/ } @gauges } @rows), 0, "gauges of $section are numbers");
	$label{$_} = 1 foreach @labels;
	foreach my $row (@rows)
	{
		my $series = join ', ', map { $row->{$_} } grep { $_ ne 'datname' } @labels;
		ok(!exists $metric{"${section}_$gauges[0]"}{$series}, "the labels of $section are those of one row: " . ($series =~ s/\W+/ /gr));
		$metric{"${section}_$_"}{$series} = $row->{$_} foreach @gauges;
	}
}

my $kinds = $node->safe_psql('postgres', q{SELECT col_description('prio_processor.alarm'::regclass, 1)});
is_deeply([ sort keys %{ $metric{prio_alarm_count} } ], [ sort split /, | or /, $kinds ], 'there is a series for each kind of alarm');
is($metric{prio_alarm_count}{$_}, 1, "alarm: $_") foreach 'failed';
is($metric{prio_alarm_count}{'disagreement'}, 0, 'and none where all is well');
is_deeply([ sort keys %{ $metric{prio_stage_batches} } ],
	[ sort split /\n/, $node->safe_psql('postgres', q{SELECT unnest(enum_range(NULL::prio_processor.stage))}) ], 'there is a series for each stage');
is_deeply([ map { $metric{prio_stage_batches}{$_} } 'open', 'agree', 'round 1', 'published', 'failed' ], [ 1, 0, 6, 1, 1 ], 'a batch counts where it is, one that failed as failed');
is_deeply([ sort keys %{ $metric{prio_batch_stage} } ], [ sort 'later', @hostile ], 'only batches that are not finished are labels');
is($metric{prio_batch_stage}{later}, 1, 'an open batch is at stage 1');
is($metric{prio_batch_total}{ $hostile[0] }, 1000, 'and one at work has so many shares to do');
is($metric{prio_exchange_answers}{telemetry}, 0, 'the other server does not answer');
cmp_ok($metric{prio_exchange_seconds_since_answer}{telemetry}, '>=', 3600, 'and has not for an hour');

# ------------------------------------------------------------------ dashboard and alerts

my $dashboard = JSON::PP->new->decode(slurp_file("$folder/dashboard.json"));
my @asked = map { [ $_->{title}, map { $_->{expr} } @{ $_->{targets} } ] } @{ $dashboard->{panels} };
push @asked, map { [ $_->{alert}, $_->{expr} ] } map { @{ $_->{rules} } } @{ CPAN::Meta::YAML->read("$folder/alerts.yml")->[0]{groups} };
my %asked;
foreach my $panel (@asked)
{
	my ($title, @expressions) = @$panel;
	my @names = grep { !$label{$_} } map { /\b(prio_\w+)/g } @expressions;

	cmp_ok(scalar @names, '>', 0, "$title asks for something");
	is_deeply([ grep { !$metric{$_} } @names ], [], "and there is what it asks for");
	is_deeply([ grep { !$label{$_} } map { /(\w+)(?:=|!~|!=|=~)"/g } @expressions ], [], 'by labels that are there');
	$asked{$_} = 1 foreach @names;
}
is_deeply([ sort keys %asked ], [ sort keys %metric ], 'dashboard and alerts ask for everything');
my $stages = $node->safe_psql('postgres', q{SELECT string_agg(array_position(enum_range(NULL::prio_processor.stage), s) || ' ' || s, ', ' ORDER BY s)
	FROM unnest(enum_range(NULL::prio_processor.stage)) AS s WHERE s < 'published'});
like(slurp_file("$folder/queries.yaml"), qr/Stage it is at: \Q$stages\E"/, 'numbers of stages are those of the type');
foreach my $mapping (grep { $_->{1} && $_->{1}{text} eq 'open' } map { $_->{options} } map { @{ ref $_ ? $_ : [] } }
	map { ($_->{defaults}{mappings}, map { $_->{value} } grep { $_->{id} eq 'mappings' } map { @{ $_->{properties} } } @{ $_->{overrides} }) } map { $_->{fieldConfig} } @{ $dashboard->{panels} })
{
	is(join(', ', map { "$_ $mapping->{$_}{text}" } sort { $a <=> $b } keys %$mapping), $stages, 'and what the dashboard calls them');
}

# ------------------------------------------------------------------ plots

# What a browser would read of an SVG: the texts, one a line, that are in it; and it has no other elements than such drawings.
my $read = <<'PYTHON';
import sys, xml.etree.ElementTree as tree
for element in tree.parse(sys.stdin.buffer).iter():
	name = element.tag.split('}')[1]
	if name not in ('svg', 'title', 'desc', 'g', 'rect', 'path', 'polygon', 'text', 'defs', 'circle', 'use', 'filter', 'feFlood', 'feComposite', 'linearGradient', 'stop'):
		print('element', name)
	for attribute in element.attrib:
		if attribute.startswith('on') or attribute.endswith('href') and not element.attrib[attribute].startswith('#gpPt'):
			print('attribute', attribute)
	if name == 'text':
		print('text', ''.join(element.itertext()).strip())
PYTHON
sub plot
{
	my ($role, @arguments) = @_;
	my ($svg, $out, $err) = ('', '', '');
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => $role);

	IPC::Run::run([ "$folder/plot", @arguments ], '>', \$svg, '2>', \$err) or return $err;
	is($err, '', "plot $arguments[0] says nothing");
	IPC::Run::run([ 'python3', '-c', $read ], '<', \$svg, '>', \$out, '2>', \$err) or return "$err\n$svg";
	return $out;
}

my $result = plot('analyst', 'result', 'plain');
like($result, qr/^text plain\n/, 'a result has its name');
like($result, qr/^text 1\xc2\xa0000 clients, published \d{4}-\d\d-\d\d \d\d:\d\d UTC$/m, 'and says of how many clients');
like($result, qr/^text 500 \(50\.0 %\)$/m, 'and numbers');
like($result, qr/^text \Q$_\E$/m, "and names: $_") foreach grep { defined } @shown;
like($result, qr/^text `touch .*\xe2\x80\xa6.*pwned\)$/m, 'a long one has its beginning and its end');
like($result, qr/^text END\xc2\xb7set output .*\xe2\x80\xa6/m, 'and is one line');
unlike($result, qr/^(?:element|attribute)/m, 'it is a drawing');
my $many = plot('analyst', 'result', $hostile[0]);
like($many, qr/^text \Q$hostile[0]\E$/m, 'a result of many counts has its name');
like($many, qr/^text position$/m, 'and positions');

my $night = plot('watcher', 'night', 'yesterday');
like($night, qr/^text \Q$_\E$/m, "a night has the batch $_") foreach grep { defined && length($_) < 35 } @shown, 'plain', 'broken';
unlike($night, qr/^text later$/m, 'and none that is open');
like($night, qr/^text $_$/m, "and says $_") foreach qr/published \d\d:\d\d:\d\d/, qr/failed \d\d:\d\d:\d\d/, qr/round 1, nobody is working/, 'aggregate';
unlike($night, qr/^(?:element|attribute)/m, 'it is a drawing');
my $now = plot('watcher', 'night', 'now');
like($now, qr/^text \Q$hostile[0]\E$/m, 'what is under way is in every night');
unlike($now, qr/^text plain$/m, 'and what is over in those that had not ended');
ok(!-e $pwned, 'nothing was executed');

is(plot('analyst', 'result', "no\x1b such"), "plot: nothing was published of batch no\xc2\xb7 such\n", 'what is not there is no picture');
like(plot('watcher', 'result', 'plain'), qr/permission denied/, 'who monitors sees no result');
like(plot('watcher', 'night', "'; DROP TABLE x"), qr/invalid input syntax for type timestamp/, 'a time is one');
like(plot('watcher', 'day'), qr/^usage: /, 'and what it does not know it says');

done_testing();
