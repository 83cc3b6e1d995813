# A stack machine for small sums, with words that can be defined.
package require Tcl 8.6

namespace eval ::machine {
    variable stack {}
    variable words
    array set words {}
    namespace export push pop run define
}

# Puts a value on the stack.
proc ::machine::push {value} {
    variable stack
    lappend stack $value
    return $value
}

proc ::machine::pop {} {
    variable stack
    if {[llength $stack] == 0} {
        error "the stack is empty"
    }
    set value [lindex $stack end]
    set stack [lrange $stack 0 end-1]
    return $value
}

proc ::machine::depth {} {
    variable stack
    return [llength $stack]
}

namespace eval ::machine {
    proc binary {operator} {
        set right [pop]
        set left [pop]
        push [expr "$left $operator $right"]
    }

    proc duplicate {} {
        set value [pop]
        push $value
        push $value
    }

    proc swap {} {
        set top [pop]
        set below [pop]
        push $top
        push $below
    }
}

proc ::machine::define {name body} {
    variable words
    set words($name) $body
}

proc ::machine::word {name} {
    variable words
    switch -exact -- $name {
        + - - - * - / {
            binary $name
        }
        dup {
            duplicate
        }
        swap {
            swap
        }
        default {
            if {[info exists words($name)]} {
                run $words($name)
            } else {
                error "unknown word: $name"
            }
        }
    }
}

proc ::machine::run {text {trace 0}} {
    foreach token [split $text] {
        if {$token eq ""} continue
        if {[string is double -strict $token]} {
            push $token
        } else {
            word $token
        }
        if {$trace} {
            puts "$token: [depth]"
        }
    }
    return [depth]
}

proc show {args} {
    foreach value $args {
        puts -nonewline "$value "
    }
    puts ""
}

proc repl {{prompt "> "}} {
    while {1} {
        puts -nonewline $prompt
        flush stdout
        if {[gets stdin line] < 0} break
        if {[catch {machine::run $line} problem]} {
            puts stderr $problem
        }
    }
}

machine::define square "dup *"
machine::run "3 square 4 square +"
show [machine::pop]

if {[info exists argv0] && $argv0 eq [info script]} {
    repl
}
