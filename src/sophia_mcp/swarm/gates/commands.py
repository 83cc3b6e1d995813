"""Do the commands a person allowed pass on the changed tree?

They run code that a model wrote, so they are off until somebody lists them. They get a copy of the
files git would see, never the user's own folder; lists of words, no shell; an environment of five
variables; a deadline and an output limit; and whatever they started ends with them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread

from sophia_mcp.errors import AgentError
from sophia_mcp.index.disk.walk import walk
from sophia_mcp.security.paths import read_inside
from sophia_mcp.swarm.fence import shown
from sophia_mcp.swarm.gates.edits import Refused
from sophia_mcp.types import GateResult

_TAIL_CHARS = 2_000
_FILE_BYTES = 1 << 30
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be run, one after the other until one fails. ``path`` is where programs are looked for.

    ``seconds`` and ``output_bytes`` hold for each command, ``copy_bytes`` for the copied tree.
    """

    commands: tuple[tuple[str, ...], ...] = ()
    seconds: float = 300.0
    output_bytes: int = 1_000_000
    copy_bytes: int = 500_000_000
    path: str = os.defpath


@dataclass(frozen=True, slots=True)
class _Ran:
    passed: bool
    detail: str


async def passes(
    root: Path, before: Mapping[str, str | None], after: Mapping[str, str | None], allowed: Allowed
) -> GateResult:
    """Whether every allowed command ends with 0 on a copy of ``root`` with the texts of ``after``.

    When one fails it is run once more without them, to say whether it failed before.
    """
    scratch = Path(await anyio.to_thread.run_sync(lambda: tempfile.mkdtemp(prefix="sophia-trial-")))
    try:
        tree = scratch / "tree"
        try:
            await anyio.to_thread.run_sync(_copy, root, tree, allowed.copy_bytes)
        except Refused as refused:
            return GateResult("commands", False, str(refused))
        for number, command in enumerate(allowed.commands):
            await anyio.to_thread.run_sync(_lay, tree, after)
            ran = await _run(command, tree, scratch / f"home{number}", allowed)
            if not ran.passed:
                await anyio.to_thread.run_sync(_lay, tree, before)
                was = await _run(command, tree, scratch / f"home{number}", allowed)
                known = "" if was.passed else " (it fails without the patch too)"
                return GateResult("commands", False, f"{_named(command)} {ran.detail}{known}")
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(lambda: shutil.rmtree(scratch, ignore_errors=True))
    return GateResult("commands", True, "; ".join(f"{_named(one)} passed" for one in allowed.commands))


async def _run(command: tuple[str, ...], tree: Path, home: Path, allowed: Allowed) -> _Ran:
    await anyio.Path(home).mkdir(exist_ok=True)
    program = shutil.which(command[0], path=allowed.path) if os.sep not in command[0] else command[0]
    if program is None:
        return _Ran(False, f"was not found on {allowed.path}")
    try:
        process = await anyio.open_process(
            [program, *command[1:]],
            cwd=tree,
            env=_environment(allowed.path, str(home)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return _Ran(False, f"could not be started: {error.strerror}")
    _limit(process.pid)
    output = _Output(allowed.output_bytes)
    try:
        with anyio.move_on_after(allowed.seconds) as deadline:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(output.read, process)
                await process.wait()
                _kill(process)  # what it left behind would keep the pipe open
                with anyio.move_on_after(_GRACE_S):
                    await output.ended.wait()
                tasks.cancel_scope.cancel()
    finally:
        _kill(process)
        with anyio.CancelScope(shield=True):
            await process.wait()
            await process.aclose()
    if output.over:
        return _Ran(False, f"wrote more than {allowed.output_bytes} bytes and was stopped")
    if deadline.cancelled_caught:
        return _Ran(False, f"took longer than {allowed.seconds:g} s and was stopped\n{output.tail()}")
    if process.returncode != 0:
        return _Ran(False, f"ended with {process.returncode}\n{output.tail()}")
    return _Ran(True, "")


def _environment(path: str, home: str) -> dict[str, str]:
    """All that a command sees of the variables: nothing of the person's but where programs are."""
    variables = {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "CI": "1"}
    # Without it no program starts there.
    return variables | ({"SYSTEMROOT": r"C:\Windows"} if os.name == "nt" else {})


class _Output:
    """What a command writes: the last of it is kept, too much of it ends the command."""

    def __init__(self, most: int) -> None:
        self.most, self.size, self.over = most, 0, False
        self.ended = anyio.Event()
        self._last: deque[bytes] = deque()
        self._held = 0

    async def read(self, process: anyio.abc.Process) -> None:
        assert process.stdout is not None  # opened as a pipe
        async for part in process.stdout:
            self.size += len(part)
            self._last.append(part)
            self._held += len(part)
            while self._held - len(self._last[0]) > _TAIL_CHARS * 4:
                self._held -= len(self._last.popleft())
            if self.size > self.most and not self.over:
                self.over = True
                _kill(process)
        self.ended.set()

    def tail(self) -> str:
        """The last of it, as a model or a person may see it."""
        text = shown(b"".join(self._last).decode("utf-8", "replace")).strip()
        return text if len(text) <= _TAIL_CHARS else "…" + text[-_TAIL_CHARS:]


def _kill(process: anyio.abc.Process) -> None:
    """End the command and all it started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _limit(pid: int) -> None:
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - exists on POSIX only

        with suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _copy(root: Path, tree: Path, most: int) -> None:
    """The files of ``root`` that git would see, without links. Raises Refused when it is too large."""
    tree.mkdir(parents=True)
    files = walk(root).files()
    size = sum(stamp.size for stamp in files.values())
    if size > most:
        raise Refused(f"the tree has {size} bytes; the limit of a scratch copy is {most}")
    for path in files:
        try:
            raw = read_inside(root, path, most)
            executable = os.access(root / path, os.X_OK)
        except AgentError:
            continue  # gone or replaced since the walk
        place = tree / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
        if executable:
            place.chmod(0o755)


def _lay(tree: Path, texts: Mapping[str, str | None]) -> None:
    for path, text in texts.items():
        place = tree / path
        if text is None:
            place.unlink(missing_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))


def _named(command: tuple[str, ...]) -> str:
    return f"`{' '.join(command)[:200]}`"
