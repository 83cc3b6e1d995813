"""Which names does an import statement bring in? Read from the text of the statement.

Every rule takes the statement as written and answers (module, name, alias): ``name`` is empty for
the module itself and ``*`` for everything in it; ``alias`` is what the file calls it, empty when
the statement binds no name of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sophia_mcp.index.languages.record import Imported
from sophia_mcp.patterns import expression

_COMMENT = expression(r"//[^\n]*|/\*.*?\*/|(?<!\S)#[^\n]*", re.DOTALL)
_QUOTED = expression(r"""["'`]([^"'`\n]+)["'`]""")
OPENED = "::"
"""The name in an import that opens a namespace of C++, which is no module."""
OF_ALIAS = "="
"""Begins the module in an import that calls it as another import of the file does."""
_TAKEN = expression(r"(?P<own>\w+)\s*=\s*(?P<alias>\w+)\s*\.\s*(?P<name>\w+)")
_AS = expression(r"\s+as\s+")
_PYTHON_FROM = expression(r"from\s+([.\w]+)\s+import\s+(.*)", re.DOTALL)
_BINDING = expression(r"(?:const|let|var|local|my)?\s*([\w$.]+)\s*=")
_REQUIRE = expression(
    r"\b(?:require|import)\s*(?:<[^()]*>)?\(\s*(?:/\*(?:(?!\*/).)*\*/\s*)*"
    r"[\"'`](?P<module>[^\"'`\n]+)[\"'`][^)]*\)(?:\s*\))?(?P<members>(?:\s*\??\.\s*[\w$]+)*)",
    re.DOTALL,
)
_ATTRIBUTES = expression(r"\b(?:with|assert)\s*\{[^{}]*\}\s*;?\s*$")
"""Of what kind a module is that is no script."""
_BOUND = expression(
    r"\s*(?:export\s+)?(?:import\s+(?:type\s+)?)?(?:\{(?P<names>[^{}]*)\}|(?P<name>[\w$]+))\s*[!:=]"
)
_PYTHON_CALLED = expression(r"(\w+)\s*(?::[^=]*)?=\s*[\w.]+\(\s*[\"']([.\w]+)[\"']")
_GO_LINE = expression(r"""(?:([\w.]+)[ \t]+)?["`]([^"`\n]+)["`]""")
_GO_AFFIX = expression(r"^go-|[-.]go$|\.v\d+$")
"""What the name of a folder has more than that of the package in it."""
_VERSION = expression(r"^v\d+$")


def _pairs(names: str) -> Iterator[tuple[str, str]]:
    """``a, b as c`` as (name, alias)."""
    for part in names.split(","):
        name, *alias = _AS.split(part.strip())
        if name:
            yield name.strip(), (alias[0] if alias else name).strip()


def python(text: str) -> list[Imported]:
    text = re.sub(r"#[^\n]*", "", text).replace("\\\n", " ")
    called = _PYTHON_CALLED.match(text)
    if called is not None:
        return [(called[2], "", called[1])]
    match = _PYTHON_FROM.match(text)
    if match is None:
        return [(name, "", alias) for name, alias in _pairs(text.removeprefix("import "))]
    names = match[2].strip().strip("()")
    return [
        (match[1], name, "" if name == "*" else alias) for name, alias in _pairs(" ".join(names.split()))
    ]


def script(text: str) -> list[Imported]:
    """``import``, re-exporting ``export ... from``, ``require`` and a bound ``await import()``."""
    if (loaded := _REQUIRE.search(text)) is not None:
        return _required(text[: loaded.start()], loaded)
    text = _ATTRIBUTES.sub("", text)
    quoted = _QUOTED.findall(text)
    if not quoted:
        return []
    module = quoted[-1]
    clause = _COMMENT.sub("", text[: text.rfind(module) - 1])
    found: list[Imported] = []
    clause = re.sub(
        r"^\s*(?:import|export)\b\s*(?:(?:type|defer|source)\b(?!\s*,|\s+from))?", "", clause
    )
    clause = re.sub(r"\bfrom\s*$", "", clause).strip()
    for group in re.findall(r"\{([^{}]*)\}", clause):
        for name, alias in _pairs(re.sub(r"\btype\s+", "", group)):
            found.append((module, name, alias))
    for part in re.sub(r"\{[^{}]*\}", "", clause).split(","):
        word = part.strip()
        if word.startswith("*"):
            alias = _AS.split(word)[-1].strip()
            found.append((module, "", "" if alias == "*" else alias))
        elif word:
            found.append((module, "default", word))
    return found or [(module, "", "")]


def _required(clause: str, loaded: re.Match[str]) -> list[Imported]:
    """``clause`` is what stands before the call: the names it is bound to."""
    module, members = loaded["module"], re.findall(r"[\w$]+", loaded["members"])
    bound = _BOUND.match(_COMMENT.sub("", clause))
    if bound is None:
        return [(module, "", "")]
    if bound["names"] is None:
        return [(module, members[-1] if members else "", bound["name"])]
    names = ",".join(part.partition("=")[0] for part in bound["names"].split(","))
    return [(module, name, alias) for name, alias in _pairs(re.sub(r"\s*:\s*", " as ", names))]


def go(text: str) -> list[Imported]:
    found: list[Imported] = []
    for alias, path in _GO_LINE.findall(text.removeprefix("import")):
        parts = path.split("/")
        last = parts[-2] if len(parts) > 1 and _VERSION.match(parts[-1]) else parts[-1]
        name = "*" if alias == "." else ""
        found.append((path, name, "" if alias in (".", "_") else alias or _GO_AFFIX.sub("", last)))
    return found


def rust(text: str) -> list[Imported]:
    """Use trees, flattened without recursion."""
    text = re.sub(r"^(?:pub(?:\([^)]*\))?\s+)?use\s+", "", _COMMENT.sub("", text).strip()).rstrip("; \n")
    found: list[Imported] = []
    todo = [("", text)]
    while todo and len(found) < 1000:
        prefix, tree = todo.pop()
        tree = tree.strip()
        opening = tree.find("{")
        if opening >= 0 and tree.endswith("}"):
            path = prefix + tree[:opening]
            todo.extend((path, branch) for branch in reversed(_branches(tree[opening + 1 : -1])))
            continue
        path, *alias = _AS.split(prefix + tree)
        module, _, name = path.rpartition("::")
        if name == "self":
            outer, _, last = module.rpartition("::")
            found.append((outer, last, alias[0] if alias else last))
        elif name:
            found.append((module, name, alias[0] if alias else "" if name == "*" else name))
    return found


def _branches(text: str) -> list[str]:
    """``a, b::{c, d}`` at the commas outside braces."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [part for part in [*parts, text[start:]] if part.strip()]


def dotted(text: str) -> list[Imported]:
    """``import [static] a.b.C [as D]`` of Java, Kotlin, Groovy, Haxe and their like."""
    path = re.sub(r"^\s*(?:import|using)\s+(?:static\s+)?", "", text).strip().rstrip(";").strip()
    if path.startswith("module "):
        return [(path.removeprefix("module ").strip(), "*", "")]
    path, *alias = _AS.split(path)
    module, _, name = path.strip().rpartition(".")
    if name in ("*", "_"):
        return [(module, "*", "")]
    return [(module, name, alias[0].strip() if alias else name)] if name else []


def scala(text: str) -> list[Imported]:
    found: list[Imported] = []
    for part in _branches(re.sub(r"^\s*import\s+", "", text)):
        part = part.strip()
        if not part.endswith("}"):
            found += dotted(part.replace("._", ".*"))
            continue
        path, _, names = part[:-1].partition("{")
        module = path.strip().rstrip(".")
        for name, alias in _pairs(names.replace("=>", " as ")):
            plain = "*" if name in ("_", "*", "given") else name
            found.append((module, plain, "" if plain == "*" else alias))
    return found


def csharp(text: str) -> list[Imported]:
    path = re.sub(r"^\s*(?:global\s+)?using\s+(?:static\s+)?", "", text).strip().rstrip(";").strip()
    alias, equals, target = path.partition("=")
    if not equals:
        return [(path, "*", "")] if path else []
    module, _, name = target.strip().rpartition(".")
    return [(module, name, alias.strip())]


def php(text: str) -> list[Imported]:
    quoted = _QUOTED.findall(text)
    if re.match(r"\s*(?:require|include)", text):
        return [(quoted[-1].lstrip("/"), "", "")] if quoted else []
    body = re.sub(r"^\s*use\s+(?:function\s+|const\s+)?", "", text).strip().rstrip(";").strip()
    found: list[Imported] = []
    for part in _branches(body):
        path, brace, names = part.strip().partition("{")
        for name, alias in _pairs(names.rstrip("} \n") if brace else path):
            full = (path + name if brace else name).strip("\\ ")
            module, _, last = full.rpartition("\\")
            found.append((module, last, last if alias == name else alias))
    return found


_PERL_USE = expression(
    r"use\s+(?P<module>[\w:]+)\s*(?:v?[\d._]+(?=[\s;]))?\s*(?P<list>.*?);?\s*$", re.DOTALL
)


def perl(text: str) -> list[Imported]:
    """``use A::B qw(c d)``, ``use parent 'A::B'`` and ``require``; what begins with a small letter is a pragma."""
    if text.startswith("require"):
        return [(text.removeprefix("require").strip(" \"';"), "", "")]
    used = _PERL_USE.match(text)
    if used is None:
        return []
    module, given = used["module"], used["list"].strip()
    names = re.findall(r"(?<![\w:&-])&?([A-Za-z_][\w:]*)", re.sub(r"\bqw\b|-\w+", " ", given))
    if module in ("parent", "base"):
        return [(name, "", "") for name in names]
    if module[:1].islower() and "::" not in module:
        return []
    if given in ("()", "qw()"):
        return [(module, "", "")]
    return [(module, name, name) for name in names] or [(module, "*", "")]


def quoted(text: str) -> list[Imported]:
    """``require "x"`` of Ruby, ``source x`` of shells and others that name a file only."""
    names = _QUOTED.findall(text)
    relative = "./" if text.lstrip().startswith("require_relative") and names else ""
    if names:
        return [(relative + names[0], "", "")]
    words = text.split()
    return [(words[1].strip("();"), "", "")] if len(words) > 1 else []


def lua(text: str) -> list[Imported]:
    """``x = require "a"``, and ``f = x.f``, which is one where ``x`` is a module."""
    if (taken := _TAKEN.fullmatch(text)) is not None:
        return [(f"{OF_ALIAS}{taken['alias']}", taken["name"], taken["own"])]
    names = _QUOTED.findall(text)
    bound = _BINDING.match(text)
    return [(names[0], "", bound[1] if bound else "")] if names else []


def include(text: str) -> list[Imported]:
    """``#include`` brings everything in; ``using a::b`` one name, ``using namespace a`` all of a namespace."""
    match = re.match(r"\s*#\s*(?:include|import)\s*[<\"]([^>\"\n]+)[>\"]", text)
    if match is not None:
        return [(match[1], "*", "")]
    used = re.match(r"\s*using\s+(?:(namespace)\s+|typename\s+)?([\w:]+)\s*;", text)
    if used is None:
        return []
    if used[1]:
        return [(used[2].removeprefix("::"), OPENED, "")]
    module, _, name = used[2].rpartition("::")
    return [(module, name, name)]


def module(text: str) -> list[Imported]:
    """``import A`` of Swift, Haskell and others that open a whole module."""
    words = re.sub(r"^\s*(?:@\w+\s+)?(?:import|open|using|use|with|uses)\s+", "", text).strip()
    words = re.sub(r"^(?:qualified|struct|class|enum|protocol|func|typealias|let|var)\s+", "", words)
    match = re.match(r"([\w.:/]+)(?:.*?\bas\s+(\w+))?", words)
    if match is None:
        return []
    return [(match[1], "", match[2])] if match[2] else [(match[1], "*", "")]


def elixir(text: str) -> list[Imported]:
    match = re.match(r"(alias|import|use|require)\s*\(?\s*([\w.]*\w)(?:\.\{([^}]*)\})?", text)
    if match is None:
        return []
    path, renamed = match[2].rstrip("."), re.search(r"\bas:\s*([\w.]+)", text)
    if match[3]:
        names = [name.strip() for name in match[3].split(",") if name.strip()]
        return [(path, name, name.rpartition(".")[2]) for name in names]
    if match[1] != "alias":
        return [(path, "*" if match[1] in ("import", "use") else "", renamed[1] if renamed else "")]
    outer, _, last = path.rpartition(".")
    return [(outer, last, renamed[1] if renamed else last)]


def dart(text: str) -> list[Imported]:
    names = _QUOTED.findall(text)
    if not names:
        return []
    shown = re.search(r"\bshow\s+([\w\s,]+)", text)
    if shown is not None:
        return [(names[0], name, alias) for name, alias in _pairs(shown[1])]
    renamed = re.search(r"\bas\s+(\w+)", text)
    return [(names[0], "", renamed[1])] if renamed else [(names[0], "*", "")]


def called(text: str) -> list[Imported]:
    """``library(x)`` of R."""
    match = re.match(r"\w+\(\s*[\"']?([\w./-]+)", text)
    return [(match[1], "*", "")] if match else []
