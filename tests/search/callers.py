"""Who calls a name in files that were just indexed, and how is each call proven?"""

from __future__ import annotations


async def callers(index_of, files: dict[str, str], name: str) -> list[tuple[str, str]]:
    """Each file that calls it, with what the answer says of its calls."""
    async with index_of(files) as ask:
        answer = await ask(name, mode="callers")
    return [(hit.path, hit.why) for hit in answer.hits]


async def proofs(index_of, files: dict[str, str], name: str, path: str) -> dict[int, str]:
    """How the calls in one file are proven, by line."""
    async with index_of(files) as ask:
        answer = await ask(name, mode="callers", limit=50)
    found: dict[int, str] = {}
    for hit in answer.hits:
        lines, _, proof = hit.why.removeprefix("calls it at ").removesuffix(")").partition(" (")
        found |= {int(line): proof for line in lines.split(", ") if hit.path == path}
    return found
