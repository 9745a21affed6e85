# A server that speaks PostgreSQL's protocol as badly as a test asks: what it does depends on
# the name of the database that a client wants.
package FakePeer;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

# FakePeer->new(directory, { database => sub { my ($client) = @_; ... } }, secret): listens there
# on port 5432, a process a connection, until stop(). Each process says in a file when it
# has a client and when that is gone.
sub new
{
	my ($class, $directory, $databases) = @_;
	my $self = bless { host => $directory, log => "$directory/log" }, $class;
	my $listener = IO::Socket::UNIX->new(Local => "$directory/.s.PGSQL.5432", Listen => 100)
	  or die "could not listen in $directory: $!";

	my $select = IO::Select->new($listener);
	my $test = $$;

	$self->write_log('');
	$self->{pid} = fork // die "could not fork: $!";
	if ($self->{pid} == 0)
	{
		$SIG{CHLD} = 'IGNORE';
		$SIG{PIPE} = 'IGNORE';
		setpgrp;
		# Until the test ends, however it does.
		while (getppid == $test)
		{
			my $socket = $select->can_read(1) && $listener->accept or next;

			next if fork;
			close $listener;
			$self->write_log("open\n");
			$self->{socket} = $socket;
			eval { $self->serve($databases); };
			# Whatever it did, it holds the connection until the client is gone.
			1 while sysread($socket, my $ignored, 65536) || $!{EINTR};
			$self->write_log("closed\n");
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	close $listener;
	return $self;
}

sub stop
{
	my ($self) = @_;

	kill 'KILL', -$self->{pid}, $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

# How many clients there have been, and how many are gone.
sub clients
{
	my ($self) = @_;
	open my $file, '<', $self->{log} or die;
	my @lines = <$file>;

	return (scalar(grep { /open/ } @lines), scalar(grep { /closed/ } @lines));
}

sub write_log
{
	my ($self, $line) = @_;

	open my $file, '>>', $self->{log} or die;
	syswrite $file, $line;
	close $file;
	return;
}

# ------------------------------------------------------------------ protocol

sub send_bytes
{
	my ($self, $bytes) = @_;
	my $sent = 0;

	while ($sent < length $bytes)
	{
		$sent += syswrite($self->{socket}, $bytes, 1 << 20, $sent) // die "client is gone\n";
	}
	return;
}

sub read_bytes
{
	my ($self, $length) = @_;
	my $bytes = '';

	while (length $bytes < $length)
	{
		sysread($self->{socket}, $bytes, $length - length $bytes, length $bytes) or die "client is gone\n";
	}
	return $bytes;
}

sub message
{
	my ($type, $body) = @_;
	return $type . pack('N', 4 + length $body) . $body;
}

sub say
{
	my ($self, $type, $body) = @_;
	return $self->send_bytes(message($type, $body));
}

# Type and body of what the client says.
sub hear
{
	my ($self) = @_;
	my ($type, $length) = unpack 'a N', $self->read_bytes(5);

	return ($type, $self->read_bytes($length - 4));
}

sub hear_until
{
	my ($self, $wanted) = @_;
	my ($type, $body);

	do { ($type, $body) = $self->hear } until $type eq $wanted;
	return $body;
}

# Messages as bytes.
sub ready { return message('Z', 'T'); }
sub complete { return message('C', "SELECT 1\0"); }
sub notice { return message('N', "SNOTICE\0C00000\0M$_[0]\0\0"); }
sub error { my $severity = $_[2] // 'ERROR'; return message('E', "S$severity\0V$severity\0C$_[0]\0M$_[1]\0\0"); }
sub columns { return message('T', pack('n', $_[0]) . join '', map { "c\0" . pack('NnNnNn', 0, 0, 17, -1 & 0xffff, 0xffffffff, 1) } 1 .. $_[0]); }
sub row { return message('D', pack('n', scalar @_) . join '', map { defined $_ ? pack('N', length) . $_ : pack('N', 0xffffffff) } @_); }

# As an honest server does it.
sub log_in
{
	my ($self) = @_;

	$self->send_bytes(message('R', pack 'N', 0) . message('S', "client_encoding\0UTF8\0") . message('K', pack 'NN', 1, 2) . message('Z', 'I'));
	return;
}

# Answers what comes before the query, and waits for the query.
sub prepare
{
	my ($self) = @_;

	$self->log_in;
	$self->hear_until('Q');
	$self->send_bytes(complete() x 8 . columns(1) . row('1s') . complete() . ready());
	$self->hear_until('S');
	$self->send_bytes(message('1', '') . message('2', ''));
	return;
}

# Ends the query as an honest server does it, and what the client then ends, the transaction.
sub end
{
	my ($self) = @_;

	$self->send_bytes(complete() . ready());
	$self->hear_until('Q');
	$self->send_bytes(message('C', "COMMIT\0") . message('Z', 'I'));
	return;
}

# Reads how the client introduces itself, and does what is to be done in that database.
sub serve
{
	my ($self, $databases) = @_;
	my ($length, $version, %options);

	while (1)
	{
		($length, $version) = unpack 'NN', $self->read_bytes(8);
		last if $version >> 16 == 3;
		$self->send_bytes('N'); # neither TLS nor GSSAPI
	}
	%options = split /\0/, $self->read_bytes($length - 8);
	$databases->{ $options{database} }->($self);
	return;
}

1;
