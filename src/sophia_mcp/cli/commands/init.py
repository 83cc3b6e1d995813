"""`sophia init`: writes Sophia into the configuration of the assistants that are used here."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output
from sophia_mcp.errors import BadArgument, ClientConfigError, SophiaError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from sophia_mcp.cli.clients import Client

Edit = Callable[[str], str]

_NAMES = ("claude-code", "claude-desktop", "cline", "roo", "cursor", "vscode", "codex", "zed")
_BEGIN, _END = "<!-- sophia: begin -->", "<!-- sophia: end -->"
_BLOCK = re.compile(rf"\n*{_BEGIN}(?:(?!{_BEGIN}).)*?{_END}\n*", re.DOTALL)
"""A mark that lost its other half is a person's text."""


@click.command("init")
@click.option(
    "--client",
    "clients",
    multiple=True,
    type=click.Choice(_NAMES),
    help="Only this one; repeat for more. Default: all that are found.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The project. Default: the working folder's.",
)
@click.option("--remove", is_flag=True, help="Take out what an earlier init wrote.")
@click.option(
    "--rule/--no-rule",
    default=True,
    help="Also write the rule that tells the assistant when to use which tool.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(clients: tuple[str, ...], root: Path | None, remove: bool, rule: bool, as_json: bool) -> int:
    """Connect the assistants of this project to Sophia, or undo that with --remove.

    Every file that is changed is copied first, to the backups folder of Sophia's home.

    Example: sophia init --client claude-code
    """
    from sophia_mcp.cli.clients import CLIENTS
    from sophia_mcp.security.paths import is_too_wide

    project = _project(root)
    if is_too_wide(project, Path.home()) and not remove:
        raise BadArgument(
            f"{project} is no project",
            why="it is the home folder or above it, which the server refuses",
            next="go to the folder of one project, or name it with --root",
        )
    chosen = clients or tuple(
        name for name in _NAMES if any(sign.exists() for sign in CLIENTS[name].signs(project))
    )
    if not chosen and not remove:
        raise BadArgument(
            "no assistant was found for this project",
            why=f"looked for {', '.join(_NAMES)}",
            next="name one: sophia init --client claude-code",
        )
    done: list[dict[str, Any]] = []
    failures: list[SophiaError] = []
    for name in chosen:  # one file with a fault keeps no other client from its turn
        changes: list[str] = []
        try:
            for change in _changes(CLIENTS[name], project, remove=remove, rule=rule):
                changes += [change] if change else []
        except SophiaError as failure:  # the folder for copies may be at fault, too
            failures.append(failure)
            if not changes:
                continue
        done.append({"client": name, "title": CLIENTS[name].title, "changes": changes})
    if as_json:
        output.machine(
            {"project": str(project), "clients": done, "failed": [str(problem) for problem in failures]}
        )
    else:
        for record in done:
            for line in record["changes"] or ["nothing to change"]:
                output.show(f"{record['title']}: {line}")
        if not chosen:
            output.show("nothing to remove: no assistant was found for this project")
        if done and not remove:
            output.say("Restart the assistant, then ask it something about this code.")
    for problem in failures:
        output.say(f"error: {problem}")
    return output.FAILED if failures else output.DONE


def _project(root: Path | None) -> Path:
    from sophia_mcp.cli.session import project_folder

    if root is None:
        return project_folder()
    if not root.is_dir():
        raise BadArgument(f"{root} is not a folder", next="give an existing folder with --root")
    return root.resolve()


def _command() -> str:
    """The absolute path of the stdio server: editors started from a desktop have no shell PATH."""
    import shutil
    import sys

    beside = Path(sys.executable).parent / (
        "sophia-mcp.exe" if sys.platform == "win32" else "sophia-mcp"
    )
    found = str(beside) if beside.exists() else shutil.which("sophia-mcp")
    if not found:
        raise ClientConfigError(
            "the program sophia-mcp was not found",
            next="install the package with pip, then run this again",
        )
    return found


def _changes(client: Client, project: Path, *, remove: bool, rule: bool) -> Iterator[str]:
    """Do what was asked for one assistant; each change in words as soon as it is made, empty where there was none
    to make."""
    from sophia_mcp.cli.clients import project_bound

    # A file shared by all projects cannot know which one is open, so the entry names this one.
    arguments = [] if project_bound(client, project) else ["--root", str(project)]
    path = client.config(project)
    before = _read(path, project)
    other = "" if project_bound(client, project) else _other_root(client, before, project)
    if remove and other:
        yield f"left {path} alone: its entry is for {other}"
    else:
        put = partial(_with, client, path=path, arguments=arguments)
        take = partial(_without, client, path=path)
        yield _change(path, before, project, put, take, remove=remove)
    if other and not remove:
        yield f"one entry serves all projects there: it was for {other} and is for this one now"
    if client.rule is not None and rule:
        place = client.rule(project)
        put = partial(_rule, client, path=place, remove=False)
        take = partial(_rule, client, path=place, remove=True)
        yield _change(place, _read(place, project), project, put, take, remove=remove)


def _change(path: Path, text: str, project: Path, put: Edit, take: Edit, *, remove: bool) -> str:
    """Put our part into a file, or take it out: where nothing else has changed since it was put there, by the
    text from before, to the last byte. Says what was done."""
    if not remove:
        return _write(path, text, put(text), project)
    for backup in _backups(path):
        with suppress(ClientConfigError):  # one that can no longer be read helps nobody
            earlier = _read(backup, project)
            if take(earlier) == earlier and put(earlier) == text:
                return _write(path, text, earlier, project)
    without = take(text)
    emptied = "".join(without.split()) in {"", "{}"} and not path.is_symlink()
    return _write(path, text, "" if emptied else without, project, gone=emptied)


def _entry(client: Client, text: str) -> dict[str, Any]:
    """The entry as it stands; empty where there is none, or none that can be read."""
    import json

    from sophia_mcp.cli.jsonc import get_member

    try:
        if client.toml:
            import tomlkit

            found = tomlkit.parse(text).unwrap().get(client.keys[0], {}).get(client.keys[1], {})
        else:
            found = json.loads(get_member(text, client.keys) or "{}")
    except (ClientConfigError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _other_root(client: Client, text: str, project: Path) -> str:
    """The other project that an entry shared by all of them is for, or nothing."""
    given = _entry(client, text).get("args", [])
    try:
        root = str(given[given.index("--root") + 1])
    except (ValueError, IndexError, AttributeError):
        return ""
    return root if Path(root) != project else ""


def _with(client: Client, text: str, path: Path, arguments: list[str]) -> str:
    from sophia_mcp.cli.jsonc import set_member

    entry = client.entry(_command(), arguments)
    held = _entry(client, text)
    if "command" in held:  # what a person added there, an environment or approvals, is theirs
        entry |= {name: value for name, value in held.items() if name not in ("command", "args")}
    try:
        if not client.toml:
            return set_member(text, client.keys, entry)
        import tomlkit

        document = tomlkit.parse(text)
        servers = document.setdefault(client.keys[0], tomlkit.table(is_super_table=True))
        if not isinstance(servers, MutableMapping):
            raise ClientConfigError(f"the member {client.keys[0]!r} is not a table")
        inline = isinstance(servers, tomlkit.items.InlineTable)
        table = tomlkit.inline_table() if inline else tomlkit.table()
        table.update(entry)
        if not inline:
            table.add(tomlkit.nl())
        servers[client.keys[1]] = table
        return _dumped(client, document, text)
    except (ClientConfigError, ValueError) as error:
        raise ClientConfigError(
            f"cannot edit {path}", why=_fault(error), next="mend the file, then run this again"
        ) from error


def _without(client: Client, text: str, path: Path) -> str:
    from sophia_mcp.cli.jsonc import get_member, remove_member

    if not text.strip():
        return text
    try:
        if not client.toml:
            return (
                remove_member(text, client.keys) if get_member(text, client.keys) is not None else text
            )
        import tomlkit

        document = tomlkit.parse(text)
        servers = document.get(client.keys[0])
        if not isinstance(servers, MutableMapping) or client.keys[1] not in servers:
            return text
        servers.pop(client.keys[1])
        if not servers:
            document.pop(client.keys[0])
        return _dumped(client, document, text)
    except (ClientConfigError, ValueError) as error:
        raise ClientConfigError(
            f"cannot edit {path}", why=_fault(error), next="mend the file, then run this again"
        ) from error


def _dumped(client: Client, document: TOMLDocument, before: str) -> str:
    """A document as text. Raises ClientConfigError where more than our entry would read otherwise than ``before``:
    the library puts a table in the midst of dotted keys, whose rest would then be part of it."""
    import tomllib

    import tomlkit

    def others(text: str) -> dict[str, Any]:
        held = tomllib.loads(text)
        held[client.keys[0]] = {**held.get(client.keys[0], {})}
        held[client.keys[0]].pop(client.keys[1], None)
        return held

    after = tomlkit.dumps(document).rstrip() + "\n"
    if others(after) != others(before):
        keys = ".".join(client.keys)
        raise ClientConfigError(f"the tables beside {keys} are written in a way that cannot be kept")
    return after


def _fault(error: Exception) -> str:
    """What is wrong with a file, without what to do about it."""
    if not isinstance(error, ClientConfigError):
        return str(error)
    return f"{error.what}: {error.why}" if error.why else error.what


def _rule(client: Client, text: str, path: Path, *, remove: bool) -> str:
    from sophia_mcp.cli.clients import RULE

    if client.owned:
        head = (
            "---\ndescription: When to use Sophia's tools\nalwaysApply: true\n---\n\n"
            if path.suffix == ".mdc"
            else ""
        )
        if path.name.endswith(".instructions.md"):
            head = '---\napplyTo: "**"\n---\n\n'
        return "" if remove else head + RULE
    outside = _BLOCK.sub(lambda block: "\n" if block.end() == len(text) else "\n\n", text)
    outside = outside.lstrip("\n") if outside.strip() else ""
    if remove:
        return outside
    return f"{outside.rstrip()}\n\n{_BEGIN}\n{RULE}{_END}\n".lstrip("\n")


def _read(path: Path, project: Path) -> str:
    """The text of a file, empty where there is none; with line ends of its own where it has several kinds. A link of
    the project that leads out of it is not followed: whoever wrote the repository chose where to."""
    try:
        if path.is_relative_to(project) and not path.resolve().is_relative_to(project):
            raise ClientConfigError(
                f"cannot edit {path}",
                why=f"it is a link out of the project, to {path.resolve()}",
                next="put a file in place of the link; --no-rule leaves the assistant's rule out",
            )
        if path.exists() and not path.is_file():
            raise ClientConfigError(
                f"cannot read {path}", why="it is not a file", next="move it out of the way"
            )
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        return text.replace("\r\n", "\n") if _ends_in_crlf(raw) else text
    except FileNotFoundError:
        return ""
    except (OSError, RuntimeError, UnicodeDecodeError) as error:  # RuntimeError: links in a circle
        raise ClientConfigError(
            f"cannot read {path}",
            why=getattr(error, "strerror", "") or str(error),
            next="mend the file or its permissions",
        ) from error


def _sweep(folder: Path, project: Path) -> None:
    """Remove the folders that hold nothing any more: by one that is there an assistant is taken to be in use."""
    for each in (folder, *folder.parents):
        if each in (project, Path.home()):
            return
        try:
            each.rmdir()
        except OSError:  # somebody else's files are in it
            return


def _write(path: Path, before: str, after: str, project: Path, *, gone: bool = False) -> str:
    """Put ``after`` in place of ``before`` with one rename, or remove the file that is ``gone``, and with it the
    folders that held nothing else. Says what it did."""
    if after == before:
        return ""
    try:
        kept = _backup(path) if before else None
        if gone:
            path.unlink(missing_ok=True)
            _sweep(path.parent, project)
        else:
            target = path.resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, _encoded(after, target))
    except OSError as error:
        place = f", {error.filename}" if error.filename else ""
        raise ClientConfigError(
            f"cannot write {path}",
            why=f"{error.strerror}{place}",
            next="see that it can be written there",
        ) from error
    return f"{'removed' if gone else 'wrote'} {path}" + (f" (backup: {kept})" if kept else "")


def _replace(target: Path, raw: bytes) -> None:
    """Put these bytes in place of a file, or leave it as it was and nothing beside it."""
    fresh = target.with_name(target.name + ".sophia-new")
    fresh.unlink(missing_ok=True)  # a repository may have put a link there
    try:
        with fresh.open("xb") as written:
            written.write(raw)
        if target.exists():
            fresh.chmod(target.stat().st_mode & 0o777)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _encoded(text: str, target: Path) -> bytes:
    """The text with the byte order mark and the line ends that the file has, where it has but one kind."""
    held = target.read_bytes() if target.exists() else b""
    marked = "utf-8-sig" if held.startswith(BOM_UTF8) else "utf-8"
    return (text.replace("\n", "\r\n") if _ends_in_crlf(held) else text).encode(marked)


def _ends_in_crlf(raw: bytes) -> bool:
    """Whether all lines do."""
    ends = raw.count(b"\r\n")
    return 0 < ends == raw.count(b"\n")


def _backup(path: Path) -> Path:
    import shutil
    import time

    from sophia_mcp.app.stores import make_home
    from sophia_mcp.settings import load

    make_home(load().home)
    folder = _aside(path)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000_000:09}"
    kept = folder / f"{stamp}-{path.name}"
    shutil.copy2(path, kept)
    return kept


def _backups(path: Path) -> list[Path]:
    """What a file was before each change, the latest first."""
    return sorted(_aside(path).glob(f"*-{path.name}"), reverse=True)


def _aside(path: Path) -> Path:
    import hashlib

    from sophia_mcp.settings import load

    name = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return load().home / "backups" / "clients" / name
