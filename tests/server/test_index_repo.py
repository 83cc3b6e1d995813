"""What an agent sees when it calls index_repo."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from tests.index.trees import commit_all, make_repository
from tests.server.conftest import Place, text_of, write
from tests.server.swarms import facts_of

from sophia_mcp.server.tools import index_repo

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("server.index_repo")]

FIELDS = {
    "repo",
    "root",
    "state",
    "reason",
    "commit",
    "branch",
    "files_total",
    "files_indexed",
    "files_changed",
    "files_removed",
    "skipped",
    "chunks",
    "symbols",
    "languages",
    "seconds",
    "repos",
    "next",
    "notes",
}


@pytest.mark.requirement("server.both_eras")
async def test_an_update_says_what_was_indexed_in_both_channels(place: Place, era: str) -> None:
    async with place.connect(era) as client:
        result = await client.call_tool("index_repo", {})
    found = facts_of(result)
    assert set(found) == FIELDS
    assert (found["state"], found["files_indexed"], found["next"]) == ("ready", 3, None)
    assert found["skipped"] == [{"reason": "binary", "count": 1}]
    assert found["languages"]["python"] == 2
    assert found["root"] == str(place.project)
    for fact in ("ready", "3 of", str(found["symbols"]), "binary"):
        assert fact in text_of(result)


async def test_the_same_call_again_changes_nothing(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        again = facts_of(await client.call_tool("index_repo", {"path": str(indexed.project)}))
    assert (again["state"], again["files_changed"], again["files_removed"]) == ("ready", 0, 0)


async def test_status_without_a_path_lists_every_readable_repository(indexed: Place, era: str) -> None:
    async with indexed.connect(era) as client:
        result = await client.call_tool("index_repo", {"action": "status"})
    found = facts_of(result)
    assert found["repo"] is None
    assert [each["root"] for each in found["repos"]] == [str(indexed.project)]
    assert str(indexed.project) in text_of(result)


async def test_a_long_list_tells_of_the_project_and_of_some_and_names_all_others(
    place: Place, tmp_path: Path
) -> None:
    async with place.open(None) as app:
        for number in range(index_repo.LISTED + 5):
            root = write(tmp_path / f"a{number:03}", {"a.py": ""})
            await (await app.start_index(str(root), trusted=True)).wait(60)
        await (await app.start_index(str(place.project), trusted=True)).wait(60)
    async with place.connect("auto") as client:
        result = await client.call_tool("index_repo", {"action": "status"})
    found = facts_of(result)
    listed = [each["repo"] for each in found["repos"]]
    assert len(listed) == index_repo.LISTED
    assert listed[0] == place.project.name
    [note] = found["notes"]
    assert note.startswith("6 more are indexed: ")
    named = note.partition(": ")[2].partition(";")[0].split(", ")
    assert {*listed, *named} == {place.project.name, *(f"a{number:03}" for number in range(45))}
    assert note in text_of(result)


async def test_status_of_an_empty_store_says_so(place: Place) -> None:
    async with place.connect("auto") as client:
        found = facts_of(await client.call_tool("index_repo", {"action": "status"}))
    assert found["repos"] == []
    assert found["notes"] == ["nothing is indexed yet"]


async def test_a_rebuild_reads_every_file_again(place: Place) -> None:
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {})
        found = facts_of(await client.call_tool("index_repo", {"action": "rebuild"}))
    assert found["files_changed"] == 3


@pytest.mark.requirement("index.names")
async def test_a_ref_that_is_indexed_is_still_called_by_its_name(place: Place) -> None:
    """Whether the folder itself is indexed or not: a bare repository has nothing else."""
    repository = make_repository(place.project)
    commit_all(repository)
    repository.branches.local.create("feature/pay", repository.head.peel())
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {"path": f"{place.project}@feature/pay"})
        again = {"path": f"{place.project.name}@feature/pay", "action": "rebuild"}
        found = facts_of(await client.call_tool("index_repo", again))
        assert (found["repo"], found["files_changed"]) == (f"{place.project.name}@feature/pay", 3)
        told = {"text": "Cards are charged once", "repo": found["repo"]}
        assert not (await client.call_tool("remember", told)).is_error
        await client.call_tool("index_repo", {})
        found = facts_of(await client.call_tool("index_repo", again))
        assert (found["branch"], found["state"]) == ("feature/pay", "ready")


async def test_forgetting_drops_the_index_and_leaves_the_files(place: Place) -> None:
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {})
        gone = facts_of(await client.call_tool("index_repo", {"action": "forget"}))
        after = facts_of(await client.call_tool("index_repo", {"action": "status"}))
    assert gone["next"] is not None
    assert "index_repo" in gone["next"]
    assert after["repos"] == []
    assert (place.project / "shop" / "cart.py").is_file()


async def test_cancelling_what_does_not_run_says_so(indexed: Place) -> None:
    async with indexed.connect("auto") as client:
        found = facts_of(await client.call_tool("index_repo", {"action": "cancel"}))
    assert found["notes"] == ["no run was active"]


@pytest.mark.requirement("server.progress")
async def test_no_waiting_returns_a_handle_and_the_run_goes_on(place: Place, era: str) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(300)})
    async with place.connect(era) as client:
        first = await client.call_tool("index_repo", {"wait_s": 0})
        found = facts_of(first)
        last = facts_of(await client.call_tool("index_repo", {"wait_s": 50}))
    assert found["state"] == "indexing"
    assert found["next"] is not None
    assert found["next"].startswith("index_repo(path=")
    assert "still indexing" in found["notes"][0]
    assert found["notes"][0] in text_of(first)
    assert (last["state"], last["files_indexed"]) == ("ready", 303)


async def test_a_list_with_a_cancelled_run_says_how_it_is_begun_again(place: Place) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(600)})
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {"wait_s": 0})
        await client.call_tool("index_repo", {"action": "cancel"})
        listed = facts_of(await client.call_tool("index_repo", {"action": "status"}))
    assert [each["state"] for each in listed["repos"]] == ["failed"]
    assert listed["next"] == f'index_repo(path="{place.project}")'


async def test_a_list_with_a_run_under_way_names_the_call_that_waits_for_it(place: Place) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(600)})
    async with place.connect("auto") as client:
        await client.call_tool("index_repo", {"wait_s": 0})
        listed = facts_of(await client.call_tool("index_repo", {"action": "status"}))
    assert [each["state"] for each in listed["repos"]] == ["indexing"]
    assert listed["next"] == f'index_repo(path="{place.project}")'


@pytest.mark.requirement("server.progress")
async def test_progress_grows_with_every_notification(place: Place, era: str) -> None:
    write(place.project, {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(600)})
    seen: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with place.connect(era) as client:
        await client.call_tool("index_repo", {}, progress_callback=hear)
    assert seen
    numbers = [progress for progress, _, _ in seen]
    assert numbers == sorted(set(numbers))
    assert all(total is None or total >= progress for progress, total, _ in seen)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": "/etc"}, "not inside an allowed folder"),
        ({"path": "/etc", "action": "status"}, "not inside an allowed folder"),
        ({"path": "/etc@main", "action": "cancel"}, "not inside an allowed folder"),
        ({"path": "https://example.com/a.git"}, "cloning over https is not allowed"),
        ({"path": "conn://asana/task"}, "connectors cannot be synced yet"),
        ({"wait_s": 51}, "wait_s"),
        ({"action": "delete"}, "action"),
        ({"path": "nowhere", "action": "forget"}, "nowhere"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_next_step(
    place: Place, arguments: dict[str, object], words: str
) -> None:
    async with place.connect("auto") as client:
        result = await client.call_tool("index_repo", arguments)
    assert result.is_error
    assert words in text_of(result)


@pytest.mark.requirement("server.unknown_argument")
async def test_a_note_reaches_clients_that_show_only_structured_content(
    indexed: Place, era: str
) -> None:
    async with indexed.connect(era) as client:
        result = await client.call_tool("index_repo", {"action": "status", "recursive": True})
    assert any("'recursive' is unknown" in note for note in facts_of(result)["notes"])
    assert "'recursive' is unknown" in text_of(result)


async def test_globs_choose_what_is_indexed(place: Place, tmp_path: Path) -> None:
    async with place.connect("auto") as client:
        found = facts_of(await client.call_tool("index_repo", {"exclude": "shop/**"}))
    assert "python" not in found["languages"]


async def test_a_clone_goes_on_after_the_call_and_its_failure_is_told(place: Place) -> None:
    place.settings["index"] = {"workers": 1, "watch": False, "allow_clone": True}
    url = "https://127.0.0.1:9/nobody/listens.git"
    async with place.connect("auto") as client:
        result = await client.call_tool("index_repo", {"path": url, "wait_s": 50})
    assert result.is_error
    assert "could not be cloned" in text_of(result)


async def test_a_slow_clone_does_not_hold_the_call_and_can_be_cancelled(place: Place) -> None:
    place.settings["index"] = {"workers": 1, "watch": False, "allow_clone": True}
    silent = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = silent.extra(SocketAttribute.local_port)
    released = anyio.Event()

    async def hold(stream: SocketStream) -> None:
        async with stream:
            await released.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(silent.serve, hold)
        async with place.connect("auto") as client:
            url = f"https://somebody@127.0.0.1:{port}/slow/one.git"
            found = facts_of(await client.call_tool("index_repo", {"path": url, "wait_s": 0}))
            cancelled = facts_of(await client.call_tool("index_repo", {"path": url, "action": "cancel"}))
            with anyio.fail_after(10):  # the other side says nothing all the while
                again = await client.call_tool("index_repo", {"path": url, "action": "status"})
            released.set()
        group.cancel_scope.cancel()
    await silent.aclose()
    assert found["state"] == "indexing"
    assert found["notes"] == ["still indexing: now cloning"]
    assert found["next"] == f'index_repo(path="https://127.0.0.1:{port}/slow/one")', (
        "the same call waits for the clone, and names nobody"
    )
    assert cancelled["notes"][0].startswith("the run stops")
    assert "never cloned" in text_of(again)
