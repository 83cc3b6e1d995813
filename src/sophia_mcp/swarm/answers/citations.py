"""Does each claim stand on words that are really in its source? Pure.

A claim without a source that says so is dropped. The answer's text is put together here from the
claims that are left, each with the numbers of its sources, so that no sentence in it is uncited.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sophia_mcp.security.text import plain_line
from sophia_mcp.swarm.answers.proposals import Cite, Claim, Proposal
from sophia_mcp.swarm.fence import shown
from sophia_mcp.types import GateResult, Outcome, Source

QUOTE_WORDS = 4
"""Fewer words are found in any text; they prove nothing."""

NO_WEB = (
    "no web connector is configured: the answer stands only on the sources that were given with the"
    " task; name files in paths, or configure one of perplexity, tavily, exa, serper"
)

_NOTHING = "Nothing was found that stands on the text that was read."

_WORD = re.compile(r"\w+")
_TYPOGRAPHY = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\xa0": " "}
)


@dataclass(frozen=True, slots=True)
class Document:
    """A source whose text was at hand: a page, a file, a record, the task itself."""

    ref: str
    title: str
    url: str
    text: str


def cited(
    claims: Sequence[Claim], documents: Sequence[Document]
) -> tuple[tuple[Claim, ...], GateResult]:
    """The claims whose quotes stand in their sources, and what became of the others.

    A quote may differ from its source in white space and typographic marks; what is kept is the
    source's own spelling. A claim needs one quote that stands; quotes that do not are taken out.
    """
    pages = {one.ref: _Page.of(one.text) for one in documents}
    kept: list[Claim] = []
    gone: list[str] = []
    false_quotes = 0
    for claim in claims:
        cites = tuple(
            Cite(cite.ref, found)
            for cite in claim.cites
            if (found := _standing(cite, pages)) is not None
        )
        false_quotes += len(claim.cites) - len(cites)
        if cites:
            kept.append(replace(claim, cites=cites))
        else:
            gone.append(f"“{claim.text[:80]}” ({_reason(claim, pages)})")
    detail = f"{len(kept)} of {len(claims)} claims are cited from text that is there"
    if gone:
        detail += (
            "; dropped: " + "; ".join(gone[:5]) + (f"; and {len(gone) - 5} more" if gone[5:] else "")
        )
    elif false_quotes:
        detail += f"; {false_quotes} quotes that are not there were taken out"
    return tuple(kept), GateResult("citations", not gone and not false_quotes, detail)


def composed(proposal: Proposal, documents: Sequence[Document]) -> Outcome:
    """The outcome of a proposal that has passed its gates. With claims, the summary is those claims,
    each followed by the numbers of its sources."""
    titles = {one.ref: one for one in documents}
    numbers: dict[Cite, int] = {}
    lines: list[str] = []
    for claim in proposal.claims:
        marks = [numbers.setdefault(cite, len(numbers) + 1) for cite in claim.cites]
        lines.append(f"- {claim.text} {''.join(f'[{mark}]' for mark in marks)}")
    sources = tuple(
        Source(
            plain_line(cite.ref),
            plain_line(titles[cite.ref].title) if cite.ref in titles else "",
            plain_line(titles[cite.ref].url) if cite.ref in titles else "",
            cite.quote,
        )
        for cite in numbers
    )
    nothing = not (proposal.findings or proposal.patch)
    summary = "\n".join(lines) or proposal.summary or (_NOTHING if nothing else "")
    return Outcome(summary, proposal.findings, sources, proposal.patch)


@dataclass(frozen=True, slots=True)
class _Page:
    """A text with its words compared as a reader would: ``folded`` and where each character stood."""

    text: str
    folded: str
    places: Sequence[int]

    @classmethod
    def of(cls, text: str) -> _Page:
        text = unicodedata.normalize("NFC", shown(text))
        folded, places = _folded(text)
        return cls(text, folded, places)


def _standing(cite: Cite, pages: Mapping[str, _Page]) -> str | None:
    """The words of the source that the quote repeats, or None."""
    page = pages.get(cite.ref)
    quote = _folded(unicodedata.normalize("NFC", shown(cite.quote)))[0].strip()
    if page is None or len(_WORD.findall(quote)) < QUOTE_WORDS:
        return None
    at = page.folded.find(quote)
    if at < 0:
        return None
    return page.text[page.places[at] : page.places[at + len(quote) - 1] + 1]


def _reason(claim: Claim, pages: Mapping[str, _Page]) -> str:
    if not claim.cites:
        return "it names no source"
    if all(cite.ref not in pages for cite in claim.cites):
        return "its sources were not given"
    return "its quotes are not in the sources"


def _folded(text: str) -> tuple[str, list[int]]:
    """Runs of white space as one space, typographic marks as plain ones; and the place of each."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text.translate(_TYPOGRAPHY)):
        if character.isspace():
            if characters and characters[-1] == " ":
                continue
            character = " "
        characters.append(character)
        places.append(place)
    return "".join(characters), places
