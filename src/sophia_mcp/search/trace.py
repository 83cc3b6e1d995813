"""Which files and functions does a stack trace or a failing test speak of?

A frame names a file as it was where the program ran: perhaps an absolute path of another machine,
perhaps lines of an older text. It is matched to a file of the view by its longest path suffix.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: the file as written, its line and column (1-based, 0: unknown), the function it names
    (or empty), the source line the trace itself shows (or empty), and the function that was called there
    (or empty)."""

    path: str
    line: int
    function: str
    code: str
    raw: str
    column: int = 0
    callee: str = ""


_FORMS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        # Python:  File "a/b.py", line 3, in name
        r'^\s*(?:\|\s*)?File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\n]+))?'
        r"(?:\n[ \t]+(?!File )(?P<code>\S[^\n]*))?",
        # .NET:  at A.B.C(x) in /a/b.cs:line 3
        r"^\s*at (?P<function>[^\n(]+)\([^\n)]*\) in (?P<path>[^\n]+?):line (?P<line>\d+)",
        # JavaScript:  at name (file:///a/b.js:3:4)   at /a/b.js:3:4   name@http://h/b.js:3:4
        r"^\s*at (?:async )?(?:(?P<function>[^\s(][^\n(]*?) )?\(?(?:file://|https?://[^/\s]+/|webpack:/+)?"
        r"(?P<path>[^\s():]+\.[cm]?[jt]sx?|[^\s():]+\.(?:vue|svelte)):(?P<line>\d+)(?::(?P<column>\d+))?\)?",
        r"^(?P<function>[\w$.<>/]*)@(?:file://|https?://[^/\s]+/)?(?P<path>[^\s():]+):(?P<line>\d+):(?P<column>\d+)$",
        # Java, Kotlin, Scala:  at a.b.C.name(C.java:3)
        r"^\s*(?:at )?(?P<function>[\w$.<>/@]+)\((?P<path>[\w$]+\.(?:java|kt|kts|scala|groovy|clj)):(?P<line>\d+)\)",
        # Ruby:  a/b.rb:3:in `name'
        r"(?P<path>[^\s:'\"]+\.(?:rb|erb|rake)):(?P<line>\d+):in [`'](?P<function>[^'\n]+)'",
        # PHP:  #0 /a/b.php(3): A->name(), which names what is called there   thrown in /a/b.php on line 3
        r"^\s*#\d+ (?P<path>[^\s(]+\.php)\((?P<line>\d+)\): (?P<callee>[\w\\:>-]+)",
        r" in (?P<path>[^\s:]+\.php)(?::| on line )(?P<line>\d+)$",
        # Go:  pkg.(*T).name(...)\n\t/a/b.go:3 +0x1
        r"^(?P<function>[\w./*()-]+)\([^\n]*\)\n\s+(?P<path>\S+\.go):(?P<line>\d+)",
        # Rust:  3: a::b::name\n   at ./src/b.rs:3:4     thread 'x' panicked at src/b.rs:3:4
        r"^\s*\d+:\s+(?:0x[0-9a-f]+ - )?(?P<function>\S+)\n\s+at (?P<path>\S+?\.rs):(?P<line>\d+)(?::(?P<column>\d+))?",
        r"panicked at (?:'[^\n]*', )?(?P<path>[^\s:]+\.rs):(?P<line>\d+):(?P<column>\d+)",
        # gdb, lldb:  #1  0x5 in name (a=1) at a/b.c:3     sanitizers:  #1 0x5 in name(int) a/b.c:3:4
        r"^\s*(?:\* )?(?:frame )?#\d+:?\s+(?:0x[0-9a-f]+ (?:in )?)?(?:\S+`)?(?P<function>[\w:~<>$]+)[^\n]*? "
        r"(?:at )?(?P<path>[^\s:()]+\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?$",
        # Elixir:  (app 0.1.0) lib/a.ex:3: A.name/2
        r"^\s*(?:\([\w ./]+\) )?(?P<path>[^\s:()]+\.exs?):(?P<line>\d+): (?P<function>[\w.!?]+)/\d",
        # pytest, go test, compilers, linters:  a/b.py:3: Error    a/b.c:3:4: error
        r"^\s*(?:-->\s*|#\s*|\S+: )?(?P<path>[^\s:()'\"]*[\w-]+\.[A-Za-z]\w{0,5}):(?P<line>\d+)(?::(?P<column>\d+))?(?=[:\s]|$)"
        r"(?::? in (?:(?:function|method|upvalue|field|local) )?[`'<]?(?P<function>[\w.<>:]+)'?>?"
        r"(?:\n {4}(?P<code>\S[^\n]*))?)?",
        # pytest ids:  FAILED a/b.py::TestC::test_d
        r"(?P<path>[\w./-]+\.py)::(?P<function>[\w:]+(?:\.\w+)*)",
    )
)
_NOISE = re.compile(r"(?:^|[.:/])(?:<[^<>]*>|anonymous)$")
"""Names of what has none; ``main`` is a function."""

_SHOWN = re.compile(r"^\s*>?\s*(?P<line>\d+) \| (?P<code>.*\S)\s*$", re.MULTILINE)
"""A line of source that a test runner or compiler shows beside its number."""


def frames(text: str) -> list[Frame]:
    """Every frame of a trace or a test report, in order of appearance, each place once."""
    found: dict[tuple[str, int, str, str], tuple[int, Frame]] = {}
    taken: list[tuple[int, int]] = []
    for form in _FORMS:
        for match in form.finditer(text):
            start, end = match.span("path")
            if any(start < stop and begin < end for begin, stop in taken):
                continue
            taken.append((start, end))
            groups = match.groupdict()
            line = int(groups.get("line") or 0)
            frame = Frame(
                groups["path"].replace("\\", "/"),
                line,
                _function(groups.get("function") or ""),
                (groups.get("code") or "").strip(),
                match.group(0).strip(),
                int(groups.get("column") or 0),
                _function(groups.get("callee") or ""),
            )
            found.setdefault((frame.path, line, frame.function, frame.callee), (start, frame))
    return _with_code(sorted(found.values(), key=lambda item: item[0]), text)


def _with_code(placed: Sequence[tuple[int, Frame]], text: str) -> list[Frame]:
    """The frames, each source line that the text shows given to the nearest frame of its number: others
    of that number lie in other files."""
    given = [frame for _, frame in placed]
    numbered: dict[int, list[int]] = defaultdict(list)
    for i, frame in enumerate(given):
        numbered[frame.line].append(i)
    for match in _SHOWN.finditer(text):
        if places := numbered.get(int(match["line"])):
            i = min(places, key=lambda i: abs(placed[i][0] - match.start()))
            given[i] = replace(given[i], code=given[i].code or match["code"].strip())
    return given


def linked(innermost_first: Sequence[Frame]) -> list[Frame]:
    """The frames, each with the function that it called: the one the next inner frame lies in. PHP says
    it the other way about: where a function was called from, not where the line lies."""
    found: list[Frame] = []
    for i, frame in enumerate(innermost_first):
        inner = innermost_first[i - 1].function if i else ""
        outer = innermost_first[i + 1].callee if i + 1 < len(innermost_first) else ""
        found.append(replace(frame, function=frame.function or outer, callee=frame.callee or inner))
    return found


def _function(name: str) -> str:
    """The bare name: ``app.Router.add(int)`` → ``add``; anonymous functions have none."""
    name = re.sub(
        r"\s*\[as [^\]]*\]|^(?:new|block (?:\(\d+ levels\) )?in|rescue in)\s+", "", name.strip()
    )
    name = re.sub(r"::h[0-9a-f]{16}$|\$\d+|::\{\{closure\}\}.*$|\.func\d+(?:\.\d+)*$", "", name)
    if _NOISE.search(name):
        return ""
    return re.split(r"::|->|[.#/\\:>]", name.replace("(*", "").replace(")", ""))[-1]


def match_path(written: str, paths: Sequence[str]) -> list[str]:
    """The view's files that share the longest path suffix with ``written``; none when not even
    the file name agrees. A shorter stored path must be a suffix of the written one or share at
    least its last two segments, unless its name is the only one of its kind."""
    wanted = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if not wanted:
        return []
    best: list[str] = []
    longest = 0
    for path in paths:
        if not path.endswith(wanted[-1]):
            continue
        length = _shared_suffix(wanted, path.split("/"))
        if length > longest:
            best, longest = [path], length
        elif length and length == longest:
            best.append(path)
    return best


def _shared_suffix(left: Sequence[str], right: Sequence[str]) -> int:
    length = 0
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b:
            break
        length += 1
    return length
