"""No secret leaves in a question."""

from __future__ import annotations

import pytest
from tests.llm.asking import Steps, ask

from sophia_mcp.llm.wrappers.masking import Masked
from sophia_mcp.types import Message

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.masked")]

KEY = "AKIA" + "Q3EXR7NB5KTWZP2M"


async def test_a_secret_in_any_message_is_masked_and_told() -> None:
    told: list[str] = []
    inner = Steps(["done"])
    asked = ask(messages=(Message("system", "s"), Message("user", f"diff\n+key = '{KEY}'\n", True)))
    await Masked(inner, lambda labels, text: told.append(text)).ask(asked)
    [sent] = inner.asked
    assert KEY not in sent.messages[1].text
    assert sent.messages[1].text.count("\n") == 2
    assert sent.messages[1].shared
    assert told == ["1 secret was masked before the question was sent"]


async def test_a_question_without_secrets_is_sent_as_it_is() -> None:
    inner = Steps(["done"])
    await Masked(inner).ask(ask())
    assert inner.asked == [ask()]
