# What the sources say about the documentation is true, and the other way round:
#
# - every heading that a comment cites, as in docs/protocol.md, "Wire format", is there, and every
#   document, file or folder of src that one names;
# - every file or folder that a document names in backticks is there;
# - every link of a document leads to a file, and to a heading of it.
use strict;
use warnings;

use File::Find;
use File::Spec;

my $faults = 0;
my $citations = 0;
my $paths = 0;
my $links = 0;
my %headings; # of a document: its headings, without their formatting

sub fault
{
	my ($file, $offset, $text, $message) = @_;

	printf "%s:%d: %s\n", $file, 1 + (substr($text, 0, $offset) =~ tr/\n//), $message;
	$faults++;
	return;
}

sub slurp
{
	my ($file) = @_;

	open my $handle, '<:encoding(UTF-8)', $file or die "$file: $!\n";
	local $/;
	return scalar <$handle>;
}

# Those in a block of code are none.
sub headings_of
{
	my ($document) = @_;

	$headings{$document} //= [ map { s/[`*]//gr } slurp($document) =~ s/^(```+).*?^\1//msgr =~ /^#+ (.*?)\s*$/mg ];
	return @{ $headings{$document} };
}

# As the pages of a repository make it from a heading.
sub anchor
{
	my ($heading) = @_;

	return lc($heading) =~ s/[^\w -]//gr =~ s/ /-/gr;
}

# A comment goes on in the next line, behind what a line of it begins with.
my $gap = qr/(?:[ \t]*\n[ \t]*(?:\*(?!\/)|--|#+|\/\/)?[ \t]*|[ \t]+)/;

# A document, then any number of headings: , "One", "Another" and "A third"
sub check_source
{
	my ($file) = @_;
	my $text = slurp($file);

	while ($text =~ /(?<![\w\/.-])((?:[\w-]+\/)*[\w-]+\.md)\b/g)
	{
		my ($document, $start) = ($1, $-[1]);
		my $is_here = -e $document;
		my $has_headings = $text =~ /\G(?=,$gap")/;

		# Others are named by their name alone, or are somebody else's.
		fault($file, $start, $text, "there is no $document")
		  if !$is_here && ($has_headings || $document =~ /^docs\// || $document =~ /^[A-Z0-9]+\.md$/);
		while ($text =~ /\G(?:,|$gap(?:and|or))$gap"([^"]+)"/gc)
		{
			my ($heading, $at) = ($1, $-[1]);

			$heading =~ s/$gap/ /g;
			$citations++;
			fault($file, $at, $text, "$document has no heading \"$heading\"")
			  unless !$is_here || grep { $_ eq $heading } headings_of($document);
		}
	}

	# Files and folders of the core and the module, by their whole path.
	while ($text =~ /(?<![\w\/.-])(src\/(?:\w+\/)*\w*(?:\.[ch]\b)?)/g)
	{
		fault($file, $-[1], $text, "there is no $1") unless -e $1;
	}
	return;
}

# NAME is a name to be filled in; * and {a,b} are what they are to a shell.
sub check_paths
{
	my ($file) = @_;
	my $text = slurp($file);

	while ($text =~ /`((?:src|cli|test|script|sql|expected|bench|examples|docs|processor)\/[\w\/.{},*-]*)`/g)
	{
		my ($path, $start) = ($1, $-[1]);

		next if $path =~ /\bNAME\b/;
		$paths++;
		my @found = glob($path);
		fault($file, $start, $text, "there is no $path") if @found == 0 || grep { !-e } @found;
	}
	return;
}

sub check_links
{
	my ($file) = @_;
	my $text = slurp($file);
	my (undef, $folder) = File::Spec->splitpath($file);

	while ($text =~ /\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)
	{
		my ($path, $anchor, $start) = ($1, $2, $-[0]);
		my $target = $path eq '' ? $file : "$folder$path";

		$links++;
		if (!-e $target)
		{
			fault($file, $start, $text, "there is no $target");
		}
		elsif (defined $anchor)
		{
			fault($file, $start, $text, "$target has no heading #$anchor")
			  unless grep { anchor($_) eq $anchor } headings_of($target);
		}
	}
	return;
}

my @sources = glob('*.sql Makefile Dockerfile compose.yaml');
my @documents = glob('*.md');
find(
	{
		no_chdir => 1,
		wanted => sub {
			push @sources, $_ if -f && (/\.(?:c|h|in|sql|pl|pm|py|sh|mk)$/ || /^script\// || /\/run$/);
			push @documents, $_ if -f && /\.md$/;
		}
	},
	grep { -d } qw(src cli test sql script bench examples docs processor));
binmode STDOUT, ':encoding(UTF-8)';
check_source($_) foreach sort @sources;
foreach my $document (sort @documents)
{
	check_paths($document);
	check_links($document);
}

print "headings: $citations are cited in sources; documents name $paths files and have $links links\n";
exit($faults > 0 || $citations < 20 || $paths < 50 || $links < 200);
