"""What fits into the answer, and how does it look? Spans into a token budget, then text or JSON.

Pure. The budget is counted on the rendered answer itself, so it holds for everything an agent
sees: headers, notes and the line that says how to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, TypeVar

from sophia_mcp.index.parsing.chunk import LINE_CHARS
from sophia_mcp.llm.counting.tokens import ceiling
from sophia_mcp.search.engine import Candidate
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import Query
from sophia_mcp.search.reply import cursor
from sophia_mcp.search.reply.render import block, render, written
from sophia_mcp.search.reply.shown import Masked
from sophia_mcp.search.view.content import Text
from sophia_mcp.security.secrets import mask
from sophia_mcp.security.text import counted, plain
from sophia_mcp.types import Answer, Coverage, Detail, Freshness, Hit, Request

T = TypeVar("T")

SNIPPET_LINES = 40
"""A span longer than this is shown around the lines that match."""

SIGNATURE_LINES = 3
_COPIED = 2
"""Lines beside the first that are so many that they are not shown again."""

_LEAST = 110
"""Tokens: below this share a hit shows too little to judge it."""

_LEADERS, _FOLLOWERS, _OTHERS = 3, 8, 12
"""The first hits get twice the room of the others; those after the followers show their beginning, and those
after the twelfth one line: who asks for so many wants to see where else to look."""

_MOST = (260, 120, 80, 40)
"""Tokens of a leader, a follower, another and any further hit at most, unless a detail is asked for."""

_PER_TOKEN = 8
"""Characters of a token, and rarely more: what is longer than the budget so many times cannot fit."""

_NARROWEST = 24
"""Characters of a line that are still worth showing."""

_CUT = "…… 1,000,000 more characters"
"""What is written around the part of a line."""

_SPARE = 24
"""Tokens that are left for what an answer may say beside its hits and was not counted."""

_NUMBER = 2
"""Tokens of a line's number and end."""

NOTHING = Query("", "path")
"""No text is looked for."""

_NAMED_MOST = 6
"""Omitted spans named one by one."""


@dataclass(frozen=True)
class Material:
    """What the packer chooses from: candidates in order, the texts of their files, and the facts of
    the answer. ``named``: the first candidate is the definition that was asked for by its name.
    ``query``: what was asked for, as long lines are searched for it."""

    candidates: Sequence[Candidate]
    texts: Mapping[int, Text]
    paths: Mapping[int, str]
    languages: Mapping[int, str]
    freshness: Mapping[int, Freshness]
    repo: str
    total: int
    index: Coverage
    notes: tuple[str, ...]
    earlier: frozenset[bytes]
    cursor: Callable[[Sequence[bytes]], str]
    named: bool = False
    query: Query = NOTHING


def pack(material: Material, request: Request, count: Callable[[str], int]) -> Answer:
    """The answer: at most ``limit`` hits and ``max_tokens`` tokens, in the order of the candidates,
    none of an earlier page. What did not fit is named, with the call that gets it."""
    count = cache(count)  # what is shown may be counted at one length and then at another
    masked = Masked(material.texts, _longest(request), material.query)
    fresh = [
        item
        for item in material.candidates
        if not material.earlier or _mark(material, item) not in material.earlier
    ]
    hits: list[Hit] = []
    used: list[Candidate] = []
    wanted = fresh[: request.limit]
    budget = request.max_tokens
    room = None if budget is None else _Room(budget, _empty(material, request), count)
    shown: dict[str, str] = {}
    for place, item in enumerate(wanted):
        share = None if room is None else room.tells(_share, place, len(wanted), request.detail)
        same = _same(material, item, shown) if request.detail == "auto" else ""
        hit, cost = _hit(material, masked, item, share, count, request, same)
        if room is not None:
            if hits and not room.tells(_holds, cost):
                break
            room.spent += cost
        hits.append(hit)
        used.append(item)
    if (
        room is not None
        and hits
        and material.named
        and not material.earlier
        and request.detail == "auto"
    ):
        room.spent += _grow(material, masked, hits, used[0], room, count, request)
    answer = _answer(material, request, hits, used, fresh, masked)
    if room is not None and not _surely_fits(answer, room, request.max_tokens, count):
        answer = _fit(answer, material, request, hits, used, fresh, masked, count)
    return answer


def _longest(request: Request) -> int | None:
    """Characters of a line that are shown: what the index has read of it; in full what may fit; None: all.
    A longer line says so. Such lines are not for reading (images in notebooks), and take seconds to count."""
    if request.max_tokens is None:
        return None
    return request.max_tokens * _PER_TOKEN if request.detail == "full" else LINE_CHARS


def _mark(material: Material, item: Candidate) -> bytes:
    return cursor.span(material.paths[item.file], item.start, item.end)


class _Room:
    """Tokens that are left for hits. What an answer takes beside them is counted only where that matters."""

    def __init__(self, budget: int, beside: str, count: Callable[[str], int]) -> None:
        self._budget, self._beside, self._count = budget, beside, count
        self.spent = 0

    def tells(self, of: Callable[..., T], *values: Any) -> T:
        """What a function says of the tokens that are left, and of these values: a function that only grows, or
        only falls, with them."""
        least = of(self._budget - self._most - self.spent, *values)
        most = of(self._budget - self.spent, *values)
        return least if least == most else of(self._budget - self._exact - self.spent, *values)

    @cached_property
    def _most(self) -> int:
        return ceiling(self._beside) + _SPARE

    @cached_property
    def _exact(self) -> int:
        return self._count(self._beside) + _SPARE


def _holds(room: int, cost: int) -> bool:
    return cost <= room


def _grow(
    material: Material,
    masked: Masked,
    hits: list[Hit],
    item: Candidate,
    room: _Room,
    count: Callable[[str], int],
    request: Request,
) -> int:
    """Show as much of the definition that was asked for as the room that is left allows, at most half of
    the budget, and nothing that another hit shows; returns what that costs."""
    small, others = hits[0], [hit for hit in hits[1:] if hit.path == hits[0].path]
    above = max((hit.end_line + 1 for hit in others if hit.end_line < small.start_line), default=1)
    below = min(
        (hit.start_line - 1 for hit in others if hit.start_line > small.start_line), default=1 << 30
    )
    start, end = _range(item, "full", masked.length(item.file))
    start, end = max(start, above), min(end, below)
    if end - start <= small.end_line - small.start_line:
        return 0  # all of it is shown
    whole = replace(item, start=start, end=end, home=(0, 0))
    before = count(block(small, request))
    half = (request.max_tokens or 0) // 2
    share = room.tells(lambda left: min(before + left, half))
    grown, cost = _hit(material, masked, whole, share, count, replace(request, detail="full"))
    if share <= before or grown.end_line - grown.start_line <= small.end_line - small.start_line:
        return 0
    hits[0] = grown
    return cost - before


def _same(material: Material, item: Candidate, shown: dict[str, str]) -> str:
    """The place among those ``shown`` whose lines are the very same, as copies of a build are; else empty, and this one
    is noted there."""
    if item.text is not None or item.end - item.start < _COPIED:
        return ""
    place = f"{material.paths[item.file]}:{item.start}-{item.end}"
    first = shown.setdefault(material.texts[item.file].span(item.start, item.end), place)
    return "" if first == place else first


def _share(room: int, place: int, hits: int, detail: Detail) -> int:
    """Tokens for the hit at ``place``: leaders weigh double, and what one leaves falls to the next. When
    the caller leaves the detail to us, many short spans serve better than few long ones."""
    weights = [2.0 if i < _LEADERS else 1.0 for i in range(place, hits)]
    share = max(int(room * weights[0] / sum(weights)), _LEAST)
    if detail != "auto":
        return share
    return min(share, _MOST[sum(place >= end for end in (_LEADERS, _FOLLOWERS, _OTHERS))])


def _empty(material: Material, request: Request) -> str:
    """An answer that holds no hit yet, with a cursor as long as it may become."""
    token = material.cursor([*material.earlier, *map(_any_mark, range(request.limit))])
    return render(Answer((), material.total, token, material.index, material.notes), request)


@cache
def _any_mark(number: int) -> bytes:
    """A mark such as any span might have."""
    return cursor.span("", number, number)


def _surely_fits(answer: Answer, room: _Room, budget: int | None, count: Callable[[str], int]) -> bool:
    """Whether what was counted by lines leaves so much of the budget that the whole need not be counted:
    one token for each line, and a tenth, is more than joining lines can add."""
    lines = sum(hit.end_line - hit.start_line + 3 for hit in answer.hits)

    def fit(count: Callable[[str], int]) -> bool:
        named = sum(count(name) + 4 for name in answer.omitted)
        fits: bool = room.tells(lambda left: left - named - lines > (budget or 0) // 10)
        return fits

    return fit(ceiling) or fit(count)


def _hit(
    material: Material,
    masked: Masked,
    item: Candidate,
    share: int | None,
    count: Callable[[str], int],
    request: Request,
    same: str = "",
) -> tuple[Hit, int]:
    """One candidate at the detail asked for, shortened until it costs about ``share`` tokens, with what
    it costs; of the ``same`` lines as another place shows why it is a hit, and that place."""
    detail = request.detail
    start, end = _range(item, detail, masked.length(item.file))
    hit = Hit(
        material.repo,
        material.paths[item.file],
        start,
        end,
        item.symbol,
        item.kind,
        material.languages[item.file],
        round(item.score, 4),
        item.why,
        material.freshness.get(item.file, "fresh"),
    )
    if same:
        hit = replace(hit, why="; ".join(filter(None, (hit.why, f"same lines as {same}"))))
    head = 0 if share is None else count(block(hit, request))
    if same or detail == "locations":
        return hit, head
    if item.text is not None:
        lines = plain(mask(item.text).text).split("\n")
        shown = _shorten_text(hit, lines, share, count, request)
        return shown, 0 if share is None else count(block(shown, request))
    if detail == "signatures":
        first = item.focus if item.home == (0, 0) else item.anchor or start
        start, end = first, min(first + SIGNATURE_LINES - 1, max(item.home[1], end))
    elif detail != "full":
        start, end = _window(item, start, end, SNIPPET_LINES)
    lines = masked.lines(item.file, start, end)
    cost = 0
    if share is not None:
        costs = _Costs(lines, count, request.format)
        first, last = _affordable(item, start, costs, share - head)
        cost = head + sum(costs[place - start] for place in range(first, last + 1))
        lines, start, end = lines[first - start : last - start + 1], first, last
    return replace(hit, start_line=start, end_line=end, text="\n".join(lines)), cost


def _range(item: Candidate, detail: Detail, length: int) -> tuple[int, int]:
    start, end = item.start, item.end
    if detail == "full" and item.home[0]:
        start, end = min(start, item.home[0]), max(end, item.home[1])
    return max(start, 1), max(min(end, length), 1)


def _window(item: Candidate, start: int, end: int, longest: int) -> tuple[int, int]:
    """At most ``longest`` lines: from the beginning when they reach the focus, else around it."""
    if end - start + 1 <= longest:
        return start, end
    if item.focus < start + longest - 1:
        return start, start + longest - 1
    first = min(max(item.focus - longest // 3, start), end - longest + 1)
    return first, first + longest - 1


class _Costs:
    """Tokens of lines as they are shown; those that nobody asks for are not counted."""

    def __init__(self, lines: Sequence[str], count: Callable[[str], int], format: str) -> None:
        self._lines, self._count, self._format = lines, count, format

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place: int) -> int:
        return self._count(written(self._lines[place], self._format)) + _NUMBER

    def fit(self, room: int) -> bool:
        """Whether all lines together cost no more than ``room``."""
        for place in range(len(self)):
            room -= self[place]
            if room < 0:
                return False
        return True


def _affordable(item: Candidate, start: int, costs: _Costs, room: int) -> tuple[int, int]:
    """The lines that fit ``room``, one at least: from the definition on when that reaches the focus,
    else from a little above the focus; then what fits of the comment above."""
    end = start + len(costs) - 1
    if costs.fit(room):
        return start, end
    first = min(max(item.anchor, start), end)
    last, left = _down(first, end, start, costs, room)
    if last < item.focus <= end:
        first = max(item.focus - 2, start)
        last, left = _down(first, end, start, costs, room)
    if last < item.focus <= end:
        first = last = item.focus
        left = max(room - costs[first - start], 0)
    while first > start and costs[first - 1 - start] <= left:
        first -= 1
        left -= costs[first - start]
    return first, last


def _down(first: int, end: int, start: int, costs: _Costs, room: int) -> tuple[int, int]:
    last, left = first, room - costs[first - start]
    while last < end and costs[last + 1 - start] <= left:
        last += 1
        left -= costs[last - start]
    return last, max(left, 0)


def _shorten_text(
    hit: Hit, lines: Sequence[str], share: int | None, count: Callable[[str], int], request: Request
) -> Hit:
    whole = replace(hit, text="\n".join(lines))
    if share is None or count(block(whole, request)) <= share:
        return whole
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if count(block(replace(hit, text="\n".join([*lines[:middle], "…"])), request)) <= share:
            low = middle
        else:
            high = middle - 1
    return replace(hit, text="\n".join([*lines[:low], "…"]) if low else "")


def _answer(
    material: Material,
    request: Request,
    hits: Sequence[Hit],
    used: Sequence[Candidate],
    fresh: Sequence[Candidate],
    masked: Masked,
    named: int = _NAMED_MOST,
) -> Answer:
    rest = fresh[len(used) :]
    shown = [*material.earlier, *(_mark(material, item) for item in used)]
    notes = list(material.notes)
    if masked.secrets:
        total = sum(masked.secrets.values())
        notes.append(f"{counted(total, 'secret')} masked")
    omitted = []
    for hit, item in zip(hits, used, strict=True):
        if hit.text and item.text is None and request.detail != "signatures":
            detail = "full" if hit.end_line > item.end else request.detail
            _, last = _range(item, detail, item.end if not item.home[0] else max(item.home))
            if hit.end_line < last:
                omitted.append(call(request, f"{hit.path}:{hit.end_line + 1}-{last}", detail="full"))
    omitted = omitted[:2] if request.detail != "full" else omitted
    for item in rest[: named if request.limit > len(used) or named < _NAMED_MOST else 0]:
        omitted.append(f"{material.paths[item.file]}:{item.start}-{item.end} {item.symbol}".rstrip())
    return Answer(
        tuple(hits),
        material.total,
        material.cursor(shown) if rest else None,
        material.index,
        tuple(notes),
        tuple(omitted[: named if named else 0]),
        sum(item.exact for item in used),
    )


def _fit(
    answer: Answer,
    material: Material,
    request: Request,
    hits: list[Hit],
    used: list[Candidate],
    fresh: Sequence[Candidate],
    masked: Masked,
    count: Callable[[str], int],
) -> Answer:
    """Give up, in this order, names of omitted spans, hits but the first, its lines, the ends of its last
    line, the hit, notes, until the rendered answer counts at most the budget."""
    budget = request.max_tokens or 0
    named = _NAMED_MOST
    hits, used = list(hits), list(used)
    while (over := count(render(answer, request)) - budget) > 0:
        if named:
            named = named // 2
        elif hits and hits[-1].text and len(hits) == 1:
            hits[-1] = _smaller(hits[-1], used[-1], masked, over, count, request.format)
        elif hits:
            hits.pop()
            used.pop()
        else:
            return _bare(answer, request, count)
        answer = _answer(material, request, hits, used, fresh, masked, named)
    if fresh and not hits:
        said = (*answer.notes, f"not even the place of the next hit fits into max_tokens={budget}")
        bare = replace(answer, notes=said, omitted=(), next_cursor=None)
        return _bare(bare, request, count)
    return answer


def _smaller(
    hit: Hit, item: Candidate, masked: Masked, over: int, count: Callable[[str], int], format: str
) -> Hit:
    """The only hit with less text, by ``over`` tokens where it is one line: half of its lines, the one that
    matters among them, then a part of that line, then none."""
    lines = hit.text.split("\n")
    half = len(lines) // 2
    if half and item.text is not None:
        return replace(hit, text="\n".join(lines[:half]), end_line=hit.end_line - len(lines) + half)
    if half:
        first = min(max(item.focus - hit.start_line - half // 2, 0), len(lines) - half)
        start = hit.start_line + first
        kept = lines[first : first + half]
        return replace(hit, text="\n".join(kept), start_line=start, end_line=start + half - 1)
    cost = count(written(hit.text, format))
    width = int(len(hit.text) * (cost - over) / max(cost, 1)) - len(_CUT)
    if width < _NARROWEST or item.text is not None:
        return replace(hit, text="")
    [part] = masked.lines(item.file, hit.start_line, hit.start_line, width)
    return replace(hit, text=part if len(part) < len(hit.text) else "")


def _bare(answer: Answer, request: Request, count: Callable[[str], int]) -> Answer:
    """An answer without hits whose notes alone pass the budget: the first notes that fit."""
    budget = request.max_tokens or 0
    notes = list(answer.notes)
    answer = replace(answer, omitted=(), next_cursor=None)
    while notes and count(render(replace(answer, notes=tuple(notes)), request)) > budget:
        last = notes[-1]
        if len(notes) == 1 and len(last) > 40:
            notes[-1] = last[: len(last) * 2 // 3].rstrip() + "…"
        else:
            notes.pop()
    return replace(answer, notes=tuple(notes))
