"""Why is a place not in the index, and what finds what is there?"""

from __future__ import annotations

from dataclasses import dataclass

from sophia_mcp.index.disk.walk import NESTED, SUBMODULE
from sophia_mcp.search.engine import Question
from sophia_mcp.search.question.call import call
from sophia_mcp.search.view import filters
from sophia_mcp.security.text import call_of, plain_line
from sophia_mcp.store.database import Transaction

_APART = (NESTED, SUBMODULE)
"""Reasons of folders that are not lost: they are indexed by themselves when they are asked for."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that the index leaves out, and the place in it that was meant (empty: itself)."""

    path: str
    reason: str
    within: str

    @property
    def said(self) -> str:
        """In words, for a note."""
        what = "a repository of its own" if self.reason in _APART else self.reason
        return f"{plain_line(self.path)} is left out of the index: {what}"

    def following(self, question: Question, query: str) -> str:
        """The call that looks into it, or says what else is left out."""
        view = question.view
        if self.reason in _APART and view.on_disk:
            root = f"{view.root.rstrip('/')}/{self.path.rstrip('/')}"
            return f"next: {call(question.request, query, repo=root)}"
        return f"next: {call_of('index_repo', path=view.label, action='status')}"


async def find(question: Question, tx: Transaction, written: str) -> Skipped | None:
    """What the index leaves out of this file or folder: itself, or a folder around it. None where it does not."""
    wanted = filters.inside(question.view.root, written).rstrip("/")
    if not wanted:
        return None
    rows = await tx.rows(
        "SELECT path, reason FROM skips WHERE view_id = :view"
        " AND (path = :path OR path = :path || '/' OR substr(path, -length(:tail)) = :tail"
        " OR (substr(path, -1) = '/' AND substr(:path, 1, length(path)) = path))"
        " ORDER BY path <> :path, path LIMIT 1",
        {"view": question.view.id, "path": wanted, "tail": f"/{wanted}"},
    )
    if not rows:
        return None
    path, reason = map(str, rows[0])
    return Skipped(path, reason, wanted[len(path) :] if wanted.startswith(path) else "")
