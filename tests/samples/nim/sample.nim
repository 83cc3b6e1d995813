## Routes between stations: a graph, a shortest path and a printer.

import std/[tables, heapqueue, strutils]
import std/options as opts

type
  StationId* = distinct int

  Line* = enum
    red, green, blue

  Station* = ref object
    id: StationId
    name*: string
    links: seq[Link]

  Link = object
    to: StationId
    minutes: int
    line: Line

  Network* = object
    stations: Table[int, Station]
    names: Table[string, int]

  RouteError* = object of CatchableError

const MaxStops* = 200

const
  ChangeMinutes = 4
  Arrow = " -> "

var routesFound = 0

proc `==`*(a, b: StationId): bool {.borrow.}

func index(id: StationId): int = int(id)

proc initNetwork*(): Network =
  Network(stations: initTable[int, Station](), names: initTable[string, int]())

proc add*(network: var Network, name: string): StationId {.discardable.} =
  ## Adds a station, or finds the one of that name.
  if name in network.names:
    return StationId(network.names[name])
  result = StationId(network.stations.len)
  network.names[name] = result.index
  network.stations[result.index] = Station(id: result, name: name)

proc link*(
    network: var Network,
    a, b: string,
    minutes: Positive,
    line = red,
) =
  let first = network.add(a)
  let second = network.add(b)
  network.stations[first.index].links.add Link(to: second, minutes: minutes, line: line)
  network.stations[second.index].links.add Link(to: first, minutes: minutes, line: line)

iterator neighbours(network: Network, id: StationId): Link =
  for link in network.stations[id.index].links:
    yield link

method describe*(station: Station): string {.base.} =
  station.name.toUpperAscii

converter toId(station: Station): StationId =
  station.id

template cost(link: Link, previous: Line): int =
  (if link.line == previous: link.minutes else: link.minutes + ChangeMinutes)

macro traced(body: untyped): untyped =
  result = body

proc shortest*(network: Network, start, goal: string): Option[seq[string]] =
  ## The names on the quickest way, or nothing.
  type Step = tuple[minutes, at: int]

  if start notin network.names or goal notin network.names:
    raise newException(RouteError, "no such station")

  var
    best = initTable[int, int]()
    before = initTable[int, int]()
    queue = initHeapQueue[Step]()

  proc unwind(at: int): seq[string] =
    var here = at
    result = @[network.stations[here].name]
    while here in before:
      here = before[here]
      result.insert(network.stations[here].name, 0)

  best[network.names[start]] = 0
  queue.push((0, network.names[start]))
  while queue.len > 0:
    let (minutes, at) = queue.pop()
    if at == network.names[goal]:
      inc routesFound
      return some(unwind(at))
    for link in network.neighbours(StationId(at)):
      let next = minutes + link.cost(link.line)
      if next < best.getOrDefault(link.to.index, high(int)):
        best[link.to.index] = next
        before[link.to.index] = at
        queue.push((next, link.to.index))
  none(seq[string])

when isMainModule:
  var network = initNetwork()
  network.link("Harbour", "Market", 3)
  network.link("Market", "Hill", 5, green)
  echo network.shortest("Harbour", "Hill").get(@[]).join(Arrow)
