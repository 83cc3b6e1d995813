"""What can be said about a view: how far it is, what it holds, what it left out?"""

from __future__ import annotations

from sophia_mcp.index.views import View
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Coverage, IndexReport, Skipped


async def describe(
    tx: Transaction, view: View, *, changed: int = 0, removed: int = 0, notes: tuple[str, ...] = ()
) -> IndexReport:
    """The report of a view as it stands. ``changed`` and ``removed`` are those of the last run."""
    languages = await tx.rows(
        "SELECT COALESCE(NULLIF(b.language, ''), 'text'), COUNT(*), SUM(p.chunks)"
        " FROM members m JOIN placements p ON p.id = m.placement_id"
        " JOIN blobs b ON b.id = p.blob_id WHERE m.view_id = :view GROUP BY 1 ORDER BY 2 DESC, 1",
        {"view": view.id},
    )
    symbols = await tx.rows(
        "SELECT COUNT(*) FROM members m JOIN placements p ON p.id = m.placement_id"
        " JOIN symbols s ON s.blob_id = p.blob_id WHERE m.view_id = :view",
        {"view": view.id},
    )
    fallback = await tx.rows(
        "SELECT COUNT(*) FROM members m JOIN placements p ON p.id = m.placement_id JOIN blobs b ON b.id = p.blob_id"
        " WHERE m.view_id = :view AND b.fallback <> ''",
        {"view": view.id},
    )
    indexed = sum(int(count) for _, count, _ in languages)
    read_and_left_out = await tx.rows(
        "SELECT COUNT(*) FROM skips WHERE view_id = :view AND ctime_ns <> 0", {"view": view.id}
    )
    return IndexReport(
        repo=view.label,
        root=view.root,
        state=view.state,
        reason=view.reason if view.state == "failed" else "",
        commit=view.commit,
        branch=view.branch,
        files_total=max(view.files_total - int(read_and_left_out[0][0]), indexed),
        files_indexed=indexed,
        files_changed=changed,
        files_removed=removed,
        skipped=await skipped(tx, view),
        chunks=sum(int(chunks or 0) for _, _, chunks in languages),
        symbols=int(symbols[0][0]),
        languages=tuple((str(language), int(count)) for language, count, _ in languages),
        seconds=round(view.seconds, 3),
        notes=(*notes, *_notes(view, int(fallback[0][0]))),
    )


async def skipped(tx: Transaction, view: View) -> tuple[Skipped, ...]:
    """How many files and folders a view leaves out for each reason, the most frequent first."""
    rows = await tx.rows(
        "SELECT reason, COUNT(*) FROM skips WHERE view_id = :view GROUP BY reason ORDER BY 2 DESC, 1",
        {"view": view.id},
    )
    return tuple(Skipped(str(reason), int(count)) for reason, count in rows)


async def skips(
    tx: Transaction, view: View, reason: str = "", limit: int = 1000
) -> list[tuple[str, str]]:
    """(path, reason) of what a view leaves out, in the order of paths."""
    rows = await tx.rows(
        "SELECT path, reason FROM skips WHERE view_id = :view AND (:reason = '' OR reason = :reason)"
        " ORDER BY path LIMIT :limit",
        {"view": view.id, "reason": reason, "limit": limit},
    )
    return [(str(path), str(why)) for path, why in rows]


def coverage(view: View, files_indexed: int, stale_files: int, age_s: float) -> Coverage:
    """What share of the tree an answer stands on."""
    return Coverage(
        view.state, view.commit, files_indexed, max(view.files_total, files_indexed), stale_files, age_s
    )


def _notes(view: View, fallback: int) -> tuple[str, ...]:
    notes = []
    if view.on_disk and view.detection == "walk" and view.state != "failed":  # then that is the reason
        notes.append(f"changes are found by size, time and hash: {view.reason or 'no git repository'}")
    if fallback:
        were = "was" if fallback == 1 else "were"
        notes.append(f"{counted(fallback, 'file')} {were} cut by lines, not by syntax")
    if view.state == "ready" and view.stage != "done":
        notes.append("searchable; substring search is still being prepared")
    return tuple(notes)
