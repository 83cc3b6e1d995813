"""A name is found in every spelling, and answered as if every feature had been worked out."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

from sophia_mcp.search import absent, spanfeatures

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    "name", ["add_money", "Cart", "add_mony", "MoneyPrinter", "cart.total", "amounts", "unheard_carts"]
)
async def test_what_does_not_count_for_a_name_is_not_missed(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    few = await ask.text(name)
    monkeypatch.setattr(spanfeatures, "TOLD", spanfeatures.SPAN)
    monkeypatch.setattr(absent, "of_name", absent.facts)
    assert await ask.text(name) == few


SPELT = {
    "scroll.ts": "export class ScrollArea {\n  public scrollUpByLines(count: number): number {\n    return -count;\n  }\n}\n",
    "limits.py": "MAX_FRAME_SIZE = 16384\n\n\ndef shrink(frame):\n    return frame[:MAX_FRAME_SIZE]\n",
    "macro.rs": "macro_rules! proto_err {\n    () => {};\n}\n\nfn other() {\n    proto_err!();\n}\n",
}


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("scroll_up_by_lines", "ScrollArea.scrollUpByLines"),
        ("scrollupbylines", "ScrollArea.scrollUpByLines"),
        ("ScrollUpByLine", "ScrollArea.scrollUpByLines"),
        ("ScrollArea.scroll_up_by_lines", "ScrollArea.scrollUpByLines"),
        ("maxFrameSize", "MAX_FRAME_SIZE"),
        ("max_frame_sizes", "MAX_FRAME_SIZE"),
        ("proto_err!", "proto_err"),
    ],
)
async def test_a_name_is_here_in_whatever_spelling(index_of, name: str, symbol: str) -> None:
    async with index_of(SPELT) as ask:
        answers = [await ask(name), await ask(name, mode="symbol")]
    for answer in answers:
        assert answer.hits[0].symbol == symbol
        assert not any(note.startswith("not here") for note in answer.notes)


@pytest.mark.requirement("search.not_here")
async def test_a_name_of_other_words_is_still_not_here(index_of) -> None:
    async with index_of(SPELT) as ask:
        answer = await ask("scroll_down_by_lines")
    assert answer.notes[0].startswith("not here:")
    assert "scrollUpByLines" in answer.notes[0]


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    "text",
    [
        "where is shrink defined",
        "Where is the function shrink declared?",
        "find the definition of `shrink`",
    ],
)
async def test_a_sentence_that_asks_where_a_name_is_defined_asks_for_the_name(
    index_of, text: str
) -> None:
    async with index_of(SPELT) as ask:
        answer = await ask(text)
    assert (answer.hits[0].symbol, answer.hits[0].why) == ("shrink", "defines shrink")


@pytest.mark.requirement("search.not_here")
async def test_a_name_is_not_here_though_each_of_its_letters_in_threes_is(index_of) -> None:
    pieces = "add dde ded ed_ d_o _on on_ n_m _ma mai ain"
    files = {"a.py": f"# {pieces}\ndef main(): ...\n", "b.py": "def added(): ...\n"}
    async with index_of(files) as ask:
        assert (await ask("added_on_main")).notes[0].startswith("not here")
        (ask.root / "c.py").write_text("call('ADDED_ON_MAIN')\n")
        await ask.update()
        assert not any(note.startswith("not here") for note in (await ask("added_on_main")).notes)
