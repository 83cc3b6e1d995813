"""Which section tells of this version? A changelog writes numbers, and those are no words."""

from __future__ import annotations

import re

import re2

from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.text import regex
from sophia_mcp.search.view.outline import qualified
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction

_VERSION = re.compile(
    r"(?<![\w./-])v?(\d+(?:\.\d+)+(?:[-.]?(?:a|alpha|b|beta|c|dev|post|pre|rc)[-.]?\d*)?)(?![\w/-]|\.\w)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:breaking|changelog|changes?|changed|history|migrat\w+|news|notes|releases?|released|upgrad\w+|versions?)\b",
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
    candidates: list[Candidate] = []
    for item in matches:
        blob = int(question.atlas.blobs[item.file])
        for section in (await question.engine.content.symbols(tx, [blob]))[blob]:
            named = _VERSION.search(section.name)
            if section.kind == "doc" and named and named[1] in asked:
                span = (section.start_line, section.end_line)
                candidates.append(
                    Candidate(
                        item.file,
                        *span,
                        qualified(section),
                        section.kind,
                        1.0,
                        f"tells of {named[1]}",
                        span,
                        span[0],
                        exact=True,
                    )
                )
    if not candidates:
        return None
    candidates.sort(key=lambda item: asked.index(item.why.rpartition(" ")[2]))
    said = f"{counted(len(candidates), 'section')} of {', '.join(asked)}"
    return Outcome(tuple(candidates), len(candidates), (said,))
