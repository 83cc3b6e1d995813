"""Trees that a naive reader hangs on, dies of, or reads out of.

``hostile_tree`` builds one folder with everything in it and says, for every file, whether it may be
read and, if not, what may be the reason.
"""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path

SENTINEL = "OUTSIDE_SENTINEL_7f3a"
"""Stands in every file outside the root and in none inside; it must never be indexed or shown."""


@dataclass(slots=True)
class Hostile:
    """A built tree. ``readable`` holds relative paths with a word that only they contain;
    ``barred`` the paths that must not be read; ``outside`` the folder links point to."""

    root: Path
    outside: Path
    readable: dict[str, str] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)


def hostile_tree(place: Path, *, devices: bool = True) -> Hostile:
    """Build below ``place``. Takes about 20 MB of disk at most; the 50 GB file is sparse."""
    root, outside = place / "tree", place / "outside"
    (root / "pkg").mkdir(parents=True)
    (outside / "inner").mkdir(parents=True)
    for path in (outside / "secret.py", outside / "inner" / "deep.py", place / "sibling.py"):
        path.write_text(f"{SENTINEL} = 'do not read'\n", encoding="utf-8")
    made = Hostile(root, outside)
    _ordinary(made)
    _links(made)
    _special(made, devices=devices)
    _large(made)
    _named(made)
    _deep(made)
    _encoded(made)
    _secret(made)
    return made


def _write(made: Hostile, path: str, body: bytes, word: str = "") -> None:
    target = os.path.join(os.fsencode(made.root), os.fsencode(path))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(body)
    if word:
        made.readable[path] = word


def _ordinary(made: Hostile) -> None:
    _write(made, "pkg/plain.py", b"def ordinary_plain():\n    return 1\n", "ordinary_plain")
    _write(made, "pkg/empty.py", b"")
    _write(made, "pkg/newline.py", b"\n")
    _write(made, "pkg/blank.py", b" \t\r\n\n   \n")


def _links(made: Hostile) -> None:
    links = {
        "link_file.py": "../outside/secret.py",
        "link_abs.py": str(made.outside / "secret.py"),
        "link_dir": "../outside",
        "link_abs_dir": str(made.outside),
        "link_sibling.py": "../sibling.py",
        "link_inside.py": "pkg/plain.py",
        "link_self": ".",
        "link_parent": "..",
        "link_root": "/",
        "link_loop": "link_loop",
        "link_ping": "link_pong",
        "link_pong": "link_ping",
        "link_dangling.py": "nowhere.py",
        "link_zero.py": "/dev/zero",
        "link_stdin.py": "/dev/stdin",
        "link_environment.py": "/proc/self/environ",
        "link_proc": "/proc/self/root",
        ".gitignore_link": "/dev/zero",
    }
    for name, target in links.items():
        os.symlink(target, made.root / name)
        made.barred.add(name)


def _special(made: Hostile, *, devices: bool) -> None:
    os.mkfifo(made.root / "pipe.py")
    os.mkfifo(made.root / "pkg" / "pipe.ts")
    made.barred |= {"pipe.py", "pkg/pipe.ts"}
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(made.root, os.O_RDONLY)
        try:  # the address of a socket is short, the path of a test folder is not
            server.bind(f"/proc/self/fd/{here}/socket.py")
            made.barred.add("socket.py")
        except OSError:
            pass
        finally:
            os.close(here)
    if devices and hasattr(os, "mknod") and os.getuid() == 0:
        try:
            os.mknod(made.root / "zero.py", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
            made.barred.add("zero.py")
        except OSError:  # a container may forbid it even to root
            pass


def _large(made: Hostile) -> None:
    with (made.root / "sparse.py").open("wb") as file:
        file.truncate(50 << 30)
    _write(made, "over.py", b"x = 1\n" * 200_000)
    made.barred |= {"sparse.py", "over.py"}
    _write(made, "long_line.py", b"long_line_word = '" + b"a b " * 200_000 + b"'\n", "long_line_word")
    _write(made, "many_lines.py", b"\n" * 400_000 + b"many_lines_word = 1\n", "many_lines_word")
    _write(made, "half_large.py", b"half_large_word = 0\n" + b"y = 2\n" * 100_000, "half_large_word")


def _named(made: Hostile) -> None:
    names = {
        "new\nline.py": "newline_name",
        "carriage\rreturn.py": "carriage_name",
        "tab\tname.py": "tab_name",
        "quote'\"`$(touch x);.py": "quoted_name",
        "-rf.py": "dash_name",
        "bidi\u202eyp.exe.py": "bidi_name",
        "zero\u200bwidth.py": "zero_width_name",
        "escape\x1b[31m.py": "escape_name",
        "a" * 240 + ".py": "long_name",
        "cafe\u0301.py": "decomposed_name",
        "caf\u00e9.py": "composed_name",
        "CASE.py": "upper_name",
        "case.py": "lower_name",
        "con.py": "device_name",
        "%2e%2e%2f.py": "percent_name",
        "..dots.py": "dots_name",
        "trailing.py ": "trailing_name",
        "\U0001f4a9.py": "emoji_name",
        " .py": "space_name",
    }
    for name, word in names.items():
        _write(made, f"named/{name}", f"def {word}():\n    return 0\n".encode(), word)
    raw = os.path.join(os.fsencode(made.root), b"named", b"not\xff\xfeutf8.py")
    with open(raw, "wb") as file:
        file.write(b"def undecodable_name():\n    return 0\n")


def _deep(made: Hostile) -> None:
    here = os.open(made.root, os.O_RDONLY | os.O_DIRECTORY)
    for level in range(300):  # deeper than a path may be long on some systems, so step by step
        name = "d" * (1 if level < 250 else 200)
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("bottom.py", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
    os.write(file, b"def at_the_bottom():\n    return 0\n")
    os.close(file)
    os.close(here)


def _encoded(made: Hostile) -> None:
    body = "def {}():\n    return 'naïve'\n"
    for name, encoding in (
        ("utf16le_bom", "utf-16"), ("utf16be_bom", "utf-16-be"), ("utf8_bom", "utf-8-sig"), ("latin", "latin-1"),
        ("cp1252", "cp1252"), ("utf32", "utf-32"),
    ):  # fmt: skip
        word = f"{name}_word"
        raw = body.format(word).encode(encoding)
        if name == "utf16be_bom":
            raw = b"\xfe\xff" + raw
        # UTF-32 is not promised to be read; it must only do no harm.
        _write(made, f"encoded/{name}.py", raw, "" if name == "utf32" else word)
    _write(
        made,
        "encoded/shift_jis.py",
        "# 日本語のコメント。これは長い文章です\ndef shift_jis_word(): pass\n".encode("shift_jis"),
        "shift_jis_word",
    )
    _write(
        made,
        "encoded/invalid.py",
        b"def invalid_word():\n    return '\xc3\x28 \xa0\xa1 \xf8\x88'\n",
        "invalid_word",
    )
    _write(
        made,
        "encoded/truncated.py",
        "def truncated_word(): return 'é'".encode()[:-3] + b"\xc3",
        "truncated_word",
    )
    _write(
        made, "encoded/surrogates.py", b"def surrogate_word(): return '\xed\xa0\x80'\n", "surrogate_word"
    )
    _write(made, "encoded/overlong.py", b"def overlong_word(): return '\xc0\xaf'\n", "overlong_word")
    _write(made, "encoded/nul.py", b"def nul_word():\n    return '\x00\x00'\n")
    _write(made, "encoded/only_nul.py", b"\x00" * 5000)
    _write(made, "encoded/noise.py", bytes(range(256)) * 200)
    _write(made, "encoded/bom_only.py", b"\xff\xfe")
    _write(made, "encoded/odd_utf16.py", b"\xff\xfea\x00b")
    _write(made, "encoded/cr_only.py", b"def cr_only_word():\r    return 1\rx = 2\r", "cr_only_word")
    _write(made, "encoded/mixed.py", b"def mixed_word():\r\n    return 1\n\rx = 2\r\n", "mixed_word")
    _write(
        made,
        "encoded/separators.py",
        "def separator_word():\n    return '\u2028\u2029\x85\x0b\x0c\x1c'\n".encode(),
        "separator_word",
    )


def _secret(made: Hostile) -> None:
    for name in (".env", "id_rsa", "server.pem", ".npmrc", "credentials.json", ".aws/config"):
        _write(made, name, f"{SENTINEL}=1\n".encode())
        made.barred.add(name)
    _write(made, ".env.example", b"EXAMPLE_ENV_WORD=changeme\n", "EXAMPLE_ENV_WORD")
