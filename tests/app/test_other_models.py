"""A model of somebody else tells which chunks are near; what is asked is compared word by word by ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.app.hosted import opened
from tests.embed.endpoint import Endpoint

import sophia_mcp
from sophia_mcp.embed.providers import static
from sophia_mcp.types import Request, says_missing

pytestmark = pytest.mark.anyio

ASKED = {
    "which folders may be looked into and which are forbidden": "security/paths.py",
    "what is forgotten first when remembered facts become too many": "memory/write.py",
    "how does the terminal show how far indexing has come": "cli/output.py",
}
"""Questions that use other words than the files that answer them."""


class Meaningful(Endpoint):
    """Answers vectors that tell what a text means."""

    def vector(self, text: str) -> list[float]:
        return [float(x) for x in static.own().encode_query(text)]


@pytest.mark.requirement("embed.words")
async def test_what_is_asked_in_other_words_is_found_beside_a_hosted_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    shutil.copytree(
        Path(sophia_mcp.__file__).parent,
        root,
        ignore=shutil.ignore_patterns("*.pyc", "weights", "*.bin"),
    )
    with Meaningful(dimensions=256) as endpoint:
        async with opened(tmp_path, endpoint, monkeypatch, max_tokens=10**7) as app:
            run = await app.start_index(str(root), trusted=True)
            await run.wait(90)
            for asked, path in ASKED.items():
                answer = await app.answer(Request(asked), project=root, trusted=True)
                assert not says_missing(answer.notes), asked
                assert path in [hit.path for hit in answer.hits], asked
