"""`sophia cost`: what models cost, what may be spent, and prices."""

from __future__ import annotations

import click

from sophia_mcp.cli.costs import COSTS


class Costs(click.Group):
    """A group whose members are the files of `cli/costs`, imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name.rstrip("_") for name in COSTS.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return COSTS.load(cmd_name if cmd_name in COSTS.names() else f"{cmd_name}_")


@click.group("cost", cls=Costs)
def COMMAND() -> None:
    """Report what models cost, set budgets, import what other assistants spent.

    Example: sophia cost report --since -30d --by model
    """
