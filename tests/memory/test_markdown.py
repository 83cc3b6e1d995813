"""Memory as a file that people edit: nothing is lost on the way out and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.conftest import Mind, opened

from sophia_mcp.errors import BadArgument
from sophia_mcp.memory import markdown
from sophia_mcp.memory.markdown import Section

pytestmark = pytest.mark.requirement("memory.markdown")

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=200
).filter(lambda text: text.strip("\n") == text and text.strip() != "")


@given(
    st.lists(
        st.builds(
            Section,
            st.integers(0, 2**48 - 1).map(lambda number: f"m-{number:012x}"),
            st.one_of(
                TEXTS,
                st.sampled_from(["~~~\n## m-x\n~~~~", "<!-- sophia {} -->", "- kind: x", "``` \nx"]),
            ),
            st.sampled_from(["fact", "decision", "lesson", "preference"]),
            st.sampled_from(["repo", "workspace", "user", "global"]),
            st.sampled_from(["", "shop"]),
            st.sampled_from(["working", "episodic", "lasting", "pinned"]),
            st.just("run:r1"),
            st.one_of(st.none(), st.integers(1, 2**62)),
            st.sampled_from([(), ("a.py",), ("a.py:3", "Class.method")]),
            st.dictionaries(st.sampled_from(["uses", "note"]), st.one_of(st.integers(), TEXTS)),
        ),
        max_size=4,
    )
)
def test_sections_are_read_back_as_they_were_written(sections: list[Section]) -> None:
    found = markdown.read(markdown.write(sections))
    assert [
        (s.id, s.text, s.kind, s.scope, s.repo, s.tier, s.expires_ns, s.anchors, dict(s.state))
        for s in found
    ] == [
        (s.id, s.text, s.kind, s.scope, s.repo, s.tier, s.expires_ns, s.anchors, dict(s.state))
        for s in sections
    ]


async def filled(mind: Mind) -> None:
    await mind.keep(
        "Carts are locked by their id", kind="decision", anchors=("charge_card", "notes.txt:3")
    )
    await mind.keep("Two lines\n\n## m-000000000000\n\n- kind: fact\n~~~\nstill one memory", ttl_days=9)
    await mind.keep("Answer in English", kind="preference", scope="user", pinned=True)
    await mind.keep("Prefer small commits — «always»", kind="lesson", scope="global", source="person")
    kept = (await mind.keep("The queue drops messages", source="run:r7")).memo
    await mind.memory.confirm(kept.id, "run:r8")
    await mind.found("queue messages")
    await mind.memory.close()


@pytest.mark.anyio
async def test_a_store_that_takes_in_an_export_exports_the_same(mind: Mind, tmp_path: Path) -> None:
    await filled(mind)
    text = await mind.memory.export(mind.caller)
    async with opened(tmp_path / "second.db", mind.project, mind.now) as second:
        done = await second.memory.import_markdown(text, second.caller)
        assert (done.added, done.changed, done.same, done.problems) == (5, 0, 0, ())
        assert await second.memory.export(second.caller) == text
        assert {each.verdict for each in (await second.found("locked carts"))[0].anchors} == {"fresh"}
        again = await second.memory.import_markdown(text, second.caller)
        assert (again.added, again.changed, again.same) == (0, 0, 5)


@pytest.mark.anyio
async def test_what_a_person_edits_is_taken_over(mind: Mind) -> None:
    await filled(mind)
    text = await mind.memory.export(mind.caller)
    edited = text.replace("locked by their id", "locked by their number").replace(
        "- anchor: notes.txt:3", "- anchor: Cart.total_cents"
    )
    edited += "\n## new\n\n- kind: lesson\n- scope: user\n\nWritten without a fence,\nin two lines.\n"
    done = await mind.memory.import_markdown(edited, mind.caller)
    assert (done.added, done.changed, done.same, done.problems) == (1, 1, 4, ())
    memo = (await mind.found("how are carts locked"))[0]
    assert (memo.text, memo.source) == ("Carts are locked by their number", "person")
    assert [each.place for each in memo.anchors] == ["charge_card", "Cart.total_cents"]
    new = (await mind.found("written without a fence"))[0]
    assert (new.kind, new.scope, new.text) == (
        "lesson",
        "user",
        "Written without a fence,\nin two lines.",
    )


@pytest.mark.anyio
async def test_an_import_brings_a_forgotten_memory_back(mind: Mind) -> None:
    kept = (await mind.keep("Carts are locked by their id")).memo
    text = await mind.memory.export(mind.caller)
    await mind.memory.forget(kept.id)
    done = await mind.memory.import_markdown(text, mind.caller)
    assert (done.changed, [memo.id for memo in await mind.found("locked carts")]) == (1, [kept.id])


@pytest.mark.anyio
async def test_a_section_that_cannot_be_taken_in_is_named_and_the_rest_goes_on(mind: Mind) -> None:
    text = "## new\n\n- anchor: nowhere.py:3\n\nOne\n\n## new\n\nTwo works\n"
    done = await mind.memory.import_markdown(text, mind.caller)
    assert (done.added, len(done.problems)) == (1, 1)
    assert done.problems[0].startswith("line 1: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## new\n\n- kind: rumour\n\nx", "line 3: 'rumour' is no kind"),
        ("## new\n\n- color: red\n\nx", "line 3: 'color' is unknown"),
        ("## new\n\n- expires: soon\n\nx", "'soon' is no time"),
        ("## new\n\n~~~text\nx", "does not end"),
        ("## new\n\nx\n\n<!-- sophia {broken} -->", "line 5: the comment cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(text: str, says: str) -> None:
    with pytest.raises(BadArgument) as refused:
        markdown.read(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no memory in this file"),
        ("# Notes\n\nSomething else\n", "no memory in this file"),
        ("## Installation\n\npip install shop\n", "line 1: 'Installation' is neither"),
        ("## m-345d905c59\n\nan id that was cut\n", "is neither `new` nor the id"),
        ("## new\n\n- expires: 9999-12-31\n\nx", "'9999-12-31' is no time"),
        ("## new\n\n- expires: 1960-01-01\n\nx", "'1960-01-01' is no time"),
    ],
)
def test_a_file_that_is_no_export_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadArgument) as refused:
        markdown.read(text)
    assert says in str(refused.value)


def test_an_export_of_nothing_is_one() -> None:
    assert markdown.read(markdown.write([])) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ('"uses":', '"uses":-1'),
        ('"created_ns":', '"created_ns":99999999999'),
        ('"repeats":', '"repeats":"x","was":'),
        ('"size":', '"size":9999999999999999999'),
        ('"place":', '"plaice":'),
        ('"votes":', '"votes":7,"were":'),
    ],
)
async def test_a_comment_that_was_mangled_is_named_and_the_rest_comes_in(
    mind: Mind, tmp_path: Path, was: str, is_: str
) -> None:
    await filled(mind)
    text = await mind.memory.export(mind.caller)
    assert was in text
    async with opened(tmp_path / "second.db", mind.project, mind.now) as second:
        done = await second.memory.import_markdown(text.replace(was, is_, 1), second.caller)
        assert (done.added, len(done.problems)) == (4, 1)
        assert "comment of this memory cannot be read" in done.problems[0]


@pytest.mark.anyio
async def test_a_change_that_cannot_be_made_is_a_problem_and_not_lost(mind: Mind) -> None:
    kept = (await mind.keep("Carts are locked by their id")).memo
    text = (await mind.memory.export(mind.caller)).replace("- scope: repo", "- scope: user")
    done = await mind.memory.import_markdown(text, mind.caller)
    assert (done.changed, len(done.problems)) == (0, 1)
    assert f"{kept.id} cannot move to the scope user" in done.problems[0]


@pytest.mark.anyio
async def test_an_anchor_in_another_repository_is_a_problem_and_not_lost(mind: Mind) -> None:
    text = '## new\n\n- anchor: a.py\n\nx\n\n<!-- sophia {"identities":["root:other"]} -->\n'
    text = text.replace("## new", "## m-0123456789ab")
    done = await mind.memory.import_markdown(text, mind.caller)
    assert (done.added, len(done.problems)) == (0, 1)
    assert "nothing to anchor at 'a.py'" in done.problems[0]
