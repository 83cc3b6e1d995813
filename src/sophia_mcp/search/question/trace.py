"""Which files and functions does a stack trace or a failing test speak of?

A frame names a file as it was where the program ran: perhaps an absolute path of another machine,
perhaps lines of an older text. It is matched to a file of the view by its longest path suffix.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.patterns import expression


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


_DRIVE = r"(?:[A-Za-z]:)?"
_SCHEME = (
    r"(?:[a-z][a-z+-]+:(?:///(?=[A-Za-z]:)|//(?=/)|//[^\s/():]+(?::\d+)?/|/|(?=\w))(?:/?\([\w-]+\)/)?)?"
)
"""What stands before the path of a file in a browser, a bundler or a package."""
_AT = r"(?:\?[^\s:()]*)?:(?P<line>\d+)(?::(?P<column>\d+))?"
_SCRIPT = rf"{_SCHEME}(?P<path>{_DRIVE}[^\s():?]+\.(?:[cm]?[jt]sx?|vue|svelte|astro)){_AT}"
_OTHER = r"\s()'\"`\[\]{}<>|?=,;"
"""What stands in no path that is not quoted."""
_SOURCE = rf"(?P<path>{_DRIVE}[^:{_OTHER}]*[\w-]\.[A-Za-z]\w{{0,5}})"
_START = rf"(?<![^{_OTHER}])"
"""A path begins nowhere within what might be one: to try there, too, would take the square of its length."""
_IN = (
    r"(?:[:,]? in (?:(?:function|method|upvalue|field|local) )?[`'<]?(?P<function>[\w.<>:]+)'?>?"
    r"(?:\n {4}(?P<code>\S[^\n]*))?)?"
)

# Logs write what they like before a frame, so that only forms which are not unmistakable begin with a line.
_FORMS = tuple(
    expression(pattern, re.MULTILINE)
    for pattern in (
        # Python:  File "a/b.py", line 3, in name     its code, behind what stands before the frame
        r'^(?P<led>[^"\n]*?)File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\n]+))?'
        r"(?:\n(?P=led)[ \t]+(?!File )(?P<code>\S[^\n]*))?",
        # .NET:  at A.B.C(x) in /a/b.cs:line 3
        r"(?:^|\s)at (?P<function>[^\n(]+)\([^\n)]*\) in (?P<path>[^\n]+?):line (?P<line>\d+)",
        # JavaScript:  at name (file:///a/b.js:3:4)   at /a/b.js:3:4   ❯ name a/b.js:3:4   name@http://h/b.js:3:4
        rf"(?:^|\s)at (?:async )?(?:(?P<function>[^\s(][^\n(]*?) )?\(?{_SCRIPT}\)?",
        rf"❯ (?P<function>[\w$.<>]+) {_SCRIPT}",
        rf"^(?P<function>[\w$.<>/]*)@{_SCHEME}(?P<path>[^\s():?]+){_AT}$",
        # Java, Kotlin, Scala:  at a.b.C.name(C.java:3)
        r"(?<![\w$.<>/@-])(?P<function>[\w$.<>/@-]+)\((?P<path>[\w$]+\.(?:java|kt|kts|scala|groovy|clj)):(?P<line>\d+)\)",
        # Surefire:  [ERROR]   CTest.name:3 expected
        r"^\[ERROR\] +(?P<path>(?P<type>[A-Z]\w*))\.(?P<function>\w+):(?P<line>\d+)",
        # Ruby:  a/b.rb:3:in `name'
        r"(?<![^\s:'\"])(?P<path>[^\s:'\"]+\.(?:rb|erb|rake)):(?P<line>\d+):in [`'](?P<function>[^'\n]+)'",
        # PHP:  #0 /a/b.php(3): A->name(), which names what is called there
        rf"^[ \t]*+#\d+ (?P<path>{_DRIVE}[^\s:(]+\.php)\((?P<line>\d+)\): (?P<callee>[\w\\:>-]+)",
        # Go:  pkg.(*T).name(...)\n\t/a/b.go:3 +0x1     created by pkg.name in goroutine 1\n\t/a/b.go:3
        r"^[ \t]*+(?P<function>[\w./*()-]+)\([^\n]*\)\n\s+(?P<path>\S+\.go):(?P<line>\d+)",
        r"^created by (?P<function>\S+)(?: in goroutine \d+)?\n\s+(?P<path>\S+\.go):(?P<line>\d+)",
        # Rust:  3: a::b::name\n   at ./src/b.rs:3:4     thread 'x' panicked at src/b.rs:3:4
        r"^[ \t]*+\d+:\s+(?:0x[0-9a-f]+ - )?(?P<function>\S[^\n]*)\n\s+at (?P<path>\S+?\.rs):(?P<line>\d+)(?::(?P<column>\d+))?",
        r"panicked at (?:'[^\n]*', )?(?P<path>[^\s:]+\.rs):(?P<line>\d+):(?P<column>\d+)",
        # gdb, lldb:  #1  0x5 in name (a=1) at a/b.c:3     sanitizers:  #1 0x5 in name(int) a/b.c:3:4
        r"^[ \t]*+(?:\* )?(?:frame )?#\d+:?\s+(?:0x[0-9a-f]+ (?:in )?)?(?:\S+`)?(?P<function>[\w:~<>$]++)[^\n]*? "
        r"(?:at )?(?P<path>[^\s:()]+\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?(?: \([^()\n]*\))?$",
        # Valgrind, Dart, TAP:  at 0x5: A::name(int) (b.c:3)   #1 A.name (package:a/b.dart:3:4)
        rf"(?<![^\s()])(?P<function>[^\s()]++)(?:\([^()\n]*\))? \({_SCHEME}{_SOURCE}{_AT}\)",
        # Elixir:  (app 0.1.0) lib/a.ex:3: A.name/2     Erlang:  {a,name,2,[{file,"src/a.erl"},{line,3}]}
        r"^[ \t]*+(?:\([\w ./]+\) )?(?P<path>[^\s:()]+\.exs?):(?P<line>\d+): (?P<function>[\w.!?]+)/\d",
        r"\{\w+,(?P<function>\w+),\d+,\s*\[\{file,\s*\"(?P<path>[^\"\n]+)\"\},\s*\{line,\s*(?P<line>\d+)\}",
        # MSBuild, tsc, gtest:  a\b.c(3,4): error     Maven:  a/B.java:[3,4] error
        rf"{_START}{_SOURCE}\((?P<line>\d+)(?:,\s*(?P<column>\d+))?\)\s*:",
        rf"{_START}{_SOURCE}:\[(?P<line>\d+),(?P<column>\d+)\]",
        # pytest, go test, compilers, linters:  a/b.py:3: Error    a/b.c:3:4: error
        rf"^[ \t]*+(?:-->\s*|#\s*|\S+: )?{_SOURCE}:(?P<line>\d+)(?::(?P<column>\d+))?(?=[:\s]|$){_IN}",
        # pytest ids:  FAILED a/b.py::TestC::test_d
        r"(?P<path>[\w./-]+\.py)::(?P<function>[\w:]+(?:\.\w+)*)",
    )
)
_ANYWHERE = tuple(
    expression(pattern, re.MULTILINE)
    for pattern in (
        # Perl, PHP, bash, OCaml, Swift:  at a/B.pm line 3   in a.php on line 3   a.sh: line 3   "a.ml", line 3
        rf"(?<![^:{_OTHER}]){_SOURCE}[\"']?(?:[:,]|,? on)? line (?P<line>\d+)",
        # A log:  [main] a/b.go:3 what happened     Error Trace:  a/b.go:3
        rf"{_START}{_SCHEME}{_SOURCE}{_AT}(?=[:\s,;\])'\"]|$){_IN}",
    )
)
"""Forms that other texts have too, such as the address of a server: their file must be of a known language."""

_LISTING = expression(
    rf"^(?: *Line +)?{_SOURCE}[ \t]*\n(?P<rows>(?:[ \t-]*\n|[ \t]+(?:--> )?\d+(?::\d+)?[ \t]{{2,}}\S[^\n]*(?:\n|\Z))+)",
    re.MULTILINE,
)
_ROW = expression(r"^[ \t]+(?P<line>\d+)(?::(?P<column>\d+))?[ \t]{2,}", re.MULTILINE)
"""ESLint, PHPStan: a file, and under it the lines of it that something is said about."""

_NOISE = expression(r"(?:^|[.:/])(?:<[^<>]*>|anonymous)$")
"""Names of what has none; ``main`` is a function."""

_COLOUR = expression(
    r"(?:\x1b|\\x1b|\\u001b|\\033|\\e|\^\[)?\[\d{1,3}(?:;\d{1,3})*m|(?:\x1b|\\x1b|\\u001b)\[[mK]"
)
"""What a terminal is told by, as a log or a clipboard writes it."""

_ESCAPED = expression(r"\\([nt\"])")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"'}

_ADDRESS = expression(r"\b(?:[a-z][a-z+-]+://|file:/)\S+\Z")

_SHOWN = expression(r"^[ \t]*+>?[ \t]*+(?P<line>\d+) \| (?P<code>.*\S)", re.MULTILINE)
"""A line of source that a test runner or compiler shows beside its number."""


def frames(text: str) -> list[Frame]:
    """Every frame of a trace or a test report, in order of appearance, each place once."""
    text = _COLOUR.sub("", text)
    if "\n" not in text and "\\n" in text:
        text = _ESCAPED.sub(lambda match: _ESCAPES[match[1]], text)  # a trace inside a line of JSON
    found: dict[tuple[str, int, str, str], tuple[int, Frame]] = {}
    taken: list[tuple[int, int]] = []
    for match in _matches(text):
        start, end = match.span("path")
        if any(start < stop and begin < end for begin, stop in taken):
            continue
        taken.append((start, end))
        frame = _frame(match.groupdict(), match.group(0).strip())
        found.setdefault((frame.path, frame.line, frame.function, frame.callee), (start, frame))
    for listing in _LISTING.finditer(text):
        for row in _ROW.finditer(listing["rows"]):
            frame = _frame({"path": listing["path"], **row.groupdict()}, row.group(0).strip())
            place = listing.start("rows") + row.start()
            found.setdefault((frame.path, frame.line, frame.function, frame.callee), (place, frame))
    return _with_code(sorted(found.values(), key=lambda item: item[0]), text)


def _matches(text: str) -> Iterator[re.Match[str]]:
    for form in _FORMS:
        yield from form.finditer(text)
    for form in _ANYWHERE:
        for match in form.finditer(text):
            if language_of(match["path"].replace("\\", "/"), b"") is not None:
                yield match


def _frame(said: Mapping[str, str | None], raw: str) -> Frame:
    path = _decoded(said["path"] or "", raw).replace("\\", "/")
    return Frame(
        f"{path}.java" if said.get("type") else path,  # a class of Java is in the file of its name
        int(said.get("line") or 0),
        _function(said.get("function") or ""),
        (said.get("code") or "").strip(),
        raw,
        int(said.get("column") or 0),
        _function(said.get("callee") or ""),
    )


def _decoded(path: str, raw: str) -> str:
    """A path as files have it: an address has its spaces as ``%20``, where a file may be called so."""
    if not _ADDRESS.search(raw.partition(path)[0] + path):
        return path
    decoded = unquote(path)
    return decoded if decoded.isprintable() else path


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
    name = re.sub(r"::h[0-9a-f]{16}$|\$\d+|::\{+closure[^}]*\}+.*$|\.func\d+(?:\.\d+)*$", "", name)
    name = re.sub(r"(?:lambda|\$anonfun)\$(\w+)$", r"\1", name)
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
