namespace Reading\Room;

use namespace HH\Lib\{C, Dict, Str, Vec};
use type Reading\Store\Shelf;

const int LOAN_DAYS = 21;

newtype BookId = int;

type Loan = shape(
  'book' => BookId,
  'reader' => string,
  'days' => int,
);

enum State: string {
  FREE = 'free';
  LENT = 'lent';
  LOST = 'lost';
}

interface Lendable {
  public function lend(string $reader): Loan;

  public function giveBack(): void;
}

trait Counted {
  private int $times = 0;

  protected function count(): void {
    $this->times++;
  }

  public function times(): int {
    return $this->times;
  }
}

/** One book with its state. */
final class Book implements Lendable {
  use Counted;

  private State $state = State::FREE;
  private ?string $reader = null;

  public function __construct(private BookId $id, private string $title) {}

  public function lend(string $reader): Loan {
    if ($this->state !== State::FREE) {
      throw new \Exception(Str\format('%s is %s', $this->title, $this->state));
    }
    $this->state = State::LENT;
    $this->reader = $reader;
    $this->count();
    return shape('book' => $this->id, 'reader' => $reader, 'days' => LOAN_DAYS);
  }

  public function giveBack(): void {
    $this->state = State::FREE;
    $this->reader = null;
  }

  public function title(): string {
    return $this->title;
  }

  public function isFree(): bool {
    return $this->state === State::FREE;
  }
}

abstract class Room {
  protected dict<int, Book> $books = dict[];

  abstract public function name(): string;

  public function add(int $id, Book $book): this {
    $this->books[$id] = $book;
    return $this;
  }

  public function free(): vec<Book> {
    return Vec\filter($this->books, $book ==> $book->isFree());
  }

  public async function genTitles(): Awaitable<vec<string>> {
    await \HH\Asio\later();
    return Vec\map($this->books, $book ==> $book->title());
  }
}

final class ReadingRoom extends Room {
  <<__Override>>
  public function name(): string {
    return 'reading room';
  }

  public static function withBooks(vec<string> $titles): ReadingRoom {
    $room = new self();
    foreach ($titles as $id => $title) {
      $room->add($id, new Book($id, $title));
    }
    return $room;
  }
}

function overdue(vec<Loan> $loans, int $today): vec<Loan> {
  return Vec\filter($loans, $loan ==> $loan['days'] < $today);
}

async function gen_report(Room $room): Awaitable<string> {
  $titles = await $room->genTitles();
  return Str\join($titles, "\n");
}

<<__EntryPoint>>
async function main_async(): Awaitable<void> {
  $room = ReadingRoom::withBooks(vec['Winter', 'Tides']);
  echo await gen_report($room);
}
