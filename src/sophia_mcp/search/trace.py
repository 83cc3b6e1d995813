"""Which lines of today's files does a stack trace or a failing test speak of?

A frame names a file as it was where the program ran: perhaps an absolute path of another machine,
perhaps lines of an older text. It is matched to a file of the view by its longest path suffix, and
to a line by the function it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sophia_mcp.types import Symbol


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: the file as written, its line (0: unknown), the function it names (or empty), and
    the source line the trace itself shows (or empty)."""

    path: str
    line: int
    function: str
    code: str
    raw: str


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
        r"(?P<path>[^\s():]+\.[cm]?[jt]sx?|[^\s():]+\.(?:vue|svelte)):(?P<line>\d+)(?::\d+)?\)?",
        r"^(?P<function>[\w$.<>/]*)@(?:file://|https?://[^/\s]+/)?(?P<path>[^\s():]+):(?P<line>\d+):\d+$",
        # Java, Kotlin, Scala:  at a.b.C.name(C.java:3)
        r"^\s*(?:at )?(?P<function>[\w$.<>/@]+)\((?P<path>[\w$]+\.(?:java|kt|kts|scala|groovy|clj)):(?P<line>\d+)\)",
        # Ruby:  a/b.rb:3:in `name'
        r"(?P<path>[^\s:'\"]+\.(?:rb|erb|rake)):(?P<line>\d+):in [`'](?P<function>[^'\n]+)'",
        # PHP:  #0 /a/b.php(3): A->name()
        r"^\s*#\d+ (?P<path>[^\s(]+\.php)\((?P<line>\d+)\): (?P<function>[\w\\:>-]+)",
        # Go:  pkg.(*T).name(...)\n\t/a/b.go:3 +0x1
        r"^(?P<function>[\w./*()-]+)\([^\n]*\)\n\s+(?P<path>\S+\.go):(?P<line>\d+)",
        # Rust:  3: a::b::name\n   at ./src/b.rs:3:4     thread 'x' panicked at src/b.rs:3:4
        r"^\s*\d+:\s+(?:0x[0-9a-f]+ - )?(?P<function>\S+)\n\s+at (?P<path>\S+?\.rs):(?P<line>\d+)(?::\d+)?",
        r"panicked at (?:'[^\n]*', )?(?P<path>[^\s:]+\.rs):(?P<line>\d+):\d+",
        # Elixir:  (app 0.1.0) lib/a.ex:3: A.name/2
        r"^\s*(?:\([\w ./]+\) )?(?P<path>[^\s:()]+\.exs?):(?P<line>\d+): (?P<function>[\w.!?]+)/\d",
        # pytest, go test, compilers, linters:  a/b.py:3: Error    a/b.c:3:4: error
        r"^\s*(?:-->\s*|#\s*|\S+: )?(?P<path>[^\s:()'\"]*[\w-]+\.[A-Za-z]\w{0,5}):(?P<line>\d+)(?::\d+)?(?=[:\s]|$)"
        r"(?::? in (?P<function>[\w.<>]+))?",
        # pytest ids:  FAILED a/b.py::TestC::test_d
        r"(?P<path>[\w./-]+\.py)::(?P<function>[\w:]+)",
    )
)
_NOISE = re.compile(r"(?:^|[.:/])(?:<?(?:anonymous|module|lambda|listcomp|top|main)>?)$")


def frames(text: str) -> list[Frame]:
    """Every frame of a trace or a test report, in order of appearance, each place once."""
    found: dict[tuple[str, int, str], tuple[int, Frame]] = {}
    taken: list[tuple[int, int]] = []
    for form in _FORMS:
        for match in form.finditer(text):
            start, end = match.span("path")
            if any(start < stop and begin < end for begin, stop in taken):
                continue
            taken.append((start, end))
            groups = match.groupdict()
            path = groups["path"].replace("\\", "/")
            frame = Frame(
                path,
                int(groups.get("line") or 0),
                _function(groups.get("function") or ""),
                (groups.get("code") or "").strip(),
                match.group(0).strip(),
            )
            found.setdefault((path, frame.line, frame.function), (start, frame))
    return [frame for _, frame in sorted(found.values(), key=lambda item: item[0])]


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


def settle(
    frame: Frame, lines: Sequence[str], symbols: Sequence[Symbol], before: Sequence[str] = ()
) -> int:
    """Today's line of a frame: the line it names when that still lies in the named function, else
    the same code inside the function, else the function itself (1-based).

    ``before`` holds the lines of the text the trace may speak of, when an older blob is stored.
    """
    homes = [symbol for symbol in symbols if frame.function and symbol.name == frame.function]
    code = frame.code or (before[frame.line - 1].strip() if 0 < frame.line <= len(before) else "")
    inside = [home for home in homes if home.start_line <= frame.line <= home.end_line]
    if code:
        spans = [(home.start_line, home.end_line) for home in homes] or [(1, len(lines))]
        same = [
            number
            for first, last in spans
            for number in range(first, min(last, len(lines)) + 1)
            if lines[number - 1].strip() == code
        ]
        if not same:
            same = [number for number, line in enumerate(lines, 1) if line.strip() == code]
        if same:
            return min(same, key=lambda number: abs(number - frame.line))
    if inside or not homes:
        return min(max(frame.line, 1), max(len(lines), 1))
    if homes:
        nearest = min(homes, key=lambda home: abs(home.start_line - frame.line))
        return nearest.start_line
    return max(frame.line, 1)
