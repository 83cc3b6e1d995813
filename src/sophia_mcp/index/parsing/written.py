"""What does a type or a call say as it is written? The class that a type names, the names of a chain of calls, and
what a signature states to give.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from sophia_mcp.index.parsing.signs import AWAITED, ELEMENT, ENTERED, GIVEN
from sophia_mcp.types import Symbol

FIELDS_DEEP = 6
_MOCKS = r"(?:\w*::)*(?:Nice|Naggy|Strict)Mock"
_HOLDERS = {
    language: re.compile(rf"(?:{names})\s*{opens}\s*(.*)[>\]]$", re.DOTALL)
    for language, names, opens in (
        ("rust", "Box|Arc|Rc", "<"),
        ("cpp", _MOCKS, "<"),
        ("cuda", _MOCKS, "<"),
        ("python", "Optional|Annotated|Final|ClassVar|Type|type|Required", r"\["),
        ("typescript", "Readonly|Awaited|NonNullable|Required|Partial", "<"),
        ("tsx", "Readonly|Awaited|NonNullable|Required|Partial", "<"),
    )
}
"""Types that are used as what they hold, in the languages that have them; elsewhere they are a project's own."""
_KEEPERS = re.compile(
    r"(?:(?:\w+(?:::|\.))*(?:Promise(?:Like)?|Future|(?:Value)?Task|Option(?:al)?|Result|Vec|vector|deque|span|optional|(?:unique|shared)_ptr)"
    r"\s*<|\[\w*\]|map\[[\w.]+\])(.+)$",
    re.DOTALL,
)
"""Types that give what they hold to who asks for it."""
_LOCKED = re.compile(r"(?:\w+::)*(?:RefCell|Mutex|RwLock)\s*<(.+)$", re.DOTALL)
"""The same of Rust."""
_TYPE = re.compile(r"(?:const|mut|dyn|impl|inout|readonly|'\w+|&|\*|\s|\?|@\w+\s)*([A-Za-z_][\w.:\\$]*)")
_BRACKET = re.compile(r"([()])")
_CHAIN = re.compile(
    r"[\w$]+(?:(?:\?\.|!\.|\.|\?->|->|::)\w+)*(?:\(\)(?:(?:\?\.|!!?\.|\.|\?->|->)\w+(?:\(\))?)*)?"
)
_BEFORE_CALL = re.compile(r"\s*(?:new|await)\s+")
_NAME = re.compile(r"[\w\\]+")
_PROMISES = frozenset({"csharp", "dart", "tsx", "typescript"})
"""Where a signature says that what is given must be awaited."""
_INDEXED = frozenset({"cpp", "cuda", "go"})
"""Where an index gives one of the elements of what is known to hold them."""
_OF_TYPES = re.compile(r"(?<=\w)<[^<>();]*(?:<[^<>();]*>[^<>();]*)*>(?=\()")
_INDEX = re.compile(r"\[[^\[\]():]*\](?!\()")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_ARGUMENTS = re.compile(r"\([^(){}]*\)|\s*\{[^(){}]*\}")
_MESSAGE = re.compile(r"@{0,2}\w+[?!]?|(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*")
_ARGUMENTS_OF = re.compile(r"\s*(?:<[^()]*>|>)?(?:(?:\.|->|::|:)\w+)?\s*")
_GOES_ON = re.compile(
    r"\s*(?:[?!]{0,2}\.(?!\.|(?:unwrap|expect|await|clone|apply|also)\b)|->|::|:(?=\w)|\[)"
)
"""Follows what is made where something is called on it that may give another thing."""
_YIELDED = re.compile(r"\s*(?:\w+\.)*(?:Async)?(?:Iterator|Iterable|Generator)\[([^,\[\]]+)")
"""How Python types what is entered by a ``with``."""
_BEFORE = re.compile(r"[\w.$]+(?:\s*<.*>)?(?=\??$)")
"""How Java, C# and Dart state before the name what is given, where that is no array."""
_STATED_BEFORE = frozenset({"csharp", "dart", "java"})
_DECLARED = re.compile(r"(?:(?:\w+::)*\w+(?:<.*>)?)[\s*&]*$", re.DOTALL)
"""How C++ states before the name what is given."""
_DECLARES = frozenset({"cpp", "cuda"})
_POINTS = re.compile(r"(?<!\bthis)->")
_NAMED_BY = re.compile(r"(?<![:\w])(?:\w+(?:<[^<>]*>)?::)+$")
"""The class that a member of it is written with."""
_RETURNED = re.compile(r"\)\s*(?:->|:)\s*([^()]+)$")
_PARTS = frozenset({"chan", "<-chan"})
"""In Go, the beginnings of types that are not those of what they hold."""
_REFERENCE = re.compile(r"(?:&\s*(?:'\w+\s+)?(?:mut\s+)?)+")
_NOTHING = frozenset(
    {"None", "null", "undefined", "nil", "void", "any", "Any", "var", "auto", "val", "let", "final"}
)


def closing(text: str, opening: int) -> int:
    """Where the bracket is closed that is opened at a place, or the end of the text."""
    depth = 0
    for bracket in _BRACKET.finditer(text, opening):
        depth += 1 if bracket[0] == "(" else -1
        if not depth:
            return bracket.start()
    return len(text)


def closes_at_end(text: str, opening: int) -> bool:
    """Whether the bracket opened at a place is closed by the last character."""
    return closing(text, opening) == len(text) - 1


def is_whole(arguments: str) -> bool:
    """Whether the bracket that begins a text ends it, too, or only what was cut off."""
    plain = _TEXT.sub('""', arguments)
    return plain.count(")") < 2 or closing(plain, 0) >= len(plain) - 1


def is_followed(text: str, place: int) -> bool:
    """Whether something is called on what is made of the class whose name ends at a place: ``new Pool(1).get()``."""
    found = _ARGUMENTS_OF.match(text, place)
    opening = found.end() if found is not None else place
    if text[opening : opening + 1] != "(":
        return text.startswith("->", opening)
    if text.count(")", opening) == 1 and text.endswith((")", ");")):
        return False
    plain = _TEXT.sub('""', text[opening:])
    return _GOES_ON.match(plain, closing(plain, 0) + 1) is not None


def pointed(path: str, language: str) -> str:
    """A path or chain of C++ in which what stands before ``->`` gives what it points to: that of ``a.__await__().b``
    for ``a->b``."""
    return _POINTS.sub(f".{AWAITED}.", path) if language in _DECLARES and "->" in path else path


def without_arguments(call: str, language: str) -> str:
    """``pool.get().path()`` of ``pool.get(1, f(2)).path(3)``; empty for what is no chain of names and calls."""
    kept: list[str] = []
    depth = 0
    call = _TEXT.sub('""', call)
    awaited = f".{AWAITED}" if language in _PROMISES and "await" in call else ""
    if call.startswith("(") and (first := _BEFORE_CALL.match(call, 1)):
        end = closing(call, 0)
        if "new" in first[0] and _NAME.fullmatch(call, first.end(), end):
            call = f"{call[:end]}{GIVEN}{call[end:]}"
            end += len(GIVEN)
        call = f"{call[first.end() : end]}{awaited}{call[end + 1 :]}"
    elif first := _BEFORE_CALL.match(call):
        call = f"{call[first.end() :].rstrip(';')}{awaited}"
    elif language == "rust":
        call = call.replace(".await", "").replace("?", ".unwrap()")
    elif language in _INDEXED and "[" in call:
        call = _indexed(call)
    if language in _DECLARES and "<" in call:
        call = _OF_TYPES.sub("", call)
    for part in _BRACKET.split(call):
        if part == "(":
            kept += [GIVEN] if not depth else []
            depth += 1
        elif part == ")":
            depth -= 1
        elif not depth:
            kept.append("".join(part.split()))
        if depth < 0:
            return ""
    chain = "".join(kept).rstrip(";!")
    return pointed(chain, language) if not depth and _CHAIN.fullmatch(chain) else ""


def messages(call: str) -> list[str]:
    """What is sent in a chain of Ruby, from what is named first: ``A::B``, ``new``, ``open`` of
    ``A::B.new(1)&.open { 2 }``. Empty at first for what is none."""
    plain = _TEXT.sub('""', call.replace("&.", "."))
    for _ in range(FIELDS_DEEP):
        inner = _ARGUMENTS.sub("", plain)
        if inner == plain:
            break
        plain = inner
    steps = [step.strip() for step in plain.split(".")]
    return steps if all(map(_MESSAGE.fullmatch, steps)) else [""]


def _indexed(call: str) -> str:
    """``a.b[c[0]]`` as ``a.b.__item__()``; an index may have others in it."""
    for _ in range(FIELDS_DEEP):
        marked = _INDEX.sub("\0", call)
        if marked == call:
            break
        call = marked
    return call.replace("\0", f".{ELEMENT}")


@lru_cache(1 << 12)
def plain_type(text: str, language: str) -> str:
    """The one class a type of a language names, without pointers, options and arguments; empty when it names
    several or none: ``Optional[Store]``, ``*Store``, ``Store | None`` are ``Store``."""
    text, holders = text.strip().strip("\"'"), _HOLDERS.get(language)
    for _ in range(3):
        text = _REFERENCE.sub("", text, 1) if text.startswith("&") else text
        held = holders.match(text) if holders is not None else None
        if held is None:
            break
        text = held[1].strip()
    keeper = _KEEPERS.match(text) or (_LOCKED.match(text) if language == "rust" else None)
    if keeper is not None:
        inner = plain_type(_first_type(keeper[1]), language)
        layers = 1 + (language in _DECLARES and "*" in text[text.rfind(">") :])  # a pointer is one, too
        return f"{ENTERED * layers}{inner}" if inner else ""
    if "|" in text:
        parts = [part.strip() for part in text.split("|") if part.strip() not in _NOTHING]
        if len(parts) != 1:
            return ""
        text = parts[0]
    if text.endswith("[]"):
        return "Array"
    match = _TYPE.match(text)
    if match is None or text[match.end() :].replace(" ", "").startswith("[]"):
        return ""  # `Task[]` is a list, whatever it is of
    name = match[1].rstrip(".:")
    return "" if name in _NOTHING else name


def _first_type(text: str) -> str:
    """``A<B, C>`` of ``A<B, C>, D>``."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char in "<([") - (char in ">)]")
        if depth < 0 or (char == "," and not depth):
            return text[:place]
    return text


def returned(symbols: Iterable[Symbol], language: str) -> str:
    """The type that the signatures of functions or properties of one name state for what they give; empty
    where they state none or contradict."""
    stated = {_returned(symbol, language) for symbol in symbols} - {""}
    return stated.pop() if len(stated) == 1 else ""


def _returned(symbol: Symbol, language: str) -> str:
    """As one signature states it, of several types the first."""
    if language in _STATED_BEFORE:
        before, called, _ = symbol.signature.partition(f" {symbol.name}(")
        stated = _BEFORE.search(before) if called else None
        return plain_type(stated[0], language) if stated is not None else ""
    if language in _DECLARES and "->" not in symbol.signature:
        before = _NAMED_BY.split(symbol.signature.partition(f"{symbol.name}(")[0])[0]
        declared = _DECLARED.search(before)
        return plain_type(declared[0], language) if declared is not None else ""
    if language != "go":
        stated = _RETURNED.search(symbol.signature)
        if stated is not None and (yielded := _YIELDED.match(stated[1])):
            return f"{ENTERED}{plain_type(yielded[1], language)}"
        return plain_type(stated[1], language) if stated is not None else ""
    rest = f"({symbol.signature.partition(f'{symbol.name}(')[2]}"
    first = rest[closing(rest, 0) + 1 :].lstrip(" (").partition(",")[0].rstrip(" ){").split()
    return plain_type(first[-1], language) if first and _PARTS.isdisjoint(first) else ""
