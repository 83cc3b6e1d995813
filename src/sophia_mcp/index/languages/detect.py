"""Which language is a file written in? Its name says, then its first lines, then its words."""

from __future__ import annotations

import re
from functools import cache

from sophia_mcp.index.languages import LANGUAGES

PROSE = {
    "markdown": (".md", ".mdx", ".markdown", ".mkd", ".qmd", ".rmd"),
    "rst": (".rst", ".rest"),
    "asciidoc": (".adoc", ".asciidoc", ".asc"),
    "text": (".txt", ".text", ".log"),
}
"""Documents, cut by heading (plain text by paragraph)."""

NOTEBOOK = "notebook"
_NAMED = dict.fromkeys(
    """README LICENSE LICENCE COPYING NOTICE AUTHORS CODEOWNERS CHANGELOG Changelog ChangeLog changelog CHANGES Changes
    HISTORY NEWS RELEASE-NOTES RELEASE_NOTES FAQ HACKING INSTALL THANKS TODO""".split(),
    "text",
)
_SHEBANG = re.compile(rb"#![ \t]*(?:\S*/)?([^\s/]+)([^\n]*)")
_MODE = re.compile(
    rb"-\*-[ \t]*+(?:(?:[^\n;]*;)*?[ \t]*mode:[ \t]*)?([\w+-]+)[ \t]*(?:;[^\n]*)?-\*-"
    rb"|(?:^|[ \t])(?:vi|vim|ex):[^\n]{0,200}?\b(?:ft|filetype|syntax)=(\w+)",
    re.M | re.I,
)
_MODES = {"c++": "cpp", "cperl": "perl", "sh": "bash", "shell-script": "bash"}
"""What editors call languages that have another name here."""
_CHANGE = re.compile(rb"(?:diff |Index: |--- |\*\*\* |From [0-9a-f]{40} )")
"""Begins a difference, whose lines are those of other files."""
_FIRST_LINES = re.compile(rb"(?:[^\n]{0,400}\n){0,5}")
_CPP = re.compile(
    rb"\n[ \t]*+(?:class[ \t]++\w++(?:[ \t]++\w++)?[ \t\r\n]*+(?:[:{;]|\Z)|(?:inline[ \t]++)?namespace\b[ \t\w:]*+[ \t\r\n]*+(?:\{|\Z)"
    rb"|template[ \t\r\n]*+<|using[ \t]++[\w: ]++[;=]|(?:public|private|protected)[ \t]*+:(?!:))"
)
_OBJECTIVE = re.compile(
    rb"\n[ \t]*+(?:@(?:interface|implementation|protocol|import|class|end)\b|#import\b)"
)
_MATLAB = re.compile(rb"^[ \t]*+(?:function\b|classdef\b|%|end[ \t]*+;?+[ \t\r]*+$)", re.M)
_APEX = re.compile(
    rb"^[ \t]*+(?:(?:public|global|private|abstract|virtual|with|without)\b.*)?\bclass[ \t]++\w", re.M
)
_PROLOG = re.compile(rb"^:-\s|^[a-z]\w*+(?>(?:\([^)]{0,400}+\))?)\s*+:-", re.M)
_COQ = re.compile(
    rb"^[ \t]*+(?:(?:From \S++ )?Require (?:Import|Export)|Lemma|Theorem|Definition|Inductive|Proof\.)",
    re.M,
)
_OPENCL = re.compile(rb"^[ \t]*+(?:(?:__)?kernel\s|#(?:include|if|define|pragma)\b)", re.M)
_PUPPET = re.compile(
    rb"^[ \t]*+(?:(?:class|define|node)\s[\w:'\", .$=()-]*+\{|\w++[ \t]*+\{[ \t]*+['\"$\[])", re.M
)
_PASCAL = re.compile(
    rb"^[ \t]*+(?:unit|program|library|uses|interface|implementation|begin|type|procedure|function|constructor)\b",
    re.M | re.I,
)
_C = re.compile(rb"^[ \t]*+#[ \t]*+(?:include|if|ifdef|ifndef|define|undef)\b", re.M)
_BITBAKE = re.compile(rb'^[A-Z_]++(?>(?::\w++)?)[ \t]*+[?:.+]?=[ \t]*+"|^(?:inherit|require)\s', re.M)
_RULES = re.compile(rb"[^\s:;{}()]++(?:(?<=\.o)|(?<=\.lo)|(?<=\.obj))[^\n:;{}()]*+:")
_ARMOUR = b"-----BEGIN PGP "
_TEMPLATES = (".in", ".tmpl", ".template", ".dist", ".example", ".sample", ".j2", ".jinja", ".erb")
"""Behind the name of the file that is made of this one."""
_PERL = re.compile(rb"^[ \t]*+(?:use|package|sub|my)\s", re.M)
_HEAD = 1 << 14
_HEADER = 1 << 18
"""How much of a header is read: the first class may stand behind a thousand lines of macros."""


def language_of(path: str, head: bytes) -> str | None:
    """The language of a file, or None when nothing is known of it. ``head`` is its beginning
    (16 kB settle every doubtful case but that of headers, for which it is all); ``path`` may be relative."""
    name = path.rpartition("/")[2]
    exact, endings, interpreters = _tables()
    found = exact.get(name) or _by_ending(name, endings)
    made = name[: name.rindex(".")] if name.endswith(_TEMPLATES) else ""
    if made and (inner := exact.get(made) or _by_ending(made, endings)) is not None:
        found, name = inner, made
    if found is None and name.startswith(("Dockerfile.", "Containerfile.")):
        found = "dockerfile"
    if found is None and head.startswith(b"#!"):
        return _by_shebang(head, interpreters)
    if found is None:
        return None if _CHANGE.match(head) else _by_mode(head, interpreters)
    if head.startswith(b"#!") and name.endswith(_OTHERS):
        return _by_shebang(head, interpreters) or found
    return _settle(found, name, head)


_OTHERS = (".t", ".d", ".inc")
"""Endings that a script of any language may have."""


def _by_ending(name: str, endings: dict[str, str]) -> str | None:
    """The longest known ending wins: ``.blade.php`` before ``.php``."""
    lower = name.lower()
    at = lower.find(".")
    while at >= 0:
        if (found := endings.get(lower[at:])) is not None:
            return found
        at = lower.find(".", at + 1)
    return None


def _by_shebang(head: bytes, interpreters: dict[str, str]) -> str | None:
    match = _SHEBANG.match(head)
    if match is None:
        return None
    word = match[1]
    if word == b"env":
        words = (each for each in match[2].split() if not each.startswith(b"-") and b"=" not in each)
        word = next(words, b"").rpartition(b"/")[2]
    program = word.decode("ascii", "ignore")
    return interpreters.get(program) or interpreters.get(program.rstrip("0123456789.-"))


def _by_mode(head: bytes, interpreters: dict[str, str]) -> str | None:
    """The language that the first lines state for an editor: ``# -*- mode: tcl -*-``, ``// vim: ft=c``."""
    first = _FIRST_LINES.match(head)
    stated = _MODE.search(first[0]) if first else None
    if stated is None:
        return None
    mode = (stated[1] or stated[2]).decode("ascii", "ignore").lower()
    mode = _MODES.get(mode, mode)
    return mode if mode in LANGUAGES else interpreters.get(mode)


def _settle(found: str, name: str, head: bytes) -> str:
    """Endings that several languages share."""
    if name.endswith(".h"):
        head = b"\n" + head[:_HEADER]
        if _OBJECTIVE.search(head):
            return "objc"
        return "cpp" if b"std::" in head or _CPP.search(head) else "c"
    head = b"\n" + head[:_HEAD]
    if name.endswith(".m") and not _OBJECTIVE.search(head) and _MATLAB.search(head):
        return "matlab"
    if name.endswith(".cls") and _APEX.search(head):
        return "apex"
    if name.endswith(_DOUBTFUL):
        return _doubtful(found, name[name.rindex(".") :], head)
    if name.endswith(".pl") and _PROLOG.search(head) and not _PERL.search(head):
        return "text"
    return found


_DOUBTFUL = (".ts", ".v", ".cl", ".asc", ".pp", ".bb", ".inc", ".d")


def _doubtful(found: str, ending: str, head: bytes) -> str:
    """Endings that a second language has taken as well; what no grammar reads is text."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if ending == ".ts" and start.startswith((b"<?xml", b"<!DOCTYPE TS")):
        return "xml"  # translations of Qt
    if ending == ".cl" and _OPENCL.search(head):
        return "c"
    if ending == ".inc" and start and b"<?" not in head:
        if _C.search(head):
            return "cpp" if _CPP.search(head) else "c"
        return "pascal" if _PASCAL.search(head) else "text"
    if ending == ".d" and _RULES.match(start):
        return "make"
    other = (
        (ending == ".v" and _COQ.search(head))
        or (ending == ".asc" and _ARMOUR in head)
        or (ending == ".pp" and _PUPPET.search(head) and not _PASCAL.search(head))
        or (ending == ".bb" and _BITBAKE.search(head))
    )
    return "text" if other else found


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    exact, endings, interpreters = dict(_NAMED), {".ipynb": NOTEBOOK}, {}
    for language, known in PROSE.items():
        endings.update(dict.fromkeys(known, language))
    for record in LANGUAGES.values():
        endings.update(dict.fromkeys(record.extensions, record.name))
        exact.update(dict.fromkeys(record.filenames, record.name))
        interpreters.update(dict.fromkeys(record.interpreters, record.name))
    return exact, endings, interpreters
