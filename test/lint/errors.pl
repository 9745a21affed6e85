# docs/reference.md lists every error that the sources raise, in C and in PL/pgSQL, with its SQLSTATE,
# and no other. This reads the sources, and takes them for what they look like.
use strict;
use warnings;

use Test::More;

sub slurp_file
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!";
	local $/;
	return <$file>;
}

my $text = slurp_file('docs/reference.md');
my $script = slurp_file('prio_processor--1.0.sql');

# The rows of the tables under a heading whose first column is called so: their cells.
sub table
{
	my ($body, $column) = @_;
	return map { [ /\| (.*?) (?=\|)/g ] } map { split /\n/ } $body =~ /^\| $column \|.*\n\| ---.*\n((?:\|.*\n)*)/mg;
}

# SQLSTATE of every condition, by its names in C and in PL/pgSQL.
my %sqlstate;
my $config = $ENV{PG_CONFIG} // 'pg_config';
foreach (split /\n/, slurp_file(`$config --sharedir` =~ s/\n$//r . '/errcodes.txt'))
{
	next unless /^(\w{5})\s+[EWS]\s+(ERRCODE_\w+)(?:\s+(\w+))?/;
	# A name of two conditions is that of the first, as PL/pgSQL has it.
	my ($code, @names) = ($1, grep { defined } $2, $3);
	$sqlstate{$_} //= $code foreach @names;
}

# A message, with … for what is filled in.
sub message
{
	my ($format) = @_;
	$format =~ s/\\"/"/g;
	$format =~ s/"?%(?:zu|[sdm])"?|"?%"?|" INT64_FORMAT "/…/g;
	$format =~ s/: …$//;
	return $format;
}

my %raised;
foreach my $file (glob 'src/pg/*.c')
{
	my $source = slurp_file($file) =~ s/\s+/ /gr;
	# One of two messages, with one of two conditions.
	while ($source =~ /\w+ \? errmsg\( ?"((?:[^"\\]|\\.)*)"[^"]*: errmsg\( ?"((?:[^"\\]|\\.)*)"/g)
	{
		$raised{ message($_) }{''} = 1 foreach $1, $2;
	}
	while ($source =~ /\(errcode(?:_for_file_access)?\(((?:(?!errmsg).)*?)\), errmsg\( ?"((?:[^"\\]|\\.)*)"/g)
	{
		my ($code, $format) = ($1, $2);
		my @codes = map { $sqlstate{$_} // die "$file: no $_" } $code =~ /(ERRCODE_\w+)/g;
		$raised{ message($format) }{$_} = 1 foreach @codes ? @codes : '';
	}
}
while ($script =~ /RAISE EXCEPTION '((?:[^']|'')*)'[^;]*?USING ERRCODE = '(\w+)'/g)
{
	# PTnnn is a status of HTTP, and has no other name.
	my ($format, $name) = ($1, $2);
	my $code = $name =~ /^PT\d{3}$/ ? $name : $sqlstate{$name} // die "no $name";
	$raised{ message($format =~ s/''/'/gr) }{$code} = 1;
}
cmp_ok(scalar keys %raised, '>', 50, 'the errors of the sources are found');

my %documented;
foreach my $row (table($text, 'error'))
{
	my ($code, $message) = $row->[0] =~ /^`(\w{5})` (.*)$/ or die "no error: $row->[0]";
	$documented{$message}{$code} = 1;
}
foreach my $message (sort keys %raised)
{
	foreach my $code (sort keys %{ $raised{$message} })
	{
		ok($code eq '' ? $documented{$message} : $documented{$message}{$code}, "documented: $code $message");
	}
}
is( join("\n", grep { my ($code, $message) = /^(\w+) (.*)/; $raised{$message} && !$raised{$message}{''} && !$raised{$message}{$code} }
			sort map { my $message = $_; map { "$_ $message" } keys %{ $documented{$message} } } keys %documented),
	'', 'no error has another SQLSTATE');
# Others are PostgreSQL's own.
my $own = join '|', 'invalid transaction termination', 'invalid input syntax for type ', 'permission denied for foreign server ',
  'new row for relation .* violates check constraint ', 'duplicate key value violates unique constraint ';
is(join("\n", sort grep { !$raised{$_} && !/^(?:$own)/ } keys %documented), '', 'no error that is not raised');

done_testing();
