"""Which repository does a memory belong to, and does a clone or worktree of it find the same ones?

A repository is known by what its checkouts share: git folder, first commit, remote. A folder without
git is known by its place. All of a repository's names lead to one space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sophia_mcp.index.disk.git import Unreadable, open_checkout
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import MemoryScope


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository as seen now. ``root`` is None where its folder is not open to this caller."""

    name: str
    identities: tuple[str, ...]
    root: Path | None


@dataclass(frozen=True, slots=True)
class Space:
    """Where memories of one scope live: ``repo``'s spaces are one for each repository."""

    id: int
    scope: MemoryScope
    name: str
    root: str
    changed: int


def see(root: Path, name: str = "") -> Repo:
    """The repository in a folder. Reads git's files, runs nothing."""
    try:
        checkout = open_checkout(root)
        shared = checkout.identities() if checkout is not None else ()
    except Unreadable:
        shared = ()
    return Repo(name or root.name or "root", (*shared, f"dir:{root}"), root)


async def spaces(tx: Transaction) -> list[Space]:
    """Every space of the workspace."""
    rows = await tx.rows(
        "SELECT id, scope, name, root, changed FROM memory_spaces WHERE workspace = :workspace ORDER BY id"
    )
    return [Space(*row) for row in rows]


async def find(tx: Transaction, scope: MemoryScope, repo: Repo | None) -> Space | None:
    """The space of a scope (and repository), if anything was ever remembered there."""
    for identity in _identities(scope, repo):
        rows = await tx.rows(
            "SELECT s.id, s.scope, s.name, s.root, s.changed FROM memory_homes h"
            " JOIN memory_spaces s ON s.id = h.space"
            " WHERE h.workspace = :workspace AND h.identity = :identity",
            {"identity": identity},
        )
        if rows:
            return Space(*rows[0])
    return None


async def settle(tx: Transaction, scope: MemoryScope, repo: Repo | None) -> Space:
    """The same, made when it is new. Every name of the repository leads there from now on."""
    space = await find(tx, scope, repo)
    if scope != "repo":
        repo = None
    root = str(repo.root) if repo is not None and repo.root is not None else ""
    if space is None:
        [(number,)] = await tx.rows("SELECT coalesce(max(id), 0) + 1 FROM memory_spaces")
        space = Space(int(number), scope, repo.name if repo is not None else "", root, 0)
        await tx.run(
            "INSERT INTO memory_spaces (id, workspace, scope, name, root, changed)"
            " VALUES (:id, :workspace, :scope, :name, :root, 0)",
            {"id": space.id, "scope": scope, "name": space.name, "root": root},
        )
    elif root and root != space.root:
        await tx.run(
            "UPDATE memory_spaces SET root = :root WHERE id = :id AND workspace = :workspace",
            {"root": root, "id": space.id},
        )
    for identity in _identities(scope, repo):
        await tx.run(
            "INSERT INTO memory_homes (workspace, identity, space) VALUES (:workspace, :identity, :space)"
            " ON CONFLICT (workspace, identity) DO NOTHING",
            {"identity": identity, "space": space.id},
        )
    return space


def _identities(scope: MemoryScope, repo: Repo | None) -> tuple[str, ...]:
    if scope != "repo":
        return (f"scope:{scope}",)
    return repo.identities if repo is not None else ()
