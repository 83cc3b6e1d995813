"""Which packages, folders and files are never learned from?

Relevance is measured on these projects, so neither they nor copies of them inside other packages may
teach the model. Test, vendored and built files are left out because they are no good examples.
"""

from __future__ import annotations

import re
from pathlib import Path

MEASURED = frozenset(
    """abseil aeson aiohttp alamofire axios axum bash-it bats cats chi circe click cobra commons-lang curl
    dapper ecto exposed express fastapi flask fmt gin gson guzzle http4s httpx jackson kotlinx ktor laravel
    lazy.nvim libuv messagepack mini.nvim model2vec monolog newtonsoft nlohmann nvm pandoc phoenix plug
    pydantic rack rails redis redux requests serde sinatra snapkit starlette telescope tokio trpc vapor
    vitest xmonad zig zls zod semble""".split()
)
_NAMED = re.compile(
    rf"(^|[/_.@-])({'|'.join(re.escape(name) for name in sorted(MEASURED, key=len, reverse=True))})([/_.-]|$)",
    re.I,
)
_POOR = re.compile(
    r"(^|/)(_?vendor(ed)?|node_modules|third[_-]?party|externals?|deps|tests?|__tests__|spec|testdata|locale"
    r"|migrations|min|umd|cjs|bundles?|fixtures|debian)(/|$)|\.min\.|\.bundle\.|\.d\.ts$|_pb2|\.pb\.|[._-](test|tests|spec)\.\w+$|(^|/)test_[^/]*$",
    re.I,
)


def is_measured(name: str) -> bool:
    """Whether a package name or path carries the name of a measured project as one of its parts."""
    return bool(_NAMED.search(name))


def is_poor(path: str) -> bool:
    """Whether a path leads to vendored, test, generated or minified files."""
    return bool(_POOR.search(path))


_ALSO_KNOWN_AS = {"bbolt": ("boltdb",), "query-core": ("tanstack",)}


def own_benchmark(folder: Path) -> frozenset[str]:
    """Words in the names of projects that this repository's own relevance questions use."""
    stems = {path.stem.lower() for path in folder.rglob("*") if path.suffix in (".toml", ".json")}
    return frozenset(stems | {other for stem in stems for other in _ALSO_KNOWN_AS.get(stem, ())})


def is_own_benchmark(name: str, projects: frozenset[str]) -> bool:
    """Whether a package is one of those projects, or bundles one by its name."""
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
    return any(re.search(rf"(^|-){re.escape(project)}(-|$)", plain) for project in projects)
