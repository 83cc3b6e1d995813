"""Which command does a person type where an assistant would call a tool?

Errors are raised below both doors and name the assistant's next call; here they name a command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

_GIVEN = r"=\s*[\"']?([^\"'()]*)[\"']?\)"


def _index(match: re.Match[str]) -> str:
    path, at, ref = match[1].partition("@")
    place = path if path.startswith("<") else shlex.quote(path)
    return f"sophia index {place} --ref {shlex.quote(ref)}" if at else f"sophia index {place}"


_SAID: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"get_run\(\)", "sophia swarm list --runs"),
    (rf"get_run\(run_id{_GIVEN}", r"sophia debug timeline \1"),
    (rf"run_swarm\(action=[\"']resume[\"'], run_id{_GIVEN}", r"sophia swarm resume \1"),
    (rf"index_repo\(path{_GIVEN}", _index),
    (r"index_repo\(\)", "sophia index"),
    (r"recall\(\)", "sophia memory list"),
    (rf"recall\(query{_GIVEN}", r"sophia memory search \1"),
    (r"max_cost_usd", "--max-cost"),
    (r"debate_rounds", "--debate"),
    (r"action=[\"']estimate[\"']", "--estimate"),
    (r"\bcall (?=sophia )", "run "),
    (r"send the same call with", "run it again with"),
)


def commands(text: str) -> str:
    """The text with the commands of this program in place of calls of its tools."""
    for call, command in _SAID:
        text = re.sub(call, command, text)
    return text
