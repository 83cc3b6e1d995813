"""Spellings that try to leave an allowed folder, and the tree they try it on.

``{root}`` and ``{outside}`` stand for the two folders. A case that is not ``refused`` may be read as
an odd but harmless name inside the root, and then must stay inside it.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

INSIDE = b"inside the root\n"
OUTSIDE = b"OUTSIDE THE ROOT\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One spelling. ``refused``: it must raise; else it must merely stay inside."""

    spelling: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """The folders of one test."""

    root: Path
    outside: Path

    def spell(self, case: Case) -> str:
        return case.spelling.replace("{root}", str(self.root)).replace("{outside}", str(self.outside))


def lay_out(place: Path) -> Ground:
    """A root with links of every direction, beside a folder it must not reach."""
    root, outside, twin = place / "root", place / "outside", place / "root-twin"
    for folder in (root / "sub" / "deep", outside / "inner", twin):
        folder.mkdir(parents=True)
    for path in (root / "ok.py", root / "sub" / "inner.py", root / "sub" / "deep" / "leaf.py"):
        path.write_bytes(INSIDE)
    for path in (outside / "secret.txt", outside / "inner" / "secret.txt", twin / "secret.txt"):
        path.write_bytes(OUTSIDE)
    links = {
        "file_out": "../outside/secret.txt",
        "dir_out": "../outside",
        "abs_out": str(outside),
        "abs_file": str(outside / "secret.txt"),
        "sub/up_out": "../../outside/secret.txt",
        "sub/dir_out": "../../outside/inner",
        "chain1": "chain2",
        "chain2": "chain3",
        "chain3": "dir_out",
        "loop": "loop",
        "ping": "pong",
        "pong": "ping",
        "sub/loop_up": "../loop",
        "parent": "..",
        "slash": "/",
        "twin": "../root-twin",
        "proc": "/proc/self/root",
        "zero": "/dev/zero",
        "dangling_out": "../outside/not-yet",
        "through": "sub/../../outside",
        "to_sub": "sub",
        "to_self": ".",
    }
    for name, target in links.items():
        os.symlink(target, root / name)
    return Ground(root, outside)


def _climbing() -> list[Case]:
    targets = ("outside/secret.txt", "root-twin/secret.txt", "etc/passwd")
    starts = ("", "./", "sub/", "sub/deep/", "{root}/", "{root}/sub/", "nowhere/")
    cases = [
        Case(start + "../" * depth + target, True)
        for start, depth, target in itertools.product(starts, (1, 2, 3, 8), targets)
    ]
    cases += [
        Case(start + step * 3 + "outside" + step[-1] + "secret.txt", True)
        for start in ("", "sub\\", "sub/")
        for step in ("..\\", "..\\/", "../\\", "./../", ".\\..\\")
    ]
    cases += [Case("/".join([".."] * depth), True) for depth in (1, 2, 20, 400)]
    cases += [
        Case(f"{name}/../../outside/secret.txt", True) for name in ("to_sub", "loop", "ok.py", "~")
    ]
    return cases


def _disguised() -> list[Case]:
    dots = (
        "\u2025", "\uff0e\uff0e", "\u2024\u2024", ".\uff0e", "\ufe52\ufe52", ".\u200b.", "\u200b..", "..\u200d",
        "..\ufeff", ".\u2060.", "..\u00ad", ".\ufe0f.", ". .", ".. ", "... ", ".. .", "\u202e..", "..\u202c",
    )  # fmt: skip
    slashes = ("/", "\\", "\uff0f", "\uff3c")
    cases = [
        Case(f"{start}{dot}{slash}{dot}{slash}outside{slash}secret.txt", True)
        for start, dot, slash in itertools.product(("", "sub/"), dots, slashes)
    ]
    cases += [Case(f"..{slash}outside{slash}secret.txt", True) for slash in slashes]
    inert = (
        "%2e%2e%2foutside%2fsecret.txt", "..%2foutside%2fsecret.txt", "%252e%252e/outside", "..%c0%afoutside",
        "%2e%2e/outside/secret.txt", "..%5coutside", "%u002e%u002e/outside", "&#46;&#46;/outside",
        "..\u2044outside", "..\u2215outside", "..\u29f8outside", "$HOME/.ssh/id_rsa",
        "${{HOME}}/x", "$(cat /etc/passwd)", "`id`", "|id", ";id", "*", "[a-z]", "sub/*/leaf.py", "--help",
        "-", "ok.py\n../outside", "ok.py\r", "ok.py\t", " ok.py", "ok.py ", "OK.PY", "Sub/INNER.py", "ok.py/",
        "ok.py/.", "ok.py//", "sub//inner.py", "./././ok.py", "sub/./deep/./leaf.py", ".", "./", "\u006f\u0301k.py",
        "\u00f3k.py", "ok\u200b.py", "ok.py\u202egnp.", "o\u043a.py", "\U0001f4a9", "a" * 255, "a" * 256, "d/" * 500 + "x",
    )  # fmt: skip
    return cases + [Case(spelling, False) for spelling in inert]


def _absolute() -> list[Case]:
    refused = (
        "/", "/etc/passwd", "/etc/shadow", "/etc", "/proc/self/environ", "/proc/self/root/etc/passwd", "/dev/zero",
        "/proc/self/fd/0", "/proc/self/cwd", "/dev/stdin", "/dev/fd/0", "/root/.ssh/id_rsa", "/home", "/tmp", "/var/run",
        "{outside}", "{outside}/", "{outside}/secret.txt", "{outside}/inner/secret.txt", "{root}-twin", "{root}-twin/secret.txt",
        "{root}x", "{root}*", "{root}.bak/secret.txt", "{root} /secret.txt", "{root}\u200b/secret.txt", "/{root}", "//{root}/ok.py",
        "//etc/passwd", "///etc/passwd", "//server/share", "//server/share/secret.txt", "\\\\server\\share\\x", "\\\\?\\C:\\x",
        "\\\\.\\PhysicalDrive0", "\\\\?\\UNC\\server\\share", "\\\\.\\pipe\\x", "/\\server\\share", "\\/server/share", "\\etc\\passwd",
        "\\??\\C:\\x", "C:\\Windows\\win.ini", "c:/windows/win.ini", "C:", "C:secret.txt", "Z:\\", "z:..\\..\\x", "C:\\..\\x",
        "file:///etc/passwd", "file:/etc/passwd", "file://localhost/etc/passwd", "http://127.0.0.1/x", "smb://server/share",
        "ssh://host/x", "FILE:///etc/passwd", "jar:file:///x!/y", "\\u002e\\u002e/outside", "ftp://host/x",
        "~", "~/", "~/.ssh/id_rsa", "~root", "~root/.ssh/id_rsa", "~+", "~-/x", "~\\x", "\uff5e/.ssh/id_rsa", "~daemon/x",
        "", "\0", "ok.py\0", "ok.py\0.txt", "\0/etc/passwd", "sub/\0/inner.py", "{root}/\0", "../\0",
        "a" * 5000, "d/" * 3000 + "x", "\ud800", "ok\udfff.py", "sub/\ud83d/x", "{root}/\ud800",
        "\uff0fetc\uff0fpasswd", "\uff0f\uff0fserver", "\uff3c\uff3cserver\uff3cshare", "\uff23:\\x", "C\uff1a\\x", "\u200b/etc/passwd",
        "\ufeff/etc/passwd", "\u2060~/x",
    )  # fmt: skip
    inside = (
        "{root}", "{root}/", "{root}/ok.py", "{root}//ok.py", "{root}/./ok.py", "{root}/missing.py", "{root}/sub/deep/leaf.py",
        "ok.py", "sub/inner.py", "missing/also/missing.py", "to_sub/inner.py", "to_self/ok.py", "to_self/to_self/sub/inner.py",
        "{root}/to_sub/deep/leaf.py",
    )  # fmt: skip
    return [Case(spelling, True) for spelling in refused] + [
        Case(spelling, False) for spelling in inside
    ]


def _linked() -> list[Case]:
    links = (
        "file_out", "dir_out", "dir_out/secret.txt", "dir_out/inner/secret.txt", "abs_out", "abs_out/secret.txt", "abs_file",
        "sub/up_out", "sub/dir_out/secret.txt", "sub/dir_out", "chain1", "chain1/secret.txt", "chain2/inner/secret.txt", "loop",
        "loop/x", "ping", "pong", "ping/x", "sub/loop_up", "parent", "parent/outside/secret.txt", "parent/root-twin/secret.txt",
        "slash", "slash/etc/passwd", "twin", "twin/secret.txt", "proc", "proc/etc/passwd", "zero", "dangling_out", "through",
        "through/secret.txt", "to_self/dir_out/secret.txt", "to_sub/up_out", "to_self/to_self/abs_file",
    )  # fmt: skip
    spelled = [
        Case(prefix + link, True) for link in links for prefix in ("", "./", "{root}/", "to_self/")
    ]
    # A link to the root's parent that comes back in is inside again.
    return [*spelled, Case("parent/root/ok.py", False), Case("slash{root}/ok.py", False)]


def cases() -> tuple[Case, ...]:
    """The whole corpus, each spelling once."""
    found = {case.spelling: case for case in (*_climbing(), *_disguised(), *_absolute(), *_linked())}
    return tuple(found.values())


WINDOWS = (
    "CON", "con", "nul", "NUL.txt", "sub/aux.py", "COM1", "com9.log", "lpt1", "LPT\u00b9", "prn.c", "conin$", "CONOUT$", "sub\\nul",
    "ok.py::$DATA", "ok.py:stream", "sub:$I30:$INDEX_ALLOCATION/x", "ok.py.", "ok.py ", "sub./inner.py", "sub /inner.py", "C:ok.py",
    "C:..\\x", "C:\\root\\con", "C:\\root\\ok.py:stream", "C:\\root\\..\\x", "\\\\?\\C:\\root\\ok.py", "\\\\server\\share", "\\ok.py",
    "..\\x", "sub\\..\\..\\x", "~\\x", "con .txt", "nul:",
)  # fmt: skip
"""Spellings that Windows reads as something other than the file they seem to name."""
