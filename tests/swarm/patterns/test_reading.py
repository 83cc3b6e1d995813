"""What a pattern file may say, and that every fault names the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia_mcp.errors import BadSetting
from sophia_mcp.swarm.patterns import Origin
from sophia_mcp.swarm.patterns.reading import read_pattern

GOOD = """
title = "Two read"
summary = "Two read, one verifies"
gates = ["quotes"]
[context]
search = 4000
[limits]
steps = 10
[roles.one]
title = "One"
prompt_text = "You are the first."
[roles.two]
title = "Two"
prompt_text = "You are the second."
[[steps]]
key = "plan"
kind = "plan"
role = "one"
prompt_text = "Split it."
schema = "questions"
max_tokens = 500
[[steps]]
key = "read"
kind = "read"
roles = ["one", "two"]
needs = ["plan"]
prompt_text = "Read."
schema = "findings"
max_tokens = 800
quorum = 2
tier = "fast"
"""


def read(folder: Path, text: str, origin: Origin = "user") -> object:
    file = folder / "mine.toml"
    file.write_text(text)
    return read_pattern(file, origin)


def refused(folder: Path, text: str, origin: Origin = "user") -> str:
    with pytest.raises(BadSetting) as caught:
        read(folder, text, origin)
    assert str(folder / "mine.toml") in caught.value.what
    assert caught.value.why
    assert caught.value.next
    return caught.value.what


@pytest.mark.requirement("swarm.patterns")
def test_a_file_becomes_a_pattern_with_defaults(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    pattern = read_pattern(tmp_path / "mine.toml", "user")
    assert pattern.name == "mine"
    assert pattern.step("read").fan_out == "roles"
    assert pattern.step("read").at_most == 2
    assert pattern.step("read").tier == "fast"
    assert pattern.step("plan").quorum == 1
    assert pattern.context.search == 4000
    assert (pattern.limits.steps, pattern.limits.agents) == (10, 8)
    assert "character by character" in pattern.rules


@pytest.mark.requirement("swarm.patterns")
@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('title = "Two read"', "", "title"),
        ('title = "Two read"', "title = 3", "title"),
        ('title = "Two read"', 'title = "x"\ntittle = "y"', "tittle"),
        ('gates = ["quotes"]', "gates = []", "gates"),
        ('gates = ["quotes"]', 'gates = ["quotes", "vibes"]', "gates"),
        ('gates = ["quotes"]', 'gates = ["quotes"]\ntakes = ["money"]', "takes"),
        ("search = 4000", "search = -1", "context.search"),
        ("search = 4000", "serch = 4000", "context.serch"),
        ("steps = 10", "steps = 2", "limits.steps"),
        ("steps = 10", "steps = true", "limits.steps"),
        ("[roles.two]", "[roles.Two]", "roles.Two"),
        ('prompt_text = "You are the second."', "", "roles.two.prompt"),
        ('prompt_text = "You are the second."', 'prompt = "../../../etc/passwd"', "roles.two.prompt"),
        ('prompt_text = "You are the second."', 'prompt = "missing.md"', "roles.two.prompt"),
        (
            'prompt_text = "You are the second."',
            'prompt = "rules.md"\nprompt_text = "x"',
            "roles.two.prompt",
        ),
        ('key = "read"', 'key = "plan"', "steps[1].key"),
        ('key = "read"', 'key = "Read it"', "steps[1].key"),
        ('kind = "read"', 'kind = "think"', "steps[1].kind"),
        ('kind = "read"', 'kind = "judge"', "steps[1].schema"),
        ('roles = ["one", "two"]', 'roles = ["one", "three"]', "steps[1].role"),
        ('roles = ["one", "two"]', 'roles = ["one", "one"]', "steps[1].roles"),
        ('needs = ["plan"]', 'needs = ["later"]', "steps[1].needs"),
        ('needs = ["plan"]', 'needs = ["plan"]\nitems = "plan.tasks"', "steps[1].items"),
        ('needs = ["plan"]', 'needs = ["plan"]\nitems = "plan.questions"', "steps[1].roles"),
        ('schema = "findings"', 'schema = "anything"', "steps[1].schema"),
        ('schema = "findings"', 'schema = {type = "array"}', "steps[1].schema"),
        ('schema = "findings"', 'schema = {type = "object"}', "steps[1].schema"),
        ("max_tokens = 800", "", "steps[1].max_tokens"),
        ("max_tokens = 800", "max_tokens = 1000000", "steps[1].max_tokens"),
        ("quorum = 2", "quorum = 3", "steps[1].quorum"),
        ('tier = "fast"', 'tier = "best"', "steps[1].tier"),
        ('tier = "fast"', 'debate = "yes"', "steps[1].debate"),
        ('tier = "fast"', "repairs = 9", "steps[1].repairs"),
    ],
)
def test_a_fault_names_the_file_and_the_key(tmp_path: Path, before: str, after: str, key: str) -> None:
    assert before in GOOD
    assert refused(tmp_path, GOOD.replace(before, after)).endswith(f": {key} is wrong")


@pytest.mark.requirement("swarm.patterns")
@pytest.mark.parametrize(
    "text", ["", "roles = 3", 'title = "x"\nsummary = "y"', "steps = []", "a = = b"]
)
def test_a_file_without_its_parts_is_refused(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


@pytest.mark.requirement("swarm.patterns")
def test_steps_that_write_cannot_fan_out_nor_be_two(tmp_path: Path) -> None:
    writes = GOOD.replace('schema = "findings"', 'schema = "solo"').replace(
        'gates = ["quotes"]', 'gates = ["quotes", "patch"]'
    )
    assert "kind is wrong" in refused(tmp_path, writes)
    step = (
        '[[steps]]\nkey = "{}"\nkind = "write"\nrole = "one"\nprompt_text = "Write."\nschema = "edits"\n'
        "max_tokens = 500\n"
    )
    two = GOOD.replace('["quotes"]', '["quotes", "patch"]') + step.format("a") + step.format("b")
    assert "steps is wrong" in refused(tmp_path, two)


@pytest.mark.requirement("swarm.patterns")
def test_a_prompt_stands_in_a_file_beside_the_pattern(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "second.md").write_text("You are second to none.\n")
    (tmp_path / "mine.toml").write_text(
        GOOD.replace('prompt_text = "You are the second."', 'prompt = "second.md"')
    )
    pattern = read_pattern(tmp_path / "mine.toml", "user")
    assert pattern.roles["two"].prompt == "You are second to none."


@pytest.mark.requirement("swarm.patterns_untrusted")
@pytest.mark.parametrize(
    "line",
    [
        'commands = [["pytest", "-q"]]',
        "commands = []",
        'provider = "portkey"',
        'recommended = "by 40 points"',
    ],
)
def test_a_repository_s_pattern_chooses_neither_commands_nor_provider(tmp_path: Path, line: str) -> None:
    key = line.split(" ")[0]
    assert refused(tmp_path, line + GOOD, "project").endswith(f": {key} is wrong")
    read(tmp_path, line + GOOD, "user")


@pytest.mark.requirement("swarm.patterns_untrusted")
def test_a_repository_s_pattern_reads_no_file_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("the person's own notes")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "second.md").symlink_to(tmp_path / "secret.md")
    text = GOOD.replace('prompt_text = "You are the second."', 'prompt = "second.md"')
    assert "roles.two.prompt" in refused(tmp_path, text, "project")


@pytest.mark.requirement("swarm.patterns_untrusted")
def test_a_command_is_a_list_of_words_and_no_shell_line(tmp_path: Path) -> None:
    assert "commands" in refused(tmp_path, 'commands = ["pytest -q"]' + GOOD)
    assert "commands" in refused(tmp_path, "commands = [[]]" + GOOD)


@pytest.mark.requirement("swarm.patterns")
def test_a_file_of_endless_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD + "#" * 70_000)
    with pytest.raises(BadSetting, match="larger than"):
        read_pattern(file, "user")


@pytest.mark.requirement("swarm.patterns_untrusted")
@pytest.mark.parametrize(
    "entry",
    [
        '{"$ref" = "http://127.0.0.1/x"}',
        '{"$ref" = "file:///etc/passwd"}',
        '{type = "string", pattern = "^(a+)+$"}',
        '{type = "object", patternProperties = {"^(a+)+$" = {}}}',
        '{anyOf = [{"$dynamicRef" = "#x"}]}',
    ],
)
def test_a_schema_fetches_nothing_and_matches_no_expression_of_a_stranger(
    tmp_path: Path, entry: str
) -> None:
    own = f'{{type = "object", properties = {{findings = {{type = "array", items = {entry}}}}}}}'
    assert "steps[1].schema" in refused(tmp_path, GOOD.replace('"findings"', own), "project")


def test_a_property_may_be_called_like_a_keyword(tmp_path: Path) -> None:
    named = '{type = "object", properties = {findings = {type = "array"}, pattern = {type = "string"}}}'
    read(tmp_path, GOOD.replace('"findings"', named))


@pytest.mark.requirement("swarm.patterns_untrusted")
def test_a_file_of_endless_depth_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("x = " + "[" * 20_000)
    with pytest.raises(BadSetting, match="not valid TOML"):
        read_pattern(file, "project")
