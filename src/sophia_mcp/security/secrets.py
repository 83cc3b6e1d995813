"""Which parts of this text are secrets, and which files should never be read at all?

A text is first matched against all rules at once by one automaton, which costs microseconds; only
the rules that hit then look for their spans. Masking keeps every line break, so that line numbers of
a masked text are those of the file.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from sophia_mcp.security.rules import REACH, RULES, Rule

_MEMORY = 64 << 20  # bytes the automaton of all hints may take before it gives up

_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|change.?me|change.?this|your|dummy|sample|redacted|masked|hidden|insert|replace"
    r"|x{4}|\*{3}|\.\.\.|todo|fixme|undefined|null|<[\w .-]+>|\{[\w .:!$-]*\}|\$\{|\$\(|%\(|%s$|0{8}|1234567890$|^12345678$"
    r"|^(?:user|test|my|the|some|foo|bar|fake|mock|no|not|super|top)?[-_ ]?"
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|admin|root|guest)s?\d?$"
)
# A path, address, colour, version, file name, date or expression rather than a drawn value.
_WRITTEN = re.compile(
    r"^[.#@]|^/\w+/|://|^[\w-]+\.[a-z]{2,4}$|[()\[\]|,;]|^\d{4}-\d\d-\d\d|^[\w.-]+@[\w-]+\.|::"
)
_EXPRESSION = re.compile(r"\w\([^)]*\)|[\[\]|]|^[./]|://|^\$|^%|^[@#:]|^\d{1,5}$|->|::|^--")
_ATTRIBUTE = re.compile(r"^[\w-]+(?:\.[A-Za-z_]\w+)+$")
_PART = re.compile(r"[A-Za-z0-9]+")
_TURN = re.compile(r"(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
_LETTERS = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_VOWEL = re.compile(r"(?i)[aeiouy]")
_JAM = re.compile(r"(?i)[^aeiouy]{5}|[aeiouy]{5}")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its secrets, and how many were taken out."""

    text: str
    count: int


def mask(text: str) -> Masked:
    """``text`` with each secret replaced by ``«masked kind»``; the line breaks stay as they were.

    A secret over several lines leaves one mark on each line. Pass whole files where they are at
    hand: a key block cut in the middle cannot be told from other base64.
    """
    raw = text.encode("utf-8", "surrogatepass")
    hits = _prefilter(raw)
    if not hits:
        return Masked(text, 0)
    spans = _merged(_spans(raw, hits))
    if not spans:
        return Masked(text, 0)
    parts: list[bytes] = []
    done = 0
    for start, end, kind in spans:
        parts += (raw[done:start], _mark(raw[start:end], kind))
        done = end
    parts.append(raw[done:])
    return Masked(b"".join(parts).decode("utf-8", "surrogatepass"), len(spans))


_BLOCKS = frozenset(rule.block for rule in RULES if rule.block)


def holds_block(text: str) -> bool:
    """Whether a text may hold a secret of any number of lines, such as a private key."""
    return any(block in text for block in _BLOCKS)


def is_suspect(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether any other secret may reach into lines ``start`` to ``end`` (from 0, without the last) of these.
    Only what stands close enough to them is looked at: where this says no, masking all lines together would
    leave these as they are."""
    near = "\n".join(_near(lines, start, end)).encode("utf-8", "surrogatepass")
    return any(_expression(hit)[0].search(near) is not None for hit in _prefilter(near))


def _near(lines: Sequence[str], start: int, end: int) -> Sequence[str]:
    """These lines with those around them, on either side ``REACH`` at least that are not blank."""
    above = below = 2 * REACH
    while True:
        first = max(start - above, 0)
        near = lines[first : end + below]
        if first and _written(near[: start - first]) < REACH:
            above *= 2
        elif end + below < len(lines) and _written(near[end - first :]) < REACH:
            below *= 2
        else:
            return near


def _written(lines: Sequence[str]) -> int:
    """How many of these lines are not blank."""
    return sum(map(bool, map(str.strip, lines)))


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # spans are byte ranges, whatever the bytes are
    options.log_errors = False
    return options


@cache
def _hints() -> Any:
    """The hints of all rules as one set."""
    options = _options()
    options.max_mem = _MEMORY
    hints = re2.Set.SearchSet(options)
    for rule in RULES:
        hints.Add(rule.hint.encode("ascii"))
    hints.Add(b"")  # matches everything: when even this is missing, the set ran out of memory
    hints.Compile()
    return hints


@cache
def _expression(place: int) -> tuple[Any, int]:
    """The expression of one of RULES, with the index of its masked group. Few are ever asked for."""
    compiled = re2.compile(RULES[place].pattern.encode("ascii"), _options())
    return compiled, dict(compiled.groupindex).get(b"s", 0)


def _prefilter(raw: bytes) -> list[int]:
    """Indexes into RULES that may match. Short texts cost microseconds; never misses a rule."""
    hits: list[int] = _hints().Match(raw)
    if len(RULES) not in hits:
        return list(range(len(RULES)))
    return [hit for hit in hits if hit < len(RULES)]


def _spans(raw: bytes, hits: Iterable[int]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for hit in sorted(hits):
        rule, (expression, group) = RULES[hit], _expression(hit)
        for match in expression.finditer(raw):
            start, end = match.span(group)
            if start < 0:  # the alternative without the group: all of it is the secret
                start, end = match.span()
            if start < end and _passes(rule, raw[start:end]):
                found.append((start, end, rule.kind))
    return found


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order, overlapping ones joined under the kind of the earliest rule."""
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans, key=lambda span: span[0]):
        if merged and start < merged[-1][1]:
            before = merged[-1]
            merged[-1] = (before[0], max(before[1], end), before[2])
        else:
            merged.append((start, end, kind))
    return merged


def _mark(secret: bytes, kind: str) -> bytes:
    mark = f"«masked {kind}»".encode()
    return b"\n".join(mark if line.strip() else line for line in secret.split(b"\n"))


def _passes(rule: Rule, secret: bytes) -> bool:
    if rule.check == "none":
        return True
    value = secret.decode("latin-1")
    if rule.check == "varied":
        return len(set(value)) > 4
    if _is_placeholder(value):
        return False
    return _is_random(value) if rule.check == "random" else _is_password(value)


def _is_placeholder(value: str) -> bool:
    """Whether people write such a value where a secret would stand."""
    return len(set(value)) < 4 or _PLACEHOLDER.search(value) is not None


def _is_random(value: str) -> bool:
    """Whether ``value`` looks drawn rather than written: varied, not a path, and few of its
    letters form pronounceable words, or letters and digits alternate often."""
    if len(value) < 12 or _WRITTEN.search(value):
        return False
    if not any(character.isalpha() for character in value):
        return False
    if _entropy(value) < (3.0 if len(value) >= 16 else 2.7):
        return False
    return _wordy(value) < 0.6 or max(len(_TURN.findall(part)) for part in _PART.findall(value)) >= 5


def _is_password(value: str) -> bool:
    """Whether ``value`` looks chosen as a password: not words alone, not an expression."""
    bare = value.rstrip(",)")
    if bare != value and (len(bare) < 4 or _is_placeholder(bare) or not _is_password(bare)):
        return False  # an argument of a call: connect(user=user, password=password, database=name)
    if _EXPRESSION.search(value) or (_ATTRIBUTE.match(value) and _wordy(value) >= 0.5):
        return False
    plain_words = value.replace("_", "").replace("-", "").replace(".", "").isalpha()
    return not plain_words or _wordy(value) < 0.5


def _entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def _wordy(value: str) -> float:
    """The share of characters inside pronounceable runs of four or more letters of one case."""
    words = (word for word in _LETTERS.findall(value) if _VOWEL.search(word) and not _JAM.search(word))
    return sum(map(len, words)) / len(value)


def is_secret_file(path: str) -> str | None:
    """Why the file of this name is never read, or None. ``path`` has ``/`` or ``\\`` separators."""
    names = path.replace("\\", "/").casefold().split("/")
    name = names[-1]
    told = _NAME.match(name) or _ENDING.search(name)
    if told is None and _FOLDERS.isdisjoint(names[:-1]):
        return None  # as nearly all are, of which each look at a tree asks
    if any(mark in name for mark in _SHOWN):
        return None
    for pattern, reason in _FILES:
        if re.search(pattern, name):
            return reason
    for folder in names[:-1]:
        if folder in _FOLDERS:
            return f"it lies in a folder of credentials ({folder})"
    return None


# A name that says it holds no real values.
_SHOWN = (".example", ".sample", ".template", ".dist", "example.", ".tmpl", ".defaults")
_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".gcloud", ".password-store"})
_DOT = r"\."
_FILES = (
    (r"^\.env(?:rc)?$", "environment files hold credentials"),
    (r"^\.env[.\-_]", "environment files hold credentials"),
    (r"\.env$", "environment files hold credentials"),
    (r"^id_(?:rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk)(?:[._-](?!pub$).*)?$", "a private SSH key"),
    (
        r"\.(?:pem|key|p8|p12|pfx|ppk|jks|keystore|bks|asc|gpg|pgp|kdb|kdbx|agekey|keytab|ovpn|p7b|der)$",
        "key material",
    ),
    (
        r"^(?:\.?_?netrc|\.npmrc|\.pypirc|\.yarnrc\.yml|\.pgpass|pgpass\.conf|\.my\.cnf|\.mylogin\.cnf|\.htpasswd|\.dockercfg|\.git-credentials|\.boto|\.s3cfg|\.vault-token|\.terraformrc|terraform\.rc|\.gem_credentials|auth\.json|\.htdigest)$",
        "a file of credentials",
    ),
    (
        r"^\.?(?:credentials?|secrets?)(?:\.(?:json|ya?ml|toml|ini|cfg|conf|txt|xml|properties|csv|db|env|enc|tfvars))?$",
        "a file of credentials",
    ),
    (
        r"^(?:client_secret.*|service[-_]?account.*|application_default_credentials|google-services|.*-credentials)\.json$",
        "a cloud account's key",
    ),
    (r"^\.?kube(?:config|\.conf)$", "a cluster's credentials"),
    (r"\.kubeconfig$", "a cluster's credentials"),
    (r"\.tfstate(?:\.backup)?$", "Terraform keeps secrets in it"),
    (r"\.tfvars(?:\.json)?$", "Terraform keeps secrets in it"),
    (r"^(?:master|production|staging|credentials)\.key$", "a Rails key"),
    (r"^credentials\.yml\.enc$", "a Rails key"),
    (r"^(?:shadow|gshadow|passwd|\.htpasswd.*)-?$", "a store of passwords"),
    (
        r"^(?:wallet\.dat|keychain-db|login\.keychain.*|logins\.json|key[34]\.db)$",
        "a store of passwords",
    ),
    (
        r"^\.(?:bash|zsh|sh|python|mysql|psql|node_repl|irb|rediscli|sqlite)_?history$",
        "a history may hold typed passwords",
    ),
)
_NAME = re.compile("|".join(pattern for pattern, _ in _FILES if pattern[0] == "^"))
_ENDING = re.compile(
    rf"\.(?:{'|'.join(pattern.removeprefix(_DOT) for pattern, _ in _FILES if pattern[0] != '^')})"
)
"""Any of them: tried once, or at each point of a name, where all of them at each letter took twice as long."""
