"""Which rows are this tree's? Makes them on first sight, and knows a second checkout when it sees one."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.index import views
from sophia_mcp.index.disk.git import (
    Checkout,
    Unreadable,
    checkout_above,
    find_commit,
    is_bare,
    open_checkout,
    origin,
)
from sophia_mcp.index.views import View
from sophia_mcp.index.write import next_ids
from sophia_mcp.security.text import call_of
from sophia_mcp.store.database import Database, Transaction
from sophia_mcp.types import Scope


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a folder says about itself. ``commit`` is that of the ref asked for."""

    kind: str
    origin: str
    identities: tuple[str, ...]
    commit: str
    detection: str
    reason: str


def look(root: Path, ref: str = "") -> Sighting:
    """Look at a folder. Raises BadArgument when it is none, NotFound when it has no such ref."""
    if not os.path.isdir(root):
        raise BadArgument(f"{root} is not a folder", next="give the folder of a repository")
    try:
        checkout = open_checkout(root)
        if checkout is not None:
            commit = _commit(checkout, ref)
            return Sighting("git", origin(checkout.repository), checkout.identities(), commit, "git", "")
        if is_bare(root):
            tree = root.with_name(f"{root.name.removesuffix('.git')}-worktree")
            made = shlex.join(
                ["git", "-C", str(root), "worktree", "add", str(tree), *filter(None, [ref])]
            )
            raise BadArgument(
                f"{root} is a bare git repository",
                why="it has no working tree, and a branch, tag or commit is read beside one",
                next=f"clone it, or add a worktree and give that folder: {made}",
            )
        reason = "no git repository"
    except Unreadable as problem:
        reason = str(problem)
    if ref:
        around = checkout_above(root)
        if around is None:
            why, following = f"git cannot be asked: {reason}", "leave out the ref"
        else:
            top = around.above()[-1]
            why = f"only the whole of a repository is read at a ref, and it is a folder of {top}"
            following = call_of("index_repo", path=f"{top}@{ref}")
        raise NotFound(f"no {ref!r} in {root}", why=why, next=following)
    return Sighting("folder", "", (), "", "walk", reason)


def _commit(checkout: Checkout, ref: str) -> str:
    if not ref:
        return checkout.head()[0]
    try:
        return find_commit(checkout.repository, ref)
    except KeyError as problem:
        shallow = checkout.repository.is_shallow
        raise NotFound(
            f"no branch, tag or commit {ref!r} in {checkout.root}",
            why="git does not know it"
            + (", and this clone is shallow: it has the newest commits alone" * shallow),
            next="fetch the others with `git fetch --unshallow`"
            if shallow
            else "give a branch, a tag or a commit id that `git rev-parse` knows",
        ) from problem


async def register(
    db: Database,
    root: Path,
    ref: str,
    scope: Scope,
    *,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    trusted: bool,
    watch: bool = False,
) -> View:
    """The view of a folder (and ref), made when it is new; worktrees and clones share a repository.

    ``include`` and ``exclude`` of None keep what was chosen before; empty ones, also blank globs, undo it.
    """
    sighting = await anyio.to_thread.run_sync(look, root, ref)
    async with db.write(scope) as tx:
        repo = await _repo(tx, root, sighting, trusted)
        await _choose(tx, repo, include, exclude, trusted, watch)
        for identity in sighting.identities:
            await tx.run(
                "INSERT INTO identities (workspace, identity, repo_id) VALUES (:workspace, :identity, :repo)"
                " ON CONFLICT (workspace, identity) DO NOTHING",
                {"identity": identity, "repo": repo},
            )
        view = await _view(tx, repo, root, ref, sighting)
        found = await views.load(tx, view)
    assert found is not None
    return found


async def _repo(tx: Transaction, root: Path, sighting: Sighting, trusted: bool) -> int:
    rows = await tx.rows(
        "SELECT repo_id FROM views WHERE workspace = :workspace AND root = :root", {"root": str(root)}
    )
    if not rows:
        for identity in sighting.identities:
            rows = await tx.rows(
                "SELECT repo_id FROM identities WHERE workspace = :workspace AND identity = :identity",
                {"identity": identity},
            )
            if rows:
                break
    if rows:
        await tx.run(
            "UPDATE repos SET kind = :kind, used_ns = :now WHERE id = :id",
            {"id": rows[0][0], "kind": sighting.kind, "now": time.time_ns()},
        )
        return int(rows[0][0])
    taken = [name for (name,) in await tx.rows(_TAKEN)]
    repo = await next_ids(tx, "repos", 1)
    await tx.run(
        "INSERT INTO repos (id, workspace, name, root, kind, origin, include, exclude, watch, trusted, generation,"
        " thinned, used_ns, created_ns) VALUES (:id, :workspace, :name, :root, :kind, :origin, '[]', '[]', 0, :trusted,"
        " 0, 0, :now, :now)",
        {
            "id": repo,
            "name": views.free_name(root, taken),
            "root": str(root),
            "kind": sighting.kind,
            "origin": sighting.origin,
            "trusted": int(trusted),
            "now": time.time_ns(),
        },
    )
    return repo


_TAKEN = "SELECT name FROM repos WHERE workspace = :workspace UNION SELECT name FROM views WHERE workspace = :workspace"


async def _choose(
    tx: Transaction,
    repo: int,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    trusted: bool,
    watch: bool,
) -> None:
    for column, value in (("include", include), ("exclude", exclude)):
        if value is not None:
            await tx.run(
                f"UPDATE repos SET {column} = :value WHERE id = :id",  # noqa: S608
                {"id": repo, "value": json.dumps([glob for glob in value if glob.strip()])},
            )
    if trusted:
        await tx.run("UPDATE repos SET trusted = 1 WHERE id = :id", {"id": repo})
    if watch:
        await tx.run("UPDATE repos SET watch = 1 WHERE id = :id", {"id": repo})


async def _view(tx: Transaction, repo: int, root: Path, ref: str, sighting: Sighting) -> int:
    rows = await tx.rows(
        "SELECT id FROM views WHERE repo_id = :repo AND root = :root AND ref = :ref",
        {"repo": repo, "root": str(root), "ref": ref},
    )
    if rows:
        return int(rows[0][0])
    view = await next_ids(tx, "views", 1)
    await tx.run(
        "INSERT INTO views (id, workspace, repo_id, name, root, ref, commit_id, branch, detection, reason, state,"
        " stage, generation, thinned, files_total, chunker, model, seconds, reconciled_ns, used_ns) VALUES (:id,"
        " :workspace, :repo, :name, :root, :ref, :commit, '', :detection, :reason, 'indexing', 'files', 0, 0, 0, '', '',"
        " 0, :now, :now)",
        {
            "id": view,
            "repo": repo,
            "name": await _name(tx, repo, root, ref),
            "root": str(root),
            "ref": ref,
            "commit": sighting.commit,
            "detection": sighting.detection,
            "reason": sighting.reason if sighting.detection == "walk" else "",
            "now": time.time_ns(),
        },
    )
    return view


async def _name(tx: Transaction, repo: int, root: Path, ref: str) -> str:
    """The repository's own name for its first tree, else one that no other view has."""
    taken = {name for (name,) in await tx.rows("SELECT name FROM views WHERE workspace = :workspace")}
    if ref:
        rows = await tx.rows(
            "SELECT name FROM views WHERE repo_id = :repo AND root = :root AND ref = ''",
            {"repo": repo, "root": str(root)},
        ) or await tx.rows("SELECT name FROM repos WHERE id = :repo", {"repo": repo})
        wanted = f"{rows[0][0]}@{ref}"
        return wanted if wanted not in taken else f"{wanted}#{len(taken)}"
    [(name, first_root)] = await tx.rows("SELECT name, root FROM repos WHERE id = :repo", {"repo": repo})
    if first_root == str(root) and name not in taken:
        return str(name)
    others = await tx.rows(
        "SELECT name FROM repos WHERE workspace = :workspace AND id <> :repo", {"repo": repo}
    )
    return views.free_name(root, [*taken, *(other for (other,) in others)])
