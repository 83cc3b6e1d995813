"""What a program said leads to the code that says it, whatever values it put in."""

from __future__ import annotations

import pytest

from sophia_mcp.search.text.messages import letters

pytestmark = pytest.mark.anyio

FILES = {
    "find.c": 'int find_window(char *window)\n{\n\treport(item, "can\'t find window: %s", window);\n\treturn -1;\n}\n',
    "window.c": "/* Find a window by its name or by its number. */\nint window_find_by_name(char *name)\n{\n\treturn window_find(name);\n}\n",
    "state.go": 'package a\n\nfunc refute(name string) {\n\tlog.Printf("[WARN] cluster: Refuting a suspect message (from: %s)", name)\n}\n',
    "suspect.go": "package a\n\n// suspectMessage is a message about a suspect node.\nfunc suspectMessage() {}\n",
    "job.rb": 'def check(key)\n  raise ArgumentError, "Symbols only please: #{key.inspect}"\nend\n',
    "load.py": 'def load(name, line):\n    raise LookupError(f"no entry {name!r} in line {line} of the table")\n',
    "send.js": "export function send(kind) {\n  throw new Error(`unable to send ${kind} messages twice`)\n}\n",
    "short.js": "export function beat() {\n  throw new Error('heartbeat messages')\n}\n",
    "lost.py": "def lose(node):\n    log('lost nodes: %d', node)\n",
    "tests/test_load.py": "def test_load():\n    assert said == \"no entry 'x' in line 3 of the table\"\n",
    "copies.py": "def copies(count):\n    log('copies lost of the nodes = %d', count)\n",
    "tests/test_copies.py": "def test_copies():\n    assert said == 'copies lost of the nodes = 3'\n",
    "status.go": 'package a\n\nfunc (e *Fault) Error() string {\n\treturn fmt.Sprintf("code=%d, message=%v", e.Code, e.Said)\n}\n',
    "tests/status_test.go": 'package a\n\nfunc TestError() {\n\tequal("code=404, message=Not Found")\n}\n',
    "parse.py": 'class ParseError(Exception):\n    """Expecting something."""\n\n\ndef close(token):\n    fail(token, "Expecting )")\n',
    "token.js": "export class MismatchedToken extends Error {}\n\nexport function mismatch(actual, expected) {\n  return `Expecting ${expected} but found --> '${actual}' <--`\n}\n",
    "media.js": "export const codes = {\n  APP_ERR_INVALID_MEDIA_TYPE: failure(\n    'APP_ERR_INVALID_MEDIA_TYPE',\n    'Unsupported media type',\n    415\n  )\n}\n",
    "queue.erl": "refuse(N, V) ->\n    fail(\"no queue '~s' in vhost ~p~n\", [N, V]).\n",
    "open.hs": 'open name why =\n  fail ("could not open " ++ show name ++ " as asked: " ++ why)\n',
    "limit.java": 'class Limit {\n  void check(int size) {\n    throw new Error("the size of " + size + " bytes "\n'
    '        + "exceeds what the broker "\n        + "takes at once");\n  }\n}\n',
    "head.scala": 'object Head {\n  def head = throw new Missing("head of empty list")\n}\n',
    "README.md": "# Parse\n\nA ParseError says what it was expecting, as Expecting ) does.\n",
    "notes.md": "# Table\n\nIt says: no entry 'x' in line 3 of the table\n",
}


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("can't find window: @12", "find.c"),
        ("2026/01/02 03:04:05 [WARN] cluster: Refuting a suspect message (from: node-3)", "state.go"),
        ("ArgumentError: Symbols only please: :queue", "job.rb"),
        ("LookupError: no entry 'x' in line 3 of the table", "load.py"),
        ("Error: unable to send heartbeat messages twice", "send.js"),
        ("copies lost of the nodes = 3", "copies.py"),  # a test has it as it is
        ("code=404, message=Not Found", "status.go"),
        ("ParseError: Expecting )", "parse.py"),
        ("MismatchedToken: Expecting token of sort --> Comma <-- but found --> 'x' <--", "token.js"),
        ("no queue 'mail' in vhost 'work'", "queue.erl"),
        ("fault: could not open 'a.txt' as asked: it is gone", "open.hs"),
        ("the size of 12 bytes exceeds what the broker takes at once", "limit.java"),
        ("head of empty list", "head.scala"),
        ("APP_ERR_INVALID_MEDIA_TYPE: Unsupported media type: text/plain", "media.js"),
    ],
)
@pytest.mark.requirement("search.modes", "search.why")
async def test_a_message_with_values_leads_to_the_code_that_says_it(
    index_of, message: str, place: str
) -> None:
    async with index_of(FILES) as ask:
        answer = await ask(message)
        assert answer.hits[0].path == place
        assert answer.hits[0].why.startswith("says this at ")
        assert answer.notes[0] == "this message, but for its values: 1 place"


@pytest.mark.parametrize(
    "text",
    [
        "how are windows found by number 3",
        "find window: by name",
        "symbols (only): a table",
        "error: nobody can tell why so many were called lost nodes: 7",
    ],
)
@pytest.mark.requirement("search.modes")
async def test_what_nothing_says_is_answered_as_before(index_of, text: str) -> None:
    async with index_of(FILES) as ask:
        assert not any("this message" in note for note in (await ask(text)).notes)


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ('log("read %d of %d bytes")', len("readofbytes")),
        ("log('read {} of {n:>3} bytes')", len("readofbytes")),
        ("puts `read ${a} of #{b} bytes`", len("readofbytes")),
        ('log("of read %d bytes")', 0),
        ('log("write %d of %d bytes")', 0),
        ('log("read", "bytes")', len("bytes")),
        ("read 3 of", len("readof")),
        ('log("read 3 of\\t7 bytes\\n")', len("readofbytes")),
    ],
)
def test_the_fixed_letters_of_a_line_stand_in_the_message_in_their_order(line: str, fixed: int) -> None:
    assert letters([line], 0, "disk 2: read 3 of 7 bytes")[0] == fixed


@pytest.mark.parametrize("piece", ['\\"', "<%", "%{", "%(", "${", "\\("])
@pytest.mark.requirement("search.modes")
def test_what_is_opened_again_and_again_and_never_closed_is_soon_read(piece: str) -> None:
    assert letters([piece * 200_000], 0, "disk 2: read 3 of 7 bytes")[0] == 0


def test_a_percent_sign_that_is_doubled_is_one_and_takes_no_value() -> None:
    assert letters(['log("%d%% read")'], 0, "7% read") == (len("read"), 0)


PLAIN = {
    "dhcp.c": 'void receive(char *face)\n{\n\twarn(_("Packet refused on %s which has no address"), face);\n}\n',
    "crypto.go": 'package a\n\nvar ErrSeal = errors.New("ciphertext verification failed")\n',
    "Installer.php": "<?php\nfunction load($io) {\n    $io->write('<info>Missing repositories with package information</info>');\n}\n",
    "toctree.py": 'def check(log):\n    log.warning("document isn\'t included in any toctree")\n',
    "verify.go": "package a\n\n// verification of what failed before: the ciphertext\nfunc verify() {}\n",
    **{
        f"po/{language}.po": f'msgid "Packet refused on %s which has no address"\nmsgstr "{language}"\n'
        for language in map(str, range(100))
    },
}


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("Packet refused on eth0 which has no address", "dhcp.c"),
        ("ciphertext verification failed", "crypto.go"),
        ("Missing repositories with package information", "Installer.php"),
        ("document isn't included in any toctree", "toctree.py"),
    ],
)
@pytest.mark.requirement("search.modes", "search.why")
async def test_a_message_that_nothing_marks_as_one_is_found_however_often_it_is_translated(
    index_of, message: str, place: str
) -> None:
    async with index_of(PLAIN) as ask:
        answer = await ask(message)
        assert answer.hits[0].path == place
        assert answer.hits[0].why.startswith("says this at ")
        asked = await ask(f"where is it said that {message.lower()}")
        assert not any(hit.why.startswith("says this at ") for hit in asked.hits)


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    "form",
    [
        "[{}]\nfail('cannot read {{path}} of this kind')",
        "{{{}, 'e': 'cannot read {{path}} of this kind'}}",
    ],
)
def test_a_message_is_read_behind_many_other_texts(form: str) -> None:
    lines = form.format(", ".join(f"'k{n}'" for n in range(40))).splitlines()
    own = len(lines) - 1
    assert letters(lines, own, "cannot read x.py of this kind") == (20, own)


@pytest.mark.parametrize("value", ["~c", "~tc", "~ts", "~p", "~60.60.0p"])
def test_what_erlang_writes_for_a_value_is_one(value: str) -> None:
    assert letters([f'log("sign {value} is read")'], 0, "sign x is read")[0] == len("signisread")
