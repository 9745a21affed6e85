# A cluster whose psql() and safe_psql() do not start a psql and a backend for every call, which
# takes longer than most of what tests ask: calls for the same database and role go through one
# session. Each begins as in a new one, but for what a backend has cached. PrioTest's share_sessions()
# makes a cluster one of these.
package SharedSessions;

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes qw(sleep time);
use parent -norequire, 'PostgreSQL::Test::Cluster';

# What other sessions of a database get in the way of, or takes effect in new ones alone.
my $needs_new_sessions = qr/\b(?:CREATE|DROP|ALTER)\s+DATABASE\b|\bALTER\s+(?:ROLE|USER|SYSTEM)\b(?!\s+MAPPING)|\bDROP\s+(?:ROLE|OWNED)\b/i;
# What changes psql itself.
my $changes_psql = qr/^\s*\\(?!copy\b)/m;
my %same = map { $_ => 1 } qw(stdout stderr on_error_stop on_error_die extra_params);
my %sessions; # by the folder of the cluster, and what psql was started with

# Pumps until psql has printed this on both outputs; false when it has ended.
sub _wait_for
{
	my ($session, $what) = @_;

	while ($session->{out} !~ /^\Q$what\E\n/m || $session->{err} !~ /^\Q$what\E\n/m)
	{
		return 0 unless $session->{run}->pumpable;
		eval { $session->{run}->pump; 1 } or return 0;
	}
	return 1;
}

# Whatever the call before did is undone, and the connection is still there.
sub _is_ready
{
	my ($session) = @_;
	my $ready = 'ready ' . $session->{calls}++;

	$session->{in} .= "SELECT \\g /dev/null\n\\echo $ready\n\\warn $ready\n";
	return 0 unless _wait_for($session, $ready);
	$session->{out} = $session->{err} = '';
	return 1;
}

sub _start
{
	my ($self, @psql) = @_;
	my $session = { in => '', out => '', err => '', calls => 0 };

	$session->{run} = IPC::Run::start(\@psql, '<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err});
	return $session;
}

sub psql
{
	my ($self, $database, $sql, %params) = @_;
	local %ENV = $self->_get_env();

	$self->forget_sessions if $sql =~ $needs_new_sessions;
	return $self->SUPER::psql($database, $sql, %params)
	  if $sql =~ $needs_new_sessions || $sql =~ $changes_psql || grep({ !$same{$_} } keys %params) || !($params{on_error_stop} // 1);

	my @psql = ($self->installed_command('psql'), '-XAtq', '-d', $self->connstr($database), '-f', '-', '-v', 'ON_ERROR_STOP=1',
		@{ $params{extra_params} // [] });
	my $mine = $sessions{ $self->basedir } //= {};
	my $key = join "\0", @psql, $ENV{PGOPTIONS} // '';

	if ($mine->{$key} && !_is_ready($mine->{$key}))
	{
		eval { $mine->{$key}{run}->finish };
		delete $mine->{$key};
	}
	my $session = $mine->{$key} //= $self->_start(@psql);
	my $done = 'done ' . $session->{calls}++;
	$session->{in} .= "$sql\n;\n\\echo $done\n\\warn $done\nROLLBACK;\nDISCARD ALL;\n";
	my $status = 0;
	if (!_wait_for($session, $done))
	{
		eval { $session->{run}->finish };
		$status = $session->{run}->full_result(0);
		delete $mine->{$key};
		die "psql ended by signal: $session->{err}" if $status & 127;
		$status >>= 8;
	}
	# What ROLLBACK says comes behind that.
	my ($out, $err) = map { s/^\Q$done\E\n.*//msr } $session->{out}, $session->{err};
	chomp($out, $err);
	${ $params{stdout} } = $out if $params{stdout};
	${ $params{stderr} } = $err if $params{stderr};
	die(($status == 3 ? 'error running SQL' : 'connection error') . ": '$err'\nwhile running '@psql' with sql '$sql'")
	  if $status && $params{on_error_die};
	return wantarray ? ($status, $out, $err) : $status;
}

# Asks more often than the original, as that costs little.
sub poll_query_until
{
	my ($self, $database, $query, $expected) = @_;
	my $until = time() + $PostgreSQL::Test::Utils::timeout_default;
	my @got;

	$expected //= 't';
	do
	{
		@got = $self->psql($database, $query);
		return 1 if $got[1] eq $expected && $got[2] eq '';
		sleep 0.03;
	} while time() < $until;
	Test::More::diag("$query\nis still not $expected, but $got[1]$got[2]");
	return 0;
}

# Ends all of them.
sub forget_sessions
{
	my ($self) = @_;
	my $mine = delete $sessions{ $self->basedir } // {};

	foreach my $session (values %$mine)
	{
		$session->{in} .= "\\q\n";
		eval { $session->{run}->finish };
	}
	return;
}

sub stop { my ($self, @how) = @_; $self->forget_sessions; return $self->SUPER::stop(@how); }
sub restart { my ($self, @how) = @_; $self->forget_sessions; return $self->SUPER::restart(@how); }
sub reload { my ($self, @how) = @_; $self->forget_sessions; return $self->SUPER::reload(@how); }
sub kill9 { my ($self, @how) = @_; $self->forget_sessions; return $self->SUPER::kill9(@how); }

1;
