"""Where each assistant keeps its MCP servers and its rules, and how an entry of ours looks there.

One record a client; `sophia init` is the only user. The shapes follow the clients' documentation;
none of the clients itself was run (docs/run/platforms.md).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "sophia"

RULE = """\
Use Sophia's tools to find code before grep, glob or reading files:

- `search_code(query)` finds code by meaning, identifier, regular expression, error text or stack trace.
  `mode="callers"` lists who calls a function, `mode="outline"` maps a file, folder or repository,
  `scope="changed"` looks only at uncommitted work and the branch.
- Read the spans it returns; ask `search_code("path:10-80", detail="full")` for more lines of a file.
- A first note that begins with `not here:` means the repository does not have it.
- `index_repo(path)` brings another folder into the index or reports its state.
"""


@dataclass(frozen=True, slots=True)
class Client:
    """One assistant.

    ``config(project)`` is the file that lists servers, ``keys`` the path of objects to ours in it,
    ``entry(command, arguments)`` the value written there, ``rule(project)`` the file that holds the
    rule (None: it has none), ``owned`` whether that file is only ours or a marked block in a shared
    one, ``signs(project)`` the places that show the client is in use.
    """

    title: str
    config: Callable[[Path], Path]
    keys: tuple[str, ...]
    entry: Callable[[str, list[str]], dict[str, Any]]
    rule: Callable[[Path], Path] | None
    owned: bool
    signs: Callable[[Path], tuple[Path, ...]]
    toml: bool = False


def _application_folder(name: str) -> Path:
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / name
    if sys.platform == "win32":
        return home / "AppData" / "Roaming" / name
    return home / ".config" / name


def _cline(_: Path) -> Path:
    return (
        _application_folder("Code")
        / "User/globalStorage/saoudrizwan.claude-dev/settings"
        / "cline_mcp_settings.json"
    )


def _plain(command: str, arguments: list[str]) -> dict[str, Any]:
    return {"command": command, "args": arguments}


def _stdio(command: str, arguments: list[str]) -> dict[str, Any]:
    return {"type": "stdio", "command": command, "args": arguments}


def _cline_entry(command: str, arguments: list[str]) -> dict[str, Any]:
    # Seconds; the default of 60 would cut a first answer on a slow disk.
    return {
        **_plain(command, arguments),
        "disabled": False,
        "autoApprove": ["search_code"],
        "timeout": 300,
    }


def _roo_entry(command: str, arguments: list[str]) -> dict[str, Any]:
    return {**_plain(command, arguments), "alwaysAllow": ["search_code"], "timeout": 300}


def _zed_entry(command: str, arguments: list[str]) -> dict[str, Any]:
    return {"source": "custom", **_plain(command, arguments), "env": {}}


CLIENTS: dict[str, Client] = {
    "claude-code": Client(
        "Claude Code",
        lambda project: project / ".mcp.json",
        ("mcpServers", NAME),
        _stdio,
        lambda project: project / "CLAUDE.md",
        owned=False,
        signs=lambda project: (
            project / ".mcp.json",
            project / "CLAUDE.md",
            project / ".claude",
            Path.home() / ".claude",
        ),
    ),
    "claude-desktop": Client(
        "Claude Desktop",
        lambda _: _application_folder("Claude") / "claude_desktop_config.json",
        ("mcpServers", NAME),
        _plain,
        None,
        owned=False,
        signs=lambda _: (_application_folder("Claude"),),
    ),
    "cline": Client(
        "Cline",
        _cline,
        ("mcpServers", NAME),
        _cline_entry,
        lambda project: project / ".clinerules" / "sophia.md",
        owned=True,
        signs=lambda project: (project / ".clinerules", _cline(project).parent),
    ),
    "roo": Client(
        "Roo Code",
        lambda project: project / ".roo" / "mcp.json",
        ("mcpServers", NAME),
        _roo_entry,
        lambda project: project / ".roo" / "rules" / "sophia.md",
        owned=True,
        signs=lambda project: (project / ".roo",),
    ),
    "cursor": Client(
        "Cursor",
        lambda project: project / ".cursor" / "mcp.json",
        ("mcpServers", NAME),
        _plain,
        lambda project: project / ".cursor" / "rules" / "sophia.mdc",
        owned=True,
        signs=lambda project: (project / ".cursor", Path.home() / ".cursor"),
    ),
    "vscode": Client(
        "VS Code",
        lambda project: project / ".vscode" / "mcp.json",
        ("servers", NAME),
        _stdio,
        lambda project: project / ".github" / "instructions" / "sophia.instructions.md",
        owned=True,
        signs=lambda project: (project / ".vscode", _application_folder("Code")),
    ),
    "codex": Client(
        "Codex",
        lambda _: Path.home() / ".codex" / "config.toml",
        ("mcp_servers", NAME),
        _plain,
        lambda project: project / "AGENTS.md",
        owned=False,
        signs=lambda _: (Path.home() / ".codex",),
        toml=True,
    ),
    "zed": Client(
        "Zed",
        lambda _: _application_folder("zed") / "settings.json",
        ("context_servers", NAME),
        _zed_entry,
        lambda project: project / ".rules",
        owned=False,
        signs=lambda project: (project / ".zed", _application_folder("zed")),
    ),
}


def project_bound(client: Client, project: Path) -> bool:
    """Whether the client's file belongs to one project (then no root has to be named in it)."""
    return client.config(project).is_relative_to(project)
