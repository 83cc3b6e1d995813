"""Which command does a person type where an assistant would call a tool?

What is said below both doors names the assistant's next call, often in the middle of a sentence; here it
names a command. A call is read as it is written, argument by argument, so whatever it is given arrives.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from sophia_mcp.security.paths import of_home

_VALUE = (
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>|[^\s,()"'\[\]{}<>]+)"""
)
_ARGUMENT = re.compile(rf"(?:(\w+)=)?({_VALUE})")
_SAID = (
    (r"\bmax_cost_usd\b", "--max-cost"),
    (r"\bdebate_rounds\b", "--debate"),
    (r"\baction=[\"']estimate[\"']", "--estimate"),
    (r"\bgroup_by\b", "--by"),
    (r"\bfilters(?= names\b)", "--only"),
    (r"\bpattern=(?=[\"'])", ""),
    (r"\bsend the same call with\b", "run it again with"),
    (r"\bsophia://repos\b", "`sophia repos`"),
)
_OPTIONS = {
    "paths": "path",
    "languages": "lang",
    "kinds": "kind",
    "group_by": "by",
    "filters": "only",
    "max_cost_usd": "max-cost",
    "debate_rounds": "debate",
}
"""Arguments whose options have another name."""


def commands(text: str) -> str:
    """The text with the commands of this program in place of calls of its tools, and with options in
    place of their arguments' names. What stands in quotes is somebody's own words, and stays."""
    worded, at = [], 0
    for found in _SPOKEN.finditer(text):
        worded += [_options(text[at : found.start()]), _option(found) or _command(found)]
        at = found.end()
    return "".join([*worded, _options(text[at:])])


def calls(text: str) -> str:
    """The same for calls alone, in a text that names somebody's code, where a word is just that."""
    return _CALLS.sub(_command, text)


def _options(text: str) -> str:
    for said, typed in _SAID:
        text = re.sub(said, typed, text)
    return text


def _option(found: re.Match[str]) -> str:
    """An argument that is named by itself, with its value, as an option; else empty."""
    return _typed("", _given(found["alone"])).strip() if found["alone"] else ""


def _command(found: re.Match[str]) -> str:
    if found["tool"] is None:
        return found[0]
    return ("run " if found["verb"] else "") + _TYPED[found["tool"]](_given(found["given"]))


def _given(written: str) -> dict[str, Any]:
    """The arguments of a call; the one without a name is the query. What stands for a value the reader
    fills in, such as ``<folder>``, stays as it is."""
    return {name or "query": _value(value) for name, value in _ARGUMENT.findall(written)}


def _value(written: str) -> Any:
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return written


def _typed(command: str, given: Mapping[str, Any], *plain: str) -> str:
    """A command with these arguments as they are, and all others as options."""
    words = [command, *(_quoted(given[name]) for name in plain if name in given)]
    for name, value in given.items():
        if name in plain:
            continue
        option = "--" + _OPTIONS.get(name, name).replace("_", "-")
        pairs = value.items() if isinstance(value, dict) else ()
        several = [f"{key}={each}" for key, each in pairs] or (
            value if isinstance(value, list) else [value]
        )
        words += [f"{option} {_quoted(each)}" for each in several]
    return " ".join(words)


def _quoted(value: Any) -> str:
    text = str(value)
    return text if text.startswith("<") else shlex.quote(text)


def _index(given: dict[str, Any]) -> str:
    if given.pop("action", "") == "status":
        return "sophia repos"
    from sophia_mcp.index.views import split_ref

    place = str(given.get("path", ""))
    path, ref = split_ref(place)
    if not ref and not os.path.exists(of_home(place)):  # a folder that is no more
        path, _, ref = place.rpartition("@")
    return _typed("sophia index", {"path": path, "ref": ref} if ref and path else given, "path")


def _swarm(given: dict[str, Any]) -> str:
    action = given.pop("action", "run")
    return _typed(f"sophia swarm {action}", given, "pattern", "run_id")


def _run(given: dict[str, Any]) -> str:
    if "run_id" not in given:
        return "sophia swarm list --runs"
    return _typed("sophia debug timeline", {"run_id": given["run_id"]}, "run_id")


def _recall(given: dict[str, Any]) -> str:
    return _typed(f"sophia memory {'search' if 'query' in given else 'list'}", given, "query")


_TYPED: dict[str, Callable[[dict[str, Any]], str]] = {
    "search_code": lambda given: _typed("sophia search", given, "query"),
    "index_repo": _index,
    "run_swarm": _swarm,
    "get_run": _run,
    "cost_report": lambda given: _typed("sophia cost report", given),
    "recall": _recall,
}
_QUOTED = r"""(?<![\w=])(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)"""
_CALL = (
    rf"(?P<verb>\bcall )?\b(?P<tool>{'|'.join(_TYPED)})"
    rf"\((?P<given>(?:(?:\w+=)?{_VALUE}(?:, *(?:\w+=)?{_VALUE})*)?)\)"
)
_ALONE = (
    r"(?P<alone>\b(?:provider|task|paths|diff|scope|since|until|tier|filters|group_by|max_cost_usd"
    rf"|debate_rounds)={_VALUE})"
)
_CALLS = re.compile(f"{_CALL}|{_QUOTED}")
_SPOKEN = re.compile(f"{_CALL}|{_ALONE}|{_QUOTED}")
