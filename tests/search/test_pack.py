"""What is shown of a span: never a secret, never a character that acts, always why it is there."""

from __future__ import annotations

import json

import pytest
from tests.search.conftest import Asked

from sophia_mcp.llm.counting import tokens
from sophia_mcp.search.repomap import outline

pytestmark = pytest.mark.anyio

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
KEY = "MIIEpAIBAAKCAQEAx4UbaDzY5xjW6hc9jwN0mX33XpTDVW0WqHpVkQGL7mBvOXp3"
LEAKY = {
    "deploy.py": f'def deploy_token(token="{SECRET}"):\n    return token\n',
    "keys.py": "def private_key():\n    return '''\n-----BEGIN RSA PRIVATE KEY-----\n"
    + f"{KEY}\n" * 30
    + "-----END RSA PRIVATE KEY-----\n'''\n",
}


@pytest.mark.requirement("search.masked")
@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("detail", ["auto", "locations", "signatures", "snippets", "full"])
async def test_a_secret_is_masked_in_every_detail_and_format(index_of, detail: str, format: str) -> None:
    async with index_of(LEAKY) as ask:
        for question in ("deploy_token", "deploy.py", "deploy.py:1-2"):
            text = await ask.text(question, detail=detail, format=format)
            assert "deploy" in text
            assert SECRET not in text


@pytest.mark.requirement("search.masked")
async def test_a_secret_is_masked_in_outlines_and_maps(index_of) -> None:
    async with index_of(LEAKY) as ask:
        for where in (".", "deploy.py"):
            text = await ask.text(where, mode="outline")
            assert "def deploy_token" in text
            assert SECRET not in text
        assert SECRET not in await outline(ask.engine, ask.view, "", 500)


@pytest.mark.requirement("search.budget")
async def test_a_very_long_line_is_cut_and_says_so(index_of) -> None:
    files = {"notes.ipynb": '{\n"picture": "' + "international " * 20_000 + '",\n"next": 1}\n'}
    async with index_of(files) as ask:
        (hit,) = (await ask("notes.ipynb:2-2")).hits
        (full,) = (await ask("notes.ipynb:2-2", detail="full", max_tokens=4000)).hits
        (whole,) = (await ask("notes.ipynb:2-2", detail="full", max_tokens=None)).hits
    line = files["notes.ipynb"].split("\n")[1]
    assert hit.text == f"{line[:2000]}… {len(line) - 2000:,} more characters"
    assert full.text == f"{line[:32_000]}… {len(line) - 32_000:,} more characters"
    assert whole.text == line


DENSE = "RULES = {"
DENSE += "".join(f"'f{i}': lambda a, b: a * {i} + b, " for i in range(25))
DENSE += "'square_of_hypotenuse': lambda a, b: a * a + b * b, "
DENSE += "".join(f"'g{i}': lambda a, b: a - {i} * b, " for i in range(25)) + "}"
PLAIN = "".join(f"def step{i}(a):\n    return a + {i}\n\n\n" for i in range(20))


@pytest.mark.requirement("search.budget")
@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("square of the hypotenuse", {"mode": "text"}),
        ("square_of_hypotenuse", {"mode": "text"}),
        (r"square\w+': lambda", {"mode": "regex"}),
    ],
)
async def test_a_line_over_the_budget_is_cut_around_the_match(
    index_of, question: str, arguments: dict[str, str], format: str
) -> None:
    async with index_of({"dense.py": f"{PLAIN}# Numbers.\n{DENSE}\n"}) as ask:
        (hit, *_) = (await ask(question, max_tokens=300, **arguments)).hits
        text = await ask.text(question, max_tokens=300, format=format, **arguments)
    assert (hit.start_line, hit.end_line) == (82, 82)
    assert hit.text.startswith("…")
    assert "'square_of_hypotenuse': lambda a, b" in hit.text
    assert hit.text.endswith(" more characters")
    assert "more characters" in text
    assert tokens.count(text) <= 300


@pytest.mark.requirement("search.budget")
async def test_a_match_far_behind_the_beginning_of_a_long_line_is_shown(index_of) -> None:
    line = "value " * 3000 + "needle_of_gold " + "value " * 3000
    async with index_of({"wide.txt": f"first\n{line}\nlast\n"}) as ask:
        (hit,) = (await ask(r"needle_\w+", mode="regex")).hits
    assert hit.text.startswith("…")
    assert "needle_of_gold" in hit.text
    assert hit.text.endswith(f"… {len(line) - 2000:,} more characters")


@pytest.mark.requirement("search.masked", "search.budget")
async def test_a_secret_in_a_cut_line_stays_masked(index_of) -> None:
    line = DENSE.replace("a * a +", f"'{SECRET}' * a +")
    async with index_of({"dense.py": f"{PLAIN}{line}\n"}) as ask:
        for most in (200, 240, 300, 400, 700):
            text = await ask.text(r"square_of\w+", mode="regex", max_tokens=most)
            assert "square_of_hypotenuse" in text
            assert not any(SECRET[i : i + 8] in text for i in range(len(SECRET) - 7))


@pytest.mark.requirement("search.masked")
async def test_lines_from_the_middle_of_a_key_are_masked(index_of) -> None:
    async with index_of(LEAKY) as ask:
        text = await ask.text("keys.py:9-14", detail="full")
    assert "masked" in text
    assert KEY not in text


@pytest.mark.requirement("security.text")
@pytest.mark.parametrize("format", ["text", "json"])
async def test_characters_that_act_are_spelled_out_in_answers(index_of, format: str) -> None:
    files = {
        "trick.py": "def is_admin(user):\n    # \u202e } \u2066if granted\u2069 \u2066 begin\n    return 1\n"
    }
    async with index_of(files) as ask:
        text = await ask.text("is_admin", format=format)
    assert "granted" in text
    assert not set(text) & set("\u202e\u2066\u2069")


@pytest.mark.requirement("search.why")
@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("how long do we wait before trying again", {}),
        ("add_money", {}),
        ("add_money", {"mode": "symbol"}),
        ("CurrencyMismatch: cannot add USD to EUR: convert first", {}),
        (r"def \w+_money", {"mode": "regex"}),
        ("add_money", {"mode": "references"}),
        ("add_money", {"mode": "callers"}),
        ("for _ in range(count):\n    result = add_money(result, price)", {"mode": "similar"}),
        (".", {"mode": "outline"}),
        ("shop/cart.py", {}),
        ("shop/cart.py:3-9", {}),
    ],
)
async def test_every_hit_says_why_it_is_there(
    ask: Asked, question: str, arguments: dict[str, str]
) -> None:
    whole = json.loads(await ask.text(question, format="json", **arguments))
    assert whole["hits"]
    assert all(hit["why"].strip() for hit in whole["hits"])


@pytest.mark.requirement("search.cursor")
async def test_no_page_repeats_one_before_the_last(ask: Asked) -> None:
    seen: list[tuple[str, int]] = []
    cursor = None
    for _ in range(4):
        answer = await ask("items of the cart and their money", limit=2, cursor=cursor)
        seen += [(hit.path, hit.start_line) for hit in answer.hits]
        cursor = answer.next_cursor
        assert cursor
    assert len(seen) == len(set(seen))
