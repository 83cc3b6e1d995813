#!/usr/bin/env perl
# Reads access logs and reports the busiest paths and the slowest answers.
use strict;
use warnings;

package LogLine;

use Carp qw(croak);

our $PATTERN = qr{^(\S+) \[([^\]]+)\] "(\w+) (\S+)" (\d{3}) (\d+)$};
my $count = 0;

=head1 NAME

LogLine - one line of an access log

=head2 parse

Not a sub: sub fake { }

=cut

sub new {
    my ($class, %fields) = @_;
    $count++;
    return bless { %fields }, $class;
}

sub parse {
    my ($class, $line) = @_;
    if ($line =~ $PATTERN) {
        return $class->new(
            host   => $1,
            time   => $2,
            method => $3,
            path   => $4,
            status => $5,
            millis => $6,
        );
    }
    croak "not a log line: $line";
}

sub path   { $_[0]{path} }
sub millis { $_[0]{millis} }

sub is_error {
    my $self = shift;
    return $self->{status} >= 500;
}

sub _normal {
    my ($path) = @_;
    $path =~ s{/\d+}{/:id}g;
    $path =~ s{\?.*$}{};
    return $path;
}

package Report;

use List::Util qw(sum max first);

sub new {
    my ($class, $limit) = @_;
    my $self = { limit => $limit // 10, paths => {}, errors => [] };
    return bless $self, $class;
}

sub add {
    my ($self, $line) = @_;
    my $key = LogLine::_normal($line->path);
    push @{ $self->{paths}{$key} }, $line->millis;
    push @{ $self->{errors} }, $line if $line->is_error;
    return $self;
}

sub busiest {
    my $self = shift;
    my %paths = %{ $self->{paths} };
    my @sorted = sort { @{ $paths{$b} } <=> @{ $paths{$a} } || $a cmp $b } keys %paths;
    splice @sorted, $self->{limit} if @sorted > $self->{limit};
    return map { [ $_, scalar @{ $paths{$_} }, sum(@{ $paths{$_} }) ] } @sorted;
}

sub slowest {
    my ($self) = @_;
    my ($found, $most) = ('', 0);
    while (my ($path, $times) = each %{ $self->{paths} }) {
        my $worst = max(@$times);
        ($found, $most) = ($path, $worst) if $worst > $most;
    }
    return wantarray ? ($found, $most) : $found;
}

sub print_to {
    my ($self, $out) = @_;
    printf {$out} "%-30s %6d %8d\n", @$_ for $self->busiest;
    print {$out} <<"END";
errors: ${\ scalar @{ $self->{errors} }}
sub not_a_sub { this is text }
END
}

package main;

sub read_file {
    my ($name, $report) = @_;
    open(my $in, '<', $name) or die "cannot read $name: $!";
    while (my $line = <$in>) {
        chomp $line;
        next if $line =~ /^\s*(?:#|$)/;
        my $parsed = eval { LogLine->parse($line) };
        warn $@ and next if $@;
        $report->add($parsed);
    }
    close $in;
}

my $report = Report->new(5);
read_file($_, $report) for @ARGV;
my $shorten = sub {
    my ($text, $length) = @_;
    return length $text > $length ? substr($text, 0, $length) . '...' : $text;
};
print $shorten->(scalar $report->slowest, 20), "\n";
$report->print_to(\*STDOUT);
