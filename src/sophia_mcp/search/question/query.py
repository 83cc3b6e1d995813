"""What kind of question is this? Pure classification of the text a caller sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, unquote

from sophia_mcp.patterns import expression
from sophia_mcp.search.question import foreign, keys, sentences
from sophia_mcp.search.question.trace import Frame, frames
from sophia_mcp.security.text import plain
from sophia_mcp.types import Mode
from sophia_mcp.words import IDENTIFIER, STOP_WORDS

QueryKind = Literal["words", "identifier", "path", "lines", "regex", "trace", "error"]

_IDENTIFIER = re.compile(r"~?[^\W\d][\w$]*[?!]?(?:(?:::|->|\.|#|\\|/)~?[^\W\d][\w$]*[?!]?)*(?:\(\))?")
_ROOT = expression(r"::|\\(?=[A-Z]\w+(?:\\\w{2,})+(?:::|->|$))")
"""What a name begins with that is said from the outermost namespace on: ``::a::B``, ``\\A\\B``."""
_SEPARATOR = expression(r"::|->|\.|#|\\|/")
# `a.py:10`, `a.py:10-80`, a compiler's `a.py:10:5` (the column is left out), a link's `a.py#L10-L80`.
_BEHIND = r"(?::L?|#L)(?P<start>\d+)(?:\s*[-–,]\s*L?(?P<end>\d+)|:\d+|C\d+)?:?"
_LINES = expression(r"(?P<path>[^\s:#]+?)" + _BEHIND)
# As people and other tools write them, where there is such a file: `a.py(10,5)`, `a.py, lines 10-80`.
_WRITTEN = expression(
    rf"(?P<path>.+?)(?:{_BEHIND}"
    r"|\((?P<row>\d++)(?:,\s*+\d++)?\):?"
    r"|(?P<said>,?\s++\(?(?:lines?|L)?\s*+)(?P<first>\d++)(?:\s*+(?:[-–]|to|and)\s*+(?P<last>\d++))?\)?)?"
)
_AROUND = expression(r"([`'\"])(?P<path>[^`'\"]+)\1(?P<behind>(?:[\s:,(#][^`'\"]*)?)")
_LINK = expression(
    r"https?://(?:[^/\s]*@)?(?P<repository>[^/\s@]+/(?:[\w.-]+/)+?[\w.-]+)"
    r"/(?:-/)?(?:blob|blame|raw|tree|src/(?:branch|commit|tag))/[^/\s]+/"
    r"(?P<path>[^\s?]+)(?:\?\S*)?"
)
"""A link to a file at a host: a branch, tag or commit stands in front of the path. Who asks for it there, and with
what password, is not said again."""
_RAW = expression(
    r"https?://raw\.githubusercontent\.com/([^/\s]+/[^/\s]+)/(?:refs/(?:heads|tags)/)?([^/\s]+)/"
)
_BITBUCKET = expression(
    r"(https?://(?:[^/\s]*@)?bitbucket\.org/[^/\s]+/[^/\s]+)/src/([^/\s]+)/([^\s?#`'\"]+)"
    r"(?:\?[^\s#`'\"]*)?(?:#lines-(?P<start>\d+)(?::(?P<end>\d+))?)?"
)
_AZURE = expression(
    r"(https?://(?:[^/\s]*@)?dev\.azure\.com/[^\s?`'\"]+?/_git/[^\s?/`'\"]+)\?(?P<said>[^\s`'\"]+)"
)
_PAGE = expression(
    r"https?://(?:[^/\s]*@)?(?P<repository>[^/\s@]+/(?:[\w.-]+/)+?[\w.-]+)/(?:-/)?"
    r"(?P<page>(?:pull|pulls|pull-requests|pullrequest|merge_requests|issues|commits?|compare|discussions)"
    r"/(?P<what>[^\s/?#]+))(?:[/?#]\S*)?"
)
"""A link to what people say of a change at a host, or to the change: no file of the repository."""
_LONGEST_PLACE = 500
"""Characters of a text that is looked at as a place."""
_BARE = r"[^\s*?\[\]|()^$\"'`]"
_FILE = expression(rf"{_BARE}+\.[A-Za-z0-9_]{{1,10}}|{_BARE}*/{_BARE}*")
_REGEX = expression(
    r"\\[bBwWsSdD.(){}\[\]]"  # escapes
    r"|\.[*+?]|\[[^\]\s]*[\w^]-\w[^\]]*\][*+?{]?|\[\^"  # any-runs and classes
    r"|\(\?[:iPms]|\w\|\w+\)|^\^\S|[\w)]\$$|\)[*+?]|\w\{\d+,?\d*\}"  # groups, anchors, counts
)
_MAYBE_REGEX = expression(r"[*+|^$\[\]]")
_EITHER = expression(r"\w+(?:\|\w+)+")
"""Whatever has the text of it is matched by the pattern, too."""
_CODE = expression(
    r"""(?<=[\w)\]])\[(?:"[^"\]]*"|'[^'\]]*'|-?\d*)\](?![\w*+?{])"""  # an index: a["b"], a[0]
    r"|\$(?=[A-Za-z_{])"  # a variable: $a, ${A}
)
"""Parts of code that are no pattern: what could be one matches nothing, or something else."""
_PUNCTUATION = expression(
    r"[(){}\[\]=;<>$&|*\\@#\"`+^]|::|->|[^\W\d]\.[^\W\d]|^from \S+ import |^(?://+|--+|%+) "
    r"|^(?:except|extends|implements|import|new|raise|require|return|throw|using|yield)"
    r" [\w.:$/@'-]+(?:, ?[\w.:$]+)*$"
)
"""What only code has."""
_ALSO_CODE = frozenset("as do does for from has if in into is of on or so to was with".split())
"""Words of sentences that languages and frameworks have, too."""
_SAID_LEAST = 2
"""Different words that only sentences have."""
_NO_WORD = expression(r"[a-z][A-Z]|[\d_$]")
_ERROR = expression(
    r"\b\w*(?:Error|Exception|Warning|Failure|Panic|Fault|Errno)\b\s*[:(\[]"
    r"|\b(?:error|panic|fatal|warning|exception|failed|failure)\b\s*[:\[]"
    r"|\b(?:panicked at|undefined reference|no such|is not defined|not found in|cannot (?:find|import|read)"
    r"|could not|unable to|unexpected|must be|expected .+ (?:got|but|found))\b"
    r"|(?-i:\bE[A-Z]{4,}\b|\bE\d{4}\b)",
    re.IGNORECASE,
)
_STATEMENT = expression(r"(?:\}\s*)?(?:catch|except|raise|rescue|return|throw)\b.*[(){};:,]", re.S)
"""Code about errors that is no message of one."""
_ENDS_OF_CODE = frozenset("[](){}:;,")
_BLOCK_LEAST = 3
"""Lines of code; of them half at least end as only code does."""
_GLOB = expression(
    r"[\w/-]*\*[\w-]*\.\w{1,5}|" r"[\w./*?{},@-]*(?:/[\w./*?{},@-]*\*|\*\*?[./])[\w./*?{},@-]*"
)
_WHOLE = frozenset({".", "./", "/", "*", "**", "**/*"})
"""Places that mean the whole repository."""

_QUESTION = expression(
    r"^(?:how|what|where|which|when|why|who|does|do|is|are|can|find|show|list|code|the (?:code|function))\b",
    re.I,
)
_EMBEDDED = expression(
    r"[A-Za-z_][A-Za-z0-9_]*[a-z0-9_][A-Z_][A-Za-z0-9_]*|[A-Z][a-z]+[A-Z]\w*|`[^`\s]+`|\b\w+(?:\.\w+)+(?=\()"
)
_FUNCTION = ("def", "defp", "defmacro", "fn", "func", "fun", "function", "sub", "proc", "method")
_CLASS = tuple(
    "class struct enum trait interface type record protocol union object actor data newtype mixin typealias".split()
)
_BEFORE = (
    r"(?:(?:export|default|pub|public|private|protected|internal|static|final|sealed|abstract|open|override|virtual"
    r"|async|suspend|implicit|inline|const|lazy|case|local|the)\s+)*"
)
_KEYWORDS = "|".join((*_FUNCTION, *_CLASS, "module", "namespace", "macro"))
# Data of something are words, where a type that is declared so has a capital.
_KEYWORD = f"(?P<keyword>{_KEYWORDS.replace('data', 'data(?= +[A-Z])')})"
_RECEIVER = expression(r"(?<!\w)\(\s*(?:\w+\s+)?\*?(\w+)(?:\[[^\]]*\])?\s*\)[.\s]\s*(?=\w)")
_DECLARED = expression(
    rf"{_BEFORE}{_KEYWORD}\s+(?P<name>{_IDENTIFIER.pattern})(?:\s*[(<:{{=;].*|\s+(?:struct|interface))?",
    re.S,
)
_OF_KIND = expression(rf"{_BEFORE}(?P<name>{_IDENTIFIER.pattern})\s+{_KEYWORD}")
_IN_FILE = expression(
    rf"(?P<path>[^\s:#]+\.\w{{1,10}})(?:::|[:#]|\s+)(?P<name>{_IDENTIFIER.pattern})(?:\[\S*\])?"
)
_CALLED = expression(rf"(?P<name>{_IDENTIFIER.pattern})(?:\([^()]*\)|/\d{{1,2}})")
"""With what is given to it, or, as in Elixir and Erlang, how much."""
_MEMBER = expression(r"(?P<holder>[^\W\d][\w.]*)[:$](?P<name>[^\W\d]\w*)(?:\([^()]*\)|/\d{1,2})?")
"""As Erlang names a function, Lua and R a method, and the Java machine a class in another."""
_GENERIC = expression(r"(?:::)?<[^<>]*>")
_ARGUMENTS = expression(r"(?<=\w)\([^()]*\)(?=\.|->|::)")
"""What is given to a call on whose result something is called: ``Schema(many=True).load``."""
_POINTER = expression(r"^[*&](?=[^\W\d])")
_NEW = expression(rf"new (?P<name>{_IDENTIFIER.pattern})(?:\s*\((?!\w+(?: \w+)+\)).*)?;?", re.S)
"""What is said in brackets, such as ``(for retries)``, is given to nothing."""
_TAG = expression(rf"@(?P<name>{_IDENTIFIER.pattern})(?:\(.*\))?", re.S)
TAGS = ("function", "class")
"""Kinds of what an annotation or a decorator names: ``@x`` of Ruby is a variable, and may be called like a method."""
_CALLABLE = ("function", "method", "class")
"""Kinds of what can be called."""
_QUOTED = expression(r"([`'\"])(?P<name>[^`'\"]+)\1")


@dataclass(frozen=True, slots=True)
class Named:
    """The name that a text says as code would: ``class Router``, ``(*Router).add``, ``app.py::Router``.

    ``path`` is the file it is said to be in, ``kinds`` what it is said to be (empty: anything)."""

    name: str
    path: str = ""
    kinds: tuple[str, ...] = ()

    @property
    def is_code(self) -> bool:
        """Whether the name cannot be mistaken for a word of a sentence."""
        return not self.name.islower() or not self.name.isalpha()


@dataclass(frozen=True, slots=True)
class Place:
    """The file, or lines of it (``start`` 0: none are said, ``end`` 0: one line), that a text may mean where
    there is such a file. ``is_bare``: the number may be one of a version. ``repository`` is what a link names, from
    its host on."""

    path: str
    start: int = 0
    end: int = 0
    is_bare: bool = False
    repository: str = ""

    @property
    def lines(self) -> str:
        """The lines as they stand behind a path; empty where none are said."""
        return f":{self.start}" * bool(self.start) + f"-{self.end}" * bool(self.end)


@dataclass(frozen=True, slots=True)
class Query:
    """A classified question. ``path``, ``start`` and ``end`` are set for places (``end`` 0: one
    line), ``frames`` for traces, ``identifiers`` holds code names that occur in the text. ``named``
    is set when the text may be a name after all: it is one when that name is defined. ``asks`` says that a
    sentence asks for the uses of that name. ``written`` is the whole text, where ``text`` is the name in it, or
    what a question that ``is_foreign`` says of code. ``of_tests``: what tests it was asked, and the text is what.
    ``of_bases``: of the uses of a name those that extend it are meant. ``respelt``: words that the text has in
    another spelling than was written. ``is_whole``: the text is one name, with the points in it. ``block``: what defines
    that name where it is another."""

    text: str
    kind: QueryKind
    path: str = ""
    start: int = 0
    end: int = 0
    frames: tuple[Frame, ...] = ()
    identifiers: tuple[str, ...] = ()
    named: Named | None = None
    asks: Literal["", "references", "callers"] = ""
    written: str = ""
    is_foreign: bool = False
    of_tests: bool = False
    of_bases: bool = False
    respelt: tuple[tuple[str, str], ...] = ()
    is_whole: bool = False
    block: str = ""

    @property
    def name(self) -> str:
        """The last segment of an identifier query: ``Router.add()`` → ``add``."""
        return self.parts[-1] if self.kind == "identifier" else self.text

    @property
    def container(self) -> str:
        """The segment before the last, or empty: ``app::Router::add`` → ``Router``."""
        split = self.parts if self.kind == "identifier" else ()
        return split[-2] if len(split) > 1 else ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The text as a name with what holds it, outermost first."""
        return (self.text,) if self.is_whole else segments(self.text)


def segments(identifier: str) -> tuple[str, ...]:
    """``Router.add()`` → ``("Router", "add")``."""
    bare = identifier.strip().removesuffix("()")
    return tuple(part for part in _SEPARATOR.split(bare) if part) or (bare,)


def said_name(text: str) -> Named | None:
    """The name in a text that consists of a name, the way code writes or declares it; None for others."""
    quoted = _QUOTED.fullmatch(text)
    bare = _GENERIC.sub("", quoted["name"] if quoted else text).strip()
    received = _ARGUMENTS.sub("", _POINTER.sub("", _RECEIVER.sub(r"\1.", bare)))
    held = _MEMBER.fullmatch(received)
    member = f"{held['holder']}.{held['name']}" if held else ""
    if _IDENTIFIER.fullmatch(received):
        return Named(member or received)  # a dollar may be a letter, too: that is seen later
    if found := _NEW.fullmatch(bare):
        return Named(found["name"], "", ("class",))
    if found := _TAG.fullmatch(bare):
        return Named(found["name"], "", TAGS)
    if found := _IN_FILE.fullmatch(received):
        return Named(found["name"], found["path"])
    if member:
        return Named(member)
    if found := _CALLED.fullmatch(received):
        return Named(found["name"])
    found = _DECLARED.fullmatch(received) or _OF_KIND.fullmatch(received)
    if found is None:
        return None
    said = found["keyword"]
    kinds = ("function", "method") if said in _FUNCTION else ("class",) if said in _CLASS else ()
    return Named(found["name"], "", kinds)


def said_lines(text: str) -> Query | None:
    """The lines of a file that a text consists of, as tools write them."""
    place = _LINES.fullmatch(text)
    if place is None:
        return None
    start, end = int(place["start"]), int(place["end"] or 0)
    return Query(text, "lines", place["path"], start, max(end, start) if end else 0)


def said_place(text: str) -> Place | None:
    """The file or folder, or lines of a file, that a text may consist of when there is such a one: its path may
    hold anything, stand in quotes, and be a link or the URI of a file."""
    if len(text) > _LONGEST_PLACE:
        return None
    around = _AROUND.fullmatch(text)
    text = around["path"] + around["behind"] if around else text
    place = _WRITTEN.fullmatch(_as_blob(text) if "://" in text else text)
    if place is None:
        return None
    start = place["start"] or place["row"] or place["first"]
    end = place["end"] or place["last"]
    if start and not int(start):
        return None
    link = _LINK.fullmatch(place["path"])
    return Place(
        unquote(link["path"].partition("#")[0]) if link else place["path"],
        int(start or 0),
        max(int(start or 0), int(end)) if end else 0,
        is_bare=place["said"] is not None and not re.search(r"\w", place["said"]),
        repository=link["repository"] if link else "",
    )


def _as_blob(text: str) -> str:
    """A link to a file as most hosts write it, of one that a host with other ways of its own writes."""

    def lines(start: str | None, end: str | None) -> str:
        return f"#L{start}" * bool(start) + f"-L{end}" * bool(start and end)

    def azure(found: re.Match[str]) -> str:
        said = {name: values[0] for name, values in parse_qs(found["said"]).items()}
        path = said.get("path", "/").lstrip("/")
        return f"{found[1]}/blob/HEAD/{path}{lines(said.get('line'), said.get('lineEnd'))}"

    text = _RAW.sub(r"https://github.com/\1/blob/\2/", text)
    text = _BITBUCKET.sub(
        lambda at: f"{at[1]}/blob/{at[2]}/{at[3]}{lines(at['start'], at['end'])}", text
    )
    return _AZURE.sub(azure, text)


def said_page(text: str) -> tuple[str, str, str] | None:
    """The repository, the page and the number or name of the change that a text links to; None for any other."""
    found = _PAGE.fullmatch(text.strip("`'\"")) if len(text) <= _LONGEST_PLACE else None
    return (found["repository"], found["page"], found["what"]) if found else None


def said_code(text: str) -> str | None:
    """The text that may stand in a file as it is; None for a name and for a sentence. That is best told by its
    words, and to look for it in all files takes as long as half of an answer."""
    text = text.strip()
    quoted = _QUOTED.fullmatch(text)
    bare = quoted["name"].strip() if quoted else text
    if not bare or _IDENTIFIER.fullmatch(bare) or _OF_KIND.fullmatch(bare):
        return None
    return bare if quoted or is_code(bare) else None


def is_name(text: str) -> bool:
    """Whether a text is nothing but a name, with or without what holds it."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_code_name(name: str) -> bool:
    """Whether a name has what no word of a sentence has."""
    return _NO_WORD.search(name) is not None


def is_code(text: str) -> bool:
    """Whether there is anything in a text that is in no sentence."""
    return _PUNCTUATION.search(text) is not None


def is_sentence(text: str) -> bool:
    """Whether a text, be there code in it, says something to people."""
    said = {word for word in text.casefold().split() if word in STOP_WORDS - _ALSO_CODE}
    return len(said) >= _SAID_LEAST


def is_pattern(text: str) -> bool:
    """Whether a text that may be a regular expression can hardly be anything else."""
    return bool(_REGEX.search(_CODE.sub("", text)) or _EITHER.fullmatch(text))


def _asks_of_name(text: str) -> Query | None:
    """``who calls parse_cookie``, ``where is `Router.add` defined?``: the question about that name."""
    asked = sentences.of_name(text)
    if asked is None:
        return None
    asks, written = asked
    named = said_name(written) or (Named(written.strip("`")) if keys.is_joined(written) else None)
    if named is None:
        return None
    query = Query(text, "words", identifiers=(named.name,), named=named)
    if asks == "definition":  # a word that nothing is called by stays a word
        return query
    if not named.is_code and named.name == written:
        if asks != "callers" or f" the {written}" in text:
            return None
        # Nothing but a name has callers; whether the word is one is seen later.
        return replace(query, identifiers=(), named=replace(named, kinds=_CALLABLE), asks=asks)
    if asks == "value":
        return query
    return replace(
        query, asks="callers" if asks == "callers" else "references", of_bases=asks == "bases"
    )


def _asks_of_tests(text: str) -> Query | None:
    """``where is parse_cookie tested``: who uses that name, or what is about these words, among tests."""
    what = sentences.of_tests(text)
    if what is None:
        return None
    if asked := _asks_of_name(f"who uses {what}"):
        return replace(asked, text=what, of_tests=True)
    return replace(_kind_of(what, "auto"), of_tests=True)


def classify(text: str, mode: Mode = "auto") -> Query:
    """The kind of a question; an explicit mode settles what it can settle."""
    if mode == "regex":
        return Query(text, "regex", written=text)  # as it is: a space matches a space
    text = plain(text).strip()
    query = _kind_of(text, mode)
    is_sentence = query.kind == "words" and query.named is None and mode in ("auto", "text")
    if is_sentence and (said := foreign.content(text)):
        return replace(query, text=said, written=text, is_foreign=True)
    return replace(query, written=text)


def _kind_of(text: str, mode: Mode) -> Query:
    if mode == "auto" and (asked := _asks_of_tests(text) or _asks_of_name(text)):
        return asked
    query = _classified(text, mode)
    if mode in ("text", "similar"):
        return query
    if query.kind in ("identifier", "path") and _IDENTIFIER.fullmatch(text):
        # `cart.py::Router` and `app.cart::Router` look alike; whether there is such a file is seen later.
        found = _IN_FILE.fullmatch(text)
        if found is None and (named := said_name(text)) is not None and named.name != text:
            return replace(query, named=named)
        return replace(query, named=Named(found["name"], found["path"])) if found else query
    if query.kind not in ("words", "regex", "path", "error"):
        return query
    named = said_name(text)
    if named is None or named.name == text:
        return query
    if mode in ("symbol", "references", "callers"):
        return Query(named.name, "identifier", identifiers=(named.name,), named=named)
    return replace(query, named=named)


def _classified(text: str, mode: Mode) -> Query:
    names = tuple(dict.fromkeys(name.strip("`") for name in _EMBEDDED.findall(text)))
    if mode == "text":
        return Query(text, "error" if _is_error(text) else "words", identifiers=names)
    place = said_lines(text)
    if place and (_FILE.fullmatch(place.path) or mode == "similar"):
        return place
    if mode in ("symbol", "references", "callers"):
        return Query(text, "identifier" if _IDENTIFIER.fullmatch(text) else "words", identifiers=names)
    found = frames(text)
    if found and ("\n" in text or not _QUESTION.match(text)):
        return Query(text, "trace", frames=tuple(found), identifiers=names)
    if not re.search(r"\s", text):
        return _one_token(text)
    if _REGEX.search(_CODE.sub("", text)) and not _QUESTION.match(text) and not _is_error(text):
        return Query(text, "regex")
    return Query(text, "error" if _is_error(text) else "words", identifiers=names)


def _one_token(text: str) -> Query:
    root = _ROOT.match(text)
    if root is not None and _IDENTIFIER.fullmatch(name := text[root.end() :]):
        return Query(name, "identifier", identifiers=(name,))
    if text in _WHOLE:
        return Query(text, "path", path=".")
    if _GLOB.fullmatch(text) and ".*" not in text:
        return Query(text, "path", path=text)
    if text.startswith("-") and keys.said_key(text):
        return Query(text, "words")  # an option, be there points in it
    is_number = not IDENTIFIER.search(text) and "/" not in text
    if (
        _FILE.fullmatch(text)
        and not is_number
        and not text.endswith("()")
        and not text.startswith(("->", "::"))
    ):
        # `os.path` and `app.py` look alike: the answer looks for a file first, then for a name.
        return Query(text, "path", path=text.removeprefix("./"), identifiers=(text,))
    if _IDENTIFIER.fullmatch(text):
        return Query(text, "identifier", identifiers=(text,))
    bare = _CODE.sub("", text)
    if _REGEX.search(bare) or _MAYBE_REGEX.search(bare):
        return Query(text, "regex")
    return Query(text, "words", identifiers=())


def message_of(trace: str) -> str:
    """The line of a trace that says what went wrong: of Python the last one that says anything, else the first."""
    lines = [line.strip() for line in plain(trace).strip().splitlines()]
    others = [line for line in lines if not frames(line)] or lines
    said = [line for line in others if _is_error(line)] or others
    return said[-1 if "most recent call last" in trace else 0]


def is_block(text: str) -> bool:
    """Whether several lines are code, and not what a program said."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    ended = sum(line[-1] in _ENDS_OF_CODE for line in lines)
    return len(lines) >= _BLOCK_LEAST and 2 * ended >= len(lines)


def _is_error(text: str) -> bool:
    is_said = _QUESTION.match(text) or _STATEMENT.fullmatch(text) or is_block(text)
    return bool(_ERROR.search(text)) and not is_said
