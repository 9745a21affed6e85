# What a release says about itself agrees: the control files, META.json, CHANGELOG.md, LICENSE, and
# what debian/ has of it.
# META.json has what PGXN requires (its Meta Spec 1.0.0), and names no file that is not there.
use strict;
use warnings;

use JSON::PP;

my @faults;
sub fault { push @faults, "@_"; return; }

sub text
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

my %control;
foreach my $file (glob '*.control')
{
	my ($name) = $file =~ /(.*)\.control$/;
	($control{$name}) = text($file) =~ /^default_version = '([\d.]+)'$/m or die "$file: no default_version\n";
}
my ($version) = $control{prio};

my $meta = JSON::PP->new->decode(text('META.json'));
foreach my $key (qw(name version abstract maintainer license provides meta-spec))
{
	fault("META.json: no $key") if !$meta->{$key};
}
my %known = map { $_ => 1 } qw(name version abstract maintainer license provides meta-spec description generated_by
  no_index prereqs release_status resources tags);
fault("META.json: $_ is none of the specification's") foreach grep { !$known{$_} && !/^x_/i } sort keys %{$meta};
fault('META.json: meta-spec is not 1.0.0') if $meta->{'meta-spec'}{version} ne '1.0.0';
fault("META.json: name $meta->{name}") if $meta->{name} !~ m{^[^\s/\\[:cntrl:]]{2,}$};
fault("META.json: license $meta->{license}") if $meta->{license} ne 'postgresql';
fault("META.json: release_status $meta->{release_status}") if $meta->{release_status} !~ /^(stable|testing|unstable)$/;

# PGXN has semantic versions, of three numbers; an extension of ours has two.
fault("META.json: version $meta->{version}, but prio.control has $version") if $meta->{version} ne "$version.0";
fault('META.json provides ' . join ' ', sort keys %{ $meta->{provides} })
  if "@{[sort keys %{ $meta->{provides} }]}" ne "@{[sort keys %control]}";
foreach my $name (sort keys %control)
{
	my $provided = $meta->{provides}{$name} or next;
	fault("META.json: $name $provided->{version}, but $name.control has $control{$name}")
	  if $provided->{version} ne "$control{$name}.0";
	fault("META.json: $name is in $provided->{file}") if $provided->{file} ne "$name--$control{$name}.sql";
	fault("META.json: $name has no file $provided->{$_}") foreach grep { !-e $provided->{$_} } qw(file docfile);
}
foreach my $phase (sort keys %{ $meta->{prereqs} })
{
	fault("META.json: there is no phase $phase") if $phase !~ /^(configure|build|test|runtime|develop)$/;
	foreach my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		fault("META.json: there is no relation $relation") if $relation !~ /^(requires|recommends|suggests|conflicts)$/;
		my $packages = $meta->{prereqs}{$phase}{$relation};
		fault("META.json: $_ has no semantic version") foreach grep { $packages->{$_} !~ /^\d+\.\d+\.\d+$/ } sort keys %{$packages};
	}
}
my ($oldest) = text('src/pg/compat.h') =~ /^#if PG_VERSION_NUM < (\d+)0000$/m;
fault("META.json: requires another PostgreSQL than compat.h, which takes $oldest")
  if $meta->{prereqs}{runtime}{requires}{PostgreSQL} ne "$oldest.0.0";
fault("META.json: no directory $_") foreach grep { !-d } @{ $meta->{no_index}{directory} };

my ($newest) = text('CHANGELOG.md') =~ /^## (\S+)/m;
fault("CHANGELOG.md begins with $newest, but $_.control has $control{$_}") foreach grep { $control{$_} ne $newest } sort keys %control;
fault('LICENSE is not the PostgreSQL License of the prio authors')
  if text('LICENSE') !~ /\APostgreSQL License\n\nCopyright \(c\) \d{4}, the prio authors\n/;

# Debian's: a version may end in what is the package's own.
my ($package, $packaged) = text('debian/changelog') =~ /\A(\S+) \(([\d.]+)/ or die "debian/changelog: no version\n";
fault("debian/changelog begins with $packaged, but prio.control has $version") if $packaged ne $version;
my ($control_in, $control) = map { text($_) } 'debian/control.in', 'debian/control';
fault("debian/changelog is of $package") if $control_in !~ /^Source: \Q$package\E$/m;
# A stanza for each version of PostgreSQL; which they are depends on the machine.
my %stanza;
my $template = join "\n\n", grep { !$stanza{$_}++ } split /\n\n/, $control =~ s/\bpostgresql-\d+-/postgresql-PGVERSION-/gr;
fault('debian/control is not what pg_buildext updatecontrol makes of debian/control.in') if $template ne $control_in;
fault("debian/pgversions has another PostgreSQL than compat.h, which takes $oldest") if text('debian/pgversions') ne "$oldest+\n";
my ($paragraphs) = text('debian/copyright') =~ /^License: PostgreSQL\n((?: .*\n)+)\z/m;
fault('debian/copyright has another license than LICENSE')
  if ($paragraphs // '') =~ s/^ //mgr =~ s/^\.$//mgr ne text('LICENSE') =~ s/\A.*?^(?=Permission)//msr;

print map { "$_\n" } @faults;
exit(@faults > 0);
