# Every example runs, and its README says what it does: the sh block is how to run it, a text
# block is what it prints, an SQL block is in one of its scripts.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

foreach my $example (glob 'examples/*/')
{
	my $readme = slurp_file("${example}README.md");
	my $scripts = join '', map { slurp_file($_) } glob "${example}*.sql";
	my ($out, $err) = ('', '');
	my %blocks = (sh => [], text => [], sql => []);

	push @{ $blocks{$1} }, $2 while $readme =~ /^```(sh|text|sql)\n(.*?)^```$/msg;
	is_deeply($blocks{sh}, ["${example}run\n"], "$example: one way to run it");
	ok(IPC::Run::run([ 'bash', '-c', $blocks{sh}[0] // 'false' ], '>', \$out, '2>', \$err), "$example runs") or diag "$out\n$err";
	cmp_ok(@{ $blocks{text} }, '>', 0, "$example: says what it prints");
	foreach my $block (@{ $blocks{text} })
	{
		ok(index($out, $block) >= 0, "$example prints: " . ($block =~ /(.*)/)[0]) or diag $out;
	}
	foreach my $block (@{ $blocks{sql} })
	{
		ok(index($scripts, $block) >= 0, "$example has in a script: " . ($block =~ /(.*)/)[0]);
	}
}

done_testing();
