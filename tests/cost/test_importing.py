"""The spending of other assistants: each call once, with its largest counts, at our own prices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cost import homes

from sophia_mcp.cost import reads, schema
from sophia_mcp.cost.importing import Imported, Importer
from sophia_mcp.cost.ledger.entry import Entry
from sophia_mcp.cost.ledger.ledger import Ledger
from sophia_mcp.cost.logs import CLIENTS, Machine
from sophia_mcp.errors import NotFound
from sophia_mcp.llm.prices.catalogue import Catalogue
from sophia_mcp.store.engines.sqlite import open_database

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("cost.import")]

SONNET = {"input": 2_000, "output": 10_000, "cached": 100, "write": 2_500, "write_1h": 4_000}
"""Nano-dollars a token of claude-sonnet-5-5: $2, $10, $0.10, $2.50 and $4 a million."""


@dataclass
class Desk:
    home: Path
    ledger: Ledger
    importer: Importer

    async def run(self, *clients: str, **options: Any) -> Imported:
        (done,) = await self.importer.run(clients, **options)
        return done

    async def entries(self) -> list[Entry]:
        return [entry async for entry in self.ledger.entries()]

    async def total(self) -> int:
        return sum(entry.measures.nano for entry in await self.entries())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    home = tmp_path / "home"
    home.mkdir()
    db = await open_database(tmp_path / "state.db", durability="truth")
    await db.migrate(schema.MIGRATIONS, reads.MIGRATIONS)
    ledger = Ledger(db, holder="test:1:0")
    yield Desk(home, ledger, Importer(db, ledger, Catalogue().price, Machine(home)))
    await db.close()


def project(desk: Desk, name: str = "5f0c7a4e.jsonl") -> Path:
    return desk.home / ".claude" / "projects" / "-home-user-shop" / name


async def test_a_streamed_message_counts_once_with_its_final_counts(desk: Desk) -> None:
    """Each content block repeats the message, the early ones with a few output tokens: neither their
    sum nor the first line is what was billed."""
    partial = {"input_tokens": 10, "cache_read_input_tokens": 1000, "output_tokens": 3}
    final = {**partial, "output_tokens": 700}
    lines = [homes.claude("msg_01a", usage) for usage in (partial, partial, final)]
    homes.put(project(desk), *lines)
    done = await desk.run("claude_code")
    assert (done.calls, done.new, done.skipped) == (1, 1, 0)
    expected = 10 * SONNET["input"] + 1000 * SONNET["cached"] + 700 * SONNET["output"]
    assert await desk.total() == done.nano == expected


async def test_a_final_count_that_comes_before_a_partial_one_stays(desk: Desk) -> None:
    usage = {"input_tokens": 10, "output_tokens": 700}
    homes.put(
        project(desk),
        homes.claude("msg_01a", usage),
        homes.claude("msg_01a", {**usage, "output_tokens": 2}),
    )
    await desk.run("claude_code")
    assert await desk.total() == 10 * SONNET["input"] + 700 * SONNET["output"]


async def test_hour_long_cache_writes_are_charged_at_their_own_price(desk: Desk) -> None:
    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 9000,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 8000},
        "output_tokens": 100,
    }
    homes.put(project(desk), homes.claude("msg_01a", usage))
    await desk.run("claude_code")
    writes = 1000 * SONNET["write"] + 8000 * SONNET["write_1h"]
    assert await desk.total() == 4 * SONNET["input"] + writes + 100 * SONNET["output"]


async def test_a_resumed_session_that_copies_messages_adds_only_the_new_one(desk: Desk) -> None:
    first = homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 10})
    homes.put(project(desk), first)
    await desk.run("claude_code")
    later = homes.claude("msg_01b", {"input_tokens": 20, "output_tokens": 20}, request="req_2")
    homes.put(project(desk, "resumed.jsonl"), first, later)
    done = await desk.run("claude_code")
    assert (done.files, done.unchanged, done.new, done.corrected) == (1, 1, 1, 0)
    assert await desk.total() == 30 * SONNET["input"] + 30 * SONNET["output"]


async def test_a_copy_that_stopped_early_takes_nothing_away_from_what_is_known(desk: Desk) -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 500, "output_tokens": 900}
    homes.put(project(desk), homes.claude("msg_01a", usage))
    await desk.run("claude_code")
    whole = await desk.total()
    early = homes.claude("msg_01a", {**usage, "output_tokens": 3}, isSidechain=True)
    homes.put(project(desk, "forked.jsonl"), early)
    done = await desk.run("claude_code")
    assert (done.files, done.new, done.corrected) == (1, 0, 0)
    assert (
        await desk.total()
        == whole
        == 10 * SONNET["input"] + 500 * SONNET["cached"] + 900 * SONNET["output"]
    )


async def test_subagents_count_and_are_told_apart(desk: Desk) -> None:
    homes.put(project(desk), homes.claude("msg_01a", {"input_tokens": 1, "output_tokens": 1}))
    homes.put(
        project(desk, "5f0c7a4e/subagents/agent-a1.jsonl"),
        homes.claude("msg_01s", {"input_tokens": 2, "output_tokens": 2}, isSidechain=True, agentId="a1"),
    )
    homes.put(
        project(desk, "5f0c7a4e/subagents/journal.jsonl"), {"type": "started", "usage": {"input": 9}}
    )
    done = await desk.run("claude_code")
    assert (done.files, done.calls) == (2, 2)
    assert {entry.labels.agent for entry in await desk.entries()} == {"", "subagent"}


async def test_an_advisor_inside_a_message_is_a_call_at_its_own_models_price(desk: Desk) -> None:
    passes = [
        {"type": "message", "input_tokens": 2, "cache_read_input_tokens": 1000, "output_tokens": 10},
        {
            "type": "advisor_message",
            "model": "claude-opus-5-5",
            "input_tokens": 5000,
            "output_tokens": 40,
        },
        {"type": "message", "input_tokens": 2, "cache_read_input_tokens": 1500, "output_tokens": 20},
        {"type": "compaction", "input_tokens": 300, "output_tokens": 30},
    ]
    usage = {
        "input_tokens": 4,
        "cache_read_input_tokens": 1500,
        "output_tokens": 30,
        "iterations": passes,
    }
    homes.put(project(desk), homes.claude("msg_01a", usage))
    done = await desk.run("claude_code")
    assert done.calls == 2
    own = 304 * SONNET["input"] + 2500 * SONNET["cached"] + 60 * SONNET["output"]
    assert await desk.total() == own + 5000 * 4_000 + 40 * 20_000


async def test_fast_mode_and_searches_are_charged(desk: Desk) -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 100,
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
        "speed": "fast",
    }
    homes.put(project(desk), homes.claude("msg_01a", usage, model="claude-opus-5-5"))
    await desk.run("claude_code")
    assert await desk.total() == 100 * 8_000 + 100 * 40_000 + 2 * 10_000_000


async def test_what_is_no_call_is_not_one_and_what_is_not_understood_is_counted(desk: Desk) -> None:
    homes.put(
        project(desk),
        {"type": "summary", "summary": 'the "usage" of things', "leafUuid": "x"},
        homes.claude("msg_01a", {"input_tokens": 0, "output_tokens": 0}, model="<synthetic>"),
        '{"type":"assistant","message":{"usage":{"input_tokens":1',
        homes.claude("msg_01b", {"input_tokens": 7, "output_tokens": 7}),
        homes.claude("msg_01c", {"input_tokens": 7, "output_tokens": 7}, at="yesterday"),
    )
    done = await desk.run("claude_code")
    assert (done.calls, done.skipped) == (1, 2)


async def test_numbers_and_times_that_no_call_has_are_not_understood(desk: Desk) -> None:
    homes.put(
        project(desk),
        homes.claude("msg_01a", {"input_tokens": 10**30, "output_tokens": 7}),
        homes.claude("msg_01b", {"input_tokens": 7, "output_tokens": 10**13}),
        homes.claude("msg_01c", {"input_tokens": 7, "output_tokens": 7}, at="9999-01-01T00:00:00Z"),
        homes.claude("msg_01d", {"input_tokens": 7, "output_tokens": 7}, at="0001-01-01T00:00:00Z"),
        homes.claude("msg_01e", {"input_tokens": 7, "output_tokens": 7}),
    )
    done = await desk.run("claude_code")
    assert (done.calls, done.new, done.skipped) == (1, 1, 4)


async def test_a_line_still_being_written_is_left_for_the_next_time(desk: Desk) -> None:
    path = homes.put(project(desk), homes.claude("msg_01a", {"input_tokens": 1, "output_tokens": 1}))
    with path.open("a") as file:
        file.write('{"type":"assistant","message":{"usage":{"in')
    done = await desk.run("claude_code")
    assert (done.calls, done.skipped) == (1, 0)


async def test_importing_again_changes_nothing_and_reads_no_file_again(desk: Desk) -> None:
    homes.put(project(desk), homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 10}))
    await desk.run("claude_code")
    before = await desk.entries()
    again = await desk.run("claude_code")
    forced = await desk.run("claude_code", again=True)
    assert (again.files, again.unchanged, again.new) == (0, 1, 0)
    assert (forced.files, forced.new, forced.corrected) == (1, 0, 0)
    assert await desk.entries() == before


async def test_a_message_that_grew_since_the_last_import_is_corrected_by_the_difference(
    desk: Desk,
) -> None:
    usage = {"input_tokens": 10, "output_tokens": 3}
    homes.put(project(desk), homes.claude("msg_01a", usage))
    await desk.run("claude_code")
    final = homes.claude("msg_01a", {**usage, "output_tokens": 900})
    homes.put(project(desk), homes.claude("msg_01a", usage), final)
    done = await desk.run("claude_code")
    assert (done.new, done.corrected) == (0, 1)
    assert await desk.total() == 10 * SONNET["input"] + 900 * SONNET["output"]


async def test_calls_of_other_hosts_and_proxies_are_priced_where_they_ran_or_said_to_be_estimates(
    desk: Desk,
) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 1000}
    homes.put(
        project(desk),
        homes.claude("msg_bdrk_01", usage, model="claude-sonnet-5-5"),
        homes.claude("202611100001", usage, model="glm-5.3", request="r1"),
        homes.claude("202611100002", usage, model="a-model-nobody-knows", request="r2"),
    )
    done = await desk.run("claude_code")
    assert done.unpriced == 1
    found = {entry.model: entry for entry in await desk.entries()}
    assert found["claude-sonnet-5-5"].provider == "bedrock"
    assert found["glm-5.3"].basis == "estimated"
    assert found["a-model-nobody-knows"].basis == "unpriced"
    assert found["a-model-nobody-knows"].measures.unpriced_tokens == 2000


async def test_entries_say_whose_they_are_and_at_which_prices(desk: Desk) -> None:
    homes.put(project(desk), homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 10}))
    await desk.run("claude_code")
    (entry,) = await desk.entries()
    assert entry.labels.tag == "claude_code"
    assert entry.labels.repo == "shop"
    assert entry.outcome == "imported"
    assert entry.unit_prices["output"] == "10"
    assert entry.price_source == "genai-prices"


async def test_codex_responses_count_by_their_id(desk: Desk) -> None:
    usage = homes.codex_counts(10_000, 8_000, 500, 200)
    homes.put(
        desk.home / ".codex/sessions/2026/11/10/rollout-2026-11-10T10-00-00-019a.jsonl",
        homes.codex_meta("019a"),
        homes.codex_turn(),
        homes.codex_record("resp_1", usage),
        homes.codex_total(usage, usage),
        homes.codex_record("resp_1", usage),
        homes.codex_record("resp_2", usage),
    )
    done = await desk.run("codex")
    assert (done.calls, done.skipped) == (2, 0)
    assert await desk.total() == 2 * (2_000 * 2_000 + 8_000 * 100 + 500 * 10_000)


async def test_older_codex_totals_are_told_apart_by_what_they_add(desk: Desk) -> None:
    one, two = homes.codex_counts(1_000, 0, 100), homes.codex_counts(3_000, 1_000, 300)
    homes.put(
        desk.home / ".codex/sessions/2026/01/02/rollout-old.jsonl",
        homes.codex_meta("old"),
        homes.codex_turn("gpt-5.5"),
        {
            "timestamp": "2026-11-10T10:00:02Z",
            "type": "event_msg",
            "payload": {"type": "token_count", "info": None},
        },
        homes.codex_total(one, one),
        homes.codex_total(one, one),
        homes.codex_total(two, None),
    )
    done = await desk.run("codex")
    assert (done.calls, done.skipped) == (2, 0)
    first = 1_000 * 5_000 + 100 * 30_000
    second = 1_000 * 5_000 + 1_000 * 500 + 200 * 30_000
    assert await desk.total() == first + second


async def test_a_forked_codex_session_does_not_pay_for_its_parents_calls_again(desk: Desk) -> None:
    one, two = homes.codex_counts(1_000, 0, 100), homes.codex_counts(2_500, 1_000, 150)
    folder = desk.home / ".codex" / "sessions" / "2026" / "11" / "10"
    homes.put(
        folder / "rollout-parent.jsonl",
        homes.codex_meta("parent"),
        homes.codex_turn(),
        homes.codex_total(one, one),
    )
    homes.put(
        folder / "rollout-child.jsonl",
        homes.codex_meta("child", forked_from_id="parent"),
        homes.codex_meta("parent"),
        homes.codex_turn(),
        homes.codex_total(one, one, at="2026-11-10T12:00:00.000Z"),
        homes.codex_total(two, homes.codex_counts(1_500, 1_000, 50), at="2026-11-10T12:00:09.000Z"),
    )
    done = await desk.run("codex")
    assert done.calls == 2
    assert await desk.total() == 1_500 * 2_000 + 1_000 * 100 + 150 * 10_000


async def test_the_faster_service_of_codex_has_its_price(desk: Desk) -> None:
    settings = {
        "timestamp": "2026-11-10T10:00:01.000Z",
        "type": "event_msg",
        "payload": {"type": "thread_settings_applied", "thread_settings": {"service_tier": "fast"}},
    }
    usage = homes.codex_counts(1_000, 0, 1_000)
    homes.put(
        desk.home / ".codex/archived_sessions/rollout-fast.jsonl",
        homes.codex_meta("fast"),
        homes.codex_turn(),
        settings,
        homes.codex_record("resp_f", usage),
    )
    await desk.run("codex")
    assert await desk.total() == 1_000 * 4_000 + 1_000 * 20_000


async def test_gemini_chats_of_both_kinds_are_read(desk: Desk) -> None:
    tokens = {"input": 1000, "output": 100, "cached": 400, "thoughts": 50, "tool": 7, "total": 1157}
    homes.document(
        desk.home / ".gemini/tmp/0a1b/chats/session-2026-11-10.json",
        {
            "sessionId": "s1",
            "projectHash": "0a1b",
            "messages": [{"id": "u1", "type": "user", "content": "..."}, homes.gemini("m1", tokens)],
        },
    )
    homes.put(
        desk.home / ".gemini/tmp/0a1b/chats/session-2026-11-11.jsonl",
        {"sessionId": "s2", "projectHash": "0a1b", "startTime": "2026-11-11T11:00:00.000Z"},
        homes.gemini("m1", {**tokens, "output": 1, "total": 1058}),
        homes.gemini("m1", tokens),
    )
    done = await desk.run("gemini_cli")
    assert (done.calls, done.skipped) == (2, 0)
    assert await desk.total() == 2 * (607 * 250 + 400 * 25 + 150 * 1_500)


async def test_opencode_is_read_from_its_database_and_its_older_files(desk: Desk) -> None:
    """Reasoning stands beside the output there, unless the total says otherwise."""
    data = desk.home / ".local" / "share" / "opencode"
    tokens = {"input": 100, "output": 10, "reasoning": 5, "cache": {"read": 1000, "write": 50}}
    inside = {**tokens, "total": 1160}
    homes.opencode_database(
        data / "opencode.db", homes.opencode("msg_a", tokens), homes.opencode("msg_b", inside)
    )
    homes.document(data / "storage/message/ses_1/msg_a.json", homes.opencode("msg_a", tokens))
    homes.document(data / "storage/message/ses_1/msg_c.json", homes.opencode("msg_c", tokens))
    done = await desk.run("opencode")
    assert (done.calls, done.skipped) == (3, 0)
    base = 100 * SONNET["input"] + 1000 * SONNET["cached"] + 50 * SONNET["write"]
    assert await desk.total() == 3 * base + (15 + 10 + 15) * SONNET["output"]


async def test_a_newer_opencode_keeps_its_model_inside_the_message(desk: Desk) -> None:
    tokens = {"input": 100, "output": 10, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    message = homes.opencode("msg_n", tokens)
    for name in ("role", "providerID", "modelID"):
        del message[name]
    message["model"] = {"id": "claude-sonnet-5-5", "providerID": "anthropic"}
    homes.opencode_database(
        desk.home / ".local/share/opencode/opencode-next.db", message, session_message=True
    )
    done = await desk.run("opencode")
    assert done.calls == 1
    assert await desk.total() == 100 * SONNET["input"] + 10 * SONNET["output"]


async def test_what_a_client_reckoned_stands_in_only_where_no_price_is_known(desk: Desk) -> None:
    tokens = {"input": 100, "output": 10, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    unknown = homes.opencode("msg_u", tokens, modelID="homemade", providerID="nobody")
    homes.opencode_database(desk.home / ".local/share/opencode/opencode.db", unknown)
    await desk.run("opencode")
    (entry,) = await desk.entries()
    assert (entry.measures.nano, entry.basis, entry.price_source) == (
        500_000_000,
        "estimated",
        "opencode",
    )


STORAGE = ".config/Code/User/globalStorage"


async def test_cline_tasks_are_read_with_the_model_of_their_time(desk: Desk) -> None:
    task = desk.home / STORAGE / "saoudrizwan.claude-dev/tasks/1794300000000"
    first = {"tokensIn": 10, "tokensOut": 20, "cacheWrites": 0, "cacheReads": 1000, "cost": 0.01}
    homes.document(
        task / "ui_messages.json",
        [
            {"ts": 1_794_300_000_001, "type": "say", "say": "text", "text": "..."},
            homes.cline_request(1_794_300_000_002, first),
            homes.cline_request(1_794_300_009_000, {"tokensIn": 5, "tokensOut": 5, "cost": 0.001}),
            homes.cline_request(1_794_300_010_000, {"cancelReason": "user_cancelled"}),
        ],
    )
    homes.document(
        task / "task_metadata.json",
        {
            "files_in_context": [],
            "model_usage": [
                {
                    "ts": 1_794_300_000_000,
                    "model_id": "claude-sonnet-5-5",
                    "model_provider_id": "anthropic",
                    "mode": "act",
                },
                {
                    "ts": 1_794_300_005_000,
                    "model_id": "claude-opus-5-5",
                    "model_provider_id": "anthropic",
                    "mode": "plan",
                },
            ],
        },
    )
    done = await desk.run("cline")
    assert done.calls == 2
    first_cost = 10 * SONNET["input"] + 1000 * SONNET["cached"] + 20 * SONNET["output"]
    assert await desk.total() == first_cost + 5 * 4_000 + 5 * 20_000


async def test_counts_that_can_be_read_two_ways_are_an_estimate_at_the_clients_own_cost(
    desk: Desk,
) -> None:
    task = desk.home / STORAGE / "rooveterinaryinc.roo-cline/tasks/0199"
    request = {"tokensIn": 5000, "tokensOut": 20, "cacheWrites": 0, "cacheReads": 1000, "cost": 0.0123}
    homes.document(task / "ui_messages.json", [homes.cline_request(1_794_300_000_002, request)])
    homes.document(
        task / "api_conversation_history.json",
        [{"role": "user", "content": "<environment_details>\n<model>claude-sonnet-5-5</model>"}],
    )
    await desk.run("roo_code")
    (entry,) = await desk.entries()
    assert (entry.model, entry.basis, entry.measures.nano) == (
        "claude-sonnet-5-5",
        "estimated",
        12_300_000,
    )


async def test_pi_and_qwen_sessions_are_read(desk: Desk) -> None:
    homes.put(
        desk.home / ".pi/agent/sessions/--home-user-shop--/2026.jsonl",
        {"type": "session", "id": "p1", "timestamp": "2026-11-10T09:00:00Z", "cwd": "/home/user/shop"},
        {
            "type": "message",
            "id": "a1b2",
            "timestamp": "2026-11-10T09:00:01Z",
            "message": {
                "role": "assistant",
                "provider": "anthropic",
                "model": "claude-sonnet-5-5",
                "usage": {
                    "input": 10,
                    "output": 20,
                    "cacheRead": 1000,
                    "cacheWrite": 0,
                    "totalTokens": 1030,
                    "cost": {"total": 9.0},
                },
            },
        },
    )
    homes.put(
        desk.home / ".qwen/projects/-home-user-shop/chats/q1.jsonl",
        {
            "type": "assistant",
            "model": "qwen3.5-plus",
            "timestamp": "2026-11-10T09:00:00Z",
            "sessionId": "q1",
            "uuid": "u-1",
            "usageMetadata": {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 76,
                "thoughtsTokenCount": 39,
                "cachedContentTokenCount": 0,
                "totalTokenCount": 1115,
            },
        },
    )
    assert (await desk.run("pi")).calls == 1
    assert await desk.total() == 10 * SONNET["input"] + 1000 * SONNET["cached"] + 20 * SONNET["output"]
    assert (await desk.run("qwen_code")).calls == 1
    found = next(entry for entry in await desk.entries() if entry.labels.tag == "qwen_code")
    assert found.measures.output_tokens == 115


async def test_links_are_not_followed_and_a_machine_without_logs_is_no_error(
    desk: Desk, tmp_path: Path
) -> None:
    outside = homes.put(tmp_path / "secret.jsonl", homes.claude("msg_1", {"input_tokens": 1}))
    project(desk).parent.mkdir(parents=True)
    project(desk).symlink_to(outside)
    results = await desk.importer.run()
    assert {done.calls for done in results} == {0}
    assert await desk.importer.found() == dict.fromkeys(CLIENTS.names(), 0)


async def test_an_unknown_client_is_named_with_those_that_are_known(desk: Desk) -> None:
    with pytest.raises(NotFound, match="claude_code"):
        await desk.run("claud")


async def test_only_calls_since_a_day_are_taken_when_asked(desk: Desk) -> None:
    homes.put(
        project(desk),
        homes.claude("msg_01a", {"input_tokens": 1, "output_tokens": 1}, at="2026-10-01T00:00:00Z"),
        homes.claude("msg_01b", {"input_tokens": 1, "output_tokens": 1}, at="2026-11-01T00:00:00Z"),
    )
    november = 1_793_491_200 * 10**9
    assert (await desk.run("claude_code", since_ns=november)).calls == 1
    assert (await desk.run("claude_code")).new == 1
