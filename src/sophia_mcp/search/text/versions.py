"""Which section tells of this version? A changelog writes numbers, and those are no words."""

from __future__ import annotations

import re
from itertools import chain

import re2

from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.text import regex
from sophia_mcp.search.view.outline import qualified
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_VERSION = re.compile(
    r"(?<![\w./-])v?(\d+(?:\.\d+)+(?:[-.]?(?:a|alpha|b|beta|c|dev|post|pre|rc)[-.]?\d*)?)(?![\w/-]|\.\w)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:breaking|changelog|changes?|changed|history|migrat\w+|what(?:['’]?s| is) new|new in|news|notes|releases?"
    r"|released|upgrad\w+|versions?)\b",
    re.IGNORECASE,
)
"""What a text asks of a version; other numbers with a point in them are values."""
_MOST = 3


async def find(question: Question, tx: Transaction) -> Outcome | None:
    """The sections of documents whose heading names a version that the question asks about; None for any other
    question, and where there is none."""
    text = question.query.written
    asked = list(dict.fromkeys(_VERSION.findall(text)))
    if not 0 < len(asked) <= _MOST or not (_ABOUT.search(text) or _VERSION.fullmatch(text)):
        return None
    pattern = rf"(?i)\bv?(?:{'|'.join(map(re2.escape, asked))})\b"
    files, _ = await regex.may_match(question, tx, pattern)
    documents = [file for file in files if question.atlas.has("document", file)]
    matches, _ = await regex.matching(question, tx, pattern, regex.soon_read(question, documents))
    blobs = {item.file: int(question.atlas.blobs[item.file]) for item in matches}
    symbols = await question.engine.content.symbols(tx, list(blobs.values()))
    told: dict[str, list[Candidate]] = {version: [] for version in asked}
    for file, blob in blobs.items():
        for section in symbols[blob]:
            named = _VERSION.search(section.name)
            if section.kind == "doc" and named and named[1] in told:
                told[named[1]].append(_tells(file, section, named[1]))
    candidates = tuple(chain.from_iterable(told.values()))
    if not candidates:
        return None
    said = f"{counted(len(candidates), 'section')} of {', '.join(asked)}"
    return Outcome(candidates, len(candidates), (said,))


def _tells(file: int, section: Symbol, version: str) -> Candidate:
    span, why = (section.start_line, section.end_line), f"tells of {version}"
    return Candidate(file, *span, qualified(section), section.kind, 1.0, why, span, span[0], exact=True)
