# Every test that docs/security.md names is there: `file`, or `file` › *name*. Names of TAP
# tests are put together at run time, so of those only the file is looked for.
use strict;
use warnings;

open my $document, '<', 'docs/security.md' or die "docs/security.md: $!";
my $text = do { local $/; <$document> };
$text =~ s/\s+/ /g;

my $names = 0;
my $missing = 0;

sub complain
{
	print "docs/security.md: @_\n";
	$missing++;
	return;
}

while ($text =~ /`([\w\/]+\.(?:pl|sql|c|py))`((?: ›(?:,? \*[^*]+\*)+)?)/g)
{
	my ($file, $cited) = ($1, $2);
	my ($path) = grep { -e } $file, "test/unit/$file", "test/tap/$file", "test/secrets/$file";

	$names++;
	if (!defined $path)
	{
		complain("there is no $file");
		next;
	}
	open my $source, '<', $path or die "$path: $!";
	my $content = do { local $/; <$source> };
	$content =~ s/\s+(-- )?/ /g;
	foreach my $name ($path =~ /\.pl$/ ? () : $cited =~ /\*([^*]+)\*/g)
	{
		$names++;
		complain("$path has no $name") if index($content, $name) < 0;
	}
}
print "docs/security.md: $names tests and files are named\n";
exit($missing > 0 || $names < 50);
