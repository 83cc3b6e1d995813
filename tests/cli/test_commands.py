"""The commands of `sophia`, used as a person uses them: as processes, in a project, with exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import click
import pytest
from tests.cli import inside
from tests.cli.outside import CODE, SOPHIA, run
from tests.embed.endpoint import KEY, Endpoint
from tests.index.trees import commit_all, make_repository

from sophia_mcp import __version__
from sophia_mcp.cli.main import sophia


@pytest.fixture
def project(tmp_path: Path, alone: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "retry.py").write_text(CODE)
    (folder / "README.md").write_text("# Shop\n\nSells things.\n")
    return folder


@pytest.mark.requirement("server.project_root")
@pytest.mark.parametrize("arguments", ["search retry", "index .", "repos"])
def test_a_working_folder_that_is_gone_is_said_to_be_gone(project: Path, arguments: str) -> None:
    (project / "gone").mkdir()
    lost = subprocess.run(
        ["/bin/sh", "-c", f'rmdir "$PWD"; exec "{SOPHIA}" {arguments}'],
        cwd=project / "gone",
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert lost.returncode == 2
    assert "the working folder is gone" in lost.stderr
    assert "Traceback" not in lost.stderr


@pytest.mark.requirement("server.project_root")
def test_the_home_folder_and_what_lies_above_it_are_never_indexed(project: Path) -> None:
    home = project.parent
    for arguments, cwd in (
        (("index", "/"), project),
        (("index", "."), home),
        (("search", "retry"), home),
        (("search", "retry", "--repo", "/"), project),
    ):
        refused = run(*arguments, cwd=cwd, HOME=str(home))
        assert refused.returncode == 2
        assert "more than one project" in refused.stderr
    assert run("repos", cwd=project, HOME=str(home)).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "allowed", "said"),
    [
        (("https://127.0.0.1:1/a/b.git",), "false", "cloning over https is not allowed"),
        (("https://127.0.0.1:1/a/b.git",), "true", "127.0.0.1:1/a/b could not be cloned"),
        (("git@127.0.0.1:a/b.git",), "true", "cloning over ssh is not allowed"),
        (
            ("https://127.0.0.1:1/a/b.git", "--watch"),
            "true",
            "--watch is for a folder, not for a git URL",
        ),
    ],
)
@pytest.mark.requirement("cli.index")
def test_a_git_url_is_cloned_where_that_is_allowed_and_is_never_taken_for_a_path(
    project: Path, arguments: tuple[str, ...], allowed: str, said: str
) -> None:
    done = run("index", *arguments, cwd=project, SOPHIA_INDEX__ALLOW_CLONE=allowed)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "next:" in done.stderr


@pytest.mark.requirement("cli.index")
def test_a_folder_may_be_named_by_its_uri(project: Path) -> None:
    done = run("index", project.as_uri(), "--json", cwd=project.parent)
    assert json.loads(done.stdout)["root"] == str(project)


@pytest.mark.requirement("cli.index", "index.watch")
def test_what_no_edit_changes_is_not_watched(project: Path) -> None:
    done = run("index", ".", "--ref", "HEAD", "--watch", cwd=project)
    assert done.returncode == 2
    assert "--watch is for the files of a folder" in done.stderr


@pytest.mark.requirement("cli.index", "index.watch")
def test_who_watches_a_folder_is_told_when_it_is_gone(project: Path) -> None:
    watching = [SOPHIA, "index", str(project), "--watch"]
    with subprocess.Popen(watching, cwd=project.parent, stderr=subprocess.PIPE, text=True) as ended:
        assert ended.stderr is not None
        assert any("watching" in line for line in ended.stderr)
        shutil.rmtree(project)
        _, said = ended.communicate(timeout=60)
    assert f"{project} is not watched any more" in said
    assert "the folder is gone" in said
    assert ended.returncode == 3


@pytest.mark.requirement("cli.index", "index.clone")
def test_ctrl_c_ends_a_clone_whose_other_side_is_silent(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a/b"
        cloning = subprocess.Popen(
            [SOPHIA, "index", url], cwd=project, env=os.environ | {"SOPHIA_INDEX__ALLOW_CLONE": "true"}
        )
        with silent.accept()[0]:
            cloning.send_signal(signal.SIGINT)
            assert cloning.wait(20) == 1


@pytest.mark.requirement("cli.index", "index.cancel")
def test_ctrl_c_cancels_a_run_for_good(project: Path) -> None:
    for number in range(1500):
        (project / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n" * 20)
    indexing = subprocess.Popen([SOPHIA, "index", "."], cwd=project)
    home = Path(os.environ["SOPHIA_HOME"])
    while not rows(home / "index.db", "SELECT 1 FROM members"):
        assert indexing.poll() is None
    indexing.send_signal(signal.SIGINT)
    assert indexing.wait(20) == 1
    assert rows(home / "state.db", "SELECT state FROM jobs") == [("cancelled",)]
    [left] = json.loads(run("repos", "--json", cwd=project).stdout)
    assert left["state"] == "failed"
    assert "cancelled" in left["reason"]
    assert 0 < left["files_indexed"] < 1502


def rows(file: Path, question: str) -> list[tuple[object, ...]]:
    """What a store holds; nothing while it is being made."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            return store.execute(question).fetchall()
    except sqlite3.OperationalError:
        return []


@pytest.mark.requirement("cli.index")
@pytest.mark.requirement("cli.search")
@pytest.mark.requirement("cli.repos")
def test_a_folder_is_indexed_searched_and_listed(project: Path) -> None:
    indexed = run("index", ".", "--json", cwd=project)
    assert indexed.returncode == 0, indexed.stderr
    report = json.loads(indexed.stdout)
    assert (report["state"], report["files_indexed"]) == ("ready", 2)
    assert report["languages"] == {"markdown": 1, "python": 1}
    found = run("search", "is a failed request sent again", "--json", cwd=project)
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["hits"][0]["path"] == "retry.py"
    assert answer["hits"][0]["symbol"] == "retry_policy"
    listed = json.loads(run("repos", "--json", cwd=project).stdout)
    assert [repo["root"] for repo in listed] == [str(project)]
    assert [repo["languages"] for repo in listed] == [report["languages"]]


def test_who_asks_for_a_ref_in_another_way_is_told_the_command_that_reads_it(project: Path) -> None:
    commit_all(make_repository(project))
    (project / "lib").mkdir()
    for arguments in (("shop@main",), (f"{project}@main",), (str(project / "lib"), "--ref", "main")):
        refused = run("index", *arguments, cwd=project.parent)
        assert refused.returncode != 0
        following = refused.stderr.partition("next: sophia ")[2].split()
        assert run(*following, cwd=project.parent).returncode == 0, refused.stderr


@pytest.mark.requirement("cli.repos", "index.collect")
def test_a_repository_is_forgotten_by_its_name_and_its_files_stay(project: Path) -> None:
    assert run("index", ".", cwd=project).returncode == 0
    forgotten = run("repos", "--forget", "shop", cwd=project.parent)
    assert forgotten.returncode == 0, forgotten.stderr
    assert f"the index of shop ({project}) is gone; its files were not touched" in forgotten.stdout
    assert run("repos", cwd=project).returncode == 3
    assert (project / "retry.py").is_file()
    again = run("repos", "--forget", "shop", cwd=project)
    assert again.returncode == 3
    assert "no repository named 'shop'" in again.stderr


@pytest.mark.requirement("server.project_root")
@pytest.mark.parametrize("where", ["variable", "configuration"])
def test_the_project_root_a_person_set_counts_wherever_a_command_is_typed(
    project: Path, tmp_path: Path, alone: Path, where: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if where == "configuration":
        (alone / "config.toml").write_text(f"root = {json.dumps(str(project))}\n")
    variables = {"SOPHIA_ROOT": str(project)} if where == "variable" else {}
    found = run("search", "retry_policy", "--json", cwd=elsewhere, **variables)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["hits"][0]["path"] == "retry.py"
    run("memory", "add", "Retries are three", cwd=elsewhere, **variables)
    listed = json.loads(run("memory", "list", "--json", cwd=project).stdout)
    assert [memo["text"] for memo in listed["memories"]] == ["Retries are three"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "retry_policy"),
        ("memory", "add", "Retries are three"),
        ("swarm", "run", "solo", "--task", "x", "--provider", "host", "--estimate"),
    ],
)
def test_an_empty_repository_is_one_that_was_not_given(
    project: Path, arguments: tuple[str, ...]
) -> None:
    done = run(*arguments, "--repo", "", cwd=project)
    assert done.returncode == 0, done.stderr


@pytest.mark.requirement("cli.search")
def test_a_repository_is_a_folder_from_the_working_one_on_or_a_name(project: Path) -> None:
    inner = project / "parts" / "lib"
    (inner / ".git").mkdir(parents=True)
    (inner / "lib.py").write_text("def parse_lines(text):\n    return text\n")
    for place, written in ((project, "parts/lib"), (project / "parts", "./lib/"), (inner, ".")):
        done = run("search", "parse_lines", "--repo", written, cwd=place)
        assert (done.returncode, done.stdout[:10]) == (0, "lib.py:1-2"), done.stderr
    (project / "parts" / "lib-of-others" / "lib").mkdir(parents=True)
    named = run("search", "parse_lines", "--repo", "lib", cwd=project / "parts" / "lib-of-others")
    assert named.stdout.startswith("lib.py:1-2")
    missed = run("search", "x", "--repo", "no-such-repository", cwd=project)
    assert "next: give a name from `sophia repos` or" in missed.stderr


def test_a_project_root_that_is_no_folder_is_named(project: Path) -> None:
    done = run("search", "retry_policy", cwd=project, SOPHIA_ROOT="/nowhere/at/all")
    assert done.returncode == 1
    assert "/nowhere/at/all is not a folder" in done.stderr
    assert "SOPHIA_ROOT" in done.stderr


def test_a_run_that_fails_behind_an_answer_does_not_take_the_answer_away(
    project: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So much has changed that the answer does not wait, and says what it stands on."""
    assert run("index", ".", cwd=project).returncode == 0
    for number in range(60):
        (project / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    with closing(sqlite3.connect(alone / "data" / "index.db")) as store, store:
        store.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON blobs BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    monkeypatch.setattr("sophia_mcp.app.WAIT_S", 0.0)
    done = inside.run("search", "retry_policy", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "retry.py:6" in done.stdout
    assert "warning: not all of what changed could be read: Internal error" in done.stderr


@pytest.mark.requirement("cli.search", "search.first_use")
def test_a_project_that_was_never_indexed_is_indexed_by_its_first_question(project: Path) -> None:
    found = run("search", "retry_policy", cwd=project)
    assert found.returncode == 0, found.stderr
    assert "retry.py:" in found.stdout


@pytest.mark.requirement("cli.search")
@pytest.mark.requirement("cli.exit_codes")
def test_a_name_that_is_not_there_exits_three_and_says_not_here(project: Path) -> None:
    missed = run("search", "FrobnicateKubernetesPods", cwd=project)
    assert missed.returncode == 3
    assert missed.stdout.startswith("not here:")
    assert "sophia search" in missed.stdout
    assert "search_code(" not in missed.stdout


@pytest.mark.requirement("cli.search")
@pytest.mark.parametrize("query", ["max_cost_usd", "get_run()"])
def test_a_query_that_names_an_argument_of_ours_is_told_as_it_was_asked(
    project: Path, query: str
) -> None:
    missed = run("search", query, cwd=project)
    assert missed.returncode == 3
    assert repr(query) in missed.stdout.splitlines()[0]


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("version",), 0),
        (("--version",), 0),
        (("serach", "x"), 2),
        (("search",), 2),
        (("search", "x", "--limit", "0"), 2),
        (("search", "(unclosed", "--mode", "regex"), 2),
        (("index", "/nowhere/at/all"), 2),
        (("index", "~nobody-of-that-name/x"), 2),
        (("search", "x", "--repo", "~nobody-of-that-name/x"), 3),
        (("search", "x", "--repo", "no-such-repository"), 3),
        (("repos",), 3),
        (("serve", "--http", "0.0.0.0:9000"), 2),
        (("serve", "--http", "nonsense"), 2),
        (("serve", "--http", "127.0.0.1:99999"), 2),
        (("serve", "--toolsets", "nonsense"), 2),
    ],
)
def test_exit_codes_tell_what_happened(arguments: tuple[str, ...], code: int, project: Path) -> None:
    done = run(*arguments, cwd=project)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.requirement("cli.exit_codes")
def test_an_error_for_machines_is_one_json_object_on_stderr(project: Path) -> None:
    done = run("search", "x", "--repo", "no-such-repository", "--json", cwd=project)
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "not_found"
    assert error["next"]


def test_a_data_folder_that_cannot_be_written_is_named(project: Path) -> None:
    done = run("repos", cwd=project, SOPHIA_HOME="/proc/nowhere")
    assert done.returncode == 1
    assert "SOPHIA_HOME" in done.stderr


def test_a_command_logs_where_a_person_wants_it(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "sophia.log"
    assert run("index", ".", cwd=project, SOPHIA_LOG__FILE=str(file)).returncode == 0
    assert file.exists()
    refused = run("repos", cwd=project, SOPHIA_LOG__FILE="/proc/nowhere/sophia.log")
    assert refused.returncode == 1
    assert "mend log.file" in refused.stderr


@pytest.mark.requirement("cli.doctor")
def test_the_doctor_finds_a_sound_installation_and_a_damaged_store(project: Path, alone: Path) -> None:
    run("index", ".", cwd=project)
    sound = run("debug", "doctor", "--json", cwd=project)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert json.loads(sound.stdout)["ok"]
    (alone / "data" / "index.db.aside").touch()
    warned = run("debug", "doctor", cwd=project, SOPHIA_HOMME="x")
    assert warned.returncode == 0
    assert "there is no setting SOPHIA_HOMME; the nearest is SOPHIA_HOME" in warned.stdout
    assert "warning: there is no setting SOPHIA_HOMME" in warned.stderr
    assert "run `sophia index` again for every other folder" in warned.stdout
    store = alone / "data" / "state.db"
    raw = bytearray(store.read_bytes())
    raw[4096 + 100 : 4096 + 200] = b"\xff" * 100
    store.write_bytes(raw)
    damaged = run("debug", "doctor", cwd=project)
    assert damaged.returncode == 1
    assert "state" in damaged.stdout


@pytest.mark.requirement("cli.search")
def test_a_folder_that_is_gone_is_said_to_be_gone(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "depot"
    shutil.copytree(project, other)
    run("index", str(other), cwd=project)
    shutil.rmtree(other)
    for named in ("depot", str(other)):
        said = run("search", "retry", "--repo", named, cwd=project)
        assert (said.returncode, said.stdout) == (3, "")
        assert f"the folder {other} is gone" in said.stderr
        assert "sophia repos --forget depot" in said.stderr


@pytest.mark.requirement("cli.doctor")
@pytest.mark.parametrize("below", ["", "data"])
def test_the_doctor_says_that_the_data_folder_is_none(project: Path, tmp_path: Path, below: str) -> None:
    place = tmp_path / "taken"
    place.write_text("")
    ended = run("debug", "doctor", "--json", cwd=project, SOPHIA_HOME=str(place / below))
    checks = {each["name"]: each for each in json.loads(ended.stdout)["checks"]}
    assert checks["data folder"] == {
        "name": "data folder",
        "state": "failing",
        "detail": f"{place} is not a folder: set SOPHIA_HOME to one that can be written",
    }
    assert ended.returncode == 1


@pytest.mark.requirement("cli.doctor")
def test_the_doctor_answers_where_the_data_folder_has_a_name_too_long(project: Path) -> None:
    ended = run("debug", "doctor", cwd=project, SOPHIA_HOME=f"/tmp/{'n' * 300}")
    assert ended.returncode == 1
    assert "File name too long" in ended.stdout
    assert "Internal error" not in ended.stderr


@pytest.mark.parametrize("asked", [("search", "x", "--repo"), ("index",), ("memory", "list", "--repo")])
def test_a_folder_with_a_name_too_long_is_none(project: Path, asked: tuple[str, ...]) -> None:
    ended = run(*asked, "n" * 300, cwd=project)
    assert ended.returncode in (1, 2, 3)
    assert "next:" in ended.stderr
    assert "Internal error" not in ended.stderr


def test_the_doctor_sets_a_damaged_index_aside_and_says_what_to_do(project: Path, alone: Path) -> None:
    run("index", ".", cwd=project)
    store = alone / "data" / "index.db"
    raw, page = bytearray(store.read_bytes()), 4096
    for number in range(10, len(raw) // page, 10):
        raw[number * page : number * page + 16] = b"\xff" * 16
    store.write_bytes(raw)
    first = run("debug", "doctor", cwd=project)
    second = run("debug", "doctor", cwd=project)
    assert "delete" not in first.stdout
    assert "your project is indexed anew with the next question" in first.stdout
    assert (second.returncode, (alone / "data" / "index.db.aside").exists()) == (0, True)
    assert run("search", "retry", cwd=project).returncode == 0


@pytest.mark.requirement("embed.away")
def test_the_doctor_lists_the_rest_where_the_embedding_endpoint_is_away(project: Path) -> None:
    away = {
        "SOPHIA_EMBED__PROVIDER": "openai",
        "SOPHIA_EMBED__BASE_URL": "http://127.0.0.1:9/v1",
        "SOPHIA_EMBED__MODEL": "m",
        "SOPHIA_EMBED__SEND_SOURCE": "true",
        "SOPHIA_EMBED__MAX_TOKENS": "1000000",
    }
    indexed = run("index", ".", cwd=project, **away)
    assert indexed.returncode == 0
    assert "meaning covers 0 of 2 files" in indexed.stdout
    said = run("debug", "doctor", cwd=project, **away)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "warning  vectors: words answer without meaning" in said.stdout
    assert "meaning covers 0 of 2 files" in said.stdout
    found = run("search", "where are attempts repeated", cwd=project, **away)
    assert "meaning is left out" in found.stdout


@pytest.mark.requirement("security.text")
def test_a_hostile_name_reaches_no_terminal_and_its_json_reads_back(tmp_path: Path, alone: Path) -> None:
    name = "a\x1b[31m\u202eb"
    folder = tmp_path / name
    folder.mkdir()
    (folder / f"{name}.py").write_text(CODE)
    said = [run("index", ".", cwd=folder), run("repos", cwd=folder), run("search", "retry", cwd=folder)]
    said += [run("repos", "--json", cwd=folder), run("search", "retry", "--json", cwd=folder)]
    for done in said:
        assert not {"\x1b", "\u202e"} & {*done.stdout, *done.stderr}
    assert json.loads(said[3].stdout)[0]["repo"] == name
    assert json.loads(said[4].stdout)["hits"][0]["path"] == f"{name}.py"


@pytest.mark.requirement("cli.stats")
def test_stats_count_what_is_stored(project: Path) -> None:
    run("index", ".", cwd=project)
    facts = json.loads(run("debug", "stats", "--json", cwd=project).stdout)
    assert facts["blobs"] == 2
    assert facts["index.db bytes"] > 0


@pytest.mark.requirement("cli.health")
def test_health_answers_for_machines(project: Path) -> None:
    done = run("health", "--json", cwd=project)
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "ok"
    done = run("health", cwd=project, SOPHIA_EMBED__PROVIDER="no-such")
    assert done.returncode == 1
    assert "there is no embedder 'no-such'" in done.stdout
    assert "next: set embed.provider" in done.stdout


def test_a_store_that_may_only_be_read_is_no_good_health(project: Path, alone: Path) -> None:
    assert run("health", cwd=project).returncode == 0
    with closing(sqlite3.connect(alone / "data" / "index.db")) as store, store:
        store.execute(
            "INSERT INTO migrations (package, number, oldest_reader, oldest_writer)"
            " VALUES ('index', 999, 1, 999)"
        )
    done = run("health", cwd=project)
    assert done.returncode == 1
    assert "newer" in done.stdout


@pytest.mark.requirement("embed.cli")
def test_embed_creates_batches_searches_and_compares(project: Path) -> None:
    created = json.loads(run("embed", "create", "open a file", "--json", cwd=project).stdout)
    assert len(created["vectors"][0]) > 100
    (project / "lines.txt").write_text(
        "delete a database row\n\n \f\nparse json text\nopen a\fnetwork socket\n"
    )
    assert run("embed", "batch", "lines.txt", "--out", "v.jsonl", cwd=project).returncode == 0
    assert len((project / "v.jsonl").read_text().splitlines()) == 3
    ranked = json.loads(run("embed", "search", "json parser", "lines.txt", "--json", cwd=project).stdout)
    assert (ranked[0]["line"], ranked[0]["text"]) == (4, "parse json text"), "as an editor counts"
    piped = run(
        "embed", "search", "json parser", "-", "--json", cwd=project, said="\ufeffparse json\r\nx y"
    )
    assert json.loads(piped.stdout)[0]["text"] == "parse json"
    assert run("embed", "batch", "-", cwd=project, said="a\n\nb\n").stdout.count("\n") == 2
    assert "standard input has no lines" in run("embed", "batch", "-", cwd=project).stderr
    same = json.loads(run("embed", "similarity", "a retry", "a retry", "--json", cwd=project).stdout)
    assert same["similarity"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.requirement("embed.cli")
@pytest.mark.parametrize(
    "asked", [("create", "a", ""), ("similarity", "a", " "), ("search", "", "lines.txt")]
)
def test_a_blank_text_has_no_vector(project: Path, asked: tuple[str, ...]) -> None:
    (project / "lines.txt").write_text("a\n")
    ended = run("embed", *asked, cwd=project)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "has no words" in ended.stderr


@pytest.mark.requirement("embed.cli")
def test_a_text_that_says_nothing_to_the_model_is_named(project: Path) -> None:
    (project / "lines.txt").write_text("…\nparse json\n")
    for asked in (("create", "…"), ("batch", "lines.txt"), ("similarity", "…", "parse json")):
        ended = run("embed", *asked, cwd=project)
        assert ended.returncode == 0
        assert ended.stderr == "warning: '…' says nothing to this model: its vector is zero\n"


@pytest.mark.requirement("embed.cli", "cli.exit_codes")
def test_a_line_that_is_refused_is_named_and_the_others_are_embedded(project: Path) -> None:
    lines = ["open a file", *(f"line {number}" for number in range(300)), "read json"]
    lines.insert(100, "far too long")
    (project / "lines.txt").write_text("\n".join(lines))
    with Endpoint() as endpoint:
        endpoint.unwanted = "too long"
        hosted = {
            "SOPHIA_EMBED__PROVIDER": "openai",
            "SOPHIA_EMBED__BASE_URL": endpoint.url,
            "SOPHIA_EMBED__MODEL": "m",
            "SOPHIA_EMBED__SEND_SOURCE": "true",
            "SOPHIA_EMBED__MAX_TOKENS": "1000000",
            "SOPHIA_EMBED__KEY": "env:EMBED_KEY",
            "EMBED_KEY": KEY,
        }
        done = run("embed", "batch", "lines.txt", "--out", "v.jsonl", cwd=project, **hosted)
        found = run("embed", "search", "open a file", "lines.txt", "--json", cwd=project, **hosted)
        whole = run("embed", "create", "far too long", cwd=project, **hosted)
        indexed = run("index", ".", "--include", "*.txt", cwd=project, **hosted)
        doctor = run("debug", "doctor", cwd=project, **hosted)
    written = [json.loads(line) for line in (project / "v.jsonl").read_text().splitlines()]
    assert [each["text"] for each in written] == lines
    assert [each["text"] for each in written if each["vector"] is None] == ["far too long"]
    assert "wrote 302 vectors" in done.stderr
    for command in (done, found):
        assert command.returncode == 1
        assert "error: line 101 has no vector: it answered 413: " in command.stderr
    assert json.loads(found.stdout)[0]["line"] == 1
    paid = [text for text in endpoint.texts() if text in lines]
    assert len(paid) == len(set(paid)), "no line is paid twice"
    assert (whole.returncode, "413" in whole.stderr) == (1, True)
    for told in (indexed, doctor):
        assert "meaning leaves out parts of 1 file" in told.stdout


@pytest.mark.requirement("cli.exit_codes")
def test_vectors_that_cannot_be_written_are_an_error_and_no_bug(project: Path) -> None:
    (project / "lines.txt").write_text("open a file\n")
    done = run("embed", "batch", "lines.txt", "--out", str(project / "gone" / "out.jsonl"), cwd=project)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot write {project}/gone/out.jsonl\n")


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    ("arguments", "following"),
    [
        (("search", "x", "--limit", "0"), "sophia search --help"),
        (("repos", "--nosuch"), "sophia repos --help"),
        (("nosuch",), "sophia --help"),
    ],
)
def test_wrong_usage_is_told_to_machines_as_one_json_object(
    arguments: tuple[str, ...], following: str, project: Path
) -> None:
    done = run(*arguments, "--json", cwd=project)
    told = json.loads(done.stderr)["error"]
    assert (done.returncode, done.stdout) == (2, "")
    assert (told["code"], told["next"]) == ("bad_argument", following)
    assert run(*arguments, cwd=project).stderr.startswith("Usage: sophia")


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    ("arguments", "nearest", "following"),
    [
        (("serach", "x"), "sophia search", "sophia search --help"),
        (("Search", "x"), "the nearest: sophia search\n", "sophia search --help"),
        (("cost", "repot"), "sophia cost report", "sophia cost report --help"),
        (("doctor",), "sophia debug doctor", "sophia debug doctor --help"),
        (("report",), "sophia cost report", "sophia cost report --help"),
        (("list",), "sophia memory list, sophia swarm list", "sophia --help"),
        (("help", "memory", "add"), "", "sophia memory add --help"),
        (("memory", "nosuch"), "there are accept, add,", "sophia memory --help"),
        (("cost", "prices", "nosuch"), "there is only again\n", "sophia cost prices --help"),
        (("index", ".", "--wach"), "--watch", "sophia index --help"),
        (("index", ".", "--ref"), "requires an argument", "sophia index --help"),
        (("--limit", "3", "search", "x"), "sophia search ... --limit", "sophia search --help"),
    ],
)
def test_who_mistypes_a_command_is_told_the_nearest_and_how_to_get_help(
    arguments: tuple[str, ...], nearest: str, following: str, project: Path
) -> None:
    done = run(*arguments, cwd=project)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: sophia")
    assert nearest in done.stderr
    assert done.stderr.endswith(f"  next: {following}\n")


@pytest.mark.requirement("cli.repos")
def test_a_narrow_terminal_gets_a_line_for_each_cell(project: Path) -> None:
    assert run("index", ".", cwd=project).returncode == 0
    assert f"root: {project}" in _on_terminal("repos", columns=40, cwd=project)
    wide = _on_terminal("repos", columns=300, cwd=project)
    assert "root:" not in wide
    assert str(project) in wide


def _on_terminal(*arguments: str, columns: int, cwd: Path) -> str:
    """What a person sees in a terminal so wide."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(
        [SOPHIA, *arguments], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as shown:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # Linux says so when the other side is closed
            pass
        shown.wait()
    os.close(ours)
    return seen.decode()


def _every_command(
    command: click.Command, names: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(names, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += _every_command(below, (*names, name))
    return found


@pytest.mark.requirement("cli.help")
@pytest.mark.parametrize(
    ("names", "command"),
    _every_command(sophia, ("sophia",)),
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_every_command_explains_itself_with_an_example(
    names: tuple[str, ...], command: click.Command
) -> None:
    text = command.get_help(click.Context(command, info_name=" ".join(names)))
    assert "Example: sophia" in text or "Start with" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            assert parameter.help, f"{parameter.opts} has no help"


@pytest.mark.requirement("cli.json")
def test_every_command_that_answers_does_so_for_machines_too() -> None:
    without = [
        names
        for names, command in _every_command(sophia, ("sophia",))
        if not isinstance(command, click.Group)
        and all("--json" not in parameter.opts for parameter in command.params)
    ]
    assert without == [("sophia", "serve")]


@pytest.mark.requirement("cli.version")
def test_the_version_is_told_with_those_of_the_parts_that_matter(project: Path) -> None:
    parts = json.loads(run("version", "--json", cwd=project).stdout)
    assert set(parts) == {"sophia", "python", "mcp", "sqlite", "platform"}
    assert parts["sophia"] == __version__
    assert run("--version", cwd=project).stdout.split()[-1] == __version__


@pytest.mark.requirement("cli.completion")
def test_shell_completion_knows_the_commands(project: Path) -> None:
    done = run(cwd=project, _SOPHIA_COMPLETE="bash_complete", COMP_WORDS="sophia se", COMP_CWORD="1")
    assert "search" in done.stdout
    assert "serve" in done.stdout
