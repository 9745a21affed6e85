# The job: two servers, three batches of different width, and all that clients, collectors and
# the order of things can do to them; right on both sides.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrioTest;
use ProcessorTest;
use Test::More;

my $pair = new_pair();
new_batch($pair, 'bits', 8, 5);
new_clients($pair, 'bits', 20, 8);
deliver($pair, 'bits');
close_both($pair, 'bits');
ok(finish($pair, 'bits'), 'ends');
is(result($pair, $_, 'bits'), truth($pair, 'bits'), "right: $_") foreach 'A', 'B';

done_testing();
