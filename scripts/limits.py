"""Keeps the source small: lengths, methods, contracts, blind excepts, one reader of the environment.

`scripts/limits.toml` lists what is over a limit today; an entry may shrink or go, never grow.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sophia_mcp"
LIMITS = {"file": 500, "function": 80, "class": 15, "contract": 4}
BANNED = {"manager", "service", "helper", "helpers", "util", "utils", "handler", "processor", "info"}
ENVIRONMENT_READER = "settings.py"


def _docstring_lines(node: ast.AST) -> int:
    body = getattr(node, "body", [])
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def _words(name: str) -> set[str]:
    spaced = "".join(f" {c}" if c.isupper() else c for c in name).replace("_", " ")
    return set(spaced.lower().split())


def _measure(path: Path) -> tuple[dict[str, int], list[str], int]:
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(SOURCE).as_posix()
    tree = ast.parse(text)
    sizes = {f"file:{where}": text.count("\n")}
    faults: list[str] = []
    blind = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            sizes[f"function:{where}:{node.name}:{node.lineno}"] = length
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            contract = any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases)
            sizes[f"{'contract' if contract else 'class'}:{where}:{node.name}"] = len(methods)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and _words(node.name) & BANNED
        ):
            faults.append(
                f"{where}:{node.lineno} the name {node.name} says nothing; see docs/design.md, Words"
            )
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name):
            blind += node.type.id in {"Exception", "BaseException"}
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "getenv"}
            and where != ENVIRONMENT_READER
        ):
            faults.append(f"{where}:{node.lineno} reads the environment; only {ENVIRONMENT_READER} may")
    return sizes, faults, blind


def main() -> int:
    """Print every breach; 0 when there is none."""
    allowed = tomllib.loads((ROOT / "scripts" / "limits.toml").read_text(encoding="utf-8"))
    faults: list[str] = []
    blind = lines = 0
    reached = dict.fromkeys(allowed, 0)
    for path in sorted(SOURCE.rglob("*.py")):
        sizes, found, excepts = _measure(path)
        faults += found
        blind += excepts
        for name, size in sizes.items():
            kind, _, rest = name.partition(":")
            lines += size if kind == "file" else 0
            key = f"{kind}:{':'.join(rest.split(':')[:2])}"
            if key in reached:
                reached[key] = max(reached[key], size)
            if size > allowed.get(key, LIMITS[kind]):
                faults.append(f"{name} has {size}, the limit is {allowed.get(key, LIMITS[kind])}")
    faults += [
        f"scripts/limits.toml grants {allowed[key]} to {key}, which has {size}: lower it, or take it out"
        for key, size in reached.items()
        if size < allowed[key]
    ]
    if blind > max(1, lines // 1000):
        faults.append(f"{blind} blind excepts in {lines} lines; at most one in a thousand")
    print("\n".join(faults) or f"limits: {lines} lines, {blind} blind excepts, nothing over a limit")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
