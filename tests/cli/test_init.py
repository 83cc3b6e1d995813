"""`sophia init` in a project, for every client it knows."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.cli.outside import SOPHIA

from sophia_mcp.cli.clients import CLIENTS

pytestmark = pytest.mark.requirement("cli.init")


@pytest.fixture
def person(tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder and a project of a person; returns the project."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    (tmp_path / "person").mkdir()
    project = tmp_path / "project"
    project.mkdir()
    return project


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SOPHIA, *arguments], capture_output=True, text=True, timeout=60, check=False)


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, its folders too."""
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else b""
        for each in folder.rglob("*")
    }


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_every_client_gets_an_entry_that_starts_a_program_that_exists(name: str, person: Path) -> None:
    done = run("init", "--client", name, "--root", str(person))
    assert done.returncode == 0, done.stderr
    client = CLIENTS[name]
    text = client.config(person).read_text()
    entry = tomllib.loads(text) if client.toml else json.loads(text)
    for key in client.keys:
        entry = entry[key]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"] in ([], ["--root", str(person)])
    if client.rule is not None:
        assert "search_code" in client.rule(person).read_text()


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_remove_leaves_no_trace(name: str, person: Path, tmp_path: Path) -> None:
    (person / "CLAUDE.md").write_text("# House rules\n\nTabs.\n")
    before = files(person) | files(tmp_path / "person")
    assert run("init", "--client", name, "--root", str(person)).returncode == 0
    assert files(person) | files(tmp_path / "person") != before
    assert run("init", "--client", name, "--root", str(person), "--remove").returncode == 0
    assert files(person) | files(tmp_path / "person") == before


def test_remove_says_so_where_there_is_nothing_to_remove(person: Path) -> None:
    done = run("init", "--root", str(person), "--remove")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to remove" in done.stdout


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_other_servers_stay_when_it_writes_and_when_it_removes(name: str, person: Path) -> None:
    client = CLIENTS[name]
    outer = client.keys[0]
    theirs = (
        f'[{outer}.mine]\ncommand = "x"\n'
        if client.toml
        else json.dumps({outer: {"mine": {"command": "x"}}})
    )
    place = client.config(person)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(theirs)
    read = tomllib.loads if client.toml else json.loads
    assert run("init", "--client", name, "--root", str(person)).returncode == 0
    assert set(read(place.read_text())[outer]) == {"mine", client.keys[1]}
    assert run("init", "--client", name, "--root", str(person), "--remove").returncode == 0
    assert read(place.read_text()) == {outer: {"mine": {"command": "x"}}}


@pytest.mark.parametrize("name", ["codex", "zed"])
def test_another_project_takes_a_shared_entry_over_aloud_and_keeps_it(
    name: str, person: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert run("init", "--client", name, "--root", str(person)).returncode == 0
    taken = run("init", "--client", name, "--root", str(other))
    assert f"it was for {person}" in taken.stdout
    before = files(tmp_path / "person")
    left = run("init", "--client", name, "--root", str(person), "--remove")
    assert f"its entry is for {other}" in left.stdout
    assert files(tmp_path / "person") == before


def test_running_it_twice_changes_nothing_the_second_time(person: Path) -> None:
    run("init", "--client", "claude-code", "--root", str(person))
    first = files(person)
    again = run("init", "--client", "claude-code", "--root", str(person))
    assert "nothing to change" in again.stdout
    assert files(person) == first


def test_what_it_changes_is_backed_up_first(person: Path, alone: Path) -> None:
    (person / ".mcp.json").write_text('{"mcpServers": {"mine": {"command": "x"}}}')
    done = json.loads(run("init", "--client", "claude-code", "--root", str(person), "--json").stdout)
    kept = done["clients"][0]["changes"][0].split("backup: ")[1].rstrip(")")
    assert Path(kept).read_text() == '{"mcpServers": {"mine": {"command": "x"}}}'
    assert (alone / "data").stat().st_mode & 0o777 == 0o700
    assert "mine" in json.loads((person / ".mcp.json").read_text())["mcpServers"]


def test_only_the_clients_in_use_are_configured_when_none_is_named(person: Path) -> None:
    (person / ".roo").mkdir()
    done = json.loads(run("init", "--root", str(person), "--json").stdout)
    assert [client["client"] for client in done["clients"]] == ["roo"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_file_that_cannot_be_written_leaves_nothing_behind(person: Path) -> None:
    line = f"ulimit -f 0; exec {SOPHIA} init --client claude-code --root {person}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot write {person / '.mcp.json'}" in done.stderr
    assert not list(person.iterdir())
    (person / ".mcp.json").write_text("{}")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert f"cannot write {person / '.mcp.json'} · why: File too large" in done.stderr
    assert files(person) == {".mcp.json": b"{}"}


def test_a_link_where_the_new_text_is_put_first_is_not_followed(person: Path, tmp_path: Path) -> None:
    kept = tmp_path / "person" / "keys"
    kept.write_text("mine\n")
    (person / ".mcp.json.sophia-new").symlink_to(kept)
    assert run("init", "--client", "claude-code", "--root", str(person)).returncode == 0
    assert kept.read_text() == "mine\n"
    assert not (person / ".mcp.json").is_symlink()
    assert "sophia" in (person / ".mcp.json").read_text()


def test_the_home_folder_is_no_project(person: Path, tmp_path: Path) -> None:
    home = tmp_path / "person"
    for folder in (home, tmp_path):
        done = run("init", "--client", "codex", "--client", "claude-code", "--root", str(folder))
        assert done.returncode == 2
        assert "the home folder or above it" in done.stderr
    assert not list(home.iterdir())
    assert run("init", "--client", "codex", "--root", str(home), "--remove").returncode == 0


def test_with_no_client_in_sight_it_says_which_it_knows(person: Path) -> None:
    done = run("init", "--root", str(person))
    assert done.returncode == 2
    assert "sophia init --client" in done.stderr


@pytest.mark.parametrize("remove", [False, True])
def test_a_broken_configuration_of_one_client_keeps_no_other_from_its_turn(
    person: Path, remove: bool
) -> None:
    named = [part for name in ("cursor", "roo", "cline") for part in ("--client", name)]
    before = files(person)
    if remove:
        assert run("init", *named, "--root", str(person)).returncode == 0
    (person / ".cursor").mkdir(exist_ok=True)
    (person / ".cursor" / "mcp.json").write_text("{ broken")
    done = run("init", *named, "--root", str(person), *["--remove"] * remove)
    assert done.returncode == 1
    assert done.stderr.count("mend") == 1
    assert "its syntax has a fault" in done.stderr
    assert "Roo Code: " in done.stdout
    left = files(person)
    assert (".roo/rules/sophia.md" in left) is not remove
    if remove:
        assert not (person / ".roo" / "rules").exists()
        assert set(left) - set(before) <= {place for place in left if ".cursor" in str(place)}


def test_a_broken_configuration_is_named_and_left_alone(person: Path) -> None:
    (person / ".mcp.json").write_text("{ broken")
    done = run("init", "--client", "claude-code", "--root", str(person))
    assert done.returncode == 1
    assert ".mcp.json" in done.stderr
    assert (person / ".mcp.json").read_text() == "{ broken"


@pytest.mark.parametrize("name", ["claude-code", "cline"])
def test_line_ends_and_the_rest_of_an_entry_stay_as_a_person_has_them(name: str, person: Path) -> None:
    place = CLIENTS[name].config(person)
    place.parent.mkdir(parents=True, exist_ok=True)
    before = (
        b'{\r\n  // mine\r\n  "mcpServers": {"sophia": {"command": "/old", "env": {"A": "b"}}}\r\n}\r\n'
    )
    place.write_bytes(before)
    (person / "CLAUDE.md").write_bytes(b"# Mine\r\n\r\nTabs.\r\n")
    assert run("init", "--client", name, "--root", str(person)).returncode == 0
    for text in (place.read_bytes(), (person / "CLAUDE.md").read_bytes()):
        assert text.count(b"\n") == text.count(b"\r\n")
    entry = json.loads(place.read_text().replace("// mine", ""))["mcpServers"]["sophia"]
    assert entry["env"] == {"A": "b"}
    assert entry["command"] != "/old"
    assert run("init", "--client", name, "--root", str(person), "--remove").returncode == 0
    assert (person / "CLAUDE.md").read_bytes() == b"# Mine\r\n\r\nTabs.\r\n"


def test_an_entry_that_names_an_address_is_replaced_whole(person: Path) -> None:
    (person / ".mcp.json").write_text('{"mcpServers": {"sophia": {"type": "http", "url": "http://x"}}}')
    assert run("init", "--client", "claude-code", "--root", str(person)).returncode == 0
    entry = json.loads((person / ".mcp.json").read_text())["mcpServers"]["sophia"]
    assert set(entry) == {"type", "command", "args"}


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("claude-code", b'{\r\n  "mcpServers": {\n    "a": {"command": "x"}\r\n  }\n}\n'),
        ("zed", b'// Zed\n{\n  "vim": true,\n  "context_servers": {\n    // mine\n  },\n}\n'),
        ("codex", b'# mine\nmodel = "o3"\n\n[mcp_servers.a]\ncommand = "y"\n\n[profiles.b]\nm = 1\n'),
        ("codex", b'# mine\r\nmodel = "o3"\r\n'),
        ("codex", b'mcp_servers = { a = { command = "y" } }\n'),
        ("codex", b'model = "o3"'),
        ("codex", b'\xef\xbb\xbfmodel = "o3"\r\n'),
        ("claude-desktop", b'{"mcpServers": {}}'),
        ("zed", b"{}\n"),
    ],
    ids=[
        "line ends of both kinds",
        "only a comment",
        "tables",
        "crlf",
        "inline table",
        "no end of the last line",
        "byte order mark",
        "an empty list of servers",
        "nothing",
    ],
)
def test_what_a_person_wrote_is_byte_for_byte_back_after_remove(
    name: str, before: bytes, person: Path
) -> None:
    place = CLIENTS[name].config(person)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(before)
    chosen = ("--client", name, "--root", str(person))
    assert run("init", *chosen).returncode == 0
    if name == "codex":
        held = tomllib.loads(place.read_text("utf-8-sig"))
        assert set(held.get("mcp_servers", {})) - {"a"} == {"sophia"}
    assert run("init", *chosen).stdout.count("nothing to change") == 1
    assert run("init", *chosen, "--remove").returncode == 0
    assert place.read_bytes() == before


@pytest.mark.parametrize("before", [b"# Mine", b"# Mine\n\n\n"])
def test_a_rule_leaves_the_ends_of_a_persons_text_as_they_were(before: bytes, person: Path) -> None:
    (person / "CLAUDE.md").write_bytes(before)
    chosen = ("--client", "claude-code", "--root", str(person))
    assert run("init", *chosen).returncode == 0
    assert run("init", *chosen, "--remove").returncode == 0
    assert (person / "CLAUDE.md").read_bytes() == before


def test_what_was_changed_since_stays_when_it_is_removed(person: Path) -> None:
    place = person / ".mcp.json"
    place.write_text('{"mcpServers": {}}')
    chosen = ("--client", "claude-code", "--root", str(person))
    assert run("init", *chosen).returncode == 0
    servers = json.loads(place.read_text())["mcpServers"]
    place.write_text(json.dumps({"mcpServers": {**servers, "later": {"command": "x"}}}))
    assert run("init", *chosen, "--remove").returncode == 0
    assert json.loads(place.read_text()) == {"mcpServers": {"later": {"command": "x"}}}


@pytest.mark.parametrize("text", ["mcp_servers = 3\n", "[[[\n"])
def test_settings_with_another_shape_are_named_and_left_alone(text: str, person: Path) -> None:
    place = CLIENTS["codex"].config(person)
    place.parent.mkdir(parents=True)
    place.write_text(text)
    done = run("init", "--client", "codex", "--root", str(person))
    assert done.returncode == 1
    assert f"error: cannot edit {place} · why: " in done.stderr
    assert place.read_text() == text


def test_a_link_stays_and_what_it_leads_to_is_edited(person: Path, tmp_path: Path) -> None:
    """Inside the project, or of the person's own: a link in their home folder may lead anywhere."""
    kept, gone = tmp_path / "dotfiles" / "codex.toml", person / "AGENTS.md"
    kept.parent.mkdir()
    kept.write_text('model = "o3"\n')
    linked = CLIENTS["codex"].config(person)
    linked.parent.mkdir()
    linked.symlink_to(kept)
    (person / "CLAUDE.md").symlink_to("AGENTS.md")
    chosen = ("--client", "codex", "--client", "claude-code", "--root", str(person))
    assert run("init", *chosen).returncode == 0
    assert "sophia" in tomllib.loads(kept.read_text())["mcp_servers"]
    assert gone.read_text().count("search_code(query)") == 1
    assert run("init", *chosen, "--remove").returncode == 0
    assert linked.is_symlink()
    assert kept.read_text() == 'model = "o3"\n'
    assert (person / "CLAUDE.md").is_symlink()
    assert not gone.exists()


@pytest.mark.parametrize("remove", [False, True])
@pytest.mark.parametrize("link", [".cursor/rules/sophia.mdc", ".cursor/mcp.json", ".cursor"])
def test_no_link_of_a_project_leads_init_out_of_it(
    link: str, remove: bool, person: Path, tmp_path: Path
) -> None:
    """Who wrote a repository could otherwise have `sophia init` replace any file of who runs it."""
    target = tmp_path / "person" / ("dotfiles" if link == ".cursor" else "keys")
    if link == ".cursor":
        (target / "rules").mkdir(parents=True)
        (target / "rules" / "sophia.mdc").write_text("{}")
    else:
        target.write_text("{}")
    (person / link).parent.mkdir(parents=True, exist_ok=True)
    (person / link).symlink_to(target)
    before = files(tmp_path / "person")
    done = run("init", "--client", "cursor", "--root", str(person), *["--remove"] * remove)
    assert done.returncode == 1
    assert f"it is a link out of the project, to {target}" in done.stderr
    assert files(tmp_path / "person") == before


def test_what_was_written_is_told_where_no_copy_can_be_made(
    person: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person / "home").touch()
    monkeypatch.setenv("SOPHIA_HOME", str(person / "home" / "sophia"))
    (person / ".roo").mkdir()
    (person / ".roo" / "mcp.json").write_text("{}")
    chosen = ("--client", "claude-code", "--client", "roo", "--root", str(person))
    done = run("init", *chosen)
    assert done.returncode == 1
    assert f"Claude Code: wrote {person / '.mcp.json'}" in done.stdout
    assert f"error: cannot make the folder {person / 'home' / 'sophia'}" in done.stderr


def test_links_in_a_circle_are_named_and_keep_no_other_client_from_its_turn(person: Path) -> None:
    (person / "CLAUDE.md").symlink_to("AGENTS.md")
    (person / "AGENTS.md").symlink_to("CLAUDE.md")
    done = run("init", "--client", "claude-code", "--client", "cursor", "--root", str(person))
    assert done.returncode == 1
    assert f"cannot read {person / 'CLAUDE.md'} · why: " in done.stderr
    assert f"Claude Code: wrote {person / '.mcp.json'}" in done.stdout
    assert f"Cursor: wrote {person / '.cursor/mcp.json'}" in done.stdout


def test_what_is_no_file_is_named_and_not_waited_for(person: Path) -> None:
    os.mkfifo(person / "CLAUDE.md")
    done = run("init", "--client", "claude-code", "--root", str(person))
    assert done.returncode == 1
    assert f"cannot read {person / 'CLAUDE.md'} · why: it is not a file" in done.stderr


def test_what_was_written_is_told_where_the_rule_cannot_be(person: Path) -> None:
    (person / "CLAUDE.md").write_bytes(b"caf\xe9\n")
    chosen = ("--client", "claude-code", "--root", str(person))
    done = run("init", *chosen)
    assert done.returncode == 1
    assert f"Claude Code: wrote {person / '.mcp.json'}" in done.stdout
    assert "cannot read" in done.stderr
    told = json.loads(run("init", *chosen, "--remove", "--json").stdout)
    assert [change.split()[0] for change in told["clients"][0]["changes"]] == ["removed"]
    assert len(told["failed"]) == 1


def test_tables_that_could_not_be_kept_are_left_alone(person: Path) -> None:
    """Put between dotted keys, ours would take those after it for its own."""
    place = CLIENTS["codex"].config(person)
    place.parent.mkdir()
    text = 'mcp_servers.other.command = "x"\nmcp_servers.other.args = []\n'
    place.write_text(text)
    done = run("init", "--client", "codex", "--root", str(person))
    assert done.returncode == 1
    assert "the tables beside mcp_servers.sophia are written in a way that cannot be kept" in done.stderr
    assert place.read_text() == text


@pytest.mark.parametrize("text", ["{'mcpServers': {}}", "{mcpServers: {}}"])
def test_a_key_that_only_javascript_takes_is_named(text: str, person: Path) -> None:
    (person / ".mcp.json").write_text(text)
    done = run("init", "--client", "claude-code", "--root", str(person))
    assert done.returncode == 1
    assert "is not in double quotes" in done.stderr
    assert (person / ".mcp.json").read_text() == text


@pytest.mark.parametrize(
    "before",
    [
        "# Mine\n<!-- sophia: begin -->\nmy own\n",
        "<!-- sophia: end -->\n# Mine\n<!-- sophia: begin -->\n",
    ],
)
def test_half_a_mark_in_a_rule_is_a_persons_own_text(before: str, person: Path) -> None:
    (person / "CLAUDE.md").write_text(before)
    chosen = ("--client", "claude-code", "--root", str(person))
    assert run("init", *chosen).returncode == 0
    assert "nothing to change" in run("init", *chosen).stdout
    assert run("init", *chosen, "--remove").returncode == 0
    assert (person / "CLAUDE.md").read_text() == before


def test_a_rule_between_two_paragraphs_leaves_them_apart(person: Path) -> None:
    chosen = ("--client", "claude-code", "--root", str(person))
    assert run("init", *chosen).returncode == 0
    rule = (person / "CLAUDE.md").read_text()
    (person / "CLAUDE.md").write_text(f"One.\n\n{rule}\nTwo.\n")
    assert run("init", *chosen, "--remove").returncode == 0
    assert (person / "CLAUDE.md").read_text() == "One.\n\nTwo.\n"
