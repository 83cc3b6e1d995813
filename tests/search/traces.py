"""Stack traces of programs that ran yesterday, and what happened to their files since.

The programs are the language samples: a frame is a call that was listed by hand, in the function it was
listed in, and one frame calls the next where the sample does so. Each trace is written as its runtime,
test runner or debugger writes it.
"""

from __future__ import annotations

import itertools
import random
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "samples"
LINE_COMMENT = {"python": "#", "ruby": "#", "elixir": "#", "lua": "--"}
DEEPEST = 4
"""Frames of one trace."""


@dataclass(frozen=True, slots=True)
class Call:
    """A line of a function that calls another: what a frame speaks of. ``owner`` is its container,
    ``column`` where the name that is called begins, ``was`` the line in the first text. ``place`` is the path of a frame that lies in a
    library, and empty for the project's own."""

    owner: str
    function: str
    line: int
    code: str
    column: int = 1
    was: int = 0
    place: str = ""

    def at(self, path: str) -> str:
        """Its path; ``path`` is that of the project's file."""
        return self.place or path


Trace = tuple[Call, ...]
"""Frames from the outermost to the innermost."""


@dataclass(slots=True)
class Source:
    """One file and its lines; each line knows its number in the text the trace was taken from (0: it
    is new)."""

    language: str
    path: str
    lines: list[tuple[int, str]]
    blocks: list[tuple[int, int]]
    traces: list[Trace] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def today(self, line: int) -> int:
        """Where the line stands now."""
        return next(at for at, (number, _) in enumerate(self.lines, 1) if number == line)

    def now(self, trace: Trace) -> Trace:
        """A trace as the text of today would give it."""
        return tuple(call if call.place else replace(call, line=self.today(call.was)) for call in trace)


def source(language: str, rng: random.Random, count: int) -> Source:
    """A sample as a file of a project, with ``count`` traces through it."""
    folder = SAMPLES / language
    [file] = folder.glob("sample.*")
    expected = tomllib.loads((folder / "expected.toml").read_text())
    lines = file.read_text().split("\n")
    calls: dict[str, list[Call]] = {}
    edges: dict[tuple[str, int], set[str]] = {}
    for caller, called, line, _ in expected["calls"]:
        owner, _, function = caller.rpartition(".")
        defined = any(row[0] == function and row[2] <= line <= row[3] for row in expected["definitions"])
        if not defined or not function.strip("!?").isidentifier():
            continue
        found = calls.setdefault(function, [])
        if all(call.line != line for call in found):
            column = lines[line - 1].find(called) + 1 or 1
            found.append(Call(owner, function, line, lines[line - 1].strip(), column, line))
        edges.setdefault((function, line), set()).add(called)
    starts = [call for found in calls.values() for call in found]
    library = f"/usr/lib/{language}/core{file.suffix}"
    traces = [_chain(rng.choice(starts), calls, edges, rng, library) for _ in range(count)]
    functions = [row for row in expected["definitions"] if row[1] in ("function", "method")]
    blocks = [(row[2], row[3]) for row in functions if row[3] > row[2]]
    path = f"{language}/src/{file.name.replace('sample', language + '_desk')}"
    return Source(language, path, list(enumerate(lines, 1)), blocks, traces)


def _chain(
    start: Call,
    calls: dict[str, list[Call]],
    edges: dict[tuple[str, int], set[str]],
    rng: random.Random,
    library: str,
) -> Trace:
    """Frames that call each other, as deep as the sample goes; every other trace ends in a library."""
    chain = [start]
    while len(chain) < DEEPEST:
        inner = [name for name in edges[chain[-1].function, chain[-1].line] if name in calls]
        inner = [name for name in sorted(inner) if all(call.function != name for call in chain)]
        if not inner:
            break
        chain.append(rng.choice(calls[rng.choice(inner)]))
    foreign = sorted(edges[chain[-1].function, chain[-1].line] - set(calls))
    if foreign and rng.random() < 0.5:
        chain.append(Call("", rng.choice(foreign), rng.randrange(20, 900), "core()", 5, 0, library))
    return tuple(chain)


def edit(file: Source, rng: random.Random) -> None:
    """Lines above, lines between, a line less, functions that changed places, another name or folder."""
    kept = {call.line for trace in file.traces for call in trace}
    _move(file, rng)
    comment = LINE_COMMENT.get(file.language, "//")
    for _ in range(rng.randrange(3, 8)):
        at = rng.choice([1, 1, *range(1, len(file.lines))])
        new = [(0, f"{comment} note {rng.randrange(100)}")] * rng.randrange(1, 4)
        file.lines[at:at] = new if file.language != "php" or at > 1 else []
    gone = [
        at for at, (number, line) in enumerate(file.lines) if number not in kept and not line.strip()
    ]
    for at in sorted(rng.sample(gone, min(3, len(gone))), reverse=True):
        del file.lines[at]
    change = rng.choice(["stays", "stays", "renamed", "moved"])
    folder, _, name = file.path.rpartition("/")
    if change == "renamed":
        file.path = f"{folder}/new_{name}"
    elif change == "moved":
        file.path = f"{folder}/inner/{name}"


def _move(file: Source, rng: random.Random) -> None:
    """Two neighbouring functions that stand apart from each other change places, a few times."""
    for _ in range(3):
        inner = sorted(
            block
            for block in file.blocks
            if not any(b != block and block[0] <= b[0] and b[1] <= block[1] for b in file.blocks)
        )
        pairs = [(a, b) for a, b in itertools.pairwise(inner) if a[1] < b[0]]
        if not pairs:
            return
        (a, b) = rng.choice(pairs)
        place = {number: at for at, (number, _) in enumerate(file.lines)}
        a1, a2, b1, b2 = place[a[0]], place[a[1]], place[b[0]], place[b[1]]
        if not (a1 <= a2 < b1 <= b2) or a2 - a1 != a[1] - a[0] or b2 - b1 != b[1] - b[0]:
            continue
        held = file.lines
        indents = {len(held[at][1]) - len(held[at][1].lstrip()) for at in (a1, b1)}
        if len(indents) == 1:
            file.lines = (
                held[:a1] + held[b1 : b2 + 1] + held[a2 + 1 : b1] + held[a1 : a2 + 1] + held[b2 + 1 :]
            )


Writer = Callable[[str, Sequence[Call]], str]
"""Path on the machine where it ran, and the frames from the outermost to the innermost."""


def python(path: str, trace: Sequence[Call]) -> str:
    frames = "".join(
        f'  File "/srv/{c.at(path)}", line {c.line}, in {c.function}\n    {c.code}\n' for c in trace
    )
    return f"Traceback (most recent call last):\n{frames}{_error(trace, 'ValueError')}: bad value\n"


def python_bare(path: str, trace: Sequence[Call]) -> str:
    """As services log it: one frame a line, without the code."""
    frames = "".join(f'  File "/srv/{c.at(path)}", line {c.line}, in {c.function}\n' for c in trace)
    return f"Traceback (most recent call last):\n{frames}{_error(trace, 'ValueError')}: bad value\n"


def pytest(path: str, trace: Sequence[Call]) -> str:
    inner = trace[-1]
    frames = "".join(f"{c.at(path)}:{c.line}: in {c.function}\n    {c.code}\n" for c in trace[:-1])
    last = f"{inner.at(path)}:{inner.line}: in {inner.function}\n    {inner.code}\nE   {_error(trace, 'ValueError')}: bad value\n"
    return f"______ test_it ______\n{frames}{last}=== short test summary info ===\n"


def node(path: str, trace: Sequence[Call]) -> str:
    lines = [f"    at {_dotted(c)} (/app/{c.at(path)}:{c.line}:{c.column})" for c in reversed(trace)]
    return (
        f"{_error(trace, 'TypeError')}: x is not a function\n"
        + "\n".join(lines)
        + "\n    at node:internal/main:1:2\n"
    )


def jest(path: str, trace: Sequence[Call]) -> str:
    lines = [f"      at {_dotted(c)} ({c.at(path)}:{c.line}:{c.column})" for c in reversed(trace)]
    code = f"    > {trace[-1].line} |   {trace[-1].code}\n         |   ^\n"
    return "  ● desk › works\n\n    expect(received).toBe(expected)\n\n" + code + "\n".join(lines) + "\n"


def firefox(path: str, trace: Sequence[Call]) -> str:
    return "\n".join(
        f"{c.function}@https://shop.example/{c.at(path)}:{c.line}:{c.column}" for c in reversed(trace)
    )


def java(path: str, trace: Sequence[Call]) -> str:
    lines = [
        f"\tat com.acme.{_dotted(c, '$')}({c.at(path).rpartition('/')[2]}:{c.line})"
        for c in reversed(trace)
    ]
    head = f'Exception in thread "main" java.lang.{_error(trace, "RuntimeException")}: no\n'
    return head + "\n".join(lines) + "\n"


def go(path: str, trace: Sequence[Call]) -> str:
    def name(c: Call) -> str:
        return f"main.(*{c.owner}).{c.function}" if c.owner else f"main.{c.function}"

    lines = [
        f"{name(c)}(0xc000012345, 0x1)\n\t/build/{c.at(path)}:{c.line} +0x1b" for c in reversed(trace)
    ]
    return (
        "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\n" + "\n".join(lines) + "\n"
    )


def rust(path: str, trace: Sequence[Call]) -> str:
    head = f"thread 'main' panicked at {trace[-1].at(path)}:{trace[-1].line}:{trace[-1].column}:\nno entry\nstack backtrace:\n"
    lines = [
        f"   {n}: desk::{c.owner.replace('.', '::') + '::' if c.owner else ''}{c.function}\n"
        f"             at ./{c.at(path)}:{c.line}:{c.column}"
        for n, c in enumerate(reversed(trace), 2)
    ]
    return head + "\n".join(lines) + "\n"


def ruby(path: str, trace: Sequence[Call]) -> str:
    first, *rest = [f"/app/{c.at(path)}:{c.line}:in `{c.function}'" for c in reversed(trace)]
    return f"{first}: undefined method ({_error(trace, 'NoMethodError')})\n" + "".join(
        f"\tfrom {one}\n" for one in rest
    )


def dotnet(path: str, trace: Sequence[Call]) -> str:
    lines = [
        f"   at Acme.{_dotted(c)}(String a) in /src/{c.at(path)}:line {c.line}" for c in reversed(trace)
    ]
    return (
        f"Unhandled exception. System.{_error(trace, 'NullReferenceException')}: no\n"
        + "\n".join(lines)
        + "\n"
    )


def php(path: str, trace: Sequence[Call]) -> str:
    """PHP names the function that is called at a place, not the one the place lies in."""
    inner = trace[-1]
    head = f"PHP Fatal error:  Uncaught {_error(trace, 'RuntimeException')}: no in /app/{inner.at(path)}:{inner.line}\nStack trace:\n"
    called = [*reversed(trace)]
    lines = [
        f"#{n} /app/{outer.at(path)}({outer.line}): App\\Desk->{callee.function}()"
        for n, (callee, outer) in enumerate(itertools.pairwise(called))
    ]
    return (
        head
        + "\n".join([*lines, f"#{len(lines)} {{main}}"])
        + f"\n  thrown in /app/{inner.at(path)} on line {inner.line}\n"
    )


def elixir(path: str, trace: Sequence[Call]) -> str:
    lines = [f"    (desk 0.1.0) {c.at(path)}:{c.line}: Desk.{c.function}/2" for c in reversed(trace)]
    return "** (RuntimeError) no\n" + "\n".join(lines) + "\n"


def gdb(path: str, trace: Sequence[Call]) -> str:
    lines = [
        f"#{n}  {'' if not n else '0x000055555555 in '}{c.function} (self=0x7ffe, n=3) at {c.at(path)}:{c.line}"
        for n, c in enumerate(reversed(trace))
    ]
    return "Program received signal SIGSEGV, Segmentation fault.\n" + "\n".join(lines) + "\n"


def sanitizer(path: str, trace: Sequence[Call]) -> str:
    lines = [
        f"    #{n} 0x4f5a in {c.function} /src/{c.at(path)}:{c.line}:{c.column}"
        for n, c in enumerate(reversed(trace))
    ]
    return "==7==ERROR: AddressSanitizer: heap-use-after-free\n" + "\n".join(lines) + "\n"


def lua(path: str, trace: Sequence[Call]) -> str:
    inner = trace[-1]
    lines = [f"\t{c.at(path)}:{c.line}: in function '{c.function}'" for c in reversed(trace)]
    return (
        f"lua: {inner.at(path)}:{inner.line}: attempt to index a nil value\nstack traceback:\n"
        + "\n".join(lines)
        + "\n"
    )


def _error(trace: Sequence[Call], usual: str) -> str:
    """What the innermost line throws, when it throws."""
    thrown = re.search(r"\b(?:raise|throw)\b.*?\b(\w+(?:Error|Exception))", trace[-1].code)
    return thrown[1] if thrown else usual


def _dotted(call: Call, between: str = ".") -> str:
    owner = call.owner.replace(".", between)
    return f"{owner}.{call.function}" if owner else call.function


FORMS: dict[str, tuple[Writer, ...]] = {
    "python": (python, python_bare, pytest),
    "javascript": (node, jest, firefox),
    "typescript": (node, jest),
    "java": (java,),
    "kotlin": (java,),
    "scala": (java,),
    "go": (go,),
    "rust": (rust,),
    "ruby": (ruby,),
    "csharp": (dotnet,),
    "php": (php,),
    "elixir": (elixir,),
    "c": (gdb, sanitizer),
    "cpp": (gdb, sanitizer),
    "lua": (lua,),
}
