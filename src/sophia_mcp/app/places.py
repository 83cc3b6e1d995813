"""Which folder or view does a name or a path mean, and may it be read?"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sophia_mcp.app import clones
from sophia_mcp.errors import NotFound, OutsideRoots

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.index.views import View
    from sophia_mcp.security.paths import Roots


def chosen(app: App, known: Sequence[View], place: str | None, project: Path | None) -> View:
    """The view inside the roots that a name or path means; a tree around it that may not be read does not
    stand in its way. Raises OutsideRoots, NotFound, NotIndexed."""
    from sophia_mcp.index import views

    if (
        project is not None
        and place in (None, str(project))
        and (mine := _own(known, project)) is not None
    ):
        return mine
    found = views.choose(known, place, project)
    inside = roots(app, known, project)
    try:
        inside.resolve(found.root)
    except OutsideRoots as refused:
        try:
            return views.choose([view for view in known if inside.root_of(view.root)], place, project)
        except NotFound:
            raise _gone(known, found.root, project) or refused from None
    return found


def _gone(known: Sequence[View], root: str, project: Path | None) -> NotFound | None:
    """Says that a folder which might be read is there no more; None for any other."""
    view = next((view for view in known if view.root == root and view.on_disk and view.trusted), None)
    if (view is None and root != str(project)) or os.path.lexists(root):
        return None
    forget = f"; {view.name} is forgotten with: sophia repos --forget {view.name}" if view else ""
    return NotFound(
        f"the folder {root} is gone",
        why="it was moved or deleted",
        next=f"index its new place{forget}",
    )


def folder(app: App, known: Sequence[View], place: str | None, project: Path | None) -> tuple[Path, str]:
    """The folder on disk a place means, a path or the root of a repository's name, and the ref that is asked for with
    it. Raises OutsideRoots, NotFound."""
    from sophia_mcp.index import views

    place, ref = views.split(known, place, project)
    called = [view for view in known if place in (view.name, view.repo)]
    named = min(called, key=lambda view: not view.on_disk, default=None)
    path = views.as_path(place, project) if named is None else Path(named.root)
    try:
        return roots(app, known, project).resolve(path or place), ref
    except OutsideRoots as refused:
        raise _gone(known, str(path), project) or refused from None


def _own(known: Sequence[View], project: Path) -> View | None:
    """The view of the project's own tree: what most questions mean, and inside the roots as it is one of them.
    None where there is none, or where that folder is gone or a link by now."""
    root = str(project)
    try:
        if not stat.S_ISDIR(os.lstat(root).st_mode):
            return None
    except OSError:
        return None
    return next((view for view in known if view.root == root and view.on_disk), None)


def roots(app: App, known: Sequence[View], project: Path | None) -> Roots:
    """What may be read when these views are known."""
    from sophia_mcp.security.paths import Roots

    trusted = [Path(view.root) for view in known if view.trusted and view.root]
    own = [project] if project is not None else []
    return Roots.of(dict.fromkeys([*own, *trusted, clones.home(app)]))  # most are the same folder
