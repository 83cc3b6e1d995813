"""Which names does a tree leave out, and for what reason?

Three judges, asked in this order: what the person asked for (``include``, ``exclude``,
``.sophiaignore``), what git or the tree's own ``.gitignore`` files leave out, and what by its name
is a secret, vendored, generated or binary. Reasons are short, because they are counted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import re2

from sophia_mcp.errors import BadArgument, SophiaError
from sophia_mcp.index.disk.refused import BINARY, GENERATED, MINIFIED
from sophia_mcp.security.paths import read_inside
from sophia_mcp.security.secrets import is_secret_file

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.util import CheckResult

RULES_FILE = ".sophiaignore"
GIT_RULES_FILE = ".gitignore"
RULES_LIMIT = 1 << 18
"""Bytes of an ignore file that is read; a longer one is not one."""

IGNORED = "ignored by .gitignore"
ASKED = f"ignored by {RULES_FILE}"
NOT_INCLUDED = "not in include"
EXCLUDED = "in exclude"
VENDORED = "vendored"
SECRET = "secret file"  # noqa: S105 - a reason, not a secret
CACHE = "tool folder"

_VENDORED = frozenset(
    "node_modules bower_components jspm_packages Godeps Pods Carthage __pypackages__ .yarn .bundle "
    ".venv .direnv .gradle .m2 .cargo .npm .pnpm-store .stack-work elm-stuff deps.edn.cache".split()
)
_CACHES = frozenset(
    ".git .hg .svn .bzr _darcs CVS .jj .sl __pycache__ .mypy_cache .pytest_cache .ruff_cache .tox .nox "
    ".hypothesis .eggs .ipynb_checkpoints .terraform .next .nuxt .svelte-kit .parcel-cache .turbo .cache "
    ".idea .vs .sophia .sass-cache .nyc_output .dart_tool .DS_Store".split()
)
_SIGNS = {
    "pyvenv.cfg": VENDORED,
    "conda-meta": VENDORED,
    "CACHEDIR.TAG": CACHE,
}
"""Names whose presence says what the folder around them is."""

_VENDOR_SIGNS = frozenset({"modules.txt", "autoload.php", "composer", "bundle", "cache"})
TELLING_NAMES = frozenset({".git", "HEAD", "objects", "refs", *_SIGNS, *_VENDOR_SIGNS})
"""Names that can show that the folder around them is not the tree's own source."""

_LOCKS = frozenset(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock Cargo.lock "
    "poetry.lock uv.lock pdm.lock Pipfile.lock pixi.lock conda-lock.yml go.sum composer.lock Gemfile.lock "
    "mix.lock pubspec.lock Podfile.lock Package.resolved flake.lock packages.lock.json gradle.lockfile "
    "paket.lock cabal.project.freeze stack.yaml.lock".split()
)
_GENERATED = re.compile(
    r"(\.map|\.pb\.go|\.pb\.gw\.go|_pb2(_grpc)?\.pyi?|\.pb\.(cc|h)|\.g\.dart|\.freezed\.dart|\.designer\.cs|\.g\.cs|"
    r"\.g\.i\.cs|_generated\.(go|rs|ts)|\.generated\.\w+|zz_generated\.[\w.]+|\.tsbuildinfo|\.snap|\.lock)$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[.-]min\.(js|mjs|cjs|css|html?|svg)$", re.IGNORECASE)
_BINARY = frozenset(
    "png jpg jpeg gif bmp ico icns webp avif tif tiff psd ai eps heic raw xcf mp3 mp4 m4a wav ogg oga ogv flac aac "
    "avi mov mkv webm wmv flv mid midi ttf otf woff woff2 eot pdf doc docx xls xlsx ppt pptx odt ods odp rtf epub "
    "zip gz tgz bz2 xz zst lz4 7z rar tar jar war ear whl egg apk aab ipa dmg iso img deb rpm msi cab exe dll so "
    "dylib a lib o obj ko pyc pyo pyd class wasm node bin dat db sqlite sqlite3 mdb parquet feather arrow avro orc "
    "npy npz pkl pickle pt pth ckpt onnx safetensors gguf h5 hdf5 tflite pb keras joblib rdb ldb sst blend fbx glb "
    "stl 3ds dwg skp swf xpi crx nupkg gem phar beam hi elc gmo der p12 pfx jks keystore pcap tfstate "
    "unitypackage uasset pak wad resources nib car tga dds ktx exr hdr".split()
)


def refused_folder(name: str) -> str | None:
    """Why a folder of this name is never entered, or None."""
    if name in _CACHES or name.endswith((".egg-info", ".dist-info", ".xcassets")):
        return CACHE
    if name in _VENDORED:
        return VENDORED
    return None


def refused_contents(name: str, entries: frozenset[str] | set[str]) -> str | None:
    """Why a folder with these entries is not the tree's own source, or None."""
    for sign, reason in _SIGNS.items():
        if sign in entries:
            return reason
    if name == "vendor" and entries & _VENDOR_SIGNS:
        return VENDORED
    return None


def refused_file(name: str) -> str | None:
    """Why a file of this name is never read, or None."""
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in _BINARY:
        return BINARY
    if name in _LOCKS or _GENERATED.search(name):
        return GENERATED
    if _MINIFIED.search(name):
        return MINIFIED
    if name in _CACHES:
        return CACHE
    return None


_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \t",
    "digit": "0-9",
    "graph": "0-~!-.",
    "lower": "a-z",
    "print": " -.0-~",
    "punct": ":-@!-.[-`{-~",
    "space": " \t\n\v\f\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
"""What git takes these names in brackets for, but for the slash; the library does not know them. None begins with
a sign that means something else there."""

_UNREADABLE = (ValueError, re.error, re2.error)

_CLASS = re.compile(r"\[:(" + "|".join(_CLASSES) + r"):\]")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person chose for one repository. With ``include`` only matching files are indexed,
    even where a default rule would leave them out by name; ``exclude`` and secrets are left out always."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_bytes: int = 1_000_000


class Rules:
    """The judges of one tree. ``read`` gives the bytes of a rule file, or None.

    ``git_ignored`` is asked with a path (a folder ends with ``/``) when git reads the tree; else
    the tree's ``.gitignore`` files are read here, one folder at a time. libgit2 does not see that a file
    further in takes back (``!name``) what one further out ignores: below such a file they are asked, too.
    With ``inside``, the tree is a folder of what git reads, and there are such files further out than its own.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        choice: Choice,
        git_ignored: Callable[[str], bool] | None = None,
        *,
        inside: bool = False,
    ) -> None:
        self._read = read
        self._include = _globs(choice.include, "include") if choice.include else None
        self._exclude = _globs(choice.exclude, "exclude") if choice.exclude else None
        self._prefixes = tuple(_literal_prefix(glob) for glob in choice.include)
        self._git_ignored = git_ignored
        self._inside = inside
        self._own: dict[str, _Lines] = {}
        self._git: dict[str, _Lines] = {}
        self._taking_back: tuple[str, ...] = ()
        self._ignored: dict[str, bool] = {}

    def enter(self, folder: str, names: frozenset[str] | set[str]) -> None:
        """Read the rule files of a folder (``""`` or ``a/b/``) before its entries are judged."""
        self._ignored.clear()
        for name, kept in ((RULES_FILE, self._own), (GIT_RULES_FILE, self._git)):
            kept.pop(folder, None)
            raw = self._read(folder + name) if name in names else None
            if raw is None:
                continue
            kept[folder] = _Lines(raw.decode("utf-8-sig", "replace").splitlines())
            if (folder or self._inside) and name == GIT_RULES_FILE and b"!" in raw:
                self._taking_back += (folder,)

    def folder(self, name: str, path: str, *, tracked: bool) -> str | None:
        """Why the folder ``path`` (``a/b/``) is not entered, or None. What git tracks is beyond
        ``.gitignore``; what ``include`` names is beyond every default rule."""
        if self._exclude is not None and self._exclude.match_file(path):
            return EXCLUDED
        if any(
            prefix and (prefix.startswith(path) or path.startswith(prefix)) for prefix in self._prefixes
        ):
            return None
        return refused_folder(name) or self._by_files(path, tracked)

    def file(self, name: str, path: str, *, tracked: bool) -> str | None:
        """Why the file ``path`` is left out, or None."""
        if is_secret_file(path):
            return SECRET
        if self._exclude is not None and self._exclude.match_file(path):
            return EXCLUDED
        if self._include is not None:
            return None if self._include.match_file(path) else NOT_INCLUDED
        return refused_file(name) or self._by_files(path, tracked)

    def contents(self, path: str, names: set[str]) -> str | None:
        """Why a folder with these entries is not the tree's own source, or None."""
        if any(
            prefix.startswith(path) or (prefix and path.startswith(prefix)) for prefix in self._prefixes
        ):
            return None
        return refused_contents(path.rstrip("/").rpartition("/")[2], names)

    def _by_files(self, path: str, tracked: bool) -> str | None:
        if self._own and _judge(self._own, path):
            return ASKED
        if tracked:
            return None
        return IGNORED if self._is_ignored(path) else None

    def _is_ignored(self, path: str) -> bool:
        """Whether git would leave out what it does not track."""
        if self._git_ignored is None:
            return bool(self._git and _judge(self._git, path))
        above = path.rstrip("/").rpartition("/")[0] + "/"
        if above != "/" and self._is_folder_ignored(above):  # nothing in that can be taken back
            return True
        ignored = self._git_ignored(path)
        if not ignored or not path.startswith(self._taking_back):
            return ignored
        verdict = _judge(self._git, path)
        if verdict:
            return True
        # It may have been said of a folder above, which was taken back, or by rules outside the tree.
        return verdict is None and (above == "/" or not self._git_ignored(above))

    def _is_folder_ignored(self, path: str) -> bool:
        """The same of a folder, kept until the next one is entered. One that holds what git tracks is entered though
        it is ignored."""
        if path not in self._ignored:
            self._ignored[path] = self._is_ignored(path)
        return self._ignored[path]


def reader(root: Path) -> Callable[[str], bytes | None]:
    """Reads rule files below a folder as safely as any other file."""

    def read(path: str) -> bytes | None:
        try:
            return read_inside(root, path, RULES_LIMIT)
        except SophiaError:
            return None

    return read


class _Lines:
    """The rules of one file, understood when they are first asked for: most never are where git is asked."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    @cached_property
    def spec(self) -> GitIgnoreSpec:
        return _spec(self._lines)


def _judge(rules: dict[str, _Lines], path: str) -> bool | None:
    """The innermost rule file with an opinion decides; None where none has one."""
    folder = path.rstrip("/")
    while True:
        folder = folder.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        lines = rules.get(prefix)
        if lines is not None:
            found = lines.spec.check_file(path[len(prefix) :])
            if found.include is not None and _is_meant(lines.spec, found):
                return found.include
        if not folder:
            return None


def _is_meant(spec: GitIgnoreSpec, found: CheckResult[str]) -> bool:
    """Whether the rule that decided is about this very path: the folders above were judged before it, and what
    takes one of them back takes nothing in it back."""
    rule = spec.patterns[found.index or 0].regex
    match = rule.match(found.file) if rule is not None else None
    return match is None or match.lastgroup is None or match.end() == len(found.file)


def _literal_prefix(glob: str) -> str:
    """The folder a glob surely lies in (``a/b/``), or empty."""
    fixed = re.split(r"[*?\[]", glob.removeprefix("./").lstrip("/"), maxsplit=1)[0]
    return fixed if fixed.endswith("/") else fixed.rpartition("/")[0] + "/" if "/" in fixed else ""


def _globs(patterns: Sequence[str], what: str) -> GitIgnoreSpec:
    for pattern in patterns:
        if "\0" in pattern or len(pattern) > 1000:
            raise BadArgument(
                f"{what} holds a pattern that is not a path or glob",
                next="give `src/`, `*.py` or `a/**/b`",
            )
    return _spec([pattern.removeprefix("./") for pattern in patterns])


def _spec(lines: Sequence[str]) -> GitIgnoreSpec:
    """Rules of the lines that parse; git passes over the others in silence too."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - thirty modules, for trees that git does not judge

    lines = [_CLASS.sub(lambda found: _CLASSES[found[1]], line) for line in lines]
    with warnings.catch_warnings():
        # Of sets with a bracket in them, which mean what git means.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return GitIgnoreSpec.from_lines(lines)
        except _UNREADABLE:
            return GitIgnoreSpec.from_lines(line for line in lines if _is_readable(GitIgnoreSpec, line))


def _is_readable(kind: type[GitIgnoreSpec], line: str) -> bool:
    try:
        kind.from_lines([line])
    except _UNREADABLE:
        return False
    return True
