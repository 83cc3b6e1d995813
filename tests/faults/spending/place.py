"""A person whose providers are stand-ins that bill, for as many processes as a test starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.upstream.start import Account, prices_toml

TOP = Path(__file__).parents[3]


@dataclass(frozen=True)
class Place:
    """One person's data, configuration and prices, for several processes."""

    folder: Path
    account: Account

    def prepare(self, gateway: str) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "prices.toml").write_text(prices_toml(), encoding="utf-8")
        vendors = {"oai": "openai", "claude": "anthropic", "goo": "google"}
        targets = "".join(
            f'[llm.portkey.targets.{slug}]\nprovider = "{vendor}"\nkey = "env:STAND_IN_KEY"\n'
            f'custom_host = "{self.account.root if vendor == "google" else self.account.url}"\n'
            for slug, vendor in vendors.items()
        )
        (self.folder / "config.toml").write_text(
            f'[cost]\nprices = "{self.folder / "prices.toml"}"\n'
            "[llm]\nconcurrency = 256\ncache = false\n"
            f'[llm.openai]\nbase_url = "{self.account.url}"\nkey = "env:STAND_IN_KEY"\n'
            'vendor = "openai"\nstandard = "stand-in-small"\n'
            f'[llm.portkey]\nbase_url = "{gateway}/v1"\nstandard = "@oai/stand-in-small"\n{targets}',
            encoding="utf-8",
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A process over this data."""
        variables = {
            **os.environ,
            "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'src'}",
            "SOPHIA_HOME": str(self.folder / "data"),
            "SOPHIA_CONFIG": str(self.folder / "config.toml"),
            "STAND_IN_KEY": self.account.key,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.spending.spender", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=variables,
        )

    def finish(self, child: subprocess.Popen[str]) -> list[dict[str, Any]]:
        """What a process said until it ended well."""
        out, errors = child.communicate(timeout=3000)
        assert child.returncode == 0, errors[-3000:]
        return [json.loads(line) for line in out.splitlines()]

    def audit(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Every entry of the ledger, and what was still held."""
        *entries, closing = self.finish(self.start("audit"))
        return entries, closing
