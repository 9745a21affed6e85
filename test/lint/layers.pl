# Arrows run down: what a file of src or cli includes is of its own layer, or of one below it, and no
# way leads from a module back to it. NSS, PostgreSQL and jansson are included where they belong.
use strict;
use warnings;

# A layer, and those that it stands on; it may include what these stand on, too. A layer is a
# folder, or a module: a source with its header.
my %below = (
	'src/base' => '',
	'src/codec' => 'src/base',
	'src/field' => 'src/base',
	'src/kernels' => 'src/field',
	'src/crypto' => 'src/kernels',
	'src/prio1' => 'src/codec src/crypto',
	'src/prio3' => 'src/codec src/crypto',
	'src/dap' => 'src/prio3',
	'src/pg' => 'src/prio1 src/dap',
	'cli/progress' => '',
	'cli/log' => 'cli/progress',
	'cli/exit' => 'cli/log src/crypto',
	'cli/io' => 'cli/exit src/codec',
	'cli/options' => 'cli/io src/prio3',
	'cli/commands' => 'cli/options src/prio1',
	'cli/main' => 'cli/commands',
);

# Headers of libraries, and what may include them.
my @libraries = (
	[ 'NSS', qr/^(?:nss|pk11\w*|pkcs\w*|key\w*|sec\w+|pr\w+)\.h$/, qr/^src\/crypto\/nss\.c$/ ],
	[ 'PostgreSQL', qr/^(?:postgres|c|fmgr|varatt|miscadmin)\.h$|\/.*\.h$/, qr/^src\/pg\// ],
	[ 'jansson', qr/^jansson\.h$/, qr/^cli\// ],
);

my $includes = 0;
my $faults = 0;
sub fault { print "@_\n"; $faults++; return; }

# Is the second layer the first one, or one that it stands on?
sub may_include
{
	my ($layer, $other) = @_;
	return $layer eq $other || grep { may_include($_, $other) } split ' ', $below{$layer};
}

sub module { return $_[0] =~ s/\.[ch]$//r; }

sub layer
{
	my $module = module($_[0]);
	return exists $below{$module} ? $module : $module =~ s/\/[^\/]*$//r;
}

# The file of ours that this is, if it is one. Names are below src, in the command also below cli;
# in src/pg also in the folder itself.
sub find_included
{
	my ($file, $name) = @_;
	my @folders = $file =~ /^cli\// ? qw(cli src) : $file =~ /^src\/pg\// ? qw(src/pg src) : 'src';
	my ($found) = grep { -e } map { "$_/$name" } @folders;
	return $found;
}

my %includes_of;
foreach my $file (sort glob 'src/*/*.[ch] cli/*.[ch] cli/*/*.[ch]')
{
	my $layer = layer($file);
	if (!exists $below{$layer})
	{
		fault("$file: its folder is no layer that is known here");
		next;
	}
	open my $source, '<', $file or die "$file: $!\n";
	while (my $line = <$source>)
	{
		my ($mark, $name) = $line =~ /^\s*#\s*include\s+([<"])(.*)[>"]/ or next;
		my $found = $mark eq '"' && find_included($file, $name);
		$includes++;
		if ($found)
		{
			fault("$file:$.: $found is not below") if !may_include($layer, layer($found));
			$includes_of{ module($file) }{ module($found) } = 1 if module($file) ne module($found);
			next;
		}
		next if $name =~ /^sys\//;
		my ($library) = grep { $name =~ $_->[1] } @libraries;
		fault("$file:$.: $name is of $library->[0]") if $library && $file !~ $library->[2];
		fault("$file:$.: there is no $name") if $mark eq '"' && !$library && $file !~ /^src\/pg\//;
	}
	close $source;
}

# Goes all ways from a module, to which this path led.
my %done;

sub walk
{
	my ($module, @path) = @_;
	if (my ($start) = grep { $path[$_] eq $module } 0 .. $#path)
	{
		fault('a circle: ' . join ' > ', @path[ $start .. $#path ], $module);
	}
	elsif (!$done{$module})
	{
		walk($_, @path, $module) foreach sort keys %{ $includes_of{$module} };
		$done{$module} = 1;
	}
	return;
}
walk($_) foreach sort keys %includes_of;

print "layers: $includes includes lead down\n" if $faults == 0;
exit($faults > 0 || $includes < 100);
