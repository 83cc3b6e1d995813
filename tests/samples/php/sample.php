<?php

declare(strict_types=1);

namespace Hotel\Booking;

use DateTimeImmutable;
use Hotel\Rooms\Room;
use Hotel\Mail\{Mailer, Template as MailTemplate};
use function sprintf;

const NIGHTS_AT_MOST = 30;

interface Priced
{
    public function cents(): int;
}

enum Board: string
{
    case None = 'none';
    case Half = 'half';

    public function surcharge(): int
    {
        return match ($this) {
            self::None => 0,
            self::Half => 2500,
        };
    }
}

trait Loggable
{
    private array $log = [];

    protected function note(string $line): void
    {
        $this->log[] = sprintf('%s %s', date('c'), $line);
    }
}

/** Anything that may be booked. */
abstract class Offer implements Priced
{
    public function __construct(protected readonly string $code)
    {
    }

    abstract public function title(): string;

    public static function compare(self $left, self $right): int
    {
        return $left->cents() <=> $right->cents();
    }
}

#[Entity(table: 'stays')]
final class Stay extends Offer
{
    use Loggable;

    public const CURRENCY = 'EUR';

    /** @var list<string> */
    private array $guests = [];

    public function __construct(
        private Room $room,
        private DateTimeImmutable $from,
        private int $nights,
        private Board $board = Board::None,
    ) {
        parent::__construct($room->number());
        if ($nights > NIGHTS_AT_MOST) {
            throw new BookingError("too many nights: {$nights}");
        }
    }

    #[\Override]
    public function title(): string
    {
        return $this->room->name() . ' from ' . $this->from->format('Y-m-d');
    }

    public function cents(): int
    {
        $each = $this->room->cents() + $this->board->surcharge();
        return $each * $this->nights;
    }

    public function add(string ...$guests): static
    {
        foreach ($guests as $guest) {
            $this->guests[] = trim($guest);
            $this->note("guest {$guest}");
        }
        return $this;
    }

    public function confirm(Mailer $mailer): void
    {
        $body = fn (string $name): string => "Dear {$name}, " . $this->title();
        $template = new class ('confirm') extends MailTemplate {
            public function subject(): string
            {
                return 'Your stay';
            }
        };
        array_map(fn ($guest) => $mailer->send($template, $body($guest)), $this->guests);
    }

    public function __get(string $name): mixed
    {
        return $this->{$name} ?? null;
    }
}

class BookingError extends \RuntimeException
{
}

function cheapest(Offer ...$offers): ?Offer
{
    usort($offers, [Offer::class, 'compare']);
    return $offers[0] ?? null;
}

function book(Room $room, int $nights = 1): Stay
{
    $stay = new Stay($room, new DateTimeImmutable('tomorrow'), $nights);
    return $stay->add('first guest');
}

echo cheapest(book(Room::standard()))?->title() ?? 'nothing free';
