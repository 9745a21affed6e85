# docs/reference.md has an entry for everything that people may use, as the catalogs and the
# sources have it, and for nothing else; and everything in the extensions has its comment.
use strict;
use warnings;

use List::Util qw(uniq);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use Test::More;

my $node = share_sessions new_cluster('documented');
$node->safe_psql('postgres', 'CREATE EXTENSION prio_processor');

# The rows of a query.
sub rows
{
	my ($query) = @_;
	return map { [ split /\|/, $_, -1 ] } split /\n/,
	  $node->safe_psql('postgres', "SET search_path = prio_processor, public; $query");
}

# The entries: the text under each heading that is one, by its name.
my $text = slurp_file('docs/reference.md');
my %entry = $text =~ /^### (.*)\n((?:(?!^#+ ).*\n)*)/mg;
my %seen;

# The rows of the tables under a heading whose first column is called so: their cells.
sub table
{
	my ($body, $column) = @_;
	return map { [ /\| (.*?) (?=\|)/g ] } map { split /\n/ } $body =~ /^\| $column \|.*\n\| ---.*\n((?:\|.*\n)*)/mg;
}

# The names in the first column of a table.
sub names
{
	return map { $_->[0] =~ /`([^`]+)`/g } table(@_);
}

# What stands in lines in italics: of functions of one name, all that there is to say.
sub rights
{
	return join "\n", $_[0] =~ /^\*([^*].*)\.\*$/mg;
}

# ---------------------------------------------------------------- what a night costs

# The table of docs/scaling.md is what the script makes of the figures that are measured.
my ($costs) = slurp_file('docs/scaling.md') =~ /^(\| n = 128 .*\n(?:\|.*\n)+)/m;
my $printed = '';
foreach my $of ('128', '2046', 'Histogram1000')
{
	my ($out, $err) = ('', '');
	$node->psql('postgres', "\\set of $of\n\\i bench/sql/cost.sql", stdout => \$out, stderr => \$err);
	is($err, '', "bench/sql/cost.sql knows $of");
	my $name = $of =~ /^\d/ ? "n = $of" : 'Histogram of 1000';
	foreach (split /\n/, $out)
	{
		my ($server, $arrival, $job, $all_day, $at_night, $disk, $log, $log_day, $log_night, $network) = split /\|/;
		$printed .= sprintf "| %s | %s | %.0f, %.0f | %.1f, %.1f | %s | %s, %.0f, %.0f | %.1f |\n", $server eq 'A' ? $name : '', $server, $arrival, $job, $all_day, $at_night, $disk, $log, $log_day, $log_night, $network;
	}
}
is($costs, $printed =~ s/\|  \|/| |/gr, 'docs/scaling.md has what a night costs by the figures of bench/results');

# That of docs/operations.md: of each table the query over all of its rows, without workers.
my %seconds;
foreach (split /\n/, slurp_file('bench/results/sql.tsv'))
{
	my ($step, $role, $n, $source, $rows, $workers, $us) = split /\t/;
	next unless $step =~ /^(?:verifier|total)$/ && $source eq 'one' && $workers eq '0' && $rows >= 30_000;
	$seconds{$n}{$role} += $us;
}
my ($cpu_time) = slurp_file('docs/operations.md') =~ /^\| n \| server A \| server B \|\n.*\n((?:\|.*\n)+)/m;
is($cpu_time, join('', map { sprintf "| %s | %.0f s | %.0f s |\n", s/(?<=\d)(?=\d{3}$)/ /r, @{ $seconds{$_} }{ 'A', 'B' } } sort { $a <=> $b } keys %seconds),
	'docs/operations.md has what a million shares take');

my ($out, $err) = ('', '');
$node->psql('postgres', "\\set of nothing\n\\i bench/sql/cost.sql", stdout => \$out, stderr => \$err);
like($err, qr/no such kind was measured: nothing/, 'bench/sql/cost.sql says what it does not know');

# ---------------------------------------------------------------- functions and procedures

my $members = q{
	SELECT d.classid, d.objid, e.extname FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname LIKE 'prio%'};

# What PostgreSQL alone calls has no entry, but a line; what no role may call has none, and
# neither has anything in prio_internal, which is for nobody.
my $support = q{
	SELECT fdwvalidator::oid AS oid FROM pg_foreign_data_wrapper WHERE fdwname = 'prio'
	UNION SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]::oid[]) FROM pg_type WHERE typname IN ('prio_verifier', 'prio3_verify_state')
	UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn]::oid[])
		FROM pg_aggregate WHERE aggfnoid::text LIKE 'prio_%' AND aggfnoid::text NOT LIKE 'prio_internal.%'};
my $routines = qq{
	SELECT p.*, m.extname, (SELECT string_agg(DISTINCT format('`%s`', a.grantee::regrole), ', ')
			FROM aclexplode(p.proacl) AS a WHERE a.grantee <> p.proowner) AS grantees
	FROM pg_proc AS p JOIN ($members) AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE p.pronamespace::regnamespace::text <> 'prio_internal' AND p.oid NOT IN ($support)};
my %routine;

foreach my $row (rows(qq{
	SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid),
		CASE WHEN extname = 'prio' THEN concat_ws(', ', CASE prokind WHEN 'a' THEN 'aggregate' END, volatility,
			CASE WHEN proisstrict THEN 'strict' END, CASE proparallel WHEN 's' THEN 'parallel safe' END)
		ELSE concat(CASE prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, ', for ', coalesce(grantees, 'superusers'),
			CASE WHEN prokind <> 'p' THEN '; ' || volatility END) END,
		array_to_string(proargnames[:coalesce(array_position(proargmodes, 'o') - 1, 1000)], ' ')
	FROM ($routines) AS p, LATERAL (SELECT CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility) AS v
	WHERE extname = 'prio' OR prokind = 'p' OR grantees IS NOT NULL
	ORDER BY oid}))
{
	my ($name, $arguments, $result, $rights, $names) = @$row;

	s/::[a-z ]+(?=,|$)//g, s/\bIN //g, s/timestamp with time zone/timestamptz/g foreach $arguments;
	push @{ $routine{$name}{signatures} }, "$name($arguments)" . ($result eq '' ? '' : " → $result");
	push @{ $routine{$name}{rights} }, ucfirst $rights;
	push @{ $routine{$name}{arguments} }, split / /, $names;
}

foreach my $name (sort keys %routine)
{
	my $body = $entry{$name} // '';
	my ($signatures) = $body =~ /\A\n```\n(.*?)^```$/ms;

	$seen{$name} = 1;
	is(join("\n", map { s/\s+/ /gr =~ s/ $//r } split /\n\n/, $signatures // ''), join("\n", @{ $routine{$name}{signatures} }), "signature of $name");
	is(rights($body), join("\n", uniq @{ $routine{$name}{rights} }), "what $name is, or who may call it");
	is(join(' ', names($body, 'argument')), join(' ', uniq @{ $routine{$name}{arguments} }), "arguments of $name");
	like($body, qr/^```sql$/m, "$name has an example");
}

is( join("\n", sort grep { /\(/ } $text =~ /^## Support functions\n(.*?)^## /ms ? names($1, 'function') : ()),
	join("\n", sort map { $_->[0] } rows("SELECT replace(oid::regprocedure::text, ',', ', ') FROM ($support) AS s")),
	'support functions');

# ---------------------------------------------------------------- tables and views

my $relations = qq{
	SELECT c.* FROM pg_class AS c JOIN ($members) AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
	WHERE c.relkind <> 'c' AND c.relnamespace::regnamespace::text <> 'prio_internal'};
my %relation = map { $_->[0] => $_ } rows(qq{
	SELECT relname,
		(SELECT string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
			FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
		coalesce((SELECT string_agg(format('%s: %s%s', grantees, privilege_type, columns), '; ' ORDER BY grantees)
			FROM (SELECT privilege_type, columns, string_agg(format('`%s`', grantee::regrole), ', ' ORDER BY grantee::regrole::text) AS grantees
				FROM (SELECT a.grantee, a.privilege_type, '' AS columns FROM aclexplode(c.relacl) AS a
					UNION ALL
					SELECT g.grantee, g.privilege_type, ' (all but ' || (SELECT string_agg(format('`%s`', x.attname), ', ' ORDER BY x.attnum)
						FROM pg_attribute AS x WHERE x.attrelid = c.oid AND x.attnum > 0 AND x.attname <> ALL (g.columns)) || ')'
					FROM (SELECT a.grantee, a.privilege_type, array_agg(x.attname) AS columns
						FROM pg_attribute AS x, aclexplode(x.attacl) AS a WHERE x.attrelid = c.oid GROUP BY 1, 2) AS g) AS one
				WHERE grantee <> c.relowner GROUP BY 1, 2) AS listed), 'nobody but the owner')
	FROM ($relations) AS c WHERE NOT relispartition AND relkind <> 'S'});

foreach my $name (sort keys %relation)
{
	my (undef, $columns, $rights) = @{ $relation{$name} };
	my $body = $entry{$name} // '';

	$seen{$name} = 1;
	is(join(', ', map { "$_->[0] $_->[1]" =~ s/`//gr } table($body, 'column')), $columns =~ s/timestamp with time zone/timestamptz/gr, "columns of $name");
	is(rights($body), "For $rights", "who may use $name");
	like($body, qr/^```sql$/m, "$name has an example");
}

# ---------------------------------------------------------------- types, roles, options, channels

foreach my $row (rows(qq{
	SELECT typname, (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
	FROM pg_type AS t JOIN ($members) AS m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid WHERE t.typtype <> 'c' AND t.typelem = 0}))
{
	my ($name, $labels) = @$row;

	$seen{"Type $name"} = 1;
	ok(exists $entry{"Type $name"}, "type $name");
	is(join(', ', names($entry{"Type $name"} // '', 'value')), $labels, "values of type $name");
}

$seen{Roles} = 1;
is(join(' ', sort(names($entry{Roles}, 'role'))), join(' ', map { $_->[0] } rows(q{SELECT rolname FROM pg_roles WHERE rolname LIKE 'prio%' ORDER BY 1})), 'roles');

# Whoever gives an option that is none is told which there are.
foreach my $place ([ 'Options of a server', 'pg_foreign_server' ], [ 'Options of a user mapping', 'pg_user_mapping' ])
{
	my ($heading, $catalog) = @$place;
	my ($result, $out, $err) = $node->psql('postgres', "SELECT prio_fdw_validator('{none=x}', '$catalog'::regclass)");
	my ($options) = $err =~ /^HINT:  \Q$heading\E are (.*)\.$/m;
	$seen{$heading} = 1;
	is(join(' ', names($entry{$heading}, 'option')), join(' ', split /, | and /, $options), $heading);
}

foreach my $name (map { $_->[0] } rows(qq{
	SELECT fdwname FROM pg_foreign_data_wrapper AS w JOIN ($members) AS m ON m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid}))
{
	$seen{"Foreign data wrapper $name"} = 1;
	ok(exists $entry{"Foreign data wrapper $name"}, "foreign data wrapper $name");
}

my $script = slurp_file('prio_processor--1.0.sql');
foreach my $name ($script =~ /pg_notify\('(\w+)'/g)
{
	$seen{"Channel $name"} = 1;
	ok(exists $entry{"Channel $name"}, "channel $name");
}

# Headings of one word, or with such a beginning, are entries; others are not.
is(join("\n", sort grep { !$seen{$_} && /^(?:\w+$|(?:Type|Options|Foreign|Channel) )/ } keys %entry), '', 'no entry for what is not there');

# ---------------------------------------------------------------- errors

# That there is every error of the sources, and no other, is test/nightly/errors.pl's to find.
my %documented = map { $_->[0] =~ /^`\w{5}` (.*)$/ ? ($1 => 1) : die "no error: $_->[0]" } table($text, 'error');
my @raised = map { $_->[0] =~ s/''/'/gr =~ s/"?%"?/…/gr =~ s/: …$//r } rows(qq{
	SELECT (regexp_matches(prosrc, \$\$RAISE EXCEPTION '((?:[^']|'')*)'[^;]*USING ERRCODE\$\$, 'g'))[1]
	FROM pg_proc AS p JOIN ($members) AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid});
cmp_ok(scalar @raised, '>', 5, 'errors of functions are found');
is(join("\n", sort grep { !$documented{$_} } @raised), '', 'errors that functions of the extensions raise are documented');

# What concerns a share: texts of functions, not errors.
my @faults = split /\n/, `build/unit/faults_text`;
is(join("\n", names($entry{prio_share_error}, 'result')), join("\n", @faults), 'why a share does not open');
foreach my $name (qw(prio3_share_error dap_share_error))
{
	my %known = slurp_file('src/base/status.c') =~ /case (PRIO_\w+):\s+return "(.*)";/g;
	my %faults = map { $_ => 1 } $name eq 'dap_share_error' ? qw(PRIO_DECRYPTION_FAILED PRIO_MALFORMED PRIO_UNKNOWN_KEY PRIO_UNKNOWN_EXTENSION) : (),
	  qw(PRIO_WRONG_LENGTH PRIO_BAD_POINT PRIO_OUT_OF_RANGE);
	is(join("\n", sort(names($entry{$name}, 'result'))), join("\n", sort map { $known{$_} } keys %faults), "what $name says");
}
# The job opens reports of Prio3 as well, and has two reasons of its own.
my @opening = (@faults, (map { slurp_file('src/base/status.c') =~ /case $_:\s+return "(.*)";/ } qw(PRIO_BAD_POINT PRIO_UNKNOWN_KEY PRIO_UNKNOWN_EXTENSION)),
	slurp_file('src/pg/job_open.c') =~ /case JOB_\w+:\s+return "(.*)";/g);
my @reasons = $script =~ /prio_internal\.reject\(b\.number, '[\w ]+', '([^']+)'/g;
is( join("\n", sort(map { /`([^`]+)`/g } map { $_->[0] } table($entry{rejections}, 'reason'))), join("\n", sort @opening, @reasons),
	'why a share fell out');

# ---------------------------------------------------------------- links

sub anchor
{
	return lc($_[0]) =~ s/[^\w -]//gr =~ s/ /-/gr;
}
my %anchor = map { anchor($_) => 1 } $text =~ /^#+ (.*)$/mg;
is(join(' ', grep { !$anchor{$_} } $text =~ /\]\(#([^)]*)\)/g), '', 'links within the reference lead somewhere');
my ($contents) = $text =~ /\A(.*?)^## /ms;
is(join(', ', sort grep { index($contents, '](#' . anchor($_) . ')') < 0 } keys %seen), '', 'all entries are in the contents');
my $readme = slurp_file('README.md');
is(join(' ', grep { !$anchor{$_} } $readme =~ /\]\(docs\/reference\.md#([^)]*)\)/g), '', 'links of the README to the reference lead somewhere');
my ($glance) = $text =~ /^## The functions of prio\n(.*?)^## /ms;
is( join(' ', map { $_->[0] } grep { index($glance, "](#$_->[0])") < 0 } rows("SELECT DISTINCT proname FROM ($routines) AS p WHERE extname = 'prio' ORDER BY 1")),
	'', 'the functions at a glance are all of prio');

# ---------------------------------------------------------------- comments

my $uncommented = qq{
	SELECT pg_describe_object(m.classid, m.objid, coalesce(a.attnum, 0))
	FROM ($members) AS m
		LEFT JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
		LEFT JOIN (SELECT attrelid, attnum FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
			UNION ALL SELECT oid, 0 FROM pg_class) AS a
			ON a.attrelid = c.oid AND (a.attnum = 0 OR c.relkind IN ('r', 'p', 'v') AND c.relnamespace::regnamespace::text <> 'prio_internal')
	WHERE NOT EXISTS (SELECT FROM pg_description AS d
		WHERE d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = coalesce(a.attnum, 0))
		AND extname = 'EXTENSION' ORDER BY 1};
is(join("\n", map { $_->[0] } rows($uncommented =~ s/EXTENSION/prio/r)), '', 'everything in prio has a comment');

is(join("\n", map { $_->[0] } rows($uncommented =~ s/EXTENSION/prio_processor/r)), '', 'everything in prio_processor has a comment');

$node->stop;
done_testing();
