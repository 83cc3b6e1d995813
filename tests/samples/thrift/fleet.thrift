/**
 * What a hire firm for cargo bicycles asks of its fleet, and what the fleet answers.
 */
namespace py fleet.rpc
namespace java org.example.fleet

include "shared.thrift"

typedef i64 Millis
typedef map<string, string> Labels

const i32 MOST_BICYCLES = 500
const list<string> COLOURS = ["red", "green", "blue"]

enum State {
  FREE = 1,
  HIRED = 2,
  BROKEN = 3,
  LOST = 9
}

enum Kind {
  TWO_WHEELS = 1,
  THREE_WHEELS = 2
}

struct Place {
  1: required double latitude,
  2: required double longitude,
  3: optional double accuracy = 10.0
}

struct Bicycle {
  1: required string number,
  2: Kind kind = Kind.TWO_WHEELS,
  3: State state = State.FREE,
  4: optional Place place,
  5: i32 battery,
  6: Labels labels
}

struct Hire {
  1: required string id,
  2: required string bicycle,
  3: required Millis from_ms,
  4: optional Millis until_ms,
  5: list<Place> way = []
}

// One of these, never two.
union Price {
  1: i64 per_minute,
  2: i64 per_day,
  3: bool free
}

struct Filter {
  1: set<State> states,
  2: optional Place near,
  3: optional double within_m,
  4: i32 limit = 20
}

exception NotFree {
  1: string bicycle,
  2: State state
}

exception Closed {
  1: Millis opens
}

exception Refused {
  1: string why,
  2: optional Millis retry_after
}

service Reading {
  list<Bicycle> find(1: Filter filter),

  Bicycle get(1: string number) throws (1: shared.NotFound missing),

  Price price(1: string number, 2: Millis at),

  i32 count(1: set<State> states)
}

service Hiring extends Reading {
  Hire begin(1: string number, 2: string customer)
    throws (1: NotFree taken, 2: Refused refused),

  Hire end(1: string hire, 2: Place place) throws (1: Refused refused),

  // Nobody waits for an answer.
  oneway void moved(1: string number, 2: Place place)
}

service Workshop {
  void broken(1: string number, 2: string what),
  void mended(1: string number) throws (1: shared.NotFound missing),
  list<Bicycle> waiting()
}
