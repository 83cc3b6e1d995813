"""The commands of `sophia`, one file each: the file name is the command, ``COMMAND`` its click command.

A command parses, calls the library and prints; it imports what it needs inside its function, so that
`sophia --help` stays instant.
"""

from __future__ import annotations

import click

from sophia_mcp.registry import Folder

COMMANDS: Folder[click.Command] = Folder(__name__, "COMMAND", click.Command, group="sophia_mcp.commands")
