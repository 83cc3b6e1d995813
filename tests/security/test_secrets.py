"""Planted secrets are masked, clean code is not, and line numbers survive."""

from __future__ import annotations

import math
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants as token  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from tests.security.planted import Draw, kinds, plant

from sophia_mcp.security.rules import REACH, RULES
from sophia_mcp.security.secrets import _expression, _hints, _prefilter, is_secret_file, mask

pytestmark = pytest.mark.requirement("security.secrets")

CHUNK = 40  # lines; about the size of the chunks that answers are made of


def test_of_a_thousand_planted_secrets_at_least_98_percent_are_masked(seed: int) -> None:
    planted = plant(1000, seed)
    assert len({secret.kind for secret in planted}) >= 50
    shown = [
        secret for secret in planted if any(part in mask(secret.code).text for part in secret.parts)
    ]
    by_kind = Counter(secret.kind for secret in shown)
    print(f"masked {1 - len(shown) / len(planted):.2%} of {len(planted)}; shown: {dict(by_kind)}")
    assert len(shown) <= 20, [(secret.kind, secret.language) for secret in shown]
    assert all(missed <= 4 for missed in by_kind.values()), by_kind


def test_masking_changes_only_the_lines_that_hold_the_secret(seed: int) -> None:
    for secret in plant(300, seed):
        before, after = secret.code.split("\n"), mask(secret.code).text.split("\n")
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert old == new or "«masked " in new
            if not any(part in old for part in secret.parts) and "«masked " in new:
                assert "KEY" in old, (secret.kind, old)


@pytest.mark.parametrize(
    "line",
    [
        "def connect(self, hostname, username=None, password=None, pkey=None):",
        "connect(host=host, user=user, password=password, database=name)",
        "connect(host, user=user, password=self.password)",
        "connect(user=login, password=db_pass,",
    ],
)
def test_an_argument_of_a_call_is_no_secret(line: str) -> None:
    assert mask(line).text == line


def test_a_password_in_a_call_without_quotes_is_masked() -> None:
    assert "hunter22" not in mask("connect(user=u, password=hunter22, name)").text


def test_at_most_one_percent_of_clean_chunks_are_touched() -> None:
    """Unit: chunks of forty lines of installed Python code, and of this project's own sources."""
    touched, total = Counter[str](), Counter[str]()
    for origin, chunk in _clean_chunks():
        total[origin] += 1
        touched[origin] += mask(chunk).count > 0
    shares = {origin: touched[origin] / total[origin] for origin in total}
    print(f"touched {shares} of {dict(total)} chunks")
    assert total["standard library"] >= 3000
    assert all(share <= 0.01 for share in shares.values()), shares


def _clean_chunks() -> Iterator[tuple[str, str]]:
    here = Path(__file__).parents[2]
    installed = Path(sysconfig.get_path("purelib"))
    sources = {
        "standard library": sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")),
        "installed packages": sorted(installed.glob("*/*.py"))[::4],
        "this project": sorted((here / "src").rglob("*.py")),
    }
    for origin, paths in sources.items():
        for path in paths:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            for start in range(0, len(lines), CHUNK):
                yield origin, "\n".join(lines[start : start + CHUNK])


@pytest.mark.parametrize(
    "line",
    [
        'password = "password"', "password = getpass.getpass()", 'PASSWORD = os.environ["DB_PASSWORD"]', "token = tokens[0]",
        'token = "<your token here>"', 'api_key = "YOUR_API_KEY"', 'api_key="${API_KEY}"', "secret: {{ vault.secret }}",
        'url = "postgres://user:password@localhost/db"', "def login(user: str, password: str) -> Token:",
        'help="The password to use when connecting"', 'token_url = "https://login.internal/oauth2/v2.0/token"',
        'SECRET_NAME = "database-credentials"', 'self.token = self._next_token(self.text, pos=0)', "password: string;",
        'label = "Forgot your password?"', 'COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"', "tokens = tokenizer.encode(text)",
        'integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"', "if (token === null) return;",
        'privateKey: fs.readFileSync("key.pem")', "case TOKEN_STRING_LITERAL:", "api_key: ${{ secrets.API_KEY }}",
        'token = "user_session_token_name"', "the part between -----BEGIN RSA PRIVATE KEY----- and its end",
        "0123456789abcdef0123456789abcdef", "git@github.com:owner/repo.git", "https://host:8080/path", 'password = ""',
    ],
)  # fmt: skip
def test_code_about_secrets_is_not_a_secret(line: str) -> None:
    assert mask(line).text == line


def test_a_masked_text_names_the_kind_and_keeps_the_code() -> None:
    token = "ghp_" + Draw(random.Random(1)).of("abcdefghijkmnpqrstuvwxyz0123456789", 36)
    masked = mask(f'client = open("{token}", retries=3)  # naïve\n')
    assert masked.text == 'client = open("«masked github_token»", retries=3)  # naïve\n'
    assert masked.count == 1


def test_bytes_that_are_not_text_survive_masking() -> None:
    odd = "x = '\udcff\ud800é\U0001f511'\r\n\x00"
    token = "npm_" + "aB3" * 12
    assert mask(f"{odd} {token} {odd}").text == f"{odd} «masked npm_token» {odd}"


def test_every_pattern_implies_its_hint(seed: int) -> None:
    """The prefilter is an optimisation: with it and without it the same secrets are found."""
    everything = range(len(RULES))
    for secret in plant(600, seed):
        raw = secret.code.encode()
        hits = set(_prefilter(raw))
        for rule, (expression, _) in ((RULES[index], _expression(index)) for index in everything):
            if expression.search(raw):
                assert RULES.index(rule) in hits or rule.kind in {RULES[hit].kind for hit in hits}, (
                    rule.kind
                )


def test_a_secret_reaches_over_few_lines_or_holds_the_text_that_tells_a_block() -> None:
    for rule in RULES:
        lines = _crossed(parser.parse(rule.pattern.replace(r"\z", r"\Z")))
        assert lines <= REACH or (rule.block and rule.block in rule.pattern.replace("\\", "")), rule


def _crossed(pattern: Iterable[Any]) -> float:
    """How many ends of lines a match can hold at most; those in one run of white space are one."""
    lines: float = 0
    for kind, value in pattern:
        if kind is token.IN:
            lines += "\n" in _characters(value)
        elif kind in (token.LITERAL, token.NOT_LITERAL):
            lines += (value == ord("\n")) == (kind is token.LITERAL)
        elif kind in (token.MAX_REPEAT, token.MIN_REPEAT):
            _, most, inner = value
            blank = len(inner) == 1 and inner[0][0] is token.IN and _characters(inner[0][1]).isspace()
            times = 1 if blank else math.inf if most is token.MAXREPEAT else most
            lines += (each := _crossed(inner)) and each * times
        elif kind is token.SUBPATTERN:
            lines += _crossed(value[3])
        elif kind is token.BRANCH:
            lines += max(map(_crossed, value[1]))
        else:
            assert kind is token.AT, kind
    return lines


_CLASSES = {
    token.CATEGORY_SPACE: r"\s",
    token.CATEGORY_NOT_SPACE: r"\S",
    token.CATEGORY_DIGIT: r"\d",
    token.CATEGORY_WORD: r"\w",
}


def _characters(members: Iterable[Any]) -> str:
    """Every character of a class, of those that one byte tells."""
    every, held, negated = {chr(code) for code in range(256)}, set[str](), False
    for kind, value in members:
        if kind is token.NEGATE:
            negated = True
        elif kind is token.RANGE:
            held |= {chr(code) for code in range(value[0], value[1] + 1)}
        elif kind is token.CATEGORY:
            held |= {one for one in every if re.fullmatch(_CLASSES[value], one, re.ASCII)}
        else:
            held.add(chr(value))
    return "".join(every - held if negated else held)


def test_an_automaton_without_memory_falls_back_to_every_rule() -> None:
    assert len(RULES) in _hints().Match(b"")
    assert _prefilter(b"nothing here") == []


def test_a_long_hostile_text_is_masked_in_linear_time_and_memory() -> None:
    for text in (
        "-----BEGIN PRIVATE KEY-----" * 20_000,
        "password=" * 50_000,
        "ey" * 200_000,
        "a:b@" * 100_000,
        "\\" * 400_000,
    ):
        assert mask(text).text.count("\n") == 0


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".env.local", "config/.env.production", "prod.env", ".envrc", "home/.ssh/id_rsa", "id_ed25519", "id_rsa.old",
        "server.pem", "tls/private.key", "cert.p12", "store.jks", "passwords.kdbx", ".npmrc", ".pypirc", ".netrc", "_netrc",
        ".git-credentials", "credentials", "credentials.json", "secrets.yaml", "SECRETS.YML", "kubeconfig", "prod.kubeconfig",
        ".kube/config", ".aws/config", ".docker/../.dockercfg", "terraform.tfstate", "prod.tfvars", "config/master.key",
        "service-account.json", "client_secret_123.json", "key.asc", ".pgpass", ".bash_history", "wallet.dat", "sub\\.env", ".ENV",
    ],
)  # fmt: skip
def test_files_that_hold_secrets_are_named(path: str) -> None:
    assert is_secret_file(path)


@pytest.mark.parametrize(
    "path",
    [
        ".env.example", ".env.sample", ".env.template", "src/env.py", "environment.ts", "id_rsa.pub", "secrets.py", "credentials.go",
        "src/secrets/rules.py", "token.rs", "password_reset.html", "keys.md", "key.py", "README.md", "config.yaml", "kube.go",
        "package.json", "poetry.lock", "secret_sharing.c", "test_credentials.rb", "monkey.js", "shadow.css", "auth.ts", ".envoy.yaml",
    ],
)  # fmt: skip
def test_files_that_only_sound_like_it_are_read(path: str) -> None:
    assert is_secret_file(path) is None


def test_every_kind_of_rule_has_a_name_fit_for_a_mark() -> None:
    assert len({rule.kind for rule in RULES}) >= 50
    assert all(rule.kind.replace("_", "").isalnum() for rule in RULES)
    assert len(kinds()) >= 50
