"""What is wrong with how a command was written, and what was most likely meant?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches

import click

from sophia_mcp.errors import BadArgument, SophiaError

_NEAR, _ALIKE = 0.6, 0.8
"""How alike a name has to be that is meant in this group, and in one of the groups below it."""


def context_of(error: click.ClickException, top: click.Group, given: Sequence[str]) -> click.Context:
    """The command that was written wrongly: click does not say it where an option lacks its value."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return error.ctx
    context = click.Context(top, info_name="sophia")
    for word in given:
        below = _below(context, word)
        if below is not None:
            context = below
    return context


def explained(error: click.ClickException, context: click.Context, given: Sequence[str]) -> BadArgument:
    """What is wrong, what is nearest to it, and the command that says more."""
    path = context.command_path
    if isinstance(error, click.NoSuchCommand):
        return _no_command(error.command_name, context, given)
    if isinstance(error, click.NoSuchOption):
        return _no_option(error, context, given)
    return BadArgument(error.format_message(), next=f"{path} --help")


def _no_command(name: str, context: click.Context, given: Sequence[str]) -> BadArgument:
    path = context.command_path
    what = f"there is no command {name!r} of {path}"
    if name == "help":
        asked = context
        for word in given[list(given).index(name) + 1 :]:
            asked = _below(asked, word) or asked
        return BadArgument(what, next=f"{asked.command_path} --help")
    near = _near(name, context)
    if not near:
        known = _names(context)
        there = "there are" if len(known) > 1 else "there is only"
        return BadArgument(what, why=f"{there} {', '.join(known)}", next=f"{path} --help")
    meant = [f"{path} {each}" for each in near]
    following = f"{meant[0]} --help" if len(meant) == 1 else f"{path} --help"
    return BadArgument(what, why=f"the nearest: {', '.join(meant)}", next=following)


def _no_option(error: click.NoSuchOption, context: click.Context, given: Sequence[str]) -> BadArgument:
    path, name = context.command_path, error.option_name
    what, following = f"there is no option {name} of {path}", f"{path} --help"
    meant = [below for word in given if (below := _below(context, word)) is not None]
    if any(name in option.opts for below in meant[:1] for option in below.command.params):
        why = f"it stands behind the command: {meant[0].command_path} ... {name}"
        return BadArgument(what, why=why, next=f"{meant[0].command_path} --help")
    if error.possibilities:
        return BadArgument(what, why=f"the nearest: {', '.join(error.possibilities)}", next=following)
    commands = ", ".join(_names(context))
    why = f"options stand behind one of its commands: {commands}" if commands else ""
    return BadArgument(what, why=why, next=following)


def _near(name: str, context: click.Context) -> list[str]:
    """The command of that name in other letters, or those in the groups of this one, else those with one like it,
    here or there."""
    names, wanted = _names(context), name.lower()
    if wanted in names:
        return [wanted]
    groups = [below for each in names if (below := _below(context, each)) is not None]
    inner = [(str(below.info_name), each) for below in groups for each in _names(below)]
    same = [f"{group} {each}" for group, each in inner if each == wanted]
    if found := same or get_close_matches(wanted, names, 1, _NEAR):
        return found
    alike = get_close_matches(wanted, {each for _, each in inner}, 1, _ALIKE)
    return [f"{group} {each}" for group, each in inner if each in alike]


def _names(context: click.Context) -> list[str]:
    """The commands of a group; none of what is no group."""
    group = context.command
    return group.list_commands(context) if isinstance(group, click.Group) else []


def _below(context: click.Context, name: str) -> click.Context | None:
    """A command of a group, or None; what a plug-in adds may be unusable."""
    group = context.command
    with suppress(SophiaError):
        found = group.get_command(context, name) if isinstance(group, click.Group) else None
        return None if found is None else click.Context(found, parent=context, info_name=name)
    return None
