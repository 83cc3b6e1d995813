"""Writes the pages of docs/reference from the code; `--check` fails when one is out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import click

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"


def settings_page() -> str:
    """Every setting with its variable, default and meaning."""
    from msgspec import NODEFAULT, Meta

    from sophia_mcp.sections import Settings, every, is_table
    from sophia_mcp.settings import PROJECT_MAY_SET

    rows = ["| setting | variable | default | meaning |", "|---|---|---|---|"]
    for name, known in every(Settings):
        if is_table(known):
            continue
        usual = known.default_factory() if known.default is NODEFAULT else known.default
        if isinstance(usual, Path):
            default = "platform's data folder"
        else:
            default = "none" if usual is None else json.dumps(usual)
        [described] = [each.description for each in get_args(known.type) if isinstance(each, Meta)]
        variable = f"SOPHIA_{name.replace('.', '__').upper()}"
        rows.append(f"| `{name}` | `{variable}` | {default} | {described} |")
    allowed = ", ".join(f"`{s}.{k}`" for s, keys in PROJECT_MAY_SET.items() for k in sorted(keys))
    return (
        "# Settings\n\nFirst wins: a flag, the environment variable, `.sophia/config.toml` of the project, the user's\n"
        "`config.toml` (or the file `SOPHIA_CONFIG` names), the default. Sections are TOML tables.\n"
        f"A project's file comes with the repository and may set only {allowed}.\n\n"
        + "\n".join(rows)
        + "\n"
    )


def cli_page() -> str:
    """The help of every command, as the terminal shows it."""
    from sophia_mcp.cli.main import sophia

    parts = ["# Command line", "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing found."]
    for names, command in _commands(sophia, ("sophia",)):
        context = click.Context(
            command, info_name=" ".join(names), max_content_width=100, terminal_width=100
        )
        parts.append(f"## {' '.join(names)}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def _commands(
    command: click.Command, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _commands(below, (*names, name))


def errors_page() -> str:
    """Every error by who can act."""
    from sophia_mcp import errors

    rows = ["| code | who can act | class |", "|---|---|---|"]
    for leaf in errors.leaves():
        group = next(kind for kind in leaf.__mro__ if kind.__base__ is errors.SophiaError)
        who = (group.__doc__ or "").partition("\n")[0]
        rows.append(f"| `{leaf.code}` | {who} | `{leaf.__name__}` |")
    return (
        "# Errors\n\nEvery error says what failed, why, and what to do next.\n\n"
        + "\n".join(rows)
        + "\n"
    )


def tools_page() -> str:
    """Every MCP tool with its parameters, as a client sees them."""
    import anyio

    from sophia_mcp.server.reference import published

    parts = ["# MCP tools", "As `tools/list` publishes them."]
    for tool in anyio.run(published):
        rows = ["| parameter | schema |", "|---|---|"]
        for name, schema in tool["inputSchema"].get("properties", {}).items():
            text = ", ".join(f"{key}: {_json(value)}" for key, value in schema.items())
            rows.append(f"| `{name}` | {text.replace('|', ' or ')} |")
        parts.append(f"## {tool['name']}\n\n{tool['description']}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


GENERATED: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "tools.md": tools_page,
}


def main() -> int:
    """Write, or compare with what is there."""
    stale = []
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, make in GENERATED.items():
        text, path = make(), PAGES / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        print(f"docs/reference is out of date: {', '.join(stale)}; run .venv/bin/python scripts/docs.py")
        return 1
    print("docs: " + (f"wrote {', '.join(stale)}" if stale else "up to date"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
