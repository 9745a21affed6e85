# Arrows run down: what of another folder a file of src includes. Only src/crypto/nss.c includes NSS,
# and only src/pg PostgreSQL.
use strict;
use warnings;

# A folder, and those below it.
my %below = (
	base => [],
	codec => ['base'],
	crypto => ['base'],
	field => ['base'],
	kernels => [qw(base field)],
	prio1 => [qw(base codec crypto field kernels)],
	prio3 => [qw(base codec crypto field kernels)],
	dap => [qw(base codec crypto field kernels prio3)],
);

my $faults = 0;
my $includes = 0;
sub fault { print "@_\n"; $faults++; return; }

foreach my $file (sort glob 'src/*/*.[ch] cli/*.[ch] cli/*/*.[ch]')
{
	my ($folder) = $file =~ /^src\/(\w+)\//;

	open my $source, '<', $file or die "$file: $!\n";
	while (my $line = <$source>)
	{
		my ($included) = $line =~ /^\s*#\s*include\s+[<"](.*)[>"]/ or next;
		my $place = "$file:$.: $included";

		$includes++;
		fault($place, 'is of NSS') if $included =~ /^(?:nss|pk11\w*|keyhi|secerr|prerror|pkcs\w+)\.h$/ && $file ne 'src/crypto/nss.c';
		next if defined $folder && $folder eq 'pg';
		fault($place, 'is of PostgreSQL') if $included =~ /^(?:postgres|c|fmgr)\.h$|^(?:utils|catalog|access|libpq)\//;
		fault($place, 'is of src/pg') if $included =~ /^pg\// || -e "src/pg/$included" && !-e "cli/$included";
		next unless defined $folder && $line =~ /"/;
		if (!exists $below{$folder})
		{
			fault($file, 'is in a folder that is not in the list');
			last;
		}
		my ($other) = $included =~ /^(\w+)\/[^\/]+$/;
		fault($place, 'does not say the folder') if !defined $other;
		fault($place, "is not below $folder") if defined $other && !grep { $_ eq $other } $folder, @{ $below{$folder} };
	}
}
print "includes: $includes lead down\n" if $faults == 0;
exit($faults > 0 || $includes < 100);
