"""A claim without words in its source does not reach the answer."""

from __future__ import annotations

import pytest

from sophia_mcp.swarm.answers.citations import Document, cited, composed
from sophia_mcp.swarm.answers.proposals import Cite, Claim, Proposal

pytestmark = pytest.mark.requirement("swarm.citations")

PAGE = Document(
    "page",
    "Release notes",
    "https://example.org/notes",
    "Version 3 was released on\n  4 May. It “never” supports more than 20 users per site.\n",
)


def claim(quote: str, ref: str = "page", text: str = "It was released in May.") -> Claim:
    return Claim(text, (Cite(ref, quote),))


def kept(*claims: Claim) -> tuple[Claim, ...]:
    return cited(claims, [PAGE])[0]


def test_a_quote_that_is_there_keeps_its_claim_in_the_source_s_own_spelling() -> None:
    [found] = kept(claim('it "never" supports more than'.replace("it", "It")))
    assert found.cites[0].quote == "It “never” supports more than"


def test_line_breaks_and_spaces_of_the_source_do_not_matter() -> None:
    [found] = kept(claim("Version 3 was released on 4 May."))
    assert found.cites[0].quote == "Version 3 was released on\n  4 May."


@pytest.mark.parametrize(
    "quote",
    [
        "Version 3 was released on 5 May.",
        "version 3 was released on 4 may",
        "It supports more than 20 users",
        "released on",
        "",
        "Version 3 was … 20 users",
    ],
)
def test_words_that_are_not_there_or_too_few_drop_the_claim(quote: str) -> None:
    claims, result = cited([claim(quote)], [PAGE])
    assert not claims
    assert not result.passed
    assert "dropped" in result.detail


def test_a_source_that_was_not_given_proves_nothing() -> None:
    claims, result = cited([claim("Version 3 was released on 4 May.", ref="elsewhere")], [PAGE])
    assert not claims
    assert "not given" in result.detail


def test_words_of_another_source_than_the_one_that_is_named_prove_nothing() -> None:
    other = Document("other", "Roadmap", "https://example.org/road", "Version 4 follows on 1 June.\n")
    claims, _ = cited(
        [claim("Version 4 follows on 1 June."), claim("Version 4 follows on 1 June.", ref="other")],
        [PAGE, other],
    )
    assert [cite.ref for each in claims for cite in each.cites] == ["other"]


def test_a_claim_keeps_only_those_of_its_quotes_that_stand() -> None:
    both = Claim(
        "x", (Cite("page", "more than 20 users per site"), Cite("page", "more than 30 users per site"))
    )
    [found], result = cited([both], [PAGE])
    assert [cite.quote for cite in found.cites] == ["more than 20 users per site"]
    assert not result.passed


def test_the_answer_consists_of_cited_claims_only() -> None:
    claims = kept(
        claim("Version 3 was released on 4 May."),
        claim("more than 20 users per site", text="A site has at most 20 users."),
    )
    outcome = composed(Proposal(summary="Everybody knows it is the best.", claims=claims), [PAGE])
    assert outcome.summary == "- It was released in May. [1]\n- A site has at most 20 users. [2]"
    assert [source.quote for source in outcome.sources] == [
        claims[0].cites[0].quote,
        claims[1].cites[0].quote,
    ]
    assert outcome.sources[0].url == "https://example.org/notes"


def test_where_nothing_stands_the_answer_says_so() -> None:
    assert "Nothing was found" in composed(Proposal(), [PAGE]).summary
