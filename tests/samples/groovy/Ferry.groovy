package harbour.ferry

import groovy.transform.CompileStatic
import java.time.Duration
import java.time.LocalTime

/**
 * One crossing of a ferry between two piers.
 */
@CompileStatic
class Crossing implements Comparable<Crossing> {
    final String from
    final String to
    final LocalTime leaves
    int minutes = 20

    Crossing(String from, String to, LocalTime leaves) {
        this.from = from
        this.to = to
        this.leaves = leaves
    }

    LocalTime arrives() {
        return leaves.plus(Duration.ofMinutes(minutes))
    }

    // The earlier one goes first.
    int compareTo(Crossing other) {
        return leaves <=> other.leaves
    }

    @Override
    String toString() {
        return "${from} -> ${to} at ${leaves}"
    }
}

interface Timetable {
    List<Crossing> crossings()

    Crossing next(LocalTime after)
}

trait Delayable {
    int delay = 0

    void hold(int minutes) {
        delay += minutes
    }

    boolean late() {
        return delay > 5
    }
}

enum Season {
    SUMMER, WINTER

    boolean runsAtNight() {
        return this == SUMMER
    }
}

class Harbour implements Timetable, Delayable {
    private final List<Crossing> held = []
    static final int MOST = 40

    def add(Crossing crossing) {
        if (held.size() >= MOST) {
            throw new IllegalStateException("no more than ${MOST} crossings")
        }
        held << crossing
        held.sort()
    }

    List<Crossing> crossings() {
        return held.collect { it }
    }

    Crossing next(LocalTime after) {
        for (crossing in held) {
            if (crossing.leaves.isAfter(after)) {
                return crossing
            }
        }
        return null
    }

    static Harbour parse(String text) {
        def harbour = new Harbour()
        text.eachLine { line ->
            def (from, to, time) = line.tokenize(',')
            harbour.add(new Crossing(from, to, LocalTime.parse(time)))
        }
        return harbour
    }
}

def describe(Harbour harbour) {
    def first = harbour.next(LocalTime.MIN)
    if (first == null) {
        return 'no ferry today'
    }
    return "first: ${first}"
}

String board(Harbour harbour, String pier) {
    def lines = harbour.crossings().findAll { it.from == pier }.collect { crossing ->
        "${crossing.leaves} ${crossing.to}"
    }
    return lines.join('\n')
}

def harbour = Harbour.parse('North,South,08:00\nSouth,North,09:30')
println describe(harbour)
println board(harbour, 'North')
