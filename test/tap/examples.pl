# Every example runs, and its README says what it does: the sh block is how to run it, a text
# block is what it prints, an SQL block is in one of its scripts or in one that examples share.
# EXAMPLE=NAME in the environment runs one alone; by day it is that with others' client, with
# PRIO_LONG all of them.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $index = slurp_file('examples/README.md');

foreach my $example (glob 'examples/' . ($ENV{EXAMPLE} // '*') . '/')
{
	my $readme = slurp_file("${example}README.md");
	my $scripts = join '', map { slurp_file($_) } glob "${example}*.sql examples/*.sql";
	my ($out, $err) = ('', '');
	my %blocks = (sh => [], text => [], sql => []);
	my $name = (split m{/}, $example)[1];

	push @{ $blocks{$1} }, $2 while $readme =~ /^```(sh|text|sql)\n(.*?)^```$/msg;
	like($index, qr/\Q($name\E\/README\.md\)/, "$example: is in the index");
	is_deeply($blocks{sh}, ["${example}run\n"], "$example: one way to run it");
	cmp_ok(@{ $blocks{text} }, '>', 0, "$example: says what it prints");
	foreach my $block (@{ $blocks{sql} })
	{
		ok(index($scripts, $block) >= 0, "$example has in a script: " . ($block =~ /(.*)/)[0]) or diag $block;
	}
	next unless $ENV{EXAMPLE} || $ENV{PRIO_LONG} || $name eq 'dap';
	ok(IPC::Run::run([ 'bash', '-c', $blocks{sh}[0] // 'false' ], '>', \$out, '2>', \$err), "$example runs") or diag "$out\n$err";
	foreach my $block (@{ $blocks{text} })
	{
		ok(index($out, $block) >= 0, "$example prints: " . ($block =~ /(.*)/)[0]) or diag $out;
	}
}

done_testing();
