/// Finds the shortest way through a network of cable cars.
module cable.routes;

import std.algorithm : map, sum;
import std.array : array;
import std.container : BinaryHeap;
import std.exception : enforce;
import std.typecons : Nullable, nullable;

enum Weather : ubyte
{
    calm,
    wind,
    storm,
}

enum maxStations = 4_096;

alias Seconds = uint;

/// One station and what leaves it.
struct Station
{
    string name;
    double altitude;
    Cable[] cables;

    bool isSummit() const pure nothrow
    {
        return cables.length == 1;
    }
}

struct Cable
{
    size_t to;
    double length;
    double speed = 6.0;

    this(size_t to, double length)
    {
        this.to = to;
        this.length = length;
    }

    Seconds time(Weather weather) const
    {
        final switch (weather)
        {
        case Weather.calm:
            return cast(Seconds)(length / speed);
        case Weather.wind:
            return cast(Seconds)(2 * length / speed);
        case Weather.storm:
            return Seconds.max;
        }
    }
}

interface Network
{
    size_t add(string name, double altitude);
    void connect(size_t a, size_t b, double length);
}

union Price
{
    uint cents;
    ubyte[4] raw;
}

template Numbered(T)
{
    struct Numbered
    {
        size_t number;
        T value;
    }
}

class Mountain : Network
{
    private Station[] stations;
    private Weather weather;

    this(Weather weather = Weather.calm)
    {
        this.weather = weather;
    }

    size_t add(string name, double altitude)
    {
        enforce(stations.length < maxStations, "the network is full");
        stations ~= Station(name, altitude);
        return stations.length - 1;
    }

    void connect(size_t a, size_t b, double length)
    {
        stations[a].cables ~= Cable(b, length);
        stations[b].cables ~= Cable(a, length);
    }

    Nullable!Seconds shortest(size_t from, size_t to)
    {
        auto best = new Seconds[](stations.length);
        best[] = Seconds.max;
        best[from] = 0;
        size_t[] open = [from];
        while (open.length)
        {
            const here = open[0];
            open = open[1 .. $];
            foreach (cable; stations[here].cables)
            {
                const takes = cable.time(weather);
                if (takes == Seconds.max || best[here] + takes >= best[cable.to])
                    continue;
                best[cable.to] = best[here] + takes;
                open ~= cable.to;
            }
        }
        return best[to] == Seconds.max ? Nullable!Seconds.init : nullable(best[to]);
    }
}

T climb(T)(T[] altitudes) if (is(T : double))
{
    T total = 0;
    foreach (i; 1 .. altitudes.length)
        if (altitudes[i] > altitudes[i - 1])
            total += altitudes[i] - altitudes[i - 1];
    return total;
}

unittest
{
    auto mountain = new Mountain;
    const valley = mountain.add("valley", 600);
    const hut = mountain.add("hut", 1_800);
    mountain.connect(valley, hut, 2_400);
    assert(mountain.shortest(valley, hut).get == 400);
}

void main()
{
    assert(climb([1.0, 3.0, 2.0, 5.0]) == 5.0);
}
