# Makes directories of what libprio made: vectors.pl NAME..., from the files in $VECTORS. In NAME there are
# the options as the shell reads them, the shares of both servers, and the lines that each is expected to
# write. Shares of "hostile" are in the files that the command made of honest clients: vectors.pl hostile.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;

sub content
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!\n";
	local $/ = undef;
	return <$file>;
}

sub put
{
	my ($path, @lines) = @_;
	my $directory = '';
	$directory .= $_, mkdir $directory foreach $path =~ /([^\/]*\/)/g;
	open my $file, '>', $path or die "$path: $!\n";
	print $file @lines;
	close $file or die "$path: $!\n";
	return;
}

sub line { my ($id, $hex) = @_; return sprintf qq({"id": "%s", "payload": "%s"}\n), $id, base64($hex); }
sub base64 { return encode_base64(pack('H*', $_[0]), ''); }

sub options
{
	my ($vectors, %more) = @_;
	my %variable = (N_DATA => 'n_data', BATCH_ID => 'batch_id', PRG => 'prg', public_a => 'public_key_a', public_b => 'public_key_b',
		private_a => 'private_key_a', private_b => 'private_key_b', secret => 'shared_secret');
	return join '', map { "export $_\n" } (map { "$_='$vectors->{ $variable{$_} }'" } sort keys %variable), map { "$_='$more{$_}'" } sort keys %more;
}

# Whoever has integers adds up integers.
sub expect
{
	my ($name, $vectors) = @_;
	my $bits = $vectors->{precision};
	my $rows = $vectors->{shares};
	my ($total, $result) = $bits ? ('total_uint', 'result_uint') : ('total', 'result');

	put("$name/options", options($vectors, $bits ? (BITS => $bits) : (), $name =~ /ordinal/ ? () : (ORDINALS => 'none')));
	foreach my $server ('a', 'b')
	{
		put("$name/$server/raw/vectors.ndjson", map { line("row $_", $rows->[$_]{$server}) } 0 .. $#$rows);
		foreach my $step ('verify1', 'verify2')
		{
			put("$name/expected/$server/$step", map { line("row $_", $rows->[$_]{"${step}_$server"}) } 0 .. $#$rows);
		}
		put("$name/expected/$server/aggregate", sprintf qq({"payload": "%s", "error": 0, "total": %d}\n),
			base64($vectors->{"${total}_$server"}), scalar @$rows);
	}
	put("$name/expected/result", '[' . join(',', @{ $vectors->{$result} }) . ']');
	return;
}

# Honest clients, one for each case, who stand in where only one server gets a hostile packet; and one more.
sub clients
{
	my ($vectors) = @_;
	return ('{"payload": [' . join(',', @{ $vectors->{honest}{data} }) . "]}\n") x (1 + @{ $vectors->{cases} });
}

# Hostile packets in between. Where only one of the two is hostile, the other is that of an honest client.
sub mix
{
	my ($vectors) = @_;
	my @cases = @{ $vectors->{cases} };
	foreach my $server ('a', 'b')
	{
		my @honest = split /^/, content("$server/raw/vectors.ndjson");
		my @mixed;
		foreach my $k (0 .. $#cases)
		{
			my ($id) = $honest[$k] =~ /"id": "([^"]*)"/;
			my $hex = $cases[$k]{expect} eq 'rejected' ? $cases[$k]{$server} : lc $cases[$k]{role} eq $server ? $cases[$k]{share} : undef;
			push @mixed, defined $hex ? line($id, $hex) : $honest[$k];
		}
		put("$server/raw/vectors.ndjson", @mixed, $honest[-1]);
	}
	return;
}

foreach my $name (@ARGV)
{
	my $vectors = decode_json(content("$ENV{VECTORS}/" . ($name eq 'hostile' ? 'invalid' : $name) . '.json'));
	if ($name eq 'hostile')
	{
		mix($vectors);
	}
	elsif ($name eq 'invalid')
	{
		my @cases = @{ $vectors->{cases} };
		put('invalid/options', options($vectors));
		put('invalid/vectors.ndjson', clients($vectors));
		put('invalid/expected/result', '[' . join(',', @{ $vectors->{honest}{data} }) . ']');
		my $numbers = sub { my ($is) = @_; return join ' ', grep { $is->($cases[ $_ - 1 ]) } 1 .. @cases; };
		put('invalid/expected/of_A', $numbers->(sub { ($_[0]{role} // '') eq 'A' }));
		put('invalid/expected/of_B', $numbers->(sub { ($_[0]{role} // '') eq 'B' }));
		put('invalid/expected/rejected', $numbers->(sub { $_[0]{expect} eq 'rejected' }));
		put('invalid/expected/cases', scalar @cases);
	}
	else
	{
		expect($name, $vectors);
	}
}
